"""The decision boundary, beside the curve of training or on a sheet of its own: the grid, its
colours, the samples and their chart on it.
"""

from __future__ import annotations

import re
from functools import cache

import numpy as np
import pandas as pd
import pytest
from openpyxl.utils import get_column_letter
from openpyxl.utils.cell import range_boundaries

import cellprop
import reading
import test_predictions_sheet
import test_training_sheet
from cellprop.faces.colors import color_of, marker_of
from cellprop.faces.workbook import points as plane
from conftest import slow_but, slow_case
from reading import content, formulas, values
from retyping import below, by_ironcalc, changed, find, sheets_of, verifies
from test_labels import NASTY

OWN = "Decision boundary"
FIRST_ROW, POINTS = 8, 9
# The row of the first sample, below the grid.
FIRST_SAMPLE = FIRST_ROW + POINTS + 6

random = np.random.default_rng(5)
X, y = random.normal(size=(6, 2)).round(2), np.array([[0], [1], [1], [0], [1], [0.0]])
CLASSES, MANY = np.eye(3)[[0, 1, 2, 1, 0, 2]], np.array([[0, 1], [1, 1], [0, 0]] * 2)
SOFTMAX = {"output_activation": "softmax", "loss": "cross_entropy"}
CASES = {
    "yes or no": (([2, 2, 1], {}), y, {"epochs": 3}),
    "one of several": (([2, 3, 3], SOFTMAX), CLASSES, {"epochs": 3}),
    "each": (([2, 2, 2], {}), MANY, {"epochs": 4, "optimizer": "adam", "average": True}),
    "numbers": (
        ([2, 2, 2], {"output_activation": "linear"}),
        random.normal(size=(6, 2)),
        {"epochs": 3, "scale": "standard"},
    ),
    "signs": (([2, 2, 1], {"output_activation": "tanh"}), 2 * y - 1, {"epochs": 0}),
    "deep": (([2, 3, 2, 1], {"activation": ["relu", "tanh"]}), y, {"epochs": 3, "scale": "minmax"}),
    "batches": (([2, 2, 1], {}), y, {"epochs": 3, "batch_size": 4}),
}
ALL = pytest.mark.parametrize("name", slow_but(["one of several", "numbers"], CASES))


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """A grid of fewer points, for speed."""
    monkeypatch.setattr(plane, "POINTS", POINTS)


@cache
def case(name: str) -> cellprop.Trace:
    (sizes, network), targets, training = CASES[name]
    network = cellprop.Network(sizes, **network)
    return cellprop.trace(network, X, targets, **({"seed": 3, "learning_rate": 0.5} | training))


def where(trace) -> str:
    """The sheet that the grid is on."""
    return "Training" if trace.epochs > 1 else OWN


def left(trace) -> int:
    """The first column of the grid."""
    return 18 if trace.epochs > 1 else 2


def stored(trace) -> dict:
    return sheets_of(values(trace))[where(trace)]


def grid(sheet: dict, trace) -> np.ndarray:
    """The numbers of the grid, from top to bottom."""
    rows, columns = (range(first, first + POINTS) for first in (FIRST_ROW, left(trace)))
    return np.array([[sheet[row, column] for column in columns] for row in rows], dtype=float)


def points(raw: np.ndarray) -> np.ndarray:
    """The inputs of every point of the grid, of shape (points, points, 2)."""
    margin = np.ptp(raw, axis=0) / 10
    lines = np.linspace(raw.min(axis=0) - margin, raw.max(axis=0) + margin, POINTS)
    return np.stack(np.meshgrid(lines[:, 0], lines[::-1, 1]), axis=-1)


def wanted(trace) -> np.ndarray:
    """What the grid is to show: the trained network's answer at every point."""
    raw = trace.values[trace.program.matrices[0].name]
    said = trace.predict(points(raw).reshape(-1, 2)).to_numpy()
    shown = said.argmax(axis=1) + 1 if trace.decision == "one of several" else said[:, 0]
    return shown.reshape(POINTS, POINTS)


# --- The grid -----------------------------------------------------------------------------


@ALL
def test_the_grid_holds_what_the_trained_network_says_around_the_samples(name):
    assert np.allclose(
        grid(stored(case(name)), case(name)), wanted(case(name)), rtol=1e-12, atol=1e-13
    )


@ALL
def test_ironcalc_and_the_trace_agree_on_every_formula(name, tmp_path):
    assert verifies(case(name), tmp_path)


def test_only_a_network_with_two_inputs_has_one():
    network = cellprop.Network([3, 2, 1])
    trace = cellprop.trace(network, random.normal(size=(4, 3)), y[:4], seed=1)
    assert OWN not in formulas(trace).sheetnames
    assert formulas(case("signs")).sheetnames[-1] == OWN


def test_it_stands_beside_the_curve_of_training_if_there_is_one():
    assert OWN not in formulas(case("yes or no")).sheetnames
    book = formulas(cellprop.example("xor", epochs=30))
    assert book.sheetnames[-2:] == ["Training", "Predictions"]
    texts = [c.value for row in book["Training"] for c in row if isinstance(c.value, str)]
    assert "Decision boundary: a →, b ↑" in texts
    assert any("trained network's answer everywhere" in text for text in texts)
    listed = [cell.value for cell in book["Contents"]["B"] if isinstance(cell.value, str)]
    assert any("everywhere between the samples" in text for text in listed)
    (curve, plane) = book["Training"]._charts
    assert curve.anchor._from.col + curve.width / 2.54 * 96 / (6.5 * 8) <= plane.anchor._from.col


def test_the_rows_and_columns_say_which_inputs_they_stand_for():
    trace = case("yes or no")
    sheet, at = stored(trace), points(X)
    assert np.allclose(below(sheet, FIRST_ROW, left(trace) - 1)[:POINTS], at[:, 0, 1])
    said = [sheet.get((FIRST_ROW + POINTS, left(trace) + j)) for j in range(POINTS)]
    shown = [(j + 1, number) for j, number in enumerate(said) if number is not None]
    assert len(shown) >= 2
    assert all(np.isclose(number, at[0, j, 0]) for j, number in shown)


def test_samples_that_are_all_alike_still_have_a_grid():
    network = cellprop.Network([2, 2, 1])
    trace = cellprop.trace(network, [[1, 2], [1, 2]], [0, 1], seed=1)
    numbers = grid(stored(trace), trace)
    assert np.isfinite(numbers).all()
    assert len(np.unique(numbers)) > POINTS


def test_a_large_network_has_fewer_points(monkeypatch):
    monkeypatch.setattr(plane, "POINTS", 25)
    monkeypatch.setattr(plane, "MOST_CELLS", 2000)
    network = cellprop.Network([2, 4, 1])
    trace = cellprop.trace(network, X, y, seed=1)
    sheet = stored(trace)
    count = sum(row >= FIRST_ROW and column == 1 for row, column in sheet)
    assert 9 <= count < 25
    assert max(row for row, _ in sheet) == FIRST_ROW + count * count - 1


def test_points_on_the_way_are_folded_away_and_not_printed():
    sheet = formulas(case("yes or no"))["Training"]
    *_, heading = (c for row in sheet for c in row if c.value == "Computed on the way")
    for column in range(heading.column, sheet.max_column + 1):
        dimension = sheet.column_dimensions[get_column_letter(column)]
        assert (dimension.hidden, dimension.outlineLevel) == (True, 1)
    assert sheet.print_area.rpartition("$")[0].split("$")[-2] < heading.column_letter


# --- Formulas, on all sheets after the steps -----------------------------------------------

FUNCTIONS = {"EXP", "LN", "TANH", "SQRT", "ABS", "IF", "AND"}
OF_RANGES = {"SUM", "SUMSQ", "MAX", "MIN", "COUNT", "INDEX", "MATCH", "SUMPRODUCT", "MMULT"}
A_RANGE = r"('[\w ]+'!)?\$?[A-Z]+\$?\d+:\$?[A-Z]+\$?\d+"


@ALL
def test_formulas_use_only_what_every_spreadsheet_has(name):
    book = formulas(case(name))
    count = 0
    for sheet in ("Training", "Predictions", OWN):
        for row in book[sheet].iter_rows() if sheet in book.sheetnames else ():
            for text in {cell.value for cell in row if cell.data_type == "f"}:
                used = {t.value for t in reading.tokens(text) if t.type == t.FUNC}
                used = {function.rstrip("(") for function in used - {")"}}
                assert used <= FUNCTIONS | OF_RANGES, text
                # Only a function of ranges takes one, and MMULT only where SUM takes it on.
                for begins in re.finditer(rf"(\w+)\((?:{A_RANGE},)?{A_RANGE}", text):
                    assert begins[1] in OF_RANGES, text
                assert text.count("MMULT(") == text.count("SUM(MMULT("), text
                assert len(text) <= 8192
                assert reading.deepest(text) <= 64
                count += 1
    assert count > 100


# --- Colours ------------------------------------------------------------------------------


def rules_of_grid(name: str) -> list:
    sheet = formulas(case(name))[where(case(name))]
    first = f"{get_column_letter(left(case(name)))}{FIRST_ROW}"
    return [
        rule
        for area in sheet.conditional_formatting
        if str(area.sqref).startswith(f"{first}:")
        for rule in area.rules
    ]


@pytest.mark.parametrize(
    ("name", "limits"),
    [
        ("yes or no", ["0", "0.5", "1"]),
        slow_case("signs", ["-1", "0", "1"]),
        ("numbers", [None, "50", None]),
    ],
)
def test_an_output_is_coloured_from_low_over_middle_to_high(name, limits):
    (rule,) = [rule for rule in rules_of_grid(name) if rule.type == "colorScale"]
    found = [None if point.val is None else f"{point.val:g}" for point in rule.colorScale.cfvo]
    assert found == limits
    colors = [color.rgb[2:] for color in rule.colorScale.color]
    low, middle, high = (bytes.fromhex(color) for color in colors)
    assert low[2] > low[0]  # blue
    assert middle == b"\xff\xff\xff"
    assert high[0] > high[2]  # orange


def test_every_class_has_a_colour_of_its_own_which_the_sheet_explains():
    rules = rules_of_grid("one of several")
    assert [rule.formula for rule in rules] == [["R8=1"], ["R8=2"], ["R8=3"]]
    assert len({rule.dxf.fill.fgColor.rgb for rule in rules}) == 3
    texts = [text for text in stored(case("one of several")).values() if isinstance(text, str)]
    assert any("in the colours of the samples" in text for text in texts)


@pytest.mark.parametrize("name", ["yes or no", "one of several", "numbers"])
def test_the_grid_shows_colours_and_no_digit(name):
    sheet, first = formulas(case(name))[where(case(name))], left(case(name))
    shown = {sheet.cell(FIRST_ROW + i, first + i).number_format for i in range(POINTS)}
    assert shown == {";;;"}


# --- Samples ------------------------------------------------------------------------------


def test_a_class_has_its_own_colour_and_marker_where_another_has_no_sample():
    options = {"seed": 1, "epochs": 1, "batch_size": 1, "walk_batch": 2}
    network = cellprop.Network([2, 2, 1])
    trace = cellprop.trace(network, [[0, 0], [1, 1]], [0, 1], **options)
    (series,) = formulas(trace)[OWN]._charts[0].series
    assert series.tx.v == "y = 1"
    assert series.marker.symbol == marker_of(1).chart
    assert series.marker.graphicalProperties.solidFill.srgbClr == color_of(1)


def test_samples_stand_class_by_class_and_the_chart_shows_each_class_where_it_is_on_the_grid():
    trace = case("one of several")
    sheet = stored(trace)
    _, column = find(sheet, "X", FIRST_SAMPLE - 2)
    order = np.argsort(CLASSES.argmax(axis=1), kind="stable")
    found = [[sheet[FIRST_SAMPLE + k, column + j] for j in (0, 1)] for k in range(len(X))]
    assert np.array_equal(found, X[order])
    names = [sheet[FIRST_SAMPLE + k, column + 2] for k in range(len(X))]
    assert names == ["o1", "o1", "o2", "o2", "o3", "o3"]
    _, column = find(sheet, "on the grid")
    positions = [[sheet[FIRST_SAMPLE + k, column + j] for j in (0, 1)] for k in range(len(X))]
    ends = points(X)[[-1, 0], [0, -1]]
    assert np.allclose(positions, ((X - ends[0]) / (ends[1] - ends[0]))[order])
    chart = chart_of("one of several")
    first, second = get_column_letter(column), get_column_letter(column + 1)
    rows = [(FIRST_SAMPLE + k, FIRST_SAMPLE + k + 1) for k in (0, 2, 4)]
    assert [(s.tx.v, s.xVal.numRef.f, s.yVal.numRef.f) for s in chart.series] == [
        (f"{k}: o{k}", *(f"'Training'!${c}${top}:${c}${bottom}" for c in (first, second)))
        for k, (top, bottom) in enumerate(rows, 1)
    ]
    assert len({s.marker.symbol for s in chart.series}) == 3
    (drawn,) = (p for p in reading.parts(content(trace)).values() if b"<graphicFrame" in p)
    assert drawn.count(b"<graphicFrame") == drawn.count(b"descr=") == 2


@pytest.mark.parametrize(
    "name", slow_but(["yes or no", "numbers"], ["yes or no", "numbers", "batches"])
)
def test_samples_have_their_targets_and_outputs(name):
    trace = case(name)
    raw = trace.program.matrices[0].name
    sheet = stored(trace)
    targets, outputs = trace.values["y"][:, 0], trace.predict(trace.values[raw]).to_numpy()[:, 0]
    order = range(len(targets))
    if trace.decision:
        order = np.argsort(targets, kind="stable")
    for head, expected in (("y", targets), ("output", outputs)):
        column = find(sheet, head, FIRST_SAMPLE - 2)[1]
        assert np.allclose(below(sheet, FIRST_SAMPLE, column)[: len(targets)], expected[order])


# --- The chart on the grid ----------------------------------------------------------------


def chart_of(name: str):
    *_, chart = formulas(case(name))[where(case(name))]._charts
    return chart


@pytest.mark.parametrize("name", ["yes or no", "one of several", "numbers"])
def test_the_chart_goes_from_end_to_end_of_the_grid_whatever_is_typed(name):
    for axis in (chart_of(name).x_axis, chart_of(name).y_axis):
        assert axis.scaling.orientation == "minMax"
        assert (axis.scaling.min, axis.scaling.max) == (0, 1)  # shares of the grid


@pytest.mark.parametrize("name", ["yes or no", slow_case("signs")])
def test_one_sees_the_grid_through_the_chart_and_no_axes(name):
    chart = chart_of(name)
    assert chart.x_axis.delete
    assert chart.y_axis.delete
    assert chart.y_axis.majorGridlines is None
    assert chart.graphical_properties.noFill
    number = 2 if where(case(name)) == "Training" else 1
    drawn = reading.parts(content(case(name)))[f"xl/charts/chart{number}.xml"].decode()
    assert "</valAx><spPr><a:noFill/>" in drawn  # nor is the plot filled
    for series in chart.series:  # on its own colour a point has an outline
        looks = series.marker.graphicalProperties
        assert looks.line.solidFill.srgbClr != looks.solidFill.srgbClr


@pytest.mark.parametrize(
    ("name", "width", "height"), [("yes or no", 3.0, None), ("signs", 3.6, 18)]
)
def test_the_plot_reaches_from_the_middle_of_the_grids_first_cell_to_that_of_its_last(
    name, width, height
):
    sheet, chart = formulas(case(name))[where(case(name))], chart_of(name)
    start, end, inside = chart.anchor._from, chart.anchor.to, chart.layout.manualLayout
    assert (inside.layoutTarget, inside.xMode, inside.yMode) == ("inner", "edge", "edge")
    assert (start.row, start.col) == (FIRST_ROW - 1, left(case(name)) - 1)
    columns = range(start.col + 1, end.col + 1)
    assert len(columns) == POINTS
    assert {sheet.column_dimensions[get_column_letter(c)].width for c in columns} == {width}
    rows = range(FIRST_ROW, end.row + 1)
    usual = {sheet.row_dimensions[row].height for row in rows if row in sheet.row_dimensions}
    assert usual == {height or 15.75}
    wide, tall = end.col - start.col, end.row - start.row
    assert inside.w * wide == pytest.approx(POINTS - 1)
    assert inside.h * tall == pytest.approx(POINTS - 1)
    assert inside.y * tall == pytest.approx(0.5)
    assert inside.x * wide == pytest.approx(0.5)


def test_long_names_of_samples_make_no_row_of_the_grid_higher():
    samples = pd.DataFrame(X, index=[f"{k} " + "long " * 50 for k in range(len(X))])
    trace = cellprop.trace(cellprop.Network([2, 2, 1]), samples, y, seed=1)
    rows = formulas(trace)[OWN].row_dimensions
    assert {rows[row].height for row in range(FIRST_ROW, FIRST_ROW + POINTS + 3)} == {18}


def test_the_chart_lends_no_title_from_a_series_that_is_alone():
    chart = reading.parts(content(case("numbers")))["xl/charts/chart2.xml"].decode()
    assert re.search(r'<(\w+:)?autoTitleDeleted val="1"', chart)


def test_it_prints_on_one_page_whatever_the_number_of_samples(libreoffice, tmp_path, monkeypatch):
    monkeypatch.setattr(plane, "POINTS", 25)
    random = np.random.default_rng(1)
    X = random.normal(size=(200, 2))
    trace = cellprop.trace(cellprop.Network([2, 2, 1]), X, X[:, :1] > 0, seed=1)
    assert reading.pages(libreoffice, trace, [OWN], tmp_path) == {OWN: 1}
    sheet = formulas(trace)[OWN]
    (chart,) = sheet._charts
    _, _, right, bottom = range_boundaries(sheet.print_area.split("!")[1])
    assert (right, bottom) == (chart.anchor.to.col + 1, chart.anchor.to.row)


# --- Engines ------------------------------------------------------------------------------


def follows(sheet: dict, name: str, fresh) -> None:
    found = grid(sheet, fresh)
    assert np.allclose(found, wanted(fresh), rtol=1e-11, atol=1e-12)
    assert not np.allclose(found, wanted(case(name)))


FOLLOWING = ["yes or no", "one of several", "numbers", "signs", "deep"]


@pytest.mark.parametrize("name", slow_but(["numbers"], FOLLOWING))
def test_in_ironcalc_the_grid_moves_and_answers_anew_when_numbers_are_retyped(name, tmp_path):
    book, fresh = changed(case(name), CASES[name][2])
    follows(by_ironcalc(book, tmp_path)[where(fresh)], name, fresh)


@pytest.mark.slow
def test_in_libreoffice_all_sheets_after_the_steps_follow(libreoffice, tmp_path):
    """All of them here, since LibreOffice takes its time to start."""
    files, traces = [], {}
    for name in ("one of several", "each", "deep"):
        book, traces[name] = changed(case(name), CASES[name][2])
        files.append(reading.saved(book, tmp_path / f"{name}.xlsx"))
    trace = case("numbers")
    typed = reading.without_values(trace)
    typed["Training"].cell(5, left(trace)).value = 2
    row = find(sheets_of(typed)["Predictions"], "Your own samples")[0] + 3
    for column, number in ((2, 1.5), (3, -2)):
        typed["Predictions"].cell(row, column).value = number
    typed["Predictions"].cell(row + 1, 2).value = 1.5
    files.append(reading.saved(typed, tmp_path / "typed.xlsx"))
    books, _ = reading.converted_by_libreoffice(libreoffice, files, tmp_path)
    for name, fresh in traces.items():
        sheets = sheets_of(books[name])
        test_training_sheet.follows(case(name), sheets["Training"], fresh)
        test_predictions_sheet.follows(sheets["Predictions"], fresh)
        follows(sheets[where(fresh)], name, fresh)
    sheets = sheets_of(books["typed"])
    said = trace.predict(points(trace.values["X_raw"]).reshape(-1, 2)).to_numpy()
    assert np.allclose(grid(sheets["Training"], trace).ravel(), said[:, 1], rtol=1e-11)
    found = test_predictions_sheet.table(sheets["Predictions"], "Your own samples")["output"]
    assert np.allclose(found[0], trace.predict([[1.5, -2]]).to_numpy()[0], rtol=1e-12)
    assert found[1] == found[2] == [None, None]


@pytest.mark.parametrize("name", slow_but(["numbers"], ["numbers", "each"]))
def test_which_of_several_outputs_is_shown_can_be_chosen(name, tmp_path):
    trace = case(name)
    book = reading.without_values(trace)
    cell = book["Training"].cell(5, left(trace))
    assert (cell.value, cell.style, cell.protection.locked) == (1, "focus", False)
    cell.value = 2
    raw = trace.values[trace.program.matrices[0].name]
    said = trace.predict(points(raw).reshape(-1, 2)).to_numpy()[:, 1]
    found = grid(by_ironcalc(book, tmp_path)["Training"], trace)
    assert np.allclose(found.ravel(), said, rtol=1e-11)


def test_names_of_inputs_and_classes_may_say_anything(tmp_path):
    names = NASTY[:8]
    samples = pd.DataFrame(random.random((8, 2)), columns=["=1+1", "x" * 300])
    network = cellprop.Network([2, 2, 8], **SOFTMAX)
    trace = cellprop.trace(network, samples, pd.DataFrame(np.eye(8), columns=names), seed=0)
    path = trace.to_excel(tmp_path / "book.xlsx")
    assert cellprop.verify(path).ok
    assert max(len(str(text)) for text in stored(trace).values()) < 1000


def test_samples_closer_together_than_an_engine_can_tell_have_a_grid_around_them(tmp_path):
    network = cellprop.Network([2, 2, 1])
    trace = cellprop.trace(network, [[0, 1e16], [4e-97, 1e16 + 2]], [0, 1], seed=1)
    assert cellprop.verify(trace.to_excel(tmp_path / "book.xlsx")).ok
    assert np.isfinite(grid(stored(trace), trace)).all()
