"""A workbook of some hidden neurons can be read, recalculates, and says what it leaves out."""

from __future__ import annotations

import numpy as np
import pytest
from openpyxl import load_workbook
from openpyxl.utils.cell import range_boundaries

import cellprop
import reading
from cellprop.faces.workbook.drawing import parts_lit
from cellprop.running.reduced import reduced
from cellprop.texts.words import load

WORDS = load()
X = np.random.default_rng(4).normal(size=(6, 4))
CLASSES = np.eye(3)[[0, 1, 2, 2, 1, 0]]


def traced(hidden=8, **options):
    network = cellprop.Network([4, hidden, 3], activation="tanh", loss="cross_entropy")
    return cellprop.trace(network, X, CLASSES, seed=2, **options)


@pytest.fixture
def book(tmp_path):
    return load_workbook(traced().to_excel(tmp_path / "some.xlsx", neurons=[1, 5, 7]))


def texts(sheet):
    return [cell.value for row in sheet.iter_rows() for cell in row if cell.data_type == "s"]


@pytest.mark.parametrize("layout", ["flip-book", "close-up"])
@pytest.mark.parametrize(
    "options",
    [{}, {"optimizer": "adam", "average": True}, {"scale": "minmax", "batch_size": 4}],
    ids=["plain", "Adam", "a scaled batch"],
)
def test_every_formula_computes_what_is_stored_to_the_last_bit(layout, options, tmp_path):
    path = traced(**options).to_excel(tmp_path / "some.xlsx", layout=layout, neurons=[1, 5, 7])
    found = cellprop.verify(path)
    assert (found.ok, found.largest_difference) == (True, 0.0)


def test_the_sheets_are_those_of_the_steps(book):
    assert book.sheetnames == ["Contents", *(f"Step {k}" for k in range(12))]


def test_contents_says_how_many_neurons_are_shown_and_which_sheets_are_left_out(book):
    said = texts(book["Contents"])
    assert "3 of 8 shown" in said
    assert WORDS("contents.left_out", sheets="Predictions") in said


def test_a_whole_workbook_says_nothing_of_it(tmp_path):
    trace = traced()
    whole, every = tmp_path / "whole.xlsx", tmp_path / "every.xlsx"
    trace.to_excel(whole)
    trace.to_excel(every, neurons=range(1, 9))
    assert whole.read_bytes() == every.read_bytes()
    said = " ".join(texts(load_workbook(whole)["Contents"]))
    assert "shown," not in said
    assert "Predictions" in load_workbook(whole).sheetnames


def test_a_note_stands_where_something_is_typed_and_where_the_others_are_added(book):
    note = WORDS("phrases.others_stay")
    noted = [s.title for s in book if any(note in text for text in texts(s))]
    assert noted == ["Step 0", "Step 1", "Step 4"]
    assert any(WORDS("phrases.others") in text for text in texts(book["Step 4"]))


def test_no_sheet_of_a_whole_network_has_that_note(tmp_path):
    book = load_workbook(traced().to_excel(tmp_path / "whole.xlsx"))
    assert not any("other hidden neurons" in t or "other neurons" in t for s in book
                   for t in texts(s))  # fmt: skip


def test_the_neurons_keep_their_labels(book):
    for sheet in ("Step 1", "Step 2", "Step 3"):
        assert {"h1", "h5", "h7"} <= {*texts(book[sheet])}
        assert not {"h2", "h3", "h4"} & {*texts(book[sheet])}


def test_the_others_are_a_named_range_of_numbers_that_may_be_typed(book):
    ((sheet, cells),) = book.defined_names["others"].destinations
    assert sheet == "Step 1"
    left, top, right, bottom = range_boundaries(cells)
    assert (right - left + 1, bottom - top + 1) == (3, 6)
    found = [cell for row in book[sheet][cells.replace("$", "")] for cell in row]
    assert all(cell.data_type == "n" for cell in found)
    formats = {cell.number_format for cell in found}
    assert all(len(form) < 12 for form in formats)  # rounded: nobody typed them


def test_when_an_input_is_retyped_all_that_is_shown_follows_and_the_others_stay(tmp_path):
    trace = traced()
    path = trace.to_excel(tmp_path / "some.xlsx", neurons=[1, 5, 7])
    book = load_workbook(path)
    ((sheet, cells),) = book.defined_names["X"].destinations
    left, top, _, _ = range_boundaries(cells)
    book[sheet].cell(top, left).value = 2.5
    model = reading.ironcalc_model(reading.saved(book, tmp_path / "retyped.xlsx"))
    at = [0, 4, 6]
    row = X[0].copy()
    row[0] = 2.5
    hidden = np.tanh(row @ trace.values["wh"] + trace.values["bh"])[0]
    others = reduced(trace.update, [1, 5, 7]).values["others"]
    expected = hidden[at] @ trace.values["wout"][at] + others[0] + trace.values["bout"][0]
    ((sheet, cells),) = book.defined_names["output_layer_input"].destinations
    left, top, right, _ = range_boundaries(cells)
    number = book.sheetnames.index(sheet)
    found = [model.get_cell_value(number, top, column) for column in range(left, right + 1)]
    assert np.allclose(found, expected, rtol=1e-12)


def test_the_others_are_drawn_as_what_enters_the_outputs():
    program = reduced(traced().update, [1, 5, 7]).program
    (rest,) = program.having("rest")
    lit = parts_lit(program, program.step_of(rest))
    assert lit.neurons == frozenset()
    assert 2 in lit.outlined


def test_neurons_that_are_not_there_leave_an_earlier_file_whole(tmp_path):
    path = tmp_path / "mine.xlsx"
    path.write_bytes(b"mine")
    with pytest.raises(cellprop.errors.InputError, match="1 to 8, found 9"):
        traced().to_excel(path, neurons=[9])
    assert path.read_bytes() == b"mine"
