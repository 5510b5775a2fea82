"""The sheet Training: the loss after every epoch as a chart, and where it can be, live.

A small network trained with all samples at once is trained on the sheet itself (see `live`).
Larger ones have a table of values.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np
from openpyxl.worksheet.worksheet import Worksheet

from cellprop.algebra import formulas, value
from cellprop.faces.places import letter
from cellprop.faces.workbook import xml
from cellprop.faces.workbook.allowed import as_typed
from cellprop.faces.workbook.book import RunBook
from cellprop.faces.workbook.boundary import put_plane, said_of_plane
from cellprop.faces.workbook.canvas import Addresses, Canvas, at_home
from cellprop.faces.workbook.charts import Chart, Series
from cellprop.faces.workbook.live import (
    ABOVE,
    FIRST_COLUMN,
    FIRST_ROW,
    HERE,
    TRAINING,
    Live,
    counted,
)
from cellprop.faces.workbook.plane import NARROW, Grid, lay_out
from cellprop.faces.workbook.points import beside_the_curve
from cellprop.faces.workbook.samples import Predicted
from cellprop.programs.deciding import mean, mean_loss
from cellprop.running.run import Run
from cellprop.texts import captions
from cellprop.texts.formats import choose

# A curve of more points than this is thinned.
MOST_POINTS = 1000
# Rows of what the sheet says of itself.
ROWS_OF_PROSE = 3
# Of the columns below the chart, where a decision boundary stands beside it: in characters.
LOW, NARROWER = 2.0, 6.5
# Rows that are printed: with the chart, what a page has room for.
PRINTED = 31

EPOCH, LOSS, ACCURACY = 1, 2, 3
# Columns that the chart covers, and those of the whole curve where the live rows end before.
CHART, CHART_LAST = 5, FIRST_COLUMN - 2
CHART_ROWS = 20
# How wide it is, in centimetres; and where a decision boundary stands beside it.
WIDE_CHART, NARROW_CHART = 16.0, 14.5
WHOLE = FIRST_COLUMN
NAMES, LITTLE = FIRST_ROW - 2, 4.0


def training_sheet(
    book: RunBook, sheet: Worksheet, live: Live | None, predicted: Predicted | None = None
) -> list[str]:
    """Set the sheet Training up in the frame and return its rows.

    `predicted`: of a network whose decision boundary stands beside the curve.
    """
    canvas = Canvas(book, sheet)
    canvas.widen(LOSS, 11)
    whole = live is None or live.count < book.run.epochs
    last = WHOLE + 2 if whole and live else CHART_LAST
    says = list(_says(book, live))
    _add_chart(canvas, live, whole=whole)
    if predicted:
        grid = _put_plane(canvas, predicted, last + 2, live)
        last = grid.last_column + 1
        says[ROWS_OF_PROSE - 1 :] = [" ".join([*says[ROWS_OF_PROSE - 1 :], said_of_plane(book)])]
    canvas.head(TRAINING, last if predicted else CHART_LAST, apart=4 if predicted else 2)
    for row in range(2, NAMES - 1):
        canvas.heighten(row, LITTLE)
    for row, text in enumerate(says, 2):
        canvas.prose(row, last if predicted else CHART_LAST, text)
    if live is not None:
        _put_live_rows(canvas, live)
    if whole:
        _put_whole_curve(canvas, WHOLE if live else EPOCH)
    sheet.freeze_panes = f"{letter(ACCURACY + 1)}{FIRST_ROW}"
    rows = max(live.count + 1 if live else 0, len(_points(book.run)) if whole else 0)
    if rows > PRINTED:
        printed = book.words("training.printed", count=PRINTED, rows=rows)
        canvas.text(NAMES, CHART, "caption", printed)
    # The chart may end below the rows, which have no cells there.
    last_row = FIRST_ROW - 1 + min(max(rows, CHART_ROWS), PRINTED)
    canvas.set_up_print(last, f"{NAMES}:{NAMES + 1}", last_row=last_row, one_page=True)
    return canvas.rows()


def _put_plane(canvas: Canvas, predicted: Predicted, column: int, live: Live | None) -> Grid:
    """Put the decision boundary beside the curve, from a column on."""
    run, trained = canvas.book.run, predicted.trained
    beyond = live.columns[""] + 1 if live else 0
    grid = lay_out(run, trained, TRAINING.name, column + 1, beyond)
    for each in range(CHART, CHART_LAST + 1):
        canvas.set_width(each, NARROWER)
    for each in (CHART - 1, CHART_LAST + 1):
        canvas.set_width(each, LOW)
    put_plane(canvas, grid, predicted, NARROW)
    return grid


def _says(book: RunBook, live: Live | None) -> Iterator[str]:
    """Yield what the sheet says about itself, at most a text for each row there is room for."""
    words, run = book.words, book.run
    texts = [words("training.says", loss=captions.losses(words, run.program))]
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


def _put_heading(canvas: Canvas, column: int, title: str, *, marked: bool = False) -> None:
    """Put what heads epochs, losses and accuracies; `marked`: the loss, computed here."""
    words, accuracies = canvas.book.words, canvas.book.run.accuracies
    canvas.text(NAMES, column, "name", title)
    for j, key in enumerate(("epoch", "loss", "accuracy")[: 2 + (accuracies is not None)]):
        style = "key_active" if marked and key == "loss" else "label"
        canvas.text(NAMES + 1, column + j, style, words(f"training.{key}"))


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
    _put_heading(canvas, EPOCH, book.words("training.rows"), marked=True)
    _put_summaries(canvas, live)
    start = None
    for name in live.columns:
        if not name:
            continue
        texts = live.updates.get(name) or live.formulas[name]
        if name in live.updates:
            start = at_home(book, name) if run.walk_epoch == 1 else None
        _put_columns(canvas, live, name, texts, start if name in live.updates else texts)
    shown = len(run.start) + len(run.program.forward.outputs)
    working = list(live.columns)[shown + 1 : -1]
    first = live.columns[working[0]]
    canvas.text(NAMES - 1, first, "lane", book.words("training.working"))
    canvas.group(range(first, live.columns[""]), collapsed=True)


def _put_summaries(canvas: Canvas, live: Live) -> None:
    """Put the epoch, the loss and the accuracy of every row."""
    run = canvas.book.run
    code = _loss_format(run)
    shown = (LOSS, code), (ACCURACY, "0.0%")
    told = [mean_loss(run.program), *(mean(matrix) for matrix in counted(run)[-1:])]
    for k, row in enumerate(range(FIRST_ROW, live.last_row + 1)):
        if k:
            canvas.formula(row, EPOCH, "known", f"A{row - 1}+1", float(k), "0")
        else:
            canvas.number(row, EPOCH, "known", 0.0, "0")
        values = {name: rows[k] for name, rows in live.values.items()}
        for (column, form), expression in zip(shown, told, strict=False):
            ((text,),) = formulas(expression, partial(live.cells, row=row))
            canvas.formula(row, column, "known", text, value(expression, values).item(), form)
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
    columns = [letter(live.columns[name] + j) for j in range(height * width)]
    here, last = f"{columns[0]}{FIRST_ROW}", columns[-1]
    canvas.watch(f"{here}:{last}{live.last_row}", here, form)
    known, later = canvas.style("known", form.code), _flat(texts)
    for k, numbers in enumerate(flat.tolist()):
        row = FIRST_ROW + k
        addresses = [f"{column}{row}" for column in columns]
        written = [xml.number(number) for number in numbers]
        if k == 0 and start is None:
            cells = xml.number_cells(addresses, canvas.style("input", form.code), written)
            canvas.check_numbers(f"{here}:{last}{FIRST_ROW}", name)
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
    outputs = {matrix.name for matrix in canvas.book.run.program.forward.outputs}
    shown = name in live.updates or name in outputs
    for j, (i, k) in enumerate(np.ndindex(height, width)):
        label = f"{name if shown else ''}[{i + 1},{k + 1}]"
        canvas.widen(first + j, max(len(label) * 0.95 + 1, len(name) * 1.1 / (height * width) + 1))
        canvas.text(NAMES + 1, first + j, "label", label)


def _add_chart(canvas: Canvas, live: Live | None, *, whole: bool) -> None:
    """Add the chart: the whole curve, and where they end before, the live rows too."""
    words, run = canvas.book.words, canvas.book.run

    def series(key: str, column: int, by: int, last: int) -> Series:
        here = f"'{TRAINING.name}'!"
        x, y = (f"{here}${letter(c)}${FIRST_ROW}:${letter(c)}${last}" for c in (by, column))
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
        width=NARROW_CHART if beside_the_curve(run) else WIDE_CHART,
    )
    canvas.book.frame.add_chart(canvas.sheet, f"{letter(CHART)}{FIRST_ROW}", chart)
