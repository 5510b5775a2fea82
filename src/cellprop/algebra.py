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

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cellprop.errors import ShapeError

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
    """

    name: str
    labels: tuple[str, ...]

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
    """Something with rows, columns and a value for each cell. Composes with `@ + - * / .T`."""

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
        return Applied("product", self, other)

    def __add__(self, other: Expression | float) -> Applied:
        return Applied("add", self, _expression(other))

    def __sub__(self, other: Expression | float) -> Applied:
        return Applied("subtract", self, _expression(other))

    def __rsub__(self, other: float) -> Applied:
        return Applied("subtract", _expression(other), self)

    def __mul__(self, other: Expression | float) -> Applied:
        other = _expression(other)
        return Applied("scale" if self.is_scalar or other.is_scalar else "multiply", self, other)

    def __truediv__(self, other: Expression | float) -> Applied:
        return Applied("divide", self, _expression(other))


@dataclass(frozen=True, eq=False)
class Matrix(Expression):
    """A named matrix: given, or defined by an expression of earlier ones.

    Attributes:
        name: Valid as a name in Python, R and Excel.
        rows: What its rows stand for.
        columns: What its columns stand for.
        definition: The expression that computes it; None when it is given.
        symbol: Its letter in mathematical notation; its name when empty.
    """

    name: str
    rows: Axis
    columns: Axis
    definition: Expression | None = None
    symbol: str = ""

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
        if not self.value >= 0:
            raise ValueError(f"a constant in an expression is not negative, not {self.value}")


class Applied(Expression):
    """An operation applied to its operands."""

    def __init__(self, operation: str, *operands: Expression) -> None:
        self.operation = OPERATIONS[operation]
        self.operands = operands
        self.rows, self.columns = self.operation.axes(operands)


def define(name: str, definition: Expression, symbol: str = "") -> Matrix:
    """Return the matrix `name` computed by `definition`, with its axes."""
    return Matrix(name, definition.rows, definition.columns, definition, symbol)


def sum_over_rows(operand: Expression) -> Applied:
    """Return the row of column sums."""
    return Applied("sum_over_rows", operand)


def square(operand: Expression) -> Applied:
    """Return each number times itself."""
    return Applied("square", operand)


def apply(operation: str, *operands: Expression) -> Applied:
    """Return an activation or loss of the table, such as `sigmoid`, by its name."""
    return Applied(operation, *operands)


def _expression(operand: Expression | float) -> Expression:
    return operand if isinstance(operand, Expression) else Number(float(operand))


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


def _axes_of_sum(operands: Sequence[Expression]) -> tuple[Axis, Axis]:
    return ONE, operands[0].columns


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
    """

    texts: list[list[str]]
    binds: int
    lies: Literal["across", "down"] | None = None


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
        one = "SUM(MMULT({0},{1}))" if left.lies == "across" else "SUM(MMULT({1},{0}))"
    else:
        one = "SUMPRODUCT({0},{1})"
    return [[one.format(row, column) for column in columns] for row in rows]


def _cells_of_transpose(_: Applied, operands: Sequence[Grid]) -> Grid:
    (grid,) = operands
    lies = {"across": "down", "down": "across", None: None}[grid.lies]
    return Grid([list(row) for row in zip(*grid.texts, strict=True)], grid.binds, lies)  # type: ignore[arg-type]


def _cells_of_sum(_: Applied, operands: Sequence[Grid]) -> Grid:
    (grid,) = operands
    first, last = grid.texts[0], grid.texts[-1]
    if grid.lies:
        return Grid([[f"SUM({a}:{b})" for a, b in zip(first, last, strict=True)]], CALL)
    if len(grid.texts) == 1:
        return grid
    later = _wrapped(grid, PLUS + 1)[1:]
    columns = zip(_wrapped(grid, PLUS)[0], *later, strict=True)
    return Grid([["+".join(column) for column in columns]], PLUS)


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
        slope: The local derivative of an activation, in terms of its output.
        axes: The axes of the result.
        fast: Its value for training, where speed matters more than the last bit.
    """

    name: str
    value: Callable[..., Array]
    reads: tuple[Pattern, ...]
    maths: Form
    numpy: Form
    r: Form | Callable[[Applied], Form]
    excel: Form
    cells: CellForm
    back: Callable[..., tuple[Expression, ...]] | None = None
    slope: Callable[[Expression], Expression] | None = None
    axes: Callable[[Sequence[Expression]], tuple[Axis, Axis]] = _axes_of_elements
    fast: Callable[..., Array] | None = None


def _elementwise(
    name: str,
    value: Callable[..., Array],
    *,
    maths: Form,
    numpy: Form,
    excel: Form,
    r: Form | Callable[[Applied], Form] | None = None,
    cell: Form | None = None,
    back: Callable[..., tuple[Expression, ...]] | None = None,
    slope: Callable[[Expression], Expression] | None = None,
) -> Operation:
    """Return an operation that computes each cell from the same cell of its operands."""
    reads = (SAME,) * len(excel.needs)
    cells = _element_by_element(cell or excel)
    return Operation(
        name, value, reads, maths, numpy, r or numpy, excel, cells, back=back, slope=slope
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
            excel=_call("MMULT(TRANSPOSE(ROW({0})^0),{0})"),
            cells=_cells_of_sum,
            axes=_axes_of_sum,
        ),
        _elementwise(
            "add",
            np.add,
            maths=_infix(" + ", PLUS),
            numpy=_infix(" + ", PLUS),
            r=_in_r("+", PLUS),
            excel=_infix("+", PLUS),
            back=lambda g, *_: (g, g),
        ),
        _elementwise(
            "subtract",
            np.subtract,
            maths=_infix(" − ", PLUS),
            numpy=_infix(" - ", PLUS),
            r=_in_r("-", PLUS),
            excel=_infix("-", PLUS),
            back=lambda g, *_: (g, 0 - g),
        ),
        _elementwise(
            "multiply",
            np.multiply,
            maths=_infix(" ⊙ ", TIMES),
            numpy=_infix(" * ", TIMES),
            r=_in_r("*", TIMES),
            excel=_infix("*", TIMES),
            back=lambda g, a, b: (g * b, g * a),
        ),
        _elementwise(
            "scale",
            np.multiply,
            maths=_infix(" × ", TIMES),
            numpy=_infix(" * ", TIMES),
            r=_in_r("*", TIMES),
            excel=_infix("*", TIMES),
            back=lambda g, a, b: (g * b, g * a),
        ),
        _elementwise(
            "divide",
            np.divide,
            maths=_infix(" / ", TIMES),
            numpy=_infix(" / ", TIMES),
            r=_in_r("/", TIMES),
            excel=_infix("/", TIMES),
            back=lambda g, a, b: (g / b, 0 - g * a / square(b)),
        ),
        _elementwise(
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
        _elementwise(
            "sigmoid",
            _sigmoid,
            maths=_call("σ({0})"),
            numpy=Form("1 / (1 + np.exp(-{0}))", TIMES, (MINUS_SIGN,)),
            r=Form("1 / (1 + exp(-{0}))", TIMES, (MINUS_SIGN,)),
            # In a spreadsheet -A1^2 is (-A1)^2, so a power after the sign needs parentheses.
            excel=Form("1/(1+EXP(-{0}))", TIMES, (CALL,)),
            # EXP(710) is an error in a spreadsheet, so the exponent stops at 700.
            cell=Form("1/(1+EXP(MIN(700,-{0})))", TIMES, (CALL,)),
            slope=lambda output: output * (1 - output),
        ),
        _elementwise(
            "squared_error",
            lambda y, output: np.square(y - output) / 2.0,
            maths=Form("({0} − {1})² / 2", TIMES, (PLUS, PLUS + 1)),
            numpy=Form("({0} - {1}) ** 2 / 2", TIMES, (PLUS, PLUS + 1)),
            r=Form("({0} - {1})^2 / 2", TIMES, (PLUS, PLUS + 1)),
            excel=Form("({0}-{1})^2/2", TIMES, (PLUS, PLUS + 1)),
            cell=Form("SUMSQ({0}-{1})/2", TIMES, (PLUS, PLUS + 1)),
            back=lambda y, output: (output - y, y - output),
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
    return f"{expression.value:.15g}", CALL


def statement(matrix: Matrix, notation: Notation) -> str:
    """Return the line that computes a matrix, as one would type it: `E = y - output`."""
    assert matrix.definition is not None, f"{matrix.name} is given, not computed"
    right = text(matrix.definition, notation)
    if notation == "excel":
        return f"={right}"
    left = (matrix.symbol or matrix.name) if notation == "maths" else matrix.name
    return f"{left} {'<-' if notation == 'r' else '='} {right}"


def formulas(
    expression: Expression, address: Callable[[Matrix], list[list[str]]]
) -> list[list[str]]:
    """Return the formula of every cell, without the leading `=`.

    Parameters
    ----------
    expression
        What to compute, of shape (rows, columns).
    address
        Gives the cell addresses of a matrix, as a list of rows: `[["A1", "B1"], …]`.
    """
    return _grid(expression, address).texts


def _grid(expression: Expression, address: Callable[[Matrix], list[list[str]]]) -> Grid:
    if isinstance(expression, Applied):
        grids = [_grid(operand, address) for operand in expression.operands]
        return expression.operation.cells(expression, grids)
    if isinstance(expression, Matrix):
        return Grid(address(expression), CALL, "across")
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
            expression.operands, expression.operation.reads, strict=True
        ):
            _collect_reads(operand, (which[rows], which[columns]), found)


@dataclass(frozen=True)
class Backward:
    """The backward definitions that follow from the forward ones.

    Attributes:
        wanted: For each matrix that the loss depends on, the change that makes the loss smaller:
            its negative gradient. A named matrix where `derive` was given a name for it.
        slopes: For each matrix that an activation computes, the activation's slope.
    """

    wanted: Mapping[str, Expression]
    slopes: Mapping[str, Matrix]


Names = Mapping[str, tuple[str, str]]
"""For the name of a forward matrix, the name and the symbol of a backward one."""


def derive(loss: Matrix, wanted: Names, slopes: Names) -> Backward:
    """Return the backward definitions of a loss: reverse-mode differentiation, with names.

    Going back from the loss, each operation passes the change wanted of its result on to its
    operands, as its `back` says. The change itself (the negative gradient, `y - output`) is passed,
    not the gradient, as in the article; so updates add.

    Parameters
    ----------
    loss
        A matrix that a loss of the table computes.
    wanted
        What to call the change wanted of a matrix: `{"output": ("E", "E")}`.
    slopes
        What to call the slope of the activation that computes a matrix.

    Raises
    ------
    ValueError
        If an operation on the way has no derivative.
    """
    changes: dict[str, Expression] = {}
    named: dict[str, Matrix] = {}

    def pass_on(expression: Applied, passed: Sequence[Expression]) -> None:
        for operand, change in zip(expression.operands, passed, strict=True):
            fitted = _fitted(change, operand)
            if isinstance(operand, Matrix):
                known = changes.get(operand.name)
                changes[operand.name] = fitted if known is None else known + fitted
            elif isinstance(operand, Applied):
                pass_on(operand, _passed_back(operand, fitted, _slope(operand, operand)))

    seed = loss.definition
    assert isinstance(seed, Applied)
    assert seed.operation.back is not None
    pass_on(seed, seed.operation.back(*seed.operands))
    for matrix in reversed(_in_order(loss)[:-1]):
        change, definition = changes[matrix.name], matrix.definition
        if matrix.name in wanted:
            name, symbol = wanted[matrix.name]
            change = changes[matrix.name] = define(name, change, symbol)
        if isinstance(definition, Applied):
            slope = _slope(definition, matrix)
            if slope is not None and matrix.name in slopes:
                name, symbol = slopes[matrix.name]
                slope = named[matrix.name] = define(name, slope, symbol)
            pass_on(definition, _passed_back(definition, change, slope))
    return Backward(changes, named)


def _slope(expression: Applied, output: Expression) -> Expression | None:
    """Return an activation's slope in terms of its output; None if it is not an activation."""
    slope = expression.operation.slope
    return slope(output) if slope else None


def _passed_back(
    expression: Applied, change: Expression, slope: Expression | None
) -> tuple[Expression, ...]:
    """Return the change wanted of each operand, from the change wanted of the result."""
    if slope is not None:
        return (change * slope,)
    if expression.operation.back is None:
        raise ValueError(f"the operation {expression.operation.name} has no derivative")
    return expression.operation.back(change, *expression.operands)


def _fitted(change: Expression, operand: Expression) -> Expression:
    """Return a change summed over the axes along which its operand was repeated."""
    if operand.rows is ONE and change.rows is not ONE:
        change = sum_over_rows(change)
    if operand.columns is ONE and change.columns is not ONE:
        change = sum_over_rows(change.T).T
    return change


def _in_order(last: Matrix) -> list[Matrix]:
    """Return the matrices that a matrix depends on, each after those it reads, and itself."""
    found: dict[Matrix, None] = {}

    def visit(expression: Expression) -> None:
        if isinstance(expression, Matrix):
            if expression in found:
                return
            if expression.definition is not None:
                visit(expression.definition)
            found[expression] = None
        elif isinstance(expression, Applied):
            for operand in expression.operands:
                visit(operand)

    visit(last)
    return list(found)


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

    def value(expression: Expression) -> Array | float:
        if isinstance(expression, Matrix):
            return values[expression.name]
        if isinstance(expression, Applied):
            return expression.operation.value(*map(value, expression.operands))
        assert isinstance(expression, Number)
        return expression.value

    for matrix in matrices:
        if matrix.definition is None:
            values[matrix.name] = given[matrix.name]
        else:
            values[matrix.name] = np.asarray(value(matrix.definition))
    return values


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
