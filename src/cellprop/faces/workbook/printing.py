"""How a step's sheet is printed: on one page, or cut between lanes where that could not be read.

Knows the sizes of a sheet; what its matrices hold, it does not know.
"""

from __future__ import annotations

from openpyxl.worksheet.worksheet import Worksheet

from cellprop.faces import places as at
from cellprop.faces.places import letter
from cellprop.faces.sizes import PAGE_HEIGHT, PAGE_WIDTH
from cellprop.faces.workbook.header import Header
from cellprop.faces.workbook.measures import Measures
from cellprop.faces.workbook.page_texts import follows_of, foot_of, page_of


def set_up_print(header: Header, sheet: Worksheet) -> None:
    """Print on one page if that can be read, else on as many as it takes."""
    book, measures = header.book, header.measures
    last = measures.last_column
    last_row = last_on_paper(measures, header.above)
    breaks = row_breaks(measures, header.above)
    scale = int(book.frame.smallest_scale * min(1.0, 0.97 * PAGE_WIDTH / measures.across))
    book.frame.set_up_print(
        sheet,
        f"A1:{letter(last)}{last_row}",
        page=page_of(book.words),
        title_rows=f"{at.TITLE}:{at.MATHS}",
        row_breaks=breaks,
        scale=max(scale, 10),
        one_page=not breaks,
        foot=foot_of(book.words),
        first_foot=follows_of(book.words, _following(measures, breaks[0])) if breaks else "",
    )


def _following(measures: Measures, first: int) -> list[str]:
    """Return the names of what stands below the row after which the second page begins."""
    lanes = (lane for lane in measures.spread.above_notes if lane.row > first)
    return list(dict.fromkeys(place.matrix.name for lane in lanes for place in lane.places))


def last_on_paper(measures: Measures, above: float) -> int:
    """Return the last row that is printed: what stands below the notes is where one page has room.

    `above`: by how many pixels the header is higher than usual.
    """
    spread = measures.spread
    fits = measures.top(spread.last_row + 1) <= _room(measures, above)
    return spread.last_row if fits or not spread.below_notes else spread.notes_row


def row_breaks(measures: Measures, above: float) -> list[int]:
    """Return the rows after which a new page begins: none if all can be read on one; never in the
    middle of a lane. `above`: by how many pixels the header is higher than usual.
    """
    spread, room = measures.spread, _room(measures, above)
    if measures.top(last_on_paper(measures, above) + 1) <= room * SPARE:
        return []
    breaks: list[int] = []
    top = 0.0
    for lane in spread.above_notes[1:]:
        if measures.top(lane.last_row + 1) - top > room:
            breaks.append(lane.row - 1)
            # The title and the maths stand on every page.
            top = measures.top(lane.row) - measures.top(at.MATHS + 1)
    return breaks


def _room(measures: Measures, above: float) -> float:
    """Return how high a sheet can be that is printed on one page, in pixels."""
    # A sheet that is wider than a page is printed smaller, and so has room for more rows.
    return PAGE_HEIGHT * max(1.0, measures.across / PAGE_WIDTH) - above


# A page holds a little more in letters that are a little smaller.
SPARE = 1.05
