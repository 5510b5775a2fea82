"""A program: named expressions in steps, and what each of them is for.

Whatever shows or marks a program asks for the *kind* of a step and the *role* of a matrix; which
model declared it, with which numbers and under which names, it need not know. Nothing here
computes, and nothing here is said: words live in `templates/`, and a step's `Caption` tells which.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Literal, Protocol

from cellprop.algebra import ONE, Applied, Axis, Expression, Matrix, define

MINUS = "−"
RANGE_OF_STEPS = re.compile(r"(\d{1,3})-(\d{1,3})", re.ASCII)

Kind = Literal["given", "parameters", "forward", "loss", "backward", "update"]
"""What a step does: it brings what is given, what is learnt, goes forward, takes the loss, goes
back, or updates what is learnt."""

Role = Literal[
    "input",  # samples, as they were given
    "constant",  # what a program takes for fixed
    "statistic",  # what inputs are scaled by
    "scaled",  # inputs, scaled
    "target",
    "rate",  # the learning rate
    "setting",  # another number of the update rule's own
    "share",  # one that is from 0 to below 1
    "counter",  # a number that the update rule carries on
    "weights",
    "biases",
    "rest",  # what all the neurons that are not shown contribute, as one sum
    "remembered",  # what the update rule carries on for a parameter
    "entered",  # what an activation is applied to
    "part",  # a part of an activation
    "activation",  # what a layer passes on
    "prediction",  # what the last one does
    "loss",
    "error",  # the change wanted of what a layer passes on
    "slope",
    "delta",  # the change wanted of what an activation is applied to
    "check",  # the same, the long way round
    "change",  # the change wanted of a parameter, by itself
    "updated",  # what replaces what is carried on
]
"""What a matrix is to its step."""


@dataclass(frozen=True)
class Phrase:
    """A text among the words, by its key.

    Attributes:
        key: Where it stands.
        fills: What fills its braces.
        otherwise: What is said where the words have no such text.
        before, after: What stands around it, such as the blank before a word that may be missing.
    """

    key: str
    fills: Mapping[str, str] = field(default_factory=dict)
    otherwise: str | Phrase = ""
    before: str = ""
    after: str = ""


@dataclass(frozen=True)
class Note:
    """A note, or several, on a step.

    Attributes:
        key: Where it stands among the words.
        when: What must hold of the samples for it to be said: names of conditions in `captions`.
        fills: What fills its braces, where that is known without the samples.
    """

    key: str
    when: tuple[str, ...] = ()
    fills: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Caption:
    """Which texts say what happens in a step.

    Attributes:
        title: The key of a few words.
        says: The keys of sentences; the first is there, the others may be missing.
        fills: What fills the braces in these; of several phrases, one after the other.
        notes: What is said below.
    """

    title: str
    says: tuple[str, ...]
    fills: Mapping[str, str | Phrase | tuple[Phrase, ...]] = field(default_factory=dict)
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True, eq=False)
class Step:
    """A step: the matrices that it brings, and what kind of step it is.

    Attributes:
        key: What words refer to it by; the same for each layer.
        number: How steps are counted, as in the article.
        kind: What it does.
        brings: The matrices that it brings, in order of computation.
        layer: The hidden layer it is about, where there are several; else None.
        part: Which step of a written program it goes through, forwards or back; else None.
        captioned: What tells `caption` when it is asked for, as few programs are.
        title: What happens, where the words are known.
    """

    key: str
    number: int
    kind: Kind
    brings: tuple[Matrix, ...]
    layer: int | None = None
    captioned: Callable[[], Caption] = field(default=partial(Caption, "", ()), repr=False)
    title: str = ""
    part: int | None = None

    def __eq__(self, other: object) -> bool:
        # By what is seen of it: steps of equal networks are equal.
        return isinstance(other, Step) and self._seen == other._seen

    def __hash__(self) -> int:
        return hash(self._seen)

    @cached_property
    def caption(self) -> Caption:
        """Which texts say what happens."""
        return self.captioned()

    @property
    def _seen(self) -> tuple[str, str, tuple[str, ...]]:
        return self.label, self.title, self.matrices

    def __repr__(self) -> str:
        return (
            f"Step(number={self.number!r}, title={self.title!r}, matrices={self.matrices!r},"
            f" label={self.label!r})"
        )

    @property
    def label(self) -> str:
        """Its number, with the layer's where there are several: `7`, `2.1`."""
        return f"{self.number}" if self.layer is None else f"{self.number}.{self.layer}"

    @cached_property
    def matrices(self) -> tuple[str, ...]:
        """The names of the matrices that it brings, in order of computation."""
        return tuple(matrix.name for matrix in self.brings)

    @cached_property
    def computed(self) -> tuple[Matrix, ...]:
        """Those of its matrices that it computes; the others are given."""
        return tuple(matrix for matrix in self.brings if matrix.definition is not None)


@dataclass(frozen=True)
class Lane:
    """Matrices that stand in one row of a sheet.

    Attributes:
        key: Which lane: `input`, `hidden_forward`, …; its title is looked up by it.
        matrices: From left to right.
        layer: The number of its hidden layer, where there are several.
        title: What a program calls its step, where that is part of the lane's title.
    """

    key: str
    matrices: tuple[Matrix, ...]
    layer: int | None = None
    title: str = ""


@dataclass(frozen=True)
class Layer:
    """A row in the description of a network.

    Attributes:
        key: What it is, as the words call it: `hidden_layer`, `output_layer`.
        number: Which of several hidden layers; None if there are not several.
        size: How many neurons it has, those that are not shown counted.
        applies: The operation that its neurons apply.
        parameters: Its weights, then its biases if it has some.
    """

    key: str
    number: int | None
    size: int
    applies: str
    parameters: tuple[Matrix, ...]

    @property
    def weights(self) -> Matrix:
        """Its weights, of shape (what enters, neurons)."""
        return self.parameters[0]

    @property
    def shown(self) -> int:
        """How many of its neurons are shown."""
        return self.weights.columns.size


@dataclass(frozen=True)
class Forward:
    """The part of a program that leads from samples to what is predicted.

    Attributes:
        inputs: Samples, as they are given.
        targets: What their outputs should be.
        outputs: The matrices that predict.
        scaling: What inputs are scaled by: `input` and its statistics; empty if they are not.
        entered: The matrix that enters the first layer: `input`, or `input` scaled.
        parameters: What is learnt, from the inputs on.
        brings: The matrices that lead from there to the output, in order.
        layers: Descriptions of the layers.
        rest: What is given besides: the sum of what neurons contribute that are not shown.
    """

    inputs: tuple[Matrix, ...]
    targets: tuple[Matrix, ...]
    outputs: tuple[Matrix, ...]
    scaling: tuple[Matrix, ...]
    entered: Matrix
    parameters: tuple[Matrix, ...]
    brings: tuple[Matrix, ...]
    layers: tuple[Layer, ...]
    rest: tuple[Matrix, ...] = ()

    @property
    def input(self) -> Matrix:
        """Samples, where they are given in one matrix."""
        (only,) = self.inputs
        return only

    @property
    def target(self) -> Matrix:
        """What outputs should be, where that is one matrix."""
        (only,) = self.targets
        return only

    @property
    def output(self) -> Matrix:
        """The matrix that predicts, where there is one."""
        (only,) = self.outputs
        return only

    @property
    def by_sample(self) -> tuple[Matrix, ...]:
        """What it computes of each sample, from the inputs to the output, in order."""
        scaled = (self.entered,) if self.scaling else ()
        return (*scaled, *self.brings)

    @cached_property
    def matrices(self) -> tuple[Matrix, ...]:
        """Every matrix that it takes to predict, each after those that it reads."""
        given = self.scaling or (self.input,)
        scaled = (self.entered,) if self.scaling else ()
        return (*given, *scaled, *self.parameters, *self.rest, *self.brings)


@dataclass(frozen=True, eq=False)
class Program:
    """All steps of one update.

    Attributes:
        steps: In order.
        lanes: In which lane of a sheet each matrix stands, from top to bottom.
        forward: The part that leads from samples to what is predicted.
        losses: The matrices whose sums over columns and means over rows add up to the loss.
        samples: What an update deals out: the axis along which it takes some of what is given;
            `ONE` where nothing is dealt.
        updates: For each name that training carries on (a parameter, or what an update rule
            remembers), the matrix that replaces it.
        changes: For each parameter's name, the change wanted of it, the negative gradient; of a
            written program the gradient. Averaged over the samples, if updates are by the mean.
        adjoints: For the name of each matrix that the loss depends on, the same of it, summed over
            the samples: of a matrix that a step brings, or as a step writes it.
        roles: For each matrix's name, what it is to its step.
        name, about: What it is called and says of itself, where somebody wrote it.
        starts: By which rule first values of a parameter are drawn, by its name, where its model
            has rules.
    """

    steps: tuple[Step, ...]
    lanes: tuple[Lane, ...]
    forward: Forward
    losses: tuple[Matrix, ...]
    samples: Axis
    updates: Mapping[str, Matrix]
    changes: Mapping[str, Expression]
    roles: Mapping[str, Role]
    name: str = ""
    about: str = ""
    starts: Mapping[str, str] = field(default_factory=dict)
    adjoints: Mapping[str, Expression] = field(default_factory=dict)

    @cached_property
    def matrices(self) -> tuple[Matrix, ...]:
        """Every matrix, in order of computation."""
        return tuple(matrix for step in self.steps for matrix in step.brings)

    @cached_property
    def by_name(self) -> Mapping[str, Matrix]:
        """Every matrix by its name."""
        return {matrix.name: matrix for matrix in self.matrices}

    @property
    def input(self) -> Matrix:
        """Samples, where they are given in one matrix."""
        return self.forward.input

    @property
    def target(self) -> Matrix:
        """What outputs should be, where that is one matrix."""
        return self.forward.target

    @property
    def output(self) -> Matrix:
        """The matrix that predicts, where there is one."""
        return self.forward.output

    @property
    def loss(self) -> Matrix:
        """The loss, where one is taken."""
        (only,) = self.losses
        return only

    @property
    def loss_functions(self) -> tuple[str, ...]:
        """The operations that take the losses: `squared_error`, …; each once."""
        taken = (loss.definition for loss in self.losses)
        return tuple(dict.fromkeys(of.operation.name for of in taken if isinstance(of, Applied)))

    @property
    def is_written(self) -> bool:
        """Whether somebody wrote it: then it has no layers, and adjoints are gradients; those of a
        network are changes wanted.
        """
        return not self.forward.layers

    @property
    def parameters(self) -> tuple[Matrix, ...]:
        """What is learnt."""
        return self.forward.parameters

    @property
    def rate(self) -> Matrix:
        """The learning rate."""
        return self.having("rate")[0]

    @property
    def given(self) -> tuple[Matrix, ...]:
        """What no step computes, in order."""
        return tuple(matrix for matrix in self.matrices if matrix.definition is None)

    def having(self, *roles: Role) -> tuple[Matrix, ...]:
        """Return the matrices that have one of some roles, in order of computation."""
        return tuple(matrix for matrix in self.matrices if self.roles[matrix.name] in roles)

    def brought_by(self, *kinds: Kind) -> tuple[Matrix, ...]:
        """Return the matrices of the steps of some kinds, in order of computation."""
        return tuple(m for step in self.steps if step.kind in kinds for m in step.brings)

    def replaced_by(self, matrix: Matrix) -> Matrix | None:
        """Return the Matrix that a matrix replaces in an update; None if it replaces none."""
        names = [old for old, new in self.updates.items() if new is matrix]
        return next((self.by_name[name] for name in names), None)

    @cached_property
    def moves(self) -> Mapping[str, Matrix]:
        """By how much an update changes each parameter, by the name of what replaces it: no matrix
        of a step, but worth a look beside one.
        """
        return {
            new.name: define(f"{new.name} {MINUS} {old.name}", new - old)
            for old in self.parameters
            if (new := self.updates.get(old.name)) is not None
        }

    def step_of(self, matrix: Matrix) -> Step | None:
        """Return the step that brings a matrix; None if none does."""
        return next((step for step in self.steps if matrix in step.brings), None)

    def is_by_sample(self, matrix: Matrix) -> bool:
        """Whether a matrix has a row for each sample."""
        return matrix.rows is self.samples and self.deals

    @property
    def deals(self) -> bool:
        """Whether there are samples, of which an update may see some."""
        return self.samples is not ONE

    def named(self, text: str) -> tuple[Step, ...]:
        """Return the steps that a text names, in order: `7`, `2.1`, `2` for each layer's, `2-9`.

        None, if it names none that are there.
        """
        between = RANGE_OF_STEPS.fullmatch(text)
        if between:
            first, last = int(between[1]), int(between[2])
            return tuple(step for step in self.steps if first <= step.number <= last)
        return tuple(step for step in self.steps if text in (step.label, str(step.number)))

    @property
    def last(self) -> int:
        """The number of the last step."""
        return self.steps[-1].number

    @property
    def labels(self) -> str:
        """The labels of the steps: `0 to 11`, or one by one where layers have their own."""
        labels = [step.label for step in self.steps]
        if any(step.layer for step in self.steps) or len(labels) <= self.last:
            return ", ".join(labels)
        return f"{labels[0]} to {labels[-1]}"


class Model(Protocol):
    """What declares a program for any samples: a network with how it is trained, or a function
    that somebody wrote.
    """

    @property
    def optimizer(self) -> str:
        """The update rule."""

    @property
    def average(self) -> bool:
        """Whether gradients are averaged over the samples, not summed."""

    @property
    def scale(self) -> str | None:
        """How inputs are scaled first."""

    @property
    def neurons(self) -> tuple[int, ...]:
        """Which neurons are shown, from 1, others as one sum; empty: all are shown."""

    def program(self, samples: Axis, *, whole: bool = True) -> Program:
        """Return all steps of an update; `whole`: these are all the samples there are."""

    def forward(self, samples: Axis) -> Forward:
        """Return the part that predicts, for other samples."""

    def only(self, neurons: Iterable[int]) -> Model:
        """Return the model that shows some neurons in full and all others as one sum."""

    def rest(self, samples: Axis) -> Expression:
        """Return what all neurons contribute that are not shown."""


def by_role(roles: Iterable[tuple[Role, Iterable[Matrix]]]) -> dict[str, Role]:
    """Return the role of each matrix by its name."""
    return {matrix.name: role for role, matrices in roles for matrix in matrices}
