"""How a step's sheet is printed: on one page if that can be read, else cut between matrices.

Knows a layout and the widths of columns; what the matrices hold, it does not know.
"""

from __future__ import annotations

from openpyxl.worksheet.worksheet import Worksheet

from cellprop.faces import layout as at
from cellprop.faces.layout import letter
from cellprop.faces.workbook.book import Book
from cellprop.faces.workbook.frame import SMALLEST_SCALE
from cellprop.texts.words import Words

# What a landscape page holds, in characters and points, shrunk as far as one can still read.
PAGE_WIDTH, PAGE_HEIGHT = 245.0, 820.0
# A header has room for 255 characters, in which a word's & counts twice.
LONGEST_HEADER = 100


def set_up_print(book: Book, sheet: Worksheet) -> None:
    """Print on one page if that can be read, else on as many as it takes."""
    layout = book.layout
    last = max(layout.last_column, book.page_column)
    names = layout.lanes[-1].row
    breaks = _column_breaks(book, last)
    # Each page, however many, at the scale at which the sheet is as wide as it.
    width = sum(book.width(column) for column in range(1, last + 1))
    scale = SMALLEST_SCALE
    if not breaks:
        scale = min(100, max(scale, int(SMALLEST_SCALE * PAGE_WIDTH / width)))
    room = PAGE_HEIGHT * SMALLEST_SCALE / scale
    tall = book.height(1, layout.last_row) > PAGE_HEIGHT
    book.frame.set_up_print(
        sheet,
        f"A1:{letter(last)}{layout.last_row}",
        page=page_of(book.words),
        # Repeated on every page: in the band what its columns and rows are.
        title_rows=f"{names}:{names + 1}" if layout.is_band else "1:2",
        title_columns="A:B" if layout.is_band else "A:A",
        column_breaks=breaks,
        row_breaks=_row_breaks(book, room) if breaks or tall else (),
        scale=scale,
        one_page=not breaks and not tall and not layout.is_band,
    )


def _row_breaks(book: Book, room: float) -> list[int]:
    """Return the rows after which a new page begins: never in the middle of a lane."""
    layout = book.layout
    breaks: list[int] = []
    top = 1
    for lane in () if layout.is_band else layout.lanes:
        if book.height(top, lane.last_row - 1) > room and lane.row > max(top, at.FIRST_LANE):
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
        width = book.width(column)
        if column in starts and breaks[-1:] != [column - 1]:
            candidate, since = column - 1, 0.0
        used, since = used + width, since + width
        if used > PAGE_WIDTH and candidate > (breaks[-1] if breaks else at.FIRST_COLUMN - 1):
            breaks.append(candidate)
            used = since + book.width(at.LANE_COLUMN)
    return breaks
