"""The sheet Predictions: the trained network, what it says of each sample, and room for new ones.

The trained parameters stand on this sheet only; the formulas below are the forward steps, read with
addresses in a row of their own.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
from openpyxl.worksheet.worksheet import Worksheet

from cellprop.algebra import Array, Axis, Matrix
from cellprop.algebra.deciding import Decision, at_least_half, decide_alike, decided, largest
from cellprop.faces.layout import Place, letter
from cellprop.faces.workbook.book import RunBook
from cellprop.faces.workbook.curve import Live
from cellprop.faces.workbook.extras import (
    MOST_SAMPLES,
    NOTHING,
    PREDICTIONS,
    WIDEST,
    Addresses,
    Canvas,
    absolute,
    alike,
    at_home,
    band,
    one_after_another,
    room_for,
    side_by_side,
)
from cellprop.faces.workbook.focus import Rule, literal
from cellprop.running.run import Run
from cellprop.texts.formats import LONGEST_LABEL, WIDEST_SIDE, Format, choose, cut

# Rows for samples to type.
ROOM = 5
# More working columns than this are folded away.
MOST_UNFOLDED = 12
# A sheet of more formula cells than this is slow; fewer samples are shown.
MOST_CELLS = 200_000
NARROWEST = 13
SHARE, TRAINED, FIRST_ROW = 4, 6, 10
# How outputs between 0 and 1 are shown; those too small for it get a format of their own.
SHARES = Format(3)


# --- The trained network ------------------------------------------------------------------


@dataclass(frozen=True)
class Trained:
    """What is carried on after the last epoch, on the sheet Predictions.

    Attributes:
        places: Where each stands.
        links: Where each comes from; None where it is typed.
        values: What the cells hold.
        source: Under which key the words say where they come from.
    """

    places: Mapping[str, Place]
    links: Mapping[str, Addresses] | None
    values: Mapping[str, Array]
    source: str

    @property
    def typed(self) -> Collection[str]:
        """The names of those that are typed."""
        return () if self.links else self.places.keys()

    @property
    def last_row(self) -> int:
        """The last row that a parameter takes."""
        return max(place.last_row for place in self.places.values())

    @property
    def last_column(self) -> int:
        """The last column that a parameter takes."""
        return max(place.last_column for place in self.places.values())


def trained(book: RunBook, live: Live | None) -> Trained:
    """Return the trained parameters: linked to where they are computed, wherever that is."""
    run = book.run
    names = tuple(run.start)
    shapes = run.network.shapes
    places = side_by_side(map(run.matrix, shapes), FIRST_ROW, 2)
    # Below: what an update rule remembers, so that a run can be carried on from the file.
    below = max(place.last_row for place in places.values()) + 4
    places |= side_by_side((run.matrix(n) for n in names if n not in shapes), below, 2)
    if live and live.count == run.epochs:
        links = {name: live.last(name) for name in names}
        return Trained(places, links, {n: live.values[n][-1] for n in names}, "live")
    # What the steps show, by how many updates came before: a link and its value are one matrix's.
    walked = (run.walk_epoch - 1) * run.batches + run.walk_batch - 1
    updated = {name: matrix.name for name, matrix in run.program.updates.items()}
    shown = {walked: ("untrained", {n: n for n in names}), walked + 1: ("steps", updated)}
    source, matrices = shown.get(run.epochs * run.batches, ("typed", None))
    if matrices is None:
        source = source if run.epochs else "given"
        return Trained(places, None, run.carried, source)
    links = {name: at_home(book, matrices[name]) for name in names}
    if source == "steps" and book.allowed.links_stop:
        links = {n: book.allowed.stopped(n, matrices[n], link) for n, link in links.items()}
    return Trained(places, links, {n: run.values[matrices[n]] for n in names}, source)


def known(run: Run, parameters: Trained) -> dict[str, Array]:
    """Return the values of what is no sample's: the parameters, and what inputs are scaled by."""
    inputs = run.program.matrices
    scaling = inputs[1 : [matrix.name for matrix in inputs].index("X")]
    return {m.name: run.values[m.name] for m in scaling} | dict(parameters.values)


# --- The sheet ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Table:
    """Where everything stands in the table of samples: first columns, and rows.

    Attributes:
        how: How outputs decide.
        inputs, outputs: What the columns of the inputs and the outputs stand for.
        classes: What the classes are called, where one of several is chosen.
        two: What the two classes of a single output are called; empty if they have no names.
        raw, output, decided, target, wanted, verdict: Columns of what is shown: the inputs, the
            outputs, the class or classes decided, the targets, the class wanted, and right or
            wrong; without a decision the differences.
        last: The last column of that.
        page: The last column of prose and links.
        hit: The column that is 1 where a sample is right; working columns begin there.
        steps: The matrices on the way from the inputs to the output.
        working: Their columns.
        labels: The row of the labels of columns; the first sample stands below it.
        count: How many samples have a row.
    """

    how: Decision | None
    inputs: Axis
    outputs: Axis
    classes: tuple[str, ...]
    two: tuple[str, ...]
    raw: int
    output: int
    decided: int
    target: int
    wanted: int
    verdict: int
    last: int
    page: int
    hit: int
    steps: tuple[Matrix, ...]
    working: Mapping[str, int]
    labels: int
    count: int

    @property
    def columns(self) -> dict[str, int]:
        """The column of every matrix of a band."""
        return {"X": self.raw, "X_raw": self.raw, "output": self.output, **self.working}

    @property
    def first_row(self) -> int:
        """The row of the first sample."""
        return self.labels + 1


def table(run: Run, parameters: Trained) -> Table:
    """Return where everything stands in the table of samples."""
    inputs, outputs = run.matrix("X").columns, run.program.output.columns
    how, count = run.decision, run.program.output.rows.size
    output = 2 + inputs.size
    decides = output + outputs.size
    target = decides + {None: 0, "each yes or no": outputs.size}.get(how, 1)
    wanted = target + outputs.size
    two = _two(how, outputs)
    verdict = wanted + (how == "one of several" or bool(two))
    last = verdict + (0 if how else outputs.size - 1)
    page = max(last, parameters.last_column, NARROWEST)
    hit = page + 2
    steps = band(run, Axis.numbered("samples", 1), 1, {}).computed[:-1]
    working = one_after_another(steps, hit + (how is not None))
    return Table(
        how,
        inputs,
        outputs,
        tuple(cut(label, LONGEST_LABEL) or str(j) for j, label in enumerate(outputs.labels, 1)),
        two,
        2,
        output,
        decides,
        target,
        wanted,
        verdict,
        last,
        page,
        hit,
        steps,
        working,
        parameters.last_row + 4,
        min(count, MOST_SAMPLES, max(1, MOST_CELLS // (last + working[""] - hit))),
    )


def _two(how: Decision | None, outputs: Axis) -> tuple[str, ...]:
    """Return what a single output's 0 and 1 are called; nothing where that can't be told apart."""
    if how != "yes or no" or not outputs.zero:
        return ()
    zero, one = (cut(name, WIDEST) for name in (outputs.zero, *outputs.labels))
    return (zero, one) if zero != one else ()


def predictions_sheet(book: RunBook, sheet: Worksheet, parameters: Trained) -> list[str]:
    """Set the sheet Predictions up in the frame and return its rows."""
    run, words = book.run, book.words
    canvas = Canvas(book, sheet)
    canvas.set_width(1, book.frame.theme.lane_width)
    here = table(run, parameters)
    rows = _Rows(canvas, here, parameters)
    _put_parameters(canvas, parameters)
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
    canvas.text(TRAINED, 1, "heading", book.words("predictions.trained"))
    canvas.text(TRAINED, 3, "caption", book.words(f"predictions.{parameters.source}"))
    canvas.heighten(TRAINED, 19)
    style = "known" if parameters.links else "input"
    for name, place in parameters.places.items():
        values = parameters.values[name]
        links = parameters.links[name] if parameters.links else None
        canvas.numbers(place, style, choose(values, given=False), values, links)
        canvas.text(place.name_row, place.column, "name", name)
        canvas.labels(place)
        book.frame.add_name(f"{name}_trained", PREDICTIONS, place.absolute)
        if not links:
            canvas.check_numbers(place.range, name)


class _Rows:
    """The rows of the table: samples of the walked update, and room for new ones."""

    def __init__(self, canvas: Canvas, here: Table, parameters: Trained) -> None:
        self.canvas, self.here, self.parameters = canvas, here, parameters
        self.book, self.run = canvas.book, canvas.book.run

    # --- What heads the columns -----------------------------------------------------------

    def head(self, row: int, *, own: bool = False) -> None:
        """Put names and labels above the columns; `own`: of samples that are to be typed."""
        here, words = self.here, self.book.words
        outputs, one = here.outputs.labels, ("",)
        heads = [
            (here.raw, self.run.program.matrices[0].name, here.inputs.labels),
            (here.output, "output", here.classes if here.how == "one of several" else outputs),
        ]
        if here.how:
            labels = outputs if here.how == "each yes or no" else one
            heads.append((here.decided, words("predictions.class"), labels))
        if not own:
            heads.append((here.target, "y", outputs))
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
        axis = run.program.output.rows
        samples = Axis(axis.name, axis.labels[: here.count])
        rows = band(run, samples, here.first_row, here.columns)
        raw, y = (run.values[name][: here.count] for name in (rows.raw.name, "y"))
        values = rows.values(raw, known(run, self.parameters))
        for i, label in enumerate(samples.labels):
            canvas.label(here.first_row + i, 1, label, beside=WIDEST_SIDE)
        links, forms = at_home(self.book, rows.raw.name), self.book.columns[rows.raw.name]
        canvas.numbers(rows.places[rows.raw.name], "known", forms, raw, links)
        for matrix in rows.computed:
            style = "active" if matrix.name == "output" and not here.how else "known"
            form = choose(values[matrix.name], given=False)
            if matrix.name == "output" and here.how:
                form = SHARES
            texts = rows.formulas(matrix, self.fixed, self.parameters.typed)
            canvas.numbers(rows.places[matrix.name], style, form, values[matrix.name], texts)
        target = Place(Matrix("y", samples, here.outputs), here.first_row, here.target)
        canvas.numbers(target, "known", self.book.columns["y"], y, at_home(self.book, "y"))
        cells = rows.places["output"].addresses(), target.addresses()
        if here.how:
            self._put_verdicts(*cells, decided(values["output"], here.how), decided(y, here.how))
        else:
            self._put_differences(target.matrix, *cells, y - values["output"])

    def fixed(self, matrix: Matrix) -> Addresses:
        """Return where stands what is no sample's."""
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
        rule = Rule(verdicts, f"${letter(here.hit)}{here.first_row}=0", "read")
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
        rows = band(self.run, Axis.numbered("samples", ROOM), row, here.columns)
        raw = rows.places[rows.raw.name]
        canvas.check_numbers(raw.range, rows.raw.name)
        typed = self.parameters.typed
        steps = [(rows.places[m.name], rows.formulas(m, self.fixed, typed)) for m in rows.computed]
        for i, inputs in enumerate(raw.addresses()):
            canvas.label(row + i, 1, self.book.words("predictions.new", number=i + 1))
            for j in range(len(inputs)):
                canvas.blank(row + i, raw.column + j, "input")
            typed = f"COUNT({inputs[0]}:{inputs[-1]})<{len(inputs)}"
            for place, texts in steps:
                style = "active" if place.matrix.name == "output" and not here.how else "known"
                for j, text in enumerate(texts[i], place.column):
                    self._put_when(typed, row + i, j, style, text, 0.0, "0.00")
            if here.how:
                outputs = rows.places["output"].addresses()[i]
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
