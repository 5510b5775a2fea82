"""Between which numbers a matrix stays, whatever its inputs are within ranges of their own.

A spreadsheet shows an error where a number overflows, and so does every cell that reads it. Whether
that can happen follows from the expressions: each operation's row says which range its result has,
from those of its operands. Knows expressions; knows no particular operation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import product

import numpy as np

from cellprop.algebra.expressions import Applied, Array, Expression, Matrix, Range, RangeForm
from cellprop.algebra.values import value
from cellprop.errors import InputError

__all__ = [
    "MOST", "Range", "at_ends", "chosen", "chosen_or_0", "from_0", "of_column_sums", "of_product",
    "of_products", "of_row_sums", "of_total", "range_of", "ranges", "widened", "within",
]  # fmt: skip

# A 64-bit number goes up to 1.8e308; what is left is for rounding, and for sums of a whole matrix.
MOST = 1e300


def widened(*ranges: Range) -> Range:
    """Return the Range that holds all of them."""
    return min(least for least, _ in ranges), max(most for _, most in ranges)


def ranges(matrices: Iterable[Matrix], given: Mapping[str, Range]) -> dict[str, Range]:
    """Return the range of each matrix by name: as given, or computed in order.

    They are safe, not tight: what is read twice (`output * (1 - output)`) is taken for two numbers.

    Parameters
    ----------
    matrices
        Given and defined matrices; a definition reads only matrices that come before it.
    given
        The ranges of those that are given. One that is defined as well keeps the range given.

    Returns
    -------
    dict of str to Range
        The least and the largest number of each.

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
    """Return the Range of an expression, from those of the matrices that it reads; see `ranges`."""
    if isinstance(expression, Matrix):
        return known[expression.name]
    if not isinstance(expression, Applied):
        number = float(value(expression, {}))
        return number, number
    operation = expression.operation
    if operation.range is None:
        raise InputError(f"the operation {operation.name} does not say between which numbers it is")
    operands = [range_of(operand, known) for operand in expression.operands]
    found = operation.range(expression, operands)
    if not -MOST <= found[0] <= found[1] <= MOST:
        raise OverflowError(f"{operation.name} goes from {found[0]:g} to {found[1]:g}")
    return found


# --- Kinds of ranges ----------------------------------------------------------------------


def at_ends(expression: Applied, operands: Sequence[Range]) -> Range:
    """Return the Range of an operation that works number by number: as long as the other operands
    stay, each has its extremes where one operand is least, largest or 0.
    """
    return _at_ends(expression.function, operands)


def _at_ends(function: Callable[..., Array], operands: Sequence[Range]) -> Range:
    ends = [(least, most, 0.0) if least < 0 < most else (least, most) for least, most in operands]
    corners = np.array(list(product(*ends)))
    with np.errstate(over="ignore"):
        found = function(*corners.T)
    return float(np.min(found)), float(np.max(found))


def from_0(expression: Applied, operands: Sequence[Range]) -> Range:
    """Return the Range of a loss: it is 0 at its lowest, which can be anywhere."""
    return widened((0.0, 0.0), at_ends(expression, operands))


def chosen(_: Applied, operands: Sequence[Range]) -> Range:
    """Return the Range of what only chooses numbers, or puts them elsewhere."""
    return operands[0]


def chosen_or_0(_: Applied, operands: Sequence[Range]) -> Range:
    """Return the Range of what puts numbers elsewhere, among zeros."""
    return widened((0.0, 0.0), operands[0])


def within(least: float, most: float) -> RangeForm:
    """Return the RangeForm of an operation whose result lies between two numbers."""
    return lambda *_: (least, most)


def of_product(expression: Applied, operands: Sequence[Range]) -> Range:
    """Return the Range of a matrix product: of as many products of two numbers as are added."""
    least, most = _at_ends(np.multiply, operands)
    size = expression.operands[0].columns.size
    return least * size, most * size


def of_products(operands: Sequence[Range]) -> Range:
    """Return the Range of products of two numbers."""
    return _at_ends(np.multiply, operands)


def of_column_sums(expression: Applied, operands: Sequence[Range]) -> Range:
    """Return the Range of sums over the rows."""
    size = expression.operands[0].rows.size
    return operands[0][0] * size, operands[0][1] * size


def of_row_sums(expression: Applied, operands: Sequence[Range]) -> Range:
    """Return the Range of sums over the columns."""
    size = expression.operands[0].columns.size
    return operands[0][0] * size, operands[0][1] * size


def of_total(expression: Applied, operands: Sequence[Range]) -> Range:
    """Return the Range of the sum of all numbers."""
    size = expression.operands[0].rows.size * expression.operands[0].columns.size
    return operands[0][0] * size, operands[0][1] * size
