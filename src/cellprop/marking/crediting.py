"""Whether numbers were worked for: what follows has to be calculated.

A matrix that is one number throughout, or a given matrix copied, earns nothing; and from numbers
that nothing explains, what takes no calculating earns nothing either. Knows a student's way and the
verdicts on it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cellprop.algebra import Applied, Array, Matrix, reads
from cellprop.marking.precision import Decimals
from cellprop.marking.slips import FORM
from cellprop.marking.verdicts import (
    CARRIED,
    COPIED,
    FULL,
    NOT_CALCULATED,
    NOT_UPDATED,
    ONE_NUMBER,
    OTHERS,
    RIGHT,
    ROUNDED,
    SLIP,
    Answer,
    Codes,
    Mask,
)
from cellprop.marking.ways import Way

# What takes no calculating: 0 or 1, a copy, a number that stands in the matrix already.
CONSTANT, COPY, REPEATED = 1, 2, 3
# Of nearly all numbers, at least this share.
NEARLY_ALL = 0.8
# A matrix is credible if at least this share of its numbers is right, follows, or is explained.
CREDIBLE = 0.5


class Crediting:
    """What of a student's way earns its marks.

    Parameters
    ----------
    way
        A student's way.
    """

    def __init__(self, way: Way) -> None:
        self.way = way
        # Matrices that nothing explains: what follows from them has to be calculated to count.
        self.guessed: set[str] = set()
        # Slips of form that were seen in numbers that differ from one another.
        self.habits: set[str] = set()

    def pass_on(self, matrix: Matrix) -> None:
        """Remember that a matrix without an answer is no more to be believed than what it reads."""
        if self._reads_guess(matrix):
            self.guessed.add(matrix.name)

    def weigh(self, matrix: Matrix, answer: Answer, verdicts: Codes, slips: NDArray[Any]) -> None:
        """Take away what was not calculated, and remember whether the matrix is to be believed."""
        on_guess = self._reads_guess(matrix)
        real = (verdicts == SLIP) & (not on_guess)
        # Who rounds everything away has left nothing; a slip that does so once is carried on from.
        vanished = np.isin(slips.astype(str), list(self.habits)) & (answer.values == 0)
        key, filled = self._filled(matrix, answer.values, verdicts, np.where(real, slips, ""))
        if key:
            verdicts[filled], slips[filled] = SLIP, key
        elif on_guess:
            free = self._free(matrix, answer.values, verdicts)
            verdicts[free], slips[free] = SLIP, NOT_CALCULATED
        else:
            self.habits |= set(slips[real & np.isin(slips.astype(str), FORM)].tolist())
        believed = (np.isin(verdicts, FULL) | (real & ~vanished)).sum()
        typed = (~np.isnan(answer.values)).sum()
        if typed and (key or believed < CREDIBLE * typed):
            self.guessed.add(matrix.name)

    def _reads_guess(self, matrix: Matrix) -> bool:
        assert matrix.definition is not None
        return any(operand.name in self.guessed for operand in reads(matrix.definition))

    def _filled(
        self, matrix: Matrix, found: Array, verdicts: Codes, slips: NDArray[Any]
    ) -> tuple[str, Mask]:
        """Return the key of how a matrix was filled in without calculating it, and a mask of where;
        an empty text and nowhere, if it was not.

        It was not, where other numbers of it are earned, where all these are and follow from
        numbers that are to be believed, or where a slip explains them.
        """
        earned = np.isin(verdicts, FULL)
        sound = verdicts == RIGHT if self._reads_guess(matrix) else earned
        typed, known = ~np.isnan(found), ~np.isnan(self.way.following[matrix.name])
        for key, same in self._fillings(matrix, found):
            if same.sum() < NEARLY_ALL * typed.sum() or (earned & ~same).any():
                continue
            told = same & known if (same & known).any() else same
            # A number that stands everywhere is every other sample's, too.
            everywhere = key == ONE_NUMBER and same.sum() == typed.sum()
            form = [slip for slip in FORM if slip not in self.habits]
            trivial = (*form, NOT_UPDATED, *(OTHERS if everywhere else ()))
            slipped = (slips != "") & ~np.isin(slips.astype(str), trivial)
            explained = (sound | slipped)[told]
            excused = slipped.any() and explained.sum() >= NEARLY_ALL * told.sum()
            as_right = sound[told].all() and not (key == NOT_UPDATED and self.updates_nothing)
            if not excused and not as_right:
                return key, same
        return "", np.zeros(found.shape, dtype=np.bool_)

    @cached_property
    def updates_nothing(self) -> bool:
        """Whether somewhere old numbers stand for new ones, rounding does not hide it, and nowhere
        is a change right. Then the same where rounding hides it is no update either.
        """
        is_idle = False
        for matrix in self.way.matrices:
            answer, old = self.way.answers.get(matrix.name), self.way.before.get(matrix.name)
            if answer is None or old is None:
                continue
            fits = self.way.fits(matrix, answer.values, self.way.true[matrix.name])
            if not self._reads_guess(matrix):
                fits |= self.way.fits(matrix, answer.values, self.way.following[matrix.name])
            same = self.way.fits(matrix, answer.values, old)
            if (fits & ~same).any():
                return False
            is_idle |= bool((same & ~fits).any() and (same | np.isnan(answer.values)).all())
        return is_idle

    def _fillings(self, matrix: Matrix, found: Array) -> Iterator[tuple[str, Mask]]:
        """Yield the keys of ways to fill a matrix in without calculating, each with a mask of where
        its numbers are so.

        Where the right numbers are all the same, one number throughout is no such way.
        """
        true, old = self.way.true[matrix.name], self.way.before.get(matrix.name)
        copies = [(NOT_UPDATED, old)] if old is not None else []
        for given in self.way.program.matrices:
            other = self.way.own[given.name]
            if given.definition is None and np.ptp(other):
                copies += [(COPIED, other), (COPIED, other.T)]
        for key, copy in copies:
            same = (
                abs(found - copy) <= 1e-12 * (1 + abs(copy)) if copy.shape == found.shape else None
            )
            if same is not None and same.sum() > (key == COPIED):
                yield key, same
        typed = found[~np.isnan(found)]
        if typed.size > 1:
            unit = self.way.precision.unit if isinstance(self.way.precision, Decimals) else 0.0
            numbers, counts = np.unique(typed, return_counts=True)
            same = found == numbers[counts.argmax()]
            if same.sum() > 1 and np.ptp(true[same]) > 1.5 * unit:
                yield ONE_NUMBER, same

    def _free(self, matrix: Matrix, found: Array, verdicts: Codes) -> Mask:
        """Return a mask of the numbers that follow but took no calculating: they come out as 0 or
        1, are copied from a number that they are calculated from, or stand in the matrix already.

        Numbers may stand there as often as in the right matrix; and an activation may copy what it
        likes.
        """
        kinds = self._kinds(matrix, found, self.way.own)
        usual = np.bincount(
            self._kinds(matrix, self.way.true[matrix.name], self.way.true).ravel(), None, 4
        )
        usual -= np.bincount(kinds[verdicts == RIGHT], None, 4)
        usual[CONSTANT] = 0
        whole = matrix.whole or matrix.definition
        if isinstance(whole, Applied) and whole.operation.is_activation:
            usual[COPY] = kinds.size
        free = np.zeros(matrix.shape, dtype=np.bool_)
        for i, j in np.argwhere(np.isin(verdicts, (CARRIED, ROUNDED)) & (kinds > 0)).tolist():
            usual[kinds[i, j]] -= 1
            free[i, j] = usual[kinds[i, j]] < 0
        return free

    def _kinds(self, matrix: Matrix, values: Array, known: Mapping[str, Array]) -> NDArray[np.int_]:
        """Return an array of codes: for each number `CONSTANT` (0, 1 or -1), `COPY` (of one that it
        is calculated from), `REPEATED` (it stands in the matrix already), or else 0.
        """
        limit = self.way.within(matrix, values).tolist()
        numbers = values.tolist()
        found = np.zeros(matrix.shape, dtype=np.int_)
        seen: list[float] = []
        for i, j in np.ndindex(matrix.shape):
            number, near = numbers[i][j], limit[i][j]
            ways = ((0.0, 1.0, -1.0), _read_by(matrix, i, j, known), seen)
            for kind, others in zip((CONSTANT, COPY, REPEATED), ways, strict=True):
                if any(abs(number - other) <= near for other in others):
                    found[i, j] = kind
                    break
            seen.append(number)
        return found


def _read_by(matrix: Matrix, i: int, j: int, known: Mapping[str, Array]) -> list[float]:
    """Return the numbers that a cell is calculated from."""
    assert matrix.definition is not None
    found: list[float] = []
    for operand, patterns in reads(matrix.definition).items():
        if not operand.is_scalar:
            for pattern in patterns:
                sides = zip(pattern, operand.shape, strict=True)
                cells = np.ix_(*(np.array(span.of(i, j, size), int) for span, size in sides))
                found += known[operand.name][cells].ravel().tolist()
    return found
