"""What a page says above and below a sheet, as the codes of a header and a footer."""

from __future__ import annotations

from collections.abc import Sequence

from cellprop.texts.formats import cut
from cellprop.texts.words import Words

# A header has room for 255 characters, in which a word's & counts twice.
LONGEST_HEADER, LONGEST_FOOTER = 100, 200
# The states of cells that the foot of a page explains.
KEY = ("active", "read", "quiet", "ghost")


def page_of(words: Words) -> str:
    """Return the words for a page's number as a header's code, in which & begins a field."""
    text = words("sheet.page", page="\0", pages="\1")[:LONGEST_HEADER]
    return text.replace("&", "&&").replace("\0", "&P").replace("\1", "&N")


def foot_of(words: Words) -> str:
    """Return the key of the cells' states as a footer's code."""
    text = " · ".join(f"{words(f'key.{state}')}: {words(f'sheet.{state}')}" for state in KEY)
    return text[:LONGEST_FOOTER].replace("&", "&&")


def follows_of(words: Words, names: Sequence[str]) -> str:
    """Return what stands at the foot of a page after which others follow, as a footer's code: the
    names of the matrices on these.
    """
    return cut(words("sheet.follows", names=", ".join(names)), LONGEST_FOOTER).replace("&", "&&")
