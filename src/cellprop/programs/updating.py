"""Update rules: what replaces a parameter, as expressions of it and the change wanted of it.

Knows parameters, not layers: whatever is learnt is updated alike.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from cellprop.algebra import (
    CHANGES,
    ONE,
    Backward,
    Expression,
    Matrix,
    Sign,
    apply,
    define,
    square,
    square_root,
)
from cellprop.programs.program import Lane, Role

# What the learning rate is called.
RATE = "lr"


@dataclass
class Updating:
    """An update rule at work: what it has to hand, and what it has defined.

    Attributes:
        settings: Numbers chosen once: `lr`, `momentum`, …
        remembered: What the rule carries on from one update to the next.
        changes: For each parameter's name, the change wanted of it.
        updates: For each parameter and each thing remembered, the matrix that replaces it.
        brings: For each parameter, the matrices that its update takes, in order.
        counting: The names of the numbers that are carried on.
        shares: The names of the settings that are from 0 to below 1.
        counted: Those numbers, updated.
        sign: Of the changes: changes wanted are added, gradients subtracted.
    """

    settings: Mapping[str, Matrix]
    remembered: Mapping[str, Matrix]
    changes: Mapping[str, Expression]
    counting: Collection[str]
    shares: Collection[str]
    updates: dict[str, Matrix] = field(default_factory=dict)
    brings: dict[str, tuple[Matrix, ...]] = field(default_factory=dict)
    counted: tuple[Matrix, ...] = ()
    sign: Sign = CHANGES

    def moved(self, parameter: Matrix, step: Expression) -> Matrix:
        """Define what replaces a parameter: it, and a step in the direction of its change."""
        new = parameter + step if self.sign == CHANGES else parameter - step
        return self.replace(parameter, new)

    def replace(self, old: Matrix, new: Expression) -> Matrix:
        """Define what replaces a matrix: `wh_new` for `wh`."""
        symbol = f"{old.symbol}′" if old.symbol else ""
        self.updates[old.name] = define(f"{old.name}_new", new, symbol)
        return self.updates[old.name]

    @property
    def numbers(self) -> list[Lane]:
        """The lanes of the rule's own numbers: its settings, and what it counts."""
        settings = (m for name, m in self.settings.items() if name != RATE)
        counts = (m for m in self.remembered.values() if m.name in self.counting)
        return [Lane("optimizer", tuple(settings)), Lane("counts", (*counts, *self.counted))]

    def lanes(self, parameters: Iterable[Matrix]) -> list[Lane]:
        """Return the lanes of what is updated, in an order of parameters: each one's if a rule
        takes several matrices, else as few as can be read.
        """
        own = [(*self.of(p.name), *self.brings[p.name]) for p in parameters]
        if any(len(matrices) > 1 for matrices in own):
            return [Lane("updated", matrices) for matrices in own]
        new = [matrix for matrices in own for matrix in matrices]
        return [Lane("updated", tuple(new[i : i + 4])) for i in range(0, len(new), 4)]

    def of(self, parameter: str) -> tuple[Matrix, ...]:
        """Return the matrices that are remembered for a parameter, each of its shape."""
        return tuple(m for name, m in self.remembered.items() if name.startswith(f"{parameter}_"))

    @property
    def roles(self) -> Iterator[tuple[Role, Iterable[Matrix]]]:
        """What each matrix of the rule is to its step."""
        settings = dict(self.settings)
        yield "rate", [settings.pop(RATE)]
        yield "setting", settings.values()
        yield "share", [m for name, m in settings.items() if name in self.shares]
        yield "remembered", self.remembered.values()
        yield "counter", [m for name, m in self.remembered.items() if name in self.counting]
        yield "change", [m for brings in self.brings.values() for m in brings]
        yield "updated", self.updates.values()


@dataclass(frozen=True)
class Rule:
    """How an optimiser moves a parameter.

    Attributes:
        update: Yields the matrices that the parameter's update takes, the new value last.
        settings: The rule's own numbers, with their usual values.
        shares: Those of them that are from 0 to below 1.
        remembers: What it carries on for each parameter, 0 at first: suffixes of its name.
        counts: Numbers that it carries on, 1 at first, and by what each is multiplied at every
            update.
    """

    update: Callable[[Matrix, Updating], Iterator[Matrix]]
    settings: Mapping[str, float] = field(default_factory=dict)
    shares: tuple[str, ...] = ()
    remembers: tuple[str, ...] = ()
    counts: Mapping[str, str] = field(default_factory=dict)


def _plain(parameter: Matrix, to: Updating) -> Iterator[Matrix]:
    yield to.moved(parameter, to.changes[parameter.name] * to.settings[RATE])


def _momentum(parameter: Matrix, to: Updating) -> Iterator[Matrix]:
    velocity = to.remembered[f"{parameter.name}_velocity"]
    # In this order: a sum that comes second stands in parentheses, which some engines drop.
    kept = to.settings["momentum"] * velocity
    faster = to.replace(velocity, to.changes[parameter.name] + kept)
    yield faster
    yield to.moved(parameter, faster * to.settings[RATE])


def _adam(parameter: Matrix, to: Updating) -> Iterator[Matrix]:
    """Algorithm 1 of Kingma and Ba (2014), going by the change wanted: the gradient's negative."""
    name, settings = parameter.name, to.settings
    beta_1, beta_2 = settings["beta_1"], settings["beta_2"]
    change = to.changes[name]
    if not isinstance(change, Matrix):  # no step before shows it
        change = define(
            f"{name}_change", change, f"Δ{parameter.symbol}" if parameter.symbol else ""
        )
        yield change
    m, v = to.remembered[f"{name}_m"], to.remembered[f"{name}_v"]
    mean = to.replace(m, beta_1 * m + (1 - beta_1) * change)
    spread = to.replace(v, beta_2 * v + (1 - beta_2) * square(change))
    unbiased = apply("ratio", mean, 1 - to.updates["beta_1_power"])
    size = square_root(apply("ratio", spread, 1 - to.updates["beta_2_power"]))
    yield from (mean, spread)
    step = apply("ratio_to_spread", settings[RATE] * unbiased, size + settings["epsilon"])
    yield to.moved(parameter, step)


OPTIMIZERS = {
    "sgd": Rule(_plain),
    "momentum": Rule(_momentum, {"momentum": 0.9}, ("momentum",), ("velocity",)),
    "adam": Rule(
        _adam,
        {"beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-8},
        ("beta_1", "beta_2"),
        ("m", "v"),
        {"beta_1_power": "beta_1", "beta_2_power": "beta_2"},
    ),
}

SYMBOLS = {
    RATE: "η", "momentum": "μ", "beta_1": "β₁", "beta_2": "β₂", "epsilon": "ε",
    "beta_1_power": "β₁ᵗ", "beta_2_power": "β₂ᵗ",
}  # fmt: skip


def carried_names(parameters: Iterable[str], optimizer: str) -> tuple[str, ...]:
    """Return the names of all that training carries on: parameters, and what a rule remembers."""
    rule, names = OPTIMIZERS[optimizer], tuple(parameters)
    remembered = (f"{name}_{what}" for name in names for what in rule.remembers)
    return (*names, *rule.counts, *remembered)


def updating(
    optimizer: str,
    parameters: Sequence[Matrix],
    backward: Backward,
    samples: int | None,
    sign: Sign = CHANGES,
) -> Updating:
    """Return the updates of all parameters.

    Parameters
    ----------
    optimizer
        The update rule, of `OPTIMIZERS`.
    parameters
        What is learnt, from the inputs on.
    backward
        The change wanted of each.
    samples
        Over how many samples changes are averaged; None if they are summed.
    sign
        With which `backward` was derived: changes wanted are added, gradients subtracted.
    """

    def number(name: str) -> Matrix:
        return Matrix(name, ONE, ONE, symbol=SYMBOLS[name])

    rule = OPTIMIZERS[optimizer]
    remembered = {name: number(name) for name in rule.counts}
    for p in parameters:
        for what in rule.remembers:
            name = f"{p.name}_{what}"
            symbol = f"{what[0]}({p.symbol})" if p.symbol else ""
            remembered[name] = Matrix(name, p.rows, p.columns, symbol=symbol)
    changes = {p.name: backward.wanted[p.name] for p in parameters}
    if samples:
        changes = {name: change / samples for name, change in changes.items()}
    settings = {name: number(name) for name in (RATE, *rule.settings)}
    to = Updating(settings, remembered, changes, rule.counts, rule.shares, sign=sign)
    to.counted = tuple(
        to.replace(remembered[name], remembered[name] * settings[by])
        for name, by in rule.counts.items()
    )
    to.brings = {p.name: tuple(rule.update(p, to)) for p in parameters}
    return to
