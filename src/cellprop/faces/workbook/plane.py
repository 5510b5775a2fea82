"""Where everything stands on the sheet Decision boundary, and what its two axes are.

Knows a run and columns; puts nothing on the sheet.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cellprop.faces.places import Place, letter
from cellprop.faces.workbook.band import one_after_another, side_by_side
from cellprop.faces.workbook.book import Extra
from cellprop.faces.workbook.canvas import WIDEST
from cellprop.faces.workbook.trained import Trained
from cellprop.running.run import Run
from cellprop.texts.formats import cut

BOUNDARY = Extra("Decision boundary", "boundary")
# So many points across and down, or fewer where that would be more formula cells than this.
POINTS, FEWEST, MOST_CELLS = 25, 9, 100_000
SHOWN, FIRST_ROW, FIRST_COLUMN = 4, 8, 2
CELL_HEIGHT = 18.0  # of the grid, in points
# Of the grid and the chart, square with the height: in characters.
CELL_WIDTH = 3.6
# What the chart has around the plot: columns at the left and right, rows below.
CHART_LEFT, CHART_RIGHT, CHART_BELOW = 4, 1, 5


@dataclass(frozen=True)
class Grid:
    """Where everything stands: columns, and how many points there are each way.

    Attributes:
        points: Across, and down.
        chart, samples, limits: The first columns of the chart, of the samples, and of the least and
            the most of each input; working columns begin there.
        parameters: Where the copies of the trained parameters stand.
        columns: The first column of each matrix in the rows of the points.
        shown: The column of what the grid links to.
    """

    points: int
    chart: int
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
    def chart_last(self) -> int:
        """The last column of the chart, and of what is printed."""
        return self.chart + CHART_LEFT + self.points + CHART_RIGHT - 1

    @property
    def chart_last_row(self) -> int:
        """The last row of the chart, and of what is printed."""
        return self.last_row + CHART_BELOW


def lay_out(run: Run, trained: Trained) -> Grid:
    """Return the columns of everything, and as many points as a sheet is quick with."""
    forward = run.program.forward
    steps = (forward.input, *forward.by_sample)
    size = sum(matrix.columns.size for matrix in steps) + 2
    points = POINTS
    while points > FEWEST and points * points * size > MOST_CELLS:
        points -= 2
    chart = FIRST_COLUMN + points + 1
    samples = chart + CHART_LEFT + points + CHART_RIGHT + 1
    limits = samples + 6
    matrices = [place.matrix for place in trained.places.values()]
    places = side_by_side(matrices, FIRST_ROW, limits + 4)
    last = max(place.last_column for place in places.values())
    columns = one_after_another(steps, last + 2)
    return Grid(points, chart, samples, limits, places, columns, columns[""])


def inputs_of(run: Run) -> list[str]:
    """Return the names of the two inputs, each cut to the characters that a title has room for."""
    return [cut(label, WIDEST) for label in run.program.input.columns.labels]


def chooses_output(run: Run) -> bool:
    """Whether the grid shows one of several outputs, which is to be chosen."""
    return run.decision != "one of several" and run.program.output.columns.size > 1


def choice() -> str:
    """Return the formula of which output the grid shows: the first, if the choice was cleared."""
    return f"MAX(1,${letter(FIRST_COLUMN)}${SHOWN})"
