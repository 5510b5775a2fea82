"""Retyping numbers in a workbook, and what engines compute from them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from openpyxl import Workbook
from openpyxl.utils.cell import range_boundaries

import cellprop
import reading
from cellprop.tracing import Trace

Sheet = dict[tuple[int, int], Any]


def retyped(trace: Trace, numbers: Mapping[str, Any], layout: str = "auto") -> Workbook:
    """The workbook without its values, other numbers typed where matrices are defined."""
    book = reading.without_values(trace, layout)
    for name, array in numbers.items():
        ((sheet, cells),) = book.defined_names[name].destinations
        left, top, _, _ = range_boundaries(cells)
        for (i, j), value in np.ndenumerate(np.asarray(array)):
            book[sheet].cell(top + i, left + j).value = float(value)
    return book


def changed(trace: Trace, training: Mapping[str, Any]) -> tuple[Workbook, Trace]:
    """The workbook with an input, a weight and the learning rate retyped, and the trace of these
    numbers: a network trained so from the start.
    """
    raw = trace.program.matrices[0].name
    numbers = {name: np.array(trace.values[name]) for name in (raw, "y", "lr", *trace.start)}
    weights = next(iter(trace.parameters))
    numbers[raw][-1, 0] += 0.75
    numbers[weights][0, -1] -= 1.25
    numbers["lr"][0, 0] *= 1.5
    fresh = cellprop.trace(
        trace.network,
        numbers[raw],
        numbers["y"],
        parameters={name: numbers[name] for name in trace.start},
        learning_rate=numbers["lr"].item(),
        **training,
    )
    return retyped(trace, {name: numbers[name] for name in (raw, weights, "lr")}), fresh


def verifies(trace: Trace, folder: Path) -> bool:
    """Whether IronCalc and the trace agree on every formula of its workbook."""
    path = folder / "book.xlsx"
    path.write_bytes(reading.content(trace))
    verification = cellprop.verify(path)
    return verification.ok and verification.largest_difference <= 1e-12


def by_ironcalc(book: Workbook, folder: Path, name: str = "book") -> dict[str, Sheet]:
    """What IronCalc computes: the value of every cell that holds anything, by sheet."""
    model = reading.ironcalc_model(reading.saved(book, folder / f"{name}.xlsx"))
    return {
        sheet.title: {
            (cell.row, cell.column): model.get_cell_value(number, cell.row, cell.column)
            for row in sheet.iter_rows()
            for cell in row
            if cell.value is not None
        }
        for number, sheet in enumerate(book.worksheets)
    }


def sheets_of(book: Workbook) -> dict[str, Sheet]:
    """The value of every cell that holds anything, by sheet."""
    return {
        sheet.title: {
            (cell.row, cell.column): cell.value
            for row in sheet.iter_rows()
            for cell in row
            if cell.value is not None
        }
        for sheet in book.worksheets
    }


def find(sheet: Sheet, text: str, row: int | None = None) -> tuple[int, int]:
    """The first cell that holds a text."""
    return next(
        place for place, value in sorted(sheet.items()) if value == text and row in (None, place[0])
    )


def below(sheet: Sheet, row: int, column: int) -> list[Any]:
    """The cells from one on down, as far as they hold anything."""
    found = []
    while (row, column) in sheet:
        found.append(sheet[row, column])
        row += 1
    return found
