"""What stands in a table where nothing is known: spellings of it, and the objects of libraries."""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Any

from cellprop.files.arrays import is_nothing as is_blank

# What stands where there is no number, or no class, in lower case.
MISSING = frozenset((
    "na", "n/a", "n.a.", "n.a", "#n/a", "#n/a!", "#na", "<na>", "nan", "-nan", "+nan", "nat",
    "null", "#null!", "none", "nil", "missing", "(missing)", "k.a.", "n.d.", "n.k.", "(blank)",
    "(empty)", "(null)", "(none)", "<null>", "<none>", "-", "--", "---", "–", "—", "?",
    "??", ".", "..", "...", "…", "\\n", "*", "''",
    # What a spreadsheet program saves where a formula failed.
    "#value!", "#ref!", "#div/0!", "#name?", "#num!", "#error!",
))  # fmt: skip


def is_missing(text: str, spellings: Collection[str] = MISSING) -> bool:
    """Whether a text says that nothing is known; so does one that is blank."""
    text = text.strip()
    return not text or text.casefold() in spellings


def is_nothing(cell: Any) -> bool:
    """Whether a cell of somebody's table is one of those that stand for a missing value."""
    return is_blank(cell) or (isinstance(cell, float) and math.isnan(cell))


def is_number(text: str) -> bool:
    """Whether a text is a number as Python writes one, and none that says that it is missing."""
    try:
        float(text)
    except ValueError:
        return False
    return not is_missing(text)
