"""The steps' expressions are the article's, in every notation that a student may copy.

And those of any other network, update rule and scaling: what is written computes what is shown.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from openpyxl import Workbook, load_workbook
from openpyxl.workbook.defined_name import DefinedName
from openpyxl.worksheet.formula import ArrayFormula

from cellprop.algebra import Matrix, reads, statement
from cellprop.faces.places import letter
from cellprop.programs.network import Network
from cellprop.tracing import Trace, article, trace
from cellprop.verification import recalculate
from conftest import slow_but
from reference import (
    ARTICLE,
    PARAMETERS,
    Problem,
    close,
    differing,
    loss,
    one_epoch,
    problem,
    problems,
)

ORDER = [
    (0, ["X", "y"]),
    (1, ["lr", "wh", "bh", "wout", "bout"]),
    (2, ["hidden_layer_input"]),
    (3, ["hiddenlayer_activations"]),
    (4, ["output_layer_input", "output"]),
    (5, ["E", "squared_error"]),
    (6, ["slope_output_layer", "slope_hidden_layer"]),
    (7, ["d_output"]),
    (8, ["Error_at_hidden_layer"]),
    (9, ["d_hiddenlayer"]),
    (10, ["wout_new", "wh_new"]),
    (11, ["bout_new", "bh_new"]),
]

LISTING = {
    "hidden_layer_input": "X @ wh + bh",
    "hiddenlayer_activations": "1 / (1 + np.exp(-hidden_layer_input))",
    "output_layer_input": "hiddenlayer_activations @ wout + bout",
    "output": "1 / (1 + np.exp(-output_layer_input))",
    "E": "y - output",
    "squared_error": "(y - output) ** 2 / 2",
    "slope_output_layer": "output * (1 - output)",
    "slope_hidden_layer": "hiddenlayer_activations * (1 - hiddenlayer_activations)",
    "d_output": "E * slope_output_layer",
    "Error_at_hidden_layer": "d_output @ wout.T",
    "d_hiddenlayer": "Error_at_hidden_layer * slope_hidden_layer",
    "wout_new": "wout + hiddenlayer_activations.T @ d_output * lr",
    "wh_new": "wh + X.T @ d_hiddenlayer * lr",
    "bout_new": "bout + d_output.sum(axis=0, keepdims=True) * lr",
    "bh_new": "bh + d_hiddenlayer.sum(axis=0, keepdims=True) * lr",
}

# The shapes at which a row, a column or a single number could be taken for one another.
SHAPES = {
    "the article's": ARTICLE,
    "one of everything": problem((1, 1, 1), 1),
    "one sample": problem((3, 4, 2), 1),
    "one hidden neuron": problem((3, 1, 2), 4),
    "one output": problem((2, 5, 1), 3),
    "one input": problem((1, 3, 3), 5),
    "one hidden neuron and output": problem((2, 1, 1), 3),
    "as many of each": problem((3, 3, 3), 3),
    "many": problem((10, 12, 2), 9),
}


def classes(samples: int, outputs: int) -> list[list[float]]:
    """Return targets of which one in each row is 1."""
    return [[float(j == i % outputs) for j in range(outputs)] for i in range(samples)]


def any_trace(sizes: list[int], samples: int = 4, **options: object) -> Trace:
    """Return a trace of a network of any kind, with numbers of both signs."""
    chance = np.random.default_rng(len(sizes) + samples)
    about = {"activation", "output_activation", "loss", "bias"} & set(options)
    network = Network(sizes, **{name: options.pop(name) for name in about})
    X = chance.normal(size=(samples, sizes[0]))
    parameters = {name: chance.normal(size=shape) for name, shape in network.shapes.items()}
    y = classes(samples, sizes[-1])
    return trace(network, X, y, parameters=parameters, seed=1, **options)


DEEP = ["tanh", "relu", "leaky_relu"]
# Every activation, loss, update rule, scaling and depth; the shapes that could be confused.
KINDS: dict[str, dict] = {
    "no hidden layer": {"sizes": [3, 2], "activation": "linear", "learning_rate": 0.01},
    "one of everything": {"sizes": [1, 1], "samples": 1},
    "three hidden layers": {"sizes": [3, 4, 2, 3, 2], "activation": DEEP},
    "three hidden layers of one neuron": {"sizes": [2, 1, 1, 1, 1], "activation": DEEP},
    "no biases": {"sizes": [3, 2, 2, 1], "activation": "tanh", "bias": False},
    "yes or no": {"sizes": [2, 3, 1], "activation": "relu", "loss": "binary_cross_entropy"},
    "classes": {"sizes": [4, 3, 3], "activation": "tanh", "loss": "cross_entropy", "samples": 6},
    "classes of one sample": {"sizes": [2, 3], "loss": "cross_entropy", "samples": 1},
    "linear outputs": {"sizes": [2, 3, 2], "activation": "relu", "output_activation": "linear"},
    "momentum": {"sizes": [2, 3, 1], "optimizer": "momentum", "epochs": 3, "walk_epoch": 3},
    "Adam": {"sizes": [2, 3, 1], "optimizer": "adam", "epochs": 3, "walk_epoch": 3},
    "Adam with means": {"sizes": [2, 2, 2], "optimizer": "adam", "average": True},
    "means": {"sizes": [3, 2, 1], "average": True},
    "standard": {"sizes": [3, 2, 1], "scale": "standard", "samples": 5},
    "minmax": {"sizes": [3, 2, 1], "scale": "minmax", "samples": 5},
    "a batch of scaled samples": {
        "sizes": [3, 2, 1], "scale": "minmax", "samples": 5, "batch_size": 2, "walk_batch": 3,
        "shuffle": True,
    },
}  # fmt: skip


def of_kind(kind: str) -> Trace:
    return any_trace(**KINDS[kind])


def traced(given: Problem, **options: int) -> Trace:
    return trace(
        Network(given.sizes),
        given.X,
        given.y,
        parameters=given.parameters,
        learning_rate=given.lr,
        **options,
    )


def computed(run: Trace) -> list[Matrix]:
    return [matrix for matrix in run.program.matrices if matrix.definition is not None]


def test_the_steps_bring_the_articles_matrices_in_its_order():
    found = [(s.number, [m.name for m in s.brings]) for s in article().program.steps]
    assert found == ORDER


def test_the_steps_are_the_articles_listing():
    found = {matrix.name: statement(matrix, "numpy") for matrix in computed(article())}
    assert found == {name: f"{name} = {right}" for name, right in LISTING.items()}


@pytest.mark.parametrize("kind", KINDS)
def test_every_matrix_stands_in_exactly_one_lane(kind):
    program = of_kind(kind).program
    in_lanes = [matrix.name for lane in program.lanes for matrix in lane.matrices]
    assert sorted(in_lanes) == sorted(matrix.name for matrix in program.matrices)


@pytest.mark.parametrize("kind", KINDS)
def test_names_differ_by_more_than_case_and_are_names_in_python_r_and_excel(kind):
    names = of_kind(kind).names
    assert len({name.lower() for name in names}) == len(names)
    assert all(re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name) for name in names)
    # Excel takes letters followed by digits for a cell.
    assert not [name for name in names if re.fullmatch(r"[A-Za-z]{1,3}[0-9]+|[RrCc]", name)]


@pytest.mark.parametrize("kind", KINDS)
def test_every_step_reads_only_what_steps_before_it_bring(kind):
    known: set[Matrix] = set()
    for step in of_kind(kind).program.steps:
        for matrix in step.brings:
            if matrix.definition is not None:
                assert set(reads(matrix.definition)) <= known, (step.label, matrix.name)
            known.add(matrix)


DEEP_ORDER = [
    ("0", ["X_raw", "X_minimum", "X_maximum", "X", "y"]),
    ("1", [
        "lr", "momentum", "wh_1", "bh_1", "wh_2", "bh_2", "wout", "bout", "wh_1_velocity",
        "bh_1_velocity", "wh_2_velocity", "bh_2_velocity", "wout_velocity", "bout_velocity",
    ]),
    ("2.1", ["hidden_layer_input_1"]),
    ("3.1", ["hiddenlayer_activations_1"]),
    ("2.2", ["hidden_layer_input_2"]),
    ("3.2", ["hiddenlayer_activations_2"]),
    ("4", ["output_layer_input", "output_exponentials", "output_sum", "output"]),
    ("5", ["E", "cross_entropy"]),
    ("6", ["slope_hidden_layer_2", "slope_hidden_layer_1"]),
    ("7", ["d_output", "d_output_check"]),
    ("8.2", ["Error_at_hidden_layer_2"]),
    ("9.2", ["d_hiddenlayer_2"]),
    ("8.1", ["Error_at_hidden_layer_1"]),
    ("9.1", ["d_hiddenlayer_1"]),
    ("10", [
        "wout_velocity_new", "wout_new", "wh_2_velocity_new", "wh_2_new", "wh_1_velocity_new",
        "wh_1_new",
    ]),
    ("11", [
        "bout_velocity_new", "bout_new", "bh_2_velocity_new", "bh_2_new", "bh_1_velocity_new",
        "bh_1_new",
    ]),
]  # fmt: skip


def test_the_steps_of_a_deep_network_go_layer_by_layer_and_back():
    run = any_trace([3, 4, 2, 2], loss="cross_entropy", optimizer="momentum", scale="minmax")
    found = [(s.label, [m.name for m in s.brings]) for s in run.program.steps]
    assert found == DEEP_ORDER


OTHER_LISTINGS = {
    "classes": {
        "output_exponentials": (
            "np.exp(output_layer_input - output_layer_input.max(axis=1, keepdims=True))"
        ),
        "output_sum": "output_exponentials.sum(axis=1, keepdims=True)",
        "output": "output_exponentials / output_sum",
        "cross_entropy": "-y * np.log(output)",
        "E": "y / output",
        "d_output": "y - output",
        "d_output_check": "output * (E - (output * E).sum(axis=1, keepdims=True))",
        "slope_hidden_layer": "1 - hiddenlayer_activations ** 2",
    },
    "yes or no": {
        "hiddenlayer_activations": "np.maximum(hidden_layer_input, 0)",
        "binary_cross_entropy": "-y * np.log(output) - (1 - y) * np.log(1 - output)",
        "E": "(y - output) / (output * (1 - output))",
        "slope_output_layer": "output * (1 - output)",
        "slope_hidden_layer": "np.where(hiddenlayer_activations > 0, 1.0, 0.0)",
        "d_output": "y - output",
        "d_output_check": "E * slope_output_layer",
    },
    "three hidden layers": {
        "hidden_layer_input_1": "X @ wh_1 + bh_1",
        "hidden_layer_input_2": "hiddenlayer_activations_1 @ wh_2 + bh_2",
        "hiddenlayer_activations_3": (
            "np.maximum(hidden_layer_input_3, 0.01 * hidden_layer_input_3)"
        ),
        "slope_hidden_layer_3": "np.where(hiddenlayer_activations_3 > 0, 1.0, 0.01)",
        "Error_at_hidden_layer_3": "d_output @ wout.T",
        "Error_at_hidden_layer_2": "d_hiddenlayer_3 @ wh_3.T",
        "d_hiddenlayer_2": "Error_at_hidden_layer_2 * slope_hidden_layer_2",
        "wh_1_new": "wh_1 + X.T @ d_hiddenlayer_1 * lr",
        "wh_3_new": "wh_3 + hiddenlayer_activations_2.T @ d_hiddenlayer_3 * lr",
        "bh_2_new": "bh_2 + d_hiddenlayer_2.sum(axis=0, keepdims=True) * lr",
    },
    "no biases": {"hidden_layer_input_1": "X @ wh_1", "output_layer_input": (
        "hiddenlayer_activations_2 @ wout"
    )},
    "linear outputs": {"output": "output_layer_input"},
    "means": {
        "wh_new": "wh + X.T @ d_hiddenlayer / 4 * lr",
        "bh_new": "bh + d_hiddenlayer.sum(axis=0, keepdims=True) / 4 * lr",
    },
    "momentum": {
        "wh_velocity_new": "X.T @ d_hiddenlayer + momentum * wh_velocity",
        "wh_new": "wh + wh_velocity_new * lr",
    },
    "Adam": {
        "beta_1_power_new": "beta_1_power * beta_1",
        "wh_change": "X.T @ d_hiddenlayer",
        "wh_m_new": "beta_1 * wh_m + (1 - beta_1) * wh_change",
        "wh_v_new": "beta_2 * wh_v + (1 - beta_2) * wh_change ** 2",
        "wh_new": (
            "wh + lr * (wh_m_new / (1 - beta_1_power_new))"
            " / (np.sqrt(wh_v_new / (1 - beta_2_power_new)) + epsilon)"
        ),
    },
    "minmax": {
        "X_minimum": "X_raw.min(axis=0, keepdims=True)",
        "X_maximum": "X_raw.max(axis=0, keepdims=True)",
        "X": "(X_raw - X_minimum) / (X_maximum - X_minimum)",
    },
    "standard": {
        "X_mean": "X_raw.sum(axis=0, keepdims=True) / 5",
        "X_deviation": (
            "np.sqrt(((X_raw - X_mean) ** 2).sum(axis=0, keepdims=True) / 5)"
        ),
        "X": "(X_raw - X_mean) / X_deviation",
    },
}  # fmt: skip


@pytest.mark.parametrize("kind", OTHER_LISTINGS)
def test_other_networks_steps_are_written_as_one_would_type_them(kind):
    run = of_kind(kind)
    found = {name: statement(run.matrix(name), "numpy") for name in OTHER_LISTINGS[kind]}
    assert found == {name: f"{name} = {right}" for name, right in OTHER_LISTINGS[kind].items()}


def numpy_differing(run: Trace) -> list[str]:
    names = {m.name: run.values[m.name] for m in run.program.matrices if m.definition is None}
    scope = {"np": np, **names}
    for matrix in computed(run):
        exec(statement(matrix, "numpy"), scope)
    return differing({name: scope[name] for name in run.names}, run.values)


@given(problems())
def test_the_numpy_text_of_every_step_gives_the_traces_numbers(drawn):
    assert numpy_differing(traced(drawn)) == []


@pytest.mark.parametrize("kind", KINDS)
def test_the_numpy_text_of_other_networks_steps_gives_the_traces_numbers(kind):
    assert numpy_differing(of_kind(kind)) == []


# --- R ------------------------------------------------------------------------------------


def test_the_r_text_of_every_step_gives_the_traces_numbers(rscript, tmp_path):
    runs = {name: traced(given) for name, given in SHAPES.items()}
    runs |= {f"kind: {kind}": of_kind(kind) for kind in KINDS}
    lines = ["options(warn = 2)"]
    for i, run in enumerate(runs.values()):
        for matrix in run.program.matrices:
            if matrix.definition is None:
                lines.append(f"{matrix.name} <- {in_r(matrix, run.values[matrix.name])}")
            else:
                lines.append(statement(matrix, "r"))
                lines.append(
                    f'cat({i}, "{matrix.name}", dim(as.matrix({matrix.name})),'
                    f' sprintf("%.17g", t(as.matrix({matrix.name}))), "\\n")'
                )
    script = tmp_path / "steps.R"
    script.write_text("\n".join(lines), encoding="utf-8")
    command = [rscript, "--vanilla", str(script)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr

    found: dict[str, dict[str, np.ndarray]] = {name: {} for name in runs}
    for line in done.stdout.splitlines():
        i, name, rows, columns, *numbers = line.split()
        shaped = np.array(numbers, float).reshape(int(rows), int(columns))
        found[list(runs)[int(i)]][name] = shaped
    expected = {
        name: {m.name: run.values[m.name] for m in computed(run)} for name, run in runs.items()
    }
    assert [name for name in runs if differing(found[name], expected[name])] == []


def in_r(matrix: Matrix, values: np.ndarray) -> str:
    """Return a matrix in R; a number for all is a plain number, as a student would type it."""
    numbers = ", ".join(map(repr, values.ravel().tolist()))
    return numbers if matrix.is_scalar else f"matrix(c({numbers}), {len(values)}, byrow = TRUE)"


# --- Excel --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "shape",
    slow_but(["the article's"], ["the article's", "one of everything", "one hidden neuron"]),
)
def test_the_excel_text_of_every_step_gives_the_traces_numbers(shape, libreoffice, tmp_path):
    run = traced(SHAPES[shape])
    book = run.to_workbook()
    sheet = book.create_sheet("By hand")
    ranges: dict[str, str] = {}
    row = 1
    for matrix in computed(run):
        rows, columns = matrix.shape
        ranges[matrix.name] = f"A{row}:{letter(columns)}{row + rows - 1}"
        formula = statement(matrix, "excel")
        sheet[f"A{row}"] = ArrayFormula(ranges[matrix.name], formula)
        row += rows + 1
    path = tmp_path / "by hand.xlsx"
    book.save(path)
    found = read_ranges(recalculate(path, tmp_path / "recalculated"), "By hand", ranges)
    expected = {matrix.name: run.values[matrix.name] for matrix in computed(run)}
    assert differing(found, expected) == []


def by_hand(run: Trace, page, row: int, names: Callable[[Matrix], str]) -> dict[str, str]:
    """Write a trace's steps as array formulas, below one another; return where each stands."""
    ranges = {}
    for matrix in run.program.matrices:
        rows, columns = matrix.shape
        where = ranges[matrix.name] = f"A{row}:{letter(columns)}{row + rows - 1}"
        if matrix.definition is None or EXCEL_365.search(statement(matrix, "excel")):
            for (i, j), number in np.ndenumerate(run.values[matrix.name]):
                page.cell(row + i, 1 + j, float(number))
        else:
            formula = statement(matrix, "excel")
            for name in sorted(run.names, key=len, reverse=True):
                formula = re.sub(rf"\b{name}\b", names(run.matrix(name)), formula)
            page[f"A{row}"] = ArrayFormula(where, formula)
        row += rows + 1
    return ranges


# The smallest and largest of each row or column are Excel 365's alone: their numbers are given.
EXCEL_365 = re.compile(r"BY(ROW|COL)\(")


@pytest.mark.slow
def test_the_excel_text_of_other_networks_steps_gives_the_traces_numbers(libreoffice, tmp_path):
    runs = {kind: of_kind(kind) for kind in KINDS}
    book, places = Workbook(), {}
    for k, (kind, run) in enumerate(runs.items()):
        page = book.create_sheet(f"k{k}")
        places[kind] = by_hand(run, page, 1, lambda matrix, k=k: f"n{k}_{matrix.name}")
        for name, where in places[kind].items():
            first, last = re.sub(r"([A-Z]+)(\d+)", r"$\1$\2", where).split(":")
            reference = f"k{k}!{first}:{last}"
            book.defined_names[f"n{k}_{name}"] = DefinedName(f"n{k}_{name}", attr_text=reference)
    book.save(tmp_path / "by hand.xlsx")
    done = recalculate(tmp_path / "by hand.xlsx", tmp_path / "recalculated")
    wrong = {
        kind: differing(read_ranges(done, f"k{k}", places[kind]), run.values)
        for k, (kind, run) in enumerate(runs.items())
    }
    assert {kind: names for kind, names in wrong.items() if names} == {}


def read_ranges(path: Path, title: str, ranges: dict[str, str]) -> dict[str, np.ndarray]:
    sheet = load_workbook(path, data_only=True)[title]
    return {
        name: np.array([[cell.value for cell in row] for row in sheet[cells]], object)
        for name, cells in ranges.items()
    }


# --- Gradients ----------------------------------------------------------------------------


@given(problems(weights=2.0, inputs=1.5))
def test_the_updates_follow_the_gradient_of_the_loss(drawn):
    learning = Problem(drawn.sizes, drawn.X, drawn.y, drawn.parameters, 1.0)
    run = traced(learning)
    for name in PARAMETERS:
        moved = run.values[f"{name}_new"] - run.values[name]
        assert close(moved, -finite_differences(learning, name), tolerance=1e-7, scale=10), name


def finite_differences(of: Problem, name: str, step: float = 1e-5) -> np.ndarray:
    """Return the gradient of the loss, summed over samples, with respect to one parameter."""
    gradient = np.empty_like(of.parameters[name])
    for place in np.ndindex(gradient.shape):
        losses = []
        for sign in (1, -1):
            changed = {key: array.copy() for key, array in of.parameters.items()}
            changed[name][place] += sign * step
            losses.append(loss(of.X, of.y, changed) * len(of.X))
        gradient[place] = (losses[0] - losses[1]) / (2 * step)
    return gradient


def test_the_finite_differences_notice_a_wrong_update():
    moved = one_epoch(ARTICLE.X, ARTICLE.y, ARTICLE.parameters, 1.0)["bh_new"]
    gradient = finite_differences(ARTICLE, "bh")
    assert close(moved - ARTICLE.parameters["bh"], -gradient, tolerance=1e-7)
    assert not close(moved - ARTICLE.parameters["bh"], gradient, tolerance=1e-7)


def test_samples_that_do_not_fit_the_network_are_named():
    with pytest.raises(ValueError, match="`X` has 5 inputs, `wh` expects 4"):
        trace(Network([4, 3, 1]), np.ones((3, 5)), np.ones((3, 1)), seed=1)
    with pytest.raises(ValueError, match="`y` has 2 outputs, `output` expects 1"):
        trace(Network([4, 3, 1]), np.ones((3, 4)), np.ones((3, 2)), seed=1)
