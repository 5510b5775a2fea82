"""`cellprop build --neurons`: a large network becomes a workbook that can be read."""

from __future__ import annotations

import openpyxl
import pytest
from test_cli import is_one_line, wide_table

import cellprop

DIGITS = "--target", "digit"


def names_of_neurons(path):
    """Return the labels of neurons on the sheets of a workbook."""
    book = openpyxl.load_workbook(path)
    cells = (cell.value for sheet in book for row in sheet.iter_rows() for cell in row)
    return {
        text for text in cells if isinstance(text, str) and text[:1] == "h" and text[1:].isdigit()
    }


def test_the_file_is_called_after_the_neurons_and_shows_no_others(run, here):
    code, out, err = run("build", "--hidden", "9", "--neurons", "1-3, 7")
    assert (code, err) == (0, "")
    assert "9 hidden (4 shown)" in out
    assert "Step 0 to Step 11" in out
    assert "Predictions" not in out
    path = here / out.splitlines()[-1]
    assert path.name == "article-hidden-9-neurons-1-3- 7.xlsx"
    assert names_of_neurons(path) == {"h1", "h2", "h3", "h7"}
    assert cellprop.verify(path).ok


@pytest.mark.parametrize(
    "text", ["", "x", "0", "3-1", "1,,2", "1-", "-2", "1.5", "1;2", "1-99999999", "１"]
)
def test_what_names_no_neurons_is_one_line(run, here, text):
    code, out, err = run("build", f"--neurons={text}")
    assert is_one_line(code, out, err, "--neurons: expected numbers of hidden neurons")
    assert list(here.iterdir()) == []


@pytest.mark.parametrize(
    ("hidden", "neurons", "said"),
    [("3", "1,4", "1 to 3, found 4"), ("4,4", "1", "one hidden layer; this one has 2"),
     ("0", "1", "one hidden layer; this one has none")],
)  # fmt: skip
def test_neurons_that_are_not_there_are_one_line(run, here, hidden, neurons, said):
    code, out, err = run("build", "--hidden", hidden, "--neurons", neurons)
    assert is_one_line(code, out, err, said)


def test_a_large_network_is_small_where_few_neurons_are_shown(run, here):
    data = wide_table(here / "digits.csv", 784, 30)
    _, _, err = run("build", "--data", data, *DIGITS, "--hidden", "32", "-o", "whole.xlsx")
    assert "(--neurons 1,2)" in err
    assert "--rows" not in err  # what is large is folded already
    code, _, err = run(
        "build", "--data", data, *DIGITS, "--hidden", "32", "--neurons", "1,2", "-o", "few.xlsx"
    )
    assert (code, err) == (0, "")
    assert (here / "few.xlsx").stat().st_size < (here / "whole.xlsx").stat().st_size / 3


def test_where_the_inputs_are_too_many_for_as_many_neurons_fewer_of_those_are_named(run, here):
    data = wide_table(here / "digits.csv", 784, 12)
    _, _, err = run("build", "--data", data, *DIGITS, "--hidden", "32", "--neurons", "1,5,7")
    assert is_one_line(2, "", err, "Step 10 computes 2,382 cells", "(--neurons 1,5)")
    assert "--hidden" not in err
    assert "--batch-size" not in err  # weights do not get fewer


def test_where_samples_are_too_many_a_batch_is_named(run, here):
    data = wide_table(here / "digits.csv", 3, 700)
    _, _, err = run("build", "--data", data, *DIGITS, "--hidden", "4", "--epochs", "1")
    assert is_one_line(2, "", err, "--batch-size N")


def test_in_a_flip_book_folding_is_named(run, here):
    data = wide_table(here / "digits.csv", 300, 4)
    _, _, err = run(
        "build", "--data", data, *DIGITS, "--hidden", "10", "--layout", "flip-book"
    )  # fmt: skip
    assert is_one_line(2, "", err, "--layout close-up --rows 8", "--neurons 1,2,3")


def test_without_one_hidden_layer_no_neurons_are_named(run, here):
    data = wide_table(here / "digits.csv", 300, 4)
    _, _, err = run("build", "--data", data, *DIGITS, "--hidden", "10,3")
    assert is_one_line(2, "", err, "--hidden N")
    assert "--neurons" not in err
