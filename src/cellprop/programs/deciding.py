"""How outputs decide, and what is counted of it, as expressions: read as values and as formulas.

An output between 0 and 1 says yes from a half on; of several classes the largest output decides. A
sample is right if its outputs decide as its targets do. Knows programs; knows no network.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from cellprop.algebra import OPERATIONS, Applied, Array, Expression, Number, apply
from cellprop.programs.program import Program

Decision = Literal["yes or no", "one of several", "each yes or no"]
"""How outputs decide: one output by 0.5, the largest of several, or each by 0.5."""

HALF = Number(0.5)


def decision(targets: Array, output_activation: str) -> Decision | None:
    """Return how a network's outputs decide; None if its targets are no classes.

    Parameters
    ----------
    targets
        Of shape (samples, outputs).
    output_activation
        The name of an activation of the table.
    """
    if not OPERATIONS[output_activation].decides or not np.isin(targets, (0.0, 1.0)).all():
        return None
    if targets.shape[1] == 1:
        return "yes or no"
    return "one of several" if (targets.sum(axis=1) == 1.0).all() else "each yes or no"


def decided(outputs: Expression, how: Decision) -> Applied:
    """Return the expression of what outputs, or targets, decide.

    Returns
    -------
    Applied
        Where the largest decides, the number of a class from 1, of shape (samples, 1); else 0 and
        1, of the shape of `outputs`.
    """
    if how == "one of several":
        return apply("largest_at", outputs)
    return apply("at_least", outputs, HALF)


def right(chosen: Expression, targets: Expression, how: Decision) -> Applied:
    """Return the expression of which samples are right: 1 or 0, of shape (samples, 1).

    Parameters
    ----------
    chosen
        What outputs decide, as `decided` says, of its shape.
    targets
        What they should be, of shape (samples, outputs).
    how
        How outputs decide.
    """
    if how == "each yes or no":
        return apply("all_equal", chosen, targets)
    return apply("equal", chosen, decided(targets, how))


def mean(of: Expression) -> Applied:
    """Return the expression of a matrix's sum over columns and mean over rows, of shape (1, 1): of
    a loss, and of how many samples are right.
    """
    return apply("total", of) / of.rows.size


def mean_loss(program: Program) -> Expression:
    """Return the expression of what is told as the loss, of shape (1, 1): of each loss the sum over
    columns and mean over rows, added up.
    """
    first, *others = map(mean, program.losses)
    return sum(others, first)


def reports(program: Program, how: Decision | None) -> list[Expression]:
    """Return what is told of each epoch, each a single number: the mean loss, and the share of
    samples that are right, if outputs decide.
    """
    told = [mean_loss(program)]
    if how:
        told.append(mean(right(decided(program.output, how), program.target, how)))
    return told
