"""No number that can be typed turns a cell into an error: of any network, on any sheet.

What can be typed is read from the file, as a spreadsheet does: the blue cells, and the rules that
say what each of them takes. A cell can be cleared whatever its rule says.
"""

from __future__ import annotations

import itertools
import math
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import Workbook
from openpyxl.utils.cell import range_boundaries
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.worksheet import Worksheet

import cellprop
import reading
from cellprop.algebra import SPELLED_OUT, activations, losses
from cellprop.programs.scaling import SCALINGS
from cellprop.programs.updating import OPTIMIZERS
from cellprop.tracing import Trace
from conftest import slow_but

# Whatever comes to mind; cells refuse some of them. None clears a cell.
NUMBERS = (
    0.0, 1.0, -1.0, 0.1, 2.0, -1000.0, *(
        sign * 10.0**power
        for power in (-300, -163, -20, 10, 40, 50, 100, 154, 308) for sign in (1, -1)
    ),
)  # fmt: skip
CLEARED = None

SEVERAL = {"loss": "cross_entropy"}
BINARY = {"loss": "binary_cross_entropy"}
# Sizes; what the network is; how it is trained. Two inputs have a decision boundary.
CASES: dict[str, tuple[list[int], dict[str, Any], dict[str, Any]]] = {
    "article": ([], {}, {}),
    "linear": ([3, 2, 1], {"activation": "linear"}, {"epochs": 10}),
    "relu": (
        [2, 3, 3], {"activation": "relu"} | SEVERAL,
        {"epochs": 4, "scale": "standard", "optimizer": "adam"},
    ),
    "tanh": ([2, 2, 1], {"activation": "tanh"} | BINARY, {"epochs": 5, "optimizer": "adam"}),
    "leaky": (
        [3, 2, 2], {"activation": "leaky_relu"},
        {"epochs": 6, "optimizer": "momentum", "scale": "minmax", "average": True},
    ),
    "deep": (
        [3, 2, 3, 2, 2], {"activation": ["relu", "linear", "tanh"], "output_activation": "relu"},
        {"epochs": 21, "optimizer": "adam", "walk_epoch": 3},
    ),
    "once": ([3, 2, 2], {"activation": "relu", "output_activation": "linear"}, {}),
    "batches": (
        [2, 3, 2], {"activation": "linear"} | SEVERAL,
        {"epochs": 3, "batch_size": 2, "scale": "minmax", "optimizer": "momentum"},
    ),
    "each": (
        [2, 3, 2], {"activation": "sigmoid"} | BINARY,
        {"epochs": 2, "batch_size": 2, "scale": "standard", "optimizer": "adam"},
    ),
    "untrained": ([3, 2, 2], {"activation": "leaky_relu", "output_activation": "tanh"},
                  {"epochs": 0}),
    "shallow": ([2, 3], {"output_activation": "linear"}, {"epochs": 2, "optimizer": "adam"}),
    "many": ([3, 1, 1, 1, 1, 1, 1], {"activation": "linear"}, {"epochs": 2, "optimizer": "adam"}),
    "no biases": (
        [3, 2, 2], {"bias": False, "output_activation": "leaky_relu"},
        {"epochs": 3, "optimizer": "momentum", "walk_epoch": 3},
    ),
    "smooth": (
        [3, 2, 2, 1], {"activation": ["silu", "gelu"], "output_activation": "linear"},
        {"epochs": 2},
    ),
    "rounded": (
        [3, 2, 2], {"activation": "softplus", "output_activation": "elu"},
        {"epochs": 4, "scale": "standard"},
    ),
    # Products too long to be spelled out, of parameters that are typed.
    "long": ([3, 9, 2], {"activation": "relu"} | SEVERAL, {"epochs": 2, "batch_size": 2}),
}  # fmt: skip
QUICK = ["article", "linear", "once"]
ALL = pytest.mark.parametrize(
    "name", [*QUICK, *(pytest.param(n, marks=pytest.mark.slow) for n in CASES if n not in QUICK)]
)


@cache
def case(name: str) -> Trace:
    if name == "article":
        return cellprop.article()
    sizes, network, training = CASES[name]
    return traced(cellprop.Network(sizes, **network), 5, **{"learning_rate": 0.01} | training)


def traced(network: cellprop.Network, samples: int, **training: Any) -> Trace:
    """A network with inputs of a few digits, and targets that make a sheet say right or wrong."""
    random = np.random.default_rng(4)
    X = random.normal(size=(samples, network.sizes[0])).round(2)
    y = np.eye(network.sizes[-1])[np.arange(samples) % network.sizes[-1]]
    if network.loss == "squared_error":
        y = random.normal(size=y.shape).round(1)
    elif network.loss == "binary_cross_entropy":
        y[0] = 1
    return cellprop.trace(network, X, y, seed=2, **training)


# --- What can be typed --------------------------------------------------------------------


@dataclass(frozen=True)
class Input:
    """Cells of a sheet that can be typed into, and what they take."""

    sheet: str
    cells: tuple[tuple[int, int], ...]
    takes: tuple[Any, ...]
    is_list: bool


def inputs(book: Workbook) -> list[Input]:
    """Every range of cells that has a rule for what may be typed."""
    found = []
    for sheet in book.worksheets:
        for rule in sheet.data_validations.dataValidation:
            assert rule.showErrorMessage
            assert rule.errorStyle in (None, "stop")
            for area in rule.sqref.ranges:
                cells = tuple((row, column) for row, column in area.cells)
                takes = (*taken(sheet, rule), CLEARED)
                found.append(Input(sheet.title, cells, takes, rule.type != "decimal"))
    return found


def taken(sheet: Worksheet, rule: DataValidation) -> Iterator[Any]:
    """What a rule lets be typed: all the numbers above that it does, and those it ends at."""
    if rule.type == "list":
        yield from listed(sheet, rule.formula1)
        return
    assert rule.operator == "between"
    least, most = float(rule.formula1), float(rule.formula2)
    assert least <= most
    if rule.type == "whole":
        yield from (least, most)
        return
    assert rule.type == "decimal"
    yield from (least, most)
    yield from (number for number in NUMBERS if least <= number <= most)


def listed(sheet: Worksheet, formula: str) -> list[Any]:
    if not formula.startswith('"'):
        left, top, right, bottom = range_boundaries(formula.replace("$", ""))
        block = reading.block(sheet, (top, left, bottom, right))
        return [value for row in block for value in row]
    options = formula.strip('"').split(",")
    return [float(text) if text.isdigit() else text for text in options]


def blue(book: Workbook) -> set[tuple[str, int, int]]:
    """Every cell that is there to be typed into, by its look."""
    return {
        (sheet.title, cell.row, cell.column)
        for sheet in book.worksheets
        for row in sheet.iter_rows()
        for cell in row
        if not cell.protection.locked
        and not reading.is_formula(cell.value)
        and not any(cell.coordinate in area and cell.coordinate != str(area).partition(":")[0]
                    for area in sheet.merged_cells.ranges)
    }  # fmt: skip


# --- Typing -------------------------------------------------------------------------------


class Typist:
    """A workbook in IronCalc, and somebody who types into it."""

    def __init__(self, trace: Trace, folder: Path) -> None:
        path = folder / "book.xlsx"
        path.write_bytes(reading.content(trace))
        self.book = reading.formulas(trace)
        self.model = reading.ironcalc_model(path)
        self.sheets = reading.sheet_numbers(self.model)
        self.inputs = inputs(self.book)
        self.lists = [where for where in self.inputs if where.is_list]
        self.numbers = [where for where in self.inputs if not where.is_list]
        self.formulas = [
            (self.sheets[sheet.title], cell.row, cell.column)
            for sheet in self.book.worksheets
            for row in sheet.iter_rows()
            for cell in row
            if cell.data_type == "f"
        ]

    def type(self, where: Input, cell: tuple[int, int], number: Any) -> None:
        place = self.sheets[where.sheet], *cell
        if number is CLEARED:
            self.model.clear_cell_contents(*place)
        elif isinstance(number, str):
            self.model.update_cell_with_text(*place, number)
        else:
            self.model.update_cell_with_number(*place, float(number))

    def undo(self, where: Input) -> None:
        for cell in where.cells:
            self.type(where, cell, self.book[where.sheet].cell(*cell).value)

    def errors(self) -> list[Any]:
        """The cells that show an error, at most a few."""
        self.model.evaluate()
        shown = ((place, self.model.get_cell_value(*place)) for place in self.formulas)
        return list(itertools.islice(((p, v) for p, v in shown if is_error(v)), 3))


def is_error(value: object) -> bool:
    if isinstance(value, float):
        return not math.isfinite(value)
    return isinstance(value, str) and value.startswith("#")


def one_by_one(typist: Typist, *, quick: bool) -> Iterator[tuple[Any, list[Any]]]:
    """Type everything that they take into the cells of a matrix, all at once; and the least, the
    most, 0 and nothing one by one. Quick: only these, into all at once.
    """
    for where in typist.numbers:
        few = (*where.takes[:2], 0.0, CLEARED)
        attempts = [(where.cells, number) for number in (few if quick else where.takes)]
        if not quick:
            attempts += [((cell,), number) for cell in where.cells for number in few]
        for cells, number in attempts:
            for cell in cells:
                typist.type(where, cell, number)
            yield (where.sheet, cells, number), typist.errors()
            typist.undo(where)


def from_lists(typist: Typist) -> Iterator[tuple[Any, list[Any]]]:
    """Choose everything that there is to choose: what comes next in every list at once."""
    for k in range(max(len(where.takes) for where in typist.lists)):
        for where in typist.lists:
            typist.type(where, where.cells[0], where.takes[k % len(where.takes)])
        yield k, typist.errors()
    for where in typist.lists:
        typist.undo(where)


def all_at_once(typist: Typist, times: int) -> Iterator[tuple[Any, list[Any]]]:
    """Type into every cell something that it takes, and the extremes of that more often."""
    random = np.random.default_rng(7)
    for k in range(times):
        typed = {}
        for where in typist.inputs:
            takes = where.takes[:2] if k % 2 else where.takes
            for cell in where.cells:
                typed[where.sheet, cell] = takes[random.integers(len(takes))]
                typist.type(where, cell, typed[where.sheet, cell])
        yield typed, typist.errors()


def first_wrong(attempts: Iterator[tuple[Any, list[Any]]]) -> Any:
    """What was typed where that made an error, and which."""
    return next(((typed, errors) for typed, errors in attempts if errors), None)


# --- No errors ----------------------------------------------------------------------------


def test_the_networks_are_of_every_kind():
    traces = [case(name) for name in CASES]
    networks = [trace.network for trace in traces]
    assert {a for n in networks for a in (*n.activation, n.output_activation)} == {*activations()}
    assert {n.loss for n in networks} == {*losses()}
    assert {trace.options["optimizer"] for trace in traces} == {*OPTIMIZERS}
    assert {trace.options["scale"] for trace in traces} == {None, *SCALINGS}
    assert {trace.decision for trace in traces} == {
        None, "yes or no", "one of several", "each yes or no"
    }  # fmt: skip


@ALL
def test_every_blue_cell_says_what_it_takes(name):
    book = reading.formulas(case(name))
    ruled = {(where.sheet, *cell) for where in inputs(book) for cell in where.cells}
    assert blue(book) == ruled


@pytest.mark.parametrize("name", slow_but(QUICK[1:], QUICK))
def test_no_number_typed_into_the_smaller_networks_makes_an_error(name, tmp_path):
    typist = Typist(case(name), tmp_path)
    assert typist.errors() == []
    assert first_wrong(one_by_one(typist, quick=True)) is None
    assert first_wrong(all_at_once(typist, 6)) is None
    assert first_wrong(from_lists(typist)) is None


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_no_number_typed_into_any_network_makes_an_error(name, tmp_path):
    typist = Typist(case(name), tmp_path)
    assert first_wrong(one_by_one(typist, quick=False)) is None
    assert first_wrong(all_at_once(typist, 40)) is None
    assert first_wrong(from_lists(typist)) is None


@st.composite
def networks_typed_into(draw: st.DrawFn) -> Trace:
    """Networks of 0 to 3 hidden layers of any kind, trained in any way."""
    epochs = draw(st.integers(0, 4))
    return traced(
        draw(reading.networks()),
        draw(st.integers(2, 5)),
        learning_rate=draw(st.sampled_from([0.01, 0.5])),
        epochs=epochs,
        walk_epoch=draw(st.integers(1, max(epochs, 1))),
        optimizer=draw(st.sampled_from([*OPTIMIZERS])),
        scale=draw(st.sampled_from([None, *SCALINGS])),
        average=draw(st.booleans()),
        batch_size=draw(st.sampled_from([None, 2])),
    )


@pytest.mark.slow
@given(networks_typed_into())
@settings(max_examples=15)
def test_no_numbers_typed_into_any_network_drawn_make_an_error(trace):
    with tempfile.TemporaryDirectory() as folder:
        assert first_wrong(all_at_once(Typist(trace, Path(folder)), 8)) is None


def test_numbers_that_the_cells_refuse_would_make_errors(tmp_path):
    typist = Typist(case("linear"), tmp_path)
    for where in typist.numbers:
        for cell in where.cells:
            typist.type(where, cell, 1e60)
    assert typist.errors() != []


# --- What it comes to ---------------------------------------------------------------------


def test_training_that_runs_away_stops_at_what_may_be_typed(tmp_path):
    trace = case("linear")
    typist = Typist(trace, tmp_path)
    home, (row, column, _, _) = reading.homes(typist.book)["lr"]
    (rate,) = [w for w in typist.numbers if (w.sheet, w.cells) == (home, ((row, column),))]
    typist.type(rate, rate.cells[0], 1.0)
    assert typist.errors() == []
    sheet, number = typist.book["Training"], typist.sheets["Training"]
    (weights,) = [cell.column for cell in sheet[6] if cell.value == "wout"]
    last = typist.model.get_cell_value(number, sheet.max_row, weights)
    assert abs(last) == rate.takes[1] > 1e20
    assert f"{last:.0E}".lstrip("-") in sheet["A3"].value


def test_a_network_keeps_its_limits_as_high_as_it_can():
    """The article's, with its sigmoids, takes more than one that multiplies on and on."""
    most = {
        name: max(n for w in inputs(reading.formulas(case(name))) if not w.is_list
                  for n in w.takes if n is not CLEARED)
        for name in ("article", "once")
    }  # fmt: skip
    assert most["article"] == 1e50 > most["once"] >= 1e6


@pytest.mark.parametrize("name", ["article", "linear", "once"])
def test_the_error_says_between_which_numbers(name):
    for sheet in reading.formulas(case(name)).worksheets:
        for rule in sheet.data_validations.dataValidation:
            if rule.type == "decimal":
                assert f"between {rule.formula1} and {rule.formula2}." in rule.error


def test_numbers_that_the_workbook_begins_with_may_be_typed_again():
    X = np.array([[3e30, -2e30, 1], [1e30, 0, 5], [4, 5, 6]])
    network = cellprop.Network([3, 2, 1], activation="relu", output_activation="sigmoid")
    trace = cellprop.trace(network, X, [0, 1, 0], seed=1, learning_rate=0, optimizer="adam",
                           settings={"beta_2": 0.9999999, "epsilon": 0})  # fmt: skip
    book = reading.formulas(trace)
    typed = {
        (where.sheet, *cell): where.takes[:2]
        for where in inputs(book) if not where.is_list for cell in where.cells
    }  # fmt: skip
    for place, (least, most) in typed.items():
        sheet, row, column = place
        value = book[sheet].cell(row, column).value
        assert value is None or least <= value <= most


# --- LibreOffice --------------------------------------------------------------------------


def attempts(trace: Trace) -> Iterator[Workbook]:
    """Workbooks with the least typed everywhere, the most, a mixture of these and of all else, and
    nothing: but where products are too long to be spelled out, LibreOffice's MMULT takes no number
    that is linked to a blank cell.
    """
    random = np.random.default_rng(11)
    is_long = max(trace.network.sizes) > SPELLED_OUT
    choices: list[Callable[[Input], Any]] = [
        lambda where: where.takes[0],
        lambda where: where.takes[1],
        lambda where: where.takes[random.integers(2)],
        lambda where: where.takes[random.integers(len(where.takes) - is_long)],
    ]
    for choose in choices if is_long else (*choices, lambda _: CLEARED):
        book = reading.without_values(trace)
        for where in inputs(book):
            for row, column in where.cells:
                book[where.sheet].cell(row, column).value = choose(where)
        yield book


@pytest.mark.slow
def test_no_number_typed_makes_an_error_in_libreoffice(libreoffice, tmp_path):
    files = [
        reading.saved(book, tmp_path / f"{name} {k}.xlsx")
        for name in CASES
        for k, book in enumerate(attempts(case(name)))
    ]
    recalculated, _ = reading.converted_by_libreoffice(libreoffice, files, tmp_path)
    assert len(recalculated) == len(files)
    assert [
        f"{name}: {e}" for name, book in recalculated.items() for e in reading.errors_of(book)
    ] == []
