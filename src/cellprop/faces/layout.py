"""Where everything stands in a workbook: as a *flip-book*, or in *close-up*.

In a flip-book each matrix stands at the same cells on every sheet, so that turning the pages shows
the network filling up. Where that would not fit a screen and a page, a sheet shows only what its
step reads and computes. Takes a program and gives addresses; knows nothing of numbers or styles.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import zip_longest
from typing import Literal

from cellprop.algebra import Matrix
from cellprop.errors import InputError, LimitError
from cellprop.faces.close_up import spread_of
from cellprop.faces.places import (
    FIRST_COLUMN,
    FIRST_LANE,
    Place,
    PlacedLane,
    Spread,
    columns_for,
)
from cellprop.faces.sizes import (
    BETWEEN,
    HEADS,
    LABEL_WIDTH,
    LANE_WIDTH,
    NUMBER_WIDTH,
    PAGE_HEIGHT,
    PAGE_WIDTH,
    ROW_HEIGHT,
    SHAPE_HEIGHT,
    TOP,
)
from cellprop.files.safe import known
from cellprop.limits import FORMS, MOST_COLUMNS, MOST_IN_VIEW, MOST_ROWS, USUAL_IN_VIEW
from cellprop.programs.program import Lane, Program, Step

Form = Literal["flip-book", "close-up"]

# Raised when a matrix moves: an exercise says by which of them it was laid out.
VERSION = 2


@dataclass(frozen=True, eq=False)
class Layout:
    """What stands where on the sheets of a workbook.

    Attributes:
        form: Whether it is a flip-book, whose sheets all have one spread but for what an update
            changes, or in close-up.
        rows: How many rows of many are in view in close-up.
        spreads: What stands on the sheet of each step, by its label.
    """

    form: Form
    rows: int
    spreads: Mapping[str, Spread]

    def on(self, step: Step) -> Spread:
        """Return what stands on the sheet of a step."""
        return self.spreads[step.label]

    @cached_property
    def places(self) -> Mapping[str, Place]:
        """Where each matrix stands on the sheet of the step that brings it, by its name."""
        return {name: place for each in self.spreads.values() for name, place in each.homes.items()}


def formulas_on(layout: Layout, program: Program) -> int:
    """Return how many formulas (int) stand in the cells of all matrices: all but what is typed, and
    what is not yet there.
    """
    home = {matrix.name: step.label for step in program.steps for matrix in step.brings}
    there, count = set[str](), 0
    for step in program.steps:
        there |= {matrix.name for matrix in step.brings}
        spread = layout.on(step)
        for place in spread.places:
            matrix = place.matrix
            is_own = home.get(matrix.name) == step.label and place == spread.homes[matrix.name]
            typed = is_own and matrix.definition is None
            if not typed and (matrix.name in there or matrix.name not in home):
                count += matrix.size
    return count


def lay_out(
    program: Program, form: str = "auto", rows: int = USUAL_IN_VIEW, *, moves: bool = True
) -> Layout:
    """Return the layout of a program.

    Parameters
    ----------
    program
        Its steps.
    form
        `flip-book`, `close-up`; or `auto`, a flip-book where that fits a screen and a page.
    rows
        How many rows, and columns, of many are in view in close-up.
    moves
        Whether an update's sheet shows by how much it changes what it replaces.

    Raises
    ------
    InputError
        If there is no such form, or `rows` is out of range.
    LimitError
        If a sheet would need more rows or columns than a spreadsheet has.
    """
    known("layout", form, FORMS)
    if not 1 <= rows <= MOST_IN_VIEW:
        raise InputError(f"rows: expected 1 to {MOST_IN_VIEW}, found {rows}.")
    book = flip_book(program.lanes)
    if form == "flip-book" or (form == "auto" and _fits(book)):
        wanted = program.moves if moves else {}
        spreads = {step.label: _with_moves(book, step, wanted) for step in program.steps}
        layout = Layout("flip-book", rows, spreads)
    else:
        spreads = {
            step.label: spread_of(program, step, rows, moves=moves) for step in program.steps
        }
        layout = Layout("close-up", rows, spreads)
    _check_limits(layout, program.samples.size)
    return layout


# --- A flip-book ----------------------------------------------------------------------------


def flip_book(lanes: Sequence[Lane]) -> Spread:
    """Return the spread that all sheets of a flip-book have: a lane below the other."""
    widths = [
        max(columns_for(matrix, matrix.columns.size) for matrix in slot if matrix is not None)
        for slot in zip_longest(*(lane.matrices for lane in lanes))
    ]
    starts = [FIRST_COLUMN]
    for width in widths:
        starts.append(starts[-1] + width + 1)
    placed = []
    row = FIRST_LANE
    for lane in lanes:
        slots = zip(lane.matrices, starts, strict=False)
        placed.append(_place(lane.key, row, slots, lane.layer, lane.title))
        row = placed[-1].last_row + 2
    homes = {place.matrix.name: place for lane in placed for place in lane.places}
    return Spread(tuple(placed), homes, row)


def _with_moves(book: Spread, step: Step, moves: Mapping[str, Matrix]) -> Spread:
    """Return the spread of a step of a flip-book: if it updates something, by how much that changes
    stands below everything else, in the same columns where names leave room for it.
    """
    lanes, row = list(book.lanes), book.reasons_row + 1
    for lane in book.lanes:
        found, free = list[tuple[Matrix, int]](), 0
        for place in lane.places:
            if place.matrix in step.computed and place.matrix.name in moves:
                move = moves[place.matrix.name]
                found.append((move, max(place.column, free)))
                free = found[-1][1] + columns_for(move, move.columns.size) + 1
        if found:
            lanes.append(_place("changes" if len(lanes) == len(book.lanes) else "", row, found))
            row = lanes[-1].last_row + 2
    return replace(book, lanes=tuple(lanes)) if len(lanes) > len(book.lanes) else book


def _place(
    key: str,
    row: int,
    matrices: Iterable[tuple[Matrix, int]],
    layer: int | None = None,
    title: str = "",
) -> PlacedLane:
    places = tuple(Place(matrix, row + 2, column) for matrix, column in matrices)
    last = max(place.last_row for place in places)
    return PlacedLane(key, row, last, places, layer, title=title)


def _fits(spread: Spread) -> bool:
    """Whether a spread fits one page, in letters that can be read, and so about one screen."""
    labels = len({place.label_column for place in spread.places})
    numbers = spread.last_column - FIRST_COLUMN + 2 - labels
    width = LANE_WIDTH + labels * LABEL_WIDTH + numbers * NUMBER_WIDTH
    rows = sum(lane.last_row - lane.row - 1 for lane in spread.lanes)
    height = TOP + rows * ROW_HEIGHT + len(spread.lanes) * (HEADS - SHAPE_HEIGHT + BETWEEN)
    return width <= PAGE_WIDTH and height <= PAGE_HEIGHT


def _check_limits(layout: Layout, samples: int) -> None:
    last_row = max(spread.last_row for spread in layout.spreads.values())
    last_column = max(spread.last_column for spread in layout.spreads.values())
    if last_row > MOST_ROWS:
        raise LimitError(
            f"{samples} samples need {last_row} rows of a sheet; a spreadsheet has"
            f" {MOST_ROWS}: use fewer samples."
        )
    if last_column > MOST_COLUMNS:
        raise LimitError(
            f"The matrices need {last_column} columns of a sheet; a spreadsheet has"
            f" {MOST_COLUMNS}: use fewer inputs or neurons."
        )


# --- As it was ------------------------------------------------------------------------------

# What version 0.3.0 laid out, whose exercises do not say where their matrices stand: lanes began
# lower, and many samples stood side by side.
FIRST_LANE_BEFORE, TALLEST_LANE_BEFORE = 11, 30


def places_before(program: Program) -> dict[str, Place]:
    """Return where each matrix stood in the workbooks of 0.3.0, by its name."""
    if program.samples.size <= TALLEST_LANE_BEFORE:
        lower = FIRST_LANE_BEFORE - FIRST_LANE
        homes = flip_book(program.lanes).homes
        return {n: Place(p.matrix, p.row + lower, p.column) for n, p in homes.items()}
    by_sample = [matrix for matrix in program.matrices if program.is_by_sample(matrix)]
    updated = program.brought_by("update")
    parameters = [m for m in program.matrices if m not in by_sample and m not in updated]
    found: dict[str, Place] = {}
    row = FIRST_LANE_BEFORE
    for matrices, gap in ((parameters, 2), (updated, 4), (by_sample, 0)):
        lane = _place("", row, _side_by_side(matrices))
        found |= {place.matrix.name: place for place in lane.places}
        row = lane.last_row + gap
    return found


def _side_by_side(matrices: Iterable[Matrix]) -> Iterable[tuple[Matrix, int]]:
    column = FIRST_COLUMN
    for matrix in matrices:
        yield matrix, column
        column += columns_for(matrix, matrix.columns.size) + 1
