"""The cells of a matrix in somebody's file: JSON, or a sheet of Excel, with or without labels.

Knows cells and how one can be wrong; knows nothing of what a matrix should be.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cellprop.algebra import Array
from cellprop.errors import InputError
from cellprop.files.opening import (
    Value,
    cell_value,
    content,
    fault_of,
    grid_of,
    is_ours,
    json_of,
    short,
    shown,
    wrong,
)
from cellprop.files.safe import label
from cellprop.limits import JSON as JSON_FILE
from cellprop.limits import MOST_ROWS, check_cells

JSON = (".json",)
# A reference to one range of this workbook, with the sheet in quotation marks if need be.
RANGE = re.compile(
    r"(?:'((?:[^']|'')+)'|([\w.]+))!\$?([A-Z]{1,3})\$?(\d{1,7})(?::\$?([A-Z]{1,3})\$?(\d{1,7}))?"
)
COMMA_NUMBER = re.compile(r"[+-]?\d*,\d+(?:e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
NO_NUMBER = re.compile(r"[+-]?(nan|inf|infinity)", re.ASCII | re.IGNORECASE)

# --- Cells --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Cells:
    """The cells of a matrix in a file, as numbers, text that is safe to show, or nothing.

    Attributes:
        place: How errors call the matrix.
        rows: The cells, row by row.
        name: What errors call the cell at a row and column, counted from 0.
        row_labels, column_labels: What stands beside and above the cells; empty if nothing does.
    """

    place: str
    rows: Sequence[Sequence[Value]]
    name: Callable[[int, int], str]
    row_labels: Sequence[str] = ()
    column_labels: Sequence[str] = ()

    def check_width(self) -> None:
        """Refuse rows that are not of one length."""
        width = len(self.rows[0])
        for i, row in enumerate(self.rows):
            if len(row) != width:
                expected, remedy = f"{width} numbers as in row 1", "give all rows the same length"
                raise wrong(f"{self.place}, row {i + 1}", expected, str(len(row)), remedy)

    def numbers(self) -> Array:
        """Return the cells as numbers, all of which have to be there.

        Raises
        ------
        InputError
            For the first row of another length, or the first cell that is no finite number.
        """
        self.check_width()
        for i, row in enumerate(self.rows):
            for j, value in enumerate(row):
                if fault := fault_of(value, stored=True):
                    raise InputError(f"{self.place}, {self.name(i, j)}: {fault}.")
        return np.array(self.rows, dtype=np.float64)

    def with_gaps(self) -> tuple[Array, NDArray[Any]]:
        """Return the cells as numbers, NaN where there is none, and the texts that stand there
        instead: of numbers that went wrong (`nan`, `#DIV/0!`).

        Raises
        ------
        InputError
            For the first row of another length, or the first cell of text.
        """
        self.check_width()
        shape = len(self.rows), len(self.rows[0])
        values, texts = np.full(shape, np.nan), np.full(shape, "", dtype=object)
        for i, row in enumerate(self.rows):
            for j, value in enumerate(row):
                if isinstance(value, float):
                    values[i, j] = value
                    texts[i, j] = "nan" if math.isnan(value) else ""
                elif value is not None:
                    values[i, j], texts[i, j] = self._read_text(i, j, value)
        return values, texts

    def _read_text(self, i: int, j: int, text: str) -> tuple[float, str]:
        if COMMA_NUMBER.fullmatch(text):
            return float(text.replace(",", ".")), ""
        if text.startswith("#") or NO_NUMBER.fullmatch(text):  # as spreadsheets write errors
            return math.nan, text
        raise InputError(f"{self.place}, {self.name(i, j)}: {fault_of(text)}.")


def row_and_column(i: int, j: int) -> str:
    """Return the name of a cell where cells have none, by row and column, counted from 1."""
    return f"row {i + 1}, column {j + 1}"


def unlabelled(grid: Sequence[Sequence[Value]]) -> tuple[int, int]:
    """Return the numbers of rows at the top and columns at the left that are labels, 0 or 1."""
    across, down = grid[0][1:], [row[0] for row in grid[1:]]
    if grid[0][0] is None:
        # As pandas writes them: both, and numbered where there were none.
        both = across and down and _are_labels(across) and _are_labels(down)
        return (1, 1) if both else (0, 0)
    if isinstance(grid[0][0], float):
        return 0, 0
    return int(are_texts(across)), int(are_texts(down))


def are_texts(cells: Sequence[Value]) -> bool:
    """Whether all cells are text."""
    return all(isinstance(cell, str) for cell in cells)


def _are_labels(cells: Sequence[Value]) -> bool:
    return are_texts(cells) or count_up(cells)


def count_up(cells: Sequence[Value]) -> bool:
    """Whether cells are numbered from 0 or 1, as pandas does it."""
    size = len(cells)
    return list(cells) in (list(range(size)), list(range(1, size + 1)))


# --- JSON ---------------------------------------------------------------------------------


def json_object(path: Path, advice: str) -> dict[str, Any]:
    """Return the object of a JSON file as a dict, numbers as floats.

    Parameters
    ----------
    path
        The file.
    advice
        What to do if it is something else.

    Raises
    ------
    InputError
        If it is no JSON, or not an object, or has a name twice.
    """
    where = label(path)
    try:
        # Whole numbers as floats: Python refuses those with thousands of digits.
        found = json_of(
            where, content(path, JSON_FILE), JSON_FILE, object_pairs_hook=_unique, parse_int=float
        )
    except json.JSONDecodeError as error:
        place = f"{where}, line {error.lineno}, column {error.colno}"
        raise InputError(f"{place}: not JSON: {error.msg.lower()}; {advice}.") from None
    except _NamedTwiceError as error:
        raise InputError(f"{where}: {shown(str(error))} is there twice; keep one.") from None
    except UnicodeDecodeError:
        raise InputError(f"{where}: not JSON: it is no text in UTF-8; {advice}.") from None
    if not isinstance(found, dict):
        raise wrong(where, "matrices with their names", _kind(found), advice)
    return found


class _NamedTwiceError(Exception):
    """A key that an object of JSON has twice."""


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for key, value in pairs:
        if key in found:
            raise _NamedTwiceError(key)
        found[key] = value
    return found


def _kind(found: object) -> str:
    """Return a value of JSON as it can be shown, whatever its size."""
    if isinstance(found, (list, dict)):
        what = "an object" if isinstance(found, dict) else "a list"
        return what if found else f"{what} with nothing in it"
    return short(found) if isinstance(found, str) else json.dumps(found)


def json_cells(place: str, found: Any, null: Value = "null") -> Cells:
    """Return the cells of a matrix in JSON; a flat list is one row.

    Raises
    ------
    InputError
        If it is not a list of rows.
    """
    rows = found if isinstance(found, list) and found else [found]
    if rows is found and not isinstance(rows[0], list):
        rows = [rows]
    for i, row in enumerate(rows, 1):
        if not row or not isinstance(row, list):
            remedy = "write the matrix as [[0.1, 0.2], [0.3, 0.4]]"
            raise wrong(f"{place}, row {i}", "a list of numbers", _kind(row), remedy)
    values = [
        [c if isinstance(c, float) else null if c is None else _kind(c) for c in row]
        for row in rows
    ]
    return Cells(place, values, row_and_column)


# --- Excel --------------------------------------------------------------------------------


def sheet_cells(place: str, sheet: Any) -> Cells:
    """Return the cells of the one matrix on a sheet, without its labels.

    Raises
    ------
    InputError
        If there is none.
    """
    from openpyxl.utils import get_column_letter

    grid = [[cell_value(cell) for cell in row] for row in grid_of(place, sheet)]
    top, left = unlabelled(grid) if grid else (0, 0)
    rows = [row[left:] for row in grid[top:]]
    if not rows or not rows[0]:
        raise wrong(place, "numbers", "none", "put the matrix there")
    return Cells(
        place,
        rows,
        lambda i, j: f"{get_column_letter(left + j + 1)}{top + i + 1}",
        _labels([row[0] for row in grid[top:]] if left else ()),
        _labels(grid[0][left:] if top else ()),
    )


def range_cells(place: str, reference: str | None, sheets: Mapping[str, Any]) -> Cells:
    """Return the stored values of the range that a defined name stands for.

    Raises
    ------
    InputError
        If it stands for anything else, or for too many cells.
    """
    from openpyxl.utils import column_index_from_string, get_column_letter

    match = RANGE.fullmatch(reference or "")
    title = (match[1] or match[2]).replace("''", "'") if match else ""
    top, bottom = (int(match[i] or match[4]) if match else 0 for i in (4, 6))
    left, right = (column_index_from_string(match[i] or match[3]) if match else 0 for i in (3, 5))
    if title not in sheets or not 1 <= top <= bottom <= MOST_ROWS or left > right:
        expected = "a name for one range of cells in this workbook"
        raise wrong(place, expected, shown(reference or ""), "build the workbook again")
    height, width = bottom - top + 1, right - left + 1
    check_cells(place, height, width)
    # With what stands above and to the left, which may be labels.
    above, before = int(top > 1), int(left > 1)
    cells = sheets[title].iter_rows(
        min_row=top - above, max_row=bottom, min_col=left - before, max_col=right, values_only=True
    )
    grid = [[cell_value(cell) for cell in row] for row in cells]
    grid += [[None] * (width + before)] * (height + above - len(grid))  # the file leaves them out
    return Cells(
        place,
        [row[before:] for row in grid[above:]],
        lambda i, j: f"{short(title)}!{get_column_letter(left + j)}{top + i}",
        _labels([row[0] for row in grid[above:]] if before else ()),
        _labels(grid[0][before:] if above else ()),
    )


def _labels(cells: Sequence[Value]) -> tuple[str, ...]:
    """Return cells that are labels: text, each of them."""
    texts = tuple(cell for cell in cells if isinstance(cell, str))
    return texts if len(texts) == len(cells) else ()


def named_ranges(book: Any) -> dict[str, str] | None:
    """Return the references of a workbook by their names; None if cellprop did not write it."""
    if not is_ours(book):
        return None
    return {name: found.attr_text for name, found in book.defined_names.items()}
