"""Why a product is written as it is: what it adds up, and so which side is transposed.

Read off the axes and off which cells a cell reads, so it holds for any expression. Knows notation
and expressions; knows no words.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from cellprop.algebra.expressions import Applied, Axis, Expression, Matrix
from cellprop.algebra.pieces import Mention, pieces
from cellprop.algebra.spans import ALL, COLUMN, ROW


@dataclass(frozen=True)
class Reason:
    """Why two expressions are multiplied as they are.

    Attributes:
        text: How the product is written in maths, by names.
        inside: What a matrix product adds up; None where numbers are multiplied one by one.
        turned: The names of what is transposed for it.
    """

    text: str
    inside: Axis | None = None
    turned: tuple[str, ...] = ()


def reasons(expression: Expression) -> Iterator[Reason]:
    """Yield why each product in an expression is written as it is, from the outside in: matrix
    products, and of products number by number those of two matrices.

    >>> samples, hidden = Axis.numbered("samples", 3), Axis.numbered("hidden", 2)
    >>> H, D = Matrix("H", samples, hidden), Matrix("D", samples, hidden)
    >>> [(r.text, r.inside.name, r.turned) for r in reasons(H.T @ D)]
    [('Hᵀ · D', 'samples', ('H',))]
    >>> [(r.text, r.inside) for r in reasons(H * D + 1)]
    [('H ⊙ D', None)]
    """
    if not isinstance(expression, Applied):
        return
    left, *_ = sides = expression.operands
    if expression.patterns == ((ROW, ALL), (ALL, COLUMN)):
        turned = (each.T for each in sides if isinstance(each, Applied) and each.is_transpose)
        names = tuple(each.name for each in turned if isinstance(each, Matrix))
        yield Reason(_by_names(expression), left.columns, names)
    elif expression.operation.name == "multiply" and _are_alike(sides):
        yield Reason(_by_names(expression))
    for operand in sides:
        yield from reasons(operand)


def _are_alike(sides: tuple[Expression, ...]) -> bool:
    first, *_ = sides
    return all(isinstance(each, Matrix) and each.shape == first.shape for each in sides)


def _by_names(expression: Expression) -> str:
    parts = pieces(expression)
    return "".join(part.text if isinstance(part, Mention) else part for part in parts)
