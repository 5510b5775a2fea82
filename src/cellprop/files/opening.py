"""Opening files that are somebody else's: whether they may be read, and what their cells hold.

Sizes are checked before anything is unpacked, nothing in a file is executed, and whatever of it is
shown in an error is made safe and short.
"""

from __future__ import annotations

import errno
import io
import json
import math
import os
import re
import stat
import tomllib
import warnings
import zipfile
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any
from xml.parsers import expat

from cellprop.errors import CellpropError, InputError
from cellprop.files.safe import label
from cellprop.files.samples import LARGEST
from cellprop.limits import (
    DEEPEST_XML,
    LONGEST_TAG,
    MOST_BESIDE_ROWS,
    MOST_IN_ROW,
    MOST_KEPT,
    MOST_NAMES,
    MOST_ROWS,
    SHEETS,
    FileKind,
    check_cells,
    check_count,
    check_json,
    check_size,
    check_toml,
    too_deep,
)

# The document property by which a workbook is known to be ours, and its author; and, since online
# spreadsheets drop both, the sheets that it has at least.
MARK = "cellprop"
OUR_SHEETS = frozenset(("Contents", "Step 0", "Step 1"))
EXCEL = (".xlsx", ".xlsm")
# What a file begins with that is protected by a password, or of an Excel before 2007.
OLD_OR_LOCKED = b"\xd0\xcf\x11\xe0"
# How spreadsheet programs pack; other ways can ask for gigabytes to unpack a few bytes.
PACKED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
XML = (".xml", ".rels")
# What programs keep beside a workbook, and no reader of cells looks at, may be as it likes.
BESIDE, LARGEST_BESIDE = "customXml/", 1024**2
# Parts that are read piece by piece.
STREAMED = ("xl/worksheets/", "xl/sharedStrings")
CHUNK = 64 * 1024
DECIMAL_COMMA = re.compile(r"[+-]?\d*,\d+", re.ASCII)
# What a cell can hold, in CSV as in Excel; text is safe to show, and never blank.
Value = float | str | None
SAVE_ANEW = "save it as .xlsx in Excel"


@contextmanager
def workbook(path: Path) -> Iterator[Any]:
    """Open a workbook by its stored values, and make one line of whatever a broken one raises."""
    where = label(path)
    data = content(path, SHEETS)
    with whatever_is_wrong(f"{where}: not an Excel workbook, or a damaged one; {SAVE_ANEW}."):
        yield book_of(where, data, SHEETS, read_only=True, data_only=True, keep_links=False)


def is_ours(book: Any) -> bool:
    """Whether cellprop wrote a workbook, whatever program has saved it since."""
    marked = MARK in book.custom_doc_props.names or book.properties.creator == MARK
    return marked or OUR_SHEETS.issubset(book.sheetnames)


def grid_of(where: str, sheet: Any) -> list[tuple[object, ...]]:
    """Return all cells of a sheet as rows of one width, without what is blank below and right."""
    sheet.reset_dimensions()  # what a file claims may be wrong
    rows: list[tuple[object, ...]] = []
    height = width = 0
    for row in sheet.iter_rows(max_row=MOST_ROWS, values_only=True):
        used = max((i for i, cell in enumerate(row, 1) if cell is not None), default=0)
        rows.append(tuple(row[:used]))
        if used:
            height, width = len(rows), max(width, used)
            check_cells(f"{where}, sheet {shown(sheet.title)}", height, width)
    return [(*row, *(None,) * (width - len(row))) for row in rows[:height]]


def cell_value(cell: object) -> Value:
    """Return the value of a cell of a sheet: a number, text that is safe to show, or None."""
    if isinstance(cell, (int, float)):
        try:
            return float(cell)
        except OverflowError:
            return math.inf
    return None if cell is None else label(str(cell).strip()) or None


# --- Files --------------------------------------------------------------------------------


def suffix_of(path: Path, kind: str, suffixes: Collection[str]) -> str:
    """Return the suffix of an existing file, as `.csv`; refused if it is none that is read."""
    where = label(path)
    check_is_file(path)
    suffix = path.suffix.lower()
    if suffix not in (*suffixes, *EXCEL):
        expected = f"Excel ({', '.join(EXCEL)})"
        if suffixes:
            expected = f"{kind} ({', '.join(suffixes)}) or {expected}"
        found = shown(suffix) if suffix else "no ending"
        raise wrong(where, expected, found, "save it as one of these")
    return suffix


def check_is_file(path: Path, what: str = "a file") -> None:
    """Refuse what is no file: a folder, a device, a pipe, a link to nothing.

    What it is is asked of the system, nothing is opened: a pipe would be waited for, and a device
    has no end.
    """
    where = label(path)
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError, RuntimeError) as error:
        raise _not_there(path, error) from None
    if not stat.S_ISREG(mode):
        raise InputError(f"{where}: is {_kind_of(mode)}{_rather(mode, what)}.")


def _kind_of(mode: int) -> str:
    kinds = (
        (stat.S_ISDIR, "a folder"), (stat.S_ISFIFO, "a pipe"), (stat.S_ISSOCK, "a socket"),
        (stat.S_ISCHR, "a device"), (stat.S_ISBLK, "a device"),
    )  # fmt: skip
    return next((name for is_one, name in kinds if is_one(mode)), "no file")


def _rather(mode: int, what: str) -> str:
    return f"{'' if stat.S_ISDIR(mode) else f', not {what}'}; give the name of a file"


def _not_there(path: Path, error: Exception) -> InputError:
    """Return the error of a file that can't be looked at."""
    where, is_link = label(path), False
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        try:
            is_link = path.is_symlink()
        except OSError:
            is_link = False
        if is_link:
            return InputError(f"{where}: is a link to nothing; check where it leads.")
        return InputError(f"{where}: there is no such file; check its name.")
    if isinstance(error, OSError) and error.errno == errno.ELOOP:
        return InputError(f"{where}: is a link that leads back to itself; check where it leads.")
    reason = getattr(error, "strerror", None) or str(error)
    return InputError(f"{where}: can't be read: {reason}.")


def content(path: Path, kind: FileKind) -> bytes:
    """Return the bytes of a file that is of a kind, and no larger than those may be."""
    where = label(path)
    check_is_file(path, kind.name)
    try:
        data = _read(path, kind.size)
    except OSError as error:
        raise InputError(f"{where}: can't be read: {error.strerror or error}.") from None
    check_size(where, len(data), kind.size)
    return data


def _read(path: Path, most: int) -> bytes:
    """Return the bytes of a file, one more than there may be if there are more."""

    def without_waiting(name: str, flags: int) -> int:
        # Another may stand there by now that would be waited for.
        return os.open(name, flags | getattr(os, "O_NONBLOCK", 0))

    with open(path, "rb", opener=without_waiting) as file:
        said = os.fstat(file.fileno())
        if not stat.S_ISREG(said.st_mode):
            raise OSError(f"it is {_kind_of(said.st_mode)} now")
        if said.st_size > most:
            check_size(label(path), said.st_size, most)
        data = file.read(said.st_size + 1) or b""
        # What grows, or does not say how large it is, as the system's own.
        while len(data) <= most and (more := file.read(min(CHUNK, most + 1 - len(data)))):
            data += more
        return data


# --- Archives -----------------------------------------------------------------------------


@contextmanager
def whatever_is_wrong(message: str) -> Iterator[None]:
    """Make one line of whatever a broken file makes a reader raise."""
    try:
        yield
    except (CellpropError, MemoryError):
        raise
    except Exception:
        raise InputError(message) from None


def check_unlocked(where: str, data: bytes) -> None:
    """Refuse a workbook with a password, or of an old Excel, which begin alike."""
    if data.startswith(OLD_OR_LOCKED):
        what = "is protected by a password, or of an old version of Excel"
        raise InputError(f"{where}: {what}; save it as .xlsx without a password.")


def archive_of(where: str, data: bytes, kind: FileKind) -> zipfile.ZipFile:
    """Return an archive that unpacks to no more than one of its kind may.

    What an archive says of its sizes holds: a part that is longer is not read to its end.

    Raises
    ------
    InputError
        If it is too large; `zipfile`'s own errors for one that is damaged.
    """
    # Before zipfile makes a list of them.
    check_count(where, "parts", data.count(b"PK\x01\x02"), kind.parts, "save it anew in Excel")
    archive = zipfile.ZipFile(io.BytesIO(data))
    entries = archive.infolist()
    check_size(where, sum(entry.file_size for entry in entries), kind.unpacked, " unpacked")
    for entry in entries:
        if kind.part and not entry.filename.startswith(STREAMED):
            place = f"{where}, {label(entry.filename[:80])}"
            check_size(place, entry.file_size, kind.part, " unpacked")
        if entry.compress_type not in PACKED or entry.flag_bits & 1:
            raise zipfile.BadZipFile
    return archive


def check_xml(where: str, archive: zipfile.ZipFile, kind: FileKind) -> None:
    """Refuse XML that would take all memory: entities, endless elements, nests and names.

    Raises
    ------
    InputError
        For too many tags; `ValueError` or expat's own error for what no program writes.
    """
    parts = [
        entry
        for entry in archive.infolist()
        if entry.filename.lower().endswith(XML)
        and not (entry.filename.startswith(BESIDE) and entry.file_size <= LARGEST_BESIDE)
    ]
    tags = 0
    for entry in parts:  # far quicker than to parse them
        with archive.open(entry) as stream:
            while chunk := stream.read(CHUNK):
                tags += chunk.count(b"<")
                if tags > kind.tags:
                    check_count(
                        where, "tags in its XML", tags, kind.tags, "remove what is not needed"
                    )
    for entry in parts:
        with archive.open(entry) as stream:
            check_part(stream)


def check_part(stream: IO[bytes]) -> None:
    """Raise whatever it is if a part is not XML, or is such as no program writes."""
    names: dict[str, str] = {}
    length = 0
    shape = _Shape()
    parser = expat.ParserCreate(intern=names)
    parser.ordered_attributes = True
    parser.StartElementHandler, parser.EndElementHandler = shape.start, shape.end
    parser.StartDoctypeDeclHandler = shape.refuse
    while chunk := stream.read(CHUNK):
        parser.Parse(chunk, False)
        last = chunk.rfind(b"<")
        length = len(chunk) - last if last >= 0 else length + len(chunk)
        if length > LONGEST_TAG or len(names) > MOST_NAMES:
            raise ValueError
    parser.Parse(b"", True)


class _Shape:
    """How the elements of a part are nested. A reader lets go of a row's when the row ends, and
    keeps all others.
    """

    def __init__(self) -> None:
        self._depth = self._row = self._kept = self._in_row = self._beside = 0
        self._is_sheet = False

    def start(self, name: str, _: object) -> None:
        """An element begins."""
        self._depth += 1
        if self._row:
            self._in_row += 1
        else:
            self._kept += 1
            if name == "row" or name.endswith(":row"):
                self._row, self._in_row = self._depth, 0
            elif self._depth == 1:
                self._is_sheet = name.rpartition(":")[2] == "worksheet"
            elif self._is_sheet:
                self._beside += 1
        if self._depth > DEEPEST_XML or self._in_row > MOST_IN_ROW or self._kept > MOST_KEPT:
            raise ValueError
        if self._beside > MOST_BESIDE_ROWS:
            raise ValueError

    def end(self, _: str) -> None:
        """An element ends."""
        if self._depth == self._row:
            self._row = 0
        self._depth -= 1

    def refuse(self, *_: object) -> None:
        """A document type definition begins."""
        raise ValueError


def book_of(where: str, data: bytes, kind: FileKind, **options: Any) -> Any:
    """Return a workbook as openpyxl has it, once it is known what it may cost."""
    check_book(where, data, kind)
    return load_book(data, **options)


def check_book(where: str, data: bytes, kind: FileKind) -> None:
    """Refuse a workbook that costs more than one of its kind may."""
    check_unlocked(where, data)
    with archive_of(where, data, kind) as archive:
        check_xml(where, archive, kind)


def load_book(data: bytes, **options: Any) -> Any:
    """Return a workbook, of which it is known what it costs, as openpyxl has it."""
    from openpyxl import load_workbook

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # What openpyxl says of a sheet whose part is missing, before it goes on without it.
        warnings.filterwarnings("error", "Defined names for sheet index")
        return load_workbook(io.BytesIO(data), **options)


# --- Texts --------------------------------------------------------------------------------


def json_of(where: str, data: bytes, kind: FileKind, **options: Any) -> Any:
    """Return the object that JSON holds, once it is known what it may cost."""
    check_json(where, data, kind)
    try:
        return json.loads(data, **options)
    except RecursionError:
        raise too_deep(where) from None


def toml_of(where: str, data: bytes) -> dict[str, Any]:
    """Return the tables of TOML as a dict, once it is known what it may cost.

    Raises
    ------
    InputError
        If it is not TOML, or not UTF-8; it says what to do.
    """
    check_toml(where, data)
    try:
        return tomllib.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise InputError(
            f"{where}: expected UTF-8 text, found byte {data[error.start]:#04x}"
            f" at position {error.start}; save the file as UTF-8."
        ) from None
    except RecursionError:
        raise too_deep(where) from None
    except ValueError as error:  # also of numbers and dates that are none
        raise InputError(f"{where}: not valid TOML: {error}; correct it.") from None


# --- Messages -----------------------------------------------------------------------------


def wrong(place: str, expected: str, found: str, remedy: str) -> InputError:
    """Return the error of what is not as expected."""
    return InputError(f"{place}: expected {expected}, found {found}; {remedy}.")


def listed(names: Sequence[str]) -> str:
    """Return names as a list, the first twenty of them."""
    more = f", … ({len(names)} in all)" if len(names) > 20 else ""
    return ", ".join(map(short, names[:20])) + more


def shown(text: str) -> str:
    """Return a text of a file in quotation marks, made safe and short."""
    return f"'{short(text)}'"


def short(text: str) -> str:
    """Return a text of a file, made safe and short."""
    return label(text[:40]) + ("…" if len(text) > 40 else "")


def fault_of(value: Value, stored: bool = False) -> str:
    """Return the words for what is wrong with a cell that has to hold a number, and what to do.

    `stored`: whether the value may be that of a formula, which not every program stores.
    """
    if value is None:
        hint = "; if it holds a formula, open and save the workbook in Excel" if stored else ""
        return f"expected a value, found an empty cell; fill it in{hint}"
    if isinstance(value, str):
        advice = "correct it, or turn what the column holds into numbers"
        if DECIMAL_COMMA.fullmatch(value):
            advice = f"write a decimal point: {short(value.replace(',', '.'))}"
        return f"expected a number, found {shown(value)}; {advice}"
    if not abs(value) <= LARGEST:
        return f"expected a finite number within ±{LARGEST:g}, found {value:g}; correct it"
    return ""
