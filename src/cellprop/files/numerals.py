"""Reading numbers as people write them: what marks decimals and thousands, what stands around them.

A column is read as a whole, since one number may not tell: `1,200` is 1200 beside `3.5`, and 1.2
beside `0,5`. Where nothing tells, that is said; a guess could be wrong by a factor of a thousand.
Knows text only.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Literal

from cellprop.errors import InputError
from cellprop.files.safe import label

Mark = Literal["point", "comma"]
"""What stands before the decimals."""

# Full-width forms of ASCII; blanks, apostrophes and minus signs of every kind.
USUAL = (
    {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
    | dict.fromkeys(map(ord, "\u00a0\u1680\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009"), " ")
    | dict.fromkeys(map(ord, "\u200a\u202f\u205f\u3000"), " ")
    | dict.fromkeys(map(ord, "\u2018\u2019\u02bc\u00b4\u2032\u0060\uff07"), "'")
    | dict.fromkeys(map(ord, "\u2212\u2010\u2011\u2012\u2013\ufe63\uff0d"), "-")
    # What is not seen and may come along: marks of direction, byte order, joints.
    | dict.fromkeys(map(ord, "\ufeff\u200b\u200e\u200f\u2060\u061c"), None)
)
# By far the most numbers: nothing in them can be taken in two ways, or it is a point.
PLAIN = re.compile(
    r"[+-]?(?:(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?|inf|infinity)", re.ASCII | re.IGNORECASE
)
# As plain, with a decimal comma.
PLAIN_COMMA = re.compile(r"[+-]?\d+(?:,\d+)?(?:e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
# A mark that may stand between thousands.
THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}[.,]\d{3}", re.ASCII)
CURRENCIES = frozenset((
    "$", "€", "£", "¥", "₹", "₽", "₩", "₺", "₴", "₫", "฿", "₱", "₪", "₦", "₡", "₵", "¢", "US$",
    "R$", "A$", "C$", "HK$", "NZ$", "S$", "NT$", "Rs.", "Rs", "kr.", "kr", "zł", "Kč", "Fr.",
    "lei", "Ft", "USD", "EUR", "GBP", "JPY", "CHF", "INR", "CNY", "CAD", "AUD", "NZD", "SEK",
    "NOK", "DKK", "PLN", "CZK", "HUF", "BRL", "MXN", "ZAR", "TRY", "RUB", "KRW", "SGD", "HKD",
))  # fmt: skip
UNITS = frozenset((
    "%", "‰", "kg", "g", "mg", "µg", "μg", "t", "lb", "lbs", "oz", "km", "m", "cm", "mm", "µm",
    "nm", "mi", "ft", "in", "yd", "m²", "m2", "km²", "km2", "cm²", "ha", "m³", "m3", "l", "L",
    "dl", "ml", "mL", "s", "ms", "sec", "min", "h", "hr", "hrs", "d", "°", "°C", "°F", "K", "km/h",
    "kph", "mph", "m/s", "kg/m3", "kg/m³", "g/l", "mg/dl", "W", "kW", "kWh", "MW", "V", "mV", "A",
    "mA", "Hz", "kHz", "MHz", "GHz", "Pa", "hPa", "kPa", "MPa", "bar", "psi", "J", "kJ", "cal",
    "kcal", "N", "kN", "dB", "ppm", "kB", "KB", "MB", "GB", "TB", "px", "hp", "rpm", "mpg", "cc",
))  # fmt: skip
# One that is not known: letters only, since `x10` or `_0` may be part of the number.
UNIT = re.compile(r"(?:[^\W\d_]|[°µ/%])+")
LONGEST_UNIT = 12
# Of a number with all that stands around it; a longer text would be searched for ever.
LONGEST = 100
HUNDREDTHS = {"%": 100.0, "‰": 1000.0}


@dataclass(frozen=True)
class Written:
    """How the numbers of a column are written.

    Attributes:
        values: The numbers.
        around: What stands around each of them and is left out: a currency, a unit, `%`.
        grouped: The first with commas taken to stand between thousands though the column itself
            does not tell; empty if there is none.
    """

    values: list[float]
    around: str = ""
    grouped: str = ""


class FaultError(Exception):
    """A text of a column that can't be read as a number.

    Attributes:
        position: Which text, counted from 0.
        expected: What was expected instead.
        remedy: What to do; empty where that depends on what the column is.
    """

    def __init__(self, position: int, expected: str, remedy: str = "") -> None:
        super().__init__(position, expected, remedy)
        self.position, self.expected, self.remedy = position, expected, remedy


def cleaned(text: str) -> str:
    """Return a text in which digits, blanks, apostrophes and minus signs are the usual ones."""
    return text.translate(USUAL).strip()


# --- One number ---------------------------------------------------------------------------


@cache
def _pattern(mark: Mark) -> re.Pattern[str]:
    decimal, other = (r"\.", ",") if mark == "point" else (",", r"\.")
    western = rf"[1-9]\d{{0,2}}(?:(?P<g>[{other} '])\d{{3}})(?:(?P=g)\d{{3}})*(?:{decimal}\d*)?"
    indian = rf"[1-9]\d?(?:,\d{{2}})+,\d{{3}}(?:{decimal}\d*)?|" if mark == "point" else ""
    plain = rf"(?:\d+(?:{decimal}\d*)?|{decimal}\d+)(?:[eE][+-]?\d+)?"
    return re.compile(rf"{western}|{indian}{plain}", re.ASCII)


def number(text: str, mark: Mark) -> float | None:
    """Return the number that digits with their marks are, or None; a sign may stand before them.

    >>> number("1.200,50", "comma"), number("1,200", "point"), number("12,00", "point")
    (1200.5, 1200.0, None)
    """
    digits = text.lstrip("+-").lstrip()
    sign = text[: len(text) - len(digits)].strip()
    if len(sign) > 1:
        return None
    if not _pattern(mark).fullmatch(digits):
        return float(text) if PLAIN.fullmatch(text) and digits[:1].isalpha() else None
    decimal, others = (".", ", '") if mark == "point" else (",", ". '")
    for other in others:
        digits = digits.replace(other, "")
    return float(sign + digits.replace(decimal, "."))


def taken_apart(text: str, *, any_unit: bool) -> tuple[str, str] | None:
    """Return the digits of a text, with their sign, and what stands around them; None without any.

    `any_unit`: whether any short word after the number may be a unit; else only those known.

    >>> taken_apart("($1,200)", any_unit=False), taken_apart("5 apples", any_unit=True)
    (('-1,200', '$'), ('5', 'apples'))
    """
    if len(text) > LONGEST:
        return None
    # What accountants and some programs write for a negative number.
    negative = re.fullmatch(r"\((.*\d.*)\)|(.*\d\s*)-", text)
    if negative:
        text = (negative[1] or negative[2]).strip()
    found = re.fullmatch(
        r"(?P<sign>[+-]?)\s*(?P<before>(?:[^\d+\-.,'\s]*[^\W\d_]\.?|[^\d+\-.,'\s]+)?)\s*(?P<second>[+-]?)\s*"
        r"(?P<digits>[\d.,][\d., ']*?(?:[eE][+-]?\d+)?)\s*(?P<after>(?:[^\W\d_]|[%‰°$€£¥₹]).*)?",
        text,
        re.ASCII if text.isascii() else re.UNICODE,
    )
    if not found or not any(digit in found["digits"] for digit in "0123456789"):
        return None
    before, after = found["before"], found["after"] or ""
    sign = found["sign"] + found["second"]
    if negative:
        sign += "-"
    if len(sign) > 1 or (before and after) or not _is_around(before, after, any_unit):
        return None
    return sign + found["digits"].strip(), before or after


def _is_around(before: str, after: str, any_unit: bool) -> bool:
    if before and before not in CURRENCIES:
        return False
    known = not after or after in CURRENCIES or after in UNITS
    return known or (any_unit and len(after) <= LONGEST_UNIT and bool(UNIT.fullmatch(after)))


# --- A column -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Clues:
    """What numbers tell of how they are written.

    Attributes:
        point, comma: The positions of the first that have only one meaning, by their mark; None
            if there is none.
        either: That of the first with two meanings.
        either_marks: What stands in those: a point, a comma, or both.
    """

    point: int | None
    comma: int | None
    either: int | None
    either_marks: str = ""


def clues(texts: Sequence[str]) -> Clues:
    """Return the clues of texts to what marks decimals; those that are no numbers give none."""
    point = comma = either = None
    marks = ""
    for i, text in enumerate(texts):
        if "." not in text and "," not in text:
            continue
        if PLAIN.fullmatch(text) and not THOUSANDS.fullmatch(text):
            point = i if point is None else point
            continue
        if PLAIN_COMMA.fullmatch(text) and not THOUSANDS.fullmatch(text):
            comma = i if comma is None else comma
            continue
        apart = taken_apart(cleaned(text), any_unit=True)
        if apart is None:
            continue
        by_point, by_comma = number(apart[0], "point"), number(apart[0], "comma")
        if by_point == by_comma:
            continue
        if by_comma is None:
            point = i if point is None else point
        elif by_point is None:
            comma = i if comma is None else comma
        else:
            either = i if either is None else either
            marks += "".join(mark for mark in ".," if mark in apart[0] and mark not in marks)
    return Clues(point, comma, either, marks)


def parsed(texts: Sequence[str], mark: Mark, *, any_unit: bool) -> Written:
    """Return the numbers of a column.

    Raises
    ------
    FaultError
        At the first text that is no number with this mark, or has something else around it than
        the first.
    """
    if all(map(PLAIN.fullmatch, texts)) and (mark == "point" or "." not in "".join(texts)):
        return Written([float(text) for text in texts])
    if mark == "comma" and all(map(PLAIN_COMMA.fullmatch, texts)):
        return Written([float(text.replace(",", ".")) for text in texts])
    values: list[float] = []
    around: str | None = None
    for i, text in enumerate(texts):
        apart = taken_apart(cleaned(text), any_unit=any_unit)
        if apart is None and PLAIN.fullmatch(cleaned(text)):  # infinity
            apart = cleaned(text), around or ""
        value = number(apart[0], mark) if apart else None
        if apart is None or value is None:
            raise FaultError(i, "a number", _remedy(text, mark))
        if around is None:
            around = apart[1]
        elif apart[1] != around:
            said = (
                f"a number with '{label(around)}' as above" if around else "a number alone as above"
            )
            raise FaultError(i, said, "write all of them alike")
        values.append(value / HUNDREDTHS.get(around, 1.0))
    return Written(values, around or "")


def _remedy(text: str, mark: Mark) -> str:
    apart = taken_apart(cleaned(text), any_unit=True)
    if apart and number(apart[0], "comma" if mark == "point" else "point") is not None:
        other = "a point" if mark == "point" else "a comma"
        return f"write {other} before decimals, as in the rest"
    return ""


def read_column(
    texts: Sequence[str], elsewhere: Sequence[Clues], usual: str, *, any_unit: bool
) -> Written:
    """Return the numbers of a column, by its own marks or else by those of other columns.

    Parameters
    ----------
    texts
        The column.
    elsewhere
        What the columns of the file tell, this one among them.
    usual
        Which marks mean what they do in English where nothing tells, since they do in nearly every
        file of this kind.
    any_unit
        As `taken_apart` takes it.

    Raises
    ------
    FaultError
        For a text that is no number, or where nothing tells what its mark means.
    """
    own = clues(texts)
    if own.point is not None or own.comma is not None:
        # Where it has both, the first tells, and the other is refused as it is reached.
        first_is_comma = own.point is None or (own.comma is not None and own.comma < own.point)
        return parsed(texts, "comma" if first_is_comma else "point", any_unit=any_unit)
    if own.either is None:
        return parsed(texts, "point", any_unit=any_unit)
    points = any(other.point is not None for other in elsewhere)
    commas = any(other.comma is not None for other in elsewhere)
    if commas or not (points or set(own.either_marks) <= set(usual)):
        text = texts[own.either]
        raise FaultError(own.either, "a number that can be read in one way only", _asked(text))
    written = parsed(texts, "point", any_unit=any_unit)
    return replace(written, grouped=texts[own.either] if "," in own.either_marks else "")


def _asked(text: str) -> str:
    digits = (taken_apart(cleaned(text), any_unit=True) or ("", ""))[0]
    by_point, by_comma = number(digits, "point"), number(digits, "comma")
    return f"say --decimal point if it is {by_point:.12g}, --decimal comma if it is {by_comma:.12g}"


def mark_of(name: str | None) -> Mark | None:
    """Return the mark of decimals that an option says."""
    marks: dict[str, Mark] = {"point": "point", ".": "point", "comma": "comma", ",": "comma"}
    if name is None:
        return None
    if not isinstance(name, str) or name.strip().lower() not in marks:
        raise InputError(f"decimal: expected point or comma, found '{label(name)}'.")
    return marks[name.strip().lower()]


# The last mark with digits behind it, and what is around all digits.
_WRITTEN = re.compile(r"(.*)[.,](\d+)\D*", re.ASCII | re.DOTALL)


def decimals_written(texts: Iterable[str], values: Container[float]) -> int:
    """Return the number of decimals that numbers were written with, zeros at the end among them.

    `values`: what the texts were read as, without signs; the digits behind a mark between
    thousands are no decimals.

    >>> decimals_written(["7.0", "12"], [7, 12]), decimals_written(["1,200", "x"], [1200])
    (1, 0)
    """
    found = 0
    for text in texts:
        match = _WRITTEN.fullmatch(text)
        if match and len(match[2]) > found:
            before = re.sub(r"\D", "", match[1], flags=re.ASCII)
            if float(f"{before}.{match[2]}") in values:
                found = len(match[2])
    return found
