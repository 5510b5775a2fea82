"""Where everything of a decision boundary stands on its sheet, and what its two axes are.

Knows a run and columns; puts nothing on the sheet.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cellprop.algebra import ONE, Axis, Matrix
from cellprop.faces.places import Place, letter
from cellprop.faces.workbook.band import one_after_another, side_by_side
from cellprop.faces.workbook.book import Extra
from cellprop.faces.workbook.canvas import WIDEST, Addresses
from cellprop.faces.workbook.points import points_of
from cellprop.faces.workbook.trained import Trained
from cellprop.running.run import Run
from cellprop.texts.formats import cut

BOUNDARY = Extra("Decision boundary", "boundary")
SHOWN, FIRST_ROW, FIRST_COLUMN = 5, 8, 2
# Of the grid on a sheet of its own, in points and characters; and beside the curve of training.
CELL_HEIGHT, CELL_WIDTH, NARROW = 18.0, 3.6, 3.0
# What the chart of the samples, which lies on the grid, has below it for its legend: rows.
CHART_BELOW = 3


@dataclass(frozen=True)
class Grid:
    """Where everything stands: columns, and how many points there are each way.

    Attributes:
        sheet: The name of the sheet.
        points: Across, and down.
        first_column: The first column of the grid; at its left stand the numbers of its rows.
        samples, limits: The first columns of the samples, and of the least and the most of each
            input; working columns begin there.
        parameters: Where the copies of the trained parameters stand.
        columns: The first column of each matrix in the rows of the points.
        shown: The column of what the grid links to.
    """

    sheet: str
    points: int
    first_column: int
    samples: int
    limits: int
    parameters: Mapping[str, Place]
    columns: Mapping[str, int]
    shown: int

    @property
    def last_row(self) -> int:
        """The last row of the grid."""
        return FIRST_ROW + self.points - 1

    @property
    def last_column(self) -> int:
        """The last column of the grid, and of what is printed."""
        return self.first_column + self.points - 1

    @property
    def chart_last_row(self) -> int:
        """The last row of the chart, and of what is printed."""
        return self.last_row + CHART_BELOW

    @property
    def first_sample(self) -> int:
        """The row of the first sample: below the grid, whose rows are all equally high."""
        return self.chart_last_row + 4

    @property
    def choice(self) -> str:
        """The formula of which output the grid shows: the first, if the choice was cleared."""
        return f"MAX(1,${letter(self.first_column)}${SHOWN})"


def lay_out(
    run: Run, trained: Trained, sheet: str, first_column: int = FIRST_COLUMN, beyond: int = 0
) -> Grid:
    """Return the columns of everything: the grid begins at a column, and what it is computed from
    stands at its right, and beyond another column.
    """
    forward = run.program.forward
    steps = (forward.input, *forward.by_sample)
    points = points_of(run)
    samples = max(first_column + points, beyond) + 1
    limits = samples + 8
    matrices = [place.matrix for place in trained.places.values()]
    places = side_by_side(matrices, FIRST_ROW, limits + 4)
    last = max(place.last_column for place in places.values())
    columns = one_after_another(steps, last + 2)
    return Grid(sheet, points, first_column, samples, limits, places, columns, columns[""])


def inputs_of(run: Run) -> list[str]:
    """Return the names of the two inputs, each cut to the characters that a title has room for."""
    return [cut(label, WIDEST) for label in run.program.input.columns.labels]


def chooses_output(run: Run) -> bool:
    """Whether the grid shows one of several outputs, which is to be chosen."""
    return run.decision != "one of several" and run.program.output.columns.size > 1


def ends_of(inputs: Axis) -> tuple[Matrix, Matrix]:
    """Return what stands for the least and the most of each input, of shape (1, inputs)."""
    return Matrix("least", ONE, inputs), Matrix("most", ONE, inputs)


def ends_at(grid: Grid) -> dict[str, Addresses]:
    """Return the addresses of the least and the most of each input, by name."""
    columns = letter(grid.limits + 1), letter(grid.limits + 2)
    return {
        name: [[f"${column}${row}" for column in columns]]
        for row, name in enumerate(("least", "most"), FIRST_ROW)
    }
