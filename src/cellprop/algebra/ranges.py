"""Between which numbers a matrix stays, whatever its inputs are within ranges of their own.

A spreadsheet shows an error where a number overflows, and so does every cell that reads it. Whether
that can happen follows from the expressions: each operation is taken of the ends of its operands'
ranges.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import product

import numpy as np

from cellprop.algebra import OPERATIONS, SAME, Applied, Axis, Expression, Matrix, Operation, value

Range = tuple[float, float]
"""The least number and the largest."""

# A 64-bit number goes up to 1.8e308; what is left is for rounding, and for sums of a whole matrix.
MOST = 1e300


def widened(*ranges: Range) -> Range:
    """Return the range that holds all of them."""
    return min(least for least, _ in ranges), max(most for _, most in ranges)


def ranges(matrices: Iterable[Matrix], given: Mapping[str, Range]) -> dict[str, Range]:
    """Return the range of each matrix: as given, or computed in order.

    They are safe, not tight: what is read twice (`output * (1 - output)`) is taken for two numbers.

    Parameters
    ----------
    matrices
        Given and defined matrices; a definition reads only matrices that come before it.
    given
        The ranges of those that are given. One that is defined as well keeps the range given.

    Raises
    ------
    OverflowError
        If a number, or one on the way to it, can be larger than `MOST`.
    """
    found: dict[str, Range] = dict(given)
    for matrix in matrices:
        if matrix.name not in given:
            assert matrix.definition is not None, f"{matrix.name} has no range"
            found[matrix.name] = range_of(matrix.definition, found)
    return found


def range_of(expression: Expression, known: Mapping[str, Range]) -> Range:
    """Return the range of an expression, from those of the matrices that it reads; see `ranges`."""
    if isinstance(expression, Matrix):
        return known[expression.name]
    if not isinstance(expression, Applied):
        number = float(value(expression, {}))
        return number, number
    found = _result(expression, [range_of(operand, known) for operand in expression.operands])
    if not -MOST <= found[0] <= found[1] <= MOST:
        raise OverflowError(f"{expression.operation.name} goes from {found[0]:g} to {found[1]:g}")
    return found


def _result(expression: Applied, operands: list[Range]) -> Range:
    """Return the range of an operation's result, from those of its operands."""
    operation, (first, *_) = expression.operation, expression.operands
    if operation.name == "product":
        return _summed(_at_ends(OPERATIONS["multiply"], operands), first.columns)
    if operation.name in ("sum_over_rows", "sum_over_columns"):
        rows = operation.name == "sum_over_rows"
        return _summed(operands[0], first.rows if rows else first.columns)
    if operation.name == "divide":
        # By a count, or by a sum of exponentials of which one is e⁰: by 1 or more.
        least, most = operands[1]
        operands = [operands[0], (max(1.0, least), max(1.0, most))]
    if operation.name == "subtract" and _is_largest(expression.operands[1], first):
        return operands[0][0] - operands[0][1], 0.0
    if all(pattern == SAME for pattern in operation.reads):
        found = _at_ends(operation, operands)
        # A loss is 0 at its lowest, which can be anywhere.
        return widened((0.0, 0.0), found) if operation.is_loss else found
    # The others only choose numbers, or put them elsewhere.
    assert operation.name in ("transpose", "minimum_over_rows", *_LARGEST), operation.name
    return operands[0]


_LARGEST = ("maximum_over_rows", "maximum_over_columns")


def _is_largest(expression: Expression, of: Expression) -> bool:
    """Whether an expression is the largest number of another, which is then no larger."""
    return (
        isinstance(expression, Applied)
        and expression.operation.name in _LARGEST
        and expression.operands[0] is of
    )


def _summed(each: Range, over: Axis) -> Range:
    return each[0] * over.size, each[1] * over.size


def _at_ends(operation: Operation, operands: list[Range]) -> Range:
    """Return the range of an operation that works number by number: as long as the other operands
    stay, each has its extremes where one operand is least, largest or 0.
    """
    ends = [(least, most, 0.0) if least < 0 < most else (least, most) for least, most in operands]
    corners = np.array(list(product(*ends)))
    with np.errstate(over="ignore"):
        found = operation.value(*corners.T)
    return float(np.min(found)), float(np.max(found))
