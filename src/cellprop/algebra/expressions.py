"""Expressions: matrices, numbers, operations applied to them; and what an operation says of itself.

This is what every other module of the algebra builds on. It knows the shape of a row of the table,
and holds the registry in which rows are looked up; the registry is empty until `operations` fills
it. It must not know any operation, notation, formula or derivative.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from inspect import signature
from types import MappingProxyType
from typing import Literal, SupportsIndex, TypeGuard

import numpy as np
from numpy.typing import NDArray

from cellprop.algebra.lines import Key, is_key, setting_for
from cellprop.algebra.spans import SAME, Pattern
from cellprop.errors import InputError, nearest

Array = NDArray[np.float64]
Setting = float | str
"""What an operation is told beside its operands: a leak, a side, …"""


# What a value calls an operand that only lends its axes.
LENDS = "like"
# A higher power is a slip, or would make numbers overflow.
MOST_POWER = 12


# --- Axes ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Axis:
    """One side of a matrix: what its rows or columns stand for.

    Attributes:
        name: What one row or column is one of: `samples`, `inputs`, `hidden`, …
        labels: A label for each.
        zero: What 0 in the only column stands for, where 1 stands for its label.
    """

    name: str
    labels: tuple[str, ...]
    zero: str = ""

    @classmethod
    def numbered(cls, name: str, size: int, prefix: str = "") -> Axis:
        """Return the Axis of `size` rows or columns labelled `prefix1` … `prefix<size>`."""
        return cls(name, tuple(f"{prefix}{i}" for i in range(1, size + 1)))

    @cached_property
    def size(self) -> int:
        """How many rows or columns there are."""
        return len(self.labels)

    def __reduce_ex__(self, protocol: SupportsIndex) -> str | tuple[object, ...]:
        # There is one `ONE`, after copying and pickling as well.
        return "ONE" if self is ONE else super().__reduce_ex__(protocol)

    def fits(self, other: Axis) -> bool:
        """Whether the two axes stand for the same things."""
        return self.name == other.name and self.size == other.size


ONE = Axis("one", ("",))
"""The axis of a single row or column that stands for all: it repeats (broadcasts) to fit."""


# --- Expressions --------------------------------------------------------------------------


class Expression:
    """Something with rows, columns and a value for each cell. Composes with `@ + - * / .T`, with
    others and with numbers on either side.

    Attributes:
        rows: What its rows stand for.
        columns: What its columns stand for.
    """

    # An array beside an expression is refused as a whole, not taken element by element.
    __array_ufunc__ = None

    rows: Axis
    columns: Axis

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns)."""
        return self.rows.size, self.columns.size

    @property
    def size(self) -> int:
        """How many numbers it has."""
        return self.rows.size * self.columns.size

    def fits(self, other: Expression) -> bool:
        """Whether the rows of both, and the columns, stand for the same things."""
        return self.rows.fits(other.rows) and self.columns.fits(other.columns)

    @property
    def is_scalar(self) -> bool:
        """Whether it is one number for all rows and columns."""
        return self.rows is ONE and self.columns is ONE

    @property
    def T(self) -> Expression:  # noqa: N802 - NumPy's name
        """The transpose, of shape (columns, rows); that of a transpose is what was transposed."""
        return Applied("transpose", self)

    # It has rows and columns, which no loop goes through.
    __iter__: None = None

    def __getitem__(self, key: Key | tuple[Key, Key]) -> Expression:
        """Return some rows and columns, as NumPy does of an array with two axes; a single one that
        is picked by its number stands for all rows or columns, and repeats.
        """
        return _sliced(self, *(key if isinstance(key, tuple) else (key, slice(None))))

    def __matmul__(self, other: Expression) -> Applied:
        return Applied("product", self, expression_of(other))

    def __add__(self, other: Expression | float) -> Applied:
        if _is_below_0(other):
            return self - abs(other)
        return Applied("add", self, expression_of(other))

    def __radd__(self, other: float) -> Expression:
        # `sum` begins with 0.
        return self if isinstance(other, int) and other == 0 else expression_of(other) + self

    def __sub__(self, other: Expression | float) -> Applied:
        if _is_below_0(other):
            return self + abs(other)
        return Applied("subtract", self, expression_of(other))

    def __rsub__(self, other: float) -> Applied:
        return Applied("subtract", expression_of(other), self)

    def __neg__(self) -> Applied:
        return 0 - self

    def __mul__(self, other: Expression | float) -> Applied:
        if _is_below_0(other):
            return 0 - self * abs(other)
        other = expression_of(other)
        return Applied("scale" if self.is_scalar or other.is_scalar else "multiply", self, other)

    def __rmul__(self, other: float) -> Applied:
        if _is_below_0(other):
            return 0 - abs(other) * self
        return expression_of(other) * self

    def __pow__(self, exponent: float) -> Expression:
        return power(self, exponent)

    def __truediv__(self, other: Expression | float) -> Applied:
        if _is_below_0(other):
            return 0 - self / abs(other)
        return Applied("divide", self, expression_of(other))

    def __rtruediv__(self, other: float) -> Applied:
        if _is_below_0(other):
            return 0 - abs(other) / self
        return expression_of(other) / self


@dataclass(frozen=True, eq=False)
class Matrix(Expression):
    """A named matrix: given, or defined by an expression of earlier ones.

    Attributes:
        name: Valid as a name in Python, R and Excel.
        rows: What its rows stand for.
        columns: What its columns stand for.
        definition: The expression that computes it; None when it is given.
        symbol: Its letter in mathematical notation; its name when empty.
        whole: The one operation that the definition is the last part of, such as `softmax`;
            `derive` goes back through it in one. None when the definition says it all.
    """

    name: str
    rows: Axis
    columns: Axis
    definition: Expression | None = None
    symbol: str = ""
    whole: Expression | None = None

    def __repr__(self) -> str:
        rows, columns = self.rows, self.columns
        return f"<{self.name}: {rows.size} {rows.name} × {columns.size} {columns.name}>"


@dataclass(frozen=True, eq=False)
class Number(Expression):
    """A constant, such as the 1 of `1 - output`. Not negative: write a subtraction.

    Attributes:
        value: The number, finite and not negative.
        rows, columns: It stands for all of them.
    """

    value: float
    rows: Axis = ONE
    columns: Axis = ONE

    def __post_init__(self) -> None:
        if not 0 <= self.value < np.inf:
            raise InputError(
                f"a constant in an expression is finite and not negative, not {self.value}; write"
                " a subtraction."
            )


class Applied(Expression):
    """An operation applied to its operands.

    Attributes:
        operation: The row of the table that says all about it.
        operands: What it is applied to, in order.
        settings: What it is told beside them: the row's own, or others given by name.
    """

    def __init__(
        self, operation: str | Operation, *operands: Expression, **settings: Setting
    ) -> None:
        self.operation = OPERATIONS[operation] if isinstance(operation, str) else operation
        self.operands = operands
        self.settings = self.operation.with_usual(settings)
        self.rows, self.columns = self.operation.axes(operands, **self.settings)

    def __reduce__(self) -> tuple[object, ...]:
        # What follows from these is found again; tables of settings can't be pickled.
        return partial(Applied, **self.settings), (self.operation, *self.operands)  # type: ignore[arg-type]

    @property
    def T(self) -> Expression:  # noqa: N802 - NumPy's name
        """The transpose, of shape (columns, rows); that of a transpose is what was transposed."""
        return self.operands[0] if self.is_transpose else super().T

    @property
    def is_elementwise(self) -> bool:
        """Whether each cell is computed from the same cell of its operands, as in maths."""
        reads = self.operation.reads
        return not callable(reads) and all(pattern == SAME for pattern in reads)

    @property
    def is_transpose(self) -> bool:
        """Whether it is its operand in the other order, and nothing else."""
        return self.operation.name == "transpose"

    def of(self, *operands: Expression) -> Applied:
        """Return the same operation, set alike, applied to other operands."""
        return Applied(self.operation, *operands, **self.settings)

    @cached_property  # asked for again with every value
    def function(self) -> Callable[..., Array]:
        """What computes its value, an array of shape (rows, columns), from its operands'."""
        function = self.operation.value
        return partial(function, **self.settings) if self.settings else function

    @property
    def fast_function(self) -> Callable[..., Array]:
        """The same for training, where speed matters more than the last bit."""
        function = self.operation.fast or self.operation.value
        return partial(function, **self.settings) if self.settings else function

    @property
    def patterns(self) -> tuple[Pattern, ...]:
        """For each operand that is read, which of its cells the cell at (row, column) reads."""
        reads = self.operation.reads
        return reads(self) if callable(reads) else reads


def define(
    name: str, definition: Expression, symbol: str = "", whole: Expression | None = None
) -> Matrix:
    """Return the Matrix `name` that an expression computes, with the expression's axes."""
    return Matrix(name, definition.rows, definition.columns, definition, symbol, whole)


def apply(operation: str | Operation, *operands: Expression, **settings: Setting) -> Applied:
    """Return an expression of any operation.

    Parameters
    ----------
    operation
        Its name in the table, such as `sigmoid`; or a row that is not in it, because no step
        computes with it.
    operands
        What it is applied to.
    settings
        What it is told beside them, such as `leak=0.2`; what is left out is as usual.

    Raises
    ------
    InputError
        If the operation has no such setting.
    ShapeError
        If the operands' axes don't fit.
    """
    return Applied(operation, *operands, **settings)


def _sliced(operand: Expression, *keys: Key) -> Expression:
    """Return some rows and columns of an expression."""
    if len(keys) != 2 or not all(map(is_key, keys)):
        raise InputError(
            "rows and columns are picked by whole numbers and slices, as in X[0:3, 1]."
        )
    sides = zip(keys, (operand.rows, operand.columns), strict=True)
    # Of one line that stands for all, the first is that line.
    rows, columns = (
        "" if axis is ONE and setting == "0" else setting
        for axis, setting in ((axis, setting_for(key, axis.size)) for key, axis in sides)
    )
    if not rows and not columns:
        return operand
    return Applied("slice", operand, rows=rows, columns=columns)


def power(operand: Expression, exponent: float) -> Expression:
    """Return the expression of each number to a power, of the operand's shape.

    Parameters
    ----------
    operand
        Of shape (rows, columns).
    exponent
        A whole number, or a half for the square root; what is below 0 divides.

    Raises
    ------
    InputError
        If it is any other: spreadsheets differ on these.
    """
    if not isinstance(exponent, (int, float, np.integer, np.floating)):
        raise InputError("an exponent is a number, such as the 3 of x ** 3.")
    if -MOST_POWER <= exponent < 0:
        return 1 / power(operand, -exponent)
    if exponent == 0.5:
        return square_root(operand)
    if exponent not in range(MOST_POWER + 1):
        raise InputError(
            f"an exponent is a whole number up to {MOST_POWER}, or 0.5; not {exponent}."
        )
    if exponent in (0, 1):
        return operand if exponent else Applied("ones", operand)
    if exponent == 2:
        return square(operand)
    return Applied("power", operand, exponent=int(exponent))


def sum_over_rows(operand: Expression) -> Applied:
    """Return the row of column sums, of shape (1, columns)."""
    return Applied("sum_over_rows", operand)


def sum_over_columns(operand: Expression) -> Applied:
    """Return the column of row sums, of shape (rows, 1)."""
    return Applied("sum_over_columns", operand)


def square(operand: Expression) -> Applied:
    """Return the expression of each number times itself, of the operand's shape."""
    return Applied("square", operand)


def square_root(operand: Expression) -> Applied:
    """Return the expression of the square root of each number, of the operand's shape."""
    return Applied("square_root", operand)


def exp(operand: Expression) -> Applied:
    """Return the expression of e to the power of each number, of the operand's shape."""
    return Applied("exponential", operand)


def log(operand: Expression) -> Applied:
    """Return the expression of the natural logarithm of each number, of the operand's shape; what
    is 0 or less is taken for the least number above 0 that counts.
    """
    return Applied("logarithm", operand)


def maximum(first: Expression | float, second: Expression | float) -> Applied:
    """Return the expression of the larger of two numbers; an axis of one repeats to fit."""
    return Applied("maximum", expression_of(first), expression_of(second))


def minimum(first: Expression | float, second: Expression | float) -> Applied:
    """Return the expression of the smaller of two numbers; an axis of one repeats to fit."""
    return Applied("minimum", expression_of(first), expression_of(second))


def in_parts(
    operation: str | Operation, operand: Expression, keep: Keep, **settings: Setting
) -> Expression:
    """Return an activation written out, its parts named by `keep` if it has parts.

    Parameters
    ----------
    operation
        An activation of the table.
    operand
        What it is applied to, of shape (rows, columns).
    keep
        Told each part before the last: its name, expression and symbol; returns what to go on with.
    settings
        As of `apply`.

    Returns
    -------
    Expression
        The last part, of the operand's shape.
    """
    row = OPERATIONS[operation] if isinstance(operation, str) else operation
    if row.parts is None:
        return Applied(row, operand, **settings)
    return row.parts(operand, keep, **row.with_usual(settings))


def put_together(activation: Applied, operand: Expression) -> Expression:
    """Return an activation of an operand as one Expression of plain operations: its parts put into
    one another.
    """
    return in_parts(activation.operation, operand, lambda _, part, __: part, **activation.settings)


def mentioned(expression: Expression) -> Iterable[Matrix]:
    """Yield each Matrix that an expression is written with, as often as it is."""
    if isinstance(expression, Matrix):
        yield expression
    elif isinstance(expression, Applied):
        for operand in expression.operands:
            yield from mentioned(operand)


def expression_of(operand: Expression | float) -> Expression:
    """Return an expression as it is, and a number as a constant; of one below 0 the difference.

    Raises
    ------
    InputError
        If it is neither.
    """
    if isinstance(operand, Expression):
        return operand
    if _is_below_0(operand):
        return 0 - Number(abs(float(operand)))
    if isinstance(operand, (int, float, np.integer, np.floating)):
        return Number(float(operand))
    raise InputError(
        f"an expression takes matrices and numbers, not {type(operand).__name__}: give an array a"
        " name, as a Matrix."
    )


def _is_below_0(operand: object) -> TypeGuard[float]:
    """Whether it is a number that a subtraction has in place of a constant."""
    is_number = isinstance(operand, (int, float, np.integer, np.floating))
    return is_number and -np.inf < operand < 0  # type: ignore[operator]


# --- What an operation says of itself -----------------------------------------------------

Notation = Literal["maths", "numpy", "r", "excel", "torch"]
NOTATIONS: tuple[Notation, ...] = ("maths", "numpy", "r", "excel")
"""Those that stand beside every formula. A script of its own may be written in the fifth."""
Range = tuple[float, float]
"""The least number and the largest."""

Keep = Callable[[str, Expression, str], Expression]
"""Names a part of an operation: takes its name, expression and symbol, returns what to go on with.
"""


@dataclass(frozen=True)
class Form:
    """How an operation is written in one notation.

    Attributes:
        template: The text, with `{0}`, `{1}` for the operands and `{leak}` for a setting.
        binds: How tightly the text holds together; see `notation`.
        needs: For each operand, the least it must bind to stand without parentheses.
    """

    template: str
    binds: int
    needs: tuple[int, ...]


Notated = Form | Callable[["Applied"], Form]
"""A form, or what gives one for the operands there are."""


@dataclass(frozen=True)
class CellTexts:
    """The formula text of every cell of an expression.

    Attributes:
        texts: A list of rows of texts.
        binds: How tightly each text holds together.
        lies: How a row of a plain or transposed matrix lies on the sheet, `across` or `down`, so
            that its first and last cells make a range; None for anything computed.
        may_be_blank: Whether its cells may be cleared, so that it is no matrix to MMULT.
    """

    texts: list[list[str]]
    binds: int
    lies: Literal["across", "down"] | None = None
    may_be_blank: bool = False


CellForm = Callable[["Applied", Sequence[CellTexts]], CellTexts]
RangeForm = Callable[["Applied", Sequence[Range]], Range]


@dataclass(frozen=True)
class Targets:
    """What a loss can compare outputs with.

    Attributes:
        least, most: Between which numbers each target lies.
        total: What the targets of a sample add up to; None if that does not matter.
    """

    least: float
    most: float
    total: float | None = None


@dataclass(frozen=True)
class Operation:
    """A row of the table: everything there is to know about one operation.

    Every function of a row is also given the row's settings, by name; those that take an `Applied`
    find them there.

    Attributes:
        name: How expressions call it.
        value: Its value, computed in the order in which a spreadsheet computes the formula, so
            that the stored numbers do not depend on the machine's linear algebra library.
        reads: For each operand, the cells that the cell at (row, column) reads; or what says so
            for the operands there are.
        maths, numpy, r, excel: How it is written for whole matrices.
        torch: How it is written in PyTorch, where that is not NumPy's text with another name for
            the library, or where only PyTorch's own goes back as the row's `back` does.
        cells: How it is written for each cell.
        worked: How a cell is worked out with numbers, element by element, where that is not as in
            maths: a student can't calculate with a letter, as in `σ(x)`.
        axes: The axes of the result, from the operands.
        back: The derivative: called with the adjoint of the result, the result and the operands,
            it returns the adjoint of each operand; None for one that nothing goes back to, such as
            targets that are taken for fixed (see `derivative`).
        range: Between which numbers the result stays, from those between which the operands do.
        settings: What it can be told beside its operands, with what is usual.
        fast: Its value for training, where speed matters more than the last bit.
        is_linear: Whether a factor of its first operand is one of the result, so that a minus sign
            before the one is as good before the other.
        slope: Of an activation that works element by element: its local derivative, from its output
            and its input.
        parts: Of an activation that is shown in parts: written out with each part named.
        bounds: Of an activation: between which numbers its outputs lie, where they don't go on and
            on. Between 0 and 1 they can be read as probabilities, and decide.
        cancels: Of a loss: the activations whose slope cancels against its derivative, and what is
            left: the derivative by the activation's input, from the loss's operands.
        targets: Of a loss: what it can compare outputs with; None if with any numbers.
    """

    name: str
    value: Callable[..., Array]
    reads: tuple[Pattern, ...] | Callable[[Applied], tuple[Pattern, ...]]
    maths: Notated
    numpy: Notated
    r: Notated
    excel: Notated
    cells: CellForm
    axes: Callable[..., tuple[Axis, Axis]]
    back: Callable[..., tuple[Expression | None, ...]] | None = None
    range: RangeForm | None = None
    settings: Mapping[str, Setting] = field(default_factory=lambda: MappingProxyType({}))
    fast: Callable[..., Array] | None = None
    worked: Notated | None = None
    is_linear: bool = False
    slope: Callable[..., Expression] | None = None
    parts: Callable[..., Expression] | None = None
    bounds: Range | None = None
    cancels: Mapping[str, Callable[..., Expression]] | None = None
    targets: Targets | None = None
    torch: Notated | None = None

    def __reduce_ex__(self, protocol: SupportsIndex) -> str | tuple[object, ...]:
        # A row of the table is copied and pickled as a name: its functions can't be pickled.
        if OPERATIONS.get(self.name) is self:
            return _in_the_table, (self.name,)
        return super().__reduce_ex__(protocol)

    def takes(self, count: int) -> bool:
        """Whether it can be applied to so many operands: as many as its value is computed from,
        and one that only lends its axes.
        """
        least, most = self._operands
        return least <= count <= most

    @cached_property  # asked of each node of a question
    def _operands(self) -> tuple[float, float]:
        """How many operands it takes, at least and at most."""
        if isinstance(self.value, np.ufunc):
            return self.value.nin, self.value.nin
        least = most = 0
        for each in signature(self.value).parameters.values():
            if each.kind is each.VAR_POSITIONAL:
                return max(least, 1), float("inf")
            if each.kind is each.POSITIONAL_OR_KEYWORD and each.name not in self.settings:
                least += each.default is each.empty
                most += each.default is each.empty or each.name == LENDS
        return least, most

    @property
    def is_activation(self) -> bool:
        """Whether neurons can apply it to their input."""
        return self.slope is not None or self.parts is not None

    @property
    def is_loss(self) -> bool:
        """Whether it compares targets with outputs."""
        return self.cancels is not None

    @property
    def mixes_columns(self) -> bool:
        """Whether an activation's outputs depend on one another, as the softmax's do."""
        return self.parts is not None

    @property
    def is_identity(self) -> bool:
        """Whether an activation passes its input on as it is."""
        return self.is_activation and isinstance(self.maths, Form) and self.maths.template == "{0}"

    @property
    def decides(self) -> bool:
        """Whether an activation's outputs can be read as probabilities: they lie from 0 to 1."""
        return self.bounds == (0.0, 1.0)

    @property
    def takes_classes(self) -> bool:
        """Whether a loss compares shares of a whole: its targets are a column for each class."""
        return self.targets is not None and self.targets.total is not None

    @property
    def words(self) -> str:
        """The key under which the words for an activation or a loss stand."""
        return f"{'losses' if self.is_loss else 'activations'}.{self.name}"

    def with_usual(self, given: Mapping[str, Setting]) -> Mapping[str, Setting]:
        """Return all settings by name: those given, the others as usual.

        Raises
        ------
        InputError
            If there is no such setting.
        """
        for name in given:
            if name not in self.settings:
                known = ", ".join(self.settings) or "none"
                raise InputError(
                    f"the operation {self.name} has no setting '{name}'; there are: {known}."
                    f"{nearest(name, self.settings)}"
                )
        return {**self.settings, **given} if given else self.settings


OPERATIONS: dict[str, Operation] = {}
"""The registry: every operation by name. Empty here; `operations` fills it."""


def _in_the_table(name: str) -> Operation:
    return OPERATIONS[name]


def activations() -> tuple[str, ...]:
    """Return the names (str) of the table's activations."""
    return tuple(name for name, row in OPERATIONS.items() if row.is_activation)


def losses() -> tuple[str, ...]:
    """Return the names (str) of the table's losses."""
    return tuple(name for name, row in OPERATIONS.items() if row.is_loss)
