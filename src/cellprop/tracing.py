"""Running the steps: every matrix of the walked epoch, and the history of all epochs.

Knows expressions and numbers; knows nothing of sheets. The doors `to_workbook`, `to_excel`
open onto the faces and import them only when used.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from cellprop.algebra import Array, Axis, Matrix, compiled, evaluate
from cellprop.data import LARGEST, Table, example, numbers, table
from cellprop.errors import InputError, UnknownNameError, nearest
from cellprop.network import Network
from cellprop.steps import Walkthrough, walkthrough
from cellprop.words import load

if TYPE_CHECKING:
    from pathlib import Path

    import openpyxl
    import pandas as pd


@dataclass(frozen=True)
class Step:
    """One step of the walkthrough.

    Attributes:
        number: 0 to 11, as in the article.
        title: What happens.
        matrices: The names of the matrices it brings, in order of computation.
    """

    number: int
    title: str
    matrices: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Trace:
    """Every matrix of one update, and the history of all epochs. Made by `trace` or `article`.

    `trace["d_output"]` is a labelled DataFrame.

    Attributes:
        network: What was traced.
        walkthrough: The steps as expressions.
        values: The value of each matrix in the walked epoch; read-only arrays.
        losses: The loss after 0, 1, … epochs: summed over outputs, averaged over samples;
            read-only.
        parameters: The parameters after the last epoch; read-only arrays.
        epochs: How many epochs were trained.
        walk_epoch: Which of them was walked.
    """

    network: Network
    walkthrough: Walkthrough
    values: Mapping[str, Array]
    losses: Array
    parameters: Mapping[str, Array]
    epochs: int
    walk_epoch: int

    def __repr__(self) -> str:
        return (
            f"<Trace of {self.network}, epoch {self.walk_epoch} of {self.epochs},"
            f" loss {self.losses[self.walk_epoch - 1]:.6g}: {', '.join(self.names)}>"
        )

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all matrices, in order of computation."""
        return tuple(self.values)

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """The steps, in order."""
        words = load()
        return tuple(
            Step(
                declared.number,
                words(f"steps.{declared.number}.title"),
                tuple(matrix.name for matrix in declared.matrices),
            )
            for declared in self.walkthrough.steps
        )

    def step(self, number: int) -> Step:
        """Return the step of a number.

        Raises
        ------
        UnknownNameError
            A KeyError, if there is no such step.
        """
        for step in self.steps:
            if step.number == number:
                return step
        raise UnknownNameError(
            f"There is no step {number}; there are steps 0 to {self.steps[-1].number}."
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

    def __getitem__(self, name: str) -> pd.DataFrame:
        matrix = self.matrix(name)
        return _frame(self.values[name], matrix.rows, matrix.columns)

    @property
    def history(self) -> pd.DataFrame:
        """The loss after each number of epochs, from 0 (before training)."""
        import pandas as pd

        return pd.DataFrame(
            {"loss": self.losses}, index=pd.RangeIndex(len(self.losses), name="epoch")
        )

    def predict(self, X: Any) -> pd.DataFrame:
        """Return the network's output for new samples, with the parameters after the last epoch.

        Parameters
        ----------
        X
            Samples as rows, of shape (any, inputs).

        Raises
        ------
        ShapeError
            If the samples have another number of inputs than the network.
        """
        new = table("X", X)
        inputs = self.matrix("X").columns
        columns = (
            inputs if len(inputs.labels) == new.values.shape[1] else new.columns("inputs", "x")
        )
        walk = walkthrough(
            self.network, new.rows("samples"), columns, self.walkthrough.output.columns
        )
        given = [walk.matrices[0], *(m for m in walk.matrices if m.name in self.parameters)]
        run = compiled([walk.output], given)
        (values,) = run([new.values, *(self.parameters[m.name] for m in given[1:])])
        return _frame(values, walk.output.rows, walk.output.columns)

    def to_workbook(self) -> openpyxl.Workbook:
        """Return the workbook for whoever wants to go on with openpyxl.

        It holds formulas. openpyxl saves formulas without their values: to keep the values in the
        file, use `to_excel`.
        """
        from cellprop.workbook import to_openpyxl

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
        from cellprop.workbook import write

        return write(self, path)


def article() -> Trace:
    """Return the article's example, walked through its first epoch.

    Examples
    --------
    >>> article()["output"].round(8).values.tolist()
    [[0.78932406], [0.79806432], [0.78933532]]
    """
    given = example("article")
    X, y, parameters = given["X"], given["y"], given["parameters"]
    network = Network([len(X[0]), len(parameters["wh"][0]), len(y[0])])
    return trace(network, X, y, parameters=parameters, learning_rate=given["learning_rate"])


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
) -> Trace:
    """Train a network by gradient descent and keep every matrix of one epoch.

    Parameters
    ----------
    network
        Its sizes, activation and loss.
    X
        Samples as rows: an array, list or DataFrame of shape (samples, inputs).
    y
        Targets, of shape (samples, outputs); a flat list is one output.
    parameters
        Any of the first parameters by name; those missing are drawn from `seed`.
    seed
        For `numpy.random.default_rng`; None draws differently each time.
    learning_rate
        How far each update moves; 0 or more.
    epochs
        How many updates to do.
    walk_epoch
        Which of them to keep whole: it starts from the parameters after `walk_epoch - 1`.

    Raises
    ------
    InputError
        If a number or table can't be used as given.
    ShapeError
        If the samples do not fit the network.
    UnknownNameError
        If `parameters` has a name that is not a parameter.

    Examples
    --------
    >>> run = trace(Network([2, 3, 1]), [[0, 1], [1, 1]], [1, 0], seed=7, epochs=100)
    >>> run["wh_new"].shape, len(run.history)
    ((2, 3), 101)
    """
    epochs = _whole("epochs", epochs, 1)
    walk_epoch = _whole("walk_epoch", walk_epoch, 1)
    if walk_epoch > epochs:
        raise InputError(
            f"walk_epoch: expected 1 to {epochs}, the number of epochs, found {walk_epoch}."
        )
    inputs, targets = table("X", X), table("y", y)
    walk = _declared(network, inputs, targets)
    start = network.parameters(parameters, seed)
    given = {"X": inputs.values, "y": targets.values, "lr": _learning_rate(learning_rate)}

    run = _Training(walk, given, start)
    run.train(walk_epoch - 1)
    values = evaluate(walk.matrices, given | run.parameters)
    _check_finite(values, walk_epoch)
    run.follow(values)
    run.train(epochs - walk_epoch)
    run.finish()
    losses = np.array(run.losses)
    losses.flags.writeable = False
    return Trace(
        network,
        walk,
        _read_only(values),
        losses,
        _read_only(run.parameters),
        epochs,
        walk_epoch,
    )


def _declared(network: Network, inputs: Table, targets: Table) -> Walkthrough:
    if len(inputs.values) != len(targets.values):
        raise InputError(
            f"y: expected a row for each of the {len(inputs.values)} samples of X,"
            f" found {len(targets.values)}."
        )
    return walkthrough(
        network,
        inputs.rows("samples"),
        inputs.columns("inputs", "x"),
        targets.columns("outputs", "o"),
    )


class _Training:
    """Gradient descent, epoch after epoch; collects the loss before each update."""

    def __init__(
        self, walk: Walkthrough, given: Mapping[str, Array], parameters: Mapping[str, Array]
    ) -> None:
        self.walk = walk
        self.parameters = dict(parameters)
        self.losses: list[float] = []
        by_name = {matrix.name: matrix for matrix in walk.matrices}
        self._fixed = [given[name] for name in given]
        inputs = [by_name[name] for name in (*given, *parameters)]
        updates = [walk.updates[name] for name in parameters]
        self._epoch = compiled([walk.loss, *updates], inputs)
        self._forward = compiled([walk.loss], inputs)

    def train(self, epochs: int) -> None:
        """Do that many updates."""
        epoch, fixed, losses = self._epoch, self._fixed, self.losses
        current = list(self.parameters.values())
        for _ in range(epochs):
            loss, *current = epoch([*fixed, *current])
            losses.append(_mean_over_samples(loss))
        self.parameters = dict(zip(self.parameters, current, strict=True))

    def follow(self, values: Mapping[str, Array]) -> None:
        """Take one update from a walked epoch instead of computing it again."""
        self.losses.append(_mean_over_samples(values[self.walk.loss.name]))
        self.parameters = {name: values[self.walk.updates[name].name] for name in self.parameters}

    def finish(self) -> None:
        """Add the loss after the last update."""
        (loss,) = self._forward([*self._fixed, *self.parameters.values()])
        self.losses.append(_mean_over_samples(loss))
        if not np.isfinite(self.losses).all():
            epoch = int(np.argmin(np.isfinite(self.losses)))
            raise InputError(
                f"training: the loss is not finite after epoch {epoch};"
                " use a smaller learning rate or smaller numbers."
            )


def _mean_over_samples(loss: Array) -> float:
    return float(np.add.reduce(loss, axis=None)) / len(loss)


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


def _whole(name: str, value: Any, least: int) -> int:
    whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    if not whole or value < least:
        raise InputError(f"{name}: expected a whole number of at least {least}, found {value!r}.")
    return int(value)


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
