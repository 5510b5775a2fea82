"""From a problem to its run: training as far as is asked, with one update kept whole.

A problem is a model with all its samples; which kind of model it is, nothing here asks. Knows
programs, training and numbers; knows nothing of files, words or faces.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

import numpy as np

from cellprop.algebra import ONE, Array, Axis, evaluate, value
from cellprop.errors import InputError
from cellprop.limits import MOST_ITERATED, check_count
from cellprop.programs.deciding import Decision, reports
from cellprop.programs.program import Model, Program
from cellprop.running.options import Options
from cellprop.running.run import Iterated, Run, Update
from cellprop.running.training import (
    Batch,
    Training,
    Values,
    Walk,
    diverging,
    of_batch,
    plan,
)
from cellprop.running.training import update as updating


@dataclass
class Posed:
    """A model and all its samples: how the steps are declared for some of them at a time.

    Attributes:
        model: What declares the steps.
        samples: What is dealt out to updates; `ONE` where nothing is.
        size: How many of them an update sees.
        whole: The steps for all samples.
        known: All that is given but numbers of the update rule, by name.
        enters: The names of what updates are computed from, of these.
        how: How outputs decide; None if the targets are no classes.
        decimals: With how many decimals each column was written, by the name of the matrix.
        named: Whether the inputs have names, by which the columns of other samples are found.
        shown: The steps of the update that was asked for last.
    """

    model: Model
    samples: Axis
    size: int
    whole: Program
    known: Mapping[str, Array]
    enters: tuple[str, ...]
    how: Decision | None = None
    decimals: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    named: bool = False
    shown: Program = field(init=False)

    def __post_init__(self) -> None:
        self.shown = self.whole

    @property
    def batches(self) -> int:
        """How many updates an epoch has."""
        return -(-self.samples.size // self.size)

    def side(self, name: str) -> int | None:
        """Return along which side of a matrix samples lie: its rows (0), its columns (1); None if
        every update sees the whole of it.
        """
        matrix = self.whole.by_name[name]
        sides = (i for i, axis in enumerate((matrix.rows, matrix.columns)) if axis is self.samples)
        return None if self.samples is ONE else next(sides, None)

    def declared(self, size: int) -> Program:
        """Return the steps for so many samples, whichever they are."""
        return self.model.program(Axis.numbered(self.samples.name, size), whole=False)

    def show(self, batch: Batch) -> Program:
        """Return the steps for the samples of a batch, under their labels; this is then shown."""
        self.shown = self.of_batch(batch)
        return self.shown

    def of_batch(self, batch: Batch) -> Program:
        """Return the steps for the samples of a batch, under their labels."""
        if len(batch) == self.samples.size:
            return self.whole
        labels = np.asarray(self.samples.labels, dtype=object)[batch]
        return self.model.program(Axis(self.samples.name, tuple(labels)), whole=False)

    def of(self, batch: Batch) -> dict[str, Array]:
        """Return what is given to a batch by name, each of the shape that its matrix has then."""
        sides = {name: self.side(name) for name in self.known}
        return {
            name: values if (side := sides[name]) is None else of_batch(batch, values, side)
            for name, values in self.known.items()
        }


def walked(problem: Posed, options: Options, start: Mapping[str, Array]) -> Run:
    """Train by gradient descent, keep every matrix of one update, and return the run.

    Parameters
    ----------
    problem
        A model and all its samples.
    options
        How far to train, by which rule, and what to keep.
    start
        What is carried on into the first update, by name.

    Raises
    ------
    InputError
        If there is no update of the number that is to be kept, or training diverges in its epoch
        or before.
    """
    settings = options.numbers()
    if options.iterations > 1:
        _check_iterations(problem, options.iterations)
    whole, names = problem.whole, tuple(start)
    # What is dealt out stands first, as training hands it over.
    sides = {name: problem.side(name) for name in problem.enters}
    enters = sorted(problem.enters, key=lambda name: sides[name] is None)
    fixed = {name: problem.known[name] for name in enters} | dict(settings)
    dealt = [(fixed[name], side) for name in enters if (side := sides[name]) is not None]
    goal = _Goal(options.epochs, options.walk_epoch, options.batch_walked(problem.batches))
    progress = options.progress
    training = Training(
        dealt,
        list(fixed.values())[len(dealt) :],
        list(start.values()),
        plan(whole, fixed, names, reports(whole, problem.how)),
        lambda size: updating(problem.declared(size), fixed, names),
        samples=problem.samples.size,
        batch_size=problem.size,
        dealer=_dealer(options.seed) if options.shuffle else None,
        recording=options.record,
        progress=progress and (lambda done, _: progress(done, goal.epochs)),
    )
    kept: dict[str, Array] = {}
    finite = _train(training, goal, _keeping(kept, problem, settings, names, goal))
    update = Update(
        problem.model,
        problem.shown,
        read_only(kept),
        epochs=training.state.epoch,
        walk_epoch=goal.walk_epoch,
        walk_batch=goal.walk_batch,
        batches=problem.batches,
        samples=problem.samples.size,
        written=problem.decimals,
    )
    iterated = None
    if options.iterations > 1:
        iterated = _iterated(update, problem, settings, names, training, options.iterations)
    return Run(
        update,
        losses=_frozen(training.losses),
        accuracies=_frozen(training.accuracies) if problem.how else None,
        decision=problem.how,
        start=read_only(start),
        carried=read_only(dict(zip(start, training.state.carried, strict=True))),
        recorded=_recorded(training, start) if options.record else None,
        stopped=goal.stopped,
        interrupted=bool(goal.stopped) and finite,
        named=problem.named,
        iterated=iterated,
    )


def _epochs_beside(problem: Posed, count: int) -> int:
    """Return how many epochs so many updates begin, where each sees some of the samples; else 0."""
    return -(-count // problem.batches) if problem.batches > 1 else 0


def _check_iterations(problem: Posed, count: int) -> None:
    """Refuse more updates than a sheet can show."""
    each = problem.whole if problem.batches == 1 else problem.declared(problem.size)
    sizes = ((each, count), (problem.whole, _epochs_beside(problem, count)))
    numbers = sum(times * matrix.size for program, times in sizes for matrix in program.matrices)
    check_count("iterations", "numbers", numbers, MOST_ITERATED, "use fewer")


def _iterated(
    first: Update,
    problem: Posed,
    settings: Mapping[str, Array],
    names: Sequence[str],
    training: Training,
    count: int,
) -> Iterated:
    """Return a walked update with those after it, so many in all; where they see some samples
    each, also with as many updates that see all, from the same numbers.
    """
    place = (first.walk_epoch - 1) * problem.batches + first.walk_batch - 1
    batches = [training.batch(place + k) for k in range(count)]

    def going_on(update: Update, of: Iterable[Batch]) -> Iterator[Update]:
        """Yield an update for each batch, each from what the one before it carried on."""
        for number, batch in enumerate(of, place + 1):
            program, carried = update.program, update.values
            known = {name: carried[program.updates[name].name] for name in names}
            yield (update := updated(number, batch, known))

    def updated(number: int, batch: Batch, carried: Mapping[str, Array]) -> Update:
        program = problem.of_batch(batch)
        known = problem.of(batch) | dict(settings) | dict(carried)
        with diverging():
            values = evaluate(program.matrices, known)
        epoch, place = divmod(number, problem.batches)
        _check_finite(values, epoch + 1)
        return replace(
            first,
            program=program,
            values=read_only(values),
            walk_epoch=epoch + 1,
            walk_batch=place + 1,
        )

    together: tuple[Update, ...] = ()
    if epochs := _epochs_beside(problem, count):
        every = np.arange(problem.samples.size)
        start = updated(place, every, {name: first.values[name] for name in names})
        together = (start, *going_on(start, [every] * (epochs - 1)))
    return Iterated((first, *going_on(first, batches[1:])), tuple(batches), together)


@dataclass
class _Goal:
    """How far to train, and which update to keep whole. Ctrl+C brings both nearer.

    Attributes:
        epochs: How many to train.
        walk_epoch, walk_batch: Which update is kept, counted from 1.
        stopped: Why training ended before, in a sentence; empty if it did not.
    """

    epochs: int
    walk_epoch: int
    walk_batch: int
    stopped: str = ""


def _keeping(
    kept: dict[str, Array],
    problem: Posed,
    settings: Mapping[str, Array],
    names: Sequence[str],
    goal: _Goal,
) -> Walk:
    """Return what does the update that is asked for, and keeps every matrix of it in `kept`, by
    name and of its shape; `names` of those that are carried on.
    """

    def keep(batch: Batch, carried: Values) -> tuple[Values, Values]:
        program = problem.show(batch)
        known = problem.of(batch) | dict(settings) | dict(zip(names, carried, strict=True))
        with diverging():
            kept.update(evaluate(program.matrices, known))
        _check_finite(kept, goal.walk_epoch)
        told = [value(each, kept) for each in reports(program, problem.how)]
        return told, [kept[program.updates[name].name] for name in names]

    return keep


def _train(training: Training, goal: _Goal, keep: Walk) -> bool:
    """Train as far as is asked, or until Ctrl+C; return whether the loss stayed finite."""
    while True:
        try:
            finite = training.train(goal.walk_epoch - 1)
            if finite:
                training.walk(goal.walk_batch, keep, keep=goal.epochs > 0)
            break
        except KeyboardInterrupt:
            if goal.stopped:  # asked twice
                raise
            # The update asked for was not reached: the next one is shown.
            goal.walk_epoch, goal.walk_batch = training.state.epoch + 1, 1
            goal.stopped = f"training: stopped after epoch {goal.walk_epoch} of {goal.epochs}."
            goal.epochs = goal.walk_epoch
    try:
        finite = finite and training.train(goal.epochs)
        finite = training.finish() and finite
    except KeyboardInterrupt:
        done = training.state.epoch
        goal.stopped = f"training: stopped after epoch {done} of {goal.epochs}."
        finite = training.finish()
    if not finite:
        done = training.state.epoch
        goal.stopped = (
            f"training: the loss is not finite after epoch {done + 1};"
            " use a smaller learning rate or smaller numbers."
        )
        if done < goal.walk_epoch <= goal.epochs:
            raise InputError(goal.stopped)
    return finite


def _recorded(training: Training, names: Iterable[str]) -> Mapping[str, Array]:
    """Return what was carried on after each epoch, by name: arrays of shape (epochs + 1, rows,
    columns), read-only.
    """
    return read_only(
        {name: np.array([state[i] for state in training.recorded]) for i, name in enumerate(names)}
    )


def _dealer(seed: int | None) -> Callable[[int], np.random.Generator]:
    """Return a function from the number of an epoch to its own generator, which is not that of the
    parameters.
    """
    base = secrets.randbits(64) if seed is None else seed
    return lambda epoch: np.random.default_rng((base, 1, epoch))


def _check_finite(values: Mapping[str, Array], epoch: int) -> None:
    for name, array in values.items():
        if not np.isfinite(array).all():
            raise InputError(
                f"{name}: not finite in epoch {epoch};"
                " use a smaller learning rate or smaller numbers."
            )


def _frozen(numbers: list[float]) -> Array:
    array = np.array(numbers)
    array.flags.writeable = False
    return array


def read_only(arrays: Mapping[str, Array]) -> Mapping[str, Array]:
    """Return copies of arrays by name, none of which can be changed."""
    copies = {name: np.array(array) for name, array in arrays.items()}
    for array in copies.values():
        array.flags.writeable = False
    return MappingProxyType(copies)
