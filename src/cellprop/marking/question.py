"""What an exercise asks, so that it can be written out, carried in a file, and marked.

A question is a program with every number that is given, and which steps are to be calculated by
hand. Knows programs and updates; knows nothing of its text, of sheets, files or answers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from cellprop.algebra import Array, Axis, Matrix, evaluate, reads
from cellprop.errors import InputError
from cellprop.files.roster import Student
from cellprop.files.safe import known, label
from cellprop.limits import MOST_MARKS
from cellprop.marking.precision import LEAST
from cellprop.programs.building import first_values
from cellprop.programs.carrying import REFUSED, Carried
from cellprop.programs.perceptron import Perceptron
from cellprop.programs.program import Program, Role
from cellprop.running.run import Update

MOST_DECIMALS = 12
USUAL_DECIMALS = 3
# To how many decimals numbers are rounded at most where nobody says to how many.
MOST_BY_HAND = 6
USUAL_STEPS = "2-11"
# How often a slip of form is paid for.
FORM_SLIPS = ("each", "step", "once")
USUAL_FORM_SLIPS = "step"
# How many numbers the matrices of a question that is read may have in all.
MOST_NUMBERS = 2_000_000
# The layout of files that do not say which they have: that of 0.3.0.
FIRST_LAYOUT = 1
# What is given of these is used as it is, not rounded.
SETTINGS = ("rate", "setting", "share", "counter")


@dataclass(frozen=True)
class Setup:
    """What is the same for a whole class.

    Attributes:
        model: What declares the steps: a network with how it is trained, or a program that is
            carried as data.
        samples: What the rows of what an update sees stand for.
        whole: Whether the samples are all there are.
        shown: Which update is asked for: epochs, walk_epoch, walk_batch, batches, samples in all.
        asked: The labels of the steps to be calculated by hand.
        decimals: To how many numbers are rounded.
        points: The marks of a step by its label, where they are not one for each cell.
        hints: Whether answers are judged as they are typed.
        form_slips: How often a slip of form is paid for: for each number, once a step, or once.
        sheets: How its sheets are laid out, and how many rows of many are in view; None for
            whichever way is usual.
    """

    model: Perceptron | Carried
    samples: Axis
    whole: bool
    shown: tuple[int, int, int, int, int]
    asked: tuple[str, ...]
    decimals: int = USUAL_DECIMALS
    points: tuple[tuple[str, float], ...] = ()
    hints: bool = False
    form_slips: str = USUAL_FORM_SLIPS
    sheets: tuple[str, int] | None = None

    def __getstate__(self) -> dict[str, Any]:
        # Without what follows from it, which can't all be sent to another process.
        return {each.name: getattr(self, each.name) for each in fields(self)}

    @cached_property
    def program(self) -> Program:
        """The steps: the same object each time, and for equal set-ups that are used together."""
        return _program(self)

    @cached_property
    def answers(self) -> Mapping[str, Matrix]:
        """The matrices to be calculated by hand, by name, in order of computation."""
        return {
            matrix.name: matrix
            for step in self.program.steps
            if step.label in self.asked
            for matrix in step.computed
        }

    @property
    def waiting(self) -> frozenset[str]:
        """The names of matrices that are computed from answers."""
        return _waiting(self)


@lru_cache(maxsize=8)
def _program(setup: Setup) -> Program:
    return setup.model.program(setup.samples, whole=setup.whole)


@lru_cache(maxsize=8)
def _waiting(setup: Setup) -> frozenset[str]:
    answers, found = setup.answers, set[str]()
    for matrix in setup.program.matrices:
        if matrix.definition is None or matrix.name in answers:
            continue
        if any(m.name in answers or m.name in found for m in reads(matrix.definition)):
            found.add(matrix.name)
    return frozenset(found)


@dataclass(frozen=True, eq=False)
class Question:
    """What one workbook asks.

    Attributes:
        setup: What is the same for a whole class.
        given: The numbers of every matrix that no step computes, by name.
        student: Whose it is; None for everybody's.
        version: Of cellprop that asked.
        layout: The version of the layout in which it was written out.
        places: Where each matrix stands in the workbook: its sheet, and the row and column of its
            first cell from 1. Empty if it was not written out, or by a version that did not say.
        source: The text that it was read from, if it was.
    """

    setup: Setup
    given: Mapping[str, Array]
    student: Student | None = None
    version: str = ""
    layout: int = FIRST_LAYOUT
    places: Mapping[str, tuple[str, int, int]] = field(default_factory=dict)
    # Not an argument, so that a question that is changed (`replace`) is written anew.
    source: str = field(default="", init=False, repr=False)

    def __getstate__(self) -> dict[str, Any]:
        # Without what follows from it, which can't all be sent to another process.
        return {each.name: getattr(self, each.name) for each in fields(self)}

    @property
    def program(self) -> Program:
        """The steps."""
        return self.setup.program

    @cached_property
    def values(self) -> Mapping[str, Array]:
        """Every matrix as it is when all is calculated rightly, nothing rounded."""
        with np.errstate(all="ignore"):
            return evaluate(self.program.matrices, self.given)

    @cached_property
    def update(self) -> Update:
        """The question as an update of its own, for whoever writes one out."""
        return Update(self.setup.model, self.program, self.values, *self.setup.shown)


# --- From an update -------------------------------------------------------------------------


def ask(
    update: Update,
    *,
    steps: str | None = None,
    decimals: int | None = USUAL_DECIMALS,
    points: Mapping[str, float] | None = None,
    hints: bool = False,
    form_slips: str = USUAL_FORM_SLIPS,
    sheets: tuple[str, int] | None = None,
) -> Question:
    """Return the question that asks for some steps of an update.

    What is given is rounded to the decimals, so that it is exactly what the sheets show; settings
    such as the learning rate stay.

    Parameters
    ----------
    update
        What to calculate.
    steps
        Which steps: `2-9`, `2,4,7-9`; with several hidden layers also `2.1`. None: `2-11` of a
        network, and of a program all steps that compute something.
    decimals
        To how many numbers are rounded, 0 to 12. None chooses: the fewest from 3 on that tell
        every answer from doing nothing, as far as 6 can.
    points
        The marks of a step by its label; one for each cell where nothing is said.
    hints
        Whether answers are to be judged as they are typed.
    form_slips
        How often a slip of form (rounded too far, cut off, a decimal point out of place) is paid
        for: `each` number, once a `step`, or `once`.
    sheets
        How its sheets are to be laid out, and how many rows of many are to be in view: what
        `lay_out` takes.

    Raises
    ------
    InputError
        If a step is not there or computes nothing, or a number is out of range.
    """
    if decimals is None:
        usual = ask(
            update, steps=steps, points=points, hints=hints, form_slips=form_slips, sheets=sheets
        )
        return telling(usual, update)
    known("form_slips", form_slips, FORM_SLIPS)
    is_whole = isinstance(decimals, (int, np.integer)) and not isinstance(decimals, bool)
    if not is_whole or not 0 <= decimals <= MOST_DECIMALS:
        raise InputError(
            f"decimals: expected a whole number from 0 to {MOST_DECIMALS}, found {decimals!r}."
        )
    program = update.program
    asked = chosen_steps(program, usual_steps(update) if steps is None else steps)
    shown = (update.epochs, update.walk_epoch, update.walk_batch, update.batches, update.samples)
    setup = Setup(
        _model(update), program.samples, whole=update.batches == 1,
        shown=shown, asked=asked, decimals=int(decimals),
        points=checked_points(asked, points or {}), hints=hints, form_slips=form_slips,
        sheets=sheets,
    )  # fmt: skip
    from cellprop.version import __version__

    return Question(setup, _given(setup, update), version=__version__)


def _model(update: Update) -> Perceptron | Carried:
    """Return what declares the steps of an update, so that a question can carry it."""
    model = update.model
    if isinstance(model, Perceptron):
        return replace(model, neurons=())
    carried = Carried.of(update.program, model.optimizer, average=model.average)
    try:
        _ = carried.held
    except REFUSED as error:
        raise InputError(
            f"{update.program.name}: too large, or too long in one definition, for anybody to"
            " calculate; use fewer samples, or define parts of it by names of their own."
        ) from error
    return carried


def _given(setup: Setup, update: Update) -> dict[str, Array]:
    """Return the given matrices by name, rounded as they are shown; each of its shape."""
    return {
        m.name: _round(setup.program.roles[m.name], update.values[m.name], setup.decimals)
        for m in setup.program.given
    }


def _round(role: Role, values: Array, decimals: int) -> Array:
    return values if role in SETTINGS else np.round(values, decimals) + 0.0


# --- What an exercise can tell ------------------------------------------------------------


def telling(
    question: Question,
    update: Update,
    class_of: Callable[[Question], Sequence[Question]] = lambda question: (question,),
) -> Question:
    """Return a question with the fewest decimals that tell its answers from doing nothing.

    Parameters
    ----------
    question
        What is asked.
    update
        Of which, not rounded.
    class_of
        Returns the questions of a whole class; by default the one question.
    """
    ways = []
    for decimals in range(USUAL_DECIMALS, MOST_BY_HAND + 1):
        setup = replace(question.setup, decimals=decimals)
        way = replace(question, setup=setup, given=_given(setup, update))
        ways.append((sum(sum(untold(each).values()) for each in class_of(way)), decimals, way))
    return min(ways, key=lambda way: way[:2])[2]


def untold(question: Question) -> dict[str, int]:
    """Return how many answers, rounded, may be the same as doing nothing, by the matrix's name
    where there are any: as what an update begins with, or as 0. Not those that are exactly that.
    """
    program, values = question.program, question.values
    before = {new.name: values[old] for old, new in program.updates.items()}
    unit, found = 10.0**-question.setup.decimals, {}
    for name in question.setup.answers:
        nothing = before.get(name, np.zeros(()))
        changed = abs(values[name] - nothing)
        close = changed < unit * (1 - LEAST)
        count = int((close & (changed > 8 * np.finfo(float).eps * abs(nothing))).sum())
        if count:
            found[name] = count
    return found


def for_student(question: Question, student: Student, seed: int) -> Question:
    """Return a question for one student, with weights drawn from a class's seed and the id: those
    of a program by the rules that it names.

    They do not depend on who else is in the class. Two decimals, as one calculates by hand; fewer
    if the question rounds to fewer.
    """
    name = hashlib.sha256(student.id.encode()).digest()
    random = np.random.default_rng([seed, *np.frombuffer(name, np.uint32).tolist()])
    decimals = min(2, question.setup.decimals)
    program = question.program
    values = first_values(program.parameters, program.starts, random)
    drawn = {name: np.round(value, decimals) + 0.0 for name, value in values.items()}
    return replace(question, given={**question.given, **drawn}, student=student)


def usual_steps(update: Update) -> str:
    """Return which steps of an update are asked where nobody says which."""
    if isinstance(update.model, Perceptron):
        return USUAL_STEPS
    return ",".join(step.label for step in update.program.steps if step.computed)


def chosen_steps(program: Program, text: str) -> tuple[str, ...]:
    """Return the labels of the steps that a text such as `2-4,7,8.1` names, in order.

    Raises
    ------
    InputError
        If it names a step that is not there, or none that computes something.
    """
    wanted: set[str] = set()
    for part in text.split(","):
        word = part.strip()
        found = {step.label for step in program.named(word) if step.computed}
        if not found:
            there = ", ".join(s.label for s in program.steps if s.computed)
            raise InputError(
                f"steps: expected some of {there}, such as 2-9 or 2,4, found '{label(word)}'."
            )
        wanted |= found
    return tuple(step.label for step in program.steps if step.label in wanted)


def parse_points(texts: Sequence[str]) -> dict[str, float]:
    """Return marks by the step's label from texts such as `2=4` and `2=4,7=1.5`.

    Raises
    ------
    InputError
        If a text is none of these.
    """
    found = {}
    for text in ",".join(texts).split(","):
        step, _, number = text.partition("=")
        try:
            found[step.strip()] = float(number)
        except ValueError:
            raise InputError(
                f"marks: expected STEP=MARKS, such as 2=4, found '{label(text)}'."
            ) from None
    return found


def checked_points(
    asked: Sequence[str], points: Mapping[str, float]
) -> tuple[tuple[str, float], ...]:
    """Return the marks of steps by their labels, in the order in which they are asked.

    Raises
    ------
    InputError
        If a step is not asked, or marks are out of range.
    """
    for name, number in points.items():
        if name not in asked:
            raise InputError(
                f"marks: step {label(name)} is not asked; asked are {', '.join(asked)}."
            )
        if not 0 <= number <= MOST_MARKS:
            raise InputError(
                f"marks: expected 0 to {MOST_MARKS:,} for step {name}, found {number:g};"
                " give a number between."
            )
    return tuple((name, float(points[name])) for name in asked if name in points)


def with_points(question: Question, points: Mapping[str, float]) -> Question:
    """Return a question with other marks for some steps."""
    setup = question.setup
    merged = dict(setup.points) | dict(points)
    return replace(question, setup=replace(setup, points=checked_points(setup.asked, merged)))


def with_form_slips(question: Question, rule: str) -> Question:
    """Return a question in which slips of form are paid for otherwise."""
    known("form_slips", rule, FORM_SLIPS)
    return replace(question, setup=replace(question.setup, form_slips=rule))
