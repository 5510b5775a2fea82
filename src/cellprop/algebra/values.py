"""The value of an expression: an array, computed once in order or by a function made for training.

Knows expressions and arrays; knows no particular operation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Any

import numpy as np

from cellprop.algebra.expressions import Applied, Array, Expression, Matrix, Number


def evaluate(matrices: Iterable[Matrix], given: Mapping[str, Array]) -> dict[str, Array]:
    """Return the value of each matrix by name: as given, or computed in order.

    Parameters
    ----------
    matrices
        Given and defined matrices; a definition reads only matrices that come before it.
    given
        The values of those that are given, each of its matrix's shape.

    Returns
    -------
    dict of str to ndarray
        Each of its matrix's shape (rows, columns).
    """
    values: dict[str, Array] = {}
    for matrix in matrices:
        if matrix.definition is None:
            values[matrix.name] = given[matrix.name]
        else:
            values[matrix.name] = value(matrix.definition, values)
    return values


def value(expression: Expression, known: Mapping[str, Array]) -> Array:
    """Return the value of an expression, an ndarray of shape (rows, columns).

    Parameters
    ----------
    expression
        What to compute.
    known
        The values of the matrices that it reads, by name.
    """
    return np.asarray(_value(expression, known))


def _value(expression: Expression, known: Mapping[str, Array]) -> Array | float:
    if isinstance(expression, Applied):
        return expression.function(*[_value(operand, known) for operand in expression.operands])
    if isinstance(expression, Matrix):
        return known[expression.name]
    assert isinstance(expression, Number)
    return expression.value


# --- For training -------------------------------------------------------------------------

Slots = list[Any]
"""The values of what is given, then of constants, then of each operation as it is computed."""

NONE = -1


def compiled(
    wanted: Sequence[Expression], given: Sequence[Matrix], fixed: Sequence[Array] = ()
) -> Callable[[Sequence[Array]], list[Array]]:
    """Return a function from the values of `given` to those of `wanted`, fast enough to train.

    Only what `wanted` needs is computed, and nothing twice; what depends on nothing but `fixed`, at
    once and never again. What a call computes stays until the next computes it anew, so that memory
    is used again instead of going back and forth; so the function is not for two threads at once.

    Parameters
    ----------
    wanted
        Matrices or other expressions.
    given
        Matrices that are taken as they are, however they are defined.
    fixed
        The values of the first of `given`, if they are the same in every call.

    Returns
    -------
    function
        From a list of arrays, each of the shape of its matrix in `given` but for those fixed, to a
        list of arrays, each of the shape of what is wanted.
    """
    compiler = _Compiler(wanted, given)
    results = [compiler.slot(each) for each in wanted]
    start, end = len(fixed), len(given)
    slots: Slots = [*fixed, *[None] * (end - start), *compiler.constants]
    known = {*range(start), *range(end, len(slots))}
    # For each operation what computes it, the slots of its only operand or of both, or else what
    # takes them all, and its own. (Nearly all have one or two, and these are read off fastest.)
    plan: list[tuple[Callable[..., Array], int, int, Callable[[Slots], Any] | None, int]] = []
    for at, (function, inputs) in enumerate(compiler.plan, len(slots)):
        slots.append(None)
        if known.issuperset(inputs):
            known.add(at)
            with np.errstate(all="ignore"):  # as where it is computed in every call
                slots[at] = function(*(slots[slot] for slot in inputs))
            continue
        first, second = (*inputs, NONE)[:2] if len(inputs) <= 2 else (NONE, NONE)
        operands = itemgetter(*inputs) if len(inputs) > 2 else None
        plan.append((function, first, second, operands, at))

    def run(values: Sequence[Array]) -> list[Array]:
        slots[start:end] = values
        for function, first, second, operands, at in plan:
            if second >= 0:
                slots[at] = function(slots[first], slots[second])
            elif operands is None:
                slots[at] = function(slots[first])
            else:
                slots[at] = function(*operands(slots))
        return [slots[i] for i in results]

    return run


class _Compiler:
    """What finds a slot for everything that is computed, and so the order of computation.

    Attributes:
        constants: The numbers that stand in the expressions, in the order of their slots.
        plan: For each operation in turn what computes it, and the slots of its operands.
    """

    def __init__(self, wanted: Sequence[Expression], given: Sequence[Matrix]) -> None:
        met: set[Matrix] = set(given)
        self.constants = sorted({number for each in wanted for number in _constants(each, met)})
        self.plan: list[tuple[Callable[..., Array], tuple[int, ...]]] = []
        keys = (*(matrix.name for matrix in given), *self.constants)
        self._slots: dict[object, int] = {key: i for i, key in enumerate(keys)}
        self._first = len(keys)

    def slot(self, expression: Expression) -> int:
        """Return the number of the slot in which an expression's value stands."""
        if isinstance(expression, Number):
            return self._slots[expression.value]
        if isinstance(expression, Matrix):
            if expression.name not in self._slots:
                assert expression.definition is not None
                self._slots[expression.name] = self.slot(expression.definition)
            return self._slots[expression.name]
        assert isinstance(expression, Applied)
        inputs = tuple(map(self.slot, expression.operands))
        key = (expression.operation.name, *expression.settings.items(), *inputs)
        if key not in self._slots:
            self._slots[key] = self._first + len(self.plan)
            self.plan.append((expression.fast_function, inputs))
        return self._slots[key]


def _constants(expression: Expression, met: set[Matrix]) -> Iterable[float]:
    """Yield the constants of an expression and of all that it is computed from, but for matrices
    that were met.
    """
    if isinstance(expression, Number):
        yield expression.value
    elif isinstance(expression, Matrix) and expression not in met:
        met.add(expression)
        if expression.definition is not None:
            yield from _constants(expression.definition, met)
    elif isinstance(expression, Applied):
        for operand in expression.operands:
            yield from _constants(operand, met)
