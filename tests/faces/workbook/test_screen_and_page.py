"""Every step fits a screen and a page, and nothing at its top runs into anything.

Computed from the widths and heights in the file, as a spreadsheet does: a column is as many digits
of the usual font wide as the file says, a row as many points high.
"""

from __future__ import annotations

import re

import numpy as np
import pytest
from openpyxl.utils import get_column_letter
from openpyxl.utils.cell import coordinate_to_tuple, range_boundaries

import cellprop
import reading
from conftest import slow_but
from reading import BUILT, FIRST_LANE, built, formulas, standing, steps

QUICK = ("article", "csv")
ALL = pytest.mark.parametrize("name", slow_but(QUICK, BUILT))
LAYOUTS = pytest.mark.parametrize("layout", ["flip-book", "close-up"])
# In pixels: a digit of the usual font, of 12 points; a point. A screen, and what of it the numbers
# of rows and the bar to scroll take.
DIGIT, POINT = 8, 96 / 72
SCREEN, BESIDE = 1366, 46
# How wide a letter is as a share of its size: of Consolas, and at most on average in Calibri, as
# measured and a tenth more; short texts and names have wider letters.
FIXED, WIDE, PROSE, NAMED = 0.55, 0.52, 0.46, 0.54


def wide(sheet, first: int, last: int | None = None) -> float:
    """The width of some columns in pixels; those that are folded away have none."""
    found = 0.0
    for column in range(first, (last or first) + 1):
        dimension = sheet.column_dimensions[get_column_letter(column)]
        found += 0 if dimension.hidden else dimension.width * DIGIT
    return found


def high(sheet, first: int, last: int) -> float:
    """The height of some rows in pixels."""
    rows = (sheet.row_dimensions[row] for row in range(first, last + 1))
    return POINT * sum(0 if row.hidden else row.height or 15 for row in rows)


def printed(sheet) -> tuple[int, int]:
    """The last row and column that are printed."""
    left, top, right, bottom = range_boundaries(sheet.print_area.split("!")[1])
    assert (left, top) == (1, 1)
    return bottom, right


def computed_or_given(trace, label: str, sheet) -> list:
    """The blocks that a step computes, at home; those that it gives where it computes none."""
    names = reading.computed(trace, label) or reading.given(trace, label)
    found = {}
    for block in standing(trace, sheet):
        found.setdefault(block.name, block)
    return [found[name] for name in names]


# --- Which layout -------------------------------------------------------------------------


@ALL
def test_a_flip_book_is_chosen_only_where_it_can_be_read_on_a_page(name):
    trace = built(name)
    sheet = formulas(trace)["Step 1"]
    is_flip_book = any(block.name == "X" for block in standing(trace, sheet))
    assert is_flip_book == (name == "article")


def test_the_layout_and_the_rows_in_view_are_chosen_in_python_and_on_the_command_line(here, run):
    trace = built("csv")
    three = reading.load_workbook(trace.to_excel("a.xlsx", layout="close-up", rows=3))
    hidden = [row for row, d in three["Step 2"].row_dimensions.items() if d.hidden]
    assert len(hidden) == 17
    code, _, _ = run("build", "--example", "iris", "--layout", "flip-book", "-o", "b.xlsx")
    assert code == 0
    assert not any(
        d.hidden for d in reading.load_workbook("b.xlsx")["Step 2"].row_dimensions.values()
    )
    code, _, _ = run("build", "--layout", "close-up", "--rows", "2", "-o", "c.xlsx")
    assert code == 0
    assert len({c.value for c in reading.load_workbook("c.xlsx")["Step 11"]["C"]}) < 20


@pytest.mark.parametrize(
    "wrong", [("--layout", "book"), ("--rows", "0"), ("--rows", "101"), ("--rows", "many")]
)
def test_another_layout_or_number_of_rows_is_refused_in_a_clear_line(wrong, here, run):
    code, out, error = run("build", *wrong, "-o", "a.xlsx")
    assert code == 2
    assert wrong[0] in error
    assert error.count("\n") == 1
    assert error.startswith("cellprop: ")
    assert out == ""
    assert not (here / "a.xlsx").exists()


@pytest.mark.parametrize(("asked", "said"), [({"layout": "b"}, "layout"), ({"rows": 0}, "rows")])
def test_so_they_are_in_python(asked, said, here):
    with pytest.raises(ValueError, match=f"^{said}") as caught:
        built("article").to_excel(here / "a.xlsx", **asked)
    assert "\n" not in str(caught.value)
    assert not (here / "a.xlsx").exists()


# --- What is folded away ------------------------------------------------------------------


@ALL
def test_rows_and_columns_that_are_folded_away_are_grouped_hidden_and_alive(name):
    trace = built(name)
    for _, sheet in steps(formulas(trace, "close-up")):
        for dimensions in (sheet.row_dimensions, sheet.column_dimensions):
            for dimension in dimensions.values():
                assert bool(dimension.hidden) == bool(dimension.outlineLevel)
        for block in standing(trace, sheet):
            for cell in (sheet.cell(*cell) for cell, _ in block.cells()):
                assert cell.value is not None


@ALL
def test_a_mark_says_how_many_rows_and_columns_are_folded_away(name):
    trace = built(name)
    for _, sheet in steps(formulas(trace, "close-up")):
        rows = {row for row, d in sheet.row_dimensions.items() if d.hidden}
        columns = {
            column
            for d in sheet.column_dimensions.values()
            if d.hidden
            for column in range(d.min, d.max + 1)
        }
        for block in standing(trace, sheet):
            down = rows & {*range(block.top, block.bottom + 1)}
            if down:
                mark = max(rows & {*range(block.top, max(rows) + 1)} & contiguous(rows, min(down)))
                assert sheet.cell(mark + 1, block.left).value == f"⋮ {len(down)} more"
                assert sheet.row_dimensions[mark + 1].collapsed
            across = columns & {*range(block.left, block.right + 1)}
            if across:
                mark = max(contiguous(columns, min(across)))
                assert sheet.cell(block.top - 1, mark + 1).value == f"+{len(across)}"


def contiguous(numbers: set[int], first: int) -> set[int]:
    """Those that follow one another from one on."""
    found = set()
    while first in numbers:
        found.add(first)
        first += 1
    return found


@ALL
@LAYOUTS
def test_nothing_of_the_header_begins_in_a_column_that_is_folded_away(name, layout):
    for _, sheet in steps(formulas(built(name), layout)):
        _, last = printed(sheet)
        for row in sheet.iter_rows(1, FIRST_LANE - 1, max_col=last):
            for cell in row:
                if cell.value is not None or cell.style == "focus":
                    merged = [m for m in sheet.merged_cells.ranges if cell.coordinate in m]
                    begins = (merged[0].min_col if merged else cell.column) == cell.column
                    assert not begins or wide(sheet, cell.column) > 0, cell


# --- On a screen --------------------------------------------------------------------------


@ALL
@LAYOUTS
def test_at_most_four_rows_stand_above_the_matrices_and_stay_in_view(name, layout):
    trace = built(name)
    for _, sheet in steps(formulas(trace, layout)):
        assert min(block.name_row for block in standing(trace, sheet)) == FIRST_LANE == 5
        assert sheet.sheet_view.pane.state == "frozen"
        assert (sheet.sheet_view.pane.ySplit, sheet.sheet_view.pane.xSplit) == (4, None)


@ALL
@LAYOUTS
def test_what_a_step_computes_begins_within_450_pixels_of_the_top(name, layout):
    assert_begins_within_450_pixels(built(name), layout)


def assert_begins_within_450_pixels(trace, layout) -> None:
    for label, sheet in steps(formulas(trace, layout)):
        first = min(block.top for block in computed_or_given(trace, label, sheet))
        _, left, _ = re.split(r"(\D+)", sheet.sheet_view.pane.topLeftCell)
        top = int(re.sub(r"\D", "", sheet.sheet_view.pane.topLeftCell))
        assert left == "A"
        assert FIRST_LANE <= top <= first
        above = high(sheet, 1, FIRST_LANE - 1) + high(sheet, top, first - 1)
        assert above * sheet.sheet_view.zoomScale / 100 <= 450, sheet.title


@ALL
@LAYOUTS
def test_the_first_cell_that_a_step_computes_is_selected(name, layout):
    trace = built(name)
    for label, sheet in steps(formulas(trace, layout)):
        blocks = computed_or_given(trace, label, sheet)
        first = min((block.top, block.left) for block in blocks)
        selected = sheet.sheet_view.selection[-1]
        assert selected.activeCell == selected.sqref
        assert coordinate_to_tuple(selected.activeCell) == first, sheet.title


@ALL
@LAYOUTS
def test_the_zoom_lets_the_used_width_fill_the_screen(name, layout):
    for _, sheet in steps(formulas(built(name), layout)):
        zoom = sheet.sheet_view.zoomScale
        assert 100 <= zoom <= 160
        _, last = printed(sheet)
        used = wide(sheet, 1, last) * zoom / 100 + BESIDE
        assert used <= SCREEN + 1 or zoom == 100
        assert used >= SCREEN * 0.98 or zoom == 160


def test_an_article_s_step_is_seen_from_its_left_to_its_right_edge():
    for _, sheet in steps(formulas(built("article"))):
        assert wide(sheet, 1, printed(sheet)[1]) + BESIDE <= SCREEN


# --- Sizes --------------------------------------------------------------------------------


@ALL
@LAYOUTS
def test_numbers_have_12_points_and_the_formula_14(name, layout):
    sizes = {"formula": {14.0}, "sign": {14.0}, "title": {18.0}, "label": {10.0}, "shape": {10.0}}
    twelve = ("active", "read", "quiet", "input", "name", "numbers", "code")
    sizes |= {style: {12.0} for style in twelve}
    found: dict[str, set[float]] = {}
    for _, sheet in steps(formulas(built(name), layout)):
        for row in sheet.iter_rows():
            for cell in row:
                found.setdefault(cell.style, set()).add(cell.font.sz)
    assert {style: found[style] for style in sizes if style in found} == {
        style: size for style, size in sizes.items() if style in found
    }


def room(sheet, row: int, column: int) -> float:
    """How many pixels there are from a cell to the next that says something, or to its end."""
    last = printed(sheet)[1]
    for merged in sheet.merged_cells.ranges:
        if (merged.min_row, merged.min_col) == (row, column):
            return wide(sheet, column, merged.max_col)
    for following in range(column + 1, last + 1):
        cell = sheet.cell(row, following)
        if cell.value is not None or cell.style == "focus":
            return wide(sheet, column, following - 1)
    return wide(sheet, column, last)


def letters(cell, text: str) -> float:
    """How many pixels a text takes at least: its longest line."""
    share = PROSE if cell.style in ("title", "says") else WIDE
    share = NAMED if cell.style in reading.NAMES_OF else share
    share = FIXED if cell.font.name in ("Consolas", "Courier New") else share
    return max(map(len, text.split("\n"))) * cell.font.sz * POINT * share


@ALL
@LAYOUTS
def test_the_title_does_not_run_into_the_sentence_beside_it(name, layout):
    for _, sheet in steps(formulas(built(name), layout)):
        assert letters(sheet["A1"], sheet["A1"].value) <= room(sheet, 1, 1), sheet.title


@ALL
@LAYOUTS
def test_the_formula_in_code_ends_before_the_focus_and_shrinks_rather_than_being_cut(name, layout):
    found = 0
    for _, sheet in steps(formulas(built(name), layout)):
        for code in (cell for cell in sheet[3] if cell.style == "code" and cell.value is not None):
            found += 1
            assert code.alignment.shrink_to_fit or name != "article"
            captions = [c.column for c in sheet[3] if c.style == "label" and c.value is not None]
            assert room(sheet, 3, code.column) == wide(sheet, code.column, min(captions) - 1)
    assert found == sum(bool(step.computed) for step in built(name).program.steps)


def test_a_formula_in_code_is_cut_rather_than_shrunk_to_what_can_not_be_read():
    network = cellprop.Network([4, 3, 1], activation="gelu", output_activation="sigmoid")
    trace = cellprop.trace(network, np.eye(4)[:3], [[1], [0], [1]], seed=1)
    shrunk = {
        name: any(cell.alignment.shrink_to_fit for cell in sheet[3] if cell.style == "code")
        for name, sheet in steps(formulas(trace))
    }
    # The slope of a GELU has 290 characters.
    assert (shrunk["5"], shrunk["6"]) == (True, False)


@ALL
@LAYOUTS
def test_the_sentence_fits_beside_the_title_in_the_lines_that_its_row_has(name, layout):
    for _, sheet in steps(formulas(built(name), layout)):
        (says,) = [cell for cell in sheet[1] if cell.style == "says" and cell.value]
        lines = -(-letters(says, says.value) // room(sheet, 1, says.column))
        assert lines * says.font.sz * 1.25 <= sheet.row_dimensions[1].height, sheet.title


@ALL
@LAYOUTS
def test_the_line_of_maths_fits_in_its_room(name, layout):
    book = reading.values(built(name), layout)
    for _, sheet in steps(book):
        for cell in sheet[reading.MATHS_ROW]:
            if cell.style == "formula" and cell.value:
                assert letters(cell, cell.value) <= room(sheet, cell.row, cell.column), cell


@ALL
@LAYOUTS
def test_links_focus_and_captions_stand_apart_and_fit(name, layout):
    for _, sheet in steps(formulas(built(name), layout)):
        for row in sheet.iter_rows(1, FIRST_LANE - 1, max_col=printed(sheet)[1]):
            for cell in row:
                if cell.style in ("link", "label", "caption") and cell.data_type == "s":
                    assert letters(cell, cell.value) <= room(sheet, cell.row, cell.column), cell


@ALL
@LAYOUTS
def test_no_name_runs_into_the_next(name, layout):
    for _, sheet in steps(formulas(built(name), layout)):
        for row in sheet.iter_rows(min_row=FIRST_LANE):
            for cell in row:
                if cell.style in reading.NAMES_OF and cell.value:
                    assert letters(cell, cell.value) <= room(sheet, cell.row, cell.column), cell


# --- On paper -----------------------------------------------------------------------------


def scale(sheet) -> float:
    """By how much a sheet is smaller in print."""
    bottom, right = printed(sheet)
    margins = sheet.page_margins
    across = (842 - 72 * (margins.left + margins.right)) * POINT / wide(sheet, 1, right)
    down = (595 - 72 * (margins.top + margins.bottom)) * POINT / high(sheet, 1, bottom)
    if sheet.row_breaks.brk:
        assert sheet.page_setup.scale / 100 <= across
        return sheet.page_setup.scale / 100
    return min(1.0, across, down)


@ALL
@LAYOUTS
def test_a_step_is_printed_on_one_landscape_page_or_cut_between_lanes(name, layout):
    trace = built(name)
    for _, sheet in steps(formulas(trace, layout)):
        setup, fit = sheet.page_setup, sheet.sheet_properties.pageSetUpPr
        assert (setup.orientation, setup.paperSize) == ("landscape", 9)
        cuts = [cut.id for cut in sheet.row_breaks.brk]
        if not cuts:
            assert fit.fitToPage
            assert (setup.fitToWidth, setup.fitToHeight) == (None, None)  # one page, as usual
        for block in standing(trace, sheet):
            assert not [cut for cut in cuts if block.name_row <= cut < block.bottom]


@ALL
def test_labels_are_printed_in_8_points(name):
    for _, sheet in steps(formulas(built(name))):
        assert 10 * scale(sheet) >= 8, sheet.title


def test_a_page_after_which_others_follow_says_what_is_on_them():
    trace = built("two layers")
    _, *_, (_, sheet), _ = steps(formulas(trace, "flip-book"))
    cut = sheet.row_breaks.brk[0].id
    blocks = standing(trace, sheet)
    below = [block.name for block in blocks if block.name_row > cut and "−" not in block.name]
    said = sheet.firstFooter.left.text
    assert said.startswith("On the next page: ")
    assert below[0] in said
    assert not [block.name for block in blocks if block.bottom <= cut and f" {block.name}," in said]
    assert sheet.HeaderFooter.differentFirst
    assert sheet.firstHeader.left.text == sheet.oddHeader.left.text


def test_a_page_after_which_none_follows_says_nothing_of_that():
    for _, sheet in steps(formulas(built("article"))):
        assert not sheet.HeaderFooter.differentFirst


@ALL
@LAYOUTS
def test_the_foot_of_a_page_explains_the_colours(name, layout):
    for _, sheet in steps(formulas(built(name), layout)):
        foot = sheet.oddFooter.left.text
        assert "yellow: computed here" in foot
        assert "orange: read to compute it" in foot
        assert "grey: known, not read here" in foot


@pytest.mark.slow
@pytest.mark.parametrize("name", BUILT)
def test_each_step_prints_on_a_page_and_the_others_on_three_more(name, libreoffice, tmp_path):
    trace = built(name)
    whole = tmp_path / "whole.xlsx"
    whole.write_bytes(reading.content(trace))
    assert reading.pages_of(libreoffice, whole) <= len(trace.steps) + 3
    book = reading.load_workbook(whole, data_only=True)
    book.defined_names.clear()
    for sheet in book.worksheets:
        if not sheet.title.startswith("Step "):
            book.remove(sheet)
    path = reading.saved(book, tmp_path / "steps.xlsx")
    assert reading.pages_of(libreoffice, path) <= len(trace.steps)
