"""The sheet Decision boundary: what a network with two inputs says everywhere, in colour.

Each point of the grid goes through the network in a row of its own, far to the right; the grid
itself links there. A formula for each point in one cell would double in length with every layer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from openpyxl.worksheet.worksheet import Worksheet

from cellprop.algebra import ONE, OPERATIONS, Array, Axis, Matrix
from cellprop.algebra.deciding import decided, largest
from cellprop.faces.layout import Place, letter
from cellprop.faces.workbook import xml
from cellprop.faces.workbook.book import ROW, RunBook
from cellprop.faces.workbook.charts import Chart, Series
from cellprop.faces.workbook.extras import (
    BOUNDARY,
    PREDICTIONS,
    WIDEST,
    Addresses,
    Band,
    Canvas,
    absolute,
    at_home,
    band,
    one_after_another,
    room_for,
    side_by_side,
)
from cellprop.faces.workbook.predictions import Trained, known, table
from cellprop.running.run import Run
from cellprop.texts.formats import LARGE, LONGEST_LABEL, MOST_DECIMALS, Format, choose, cut

# So many points across and down, or fewer where that would be more formula cells than this.
POINTS, FEWEST, MOST_CELLS = 25, 9, 100_000
# How far the grid goes beyond the samples: a tenth of what they span.
MARGIN = 10
# Samples that span less than this are taken to be alike: not every engine tells less from nothing.
# Written out, since HyperFormula reads no number with an E.
LEAST_SPAN = "0.000000001"
# Square: characters, and points.
CELL_WIDTH, CELL_HEIGHT = 3.6, 18.0
SHOWN, FIRST_ROW, FIRST_COLUMN = 4, 8, 2
# What the chart is as wide as, in columns, and its size in centimetres.
CHART_COLUMNS, CHART_SIZE = 9, 15.9
TICKS = 4


@dataclass(frozen=True)
class Grid:
    """Where everything stands: columns, and how many points there are each way.

    Attributes:
        points: Across, and down.
        chart, samples, limits: The first columns of the chart, the samples, and of the least and
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


def lay_out(run: Run, trained: Trained) -> Grid:
    """Return where everything stands."""
    one = band(run, Axis.numbered("samples", 1), 1, {})
    steps = (one.raw, *one.computed)
    size = sum(matrix.columns.size for matrix in steps) + 2
    points = POINTS
    while points > FEWEST and points * points * size > MOST_CELLS:
        points -= 2
    chart = FIRST_COLUMN + points + 1
    samples = chart + CHART_COLUMNS + 1
    limits = samples + 6
    matrices = [place.matrix for place in trained.places.values()]
    places = side_by_side(matrices, FIRST_ROW, limits + 4)
    last = max(place.last_column for place in places.values())
    columns = one_after_another(steps, last + 2)
    return Grid(points, chart, samples, limits, places, columns, columns[""])


def boundary_sheet(book: RunBook, sheet: Worksheet, trained: Trained) -> list[str]:
    """Set the sheet Decision boundary up in the frame and return its rows."""
    run = book.run
    canvas = Canvas(book, sheet)
    grid = lay_out(run, trained)
    for column in range(FIRST_COLUMN, FIRST_COLUMN + grid.points):
        canvas.set_width(column, CELL_WIDTH)
    for row in range(FIRST_ROW, grid.last_row + 1):
        canvas.heighten(row, CELL_HEIGHT)
    points = _put_limits(canvas, grid)
    _put_parameters(canvas, grid, trained)
    values = _put_points(canvas, grid, trained, points)
    _put_grid(canvas, grid, points, values)
    ends = _put_samples(canvas, grid, trained)
    _add_chart(canvas, grid, ends)
    canvas.text(FIRST_ROW - 3, grid.limits, "lane", book.words("training.working"))
    canvas.group(range(grid.limits, grid.shown + 1), collapsed=True)
    page = grid.samples + 4
    canvas.head(BOUNDARY, page)
    for row in range(3, FIRST_ROW - 2):
        canvas.heighten(row, 4.0 if row != SHOWN or not _chooses_output(run) else ROW)
    canvas.prose(2, page, _says(book))
    canvas.set_up_print(page, "1:2")
    return canvas.rows()


def _says(book: RunBook) -> str:
    """Return what the sheet says about itself."""
    words, run = book.words, book.run
    first, second = _inputs(run)
    said = [words("boundary.says", first=first, second=second)]
    labels = run.program.output.columns.labels
    if run.decision == "one of several":
        named = ", ".join(f"{j} = {cut(label, WIDEST)}" for j, label in enumerate(labels, 1))
        said.append(words("boundary.classes", classes=named))
    elif limits := _limits_of_colors(run):
        low, middle, high = (f"{limit:g}" for limit in limits)
        said.append(words("boundary.output", low=low, middle=middle, high=high))
    else:
        said.append(words("boundary.number"))
    return " ".join(said)


def _inputs(run: Run) -> list[str]:
    """Return what the two inputs are called, in few enough characters for a title."""
    return [cut(label, WIDEST) for label in run.matrix("X").columns.labels]


def _limits_of_colors(run: Run) -> tuple[float, float, float] | None:
    """Return where the colour scale begins, is white, and ends; None if that is not known."""
    bounds = OPERATIONS[str(run.network.output_activation)].bounds
    return bounds and (bounds[0], sum(bounds) / 2, bounds[1])


def _chooses_output(run: Run) -> bool:
    """Whether the grid shows one of several outputs, which is to be chosen."""
    return run.decision != "one of several" and run.program.output.columns.size > 1


# --- Points -------------------------------------------------------------------------------


def _put_limits(canvas: Canvas, grid: Grid) -> Array:
    """Put the least and the most of each input; return the inputs of all points, row by row."""
    run, words = canvas.book.run, canvas.book.words
    raw = run.program.matrices[0].name
    home, link = canvas.book.layout.places[raw], canvas.book.link(raw)
    texts: Addresses = [[], []]
    limits = []
    for j, values in enumerate(run.values[raw].T):
        column = f"{link}${home.columns[j]}${home.row}:${home.columns[j]}${home.last_row}"
        spans = f"MAX({column})-MIN({column})"
        beyond = f"IF({spans}>{LEAST_SPAN},({spans})/{MARGIN},1)"
        texts[0].append(f"MIN({column})-{beyond}")
        texts[1].append(f"MAX({column})+{beyond}")
        span = values.max() - values.min()
        margin = span / MARGIN if span > float(LEAST_SPAN) else 1.0
        limits.append((values.min() - margin, values.max() + margin))
    sides = Axis("limits", (words("boundary.least"), words("boundary.most")))
    place = Place(Matrix("limits", sides, run.matrix("X").columns), FIRST_ROW, grid.limits + 1)
    form = choose(np.array(limits), given=False)
    canvas.numbers(place, "known", form, np.array(limits).T, texts)
    canvas.labels(place, beside=LONGEST_LABEL)
    canvas.text(place.name_row, place.column, "name", words("boundary.limits"))
    steps = np.arange(grid.points)
    (low_1, high_1), (low_2, high_2) = limits
    across = low_1 + (high_1 - low_1) * steps / (grid.points - 1)
    down = low_2 + (high_2 - low_2) * steps[::-1] / (grid.points - 1)
    return np.column_stack([np.tile(across, grid.points), np.repeat(down, grid.points)])


def _put_parameters(canvas: Canvas, grid: Grid, trained: Trained) -> None:
    """Put copies of the trained parameters, so that formulas refer to this sheet only."""
    for name, place in grid.parameters.items():
        there = trained.places[name].addresses()
        links = [[f"'{PREDICTIONS}'!{cell}" for cell in row] for row in there]
        values = trained.values[name]
        canvas.numbers(place, "known", choose(values, given=False), values, links)
        canvas.text(place.name_row, place.column, "name", name)
        # In one line: these stand in the rows of the grid, whose cells are square.
        canvas.labels(place, beside=LONGEST_LABEL)


def _put_points(canvas: Canvas, grid: Grid, trained: Trained, points: Array) -> Array:
    """Put each point in a row, with what the network makes of it; return what is shown of it."""
    book, run = canvas.book, canvas.book.run
    rows = band(run, Axis.numbered("samples", len(points)), FIRST_ROW, grid.columns)
    values = rows.values(points, known(run, trained))

    def fixed(matrix: Matrix) -> Addresses:
        place = grid.parameters.get(matrix.name)
        return absolute(place) if place else at_home(book, matrix.name)

    texts = {rows.raw.name: _points(grid)}
    texts |= {matrix.name: rows.formulas(matrix, fixed) for matrix in rows.computed}
    for name, place in rows.places.items():
        form = choose(values[name], given=False)
        canvas.numbers(place, "known", form, values[name], texts[name])
        canvas.text(place.name_row, place.column, "name", name)
        for j, label in enumerate(place.matrix.columns.labels, place.column):
            canvas.label(place.label_row, j, label)
    shown = _shown(run, rows)
    place = Place(Matrix("shown", rows.places["output"].matrix.rows, ONE), FIRST_ROW, grid.shown)
    found = values["output"][:, :1]
    if run.decision == "one of several":
        found = decided(values["output"], run.decision) + 1
    canvas.numbers(place, "known", choose(found, given=False), found, shown)
    canvas.text(place.name_row, place.column, "name", book.words("boundary.shown"))
    return found


def _points(grid: Grid) -> Addresses:
    """Return the formulas of the inputs of each point."""
    first, second = letter(grid.limits + 1), letter(grid.limits + 2)
    least, most = FIRST_ROW, FIRST_ROW + 1

    def at(column: str, step: int) -> str:
        low, high = f"${column}${least}", f"${column}${most}"
        return f"{low}+({high}-{low})*{step}/{grid.points - 1}"

    steps = range(grid.points)
    across = [at(first, j) for j in steps]
    return [[text, down] for down in [at(second, i) for i in reversed(steps)] for text in across]


def _shown(run: Run, rows: Band) -> Addresses:
    """Return the formulas of what the grid shows of each point."""
    outputs = rows.places["output"].addresses()
    if run.decision == "one of several":
        return [[largest(cells)] for cells in outputs]
    if _chooses_output(run):
        return [[f"INDEX({cells[0]}:{cells[-1]},1,{_choice()})"] for cells in outputs]
    return outputs


def _choice() -> str:
    """Return the formula of which output the grid shows: the first, if the choice was cleared."""
    return f"MAX(1,${letter(FIRST_COLUMN)}${SHOWN})"


# --- What is seen -------------------------------------------------------------------------


def _put_grid(canvas: Canvas, grid: Grid, points: Array, values: Array) -> None:
    """Put the grid, and around it what it is about."""
    book, run, count = canvas.book, canvas.book.run, grid.points
    limits = _limits_of_colors(run)
    # A cell has room for a digit: a class, or an output rounded.
    code = "0" if limits or run.decision == "one of several" else ";;;"
    style, shown = canvas.style("known", code), letter(grid.shown)
    columns = [letter(FIRST_COLUMN + j) for j in range(count)]
    for i, numbers in enumerate(values.reshape(count, count).tolist()):
        row, there = FIRST_ROW + i, range(FIRST_ROW + i * count, FIRST_ROW + (i + 1) * count)
        cells = xml.formula_cells(
            [f"{column}{row}" for column in columns],
            style,
            [f"{shown}{k}" for k in there],
            [xml.number(value) for value in numbers],
        )
        canvas.put(row, FIRST_COLUMN, cells)
    cells = f"{columns[0]}{FIRST_ROW}:{columns[-1]}{grid.last_row}"
    if run.decision == "one of several":
        book.frame.add_class_colors(canvas.sheet, cells, run.program.output.columns.size)
    else:
        book.frame.add_color_scale(canvas.sheet, cells, limits)
    first, second = _inputs(run)
    axes = book.words("boundary.axes", first=first, second=second)
    canvas.text(FIRST_ROW - 2, 1, "name", axes)
    _put_ticks(canvas, grid, points)
    if _chooses_output(run):
        _put_choice(canvas)


def _put_ticks(canvas: Canvas, grid: Grid, points: Array) -> None:
    """Put the numbers that the rows and columns of the grid stand for."""
    count = grid.points
    raw = grid.columns[canvas.book.run.program.matrices[0].name]
    across, down = (_code_of_ticks(values) for values in points.T)
    for i, number in enumerate(points[::count, 1].tolist()):
        there = f"{letter(raw + 1)}{FIRST_ROW + i * count}"
        canvas.formula(FIRST_ROW + i, 1, "label", there, number, down)
    # A number is wider than a cell of the grid: one for every few columns, across three of them.
    for j in range(2, count - 1, TICKS):
        row, column = FIRST_ROW - 1, FIRST_COLUMN + j - 1
        canvas.sheet.merged_cells.add(f"{letter(column)}{row}:{letter(column + 2)}{row}")
        there, number = f"{letter(raw)}{FIRST_ROW + j}", float(points[j, 0])
        canvas.formula(row, column, "label", there, number, across)


def _put_choice(canvas: Canvas) -> None:
    """Put the cell in which it is chosen which output the grid shows."""
    words = canvas.book.words
    caption, count = words("boundary.choice"), canvas.book.run.program.output.columns.size
    canvas.text(SHOWN, 1, "caption", caption)
    canvas.widen(1, room_for(caption))
    canvas.number(SHOWN, FIRST_COLUMN, "focus", 1.0, "0")
    canvas.book.frame.add_choice(
        canvas.sheet,
        f"{letter(FIRST_COLUMN)}{SHOWN}",
        [str(k) for k in range(1, count + 1)],
        words("sheet.errors.choice"),
    )


def _code_of_ticks(values: Array) -> str:
    """Return the number format of the numbers at a side: as many decimals as tell them apart."""
    step = float(np.ptp(values)) / POINTS
    if not step:
        return Format(None).code
    decimals = max(0, int(np.ceil(-np.log10(step))))
    fits = decimals <= MOST_DECIMALS and np.abs(values).max() < LARGE
    return Format(decimals if fits else None).code


def _put_samples(canvas: Canvas, grid: Grid, trained: Trained) -> list[tuple[str, int, int]]:
    """Put the samples, a class after the other; return each class's name, first and last row."""
    book, run = canvas.book, canvas.book.run
    there = table(run, trained)
    classes = _classes(run, there.count)
    order = np.argsort(classes, kind="stable").tolist()
    axis = run.program.output.rows
    for k, i in enumerate(order):
        canvas.label(FIRST_ROW + k, grid.samples, axis.labels[i], beside=WIDEST)
    raw = run.program.matrices[0].name
    rows = Axis(axis.name, tuple(axis.labels[i] for i in order))
    inputs = Place(Matrix(raw, rows, there.inputs), FIRST_ROW, grid.samples + 1)
    links = at_home(book, raw)
    values = run.values[raw][order]
    canvas.numbers(inputs, "known", book.columns[raw], values, [links[i] for i in order])
    canvas.text(inputs.name_row, inputs.column, "name", raw)
    for j, label in enumerate(there.inputs.labels, inputs.column):
        canvas.label(inputs.label_row, j, label)
    _put_targets(canvas, grid, trained, order)
    ends = []
    for number in np.unique(classes):
        found = [k for k, i in enumerate(order) if classes[i] == number]
        name = _class_name(book, int(number))
        ends.append((name, FIRST_ROW + found[0], FIRST_ROW + found[-1]))
    return ends


def _classes(run: Run, count: int) -> Array:
    """Return the number of each sample's class; all 0 where there are none."""
    if run.decision in ("yes or no", "one of several"):
        return decided(run.values["y"][:count], run.decision)[:, 0]
    return np.zeros(count)


def _class_name(book: RunBook, number: int) -> str:
    run = book.run
    if run.decision == "one of several":
        label = run.program.output.columns.labels[number]
        return f"{number + 1}: {cut(label, WIDEST)}" if label else str(number + 1)
    if run.decision == "yes or no":
        names = run.program.output.columns
        name = (names.zero, *names.labels)[number] if names.zero else ""
        return f"{number}: {cut(name, WIDEST)}" if name else f"y = {number}"
    return book.words("boundary.samples")


def _put_targets(canvas: Canvas, grid: Grid, trained: Trained, order: Sequence[int]) -> None:
    """Put each sample's target and output, or what class they stand for."""
    book, run = canvas.book, canvas.book.run
    find = _classes_found if run.decision == "one of several" else _numbers_found
    for column, (head, code, texts, values) in enumerate(find(book, trained), grid.samples + 3):
        canvas.text(FIRST_ROW - 2, column, "name", head)
        canvas.widen(column, room_for(head))
        for k, i in enumerate(order, FIRST_ROW):
            canvas.formula(k, column, "known", texts[i], values[i], code)
            if isinstance(values[i], str):
                canvas.widen(column, room_for(str(values[i])[:WIDEST]))


Found = tuple[str, str, list[str], Sequence[float | str]]
"""A column of samples: what heads it, its number format, its formulas and their values."""


def _classes_found(book: RunBook, trained: Trained) -> Iterator[Found]:
    """Yield the class wanted of each sample, and the class decided."""
    there = table(book.run, trained)
    numbers = book.run.values["y"], _outputs(book.run, trained, there.count)
    for key, column, found in zip(
        ("wanted", "class"), (there.wanted, there.decided), numbers, strict=True
    ):
        rows = range(there.first_row, there.first_row + there.count)
        texts = [f"'{PREDICTIONS}'!{letter(column)}{row}" for row in rows]
        names = [there.classes[int(k)] for k in decided(found, "one of several").ravel()]
        yield book.words(f"predictions.{key}"), "General", texts, names


def _numbers_found(book: RunBook, trained: Trained) -> Iterator[Found]:
    """Yield the target and the output of each sample; of several outputs the one that is shown."""
    run = book.run
    there = table(run, trained)
    outputs = _outputs(run, trained, there.count)
    place = Place(Matrix("output", ONE, there.outputs), there.first_row, there.output)
    first, last = place.columns[0], place.columns[-1]
    targets, home = at_home(book, "y"), f"'{PREDICTIONS}'!"
    ranges = {
        "y": [(cells[0], cells[-1].rpartition("!")[2]) for cells in targets],
        "output": [
            (f"{home}{first}{row}", f"{last}{row}")
            for row in range(there.first_row, there.first_row + there.count)
        ],
    }
    codes = book.formats["y"].code, choose(outputs, given=False).code
    for code, (head, ends), values in zip(
        codes, ranges.items(), (run.values["y"], outputs), strict=True
    ):
        texts = [begin for begin, _ in ends]
        if _chooses_output(run):
            texts = [f"INDEX({begin}:{end},1,{_choice()})" for begin, end in ends]
        yield head, code, texts, values[:, 0].tolist()


def _outputs(run: Run, trained: Trained, count: int) -> Array:
    """Return the trained network's outputs for the samples that have a row on Predictions."""
    rows = band(run, Axis.numbered("samples", count), 1, {})
    raw = run.values[rows.raw.name][:count]
    return rows.values(raw, known(run, trained))["output"]


def _add_chart(canvas: Canvas, grid: Grid, ends: Sequence[tuple[str, int, int]]) -> None:
    """Add the chart of the samples, beside the grid."""
    book, run = canvas.book, canvas.book.run
    labels = _inputs(run)
    first, second = letter(grid.samples + 1), letter(grid.samples + 2)
    series = [
        Series(
            name,
            f"'{BOUNDARY}'!${first}${top}:${first}${bottom}",
            f"'{BOUNDARY}'!${second}${top}:${second}${bottom}",
        )
        for name, top, bottom in ends
    ]
    says = book.words("boundary.chart_says", first=labels[0], second=labels[1])
    chart = Chart(
        book.words("boundary.chart"), labels[0], labels[1], series, says,
        points=True, width=CHART_SIZE, height=grid.points * CELL_HEIGHT / 72 * 2.54,
    )  # fmt: skip
    book.frame.add_chart(canvas.sheet, f"{letter(grid.chart)}{FIRST_ROW}", chart)
