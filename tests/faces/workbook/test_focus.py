"""The one-cell focus: which cells keep their colour, as a spreadsheet evaluates the rules."""

from __future__ import annotations

from functools import cache
from io import BytesIO

import pytest
from openpyxl import load_workbook
from openpyxl.utils.cell import range_boundaries

import reading
from by_hand import by_hand, calculated
from cellprop import Network
from cellprop.algebra import reads, statement, with_shapes
from cellprop.faces.workbook import theme
from conftest import slow_but, slow_case
from reading import (
    FIRST_NOTATION,
    FORMULA_ROW,
    MATHS_ROW,
    cells_of,
    computing,
    example,
    formulas,
    homes,
    position,
    standing,
    steps,
)

LAYOUTS = ("flip-book", "close-up")
BOTH = pytest.mark.parametrize("layout", LAYOUTS)

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


def boxes(sheet) -> list[tuple[int, int]]:
    """The cells in which a row, a column and, where there are several, a matrix are chosen."""
    rules = sheet.data_validations.dataValidation
    cells = [area.min_col for rule in rules for area in rule.sqref.ranges
             if area.min_row == FIRST_NOTATION]  # fmt: skip
    return [(FIRST_NOTATION, column) for column in sorted(cells)]


class Focused:
    """A workbook in IronCalc, whose focus can be chosen."""

    def __init__(self, trace, folder, layout="auto") -> None:
        path = folder / "book.xlsx"
        path.write_bytes(reading.content(trace, layout))
        self.trace, self.book, self.layout = trace, formulas(trace, layout), layout
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
        chosen = (row, column, name) if len(names) > 1 else (row, column)
        for cell, value in zip(boxes(sheet), chosen, strict=True):
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
        blocks = standing(self.trace, sheet)
        for cell in {cell for block in blocks for cell, _ in block.cells()}:
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
        for _, sheet in reading.computing_steps(self.trace, self.layout):
            chosen = self.choose(sheet, *focus)
            right = self.concerned(sheet, *chosen)
            assert self.colored(sheet) == right, (sheet.title, chosen)


@pytest.fixture(scope="module")
def focused(request, tmp_path_factory):
    name, _, layout = request.param.partition(" as ")
    return Focused(example(name), tmp_path_factory.mktemp("focused"), layout)


def in_both(*names: str) -> list[str]:
    return [f"{name} as {layout}" for name in names for layout in LAYOUTS]


@pytest.mark.parametrize(
    "focused",
    slow_but(in_both("article"), in_both("article", "fan", "long", "band")),
    indirect=True,
)
@pytest.mark.parametrize("focus", FOCI)
def test_only_what_is_in_focus_stays_yellow_and_only_what_it_reads_orange(focused, focus):
    focused.check(focus)


@pytest.mark.parametrize(
    "focused",
    slow_but(in_both("batch"), in_both("deep", "adam", "batch", "standard", "shallow", "entropy")),
    indirect=True,
)
@pytest.mark.parametrize("focus", [(2, 1, None), (None, 2, -1), (1, None, 0)])
def test_so_it_is_with_layers_losses_and_update_rules_of_any_kind(focused, focus):
    focused.check(focus)


@pytest.mark.parametrize(
    "name", slow_but(["deep"], ["article", "fan", "deep", "adam", "minmax", "many"])
)
@BOTH
def test_without_a_focus_no_rule_of_it_holds(name, layout, tmp_path):
    focused = Focused(example(name), tmp_path, layout)
    for _, sheet in steps(focused.book):
        assert reading.rules_by_cell(focused.model, position(sheet), sheet, "fill") == {}


@BOTH
def test_a_rule_goes_away_with_the_focus(layout, tmp_path):
    focused = Focused(example("article"), tmp_path, layout)
    sheet = focused.book["Step 4"]
    focused.choose(sheet, 1, 1, 0)
    assert reading.rules_by_cell(focused.model, position(sheet), sheet, "fill")
    focused.choose(sheet, None, None, None)
    assert not reading.rules_by_cell(focused.model, position(sheet), sheet, "fill")


@pytest.mark.parametrize("name", reading.NETWORKS)
@BOTH
def test_a_formula_refers_to_what_the_algebra_says_it_reads(name, layout):
    trace = example(name)
    place_of, number_of = homes(formulas(trace, layout)), reading.where(trace, layout)
    for label, sheet in reading.computing_steps(trace, layout):
        for matrix in reading.computed(trace, label):
            top, left, bottom, right = place_of[matrix][1]
            for cell in cells_of((top, left, bottom, right)):
                at = cell[0] - top, cell[1] - left
                said = {
                    (operand.name, (i, j))
                    for operand, patterns in reads(trace.matrix(matrix).definition).items()
                    for rows, columns in patterns
                    for i in rows.of(*at, operand.rows.size)
                    for j in columns.of(*at, operand.columns.size)
                }
                read = [
                    number_of[sheet.title, *c] for c in reading.referred(computing(sheet)[cell])
                ]
                assert set(read) == said, (matrix, cell)


def test_in_close_up_turned_blocks_go_by_their_columns(tmp_path):
    """What is read transposed stands transposed, and the focus on it goes with that."""
    trace = example("article")
    focused = Focused(trace, tmp_path, "close-up")
    sheet = focused.book["Step 10"]
    (turned,) = [block for block in standing(trace, sheet) if block.turned and block.name == "X"]
    focused.choose(sheet, 2, 1, 1)  # wh_new[2, 1] reads the second row of Xᵀ
    _, orange = focused.colored(sheet)
    row = {(turned.top + 1, column) for column in range(turned.left, turned.right + 1)}
    assert orange & set(cells_of(turned.bounds)) == row


@pytest.mark.parametrize("name", slow_but(["band"], ["band", "tall"]))
def test_what_is_folded_away_is_in_focus_as_well(name, tmp_path):
    trace = example(name)
    focused = Focused(trace, tmp_path, "close-up")
    sheet = focused.book["Step 2"]
    last = trace.matrix("hidden_layer_input").rows.size
    top = focused.homes["hidden_layer_input"][1][0]
    assert sheet.row_dimensions[top + last - 1].hidden
    chosen = focused.choose(sheet, last, 1, None)
    yellow, orange = focused.colored(sheet)
    assert (yellow, orange) == focused.concerned(sheet, *chosen)
    assert [row for row, _ in yellow] == [top + last - 1]


# --- Choosing -----------------------------------------------------------------------------


def listed(sheet, validation) -> list[str]:
    """What a rule of a sheet offers to choose from."""
    if validation.formula1.startswith('"'):
        return validation.formula1.strip('"').split(",")
    bounds = range_boundaries(validation.formula1.replace("$", ""))
    left, top, right, bottom = bounds
    return [sheet.cell(*cell).value for cell in cells_of((top, left, bottom, right))]


@pytest.mark.parametrize("name", [*reading.NETWORKS, slow_case("many")])
@BOTH
def test_row_column_and_matrix_are_chosen_from_a_list(name, layout):
    trace = example(name)
    for label, sheet in steps(formulas(trace, layout)):
        active = [trace.matrix(m) for m in reading.computed(trace, label)]
        lists = {
            str(v.sqref): listed(sheet, v)
            for v in sheet.data_validations.dataValidation
            if v.type == "list"
        }
        wanted = []
        if active:
            rows, columns = (max(sizes) for sizes in zip(*(m.shape for m in active), strict=True))
            wanted = [[str(k) for k in range(1, size + 1)] for size in (rows, columns)]
        if len(active) > 1:
            wanted.append([m.name for m in active])
        cells = [sheet.cell(*box) for box in boxes(sheet)]
        assert [lists.pop(cell.coordinate) for cell in cells] == wanted
        assert lists == {}
        assert all(cell.value is None and cell.style == "focus" for cell in cells)
        assert all(not cell.protection.locked for cell in cells)
        before = [sheet.cell(FIRST_NOTATION, _before(sheet, cell)).value for cell in cells]
        assert before == ["row", "col.", "matrix"][: len(cells)]


def _before(sheet, cell) -> int:
    """The column of the caption before a cell."""
    filled = [c.column for c in sheet[FIRST_NOTATION] if c.value is not None]
    return max(column for column in filled if column < cell.column)


def unseen(sheet, row: int) -> list:
    """The cells of a row that show nothing whatever they hold."""
    return [cell for cell in sheet[row] if cell.number_format == ";;;" and cell.value is not None]


@BOTH
def test_names_too_many_for_a_rule_stand_in_cells_that_show_nothing(layout):
    trace = example("many")
    names = {}
    for label, sheet in steps(formulas(trace, layout)):
        names[label] = [cell.value for cell in unseen(sheet, FIRST_NOTATION)]
        printed = range_boundaries(str(sheet.print_area).rpartition("!")[2].replace("$", ""))
        assert all(cell.column > printed[2] for cell in unseen(sheet, FIRST_NOTATION))
        for validation in sheet.data_validations.dataValidation:
            assert len(validation.formula1) <= 255
    assert {label for label, found in names.items() if found} == {"10", "11"}
    assert names["10"] == reading.computed(trace, "10")


@BOTH
def test_a_list_too_long_for_a_spreadsheet_becomes_a_range_of_whole_numbers(layout):
    for _, sheet in steps(formulas(example("tall"), layout)):
        for validation in sheet.data_validations.dataValidation:
            assert len(validation.formula1) <= 255
    sheet = formulas(example("tall"), layout)["Step 2"]
    box = sheet.cell(*boxes(sheet)[0]).coordinate
    (rows,) = [v for v in sheet.data_validations.dataValidation if box in v.sqref]
    assert (rows.type, rows.operator, rows.formula1, rows.formula2) == (
        "whole", "between", "1", "120",
    )  # fmt: skip


# --- What stands above the matrices ---------------------------------------------------------


def shown(focused, sheet, row: int, style: str) -> list[str]:
    """What the cells of a row that have a style show."""
    values = [focused.model.get_cell_value(position(sheet), row, cell.column)
              for cell in sheet[row] if cell.style == style and cell.value is not None
              and cell.number_format != ";;;"]  # fmt: skip
    return [str(value) for value in values]


def maths(focused, sheet) -> list[str]:
    return shown(focused, sheet, MATHS_ROW, "formula")


def code(focused, sheet) -> str:
    (text,) = shown(focused, sheet, FIRST_NOTATION, "code")
    return text


def numbers(focused, sheet) -> str:
    (text,) = shown(focused, sheet, FORMULA_ROW, "numbers")
    return text


def is_maths_of(text: str, matrix) -> bool:
    """Whether a text says how a matrix is computed, its shapes below the names if these have
    room.
    """
    if "\n" not in text:
        return text == statement(matrix, "maths")
    told, wanted = text.split("\n"), with_shapes(matrix)
    return [line.rstrip() for line in told] == [line.rstrip() for line in wanted]


def assert_calculates(trace, text: str, name: str, row: int, column: int) -> None:
    """A text says how a number of a matrix is calculated, and that this is it."""
    value = trace.values[name][row, column]
    cell = name if trace.matrix(name).is_scalar else f"{name}[{row + 1}, {column + 1}]"
    assert text.startswith(f"{cell} = "), text
    digits = text.rpartition(" = ")[2]
    result = by_hand(digits)
    # Two digits and more, or all decimals that a cell shows.
    decimals = 300 if "E" in digits else len(digits.partition(".")[2])
    assert result == pytest.approx(value, rel=0.06, abs=10.0**-decimals), text
    if "…" not in text:
        exact, _, apart = calculated(text)
        assert apart == float("inf") or abs(exact - result) <= apart * 1.01 + 1e-12, text


@pytest.mark.parametrize("name", slow_but(["batch", "deep"], reading.NAMES))
@BOTH
def test_the_maths_the_notation_and_the_numbers_follow_the_matrix_in_focus(name, layout, tmp_path):
    trace = example(name)
    focused = Focused(trace, tmp_path, layout)
    for _, sheet in reading.computing_steps(trace, layout):
        names = focused.computed(sheet)
        for k, matrix in enumerate([*names, names[-1]]):
            focused.choose(sheet, None, None, k if k < len(names) else None)
            told = maths(focused, sheet)
            if len(names) > 1 and len(told) == len(names):
                assert all(map(is_maths_of, told, map(trace.matrix, names))), told
            else:
                assert is_maths_of(*told, trace.matrix(matrix)), (told, matrix)
            assert code(focused, sheet) == statement(trace.matrix(matrix), "numpy")
            assert_calculates(trace, numbers(focused, sheet), matrix, 0, 0)


@pytest.mark.parametrize("name", slow_but(["article", "batch"], reading.NAMES))
@BOTH
def test_the_numbers_are_those_of_the_cell_in_focus(name, layout, tmp_path):
    trace = example(name)
    focused = Focused(trace, tmp_path, layout)
    for _, sheet in reading.computing_steps(trace, layout):
        names = focused.computed(sheet)
        rows, columns = trace.matrix(names[-1]).shape
        for asked in ((1, 1), (rows, columns), (None, columns), (rows, None)):
            row, column, _ = focused.choose(sheet, *asked, -1)
            text = numbers(focused, sheet)
            assert_calculates(trace, text, names[-1], (row or 1) - 1, (column or 1) - 1)


NOTATION_NAMES = {"numpy": "NumPy", "r": "R", "excel": "Excel", "maths": "Maths"}


@pytest.mark.parametrize("name", slow_but(["article"], ["article", "deep", "adam", "band"]))
@BOTH
def test_the_notation_is_the_one_chosen_on_the_contents(name, layout, tmp_path):
    trace = example(name)
    focused = Focused(trace, tmp_path, layout)
    ((title, cell),) = focused.book.defined_names["notation"].destinations
    contents = focused.book[title]
    cell = contents[cell.replace("$", "")]
    (rule,) = [v for v in contents.data_validations.dataValidation if cell.coordinate in v.sqref]
    offered = listed(contents, rule)
    assert offered == list(NOTATION_NAMES.values())
    assert cell.value == offered[0]
    for notation, called in [*NOTATION_NAMES.items(), ("numpy", "")]:
        focused.model.set_user_input(0, cell.row, cell.column, called)
        focused.model.evaluate()
        for _, sheet in reading.computing_steps(trace, layout):
            names = focused.computed(sheet)
            said = focused.model.get_cell_value(position(sheet), FIRST_NOTATION, 1)
            assert said == (called or "NumPy")
            for k, matrix in enumerate(names):
                focused.choose(sheet, None, None, k)
                assert code(focused, sheet) == statement(trace.matrix(matrix), notation)
            focused.choose(sheet, None, None, None)


@pytest.mark.parametrize("name", [*reading.NETWORKS, slow_case("tall"), slow_case("many")])
@BOTH
def test_the_file_holds_what_stands_in_the_header_before_anything_is_chosen(name, layout):
    trace = example(name)
    for label, sheet in reading.computing_steps(trace, layout):
        stored = reading.values(trace, layout)[sheet.title]
        last = trace.matrix(reading.computed(trace, label)[-1])
        assert stored.cell(FIRST_NOTATION, 1).value == NOTATION_NAMES["numpy"]
        assert stored.cell(FIRST_NOTATION, 3).value == statement(last, "numpy")
        assert_calculates(trace, stored.cell(FORMULA_ROW, 3).value, last.name, 0, 0)
        told = [cell.value for cell in stored[MATHS_ROW] if cell.style == "formula" and cell.value]
        assert is_maths_of(told[-1], last)


@BOTH
def test_lines_of_maths_that_have_room_stand_side_by_side(layout):
    trace, crowded = example("article"), set()
    for label, sheet in reading.computing_steps(trace, layout):
        found = [cell for cell in sheet[MATHS_ROW] if cell.style == "formula" and cell.value]
        names = reading.computed(trace, label)
        if len(found) < len(names):
            crowded.add(label)
            assert [cell.data_type for cell in found] == ["f"]
        else:
            assert len(found) == len(names)
            assert all(cell.data_type == "s" and "\n" in cell.value for cell in found)
    assert crowded == {"4", "6", "10", "11"}


@BOTH
def test_what_is_calculated_of_several_matrices_stands_unseen_beyond_the_page(layout):
    trace = example("article")
    for label, sheet in reading.computing_steps(trace, layout):
        names = reading.computed(trace, label)
        cells = unseen(sheet, FORMULA_ROW)
        assert len(cells) == (len(names) if len(names) > 1 else 0)
        printed = range_boundaries(str(sheet.print_area).rpartition("!")[2].replace("$", ""))
        assert all(cell.column > printed[2] for cell in cells)


@pytest.mark.slow
def test_a_step_of_more_matrices_than_functions_can_nest_keeps_to_a_spreadsheets_limits():
    trace = reading.traced(Network([1] * 19), 1, optimizer="adam", average=True)
    # Read only the sheets that are asked for: there are fifty others.
    book = load_workbook(BytesIO(reading.content(trace)), read_only=True)
    for label in ("10", "11"):
        assert len(reading.computed(trace, label)) > 70
        for row in book[f"Step {label}"].iter_rows(MATHS_ROW, FORMULA_ROW):
            for cell in row:
                if cell.data_type == "f":
                    assert len(cell.value) <= 8192, cell
                    assert reading.deepest(cell.value) <= 64, cell
