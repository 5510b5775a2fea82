"""Which lines of a matrix, its rows or its columns, a cell reads; and spans through one another.

Knows numbers of lines only; knows no expression and no address.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Literal

import numpy as np

Index = Literal["", "column", "row"]


@dataclass(frozen=True, order=True, repr=False)
class Span:
    """Which lines of a matrix a cell reads: rows, or columns.

    Attributes:
        index: What they go by: the number of the cell's row, or of its column; empty where every
            cell reads the same lines.
        lines: Which, for each number of the index from 0; a single entry where they go by none.
            Empty for the two that are usual: the line of the same number, or all lines.

    >>> row, first_two, pairs = ROW, lines_of([0, 1]), stepping("row", 3, 6, step=2, count=2)
    >>> [list(span.of(1, 5, 6)) for span in (row, first_two, pairs, ALL)]
    [[1], [0, 1], [2, 3], [0, 1, 2, 3, 4, 5]]
    >>> row, first_two, pairs, ALL
    (row, 0 1, row: 0 1 | 2 3 | 4 5, all)
    """

    index: Index = ""
    lines: tuple[tuple[int, ...], ...] = ()

    def __repr__(self) -> str:
        if not self.lines:
            return self.index or "all"
        lines = " | ".join(" ".join(map(str, each)) for each in self.lines)
        return f"{self.index}: {lines}" if self.index else lines

    def of(self, row: int, column: int, size: int) -> Sequence[int]:
        """Return which of `size` lines the cell at (row, column) reads."""
        number = {"row": row, "column": column, "": 0}[self.index]
        if self.lines:
            return self.lines[number]
        return (number,) if self.index else range(size)

    def any_of(self, size: int) -> Sequence[int]:
        """Return which of `size` lines any cell reads."""
        if not self.lines:
            return range(size)
        return sorted({line for lines in self.lines for line in lines})

    @property
    def is_usual(self) -> bool:
        """Whether it is the line of the same number, or all lines."""
        return not self.lines

    @property
    def is_all(self) -> bool:
        """Whether every cell reads all lines."""
        return not self.index and not self.lines

    @cached_property
    def has_gaps(self) -> bool:
        """Whether there are cells that read no line."""
        return not all(self.lines)


ROW, COLUMN, ALL = Span("row"), Span("column"), Span()

Pattern = tuple[Span, Span]
"""Which rows and which columns of an operand the cell at (row, column) reads."""

SAME: Pattern = (ROW, COLUMN)
NOT_READ: Pattern = (Span("", ((),)), Span("", ((),)))


# --- Making them --------------------------------------------------------------------------


def stepping(
    index: Index,
    numbers: int,
    size: int,
    *,
    step: int = 1,
    first: int = 0,
    count: int = 1,
    apart: int = 1,
    per: int = 1,
) -> Span:
    """Return the Span of the lines `step × number + first` and those after it, `count` of them.

    Parameters
    ----------
    index
        Whose number it is.
    numbers
        How many there are.
    size
        How many lines there are; those beyond are not read.
    step, first, count
        As above; `step` may be negative.
    apart
        How far the lines are from one another.
    per
        All of it is divided by this; what does not come out even is no line.
    """
    found = []
    for number in range(numbers):
        start = step * number + first
        lines = range(start, start + apart * count, apart)
        found.append(sorted(n // per for n in lines if not n % per and 0 <= n < size * per))
    return _span(index, found, size)


def lines_of(lines: Iterable[int]) -> Span:
    """Return the Span of some lines, the same for every cell."""
    return Span("", (tuple(lines),))


def _span(index: Index, lines: Iterable[Iterable[int]], size: int) -> Span:
    """Return the Span with such lines, written in the shortest way."""
    found = tuple(map(tuple, lines))
    if index and found == tuple((number,) for number in range(size)):
        return Span(index)
    if len(set(found)) == 1:
        every = found[0] == tuple(range(size))
        return ALL if every else lines_of(found[0])
    return Span(index, found)


@dataclass(frozen=True)
class Band:
    """A span as a formula can have it: a line is read for a number, both from 0, where
    `by_number × number + by_line × line + first` is from 0 to `width`, and a multiple of `apart`.

    Attributes:
        by_number, by_line, first, width, apart: As above.
        numbers, lines: The first and the last of each for which it holds.
    """

    by_number: int
    by_line: int
    first: int
    width: int
    apart: int
    numbers: tuple[int, int]
    lines: tuple[int, int]


# Further strides are no window's that anybody would take.
MOST_STRIDE = 8


def band(span: Span) -> Band | None:
    """Return the Band that a span is which goes by a number; None if it is none."""
    pairs = {(number, line) for number, lines in enumerate(span.lines) for line in lines}
    numbers, lines = (sorted(set(each)) for each in zip(*pairs, strict=True))
    strides = range(1, MOST_STRIDE + 1)
    for by in [(sign * s, 1) for s in strides for sign in (-1, 1)] + [(1, -s) for s in strides]:
        levels = sorted({by[0] * number + by[1] * line for number, line in pairs})
        apart = int(np.gcd.reduce([level - levels[0] for level in levels])) or 1
        found = Band(
            *by, -levels[0], levels[-1] - levels[0], apart,
            (numbers[0], numbers[-1]), (lines[0], lines[-1]),
        )  # fmt: skip
        if _pairs_of(found) == pairs:
            return found
    return None


def _pairs_of(found: Band) -> set[tuple[int, int]]:
    """Return the numbers and the lines that belong together."""
    number, line = (range(first, last + 1) for first, last in (found.numbers, found.lines))
    return {
        (n, k)
        for n, k in product(number, line)
        if 0 <= (level := found.by_number * n + found.by_line * k + found.first) <= found.width
        and level % found.apart == 0
    }


# --- Through one another ------------------------------------------------------------------


def through(outer: Pattern, inner: Pattern, shape: tuple[int, int]) -> Pattern:
    """Return which cells of an operand are read by whoever reads some cells of the result.

    Parameters
    ----------
    outer
        Which cells of the result are read.
    inner
        Which cells of the operand each of these reads.
    shape
        (rows, columns) of the operand.
    """
    by = {"row": outer[0], "column": outer[1]}
    rows, columns = (
        _through(by[each.index], each, size) if each.index else each
        for each, size in zip(inner, shape, strict=True)
    )
    # Where no cell of the result is read none of the operand is, also along its other side.
    for index, each in by.items():
        if each.has_gaps and index not in (inner[0].index, inner[1].index):
            rows, columns = _where(each, (rows, columns), shape)
    return rows, columns


def _through(outer: Span, inner: Span, size: int) -> Span:
    if not inner.lines:
        return outer
    if outer.index and not outer.lines:
        return Span(outer.index, inner.lines)
    chosen = outer.lines or (range(len(inner.lines)),)
    joined = (sorted({line for k in each for line in inner.lines[k]}) for each in chosen)
    return _span(outer.index, joined, size)


def _where(condition: Span, pattern: Pattern, shape: tuple[int, int]) -> Pattern:
    """Return a pattern without what is read by cells for which a Span has no line."""
    spans = list(pattern)
    # That which goes by the same number, or else one that goes by none.
    side = next(i for index in (condition.index, "") for i in (0, 1) if spans[i].index == index)
    lines = (
        spans[side].of(number, number, shape[side]) if there else ()
        for number, there in enumerate(condition.lines)
    )
    spans[side] = _span(condition.index, lines, shape[side])
    return spans[0], spans[1]


def repeated(span: Span) -> Span:
    """Return the Span of the only line of an axis that repeats: it is read in place of any."""
    if not span.has_gaps:
        return ALL
    return _span(span.index, [(0,) if each else () for each in span.lines], 1)


def apart(span: Span, size: int) -> list[list[int]]:
    """Return all lines that are read, put together (list of int) so that no cell reads two of
    them.
    """
    if span.is_all:
        return [[line] for line in range(size)]
    if span.is_usual:
        return [list(range(size))]
    together: list[list[int]] = []
    taken: list[set[int]] = []
    for line in sorted({line for each in span.lines for line in each}):
        readers = {number for number, each in enumerate(span.lines) if line in each}
        k = next((k for k, theirs in enumerate(taken) if not theirs & readers), len(taken))
        if k == len(taken):
            together.append([])
            taken.append(set())
        together[k].append(line)
        taken[k] |= readers
    return together
