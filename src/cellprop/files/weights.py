"""Reading first parameters from files: JSON, or workbooks, ours among them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from cellprop.algebra import Array
from cellprop.errors import InputError, nearest
from cellprop.files.cells import (
    JSON,
    Cells,
    json_cells,
    json_object,
    named_ranges,
    range_cells,
    sheet_cells,
)
from cellprop.files.opening import listed, shown, suffix_of, workbook
from cellprop.files.safe import label
from cellprop.files.samples import Table

# The matrices that a run can be carried on from, the last computed first.
LATEST = ("{}_trained", "{}_new", "{}")


def parameters(path: str | Path, names: Sequence[str]) -> dict[str, Array]:
    """Read the parameters to begin with; `labelled` has the labels of their rows and columns."""
    return {name: found.values for name, found in labelled(path, names).items()}


def labelled(path: str | Path, names: Sequence[str]) -> dict[str, Table]:
    """Read the parameters to begin with.

    A run can be carried on: of each matrix the file may hold the last (`wh_trained`, or `wh_new`)
    beside the first (`wh`); the last is taken.

    Parameters
    ----------
    path
        JSON, as `cellprop show --format json` writes it; or Excel: a workbook that cellprop wrote,
        or one with a sheet for each matrix, with or without labels. JSON has no labels.
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


def _from_json(path: Path, names: Sequence[str]) -> dict[str, Table]:
    where = label(path)
    found = json_object(path, "`cellprop show --format json` writes what is expected")
    return {
        name: _table(json_cells(f"{where}, {key}", found[key]))
        for name, key in _latest(where, names, found).items()
    }


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


def _from_workbook(where: str, book: Any, names: Sequence[str]) -> dict[str, Table]:
    sheets = {sheet.title: sheet for sheet in book.worksheets}
    ranges = named_ranges(book)
    if ranges is None:
        return {
            name: _table(sheet_cells(f"{where}, sheet {shown(key)}", sheets[key]))
            for name, key in _latest(where, names, sheets).items()
        }
    return {
        name: _table(range_cells(f"{where}, {key}", ranges[key], sheets))
        for name, key in _latest(where, names, ranges).items()
    }


def _table(cells: Cells) -> Table:
    rows, columns = cells.row_labels or None, cells.column_labels or None
    return Table(cells.numbers(), rows and tuple(rows), columns and tuple(columns))
