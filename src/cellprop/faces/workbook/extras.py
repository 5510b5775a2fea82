"""Which sheets follow the steps, what they are called, and what they have in common.

Knows a run and what a spreadsheet has room for; what stands on the sheets, it does not know.
"""

from __future__ import annotations

from cellprop.faces import layout as at
from cellprop.running.run import Run

TRAINING, PREDICTIONS, BOUNDARY = "Training", "Predictions", "Decision boundary"
# In a chart, beside its axis and in a column of classes a label takes no more than so many places.
WIDEST = 60


def which(run: Run) -> tuple[str, ...]:
    """Return the names of the sheets that follow the steps, in order."""
    names = [TRAINING] if run.epochs >= 2 else []
    if widest(run) <= at.MOST_COLUMNS:
        names.append(PREDICTIONS)
        if run.program.input.columns.size == 2:
            names.append(BOUNDARY)
    return tuple(names)


def key(name: str) -> str:
    """Return under which key the words of an extra sheet stand."""
    return {TRAINING: "training", PREDICTIONS: "predictions", BOUNDARY: "boundary"}[name]


def widest(run: Run) -> int:
    """Return the number of columns that a sheet with a sample in a row has at most."""
    program = run.program
    inputs, outputs = program.input.columns.size, program.output.columns.size
    parameters = sum(matrix.columns.size + 1 for matrix in program.parameters)
    working = inputs + sum(matrix.columns.size + 1 for matrix in program.forward.brings)
    # And those of prose, of the grid and of the chart.
    return 2 * inputs + 3 * outputs + parameters + working + 80
