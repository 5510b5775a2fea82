"""What the sheets of one workbook share: formats, widths, and the cells of each matrix.

A matrix looks the same on every sheet on which it is in the same state, so its cells are made
once for each state and used again on every page of the flip-book. Knows an update and its layout;
what a sheet is about, it does not know.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import groupby, repeat
from typing import Literal

from openpyxl.worksheet.worksheet import Worksheet
from rich.cells import cell_len

from cellprop.algebra import Array, Matrix, Mention, value
from cellprop.algebra.ranges import Range
from cellprop.errors import LimitError
from cellprop.faces.layout import Layout
from cellprop.faces.places import Picked, Place, Spread, letter
from cellprop.faces.workbook import xml
from cellprop.faces.workbook.allowed import Allowed, allowed, as_typed
from cellprop.faces.workbook.frame import Frame
from cellprop.faces.workbook.measures import Measures, label_lines, measured, needed
from cellprop.files.safe import looks_like_formula
from cellprop.programs.program import Step
from cellprop.running.run import Run, Update
from cellprop.texts import captions
from cellprop.texts.formats import (
    LONGEST_LABEL,
    Format,
    Formats,
    choose,
    cut,
    of_matrix,
    of_update,
    replaced,
)
from cellprop.texts.words import Words

State = Literal[
    "ghost", "quiet", "known", "read", "active", "input", "move",
    # In an exercise:
    "given", "answer", "right", "carried", "rounded", "slip", "wrong",
]  # fmt: skip

LONGEST_FORMULA = 8192


def sheet_name(step: Step) -> str:
    """Return the name of a step's sheet."""
    return f"Step {step.label}"


@dataclass
class Book:
    """What the sheets of one workbook share. Collects what is made once and used again."""

    update: Update
    layout: Layout
    frame: Frame
    words: Words
    formats: Mapping[str, Format] = field(init=False)
    columns: Mapping[str, Formats] = field(init=False)
    replaced: Mapping[str, str] = field(init=False)
    home: Mapping[str, Step] = field(init=False)
    numbers: dict[str, Array] = field(init=False)
    clipped: bool = False
    _measures: dict[Spread, Measures] = field(default_factory=dict)
    _blocks: dict[tuple[Spread, Place, State, Picked | None], list[str]] = field(
        default_factory=dict
    )
    _values: dict[str, list[list[str]]] = field(default_factory=dict)
    _formulas: dict[str, list[list[str]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.columns, self.replaced = self._shown()
        self.numbers = {**self.update.values}
        for move in self.update.program.moves.values():
            assert move.definition is not None
            self.numbers[move.name] = value(move.definition, self.update.values)
            form = choose(self.numbers[move.name], given=False)
            self.columns = {**self.columns, move.name: (form,) * move.columns.size}
        self.formats = {name: of_matrix(columns) for name, columns in self.columns.items()}
        self.home = {m.name: step for step in self.update.program.steps for m in step.brings}

    def _shown(self) -> tuple[Mapping[str, Formats], Mapping[str, str]]:
        """Return the formats of each matrix's columns, by its name; and the name of the matrix that
        each updated one replaces, so that the move is to be seen.
        """
        return of_update(self.update), replaced(self.update)

    @cached_property
    def allowed(self) -> Allowed:
        """Which numbers may be typed."""
        return allowed(self.update)

    def check_numbers(self, sheet: Worksheet, cells: str, numbers: Range) -> None:
        """Let cells take numbers of a range only."""
        least, most = map(as_typed, numbers)
        error = self.words("sheet.errors.number", least=least, most=most)
        title = self.words("sheet.errors.title")
        self.frame.add_number_check(sheet, cells, (least, most), title, error)

    def measures(self, step: Step) -> Measures:
        """Return the sizes of a step's sheet."""
        spread = self.layout.on(step)
        if spread not in self._measures:
            shown = {
                name: tuple(form.closer for form in forms) if name in self.replaced else forms
                for name, forms in self.columns.items()
            }
            extra = self._extra_widths(spread)
            self._measures[spread] = measured(spread, self.frame, shown, self.numbers, extra)
        return self._measures[spread]

    def _extra_widths(self, spread: Spread) -> Mapping[int, float]:  # noqa: ARG002 - others need it
        """Return what columns of a sheet need beside its own numbers, in characters: in a flip-book
        all sheets are as wide as those of updates, which also show what changes.
        """
        return {} if self.layout.form == "close-up" else self._widths_of_changes

    @cached_property
    def _widths_of_changes(self) -> Mapping[int, float]:
        """What columns need for what updates change, in characters."""
        found: dict[int, float] = {}
        spreads = dict.fromkeys(self.layout.spreads.values())
        for place in (p for each in spreads for lane in each.below_notes for p in lane.places):
            name = place.matrix.name
            for j, column in enumerate(range(place.column, place.last_column + 1)):
                width = needed(place, j, self.columns[name], self.numbers[name])
                found[column] = max(found.get(column, 0.0), width)
        return found

    def label(self, address: str, label: str, width: float) -> str:
        """Return the cell of a label, in as many lines as it takes; nothing for an empty one."""
        if not label:
            return ""
        shown = cut(label, LONGEST_LABEL)
        self.clipped |= shown != label
        wrapped = len(label_lines(self.frame, shown, width)) > 1
        style = self.frame.style("label", quoted=looks_like_formula(shown), wrapped=wrapped)
        return xml.text_cell(address, style, shown)

    def link(self, name: str) -> str:
        """Return the reference to a matrix's own sheet: `'Step 2'!`."""
        return f"'{sheet_name(self.home[name])}'!"

    def block(
        self, place: Place, state: State, measures: Measures, picked: Picked | None = None
    ) -> list[str]:
        """Return the cells of a matrix in a state: a row of its name, of labels, of numbers.

        `picked`: which numbers are, if not all; the others are as quiet as what is not read.
        """
        key = (measures.spread, place, state, picked)
        if key not in self._blocks:
            self._blocks[key] = list(_block(self, place, state, measures, picked))
        return self._blocks[key]

    def cells(
        self, place: Place, state: State, spread: Spread, picked: Picked | None = None
    ) -> Iterator[str]:
        """Yield the cells of each row of a matrix in a state, as they stand on a sheet."""
        lines = place.lines()
        if state == "ghost":
            style = self.frame.style("ghost")
            for row in lines:
                yield xml.blank_cells(row, style)
            return
        name = place.matrix.name
        styles = self.styles_of_rows(place, state, picked)
        values = as_placed(place, self.values(name))
        if state == "input":
            for row, numbers, of in zip(lines, values, styles, strict=False):
                yield styled(xml.number_cells, of, row, numbers)
            return
        if state == "active":
            texts = self.formulas(place.matrix)
        else:
            is_move = state == "move"
            texts = spread.formulas(place.matrix) if is_move else self.links(place, spread)
        written = as_placed(place, texts)
        for row, formulas, numbers, of in zip(lines, written, values, styles, strict=False):
            yield styled(xml.formula_cells, of, row, formulas, numbers)

    def styles_of_rows(
        self, place: Place, state: State, picked: Picked | None
    ) -> Iterator[Sequence[int]]:
        """Yield for each row on the sheet the style of each number, where all of a matrix are in a
        state or some.
        """
        styles = self.styles(place, state)
        if picked is None:
            yield from repeat(styles)
            return
        quiet = self.styles(place, "quiet")
        for row in zip(*picked, strict=True) if place.turned else picked:
            each = zip(row, styles, quiet, strict=True)
            yield [style if is_picked else other for is_picked, style, other in each]

    def styles(self, place: Place, state: State) -> list[int]:
        """Return the style of each column of a matrix as it stands on the sheet."""
        name, state = place.matrix.name, LIKE.get(state, state)
        if place.turned:  # its columns may have formats of their own
            return [self.frame.style(state, self.formats[name].code)] * place.across.size
        return [self.frame.style(state, form.code) for form in self.columns[name]]

    def links(self, place: Place, spread: Spread) -> list[list[str]]:
        """Return the formulas of a copy of a matrix on a sheet: where each number stands on its own
        sheet.
        """
        name = place.matrix.name
        home = self.layout.places[name]
        # In close-up a step may show again what it has computed itself.
        again = self.layout.form == "close-up" and spread is self.layout.on(self.home[name])
        link = "" if again else self.link(name)
        return [[link + address for address in row] for row in home.addresses()]

    def values(self, name: str) -> list[list[str]]:
        """Return the values of a matrix as the texts that stand in the file."""
        if name not in self._values:
            rows = self.numbers[name].tolist()
            self._values[name] = [[xml.number(value) for value in row] for row in rows]
        return self._values[name]

    def formulas(self, matrix: Matrix) -> list[list[str]]:
        """Return the formulas of a matrix on its step's sheet."""
        if matrix.name not in self._formulas:
            texts = self.layout.on(self.home[matrix.name]).formulas(matrix)
            longest = max(len(text) for row in texts for text in row)
            if longest >= LONGEST_FORMULA:
                raise LimitError(
                    f"{matrix.name}: a formula would have {longest} characters; a spreadsheet"
                    f" allows {LONGEST_FORMULA}: use fewer inputs, neurons or samples."
                )
            self._formulas[matrix.name] = texts
        return self._formulas[matrix.name]


@dataclass(frozen=True)
class Extra:
    """A sheet that follows the steps.

    Attributes:
        name: What it is called.
        key: Under which key its words stand: of them a `title`, and what it is `about`.
        about: Under which key that stands where it is about more.
    """

    name: str
    key: str
    about: str = ""


@dataclass
class RunBook(Book):
    """A `Book` of a whole run, which has sheets after the steps.

    Attributes:
        run: What they show.
        extras: The sheets, in order.
    """

    run: Run = field(kw_only=True)
    extras: tuple[Extra, ...] = field(kw_only=True)

    @property
    def sheet_names(self) -> list[str]:
        """The names of the sheets of the steps and of those after them, in order."""
        steps = map(sheet_name, self.run.program.steps)
        return [*steps, *(extra.name for extra in self.extras)]

    @cached_property
    def allowed(self) -> Allowed:
        """Which numbers may be typed, on these sheets as well."""
        return allowed(self.update, (self.run.start, self.run.carried))


def styled(
    write: Callable[..., str], styles: Sequence[int], addresses: list[str], *texts: list[str]
) -> str:
    """Return the cells of a row, each in the style of its column."""
    cells, first = "", 0
    for style, alike in groupby(styles):
        last = first + len(list(alike))
        cells += write(addresses[first:last], style, *(each[first:last] for each in texts))
        first = last
    return cells


def spans(place: Place, forms: Formats) -> Iterator[tuple[list[str], Format]]:
    """Yield the letters of neighbouring columns that have a format in common, and that format."""
    first = 0
    for form, alike in groupby(forms):
        last = first + len(list(alike))
        yield place.columns[first:last], form
        first = last


def as_placed(place: Place, cells: list[list[str]]) -> list[list[str]]:
    """Return what belongs to each number of a matrix, row by row of the sheet."""
    return [list(row) for row in zip(*cells, strict=True)] if place.turned else cells


# --- Matrices -----------------------------------------------------------------------------


# By how much a number moved is shown beside what is computed, but quietly.
LIKE: Mapping[State, State] = {"move": "known"}
NAMES: Mapping[State, str] = {"ghost": "ghost_name", "quiet": "quiet_name"}


def _block(
    book: Book, place: Place, state: State, measures: Measures, picked: Picked | None
) -> Iterator[str]:
    ghostly = state == "ghost"
    name_style = book.frame.style(NAMES.get(state, "name"))
    yield xml.text_cell(f"{place.columns[0]}{place.name_row}", name_style, place.called)
    if place.head == HEAD_WITH_SHAPE:
        shape = shape_of(book, place, measures)
        yield xml.text_cell(f"{place.columns[0]}{place.row - 2}", book.frame.style("shape"), shape)
    if ghostly:
        yield ""
    else:
        yield "".join(
            book.label(f"{column}{place.label_row}", label, measures.width(place.column + j))
            for j, (column, label) in enumerate(
                zip(place.columns, place.across.labels, strict=True)
            )
        )
    rows = book.cells(place, state, measures.spread, picked)
    if ghostly or not place.has_row_labels:
        yield from rows
        return
    column, width = letter(place.label_column), measures.width(place.label_column)
    for i, (label, cells) in enumerate(zip(place.down.labels, rows, strict=True)):
        yield book.label(f"{column}{place.row + i}", label, width) + cells


def shape_of(book: Book, place: Place, measures: Measures) -> str:
    """Return the shape of a matrix as it takes part in a formula, with what its axes are if there
    is room.
    """
    matrix, words = place.matrix, book.words
    mention = Mention(matrix, place.transposed)
    rows, columns = matrix.rows, matrix.columns
    if place.transposed:
        rows, columns = columns, rows
    full = captions.shape(words, rows, columns)
    if place.transposed and not place.turned:
        return words("sheet.turned", shape=mention.shape_text)
    room = measures.left(place.last_column + 1) - measures.left(place.column)
    return full if cell_len(full) * SHAPE_CHARACTER <= room + BESIDE else mention.shape_text


HEAD_WITH_SHAPE = 3
# The width of a letter of a shape, and what of the columns between matrices it may take, in pixels.
SHAPE_CHARACTER, BESIDE = 6.2, 40.0
