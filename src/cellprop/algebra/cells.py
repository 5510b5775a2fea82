"""The formula of every cell of an expression, from the addresses of the matrices that it reads.

Formulas are put together from the inside out; here are the kinds of formulas that rows of the table
have. Knows expressions and how tightly texts bind; knows no sheet.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import Literal

from cellprop.algebra.expressions import (
    Applied,
    CellForm,
    CellTexts,
    Expression,
    Form,
    Matrix,
    put_together,
)
from cellprop.algebra.notation import CALL, PLUS, TIMES, text, written_settings

# A product of at most this many terms is spelled out, since a student reads it.
SPELLED_OUT = 8


def formulas(
    expression: Expression,
    address: Callable[[Matrix], list[list[str]]],
    *,
    scattered: bool = False,
    may_be_blank: Collection[str] = (),
    turned: Collection[Matrix] = (),
) -> list[list[str]]:
    """Return the formula of every cell, without the leading `=`.

    Parameters
    ----------
    expression
        What to compute, of shape (rows, columns).
    address
        Gives the cell addresses of a matrix, as a list of rows: `[["A1", "B1"], …]`.
    scattered
        Whether the cells of a matrix may stand anywhere, so that none make a range.
    may_be_blank
        The names of matrices whose cells somebody may clear: they count as 0.
    turned
        The matrices that stand transposed: a row of theirs lies down.

    Returns
    -------
    list of list of str
        A list of rows, of shape (rows, columns).
    """

    def addressed(matrix: Matrix) -> CellTexts:
        lies: Literal["across", "down"] | None = None
        if not scattered:
            lies = "down" if matrix in turned else "across"
        return CellTexts(address(matrix), CALL, lies, matrix.name in may_be_blank)

    return _cells(expression, addressed).texts


def _cells(expression: Expression, of_matrix: Callable[[Matrix], CellTexts]) -> CellTexts:
    if isinstance(expression, Applied):
        operands = [_cells(operand, of_matrix) for operand in expression.operands]
        return expression.operation.cells(expression, operands)
    if isinstance(expression, Matrix):
        return of_matrix(expression)
    return CellTexts([[text(expression, "excel")]], CALL)


# --- Kinds of formulas --------------------------------------------------------------------


def element_by_element(form: Form) -> CellForm:
    """Return the CellForm of an operation that fills `form` in cell by cell."""

    def cells(expression: Applied, operands: Sequence[CellTexts]) -> CellTexts:
        rows, columns = expression.shape
        filled = [
            _stretched(wrapped(operand, need), rows, columns)
            for operand, need in zip(operands, form.needs, strict=False)
        ]
        write: Callable[..., str] = form.template.format
        if expression.settings:
            write = partial(write, **written_settings(expression))
        return CellTexts([list(map(write, *row)) for row in zip(*filled, strict=True)], form.binds)

    return cells


def wrapped(operand: CellTexts, need: int) -> list[list[str]]:
    """Return the texts, in parentheses where they bind less than is needed."""
    if operand.binds >= need:
        return operand.texts
    return [[f"({text})" for text in row] for row in operand.texts]


def _stretched(texts: list[list[str]], rows: int, columns: int) -> list[list[str]]:
    """Return the texts repeated along an axis of one."""
    if len(texts[0]) != columns:
        texts = [row * columns for row in texts]
    return texts if len(texts) == rows else texts * rows


def of_product(_: Applied, operands: Sequence[CellTexts]) -> CellTexts:
    """Return the CellTexts of a matrix product: terms spelled out, or functions of ranges."""
    left, right = operands
    if len(right.texts) > SPELLED_OUT and left.lies and right.lies:
        return CellTexts(_long_products(left, right), CALL)
    columns = list(zip(*wrapped(right, TIMES + 1), strict=True))
    rows = wrapped(left, TIMES)
    if len(right.texts) == 1:
        return CellTexts([[f"{row[0]}*{column[0]}" for column in columns] for row in rows], TIMES)
    texts = [
        ["+".join([f"{a}*{b}" for a, b in zip(row, column, strict=True)]) for column in columns]
        for row in rows
    ]
    return CellTexts(texts, PLUS)


def _long_products(left: CellTexts, right: CellTexts) -> list[list[str]]:
    """Return products of many terms, by ranges: SUMPRODUCT wants both to lie the same way."""
    rows = [f"{row[0]}:{row[-1]}" for row in left.texts]
    columns = [
        f"{first}:{last}" for first, last in zip(right.texts[0], right.texts[-1], strict=True)
    ]
    if left.lies == right.lies:  # a column of an `across` matrix lies down
        # A blank cell plus 0 is 0. Only in SUMPRODUCT every spreadsheet takes that of each cell.
        blank = left.may_be_blank or right.may_be_blank
        function = "SUMPRODUCT" if blank else "SUM"
        first, second = (f"{{{i}}}{'+0' * g.may_be_blank}" for i, g in enumerate((left, right)))
        if left.lies != "across":
            first, second = second, first
        one = f"{function}(MMULT({first},{second}))"
    else:
        one = "SUMPRODUCT({0},{1})"
    return [[one.format(row, column) for column in columns] for row in rows]


def of_transpose(_: Applied, operands: Sequence[CellTexts]) -> CellTexts:
    """Return the CellTexts of the transpose: the operand's, in the other order."""
    (operand,) = operands
    lies = {"across": "down", "down": "across", None: None}[operand.lies]
    texts = [list(row) for row in zip(*operand.texts, strict=True)]
    return CellTexts(texts, operand.binds, lies, operand.may_be_blank)  # type: ignore[arg-type]


def reduced(function: str, *, over: Literal["rows", "columns"]) -> CellForm:
    """Return the CellForm of `SUM`, `MIN` or `MAX` over the rows, or over the columns."""

    def cells(_: Applied, operands: Sequence[CellTexts]) -> CellTexts:
        (operand,) = operands
        if over == "rows":
            texts, binds = lines(
                function, operand, list(map(list, zip(*operand.texts, strict=True)))
            )
            return CellTexts([texts], binds)
        texts, binds = lines(function, operand, operand.texts)
        return CellTexts([[text] for text in texts], binds)

    return cells


def lines(function: str, operand: CellTexts, cells: list[list[str]]) -> tuple[list[str], int]:
    """Return a text for each line of cells, and how tightly they hold together."""
    if operand.lies:
        return [f"{function}({span(line[0], line[-1])})" for line in cells], CALL
    if len(cells[0]) == 1:
        return [line[0] for line in cells], operand.binds
    if function != "SUM":
        return [f"{function}({','.join(line)})" for line in cells], CALL
    first, later = operand.binds >= PLUS, operand.binds >= PLUS + 1
    return [
        "+".join(text if (later if k else first) else f"({text})" for k, text in enumerate(line))
        for line in cells
    ], PLUS


def span(first: str, last: str) -> str:
    """Return the range (str) from a cell to another; a sheet is named once.

    >>> span("'Step 0'!$B$2", "'Step 0'!$C$2")
    "'Step 0'!$B$2:$C$2"
    """
    return f"{first}:{last.rpartition('!')[2]}"


def line(texts: Sequence[str], of: CellTexts) -> str:
    """Return the cells of a line as arguments (str): a range where they make one."""
    return span(texts[0], texts[-1]) if of.lies else ",".join(texts)


def with_results(formula: str, one: str, zero: str) -> str:
    """Return the formula (str) of a comparison that gives something else than 1 and 0.

    >>> with_results("IF(B2>=C2,1,0)", '"yes"', '"no"')
    'IF(B2>=C2,"yes","no")'
    """
    assert formula.endswith(",1,0)"), formula
    return f"{formula.removesuffix(',1,0)')},{one},{zero})"


def as_parts(expression: Applied, operands: Sequence[CellTexts]) -> CellTexts:
    """Return the CellTexts of an operation: those of its parts, put into one another."""
    (operand,), (texts,) = expression.operands, operands
    placeholder = Matrix("operand", operand.rows, operand.columns)
    parts = put_together(expression, placeholder)
    return _cells(parts, lambda _: CellTexts(wrapped(texts, CALL), CALL))
