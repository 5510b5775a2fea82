"""The sheet Updates: several updates side by side, each from the one before it, live.

The walked update is linked to its steps; those after it are the same expressions, read with
addresses of their own. Where updates see some samples each, updates that see all stand before
them, so that one can compare. Knows a run and columns of a sheet; how it was trained, it does not
know.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
from openpyxl.worksheet.worksheet import Worksheet

from cellprop.algebra import Array, Matrix, formulas, value
from cellprop.errors import LimitError
from cellprop.faces.places import Place, letter
from cellprop.faces.workbook.allowed import as_typed
from cellprop.faces.workbook.book import LONGEST_FORMULA, Extra, RunBook
from cellprop.faces.workbook.canvas import Addresses, Canvas, absolute, at_home, room_for
from cellprop.faces.workbook.charts import Chart, Series
from cellprop.programs.deciding import mean_loss
from cellprop.running.run import Run, Update
from cellprop.texts.formats import Format, choose

UPDATES = Extra("Updates", "updates")
# Of more learnt numbers than this, the first so many have columns in the table.
MOST_LISTED = 8
# Of more samples than this, an update's are counted, not named.
MOST_NAMED = 4
# Rows and columns of the table, and where the chart begins below it.
HEAD, FIRST_ROW = 4, 5
UPDATE, NUMBER, SAMPLES, LOSS, LEARNT = 1, 2, 3, 4, 5
CHART_ROWS = 19
# Prose and links take so many columns at least.
NARROWEST = 10
# Columns between blocks: one is empty, and one has the labels of rows.
APART = 2


Cell = tuple[Matrix, int, int]
"""One number of a matrix: its row and its column, from 0."""


def has_updates(run: Run) -> bool:
    """Return whether there are several updates to show."""
    return run.iterated is not None


@dataclass(frozen=True)
class Block:
    """The columns of an update, or of what there is before the first.

    Attributes:
        title: What stands above.
        samples: Which samples it sees, in words.
        places: Where each of its matrices stands, by name.
        update: Its numbers; None before the first.
        before: The block whose parameters it starts from.
        batch: Which samples it sees, from 0; None if all.
    """

    title: str
    samples: str
    places: Mapping[str, Place]
    update: Update | None = None
    before: Block | None = None
    batch: Sequence[int] | None = None


def updates_sheet(book: RunBook, sheet: Worksheet) -> list[str]:
    """Set the sheet Updates up in the frame and return its rows."""
    return _Updates(Canvas(book, sheet)).rows()


class _Updates:
    """The sheet on its way: a table of what is learnt, a chart, and a block for each update."""

    def __init__(self, canvas: Canvas) -> None:
        book = canvas.book
        assert book.run.iterated is not None
        self.canvas, self.book, self.words = canvas, book, book.words
        self.iterated = book.run.iterated
        self.every = (*self.iterated.together, *self.iterated.updates)
        # The steps of an update that sees the most samples.
        self.program = self.every[0].program
        self.replaced = {new.name: old for old, new in self.program.updates.items()}

    # --- What is shown --------------------------------------------------------------------

    @cached_property
    def samples(self) -> tuple[str, ...]:
        """The names of what is given of each sample, where updates see some of them."""
        if not self.iterated.together:
            return ()
        given = (*self.program.forward.inputs, *self.program.forward.targets)
        return tuple(m.name for m in given if self.program.samples in (m.rows, m.columns))

    @cached_property
    def shown(self) -> tuple[str, ...]:
        """The names of what blocks show, in order: each move before what moves."""
        found = [*self.samples]
        once = self.program.having("statistic")
        for matrix in self.program.matrices:
            if matrix.definition is not None and matrix not in once:
                move = self.program.moves.get(matrix.name)
                found += [move.name, matrix.name] if move else [matrix.name]
        return tuple(found)

    @cached_property
    def folded(self) -> frozenset[str]:
        """The names of what is only on the way."""
        program = self.program
        kept = (*program.forward.outputs, *program.losses, *program.updates.values())
        names = {m.name for m in (*kept, *program.moves.values())}
        return frozenset(name for name in self.shown if name not in {*names, *self.samples})

    @cached_property
    def row_of(self) -> Mapping[str, int]:
        """The first row of numbers of each matrix, by name."""
        rows, row = {}, self.first_row + 2
        for name in self.shown:
            rows[name] = row + 2
            row += _matrix(self.every[0], name).rows.size + 3
        return rows

    @property
    def first_row(self) -> int:
        """The row of the titles of the blocks."""
        ways = sum(map(bool, (self.iterated.together, self.iterated.updates)))
        return FIRST_ROW + len(self.every) + ways + CHART_ROWS + 3

    @cached_property
    def listed(self) -> tuple[Cell, ...]:
        """The learnt numbers that have columns in the table: of which matrix, and where in it."""
        cells = [(m, i, j) for m in self.program.parameters for i, j in np.ndindex(m.shape)]
        return tuple(cells[:MOST_LISTED])

    @cached_property
    def ways(self) -> tuple[tuple[Block, ...], ...]:
        """The start and what follows it: updates that see all samples, if there are some; and those
        that were asked for.
        """
        count = 1 + len(self.iterated.together)
        start = self.blocks[0]
        ways = self.blocks[1:count], self.blocks[count:]
        return tuple((start, *way) for way in ways if way)

    @cached_property
    def blocks(self) -> tuple[Block, ...]:
        """The blocks from left to right: what there is at the start, updates that see all samples,
        and those that were asked for.
        """
        column = SAMPLES + 1
        places = {
            new.name: Place(self.program.by_name[old], self.row_of[new.name], column)
            for old, new in self.program.updates.items()
        }
        start = Block(self.words("updates.start"), "", places)
        found, batches = [start], self.iterated.batches if self.iterated.together else ()
        for key, updates in (("all", self.iterated.together), ("one", self.iterated.updates)):
            before = start
            for number, update in enumerate(updates, 1):
                column = max(p.last_column for p in found[-1].places.values()) + 1 + APART
                places = {
                    name: Place(_matrix(update, name), self.row_of[name], column)
                    for name in self.shown
                }
                seen = batches[number - 1].tolist() if key == "one" and batches else None
                title = self.words(f"updates.{key}", number=number)
                before = Block(title, self._said_of(update, seen), places, update, before, seen)
                found.append(before)
        return tuple(found)

    def _said_of(self, update: Update, batch: Sequence[int] | None) -> str:
        """Return which samples an update sees: by their labels, or how many, if they are many."""
        if batch is None:
            return self.words("updates.every")
        if len(batch) > MOST_NAMED:
            return self.words("updates.counted", count=len(batch))
        return ", ".join(update.program.samples.labels)

    # --- The sheet ------------------------------------------------------------------------

    def rows(self) -> list[str]:
        """Put all of it, and return the rows."""
        canvas, words = self.canvas, self.words
        last = max(LEARNT + 2 * len(self.listed) - 1, NARROWEST)
        canvas.set_width(UPDATE, self.book.frame.theme.lane_width)
        self._put_table()
        canvas.text(self.first_row - 1, UPDATE, "heading", words("updates.blocks"))
        canvas.heighten(self.first_row - 1, 19)
        for name, row in self.row_of.items():
            canvas.text(row - 2, UPDATE, "lane", name)
        for block in self.blocks:
            self._put_block(block)
        for name in self.folded:
            first, height = self.row_of[name] - 2, _matrix(self.every[0], name).rows.size + 3
            canvas.fold_rows(range(first, first + height))
        canvas.head(UPDATES, last)
        says = [words("updates.says"), *[words("updates.compared")] * bool(self.samples)]
        canvas.prose(2, last, " ".join(says))
        self._add_chart()
        canvas.sheet.freeze_panes = "B1"
        canvas.set_up_print(last, f"{HEAD}:{HEAD}", last_row=self.first_row - 2, one_page=True)
        return canvas.rows()

    # --- The table ------------------------------------------------------------------------

    def _put_table(self) -> None:
        """Put a row for each update: its loss, the learnt numbers after it, and how they moved."""
        canvas, words = self.canvas, self.words
        heads = [(NUMBER, "update"), (SAMPLES, "samples"), (LOSS, "loss")]
        for column, key in heads:
            canvas.text(HEAD, column, "label", words(f"updates.{key}"))
        for k, cell in enumerate(self.listed):
            called = _called(cell)
            for column, name in enumerate((f"Δ{called}", called), LEARNT + 2 * k):
                canvas.text(HEAD, column, "label", name)
                canvas.widen(column, room_for(name))
        numbered = [pair for way in self.ways for pair in enumerate(way)]
        for row, (number, block) in enumerate(numbered, FIRST_ROW):
            canvas.text(row, UPDATE, "table", block.title)
            canvas.number(row, NUMBER, "known", float(number), "0")
            canvas.text(row, SAMPLES, "label", block.samples)
            canvas.widen(SAMPLES, room_for(block.samples))
            self._put_loss(row, block)
            self._put_learnt(row, block)

    def _put_loss(self, row: int, block: Block) -> None:
        if block.update is None:
            return
        loss = mean_loss(block.update.program)
        ((text,),) = formulas(loss, partial(self._address, block))
        found = value(loss, block.update.values).item()
        self.canvas.formula(row, LOSS, "known", text, found, "0.000000")

    def _put_learnt(self, row: int, block: Block) -> None:
        for k, (matrix, i, j) in enumerate(self.listed):
            new = self.program.updates[matrix.name].name
            moves = self.program.moves[new].name
            for column, name in enumerate((moves, new), LEARNT + 2 * k):
                if name not in block.places:
                    continue  # nothing has moved yet
                is_new = name == new and block.update is not None
                place, style = block.places[name], "active" if is_new else "known"
                number = self._values(block, name)[i, j]
                code = self._formats[name].code
                self.canvas.formula(row, column, style, place.address(i, j), number, code)

    def _add_chart(self) -> None:
        """Add the chart: the way of two learnt numbers; of more, the loss of each update."""
        words, canvas = self.words, self.canvas
        is_way = sum(m.size for m in self.program.parameters) == 2
        x, y = (LEARNT + 1, LEARNT + 3) if is_way else (NUMBER, LOSS)
        series, first = [], FIRST_ROW
        for way in self.ways:
            last = first + len(way) - 1
            # Before the first update there is no loss yet.
            rows = first + (not is_way), last
            across, upwards = (
                f"'{UPDATES.name}'!${c}${rows[0]}:${c}${rows[1]}" for c in map(letter, (x, y))
            )
            series.append(Series(words(f"updates.{self._kind(way)}"), across, upwards))
            first = last + 1
        if is_way:
            title, (across, upwards) = words("updates.way"), map(_called, self.listed)
        else:
            title = words("updates.losses")
            across, upwards = words("updates.update"), words("updates.loss")
        says = words("updates.chart_says", x=across, y=upwards)
        chart = Chart(title, across, upwards, series, says, marked=True)
        canvas.book.frame.add_chart(canvas.sheet, f"B{last + 2}", chart)

    def _kind(self, way: Sequence[Block]) -> str:
        """Return of which kind a way is, as the words call it."""
        seen = {len(block.batch) for block in way if block.batch is not None}
        return {frozenset[int](): "at_once", frozenset((1,)): "one_by_one"}.get(
            frozenset(seen), "a_few"
        )

    # --- A block --------------------------------------------------------------------------

    def _put_block(self, block: Block) -> None:
        canvas, column = self.canvas, min(p.column for p in block.places.values())
        canvas.text(self.first_row, column, "name", block.title)
        if block.samples:
            canvas.text(self.first_row + 1, column, "label", block.samples)
        for name, place in block.places.items():
            canvas.labels(place)
            if name in self.samples:
                self._put_samples(block, place)
                continue
            values = self._values(block, name)
            style = "active" if block.update and name in self.replaced else "known"
            canvas.numbers(place, style, self._formats[name], values, self._texts(block, name))

    def _put_samples(self, block: Block, place: Place) -> None:
        """Put what is given of the samples that an update sees. All of them are typed in the block
        that sees all; the walked update's are those of its step.
        """
        name, form = place.matrix.name, self._formats[place.matrix.name]
        values, canvas = self._values(block, name), self.canvas
        walked = self.iterated.batches[0].tolist()
        at_step = at_home(self.book, name)
        cells = absolute(self._typed.places[name])
        by_row = place.matrix.rows is block.update.program.samples  # type: ignore[union-attr]
        canvas.fit(place.column, form, values)
        for i, j in np.ndindex(values.shape):
            where = place.row + i, place.column + j
            number, sample = float(values[i, j]), i if by_row else j
            text = None
            if block.batch is not None:
                at = block.batch[sample]
                text = cells[at][j] if by_row else cells[i][at]
            elif block is not self._typed:
                text = cells[i][j]
            elif sample in walked:
                at = walked.index(sample)
                text = at_step[at][j] if by_row else at_step[i][at]
            if text is None:
                canvas.number(*where, "input", number, form.code)
            else:
                canvas.formula(*where, "known", text, number, form.code)
        if block is self._typed:
            canvas.check_numbers(place.range, name)

    @property
    def _typed(self) -> Block:
        """The block in which all samples stand."""
        return self.blocks[1]

    def _texts(self, block: Block, name: str) -> Addresses:
        """Return the formulas of a matrix in a block."""
        old = self.replaced.get(name)
        if block.update is None:
            assert old is not None
            return at_home(self.book, old)
        if block.update is self.book.run.update and name in self.book.layout.places:
            return at_home(self.book, name)
        definition = block.places[name].matrix.definition
        assert definition is not None
        texts = formulas(definition, partial(self._address, block))
        if old is not None:
            self._check_allowed(block, old, self._values(block, name))
            texts = self.book.allowed.stopped(old, name, texts)
        if max(len(text) for row in texts for text in row) >= LONGEST_FORMULA:
            raise LimitError(
                f"iterations: {name} would have a formula that is too long for a cell; use fewer"
                " samples, inputs or neurons."
            )
        return texts

    def _check_allowed(self, block: Block, name: str, values: Array) -> None:
        if not self.book.allowed.has(name, values):
            least, most = map(as_typed, self.book.allowed.ranges[name])
            raise LimitError(
                f"iterations: {block.title}: {name} leaves {least} to {most}, from which a workbook"
                " can go on; use fewer iterations, or a smaller learning rate."
            )

    def _values(self, block: Block, name: str) -> Array:
        """Return the numbers of a matrix in a block."""
        if block.update is None:
            return self.book.run.values[self.replaced[name]]
        return _values(block.update, name)

    def _address(self, block: Block, matrix: Matrix) -> Addresses:
        """Return the address of each cell of a matrix as a formula of a block reads it."""
        if matrix.name in block.places:
            return absolute(block.places[matrix.name])
        new = self.program.updates.get(matrix.name)
        if new is not None:
            assert block.before is not None
            return absolute(block.before.places[new.name])
        return at_home(self.book, matrix.name)

    @cached_property
    def _formats(self) -> Mapping[str, Format]:
        """The format of each matrix: the same in all blocks; of what moves, as its move has it."""
        found = {
            name: choose(np.concatenate(list(self._all(name))), given=False) for name in self.shown
        }
        for new, move in self.program.moves.items():
            both = found[new], found[move.name]
            found[new] = max(both, key=lambda each: each.decimals or 0)
        return found

    def _all(self, name: str) -> Iterator[Array]:
        """Yield the numbers of a matrix in each update, in one column."""
        yield from (_values(update, name).reshape(-1, 1) for update in self.every)


def _called(cell: Cell) -> str:
    """Return what a number is called: `wh[1,2]`."""
    matrix, i, j = cell
    return matrix.name if matrix.is_scalar else f"{matrix.name}[{i + 1},{j + 1}]"


def _matrix(update: Update, name: str) -> Matrix:
    """Return a matrix of an update, or of what moves in it."""
    found = update.program.by_name.get(name)
    moves = update.program.moves.values()
    return found or next(move for move in moves if move.name == name)


def _values(update: Update, name: str) -> Array:
    """Return the numbers of a matrix of an update, or of what moves in it."""
    if name in update.values:
        return update.values[name]
    definition = _matrix(update, name).definition
    assert definition is not None
    return value(definition, update.values)
