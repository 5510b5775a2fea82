"""The sheet Predictions: the trained network, what it says of each sample, and room for new ones.

The trained parameters stand on this sheet only; the formulas below are the forward steps, read with
addresses in a row of their own (see `trained` and `samples`).
"""

from __future__ import annotations

import numpy as np
from openpyxl.worksheet.worksheet import Worksheet

from cellprop.algebra import Array, Axis, Matrix
from cellprop.algebra.deciding import at_least_half, decide_alike, decided, largest
from cellprop.faces.layout import Place, letter
from cellprop.faces.workbook.book import RunBook
from cellprop.faces.workbook.canvas import Addresses, Canvas, absolute, at_home, room_for
from cellprop.faces.workbook.extras import PREDICTIONS, WIDEST, alike
from cellprop.faces.workbook.focus import StyleRule, literal
from cellprop.faces.workbook.samples import Predicted
from cellprop.faces.workbook.trained import FIRST_ROW, Trained
from cellprop.running.run import TRAINED
from cellprop.texts.formats import WIDEST_SIDE, Format, choose

# Rows for samples to type.
ROOM = 5
# More working columns than this are folded away.
MOST_UNFOLDED = 12
# The rows of the share that is right, and of what heads the parameters.
SHARE, PARAMETERS = FIRST_ROW - 6, FIRST_ROW - 4
# How outputs between 0 and 1 are shown; those too small for it get a format of their own.
SHARES = Format(3)
# What stands where numbers are yet to be typed.
NOTHING = "–"


def predictions_sheet(book: RunBook, sheet: Worksheet, predicted: Predicted) -> list[str]:
    """Set the sheet Predictions up in the frame and return its rows."""
    run, words, here = book.run, book.words, predicted.table
    canvas = Canvas(book, sheet)
    canvas.set_width(1, book.frame.theme.lane_width)
    rows = _Rows(canvas, predicted)
    _put_parameters(canvas, predicted.trained)
    own = here.first_row + here.count + 2
    texts = {here.labels - 2: ("samples", ""), own: ("own", words("predictions.own_says"))}
    if here.count < run.program.output.rows.size:
        texts[here.labels - 2] = ("samples", words("predictions.cut", count=here.count))
    for row, (key, says) in texts.items():
        canvas.text(row, 1, "heading", words(f"predictions.{key}"))
        if says:
            canvas.text(row, 3, "caption", says)
        canvas.heighten(row, 19)
    rows.head(here.labels)
    rows.put_samples()
    rows.head(own + 2, own=True)
    rows.put_room(own + 3)
    canvas.link(SHARE, here.page - 5, PREDICTIONS, words("predictions.jump"), f"A{own}")
    columns = range(here.hit, here.working[""])
    if columns:
        canvas.text(here.labels - 2, here.hit, "lane", words("training.working"))
        canvas.group(columns, collapsed=len(columns) > MOST_UNFOLDED)
    canvas.head(PREDICTIONS, here.page)
    canvas.prose(2, here.page, words("predictions.says"))
    sheet.freeze_panes = "B1"
    titles = f"{here.labels - 1}:{here.labels}"
    canvas.set_up_print(here.page, titles, canvas.column_breaks(here.page))
    return canvas.rows()


def _put_parameters(canvas: Canvas, parameters: Trained) -> None:
    book = canvas.book
    canvas.text(PARAMETERS, 1, "heading", book.words("predictions.trained"))
    canvas.text(PARAMETERS, 3, "caption", book.words(f"predictions.{parameters.source}"))
    canvas.heighten(PARAMETERS, 19)
    style = "known" if parameters.links else "input"
    for name, place in parameters.places.items():
        values = parameters.values[name]
        links = parameters.links[name] if parameters.links else None
        canvas.numbers(place, style, choose(values, given=False), values, links)
        canvas.text(place.name_row, place.column, "name", name)
        canvas.labels(place)
        book.frame.add_name(f"{name}{TRAINED}", PREDICTIONS, place.absolute)
        if not links:
            canvas.check_numbers(place.range, name)


class _Rows:
    """The rows of the table: samples of the walked update, and room for new ones."""

    def __init__(self, canvas: Canvas, predicted: Predicted) -> None:
        self.canvas, self.predicted = canvas, predicted
        self.here, self.parameters = predicted.table, predicted.trained
        self.book, self.run = canvas.book, canvas.book.run

    # --- What heads the columns -----------------------------------------------------------

    def head(self, row: int, *, own: bool = False) -> None:
        """Put names and labels above the columns; `own`: of samples that are to be typed."""
        here, words, program = self.here, self.book.words, self.run.program
        outputs, one = here.outputs.labels, ("",)
        of_output = here.classes if here.how == "one of several" else outputs
        heads = [
            (here.raw, program.input.name, here.inputs.labels),
            (here.output, program.output.name, of_output),
        ]
        if here.how:
            labels = outputs if here.how == "each yes or no" else one
            heads.append((here.decided, words("predictions.class"), labels))
        if not own:
            heads.append((here.target, program.target.name, outputs))
            if here.how == "one of several" or here.two:
                heads.append((here.wanted, words("predictions.wanted"), one))
            if here.how:
                heads.append((here.verdict, words("predictions.verdict"), one))
                heads.append((here.hit, words("predictions.hit"), one))
            else:
                heads.append((here.verdict, words("predictions.difference"), outputs))
        heads += [(here.working[m.name], m.name, m.columns.labels) for m in here.steps]
        for column, name, labels in heads:
            self.canvas.widen(column, room_for(name) / len(labels))
            self.canvas.text(row - 1, column, "name", name)
            for j, label in enumerate(labels, column):
                self.canvas.label(row, j, label)

    # --- Samples --------------------------------------------------------------------------

    def put_samples(self) -> None:
        """Put the samples of the walked update, and how many are right."""
        run, canvas, here = self.run, self.canvas, self.here
        rows, values, forms = self.predicted.samples, self.predicted.values, self.book.columns
        raw, output = rows.forward.input.name, rows.forward.output
        for i, label in enumerate(output.rows.labels):
            canvas.label(here.first_row + i, 1, label, beside=WIDEST_SIDE)
        links = at_home(self.book, raw)
        canvas.numbers(rows.places[raw], "known", forms[raw], values[raw], links)
        for matrix in rows.forward.by_sample:
            form = choose(values[matrix.name], given=False)
            if matrix is output and here.how:
                form = SHARES
            texts = rows.formulas(matrix, self.fixed, self.parameters.typed)
            place, style = rows.places[matrix.name], self._style(matrix, output)
            canvas.numbers(place, style, form, values[matrix.name], texts)
        y = run.program.target.name
        target = Place(Matrix(y, output.rows, here.outputs), here.first_row, here.target)
        wanted, outputs = run.values[y][: here.count], self.predicted.outputs
        canvas.numbers(target, "known", forms[y], wanted, at_home(self.book, y))
        cells = rows.output.addresses(), target.addresses()
        if here.how:
            self._put_verdicts(*cells, decided(outputs, here.how), decided(wanted, here.how))
        else:
            self._put_differences(target.matrix, *cells, wanted - outputs)

    def _style(self, matrix: Matrix, output: Matrix) -> str:
        """Return the style of a matrix: what is predicted stands out where nothing is decided."""
        return "active" if matrix is output and not self.here.how else "known"

    def fixed(self, matrix: Matrix) -> Addresses:
        """Return the addresses of a matrix that has no row for each sample, by row and column."""
        place = self.parameters.places.get(matrix.name)
        return absolute(place) if place else at_home(self.book, matrix.name)

    def _put_differences(
        self, y: Matrix, outputs: Addresses, targets: Addresses, values: Array
    ) -> None:
        texts = [
            [f"{target}-{output}" for output, target in zip(*cells, strict=True)]
            for cells in zip(outputs, targets, strict=True)
        ]
        place = Place(y, self.here.first_row, self.here.verdict)
        self.canvas.numbers(place, "known", choose(values, given=False), values, texts)

    # --- Right or wrong -------------------------------------------------------------------

    def _put_verdicts(
        self, outputs: Addresses, targets: Addresses, chosen: Array, right: Array
    ) -> None:
        """Put what is decided, what is wanted, whether that is the same, and how often."""
        here, canvas, words = self.here, self.canvas, self.book.words
        hits = (chosen == right).all(axis=1).tolist()
        said = words("predictions.right"), words("predictions.wrong")
        for i, row in enumerate(range(here.first_row, here.first_row + here.count)):
            self._put_decided(row, outputs[i], chosen[i])
            if here.how == "one of several":
                self._put_class(row, here.wanted, "known", targets[i], right[i])
            elif here.two:
                self._put_one_of_two(row, here.wanted, "known", targets[i][0], right[i])
            hit = f"{letter(here.hit)}{row}"
            text = self._hit(row, outputs[i], targets[i])
            canvas.formula(row, here.hit, "known", text, float(hits[i]), "0")
            text = f"IF({hit}=1,{literal(said[0])},{literal(said[1])})"
            canvas.formula(row, here.verdict, "known", text, said[not hits[i]])
        canvas.widen(here.verdict, max(map(room_for, said)))
        last = here.first_row + here.count - 1
        verdicts = f"{letter(here.verdict)}{here.first_row}:{letter(here.verdict)}{last}"
        rule = StyleRule(verdicts, f"${letter(here.hit)}{here.first_row}=0", "read")
        self.book.frame.add_rules(canvas.sheet, [rule])
        canvas.text(SHARE, 1, "table", words("predictions.share"))
        text = f"SUM({letter(here.hit)}{here.first_row}:{letter(here.hit)}{last})/{here.count}"
        canvas.formula(SHARE, 2, "active", text, sum(hits) / here.count, "0.0%")
        # The blank keeps the text off the line around the number.
        of = f" {words('predictions.share_of', count=here.count)}"
        canvas.text(SHARE, 3, "table", of)

    def _put_decided(self, row: int, outputs: list[str], chosen: Array, typed: str = "") -> None:
        """Put what the outputs of a row decide; `typed` is what must hold before they do."""
        here = self.here
        if here.how == "one of several":
            self._put_class(row, here.decided, "active", outputs, chosen, typed)
            return
        if here.two:
            self._put_one_of_two(row, here.decided, "active", outputs[0], chosen, typed)
            return
        cells = outputs if here.how == "each yes or no" else outputs[:1]
        for j, cell in enumerate(cells):
            text, value = f"IF({at_least_half(cell)},1,0)", float(chosen[j])
            self._put_when(typed, row, here.decided + j, "active", text, value, "0")

    def _put_class(
        self, row: int, column: int, style: str, cells: list[str], chosen: Array, typed: str = ""
    ) -> None:
        """Put what the class is called whose cell is the largest."""
        here = self.here
        first, last = letter(here.output), letter(here.output + len(here.classes) - 1)
        named = f"${first}${here.labels}:${last}${here.labels}"
        text = f"INDEX({named},1,{largest(cells)})"
        self._put_when(typed, row, column, style, text, here.classes[int(chosen[0])])
        self.canvas.widen(column, max(room_for(name[:WIDEST]) for name in here.classes))

    def _put_one_of_two(
        self, row: int, column: int, style: str, cell: str, chosen: Array, typed: str = ""
    ) -> None:
        """Put what the class is called that a single output decides, or a target says."""
        zero, one = self.here.two
        text = f"IF({at_least_half(cell)},{literal(one)},{literal(zero)})"
        self._put_when(typed, row, column, style, text, self.here.two[int(chosen[0])])
        self.canvas.widen(column, max(map(room_for, self.here.two)))

    def _hit(self, row: int, outputs: list[str], targets: list[str]) -> str:
        """Return the formula of whether a row is right: 1 or 0."""
        here = self.here
        if here.how == "one of several":
            return f"IF({largest(outputs)}={largest(targets)},1,0)"
        if here.two:
            return decide_alike(outputs[0], targets[0])
        chosen = [f"{letter(here.decided + j)}{row}" for j in range(len(targets))]
        if here.how == "yes or no":
            return f"IF({chosen[0]}=IF({at_least_half(targets[0])},1,0),1,0)"
        return alike(chosen, targets)

    # --- Room for new samples -------------------------------------------------------------

    def put_room(self, row: int) -> None:
        """Put rows in which new samples can be typed."""
        here, canvas = self.here, self.canvas
        forward = self.run.model.forward(Axis.numbered("samples", ROOM))
        rows = here.band(forward, row)
        raw = rows.places[forward.input.name]
        canvas.check_numbers(raw.range, forward.input.name)
        blank = self.parameters.typed
        steps = [
            (rows.places[m.name], rows.formulas(m, self.fixed, blank)) for m in forward.by_sample
        ]
        for i, inputs in enumerate(raw.addresses()):
            canvas.label(row + i, 1, self.book.words("predictions.new", number=i + 1))
            for j in range(len(inputs)):
                canvas.blank(row + i, raw.column + j, "input")
            typed = f"COUNT({inputs[0]}:{inputs[-1]})<{len(inputs)}"
            for place, texts in steps:
                style = self._style(place.matrix, forward.output)
                for j, text in enumerate(texts[i], place.column):
                    self._put_when(typed, row + i, j, style, text, 0.0, "0.00")
            if here.how:
                outputs = rows.output.addresses()[i]
                self._put_decided(row + i, outputs, np.zeros(len(outputs)), typed)
        for place, _ in steps:
            canvas.watch(place.range, place.address(0, 0), Format(2))

    def _put_when(
        self, typed: str, row: int, column: int, style: str, text: str, value: float | str,
        code: str = "General",
    ) -> None:  # fmt: skip
        """Put a formula; with `typed`, one that shows nothing where that does hold."""
        if typed:
            text, value = f'IF({typed},"{NOTHING}",{text})', NOTHING
        self.canvas.formula(row, column, style, text, value, code)
