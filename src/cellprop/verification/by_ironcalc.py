"""Recalculating a workbook with IronCalc, which is embedded and reads the file by itself."""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from cellprop.errors import InputError
from cellprop.files.opening import archive_of, content
from cellprop.files.safe import label
from cellprop.limits import BUILT, MOST_ROWS
from cellprop.verification.reading import opened
from cellprop.verification.restating import restated
from cellprop.verification.values import Address, CellValue, CellValues, Formulas, shows_formula


def values_by_ironcalc(
    path: Path, formulas: Formulas, numbers: Mapping[Address, float]
) -> tuple[CellValues, list[Address]]:
    """Return the values of formulas as IronCalc computes them; `numbers` stand instead of some.

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
        The values, and the cells whose comparisons had to be restated.
    """
    try:
        model = _Model(path, numbers)
        found = {address: model.value(address) for address in formulas}
        close = model.compare_exactly(formulas)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # a panic in Rust is not an Exception
        raise InputError(f"{path}: IronCalc can't read it: {error}.") from None
    if close:
        # A formula's text is what stands in the file, not what was asked instead.
        texts = {address for address, formula in formulas.items() if shows_formula(formula)}
        found |= {address: model.value(address) for address in formulas if address not in texts}
    return found, close


class _Model:
    """A workbook as IronCalc has it, recalculated with numbers instead of some formulas."""

    def __init__(self, path: Path, numbers: Mapping[Address, float]) -> None:
        import ironcalc

        self.model = _loaded(path)
        names = [sheet["name"] for sheet in self.model.get_worksheets_properties()]
        self.sheets = {name: i for i, name in enumerate(names)}
        self._column = cache(ironcalc.column_number_from_name)
        for address, number in numbers.items():
            self.model.set_user_input(*self.at(address), repr(number))
        self.model.evaluate()

    def at(self, address: Address) -> tuple[int, int, int]:
        """Return the number of a cell's sheet, its row and its column."""
        from openpyxl.utils.cell import coordinate_from_string

        sheet, cell = address
        letters, row = coordinate_from_string(cell)
        return self.sheets[sheet], row, self._column(letters)

    def value(self, address: Address) -> CellValue:
        """Return the value of a cell."""
        value: CellValue = self.model.get_cell_value(*self.at(address))
        return value

    def compare_exactly(self, formulas: Formulas) -> list[Address]:
        """Restate comparisons, if any is of numbers that are too close together for the engine;
        return the cells of those that are.
        """
        texts = {address: restated(formula) for address, formula in formulas.items()}
        texts = {address: text for address, text in texts.items() if text != formulas[address]}
        # Below everything else on the sheet, the same is asked in the other way.
        ends = {name: self.model.get_sheet_dimensions(i)[1] for name, i in self.sheets.items()}
        beside = {
            address: (self.sheets[address[0]], ends[address[0]] + 1 + k, 1)
            for k, address in enumerate(texts, 1)
        }
        if any(row > MOST_ROWS for _, row, _ in beside.values()):
            return []
        for address, text in texts.items():
            self.model.set_user_input(*beside[address], text)
        self.model.evaluate()
        told = [address for address in texts if self._differs(address, beside[address])]
        # What compares texts can't be asked so.
        texts = {p: text for p, text in texts.items() if not self._fails(beside[p])}
        if not any(address in texts for address in told):
            return []
        for address, text in texts.items():
            self.model.set_user_input(*self.at(address), text)
            self.model.set_user_input(*beside[address], formulas[address])
        self.model.evaluate()
        return [address for address in texts if self._differs(address, beside[address])]

    def _differs(self, address: Address, beside: tuple[int, int, int]) -> bool:
        return bool(self.value(address) != self.model.get_cell_value(*beside))

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

    book = opened(path, data_only=False)
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
