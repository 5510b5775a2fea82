"""The very same update with some hidden neurons in full, and all others as one sum.

What is given is a part of what the whole update was given; what the others contribute is computed
from its values. The rest follows by the steps, as a spreadsheet would compute it. Knows axes and
roles; which neurons there are and what their matrices are called, the model knows.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from types import MappingProxyType

import numpy as np

from cellprop.algebra import Array, Axis, Expression, Matrix, evaluate, reads, value
from cellprop.running.run import Update


def reduced(update: Update, neurons: Iterable[int]) -> Update:
    """Return an update with only some of its hidden neurons in full; itself, if all are chosen.

    Parameters
    ----------
    update
        The whole one.
    neurons
        Numbers of hidden neurons, from 1.

    Raises
    ------
    InputError
        If there is not exactly one hidden layer, or no neuron of such a number.
    """
    model = update.model.only(neurons)
    if model is update.model:
        return update
    samples = update.program.samples
    # Of a batch, what its inputs are scaled by is given.
    program = model.program(samples, whole=update.batches == 1)
    (rest,) = program.having("rest")
    known = {m.name: _part(update, m) for m in program.given if m is not rest}
    known[rest.name] = _value(update, model.rest(samples))
    values = evaluate(program.matrices, known)
    for array in values.values():
        array.flags.writeable = False
    return replace(update, model=model, program=program, values=MappingProxyType(values))


def _value(update: Update, expression: Expression) -> Array:
    """Return the value of an expression of parts of an update's matrices."""
    return value(expression, {m.name: _part(update, m) for m in reads(expression)})


def _part(update: Update, matrix: Matrix) -> Array:
    """Return the part of an update's matrix that one of the same name stands for."""
    whole = update.matrix(matrix.name)
    rows, columns = _where(matrix.rows, whole.rows), _where(matrix.columns, whole.columns)
    return update.values[matrix.name][np.ix_(rows, columns)]


def _where(part: Axis, whole: Axis) -> list[int]:
    """Return where the rows or columns of a part stand in the whole, by their labels."""
    if part == whole:  # labels of samples and inputs may be there twice
        return list(range(whole.size))
    place = {label: i for i, label in enumerate(whole.labels)}
    return [place[label] for label in part.labels]
