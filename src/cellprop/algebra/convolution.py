"""The table of convolutions, and of what goes back through them.

A convolution is a cross-correlation, as networks have it: the kernel is not turned. Its adjoints
are sums of the same products: that by the kernel is the matrix convolved with what comes back, and
that by the matrix has an operation of its own. An operand that only lends its axes stands last and
is not read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import product

import numpy as np

from cellprop.algebra import ranges
from cellprop.algebra.cells import SPELLED_OUT, span, wrapped
from cellprop.algebra.expressions import (
    Applied,
    Array,
    CellTexts,
    Expression,
    Form,
    Operation,
    Range,
    Setting,
)
from cellprop.algebra.movement import put_in_excel, put_in_numpy, put_in_r
from cellprop.algebra.notation import CALL, PLUS, TIMES, call, described
from cellprop.algebra.spans import Pattern
from cellprop.algebra.windows import (
    Axes,
    Side,
    axes_of_windows,
    check_goes_back,
    check_moves,
    sides_of,
    windows_in_excel,
    windows_in_numpy,
    windows_in_r,
)
from cellprop.errors import ShapeError

# --- Convolution --------------------------------------------------------------------------


def _sides_of_convolution(expression: Applied) -> tuple[Side, Side]:
    of, kernel = expression.operands[:2]
    return sides_of(of.shape, kernel.shape, expression.settings, expression.shape)


def _convolve(x: Array, kernel: Array, like: Array | None = None, **told: int) -> Array:
    x, kernel = np.atleast_2d(x), np.atleast_2d(kernel)
    sides = sides_of(x.shape, kernel.shape, told, (0, 0))
    counts = [side.most for side in sides]
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


def _axes_of_convolution(operands: Sequence[Expression], **told: Setting) -> Axes:
    of, kernel, *like = operands
    if like:
        return _axes_of_part(of, kernel, like[0], told)
    return axes_of_windows(of, kernel.shape, described(kernel), told)


def _axes_of_part(
    of: Expression, kernel: Expression, like: Expression, told: Mapping[str, Setting]
) -> Axes:
    """Return the Axes of a matrix, of no more rows and columns than windows there are: as of a
    kernel, where windows over the matrix have what comes back as theirs.
    """
    check_moves(told)
    for side in sides_of(of.shape, kernel.shape, told, like.shape):
        if side.most < side.count:
            raise ShapeError(f"{described(of)} has fewer windows than {described(like)} numbers.")
    return like.rows, like.columns


def _axes_back(operands: Sequence[Expression], **told: Setting) -> Axes:
    came, kernel, like = operands
    of = axes_of_windows(like, kernel.shape, described(kernel), told)
    return check_goes_back(came, of, like)


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

    rows, columns = expression.shape
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
    windows = windows_in_numpy(down, across, matrix)
    return Form(f'np.einsum("ijab,ab->ij", {windows}, {{1}})', CALL, (0, 0))


def _convolution_in_torch(expression: Applied) -> Form:
    down, across = _sides_of_convolution(expression)
    told = {
        "stride": (down.stride, across.stride),
        "padding": (down.before, across.before),
        "dilation": (down.apart, across.apart),
    }
    usual = {"stride": (1, 1), "padding": (0, 0), "dilation": (1, 1)}
    more = "".join(f", {name}={pair}" for name, pair in told.items() if pair != usual[name])
    text = f"torch.nn.functional.conv2d({{0}}[None, None], {{1}}[None, None]{more})[0, 0]"
    # Of more windows than are wanted, the first.
    whole = (down.count, across.count) == (down.most, across.most)
    return Form(text + ("" if whole else f"[:{down.count}, :{across.count}]"), CALL, (CALL, CALL))


def _convolution_in_r(expression: Applied) -> Form:
    down, across = _sides_of_convolution(expression)
    rows, columns, shape = _padding(expression)
    matrix, needs = "{0}", 0
    if down.before or across.before:
        form = put_in_r(rows, columns, shape)
        matrix, needs = form.template, form.needs[0]
    text = windows_in_r(down, across, "sum(x[] * k)", f"{matrix}, {{1}}")
    return Form(text, CALL, (needs, 0))


def _convolution_in_excel(expression: Applied) -> Form:
    down, across = _sides_of_convolution(expression)
    rows, columns, shape = _padding(expression)
    matrix = put_in_excel(rows, columns, shape).template
    return Form(
        windows_in_excel(down, across, "SUM({}*{{1}})", matrix),
        CALL,
        (0, TIMES + 1),
    )


def _range_of_sums(expression: Applied, operands: Sequence[Range]) -> Range:
    """Return the Range of sums of as many products as a kernel has numbers, or fewer."""
    kernel = expression.operands[1]
    least, most = ranges.of_products(operands[:2])
    count = kernel.size
    return ranges.widened((0.0, 0.0), (least * count, most * count))


def _turned(told: Mapping[str, int]) -> dict[str, int]:
    """Return how what comes back moves as a kernel: as far as a kernel's lines were apart, and its
    own lines as far apart as windows were.
    """
    return {
        **told,
        "down": told["apart_down"], "across": told["apart_across"],
        "apart_down": told["down"], "apart_across": told["across"],
    }  # fmt: skip


def _back_of_convolution(
    g: Expression, _: Expression, of: Expression, kernel: Expression, *like: Expression, **told: int
) -> tuple[Expression | None, ...]:
    by_matrix = Applied("convolve_back", g, kernel, of, **told)
    by_kernel = Applied("convolve", of, g, kernel, **_turned(told))
    return (by_matrix, by_kernel, *(None for _ in like))


# --- What goes back to what is convolved --------------------------------------------------


def _sides_back(expression: Applied) -> tuple[Side, Side]:
    g, kernel = expression.operands[:2]
    return sides_of(expression.shape, kernel.shape, expression.settings, g.shape)


def _convolve_back(g: Array, kernel: Array, like: Array, **told: int) -> Array:
    g, kernel, like = np.atleast_2d(g), np.atleast_2d(kernel), np.atleast_2d(like)
    sides = sides_of(like.shape, kernel.shape, told, g.shape)
    sizes = [max(s.size + 2 * s.before, s.reach + s.stride * (s.count - 1) + 1) for s in sides]
    total = np.zeros(sizes)
    for a, b in np.ndindex(kernel.shape):
        total[sides[0].moved(a, g.shape[0]), sides[1].moved(b, g.shape[1])] += g * kernel[a, b]
    top, left = sides[0].before, sides[1].before
    return total[top : top + like.shape[0], left : left + like.shape[1]]


def _reads_back(expression: Applied) -> tuple[Pattern, ...]:
    down, across = _sides_back(expression)
    return (
        (down.of_windows("row"), across.of_windows("column")),
        (down.of_lines("row"), across.of_lines("column")),
    )


def _cells_back(expression: Applied, operands: Sequence[CellTexts]) -> CellTexts:
    down, across = _sides_back(expression)

    def pairs(r: int, c: int) -> list[Pair]:
        return [((i, j), (a, b)) for (i, a), (j, b) in product(down.having(r), across.having(c))]

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
    windows = windows_in_numpy(down, across, form.template)
    needs = form.needs[0] if form.template != "{0}" else 0
    text = f'np.einsum("ijab,ab->ij", {windows}, {{1}}[::-1, ::-1])'
    return Form(text, CALL, (needs, CALL))


def _back_in_r(expression: Applied) -> Form:
    down, across, rows, columns, shape = _spread_out(expression)
    form = put_in_r(rows, columns, shape)
    needs = form.needs[0] if form.template != "{0}" else 0
    turned = f"{{1}}[{down.window}:1, {across.window}:1, drop = FALSE]"
    text = windows_in_r(down, across, "sum(x[] * k)", f"{form.template}, {turned}")
    return Form(text, CALL, (needs, CALL))


def _back_in_excel(expression: Applied) -> Form:
    down, across, rows, columns, shape = _spread_out(expression)
    matrix = put_in_excel(rows, columns, shape).template
    height, width = down.window, across.window
    turned = f"INDEX({{1}},SEQUENCE({height},1,{height},-1),SEQUENCE(1,{width},{width},-1))"
    text = windows_in_excel(down, across, "SUM({}*KERNEL)", matrix)
    return Form(text.replace("KERNEL", turned), CALL, (0, 0))


def _back_of_back(
    g: Expression, _: Expression, came: Expression, kernel: Expression, __: Expression, **told: int
) -> tuple[Expression | None, ...]:
    by_came = Applied("convolve", g, kernel, came, **told)
    return by_came, Applied("convolve", g, came, kernel, **_turned(told)), None


# --- The table ----------------------------------------------------------------------------

MOVES: dict[str, Setting] = {
    "down": 1, "across": 1, "top": 0, "left": 0, "apart_down": 1, "apart_across": 1,
}  # fmt: skip
CONVOLUTIONS: tuple[Operation, ...] = (
    Operation(
        "convolve",
        _convolve,
        reads=_reads_of_convolution,
        maths=call("conv({0}, {1})"),
        numpy=_convolution_in_numpy,
        torch=_convolution_in_torch,
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
        axes=_axes_back,
        range=_range_of_sums,
        back=_back_of_back,
        settings=MOVES,
        is_linear=True,
    ),
)
