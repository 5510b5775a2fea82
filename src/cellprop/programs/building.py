"""What a user writes a program with: a function that names what is given, what is learnt and each
step of the forward pass, and returns the losses. The backward steps follow (see `derive`).

Here adjoints are gradients, as in the field: `d_h` is how the loss changes with `h`, and updates
subtract. The loss is summed over all cells of all losses, as the dense network's updates are over
samples; only what is shown as *the loss* is a mean over samples.

    >>> from cellprop.programs.building import function, program
    >>> tanh, squared_error = function("tanh"), function("squared_error")
    >>> @program(inputs=2, outputs=1)
    ... def small(m):
    ...     x = m.given("x", "samples", "inputs")
    ...     W = m.parameter("W", "inputs", "outputs")
    ...     output = m.define("output", tanh(x @ W))
    ...     return squared_error(m.target("y", "samples", "outputs"), output)
    >>> [step.matrices for step in small.program({"samples": 3}).steps if step.kind == "backward"]
    [('d_output', 'slope_output', 'd_W')]

Knows the algebra, programs and update rules; computes nothing but first values.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from types import TracebackType

import numpy as np

from cellprop.algebra import (
    GRADIENTS,
    ONE,
    OPERATIONS,
    Applied,
    Array,
    Axis,
    Backward,
    Expression,
    Matrix,
    Operation,
    apply,
    define,
    derive,
    in_parts,
    mentioned,
    sum_over_columns,
    sum_over_rows,
)
from cellprop.errors import CellpropError, InputError, nearest
from cellprop.programs.program import Forward, Kind, Lane, Program, Role, Step
from cellprop.programs.updating import RATE, Updating, updating

RULES = ("uniform", "normal", "glorot", "he", "zeros", "ones")
"""How a parameter's first values are drawn."""

Losses = Expression | Sequence[Expression]
AxisName = str | int

# Excel reads these as cells: A1 to XFD1048576, and R1C1 with either part missing.
CELL = re.compile(r"[a-z]{1,3}\d{1,7}|r\d*(c\d*)?|c\d*", re.IGNORECASE | re.ASCII)
LONGEST = 255


def function(name: str) -> Callable[..., Applied]:
    """Return the function by which a program applies an operation of the table.

    Raises
    ------
    InputError
        If there is no such operation.
    """
    if name not in OPERATIONS:
        raise InputError(f"there is no operation '{name}'.{nearest(name, OPERATIONS)}")
    return partial(apply, name)


def program(**sizes: int) -> Callable[[Callable[[Builder], Losses]], Written]:
    """Return a decorator that makes a program of a function.

    Parameters
    ----------
    sizes
        How many rows or columns an axis has, by its name; the others are sized by the data.
    """
    return lambda written: Written(written, sizes)


@dataclass(frozen=True)
class Written:
    """A program as a function writes it: declares its steps for axes of any size.

    Attributes:
        function: What is called with a `Builder` and returns the losses.
        sizes: How many rows or columns an axis has, by its name.
    """

    function: Callable[[Builder], Losses]
    sizes: Mapping[str, int]

    @property
    def name(self) -> str:
        """What the function is called."""
        return self.function.__name__

    def program(self, sizes: Mapping[str, int], *, optimizer: str = "sgd") -> Program:
        """Return all steps of an update.

        Parameters
        ----------
        sizes
            How many rows or columns an axis has, for those that the decorator does not size.
        optimizer
            The update rule, of `OPTIMIZERS`.

        Raises
        ------
        CellpropError
            If the function is no program; names the step and the line.
        """
        builder = self.written(sizes)
        return _Back.of(builder, optimizer).program()

    def initialise(self, sizes: Mapping[str, int], seed: int | None = None) -> dict[str, Array]:
        """Return first values of the parameters by name, each drawn by its rule, in order.

        Parameters
        ----------
        sizes
            As of `program`.
        seed
            The same one draws the same numbers.
        """
        builder, draw = self.written(sizes), np.random.default_rng(seed)
        return {p.name: _first(p.shape, builder.rules[p.name], draw) for p in builder.parameters}

    def written(self, sizes: Mapping[str, int]) -> Builder:
        """Return what the function writes, without the steps that follow from it.

        Raises
        ------
        CellpropError
            If the function is no program; names the step and the line.
        """
        for axis, size in sizes.items():
            if self.sizes.get(axis, size) != size:
                raise InputError(
                    f"{self.name} has {self.sizes[axis]} {axis}, the data have {size}."
                )
        builder = Builder({**self.sizes, **sizes})
        try:
            builder.close(self.function(builder))
        except RecursionError:
            raise InputError(f"{self.name} calls itself without end.") from None
        except CellpropError as error:
            raise type(error)(f"{self._place(error.__traceback__, builder)}: {error}") from None
        return builder

    def _place(self, traceback: TracebackType | None, builder: Builder) -> str:
        """Return where in the user's file an error arose, and in which step."""
        place, file = self.name, self.function.__code__.co_filename
        while traceback is not None:
            if traceback.tb_frame.f_code.co_filename == file:
                place = f"{Path(file).name}, line {traceback.tb_lineno}"
            traceback = traceback.tb_next
        return f"{place}, in step '{builder.open_step}'" if builder.open_step else place


def _first(shape: tuple[int, int], rule: str, draw: np.random.Generator) -> Array:
    """Return first values of a parameter whose rows are what enters, and columns what leaves."""
    entering, leaving = shape
    limit = np.sqrt(6.0 / (entering + leaving))
    ways: dict[str, Callable[[], Array]] = {
        "uniform": lambda: draw.random(shape),
        "normal": lambda: draw.standard_normal(shape),
        "glorot": lambda: draw.uniform(-limit, limit, shape),
        "he": lambda: draw.standard_normal(shape) * np.sqrt(2.0 / entering),
        "zeros": lambda: np.zeros(shape),
        "ones": lambda: np.ones(shape),
    }
    return ways[rule]()


@dataclass
class Part:
    """A step as it is written.

    Attributes:
        title: What happens.
        says, note: What is said of it.
        brings: What it defines, in order.
    """

    title: str
    says: str = ""
    note: str = ""
    brings: list[Matrix] = field(default_factory=list)


class Builder:
    """What a program's function is called with: takes down what is given, learnt and defined.

    Attributes:
        sizes: How many rows or columns an axis has, by its name.
        given_matrices, targets, constants, parameters: In the order in which they are named.
        values: The values of the constants, by name.
        rules: How each parameter's first values are drawn, by its name.
        parts: The steps of the forward pass, in order.
        losses: What is to become smaller.
        open_step: The title of the step that is being written; empty between steps.
    """

    def __init__(self, sizes: Mapping[str, int]) -> None:
        self.sizes = dict(sizes)
        self.given_matrices: list[Matrix] = []
        self.targets: list[Matrix] = []
        self.constants: list[Matrix] = []
        self.parameters: list[Matrix] = []
        self.values: dict[str, Array] = {}
        self.rules: dict[str, str] = {}
        self.parts: list[Part] = []
        self.losses: tuple[Matrix, ...] = ()
        self.written_parts: set[Matrix] = set()
        self.open_step = ""
        self._axes: dict[str, Axis] = {}
        self._names: dict[str, str] = {}

    def given(self, name: str, rows: AxisName, columns: AxisName) -> Matrix:
        """Return a Matrix that the data bring, of shape (rows, columns)."""
        self.given_matrices.append(self._matrix(name, rows, columns))
        return self.given_matrices[-1]

    def target(self, name: str, rows: AxisName, columns: AxisName) -> Matrix:
        """Return a Matrix that outputs are compared with, of shape (rows, columns)."""
        self.targets.append(self._matrix(name, rows, columns))
        return self.targets[-1]

    def parameter(
        self, name: str, rows: AxisName, columns: AxisName, start: str = "uniform"
    ) -> Matrix:
        """Return a Matrix that is learnt, of shape (rows, columns); `start` is one of `RULES`."""
        if start not in RULES:
            raise InputError(
                f"{name} starts with one of {', '.join(RULES)}, not '{start}'."
                f"{nearest(start, RULES)}"
            )
        self.parameters.append(self._matrix(name, rows, columns))
        self.rules[name] = start
        return self.parameters[-1]

    def constant(
        self, name: str, values: object, rows: AxisName = "", columns: AxisName = ""
    ) -> Matrix:
        """Return a Matrix that stays as it is; axes without a name are its own."""
        array = np.atleast_2d(np.asarray(values, dtype=float))
        shape = zip((rows, columns), ("rows", "columns"), array.shape, strict=True)
        axes = [axis or f"{name} {side}" for axis, side, _ in shape]
        for axis, size in zip(axes, array.shape, strict=True):
            if isinstance(axis, str) and self.sizes.setdefault(axis, size) != size:
                raise InputError(f"{name} has {size} {axis} where others have {self.sizes[axis]}.")
        matrix = self._matrix(name, *axes)
        if matrix.shape != array.shape:
            raise InputError(f"{name} repeats along an axis where it has several numbers.")
        self.constants.append(matrix)
        self.values[name] = array
        return matrix

    def zeros(self, name: str, rows: AxisName, columns: AxisName) -> Matrix:
        """Return a Matrix of zeros, of shape (rows, columns)."""
        matrix = self._matrix(name, rows, columns)
        self.constants.append(matrix)
        self.values[name] = np.zeros(matrix.shape)
        return matrix

    @contextmanager
    def step(self, title: str, says: str = "", note: str = "") -> Iterator[None]:
        """Open a step: what is defined within it stands on one sheet."""
        if self.open_step:
            raise InputError(f"step '{title}' begins within step '{self.open_step}'.")
        self.parts.append(Part(title, says, note))
        self.open_step = title
        yield
        # Not after an error: its message names the step.
        self.open_step = ""

    def define(self, name: str, expression: Expression) -> Matrix:
        """Return the Matrix that an expression computes, named; with its parts before it."""
        if not isinstance(expression, Expression):
            raise InputError(f"{name} is no expression of matrices.")
        self._check_name(name)
        for operation in _operations(expression):
            if operation.back is None:
                raise InputError(f"{name}: the operation {operation.name} has no derivative.")
        part = self._part
        is_whole = isinstance(expression, Applied) and expression.operation.parts is not None
        whole = expression if is_whole else None
        if isinstance(expression, Applied) and is_whole:

            def keep(what: str, definition: Expression, symbol: str) -> Matrix:
                self._check_name(f"{name}_{what}")
                part.brings.append(define(f"{name}_{what}", definition, symbol))
                self.written_parts.add(part.brings[-1])
                return part.brings[-1]

            entered = expression.operands[0]
            expression = in_parts(expression.operation, entered, keep, **expression.settings)
        part.brings.append(define(name, expression, whole=whole))
        return part.brings[-1]

    def close(self, returned: object) -> None:
        """Take what the function returns for the losses, and check that all is used.

        Raises
        ------
        InputError
            If there is no loss, or something is never used.
        """
        several = returned if isinstance(returned, (list, tuple)) else [returned]
        losses = [loss for loss in several if isinstance(loss, Expression)]
        if not losses or len(losses) < len(several):
            raise InputError("a loss is missing: return one, or a list of several.")
        inner = [loss for loss in losses if not isinstance(loss, Matrix)]
        names = ["loss"] if len(inner) == 1 else [f"loss_{n}" for n in range(1, len(inner) + 1)]
        if inner:
            self.parts.append(Part("Loss"))
        named = iter(names)
        self.losses = tuple(
            loss if isinstance(loss, Matrix) else self.define(next(named), loss) for loss in losses
        )
        self._check_use()

    @property
    def defined(self) -> tuple[Matrix, ...]:
        """What the forward pass computes, in order, with the losses."""
        return tuple(matrix for part in self.parts for matrix in part.brings)

    @property
    def _part(self) -> Part:
        """The step that a definition goes into: one of its own, where none is open."""
        if not self.parts or not (self.open_step or self.parts[-1].title in ("Forward", "Loss")):
            self.parts.append(Part("Forward"))
        return self.parts[-1]

    def _check_use(self) -> None:
        used: set[Matrix] = set()
        waiting: list[Matrix] = list(self.losses)
        while waiting:
            matrix = waiting.pop()
            if matrix not in used:
                used.add(matrix)
                waiting += mentioned(matrix.definition) if matrix.definition else ()
        what = (
            ("parameter", self.parameters),
            ("given matrix", self.given_matrices),
            ("target", self.targets),
        )
        for kind, matrices in what:
            for matrix in matrices:
                if matrix not in used:
                    raise InputError(
                        f"no loss depends on the {kind} {matrix.name}: drop or use it."
                    )
        if not self.parameters:
            raise InputError("there is no parameter, so nothing is learnt.")

    def _matrix(self, name: str, rows: AxisName, columns: AxisName) -> Matrix:
        self._check_name(name)
        return Matrix(name, self._axis(name, rows), self._axis(name, columns))

    def _axis(self, name: str, axis: AxisName) -> Axis:
        if axis == 1:
            return ONE
        if not isinstance(axis, str):
            raise InputError(f"an axis of {name} is a name, or 1 for one that repeats; not {axis}.")
        if axis not in self.sizes:
            raise InputError(
                f"how many {axis} there are is not known: size the axis in the decorator, as in"
                f" @cellprop.program({axis}=3).{nearest(axis, self.sizes)}"
            )
        return self._axes.setdefault(axis, Axis.numbered(axis, self.sizes[axis]))

    def _check_name(self, name: str) -> None:
        """Refuse a name that Excel, Python or R would, or that is there already."""
        if not (isinstance(name, str) and name.isidentifier() and name.isascii()):
            raise InputError(f"'{name}' is no name: take letters, digits and _, a letter first.")
        if CELL.fullmatch(name) or len(name) > LONGEST or name.startswith("_"):
            way_out = f"{name[0]}_{name[1:]}" if name[1:].isdecimal() else f"{name}_"
            raise InputError(f"Excel takes no matrix called {name}: write {way_out[:40]}.")
        if name.lower() == RATE:
            raise InputError(f"{name} is the learning rate: take another name.")
        known = self._names.setdefault(name.lower(), name)
        if name in (matrix.name for matrix in self._all):
            raise InputError(f"the name {name} is used twice.")
        if known != name:
            raise InputError(f"{name} and {known} differ in case only, which Excel ignores.")

    @property
    def _all(self) -> tuple[Matrix, ...]:
        named = (self.given_matrices, self.targets, self.constants, self.parameters, self.defined)
        return tuple(matrix for matrices in named for matrix in matrices)


# --- The steps that follow ----------------------------------------------------------------


@dataclass(frozen=True)
class _Back:
    """The way back of what is written: what `derive` found, by the forward steps.

    Attributes:
        builder: What is written.
        brings: For each forward step, what its backward step brings.
        gradients: For each parameter, the shares of its gradient and then the gradient.
        update: The update of each parameter.
    """

    builder: Builder
    brings: tuple[tuple[Matrix, ...], ...]
    gradients: Mapping[str, tuple[Matrix, ...]]
    slopes: frozenset[str]
    update: Updating

    @classmethod
    def of(cls, builder: Builder, optimizer: str) -> _Back:
        defined = [m for m in builder.defined if m not in builder.losses]
        fixed = (*builder.given_matrices, *builder.targets, *builder.constants)
        backward = derive(
            _total(builder.losses),
            wanted={m.name: (f"d_{m.name}", "") for m in defined},
            slopes={m.name: (f"slope_{m.name}", "") for m in defined},
            given=fixed,
            sign=GRADIENTS,
        )
        gradients = {p.name: _gradient(p, backward) for p in builder.parameters}
        wanted = {**backward.wanted, **{name: each[-1] for name, each in gradients.items()}}
        brings = tuple(_going_back(builder.parts, backward, gradients))
        complete = replace(backward, wanted=wanted)
        update = updating(optimizer, builder.parameters, complete, None, GRADIENTS)
        return cls(
            builder, brings, gradients, frozenset(m.name for m in backward.slopes.values()), update
        )

    def program(self) -> Program:
        """Return all steps of an update."""
        steps, builder = tuple(self._steps()), self.builder
        matrices = tuple(matrix for step in steps for matrix in step.brings)
        _check_distinct(matrices)
        forward = Forward(
            inputs=tuple(builder.given_matrices),
            targets=tuple(builder.targets),
            outputs=tuple(dict.fromkeys(_predictions(builder.losses))),
            scaling=(),
            entered=builder.given_matrices[0] if builder.given_matrices else builder.parameters[0],
            parameters=tuple(builder.parameters),
            brings=tuple(m for m in builder.defined if m not in builder.losses),
            layers=(),
            rest=tuple(builder.constants),
        )
        return Program(
            steps=steps,
            lanes=tuple(Lane(step.key, step.brings) for step in steps),
            forward=forward,
            losses=builder.losses,
            updates=self.update.updates,
            changes=self.update.changes,
            roles=dict(self._roles(matrices)),
        )

    def _steps(self) -> Iterator[Step]:
        builder, update = self.builder, self.update
        steps: list[tuple[str, Kind, str, tuple[Matrix, ...]]] = []
        given = (*builder.given_matrices, *builder.targets, *builder.constants)
        steps.append(("given", "given", "Given", given))
        learnt = (*update.settings.values(), *builder.parameters, *update.remembered.values())
        steps.append(("parameters", "parameters", "Parameters", learnt))
        written = list(enumerate(builder.parts, 1))
        for number, part in written:
            takes_loss = any(matrix in builder.losses for matrix in part.brings)
            kind: Kind = "loss" if takes_loss else "forward"
            steps.append((f"forward_{number}", kind, part.title, tuple(part.brings)))
        for (number, part), brings in zip(written[::-1], self.brings, strict=True):
            steps.append((f"backward_{number}", "backward", f"{part.title}, back", brings))
        new = (m for p in builder.parameters for m in update.brings[p.name])
        steps.append(("update", "update", "Update", (*update.counted, *new)))
        filled = [step for step in steps if step[-1]]
        for number, (key, kind, title, brings) in enumerate(filled):
            yield Step(key, number, kind, brings, title=title)

    def _roles(self, matrices: Sequence[Matrix]) -> Iterator[tuple[str, Role]]:
        builder = self.builder
        entered = {m for each in builder.defined for m in _entered(each)}
        predictions = set(_predictions(builder.losses))
        own = {m.name: role for role, found in self.update.roles for m in found}
        own |= {m.name: "input" for m in (*builder.given_matrices, *builder.constants)}
        own |= {m.name: "target" for m in builder.targets}
        own |= {m.name: "biases" if m.rows is ONE else "weights" for m in builder.parameters}
        own |= {m.name: "change" for found in self.gradients.values() for m in found}
        own |= dict.fromkeys(self.slopes, "slope")
        for matrix in builder.defined:
            role: Role = "entered" if matrix in entered else "activation"
            role = "part" if matrix in builder.written_parts else role
            role = "prediction" if matrix in predictions else role
            own[matrix.name] = "loss" if matrix in builder.losses else role
            own.setdefault(f"d_{matrix.name}", "delta" if role == "entered" else "error")
        yield from ((matrix.name, own[matrix.name]) for matrix in matrices)


def _total(losses: Sequence[Matrix]) -> Expression:
    """Return what is to become smaller: losses of one shape are added cell by cell."""
    first, *others = losses
    if not others:
        return first
    alike = all(m.rows.fits(first.rows) and m.columns.fits(first.columns) for m in others)
    total: Expression = first if alike else sum_over_columns(sum_over_rows(first))
    for loss in others:
        total = total + (loss if alike else sum_over_columns(sum_over_rows(loss)))
    return total


def _gradient(parameter: Matrix, backward: Backward) -> tuple[Matrix, ...]:
    """Return the shares of a parameter's gradient, one for each use, and then the gradient."""
    name, shares = f"d_{parameter.name}", backward.shares[parameter.name]
    if len(shares) == 1:
        return (define(name, shares[0]),)
    named: dict[str, Matrix] = {}
    for share in shares:
        # Called by the last adjoint that it is computed from: `d_W_h_z_2` of `d_z_2`.
        last = [m.name for m in mentioned(share) if m.name.startswith("d_")]
        called = f"{name}_{last[0].removeprefix('d_')}" if last else f"{name}_1"
        unique = called
        number = 2
        while unique in named:
            unique, number = f"{called}_{number}", number + 1
        named[unique] = define(unique, share)
    total: Expression = next(iter(named.values()))
    for each in list(named.values())[1:]:
        total = total + each
    return (*named.values(), define(name, total))


def _going_back(
    parts: Sequence[Part], backward: Backward, gradients: Mapping[str, tuple[Matrix, ...]]
) -> Iterator[tuple[Matrix, ...]]:
    """Yield what each backward step brings: adjoints and slopes of what its forward step defines,
    and of gradients what can be computed by then.
    """
    waiting = [(name, matrix) for name, each in gradients.items() for matrix in each]
    to_come = {matrix.name for _, matrix in waiting} | {m.name for m in backward.slopes.values()}
    to_come |= {each.name for each in backward.wanted.values() if isinstance(each, Matrix)}
    reached: set[str] = set()
    for part in reversed(parts):
        brings: list[Matrix] = []
        for matrix in reversed(part.brings):
            adjoint, slope = backward.wanted.get(matrix.name), backward.slopes.get(matrix.name)
            reached |= {m.name for m in mentioned(matrix.definition or matrix)}
            brings += [adjoint] if isinstance(adjoint, Matrix) else []
            brings += [slope] if slope else []
        to_come -= {matrix.name for matrix in brings}
        for name, matrix in tuple(waiting):
            needs = {m.name for m in mentioned(matrix.definition or matrix)}
            # Not before the step that uses the parameter, even where its numbers are there.
            if name in reached and not needs & to_come:
                brings.append(matrix)
                to_come.remove(matrix.name)
                waiting.remove((name, matrix))
        yield tuple(brings)


def _predictions(losses: Sequence[Matrix]) -> Iterator[Matrix]:
    """Yield what losses compare with targets."""
    for loss in losses:
        if isinstance(loss.definition, Applied) and loss.definition.operation.is_loss:
            output = loss.definition.operands[1]
            yield output if isinstance(output, Matrix) else loss
        else:
            yield loss


def _operations(expression: Expression) -> Iterator[Operation]:
    """Yield the operations that an expression is written with."""
    if isinstance(expression, Applied):
        yield expression.operation
        for operand in expression.operands:
            yield from _operations(operand)


def _entered(matrix: Matrix) -> Iterator[Matrix]:
    """Yield what an activation that defines a matrix is applied to, where it has a name."""
    whole = matrix.whole or matrix.definition
    if isinstance(whole, Applied) and whole.operation.is_activation:
        yield from (m for m in whole.operands if isinstance(m, Matrix))


def _check_distinct(matrices: Sequence[Matrix]) -> None:
    found: dict[str, str] = {}
    count = Counter(matrix.name for matrix in matrices)
    for matrix in matrices:
        other = found.setdefault(matrix.name.lower(), matrix.name)
        if count[matrix.name] > 1 or other != matrix.name:
            raise InputError(
                f"the name {other} is also that of a matrix that follows by itself, {matrix.name}:"
                " take another."
            )
