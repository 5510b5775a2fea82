"""Reading a workbook for its verification: every formula, and the value that is stored with it.

The file may be anybody's: it is asked for what it may cost before it is opened.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from cellprop.errors import InputError
from cellprop.files.costs import Tally
from cellprop.files.opening import check_book, content, is_ours, load_book, whatever_is_wrong
from cellprop.files.safe import label
from cellprop.limits import BUILT
from cellprop.verification.values import Address, CellValue, CellValues, ErrorText

AGAIN = "build it again"


def stored(path: Path) -> tuple[CellValues, dict[str, float], dict[Address, str]]:
    """Return the stored value of every formula cell, the largest number of each sheet, and the text
    of every formula.
    """
    data = _content(path)
    with_formulas = _book(path, data, data_only=False)
    if not is_ours(with_formulas):
        raise InputError(
            f"{path}: not a workbook that cellprop wrote; `cellprop build` writes one."
        )
    with_values = _book(path, data, data_only=True)
    names = {name: found.attr_text or "" for name, found in with_formulas.defined_names.items()}
    tally = Tally(label(path), names)
    cells: CellValues = {}
    scales: dict[str, float] = {}
    formulas: dict[Address, str] = {}
    for sheet in with_formulas.worksheets:
        scale = 0.0
        for cell, value in _pairs(path, sheet, with_values[sheet.title]):
            if isinstance(value, (int, float)):
                scale = max(scale, abs(value))
            if cell.data_type == "f":
                cells[sheet.title, cell.coordinate] = value
                text = str(getattr(cell.value, "text", cell.value))  # an array's is an object
                tally.add(sheet.title, cell.row, cell.column, text)
                formulas[sheet.title, cell.coordinate] = text
        scales[sheet.title] = scale
    tally.finish(formulas)
    if not cells:
        raise InputError(f"{path}: there is no formula left in it to check; build it again.")
    return cells, scales, formulas


def _pairs(path: Path, formulas: Any, values: Any) -> Iterator[tuple[Any, CellValue]]:
    """Yield each cell that holds anything, with its stored value."""
    try:
        for formula_row, value_row in zip(formulas.iter_rows(), values.iter_rows(), strict=True):
            for cell, value in zip(formula_row, value_row, strict=True):
                if cell.value is not None:
                    yield cell, value_of(value)
    except MemoryError:
        raise
    except Exception as error:  # whatever a broken part makes a reader raise
        raise InputError(f"{path}, sheet {formulas.title}: can't be read: {error}.") from None


def value_of(cell: Any) -> CellValue:
    """Return the value stored in a cell of openpyxl; None if there is none.

    An empty text is a value: openpyxl reads it as None, but says that it is a text.
    """
    if cell.data_type == "e":
        return ErrorText(cell.value)
    is_text = cell.data_type in ("s", "str")
    value: CellValue = "" if cell.value is None and is_text else cell.value
    return value


def opened(path: Path, *, data_only: bool, read_only: bool = True) -> Any:
    """Return a workbook of openpyxl, once it is known what the file may cost."""
    return _book(path, _content(path), data_only=data_only, read_only=read_only)


def _content(path: Path) -> bytes:
    """Return the bytes of a file, once it is known what they may cost."""
    data = content(path, BUILT)
    with _told(path):
        check_book(label(path), data, BUILT)
    return data


def _book(path: Path, data: bytes, *, data_only: bool, read_only: bool = True) -> Any:
    """Return a workbook from memory, since one that is only read would keep its file open."""
    with _told(path):
        return load_book(data, read_only=read_only, data_only=data_only)


def _told(path: Path) -> AbstractContextManager[None]:
    what = "not an Excel workbook (.xlsx), or a damaged one"
    return whatever_is_wrong(f"{label(path)}: {what}; {AGAIN}.")
