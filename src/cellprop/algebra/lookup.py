"""The table of what goes by an index: a row of a table, and a 1 at a place.

Indices count from 1, as `INDEX` does and rows of a sheet. Nothing goes back to them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from cellprop.algebra import ranges
from cellprop.algebra.cells import span
from cellprop.algebra.expressions import (
    Applied,
    Array,
    Axis,
    CellTexts,
    Expression,
    Form,
    Operation,
)
from cellprop.algebra.lines import is_key
from cellprop.algebra.notation import CALL, COMPARED, TIMES, described
from cellprop.algebra.spans import ALL, COLUMN, ROW
from cellprop.errors import InputError, ShapeError

Axes = tuple[Axis, Axis]


def _checked(indices: Expression) -> Axis:
    """Return what the rows of indices stand for."""
    if indices.columns.size != 1:
        raise ShapeError(
            f"{described(indices)} has {indices.columns.size} {indices.columns.name} where one"
            " column of indices is expected."
        )
    return indices.rows


def indices(expression: Expression) -> Iterator[tuple[Expression, int]]:
    """Yield each expression of indices that an expression goes by, with how many they can mean."""
    if isinstance(expression, Applied):
        if expression.operation.name == "embed":
            yield expression.operands[1], expression.operands[0].rows.size
        elif expression.operation.name == "one_hot":
            yield expression.operands[0], expression.columns.size
        for operand in expression.operands:
            yield from indices(operand)


# --- A 1 at a place -----------------------------------------------------------------------


def _one_hot(indices: Array, like: object = None, *, count: int, **_: object) -> Array:
    size = count if like is None else len(np.atleast_2d(np.asarray(like)))
    found: Array = np.equal(indices, np.arange(1.0, size + 1)).astype(np.float64)
    return found


def _axes_of_one_hot(operands: Sequence[Expression], *, count: int, name: str) -> Axes:
    indices, *like = operands
    if like:
        return _checked(indices), like[0].rows
    if not is_key(count) or count < 1:
        raise InputError(f"a one-hot row has one place or more, not {count}.")
    return _checked(indices), Axis.numbered(name, count)


def _cells_of_one_hot(expression: Applied, operands: Sequence[CellTexts]) -> CellTexts:
    places = range(1, expression.columns.size + 1)
    rows = [[f"IF({row[0]}={place},1,0)" for place in places] for row in operands[0].texts]
    return CellTexts(rows, CALL)


def _one_hot_in_numpy(expression: Applied) -> Form:
    places = f"np.arange(1, {expression.columns.size + 1})"
    return Form(f"np.where({{0}} == {places}, 1.0, 0.0)", CALL, (COMPARED + 1,))


def _one_hot_in_r(expression: Applied) -> Form:
    return Form(f'outer(c({{0}}), 1:{expression.columns.size}, "==") * 1', TIMES, (0,))


def _one_hot_in_excel(expression: Applied) -> Form:
    places = f"TRANSPOSE(ROW(1:{expression.columns.size}))"
    return Form(f"IF({{0}}={places},1,0)", CALL, (COMPARED + 1,))


# --- A row of a table ---------------------------------------------------------------------


def _embed(table: Array, indices: Array) -> Array:
    """Return rows of a table; of what is no index, rows that are no numbers."""
    at = np.nan_to_num(indices[:, 0], nan=0.0)
    is_index = (at >= 1) & (at < len(table) + 1)
    found = np.asarray(table, float)[np.where(is_index, at, 1).astype(int) - 1]
    return np.where(is_index[:, np.newaxis], found, np.nan)


def _cells_of_embed(_: Applied, operands: Sequence[CellTexts]) -> CellTexts:
    table, indices = operands
    columns = list(zip(*table.texts, strict=True))
    return CellTexts(
        [[_entry(column, row[0], table) for column in columns] for row in indices.texts], CALL
    )


def _entry(column: Sequence[str], index: str, table: CellTexts) -> str:
    if not table.lies:
        return f"CHOOSE({index},{','.join(column)})"
    place = f"{index},1" if table.lies == "across" else f"1,{index}"
    return f"INDEX({span(column[0], column[-1])},{place})"


def _embed_in_excel(expression: Applied) -> Form:
    places = f"TRANSPOSE(ROW(1:{expression.operands[0].rows.size}))"
    return Form(f"MMULT(IF({{1}}={places},1,0),{{0}})", CALL, (0, COMPARED + 1))


LOOKUPS: tuple[Operation, ...] = (
    Operation(
        "embed",
        _embed,
        reads=lambda _: ((ALL, COLUMN), (ROW, ALL)),
        maths=Form("{0}[{1}, :]", CALL, (CALL, 0)),
        numpy=Form("{0}[{1}.ravel().astype(int) - 1]", CALL, (CALL, CALL)),
        torch=Form("{0}[{1}.ravel().long() - 1]", CALL, (CALL, CALL)),
        r=Form("{0}[c({1}), , drop = FALSE]", CALL, (CALL, 0)),
        excel=_embed_in_excel,
        cells=_cells_of_embed,
        axes=lambda operands: (_checked(operands[1]), operands[0].columns),
        range=ranges.chosen,
        back=lambda g, _, table, indices: (Applied("one_hot", indices, table).T @ g, None),
    ),
    Operation(
        "one_hot",
        _one_hot,
        reads=lambda _: ((ROW, ALL),),
        maths=Form("onehot({0})", CALL, (0,)),
        numpy=_one_hot_in_numpy,
        r=_one_hot_in_r,
        excel=_one_hot_in_excel,
        cells=_cells_of_one_hot,
        axes=_axes_of_one_hot,
        range=ranges.within(0.0, 1.0),
        # Flat wherever it is not broken: nothing goes back through it.
        back=lambda *operands, **_: (None,) * (len(operands) - 2),
        settings={"count": 1, "name": "classes"},
    ),
)
