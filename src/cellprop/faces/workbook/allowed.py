"""Which numbers may be typed, so that none of them turns a cell into an error.

What overflows in a spreadsheet is an error, and one that spreads. Formulas that kept every number
small would show little else, so cells refuse larger numbers instead: larger than this network can
calculate with, layer for layer. Where numbers grow on and on, in training row by row, they stop at
the same limits.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf

import numpy as np

from cellprop.algebra import Array
from cellprop.algebra.ranges import Range, ranges, widened
from cellprop.running.run import Update

Numbers = Mapping[str, Array]
"""Numbers of matrices, by name."""

# The largest number that may be typed in any workbook, as a power of ten; and the least that may
# be the largest, in networks of a great many layers.
HIGHEST, LOWEST = 50, 1
# A million is enough: nobody's formula gets longer for more.
ENOUGH = 6
# Settings that are from 0 to below 1, and how far below. (The others are 0 or more.)
BELOW_1 = 0.999999
# By how much a sheet goes beyond the inputs that are typed: the decision boundary a little.
BEYOND = 2.0
# From here on a limit is written as a power of ten.
LONG = 1e6


@dataclass(frozen=True)
class Allowed:
    """Which numbers may be typed, and between which all others stay then.

    Attributes:
        ranges: Of each matrix on the steps' sheets, by name.
        links_stop: Whether a network that predicts with updated parameters is to take them up to
            what may be typed only; else as they are.
    """

    ranges: Mapping[str, Range]
    links_stop: bool

    def stopped(self, name: str, new: str, formulas: list[list[str]]) -> list[list[str]]:
        """Return formulas of what replaces a matrix that stop at what may be typed for it; as they
        are, if none can go beyond.
        """
        if widened(self.ranges[name], self.ranges[new]) == self.ranges[name]:
            return formulas
        least, most = map(in_formula, self.ranges[name])
        return [[f"MAX({least},MIN({most},{text}))" for text in row] for row in formulas]

    def has(self, name: str, values: Array) -> bool:
        """Return True if all of an array's numbers may be typed for a matrix."""
        least, most = self.ranges[name]
        return bool(((least <= values) & (values <= most)).all())


def allowed(update: Update, others: Sequence[Numbers] = ()) -> Allowed:
    """Return the ranges that may be typed in an update's workbook: as keep all else finite.

    `others`: what it has of the same matrices on other sheets, by name.
    """
    found = _most_allowed(update, others, ENOUGH, links_stop=False)
    found = found or _most_allowed(update, others, LOWEST, links_stop=True)
    if found:
        return found
    # So many layers, or so large numbers to begin with, that nothing is safe.
    endless = dict.fromkeys(update.names, (-inf, inf))
    return Allowed(endless | _typed(update, others, LOWEST), links_stop=True)


def _most_allowed(
    update: Update, others: Sequence[Numbers], enough: int, *, links_stop: bool
) -> Allowed | None:
    """Return the ranges that may be typed; None if they end below `enough`, a power of ten."""

    def attempt(exponent: int) -> Allowed | None:
        typed = _typed(update, others, exponent)
        try:
            return Allowed(_ranges(update, typed, links_stop=links_stop), links_stop)
        except OverflowError:
            return None

    # Those that are safe come after those that are not.
    exponents = range(HIGHEST, enough - 1, -1)
    safe = bisect_left(exponents, True, key=lambda k: attempt(k) is not None)
    return attempt(exponents[safe]) if safe < len(exponents) else None


def _ranges(update: Update, typed: Mapping[str, Range], *, links_stop: bool) -> dict[str, Range]:
    """Return the range of each matrix, from what may be typed.

    Raises
    ------
    OverflowError
        If a cell could overflow, on any sheet.
    """
    program = update.program
    found = ranges(program.matrices, typed)
    # Samples of one's own are scaled by numbers that do not come from them.
    forward = program.forward
    if program.is_written:
        return found  # nor is there anything of one's own
    known = dict(typed) | {matrix.name: found[matrix.name] for matrix in forward.scaling}
    raw = forward.input.name
    known[raw] = found[raw][0] * BEYOND, found[raw][1] * BEYOND
    if not links_stop:
        known |= {name: widened(found[name], found[m.name]) for name, m in program.updates.items()}
    scaled = (forward.entered,) if forward.scaling else ()
    ranges((*scaled, *forward.brings), known)
    return found


def _typed(update: Update, others: Sequence[Numbers], exponent: int) -> dict[str, Range]:
    """Return the range of each matrix that is given, by name, with a power of ten as the limit;
    it holds at least the numbers that the workbook has there already.
    """
    program = update.program
    found = {}
    for name in (matrix.name for matrix in program.given):
        role = program.roles[name]
        values = [update.values[name], *(each[name] for each in others if name in each)]
        if name in program.updates:
            values.append(update.values[program.updates[name].name])
        largest = max(float(np.abs(array).max()) for array in values)
        if role == "share":
            found[name] = 0.0, max(BELOW_1, largest)
        elif role == "counter":
            found[name] = 0.0, max(1.0, largest)
        else:
            # What a rule remembers may be a square.
            limit = min(2 * exponent, HIGHEST) if role == "remembered" else exponent
            while _power(limit) < largest:
                limit += 1
            found[name] = 0.0 if role == "setting" else -_power(limit), _power(limit)
    return found


def _power(exponent: int) -> float:
    """Return a power of ten, to the last bit as a formula reads it."""
    return float(f"1e{exponent}")


def in_formula(number: float) -> str:
    """Return a number as a formula has it: written out, since HyperFormula reads no 1E+22."""
    text = as_typed(number)
    mantissa, power, exponent = text.partition("E+")
    return f"{mantissa}{'0' * int(exponent)}" if power else text


def as_typed(number: float) -> str:
    """Return a number as it is typed: 1E+50."""
    return f"{number:.15g}" if abs(number) < LONG else f"{number:.0E}"
