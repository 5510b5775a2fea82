"""How numbers are shown: at least two significant digits, the same decimals in a matrix."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from cellprop.algebra import Array

SCIENTIFIC = "0.0E+00"
MOST_DECIMALS = 6
# From here on a plain number is too wide to read.
LARGE = 1e7


@dataclass(frozen=True)
class Format:
    """A number format for a matrix.

    Attributes:
        decimals: How many; None for scientific notation.
        exact: Whether that shows every number in full.
    """

    decimals: int | None
    exact: bool = False

    @property
    def code(self) -> str:
        """The spreadsheet's code: `0.00`."""
        if self.decimals is None:
            return SCIENTIFIC
        return f"0.{'0' * self.decimals}" if self.decimals else "0"

    def show(self, value: float) -> str:
        """Return a number as the spreadsheet shows it."""
        return f"{value:.1E}" if self.decimals is None else f"{value:.{self.decimals}f}"

    def unfit(self, cell: str) -> str | None:
        """Return the condition under which a cell's number, typed or recomputed later, would
        not show its digits in this format.
        """
        if self.decimals is None:
            return None
        if self.exact:
            return f"{cell}<>ROUND({cell},{self.decimals})"
        least = f"{0.095 * 10.0 ** (2 - self.decimals):.3g}"
        return f"AND({cell}<>0,OR(ABS({cell})<{least},ABS({cell})>={LARGE:.0f}))"

    @property
    def fallback(self) -> str:
        """The code for numbers that this format does not fit."""
        return "General" if self.exact else SCIENTIFIC


def choose(values: Array, *, given: bool) -> Format:
    """Return the format that shows every number of a matrix.

    >>> choose(np.array([[0.0016, 0.25]]), given=False).code
    '0.0000'
    >>> choose(np.array([[1.0, 0.0]]), given=True).code
    '0'
    """
    sizes = np.abs(values[values != 0])
    if sizes.size and sizes.max() >= LARGE:
        return Format(None)
    if given:
        decimals = max(_decimals_of(value) for value in values.ravel().tolist())
        if decimals <= MOST_DECIMALS:
            return Format(decimals, exact=True)
    least = sizes.min() if sizes.size else 1.0
    # 0.0996 would do with a digit less, as 0.10; one too many does no harm.
    decimals = max(2, 1 - int(np.floor(np.log10(least))))
    return Format(decimals if decimals <= MOST_DECIMALS else None)


def cut(text: str, most: int) -> str:
    """Return a text that takes no more than so many places, cut with an ellipsis where it must be.

    >>> cut("learning", 6), cut("rate", 6)
    ('learn…', 'rate')
    """
    from rich.cells import cell_len, set_cell_size

    return text if cell_len(text) <= most else set_cell_size(text, most - 1).rstrip() + "…"


def _decimals_of(value: float) -> int:
    """Return how many decimals it takes to write a number in full."""
    exponent = Decimal(repr(value)).normalize().as_tuple().exponent
    return max(0, -int(exponent))
