"""What stands above the matrices of a step's sheet, and where.

Four rows that stay in view: the title with a sentence and a picture of the network; one large line
of maths with the shapes below the names; the same in the notation that is chosen on *Contents*,
with the focus; and the formula of the cell in focus with its numbers put in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from textwrap import wrap

from openpyxl.worksheet.worksheet import Worksheet
from rich.cells import cell_len

from cellprop.algebra import Matrix, Mention, named, picks, statement, with_shapes
from cellprop.faces import places as at
from cellprop.faces.places import letter
from cellprop.faces.workbook import focus, pictures, xml
from cellprop.faces.workbook.book import Book, sheet_name
from cellprop.faces.workbook.contents import notation_cell, notations
from cellprop.faces.workbook.focus import FocusCells
from cellprop.faces.workbook.frame import fits_in_a_list
from cellprop.faces.workbook.in_numbers import Block, Chosen, in_numbers
from cellprop.faces.workbook.measures import HEADER, POINT, Measures
from cellprop.programs.program import Step
from cellprop.texts import captions
from cellprop.texts.formats import UNSEEN, cut

# In pixels: of the picture at the right, of the links beside it, and of a letter of each style.
PICTURE_WIDTH, LINK_WIDTH, BESIDE = 190, 92, 14
TITLE_LETTER, SAYS_LETTER, FORMULA_LETTER, CODE_LETTER = 12.4, 6.6, 11.3, 9.7
# The focus: of a letter of a caption, of a number chosen, of the name of a matrix.
LABEL_LETTER, NUMBER_WIDTH, NAME_WIDTH = 7.1, 40, 150
LINE = 15.0
# What would be smaller than that, if it were shrunk to its room, is cut instead.
MOST_SHRUNK = 1.6

Span = tuple[int, int]


@dataclass(frozen=True)
class Link:
    """A cell that links to a sheet."""

    row: int
    span: Span
    target: str
    text: str


@dataclass(frozen=True, eq=False)
class Header:
    """Where the parts of a header stand, by first and last column."""

    book: Book
    step: Step
    measures: Measures

    @cached_property
    def picture(self) -> int:
        """The column at which the picture begins."""
        return max(self.measures.at(self.measures.across - PICTURE_WIDTH), at.FIRST_COLUMN)

    @cached_property
    def links(self) -> Span:
        """The columns of links."""
        first = self.measures.at(self.measures.left(self.picture) - LINK_WIDTH)
        return first, max(first, self.picture - 1)

    @cached_property
    def contents(self) -> Span:
        """The columns of the link to the contents, at the right end of its row."""
        return self.measures.at(self.measures.across - LINK_WIDTH), self.measures.last_column

    @cached_property
    def says(self) -> Span:
        """The columns of the sentence beside the title."""
        title = captions.heading(self.book.words, self.book.update.program.last, self.step)
        first, _ = self.measures.span(cell_len(title) * TITLE_LETTER + BESIDE, 1)
        return min(first, self.links[0] - 1), self.links[0] - 1

    @cached_property
    def height(self) -> float:
        """The height of the row of the title, in points: more for a sentence of many lines."""
        says = captions.says(self.book.words, self.step)
        lines = -(-cell_len(says) * SAYS_LETTER * 1.06 // max(self.room_of(self.says), 1))
        return max(HEADER[at.TITLE], lines * LINE + 1)

    @property
    def above(self) -> float:
        """By how many pixels it is higher than usual."""
        return POINT * (self.height - HEADER[at.TITLE])

    @property
    def room(self) -> float:
        """The width of the line of maths, in pixels."""
        return self.measures.left(self.links[0])

    @cached_property
    def chosen(self) -> list[Span]:
        """The columns of the row, the column and the matrix in focus, each behind its caption."""
        keys = ("row", "column", "matrix") if len(self.step.computed) > 1 else ("row", "column")
        widths: list[float] = []
        for key in keys:
            caption = cell_len(self.book.words(f"sheet.{key}")) * LABEL_LETTER
            widths += [caption, NAME_WIDTH if key == "matrix" else NUMBER_WIDTH]
        found: list[Span] = []
        # As far to the right as there is room.
        for column in range(self.measures.last_column - len(widths), at.FIRST_COLUMN, -1):
            found = self._beside(column, widths)
            first, last = found[-1]
            beyond = last + 1 > self.measures.last_column
            if not beyond or self.measures.left(last + 1) - self.measures.left(first) >= widths[-1]:
                break
        return found

    def _beside(self, column: int, widths: Sequence[float]) -> list[Span]:
        """Return columns of some widths, one after the other."""
        found = []
        for width in widths:
            first = self._visible(column)
            found.append((first, self.measures.reach(first, width)))
            column = found[-1][1] + 1
        return found

    def _visible(self, column: int) -> int:
        while self.measures.spread.is_hidden(column):
            column += 1
        return column

    @property
    def notation(self) -> Span:
        """The columns of the formula in the notation chosen, before the focus."""
        return at.FIRST_COLUMN, max(at.FIRST_COLUMN, self.chosen[0][0] - 1)

    def room_of(self, span: Span) -> float:
        """Return how wide some columns are, in pixels."""
        return self.measures.left(span[1] + 1) - self.measures.left(span[0])

    @property
    def unseen(self) -> int:
        """The first column beyond all that is seen."""
        return self.measures.last_column + 2

    @cached_property
    def focus(self) -> FocusCells:
        """Where the focus is chosen."""
        cells = [f"${letter(first)}${at.NOTATION}" for first, _ in self.chosen[1::2]]
        active, several = self.step.computed, len(self.step.computed) > 1
        rows = max(matrix.rows.size for matrix in active)
        columns = max(matrix.columns.size for matrix in active)
        return FocusCells(cells[0], cells[1], cells[2] if several else None, rows, columns)


def links_of(header: Header, row: int = at.NUMBERS) -> list[Link]:
    """Return the links to the sheets before and after, and to the contents, in a row of its own."""
    book, steps = header.book, header.book.update.program.steps
    position = steps.index(header.step)
    links = [Link(row, header.contents, "Contents", book.words("sheet.contents"))]
    if position:
        before = sheet_name(steps[position - 1])
        links.insert(0, Link(at.TITLE, header.links, before, book.words("sheet.previous")))
    if position + 1 < len(steps):
        after = sheet_name(steps[position + 1])
        links.append(Link(at.MATHS, header.links, after, book.words("sheet.next")))
    return links


def merge(sheet: Worksheet, row: int, span: Span) -> None:
    """Make one cell of some in a row."""
    first, last = span
    if last > first:
        sheet.merged_cells.add(f"{letter(first)}{row}:{letter(last)}{row}")


def spanned(
    book: Book, row: int, span: Span, style: str, text: str, *, wrapped: bool = False
) -> str:
    """Return a text over some columns of a row."""
    number = book.frame.style(style, wrapped=wrapped)
    cells = xml.text_cell(f"{letter(span[0])}{row}", number, text)
    return cells + _merged(book, row, span, style, number)


def _merged(book: Book, row: int, span: Span, style: str, number: int) -> str:
    """Return the cells that are merged with the first of some, as far as anything is seen of
    them.
    """
    if not book.frame.has_lines(style):
        return ""
    first, last = span
    return xml.blank_cells([f"{letter(c)}{row}" for c in range(first + 1, last + 1)], number)


def title_row(header: Header, links: Sequence[Link]) -> str:
    """Return the row of the title, with the sentence that says what happens."""
    book, step = header.book, header.step
    title = captions.heading(book.words, book.update.program.last, step)
    cells = xml.text_cell(f"A{at.TITLE}", book.frame.style("title"), title)
    says = captions.says(book.words, step)
    cells += spanned(book, at.TITLE, header.says, "says", says, wrapped=True)
    return xml.row(at.TITLE, cells + linked(book, links, at.TITLE), header.height)


def linked(book: Book, links: Sequence[Link], row: int) -> str:
    """Return the cells of the links in a row."""
    return "".join(
        spanned(book, row, link.span, "link", link.text) for link in links if link.row == row
    )


# --- Maths --------------------------------------------------------------------------------


def maths_spans(header: Header) -> list[Span]:
    """Return the columns of each line of maths: of each matrix, if all have room; else of one."""
    active = header.step.computed
    everything = (1, header.links[0] - 1)
    if not active:
        return [everything]
    spans: list[Span] = []
    first = 1
    for matrix in active:
        needed = (len(with_shapes(matrix)[0].rstrip()) + 4) * FORMULA_LETTER
        last = header.measures.reach(first, needed)
        spans.append((first, last))
        first = last + 1
    return spans if spans[-1][1] < header.links[0] else [everything]


def maths_row(header: Header, links: Sequence[Link]) -> str:
    """Return the row of the large line of maths, with the shapes below the names."""
    book, active, spans = header.book, header.step.computed, maths_spans(header)
    if not active:
        cells = spanned(book, at.MATHS, spans[0], "formula", _given(header), wrapped=True)
    elif len(spans) == len(active):
        cells = "".join(
            spanned(book, at.MATHS, span, "formula", _maths(header, matrix), wrapped=True)
            for matrix, span in zip(active, spans, strict=True)
        )
    else:
        style = book.frame.style("formula", wrapped=True)
        texts = [_maths(header, matrix) for matrix in active]
        formula, shown = _by_matrix(header, texts)
        cells = xml.text_formula_cell(f"A{at.MATHS}", style, formula, shown)
        cells += _merged(book, at.MATHS, spans[0], "formula", style)
    return xml.row(at.MATHS, cells + linked(book, links, at.MATHS), HEADER[at.MATHS])


def _maths(header: Header, matrix: Matrix) -> str:
    """Return the line of a matrix and that of its shapes; by symbols if the names are too long, and
    in two lines if those are, too.
    """
    above, below = with_shapes(matrix)
    if len(above) * FORMULA_LETTER <= header.room:
        return f"{above}\n{below}".rstrip()
    short = statement(matrix, "maths")
    line = short if len(short) < len(above) else named(matrix)
    most = max(int(header.room / FORMULA_LETTER), LEAST_LINE)
    return "\n".join(wrap(line, most, max_lines=2, placeholder=" …", break_on_hyphens=False))


# So many letters a line has, however narrow a sheet is.
LEAST_LINE = 20


def _given(header: Header) -> str:
    """Return the names of given matrices with their shapes below, as many as have room."""
    above = below = ""
    for matrix in header.step.brings:
        shape = Mention(matrix).shape_text
        width = max(len(matrix.name), len(shape)) + 3
        if (len(above) + width) * FORMULA_LETTER > header.room:
            above += "…"
            break
        above, below = above + matrix.name.ljust(width), below + shape.ljust(width)
    return f"{above.rstrip()}\n{below.rstrip()}"


def _by_matrix(header: Header, texts: Sequence[str]) -> tuple[str, str]:
    """Return a formula of the text of the matrix in focus, the last without one; and that."""
    offered = header.step.computed[-focus.MOST_NESTED :]
    texts = texts[-len(offered) :]
    literals = [focus.literal(text) for text in texts]
    if header.focus.matrix is None:
        return literals[-1], texts[-1]
    return focus.by_matrix(header.focus, offered, literals), texts[-1]


# --- Notation and focus -------------------------------------------------------------------


def notation_row(header: Header, links: Sequence[Link]) -> str:
    """Return the row of the notation that is chosen on *Contents*, with the focus."""
    book, active = header.book, header.step.computed
    if not active:
        return given_row(header, links)
    notation, names = notation_cell(), notations(book.words)
    usual, *others = names
    statements = {name: [statement(matrix, name) for matrix in active] for name in names}
    longest = max(map(len, statements[usual])) * CODE_LETTER
    shrunk = longest <= MOST_SHRUNK * header.room_of(header.notation)
    caption, code = book.frame.style("caption"), book.frame.style("code", shrunk=shrunk)
    shown = f"IF({notation}={NOTHING},{focus.literal(names[usual])},{notation})"
    cells = xml.text_formula_cell(f"A{at.NOTATION}", caption, shown, names[usual])
    texts = {name: _by_matrix(header, each) for name, each in statements.items()}
    formula, shown = texts[usual]
    for other in others:
        longer = f"IF({notation}={focus.literal(names[other])},{texts[other][0]},{formula})"
        formula = longer if len(longer) <= focus.LONGEST else formula
    address = f"{letter(at.FIRST_COLUMN)}{at.NOTATION}"
    cells += xml.text_formula_cell(address, code, formula, shown)
    cells += _focus_cells(header) + _names_to_choose(header) + linked(book, links, at.NOTATION)
    return xml.row(at.NOTATION, cells, HEADER[at.NOTATION])


def given_row(header: Header, links: Sequence[Link]) -> str:
    """Return the row that says what the rows and columns of given matrices stand for."""
    book = header.book
    text = "   ".join(_said_shape(book, matrix) for matrix in header.step.brings)
    shown = cut(text, int(header.room / CAPTION_LETTER))
    cells = xml.text_cell(f"A{at.NOTATION}", book.frame.style("caption"), shown)
    return xml.row(at.NOTATION, cells + linked(book, links, at.NOTATION), HEADER[at.NOTATION])


CAPTION_LETTER = 7.0
NOTHING = '""'


def _said_shape(book: Book, matrix: Matrix) -> str:
    return f"{matrix.name}: {captions.shape(book.words, matrix.rows, matrix.columns)}"


def _focus_cells(header: Header) -> str:
    book, cells = header.book, ""
    keys = ("row", "column", "matrix") if header.focus.matrix else ("row", "column")
    spans = header.chosen
    for key, caption, box in zip(keys, spans[::2], spans[1::2], strict=False):
        cells += spanned(book, at.NOTATION, caption, "label", book.words(f"sheet.{key}"))
        addresses = [f"{letter(c)}{at.NOTATION}" for c in range(box[0], box[1] + 1)]
        cells += xml.blank_cells(addresses, book.frame.style("focus"))
    return cells


def merge_header(header: Header, sheet: Worksheet, links: Sequence[Link]) -> None:
    """Merge the cells of a header, and link those that are links."""
    merge(sheet, at.TITLE, header.says)
    for span in maths_spans(header):
        merge(sheet, at.MATHS, span)
    for link in links:
        merge(sheet, link.row, link.span)
        cell = f"{letter(link.span[0])}{link.row}"
        header.book.frame.add_link(sheet, cell, link.target)


def add_picture(header: Header, sheet: Worksheet) -> None:
    """Put a picture of the network beside the title, with what the step is about lit."""
    book = header.book
    picture = pictures.small(book.words, book.update.program, header.step)
    book.frame.add_drawing(sheet, header.picture, at.TITLE, picture)


def add_focus(header: Header, sheet: Worksheet) -> None:
    """Let the row, the column and the matrix in focus be chosen from lists."""
    book, active = header.book, header.step.computed
    for span in (header.notation, *header.chosen):
        merge(sheet, at.NOTATION, span)
    error = book.words("sheet.errors.choice")
    for cell, count in (
        (header.focus.row, header.focus.rows),
        (header.focus.column, header.focus.columns),
    ):
        options = [str(k) for k in range(1, count + 1)]
        book.frame.add_choice(sheet, cell.replace("$", ""), options, error)
    if header.focus.matrix:
        names = [matrix.name for matrix in active]
        cell = header.focus.matrix.replace("$", "")
        book.frame.add_choice(sheet, cell, names, error, listed_in=_range_of_names(header))


def _range_of_names(header: Header) -> str:
    """Return the range of the names to choose from, where a rule has no room for them."""
    first = header.unseen
    last = first + len(header.step.computed) - 1
    return f"${letter(first)}${at.NOTATION}:${letter(last)}${at.NOTATION}"


def _names_to_choose(header: Header) -> str:
    """Return unseen cells that hold the names of matrices, too many for a list in a rule."""
    active = header.step.computed
    if fits_in_a_list([matrix.name for matrix in active]):
        return ""
    unseen = header.book.frame.style("ghost_name", UNSEEN)
    return "".join(
        xml.text_cell(f"{letter(column)}{at.NOTATION}", unseen, matrix.name)
        for column, matrix in enumerate(active, header.unseen)
    )


# --- Numbers ------------------------------------------------------------------------------


def numbers_row(header: Header, links: Sequence[Link]) -> str:
    """Return the row of the calculation of the cell in focus, with its numbers put in."""
    book, active = header.book, header.step.computed
    linked_here = linked(book, links, at.NUMBERS)
    if not active:
        return xml.row(at.NUMBERS, linked_here, HEADER[at.NUMBERS])
    caption = book.frame.style("caption")
    cells = xml.text_cell(f"A{at.NUMBERS}", caption, book.words("sheet.formula"))
    style = book.frame.style("numbers")
    address, beside = f"{letter(at.FIRST_COLUMN)}{at.NUMBERS}", ""
    if len(active) == 1:
        formula, shown = _calculation(header, active[0])
    else:
        # Each in a cell of its own, since a formula has room for few.
        found, unseen = [], book.frame.style("numbers", UNSEEN)
        offered = active[-focus.MOST_NESTED :]
        for column, matrix in enumerate(offered, header.unseen):
            one = f"{letter(column)}{at.NUMBERS}"
            found.append((f"${letter(column)}${at.NUMBERS}", *_calculation(header, matrix)))
            beside += xml.text_formula_cell(one, unseen, *found[-1][1:])
        formula = focus.by_matrix(header.focus, offered, [cell for cell, _, _ in found])
        shown = found[-1][2]
    cells += xml.text_formula_cell(address, style, formula, shown)
    return xml.row(at.NUMBERS, cells + linked_here + beside, HEADER[at.NUMBERS])


def _calculation(header: Header, matrix: Matrix) -> tuple[str, str]:
    """Return a formula that shows how the cell of a matrix that is in focus is calculated, and what
    it shows before anything is chosen: its formula, where numbers have no room.
    """
    book = header.book
    spread = book.layout.on(header.step)
    places = {place.matrix.name: place for place, _ in reversed(spread.reads(matrix))}
    places[matrix.name] = spread.homes[matrix.name]
    blocks = {
        name: Block(place.absolute, book.columns[name], place.turned)
        for name, place in places.items()
    }
    chosen = Chosen(header.focus.row, header.focus.column)
    found = in_numbers(matrix, blocks, chosen, book.update.values)
    if found is None:
        assert matrix.definition is not None
        texts, each = book.formulas(matrix), picks(matrix.definition)
        return focus.formula_in_focus(texts, header.focus, each=each), f"={texts[0][0]}"
    return found.formula, found.text(0, 0)
