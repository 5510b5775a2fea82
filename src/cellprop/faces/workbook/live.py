"""A network that trains on the sheet Training: a row for each epoch, from the row above.

The formulas are the steps' own expressions, read with other addresses. Only a small network that
learns from all samples at once has such rows. Knows which columns they take; how the sheet looks,
it does not know.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from cellprop.algebra import Array, Matrix, define, evaluate, formulas, reads
from cellprop.faces.places import letter
from cellprop.faces.workbook.book import LONGEST_FORMULA, Extra, RunBook
from cellprop.faces.workbook.canvas import Addresses, at_home
from cellprop.faces.workbook.points import beside_the_curve
from cellprop.limits import MOST_COLUMNS
from cellprop.programs.deciding import decided, right
from cellprop.running.run import Run
from cellprop.running.training import diverging

TRAINING = Extra("Training", "training")
WITH_PLANE = Extra("Training", "training", "training.about_plane")
# Live rows stop after so many epochs, or when they would be more formula cells than this; with
# fewer rows than the least they show too little of a curve.
LIVE_EPOCHS, LIVE_CELLS, LEAST_ROWS = 300, 40_000, 20
# Where numbers begin: beyond the columns of the chart.
FIRST_ROW, FIRST_COLUMN = 8, 17

# What the whole curve takes where the live rows end before, with a column after it.
WHOLE_COLUMNS = 4

# In a formula: the number of its own row, and that of the row above.
HERE, ABOVE = "\1", "\2"


@dataclass(frozen=True)
class Live:
    """Training in rows of a sheet, an epoch each; the first is before training.

    Attributes:
        count: How many epochs there are.
        columns: The first column of each matrix: its cells follow each other row by row.
        updates: The formulas of what is carried on, from the row above.
        formulas: The formulas of what is computed from that within a row.
        values: What they give, of shape (count + 1, rows, columns).
    """

    count: int
    columns: Mapping[str, int]
    updates: Mapping[str, Addresses]
    formulas: Mapping[str, Addresses]
    values: Mapping[str, Array]

    @cached_property
    def last_row(self) -> int:
        """The row of the sheet after the last epoch."""
        return FIRST_ROW + self.count

    def last(self, name: str) -> Addresses:
        """Return the address of each cell of a matrix in the last row, for another sheet."""
        _, rows, columns = self.values[name].shape
        cells = _cells(self.columns[name], rows, columns, str(self.last_row))
        return [[f"'{TRAINING.name}'!{cell}" for cell in row] for row in cells]

    def cells(self, matrix: Matrix, row: int) -> Addresses:
        """Return the address of each cell of a matrix in a row, which follow each other."""
        return _cells(self.columns[matrix.name], *matrix.shape, str(row))


def _cells(first: int, rows: int, columns: int, row: str) -> Addresses:
    """Return addresses of a matrix whose cells follow each other in one row of a sheet."""
    return [
        [f"{letter(first + i * columns + j)}{row}" for j in range(columns)] for i in range(rows)
    ]


def live_rows(book: RunBook) -> Live | None:
    """Return the training of a network in rows; None if it is too large, or has mini-batches."""
    run = book.run
    if run.epochs < 2 or run.batches > 1:
        return None
    needed = _needed(run)
    told = counted(run)
    size = sum(matrix.size for matrix in (*needed, *told))
    count = min(run.epochs, LIVE_EPOCHS, LIVE_CELLS // (size + 3) - 1)
    wide = size + FIRST_COLUMN + 6 + beside_the_curve(run)
    if count < min(LEAST_ROWS, run.epochs) or wide > MOST_COLUMNS:
        return None
    values = _values(book, needed, count)
    count = len(next(iter(values.values()))) - 1
    columns = _columns(run, needed, told, whole=count < run.epochs)
    updates, within = _updates(book, columns), _within(book, columns, needed, told)
    texts = [t for rows in (*updates.values(), *within.values()) for row in rows for t in row]
    # Rows have four digits at most.
    longest = max(len(text) + 3 * (text.count(HERE) + text.count(ABOVE)) for text in texts)
    if longest >= LONGEST_FORMULA or count < min(LEAST_ROWS, run.epochs):
        return None
    return Live(count, columns, updates, within, values)


def _needed(run: Run) -> list[Matrix]:
    """Return the matrices that have columns: those carried on, the output, what leads to them."""
    program = run.program
    given = {matrix.name for matrix in program.brought_by("given", "parameters")}
    replacing = {matrix.name for matrix in program.updates.values()}
    found: dict[str, Matrix] = {}

    def visit(matrix: Matrix) -> None:
        if matrix.name not in given and matrix.name not in found:
            found[matrix.name] = matrix
            assert matrix.definition is not None
            for operand in reads(matrix.definition):
                visit(operand)

    outputs = program.forward.outputs
    for matrix in (*outputs, *program.losses, *program.updates.values()):
        visit(matrix)
    carried = [run.matrix(name) for name in run.start]
    steps = [m for m in program.matrices if m.name in found and m.name not in replacing]
    return [*carried, *outputs, *(m for m in steps if m not in outputs)]


def counted(run: Run) -> list[Matrix]:
    """Return the matrices of zeros and ones by which right outputs are counted; the last says
    which samples are right. None if outputs decide nothing.
    """
    program, how = run.program, run.decision
    if not how:
        return []
    chosen = decided(program.output, how)
    if how != "each yes or no":
        return [define("right", right(chosen, program.target, how))]
    each = define("decided", chosen)
    return [each, define("right", right(each, program.target, how))]


def _values(book: RunBook, needed: list[Matrix], count: int) -> dict[str, Array]:
    """Return the numbers of every row, computed in the order in which a spreadsheet does."""
    run, program = book.run, book.run.program
    told = counted(run)
    names = [m.name for m in (*needed, *told)]
    found: dict[str, list[Array]] = {name: [] for name in names}
    carried = dict(run.start)
    given = {m.name: run.values[m.name] for m in program.given}
    with diverging():
        for _ in range(count + 1):
            values = evaluate((*program.matrices, *told), given | carried)
            if not all(np.isfinite(values[name]).all() for name in names):
                break
            if not all(book.allowed.has(name, values[name]) for name in carried):
                break  # formulas would stop here
            for name in names:
                found[name].append(values[name])
            carried = {name: values[matrix.name] for name, matrix in program.updates.items()}
    return {name: np.array(rows) for name, rows in found.items()}


def _columns(run: Run, needed: list[Matrix], told: list[Matrix], *, whole: bool) -> dict[str, int]:
    """Return the first column of each matrix; a column between what is shown and the working."""
    shown = len(run.start) + len(run.program.forward.outputs)
    first = FIRST_COLUMN + (WHOLE_COLUMNS if whole else 0) + beside_the_curve(run)
    columns = _in_a_row(needed[:shown], first)
    return columns | _in_a_row([*told, *needed[shown:]], columns[""] + 1)


def _in_a_row(matrices: list[Matrix], column: int) -> dict[str, int]:
    """Return the first column of each matrix, all of whose cells stand in one row of the sheet;
    and, as `""`, where all end.
    """
    columns = {}
    for matrix in matrices:
        columns[matrix.name] = column
        column += matrix.size
    return columns | {"": column}


def _updates(book: RunBook, columns: Mapping[str, int]) -> dict[str, Addresses]:
    """Return the formulas of what is carried on, by its name: they read the row above."""
    address = _address_from(book, columns, ABOVE)
    return {
        name: book.allowed.stopped(
            name, matrix.name, formulas(matrix.definition, address, scattered=True)
        )
        for name, matrix in book.run.program.updates.items()
        if matrix.definition is not None
    }


def _within(
    book: RunBook, columns: Mapping[str, int], needed: list[Matrix], told: list[Matrix]
) -> dict[str, Addresses]:
    """Return the formulas of what is computed of that within a row, by name."""
    address, updates = _address_from(book, columns, HERE), book.run.program.updates
    found = {
        matrix.name: formulas(matrix.definition, address, scattered=True)
        for matrix in needed
        if matrix.name not in updates and matrix.definition is not None
    }
    # Of a sample's outputs the cells follow each other: they make a range.
    return found | {m.name: formulas(m.definition, address) for m in told if m.definition}


def _address_from(
    book: RunBook, columns: Mapping[str, int], row: str
) -> Callable[[Matrix], Addresses]:
    """Return the addresses of matrices as a formula knows them that reads the cells of a row."""
    replaces = {matrix.name: name for name, matrix in book.run.program.updates.items()}

    def address(matrix: Matrix) -> Addresses:
        # What replaces `wh` is the `wh` of the row below the one it is computed from.
        name = replaces.get(matrix.name, matrix.name)
        if name not in columns:
            return at_home(book, name)
        at = HERE if matrix.name in replaces else row
        return _cells(columns[name], *matrix.shape, at)

    return address
