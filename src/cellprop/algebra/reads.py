"""Which cells a cell reads: the highlights of a sheet, and what a mark carries on from.

Knows expressions and their patterns; knows no address and no colour.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType

from cellprop.algebra.expressions import ONE, Applied, Expression, Matrix
from cellprop.algebra.spans import SAME, Pattern, repeated, through


@lru_cache(maxsize=4096)  # expressions never change, and a marker asks for every student
def reads(expression: Expression) -> Mapping[Matrix, frozenset[Pattern]]:
    """Return the matrices an expression reads, each with which of its cells a cell reads.

    Parameters
    ----------
    expression
        Of shape (rows, columns).

    Returns
    -------
    mapping of Matrix to frozenset of Pattern
        A pattern has a span for the rows of the matrix and one for its columns. Together they are
        the cells that the formula of a cell refers to, no more and no less.
    """
    found: dict[Matrix, set[Pattern]] = {}
    _collect(expression, SAME, found)
    return MappingProxyType({matrix: frozenset(each) for matrix, each in found.items()})


def picks(expression: Expression) -> bool:
    """Whether cells read others by their place, and not only those of the same row or column, or
    all: then their formulas need not be alike.
    """
    found = (span for patterns in reads(expression).values() for each in patterns for span in each)
    return not all(span.is_usual for span in found)


def _collect(expression: Expression, at: Pattern, found: dict[Matrix, set[Pattern]]) -> None:
    # An axis of one repeats: whichever cell is computed, it is read there.
    at = (
        repeated(at[0]) if expression.rows is ONE else at[0],
        repeated(at[1]) if expression.columns is ONE else at[1],
    )
    if any(not span.index and span.has_gaps for span in at):
        return  # no cell reads it at all
    if isinstance(expression, Matrix):
        found.setdefault(expression, set()).add(at)
    elif isinstance(expression, Applied):
        for operand, pattern in zip(expression.operands, expression.patterns, strict=False):
            shape = operand.shape
            _collect(operand, through(at, pattern, shape), found)
