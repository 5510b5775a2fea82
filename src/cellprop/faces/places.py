"""Where a matrix stands on a sheet, and what stands on the sheet of a step: a *spread*.

Knows rows and columns; which layout puts what where, it does not know.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from itertools import product

from cellprop.algebra import (
    ONE,
    Axis,
    Expression,
    Matrix,
    Mention,
    Pattern,
    formulas,
    mentioned,
    reads,
)

Picked = tuple[tuple[bool, ...], ...]
"""Which cells of a matrix are meant, by its own rows and columns."""

# What stands above the matrices on every step sheet, a row each, always in view.
TITLE, MATHS, NOTATION, NUMBERS = range(1, 5)
FIRST_LANE = NUMBERS + 1

LANE_COLUMN = 1
FIRST_COLUMN = 3  # of numbers; the labels of their rows stand before it
# A name stands above its matrix and may run on over this many characters of each column.
CHARACTERS_OF_NAME = 7


class Standing:
    """A matrix as it stands on a sheet, turned or not."""

    matrix: Matrix
    turned: bool

    @property
    def down(self) -> Axis:
        """What its rows on the sheet stand for."""
        return self.matrix.columns if self.turned else self.matrix.rows

    @property
    def across(self) -> Axis:
        """What its columns on the sheet stand for."""
        return self.matrix.rows if self.turned else self.matrix.columns


@dataclass(frozen=True)
class Place(Standing):
    """Where a matrix stands.

    Attributes:
        matrix: Which.
        row, column: Its first cell, counted from 1.
        turned: Whether it stands transposed: its columns below each other.
        transposed: Whether it is to be read so, be it turned or not.
        head: How many rows stand above its numbers: its name, perhaps its shape, then its labels.
    """

    matrix: Matrix
    row: int
    column: int
    turned: bool = False
    transposed: bool = False
    head: int = 2

    @property
    def last_row(self) -> int:
        """Its last row."""
        return self.row + self.down.size - 1

    @property
    def last_column(self) -> int:
        """Its last column."""
        return self.column + self.across.size - 1

    @property
    def name_row(self) -> int:
        """The row of its name."""
        return self.row - self.head

    @property
    def label_row(self) -> int:
        """The row of its column labels."""
        return self.row - 1

    @property
    def label_column(self) -> int:
        """The column of its row labels, where it has any."""
        return self.column - 1

    @cached_property
    def columns(self) -> list[str]:
        """The letters of its columns."""
        return [letter(c) for c in range(self.column, self.last_column + 1)]

    def addresses(self) -> list[list[str]]:
        """Return the address of every cell of the matrix, by its own rows and columns."""
        lines = self.lines()
        return [list(row) for row in zip(*lines, strict=True)] if self.turned else lines

    def lines(self) -> list[list[str]]:
        """Return the address of every cell, row by row of the sheet."""
        columns = self.columns
        return [
            [column + row for column in columns]
            for row in map(str, range(self.row, self.last_row + 1))
        ]

    def address(self, row: int, column: int) -> str:
        """Return the address of one cell, counted from 0 by the matrix's own rows and columns."""
        if self.turned:
            row, column = column, row
        return f"{self.columns[column]}{self.row + row}"

    @property
    def range(self) -> str:
        """Its first and last cell: `N18:P20`."""
        return f"{self.columns[0]}{self.row}:{self.columns[-1]}{self.last_row}"

    @property
    def absolute(self) -> str:
        """Its range with dollar signs: `$N$18:$P$20`."""
        first, last = self.columns[0], self.columns[-1]
        return f"${first}${self.row}:${last}${self.last_row}"

    @property
    def called(self) -> str:
        """What it is called there: `wh`, `whᵀ`."""
        return Mention(self.matrix, self.transposed).text

    @property
    def has_row_labels(self) -> bool:
        """Whether the labels of its rows stand at its left."""
        return self.down is not ONE


@dataclass(frozen=True)
class Sign:
    """An operator between two matrices.

    Attributes:
        row, column: Where it stands.
        text: Such as ` + `.
    """

    row: int
    column: int
    text: str


@dataclass(frozen=True)
class PlacedLane:
    """Matrices in the same rows of a sheet.

    Attributes:
        key, layer, title: What its title is made of; no title where `key` is empty.
        row, last_row: The rows that it takes, from the names on.
        places: From left to right.
        signs: What stands between them.
    """

    key: str
    row: int
    last_row: int
    places: tuple[Place, ...]
    layer: int | None = None
    signs: tuple[Sign, ...] = ()
    title: str = ""


@dataclass(frozen=True)
class Folded:
    """Rows, or columns, that are folded away.

    Attributes:
        first, last: Which.
        mark: The row, or column, beside them that says how many there are.
    """

    first: int
    last: int

    @property
    def mark(self) -> int:
        """The row, or column, after them, which says how many they are."""
        return self.last + 1

    @property
    def count(self) -> int:
        """How many they are."""
        return self.last - self.first + 1

    def __contains__(self, number: object) -> bool:
        return isinstance(number, int) and self.first <= number <= self.last


@dataclass(frozen=True, eq=False)
class Spread:
    """What stands on the sheet of a step.

    Attributes:
        lanes: From top to bottom.
        homes: The place of each matrix that stands there to stay, by name.
        lines: Where a matrix that is computed there has a line of its own, by its name: what
            computes it, with a matrix for each that is mentioned, and where each of these stands.
        copies: The places of what other formulas read, by name, where these are not `homes`.
        notes_row: Where the notes stand.
        rows, columns: What is folded away.
        gaps: Columns between matrices, in which at most signs stand.
    """

    lanes: tuple[PlacedLane, ...]
    homes: Mapping[str, Place]
    notes_row: int
    lines: Mapping[str, tuple[Expression, Mapping[Matrix, Place]]] = field(default_factory=dict)
    copies: Mapping[str, Place] = field(default_factory=dict)
    rows: tuple[Folded, ...] = ()
    columns: tuple[Folded, ...] = ()
    gaps: tuple[int, ...] = ()

    def reads(self, matrix: Matrix) -> list[tuple[Place, frozenset[Pattern]]]:
        """Return the places that the formulas of a matrix read, each with which of its cells."""
        expression, places = self._read(matrix)
        return [(places[operand], patterns) for operand, patterns in reads(expression).items()]

    def read_in_part(self, matrices: Iterable[Matrix]) -> dict[Place, Picked]:
        """Return the places of which the formulas of matrices read some cells and not all, each
        with a row of truths for each of its own rows.
        """
        found: dict[Place, set[Pattern]] = {}
        for matrix in matrices:
            for place, patterns in self.reads(matrix):
                found.setdefault(place, set()).update(patterns)
        parts = ((place, picked_of(place.matrix, patterns)) for place, patterns in found.items())
        return {place: picked for place, picked in parts if picked is not None}

    def formulas(self, matrix: Matrix) -> list[list[str]]:
        """Return the formula of every cell of a matrix, by its own rows and columns."""
        expression, places = self._read(matrix)
        turned = {operand for operand, place in places.items() if place.turned}

        def addresses(of: Matrix) -> list[list[str]]:
            # What is not read, as by the slope of a linear activation, lends its shape only.
            return places.get(of, Place(of, 1, 1)).addresses()

        return formulas(expression, addresses, turned=turned)

    def _read(self, matrix: Matrix) -> tuple[Expression, Mapping[Matrix, Place]]:
        """Return what computes a matrix, and where each matrix that it is written with stands."""
        assert matrix.definition is not None
        if matrix.name in self.lines:
            return self.lines[matrix.name]
        where = self.copies or self.homes
        there = [m for m in mentioned(matrix.definition) if m.name in where]
        return matrix.definition, {m: where[m.name] for m in there}

    @property
    def places(self) -> Iterator[Place]:
        """All places."""
        return (place for lane in self.lanes for place in lane.places)

    @property
    def above_notes(self) -> tuple[PlacedLane, ...]:
        """The lanes above the notes."""
        return tuple(lane for lane in self.lanes if lane.row < self.notes_row)

    @property
    def below_notes(self) -> tuple[PlacedLane, ...]:
        """The lanes below the notes: what a page can do without."""
        return self.lanes[len(self.above_notes) :]

    @property
    def reasons_row(self) -> int:
        """Where it stands why products are written as they are: no lane, and no page, needs it."""
        return self.notes_row + 1

    @property
    def last_row(self) -> int:
        """The last row that holds anything but reasons."""
        return max(*(lane.last_row for lane in self.lanes), self.notes_row)

    @cached_property
    def last_column(self) -> int:
        """The last column that a matrix or its name needs."""
        ends = [p.column + columns_for(p.matrix, p.across.size) - 1 for p in self.places]
        signs = [sign.column for lane in self.lanes for sign in lane.signs]
        return max(*ends, *signs, *(f.mark for f in self.columns), FIRST_COLUMN)

    def is_hidden(self, column: int) -> bool:
        """Whether a column is folded away."""
        return any(column in folded for folded in self.columns)


def picked_of(matrix: Matrix, patterns: Iterable[Pattern]) -> Picked | None:
    """Return which cells of a matrix some cell reads; None if all of them are read."""
    patterns, (height, width) = list(patterns), matrix.shape
    # Whatever is read by the same number, or as a whole, is read by some cell.
    if any(rows.is_usual and columns.is_usual for rows, columns in patterns):
        return None
    cells: set[tuple[int, int]] = set()
    for rows, columns in patterns:
        cells |= set(product(rows.any_of(height), columns.any_of(width)))
    if len(cells) == height * width:
        return None
    return tuple(tuple((i, j) in cells for j in range(width)) for i in range(height))


def columns_for(matrix: Matrix, size: int) -> int:
    """Return the number of columns that so many columns of a matrix and its name need."""
    return max(size, -(-len(matrix.name) // CHARACTERS_OF_NAME))


@lru_cache(maxsize=1024)
def letter(column: int) -> str:
    """Return the letters of a column counted from 1.

    >>> letter(1), letter(28), letter(16384)
    ('A', 'AB', 'XFD')
    """
    letters = ""
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


def by_name(places: Sequence[Place]) -> dict[str, Place]:
    """Return places by the name of their matrix."""
    return {place.matrix.name: place for place in places}
