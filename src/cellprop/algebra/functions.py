"""Functions that a program is written with: of several operations, or of one with settings.

Knows expressions and the names of operations; an operation that stands by itself has its function
in `expressions`.
"""

from __future__ import annotations

import numpy as np

from cellprop.algebra.expressions import (
    Applied,
    Array,
    Expression,
    Keep,
    expression_of,
    square,
    square_root,
)
from cellprop.errors import InputError

# --- Along an axis ------------------------------------------------------------------------


def sum_of(operand: Expression, axis: int | None = None) -> Applied:
    """Return the sums of the columns (`axis=0`), of the rows (`axis=1`), or of all numbers."""
    return Applied(_SUMS[_known_axis(axis)], operand)


def mean(operand: Expression, axis: int | None = None) -> Applied:
    """Return the means of the columns (`axis=0`), of the rows (`axis=1`), or of all numbers."""
    height, width = operand.shape
    return sum_of(operand, axis) / {0: height, 1: width, None: height * width}[axis]


_SUMS = {0: "sum_over_rows", 1: "sum_over_columns", None: "total"}


def _known_axis(axis: int | None) -> int | None:
    if axis not in _SUMS:
        raise InputError(f"axis: expected 0 (over rows), 1 (over columns) or None, found {axis!r}.")
    return axis


def at_least(first: Expression | float, second: Expression | float) -> Applied:
    """Return the expression of 1 where the first number is no less than the second, else 0."""
    return Applied("at_least", expression_of(first), expression_of(second))


def softmax(operand: Expression, axis: int = 1) -> Expression:
    """Return the expression of exponentials that add up to 1 in each row; with `axis=0`, in each
    column.
    """
    if _known_axis(axis) == 0:
        return Applied("softmax", operand.T).T
    return Applied("softmax", operand)


def standardised(
    operand: Expression, axis: int, *, epsilon: float = 1e-5, keep: Keep | None = None
) -> Expression:
    """Return the numbers of each column (`axis=0`) or row (`axis=1`) less their mean, divided by
    how far they spread.

    Parameters
    ----------
    operand
        Of shape (rows, columns).
    axis
        Along which the mean is taken.
    epsilon
        What is added to the variance, so that nothing is divided by 0.
    keep
        Told each part before the last: its name (`mean`, `centred`, `variance`, `deviation`),
        expression and symbol; returns what to go on with. Without it they are put into one
        another, which makes for long formulas.
    """
    keep = keep or _put_in
    if epsilon <= 0:
        raise InputError(f"epsilon is more than 0, not {epsilon}: else it could divide by 0.")
    centred = keep("centred", operand - keep("mean", mean(operand, axis), "μ"), "c")
    variance = keep("variance", mean(square(centred), axis), "v")
    return centred / keep("deviation", square_root(variance + epsilon), "σ")


def layer_norm(
    operand: Expression,
    gain: Expression | None = None,
    shift: Expression | None = None,
    *,
    epsilon: float = 1e-5,
    keep: Keep | None = None,
) -> Expression:
    """Return each row standardised, times a gain and plus a shift for each column, where given;
    see `standardised`, whose result is the part `standardised`.
    """
    return _normed(operand, 1, gain, shift, epsilon, keep or _put_in)


def batch_norm(
    operand: Expression,
    gain: Expression | None = None,
    shift: Expression | None = None,
    *,
    epsilon: float = 1e-5,
    keep: Keep | None = None,
) -> Expression:
    """Return each column standardised over the samples at hand, as in training, times a gain and
    plus a shift for each, where given; see `standardised`.
    """
    return _normed(operand, 0, gain, shift, epsilon, keep or _put_in)


def _normed(
    operand: Expression,
    axis: int,
    gain: Expression | None,
    shift: Expression | None,
    epsilon: float,
    keep: Keep,
) -> Expression:
    normed = standardised(operand, axis, epsilon=epsilon, keep=keep)
    if gain is None and shift is None:
        return normed
    normed = keep("standardised", normed, "z")
    normed = normed if gain is None else normed * gain
    return normed if shift is None else normed + shift


def _put_in(_: str, part: Expression, __: str) -> Expression:
    return part


# --- Put together, turned and padded ------------------------------------------------------


def concatenate(*operands: Expression, axis: int = 0, name: str = "") -> Applied:
    """Return expressions below each other, or side by side.

    Parameters
    ----------
    operands
        One or more.
    axis
        0 for below each other, 1 for side by side.
    name
        What the lines of that axis are; what those of the operands are if it is empty.

    Raises
    ------
    InputError
        If there is no operand, or no such axis.
    ShapeError
        If their other axes don't fit.
    """
    return Applied("join", *map(expression_of, operands), axis=axis, name=name)


def flip(operand: Expression, axis: int = 0) -> Expression:
    """Return the rows of an expression from the last to the first; with `axis=1`, the columns."""
    back = slice(None, None, -1)
    return operand[:, back] if axis == 1 else operand[back]


def pad(
    operand: Expression, rows: tuple[int, int] = (0, 0), columns: tuple[int, int] = (0, 0)
) -> Expression:
    """Return an expression among zeros: so many rows of them above and below it, and columns left
    and right of it.
    """
    (top, bottom), (left, right) = rows, columns
    return Applied("pad", operand, top=top, bottom=bottom, left=left, right=right)


# --- By an index --------------------------------------------------------------------------


def embed(table: Expression, indices: Expression) -> Applied:
    """Return a row of a table for each index: of shape (indices, columns of the table).

    Parameters
    ----------
    table
        A row for each thing that has an index.
    indices
        One column of whole numbers from 1, as rows of a sheet are counted.

    Raises
    ------
    ShapeError
        If there are several columns of indices.
    """
    return Applied("embed", table, indices)


def one_hot(indices: Expression, count: int, name: str = "classes") -> Applied:
    """Return a row for each index, with a 1 at its place and 0 elsewhere.

    Parameters
    ----------
    indices
        One column of whole numbers from 1.
    count
        How many places there are.
    name
        What they stand for.

    Raises
    ------
    ShapeError
        If there are several columns of indices.
    """
    return Applied("one_hot", indices, count=count, name=name)


# --- Windows ------------------------------------------------------------------------------

Pair = int | tuple[int, int]
"""A number for both rows and columns, or one for each."""


def convolve(
    operand: Expression, kernel: Expression, stride: Pair = 1, padding: Pair = 0
) -> Applied:
    """Return the convolution of a matrix with a kernel, which is not turned: as in PyTorch, each
    number is the sum of the products of a window with the kernel.

    Parameters
    ----------
    operand
        Of shape (rows, columns).
    kernel
        Of shape (rows of a window, columns of a window).
    stride
        How far windows are from one another.
    padding
        How many lines of zeros are put on each side: at most one less than the kernel has.

    Raises
    ------
    ShapeError
        If the kernel is larger than the matrix.
    InputError
        If windows can't move so.
    """
    (down, across), (top, left) = _both(stride), _both(padding)
    return Applied("convolve", operand, kernel, down=down, across=across, top=top, left=left)


def max_pool(operand: Expression, size: Pair = 2, stride: Pair | None = None) -> Applied:
    """Return the largest number of each window.

    Parameters
    ----------
    operand
        Of shape (rows, columns).
    size
        How many rows and columns a window has.
    stride
        How far windows are from one another; without it they stand side by side.

    Raises
    ------
    ShapeError
        If a window is larger than the matrix.
    InputError
        If windows can't move so.
    """
    return Applied("max_pool", operand, **_pool(size, stride))


def mean_pool(operand: Expression, size: Pair = 2, stride: Pair | None = None) -> Applied:
    """Return the mean of each window; see `max_pool`."""
    told = _pool(size, stride)
    return Applied("sum_pool", operand, **told) / (told["height"] * told["width"])


def _pool(size: Pair, stride: Pair | None) -> dict[str, int]:
    height, width = _both(size)
    down, across = _both(size if stride is None else stride)
    return {"height": height, "width": width, "down": down, "across": across}


def _both(pair: Pair) -> tuple[int, int]:
    if isinstance(pair, (tuple, list)):
        if len(pair) != 2:
            raise InputError(f"give one number, or one for rows and one for columns; not {pair}.")
        return pair[0], pair[1]
    return pair, pair


# --- Attention ----------------------------------------------------------------------------

# Far enough below any score that nothing is left of its exponential.
HIDDEN = -1000.0


def causal_mask(size: int) -> Array:
    """Return what is added to scores, so that no row attends to a column behind its own: an array
    of shape (size, size) of 0, and of -1000 above the diagonal.
    """
    return np.triu(np.full((size, size), HIDDEN), 1)
