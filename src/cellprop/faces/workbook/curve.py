"""The sheet Training: the loss after every epoch as a chart, and where it can be, live.

A small network trained with all samples at once is trained on the sheet itself: a row for each
epoch, its parameters computed from the row above. The formulas are the steps' own expressions, read
with other addresses. Larger ones have a table of values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from openpyxl.worksheet.worksheet import Worksheet

from cellprop.algebra import ONE, Array, Matrix, evaluate, formulas, reads
from cellprop.algebra.deciding import at_least_half, decide_alike, decided, largest
from cellprop.faces.layout import MOST_COLUMNS, letter
from cellprop.faces.workbook import xml
from cellprop.faces.workbook.allowed import as_typed
from cellprop.faces.workbook.book import LONGEST_FORMULA, RunBook
from cellprop.faces.workbook.charts import Chart, Series
from cellprop.faces.workbook.extras import (
    TRAINING,
    Addresses,
    Canvas,
    alike,
    at_home,
)
from cellprop.running.run import Run
from cellprop.running.training import diverging, mean_over_samples
from cellprop.texts import captions
from cellprop.texts.formats import choose

# Live rows stop after so many epochs, or when they would be more formula cells than this; with
# fewer rows than the least they show too little of a curve.
LIVE_EPOCHS, LIVE_CELLS, LEAST_ROWS = 300, 40_000, 20
# A curve of more points than this is thinned.
MOST_POINTS = 1000

EPOCH, LOSS, ACCURACY = 1, 2, 3
# Columns that the chart covers, and those of the whole curve where the live rows end before.
CHART, CHART_LAST = 5, 15
WHOLE = CHART_LAST + 2
NAMES, FIRST_ROW, LITTLE = 6, 8, 4.0

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
        return [[f"'{TRAINING}'!{cell}" for cell in row] for row in cells]

    def range(self, name: str, row: str) -> str:
        """Return the range of a matrix in a row."""
        _, rows, columns = self.values[name].shape
        first = self.columns[name]
        return f"{letter(first)}{row}:{letter(first + rows * columns - 1)}{row}"


def _cells(first: int, rows: int, columns: int, row: str) -> Addresses:
    """Return addresses of a matrix whose cells follow each other in one row of a sheet."""
    return [
        [f"{letter(first + i * columns + j)}{row}" for j in range(columns)] for i in range(rows)
    ]


# --- Live rows ----------------------------------------------------------------------------


def live_rows(book: RunBook) -> Live | None:
    """Return the training of a network in rows; None if it is too large, or has mini-batches."""
    run = book.run
    if run.epochs < 2 or run.batches > 1:
        return None
    needed = _needed(run)
    right = _right(run)
    size = sum(matrix.rows.size * matrix.columns.size for matrix in (*needed, *right))
    count = min(run.epochs, LIVE_EPOCHS, LIVE_CELLS // (size + 3) - 1)
    if count < min(LEAST_ROWS, run.epochs) or size + WHOLE + 6 > MOST_COLUMNS:
        return None
    values = _values(book, needed, count)
    count = len(values[run.program.output.name]) - 1
    columns = _columns(run, needed, right, whole=count < run.epochs)
    live = Live(count, columns, {}, {}, values)
    updates, within = _formulas(book, live, needed)
    texts = [t for rows in (*updates.values(), *within.values()) for row in rows for t in row]
    # Rows have four digits at most.
    longest = max(len(text) + 3 * (text.count(HERE) + text.count(ABOVE)) for text in texts)
    if longest >= LONGEST_FORMULA or count < min(LEAST_ROWS, run.epochs):
        return None
    return Live(count, columns, updates, within, values)


def _needed(run: Run) -> list[Matrix]:
    """Return what has columns: what is carried on, the output, then what leads to them."""
    program = run.program
    given = {m.name for step in program.steps if step.number < 2 for m in step.brings}
    replacing = {matrix.name for matrix in program.updates.values()}
    found: dict[str, Matrix] = {}

    def visit(matrix: Matrix) -> None:
        if matrix.name not in given and matrix.name not in found:
            found[matrix.name] = matrix
            assert matrix.definition is not None
            for operand in reads(matrix.definition):
                visit(operand)

    for matrix in (program.output, program.loss, *program.updates.values()):
        visit(matrix)
    carried = [run.matrix(name) for name in run.start]
    steps = [m for m in program.matrices if m.name in found and m.name not in replacing]
    return [*carried, program.output, *(m for m in steps if m is not program.output)]


def _right(run: Run) -> list[Matrix]:
    """Return what has columns so that right outputs can be counted."""
    samples = run.program.output.rows
    found = []
    if run.decision == "each yes or no":
        found.append(Matrix("decided", samples, run.program.output.columns))
    if run.decision:
        found.append(Matrix("right", samples, ONE))
    return found


def _values(book: RunBook, needed: list[Matrix], count: int) -> dict[str, Array]:
    """Return the numbers of every row, computed in the order in which a spreadsheet does."""
    run, program = book.run, book.run.program
    names = [m.name for m in (*needed, *_right(run))]
    found: dict[str, list[Array]] = {name: [] for name in names}
    carried = dict(run.start)
    given = {m.name: run.values[m.name] for m in program.matrices if m.definition is None}
    right = decided(run.values["y"], run.decision) if run.decision else None
    with diverging():
        for _ in range(count + 1):
            values = evaluate(program.matrices, given | carried)
            if run.decision:
                chosen = decided(values[program.output.name], run.decision)
                values["decided"] = chosen
                hits = (chosen == right).all(axis=1)
                values["right"] = hits.astype(np.float64)[:, np.newaxis]
            if not all(np.isfinite(values[name]).all() for name in names):
                break
            if not all(book.allowed.has(name, values[name]) for name in carried):
                break  # formulas would stop here
            for name in names:
                found[name].append(values[name])
            carried = {name: values[matrix.name] for name, matrix in program.updates.items()}
    return {name: np.array(rows) for name, rows in found.items()}


def _columns(run: Run, needed: list[Matrix], right: list[Matrix], *, whole: bool) -> dict[str, int]:
    """Return the first column of each matrix; a column between what is shown and the working."""
    shown = len(run.start) + 1
    first = WHOLE + (4 if whole else 0)
    columns = _in_a_row(needed[:shown], first)
    return columns | _in_a_row([*right, *needed[shown:]], columns[""] + 1)


def _in_a_row(matrices: list[Matrix], column: int) -> dict[str, int]:
    """Return the first column of each matrix, all of whose cells stand in one row of the sheet;
    and, as `""`, where all end.
    """
    columns = {}
    for matrix in matrices:
        columns[matrix.name] = column
        column += matrix.rows.size * matrix.columns.size
    return columns | {"": column}


def _formulas(
    book: RunBook, live: Live, needed: list[Matrix]
) -> tuple[dict[str, Addresses], dict[str, Addresses]]:
    """Return the formulas of what is carried on, and of what is computed from it within a row."""
    run = book.run
    replaces = {matrix.name: name for name, matrix in run.program.updates.items()}

    def address_from(row: str) -> Callable[[Matrix], Addresses]:
        """Return addresses as a formula knows them that reads the cells of a row."""

        def address(matrix: Matrix) -> Addresses:
            # What replaces `wh` is the `wh` of the row below the one it is computed from.
            name = replaces.get(matrix.name, matrix.name)
            if name not in live.columns:
                return at_home(book, name)
            at = HERE if matrix.name in replaces else row
            return _cells(live.columns[name], *matrix.shape, at)

        return address

    updates = {
        name: book.allowed.stopped(
            name, matrix.name, formulas(matrix.definition, address_from(ABOVE), scattered=True)
        )
        for name, matrix in run.program.updates.items()
        if matrix.definition is not None
    }
    within = {
        matrix.name: formulas(matrix.definition, address_from(HERE), scattered=True)
        for matrix in needed
        if matrix.name not in updates and matrix.definition is not None
    }
    return updates, within | _formulas_of_right(book, live)


def _formulas_of_right(book: RunBook, live: Live) -> dict[str, Addresses]:
    """Return formulas that say which samples are decided rightly."""
    run, how = book.run, book.run.decision
    if not how:
        return {}
    program = run.program
    outputs = _cells(live.columns[program.output.name], *program.output.shape, HERE)
    targets = at_home(book, "y")
    if how == "yes or no":
        right = [
            decide_alike(output, target)
            for (output,), (target,) in zip(outputs, targets, strict=True)
        ]
        return {"right": [[text] for text in right]}
    if how == "one of several":
        rows = zip(outputs, targets, strict=True)
        texts = [f"IF({largest(output)}={largest(target)},1,0)" for output, target in rows]
        return {"right": [[text] for text in texts]}
    chosen = _cells(live.columns["decided"], *program.output.shape, HERE)
    return {
        "decided": [[f"IF({at_least_half(output)},1,0)" for output in row] for row in outputs],
        "right": [[alike(row, target)] for row, target in zip(chosen, targets, strict=True)],
    }


# --- The sheet ----------------------------------------------------------------------------


def training_sheet(book: RunBook, sheet: Worksheet, live: Live | None) -> list[str]:
    """Set the sheet Training up in the frame and return its rows."""
    canvas = Canvas(book, sheet)
    canvas.widen(LOSS, 11)
    canvas.head(TRAINING, CHART_LAST)
    says = list(_says(book, live))
    for row in range(2, NAMES - 1):
        canvas.heighten(row, LITTLE)
    for row, text in enumerate(says, 2):
        canvas.prose(row, CHART_LAST, text)
    whole = live is None or live.count < book.run.epochs
    if live is not None:
        _put_live_rows(canvas, live)
    if whole:
        _put_whole_curve(canvas, WHOLE if live else EPOCH)
    _add_chart(canvas, live, whole=whole)
    sheet.freeze_panes = f"{letter(ACCURACY + 1)}{FIRST_ROW}"
    last = WHOLE + 2 if whole and live else CHART_LAST
    canvas.set_up_print(last, f"{NAMES}:{NAMES + 1}")
    return canvas.rows()


def _says(book: RunBook, live: Live | None) -> Iterator[str]:
    """Yield what the sheet says about itself, at most a text for each row there is room for."""
    words, run = book.words, book.run
    texts = [words("training.says", loss=captions.loss(words, run.network.loss))]
    if run.stopped:
        texts.append(words("training.stopped", epochs=run.epochs))
    yield " ".join(texts)
    if live is None:
        yield words("training.batches" if run.batches > 1 else "training.large")
    else:
        key = "training.live" if run.walk_epoch == 1 else "training.live_typed"
        _, most = book.allowed.ranges[next(iter(run.start))]
        yield words(key, epoch=run.walk_epoch, most=as_typed(most))
    points = len(_points(run))
    if live is not None and live.count < run.epochs:
        yield words("training.whole", count=live.count, epochs=run.epochs, points=points)
    elif points <= run.epochs:
        yield words("training.thinned", epochs=run.epochs, points=points)


def _points(run: Run) -> list[int]:
    """Return the epochs that the whole curve shows."""
    count = run.epochs + 1
    if count <= MOST_POINTS:
        return list(range(count))
    points: list[int] = np.linspace(0, run.epochs, MOST_POINTS).round().astype(int).tolist()
    return points


def _loss_format(run: Run) -> str:
    least, most = float(run.losses.min()), float(run.losses.max())
    return "0.000000" if least >= 1e-4 and most < 1e4 else "0.0000E+00"


def _put_heading(canvas: Canvas, column: int, title: str) -> None:
    """Put what heads epochs, losses and accuracies."""
    words, accuracies = canvas.book.words, canvas.book.run.accuracies
    canvas.text(NAMES, column, "name", title)
    for j, key in enumerate(("epoch", "loss", "accuracy")[: 2 + (accuracies is not None)]):
        canvas.text(NAMES + 1, column + j, "label", words(f"training.{key}"))


def _put_whole_curve(canvas: Canvas, column: int) -> None:
    """Put the loss after every epoch, as training left it."""
    run = canvas.book.run
    _put_heading(canvas, column, canvas.book.words("training.curve"))
    canvas.widen(column + 1, 11)
    codes = ["0", _loss_format(run), "0.0%"]
    styles = [canvas.style("known", code) for code in codes]
    accuracies = [] if run.accuracies is None else run.accuracies.tolist()
    losses = run.losses.tolist()
    for row, epoch in enumerate(_points(run), FIRST_ROW):
        numbers = [float(epoch), losses[epoch], *accuracies[epoch : epoch + 1]]
        for j, (number, style) in enumerate(zip(numbers, styles, strict=False)):
            cell = f"{letter(column + j)}{row}"
            canvas.put(row, column + j, xml.number_cells([cell], style, [xml.number(number)]))


def _put_live_rows(canvas: Canvas, live: Live) -> None:
    book, run = canvas.book, canvas.book.run
    _put_heading(canvas, EPOCH, book.words("training.rows"))
    _put_summaries(canvas, live)
    start = None
    for name in live.columns:
        if not name:
            continue
        texts = live.updates.get(name) or live.formulas[name]
        if name in live.updates:
            start = at_home(book, name) if run.walk_epoch == 1 else None
        _put_columns(canvas, live, name, texts, start if name in live.updates else texts)
    shown = len(run.start) + 1
    working = list(live.columns)[shown + 1 : -1]
    first = live.columns[working[0]]
    canvas.text(NAMES - 1, first, "lane", book.words("training.working"))
    canvas.group(range(first, live.columns[""]), collapsed=True)


def _put_summaries(canvas: Canvas, live: Live) -> None:
    """Put the epoch, the loss and the accuracy of every row."""
    run = canvas.book.run
    program, samples = run.program, run.program.output.rows.size
    code = _loss_format(run)
    for k, row in enumerate(range(FIRST_ROW, live.last_row + 1)):
        if k:
            canvas.formula(row, EPOCH, "known", f"A{row - 1}+1", float(k), "0")
        else:
            canvas.number(row, EPOCH, "known", 0.0, "0")
        loss = mean_over_samples(live.values[program.loss.name][k])
        text = f"SUM({live.range(program.loss.name, str(row))})/{samples}"
        canvas.formula(row, LOSS, "active", text, loss, code)
        if run.decision:
            share = float(live.values["right"][k].sum()) / samples
            text = f"SUM({live.range('right', str(row))})/{samples}"
            canvas.formula(row, ACCURACY, "known", text, share, "0.0%")
    first = f"{letter(LOSS)}{FIRST_ROW}"
    condition = f"AND({first}<>0,OR(ABS({first})<0.0001,ABS({first})>=10000))"
    cells = f"{first}:{letter(LOSS)}{live.last_row}"
    if code == "0.000000":
        canvas.book.frame.add_number_rule(canvas.sheet, cells, condition, "0.0000E+00")


def _put_columns(
    canvas: Canvas, live: Live, name: str, texts: Addresses, start: Addresses | None
) -> None:
    """Put a matrix in columns, a row for each epoch.

    Parameters
    ----------
    canvas, live
        The sheet, and what stands in its rows.
    name
        The matrix.
    texts
        The formulas of its cells in every row but the first.
    start
        Those in the first row; None where numbers are typed.
    """
    count, height, width = live.values[name].shape
    flat = live.values[name].reshape(count, height * width)
    form = choose(flat, given=False)
    _head_columns(canvas, live, name)
    canvas.fit(live.columns[name], form, flat)
    first, last = live.range(name, str(FIRST_ROW)), live.range(name, str(live.last_row))
    here = first.partition(":")[0]
    canvas.watch(f"{here}:{last.partition(':')[2]}", here, form)
    known, later = canvas.style("known", form.code), _flat(texts)
    columns = [letter(live.columns[name] + j) for j in range(height * width)]
    for k, numbers in enumerate(flat.tolist()):
        row = FIRST_ROW + k
        addresses = [f"{column}{row}" for column in columns]
        written = [xml.number(number) for number in numbers]
        if k == 0 and start is None:
            cells = xml.number_cells(addresses, canvas.style("input", form.code), written)
            canvas.check_numbers(first, name)
        else:
            own, above = str(row), str(row - 1)
            filled = [
                text.replace(HERE, own).replace(ABOVE, above)
                for text in (later if k or start is None else _flat(start))
            ]
            cells = xml.formula_cells(addresses, known, filled, written)
        canvas.put(row, live.columns[name], cells)


def _flat(texts: Addresses) -> list[str]:
    return [xml.escape(text) for row in texts for text in row]


def _head_columns(canvas: Canvas, live: Live, name: str) -> None:
    """Put what heads the columns of a matrix: its name, and which of its cells each one is."""
    _, height, width = live.values[name].shape
    first = live.columns[name]
    canvas.text(NAMES, first, "name", name)
    shown = name in live.updates or name == canvas.book.run.program.output.name
    for j, (i, k) in enumerate(np.ndindex(height, width)):
        label = f"{name if shown else ''}[{i + 1},{k + 1}]"
        canvas.widen(first + j, max(len(label) * 0.95 + 1, len(name) * 1.1 / (height * width) + 1))
        canvas.text(NAMES + 1, first + j, "label", label)


def _add_chart(canvas: Canvas, live: Live | None, *, whole: bool) -> None:
    """Add the chart: the whole curve, and where they end before, the live rows too."""
    words, run = canvas.book.words, canvas.book.run

    def series(key: str, column: int, by: int, last: int) -> Series:
        x, y = (f"'{TRAINING}'!${letter(c)}${FIRST_ROW}:${letter(c)}${last}" for c in (by, column))
        return Series(words(f"training.{key}"), x, y, on_the_right=key == "accuracy")

    shown = []
    first = WHOLE if live and whole else EPOCH
    last = FIRST_ROW + len(_points(run)) - 1 if whole or live is None else live.last_row
    shown.append(series("loss", first + 1, first, last))
    if live and whole:
        shown.append(series("loss_live", LOSS, EPOCH, live.last_row))
    if run.accuracies is not None:
        shown.append(series("accuracy", first + 2, first, last))
    says = words(
        "training.chart_says",
        first=f"{run.losses[0]:.4g}",
        last=f"{run.losses[-1]:.4g}",
        epochs=run.epochs,
    )
    chart = Chart(
        words("training.chart"),
        words("training.epoch"),
        words("training.loss"),
        shown,
        says,
        most=float(run.epochs),
        right_title="" if run.accuracies is None else words("training.accuracy"),
    )
    canvas.book.frame.add_chart(canvas.sheet, f"{letter(CHART)}{FIRST_ROW}", chart)
