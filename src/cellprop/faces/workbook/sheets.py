"""The sheet of a step: what stands above its matrices, and these, in lanes or in lines of maths.

Asks a step for its kind and what it brings; which model declared it, it does not know.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from openpyxl.worksheet.worksheet import Worksheet
from rich.cells import cell_len

from cellprop.algebra import Matrix, reads
from cellprop.faces import places as at
from cellprop.faces.places import Place, PlacedLane, letter
from cellprop.faces.workbook import focus, xml
from cellprop.faces.workbook.book import Book, State, sheet_name, spans
from cellprop.faces.workbook.header import (
    Header,
    Link,
    add_focus,
    add_picture,
    links_of,
    maths_row,
    merge_header,
    notation_row,
    numbers_row,
    spanned,
    title_row,
)
from cellprop.faces.workbook.measures import ROW, Measures
from cellprop.faces.workbook.printing import set_up_print
from cellprop.files.safe import looks_like_formula
from cellprop.files.samples import LARGEST
from cellprop.programs.program import Step
from cellprop.texts import captions

# What may be typed where an exercise asks for a number.
ANSWERS = (-LARGEST, LARGEST)
# What a screen of 768 pixels shows of a sheet below the ribbon, and down to where what a step
# computes should begin; and how wide it is.
SEEN, SCREEN_WIDTH = 450.0, 1366.0
# What of the width a spreadsheet takes for the numbers of rows and the bar to scroll with.
ROW_NUMBERS = 46.0
LEAST_ZOOM, MOST_ZOOM = 100, 160

StateOf = Callable[[Place], State]


# --- A step's sheet -----------------------------------------------------------------------


def step_sheet(book: Book, step: Step, sheet: Worksheet) -> list[str]:
    """Set a step's sheet up in the frame and return its rows."""
    measures, spread = book.measures(step), book.layout.on(step)
    header = Header(book, step, measures)
    state_of = states(book, step)
    set_columns(book, sheet, step)
    # In this order: where LibreOffice applies one rule only, the colours of the focus win.
    if step.computed:
        book.frame.add_rules(sheet, focus.rules(step.computed, spread, header.focus))
        add_focus(header, sheet)
    _add_number_rules(book, sheet, step, state_of)
    for name, place in spread.homes.items():
        if book.home[name] is step:
            book.frame.add_name(name, sheet.title, place.absolute)
            if place.matrix.definition is None:
                check_typed_numbers(book, sheet, place)
    links = links_of(header)
    set_up_sheet(header, sheet, links)
    rows = [
        title_row(header, links),
        maths_row(header, links),
        notation_row(header, links),
        numbers_row(header, links),
    ]
    return [*rows, *body_rows(book, sheet, step, state_of)]


def at_home(matrix: Matrix) -> State:
    """Return the state of a matrix on the sheet of its own step."""
    return "input" if matrix.definition is None else "active"


def states(
    book: Book, step: Step, own: Callable[[Matrix], State] = at_home, read_as: State = "read"
) -> StateOf:
    """Return what gives the state of a matrix where it stands on a step's sheet.

    `own`: gives that of what the step brings; `read_as`: that of what it reads.
    """
    read = {m.name for matrix in step.computed for m in reads(matrix.definition)}
    steps = book.update.program.steps
    now, homes = steps.index(step), book.layout.on(step).homes

    def state(place: Place) -> State:
        name = place.matrix.name
        if name not in book.home:
            return "move"
        home = book.home[name]
        if steps.index(home) > now:
            return "ghost"
        if home is step and place == homes[name]:
            return own(place.matrix)
        return read_as if name in read else "quiet"

    return state


def body_rows(
    book: Book,
    sheet: Worksheet,
    step: Step,
    state_of: StateOf,
    beside: Mapping[int, str] | None = None,
) -> Iterator[str]:
    """Yield the rows below the header: the lanes, with the notes where these have their row."""
    spread, notes = book.layout.on(step), notes_row(book, sheet, step)
    for lane in spread.above_notes:
        yield from lane_rows(book, step, lane, state_of, beside)
    if notes:
        yield notes
    yield from reasons_row(book, sheet, step)
    for lane in spread.below_notes:
        yield from lane_rows(book, step, lane, state_of, beside)


def lane_rows(
    book: Book,
    step: Step,
    lane: PlacedLane,
    state_of: StateOf,
    beside: Mapping[int, str] | None = None,
) -> Iterator[str]:
    """Yield the rows of a lane, with what stands beside its matrices by the number of the row."""
    measures, spread = book.measures(step), book.layout.on(step)
    rows: dict[int, list[tuple[int, str]]] = {}
    in_part = spread.read_in_part(step.computed)
    for place in lane.places:
        left = place.label_column if place.has_row_labels else place.column
        state = state_of(place)
        picked = in_part.get(place) if state == "read" else None
        for row, cells in enumerate(book.block(place, state, measures, picked), place.name_row):
            rows.setdefault(row, []).append((left, cells))
    for column, row, cells in (*_signs(book, lane), *_marks(book, step, lane)):
        rows.setdefault(row, []).append((column, cells))
    if lane.key:
        said = captions.lane(book.words, lane.key, lane.layer, lane.title)
        title = xml.text_cell(f"A{lane.row}", book.frame.style("lane"), said)
        rows.setdefault(lane.row, []).append((at.LANE_COLUMN, title))
    for row in range(lane.row, lane.last_row + 2):
        cells = "".join([text for _, text in sorted(rows.get(row, ()), key=_by_column)])
        if beside:
            cells += beside.get(row, "")
        folded = any(row in each for each in spread.rows)
        folds = any(row == each.mark for each in spread.rows)
        height = measures.heights.get(row, ROW)
        yield xml.row(row, cells, height, folded=folded, folds=folds)


def _by_column(cell: tuple[int, str]) -> int:
    return cell[0]


def _signs(book: Book, lane: PlacedLane) -> Iterator[tuple[int, int, str]]:
    """Yield the operators of a lane: the column, the row and the cell."""
    for sign in lane.signs:
        text = sign.text.strip()
        style = book.frame.style("sign", quoted=looks_like_formula(text))
        cell = xml.text_cell(f"{letter(sign.column)}{sign.row}", style, text)
        yield sign.column, sign.row, cell


def _marks(book: Book, step: Step, lane: PlacedLane) -> Iterator[tuple[int, int, str]]:
    """Yield what says how many rows and columns of a lane are folded away: column, row, cell."""
    spread = book.layout.on(step)

    def mark(column: int, row: int, said: str) -> tuple[int, int, str]:
        style = book.frame.style("fold", quoted=looks_like_formula(said))
        return column, row, xml.text_cell(f"{letter(column)}{row}", style, said)

    for place in lane.places:
        for folded in spread.rows:
            more = place.last_row - folded.first + 1
            if place.row <= folded.first <= place.last_row:
                yield mark(place.column, folded.mark, book.words("sheet.more", count=more))
        for folded in spread.columns:
            more = place.last_column - folded.first + 1
            if place.column <= folded.first <= place.last_column:
                said = book.words("sheet.more_columns", count=more)
                yield mark(folded.mark, place.label_row, said)


def notes_row(book: Book, sheet: Worksheet, step: Step) -> str:
    """Return the row of notes, across the sheet and as tall as its text."""
    notes = captions.notes(book.words, book.update, step)
    texts = [f"{book.words('sheet.notes')}: {note}" for note in notes]
    return _prose(book, sheet, step, book.layout.on(step).notes_row, texts, "note")


def reasons_row(book: Book, sheet: Worksheet, step: Step) -> Iterator[str]:
    """Yield the row that says why products are written as they are, below the notes."""
    texts = list(captions.reasons(book.words, step))
    if row := _prose(book, sheet, step, book.layout.on(step).reasons_row, texts, "caption"):
        yield row


def _prose(
    book: Book, sheet: Worksheet, step: Step, row: int, texts: Sequence[str], style: str
) -> str:
    """Return a row with texts, a line or more each; none if there are none."""
    if not texts:
        return ""
    measures, text = book.measures(step), "\n".join(texts)
    last = measures.last_column
    sheet.merged_cells.add(f"A{row}:{letter(last)}{row}")
    room = int(measures.across / NOTE_LETTER)
    lines = sum(-(-cell_len(line) // room) for line in texts)
    return xml.row(row, spanned(book, row, (1, last), style, text), lines * 15 + 6)


NOTE_LETTER = 7.2


# --- The frame of a step's sheet ----------------------------------------------------------


def set_columns(book: Book, sheet: Worksheet, step: Step) -> None:
    """Give the columns of a sheet their widths, and fold away those that are."""
    measures, spread = book.measures(step), book.layout.on(step)
    for column in range(1, measures.last_column + 1):
        dimension = sheet.column_dimensions[letter(column)]
        dimension.width = round(measures.width(column), 2)
        if spread.is_hidden(column):
            dimension.hidden, dimension.outlineLevel = True, 1
    for folded in spread.columns:
        sheet.column_dimensions[letter(folded.mark)].collapsed = True


def set_up_sheet(header: Header, sheet: Worksheet, links: Sequence[Link]) -> None:
    """Set up what a sheet has whatever it is for: links, its picture, how it prints and opens."""
    merge_header(header, sheet, links)
    add_picture(header, sheet)
    _link_names(header.book, sheet, header.step)
    set_up_print(header, sheet)
    _set_up_view(header, sheet)


def _link_names(book: Book, sheet: Worksheet, step: Step) -> None:
    """In close-up, let the name of what a step reads lead to where that stands by itself."""
    if book.layout.form != "close-up":
        return
    for place in book.layout.on(step).places:
        home = book.home.get(place.matrix.name)
        if home is not None and home is not step:
            cell = f"{place.columns[0]}{place.name_row}"
            there = book.layout.places[place.matrix.name].address(0, 0)
            book.frame.add_link(sheet, cell, sheet_name(home), there)


def _set_up_view(header: Header, sheet: Worksheet) -> None:
    """Open a sheet as wide as the screen, its header fixed, with what it computes in view."""
    step, measures = header.step, header.measures
    own = [measures.spread.homes[matrix.name] for matrix in step.computed or step.brings]
    place = min(own, key=lambda place: (place.row, place.column))
    zoom = zoom_of(measures)
    header.book.frame.set_up_view(
        sheet,
        zoom=zoom,
        below=at.FIRST_LANE,
        top=first_in_view(measures, place, zoom, header.above),
        selected=place.address(0, 0),
    )


def zoom_of(measures: Measures) -> int:
    """Return the zoom, in per cent, at which a sheet fills a screen."""
    fits = 100 * (SCREEN_WIDTH - ROW_NUMBERS) / measures.across
    return int(min(max(fits, LEAST_ZOOM), MOST_ZOOM))


def first_in_view(measures: Measures, place: Place, zoom: int, above: float) -> int:
    """Return the row that stands first below the header, which is higher than usual by so many
    pixels, when a sheet opens: of the first lane from which on a matrix is in view.
    """
    header, row = measures.top(at.FIRST_LANE) + above, measures.top(place.row)
    starts = (lane.row for lane in measures.spread.lanes if lane.row <= place.row)
    return next(
        first
        for first in starts
        if (header + row - measures.top(first)) * zoom / 100 <= SEEN or first == place.name_row
    )


def _add_number_rules(book: Book, sheet: Worksheet, step: Step, state_of: StateOf) -> None:
    """Keep two significant digits visible when numbers change, and that a number moved."""
    spread = book.layout.on(step)
    shown = [place for place in spread.places if state_of(place) != "ghost"]
    there = {place.matrix.name: place for place in shown}
    moved = {old: there[new] for new, old in book.replaced.items() if new in there}
    for place in shown:
        name = place.matrix.name
        old = there.get(book.replaced.get(name, ""))
        if old is not None:
            _add_move_rules(book, sheet, place, old)
        elif name in moved and not book.formats[name].exact:
            # What is rounded is shown as closely as what replaces it.
            form, after = book.formats[name], moved[name].address(0, 0)
            for condition, code in form.nears(place.address(0, 0), after):
                book.frame.add_number_rule(sheet, place.range, condition, code)
            _add_usual_rules(book, sheet, place)
        else:
            _add_usual_rules(book, sheet, place)


def _add_move_rules(book: Book, sheet: Worksheet, place: Place, old: Place) -> None:
    for condition, code in book.formats[place.matrix.name].moves(
        place.address(0, 0), old.address(0, 0)
    ):
        book.frame.add_number_rule(sheet, place.range, condition, code)


def _add_usual_rules(book: Book, sheet: Worksheet, place: Place) -> None:
    forms = book.columns[place.matrix.name]
    if place.turned:
        forms = (book.formats[place.matrix.name],) * place.across.size
    for columns, form in spans(place, forms):
        unfit = form.unfit(f"{columns[0]}{place.row}")
        if unfit:
            cells = f"{columns[0]}{place.row}:{columns[-1]}{place.last_row}"
            book.frame.add_number_rule(sheet, cells, unfit, form.fallback)


def check_typed_numbers(book: Book, sheet: Worksheet, place: Place) -> None:
    """Let the cells of a matrix take only numbers of which none becomes too large."""
    matrix = place.matrix
    numbers = book.allowed.ranges[matrix.name] if matrix.definition is None else ANSWERS
    book.check_numbers(sheet, place.range, numbers)
