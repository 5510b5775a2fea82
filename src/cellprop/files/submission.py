"""Reading cells from a workbook that somebody sent back: hostile until proven otherwise.

Knows which rectangles are asked for and whether a formula there has its value; knows nothing of
networks, questions or marks. `parts` reads the archive, `recalculating` computes what is missing.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable, Mapping, Set
from functools import cached_property
from pathlib import Path

from cellprop.errors import InputError
from cellprop.files.entries import (
    CELL_NOT_COMPUTED,
    MOST_CELLS,
    NOT_COMPUTED,
    Block,
    Entry,
    StoredCell,
    StoredCells,
    column_number,
)
from cellprop.files.opening import Value, content, suffix_of
from cellprop.files.parts import Archive
from cellprop.files.recalculating import compute
from cellprop.files.safe import label
from cellprop.limits import MOST_COLUMNS, MOST_ROWS, SUBMISSION, FileKind

# A reference to one range of this workbook, with the sheet in quotation marks if need be.
_RANGE = re.compile(
    r"(?:'((?:[^']|'')+)'|([\w.]+))!\$?([A-Z]{1,3})\$?([1-9][0-9]{0,6})"
    r"(?::\$?([A-Z]{1,3})\$?([1-9][0-9]{0,6}))?"
)
# What IronCalc says where it is at its own limits: a function or a notation that it does not know,
# an array where it expects a number. Other errors, such as #DIV/0!, are the formula's own.
LIMITS = {NOT_COMPUTED, "#N/IMPL", "#N/IMPL!", "#NAME?", "#ERROR!", "#VALUE!"}


def opened(path: Path, kind: FileKind = SUBMISSION) -> Submission:
    """Open a workbook that somebody sent back, which may cost what its kind may.

    Raises
    ------
    InputError
        If it is no workbook, or a damaged, dangerous or very large one; the message is one line
        that names the file and says what to do.
    """
    suffix_of(path, "", ())
    return Submission(path, content(path, kind), kind)


class Submission:
    """A workbook that somebody sent back; `opened` makes it.

    Attributes:
        path: The file.
        properties: The document's own properties that are texts, as they stand in the file: they
            are not made safe to show. Empty where there are none.
        sheets: The names of the worksheets in order, safe to show.
        computed: Whether, so far, a value that was asked for had to be computed, since the file
            holds a formula without its value.
    """

    def __init__(self, path: Path, data: bytes, kind: FileKind = SUBMISSION) -> None:
        self.path = path
        self._book = Archive(label(path), data, kind)
        self.properties: Mapping[str, str] = self._book.properties
        self.sheets = tuple(self._book.sheets)
        self.computed = False
        self._ahead: dict[Block, StoredCells] = {}
        # The cells whose formulas are not computed, since one costs too much.
        self._left_out: Set[tuple[str, int, int]] = frozenset()

    def named(self, name: str) -> Block | None:
        """Return the block for which a defined name now stands: programs move it with its cells.

        None if the name is missing, or stands for anything but one range of at most a million
        cells on a sheet that is there.
        """
        match = _RANGE.fullmatch(self._book.names.get(name.casefold(), ""))
        if match is None:
            return None
        sheet = label((match[1] or match[2]).replace("''", "'"))
        left, right = column_number(match[3]), column_number(match[5] or match[3])
        top, bottom = int(match[4]), int(match[6] or match[4])
        rows, columns = bottom - top + 1, right - left + 1
        is_there = sheet in self._book.sheets and bottom <= MOST_ROWS and right <= MOST_COLUMNS
        if not is_there or rows < 1 or columns < 1 or rows * columns > MOST_CELLS:
            return None
        return Block(sheet, top, left, rows, columns)

    def cells(self, block: Block) -> list[list[Value]]:
        """Return the values of the cells of a rectangle, row by row.

        A finite number; a text, safe to show and short; or None for an empty cell or text. Dates
        are their serial numbers; TRUE, FALSE and errors such as #DIV/0! are texts. A formula
        counts as its stored value; where the rectangle has one without, all its formulas are
        computed, and one that can't be is the text "formula".

        Raises
        ------
        InputError
            If the sheet is damaged.
        """
        return [[found.value for found in row] for row in self.found(block)]

    def found(self, block: Block) -> list[list[Entry]]:
        """Return the same, with what else there is to know of each cell.

        Raises
        ------
        InputError
            If the sheet is damaged.
        """
        cells = self._ahead.pop(block, None)
        if cells is None:
            cells = self._book.cells(block)
        if any(cell.is_missing for cell in cells.values()):
            self.computed = True
            cells = self._with_computed(block, cells)
        columns = range(block.column, block.column + block.columns)
        rows = range(block.row, block.row + block.rows)
        nothing = Entry(None)
        return [
            [self._found(cells[i, j]) if (i, j) in cells else nothing for j in columns]
            for i in rows
        ]

    def read_ahead(self, blocks: Iterable[Block]) -> None:
        """Read rectangles that will be asked for, each sheet once.

        Raises
        ------
        InputError
            If a sheet is damaged.
        """
        by_sheet: dict[str, list[Block]] = {}
        for block in blocks:
            by_sheet.setdefault(block.sheet, []).append(block)
        for together in by_sheet.values():
            cells = self._book.cells(*together)
            for block in together:
                rows = range(block.row, block.row + block.rows)
                columns = range(block.column, block.column + block.columns)
                self._ahead[block] = {
                    (i, j): cell for (i, j), cell in cells.items() if i in rows and j in columns
                }

    def _found(self, cell: StoredCell) -> Entry:
        return Entry(cell.value, self._book.date_of(cell), cell.is_unread)

    def texts(self, block: Block) -> dict[tuple[int, int], str]:
        """Return the texts of the cells of a rectangle, by row and column, as they are stored: in
        full, and not safe to show. Nothing for those that are empty.

        Raises
        ------
        InputError
            If the sheet is damaged, or holds more text than any of ours.
        """
        return self._book.texts(block)

    def _with_computed(self, block: Block, found: StoredCells) -> StoredCells:
        try:
            computed = self._recalculated.cells(block) if self._recalculated else {}
        except InputError:
            computed = {}
        cells = dict(found)
        for position, cell in found.items():
            if not cell.is_formula:
                continue
            new = computed.get(position, CELL_NOT_COMPUTED if cell.is_missing else cell)
            if (block.sheet, *position) in self._left_out:
                new = CELL_NOT_COMPUTED
            if new.value not in LIMITS:
                cells[position] = new
            elif cell.is_missing:  # where a value is stored, it is better than none
                cells[position] = new._replace(is_unread=True)
        if any(cell.spills for cell in found.values()):
            cells = {position: cell for position, cell in computed.items() if cell.value} | cells
        return cells

    @cached_property
    def _recalculated(self) -> Archive | None:
        """The workbook with values that IronCalc computed; None if it can't, or if that would cost
        too much.
        """
        try:
            left_out = self._book.costly()
        except Exception:  # a part that is damaged, or has formulas without end
            return None
        if left_out is None:
            return None
        self._left_out = left_out
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            source, target = Path(folder, "in.xlsx"), Path(folder, "out.xlsx")
            try:
                self._book.copy(source)
                compute(source, target, left_out)
                return Archive(label(self.path), content(target, SUBMISSION))
            except Exception:  # whatever stopped it: what can't be computed is told cell by cell
                return None
