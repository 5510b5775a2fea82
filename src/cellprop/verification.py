"""Recalculating a workbook in somebody else's spreadsheet engine, and comparing every formula.

Knows files and engines; knows nothing of how the workbook was made, so that agreement means
something. IronCalc is embedded; LibreOffice is used when it is installed.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from cellprop.errors import InputError
from cellprop.files.costs import Tally
from cellprop.files.data import label
from cellprop.files.opening import (
    archive_of,
    check_book,
    content,
    is_ours,
    load_book,
    whatever_is_wrong,
)
from cellprop.limits import BUILT, LIBREOFFICE_SECONDS, MOST_ROWS
from cellprop.restating import restated

Engine = Literal["ironcalc", "libreoffice"]
Value = float | str | bool | None
Place = tuple[str, str]
Cells = dict[Place, Value]
Formulas = Mapping[Place, str]
Recalculate = Callable[[Path, Formulas, Mapping[Place, float]], tuple[Cells, list[Place]]]
"""Returns the values of formulas, and the cells that it had to be asked for in another way; some
formulas are numbers instead.
"""


TOLERANCE = 1e-9
AGAIN = "build it again"
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
    stored: Value
    computed: Value
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

    Raises
    ------
    InputError
        If the file is not a workbook that cellprop wrote, or the engine can't read it or is not
        installed.
    """
    engines: Mapping[str, Recalculate] = {"ironcalc": _ironcalc, "libreoffice": _libreoffice}
    if engine not in engines:
        raise InputError(f"engine: expected {' or '.join(engines)}, found '{engine}'.")
    file = Path(path)
    stored, scales, formulas = _stored(file)
    computed, restated = engines[engine](file, formulas, {})

    def compared() -> list[Difference]:
        return [
            _difference(place, value, computed.get(place), scales[place[0]])
            for place, value in stored.items()
        ]

    differences = compared()
    rounded: list[Place] = []
    if any(not d.relative <= tolerance for d in differences):
        # What follows from cells that agree but for rounding is computed once more, from the
        # numbers stored in them: where large numbers cancel, LibreOffice calls what is left 0, and
        # a slope asks whether it is; and Adam divides what is left by its size.
        numbers = {
            (d.sheet, d.cell): d.stored
            for d in differences
            if isinstance(d.stored, float)
            and _is_rounding(d, tolerance)
            # Only LibreOffice loses all digits; to others, 1E-17 and -1E-17 are not the same.
            and (engine == "libreoffice" or not _is_rounding(d, NEAR))
        }
        if numbers:
            # A formula's text is what stands in the file.
            left = {p: f for p, f in formulas.items() if p not in numbers and not _tells(f)}
            computed |= engines[engine](file, left, numbers)[0]
            differences, rounded = compared(), list(numbers)
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


def _difference(place: Place, stored: Value, computed: Value, scale: float) -> Difference:
    numbers = isinstance(stored, (int, float)) and isinstance(computed, (int, float))
    if numbers and stored is not None and computed is not None:
        apart = abs(float(stored) - float(computed))
        size = max(abs(float(stored)), abs(float(computed)))
        relative = apart / size if apart > LAST_PLACES * scale else 0.0
    else:
        relative = 0.0 if stored == computed and not _is_error(stored) else float("inf")
    return Difference(*place, stored, computed, relative)


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


def _tells(formula: str) -> bool:
    """Whether a formula says what another is."""
    return "FORMULATEXT(" in formula


class _Error(str):
    """The text of an error, which a text such as the class `#1` is not."""

    __slots__ = ()


def _is_error(value: Value) -> bool:
    """Whether a value is an error, or missing."""
    return value is None or isinstance(value, _Error)


# --- Reading ------------------------------------------------------------------------------


def _stored(path: Path) -> tuple[Cells, dict[str, float], dict[Place, str]]:
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
    cells: Cells = {}
    scales: dict[str, float] = {}
    formulas: dict[Place, str] = {}
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


def _pairs(path: Path, formulas: Any, values: Any) -> Iterator[tuple[Any, Value]]:
    """Yield each cell that holds anything, with its stored value."""
    try:
        for formula_row, value_row in zip(formulas.iter_rows(), values.iter_rows(), strict=True):
            for cell, value in zip(formula_row, value_row, strict=True):
                if cell.value is not None:
                    is_error = value.data_type == "e"
                    yield cell, _Error(value.value) if is_error else value.value
    except MemoryError:
        raise
    except Exception as error:  # whatever a broken part makes a reader raise
        raise InputError(f"{path}, sheet {formulas.title}: can't be read: {error}.") from None


def _opened(path: Path, *, data_only: bool, read_only: bool = True) -> Any:
    return _book(path, _content(path), data_only=data_only, read_only=read_only)


def _content(path: Path) -> bytes:
    """Return what a file holds, once it is known what it may cost."""
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


# --- Engines ------------------------------------------------------------------------------


def _ironcalc(
    path: Path, formulas: Formulas, numbers: Mapping[Place, float]
) -> tuple[Cells, list[Place]]:
    try:
        model = _Model(path, numbers)
        found = {place: model.value(place) for place in formulas}
        close = model.compare_exactly(formulas)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # a panic in Rust is not an Exception
        raise InputError(f"{path}: IronCalc can't read it: {error}.") from None
    if close:
        # A formula's text is what stands in the file, not what was asked instead.
        texts = {place for place, formula in formulas.items() if _tells(formula)}
        found |= {place: model.value(place) for place in formulas if place not in texts}
    return found, close


class _Model:
    """A workbook as IronCalc has it, recalculated with numbers instead of some formulas."""

    def __init__(self, path: Path, numbers: Mapping[Place, float]) -> None:
        import ironcalc

        self.model = _loaded(path)
        names = [sheet["name"] for sheet in self.model.get_worksheets_properties()]
        self.sheets = {name: i for i, name in enumerate(names)}
        self._column = cache(ironcalc.column_number_from_name)
        for place, number in numbers.items():
            self.model.set_user_input(*self.at(place), repr(number))
        self.model.evaluate()

    def at(self, place: Place) -> tuple[int, int, int]:
        """Return the number of a cell's sheet, its row and its column."""
        from openpyxl.utils.cell import coordinate_from_string

        sheet, cell = place
        letters, row = coordinate_from_string(cell)
        return self.sheets[sheet], row, self._column(letters)

    def value(self, place: Place) -> Value:
        """Return the value of a cell."""
        value: Value = self.model.get_cell_value(*self.at(place))
        return value

    def compare_exactly(self, formulas: Formulas) -> list[Place]:
        """Restate comparisons, if any is of numbers that are too close together for the engine;
        return the cells of those that are.
        """
        texts = {place: restated(formula) for place, formula in formulas.items()}
        texts = {place: text for place, text in texts.items() if text != formulas[place]}
        # Below everything else on the sheet, the same is asked in the other way.
        ends = {name: self.model.get_sheet_dimensions(i)[1] for name, i in self.sheets.items()}
        beside = {
            place: (self.sheets[place[0]], ends[place[0]] + 1 + k, 1)
            for k, place in enumerate(texts, 1)
        }
        if any(row > MOST_ROWS for _, row, _ in beside.values()):
            return []
        for place, text in texts.items():
            self.model.set_user_input(*beside[place], text)
        self.model.evaluate()
        told = [place for place in texts if self._differs(place, beside[place])]
        # What compares texts can't be asked so.
        texts = {p: text for p, text in texts.items() if not self._fails(beside[p])}
        if not any(place in texts for place in told):
            return []
        for place, text in texts.items():
            self.model.set_user_input(*self.at(place), text)
            self.model.set_user_input(*beside[place], formulas[place])
        self.model.evaluate()
        return [place for place in texts if self._differs(place, beside[place])]

    def _differs(self, place: Place, beside: tuple[int, int, int]) -> bool:
        return bool(self.value(place) != self.model.get_cell_value(*beside))

    def _fails(self, at: tuple[int, int, int]) -> bool:
        value = self.model.get_cell_value(*at)
        return isinstance(value, str) and value.startswith("#")


def _loaded(path: Path) -> Any:
    """Return a workbook in IronCalc, which would print what it makes of styles it does not know."""
    import ironcalc

    with _silence(), tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        if not _names_styles(path):
            path = _plain(path, Path(folder) / "book.xlsx")
        return ironcalc.load_from_xlsx(str(path))


def _names_styles(path: Path) -> bool:
    """Whether a workbook names its styles, as Gnumeric's do not; without, IronCalc dies of them."""
    with archive_of(label(path), content(path, BUILT), BUILT) as archive:
        if "xl/styles.xml" not in archive.namelist():
            return True
        return re.search(rb"<(\w+:)?cellStyle\s", archive.read("xl/styles.xml")) is not None


@contextmanager
def _silence() -> Iterator[None]:
    """Let nothing reach the terminal, not even what is written past Python."""
    sys.stdout.flush()
    sys.stderr.flush()
    kept = [os.dup(number) for number in (1, 2)]
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        for number in (1, 2):
            os.dup2(nowhere, number)
        yield
    finally:
        for number, copy in zip((1, 2), kept, strict=True):
            os.dup2(copy, number)
            os.close(copy)
        os.close(nowhere)


def _plain(path: Path, target: Path) -> Path:
    """Write a copy of a workbook that has its cells and names, and nothing of how it looks."""
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.workbook.defined_name import DefinedName

    book = _opened(path, data_only=False)
    plain = Workbook(write_only=True)
    for sheet in book.worksheets:
        copy = plain.create_sheet(sheet.title)
        for row in sheet.iter_rows():
            cells = []
            for cell in row:
                cells.append(WriteOnlyCell(copy, cell.value))
                if isinstance(cell.value, str):  # a text may begin with =
                    cells[-1].data_type = cell.data_type
            copy.append(cells)
    for name, found in book.defined_names.items():
        plain.defined_names[name] = DefinedName(name, attr_text=found.attr_text)
    plain.save(target)
    return target


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


def _libreoffice(
    path: Path, formulas: Formulas, numbers: Mapping[Place, float]
) -> tuple[Cells, list[Place]]:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        if numbers:
            changed = _opened(path, data_only=False, read_only=False)
            for (sheet, cell), number in numbers.items():
                changed[sheet][cell].value = number
            path = Path(folder) / "copy.xlsx"
            changed.save(path)
        book = _opened(recalculate(path, Path(folder)), data_only=True)
        found: Cells = {}
        for sheet in book.worksheets:
            for row in sheet.iter_rows():
                for cell in row:
                    if cell.value is not None and (sheet.title, cell.coordinate) in formulas:
                        found[sheet.title, cell.coordinate] = cell.value
    return found, []
