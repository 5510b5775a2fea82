"""A workbook as an archive of parts: hostile until proven otherwise.

One pass of Python's own XML parser over a part finds what is asked for, so what is kept of it
depends on what was asked, not on where else a file has cells or claims to have them. Knows archives
and which part holds what; how a part's elements are read is of `elements` and `sheet_readers`.
"""

from __future__ import annotations

import io
import posixpath
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import IO
from xml.parsers import expat

from cellprop.errors import CellpropError, InputError
from cellprop.files.costs import Workload
from cellprop.files.elements import (
    PROPERTY_TEXTS,
    Element,
    ElementLister,
    ElementReader,
    StringReader,
    StyleReader,
    WantedStrings,
)
from cellprop.files.entries import (
    Block,
    StoredCell,
    StoredCells,
    date_in_words,
    may_be_date,
    shown,
)
from cellprop.files.opening import PACKED, check_unlocked
from cellprop.files.safe import label
from cellprop.files.sheet_readers import CellReader, FormulaReader, TextReader
from cellprop.limits import (
    DEEPEST_XML,
    LONGEST_TAG,
    MOST_NAMES,
    MOST_READ_BY_ALL,
    SUBMISSION,
    FileKind,
    check_count,
    check_size,
)

_XML = (".xml", ".rels", ".vml")
_CHUNK = 64 * 1024
# Before its first element, a part may have a comment, but no book.
_LONGEST_PROLOG = 1024**2


class Archive:
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

    def cells(self, *blocks: Block) -> StoredCells:
        """Return the cells of rectangles of a sheet that it has, by row and column."""
        sheet = blocks[0].sheet
        if sheet not in self.sheets:
            return {}
        reader = CellReader(*blocks)
        with _reading(self._where):
            self._parse(self.sheets[sheet], reader)
            for position, index in reader.shared.items():
                text = self._strings[index] if index < len(self._strings) else ""
                reader.found[position] = reader.found[position]._replace(value=shown(text))
        for position in reader.arrays:
            if (cell := reader.found.get(position, StoredCell(None))).value is None:
                reader.found[position] = cell._replace(is_formula=True, is_missing=True)
        return reader.found

    def date_of(self, cell: StoredCell) -> str:
        """Return the date or time that a typed number was made, in words; nothing for a number."""
        if cell.is_formula or cell.value is None:
            return ""
        if cell.kind == "d":
            return f"a date: {cell.value}"
        if cell.kind != "n" or not isinstance(cell.value, float) or not may_be_date(cell.value):
            return ""
        code = self._dates.get(cell.style, "")
        return date_in_words(cell.value, code, self._first_day) if code else ""

    @cached_property
    def _dates(self) -> dict[str, str]:
        """The codes of the styles' formats that show dates or times, by the style's number."""
        reader = StyleReader()
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
        reader = TextReader(block)
        with _reading(self._where):
            self._parse(self.sheets[block.sheet], reader)
            strings = WantedStrings(set(reader.shared.values()))
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
            reader = FormulaReader(sheet, work)
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
        reader = StringReader()
        for part in self._string_parts:
            self._parse(part, reader)
        return reader.found

    def _properties(self) -> dict[str, str]:
        return {
            record.attributes.get("name", ""): record.text
            for part in self._related("", "custom-properties", "customProperties").values()
            for record in self._records(part, "property")
            if record.within & PROPERTY_TEXTS
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

    def _records(self, part: str, *kinds: str) -> list[Element]:
        """Return the elements of some kinds in a part that says what there is."""
        check_size(self._where, self._archive.getinfo(part).file_size, self._kind.part)
        reader = ElementLister(*kinds)
        self._parse(part, reader)
        return reader.found

    def _parse(self, part: str, reader: ElementReader) -> None:
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
