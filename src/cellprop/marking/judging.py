"""Judging numbers: one verdict for each, and what explains it.

A number is judged twice, as adaptive marking does: against the true value, and against what follows
from the student's own earlier numbers. The better result counts, so an early slip is paid for once.
Knows a student's way, slips, what rounding explains (`inexact`) and what was worked for
(`crediting`); knows nothing of marks, sheets or files.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cellprop.algebra import Array, Expression, Matrix, reads, value
from cellprop.marking.crediting import NEARLY_ALL, Crediting
from cellprop.marking.inexact import BLURRED, Arithmetic, Rounding
from cellprop.marking.precision import SINGLE, Decimals
from cellprop.marking.slips import FORM, Slip, mistakes
from cellprop.marking.verdicts import (
    BLANK,
    CARRIED,
    NOT_A_NUMBER,
    NOT_COMPUTED,
    RIGHT,
    ROUNDED,
    SLIP,
    WRONG,
    Answer,
    Codes,
    Mask,
    Texts,
)
from cellprop.marking.ways import Way


@dataclass(frozen=True, eq=False)
class Judgement:
    """What is to be said of a matrix.

    Attributes:
        matrix: Which.
        following: What follows from the student's own earlier numbers; NaN where one is missing.
        verdicts: Indices of `VERDICTS`.
        slips: For each number the key of what explains it, or an empty text.
        approximate: Where a number agrees only as 32-bit arithmetic goes.
        slipped_in: The name of the matrix in which the slip was made, where that is an earlier one
            that has no answer; else an empty text.
    """

    matrix: Matrix
    following: Array
    verdicts: Codes
    slips: Texts
    approximate: Mask
    slipped_in: str = ""


@dataclass(frozen=True, eq=False)
class Unseen:
    """A slip in a matrix that has no answer.

    Attributes:
        key: The slip.
        name: The matrix it was made in.
        numbers: What it gave there.
        shown_by: The first matrix with an answer that shows it, which pays for it.
    """

    key: str
    name: str
    numbers: Array
    shown_by: str


class Judge:
    """What is to be said of a student's way.

    Parameters
    ----------
    way
        The way.
    slip
        One that was made in a matrix without an answer, which the way has gone on from.
    """

    def __init__(self, way: Way, slip: Unseen | None = None) -> None:
        self.way, self.slip = way, slip
        self.rounding, self.arithmetic = Rounding(way), Arithmetic(way)
        self.crediting = Crediting(way)

    def judgements(self) -> Iterator[Judgement]:
        """Yield a judgement of every matrix that has an answer, in order of computation."""
        for matrix in self.way.matrices:
            if matrix.definition is None:
                continue
            answer = self.way.answers.get(matrix.name)
            if answer:
                yield self._judge(matrix, answer)
            else:
                self.crediting.pass_on(matrix)

    def _judge(self, matrix: Matrix, answer: Answer) -> Judgement:
        """Return the judgement of a matrix, and remember whether to believe it."""
        found, name = answer.values, matrix.name
        following = self.way.following[name]
        verdicts = np.full(matrix.shape, WRONG, dtype=np.int8)
        verdicts[np.isnan(found)] = BLANK
        for place in answer.texts:
            verdicts[place] = NOT_A_NUMBER
        for place in answer.unread:
            verdicts[place] = NOT_COMPUTED
        slips = np.full(matrix.shape, "", dtype=object)
        approximate = np.zeros(matrix.shape, dtype=np.bool_)
        far, off = abs(found - self.way.true[name]), abs(found - following)
        near = far <= self.way.within(matrix, self.way.true[name])
        follows = off <= self.way.within(matrix, following)
        verdicts[follows] = CARRIED
        verdicts[near] = RIGHT
        if isinstance(self.way.precision, Decimals):
            self.rounding.judge(matrix, follows, far, off, verdicts)
        elif np.isin(verdicts, (WRONG, CARRIED)).any():
            approximate = self.arithmetic.judge(matrix, answer, verdicts)
        if (verdicts == WRONG).any():
            self._explain(matrix, verdicts, slips)
        if isinstance(self.way.precision, Decimals):
            self.crediting.weigh(matrix, answer, verdicts, slips)
        slipped_in = ""
        if self.slip and name == self.slip.shown_by:
            new = (verdicts == CARRIED) | (verdicts == ROUNDED)
            verdicts[new], slips[new] = SLIP, self.slip.key
            slipped_in = self.slip.name
        texts = tuple(tuple(row) for row in slips.tolist())
        return Judgement(matrix, following, verdicts, texts, approximate, slipped_in)

    def _explain(self, matrix: Matrix, verdicts: Codes, slips: NDArray[Any]) -> None:
        """Name the slip behind wrong numbers; one that explains many goes before others."""
        open_, ways = verdicts == WRONG, dict[tuple[str, int], Mask]()
        for order, (slip, explained) in enumerate(self._explained(matrix, open_)):
            # A habit of form is one habit; numbers can be taken from many other places.
            way = slip.key, order if slip.is_form else -1
            ways[way] = ways[way] | explained if way in ways else explained
        # Of slips that explain as much, one that was made before.
        order_of = {
            way: (-int(mask.sum()), way[0] not in self.crediting.habits)
            for way, mask in ways.items()
        }
        for way in sorted(ways, key=order_of.__getitem__):
            key, explained = way[0], ways[way]
            new = _convincing(explained, open_, lines=key not in FORM) & (verdicts == WRONG)
            verdicts[new], slips[new] = SLIP, key

    def _explained(self, matrix: Matrix, open_: Mask) -> Iterator[tuple[Slip, Mask]]:
        """Yield slips, each with a mask of those of some wrong numbers that it explains."""
        found = self.way.answers[matrix.name].values
        known = self.way.own | {matrix.name: self.way.following[matrix.name]}
        unknown = np.isnan(known[matrix.name])
        for slip, wrong in mistakes(matrix, self.way.program, self.way.decimals):
            guess = _guessed(matrix, wrong, known)
            if guess is None:
                continue
            explained = open_ & (
                abs(found - guess) <= self.way.within(matrix, guess, slip.magnifies)
            )
            if any(np.isnan(known[part.name]).any() for part in reads(wrong)):
                explained &= ~unknown  # a comparison makes a number even of a missing one
            # A 0 has no digits that could be in the wrong place.
            shows = found != 0 if slip.is_form and slip.magnifies else True
            if (explained & shows).any():
                yield slip, explained

    def unseen_slip(self) -> Unseen | None:
        """Return the slip in a matrix without an answer that explains most matrices that are wrong:
        several, or the first if no slip of its own explains that. None, if none does.
        """
        wrong = [m for m in self._answered() if not self._agrees_throughout(m, self.way.following)]
        if not wrong:
            return None
        first = wrong[0]
        open_ = ~self._agrees(first, self.way.following) & ~np.isnan(
            self.way.answers[first.name].values
        )
        most = int(any((e == open_).all() for _, e in self._explained(first, open_)))
        best = None
        for matrix in self.way.matrices[: self.way.matrices.index(first)]:
            if matrix.definition is None or matrix.name in self.way.answers:
                continue
            known = self.way.own | {matrix.name: self.way.following[matrix.name]}
            for slip, expression in mistakes(matrix, self.way.program, self.way.decimals):
                numbers = _guessed(matrix, expression, known)
                if numbers is None:
                    continue
                _, following = self.way.followed({matrix.name: numbers})
                if self._agrees_throughout(first, following):
                    count = sum(self._agrees_throughout(m, following) for m in wrong)
                    if count > most:
                        most = count
                        best = Unseen(slip.key, matrix.name, numbers, first.name)
        return best

    def _answered(self) -> Iterator[Matrix]:
        return (
            m for m in self.way.matrices if m.name in self.way.answers and m.definition is not None
        )

    def _agrees_throughout(self, matrix: Matrix, following: Mapping[str, Array]) -> bool:
        """Whether all numbers of an answer are right, or follow."""
        fits = self._agrees(matrix, following) | self._agrees(matrix, self.way.true)
        return bool((fits | np.isnan(self.way.answers[matrix.name].values)).all())

    def _agrees(self, matrix: Matrix, expected: Mapping[str, Array]) -> Mask:
        """Return a mask: where an answer differs from what is expected by no more than arithmetic
        or rounding explains.
        """
        limit = self.way.within(matrix, expected[matrix.name])
        if isinstance(self.way.precision, Decimals):
            limit = limit + self.rounding.slack(matrix)
        else:
            blurred = np.minimum(
                self.arithmetic.left_out_by(SINGLE)[matrix.name],
                BLURRED * abs(expected[matrix.name]),
            )
            limit = np.maximum(limit, blurred)
        far = abs(self.way.answers[matrix.name].values - expected[matrix.name])
        return np.asarray(far <= np.nan_to_num(limit, nan=0.0, posinf=0.0))


def _guessed(matrix: Matrix, wrong: Expression, known: Mapping[str, Array]) -> Array | None:
    """Return the numbers that a slip gives, of a matrix's shape; None if windows don't fit, which
    only their numbers tell.
    """
    try:
        return np.array(np.broadcast_to(value(wrong, known), matrix.shape))
    except ValueError:
        return None


def _convincing(explained: Mask, open_: Mask, *, lines: bool) -> Mask:
    """Return a mask of the numbers for which a slip is named that explains some: all of them if
    they are nearly all that are wrong in the matrix, or else those of whole rows or columns.
    """
    if explained.sum() >= NEARLY_ALL * open_.sum():
        return explained
    found = np.zeros(explained.shape, dtype=np.bool_)
    for axis in (0, 1) if lines else ():
        if explained.shape[axis] > 1:
            found |= explained & explained.all(axis=axis, keepdims=True)
    return found
