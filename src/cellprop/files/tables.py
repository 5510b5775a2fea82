"""Opening a table in somebody's file, CSV or Excel: a header, and the records below it.

Knows separators, encodings and what stands around a table; knows nothing of what the cells mean.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from cellprop.errors import InputError
from cellprop.files.opening import Value, content, shown, suffix_of, wrong
from cellprop.files.safe import label
from cellprop.files.spreadsheets import table_in
from cellprop.limits import TABLE, check_lines

CSV = (".csv", ".txt", ".tsv")
SEPARATORS = (",", ";", "\t", "|")
WEB_PAGE = re.compile(rb"(\xef\xbb\xbf)?\s*<(html|!doctype|table)", re.IGNORECASE)
OLD_EXCEL = b"\xd0\xcf\x11\xe0"
NUMBER = re.compile(
    r"[+-]?(?:(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?|inf|infinity|nan)", re.ASCII | re.IGNORECASE
)
TRUTHS = {"true": 1.0, "false": 0.0}
# Above the header of CSV stand a title and notes, no more.
MOST_ABOVE = 20
Record = TypeVar("Record", bound=Sequence[object])


@dataclass(frozen=True)
class Source:
    """A header, and the records below it with the line or row in which each begins.

    Attributes:
        where: The file, as errors name it.
        unit: What a record is counted in: a line or a row.
        first: That of the header.
        header: The names of the columns, safe to show; empty where a column has none.
        stored: The cells of each record as they are in the file: text in CSV, anything in a sheet.
        data, separator: Of CSV; the separator of a sheet is empty.
        is_plain: Whether the header is the first record, and nothing but records follows.
        merged: Of a sheet, the cells that are merged into another, counted from 0, and their range.
        columns: Of a sheet, the positions of the columns in it.
        notes: What is to be said of how it was opened.
    """

    where: str
    unit: str
    first: int
    header: tuple[str, ...]
    stored: Callable[[], Iterator[tuple[int, Sequence[Any]]]]
    data: bytes = b""
    separator: str = ""
    is_plain: bool = True
    merged: Mapping[tuple[int, int], str] = field(default_factory=dict)
    columns: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()

    def place(self, line: int, column: int | None = None) -> str:
        """Return the place of something in words, as errors begin."""
        named = ""
        if column is not None:
            name = self.header[column]
            named = f", column {shown(name) if name else column + 1}"
        return f"{self.where}, {self.unit} {line}{named}"


# --- Tables -------------------------------------------------------------------------------


def opened(
    path: str | Path,
    known: Callable[[Sequence[str]], int],
    each: str,
    sheet: str | int | None = None,
    cells: str | None = None,
    also: Sequence[str] = (),
) -> Source:
    """Open a CSV or Excel file that names its columns.

    Parameters
    ----------
    path, sheet, cells
        As `read` takes them.
    known
        How many names of a header are looked for: tells which separator CSV has, and where the
        header is.
    each
        What a record is of, for errors.
    also
        How the name of a file of text may end as well.

    Raises
    ------
    InputError
        If the file can't be read, or is empty.
    """
    file, endings = Path(path), (*CSV, *also)
    if suffix_of(file, "CSV", endings) not in endings:
        return _sheet(file, known, sheet, cells)
    for name, given in (("sheet", sheet), ("range", cells)):
        if given is not None:
            raise InputError(f"{name}: is for a workbook, and {label(path)} is CSV; leave it out.")
    return _text(file, known, each)


def filled(source: Source, records: Iterator[tuple[int, Record]]) -> Iterator[tuple[int, Record]]:
    """Yield each record up to the last that is not blank; all of them as wide as the header.

    Raises
    ------
    InputError
        For a record that has more or fewer cells, or a blank one above others.
    """
    width = len(source.header)
    blank = None
    for line, cells in records:
        if not any(cell is not None for cell in cells):
            blank = blank or line
            continue
        if blank:
            remedy = f"fill them in, or remove the {source.unit}"
            if not source.separator:
                remedy += ", or say which cells are the table: --range"
            raise wrong(source.place(blank), f"{width} cells", "only empty ones", remedy)
        kept = cells
        if len(cells) > width and all(cell is None for cell in cells[width:]):
            kept = cells[:width]  # type: ignore[assignment] # a slice is of the same kind
        if len(kept) != width:
            found = str(len(cells))
            raise wrong(source.place(line), f"{width} columns", found, _ragged(len(cells) < width))
        yield line, kept


def _ragged(short: bool) -> str:
    if short:
        return "add what is missing (an empty cell still has its separator)"
    return "put text that holds a separator in quotation marks, and numbers with a comma in them"


# --- CSV ----------------------------------------------------------------------------------


def _text(path: Path, known: Callable[[Sequence[str]], int], each: str) -> Source:
    """Open CSV, with the separator that finds what is looked for and the most columns."""
    where = label(path)
    data, notes = _decoded(where, content(path, TABLE))
    data, said = _without_separator_line(data)
    check_lines(where, data, TABLE, said)
    heads: dict[str, _Head] = {}
    trouble = InputError(f"{where}: is empty; it needs a header, and a line for each {each}.")
    for separator in (said,) if said else SEPARATORS:
        try:
            head = _head(islice(lines(where, data, separator), MOST_ABOVE), known)
        except InputError as error:
            trouble = error  # with another separator, its quotation marks may pair up
            continue
        if head:
            heads[separator] = head
    if not heads:
        raise trouble
    separator = max(heads, key=lambda each: (heads[each].known, len(heads[each].names)))
    head = heads[separator]
    width = len(head.names)

    def stored() -> Iterator[tuple[int, Sequence[str]]]:
        for line, cells in islice(lines(where, data, separator), head.position + 1, None):
            # What begins like a comment and is as wide as the table may be a sample's label.
            if not (cells[0].startswith("#") and len(cells) != width):
                yield line, cells

    if head.title:
        notes += (f"left out: what stands above the header in line {head.line}.",)
    is_plain = head.position == 0 and b"\n#" not in data and b"\r#" not in data
    return Source(
        where, "line", head.line, head.names, stored, data, separator, is_plain, notes=notes
    )


@dataclass(frozen=True)
class _Head:
    """A header: which record it is, its line, its names, and how many of them are looked for.

    `title`: whether anything but comments stands above.
    """

    position: int
    line: int
    names: tuple[str, ...]
    known: int
    title: bool = False


def _head(records: Iterator[tuple[int, list[str]]], known: Callable[[Sequence[str]], int]) -> Any:
    """Return the first record with the most of the names that are looked for; or just the first.

    Comments are passed over, unless one has such a name: some programs write the header as one.
    """
    best = None
    widest = 0
    for position, (line, cells) in enumerate(records):
        names = tuple(label(cell.strip()) for cell in cells)
        if names[0].startswith("#") and (not known(names) or names[0][1:2].isspace()):
            bare = (names[0].lstrip("#").strip(), *names[1:])
            if not known(bare) or not bare[0]:
                continue
            names = bare
        found, size = known(names), sum(map(bool, names))
        if not size:
            continue
        # What stands above a header is narrower; else the name may be a sample's class.
        if best is None or (found > best.known and size > widest):
            best = _Head(position, line, names, found, widest > 0)
        widest = max(widest, size)
        if best.known and found < best.known:
            break
    return best


def _decoded(where: str, data: bytes) -> tuple[bytes, tuple[str, ...]]:
    """Return text as UTF-8, without a byte order mark, and what is to be said of that."""
    if data.startswith(b"PK\x03\x04"):
        raise InputError(f"{where}: is an Excel workbook by its content; rename it to .xlsx.")
    if data.startswith(OLD_EXCEL):
        what = "is a workbook of an old version of Excel, or protected by a password"
        raise InputError(f"{where}: {what}; save it as .xlsx without a password.")
    if WEB_PAGE.match(data):
        raise InputError(f"{where}: is a web page by its content; save it as .xlsx.")
    encoding = _encoding(data)
    if encoding is None:
        try:
            data.decode("utf-8")
        except UnicodeDecodeError:
            encoding = "cp1252"
    if encoding is None or encoding == "utf-8-sig":
        check_text(where, data)
        return data.removeprefix(codecs.BOM_UTF8), ()
    try:
        text = data.decode(encoding)
        if encoding == "cp1252" and (b"\0" in data or data.startswith(codecs.BOM_UTF8)):
            raise UnicodeError
    except UnicodeError:
        if encoding != "cp1252":
            raise InputError(
                f'{where}: begins as {encoding.upper()}, and is not; save it as "CSV UTF-8".'
            ) from None
        check_text(where, data)
        raise
    text = text.removeprefix("\ufeff")
    notes: tuple[str, ...] = ()
    if encoding == "cp1252":
        notes = (
            "the file is not in UTF-8: read as Western European (Windows-1252); if letters are"
            ' wrong, save it as "CSV UTF-8".',
        )
    decoded = text.encode("utf-8", "surrogatepass")
    check_text(where, decoded)
    return decoded, notes


def _encoding(data: bytes) -> str | None:
    """Return the encoding of a file by its first bytes, or by where its NUL bytes are."""
    marks = {
        codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF32_LE: "utf-32", codecs.BOM_UTF32_BE: "utf-32",
        codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16",
    }  # fmt: skip
    for mark, encoding in marks.items():
        if data.startswith(mark):
            return encoding
    sample = data[:2000]
    if len(data) % 2 == 0 and len(sample) >= 4:
        even, odd = sample[::2].count(0), sample[1::2].count(0)
        if odd > 0.4 * len(sample) and not even:
            return "utf-16-le"
        if even > 0.4 * len(sample) and not odd:
            return "utf-16-be"
    return None


def _without_separator_line(data: bytes) -> tuple[bytes, str]:
    """Return CSV with its first line emptied if that only says what separates, and the separator.

    Excel writes and reads such a line: `sep=;`.
    """
    found = re.match(rb'[ \t]*"?sep=([^\r\n"])"?[,;\t ]*(?=\r|\n|\Z)', data, re.IGNORECASE)
    if not found or not found[1].isascii():
        return data, ""
    return data[found.end() :], found[1].decode()


def check_text(where: str, data: bytes) -> None:
    """Refuse what is not text in UTF-8."""
    try:
        data.decode("utf-8")
        at, found, remedy = data.find(b"\0"), "a NUL byte", "it may not be a text file"
    except UnicodeDecodeError as error:
        at, found = error.start, f"the byte 0x{data[error.start]:02x}"
        remedy = "it is in another encoding"
    if at >= 0:
        line = data.count(b"\n", 0, at) + 1
        found = f"{found} (byte {at + 1} of the file)"
        remedy = f'{remedy}: save it as "CSV UTF-8"'
        raise wrong(f"{where}, line {line}", "text in UTF-8", found, remedy)


def lines(where: str, data: bytes, separator: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the cells of each record with the line in which it begins; not of blank lines."""
    text = io.TextIOWrapper(io.BytesIO(data), encoding="utf-8", newline="")
    reader = csv.reader(text, delimiter=separator, skipinitialspace=True, strict=True)
    line = 1
    try:
        for cells in reader:
            if len(cells) > 1 or any(map(str.strip, cells)):
                yield line, cells
            line = reader.line_num + 1
    except csv.Error:
        remedy = 'put each cell that has any in quotation marks, and write those inside twice ("")'
        raise InputError(
            f"{where}, line {line}: its quotation marks do not pair up; {remedy}."
        ) from None


def text_value(text: str) -> Value:
    """Return the value of a cell of CSV: a number, text that is safe to show, or None."""
    text = text.strip()
    if NUMBER.fullmatch(text):
        return float(text)
    return TRUTHS.get(text.lower(), label(text) or None)


# --- Excel --------------------------------------------------------------------------------


def _sheet(
    path: Path, known: Callable[[Sequence[str]], int], sheet: str | int | None, cells: str | None
) -> Source:
    """Open a table of a workbook."""
    found = table_in(path, known, sheet, cells)
    region, grid = found.region, found.cells

    def stored() -> Iterator[tuple[int, Sequence[object]]]:
        for row in range(region.top + 1, region.bottom + 1):
            yield row + 1, [_of(grid[row], j) for j in region.columns]

    names = tuple(
        "" if cell is None else label(str(cell).strip())
        for cell in (_of(grid[region.top], j) for j in region.columns)
    )
    return Source(
        found.where, "row", region.top + 1, names, stored, merged=found.merged,
        columns=region.columns, notes=found.notes,
    )  # fmt: skip


def _of(row: Sequence[object], column: int) -> object:
    return row[column] if column < len(row) else None
