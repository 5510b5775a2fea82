"""What a mark carries on from is what a cell reads, also where that goes by its place."""

from __future__ import annotations

import numpy as np
import pytest

from cellprop.algebra import (
    ONE,
    Axis,
    Matrix,
    apply,
    concatenate,
    convolve,
    define,
    embed,
    evaluate,
    flip,
    max_pool,
    mean_pool,
    mentioned,
    pad,
    reads,
    sum_over_rows,
)
from cellprop.marking.crediting import _read_by
from cellprop.marking.precision import bound, spread
from cellprop.marking.ways import _following

SAMPLES, INPUTS, HIDDEN = (
    Axis.numbered(name, size) for name, size in (("samples", 6), ("inputs", 4), ("hidden", 3))
)
X, Z = Matrix("X", SAMPLES, INPUTS), Matrix("Z", SAMPLES, INPUTS)
w, K = Matrix("w", INPUTS, HIDDEN), Matrix("K", Axis.numbered("k", 2), Axis.numbered("l", 2))
G = Matrix("G", Axis.numbered("samples", 3), Axis.numbered("inputs", 2))
index = Matrix("index", SAMPLES, ONE)

EXPRESSIONS = {
    "a slice": X[1:5:2] * 2,
    "a slice and the whole": X[1:2] + sum_over_rows(Z),
    "a product of a slice": X[2:5] @ w,
    "a transpose of a slice": (X[1:3] @ w).T,
    "joined": concatenate(X[0:2], flip(Z)),
    "among zeros": pad(X[1:4], (1, 2)) + 1,
    "a convolution": convolve(X, K, padding=1),
    "what goes back to a convolution": apply("convolve_back", G, K, X, down=2, across=2),
    "means of windows": mean_pool(X, 2, 1),
    "the largest of windows": max_pool(X, (2, 1)),
    "what goes back to means": apply("unpool", G, X),
    "rows of a table": embed(w, index),
}


def numbers(expression):
    chance = np.random.default_rng(5)
    values = {
        m.name: chance.uniform(0.5, 2, m.shape).round(2) * chance.choice([-1, 1], m.shape)
        for m in mentioned(expression)
    }
    return values | {"index": np.array([[1.0], [3.0], [4.0], [1.0], [2.0], [2.0]])}


def value_of(matrix, values):
    leaves = list(dict.fromkeys(mentioned(matrix.definition)))
    return evaluate([*leaves, matrix], values)[matrix.name]


def readers(matrix, values, name, cell):
    """Which cells of a matrix change with a cell of another, whatever that becomes."""
    changed = np.zeros(matrix.shape, bool)
    usual = value_of(matrix, values)
    for step in (0.125, -0.125, 8.0, -8.0):
        moved = {**values, name: values[name].copy()}
        moved[name][cell] += step
        changed |= value_of(matrix, moved) != usual
    return changed


def each_read(matrix, values):
    """Each matrix that is read, but for indices, which are no numbers to calculate with."""
    for operand in reads(matrix.definition):
        if operand is not index:
            for cell in np.ndindex(operand.shape):
                yield operand, cell, readers(matrix, values, operand.name, cell)


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_what_is_missing_makes_only_those_unknown_that_read_it(name):
    matrix = define("result", EXPRESSIONS[name])
    values = numbers(matrix.definition)
    dynamic = name == "rows of a table"  # a cell may read any row of its column
    for operand, cell, changed in each_read(matrix, values):
        missing = {**values, operand.name: values[operand.name].copy()}
        missing[operand.name][cell] = np.nan
        unknown = np.isnan(_following(matrix, missing))
        if dynamic:
            assert not (changed & ~unknown).any()
            assert set(np.nonzero(unknown)[1]) == {cell[1]}
        else:
            assert (unknown == changed).all(), (operand.name, cell)


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_a_number_is_calculated_from_those_that_it_changes_with(name):
    matrix = define("result", EXPRESSIONS[name])
    values = numbers(matrix.definition)
    counts = np.zeros(matrix.shape, int)
    for _, _, changed in each_read(matrix, values):
        counts += changed
    for i, j in np.ndindex(matrix.shape):
        found = _read_by(matrix, i, j, values)
        if name == "rows of a table":
            assert found == [*values["w"][:, j].tolist(), values["index"][i, 0]] or found == [
                values["index"][i, 0], *values["w"][:, j].tolist(),
            ]  # fmt: skip
        else:
            assert len(found) == counts[i, j], (i, j)


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_how_far_rounding_carries_is_what_moving_each_number_by_itself_adds_up_to(name):
    matrix = define("result", EXPRESSIONS[name])
    values = numbers(matrix.definition)
    off = {m.name: np.full(values[m.name].shape, 1e-3) for m in reads(matrix.definition)}
    if "index" in off:
        off["index"] = np.zeros(values["index"].shape)
    expected, usual = np.zeros(matrix.shape), value_of(matrix, values)
    for operand in reads(matrix.definition):
        for cell in np.ndindex(operand.shape):
            change = np.full(matrix.shape, np.inf)
            for sign in (1, -1):
                moved = {**values, operand.name: values[operand.name].copy()}
                moved[operand.name][cell] += sign * off[operand.name][cell]
                change = np.minimum(change, abs(value_of(matrix, moved) - usual))
            expected += change
    found = spread(matrix, values, off)
    assert found == pytest.approx(expected, rel=1e-9, abs=1e-12)
    # A bound may be larger, but no smaller.
    assert (bound(matrix, values, off) >= found * (1 - 1e-9)).all()
