"""The samples on the decision boundary: in rows, class by class, and as a chart of points.

Knows what the sheet Predictions says of each sample; what the network says elsewhere, it does not
know.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from cellprop.algebra import Array, Axis, Matrix, apply, formulas, value
from cellprop.faces.places import Place, letter
from cellprop.faces.workbook.book import RunBook
from cellprop.faces.workbook.canvas import WIDEST, Canvas, at_home, room_for
from cellprop.faces.workbook.charts import Chart, Inside, Scale, Series, over
from cellprop.faces.workbook.plane import (
    CHART_BELOW,
    FIRST_ROW,
    Grid,
    chooses_output,
    ends_at,
    ends_of,
    inputs_of,
)
from cellprop.faces.workbook.samples import Predicted
from cellprop.faces.workbook.trained import PREDICTIONS
from cellprop.programs.deciding import decided
from cellprop.texts.formats import Format, choose, cut


@dataclass(frozen=True)
class Cloud:
    """The samples of a class: rows that follow each other.

    Attributes:
        name: What the chart's legend calls it.
        look: The number of its colour and marker, from 0: also where another class has no sample.
        first_row, last_row: Where its samples stand.
    """

    name: str
    look: int
    first_row: int
    last_row: int


def put_samples(canvas: Canvas, grid: Grid, predicted: Predicted, ends: Array) -> None:
    """Put the samples, a class after the other, and on the grid their chart; `ends` are the least
    and the most of each input, of shape (2, inputs).
    """
    book, run, there = canvas.book, canvas.book.run, predicted.table
    classes = _classes(book, predicted)
    order = np.argsort(classes, kind="stable").tolist()
    axis, raw = run.program.samples, run.program.input.name
    for k, i in enumerate(order):
        canvas.label(grid.first_sample + k, grid.samples, axis.labels[i], beside=WIDEST)
    rows = Axis(axis.name, tuple(axis.labels[i] for i in order))
    inputs = Place(Matrix(raw, rows, there.inputs), grid.first_sample, grid.samples + 1)
    links, values = at_home(book, raw), run.values[raw][order]
    canvas.numbers(inputs, "known", book.columns[raw], values, [links[i] for i in order])
    canvas.text(inputs.name_row, inputs.column, "name", raw)
    for j, label in enumerate(there.inputs.labels, inputs.column):
        canvas.label(inputs.label_row, j, label)
    _put_targets(canvas, grid, predicted, order)
    _put_positions(canvas, grid, inputs, values, ends)
    clouds = []
    for number in np.unique(classes).astype(int).tolist():
        found = [grid.first_sample + k for k, i in enumerate(order) if classes[i] == number]
        look = number - (run.decision == "one of several")
        clouds.append(Cloud(_class_name(book, number), look, found[0], found[-1]))
    _add_chart(canvas, grid, clouds)


def _classes(book: RunBook, predicted: Predicted) -> Array:
    """Return the number of each sample's class, of shape (samples,): 0 or 1, or from 1 for each
    output; 0 where there are none.
    """
    run, count = book.run, predicted.table.count
    if run.decision in ("yes or no", "one of several"):
        return value(decided(run.program.target, run.decision), run.values)[:count, 0]
    return np.zeros(count)


def _class_name(book: RunBook, number: int) -> str:
    run = book.run
    names = run.program.output.columns
    if run.decision == "one of several":
        label = names.labels[number - 1]
        return f"{number}: {cut(label, WIDEST)}" if label else str(number)
    if run.decision == "yes or no":
        name = (names.zero, *names.labels)[number] if names.zero else ""
        target = run.program.target.name
        return f"{number}: {cut(name, WIDEST)}" if name else f"{target} = {number}"
    return book.words("boundary.samples")


def _put_positions(canvas: Canvas, grid: Grid, inputs: Place, values: Array, ends: Array) -> None:
    """Put where on the grid each sample is, as shares of its width and height: wherever its ends
    move, the chart goes with it.
    """
    raw = inputs.matrix
    least, most = ends_of(raw.columns)
    # The ends are the same where all samples are, and so large that a tenth of 1 is lost.
    position = apply("ratio_to_spread", raw - least, most - least)
    known = {raw.name: values, "least": ends[:1], "most": ends[1:]}
    cells = {raw.name: inputs.addresses(), **ends_at(grid)}
    texts = formulas(position, lambda matrix: cells[matrix.name])
    place = Place(Matrix("position", raw.rows, raw.columns), grid.first_sample, grid.samples + 5)
    canvas.numbers(place, "known", Format(3), value(position, known), texts)
    canvas.text(place.name_row, place.column, "name", canvas.book.words("boundary.position"))


# --- Targets and outputs ------------------------------------------------------------------


@dataclass(frozen=True)
class Column:
    """A column of samples, in the order in which Predictions has them.

    Attributes:
        head: What stands above it.
        code: Its number format.
        formulas: Of its cells.
        values: Their values.
    """

    head: str
    code: str
    formulas: Sequence[str]
    values: Sequence[float | str]


def _put_targets(canvas: Canvas, grid: Grid, predicted: Predicted, order: Sequence[int]) -> None:
    """Put each sample's target and output, or what class they stand for."""
    find = _classes_found if predicted.table.how == "one of several" else _numbers_found
    for place, column in enumerate(find(canvas.book, grid, predicted), grid.samples + 3):
        canvas.text(grid.first_sample - 2, place, "name", column.head)
        canvas.widen(place, room_for(column.head))
        for row, i in enumerate(order, grid.first_sample):
            value = column.values[i]
            canvas.formula(row, place, "known", column.formulas[i], value, column.code)
            if isinstance(value, str):
                canvas.widen(place, room_for(value[:WIDEST]))


def _classes_found(book: RunBook, _: Grid, predicted: Predicted) -> Iterator[Column]:
    """Yield the class wanted of each sample, and the class decided."""
    there, program = predicted.table, book.run.program
    known = {**book.run.values, program.output.name: predicted.outputs}
    for key, column, matrix in (
        ("wanted", there.wanted, program.target),
        ("class", there.decided, program.output),
    ):
        found = value(decided(matrix, "one of several"), known)
        rows = range(there.first_row, there.first_row + there.count)
        texts = [f"'{PREDICTIONS.name}'!{letter(column)}{row}" for row in rows]
        names = [there.classes[int(k) - 1] for k in found.ravel()]
        yield Column(book.words(f"predictions.{key}"), "General", texts, names)


def _numbers_found(book: RunBook, grid: Grid, predicted: Predicted) -> Iterator[Column]:
    """Yield the target and the output of each sample; of several outputs the one that is shown."""
    run, outputs = book.run, predicted.outputs
    target, place = run.program.target.name, predicted.samples.output
    home = f"'{PREDICTIONS.name}'!"
    wanted = [(cells[0], cells[-1].rpartition("!")[2]) for cells in at_home(book, target)]
    given_out = [(f"{home}{cells[0]}", cells[-1]) for cells in place.addresses()]
    form = choose(outputs, given=False)
    for head, code, ends, values in (
        (target, book.formats[target].code, wanted, run.values[target]),
        (place.matrix.name, form.code, given_out, outputs),
    ):
        texts = [first for first, _ in ends]
        if chooses_output(run):
            texts = [f"INDEX({first}:{last},1,{grid.choice})" for first, last in ends]
        yield Column(head, code, texts, values[:, 0].tolist())


# --- The chart ----------------------------------------------------------------------------


def _add_chart(canvas: Canvas, grid: Grid, clouds: Sequence[Cloud]) -> None:
    """Add the chart of the samples, a series for each class.

    It covers the cells of the grid, and the plot reaches from the middle of the first to the middle
    of the last: so it is as large as the grid in every program. Nothing of it hides the grid.
    """
    book = canvas.book
    labels = inputs_of(book.run)

    def cells(column: int, cloud: Cloud) -> str:
        there = f"${letter(column)}$"
        return f"'{grid.sheet}'!{there}{cloud.first_row}:{there}{cloud.last_row}"

    series = [
        Series(
            cloud.name,
            cells(grid.samples + 5, cloud),
            cells(grid.samples + 6, cloud),
            look=cloud.look,
        )
        for cloud in clouds
    ]
    says = book.words("boundary.chart_says", first=labels[0], second=labels[1])
    wide, tall, steps = grid.points, grid.points + CHART_BELOW, grid.points - 1
    inside = Inside(0.5 / wide, 0.5 / tall, steps / wide, steps / tall)
    scale = Scale(0.0, 1.0, 1.0, "0")
    chart = Chart(
        "", "", "", series, says, points=True, scales=(scale, scale), inside=inside, is_bare=True
    )  # fmt: skip
    where = over((FIRST_ROW, grid.first_column), (grid.chart_last_row, grid.last_column))
    book.frame.add_chart(canvas.sheet, where, chart)
