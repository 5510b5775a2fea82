"""`cellprop compare`: somebody's matrices from a file, and what is said of them."""

from __future__ import annotations

import json
import shutil
import subprocess

import numpy as np
import openpyxl
import pandas as pd
import pytest

import cellprop
from conftest import slow_case
from foreign_files import written
from their_programs import program


@pytest.fixture(scope="module")
def have():
    return program(cellprop.article())


def wrong(have):
    """The same with half the learning rate for one matrix, everything else right."""
    return have | {"W1_new": (have["W1"] + have["W1_new"]) / 2}


def as_npz(folder, matrices):
    np.savez(folder / "mine.npz", **matrices)
    return folder / "mine.npz"


def as_json(folder, matrices):
    data = {name: array.tolist() for name, array in matrices.items()}
    return written(folder, json.dumps(data), "mine.json")


def as_sheets(folder, matrices, **options):
    with pd.ExcelWriter(folder / "mine.xlsx") as book:
        for name, array in matrices.items():
            pd.DataFrame(array).to_excel(book, sheet_name=name, **options)
    return folder / "mine.xlsx"


def as_bare_sheets(folder, matrices):
    return as_sheets(folder, matrices, header=False, index=False)


def as_csvs(folder, matrices, **options):
    (folder / "mine").mkdir()
    for name, array in matrices.items():
        pd.DataFrame(array).to_csv(folder / "mine" / f"{name}.csv", **options)
    return folder / "mine"


def as_german_csvs(folder, matrices):
    return as_csvs(folder, matrices, sep=";", decimal=",", header=False, index=False)


def as_csvs_with_a_header_only(folder, matrices):
    return as_csvs(folder, matrices, index=False)


def as_numpy_texts(folder, matrices):
    (folder / "mine").mkdir()
    for name, array in matrices.items():
        np.savetxt(folder / "mine" / f"{name}.txt", array)
    return folder / "mine"


FORMS = [
    as_npz, as_json, as_sheets, as_bare_sheets, as_csvs, as_german_csvs, as_csvs_with_a_header_only,
    as_numpy_texts,
]  # fmt: skip


@pytest.mark.parametrize("save", FORMS)
def test_what_a_program_saved_is_compared_and_the_exit_code_tells(tmp_path, run, have, save):
    code, out, err = run("compare", str(save(tmp_path, have)))
    assert (code, err) == (0, "")
    assert out.startswith("15 of 15 matrices right, compared to 1e-9 relative")
    shutil.rmtree(tmp_path)
    tmp_path.mkdir()
    code, out, err = run("compare", str(save(tmp_path, wrong(have))))
    assert (code, err) == (1, "")
    assert out.splitlines()[2] == "First wrong: W1_new (wh_new), step 10: 12 of 12 numbers"
    assert "Taken by name: W1 → wh, b1 → bh, W2 → wout" in out


def test_a_workbook_that_cellprop_wrote_is_compared(here, run):
    run("build", "-o", "mine.xlsx")
    code, out, _ = run("compare", "mine.xlsx")
    assert (code, out.splitlines()[0]) == (
        0, "15 of 15 matrices right, compared to 1e-9 relative; largest difference 0.",
    )  # fmt: skip
    run("build", "-o", "other.xlsx", "--learning-rate", "0.05")
    code, out, _ = run("compare", "other.xlsx")
    assert code == 1
    assert out.splitlines()[1].startswith("lr differs from the one that is given here (lr): row 1")
    assert run("compare", "other.xlsx", "--learning-rate", "0.05")[0] == 0


@pytest.mark.parametrize(
    "options",
    [
        slow_case("--example xor --optimizer adam"),
        "--hidden 4,3 --activation tanh --seed 3",
        slow_case("--example iris --walk-epoch 2 --epochs 3 --batch-size 20"),
    ],
)
def test_the_model_is_that_of_the_options(here, run, options):
    run("build", "-o", "mine.xlsx", *options.split())
    code, out, err = run("compare", "mine.xlsx", *options.split())
    assert (code, err) == (0, ""), out


def test_hand_calculations_are_compared_as_rounded(here, run):
    E = cellprop.article()["E"].round(3).to_numpy().tolist()
    written(here, json.dumps({"E": E, "d_output": [[0.035], [None], [0.1]]}), "mine.json")
    code, out, _ = run("compare", "mine.json", "--decimals", "3")
    assert code == 1
    assert out.startswith("1 of 2 matrices right, compared as numbers rounded to 3 decimals.")
    written(here, json.dumps({"E": E}), "mine.json")
    assert run("compare", "mine.json", "--decimals", "3")[0] == 0
    code, out, _ = run("compare", "mine.json")
    assert code == 1
    assert "compare with decimals=3, --decimals 3 on the command line." in out


def test_names_are_given_on_the_command_line(here, run):
    v = cellprop.article().values
    np.savez("mine.npz", one=v["E"] + 0.5, z1=v["hidden_layer_input"])
    code, out, _ = run("compare", "mine.npz", "--names", "one=E")
    assert code == 1
    assert "First wrong: one (E), step 5" in out
    assert run("compare", "mine.npz", "--names", "one=")[0] == 0
    code, _, err = run("compare", "mine.npz", "--names", "two=E")
    assert (code, err) == (2, "cellprop: names: there is no 'two' among the matrices.\n")


def test_words_of_ones_own_are_used(here, run):
    run("words", "-o", "mine.toml")
    text = (here / "mine.toml").read_text(encoding="utf-8")
    written(here, text.replace("First wrong:", "Zuerst falsch:"), "mine.toml")
    np.savez("mine.npz", E=np.ones((3, 1)))
    _, out, _ = run("compare", "mine.npz", "--words", "mine.toml")
    assert "Zuerst falsch: E" in out


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        (
            "mine.py",
            "import os",
            'is a program, which is not run; save the matrices, numpy.savez("',
        ),
        ("mine.ipynb", "{}", "is a program, which is not run"),
        ("mine.pkl", b"\x80\x04.", "opening such a file could run code"),
        ("mine.npz", b"PK", "not a NumPy archive, or a damaged one"),
        ("mine.json", "[1]", "expected matrices with their names, found a list"),
        ("mine.json", '{"foo": 1}', "There is no 'foo' to compare. There are: hidden_layer_input"),
        ("mine.json", '{"E": [[1, 2]]}', "E: expected 3 × 1 numbers, found 1 × 2."),
        ("mine.json", '{"E": [["x"]]}', "E, row 1, column 1: expected a number, found 'x'"),
        ("mine.json", '{"W1": [[1, 2]]}', "W1: expected 4 × 3 numbers, found 1 × 2."),
        ("mine.xlsx", b"PK", "not an Excel workbook, or a damaged one"),
        ("mine.docx", b"PK", "expected NumPy, JSON, CSV"),
    ],
)
def test_what_can_not_be_compared_is_said_in_one_line(here, run, name, content, says):
    written(here, content, name)
    code, out, err = run("compare", name)
    assert (code, out) == (2, "")
    assert says in err
    assert err.startswith("cellprop: ")
    assert len(err.splitlines()) == 1


def test_a_file_that_is_not_there_and_decimals_out_of_range_are_one_line(here, run):
    assert run("compare", "none.npz")[::2] == (
        2, "cellprop: none.npz: there is no such file; check its name.\n",
    )  # fmt: skip
    np.savez("mine.npz", E=np.ones((3, 1)))
    assert run("compare", "mine.npz", "--decimals", "13")[0] == 2
    code, _, err = run("compare")
    assert (code, len(err.splitlines())) == (2, 1)


def test_python_takes_the_path_of_a_file(tmp_path, have):
    marks = cellprop.compare(cellprop.article(), as_npz(tmp_path, have))
    assert marks.ok
    assert marks.path == str(tmp_path / "mine.npz")
    assert cellprop.compare(cellprop.article(), str(tmp_path / "mine.npz")).ok
    assert cellprop.compare(cellprop.article(), np.load(tmp_path / "mine.npz")).ok


@pytest.mark.slow
def test_a_sheet_saved_by_libreoffice_is_read(tmp_path, libreoffice, have):
    source = as_sheets(tmp_path, have)
    book = openpyxl.load_workbook(source)
    book["z1"]["B2"] = "=1.48"
    book.save(source)
    (tmp_path / "out").mkdir()
    profile = f"-env:UserInstallation=file://{tmp_path}/profile"
    command = [libreoffice, profile, "--headless", "--convert-to", "xlsx", "--outdir"]
    subprocess.run([*command, str(tmp_path / "out"), str(source)], check=True, capture_output=True)
    marks = cellprop.compare(cellprop.article(), tmp_path / "out" / "mine.xlsx")
    assert marks.ok, marks


def test_what_r_writes_is_read(tmp_path, rscript):
    (tmp_path / "mine").mkdir()
    cellprop.article()["wh"].to_csv(tmp_path / "wh.csv", header=False, index=False)
    code = (
        "w <- as.matrix(read.csv('wh.csv', header=FALSE));"
        "x <- rbind(c(1,0,1,0), c(1,0,1,1), c(0,1,0,1)); b <- c(0.46, 0.72, 0.08);"
        "z <- sweep(x %*% w, 2, b, '+');"
        "write.csv(z, 'mine/z1.csv'); write.table(1/(1+exp(-z)), 'mine/a1.txt')"
    )
    subprocess.run([rscript, "-e", code], check=True, cwd=tmp_path, capture_output=True)
    marks = cellprop.compare(cellprop.article(), tmp_path / "mine")
    assert marks.ok, marks
    assert len(marks.matrices) == 2
