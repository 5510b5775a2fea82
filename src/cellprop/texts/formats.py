"""How numbers are shown: at least two significant digits, the same decimals in a matrix.

What was typed shows in full, a column of samples with the decimals of its own; and what an update
moved shows enough decimals to look moved.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache

import numpy as np

from cellprop.algebra import Array
from cellprop.running.run import Update

MOST_DECIMALS = 6
# The code that shows nothing.
UNSEEN = ";;;"
# From here on a plain number is too wide to read.
LARGE = 1e7
# What was typed is shown in full as far as that takes so many characters, plainly as long as it is
# short; and a spreadsheet keeps so many digits of it.
WIDEST_GIVEN, SHORT, MOST_DIGITS = 16, 12, 15
# The most digits after the point by which a number that moved is told from what it was. A smaller
# move has a sign.
MOST_TELLING = 9
UP, DOWN = "↑", "↓"
# So many decimals more have room in a cell whose move a typed number makes too small for it.
CLOSER = 2


@dataclass(frozen=True)
class Format:
    """A number format for a matrix, or for a column of samples.

    Attributes:
        decimals: How many; None for scientific notation.
        exact: Whether that shows every number in full.
        digits: How many stand after the point in scientific notation.
    """

    decimals: int | None
    exact: bool = False
    digits: int = 1

    @property
    def code(self) -> str:
        """The spreadsheet's code: `0.00`."""
        if self.decimals is None:
            return f"0.{'0' * self.digits}E+00"
        return f"0.{'0' * self.decimals}" if self.decimals else "0"

    def show(self, value: float) -> str:
        """Return a number as the spreadsheet shows it."""
        if self.decimals is None:
            return f"{value:.{self.digits}E}"
        return f"{value:.{self.decimals}f}"

    def unfit(self, cell: str) -> str | None:
        """Return the condition under which a cell's number, typed or recomputed later, would
        not show its digits in this format.
        """
        if self.decimals is None:
            return None
        if self.exact:
            return f"OR({cell}<>ROUND({cell},{self.decimals}),ABS({cell})>={LARGE:.0f})"
        return f"AND({self._unread(cell, self.decimals)})"

    @staticmethod
    def _unread(cell: str, decimals: int) -> str:
        """Return the conditions under which a number is too small or too large for decimals."""
        least = f"{0.095 * 10.0 ** (2 - decimals):.3g}"
        return f"{cell}<>0,OR(ABS({cell})<{least},ABS({cell})>={LARGE:.0f})"

    @property
    def fallback(self) -> str:
        """The code for numbers that this format does not fit."""
        return "General" if self.exact else Format(None).code

    # --- What moved -------------------------------------------------------------------------

    def tells(self, new: float, old: float) -> bool:
        """Whether a number that moved looks moved in this format.

        >>> Format(2).tells(0.3004, 0.30), Format(4).tells(0.3004, 0.30)
        (False, True)
        """
        if self.decimals is None:
            return abs(new - old) >= abs(new) * 10.0**-self.digits
        # A spreadsheet rounds a half up, Python to the even digit.
        if float(self.show(new)) == float(self.show(old)):
            return False
        unit = Decimal(1).scaleb(-self.decimals)
        halves = [Decimal(repr(v)).quantize(unit, ROUND_HALF_UP) for v in (new, old)]
        return halves[0] != halves[1]

    @property
    def closer(self) -> Format:
        """The format with the decimals that there is room for where a move would not be seen."""
        if self.decimals is None:
            return self
        return Format(max(self.decimals + CLOSER, MOST_DECIMALS))

    def moves(self, new: str, old: str) -> list[tuple[str, str]]:
        """Return rules that keep a move visible when numbers change: conditions and their codes.

        Parameters
        ----------
        new, old
            The cell of a number that an update computes, and that of what it replaces.
        """
        if self.decimals is None:
            return self._signed(f"ABS({new}-{old})<ABS({new})*1E-{self.digits:02}", new, old)
        closer, scientific = self.closer, Format(None)
        alike = f"ROUND({new},{self.decimals})=ROUND({old},{self.decimals})"
        seen = f"ROUND({new},{closer.decimals})<>ROUND({old},{closer.decimals})"
        unread = self._unread(new, self.decimals)
        return [
            *scientific._signed(f"{unread},ABS({new}-{old})<ABS({new})*0.1", new, old),
            (f"AND({unread})", scientific.code),
            (f"AND({new}<>{old},{alike},{seen})", closer.code),
            *self._signed(alike, new, old),
        ]

    def nears(self, old: str, new: str) -> list[tuple[str, str]]:
        """Return rules that show a number with as many digits as what replaces it."""
        found = self.moves(new, old)
        return [(condition, code) for condition, code in found if code == self.closer.code]

    def _signed(self, condition: str, new: str, old: str) -> list[tuple[str, str]]:
        """Return rules that say by a sign which way a number moved while a condition holds."""
        return [
            (f"AND({new}{way}{old},{condition})", f'{self.code}"{sign}"')
            for way, sign in ((">", UP), ("<", DOWN))
        ]


# --- The format of a matrix -----------------------------------------------------------------


def choose(values: Array, *, given: bool, decimals: int = 0) -> Format:
    """Return the format that shows every number of a matrix.

    Parameters
    ----------
    values
        The numbers.
    given
        Whether they were typed, and not computed.
    decimals
        How many they were typed with, at least: 1 for 7.0.

    >>> choose(np.array([[0.0016, 0.25]]), given=False).code
    '0.0000'
    >>> choose(np.array([[1.0, 0.0]]), given=True).code
    '0'
    """
    if given and (exact := _in_full(values, decimals)):
        return exact
    sizes = np.abs(values[values != 0])
    if sizes.size and sizes.max() >= LARGE:
        return Format(None)
    least = sizes.min() if sizes.size else 1.0
    # 0.0996 would do with a digit less, as 0.10; one too many does no harm.
    decimals = max(2, 1 - int(np.floor(np.log10(least))))
    return Format(decimals if decimals <= MOST_DECIMALS else None)


def _in_full(values: Array, least: int) -> Format | None:
    """Return the shortest format that shows every number as it was typed; None if that is long."""
    digits, decimals = 1, min(least, MOST_DECIMALS)
    numbers = values.ravel().tolist()
    for value in numbers:
        written = Decimal(repr(value)).normalize().as_tuple()
        digits = max(digits, len(written.digits))
        decimals = max(decimals, -int(written.exponent))
        if digits > MOST_DIGITS or decimals > WIDEST_GIVEN:
            return None
    plain = Format(decimals, exact=True)
    ends = min(numbers), max(numbers)
    width = max(len(plain.show(value)) for value in ends)
    if decimals <= MOST_DECIMALS and width <= SHORT:
        return plain
    scientific = Format(None, exact=True, digits=max(1, digits - 1))
    short = max(len(scientific.show(value)) for value in ends)
    found, room = (plain, width) if width <= short else (scientific, short)
    return found if room <= WIDEST_GIVEN else None


# --- The formats of an update -----------------------------------------------------------------


Formats = tuple[Format, ...]
"""The format of each column of a matrix; the same throughout, but for samples as they are given."""


def of_update(update: Update) -> dict[str, Formats]:
    """Return the formats of every matrix of a update, by name."""
    found, typed = {}, {*update.program.given} - {*update.program.having("rest")}
    for matrix in update.program.matrices:
        values, given = update.values[matrix.name], matrix in typed
        if given and matrix.rows is update.program.samples:
            found[matrix.name] = of_columns(values, update.written.get(matrix.name, ()))
        else:
            found[matrix.name] = (choose(values, given=given),) * matrix.columns.size
    for old, new in update.program.updates.items():
        shown = together(update.values[old], update.values[new.name], found[old][0])
        found[old], found[new.name] = ((form,) * new.columns.size for form in shown)
    return found


def of_matrix(columns: Formats) -> Format:
    """Return one format for a matrix whose columns may have their own: that of most decimals."""
    return max(columns, key=lambda form: -1 if form.decimals is None else form.decimals)


def of_columns(values: Array, written: Sequence[int] = ()) -> Formats:
    """Return a format for each column of samples, whose inputs may be of any size.

    `written`: with how many decimals each was typed, where that is known.
    """
    least = written or (0,) * values.shape[1]
    return tuple(choose(values[:, [j]], given=True, decimals=d) for j, d in enumerate(least))


def replaced(update: Update) -> Mapping[str, str]:
    """Return the names of the matrices that updated ones replace, by theirs: `wh` for `wh_new`."""
    return {new.name: old for old, new in update.program.updates.items()}


def together(old: Array, new: Array, shown: Format) -> tuple[Format, Format]:
    """Return the formats of a matrix and of what replaces it: every number that moved looks it.

    Parameters
    ----------
    old, new
        Their numbers.
    shown
        How the old ones are shown by themselves. Where that is not in full, both are shown alike:
        beside a rounded number a move would look larger or smaller than it is.
    """
    usual = choose(new if shown.exact else np.vstack([old, new]), given=False)
    if usual.decimals is None:
        # As many digits as the old ones have, so that one that stays looks it.
        least = shown.digits if shown.exact and shown.decimals is None else 1
        most = max(MOST_TELLING, least)
        candidates = [Format(None, digits=k) for k in range(least, most + 1)]
    else:
        least = max(usual.decimals, shown.decimals or 0)
        most = max(MOST_TELLING, least)
        candidates = [Format(decimals) for decimals in range(least, most + 1)]
    moved = new != old
    pairs = list(zip(new[moved].tolist(), old[moved].tolist(), strict=True))
    told = [pair for pair in pairs if candidates[-1].tells(*pair)]
    found = next(form for form in candidates if all(form.tells(*pair) for pair in told))
    return (shown if shown.exact else found), found


# --- Texts ------------------------------------------------------------------------------------


# A longer label would make a row higher than a spreadsheet lets it be.
LONGEST_LABEL = 290
# In how many places the labels above a column of numbers stand at most, and those beside it.
WIDEST_HEAD, WIDEST_SIDE = 18, 30
# A label above a column takes no more lines than this where the column may be wider.
FEW_LINES = 3


def lines(text: str, width: int) -> list[str]:
    """Return the lines of a text that is no wider than so many places; long words are broken.

    >>> lines("concrete strength", 9), lines("megapascals", 6)
    (['concrete', 'strength'], ['megapa', 'scals'])
    """
    from rich.cells import cell_len, chop_cells

    found = [""]
    for word in text.split(" "):
        longer = f"{found[-1]} {word}" if found[-1] else word
        if cell_len(longer) <= width:
            found[-1] = longer
        else:
            found[len(found) - (not found[-1]) :] = chop_cells(word, width)
    return found


@lru_cache(maxsize=4096)
def width_above(label: str, least: int) -> int:
    """Return in how many places a label is to stand above a column that has at least so many: so
    that no word is broken, in few lines.
    """
    from rich.cells import cell_len

    label = cut(label, LONGEST_LABEL)
    least = min(max(least, *map(cell_len, label.split(" "))), WIDEST_HEAD)
    for most in range(1 + (cell_len(label) > least), FEW_LINES + 1):
        for width in range(least, WIDEST_HEAD + 1):
            if len(lines(label, width)) <= most:
                return width
    return WIDEST_HEAD


@lru_cache(maxsize=4096)
def cut(text: str, most: int) -> str:
    """Return a text that takes no more than so many places, cut with an ellipsis where it must be.

    >>> cut("learning", 6), cut("rate", 6)
    ('learn…', 'rate')
    """
    from rich.cells import cell_len, set_cell_size

    return text if cell_len(text) <= most else set_cell_size(text, most - 1).rstrip() + "…"
