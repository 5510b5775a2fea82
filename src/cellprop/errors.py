"""Errors meant for a user: one clear line each, never a traceback.

Every message names the place (file, row, column or matrix), what was expected, what was found
and what to do. The command line prints the line and exits with `exit_code`.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from difflib import get_close_matches


class CellpropError(Exception):
    """Base of every error meant for a user. Its text is one line, whatever it names.

    Attributes:
        exit_code: What the command line exits with: 2 for usage or input, 1 for a failed check.
    """

    exit_code = 2

    def __init__(self, *args: object) -> None:
        super().__init__(*(visible(arg) if isinstance(arg, str) else arg for arg in args))


class ShapeError(CellpropError, ValueError):
    """Two matrices whose axes do not fit each other."""


class InputError(CellpropError, ValueError):
    """A number, table, name or file that can't be used as given."""


class UnknownNameError(CellpropError, KeyError):
    """A matrix, step or parameter that does not exist; the message lists those that do."""

    def __str__(self) -> str:
        # KeyError shows the repr of its argument; a user should read a sentence.
        return str(self.args[0])


class LimitError(CellpropError):
    """Something larger than a spreadsheet can hold."""


class OutputError(CellpropError):
    """A file that can't be written."""


def visible(text: str) -> str:
    r"""Return a text that is safe to show anywhere, and one line.

    Control characters (which could move a terminal's cursor, and which XML forbids) become
    their visible pictures, and halves of surrogate pairs the replacement character.

    >>> visible("a\tb\x1b[31m")
    'a␉b␛[31m'
    """
    # Nearly every text is plain, and is known to be without a look at each character.
    return text if text.isascii() and text.isprintable() else "".join(map(_visible, text))


def _visible(character: str) -> str:
    code = ord(character)
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "␡"
    kind = unicodedata.category(character)
    # Cs: half a surrogate pair; Cc: control; Zl, Zp: end a line. U+202A… reorder text around them;
    # XML has no U+FFFE/F.
    if (
        kind in ("Cs", "Cc", "Zl", "Zp")
        or code in (0xFFFE, 0xFFFF)
        or unicodedata.bidirectional(character)
        in ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")
    ):
        return "\N{REPLACEMENT CHARACTER}"
    return character


def nearest(word: str, choices: Iterable[str]) -> str:
    """Return `" Did you mean 'x'?"` for the choice most like `word`, or an empty string.

    >>> nearest("d_ouput", ["output", "d_output", "E"])
    " Did you mean 'd_output'?"
    >>> nearest("banana", ["X", "y"])
    ''
    """
    by_lower = {choice.lower(): choice for choice in choices}
    found = get_close_matches(word.lower(), by_lower, n=1, cutoff=0.6)
    return f" Did you mean '{by_lower[found[0]]}'?" if found else ""
