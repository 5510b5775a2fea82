"""What it costs to compute the formulas of somebody's workbook, told from their text alone.

Counts the cells that formulas read, before any engine is asked to compute them. Knows references,
names and a few functions; knows nothing of values, which is why what depends on values (how far
`OFFSET` moves, how long a `FACT` takes) counts as too much.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from cellprop.errors import InputError
from cellprop.files.safe import label
from cellprop.limits import (
    DEEPEST_FORMULA,
    LONGEST_FORMULA,
    MOST_COLUMNS,
    MOST_FORMULAS,
    MOST_READ,
    MOST_READ_BY_OURS,
    MOST_ROWS,
    check_count,
)

Cell = tuple[str, int, int]
"""The name of a sheet, a row and a column."""

# What these cost, or which cells they read, depends on values.
DEPENDS_ON_VALUES = frozenset({
    "FACT", "FACTDOUBLE", "COMBIN", "COMBINA", "PERMUT", "PERMUTATIONA", "MULTINOMIAL", "SERIESSUM",
    "SEQUENCE", "RANDARRAY", "MAKEARRAY", "MUNIT", "EXPAND", "OFFSET", "INDIRECT", "LAMBDA", "LET",
    "MAP", "REDUCE", "SCAN", "BYROW", "BYCOL",
})  # fmt: skip
# These may go through one range for each cell of another.
PAIRS = frozenset({
    "COUNTIF", "COUNTIFS", "SUMIF", "SUMIFS", "AVERAGEIF", "AVERAGEIFS", "MAXIFS", "MINIFS",
    "MATCH", "XMATCH", "LOOKUP", "VLOOKUP", "HLOOKUP", "XLOOKUP", "FILTER", "SORT", "SORTBY",
    "UNIQUE", "FREQUENCY", "RANK", "RANK.EQ", "RANK.AVG", "PERCENTRANK", "MMULT", "MINVERSE",
    "MDETERM",    "CORREL", "LINEST",
})  # fmt: skip
JOINS = frozenset({"CONCAT", "CONCATENATE", "TEXTJOIN", "REPT", "SUBSTITUTE", "REPLACE"})
# Twice as deep as anything needs that names names.
DEEPEST_NAME = 8
TOO_MUCH = 10**15
# More cells of ranges than this are not gone through to find what depends on what, and of pairs of
# a cell and one that reads it no more are kept.
MOST_PAIRS, MOST_KEPT_PAIRS = 20_000_000, 4_000_000

_CELL = r"\$?([A-Z]{1,3})\$?([0-9]{1,7})"
_TOKEN = re.compile(
    r'"(?:[^"]|"")*"?'
    r"|(?:(?:'((?:[^']|''){0,62})'|([^\W\d][\w.]*))!)?"
    rf"(?:{_CELL}(?::{_CELL})?|\$?([A-Z]{{1,3}}):\$?([A-Z]{{1,3}})|\$?([0-9]{{1,7}}):\$?([0-9]{{1,7}}))"
    r"(?![\w.(!])"
    r"|([^\W\d][\w.]*)(\s*\()?"
    r"|([()&])"
    r"|[0-9]+(?:\.[0-9]*)?(?:E[+-]?[0-9]+)?",
    re.IGNORECASE,
)
_OPERAND = r"(TRANSPOSE\()?((?:'[^']+'!|[\w.]+!)?\$?[A-Z]{1,3}\$?\d+(?::\$?[A-Z]{1,3}\$?\d+)?)\)?"
# A product as we write it, of which it can be told what it costs.
_PRODUCT = re.compile(rf"MMULT\({_OPERAND},{_OPERAND}\)", re.IGNORECASE)


class Area(NamedTuple):
    """A rectangle of cells that a formula reads; `whole` if it is one of whole rows or columns."""

    sheet: str
    top: int
    left: int
    bottom: int
    right: int
    whole: bool = False

    @property
    def shape(self) -> tuple[int, int]:
        """How many rows and columns it has."""
        return self.bottom - self.top + 1, self.right - self.left + 1

    def cells(self) -> Iterator[Cell]:
        """Yield its cells."""
        for row in range(self.top, self.bottom + 1):
            for column in range(self.left, self.right + 1):
                yield self.sheet, row, column

    def holds(self, cell: Cell) -> bool:
        """Whether it has a cell."""
        sheet, row, column = cell
        return (
            sheet == self.sheet
            and self.top <= row <= self.bottom
            and self.left <= column <= self.right
        )


@dataclass
class Formula:
    """What the text of a formula says of its cost.

    Attributes:
        areas: What it reads, of the sheets it names or its own.
        names: Other words in it, which may be names of ranges; in small letters.
        functions: What it calls, in capitals.
        joins: Whether it makes a text out of several.
        is_monstrous: Whether no engine should be asked to read it.
    """

    text: str
    sheet: str
    areas: list[Area] = field(default_factory=list)
    names: set[str] = field(default_factory=set)
    functions: set[str] = field(default_factory=set)
    joins: bool = False
    is_monstrous: bool = False

    def __post_init__(self) -> None:
        self.text = self.text.removeprefix("=")
        if len(self.text) > LONGEST_FORMULA:
            self.is_monstrous = True
            return
        depth = 0
        for match in _TOKEN.finditer(self.text):
            mark, word = match[13], match[11]
            if mark == "&":
                self.joins = True
            elif mark == ")":
                depth -= 1
            elif mark or match[12]:
                depth += 1
                self.is_monstrous |= depth > DEEPEST_FORMULA
            if word and match[12]:
                self.functions.add(word.upper().removeprefix("_XLFN.").removeprefix("_XLWS."))
            elif word:
                self.names.add(word.casefold())
            elif match[3] or match[7] or match[9]:
                self.areas.append(_area(match, self.sheet))
        self.joins |= bool(self.functions & JOINS)

    def cost(self, areas: list[Area]) -> int:
        """Return the number of cells that computing it may touch, if it reads some areas."""
        if self.is_monstrous or self.functions & DEPENDS_ON_VALUES:
            return TOO_MUCH
        shapes = sorted(rows * columns for rows, columns in (area.shape for area in areas))
        if not shapes:
            return 1
        if self.functions & PAIRS and len(shapes) > 1:
            product = self._product()
            if product:
                return product
            return sum(shapes) + shapes[-1] * shapes[-2]
        # Rows and columns that meet make a rectangle of as many.
        tallest, widest = (max(area.shape[side] for area in areas) for side in (0, 1))
        return max(sum(shapes), tallest * widest)

    def _product(self) -> int:
        """Return the number of cells that it touches if it is a product of two matrices; else 0."""
        found = list(_PRODUCT.finditer(self.text))
        if not found or self.functions & PAIRS != {"MMULT"}:
            return 0
        if len(re.findall(r"\bMMULT\s*\(", self.text, re.IGNORECASE)) != len(found):
            return 0
        cost = 0
        for match in found:
            (rows, inner), (_, columns) = (
                _shape(match[i + 1])[:: -1 if match[i] else 1] for i in (1, 3)
            )
            cost += rows * inner * columns
        return cost


def _shape(reference: str) -> tuple[int, int]:
    match = _TOKEN.fullmatch(reference)
    assert match is not None
    return _area(match, "").shape


def _area(match: re.Match[str], own: str) -> Area:
    sheet = match[1].replace("''", "'") if match[1] else match[2] or own
    if match[3]:
        left, top = _column(match[3]), int(match[4])
        right, bottom = (_column(match[5]), int(match[6])) if match[5] else (left, top)
        rows, columns = sorted((top, bottom)), sorted((left, right))
        whole = rows == [1, MOST_ROWS] or columns == [1, MOST_COLUMNS]
        return Area(sheet, rows[0], columns[0], rows[1], columns[1], whole)
    if match[7]:
        left, right = sorted((_column(match[7]), _column(match[8])))
        return Area(sheet, 1, left, MOST_ROWS, right, whole=True)
    top, bottom = sorted((int(match[9]), int(match[10])))
    return Area(sheet, top, 1, bottom, MOST_COLUMNS, whole=True)


def _column(letters: str) -> int:
    number = 0
    for letter in letters.upper():
        number = 26 * number + ord(letter) - 64
    return number


class Workload:
    """The formulas of a workbook, and what computing them costs.

    Parameters
    ----------
    names
        What the names of the workbook stand for, by the name in small letters.
    """

    def __init__(self, names: Mapping[str, str] | None = None) -> None:
        self._names = names or {}
        self._formulas: dict[Cell, Formula] = {}
        self._ends: dict[str, tuple[int, int]] = {}
        self._times: dict[Cell, int] = {}
        # Of their texts together.
        self.length = 0

    def __len__(self) -> int:
        return len(self._formulas)

    @property
    def is_monstrous(self) -> bool:
        """Whether there is a formula that no engine should be asked to read."""
        return any(formula.is_monstrous for formula in self._formulas.values())

    def reaches(self, sheet: str, row: int, column: int) -> None:
        """Note a cell that holds anything: whole columns are read as far as there are any."""
        bottom, right = self._ends.get(sheet, (1, 1))
        self._ends[sheet] = max(bottom, row), max(right, column)

    def add(self, cell: Cell, text: str, times: int = 1) -> None:
        """Add the formula of a cell; one of an array stands in so many."""
        self.put(cell, Formula(text, cell[0]), times)
        self.length += len(text)

    def put(self, cell: Cell, formula: Formula, times: int = 1) -> None:
        """Add a formula that was read already."""
        self.reaches(*cell)
        self._formulas[cell] = formula
        self._times[cell] = times

    def _areas(self, formula: Formula, depth: int = 0) -> Iterator[Area]:
        """Yield what a formula reads, by its names too, as far as there is anything."""
        for area in formula.areas:
            bottom, right = self._ends.get(area.sheet, (1, 1)) if area.whole else (0, 0)
            yield (
                area._replace(
                    bottom=max(area.top, min(area.bottom, bottom)),
                    right=max(area.left, min(area.right, right)),
                )
                if area.whole
                else area
            )
        for name in formula.names & self._names.keys():
            if depth >= DEEPEST_NAME:
                yield Area("", 1, 1, MOST_ROWS, MOST_COLUMNS)
                return
            yield from self._areas(Formula(self._names[name], formula.sheet), depth + 1)

    def read(self, cell: Cell) -> list[Area]:
        """Return the areas that the formula of a cell reads."""
        return list(self._areas(self._formulas[cell]))

    def cost(self, cell: Cell) -> int:
        """Return the number of cells that computing the formula of a cell may touch."""
        return self._formulas[cell].cost(self.read(cell)) * self._times[cell]

    def costly(self) -> set[Cell]:
        """Return the cells whose formulas cost too much."""
        found = {cell for cell in self._formulas if self.cost(cell) > MOST_READ}
        joins = {cell for cell, formula in self._formulas.items() if formula.joins}
        # A text made of texts that were made of texts doubles each time.
        return found | (joins & self.dependents(joins))

    def total(self, without: Iterable[Cell] = ()) -> int:
        """Return the number of cells that all formulas may touch together, without some."""
        return sum(map(self.cost, self._formulas.keys() - set(without)))

    def dependents(self, cells: Iterable[Cell]) -> set[Cell]:
        """Return the cells whose formulas read one of some cells, or what was computed from it;
        all, if there are too many to tell.
        """
        left, found = list(cells), set[Cell]()
        if not left:
            return found
        readers = self._readers({*self._formulas, *left})
        if readers is None:
            return set(self._formulas)
        while left:
            new = [each for each in readers.get(left.pop(), ()) if each not in found]
            found.update(new)
            left += new
        return found

    def _readers(self, wanted: set[Cell]) -> Mapping[Cell, list[Cell]] | None:
        """Return the cells whose formulas read each of some cells; None if that takes too long."""
        there: dict[str, list[Cell]] = {}
        for each in wanted:
            there.setdefault(each[0], []).append(each)
        found: dict[Cell, list[Cell]] = {}
        looked_at = kept = 0
        for cell in self._formulas:
            for area in set(self.read(cell)):
                on_sheet = there.get(area.sheet, [])
                rows, columns = area.shape
                looked_at += 1 + min(rows * columns, len(on_sheet))
                if looked_at > MOST_PAIRS or kept > MOST_KEPT_PAIRS:
                    return None
                inside = (
                    wanted.intersection(area.cells())
                    if rows * columns < len(on_sheet)
                    else filter(area.holds, on_sheet)
                )
                for each in inside:
                    found.setdefault(each, []).append(cell)
                    kept += 1
        return found


def _coordinate(row: int, column: int) -> str:
    letters = ""
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(65 + rest) + letters
    return f"{letters}{row}"


# An area of more cells than this is taken to hold a formula, rather than gone through.
MOST_LOOKED_AT = 64


def _may_hold(area: Area, formulas: Container[tuple[str, str]]) -> bool:
    rows, columns = area.shape
    return rows * columns > MOST_LOOKED_AT or any(
        (area.sheet, _coordinate(row, column)) in formulas
        for row in range(area.top, area.bottom + 1)
        for column in range(area.left, area.right + 1)
    )


# Of so many that read the same rows it is told which do.
MOST_READERS = 1_000


class Tally:
    """What the formulas of one of our workbooks cost, counted one by one as they are read.

    Parameters
    ----------
    where
        The file, as errors name it.
    names
        What the names of the workbook stand for.
    """

    # Of so many it can be told which make texts out of texts.
    MOST_KEPT = 50_000

    def __init__(self, where: str, names: Mapping[str, str]) -> None:
        self._where = where
        self._names = {name.casefold(): text for name, text in names.items()}
        self._kept = Workload(self._names)
        self._count = self._total = 0
        self._joins = ""
        # What formulas that make texts read, and which formulas these are.
        self._joined: set[Area] = set()
        self._joining: set[Cell] = set()
        # Which formulas read rows from a first to a last of a sheet, and what; not if too many do.
        self._readers: dict[tuple[str, int, int], list[tuple[Cell, Area]]] = {}

    def add(self, sheet: str, row: int, column: int, text: str) -> None:
        """Count the formula of a cell.

        Raises
        ------
        InputError
            If it costs more than any of ours, or all together do.
        """
        one = Workload(self._names)
        cell, formula = (sheet, row, column), Formula(text, sheet)
        one.put(cell, formula)
        read = one.read(cell)
        for other in (sheet, *(area.sheet for area in read)):
            one.reaches(other, MOST_ROWS, MOST_COLUMNS)
        if any(area.whole for area in read):
            read = one.read(cell)  # whole rows and columns, to their ends
        cost = one.cost(cell)
        if cost > MOST_READ:
            raise self._refused(cell)
        self._count, self._total = self._count + 1, self._total + cost
        check_count(self._where, "formulas", self._count, MOST_FORMULAS, "use fewer samples")
        check_count(
            self._where, "cells that formulas read", self._total, MOST_READ_BY_OURS,
            "use fewer samples",
        )  # fmt: skip
        if self._count <= self.MOST_KEPT:
            self._kept.put(cell, formula)
        for area in read:
            readers = self._readers.setdefault((area.sheet, area.top, area.bottom), [])
            if len(readers) <= MOST_READERS:
                readers.append((cell, area))
        if formula.joins:
            self._joins = self._joins or f"{label(sheet)}!{_coordinate(row, column)}"
            self._joined.update(read)
            self._joining.add(cell)

    def finish(self, formulas: Container[tuple[str, str]]) -> None:
        """Refuse formulas that make texts out of texts, which may double with each.

        Parameters
        ----------
        formulas
            The sheet and the coordinate of each cell that has one.

        Raises
        ------
        InputError
            If there is one.
        """
        # Ours are made of what was typed only; then no other needs to be looked at.
        if not any(_may_hold(area, formulas) for area in self._joined):
            return
        if self._count > self.MOST_KEPT:
            if self._leads_nowhere():
                return
            raise InputError(
                f"{self._where}: expected at most {self.MOST_KEPT:,} formulas where one joins texts"
                f" that formulas compute, as {self._joins} does, found {self._count:,}; remove that"
                f" formula."
            )
        found = self._kept.costly()
        if found:
            raise self._refused(min(found))

    def _leads_nowhere(self) -> bool:
        """Whether surely no formula that makes a text reads one that was made, or what comes of it:
        false as well if too many formulas read where these stand.
        """
        left, found = list(self._joining), set(self._joining)
        while left:
            cell = left.pop()
            for (sheet, top, bottom), readers in self._readers.items():
                if sheet != cell[0] or not top <= cell[1] <= bottom:
                    continue
                if len(readers) > MOST_READERS:
                    return False
                new = {reader for reader, area in readers if area.holds(cell)}
                if new & self._joining:
                    return False
                left += new - found
                found |= new
        return True

    def _refused(self, cell: Cell) -> InputError:
        sheet, row, column = cell
        return InputError(
            f"{self._where}, {label(sheet)}!{_coordinate(row, column)}: its formula may take more"
            f" time or memory than {MOST_READ:,} cells would; remove it, or read fewer cells."
        )
