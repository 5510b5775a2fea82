"""Recalculating a workbook with LibreOffice, where it is installed, in a process of its own."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from cellprop.errors import InputError
from cellprop.limits import LIBREOFFICE_SECONDS
from cellprop.verification.reading import opened, value_of
from cellprop.verification.values import Address, CellValues, Formulas

# LibreOffice trusts stored values unless it is told to recalculate always (0).
_RECALCULATE = """<?xml version="1.0" encoding="UTF-8"?>
<oor:items xmlns:oor="http://openoffice.org/2001/registry"
 xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
<item oor:path="/org.openoffice.Office.Calc/Formula/Load">
<prop oor:name="OOXMLRecalcMode" oor:op="fuse"><value>0</value></prop></item>
<item oor:path="/org.openoffice.Setup/L10N">
<prop oor:name="ooSetupSystemLocale" oor:op="fuse"><value>en-US</value></prop></item>
</oor:items>
"""


def find_libreoffice() -> str | None:
    """Return LibreOffice's program, or None if it is not installed."""
    usual = (
        "/Applications/LibreOffice.app/Contents/MacOS/soffice",
        r"C:\Program Files\LibreOffice\program\soffice.exe",
    )
    names = (shutil.which("soffice"), shutil.which("libreoffice"))
    return next(filter(None, names), None) or next(filter(lambda p: Path(p).is_file(), usual), None)


def recalculate(path: Path, folder: Path) -> Path:
    """Have LibreOffice open a workbook, compute every formula and save it into a folder.

    Raises
    ------
    InputError
        If LibreOffice is not installed, or can't read the file.
    """
    program = find_libreoffice()
    if program is None:
        raise InputError("LibreOffice is not installed; install it, or use --engine ironcalc.")
    profile = folder / "profile"
    (profile / "user").mkdir(parents=True)
    (profile / "user" / "registrymodifications.xcu").write_text(_RECALCULATE, encoding="utf-8")
    source, target = folder / "in" / "book.xlsx", folder / "out"
    source.parent.mkdir()
    shutil.copyfile(path, source)
    command = [
        program, "--headless", "--norestore", f"-env:UserInstallation={profile.as_uri()}",
        "--convert-to", "xlsx", "--outdir", str(target), str(source),
    ]  # fmt: skip
    try:
        subprocess.run(  # noqa: S603 - a list, no shell; the file has a name of ours
            command, capture_output=True, timeout=LIBREOFFICE_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise InputError(
            f"{path}: LibreOffice did not finish within {LIBREOFFICE_SECONDS} seconds."
        ) from None
    result = target / source.name
    if not result.is_file():
        raise InputError(f"{path}: LibreOffice can't read it.")
    return result


def values_by_libreoffice(
    path: Path, formulas: Formulas, numbers: Mapping[Address, float]
) -> tuple[CellValues, list[Address]]:
    """Return the values of formulas as LibreOffice computes them; `numbers` stand instead of some.

    Parameters
    ----------
    path
        The workbook.
    formulas
        Those whose values are wanted.
    numbers
        What stands instead of the formulas of some cells.

    Returns
    -------
    dict of values, list of addresses
        The values, and the cells whose comparisons had to be restated: none.
    """
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        if numbers:
            changed = opened(path, data_only=False, read_only=False)
            for (sheet, cell), number in numbers.items():
                changed[sheet][cell].value = number
            path = Path(folder) / "copy.xlsx"
            changed.save(path)
        book = opened(recalculate(path, Path(folder)), data_only=True)
        found: CellValues = {}
        for sheet in book.worksheets:
            for row in sheet.iter_rows():
                for cell in row:
                    value = value_of(cell)
                    if value is not None and (sheet.title, cell.coordinate) in formulas:
                        found[sheet.title, cell.coordinate] = value
    return found, []
