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


def referred(formula: str) -> set[str]:
    """Return the single cells of its own sheet that a formula reads, as `N18`.

    >>> sorted(referred('=IF($T$3="B2",$X$4,AA4)'))
    ['AA4', 'T3', 'X4']
    """
    outside = "".join(formula.split('"')[::2])
    return {f"{column}{row}" for column, row in _CELL.findall(outside)}


_CELL = re.compile(r"(?<![\w!:'$.])\$?([A-Z]{1,3})\$?(\d+)(?![\w(:!])")

# --- Numbers within texts ---------------------------------------------------------------------

# A number that was rounded: with a decimal point or comma, or a power of ten.
_ROUNDED = re.compile(r"(\d+(?:[.,]\d+(?:[eE][-−+]?\d+)?|[eE][-−+]?\d+))")
# The same with a sign of its own, and the brackets around that.
_SIGNED = re.compile(rf"\([-−]{_ROUNDED.pattern}\)|[-−]?{_ROUNDED.pattern}")


def shows_numbers(formula: str) -> bool:
    """Whether a formula puts rounded numbers into a text."""
    return re.search(r"\bTEXT\(", formula) is not None


def alike(text: str, other: str, rounding: float = 0.0) -> bool:
    """Whether two texts are the same but for the last place of rounded numbers in them.

    What lies on a half may be rounded up by one spreadsheet and down by another. Numbers no larger
    than `rounding` are what is left where others cancel, of either sign: any is as good as 0.

    >>> alike("a[1, 1] = 0.81 · 0.3", "a[1, 1] = 0.82 · 0.3"), alike("a[1, 1]", "a[1, 2]")
    (True, False)
    >>> alike("1 − (−1.1E−16) = 1.00", "1 − 2.2E−16 = 1.00", rounding=1e-15)
    True
    """

    def without_rounding(found: re.Match[str]) -> str:
        number = _number(found[1] or found[2])
        return "0.0" if number <= rounding else found[0]

    text, other = (_SIGNED.sub(without_rounding, each) for each in (text, other))
    pieces, others = _ROUNDED.split(text), _ROUNDED.split(other)
    return len(pieces) == len(others) and all(
        _near(piece, found) if i % 2 else piece == found
        for i, (piece, found) in enumerate(zip(pieces, others, strict=True))
    )


def _near(number: str, other: str) -> bool:
    """Whether two numbers differ by no more than 1 in the last place that is shown of both."""
    found = [_number(text) for text in (number, other)]
    places = [int(each.as_tuple().exponent) for each in found]
    return abs(found[0] - found[1]) <= Decimal(1).scaleb(max(places))


def _number(text: str) -> Decimal:
    return Decimal(text.replace(",", ".").replace("−", "-"))
