"""The sheet Predictions: the trained network, what it says of each sample, and room for new ones.

The trained parameters stand on this sheet only; the formulas below are the forward steps, read with
addresses in a row of their own (see `trained` and `samples`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from openpyxl.worksheet.worksheet import Worksheet

from cellprop.algebra import ONE, Array, Axis, Expression, Matrix, formulas, value
from cellprop.algebra.cells import with_results
from cellprop.faces.places import Place, letter
from cellprop.faces.sizes import PAGE_HEIGHT
from cellprop.faces.workbook.book import RunBook
from cellprop.faces.workbook.canvas import WIDEST, Addresses, Canvas, absolute, at_home, room_for
from cellprop.faces.workbook.focus import StyleRule, literal
from cellprop.faces.workbook.measures import POINT, ROW
from cellprop.faces.workbook.samples import Predicted, SampleTable
from cellprop.faces.workbook.trained import FIRST_ROW, PREDICTIONS
from cellprop.programs.deciding import Decision, decided, mean, right
from cellprop.running.run import TRAINED
from cellprop.texts.formats import WIDEST_SIDE, Format, choose

# Rows for samples to type.
ROOM = 5
# Of more samples than this, so many are printed; fewer where a page has no room, but so many.
PRINTED, LEAST_PRINTED = 20, 5
ROWS_OF_PAGE = int(PAGE_HEIGHT / (ROW * POINT))
# More working columns than this are folded away.
MOST_UNFOLDED = 12
# The rows of the share that is right, and of what heads the parameters.
SHARE, PARAMETERS = FIRST_ROW - 6, FIRST_ROW - 4
# How outputs between 0 and 1 are shown; those too small for it get a format of their own.
SHARES = Format(3)


def predictions_sheet(book: RunBook, sheet: Worksheet, predicted: Predicted) -> list[str]:
    """Set the sheet Predictions up in the frame and return its rows."""
    words, here = book.words, predicted.table
    canvas = Canvas(book, sheet)
    canvas.set_width(1, book.frame.theme.lane_width)
    rows = _Rows(canvas, predicted)
    _put_parameters(canvas, predicted)
    own = here.first_row + here.count + 2
    printed = _printed(here)
    texts = {own: ("own", words("predictions.own_says"))}
    texts[here.labels - 2] = ("samples", _says_of_samples(book, here.count, printed))
    for row, (key, says) in texts.items():
        canvas.text(row, 1, "heading", words(f"predictions.{key}"))
        if says:
            canvas.text(row, 3, "caption", says)
        canvas.heighten(row, 19)
    rows.head(here.labels)
    rows.put_samples()
    rows.head(own + 2, own=True)
    rows.put_room(own + 3)
    canvas.link(SHARE, here.page - 5, PREDICTIONS.name, words("predictions.jump"), f"A{own}")
    columns = range(here.hit, here.working[""])
    if columns:
        canvas.text(here.labels - 2, here.hit, "lane", words("training.working"))
        canvas.group(columns, collapsed=len(columns) > MOST_UNFOLDED)
    canvas.head(PREDICTIONS, here.page)
    canvas.prose(2, here.page, words("predictions.says"))
    sheet.freeze_panes = "B1"
    # Room for new samples is worth no page of its own.
    last = own + 2 + ROOM
    if here.count > printed or last > ROWS_OF_PAGE:
        last = here.labels + printed
    canvas.set_up_print(
        here.page,
        f"{here.labels - 1}:{here.labels}",
        last_row=last,
        breaks=canvas.column_breaks(here.page),
        one_page=last <= ROWS_OF_PAGE,
    )
    return canvas.rows()


def _printed(here: SampleTable) -> int:
    """Return how many samples are printed: as many as one page has room for."""
    return min(here.count, PRINTED, max(LEAST_PRINTED, ROWS_OF_PAGE - here.labels))


def _says_of_samples(book: RunBook, count: int, printed: int) -> str:
    """Return what there is to say of `count` rows of samples: which are missing, or not printed."""
    samples = book.run.program.samples.size
    says = [book.words("predictions.cut", count=count)] if count < samples else []
    if count > printed:
        says.append(book.words("predictions.printed", count=printed, samples=samples))
    return " ".join(says)


def _put_parameters(canvas: Canvas, predicted: Predicted) -> None:
    """Put the trained parameters above the samples; and what the update rule remembers, which is of
    use only to who carries a run on, beside the steps on the way.
    """
    book, parameters = canvas.book, predicted.trained
    column = predicted.table.working[""] + 2
    remembered = parameters.beside(column)
    if remembered:
        canvas.text(PARAMETERS, column, "lane", book.words("predictions.remembered"))
    canvas.text(PARAMETERS, 1, "heading", book.words("predictions.trained"))
    canvas.text(PARAMETERS, 3, "caption", book.words(f"predictions.{parameters.source}"))
    canvas.heighten(PARAMETERS, 19)
    style = "known" if parameters.links else "input"
    for name, place in (*parameters.places.items(), *remembered.items()):
        values = parameters.values[name]
        links = parameters.links[name] if parameters.links else None
        canvas.numbers(place, style, choose(values, given=False), values, links)
        canvas.text(place.name_row, place.column, "name", name)
        canvas.labels(place)
        book.frame.add_name(f"{name}{TRAINED}", PREDICTIONS.name, place.absolute)
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
        if here.how:
            self._put_verdicts(rows.output, target, {y: wanted, output.name: outputs}, here.how)
        else:
            cells = rows.output.addresses(), target.addresses()
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
        self, output: Place, target: Place, known: Mapping[str, Array], how: Decision
    ) -> None:
        """Put what is decided, what is wanted, whether that is the same, and how often."""
        here, canvas, words = self.here, self.canvas, self.book.words
        hits, texts = self._hits(output, target, known, how)
        said = words("predictions.right"), words("predictions.wrong")
        self._put_decided(output, value(decided(output.matrix, how), known), how)
        wanted = value(decided(target.matrix, how), known)
        if how == "one of several":
            self._put_classes(target, here.wanted, "known", wanted)
        elif here.two:
            self._put_one_of_two(target, here.wanted, "known", wanted)
        for i, row in enumerate(range(here.first_row, here.first_row + here.count)):
            hit = f"{letter(here.hit)}{row}"
            canvas.formula(row, here.hit, "known", texts[i], hits[i], "0")
            text = f"IF({hit}=1,{literal(said[0])},{literal(said[1])})"
            canvas.formula(row, here.verdict, "known", text, said[not hits[i]])
        canvas.widen(here.verdict, max(map(room_for, said)))
        last = here.first_row + here.count - 1
        verdicts = f"{letter(here.verdict)}{here.first_row}:{letter(here.verdict)}{last}"
        rule = StyleRule(verdicts, f"${letter(here.hit)}{here.first_row}=0", "read")
        self.book.frame.add_rules(canvas.sheet, [rule])
        canvas.text(SHARE, 1, "table", words("predictions.share"))
        counted = Place(Matrix("right", output.matrix.rows, ONE), here.first_row, here.hit)
        share = mean(counted.matrix)
        ((text,),) = formulas(share, lambda _: counted.addresses())
        found = value(share, {"right": np.array(hits)[:, np.newaxis]}).item()
        canvas.formula(SHARE, 2, "active", text, found, "0.0%")
        # The blank keeps the text off the line around the number.
        of = f" {words('predictions.share_of', count=here.count)}"
        canvas.text(SHARE, 3, "table", of)

    def _hits(
        self, output: Place, target: Place, known: Mapping[str, Array], how: Decision
    ) -> tuple[list[float], list[str]]:
        """Return of each row whether it is right, 1 or 0, and the formula of that."""
        chosen = decided(output.matrix, how)
        hits = value(right(chosen, target.matrix, how), known).ravel().tolist()
        places = {place.matrix.name: place for place in (output, target)}
        seen: Expression = chosen
        if how != "one of several" and not self.here.two:
            # What is decided stands in cells of its own.
            seen = Matrix("decided", chosen.rows, chosen.columns)
            places["decided"] = Place(seen, self.here.first_row, self.here.decided)
        texts = formulas(right(seen, target.matrix, how), lambda m: places[m.name].addresses())
        return hits, [text for (text,) in texts]

    def _put_decided(
        self, output: Place, chosen: Array, how: Decision, typed: Sequence[str] = ()
    ) -> None:
        """Put what the outputs of each row decide; `typed` is what must hold before they do."""
        here = self.here
        if how == "one of several":
            self._put_classes(output, here.decided, "active", chosen, typed)
            return
        if here.two:
            self._put_one_of_two(output, here.decided, "active", chosen, typed)
            return
        for i, texts in enumerate(_decided(output, how)):
            for j, text in enumerate(texts):
                number, when = float(chosen[i, j]), typed[i] if typed else ""
                where = output.row + i, here.decided + j
                self._put_when(when, *where, "active", text, number, "0")

    def _put_classes(
        self, place: Place, column: int, style: str, chosen: Array, typed: Sequence[str] = ()
    ) -> None:
        """Put the names of the classes whose cells are the largest."""
        here = self.here
        first, last = letter(here.output), letter(here.output + len(here.classes) - 1)
        named = f"${first}${here.labels}:${last}${here.labels}"
        for i, (text,) in enumerate(_decided(place, "one of several")):
            name, when = here.classes[int(chosen[i, 0]) - 1], typed[i] if typed else ""
            self._put_when(when, place.row + i, column, style, f"INDEX({named},1,{text})", name)
        self.canvas.widen(column, max(room_for(name[:WIDEST]) for name in here.classes))

    def _put_one_of_two(
        self, place: Place, column: int, style: str, chosen: Array, typed: Sequence[str] = ()
    ) -> None:
        """Put the names of the classes that a single output decides, or a target says."""
        zero, one = self.here.two
        for i, (compared,) in enumerate(_decided(place, "yes or no")):
            text = with_results(compared, literal(one), literal(zero))
            name, when = self.here.two[int(chosen[i, 0])], typed[i] if typed else ""
            self._put_when(when, place.row + i, column, style, text, name)
        self.canvas.widen(column, max(map(room_for, self.here.two)))

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
        missing = []
        # Where nothing is typed nothing stands out: what is predicted does once it is there.
        for i, inputs in enumerate(raw.addresses()):
            canvas.label(row + i, 1, self.book.words("predictions.new", number=i + 1))
            for j in range(len(inputs)):
                canvas.blank(row + i, raw.column + j, "input")
            missing.append(f"COUNT({inputs[0]}:{inputs[-1]})<{len(inputs)}")
            for place, texts in steps:
                for j, text in enumerate(texts[i], place.column):
                    self._put_when(missing[i], row + i, j, "known", text, 0.0, "0.00")
        if here.how:
            # Nobody sees the values before samples are typed.
            chosen = np.ones((ROOM, len(here.outputs.labels)))
            self._put_decided(rows.output, chosen, here.how, missing)
        first = here.decided if here.how else here.output
        cells = f"{letter(first)}{row}:{letter(here.target - 1)}{row + ROOM - 1}"
        typed = f"${raw.columns[0]}{row}:${raw.columns[-1]}{row}"
        rule = StyleRule(cells, f"COUNT({typed})={len(raw.columns)}", "active")
        self.book.frame.add_rules(canvas.sheet, [rule])
        for place, _ in steps:
            canvas.watch(place.range, place.address(0, 0), Format(2))

    def _put_when(
        self, typed: str, row: int, column: int, style: str, text: str, value: float | str,
        code: str = "General",
    ) -> None:  # fmt: skip
        """Put a formula; with `typed`, one that shows nothing, in no colour, where that holds."""
        if typed:
            style = "known" if style == "active" else style
            text, value = f'IF({typed},"",{text})', ""
        self.canvas.formula(row, column, style, text, value, code)


def _decided(place: Place, how: Decision) -> Addresses:
    """Return the formulas of what outputs, or targets, decide where they stand."""
    return formulas(decided(place.matrix, how), lambda _: place.addresses())
