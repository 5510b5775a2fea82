"""Reading first parameters from files: JSON, or workbooks, ours among them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cellprop.algebra import Array
from cellprop.data import label
from cellprop.errors import InputError, nearest
from cellprop.opening import (
    MARK,
    MOST_ROWS,
    Value,
    cell_value,
    check_cells,
    content,
    fault_of,
    grid_of,
    listed,
    short,
    shown,
    suffix_of,
    workbook,
    wrong,
)

JSON = (".json",)
LARGEST_JSON = 64 * 1024**2
# The matrices that a run can be carried on from, the last computed first.
LATEST = ("{}_trained", "{}_new", "{}")
# A reference to one range of this workbook, with the sheet in quotation marks if need be.
RANGE = re.compile(
    r"(?:'((?:[^']|'')+)'|([\w.]+))!\$?([A-Z]{1,3})\$?(\d{1,7})(?::\$?([A-Z]{1,3})\$?(\d{1,7}))?"
)


def parameters(path: str | Path, names: Sequence[str]) -> dict[str, Array]:
    """Read the parameters to begin with.

    A run can be carried on: of each matrix the file may hold the last (`wh_trained`, or `wh_new`)
    beside the first (`wh`); the last is taken.

    Parameters
    ----------
    path
        JSON, as `cellprop show --format json` writes it; or Excel: a workbook that cellprop wrote,
        or one with a sheet for each matrix, with or without labels.
    names
        The parameters there are; whatever else the file holds is ignored.

    Raises
    ------
    InputError
        If the file can't be read, has none of the names, or a cell is not a finite number; the
        message names the matrix and the cell.
    """
    file = Path(path)
    if suffix_of(file, "JSON", JSON) in JSON:
        return _from_json(file, names)
    with workbook(file) as book:
        return _from_workbook(label(file), book, names)


def _from_json(path: Path, names: Sequence[str]) -> dict[str, Array]:
    where = label(path)
    advice = "`cellprop show --format json` writes what is expected"
    try:
        # Whole numbers as floats: Python refuses those with thousands of digits.
        found = json.loads(content(path, LARGEST_JSON), object_pairs_hook=_unique, parse_int=float)
    except json.JSONDecodeError as error:
        place = f"{where}, line {error.lineno}, column {error.colno}"
        raise InputError(f"{place}: not JSON: {error.msg.lower()}; {advice}.") from None
    except _NamedTwiceError as error:
        raise InputError(f"{where}: {shown(str(error))} is there twice; keep one.") from None
    except UnicodeDecodeError:
        raise InputError(f"{where}: not JSON: it is no text in UTF-8; {advice}.") from None
    except RecursionError:
        raise InputError(f"{where}: not JSON: nested too deeply; {advice}.") from None
    if not isinstance(found, dict):
        raise wrong(where, "matrices with their names", _kind(found), advice)
    return {
        name: _json_matrix(f"{where}, {key}", found[key])
        for name, key in _latest(where, names, found).items()
    }


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


def _json_matrix(place: str, found: Any) -> Array:
    rows = found if isinstance(found, list) and found else [found]
    if rows is found and not isinstance(rows[0], list):
        rows = [rows]  # a flat list is one row
    for i, row in enumerate(rows, 1):
        if not row or not isinstance(row, list):
            remedy = "write the matrix as [[0.1, 0.2], [0.3, 0.4]]"
            raise wrong(f"{place}, row {i}", "a list of numbers", _kind(row), remedy)
    values = [[c if isinstance(c, float) else _kind(c) for c in row] for row in rows]
    return _matrix(place, values, lambda i, j: f"row {i + 1}, column {j + 1}")


def _matrix(place: str, rows: Sequence[Sequence[Value]], cell: Callable[[int, int], str]) -> Array:
    width = len(rows[0])
    for i, row in enumerate(rows):
        if len(row) != width:
            expected, remedy = f"{width} numbers as in row 1", "give all rows the same length"
            raise wrong(f"{place}, row {i + 1}", expected, str(len(row)), remedy)
        for j, value in enumerate(row):
            if fault := fault_of(value, stored=True):
                raise InputError(f"{place}, {cell(i, j)}: {fault}.")
    return np.array(rows, dtype=np.float64)


def _latest(where: str, names: Sequence[str], has: Collection[str]) -> dict[str, str]:
    """Return under which name each matrix stands, the last computed if there are several."""
    found = {}
    for name in names:
        keys = [key for form in LATEST if (key := form.format(name)) in has]
        if keys:
            found[name] = keys[0]
    if not found:
        hint = next(filter(None, (nearest(name, has) for name in names)), "")
        wanted, there = listed(names), listed(list(has)) or "nothing"
        raise InputError(f"{where}: expected at least one of {wanted}, found {there}.{hint}")
    return found


def _from_workbook(where: str, book: Any, names: Sequence[str]) -> dict[str, Array]:
    sheets = {sheet.title: sheet for sheet in book.worksheets}
    if MARK not in book.custom_doc_props.names:
        return {
            name: _sheet_matrix(f"{where}, sheet {shown(key)}", sheets[key])
            for name, key in _latest(where, names, sheets).items()
        }
    ranges = {name: found.attr_text for name, found in book.defined_names.items()}
    return {
        name: _range_matrix(f"{where}, {key}", ranges[key], sheets)
        for name, key in _latest(where, names, ranges).items()
    }


def _sheet_matrix(place: str, sheet: Any) -> Array:
    from openpyxl.utils import get_column_letter

    grid = [[cell_value(cell) for cell in row] for row in grid_of(place, sheet)]
    top, left = _labels(grid) if grid else (0, 0)
    rows = [row[left:] for row in grid[top:]]
    if not rows or not rows[0]:
        raise wrong(place, "numbers", "none", "put the matrix there")
    return _matrix(place, rows, lambda i, j: f"{get_column_letter(left + j + 1)}{top + i + 1}")


def _labels(grid: Sequence[Sequence[Value]]) -> tuple[int, int]:
    """Return how many rows at the top and columns at the left are labels: none or one each."""
    across, down = grid[0][1:], [row[0] for row in grid[1:]]
    if grid[0][0] is None:
        # As pandas writes them: both, and numbered where there were none.
        both = across and down and _are_labels(across) and _are_labels(down)
        return (1, 1) if both else (0, 0)
    if isinstance(grid[0][0], float):
        return 0, 0
    return int(_are_texts(across)), int(_are_texts(down))


def _are_texts(cells: Sequence[Value]) -> bool:
    return all(isinstance(cell, str) for cell in cells)


def _are_labels(cells: Sequence[Value]) -> bool:
    return _are_texts(cells) or list(cells) in (
        list(range(len(cells))),
        list(range(1, len(cells) + 1)),
    )


def _range_matrix(place: str, reference: str | None, sheets: Mapping[str, Any]) -> Array:
    """Return the stored values of the range that a defined name stands for."""
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
    cells = sheets[title].iter_rows(
        min_row=top, max_row=bottom, min_col=left, max_col=right, values_only=True
    )
    rows = [[cell_value(cell) for cell in row] for row in cells]
    rows += [[None] * width] * (height - len(rows))  # those that the file leaves out
    return _matrix(
        place, rows, lambda i, j: f"{short(title)}!{get_column_letter(left + j)}{top + i}"
    )
