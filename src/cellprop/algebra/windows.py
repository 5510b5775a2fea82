"""Windows that move over a matrix: which lines they have, how many there are, how each notation
writes them.

What convolution and pooling have in common. Knows axes and texts; knows no operation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cellprop.algebra.expressions import ONE, Axis, Expression, Setting
from cellprop.algebra.lines import is_key
from cellprop.algebra.notation import described
from cellprop.algebra.spans import Index, Span, stepping
from cellprop.errors import InputError, ShapeError

Axes = tuple[Axis, Axis]
"""What the rows and the columns of a result stand for."""


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

    @property
    def most(self) -> int:
        """How many windows there could be, with as many lines of zeros behind the matrix."""
        return (self.size + 2 * self.before - self.reach - 1) // self.stride + 1

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

    def moved(self, a: int, count: int) -> slice:
        """Return which lines of a matrix with zeros before it all windows have as one of theirs."""
        first = self.apart * a
        return slice(first, first + self.stride * (count - 1) + 1, self.stride)

    def having(self, line: int) -> list[tuple[int, int]]:
        """Return the windows that have a line of the matrix, each with the line of it that it is:
        in the order of the lines.
        """
        found = []
        for a in range(self.window):
            i, rest = divmod(line + self.before - self.apart * a, self.stride)
            if not rest and 0 <= i < self.count:
                found.append((i, a))
        return found

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


def sides_of(
    shape: Sequence[int], window: Sequence[int], told: Mapping[str, Setting], counts: Sequence[int]
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


# --- Axes ---------------------------------------------------------------------------------


def _axis(axis: Axis, count: int) -> Axis:
    """Return the Axis of windows: where there are as many as lines, each is that of a line."""
    if count == axis.size:
        return axis
    return ONE if count == 1 and axis is ONE else Axis.numbered(axis.name, count)


def check_moves(told: Mapping[str, Setting]) -> None:
    """Check how windows are to move.

    Raises
    ------
    InputError
        If they can't.
    """
    for name, value in told.items():
        least = 0 if name in ("top", "left") else 1
        if isinstance(value, slice) or not is_key(value) or int(value) < least:
            raise InputError(f"windows move by whole numbers of {least} or more, not {value}.")


def axes_of_windows(
    of: Expression, window: tuple[int, int], what: str, told: Mapping[str, Setting]
) -> Axes:
    """Return the Axes of windows over a matrix.

    Raises
    ------
    InputError
        If they can't move so.
    ShapeError
        If there is none.
    """
    check_moves(told)
    found = []
    sides = sides_of(of.shape, window, told, (0, 0))
    for side, axis, moved in zip(("rows", "columns"), (of.rows, of.columns), sides, strict=True):
        size, count = moved.window, moved.most
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


def check_goes_back(came: Expression, of: Axes, like: Expression) -> Axes:
    """Return the Axes of what goes back to a matrix: its own.

    Raises
    ------
    ShapeError
        If what comes back is not of as many windows as move over it.
    """
    sizes = of[0].size, of[1].size
    if came.shape != sizes:
        raise ShapeError(
            f"{described(came)} is {came.rows.size} × {came.columns.size}, where"
            f" {described(like)} has {sizes[0]} × {sizes[1]} windows."
        )
    return like.rows, like.columns


# --- Texts for whole matrices -------------------------------------------------------------

WINDOWS = "np.lib.stride_tricks.sliding_window_view"


def windows_in_numpy(down: Side, across: Side, matrix: str) -> str:
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


def windows_in_r(down: Side, across: Side, summed: str, operands: str) -> str:
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


def windows_in_excel(down: Side, across: Side, summed: str, matrix: str) -> str:
    """Return what is computed of each window in Excel, by its place."""
    places = []
    for name, side, shape in (("i", down, "{},1"), ("j", across, "1,{}")):
        start = name if side.stride == 1 else f"{side.stride}*{name}-{side.stride - 1}"
        apart = f",{side.apart}" if side.apart > 1 else ""
        places.append(f"{start}+SEQUENCE({shape.format(side.window)},0{apart})")
    window = f"INDEX({matrix},{','.join(places)})"
    return f"MAKEARRAY({down.count},{across.count},LAMBDA(i,j,{summed.format(window)}))"
