"""The slips that people make when they calculate a step by hand, as expressions.

A slip is a way of changing a matrix's definition: the bias left out, a difference turned round.
What it gives is an expression like any other, evaluated from the student's own numbers; so a slip
is a line in `SLIPS`, and adding one touches that table and the words for it. This module knows
nothing of answers, marks or files.

    >>> from cellprop.algebra import Axis, Matrix, define, text
    >>> from cellprop.network import Network
    >>> from cellprop.steps import walkthrough
    >>> axes = Axis.numbered("samples", 3), Axis.numbered("inputs", 2), Axis.numbered("outputs", 1)
    >>> walk = walkthrough(Network([2, 4, 1]), *axes)
    >>> hidden_layer_input = walk.forward[0]
    >>> for slip, wrong in mistakes(hidden_layer_input, walk, decimals=3):
    ...     if slip.key in ("bias_left_out", "sign_lost"):
    ...         print(slip.key, "|", text(wrong, "numpy"))
    bias_left_out | X @ wh
    sign_lost | 0 - hidden_layer_input
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from cellprop.algebra import (
    CALL,
    ONE,
    SAME,
    Applied,
    Array,
    Axis,
    Expression,
    Form,
    Matrix,
    Number,
    Operation,
    apply,
    elementwise,
    square,
)
from cellprop.errors import ShapeError
from cellprop.steps import Declaration, Walkthrough

# --- What nobody computes on purpose ------------------------------------------------------


def _named(name: str, operands: int = 1) -> Form:
    listed = ", ".join(f"{{{i}}}" for i in range(operands))
    return Form(f"{name}({listed})", CALL, (0,) * operands)


def _operation(
    name: str,
    value: Callable[..., Array],
    axes: Callable[[Sequence[Expression]], tuple[Axis, Axis]],
    operands: int = 1,
) -> Operation:
    """Return an operation for slips: it has a value, and a name to print; no formula."""
    form = _named(name, operands)

    def cells(*_: object) -> None:
        raise TypeError(f"{name} is a slip; no sheet computes it")

    return Operation(name, value, (SAME,) * operands, form, form, form, form, cells, axes=axes)  # type: ignore[arg-type]


def _of_same_shape(name: str, value: Callable[[Array], Array]) -> Operation:
    form = _named(name)
    return elementwise(name, value, maths=form, numpy=form, excel=form)


def _fitted(values: Array, rows: int, columns: int) -> Array:
    """Return as much of a matrix as there is room for; NaN where it has nothing."""
    found = np.full((rows, columns), np.nan)
    part = values[:rows, :columns]
    found[: part.shape[0], : part.shape[1]] = part
    return found


def _by_place(left: Array, right: Array) -> Array:
    """Return each number times that at the same place, where both matrices have one."""
    rows, columns = len(left), right.shape[1]
    return _fitted(left, rows, columns) * _fitted(right, rows, columns)


# The numbers written down row by row as if the matrix had been transposed.
NOT_TRANSPOSED = _operation(
    "not_transposed",
    lambda x: x.reshape(x.shape[::-1]),
    lambda operands: (operands[0].columns, operands[0].rows),
)
BY_PLACE = _operation(
    "element_by_element",
    _by_place,
    lambda operands: (operands[0].rows, operands[1].columns),
    operands=2,
)
ROW_SUMS = _operation(
    "row_sums",
    lambda x: _fitted(x.sum(axis=1)[np.newaxis], 1, x.shape[1]),
    lambda operands: (ONE, operands[0].columns),
)
COLUMN_SUMS = _operation(
    "column_sums",
    lambda x: _fitted(x.sum(axis=0)[:, np.newaxis], len(x), 1),
    lambda operands: (operands[0].rows, ONE),
)
# One matrix where another belongs: its numbers, as far as they go; a single column for each.
IN_PLACE_OF = _operation(
    "in_place_of",
    lambda x, other: (
        np.repeat(x, other.shape[1], axis=1) if x.shape[1] == 1 else _fitted(x, *other.shape)
    ),
    lambda operands: (operands[1].rows, operands[1].columns),
    operands=2,
)


def _shifted(by: int, axis: int) -> Operation:
    what = ("sample", "neuron")[axis]
    return _of_same_shape(f"next_{what}_{by}", lambda x: np.roll(x, -by, axis=axis))


def _rounded(decimals: int) -> Operation:
    return _of_same_shape(f"rounded_{decimals}", lambda x: np.round(x, decimals))


def _cut_off(decimals: int) -> Operation:
    by = 10.0**decimals
    return _of_same_shape(f"cut_off_{decimals}", lambda x: np.trunc(x * by) / by)


# --- What a slip may know -----------------------------------------------------------------


@dataclass(frozen=True)
class Facts:
    """A matrix that somebody calculates, and what there is to mix up.

    Attributes:
        of: The matrix.
        walk: All steps.
        decimals: To how many numbers are rounded.
    """

    of: Matrix
    walk: Walkthrough
    decimals: int

    @cached_property
    def step(self) -> Declaration:
        """The step that brings the matrix."""
        return next(step for step in self.walk.steps if self.of in step.matrices)

    @cached_property
    def slopes(self) -> tuple[Matrix, ...]:
        """The slopes of the activations."""
        return tuple(m for step in self.walk.steps if step.number == 6 for m in step.matrices)

    @cached_property
    def deltas(self) -> tuple[Matrix, ...]:
        """The changes wanted of what enters each layer."""
        return tuple(step.matrices[0] for step in self.walk.steps if step.number in (7, 9))

    @cached_property
    def entered(self) -> Mapping[str, Expression]:
        """What was entered into the activation that computes a matrix, by its name."""
        found = {}
        for matrix in self.walk.forward:
            whole = matrix.whole or matrix.definition
            if isinstance(whole, Applied) and whole.operation.is_activation:
                found[matrix.name] = whole.operands[0]
        return found

    def is_rate(self, part: Expression) -> bool:
        """Whether a part is the learning rate."""
        return isinstance(part, Matrix) and part.name == "lr"

    def is_parameter(self, part: Expression) -> bool:
        """Whether a part is carried on from one update to the next."""
        return isinstance(part, Matrix) and part.name in self.walk.updates

    @property
    def rate(self) -> Matrix:
        """The learning rate."""
        return next(matrix for matrix in self.walk.matrices if matrix.name == "lr")


Change = Callable[[Expression, Facts], Expression | None]
Wrong = Callable[[Facts], Iterator[Expression]]


@dataclass(frozen=True)
class Slip:
    """A slip.

    Attributes:
        key: Its name in data; the words for it stand under `slips` and this key.
        wrong: Yields what a matrix is computed as by whoever slips, if it can happen there.
        magnifies: By how much it makes what rounding left out larger.
    """

    key: str
    wrong: Wrong
    magnifies: float = 1.0


def _changed(expression: Expression, change: Change, facts: Facts) -> Iterator[Expression]:
    """Yield an expression with one part of it changed, for each part that can be."""
    new = change(expression, facts)
    if new is not None:
        yield new
    if not isinstance(expression, Applied):
        return
    operands = expression.operands
    for i, operand in enumerate(operands):
        for new in _changed(operand, change, facts):
            try:
                yield Applied(expression.operation, *operands[:i], new, *operands[i + 1 :])
            except ShapeError:  # nobody can compute it
                continue


def _anywhere(change: Change) -> Wrong:
    """Return a slip in any part of a definition."""

    def wrong(facts: Facts) -> Iterator[Expression]:
        assert facts.of.definition is not None
        yield from _changed(facts.of.definition, change, facts)

    return wrong


def _at(operation: str, change: Callable[..., Expression | None]) -> Wrong:
    """Return a slip wherever an operation is applied; `change` gets facts and operands."""

    def at(part: Expression, facts: Facts) -> Expression | None:
        if isinstance(part, Applied) and part.operation.name == operation:
            return change(facts, *part.operands)
        return None

    return _anywhere(at)


def _after(*results: Callable[[Facts], Expression | None]) -> Wrong:
    """Return a slip with the finished numbers of a matrix."""

    def wrong(facts: Facts) -> Iterator[Expression]:
        yield from filter(None, (result(facts) for result in results))

    return wrong


# --- How each goes ------------------------------------------------------------------------


def _without_activation(part: Expression, _: Facts) -> Expression | None:
    is_one = isinstance(part, Applied) and part.operation.is_activation
    return part.operands[0] if is_one and isinstance(part, Applied) else None


def _slope_at_input(part: Expression, facts: Facts) -> Expression | None:
    if facts.of in facts.slopes and isinstance(part, Matrix):
        return facts.entered.get(part.name)
    return None


def _slope_at_inputs(facts: Facts) -> Iterator[Expression]:
    """Both factors of `output * (1 - output)` come from the same wrong number."""
    assert facts.of.definition is not None
    if facts.of in facts.slopes:
        yield _everywhere(facts.of.definition, lambda part: _slope_at_input(part, facts))


def _everywhere(
    expression: Expression, change: Callable[[Expression], Expression | None]
) -> Expression:
    """Return an expression with every part changed that can be."""
    new = change(expression)
    if new is not None:
        return new
    if isinstance(expression, Applied):
        operands = [_everywhere(operand, change) for operand in expression.operands]
        return Applied(expression.operation, *operands)
    return expression


def _slope_left_out(facts: Facts, change: Expression, slope: Expression) -> Expression | None:
    return change if slope in facts.slopes else None


def _rate_left_out(facts: Facts, left: Expression, right: Expression) -> Expression | None:
    if facts.is_rate(right):
        return left
    return right if facts.is_rate(left) else None


def _rate_twice(facts: Facts, left: Expression, right: Expression) -> Expression | None:
    if facts.is_rate(right) or facts.is_rate(left):
        return left * right * facts.rate
    return None


def _rate_too_early(facts: Facts) -> Expression | None:
    """As the article's caption of step 7 does: step 10 multiplies by it again."""
    return facts.of * facts.rate if facts.of in facts.deltas else None


def _updated_too_early(facts: Facts) -> Iterator[Expression]:
    """A weight that goes back is the one that went forward, not the one it becomes."""
    assert facts.of.definition is not None
    if facts.step.number in (5, 6, 7, 8, 9):
        known = {name: new for name, new in facts.walk.updates.items() if new is not facts.of}

        def update(part: Expression) -> Expression | None:
            return known.get(part.name) if isinstance(part, Matrix) else None

        new = _everywhere(facts.of.definition, update)
        if any(isinstance(part, Matrix) and part in known.values() for part in _parts(new)):
            yield new


def _parts(expression: Expression) -> Iterator[Expression]:
    yield expression
    if isinstance(expression, Applied):
        for operand in expression.operands:
            yield from _parts(operand)


def _other_delta(part: Expression, facts: Facts) -> Expression | None:
    """As the article's bullet of step 11 does: the hidden bias by the output layer's delta."""
    if facts.step.number < 10 or part not in facts.deltas:
        return None
    other = facts.deltas[facts.deltas.index(part) - 1]  # of the layer behind; the first: the last
    return None if other is part else Applied(IN_PLACE_OF, other, part)


def _mean_for_sum(_: Facts, operand: Expression) -> Expression | None:
    return apply("sum_over_rows", operand) / float(operand.rows.size)


def _sum_for_mean(_: Facts, sum_: Expression, count: Expression) -> Expression | None:
    return sum_ if isinstance(count, Number) else None


def _bias_left_out(facts: Facts, sum_: Expression, bias: Expression) -> Expression | None:
    is_bias = facts.is_parameter(bias) and bias.rows is ONE
    return sum_ if is_bias else None


def _others(axis: int) -> Wrong:
    """Return a slip that takes the numbers of another row (0) or column (1)."""

    def wrong(facts: Facts) -> Iterator[Expression]:
        for by in range(1, min(facts.of.shape[axis], MOST_SHIFTS)):
            yield apply(_shifted(by, axis), facts.of)

    return wrong


# With more samples than this, that a number is some other sample's says nothing.
MOST_SHIFTS = 12

SLIPS: tuple[Slip, ...] = (
    Slip("bias_left_out", _at("add", _bias_left_out)),
    Slip("slope_left_out", _at("multiply", _slope_left_out)),
    Slip("slope_at_input", _slope_at_inputs),
    Slip("activation_left_out", _anywhere(_without_activation)),
    Slip("exponent_sign", _at("sigmoid", lambda _, x: apply("sigmoid", 0 - x))),
    Slip("difference_reversed", _at("subtract", lambda _, a, b: b - a)),
    Slip("rate_left_out", _at("scale", _rate_left_out)),
    Slip("rate_twice", _at("scale", _rate_twice)),
    Slip("rate_too_early", _after(_rate_too_early)),
    Slip("transpose_forgotten", _at("transpose", lambda _, x: apply(NOT_TRANSPOSED, x))),
    Slip("element_by_element", _at("product", lambda _, a, b: apply(BY_PLACE, a, b))),
    Slip("wrong_axis", _at("sum_over_rows", lambda _, x: apply(ROW_SUMS, x))),
    Slip("wrong_axis", _at("sum_over_columns", lambda _, x: apply(COLUMN_SUMS, x))),
    Slip("updated_too_early", _updated_too_early),
    Slip("other_delta", _anywhere(_other_delta)),
    Slip("update_subtracted", _at("add", lambda f, a, b: a - b if f.is_parameter(a) else None)),
    Slip("old_value_left_out", _at("add", lambda f, a, b: b if f.is_parameter(a) else None)),
    Slip("mean_for_sum", _at("sum_over_rows", _mean_for_sum)),
    Slip("sum_for_mean", _at("divide", _sum_for_mean)),
    Slip("not_halved", _at("squared_error", lambda _, y, output: square(y - output))),
    Slip("sign_lost", _after(lambda facts: 0 - facts.of)),
    Slip("decimal_shifted", _after(lambda facts: facts.of * 10.0), magnifies=10.0),
    Slip("decimal_shifted", _after(lambda f: f.of / 10.0, lambda f: f.of / 100.0)),
    Slip("decimal_shifted", _after(lambda facts: facts.of * 100.0), magnifies=100.0),
    Slip("other_sample", _others(0)),
    Slip("other_neuron", _others(1)),
    Slip("cut_off", _after(lambda f: apply(_cut_off(f.decimals), f.of)), magnifies=0.0),
    Slip(
        "rounded_too_far",
        _after(
            *(
                lambda f, less=less: (
                    apply(_rounded(f.decimals - less), f.of) if f.decimals >= less else None
                )
                for less in (1, 2)
            )
        ),
        magnifies=0.0,
    ),
)


def mistakes(of: Matrix, walk: Walkthrough, decimals: int) -> Iterator[tuple[Slip, Expression]]:
    """Yield every slip that can be made with a matrix, and what it is then computed as.

    An expression may read the matrix itself: its numbers as they should have been.

    Parameters
    ----------
    of
        A matrix that a step computes.
    walk
        The steps.
    decimals
        To how many numbers are rounded.
    """
    facts = Facts(of, walk, decimals)
    for slip in SLIPS:
        for wrong in slip.wrong(facts):
            yield slip, wrong
