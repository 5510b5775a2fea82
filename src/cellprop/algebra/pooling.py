"""The table of pooling: the largest number of each window or their sum, and what goes back.

Of numbers in a window that are alike but for rounding the first is the largest, and what comes back
goes to it. An operand that only lends its axes stands last and is not read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import product

import numpy as np

from cellprop.algebra import ranges
from cellprop.algebra.cells import lines, wrapped
from cellprop.algebra.decisions import TOLERANCE
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
from cellprop.algebra.lines import is_key
from cellprop.algebra.notation import CALL, PLUS, TIMES, call
from cellprop.algebra.spans import NOT_READ, Pattern
from cellprop.algebra.windows import (
    Axes,
    Side,
    axes_of_windows,
    check_goes_back,
    sides_of,
    windows_in_excel,
    windows_in_numpy,
    windows_in_r,
)
from cellprop.errors import InputError

# --- Pooling ------------------------------------------------------------------------------


def _window(told: Mapping[str, Setting]) -> tuple[int, int]:
    return int(told["height"]), int(told["width"])


def _sides_of_pool(expression: Applied) -> tuple[Side, Side]:
    told = expression.settings
    return sides_of(expression.operands[0].shape, _window(told), told, expression.shape)


def _axes_of_pool(operands: Sequence[Expression], **told: Setting) -> Axes:
    for size in (told["height"], told["width"]):
        if not is_key(size) or int(size) < 1:
            raise InputError(f"a window has a whole number of rows and columns, not {size}.")
    return axes_of_windows(operands[0], _window(told), "a window", told)


def _reads_of_pool(expression: Applied) -> tuple[Pattern, ...]:
    down, across = _sides_of_pool(expression)
    return ((down.of_matrix("row"), across.of_matrix("column")),)


def _windows(x: Array, told: Mapping[str, int]) -> list[Array]:
    """Return for each place in a window the numbers that all windows have there."""
    x = np.atleast_2d(x)
    sides = sides_of(x.shape, _window(told), told, (0, 0))
    counts = [side.most for side in sides]
    return [
        x[sides[0].moved(a, counts[0]), sides[1].moved(b, counts[1])]
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
    rows, columns = expression.shape
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
        windows = windows_in_numpy(*_sides_of_pool(expression), "{0}")
        return Form(f"{windows}.{method}", CALL, (0,))

    return form


def _pool_in_torch(function: str) -> Callable[[Applied], Form]:
    """Return what gives the Form of a function of PyTorch, told the windows and how they move."""

    def form(expression: Applied) -> Form:
        down, across = _sides_of_pool(expression)
        window, moves = (down.window, across.window), (down.stride, across.stride)
        text = function.format("{0}", window, moves)
        return Form(f"torch.nn.functional.{text}[0, 0]", CALL, (CALL,))

    return form


def _pool_in_r(summed: str) -> Callable[[Applied], Form]:
    def form(expression: Applied) -> Form:
        return Form(windows_in_r(*_sides_of_pool(expression), summed, "{0}"), CALL, (0,))

    return form


def _pool_in_excel(function: str) -> Callable[[Applied], Form]:
    def form(expression: Applied) -> Form:
        text = windows_in_excel(*_sides_of_pool(expression), f"{function}({{}})", "{0}")
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
    is_alone = _window(expression.settings) == (1, 1)
    return (NOT_READ,) if is_alone else _reads_of_pool(expression)


def _largest_in_numpy(expression: Applied) -> Form:
    down, across = _sides_of_pool(expression)
    windows = windows_in_numpy(down, across, "{0}")
    text = f"{windows}.reshape({down.count}, {across.count}, -1).argmax(axis=2) + 1"
    return Form(text, PLUS, (0,))


def _largest_in_excel(expression: Applied) -> Form:
    found = "XMATCH(MAX({0}),TOROW({0}))"
    text = windows_in_excel(*_sides_of_pool(expression), found, "OPERAND")
    return Form(text.replace("OPERAND", "{0}"), CALL, (0,))


# --- What goes back to windows ------------------------------------------------------------


def _sides_of_unpool(expression: Applied) -> tuple[Side, Side]:
    told = expression.settings
    return sides_of(expression.shape, _window(told), told, expression.operands[0].shape)


def _axes_of_unpool(operands: Sequence[Expression], **told: Setting) -> Axes:
    first, *others, like = operands
    of = _axes_of_pool([like], **told)
    for each in (first, *others):
        check_goes_back(each, of, like)
    return like.rows, like.columns


def _unpool(g: Array, *others: Array, **told: int) -> Array:
    """Return zeros of the last operand's shape with each number added where its window is; or, of
    three operands, in one place of the window.
    """
    at, like = others[0] if len(others) == 2 else None, np.atleast_2d(others[-1])
    height, width = _window(told)
    sides = sides_of(like.shape, (height, width), told, g.shape)
    total = np.zeros(like.shape)
    for place, (a, b) in enumerate(product(range(height), range(width)), 1):
        taken = g if at is None else np.where(at == place, g, 0.0)
        total[sides[0].moved(a, g.shape[0]), sides[1].moved(b, g.shape[1])] += taken
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
        windows = product(down.having(r), across.having(c))
        return [term((i, j), (a, b)) for (i, a), (j, b) in windows]

    rows, columns = expression.shape
    found = [[terms(r, c) for c in range(columns)] for r in range(rows)]
    alone = CALL if has_place or operands[0].binds < PLUS else operands[0].binds
    are_single = all(len(each) <= 1 for row in found for each in row)
    texts = [["+".join(each) or "0" for each in row] for row in found]
    return CellTexts(texts, alone if are_single else PLUS)


# What counts in a text is called as no matrix is: like a cell.


def _unpool_in_numpy(expression: Applied) -> Form:
    down, across = _sides_of_unpool(expression)
    of, has_place = "{0}", len(expression.operands) == 3
    if has_place:
        of = f"({{0}} * ({{1}} == {across.window} * a1 + b1 + 1))"
    rows, columns = (
        f"{name}:{name} + {side.stride * (side.count - 1) + 1}"
        + f":{side.stride}" * (side.stride > 1)
        for name, side in (("a1", down), ("b1", across))
    )
    text = (
        f"sum(np.eye({down.size})[:, {rows}] @ {of} @ np.eye({across.size})[{columns}]"
        f" for a1 in range({down.window}) for b1 in range({across.window}))"
    )
    return Form(text, CALL, (TIMES, PLUS) if has_place else (TIMES + 1,))


def _unpool_in_r(expression: Applied) -> Form:
    down, across = _sides_of_unpool(expression)
    of, has_place = "{0}", len(expression.operands) == 3
    if has_place:
        of = "({0} * ({1} == k1 + 1))"
    width = across.window
    rows, columns = (
        f"{start} + seq(1, by = {side.stride}, length.out = {side.count})"
        for start, side in ((f"k1 %/% {width}", down), (f"k1 %% {width}", across))
    )
    text = (
        f'Reduce("+", lapply(0:{down.window * width - 1}, function(k1)'
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

POOLS: dict[str, Setting] = {"height": 2, "width": 2, "down": 2, "across": 2}

POOLINGS: tuple[Operation, ...] = (
    Operation(
        "max_pool",
        _max_pool,
        reads=_reads_of_pool,
        maths=call("maxpool({0})"),
        numpy=_pool_in_numpy("max(axis=(2, 3))"),
        torch=_pool_in_torch("max_pool2d({0}[None, None], {1}, {2})"),
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
        torch=_pool_in_torch("avg_pool2d({0}[None, None], {1}, {2}, divisor_override=1)"),
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
        range=lambda expression, _: (1.0, float(np.prod(_window(expression.settings)))),
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
        axes=_axes_of_unpool,
        range=_range_of_unpool,
        back=_back_of_unpool,
        settings=POOLS,
        is_linear=True,
    ),
)
