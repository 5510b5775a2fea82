"""First parameters are read from JSON and from workbooks; what is wrong is told in one line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl.workbook.defined_name import DefinedName

import cellprop
from cellprop.files.weights import parameters
from foreign_files import (
    IN_A_SHEET,
    LIMIT,
    NO_FILE,
    numbers,
    refused,
    repacked,
    sheet_of,
    written,
)

NAMES = ("wh", "bh", "wout", "bout")


# --- Parameters: what is accepted ---------------------------------------------------------

WH, BH = [[0.1, 0.2], [-3.0, 4e-5]], [[1.0, 0.25]]


def as_json(folder, content):
    text = content if isinstance(content, (str, bytes)) else json.dumps(content)
    return written(folder, text, "weights.json")


def found_in(path, names=NAMES):
    return {name: array.tolist() for name, array in parameters(path, names).items()}


def test_parameters_are_read_from_json_and_what_is_not_wanted_is_ignored(tmp_path):
    path = as_json(tmp_path, {"wh": WH, "bh": BH, "X": "anything", "E": [[None]]})
    assert found_in(path) == {"wh": WH, "bh": BH}
    assert all(array.dtype == float for array in parameters(path, NAMES).values())


def test_a_flat_list_is_one_row_and_whole_numbers_are_numbers(tmp_path):
    assert found_in(as_json(tmp_path, {"bh": [1, 2]})) == {"bh": [[1, 2]]}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_json_is_read_as_any_shell_writes_it(tmp_path, encoding):
    assert found_in(as_json(tmp_path, json.dumps({"wh": WH}).encode(encoding))) == {"wh": WH}


@pytest.mark.parametrize(
    ("has", "taken"),
    [
        (("wh",), "wh"),
        (("wh", "wh_new"), "wh_new"),
        (("wh_trained", "wh", "wh_new"), "wh_trained"),
        (("wh_new", "wh_trained"), "wh_trained"),
    ],
)
def test_of_each_matrix_the_last_is_taken(tmp_path, has, taken):
    matrices = {name: [[float(i)]] for i, name in enumerate(has)}
    assert found_in(as_json(tmp_path, matrices)) == {"wh": matrices[taken]}


@given(
    st.dictionaries(
        st.sampled_from(NAMES),
        st.integers(1, 4).flatmap(
            lambda n: st.lists(st.lists(numbers, min_size=n, max_size=n), min_size=1, max_size=4)
        ),
        min_size=1,
    )
)
def test_any_matrices_come_back_from_json_as_they_were(tmp_path_factory, matrices):
    assert found_in(as_json(tmp_path_factory.mktemp("json"), matrices)) == matrices


def test_a_workbook_of_ours_carries_on_from_its_last_weights():
    path = Path(cellprop.__file__).parents[2] / "outputs" / "article.xlsx"
    found = parameters(path, NAMES)
    expected = cellprop.article()
    for name in NAMES:
        assert (found[name] == expected[f"{name}_new"].to_numpy()).all()


def test_a_workbook_just_written_carries_on_from_its_last_weights(tmp_path):
    trace = cellprop.article()
    path = trace.to_excel(tmp_path / "a.xlsx")
    assert (parameters(path, ["wh"])["wh"] == trace["wh_new"].to_numpy()).all()


FRAMES = {
    "bare": ({}, {"header": False, "index": False}),
    "numbered": ({}, {}),
    "labelled": ({"index": ["a", "b"], "columns": ["h1", "h2"]}, {}),
    "labelled with a name": (
        {"index": pd.Index(["a", "b"], name="inputs"), "columns": ["h1", "h2"]},
        {},
    ),
    "only a header": ({"columns": ["h1", "h2"]}, {"index": False}),
    "only labels": ({"index": ["a", "b"]}, {"header": False}),
    "numbered rows": ({"columns": ["h1", "h2"]}, {}),
    "numbered columns": ({"index": ["a", "b"]}, {}),
}


@pytest.mark.parametrize("what", FRAMES)
@pytest.mark.parametrize("values", [WH, [[0.0, 1.0], [1.0, 2.0]]])
def test_a_sheet_for_each_matrix_is_read_with_or_without_labels(tmp_path, what, values):
    frame, options = FRAMES[what]
    with pd.ExcelWriter(tmp_path / "a.xlsx") as writer:
        pd.DataFrame(values, **frame).to_excel(writer, sheet_name="wh", **options)
        pd.DataFrame([["notes"]]).to_excel(writer, sheet_name="bla")
    assert found_in(tmp_path / "a.xlsx") == {"wh": values}


@pytest.mark.parametrize("what", [w for w in FRAMES if "numbered" not in w or w == "numbered"])
@pytest.mark.parametrize("values", [[[0.5, 0.25]], [[0.5], [0.25]], [[0.5]], [[0.0, 1.0]]])
def test_a_single_row_or_column_is_read_with_or_without_labels(tmp_path, what, values):
    frame, options = FRAMES[what]
    shape = np.shape(values)
    frame = {key: names[: shape[key == "columns"]] for key, names in frame.items()}
    pd.DataFrame(values, **frame).to_excel(tmp_path / "a.xlsx", sheet_name="bh", **options)
    assert found_in(tmp_path / "a.xlsx") == {"bh": values}


# --- Parameters: what is refused ----------------------------------------------------------

BAD_JSON = {
    "nothing": ("", "weights.json, line 1, column 1: not JSON: expecting value; `cellprop show"),
    "no JSON": ('{"wh":\n [[1,]]}', "weights.json, line 2, column 6: not JSON: "),
    "more after it": ('{"wh": [[1]]} x', "line 1, column 15: not JSON: extra data"),
    "a list": ("[[1]]", "weights.json: expected matrices with their names, found a list; `cellp"),
    "a number": ("1", "expected matrices with their names, found 1.0;"),
    "no text": (b"\xff\xfe\x00", "not JSON: it is no text in UTF-8"),
    "binary": (b"\x89PNG\r\n", "not JSON: it is no text in UTF-8"),
    "a nest": ("[" * 200_000, "weights.json: nested too deeply: expected at most 100 levels"),
    "a nest in a matrix": (f'{{"wh": {"[" * 90}1{"]" * 90}}}', "wh, row 1, column 1: expected a"),
    "a name twice": ('{"wh": [[1]], "wh": [[2]]}', "'wh' is there twice; keep one."),
    "a name twice inside": ('{"a": {"b\\n": 1, "b\\n": 2}}', "'b␊' is there twice"),
    "no names": ("{}", "expected at least one of wh, bh, wout, bout, found nothing."),
    "other names": (
        {"Wh": [[1]], "E\x1b": [[1]]},
        "expected at least one of wh, bh, wout, bout, found Wh, E␛. Did you mean 'Wh'?",
    ),
    "text for a matrix": ({"wh": "x"}, "wh, row 1: expected a list of numbers, found x; write the"),
    "nothing for a matrix": ({"wh": None}, "wh, row 1: expected a list of numbers, found null"),
    "one number": ({"wh": 1}, "wh, row 1: expected a list of numbers, found 1.0"),
    "an object": ({"wh": {"a": 1}}, "wh, row 1: expected a list of numbers, found an object;"),
    "no rows": ({"wh": []}, "wh, row 1: expected a list of numbers, found a list with nothing"),
    "no columns": ({"wh": [[]]}, "wh, row 1: expected a list of numbers, found a list with noth"),
    "a number for a row": ({"wh": [[1], 2]}, "wh, row 2: expected a list of numbers, found 2.0"),
    "ragged rows": (
        {"wh_new": [[1, 2], [3]]},
        "wh_new, row 2: expected 2 numbers as in row 1, found 1; give all rows the same length.",
    ),
    "text": ({"wh": [[1], ["x\n"]]}, "wh, row 2, column 1: expected a number, found 'x␊'"),
    "a decimal comma": ({"wh": [["0,5"]]}, "found '0,5'; write a decimal point: 0.5."),
    "null": ({"wh": [[1, None]]}, "wh, row 1, column 2: expected a number, found 'null'"),
    "a truth": ({"wh": [[True]]}, "wh, row 1, column 1: expected a number, found 'true'"),
    "a box": ({"wh": [[[1]]]}, "wh, row 1, column 1: expected a number, found 'a list'"),
    "NaN": ('{"wh": [[NaN]]}', f"wh, row 1, column 1: {LIMIT}, found nan; correct it."),
    "infinity": ('{"wh": [[1, -Infinity]]}', f"wh, row 1, column 2: {LIMIT}, found -inf"),
    "huge": ('{"wh": [[1e60]]}', f"wh, row 1, column 1: {LIMIT}, found 1e+60"),
    "digits without end": (f'{{"wh": [[{"9" * 10_000}]]}}', f"row 1, column 1: {LIMIT}, found inf"),
    "a long text": ({"wh": [["x" * 9999]]}, f"found '{'x' * 40}"),
}


@pytest.mark.parametrize("what", BAD_JSON)
def test_what_is_wrong_in_json_is_told_with_its_matrix_and_cell(tmp_path, what):
    content, part = BAD_JSON[what]
    path = as_json(tmp_path, content)
    message = refused(parameters, path, NAMES)
    assert message.startswith(str(path))
    assert part in message


def test_json_that_would_fill_the_memory_is_refused_unread(tmp_path):
    path = as_json(tmp_path, "")
    with path.open("r+b") as file:
        file.truncate(65 * 1024**2)
    assert "expected at most 64 MiB, found 65 MiB" in refused(parameters, path, NAMES)


@pytest.mark.parametrize("what", [w for w in NO_FILE if w not in ("no sheets", *IN_A_SHEET)])
def test_parameters_from_no_file_are_refused_as_samples_are(tmp_path, what):
    make, part = NO_FILE[what]
    expected = part.replace("CSV (.csv, .txt, .tsv)", "JSON (.json)")
    assert expected in refused(parameters, make(tmp_path), NAMES)


@pytest.mark.parametrize("what", IN_A_SHEET)
def test_parameters_from_a_broken_sheet_are_refused_as_samples_are(tmp_path, what):
    make, part = NO_FILE[what]
    path = repacked(
        make(tmp_path), "xl/workbook.xml", lambda xml: xml.replace('name="Sheet"', 'name="wh"')
    )
    assert part in refused(parameters, path, NAMES)


BAD_MATRICES = {
    "nothing": ([], "sheet 'wh': expected numbers, found none; put the matrix there."),
    "only a label": ([["wh"]], "sheet 'wh': expected numbers, found none"),
    "only labels": ([[None, "a"], ["b"]], "sheet 'wh', B2: expected a value, found an empty cell"),
    "a gap": ([[1, 2], [3, None]], "sheet 'wh', B2: expected a value, found an empty cell; fill"),
    "a gap in the corner": ([[None, 2], [3, 4]], "sheet 'wh', A1: expected a value, found an emp"),
    "text": ([[1, 2], [3, "4"]], "sheet 'wh', B2: expected a number, found '4'"),
    "text in the first row": ([[1, "x"], [3, 4]], "sheet 'wh', B1: expected a number, found 'x'"),
    "text below labels": ([["a", "b"], [1, 2], [3, "x"]], "sheet 'wh', B3: expected a number, fou"),
    "text beside labels": ([["", "h"], ["a", "x"]], "sheet 'wh', B2: expected a number, found 'x'"),
    "too large": ([[1e60]], f"sheet 'wh', A1: {LIMIT}, found 1e+60"),
    "a formula without its value": ([["=B1", 1]], "sheet 'wh', A1: expected a value, found an"),
}


@pytest.mark.parametrize("what", BAD_MATRICES)
def test_what_is_wrong_in_a_matrix_on_a_sheet_is_told_with_its_cell(tmp_path, what):
    rows, part = BAD_MATRICES[what]
    book = openpyxl.load_workbook(sheet_of(tmp_path, rows))
    book.active.title = "wh"
    book.save(tmp_path / "data.xlsx")
    assert part in refused(parameters, tmp_path / "data.xlsx", NAMES)


def test_a_workbook_with_other_sheets_lists_them(tmp_path):
    message = refused(parameters, sheet_of(tmp_path, [[1]]), NAMES)
    assert "expected at least one of wh, bh, wout, bout, found Sheet." in message


def ours(folder, reference, name="wh", cells=((1, 2), (3, 4))):
    """Write a workbook as if cellprop had, with a name for any reference."""
    book = openpyxl.Workbook()
    book.active.title = "Step 1's"
    for row in cells:
        book.active.append(row)
    book.custom_doc_props.append(openpyxl.packaging.custom.StringProperty("cellprop", "0.1.0"))
    book.defined_names[name] = DefinedName(name, attr_text=reference)
    book.save(folder / "ours.xlsx")
    return folder / "ours.xlsx"


@pytest.mark.parametrize(
    ("reference", "values"),
    [
        ("'Step 1''s'!$A$1:$B$2", [[1, 2], [3, 4]]),
        ("'Step 1''s'!B1:B2", [[2], [4]]),
        ("'Step 1''s'!$B$2", [[4]]),
    ],
)
def test_a_name_stands_for_a_range_or_a_cell(tmp_path, reference, values):
    assert found_in(ours(tmp_path, reference)) == {"wh": values}


@pytest.mark.parametrize(
    "reference",
    [
        "[1]Sheet!$A$1:$B$2",
        "'[other.xlsx]Step 1''s'!$A$1",
        "'file:///etc/[passwd]x'!$A$1",
        "'Step 1''s'!$A:$A",
        "'Step 1''s'!$1:$2",
        "'Step 1''s'!$A$1,'Step 1''s'!$B$2",
        "'Step 2'!$A$1",
        "$A$1",
        "#REF!",
        "'Step 1''s'!#REF!",
        "OFFSET('Step 1''s'!$A$1,0,0,2,2)",
        "'Step 1''s'!$B$2:$A$1",
        "'Step 1''s'!$A$0",
        "'Step 1''s'!$A$1:$A$9999999",
        "1",
        "cmd|'/c calc'!A1",
        "'Step\x85 1'!A1",
    ],
)
def test_a_name_for_anything_but_a_range_of_the_workbook_is_refused(tmp_path, reference):
    message = refused(parameters, ours(tmp_path, reference), NAMES)
    assert "wh: expected a name for one range of cells in this workbook, found '" in message
    assert message.endswith("; build the workbook again.")


@pytest.mark.parametrize(
    ("reference", "part"),
    [
        (
            "'Step 1''s'!$A$1:$C$2",
            "wh, Step 1's!C1: expected a value, found an empty cell; fill it",
        ),
        ("'Step 1''s'!$A$1:$B$4", "wh, Step 1's!A3: expected a value, found an empty cell"),
        ("'Step 1''s'!$J$9", "wh, Step 1's!J9: expected a value, found an empty cell"),
        (
            "'Step 1''s'!$A$1:$XFD$1048576",
            "wh: expected at most 20,000,000 cells, found 1,048,576 rows × 16,384 columns",
        ),
    ],
)
def test_a_range_with_cells_that_hold_nothing_is_refused(tmp_path, reference, part):
    assert part in refused(parameters, ours(tmp_path, reference), NAMES)


def test_a_range_with_text_is_refused(tmp_path):
    path = ours(tmp_path, "'Step 1''s'!$A$1:$B$1", cells=[(1, "=HYPERLINK()")])
    assert "Step 1's!B1: expected a value, found an empty cell" in refused(parameters, path, NAMES)
    path = ours(tmp_path, "'Step 1''s'!$A$1:$B$1", cells=[(1, "x")])
    assert "Step 1's!B1: expected a number, found 'x'" in refused(parameters, path, NAMES)


def test_a_workbook_of_ours_without_the_names_lists_those_it_has(tmp_path):
    message = refused(parameters, ours(tmp_path, "'Step 1''s'!$A$1", "wh_old"), NAMES)
    assert "expected at least one of wh, bh, wout, bout, found wh_old." in message
