"""Spreadsheet engines compute what the trace says: as built, after changes, and at extremes."""

from __future__ import annotations

import itertools
import math
import re
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings

import cellprop
import reading
from cellprop.tracing import Trace
from conftest import slow_but
from reading import disagreements, example, expected, homes, position, without_values

FEW = pytest.mark.parametrize("name", slow_but(["deep", "batch"], reading.NAMES))


def written(trace, folder: Path, name: str = "book") -> Path:
    path = folder / f"{name}.xlsx"
    path.write_bytes(reading.content(trace))
    return path


# --- Retyping -----------------------------------------------------------------------------

# What is typed over the last number of a matrix, by its name (without that of its layer).
RETYPED = {
    "lr": 0.65, "momentum": 0.45, "beta_1": 0.8, "beta_2": 0.95, "epsilon": 0.001,
    "beta_1_power": 0.6, "beta_2_power": 0.75, "X_minimum": -9.5, "X_maximum": 11.25,
    "X": -1.75, "X_raw": -8.75, "y": 0.375, "wh": 2.5, "wout": -1.5, "bh": 1.25, "bout": -0.5,
}  # fmt: skip
REMEMBERED = {"velocity": -0.3, "m": 0.2, "v": 0.04}
SETTINGS = ("momentum", "beta_1", "beta_2", "epsilon")


def new_number(name: str) -> float:
    remembered = REMEMBERED.get(name.rpartition("_")[2])
    return remembered or RETYPED.get(name) or RETYPED[re.sub(r"_\d+$", "", name)]


def changed(trace):
    """The workbook with a number of each matrix that is typed retyped, and what then follows."""
    typed = {
        matrix.name: np.array(trace.values[matrix.name])
        for matrix in trace.program.matrices
        if matrix.definition is None
    }
    for name, array in typed.items():
        array[-1, -1] = new_number(name)
        if name == "X_raw":  # so that the largest changes, too
            array[0] = 7.5
    if trace.network.loss == "cross_entropy":
        typed["y"][-1] = [0.25, 0.75, *[0] * (len(typed["y"][-1]) - 2)]
    book = without_values(trace)
    for name, array in typed.items():
        home, (top, left, _, _) = homes(book)[name]
        for (i, j), value in np.ndenumerate(array):
            book[home].cell(top + i, left + j).value = float(value)
    return book, again(trace, typed)


def again(trace, typed) -> dict[str, np.ndarray]:
    """Every matrix, as a fresh trace of the numbers typed has it."""
    numbers = dict(typed)
    raw = numbers.pop(trace.program.matrices[0].name)
    options = dict(trace.options)
    kept = {}
    if trace.batches > 1 and options["scale"]:
        # A batch is scaled by numbers that come from all samples: they are typed, too.
        least, most = numbers.pop("X_minimum"), numbers.pop("X_maximum")
        kept = {"X_raw": raw, "X_minimum": least, "X_maximum": most}
        raw, options["scale"] = (raw - least) / (most - least), None
    fresh = cellprop.trace(
        trace.network,
        raw,
        numbers.pop("y"),
        learning_rate=numbers.pop("lr").item(),
        settings={name: numbers.pop(name).item() for name in SETTINGS if name in numbers},
        parameters=numbers,
        **options,
    )
    return {**fresh.values, **kept}


# --- Extremes -----------------------------------------------------------------------------


def extremes():
    """The article's network with every combination of signs of extreme weights."""
    article = example("article")
    X = np.array([[1000.0] * 4, [-1000.0] * 4, [0.5, -1000, 0, 1]])
    for signs in itertools.product((-1000.0, 1000.0), repeat=4):
        sizes = zip(article.parameters, signs, strict=True)
        numbers = {name: np.full(article.values[name].shape, size) for name, size in sizes}
        typed = numbers | {"X": X, "y": article.values["y"], "lr": np.ones((1, 1))}
        yield typed, again(article, typed)


FIRST, SECOND = [[1000.0, 1000, -1000, -1000]], [[1000.0, -1000, 1000, -1000]]
EXTREME_X = np.array([[1000.0] * 3, [-1000.0] * 3, [0.5, -1000, 1000], [0.0] * 3])
SHARES = np.array([[1.0, 0, 0, 0], [0, 0, 0, 1], [0, 0.5, 0.5, 0], [0.25] * 4])


def at_once(y, activation=("sigmoid",), training=(), **network) -> Trace:
    """A network whose neurons have every combination of extreme weights."""
    layers = len(activation)
    network = cellprop.Network([3, *[4] * layers, 4], activation=list(activation), **network)
    parameters = {}
    for name, (rows, _) in network.shapes.items():
        parameters[name] = SECOND if rows == 1 else FIRST * rows
    options = {"learning_rate": 1.0} | dict(training)
    return cellprop.trace(network, EXTREME_X, y, parameters=parameters, **options)


def extreme_networks() -> dict[str, Trace]:
    """Networks of every activation, loss, update rule and scaling with extreme numbers."""
    found = {
        f"extreme {target}": at_once(np.full((4, 4), float(target))) for target in (-1000, 0, 1)
    }
    softmax = {"loss": "cross_entropy"}
    binary = {"loss": "binary_cross_entropy"}
    for activation in ("relu", "tanh", "leaky_relu", "linear"):
        found[f"extreme {activation}"] = at_once(SHARES * 1000, (activation,))
        found[f"extreme softmax {activation}"] = at_once(SHARES, (activation,), **softmax)
        found[f"extreme binary {activation}"] = at_once(SHARES, (activation,), **binary)
    deep = ("relu", "tanh", "leaky_relu")
    found["extreme deep"] = at_once(SHARES, deep, {"optimizer": "momentum"}, **softmax)
    found["extreme binary deep"] = at_once(SHARES, deep, {"optimizer": "adam"}, **binary)
    for optimizer in ("momentum", "adam"):
        training = {"optimizer": optimizer, "average": True, "scale": "standard"}
        found[f"extreme {optimizer}"] = at_once(SHARES, ("relu", "tanh"), training, **softmax)
    training = {"scale": "minmax"}
    found["extreme minmax"] = at_once(SHARES * 1000, ("leaky_relu",), training)
    return found


EXTREME = extreme_networks()
# LibreOffice takes its time for each file, so it gets those that differ most.
CHANGED = ["article", "wide", "band", "deep", "entropy", "adam", "momentum", "batch", "shallow"]
AT_EXTREMES = [
    "extreme -1000", "extreme 1", "extreme relu", "extreme softmax linear", "extreme binary tanh",
    "extreme deep", "extreme momentum", "extreme adam", "extreme minmax",
]  # fmt: skip


# --- IronCalc -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", slow_but(["deep", "momentum", "batch"], reading.NAMES))
def test_verify_agrees_with_every_formula(name, tmp_path):
    trace = example(name)
    path = written(trace, tmp_path)
    count = sum(
        cell.data_type == "f"
        for sheet in reading.formulas(trace).worksheets
        for row in sheet.iter_rows()
        for cell in row
    )
    verification = cellprop.verify(path)
    assert verification.ok
    assert verification.cells == count
    assert verification.largest_difference <= 1e-12


@given(trace=reading.traces())
@settings(max_examples=2)
def test_verify_agrees_for_any_network(trace):
    assert_verifies(trace)


@pytest.mark.slow
@given(trace=reading.traces())
@settings(max_examples=12)
def test_verify_agrees_for_many_networks(trace):
    assert_verifies(trace)


def assert_verifies(trace):
    with tempfile.TemporaryDirectory() as folder:
        verification = cellprop.verify(trace.to_excel(Path(folder) / "book.xlsx"))
    # To 1e-9: where numbers cancel, as in 1 - tanh², their last place weighs more in what is left.
    assert verification.ok


@FEW
def test_ironcalc_computes_the_trace_from_the_formulas_alone(name, tmp_path):
    trace = example(name)
    path = reading.saved(without_values(trace), tmp_path / "book.xlsx")
    model = reading.ironcalc_model(path)
    assert disagreements(reading.computed_by_ironcalc(model, expected(trace)), trace) == []


@FEW
def test_ironcalc_follows_retyped_numbers(name, tmp_path):
    trace = example(name)
    book, numbers = changed(trace)
    model = reading.ironcalc_model(reading.saved(book, tmp_path / "book.xlsx"))
    found = reading.computed_by_ironcalc(model, expected(trace))
    assert disagreements(found, trace, numbers) == []
    assert_all_differ(trace, numbers)


def assert_all_differ(trace, numbers) -> None:
    """Everything typed, and so nearly everything that is computed, has changed."""
    same = {name for name in trace.names if np.array_equal(numbers[name], trace.values[name])}
    # A slope may be 0, 1 or 0.01 whatever the numbers are.
    assert {name for name in same if not name.startswith("slope_")} == set()


@pytest.mark.parametrize("name", slow_but(["deep", "batch"], ["article", "deep", "adam", "batch"]))
def test_the_loss_on_the_contents_follows_too(name, tmp_path):
    trace = example(name)
    book, numbers = changed(trace)
    model = reading.ironcalc_model(reading.saved(book, tmp_path / "book.xlsx"))
    (cell,) = [
        cell
        for row in book["Contents"].iter_rows()
        for cell in row
        if cell.data_type == "f" and "SUM" in cell.value
    ]
    of_samples = numbers[trace.network.loss]
    computed = model.get_cell_value(0, cell.row, cell.column)
    assert computed == pytest.approx(of_samples.sum() / len(of_samples), rel=1e-12)


def assert_finite(found) -> None:
    assert all(isinstance(value, (int, float)) for value in found.values())
    assert all(math.isfinite(value) for value in found.values())


def test_no_extreme_weight_or_input_of_the_article_makes_an_error_in_ironcalc(tmp_path):
    article = example("article")
    model = reading.ironcalc_model(written(article, tmp_path))
    book = reading.formulas(article)
    for typed, numbers in extremes():
        for name, array in typed.items():
            home, (top, left, _, _) = homes(book)[name]
            for (i, j), value in np.ndenumerate(array):
                sheet = position(book[home])
                model.update_cell_with_number(sheet, top + i, left + j, float(value))
        model.evaluate()
        found = reading.computed_by_ironcalc(model, expected(article))
        assert_finite(found)
        assert disagreements(found, article, numbers) == []


@pytest.mark.parametrize("name", slow_but(["extreme 0", "extreme softmax relu"], EXTREME))
def test_no_extreme_weight_or_input_makes_an_error_in_ironcalc(name, tmp_path):
    trace = EXTREME[name]
    model = reading.ironcalc_model(written(trace, tmp_path))
    found = reading.computed_by_ironcalc(model, expected(trace))
    assert_finite(found)
    assert disagreements(found, trace) == []


# --- LibreOffice --------------------------------------------------------------------------


@pytest.mark.slow
def test_libreoffice_computes_the_trace_from_the_formulas_alone(libreoffice, tmp_path):
    found = {f"changed {name}": (example(name), *changed(example(name))) for name in CHANGED}
    for name in AT_EXTREMES:
        found[name] = EXTREME[name], without_values(EXTREME[name]), EXTREME[name].values
    files = [
        reading.saved(reading.without_extras(book), tmp_path / f"{name}.xlsx")
        for name, (_, book, _) in found.items()
    ]
    recalculated, _ = reading.converted_by_libreoffice(libreoffice, files, tmp_path)
    assert set(recalculated) == set(found)
    for name, (trace, _, numbers) in found.items():
        assert reading.errors_of(recalculated[name]) == [], name
        assert_finite(reading.numbers_of(recalculated[name]))
        assert disagreements(reading.numbers_of(recalculated[name]), trace, numbers) == [], name


@pytest.mark.slow
def test_verify_can_use_libreoffice(libreoffice, tmp_path):
    verification = cellprop.verify(written(example("article"), tmp_path), engine="libreoffice")
    assert verification.ok
    assert verification.largest_difference <= 1e-12
    assert verification.cells > 800


OPENED = ("article", "band", "deep")


@pytest.mark.slow
def test_libreoffice_opens_what_we_write_without_complaint(libreoffice, tmp_path):
    files = [written(example(name), tmp_path, name) for name in OPENED]
    books, said = reading.converted_by_libreoffice(libreoffice, files, tmp_path)
    assert [line for line in said.splitlines() if "javaldx" not in line and line.strip()] == []
    for name, book in books.items():
        ours = reading.formulas(example(name))
        assert book.sheetnames == ours.sheetnames
        for sheet in book.worksheets:
            rules, own = (b[sheet.title].conditional_formatting for b in (book, ours))
            assert sum(len(f.rules) for f in rules) == sum(len(f.rules) for f in own)
            assert len(sheet._hyperlinks or _links(sheet)) == len(_links(ours[sheet.title]))


def _links(sheet) -> list:
    return [cell.hyperlink for row in sheet.iter_rows() for cell in row if cell.hyperlink]
