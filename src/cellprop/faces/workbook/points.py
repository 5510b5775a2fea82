"""Which networks have room for a sheet of samples; and of which a plane is shown, where, and in how
many points.

Knows a run; what stands on the sheets, it does not know.
"""

from __future__ import annotations

from cellprop import limits
from cellprop.running.run import Run

# So many points across and down, or fewer where that would be more formula cells than this.
POINTS, FEWEST, MOST_CELLS = 25, 9, 100_000
# Beside the points, columns for the numbers at a side, and between them and others.
AROUND = 3


def _widest(run: Run) -> int:
    """Return the number of columns that a sheet with a sample in a row has at most."""
    program = run.program
    inputs, outputs = program.input.columns.size, program.output.columns.size
    parameters = sum(matrix.columns.size + 1 for matrix in program.parameters)
    working = inputs + sum(matrix.columns.size + 1 for matrix in program.forward.brings)
    # And those of prose, of the grid and of the chart.
    return 2 * inputs + 3 * outputs + parameters + working + 80


def has_room(run: Run) -> bool:
    """Return whether a spreadsheet has room for a sheet with a sample in a row."""
    # A program that somebody wrote need not have a sample in a row.
    return not run.program.is_written and _widest(run) <= limits.MOST_COLUMNS


def spans_a_plane(run: Run) -> bool:
    """Return whether there are two inputs, so that a plane holds all that they can be."""
    return has_room(run) and run.program.input.columns.size == 2


def has_a_curve(run: Run) -> bool:
    """Return whether there is a sheet of training: for more than one epoch."""
    return run.epochs >= 2


def points_of(run: Run) -> int:
    """Return how many points a plane has each way: as many as a sheet is quick with."""
    forward = run.program.forward
    size = sum(matrix.columns.size for matrix in (forward.input, *forward.by_sample)) + 2
    points = POINTS
    while points > FEWEST and points * points * size > MOST_CELLS:
        points -= 2
    return points


def beside_the_curve(run: Run) -> int:
    """Return how many columns a plane takes beside the curve of training; none if it has none."""
    return points_of(run) + AROUND if spans_a_plane(run) and has_a_curve(run) else 0
