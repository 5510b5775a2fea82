"""Numbers as people and programs write them, where a cell holds a text.

Knows texts; knows nothing of cells, questions or marks.
"""

from __future__ import annotations

import re

# With a decimal point or comma.
NUMBER = re.compile(r"[+-]?(\d+[.,]?\d*|[.,]\d+)([eE][+-]?\d{1,3})?", re.ASCII)
# Minus signs as they are typeset, and what stands between thousands: where only one comma or point
# does, it may as well be the decimal one, and is.
MINUS = str.maketrans(
    dict.fromkeys("\N{MINUS SIGN}\N{EN DASH}\N{HYPHEN}\N{FULLWIDTH HYPHEN-MINUS}", "-")
)
THOUSANDS = re.compile(r"(?<=\d)['’\s](?=\d{3}(?!\d))")
GROUPED = re.compile(
    r"([+-]?\d{1,3})((?:,\d{3})+(?=\.\d)|(?:\.\d{3})+(?=,\d)|(?:[,.]\d{3}){2,})(.*)"
)


def number_in(text: str | None) -> float | None:
    """Return the number of a text as people or programs write one; None if it is none.

    With a decimal comma, a typographic minus, blanks around it or between thousands, the
    apostrophe by which spreadsheets keep a text, a per cent sign.

    >>> number_in(" \N{MINUS SIGN}0,5"), number_in("'1.5e-3"), number_in("1,234.5")
    (-0.5, 0.0015, 1234.5)
    """
    if text is None:
        return None
    plain = text.strip().removeprefix("'").translate(MINUS).strip()
    plain, per_cent = plain.removesuffix("%").strip(), plain.endswith("%")
    plain = THOUSANDS.sub("", plain)
    if (grouped := GROUPED.fullmatch(plain)) is not None:
        plain = grouped[1] + re.sub("[,.]", "", grouped[2]) + grouped[3]
    if not NUMBER.fullmatch(plain):
        return None
    number = float(plain.replace(",", "."))
    return number / 100 if per_cent else number
