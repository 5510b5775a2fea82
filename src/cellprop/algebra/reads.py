"""Which cells a cell reads: the highlights of a sheet, and what a mark carries on from.

Knows expressions and their patterns; knows no address and no colour.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType

from cellprop.algebra.expressions import ONE, SAME, Applied, Expression, Matrix, Pattern, Selector


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
        A pattern names the rows and the columns of the matrix: `row` or `column` stand for the row
        or column number of the cell being computed, `all` for every one.
    """
    found: dict[Matrix, set[Pattern]] = {}
    _collect(expression, SAME, found)
    return MappingProxyType({matrix: frozenset(each) for matrix, each in found.items()})


def _collect(expression: Expression, at: Pattern, found: dict[Matrix, set[Pattern]]) -> None:
    # An axis of one repeats: whichever cell is computed, it is read there.
    at = ("all" if expression.rows is ONE else at[0], "all" if expression.columns is ONE else at[1])
    if isinstance(expression, Matrix):
        found.setdefault(expression, set()).add(at)
    elif isinstance(expression, Applied):
        which: dict[Selector, Selector] = {"row": at[0], "column": at[1], "all": "all"}
        for operand, (rows, columns) in zip(expression.operands, expression.patterns, strict=False):
            _collect(operand, (which[rows], which[columns]), found)
