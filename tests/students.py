"""Students that are made up: perfect ones, and such as slip in one place and go on from there."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from cellprop.algebra import value
from cellprop.marking.question import Question
from cellprop.marking.verdicts import COPIED, NOT_CALCULATED, ONE_NUMBER, Answer

# Why numbers that are right, or follow, earn nothing.
GUESSES = (ONE_NUMBER, COPIED, NOT_CALCULATED)

Slipping = Callable[[dict, np.ndarray], np.ndarray]


def numbers_of(
    question: Question, slip: Slipping | None = None, at: str = "", decimals: int | None = None
) -> dict[str, np.ndarray]:
    """Return what a student types who does everything right from their own numbers, but in one
    matrix slips: `slip` gets what they have by name and what would be right.

    `decimals`: to how many they round; None for those who type formulas.
    """
    own, typed = dict(question.given), {}
    with np.errstate(all="ignore"):
        for matrix in question.program.matrices:
            if matrix.definition is None:
                continue
            found = np.array(np.broadcast_to(value(matrix.definition, own), matrix.shape))
            if matrix.name == at and slip:
                found = np.array(np.broadcast_to(slip(own, found), matrix.shape))
            if decimals is not None and matrix.name in question.setup.answers:
                found = np.round(found, decimals)
            own[matrix.name] = found
            if matrix.name in question.setup.answers:
                typed[matrix.name] = found
    return typed


def answers_of(question: Question, *arguments, **options) -> dict[str, Answer]:
    """Return the same as answers."""
    found = numbers_of(question, *arguments, **options)
    return {name: Answer(values) for name, values in found.items()}
