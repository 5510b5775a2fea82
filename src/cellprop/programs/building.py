"""What a user writes a program with: a function that names what is given, what is learnt and each
step of the forward pass, and returns the losses. The backward steps follow (see `derive`).

Here adjoints are gradients, as in the field: `d_h` is how the loss changes with `h`, and updates
subtract. The loss is summed over all cells of all losses, as the dense network's updates are over
samples; only what is shown as *the loss* is a mean over samples.

    >>> from cellprop.programs.building import program
    >>> from cellprop.programs.functions import squared_error, tanh
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

import keyword
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, NoReturn

import numpy as np

from cellprop.algebra import (
    ONE,
    Applied,
    Array,
    Axis,
    Expression,
    Matrix,
    define,
    in_parts,
    mentioned,
)
from cellprop.errors import CellpropError, InputError, nearest
from cellprop.files.safe import label, looks_like_formula
from cellprop.files.samples import numbers
from cellprop.programs.following import Part, followed, forward_of, operations
from cellprop.programs.program import Forward, Program
from cellprop.programs.updating import RATE

UNIFORM = "uniform"
RULES = (UNIFORM, "normal", "glorot", "he", "zeros", "ones")
"""How a parameter's first values are drawn."""

Losses = Expression | Sequence[Expression]
AxisName = str | int
Size = int | Axis

# Excel reads these as cells: A1 to XFD1048576, and R1C1 with either part missing.
CELL = re.compile(r"[a-z]{1,3}\d{1,7}|r\d*(c\d*)?|c\d*", re.IGNORECASE | re.ASCII)
LONGEST = 255
LONGEST_TITLE = 60
# What Excel takes for values, and what the texts of a step would take for something of their own.
NO_NAMES = frozenset(("true", "false"))
WORDS_OF_R = frozenset((
    "function", "repeat", "next", "NULL", "NA", "NaN", "Inf", "TRUE", "FALSE",
))  # fmt: skip
OURS = {
    RATE: "the learning rate",
    "notation": "the cell of Contents in which a notation is chosen",
    "np": "what NumPy is called",
}
SAMPLES = "samples"


class Sides(NamedTuple):
    """What the rows and the columns of a matrix are called."""

    rows: AxisName
    columns: AxisName


def program(
    over: str = SAMPLES, /, **sizes: int
) -> Callable[[Callable[[Builder], Losses]], Written]:
    """Return a decorator that makes a program of a function.

    Parameters
    ----------
    over
        The axis along which updates see some of what is given, where they don't see all of it.
    sizes
        How many rows or columns an axis has, by its name; the others are sized by the data.
    """
    for axis, size in sizes.items():
        if isinstance(size, bool) or not isinstance(size, int) or size < 1:
            raise InputError(f"{axis}: expected a whole number of at least 1, found {size!r}.")
    return lambda written: Written(written, sizes, over)


@dataclass(frozen=True)
class Written:
    """A program as a function writes it: declares its steps for axes of any size.

    Attributes:
        function: What is called with a `Builder` and returns the losses.
        sizes: How many rows or columns an axis has, by its name.
        over: The axis along which updates see some of what is given.
    """

    function: Callable[[Builder], Losses]
    sizes: Mapping[str, int]
    over: str = SAMPLES

    @property
    def name(self) -> str:
        """What the function is called."""
        return self.function.__name__

    @property
    def about(self) -> str:
        """What the function says of itself, in a line."""
        line, *_ = (self.function.__doc__ or "").strip().split("\n\n")
        return _said(line)

    def program(
        self, sizes: Mapping[str, Size], *, optimizer: str = "sgd", average: bool = False
    ) -> Program:
        """Return all steps of an update.

        Parameters
        ----------
        sizes
            How many rows or columns an axis has, or the axis with its labels, for those that the
            decorator does not size.
        optimizer
            The update rule, of `OPTIMIZERS`.
        average
            Whether gradients are averaged over the samples, not summed.

        Raises
        ------
        CellpropError
            If the function is no program; names the step and the line.
        """
        return self.written(sizes).program(self.over, optimizer, average=average)

    def initialise(self, sizes: Mapping[str, Size], seed: int | None = None) -> dict[str, Array]:
        """Return first values of the parameters by name, each drawn by its rule, in order.

        Parameters
        ----------
        sizes
            As of `program`.
        seed
            The same one draws the same numbers.
        """
        builder = self.written(sizes)
        return first_values(builder.parameters, builder.rules, np.random.default_rng(seed))

    def written(self, sizes: Mapping[str, Size]) -> Builder:
        """Return what the function writes, without the steps that follow from it.

        Raises
        ------
        CellpropError
            If the function is no program; names the step and the line.
        """
        for axis, size in sizes.items():
            count = size if isinstance(size, int) else size.size
            if self.sizes.get(axis, count) != count:
                raise InputError(
                    f"{self.name} has {self.sizes[axis]} {axis}, the data have {count}."
                )
        builder = Builder({**self.sizes, **sizes})
        try:
            builder.close(self.function(builder))
        except RecursionError:
            raise InputError(f"{self.name} calls itself without end.") from None
        except CellpropError as error:
            raise type(error)(f"{self._place(error.__traceback__, builder)}: {error}") from None
        except Exception as error:
            said = f"{type(error).__name__}: {error}".rstrip(".")
            place = self._place(error.__traceback__, builder)
            raise InputError(f"{place}: {' '.join(said.split())}.") from error
        return builder

    def declared(self, known: Mapping[str, tuple[int, int]]) -> Declared:
        """Return what the program takes.

        The function is called with axes of some size where none is known, as often as that tells
        more: what brings a size may stand after what needs it. What fails then is told by whoever
        calls it with all sizes.

        Parameters
        ----------
        known
            The numbers of rows and columns of what the data bring, by name.
        """
        sizes: dict[str, int] = dict(self.sizes)
        while True:
            probe, whole = _Probe(sizes), False
            with suppress(Exception):
                probe.close(self.function(probe))
                whole = True
            found = {**probe.of_constants, **sizes}
            for matrix, axes in probe.declared.items():
                for axis, size in zip(axes, known.get(matrix, ()), strict=False):
                    if isinstance(axis, str):
                        found.setdefault(axis, size)
            if found == sizes:
                return Declared(
                    {m.name: probe.declared[m.name] for m in probe.given_matrices},
                    {m.name: probe.declared[m.name] for m in probe.targets},
                    tuple(m.name for m in probe.parameters),
                    frozenset(_of_classes(probe.losses)),
                    sizes,
                    whole,
                )
            sizes = found

    def _place(self, traceback: TracebackType | None, builder: Builder) -> str:
        """Return where in the user's file an error arose, and in which step."""
        place, file = self.name, self.function.__code__.co_filename
        while traceback is not None:
            if traceback.tb_frame.f_code.co_filename == file:
                place = f"{Path(file).name}, line {traceback.tb_lineno}"
            traceback = traceback.tb_next
        return f"{place}, in step '{builder.open_step}'" if builder.open_step else place


def is_a_name(name: str) -> bool:
    """Whether Excel, Python and R take a text for the name of a matrix."""
    lower = name.lower()
    is_plain = name.isidentifier() and name.isascii() and len(name) <= LONGEST
    is_taken = is_a_word(name) or lower in NO_NAMES or (lower in OURS and lower != RATE)
    return is_plain and not is_taken and not CELL.fullmatch(name) and not name.startswith("_")


def is_a_word(name: str) -> bool:
    """Whether a text is a word of Python or R itself."""
    return keyword.iskeyword(name) or name in WORDS_OF_R


def numbered(axis: str, size: int) -> Axis:
    """Return an axis whose rows or columns have no names of their own: samples are counted, and
    others have the axis's first letter before their number.
    """
    return Axis.numbered(axis, size, "" if axis == SAMPLES else axis[:1])


def _said(text: str) -> str:
    """Return a text of a program in one line.

    Raises
    ------
    InputError
        If a spreadsheet could take it for a formula.
    """
    clean = label(" ".join(str(text).split()))
    if looks_like_formula(clean):
        raise InputError(f"a text may not begin with '{clean[0]}', as formulas do: '{clean[:60]}'.")
    return clean


def first_values(
    parameters: Iterable[Matrix], rules: Mapping[str, str], draw: np.random.Generator
) -> dict[str, Array]:
    """Return first values of parameters by name, drawn in order.

    Parameters
    ----------
    parameters
        Their rows are what enters, and their columns what leaves.
    rules
        By which each is drawn, by its name; the usual one where none is told.
    draw
        A source of chance.
    """
    return {p.name: _first(p.shape, rules.get(p.name, UNIFORM), draw) for p in parameters}


def _first(shape: tuple[int, int], rule: str, draw: np.random.Generator) -> Array:
    entering, leaving = shape
    limit = np.sqrt(6.0 / (entering + leaving))
    ways: dict[str, Callable[[], Array]] = {
        UNIFORM: lambda: draw.random(shape),
        "normal": lambda: draw.standard_normal(shape),
        "glorot": lambda: draw.uniform(-limit, limit, shape),
        "he": lambda: draw.standard_normal(shape) * np.sqrt(2.0 / entering),
        "zeros": lambda: np.zeros(shape),
        "ones": lambda: np.ones(shape),
    }
    return ways[rule]()


class Declared(NamedTuple):
    """What a program takes from data.

    Attributes:
        given, targets: What the axes of each matrix are called, by its name.
        parameters: The names of what is learnt.
        of_classes: The names of those targets that have a column for each class.
        sizes: How many rows or columns an axis has, by its name, as far as that is known.
        whole: Whether that is all; else the function failed on the way.
    """

    given: Mapping[str, Sides]
    targets: Mapping[str, Sides]
    parameters: tuple[str, ...]
    of_classes: frozenset[str]
    sizes: Mapping[str, int]
    whole: bool


def _of_classes(losses: Iterable[Matrix]) -> Iterator[str]:
    """Yield the names of the targets that losses take for classes."""
    for loss in losses:
        if isinstance(loss.definition, Applied) and loss.definition.operation.takes_classes:
            wanted = loss.definition.operands[0]
            yield from [wanted.name] if isinstance(wanted, Matrix) else []


class AsWritten:
    """What models of written programs have in common: such a program is shown as it is, and says
    itself how its inputs are scaled, if they are.
    """

    @property
    def scale(self) -> str | None:
        """How inputs are scaled first: as its steps say."""
        return None

    @property
    def neurons(self) -> tuple[int, ...]:
        """Which neurons are shown: all."""
        return ()

    def only(self, neurons: Iterable[int]) -> NoReturn:
        """Refuse: what of a program could be left out, only who wrote it knows.

        Raises
        ------
        InputError
            Always.
        """
        named = ",".join(map(str, neurons))
        raise InputError(
            f"neurons {named}: {self._called} is a program, which is shown as it is written;"
            " leave them out."
        )

    def rest(self, samples: Axis) -> NoReturn:
        """Refuse, as `only` does: nothing is left out."""
        raise InputError(f"all {samples.size} {samples.name} are shown in full.")

    @property
    def _called(self) -> str:
        raise NotImplementedError


@dataclass(frozen=True)
class Sized(AsWritten):
    """A written program for axes of known sizes, with how it is trained: a model, as a network is.

    Attributes:
        written: What a function writes.
        axes: The axes that data size, with their labels; but for the samples.
        optimizer: The update rule, of `OPTIMIZERS`.
        average: Whether gradients are averaged over the samples, not summed.
    """

    written: Written
    axes: Mapping[str, Axis]
    optimizer: str = "sgd"
    average: bool = False

    def program(self, samples: Axis, *, whole: bool = True) -> Program:  # noqa: ARG002 - a model's
        """Return all steps of an update, for some samples; `ONE` where the program has none."""
        return self.followed(self.of(samples))

    def followed(self, builder: Builder) -> Program:
        """Return all steps of an update, of what the function wrote for some samples."""
        program = builder.program(self.written.over, self.optimizer, average=self.average)
        return replace(program, name=self.written.name, about=self.written.about)

    def forward(self, samples: Axis) -> Forward:
        """Return the part that predicts, for other samples."""
        return forward_of(self.of(samples))

    def of(self, samples: Axis) -> Builder:
        """Return what the function writes for some samples; `values` has its constants."""
        own = {} if samples is ONE else {self.written.over: samples}
        return self.written.written({**self.axes, **own})

    @property
    def _called(self) -> str:
        return self.written.name


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
        declared: What the axes of each matrix are called that no step computes.
    """

    def __init__(self, sizes: Mapping[str, Size]) -> None:
        self._axes = {name: axis for name, axis in sizes.items() if isinstance(axis, Axis)}
        counted = ((name, n.size if isinstance(n, Axis) else n) for name, n in sizes.items())
        self.sizes = dict(counted)
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
        self._names: dict[str, str] = {}
        self.declared: dict[str, Sides] = {}

    def axis(self, name: str) -> Axis:
        """Return the axis of a name; `ONE` if the program has none."""
        return self._axes.get(name, ONE)

    def given(self, name: str, rows: AxisName, columns: AxisName) -> Matrix:
        """Return a Matrix that the data bring, of shape (rows, columns)."""
        self.given_matrices.append(self._matrix(name, rows, columns))
        return self.given_matrices[-1]

    def target(self, name: str, rows: AxisName, columns: AxisName) -> Matrix:
        """Return a Matrix that outputs are compared with, of shape (rows, columns)."""
        self.targets.append(self._matrix(name, rows, columns))
        return self.targets[-1]

    def parameter(
        self, name: str, rows: AxisName, columns: AxisName, start: str = UNIFORM
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
        array = np.atleast_2d(numbers(name, values))
        if array.ndim != 2:
            raise InputError(f"{name} has {array.ndim} dimensions; a matrix has two.")
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
        title, says, note = (_said(text) for text in (title, says, note))
        if not title or len(title) > LONGEST_TITLE:
            raise InputError(
                f"a step has a title of 1 to {LONGEST_TITLE} characters, found '{title[:80]}'."
            )
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
        for operation in operations(expression):
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

    def program(self, over: str, optimizer: str, *, average: bool) -> Program:
        """Return all steps of an update.

        Parameters
        ----------
        over
            The axis along which updates see some of what is given; no program need have it.
        optimizer
            The update rule, of `OPTIMIZERS`.
        average
            Whether gradients are averaged along it, not summed.

        Raises
        ------
        InputError
            If a matrix that follows by itself has a name that is taken.
        """
        return followed(self, self.axis(over), optimizer, average=average)

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
        self.declared[name] = Sides(rows, columns)
        return Matrix(name, self._axis(name, rows), self._axis(name, columns))

    def _axis(self, name: str, axis: AxisName) -> Axis:
        if axis == 1:
            return ONE
        if not isinstance(axis, str):
            raise InputError(f"an axis of {name} is a name, or 1 for one that repeats; not {axis}.")
        if not axis.strip() or label(axis) != axis or len(axis) > LONGEST_TITLE:
            raise InputError(f"an axis of {name} is called '{axis[:60]}': take a short word.")
        if axis not in self.sizes:
            raise InputError(
                f"how many {axis} there are is not known: size the axis in the decorator, as in"
                f" @cellprop.program({axis}=3).{nearest(axis, self.sizes)}"
            )
        return self._axes.setdefault(axis, numbered(axis, self.sizes[axis]))

    def _check_name(self, name: str) -> None:
        """Refuse a name that Excel, Python or R would, or that is there already."""
        if not (isinstance(name, str) and name.isidentifier() and name.isascii()):
            raise InputError(f"'{name}' is no name: take letters, digits and _, a letter first.")
        lower = name.lower()
        if is_a_word(name):
            raise InputError(f"{name} is a word of Python or R itself: write {name}_.")
        if lower in OURS:
            raise InputError(f"{name} is {OURS[lower]}: take another name.")
        if not is_a_name(name):
            way_out = f"{name[0]}_{name[1:]}" if name[1:].isdecimal() else f"{name}_"
            raise InputError(f"Excel takes no matrix called {name}: write {way_out[:40]}.")
        known = self._names.get(lower)
        if known == name:
            raise InputError(f"the name {name} is used twice.")
        if known is not None:
            raise InputError(f"{name} and {known} differ in case only, which Excel ignores.")
        self._names[lower] = name


# Of how many rows or columns an axis is, while nobody knows.
SOME = 2


class _Probe(Builder):
    """A builder that takes any axis, of some size where none is known: to see what a program takes.

    Attributes:
        of_constants: The sizes of axes that constants bring.
    """

    def __init__(self, sizes: Mapping[str, Size]) -> None:
        super().__init__(sizes)
        self.of_constants: dict[str, int] = {}

    def constant(
        self, name: str, values: object, rows: AxisName = "", columns: AxisName = ""
    ) -> Matrix:
        """Return a constant; notes what it sizes."""
        shape = np.atleast_2d(np.asarray(values)).shape
        for axis, size in zip((rows, columns), shape, strict=False):
            if isinstance(axis, str) and axis and axis not in self.sizes:
                self.of_constants[axis] = size
        return super().constant(name, values, rows, columns)

    def _axis(self, name: str, axis: AxisName) -> Axis:
        if isinstance(axis, str) and axis not in self.sizes:
            return self._axes.setdefault(axis, numbered(axis, SOME))
        return super()._axis(name, axis)
