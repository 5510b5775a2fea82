"""Judging numbers: one verdict for each, what explains it, and whether it was worked for.

A number is judged twice, as adaptive marking does: against the true value, and against what follows
from the student's own earlier numbers. The better result counts, so an early slip is paid for once.
What follows has to be calculated, though: a matrix that is one number throughout, or a given matrix
copied, earns nothing; and from numbers that nothing explains, what takes no calculating earns
nothing either. Knows numbers and expressions; knows nothing of marks, sheets or files.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from cellprop.algebra import Applied, Array, Matrix, Pattern, reads, value
from cellprop.precision import DOUBLE, SINGLE, Decimals, Precision, bound, spread
from cellprop.question import Question
from cellprop.slips import FORM, Slip, mistakes

Verdict = Literal[
    "right", "carried", "rounded", "slip", "wrong", "blank", "not a number", "not computed"
]
VERDICTS: tuple[Verdict, ...] = (
    "right", "carried", "rounded", "slip", "wrong", "blank", "not a number", "not computed",
)  # fmt: skip
RIGHT, CARRIED, ROUNDED, SLIP, WRONG, BLANK, NOT_A_NUMBER, NOT_COMPUTED = range(8)
# Those that earn their marks in full.
FULL = (RIGHT, CARRIED, ROUNDED)

# Why numbers that are right, or follow, earn nothing; and copies of what an update begins with.
ONE_NUMBER, COPIED, NOT_CALCULATED, NOT_UPDATED = (
    "one_number", "copied", "not_calculated", "not_updated",
)  # fmt: skip
GUESSES = (ONE_NUMBER, COPIED, NOT_CALCULATED)
# The slips of taking what stands elsewhere.
OTHERS = ("other_sample", "other_neuron", "updated_too_early")

# What takes no calculating: 0 or 1, a copy, a number that stands in the matrix already.
CONSTANT, COPY, REPEATED = 1, 2, 3
# A slip is named if it explains at least this share of the wrong numbers.
NEARLY_ALL = 0.8
# A matrix is credible if at least this share of its numbers is right, follows, or is explained.
CREDIBLE = 0.5
# What rounding explains at most beyond what it does to the true numbers, in units.
FEW = 5.0
# A change that 32-bit numbers blur by more than this share of it was not computed with them.
BLURRED = 1e-3

Mask = NDArray[np.bool_]
Codes = NDArray[np.int8]
Texts = tuple[tuple[str, ...], ...]


@dataclass(frozen=True, eq=False)
class Answer:
    """What somebody has put in the place of a matrix.

    Attributes:
        values: Of the matrix's shape; NaN where there is no number.
        texts: What stands there instead, by row and column from 0; nothing where it is blank.
        unread: Where there may be a number that could not be computed, by row and column from 0.
        single: Whether the numbers were stored as 32-bit floats.
    """

    values: Array
    texts: Mapping[tuple[int, int], str] = field(default_factory=dict)
    unread: frozenset[tuple[int, int]] = frozenset()
    single: bool = False


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
    """A student's way through the steps: what they had, and what should have come of it.

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
    slip
        One that was made in a matrix without an answer.
    """

    def __init__(
        self,
        question: Question,
        answers: Mapping[str, Answer],
        *,
        exact: bool = False,
        extra: Sequence[Matrix] = (),
        slip: Unseen | None = None,
    ) -> None:
        self.question, self.answers = question, answers
        self.walk, self.decimals = question.walk, question.setup.decimals
        self.precision: Precision = DOUBLE if exact else Decimals(self.decimals)
        self.matrices = _in_order(self.walk.matrices, extra)
        self.true = dict(question.values)
        for matrix in extra:
            self.true[matrix.name] = _following(matrix, self.true)
        # What the student has, by name: their answers, and what follows from them; and what follows
        # for each matrix that is calculated.
        self.slip = slip
        self.own, self.following = self._followed({slip.name: slip.numbers} if slip else {})
        # Matrices that nothing explains: what follows from them has to be calculated to count.
        self.guessed: set[str] = set()
        # Slips of form that were seen in numbers that differ from one another.
        self.habits: set[str] = set()
        # What an update begins with, by the name of the update.
        self.before = {new.name: self.own[old] for old, new in self.walk.updates.items()}

    def _followed(self, instead: Mapping[str, Array]) -> tuple[dict[str, Array], dict[str, Array]]:
        """Return what the student has, and what follows for each matrix that is calculated, with
        other numbers in the place of some that have no answer.
        """
        own, following = dict(self.question.given), dict[str, Array]()
        for matrix in self.matrices:
            if matrix.definition is not None:
                follows = _following(matrix, own)
                following[matrix.name] = follows
                given = self.answers.get(matrix.name)
                own[matrix.name] = given.values if given else instead.get(matrix.name, follows)
        return own, following

    def judgements(self) -> Iterator[Judgement]:
        """Yield what is to be said of every matrix that has an answer, in order of computation."""
        for matrix in self.matrices:
            if matrix.definition is None:
                continue
            answer = self.answers.get(matrix.name)
            if answer:
                yield self._judge(matrix, answer)
            elif self._reads_guess(matrix):
                self.guessed.add(matrix.name)

    def _judge(self, matrix: Matrix, answer: Answer) -> Judgement:
        """Return what is to be said of a matrix, and remember whether to believe it."""
        found, name = answer.values, matrix.name
        following = self.following[name]
        verdicts = np.full(matrix.shape, WRONG, dtype=np.int8)
        verdicts[np.isnan(found)] = BLANK
        for place in answer.texts:
            verdicts[place] = NOT_A_NUMBER
        for place in answer.unread:
            verdicts[place] = NOT_COMPUTED
        slips = np.full(matrix.shape, "", dtype=object)
        approximate = np.zeros(matrix.shape, dtype=np.bool_)
        far, off = abs(found - self.true[name]), abs(found - following)
        near = far <= self._within(matrix, self.true[name])
        follows = off <= self._within(matrix, following)
        verdicts[follows] = CARRIED
        verdicts[near] = RIGHT
        if isinstance(self.precision, Decimals):
            self._by_rounding(matrix, follows, far, off, verdicts)
        elif np.isin(verdicts, (WRONG, CARRIED)).any():
            approximate = self._by_arithmetic(matrix, answer, verdicts)
        if (verdicts == WRONG).any():
            self._explain(matrix, verdicts, slips)
        if isinstance(self.precision, Decimals):
            self._weigh(matrix, answer, verdicts, slips)
        slipped_in = ""
        if self.slip and name == self.slip.shown_by:
            new = (verdicts == CARRIED) | (verdicts == ROUNDED)
            verdicts[new], slips[new] = SLIP, self.slip.key
            slipped_in = self.slip.name
        texts = tuple(tuple(row) for row in slips.tolist())
        return Judgement(matrix, following, verdicts, texts, approximate, slipped_in)

    def _within(
        self,
        matrix: Matrix,
        expected: Array,
        magnified: float = 1.0,
        precision: Precision | None = None,
    ) -> Array:
        """Return how far an answer may lie from a number and still be it."""
        old = self.before.get(matrix.name)
        carries = expected if old is None else expected - old
        return (precision or self.precision).within(expected, carries, magnified)

    # --- What explains a number -----------------------------------------------------------

    def _explain(self, matrix: Matrix, verdicts: Codes, slips: NDArray[Any]) -> None:
        """Name the slip behind wrong numbers; one that explains many goes before others."""
        open_, ways = verdicts == WRONG, dict[tuple[str, int], Mask]()
        for order, (slip, explained) in enumerate(self._explained(matrix, open_)):
            # A habit of form is one habit; numbers can be taken from many other places.
            way = slip.key, order if slip.is_form else -1
            ways[way] = ways[way] | explained if way in ways else explained
        # Of slips that explain as much, one that was made before.
        order_of = {
            way: (-int(mask.sum()), way[0] not in self.habits) for way, mask in ways.items()
        }
        for way in sorted(ways, key=order_of.__getitem__):
            key, explained = way[0], ways[way]
            new = _convincing(explained, open_, lines=key not in FORM) & (verdicts == WRONG)
            verdicts[new], slips[new] = SLIP, key

    def _explained(self, matrix: Matrix, open_: Mask) -> Iterator[tuple[Slip, Mask]]:
        """Yield slips with those of some wrong numbers that they explain."""
        found = self.answers[matrix.name].values
        known = self.own | {matrix.name: self.following[matrix.name]}
        unknown = np.isnan(known[matrix.name])
        for slip, wrong in mistakes(matrix, self.walk, self.decimals):
            guess = np.broadcast_to(value(wrong, known), matrix.shape)
            explained = open_ & (abs(found - guess) <= self._within(matrix, guess, slip.magnifies))
            if any(np.isnan(known[part.name]).any() for part in reads(wrong)):
                explained &= ~unknown  # a comparison makes a number even of a missing one
            # A 0 has no digits that could be in the wrong place.
            shows = found != 0 if slip.is_form and slip.magnifies else True
            if (explained & shows).any():
                yield slip, explained

    def unseen_slip(self) -> Unseen | None:
        """Return the slip in a matrix without an answer that explains most wrong ones: several, or
        the first if no slip of its own explains that.
        """
        wrong = [m for m in self._answered() if not self._agrees_throughout(m, self.following)]
        if not wrong:
            return None
        first = wrong[0]
        open_ = ~self._agrees(first, self.following) & ~np.isnan(self.answers[first.name].values)
        most = int(any((e == open_).all() for _, e in self._explained(first, open_)))
        best = None
        for matrix in self.matrices[: self.matrices.index(first)]:
            if matrix.definition is None or matrix.name in self.answers:
                continue
            known = self.own | {matrix.name: self.following[matrix.name]}
            for slip, expression in mistakes(matrix, self.walk, self.decimals):
                numbers = np.array(np.broadcast_to(value(expression, known), matrix.shape))
                _, following = self._followed({matrix.name: numbers})
                if self._agrees_throughout(first, following):
                    count = sum(self._agrees_throughout(m, following) for m in wrong)
                    if count > most:
                        most = count
                        best = Unseen(slip.key, matrix.name, numbers, first.name)
        return best

    def _answered(self) -> Iterator[Matrix]:
        return (m for m in self.matrices if m.name in self.answers and m.definition is not None)

    def _agrees_throughout(self, matrix: Matrix, following: Mapping[str, Array]) -> bool:
        """Whether all numbers of an answer are right, or follow."""
        fits = self._agrees(matrix, following) | self._agrees(matrix, self.true)
        return bool((fits | np.isnan(self.answers[matrix.name].values)).all())

    def _agrees(self, matrix: Matrix, expected: Mapping[str, Array]) -> Mask:
        """Where an answer differs from numbers by no more than arithmetic or rounding explains."""
        limit = self._within(matrix, expected[matrix.name])
        if isinstance(self.precision, Decimals):
            limit = limit + self._slack(matrix)
        else:
            blurred = np.minimum(
                self._left_out_by(SINGLE)[matrix.name], BLURRED * abs(expected[matrix.name])
            )
            limit = np.maximum(limit, blurred)
        far = abs(self.answers[matrix.name].values - expected[matrix.name])
        return np.asarray(far <= np.nan_to_num(limit, nan=0.0, posinf=0.0))

    # --- Whether it was calculated --------------------------------------------------------

    def _weigh(self, matrix: Matrix, answer: Answer, verdicts: Codes, slips: NDArray[Any]) -> None:
        """Take away what was not calculated, and remember whether the matrix is to be believed."""
        on_guess = self._reads_guess(matrix)
        real = (verdicts == SLIP) & (not on_guess)
        key, filled = self._filled(matrix, answer.values, verdicts, np.where(real, slips, ""))
        if key:
            verdicts[filled], slips[filled] = SLIP, key
        elif on_guess:
            free = self._free(matrix, answer.values, verdicts)
            verdicts[free], slips[free] = SLIP, NOT_CALCULATED
        else:
            self.habits |= set(slips[real & np.isin(slips.astype(str), FORM)].tolist())
        vanished = np.isin(slips.astype(str), FORM) & (answer.values == 0)
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
        """Return why a matrix was filled in without calculating it, if it was, and where.

        It was not, where other numbers of it are earned, where all these are and follow from
        numbers that are to be believed, or where a slip explains them.
        """
        earned = np.isin(verdicts, FULL)
        sound = verdicts == RIGHT if self._reads_guess(matrix) else earned
        typed, known = ~np.isnan(found), ~np.isnan(self.following[matrix.name])
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
        for matrix in self.matrices:
            answer, old = self.answers.get(matrix.name), self.before.get(matrix.name)
            if answer is None or old is None:
                continue
            fits = self._fits(matrix, answer.values, self.true[matrix.name])
            if not self._reads_guess(matrix):
                fits |= self._fits(matrix, answer.values, self.following[matrix.name])
            same = self._fits(matrix, answer.values, old)
            if (fits & ~same).any():
                return False
            is_idle |= bool((same & ~fits).any() and (same | np.isnan(answer.values)).all())
        return is_idle

    def _fits(self, matrix: Matrix, found: Array, expected: Array) -> Mask:
        return np.asarray(abs(found - expected) <= self._within(matrix, expected))

    def _fillings(self, matrix: Matrix, found: Array) -> Iterator[tuple[str, Mask]]:
        """Yield ways to fill a matrix in without calculating, and where its numbers are so.

        Where the right numbers are all the same, one number throughout is no such way.
        """
        true, old = self.true[matrix.name], self.before.get(matrix.name)
        copies = [(NOT_UPDATED, old)] if old is not None else []
        for given in self.walk.matrices:
            other = self.own[given.name]
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
            unit = self.precision.unit if isinstance(self.precision, Decimals) else 0.0
            numbers, counts = np.unique(typed, return_counts=True)
            same = found == numbers[counts.argmax()]
            if same.sum() > 1 and np.ptp(true[same]) > 1.5 * unit:
                yield ONE_NUMBER, same

    def _free(self, matrix: Matrix, found: Array, verdicts: Codes) -> Mask:
        """Return which numbers that follow took no calculating: they come out as 0 or 1, are copied
        from a number that they are calculated from, or stand in the matrix already.

        Numbers may stand there as often as in the right matrix; and an activation may copy what it
        likes.
        """
        kinds = self._kinds(matrix, found, self.own)
        usual = np.bincount(self._kinds(matrix, self.true[matrix.name], self.true).ravel(), None, 4)
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
        """Return for each number whether it is 0 or 1, a copy of a number that it is calculated
        from, or stands in the matrix already; else 0.
        """
        limit = self._within(matrix, values).tolist()
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

    # --- What rounding explains -----------------------------------------------------------

    def _by_rounding(
        self, matrix: Matrix, follows: Mask, far: Array, off: Array, verdicts: Codes
    ) -> None:
        """Call numbers right or rounded that differ by no more than rounding explains."""
        if (verdicts == CARRIED).any():
            verdicts[follows & (far <= self.reach[matrix.name])] = RIGHT
        if (verdicts == WRONG).any():
            most, within = (
                self._most_by_rounding(matrix),
                self._within(matrix, self.true[matrix.name]),
            )
            slack = self._slack(matrix) + self._within(matrix, self.following[matrix.name])
            near = (off <= slack) | (far <= np.minimum(self.reach[matrix.name], most + within))
            verdicts[near & (verdicts == WRONG)] = ROUNDED

    def _slack(self, matrix: Matrix) -> Array:
        """Return what rounding the numbers that were read explains."""
        by_own = spread(matrix, self.own, self.left_out)
        return np.minimum(by_own, self._most_by_rounding(matrix))

    def _most_by_rounding(self, matrix: Matrix) -> Array:
        """Return what rounding explains at most: a few units of the last place, and not much more
        than it does to the true numbers.
        """
        assert isinstance(self.precision, Decimals)
        half = self.precision.unit / 2
        usual = {
            name: self.left_out[name] if name in self.question.given else np.full(true.shape, half)
            for name, true in self.true.items()
        }
        return FEW * self.precision.unit + 2 * spread(matrix, self.true, usual)

    @cached_property
    def reach(self) -> dict[str, Array]:
        """How far numbers come from the true ones if every answer is rounded, and nothing else."""
        found: dict[str, Array] = {}
        for matrix in self.matrices:
            if matrix.definition is None:
                found[matrix.name] = np.zeros(matrix.shape)
                continue
            true, reach = self.true[matrix.name], spread(matrix, self.true, found)
            if matrix.name in self.answers:
                exact = (reach == 0) & self._is_exact(true)
                reach = np.where(exact, 0.0, reach + self._within(matrix, true))
            found[matrix.name] = reach
        return found

    def _is_exact(self, values: Array) -> Mask:
        """Where a number is what it is when rounded."""
        if isinstance(self.precision, Decimals):
            return np.asarray(values == np.round(values, self.decimals))
        return np.zeros(values.shape, dtype=np.bool_)

    @cached_property
    def left_out(self) -> dict[str, Array]:
        """What rounding may have left out of the numbers that a student has. Nothing, where they
        follow without it: the 0 of a neuron that is off is no small number rounded.
        """
        found: dict[str, Array] = {}
        for matrix in self.matrices:
            own = self.own[matrix.name]
            if matrix.definition is None:
                found[matrix.name] = abs(own - np.round(own, self.decimals))
                continue
            exact = self._is_exact(own) & (own == self.following[matrix.name])
            if exact.any():
                exact &= spread(matrix, self.own, found) == 0
            found[matrix.name] = np.where(exact, 0.0, self.precision.left_out(own))
        return found

    # --- What arithmetic explains ---------------------------------------------------------

    def _by_arithmetic(self, matrix: Matrix, answer: Answer, verdicts: Codes) -> Mask:
        """Call numbers right or carried that differ by no more than arithmetic leaves out; return
        where that is 32-bit arithmetic.
        """
        name, found = matrix.name, answer.values
        off = abs(found - self.following[name])
        approximate = np.zeros(matrix.shape, dtype=np.bool_)
        for precision in (DOUBLE, SINGLE):
            left_out = self._left_out_by(precision)
            near = off <= left_out[name]
            if precision is SINGLE:
                near &= self._can_be_single(matrix, answer)
            near &= np.isin(verdicts, (WRONG, CARRIED))
            true = abs(found - self.true[name]) <= self._reach_of(precision)[name]
            # What follows from right numbers, exactly or not, is right.
            near &= true | (verdicts == WRONG)
            verdicts[near] = np.where(true, RIGHT, CARRIED)[near]
            if precision is SINGLE:
                approximate = near
        return approximate

    def _can_be_single(self, matrix: Matrix, answer: Answer) -> Mask:
        """Where a number may have been computed with 32 bits: a change that is not blurred by that,
        unless the numbers are 32-bit floats throughout.
        """
        old, found = self.before.get(matrix.name), answer.values
        with np.errstate(all="ignore"):
            stored = answer.single or (np.isnan(found) | (found == found.astype(np.float32))).all()
        if old is None or stored:
            return np.ones(matrix.shape, dtype=np.bool_)
        following = self.following[matrix.name]
        return np.asarray(abs(found - following) <= BLURRED * abs(following - old))

    def _left_out_by(self, precision: Precision) -> dict[str, Array]:
        """Return how far each matrix may be from what follows, by arithmetic alone."""
        return self._accumulated(precision, self.own, self.following, self.answers)

    def _reach_of(self, precision: Precision) -> dict[str, Array]:
        """Return how far each matrix may be from the true one, by arithmetic alone."""
        return self._accumulated(precision, self.true, self.true, ())

    def _accumulated(
        self,
        precision: Precision,
        at: Mapping[str, Array],
        follows: Mapping[str, Array],
        known: Any,
    ) -> dict[str, Array]:
        """Return what arithmetic leaves out of each matrix, on the way from what is known."""
        key = (precision, follows is self.true)
        if key not in self._arithmetic:
            off: dict[str, Array] = {}
            found: dict[str, Array] = {}
            for matrix in self.matrices:
                here = precision.left_out(at[matrix.name])
                if matrix.definition is not None:
                    here = bound(matrix, at, off) + precision.left_out(follows[matrix.name])
                    if matrix.name in self.before:
                        here = here + precision.left_out(self.before[matrix.name])
                found[matrix.name] = here
                is_known = matrix.name in known
                off[matrix.name] = precision.left_out(at[matrix.name]) if is_known else here
            self._arithmetic[key] = found
        return self._arithmetic[key]

    @cached_property
    def _arithmetic(self) -> dict[Any, dict[str, Array]]:
        return {}


def _in_order(matrices: Sequence[Matrix], extra: Sequence[Matrix]) -> tuple[Matrix, ...]:
    """Return matrices with further ones among them, each after the last that it reads."""
    found = list(matrices)
    for matrix in extra:
        assert matrix.definition is not None
        last = max(found.index(operand) for operand in reads(matrix.definition))
        found.insert(last + 1, matrix)
    return tuple(found)


def _read_by(matrix: Matrix, i: int, j: int, known: Mapping[str, Array]) -> list[float]:
    """Return the numbers that a cell is calculated from."""
    assert matrix.definition is not None
    at: dict[str, Any] = {"row": i, "column": j, "all": slice(None)}
    found: list[float] = []
    for operand, patterns in reads(matrix.definition).items():
        if not operand.is_scalar:
            for rows, columns in patterns:
                found += np.ravel(known[operand.name][at[rows], at[columns]]).tolist()
    return found


def _convincing(explained: Mask, open_: Mask, *, lines: bool) -> Mask:
    """Return which of the numbers that a slip explains it is named for: if they are nearly all that
    are wrong in the matrix, or else those of whole rows or columns.
    """
    if explained.sum() >= NEARLY_ALL * open_.sum():
        return explained
    found = np.zeros(explained.shape, dtype=np.bool_)
    for axis in (0, 1) if lines else ():
        if explained.shape[axis] > 1:
            found |= explained & explained.all(axis=axis, keepdims=True)
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
