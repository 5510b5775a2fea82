"""Where each matrix stands: at the same cells on every sheet, like the pages of a flip-book.

Takes the lanes of a program and gives addresses; knows nothing of numbers, styles or files.
Two forms: **lanes**, one below the other, each matrix in its slot; and, for many samples, the
**band**, in which matrices with a row for each sample stand side by side, so that a row of the
sheet is the same sample throughout, and the parameters stand above.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import zip_longest

from cellprop.algebra import ONE, Matrix
from cellprop.errors import LimitError
from cellprop.programs.program import Lane, Program

# Raised when a matrix moves: an exercise says by which of them it was laid out.
VERSION = 1
MOST_ROWS = 1_048_576
MOST_COLUMNS = 16_384

# With more samples than this, lanes get too tall for a screen and the band is clearer.
TALLEST_LANE = 30

# What stands above the lanes on every step sheet, a row each.
TITLE, SAYS, MATHS, NUMPY, R, EXCEL, FORMULA, KEY, FOCUS = range(1, 10)
FIRST_LANE = 11

LANE_COLUMN = 1
FIRST_COLUMN = 3  # of numbers; the labels of their rows stand before it
# A name stands above its matrix and may run on over this many characters of each column.
CHARACTERS_OF_NAME = 7


@dataclass(frozen=True)
class Place:
    """Where a matrix stands.

    Attributes:
        matrix: Which.
        row, column: Its first cell, counted from 1.
    """

    matrix: Matrix
    row: int
    column: int

    @property
    def last_row(self) -> int:
        """Its last row."""
        return self.row + self.matrix.rows.size - 1

    @property
    def last_column(self) -> int:
        """Its last column."""
        return self.column + self.matrix.columns.size - 1

    @property
    def name_row(self) -> int:
        """The row of its name; the labels of its columns stand below, its numbers next."""
        return self.row - 2

    @property
    def label_row(self) -> int:
        """The row of its column labels."""
        return self.row - 1

    @property
    def label_column(self) -> int:
        """The column of its row labels, where it has any of its own."""
        return self.column - 1

    @cached_property
    def columns(self) -> list[str]:
        """The letters of its columns."""
        return [letter(c) for c in range(self.column, self.last_column + 1)]

    def addresses(self) -> list[list[str]]:
        """Return the address of every cell, as a list of rows."""
        rows = map(str, range(self.row, self.last_row + 1))
        columns = self.columns
        return [[column + row for column in columns] for row in rows]

    def address(self, row: int, column: int) -> str:
        """Return the address of one cell, counted from 0 within the matrix."""
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


@dataclass(frozen=True)
class PlacedLane:
    """A lane and the rows it takes: names, labels, then numbers."""

    key: str
    row: int
    last_row: int
    places: tuple[Place, ...]
    layer: int | None = None


@dataclass(frozen=True)
class Layout:
    """The places of all matrices, the same for every step's sheet.

    Attributes:
        lanes: From top to bottom.
        is_band: Whether samples stand in one band.
        notes_row: Where the notes stand.
    """

    lanes: tuple[PlacedLane, ...]
    is_band: bool
    notes_row: int

    @cached_property
    def places(self) -> Mapping[str, Place]:
        """The place of each matrix by name."""
        return {place.matrix.name: place for lane in self.lanes for place in lane.places}

    @property
    def last_row(self) -> int:
        """The last row that holds anything."""
        return max(self.lanes[-1].last_row, self.notes_row)

    @property
    def last_column(self) -> int:
        """The last column that a matrix or its name needs."""
        return max(p.column + _columns_for(p.matrix) - 1 for p in self.places.values())

    def rows_are_labelled_by(self, place: Place) -> bool:
        """Whether a matrix has the labels of its rows at its left (in the band, only the first)."""
        rows = place.matrix.rows
        if rows is ONE:
            return False
        return not self.is_band or rows.name != "samples" or place.column == FIRST_COLUMN


def lay_out(program: Program) -> Layout:
    """Return the place of each matrix of a program.

    Raises
    ------
    LimitError
        If a sheet would need more rows or columns than a spreadsheet has.
    """
    samples = program.output.rows.size
    layout = _band(program) if samples > TALLEST_LANE else _lanes(program.lanes)
    _check_limits(layout, samples)
    return layout


def _lanes(lanes: Sequence[Lane]) -> Layout:
    widths = [
        max(_columns_for(matrix) for matrix in slot if matrix is not None)
        for slot in zip_longest(*(lane.matrices for lane in lanes))
    ]
    starts = [FIRST_COLUMN]
    for width in widths:
        starts.append(starts[-1] + width + 1)
    placed = []
    row = FIRST_LANE
    for lane in lanes:
        slots = zip(lane.matrices, starts, strict=False)
        placed.append(_place(lane.key, row, slots, lane.layer))
        row = placed[-1].last_row + 2
    return Layout(tuple(placed), is_band=False, notes_row=row)


def _band(program: Program) -> Layout:
    by_sample = [matrix for matrix in program.matrices if program.is_by_sample(matrix)]
    updated = program.brought_by("update")
    parameters = [m for m in program.matrices if m not in by_sample and m not in updated]
    placed = []
    row = FIRST_LANE
    for key, matrices in (("parameters", parameters), ("updated", updated)):
        placed.append(_place(key, row, _side_by_side(matrices)))
        row = placed[-1].last_row + 2
    placed.append(_place("samples", row + 2, _side_by_side(by_sample)))
    return Layout(tuple(placed), is_band=True, notes_row=row)


def _side_by_side(matrices: Iterable[Matrix]) -> Iterable[tuple[Matrix, int]]:
    column = FIRST_COLUMN
    for matrix in matrices:
        yield matrix, column
        column += _columns_for(matrix) + 1


def _place(
    key: str, row: int, matrices: Iterable[tuple[Matrix, int]], layer: int | None = None
) -> PlacedLane:
    places = tuple(Place(matrix, row + 2, column) for matrix, column in matrices)
    return PlacedLane(key, row, max(place.last_row for place in places), places, layer)


def _columns_for(matrix: Matrix) -> int:
    """Return the number of columns that a matrix and its name need."""
    return max(matrix.columns.size, -(-len(matrix.name) // CHARACTERS_OF_NAME))


def _check_limits(layout: Layout, samples: int) -> None:
    if layout.last_row > MOST_ROWS:
        raise LimitError(
            f"{samples} samples need {layout.last_row} rows of a sheet; a spreadsheet has"
            f" {MOST_ROWS}: use fewer samples."
        )
    if layout.last_column > MOST_COLUMNS:
        raise LimitError(
            f"The matrices need {layout.last_column} columns of a sheet; a spreadsheet has"
            f" {MOST_COLUMNS}: use fewer inputs or neurons."
        )


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
