"""Targets that a loss has a value for."""

from __future__ import annotations

import numpy as np

from cellprop.algebra import OPERATIONS, Array
from cellprop.errors import InputError


def check_targets(name: str, values: Array, loss: str) -> None:
    """Refuse targets that a loss has no value for.

    Parameters
    ----------
    name
        How errors call them.
    values
        Of shape (samples, outputs).
    loss
        The name of a loss of the table.

    Raises
    ------
    InputError
        If one is out of the loss's range, or those of a sample don't add up as it wants; the
        message names the row and column.
    """
    takes = OPERATIONS[loss].targets
    if takes is None:
        return
    wrong = np.argwhere((values < takes.least) | (values > takes.most))
    if len(wrong):
        i, j = wrong[0]
        raise InputError(
            f"{name}, row {i + 1}, column {j + 1}: {loss} wants targets from {takes.least:g} to"
            f" {takes.most:g}, found {values[i, j]:g}."
        )
    if takes.total is not None:
        sums = values.sum(axis=1)
        uneven = np.flatnonzero(np.abs(sums - takes.total) > 1e-9)
        if len(uneven):
            raise InputError(
                f"{name}, row {uneven[0] + 1}: {loss} wants targets that add up to"
                f" {takes.total:g} (a column for each class), found {sums[uneven[0]]:g}."
            )
