"""Gradient descent: epoch after epoch, batch after batch, until told to stop.

Knows compiled steps and numbers; what is done with the update that is walked, it does not know.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import isfinite
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from cellprop.algebra import Array, Expression, compiled
from cellprop.programs.program import Program

Progress = Callable[[int, int], None]
"""Called now and then with how much is done, and of how much."""

SECONDS_BETWEEN_REPORTS = 0.1
Values = list[Array]
Batch = NDArray[np.intp]
"""Which samples an update sees."""


Compiled = Callable[[Sequence[Array]], Values]
"""From some values to others; see `compiled`."""


@dataclass(frozen=True)
class Plan:
    """The compiled steps for all samples, from what is carried on.

    Attributes:
        report: What is told of an epoch: the mean loss, and the accuracy if outputs decide.
        update: The same, then what is carried on, updated.
    """

    report: Compiled
    update: Compiled


def plan(
    program: Program,
    given: Mapping[str, Array],
    carried: Sequence[str],
    told: Sequence[Expression],
) -> Plan:
    """Return the plan for all samples.

    Parameters
    ----------
    program
        The steps.
    given
        What stays, by name: X and y, and the settings. What depends on these only is computed once.
    carried
        The names of what training carries on.
    told
        What is told of each epoch, as expressions of the program; each a single number.
    """
    inputs = [program.by_name[name] for name in (*given, *carried)]
    updates = [program.updates[name] for name in carried]
    fixed = list(given.values())
    return Plan(compiled(told, inputs, fixed), compiled([*told, *updates], inputs, fixed))


def update(program: Program, given: Iterable[str], carried: Sequence[str]) -> Compiled:
    """Return what updates what is carried on by some samples: from these, the settings, and that.

    Parameters
    ----------
    program
        The steps for so many samples, whichever they are.
    given, carried
        The names of the matrices that stay, samples first, and of those that training carries on.
    """
    inputs = [program.by_name[name] for name in (*given, *carried)]
    return compiled([program.updates[name] for name in carried], inputs)


@dataclass(frozen=True)
class State:
    """How far training is: so many epochs, and what is carried on from there."""

    epoch: int
    carried: Values


Dealt = tuple[Batch, Values]

Walk = Callable[[Batch, Values], tuple[Values, Values]]
"""Does one update and keeps it: from a batch and what is carried on, what is told of it and what is
carried on, updated."""


class Training:
    """Gradient descent under way.

    Attributes:
        state: After the last whole epoch. Whatever interrupts training, this is sound.
        losses, accuracies: After 0, 1, … epochs; no accuracies where nothing is right or wrong.
        recorded: What was carried on after 0, 1, … epochs, where that is wanted.
    """

    def __init__(
        self,
        dealt: Sequence[tuple[Array, int]],
        settings: Sequence[Array],
        carried: Sequence[Array],
        plan: Plan,
        update_for: Callable[[int], Compiled],
        *,
        samples: int,
        batch_size: int,
        dealer: Callable[[int], np.random.Generator] | None = None,
        recording: bool = False,
        progress: Progress | None = None,
    ) -> None:
        """Prepare training.

        Parameters
        ----------
        dealt
            What updates see some of: all samples, scaled, and their targets; each with the side
            along which samples lie, 0 for rows and 1 for columns.
        settings, carried
            What every update sees whole, with the learning rate; the parameters and what else is
            carried on from update to update. In the order of the plans, after what is dealt.
        plan
            What is done with all samples.
        update_for
            Gives what updates by so many samples at a time.
        samples, batch_size
            How many samples there are, and how many of them an update sees.
        dealer
            Gives a source of chance for dealing the samples of an epoch out; None keeps their
            order.
        recording
            Whether what is carried on is kept after every epoch.
        progress
            Told now and then how many epochs are done.
        """
        self.dealt, self.settings, self.samples = tuple(dealt), settings, samples
        self.plan, self.update_for = plan, lru_cache(update_for)
        self.batch_size = batch_size
        # All at once, the order of the samples does not matter.
        self._dealer = dealer if batch_size < samples else None
        self.recording, self.progress = recording, progress
        self.state = self._before = State(0, list(carried))
        self.losses: list[float] = []
        self.accuracies: list[float] = []
        self.recorded: list[Values] = []
        self._in_order = [] if self._dealer else list(self._dealt(self._order(0)))
        self._reported = perf_counter()

    @property
    def batches(self) -> int:
        """How many updates an epoch has."""
        return -(-self.samples // self.batch_size)

    def train(self, upto: int) -> bool:
        """Go on until so many epochs are done; return whether the loss stayed finite.

        If it did not, `finish` undoes the epoch.
        """
        with diverging():
            while self.state.epoch < upto:
                carried = self._epoch()
                if not isfinite(self.losses[-1]):
                    return False
                self._advance(carried)
                if self.progress and perf_counter() - self._reported > SECONDS_BETWEEN_REPORTS:
                    self._reported = perf_counter()
                    self.progress(self.state.epoch, upto)
        return True

    def walk(self, number: int, walk: Walk, *, keep: bool) -> None:
        """Do one epoch in which the update of a number, counted from 1, is walked.

        Unless it is kept, training stays where it was.
        """
        with diverging():
            carried = self._epoch(number, walk)
        if keep:
            self._advance(carried)

    def finish(self) -> bool:
        """Add the loss after the last epoch; return whether it is finite, having undone the epoch
        if not.
        """
        for history in (self.losses, self.accuracies, self.recorded):
            del history[self.state.epoch :]
        with diverging():
            self._note(self._report())
        if isfinite(self.losses[-1]) or self.state is self._before:
            return isfinite(self.losses[-1])
        self.state = self._before
        self.finish()
        return False

    def _advance(self, carried: Values) -> None:
        self._before, self.state = self.state, State(self.state.epoch + 1, carried)

    def _epoch(self, number: int = 0, walk: Walk | None = None) -> Values:
        """Return the arrays that are carried on after another epoch; adds the loss before it."""
        carried, settings = self.state.carried, self.settings
        whole = self.batches == 1
        if not whole:
            self._note(self._report())
        for k, (batch, dealt) in enumerate(self._batches(), 1):
            if walk and k == number:
                told, carried = walk(batch, carried)
            elif whole:
                found = self.plan.update(carried)
                told, carried = found[: -len(carried)], found[-len(carried) :]
            else:
                carried = self.update_for(len(batch))([*dealt, *settings, *carried])
            if whole:
                self._note(told)
        return carried

    def _report(self) -> Values:
        return self.plan.report(self.state.carried)

    def _batches(self) -> Iterable[Dealt]:
        """Return the batches of another epoch."""
        return self._dealt(self._order(self.state.epoch)) if self._dealer else self._in_order

    def _order(self, epoch: int) -> Batch:
        """Return the order of the samples in an epoch, counted from 0."""
        if self._dealer is None:
            return np.arange(self.samples)
        return self._dealer(epoch).permutation(self.samples)

    def batch(self, number: int) -> Batch:
        """Return the samples of an update, of all updates from 0."""
        epoch, place = divmod(number, self.batches)
        return self._order(epoch)[place * self.batch_size :][: self.batch_size]

    def _dealt(self, order: NDArray[np.intp]) -> Iterator[Dealt]:
        """Yield the samples of each update, and what does the update."""
        for start in range(0, len(order), self.batch_size):
            batch = order[start : start + self.batch_size]
            yield batch, [of_batch(batch, *each) for each in self.dealt]

    def _note(self, told: Values) -> None:
        if self.recording:
            self.recorded.append(self.state.carried)
        for history, number in zip((self.losses, self.accuracies), told, strict=False):
            history.append(float(number.item()))


def of_batch(batch: Batch, values: Array, side: int) -> Array:
    """Return what of some values belongs to a batch: of their rows (0) or columns (1)."""
    return values[batch] if side == 0 else values[:, batch]


def diverging() -> np.errstate:
    """Return a context in which numbers may overflow unremarked: the loss says it soon enough."""
    return np.errstate(over="ignore", invalid="ignore", divide="ignore")
