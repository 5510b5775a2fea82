"""The cells of a sheet that follows the steps, put in any order.

They come out in the order in which a file wants them. Knows rows, columns, styles and a run's
workbook; what the sheets are about, it does not know.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from openpyxl.worksheet.worksheet import Worksheet
from rich.cells import cell_len

from cellprop.algebra import Array
from cellprop.faces.places import Place, letter
from cellprop.faces.workbook import xml
from cellprop.faces.workbook.book import Extra, RunBook, spans, styled
from cellprop.faces.workbook.measures import ROW, height_of_label
from cellprop.faces.workbook.page_texts import page_of
from cellprop.files.safe import looks_like_formula
from cellprop.texts.formats import WIDEST_SIDE, Format, Formats, width_above

TITLE_ROW = 24.0
# What a landscape page holds, in characters, shrunk as far as one can still read.
PAGE_WIDTH = 165.0
# In a chart, beside its axis and in a column of classes a label takes no more than so many places.
WIDEST = 60
# What is printed on one page, shrunk, if it is no wider: in characters.
WIDEST_PAGE = 1.6 * PAGE_WIDTH

Addresses = list[list[str]]
"""Of the cells of a matrix, or formulas in them: by row and column."""


@dataclass
class Canvas:
    """The cells of a sheet, put in any order.

    Attributes:
        book: What all sheets share.
        sheet: Its frame.
        working: The columns that hold steps on the way: grouped, and not printed.
        folded: The rows that do.
    """

    book: RunBook
    sheet: Worksheet
    working: set[int] = field(default_factory=set)
    folded: set[int] = field(default_factory=set)
    _cells: dict[int, list[tuple[int, str]]] = field(default_factory=lambda: defaultdict(list))
    _heights: dict[int, float] = field(default_factory=dict)
    _widths: dict[int, float] = field(default_factory=dict)
    _labels: list[tuple[int, int, str]] = field(default_factory=list)

    def style(self, name: str, code: str = "General", *, quoted: bool = False) -> int:
        """Return the number of a style."""
        return self.book.frame.style(name, code, quoted=quoted)

    def put(self, row: int, column: int, cells: str) -> None:
        """Put cells that begin at a column of a row."""
        self._cells[row].append((column, cells))

    def text(self, row: int, column: int, style: str, text: str) -> None:
        """Put a text, which stays text whatever it begins with."""
        number = self.style(style, quoted=looks_like_formula(text))
        self.put(row, column, xml.text_cell(f"{letter(column)}{row}", number, text))

    def formula(
        self,
        row: int,
        column: int,
        style: str,
        formula: str,
        value: float | str,
        code: str = "General",
    ) -> None:
        """Put a formula (without `=`) and its value."""
        cell, number = f"{letter(column)}{row}", self.style(style, code)
        if isinstance(value, str):
            self.put(row, column, xml.text_formula_cell(cell, number, formula, value))
        else:
            self.put(row, column, xml.formula_cell(cell, number, formula, float(value)))

    def number(self, row: int, column: int, style: str, value: float, code: str) -> None:
        """Put a number."""
        cells = xml.number_cells(
            [f"{letter(column)}{row}"], self.style(style, code), [xml.number(value)]
        )
        self.put(row, column, cells)

    def blank(self, row: int, column: int, style: str) -> None:
        """Put an empty cell."""
        self.put(row, column, xml.blank_cell(f"{letter(column)}{row}", self.style(style)))

    def label(self, row: int, column: int, label: str, *, beside: int = 0) -> None:
        """Put a label above numbers; or `beside` them, where it may be so wide. It has as many
        lines as it takes in its column.
        """
        frame, width = self.book.frame, self.width(column)
        above = width_above(label, frame.places(width))
        needed = min(cell_len(label), beside) if beside else above
        if needed > frame.places(width):
            self.widen(column, frame.wider(width, needed))
        self._labels.append((row, column, label))

    def labels(self, place: Place, beside: int = WIDEST_SIDE) -> None:
        """Put the labels of a matrix: of its columns above it, of its rows at its left."""
        for j, text in enumerate(place.matrix.columns.labels, place.column):
            self.label(place.label_row, j, text)
        for i, text in enumerate(place.matrix.rows.labels, place.row):
            self.label(i, place.label_column, text, beside=beside)

    def numbers(
        self,
        place: Place,
        style: str,
        form: Format | Formats,
        values: Array,
        texts: Addresses | None,
    ) -> None:
        """Put a matrix: formulas with their values, or numbers; in formats that show them."""
        columns = place.columns
        forms = (form,) * len(columns) if isinstance(form, Format) else form
        styles = [self.style(style, each.code) for each in forms]
        for i, row_values in enumerate(values.tolist()):
            row = place.row + i
            addresses = [f"{column}{row}" for column in columns]
            written = [xml.number(value) for value in row_values]
            if texts is None:
                cells = styled(xml.number_cells, styles, addresses, written)
            else:
                plain = list(map(_plain, texts[i]))
                cells = styled(xml.formula_cells, styles, addresses, plain, written)
            self.put(row, place.column, cells)
        self.fit(place.column, forms, values)
        for alike, each in spans(place, forms):
            first = f"{alike[0]}{place.row}"
            self.watch(f"{first}:{alike[-1]}{place.last_row}", first, each)

    def fit(self, column: int, form: Format | Formats, values: Array) -> None:
        """Make columns wide enough for their numbers, the first of them at a column."""
        forms = (form,) * values.shape[1] if isinstance(form, Format) else form
        ends = zip(forms, values.min(0), values.max(0), strict=True)
        for j, (each, least, most) in enumerate(ends):
            needed = max(len(each.show(least)), len(each.show(most))) * 1.1 + 2.5
            self.widen(column + j, needed)

    def watch(self, cells: str, first: str, form: Format) -> None:
        """Keep two significant digits of a range visible when its numbers change."""
        condition = form.unfit(first)
        if condition:
            self.book.frame.add_number_rule(self.sheet, cells, condition, form.fallback)

    def check_numbers(self, cells: str, name: str) -> None:
        """Let a range take only numbers that may be typed for a matrix."""
        self.book.check_numbers(self.sheet, cells, self.book.allowed.ranges[name])

    def width(self, column: int) -> float:
        """Return the width of a column in characters."""
        return self._widths.get(column, self.book.frame.theme.number_width)

    def widen(self, column: int, width: float) -> None:
        """Make a column at least so wide."""
        self._widths[column] = max(self.width(column), width)

    def set_width(self, column: int, width: float) -> None:
        """Make a column so wide, and no wider."""
        self._widths[column] = width

    def heighten(self, row: int, height: float) -> None:
        """Give a row a height in points."""
        self._heights[row] = height

    # --- Around the numbers ---------------------------------------------------------------

    def head(self, extra: Extra, last: int, apart: int = 2) -> None:
        """Put the title, and the links to the sheets before and after and to the contents: the
        last ends at a column, each so many columns after the one before.
        """
        words, sheets = self.book.words, self.book.sheet_names
        position = sheets.index(extra.name)
        self.text(1, 1, "title", words(f"{extra.key}.title"))
        self.heighten(1, TITLE_ROW)
        links = [(sheets[position - 1], "previous"), ("Contents", "contents")]
        links += [(after, "next") for after in sheets[position + 1 : position + 2]]
        for i, (target, text) in enumerate(links):
            self.link(1, last + 1 - apart * (3 - i), target, words(f"sheet.{text}"))

    def link(self, row: int, column: int, target: str, text: str, at: str = "A1") -> None:
        """Put a link to a cell of a sheet."""
        self.text(row, column, "link", text)
        self.book.frame.add_link(self.sheet, f"{letter(column)}{row}", target, at)

    def prose(self, row: int, last: int, text: str) -> None:
        """Put a text that runs across the sheet, in a row as tall as it needs."""
        self.text(row, 1, "body", text)
        self.sheet.merged_cells.add(f"A{row}:{letter(last)}{row}")
        if self.book.frame.has_lines("body"):
            self.put(row, 2, xml.blank_cells(_letters(2, last, row), self.style("body")))
        room = sum(map(self.width, range(1, last + 1))) * 1.1
        self.heighten(row, -(-cell_len(text) // int(room)) * 14.5 + 2)

    # --- The frame ------------------------------------------------------------------------

    def group(self, columns: Iterable[int], *, collapsed: bool) -> None:
        """Mark columns as working columns, which can be folded away."""
        last = 0
        for column in columns:
            dimension = self.sheet.column_dimensions[letter(column)]
            dimension.outlineLevel = 1
            dimension.hidden = collapsed
            self.working.add(column)
            last = max(last, column)
        if last and collapsed:
            self.set_width(last + 1, self.width(last + 1))
            self.sheet.column_dimensions[letter(last + 1)].collapsed = True

    def fold_rows(self, rows: Iterable[int]) -> None:
        """Fold rows away, which hold steps on the way."""
        self.folded.update(rows)

    def column_breaks(self, last: int) -> list[int]:
        """Return the columns after which a new page begins, so that what is printed can be read."""
        breaks: list[int] = []
        used = 0.0
        if sum(map(self.width, range(1, last + 1))) <= WIDEST_PAGE:
            return breaks
        for column in range(1, last + 1):
            used += self.width(column)
            if used > PAGE_WIDTH:
                breaks.append(column - 1)
                used = self.width(1) + self.width(column)
        return breaks

    def set_up_print(
        self,
        last: int,
        titles: str,
        *,
        last_row: int | None = None,
        breaks: Sequence[int] = (),
        one_page: bool = False,
    ) -> None:
        """Print up to a column, and down to a row or all rows: one page wide, or cut where told."""
        self.book.frame.set_up_print(
            self.sheet,
            f"A1:{letter(last)}{last_row or max(self._cells)}",
            page=page_of(self.book.words),
            title_rows=titles,
            title_columns="A:A",
            column_breaks=breaks,
            one_page=one_page,
        )

    def rows(self) -> list[str]:
        """Return the rows, in order; sets the widths of columns."""
        for row, column, label in self._labels:
            width = self.width(column)
            self.put(row, column, self.book.label(f"{letter(column)}{row}", label, width))
            needed = height_of_label(self.book.frame, label, width)
            self._heights[row] = max(self._heights.get(row, ROW), needed)
        for column, width in sorted(self._widths.items()):
            self.sheet.column_dimensions[letter(column)].width = round(width, 2)
        return [
            xml.row(
                row,
                "".join([text for _, text in sorted(self._cells.get(row, ()), key=_by_column)]),
                self._heights.get(row, ROW),
                folded=row in self.folded,
                folds=row - 1 in self.folded and row not in self.folded,
            )
            for row in sorted(self._cells.keys() | self._heights | self.folded)
        ]


def _by_column(cell: tuple[int, str]) -> int:
    return cell[0]


def _plain(formula: str) -> str:
    return xml.escape(formula) if "<" in formula or "&" in formula else formula


def _letters(first: int, last: int, row: int) -> list[str]:
    return [f"{letter(column)}{row}" for column in range(first, last + 1)]


# --- Addresses ----------------------------------------------------------------------------


def absolute(place: Place) -> Addresses:
    """Return the address of every cell of a place, with dollar signs."""
    rows = range(place.row, place.last_row + 1)
    return [[f"${column}${row}" for column in place.columns] for row in rows]


def at_home(book: RunBook, name: str) -> Addresses:
    """Return the address of every cell of a matrix on its step's sheet, for another sheet."""
    link = book.link(name)
    return [[link + cell for cell in row] for row in absolute(book.layout.places[name])]


def room_for(text: str) -> float:
    """Return the width of a column that a text fits in, in characters."""
    return cell_len(text) * 1.1 + 1.5
