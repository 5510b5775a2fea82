"""Finding a table in somebody's workbook: which sheet, which cells, and whether to trust them.

What is left out on the way (titles, notes, hidden sheets) is said. Formulas without a value that a
spreadsheet program computed are computed here; knows nothing of what the columns mean.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cellprop.errors import CellpropError, InputError
from cellprop.files.columns import find
from cellprop.files.opening import grid_of, listed, shown, workbook
from cellprop.files.regions import (
    CELLS,
    MOST_ABOVE,
    Known,
    Region,
    Rows,
    asked,
    at,
    found_in,
    known_in,
    letter,
    name_in,
)
from cellprop.files.safe import label
from cellprop.limits import MOST_ROWS

# What is only in the XML of a sheet that has more than values; the last if it names all its
# elements otherwise.
MARKS = (b"<f", b't="e"', b"hidden=", b"mergeCell", b":sheetData")


@dataclass(frozen=True)
class Markup:
    """What the XML of a sheet says besides values.

    Attributes:
        formulas: The cells with a formula, counted from 0, and whether a value is stored.
        errors: The cells that hold an error.
        hidden_rows, hidden_columns: Those that are not seen.
        merged: The cells that are merged into another, and the range of each.
    """

    formulas: Mapping[tuple[int, int], bool]
    errors: frozenset[tuple[int, int]]
    hidden_rows: frozenset[int]
    hidden_columns: frozenset[int]
    merged: Mapping[tuple[int, int], str]


@dataclass(frozen=True)
class SheetTable:
    """A table in a workbook.

    Attributes:
        where: The file, with the sheet if there are several.
        region: Where it stands.
        cells: All cells of the sheet; errors are of the class `Error`.
        merged: As in `Markup`.
        notes: What is to be said of how it was found.
    """

    where: str
    region: Region
    cells: Rows
    merged: Mapping[tuple[int, int], str]
    notes: tuple[str, ...] = field(default=())


class Error(str):
    """The text of an error in a cell, such as `#DIV/0!`."""

    __slots__ = ()


def table_in(path: Path, known: Known, sheet: str | int | None, cells: str | None) -> SheetTable:
    """Find the table in a workbook.

    Parameters
    ----------
    path
        The workbook.
    known
        Tells the header, and the sheet that has it.
    sheet
        The name of a sheet, or its number as the tabs are counted; else the first that is seen
        and holds anything.
    cells
        `B3:E20`, `Sheet!B3:E20`, or the name of a range or a table; else the table is found.

    Raises
    ------
    InputError
        If there is none, or more than one that may be meant; or a formula has no value.
    """
    where = label(path)
    with workbook(path) as book:
        if cells is not None:
            sheet, cells = _named(where, book, sheet, cells)
        tab, notes = _tab(where, book, sheet, known)
        if len(book.worksheets) > 1:
            where = f"{where}, sheet {shown(tab.title)}"
        markup = _markup(tab)
        grid = _with_errors(grid_of(label(path), tab), markup)
        trusted = not markup.formulas or (all(markup.formulas.values()) and _is_computed(book))
        title = tab.title
        computed = {} if trusted else _computed(path, title, markup)
        grid = _with_values(grid, computed)
        if cells is None:
            region, said = found_in(where, grid, known)
        else:
            region, said = asked(where, grid, cells), []
        notes += said
        needed = {
            place for place in markup.formulas
            if region.top <= place[0] <= region.bottom and place[1] in region.columns
        }  # fmt: skip
        notes += _hidden(markup, region, grid)
    if needed and not trusted:
        _check_computed(where, needed, computed)
        count = f"{len(needed)} formula{'s' if len(needed) > 1 else ''}"
        notes.append(f"{count} had no value that a spreadsheet program stored: computed here.")
    return SheetTable(where, region, grid, markup.merged, (*notes,))


# --- The sheet ----------------------------------------------------------------------------


def _tab(where: str, book: Any, wanted: str | int | None, known: Known) -> tuple[Any, list[str]]:
    tabs = [tab for tab in book._sheets if tab.sheet_state == "visible"]
    if wanted is not None:
        return _wanted(where, book, tabs, str(wanted).strip()), []
    sheets = [tab for tab in tabs if tab in book.worksheets]
    if not book.worksheets:
        raise ValueError  # what a damaged workbook may have
    if not sheets:
        raise InputError(
            f"{where}: has no sheet of cells that is seen; say which one: --sheet NAME."
        )
    filled = [tab for tab in sheets if _first_rows(tab)]
    if not filled:
        which = "first sheet is" if len(sheets) == 1 else "sheets are"
        raise InputError(f"{where}: its {which} empty; put the table there.")
    chosen, notes = filled[0], []
    if len(filled) > 1:
        others = [tab.title for tab in filled[1:]]
        if not known_in(_first_rows(chosen), known):
            better = [tab.title for tab in filled[1:] if known_in(_first_rows(tab), known)]
            if better:
                raise InputError(
                    f"{where}: the column is not on its first sheet {shown(chosen.title)}, but on"
                    f" {listed(better)}; say which sheet: --sheet {_quoted(better[0])}."
                )
        notes.append(
            f"the sheet {shown(chosen.title)} is read, not {listed(others)}; --sheet says which."
        )
    hidden = [t for t in book.worksheets if t.sheet_state != "visible"]
    before = [t.title for t in hidden if book.worksheets.index(t) < book.worksheets.index(chosen)]
    if before and len(filled) == 1:
        hidden_as = "hidden as they are" if len(before) > 1 else "which is hidden"
        notes.append(f"the sheet {shown(chosen.title)} is read, not {listed(before)}, {hidden_as}.")
    return chosen, notes


def _wanted(where: str, book: Any, tabs: Sequence[Any], wanted: str) -> Any:
    """Return a sheet by its name, hidden or not, or by its number among the tabs that are seen."""
    every = book.worksheets
    found = find(wanted, [label(tab.title) for tab in every])[0]
    if found:
        return every[found[0]]
    if wanted.isdecimal() and len(wanted) < 10 and 1 <= int(wanted) <= len(tabs):
        tab = tabs[int(wanted) - 1]
        if tab in every:
            return tab
        raise InputError(f"{where}: sheet {wanted} is a chart; say the name of a sheet of cells.")
    there = listed([label(tab.title) for tab in every])
    raise InputError(f"{where}: there is no sheet {shown(label(wanted))}; there are {there}.")


def _quoted(name: str) -> str:
    name = label(name)
    return name if re.fullmatch(r"[\w.-]+", name) else f"'{name}'"


def _first_rows(tab: Any) -> list[Sequence[object]]:
    tab.reset_dimensions()
    rows = tab.iter_rows(max_row=MOST_ABOVE, values_only=True)
    return [row for row in rows if any(cell is not None for cell in row)]


def _markup(tab: Any) -> Markup:
    """Read what openpyxl leaves out of a sheet that is only read."""
    from openpyxl.utils.cell import coordinate_to_tuple, range_boundaries
    from openpyxl.xml.functions import iterparse

    with tab._get_source() as source:
        text = source.read()
    if not any(mark in text for mark in MARKS):
        return Markup({}, frozenset(), frozenset(), frozenset(), {})
    formulas: dict[tuple[int, int], bool] = {}
    errors, rows, columns = set(), set(), set()
    merged: dict[tuple[int, int], str] = {}
    row = column = counted = 0
    with tab._get_source() as source:
        for event, element in iterparse(source, events=("start", "end")):
            kind = element.tag.rpartition("}")[2]
            if event == "start":
                if kind == "row":
                    row, column = int(element.get("r", row + 1)), 0
                continue
            if kind == "c":
                place = element.get("r")
                row, column = coordinate_to_tuple(place) if place else (row, column + 1)
                children = {child.tag.rpartition("}")[2]: child for child in element}
                if "f" in children:
                    value = children.get("v")
                    formulas[row - 1, column - 1] = value is not None and value.text is not None
                if element.get("t") == "e":
                    errors.add((row - 1, column - 1))
                element.clear()
            elif kind == "row":
                if element.get("hidden") in ("1", "true"):
                    rows.add(row - 1)
                element.clear()
            elif kind == "col" and element.get("hidden") in ("1", "true"):
                columns |= {
                    *range(int(element.get("min")) - 1, min(int(element.get("max")), 16384))
                }
            elif kind == "mergeCell":
                ref = label(element.get("ref"))
                left, top, right, bottom = (side or 1 for side in range_boundaries(ref))
                # Ranges may lie on one another a million times: what is looked at is counted.
                counted += (right - left + 1) * (bottom - top + 1)
                if counted <= MOST_ROWS:
                    places = [
                        (i - 1, j - 1)
                        for i in range(top, bottom + 1)
                        for j in range(left, right + 1)
                    ]
                    merged |= dict.fromkeys(places[1:], ref)
    return Markup(formulas, frozenset(errors), frozenset(rows), frozenset(columns), merged)


def _with_errors(grid: Rows, markup: Markup) -> Rows:
    if not markup.errors:
        return grid
    return [
        [Error(cell) if (i, j) in markup.errors else cell for j, cell in enumerate(row)]
        for i, row in enumerate(grid)
    ]


def _hidden(markup: Markup, region: Region, grid: Rows) -> list[str]:
    """Say which rows and columns of a table are not seen but read."""
    rows = [i for i in range(region.top, region.bottom + 1) if i in markup.hidden_rows]
    columns = [j for j in region.columns if j in markup.hidden_columns]
    notes = []
    if rows:
        said = f"row {rows[0] + 1} is" if len(rows) == 1 else f"{len(rows)} rows are"
        notes.append(f"{said} hidden, and read as well.")
    if columns:
        named = listed([name_in(grid[region.top][j]) or letter(j) for j in columns])
        notes.append(f"hidden, and read as well: {named}.")
    return notes


# --- The cells ----------------------------------------------------------------------------


def _named(where: str, book: Any, sheet: str | int | None, cells: str) -> tuple[Any, str]:
    """Return the sheet and the cells of a range, which may have a name."""
    text = cells.strip()
    if not CELLS.fullmatch(text.rpartition("!")[2].strip()):
        text = _defined(book, text) or text
    before, mark, after = text.rpartition("!")
    after = after.strip()
    if not CELLS.fullmatch(after):
        raise InputError(
            f"{where}, range: expected cells, such as B3:E20 or Sheet1!B3:E20, or the name of a"
            f" range or table, found {shown(label(cells))}; say it so."
        )
    if not mark:
        return sheet, after
    named = before.strip()
    if len(named) > 1 and named[0] == named[-1] == "'":
        named = named[1:-1].replace("''", "'")
    if sheet is not None and find(str(sheet), [named])[0] == []:
        raise InputError(
            f"{where}: --sheet says {shown(label(sheet))}, and --range {shown(label(named))};"
            " say one."
        )
    return named, after


def _defined(book: Any, name: str) -> str | None:
    """Return the cells that a name stands for: of a range, or of a table."""
    for scope in (book, *book.worksheets):
        for known, defined in getattr(scope, "defined_names", {}).items():
            if known.casefold() == name.casefold() and isinstance(defined.attr_text, str):
                return defined.attr_text
    return _table(book, name)


def _table(book: Any, name: str) -> str | None:
    from openpyxl.packaging.relationship import get_dependents, get_rels_path
    from openpyxl.worksheet.table import Table
    from openpyxl.xml.functions import fromstring

    kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/table"
    archive = book._archive
    for tab in book.worksheets:
        rels = get_rels_path(tab._worksheet_path)  # type: ignore[no-untyped-call]
        if rels not in archive.namelist():
            continue
        for each in get_dependents(archive, rels).find(kind):
            table: Any = Table.from_tree(fromstring(archive.read(each.target)))
            if name.casefold() in (str(table.displayName).casefold(), str(table.name).casefold()):
                left, _, right = str(table.ref).partition(":")
                if table.totalsRowCount:
                    digits = re.sub(r"\D", "", right)
                    right = right.removesuffix(digits) + str(int(digits) - table.totalsRowCount)
                title = str(tab.title).replace("'", "''")
                return f"'{title}'!{left}:{right}"
    return None


# --- Formulas -----------------------------------------------------------------------------


def _is_computed(book: Any) -> bool:
    """Whether a workbook does not ask to be computed when it is opened, as those that no
    spreadsheet program has saved do.
    """
    from openpyxl.xml.functions import fromstring

    # openpyxl takes what is not said for a yes.
    names = [name for name in book._archive.namelist() if name.endswith("/workbook.xml")]
    for each in fromstring(book._archive.read(names[0])) if names else ():
        if each.tag.endswith("}calcPr"):
            said = {name: value in ("1", "true") for name, value in each.attrib.items()}
            asks = said.get("fullCalcOnLoad") or said.get("forceFullCalc")
            return not asks and said.get("calcCompleted", True)
    return True


def _computed(path: Path, sheet: str, markup: Markup) -> dict[tuple[int, int], object]:
    """Return the values that IronCalc computes for the formulas of a sheet, by row and column from
    0: all of them, since a value that is stored may come from one that is not. Nothing if it can't.
    """
    try:
        with _recalculated(path) as book:
            tab = book[sheet]
            grid = _with_errors(grid_of(label(path), tab), _markup(tab))
    except CellpropError:
        return {}
    return {place: at(grid, *place) for place in markup.formulas}


def _with_values(grid: Rows, values: Mapping[tuple[int, int], object]) -> Rows:
    if not values:
        return grid
    height, width = (1 + max(place[side] for place in values) for side in (0, 1))
    width = max([width, *map(len, grid[:1])])
    cells = [[*row, *[None] * (width - len(row))] for row in grid]
    cells += [[None] * width for _ in range(height - len(cells))]
    for (row, column), value in values.items():
        cells[row][column] = value
    return cells


def _check_computed(
    where: str, needed: Collection[tuple[int, int]], computed: Mapping[tuple[int, int], object]
) -> None:
    """Refuse a table with formulas that could not be computed."""
    remedy = "open the workbook in a spreadsheet program and save it there"
    for row, column in sorted(needed):
        value = computed.get((row, column))
        if value is None or isinstance(value, Error):
            found = "nothing" if value is None else f"the error {label(value)}"
            raise InputError(
                f"{where}, row {row + 1}, column {letter(column)}: has a formula without a value"
                f" that a spreadsheet program stored, and computed here it gives {found}; {remedy}."
            )


@contextmanager
def _recalculated(path: Path) -> Iterator[Any]:
    from cellprop.files.recalculating import recalculate

    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        target = Path(folder, "out.xlsx")
        try:
            recalculate(path, target)
        except Exception:  # whatever stopped it
            raise InputError("can't be computed.") from None
        with workbook(target) as book:
            yield book
