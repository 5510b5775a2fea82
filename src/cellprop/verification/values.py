"""What the parts of the verification hand one another: cells, their formulas and their values.

Knows what a cell can hold; knows nothing of files and engines.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
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


# --- Numbers within texts ---------------------------------------------------------------------

# A number that was rounded: with a decimal point or comma, or a power of ten.
_ROUNDED = re.compile(r"(\d+(?:[.,]\d+(?:[eE][-−+]?\d+)?|[eE][-−+]?\d+))")


def shows_numbers(formula: str) -> bool:
    """Whether a formula puts rounded numbers into a text."""
    return re.search(r"\bTEXT\(", formula) is not None


def alike(text: str, other: str) -> bool:
    """Whether two texts are the same but for the last place of rounded numbers in them.

    What lies on a half may be rounded up by one spreadsheet and down by another.

    >>> alike("a[1, 1] = 0.81 · 0.3", "a[1, 1] = 0.82 · 0.3"), alike("a[1, 1]", "a[1, 2]")
    (True, False)
    """
    pieces, others = _ROUNDED.split(text), _ROUNDED.split(other)
    return len(pieces) == len(others) and all(
        _near(piece, found) if i % 2 else piece == found
        for i, (piece, found) in enumerate(zip(pieces, others, strict=True))
    )


def _near(number: str, other: str) -> bool:
    """Whether two numbers differ by no more than 1 in the last place that is shown of both."""
    found = [Decimal(text.replace(",", ".").replace("−", "-")) for text in (number, other)]
    places = [int(each.as_tuple().exponent) for each in found]
    return abs(found[0] - found[1]) <= Decimal(1).scaleb(max(places))
