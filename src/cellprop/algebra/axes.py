"""Which axes a result has, and what is said where operands don't fit.

Knows axes and how operands are called; knows no particular operation: a row of the table says which
of these it goes by.
"""

from __future__ import annotations

from collections.abc import Sequence

from cellprop.algebra import lines
from cellprop.algebra.expressions import ONE, Axis, Expression
from cellprop.algebra.notation import described
from cellprop.errors import InputError, ShapeError

Axes = tuple[Axis, Axis]
"""What the rows and the columns of a result stand for."""


def of_product(operands: Sequence[Expression], **_: object) -> Axes:
    """Return the Axes of the matrix product of (rows, inner) with (inner, columns).

    Raises
    ------
    ShapeError
        If the inner axes differ.
    """
    left, right = operands
    if not left.columns.fits(right.rows):
        raise _misfit(left, left.columns, right, right.rows)
    return left.rows, right.columns


def of_elements(operands: Sequence[Expression], **_: object) -> Axes:
    """Return the Axes of what is computed element by element; an axis of one repeats to fit.

    Raises
    ------
    ShapeError
        If two operands differ along an axis.
    """
    rows = columns = ONE
    for operand in operands:
        if rows is not ONE and operand.rows is not ONE and not rows.fits(operand.rows):
            raise _misfit(operands[0], rows, operand, operand.rows)
        if columns is not ONE and operand.columns is not ONE and not columns.fits(operand.columns):
            raise _misfit(operands[0], columns, operand, operand.columns)
        rows = operand.rows if rows is ONE else rows
        columns = operand.columns if columns is ONE else columns
    return rows, columns


def of_transpose(operands: Sequence[Expression], **_: object) -> Axes:
    """Return the Axes of the first operand in the other order."""
    return operands[0].columns, operands[0].rows


def of_a_row(operands: Sequence[Expression], **_: object) -> Axes:
    """Return the Axes of one row for all rows of the first operand."""
    return ONE, operands[0].columns


def of_a_column(operands: Sequence[Expression], **_: object) -> Axes:
    """Return the Axes of one column for all columns of the first operand."""
    return operands[0].rows, ONE


def of_lines(operand: Expression, rows: str, columns: str) -> Axes:
    """Return the Axes of some lines of an operand, with their labels; a single one that is picked
    by its number stands for all.

    Raises
    ------
    InputError
        If they are none.
    """
    return _picked(operand, operand.rows, rows, "row"), _picked(
        operand, operand.columns, columns, "column"
    )


def _picked(operand: Expression, axis: Axis, setting: str, line: str) -> Axis:
    if not setting:
        return axis
    picked = lines.picked(setting, axis.size)
    if not picked:
        has = f"{described(operand)} has {axis.size} {line if axis is ONE else axis.name}"
        what = f"slice {setting}" if ":" in setting else f"{line} {setting}"
        raise InputError(f"{has}, counted from 0, and no {what}.")
    if lines.is_one(setting):
        return ONE
    return Axis(axis.name, tuple(axis.labels[k] for k in picked))


def _misfit(left: Expression, found: Axis, right: Expression, expected: Axis) -> ShapeError:
    if found.name == expected.name:
        counts = f"has {found.size} {found.name}, {described(right)} expects {expected.size}"
    else:
        sides = f"{found.size} {found.name}", f"{expected.size} {expected.name}"
        counts = f"has {sides[0]} where {described(right)} has {sides[1]}"
    return ShapeError(f"{described(left)} {counts}.")
