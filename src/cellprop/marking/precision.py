"""How exactly numbers were worked out, and what that leaves out of them.

By hand, to some decimals; in code, to what 64-bit or 32-bit arithmetic can hold. `spread` says how
far a matrix may come out if what it reads is off by so much. Knows numbers and expressions; knows
nothing of answers or verdicts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

import numpy as np

from cellprop.algebra import (
    ALL,
    ONE,
    SAME,
    Applied,
    Array,
    Expression,
    Matrix,
    Number,
    Pattern,
    apart,
    apply,
    define,
    reads,
    value,
)

# What counts as equal beyond rounding: numbers of the last few places.
LEAST = 1e-9
# By how much of their size numbers from code may differ, and still be called the same.
RELATIVE = 1e-9
# What arithmetic leaves out of a number, in units of its last place.
ROUNDINGS = 4.0
# Operations that add numbers up, or only put them elsewhere.
ADDING = (
    "transpose", "sum_over_rows", "sum_over_columns", "total", "slice", "place", "pad", "join",
)  # fmt: skip


def half_a_unit(decimals: int) -> float:
    """Return half a unit of the last decimal, and a little more for what a computer rounds."""
    return 0.5 * 10.0**-decimals * (1 + LEAST)


def tolerance(expected: Expression, decimals: int, magnified: float = 1.0) -> Expression:
    """Return the expression of how far a rounded number may lie from the number itself, of its
    shape and in its unit: half a unit of the last decimal, and a share of its size.

    Parameters
    ----------
    expected
        The numbers themselves.
    decimals
        To how many they are rounded.
    magnified
        By how much more than usual what rounding left out has grown.
    """
    half = Number(half_a_unit(decimals) * magnified)
    return half + Number(LEAST * 1e-3) * apply("absolute", expected)


EXPECTED = Matrix("expected", ONE, ONE)


@lru_cache(maxsize=64)  # asked for many matrices of many students
def _limit(decimals: int, magnified: float) -> Expression:
    return tolerance(EXPECTED, decimals, magnified)


@dataclass(frozen=True)
class Decimals:
    """Numbers rounded to decimals, as by hand.

    Attributes:
        decimals: To how many.
    """

    decimals: int

    @property
    def unit(self) -> float:
        """One unit of the last place."""
        return 10.0**-self.decimals

    def within(self, expected: Array, carries: Array, magnified: float = 1.0) -> Array:  # noqa: ARG002 - others do
        """Return how far a rounded number may lie from the number itself; if that is infinite,
        no number lies near it.

        Parameters
        ----------
        expected
            The numbers themselves, of any shape.
        carries
            What of them was worked out now: of an update the change, else all; of the same shape.
        magnified
            By how much more than usual what rounding left out has grown.

        Returns
        -------
        ndarray of the same shape
            Distances, in the numbers' own unit.
        """
        return value(_limit(self.decimals, magnified), {EXPECTED.name: _finite(expected)})

    def left_out(self, values: Array) -> Array:
        """Return the most that rounding leaves out of each number, as a distance in its unit."""
        return np.full(values.shape, self.unit / 2)


@dataclass(frozen=True)
class Floating:
    """Numbers that a program computed.

    Attributes:
        bits: How many binary places its numbers have: 52 or 23.
        relative: By how much of what a number carries it may differ.
    """

    bits: int
    relative: float

    def within(self, expected: Array, carries: Array, magnified: float = 1.0) -> Array:  # noqa: ARG002 - others do
        """Return how far each computed number may lie from the number itself, as a distance in its
        unit; see `Decimals`.
        """
        return self.relative * _size(carries) + self.left_out(expected)

    def left_out(self, values: Array) -> Array:
        """Return the most that arithmetic leaves out of each number, as a distance in its unit."""
        return ROUNDINGS * 2.0**-self.bits * _size(values)


Precision = Decimals | Floating
DOUBLE = Floating(52, RELATIVE)
SINGLE = Floating(23, 0.0)


def _finite(values: Array) -> Array:
    return np.where(np.isinf(values), 0.0, values)


def _size(values: Array) -> Array:
    return abs(_finite(values))


# --- What comes of it ---------------------------------------------------------------------


def spread(matrix: Matrix, at: Mapping[str, Array], by: Mapping[str, Array]) -> Array:
    """Return how far a matrix may come out if what it reads is off by so much, to first order.

    Each number that a cell reads is moved by itself, and what it changes is added up; cells that
    read different numbers are moved at once. A number is moved both ways, and the smaller change
    counts: a jump, such as that of a neuron which goes on or off, is no matter of rounding.

    Parameters
    ----------
    matrix
        One that an expression computes.
    at, by
        The values of the matrices that it reads, by name, and by how much each may be off, as
        distances of the same shape.

    Returns
    -------
    ndarray of the matrix's shape
        Distances, 0 where nothing that is read may be off.
    """
    assert matrix.definition is not None
    total = np.zeros(matrix.shape)
    usual = value(matrix.definition, at)
    for operand, patterns in reads(matrix.definition).items():
        size = by[operand.name]
        if not size.any():
            continue
        for pattern in _distinct(patterns):
            for moved in _moves(size, pattern):
                change = np.minimum(
                    *(
                        abs(value(matrix.definition, {**at, operand.name: to}) - usual)
                        for to in (at[operand.name] + moved, at[operand.name] - moved)
                    )
                )
                total += np.broadcast_to(np.nan_to_num(change, nan=0.0, posinf=0.0), matrix.shape)
    return total


def bound(matrix: Matrix, at: Mapping[str, Array], by: Mapping[str, Array]) -> Array:
    """Return a bound on how far a matrix may come out if what it reads is off by so much, to first
    order: distances of its shape, as those of `spread`, or larger.

    It goes through the definition operation by operation, so that it takes a few evaluations
    instead of one for each number that is read. What is read twice (`output * (1 - output)`) is
    taken to be off twice.
    """
    assert matrix.definition is not None
    _, off = _off_by(matrix.definition, at, by)
    return np.array(np.broadcast_to(off, matrix.shape))


def _off_by(
    expression: Expression, at: Mapping[str, Array], by: Mapping[str, Array]
) -> tuple[Array, Array]:
    """Return the value of an expression, and how far each of its numbers may be off: two arrays of
    one shape.
    """
    if isinstance(expression, Matrix):
        known = at[expression.name]
        # What only lends its shape is not off, as nothing is said of it.
        return known, by.get(expression.name, np.zeros(known.shape))
    if not isinstance(expression, Applied):
        number = value(expression, at)
        return number, np.zeros(number.shape)
    parts = [_off_by(operand, at, by) for operand in expression.operands]
    values, offs = [v for v, _ in parts], [off for _, off in parts]
    usual = expression.function(*values)
    if not any(off.any() for off in offs):
        return usual, np.zeros(usual.shape)
    return usual, _result_off_by(expression, values, offs, usual)


def _result_off_by(
    expression: Applied, values: Sequence[Array], offs: Sequence[Array], usual: Array
) -> Array:
    """Return how far the result of an operation may be off."""
    operation = expression.operation
    if operation.name in ADDING:
        return expression.function(*offs)
    if operation.name == "product":
        left, right = (abs(each) for each in values)
        return expression.function(left, offs[1]) + expression.function(offs[0], right)
    if expression.is_elementwise:
        return _each_off_by(expression.function, values, offs, usual)
    # Others mix numbers in ways of their own: these are moved one by one.
    operands = [
        Matrix(str(i), each.rows, each.columns) for i, each in enumerate(expression.operands)
    ]
    known, known_off = (
        {o.name: np.broadcast_to(each, o.shape) for o, each in zip(operands, arrays, strict=True)}
        for arrays in (values, offs)
    )
    return spread(define("part", expression.of(*operands)), known, known_off)


def _each_off_by(
    function: Callable[..., Array], values: Sequence[Array], offs: Sequence[Array], usual: Array
) -> Array:
    """Return how far an operation that works number by number may be off."""
    total = np.zeros(usual.shape)
    for i, off in enumerate(offs):
        if off.any():
            moved = [
                function(*values[:i], to, *values[i + 1 :])
                for to in (values[i] + off, values[i] - off)
            ]
            change = np.minimum(*(abs(each - usual) for each in moved))
            total = total + np.nan_to_num(change, nan=0.0, posinf=0.0)
    return total


def _distinct(patterns: Iterable[Pattern]) -> Sequence[Pattern]:
    """Return patterns without those whose cells another moves as well, by itself."""
    found = sorted(patterns)
    has_all = any(ALL in p and all(span.is_usual for span in p) for p in found)
    return [p for p in found if p != SAME and p != SAME[::-1]] if has_all else found


def _moves(size: Array, pattern: Pattern) -> Iterator[Array]:
    """Yield what to add to an operand so that no cell sees two numbers of it move."""
    for rows, columns in product(*map(apart, pattern, size.shape)):
        moved, cells = np.zeros(size.shape), np.ix_(rows, columns)
        moved[cells] = size[cells]
        yield moved
