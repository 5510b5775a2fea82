"""Ranges hold whatever a matrix can be, and say where a number could overflow."""

from __future__ import annotations

import warnings
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cellprop
from cellprop.algebra import (
    ONE,
    OPERATIONS,
    Axis,
    Matrix,
    Number,
    apply,
    concatenate,
    define,
    embed,
    evaluate,
    one_hot,
    pad,
)
from cellprop.algebra.ranges import MOST, range_of, ranges, widened

ROWS, COLUMNS = Axis.numbered("rows", 3), Axis.numbered("columns", 2)
A, B = Matrix("a", ROWS, COLUMNS), Matrix("b", ROWS, COLUMNS)
# These are applied only to what their rows in the table say: none of them to any numbers.
ONLY = {"exponential": (-50.0, 0.0), "divide": (1.0, 60.0)}
# What picks cells by their place takes operands of its own.
MOVED = {
    "slice": A[1:],
    "place": apply("place", A[1:], B, rows="0:2"),
    "pad": pad(A, (1, 0)),
    "join": concatenate(A, B),
    "power": A**3,
    "embed": embed(A, Matrix("index", COLUMNS, ONE)),
    "convolve": apply("convolve", A, B[:2], top=1),
    "convolve_back": apply("convolve_back", A[0:2, 0:1], B[:2], A),
    **{
        name: apply(name, A, height=2, width=1, down=1, across=1)
        for name in ("max_pool", "sum_pool", "largest_in_windows")
    },
    "unpool": apply("unpool", A[:2], B, height=2, width=1, down=1, across=1),
    "one_hot": one_hot(Matrix("index", COLUMNS, ONE), 3),
}
PROBABILITIES = ("binary_cross_entropy", "cross_entropy")
ends = st.tuples(st.integers(-60, 60).map(float), st.integers(-60, 60).map(float)).map(sorted)


def applied(name: str):
    """An operation applied to as many matrices as it takes."""
    if name in MOVED:
        return MOVED[name]
    operands = (A, B.T) if name == "product" else (A, B, A)
    count = sum(f"{{{k}}}" in OPERATIONS[name].maths.template for k in range(3))
    return apply(name, *operands[: max(count, 1)])


def within(values: np.ndarray, found: tuple[float, float]) -> bool:
    slack = 1e-9 * (1 + max(map(abs, found)))
    return bool((values >= found[0] - slack).all() and (values <= found[1] + slack).all())


@pytest.mark.parametrize("name", sorted(OPERATIONS))
@given(ends, ends, st.integers(0, 99))
@settings(max_examples=15)
def test_a_range_holds_whatever_an_operation_gives(name, first, second, seed):
    first, second = tuple(first), tuple(second)
    if name == "exponential":
        first = ONLY[name]
    if name == "divide":
        second = ONLY[name]
    if name in PROBABILITIES:
        second = (0.0, 1.0)
    random = np.random.default_rng(seed)
    known = {"a": first, "b": second}
    # Numbers anywhere between the ends, or at them, or 0 where that is between.
    values = {}
    for matrix in (A, B):
        least, most = known[matrix.name]
        drawn = random.uniform(least, most, matrix.shape)
        special = np.clip([least, most, 0.0], least, most)[random.integers(3, size=matrix.shape)]
        values[matrix.name] = np.where(random.random(matrix.shape) < 0.5, drawn, special)
    index = Matrix("index", COLUMNS, ONE)
    known["index"], values["index"] = (1.0, 3.0), np.array([[3.0], [1.0]])
    expression = applied(name)
    found = range_of(expression, known)
    result = evaluate([A, B, index, define("result", expression)], values)["result"]
    assert within(result, found)


def test_numbers_less_the_largest_of_them_are_not_positive():
    shifted = A - apply("maximum_over_columns", A)
    assert range_of(shifted, {"a": (-1e50, 1e50)}) == (-2e50, 0.0)
    other = A - apply("maximum_over_columns", B)
    assert range_of(other, {"a": (0.0, 3.0), "b": (1.0, 2.0)}) == (-2.0, 2.0)


@pytest.mark.parametrize(
    ("expression", "size"),
    [(A * B, 1e160), (apply("square", A), 1e155), (A @ B.T, 1e152), (A + B, 1e300)],
)
def test_what_could_overflow_is_an_error_even_if_it_is_squeezed_later(expression, size):
    known = {"a": (-size, size), "b": (0.0, size)}
    for further in (expression, apply("sigmoid", expression)):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with pytest.raises(OverflowError):
                range_of(further, known)


def test_a_matrix_keeps_the_range_it_is_given_though_it_is_defined():
    twice = define("twice", A * 2)
    after = define("after", twice + 1)
    assert ranges([A, twice, after], {"a": (0.0, 1.0)})["after"] == (1.0, 3.0)
    assert ranges([A, twice, after], {"a": (0.0, 1.0), "twice": (5.0, 6.0)})["after"] == (6.0, 7.0)


def test_a_repeated_row_and_a_constant_have_ranges_too():
    row = Matrix("row", ONE, COLUMNS)
    assert range_of(A + row, {"a": (0.0, 1.0), "row": (-2.0, 2.0)}) == (-2.0, 3.0)
    assert range_of(Number(1.0) - A, {"a": (0.0, 1.0)}) == (0.0, 1.0)


def test_ranges_are_put_together():
    assert widened((0.0, 1.0), (-3.0, 0.5)) == (-3.0, 1.0)


KINDS = list(
    product(
        ("sigmoid", "relu", "linear"),
        ("squared_error", "binary_cross_entropy", "cross_entropy"),
        ("sgd", "momentum", "adam"),
        (None, "minmax", "standard"),
    )
)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: "-".join(map(str, kind)))
def test_every_matrix_of_a_network_stays_in_its_range(kind):
    activation, loss, optimizer, scale = kind
    random = np.random.default_rng(3)
    network = cellprop.Network([2, 3, 2], activation=activation, loss=loss)
    X = random.uniform(-9, 9, (4, 2)).round(1)
    trace = cellprop.trace(
        network, X, np.eye(2)[[0, 1, 1, 0]], seed=1, optimizer=optimizer, scale=scale, epochs=3,
        walk_epoch=3, learning_rate=0.05,
    )  # fmt: skip
    given_ = {
        name: (float(trace.values[name].min()), float(trace.values[name].max()))
        for name in trace.names
        if trace.matrix(name).definition is None
    }
    found = ranges(trace.program.matrices, given_)
    assert [n for n in trace.names if not within(trace.values[n], found[n])] == []
    assert max(abs(end) for r in found.values() for end in r) < MOST
