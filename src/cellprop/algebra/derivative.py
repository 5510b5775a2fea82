"""Backward definitions from forward ones: reverse-mode differentiation, with names.

Going back from a loss, each operation is handed the adjoint of its result, which is how the loss
changes with it, and passes on that of each operand, as its row's `back` says. There is one contract
for all of them: `back(adjoint, result, *operands)`. A loss is an operation like any other, whose
result is seeded; an activation's slope makes its `back`. The sign that the loss is seeded with is
that of all adjoints.

Knows expressions and what rows say; knows no network, and no operation but those that a chain of
factors is made of.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from cellprop.algebra.expressions import (
    ONE,
    Applied,
    Expression,
    Matrix,
    Number,
    define,
    sum_over_columns,
    sum_over_rows,
)
from cellprop.algebra.notation import described
from cellprop.algebra.spans import SAME
from cellprop.errors import InputError

Names = Mapping[str, tuple[str, str]]
"""For the name of a forward matrix, the name and the symbol of a backward one."""

Sign = Literal[1, -1]
"""1 for gradients, which updates subtract; −1 for changes wanted, which updates add."""

CHANGES: Sign = -1
"""The article's sign: `E = y - output` is the change wanted of the output."""
GRADIENTS: Sign = 1
"""The field's sign: what PyTorch has in `.grad`."""


@dataclass(frozen=True)
class Backward:
    """The backward definitions that follow from the forward ones.

    Attributes:
        wanted: For each matrix that the loss depends on, its adjoint: with the article's sign the
            change that makes the loss smaller, which is the negative gradient. A named matrix where
            `derive` was given a name for it.
        slopes: For each matrix that an activation computes, the activation's slope, where `derive`
            was given a name for it.
        long_way: Where the loss's derivative and an activation's slope cancel (see
            `Operation.cancels`), the adjoint of the activation's input with neither left out.
        shares: For each matrix that the loss depends on, what each use of it adds to its adjoint.
    """

    wanted: Mapping[str, Expression]
    slopes: Mapping[str, Matrix]
    long_way: Mapping[str, Expression]
    shares: Mapping[str, Sequence[Expression]]


def derive(
    loss: Expression,
    wanted: Names,
    slopes: Names,
    given: Iterable[Matrix] = (),
    sign: Sign = CHANGES,
) -> Backward:
    """Return the Backward definitions of a loss.

    Parameters
    ----------
    loss
        What is to become smaller, summed over all its cells: a loss of the table, or anything
        computed from losses and matrices, such as a weighted sum of them.
    wanted
        What to call the adjoint of a matrix: `{"output": ("E", "E")}`.
    slopes
        What to call the slope of the activation that computes a matrix.
    given
        Matrices that nothing goes back beyond, however they are defined.
    sign
        Of the adjoints: as in the article they are the changes wanted, which updates add.

    Raises
    ------
    InputError
        If an operation on the way has no derivative, or there is nothing to derive.
    """
    definition = loss.definition if isinstance(loss, Matrix) else loss
    if not isinstance(definition, (Matrix, Applied)):
        name = loss.name if isinstance(loss, Matrix) else described(loss)
        raise InputError(f"{name} is not computed from anything, so it has no derivative.")
    seed = Applied("ones", loss)
    passing = _Passing(tuple(given), wanted, slopes)
    passing.hand(definition, seed if sign == GRADIENTS else 0 - seed)
    for matrix in reversed(_in_order(loss, passing.given)):
        if matrix.name in passing.adjoints:  # not the loss, nor what it takes for fixed
            passing.go_on(matrix)
    return Backward(passing.adjoints, passing.named_slopes, passing.long_way, passing.shares)


@dataclass(frozen=True)
class _Source:
    """What a matrix's adjoint comes from: an operation that it goes into, and its adjoint."""

    expression: Applied
    adjoint: Expression


class _Passing:
    """Adjoints on their way back.

    Attributes:
        given: Matrices that nothing goes back beyond.
        adjoints: The adjoint of each matrix, as far as it is known.
        sources: What each comes from; None among them for what is no operation's.
        named_slopes, long_way, shares: See `Backward`.
    """

    def __init__(self, given: Sequence[Matrix], wanted: Names, slopes: Names) -> None:
        self.given = given
        self.adjoints: dict[str, Expression] = {}
        self.sources: dict[str, list[_Source | None]] = {}
        self.named_slopes: dict[str, Matrix] = {}
        self.long_way: dict[str, Expression] = {}
        self.shares: dict[str, list[Expression]] = {}
        self._wanted, self._slopes = wanted, slopes

    def go_on(self, matrix: Matrix) -> None:
        """Hand a matrix's adjoint, which is complete, to what the matrix is computed from."""
        adjoint, whole = self.adjoints[matrix.name], matrix.whole or matrix.definition
        if matrix.name in self._wanted:
            name, symbol = self._wanted[matrix.name]
            adjoint = self.adjoints[matrix.name] = define(name, adjoint, symbol)
        if not isinstance(whole, Applied):
            if whole is not None:
                self.hand(whole, adjoint)
            return
        slope = self._named_slope(whole, matrix)
        passed = (adjoint * slope,) if slope else passed_back(whole, matrix, adjoint)
        if shorter := _shortcut(whole, matrix, self.sources[matrix.name]):
            assert passed[0] is not None
            self.long_way[matrix.name] = passed[0]
            passed = (shorter,)
        self.pass_on(_Source(whole, adjoint), passed)

    def hand(self, operand: Expression, adjoint: Expression, source: _Source | None = None) -> None:
        """Hand an expression its adjoint, or a part of it."""
        if isinstance(operand, Matrix):
            known = self.adjoints.get(operand.name)
            self.adjoints[operand.name] = adjoint if known is None else known + adjoint
            self.shares.setdefault(operand.name, []).append(adjoint)
            self.sources.setdefault(operand.name, []).append(source)
        elif isinstance(operand, Applied):
            self.pass_on(_Source(operand, adjoint), passed_back(operand, operand, adjoint))

    def pass_on(self, source: _Source, passed: Sequence[Expression | None]) -> None:
        """Hand each operand of an expression its adjoint."""
        expression = source.expression
        if expression.operation.is_loss and passed[0] is None:
            _check_fixed(expression, self.given)
        for operand, adjoint in zip(expression.operands, passed, strict=True):
            if adjoint is not None:
                self.hand(operand, _fitted(adjoint, operand), source)

    def _named_slope(self, whole: Applied, output: Matrix) -> Matrix | None:
        slope = slope_of(whole, output) if output.name in self._slopes else None
        if slope is None:
            return None
        name, symbol = self._slopes[output.name]
        self.named_slopes[output.name] = define(name, slope, symbol)
        return self.named_slopes[output.name]


# --- What one operation passes back -------------------------------------------------------


def passed_back(
    expression: Applied, result: Expression, adjoint: Expression
) -> tuple[Expression | None, ...]:
    """Return the adjoint (Expression) of each operand, from that of the result.

    Parameters
    ----------
    expression
        An operation applied to operands.
    result
        What has its value: the expression itself, or the matrix that it defines.
    adjoint
        Of the result, and of its shape.

    Raises
    ------
    InputError
        If the operation has no derivative.
    """
    operation = expression.operation
    if operation.back is None:
        raise InputError(f"the operation {operation.name} has no derivative")
    return operation.back(adjoint, result, *expression.operands, **expression.settings)


def goes_back(expression: Expression, learnt: Collection[str]) -> bool:
    """Whether anything goes back through an expression to matrices of some names."""
    if isinstance(expression, Matrix):
        return expression.name in learnt
    if not isinstance(expression, Applied) or expression.operation.back is None:
        return False
    passed = passed_back(expression, expression, Applied("ones", expression))
    return any(
        adjoint is not None and goes_back(operand, learnt)
        for operand, adjoint in zip(expression.operands, passed, strict=True)
    )


def slope_of(activation: Applied, output: Expression) -> Expression | None:
    """Return an activation's slope, an Expression of the output's shape; None if it has none for
    each element by itself.

    Parameters
    ----------
    activation
        The activation applied to its input.
    output
        What has its value: the matrix that it defines, or any other to take for the output.
    """
    slope = activation.operation.slope
    return slope(output, activation.operands[0], **activation.settings) if slope else None


def through_slope(
    slope: Callable[..., Expression],
) -> Callable[..., tuple[Expression | None, ...]]:
    """Return the `back` of an activation that has a slope for each element by itself."""

    def back(
        adjoint: Expression, output: Expression, entered: Expression, **settings: object
    ) -> tuple[Expression]:
        return (adjoint * slope(output, entered, **settings),)

    return back


def chain(adjoint: Expression, derivative: Expression) -> Expression:
    """Return an adjoint times a local derivative, an Expression of the derivative's shape.

    What is only seeded leaves the derivative as it is, with the seed's sign: so the article's
    `E = y - output` comes from `output - y`.
    """
    positive = _without_minus(adjoint)
    if positive is not None:
        return chain(positive, _negative(derivative))
    if isinstance(adjoint, Applied):
        name, (first, *others) = adjoint.operation.name, adjoint.operands
        if name == "ones":
            return derivative
        if name in ("scale", "multiply"):
            return chain(first, derivative) * others[0]
        if name == "divide":
            return chain(first, derivative) / others[0]
    return derivative * adjoint


def _without_minus(expression: Expression) -> Expression | None:
    """Return an expression with the minus sign before it dropped; None if it has none."""
    if not isinstance(expression, Applied):
        return None
    first, *others = expression.operands
    if expression.operation.name == "subtract":
        return others[0] if isinstance(first, Number) and not first.value else None
    positive = _without_minus(first) if expression.operation.is_linear else None
    return None if positive is None else expression.of(positive, *others)


def _negative(expression: Expression) -> Expression:
    """Return minus an expression: differences in it are turned round, where that is enough."""
    turned = _turned(expression)
    return 0 - expression if turned is None else turned


def _turned(expression: Expression) -> Expression | None:
    if not isinstance(expression, Applied):
        return None
    first, *others = expression.operands
    if expression.operation.name == "subtract":
        return _without_minus(expression) or others[0] - first
    turned = _turned(first) if expression.operation.is_linear else None
    return None if turned is None else expression.of(turned, *others)


def _fitted(adjoint: Expression, operand: Expression) -> Expression:
    """Return an adjoint summed over the axes along which its operand was repeated."""
    if operand.rows is ONE and adjoint.rows is not ONE:
        adjoint = sum_over_rows(adjoint)
    if operand.columns is ONE and adjoint.columns is not ONE:
        adjoint = sum_over_columns(adjoint)
    return adjoint


# --- Where derivatives cancel, and what is taken for fixed --------------------------------


def _shortcut(
    activation: Applied, output: Matrix, sources: Sequence[_Source | None]
) -> Expression | None:
    """Return the adjoint of an activation's input where its slope cancels against the derivatives
    of the losses taken of its output; None where it does not, or more is made of the output.
    """
    found = None
    for source in sources:
        if source is None:
            return None
        taken = source.expression
        cancels = (taken.operation.cancels or {}).get(activation.operation.name)
        if cancels is None or taken.operands[0] is output:
            return None
        if activation.operation.mixes_columns and not _is_even(source.adjoint):
            return None
        left = chain(source.adjoint, cancels(*taken.operands, **taken.settings))
        found = left if found is None else found + left
    return found


def _is_even(expression: Expression) -> bool:
    """Whether an expression is the same in all columns, by how it is written."""
    if expression.columns is ONE:
        return True
    if not isinstance(expression, Applied):
        return False
    patterns = expression.patterns  # an operand that is not read makes no difference
    read = zip(expression.operands, patterns, strict=False)
    return all(pattern == SAME and _is_even(operand) for operand, pattern in read)


def _check_fixed(loss: Applied, given: Sequence[Matrix]) -> None:
    """Refuse targets that are taken for fixed, but follow from the same numbers as the output."""
    targets, output = (set(_leaves(operand)) - set(given) for operand in loss.operands)
    if shared := sorted(matrix.name for matrix in targets & output):
        raise InputError(
            f"the operation {loss.operation.name} has no derivative by its targets, which depend on"
            f" {', '.join(shared)} as its output does."
        )


def _leaves(expression: Expression) -> Iterable[Matrix]:
    """Yield the given matrices that an expression is computed from."""
    if isinstance(expression, Matrix):
        if expression.definition is None:
            yield expression
        else:
            yield from _leaves(expression.definition)
    elif isinstance(expression, Applied):
        for operand in expression.operands:
            yield from _leaves(operand)


def _in_order(last: Expression, given: Iterable[Matrix]) -> list[Matrix]:
    """Return the matrices that an expression depends on, each after those it reads; but those
    given, and what lies before them, not.
    """
    found: dict[Matrix, None] = dict.fromkeys(given)
    first = len(found)

    def visit(expression: Expression) -> None:
        if isinstance(expression, Matrix):
            if expression in found:
                return
            if expression.definition is not None:
                visit(expression.whole or expression.definition)
            found[expression] = None
        elif isinstance(expression, Applied):
            for operand in expression.operands:
                visit(operand)

    visit(last)
    return list(found)[first:]
