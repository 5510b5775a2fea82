"""Yellow is what a step computes and orange what its formulas refer to: nothing more or less."""

from __future__ import annotations

import pytest
import reading
from hypothesis import given, settings
from reading import FIRST_LANE, computing, example, formulas, steps

from cellprop.workbook import theme


def filled(sheet, style: str) -> set[reading.Cell]:
    """The cells of the lanes whose own fill is that of a style of the theme."""
    color = theme.load().styles[style].fill.fgColor.rgb
    return {
        (cell.row, cell.column)
        for row in sheet.iter_rows(min_row=FIRST_LANE)
        for cell in row
        if cell.fill.fill_type == "solid" and cell.fill.fgColor.rgb == color
    }


def check(trace) -> None:
    for number, sheet in steps(formulas(trace)):
        computed = computing(sheet)
        read = {cell for formula in computed.values() for cell in reading.referred(formula)}
        assert bool(computed) == (number >= 2)
        assert filled(sheet, "active") == set(computed), sheet.title
        assert filled(sheet, "read") == read - set(computed), sheet.title


@pytest.mark.parametrize("name", ["article", "wide", "long", "fan", "one", "band"])
def test_yellow_cells_compute_and_orange_cells_are_what_they_refer_to(name):
    check(example(name))


@given(trace=reading.traces())
@settings(max_examples=6)
def test_so_they_are_in_any_network(trace):
    check(trace)


def test_a_step_reads_something_that_it_does_not_compute():
    for number, sheet in steps(formulas(example("article"))):
        assert bool(filled(sheet, "read")) == (number >= 2)


def test_colour_is_not_the_only_sign():
    for _, sheet in steps(formulas(example("article"))):
        for kind in ("active", "read"):
            for row, column in filled(sheet, kind):
                cell = sheet.cell(row, column)
                sides = {side.style for side in _sides(cell)}
                assert cell.font.b == (kind == "active")
                assert sides == {"medium" if kind == "read" else "thin"}


def test_known_cells_are_neither_bold_nor_heavily_bordered():
    for _, sheet in steps(formulas(example("article"))):
        for row in sheet.iter_rows(min_row=FIRST_LANE):
            for cell in row:
                if cell.style == "known":
                    assert not cell.font.b
                    assert {side.style for side in _sides(cell)} == {"thin"}


def _sides(cell):
    border = cell.border
    return border.left, border.right, border.top, border.bottom
