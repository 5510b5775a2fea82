"""The steps' expressions are the article's, in every notation that a student may copy."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from openpyxl import load_workbook
from openpyxl.worksheet.formula import ArrayFormula

from cellprop.algebra import Matrix, statement
from cellprop.layout import letter
from cellprop.network import Network
from cellprop.tracing import Trace, article, trace
from cellprop.verification import recalculate
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
    return [matrix for matrix in run.walkthrough.matrices if matrix.definition is not None]


def test_the_steps_bring_the_articles_matrices_in_its_order():
    found = [(s.number, [m.name for m in s.matrices]) for s in article().walkthrough.steps]
    assert found == ORDER


def test_the_steps_are_the_articles_listing():
    found = {matrix.name: statement(matrix, "numpy") for matrix in computed(article())}
    assert found == {name: f"{name} = {right}" for name, right in LISTING.items()}


def test_every_matrix_stands_in_exactly_one_lane():
    walk = article().walkthrough
    in_lanes = [matrix.name for lane in walk.lanes for matrix in lane.matrices]
    assert sorted(in_lanes) == sorted(matrix.name for matrix in walk.matrices)


def test_names_differ_by_more_than_case():
    names = article().names
    assert len({name.lower() for name in names}) == len(names)


@given(problems())
def test_the_numpy_text_of_every_step_gives_the_traces_numbers(drawn):
    run = traced(drawn)
    names = {m.name: run.values[m.name] for m in run.walkthrough.matrices if m.definition is None}
    scope = {"np": np, **names}
    for matrix in computed(run):
        exec(statement(matrix, "numpy"), scope)
    assert differing({name: scope[name] for name in run.names}, run.values) == []


# --- R ------------------------------------------------------------------------------------


def test_the_r_text_of_every_step_gives_the_traces_numbers(rscript, tmp_path):
    runs = {name: traced(given) for name, given in SHAPES.items()}
    lines = ["options(warn = 2)"]
    for i, run in enumerate(runs.values()):
        for matrix in run.walkthrough.matrices:
            if matrix.definition is None:
                lines.append(f"{matrix.name} <- {in_r(matrix, run.values[matrix.name])}")
            else:
                lines.append(statement(matrix, "r"))
                lines.append(
                    f'cat({i}, "{matrix.name}", dim({matrix.name}),'
                    f' sprintf("%.17g", t({matrix.name})), "\\n")'
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
    """Return a matrix in R; the learning rate is a plain number, as a student would type it."""
    numbers = ", ".join(map(repr, values.ravel().tolist()))
    return numbers if matrix.name == "lr" else f"matrix(c({numbers}), {len(values)}, byrow = TRUE)"


# --- Excel --------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", ["the article's", "one of everything", "one hidden neuron"])
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
