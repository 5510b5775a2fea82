"""What stands on the sheets: the flip-book, links, names, notes, inputs, formats and print."""

from __future__ import annotations

import io
import re
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from openpyxl.utils import get_column_letter
from openpyxl.utils.cell import range_boundaries
from rich.console import Console

import reading
from cellprop.faces import terminal
from cellprop.faces.workbook import theme
from cellprop.texts.words import load
from conftest import slow, slow_but
from reading import FIRST_LANE, block, cells_of, example, formulas, homes, position, steps

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
        for _, sheet in steps(book):
            if stands_before(sheet, home):
                cells = [sheet.cell(*cell) for cell in cells_of(bounds)]
                assert {(cell.value, cell.style) for cell in cells} == {(None, "ghost")}


@ALL
def test_a_matrix_is_computed_on_its_steps_sheet_and_linked_to_from_later_ones(name):
    trace = example(name)
    book = formulas(trace)
    for matrix, (home, bounds) in homes(book).items():
        given = trace.matrix(matrix).definition is None
        for _, sheet in steps(book):
            if stands_before(sheet, home):
                continue
            for row, column in cells_of(bounds):
                found = sheet.cell(row, column).value
                if sheet.title != home:
                    assert found == f"='{home}'!{get_column_letter(column)}{row}"
                elif given:
                    assert isinstance(found, (int, float))
                else:
                    assert found.startswith("=")
                    assert "!" not in found


@ALL
def test_numbers_are_typed_on_steps_0_and_1_only(name):
    for label, sheet in steps(formulas(example(name))):
        typed = [c for row in sheet.iter_rows() for c in row if c.data_type == "n" and c.value]
        assert bool(typed) == (label in ("0", "1"))


@ALL
def test_a_formula_of_a_step_refers_to_numbers_on_its_own_sheet_only(name):
    book = formulas(example(name))
    for _, sheet in steps(book):
        for cell, formula in reading.computing(sheet).items():
            for row, column in reading.referred(formula):
                assert sheet.cell(row, column).value is not None, (sheet.title, cell, formula)


@pytest.mark.parametrize("name", slow_but(["band"], ["band", "tall", "deep band"]))
def test_in_the_band_a_row_is_the_same_sample_across_the_sheet(name):
    trace = example(name)
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
    home_of = {m: f"Step {s.label}" for s in trace.steps for m in s.matrices}
    for matrix, (sheet, bounds) in homes(book).items():
        assert sheet == home_of[matrix]
        assert np.array_equal(block(values[sheet], bounds), trace.values[matrix])
        where = book.defined_names[matrix].attr_text
        assert re.fullmatch(r"'Step \d+(\.\d+)?'!(\$[A-Z]+\$\d+:?)+", where)


@pytest.mark.parametrize("name", [*reading.NETWORKS, slow("many")])
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


@ALL
def test_a_step_says_in_a_sentence_what_happens(name):
    for _, sheet in steps(formulas(example(name))):
        assert sheet["A2"].value.endswith(".")


@ALL
def test_what_is_given_stands_with_its_shape_where_nothing_is_computed(name):
    trace = example(name)
    for label, sheet in steps(formulas(trace)):
        if not reading.computed(trace, label):
            texts = [c.value for row in sheet.iter_rows(3, 7) for c in row if c.value is not None]
            shapes = dict(zip(texts[::2], texts[1::2], strict=True))
            wanted = reading.given(trace, label)
            # There is room for ten at least; the last ones are shaped like others.
            assert set(shapes) == set(wanted[: max(len(shapes), 10)])
            for matrix, shape in shapes.items():
                rows, columns = trace.matrix(matrix).shape
                scalar = trace.matrix(matrix).is_scalar
                assert shape == "one number" if scalar else f"{rows} × {columns}: " in shape


@pytest.mark.parametrize("name", ["article", "deep", "momentum", "batch"])
def test_the_key_shows_what_the_sheet_holds(name):
    said = {
        label: {cell.value for cell in sheet[8] if cell.value}
        for label, sheet in steps(formulas(example(name)))
    }
    last = list(said)[-1]
    computes_at_once = {"computed here"} if name == "batch" else set()
    assert said["0"] == {"Key", "type here", "not yet"} | computes_at_once
    assert said["1"] == {"Key", "type here", "known so far", "not yet"}
    assert said["7"] == {"Key", "computed here", "read to compute it", "known so far", "not yet"}
    assert said[last] == {"Key", "computed here", "read to compute it", "known so far"}


@ALL
def test_every_look_on_a_sheet_is_in_its_key(name):
    looks = {
        "active": "computed here",
        "read": "read to compute it",
        "known": "known so far",
        "ghost": "not yet",
        "input": "type here",
    }
    for _, sheet in steps(formulas(example(name))):
        styles = {cell.style for row in sheet.iter_rows(min_row=FIRST_LANE) for cell in row}
        said = {cell.value for cell in sheet[8] if cell.value} - {"Key"}
        assert {looks[style] for style in styles & set(looks)} <= said, sheet.title


@ALL
def test_every_sheet_links_to_the_one_before_the_contents_and_the_next(name):
    book = formulas(example(name))
    sheets = [sheet for _, sheet in steps(book)]
    for before, sheet, after in zip([None, *sheets], sheets, [*sheets[1:], None], strict=False):
        targets = [cell.hyperlink.location for cell in sheet[1] if cell.hyperlink]
        wanted = [before, book["Contents"], after]
        assert targets[: 3 - wanted.count(None)] == [f"'{s.title}'!A1" for s in wanted if s]
        # The last step leads on to what follows.
        follows = book.sheetnames[position(sheet) + 1 : position(sheet) + 2]
        assert targets[3 - wanted.count(None) :] in ([], [f"'{t}'!A1" for t in follows])


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
        slow("standard", "0", "mean 0 and standard deviation 1"),
        ("deep", "4", "divides by the row's sum"),
        ("deep", "7", "d_output_check"),
        slow("entropy", "5", "MAX(EXP("),
        slow("adam", "10", "divided by 3"),
        slow("deep band", "4", "divides by the row's sum"),
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
    for matrix, (home, bounds) in homes(book).items():
        for _, sheet in steps(book):
            for row, column in cells_of(bounds):
                cell = sheet.cell(row, column)
                typed = sheet.title == home and trace.matrix(matrix).definition is None
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
def test_a_matrix_has_one_number_format_throughout_and_samples_one_for_each_input(name):
    trace = example(name)
    book = formulas(trace)
    for matrix, (home, bounds) in homes(book).items():
        codes = {
            (cell[1], sheet.cell(*cell).number_format)
            for _, sheet in steps(book)
            if not stands_before(sheet, home)
            for cell in cells_of(bounds)
        }
        if matrix in ("X", "X_raw", "y") and trace.matrix(matrix).definition is None:
            assert len(codes) == trace.matrix(matrix).columns.size
        else:
            assert len({code for _, code in codes}) == 1


# --- The update is seen -------------------------------------------------------------------


def looks(book, model, matrices) -> dict[str, list[str]]:
    """What each number of some matrices looks like on the sheet where the first is computed."""
    home, _ = homes(book)[matrices[0]]
    sheet = book[home]
    rules = reading.rules_by_cell(model, position(sheet), sheet, "numFmt")
    found: dict[str, list[str]] = {}
    for matrix in matrices:
        for cell in cells_of(homes(book)[matrix][1]):
            rule = rules.get(cell)
            code = rule.dxf.numFmt.formatCode if rule else sheet.cell(*cell).number_format
            value = model.get_cell_value(position(sheet), *cell)
            found.setdefault(matrix, []).append(shown(value, code))
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
        found = looks(book, model, [new.name, old])
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
MANY = settings(max_examples=150)


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
        found = looks(book, model, [new.name, old])
        assert still(found[old], found[new.name]) == [], found
        rises = (trace.values[new.name] > trace.values[old]).ravel().tolist()
        for text, up in zip(found[new.name], rises, strict=True):
            assert text[-1] not in "↑↓" or (text[-1] == "↑") == up


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
    for sheet in first_sheets(formulas(example(name))):
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
    for sheet in first_sheets(formulas(example(name))):
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


def breaks(sheet) -> tuple[list[int], list[int]]:
    """The rows and the columns after which a new page begins."""
    return [b.id for b in sheet.row_breaks.brk], [b.id for b in sheet.col_breaks.brk]


@pytest.mark.parametrize("name", [*reading.NETWORKS, slow("tall"), slow("many")])
def test_no_page_ends_in_the_middle_of_a_matrix(name):
    book = formulas(example(name))
    for _, sheet in steps(book):
        rows, columns = breaks(sheet)
        for matrix, (_, (top, left, bottom, right)) in homes(book).items():
            with_name, with_labels = top - 2, left - 1
            # In the band the samples' columns count: what stands above them has others.
            if is_band(sheet) and example(name).matrix(matrix).rows.name != "samples":
                continue
            assert not [row for row in rows if with_name <= row < bottom], (matrix, rows)
            assert not [c for c in columns if with_labels <= c < right], (matrix, columns)


def is_band(sheet) -> bool:
    return sheet.freeze_panes is not None


def height(sheet, first: int, last: int) -> float:
    """The height of some rows in points."""
    return sum(sheet.row_dimensions[row].height or 15 for row in range(first, last + 1))


@ALL
def test_a_lane_fits_on_the_page_on_which_it_begins(name):
    book = formulas(example(name))
    lanes = sorted({(top - 2, bottom) for _, (top, _, bottom, _) in homes(book).values()})
    for _, sheet in steps(book):
        setup = sheet.sheet_properties.pageSetUpPr
        if is_band(sheet) or (setup and setup.fitToPage):
            continue
        printed = (595 - 72 * (sheet.page_margins.top + sheet.page_margins.bottom)) * 100
        rows, _ = breaks(sheet)
        for first, last in zip([1, *(row + 1 for row in rows)], [*rows, lanes[-1][1]], strict=True):
            repeated = height(sheet, 1, 2) if first > 1 else 0
            needed = (height(sheet, first, last) + repeated) * sheet.page_setup.scale
            assert needed <= printed, (sheet.title, first, last, needed / printed)


@ALL
def test_what_cannot_be_used_is_refused_when_it_is_typed(name):
    for sheet in first_sheets(formulas(example(name))):
        for validation in sheet.data_validations.dataValidation:
            assert validation.showErrorMessage
            assert 0 < len(validation.error) <= 225
