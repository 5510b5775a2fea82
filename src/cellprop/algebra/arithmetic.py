"""The table of plain operations: products, sums, quotients, extremes, and what slopes are made of.

Adding one is adding a row here: its value, its texts, its cell formula, which cells it reads, its
derivative and its range.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np

from cellprop.algebra import axes, cells, ranges
from cellprop.algebra.expressions import (
    Applied,
    Array,
    CellTexts,
    Expression,
    Form,
    Matrix,
    Operation,
    Range,
    power,
    square,
)
from cellprop.algebra.notation import (
    CALL,
    COMPARED,
    MATRIX_TIMES,
    PLUS,
    POWER,
    TIMES,
    call,
    either_in_r,
    in_r,
    infix,
    ones_beside,
    truth_in_r,
)
from cellprop.algebra.rows import elementwise
from cellprop.algebra.spans import ALL, COLUMN, ROW, SAME

# What a leaky ReLU lets through of a negative number, unless it is set otherwise.
LEAK = 0.01
# How each notation writes what a GELU takes the tanh of, √(2/π) (x + 0.044715 x³): with no more
# digits than Excel takes of a number that is typed. From 10 on the tanh is 1 whatever the square.
BENT = {
    "numpy": "0.797884560802865 * {0} * (1 + 0.044715 * {0} ** 2)",
    "r": "0.797884560802865 * {0} * (1 + 0.044715 * {0}^2)",
    "excel": "0.797884560802865*{0}*(1+0.044715*{0}^2)",
    "cell": "0.797884560802865*{0}*(1+0.044715*SUMSQ(MIN(10,ABS({0}))))",
    "worked": "0.797884560802865 · {0} · (1 + 0.044715 · {0}²)",
}
# Numbers closer to 0 than this are taken for it where a division or a logarithm would overflow.
TINY = float(np.exp(-460.0))  # 2e-200, written so that a formula needs no exponent
# What spreads less than this is taken not to spread at all: what it divides stays of a size with
# which a network can calculate on.
SMALL = float(np.exp(-69.0))  # 1e-30


# --- Values -------------------------------------------------------------------------------


def _product_in_order(left: Array, right: Array) -> Array:
    """Return the matrix product, adding its terms one after another from the left."""
    total = left[:, :1] * right[:1]
    for k in range(1, len(right)):
        total += left[:, k : k + 1] * right[k : k + 1]
    return total


def sum_in_order(x: Array) -> Array:
    """Return the row sums of an array of shape (rows, columns), of shape (rows, 1): one column
    added after another, as a spreadsheet does.
    """
    total = x[:, :1].copy()
    for j in range(1, x.shape[1]):
        total += x[:, j : j + 1]
    return total


def _ratio(a: Array, b: Array) -> Array:
    return np.divide(a, np.maximum(b, TINY))


def _ratio_to_spread(a: Array, b: Array) -> Array:
    return np.divide(a, np.maximum(b, SMALL))


def _positive_or_leak(x: Array, leak: float) -> Array:
    return np.where(x > 0.0, 1.0, leak)


def bent(x: Array) -> Array:
    """Return what a GELU takes the tanh of: see `BENT`."""
    result: Array = 0.797884560802865 * x * (1.0 + 0.044715 * _square_to_100(x))
    return result


def _gelu_slope(x: Array) -> Array:
    tanh = np.tanh(bent(x))
    steep = 0.398942280401433 * x * (1.0 - np.square(tanh)) * (1.0 + 0.134145 * _square_to_100(x))
    result: Array = 0.5 * (1.0 + tanh) + steep
    return result


def _square_to_100(x: Array) -> Array:
    result: Array = np.square(np.minimum(10.0, np.abs(x)))
    return result


# --- Rows that are alike ------------------------------------------------------------------

Side = Literal["rows", "columns"]


def _sum(over: Side) -> Operation:
    """Return the sums of the columns, or of the rows."""
    by_rows = over == "rows"
    axis = 0 if by_rows else 1
    at_once: Callable[[Array], Array] = lambda x: np.add.reduce(x, axis=axis, keepdims=True)  # noqa: E731
    return Operation(
        f"sum_over_{over}",
        at_once if by_rows else sum_in_order,
        reads=((ALL, COLUMN) if by_rows else (ROW, ALL),),
        maths=call(f"Σ_{over}({{0}})"),
        numpy=Form(f"{{0}}.sum(axis={axis}, keepdims=True)", CALL, (CALL,)),
        torch=Form(f"{{0}}.sum(dim={axis}, keepdim=True)", CALL, (CALL,)),
        r=call("t(colSums({0}))" if by_rows else "cbind(rowSums({0}))"),
        excel=ones_beside(over),
        cells=cells.reduced("SUM", over=over),
        axes=axes.of_a_row if by_rows else axes.of_a_column,
        range=ranges.of_column_sums if by_rows else ranges.of_row_sums,
        fast=at_once,
        back=lambda g, _, a: (Applied("ones", a) * g,),
        is_linear=True,
    )


def _extreme(name: str, function: str, over: Side) -> Operation:
    """Return the smallest or largest number of each column, or of each row."""
    axis, by, side = (0, "BYCOL", 2) if over == "rows" else (1, "BYROW", 1)
    value = np.minimum if function == "MIN" else np.maximum
    lower = function.lower()

    def back(g: Expression, result: Expression, a: Expression) -> tuple[Expression]:
        # Those that are alike share the change.
        alike = Applied("equal", a, result)
        return (g * alike / Applied(f"sum_over_{over}", alike),)

    return Operation(
        name,
        lambda x: value.reduce(x, axis=axis, keepdims=True),
        reads=((ALL, COLUMN) if over == "rows" else (ROW, ALL),),
        maths=call(f"{lower}_{over}({{0}})"),
        numpy=Form(f"{{0}}.{lower}(axis={axis}, keepdims=True)", CALL, (CALL,)),
        # The one whose derivative those that are alike share, too.
        torch=Form(f"{{0}}.a{lower}(dim={axis}, keepdim=True)", CALL, (CALL,)),
        r=call(f"{'rbind' if over == 'rows' else 'cbind'}(apply({{0}}, {side}, {lower}))"),
        excel=call(f"{by}({{0}},LAMBDA(line,{function}(line)))"),
        cells=cells.reduced(function, over=over),
        axes=axes.of_a_row if over == "rows" else axes.of_a_column,
        range=ranges.chosen,
        back=back,
    )


def _either(name: str, function: str) -> Operation:
    """Return the smaller or the larger of two numbers."""
    is_larger = function == "MAX"
    lower = function.lower()

    def back(g: Expression, _: Expression, a: Expression, b: Expression) -> tuple[Expression, ...]:
        # Where both are alike each takes half.
        more, less = Applied("positive", a - b), Applied("positive", b - a)
        of_first = (1 + more - less) / 2 if is_larger else (1 + less - more) / 2
        return g * of_first, g * (1 - of_first)

    return elementwise(
        name,
        np.maximum if is_larger else np.minimum,
        maths=call(f"{lower}({{0}}, {{1}})"),
        numpy=call(f"np.{name}({{0}}, {{1}})"),
        r=either_in_r(f"p{lower}"),
        torch=_either_in_torch(name),
        # In an array formula MAX would take the largest of all.
        excel=Form(
            f"IF({{0}}{'>' if is_larger else '<'}{{1}},{{0}},{{1}})", CALL, (COMPARED + 1,) * 2
        ),
        cell=call(f"{function}({{0}},{{1}})"),
        back=back,
    )


def _either_in_torch(name: str) -> Callable[[Applied], Form]:
    """Return what gives the Form in PyTorch, which compares tensors only: a number becomes one."""

    def form(expression: Applied) -> Form:
        texts = (
            f"torch.as_tensor({{{i}}})" if operand.is_scalar else f"{{{i}}}"
            for i, operand in enumerate(expression.operands)
        )
        return call(f"torch.{name}({', '.join(texts)})")

    return form


def _quotient(name: str, value: Callable[..., Array], least: str) -> Operation:
    """Return the division by what is not negative, and in a cell not less than a number."""

    def back(
        g: Expression, result: Expression, _: Expression, b: Expression
    ) -> tuple[Expression, ...]:
        # As if the divisor were not kept from 0: there it has no derivative to speak of.
        return Applied(name, g, b), 0 - Applied(name, g * result, b)

    return elementwise(
        name,
        value,
        maths=infix(" / ", TIMES),
        numpy=infix(" / ", TIMES),
        r=in_r("/", TIMES),
        excel=infix("/", TIMES),
        cell=Form(f"{{0}}/MAX({least},{{1}})", TIMES, (TIMES, 0)),
        back=back,
        is_linear=True,
    )


_SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


def _power(x: Array, exponent: int) -> Array:
    """Return x to a whole power, from squares as its cell formula has it."""
    half = x if exponent < 4 else _power(x, exponent // 2)
    result: Array = np.square(half)
    return result * x if exponent % 2 else result


def _power_in_cell(exponent: int) -> str:
    # To LibreOffice the power of a number near 0 is an error; the sum of one square is 0.
    half = "{0}" if exponent < 4 else _power_in_cell(exponent // 2)
    return f"SUMSQ({half})" + ("*{0}" if exponent % 2 else "")


def _cells_of_power(expression: Applied, operands: Sequence[CellTexts]) -> CellTexts:
    exponent = int(expression.settings["exponent"])
    form = Form(_power_in_cell(exponent), TIMES, (TIMES + 1,))
    return cells.element_by_element(form if exponent % 2 else call(form.template))(
        expression, operands
    )


def _power_in_maths(expression: Applied) -> Form:
    exponent = str(expression.settings["exponent"]).translate(_SUPERSCRIPTS)
    return Form(f"{{0}}{exponent}", POWER, (CALL,))


def _back_of_power(g: Expression, _: Expression, a: Expression, exponent: int) -> tuple[Expression]:
    return (g * power(a, exponent - 1) * exponent,)


# --- Ranges that look at the operands -----------------------------------------------------

_LARGEST = ("maximum_over_rows", "maximum_over_columns")


def _range_of_difference(expression: Applied, operands: Sequence[Range]) -> Range:
    """Return the range of a difference; of numbers less the largest of them, none is positive."""
    left, right = expression.operands
    is_largest = isinstance(right, Applied) and right.operation.name in _LARGEST
    if is_largest and isinstance(right, Applied) and right.operands[0] is left:
        return operands[0][0] - operands[0][1], 0.0
    return ranges.at_ends(expression, operands)


def _range_of_quotient(expression: Applied, operands: Sequence[Range]) -> Range:
    """Return the range of a division, such as that by a sum of exponentials of which one is e⁰: by
    1 or more.

    Raises
    ------
    OverflowError
        If the divisor can be 0.
    """
    least, most = operands[1]
    if _has_e_to_0(expression.operands[1]):
        least, most = max(1.0, least), max(1.0, most)
    if least <= 0 <= most:
        raise OverflowError("a divisor can be 0")
    return ranges.at_ends(expression, [operands[0], (least, most)])


def _has_e_to_0(divisor: Expression) -> bool:
    """Whether it is the sum of the exponentials of numbers less the largest of them."""
    total = _defined(divisor, "sum_over_columns")
    power = total and _defined(total.operands[0], "exponential")
    shifted = power and _defined(power.operands[0], "subtract")
    largest = shifted and _defined(shifted.operands[1], "maximum_over_columns")
    return bool(shifted and largest and largest.operands[0] is shifted.operands[0])


def _defined(expression: Expression, name: str) -> Applied | None:
    """Return an operation of a name that an expression is, or is defined by."""
    if isinstance(expression, Matrix) and expression.definition is not None:
        expression = expression.definition
    is_it = isinstance(expression, Applied) and expression.operation.name == name
    return expression if is_it else None  # type: ignore[return-value]


# --- The table ----------------------------------------------------------------------------

ARITHMETIC: tuple[Operation, ...] = (
    Operation(
        "product",
        _product_in_order,
        reads=((ROW, ALL), (ALL, COLUMN)),
        maths=infix(" · ", MATRIX_TIMES),
        numpy=infix(" @ ", TIMES),
        r=infix(" %*% ", MATRIX_TIMES),
        excel=call("MMULT({0},{1})"),
        cells=cells.of_product,
        axes=axes.of_product,
        range=ranges.of_product,
        fast=np.matmul,
        back=lambda g, _, a, b: (g @ b.T, a.T @ g),
        is_linear=True,
    ),
    Operation(
        "transpose",
        np.transpose,
        reads=((COLUMN, ROW),),
        maths=Form("{0}ᵀ", CALL, (CALL,)),
        numpy=Form("{0}.T", CALL, (CALL,)),
        r=call("t({0})"),
        excel=call("TRANSPOSE({0})"),
        cells=cells.of_transpose,
        axes=axes.of_transpose,
        range=ranges.chosen,
        back=lambda g, *_: (g.T,),
        is_linear=True,
    ),
    _sum("rows"),
    _sum("columns"),
    _extreme("minimum_over_rows", "MIN", "rows"),
    _extreme("maximum_over_rows", "MAX", "rows"),
    _extreme("maximum_over_columns", "MAX", "columns"),
    elementwise(
        "add",
        np.add,
        maths=infix(" + ", PLUS),
        numpy=infix(" + ", PLUS),
        r=in_r("+", PLUS),
        excel=infix("+", PLUS),
        back=lambda g, *_: (g, g),
    ),
    elementwise(
        "subtract",
        np.subtract,
        maths=infix(" − ", PLUS),
        numpy=infix(" - ", PLUS),
        r=in_r("-", PLUS),
        excel=infix("-", PLUS),
        back=lambda g, *_: (g, 0 - g),
        range=_range_of_difference,
    ),
    elementwise(
        "multiply",
        np.multiply,
        maths=infix(" ⊙ ", TIMES),
        numpy=infix(" * ", TIMES),
        r=in_r("*", TIMES),
        excel=infix("*", TIMES),
        back=lambda g, _, a, b: (g * b, g * a),
        is_linear=True,
    ),
    # A product with one number for all.
    elementwise(
        "scale",
        np.multiply,
        maths=infix(" × ", TIMES),
        numpy=infix(" * ", TIMES),
        r=in_r("*", TIMES),
        excel=infix("*", TIMES),
        back=lambda g, _, a, b: (g * b, g * a),
        is_linear=True,
    ),
    elementwise(
        "divide",
        np.divide,
        maths=infix(" / ", TIMES),
        numpy=infix(" / ", TIMES),
        r=in_r("/", TIMES),
        excel=infix("/", TIMES),
        back=lambda g, _, a, b: (g / b, 0 - g * a / square(b)),
        range=_range_of_quotient,
        is_linear=True,
    ),
    elementwise(
        "square",
        np.square,
        maths=Form("{0}²", POWER, (CALL,)),
        numpy=Form("{0} ** 2", POWER, (CALL,)),
        r=Form("{0}^2", POWER, (CALL,)),
        excel=Form("{0}^2", POWER, (POWER,)),
        # To LibreOffice the power of a number near 0 is an error; the sum of one square is 0.
        cell=call("SUMSQ({0})"),
        back=lambda g, _, a: (g * a * 2,),
    ),
    Operation(
        "power",
        _power,
        reads=(SAME,),
        maths=_power_in_maths,
        numpy=Form("{0} ** {exponent}", POWER, (CALL,)),
        r=Form("{0}^{exponent}", POWER, (CALL,)),
        excel=Form("{0}^{exponent}", POWER, (POWER,)),
        cells=_cells_of_power,
        axes=axes.of_elements,
        range=ranges.at_ends,
        back=_back_of_power,
        settings={"exponent": 3},
    ),
    elementwise(
        "square_root",
        lambda x: np.sqrt(np.maximum(x, 0.0)),
        maths=call("√({0})"),
        numpy=call("np.sqrt({0})"),
        r=call("sqrt({0})"),
        excel=call("SQRT({0})"),
        # What is computed as 0 may come out a little below.
        cell=call("SQRT(MAX(0,{0}))"),
        back=lambda g, root, _: (Applied("ratio", g, root * 2),),
    ),
    elementwise(
        "absolute",
        np.abs,
        maths=call("|{0}|"),
        numpy=call("np.abs({0})"),
        r=call("abs({0})"),
        excel=call("ABS({0})"),
        # Of 0 it has none; there it is that of a number below.
        back=lambda g, _, a: (g * (Applied("positive", a) * 2 - 1),),
    ),
    elementwise(
        "exponential",
        np.exp,
        maths=call("exp({0})"),
        numpy=call("np.exp({0})"),
        r=call("exp({0})"),
        excel=call("EXP({0})"),
        back=lambda g, power, _: (g * power,),
    ),
    elementwise(
        "logarithm",
        lambda x: np.log(np.maximum(x, TINY)),
        maths=call("ln({0})"),
        numpy=call("np.log({0})"),
        r=call("log({0})"),
        excel=call("LN({0})"),
        # LN(0) is an error in a spreadsheet.
        cell=call("LN(MAX(EXP(-460),{0}))"),
        back=lambda g, _, a: (Applied("ratio", g, a),),
    ),
    _either("minimum", "MIN"),
    _either("maximum", "MAX"),
    # A quotient whose divisor is not negative, and may come so close to 0 as to be it.
    _quotient("ratio", _ratio, "EXP(-460)"),
    # One whose divisor says how far numbers spread: of inputs, or of changes.
    _quotient("ratio_to_spread", _ratio_to_spread, "EXP(-69)"),
    elementwise(
        "ones",
        np.ones_like,
        maths=Form("1", CALL, (0,)),
        numpy=call("np.ones_like({0})"),
        r=Form("0 * {0} + 1", PLUS, (TIMES + 1,)),
        excel=Form("0*{0}+1", PLUS, (TIMES + 1,)),
        cell=Form("1", CALL, (0,)),
    ),
    elementwise(
        "equal",
        lambda a, b: np.equal(a, b).astype(np.float64),
        maths=Form("[{0} = {1}]", CALL, (0, 0)),
        numpy=Form("np.where({0} == {1}, 1.0, 0.0)", CALL, (COMPARED + 1, COMPARED + 1)),
        r=truth_in_r("=="),
        excel=call("IF({0}={1},1,0)"),
        range=ranges.within(0.0, 1.0),
    ),
    elementwise(
        "positive",
        lambda x: np.where(x > 0.0, 1.0, 0.0),
        maths=Form("[{0} > 0]", CALL, (0,)),
        numpy=call("np.where({0} > 0, 1.0, 0.0)"),
        r=call("ifelse({0} > 0, 1, 0)"),
        excel=call("IF({0}>0,1,0)"),
    ),
    elementwise(
        "positive_or_leak",
        _positive_or_leak,
        maths=Form("[{0} > 0, else {leak}]", CALL, (0,)),
        numpy=call("np.where({0} > 0, 1.0, {leak})"),
        r=call("ifelse({0} > 0, 1, {leak})"),
        excel=call("IF({0}>0,1,{leak})"),
        settings={"leak": LEAK},
    ),
    # The derivative of a GELU by its input.
    elementwise(
        "gelu_slope",
        _gelu_slope,
        maths=call("gelu′({0})"),
        numpy=Form(
            f"0.5 * (1 + np.tanh({BENT['numpy']})) + 0.398942280401433 * {{0}}"
            f" * (1 - np.tanh({BENT['numpy']}) ** 2) * (1 + 0.134145 * {{0}} ** 2)",
            PLUS,
            (CALL,),
        ),
        r=Form(
            f"0.5 * (1 + tanh({BENT['r']})) + 0.398942280401433 * {{0}}"
            f" * (1 - tanh({BENT['r']})^2) * (1 + 0.134145 * {{0}}^2)",
            PLUS,
            (CALL,),
        ),
        excel=Form(
            f"0.5*(1+TANH({BENT['excel']}))+0.398942280401433*{{0}}"
            f"*(1-TANH({BENT['excel']})^2)*(1+0.134145*{{0}}^2)",
            PLUS,
            (CALL,),
        ),
        cell=Form(
            f"0.5*(1+TANH({BENT['cell']}))+0.398942280401433*{{0}}"
            f"*(1-SUMSQ(TANH({BENT['cell']})))*(1+0.134145*SUMSQ(MIN(10,ABS({{0}}))))",
            PLUS,
            (CALL,),
        ),
        worked=Form(
            f"0.5 · (1 + tanh({BENT['worked']})) + 0.398942280401433 · {{0}}"
            f" · (1 − tanh({BENT['worked']})²) · (1 + 0.134145 · {{0}}²)",
            PLUS,
            (CALL,),
        ),
        range=ranges.within(-0.13, 1.13),
    ),
)
