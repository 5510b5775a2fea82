"""What stands on the sheets: the flip-book, links, names, notes, inputs, formats and print."""

from __future__ import annotations

import re

import numpy as np
import pytest
import reading
from openpyxl.utils import get_column_letter
from openpyxl.utils.cell import range_boundaries
from reading import FIRST_LANE, block, cells_of, example, formulas, homes, step_of, steps

from cellprop.algebra import NOTATIONS, statement
from cellprop.workbook import theme

ALL = pytest.mark.parametrize("name", ["article", "wide", "long", "fan", "one", "band"])


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
    assert formulas(example(name)).sheetnames == ["Contents", *(f"Step {n}" for n in range(12))]


@ALL
def test_every_matrix_stands_at_the_same_cells_on_every_sheet_with_its_name_above(name):
    trace = example(name)
    book = formulas(trace)
    assert set(homes(book)) == set(trace.names)
    for matrix, (_, (top, left, _, _)) in homes(book).items():
        for _, sheet in steps(book):
            assert sheet.cell(top - 2, left).value == matrix, (matrix, sheet.title)


@ALL
def test_matrices_do_not_overlap(name):
    book = formulas(example(name))
    taken = [cell for _, bounds in homes(book).values() for cell in cells_of(bounds)]
    assert len(taken) == len(set(taken))


@ALL
def test_a_ghost_holds_no_value_and_looks_like_a_ghost(name):
    book = formulas(example(name))
    for home, bounds in homes(book).values():
        for number, sheet in steps(book):
            if number < step_of(home):
                cells = [sheet.cell(*cell) for cell in cells_of(bounds)]
                assert {(cell.value, cell.style) for cell in cells} == {(None, "ghost")}


@ALL
def test_a_matrix_is_computed_on_its_steps_sheet_and_linked_to_from_later_ones(name):
    trace = example(name)
    book = formulas(trace)
    for matrix, (home, bounds) in homes(book).items():
        given = trace.matrix(matrix).definition is None
        for number, sheet in steps(book):
            for row, column in cells_of(bounds):
                found = sheet.cell(row, column).value
                if number > step_of(home):
                    assert found == f"='{home}'!{get_column_letter(column)}{row}"
                elif number == step_of(home) and given:
                    assert isinstance(found, (int, float))
                elif number == step_of(home):
                    assert found.startswith("=")
                    assert "!" not in found


@ALL
def test_numbers_are_typed_on_steps_0_and_1_only(name):
    for number, sheet in steps(formulas(example(name))):
        typed = [c for row in sheet.iter_rows() for c in row if c.data_type == "n" and c.value]
        assert bool(typed) == (number < 2)


@ALL
def test_a_formula_of_a_step_refers_to_numbers_on_its_own_sheet_only(name):
    book = formulas(example(name))
    for _, sheet in steps(book):
        for cell, formula in reading.computing(sheet).items():
            for row, column in reading.referred(formula):
                assert sheet.cell(row, column).value is not None, (sheet.title, cell, formula)


def test_in_the_band_a_row_is_the_same_sample_across_the_sheet():
    trace = example("band")
    tops = {
        bounds[0]
        for matrix, (_, bounds) in homes(formulas(trace)).items()
        if trace.matrix(matrix).rows.name == "samples"
    }
    assert len(tops) == 1


@ALL
def test_every_matrix_is_a_defined_name_for_its_numbers_at_home(name):
    trace = example(name)
    book, values = formulas(trace), reading.values(trace)
    home_of = {m: f"Step {s.number}" for s in trace.steps for m in s.matrices}
    for matrix, (sheet, bounds) in homes(book).items():
        assert sheet == home_of[matrix]
        assert np.array_equal(block(values[sheet], bounds), trace.values[matrix])
        assert re.fullmatch(r"'Step \d+'!(\$[A-Z]+\$\d+:?)+", book.defined_names[matrix].attr_text)


def test_defined_names_are_distinct_whatever_their_case_and_are_not_cells():
    names = list(formulas(example("article")).defined_names)
    assert len({name.lower() for name in names}) == len(names)
    assert not [name for name in names if re.fullmatch(r"[A-Za-z]{1,3}\d+|[RrCc]\d*", name)]


# --- Above and around the lanes -----------------------------------------------------------


def test_a_step_is_titled_with_its_number_and_what_happens():
    trace = example("article")
    for number, sheet in steps(formulas(trace)):
        assert sheet["A1"].value == f"Step {number} of 11 · {trace.step(number).title}"


def test_a_step_says_in_a_sentence_what_happens():
    for _, sheet in steps(formulas(example("article"))):
        assert sheet["A2"].value.endswith(".")


@ALL
def test_a_step_stands_in_every_notation(name):
    trace = example(name)
    for number, sheet in steps(formulas(trace)):
        for matrix in map(trace.matrix, trace.step(number).matrices):
            if matrix.definition is not None:
                for row, notation in enumerate(NOTATIONS, 3):
                    shown = [cell.value for cell in sheet[row] if cell.data_type != "f"]
                    assert statement(matrix, notation) in shown


def test_the_key_shows_what_the_sheet_holds():
    said = {
        number: {cell.value for cell in sheet[8] if cell.value}
        for number, sheet in steps(formulas(example("article")))
    }
    assert said[0] == {"Key", "type here", "not yet"}
    assert said[1] == {"Key", "type here", "known so far", "not yet"}
    assert said[7] == {"Key", "computed here", "read to compute it", "known so far", "not yet"}
    assert said[11] == {"Key", "computed here", "read to compute it", "known so far"}


def test_every_sheet_links_to_the_one_before_the_contents_and_the_next():
    book = formulas(example("article"))
    for number, sheet in steps(book):
        targets = [cell.hyperlink.location for cell in sheet[1] if cell.hyperlink]
        wanted = ["Contents", f"Step {number - 1}", f"Step {number + 1}"]
        assert sorted(targets) == sorted(
            f"'{target}'!A1" for target in wanted if target in book.sheetnames
        )


def test_the_contents_list_every_step_with_a_link_and_the_matrices_it_computes():
    trace = example("article")
    sheet = formulas(trace)["Contents"]
    linked = {cell.hyperlink.location: cell.row for row in sheet for cell in row if cell.hyperlink}
    assert list(linked) == [f"'Step {number}'!A1" for number in range(12)]
    for number in range(12):
        listed = [cell.value for cell in sheet[linked[f"'Step {number}'!A1"]]]
        assert trace.step(number).title in listed
        assert ", ".join(trace.step(number).matrices) in listed


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
    loss = trace.history["loss"][trace.walk_epoch - 1]
    assert set(live) == {loss, trace.values["lr"].item()}
    assert live[loss].startswith("=SUM('Step 5'!")


@pytest.mark.parametrize(
    ("step", "slip"),
    [
        (1, "two hidden neurons"),
        (2, "one copy of the bias row for each sample"),
        (4, "matrix_dot_product"),
        (5, "negative gradient"),
        (6, "in terms of its output"),
        (7, "slope_output_layer*lr"),
        (11, "sums the output layer's delta"),
        (11, "rowSums"),
    ],
)
@pytest.mark.parametrize("name", ["article", "band"])
def test_a_note_says_where_the_article_slips(name, step, slip):
    sheet = formulas(example(name))[f"Step {step}"]
    notes = [cell.value for row in sheet.iter_rows() for cell in row if cell.style == "note"]
    assert slip in "\n".join(filter(None, notes))


@ALL
def test_merged_cells_are_apart_and_hold_one_text(name):
    for sheet in formulas(example(name)).worksheets:
        covered = []
        for merged in sheet.merged_cells.ranges:
            cells = list(merged.cells)
            covered += cells
            assert sheet.cell(*cells[0]).value is not None or sheet.cell(*cells[0]).style == "focus"
        assert len(covered) == len(set(covered))


# --- Inputs -------------------------------------------------------------------------------


def test_inputs_are_blue_and_unlocked_and_nothing_is_protected():
    book = formulas(example("article"))
    for home, bounds in homes(book).values():
        for number, sheet in steps(book):
            for row, column in cells_of(bounds):
                cell = sheet.cell(row, column)
                typed = number == step_of(home) and number < 2
                assert (cell.style == "input") == typed
                assert cell.protection.locked != typed
    assert not any(sheet.protection.sheet for sheet in book.worksheets)
    red, green, blue = bytes.fromhex(theme.load().styles["input"].font.color.rgb[2:])
    assert blue > 2 * max(red, green)


@ALL
def test_exactly_the_inputs_take_numbers_only(name):
    trace = example(name)
    book = formulas(trace)
    for number, sheet in steps(book):
        checked = {
            cell
            for validation in sheet.data_validations.dataValidation
            if validation.type == "decimal"
            for area in validation.sqref.ranges
            for cell in area.cells
        }
        typed = {
            cell
            for matrix, (home, bounds) in homes(book).items()
            if home == sheet.title and trace.matrix(matrix).definition is None
            for cell in cells_of(bounds)
        }
        assert checked == typed
        assert bool(typed) == (number < 2)


# --- Numbers that can be read -------------------------------------------------------------


def shown(value: float, code: str) -> str:
    """A number as a spreadsheet shows it in one of our formats."""
    if code == "General":
        return f"{value:.9g}"
    decimals = len(code.split("E", maxsplit=1)[0].partition(".")[2])
    return f"{value:.{decimals}E}" if "E" in code else f"{value:.{decimals}f}"


def significant(text: str) -> int:
    return len(re.sub(r"E.*|\D", "", text).lstrip("0"))


def numbers_with_formats(trace):
    for number, sheet in steps(reading.values(trace)):
        for row in sheet.iter_rows(min_row=FIRST_LANE):
            for cell in row:
                if isinstance(cell.value, (int, float)):
                    yield number, cell


SIZES = [1.0, 1e-3, 1e-9, 1e5, 1e12, 1e40]


@pytest.mark.parametrize("size", SIZES)
def test_numbers_show_two_significant_digits_and_fit_their_columns(size):
    article = example("article")
    parameters = {name: article.values[name] * size for name in article.parameters}
    X, y = article.values["X"] * size, article.values["y"] * size
    rate = 1e-3 / size
    trace = reading.cellprop.trace(article.network, X, y, parameters=parameters, learning_rate=rate)
    count = 0
    for _, cell in numbers_with_formats(trace):
        text = shown(cell.value, cell.number_format)
        assert cell.value == float(text) or significant(text) >= 2, (cell, text)
        assert len(text) + 1 <= width(cell.parent, cell.column), (cell, text)
        count += 1
    assert count > 500


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
            model.update_cell_with_number(step_of(home) + 1, *cell, float(value))
    model.evaluate()
    replaced = 0
    for number, sheet in steps(book):
        rules = reading.rules_by_cell(model, number + 1, sheet, "numFmt")
        for cell in (cell for _, bounds in homes(book).values() for cell in cells_of(bounds)):
            value = model.get_cell_value(number + 1, *cell)
            if isinstance(value, (int, float)):
                rule = rules.get(cell)
                code = rule.dxf.numFmt.formatCode if rule else sheet.cell(*cell).number_format
                text = shown(value, code)
                assert value == float(text) or significant(text) >= 2, (sheet, cell, text)
                replaced += rule is not None
    assert replaced > 5


@ALL
def test_a_matrix_has_one_number_format_throughout(name):
    trace = example(name)
    book = formulas(trace)
    for home, bounds in homes(book).values():
        codes = {
            sheet.cell(*cell).number_format
            for number, sheet in steps(book)
            if number >= step_of(home)
            for cell in cells_of(bounds)
        }
        assert len(codes) == 1


@ALL
def test_no_name_or_statement_runs_into_the_next(name):
    for _, sheet in steps(formulas(example(name))):
        for row in sheet.iter_rows():
            for cell in row:
                if cell.style in ("name", "ghost_name", "code") and cell.value:
                    text = reading.values(example(name))[sheet.title][cell.coordinate].value
                    assert len(text) <= room(sheet, cell.row, cell.column), cell


@ALL
def test_the_title_does_not_run_into_the_links(name):
    for _, sheet in steps(formulas(example(name))):
        larger = sheet["A1"].font.sz / sheet.cell(FIRST_LANE, 3).font.sz
        assert len(sheet["A1"].value) * larger * 0.9 <= room(sheet, 1, 1), sheet.title


@ALL
def test_rows_are_no_taller_than_a_spreadsheet_allows(name):
    for sheet in formulas(example(name)).worksheets:
        assert all(0 < rows.height <= 409 for rows in sheet.row_dimensions.values() if rows.height)


# --- Print --------------------------------------------------------------------------------


@pytest.mark.parametrize("number", range(12))
def test_a_step_of_the_article_prints_on_one_landscape_page(number):
    sheet = formulas(example("article"))[f"Step {number}"]
    assert sheet.page_setup.orientation == "landscape"
    assert sheet.sheet_properties.pageSetUpPr.fitToPage
    assert (sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight) == (1, 1)


@ALL
def test_all_that_a_sheet_holds_is_printed_with_titles_file_name_and_page(name):
    for sheet in formulas(example(name)).worksheets:
        left, top, right, bottom = range_boundaries(sheet.print_area.split("!")[1])
        assert (left, top) == (1, 1)
        assert right >= sheet.max_column or not any(
            cell.value is not None
            for column in sheet.iter_cols(min_col=right + 1)
            for cell in column
        )
        assert bottom >= max(cell.row for row in sheet for cell in row if cell.value is not None)
        assert sheet.print_title_rows
        header = sheet.oddHeader
        assert header.left.text == "&F"
        assert re.search(r"&P\D+&N", header.right.text)


@ALL
def test_what_cannot_be_used_is_refused_when_it_is_typed(name):
    for sheet in formulas(example(name)).worksheets:
        for validation in sheet.data_validations.dataValidation:
            assert validation.showErrorMessage
            assert 0 < len(validation.error) <= 225
