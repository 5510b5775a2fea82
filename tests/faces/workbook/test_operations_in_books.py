"""Workbooks of programs that pick cells by their place: verified, and exact in colour."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

import cellprop
import reading
from cellprop import cross_entropy, relu, sigmoid, squared_error, tanh
from cellprop import softmax as shares
from cellprop.algebra import (
    concatenate,
    convolve,
    embed,
    flip,
    layer_norm,
    max_pool,
    mean,
    mean_pool,
    pad,
    sum_of,
)
from conftest import slow_but
from test_highlights import check, filled
from test_kept import assert_agrees, by_gnumeric, in_hyperformula, opened

LAYOUTS = ("flip-book", "close-up")


@cellprop.program(rows=6, columns=6, down=3, across=3, features=4, classes=2)
def convolution(m):
    """An image, a kernel, the largest of each window, and a class."""
    kernel = m.parameter("kernel", "down", "across")
    weights = m.parameter("weights", "features", "classes")
    x = m.given("x", "rows", "columns")
    z = m.define("z", convolve(x, kernel))
    h = m.define("h", relu(z))
    pooled = m.define("pooled", max_pool(h))
    features = m.define("features", concatenate(pooled[0], pooled[1], axis=1, name="features"))
    output = m.define("output", shares(features @ weights))
    return cross_entropy(m.target("y", 1, "classes"), output)


@cellprop.program(rows=6, columns=5, down=2, across=3)
def strided(m):
    """Windows in steps over an image with zeros around it, and means of windows."""
    kernel = m.parameter("kernel", "down", "across")
    x = m.given("x", "rows", "columns")
    h = m.define("h", tanh(convolve(x, kernel, stride=2, padding=1)))
    pooled = m.define("pooled", mean_pool(h, 2, 1))
    return squared_error(m.target("y", 1, 1), m.define("output", sum_of(pooled**3)))


@cellprop.program(words=5, features=3, classes=2)
def words(m):
    """A row of a table for each word, normed."""
    table = m.parameter("table", "words", "features")
    weights = m.parameter("weights", "features", "classes")
    found = m.define("found", embed(table, m.given("word", "samples", 1)))
    normed = layer_norm(found, keep=lambda name, part, _: m.define(f"row_{name}", part))
    output = m.define("output", shares(m.define("normed", normed) @ weights))
    return cross_entropy(m.target("y", "samples", "classes"), output)


@cellprop.program(steps=3, hidden=2)
def steps_of_one(m):
    """A recurrent network that reads a column at a time."""
    W = m.parameter("W", 1, "hidden")
    U = m.parameter("U", "hidden", "hidden")
    x = m.given("x", "samples", "steps")
    h = m.zeros("h_0", "samples", "hidden")
    for t in range(3):
        with m.step(f"Time {t + 1}"):
            h = m.define(f"h_{t + 1}", tanh(x[:, t] @ W + h @ U))
    output = m.define("output", h @ m.parameter("V", "hidden", 1))
    return squared_error(m.target("y", "samples", 1), output)


@cellprop.program(inputs=4, hidden=6)
def gates(m):
    """Halves of one product that gate one another."""
    x = m.given("x", "samples", "inputs")
    z = m.define("z", x @ m.parameter("W", "inputs", "hidden") + m.parameter("b", 1, "hidden"))
    gated = sigmoid(z[:, 0:3]) * tanh(z[:, 3:6]) + flip(z[:, 0:3], axis=1)
    h = m.define("h", gated)
    output = m.define("output", sum_of(h, 1) + mean(pad(h[1:2], (1, 1)), 1))
    return squared_error(m.target("y", "samples", 1), output)


def numbers(*shape):
    return np.random.default_rng(0).normal(size=shape).round(1)


PROGRAMS = {
    "convolution": (convolution, {"x": numbers(6, 6)}, [[1, 0]]),
    "strided": (strided, {"x": numbers(6, 5)}, [[0.3]]),
    "words": (words, {"word": [[1], [3], [5], [3]]}, ["a", "b", "b", "a"]),
    "steps of one": (steps_of_one, {"x": numbers(4, 3)}, [[1], [0], [0.5], [0.2]]),
    "gates": (gates, {"x": numbers(3, 4)}, [[1], [0], [0.5]]),
}
ALL = pytest.mark.parametrize("name", slow_but(["convolution", "steps of one"], PROGRAMS))
BOTH = pytest.mark.parametrize("layout", LAYOUTS)


@cache
def traced(name: str) -> cellprop.Trace:
    program, X, y = PROGRAMS[name]
    return cellprop.trace(program, X, y, epochs=3, seed=1)


@ALL
@BOTH
def test_ironcalc_computes_every_formula_as_the_trace_does(name, layout, tmp_path):
    path = tmp_path / "book.xlsx"
    path.write_bytes(reading.content(traced(name), layout))
    found = cellprop.verify(path)
    assert found.ok, found.differences[:3]
    assert found.largest_difference <= 1e-12


@ALL
@BOTH
def test_yellow_cells_compute_and_orange_cells_are_what_they_refer_to(name, layout):
    check(traced(name), layout)


def test_of_a_matrix_that_is_read_in_part_the_rest_is_not_orange():
    trace = traced("steps of one")
    book = reading.formulas(trace, "flip-book")
    (sheet,) = [book[f"Step {s.label}"] for s in trace.steps if s.title == "Time 2"]
    top, left, bottom, right = reading.homes(book)["x"][1]
    orange = filled(sheet, "read")
    for column in range(left, right + 1):
        cells = {(row, column) for row in range(top, bottom + 1)}
        assert (cells <= orange) is (column == left + 1)
        assert bool(cells & orange) is (column == left + 1)


@pytest.mark.slow
def test_libreoffice_computes_them_all(libreoffice, tmp_path):
    files = [
        reading.saved(
            reading.without_extras(reading.without_values(traced(name))), tmp_path / f"{k}.xlsx"
        )
        for k, name in enumerate(PROGRAMS)
    ]
    recalculated, _ = reading.converted_by_libreoffice(libreoffice, files, tmp_path)
    for k, name in enumerate(PROGRAMS):
        trace = traced(name)
        computed = reading.numbers_of(recalculated[str(k)])
        assert reading.errors_of(recalculated[str(k)]) == [], name
        assert reading.disagreements(computed, trace, trace.values) == [], name


@ALL
def test_hyperformula_computes_them_all(name, hyperformula, tmp_path):
    path = tmp_path / "book.xlsx"
    path.write_bytes(reading.content(traced(name)))
    (found,) = in_hyperformula(hyperformula, path)
    assert len(found) == cellprop.verify(path).cells
    assert_agrees(path, found)


@ALL
def test_gnumeric_computes_them_all(name, gnumeric, tmp_path):
    trace = traced(name)
    book = reading.without_extras(reading.without_values(trace))
    path = by_gnumeric(reading.saved(book, tmp_path / "book.xlsx"), tmp_path)
    found = opened(path, data_only=True)
    assert reading.errors_of(found) == []
    assert reading.disagreements(reading.numbers_of(found), trace, trace.values) == []


@ALL
def test_gradients_of_programs_are_those_of_finite_differences(name):
    trace = traced(name)
    program, X, y = PROGRAMS[name]

    def loss(parameters):
        found = cellprop.trace(program, X, y, parameters=parameters)
        return sum(float(found.values[m.name].sum()) for m in trace.program.losses)

    before = {n: np.array(trace.values[n]) for n in trace.start}
    for parameter, at in before.items():
        for cell in list(np.ndindex(at.shape))[:4]:
            sides = []
            for step in (1e-5, -1e-5):
                moved = {n: v.copy() for n, v in before.items()}
                moved[parameter][cell] += step
                sides.append(loss(moved))
            slope = (sides[0] - sides[1]) / 2e-5
            found = trace.values[f"d_{parameter}"][cell]
            assert found == pytest.approx(slope, rel=1e-5, abs=1e-8), (parameter, cell)
