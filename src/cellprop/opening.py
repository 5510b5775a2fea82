"""Opening files that are somebody else's: whether they may be read, and what their cells hold.

Sizes are checked before anything is unpacked, nothing in a file is executed, and whatever of it is
shown in an error is made safe and short.
"""

from __future__ import annotations

import io
import math
import re
import warnings
import zipfile
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cellprop.data import LARGEST, label
from cellprop.errors import CellpropError, InputError

# The document property by which a workbook is known to be ours, and its author; and, since online
# spreadsheets drop both, the sheets that it has at least.
MARK = "cellprop"
SHEETS = frozenset(("Contents", "Step 0", "Step 1"))
EXCEL = (".xlsx", ".xlsm")
LARGEST_WORKBOOK = 256 * 1024**2
# A sheet of a few bytes can claim to fill all its rows and columns.
MOST_ROWS = 1_048_576
MOST_CELLS = 20_000_000
DECIMAL_COMMA = re.compile(r"[+-]?\d*,\d+", re.ASCII)
# What a cell can hold, in CSV as in Excel; text is safe to show, and never blank.
Value = float | str | None


@contextmanager
def workbook(path: Path) -> Iterator[Any]:
    """Open a workbook by its stored values, and make one line of whatever a broken one raises."""
    from openpyxl import load_workbook

    where = label(path)
    data = content(path, LARGEST_WORKBOOK)
    if data.startswith(b"\xd0\xcf\x11\xe0"):
        what = "is protected by a password, or of an old version of Excel"
        raise InputError(f"{where}: {what}; save it as .xlsx without a password.")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
        check_size(where, unpacked, LARGEST_WORKBOOK, " unpacked")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield load_workbook(io.BytesIO(data), read_only=True, data_only=True, keep_links=False)
    except CellpropError:
        raise
    except Exception:
        raise InputError(
            f"{where}: not an Excel workbook, or a damaged one; save it as .xlsx in Excel."
        ) from None


def is_ours(book: Any) -> bool:
    """Whether cellprop wrote a workbook, whatever program has saved it since."""
    marked = MARK in book.custom_doc_props.names or book.properties.creator == MARK
    return marked or SHEETS.issubset(book.sheetnames)


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


def check_cells(place: str, height: int, width: int) -> None:
    """Refuse a table of more cells than any of ours would have."""
    if height * width > MOST_CELLS:
        found = f"{height:,} rows × {width:,} columns"
        raise wrong(place, f"at most {MOST_CELLS:,} cells", found, "remove what is not needed")


def cell_value(cell: object) -> Value:
    """Return what a cell of a sheet holds: a number, text that is safe to show, or nothing."""
    if isinstance(cell, (int, float)):
        try:
            return float(cell)
        except OverflowError:
            return math.inf
    return None if cell is None else label(str(cell).strip()) or None


# --- Files --------------------------------------------------------------------------------


def suffix_of(path: Path, kind: str, suffixes: Collection[str]) -> str:
    """Return how the name of an existing file ends, or an error if it is none that is read."""
    where = label(path)
    try:
        if not path.exists():
            raise InputError(f"{where}: there is no such file; check its name.")
        if not path.is_file():
            what = "a folder" if path.is_dir() else "not a file"
            raise InputError(f"{where}: is {what}; give the name of a file.")
    except OSError as error:
        raise InputError(f"{where}: can't be read: {error.strerror or error}.") from None
    suffix = path.suffix.lower()
    if suffix not in (*suffixes, *EXCEL):
        expected = f"Excel ({', '.join(EXCEL)})"
        if suffixes:
            expected = f"{kind} ({', '.join(suffixes)}) or {expected}"
        found = shown(suffix) if suffix else "no ending"
        raise wrong(where, expected, found, "save it as one of these")
    return suffix


def content(path: Path, limit: int) -> bytes:
    """Return the bytes of a file that is not larger than a limit."""
    where = label(path)
    try:
        check_size(where, path.stat().st_size, limit)
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{where}: can't be read: {error.strerror or error}.") from None


def check_size(where: str, size: int, limit: int, unpacked: str = "") -> None:
    """Refuse what is larger than a limit."""
    if size > limit:
        expected, found = (f"{n / 1024**2:,.0f} MiB" for n in (limit, size))
        raise wrong(where, f"at most {expected}{unpacked}", found, "remove what is not needed")


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
    """Return what is wrong with a cell that has to hold a number, and what to do; or nothing.

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
