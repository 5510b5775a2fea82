"""The decision boundary: what a network with two inputs says everywhere, in colour, and on it the
samples. It stands beside the curve of training, or where there is none on a sheet of its own.

Each point of the grid goes through the network in a row of its own, far to the right; the grid
itself links there. A formula for each point in one cell would double in length with every layer.
The samples on it are `scatter`'s.
"""

from __future__ import annotations

import numpy as np
from openpyxl.worksheet.worksheet import Worksheet

from cellprop.algebra import (
    ONE,
    Applied,
    Array,
    Axis,
    Expression,
    Matrix,
    Number,
    apply,
    formulas,
    value,
)
from cellprop.faces.places import Place, letter
from cellprop.faces.workbook import scatter, xml
from cellprop.faces.workbook.band import Band, band
from cellprop.faces.workbook.book import RunBook
from cellprop.faces.workbook.canvas import Addresses, Canvas, absolute, at_home, room_for
from cellprop.faces.workbook.measures import ROW
from cellprop.faces.workbook.plane import (
    BOUNDARY,
    CELL_HEIGHT,
    CELL_WIDTH,
    FIRST_ROW,
    SHOWN,
    Grid,
    chooses_output,
    ends_at,
    ends_of,
    inputs_of,
    lay_out,
)
from cellprop.faces.workbook.samples import Predicted
from cellprop.faces.workbook.trained import PREDICTIONS, Trained, known
from cellprop.programs.deciding import decided
from cellprop.running.run import Run
from cellprop.texts.formats import LARGE, LONGEST_LABEL, MOST_DECIMALS, UNSEEN, Format, choose

# How far the grid goes beyond the samples: a tenth of what they span.
MARGIN = 10
# Samples that span less than this are taken to be alike: not every engine tells less from nothing.
# Written out, since HyperFormula reads no number with an E.
LEAST_SPAN = "0.000000001"
# Columns that the title and the links take, however few points there are.
LEAST_WIDE = 22
# A number at an axis every so many points.
TICKS = 4


def boundary_sheet(book: RunBook, sheet: Worksheet, predicted: Predicted) -> list[str]:
    """Set the sheet Decision boundary up in the frame and return its rows."""
    canvas = Canvas(book, sheet)
    grid = lay_out(book.run, predicted.trained, BOUNDARY.name)
    for row in range(FIRST_ROW, grid.chart_last_row + 1):
        canvas.heighten(row, CELL_HEIGHT)
    page = grid.last_column + 1
    canvas.head(BOUNDARY, max(page, LEAST_WIDE), apart=4)
    for row in range(3, FIRST_ROW - 2):
        canvas.heighten(row, 4.0 if row != SHOWN or not chooses_output(book.run) else ROW)
    put_plane(canvas, grid, predicted, CELL_WIDTH)
    canvas.prose(2, page, said_of_plane(book))
    canvas.set_up_print(page, "1:2", last_row=grid.chart_last_row, one_page=True)
    return canvas.rows()


def put_plane(canvas: Canvas, grid: Grid, predicted: Predicted, width: float) -> None:
    """Put the grid, its cells so many characters wide, what it is computed from, and samples."""
    trained = predicted.trained
    # And a column after it.
    for column in range(grid.first_column, grid.last_column + 2):
        canvas.set_width(column, width)
    ends, points = _put_limits(canvas, grid)
    _put_parameters(canvas, grid, trained)
    values = _put_points(canvas, grid, trained, points)
    _put_grid(canvas, grid, points, values)
    scatter.put_samples(canvas, grid, predicted, ends)
    canvas.text(FIRST_ROW - 3, grid.limits, "lane", canvas.book.words("training.working"))
    canvas.group(range(grid.limits, grid.shown + 1), collapsed=True)


def said_of_plane(book: RunBook) -> str:
    """Return the sentences that are said of the plane."""
    words, run = book.words, book.run
    first, second = inputs_of(run)
    said = [words("boundary.says", first=first, second=second)]
    if run.decision == "one of several":
        said.append(words("boundary.classes"))
    elif limits := _limits_of_colors(run):
        low, middle, high = (f"{limit:g}" for limit in limits)
        said.append(words("boundary.output", low=low, middle=middle, high=high))
    else:
        said.append(words("boundary.number"))
    return " ".join(said)


def _limits_of_colors(run: Run) -> tuple[float, float, float] | None:
    """Return the outputs at which the colour scale begins, is white, and ends; None if an output
    may be any number.
    """
    output = run.program.output
    applied = output.whole or output.definition
    bounds = applied.operation.bounds if isinstance(applied, Applied) else None
    return bounds and (bounds[0], sum(bounds) / 2, bounds[1])


# --- Points -------------------------------------------------------------------------------


def _put_limits(canvas: Canvas, grid: Grid) -> tuple[Array, Array]:
    """Put the least and the most of each input; return them, of shape (2, inputs), and the inputs
    of all points, row by row.
    """
    run, words = canvas.book.run, canvas.book.words
    raw = run.program.input.name
    home = at_home(canvas.book, raw)
    limits = _limits(run.program.input)
    texts = [formulas(limit, lambda _: home)[0] for limit in limits]
    values = np.vstack([value(limit, run.values) for limit in limits])
    sides = Axis("limits", (words("boundary.least"), words("boundary.most")))
    place = Place(Matrix("limits", sides, run.program.input.columns), FIRST_ROW, grid.limits + 1)
    canvas.numbers(place, "known", choose(values, given=False), values, texts)
    canvas.labels(place, beside=LONGEST_LABEL)
    canvas.text(place.name_row, place.column, "name", words("boundary.limits"))
    known = {"least": values[:1], "most": values[1:]}
    steps = [value(_at_step(k, grid), known)[0] for k in range(grid.points)]
    points = [[across[0], down[1]] for down in reversed(steps) for across in steps]
    return values, np.array(points)


def _limits(raw: Matrix) -> tuple[Expression, Expression]:
    """Return the expressions of the least and the most of each input that is shown, of shape
    (1, inputs): a little beyond the samples, and by 1 where they do not differ.
    """
    least, most = apply("minimum_over_rows", raw), apply("maximum_over_rows", raw)
    span = most - least
    beyond = apply("if_more", span, span / MARGIN, Number(1.0), least=LEAST_SPAN)
    return least - beyond, most + beyond


def _at_step(k: int, grid: Grid) -> Expression:
    """Return the expression of the inputs of the points of a step on the way from their least to
    their most, counted from 0; of shape (1, inputs).
    """
    least, most = ends_of(Axis.numbered("inputs", 2))
    return least + (most - least) * k / (grid.points - 1)


def _put_parameters(canvas: Canvas, grid: Grid, trained: Trained) -> None:
    """Put copies of the trained parameters, so that formulas refer to this sheet only."""
    for name, place in grid.parameters.items():
        there = trained.places[name].addresses()
        links = [[f"'{PREDICTIONS.name}'!{cell}" for cell in row] for row in there]
        values = trained.values[name]
        canvas.numbers(place, "known", choose(values, given=False), values, links)
        canvas.text(place.name_row, place.column, "name", name)
        # In one line: these stand in the rows of the grid, whose cells are square.
        canvas.labels(place, beside=LONGEST_LABEL)


def _put_points(canvas: Canvas, grid: Grid, trained: Trained, points: Array) -> Array:
    """Put each point in a row, with what the network makes of it; return what is shown of it."""
    book, run = canvas.book, canvas.book.run
    forward = run.model.forward(Axis.numbered("samples", len(points)))
    rows = band(forward, FIRST_ROW, grid.columns)
    values = rows.values(points, known(run, trained))

    def fixed(matrix: Matrix) -> Addresses:
        place = grid.parameters.get(matrix.name)
        return absolute(place) if place else at_home(book, matrix.name)

    texts = {forward.input.name: _points(grid)}
    texts |= {matrix.name: rows.formulas(matrix, fixed) for matrix in forward.by_sample}
    for name, place in rows.places.items():
        form = choose(values[name], given=False)
        canvas.numbers(place, "known", form, values[name], texts[name])
        canvas.text(place.name_row, place.column, "name", name)
        for j, label in enumerate(place.matrix.columns.labels, place.column):
            canvas.label(place.label_row, j, label)
    return _put_shown(canvas, grid, rows, values[forward.output.name])


def _put_shown(canvas: Canvas, grid: Grid, rows: Band, outputs: Array) -> Array:
    """Put what the grid shows of each point, and return it."""
    book, run = canvas.book, canvas.book.run
    place = Place(Matrix("shown", rows.forward.output.rows, ONE), FIRST_ROW, grid.shown)
    found = outputs[:, :1]
    if run.decision == "one of several":
        output = rows.forward.output
        found = value(decided(output, run.decision), {output.name: outputs})
    canvas.numbers(place, "known", choose(found, given=False), found, _shown(run, grid, rows))
    canvas.text(place.name_row, place.column, "name", book.words("boundary.shown"))
    return found


def _points(grid: Grid) -> Addresses:
    """Return the formulas of the inputs of each point."""
    ends = ends_at(grid)
    steps = [formulas(_at_step(k, grid), lambda end: ends[end.name])[0] for k in range(grid.points)]
    return [[across[0], down[1]] for down in reversed(steps) for across in steps]


def _shown(run: Run, grid: Grid, rows: Band) -> Addresses:
    """Return the formulas of what the grid shows of each point."""
    outputs = rows.output.addresses()
    if run.decision == "one of several":
        return formulas(decided(rows.forward.output, run.decision), lambda _: outputs)
    if chooses_output(run):
        return [[f"INDEX({cells[0]}:{cells[-1]},1,{grid.choice})"] for cells in outputs]
    return outputs


# --- What is seen -------------------------------------------------------------------------


def _put_grid(canvas: Canvas, grid: Grid, points: Array, values: Array) -> None:
    """Put the grid, and around it what it is about."""
    book, run, count = canvas.book, canvas.book.run, grid.points
    limits = _limits_of_colors(run)
    # The colour alone says it.
    style, shown = canvas.style("known", UNSEEN), letter(grid.shown)
    columns = [letter(grid.first_column + j) for j in range(count)]
    for i, numbers in enumerate(values.reshape(count, count).tolist()):
        row, there = FIRST_ROW + i, range(FIRST_ROW + i * count, FIRST_ROW + (i + 1) * count)
        cells = xml.formula_cells(
            [f"{column}{row}" for column in columns],
            style,
            [f"{shown}{k}" for k in there],
            [xml.number(value) for value in numbers],
        )
        canvas.put(row, grid.first_column, cells)
    cells = f"{columns[0]}{FIRST_ROW}:{columns[-1]}{grid.last_row}"
    if run.decision == "one of several":
        book.frame.add_class_colors(canvas.sheet, cells, run.program.output.columns.size)
    else:
        book.frame.add_color_scale(canvas.sheet, cells, limits)
    first, second = inputs_of(run)
    axes = book.words("boundary.axes", first=first, second=second)
    if grid.sheet != BOUNDARY.name:
        axes = f"{book.words('boundary.title')}: {axes}"
    canvas.text(FIRST_ROW - 2, grid.first_column - 1, "name", axes)
    _put_ticks(canvas, grid, points)
    if chooses_output(run):
        _put_choice(canvas, grid)


def _put_ticks(canvas: Canvas, grid: Grid, points: Array) -> None:
    """Put the numbers that the rows and columns of the grid stand for."""
    count = grid.points
    raw = grid.columns[canvas.book.run.program.input.name]
    across, down = (_code_of_ticks(values) for values in points.T)
    for i, number in enumerate(points[::count, 1].tolist()):
        there = f"{letter(raw + 1)}{FIRST_ROW + i * count}"
        canvas.formula(FIRST_ROW + i, grid.first_column - 1, "label", there, number, down)
    # A number is wider than a cell of the grid: one for every few columns, across three of them.
    for j in range(TICKS, count, TICKS):
        row, column = grid.last_row + 1, grid.first_column + j - 1
        canvas.sheet.merged_cells.add(f"{letter(column)}{row}:{letter(column + 2)}{row}")
        there, number = f"{letter(raw)}{FIRST_ROW + j}", float(points[j, 0])
        canvas.formula(row, column, "label", there, number, across)


def _put_choice(canvas: Canvas, grid: Grid) -> None:
    """Put the cell in which it is chosen which output the grid shows."""
    words = canvas.book.words
    caption, count = words("boundary.choice"), canvas.book.run.program.output.columns.size
    canvas.text(SHOWN, grid.first_column - 1, "caption", caption)
    canvas.widen(grid.first_column - 1, room_for(caption))
    canvas.number(SHOWN, grid.first_column, "focus", 1.0, "0")
    canvas.book.frame.add_choice(
        canvas.sheet,
        f"{letter(grid.first_column)}{SHOWN}",
        [str(k) for k in range(1, count + 1)],
        words("sheet.errors.choice"),
    )


def _code_of_ticks(values: Array) -> str:
    """Return the number format of the numbers at a side: as many decimals as tell them apart."""
    step = float(np.ptp(values)) / len(np.unique(values))
    if not step:
        return Format(None).code
    decimals = max(0, int(np.ceil(-np.log10(step))))
    fits = decimals <= MOST_DECIMALS and np.abs(values).max() < LARGE
    return Format(decimals if fits else None).code
