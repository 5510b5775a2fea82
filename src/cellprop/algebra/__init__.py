"""Matrix expressions, and the ways to read one.

An expression is written once and read in several ways: its **value** (a NumPy array), the
**formula** of each of its cells, the cells it **reads**, and its text in maths, NumPy, R and
whole-matrix Excel. Everything cellprop shows is such a reading, so the numbers, the formulas
and the highlights cannot disagree.

    >>> X = Matrix("X", Axis.numbered("samples", 3), Axis.numbered("inputs", 2))
    >>> wh = Matrix("wh", Axis.numbered("inputs", 2), Axis.numbered("hidden", 4))
    >>> bh = Matrix("bh", ONE, Axis.numbered("hidden", 4))
    >>> hidden_layer_input = X @ wh + bh
    >>> text(hidden_layer_input, "numpy")
    'X @ wh + bh'
    >>> text(hidden_layer_input, "excel")
    'MMULT(X,wh)+bh'
    >>> {m.name: sorted(p) for m, p in reads(hidden_layer_input).items()}
    {'X': [('row', 'all')], 'wh': [('all', 'column')], 'bh': [('all', 'column')]}

An operation is a row in `OPERATIONS`; adding one touches that table and nothing else. This
module knows nothing of networks, steps, sheets or files.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cellprop.errors import InputError, ShapeError

Array = NDArray[np.float64]
Notation = Literal["maths", "numpy", "r", "excel"]
NOTATIONS: tuple[Notation, ...] = ("maths", "numpy", "r", "excel")

# A product of at most this many terms is spelled out, since a student reads it.
SPELLED_OUT = 8


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
        """Return an axis labelled `prefix1` … `prefix<size>`."""
        return cls(name, tuple(f"{prefix}{i}" for i in range(1, size + 1)))

    @cached_property
    def size(self) -> int:
        """How many rows or columns there are."""
        return len(self.labels)

    def fits(self, other: Axis) -> bool:
        """Whether the two axes stand for the same things."""
        return self.name == other.name and self.size == other.size


ONE = Axis("one", ("",))
"""The axis of a single row or column that stands for all: it repeats (broadcasts) to fit."""


# --- Expressions --------------------------------------------------------------------------


class Expression:
    """Something with rows, columns and a value for each cell. Composes with `@ + - * / .T`, with
    others and with numbers on either side.
    """

    # An array beside an expression is refused as a whole, not taken element by element.
    __array_ufunc__ = None

    rows: Axis
    columns: Axis

    @property
    def is_scalar(self) -> bool:
        """Whether it is one number for all rows and columns."""
        return self.rows is ONE and self.columns is ONE

    @property
    def T(self) -> Applied:  # noqa: N802 - NumPy's name
        """The transpose."""
        return Applied("transpose", self)

    def __matmul__(self, other: Expression) -> Applied:
        return Applied("product", self, _expression(other))

    def __add__(self, other: Expression | float) -> Applied:
        return Applied("add", self, _expression(other))

    def __radd__(self, other: float) -> Expression:
        # `sum` begins with 0.
        return self if isinstance(other, int) and other == 0 else _expression(other) + self

    def __sub__(self, other: Expression | float) -> Applied:
        return Applied("subtract", self, _expression(other))

    def __rsub__(self, other: float) -> Applied:
        return Applied("subtract", _expression(other), self)

    def __neg__(self) -> Applied:
        return 0 - self

    def __mul__(self, other: Expression | float) -> Applied:
        other = _expression(other)
        return Applied("scale" if self.is_scalar or other.is_scalar else "multiply", self, other)

    def __rmul__(self, other: float) -> Applied:
        return _expression(other) * self

    def __truediv__(self, other: Expression | float) -> Applied:
        return Applied("divide", self, _expression(other))

    def __rtruediv__(self, other: float) -> Applied:
        return _expression(other) / self


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

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns)."""
        return self.rows.size, self.columns.size


@dataclass(frozen=True, eq=False)
class Number(Expression):
    """A constant, such as the 1 of `1 - output`. Not negative: write a subtraction."""

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
    """An operation applied to its operands."""

    def __init__(self, operation: str | Operation, *operands: Expression) -> None:
        self.operation = OPERATIONS[operation] if isinstance(operation, str) else operation
        self.operands = operands
        self.rows, self.columns = self.operation.axes(operands)


def define(
    name: str, definition: Expression, symbol: str = "", whole: Expression | None = None
) -> Matrix:
    """Return the matrix `name` computed by `definition`, with its axes."""
    return Matrix(name, definition.rows, definition.columns, definition, symbol, whole)


def sum_over_rows(operand: Expression) -> Applied:
    """Return the row of column sums."""
    return Applied("sum_over_rows", operand)


def sum_over_columns(operand: Expression) -> Applied:
    """Return the column of row sums."""
    return Applied("sum_over_columns", operand)


def square(operand: Expression) -> Applied:
    """Return each number times itself."""
    return Applied("square", operand)


def square_root(operand: Expression) -> Applied:
    """Return the square root of each number."""
    return Applied("square_root", operand)


def apply(operation: str | Operation, *operands: Expression) -> Applied:
    """Return any operation of the table, such as `sigmoid`, by its name; or one that is not in it,
    because no step computes with it.
    """
    return Applied(operation, *operands)


Keep = Callable[[str, Expression, str], Expression]
"""Names a part of an operation: takes its name, expression and symbol, returns what to go on with.
"""


def in_parts(operation: str, operand: Expression, keep: Keep) -> Expression:
    """Return an activation written out, its parts named by `keep` (one that has parts)."""
    parts = OPERATIONS[operation].parts
    return parts(operand, keep) if parts else Applied(operation, operand)


def activations() -> tuple[str, ...]:
    """Return the names of the table's activations."""
    return tuple(name for name, row in OPERATIONS.items() if row.is_activation)


def losses() -> tuple[str, ...]:
    """Return the names of the table's losses."""
    return tuple(name for name, row in OPERATIONS.items() if row.is_loss)


def _expression(operand: Expression | float) -> Expression:
    if isinstance(operand, Expression):
        return operand
    if isinstance(operand, (int, float, np.integer, np.floating)):
        return Number(float(operand))
    raise InputError(
        f"an expression takes matrices and numbers, not {type(operand).__name__}: give an array a"
        " name, as a Matrix."
    )


# --- Which axes a result has --------------------------------------------------------------


def _described(operand: Expression) -> str:
    """Return how an error names an operand: by its name, or by its text."""
    return f"`{text(operand, 'numpy')}`"


def _misfit(left: Expression, found: Axis, right: Expression, expected: Axis) -> ShapeError:
    if found.name == expected.name:
        counts = f"has {found.size} {found.name}, {_described(right)} expects {expected.size}"
    else:
        sides = f"{found.size} {found.name}", f"{expected.size} {expected.name}"
        counts = f"has {sides[0]} where {_described(right)} has {sides[1]}"
    return ShapeError(f"{_described(left)} {counts}.")


def _axes_of_product(operands: Sequence[Expression]) -> tuple[Axis, Axis]:
    left, right = operands
    if not left.columns.fits(right.rows):
        raise _misfit(left, left.columns, right, right.rows)
    return left.rows, right.columns


def _axes_of_elements(operands: Sequence[Expression]) -> tuple[Axis, Axis]:
    rows = columns = ONE
    for operand in operands:
        if rows is not ONE and operand.rows is not ONE and not rows.fits(operand.rows):
            raise _misfit(operands[0], rows, operand, operand.rows)
        if columns is not ONE and operand.columns is not ONE and not columns.fits(operand.columns):
            raise _misfit(operands[0], columns, operand, operand.columns)
        rows = operand.rows if rows is ONE else rows
        columns = operand.columns if columns is ONE else columns
    return rows, columns


def _axes_of_transpose(operands: Sequence[Expression]) -> tuple[Axis, Axis]:
    return operands[0].columns, operands[0].rows


def _axes_of_a_row(operands: Sequence[Expression]) -> tuple[Axis, Axis]:
    return ONE, operands[0].columns


def _axes_of_a_column(operands: Sequence[Expression]) -> tuple[Axis, Axis]:
    return operands[0].rows, ONE


# --- Texts, and where parentheses stand ---------------------------------------------------

# How tightly a text holds together. A text that binds less than its place needs is put in
# parentheses, so parentheses stand exactly where leaving them out would change what is computed.
PLUS, TIMES, MATRIX_TIMES, MINUS_SIGN, POWER, CALL = 10, 20, 25, 30, 40, 50


@dataclass(frozen=True)
class Form:
    """How an operation is written in one notation.

    Attributes:
        template: The text, with `{0}`, `{1}` for the operands.
        binds: How tightly the text holds together.
        needs: For each operand, the least it must bind to stand without parentheses.
    """

    template: str
    binds: int
    needs: tuple[int, ...]


def _infix(symbol: str, binds: int) -> Form:
    """Return the form of a left-associative operator: `a - b - c` is `(a - b) - c`."""
    return Form(f"{{0}}{symbol}{{1}}", binds, (binds, binds + 1))


def _call(template: str) -> Form:
    """Return the form of a function, whose operands stand between brackets and commas."""
    return Form(template, CALL, (0, 0))


def _in_r(symbol: str, binds: int) -> Callable[[Applied], Form]:
    """Return the forms of an element-by-element operator in R.

    R repeats a vector down the columns and refuses two matrices of different shape, so a row or
    a column is swept over a matrix explicitly.
    """

    def form(expression: Applied) -> Form:
        left, right = expression.operands
        alike = left.rows.size == right.rows.size and left.columns.size == right.columns.size
        if left.is_scalar or right.is_scalar or alike:
            return _infix(f" {symbol} ", binds)
        if _repeats(right, left):
            return _call(f'sweep({{0}}, {2 if right.rows is ONE else 1}, {{1}}, "{symbol}")')
        swapped = f"function(b, a) a {symbol} b"
        if _repeats(left, right):
            return _call(f"sweep({{1}}, {2 if left.rows is ONE else 1}, {{0}}, {swapped})")
        if left.columns is ONE:
            return _call(f'outer(c({{0}}), c({{1}}), "{symbol}")')
        return _call(f"outer(c({{1}}), c({{0}}), {swapped})")

    return form


def _repeats(small: Expression, large: Expression) -> bool:
    """Whether `small` is one row, or one column, that repeats to the shape of `large`."""
    along_rows = small.rows is ONE and small.columns.fits(large.columns)
    along_columns = small.columns is ONE and small.rows.fits(large.rows)
    return along_rows or along_columns


# --- Cell formulas ------------------------------------------------------------------------


@dataclass(frozen=True)
class Grid:
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


CellForm = Callable[["Applied", Sequence[Grid]], Grid]


def _wrapped(grid: Grid, need: int) -> list[list[str]]:
    if grid.binds >= need:
        return grid.texts
    return [[f"({text})" for text in row] for row in grid.texts]


def _stretched(texts: list[list[str]], rows: int, columns: int) -> list[list[str]]:
    """Return the texts repeated along an axis of one."""
    if len(texts[0]) != columns:
        texts = [row * columns for row in texts]
    return texts if len(texts) == rows else texts * rows


def _element_by_element(form: Form) -> CellForm:
    """Return the cell reading of an operation that fills `form` in cell by cell."""

    def cells(expression: Applied, operands: Sequence[Grid]) -> Grid:
        rows, columns = expression.rows.size, expression.columns.size
        filled = [
            _stretched(_wrapped(grid, need), rows, columns)
            for grid, need in zip(operands, form.needs, strict=False)
        ]
        write = form.template.format
        return Grid([list(map(write, *row)) for row in zip(*filled, strict=True)], form.binds)

    return cells


def _cells_of_product(_: Applied, operands: Sequence[Grid]) -> Grid:
    left, right = operands
    if len(right.texts) > SPELLED_OUT and left.lies and right.lies:
        return Grid(_long_products(left, right), CALL)
    columns = list(zip(*_wrapped(right, TIMES + 1), strict=True))
    rows = _wrapped(left, TIMES)
    if len(right.texts) == 1:
        return Grid([[f"{row[0]}*{column[0]}" for column in columns] for row in rows], TIMES)
    texts = [
        ["+".join([f"{a}*{b}" for a, b in zip(row, column, strict=True)]) for column in columns]
        for row in rows
    ]
    return Grid(texts, PLUS)


def _long_products(left: Grid, right: Grid) -> list[list[str]]:
    """Return products of many terms, by ranges: SUMPRODUCT wants both to lie the same way."""
    rows = [f"{row[0]}:{row[-1]}" for row in left.texts]
    columns = [
        f"{first}:{last}" for first, last in zip(right.texts[0], right.texts[-1], strict=True)
    ]
    if left.lies == right.lies:  # a column of an `across` matrix lies down
        # A blank cell plus 0 is 0. Only in SUMPRODUCT every spreadsheet takes that of each cell.
        blank = left.may_be_blank or right.may_be_blank
        function = "SUMPRODUCT" if blank else "SUM"
        first, second = (f"{{{i}}}{'+0' * g.may_be_blank}" for i, g in enumerate((left, right)))
        if left.lies != "across":
            first, second = second, first
        one = f"{function}(MMULT({first},{second}))"
    else:
        one = "SUMPRODUCT({0},{1})"
    return [[one.format(row, column) for column in columns] for row in rows]


def _cells_of_transpose(_: Applied, operands: Sequence[Grid]) -> Grid:
    (grid,) = operands
    lies = {"across": "down", "down": "across", None: None}[grid.lies]
    texts = [list(row) for row in zip(*grid.texts, strict=True)]
    return Grid(texts, grid.binds, lies, grid.may_be_blank)  # type: ignore[arg-type]


def _reduced(function: str, *, over: Literal["rows", "columns"]) -> CellForm:
    """Return the cell reading of `SUM`, `MIN` or `MAX` over the rows, or over the columns."""

    def reduced(_: Applied, operands: Sequence[Grid]) -> Grid:
        (grid,) = operands
        if over == "rows":
            texts, binds = lines(grid, list(map(list, zip(*grid.texts, strict=True))))
            return Grid([texts], binds)
        texts, binds = lines(grid, grid.texts)
        return Grid([[text] for text in texts], binds)

    def lines(grid: Grid, cells: list[list[str]]) -> tuple[list[str], int]:
        """Return one text for each line of cells."""
        if grid.lies:
            return [f"{function}({line[0]}:{line[-1]})" for line in cells], CALL
        if len(cells[0]) == 1:
            return [line[0] for line in cells], grid.binds
        if function != "SUM":
            return [f"{function}({','.join(line)})" for line in cells], CALL
        first, later = grid.binds >= PLUS, grid.binds >= PLUS + 1
        return [
            "+".join(
                text if (later if k else first) else f"({text})" for k, text in enumerate(line)
            )
            for line in cells
        ], PLUS

    return reduced


# --- The table of operations --------------------------------------------------------------

Selector = Literal["row", "column", "all"]
Pattern = tuple[Selector, Selector]
"""Which rows and which columns of an operand the cell at (row, column) reads."""

SAME: Pattern = ("row", "column")


@dataclass(frozen=True)
class Operation:
    """A row of the table: everything there is to know about one operation.

    Attributes:
        name: How expressions call it.
        value: Its value, computed in the order in which a spreadsheet computes the formula, so
            that the stored numbers do not depend on the machine's linear algebra library.
        reads: For each operand, the cells that the cell at (row, column) reads.
        maths, numpy, r, excel: How it is written for whole matrices.
        cells: How it is written for each cell.
        back: The derivative: the change wanted of each operand, from that wanted of the result
            (see `derive`). A loss wants changes by itself: its operands are all it needs.
        slope: The local derivative of an activation that works element by element, from its output
            and its input.
        parts: An activation that is shown in parts, written out with each part named.
        cancels: Of a loss, the activations whose slope cancels against its derivative: what is
            left is the change wanted of the activation's input, from the loss's operands.
        axes: The axes of the result.
        fast: Its value for training, where speed matters more than the last bit.
    """

    name: str
    value: Callable[..., Array]
    reads: tuple[Pattern, ...]
    maths: Form
    numpy: Notated
    r: Notated
    excel: Notated
    cells: CellForm
    back: Callable[..., tuple[Expression | None, ...]] | None = None
    slope: Callable[[Expression, Expression], Expression] | None = None
    parts: Callable[[Expression, Keep], Expression] | None = None
    cancels: Mapping[str, Callable[..., Expression]] | None = None
    axes: Callable[[Sequence[Expression]], tuple[Axis, Axis]] = _axes_of_elements
    fast: Callable[..., Array] | None = None

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


Notated = Form | Callable[["Applied"], Form]
"""A form, or what gives one for the operands there are."""


def elementwise(
    name: str,
    value: Callable[..., Array],
    *,
    maths: Form,
    numpy: Form,
    excel: Form,
    r: Notated | None = None,
    cell: Form | None = None,
    back: Callable[..., tuple[Expression | None, ...]] | None = None,
    slope: Callable[[Expression, Expression], Expression] | None = None,
    cancels: Mapping[str, Callable[..., Expression]] | None = None,
) -> Operation:
    """Return an operation that computes each cell from the same cell of its operands."""
    form = cell or excel
    # An operand that the form does not mention gives the result its shape, and is not read.
    reads = tuple(SAME for i in range(len(form.needs)) if f"{{{i}}}" in form.template)
    cells = _element_by_element(form)
    return Operation(
        name, value, reads, maths, numpy, r or numpy, excel, cells,
        back=back, slope=slope, cancels=cancels,
    )  # fmt: skip


def _quotient(name: str, value: Callable[..., Array], least: str) -> Operation:
    """Return the division by what is not negative, and in a cell not less than a number."""
    return elementwise(
        name,
        value,
        maths=_infix(" / ", TIMES),
        numpy=_infix(" / ", TIMES),
        r=_in_r("/", TIMES),
        excel=_infix("/", TIMES),
        cell=Form(f"{{0}}/MAX({least},{{1}})", TIMES, (TIMES, 0)),
    )


def _product_in_order(left: Array, right: Array) -> Array:
    """Return the matrix product, adding its terms one after another from the left."""
    total = left[:, :1] * right[:1]
    for k in range(1, len(right)):
        total += left[:, k : k + 1] * right[k : k + 1]
    return total


def _sigmoid(x: Array) -> Array:
    """Return 1 / (1 + exp(-x)); a large negative x saturates instead of overflowing."""
    result: Array = np.negative(x)
    np.minimum(result, 700.0, out=result)
    np.exp(result, out=result)
    result += 1.0
    return np.divide(1.0, result, out=result)


def _sum_over_columns(x: Array) -> Array:
    """Return the row sums, adding one column after another as a spreadsheet does."""
    total = x[:, :1].copy()
    for j in range(1, x.shape[1]):
        total += x[:, j : j + 1]
    return total


# What a leaky ReLU lets through of a negative number.
LEAK = 0.01
# Numbers closer to 0 than this are taken for it where a division or a logarithm would overflow.
TINY = float(np.exp(-460.0))  # 2e-200, written so that a formula needs no exponent
# What spreads less than this is taken not to spread at all: what it divides stays of a size with
# which a network can calculate on.
SMALL = float(np.exp(-69.0))  # 1e-30


def _ratio(a: Array, b: Array) -> Array:
    return np.divide(a, np.maximum(b, TINY))


def _ratio_to_spread(a: Array, b: Array) -> Array:
    return np.divide(a, np.maximum(b, SMALL))


def _binary_cross_entropy(y: Array, output: Array) -> Array:
    likely = np.log(np.maximum(output, TINY))
    unlikely = np.log(np.maximum(1.0 - output, TINY))
    result: Array = -(y * likely + (1.0 - y) * unlikely)
    return result


def _cross_entropy(y: Array, output: Array) -> Array:
    result: Array = -(y * np.log(np.maximum(output, TINY)))
    return result


def _softmax(x: Array) -> Array:
    """Return exponentials that add up to 1 in each row; the largest is taken off first, since
    that changes nothing but keeps them from overflowing.
    """
    exponentials = np.exp(x - x.max(axis=1, keepdims=True))
    result: Array = exponentials / _sum_over_columns(exponentials)
    return result


def _softmax_in_parts(z: Expression, keep: Keep) -> Expression:
    shifted = z - Applied("maximum_over_columns", z)
    exponentials = keep("exponentials", Applied("exponential", shifted), "e")
    return exponentials / keep("sum", Applied("sum_over_columns", exponentials), "s")


def _cells_in_parts(expression: Applied, operands: Sequence[Grid]) -> Grid:
    """Return the cells of an operation as those of its parts, put into one another."""
    (operand,), (grid,) = expression.operands, operands
    placeholder = Matrix("operand", operand.rows, operand.columns)
    parts = in_parts(expression.operation.name, placeholder, lambda _, part, __: part)
    return _grid(parts, lambda _: Grid(_wrapped(grid, CALL), CALL))


def _in_parts(notation: Notation) -> Callable[[Applied], Form]:
    """Return the forms of an operation as its parts put into one another."""

    def form(expression: Applied) -> Form:
        (operand,) = expression.operands
        parts = in_parts(expression.operation.name, operand, lambda _, part, __: part)
        written, binds = _text(parts, notation)
        return Form(written.replace("{", "{{").replace("}", "}}"), binds, (0,))

    return form


def _ones_beside(over: Literal["rows", "columns"]) -> Callable[[Applied], Form]:
    """Return the forms of a sum as a product with ones, which Excel can take of any matrix."""

    def form(expression: Applied) -> Form:
        (operand,) = expression.operands
        side = operand.rows if over == "rows" else operand.columns
        if side is ONE:
            return Form("{0}", _text(operand, "excel")[1], (0,))
        # ROW and COLUMN know ranges only, so the ones come from a matrix of the operand.
        matrices = list(_matrices(operand))
        downwards = [(m.rows, f"ROW({m.name})^0", f"TRANSPOSE(ROW({m.name})^0)") for m in matrices]
        across = [
            (m.columns, f"TRANSPOSE(COLUMN({m.name})^0)", f"COLUMN({m.name})^0") for m in matrices
        ]
        known = downwards + across if over == "rows" else across + downwards
        down, along = next((down, along) for found, down, along in known if found is side)
        return _call(f"MMULT({along},{{0}})" if over == "rows" else f"MMULT({{0}},{down})")

    return form


def _matrices(expression: Expression) -> Iterable[Matrix]:
    """Yield the matrices that an expression mentions."""
    if isinstance(expression, Matrix):
        yield expression
    elif isinstance(expression, Applied):
        for operand in expression.operands:
            yield from _matrices(operand)


def _extreme(name: str, function: str, over: Literal["rows", "columns"]) -> Operation:
    """Return the smallest or largest number of each column, or of each row."""
    axis, by, side = (0, "BYCOL", 2) if over == "rows" else (1, "BYROW", 1)
    value = np.minimum if function == "MIN" else np.maximum
    lower = function.lower()
    return Operation(
        name,
        lambda x: value.reduce(x, axis=axis, keepdims=True),
        reads=(("all", "column") if over == "rows" else ("row", "all"),),
        maths=_call(f"{lower}_{over}({{0}})"),
        numpy=Form(f"{{0}}.{lower}(axis={axis}, keepdims=True)", CALL, (CALL,)),
        r=_call(f"{'rbind' if over == 'rows' else 'cbind'}(apply({{0}}, {side}, {lower}))"),
        excel=_call(f"{by}({{0}},LAMBDA(line,{function}(line)))"),
        cells=_reduced(function, over=over),
        axes=_axes_of_a_row if over == "rows" else _axes_of_a_column,
    )


OPERATIONS: dict[str, Operation] = {
    operation.name: operation
    for operation in (
        Operation(
            "product",
            _product_in_order,
            reads=(("row", "all"), ("all", "column")),
            maths=_infix(" · ", MATRIX_TIMES),
            numpy=_infix(" @ ", TIMES),
            r=_infix(" %*% ", MATRIX_TIMES),
            excel=_call("MMULT({0},{1})"),
            cells=_cells_of_product,
            axes=_axes_of_product,
            fast=np.matmul,
            back=lambda g, a, b: (g @ b.T, a.T @ g),
        ),
        Operation(
            "transpose",
            np.transpose,
            reads=(("column", "row"),),
            maths=Form("{0}ᵀ", CALL, (CALL,)),
            numpy=Form("{0}.T", CALL, (CALL,)),
            r=_call("t({0})"),
            excel=_call("TRANSPOSE({0})"),
            cells=_cells_of_transpose,
            axes=_axes_of_transpose,
            back=lambda g, _: (g.T,),
        ),
        Operation(
            "sum_over_rows",
            lambda x: np.add.reduce(x, axis=0, keepdims=True),
            reads=(("all", "column"),),
            maths=_call("Σ_rows({0})"),
            numpy=Form("{0}.sum(axis=0, keepdims=True)", CALL, (CALL,)),
            r=_call("t(colSums({0}))"),
            excel=_ones_beside("rows"),
            cells=_reduced("SUM", over="rows"),
            axes=_axes_of_a_row,
            back=lambda g, a: (Applied("ones", a) * g,),
        ),
        Operation(
            "sum_over_columns",
            _sum_over_columns,
            reads=(("row", "all"),),
            maths=_call("Σ_columns({0})"),
            numpy=Form("{0}.sum(axis=1, keepdims=True)", CALL, (CALL,)),
            r=_call("cbind(rowSums({0}))"),
            excel=_ones_beside("columns"),
            cells=_reduced("SUM", over="columns"),
            axes=_axes_of_a_column,
            fast=lambda x: np.add.reduce(x, axis=1, keepdims=True),
            back=lambda g, a: (Applied("ones", a) * g,),
        ),
        _extreme("minimum_over_rows", "MIN", "rows"),
        _extreme("maximum_over_rows", "MAX", "rows"),
        _extreme("maximum_over_columns", "MAX", "columns"),
        elementwise(
            "add",
            np.add,
            maths=_infix(" + ", PLUS),
            numpy=_infix(" + ", PLUS),
            r=_in_r("+", PLUS),
            excel=_infix("+", PLUS),
            back=lambda g, *_: (g, g),
        ),
        elementwise(
            "subtract",
            np.subtract,
            maths=_infix(" − ", PLUS),
            numpy=_infix(" - ", PLUS),
            r=_in_r("-", PLUS),
            excel=_infix("-", PLUS),
            back=lambda g, *_: (g, 0 - g),
        ),
        elementwise(
            "multiply",
            np.multiply,
            maths=_infix(" ⊙ ", TIMES),
            numpy=_infix(" * ", TIMES),
            r=_in_r("*", TIMES),
            excel=_infix("*", TIMES),
            back=lambda g, a, b: (g * b, g * a),
        ),
        elementwise(
            "scale",
            np.multiply,
            maths=_infix(" × ", TIMES),
            numpy=_infix(" * ", TIMES),
            r=_in_r("*", TIMES),
            excel=_infix("*", TIMES),
            back=lambda g, a, b: (g * b, g * a),
        ),
        elementwise(
            "divide",
            np.divide,
            maths=_infix(" / ", TIMES),
            numpy=_infix(" / ", TIMES),
            r=_in_r("/", TIMES),
            excel=_infix("/", TIMES),
            back=lambda g, a, b: (g / b, 0 - g * a / square(b)),
        ),
        elementwise(
            "square",
            np.square,
            maths=Form("{0}²", POWER, (CALL,)),
            numpy=Form("{0} ** 2", POWER, (CALL,)),
            r=Form("{0}^2", POWER, (CALL,)),
            excel=Form("{0}^2", POWER, (POWER,)),
            # To LibreOffice the power of a number near 0 is an error; the sum of one square is 0.
            cell=_call("SUMSQ({0})"),
            back=lambda g, a: (g * a * 2,),
        ),
        elementwise(
            "square_root",
            lambda x: np.sqrt(np.maximum(x, 0.0)),
            maths=_call("√({0})"),
            numpy=_call("np.sqrt({0})"),
            r=_call("sqrt({0})"),
            excel=_call("SQRT({0})"),
            # What is computed as 0 may come out a little below.
            cell=_call("SQRT(MAX(0,{0}))"),
        ),
        elementwise(
            "exponential",
            np.exp,
            maths=_call("exp({0})"),
            numpy=_call("np.exp({0})"),
            r=_call("exp({0})"),
            excel=_call("EXP({0})"),
        ),
        # A quotient whose divisor is not negative, and may come so close to 0 as to be it.
        _quotient("ratio", _ratio, "EXP(-460)"),
        # One whose divisor says how far numbers spread: of inputs, or of changes.
        _quotient("ratio_to_spread", _ratio_to_spread, "EXP(-69)"),
        elementwise(
            "ones",
            np.ones_like,
            maths=Form("1", CALL, (0,)),
            numpy=_call("np.ones_like({0})"),
            r=Form("0 * {0} + 1", PLUS, (TIMES + 1,)),
            excel=Form("0*{0}+1", PLUS, (TIMES + 1,)),
            cell=Form("1", CALL, (0,)),
        ),
        elementwise(
            "positive",
            lambda x: np.where(x > 0.0, 1.0, 0.0),
            maths=Form("[{0} > 0]", CALL, (0,)),
            numpy=_call("np.where({0} > 0, 1.0, 0.0)"),
            r=_call("ifelse({0} > 0, 1, 0)"),
            excel=_call("IF({0}>0,1,0)"),
        ),
        elementwise(
            "positive_or_leak",
            lambda x: np.where(x > 0.0, 1.0, LEAK),
            maths=Form(f"[{{0}} > 0, else {LEAK}]", CALL, (0,)),
            numpy=_call(f"np.where({{0}} > 0, 1.0, {LEAK})"),
            r=_call(f"ifelse({{0}} > 0, 1, {LEAK})"),
            excel=_call(f"IF({{0}}>0,1,{LEAK})"),
        ),
        # Activations
        elementwise(
            "sigmoid",
            _sigmoid,
            maths=_call("σ({0})"),
            numpy=Form("1 / (1 + np.exp(-{0}))", TIMES, (MINUS_SIGN,)),
            r=Form("1 / (1 + exp(-{0}))", TIMES, (MINUS_SIGN,)),
            # In a spreadsheet -A1^2 is (-A1)^2, so a power after the sign needs parentheses.
            excel=Form("1/(1+EXP(-{0}))", TIMES, (CALL,)),
            # EXP(710) is an error in a spreadsheet, so the exponent stops at 700.
            cell=Form("1/(1+EXP(MIN(700,-{0})))", TIMES, (CALL,)),
            slope=lambda output, _: output * (1 - output),
        ),
        elementwise(
            "tanh",
            np.tanh,
            maths=_call("tanh({0})"),
            numpy=_call("np.tanh({0})"),
            r=_call("tanh({0})"),
            excel=_call("TANH({0})"),
            slope=lambda output, _: 1 - square(output),
        ),
        elementwise(
            "relu",
            lambda x: np.maximum(x, 0.0),
            maths=_call("max(0, {0})"),
            numpy=_call("np.maximum({0}, 0)"),
            r=_call("pmax({0}, 0)"),
            # In an array formula MAX would take the largest of all.
            excel=_call("IF({0}>0,{0},0)"),
            cell=_call("MAX(0,{0})"),
            slope=lambda output, _: Applied("positive", output),
        ),
        elementwise(
            "leaky_relu",
            lambda x: np.maximum(x, LEAK * x),
            maths=Form(f"max({LEAK} {{0}}, {{0}})", CALL, (TIMES,)),
            numpy=Form(f"np.maximum({{0}}, {LEAK} * {{0}})", CALL, (TIMES + 1,)),
            r=Form(f"pmax({{0}}, {LEAK} * {{0}})", CALL, (TIMES + 1,)),
            excel=Form(f"IF({{0}}>0,{{0}},{LEAK}*{{0}})", CALL, (TIMES + 1,)),
            cell=Form(f"MAX({{0}},{LEAK}*{{0}})", CALL, (TIMES + 1,)),
            slope=lambda output, _: Applied("positive_or_leak", output),
        ),
        elementwise(
            "linear",
            np.positive,
            maths=Form("{0}", PLUS, (0,)),
            numpy=Form("{0}", PLUS, (0,)),
            excel=Form("{0}", PLUS, (0,)),
            slope=lambda output, _: Applied("ones", output),
        ),
        Operation(
            "softmax",
            _softmax,
            reads=(("row", "all"),),
            maths=_call("softmax({0})"),
            numpy=_in_parts("numpy"),
            r=_in_parts("r"),
            excel=_in_parts("excel"),
            cells=_cells_in_parts,
            parts=_softmax_in_parts,
            back=lambda g, output: (output * (g - sum_over_columns(output * g)),),
        ),
        # Losses
        elementwise(
            "squared_error",
            lambda y, output: np.square(y - output) / 2.0,
            maths=Form("({0} − {1})² / 2", TIMES, (PLUS, PLUS + 1)),
            numpy=Form("({0} - {1}) ** 2 / 2", TIMES, (PLUS, PLUS + 1)),
            r=Form("({0} - {1})^2 / 2", TIMES, (PLUS, PLUS + 1)),
            excel=Form("({0}-{1})^2/2", TIMES, (PLUS, PLUS + 1)),
            cell=Form("SUMSQ({0}-{1})/2", TIMES, (PLUS, PLUS + 1)),
            back=lambda y, output: (output - y, y - output),
            cancels={},
        ),
        elementwise(
            "binary_cross_entropy",
            _binary_cross_entropy,
            maths=Form("−{0} ⊙ ln({1}) − (1 − {0}) ⊙ ln(1 − {1})", PLUS, (CALL, PLUS + 1)),
            numpy=Form("-{0} * np.log({1}) - (1 - {0}) * np.log(1 - {1})", PLUS, (CALL, PLUS + 1)),
            r=Form("-{0} * log({1}) - (1 - {0}) * log(1 - {1})", PLUS, (CALL, PLUS + 1)),
            excel=Form("-{0}*LN({1})-(1-{0})*LN(1-{1})", PLUS, (CALL, PLUS + 1)),
            # LN(0) is an error in a spreadsheet.
            cell=Form(
                "-({0}*LN(MAX(EXP(-460),{1}))+(1-{0})*LN(MAX(EXP(-460),1-{1})))",
                PLUS,
                (CALL, PLUS + 1),
            ),
            back=lambda y, o: (None, Applied("ratio", y - o, o * (1 - o))),
            cancels={"sigmoid": lambda y, output: y - output},
        ),
        elementwise(
            "cross_entropy",
            _cross_entropy,
            maths=Form("−{0} ⊙ ln({1})", PLUS, (CALL, 0)),
            numpy=Form("-{0} * np.log({1})", PLUS, (CALL, 0)),
            r=Form("-{0} * log({1})", PLUS, (CALL, 0)),
            excel=Form("-{0}*LN({1})", PLUS, (CALL, 0)),
            cell=Form("-{0}*LN(MAX(EXP(-460),{1}))", PLUS, (CALL, 0)),
            back=lambda y, output: (None, Applied("ratio", y, output)),
            # As long as the targets of a sample add up to 1.
            cancels={"softmax": lambda y, output: y - output},
        ),
    )
}


# --- Readings -----------------------------------------------------------------------------


def text(expression: Expression, notation: Notation) -> str:
    """Return an expression for whole matrices in a notation, by the names of its matrices.

    >>> samples, outputs = Axis.numbered("samples", 3), Axis.numbered("outputs", 1)
    >>> output = Matrix("output", samples, outputs, symbol="O")
    >>> [text(output * (1 - output), notation) for notation in ("maths", "numpy", "excel")]
    ['O ⊙ (1 − O)', 'output * (1 - output)', 'output*(1-output)']
    """
    return _text(expression, notation)[0]


def _text(expression: Expression, notation: Notation) -> tuple[str, int]:
    if isinstance(expression, Applied):
        form = getattr(expression.operation, notation)
        form = form if isinstance(form, Form) else form(expression)
        operands = []
        for operand, need in zip(expression.operands, form.needs, strict=False):
            written, binds = _text(operand, notation)
            operands.append(written if binds >= need else f"({written})")
        return form.template.format(*operands), form.binds
    if isinstance(expression, Matrix):
        return (
            expression.symbol or expression.name
        ) if notation == "maths" else expression.name, CALL
    assert isinstance(expression, Number)
    # The shortest text that reads back as the same number. A file's reader takes all of its digits;
    # whoever types a constant of more than 15 into Excel gets the first 15.
    return repr(float(expression.value)).removesuffix(".0"), CALL


def statement(matrix: Matrix, notation: Notation) -> str:
    """Return the line that computes a matrix, as one would type it: `E = y - output`."""
    assert matrix.definition is not None, f"{matrix.name} is given, not computed"
    right = text(matrix.definition, notation)
    if notation == "excel":
        return f"={right}"
    left = (matrix.symbol or matrix.name) if notation == "maths" else matrix.name
    return f"{left} {'<-' if notation == 'r' else '='} {right}"


def formulas(
    expression: Expression,
    address: Callable[[Matrix], list[list[str]]],
    *,
    scattered: bool = False,
    may_be_blank: Collection[str] = (),
) -> list[list[str]]:
    """Return the formula of every cell, without the leading `=`.

    Parameters
    ----------
    expression
        What to compute, of shape (rows, columns).
    address
        Gives the cell addresses of a matrix, as a list of rows: `[["A1", "B1"], …]`.
    scattered
        Whether the cells of a matrix may stand anywhere, so that none make a range.
    may_be_blank
        The names of matrices whose cells somebody may clear: they count as 0.
    """
    lies: Literal["across"] | None = None if scattered else "across"

    def grid(matrix: Matrix) -> Grid:
        return Grid(address(matrix), CALL, lies, matrix.name in may_be_blank)

    return _grid(expression, grid).texts


def _grid(expression: Expression, cells: Callable[[Matrix], Grid]) -> Grid:
    if isinstance(expression, Applied):
        grids = [_grid(operand, cells) for operand in expression.operands]
        return expression.operation.cells(expression, grids)
    if isinstance(expression, Matrix):
        return cells(expression)
    return Grid([[_text(expression, "excel")[0]]], CALL)


def reads(expression: Expression) -> dict[Matrix, frozenset[Pattern]]:
    """Return the matrices an expression reads, each with which of its cells a cell reads.

    A pattern names the rows and the columns of the matrix: `row` or `column` stand for the row
    or column number of the cell being computed, `all` for every one.
    """
    found: dict[Matrix, set[Pattern]] = {}
    _collect_reads(expression, SAME, found)
    return {matrix: frozenset(patterns) for matrix, patterns in found.items()}


def _collect_reads(expression: Expression, at: Pattern, found: dict[Matrix, set[Pattern]]) -> None:
    # An axis of one repeats: whichever cell is computed, it is read there.
    at = ("all" if expression.rows is ONE else at[0], "all" if expression.columns is ONE else at[1])
    if isinstance(expression, Matrix):
        found.setdefault(expression, set()).add(at)
    elif isinstance(expression, Applied):
        which: dict[Selector, Selector] = {"row": at[0], "column": at[1], "all": "all"}
        for operand, (rows, columns) in zip(
            expression.operands, expression.operation.reads, strict=False
        ):
            _collect_reads(operand, (which[rows], which[columns]), found)


@dataclass(frozen=True)
class Backward:
    """The backward definitions that follow from the forward ones.

    Attributes:
        wanted: For each matrix that the loss depends on, the change that makes the loss smaller:
            its negative gradient. A named matrix where `derive` was given a name for it.
        slopes: For each matrix that an activation computes, the activation's slope.
        long_way: Where the loss's derivative and an activation's slope cancel (see
            `Operation.cancels`), the change wanted of the activation's input with neither left out.
    """

    wanted: Mapping[str, Expression]
    slopes: Mapping[str, Matrix]
    long_way: Mapping[str, Expression]


Names = Mapping[str, tuple[str, str]]
"""For the name of a forward matrix, the name and the symbol of a backward one."""


def derive(
    loss: Expression, wanted: Names, slopes: Names, given: Iterable[Matrix] = ()
) -> Backward:
    """Return the backward definitions of a loss: reverse-mode differentiation, with names.

    Going back from the loss, each operation passes the change wanted of its result on to its
    operands, as its `back` says. The change itself (the negative gradient, `y - output`) is passed,
    not the gradient, as in the article; so updates add.

    Parameters
    ----------
    loss
        What is to become smaller, summed over all its cells: a loss of the table, or anything
        computed from losses and matrices, such as a weighted sum of them.
    wanted
        What to call the change wanted of a matrix: `{"output": ("E", "E")}`.
    slopes
        What to call the slope of the activation that computes a matrix.
    given
        Matrices that nothing goes back beyond, however they are defined.

    Raises
    ------
    InputError
        If an operation on the way has no derivative, or there is nothing to derive.
    """
    definition = loss.definition if isinstance(loss, Matrix) else loss
    if not isinstance(definition, (Matrix, Applied)):
        name = loss.name if isinstance(loss, Matrix) else _described(loss)
        raise InputError(f"{name} is not computed from anything, so it has no derivative.")
    back = _Passing(tuple(given))
    named: dict[str, Matrix] = {}
    long_way: dict[str, Expression] = {}
    back.hand(definition, 0 - Applied("ones", loss))
    for matrix in reversed(_in_order(loss, back.given)):
        if matrix.name not in back.changes:  # the loss; the targets of a cross entropy
            continue
        change, whole = back.changes[matrix.name], matrix.whole or matrix.definition
        if matrix.name in wanted:
            name, symbol = wanted[matrix.name]
            change = back.changes[matrix.name] = define(name, change, symbol)
        slope = _slope(whole, matrix) if isinstance(whole, Applied) else None
        if slope is not None and matrix.name in slopes:
            name, symbol = slopes[matrix.name]
            slope = named[matrix.name] = define(name, slope, symbol)
        if not isinstance(whole, Applied) or whole.operation.is_loss:
            if whole is not None:
                back.hand(whole, change)
            continue
        passed = _passed_back(whole, matrix, change, slope)
        if shorter := _shortcut(whole, back.taken[matrix.name]):
            assert passed[0] is not None
            long_way[matrix.name] = passed[0]
            passed = (shorter,)
        back.pass_on(whole, passed)
    return Backward(back.changes, named, long_way)


class _Passing:
    """Changes on their way back.

    Attributes:
        given: Matrices that nothing goes back beyond.
        changes: The change wanted of each matrix, as far as it is known.
        taken: The losses that are taken of a matrix, each with its weight; None where its change
            comes from anything else, too.
    """

    def __init__(self, given: Sequence[Matrix]) -> None:
        self.given = given
        self.changes: dict[str, Expression] = {}
        self.taken: dict[str, list[tuple[Applied, Expression]] | None] = {}

    def hand(self, operand: Expression, change: Expression) -> None:
        """Hand the change wanted of an expression to it: to what it is computed from."""
        if isinstance(operand, Matrix):
            known = self.changes.get(operand.name)
            self.changes[operand.name] = change if known is None else known + change
            self.taken[operand.name] = None
        elif isinstance(operand, Applied) and operand.operation.is_loss:
            self._hand_to_loss(operand, change)
        elif isinstance(operand, Applied):
            self.pass_on(operand, _passed_back(operand, operand, change))

    def pass_on(self, expression: Applied, passed: Sequence[Expression | None]) -> None:
        """Hand each operand of an expression the change wanted of it."""
        for operand, change in zip(expression.operands, passed, strict=True):
            if change is not None:
                self.hand(operand, _fitted(change, operand))

    def _hand_to_loss(self, loss: Applied, change: Expression) -> None:
        assert loss.operation.back is not None
        _check_targets(loss, self.given)
        targets, output = loss.operands
        # A loss says what to change so that it gets smaller, as if nothing more were made of it.
        weight = _without_minus(change) or 0 - change
        passed = loss.operation.back(targets, output)
        known = self.taken.get(output.name, []) if isinstance(output, Matrix) else None
        self.pass_on(loss, [each and _weighted(each, weight) for each in passed])
        if isinstance(output, Matrix) and output is not targets and known is not None:
            self.taken[output.name] = [*known, (loss, weight)]


def _shortcut(
    activation: Applied, taken: Sequence[tuple[Applied, Expression]] | None
) -> Expression | None:
    """Return the change wanted of an activation's input where its slope cancels against the
    derivatives of the losses taken of its output; None where it does not.
    """
    found = None
    for loss, weight in taken or ():
        cancels = (loss.operation.cancels or {}).get(activation.operation.name)
        if cancels is None or (activation.operation.mixes_columns and not _is_even(weight)):
            return None
        left = _weighted(cancels(*loss.operands), weight)
        found = left if found is None else found + left
    return found


def _is_even(weight: Expression) -> bool:
    """Whether a weight is the same in all columns, by how it is written."""
    if weight.columns is ONE:
        return True
    if not isinstance(weight, Applied):
        return False
    name = weight.operation.name
    return name == "ones" or (name in _EVEN and all(map(_is_even, weight.operands)))


def _check_targets(loss: Applied, given: Sequence[Matrix]) -> None:
    """Refuse targets that follow from the same numbers as the output, if a loss has no derivative
    by its targets.
    """
    assert loss.operation.back is not None
    if loss.operation.back(*loss.operands)[0] is not None:
        return
    targets, output = (set(_leaves(operand)) - set(given) for operand in loss.operands)
    if shared := sorted(matrix.name for matrix in targets & output):
        raise InputError(
            f"the operation {loss.operation.name} has no derivative by its targets, which depend on"
            f" {', '.join(shared)} as its output does."
        )


def _leaves(expression: Expression) -> Iterable[Matrix]:
    """Yield the given matrices that an expression is computed from."""
    for matrix in _matrices(expression):
        if matrix.definition is None:
            yield matrix
        else:
            yield from _leaves(matrix.definition)


# What gives the same in all columns if its operands are so.
_EVEN = ("add", "subtract", "scale", "multiply", "divide")
# Where a minus sign before the first operand, or the only one, is one before the result.
_LINEAR = (
    "scale", "multiply", "divide", "product", "transpose", "sum_over_rows", "sum_over_columns",
)  # fmt: skip


def _without_minus(change: Expression) -> Expression | None:
    """Return a change with its minus sign dropped; None if it has none."""
    if not isinstance(change, Applied):
        return None
    name, (first, *others) = change.operation.name, change.operands
    if name == "subtract":
        return others[0] if isinstance(first, Number) and not first.value else None
    if name in _LINEAR and (positive := _without_minus(first)):
        return Applied(name, positive, *others)
    return None


def _weighted(change: Expression, weight: Expression) -> Expression:
    """Return a change times the weight of its loss; times 1 it is the change itself."""
    if positive := _without_minus(weight):
        return 0 - _weighted(change, positive)
    if isinstance(weight, Applied):
        name, (first, *others) = weight.operation.name, weight.operands
        if name == "ones":
            return change
        if name in ("scale", "multiply"):
            return _weighted(change, first) * others[0]
        if name == "divide":
            return _weighted(change, first) / others[0]
    return change * weight


def _slope(expression: Applied, output: Expression) -> Expression | None:
    """Return an activation's slope; None if it has none for each element by itself."""
    slope = expression.operation.slope
    return slope(output, expression.operands[0]) if slope else None


def _passed_back(
    expression: Applied, output: Expression, change: Expression, slope: Expression | None = None
) -> tuple[Expression | None, ...]:
    """Return the change wanted of each operand, from the change wanted of the result."""
    slope = slope or _slope(expression, output)
    if slope is not None:
        return (change * slope,)
    operation = expression.operation
    if operation.back is None:
        raise InputError(f"the operation {operation.name} has no derivative")
    if operation.mixes_columns:
        return operation.back(change, output)
    return operation.back(change, *expression.operands)


def _fitted(change: Expression, operand: Expression) -> Expression:
    """Return a change summed over the axes along which its operand was repeated."""
    if operand.rows is ONE and change.rows is not ONE:
        change = sum_over_rows(change)
    if operand.columns is ONE and change.columns is not ONE:
        change = sum_over_rows(change.T).T
    return change


def _in_order(last: Expression, given: Iterable[Matrix]) -> list[Matrix]:
    """Return the matrices that an expression depends on, each after those it reads; but those
    given, and what lies before them, not.
    """
    found: dict[Matrix, None] = dict.fromkeys(given)
    first = len(found)

    def visit(expression: Expression) -> None:
        if isinstance(expression, Matrix):
            if expression in found:
                return
            if expression.definition is not None:
                visit(expression.whole or expression.definition)
            found[expression] = None
        elif isinstance(expression, Applied):
            for operand in expression.operands:
                visit(operand)

    visit(last)
    return list(found)[first:]


def evaluate(matrices: Iterable[Matrix], given: Mapping[str, Array]) -> dict[str, Array]:
    """Return the value of each matrix by name: as given, or computed in order.

    Parameters
    ----------
    matrices
        Given and defined matrices; a definition reads only matrices that come before it.
    given
        The values of those that are given, each of its matrix's shape.
    """
    values: dict[str, Array] = {}
    for matrix in matrices:
        if matrix.definition is None:
            values[matrix.name] = given[matrix.name]
        else:
            values[matrix.name] = value(matrix.definition, values)
    return values


def value(expression: Expression, known: Mapping[str, Array]) -> Array:
    """Return the value of an expression, from the values of the matrices that it reads."""
    return np.asarray(_value(expression, known))


def _value(expression: Expression, known: Mapping[str, Array]) -> Array | float:
    if isinstance(expression, Matrix):
        return known[expression.name]
    if isinstance(expression, Applied):
        operands = [_value(operand, known) for operand in expression.operands]
        return expression.operation.value(*operands)
    assert isinstance(expression, Number)
    return expression.value


def compiled(
    wanted: Sequence[Matrix], given: Sequence[Matrix]
) -> Callable[[Sequence[Array]], list[Array]]:
    """Return a function from the values of `given` to those of `wanted`, fast enough to train.

    Only what `wanted` needs is computed, and nothing twice.
    """
    plan: list[tuple[Callable[..., Array], int, int]] = []
    constants: list[Array | float] = []
    slot_of: dict[object, int] = {matrix.name: i for i, matrix in enumerate(given)}
    numbers = sorted({n.value for matrix in wanted for n in _numbers(matrix)})
    for value in numbers:
        slot_of[value] = len(slot_of)
        constants.append(value)

    def slot(expression: Expression) -> int:
        if isinstance(expression, Number):
            return slot_of[expression.value]
        if isinstance(expression, Matrix):
            if expression.name not in slot_of:
                assert expression.definition is not None
                slot_of[expression.name] = slot(expression.definition)
            return slot_of[expression.name]
        assert isinstance(expression, Applied)
        operation = expression.operation
        inputs = tuple(map(slot, expression.operands))
        key = (operation.name, *inputs)
        if key not in slot_of:
            slot_of[key] = len(given) + len(constants) + len(plan)
            plan.append((operation.fast or operation.value, inputs[0], (*inputs, -1)[1]))
        return slot_of[key]

    results = [slot(matrix) for matrix in wanted]

    def run(values: Sequence[Array]) -> list[Array]:
        slots: list[Array | float] = [*values, *constants]
        push = slots.append
        for function, first, second in plan:
            push(function(slots[first]) if second < 0 else function(slots[first], slots[second]))
        return [slots[i] for i in results]  # type: ignore[misc]

    return run


def _numbers(expression: Expression) -> Iterable[Number]:
    if isinstance(expression, Number):
        yield expression
    elif isinstance(expression, Matrix) and expression.definition is not None:
        yield from _numbers(expression.definition)
    elif isinstance(expression, Applied):
        for operand in expression.operands:
            yield from _numbers(operand)
