"""The one-cell focus: which cells keep their colour, as a spreadsheet evaluates the rules."""

from __future__ import annotations

from functools import cache
from io import BytesIO

import pytest
from openpyxl import load_workbook
from openpyxl.utils.cell import range_boundaries

import reading
from cellprop import Network
from cellprop.algebra import NOTATIONS, reads, statement
from cellprop.faces.workbook import theme
from conftest import slow, slow_but
from reading import (
    FIRST_NOTATION,
    FORMULA_ROW,
    cells_of,
    computing,
    drawn,
    example,
    formulas,
    homes,
    position,
    steps,
)

ROW, COLUMN, MATRIX = (9, 4), (9, 6), (9, 8)

# What is chosen under Focus: a row, a column, the n-th matrix that the sheet computes.
FOCI = [
    (1, None, None),
    (2, 1, None),
    (None, 2, None),
    (2, 1, 0),
    (1, 1, -1),
    (4, 3, -1),
    (None, None, 0),
    (4, None, None),
]


@cache
def fills() -> dict[str, str]:
    return {name: style.fill.fgColor.rgb for name, style in theme.load().styles.items()}


class Focused:
    """A workbook in IronCalc, whose focus can be chosen."""

    def __init__(self, trace, folder) -> None:
        path = folder / "book.xlsx"
        path.write_bytes(reading.content(trace))
        self.trace, self.book = trace, formulas(trace)
        self.model = reading.ironcalc_model(path)
        self.homes = homes(self.book)

    def computed(self, sheet) -> list[str]:
        """The matrices that a step computes."""
        return reading.computed(self.trace, reading.step_of(sheet.title))

    def choose(self, sheet, row, column, matrix) -> tuple:
        """Fill the focus cells in, with what their lists hold; return what was chosen."""
        names = self.computed(sheet)
        shapes = [self.trace.matrix(name).shape for name in names]
        row = row and min(row, max(rows for rows, _ in shapes))
        column = column and min(column, max(columns for _, columns in shapes))
        name = names[matrix] if matrix is not None and len(names) > 1 else None
        for cell, value in ((ROW, row), (COLUMN, column), (MATRIX, name)):
            if cell == MATRIX and len(names) == 1:
                continue
            text = "" if value is None else str(value)
            self.model.set_user_input(position(sheet), *cell, text)
        self.model.evaluate()
        return row, column, name

    def colored(self, sheet) -> tuple[set, set]:
        """The yellow and the orange cells of the lanes while the rules apply.

        Of cells that are typed on the sheet, those that keep their blue count as orange.
        """
        rules = reading.rules_by_cell(self.model, position(sheet), sheet, "fill")
        read = {cell for text in computing(sheet).values() for cell in reading.referred(text)}
        found: dict[str, set] = {"active": set(), "read": set(), "input": set()}
        for cell in {c for _, bounds in self.homes.values() for c in cells_of(bounds)}:
            fill = rules[cell].dxf.fill if cell in rules else sheet.cell(*cell).fill
            for state, cells in found.items():
                if fill.fill_type and fill.fgColor.rgb == fills()[state]:
                    cells.add(cell)
        return found["active"], found["read"] | (found["input"] & read)

    def concerned(self, sheet, row, column, name) -> tuple[set, set]:
        """The cells in focus, and those that their formulas refer to."""
        formula_of = computing(sheet)
        cells = set()
        for matrix in [name] if name else self.computed(sheet):
            top, left, bottom, right = self.homes[matrix][1]
            cells |= {
                (r, c)
                for r, c in cells_of((top, left, bottom, right))
                if row in (None, r - top + 1) and column in (None, c - left + 1)
            }
        read = {other for cell in cells for other in reading.referred(formula_of[cell])}
        return cells, read - cells

    def check(self, focus) -> None:
        for _, sheet in reading.computing_steps(self.trace):
            chosen = self.choose(sheet, *focus)
            right = self.concerned(sheet, *chosen)
            assert self.colored(sheet) == right, (sheet.title, chosen)


@pytest.fixture(scope="module")
def focused(request, tmp_path_factory):
    return Focused(example(request.param), tmp_path_factory.mktemp("focused"))


@pytest.mark.parametrize(
    "focused", slow_but(["article"], ["article", "fan", "long", "band"]), indirect=True
)
@pytest.mark.parametrize("focus", FOCI)
def test_only_what_is_in_focus_stays_yellow_and_only_what_it_reads_orange(focused, focus):
    focused.check(focus)


@pytest.mark.parametrize(
    "focused",
    slow_but(["batch"], ["deep", "adam", "batch", "standard", "shallow"]),
    indirect=True,
)
@pytest.mark.parametrize("focus", [(2, 1, None), (None, 2, -1), (1, None, 0)])
def test_so_it_is_with_layers_losses_and_update_rules_of_any_kind(focused, focus):
    focused.check(focus)


@pytest.mark.parametrize(
    "name", slow_but(["deep"], ["article", "fan", "deep", "adam", "minmax", "many"])
)
def test_without_a_focus_no_rule_of_it_holds(name, tmp_path):
    focused = Focused(example(name), tmp_path)
    for _, sheet in steps(focused.book):
        assert reading.rules_by_cell(focused.model, position(sheet), sheet, "fill") == {}


def test_a_rule_goes_away_with_the_focus(tmp_path):
    focused = Focused(example("article"), tmp_path)
    sheet = focused.book["Step 4"]
    focused.choose(sheet, 1, 1, 0)
    assert reading.rules_by_cell(focused.model, position(sheet), sheet, "fill")
    focused.choose(sheet, None, None, None)
    assert not reading.rules_by_cell(focused.model, position(sheet), sheet, "fill")


@pytest.mark.parametrize("name", reading.NETWORKS)
def test_a_formula_refers_to_what_the_algebra_says_it_reads(name):
    trace = example(name)
    place_of = homes(formulas(trace))
    for label, sheet in reading.computing_steps(trace):
        for matrix in reading.computed(trace, label):
            top, left, bottom, right = place_of[matrix][1]
            for cell in cells_of((top, left, bottom, right)):
                at = {"row": cell[0] - top, "column": cell[1] - left, "all": None}
                said = set()
                for operand, patterns in reads(trace.matrix(matrix).definition).items():
                    box = place_of[operand.name][1]
                    said |= {
                        (r, c)
                        for rows, columns in patterns
                        for r, c in cells_of(box)
                        if at[rows] in (None, r - box[0]) and at[columns] in (None, c - box[1])
                    }
                assert set(reading.referred(computing(sheet)[cell])) == said, (matrix, cell)


# --- Choosing -----------------------------------------------------------------------------


def listed(sheet, validation) -> list[str]:
    """What a rule of a sheet offers to choose from."""
    if validation.formula1.startswith('"'):
        return validation.formula1.strip('"').split(",")
    bounds = range_boundaries(validation.formula1.replace("$", ""))
    left, top, right, bottom = bounds
    return [sheet.cell(*cell).value for cell in cells_of((top, left, bottom, right))]


@pytest.mark.parametrize("name", [*reading.NETWORKS, slow("many")])
def test_row_column_and_matrix_are_chosen_from_a_list(name):
    trace = example(name)
    for label, sheet in steps(formulas(trace)):
        active = [trace.matrix(m) for m in reading.computed(trace, label)]
        lists = {
            str(v.sqref): listed(sheet, v)
            for v in sheet.data_validations.dataValidation
            if v.type == "list"
        }
        wanted = {}
        if active:
            rows, columns = (max(sizes) for sizes in zip(*(m.shape for m in active), strict=True))
            wanted["D9"] = [str(k) for k in range(1, rows + 1)]
            wanted["F9"] = [str(k) for k in range(1, columns + 1)]
        if len(active) > 1:
            wanted["H9"] = [m.name for m in active]
        assert lists == wanted
        assert all(sheet[cell].value is None and sheet[cell].style == "focus" for cell in wanted)
        assert all(not sheet[cell].protection.locked for cell in wanted)


def test_names_too_many_for_a_rule_stand_in_cells_that_show_nothing():
    trace = example("many")
    unseen = {}
    for label, sheet in steps(formulas(trace)):
        names = [cell.value for cell in sheet[10] if cell.value is not None]
        unseen[label] = names
        assert all(cell.number_format == ";;;" for cell in sheet[10] if cell.value is not None)
        for validation in sheet.data_validations.dataValidation:
            assert len(validation.formula1) <= 255
    assert {label for label, names in unseen.items() if names} == {"10", "11"}
    assert unseen["10"] == reading.computed(trace, "10")


def test_a_list_too_long_for_a_spreadsheet_becomes_a_range_of_whole_numbers():
    for _, sheet in steps(formulas(example("tall"))):
        for validation in sheet.data_validations.dataValidation:
            assert len(validation.formula1) <= 255
    sheet = formulas(example("tall"))["Step 2"]
    (rows,) = [v for v in sheet.data_validations.dataValidation if "D9" in v.sqref]
    assert (rows.type, rows.operator, rows.formula1, rows.formula2) == (
        "whole", "between", "1", "120",
    )  # fmt: skip


# --- The formula of the cell in focus -----------------------------------------------------


def header(focused, sheet) -> list[list[str]]:
    """What the rows of notations and of the formula show, without their captions."""
    rows = range(FIRST_NOTATION, FORMULA_ROW + 1)
    shown = [
        [
            str(focused.model.get_cell_value(position(sheet), row, cell.column) or "")
            for cell in sheet[row][1:]
        ]
        for row in rows
    ]
    return [list(filter(None, texts)) for texts in shown]


def formula_at(focused, sheet, name: str, row: int | None, column: int | None) -> str | None:
    """The formula of the cell of a matrix that is in focus; None where it has no such cell."""
    top, left, bottom, right = focused.homes[name][1]
    cell = top + (row or 1) - 1, left + (column or 1) - 1
    return sheet.cell(*cell).value if cell[0] <= bottom and cell[1] <= right else None


@pytest.mark.parametrize("name", slow_but(["batch"], ["drawn", "entropy", "batch"]))
def test_the_formula_of_the_cell_in_focus_is_shown(name, tmp_path):
    trace = drawn(3, 2, 4, 2) if name == "drawn" else example(name)
    focused = Focused(trace, tmp_path)
    for _, sheet in reading.computing_steps(trace):
        for asked in ((None, None), (1, 1), (2, 2), (None, 2), (2, None)):
            row, column, _ = focused.choose(sheet, *asked, None)
            *_, shown = header(focused, sheet)
            assert len(shown) == len(focused.computed(sheet)), sheet.title
            for matrix, formula in zip(focused.computed(sheet), shown, strict=True):
                wanted = formula_at(focused, sheet, matrix, row, column)
                assert wanted in (None, formula), (matrix, row, column)


def told(trace, name: str) -> list[str]:
    """A matrix's statement in each notation, then the formula of its first cell."""
    home, (top, left, _, _) = homes(formulas(trace))[name]
    first = formulas(trace)[home].cell(top, left).value
    return [*(statement(trace.matrix(name), notation) for notation in NOTATIONS), first]


@pytest.mark.parametrize(
    ("name", "crowded"),
    [("deep", {"4"}), slow("adam", {"10", "11"}), slow("many", None)],
)
def test_where_not_all_statements_have_room_those_of_the_matrix_in_focus_are_shown(
    name, crowded, tmp_path
):
    trace = example(name)
    focused = Focused(trace, tmp_path)
    found = set()
    for label, sheet in reading.computing_steps(trace):
        names = focused.computed(sheet)
        focused.choose(sheet, None, None, None)
        shown = header(focused, sheet)
        if all(len(texts) == len(names) for texts in shown):
            assert [list(texts) for texts in zip(*shown, strict=True)] == [
                told(trace, matrix) for matrix in names
            ]
            continue
        found.add(label)
        assert [text for (text,) in shown] == told(trace, names[-1])
        for k, matrix in enumerate(names):
            focused.choose(sheet, None, None, k)
            assert [text for (text,) in header(focused, sheet)] == told(trace, matrix)
    assert crowded in (None, found)


@pytest.mark.parametrize("name", [*reading.NETWORKS, slow("tall"), slow("many")])
def test_the_file_holds_what_stands_in_the_header_before_anything_is_chosen(name):
    trace = example(name)
    for label, sheet in reading.computing_steps(trace):
        rows = reading.values(trace)[sheet.title].iter_rows(FIRST_NOTATION, FORMULA_ROW, 2)
        stored = [[cell.value for cell in row if cell.value is not None] for row in rows]
        wanted = [told(trace, matrix) for matrix in reading.computed(trace, label)]
        if len(stored[0]) < len(wanted):
            wanted = wanted[-1:]
        assert stored == [list(texts) for texts in zip(*wanted, strict=True)], sheet.title


def test_the_article_has_room_for_all_statements():
    for label, sheet in reading.computing_steps(example("article")):
        found = [cell for cell in sheet[FIRST_NOTATION][1:] if cell.value is not None]
        assert len(found) == len(reading.computed(example("article"), label))
        assert all(cell.data_type == "s" for cell in found)


@pytest.mark.slow
def test_a_step_of_more_matrices_than_functions_can_nest_keeps_to_a_spreadsheets_limits():
    trace = reading.traced(Network([1] * 19), 1, optimizer="adam", average=True)
    # Read only the sheets that are asked for: there are fifty others.
    book = load_workbook(BytesIO(reading.content(trace)), read_only=True)
    for label in ("10", "11"):
        assert len(reading.computed(trace, label)) > 70
        for row in book[f"Step {label}"].iter_rows(FIRST_NOTATION, FORMULA_ROW):
            for cell in row:
                if cell.data_type == "f":
                    assert len(cell.value) <= 8192, cell
                    assert reading.deepest(cell.value) <= 64, cell
