"""Reading cells from a workbook that somebody sent back: hostile until proven otherwise.

Knows archives, XML and cells; knows nothing of networks, questions or marks. One pass of Python's
own XML parser over a sheet finds the cells that are asked for, so what is kept of it depends on
what was asked, not on where else a file has cells or claims to have them. Formulas without a
stored value are computed in a process of its own, which may fail without harm.
"""

from __future__ import annotations

import io
import json
import math
import posixpath
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Set
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property, reduce
from itertools import pairwise
from pathlib import Path
from typing import IO, NamedTuple
from xml.parsers import expat

from cellprop.errors import CellpropError, InputError
from cellprop.files.costs import Workload
from cellprop.files.data import label
from cellprop.files.opening import PACKED, Value, check_unlocked, content, suffix_of
from cellprop.limits import (
    DEEPEST_XML,
    LONGEST_FORMULAS_SENT,
    LONGEST_TAG,
    MEMORY,
    MOST_COLUMNS,
    MOST_FORMULAS_SENT,
    MOST_NAMES,
    MOST_READ_BY_ALL,
    MOST_ROWS,
    SECONDS,
    SHEETS,
    SUBMISSION,
    FileKind,
    check_count,
    check_size,
)

# A name for more cells than this is none of ours.
MOST_CELLS = 1_000_000
# Of a text so much is returned; a cell of Excel stores up to 32,767 characters.
LONGEST_SHOWN, LONGEST_STORED = 100, 32_767
# What stands for the value of a formula that has none and can't be computed.
NOT_COMPUTED = "formula"


@dataclass(frozen=True)
class Block:
    """A rectangle of cells.

    Attributes:
        sheet: The name of its sheet.
        row, column: Its first cell, counted from 1.
        rows, columns: Its size.
    """

    sheet: str
    row: int
    column: int
    rows: int
    columns: int


class Entry(NamedTuple):
    """What a cell holds.

    Attributes:
        value: As `Submission.cells` has it.
        date: The date or time that it shows, if it is one that a program made of a number that was
            typed: `a date: 2026-05-01`.
        is_unread: Whether it is a formula without a stored value that can't be computed here. That
            is no fault of whoever wrote it.
    """

    value: Value
    date: str = ""
    is_unread: bool = False


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
        self._book = _Book(label(path), data, kind)
        self.properties: Mapping[str, str] = self._book.properties
        self.sheets = tuple(self._book.sheets)
        self.computed = False
        self._ahead: dict[Block, _Cells] = {}
        # The cells whose formulas are not computed, since one costs too much.
        self._left_out: Set[tuple[str, int, int]] = frozenset()

    def named(self, name: str) -> Block | None:
        """Return where a defined name now stands: programs move names along with their cells.

        None if the name is missing, or stands for anything but one range of at most a million
        cells on a sheet that is there.
        """
        match = _RANGE.fullmatch(self._book.names.get(name.casefold(), ""))
        if match is None:
            return None
        sheet = label((match[1] or match[2]).replace("''", "'"))
        left, right = _column_number(match[3]), _column_number(match[5] or match[3])
        top, bottom = int(match[4]), int(match[6] or match[4])
        rows, columns = bottom - top + 1, right - left + 1
        is_there = sheet in self._book.sheets and bottom <= MOST_ROWS and right <= MOST_COLUMNS
        if not is_there or rows < 1 or columns < 1 or rows * columns > MOST_CELLS:
            return None
        return Block(sheet, top, left, rows, columns)

    def cells(self, block: Block) -> list[list[Value]]:
        """Return what the cells of a rectangle hold, row by row.

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

    def _found(self, cell: _Cell) -> Entry:
        return Entry(cell.value, self._book.date_of(cell), cell.is_unread)

    def texts(self, block: Block) -> dict[tuple[int, int], str]:
        """Return what the cells of a rectangle hold, by row and column, as it is stored: in full,
        and not safe to show. Nothing for those that are empty.

        Raises
        ------
        InputError
            If the sheet is damaged, or holds more text than any of ours.
        """
        return self._book.texts(block)

    def _with_computed(self, block: Block, found: _Cells) -> _Cells:
        try:
            computed = self._recalculated.cells(block) if self._recalculated else {}
        except InputError:
            computed = {}
        cells = dict(found)
        for position, cell in found.items():
            if not cell.is_formula:
                continue
            new = computed.get(position, _NOT_COMPUTED if cell.is_missing else cell)
            if (block.sheet, *position) in self._left_out:
                new = _NOT_COMPUTED
            if new.value not in _LIMITS:
                cells[position] = new
            elif cell.is_missing:  # where a value is stored, it is better than none
                cells[position] = new._replace(is_unread=True)
        if any(cell.spills for cell in found.values()):
            cells = {position: cell for position, cell in computed.items() if cell.value} | cells
        return cells

    @cached_property
    def _recalculated(self) -> _Book | None:
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
                _recalculate(source, target, left_out)
                return _Book(label(self.path), content(target, SUBMISSION))
            except Exception:  # whatever stopped it: what can't be computed is told cell by cell
                return None


# --- Workbooks and their parts ------------------------------------------------------------

# A reference to one range of this workbook, with the sheet in quotation marks if need be.
_RANGE = re.compile(
    r"(?:'((?:[^']|'')+)'|([\w.]+))!\$?([A-Z]{1,3})\$?([1-9][0-9]{0,6})"
    r"(?::\$?([A-Z]{1,3})\$?([1-9][0-9]{0,6}))?"
)
_XML = (".xml", ".rels", ".vml")
_CHUNK = 64 * 1024
# Before its first element, a part may have a comment, but no book.
_LONGEST_PROLOG = 1024**2
_PROPERTY_TEXTS = {"lpwstr", "lpstr", "bstr"}


class _Book:
    """A workbook: its sheets, names and properties, and what its cells hold."""

    def __init__(self, where: str, data: bytes, kind: FileKind = SUBMISSION) -> None:
        self._where, self._kind = where, kind
        self._tags = 0
        check_unlocked(where, data)
        with _reading(where):
            self._archive = _checked_archive(where, data, kind)
            self._parts = set(self._archive.namelist())
            # Documents of other programs have none here, or one without sheets.
            (book,) = self._related("", "officeDocument").values()
            records = self._records(book, "workbookPr", "sheet", "definedName")
            worksheets = self._related(book, "worksheet")
            self._string_parts = self._related(book, "sharedStrings").values()
            self._style_parts = self._related(book, "styles").values()
            self.properties = self._properties()
        self.sheets: dict[str, str] = {}
        self.names: dict[str, str] = {}
        self._first_day = date(1899, 12, 30)
        for record in records:
            name = record.attributes.get("name", "")
            if record.attributes.get("date1904") in ("1", "true"):
                self._first_day = date(1904, 1, 1)
            if record.kind == "sheet" and record.relation in worksheets:
                self.sheets.setdefault(label(name), worksheets[record.relation])
            elif record.kind == "definedName" and "localSheetId" not in record.attributes:
                self.names.setdefault(name.casefold(), record.text)
        if not self.sheets:
            raise _damaged(where)

    def cells(self, *blocks: Block) -> _Cells:
        """Return the cells of rectangles of a sheet that it has, by row and column."""
        sheet = blocks[0].sheet
        if sheet not in self.sheets:
            return {}
        reader = _CellReader(*blocks)
        with _reading(self._where):
            self._parse(self.sheets[sheet], reader)
            for position, index in reader.shared.items():
                text = self._strings[index] if index < len(self._strings) else ""
                reader.found[position] = reader.found[position]._replace(value=_shown(text))
        for position in reader.arrays:
            if (cell := reader.found.get(position, _Cell(None))).value is None:
                reader.found[position] = cell._replace(is_formula=True, is_missing=True)
        return reader.found

    def date_of(self, cell: _Cell) -> str:
        """Return the date or time that a typed number was made, in words; nothing for a number."""
        if cell.is_formula or cell.value is None:
            return ""
        if cell.kind == "d":
            return f"a date: {cell.value}"
        if cell.kind != "n" or not isinstance(cell.value, float) or not _may_be_date(cell.value):
            return ""
        code = self._dates.get(cell.style, "")
        return _date(cell.value, code, self._first_day) if code else ""

    @cached_property
    def _dates(self) -> dict[str, str]:
        """The codes of the styles' formats that show dates or times, by the style's number."""
        reader = _StyleReader()
        try:
            with _reading(self._where):
                for part in self._style_parts:
                    self._parse(part, reader)
        except InputError:  # how a cell looks is not worth refusing a file
            return {}
        codes = {str(n): code for n, code in enumerate(map(reader.code, reader.formats))}
        return {number: code for number, code in codes.items() if code}

    def texts(self, block: Block) -> dict[tuple[int, int], str]:
        """Return the texts of a rectangle's cells in full, by row and column."""
        if block.sheet not in self.sheets:
            return {}
        reader = _TextReader(block)
        with _reading(self._where):
            self._parse(self.sheets[block.sheet], reader)
            strings = _WantedStrings(set(reader.shared.values()))
            if reader.shared:
                for part in self._string_parts:
                    self._parse(part, strings)
            for position, index in reader.shared.items():
                reader.texts[position] = strings.texts.get(index, "")
        return {position: text for position, text in reader.texts.items() if text}

    def costly(self) -> set[tuple[str, int, int]] | None:
        """Return the cells whose formulas cost too much to compute, and all that depend on them;
        None if nothing should be computed.
        """
        work = Workload(self.names)
        is_simple = True
        for sheet, part in self.sheets.items():
            reader = _FormulaReader(sheet, work)
            with _reading(self._where):
                self._parse(part, reader)
            is_simple &= reader.is_simple
        if work.is_monstrous:
            return None
        found = work.costly()
        if found and not is_simple:  # what a shared or an array's formula stands for is not known
            return None
        found |= work.dependents(found)
        return None if work.total(found) > MOST_READ_BY_ALL else found

    def copy(self, path: Path) -> None:
        """Write the parts that cells depend on, as they were read, into a new file."""
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as copy:
            for entry in self._archive.infolist():
                if not entry.filename.endswith(_XML):
                    continue
                with self._archive.open(entry) as stream:
                    part = stream.read(entry.file_size)
                # IronCalc takes an empty cell that calls itself a number, as openpyxl writes it,
                # for 0. That a cell holds a number need not be said.
                copy.writestr(entry.filename, part.replace(b' t="n"', b""))

    @cached_property
    def _strings(self) -> list[str]:
        """The texts that cells refer to by their number."""
        reader = _StringReader()
        for part in self._string_parts:
            self._parse(part, reader)
        return reader.found

    def _properties(self) -> dict[str, str]:
        return {
            record.attributes.get("name", ""): record.text
            for part in self._related("", "custom-properties", "customProperties").values()
            for record in self._records(part, "property")
            if record.within & _PROPERTY_TEXTS
        }

    def _related(self, part: str, *kinds: str) -> dict[str, str]:
        """Return the parts that a part (the whole file: "") relates to, by the relation's id."""
        folder, name = posixpath.split(part)
        found = {}
        for record in self._records(
            posixpath.join(folder, "_rels", f"{name}.rels"), "Relationship"
        ):
            relation = record.attributes
            target = posixpath.join("/", folder, relation.get("Target", ""))
            target = posixpath.normpath(target).lstrip("/")
            if relation.get("Type", "").rpartition("/")[2] in kinds and target in self._parts:
                found[relation.get("Id", "")] = target
        return found

    def _records(self, part: str, *kinds: str) -> list[_Record]:
        """Return the elements of some kinds in a part that says what there is."""
        check_size(self._where, self._archive.getinfo(part).file_size, self._kind.part)
        reader = _RecordReader(*kinds)
        self._parse(part, reader)
        return reader.found

    def _parse(self, part: str, reader: _ElementReader) -> None:
        """Read a part piece by piece, and refuse one that takes all memory or time nevertheless."""
        names: dict[str, str] = {}
        # It is in UTF-8, as every program writes it, whatever it says: "<" is one byte. Expat
        # would still take to UTF-16, where there is no "<" without a 0.
        parser = expat.ParserCreate("UTF-8", intern=names)
        parser.StartDoctypeDeclHandler = self._refuse_definitions
        reader.listen(parser)
        length = 0
        with self._archive.open(part) as stream:
            while not reader.is_done and (chunk := stream.read(_CHUNK)):
                self._tags += chunk.count(b"<")
                check_count(
                    self._where, "tags to read", self._tags, self._kind.tags,
                    "remove what is not needed",
                )  # fmt: skip
                parser.Parse(chunk, False)
                last = chunk.rfind(b"<")
                length = len(chunk) - last if last >= 0 else length + len(chunk)
                is_large = length > LONGEST_TAG or len(names) > MOST_NAMES
                if is_large or reader.depth > DEEPEST_XML or b"\0" in chunk:
                    raise _damaged(self._where)
        if not reader.is_done:
            parser.Parse(b"", True)

    def _refuse_definitions(self, *_: object) -> None:
        raise _has_definitions(self._where)


@contextmanager
def _reading(where: str) -> Iterator[None]:
    """Make one line of whatever a broken file raises."""
    try:
        yield
    except CellpropError:
        raise
    except Exception:
        raise _damaged(where) from None


def _damaged(where: str) -> InputError:
    return InputError(
        f"{where}: not an Excel workbook, or a damaged one; save it as .xlsx in Excel."
    )


def _checked_archive(where: str, data: bytes, kind: FileKind) -> zipfile.ZipFile:
    """Return an archive whose parts are what it says of them, in size above all."""
    count = data.count(b"PK\x01\x02")  # before zipfile makes a list of them
    check_count(where, "parts", count, kind.parts, "save it anew in Excel")
    archive = zipfile.ZipFile(io.BytesIO(data))
    entries = sorted(archive.infolist(), key=lambda entry: entry.header_offset)
    check_size(where, sum(entry.file_size for entry in entries), kind.unpacked, " unpacked")
    are_distinct = len({entry.filename.casefold() for entry in entries}) == len(entries)
    follow = all(a.header_offset + a.compress_size < b.header_offset for a, b in pairwise(entries))
    if not (are_distinct and follow and all(e.compress_type in PACKED for e in entries)):
        raise _damaged(where)
    for entry in entries:
        with archive.open(entry) as stream:
            if entry.filename.endswith(_XML):
                _check_prolog(where, stream)
            # To the end, which fails if a part is longer than was said. In pieces, since at once
            # it would be unpacked to whatever length it has.
            while stream.read(_CHUNK):
                pass
    return archive


def _check_prolog(where: str, stream: IO[bytes]) -> None:
    """Refuse a part with a document type definition, whatever its encoding."""
    started: list[str] = []
    parser = expat.ParserCreate()
    parser.StartElementHandler = lambda name, _: started.append(name)
    parser.StartDoctypeDeclHandler = lambda *_: started.append("")
    length, chunk = 0, stream.read(1024)
    while chunk and not started:
        try:
            parser.Parse(chunk, False)
        except (expat.ExpatError, LookupError, ValueError):
            # Not XML, or in an encoding that Python lacks. If it is needed, reading it will fail.
            break
        length += len(chunk)
        if length > _LONGEST_PROLOG:
            raise _damaged(where)
        chunk = stream.read(_CHUNK)
    if started[:1] == [""]:
        raise _has_definitions(where)


def _has_definitions(where: str) -> InputError:
    found = "a document type definition"
    expected = "XML as spreadsheet programs write it"
    return InputError(f"{where}: expected {expected}, found {found}; save it anew in Excel.")


# --- XML ----------------------------------------------------------------------------------

# A parser that reads piece by piece keeps the open elements, all names and one tag; no program
# comes near what those may be. Of what it finds, so much is kept.
_MOST_RECORDS, _MOST_STRINGS = 200_000, 500_000
# Of texts that are kept in full.
_MOST_TEXT = 128 * 1024**2
_TEXTS = {"v", "t", "definedName", *_PROPERTY_TEXTS}
_OF_STYLES = {"numFmts", "numFmt", "cellStyleXfs", "cellXfs", "cellStyles", "dxfs", "xf"}
_ELEMENTS = {
    "row", "c", "f", "si", "rPh", "workbookPr", "sheet", "Relationship", "property", *_TEXTS,
    *_OF_STYLES,
}  # fmt: skip

_CELL = re.compile(r"([A-Z]{1,3})([1-9][0-9]{0,6})")
_AREA = re.compile(r"([A-Z]{1,3})([1-9][0-9]{0,6}):([A-Z]{1,3})([1-9][0-9]{0,6})")
_WHOLE = re.compile(r"[0-9]{1,7}")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")


class _Cell(NamedTuple):
    """What a cell holds, whether by a formula, whether the formula's value is missing, or can't be
    computed; whether it may spill into others; the number of its style, and what kind it is.
    """

    value: Value
    is_formula: bool = False
    is_missing: bool = False
    is_unread: bool = False
    spills: bool = False
    style: str = ""
    kind: str = ""


_Cells = dict[tuple[int, int], _Cell]
_NOT_COMPUTED = _Cell(NOT_COMPUTED, is_formula=True)
# What IronCalc says where it is at its own limits: a function or a notation that it does not know,
# an array where it expects a number. Other errors, such as #DIV/0!, are the formula's own.
_LIMITS = {NOT_COMPUTED, "#N/IMPL", "#N/IMPL!", "#NAME?", "#ERROR!", "#VALUE!"}


@dataclass
class _Record:
    """An element: its attributes, which kinds of others are within it, and their text."""

    kind: str
    attributes: dict[str, str]
    within: set[str] = field(default_factory=set)
    text: str = ""
    # The attributes of a formula within it.
    formula: dict[str, str] = field(default_factory=dict)

    @property
    def relation(self) -> str:
        """The id of the relation that leads to the element's part."""
        return next((value for key, value in self.attributes.items() if key.endswith(":id")), "")


class _ElementReader:
    """What is wanted of a part: elements of some kinds, the outermost of them if they nest."""

    kept: Set[str] = _TEXTS

    def __init__(self, *kinds: str) -> None:
        self._wanted = kinds
        self.depth = 0
        self.is_done = False
        self._parser: expat.XMLParserType
        self._kinds: dict[str, str] = {}
        self._prefix: str | None = None
        self._record: _Record | None = None
        self._level = 0
        self._takes = self._is_phonetic = False

    def listen(self, parser: expat.XMLParserType) -> None:
        """Have a parser tell what it reads."""
        self._parser = parser
        parser.buffer_text = True
        parser.StartElementHandler, parser.EndElementHandler = self._start, self._end

    def stop(self) -> None:
        """Let the rest be."""
        self.is_done = True
        self._parser.StartElementHandler = self._parser.EndElementHandler = None

    def begins(self, kind: str, attributes: dict[str, str]) -> bool:  # noqa: ARG002 - others do
        """Whether an element is wanted."""
        return kind in self._wanted

    def ends(self, record: _Record) -> None:
        """Keep what is wanted of it."""
        raise NotImplementedError

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self.depth += 1
        kind = self._kinds.get(name)
        if kind is None:
            kind = self._kinds[name] = self._kind(name)
        if self._record is not None:
            self._record.within.add(kind)
            if kind == "f":
                self._record.formula = attributes
            # How a text is pronounced stands within it, but is not part of it.
            self._is_phonetic |= kind == "rPh"
            self._takes = kind in self.kept and not self._is_phonetic
        elif kind and self.begins(kind, attributes):
            self._record, self._level = _Record(kind, attributes), self.depth
            self._takes = kind in self.kept
            # Only now, which is half the time: most of a part's texts are not wanted.
            self._parser.CharacterDataHandler = self._take

    def _take(self, text: str) -> None:
        if self._takes and self._record and len(self._record.text) < LONGEST_STORED:
            self._record.text += text

    def _end(self, name: str) -> None:
        self.depth -= 1
        if self._record is None:
            return
        self._takes = False
        if self._kinds[name] == "rPh":
            self._is_phonetic = False
        if self.depth < self._level:
            record, self._record = self._record, None
            self._parser.CharacterDataHandler = None
            self.ends(record)

    def _kind(self, name: str) -> str:
        """Return an element's name without its prefix; nothing if it is of another vocabulary."""
        prefix, _, kind = name.rpartition(":")
        if self._prefix is None:
            self._prefix = prefix
        is_ours = prefix == self._prefix or kind in _PROPERTY_TEXTS
        return kind if is_ours and kind in _ELEMENTS else ""


class _RecordReader(_ElementReader):
    """All elements of some kinds."""

    def __init__(self, *kinds: str) -> None:
        super().__init__(*kinds)
        self.found: list[_Record] = []

    def ends(self, record: _Record) -> None:
        self.found.append(record)
        if len(self.found) > _MOST_RECORDS:
            raise ValueError


class _StringReader(_ElementReader):
    """The texts that cells share."""

    def __init__(self) -> None:
        super().__init__("si")
        self.found: list[str] = []

    def ends(self, record: _Record) -> None:
        self.found.append(_plain(record.text))
        if len(self.found) >= _MOST_STRINGS:
            self.stop()


class _CellReader(_ElementReader):
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
        self.found: _Cells = {}
        # Where an array's formula without a value stands.
        self.arrays: set[tuple[int, int]] = set()
        self._spread = 0
        self.shared: dict[tuple[int, int], int] = {}

    def begins(self, kind: str, attributes: dict[str, str]) -> bool:
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
        self._row = int(number) if _WHOLE.fullmatch(number) else 0
        self._is_beside = self._row not in self._rows
        if self._row >= self._rows.stop:  # rows come in order
            self.stop()

    def _begin_cell(self, reference: str | None) -> bool:
        self._column += 1
        if reference is not None:
            match = _CELL.fullmatch(reference)
            if match is None:
                return False
            self._row, self._column = int(match[2]), _column_number(match[1])
        for rows, columns in self._areas:  # noqa: SIM110 - `any` would take twice as long
            if self._row in rows and self._column in columns:
                return True
        return False

    def ends(self, record: _Record) -> None:
        position = self._row, self._column
        kind, text = record.attributes.get("t", "n"), record.text.strip()
        self.shared.pop(position, None)
        if kind == "s":
            self.shared[position] = int(text) if _WHOLE.fullmatch(text) else _MOST_STRINGS
        is_formula = "f" in record.within
        # A formula may have an empty text for its value, but then the cell says that it is one.
        is_empty_text = kind == "str" and "v" in record.within
        is_missing = is_formula and not text and not is_empty_text
        self.found[position] = _Cell(
            _value(kind, text), is_formula, is_missing,
            spills=is_missing and "cm" in record.attributes,
            style=record.attributes.get("s", ""), kind=kind,
        )  # fmt: skip
        if is_missing and record.formula.get("t") == "array":
            self._spread_over(record.formula.get("ref", ""))

    def _spread_over(self, reference: str) -> None:
        """Let an array's formula stand in all its cells, of which only the first has it."""
        match = _AREA.fullmatch(reference)
        if match is None:
            return
        top, bottom = int(match[2]), int(match[4]) + 1
        left, right = _column_number(match[1]), _column_number(match[3]) + 1
        for wanted_rows, wanted_columns in self._areas:
            rows = range(max(top, wanted_rows.start), min(bottom, wanted_rows.stop))
            columns = range(max(left, wanted_columns.start), min(right, wanted_columns.stop))
            self._spread += len(rows) * len(columns)
            if self._spread > MOST_CELLS:  # arrays that lie upon each other
                raise ValueError
            self.arrays.update((i, j) for i in rows for j in columns)


class _FormulaReader(_CellReader):
    """The formulas of a whole sheet."""

    kept = frozenset({"f"})

    def __init__(self, sheet: str, work: Workload) -> None:
        super().__init__(Block(sheet, 1, 1, MOST_ROWS, MOST_COLUMNS))
        self._sheet, self._work = sheet, work
        self._masters: dict[str, str] = {}
        # Whether each formula stands in its own cell, and in no other.
        self.is_simple = True

    def ends(self, record: _Record) -> None:
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
        if kind == "array" and (match := _AREA.fullmatch(record.formula.get("ref", ""))):
            rows = abs(int(match[4]) - int(match[2])) + 1
            times = rows * (abs(_column_number(match[3]) - _column_number(match[1])) + 1)
        self._work.add(cell, text, times)
        if len(self._work) > MOST_FORMULAS_SENT or self._work.length > LONGEST_FORMULAS_SENT:
            raise ValueError


class _TextReader(_CellReader):
    """The texts of a rectangle's cells in full."""

    def __init__(self, block: Block) -> None:
        super().__init__(block)
        self.texts: dict[tuple[int, int], str] = {}
        self._length = 0

    def ends(self, record: _Record) -> None:
        position, text = (self._row, self._column), record.text.strip()
        if record.attributes.get("t") == "s":
            self.shared[position] = int(text) if _WHOLE.fullmatch(text) else _MOST_STRINGS
            return
        self.texts[position] = _unescaped(text)
        self._length = _added(self._length, text)


class _WantedStrings(_StringReader):
    """Some of the texts that cells share, in full."""

    def __init__(self, wanted: Set[int]) -> None:
        super().__init__()
        self.texts: dict[int, str] = {}
        self._wanted_numbers, self._next, self._length = wanted, 0, 0

    def ends(self, record: _Record) -> None:
        if self._next in self._wanted_numbers:
            self.texts[self._next] = _unescaped(record.text.strip())
            self._length = _added(self._length, record.text)
        self._next += 1
        if self._next > _MOST_STRINGS:
            self.stop()


# --- Dates --------------------------------------------------------------------------------

# The formats that every program knows by their number: dates, times, and both.
_KNOWN_DATES = {*range(14, 18), 22, *range(27, 32), 34, 35, 36, *range(50, 59)}
_KNOWN_TIMES = {18, 19, 20, 21, 32, 33, 45, 46, 47}
# Of a format's code all but the letters that stand for what is shown: quoted and escaped texts,
# room for a character, colours and conditions; but not hours in all, such as [h].
_DECORATION = re.compile(r'"[^"]*"|\\.|_.|\*.|\[(?!h+\]|m+\]|s+\])[^\]]*\]', re.IGNORECASE)
# What a program makes of 1.5, 3-4 or 1/2/99 lies between these days (of 1926 and 2200), and what it
# makes of 1:30 is minutes.
_FIRST_DATE, _LAST_DATE, _MINUTES = 8_000, 110_000, 1440
_MOST_STYLES = 65_536


class _StyleReader(_ElementReader):
    """The formats of cells, by the numbers of their styles."""

    def __init__(self) -> None:
        super().__init__()
        self.formats: list[str] = []
        self._codes: dict[str, str] = {}
        self._group = ""

    def begins(self, kind: str, attributes: dict[str, str]) -> bool:
        if kind == "xf" and self._group == "cellXfs":
            if len(self.formats) >= _MOST_STYLES:
                raise ValueError
            self.formats.append(attributes.get("numFmtId", ""))
        elif kind == "numFmt" and self._group == "numFmts":
            if len(self._codes) >= _MOST_STYLES:
                raise ValueError
            self._codes[attributes.get("numFmtId", "")] = attributes.get("formatCode", "")[:255]
        elif kind not in ("xf", "numFmt"):
            self._group = kind
        return False

    def code(self, number: str) -> str:
        """Return which of d, m, y, h and s a format shows; nothing if it shows a number."""
        if number in self._codes:
            plain = _DECORATION.sub("", self._codes[number]).lower()
            return "" if "general" in plain else "".join(sorted(set(plain) & set("dmyhs")))
        if not _WHOLE.fullmatch(number):
            return ""
        return "dmy" if int(number) in _KNOWN_DATES else "hm" * (int(number) in _KNOWN_TIMES)


def _may_be_date(value: float) -> bool:
    """Whether a program may have made a day or a time of what was typed."""
    if value >= 1:
        return value.is_integer() and _FIRST_DATE <= value <= _LAST_DATE
    return 0 < value < 1 and math.isclose(value * _MINUTES, round(value * _MINUTES), rel_tol=1e-9)


def _date(value: float, code: str, first_day: date) -> str:
    """Return a date or time in words, if a format with these letters shows it."""
    if value >= 1:
        return f"a date: {first_day + timedelta(days=int(value))}" if set(code) & set("dy") else ""
    minutes = round(value * _MINUTES)
    return f"a time: {minutes // 60:02}:{minutes % 60:02}" if set(code) & set("hs") else ""


def _added(length: int, text: str) -> int:
    """Return how long texts are with one more, if that is not too much."""
    if length + len(text) > _MOST_TEXT:
        raise ValueError
    return length + len(text)


def _value(kind: str, text: str) -> Value:
    """Return the value of a cell of a kind that its file writes as a text."""
    if kind == "b":
        return {"0": "FALSE", "1": "TRUE"}.get(text) or _shown(_plain(text.upper()))
    if kind == "n" and _NUMBER.fullmatch(text) and math.isfinite(number := float(text)):
        return number
    return _shown(_plain(text))


def _plain(text: str) -> str:
    """Return a stored text as it was typed: with characters that XML lacks, and not too long."""
    return _unescaped(text).strip()[: LONGEST_SHOWN + 1]


def _unescaped(text: str) -> str:
    """Return a stored text with the characters that XML lacks."""
    return _ESCAPED.sub(lambda match: chr(int(match[1], 16)), text)


def _shown(text: str) -> str | None:
    """Return a text safe to show and short; nothing for an empty one."""
    cut = f"{text[: LONGEST_SHOWN - 1]}…" if len(text) > LONGEST_SHOWN else text
    return label(cut) or None


def _column_number(letters: str) -> int:
    return reduce(lambda number, letter: 26 * number + ord(letter) - 64, letters, 0)


# --- Formulas without a value -------------------------------------------------------------

# IronCalc dies of some formulas, such as a hundred thousand nested brackets or the products of
# whole sheets, and would take this process along.
_ENGINE = """
import json, sys
source, target, seconds, memory, size = *sys.argv[1:3], *map(int, sys.argv[3:])
try:
    import resource
    for limit in (("CPU", seconds), ("AS", memory), ("FSIZE", size), ("CORE", 0)):
        resource.setrlimit(getattr(resource, "RLIMIT_" + limit[0]), (limit[1], limit[1]))
except (ImportError, AttributeError, OSError, ValueError):
    pass  # not on every system; there is still the time
import ironcalc
model = ironcalc.load_from_xlsx(source)
sheets = {sheet["name"]: i for i, sheet in enumerate(model.get_worksheets_properties())}
for sheet, row, column in json.load(sys.stdin):
    model.set_user_input(sheets[sheet], row, column, "0")
model.evaluate()
model.save_to_xlsx(target)
"""


def _recalculate(source: Path, target: Path, left_out: Set[tuple[str, int, int]]) -> None:
    """Have IronCalc compute a workbook, but for some cells, in a process that is stopped if it
    takes too much.
    """
    limits = map(str, (SECONDS, MEMORY, SUBMISSION.size))
    # -P: what students sent may lie in the folder that this is run in, as `ironcalc.py`.
    command = [sys.executable, "-P", "-c", _ENGINE, str(source), str(target), *limits]
    subprocess.run(  # noqa: S603 - our own interpreter and text, and files with names of ours
        command,
        input=json.dumps(sorted(left_out)).encode(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=SECONDS,
        check=True,
        cwd=source.parent,
    )


def recalculate(path: Path, target: Path) -> None:
    """Have IronCalc compute a workbook that may be anybody's; raises whatever stopped it."""
    data = content(path, SHEETS)
    if _Book(label(path), data, SHEETS).costly() != set():
        raise InputError(f"{label(path)}: its formulas take too long to compute.")
    source = target.with_name("in.xlsx")
    source.write_bytes(data)
    _recalculate(source, target, frozenset())
