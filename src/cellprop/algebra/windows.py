"""The table of windows that move over a matrix: convolution, and pooling.

A convolution is a cross-correlation, as networks have it: the kernel is not turned. Its adjoints
are sums of the same products: that by the kernel is the matrix convolved with what comes back, and
that by the matrix has an operation of its own. Of numbers in a window that are alike but for
rounding the first is the largest, and what comes back goes to it. An operand that only lends its
axes stands last and is not read.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from cellprop.algebra import ranges
from cellprop.algebra.cells import SPELLED_OUT, lines, span, wrapped
from cellprop.algebra.decisions import TOLERANCE
from cellprop.algebra.expressions import (
    ONE,
    Applied,
    Array,
    Axis,
    CellTexts,
    Expression,
    Form,
    Operation,
    Range,
    Setting,
)
from cellprop.algebra.lines import is_key
from cellprop.algebra.movement import put_in_excel, put_in_numpy, put_in_r
from cellprop.algebra.notation import CALL, PLUS, TIMES, call, described
from cellprop.algebra.spans import NOT_READ, Index, Pattern, Span, stepping
from cellprop.errors import InputError, ShapeError

Axes = tuple[Axis, Axis]


@dataclass(frozen=True)
class Side:
    """How windows move along one axis of a matrix: window `i` has, as its line `a`, the line
    `stride × i + apart × a − before` of the matrix.

    Attributes:
        size: How many lines the matrix has.
        window: How many lines a window has.
        stride: How far windows are from one another.
        apart: How far lines of a window are from one another.
        before: How many lines of zeros stand before the matrix.
        count: How many windows there are.
    """

    size: int
    window: int
    stride: int = 1
    apart: int = 1
    before: int = 0
    count: int = 0

    @property
    def reach(self) -> int:
        """From the first line of a window to its last, in lines of the matrix."""
        return self.apart * (self.window - 1)

    def line(self, i: int, a: int) -> int:
        """Return which line of the matrix is one of a window; it need not be there."""
        return self.stride * i + self.apart * a - self.before

    def within(self, i: int) -> list[int]:
        """Return the lines of a window that lie on the matrix."""
        return [a for a in range(self.window) if 0 <= self.line(i, a) < self.size]

    def on_matrix(self, a: int, count: int) -> tuple[slice, slice]:
        """Return which of so many windows have a line of theirs on the matrix, and where."""
        first = max(0, -(self.line(0, a) // self.stride))
        last = min(count - 1, (self.size - 1 - self.line(0, a)) // self.stride)
        if last < first:
            return slice(0, 0), slice(0, 0)
        lines = slice(self.line(first, a), self.line(last, a) + 1, self.stride)
        return slice(first, last + 1), lines

    # --- Which lines are read

    def of_matrix(self, index: Index) -> Span:
        """Return the Span of the lines of the matrix that a window has."""
        return stepping(
            index, self.count, self.size,
            step=self.stride, first=-self.before, count=self.window, apart=self.apart,
        )  # fmt: skip

    def of_window(self, index: Index) -> Span:
        """Return the Span of the lines of a window that lie on the matrix."""
        return stepping(
            index, self.count, self.window,
            step=-self.stride, first=self.before, count=self.size, per=self.apart,
        )  # fmt: skip

    def of_windows(self, index: Index) -> Span:
        """Return the Span of the windows that have a line of the matrix."""
        return stepping(
            index, self.size, self.count,
            first=self.before - self.reach, count=self.window, apart=self.apart, per=self.stride,
        )  # fmt: skip

    def of_lines(self, index: Index) -> Span:
        """Return the Span of the lines as which windows have a line of the matrix."""
        return stepping(
            index, self.size, self.window,
            first=self.before - self.stride * (self.count - 1), count=self.count,
            apart=self.stride, per=self.apart,
        )  # fmt: skip


def _counted(size: int, window: int, stride: int, apart: int, before: int) -> int:
    return (size + 2 * before - apart * (window - 1) - 1) // stride + 1


def _sides(
    shape: Sequence[int], window: Sequence[int], told: dict[str, Setting], counts: Sequence[int]
) -> tuple[Side, Side]:
    """Return how windows move down and across a matrix."""
    down, across = (
        Side(
            shape[k],
            window[k],
            int(told[("down", "across")[k]]),
            int(told.get(("apart_down", "apart_across")[k], 1)),
            int(told.get(("top", "left")[k], 0)),
            counts[k],
        )
        for k in (0, 1)
    )
    return down, across


def _shape(expression: Expression) -> tuple[int, int]:
    return expression.rows.size, expression.columns.size


# --- Axes ---------------------------------------------------------------------------------


def _axis(axis: Axis, count: int) -> Axis:
    """Return the Axis of windows: where there are as many as lines, each is that of a line."""
    if count == axis.size:
        return axis
    return ONE if count == 1 and axis is ONE else Axis.numbered(axis.name, count)


def _axes_of_windows(
    of: Expression, window: tuple[int, int], what: str, told: dict[str, Setting]
) -> Axes:
    """Return the Axes of windows over a matrix.

    Raises
    ------
    InputError
        If they can't move so.
    ShapeError
        If there is none.
    """
    for name, value in told.items():
        least = 0 if name in ("top", "left") else 1
        if not is_key(value) or int(value) < least:
            raise InputError(f"windows move by whole numbers of {least} or more, not {value}.")
    found = []
    for side, size, k in zip(("rows", "columns"), window, (0, 1), strict=True):
        axis = (of.rows, of.columns)[k]
        moved = _sides(_shape(of), window, told, (0, 0))[k]
        count = _counted(axis.size, size, moved.stride, moved.apart, moved.before)
        if count < 1:
            padded = f" with {moved.before} zeros on each side" if moved.before else ""
            raise ShapeError(
                f"{what} has {size} {side}, more than the {axis.size} of {described(of)}{padded}."
            )
        if moved.before > moved.reach:
            raise InputError(
                f"with {moved.before} zeros on each side some windows of {size} {side} have"
                f" nothing of {described(of)}: take {moved.reach} at most."
            )
        found.append(_axis(axis, count))
    return found[0], found[1]


# --- Texts for whole matrices -------------------------------------------------------------

WINDOWS = "np.lib.stride_tricks.sliding_window_view"


def _windows_in_numpy(down: Side, across: Side, matrix: str) -> str:
    """Return all windows of a matrix in NumPy, as an array with four axes."""
    keys = []
    for side in (down, across):
        last = side.stride * (side.count - 1) + 1
        is_whole = side.stride == 1 and side.count == side.size + 2 * side.before - side.reach
        keys.append(":" if is_whole else f":{last}" + f":{side.stride}" * (side.stride > 1))
    keys += [f"::{side.apart}" if side.apart > 1 else ":" for side in (down, across)]
    while keys and keys[-1] == ":":
        keys.pop()
    key = f"[{', '.join(keys)}]" if keys else ""
    return f"{WINDOWS}({matrix}, ({down.reach + 1}, {across.reach + 1})){key}"


def _windows_in_r(down: Side, across: Side, summed: str, operands: str) -> str:
    """Return what is computed of each window of `x` in R."""
    starts = ", ".join(
        f"1:{side.count}"
        if side.stride == 1
        else f"seq(1, by = {side.stride}, length.out = {side.count})"
        for side in (down, across)
    )
    lines = ", ".join(
        f"{name} + " + (f"{side.apart} * " if side.apart > 1 else "") + f"0:{side.window - 1}"
        for name, side in (("i", down), ("j", across))
    )
    arguments = "x, k" if "k" in summed.replace("x[", "") else "x"
    function = f"function(i, j) {summed.replace('x[]', f'x[{lines}]')}"
    return f"(function({arguments}) outer({starts}, Vectorize({function})))({operands})"


def _windows_in_excel(down: Side, across: Side, summed: str, matrix: str) -> str:
    """Return what is computed of each window in Excel, by its place."""
    places = []
    for name, side, shape in (("i", down, "{},1"), ("j", across, "1,{}")):
        start = name if side.stride == 1 else f"{side.stride}*{name}-{side.stride - 1}"
        apart = f",{side.apart}" if side.apart > 1 else ""
        places.append(f"{start}+SEQUENCE({shape.format(side.window)},0{apart})")
    window = f"INDEX({matrix},{','.join(places)})"
    return f"MAKEARRAY({down.count},{across.count},LAMBDA(i,j,{summed.format(window)}))"


# --- Convolution --------------------------------------------------------------------------


def _told(expression: Applied) -> dict[str, Setting]:
    return dict(expression.settings)


def _sides_of_convolution(expression: Applied) -> tuple[Side, Side]:
    of, kernel = expression.operands[:2]
    return _sides(_shape(of), _shape(kernel), _told(expression), _shape(expression))


def _convolve(x: Array, kernel: Array, like: Array | None = None, **told: int) -> Array:
    x, kernel = np.atleast_2d(x), np.atleast_2d(kernel)
    sides = _sides(x.shape, kernel.shape, {**told}, (0, 0))
    counts = [_counted(s.size, s.window, s.stride, s.apart, s.before) for s in sides]
    if like is not None:
        counts = list(np.atleast_2d(like).shape)
    total = np.zeros(counts)
    for a, b in np.ndindex(kernel.shape):
        # Only where it lies on the matrix: a number that is missing is none of the others.
        (to_row, rows), (to_column, columns) = (
            side.on_matrix(k, count) for side, k, count in zip(sides, (a, b), counts, strict=True)
        )
        total[to_row, to_column] += x[rows, columns] * kernel[a, b]
    return total


def _moved(side: Side, a: int, count: int) -> slice:
    """Return which lines of a padded matrix all windows have as one of theirs."""
    first = side.apart * a
    return slice(first, first + side.stride * (count - 1) + 1, side.stride)


def _axes_of_convolution(operands: Sequence[Expression], **told: Setting) -> Axes:
    of, kernel, *like = operands
    if like:
        return like[0].rows, like[0].columns
    return _axes_of_windows(of, _shape(kernel), described(kernel), told)


def _reads_of_convolution(expression: Applied) -> tuple[Pattern, ...]:
    down, across = _sides_of_convolution(expression)
    return (
        (down.of_matrix("row"), across.of_matrix("column")),
        (down.of_window("row"), across.of_window("column")),
    )


Pair = tuple[tuple[int, int], tuple[int, int]]


def _cells_of_convolution(expression: Applied, operands: Sequence[CellTexts]) -> CellTexts:
    down, across = _sides_of_convolution(expression)

    def pairs(i: int, j: int) -> list[Pair]:
        return [
            ((down.line(i, a), across.line(j, b)), (a, b))
            for a, b in product(down.within(i), across.within(j))
        ]

    dense = down.apart == across.apart == 1
    return _sums(expression, operands, pairs, has_ranges=dense)


def _sums(
    expression: Applied,
    operands: Sequence[CellTexts],
    pairs: Callable[[int, int], list[Pair]],
    *,
    has_ranges: bool = False,
) -> CellTexts:
    """Return sums of products, which are spelled out, or of ranges where they are long.

    `pairs`: for a cell, which cells of the first operand belong to which of the second;
    `has_ranges`: whether both are next to each other.
    """
    first, second = operands[:2]
    has_ranges = has_ranges and first.lies is not None and first.lies == second.lies
    left, right = wrapped(first, TIMES), wrapped(second, TIMES + 1)

    def text(i: int, j: int) -> str:
        found = pairs(i, j)
        if has_ranges and len(found) > SPELLED_OUT:
            (top, bottom), texts = (found[0], found[-1]), (left, right)
            ends = (
                span(of[top[k][0]][top[k][1]], of[bottom[k][0]][bottom[k][1]])
                for k, of in enumerate(texts)
            )
            return f"SUMPRODUCT({','.join(ends)})"
        return "+".join(f"{left[r][c]}*{right[a][b]}" for (r, c), (a, b) in found) or "0"

    rows, columns = _shape(expression)
    are_single = all(len(pairs(i, j)) <= 1 for i, j in np.ndindex(rows, columns))
    texts = [[text(i, j) for j in range(columns)] for i in range(rows)]
    return CellTexts(texts, TIMES if are_single else PLUS)


def _padding(expression: Applied) -> tuple[range, range, tuple[int, int]]:
    """Return where a matrix stands in one with zeros around it, and the shape of that."""
    down, across = _sides_of_convolution(expression)
    rows, columns = (range(s.before, s.before + s.size) for s in (down, across))
    return rows, columns, (down.size + 2 * down.before, across.size + 2 * across.before)


def _convolution_in_numpy(expression: Applied) -> Form:
    down, across = _sides_of_convolution(expression)
    matrix = "{0}"
    if down.before or across.before:
        top, left = down.before, across.before
        matrix = f"np.pad({{0}}, (({top}, {top}), ({left}, {left})))"
    windows = _windows_in_numpy(down, across, matrix)
    return Form(f'np.einsum("ijab,ab->ij", {windows}, {{1}})', CALL, (0, 0))


def _convolution_in_r(expression: Applied) -> Form:
    down, across = _sides_of_convolution(expression)
    rows, columns, shape = _padding(expression)
    matrix, needs = "{0}", 0
    if down.before or across.before:
        form = put_in_r(rows, columns, shape)
        matrix, needs = form.template, form.needs[0]
    text = _windows_in_r(down, across, "sum(x[] * k)", f"{matrix}, {{1}}")
    return Form(text, CALL, (needs, 0))


def _convolution_in_excel(expression: Applied) -> Form:
    down, across = _sides_of_convolution(expression)
    rows, columns, shape = _padding(expression)
    matrix = put_in_excel(rows, columns, shape).template
    return Form(
        _windows_in_excel(down, across, "SUM({}*{{1}})", matrix),
        CALL,
        (0, TIMES + 1),
    )


def _range_of_sums(expression: Applied, operands: Sequence[Range]) -> Range:
    """Return the Range of sums of as many products as a kernel has numbers, or fewer."""
    kernel = expression.operands[1]
    least, most = ranges.of_products(operands[:2])
    count = kernel.rows.size * kernel.columns.size
    return ranges.widened((0.0, 0.0), (least * count, most * count))


def _back_of_convolution(
    g: Expression, _: Expression, of: Expression, kernel: Expression, *like: Expression, **told: int
) -> tuple[Expression | None, ...]:
    turned = {
        **told,
        "down": told["apart_down"], "across": told["apart_across"],
        "apart_down": told["down"], "apart_across": told["across"],
    }  # fmt: skip
    by_matrix = Applied("convolve_back", g, kernel, of, **told)
    by_kernel = Applied("convolve", of, g, kernel, **turned)
    return (by_matrix, by_kernel, *(None for _ in like))


# --- What goes back to what is convolved --------------------------------------------------


def _sides_back(expression: Applied) -> tuple[Side, Side]:
    g, kernel = expression.operands[:2]
    return _sides(_shape(expression), _shape(kernel), _told(expression), _shape(g))


def _convolve_back(g: Array, kernel: Array, like: Array, **told: int) -> Array:
    g, kernel, like = np.atleast_2d(g), np.atleast_2d(kernel), np.atleast_2d(like)
    sides = _sides(like.shape, kernel.shape, {**told}, g.shape)
    sizes = [max(s.size + 2 * s.before, s.reach + s.stride * (s.count - 1) + 1) for s in sides]
    total = np.zeros(sizes)
    for a, b in np.ndindex(kernel.shape):
        total[_moved(sides[0], a, g.shape[0]), _moved(sides[1], b, g.shape[1])] += g * kernel[a, b]
    top, left = sides[0].before, sides[1].before
    return total[top : top + like.shape[0], left : left + like.shape[1]]


def _reads_back(expression: Applied) -> tuple[Pattern, ...]:
    down, across = _sides_back(expression)
    return (
        (down.of_windows("row"), across.of_windows("column")),
        (down.of_lines("row"), across.of_lines("column")),
    )


def _having(side: Side, line: int) -> list[tuple[int, int]]:
    """Return the windows that have a line of the matrix, each with the line of it that it is: in
    the order of the lines.
    """
    found = []
    for a in range(side.window):
        i, rest = divmod(line + side.before - side.apart * a, side.stride)
        if not rest and 0 <= i < side.count:
            found.append((i, a))
    return found


def _cells_back(expression: Applied, operands: Sequence[CellTexts]) -> CellTexts:
    down, across = _sides_back(expression)

    def pairs(r: int, c: int) -> list[Pair]:
        return [
            ((i, j), (a, b)) for (i, a), (j, b) in product(_having(down, r), _having(across, c))
        ]

    return _sums(expression, operands, pairs)


def _spread_out(expression: Applied) -> tuple[Side, Side, range, range, tuple[int, int]]:
    """Return the convolution with the turned kernel that has the same result: how its windows
    move, and where in its matrix, of some shape, what comes back stands among zeros.
    """
    sides, starts, sizes = [], [], []
    for side in _sides_back(expression):
        size = side.size + side.reach
        first = side.reach - side.before
        starts.append(range(first, first + side.stride * (side.count - 1) + 1, side.stride))
        sizes.append(size)
        sides.append(Side(size, side.window, apart=side.apart, count=side.size))
    return sides[0], sides[1], starts[0], starts[1], (sizes[0], sizes[1])


def _back_in_numpy(expression: Applied) -> Form:
    down, across, rows, columns, shape = _spread_out(expression)
    form = put_in_numpy(rows, columns, shape)
    windows = _windows_in_numpy(down, across, form.template)
    needs = form.needs[0] if form.template != "{0}" else 0
    text = f'np.einsum("ijab,ab->ij", {windows}, {{1}}[::-1, ::-1])'
    return Form(text, CALL, (needs, CALL))


def _back_in_r(expression: Applied) -> Form:
    down, across, rows, columns, shape = _spread_out(expression)
    form = put_in_r(rows, columns, shape)
    needs = form.needs[0] if form.template != "{0}" else 0
    turned = f"{{1}}[{down.window}:1, {across.window}:1, drop = FALSE]"
    text = _windows_in_r(down, across, "sum(x[] * k)", f"{form.template}, {turned}")
    return Form(text, CALL, (needs, CALL))


def _back_in_excel(expression: Applied) -> Form:
    down, across, rows, columns, shape = _spread_out(expression)
    matrix = put_in_excel(rows, columns, shape).template
    height, width = down.window, across.window
    turned = f"INDEX({{1}},SEQUENCE({height},1,{height},-1),SEQUENCE(1,{width},{width},-1))"
    text = _windows_in_excel(down, across, "SUM({}*KERNEL)", matrix)
    return Form(text.replace("KERNEL", turned), CALL, (0, 0))


def _back_of_back(
    g: Expression, _: Expression, came: Expression, kernel: Expression, __: Expression, **told: int
) -> tuple[Expression | None, ...]:
    turned = {
        **told,
        "down": told["apart_down"], "across": told["apart_across"],
        "apart_down": told["down"], "apart_across": told["across"],
    }  # fmt: skip
    by_came = Applied("convolve", g, kernel, came, **told)
    return by_came, Applied("convolve", g, came, kernel, **turned), None


# --- Pooling ------------------------------------------------------------------------------


def _window(told: dict[str, Setting]) -> tuple[int, int]:
    return int(told["height"]), int(told["width"])


def _sides_of_pool(expression: Applied) -> tuple[Side, Side]:
    told = _told(expression)
    return _sides(_shape(expression.operands[0]), _window(told), told, _shape(expression))


def _axes_of_pool(operands: Sequence[Expression], **told: Setting) -> Axes:
    for size in (told["height"], told["width"]):
        if not is_key(size) or int(size) < 1:
            raise InputError(f"a window has a whole number of rows and columns, not {size}.")
    return _axes_of_windows(operands[0], _window(told), "a window", told)


def _reads_of_pool(expression: Applied) -> tuple[Pattern, ...]:
    down, across = _sides_of_pool(expression)
    return ((down.of_matrix("row"), across.of_matrix("column")),)


def _windows(x: Array, told: dict[str, int]) -> list[Array]:
    """Return for each place in a window the numbers that all windows have there."""
    x = np.atleast_2d(x)
    sides = _sides(x.shape, _window({**told}), {**told}, (0, 0))
    counts = [_counted(s.size, s.window, s.stride, s.apart, s.before) for s in sides]
    return [
        x[_moved(sides[0], a, counts[0]), _moved(sides[1], b, counts[1])]
        for a, b in product(range(sides[0].window), range(sides[1].window))
    ]


def _max_pool(x: Array, **told: int) -> Array:
    found: Array = np.maximum.reduce(_windows(x, told))
    return found


def _sum_pool(x: Array, **told: int) -> Array:
    first, *others = _windows(x, told)
    total = first.copy()
    for each in others:
        total += each
    return total


def _texts_of_windows(expression: Applied, texts: list[list[str]]) -> list[list[str]]:
    """Return the texts of each window, row by row; the windows one after another, as well."""
    down, across = _sides_of_pool(expression)
    return [
        [
            texts[down.line(i, a)][across.line(j, b)]
            for a, b in product(range(down.window), range(across.window))
        ]
        for i, j in product(range(down.count), range(across.count))
    ]


def _by_windows(expression: Applied, texts: Sequence[str], binds: int) -> CellTexts:
    rows, columns = _shape(expression)
    return CellTexts([list(texts[i * columns : (i + 1) * columns]) for i in range(rows)], binds)


def _pooled(function: str) -> Callable[[Applied, Sequence[CellTexts]], CellTexts]:
    """Return the CellForm of `MAX` or `SUM` of each window."""

    def cells(expression: Applied, operands: Sequence[CellTexts]) -> CellTexts:
        (operand,) = operands
        windows = _texts_of_windows(expression, operand.texts)
        return _by_windows(expression, *lines(function, operand, windows))

    return cells


def _pool_in_numpy(method: str) -> Callable[[Applied], Form]:
    def form(expression: Applied) -> Form:
        windows = _windows_in_numpy(*_sides_of_pool(expression), "{0}")
        return Form(f"{windows}.{method}", CALL, (0,))

    return form


def _pool_in_r(summed: str) -> Callable[[Applied], Form]:
    def form(expression: Applied) -> Form:
        return Form(_windows_in_r(*_sides_of_pool(expression), summed, "{0}"), CALL, (0,))

    return form


def _pool_in_excel(function: str) -> Callable[[Applied], Form]:
    def form(expression: Applied) -> Form:
        text = _windows_in_excel(*_sides_of_pool(expression), f"{function}({{}})", "{0}")
        return Form(text, CALL, (0,))

    return form


def _of_all_in_window(expression: Applied, operands: Sequence[Range]) -> Range:
    count = int(expression.settings["height"]) * int(expression.settings["width"])
    return operands[0][0] * count, operands[0][1] * count


def _back_of_max(g: Expression, _: Expression, of: Expression, **told: int) -> tuple[Expression]:
    return (Applied("unpool", g, Applied("largest_in_windows", of, **told), of, **told),)


# --- Where the largest number of a window stands ------------------------------------------

# By which share of it a number may be less than another and still counts as being as large;
# written out, since HyperFormula reads no number with an `E`.
_NEARLY = "0.000000000001"


def _largest_in_windows(x: Array, **told: int) -> Array:
    return _first_largest(_windows(x, told))[1] + 1.0


def _first_largest(numbers: Sequence[Array]) -> tuple[Array, Array]:
    """Return the largest number, and its place from 0: in the first half, or else in the second."""
    if len(numbers) == 1:
        return numbers[0], np.zeros(numbers[0].shape)
    middle = (len(numbers) + 1) // 2
    (left, first), (right, second) = map(_first_largest, (numbers[:middle], numbers[middle:]))
    is_first = left >= right - TOLERANCE * np.abs(right)
    return np.maximum(left, right), np.where(is_first, first, middle + second)


def _largest_of(texts: Sequence[str], first: int = 1) -> str:
    if len(texts) == 1:
        return str(first)
    middle = (len(texts) + 1) // 2
    left, right = (_most(half) for half in (texts[:middle], texts[middle:]))
    return (
        f"IF({left}>={right}-{_NEARLY}*ABS({right}),"
        f"{_largest_of(texts[:middle], first)},{_largest_of(texts[middle:], first + middle)})"
    )


def _most(texts: Sequence[str]) -> str:
    return texts[0] if len(texts) == 1 else f"MAX({','.join(texts)})"


def _cells_of_largest(expression: Applied, operands: Sequence[CellTexts]) -> CellTexts:
    (operand,) = operands
    windows = _texts_of_windows(expression, wrapped(operand, PLUS + 1))
    return _by_windows(expression, list(map(_largest_of, windows)), CALL)


def _reads_of_largest(expression: Applied) -> tuple[Pattern, ...]:
    # The only number of a window is the largest, whatever it is.
    is_alone = _window(_told(expression)) == (1, 1)
    return (NOT_READ,) if is_alone else _reads_of_pool(expression)


def _largest_in_numpy(expression: Applied) -> Form:
    down, across = _sides_of_pool(expression)
    windows = _windows_in_numpy(down, across, "{0}")
    text = f"{windows}.reshape({down.count}, {across.count}, -1).argmax(axis=2) + 1"
    return Form(text, PLUS, (0,))


def _largest_in_excel(expression: Applied) -> Form:
    found = "XMATCH(MAX({0}),TOROW({0}))"
    text = _windows_in_excel(*_sides_of_pool(expression), found, "OPERAND")
    return Form(text.replace("OPERAND", "{0}"), CALL, (0,))


# --- What goes back to windows ------------------------------------------------------------


def _sides_of_unpool(expression: Applied) -> tuple[Side, Side]:
    told = _told(expression)
    return _sides(_shape(expression), _window(told), told, _shape(expression.operands[0]))


def _unpool(g: Array, *others: Array, **told: int) -> Array:
    """Return zeros of the last operand's shape with each number added where its window is; or, of
    three operands, in one place of the window.
    """
    at, like = others[0] if len(others) == 2 else None, np.atleast_2d(others[-1])
    height, width = _window({**told})
    sides = _sides(like.shape, (height, width), {**told}, g.shape)
    total = np.zeros(like.shape)
    for place, (a, b) in enumerate(product(range(height), range(width)), 1):
        taken = g if at is None else np.where(at == place, g, 0.0)
        total[_moved(sides[0], a, g.shape[0]), _moved(sides[1], b, g.shape[1])] += taken
    return total


def _reads_of_unpool(expression: Applied) -> tuple[Pattern, ...]:
    down, across = _sides_of_unpool(expression)
    pattern = down.of_windows("row"), across.of_windows("column")
    return (pattern,) * (len(expression.operands) - 1)


def _cells_of_unpool(expression: Applied, operands: Sequence[CellTexts]) -> CellTexts:
    down, across = _sides_of_unpool(expression)
    has_place = len(operands) == 3
    came = operands[0].texts if has_place else wrapped(operands[0], PLUS)
    places = operands[1].texts

    def term(window: tuple[int, int], line: tuple[int, int]) -> str:
        (i, j), (a, b) = window, line
        if not has_place:
            return came[i][j]
        return f"IF({places[i][j]}={a * across.window + b + 1},{came[i][j]},0)"

    def terms(r: int, c: int) -> list[str]:
        windows = product(_having(down, r), _having(across, c))
        return [term((i, j), (a, b)) for (i, a), (j, b) in windows]

    rows, columns = _shape(expression)
    found = [[terms(r, c) for c in range(columns)] for r in range(rows)]
    alone = CALL if has_place or operands[0].binds < PLUS else operands[0].binds
    are_single = all(len(each) <= 1 for row in found for each in row)
    texts = [["+".join(each) or "0" for each in row] for row in found]
    return CellTexts(texts, alone if are_single else PLUS)


def _unpool_in_numpy(expression: Applied) -> Form:
    down, across = _sides_of_unpool(expression)
    of, has_place = "{0}", len(expression.operands) == 3
    if has_place:
        of = f"({{0}} * ({{1}} == {across.window} * a + b + 1))"
    rows, columns = (
        f"{name}:{name} + {side.stride * (side.count - 1) + 1}"
        + f":{side.stride}" * (side.stride > 1)
        for name, side in (("a", down), ("b", across))
    )
    text = (
        f"sum(np.eye({down.size})[:, {rows}] @ {of} @ np.eye({across.size})[{columns}]"
        f" for a in range({down.window}) for b in range({across.window}))"
    )
    return Form(text, CALL, (TIMES, PLUS) if has_place else (TIMES + 1,))


def _unpool_in_r(expression: Applied) -> Form:
    down, across = _sides_of_unpool(expression)
    of, has_place = "{0}", len(expression.operands) == 3
    if has_place:
        of = "({0} * ({1} == k + 1))"
    width = across.window
    rows, columns = (
        f"{start} + seq(1, by = {side.stride}, length.out = {side.count})"
        for start, side in ((f"k %/% {width}", down), (f"k %% {width}", across))
    )
    text = (
        f'Reduce("+", lapply(0:{down.window * width - 1}, function(k)'
        f" diag({down.size})[, {rows}, drop = FALSE] %*% {of}"
        f" %*% diag({across.size})[{columns}, , drop = FALSE]))"
    )
    return Form(text, CALL, (TIMES, PLUS) if has_place else (TIMES + 6,))


def _unpool_in_excel(expression: Applied) -> Form:
    down, across = _sides_of_unpool(expression)
    has_place = len(expression.operands) == 3
    place = f"*({{1}}={across.window}*a+b+1)" if has_place else ""
    text = (
        f"MAKEARRAY({down.size},{across.size},LAMBDA(i,j,LET("
        f"a,i-SEQUENCE({down.count},1,1,{down.stride}),"
        f"b,j-SEQUENCE(1,{across.count},1,{across.stride}),"
        f"SUM({{0}}*(a>=0)*(a<{down.window})*(b>=0)*(b<{across.window}){place}))))"
    )
    return Form(text, CALL, (TIMES, PLUS))


def _range_of_unpool(expression: Applied, operands: Sequence[Range]) -> Range:
    return ranges.widened((0.0, 0.0), _of_all_in_window(expression, operands))


def _back_of_unpool(
    g: Expression, _: Expression, *operands: Expression, **told: int
) -> tuple[Expression | None, ...]:
    if len(operands) == 3:
        raise InputError("what goes back to the largest number of a window has no derivative")
    return Applied("sum_pool", g, **told), None


# --- The table ----------------------------------------------------------------------------

MOVES: dict[str, Setting] = {
    "down": 1, "across": 1, "top": 0, "left": 0, "apart_down": 1, "apart_across": 1,
}  # fmt: skip
POOLS: dict[str, Setting] = {"height": 2, "width": 2, "down": 2, "across": 2}

WINDOWED: tuple[Operation, ...] = (
    Operation(
        "convolve",
        _convolve,
        reads=_reads_of_convolution,
        maths=call("conv({0}, {1})"),
        numpy=_convolution_in_numpy,
        r=_convolution_in_r,
        excel=_convolution_in_excel,
        cells=_cells_of_convolution,
        axes=_axes_of_convolution,
        range=_range_of_sums,
        back=_back_of_convolution,
        settings=MOVES,
        is_linear=True,
    ),
    Operation(
        "convolve_back",
        _convolve_back,
        reads=_reads_back,
        maths=call("convᵀ({0}, {1})"),
        numpy=_back_in_numpy,
        r=_back_in_r,
        excel=_back_in_excel,
        cells=_cells_back,
        axes=lambda operands, **_: (operands[2].rows, operands[2].columns),
        range=_range_of_sums,
        back=_back_of_back,
        settings=MOVES,
        is_linear=True,
    ),
    Operation(
        "max_pool",
        _max_pool,
        reads=_reads_of_pool,
        maths=call("maxpool({0})"),
        numpy=_pool_in_numpy("max(axis=(2, 3))"),
        r=_pool_in_r("max(x[])"),
        excel=_pool_in_excel("MAX"),
        cells=_pooled("MAX"),
        axes=_axes_of_pool,
        range=ranges.chosen,
        back=_back_of_max,
        settings=POOLS,
    ),
    Operation(
        "sum_pool",
        _sum_pool,
        reads=_reads_of_pool,
        maths=call("sumpool({0})"),
        numpy=_pool_in_numpy("sum(axis=(2, 3))"),
        r=_pool_in_r("sum(x[])"),
        excel=_pool_in_excel("SUM"),
        cells=_pooled("SUM"),
        axes=_axes_of_pool,
        range=_of_all_in_window,
        back=lambda g, _, of, **told: (Applied("unpool", g, of, **told),),
        settings=POOLS,
        is_linear=True,
    ),
    Operation(
        "largest_in_windows",
        _largest_in_windows,
        reads=_reads_of_largest,
        maths=call("argmaxpool({0})"),
        numpy=_largest_in_numpy,
        r=_pool_in_r("which.max(t(x[]))"),
        excel=_largest_in_excel,
        cells=_cells_of_largest,
        axes=_axes_of_pool,
        range=lambda expression, _: (1.0, float(np.prod(_window(_told(expression))))),
        settings=POOLS,
    ),
    Operation(
        "unpool",
        _unpool,
        reads=_reads_of_unpool,
        maths=lambda expression: call(
            "unpool({0}, {1})" if len(expression.operands) == 3 else "unpool({0})"
        ),
        numpy=_unpool_in_numpy,
        r=_unpool_in_r,
        excel=_unpool_in_excel,
        cells=_cells_of_unpool,
        axes=lambda operands, **_: (operands[-1].rows, operands[-1].columns),
        range=_range_of_unpool,
        back=_back_of_unpool,
        settings=POOLS,
        is_linear=True,
    ),
)
