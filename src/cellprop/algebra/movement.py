"""The table of movements: lines picked, put back, joined, with zeros around them.

They come in pairs, each of which goes back the way of the other: a slice and its placement among
zeros, what is joined and its slices, what is padded and its crop, which is a slice again. An
operand that only lends its axes stands last and is not read.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from cellprop.algebra import axes, lines, ranges
from cellprop.algebra.expressions import (
    ONE,
    Applied,
    Array,
    Axis,
    CellTexts,
    Expression,
    Form,
    Operation,
    Setting,
)
from cellprop.algebra.notation import CALL, MATRIX_TIMES, TIMES, call, described
from cellprop.algebra.spans import COLUMN, ROW, Index, Pattern, Span, stepping
from cellprop.errors import InputError, ShapeError

Axes = tuple[Axis, Axis]


def _picked(expression: Applied, of: Expression) -> tuple[range, range]:
    """Return the rows and the columns of an expression that settings pick."""
    rows, columns = (str(expression.settings[side]) for side in ("rows", "columns"))
    return lines.picked(rows, of.rows.size), lines.picked(columns, of.columns.size)


# --- Slices -------------------------------------------------------------------------------


def _slice(x: Array, like: object = None, *, rows: str, columns: str) -> Array:  # noqa: ARG001
    height, width = x.shape
    return x[_key(lines.picked(rows, height)), _key(lines.picked(columns, width))]


def _key(picked: range) -> slice:
    stop = picked[-1] + (1 if picked.step > 0 else -1)
    return slice(picked[0], None if stop < 0 else stop, picked.step)


def _axes_of_slice(operands: Sequence[Expression], rows: str, columns: str) -> Axes:
    of, *like = operands
    picked = axes.of_lines(of, rows, columns)
    if not like:
        return picked
    _check_picked(like[0], picked, of)
    return like[0].rows, like[0].columns


def _check_picked(one: Expression, picked: Axes, of: Expression) -> None:
    """Refuse an expression that is not as large as what is picked of another."""
    rows, columns = (axis.size for axis in picked)
    if one.shape != (rows, columns):
        raise ShapeError(
            f"{described(one)} is {one.rows.size} × {one.columns.size}, where {rows} × {columns} of"
            f" {described(of)} are picked."
        )


def _reads_of_slice(expression: Applied) -> tuple[Pattern, ...]:
    of = expression.operands[0]
    rows, columns = _picked(expression, of)
    return ((_pick("row", rows, of.rows.size), _pick("column", columns, of.columns.size)),)


def _pick(index: Index, picked: range, size: int) -> Span:
    """Return the Span of lines that are picked of so many."""
    return stepping(index, len(picked), size, step=picked.step, first=picked[0])


def _cells_of_slice(expression: Applied, operands: Sequence[CellTexts]) -> CellTexts:
    of = operands[0]
    rows, columns = _picked(expression, expression.operands[0])
    texts = [[of.texts[i][j] for j in columns] for i in rows]
    # What does not go on as it lies makes no range.
    ahead = rows.step == 1 and columns.step == 1
    return CellTexts(texts, of.binds, of.lies if ahead else None, of.may_be_blank)


def _slice_in_maths(expression: Applied) -> Form:
    return Form(f"{{0}}[{_lines_in_maths(expression, expression.operands[0])}]", CALL, (CALL,))


def _lines_in_maths(expression: Applied, of: Expression) -> str:
    picked = zip(_picked(expression, of), of.shape, strict=True)
    return ", ".join(lines.in_maths(*each) for each in picked)


def _slice_in_numpy(expression: Applied) -> Form:
    rows, columns = (str(expression.settings[side]) for side in ("rows", "columns"))
    key = lines.in_numpy(rows) + (f", {lines.in_numpy(columns)}" if columns else "")
    return Form(f"{{0}}[{key}]", CALL, (CALL,))


def _slice_in_torch(expression: Applied) -> Form:
    """Return the Form in PyTorch, whose slices go ahead only: what goes back is listed."""
    picked = _picked(expression, expression.operands[0])
    if all(each.step > 0 for each in picked):
        return _slice_in_numpy(expression)
    rows, columns = (list(each) for each in picked)
    return Form(f"{{0}}[{rows}][:, {columns}]", CALL, (CALL,))


def _slice_in_r(expression: Applied) -> Form:
    of = expression.operands[0]
    picked, sizes = _picked(expression, of), of.shape
    rows, columns = (
        "" if each == range(size) else lines.in_r(each)
        for each, size in zip(picked, sizes, strict=True)
    )
    # One number for all is a plain number in R, and no matrix.
    drop = "" if expression.is_scalar else ", drop = FALSE"
    return Form(f"{{0}}[{rows}, {columns}{drop}]", CALL, (CALL,))


def _slice_in_excel(expression: Applied) -> Form:
    of = expression.operands[0]
    rows, columns = _picked(expression, of)
    if len(rows) == len(columns) == 1:
        return call(f"INDEX({{0}},{rows[0] + 1},{columns[0] + 1})")
    template = "{0}"
    if len(rows) == 1 and columns == range(of.columns.size):
        return call(f"INDEX({{0}},{rows[0] + 1},0)")
    if len(columns) == 1 and rows == range(of.rows.size):
        return call(f"INDEX({{0}},0,{columns[0] + 1})")
    if rows != range(of.rows.size):
        template = f"MMULT({lines.picking(rows, of.rows.size)},{template})"
    if columns != range(of.columns.size):
        template = f"MMULT({template},{lines.putting(columns, of.columns.size)})"
    return call(template)


def _back_of_slice(
    g: Expression, _: Expression, of: Expression, *like: Expression, rows: str, columns: str
) -> tuple[Expression | None, ...]:
    back = Applied("place", g, of, rows=rows, columns=columns)
    return (back, *(None for _ in like))


# --- Their placement among zeros ----------------------------------------------------------


def _place(x: Array, like: Array, *, rows: str, columns: str) -> Array:
    height, width = np.shape(np.atleast_2d(like))
    result = np.zeros((height, width))
    result[_key(lines.picked(rows, height)), _key(lines.picked(columns, width))] = x
    return result


def _axes_of_place(operands: Sequence[Expression], rows: str, columns: str) -> Axes:
    of, like = operands
    _check_picked(of, axes.of_lines(like, rows, columns), like)
    return like.rows, like.columns


def _put(index: Index, size: int, picked: range) -> Span:
    """Return the Span of the lines that are put, among so many, where others were picked."""
    ahead = 1 if picked.step > 0 else -1
    return stepping(
        index, size, len(picked), step=ahead, first=-ahead * picked[0], per=abs(picked.step)
    )


Where = Callable[[Applied], tuple[range, range]]
"""Says in which rows and columns of the result an operand stands, with zeros elsewhere."""


def _placed(expression: Applied) -> tuple[range, range]:
    return _picked(expression, expression)


def _reads_among_zeros(where: Where) -> Callable[[Applied], tuple[Pattern, ...]]:
    def reads(expression: Applied) -> tuple[Pattern, ...]:
        (rows, columns), (height, width) = where(expression), expression.shape
        return ((_put("row", height, rows), _put("column", width, columns)),)

    return reads


def _cells_among_zeros(where: Where) -> Callable[[Applied, Sequence[CellTexts]], CellTexts]:
    def cells(expression: Applied, operands: Sequence[CellTexts]) -> CellTexts:
        operand, (rows, columns) = operands[0], where(expression)
        height, width = expression.shape
        texts = [["0"] * width for _ in range(height)]
        for i, row in zip(rows, operand.texts, strict=True):
            for j, text in zip(columns, row, strict=True):
                texts[i][j] = text
        return CellTexts(texts, operand.binds)

    return cells


def _form_among_zeros(
    put: Callable[[range, range, tuple[int, int]], Form], where: Where
) -> Callable[[Applied], Form]:
    return lambda expression: put(*where(expression), expression.shape)


def _place_in_maths(expression: Applied) -> Form:
    return call(f"place({{0}}, {_lines_in_maths(expression, expression)})")


def put_in_numpy(rows: range, columns: range, shape: tuple[int, int]) -> Form:
    """Return the Form in NumPy of what is put among zeros of some shape."""
    template, need = "{0}", TIMES
    if rows != range(shape[0]):
        template = f"np.eye({shape[0]})[:, {lines.setting_of(rows, shape[0])}] @ {{0}}"
        need = TIMES + 1
    if columns != range(shape[1]):
        template += f" @ np.eye({shape[1]})[{lines.setting_of(columns, shape[1])}]"
    return Form(template, TIMES, (need,))


def put_in_r(rows: range, columns: range, shape: tuple[int, int]) -> Form:
    """Return the Form in R of what is put among zeros of some shape."""
    template, need = "{0}", MATRIX_TIMES
    if rows != range(shape[0]):
        template = f"diag({shape[0]})[, {lines.in_r(rows)}, drop = FALSE] %*% {{0}}"
        need = MATRIX_TIMES + 1
    if columns != range(shape[1]):
        template += f" %*% diag({shape[1]})[{lines.in_r(columns)}, , drop = FALSE]"
    return Form(template, MATRIX_TIMES, (need,))


def put_in_excel(rows: range, columns: range, shape: tuple[int, int]) -> Form:
    """Return the Form in Excel of what is put among zeros of some shape."""
    template = "{0}"
    if rows != range(shape[0]):
        template = f"MMULT({lines.putting(rows, shape[0])},{template})"
    if columns != range(shape[1]):
        template = f"MMULT({template},{lines.picking(columns, shape[1])})"
    return call(template)


# --- Zeros around -------------------------------------------------------------------------


def _inner(expression: Applied) -> tuple[range, range]:
    """Return the rows and the columns in which what is padded stands."""
    (of,) = expression.operands
    top, left = int(expression.settings["top"]), int(expression.settings["left"])
    return range(top, top + of.rows.size), range(left, left + of.columns.size)


def _pad(x: Array, *, top: int, bottom: int, left: int, right: int) -> Array:
    return np.pad(x, ((top, bottom), (left, right)))


def _padded(axis: Axis, before: int, after: int) -> Axis:
    if not before and not after:
        return axis
    name = "padded" if axis is ONE else axis.name
    return Axis(name, ("",) * before + axis.labels + ("",) * after)


def _axes_of_pad(
    operands: Sequence[Expression], *, top: int, bottom: int, left: int, right: int
) -> Axes:
    if not all(lines.is_key(each) and each >= 0 for each in (top, bottom, left, right)):
        raise InputError("what is padded has a whole number of zeros on each side, 0 or more.")
    (of,) = operands
    return _padded(of.rows, top, bottom), _padded(of.columns, left, right)


def _back_of_pad(
    g: Expression, _: Expression, of: Expression, *, top: int, left: int, **__: int
) -> tuple[Expression]:
    rows = lines.setting_of(range(top, top + of.rows.size), g.rows.size)
    columns = lines.setting_of(range(left, left + of.columns.size), g.columns.size)
    return (Applied("slice", g, of, rows=rows, columns=columns),)


# --- Joined -------------------------------------------------------------------------------


def _join(*parts: Array, axis: int, **_: object) -> Array:
    return np.concatenate([np.atleast_2d(part) for part in parts], axis=axis)


def _axes_of_join(operands: Sequence[Expression], *, axis: int, name: str) -> Axes:
    if axis not in (0, 1):
        raise InputError(f"matrices are joined along axis 0 (rows) or 1 (columns), not {axis}.")
    if not operands:
        raise InputError("there is nothing to join: give one matrix or more.")
    first = operands[0]
    for other in operands[1:]:
        mine, theirs = (each.columns if axis == 0 else each.rows for each in (first, other))
        if not mine.fits(theirs):
            raise ShapeError(
                f"{described(first)} has {mine.size} {mine.name} where {described(other)} has"
                f" {theirs.size} {theirs.name}, so they can't be joined along"
                f" {'rows' if axis == 0 else 'columns'}."
            )
    joined = _joined([each.rows if axis == 0 else each.columns for each in operands], name)
    return (joined, first.columns) if axis == 0 else (first.rows, joined)


def _joined(axes: Sequence[Axis], name: str) -> Axis:
    """Return the Axis of several one after the other: with their labels, where they tell."""
    names = dict.fromkeys(axis.name for axis in axes)
    name = name or ("joined" if ONE in axes else " and ".join(names))
    labels = [label for axis in axes for label in axis.labels]
    if len(set(labels)) == len(labels) and all(labels):
        return Axis(name, tuple(labels))
    return Axis.numbered(name, len(labels))


def _parts(expression: Applied) -> list[range]:
    """Return for each operand which lines of the result are its own."""
    found, start = [], 0
    for operand in expression.operands:
        size = (operand.columns if expression.settings["axis"] else operand.rows).size
        found.append(range(start, start + size))
        start += size
    return found


def _reads_of_join(expression: Applied) -> tuple[Pattern, ...]:
    if expression.settings["axis"]:
        size = expression.columns.size
        return tuple((ROW, _put("column", size, each)) for each in _parts(expression))
    return tuple((_put("row", expression.rows.size, each), COLUMN) for each in _parts(expression))


def _cells_of_join(expression: Applied, operands: Sequence[CellTexts]) -> CellTexts:
    binds = min(operand.binds for operand in operands)
    if expression.settings["axis"]:
        rows = zip(*(operand.texts for operand in operands), strict=True)
        return CellTexts([[text for part in row for text in part] for row in rows], binds)
    return CellTexts([row for operand in operands for row in operand.texts], binds)


def _joined_in(
    template: Callable[[str, bool], str],
) -> Callable[[Applied], Form]:
    """Return what gives the Form of any number of parts: from their list, and whether they are
    side by side.
    """

    def form(expression: Applied) -> Form:
        count = len(expression.operands)
        parts = ", ".join(f"{{{k}}}" for k in range(count))
        return call(template(parts, bool(expression.settings["axis"])), count)

    return form


def _back_of_join(
    g: Expression, _: Expression, *operands: Expression, axis: int, **__: object
) -> tuple[Expression, ...]:
    found, start = [], 0
    for operand in operands:
        of, whole = (operand.columns, g.columns) if axis else (operand.rows, g.rows)
        picked = lines.setting_of(range(start, start + of.size), whole.size)
        side = {"columns" if axis else "rows": picked}
        found.append(Applied("slice", g, operand, **side))
        start += of.size
    return tuple(found)


# --- The table ----------------------------------------------------------------------------

LINES: dict[str, Setting] = {"rows": "", "columns": ""}

MOVEMENTS: tuple[Operation, ...] = (
    Operation(
        "slice",
        _slice,
        reads=_reads_of_slice,
        maths=_slice_in_maths,
        numpy=_slice_in_numpy,
        torch=_slice_in_torch,
        r=_slice_in_r,
        excel=_slice_in_excel,
        cells=_cells_of_slice,
        axes=_axes_of_slice,
        range=ranges.chosen,
        back=_back_of_slice,
        settings=LINES,
        is_linear=True,
    ),
    Operation(
        "place",
        _place,
        reads=_reads_among_zeros(_placed),
        maths=_place_in_maths,
        numpy=_form_among_zeros(put_in_numpy, _placed),
        r=_form_among_zeros(put_in_r, _placed),
        excel=_form_among_zeros(put_in_excel, _placed),
        cells=_cells_among_zeros(_placed),
        axes=_axes_of_place,
        range=ranges.chosen_or_0,
        back=lambda g, _, x, __, **of: (Applied("slice", g, x, **of), None),
        settings=LINES,
        is_linear=True,
    ),
    Operation(
        "pad",
        _pad,
        reads=_reads_among_zeros(_inner),
        maths=call("pad({0})"),
        numpy=call("np.pad({0}, (({top}, {bottom}), ({left}, {right})))"),
        torch=call("torch.nn.functional.pad({0}, ({left}, {right}, {top}, {bottom}))"),
        r=_form_among_zeros(put_in_r, _inner),
        excel=_form_among_zeros(put_in_excel, _inner),
        cells=_cells_among_zeros(_inner),
        axes=_axes_of_pad,
        range=ranges.chosen_or_0,
        back=_back_of_pad,
        settings={"top": 0, "bottom": 0, "left": 0, "right": 0},
        is_linear=True,
    ),
    Operation(
        "join",
        _join,
        reads=_reads_of_join,
        maths=_joined_in(lambda parts, aside: f"[{parts if aside else parts.replace(',', ';')}]"),
        numpy=_joined_in(lambda parts, aside: f"np.concatenate([{parts}], axis={int(aside)})"),
        torch=_joined_in(lambda parts, aside: f"torch.cat([{parts}], dim={int(aside)})"),
        r=_joined_in(lambda parts, aside: f"{'cbind' if aside else 'rbind'}({parts})"),
        excel=_joined_in(
            lambda parts, aside: f"{'HSTACK' if aside else 'VSTACK'}({parts.replace(' ', '')})"
        ),
        cells=_cells_of_join,
        axes=_axes_of_join,
        range=lambda _, operands: ranges.widened(*operands),
        back=_back_of_join,
        settings={"axis": 0, "name": ""},
    ),
)
