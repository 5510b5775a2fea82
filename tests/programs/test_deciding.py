"""How outputs decide, and what is counted of it."""

from __future__ import annotations

import numpy as np
import pytest

from cellprop.algebra import Axis, Matrix, formulas, value
from cellprop.programs.deciding import decided, decision, mean, right

SAMPLES = Axis.numbered("samples", 4)
OUTPUTS = np.array([[0.9, 0.2, 0.1], [0.9, 0.8, 0.1], [0.1, 0.2, 0.7], [0.5, 0.49, 0.1]])
CASES = {
    # How, what stands in y, what is decided, and who is right.
    "one of several": (
        [[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 0, 0]], [[1], [1], [3], [1]], [1, 0, 1, 1],
    ),
    "each yes or no": (
        [[1, 0, 0], [1, 1, 0], [0, 0, 0], [1, 0, 0]],
        [[1, 0, 0], [1, 1, 0], [0, 0, 1], [1, 0, 0]], [1, 1, 0, 1],
    ),
}  # fmt: skip


@pytest.mark.parametrize("how", CASES)
def test_a_sample_is_right_if_its_outputs_decide_as_its_targets_do(how):
    y, expected, hits = CASES[how]
    axis = Axis.numbered("outputs", 3)
    output, target = Matrix("output", SAMPLES, axis), Matrix("y", SAMPLES, axis)
    known = {"output": OUTPUTS, "y": np.array(y, float)}
    assert value(decided(output, how), known).tolist() == expected
    found = right(decided(output, how), target, how)
    assert value(found, known).ravel().tolist() == hits
    assert value(mean(found), known).item() == sum(hits) / 4


def test_an_output_of_a_half_is_a_yes():
    one = Axis.numbered("outputs", 1)
    output, target = Matrix("output", SAMPLES, one), Matrix("y", SAMPLES, one)
    known = {
        "output": np.array([[0.5], [0.5], [0.4], [0.6]]),
        "y": np.array([[1.0], [0], [0], [0]]),
    }
    found = right(decided(output, "yes or no"), target, "yes or no")
    assert value(found, known).ravel().tolist() == [1, 0, 1, 0]


def test_a_mean_is_over_samples_of_the_sum_over_outputs():
    loss = Matrix("loss", SAMPLES, Axis.numbered("outputs", 2))
    assert value(mean(loss), {"loss": np.ones((4, 2))}).item() == 2.0
    cells = [[f"{column}{row}" for column in "CD"] for row in range(5, 9)]
    assert formulas(mean(loss), lambda _: cells) == [["SUM(C5:D8)/4"]]


@pytest.mark.parametrize(
    ("y", "activation", "how"),
    [
        ([[1.0], [0.0]], "sigmoid", "yes or no"),
        ([[1.0, 0.0], [0.0, 1.0]], "softmax", "one of several"),
        ([[1.0, 1.0], [0.0, 1.0]], "sigmoid", "each yes or no"),
        ([[0.5], [0.0]], "sigmoid", None),
        ([[1.0], [0.0]], "tanh", None),
    ],
)
def test_how_outputs_decide_follows_from_the_targets_and_the_activation(y, activation, how):
    assert decision(np.array(y), activation) == how
