"""Marking matrices calculated by hand: one verdict for each number, and what explains it.

A number is marked twice, as adaptive marking does: against the true value, and against what follows
from the student's own earlier numbers. The better result counts, so an early slip is paid for once.
Knows numbers and expressions; knows nothing of sheets or files.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from cellprop.algebra import Array, Matrix, Pattern, reads, value
from cellprop.data import label, numbers
from cellprop.errors import InputError, UnknownNameError, nearest
from cellprop.question import USUAL_DECIMALS, Question, ask
from cellprop.slips import mistakes
from cellprop.tracing import Trace

if TYPE_CHECKING:
    import pandas as pd

Verdict = Literal["right", "carried", "rounded", "slip", "wrong", "blank", "not a number"]
VERDICTS: tuple[Verdict, ...] = (
    "right", "carried", "rounded", "slip", "wrong", "blank", "not a number",
)  # fmt: skip
RIGHT, CARRIED, ROUNDED, SLIP, WRONG, BLANK, NOT_A_NUMBER = range(7)
# Those that earn their marks in full; the others earn none.
FULL = (RIGHT, CARRIED, ROUNDED)

# What counts as equal beyond rounding: numbers of the last few places.
LEAST = 1e-9

Mask = NDArray[np.bool_]
Codes = NDArray[np.int8]


@dataclass(frozen=True, eq=False)
class Answer:
    """What somebody has put in the place of a matrix.

    Attributes:
        values: Of the matrix's shape; NaN where there is no number.
        texts: What stands there instead, by row and column from 0; nothing where it is blank.
        unread: Where there is a formula that can't be computed here, by row and column from 0.
    """

    values: Array
    texts: Mapping[tuple[int, int], str] = field(default_factory=dict)
    unread: frozenset[tuple[int, int]] = frozenset()


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
    """

    step: str
    name: str
    answer: Answer
    expected: Array
    own: Array
    verdicts: Codes
    slips: tuple[tuple[str, ...], ...]
    worth: float

    @property
    def earned(self) -> Mask:
        """Where the marks are earned."""
        return self.verdicts <= ROUNDED

    @property
    def marks(self) -> float:
        """The marks earned."""
        return float(self.earned.sum()) * self.worth

    @property
    def out_of(self) -> float:
        """The marks that there are."""
        return self.verdicts.size * self.worth

    def counts(self) -> dict[str, int]:
        """Return how many numbers have each verdict."""
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
    """

    question: Question
    matrices: tuple[Marked, ...]
    path: str = ""
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

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
        """Yield what there is to say of each number, in the order of computation."""
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


def mark(question: Question, answers: Mapping[str, Answer]) -> Marks:
    """Return the marks for answers to a question.

    Parameters
    ----------
    question
        What was asked.
    answers
        For each of the question's matrices by name, what was put in its place.
    """
    with np.errstate(all="ignore"):  # a student's numbers may be anything
        return Marks(question, tuple(_Marking(question, answers).matrices()))


def own_numbers(question: Question, answers: Mapping[str, Answer]) -> dict[str, Array]:
    """Return what a student has in the place of every matrix that depends on answers: the answers,
    and what is computed from them; NaN where something is missing.
    """
    with np.errstate(all="ignore"):
        own = _Marking(question, answers).own
    setup = question.setup
    return {name: own[name] for name in setup.waiting.union(setup.answers)}


def compare(trace: Trace, matrices: Mapping[str, Any], *, decimals: int = USUAL_DECIMALS) -> Marks:
    """Return the marks for matrices that were calculated by hand.

    What is not given is calculated from what is, so one can compare a single step, or all.

    Parameters
    ----------
    trace
        What was to be calculated.
    matrices
        Values by name: an array, list or DataFrame of the matrix's shape; NaN or None where nothing
        was calculated.
    decimals
        To how many numbers were rounded; 12 is the most.

    Raises
    ------
    UnknownNameError
        A KeyError, if there is no such matrix.
    InputError
        If a matrix has another shape, is not computed by a step, or holds something other than
        numbers.

    Examples
    --------
    >>> import cellprop
    >>> marks = cellprop.compare(cellprop.article(), {"E": [[-0.211], [0.202], [-0.789]]})
    >>> marks
    <Marks 2 of 3: 2 right, 1 slip>
    >>> marks.cells[["answer", "verdict", "slip"]].values.tolist()[0]
    [-0.211, 'slip', 'difference_reversed']
    """
    walk = trace.walkthrough
    asked = {m.name: m for step in walk.steps for m in step.computed}
    for name in matrices:
        if name not in asked:
            raise UnknownNameError(
                f"There is no '{label(name)}' to calculate.{nearest(str(name), asked)}"
                f" There are: {', '.join(asked)}."
            )
    answers = {name: _answer(asked[name], given) for name, given in matrices.items()}
    steps = [s.label for s in walk.steps if any(m.name in answers for m in s.computed)]
    question = ask(trace, steps=",".join(steps), decimals=decimals) if steps else None
    if question is None:
        raise InputError("matrices: expected at least one matrix by its name, found none.")
    # The numbers are those of the trace, not rounded for a sheet.
    given = {name: trace.values[name] for name in question.given}
    return mark(replace(question, given=given), answers)


def _answer(matrix: Matrix, given: Any) -> Answer:
    """Return what was given for a matrix, NaN where there is nothing."""
    source = given.to_numpy() if hasattr(given, "to_numpy") else given
    try:
        found = np.asarray(source, dtype=object)
    except ValueError:
        raise InputError(f"{matrix.name}: expected rows of equal length.") from None
    if found.ndim < 2 and 1 in matrix.shape:
        found = found.reshape(matrix.shape) if found.size == max(matrix.shape) else found
    if found.shape != matrix.shape:
        shape, sizes = (" × ".join(map(str, s)) for s in (matrix.shape, found.shape))
        raise InputError(f"{matrix.name}: expected {shape} numbers, found {sizes or 'one'}.")
    missing = np.array([[_is_missing(cell) for cell in row] for row in found])
    values = numbers(matrix.name, np.where(missing, 0.0, found))
    return Answer(np.where(missing, np.nan, values))


def _is_missing(cell: object) -> bool:
    return cell is None or (isinstance(cell, (float, np.floating)) and bool(np.isnan(cell)))


def tolerance(decimals: int) -> tuple[float, float]:
    """Return how far a rounded number may lie from the number itself: in all, and by its size."""
    return 0.5 * 10.0**-decimals * (1 + LEAST), LEAST * 1e-3


class _Marking:
    """A student's way through the steps: what they had, and what should have come of it."""

    def __init__(self, question: Question, answers: Mapping[str, Answer]) -> None:
        self.question, self.answers = question, answers
        self.walk, self.decimals = question.walk, question.setup.decimals
        self.true = question.values
        self.half = 0.5 * 10.0**-self.decimals
        self.asked = [m for name, m in question.setup.answers.items() if name in answers]
        # What the student has, by name: their answers, and what follows from them.
        self.own: dict[str, Array] = dict(question.given)
        # What follows for each matrix that is calculated.
        self.following: dict[str, Array] = {}
        for matrix in self.walk.matrices:
            if matrix.definition is not None:
                follows = _following(matrix, self.own)
                self.following[matrix.name] = follows
                given = answers.get(matrix.name)
                self.own[matrix.name] = given.values if given else follows

    def matrices(self) -> Iterator[Marked]:
        """Yield every matrix with its verdicts."""
        worth = self._worth()
        home = {m.name: step.label for step in self.walk.steps for m in step.matrices}
        for matrix in self.asked:
            step, answer = home[matrix.name], self.answers[matrix.name]
            verdicts, slips = self._judge(matrix, answer)
            yield Marked(
                step, matrix.name, answer, self.true[matrix.name], self.following[matrix.name],
                verdicts, slips, worth[step],
            )  # fmt: skip

    def _worth(self) -> dict[str, float]:
        """Return the marks for a number of each step."""
        points = dict(self.question.setup.points)
        sizes: dict[str, int] = {}
        for step in self.walk.steps:
            sizes[step.label] = sum(
                m.rows.size * m.columns.size for m in step.computed if m.name in self.answers
            )
        return {
            step: points[step] / size if step in points else 1.0
            for step, size in sizes.items()
            if size
        }

    def _judge(self, matrix: Matrix, answer: Answer) -> tuple[Codes, tuple[tuple[str, ...], ...]]:
        """Return the verdicts on a matrix, and the slips that explain what is wrong."""
        found, expected = answer.values, self.following[matrix.name]
        verdicts = np.full(matrix.shape, WRONG, dtype=np.int8)
        verdicts[np.isnan(found)] = BLANK
        for place in answer.texts:
            verdicts[place] = NOT_A_NUMBER
        slips = np.full(matrix.shape, "", dtype=object)
        far, off = abs(found - self.true[matrix.name]), abs(found - expected)
        near = far <= self._within(self.true[matrix.name])
        follows = off <= self._within(expected)
        verdicts[follows] = CARRIED
        verdicts[near] = RIGHT
        if (verdicts == CARRIED).any():
            verdicts[follows & (far <= self.reach[matrix.name])] = RIGHT
        open_ = verdicts == WRONG
        if open_.any():
            slack = _spread(matrix, self.own, self.left_out) + self._within(expected)
            verdicts[open_ & ((off <= slack) | (far <= self.reach[matrix.name]))] = ROUNDED
            self._explain(matrix, found, verdicts, slips)
        return verdicts, tuple(tuple(row) for row in slips.tolist())

    def _within(self, expected: Array, magnified: float = 1.0) -> Array:
        """Return how far a rounded number may lie from the number itself; if that is infinite,
        no number lies near it.
        """
        half, relative = tolerance(self.decimals)
        return half * magnified + relative * np.where(np.isinf(expected), 0.0, abs(expected))

    def _explain(self, matrix: Matrix, found: Array, verdicts: Codes, slips: NDArray[Any]) -> None:
        """Name the slip behind each wrong number; one that explains many goes before others."""
        open_ = verdicts == WRONG
        if not open_.any():
            return
        known = self.own | {matrix.name: self.following[matrix.name]}
        unknown = np.isnan(known[matrix.name])
        candidates = []
        for order, (slip, wrong) in enumerate(mistakes(matrix, self.walk, self.decimals)):
            guess = np.broadcast_to(value(wrong, known), matrix.shape)
            explained = open_ & (abs(found - guess) <= self._within(guess, slip.magnifies))
            if any(np.isnan(known[part.name]).any() for part in reads(wrong)):
                explained &= ~unknown  # a comparison makes a number even of a missing one
            if explained.any():
                candidates.append((-int(explained.sum()), order, slip.key, explained))
        for *_, key, explained in sorted(candidates, key=lambda c: c[:2]):
            new = explained & (verdicts == WRONG)
            verdicts[new], slips[new] = SLIP, key

    # --- What rounding explains -----------------------------------------------------------

    @cached_property
    def reach(self) -> dict[str, Array]:
        """How far numbers come from the true ones if every answer is rounded, and nothing else."""
        found: dict[str, Array] = {}
        for matrix in self.walk.matrices:
            if matrix.definition is None:
                found[matrix.name] = np.zeros(matrix.shape)
                continue
            true, reach = self.true[matrix.name], _spread(matrix, self.true, found)
            if matrix.name in self.answers:
                exact = (reach == 0) & (true == np.round(true, self.decimals))
                reach = np.where(exact, 0.0, reach + self._within(true))
            found[matrix.name] = reach
        return found

    @cached_property
    def left_out(self) -> dict[str, Array]:
        """What rounding may have left out of the numbers that a student has. Nothing, where they
        follow without it: the 0 of a neuron that is off is no small number rounded.
        """
        found: dict[str, Array] = {}
        for matrix in self.walk.matrices:
            own = self.own[matrix.name]
            rounded = np.round(own, self.decimals)
            if matrix.definition is None:
                found[matrix.name] = abs(own - rounded)
                continue
            exact = (own == rounded) & (own == self.following[matrix.name])
            if exact.any():
                exact &= _spread(matrix, self.own, found) == 0
            found[matrix.name] = np.where(exact, 0.0, self.half)
        return found


def _following(matrix: Matrix, known: Mapping[str, Array]) -> Array:
    """Return what a matrix should be; NaN where a number that it reads is missing."""
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
    """Return where a matrix reads any of some cells of an operand."""
    rows, columns = pattern
    if columns == "all":
        cells = np.logical_or.reduce(cells, axis=1, keepdims=True)
    if rows == "all":
        cells = np.logical_or.reduce(cells, axis=0, keepdims=True)
    return cells.T if rows == "column" or columns == "row" else cells


def _spread(matrix: Matrix, at: Mapping[str, Array], by: Mapping[str, Array]) -> Array:
    """Return how far a matrix may come out if what it reads is off by so much, to first order.

    Each number that a cell reads is moved by itself, and what it changes is added up; cells that
    read different numbers are moved at once.
    """
    assert matrix.definition is not None
    total = np.zeros(matrix.shape)
    usual = value(matrix.definition, at)
    for operand, patterns in reads(matrix.definition).items():
        size = by[operand.name]
        if not size.any():
            continue
        for pattern in _distinct(patterns):
            for moved in _moves(size, pattern):
                known = {**at, operand.name: at[operand.name] + moved}
                change = abs(value(matrix.definition, known) - usual)
                total += np.broadcast_to(np.nan_to_num(change, nan=0.0, posinf=0.0), matrix.shape)
    return total


def _distinct(patterns: Iterable[Pattern]) -> Sequence[Pattern]:
    """Return patterns without those whose cells another moves as well, by itself."""
    found = sorted(patterns)
    whole = [p for p in found if "all" in p]
    return whole or found


def _moves(size: Array, pattern: Pattern) -> Iterator[Array]:
    """Yield what to add to an operand so that no cell sees two numbers of it move."""
    rows: Iterable[Any] = range(len(size)) if pattern[0] == "all" else [slice(None)]
    for i in rows:
        columns: Iterable[Any] = range(size.shape[1]) if pattern[1] == "all" else [slice(None)]
        for j in columns:
            moved = np.zeros(size.shape)
            moved[i, j] = size[i, j]
            yield moved
