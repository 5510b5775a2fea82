"""Comparing every formula of a workbook with what an engine computes of it.

Knows values and by how much they may differ; which engine it was, and how it was asked, is of
`by_ironcalc` and `by_libreoffice`.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from cellprop.errors import InputError
from cellprop.files.entries import unescaped
from cellprop.verification.by_ironcalc import values_by_ironcalc
from cellprop.verification.by_libreoffice import values_by_libreoffice
from cellprop.verification.reading import stored
from cellprop.verification.values import (
    Address,
    CellValue,
    CellValues,
    Recalculate,
    alike,
    is_error,
    referred,
    shows_formula,
    shows_numbers,
)

Engine = Literal["ironcalc", "libreoffice"]

TOLERANCE = 1e-9
# Rounding in the last places of the largest number on a sheet is not a difference: where large
# numbers cancel, engines that add in another order differ by that much.
LAST_PLACES = 16 * sys.float_info.epsilon
# So near are numbers that have lost some digits, not all.
NEAR = 1e-3


@dataclass(frozen=True)
class Difference:
    """A formula cell whose value is not what an engine computes.

    Attributes:
        sheet, cell: Where.
        stored: The value in the file; None if the file has none.
        computed: The engine's value.
        relative: How far apart they are, relative to the larger; infinite if not both numbers.
    """

    sheet: str
    cell: str
    stored: CellValue
    computed: CellValue
    relative: float


@dataclass(frozen=True)
class Verification:
    """What came of recalculating a workbook.

    Attributes:
        ok: Whether every formula cell agrees.
        cells: How many formula cells were compared.
        largest_difference: The largest relative difference of all.
        differences: The cells that differ by more than the tolerance.
        where: The cell with the largest difference, as `Step 2!N18`; empty if all are equal.
        engine: Which engine recalculated.
        restated: The cells that compare numbers which are too close together for the engine, as
            `Step 6!N18`: it was asked to compare them in a way that it can (see `restating`).
        rounded: The cells that agree but for the rounding of large numbers that cancel, if what
            follows from them had to be computed from the numbers stored in them to agree.
    """

    ok: bool
    cells: int
    largest_difference: float
    differences: tuple[Difference, ...]
    where: str
    engine: str
    restated: tuple[str, ...] = ()
    rounded: tuple[str, ...] = ()


def verify(
    path: str | Path, engine: Engine = "ironcalc", *, tolerance: float = TOLERANCE
) -> Verification:
    """Recalculate a workbook and compare every formula cell with the value stored in it.

    Parameters
    ----------
    path
        A workbook that cellprop wrote, changed or not.
    engine
        `ironcalc` or `libreoffice`.
    tolerance
        The largest relative difference that is still agreement.

    Returns
    -------
    Verification
        Whether they agree, and where they do not.

    Raises
    ------
    InputError
        If the file is not a workbook that cellprop wrote, or the engine can't read it or is not
        installed.
    """
    engines: Mapping[str, Recalculate] = {
        "ironcalc": values_by_ironcalc,
        "libreoffice": values_by_libreoffice,
    }
    if engine not in engines:
        raise InputError(f"engine: expected {' or '.join(engines)}, found '{engine}'.")
    ask = partial(engines[engine], Path(path))
    values, scales, formulas = stored(Path(path))
    computed, restated = ask(formulas, {})
    written = _written(formulas, values)
    differences = _differences(values, computed, scales, written)
    rounded: dict[Address, float] = {}
    if any(not d.relative <= tolerance for d in differences):
        # What follows from cells that agree but for rounding is computed once more, from the
        # numbers stored in them: where large numbers cancel, LibreOffice calls what is left 0, and
        # a slope asks whether it is; and Adam divides what is left by its size.
        rounded = _rounded(differences, tolerance, engine)
    if rounded:
        # A formula's text is what stands in the file.
        left = {a: f for a, f in formulas.items() if a not in rounded and not shows_formula(f)}
        computed |= ask(left, rounded)[0]
        differences = _differences(values, computed, scales, written)
    worst = max(differences, key=lambda d: d.relative, default=None)
    beyond = tuple(d for d in differences if not d.relative <= tolerance)
    return Verification(
        ok=not beyond,
        cells=len(differences),
        largest_difference=worst.relative if worst else 0.0,
        differences=beyond,
        where=f"{worst.sheet}!{worst.cell}" if worst and worst.relative else "",
        engine=engine,
        restated=tuple(f"{sheet}!{cell}" for sheet, cell in restated),
        rounded=tuple(f"{sheet}!{cell}" for sheet, cell in rounded),
    )


def _written(formulas: Mapping[Address, str], values: CellValues) -> set[Address]:
    """Return which cells are texts in which rounded numbers stand, or pass on such a text."""
    found = {address for address, formula in formulas.items() if shows_numbers(formula)}
    return found | {
        (sheet, cell)
        for (sheet, cell), formula in formulas.items()
        if isinstance(values.get((sheet, cell)), str)
        and any((sheet, other) in found for other in referred(formula))
    }


def _differences(
    values: CellValues,
    computed: CellValues,
    scales: Mapping[str, float],
    written: Collection[Address],
) -> list[Difference]:
    """Return the difference of each formula cell, given the largest number of each sheet, and
    which cells are texts in which rounded numbers stand.
    """
    return [
        _difference(address, value, computed.get(address), scales[address[0]], address in written)
        for address, value in values.items()
    ]


def _rounded(
    differences: Iterable[Difference], tolerance: float, engine: Engine
) -> dict[Address, float]:
    """Return the numbers stored in cells that agree but for the rounding of large ones."""
    return {
        (d.sheet, d.cell): d.stored
        for d in differences
        if isinstance(d.stored, float)
        and _is_rounding(d, tolerance)
        # Only LibreOffice loses all digits; to others, 1E-17 and -1E-17 are not the same.
        and (engine == "libreoffice" or not _is_rounding(d, NEAR))
    }


def _difference(
    address: Address, stored: CellValue, computed: CellValue, scale: float, is_written: bool
) -> Difference:
    numbers = isinstance(stored, (int, float)) and isinstance(computed, (int, float))
    if numbers and stored is not None and computed is not None:
        apart = abs(float(stored) - float(computed))
        size = max(abs(float(stored)), abs(float(computed)))
        relative = apart / size if apart > LAST_PLACES * scale else 0.0
    else:
        same = stored == computed
        if isinstance(stored, str):  # one spreadsheet program takes the escapes out, another not
            same = same or unescaped(stored) == computed
        if is_written and isinstance(stored, str) and isinstance(computed, str):
            # The numbers themselves stand in cells that are compared by themselves.
            same = alike(stored, computed, LAST_PLACES * scale) and not is_error(computed)
        relative = 0.0 if same and not is_error(stored) else float("inf")
    return Difference(*address, stored, computed, relative)


def _is_rounding(difference: Difference, tolerance: float) -> bool:
    """Whether two numbers agree as far as large ones on the sheet go, and not by themselves."""
    stored, computed = difference.stored, difference.computed
    if (
        difference.relative
        or not isinstance(stored, float)
        or not isinstance(computed, (int, float))
    ):
        return False
    return abs(stored - computed) > tolerance * max(abs(stored), abs(computed))
