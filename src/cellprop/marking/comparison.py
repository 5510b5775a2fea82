"""Comparing the matrices that somebody computed with those of a trace.

Theirs have names, variants and a precision of their own. Here each is taken for one of ours,
brought to our orientation and scale, and then marked like an answer to an exercise: exactly, unless
it was calculated by hand. Knows names, variants and marks; what is said of them, `said` knows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from cellprop.algebra import Applied, Array, Expression, Matrix, value
from cellprop.errors import InputError, UnknownNameError, nearest
from cellprop.files.matrices import Found, collected
from cellprop.files.opening import shown
from cellprop.files.safe import label
from cellprop.marking.compared import Comparison, Differs, Taken
from cellprop.marking.marks import Marked, Marks, mark
from cellprop.marking.matching import (
    Left,
    Match,
    Target,
    factors_of,
    further,
    is_same,
    match,
    shown_name,
    targets,
)
from cellprop.marking.precision import DOUBLE, half_a_unit
from cellprop.marking.question import MOST_DECIMALS, Question, ask
from cellprop.marking.said import notes, text, warnings
from cellprop.marking.variants import PLAIN, Factor, Fit, Variant, best_fit, fits
from cellprop.marking.verdicts import CARRIED, FULL, Answer
from cellprop.programs.naming import change_name
from cellprop.running.run import Run, Update
from cellprop.texts.words import load

# The most decimals of numbers that look rounded.
MOST_ROUNDED = 6
# Rounded numbers agree if all differ by a few units of the last place, and most by half a unit.
FEW_UNITS, MOSTLY = 5.0, 0.5
# How far a 32-bit float may be from the number it stands for, by its size.
SINGLE_OFF = 2.0**-22


def compare(
    trace: Run,
    matrices: Any,
    *,
    decimals: int | None = None,
    names: Mapping[str, str | None] | None = None,
) -> Comparison:
    """Return the marks for matrices that were computed, or calculated by hand, elsewhere.

    What is not there is calculated from what is, so one can compare a single step, or all. Names
    are matched loosely (`W1`, `dZ2`, `y_hat`, `0.weight.grad`); matrices may be transposed, samples
    may stand in columns, and gradients may have either sign, summed or averaged. What was made of
    them stands in `notes`.

    Parameters
    ----------
    trace
        What was to be computed.
    matrices
        Matrices by name: arrays, tensors, tables or lists; or the path of a file or folder that
        holds them, as `cellprop compare` takes it. None is a blank.
    decimals
        To how many numbers were rounded by hand, 12 at most: NaN is a blank, too, and a gradient's
        sign and scale are those of the steps. None: numbers from code, right to 1e-9 of the size of
        what they carry (an update is judged by its change), or as 32-bit arithmetic goes.
    names
        What some of theirs are called here: `{"hid": "hiddenlayer_activations"}`; None: leave it
        out.

    Raises
    ------
    UnknownNameError
        A KeyError, if none of the names is known, or `names` has one that is not there.
    InputError
        If a matrix by a name of ours has another shape, or holds something other than numbers; if
        there is nothing to compare; or if a file can't be read.

    Examples
    --------
    >>> import cellprop
    >>> run = cellprop.article()
    >>> marks = cellprop.compare(run, {"W1_new": run["wh_new"], "dZ2": -run["d_output"]})
    >>> marks
    <Comparison of 2 matrices: 2 right>
    >>> by_hand = {"E": [[-0.211], [0.202], [-0.789]]}
    >>> marks = cellprop.compare(run, by_hand, decimals=3)
    >>> marks.cells[["answer", "verdict", "slip"]].values.tolist()[0]
    [-0.211, 'slip', 'difference_reversed']
    """
    theirs = collected(matrices)
    if decimals is not None:
        theirs = {name: _with_gaps(found) for name, found in theirs.items()}
    with np.errstate(all="ignore"):  # somebody's numbers may be anything
        against = _Against(_question(trace.update, decimals), exact=decimals is None)
        found = _compared(against, theirs, names or {})
    if isinstance(matrices, (str, Path)):
        found = replace(found, path=label(matrices))
    words = load()
    return replace(
        found,
        notes=tuple(notes(found, words)),
        warnings=tuple(warnings(found, words)),
        say=_said,
    )


def _said(marks: Comparison) -> str:
    """Return all there is to say of a comparison, in the default words."""
    return text(marks, load())


def _compared(
    against: _Against, theirs: Mapping[str, Found], told: Mapping[str, str | None]
) -> Comparison:
    """Return the marks, without what is said of them."""
    matches, left = match(theirs, against.targets, against.program, told, by_numbers=against.exact)
    matches, differs = against.checked(matches)
    if all(against.targets[ours].is_given for ours in matches):
        raise _nothing(theirs, against.targets, left, differs)
    taken = against.as_variants(matches)
    marks = against.marks(taken)
    known = {each.name: getattr(marks, each.name) for each in fields(marks)}
    return Comparison(
        **known,
        ours={name: each.matrix for name, each in against.targets.items()},
        taken=taken,
        left=tuple(left),
        differs=differs,
        looks_rounded=against.looks_rounded(taken, marks),
    )


def parse_names(texts: Sequence[str]) -> dict[str, str | None]:
    """Return our names (None: leave it out) by theirs, from texts such as `hid=E` and `hid=`.

    Raises
    ------
    InputError
        If a text is none of these, or a name is there twice.
    """
    found: dict[str, str | None] = {}
    for each in texts:
        theirs, equals, ours = (part.strip() for part in each.rpartition("="))
        if not equals or not theirs:
            raise InputError(f"--names: expected THEIRS=OURS, such as hid=E, found {shown(each)}.")
        if theirs in found:
            raise InputError(f"--names: {shown(theirs)} is there twice; keep one.")
        found[theirs] = ours or None
    return found


def _with_gaps(found: Found) -> Found:
    """Return a matrix whose NaN are blanks, as tables have them where nothing was calculated."""
    texts = np.where(found.texts == "nan", "", found.texts)
    others = tuple(map(_with_gaps, found.others))
    return replace(found, texts=texts, others=others)


def _nothing(
    theirs: Mapping[str, Found],
    ours: Mapping[str, Target],
    left: Sequence[Left],
    differs: Sequence[Differs],
) -> InputError | UnknownNameError:
    """Return the error where nothing can be compared: of the first matrix, if there is one."""
    there = ", ".join(name for name, target in ours.items() if not target.is_given)
    if not theirs:
        return InputError("matrices: expected at least one matrix by its name, found none.")
    if differs:
        what = f"{shown_name(differs[0].theirs)} is given, and differs from the trace's"
        return InputError(f"{what}; give what was computed: {there}.")
    if not left:
        return InputError(f"matrices: all are given; give what was computed: {there}.")
    first = left[0]
    if first.why == "unreadable":
        return InputError(first.says)
    if first.why == "shape":
        sizes = (ours[first.says].matrix.shape, first.shape)
        expected, found = (" × ".join(map(str, size)) for size in sizes)
        name = shown_name(first.theirs)
        return InputError(f"{name}: expected {expected} numbers, found {found}.")
    return UnknownNameError(
        f"There is no '{shown_name(first.theirs)}' to compare.{nearest(first.theirs, ours)}"
        f" There are: {there}."
    )


# --- From their variant to ours --------------------------------------------------------------


def _question(update: Update, decimals: int | None) -> Question:
    """Return the question that asks for all steps of an update, with its numbers as they are; by
    hand to some decimals, which are checked, else to as many as there may be.
    """
    steps = ",".join(step.label for step in update.program.steps if step.computed)
    question = ask(update, steps=steps, decimals=MOST_DECIMALS if decimals is None else decimals)
    # Not rounded, as those of a sheet are.
    return replace(question, given={name: update.values[name] for name in question.given})


class _Against:
    """What to compare with, by hand or exactly: every matrix of an update, asked for."""

    def __init__(self, question: Question, *, exact: bool) -> None:
        self.question, self.exact = question, exact
        self.program = question.program
        self.further = further(self.program)
        self.targets = targets(question.update, self.further)
        self._order = {name: place for place, name in enumerate(self.targets)}
        # Which parameter's change a matrix is, by its name.
        self._gradients = {change_name(self.program, p): p for p in self.program.changes}

    # --- What is given ----------------------------------------------------------------

    def checked(self, matches: Mapping[str, Match]) -> tuple[dict[str, Match], tuple[Differs, ...]]:
        """Return the matches without given matrices that are not the trace's, and those. One that
        has the numbers which replace it, or had the trace's at first, is the updated one.
        """
        found = {name: each for name, each in matches.items() if self._is_fine(each)}
        differs = []
        for name, each in matches.items():
            if name in found:
                continue
            new = self.program.updates.get(name)
            if new and new.name not in matches and self._is_updated(each, new.name, found):
                found[new.name] = replace(each, ours=new.name, how="updated")
            else:
                differs.append(self._difference(each))
        return found, tuple(differs)

    def _is_fine(self, each: Match) -> bool:
        """Whether a matrix is computed, or given and the trace's."""
        target = self.targets[each.ours]
        if not target.is_given or is_same(each.found, target, self.program):
            return True
        off, near = self._off(each)
        return bool((off <= near).all())

    def _off(self, each: Match) -> tuple[Array, Array]:
        """Return how far a given matrix is from the trace's, and how far it may be: distances of
        its shape.
        """
        true = self.targets[each.ours].true
        near = SINGLE_OFF * abs(true)
        if not self.exact:
            near = np.full(true.shape, half_a_unit(self.question.setup.decimals))
        return np.nan_to_num(abs(self._as_is(each) - true), nan=np.inf), near

    def _as_is(self, each: Match) -> Array:
        """Return the numbers of a given matrix, which nobody scales, in our shape."""
        target = self.targets[each.ours]
        variant = next(fit.variant for fit in fits(each.found, [target.true], 0, (PLAIN,)))
        values, _ = variant.to_ours(each.found, target.matrix.shape)
        return values

    def _is_updated(self, each: Match, new: str, others: Mapping[str, Match]) -> bool:
        """Whether a given matrix is the updated one: by its numbers, or since what was computed
        from it agrees with the trace.
        """
        if is_same(each.found, self.targets[new], self.program):
            return True
        forward = {matrix.name for matrix in self.program.forward.brings}
        return any(
            name in forward and is_same(other.found, self.targets[name], self.program)
            for name, other in others.items()
        )

    def _difference(self, each: Match) -> Differs:
        """Return where a given matrix differs most from the trace's."""
        off, _ = self._off(each)
        i, j = np.unravel_index(int(off.argmax()), off.shape)
        found = float(self._as_is(each)[i, j])
        expected = float(self.targets[each.ours].true[i, j])
        return Differs(each.theirs, each.ours, int(i) + 1, int(j) + 1, found, expected)

    # --- The variant of what is computed -------------------------------------------------

    def as_variants(self, matches: Mapping[str, Match]) -> dict[str, Taken]:
        """Return each match with its variant: that in which it is right, or follows from their own
        earlier numbers; where none makes it so, the variant that others have.
        """
        habits = _Habits()
        if self.exact:
            for name, each in matches.items():
                habits.foresee(self._fits(each, [self.targets[name].true]), self.targets[name])
        own: dict[str, Array] = {}
        taken: dict[str, Taken] = {}
        for name, target in self.targets.items():
            definition = target.matrix.definition
            follows = target.true
            if definition is not None:
                follows = np.broadcast_to(value(definition, own), target.matrix.shape)
            own[name] = follows
            if name in matches:
                variant = self._variant(matches[name], target, follows, habits)
                taken[name] = Taken(matches[name], variant)
                own[name] = self._numbers(taken[name])
        return {name: taken[name] for name in self.targets if name in taken}

    def _fits(self, each: Match, ours: Sequence[Array]) -> list[Fit]:
        target = self.targets[each.ours]
        choices = factors_of(target, self.program) if self.exact else (PLAIN,)
        return list(fits(each.found, ours, target.power, choices))

    def _variant(self, each: Match, target: Target, follows: Array, habits: _Habits) -> Variant:
        found = self._fits(each, [target.true, follows])
        if not self.exact:
            return found[0].variant  # as it is, if that fits
        usual = habits.usual(target, each)
        best = best_fit(found, usual)
        assert best is not None
        if best.is_good:
            habits.learn(best.variant, target)
            return best.variant
        turned = {fit.variant.turned for fit in found}
        variant = next(variant for variant in usual if variant.turned in turned)
        if target.scales == "change" and not habits.knows(target):
            variant = self._with_sign(each, target, variant)
        return variant

    def _with_sign(self, each: Match, target: Target, variant: Variant) -> Variant:
        """Return a variant with the sign by which most of a wrong matrix points as ours does."""
        values, _ = variant.to_ours(each.found, target.matrix.shape)
        if np.nansum(values * target.true) >= 0:
            return variant
        negative = next(
            f for f in factors_of(target, self.program) if f.value == -variant.factor.value
        )
        return replace(variant, factor=negative)

    def _numbers(self, taken: Taken) -> Array:
        """Return the numbers of a matrix as we would have them, in our shape."""
        shape = self.targets[taken.match.ours].matrix.shape
        values, _ = taken.variant.to_ours(taken.match.found, shape)
        return values

    # --- Marks ------------------------------------------------------------------------

    def answers(self, taken: Mapping[str, Taken]) -> dict[str, Answer]:
        """Return the Answers that were computed, in our variant, by the names of ours."""
        found = {}
        for name, each in taken.items():
            target = self.targets[name]
            if target.is_given:
                continue
            values, texts = each.variant.to_ours(each.match.found, target.matrix.shape)
            there = {
                (int(i), int(j)): str(texts[i, j]) for i, j in np.argwhere(texts != "").tolist()
            }
            found[name] = Answer(values, there, single=each.match.found.single)
        return found

    def marks(self, taken: Mapping[str, Taken]) -> Marks:
        """Return the marks for what was computed."""
        answers = self.answers(taken)
        extra = [(step, matrix) for step, matrix in self.further if matrix.name in answers]
        marks = mark(self.question, answers, exact=self.exact, extra=extra, unseen=True)
        if self.exact:
            with np.errstate(all="ignore"):
                follows = self._by_gradients(answers)
                matrices = [self._going_on(m, follows.get(m.name, m.own)) for m in marks.matrices]
            marks = replace(marks, matrices=tuple(sorted(matrices, key=self._position)))
        return marks

    def _position(self, marked: Marked) -> tuple[int, bool]:
        """Return where a matrix stands in the order of computation, and whether after the step's
        own there: a gradient that no step shows stands before what it updates.
        """
        name = marked.name
        if name in self.question.values:
            return self._order[name], True
        if name in self._gradients:
            return self._order[self.program.updates[self._gradients[name]].name], False
        return self._order[self.program.losses[-1].name], True

    def _by_gradients(self, answers: Mapping[str, Answer]) -> dict[str, Array]:
        """Return the numbers that updates should be, by name and of their shapes, by the gradients
        that they have, which no step shows.
        """
        gradients = {
            name: Matrix(theirs, change.rows, change.columns)
            for theirs, name in self._gradients.items()
            for change in [self.program.changes[name]]
            # One that a step shows is read by what follows anyway.
            if theirs in answers and theirs not in self.program.by_name
        }
        own = {name: target.true for name, target in self.targets.items()}
        own |= {name: answer.values for name, answer in answers.items()}
        found = {}
        for matrix in self.program.brought_by("update"):
            assert matrix.definition is not None
            new = matrix.definition
            for name, gradient in gradients.items():
                new = _with_in_place(new, self.program.changes[name], gradient)
            found[matrix.name] = np.broadcast_to(value(new, own), matrix.shape)
            if matrix.name not in answers:
                own[matrix.name] = found[matrix.name]
        return found

    def _going_on(self, marked: Marked, follows: Array) -> Marked:
        """Return the marks of an update that may go on from a gradient of theirs: then carried."""
        old = self.program.replaced_by(self.targets[marked.name].matrix)
        if old is None or np.isin(marked.verdicts, FULL).all():
            return marked
        near = DOUBLE.within(follows, follows - self.targets[old.name].true)
        carried = (abs(marked.answer.values - follows) <= near) & ~np.isin(marked.verdicts, FULL)
        slips = np.where(carried, "", np.array(marked.slips, dtype=object))
        return replace(
            marked,
            own=np.where(carried, follows, marked.own),
            verdicts=np.where(carried, CARRIED, marked.verdicts).astype(np.int8),
            slips=tuple(tuple(row) for row in slips.tolist()),
        )

    def looks_rounded(self, taken: Mapping[str, Taken], marks: Marks) -> int | None:
        """Return to how many decimals all numbers are rounded, if they agree as such; else None."""
        if not self.exact or all(np.isin(each.verdicts, FULL).all() for each in marks.matrices):
            return None
        own = [taken[each.name].match.found.values.ravel() for each in marks.matrices]
        values = np.concatenate(own)
        values = values[np.isfinite(values)]
        far = np.concatenate([
            abs(each.answer.values - each.expected).ravel() for each in marks.matrices
        ])  # fmt: skip
        far = far[np.isfinite(far)]
        if not far.size:
            return None
        for decimals in range(MOST_ROUNDED + 1):
            if np.allclose(values, np.round(values, decimals), rtol=1e-12, atol=1e-12):
                unit = 10.0**-decimals
                agree = (far <= FEW_UNITS * unit).all() and (far <= unit / 2).mean() >= MOSTLY
                return decimals if agree else None
        return None


def _with_in_place(expression: Expression, old: Expression, new: Expression) -> Expression:
    """Return an expression with another in place of a part of it."""
    if expression is old:
        return new
    if isinstance(expression, Applied):
        operands = (_with_in_place(operand, old, new) for operand in expression.operands)
        return expression.of(*operands)
    return expression


class _Habits:
    """The variants in which somebody has their matrices, as far as they are known.

    Samples may stand in columns while weights do not, and gradients of weights may be means while
    those of neurons are sums: each sort of matrix has a habit of its own.
    """

    def __init__(self) -> None:
        self._turned: dict[str, bool] = {}
        self._factor: dict[str, Factor] = {}
        self._foreseen: dict[str, Counter[Factor]] = {}

    def foresee(self, found: Sequence[Fit], target: Target) -> None:
        """Look at a matrix by itself: before one is wrong, later ones may tell the variant."""
        best = best_fit(found, [fit.variant for fit in found])
        if best is not None and best.is_good and target.power and target.true.any():
            self._foreseen.setdefault(_sort(target), Counter())[best.variant.factor] += 1

    def learn(self, variant: Variant, target: Target) -> None:
        """Remember the variant of a matrix that agrees in it."""
        if target.matrix.shape[0] != 1 and target.matrix.shape[1] != 1:
            self._turned[_side(target)] = variant.turned
        if target.power and target.true.any():
            self._factor[_sort(target)] = variant.factor

    def knows(self, target: Target) -> bool:
        """Whether the factor of such a matrix is known."""
        return self._known(target) is not None

    def usual(self, target: Target, each: Match) -> list[Variant]:
        """Return the variants that such a matrix usually has, the likeliest first."""
        turned = self._turned.get(_side(target), each.turned)
        factor = self._known(target) or PLAIN
        ways = (turned, not turned)
        several = dict.fromkeys((factor, PLAIN)) if target.power else (PLAIN,)
        return [Variant(way, one, target.power) for one in several for way in ways]

    def _known(self, target: Target) -> Factor | None:
        if not target.power:
            return None
        sort = _sort(target)
        if sort in self._factor:
            return self._factor[sort]
        foreseen = self._foreseen.get(sort)
        if foreseen:
            return foreseen.most_common(1)[0][0]
        return self._factor.get("neurons") if sort == "parameters" else None


def _side(target: Target) -> str:
    return "samples" if target.by_sample else "parameters"


def _sort(target: Target) -> str:
    if target.scales == "loss":
        return "loss"
    return "neurons" if _side(target) == "samples" else "parameters"
