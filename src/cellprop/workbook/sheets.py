"""The sheet of a step: what stands above the lanes, and the lanes themselves.

A matrix looks the same on every sheet on which it is in the same state, so its rows are made
once for each state and used again on every page of the flip-book.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import Literal

from openpyxl.worksheet.worksheet import Worksheet
from rich.cells import cell_len, set_cell_size

from cellprop import layout as at
from cellprop.algebra import NOTATIONS, Matrix, formulas, reads, statement
from cellprop.errors import LimitError
from cellprop.formats import Format, choose
from cellprop.layout import Layout, Place, letter
from cellprop.steps import Declaration
from cellprop.tracing import Trace
from cellprop.words import Words
from cellprop.workbook import focus, xml
from cellprop.workbook.frame import Frame

State = Literal["ghost", "known", "read", "active", "input"]

LONGEST_FORMULA = 8192
# A header has room for 255 characters, in which a word's & counts twice.
LONGEST_HEADER = 100
WIDEST_LABEL = 12
ROW, TITLE_ROW, LABEL_ROW, GAP_ROW = 13.5, 24.0, 11.0, 7.5


@dataclass(frozen=True)
class Link:
    """A cell that links to a sheet."""

    column: int
    target: str
    text: str


def sheet_name(step: int) -> str:
    """Return the name of a step's sheet."""
    return f"Step {step}"


@dataclass
class Book:
    """What the sheets of one workbook share. Collects what is made once and used again."""

    trace: Trace
    layout: Layout
    frame: Frame
    words: Words
    formats: Mapping[str, Format] = field(init=False)
    home: Mapping[str, int] = field(init=False)
    widths: Mapping[int, float] = field(init=False)
    clipped: bool = False
    _blocks: dict[tuple[str, State], list[str]] = field(default_factory=dict)
    _values: dict[str, list[list[str]]] = field(default_factory=dict)
    _formulas: dict[str, list[list[str]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        matrices = self.trace.walkthrough.matrices
        self.formats = {
            m.name: choose(self.trace.values[m.name], given=m.definition is None) for m in matrices
        }
        self.home = {
            m.name: step.number for step in self.trace.walkthrough.steps for m in step.matrices
        }
        self.widths = _widths(self)

    def block(self, matrix: Matrix, state: State) -> list[str]:
        """Return the cells of a matrix in a state: a row of its name, of labels, of numbers."""
        key = (matrix.name, state)
        if key not in self._blocks:
            self._blocks[key] = list(_block(self, self.layout.places[matrix.name], state))
        return self._blocks[key]

    def values(self, name: str) -> list[list[str]]:
        """Return the values of a matrix as the texts that stand in the file."""
        if name not in self._values:
            rows = self.trace.values[name].tolist()
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


def _widths(book: Book) -> dict[int, float]:
    """Return the width of each column: enough for every number and label in it."""
    theme = book.frame.theme
    widths = {at.LANE_COLUMN: theme.lane_width}
    for place in book.layout.places.values():
        form = book.formats[place.matrix.name]
        shown = book.trace.values[place.matrix.name]
        label = max(map(cell_len, place.matrix.rows.labels))
        column = place.label_column
        least = theme.label_width
        if book.layout.rows_are_labelled_by(place):
            least = max(least, min(label, WIDEST_LABEL) + 1)
        widths[column] = max(widths.get(column, 0), least)
        for j, column in enumerate(range(place.column, place.last_column + 1)):
            least, most = shown[:, j].min(), shown[:, j].max()
            needed = max(len(form.show(least)), len(form.show(most))) * 1.1 + 2.5
            widths[column] = max(widths.get(column, 0), theme.number_width, needed)
    return widths


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
            _label(book, f"{column}{place.label_row}", label, book.widths[place.column + j])
            for j, (column, label) in enumerate(
                zip(place.columns, matrix.columns.labels, strict=True)
            )
        )
    rows = _cells(book, place, state)
    if ghostly or not book.layout.rows_are_labelled_by(place):
        yield from rows
        return
    column, width = letter(place.label_column), book.widths[place.label_column]
    for i, (label, cells) in enumerate(zip(matrix.rows.labels, rows, strict=True)):
        yield _label(book, f"{column}{place.row + i}", label, width) + cells


def _label(book: Book, address: str, label: str, width: float) -> str:
    if not label:
        return ""
    room = int(width)
    if cell_len(label) > room:
        book.clipped = True
        label = set_cell_size(label, room - 1).rstrip() + "…"
    # Text that a user could turn into a formula by editing it is marked as text.
    style = book.frame.style("label", quoted=label[0] in "=+-@")
    return xml.text_cell(address, style, label)


def _cells(book: Book, place: Place, state: State) -> Iterator[str]:
    """Yield the cells of each row of a matrix."""
    name = place.matrix.name
    addresses = place.addresses()
    if state == "ghost":
        style = book.frame.style("ghost")
        for row in addresses:
            yield xml.blank_cells(row, style)
        return
    style = book.frame.style(state, book.formats[name].code)
    values = book.values(name)
    if state == "input":
        for row, numbers in zip(addresses, values, strict=True):
            yield xml.number_cells(row, style, numbers)
        return
    if state == "active":
        texts = book.formulas(place.matrix)
    else:
        link = f"'{sheet_name(book.home[name])}'!"
        texts = [[link + address for address in row] for row in addresses]
    for row, written, numbers in zip(addresses, texts, values, strict=True):
        yield xml.formula_cells(row, style, written, numbers)


# --- A step's sheet -----------------------------------------------------------------------


def step_sheet(book: Book, step: Declaration, sheet: Worksheet) -> list[str]:
    """Set a step's sheet up in the frame and return its rows."""
    active = [matrix for matrix in step.matrices if matrix.definition is not None]
    states = _states(book, step)
    _set_columns(book, sheet)
    # In this order: where LibreOffice applies one rule only, the colours of the focus win.
    if active:
        book.frame.add_rules(sheet, focus.rules(active, book.layout))
        _add_focus_choices(book, sheet, active)
    _add_number_rules(book, sheet, states)
    for matrix in step.matrices:
        place = book.layout.places[matrix.name]
        book.frame.add_name(matrix.name, sheet.title, place.absolute)
        if matrix.definition is None:
            _check_typed_numbers(book, sheet, place)
    links = _links(book, step)
    for link in links:
        book.frame.add_link(sheet, f"{letter(link.column)}{at.TITLE}", link.target, link.text)
    _set_up_print(book, sheet)
    return list(_rows(book, sheet, step, states, links))


def _states(book: Book, step: Declaration) -> dict[str, State]:
    """Return the state of every matrix on a step's sheet."""
    read = {
        operand.name
        for matrix in step.matrices
        if matrix.definition is not None
        for operand in reads(matrix.definition)
    }
    states: dict[str, State] = {}
    for matrix in book.trace.walkthrough.matrices:
        if book.home[matrix.name] > step.number:
            states[matrix.name] = "ghost"
        elif book.home[matrix.name] == step.number:
            states[matrix.name] = "input" if matrix.definition is None else "active"
        else:
            states[matrix.name] = "read" if matrix.name in read else "known"
    return states


def _rows(
    book: Book,
    sheet: Worksheet,
    step: Declaration,
    states: Mapping[str, State],
    links: Sequence[Link],
) -> Iterator[str]:
    yield from _header_rows(book, sheet, step, links)
    lanes = book.layout.lanes
    notes = _notes_row(book, sheet, step)
    for lane in lanes:
        if book.layout.notes_row < lane.row and notes:
            yield notes
            notes = ""
        yield from _lane_rows(book, lane, states)
    if notes:
        yield notes


def _lane_rows(book: Book, lane: at.PlacedLane, states: Mapping[str, State]) -> Iterator[str]:
    blocks = [book.block(place.matrix, states[place.matrix.name]) for place in lane.places]
    title = xml.text_cell(f"A{lane.row}", book.frame.style("lane"), book.words(f"lanes.{lane.key}"))
    for i in range(lane.last_row - lane.row + 1):
        cells = "".join([block[i] for block in blocks if i < len(block)])
        yield xml.row(lane.row + i, cells if i else title + cells, LABEL_ROW if i == 1 else ROW)
    yield xml.row(lane.last_row + 1, "", GAP_ROW)


def _header_rows(
    book: Book, sheet: Worksheet, step: Declaration, links: Sequence[Link]
) -> Iterator[str]:
    words, style = book.words, book.frame.style
    last = book.trace.walkthrough.steps[-1].number
    title = words(
        "sheet.title",
        number=step.number,
        last=last,
        title=words(f"steps.{step.number}.title"),
    )
    cells = xml.text_cell(f"A{at.TITLE}", style("title"), title)
    for link in links:
        address = f"{letter(link.column)}{at.TITLE}"
        cells += xml.text_cell(address, style("link"), link.text)
    yield xml.row(at.TITLE, cells, TITLE_ROW)
    says = xml.text_cell(f"A{at.SAYS}", style("says"), words(f"steps.{step.number}.says"))
    yield xml.row(at.SAYS, says, 18)
    yield from _notation_rows(book, step)
    yield xml.row(at.KEY, _key_cells(book, sheet, step), ROW + 2)
    yield xml.row(at.FOCUS, _focus_cells(book, sheet, step), ROW + 2)
    yield xml.row(at.FOCUS + 1, "", GAP_ROW)


def _notation_rows(book: Book, step: Declaration) -> Iterator[str]:
    """Yield the step in each notation, one matrix beside the other, and one cell's formula."""
    active = [matrix for matrix in step.matrices if matrix.definition is not None]
    lines = [""] * (at.FORMULA - at.MATHS + 1)
    if not active:
        lines = _shape_lines(book, step, len(lines))
    else:
        caption = book.frame.style("caption")
        for i, notation in enumerate((*NOTATIONS, "formula")):
            words = book.words(f"sheet.{notation}")
            lines[i] = xml.text_cell(f"A{at.MATHS + i}", caption, words)
    for matrix, column in zip(active, _columns_of_statements(book, active), strict=True):
        for i, cell in enumerate(_statement_cells(book, matrix, active, letter(column))):
            lines[i] += cell
    for row, line in enumerate(lines, at.MATHS):
        yield xml.row(row, line, ROW)


def _statement_cells(
    book: Book, matrix: Matrix, active: Sequence[Matrix], column: str
) -> Iterator[str]:
    """Yield a matrix's statement in each notation, then the formula of its cell in focus."""
    code, quoted = book.frame.style("code"), book.frame.style("code", quoted=True)
    for row, notation in enumerate(NOTATIONS, at.MATHS):
        style = quoted if notation == "excel" else code
        yield xml.text_cell(f"{column}{row}", style, statement(matrix, notation))
    formula = focus.formula_in_focus(book.layout.places[matrix.name], focus.focus_cells(active))
    first = f"={book.formulas(matrix)[0][0]}"
    yield xml.text_formula_cell(f"{column}{at.FORMULA}", code, formula, first)


def _shape_lines(book: Book, step: Declaration, room: int) -> list[str]:
    """Return lines that say what the rows and columns of given matrices stand for."""
    lines = [""] * room
    name, code = book.frame.style("caption"), book.frame.style("code")
    for i, matrix in enumerate(step.matrices[:room]):
        text = book.words("sheet.scalar")
        if not matrix.is_scalar:
            text = book.words(
                "sheet.shape",
                rows=matrix.rows.size,
                columns=matrix.columns.size,
                row_axis=book.words(f"axes.{matrix.rows.name}"),
                column_axis=book.words(f"axes.{matrix.columns.name}"),
            )
        lines[i] = xml.text_cell(f"A{at.MATHS + i}", name, matrix.name)
        lines[i] += xml.text_cell(f"C{at.MATHS + i}", code, text)
    return lines


def _columns_of_statements(book: Book, active: Sequence[Matrix]) -> list[int]:
    """Return the column where each matrix's statements begin, so that none runs into the next."""
    columns = []
    column = at.FIRST_COLUMN + 1
    for matrix in active:
        columns.append(column)
        texts = [statement(matrix, notation) for notation in NOTATIONS]
        texts.append(f"={book.formulas(matrix)[0][0]}")
        room = max(map(len, texts)) * 1.05 + 3
        while room > 0:
            room -= book.widths.get(column, book.frame.theme.number_width)
            column += 1
    return columns


KEY_WIDTH = 3


def _key_cells(book: Book, sheet: Worksheet, step: Declaration) -> str:
    """Return the key: each style that occurs on the sheet, with what it means in it."""
    given = any(matrix.definition is None for matrix in step.matrices)
    states: tuple[State, ...] = ("active", "read", "known", "ghost")
    if given:
        states = ("input", "known", "ghost") if step.number else ("input", "ghost")
    elif step is book.trace.walkthrough.steps[-1]:
        states = ("active", "read", "known")
    cells = xml.text_cell(f"A{at.KEY}", book.frame.style("caption"), book.words("sheet.key"))
    column = at.FIRST_COLUMN + 1
    for state in states:
        last = column + KEY_WIDTH - 1
        style = book.frame.style(f"key_{state}")
        first = f"{letter(column)}{at.KEY}"
        cells += xml.text_cell(first, style, book.words(f"sheet.{state}"))
        for covered in range(column + 1, last + 1):
            cells += xml.blank_cell(f"{letter(covered)}{at.KEY}", style)
        sheet.merged_cells.add(f"{first}:{letter(last)}{at.KEY}")
        column = last + 2
    return cells


def _focus_cells(book: Book, sheet: Worksheet, step: Declaration) -> str:
    active = [matrix for matrix in step.matrices if matrix.definition is not None]
    if not active:
        return ""
    words = book.words
    caption = book.frame.style("caption")
    to_the_right = book.frame.style("label")
    choice = book.frame.style("focus")

    def cell(column: int) -> str:
        return f"{letter(column)}{at.FOCUS}"

    cells = [
        xml.text_cell(cell(1), caption, words("sheet.focus")),
        xml.text_cell(cell(focus.ROW_CAPTION), to_the_right, words("sheet.row")),
        xml.blank_cell(cell(focus.ROW_COLUMN), choice),
        xml.text_cell(cell(focus.COLUMN_CAPTION), to_the_right, words("sheet.column")),
        xml.blank_cell(cell(focus.COLUMN_COLUMN), choice),
    ]
    hint = focus.MATRIX_COLUMN
    if len(active) > 1:
        cells.append(xml.text_cell(cell(focus.MATRIX_CAPTION), to_the_right, words("sheet.matrix")))
        last = focus.MATRIX_LAST_COLUMN
        cells += [xml.blank_cell(cell(c), choice) for c in range(focus.MATRIX_COLUMN, last + 1)]
        sheet.merged_cells.add(f"{cell(focus.MATRIX_COLUMN)}:{cell(last)}")
        hint = focus.HINT
    cells.append(xml.text_cell(cell(hint), caption, words("sheet.focus_hint")))
    return "".join(cells)


def _notes_row(book: Book, sheet: Worksheet, step: Declaration) -> str:
    """Return the row of notes, across the sheet and as tall as its text."""
    notes = book.words.many(f"steps.{step.number}.notes")
    if not notes:
        return ""
    row, last = book.layout.notes_row, _page_column(book)
    text = "\n".join(f"{book.words('sheet.notes')}: {note}" for note in notes)
    style = book.frame.style("note")
    sheet.merged_cells.add(f"A{row}:{letter(last)}{row}")
    width = sum(_width(book, column) for column in range(1, last + 1))
    lines = sum(-(-cell_len(line) // int(width * 1.05)) for line in text.split("\n"))
    cells = xml.text_cell(f"A{row}", style, text)
    cells += "".join(xml.blank_cell(f"{letter(c)}{row}", style) for c in range(2, last + 1))
    return xml.row(row, cells, lines * 14 + 6)


# --- The frame of a step's sheet ----------------------------------------------------------

# Prose and links keep to a page's width, however narrow or wide the matrices are.
NARROWEST_PAGE, WIDEST_PAGE = 20, 24
# What a landscape page holds, in characters and points, shrunk as far as one can still read.
PAGE_WIDTH, PAGE_HEIGHT = 220.0, 820.0


def _page_column(book: Book) -> int:
    return min(max(book.layout.last_column, NARROWEST_PAGE), WIDEST_PAGE)


def _width(book: Book, column: int) -> float:
    return book.widths.get(column, book.frame.theme.number_width)


def _set_columns(book: Book, sheet: Worksheet) -> None:
    for column in range(1, max(book.layout.last_column, _page_column(book)) + 1):
        sheet.column_dimensions[letter(column)].width = round(_width(book, column), 2)
    if book.layout.is_band:
        sheet.freeze_panes = f"{letter(at.FIRST_COLUMN + 1)}1"


def _links(book: Book, step: Declaration) -> list[Link]:
    """Return the links to the sheets before and after, and to the contents."""
    numbers = [declared.number for declared in book.trace.walkthrough.steps]
    position = numbers.index(step.number)
    last = _page_column(book)
    links = [Link(last - 3, "Contents", book.words("sheet.contents"))]
    if position:
        before = sheet_name(numbers[position - 1])
        links.insert(0, Link(last - 5, before, book.words("sheet.previous")))
    if position + 1 < len(numbers):
        after = sheet_name(numbers[position + 1])
        links.append(Link(last - 1, after, book.words("sheet.next")))
    return links


def _add_focus_choices(book: Book, sheet: Worksheet, active: Sequence[Matrix]) -> None:
    error = book.words("sheet.errors.choice")
    rows = max(matrix.rows.size for matrix in active)
    columns = max(matrix.columns.size for matrix in active)
    for column, count in ((focus.ROW_COLUMN, rows), (focus.COLUMN_COLUMN, columns)):
        options = [str(k) for k in range(1, count + 1)]
        book.frame.add_choice(sheet, f"{letter(column)}{at.FOCUS}", options, error)
    if len(active) > 1:
        names = [matrix.name for matrix in active]
        cell = f"{letter(focus.MATRIX_COLUMN)}{at.FOCUS}"
        book.frame.add_choice(sheet, cell, names, error)


def _add_number_rules(book: Book, sheet: Worksheet, states: Mapping[str, State]) -> None:
    """Keep two significant digits visible when numbers change."""
    for name, place in book.layout.places.items():
        form = book.formats[name]
        condition = form.unfit(place.address(0, 0))
        if condition and states[name] != "ghost":
            book.frame.add_number_rule(sheet, place.range, condition, form.fallback)


def _check_typed_numbers(book: Book, sheet: Worksheet, place: Place) -> None:
    words = book.words
    book.frame.add_number_check(
        sheet, place.range, words("sheet.errors.title"), words("sheet.errors.number")
    )


def _set_up_print(book: Book, sheet: Worksheet) -> None:
    """Print on one page if that can be read, else on as many as it takes."""
    layout = book.layout
    last = max(layout.last_column, _page_column(book))
    names = layout.lanes[-1].row
    breaks = _column_breaks(book, last)
    tall = ceil(layout.last_row * ROW / PAGE_HEIGHT)
    book.frame.set_up_print(
        sheet,
        f"A1:{letter(last)}{layout.last_row}",
        page=page_of(book.words),
        # Repeated on every page: in the band what its columns and rows are.
        title_rows=f"{names}:{names + 1}" if layout.is_band else "1:2",
        title_columns="A:B" if layout.is_band else "A:A",
        column_breaks=breaks,
        row_breaks=_row_breaks(layout) if breaks else (),
        one_page=not breaks and tall == 1 and not layout.is_band,
    )


def _row_breaks(layout: Layout) -> list[int]:
    """Return the rows after which a new page begins: never in the middle of a lane."""
    breaks: list[int] = []
    top = 1
    for lane in () if layout.is_band else layout.lanes:
        if (lane.last_row - top) * ROW > PAGE_HEIGHT and lane.row > max(top, at.FIRST_LANE):
            breaks.append(lane.row - 1)
            top = lane.row
    return breaks


def page_of(words: Words) -> str:
    """Return the words for a page's number as a header's code, in which & begins a field."""
    text = words("sheet.page", page="\0", pages="\1")[:LONGEST_HEADER]
    return text.replace("&", "&&").replace("\0", "&P").replace("\1", "&N")


def _column_breaks(book: Book, last: int) -> list[int]:
    """Return the columns after which a new page begins: never in the middle of a matrix."""
    starts = {place.label_column for place in book.layout.lanes[-1].places}
    if not book.layout.is_band:
        starts = {place.label_column for place in book.layout.places.values()}
    breaks: list[int] = []
    used, candidate, since = 0.0, 0, 0.0
    for column in range(1, last + 1):
        width = _width(book, column)
        if column in starts and breaks[-1:] != [column - 1]:
            candidate, since = column - 1, 0.0
        used, since = used + width, since + width
        if used > PAGE_WIDTH and candidate > (breaks[-1] if breaks else at.FIRST_COLUMN):
            breaks.append(candidate)
            used = since + _width(book, at.LANE_COLUMN)
    return breaks
