"""The table of decisions: comparisons that give 1 or 0, the place of the largest number, totals.

Spreadsheets disagree on whether numbers that differ in the last places are equal: IronCalc takes
them for equal up to 2.2e-16, LibreOffice up to 3.6e-15 of them, Excel in the 15 digits that it
shows, and a match is exact in some only. So what decides has a tolerance of its own, which is
larger than all of these: outputs that are alike but for rounding decide alike everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from cellprop.algebra import axes, cells, ranges
from cellprop.algebra.expressions import (
    ONE,
    Applied,
    Array,
    CellTexts,
    Expression,
    Form,
    Number,
    Operation,
)
from cellprop.algebra.notation import CALL, COMPARED, PLUS, TIMES, call
from cellprop.algebra.rows import elementwise
from cellprop.algebra.spans import ALL, ROW

# By which share of it a number may be less than another and still counts as being as large.
TOLERANCE = 1e-12
# By how much a number may be less than a threshold and still reach it.
SHORT = 0.5 * TOLERANCE
# Written out, since HyperFormula reads no number with an `E`.
_SHORT, _NEARLY = "0.0000000000005", "0.999999999999"
# A formula that compares more numbers than this one by one could be too long for a cell.
MOST_COMPARED = 32


# --- The place of the largest number of each row ------------------------------------------


def _largest_at(x: Array) -> Array:
    """Return the place of the largest number in each row, from 1: the first of those alike."""
    if x.shape[1] > MOST_COMPARED:
        exact: Array = x.argmax(axis=1)[:, np.newaxis] + 1.0
        return exact
    return _first_largest(x) + 1.0


def _first_largest(x: Array) -> Array:
    """Return the place from 0: of the left half or of the right, whichever has the larger one."""
    count = x.shape[1]
    if count == 1:
        return np.zeros((len(x), 1))
    middle = (count + 1) // 2
    left, right = x[:, :middle], x[:, middle:]
    first = _largest(left) >= _largest(right) * (1 - TOLERANCE)
    found: Array = np.where(first, _first_largest(left), middle + _first_largest(right))
    return found


def _largest(x: Array) -> Array:
    """Return the largest number of each row, of shape (rows, 1)."""
    return x if x.shape[1] == 1 else np.maximum.reduce(x, axis=1, keepdims=True)


def _cells_of_largest_at(_: Applied, operands: Sequence[CellTexts]) -> CellTexts:
    (operand,) = operands
    rows = cells.wrapped(operand, TIMES + 1)
    return CellTexts([[largest_of(row, operand)] for row in rows], CALL)


def largest_of(row: Sequence[str], of: CellTexts) -> str:
    """Return the formula (str) of the place of the largest cell of a row, from 1.

    >>> largest_of(["B2", "C2", "D2"], CellTexts([], CALL, "across"))
    'IF(MAX(B2:C2)>=D2*0.999999999999,IF(B2>=C2*0.999999999999,1,2),3)'
    """
    if len(row) > MOST_COMPARED:
        line = cells.line(row, of)
        return f"MATCH(MAX({line}),{cells.span(row[0], row[-1])},0)"
    return _largest_of(row, of, 1)


def _largest_of(row: Sequence[str], of: CellTexts, first: int) -> str:
    if len(row) == 1:
        return str(first)
    middle = (len(row) + 1) // 2
    left, right = row[:middle], row[middle:]
    return (
        f"IF({_most(left, of)}>={_most(right, of)}*{_NEARLY},"
        f"{_largest_of(left, of, first)},{_largest_of(right, of, first + middle)})"
    )


def _most(row: Sequence[str], of: CellTexts) -> str:
    return row[0] if len(row) == 1 else f"MAX({cells.line(row, of)})"


# --- Rows that are alike ------------------------------------------------------------------


def _all_equal(a: Array, b: Array) -> Array:
    found: Array = (a == b).all(axis=1, keepdims=True).astype(np.float64)
    return found


def _cells_of_all_equal(_: Applied, operands: Sequence[CellTexts]) -> CellTexts:
    left, right = operands
    rows = zip(cells.wrapped(left, PLUS), cells.wrapped(right, PLUS), strict=True)
    return CellTexts([[_alike(a, b, left, right)] for a, b in rows], CALL)


def _alike(a: Sequence[str], b: Sequence[str], left: CellTexts, right: CellTexts) -> str:
    if len(a) <= cells.SPELLED_OUT or not (left.lies and right.lies):
        return f"IF(AND({','.join(f'{x}={y}' for x, y in zip(a, b, strict=True))}),1,0)"
    # The sum of the squared differences, since not every engine can take it of ranges at once.
    p, q = cells.span(a[0], a[-1]), cells.span(b[0], b[-1])
    return f"IF(SUMPRODUCT({p},{p})-2*SUMPRODUCT({p},{q})+SUMPRODUCT({q},{q})=0,1,0)"


# --- Totals -------------------------------------------------------------------------------


def _total(x: Array) -> Array:
    found: Array = np.add.reduce(x, axis=None, keepdims=True)
    return found


def _cells_of_total(_: Applied, operands: Sequence[CellTexts]) -> CellTexts:
    (operand,) = operands
    texts, binds = cells.lines("SUM", operand, [[text for row in operand.texts for text in row]])
    return CellTexts([texts], binds)


def _if_more(x: Array, then: Array, otherwise: Array, least: str) -> Array:
    # A text, so that formulas have it written out.
    return np.where(x > float(least), then, otherwise)


def _back_of_if_more(
    g: Expression, _: Expression, x: Expression, *__: Expression, least: str
) -> tuple[None, Expression, Expression]:
    taken = Applied("if_more", x, Number(1.0), Number(0.0), least=least)
    return None, g * taken, g * (1 - taken)


def _flat(*_: Expression) -> tuple[None, None]:
    """Pass nothing back: a comparison is flat wherever it does not jump."""
    return None, None


def _comparison(
    name: str, value: Callable[..., Array], signs: tuple[str, str], short: str
) -> Operation:
    """Return the Operation that is 1 where two numbers compare so, else 0.

    Parameters
    ----------
    name, value
        As in `Operation`.
    signs
        How the comparison is written in maths, and elsewhere.
    short
        What a cell adds to the second number, so that all spreadsheets decide alike.
    """
    maths, sign = signs
    needs = (COMPARED + 1, COMPARED + 1)
    return elementwise(
        name, value,
        maths=Form(f"[{{0}} {maths} {{1}}]", CALL, (0, 0)),
        numpy=Form(f"np.where({{0}} {sign} {{1}}, 1.0, 0.0)", CALL, needs),
        r=Form(f"ifelse({{0}} {sign} {{1}}, 1, 0)", CALL, needs),
        excel=call(f"IF({{0}}{sign}{{1}},1,0)"),
        cell=Form(f"IF({{0}}{sign}{{1}}{short},1,0)", CALL, (0, PLUS)),
        back=_flat, range=ranges.within(0.0, 1.0),
    )  # fmt: skip


DECISIONS = (
    _comparison(
        "greater",
        lambda a, b: np.greater(a, b + SHORT).astype(np.float64),
        (">", ">"),
        f"+{_SHORT}",
    ),
    _comparison(
        "at_least",
        lambda a, b: np.greater_equal(a, b - SHORT).astype(np.float64),
        ("≥", ">="),
        f"-{_SHORT}",
    ),
    elementwise(
        "if_more",
        _if_more,
        maths=Form("[{0} > {least}: {1}, else {2}]", CALL, (0, 0, 0)),
        numpy=Form("np.where({0} > {least}, {1}, {2})", CALL, (COMPARED + 1, 0, 0)),
        r=Form("ifelse({0} > {least}, {1}, {2})", CALL, (COMPARED + 1, 0, 0)),
        excel=Form("IF({0}>{least},{1},{2})", CALL, (COMPARED + 1, 0, 0)),
        back=_back_of_if_more,
        range=lambda _, operands: ranges.widened(*operands[1:]),
        settings={"least": "0"},
    ),
    Operation(
        "largest_at",
        _largest_at,
        reads=((ROW, ALL),),
        maths=call("argmax_columns({0})"),
        numpy=Form("{0}.argmax(axis=1, keepdims=True) + 1", PLUS, (CALL,)),
        torch=Form("{0}.argmax(dim=1, keepdim=True) + 1.0", PLUS, (CALL,)),
        r=call('cbind(max.col({0}, "first"))'),
        excel=call("BYROW({0},LAMBDA(line,XMATCH(MAX(line),line)))"),
        cells=_cells_of_largest_at,
        axes=axes.of_a_column,
        range=lambda expression, _: (1.0, float(expression.operands[0].columns.size)),
    ),
    Operation(
        "all_equal",
        _all_equal,
        reads=((ROW, ALL), (ROW, ALL)),
        maths=call("all_columns({0} = {1})"),
        numpy=Form(
            "({0} == {1}).all(axis=1, keepdims=True) * 1.0",
            TIMES,
            (COMPARED + 1, COMPARED + 1),
        ),
        torch=Form(
            "({0} == {1}).all(dim=1, keepdim=True) * 1.0",
            TIMES,
            (COMPARED + 1, COMPARED + 1),
        ),
        r=call("cbind(apply({0} == {1}, 1, all) * 1)"),
        excel=call("BYROW(--({0}={1}),LAMBDA(line,MIN(line)))"),
        cells=_cells_of_all_equal,
        axes=axes.of_a_column,
        range=ranges.within(0.0, 1.0),
    ),
    Operation(
        "total",
        _total,
        reads=((ALL, ALL),),
        maths=call("Σ({0})"),
        numpy=Form("{0}.sum(keepdims=True)", CALL, (CALL,)),
        r=call("sum({0})"),
        excel=call("SUM({0})"),
        cells=_cells_of_total,
        axes=lambda *_, **__: (ONE, ONE),
        range=ranges.of_total,
        back=lambda g, _, a: (Applied("ones", a) * g,),
        is_linear=True,
    ),
)
