"""How a step's sheet is printed: on one page, or cut between lanes where that could not be read.

Knows the sizes of a sheet; what its matrices hold, it does not know.
"""

from __future__ import annotations

from openpyxl.worksheet.worksheet import Worksheet

from cellprop.faces.places import letter
from cellprop.faces.sizes import PAGE_HEIGHT, PAGE_WIDTH
from cellprop.faces.workbook.book import Book
from cellprop.faces.workbook.header import Header, higher
from cellprop.faces.workbook.measures import Measures
from cellprop.faces.workbook.page_texts import foot_of, page_of
from cellprop.programs.program import Step


def set_up_print(book: Book, sheet: Worksheet, step: Step) -> None:
    """Print on one page if that can be read, else on as many as it takes."""
    measures = book.measures(step)
    last = measures.last_column
    breaks = row_breaks(measures, higher(Header(book, step, measures)))
    scale = int(book.frame.smallest_scale * min(1.0, 0.97 * PAGE_WIDTH / measures.across))
    book.frame.set_up_print(
        sheet,
        f"A1:{letter(last)}{measures.spread.last_row}",
        page=page_of(book.words),
        title_rows="1:2",
        row_breaks=breaks,
        scale=max(scale, 10),
        one_page=not breaks,
        foot=foot_of(book.words),
    )


def row_breaks(measures: Measures, above: float) -> list[int]:
    """Return the rows after which a new page begins: none if all can be read on one; never in the
    middle of a lane. `above`: by how many pixels the header is higher than usual.
    """
    spread = measures.spread
    # A sheet that is wider than a page is printed smaller, and so has room for more rows.
    room = PAGE_HEIGHT * max(1.0, measures.across / PAGE_WIDTH) - above
    if measures.top(spread.last_row + 1) <= room * SPARE:
        return []
    breaks: list[int] = []
    top = 0.0
    for lane in spread.lanes[1:]:
        if measures.top(lane.last_row + 1) - top > room:
            breaks.append(lane.row - 1)
            # The title and the maths stand on every page.
            top = measures.top(lane.row) - measures.top(3)
    return breaks


# A page holds a little more in letters that are a little smaller.
SPARE = 1.05
