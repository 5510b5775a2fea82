"""The maths text of an expression in pieces: cut at the matrices that it is written with.

A face can so show a matrix's numbers, or anything else, where its name stands. The pieces come from
the text itself, written with marks in place of names, so they are right for any operation. Knows
notation; knows no cell and no address.
"""

from __future__ import annotations

from dataclasses import dataclass

from cellprop.algebra.expressions import Applied, Expression, Matrix
from cellprop.algebra.notation import text

# Stands before and after the number of a mention. Unicode leaves it to private use: no form and no
# setting has any.
_CUT = "\ue000"


@dataclass(frozen=True)
class Mention:
    """A matrix where an expression is written with it.

    Attributes:
        matrix: Which.
        transposed: Whether it stands there transposed.
    """

    matrix: Matrix
    transposed: bool = False

    @property
    def text(self) -> str:
        """Its name as it is written there, whether it has a symbol or not: `wh`, `whᵀ`."""
        plain = Matrix(self.matrix.name, self.matrix.rows, self.matrix.columns)
        return text(plain.T if self.transposed else plain, "maths")

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns), as it stands there."""
        return self.matrix.shape[::-1] if self.transposed else self.matrix.shape

    @property
    def shape_text(self) -> str:
        """The shape as one writes it: `3 × 1`; `1` for one number for all rows and columns."""
        rows, columns = self.shape
        return "1" if self.matrix.is_scalar else f"{rows} × {columns}"


def pieces(expression: Expression) -> list[str | Mention]:
    """Return the maths text of an expression, cut at its matrices.

    Returns
    -------
    list of str and Mention
        In turn, a text first and last, which may be empty. Joined, with the text of each mention,
        they are the text of the expression if no matrix had a symbol.

    >>> from cellprop.algebra import Axis
    >>> samples, hidden = Axis.numbered("samples", 3), Axis.numbered("hidden", 2)
    >>> H, E = Matrix("H", samples, hidden), Matrix("E", samples, samples)
    >>> [p if isinstance(p, str) else p.text for p in pieces(H.T @ (E + 1))]
    ['', 'Hᵀ', ' · (', 'E', ' + 1)']
    """
    found: list[Mention] = []
    cut = text(_marked(expression, found), "maths").split(_CUT)
    return [found[int(piece)] if i % 2 else piece for i, piece in enumerate(cut)]


def _marked(expression: Expression, found: list[Mention]) -> Expression:
    """Return the expression with a mark for the name of each matrix: its place in `found`."""
    if isinstance(expression, Matrix):
        return _mark(Mention(expression), expression, found)
    if not isinstance(expression, Applied):
        return expression
    first = expression.operands[0]
    if expression.is_transpose and isinstance(first, Matrix):
        return _mark(Mention(first, transposed=True), expression, found)
    return expression.of(*(_marked(operand, found) for operand in expression.operands))


def _mark(mention: Mention, instead_of: Expression, found: list[Mention]) -> Matrix:
    found.append(mention)
    return Matrix(f"{_CUT}{len(found) - 1}{_CUT}", instead_of.rows, instead_of.columns)


def separately(expression: Expression) -> tuple[Expression, list[Matrix]]:
    """Return an expression in which each mention of a matrix is a matrix of its own, and these in
    the order of the text: what is said of each can so differ, as where it stands.

    >>> from cellprop.algebra import Axis
    >>> samples = Axis.numbered("samples", 3)
    >>> E = Matrix("E", samples, samples)
    >>> square, parts = separately(E @ E)
    >>> parts, parts[0] is parts[1]
    ([<E: 3 samples × 3 samples>, <E: 3 samples × 3 samples>], False)
    """
    if isinstance(expression, Matrix):
        own = Matrix(expression.name, expression.rows, expression.columns)
        return own, [own]
    if not isinstance(expression, Applied):
        return expression, []
    apart = [separately(operand) for operand in expression.operands]
    return expression.of(*(each for each, _ in apart)), [m for _, parts in apart for m in parts]


def named(matrix: Matrix) -> str:
    """Return the line (str) that computes a matrix in maths, by names: `E = y − output`."""
    return "".join(p if isinstance(p, str) else p.text for p in _line(matrix))


def with_shapes(matrix: Matrix) -> tuple[str, str]:
    """Return the line that computes a matrix in maths, by names, and a line of the shapes.

    Returns
    -------
    str, str
        Of the same length: each shape begins below the name that it is of. Where a shape is longer
        than a name, blanks follow the name.
    """
    above = below = ""
    for piece in _line(matrix):
        upper, lower = (piece, "") if isinstance(piece, str) else (piece.text, piece.shape_text)
        width = max(len(upper), len(lower))
        above += upper.ljust(width)
        below += lower.ljust(width)
    return above, below


def _line(matrix: Matrix) -> list[str | Mention]:
    """Return the pieces of the line that computes a matrix."""
    assert matrix.definition is not None, f"{matrix.name} is given, not computed"
    first, *others = pieces(matrix.definition)
    return [Mention(matrix), f" = {first}", *others]
