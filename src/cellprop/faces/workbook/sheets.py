"""The sheet of a step: what stands above the lanes, and the lanes themselves.

Asks a step for its kind and what it brings; which model declared it, it does not know.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from openpyxl.worksheet.worksheet import Worksheet
from rich.cells import cell_len

from cellprop.algebra import NOTATIONS, Matrix, reads, statement
from cellprop.faces import layout as at
from cellprop.faces.layout import Place, letter
from cellprop.faces.workbook import focus, xml
from cellprop.faces.workbook.book import LABEL_ROW, ROW, Book, State, sheet_name, spans
from cellprop.faces.workbook.frame import fits_in_a_list
from cellprop.faces.workbook.printing import set_up_print
from cellprop.files.samples import LARGEST
from cellprop.programs.program import Step
from cellprop.texts import captions

TITLE_ROW, GAP_ROW = 24.0, 7.5
# The number format that shows nothing.
UNSEEN = ";;;"
# What may be typed where an exercise asks for a number.
ANSWERS = (-LARGEST, LARGEST)


@dataclass(frozen=True)
class Link:
    """A cell that links to a sheet."""

    column: int
    target: str
    text: str


# --- A step's sheet -----------------------------------------------------------------------


def step_sheet(book: Book, step: Step, sheet: Worksheet) -> list[str]:
    """Set a step's sheet up in the frame and return its rows."""
    active = step.computed
    states = _states(book, step)
    set_columns(book, sheet)
    # In this order: where LibreOffice applies one rule only, the colours of the focus win.
    if active:
        book.frame.add_rules(sheet, focus.rules(active, book.layout))
        _add_focus_choices(book, sheet, active)
    _add_number_rules(book, sheet, states)
    for matrix in step.brings:
        place = book.layout.places[matrix.name]
        book.frame.add_name(matrix.name, sheet.title, place.absolute)
        if matrix.definition is None:
            check_typed_numbers(book, sheet, place)
    links = links_of(book, step)
    for link in links:
        book.frame.add_link(sheet, f"{letter(link.column)}{at.TITLE}", link.target, link.text)
    set_up_print(book, sheet)
    return list(_rows(book, sheet, step, states, links))


def _states(book: Book, step: Step) -> dict[str, State]:
    """Return the state of every matrix on a step's sheet."""
    read = {
        operand.name
        for matrix in step.brings
        if matrix.definition is not None
        for operand in reads(matrix.definition)
    }
    states: dict[str, State] = {}
    steps = book.update.program.steps
    now = steps.index(step)
    for matrix in book.update.program.matrices:
        home = book.home[matrix.name]
        if steps.index(home) > now:
            states[matrix.name] = "ghost"
        elif home is step:
            states[matrix.name] = "input" if matrix.definition is None else "active"
        else:
            states[matrix.name] = "read" if matrix.name in read else "known"
    return states


def _rows(
    book: Book,
    sheet: Worksheet,
    step: Step,
    states: Mapping[str, State],
    links: Sequence[Link],
) -> Iterator[str]:
    yield from _header_rows(book, sheet, step, links)
    lanes = book.layout.lanes
    notes = notes_row(book, sheet, step)
    for lane in lanes:
        if book.layout.notes_row < lane.row and notes:
            yield notes
            notes = ""
        yield from lane_rows(book, lane, states)
    if notes:
        yield notes


def lane_rows(
    book: Book,
    lane: at.PlacedLane,
    states: Mapping[str, State],
    beside: Mapping[int, str] | None = None,
) -> Iterator[str]:
    """Yield the rows of a lane, with what stands beside its matrices by the number of the row."""
    blocks = [book.block(place.matrix, states[place.matrix.name]) for place in lane.places]
    said = captions.lane(book.words, lane.key, lane.layer)
    title = xml.text_cell(f"A{lane.row}", book.frame.style("lane"), said)
    for i in range(lane.last_row - lane.row + 1):
        cells = "".join([block[i] for block in blocks if i < len(block)])
        if beside:
            cells += beside.get(lane.row + i, "")
        row = lane.row + i
        height = book.heights.get(row, LABEL_ROW if i == 1 else ROW)
        yield xml.row(row, cells if i else title + cells, height)
    yield xml.row(lane.last_row + 1, "", GAP_ROW)


def head_rows(book: Book, step: Step, links: Sequence[Link]) -> Iterator[str]:
    """Yield the rows of a step's title, with links, and of the sentence that says what happens."""
    words, style = book.words, book.frame.style
    title = captions.heading(words, book.update.program.last, step)
    cells = xml.text_cell(f"A{at.TITLE}", style("title"), title)
    for link in links:
        address = f"{letter(link.column)}{at.TITLE}"
        cells += xml.text_cell(address, style("link"), link.text)
    yield xml.row(at.TITLE, cells, TITLE_ROW)
    says = xml.text_cell(f"A{at.SAYS}", style("says"), captions.says(words, step))
    yield xml.row(at.SAYS, says, 18)


def _header_rows(book: Book, sheet: Worksheet, step: Step, links: Sequence[Link]) -> Iterator[str]:
    yield from head_rows(book, step, links)
    yield from _notation_rows(book, step)
    yield xml.row(at.KEY, key_cells(book, sheet, _key_states(book, step)), ROW + 2)
    yield xml.row(at.FOCUS, _focus_cells(book, sheet, step), ROW + 2)
    yield xml.row(at.FOCUS + 1, _names_to_choose(book, step.computed), GAP_ROW)


def _range_of_names(active: Sequence[Matrix]) -> str:
    """Return the range of the names to choose from, where a rule has no room for them."""
    first, last = letter(at.FIRST_COLUMN), letter(at.FIRST_COLUMN + len(active) - 1)
    return f"${first}${at.FOCUS + 1}:${last}${at.FOCUS + 1}"


def _names_to_choose(book: Book, active: Sequence[Matrix]) -> str:
    """Return unseen cells that hold the names of matrices, too many for a list in a rule."""
    if fits_in_a_list([matrix.name for matrix in active]):
        return ""
    unseen = book.frame.style("ghost_name", UNSEEN)
    return "".join(
        xml.text_cell(f"{letter(column)}{at.FOCUS + 1}", unseen, matrix.name)
        for column, matrix in enumerate(active, at.FIRST_COLUMN)
    )


def _notation_rows(book: Book, step: Step) -> Iterator[str]:
    """Yield the step in each notation, one matrix beside the other, and one cell's formula."""
    active = step.computed
    lines = [""] * (at.FORMULA - at.MATHS + 1)
    if not active:
        lines = shape_lines(book, step, len(lines))
    else:
        caption = book.frame.style("caption")
        for i, notation in enumerate((*NOTATIONS, "formula")):
            words = book.words(f"sheet.{notation}")
            lines[i] = xml.text_cell(f"A{at.MATHS + i}", caption, words)
    columns = _columns_of_statements(book, active)
    if columns and columns[-1] > book.page_column:
        for i, cell in enumerate(_chosen_statement_cells(book, active)):
            lines[i] += cell
        columns = []
    for matrix, column in zip(active, columns, strict=False):
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
    texts = book.formulas(matrix)
    formula = focus.formula_in_focus(texts, focus.focus_cells(active))
    yield xml.text_formula_cell(f"{column}{at.FORMULA}", code, formula, f"={texts[0][0]}")


def _chosen_statement_cells(book: Book, active: Sequence[Matrix]) -> Iterator[str]:
    """Yield the statements of the matrix chosen under Focus, since not all have room.

    Without a choice they are the last matrix's: what the others are there for.
    """
    code, column = book.frame.style("code"), letter(at.FIRST_COLUMN)
    choice = focus.focus_cells(active)
    offered = active[-focus.MOST_NESTED :]
    for row, notation in enumerate(NOTATIONS, at.MATHS):
        texts = [statement(matrix, notation) for matrix in offered]
        formula = focus.by_matrix(choice, offered, [focus.literal(text) for text in texts])
        yield xml.text_formula_cell(f"{column}{row}", code, formula, texts[-1])
    firsts = [f"={book.formulas(matrix)[0][0]}" for matrix in offered]
    formula = focus.by_matrix(choice, offered, [focus.literal(text) for text in firsts])
    yield xml.text_formula_cell(f"{column}{at.FORMULA}", code, formula, firsts[-1])


def shape_lines(book: Book, step: Step, room: int) -> list[str]:
    """Return lines that say what the rows and columns of given matrices stand for."""
    lines = [""] * room
    name, code = book.frame.style("caption"), book.frame.style("code")
    widest = max(book.layout.last_column, book.page_column)
    # Beside the first few there is room for more, each block as wide as a matrix and its shape.
    for k, matrix in enumerate(step.brings):
        block, i = divmod(k, room)
        if at.FIRST_COLUMN + SHAPE_WIDTH * (block + 1) - 1 > widest:
            break  # the last ones are what an update rule remembers, shaped like its parameter
        first, second = ("A", "C") if not block else (
            letter(at.FIRST_COLUMN + SHAPE_WIDTH * block + offset) for offset in (0, NAME_WIDTH)
        )  # fmt: skip
        text = book.words("sheet.scalar")
        if not matrix.is_scalar:
            text = book.words(
                "sheet.shape",
                rows=matrix.rows.size,
                columns=matrix.columns.size,
                row_axis=captions.axis(book.words, matrix.rows),
                column_axis=captions.axis(book.words, matrix.columns),
            )
        lines[i] += xml.text_cell(f"{first}{at.MATHS + i}", name, matrix.name)
        lines[i] += xml.text_cell(f"{second}{at.MATHS + i}", code, text)
    return lines


def _columns_of_statements(book: Book, active: Sequence[Matrix]) -> list[int]:
    """Return the column where each matrix's statements begin, so that none runs into the next."""
    texts = [
        [*(statement(m, notation) for notation in NOTATIONS), f"={book.formulas(m)[0][0]}"]
        for m in active
    ]
    return columns_beside(book, texts)


def columns_beside(book: Book, blocks: Sequence[Sequence[str]]) -> list[int]:
    """Return the column where each block of texts begins, so that none runs into the next."""
    columns = []
    column = at.FIRST_COLUMN
    for texts in blocks:
        columns.append(column)
        room = max(map(len, texts)) * 1.05 + 3
        while room > 0:
            room -= book.width(column)
            column += 1
    return columns


KEY_WIDTH = 3
SHAPE_WIDTH, NAME_WIDTH = 8, 2


def _key_states(book: Book, step: Step) -> tuple[State, ...]:
    """Return the states that occur on a step's sheet."""
    if step.computed != step.brings:
        if step.computed:
            return ("input", "active", "ghost")
        return ("input", "known", "ghost") if step.kind != "given" else ("input", "ghost")
    if step is book.update.program.steps[-1]:
        return ("active", "read", "known")
    return ("active", "read", "known", "ghost")


def key_cells(book: Book, sheet: Worksheet, states: Sequence[State], group: str = "sheet") -> str:
    """Return the key: each style that occurs on the sheet, with what it means in it.

    `group`: where the words for the states stand; those that it lacks stand under `sheet`.
    """
    cells = xml.text_cell(f"A{at.KEY}", book.frame.style("caption"), book.words("sheet.key"))
    column = at.FIRST_COLUMN
    for state in states:
        last = column + KEY_WIDTH - 1
        style = book.frame.style(f"key_{state}")
        first = f"{letter(column)}{at.KEY}"
        meaning = book.words.get(f"{group}.{state}") or book.words(f"sheet.{state}")
        cells += xml.text_cell(first, style, meaning)
        for covered in range(column + 1, last + 1):
            cells += xml.blank_cell(f"{letter(covered)}{at.KEY}", style)
        sheet.merged_cells.add(f"{first}:{letter(last)}{at.KEY}")
        column = last + 2
    return cells


def _focus_cells(book: Book, sheet: Worksheet, step: Step) -> str:
    active = step.computed
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


def notes_row(book: Book, sheet: Worksheet, step: Step) -> str:
    """Return the row of notes, across the sheet and as tall as its text."""
    notes = captions.notes(book.words, book.update, step)
    if not notes:
        return ""
    row, last = book.layout.notes_row, book.page_column
    text = "\n".join(f"{book.words('sheet.notes')}: {note}" for note in notes)
    style = book.frame.style("note")
    sheet.merged_cells.add(f"A{row}:{letter(last)}{row}")
    width = sum(book.width(column) for column in range(1, last + 1))
    lines = sum(-(-cell_len(line) // int(width * 1.05)) for line in text.split("\n"))
    cells = xml.text_cell(f"A{row}", style, text)
    cells += "".join(xml.blank_cell(f"{letter(c)}{row}", style) for c in range(2, last + 1))
    return xml.row(row, cells, lines * 14 + 6)


# --- The frame of a step's sheet ----------------------------------------------------------


def set_columns(book: Book, sheet: Worksheet) -> None:
    """Give the columns of a sheet their widths."""
    for column in range(1, max(book.layout.last_column, book.page_column) + 1):
        sheet.column_dimensions[letter(column)].width = round(book.width(column), 2)
    if book.layout.is_band:
        sheet.freeze_panes = f"{letter(at.FIRST_COLUMN)}1"


def links_of(book: Book, step: Step) -> list[Link]:
    """Return the links to the sheets before and after, and to the contents."""
    steps = book.update.program.steps
    position = steps.index(step)
    last = book.page_column
    links = [Link(last - 3, "Contents", book.words("sheet.contents"))]
    if position:
        before = sheet_name(steps[position - 1])
        links.insert(0, Link(last - 5, before, book.words("sheet.previous")))
    if position + 1 < len(steps):
        after = sheet_name(steps[position + 1])
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
        book.frame.add_choice(sheet, cell, names, error, listed_in=_range_of_names(active))


def _add_number_rules(book: Book, sheet: Worksheet, states: Mapping[str, State]) -> None:
    """Keep two significant digits visible when numbers change, and that a number moved."""
    frame, places = book.frame, book.layout.places
    moved = {old: places[new] for new, old in book.replaced.items() if states[new] != "ghost"}
    for name, place in places.items():
        if states[name] == "ghost":
            continue
        if name in book.replaced:
            before = places[book.replaced[name]].address(0, 0)
            for condition, code in book.formats[name].moves(place.address(0, 0), before):
                frame.add_number_rule(sheet, place.range, condition, code)
            continue
        if name in moved and not book.formats[name].exact:
            # What is rounded is shown as closely as what replaces it.
            form, after = book.formats[name], moved[name].address(0, 0)
            for condition, code in form.nears(place.address(0, 0), after):
                frame.add_number_rule(sheet, place.range, condition, code)
        for columns, form in spans(place, book.columns[name]):
            unfit = form.unfit(f"{columns[0]}{place.row}")
            if unfit:
                cells = f"{columns[0]}{place.row}:{columns[-1]}{place.last_row}"
                frame.add_number_rule(sheet, cells, unfit, form.fallback)


def check_typed_numbers(book: Book, sheet: Worksheet, place: Place) -> None:
    """Let the cells of a matrix take only numbers of which none becomes too large."""
    matrix = place.matrix
    numbers = book.allowed.ranges[matrix.name] if matrix.definition is None else ANSWERS
    book.check_numbers(sheet, place.range, numbers)
