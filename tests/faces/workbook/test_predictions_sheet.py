"""The sheet Predictions: the trained network, what it says of samples, room for new ones."""

from __future__ import annotations

from functools import cache
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from openpyxl.utils.cell import range_boundaries
from openpyxl.utils.escape import unescape

import cellprop
import reading
from cellprop import algebra
from cellprop.algebra import Axis, Matrix
from cellprop.faces import workbook
from cellprop.faces.workbook import extras, points, samples
from cellprop.programs import deciding
from cellprop.texts.words import Words, load
from conftest import slow_but, slow_case
from reading import content, formulas, values
from retyping import by_ironcalc, changed, find, sheets_of, verifies
from test_labels import NASTY, shown


def decided(numbers, how):
    """What outputs decide: the number of a class, or 0 and 1."""
    axes = (Axis.numbered(name, size) for name, size in zip("so", numbers.shape, strict=True))
    return algebra.value(deciding.decided(Matrix("m", *axes), how), {"m": numbers})


random = np.random.default_rng(5)
X, y = random.normal(size=(5, 3)).round(2), np.array([[0], [1], [1], [0], [1.0]])
MANY, CLASSES = np.array([[0, 1], [1, 1], [0, 0], [1, 0], [1, 1.0]]), np.eye(3)[[0, 1, 2, 1, 0]]
SOFTMAX = {"output_activation": "softmax", "loss": "cross_entropy"}
# Sizes and more of a network; targets; how it is trained.
CASES = {
    "yes or no": (([3, 2, 1], {}), y, {"epochs": 9}),
    "one of several": (([3, 4, 3], SOFTMAX), CLASSES, {"epochs": 9}),
    "each": (([3, 2, 2], {}), MANY, {"epochs": 9}),
    "numbers": (
        ([3, 2, 2], {"output_activation": "linear"}),
        random.normal(size=(5, 2)),
        {"epochs": 3, "scale": "standard"},
    ),
    "scaled": (([3, 2, 1], {}), y, {"epochs": 3, "scale": "minmax"}),
    "deep": (([3, 2, 4, 1], {"activation": "tanh"}), y, {"epochs": 1}),
    "shallow": (([3, 1], {}), y, {"epochs": 1}),
    "no bias": (([3, 2, 1], {"bias": False}), y, {"epochs": 0}),
    "wide": (([3, 12, 1], {}), y, {"epochs": 1}),
    "batches": (
        ([3, 2, 1], {}),
        y,
        {"epochs": 4, "batch_size": 2, "walk_batch": 2, "scale": "standard"},
    ),
    "not yet": (([3, 2, 1], {}), y, {"epochs": 0, "batch_size": 1, "walk_batch": 2}),
    "later": (([3, 2, 1], {}), y, {"epochs": 2, "batch_size": 3, "walk_epoch": 2, "walk_batch": 2}),
}
QUICK = ["one of several", "numbers"]
ALL = pytest.mark.parametrize("name", slow_but(QUICK, CASES))


@cache
def case(name: str) -> cellprop.Trace:
    (sizes, network), targets, training = CASES[name]
    network = cellprop.Network(sizes, **network)
    return cellprop.trace(network, X, targets, **({"seed": 3, "learning_rate": 0.5} | training))


def close(found, expected) -> bool:
    return np.allclose(np.array(found, dtype=float), expected, rtol=1e-12, atol=1e-15)


def stored(trace) -> dict:
    return sheets_of(values(trace))["Predictions"]


def table(sheet: dict, heading: str = "Samples") -> dict[str, list[list]]:
    """The columns of the table under a heading, by the names above them: a list of rows each."""
    row = find(sheet, heading)[0] + 1
    # What the update rule remembers stands beside the table, and is none of it.
    beside = [c for (_, c), v in sheet.items() if v == "What the update rule remembers"]
    last = min(beside, default=10_000) - 1
    names = {c: v for (r, c), v in sheet.items() if r == row and c < last}
    end = find(sheet, "Your own samples")[0] - 2
    rows = range(row + 2, end) if heading == "Samples" else range(row + 2, row + 7)
    starts = sorted(names)
    found = {}
    for start, following in zip(starts, [*starts[1:], last], strict=True):
        columns = sorted({c for r, c in sheet if r == row + 1 and start <= c < following})
        columns = columns or [start]
        found[names[start]] = [[sheet.get((r, c)) for c in columns] for r in rows]
    return found


def outputs(trace) -> np.ndarray:
    """What the trained network says of the samples that are shown."""
    return trace.predict(trace.values[trace.program.matrices[0].name]).to_numpy()


# --- The trained network ------------------------------------------------------------------


@ALL
def test_the_trained_parameters_stand_there_and_have_names(name):
    trace = case(name)
    book = values(trace)
    for parameter, value in trace.parameters.items():
        ((sheet, cells),) = book.defined_names[f"{parameter}_trained"].destinations
        left, top, right, bottom = range_boundaries(cells)
        assert sheet == "Predictions"
        assert close(reading.block(book[sheet], (top, left, bottom, right)), value)


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("yes or no", "='Training'!"),
        ("deep", "='Step 1"),
        ("later", "='Step 10'!"),
        ("no bias", "='Step 1'!"),
        ("batches", None),
        ("not yet", None),
    ],
)
def test_they_are_linked_to_where_they_are_computed_or_typed(name, source):
    book = formulas(case(name))
    ((sheet, cells),) = book.defined_names["wout_trained"].destinations
    left, top, _, _ = range_boundaries(cells)
    cell = book[sheet].cell(top, left)
    if source:
        assert cell.value.startswith(source)
        return
    assert isinstance(cell.value, float)
    assert (cell.style, cell.protection.locked) == ("input", False)
    checked = [str(v.sqref) for v in book[sheet].data_validations.dataValidation]
    assert any(cell.coordinate in area for area in checked)


# --- Samples ------------------------------------------------------------------------------


@ALL
def test_every_sample_of_the_update_has_a_row_with_its_inputs_outputs_and_targets(name):
    trace = case(name)
    found = table(stored(trace))
    raw = trace.program.matrices[0].name
    assert np.array_equal(np.array(found[raw], dtype=float), trace.values[raw])
    assert np.array_equal(np.array(found["y"], dtype=float), trace.values["y"])
    assert close(found["output"], outputs(trace))


def test_inputs_and_targets_are_linked_to_step_0_and_outputs_computed_in_their_row():
    trace = case("scaled")
    sheet, found = formulas(trace)["Predictions"], stored(trace)
    row = find(found, "Samples")[0] + 3
    for name, begins in (("X_raw", "='Step 0'!"), ("y", "='Step 0'!"), ("X", "=(B")):
        column = find(found, name, row - 2)[1]
        assert sheet.cell(row, column).value.startswith(begins)


def test_a_yes_or_no_is_decided_by_one_half():
    trace = case("yes or no")
    found = table(stored(trace))
    assert np.array_equal(found["class"], outputs(trace) >= 0.5)


def test_one_of_several_is_called_by_the_label_of_the_largest_output():
    trace = case("one of several")
    found = table(stored(trace))
    labels = np.array(trace.program.output.columns.labels)
    assert found["class"] == labels[outputs(trace).argmax(axis=1)][:, np.newaxis].tolist()
    assert found["class wanted"] == labels[CLASSES.argmax(axis=1)][:, np.newaxis].tolist()


def test_each_yes_or_no_is_decided_by_itself():
    trace = case("each")
    assert np.array_equal(table(stored(trace))["class"], outputs(trace) >= 0.5)


@pytest.mark.parametrize("name", ["yes or no", "one of several", "each", "batches"])
def test_right_and_wrong_are_told_apart_in_words_and_by_a_rule(name):
    trace = case(name)
    sheet = stored(trace)
    how, targets = trace.decision, trace.values["y"]
    hits = decided(outputs(trace), how) == decided(targets, how)
    wanted = [["✓ right" if hit.all() else "✗ wrong"] for hit in hits]
    assert table(sheet)["verdict"] == wanted
    share = sheet[find(sheet, "Right")[0], 2]
    assert share == sum(text == ["✓ right"] for text in wanted) / len(wanted)
    row, column = find(sheet, "verdict")
    rules = formulas(trace)["Predictions"].conditional_formatting
    over = [rule for area in rules if (row + 2, column) in set(_cells(area)) for rule in area.rules]
    assert any(rule.dxf.fill for rule in over)


def _cells(area) -> list:
    return [cell for part in area.sqref.ranges for cell in part.cells]


def test_without_a_decision_the_differences_stand_there():
    trace = case("numbers")
    found = table(stored(trace))
    assert "verdict" not in found
    assert close(found["y − output"], trace.values["y"] - outputs(trace))


def test_the_last_accuracy_is_the_share_that_is_right():
    trace = case("yes or no")
    assert stored(trace)[find(stored(trace), "Right")[0], 2] == trace.accuracies[-1]


def test_only_so_many_samples_are_shown_and_the_sheet_says_so(monkeypatch):
    monkeypatch.setattr(samples, "MOST_SAMPLES", 4)
    network = cellprop.Network([3, 2, 1])
    trace = cellprop.trace(network, np.tile(X, (20, 1)), np.tile(y, (20, 1)), seed=1)
    sheet = stored(trace)
    assert len(table(sheet)["output"]) == 4
    assert "The first 4 only." in sheet.values()


def test_few_steps_on_the_way_are_shown_and_many_folded_away():
    for name, folded in (("yes or no", False), ("wide", True)):
        sheet = formulas(case(name))["Predictions"]
        column = next(c for r in sheet.iter_rows() for c in r if c.value == "hidden_layer_input")
        dimension = sheet.column_dimensions[column.column_letter]
        assert (dimension.hidden, dimension.outlineLevel) == (folded, 1)
        _, _, last, _ = range_boundaries(sheet.print_area.split("!")[1])
        assert last < column.column


def test_a_network_too_wide_for_the_sheet_goes_without(monkeypatch):
    trace = case("deep")
    monkeypatch.setattr(points, "_widest", lambda _: 20_000)
    assert extras.which(trace) == ()


# --- New samples --------------------------------------------------------------------------


def test_there_is_room_for_five_new_samples_whose_outputs_wait_for_all_inputs():
    trace = case("one of several")
    found = table(stored(trace), "Your own samples")
    assert found["output"] == [[None] * 3] * 5
    assert found["class"] == [[None]] * 5


def own_cells(trace) -> dict[str, list]:
    """The first row of cells for a sample of one's own: what is typed, and what is computed."""
    sheet = formulas(trace)["Predictions"]
    row = find(stored(trace), "Your own samples")[0] + 3
    cells = [cell for cell in sheet[row][1:] if cell.has_style and cell.style != "Normal"]
    typed = [cell for cell in cells if cell.style == "input"]
    return {"typed": typed, "computed": [cell for cell in cells if cell not in typed]}


@pytest.mark.parametrize(
    ("name", "head"), [("yes or no", "class"), ("one of several", "class"), ("numbers", "output")]
)
def test_an_empty_row_is_empty_and_uncoloured_until_it_is_complete(name, head, tmp_path):
    trace = case(name)
    sheet, cells = formulas(trace)["Predictions"], own_cells(trace)
    assert cells["typed"]
    assert {cell.style for cell in cells["computed"]} == {"known"}
    row, column = find(stored(trace), "Your own samples")[0] + 3, 0
    column = next(c for (r, c), v in stored(trace).items() if r == row - 2 and v == head)
    path = tmp_path / "book.xlsx"
    path.write_bytes(content(trace))
    model = reading.ironcalc_model(path)
    number = formulas(trace).sheetnames.index("Predictions")
    for typed in cells["typed"][:-1]:
        model.update_cell_with_number(number, typed.row, typed.column, 1.0)
    assert (row, column) not in reading.rules_by_cell(model, number, sheet, "fill")
    last = cells["typed"][-1]
    model.update_cell_with_number(number, last.row, last.column, 1.0)
    rules = reading.rules_by_cell(model, number, sheet, "fill")
    assert (row, column) in rules
    assert (row + 1, column) not in rules


# --- Print --------------------------------------------------------------------------------


def many(count: int, **network) -> cellprop.Trace:
    """A network with so many samples."""
    random = np.random.default_rng(1)
    X, y = random.normal(size=(count, 4)), np.eye(3)[np.arange(count) % 3]
    return cellprop.trace(cellprop.Network([4, 5, 3], **SOFTMAX), X, y, seed=1)


def test_many_samples_print_on_one_page_in_width_and_the_first_says_what_is_left_out(
    libreoffice, tmp_path
):
    trace = many(200)
    assert reading.pages(libreoffice, trace, ["Predictions"], tmp_path)["Predictions"] == 1
    sheet, found = formulas(trace)["Predictions"], stored(trace)
    assert not sheet.col_breaks.brk
    assert sheet.page_setup.fitToWidth in (None, 1)  # the usual
    _, _, _, bottom = range_boundaries(sheet.print_area.split("!")[1])
    first, _ = find(found, "Samples")
    assert bottom == first + 2 + 20
    assert found[first, 3] == "In print: the first 20 of 200 samples."


def test_few_samples_are_printed_with_the_room_for_new_ones():
    sheet, found = formulas(many(8))["Predictions"], stored(many(8))
    _, _, _, bottom = range_boundaries(sheet.print_area.split("!")[1])
    assert bottom == find(found, "new 5")[0]
    assert not any("In print" in str(value) for value in found.values())


def test_twenty_samples_are_printed_without_it_as_a_page_has_no_room_for_both(
    libreoffice, tmp_path
):
    trace = many(20)
    assert reading.pages(libreoffice, trace, ["Predictions"], tmp_path)["Predictions"] == 1
    sheet, found = formulas(trace)["Predictions"], stored(trace)
    _, _, _, bottom = range_boundaries(sheet.print_area.split("!")[1])
    assert bottom == find(found, "Samples")[0] + 2 + 20 < find(found, "new 1")[0]


NEW = {0: [1.5, -2, 0.25], 1: [1.5, None, 3], 3: [0, 0, 0]}


def typed(trace) -> dict[tuple[int, int], float]:
    """The cells of new samples, and what is typed there."""
    sheet = formulas(trace)["Predictions"]
    row = find(stored(trace), "Your own samples")[0] + 3
    cells = {(row + i, 2 + j): x for i, numbers in NEW.items() for j, x in enumerate(numbers)}
    for place in cells:
        assert sheet.cell(*place).style == "input"
        assert not sheet.cell(*place).protection.locked
    return {place: number for place, number in cells.items() if number is not None}


def says(trace, found: dict) -> None:
    """The rows that are complete have what the network predicts, the others nothing."""
    right = trace.predict([NEW[0], NEW[3]]).to_numpy()
    assert close([found["output"][0], found["output"][3]], right)
    assert found["output"][1] == found["output"][2] == [""] * right.shape[1]
    if trace.decision == "yes or no":
        decided = [[right[0, 0] >= 0.5], [""], [""], [right[1, 0] >= 0.5], [""]]
        assert found["class"] == decided


@ALL
def test_a_new_sample_goes_through_the_trained_network_once_it_is_complete(name, tmp_path):
    trace = case(name)
    path = tmp_path / "book.xlsx"
    path.write_bytes(content(trace))
    model = reading.ironcalc_model(path)
    number = formulas(trace).sheetnames.index("Predictions")
    for place, value in typed(trace).items():
        model.update_cell_with_number(number, *place, float(value))
    model.evaluate()
    sheet = formulas(trace)["Predictions"]
    holding = {(c.row, c.column) for row in sheet.iter_rows() for c in row if c.value is not None}
    places = holding | typed(trace).keys()
    computed = {place: model.get_cell_value(number, *place) for place in places}
    says(trace, table(computed, "Your own samples"))


# --- Engines ------------------------------------------------------------------------------


@ALL
def test_ironcalc_and_the_trace_agree_on_every_formula(name, tmp_path):
    assert verifies(case(name), tmp_path)


def follows(sheet: dict, fresh) -> None:
    found, right = table(sheet), table(stored(fresh))
    assert list(found) == list(right)
    for name, cells in right.items():
        for row, expected in zip(found[name], cells, strict=True):
            for cell, value in zip(row, expected, strict=True):
                assert cell == (value if isinstance(value, str) else pytest.approx(value, 1e-11))


FOLLOWING = ["yes or no", "one of several", "each", "numbers", "scaled", "deep", "no bias"]


@pytest.mark.parametrize("name", slow_but(["one of several", "numbers"], FOLLOWING))
def test_ironcalc_predicts_anew_when_an_input_a_weight_and_the_rate_are_retyped(name, tmp_path):
    book, fresh = changed(case(name), CASES[name][2])
    follows(by_ironcalc(book, tmp_path)["Predictions"], fresh)
    assert not close(outputs(fresh), outputs(case(name)))


# --- Words and labels ---------------------------------------------------------------------


NAMES = [*NASTY[:12], "#REF!", "TRUE", "", " ", "'quoted", "=" + "体" * 300]


def nasty(names: list[str]) -> cellprop.Trace:
    """Classes whose names have broken files elsewhere."""
    network = cellprop.Network([3, 2, len(names)], **SOFTMAX)
    samples = pd.DataFrame(random.random((len(names), 3)), index=names)
    classes = pd.DataFrame(np.eye(len(names)), columns=names)
    return cellprop.trace(network, samples, classes, seed=0)


@pytest.mark.parametrize(
    "some", [NAMES[::3], NAMES[1::3], NAMES[2::3], slow_case(NAMES)], ids=["a", "b", "c", "all"]
)
def test_names_of_classes_stay_text_whatever_they_say(some, tmp_path):
    trace = nasty(some)
    assert cellprop.verify(trace.to_excel(tmp_path / "book.xlsx")).ok
    labels = trace.program.output.columns.labels
    for number, ((found,), label) in enumerate(
        zip(table(stored(trace))["class wanted"], labels, strict=True), 1
    ):
        text = unescape(shown(found))  # of a formula's text, openpyxl shows what the file holds
        cut = text.endswith("…") and label.startswith(text[:-1])
        assert text == (label or str(number)) or cut


def test_words_may_hold_what_formulas_and_files_use(tmp_path):
    said = {"predictions.right": 'r"<&>', "predictions.wrong": "w" * 300}
    words = Words({**load().texts, **said})
    path = workbook.write(case("yes or no"), tmp_path / "book.xlsx", words=words)
    assert cellprop.verify(path).ok
    book = reading.load_workbook(path, data_only=True)
    found = table(sheets_of(book)["Predictions"])["verdict"]
    assert {text for (text,) in found} <= set(said.values())
    assert len(found) == 5


def test_an_output_a_last_place_below_one_half_is_decided_as_spreadsheets_do(tmp_path):
    network = cellprop.Network([3, 1])
    parameters = {"wout": [[-5e-16], [0], [0]], "bout": [[0]]}
    trace = cellprop.trace(network, [[1, 0, 0]], [[1]], parameters=parameters, epochs=0)
    assert outputs(trace).item() < 0.5
    assert cellprop.verify(trace.to_excel(tmp_path / "book.xlsx")).ok
    assert table(stored(trace))["verdict"] == [["✓ right"]]


def test_the_largest_of_negative_outputs_is_the_class(tmp_path):
    """As of linear outputs, which squared error takes for classes, too."""
    outputs = np.array([[-2.0, -1.0, -3.0], [-1.0, -1.5, -2.0], [1.0, 2.0, -3.0]])
    assert decided(outputs, "one of several").ravel().tolist() == [2, 1, 2]
    network = cellprop.Network([2, 2], activation=[], output_activation="linear")
    first = {"wout": [[-1.0, -2.0], [-2.0, -1.0]], "bout": [[-1.0, -1.0]]}
    X, y = [[0, 1], [1, 0]], [[0, 1], [1, 0]]
    trace = cellprop.trace(network, X, y, parameters=first, epochs=0)
    assert cellprop.verify(trace.to_excel(tmp_path / "book.xlsx")).ok


def test_what_adam_remembers_stands_beside_what_is_printed_under_its_heading():
    network = cellprop.Network([3, 2, 1])
    trace = cellprop.trace(network, X, y, seed=1, optimizer="adam", epochs=3)
    sheet, found = formulas(trace)["Predictions"], stored(trace)
    _, _, last, _ = range_boundaries(sheet.print_area.split("!")[1])
    _, first = find(found, "What the update rule remembers")
    names = sheet.parent.defined_names
    trained = {name.removesuffix("_trained"): n for name, n in names.items() if "_trained" in name}
    remembered = trained.keys() - {matrix.name for matrix in trace.program.parameters}
    assert {"wh_m", "wh_v", "bout_v", "beta_1_power"} <= remembered
    for name, defined in trained.items():
        left, *_ = range_boundaries(defined.attr_text.split("!")[1].replace("$", ""))
        assert left >= first > last if name in remembered else left <= last, name


def test_the_parameters_of_several_layers_stand_in_lines_that_fit_a_page(libreoffice, tmp_path):
    random = np.random.default_rng(2)
    X, y = random.normal(size=(20, 3)), random.normal(size=(20, 2))
    trace = cellprop.trace(cellprop.Network([3, 4, 5, 2]), X, y, seed=1, optimizer="adam")
    sheet = formulas(trace)["Predictions"]
    assert not sheet.col_breaks.brk
    assert reading.pages(libreoffice, trace, ["Predictions"], tmp_path)["Predictions"] == 1
    # The names of no two matrices stand in the same cells, however many lines there are.
    named = [
        d.attr_text for n, d in sheet.parent.defined_names.items() if "Predictions" in d.attr_text
    ]
    ranges = [range_boundaries(text.split("!")[1].replace("$", "")) for text in named]
    for a, b in combinations(ranges, 2):
        assert a[2] < b[0] or b[2] < a[0] or a[3] < b[1] - 3 or b[3] < a[1] - 3
    assert len(ranges) >= len(trace.program.parameters)
