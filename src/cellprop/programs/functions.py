"""What the definitions of a program are written with, beside operators: functions of matrices.

Each takes expressions, or numbers beside one, and gives an expression; what it computes, how it is
written in a cell and how it is differentiated stand in the algebra's table.
"""

from __future__ import annotations

from cellprop.algebra import Expression, Number, apply, sum_over_columns, sum_over_rows
from cellprop.errors import InputError

Operand = Expression | float


def _expression(operand: Operand) -> Expression:
    if isinstance(operand, Expression):
        return operand
    if isinstance(operand, bool) or not isinstance(operand, (int, float)):
        raise InputError(
            f"expected a matrix of the program or a number, found {type(operand).__name__}:"
            " give numbers as m.constant(name, values)."
        )
    return Number(float(operand))


# --- Activations --------------------------------------------------------------------------


def sigmoid(x: Operand) -> Expression:
    """Return 1 / (1 + exp(−x)) of each number."""
    return apply("sigmoid", _expression(x))


def tanh(x: Operand) -> Expression:
    """Return the hyperbolic tangent of each number."""
    return apply("tanh", _expression(x))


def relu(x: Operand) -> Expression:
    """Return max(0, x) of each number."""
    return apply("relu", _expression(x))


def leaky_relu(x: Operand, leak: float = 0.01) -> Expression:
    """Return x where it is positive, else `leak` times x."""
    return apply("leaky_relu", _expression(x), leak=leak)


def softplus(x: Operand) -> Expression:
    """Return ln(1 + exp(x)) of each number."""
    return apply("softplus", _expression(x))


def elu(x: Operand) -> Expression:
    """Return x where it is positive, else exp(x) − 1."""
    return apply("elu", _expression(x))


def silu(x: Operand) -> Expression:
    """Return x times its sigmoid, of each number."""
    return apply("silu", _expression(x))


def gelu(x: Operand) -> Expression:
    """Return the Gaussian error linear unit of each number, in its form with tanh."""
    return apply("gelu", _expression(x))


def softmax(x: Operand) -> Expression:
    """Return the shares of each row, exp(x) over the row's sum; in parts, if it defines a matrix by
    itself.
    """
    return apply("softmax", _expression(x))


# --- Of each number -----------------------------------------------------------------------


def exp(x: Operand) -> Expression:
    """Return the exponential of each number."""
    return apply("exponential", _expression(x))


def log(x: Operand) -> Expression:
    """Return the natural logarithm of each number."""
    return apply("logarithm", _expression(x))


def sqrt(x: Operand) -> Expression:
    """Return the square root of each number; 0 of what is below 0."""
    return apply("square_root", _expression(x))


def square(x: Operand) -> Expression:
    """Return the square of each number."""
    return apply("square", _expression(x))


def maximum(x: Operand, y: Operand) -> Expression:
    """Return the larger of two numbers, each."""
    return apply("maximum", _expression(x), _expression(y))


def minimum(x: Operand, y: Operand) -> Expression:
    """Return the smaller of two numbers, each."""
    return apply("minimum", _expression(x), _expression(y))


# --- Sums ---------------------------------------------------------------------------------


def sum(x: Operand, axis: int | None = None) -> Expression:
    """Return sums: over rows (0), of shape (1, columns); over columns (1), of shape (rows, 1); over
    both (None), of shape (1, 1).
    """
    of = _expression(x)
    if axis is None:
        return sum_over_columns(sum_over_rows(of))
    if axis not in (0, 1):
        raise InputError(f"axis: expected 0 (over rows), 1 (over columns) or None, found {axis!r}.")
    return sum_over_rows(of) if axis == 0 else sum_over_columns(of)


def mean(x: Operand, axis: int | None = None) -> Expression:
    """Return means, over what `sum` adds up."""
    of = _expression(x)
    sizes = {0: of.rows.size, 1: of.columns.size, None: of.rows.size * of.columns.size}
    return sum(of, axis) / sizes[axis]


# --- Losses -------------------------------------------------------------------------------


def squared_error(y: Operand, output: Operand) -> Expression:
    """Return ½ (y − output)² of each number."""
    return apply("squared_error", _expression(y), _expression(output))


def binary_cross_entropy(y: Operand, output: Operand) -> Expression:
    """Return −y ln(output) − (1 − y) ln(1 − output) of each number, of outputs between 0 and 1."""
    return apply("binary_cross_entropy", _expression(y), _expression(output))


def cross_entropy(y: Operand, output: Operand) -> Expression:
    """Return −y ln(output) of each number; the targets of a row add up to 1."""
    return apply("cross_entropy", _expression(y), _expression(output))
