"""What the definitions of a program are written with, beside operators: functions of matrices.

Each takes expressions, or numbers beside one, and gives an expression; what it computes, how it is
written in a cell and how it is differentiated stand in the algebra's table.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from cellprop import algebra
from cellprop.algebra import Array, Expression, Keep, apply
from cellprop.errors import InputError

Operand = Expression | float
Pair = int | tuple[int, int]
"""A number for both rows and columns, or one for each."""
Named = Callable[[str, Expression], Expression]
"""Names a part of something, as `m.define` does."""


def _expression(operand: Operand) -> Expression:
    if not isinstance(operand, (Expression, int, float, np.integer)) or isinstance(operand, bool):
        raise InputError(
            f"expected a matrix of the program or a number, found {type(operand).__name__}:"
            " give numbers as m.constant(name, values)."
        )
    return algebra.expression_of(operand)


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


def greater(x: Operand, y: Operand) -> Expression:
    """Return 1 where x is greater than y, else 0: a step, through which nothing goes back."""
    return apply("greater", _expression(x), _expression(y))


def at_least(x: Operand, y: Operand) -> Expression:
    """Return 1 where x is no less than y, else 0: a step, through which nothing goes back."""
    return algebra.at_least(_expression(x), _expression(y))


def power(x: Operand, exponent: float) -> Expression:
    """Return each number to a power, as `x ** exponent` does: a whole number up to 12, or 0.5."""
    return algebra.power(_expression(x), exponent)


# --- Sums ---------------------------------------------------------------------------------


def sum(x: Operand, axis: int | None = None) -> Expression:
    """Return sums: over rows (0), of shape (1, columns); over columns (1), of shape (rows, 1); over
    both (None), of shape (1, 1).
    """
    return algebra.sum_of(_expression(x), axis)


def mean(x: Operand, axis: int | None = None) -> Expression:
    """Return means, over what `sum` adds up."""
    return algebra.mean(_expression(x), axis)


# --- Normalised ---------------------------------------------------------------------------


def layer_norm(
    x: Operand,
    gain: Operand | None = None,
    shift: Operand | None = None,
    *,
    epsilon: float = 1e-5,
    keep: Named | None = None,
) -> Expression:
    """Return each row brought to mean 0 and variance 1, times a gain and plus a shift.

    Parameters
    ----------
    x
        Of shape (rows, columns).
    gain, shift
        A number for each column; left out where they are None.
    epsilon
        What is added to the variance, so that nothing is divided by 0.
    keep
        What gives each part a name and makes a matrix of it (`mean`, `centred`, `variance`,
        `deviation`, `standardised`): `m.define`, or with names of your own
        `lambda name, part: m.define(f"{name}_2", part)`. Without it all is one long formula.
    """
    told = _gain_and_shift(gain, shift)
    return algebra.layer_norm(_expression(x), *told, epsilon=epsilon, keep=_kept(keep))


def batch_norm(
    x: Operand,
    gain: Operand | None = None,
    shift: Operand | None = None,
    *,
    epsilon: float = 1e-5,
    keep: Named | None = None,
) -> Expression:
    """Return each column brought to mean 0 and variance 1 over the samples at hand, times a gain
    and plus a shift; see `layer_norm`.
    """
    told = _gain_and_shift(gain, shift)
    return algebra.batch_norm(_expression(x), *told, epsilon=epsilon, keep=_kept(keep))


def _gain_and_shift(*operands: Operand | None) -> list[Expression | None]:
    return [None if operand is None else _expression(operand) for operand in operands]


def _kept(keep: Named | None) -> Keep | None:
    return None if keep is None else lambda name, part, _: keep(name, part)


# --- Put together, taken apart, turned and padded -----------------------------------------


def concatenate(*parts: Operand, axis: int = 0, name: str = "") -> Expression:
    """Return matrices below each other (0) or side by side (1).

    Parameters
    ----------
    parts
        One or more.
    axis
        0 or 1.
    name
        What the lines of that axis are; what those of the parts are, if it is empty.
    """
    return algebra.concatenate(*map(_expression, parts), axis=axis, name=name)


def split(x: Operand, like: Expression, axis: int = 1) -> list[Expression]:
    """Return the parts of a matrix that stand side by side (1) or below each other (0), each as
    large as another matrix and with its axes: the four gates of an LSTM, of one weighted sum.

    Parameters
    ----------
    x
        Some times as large as `like` along the axis.
    like
        Whose rows and columns each part has; none of its numbers is read.
    axis
        0 or 1.

    Raises
    ------
    InputError
        If it does not come out even, or there is no such axis.
    """
    of, wanted = _expression(x), _expression(like)
    if axis not in (0, 1):
        raise InputError(f"axis: expected 0 (below each other) or 1 (side by side), found {axis}.")
    along, whole = ((each.columns if axis else each.rows) for each in (wanted, of))
    across, beside = ((each.rows if axis else each.columns) for each in (wanted, of))
    if whole.size % along.size:
        raise InputError(f"{whole.size} {whole.name} are no number of times {along.size}.")
    if across.size != beside.size:
        raise InputError(f"{beside.size} {beside.name} are not {across.size} {across.name}.")
    size, side = along.size, "columns" if axis else "rows"
    starts = range(0, whole.size, size)
    lines = ("" if size == whole.size else f"{start}:{start + size}" for start in starts)
    return [apply("slice", of, wanted, **{side: line}) for line in lines]


def flip(x: Operand, axis: int = 0) -> Expression:
    """Return the rows (0) or the columns (1) from the last to the first."""
    if axis not in (0, 1):
        raise InputError(f"axis: expected 0 (rows) or 1 (columns), found {axis!r}.")
    return algebra.flip(_expression(x), axis)


def pad(x: Operand, rows: Pair = 0, columns: Pair = 0) -> Expression:
    """Return a matrix with rows of zeros above and below it, and columns left and right of it: so
    many on either side, or `(before, after)`.
    """
    before_and_after = (
        each if isinstance(each, tuple) else (each, each) for each in (rows, columns)
    )
    return algebra.pad(_expression(x), *before_and_after)


# --- By an index --------------------------------------------------------------------------


def embed(table: Operand, indices: Operand) -> Expression:
    """Return a row of a table for each index.

    Parameters
    ----------
    table
        A row for each thing that has an index.
    indices
        One column of whole numbers from 1, as rows of a sheet are counted.
    """
    return algebra.embed(_expression(table), _expression(indices))


def one_hot(indices: Operand, count: int, name: str = "classes") -> Expression:
    """Return a row for each index, of whole numbers from 1: a 1 at its place of so many, and 0
    elsewhere; `name` is what the places stand for.
    """
    return algebra.one_hot(_expression(indices), count, name)


# --- Windows ------------------------------------------------------------------------------


def convolve(x: Operand, kernel: Operand, stride: Pair = 1, padding: Pair = 0) -> Expression:
    """Return the sums of products of windows of a matrix with a kernel, which is not turned.

    Parameters
    ----------
    x
        Of shape (rows, columns).
    kernel
        Of shape (rows of a window, columns of a window).
    stride
        How far windows are from one another.
    padding
        How many lines of zeros are put on each side.
    """
    return algebra.convolve(_expression(x), _expression(kernel), stride, padding)


def max_pool(x: Operand, size: Pair = 2, stride: Pair | None = None) -> Expression:
    """Return the largest number of each window of some size; without a stride windows stand side by
    side.
    """
    return algebra.max_pool(_expression(x), size, stride)


def mean_pool(x: Operand, size: Pair = 2, stride: Pair | None = None) -> Expression:
    """Return the mean of each window; see `max_pool`."""
    return algebra.mean_pool(_expression(x), size, stride)


# --- Attention ----------------------------------------------------------------------------


def causal_mask(size: int) -> Array:
    """Return what is added to scores, so that no row looks at a column behind its own: an array of
    0, and of -1000 above the diagonal, for `m.constant`.
    """
    return algebra.causal_mask(size)


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
