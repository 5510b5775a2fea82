"""What training leaves behind: one update with every matrix, within a whole run with its history.

Frozen data, low in the house: whatever shows, marks or compares takes it from here. Knows programs
and numbers; knows nothing of words, sheets or files.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cellprop.algebra import Array, Matrix, compiled
from cellprop.errors import UnknownNameError, nearest
from cellprop.programs.deciding import Decision
from cellprop.programs.network import Network
from cellprop.programs.perceptron import Perceptron
from cellprop.programs.program import Forward, Model, Program

# What the name of a parameter ends with after the last epoch.
TRAINED = "_trained"


@dataclass(frozen=True, eq=False)
class Update:
    """One update, walked through: every matrix of it.

    Attributes:
        model: What declared the program, for any samples.
        program: The steps as expressions.
        values: The value of each matrix by name, of its shape (rows, columns); read-only arrays.
        epochs: How many epochs were trained.
        walk_epoch, walk_batch: Which update this is, counted from 1.
        batches: How many updates an epoch has.
        samples: How many samples there are in all.
        written: With how many decimals each column of the samples was written, by the name of the
            matrix, where that is known.
    """

    model: Model
    program: Program
    values: Mapping[str, Array]
    epochs: int
    walk_epoch: int
    walk_batch: int
    batches: int
    samples: int
    written: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    @property
    def network(self) -> Network:
        """The layers and the loss.

        Raises
        ------
        AttributeError
            If what was trained is a program that somebody wrote.
        """
        if not isinstance(self.model, Perceptron):
            raise AttributeError("a written program has no network; its steps are in `program`.")
        return self.model.network

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all matrices, in order of computation."""
        return tuple(self.values)

    def matrix(self, name: str) -> Matrix:
        """Return a matrix with its axes and definition.

        Raises
        ------
        UnknownNameError
            A KeyError, if there is no such matrix; the message lists those there are.
        """
        # Whatever may stand in brackets, such as a list of names, is no name.
        found = self.program.by_name.get(name) if isinstance(name, str) else None
        if found is None:
            raise UnknownNameError(
                f"There is no matrix '{name}'.{nearest(str(name), self.names)}"
                f" There are: {', '.join(self.names)}."
            )
        return found


@dataclass(frozen=True, eq=False)
class Iterated:
    """Several updates, each from what the one before it left behind.

    Attributes:
        updates: In order, the walked one first.
        batches: Which samples each of them sees, from 0.
        together: Where they see some samples each: as far through the data, updates that see all,
            from the same numbers.
    """

    updates: tuple[Update, ...]
    batches: tuple[NDArray[np.intp], ...]
    together: tuple[Update, ...] = ()


@dataclass(frozen=True, eq=False)
class Run:
    """A whole run: one update of it, and its history.

    Attributes:
        update: The update that was walked through.
        losses: The loss over all samples after 0, 1, … epochs, of shape (epochs + 1,): summed over
            outputs, averaged over samples; read-only.
        accuracies: The share of samples decided rightly after 0, 1, … epochs; None if the targets
            are no classes. Read-only.
        decision: How outputs decide; None if the targets are no classes.
        start: What was carried on into the first epoch: the first parameters, and what the update
            rule remembers; read-only arrays.
        carried: The same after the last epoch.
        recorded: What was carried on after 0, 1, … epochs, by name, of shape (epochs + 1, rows,
            columns); None unless asked for.
        stopped: Why training ended before the last epoch asked for; empty if it did not.
        interrupted: Whether that was by Ctrl+C.
        named: Whether the inputs have names, by which the columns of other samples are found.
        iterated: The walked update with those after it; None unless asked for.
    """

    update: Update
    losses: Array
    accuracies: Array | None
    decision: Decision | None
    start: Mapping[str, Array]
    carried: Mapping[str, Array]
    recorded: Mapping[str, Array] | None = None
    stopped: str = ""
    interrupted: bool = False
    named: bool = False
    iterated: Iterated | None = None

    # --- What the update says -------------------------------------------------------------

    @property
    def model(self) -> Model:
        """What declared the program, for any samples."""
        return self.update.model

    @property
    def network(self) -> Network:
        """The layers and the loss; a written program has none (an AttributeError)."""
        return self.update.network

    @property
    def program(self) -> Program:
        """The steps as expressions."""
        return self.update.program

    @property
    def values(self) -> Mapping[str, Array]:
        """The value of each matrix of the update by name; read-only arrays."""
        return self.update.values

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all matrices, in order of computation."""
        return self.update.names

    @property
    def epochs(self) -> int:
        """How many epochs were trained."""
        return self.update.epochs

    @property
    def walk_epoch(self) -> int:
        """The epoch of the update, counted from 1."""
        return self.update.walk_epoch

    @property
    def walk_batch(self) -> int:
        """Which update of its epoch it is, counted from 1."""
        return self.update.walk_batch

    @property
    def batches(self) -> int:
        """How many updates an epoch has."""
        return self.update.batches

    @property
    def samples(self) -> int:
        """How many samples there are in all."""
        return self.update.samples

    @property
    def written(self) -> Mapping[str, tuple[int, ...]]:
        """With how many decimals each column of the samples was written, where that is known."""
        return self.update.written

    @property
    def options(self) -> Mapping[str, Any]:
        """How the steps were declared: optimizer, average, scale."""
        model = self.model
        names = "optimizer", "average", "scale"
        return MappingProxyType({name: getattr(model, name) for name in names})

    def matrix(self, name: str) -> Matrix:
        """Return a matrix with its axes and definition.

        Raises
        ------
        UnknownNameError
            A KeyError, if there is no such matrix; the message lists those there are.
        """
        return self.update.matrix(name)

    def predicted(self, forward: Forward, X: Array) -> Array:
        """Return what the network predicts with the parameters after the last epoch.

        Parameters
        ----------
        forward
            The way forward for these samples.
        X
            Samples as rows, of shape (samples, inputs), as they are given.

        Returns
        -------
        ndarray of shape (samples, outputs)
        """
        known = {**self.values, **self.parameters, forward.input.name: X}
        given = [m for m in forward.matrices if m.definition is None]
        (values,) = compiled([forward.output], given)([known[m.name] for m in given])
        return values

    # --- What training changed ------------------------------------------------------------

    @cached_property
    def parameters(self) -> Mapping[str, Array]:
        """The parameters after the last epoch, by name; read-only arrays."""
        return MappingProxyType({m.name: self.carried[m.name] for m in self.program.parameters})

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

    @property
    def columns_of_history(self) -> dict[str, Array]:
        """The loss after each number of epochs from 0, by `loss`; the accuracy, if targets are
        classes; and each number that was recorded, by `wh[1, 2]`.
        """
        columns = {"loss": self.losses}
        if self.accuracies is not None:
            columns["accuracy"] = self.accuracies
        for name, values in (self.recorded or {}).items():
            for i, j in np.ndindex(values.shape[1:]):
                columns[f"{name}[{i + 1}, {j + 1}]"] = values[:, i, j]
        return columns
