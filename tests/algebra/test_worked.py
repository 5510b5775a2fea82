"""How a cell is worked out: whoever calculates as it says gets the cell's value."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from test_algebra import Builder, chances

from by_hand import by_hand
from cellprop.algebra import (
    COLUMN,
    ONE,
    OPERATIONS,
    Applied,
    Axis,
    Cell,
    Matrix,
    Number,
    apply,
    losses,
    sum_over_columns,
    sum_over_rows,
    worked,
)
from cellprop.algebra.spans import stepping
from reference import close

ROWS, COLUMNS, MANY = (Axis.numbered(n, k) for n, k in (("rows", 3), ("columns", 2), ("many", 9)))


def written(expression, row=0, column=0, show=lambda cell: f"{cell.matrix.name}{cell.row}") -> str:
    pieces = worked(expression, row, column)
    assert all(isinstance(piece, Cell) is bool(i % 2) for i, piece in enumerate(pieces))
    return "".join(p if isinstance(p, str) else show(p) for p in pieces)


# --- By hand ------------------------------------------------------------------------------


def calculated(builder: Builder, expression, row: int, column: int) -> float:
    def number(cell: Cell) -> str:
        value = float(builder.values[cell.matrix.name][cell.row, cell.column])
        shown = repr(abs(value))
        if value >= 0:
            return shown
        return f"(−{shown})" if cell.is_guarded else f"−{shown}"

    return by_hand(written(expression, row, column, number))


@given(chances)
def test_what_is_worked_out_by_hand_is_the_value(chance):
    builder = Builder(chance)
    expression = builder.expression()
    text = written(expression)
    assume(text.count("|") <= 2 and "…" not in text)
    value = np.atleast_2d(builder.value(expression))
    row, column = (chance.randrange(axis.size) for axis in (expression.rows, expression.columns))
    value = np.broadcast_to(value, (expression.rows.size, expression.columns.size))
    scale = float(builder.size(expression).max())
    found = calculated(builder, expression, row, column)
    assert close(found, value[row, column], scale=scale, tolerance=1e-12), text


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_operation_is_worked_out_with_signs_of_its_own(name):
    square = Axis.numbered("square", 3)
    text = None
    for count in (1, 2, 3):
        operands = [Matrix(f"m{i}_", square, square) for i in range(count)]
        if name in ("embed", "one_hot"):  # the last is a column of indices
            operands[-1] = Matrix("index_", square, ONE)
        if name == "convolve_back" and count > 1:  # as many windows as numbers
            operands[1] = Matrix("kernel_", *(Axis.numbered("one of", 1) for _ in "rc"))
        told = dict.fromkeys(("height", "width", "down", "across"), 1) if name == "unpool" else {}
        try:
            text = written(apply(name, *operands, **told))
        except (IndexError, TypeError, ValueError):
            continue
        break
    assert text is not None
    assert not set(text) & set("*⊙×σ\ue000")
    assert "  " not in text


# --- What it looks like -------------------------------------------------------------------


def matrix(name: str, rows=ROWS, columns=COLUMNS) -> Matrix:
    return Matrix(name, rows, columns)


def test_activations_say_what_to_calculate():
    x = matrix("x")
    assert written(apply("sigmoid", x)) == "1 / (1 + exp(−x0))"
    assert written(apply("leaky_relu", x - 1)) == "max(0.01 · (x0 − 1), (x0 − 1))"
    assert written(apply("softmax", x), 1, 1, lambda c: f"x{c.row}{c.column}") == (
        "exp(x11 − max(x10, x11)) / (exp(x10 − max(x10, x11)) + exp(x11 − max(x10, x11)))"
    )
    assert written(apply("relu", x)) == "max(0, x0)"


@pytest.mark.parametrize("name", losses())
def test_losses_do_too(name):
    text = written(apply(name, matrix("y"), matrix("o")))
    assert re.fullmatch(r"[yo012() ·/²ln−]+", text)


def test_where_a_negative_number_takes_parentheses():
    x, y = matrix("x"), matrix("y")
    shown = {
        "(x)² · y + 2": apply("square", x) * y + 2,
        "1 − (x)": 1 - x,
        "x − (y)": x - y,
        "1 / (1 + exp(−(x)))": apply("sigmoid", x),
        "√(x)": apply("square_root", x),
        "x · y / x": x * y / x,
    }

    def name(cell):
        return f"({cell.matrix.name})" if cell.is_guarded else cell.matrix.name

    for text, expression in shown.items():
        assert written(expression, show=name) == text


# --- Long sums ----------------------------------------------------------------------------


def test_a_long_sum_is_cut_in_the_middle():
    a, b, c = matrix("a", ROWS, MANY), matrix("b", MANY, COLUMNS), matrix("c", MANY, COLUMNS)
    row = Matrix("r", ONE, COLUMNS)

    def show(cell):
        return f"{cell.matrix.name}{cell.row}{cell.column}"

    assert written(a @ b, 1, 1, show) == (
        "a10 · b01 + a11 · b11 + a12 · b21 + a13 · b31 + … + a18 · b81"
    )
    assert written(sum_over_rows(b - row) * 2, 0, 1, show) == (
        "(b01 − r01 + (b11 − r01) + (b21 − r01) + (b31 − r01) + … + (b81 − r01)) · 2"
    )
    most = written(apply("maximum_over_columns", a), 2, 0, show)
    assert most == "max(a20, a21, a22, a23, …, a28)"
    assert written((b - c).T @ (b + 1), 0, 1, show).count("…") == 1
    assert written(sum_over_columns(apply("ones", a)), 0, 0, show) == "1 + 1 + 1 + 1 + … + 1"
    assert written(apply("total", a), 0, 0, show).count("…") == 3
    share = written(apply("softmax", a), 0, 5, show)
    assert share.startswith("exp(a05 − max(a00, a01, a02, a03, …, a08)) / (exp(a00 − ")


def test_six_terms_are_written_out():
    six = Axis.numbered("six", 6)
    assert "…" not in written(sum_over_columns(matrix("a", ROWS, six)))


def test_what_goes_along_an_axis_read_as_a_whole_is_picked():
    a = matrix("a", MANY, MANY)
    text = written(a @ a.T, 7, 5, lambda c: f"a{c.row}{c.column}")
    assert text == "a70 · a50 + a71 · a51 + a72 · a52 + a73 · a53 + … + a78 · a58"


def test_large_matrices_cost_no_more_than_small_ones():
    huge = Axis.numbered("huge", 50_000)
    pieces = worked(matrix("a", ROWS, huge) @ matrix("b", huge, COLUMNS), 2, 1)
    assert sum(isinstance(piece, Cell) for piece in pieces) == 10


def test_operations_may_read_cells_in_ways_of_their_own():
    """One that takes every second row says so by a span."""
    from cellprop.algebra.expressions import CellTexts

    half = Axis.numbered("half", 5)

    row = replace(
        OPERATIONS["transpose"],
        name="every_second",
        value=lambda x: x[::2],
        reads=((stepping("row", 5, 9, step=2), COLUMN),),
        cells=lambda _, operands: CellTexts(operands[0].texts[::2], operands[0].binds),
        axes=lambda operands: (half, operands[0].columns),
    )
    a = matrix("a", MANY, COLUMNS)
    assert written(1 - Applied(row, a) * 2, 3, 1, lambda c: f"a{c.row}{c.column}") == "1 − a61 · 2"
    total = written(sum_over_rows(Applied(row, a)), 0, 1, lambda c: f"a{c.row}{c.column}")
    assert total == "a01 + a21 + a41 + a61 + a81"


def test_constants_stay_as_they_are():
    assert written(matrix("a") * Number(1e-12) + 2.5) == "a0 · 1e−12 + 2.5"
