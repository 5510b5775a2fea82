"""How outputs decide, as numbers and as formulas: by 0.5, or by the largest of several.

Spreadsheets disagree on whether numbers that differ in the last places are equal: IronCalc takes
them for equal up to 2.2e-16, LibreOffice up to 3.6e-15 of them, Excel in the 15 digits that it
shows, and a match is exact in some only. So a decision has a tolerance of its own, which is larger
than all of these: outputs that are alike but for rounding decide alike everywhere.

Knows arrays and addresses of cells; knows nothing of networks or sheets.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from cellprop.algebra.expressions import Array

Decision = Literal["yes or no", "one of several", "each yes or no"]
"""How outputs decide: one output by 0.5, the largest of several, or each by 0.5."""

# By which share of it a number may be less than another and still counts as being as large.
TOLERANCE = 1e-12
# Constants are written out, since HyperFormula reads no number with an `E`.
_HALF, _NEARLY = "0.5-0.0000000000005", "0.999999999999"
# A formula that compares more numbers than this one by one could be too long for a cell.
MOST_COMPARED = 32


def decided(outputs: Array, how: Decision) -> Array:
    """Return what outputs (or targets) decide.

    Parameters
    ----------
    outputs : ndarray of shape (samples, outputs)
        Numbers between 0 and 1.
    how : Decision
        How they decide.

    Returns
    -------
    ndarray
        Of shape (samples, 1) with the number of a class, counted from 0, where the largest decides;
        else of the shape of `outputs`, with 0 and 1. It is what `at_least_half` and `largest` give.

    Examples
    --------
    >>> decided(np.array([[0.2, 0.7], [0.5, 0.5]]), "one of several").tolist()
    [[1.0], [0.0]]
    >>> decided(np.array([[0.2, 0.7], [0.5, 0.5]]), "each yes or no").tolist()
    [[0.0, 1.0], [1.0, 1.0]]
    """
    chosen: Array
    if how != "one of several":
        chosen = (outputs >= 0.5 - 0.5 * TOLERANCE).astype(np.float64)
        return chosen
    if outputs.shape[1] > MOST_COMPARED:
        chosen = outputs.argmax(axis=1)[:, np.newaxis].astype(np.float64)
        return chosen
    return _first_largest(outputs)


def _first_largest(outputs: Array) -> Array:
    count = outputs.shape[1]
    if count == 1:
        return np.zeros((len(outputs), 1))
    middle = (count + 1) // 2
    left, right = outputs[:, :middle], outputs[:, middle:]
    first = left.max(axis=1, keepdims=True) >= right.max(axis=1, keepdims=True) * (1 - TOLERANCE)
    found: Array = np.where(first, _first_largest(left), middle + _first_largest(right))
    return found


def at_least_half(cell: str) -> str:
    """Return the condition that a cell is at least 0.5.

    >>> at_least_half("B2")
    'B2>=0.5-0.0000000000005'
    """
    return f"{cell}>={_HALF}"


def decide_alike(one: str, other: str) -> str:
    """Return the formula of whether two cells decide alike by 0.5: 1 or 0.

    >>> decide_alike("B2", "F2")
    'IF(IF(B2>=0.5-0.0000000000005,1,0)=IF(F2>=0.5-0.0000000000005,1,0),1,0)'
    """
    return f"IF(IF({at_least_half(one)},1,0)=IF({at_least_half(other)},1,0),1,0)"


def largest(cells: Sequence[str]) -> str:
    """Return the formula of which cell of a row is the largest, counted from 1: the first of those
    that are alike.

    >>> largest(["B2", "C2", "D2"])
    'IF(MAX(B2:C2)>=D2*0.999999999999,IF(B2>=C2*0.999999999999,1,2),3)'
    """
    if len(cells) > MOST_COMPARED:
        row = across(cells)
        return f"MATCH(MAX({row}),{row},0)"
    return _largest(cells, 1)


def _largest(cells: Sequence[str], first: int) -> str:
    if len(cells) == 1:
        return str(first)
    middle = (len(cells) + 1) // 2
    left, right = cells[:middle], cells[middle:]
    return (
        f"IF({_most(left)}>={_most(right)}*{_NEARLY},"
        f"{_largest(left, first)},{_largest(right, first + middle)})"
    )


def _most(cells: Sequence[str]) -> str:
    return cells[0] if len(cells) == 1 else f"MAX({across(cells)})"


def across(cells: Sequence[str]) -> str:
    """Return the range of a row of cells; a sheet is named once.

    >>> across(["'Step 0'!$B$2", "'Step 0'!$C$2"])
    "'Step 0'!$B$2:$C$2"
    """
    return f"{cells[0]}:{cells[-1].rpartition('!')[2]}"
