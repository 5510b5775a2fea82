"""What stands on the sheets: matrices, links, names, notes, inputs, formats and print.

What fits a screen and a page is tested in `test_screen_and_page.py`.
"""

from __future__ import annotations

import io
import re
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from openpyxl.utils import get_column_letter
from openpyxl.utils.cell import range_boundaries
from rich.console import Console

import cellprop
import reading
from cellprop.algebra import named, reads, statement, with_shapes
from cellprop.faces import terminal, workbook
from cellprop.faces.workbook import contents, theme
from cellprop.texts.words import Words, load
from conftest import slow_but, slow_case
from reading import FIRST_LANE, cells_of, example, formulas, homes, position, steps

ALL = pytest.mark.parametrize("name", reading.NETWORKS)
AFTER = {"Training", "Predictions", "Decision boundary"}


def first_sheets(book):
    """The contents and the steps' sheets; those that follow have tests of their own."""
    return [book["Contents"], *(sheet for _, sheet in steps(book))]


def stands_before(sheet, home: str) -> bool:
    return position(sheet) < position(sheet.parent[home])


def width(sheet, column: int) -> float:
    return sheet.column_dimensions[get_column_letter(column)].width


def room(sheet, row: int, column: int) -> float:
    """How many characters fit before the next text in a row."""
    total = width(sheet, column)
    for following in range(column + 1, sheet.max_column + 1):
        if sheet.cell(row, following).value is not None:
            return total
        total += width(sheet, following)
    return float("inf")


# --- The flip-book ------------------------------------------------------------------------


@ALL
def test_the_sheets_are_contents_and_a_sheet_for_each_step_in_order(name):
    trace = example(name)
    names = ["Contents", *(f"Step {step.label}" for step in trace.steps)]
    found = formulas(trace).sheetnames
    assert found[: len(names)] == names
    assert set(found[len(names) :]) <= AFTER


@pytest.mark.parametrize(
    ("name", "labels"),
    [
        ("article", "0 1 2 3 4 5 6 7 8 9 10 11"),
        (
            "deep",
            "0 1 2.1 3.1 2.2 3.2 2.3 3.3 4 5 6 7 8.3 9.3 8.2 9.2 8.1 9.1 10 11",
        ),
        ("momentum", "0 1 2 3 4 5 6 7 8 9 10"),
        ("shallow", "0 1 4 5 6 7 10 11"),
    ],
)
def test_a_layer_has_its_own_sheets_and_a_step_that_does_nothing_has_none(name, labels):
    assert [label for label, _ in steps(formulas(example(name)))] == labels.split()


LAYOUTS = pytest.mark.parametrize("layout", ["flip-book", "close-up"])


@ALL
def test_in_a_flip_book_every_matrix_stands_at_the_same_cells_on_every_sheet(name):
    trace = example(name)
    book = formulas(trace, "flip-book")
    assert set(homes(book)) == set(trace.names)
    for matrix, (_, (top, left, _, _)) in homes(book).items():
        for _, sheet in steps(book):
            assert sheet.cell(top - 2, left).value == matrix, (matrix, sheet.title)


@ALL
def test_in_close_up_every_step_shows_what_it_brings_and_what_it_reads(name):
    trace = example(name)
    for label, sheet in steps(formulas(trace, "close-up")):
        brings = trace.step(label).brings
        read = {m for matrix in brings for m in reads(matrix.definition or matrix)} - {*brings}
        blocks = reading.standing(trace, sheet)
        found = {block.name for block in blocks if not block.moves}
        assert found == {matrix.name for matrix in (*brings, *read)}


@ALL
@LAYOUTS
def test_matrices_do_not_overlap(name, layout):
    trace = example(name)
    for _, sheet in steps(formulas(trace, layout)):
        blocks = reading.standing(trace, sheet)
        taken = [cell for block in blocks for cell in cells_of(block.bounds)]
        assert len(taken) == len(set(taken))


@ALL
def test_a_ghost_holds_no_value_and_looks_like_a_ghost(name):
    book = formulas(example(name), "flip-book")
    for home, bounds in homes(book).values():
        for _, sheet in steps(book):
            if stands_before(sheet, home):
                cells = [sheet.cell(*cell) for cell in cells_of(bounds)]
                assert {(cell.value, cell.style) for cell in cells} == {(None, "ghost")}


@ALL
def test_in_close_up_nothing_stands_that_is_not_yet_computed(name):
    trace = example(name)
    for _, sheet in steps(formulas(trace, "close-up")):
        assert not any(block.ghost for block in reading.standing(trace, sheet))
        assert not [c for row in sheet.iter_rows() for c in row if c.style == "ghost"]


@ALL
@LAYOUTS
def test_a_matrix_is_computed_on_its_steps_sheet_and_linked_to_from_others(name, layout):
    trace = example(name)
    book = formulas(trace, layout)
    assert set(homes(book)) == set(trace.names)
    for _, sheet in steps(book):
        for block in reading.standing(trace, sheet):
            if block.ghost or block.moves:
                continue
            home, (top, left, bottom, right) = homes(book)[block.name]
            given = trace.matrix(block.name).definition is None
            at_home = sheet.title == home and block.bounds == (top, left, bottom, right)
            for (row, column), (i, j) in block.cells():
                found = sheet.cell(row, column).value
                if not at_home:
                    there = f"{get_column_letter(left + j)}{top + i}"
                    # A step may show again what it has computed itself.
                    assert found == (f"={there}" if sheet.title == home else f"='{home}'!{there}")
                elif given:
                    assert isinstance(found, (int, float))
                else:
                    assert found.startswith("=")
                    assert "!" not in found


STATES = {"input", "active", "read", "quiet", "ghost"}


@ALL
@LAYOUTS
def test_what_a_step_computes_reads_and_leaves_alone_looks_different(name, layout):
    trace = example(name)
    book = formulas(trace, layout)
    for label, sheet in steps(book):
        brings = trace.step(label).brings
        read = {m.name for matrix in brings if matrix.definition for m in reads(matrix.definition)}
        for block in reading.standing(trace, sheet):
            if block.moves:
                assert {sheet.cell(*cell).style for cell in cells_of(block.bounds)} == {"known"}
                continue
            home, bounds = homes(book)[block.name]
            state = "read" if block.name in read else "quiet"
            if stands_before(sheet, home):
                state = "ghost"
            elif sheet.title == home and block.bounds == bounds:
                state = "active" if trace.matrix(block.name).definition else "input"
            styles = {sheet.cell(*cell).style for cell in cells_of(block.bounds)}
            assert styles == {state}, (sheet.title, block.name)
            named = sheet.cell(block.name_row, block.left).style
            wanted = f"{state}_name" if state in ("quiet", "ghost") else "name"
            assert named == wanted
            assert state in STATES


@ALL
def test_a_matrix_looks_the_same_on_all_sheets_of_a_flip_book_on_which_it_is_in_one_state(name):
    book = formulas(example(name), "flip-book")
    for _, (top, left, bottom, right) in homes(book).values():
        looks: dict[str, set] = {}
        for _, sheet in steps(book):
            cells = [sheet.cell(*cell) for cell in cells_of((top, left, bottom, right))]
            look = tuple((c.style, c.number_format, c.row, c.column) for c in cells)
            looks.setdefault(cells[0].style, set()).add(look)
        assert all(len(found) == 1 for found in looks.values())


@ALL
def test_numbers_are_typed_on_steps_0_and_1_only(name):
    for label, sheet in steps(formulas(example(name))):
        typed = [c for row in sheet.iter_rows() for c in row if c.data_type == "n" and c.value]
        assert bool(typed) == (label in ("0", "1"))


@ALL
@LAYOUTS
def test_a_formula_of_a_step_refers_to_numbers_on_its_own_sheet_only(name, layout):
    book = formulas(example(name), layout)
    for _, sheet in steps(book):
        for cell, formula in reading.computing(sheet).items():
            for row, column in reading.referred(formula):
                assert sheet.cell(row, column).value is not None, (sheet.title, cell, formula)


@ALL
@LAYOUTS
def test_every_matrix_is_a_defined_name_for_its_numbers_at_home(name, layout):
    trace = example(name)
    book, values = formulas(trace, layout), reading.values(trace, layout)
    home_of = {m: f"Step {s.label}" for s in trace.steps for m in s.matrices}
    for matrix, (sheet, bounds) in homes(book).items():
        assert sheet == home_of[matrix]
        assert np.array_equal(reading.block(values[sheet], bounds), trace.values[matrix])
        where = book.defined_names[matrix].attr_text
        assert re.fullmatch(r"'Step \d+(\.\d+)?'!(\$[A-Z]+\$\d+:?)+", where)


@pytest.mark.parametrize("name", [*reading.NETWORKS, slow_case("many")])
def test_defined_names_are_distinct_whatever_their_case_and_are_not_cells(name):
    names = list(formulas(example(name)).defined_names)
    assert len({name.lower() for name in names}) == len(names)
    assert not [name for name in names if re.fullmatch(r"[A-Za-z]{1,3}\d+|[RrCc]\d*", name)]


# --- Above and around the lanes -----------------------------------------------------------


@ALL
def test_a_step_is_titled_with_its_number_and_what_happens(name):
    trace = example(name)
    last = trace.steps[-1].number
    assert last == 10 + trace.network.bias
    for label, sheet in steps(formulas(trace)):
        assert sheet["A1"].value == f"Step {label} of {last} · {trace.step(label).title}"


def styled(sheet, style: str, row: int | None = None) -> list:
    """The cells of a header, with a text, in a style."""
    rows = sheet.iter_rows(row or 1, row or FIRST_LANE - 1)
    return [c for each in rows for c in each if c.style == style and c.value is not None]


@ALL
def test_a_step_says_in_a_sentence_what_happens_beside_its_title(name):
    for _, sheet in steps(formulas(example(name))):
        (says,) = styled(sheet, "says")
        assert says.row == 1
        assert says.value.endswith(".")


@ALL
def test_a_step_has_a_large_line_of_maths_with_the_shapes_below_the_names(name):
    trace = example(name)
    for label, sheet in reading.computing_steps(trace):
        cells = styled(sheet, "formula")
        assert {cell.row for cell in cells} == {reading.MATHS_ROW}
        said = "\n".join(str(cell.value) for cell in cells)
        for matrix in reading.computed(trace, label)[-30:]:
            above, below = with_shapes(trace.matrix(matrix))
            short = statement(trace.matrix(matrix), "maths")
            whole = f"{above}\n{below}".rstrip()
            assert any(text in said for text in (whole, named(trace.matrix(matrix)), short)), matrix


def test_in_a_line_of_maths_each_shape_begins_below_the_name_that_it_is_of():
    (said,) = styled(formulas(example("article"))["Step 8"], "formula")
    above, below = said.value.split("\n")
    for name, shape in (("Error_at", "3 × 3"), ("d_output", "3 × 1"), ("woutᵀ", "1 × 3")):
        assert below[above.index(name) :].startswith(shape)


@ALL
def test_what_is_given_stands_with_its_shape_where_nothing_is_computed(name):
    trace = example(name)
    for label, sheet in steps(formulas(trace)):
        if reading.computed(trace, label):
            continue
        wanted = reading.given(trace, label)
        (maths,) = styled(sheet, "formula")
        names = maths.value.split("\n")[0].split()
        shown = [n for n in names if n != "…"]
        assert shown == wanted[: len(shown)]
        assert len(shown) == len(wanted) or (names[-1] == "…" and len(shown) >= 6)
        (caption,) = styled(sheet, "caption")
        rows, columns = trace.matrix(wanted[0]).shape
        scalar = trace.matrix(wanted[0]).is_scalar
        first = "one number" if scalar else f"{rows} × {columns}: "
        assert caption.value.startswith(f"{wanted[0]}: {first}")


@ALL
def test_the_numbers_put_in_stand_below_the_notation_that_is_chosen(name):
    trace = example(name)
    for _, sheet in reading.computing_steps(trace):
        notation, numbers = sheet.cell(3, 1), sheet.cell(reading.FORMULA_ROW, 1)
        there = "'Contents'!$B$3"
        assert notation.value == f'=IF({there}="","NumPy",{there})'
        assert numbers.value == "In numbers"
        (code,) = styled(sheet, "code")
        assert code.row == reading.FIRST_NOTATION
        assert reading.values(trace)[sheet.title][code.coordinate].value
        (worked,) = [c for c in styled(sheet, "numbers") if c.number_format == "General"]
        assert worked.row == reading.FORMULA_ROW


KEYED = ("computed here", "read to compute it", "known, not read here", "not yet")


@ALL
def test_the_foot_of_the_page_explains_the_colours_and_no_key_stands_on_a_sheet(name):
    for _, sheet in steps(formulas(example(name))):
        foot = sheet.oddFooter.left.text
        assert [text for text in KEYED if text in foot] == [*KEYED]
        assert all(word in foot for word in ("yellow", "orange", "grey", "dotted"))
        texts = {cell.value for row in sheet.iter_rows() for cell in row}
        assert not texts & {"Key", *KEYED}


@ALL
def test_every_look_on_a_sheet_is_in_the_key_on_the_contents(name):
    trace = example(name)
    book = formulas(trace)
    keyed = {c.style.removeprefix("key_") for row in book["Contents"] for c in row if c.value}
    for layout in ("flip-book", "close-up"):
        for _, sheet in steps(formulas(trace, layout)):
            styles = {cell.style for row in sheet.iter_rows(min_row=FIRST_LANE) for cell in row}
            assert styles & STATES <= keyed, sheet.title


@ALL
def test_every_sheet_links_to_the_one_before_the_contents_and_the_next(name):
    book = formulas(example(name))
    sheets = [sheet for _, sheet in steps(book)]
    for before, sheet, after in zip([None, *sheets], sheets, [*sheets[1:], None], strict=False):
        rows = (1, 2, 4)
        links = {r: [c.hyperlink.location for c in sheet[r] if c.hyperlink] for r in rows}
        wanted = dict(zip(rows, (before, after, book["Contents"]), strict=True))
        assert links == {r: [f"'{s.title}'!A1"] if s else [] for r, s in wanted.items()}


@ALL
def test_the_contents_list_every_step_with_a_link_and_the_matrices_it_computes(name):
    trace = example(name)
    sheet = formulas(trace)["Contents"]
    linked = {cell.hyperlink.location: cell.row for row in sheet for cell in row if cell.hyperlink}
    assert list(linked) == [f"'{title}'!A1" for title in sheet.parent.sheetnames[1:]]
    for step in trace.steps:
        listed = [cell.value for cell in sheet[linked[f"'Step {step.label}'!A1"]]]
        assert step.title in listed
        assert ", ".join(step.matrices) in listed


@pytest.mark.parametrize(
    "name", slow_but(["article", "deep", "momentum"], ["article", "deep", "momentum", "shallow"])
)
def test_the_contents_describe_every_layer(name):
    trace = example(name)
    rows = [[c.value for c in row if c.value] for row in formulas(trace)["Contents"].iter_rows()]
    (first,) = [i for i, row in enumerate(rows) if row[:1] == ["Input"]]
    sizes = trace.network.sizes
    layers = rows[first : first + len(sizes)]
    assert [row[1] for row in layers] == [str(size) for size in sizes]
    assert layers[-1][0] == "Output"
    for (before, size), row in zip(pairwise(sizes), layers[1:], strict=True):
        assert f": {before} × {size}" in row[3]
        assert (f": 1 × {size}" in row[-1]) == trace.network.bias


@ALL
def test_the_contents_show_the_loss_and_the_learning_rate_live(name):
    trace = example(name)
    sheet, values = formulas(trace)["Contents"], reading.values(trace)["Contents"]
    live = {
        values[cell.coordinate].value: cell.value
        for row in sheet.iter_rows()
        for cell in row
        if cell.data_type == "f"
    }
    of_samples = trace.values[trace.network.loss]
    (loss,) = set(live) - {trace.values["lr"].item()}
    assert loss == pytest.approx(of_samples.sum() / len(of_samples), rel=1e-14)
    assert live[loss].startswith("=SUM('Step 5'!")
    if trace.batches == 1:
        assert loss == trace.history["loss"][trace.walk_epoch - 1]


@ALL
def test_the_contents_have_the_loss_beside_its_label_near_the_left(name):
    sheet = formulas(example(name))["Contents"]
    (label,) = [cell for cell in sheet["A"] if cell.value == "Loss"]
    number, said = sheet.cell(label.row, 2), sheet.cell(label.row, 3)
    assert number.value.startswith("=SUM('Step 5'!")
    assert said.value.strip().startswith("before this update")


def test_beside_the_network_on_the_contents_there_is_room_for_its_picture():
    """360 × 170 pixels, from column F on."""
    sheet = formulas(example("article"))["Contents"]
    assert sum(7 * sheet.column_dimensions[c].width for c in "FG") >= 360
    first, last = (
        next(cell.row for cell in sheet["A"] if cell.value == text)
        for text in ("The network", "Steps")
    )
    assert sum(sheet.row_dimensions[row].height for row in range(first, last)) * 96 / 72 >= 170
    for row in range(first, last):
        for column in "FG":
            assert sheet[f"{column}{row}"].value is None
        # What stands before it ends before it.
        beside = [sheet[f"{column}{row}"] for column in "CDE"]
        for k, cell in enumerate(beside):
            room = sum(sheet.column_dimensions[c].width for c in "CDE"[k:])
            assert cell.value is None or str(cell.value)[:1] == "=" or len(str(cell.value)) < room


# --- The notation -------------------------------------------------------------------------


def choice_of_notation(sheet) -> list[str]:
    """What the list of the cell in which a notation is chosen holds."""
    (checked,) = sheet.data_validations.dataValidation
    assert (str(checked.sqref), checked.type, checked.allow_blank) == ("B3", "list", True)
    return checked.formula1.strip('"').split(",")


@ALL
def test_a_notation_is_chosen_on_the_contents_in_a_cell_with_a_name(name):
    book = formulas(example(name))
    sheet = book["Contents"]
    assert sheet["A3"].value == "Notation"
    cell = sheet["B3"]
    assert (cell.value, cell.style, cell.protection.locked) == ("NumPy", "focus", False)
    assert choice_of_notation(sheet) == ["NumPy", "R", "Excel", "Maths"]
    assert book.defined_names[contents.NOTATION].attr_text == contents.notation_cell()
    assert contents.notation_cell() == "'Contents'!$B$3"


def test_names_of_notations_may_hold_what_a_list_can_not(tmp_path):
    said = {"sheet.numpy": '=Num, "Py"', "sheet.r": "r" * 300, "sheet.excel": " Excel "}
    texts = Words({**load().texts, **said})
    path = workbook.write(example("article"), tmp_path / "book.xlsx", words=texts)
    sheet = reading.load_workbook(path)["Contents"]
    options = choice_of_notation(sheet)
    assert len(options) == 4
    assert sheet["B3"].value == options[0] == "=Num  'Py'"
    assert list(contents.notations(texts).values()) == options
    assert cellprop.verify(path).ok


@pytest.mark.parametrize(
    ("step", "slip"),
    [
        (1, "two hidden neurons"),
        (2, "one copy of the bias row for each sample"),
        (4, "matrix_dot_product"),
        (5, "walkthrough calls"),
        (6, "in terms of its output"),
        (7, "slope_output_layer*lr"),
        (11, "sums the output layer's delta"),
        (11, "rowSums"),
    ],
)
def test_a_note_says_where_the_article_slips_on_its_own_example_only(step, slip):
    assert slip in notes(formulas(example("article"))[f"Step {step}"])
    assert slip not in notes(formulas(example("band"))[f"Step {step}"])


@pytest.mark.parametrize(
    ("name", "step", "said"),
    [
        ("batch", "0", "update 3 of 4 in epoch 2 of 2, with 6 of 20 samples"),
        ("batch", "0", "from all 20 samples"),
        slow_case("standard", "0", "mean 0 and standard deviation 1"),
        ("deep", "4", "divides by the row's sum"),
        ("deep", "7", "d_output_check"),
        slow_case("entropy", "5", "MAX(EXP("),
        slow_case("adam", "10", "divided by 3"),
        slow_case("deep band", "4", "divides by the row's sum"),
    ],
)
def test_a_note_says_what_is_particular_about_a_network(name, step, said):
    assert said in notes(formulas(example(name))[f"Step {step}"])


def notes(sheet) -> str:
    cells = [cell.value for row in sheet.iter_rows() for cell in row if cell.style == "note"]
    return "\n".join(filter(None, cells))


@ALL
def test_merged_cells_are_apart_and_hold_one_text(name):
    for sheet in first_sheets(formulas(example(name))):
        covered = []
        for merged in sheet.merged_cells.ranges:
            cells = list(merged.cells)
            covered += cells
            assert sheet.cell(*cells[0]).value is not None or sheet.cell(*cells[0]).style == "focus"
        assert len(covered) == len(set(covered))


# --- Inputs -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", slow_but(["article", "batch"], ["article", "adam", "batch", "minmax"])
)
def test_inputs_are_blue_and_unlocked_and_nothing_is_protected(name):
    trace = example(name)
    book = formulas(trace)
    for _, sheet in steps(book):
        for block in reading.standing(trace, sheet):
            home, bounds = homes(book).get(block.name, ("", None))
            given = not block.moves and trace.matrix(block.name).definition is None
            typed = given and (sheet.title, block.bounds) == (home, bounds)
            for cell in (sheet.cell(*cell) for cell in cells_of(block.bounds)):
                assert (cell.style == "input") == typed
                assert cell.protection.locked != typed
    assert not any(sheet.protection.sheet for sheet in book.worksheets)
    red, green, blue = bytes.fromhex(theme.load().styles["input"].font.color.rgb[2:])
    assert blue > 2 * max(red, green)


@ALL
def test_exactly_the_inputs_take_numbers_only(name):
    trace = example(name)
    book = formulas(trace)
    for label, sheet in steps(book):
        checked = {
            cell
            for validation in sheet.data_validations.dataValidation
            if validation.type == "decimal"
            for area in validation.sqref.ranges
            for cell in area.cells
        }
        typed = {
            cell
            for matrix in reading.given(trace, label)
            for cell in cells_of(homes(book)[matrix][1])
        }
        assert checked == typed
        assert bool(typed) == (label in ("0", "1"))


# --- Numbers that can be read -------------------------------------------------------------


def shown(value: float, code: str) -> str:
    """A number as a spreadsheet shows it in one of our formats."""
    if code == "General":
        return f"{value:.9g}"
    code, _, sign = code.replace('"', " ", 1).replace('"', "").partition(" ")
    decimals = len(code.split("E", maxsplit=1)[0].partition(".")[2])
    return (f"{value:.{decimals}E}" if "E" in code else f"{value:.{decimals}f}") + sign


def significant(text: str) -> int:
    return len(re.sub(r"E.*|\D", "", text).lstrip("0"))


def numbers_with_formats(trace):
    for _, sheet in steps(reading.values(trace)):
        for row in sheet.iter_rows(min_row=FIRST_LANE):
            for cell in row:
                if isinstance(cell.value, (int, float)):
                    yield cell


SIZES = [1.0, 1e-3, 1e-9, 1e5, 1e12, 1e40]


@pytest.mark.parametrize("size", SIZES)
def test_numbers_show_two_significant_digits_and_fit_their_columns(size):
    article = example("article")
    parameters = {name: article.values[name] * size for name in article.parameters}
    X, y = article.values["X"] * size, article.values["y"] * size
    rate = 1e-3 / size
    trace = reading.cellprop.trace(article.network, X, y, parameters=parameters, learning_rate=rate)
    assert check_numbers(trace) > 500


@ALL
def test_so_do_the_numbers_of_every_network(name):
    assert check_numbers(example(name)) > 50


def check_numbers(trace) -> int:
    """How many numbers there are, each shown with two significant digits in its column's width."""
    cells = list(numbers_with_formats(trace))
    for cell in cells:
        text = shown(cell.value, cell.number_format)
        assert cell.value == float(text) or significant(text) >= 2, (cell, text)
        assert len(text) + 1 <= width(cell.parent, cell.column), (cell, text)
    return len(cells)


@pytest.mark.parametrize(
    "typed",
    [
        {"X": [1 / 3, 1e-7, 123456789.5, -0.04], "wh": [-1e-9]},
        {"wout": [0, 0, 0], "bout": [0.03]},
        {"y": [0.79], "wh": [5e6, 2e7], "lr": [1e-5]},
    ],
)
def test_typed_numbers_and_what_follows_from_them_show_two_significant_digits(typed, tmp_path):
    book = reading.without_values(example("article"))
    model = reading.ironcalc_model(reading.saved(book, tmp_path / "book.xlsx"))
    for name, values in typed.items():
        home, bounds = homes(book)[name]
        for cell, value in zip(cells_of(bounds), values, strict=False):
            model.update_cell_with_number(position(book[home]), *cell, float(value))
    model.evaluate()
    replaced = 0
    for _, sheet in steps(book):
        rules = reading.rules_by_cell(model, position(sheet), sheet, "numFmt")
        for cell in (cell for _, bounds in homes(book).values() for cell in cells_of(bounds)):
            value = model.get_cell_value(position(sheet), *cell)
            if isinstance(value, (int, float)):
                rule = rules.get(cell)
                code = rule.dxf.numFmt.formatCode if rule else sheet.cell(*cell).number_format
                text = shown(value, code)
                plain = float(text.rstrip("↑↓"))
                assert value == plain or significant(text) >= 2, (sheet, cell, text)
                replaced += rule is not None
    assert replaced > 5


@ALL
@LAYOUTS
def test_a_matrix_has_one_number_format_throughout_and_samples_one_for_each_input(name, layout):
    trace = example(name)
    codes: dict[str, dict[int, set[str]]] = {}
    for _, sheet in steps(formulas(trace, layout)):
        for block in reading.standing(trace, sheet):
            # What is turned has one format for all.
            if not (block.ghost or block.turned or block.moves):
                for cell, (_, j) in block.cells():
                    found = codes.setdefault(block.name, {}).setdefault(j, set())
                    found.add(sheet.cell(*cell).number_format)
    assert set(codes) == set(trace.names)
    for matrix, columns in codes.items():
        assert all(len(found) == 1 for found in columns.values()), matrix
        if not (matrix in ("X", "X_raw", "y") and trace.matrix(matrix).definition is None):
            assert len(set.union(*columns.values())) == 1


# --- The update is seen -------------------------------------------------------------------


def looks(trace, book, model, matrices) -> dict[str, list[str]]:
    """What each number of some matrices looks like on the sheet where the first is computed."""
    home, _ = homes(book)[matrices[0]]
    sheet = book[home]
    rules = reading.rules_by_cell(model, position(sheet), sheet, "numFmt")
    found: dict[str, list[str]] = {}
    for block in reading.standing(trace, sheet):
        if block.name in matrices and block.name not in found:
            cells = sorted((number, cell) for cell, number in block.cells())
            for _, cell in cells:
                rule = rules.get(cell)
                code = rule.dxf.numFmt.formatCode if rule else sheet.cell(*cell).number_format
                value = model.get_cell_value(position(sheet), *cell)
                found.setdefault(block.name, []).append(shown(value, code))
    return found


def still(old: list[str], new: list[str]) -> list[str]:
    """The numbers that look as they did before."""
    return [n for o, n in zip(old, new, strict=True) if n[-1] not in "↑↓" and float(o) == float(n)]


@pytest.mark.parametrize(
    "name",
    ["article", *(pytest.param(n, marks=pytest.mark.slow) for n in ("deep", "momentum", "adam"))],
)
def test_every_number_that_an_update_moves_looks_moved(name, tmp_path):
    trace = example(name)
    book = formulas(trace)
    model = reading.ironcalc_model(reading.saved(book, tmp_path / "book.xlsx"))
    model.evaluate()
    for old, new in trace.program.updates.items():
        stays = np.count_nonzero(trace.values[old] == trace.values[new.name])
        found = looks(trace, book, model, [new.name, old])
        assert len(still(found[old], found[new.name])) == stays, found


def printed(trace, name: str) -> list[str]:
    """The numbers of a matrix as `show` prints them, row by row."""
    console = Console(file=io.StringIO(), width=5000, highlight=False)
    terminal.show(console, trace, [trace.matrix(name)], load(), None)
    columns = trace.matrix(name).columns.size
    lines = console.file.getvalue().splitlines()[2:]
    return [text for line in lines if line.strip() for text in line.split()[-columns:]]


def check_moves(trace) -> None:
    for old, new in trace.program.updates.items():
        before, after = printed(trace, old), printed(trace, new.name)
        was, now = trace.values[old].ravel().tolist(), trace.values[new.name].ravel().tolist()
        for text, other, number, last in zip(after, before, now, was, strict=True):
            if text[-1] in "↑↓":
                assert (text[-1] == "↑", text[-1] == "↓") == (number > last, number < last)
            else:
                assert (float(text) == float(other)) == (number == last), (text, other)


FEW = settings(max_examples=5)
MANY = settings(max_examples=100, derandomize=True)


@given(reading.traces())
@FEW
def test_in_the_terminal_every_number_of_any_network_that_moved_looks_moved(trace):
    check_moves(trace)


@pytest.mark.slow
@given(reading.traces())
@MANY
def test_so_it_does_in_many_networks(trace):
    check_moves(trace)


@pytest.mark.parametrize(
    "rate", [1e-4, *(pytest.param(r, marks=pytest.mark.slow) for r in (1e-2, 1e-7, 1e-10))]
)
def test_a_smaller_learning_rate_that_is_typed_still_moves_every_weight_to_the_eye(rate, tmp_path):
    trace = example("article")
    book = reading.without_values(trace)
    model = reading.ironcalc_model(reading.saved(book, tmp_path / "book.xlsx"))
    home, (row, column, _, _) = homes(book)["lr"]
    model.update_cell_with_number(position(book[home]), row, column, rate)
    model.evaluate()
    for old, new in trace.program.updates.items():
        found = looks(trace, book, model, [new.name, old])
        assert still(found[old], found[new.name]) == [], found
        rises = (trace.values[new.name] > trace.values[old]).ravel().tolist()
        for text, up in zip(found[new.name], rises, strict=True):
            assert text[-1] not in "↑↓" or (text[-1] == "↑") == up


@ALL
def test_rows_are_no_taller_than_a_spreadsheet_allows(name):
    for sheet in first_sheets(formulas(example(name))):
        assert all(0 < rows.height <= 409 for rows in sheet.row_dimensions.values() if rows.height)


# --- Print --------------------------------------------------------------------------------


def test_the_contents_print_on_one_page(libreoffice, tmp_path):
    trace = example("adam")
    assert reading.pages(libreoffice, trace, ["Contents"], tmp_path) == {"Contents": 1}


def test_contents_that_are_too_tall_to_be_read_on_one_page_take_several():
    X = pd.DataFrame(np.eye(60), columns=[f"{k} " + "long " * 80 for k in range(60)])
    trace = cellprop.trace(cellprop.Network([60, 2, 1]), X, [0] * 60, seed=1)
    setup = formulas(trace)["Contents"].page_setup
    assert (setup.fitToWidth, setup.fitToHeight) == (None, 0)  # as many as it takes
    setup = formulas(example("article"))["Contents"].page_setup
    assert (setup.fitToWidth, setup.fitToHeight) == (None, None)  # one page, as usual


@pytest.mark.parametrize("number", range(12))
def test_a_step_of_the_article_prints_on_one_landscape_page(number):
    sheet = formulas(example("article"))[f"Step {number}"]
    assert sheet.page_setup.orientation == "landscape"
    assert sheet.sheet_properties.pageSetUpPr.fitToPage
    setup = sheet.page_setup
    assert (setup.fitToWidth, setup.fitToHeight) == (None, None)  # one page, as usual


@ALL
def test_all_that_a_sheet_holds_is_printed_with_titles_file_name_and_page(name):
    for sheet in first_sheets(formulas(example(name))):
        left, top, right, bottom = range_boundaries(sheet.print_area.split("!")[1])
        assert (left, top) == (1, 1)
        # What a rule or a formula needs stands further right, unseen.
        assert right >= sheet.max_column or not any(
            cell.value is not None and cell.number_format != ";;;"
            for column in sheet.iter_cols(min_col=right + 1)
            for cell in column
        )
        # A page can do without what an update changes, which stands below all else.
        changes = [cell.row for cell in sheet["A"] if cell.value == "Change"]
        # Nor need it say why products are written as they are.
        reasons = [
            cell.row
            for cell in sheet["A"]
            if re.search("is a matrix product:|goes number by number", str(cell.value))
        ]
        rows = (cell.row for row in sheet for cell in row if cell.value is not None)
        rows = (row for row in rows if row not in reasons)
        assert bottom >= max(row for row in rows if not changes or row < changes[0])
        setup = sheet.page_setup
        if setup.scale or setup.fitToHeight == 0:  # it may take several pages
            assert sheet.print_title_rows
        header = sheet.oddHeader
        assert header.left.text == "&F"
        assert re.search(r"&P\D+&N", header.right.text)


def breaks(sheet) -> list[int]:
    """The rows after which a new page begins."""
    assert not sheet.col_breaks.brk
    return [b.id for b in sheet.row_breaks.brk]


@pytest.mark.parametrize("name", [*reading.NETWORKS, slow_case("tall"), slow_case("many")])
@LAYOUTS
def test_no_page_ends_in_the_middle_of_a_matrix(name, layout):
    trace = example(name)
    for _, sheet in steps(formulas(trace, layout)):
        for block in reading.standing(trace, sheet):
            assert not [row for row in breaks(sheet) if block.name_row <= row < block.bottom]


def height(sheet, first: int, last: int) -> float:
    """The height of some rows in points; those that are folded away have none."""
    rows = (sheet.row_dimensions[row] for row in range(first, last + 1))
    return sum(0 if row.hidden else row.height or 15 for row in rows)


@ALL
@LAYOUTS
def test_a_lane_fits_on_the_page_on_which_it_begins(name, layout):
    trace = example(name)
    for _, sheet in steps(formulas(trace, layout)):
        rows = breaks(sheet)
        if not rows:
            continue
        _, _, _, last = range_boundaries(sheet.print_area.split("!")[1])
        printed = (595 - 72 * (sheet.page_margins.top + sheet.page_margins.bottom)) * 100
        for first, end in zip([1, *(row + 1 for row in rows)], [*rows, last], strict=True):
            repeated = height(sheet, 1, 2) if first > 1 else 0
            names = {
                found.name_row
                for found in reading.standing(trace, sheet)
                if first <= found.name_row <= end
            }
            if len(names) == 1 and (first > 1 or min(names) == FIRST_LANE):
                continue  # A lane of a page of its own; what is higher than a page has several.
            needed = (height(sheet, first, end) + repeated) * sheet.page_setup.scale
            assert needed <= printed, (sheet.title, first, end, needed / printed)


@ALL
def test_what_cannot_be_used_is_refused_when_it_is_typed(name):
    for sheet in first_sheets(formulas(example(name))):
        for validation in sheet.data_validations.dataValidation:
            assert validation.showErrorMessage
            assert 0 < len(validation.error) <= 225
