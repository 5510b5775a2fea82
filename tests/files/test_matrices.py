"""Matrices are read from Python and from files as they are; nothing in a file is run or trusted."""

from __future__ import annotations

import io
import json
import pickle
import zipfile
from decimal import Decimal

import numpy as np
import openpyxl
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cellprop
from cellprop.errors import InputError
from cellprop.files.matrices import MOST_MATRICES, collected, of, read
from foreign_files import refused, written

W = np.array([[0.5, -1.25, 3.0], [1e-7, 2.0, 4.0]])


def values(found):
    return {name: each.values.tolist() for name, each in found.items() if not each.fault}


# --- From Python --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrap",
    [
        np.asarray, np.asfortranarray, np.ndarray.tolist, pd.DataFrame, np.matrix, np.ma.array,
        lambda w: tuple(map(tuple, w)), lambda w: [np.array(row) for row in w],
        lambda w: w.astype(object), lambda w: w.astype(np.longdouble),
        lambda w: [[Decimal(repr(float(x))) for x in row] for row in w],
        lambda w: pd.DataFrame(w, list("ab"), list("xyz")), lambda w: w.astype(">f8"),
        lambda w: pd.DataFrame(w).convert_dtypes(),
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")
def test_a_matrix_is_taken_from_whatever_holds_it(wrap):
    found = of("W1", wrap(W))
    assert (found.fault, found.values.tolist(), found.single) == ("", W.tolist(), False)
    assert not found.texts.any()


@pytest.mark.parametrize("kind", [np.float32, np.float16])
def test_small_floats_are_known_as_such(kind):
    assert of("W1", W.astype(kind)).single
    assert of("W1", np.ma.array(W.astype(kind))).single
    assert not of("W1", W.astype(np.int32)).single


def test_tensors_are_taken_with_or_without_gradients():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    for tensor in (
        torch.tensor(W), torch.tensor(W, requires_grad=True), torch.tensor(W).to_sparse(),
        torch.nn.Parameter(torch.tensor(W)), [torch.tensor(row) for row in W],
        torch.tensor(W).T.contiguous().T,
    ):  # fmt: skip
        found = of("W1", tensor)
        assert (found.fault, found.values.tolist(), found.single) == ("", W.tolist(), False)
    assert of("W1", torch.tensor(W).float()).single
    assert of("W1", torch.tensor(W).bfloat16()).single
    assert "real numbers" in of("W1", torch.tensor(W).cfloat()).fault
    assert "can't be read" in of("W1", torch.empty(2, 2, device="meta")).fault


def test_sparse_matrices_are_taken():
    sparse = pytest.importorskip("scipy.sparse", reason="SciPy is not installed")
    assert of("W1", sparse.csr_matrix(W)).values.tolist() == W.tolist()


def test_what_is_blank_is_told_from_what_is_not_a_number():
    inf, nan = float("inf"), float("nan")
    found = of("E", [[None, nan], [inf, -inf]])
    assert np.isnan(found.values).all()
    assert found.texts.tolist() == [["", "nan"], ["inf", "-inf"]]
    masked = of("E", np.ma.array([1.0, nan, 3.0], mask=[True, False, False]))
    assert masked.texts.tolist() == ["", "nan", ""]
    assert of("E", [10**400]).texts.tolist() == ["inf"]


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ([[1.0], ["x"]], "W1, row 2, column 1: expected a number, found 'x'; correct it."),
        (np.array([["1", "2"]]), "W1, row 1, column 1: expected a number, found '1'"),
        ("W1", "W1: expected a number, found 'W1'"),
        (W + 1j, "W1: expected real numbers, found complex ones; give their real part, .real."),
        ([[1.0], [2.0, 3.0]], "W1: expected rows of equal length"),
        (np.array(["2026-01-01"], "M8[D]"), "W1: expected numbers, found dates or times"),
        (np.zeros(2, [("a", float)]), "W1: expected a matrix, found an array of records"),
        ([], "W1: expected numbers, found nothing"),
        (np.empty((0, 3)), "W1: expected numbers, found nothing"),
        ({1, 2}, "W1: expected a number, found '{1, 2}'"),
        (object(), "W1: expected a number, found '<object"),
        (lambda: 0, "W1: expected a number, found '<function"),
    ],
)
def test_what_is_no_matrix_is_kept_with_the_reason(source, says):
    fault = of("W1", source).fault
    assert fault.startswith(says)
    assert fault.endswith(".")
    assert "\n" not in fault


def test_a_bad_array_of_another_library_is_no_traceback():
    class Bad:
        def __array__(self, *_, **__):
            raise RuntimeError("on the\nGPU\x1b[31m")

    assert of("W1", Bad()).fault == (
        "W1: its numbers can't be read (on the GPU␛[31m); give an array."
    )


def test_mappings_and_lists_within_are_taken_apart():
    found = collected({"params": {"W": [W, W.T], "b": [0.5, 1]}, "E": [[1.0], [2.0]]})
    assert [*found] == ["params.W1", "params.W2", "params.b", "E"]
    assert found["params.W2"].values.shape == (3, 2)
    with pytest.raises(InputError, match="'W1' is there twice"):
        collected({"W": [W], "W1": W})
    with pytest.raises(InputError, match=r"expected them by name, .* found list"):
        collected([W])


# --- NumPy's files ------------------------------------------------------------------------


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_archives_are_read(tmp_path, save):
    save(tmp_path / "mine.npz", W1=W, **{"0.weight": np.asfortranarray(W.T)}, b=np.float32(2))
    found = read(tmp_path / "mine.npz")
    assert values(found) == {"W1": W.tolist(), "0.weight": W.T.tolist(), "b": [2.0]}
    assert [each.single for each in found.values()] == [False, False, True]
    assert values(collected(np.load(tmp_path / "mine.npz"))) == values(found)


def test_a_single_array_has_the_name_of_its_file(tmp_path):
    np.save(tmp_path / "dW1.npy", W)
    assert values(read(tmp_path / "dW1.npy")) == {"dW1": W.tolist()}


class Run:
    """Whoever loads this, runs it."""

    def __reduce__(self):
        return (pytest.fail, ("it was run",))


def test_objects_of_python_are_not_read(tmp_path):
    np.savez(tmp_path / "mine.npz", W1=W, all=np.array([Run()], dtype=object))
    found = read(tmp_path / "mine.npz")
    assert found["W1"].fault == ""
    assert "expected an array of numbers, found objects of Python, which" in found["all"].fault
    assert 'numpy.savez("mine.npz", W1=W1, …)' in found["all"].fault
    assert "objects of Python" not in collected(np.load(tmp_path / "mine.npz"))["W1"].fault
    assert collected(np.load(tmp_path / "mine.npz"))["all"].fault


def npy(header, body=b""):
    text = header.encode()
    text += b" " * (-(len(text) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + body


HOSTILE = {
    "claims a terabyte": npy("{'descr': '<f8', 'fortran_order': False, 'shape': (10**12,)}"),
    "claims many": npy("{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,)}"),
    "claims less": npy("{'descr': '<f8', 'fortran_order': False, 'shape': (1,)}", b"\0" * 16),
    "negative": npy("{'descr': '<f8', 'fortran_order': False, 'shape': (-1, -1)}", b"\0" * 8),
    "code": npy("{'descr': __import__('os').abort(), 'fortran_order': False, 'shape': (1,)}"),
    "deep": npy("(" * 5000),
    "long": npy("1" * 60000),
    "nothing": b"",
    "magic only": b"\x93NUMPY",
    "a pickle": pickle.dumps([1, 2]),
    "another version": b"\x93NUMPY\x09\x00" + b"\0" * 100,
    "objects": npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,)}", pickle.dumps([Run()])),
    "no bytes a number": npy("{'descr': '|V0', 'fortran_order': False, 'shape': (99999999,)}"),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_hostile_arrays_are_refused_in_one_line(tmp_path, what):
    path = written(tmp_path, HOSTILE[what], "mine.npy")
    fault = read(path)["mine"].fault
    assert fault.startswith("mine.npy: ")
    assert "\n" not in fault


def test_hostile_archives_are_refused_in_one_line(tmp_path):
    assert "a damaged one" in refused(read, written(tmp_path, b"PK\x03\x04", "a.npz"))
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb.npy", b"\0" * (257 * 1024**2))
    assert "at most 256 MiB unpacked" in refused(
        read, written(tmp_path, target.getvalue(), "b.npz")
    )
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("W.npy", b"")
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("W.npy", b"")
    assert "'W' is there twice" in refused(read, written(tmp_path, target.getvalue(), "c.npz"))
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for i in range(MOST_MATRICES + 1):
            archive.writestr(f"{i}.npy", b"")
    assert "at most 2,000 matrices" in refused(read, written(tmp_path, target.getvalue(), "d.npz"))


# --- Programs -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["mine.py", "mine.ipynb", "Mine.R"])
def test_programs_are_not_run_and_it_says_how_to_save(tmp_path, name):
    path = written(tmp_path, "raise SystemExit(9)", name)
    assert refused(read, path) == (
        f"{path}: is a program, which is not run; save the matrices,"
        ' numpy.savez("mine.npz", W1=W1, …), and give that file.'
    )


@pytest.mark.parametrize("name", ["mine.pkl", "model.pt", "model.h5", "mine.mat"])
def test_files_that_could_run_code_are_not_opened(tmp_path, name):
    path = written(tmp_path, pickle.dumps(Run()), name)
    assert "opening such a file could run code; save the matrices" in refused(read, path)


def test_what_is_not_there_or_something_else_is_refused(tmp_path):
    assert "there is no such file" in refused(read, tmp_path / "none.npz")
    assert "expected NumPy, JSON, CSV" in refused(read, written(tmp_path, "x", "a.docx"))
    (tmp_path / "empty").mkdir()
    assert "expected CSV files, one for each matrix, found none" in refused(
        read, tmp_path / "empty"
    )
    assert "expected matrices, found none" in refused(read, written(tmp_path, "{}", "a.json"))


# --- JSON ---------------------------------------------------------------------------------


def test_json_has_rows_flat_lists_numbers_gaps_and_what_went_wrong(tmp_path):
    text = (
        '{"W1": [[0.5, null], [NaN, 1e999]], "b": [1, 2], "lr": 0.1, "who": "Ada", "n": {"z": 1}}'
    )
    found = read(written(tmp_path, text, "mine.json"))
    assert found["W1"].texts.tolist() == [["", ""], ["nan", "inf"]]
    assert found["W1"].values[0, 0] == 0.5
    assert values({n: found[n] for n in ("b", "lr", "n.z")}) == {
        "b": [[1.0, 2.0]], "lr": [[0.1]], "n.z": [[1.0]],
    }  # fmt: skip
    assert "who, row 1: expected a list of numbers, found Ada" in found["who"].fault


def test_json_has_lists_of_matrices(tmp_path):
    path = written(tmp_path, json.dumps({"weights": [W.tolist(), W.T.tolist()]}), "mine.json")
    assert values(read(path)) == {"weights1": W.tolist(), "weights2": W.T.tolist()}


# --- Excel --------------------------------------------------------------------------------


def test_excel_has_a_sheet_for_each_matrix_with_or_without_labels(tmp_path):
    path = tmp_path / "mine.xlsx"
    with pd.ExcelWriter(path) as book:
        pd.DataFrame(W).to_excel(book, sheet_name="plain", header=False, index=False)
        pd.DataFrame(W).to_excel(book, sheet_name="pandas")
        pd.DataFrame(W, list("ab"), list("xyz")).to_excel(book, sheet_name="named")
        pd.DataFrame({"what": ["by Ada"]}).to_excel(book, sheet_name="notes")
    found = read(path)
    assert values(found) == dict.fromkeys(("plain", "pandas", "named"), W.tolist())
    assert "expected a number, found 'by Ada'" in found["notes"].fault


def test_cells_of_excel_may_be_empty_or_errors(tmp_path):
    book = openpyxl.Workbook()
    book.active.title = "E"
    book.active.append([1.5, None, "#DIV/0!"])
    book.save(tmp_path / "mine.xlsx")
    found = read(tmp_path / "mine.xlsx")["E"]
    assert found.texts.tolist() == [["", "", "#DIV/0!"]]


def test_a_workbook_of_ours_is_read_by_its_names(tmp_path):
    trace = cellprop.article()
    found = read(trace.to_excel(tmp_path / "article.xlsx"))
    assert {name: found[name].values.tolist() for name in trace.names} == {
        name: trace[name].to_numpy().tolist() for name in trace.names
    }


# --- CSV ----------------------------------------------------------------------------------

NUMBERS = "0.5,-1.25,3\n1e-7,2,4\n"
FORMS = {
    "plain": NUMBERS,
    "a mark": "\ufeff" + NUMBERS,
    "a header": "a,b,c\n" + NUMBERS,
    "pandas": ",0,1,2\n0,0.5,-1.25,3\n1,1e-7,2,4\n",
    "pandas with names": ",x,y,z\na,0.5,-1.25,3\nb,1e-7,2,4\n",
    "R": '"","V1","V2","V3"\n"1",0.5,-1.25,3\n"2",1e-7,2,4\n',
    "R, write.table": '"V1" "V2" "V3"\n"1" 0.5 -1.25 3\n"2" 1e-7 2 4\n',
    "semicolons": "0.5;-1.25;3\n1e-7;2;4\n",
    "decimal commas": "0,5;-1,25;3\n0,0000001;2;4\n",
    "tabs": "0.5\t-1.25\t3\n1e-7\t2\t4\n",
    "numpy.savetxt": "5.0e-01 -1.25e+00 3.0e+00\n1.0e-07 2.0e+00 4.0e+00\n",
    "numpy.savetxt with a header": "# W1 of mine\n5e-01 -1.25e+00 3e+00\n1e-07 2e+00 4e+00\n",
}


@pytest.mark.parametrize("form", FORMS)
def test_csv_is_read_in_the_forms_that_programs_write(tmp_path, form):
    written(tmp_path, FORMS[form], "W1.csv")
    assert values(read(tmp_path)) == {"W1": W.tolist()}
    assert values(read(tmp_path / "W1.csv")) == {"W1": W.tolist()}


def test_a_column_of_csv_is_a_column(tmp_path):
    written(tmp_path, "0.5\n-1.25\n", "points.csv")
    written(tmp_path, "E\n0.5\n", "named.csv")
    written(tmp_path, "0,5\n1\n-1,25e-07\n", "commas.csv")
    assert values(read(tmp_path)) == {
        "points": [[0.5], [-1.25]], "named": [[0.5]], "commas": [[0.5], [1.0], [-1.25e-7]],
    }  # fmt: skip


def test_a_column_with_decimal_commas_may_be_two_of_whole_numbers(tmp_path):
    found = read(written(tmp_path, "0,5\n-1,25\n", "W1.csv"))["W1"]
    assert [each.values.tolist() for each in (found, *found.others)] == [
        [[0, 5], [-1, 25]], [[0.5], [-1.25]],
    ]  # fmt: skip


def test_a_first_row_that_counts_may_be_a_header(tmp_path):
    found = read(written(tmp_path, "0,1\n0.5,0.25\n", "W1.csv"))["W1"]
    assert found.values.tolist() == [[0, 1], [0.5, 0.25]]
    assert [other.values.tolist() for other in found.others] == [[[0.5, 0.25]]]


def test_gaps_and_errors_of_csv_are_told_apart(tmp_path):
    found = read(written(tmp_path, "1,,nan\n#N/A,inf,2\n", "W1.csv"))["W1"]
    assert found.texts.tolist() == [["", "", "nan"], ["#N/A", "inf", ""]]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("1,2\n3,x\n", "W1.csv, row 2, column 2: expected a number, found 'x'"),
        ("1,2\n3,4,5\n", "W1.csv, row 2: expected 2 numbers as in row 1, found 3"),
        ("", "W1.csv: expected numbers, found none"),
        ('1,"2\n', "quotation marks do not pair up"),
        (b"\xff\xfe1", "expected text in UTF-8"),
        (b"1\0,2\n", "a NUL byte"),
    ],
)
def test_csv_that_is_no_matrix_is_kept_with_the_reason(tmp_path, text, says):
    written(tmp_path, text, "W1.csv")
    written(tmp_path, "1\n", "b1.csv")
    found = read(tmp_path)
    assert says in found["W1"].fault
    assert found["b1"].values.tolist() == [[1.0]]


def test_links_in_a_folder_are_not_followed(tmp_path):
    (tmp_path / "class").mkdir()
    secret = written(tmp_path, "1,2\n", "secret.csv")
    written(tmp_path / "class", "3\n", "E.csv")
    (tmp_path / "class" / "W1.csv").symlink_to(secret)
    assert [*read(tmp_path / "class")] == ["E"]


def test_what_show_prints_as_csv_or_json_can_be_read_again(here, run):
    trace = cellprop.article()
    expected = {name: trace[name].to_numpy().tolist() for name in trace.names}
    for form in ("csv", "json"):
        _, out, _ = run("show", *trace.names, "--format", form)
        (here / f"mine.{form}").write_text(out)
        assert values(read(here / f"mine.{form}")) == expected


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
def test_any_text_is_a_matrix_or_has_a_reason(tmp_path_factory, text):
    folder = tmp_path_factory.mktemp("any")
    for name in ("a.csv", "a.json"):
        path = folder / name
        path.write_text(text, encoding="utf-8")
        try:
            faults = [each.fault for each in read(path).values()]
        except InputError as error:
            faults = [str(error)]
        assert all(len(fault.splitlines()) <= 1 for fault in faults)
