"""The one-cell focus: rules that change colours while a row or column is chosen.

Without a focus the cells' own fills show (so that previewers and print see them). While there
is one, rules take the colour away from every cell that the focus does not concern. Which cells
concern it comes from the reading `reads` of the steps' expressions.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cellprop.algebra import Matrix, Pattern, Selector, reads
from cellprop.layout import FOCUS, Layout, Place, letter


@dataclass(frozen=True)
class FocusCells:
    """Where a sheet's focus is chosen: absolute addresses, and how much there is to choose."""

    row: str
    column: str
    matrix: str | None
    rows: int
    columns: int

    @property
    def chosen(self) -> str:
        """The condition that anything is chosen."""
        cells = (self.row, self.column, self.matrix)
        return "&".join(cell for cell in cells if cell) + '<>""'


ROW_CAPTION, ROW_COLUMN, COLUMN_CAPTION, COLUMN_COLUMN, MATRIX_CAPTION, MATRIX_COLUMN, HINT = (
    3, 4, 5, 6, 7, 8, 12,
)  # fmt: skip
# The name of a matrix is longer than a cell: its choice spans these columns.
MATRIX_LAST_COLUMN = 10


def focus_cells(active: Sequence[Matrix]) -> FocusCells:
    """Return where the focus of a sheet that computes these matrices is chosen."""
    at = [f"${letter(c)}${FOCUS}" for c in (ROW_COLUMN, COLUMN_COLUMN, MATRIX_COLUMN)]
    rows = max(matrix.rows.size for matrix in active)
    columns = max(matrix.columns.size for matrix in active)
    return FocusCells(at[0], at[1], at[2] if len(active) > 1 else None, rows, columns)


@dataclass(frozen=True)
class Rule:
    """Cells of a range that take another style while a condition holds."""

    range: str
    condition: str
    style: str


def rules(active: Sequence[Matrix], layout: Layout) -> Iterable[Rule]:
    """Return the rules of a sheet; at most one holds in a cell.

    Parameters
    ----------
    active
        The matrices that the sheet computes.
    layout
        Where everything stands.
    """
    focus = focus_cells(active)
    read_by: dict[Matrix, list[str]] = {}
    for matrix in active:
        assert matrix.definition is not None
        for operand, patterns in reads(matrix.definition).items():
            place = layout.places[operand.name]
            tests = read_by.setdefault(operand, [])
            tests += [_test(place, p, focus, matrix) for p in sorted(patterns)]
    for matrix in dict.fromkeys((*active, *read_by)):
        place = layout.places[matrix.name]
        own = [_test(place, ("row", "column"), focus, matrix)] if matrix in active else []
        read = read_by.get(matrix, [])
        if own and read:
            condition = f"AND({focus.chosen},({own[0]})=0,({'+'.join(read)})>0)"
            yield Rule(place.range, condition, "read")
        yield Rule(place.range, f"AND({focus.chosen},{'+'.join(own + read)}=0)", "known")


def _test(place: Place, pattern: Pattern, focus: FocusCells, active: Matrix) -> str:
    """Return a number that is 1 in the cells of a place that the focus on `active` concerns.

    What is not chosen stands for all: without a row, all rows.
    """
    rows, columns = pattern
    factors = [
        _chosen(rows, focus, f"ROW()-{place.row - 1}"),
        _chosen(columns, focus, f"COLUMN()-{place.column - 1}"),
    ]
    if focus.matrix:
        factors.append(f'(({focus.matrix}="")+({focus.matrix}="{active.name}"))')
    # A row that only a taller matrix has is no cell of this one, so nothing is read for it.
    if active.rows.size < focus.rows:
        factors.append(f"(MAX({focus.row})<={active.rows.size})")
    if active.columns.size < focus.columns:
        factors.append(f"(MAX({focus.column})<={active.columns.size})")
    return "*".join(factor for factor in factors if factor) or "1"


def _chosen(selector: Selector, focus: FocusCells, position: str) -> str:
    if selector == "all":
        return ""
    cell = focus.row if selector == "row" else focus.column
    return f'(({cell}="")+({position}={cell}))'


# A spreadsheet nests functions 64 deep, and has formulas of 8,192 characters.
MOST_NESTED, LONGEST = 60, 8000
# Of a text within a formula: 255 characters.
MOST_TEXT = 250


def formula_in_focus(place: Place, focus: FocusCells) -> str:
    """Return a formula that shows the formula of the cell in focus; of the first without one.

    Only IF and FORMULATEXT, which every spreadsheet has; a matrix too large for nested IFs shows
    the formula of its first cell.
    """
    rows, columns = place.matrix.shape
    if rows + columns <= MOST_NESTED:
        shown = [[f"_xlfn.FORMULATEXT({address})" for address in row] for row in place.addresses()]
        formula = _choice(focus.row, [_choice(focus.column, row) for row in shown])
        if len(formula) < LONGEST:
            return formula
    return f"_xlfn.FORMULATEXT({place.address(0, 0)})"


def by_matrix(focus: FocusCells, matrices: Sequence[Matrix], shown: Sequence[str]) -> str:
    """Return a formula that shows what belongs to the matrix in focus; the last without one."""
    formula = shown[-1]
    for matrix, text in zip(matrices[:-1], shown[:-1], strict=True):
        formula = f'IF({focus.matrix}="{matrix.name}",{text},{formula})'
    return formula


def literal(text: str) -> str:
    """Return a text as a formula writes it, in pieces short enough for one."""
    pieces = [text[i : i + MOST_TEXT] for i in range(0, len(text), MOST_TEXT)]
    return "&".join('"' + piece.replace('"', '""') + '"' for piece in pieces)


def _choice(cell: str, options: Sequence[str]) -> str:
    """Return nested IFs: option k where the cell holds k, else the first."""
    chosen = options[0]
    for k in range(len(options), 1, -1):
        chosen = f"IF({cell}={k},{options[k - 1]},{chosen})"
    return chosen
