"""How one cell is worked out, as a student would write it: `0.81 · 0.035 + 0.92 · 0.033`.

The text of a cell's calculation, cut at the cells that it reads, so that a face can put in their
numbers. Element by element it is written as in maths; where cells are combined, as in their
formula. Only what the one cell reads is looked at, and of a long sum the first terms are written
and the last, so the size of matrices does not matter. Knows expressions and notation; knows no
address and no sheet.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from cellprop.algebra.expressions import (
    ONE,
    Applied,
    Axis,
    CellTexts,
    Expression,
    Form,
    Matrix,
    put_together,
)
from cellprop.algebra.notation import CALL, MINUS_SIGN, text, written_settings
from cellprop.algebra.spans import NOT_READ, SAME

# Of more terms than these the first are written, and the last.
MOST_TERMS, FIRST_TERMS = 6, 4
GAP = "…"
# Stands before and after the number of a cell. Unicode leaves it to private use: no form and no
# setting has any.
_CUT = "\ue000"
# What formulas and maths write otherwise than a calculation with numbers does.
_SIGNS = {"*": " · ", "⊙": "·", "×": "·", "+": " + ", "/": " / ", ",": ", ", "-": "−"}
_FUNCTIONS = {letter: letter.lower() for letter in map(chr, range(ord("A"), ord("Z") + 1))}
_WRITTEN = str.maketrans(_SIGNS | _FUNCTIONS)

Lines = Sequence[int | None]
"""Numbers of rows or of columns, from 0; None stands for those that are left out."""


@dataclass(frozen=True)
class Cell:
    """A cell where a calculation reads it.

    Attributes:
        matrix: Of which matrix.
        row, column: Which cell, from 0.
        is_guarded: Whether a negative number takes parentheses there.
    """

    matrix: Matrix
    row: int
    column: int
    is_guarded: bool = False


def worked(expression: Expression, row: int, column: int) -> list[str | Cell]:
    """Return how a cell of an expression is worked out.

    Parameters
    ----------
    expression
        What is computed, of shape (rows, columns).
    row, column
        Of which cell, from 0.

    Returns
    -------
    list of str and Cell
        In turn, a text first and last, which may be empty.

    >>> from cellprop.algebra import Axis
    >>> samples, hidden = Axis.numbered("samples", 9), Axis.numbered("hidden", 2)
    >>> H, D = Matrix("H", samples, hidden), Matrix("D", samples, ONE)
    >>> found = worked(1 - H.T @ D, 1, 0)
    >>> "".join(p if isinstance(p, str) else f"{p.matrix.name}{p.row}{p.column}" for p in found)
    '1 − (H01 · D00 + H11 · D10 + H21 · D20 + H31 · D30 + … + H81 · D80)'
    """
    working = _Working()
    texts = working.texts(expression, [row], [column]).texts[0][0]
    pieces: list[str | Cell] = []
    for i, piece in enumerate(texts.split(_CUT)):
        if i % 2:
            before = str(pieces[-1])
            pieces.append(working.cell(int(piece), is_guarded=before.endswith(("−", "− "))))
        else:
            pieces.append(_as_written(piece))
    return pieces


def _as_written(piece: str) -> str:
    """Return a text between cells as one writes it with numbers: signs with blanks around them."""
    piece = piece.translate(_WRITTEN)
    while "  " in piece:
        piece = piece.replace("  ", " ")
    return piece


class _Working:
    """What writes the texts of cells, with the number of each cell that they read."""

    def __init__(self) -> None:
        self._cells: list[tuple[Matrix, int, int]] = []
        self._guarded: set[int] = set()

    def cell(self, number: int, *, is_guarded: bool) -> Cell:
        """Return the cell that a number stands for."""
        return Cell(*self._cells[number], is_guarded or number in self._guarded)

    def texts(self, expression: Expression, rows: Lines, columns: Lines) -> CellTexts:
        """Return the texts of some rows and columns of an expression."""
        # An axis of one repeats: whichever cell is computed, it is read there.
        rows = [0] if expression.rows is ONE else rows
        columns = [0] if expression.columns is ONE else columns
        if isinstance(expression, Matrix):
            found = [[self._marked(expression, i, j) for j in columns] for i in rows]
            # Its number may be negative, and then holds together no more than that.
            return CellTexts(found, MINUS_SIGN)
        if not isinstance(expression, Applied):
            return CellTexts([[text(expression, "maths")]], CALL)
        if expression.operation.parts is not None:
            return self.texts(put_together(expression, expression.operands[0]), rows, columns)
        if expression.is_elementwise:
            return self._of_elements(expression, rows, columns)
        return self._combined(expression, rows, columns)

    def _marked(self, matrix: Matrix, row: int | None, column: int | None) -> str:
        if row is None or column is None:
            return GAP
        self._cells.append((matrix, row, column))
        return f"{_CUT}{len(self._cells) - 1}{_CUT}"

    # --- Element by element

    def _of_elements(self, expression: Applied, rows: Lines, columns: Lines) -> CellTexts:
        form = expression.operation.worked or expression.operation.maths
        form = form if isinstance(form, Form) else form(expression)
        operands = [self.texts(operand, rows, columns) for operand in expression.operands]
        needs = list(zip(operands, form.needs, strict=False))
        settings = written_settings(expression)

        def filled(i: int, j: int) -> str:
            texts = [self._wrapped(operand, need, i, j) for operand, need in needs]
            if GAP in texts or rows[i] is None or columns[j] is None:
                return GAP
            return form.template.format(*texts, **settings)

        found = [[filled(i, j) for j in range(len(columns))] for i in range(len(rows))]
        return CellTexts(found, form.binds)

    def _wrapped(self, operand: CellTexts, need: int, i: int, j: int) -> str:
        """Return a text, in parentheses where it binds less than is needed."""
        # An axis of one repeats.
        row = operand.texts[i if len(operand.texts) > 1 else 0]
        found = row[j if len(row) > 1 else 0]
        if operand.binds >= need or found == GAP:
            return found
        number = found.strip(_CUT)
        if operand.binds == MINUS_SIGN and number.isdecimal():
            self._guarded.add(int(number))
            return found
        return f"({found})"

    # --- What combines cells

    def _combined(self, expression: Applied, rows: Lines, columns: Lines) -> CellTexts:
        usual = (span.is_usual for pattern in expression.patterns for span in pattern)
        if callable(expression.operation.reads) or not all(usual):
            return self._picked(expression, rows, columns)
        found = self._by_formula(expression, rows, columns, most=MOST_TERMS)
        if found is None:
            # What goes along the axis that is read as a whole is picked from all of it.
            found = self._by_formula(expression, rows, columns, most=None)
        assert found is not None, expression.operation.name
        return found

    def _picked(self, expression: Applied, rows: Lines, columns: Lines) -> CellTexts:
        """Return the texts by the cell formula of an operation that picks cells by their place: of
        whole operands, with gaps for what is not read.
        """
        cells = [(i, j) for i in rows for j in columns if i is not None and j is not None]
        operands = []
        patterns = expression.patterns
        for operand, pattern in zip_longest(
            expression.operands, patterns[: len(expression.operands)], fillvalue=NOT_READ
        ):
            assert isinstance(operand, Expression)
            assert isinstance(pattern, tuple)
            sizes = operand.shape
            down, across = (
                _only({line for cell in cells for line in span.of(*cell, size)}, size)
                for span, size in zip(pattern, sizes, strict=True)
            )
            operands.append(self.texts(operand, down, across))
        found = expression.operation.cells(expression, operands)
        texts = [
            [GAP if i is None or j is None else _without_gaps(found.texts[i][j]) for j in columns]
            for i in rows
        ]
        return CellTexts(texts, found.binds)

    def _by_formula(
        self, expression: Applied, rows: Lines, columns: Lines, most: int | None
    ) -> CellTexts | None:
        """Return the texts by the operation's cell formula; None if these lines can't be picked."""
        operands, places = [], []
        patterns = expression.patterns
        for operand, pattern in zip_longest(
            expression.operands, patterns[: len(expression.operands)], fillvalue=SAME
        ):
            assert isinstance(operand, Expression)
            assert isinstance(pattern, tuple)
            known = {"row": rows, "column": columns}
            down, across = (
                known.get(span.index) or _all(axis, most)
                for span, axis in zip(pattern, (operand.rows, operand.columns), strict=True)
            )
            operands.append(self.texts(operand, down, across))
            places.append(_placeholder(operand, down, across))
        cut = expression.of(*places)
        found = expression.operation.cells(cut, operands)
        down_at = _positions(rows, cut.rows, expression.rows)
        across_at = _positions(columns, cut.columns, expression.columns)
        if down_at is None or across_at is None:
            return None
        texts = [[_without_gaps(found.texts[i][j]) for j in across_at] for i in down_at]
        return CellTexts(texts, found.binds)


def _only(wanted: Collection[int], size: int) -> Lines:
    """Return the numbers of some rows or columns, of so many; None for each of the others."""
    return [line if line in wanted else None for line in range(size)]


def _all(axis: Axis, most: int | None) -> Lines:
    """Return the numbers of all rows or columns; of more than `most`, the first and the last."""
    if most is None or axis.size <= most:
        return range(axis.size)
    return [*range(FIRST_TERMS), None, axis.size - 1]


def _placeholder(operand: Expression, rows: Lines, columns: Lines) -> Matrix:
    """Return a matrix that has only some rows and columns of an operand."""
    return Matrix("operand", _cut(operand.rows, rows), _cut(operand.columns, columns))


def _cut(axis: Axis, lines: Lines) -> Axis:
    return ONE if axis is ONE else Axis(axis.name, ("",) * len(lines))


def _positions(wanted: Lines, found: Axis, whole: Axis) -> Sequence[int] | None:
    """Return where the lines that are wanted stand among those found; None if not all are there."""
    if found.size == len(wanted):
        return range(found.size)
    if found.size != whole.size or None in wanted:
        return None
    return [line for line in wanted if line is not None]


def _without_gaps(text: str) -> str:
    """Return a formula in which what is left out is one mark, not one in each place of a term."""
    text = text.replace(f"({GAP})", GAP).replace(f"{GAP}*{GAP}", GAP)
    for sign in "+,":
        while f"{GAP}{sign}{GAP}" in text:
            text = text.replace(f"{GAP}{sign}{GAP}", GAP)
    return text
