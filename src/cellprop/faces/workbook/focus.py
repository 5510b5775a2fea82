"""The one-cell focus: rules that change colours while a row or column is chosen.

Without a focus the cells' own fills show (so that previewers and print see them). While there
is one, rules take the colour away from every cell that the focus does not concern. Which cells
concern it comes from the reading `reads` of the steps' expressions. Knows matrices and places;
styles it knows by name only.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from cellprop.algebra import COLUMN, ROW, Matrix, Pattern, Span, band
from cellprop.faces.places import Place, Spread


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


@dataclass(frozen=True)
class StyleRule:
    """Cells of a range that take another style while a condition holds."""

    range: str
    condition: str
    style: str


def rules(active: Sequence[Matrix], spread: Spread, focus: FocusCells) -> Iterable[StyleRule]:
    """Return the rules of a sheet; at most one holds in a cell.

    Parameters
    ----------
    active
        The matrices that the sheet computes.
    spread
        Where everything stands on it.
    focus
        Where the focus is chosen.
    """
    own_by: dict[Place, str] = {}
    read_by: dict[Place, list[str]] = {}
    in_part: set[Place] = set()
    for matrix in active:
        home = spread.homes[matrix.name]
        own_by[home] = _test(home, (ROW, COLUMN), focus, matrix)
        for place, patterns in spread.reads(matrix):
            tests = read_by.setdefault(place, [])
            tests += [_test(place, p, focus, matrix) for p in sorted(patterns)]
            if not all(span.is_usual for p in patterns for span in p):
                in_part.add(place)
    for place in dict.fromkeys((*own_by, *read_by)):
        own = [own_by[place]] if place in own_by else []
        read = read_by.get(place, [])
        if own and read:
            condition = f"AND({focus.chosen},({own[0]})=0,({'+'.join(read)})>0)"
            yield StyleRule(place.range, condition, "read")
        elsewhere = f"{'+'.join(own + read)}=0"
        # Of what is read in part the rest is not read without a focus either.
        condition = elsewhere if place in in_part else f"AND({focus.chosen},{elsewhere})"
        yield StyleRule(place.range, condition, "known")


def _test(place: Place, pattern: Pattern, focus: FocusCells, active: Matrix) -> str:
    """Return a number that is 1 in the cells of a place that the focus on `active` concerns.

    What is not chosen stands for all: without a row, all rows.
    """
    down, across = f"ROW()-{place.row - 1}", f"COLUMN()-{place.column - 1}"
    if place.turned:
        down, across = across, down
    rows, columns = place.matrix.shape
    factors = [
        _chosen(pattern[0], focus, down, rows),
        _chosen(pattern[1], focus, across, columns),
    ]
    if focus.matrix:
        factors.append(f'(({focus.matrix}="")+({focus.matrix}="{active.name}"))')
    # A row that only a taller matrix has is no cell of this one, so nothing is read for it.
    if active.rows.size < focus.rows:
        factors.append(f"(MAX({focus.row})<={active.rows.size})")
    if active.columns.size < focus.columns:
        factors.append(f"(MAX({focus.column})<={active.columns.size})")
    return "*".join(factor for factor in factors if factor) or "1"


def _chosen(span: Span, focus: FocusCells, position: str, size: int) -> str:
    """Return a number that is 1 in the lines that are read, by their position from 1; empty if that
    is so in all.
    """
    cell = focus.row if span.index == "row" else focus.column
    if span.is_usual:
        return f'(({cell}="")+({position}={cell}))' if span.index else ""
    any_read = _among(span.any_of(size), size, position)
    if not span.index:
        return any_read
    found = _by_number(span, f"MAX({cell})", position)
    if not any_read:
        return f'(({cell}="")+{found})'
    return f'(({cell}="")*{any_read}+{found})'


def _among(lines: Sequence[int], size: int, position: str) -> str:
    """Return a number that is 1 where a position from 1 is that of one of some lines from 0; empty
    if they are all that there are.
    """
    if len(lines) == size:
        return ""
    if not lines:
        return "0"
    apart = {after - before for before, after in pairwise(lines)}
    if len(apart) > 1:
        return f"({'+'.join(f'({position}={line + 1})' for line in lines)})"
    first, last = lines[0] + 1, lines[-1] + 1
    if first == last:
        return f"({position}={first})"
    within = f"({position}>={first})*({position}<={last})"
    step = apart.pop()
    return within if step == 1 else f"{within}*(MOD({position}-{first},{step})=0)"


def _by_number(span: Span, number: str, position: str) -> str:
    """Return a number that is 1 where a position from 1 is that of a line which is read for the
    number in focus, from 1.
    """
    found = band(span)
    if found is None:  # each number by itself
        each = (
            f"({number}={n + 1})*{_among(lines, -1, position)}"
            for n, lines in enumerate(span.lines)
            if lines
        )
        return f"({'+'.join(each)})"
    # For numbers and lines from 1, and not from 0.
    first = found.first - found.by_number - found.by_line
    level = f"{_times(found.by_number, number)}{_times(found.by_line, position)}{first:+d}"
    level = level.removeprefix("+")
    tests = [f"({level}=0)"] if not found.width else [f"({level}>=0)", f"({level}<={found.width})"]
    if found.apart > 1:
        tests.append(f"(MOD({level},{found.apart})=0)")
    for what, (least, most) in ((number, found.numbers), (position, found.lines)):
        tests += [f"({what}>={least + 1})", f"({what}<={most + 1})"]
    return "*".join(tests)


def _times(by: int, what: str) -> str:
    # In brackets, since what is taken may be a difference.
    return f"{'+' if by > 0 else '-'}{f'{abs(by)}*' if abs(by) > 1 else ''}({what})"


# A spreadsheet nests functions 64 deep, and has formulas of 8,192 characters.
MOST_NESTED, LONGEST = 60, 8000
# Of a text within a formula: 255 characters; of CHOOSE: 254 values, in LibreOffice 30.
MOST_TEXT, MOST_OPTIONS = 250, 30
# What a formula consists of: letters, numbers, and everything else.
_TOKENS = re.compile(r"[A-Z]+|\d+|[^A-Z\d]+")


def formula_in_focus(
    texts: Sequence[Sequence[str]], focus: FocusCells, *, each: bool = False
) -> str:
    """Return a formula that shows the formula of the cell in focus; of the first without one.

    A text put together from what differs between the cells. Not FORMULATEXT: Excel 2010, Gnumeric
    and HyperFormula have none or write it otherwise, and where it is, it answers in the language
    of whoever looks.

    Parameters
    ----------
    texts
        The formulas of a matrix, without `=`, by row and column.
    focus
        Where the focus is chosen.
    each
        Whether they differ in more than what goes by the row or by the column.
    """
    first = literal(f"={texts[0][0]}")
    row, column = index_chosen(focus.row, len(texts)), index_chosen(focus.column, len(texts[0]))
    if each:
        index = row if len(texts[0]) == 1 else f"(({row}-1)*{len(texts[0])}+{column})"
        formula = _option(index, [f"={text}" for cells in texts for text in cells])
        return formula if len(formula) <= LONGEST else first
    down = zip(*(_TOKENS.findall(cells[0]) for cells in texts), strict=True)
    across = zip(*map(_TOKENS.findall, texts[0]), strict=True)
    parts, same = [], "="
    for below, beside in zip(down, across, strict=True):
        if len({*below, *beside}) == 1:
            same += below[0]
            continue
        # A letter or a number of an address goes by the row or by the column, never by both.
        chosen = _option(row, below) if len(set(below)) > 1 else _option(column, beside)
        parts += [literal(same), chosen] if same else [chosen]
        same = ""
    formula = "&".join([*parts, literal(same)] if same else parts)
    return formula if len(formula) <= LONGEST else first


def index_chosen(cell: str, count: int) -> str:
    """Return a formula of the number, from 1, chosen in a cell; 1 where none is."""
    return f"IF(AND({cell}>=1,{cell}<={count}),INT({cell}),1)"


def _option(index: str, options: Sequence[str]) -> str:
    """Return a formula of the option with an index: numbers that follow each other, or texts."""
    if options[0].isdecimal():
        least = int(options[0])
        if list(options) == [str(least + k) for k in range(len(options))]:
            return f"({least - 1}+{index})"
    chosen = f"CHOOSE({index},{','.join(map(literal, options[:MOST_OPTIONS]))})"
    if len(options) <= MOST_OPTIONS:
        return chosen
    others = _option(f"({index}-{MOST_OPTIONS})", options[MOST_OPTIONS:])
    return f"IF({index}<={MOST_OPTIONS},{chosen},{others})"


def by_matrix(focus: FocusCells, matrices: Sequence[Matrix], shown: Sequence[str]) -> str:
    """Return a formula that shows what belongs to the matrix in focus; the last without one."""
    formula = shown[-1]
    for matrix, text in zip(matrices[-2::-1], shown[-2::-1], strict=True):
        longer = f'IF({focus.matrix}="{matrix.name}",{text},{formula})'
        if len(longer) > LONGEST:
            break
        formula = longer
    return formula


def literal(text: str) -> str:
    """Return a text as a formula writes it, in pieces short enough for one.

    A quotation mark is CHAR(34): HyperFormula knows none within quotation marks.
    """
    parts: list[str] = []
    for piece in re.split('(")', text):
        if piece == '"':
            parts.append("CHAR(34)")
        else:
            pieces = (piece[i : i + MOST_TEXT] for i in range(0, len(piece), MOST_TEXT))
            parts += [f'"{part}"' for part in pieces]
    return "&".join(parts) or '""'
