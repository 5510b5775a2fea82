"""Which cells of a sheet are the table: its header, the rows below it, and its columns.

Knows cells and the names that are looked for; knows no files, and nothing of what columns mean.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from cellprop.errors import InputError
from cellprop.files.missing import is_missing
from cellprop.files.opening import listed, shown, wrong
from cellprop.files.safe import label
from cellprop.limits import MOST_ROWS

Rows = Sequence[Sequence[object]]
Known = Callable[[Sequence[str]], int]
"""How many of the names that are looked for a header has."""

# Above the header stand a title and notes, no more.
MOST_ABOVE = 200
CELLS = re.compile(
    r"\$?([A-Za-z]{1,3})\$?([1-9]\d{0,6})(?::\$?([A-Za-z]{1,3})\$?([1-9]\d{0,6}))?", re.ASCII
)
REMEDY = "say which cells: --range B3:E20"


@dataclass(frozen=True)
class Region:
    """The cells of a table, counted from 0: a header, and the rows below it."""

    top: int
    bottom: int
    columns: tuple[int, ...]


def asked(where: str, grid: Rows, cells: str) -> Region:
    """Return the region of a range, without what is blank below."""
    from openpyxl.utils.cell import column_index_from_string

    found = CELLS.fullmatch(cells)
    assert found
    first, top, last, bottom = found[1], int(found[2]), found[3] or found[1], found[4] or found[2]
    columns = sorted(column_index_from_string(letters.upper()) - 1 for letters in (first, last))
    rows = sorted((top - 1, int(bottom) - 1))
    region = Region(rows[0], min(rows[1], len(grid) - 1), (*range(columns[0], columns[1] + 1),))
    if columns[1] >= 16_384 or rows[1] >= MOST_ROWS:
        raise InputError(f"{where}: a sheet has no cells {shown(cells)}; correct the range.")
    while region.bottom >= region.top and _is_blank(grid, region.bottom, region.columns):
        region = replace(region, bottom=region.bottom - 1)
    if region.bottom < region.top or _is_blank(grid, region.top, region.columns):
        what = "is empty" if region.bottom < region.top else "begins with an empty row"
        raise InputError(
            f"{where}: the range {shown(cells)} {what}; give the header and the rows below it."
        )
    return region


def at(grid: Rows, row: int, column: int) -> object:
    """Return what a cell holds, counted from 0; None if it is blank or beyond the sheet."""
    cells = grid[row] if row < len(grid) else ()
    cell = cells[column] if column < len(cells) else None
    return None if isinstance(cell, str) and not cell.strip() else cell


def _is_blank(grid: Rows, row: int, columns: Sequence[int]) -> bool:
    return all(at(grid, row, column) is None for column in columns)


def name_in(cell: object) -> str:
    """Return the name (str) that a cell of a header holds; empty if it is blank."""
    return "" if cell is None else label(str(cell).strip())


def known_in(rows: Sequence[Sequence[object]], known: Known) -> int:
    """Return how many of the names that are looked for the best of some rows has."""
    return max((known([name_in(cell) for cell in row]) for row in rows), default=0)


def found_in(where: str, grid: Rows, known: Known) -> tuple[Region, list[str]]:
    """Return the region of the table, and notes on what beside it is left out."""
    width = len(grid[0]) if grid else 0
    every = range(width)
    rows = [i for i in range(len(grid)) if not _is_blank(grid, i, every)]
    if not rows:
        raise InputError(f"{where}: its first sheet is empty; put the table there.")
    top, full = _header(grid, rows, known), set(rows)
    end = next((i for i in range(top, len(grid)) if i not in full), len(grid))
    columns, beside = _columns(where, grid, top, end, known)
    bottom = top
    while bottom + 1 < end and not _is_blank(grid, bottom + 1, columns):
        bottom += 1
    notes = (
        [f"left out: {_said([i for i in rows if i < top])} above the table."]
        if rows[0] < top
        else []
    )
    below = [i for i in rows if i > bottom and not _is_blank(grid, i, columns)]
    while len(columns) > 1 and bottom > top + 1 and _is_remark(grid, bottom, columns):
        below.insert(0, bottom)
        bottom -= 1
    if below and not all(_is_remark(grid, i, columns) for i in below):
        # What follows an empty row may belong to it: that is for its owner to say.
        bottom = max(below)
        below = []
    if below:
        notes.append(f"left out: {_said(below)} below the table.")
    if beside:
        notes.append(f"left out: {beside} beside the table.")
    return Region(top, bottom, columns), notes


def _said(rows: Sequence[int]) -> str:
    if len(rows) == 1:
        return f"row {rows[0] + 1}"
    return f"rows {rows[0] + 1} to {rows[-1] + 1}"


def _header(grid: Rows, rows: Sequence[int], known: Known) -> int:
    """Return the first row with the most of the names that are looked for.

    If none has any, the first with more than one cell, since a title has one.
    """
    above = rows[:MOST_ABOVE]
    sizes = {i: sum(cell is not None for cell in grid[i]) for i in above}
    counts, widest = [], 0
    for i in above:
        # What stands right above a header has fewer cells; else the name may be a sample's class.
        widest = widest if i - 1 in sizes else 0
        counts.append(known([name_in(cell) for cell in grid[i]]) if sizes[i] > widest else 0)
        widest = max(widest, sizes[i])
    if max(counts):
        return above[counts.index(max(counts))]
    wide = (i for i in above if sizes[i] > 1)
    return next(wide, rows[0])


def _is_remark(grid: Rows, row: int, columns: Sequence[int]) -> bool:
    cells = [cell for cell in (at(grid, row, column) for column in columns) if cell is not None]
    return len(cells) == 1 and isinstance(cells[0], str) and not is_missing(cells[0])


def _columns(
    where: str, grid: Rows, top: int, end: int, known: Known
) -> tuple[tuple[int, ...], str]:
    """Return the columns of the table, and what is said of others beside it."""
    width = len(grid[top])
    used = [j for j in range(width) if any(at(grid, i, j) is not None for i in range(top, end))]
    islands: list[list[int]] = []
    for j in used:
        if islands and islands[-1][-1] == j - 1:
            islands[-1].append(j)
        else:
            islands.append([j])
    names = [name_in(at(grid, top, j)) for j in range(width)]
    having = [each for each in islands if known([names[j] for j in each])]
    if len(islands) == 1 or len(having) != 1 or len(having[0]) == 1:
        if len(having) > 1 and all(
            known([names[j] for j in each]) == known(names) for each in having
        ):
            first, second, *_ = (f"{letter(e[0])}{top + 1}" for e in having)
            found = f"two, at {first} and at {second}"
            raise wrong(where, "one table with such a column", found, REMEDY)
        return tuple(used), ""
    chosen = having[0]
    others = [each for each in islands if each is not chosen]
    for each in others:
        if any(names[j] for j in each) and _height(grid, each, top, end) == _height(
            grid, chosen, top, end
        ):
            found = f"an empty column before {letter(max(chosen[0], each[0]))}{top + 1}"
            raise wrong(where, "one table", found, f"remove it, or {REMEDY}")
    said = listed([_span(each) for each in others])
    return tuple(
        chosen
    ), f"{'columns' if len(others) > 1 or len(others[0]) > 1 else 'column'} {said}"


def _height(grid: Rows, columns: Sequence[int], top: int, end: int) -> int:
    return max(i for i in range(top, end) if not _is_blank(grid, i, columns))


def _span(columns: Sequence[int]) -> str:
    first, last = letter(columns[0]), letter(columns[-1])
    return first if first == last else f"{first} to {last}"


def letter(column: int) -> str:
    """Return the letters of a column, counted from 0."""
    from openpyxl.utils.cell import get_column_letter

    return str(get_column_letter(column + 1))
