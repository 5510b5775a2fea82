"""Yellow is what a step computes and orange what its formulas refer to: nothing more or less."""

from __future__ import annotations

from functools import cache

import pytest
from hypothesis import given, settings

import reading
from cellprop.faces.workbook import theme
from conftest import slow_but
from reading import FIRST_LANE, cells_of, computing, example, formulas, homes, steps

LAYOUTS = ("flip-book", "close-up")
BOTH = pytest.mark.parametrize("layout", LAYOUTS)


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


def typed(trace, label: str, layout: str) -> set[reading.Cell]:
    """The cells of a step's sheet in which numbers are typed."""
    places = homes(formulas(trace, layout))
    return {cell for name in reading.given(trace, label) for cell in cells_of(places[name][1])}


def check(trace, layout) -> None:
    for label, sheet in steps(formulas(trace, layout)):
        formula_of = computing(sheet)
        read = {cell for formula in formula_of.values() for cell in reading.referred(formula)}
        assert bool(formula_of) == bool(reading.computed(trace, label))
        assert filled(sheet, "active") == set(formula_of), sheet.title
        # What is typed on the sheet stays blue, though what is scaled is read there too.
        assert filled(sheet, "read") == read - set(formula_of) - typed(trace, label, layout), (
            sheet.title
        )


@pytest.mark.parametrize("name", reading.NETWORKS)
@BOTH
def test_yellow_cells_compute_and_orange_cells_are_what_they_refer_to(name, layout):
    check(example(name), layout)


@pytest.mark.slow
@given(trace=reading.traces())
@settings(max_examples=6)
def test_so_they_are_in_any_network(trace):
    for layout in LAYOUTS:
        check(trace, layout)


@pytest.mark.parametrize("name", ["article", "deep", "adam", "batch"])
@BOTH
def test_a_step_reads_something_that_it_does_not_compute(name, layout):
    trace = example(name)
    for label, sheet in steps(formulas(trace, layout)):
        # In close-up what is scaled stands on the sheet again, beside what it is read for.
        again = layout == "close-up" and reading.computed(trace, label)
        assert bool(filled(sheet, "read")) == (label not in ("0", "1") or bool(again))


@BOTH
def test_what_scaled_inputs_are_read_from_is_typed_or_computed_on_the_same_sheet(layout):
    """In close-up it may stand there once more, beside what it is read for."""
    for name, computed in (("minmax", 3), ("standard", 3), ("batch", 1)):
        trace = example(name)
        sheet = formulas(trace, layout)["Step 0"]
        assert len(reading.computed(trace, "0")) == computed
        read = {cell for text in computing(sheet).values() for cell in reading.referred(text)}
        own = typed(trace, "0", layout) | set(computing(sheet))
        for cell in read - own:
            assert layout == "close-up"
            (source,) = reading.referred(sheet.cell(*cell).value)
            assert source in own


@pytest.mark.parametrize("name", slow_but(["band"], ["band", "tall", "deep band"]))
def test_what_is_folded_away_has_the_same_colours(name):
    folded = {"active": 0, "read": 0}
    for _, sheet in steps(formulas(example(name), "close-up")):
        for style in folded:
            for row, _ in filled(sheet, style):
                folded[style] += sheet.row_dimensions[row].hidden
    assert min(folded.values()) > 100
    check(example(name), "close-up")


@pytest.mark.parametrize("name", ["article", "deep"])
@BOTH
def test_colour_is_not_the_only_sign(name, layout):
    for _, sheet in steps(formulas(example(name), layout)):
        for kind in ("active", "read"):
            for row, column in filled(sheet, kind):
                cell = sheet.cell(row, column)
                sides = {side.style for side in _sides(cell)}
                assert cell.font.b == (kind == "active")
                assert sides == {"medium" if kind == "read" else "thin"}


@BOTH
def test_other_cells_are_neither_bold_nor_heavily_bordered(layout):
    count = 0
    for _, sheet in steps(formulas(example("article"), layout)):
        for row in sheet.iter_rows(min_row=FIRST_LANE):
            for cell in row:
                if cell.style in ("known", "quiet"):
                    count += 1
                    assert not cell.font.b
                    assert {side.style for side in _sides(cell)} == {"thin"}
    assert count or layout == "close-up"  # which shows little else than what matters


def _sides(cell):
    border = cell.border
    return border.left, border.right, border.top, border.bottom
