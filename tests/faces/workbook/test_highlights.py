"""Yellow is what a step computes and orange what its formulas refer to: nothing more or less."""

from __future__ import annotations

from functools import cache

import pytest
from hypothesis import given, settings

import reading
from cellprop.faces.workbook import theme
from reading import FIRST_LANE, cells_of, computing, example, formulas, homes, steps


@cache
def color_of(style: str) -> str:
    return theme.load().styles[style].fill.fgColor.rgb


def filled(sheet, style: str) -> set[reading.Cell]:
    """The cells of the lanes whose own fill is that of a style of the theme."""
    color = color_of(style)
    found, known = set(), {}
    for row in sheet.iter_rows(min_row=FIRST_LANE):
        for cell in row:
            # Asking a cell for its fill takes long; cells of one style have the same.
            if cell.style_id not in known:
                known[cell.style_id] = cell.fill.fill_type == "solid" and cell.fill.fgColor.rgb
            if known[cell.style_id] == color:
                found.add((cell.row, cell.column))
    return found


def typed(trace, label: str) -> set[reading.Cell]:
    """The cells of a step's sheet in which numbers are typed."""
    places = homes(formulas(trace))
    return {cell for name in reading.given(trace, label) for cell in cells_of(places[name][1])}


def check(trace) -> None:
    for label, sheet in steps(formulas(trace)):
        formula_of = computing(sheet)
        read = {cell for formula in formula_of.values() for cell in reading.referred(formula)}
        assert bool(formula_of) == bool(reading.computed(trace, label))
        assert filled(sheet, "active") == set(formula_of), sheet.title
        # What is typed on the sheet stays blue, though what is scaled is read there too.
        assert filled(sheet, "read") == read - set(formula_of) - typed(trace, label), sheet.title


@pytest.mark.parametrize("name", reading.NETWORKS)
def test_yellow_cells_compute_and_orange_cells_are_what_they_refer_to(name):
    check(example(name))


@pytest.mark.slow
@given(trace=reading.traces())
@settings(max_examples=6)
def test_so_they_are_in_any_network(trace):
    check(trace)


@pytest.mark.parametrize("name", ["article", "deep", "adam", "batch"])
def test_a_step_reads_something_that_it_does_not_compute(name):
    for label, sheet in steps(formulas(example(name))):
        assert bool(filled(sheet, "read")) == (label not in ("0", "1"))


def test_what_scaled_inputs_are_read_from_is_typed_or_computed_on_the_same_sheet():
    for name, computed in (("minmax", 3), ("standard", 3), ("batch", 1)):
        trace = example(name)
        sheet = formulas(trace)["Step 0"]
        assert len(reading.computed(trace, "0")) == computed
        read = {cell for text in computing(sheet).values() for cell in reading.referred(text)}
        assert read <= typed(trace, "0") | set(computing(sheet))


@pytest.mark.parametrize("name", ["article", "deep"])
def test_colour_is_not_the_only_sign(name):
    for _, sheet in steps(formulas(example(name))):
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
