"""A problem and its run: samples made fit for a network, options checked, training, what is kept.

Knows programs, files of numbers and training; knows nothing of words or faces.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np

from cellprop.algebra import OPERATIONS, Array, Axis, evaluate, is_loss_of_classes, value
from cellprop.errors import InputError, UnknownNameError, nearest
from cellprop.files import aligned, classes
from cellprop.files.safe import known, label
from cellprop.files.samples import LARGEST, Table, numbers, table
from cellprop.limits import check_run
from cellprop.programs.deciding import decision, reports
from cellprop.programs.network import Network
from cellprop.programs.perceptron import Perceptron
from cellprop.programs.program import Program
from cellprop.programs.scaling import SCALINGS
from cellprop.programs.updating import OPTIMIZERS
from cellprop.running.run import Run, Update
from cellprop.running.training import (
    Batch,
    Progress,
    Training,
    Values,
    Walk,
    diverging,
    plan,
)
from cellprop.running.training import update as updating

# What a column is to span, at least, to be scaled: see `ratio_to_spread` in the algebra.
LEAST_SPAN = 1e-26


def run(
    network: Network,
    X: Any,
    y: Any,
    *,
    parameters: Mapping[str, Any] | None,
    seed: int | None,
    learning_rate: float,
    epochs: int,
    walk_epoch: int,
    batch_size: int | None,
    walk_batch: int,
    shuffle: bool,
    optimizer: str,
    settings: Mapping[str, float] | None,
    average: bool,
    scale: str | None,
    record: bool,
    progress: Progress | None,
) -> Run:
    """Train a network by gradient descent and keep every matrix of one update.

    Takes what `cellprop.trace` takes, and refuses what it refuses.
    """
    _check_chosen(seed, optimizer, scale, epochs)
    epochs = int(epochs)
    walk_epoch = _whole("walk_epoch", walk_epoch, 1, max(epochs, 1), "the number of epochs")
    inputs, targets = _samples(network, X, y)
    check_run(network.sizes, len(inputs.values), epochs, record)
    columns = inputs.columns("inputs", "x"), targets.columns("outputs", "o")
    model = Perceptron(network, *columns, optimizer, average, scale)
    problem = _Problem(model, inputs, targets, batch_size)
    walk_batch = _whole("walk_batch", walk_batch, 1, problem.batches, "the updates of an epoch")
    rate = problem.whole.rate.name
    given = {rate: _learning_rate(learning_rate), **_settings(optimizer, settings)}
    start = _start(problem.whole, network, parameters, seed)
    entered, target = problem.whole.forward.entered.name, problem.whole.target.name
    fixed = {name: problem.known[name] for name in (entered, target)} | given
    goal = _Goal(epochs, walk_epoch, walk_batch)
    training = Training(
        fixed[entered],
        fixed[target],
        list(given.values()),
        list(start.values()),
        plan(problem.whole, fixed, tuple(start), reports(problem.whole, problem.how)),
        lambda size: updating(problem.declared(size), fixed, tuple(start)),
        batch_size=problem.size,
        dealer=_dealer(seed) if shuffle else None,
        recording=record,
        progress=progress and (lambda done, _: progress(done, goal.epochs)),
    )
    walked: dict[str, Array] = {}
    finite = _train(training, goal, _keeping(walked, problem, given, tuple(start), goal))
    update = Update(
        model,
        problem.shown,
        _read_only(walked),
        epochs=training.state.epoch,
        walk_epoch=goal.walk_epoch,
        walk_batch=goal.walk_batch,
        batches=problem.batches,
        samples=len(inputs.values),
        written={problem.whole.input.name: inputs.decimals, target: targets.decimals},
    )
    return Run(
        update,
        losses=_frozen(training.losses),
        accuracies=_frozen(training.accuracies) if problem.how else None,
        decision=problem.how,
        start=_read_only(start),
        carried=_read_only(dict(zip(start, training.state.carried, strict=True))),
        recorded=_recorded(training, start) if record else None,
        stopped=goal.stopped,
        interrupted=bool(goal.stopped) and finite,
        named=aligned.are_names(inputs.column_labels),
    )


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
    walked: dict[str, Array],
    problem: _Problem,
    given: dict[str, Array],
    names: Sequence[str],
    goal: _Goal,
) -> Walk:
    """Return what does the update that is asked for, and keeps every matrix of it in `walked`, by
    name and of its shape; `names` of those that are carried on.
    """

    def keep(batch: Batch, carried: Values) -> tuple[Values, Values]:
        program = problem.show(batch)
        known = problem.samples(batch) | given | dict(zip(names, carried, strict=True))
        with diverging():
            walked.update(evaluate(program.matrices, known))
        _check_finite(walked, goal.walk_epoch)
        told = [value(each, walked) for each in reports(program, problem.how)]
        return told, [walked[program.updates[name].name] for name in names]

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
    return _read_only(
        {name: np.array([state[i] for state in training.recorded]) for i, name in enumerate(names)}
    )


def _check_chosen(seed: int | None, optimizer: str, scale: str | None, epochs: int) -> None:
    if seed is not None:
        _whole("seed", seed, 0)
    _whole("epochs", epochs, 0)
    known("optimizer", optimizer, OPTIMIZERS)
    if scale is not None:
        known("scale", scale, SCALINGS)


class _Problem:
    """A model and all its samples: how the steps are declared for some of them at a time."""

    def __init__(
        self, model: Perceptron, inputs: Table, targets: Table, batch_size: int | None
    ) -> None:
        count = len(inputs.values)
        if count != len(targets.values):
            raise InputError(
                f"y: expected a row for each of the {count} samples of X,"
                f" found {len(targets.values)}."
            )
        self.model, self.size = model, count
        if batch_size is not None:
            self.size = _whole("batch_size", batch_size, 1, count, "the number of samples")
        self.batches = -(-count // self.size)
        self.rows = inputs.rows("samples")
        self.shown = self.whole = model.program(self.rows)
        _check_targets(model.network, targets)
        self.how = decision(targets.values, str(model.network.output_activation))
        # What is known of all samples: X is scaled by them even where an update sees a few.
        forward = self.whole.forward
        if forward.scaling:
            _check_scalable(inputs)
        first = dict.fromkeys((*forward.scaling, forward.entered))
        self.known = evaluate(first, {forward.input.name: inputs.values})
        self.known[forward.target.name] = targets.values

    def declared(self, size: int) -> Program:
        """Return the steps for so many samples, whichever they are."""
        return self.model.program(Axis.numbered("samples", size), whole=False)

    def show(self, batch: Batch) -> Program:
        """Return the steps for the samples of a batch, under their labels; this is then shown."""
        if self.batches > 1:
            labels = np.asarray(self.rows.labels, dtype=object)[batch]
            samples = Axis(self.rows.name, tuple(labels))
            self.shown = self.model.program(samples, whole=False)
        return self.shown

    def samples(self, batch: Batch) -> dict[str, Array]:
        """Return the inputs and targets of a batch by name, of shape (samples of it, columns), and
        what inputs are scaled by.
        """
        by_sample = {m.name for m in self.whole.matrices if self.whole.is_by_sample(m)}
        return {n: v[batch] if n in by_sample else v for n, v in self.known.items()}


def _samples(network: Network, X: Any, y: Any) -> tuple[Table, Table]:
    """Return samples as tables, their columns in the network's order where it has names."""
    inputs = _named_columns("X", table("X", X), network.input_names)
    targets = classes.targets(y, network.sizes[-1], classes=is_loss_of_classes(network.loss))
    names = network.output_names
    if names is not None and len(names) == 1 and targets.column_labels and not targets.zero:
        return inputs, targets  # a single target may be called anything
    return inputs, _named_columns("y", targets, names)


def _named_columns(name: str, found: Table, names: Sequence[str] | None) -> Table:
    """Return samples with their columns in the order that a network knows by name."""
    if names is not None and found.zero:
        return _of_class(found, names[0])
    if names is None:
        return found
    if found.column_labels is not None:
        return aligned.columns(name, found, names, named=aligned.are_names(names))
    fits = found.values.shape[1] == len(names)
    return replace(found, column_labels=tuple(names)) if fits else found


def _of_class(found: Table, name: str) -> Table:
    """Return one column of two classes with 1 for that of a name."""
    (one,) = found.column_labels or ("",)
    if one == name:
        return found
    if found.zero != name:
        raise InputError(
            f"y: expected two classes, one of them '{name}', found '{found.zero}' and '{one}'."
        )
    return replace(found, values=1 - found.values, column_labels=(name,), zero=one)


def _start(
    program: Program, network: Network, given: Mapping[str, Any] | None, seed: int | None
) -> dict[str, Array]:
    """Return the arrays that are carried on into the first update, by name."""
    remembered = program.having("counter", "remembered")
    sides = {m.name: (m.rows, m.columns) for m in program.brought_by("parameters")}
    given = {
        name: aligned.matrix(name, value, *sides[name]) if name in sides else value
        for name, value in _named("parameters", given).items()
    }
    told = {m.name: given.pop(m.name) for m in remembered if m.name in given}
    start = network.parameters(given, seed)
    for matrix in remembered:
        usual = np.full(matrix.shape, 1.0 if matrix.is_scalar else 0.0)
        found = numbers(matrix.name, told[matrix.name]) if matrix.name in told else usual
        if found.size != usual.size:
            raise InputError(f"{matrix.name}: expected {usual.size} numbers, found {found.size}.")
        start[matrix.name] = found.reshape(usual.shape)
    return start


def _settings(optimizer: str, given: Mapping[str, float] | None) -> dict[str, Array]:
    """Return an update rule's own numbers: those given, the others as usual."""
    rule = OPTIMIZERS[optimizer]
    usual = rule.settings
    chosen = _named("settings", given)
    for name, told in chosen.items():
        if name not in usual:
            there = f"there are {', '.join(usual)}" if usual else "there are none"
            raise UnknownNameError(
                f"settings: {optimizer} has no '{name}'; {there}.{nearest(str(name), usual)}"
            )
        is_share = name in rule.shares
        top = 1.0 if is_share else LARGEST
        number = numbers(name, told)
        if number.size != 1 or not 0 <= number.item() <= top or number.item() == 1.0 == top:
            limits = "from 0 to below 1" if is_share else "0 or more"
            raise InputError(f"{name}: expected one number, {limits}, found {label(told)}.")
    return {n: np.array([[float(chosen.get(n, value))]]) for n, value in usual.items()}


def _dealer(seed: int | None) -> Callable[[int], np.random.Generator]:
    """Return a function from the number of an epoch to its own generator, which is not that of the
    parameters.
    """
    base = secrets.randbits(64) if seed is None else seed
    return lambda epoch: np.random.default_rng((base, 1, epoch))


def _named(what: str, given: Any) -> dict[str, Any]:
    """Return values by name, as a dictionary of our own."""
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise InputError(f"{what}: expected values by name, such as {{'name': …}}.")
    return dict(given)


def _check_targets(network: Network, targets: Table) -> None:
    """Refuse targets that a loss has no value for."""
    takes, values = OPERATIONS[network.loss].targets, targets.values
    if takes is None:
        return
    wrong = np.argwhere((values < takes.least) | (values > takes.most))
    if len(wrong):
        i, j = wrong[0]
        raise InputError(
            f"y, row {i + 1}, column {j + 1}: {network.loss} wants targets from {takes.least:g} to"
            f" {takes.most:g}, found {values[i, j]:g}."
        )
    if takes.total is not None:
        sums = values.sum(axis=1)
        uneven = np.flatnonzero(np.abs(sums - takes.total) > 1e-9)
        if len(uneven):
            raise InputError(
                f"y, row {uneven[0] + 1}: {network.loss} wants targets that add up to"
                f" {takes.total:g} (a column for each class), found {sums[uneven[0]]:g}."
            )


def _check_scalable(inputs: Table) -> None:
    """Refuse a column that is the same for all samples, or as good as that."""
    constant = np.flatnonzero(np.ptp(inputs.values, axis=0) == 0)
    if len(constant):
        j = constant[0]
        name = inputs.columns("inputs", "x").labels[j]
        raise InputError(
            f"X, column {j + 1} ({name}): every sample has {inputs.values[0, j]:g}, so it can't be"
            " scaled; leave the column out."
        )
    spans = np.ptp(inputs.values, axis=0)
    narrow = np.flatnonzero(spans < LEAST_SPAN)
    if len(narrow):
        j = narrow[0]
        name = inputs.columns("inputs", "x").labels[j]
        raise InputError(
            f"X, column {j + 1} ({name}): the samples differ by {spans[j]:g} at most, which can't"
            f" be scaled; give the column in a smaller unit, so that it spans {LEAST_SPAN:g} or"
            " more."
        )


def _check_finite(values: Mapping[str, Array], epoch: int) -> None:
    for name, array in values.items():
        if not np.isfinite(array).all():
            raise InputError(
                f"{name}: not finite in epoch {epoch};"
                " use a smaller learning rate or smaller numbers."
            )


def _learning_rate(value: Any) -> Array:
    rate = numbers("learning_rate", value)
    if rate.size != 1:
        raise InputError(f"learning_rate: expected one number, found {rate.size}.")
    if not 0 <= rate.item() <= LARGEST:
        raise InputError(f"learning_rate: expected 0 or more, found {rate.item():g}.")
    return rate.reshape(1, 1)


def _whole(name: str, value: Any, least: int, most: int | None = None, what: str = "") -> int:
    whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    if not whole or value < least:
        raise InputError(f"{name}: expected a whole number of at least {least}, found {value!r}.")
    if most is not None and value > most:
        raise InputError(f"{name}: expected {least} to {most}, {what}, found {value}.")
    return int(value)


def _frozen(numbers: list[float]) -> Array:
    array = np.array(numbers)
    array.flags.writeable = False
    return array


def _read_only(arrays: Mapping[str, Array]) -> Mapping[str, Array]:
    copies = {name: np.array(array) for name, array in arrays.items()}
    for array in copies.values():
        array.flags.writeable = False
    return MappingProxyType(copies)
