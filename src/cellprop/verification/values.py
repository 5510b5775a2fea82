"""What the parts of the verification hand one another: cells, their formulas and their values.

Knows what a cell can hold; knows nothing of files and engines.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

CellValue = float | str | bool | None
Address = tuple[str, str]
"""A cell: its sheet, and where it is on it, as `N18`."""

CellValues = dict[Address, CellValue]
Formulas = Mapping[Address, str]
Recalculate = Callable[[Path, Formulas, Mapping[Address, float]], tuple[CellValues, list[Address]]]
"""Returns the values of formulas, and the cells that it had to be asked for in another way; some
formulas are numbers instead.
"""


class ErrorText(str):
    """The text of an error, which a text such as the class `#1` is not."""

    __slots__ = ()


def is_error(value: CellValue) -> bool:
    """Whether a value is an error, or missing."""
    return value is None or isinstance(value, ErrorText)


def shows_formula(formula: str) -> bool:
    """Whether a formula says what another is."""
    return "FORMULATEXT(" in formula
