"""The text of an expression for whole matrices, in maths, NumPy, R, Excel and PyTorch.

Each operation's row has its forms; here are the kinds of forms that there are, and what puts them
together with no more parentheses than needed. Knows expressions; knows no cell and no address.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Literal

import numpy as np

from cellprop.algebra.expressions import (
    ONE,
    Applied,
    Expression,
    Form,
    Matrix,
    Notation,
    Number,
    Setting,
    mentioned,
    put_together,
)

# How tightly a text holds together. A text that binds less than its place needs is put in
# parentheses, so parentheses stand exactly where leaving them out would change what is computed.
COMPARED, PLUS, TIMES, MATRIX_TIMES, MINUS_SIGN, POWER, CALL = 5, 10, 20, 25, 30, 40, 50


# What is smaller keeps its power of ten.
SMALLEST_WRITTEN_OUT = 1e-10


def text(expression: Expression, notation: Notation) -> str:
    """Return the text (str) of an expression for whole matrices, by the names of its matrices.

    >>> from cellprop.algebra import Axis, Matrix
    >>> samples, outputs = Axis.numbered("samples", 3), Axis.numbered("outputs", 1)
    >>> output = Matrix("output", samples, outputs, symbol="O")
    >>> [text(output * (1 - output), notation) for notation in ("maths", "numpy", "excel")]
    ['O ⊙ (1 − O)', 'output * (1 - output)', 'output*(1-output)']
    """
    return bound_text(expression, notation)[0]


def statement(matrix: Matrix, notation: Notation) -> str:
    """Return the line (str) that computes a matrix, as one would type it: `E = y - output`."""
    assert matrix.definition is not None, f"{matrix.name} is given, not computed"
    right = text(matrix.definition, notation)
    if notation == "excel":
        return f"={right}"
    left = (matrix.symbol or matrix.name) if notation == "maths" else matrix.name
    return f"{left} {'<-' if notation == 'r' else '='} {right}"


def bound_text(expression: Expression, notation: Notation) -> tuple[str, int]:
    """Return the text (str) of an expression, and how tightly it holds together (int)."""
    if isinstance(expression, Applied):
        form = _form(expression, notation)
        operands = []
        for operand, need in zip(expression.operands, form.needs, strict=False):
            written, binds = bound_text(operand, notation)
            operands.append(written if binds >= need else f"({written})")
        return form.template.format(*operands, **written_settings(expression)), form.binds
    if isinstance(expression, Matrix):
        named = notation != "maths" or not expression.symbol
        return expression.name if named else expression.symbol, CALL
    assert isinstance(expression, Number)
    return _constant(expression.value), CALL


def _form(expression: Applied, notation: Notation) -> Form:
    """Return the Form of an operation for the operands there are."""
    written = getattr(expression.operation, notation)
    if written is None:
        assert notation == "torch", "every row has all other notations"
        form = _form(expression, "numpy")
        return replace(form, template=form.template.replace("np.", "torch."))
    return written if isinstance(written, Form) else written(expression)


def written_settings(expression: Applied) -> dict[str, str]:
    """Return the text (str) of each setting by name, which is the same in all notations."""
    return {name: _setting(value) for name, value in expression.settings.items()}


def described(operand: Expression) -> str:
    """Return how an error calls an operand (str): by its name, or by its text."""
    return f"`{text(operand, 'numpy')}`"


def _setting(value: Setting) -> str:
    return value if isinstance(value, str) else _constant(value)


def _constant(number: float) -> str:
    # The shortest text that reads back as the same number. A file's reader takes all of its digits;
    # whoever types a constant of more than 15 into Excel gets the first 15.
    shown = repr(float(number)).removesuffix(".0")
    if "e" not in shown or not SMALLEST_WRITTEN_OUT <= number < 1:
        return shown
    # Written out where that is not long, since HyperFormula reads no number with an `E`.
    return np.format_float_positional(number, trim="-")


# --- Forms --------------------------------------------------------------------------------


def infix(symbol: str, binds: int) -> Form:
    """Return the Form of a left-associative operator: `a - b - c` is `(a - b) - c`."""
    return Form(f"{{0}}{symbol}{{1}}", binds, (binds, binds + 1))


def call(template: str, operands: int = 2) -> Form:
    """Return the Form of a function, whose operands stand between brackets and commas."""
    return Form(template, CALL, (0,) * operands)


def in_r(symbol: str, binds: int) -> Callable[[Applied], Form]:
    """Return what gives the Form of an element-by-element operator in R.

    R repeats a vector down the columns and refuses two matrices of different shape, so a row or
    a column is swept over a matrix explicitly.
    """

    def form(expression: Applied) -> Form:
        left, right = expression.operands
        alike = left.rows.size == right.rows.size and left.columns.size == right.columns.size
        if left.is_scalar or right.is_scalar or alike:
            return _plain_in_r(infix(f" {symbol} ", binds), expression)
        if _repeats(right, left):
            return call(f'sweep({{0}}, {2 if right.rows is ONE else 1}, {{1}}, "{symbol}")')
        swapped = f"function(b, a) a {symbol} b"
        if _repeats(left, right):
            return call(f"sweep({{1}}, {2 if left.rows is ONE else 1}, {{0}}, {swapped})")
        if left.columns is ONE:
            return call(f'outer(c({{0}}), c({{1}}), "{symbol}")')
        return call(f"outer(c({{1}}), c({{0}}), {swapped})")

    return form


def _plain_in_r(form: Form, expression: Applied) -> Form:
    """Return a Form in which what R computes as a matrix of one number is a plain number: beside a
    larger matrix R refuses it.
    """
    template, needs = form.template, list(form.needs)
    if not expression.is_scalar:
        for i, operand in enumerate(expression.operands):
            if isinstance(operand, Applied) and is_taken_of_many(operand):
                template = template.replace(f"{{{i}}}", f"c({{{i}}})")
                needs[i] = 0
    return Form(template, form.binds, tuple(needs))


def is_taken_of_many(expression: Expression) -> bool:
    """Whether an expression is one number for all, computed from a matrix that is more: in R a
    matrix of one row and one column.
    """
    return expression.is_scalar and any(not m.is_scalar for m in mentioned(expression))


def _repeats(small: Expression, large: Expression) -> bool:
    """Whether `small` is one row, or one column, that repeats to the shape of `large`."""
    along_rows = small.rows is ONE and small.columns.fits(large.columns)
    along_columns = small.columns is ONE and small.rows.fits(large.rows)
    return along_rows or along_columns


def truth_in_r(symbol: str) -> Callable[[Applied], Form]:
    """Return what gives the Form of a comparison in R, as 1 and 0."""
    compared = in_r(symbol, COMPARED)

    def form(expression: Applied) -> Form:
        inner = compared(expression)
        return Form(f"ifelse({inner.template}, 1, 0)", CALL, inner.needs)

    return form


def either_in_r(function: str) -> Callable[[Applied], Form]:
    """Return what gives the Form in R of a function of two numbers that may change places.

    `pmax` and `pmin` give the shape of the first, and repeat the other down the columns.
    """

    def form(expression: Applied) -> Form:
        left, right = expression.operands
        if left.is_scalar:
            return call(f"{function}({{1}}, {{0}})")
        alike = left.rows.size == right.rows.size and left.columns.size == right.columns.size
        if right.is_scalar or alike:
            return call(f"{function}({{0}}, {{1}})")
        if _repeats(right, left):
            return call(f'sweep({{0}}, {2 if right.rows is ONE else 1}, {{1}}, "{function}")')
        if _repeats(left, right):
            return call(f'sweep({{1}}, {2 if left.rows is ONE else 1}, {{0}}, "{function}")')
        column, row = (0, 1) if left.columns is ONE else (1, 0)
        return call(f'outer(c({{{column}}}), c({{{row}}}), "{function}")')

    return form


def as_parts(notation: Notation) -> Callable[[Applied], Form]:
    """Return what gives the Form of an operation as its parts put into one another."""

    def form(expression: Applied) -> Form:
        (operand,) = expression.operands
        written, binds = bound_text(put_together(expression, operand), notation)
        return Form(written.replace("{", "{{").replace("}", "}}"), binds, (0,))

    return form


def ones_beside(over: Literal["rows", "columns"]) -> Callable[[Applied], Form]:
    """Return what gives the Form of a sum as a product with ones, which Excel can take of any
    matrix.
    """

    def form(expression: Applied) -> Form:
        (operand,) = expression.operands
        side = operand.rows if over == "rows" else operand.columns
        if side is ONE:
            return Form("{0}", bound_text(operand, "excel")[1], (0,))
        # ROW and COLUMN know ranges only, so the ones come from a matrix of the operand.
        matrices = list(mentioned(operand))
        downwards = [(m.rows, f"ROW({m.name})^0", f"TRANSPOSE(ROW({m.name})^0)") for m in matrices]
        across = [
            (m.columns, f"TRANSPOSE(COLUMN({m.name})^0)", f"COLUMN({m.name})^0") for m in matrices
        ]
        known = downwards + across if over == "rows" else across + downwards
        # Where lines are picked or joined, no matrix has them: they are counted.
        counted = (side, f"ROW(1:{side.size})^0", f"TRANSPOSE(ROW(1:{side.size})^0)")
        known.append(counted)
        down, along = next((down, along) for found, down, along in known if found is side)
        return call(f"MMULT({along},{{0}})" if over == "rows" else f"MMULT({{0}},{down})")

    return form
