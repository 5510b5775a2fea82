"""A student's way through the steps: what they had, and what should have come of it.

Knows numbers and expressions; says nothing of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from cellprop.algebra import Array, Matrix, Pattern, Span, reads, value
from cellprop.marking.precision import DOUBLE, Decimals, Precision
from cellprop.marking.question import Question
from cellprop.marking.verdicts import Answer, Mask


class Way:
    """A student's way through the steps.

    Parameters
    ----------
    question
        What was asked.
    answers
        For matrices by name, what was put in their place.
    exact
        Whether the numbers come from code; else they are rounded to the question's decimals.
    extra
        Matrices beyond those of the steps that may have answers, each defined by those.
    instead
        What stood in the place of matrices that have no answer, by name.
    """

    def __init__(
        self,
        question: Question,
        answers: Mapping[str, Answer],
        *,
        exact: bool = False,
        extra: Sequence[Matrix] = (),
        instead: Mapping[str, Array] | None = None,
    ) -> None:
        self.question, self.answers = question, answers
        self.program, self.decimals = question.program, question.setup.decimals
        self.precision: Precision = DOUBLE if exact else Decimals(self.decimals)
        self.matrices = _in_order(self.program.matrices, extra)
        self.true = dict(question.values)
        for matrix in extra:
            self.true[matrix.name] = _following(matrix, self.true)
        # What the student has, by name: their answers, and what follows from them; and what follows
        # for each matrix that is calculated.
        self.own, self.following = self.followed(instead or {})
        self._limits: dict[tuple[str, bool], Array] = {}
        # What an update begins with, by the name of the update.
        self.before = {new.name: self.own[old] for old, new in self.program.updates.items()}

    def followed(self, instead: Mapping[str, Array]) -> tuple[dict[str, Array], dict[str, Array]]:
        """Return two dictionaries of arrays by the matrix's name, with other numbers in the place
        of some that have no answer: what the student has of every matrix, and what follows for
        each that is calculated; NaN where a number that it reads is missing.
        """
        own, following = dict(self.question.given), dict[str, Array]()
        for matrix in self.matrices:
            if matrix.definition is not None:
                follows = _following(matrix, own)
                following[matrix.name] = follows
                given = self.answers.get(matrix.name)
                own[matrix.name] = given.values if given else instead.get(matrix.name, follows)
        return own, following

    def within(self, matrix: Matrix, expected: Array, magnified: float = 1.0) -> Array:
        """Return how far each answer may lie from what is expected and still be it: distances of
        the matrix's shape.
        """
        name = matrix.name
        true = expected is self.true[name]
        if magnified != 1.0 or not (true or expected is self.following.get(name)):
            return self._within(name, expected, magnified)
        # Of what is true and of what follows it is asked again and again.
        if (name, true) not in self._limits:
            self._limits[name, true] = self._within(name, expected, magnified)
        return self._limits[name, true]

    def _within(self, name: str, expected: Array, magnified: float) -> Array:
        old = self.before.get(name)
        carries = expected if old is None else expected - old
        return self.precision.within(expected, carries, magnified)

    def fits(self, matrix: Matrix, found: Array, expected: Array) -> Mask:
        """Return a mask of the matrix's shape: where numbers are what is expected."""
        return np.asarray(abs(found - expected) <= self.within(matrix, expected))


def _in_order(matrices: Sequence[Matrix], extra: Sequence[Matrix]) -> tuple[Matrix, ...]:
    """Return matrices with further ones among them, each after the last that it reads."""
    found = list(matrices)
    for matrix in extra:
        assert matrix.definition is not None
        last = max(found.index(operand) for operand in reads(matrix.definition))
        found.insert(last + 1, matrix)
    return tuple(found)


def _following(matrix: Matrix, known: Mapping[str, Array]) -> Array:
    """Return a matrix's numbers by those of the others; NaN where one that it reads is missing."""
    assert matrix.definition is not None
    found = np.array(np.broadcast_to(value(matrix.definition, known), matrix.shape))
    for operand, patterns in reads(matrix.definition).items():
        missing = np.isnan(known[operand.name])
        if missing.any():
            for pattern in patterns:
                found[np.broadcast_to(_seen(missing, pattern), matrix.shape)] = np.nan
    found[np.isinf(found)] = np.nan
    return found


def _seen(cells: Mask, pattern: Pattern) -> Mask:
    """Return a mask, which broadcasts to the matrix's shape: where it reads any of some cells of an
    operand.
    """
    rows, columns = pattern
    seen = _any_seen(_any_seen(cells, rows).T, columns).T
    return seen.T if rows.index == "column" or columns.index == "row" else seen


def _any_seen(cells: Mask, span: Span) -> Mask:
    """Return a mask that has a row for each number of a span: whether any of its rows is in it."""
    if span.is_usual:
        return cells if span.index else np.logical_or.reduce(cells, axis=0, keepdims=True)
    read = [np.logical_or.reduce(cells[list(lines)], axis=0) for lines in span.lines]
    return np.stack(read)
