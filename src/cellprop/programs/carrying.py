"""A program as data, and the program of such data: what an exercise carries of one.

Definitions are trees over rows of the operations' table, by name; nothing else in the data is ever
called, so no code of anybody's file is run. What is written in several places of a program as one
expression stays one. Data may be anybody's: whatever is no program is refused, before anything is
made of the sizes that it claims.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, NamedTuple, get_args

from cellprop.algebra import ONE, OPERATIONS, Applied, Axis, Expression, Matrix, Number
from cellprop.errors import InputError
from cellprop.files.safe import label, looks_like_formula
from cellprop.limits import (
    DEEPEST_DEFINITION,
    LARGEST_SETTING,
    LONGEST_DEFINITION,
    LONGEST_MESSAGE,
    MOST_HELD,
    MOST_IN_A_NODE,
    MOST_LINES_OF_WINDOWS,
    MOST_MATRICES,
    MOST_NODES,
    MOST_ROWS,
    MOST_STEPS,
    MOST_WORK,
)
from cellprop.programs.building import RULES, AsWritten, is_a_name
from cellprop.programs.following import caption_of, said_in
from cellprop.programs.program import Forward, Kind, Lane, Program, Role, Step
from cellprop.programs.updating import RATE

Data = Mapping[str, Any]
# What reading data raises that are no program's.
REFUSED = (
    ValueError, TypeError, KeyError, IndexError, AttributeError, ArithmeticError, RecursionError,
)  # fmt: skip

# As many numbers are read while an operation is called.
A_CALL = 1_000
# More operands are joined by nobody.
MOST_OPERANDS = 1_000
# What a setting says of lines, such as `1:6:2`.
LINES = re.compile(r"-?\d{0,7}(:-?\d{0,7}){0,2}", re.ASCII)
LANES = (
    "program_given", "program_parameters", "program_forward", "program_backward", "program_shares",
    "optimizer", "counts", "updated",
)  # fmt: skip
# In which of its parts the way forward names matrices; layers are a network's.
FORWARD = ("inputs", "targets", "outputs", "parameters", "brings", "rest")


@dataclass(frozen=True)
class Carried(AsWritten):
    """A model that holds its program as data: for the samples that there are, and no others.

    Attributes:
        optimizer: The update rule, of `OPTIMIZERS`.
        average: Whether gradients are averaged over the samples, not summed.
        text: The program's data, as JSON: equal texts are equal programs.
    """

    optimizer: str
    average: bool
    text: str

    @classmethod
    def of(cls, program: Program, optimizer: str, *, average: bool) -> Carried:
        """Return the model that holds a program."""
        text = json.dumps(data_of(program), separators=(",", ":"))
        return cls(optimizer, average, text)

    def __getstate__(self) -> tuple[str, bool, str]:
        # Without the program, which follows.
        return self.optimizer, self.average, self.text

    def __setstate__(self, state: tuple[str, bool, str]) -> None:
        for name, each in zip(("optimizer", "average", "text"), state, strict=True):
            object.__setattr__(self, name, each)

    @cached_property
    def data(self) -> Data:
        """The program's data."""
        found: Data = json.loads(self.text)
        return found

    @cached_property
    def held(self) -> Program:
        """The program: the same object each time."""
        return program_of(self.data)

    def program(self, samples: Axis, *, whole: bool = True) -> Program:  # noqa: ARG002 - a model's
        """Return all steps of the update.

        Raises
        ------
        InputError
            If it is asked for other samples.
        """
        if samples != self.held.samples:
            raise InputError(f"{self.held.name} was carried for its own samples only.")
        return self.held

    def forward(self, samples: Axis) -> Forward:
        """Return the part that predicts."""
        return self.program(samples).forward

    @property
    def _called(self) -> str:
        return self.held.name


# --- Written ------------------------------------------------------------------------------


def data_of(program: Program) -> dict[str, Any]:
    """Return a program as JSON has it; layers, which only networks have, are not part of it."""
    writing = _Writing()
    matrices = [
        [matrix.name, program.roles[matrix.name], matrix.symbol, *writing.definition(matrix)]
        for matrix in program.matrices
    ]
    changes = {name: writing.node(change) for name, change in program.changes.items()}
    forward = program.forward
    return {
        "name": program.name,
        "about": program.about,
        "axes": [[axis.name, axis.labels, axis.zero] for axis in writing.axes],
        "samples": writing.axis(program.samples),
        "nodes": writing.nodes,
        "matrices": matrices,
        "steps": [
            [step.kind, step.matrices, step.part, said_in(step.caption)] for step in program.steps
        ],
        "lanes": [[lane.key, _names(lane.matrices), lane.title] for lane in program.lanes],
        "forward": {name: _names(getattr(forward, name)) for name in FORWARD},
        "entered": forward.entered.name,
        "losses": _names(program.losses),
        "updates": {name: new.name for name, new in program.updates.items()},
        "changes": changes,
        "starts": dict(program.starts),
    }


def _names(matrices: Iterable[Matrix]) -> list[str]:
    return [matrix.name for matrix in matrices]


class _Writing:
    """A program's expressions and axes, as they are numbered.

    Attributes:
        axes: In the order of their numbers.
        nodes: A matrix by its name, a number, or an operation with the numbers of its operands,
            and with settings that are not as usual; each after those that it reads.
    """

    def __init__(self) -> None:
        self.axes: list[Axis] = []
        self.nodes: list[Any] = []
        self._numbers: dict[int, int] = {}
        self._matrices: dict[str, int] = {}

    def axis(self, axis: Axis) -> int | None:
        """Return the number of an axis; None for the one that repeats."""
        if axis is ONE:
            return None
        if axis not in self.axes:
            self.axes.append(axis)
        return self.axes.index(axis)

    def definition(self, matrix: Matrix) -> list[Any]:
        """Return the axes of a matrix that is given; else its definition, and what it is whole."""
        if matrix.definition is None:
            return [[self.axis(matrix.rows), self.axis(matrix.columns)]]
        whole = [] if matrix.whole is None else [self.node(matrix.whole)]
        return [self.node(matrix.definition), *whole]

    def node(self, expression: Expression) -> int:
        """Return the number of an expression; the same one's is the same."""
        if isinstance(expression, Matrix):
            if expression.name not in self._matrices:
                self._matrices[expression.name] = self._add(expression.name)
            return self._matrices[expression.name]
        if id(expression) not in self._numbers:
            self._numbers[id(expression)] = self._add(self._written(expression))
        return self._numbers[id(expression)]

    def _written(self, expression: Expression) -> Any:
        if not isinstance(expression, Applied):
            assert isinstance(expression, Number)
            return expression.value
        operation = expression.operation
        usual, operands = operation.settings, [self.node(each) for each in expression.operands]
        own = {name: told for name, told in expression.settings.items() if told != usual[name]}
        return [operation.name, operands, *([own] if own else [])]

    def _add(self, node: Any) -> int:
        self.nodes.append(node)
        return len(self.nodes) - 1


# --- Read ---------------------------------------------------------------------------------


def program_of(data: Data) -> Program:
    """Return the program of data, which may be anybody's.

    Raises
    ------
    ValueError, and others of `REFUSED`
        If they are no program's.
    """
    reading = _Reading(data)
    by_name, samples = reading.by_name, reading.axis(data["samples"])
    steps = tuple(_steps(data["steps"], by_name))
    lanes = tuple(
        Lane(_one_of(key, LANES), _listed(names, by_name), title=_text(title))
        for key, names, title in data["lanes"]
    )
    forward = {name: _listed(data["forward"][name], by_name) for name in FORWARD}
    updates = {_key(old, by_name): by_name[new] for old, new in data["updates"].items()}
    program = Program(
        steps=steps,
        lanes=lanes,
        forward=Forward(
            **forward, scaling=(), entered=by_name[data["entered"]], layers=()
        ),
        losses=_listed(data["losses"], by_name),
        samples=samples,
        updates=updates,
        changes={
            _key(name, by_name): reading.expression(node) for name, node in data["changes"].items()
        },
        roles=reading.roles,
        name=_text(data["name"]),
        about=_text(data["about"]),
        starts={
            _key(name, by_name): _one_of(rule, RULES) for name, rule in data["starts"].items()
        },
    )  # fmt: skip
    _check(program, by_name)
    return program


def _check(program: Program, by_name: Mapping[str, Matrix]) -> None:
    """Refuse a program whose parts don't belong together."""
    standing = {matrix.name for lane in program.lanes for matrix in lane.matrices}
    learnt = program.parameters
    fits = (
        sorted(matrix.name for matrix in program.matrices) == sorted(by_name),
        standing == set(by_name),
        [m.name for m in program.having("rate")] == [RATE],
        all(m.is_scalar for m in program.having("rate", "setting", "share", "counter")),
        bool(program.losses) and bool(program.forward.outputs) and bool(learnt),
        all(m.definition is None and m.name in program.updates for m in learnt),
        all(new.definition is not None for new in program.updates.values()),
        all(by_name[old].fits(new) for old, new in program.updates.items()),
        {m.name for m in learnt} == {*program.changes},
        all(by_name[name].fits(change) for name, change in program.changes.items()),
    )
    if not all(fits):
        raise ValueError


def _steps(stated: Sequence[Any], by_name: Mapping[str, Matrix]) -> Iterator[Step]:
    if not 0 < len(stated) <= MOST_STEPS:
        raise ValueError
    for number, (kind, names, part, said) in enumerate(stated):
        brings = _listed(names, by_name)
        if not brings or not (part is None or _whole(part) < len(stated)):
            raise ValueError
        # Texts are looked at here, since captions are only made when somebody asks.
        texts = {name: _uses(t) if name == "uses" else _text(t) for name, t in said.items()}
        caption_of(texts, brings)
        captioned = partial(caption_of, texts, brings)
        key = _one_of(kind, get_args(Kind))
        yield Step(key, number, key, brings, captioned=captioned, part=part)


def _uses(told: Any) -> Any:
    """Return whether a step used parameters; or how often each of some is used, as texts."""
    if isinstance(told, bool):
        return told
    return [(_text(name), _text(count)) for name, count in told]


def _listed(names: Sequence[str], by_name: Mapping[str, Matrix]) -> tuple[Matrix, ...]:
    if not isinstance(names, list):
        raise TypeError
    return tuple(by_name[name] for name in names)


def _key(name: str, by_name: Mapping[str, Matrix]) -> str:
    return by_name[name].name


def _one_of(value: Any, known: Sequence[Any]) -> Any:
    if value not in known:
        raise ValueError
    return value


def _text(value: object) -> str:
    if not isinstance(value, str) or len(value) > LONGEST_MESSAGE or looks_like_formula(value):
        raise TypeError
    return label(value)


def _label(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return label(value)


def _whole(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise TypeError
    return value


class _Reading:
    """The matrices of a program's data.

    Attributes:
        by_name: The matrices.
        roles: What each is to its step.
    """

    def __init__(self, data: Data) -> None:
        self._axes = [self._axis(*stated) for stated in data["axes"]]
        self._stated = data["nodes"]
        self._nodes: list[Expression] = []
        self._costs: list[_Cost] = []
        self._work = 0
        self.by_name: dict[str, Matrix] = {}
        self.roles: dict[str, Role] = {}
        self._lower: set[str] = set()
        if len(data["matrices"]) > MOST_MATRICES or len(self._stated) > MOST_NODES:
            raise ValueError
        for name, role, symbol, *definition in data["matrices"]:
            self._add(self._matrix(name, _text(symbol), definition))
            self.roles[name] = _one_of(role, get_args(Role))

    def axis(self, number: Any) -> Axis:
        """Return the axis of a number; that which repeats for None."""
        return ONE if number is None else self._axes[_whole(number)]

    def expression(self, number: Any) -> Expression:
        """Return the expression of a number."""
        wanted = _whole(number)
        while len(self._nodes) <= wanted:
            self._read(self._stated[len(self._nodes)])
        # Whoever looks for a slip computes it all again for each part that may be another.
        self._work += self._costs[wanted].work * self._costs[wanted].long
        if self._work > MOST_WORK:
            raise ValueError
        return self._nodes[wanted]

    @staticmethod
    def _axis(name: Any, labels: Any, zero: Any) -> Axis:
        if not isinstance(labels, list) or not 0 < len(labels) <= MOST_ROWS:
            raise ValueError
        return Axis(_text(name), tuple(map(_label, labels)), _label(zero))

    def _add(self, matrix: Matrix) -> None:
        self.by_name[matrix.name] = matrix
        self._lower.add(matrix.name.lower())

    def _matrix(self, name: Any, symbol: str, definition: Sequence[Any]) -> Matrix:
        """Return a matrix that is given, by its axes, or computed, by its definition."""
        if not isinstance(name, str) or not is_a_name(name) or name.lower() in self._lower:
            raise ValueError
        first, *more = definition
        if isinstance(first, list):
            rows, columns = map(self.axis, first)
            return Matrix(name, rows, columns, symbol=symbol)
        of, *wholes = map(self.expression, definition)
        if more and (len(wholes) > 1 or not wholes[0].fits(of)):
            raise ValueError
        return Matrix(name, of.rows, of.columns, of, symbol, wholes[0] if wholes else None)

    def _read(self, node: Any) -> None:
        """Add the next node, as far as it costs what it may."""
        if isinstance(node, str):
            self._nodes.append(self.by_name[node])
            self._costs.append(LEAF)
        elif isinstance(node, list):
            name, operands, *settings = node
            self._apply(name, [_whole(each) for each in operands], *settings)
        else:
            if isinstance(node, bool) or not isinstance(node, (int, float)):
                raise TypeError
            self._nodes.append(Number(float(node)))
            self._costs.append(LEAF)

    def _apply(self, name: Any, operands: Sequence[int], settings: Any = None) -> None:
        operation, at = OPERATIONS[name], len(self._nodes)
        if not operation.takes(len(operands)) or max(operands) >= at:
            raise ValueError
        if len(operands) > MOST_OPERANDS:
            raise ValueError
        told = {key: _setting(key, each, operation.settings[key]) for key, each in _pairs(settings)}
        read = [self._nodes[each] for each in operands]
        # What is joined is as long as all of it: looked at before there are labels for it.
        if sum(each.size for each in read) > MOST_HELD:
            raise ValueError
        found = Applied(operation, *read, **told)
        if found.size > MOST_IN_A_NODE:
            raise ValueError
        cost = _Cost.of(found, [self._costs[each] for each in operands])
        cost.check()
        self._nodes.append(found)
        self._costs.append(cost)


class _Cost(NamedTuple):
    """What the tree of a node costs.

    Attributes:
        deep: How many levels it has.
        long: How many nodes.
        held: How many numbers all of them have.
        work: How many numbers are read to compute it.
    """

    deep: int
    long: int
    held: int
    work: int

    @classmethod
    def of(cls, applied: Applied, operands: Sequence[_Cost]) -> _Cost:
        """Return the cost of an operation, with that of its operands."""
        return cls(
            1 + max(cost.deep for cost in operands),
            1 + sum(cost.long for cost in operands),
            applied.size + sum(cost.held for cost in operands),
            _work(applied) + sum(cost.work for cost in operands),
        )

    def check(self) -> None:
        """Refuse what costs more than it may."""
        limits = (DEEPEST_DEFINITION, LONGEST_DEFINITION, MOST_HELD, MOST_WORK)
        if any(cost > limit for cost, limit in zip(self, limits, strict=True)):
            raise ValueError


LEAF = _Cost(1, 1, 0, 0)


def _pairs(settings: Any) -> Iterable[tuple[str, Any]]:
    return () if settings is None else settings.items()


def _setting(name: str, told: Any, usual: Any) -> float | str:
    """Return a setting, of the kind that is usual; its text may say lines or name an axis."""
    if isinstance(usual, str):
        return _text(told) if name == "name" else _lines(told)
    number = told if isinstance(usual, float) else _signed(told)
    if isinstance(number, bool) or not isinstance(number, (int, float)):
        raise TypeError
    if not abs(number) <= LARGEST_SETTING or not math.isfinite(number):
        raise ValueError
    return number


def _lines(told: Any) -> str:
    if not isinstance(told, str) or not LINES.fullmatch(told):
        raise ValueError
    return told


def _signed(told: Any) -> int:
    if not isinstance(told, int):
        raise TypeError
    return told


def _work(applied: Applied) -> int:
    """Return about how many numbers an operation reads for all of its cells."""
    if "down" in applied.settings:
        sides = (each.shape for each in (applied, *applied.operands))
        if max(size for side in sides for size in side) > MOST_LINES_OF_WINDOWS:
            raise ValueError
    most = 1
    for operand, pattern in zip(applied.operands, applied.patterns, strict=False):
        lines = zip(pattern, operand.shape, strict=True)
        rows, columns = (len(span.of(0, 0, size)) for span, size in lines)
        most = max(most, rows * columns)
    return A_CALL + applied.size * most
