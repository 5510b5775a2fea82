"""Readers of a sheet's XML: the cells of some rectangles, all formulas, or texts in full."""

from __future__ import annotations

from cellprop.files.costs import Workload
from cellprop.files.elements import MOST_STRINGS, Element, ElementReader, added
from cellprop.files.entries import (
    AREA,
    CELL,
    MOST_CELLS,
    WHOLE,
    Block,
    StoredCell,
    StoredCells,
    column_number,
    unescaped,
    value_of,
)
from cellprop.limits import LONGEST_FORMULAS_SENT, MOST_COLUMNS, MOST_FORMULAS_SENT, MOST_ROWS


class CellReader(ElementReader):
    """The cells of some rectangles, and which shared text those hold that hold one."""

    def __init__(self, *blocks: Block) -> None:
        super().__init__()
        self._areas = [
            (range(p.row, p.row + p.rows), range(p.column, p.column + p.columns)) for p in blocks
        ]
        self._rows = range(
            min(rows.start for rows, _ in self._areas), max(rows.stop for rows, _ in self._areas)
        )
        self._row = self._column = 0
        self._is_beside = False
        self.found: StoredCells = {}
        # Where an array's formula without a value stands.
        self.arrays: set[tuple[int, int]] = set()
        self._spread = 0
        self.shared: dict[tuple[int, int], int] = {}

    def begins(self, kind: str, attributes: dict[str, str]) -> bool:
        """Whether an element is a cell of one of the rectangles."""
        if kind == "c":
            return not self._is_beside and self._begin_cell(attributes.get("r"))
        if kind == "row":
            self._begin_row(attributes.get("r"))
        return False

    def _begin_row(self, number: str | None) -> None:
        self._column = 0
        if number is None:  # it follows the row before, as a cell does; but its cells may know
            self._row, self._is_beside = self._row + 1, False
            return
        self._row = int(number) if WHOLE.fullmatch(number) else 0
        self._is_beside = self._row not in self._rows
        if self._row >= self._rows.stop:  # rows come in order
            self.stop()

    def _begin_cell(self, reference: str | None) -> bool:
        self._column += 1
        if reference is not None:
            match = CELL.fullmatch(reference)
            if match is None:
                return False
            self._row, self._column = int(match[2]), column_number(match[1])
        for rows, columns in self._areas:  # noqa: SIM110 - `any` would take twice as long
            if self._row in rows and self._column in columns:
                return True
        return False

    def ends(self, record: Element) -> None:
        """Keep what the cell holds."""
        position = self._row, self._column
        kind, text = record.attributes.get("t", "n"), record.text.strip()
        self.shared.pop(position, None)
        if kind == "s":
            self.shared[position] = int(text) if WHOLE.fullmatch(text) else MOST_STRINGS
        is_formula = "f" in record.within
        # A formula may have an empty text for its value, but then the cell says that it is one.
        is_empty_text = kind == "str" and "v" in record.within
        is_missing = is_formula and not text and not is_empty_text
        self.found[position] = StoredCell(
            value_of(kind, text), is_formula, is_missing,
            spills=is_missing and "cm" in record.attributes,
            style=record.attributes.get("s", ""), kind=kind,
        )  # fmt: skip
        if is_missing and record.formula.get("t") == "array":
            self._spread_over(record.formula.get("ref", ""))

    def _spread_over(self, reference: str) -> None:
        """Let an array's formula stand in all its cells, of which only the first has it."""
        match = AREA.fullmatch(reference)
        if match is None:
            return
        top, bottom = int(match[2]), int(match[4]) + 1
        left, right = column_number(match[1]), column_number(match[3]) + 1
        for wanted_rows, wanted_columns in self._areas:
            rows = range(max(top, wanted_rows.start), min(bottom, wanted_rows.stop))
            columns = range(max(left, wanted_columns.start), min(right, wanted_columns.stop))
            self._spread += len(rows) * len(columns)
            if self._spread > MOST_CELLS:  # arrays that lie upon each other
                raise ValueError
            self.arrays.update((i, j) for i in rows for j in columns)


class FormulaReader(CellReader):
    """The formulas of a whole sheet."""

    kept = frozenset({"f"})

    def __init__(self, sheet: str, work: Workload) -> None:
        super().__init__(Block(sheet, 1, 1, MOST_ROWS, MOST_COLUMNS))
        self._sheet, self._work = sheet, work
        self._masters: dict[str, str] = {}
        # Whether each formula stands in its own cell, and in no other.
        self.is_simple = True

    def ends(self, record: Element) -> None:
        """Count what the formula of the cell costs."""
        cell = self._sheet, self._row, self._column
        self._work.reaches(*cell)
        if "f" not in record.within:
            return
        kind, number = record.formula.get("t"), record.formula.get("si", "")
        self.is_simple &= kind not in ("shared", "array", "dataTable")
        text = record.text
        if kind == "shared":
            text = self._masters.setdefault(number, text) if text else self._masters.get(number, "")
        times = 1
        if kind == "array" and (match := AREA.fullmatch(record.formula.get("ref", ""))):
            rows = abs(int(match[4]) - int(match[2])) + 1
            times = rows * (abs(column_number(match[3]) - column_number(match[1])) + 1)
        self._work.add(cell, text, times)
        if len(self._work) > MOST_FORMULAS_SENT or self._work.length > LONGEST_FORMULAS_SENT:
            raise ValueError


class TextReader(CellReader):
    """The texts of a rectangle's cells in full."""

    def __init__(self, block: Block) -> None:
        super().__init__(block)
        self.texts: dict[tuple[int, int], str] = {}
        self._length = 0

    def ends(self, record: Element) -> None:
        """Keep the text of the cell in full."""
        position, text = (self._row, self._column), record.text.strip()
        if record.attributes.get("t") == "s":
            self.shared[position] = int(text) if WHOLE.fullmatch(text) else MOST_STRINGS
            return
        self.texts[position] = unescaped(text)
        self._length = added(self._length, text)
