"""A sheet after the steps is added by a row of the table, what fills it, and its words."""

from __future__ import annotations

from types import MappingProxyType

import numpy as np
import pytest
from openpyxl import load_workbook

import cellprop
from cellprop.algebra import formulas, sum_over_columns, sum_over_rows, value
from cellprop.faces.workbook import extras, sheet_names
from cellprop.faces.workbook.book import Extra
from cellprop.faces.workbook.canvas import Canvas, at_home
from cellprop.texts import words

TOTALS = Extra("Totals", "totals")
WORDS = {"totals.title": "Totals", "totals.about": "All weights added up", "totals.says": "Sums."}


def fill(shown, sheet):
    """Put the sum of each of the parameters, beside its name."""
    book = shown.book
    canvas = Canvas(book, sheet)
    canvas.head(TOTALS, 12)
    canvas.prose(2, 12, book.words("totals.says"))
    for row, matrix in enumerate(book.run.program.parameters, 4):
        total = sum_over_rows(sum_over_columns(matrix))
        ((text,),) = formulas(total, lambda m: at_home(book, m.name))
        canvas.text(row, 1, "name", matrix.name)
        canvas.formula(row, 2, "known", text, value(total, book.run.values).item())
    canvas.set_up_print(12, "1:2")
    return canvas.rows()


@pytest.fixture
def totals(monkeypatch):
    row = extras.Sheet(TOTALS, lambda run: run.epochs >= 3, fill)
    monkeypatch.setattr(extras, "EXTRAS", (*extras.EXTRAS, row))
    known = MappingProxyType({**words._default(), **WORDS})
    monkeypatch.setattr(words, "_default", lambda: known)


def traced(epochs):
    X, y = np.array([[0.2, -1.0], [1.5, 0.3], [-0.7, 0.9]]), [[1.0], [0.0], [1.0]]
    return cellprop.trace(cellprop.Network([2, 3, 1]), X, y, seed=4, epochs=epochs)


def test_a_sheet_of_a_row_that_is_added_is_filled_and_recalculates(totals, tmp_path):
    trace = traced(4)
    path = trace.to_excel(tmp_path / "totals.xlsx")
    found = cellprop.verify(path)
    assert found.ok, found
    sheet = load_workbook(path, data_only=True)["Totals"]
    names = [matrix.name for matrix in trace.program.parameters]
    assert [sheet.cell(row, 1).value for row in range(4, 4 + len(names))] == names
    sums = [sheet.cell(row, 2).value for row in range(4, 4 + len(names))]
    assert np.allclose(sums, [trace[name].to_numpy().sum() for name in names])


def test_a_sheet_that_is_added_stands_last_and_is_linked_to(totals, tmp_path):
    trace = traced(4)
    book = load_workbook(trace.to_excel(tmp_path / "totals.xlsx"))
    assert book.sheetnames == sheet_names(trace)
    assert book.sheetnames[-2:] == ["Predictions", "Totals"]
    texts = {cell.value for row in book["Contents"].iter_rows() for cell in row}
    assert {"Totals", WORDS["totals.about"]} <= texts
    cells = [cell for row in book["Predictions"].iter_rows() for cell in row]
    targets = [cell.hyperlink.location for cell in cells if cell.hyperlink]
    assert "'Totals'!A1" in targets


def test_a_sheet_is_there_only_for_runs_that_its_row_says(totals, tmp_path):
    book = load_workbook(traced(2).to_excel(tmp_path / "few.xlsx"))
    assert "Totals" not in book.sheetnames
