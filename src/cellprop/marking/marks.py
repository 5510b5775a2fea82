"""Marks for matrices that somebody calculated: what each number is worth, and what it earns.

The verdicts are `judging`'s; here they become marks, by number, matrix and step. Knows nothing of
sheets or files.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from cellprop.algebra import Array, Matrix
from cellprop.marking.judging import Judge, Judgement
from cellprop.marking.question import Question
from cellprop.marking.slips import FORM
from cellprop.marking.verdicts import FULL, NOT_COMPUTED, VERDICTS, Answer, Codes, Mask, Texts
from cellprop.marking.ways import Way

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class Marked:
    """A matrix with a verdict for each of its numbers.

    Attributes:
        step: The label of its step.
        name: Of the matrix.
        answer: What was handed in.
        expected: What is right.
        own: What follows from the student's own earlier numbers; NaN where one of them is missing.
        verdicts: Indices of `VERDICTS`.
        slips: For each number the key of the slip that explains it, or an empty text.
        worth: The marks for a number that is right.
        forgiven: Where a slip of form was paid for already.
        approximate: Where a number agrees only as 32-bit arithmetic goes.
        slipped_in: The name of the matrix in which the slip was made, where that is an earlier one
            that has no answer; else an empty text.
    """

    step: str
    name: str
    answer: Answer
    expected: Array
    own: Array
    verdicts: Codes
    slips: Texts
    worth: float
    forgiven: Mask
    approximate: Mask
    slipped_in: str = ""

    @cached_property
    def earned(self) -> Mask:
        """Where the marks are earned."""
        return np.isin(self.verdicts, FULL) | self.forgiven

    @cached_property
    def counted(self) -> Mask:
        """Which numbers count: all but those that could not be computed."""
        return np.asarray(self.verdicts != NOT_COMPUTED)

    @cached_property
    def lost(self) -> Mask:
        """Where the marks are lost."""
        return self.counted & ~self.earned

    @property
    def largest(self) -> float:
        """The largest difference from what is right; NaN if there is no number."""
        far = abs(self.answer.values - self.expected)
        return float(np.nanmax(far)) if np.isfinite(far).any() else math.nan

    @property
    def marks(self) -> float:
        """The marks earned."""
        return float(self.earned.sum()) * self.worth

    @property
    def out_of(self) -> float:
        """The marks that there are."""
        return float(self.counted.sum()) * self.worth

    def counts(self) -> dict[str, int]:
        """Return the count of its numbers that have each verdict, by the verdict."""
        found = np.bincount(self.verdicts.ravel(), minlength=len(VERDICTS)).tolist()
        return dict(zip(VERDICTS, found, strict=True))


@dataclass(frozen=True, eq=False)
class Marks:
    """What somebody's numbers earn.

    Attributes:
        question: What was asked.
        matrices: Every matrix that was to be calculated, in order.
        path: The file that was marked, as text; empty for matrices from elsewhere.
        notes: What the marker noticed and understood: a decimal comma, inserted rows.
        warnings: What a teacher should look at: a question that was changed, a missing sheet.
        exact: Whether the numbers come from code; else they are rounded to the question's decimals.
    """

    question: Question
    matrices: tuple[Marked, ...]
    path: str = ""
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    exact: bool = False

    @property
    def total(self) -> float:
        """The marks earned in all."""
        return sum(matrix.marks for matrix in self.matrices)

    @property
    def out_of(self) -> float:
        """The marks that there are in all."""
        return sum(matrix.out_of for matrix in self.matrices)

    @cached_property
    def by_step(self) -> dict[str, tuple[float, float]]:
        """The marks earned in each step, and those that there are, by its label."""
        found: dict[str, tuple[float, float]] = {}
        for matrix in self.matrices:
            marks, out_of = found.get(matrix.step, (0.0, 0.0))
            found[matrix.step] = marks + matrix.marks, out_of + matrix.out_of
        return found

    @property
    def counts(self) -> dict[str, int]:
        """How many numbers have each verdict."""
        each = [matrix.counts() for matrix in self.matrices]
        return {verdict: sum(counts[verdict] for counts in each) for verdict in VERDICTS}

    @property
    def slips(self) -> dict[tuple[str, str], int]:
        """How many numbers each slip explains, by the matrix's name and the slip's key."""
        found: dict[tuple[str, str], int] = {}
        for matrix in self.matrices:
            for key in filter(None, (key for row in matrix.slips for key in row)):
                found[matrix.name, key] = found.get((matrix.name, key), 0) + 1
        return found

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yield a row of `cells` for each number, by the column, in the order of computation."""
        for matrix in self.matrices:
            for i, j in np.ndindex(matrix.verdicts.shape):
                answer = float(matrix.answer.values[i, j])
                yield {
                    "step": matrix.step,
                    "matrix": matrix.name,
                    "row": i + 1,
                    "column": j + 1,
                    "answer": matrix.answer.texts.get((i, j), answer),
                    "expected": float(matrix.expected[i, j]),
                    "expected_from_own": float(matrix.own[i, j]),
                    "verdict": VERDICTS[matrix.verdicts[i, j]],
                    "slip": matrix.slips[i][j],
                    "marks": matrix.worth if matrix.earned[i, j] else 0.0,
                }

    @property
    def cells(self) -> pd.DataFrame:
        """A row for each number: step, matrix, row, column (from 1), answer (NaN: blank), expected,
        expected_from_own (NaN: an earlier number is missing), verdict, slip, marks.
        """
        import pandas as pd

        columns = (
            "step", "matrix", "row", "column", "answer", "expected", "expected_from_own",
            "verdict", "slip", "marks",
        )  # fmt: skip
        return pd.DataFrame(list(self.rows()), columns=pd.Index(columns))

    @property
    def steps(self) -> pd.DataFrame:
        """A row for each step: marks, out_of, and how many numbers have each verdict."""
        import pandas as pd

        columns, rows = ("step", "marks", "out_of", *VERDICTS), []
        for step, (marks, out_of) in self.by_step.items():
            each = [matrix.counts() for matrix in self.matrices if matrix.step == step]
            counts = [sum(counts[verdict] for counts in each) for verdict in VERDICTS]
            rows.append((step, marks, out_of, *counts))
        return pd.DataFrame(rows, columns=pd.Index(columns)).set_index("step")

    def __repr__(self) -> str:
        counts = ", ".join(f"{n} {verdict}" for verdict, n in self.counts.items() if n)
        return f"<Marks {self.total:g} of {self.out_of:g}: {counts}>"


@dataclass(frozen=True)
class Unmarked:
    """A file that could not be marked.

    Attributes:
        path: Which.
        reason: Why, and what to do.
    """

    path: str
    reason: str


Result = Marks | Unmarked


# --- Marking ------------------------------------------------------------------------------


def mark(
    question: Question,
    answers: Mapping[str, Answer],
    *,
    exact: bool = False,
    extra: Sequence[tuple[str, Matrix]] = (),
    unseen: bool = False,
) -> Marks:
    """Return the marks for answers to a question.

    Parameters
    ----------
    question
        What was asked.
    answers
        For each of the question's matrices by name, what was put in its place.
    exact
        Whether the numbers come from code: a number is then right within 1e-9 of what it carries
        (an update is judged by its change), or else as 32-bit arithmetic goes, which makes it
        approximate. If not, it is right within half a unit of the question's last decimal.
    extra
        Further matrices that answers may be for, each with the label of the step that it belongs
        to; defined by those of the steps.
    unseen
        Whether matrices without an answer were calculated by the same person: one slip there may
        then explain several later ones.
    """
    home = {m.name: step.label for step in question.program.steps for m in step.brings}
    home |= {matrix.name: step for step, matrix in extra}
    asked = {name: answers[name] for name in answers if name in home}
    with np.errstate(all="ignore"):  # a student's numbers may be anything
        further = [matrix for _, matrix in extra]
        judge = Judge(Way(question, asked, exact=exact, extra=further))
        if unseen and (slip := judge.unseen_slip()):
            instead = {slip.name: slip.numbers}
            way = Way(question, asked, exact=exact, extra=further, instead=instead)
            judge = Judge(way, slip)
        found = [(home[j.matrix.name], j) for j in judge.judgements()]
    worth, true = _worth(question, found), judge.way.true
    forgiven = _forgiven(question.setup.form_slips, found, asked)
    return Marks(
        question,
        tuple(
            Marked(
                step, j.matrix.name, asked[j.matrix.name], true[j.matrix.name], j.following,
                j.verdicts, j.slips, worth[step], forgiven[j.matrix.name], j.approximate,
                j.slipped_in,
            )
            for step, j in found
        ),
        exact=exact,
    )  # fmt: skip


def _worth(question: Question, found: Sequence[tuple[str, Judgement]]) -> dict[str, float]:
    """Return the marks that a number of each step is worth, by the step's label."""
    points = dict(question.setup.points)
    sizes: dict[str, int] = {}
    for step, judgement in found:
        sizes[step] = sizes.get(step, 0) + judgement.verdicts.size
    return {step: points[step] / size if step in points else 1.0 for step, size in sizes.items()}


def _forgiven(
    rule: str, found: Sequence[tuple[str, Judgement]], answers: Mapping[str, Answer]
) -> dict[str, Mask]:
    """Return a mask for each matrix, by its name: where slips of form cost nothing, since one has
    been paid for.

    A number of which such a slip has left nothing, 0, is not forgiven.
    """
    paid: set[str] = set()
    masks: dict[str, Mask] = {}
    for step, judgement in found:
        name = judgement.matrix.name
        mask = masks[name] = np.zeros(judgement.verdicts.shape, dtype=np.bool_)
        if rule == "each":
            continue
        where = "" if rule == "once" else step
        for place in np.ndindex(mask.shape):
            if judgement.slips[place[0]][place[1]] in FORM:
                mask[place] = where in paid and answers[name].values[place] != 0
                paid.add(where)
    return masks


def own_numbers(question: Question, answers: Mapping[str, Answer]) -> dict[str, Array]:
    """Return a student's numbers in the place of every matrix that depends on answers, by its name
    and of its shape: the answers, and what is computed from them; NaN where something is missing.
    """
    with np.errstate(all="ignore"):
        own = Way(question, answers).own
    setup = question.setup
    return {name: own[name] for name in setup.waiting.union(setup.answers)}
