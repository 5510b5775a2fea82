"""Backward definitions follow from the forward ones, under the names they are given."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cellprop
from cellprop.algebra import (
    ONE,
    Axis,
    Matrix,
    apply,
    define,
    derive,
    evaluate,
    square,
    statement,
    sum_over_rows,
    text,
)
from reference import close

SAMPLES, INPUTS, HIDDEN, OUTPUTS = (
    Axis.numbered(name, size)
    for name, size in (("samples", 4), ("inputs", 3), ("hidden", 2), ("outputs", 2))
)
X = Matrix("X", SAMPLES, INPUTS)
y = Matrix("y", SAMPLES, OUTPUTS)
w = Matrix("w", INPUTS, OUTPUTS)
b = Matrix("b", ONE, OUTPUTS)
c = Matrix("c", SAMPLES, ONE)
s = Matrix("s", ONE, ONE)
z = Matrix("z", SAMPLES, OUTPUTS)
GIVEN = (X, y, w, b, c, s, z)

# Outputs to differentiate, each in all the matrices that it reads.
EXPRESSIONS = {
    "a product and a row": X @ w + b,
    "a column": X @ w - c,
    "a column before": c - z,
    "a scalar": z * s + b,
    "a scalar before": s * z,
    "element by element": z * (X @ w) + z,
    "a row times a column": z + b * c,
    "quotients": z / (square(b) + 1) - z / (square(s) + 2),
    "a square": square(z - X @ w),
    "a transpose": (w.T @ X.T).T,
    "an activation": apply("sigmoid", X @ w + b),
    "activations within": z * apply("sigmoid", apply("sigmoid", z) * s),
    "a constant": (1 - z) * 3 + b,
    "the same twice": z * z + z,
}


def loss_of(output):
    return define("loss", apply("squared_error", y, define("output", output)))


def values(seed):
    random = np.random.default_rng(seed)
    return {matrix.name: random.uniform(-1.5, 1.5, matrix.shape) for matrix in GIVEN}


def total(loss, given):
    return evaluate([*GIVEN, loss.definition.operands[1], loss], given)["loss"].sum()


def slope_at(loss, given, name, cell, step=1e-6):
    """Return the derivative of the loss by one number, from the loss at either side of it."""
    sides = []
    for sign in (1, -1):
        moved = {k: v.copy() for k, v in given.items()}
        moved[name][cell] += sign * step
        sides.append(total(loss, moved))
    return (sides[0] - sides[1]) / (2 * step)


@pytest.mark.parametrize("name", EXPRESSIONS)
@pytest.mark.parametrize("seed", range(3))
def test_the_change_wanted_is_the_negative_gradient_by_finite_differences(name, seed):
    loss, given_values = loss_of(EXPRESSIONS[name]), values(seed)
    wanted = derive(loss, {}, {}).wanted
    read = [matrix for matrix in GIVEN if matrix.name in wanted and matrix is not y]
    assert read
    for matrix in read:
        change = define("change", wanted[matrix.name])
        assert change.shape == matrix.shape
        output = loss.definition.operands[1]
        found = evaluate([*GIVEN, output, change], given_values)["change"]
        for cell in np.ndindex(matrix.shape):
            slope = slope_at(loss, given_values, matrix.name, cell)
            assert found[cell] == pytest.approx(-slope, rel=1e-6, abs=1e-7)


def deep_network(depth):
    """Return a network of sigmoid layers and its parameters, written without any backward step."""
    parameters, names, slopes = [], {}, {}
    layer, axis = X, INPUTS
    for k in range(1, depth + 1):
        after = Axis.numbered(f"layer {k}", 2) if k < depth else OUTPUTS
        parameters += [Matrix(f"w_{k}", axis, after), Matrix(f"b_{k}", ONE, after)]
        entered = define(f"in_{k}", layer @ parameters[-2] + parameters[-1])
        layer, axis = define(f"out_{k}", apply("sigmoid", entered)), after
        names |= {entered.name: (f"d_{k}", ""), layer.name: (f"error_{k}", "")}
        slopes[layer.name] = (f"slope_{k}", "")
    loss = define("loss", apply("squared_error", y, layer))
    return loss, parameters, derive(loss, names, slopes)


@given(depth=st.integers(1, 4), seed=st.integers(0, 2**32 - 1))
def test_networks_of_any_depth_get_their_backward_steps(depth, seed):
    loss, parameters, backward = deep_network(depth)
    random = np.random.default_rng(seed)
    given_values = {m.name: random.uniform(-2, 2, m.shape) for m in (X, y, *parameters)}
    # A plain NumPy network: activations forwards, then deltas back.
    layers = [given_values["X"]]
    for k in range(1, depth + 1):
        entered = layers[-1] @ given_values[f"w_{k}"] + given_values[f"b_{k}"]
        layers.append(1 / (1 + np.exp(-entered)))
    delta = (given_values["y"] - layers[-1]) * layers[-1] * (1 - layers[-1])
    computed = evaluate(chain(loss, parameters, backward), given_values)
    for k in range(depth, 0, -1):
        assert close(computed[f"d_{k}"], delta)
        assert close(computed[f"change_of_w_{k}"], layers[k - 1].T @ delta)
        assert close(computed[f"change_of_b_{k}"], delta.sum(axis=0, keepdims=True))
        if k > 1:
            delta = delta @ given_values[f"w_{k}"].T * layers[k - 1] * (1 - layers[k - 1])


def chain(loss, parameters, backward):
    """Return all matrices of a network in order of computation, and the parameters' changes."""
    found = {}

    def visit(expression):
        if isinstance(expression, Matrix):
            if expression.definition is not None:
                visit(expression.definition)
            found[expression.name] = expression
        for operand in getattr(expression, "operands", ()):
            visit(operand)

    visit(loss)
    for matrix in parameters:
        change = define(f"change_of_{matrix.name}", backward.wanted[matrix.name])
        visit(change)
    return list(found.values())


ARTICLE = {
    "E": "E = y - output",
    "slope_output_layer": "slope_output_layer = output * (1 - output)",
    "slope_hidden_layer": (
        "slope_hidden_layer = hiddenlayer_activations * (1 - hiddenlayer_activations)"
    ),
    "d_output": "d_output = E * slope_output_layer",
    "Error_at_hidden_layer": "Error_at_hidden_layer = d_output @ wout.T",
    "d_hiddenlayer": "d_hiddenlayer = Error_at_hidden_layer * slope_hidden_layer",
    "wout_new": "wout_new = wout + hiddenlayer_activations.T @ d_output * lr",
    "wh_new": "wh_new = wh + X.T @ d_hiddenlayer * lr",
    "bout_new": "bout_new = bout + d_output.sum(axis=0, keepdims=True) * lr",
    "bh_new": "bh_new = bh + d_hiddenlayer.sum(axis=0, keepdims=True) * lr",
}


@pytest.mark.parametrize("name", ARTICLE)
def test_what_is_derived_is_what_the_article_writes(name):
    assert statement(cellprop.article().matrix(name), "numpy") == ARTICLE[name]


def test_a_slope_without_a_name_is_written_out():
    loss = loss_of(apply("sigmoid", z))
    wanted = derive(loss, {"output": ("E", "E")}, {}).wanted["z"]
    assert text(wanted, "numpy") == "E * (output * (1 - output))"


def test_an_operation_without_a_derivative_is_named():
    with pytest.raises(ValueError, match="sum_over_rows has no derivative"):
        derive(loss_of(z + sum_over_rows(z)), {}, {})
