"""`cellprop verify`: recalculates a workbook and says whether, and where, it differs."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cellprop.cli.printing import console, plain, say

if TYPE_CHECKING:
    from cellprop.verification import Verification


class EngineName(StrEnum):
    """Spreadsheet engines that can recalculate."""

    ironcalc = "ironcalc"
    libreoffice = "libreoffice"


def verify(
    workbook: Annotated[Path, typer.Argument(help="A workbook that cellprop wrote.")],
    engine: Annotated[
        EngineName, typer.Option("--engine", help="Which spreadsheet engine recalculates.")
    ] = EngineName.ironcalc,
) -> None:
    """Recalculate a workbook in a real spreadsheet engine and compare every formula cell.

    Exits with 1 if any cell differs by more than 1e-9 relative, or shows an error.

    Examples:
    - `cellprop verify outputs/article.xlsx`
    - `cellprop verify outputs/article.xlsx --engine libreoffice`
    """
    from cellprop.verification import verify as run

    _report(workbook, run(workbook, "ironcalc" if engine is EngineName.ironcalc else "libreoffice"))


def _report(path: Path, result: Verification) -> None:
    if result.ok:
        _say_how_it_agrees(path, result)
        return
    _say_where_it_differs(path, result)
    raise typer.Exit(1)


def _say_how_it_agrees(path: Path, result: Verification) -> None:
    where = f" (at {result.where})" if result.where else ""
    say(
        f"{path}: {result.cells} formula cells agree with {result.engine};"
        f" largest relative difference {result.largest_difference:.2g}{where}."
    )
    if result.restated:
        say(
            f"{_some(result.restated)}: numbers less than 2.2e-16 apart are compared, which"
            " IronCalc takes for equal; it was asked about them scaled up."
        )
    if result.rounded:
        say(
            f"{_some(result.rounded)}: large numbers cancel but for their last places; what"
            " follows was computed from the numbers stored."
        )


def _say_where_it_differs(path: Path, result: Verification, most: int = 10) -> None:
    from rich.table import Table

    table = Table("Cell", "Stored", "Computed", "Relative difference", box=None)
    for d in result.differences[:most]:
        cell = f"{d.sheet}!{d.cell}"
        table.add_row(*map(plain, (cell, d.stored, d.computed, f"{d.relative:.2g}")))
    console().print(table)
    if len(result.differences) > most:
        say(f"… and {len(result.differences) - most} more")
    if all(d.stored is None for d in result.differences) and len(result.differences) > 1:
        say(
            "They have no value: what saved the file computes none, as openpyxl. Open and save it"
            " in a spreadsheet program, then verify it again."
        )
    say(
        f"{path}: {len(result.differences)} of {result.cells} formula cells differ from"
        f" {result.engine}; largest relative difference {result.largest_difference:.2g}"
        f" at {result.where}."
    )


def _some(cells: Sequence[str], most: int = 3) -> str:
    """Return the first few of some cells, and how many more there are."""
    more = f" and {len(cells) - most} more" if len(cells) > most else ""
    return f"{', '.join(cells[:most])}{more}"
