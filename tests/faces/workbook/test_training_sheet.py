"""The sheet Training: epochs in rows of formulas, the whole curve, and the chart."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from openpyxl.formula.translate import Translator
from openpyxl.utils import column_index_from_string, get_column_letter
from openpyxl.utils.cell import range_boundaries

import cellprop
import reading
from cellprop.faces.workbook import curve, live
from conftest import slow_but
from reading import content, formulas, values
from retyping import below, by_ironcalc, changed, find, sheets_of, verifies

NAMES, LABELS, FIRST_ROW = 6, 7, 8
EPOCH, LOSS, ACCURACY = 1, 2, 3

random = np.random.default_rng(5)
# Three inputs, since two bring another sheet, which takes its time.
X, y = random.normal(size=(5, 3)).round(2), np.array([[0], [1], [1], [0], [1.0]])
SEVERAL = np.eye(10)[:5] + np.eye(10)[5:]
MANY, CLASSES = np.array([[0, 1], [1, 1], [0, 0], [1, 0], [1, 1.0]]), np.eye(3)[[0, 1, 2, 1, 0]]
# Sizes and more of a network; targets; how it is trained.
CASES = {
    "plain": (([3, 3, 1], {}), y, {"epochs": 30}),
    "no bias": (([3, 2, 1], {"bias": False}), y, {"epochs": 4}),
    "classes": (
        ([3, 2, 3], {"output_activation": "softmax", "loss": "cross_entropy"}),
        CLASSES,
        {"epochs": 25},
    ),
    "each": (
        ([3, 2, 2], {"activation": "tanh", "loss": "binary_cross_entropy"}),
        MANY,
        {"epochs": 25},
    ),
    "many": (([3, 2, 10], {}), SEVERAL, {"epochs": 3}),
    "deep": (([3, 2, 2, 1], {"activation": ["relu", "leaky_relu"]}), y, {"epochs": 6}),
    "numbers": (
        ([3, 2, 2], {"output_activation": "linear"}),
        random.normal(size=(5, 2)),
        {"epochs": 6, "scale": "standard", "average": True},
    ),
    "momentum": (([3, 2, 1], {}), y, {"epochs": 8, "optimizer": "momentum", "scale": "minmax"}),
    "adam": (([3, 2, 1], {}), y, {"epochs": 8, "optimizer": "adam", "average": True}),
    "later": (([3, 2, 1], {}), y, {"epochs": 8, "walk_epoch": 3}),
}
QUICK = ["plain", "classes"]
ALL = pytest.mark.parametrize("name", slow_but(QUICK, CASES))


@cache
def case(name: str, **training) -> cellprop.Trace:
    (sizes, network), targets, usual = CASES[name]
    network = cellprop.Network(sizes, **network)
    training = {"seed": 3, "learning_rate": 0.05} | usual | training
    return cellprop.trace(network, X, targets, **training)


def close(found, expected) -> bool:
    return np.allclose(np.array(found, dtype=float), expected, rtol=1e-12, atol=1e-15)


def training(trace) -> dict:
    return sheets_of(values(trace))["Training"]


def live_row(trace, sheet: dict, row: int) -> dict[str, np.ndarray]:
    """The parameters and outputs that stand in a row, by name."""
    names = [*trace.start, "output"]
    shapes = [trace.values[name].shape for name in names]
    found, column = {}, find(sheet, names[0], NAMES)[1]
    for name, shape in zip(names, shapes, strict=True):
        cells = [sheet[row, column + j] for j in range(np.prod(shape))]
        found[name] = np.array(cells, dtype=float).reshape(shape)
        column += len(cells)
    return found


# --- Which networks have it ---------------------------------------------------------------


@pytest.mark.parametrize("epochs", [0, 1])
def test_without_two_epochs_there_is_no_training_sheet(epochs):
    assert "Training" not in formulas(case("no bias", epochs=epochs)).sheetnames


def test_it_follows_the_steps_and_is_listed_on_the_contents_with_a_link_and_what_it_is():
    book = formulas(case("plain"))
    assert book.sheetnames[13] == "Training"
    (row,) = [
        cell.row
        for row in book["Contents"].iter_rows()
        for cell in row
        if cell.hyperlink and cell.hyperlink.location == "'Training'!A1"
    ]
    assert any("loss" in str(cell.value) for cell in book["Contents"][row])
    links = [c.hyperlink.location for c in book["Training"][1] if c.hyperlink]
    assert links == ["'Step 11'!A1", "'Contents'!A1", "'Predictions'!A1"]


# --- Live rows ----------------------------------------------------------------------------


@ALL
def test_live_rows_hold_the_losses_and_accuracies_after_every_epoch(name):
    trace, sheet = case(name), training(case(name))
    assert below(sheet, FIRST_ROW, EPOCH) == list(range(trace.epochs + 1))
    assert close(below(sheet, FIRST_ROW, LOSS), trace.losses)
    accuracies = [] if trace.accuracies is None else trace.accuracies
    assert close(below(sheet, FIRST_ROW, ACCURACY), accuracies)


@ALL
def test_the_first_row_holds_what_training_began_with_and_the_last_what_it_left(name):
    trace, sheet = case(name), training(case(name))
    first, last = (live_row(trace, sheet, FIRST_ROW + k) for k in (0, trace.epochs))
    for parameter, value in trace.start.items():
        assert np.array_equal(first[parameter], value)
        assert close(last[parameter], trace.carried[parameter])
    assert close(last["output"], trace.predict(X))


@ALL
def test_every_row_after_the_first_is_the_one_above_it_copied_down(name):
    sheet = formulas(case(name))["Training"]
    count = case(name).epochs
    for row in range(FIRST_ROW + 2, FIRST_ROW + count + 1):
        for above, cell in zip(sheet[row - 1], sheet[row], strict=True):
            if reading.is_formula(cell.value):
                copied = Translator(above.value, above.coordinate)
                assert copied.translate_formula(cell.coordinate) == cell.value


def test_a_column_says_which_number_it_is():
    sheet = formulas(case("plain"))["Training"]
    labels = [cell.value for cell in sheet[LABELS]]
    assert labels[:3] == ["epoch", "loss", "accuracy"]
    first = labels.index("wh[1,1]")
    assert labels[first : first + 4] == ["wh[1,1]", "wh[1,2]", "wh[1,3]", "wh[2,1]"]
    assert labels[first + 8 : first + 10] == ["wh[3,3]", "bh[1,1]"]
    assert "output[5,1]" in labels


def test_the_first_parameters_are_linked_to_step_1_where_it_shows_the_first_epoch():
    trace = case("plain")
    sheet = formulas(trace)["Training"]
    column = find(training(trace), "wh", NAMES)[1]
    assert sheet.cell(FIRST_ROW, column).value.startswith("='Step 1'!$")


def test_they_are_typed_numbers_where_step_1_shows_a_later_epoch():
    trace = case("later")
    sheet = formulas(trace)["Training"]
    first = find(training(trace), "wh", NAMES)[1]
    checked = [
        range_boundaries(str(area))
        for validation in sheet.data_validations.dataValidation
        for area in validation.sqref.ranges
    ]
    for column in range(first, first + sum(v.size for v in trace.start.values())):
        cell = sheet.cell(FIRST_ROW, column)
        assert (cell.style, cell.data_type, cell.protection.locked) == ("input", "n", False)
        assert any(a <= column <= b and top == FIRST_ROW for a, top, b, _ in checked)
    assert "epoch 3" in sheet["A3"].value


def test_steps_on_the_way_are_folded_away_and_not_printed():
    trace = case("plain")
    sheet = formulas(trace)["Training"]
    names = {cell.column_letter: cell.value for cell in sheet[NAMES] if cell.value}
    for letter, name in names.items():
        dimension = sheet.column_dimensions[letter]
        shown = name in ("Epoch by epoch", *trace.start, "output")
        assert dimension.hidden != shown, name
        assert bool(dimension.outlineLevel) != shown, name
    _, _, last, _ = range_boundaries(sheet.print_area.split("!")[1])
    hidden = [c for c, d in sheet.column_dimensions.items() if d.hidden]
    assert last < min(map(column_index_from_string, hidden))


# --- How it looks, and prints --------------------------------------------------------------


LONG = {"epochs": 300}


@pytest.mark.parametrize("training", [LONG, LONG | {"batch_size": 2}], ids=["live", "values"])
def test_it_prints_on_one_page_with_the_chart_and_the_first_rows_and_says_so(
    training, libreoffice, tmp_path
):
    trace = case("plain", **training)
    assert reading.pages(libreoffice, trace, ["Training"], tmp_path) == {"Training": 1}
    sheet = formulas(trace)["Training"]
    _, _, right, bottom = range_boundaries(sheet.print_area.split("!")[1])
    assert FIRST_ROW + 20 < bottom < FIRST_ROW + 100
    said = [cell.value for row in sheet["A1:O7"] for cell in row if cell.value]
    assert f"In print: the first {bottom - FIRST_ROW + 1} of 301 rows." in said
    (chart,) = sheet._charts
    assert chart.anchor._from.col < right
    assert chart.anchor._from.row + chart.height / 2.54 * 72 / 13.5 < bottom


def test_few_rows_are_printed_whole_and_the_chart_with_them():
    sheet = formulas(case("no bias"))["Training"]
    _, _, _, bottom = range_boundaries(sheet.print_area.split("!")[1])
    assert bottom == FIRST_ROW - 1 + 20
    assert not any("In print" in str(cell.value) for row in sheet for cell in row)


def test_losses_are_quiet_and_only_their_head_is_marked():
    sheet = formulas(case("plain"))["Training"]
    column = [sheet.cell(row, LOSS) for row in range(FIRST_ROW, FIRST_ROW + 31)]
    assert {cell.style for cell in column} == {"known"}
    assert [cell.style for cell in sheet[LABELS][:3]] == ["label", "key_active", "label"]


def test_losses_that_are_values_are_not_marked_as_computed():
    sheet = formulas(case("plain", epochs=3, batch_size=2))["Training"]
    assert sheet.cell(LABELS, LOSS).style == "label"


@pytest.mark.parametrize("name", ["plain", "no bias"])
def test_the_chart_is_in_view_when_the_sheet_opens(name):
    """On a small screen: 1280 pixels wide, 560 high without a spreadsheet program's own."""
    sheet = formulas(case(name, epochs=300))["Training"]
    assert sheet.sheet_view.topLeftCell in (None, "A1")
    (chart,) = sheet._charts
    corner, size = chart.anchor._from, chart.anchor.ext
    usual = sheet.sheet_format.baseColWidth + 5
    widths = [sheet.column_dimensions[get_column_letter(c + 1)].width for c in range(corner.col)]
    left = sum(7 * (width or usual) + 5 for width in widths)
    heights = [sheet.row_dimensions[row + 1].height or 13.5 for row in range(corner.row)]
    top = sum(heights) * 96 / 72
    assert left + size.width / 9525 < 1280
    assert top + size.height / 9525 < 560


def test_epoch_loss_and_accuracy_stay_in_sight():
    assert formulas(case("plain"))["Training"].freeze_panes == f"D{FIRST_ROW}"


# --- Engines ------------------------------------------------------------------------------


@ALL
def test_ironcalc_and_the_trace_agree_on_every_formula(name, tmp_path):
    assert verifies(case(name), tmp_path)


FOLLOWING = [name for name in CASES if name != "later"]


def follows(trace, sheet: dict, fresh) -> None:
    assert close(below(sheet, FIRST_ROW, LOSS), fresh.losses)
    if fresh.accuracies is not None:
        assert close(below(sheet, FIRST_ROW, ACCURACY), fresh.accuracies)
    last = live_row(trace, sheet, FIRST_ROW + trace.epochs)
    assert all(close(last[name], value) for name, value in fresh.carried.items())
    assert not close(fresh.losses, trace.losses)


@pytest.mark.parametrize("name", slow_but(["classes", "momentum"], FOLLOWING))
def test_ironcalc_trains_anew_when_an_input_a_weight_and_the_rate_are_retyped(name, tmp_path):
    book, fresh = changed(case(name), CASES[name][2])
    follows(case(name), by_ironcalc(book, tmp_path)["Training"], fresh)


# --- Values -------------------------------------------------------------------------------


def test_more_epochs_than_there_are_live_rows_stand_beside_as_values(monkeypatch):
    monkeypatch.setattr(live, "LIVE_EPOCHS", 20)
    trace = case("plain", epochs=45)
    sheet = training(trace)
    assert close(below(sheet, FIRST_ROW, LOSS), trace.losses[:21])
    _, column = find(sheet, "The whole curve", NAMES)
    assert below(sheet, FIRST_ROW, column) == list(range(46))
    assert below(sheet, FIRST_ROW, column + 1) == trace.losses.tolist()
    assert below(sheet, FIRST_ROW, column + 2) == trace.accuracies.tolist()
    assert not reading.is_formula(formulas(trace)["Training"].cell(FIRST_ROW, column + 1).value)
    assert "first 20 of 45 epochs" in sheet[4, 1]


def test_a_long_curve_is_thinned_but_keeps_its_ends(monkeypatch):
    monkeypatch.setattr(live, "LIVE_CELLS", 0)
    monkeypatch.setattr(curve, "MOST_POINTS", 50)
    trace = case("no bias", epochs=333)
    sheet = training(trace)
    epochs = below(sheet, FIRST_ROW, EPOCH)
    assert (len(epochs), epochs[0], epochs[-1]) == (50, 0, 333)
    assert below(sheet, FIRST_ROW, LOSS) == [trace.losses[epoch] for epoch in epochs]
    assert any("50 of the 333 epochs" in str(sheet.get((row, 1))) for row in range(2, 6))


@pytest.mark.parametrize(
    ("limit", "most"), [("LIVE_CELLS", 500), ("LONGEST_FORMULA", 60), ("MOST_COLUMNS", 40)]
)
def test_a_network_too_large_for_live_rows_has_values_and_says_why(limit, most, monkeypatch):
    monkeypatch.setattr(live, limit, most)
    trace = case("plain", epochs=31 if limit == "LIVE_CELLS" else 32 + len(limit))
    sheet = training(trace)
    assert below(sheet, FIRST_ROW, LOSS) == trace.losses.tolist()
    assert "too large" in sheet[3, 1]
    assert not any(c.data_type == "f" for row in formulas(trace)["Training"] for c in row)


def test_mini_batches_have_values_and_the_sheet_says_why():
    trace = case("plain", epochs=3, batch_size=2)
    sheet = training(trace)
    assert below(sheet, FIRST_ROW, LOSS) == trace.losses.tolist()
    assert "several updates" in sheet[3, 1]


def test_training_that_diverges_has_the_rows_before_it_does(tmp_path):
    network = cellprop.Network([3, 2, 1], output_activation="linear")
    trace = cellprop.trace(network, X * 100, y, seed=1, learning_rate=10, epochs=500)
    assert trace.stopped
    sheet = training(trace)
    assert "stopped early" in sheet[2, 1]
    assert close(below(sheet, FIRST_ROW, LOSS), trace.losses)
    assert all(np.isfinite(value) for value in sheet.values() if not isinstance(value, str))


# --- The chart ----------------------------------------------------------------------------


def charts(trace) -> list:
    return formulas(trace)["Training"]._charts


def test_the_chart_shows_losses_and_accuracies_by_epoch_with_titles_at_its_axes():
    trace = case("plain")
    (chart,) = charts(trace)
    assert "epoch" in str(chart.title.tx.rich.p[0].r[0].t)
    drawn = [(s.xVal.numRef.f, s.yVal.numRef.f) for part in chart._charts for s in part.series]
    rows = f"${FIRST_ROW}", f"${FIRST_ROW + trace.epochs}"
    assert drawn == [
        tuple(f"'Training'!${c}{rows[0]}:${c}{rows[1]}" for c in ("A", column))
        for column in ("B", "C")
    ]


def test_the_axes_are_drawn_and_titled_and_the_chart_has_words_for_whoever_cannot_see_it():
    found = reading.parts(content(case("plain")))
    chart = found["xl/charts/chart1.xml"].decode()

    assert chart.count('delete val="0"') == 3
    for title in ("epoch", "loss", "accuracy"):
        assert f"<a:t>{title}</a:t>" in chart
    described = b'descr="A line chart: the loss is'
    assert sum(part.count(described) for name, part in found.items() if "drawing" in name) == 1


def test_the_chart_shows_the_whole_curve_and_the_live_rows(monkeypatch):
    monkeypatch.setattr(live, "LIVE_EPOCHS", 20)
    trace = case("plain", epochs=46)
    (chart,) = charts(trace)
    titles = [s.tx.v for part in chart._charts for s in part.series]
    assert titles == ["loss", "loss, live", "accuracy"]


def test_two_builds_are_the_same_bytes(tmp_path):
    trace = case("classes")
    assert trace.to_excel(tmp_path / "again.xlsx").read_bytes() == content(trace)
