"""What a cell of a workbook holds: as XML stores it, and as it is safe to hand on.

Knows cells, their values and dates; knows nothing of archives and how they are read.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import date, timedelta
from functools import reduce
from typing import NamedTuple

from cellprop.files.opening import Value
from cellprop.files.safe import label

# A name for more cells than this is none of ours.
MOST_CELLS = 1_000_000
# Of a text so much is returned; a cell of Excel stores up to 32,767 characters.
LONGEST_SHOWN, LONGEST_STORED = 100, 32_767
# What stands for the value of a formula that has none and can't be computed.
NOT_COMPUTED = "formula"


@dataclass(frozen=True)
class Block:
    """A rectangle of cells.

    Attributes:
        sheet: The name of its sheet.
        row, column: Its first cell, counted from 1.
        rows, columns: Its size.
    """

    sheet: str
    row: int
    column: int
    rows: int
    columns: int


class Entry(NamedTuple):
    """What a cell holds.

    Attributes:
        value: As `Submission.cells` has it.
        date: The date or time that it shows, if it is one that a program made of a number that was
            typed: `a date: 2026-05-01`.
        is_unread: Whether it is a formula without a stored value that can't be computed here. That
            is no fault of whoever wrote it.
    """

    value: Value
    date: str = ""
    is_unread: bool = False


# --- As it is stored -----------------------------------------------------------------------

CELL = re.compile(r"([A-Z]{1,3})([1-9][0-9]{0,6})")
AREA = re.compile(r"([A-Z]{1,3})([1-9][0-9]{0,6}):([A-Z]{1,3})([1-9][0-9]{0,6})")
WHOLE = re.compile(r"[0-9]{1,7}")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")


class StoredCell(NamedTuple):
    """What a cell holds, whether by a formula, whether the formula's value is missing, or can't be
    computed; whether it may spill into others; the number of its style, and what kind it is.
    """

    value: Value
    is_formula: bool = False
    is_missing: bool = False
    is_unread: bool = False
    spills: bool = False
    style: str = ""
    kind: str = ""


StoredCells = dict[tuple[int, int], StoredCell]
CELL_NOT_COMPUTED = StoredCell(NOT_COMPUTED, is_formula=True)


def value_of(kind: str, text: str) -> Value:
    """Return the value of a cell of a kind that its file writes as a text."""
    if kind == "b":
        return {"0": "FALSE", "1": "TRUE"}.get(text) or shown(plain(text.upper()))
    if kind == "n" and _NUMBER.fullmatch(text) and math.isfinite(number := float(text)):
        return number
    return shown(plain(text))


def plain(text: str) -> str:
    """Return a stored text as it was typed: with characters that XML lacks, and not too long."""
    return unescaped(text).strip()[: LONGEST_SHOWN + 1]


def unescaped(text: str) -> str:
    """Return a stored text with the characters that XML lacks."""
    return _ESCAPED.sub(lambda match: chr(int(match[1], 16)), text)


def shown(text: str) -> str | None:
    """Return a text safe to show and short; nothing for an empty one."""
    cut = f"{text[: LONGEST_SHOWN - 1]}…" if len(text) > LONGEST_SHOWN else text
    return label(cut) or None


def column_number(letters: str) -> int:
    """Return the number of a column, counted from 1: `B` is 2."""
    return reduce(lambda number, letter: 26 * number + ord(letter) - 64, letters, 0)


# --- Dates --------------------------------------------------------------------------------

# What a program makes of 1.5, 3-4 or 1/2/99 lies between these days (of 1926 and 2200), and what it
# makes of 1:30 is minutes.
_FIRST_DATE, _LAST_DATE, _MINUTES = 8_000, 110_000, 1440


def may_be_date(value: float) -> bool:
    """Whether a program may have made a day or a time of what was typed."""
    if value >= 1:
        return value.is_integer() and _FIRST_DATE <= value <= _LAST_DATE
    return 0 < value < 1 and math.isclose(value * _MINUTES, round(value * _MINUTES), rel_tol=1e-9)


def date_in_words(value: float, code: str, first_day: date) -> str:
    """Return a date or time in words, if a format with these letters shows it."""
    if value >= 1:
        return f"a date: {first_day + timedelta(days=int(value))}" if set(code) & set("dy") else ""
    minutes = round(value * _MINUTES)
    return f"a time: {minutes // 60:02}:{minutes % 60:02}" if set(code) & set("hs") else ""
