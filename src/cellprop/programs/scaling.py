"""How inputs are scaled before they enter: a few expressions of the raw inputs.

Knows expressions only. What inputs are scaled by is computed from all samples, or given where only
some of them are there.
"""

from __future__ import annotations

from collections.abc import Callable

from cellprop.algebra import (
    ONE,
    Axis,
    Expression,
    Matrix,
    apply,
    define,
    square,
    square_root,
    sum_over_rows,
)

Statistic = Callable[[str, Expression], Matrix]
"""Names a statistic of the inputs, and returns what to go on with."""


def _minmax(raw: Matrix, statistic: Statistic) -> Expression:
    least = statistic("X_minimum", apply("minimum_over_rows", raw))
    most = statistic("X_maximum", apply("maximum_over_rows", raw))
    return apply("ratio_to_spread", raw - least, most - least)


def _standard(raw: Matrix, statistic: Statistic) -> Expression:
    samples = raw.rows.size
    mean = statistic("X_mean", sum_over_rows(raw) / samples)
    variance = sum_over_rows(square(raw - mean)) / samples
    deviation = statistic("X_deviation", square_root(variance))
    return apply("ratio_to_spread", raw - mean, deviation)


SCALINGS = {"minmax": _minmax, "standard": _standard}


def scaled(
    samples: Axis, inputs: Axis, scale: str | None, *, whole: bool
) -> tuple[Matrix, tuple[Matrix, ...]]:
    """Return the inputs, and what they are scaled from: the raw inputs and their statistics.

    Parameters
    ----------
    samples, inputs
        What rows and columns stand for.
    scale
        The name of a scaling; None for inputs as they are, which are scaled from nothing.
    whole
        Whether these are all samples, so that statistics are computed from them.
    """
    if scale is None:
        return Matrix("X", samples, inputs), ()
    raw = Matrix("X_raw", samples, inputs)
    found = [raw]

    def statistic(name: str, expression: Expression) -> Matrix:
        defined = define(name, expression)
        found.append(defined if whole else Matrix(name, ONE, inputs))
        return found[-1]

    X = define("X", SCALINGS[scale](raw, statistic))
    return X, tuple(found)
