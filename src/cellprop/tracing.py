"""Running the steps: every matrix of the walked epoch, and the history of all epochs.

Knows expressions and numbers; knows nothing of sheets. The doors `to_workbook`, `to_excel`
open onto the faces and import them only when used.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from cellprop.algebra import Array, Axis, Matrix, compiled, evaluate
from cellprop.algebra.deciding import Decision
from cellprop.errors import InputError, ShapeError, UnknownNameError, nearest
from cellprop.files import aligned, data
from cellprop.files.data import LARGEST, Table, known, label, numbers, table
from cellprop.limits import check_run
from cellprop.programs.network import Network
from cellprop.programs.steps import OPTIMIZERS, SCALINGS, Walkthrough, walkthrough
from cellprop.running.training import (
    Batch,
    Progress,
    Training,
    Values,
    decision,
    diverging,
    plan,
)
from cellprop.texts.words import load

if TYPE_CHECKING:
    from pathlib import Path

    import openpyxl
    import pandas as pd


# What the name of a parameter ends with after the last epoch.
TRAINED = "_trained"
# What a column is to span, at least, to be scaled: see `ratio_to_spread` in `algebra.py`.
LEAST_SPAN = 1e-26


@dataclass(frozen=True)
class Step:
    """One step of the walkthrough.

    Attributes:
        number: 0 to 11, as in the article.
        title: What happens.
        matrices: The names of the matrices it brings, in order of computation.
        label: The number, with the hidden layer's where there are several: `7`, `2.1`.
    """

    number: int
    title: str
    matrices: tuple[str, ...]
    label: str


@dataclass(frozen=True, eq=False)
class Trace:
    """Every matrix of one update, and the history of all epochs. Made by `trace` or `article`.

    `trace["d_output"]` is a labelled DataFrame.

    Attributes:
        network: What was traced.
        walkthrough: The steps as expressions.
        values: The value of each matrix in the walked update; read-only arrays.
        losses: The loss over all samples after 0, 1, … epochs: summed over outputs, averaged over
            samples; read-only.
        accuracies: The share of samples decided rightly after 0, 1, … epochs; None if the targets
            are no classes. Read-only.
        decision: How outputs decide; None if the targets are no classes.
        start: What was carried on into the first epoch: the first parameters, and what the update
            rule remembers; read-only arrays.
        carried: The same after the last epoch.
        epochs: How many epochs were trained.
        walk_epoch, walk_batch: Which update was walked, counted from 1.
        batches: How many updates an epoch has.
        samples: How many samples there are in all.
        options: How the steps were declared: optimizer, average, scale.
        recorded: What was carried on after 0, 1, … epochs, by name, of shape (epochs + 1, rows,
            columns); None unless asked for.
        stopped: Why training ended before the last epoch asked for; empty if it did not.
        interrupted: Whether that was by Ctrl+C.
        named: Whether the inputs have names, by which the columns of other samples are found.
        written: With how many decimals each column of the samples was written, by the name of the
            matrix, where that is known.
    """

    network: Network
    walkthrough: Walkthrough
    values: Mapping[str, Array]
    losses: Array
    accuracies: Array | None
    decision: Decision | None
    start: Mapping[str, Array]
    carried: Mapping[str, Array]
    epochs: int
    walk_epoch: int
    walk_batch: int
    batches: int
    samples: int
    options: Mapping[str, Any]
    recorded: Mapping[str, Array] | None
    stopped: str
    interrupted: bool = False
    named: bool = False
    written: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    def __repr__(self) -> str:
        return (
            f"<Trace of {self.network}, epoch {self.walk_epoch} of {self.epochs},"
            f" loss {self.losses[self.walk_epoch - 1]:.6g}: {', '.join(self.names)}>"
        )

    @cached_property
    def parameters(self) -> Mapping[str, Array]:
        """The parameters after the last epoch; read-only arrays."""
        return MappingProxyType({name: self.carried[name] for name in self.network.shapes})

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all matrices, in order of computation."""
        return tuple(self.values)

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """The steps, in order."""
        from cellprop.texts.captions import title

        words = load()
        return tuple(
            Step(
                declared.number,
                title(words, self, declared),
                tuple(matrix.name for matrix in declared.matrices),
                declared.label,
            )
            for declared in self.walkthrough.steps
        )

    def step(self, number: float | str) -> Step:
        """Return the step of a number: 7; with several hidden layers also 2.1 or "2.1".

        Raises
        ------
        UnknownNameError
            A KeyError, if there is no such step.
        """
        for step in self.steps:
            if step.label == str(number):
                return step
        raise UnknownNameError(
            f"There is no step {label(number)}; there are steps {self.walkthrough.labels}."
        )

    def matrix(self, name: str) -> Matrix:
        """Return a matrix with its axes and definition.

        Raises
        ------
        UnknownNameError
            A KeyError, if there is no such matrix; the message lists those there are.
        """
        for matrix in self.walkthrough.matrices:
            if matrix.name == name:
                return matrix
        raise UnknownNameError(
            f"There is no matrix '{name}'.{nearest(str(name), self.names)}"
            f" There are: {', '.join(self.names)}."
        )

    @property
    def trained(self) -> tuple[Matrix, ...]:
        """What is carried on after the last epoch, as matrices of its own: `wh_trained`, …."""
        return tuple(
            Matrix(f"{name}{TRAINED}", given.rows, given.columns)
            for name in self.carried
            for given in [self.matrix(name)]
        )

    def value(self, matrix: Matrix) -> Array:
        """Return the numbers of a matrix, of the walked update or trained."""
        if matrix.name in self.values:
            return self.values[matrix.name]
        return self.carried[matrix.name.removesuffix(TRAINED)]

    def __getitem__(self, name: str) -> pd.DataFrame:
        matrix = self.matrix(name)
        return _frame(self.values[name], matrix.rows, matrix.columns)

    @property
    def history(self) -> pd.DataFrame:
        """The loss after each number of epochs, from 0 (before training).

        With the accuracy, if the targets are classes, and each parameter (`wh[1, 2]`), if `trace`
        was told to record them.
        """
        import pandas as pd

        columns = {"loss": self.losses}
        if self.accuracies is not None:
            columns["accuracy"] = self.accuracies
        for name, values in (self.recorded or {}).items():
            for i, j in np.ndindex(values.shape[1:]):
                columns[f"{name}[{i + 1}, {j + 1}]"] = values[:, i, j]
        return pd.DataFrame(columns, index=pd.RangeIndex(len(self.losses), name="epoch"))

    def predict(self, X: Any) -> pd.DataFrame:
        """Return the network's output for new samples, with the parameters after the last epoch.

        Parameters
        ----------
        X
            Samples as rows, of shape (any, inputs). The columns of a DataFrame are found by their
            names, in any order, if those of the trace had names; else, and in an array, by place.

        Raises
        ------
        InputError
            If the columns have other names.
        ShapeError
            If the samples have another number of inputs than the network.
        """
        inputs = self.matrix("X").columns
        new = aligned.columns("X", table("X", X), inputs.labels, named=self.named)
        is_list = isinstance(X, list | tuple) and not any(map(np.iterable, X))
        if (is_list or getattr(X, "ndim", 2) == 1) and len(inputs.labels) > 1:
            raise ShapeError(
                f"X: expected samples as rows of {len(inputs.labels)} numbers, found numbers that"
                " are in no rows; for one sample write [[…]], with a DataFrame df.iloc[[0]]."
            )
        columns = (
            inputs if len(inputs.labels) == new.values.shape[1] else new.columns("inputs", "x")
        )
        walk = walkthrough(
            self.network,
            new.rows("samples"),
            columns,
            self.walkthrough.output.columns,
            scale=self.options["scale"],
            whole=False,
        )
        known = {**self.values, **self.parameters}
        known[walk.matrices[0].name] = new.values
        given = [m for m in walk.matrices if m.definition is None and m.name in known]
        run = compiled([walk.output], given)
        (values,) = run([known[m.name] for m in given])
        return _frame(values, walk.output.rows, walk.output.columns)

    def to_workbook(self) -> openpyxl.Workbook:
        """Return the workbook for whoever wants to go on with openpyxl.

        It holds formulas. openpyxl saves formulas without their values: to keep the values in the
        file, use `to_excel`.
        """
        from cellprop.faces.workbook import to_openpyxl

        return to_openpyxl(self)

    def to_excel(self, path: str | Path) -> Path:
        """Write the workbook, with formulas and their values, and return its path.

        Raises
        ------
        OutputError
            If the file can't be written; an earlier file is left whole.
        LimitError
            If the network or the samples exceed what a spreadsheet can hold.
        """
        from cellprop.faces.workbook import write

        return write(self, path)


def article() -> Trace:
    """Return the article's example, walked through its first epoch.

    Examples
    --------
    >>> article()["output"].round(8).values.tolist()
    [[0.78932406], [0.79806432], [0.78933532]]
    """
    return example("article")


def example(name: str, **changes: Any) -> Trace:
    """Return a trace of an example that ships with the package.

    Parameters
    ----------
    name
        `article`, `notebook`, `moons`, `blobs`, `xor` or `iris`; `cellprop examples` says what
        they are.
    **changes
        Options of `trace` that are to differ from the example's.

    Raises
    ------
    InputError
        If there is no such example, or `trace` can't use an option.

    Examples
    --------
    >>> example("xor").predict([[0, 1]]).round(2).values.tolist()
    [[0.99]]
    """
    given = data.example(name)
    usual = {"parameters": given["parameters"], "seed": given["seed"], **given["training"]}
    return trace(Network(**given["network"]), given["X"], given["y"], **(usual | changes))


def trace(
    network: Network,
    X: Any,
    y: Any,
    *,
    parameters: Mapping[str, Any] | None = None,
    seed: int | None = None,
    learning_rate: float = 0.1,
    epochs: int = 1,
    walk_epoch: int = 1,
    batch_size: int | None = None,
    walk_batch: int = 1,
    shuffle: bool = False,
    optimizer: str = "sgd",
    settings: Mapping[str, float] | None = None,
    average: bool = False,
    scale: str | None = None,
    record: bool = False,
    progress: Progress | None = None,
) -> Trace:
    """Train a network by gradient descent and keep every matrix of one update.

    Ctrl+C stops training after the last whole epoch; the trace is then of what was done.

    Parameters
    ----------
    network
        Its layers and loss.
    X
        Samples as rows: an array, list or DataFrame of shape (samples, inputs). Columns with names
        are put in the order of `network.input_names`, if it has some.
    y
        Targets, of shape (samples, outputs); a flat list is one output. One column of texts,
        truths or categories is one of classes: an output for each; of two classes also a single
        output, 1 for the second (of `no` and `yes`: for `yes`). With cross-entropy, whole numbers
        are classes too.
    parameters
        Any of the first parameters by name; those missing are drawn from `seed`. Also what an
        update rule remembers (`wh_velocity`, …), 0 where it is missing. The rows and columns of a
        DataFrame are found by the names of inputs and outputs.
    seed
        For `numpy.random.default_rng`; None draws differently each time.
    learning_rate
        How far each update moves; 0 or more.
    epochs
        How many times to go through all samples. 0 shows the first update, but goes no further:
        the parameters stay as they were given.
    walk_epoch, walk_batch
        Which update to keep whole, counted from 1.
    batch_size
        How many samples an update sees: 1 for one at a time, None for all.
    shuffle
        Whether the samples are dealt out anew for each epoch, from `seed`; else in order.
    optimizer
        The update rule: `sgd`, `momentum` or `adam`.
    settings
        The rule's own numbers: `{"momentum": 0.9}`; `{"beta_1": 0.9, "beta_2": 0.999,
        "epsilon": 1e-8}`.
    average
        Whether gradients are averaged over an update's samples; else summed, as in the article.
    scale
        How to scale the inputs first: `minmax` to 0 … 1, or `standard` to mean 0 and standard
        deviation 1, by all samples.
    record
        Whether to keep the parameters after every epoch, in `history`.
    progress
        Called now and then with the number of epochs done and the number wanted.

    Raises
    ------
    InputError
        If a number or table can't be used as given, or training diverges in the walked epoch or
        before. After it, training stops, and `Trace.stopped` says so.
    ShapeError
        If the samples do not fit the network.
    UnknownNameError
        If `parameters` or `settings` has a name that there is none of.

    Examples
    --------
    >>> run = trace(Network([2, 3, 1]), [[0, 1], [1, 1]], [1, 0], seed=7, epochs=100)
    >>> run["wh_new"].shape, len(run.history)
    ((2, 3), 101)
    """
    if seed is not None:
        _whole("seed", seed, 0)
    epochs = _whole("epochs", epochs, 0)
    walk_epoch = _whole("walk_epoch", walk_epoch, 1, max(epochs, 1), "the number of epochs")
    known("optimizer", optimizer, OPTIMIZERS)
    if scale is not None:
        known("scale", scale, SCALINGS)
    inputs, targets = _samples(network, X, y)
    check_run(network.sizes, len(inputs.values), epochs, record)
    options = {"optimizer": optimizer, "average": average, "scale": scale}
    problem = _Problem(network, inputs, targets, options, batch_size)
    walk_batch = _whole("walk_batch", walk_batch, 1, problem.batches, "the updates of an epoch")
    given = {"lr": _learning_rate(learning_rate), **_settings(optimizer, settings)}
    start = _start(problem.whole, network, parameters, seed)
    training = Training(
        problem.known["X"],
        targets.values,
        list(given.values()),
        list(start.values()),
        lambda size: plan(problem.declared(size), ("X", "y", *given), tuple(start)),
        batch_size=problem.size,
        dealer=_dealer(seed) if shuffle else None,
        how=problem.how,
        recording=record,
        progress=progress and (lambda done, _: progress(done, epochs)),
    )
    walked: dict[str, Array] = {}

    def keep_all(batch: Batch, carried: Values) -> Values:
        walk = problem.walk(batch)
        known = problem.samples(batch) | given | dict(zip(start, carried, strict=True))
        with diverging():
            walked.update(evaluate(walk.matrices, known))
        _check_finite(walked, walk_epoch)
        names = (walk.loss.name, walk.output.name, *(walk.updates[name].name for name in start))
        return [walked[name] for name in names]

    stopped = ""
    while True:
        try:
            finite = training.train(walk_epoch - 1)
            if finite:
                training.walk(walk_batch, keep_all, keep=epochs > 0)
            break
        except KeyboardInterrupt:
            if stopped:  # asked twice
                raise
            # The update asked for was not reached: the next one is shown.
            walk_epoch, walk_batch = training.state.epoch + 1, 1
            stopped = f"training: stopped after epoch {walk_epoch} of {epochs}."
            epochs = walk_epoch
    try:
        finite = finite and training.train(epochs)
        finite = training.finish() and finite
    except KeyboardInterrupt:
        stopped = f"training: stopped after epoch {training.state.epoch} of {epochs}."
        finite = training.finish()
    done = training.state.epoch
    if not finite:
        stopped = (
            f"training: the loss is not finite after epoch {done + 1};"
            " use a smaller learning rate or smaller numbers."
        )
        if done < walk_epoch <= epochs:
            raise InputError(stopped)
    recorded = {
        name: np.array([state[i] for state in training.recorded]) for i, name in enumerate(start)
    }
    return Trace(
        network,
        problem.shown,
        _read_only(walked),
        _frozen(training.losses),
        _frozen(training.accuracies) if problem.how else None,
        problem.how,
        _read_only(start),
        _read_only(dict(zip(start, training.state.carried, strict=True))),
        done,
        walk_epoch,
        walk_batch,
        problem.batches,
        len(inputs.values),
        MappingProxyType(options),
        _read_only(recorded) if record else None,
        stopped,
        bool(stopped) and finite,
        aligned.are_names(inputs.column_labels),
        {"X_raw" if scale else "X": inputs.decimals, "y": targets.decimals},
    )


class _Problem:
    """A network and all its samples: how the steps are declared for some of them at a time."""

    def __init__(
        self,
        network: Network,
        inputs: Table,
        targets: Table,
        options: Mapping[str, Any],
        batch_size: int | None,
    ) -> None:
        count = len(inputs.values)
        if count != len(targets.values):
            raise InputError(
                f"y: expected a row for each of the {count} samples of X,"
                f" found {len(targets.values)}."
            )
        self.network, self.options = network, options
        self.size = count
        if batch_size is not None:
            self.size = _whole("batch_size", batch_size, 1, count, "the number of samples")
        self.batches = -(-count // self.size)
        self.rows = inputs.rows("samples")
        self.columns = inputs.columns("inputs", "x"), targets.columns("outputs", "o")
        self.shown = self.whole = self.declared_for(self.rows, whole=True)
        _check_targets(network, targets)
        self.how = decision(targets.values, str(network.output_activation))
        # What is known of all samples: X is scaled by them even where an update sees a few.
        raw = self.whole.matrices[0].name
        if raw != "X":
            _check_scalable(inputs)
        first = [m for m in self.whole.steps[0].matrices if m.name != "y"]
        self.known = evaluate(first, {raw: inputs.values}) | {"y": targets.values}

    def declared_for(self, rows: Axis, *, whole: bool) -> Walkthrough:
        """Return the steps for some samples."""
        return walkthrough(self.network, rows, *self.columns, **self.options, whole=whole)

    def declared(self, size: int) -> Walkthrough:
        """Return the steps for so many samples, whichever they are."""
        return self.declared_for(Axis.numbered("samples", size), whole=False)

    def walk(self, batch: Batch) -> Walkthrough:
        """Return the steps for the samples of a batch, under their labels; this is then shown."""
        if self.batches > 1:
            labels = np.asarray(self.rows.labels, dtype=object)[batch]
            self.shown = self.declared_for(Axis(self.rows.name, tuple(labels)), whole=False)
        return self.shown

    def samples(self, batch: Batch) -> dict[str, Array]:
        """Return what is known of the samples of a batch."""
        axis = self.whole.output.rows
        by_sample = {m.name for m in self.whole.steps[0].matrices if m.rows is axis}
        return {n: v[batch] if n in by_sample else v for n, v in self.known.items()}


def _samples(network: Network, X: Any, y: Any) -> tuple[Table, Table]:
    """Return samples as tables, their columns in the network's order where it has names."""
    inputs = _named_columns("X", table("X", X), network.input_names)
    targets = data.targets(y, network.sizes[-1], classes=network.loss == "cross_entropy")
    return inputs, _named_columns("y", targets, network.output_names)


def _named_columns(name: str, found: Table, names: Sequence[str] | None) -> Table:
    """Return samples with their columns in the order that a network knows by name."""
    if names is not None and found.zero:
        return _of_class(found, names[0])
    if names is None or (name == "y" and len(names) == 1 and found.column_labels is not None):
        return found  # a single target may be called anything
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
    walk: Walkthrough, network: Network, given: Mapping[str, Any] | None, seed: int | None
) -> dict[str, Array]:
    """Return what is carried on into the first update."""
    remembered = [m for m in walk.steps[1].matrices if m.name in walk.updates]
    remembered = [m for m in remembered if m.name not in network.shapes]
    sides = {m.name: (m.rows, m.columns) for m in walk.steps[1].matrices}
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
    usual = OPTIMIZERS[optimizer].settings
    chosen = _named("settings", given)
    for name, value in chosen.items():
        if name not in usual:
            there = f"there are {', '.join(usual)}" if usual else "there are none"
            raise UnknownNameError(
                f"settings: {optimizer} has no '{name}'; {there}.{nearest(str(name), usual)}"
            )
        top = LARGEST if name == "epsilon" else 1.0
        number = numbers(name, value)
        if number.size != 1 or not 0 <= number.item() <= top or number.item() == 1.0 == top:
            limits = "0 or more" if name == "epsilon" else "from 0 to below 1"
            raise InputError(f"{name}: expected one number, {limits}, found {label(value)}.")
    return {n: np.array([[float(chosen.get(n, value))]]) for n, value in usual.items()}


def _dealer(seed: int | None) -> Callable[[int], np.random.Generator]:
    """Return what gives each epoch its own source of chance, other than the parameters'."""
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
    loss, values = network.loss, targets.values
    if loss == "squared_error":
        return
    wrong = np.argwhere((values < 0) | (values > 1))
    if len(wrong):
        i, j = wrong[0]
        raise InputError(
            f"y, row {i + 1}, column {j + 1}: {loss} wants targets from 0 to 1,"
            f" found {values[i, j]:g}."
        )
    if loss == "cross_entropy":
        sums = values.sum(axis=1)
        uneven = np.flatnonzero(np.abs(sums - 1) > 1e-9)
        if len(uneven):
            raise InputError(
                f"y, row {uneven[0] + 1}: {loss} wants targets that add up to 1 (a column for each"
                f" class), found {sums[uneven[0]]:g}."
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
    for name, value in values.items():
        if not np.isfinite(value).all():
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


def _frame(values: Array, rows: Axis, columns: Axis) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(
        values.copy(),
        index=pd.Index(rows.labels, name=rows.name),
        columns=pd.Index(columns.labels, name=columns.name),
    )
