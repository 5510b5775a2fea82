"""What rounding by hand, or arithmetic in a program, explains of a difference.

Knows a student's way; knows nothing of slips.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np

from cellprop.algebra import Array, Matrix
from cellprop.marking.precision import DOUBLE, SINGLE, Decimals, Precision, bound, spread
from cellprop.marking.verdicts import CARRIED, RIGHT, ROUNDED, WRONG, Answer, Codes, Mask
from cellprop.marking.ways import Way

# What rounding explains at most beyond what it does to the true numbers, in units.
FEW = 5.0
# A change that 32-bit numbers blur by more than this share of it was not computed with them.
BLURRED = 1e-3


class Rounding:
    """What rounding to decimals explains.

    Parameters
    ----------
    way
        A student's way.
    """

    def __init__(self, way: Way) -> None:
        self.way = way
        self._most: dict[str, Array] = {}
        self._slack: dict[str, Array] = {}

    def judge(self, matrix: Matrix, follows: Mask, far: Array, off: Array, verdicts: Codes) -> None:
        """Call numbers right or rounded that differ by no more than rounding explains."""
        if (verdicts == CARRIED).any():
            verdicts[follows & (far <= self.reach[matrix.name])] = RIGHT
        if (verdicts == WRONG).any():
            most = self._most_by_rounding(matrix)
            within = self.way.within(matrix, self.way.true[matrix.name])
            slack = self.slack(matrix) + self.way.within(matrix, self.way.following[matrix.name])
            near = (off <= slack) | (far <= np.minimum(self.reach[matrix.name], most + within))
            verdicts[near & (verdicts == WRONG)] = ROUNDED

    def slack(self, matrix: Matrix) -> Array:
        """Return the differences that rounding the numbers which were read explains at most:
        distances of the matrix's shape.
        """
        if matrix.name not in self._slack:
            by_own = spread(matrix, self.way.own, self.left_out)
            self._slack[matrix.name] = np.minimum(by_own, self._most_by_rounding(matrix))
        return self._slack[matrix.name]

    def _most_by_rounding(self, matrix: Matrix) -> Array:
        """Return the largest differences that rounding can explain, of the matrix's shape: a few
        units of the last place, and not much more than it does to the true numbers.
        """
        if matrix.name not in self._most:
            assert isinstance(self.way.precision, Decimals)
            by_true = spread(matrix, self.way.true, self._usual)
            self._most[matrix.name] = FEW * self.way.precision.unit + 2 * by_true
        return self._most[matrix.name]

    @cached_property
    def _usual(self) -> dict[str, Array]:
        """What rounding leaves out of the true numbers; of what is given, as it is shown."""
        return {
            name: self.left_out[name]
            if name in self.way.question.given
            else self.way.precision.left_out(true)
            for name, true in self.way.true.items()
        }

    @cached_property
    def reach(self) -> dict[str, Array]:
        """How far numbers come from the true ones if every answer is rounded, and nothing else."""
        found: dict[str, Array] = {}
        for matrix in self.way.matrices:
            if matrix.definition is None:
                found[matrix.name] = np.zeros(matrix.shape)
                continue
            true, reach = self.way.true[matrix.name], spread(matrix, self.way.true, found)
            if matrix.name in self.way.answers:
                exact = (reach == 0) & self._is_exact(true)
                reach = np.where(exact, 0.0, reach + self.way.within(matrix, true))
            found[matrix.name] = reach
        return found

    def _is_exact(self, values: Array) -> Mask:
        """Where a number is what it is when rounded."""
        if isinstance(self.way.precision, Decimals):
            return np.asarray(values == np.round(values, self.way.decimals))
        return np.zeros(values.shape, dtype=np.bool_)

    @cached_property
    def left_out(self) -> dict[str, Array]:
        """What rounding may have left out of the numbers that a student has. Nothing, where they
        follow without it: the 0 of a neuron that is off is no small number rounded.
        """
        found: dict[str, Array] = {}
        for matrix in self.way.matrices:
            own = self.way.own[matrix.name]
            if matrix.definition is None:
                found[matrix.name] = abs(own - np.round(own, self.way.decimals))
                continue
            exact = self._is_exact(own) & (own == self.way.following[matrix.name])
            if exact.any():
                exact &= spread(matrix, self.way.own, found) == 0
            found[matrix.name] = np.where(exact, 0.0, self.way.precision.left_out(own))
        return found


class Arithmetic:
    """What 64-bit or 32-bit arithmetic explains.

    Parameters
    ----------
    way
        A program's way.
    """

    def __init__(self, way: Way) -> None:
        self.way = way
        self._arithmetic: dict[tuple[Precision, bool], dict[str, Array]] = {}

    def judge(self, matrix: Matrix, answer: Answer, verdicts: Codes) -> Mask:
        """Call numbers right or carried that differ by no more than arithmetic leaves out; return
        where that is 32-bit arithmetic.
        """
        name, found = matrix.name, answer.values
        off = abs(found - self.way.following[name])
        approximate = np.zeros(matrix.shape, dtype=np.bool_)
        for precision in (DOUBLE, SINGLE):
            left_out = self.left_out_by(precision)
            near = off <= left_out[name]
            if precision is SINGLE:
                near &= self._can_be_single(matrix, answer)
            near &= np.isin(verdicts, (WRONG, CARRIED))
            true = abs(found - self.way.true[name]) <= self._reach_of(precision)[name]
            # What follows from right numbers, exactly or not, is right.
            near &= true | (verdicts == WRONG)
            verdicts[near] = np.where(true, RIGHT, CARRIED)[near]
            if precision is SINGLE:
                approximate = near
        return approximate

    def _can_be_single(self, matrix: Matrix, answer: Answer) -> Mask:
        """Where a number may have been computed with 32 bits: a change that is not blurred by that,
        unless the numbers are 32-bit floats throughout.
        """
        old, found = self.way.before.get(matrix.name), answer.values
        with np.errstate(all="ignore"):
            stored = answer.single or (np.isnan(found) | (found == found.astype(np.float32))).all()
        if old is None or stored:
            return np.ones(matrix.shape, dtype=np.bool_)
        following = self.way.following[matrix.name]
        return np.asarray(abs(found - following) <= BLURRED * abs(following - old))

    def left_out_by(self, precision: Precision) -> dict[str, Array]:
        """Return how far each matrix may be from what follows, by arithmetic alone: distances of
        its shape, by its name.
        """
        return self._accumulated(precision, self.way.own, self.way.following, self.way.answers)

    def _reach_of(self, precision: Precision) -> dict[str, Array]:
        """Return how far each matrix may be from the true one, by arithmetic alone: the same."""
        return self._accumulated(precision, self.way.true, self.way.true, ())

    def _accumulated(
        self,
        precision: Precision,
        at: Mapping[str, Array],
        follows: Mapping[str, Array],
        known: Any,
    ) -> dict[str, Array]:
        """Return distances of each matrix's shape, by its name: what arithmetic leaves out of it on
        the way from the matrices that are known.
        """
        key = (precision, follows is self.way.true)
        if key not in self._arithmetic:
            off: dict[str, Array] = {}
            found: dict[str, Array] = {}
            for matrix in self.way.matrices:
                here = precision.left_out(at[matrix.name])
                if matrix.definition is not None:
                    here = bound(matrix, at, off) + precision.left_out(follows[matrix.name])
                    if matrix.name in self.way.before:
                        here = here + precision.left_out(self.way.before[matrix.name])
                found[matrix.name] = here
                is_known = matrix.name in known
                off[matrix.name] = precision.left_out(at[matrix.name]) if is_known else here
            self._arithmetic[key] = found
        return self._arithmetic[key]
