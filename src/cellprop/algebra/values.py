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
    if isinstance(expression, Matrix):
        return known[expression.name]
    if isinstance(expression, Applied):
        operands = [_value(operand, known) for operand in expression.operands]
        return expression.function(*operands)
    assert isinstance(expression, Number)
    return expression.value


# --- For training -------------------------------------------------------------------------

Slots = list[Any]
"""The values of what is given, then of constants, then of each operation as it is computed."""

NONE = -1


def compiled(
    wanted: Sequence[Expression], given: Sequence[Matrix]
) -> Callable[[Sequence[Array]], list[Array]]:
    """Return a function from the values of `given` to those of `wanted`, fast enough to train.

    Only what `wanted` needs is computed, and nothing twice.

    Parameters
    ----------
    wanted
        Matrices or other expressions.
    given
        Matrices that are taken as they are, however they are defined.

    Returns
    -------
    function
        From a list of arrays, each of the shape of its matrix in `given`, to a list of arrays, each
        of the shape of what is wanted.
    """
    compiler = _Compiler(wanted, given)
    results = [compiler.slot(each) for each in wanted]
    constants, plan = compiler.constants, compiler.plan

    def run(values: Sequence[Array]) -> list[Array]:
        slots: Slots = [*values, *constants]
        push = slots.append
        for function, first, second, operands in plan:
            if second >= 0:
                push(function(slots[first], slots[second]))
            elif operands is None:
                push(function(slots[first]))
            else:
                push(function(*operands(slots)))
        return [slots[i] for i in results]

    return run


class _Compiler:
    """What finds a slot for everything that is computed, and so the order of computation.

    Attributes:
        constants: The numbers that stand in the expressions, in the order of their slots.
        plan: For each operation in turn what computes it, and the slots of its operands: of the
            only one, of both, or else what takes them all. (Nearly all have one or two, and reading
            these off by themselves is fastest.)
    """

    def __init__(self, wanted: Sequence[Expression], given: Sequence[Matrix]) -> None:
        self.constants = sorted({number for each in wanted for number in _constants(each)})
        self.plan: list[tuple[Callable[..., Array], int, int, Callable[[Slots], Any] | None]] = []
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
            first, second = (*inputs, NONE)[:2] if len(inputs) <= 2 else (NONE, NONE)
            others = itemgetter(*inputs) if len(inputs) > 2 else None
            self.plan.append((expression.fast_function, first, second, others))
        return self._slots[key]


def _constants(expression: Expression) -> Iterable[float]:
    """Yield the constants of an expression and of all that it is computed from."""
    if isinstance(expression, Number):
        yield expression.value
    elif isinstance(expression, Matrix) and expression.definition is not None:
        yield from _constants(expression.definition)
    elif isinstance(expression, Applied):
        for operand in expression.operands:
            yield from _constants(operand)
