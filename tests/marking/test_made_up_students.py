"""The marker against made-up students whose slips stand in another list than its own.

Whatever slip they make, wherever it shows: it is named for what it was, paid for once, and what
follows from it is carried. They walk in plain NumPy (see `made_up`).
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from cellprop.marking.marks import Marks, mark
from cellprop.marking.verdicts import FULL, SLIP
from conftest import slow_but
from made_up import MADE, UNKNOWN, Exercise, Made, answers, doubt, notebook, possible, right, walk
from test_slips import EACH_KIND, KINDS, question_of

# Slips of form are paid for once a step, however many numbers they are in.
FORM = {"cut_off", "rounded_too_far", "decimal_shifted"}
# Numbers from another place.
PLACES = {"other_sample", "other_neuron", "typed_transposed"}
# From here on it is clear that a number is wrong, whatever was rounded: units of the last place.
CLEARLY = 30
# So many numbers are not explained by chance.
BY_CHANCE = 3
# What is larger is no number of anybody's.
HUGE = 1e12
WAYS = {"3 decimals": (3, 3), "6 decimals": (6, 6), "formulas, 3": (3, None), "formulas": (6, None)}

each_kind = pytest.mark.parametrize("kind", EACH_KIND)
# Rounded to few decimals Adam divides by 0, and what it makes of rounded numbers can only be told
# from them.
each_kind_but_adam = pytest.mark.parametrize("kind", [k for k in EACH_KIND if "adam" not in str(k)])
each_way = pytest.mark.parametrize("way", slow_but(["3 decimals"], WAYS))


@cache
def exercise(kind: str, decimals: int, seed: int = 0):
    question = question_of(kind, seed, decimals)
    return question, Exercise.of(question)


def line_of(ex: Exercise, name: str):
    return next(line for line in ex.lines if line.name == name)


def where(kind: str, way: str, seed: int = 0, among=MADE):
    """Every line in which a slip can be made, with the slip, by who does the rest rightly."""
    decimals, rounding = WAYS[way]
    question, ex = exercise(kind, decimals, seed)
    perfect = walk(ex, rounding=rounding)
    for name in ex.shapes:
        line, own = line_of(ex, name), notebook(ex, perfect, name)
        for made, _ in possible(ex, line, own, rounding, among):
            yield question, ex, name, made, rounding


class Judged:
    """A matrix with a slip in it: what the marker says, and what there is to say."""

    def __init__(self, ex: Exercise, typed, marks: Marks, name: str, rounding: int | None) -> None:
        line, own = line_of(ex, name), notebook(ex, typed, name)
        self.ex, self.rounding, self.typed = ex, rounding, typed[name]
        self.unit = 10.0**-ex.decimals
        with np.errstate(all="ignore"):
            self.should = np.broadcast_to(right(ex, line, own), self.typed.shape)
            rounded = np.broadcast_to(doubt(ex, line, own), self.typed.shape)
        self.off = abs(self.typed - self.should)
        self.visible = self.off > self.unit * (1 + 1e-6)
        self.clear = self.off > self.unit * CLEARLY + 4 * np.nan_to_num(rounded, nan=np.inf)
        self.marked = next(m for m in marks.matrices if m.name == name)
        # After an earlier slip the true number may come out after all: two errors that cancel.
        self.clear &= abs(self.typed - self.marked.expected) > self.unit * CLEARLY
        self.others = possible(ex, line, own, None)

    @property
    def keys(self) -> set[str]:
        """The keys that the marker names where the slip is clear."""
        return {
            key
            for row, clear in zip(self.marked.slips, self.clear.tolist(), strict=True)
            for key, is_clear in zip(row, clear, strict=True)
            if is_clear
        }

    def mentioned(self, where: np.ndarray) -> set[str]:
        """The keys that the marker names in some places."""
        return {key for key in np.array(self.marked.slips, object)[where] if key}

    @property
    def nothing_left(self) -> int:
        """How many numbers have become 0 by a slip of form: these are lost like any other."""
        return int(((self.typed == 0) & (self.off > 0.5 * self.unit)).sum())

    @property
    def alike(self) -> bool:
        """Whether so little is left of a matrix that half of it is one number, or the old one."""
        half, old = max(3, self.typed.size) / 2, self.marked.name.removesuffix("_new")
        kept = self.typed == self.ex.given.get(old, np.nan)
        return np.unique(self.typed, return_counts=True)[1].max() >= half or kept.sum() >= half

    def meant(self, made: Made) -> set[str]:
        """The keys that are right: the slip's own, and those of slips with the very same numbers.

        E turned round and E with its sign lost are one matrix; so are a slope left out and the
        error where a delta belongs, or the mean over two samples and one of two equal ones.
        """
        same = {made.key}
        if made.key in PLACES and np.unique(self.typed).size <= 2:
            same |= PLACES  # the 0s and 1s of one place look like those of another
        for other, numbers in self.others:
            if (abs(numbers - self.typed) <= 0.5 * self.unit * (1 + 1e-6))[self.visible].all():
                same.add(other.key)
        return same

    @property
    def left(self) -> np.ndarray:
        """Where the marker finds nothing wrong, though it is clear."""
        return self.clear & np.isin(self.marked.verdicts, FULL)

    @property
    def charged(self) -> float:
        return self.marked.out_of - self.marked.marks


def elsewhere(ex, typed, marks: Marks, names) -> list[str]:
    """The other matrices in which something is lost that can be calculated: a sum of exponentials
    below 0 leaves nothing to divide by; and where nothing was added to what was there before, that
    is no more than a copy."""
    lost = []
    for matrix in marks.matrices:
        old = ex.given.get(matrix.name.removesuffix("_new"))
        if old is not None and np.array_equal(old, typed[matrix.name]):
            continue
        usable = (abs(typed[matrix.name]) < HUGE) & np.isfinite(matrix.own)
        if matrix.name not in names and (usable & ~np.isin(matrix.verdicts, FULL)).any():
            lost.append(matrix.name)
    return lost


def complaints(question, ex, name, made, rounding) -> list[str]:
    """What is wrong with the marker's word on one slip."""
    made = made.at(rounding)
    typed = walk(ex, {name: made.do}, rounding)
    if not np.isfinite(typed[name]).all():
        return []
    marks = mark(question, answers(typed))
    judged = Judged(ex, typed, marks, name, rounding)
    if made.key in FORM and judged.alike:
        return []
    meant, found = judged.meant(made), []
    if judged.keys - meant:
        found.append(f"named {sorted(judged.keys - meant)} for {sorted(meant)}")
    precise = ex.decimals > 3  # with fewer, small numbers are alike by chance
    where = (judged.visible | (made.key in FORM)) & precise
    if odd := judged.mentioned(where) - judged.keys - meant - (FORM if meant & FORM else set()):
        found.append(f"{sorted(odd)} mentioned for {sorted(meant)}")
    if judged.left.any():
        found.append(f"{judged.left.sum()} numbers earn marks")
    named = judged.marked.verdicts == SLIP
    fair = (
        1 + judged.nothing_left
        if meant & FORM
        else int((named | ~np.isin(judged.marked.verdicts, FULL)).sum())
    )
    if judged.charged > (fair if not meant - FORM else judged.typed.size):
        found.append(f"{judged.charged:g} marks lost, not {fair}")
    lost = elsewhere(ex, typed, marks, {name})
    if lost:
        found.append(f"paid for again in {', '.join(lost)}")
    return [f"{name}: {made.name}: {complaint}" for complaint in found]


# --- They calculate rightly -----------------------------------------------------------------


@each_kind
@pytest.mark.parametrize("seed", range(3))
def test_who_makes_no_slip_has_the_numbers_of_the_trace(kind, seed):
    question, ex = exercise(kind, 3, seed)
    typed = walk(ex)
    assert list(typed) == list(question.setup.answers)
    for name, values in typed.items():
        assert np.allclose(values, question.values[name], rtol=1e-12, atol=1e-12), name


@each_kind
@each_way
def test_who_makes_no_slip_has_full_marks(kind, way):
    decimals, rounding = WAYS[way]
    question, ex = exercise(kind, decimals)
    marks = mark(question, answers(walk(ex, rounding=rounding)))
    assert marks.total == marks.out_of


# --- One slip -------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", slow_but(["shallow"], KINDS))
@each_way
def test_a_slip_is_named_for_what_it_was_paid_for_once_and_carried(kind, way):
    wrong = [complaint for case in where(kind, way) for complaint in complaints(*case)]
    assert wrong == []


@pytest.mark.slow
def test_every_slip_shows_in_some_network():
    shown = {made.name for kind in KINDS for *_, made, _ in where(kind, "formulas")}
    assert shown == {made.name for made in MADE}


# --- Two slips, and slips in a part of a matrix ---------------------------------------------


def pairs(kind: str, way: str, count: int):
    """Two slips of one student, in different matrices, drawn by chance."""
    chance = np.random.default_rng(len(kind))
    cases = list(where(kind, way))
    order = list(cases[0][1].shapes)
    while count:
        first, second = sorted(chance.choice(len(cases), 2), key=lambda i: order.index(cases[i][2]))
        if cases[first][2] != cases[second][2]:
            count -= 1
            yield cases[first], cases[second]


def named_wrongly(ex, typed, marks, name, made, rounding) -> list[str]:
    judged = Judged(ex, typed, marks, name, rounding)
    found, meant = judged.keys - judged.meant(made), sorted(judged.meant(made))
    return [f"{name}: {made.name}: named {sorted(found)} for {meant}"] if found else []


@pytest.mark.parametrize("kind", slow_but(["article"], KINDS))
@each_way
def test_two_slips_in_different_matrices_are_both_named_and_nothing_else_is_lost(kind, way):
    wrong = []
    for first, second in pairs(kind, way, 60):
        question, ex, *_, rounding = first
        slips = {case[2]: case[3].at(rounding) for case in (first, second)}
        typed = walk(ex, {name: made.do for name, made in slips.items()}, rounding)
        if not all((abs(typed[name]) < HUGE).all() for name in ex.shapes):
            continue
        marks = mark(question, answers(typed))
        judged = [(made, Judged(ex, typed, marks, n, rounding)) for n, made in slips.items()]
        if any(made.key in FORM and each.alike for made, each in judged):
            continue
        for name, made in slips.items():
            wrong += named_wrongly(ex, typed, marks, name, made, rounding)
        if lost := elsewhere(ex, typed, marks, set(slips)):
            wrong.append(f"{first[2:4]} {second[2:4]}: paid for again in {lost}")
    assert wrong == []


def in_part(made: Made, part):
    """The same slip in a part of a matrix only."""

    def do(ex, line, own, should):
        wrong = made.do(ex, line, own, should)
        found = np.array(np.broadcast_to(should, ex.shapes[line.name]), float)
        if wrong is not None:
            found[part] = np.broadcast_to(wrong, found.shape)[part]
        return found

    return do


@pytest.mark.parametrize("kind", slow_but(["shallow"], KINDS))
@pytest.mark.parametrize("axis", [0, 1], ids=["row", "column"])
def test_a_slip_in_one_row_or_column_is_named_there_and_costs_no_other_number(kind, axis):
    wrong = []
    part = (-1, slice(None)) if axis == 0 else (slice(None), -1)
    for question, ex, name, each, rounding in where(kind, "6 decimals"):
        if 1 in ex.shapes[name] or each.key in {"typed_transposed", "other_sample", *FORM}:
            continue
        made = each.at(rounding)
        typed = walk(ex, {name: in_part(made, part)}, rounding)
        marks = mark(question, answers(typed))
        judged = Judged(ex, typed, marks, name, rounding)
        if judged.clear[part].sum() < 2:
            continue
        wrong += named_wrongly(ex, typed, marks, name, made, rounding)
        if judged.charged > judged.typed[part].size:
            wrong.append(f"{name}: {made.name}: {judged.charged:g} marks lost")
        if lost := elsewhere(ex, typed, marks, {name}):
            wrong.append(f"{name}: {made.name}: paid for again in {', '.join(lost)}")
    assert wrong == []


@each_kind
@each_way
def test_one_wrong_number_costs_its_own_mark_and_none_else(kind, way):
    decimals, rounding = WAYS[way]
    question, ex = exercise(kind, decimals)
    wrong = []
    for name, shape in ex.shapes.items():
        place = tuple(size // 2 for size in shape)

        def do(ex, line, own, should, place=place, shape=shape):
            found = np.array(np.broadcast_to(should, shape), float)
            found[place] += 0.3717
            return found

        typed = walk(ex, {name: do}, rounding)
        marks = mark(question, answers(typed))
        judged = Judged(ex, typed, marks, name, rounding)
        if not judged.clear[place]:
            continue
        if judged.charged != 1 or elsewhere(ex, typed, marks, {name}):
            wrong.append((name, judged.charged, elsewhere(ex, typed, marks, {name})))
        # By chance a slip may give one such number, but not so many.
    assert wrong == []


# --- Errors that are no slip of the marker's ------------------------------------------------


def counts(ex, typed, name) -> np.ndarray:
    """Where a number had to be calculated: it is not 0 or 1, and none like it stands elsewhere."""
    others = [0.0, 1.0, *(values.ravel() for n, values in typed.items() if n != name)]
    others += [values.ravel() for values in ex.given.values()]
    numbers, unit = typed[name].ravel(), 10.0**-ex.decimals
    with np.errstate(invalid="ignore"):
        elsewhere = (abs(numbers[:, np.newaxis] - np.hstack(others)) <= unit).any(axis=1)
        here = (abs(numbers[:, np.newaxis] - numbers) <= unit).sum(axis=1) > 1
    return ~(elsewhere | here).reshape(typed[name].shape)


@each_kind
@each_way
def test_an_error_that_is_no_known_slip_is_wrong_and_what_is_calculated_from_it_is_carried(
    kind, way
):
    wrong = []
    for question, ex, name, made, rounding in where(kind, way, among=UNKNOWN):
        typed = walk(ex, {name: made.do}, rounding)
        marks = mark(question, answers(typed))
        judged = Judged(ex, typed, marks, name, rounding)
        if judged.clear.sum() >= BY_CHANCE:
            wrong += named_wrongly(ex, typed, marks, name, made, rounding)
        if judged.left.any():
            wrong.append(f"{name}: {made.name}: {judged.left.sum()} numbers earn marks")
        for matrix in marks.matrices:
            usable = (abs(typed[matrix.name]) < HUGE) & np.isfinite(matrix.own)
            lost = usable & ~np.isin(matrix.verdicts, FULL) & counts(ex, typed, matrix.name)
            if matrix.name != name and lost.any():
                wrong.append(f"{name}: {made.name}: paid for again in {matrix.name}")
    assert wrong == []


# --- Habits of form ---------------------------------------------------------------------------


def asked_steps(question) -> int:
    return len(question.setup.asked)


def paid_once_a_step(question, ex, typed) -> None:
    """Who has a habit of form loses a mark a step, and the numbers of which nothing is left: those
    that became 0, updates that became what was there before, and matrices that are mostly alike.
    """
    marks = mark(question, answers(typed))
    gone: dict[str, int] = {}
    for matrix in marks.matrices:
        judged = Judged(ex, typed, marks, matrix.name, None)
        old = ex.given.get(matrix.name.removesuffix("_new"), np.nan)
        left = (judged.typed != 0) & (judged.typed != old)
        lost = judged.typed.size if judged.alike else int((~left).sum())
        gone[matrix.step] = gone.get(matrix.step, 0) + lost
    for step, (earned, out_of) in marks.by_step.items():
        assert out_of - earned <= 1 + gone[step], (step, earned, out_of)
    assert marks.total < marks.out_of


@each_kind_but_adam
@pytest.mark.parametrize("less", [1, 2])
def test_who_rounds_too_far_throughout_pays_once_a_step(kind, less):
    question, ex = exercise(kind, 4)
    paid_once_a_step(question, ex, walk(ex, rounding=4 - less))


@each_kind_but_adam
def test_who_cuts_off_throughout_pays_once_a_step(kind):
    question, ex = exercise(kind, 3)
    habit = next(made.do for made in MADE if made.key == "cut_off")
    paid_once_a_step(question, ex, walk(ex, habit=habit))


@each_kind
@pytest.mark.parametrize("more", [1, 2, 5])
def test_who_rounds_to_more_decimals_than_asked_loses_nothing(kind, more):
    question, ex = exercise(kind, 3)
    marks = mark(question, answers(walk(ex, rounding=3 + more)))
    assert marks.total == marks.out_of


@each_kind
def test_who_goes_on_from_numbers_that_are_not_rounded_loses_nothing(kind):
    question, ex = exercise(kind, 3)
    typed = {name: np.round(values, 3) for name, values in walk(ex).items()}
    marks = mark(question, answers(typed))
    assert marks.total == marks.out_of


@each_kind_but_adam
def test_blank_cells_cost_their_own_marks_only(kind):
    question, ex = exercise(kind, 3)
    perfect = walk(ex, rounding=3)
    for name in ex.shapes:
        typed = {n: np.array(values) for n, values in perfect.items()}
        typed[name][0, 0] = np.nan
        marks = mark(question, answers(typed))
        assert marks.total == marks.out_of - 1, name
