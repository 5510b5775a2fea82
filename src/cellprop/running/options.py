"""What can be asked of training beside a model and its data, checked.

Knows update rules and numbers; knows nothing of models or samples.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from cellprop.algebra import Array
from cellprop.errors import InputError, UnknownNameError, nearest
from cellprop.files.safe import known, label
from cellprop.files.samples import LARGEST, numbers
from cellprop.programs.program import Program
from cellprop.programs.scaling import SCALINGS
from cellprop.programs.updating import OPTIMIZERS, RATE
from cellprop.running.training import Progress


@dataclass(frozen=True)
class Options:
    """How to train, and which update to keep whole: what `cellprop.trace` takes, checked.

    Raises
    ------
    InputError
        If a number can't be used as given.
    UnknownNameError
        If `settings` has a name that there is none of.
    """

    seed: int | None = None
    learning_rate: float = 0.1
    epochs: int = 1
    walk_epoch: int = 1
    batch_size: int | None = None
    walk_batch: int = 1
    shuffle: bool = False
    optimizer: str = "sgd"
    settings: Mapping[str, float] | None = None
    average: bool = False
    scale: str | None = None
    record: bool = False
    progress: Progress | None = None
    iterations: int = 1

    def __post_init__(self) -> None:
        if self.seed is not None:
            whole_number("seed", self.seed, 0)
        epochs = whole_number("epochs", self.epochs, 0)
        known("optimizer", self.optimizer, OPTIMIZERS)
        if self.scale is not None:
            known("scale", self.scale, SCALINGS)
        walked = whole_number(
            "walk_epoch", self.walk_epoch, 1, max(epochs, 1), "the number of epochs"
        )
        whole_number("iterations", self.iterations, 1)
        # As numbers of our own, whatever they were given as.
        object.__setattr__(self, "epochs", epochs)
        object.__setattr__(self, "walk_epoch", walked)

    def batch_of(self, samples: int) -> int:
        """Return how many samples an update sees, of so many."""
        if self.batch_size is None:
            return samples
        return whole_number("batch_size", self.batch_size, 1, samples, "the number of samples")

    def batch_walked(self, batches: int) -> int:
        """Return which update of an epoch is kept, of so many; counted from 1."""
        return whole_number("walk_batch", self.walk_batch, 1, batches, "the updates of an epoch")

    def numbers(self) -> dict[str, Array]:
        """Return the learning rate and the update rule's own numbers by name, each (1, 1)."""
        rule = {RATE: _learning_rate(self.learning_rate)}
        return rule | _settings(self.optimizer, self.settings)


def remembered_of(program: Program, told: Mapping[str, Any]) -> dict[str, Array]:
    """Return what an update rule remembers before the first update, by name: what is told of it,
    else 0, and 1 where it counts.

    Raises
    ------
    InputError
        If something has another number of numbers than it needs.
    """
    start = {}
    for matrix in program.having("counter", "remembered"):
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
    chosen = named("settings", given)
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


def named(what: str, given: Any) -> dict[str, Any]:
    """Return values by name, as a dictionary of our own."""
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise InputError(f"{what}: expected values by name, such as {{'name': …}}.")
    return dict(given)


def _learning_rate(value: Any) -> Array:
    rate = numbers("learning_rate", value)
    if rate.size != 1:
        raise InputError(f"learning_rate: expected one number, found {rate.size}.")
    if not 0 <= rate.item() <= LARGEST:
        raise InputError(f"learning_rate: expected 0 or more, found {rate.item():g}.")
    return rate.reshape(1, 1)


def whole_number(name: str, value: Any, least: int, most: int | None = None, what: str = "") -> int:
    """Return a whole number from `least` to `most`, which is how many there are of `what`.

    Raises
    ------
    InputError
        If it is none; the message says what was expected and found.
    """
    is_whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    if not is_whole or value < least:
        raise InputError(f"{name}: expected a whole number of at least {least}, found {value!r}.")
    if most is not None and value > most:
        raise InputError(f"{name}: expected {least} to {most}, {what}, found {value}.")
    return int(value)
