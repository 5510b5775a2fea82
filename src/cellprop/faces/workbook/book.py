"""What the sheets of one workbook share: formats, widths, and the cells of each matrix.

A matrix looks the same on every sheet on which it is in the same state, so its cells are made
once for each state and used again on every page of the flip-book. Knows an update and its layout;
what a sheet is about, it does not know.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import groupby
from typing import Literal

from openpyxl.worksheet.worksheet import Worksheet
from rich.cells import cell_len

from cellprop.algebra import Matrix, formulas
from cellprop.algebra.ranges import Range
from cellprop.errors import LimitError
from cellprop.faces import layout as at
from cellprop.faces.layout import Layout, Place, letter
from cellprop.faces.workbook import xml
from cellprop.faces.workbook.allowed import Allowed, allowed, as_typed
from cellprop.faces.workbook.frame import Frame
from cellprop.files.safe import looks_like_formula
from cellprop.programs.program import Step
from cellprop.running.run import Run, Update
from cellprop.texts.formats import (
    LONGEST_LABEL,
    WIDEST_SIDE,
    Format,
    Formats,
    cut,
    lines,
    of_matrix,
    of_update,
    replaced,
    width_above,
)
from cellprop.texts.words import Words

State = Literal[
    "ghost", "known", "read", "active", "input",
    # In an exercise:
    "given", "answer", "right", "carried", "rounded", "slip", "wrong",
]  # fmt: skip

LONGEST_FORMULA = 8192
# The usual height of a row, and of one of labels, in points.
ROW, LABEL_ROW = 16.5, 14.0
# Prose and links keep to a page's width, however narrow or wide the matrices are.
NARROWEST_PAGE, WIDEST_PAGE = 20, 24


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
    widths: Mapping[int, float] = field(init=False)
    heights: Mapping[int, float] = field(init=False)
    clipped: bool = False
    _blocks: dict[tuple[str, State], list[str]] = field(default_factory=dict)
    _values: dict[str, list[list[str]]] = field(default_factory=dict)
    _formulas: dict[str, list[list[str]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.columns, self.replaced = self._shown()
        self.formats = {name: of_matrix(columns) for name, columns in self.columns.items()}
        self.home = {m.name: step for step in self.update.program.steps for m in step.brings}
        self.widths = _widths(self)
        self.heights = _heights(self)

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

    @property
    def page_column(self) -> int:
        """The last column of prose, links and notes."""
        return min(max(self.layout.last_column, NARROWEST_PAGE), WIDEST_PAGE)

    def width(self, column: int) -> float:
        """Return the width of a column in characters."""
        return self.widths.get(column, self.frame.theme.number_width)

    def height(self, first: int, last: int) -> float:
        """Return the height of the rows from a first to a last together, in points."""
        return sum(self.heights.get(row, ROW) for row in range(first, last + 1))

    def label(self, address: str, label: str, width: float) -> str:
        """Return the cell of a label, in as many lines as it takes; nothing for an empty one."""
        if not label:
            return ""
        shown = cut(label, LONGEST_LABEL)
        self.clipped |= shown != label
        quoted, wrapped = looks_like_formula(shown), len(self._lines(shown, width)) > 1
        style = self.frame.style("label", quoted=quoted, wrapped=wrapped)
        return xml.text_cell(address, style, shown)

    def height_of_label(self, label: str, width: float) -> float:
        """Return the height of a row with a label, in points; the column is `width` characters."""
        count = len(self._lines(label, width))
        return count * self.frame.line_of_label + (2 if count > 1 else 0)

    def _lines(self, label: str, width: float) -> list[str]:
        return lines(cut(label, LONGEST_LABEL), self.frame.places(width))

    def link(self, name: str) -> str:
        """Return the reference to a matrix's own sheet: `'Step 2'!`."""
        return f"'{sheet_name(self.home[name])}'!"

    def block(self, matrix: Matrix, state: State) -> list[str]:
        """Return the cells of a matrix in a state: a row of its name, of labels, of numbers."""
        key = (matrix.name, state)
        if key not in self._blocks:
            self._blocks[key] = list(_block(self, self.layout.places[matrix.name], state))
        return self._blocks[key]

    def cells(self, place: Place, state: State) -> Iterator[str]:
        """Yield the cells of each row of a matrix in a state."""
        name = place.matrix.name
        addresses = place.addresses()
        if state == "ghost":
            style = self.frame.style("ghost")
            for row in addresses:
                yield xml.blank_cells(row, style)
            return
        styles = [self.frame.style(state, form.code) for form in self.columns[name]]
        values = self.values(name)
        if state == "input":
            for row, numbers in zip(addresses, values, strict=True):
                yield styled(xml.number_cells, styles, row, numbers)
            return
        if state == "active":
            texts = self.formulas(place.matrix)
        else:
            link = self.link(name)
            texts = [[link + address for address in row] for row in addresses]
        for row, written, numbers in zip(addresses, texts, values, strict=True):
            yield styled(xml.formula_cells, styles, row, written, numbers)

    def values(self, name: str) -> list[list[str]]:
        """Return the values of a matrix as the texts that stand in the file."""
        if name not in self._values:
            rows = self.update.values[name].tolist()
            self._values[name] = [[xml.number(value) for value in row] for row in rows]
        return self._values[name]

    def formulas(self, matrix: Matrix) -> list[list[str]]:
        """Return the formulas of a matrix on its step's sheet."""
        if matrix.name not in self._formulas:
            assert matrix.definition is not None
            places = self.layout.places
            texts = formulas(matrix.definition, lambda m: places[m.name].addresses())
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
    """

    name: str
    key: str


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


def _widths(book: Book) -> dict[int, float]:
    """Return the width of each column: enough for every number and label in it."""
    theme = book.frame.theme
    widths = {at.LANE_COLUMN: theme.lane_width}
    for place in book.layout.places.values():
        forms = book.columns[place.matrix.name]
        if place.matrix.name in book.replaced:
            forms = tuple(form.closer for form in forms)
        shown = book.update.values[place.matrix.name]
        label = max(map(cell_len, place.matrix.rows.labels))
        heads = place.matrix.columns.labels
        column = place.label_column
        least = theme.label_width
        if book.layout.rows_are_labelled_by(place):
            least = book.frame.wider(least, min(label, WIDEST_SIDE))
        widths[column] = max(widths.get(column, 0), least)
        for j, column in enumerate(range(place.column, place.last_column + 1)):
            least, most = shown[:, j].min(), shown[:, j].max()
            needed = max(len(forms[j].show(least)), len(forms[j].show(most))) * 1.1 + 2.5
            widths[column] = max(widths.get(column, 0), theme.number_width, needed)
            above = width_above(heads[j], book.frame.places(widths[column]))
            widths[column] = book.frame.wider(widths[column], above)
    return widths


def _heights(book: Book) -> dict[int, float]:
    """Return the heights of rows that hold labels, where they are higher than usual."""
    heights: dict[int, float] = {}

    def heighten(row: int, label: str, column: int, usual: float) -> None:
        needed = book.height_of_label(label, book.widths[column])
        heights[row] = max(heights.get(row, usual), needed)

    for place in book.layout.places.values():
        for j, label in enumerate(place.matrix.columns.labels, place.column):
            heighten(place.label_row, label, j, LABEL_ROW)
        if book.layout.rows_are_labelled_by(place):
            for i, label in enumerate(place.matrix.rows.labels, place.row):
                heighten(i, label, place.label_column, ROW)
    return heights


# --- Matrices -----------------------------------------------------------------------------


def _block(book: Book, place: Place, state: State) -> Iterator[str]:
    matrix = place.matrix
    ghostly = state == "ghost"
    name_style = book.frame.style("ghost_name" if ghostly else "name")
    yield xml.text_cell(f"{place.columns[0]}{place.name_row}", name_style, matrix.name)
    if ghostly:
        yield ""
    else:
        yield "".join(
            book.label(f"{column}{place.label_row}", label, book.widths[place.column + j])
            for j, (column, label) in enumerate(
                zip(place.columns, matrix.columns.labels, strict=True)
            )
        )
    rows = book.cells(place, state)
    if ghostly or not book.layout.rows_are_labelled_by(place):
        yield from rows
        return
    column, width = letter(place.label_column), book.widths[place.label_column]
    for i, (label, cells) in enumerate(zip(matrix.rows.labels, rows, strict=True)):
        yield book.label(f"{column}{place.row + i}", label, width) + cells
