"""The one-cell focus: which cells keep their colour, as a spreadsheet evaluates the rules."""

from __future__ import annotations

import pytest
import reading
from reading import FORMULA_ROW, cells_of, computing, drawn, example, formulas, homes, steps

from cellprop.algebra import reads
from cellprop.workbook import theme

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


class Focused:
    """A workbook in IronCalc, whose focus can be chosen."""

    def __init__(self, trace, folder) -> None:
        path = folder / "book.xlsx"
        path.write_bytes(reading.content(trace))
        self.trace, self.book = trace, formulas(trace)
        self.model = reading.ironcalc_model(path)
        self.homes = homes(self.book)

    def computed(self, number: int) -> list[str]:
        """The matrices that a step computes."""
        names = self.trace.step(number).matrices
        return [name for name in names if self.trace.matrix(name).definition is not None]

    def choose(self, number: int, row, column, matrix) -> tuple:
        """Fill the focus cells in, with what their lists hold; return what was chosen."""
        names = self.computed(number)
        shapes = [self.trace.matrix(name).shape for name in names]
        row = row and min(row, max(rows for rows, _ in shapes))
        column = column and min(column, max(columns for _, columns in shapes))
        name = names[matrix] if matrix is not None and len(names) > 1 else None
        for cell, value in ((ROW, row), (COLUMN, column), (MATRIX, name)):
            if cell == MATRIX and len(names) == 1:
                continue
            self.model.set_user_input(number + 1, *cell, "" if value is None else str(value))
        self.model.evaluate()
        return row, column, name

    def colored(self, number: int, sheet) -> tuple[set, set]:
        """The yellow and the orange cells of the lanes while the rules apply."""
        styles = theme.load().styles
        rules = reading.rules_by_cell(self.model, number + 1, sheet, "fill")
        found: dict[str, set] = {"active": set(), "read": set()}
        for cell in {c for _, bounds in self.homes.values() for c in cells_of(bounds)}:
            fill = rules[cell].dxf.fill if cell in rules else sheet.cell(*cell).fill
            for state, cells in found.items():
                if fill.fill_type and fill.fgColor.rgb == styles[state].fill.fgColor.rgb:
                    cells.add(cell)
        return found["active"], found["read"]

    def concerned(self, number: int, sheet, row, column, name) -> tuple[set, set]:
        """The cells in focus, and those that their formulas refer to."""
        formula_of = computing(sheet)
        cells = set()
        for matrix in [name] if name else self.computed(number):
            top, left, bottom, right = self.homes[matrix][1]
            cells |= {
                (r, c)
                for r, c in cells_of((top, left, bottom, right))
                if row in (None, r - top + 1) and column in (None, c - left + 1)
            }
        read = {other for cell in cells for other in reading.referred(formula_of[cell])}
        return cells, read - cells


@pytest.fixture(params=["article", "fan", "long", "band"])
def focused(request, tmp_path):
    return Focused(example(request.param), tmp_path)


@pytest.mark.parametrize("focus", FOCI)
def test_only_what_is_in_focus_stays_yellow_and_only_what_it_reads_orange(focused, focus):
    for number, sheet in steps(focused.book)[2:]:
        chosen = focused.choose(number, *focus)
        right = focused.concerned(number, sheet, *chosen)
        assert focused.colored(number, sheet) == right, (sheet.title, chosen)


def test_without_a_focus_no_rule_of_it_holds(focused):
    for number, sheet in steps(focused.book):
        assert reading.rules_by_cell(focused.model, number + 1, sheet, "fill") == {}


def test_a_rule_goes_away_with_the_focus(tmp_path):
    focused = Focused(example("article"), tmp_path)
    sheet = focused.book["Step 4"]
    focused.choose(4, 1, 1, 0)
    assert reading.rules_by_cell(focused.model, 5, sheet, "fill")
    focused.choose(4, None, None, None)
    assert not reading.rules_by_cell(focused.model, 5, sheet, "fill")


def test_a_formula_refers_to_what_the_algebra_says_it_reads():
    trace = example("article")
    place_of = homes(formulas(trace))
    for _, sheet in steps(formulas(trace))[2:]:
        for name in trace.step(reading.step_of(sheet.title)).matrices:
            top, left, bottom, right = place_of[name][1]
            for cell in cells_of((top, left, bottom, right)):
                at = {"row": cell[0] - top, "column": cell[1] - left, "all": None}
                said = set()
                for operand, patterns in reads(trace.matrix(name).definition).items():
                    box = place_of[operand.name][1]
                    said |= {
                        (r, c)
                        for rows, columns in patterns
                        for r, c in cells_of(box)
                        if at[rows] in (None, r - box[0]) and at[columns] in (None, c - box[1])
                    }
                assert set(reading.referred(computing(sheet)[cell])) == said, (name, cell)


# --- Choosing -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["article", "wide", "band"])
def test_row_column_and_matrix_are_chosen_from_a_list(name):
    trace = example(name)
    for number, sheet in steps(formulas(trace)):
        matrices = [trace.matrix(m) for m in trace.step(number).matrices]
        active = [m for m in matrices if m.definition is not None]
        lists = {
            str(v.sqref): v.formula1.strip('"').split(",")
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


def test_the_formula_of_the_cell_in_focus_is_shown(tmp_path):
    focused = Focused(drawn(3, 2, 4, 2), tmp_path)
    for number, sheet in steps(focused.book)[2:]:
        for asked in ((None, None), (1, 1), (2, 2), (None, 2), (2, None)):
            row, column, _ = focused.choose(number, *asked, None)
            shown = [
                focused.model.get_cell_value(number + 1, FORMULA_ROW, cell.column)
                for cell in sheet[FORMULA_ROW]
                if cell.data_type == "f"
            ]
            assert len(shown) == len(focused.computed(number))
            for name, formula in zip(focused.computed(number), shown, strict=True):
                top, left, bottom, right = focused.homes[name][1]
                r, c = top + (row or 1) - 1, left + (column or 1) - 1
                inside = r <= bottom and c <= right
                if inside:
                    assert formula == sheet.cell(r, c).value, (name, row, column)


def test_the_file_holds_the_formula_of_the_first_cell_as_shown():
    for name in ("article", "tall"):
        trace = example(name)
        for number, sheet in steps(formulas(trace))[2:]:
            stored = [c.value for c in reading.values(trace)[sheet.title][FORMULA_ROW] if c.value]
            first = [
                sheet.cell(*homes(formulas(trace))[m][1][:2]).value
                for m in trace.step(number).matrices
            ]
            assert stored == ["In one cell", *first]
