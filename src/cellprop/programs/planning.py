"""How a module of PyTorch is planned as a part of a program: what it is handed, what it hands on,
what it learns, and what things are called.

Knows modules by their settings and numbers; what each kind computes stands in `modules`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from cellprop.algebra import Array, Expression, Matrix
from cellprop.errors import InputError
from cellprop.programs.building import AxisName, Builder
from cellprop.programs.theirs import numbers_of

RECURRENT = ("RNN", "LSTM", "GRU")
OF_SIGNALS = ("Conv1d", "MaxPool1d", "AvgPool1d")
OF_IMAGES = ("Conv2d", "MaxPool2d", "AvgPool2d")
ATTENTION = "MultiheadAttention"

Layout = Literal["flat", "words", "steps", "signal", "image"]
IN_A_LAYOUT: dict[Layout, str] = {
    "flat": "samples in rows", "words": "one sequence of words", "steps": "time steps",
    "signal": "signals", "image": "an image",
}  # fmt: skip
Write = Callable[[Builder, list[Expression]], list[Expression]]


@dataclass(frozen=True)
class Flow:
    """What one module hands to the next: matrices, all of one shape.

    Attributes:
        layout: What they are: one matrix of samples or of words in rows, one for each time step, or
            one for each channel, of signals in rows or of one image.
        count: How many there are.
        rows, axis: What their rows and columns are called; 1 for what repeats.
        height, columns: How many rows and columns they have; the height of images only.
    """

    layout: Layout
    count: int = 1
    rows: AxisName = "samples"
    axis: AxisName = "inputs"
    height: int = 0
    columns: int = 0


@dataclass
class Plan:
    """What a program will have, as far as modules were planned.

    Attributes:
        model: The modules, each with its place.
        told: What was said beside the model.
        sizes: How many rows or columns an axis has, by its name.
        values: The numbers of what is learnt, by name.
        seen: Where each tensor was seen first.
    """

    model: Sequence[tuple[str, str, Any]]
    told: Mapping[str, Any]
    sizes: dict[str, int] = field(default_factory=dict)
    values: dict[str, Array] = field(default_factory=dict)
    seen: dict[int, str] = field(default_factory=dict)

    def axis(self, name: str, size: int) -> str:
        """Return a name for an axis of some size that no other has."""
        number, unique = 2, name
        while unique in self.sizes:
            unique, number = f"{name} {number}", number + 1
        self.sizes[unique] = size
        return unique


@dataclass
class Here:
    """A module where it stands, while it is planned.

    Attributes:
        plan: What is planned so far.
        number: Which of the modules it is.
        flow: What it is handed.
        is_last: Whether what it hands on is the program's output, which is known when all is
            planned.
        learns: What it learns: what the module calls it, its name, and its axes.
    """

    plan: Plan
    number: int
    flow: Flow
    is_last: bool = False
    learns: list[tuple[str, str, AxisName, AxisName]] = field(default_factory=list)

    @property
    def place(self) -> str:
        """Where it stands, as one types it."""
        return self.plan.model[self.number][0]

    @property
    def kind(self) -> str:
        """What it is."""
        return self.plan.model[self.number][1]

    @property
    def module(self) -> Any:
        """The module."""
        return self.plan.model[self.number][2]

    @property
    def later(self) -> tuple[str, ...]:
        """What the modules after it are."""
        return tuple(kind for _, kind, _ in self.plan.model[self.number + 1 :])

    # --- What is refused

    def refused(self, what: str, instead: str) -> InputError:
        """Return what is said of something that can't be carried over, and what to do instead."""
        return InputError(
            f"from_torch: {self.place} ({self.kind}): {what} can't be carried over; {instead}."
        )

    def check(self, instead: str, **usual: object) -> None:
        """Refuse settings of the module that are not as usual."""
        for name, value in usual.items():
            if (found := getattr(self.module, name, value)) != value:
                raise self.refused(f"{name}={found!r}", f"use {name}={value!r}{instead}")

    def takes(self, *layouts: Layout) -> None:
        """Refuse to be handed anything but these."""
        if self.flow.layout not in layouts:
            wanted = " or ".join(IN_A_LAYOUT[each] for each in layouts)
            before = {kind for _, kind, _ in self.plan.model[: self.number]}
            way_out = "give it a model of its own"
            if self.flow.layout == "flat" and "Flatten" in before:
                way_out = "put it before Flatten"
            elif "flat" in layouts:
                way_out = "put Flatten before it"
            raise InputError(
                f"from_torch: {self.place} ({self.kind}) takes {wanted}, and is handed"
                f" {IN_A_LAYOUT[self.flow.layout]}; {way_out}."
            )

    def fits(self, expected: int, found: int, what: str) -> None:
        """Refuse to be handed another number of something than the module has."""
        if expected != found:
            raise InputError(
                f"from_torch: {self.place} ({self.kind}) expects {expected} {what}, but is handed"
                f" {found}."
            )

    # --- What is learnt, and what things are called

    def numbers(self, name: str, owner: Any = None, place: str = "") -> Array:
        """Return the numbers of a parameter of the module, which no other may share."""
        owner, place = owner or self.module, place or self.place
        first = self.plan.seen.setdefault(id(getattr(owner, name)), place)
        if first != place:
            raise InputError(
                f"from_torch: {place} ({self.kind}) has the weights of {first}, which would be"
                " trained apart; give it a copy of them."
            )
        return numbers_of(place, owner, name)

    def learn(self, what: str, values: Array, rows: AxisName, columns: AxisName) -> None:
        """Note what is learnt: its numbers, and its axes."""
        self.learns.append((what, self.name(*what.split(" ")), rows, columns))
        self.plan.values[self.learns[-1][1]] = np.atleast_2d(values)

    def learnt(self, m: Builder) -> dict[str, Matrix]:
        """Return what is learnt as matrices, by what the module calls it."""
        return {what: m.parameter(name, rows, columns) for what, name, rows, columns in self.learns}

    def name(self, what: str, *more: object) -> str:
        """Return the name of a matrix: what it is, the module's place, and which of several."""
        return "_".join([what, *re.findall(r"\d+", self.place), *map(str, more)])

    def results(self, what: str, count: int) -> list[str]:
        """Return the names of what the module hands on; of the last one these are outputs."""
        more: list[tuple[int, ...]] = [(k,) for k in range(1, count + 1)] if count > 1 else [()]
        named = "output" if self.is_last else ""
        return ["_".join([named, *map(str, k)]) if named else self.name(what, *k) for k in more]

    def title(self, *parts: str) -> str:
        """Return the title of a step."""
        kind = "attention" if self.kind == ATTENTION else self.kind
        own = kind if self.place == "model" else f"{self.place} {kind}"
        return ", ".join([own, *filter(None, parts)])

    def which(self, k: int) -> str:
        """Return which of several matrices one is, in words."""
        what = "time" if self.flow.layout == "steps" else "channel"
        return f"{what} {k + 1}" if self.flow.count > 1 else ""

    def each(
        self,
        what: str,
        says: str,
        computed: Callable[[Expression, Mapping[str, Matrix]], Expression],
    ) -> Write:
        """Return how each matrix that is handed on is computed from the one that came."""

        def write(m: Builder, came: list[Expression]) -> list[Expression]:
            learnt, found = self.learnt(m), list[Expression]()
            names = self.results(what, self.flow.count)
            for k, (x, name) in enumerate(zip(came, names, strict=True)):
                with m.step(self.title(self.which(k)), says=says):
                    found.append(m.define(name, computed(x, learnt)))
            return found

        return write


Planned = tuple[Flow, Write]
"""What a module hands on, and how it is written."""
