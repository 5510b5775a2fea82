"""The calculation of the cell in focus, in numbers: `wh_new[1, 1] = 0.42 + … · 0.1 = 0.43`, live.

A formula puts the text together from the numbers on the sheet, whichever cell is chosen. What is
written between them comes from the reading `worked` of three cells: the first, the one below and
the one beside. Where they read other cells, these go by the row or the column that is chosen.

Every spreadsheet makes the same text of it. A format is written with the decimal point that the
spreadsheet itself puts into one half, so that `TEXT` understands it in any language. Rounding comes
first, because `TEXT` alone rounds a half up in some and down in others; and of the powers of ten
only the logarithm is known everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_UP, Context, Decimal
from functools import partial
from itertools import product
from math import floor, log10

from cellprop.algebra import Array, Cell, Matrix, picks, worked
from cellprop.faces.workbook.focus import LONGEST, index_chosen, literal
from cellprop.texts.formats import Format

MINUS = "−"
# Digits enough for any number and its decimals.
_EXACT = Context(prec=400)
# What a spreadsheet makes of a half, without its 0 and its 5: the decimal point of its language.
_POINT = 'MID(1/2&"",2,1)'
# A number so near to 0 is shown as 0 beside rounded ones: spreadsheets don't agree on which numbers
# are less than others, if they differ by less.
_NOTHING = Decimal("0.00000000000001")
# Of what is typed, so many decimals count.
_MOST_TYPED = 15
# Less than this is as good as nothing to the formula of a power of ten; 0 has no logarithm.
_LEAST_POWER, _LEAST = -300, "EXP(-690)"
# What spreadsheets cut off differs below 0, so powers of ten are raised above it for that.
_RAISED = 400


@dataclass(frozen=True)
class Block:
    """Where the numbers of a matrix stand, and how they are shown.

    Attributes:
        range: Their first and last cell, as the formula is to write it: `$N$18:$P$20`.
        formats: The format of each column.
        transposed: Whether the matrix stands transposed there.
    """

    range: str
    formats: Sequence[Format]
    transposed: bool = False


@dataclass(frozen=True)
class Chosen:
    """The cells in which a row and a column are chosen.

    Attributes:
        row, column: Their addresses. They may be blank, hold a text or too large a number: then
            the first row or column is shown.
        are_right: Whether they surely hold a row and a column that there are; then the formula need
            not check them, and is shorter.
    """

    row: str
    column: str
    are_right: bool = False


@dataclass(frozen=True)
class InNumbers:
    """The calculation of a matrix's cells in numbers.

    Attributes:
        formula: What shows that of the cell in focus, without the leading `=`.
        text: Gives that of a cell, from its row and column, counted from 0.
    """

    formula: str
    text: Callable[[int, int], str]


def in_numbers(
    matrix: Matrix, blocks: Mapping[str, Block], chosen: Chosen, values: Mapping[str, Array]
) -> InNumbers | None:
    """Return the calculation of the cell in focus, in numbers.

    Parameters
    ----------
    matrix
        What is computed.
    blocks
        Where it and what it reads stand, by name.
    chosen
        Where the focus is chosen.
    values
        The numbers of all of them, by name, each of its matrix's shape.

    Returns
    -------
    InNumbers or None
        None if it can't be told in a formula that every spreadsheet takes.
    """
    pieces = _line(matrix)
    if pieces is None:
        return None
    focus = _Focus(matrix, chosen)
    # Where a formula would be too long, numbers that become tiny are shown as 0.
    for is_plain in (False, True):
        line = [
            piece if isinstance(piece, str) else _Shown.of(piece, blocks, is_plain=is_plain)
            for piece in pieces
            if piece
        ]
        formula = _formula(matrix, line, focus)
        if len(formula) <= LONGEST:
            return InNumbers(formula, partial(_text, matrix, line, values))
    return None


def _formula(matrix: Matrix, line: Sequence[str | _Shown], focus: _Focus) -> str:
    """Return a formula of a line of texts and numbers."""
    parts = [literal(part) if isinstance(part, str) else part.formula(focus) for part in line]
    return f'{_before(matrix, focus)}&SUBSTITUTE({"&".join(parts)},"-","{MINUS}")'


def _text(
    matrix: Matrix,
    line: Sequence[str | _Shown],
    values: Mapping[str, Array],
    row: int,
    column: int,
) -> str:
    """Return the line of a cell, counted from 0."""
    numbers = [part if isinstance(part, str) else part.text(values, row, column) for part in line]
    before = matrix.name if matrix.is_scalar else f"{matrix.name}[{row + 1}, {column + 1}]"
    return f"{before} = {''.join(numbers).replace('-', MINUS)}"


def _before(matrix: Matrix, focus: _Focus) -> str:
    """Return the formula of what stands before the numbers: `wh[2, 1] = `."""
    if matrix.is_scalar:
        return literal(f"{matrix.name} = ")
    row, column = focus.row, focus.column
    return f'{literal(f"{matrix.name}[")}&{row}&", "&{column}&"] = "'


# --- What goes by the focus ---------------------------------------------------------------------


@dataclass(frozen=True)
class _Going:
    """The number of a row or of a column, as it goes by the cell that is worked out.

    Attributes:
        first: Which it is for the first cell, from 0.
        by_row, by_column: By how many it is further for the cell below, and for the cell beside.
    """

    first: int
    by_row: int
    by_column: int

    def at(self, row: int, column: int) -> int:
        """Return which it is for a cell, all counted from 0."""
        return self.first + self.by_row * row + self.by_column * column

    def formula(self, focus: _Focus) -> str:
        """Return a formula of it, counted from 1."""
        terms = [
            index if by == 1 else f"{by}*{index}"
            for by, index in ((self.by_row, focus.row), (self.by_column, focus.column))
            if by
        ]
        start = self.first + 1 - self.by_row - self.by_column
        if not terms:
            return str(start)
        return "+".join(terms) + (f"{start:+d}" if start else "")

    @property
    def is_fixed(self) -> bool:
        """Whether it is the same for every cell."""
        return not self.by_row and not self.by_column


@dataclass(frozen=True)
class _Read:
    """A cell that a calculation reads, as it goes by the cell that is worked out."""

    matrix: Matrix
    row: _Going
    column: _Going
    is_guarded: bool

    def at(self, row: int, column: int) -> tuple[Matrix, int, int]:
        """Return which cell it is where a cell is worked out, all counted from 0."""
        return self.matrix, self.row.at(row, column), self.column.at(row, column)


def _line(matrix: Matrix) -> list[str | _Read] | None:
    """Return the texts and the cells of a matrix's calculation, its result last; None if it is not
    the same for all cells but for where they stand.
    """
    assert matrix.definition is not None, f"{matrix.name} is given, not computed"
    last_row, last_column = matrix.rows.size - 1, matrix.columns.size - 1
    at = [(0, 0), (min(1, last_row), 0), (0, min(1, last_column)), (last_row, last_column)]
    # A cell may be one of the others, where there is no other.
    found = {cell: worked(matrix.definition, *cell) for cell in at}
    pieces: list[str | _Read] = []
    if len({len(each) for each in found.values()}) > 1:
        return None
    for same in zip(*(found[cell] for cell in at), strict=True):
        piece = _together(same, last_row, last_column)
        if piece is None:
            return None
        pieces.append(piece)
    if picks(matrix.definition) and not _is_so_everywhere(matrix, pieces):
        return None
    own = _Going(0, min(1, last_row), 0), _Going(0, 0, min(1, last_column))
    return [*pieces, " = ", _Read(matrix, *own, is_guarded=False)]


# A matrix of which each cell is looked at has no more of them: it would take too long.
_MOST_CELLS = 400


def _is_so_everywhere(matrix: Matrix, pieces: Sequence[str | _Read]) -> bool:
    """Whether every cell of a matrix is calculated so: cells picked by their place need not go on
    as they begin.
    """
    assert matrix.definition is not None
    rows, columns = matrix.shape
    return rows * columns <= _MOST_CELLS and all(
        [piece.at(*cell) if isinstance(piece, _Read) else piece for piece in pieces]
        == [
            (each.matrix, each.row, each.column) if isinstance(each, Cell) else each
            for each in worked(matrix.definition, *cell)
        ]
        for cell in product(range(rows), range(columns))
    )


def _together(pieces: Sequence[str | Cell], last_row: int, last_column: int) -> str | _Read | None:
    """Return what stands in the same place of four calculations, if it goes on as it begins."""
    first, below, beside, last = pieces
    if isinstance(first, str):
        return first if all(piece == first for piece in pieces) else None
    assert isinstance(below, Cell)
    assert isinstance(beside, Cell)
    assert isinstance(last, Cell)
    if any(piece.matrix is not first.matrix for piece in (below, beside, last)):
        return None
    row = _Going(first.row, below.row - first.row, beside.row - first.row)
    column = _Going(first.column, below.column - first.column, beside.column - first.column)
    found = row.at(last_row, last_column), column.at(last_row, last_column)
    if found != (last.row, last.column):
        return None
    return _Read(first.matrix, row, column, first.is_guarded)


class _Focus:
    """Formulas of the row and the column in focus, counted from 1."""

    def __init__(self, matrix: Matrix, chosen: Chosen) -> None:
        def index(cell: str, count: int) -> str:
            if count == 1:
                return "1"
            return cell if chosen.are_right else index_chosen(cell, count)

        self.row = index(chosen.row, matrix.rows.size)
        self.column = index(chosen.column, matrix.columns.size)


# --- Numbers ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Shown:
    """A number of a calculation, as it is shown."""

    read: _Read
    block: Block
    style: _Style

    @classmethod
    def of(cls, read: _Read, blocks: Mapping[str, Block], *, is_plain: bool) -> _Shown:
        block = blocks[read.matrix.name]
        column = read.column
        formats = block.formats[column.first :][:1] if column.is_fixed else block.formats
        style = _style(*dict.fromkeys(formats))
        return cls(read, block, replace(style, is_plain=is_plain))

    def formula(self, focus: _Focus) -> str:
        """Return a formula of its text."""
        number = self._cell(focus)
        text = self.style.formula(number)
        if not self.read.is_guarded:
            return text
        below = self.style.below_0(number)
        return f'IF({below},"(","")&{text}&IF({below},")","")'

    def _cell(self, focus: _Focus) -> str:
        """Return a formula of its cell."""
        if self.read.matrix.shape == (1, 1):
            return self.block.range.partition(":")[0]
        row, column = self.read.row.formula(focus), self.read.column.formula(focus)
        if self.block.transposed:
            row, column = column, row
        return f"INDEX({self.block.range},{row},{column})"

    def text(self, values: Mapping[str, Array], row: int, column: int) -> str:
        """Return its text, where a cell from 0 is worked out."""
        found = values[self.read.matrix.name]
        value = float(found[self.read.row.at(row, column), self.read.column.at(row, column)])
        text = self.style.text(value)
        return f"({text})" if self.read.is_guarded and self.style.is_below_0(value) else text


def _style(*formats: Format) -> _Style:
    """Return how numbers are written of which each may have one of some formats."""
    if len(formats) > 1:
        decimals = [form.decimals for form in formats if form.decimals is not None]
        if len(decimals) < len(formats):  # scientific notation suits numbers of any size
            return _Scientific(max(3, *(form.digits for form in formats)))
        return _AsTyped() if all(form.exact for form in formats) else _Rounded(max(decimals))
    (form,) = formats
    if form.decimals is None:
        return _Scientific(form.digits)
    return _Typed(form.decimals) if form.exact else _Rounded(form.decimals)


@dataclass(frozen=True, kw_only=True)
class _Style:
    """How a number is written: a formula of the text, and the text.

    Attributes:
        is_plain: Whether the formula has to be short.
    """

    is_plain: bool = False

    def formula(self, number: str) -> str:
        raise NotImplementedError

    def text(self, value: float) -> str:
        raise NotImplementedError

    def below_0(self, number: str) -> str:
        """Return a formula of whether a number counts as less than 0."""
        return f"SIGN({number})<0"  # IronCalc takes what is nearly 0 for it, and not its sign

    def is_below_0(self, value: float) -> bool:
        """Return whether a number counts as less than 0; what is shown may be without its sign."""
        return value < 0


@dataclass(frozen=True)
class _Rounded(_Style):
    """With so many decimals; or, unless it has to be plain, in scientific notation where these
    don't show any digit to speak of.
    """

    decimals: int

    def formula(self, number: str) -> str:
        rounded = _rounded(number, self.decimals, has_least=self.is_plain)
        if self.is_plain:
            return rounded
        # Between 0 and the least, in one comparison, since the formulas of numbers are long.
        middle = f"{self._middle:f}", f"{self._middle - _NOTHING:f}"
        small = f"ABS(ABS({number})-{middle[0]})<{middle[1]}"
        return f"IF({small},{_Scientific(1).of_small(number)},{rounded})"

    def below_0(self, number: str) -> str:
        if self.is_plain:
            return f"ROUND({number},{self.decimals})<0"
        return f"{number}<-{_NOTHING:f}"

    def is_below_0(self, value: float) -> bool:
        if self.is_plain:
            return _fixed(value, self.decimals).startswith("-")
        return value < -float(_NOTHING)

    def text(self, value: float) -> str:
        middle = float(self._middle)
        if not self.is_plain and abs(abs(value) - middle) < float(self._middle - _NOTHING):
            return _Scientific(1).text(value)
        return _fixed(value, self.decimals)

    @property
    def _middle(self) -> Decimal:
        """Half of what still shows two digits."""
        return Decimal("4.75").scaleb(-self.decimals)


@dataclass(frozen=True)
class _Typed(_Style):
    """With so many decimals, or all that somebody typed where it is more."""

    decimals: int

    def formula(self, number: str) -> str:
        # Digits beyond these are not typed; Gnumeric has them in what it reads from a file.
        is_as_shown = f"ROUND(ROUND({number},{self.decimals})-{number},{_MOST_TYPED})=0"
        shown = _rounded(number, self.decimals, has_least=True)
        return f'IF({is_as_shown},{shown},{number}&"")'

    def text(self, value: float) -> str:
        text = _fixed(value, self.decimals)
        is_as_shown = not float(_fixed(float(text) - value, _MOST_TYPED))
        return text if is_as_shown else _AsTyped().text(value)


@dataclass(frozen=True)
class _AsTyped(_Style):
    """As a spreadsheet shows a number that has no format."""

    def formula(self, number: str) -> str:
        return f'{number}&""'

    def text(self, value: float) -> str:
        return f"{Decimal(f'{value + 0.0:.15g}').normalize():f}"


@dataclass(frozen=True)
class _Scientific(_Style):
    """In scientific notation, with so many digits after the point."""

    digits: int

    def formula(self, number: str) -> str:
        zero = self.text(0.0).replace(".", f'"&{_POINT}&"')
        size = f"MAX({self._size(number)},{_LEAST})"
        return f'IF(SIGN({number})=0,"{zero}",{self._of_size(number, size)})'

    def of_small(self, number: str) -> str:
        """Return a formula of the text of a small number that has a logarithm."""
        return self._of_size(number, self._size(number))

    def _size(self, number: str) -> str:
        """Return a formula of how large a number is: 9.96 counts as 10, so that it is 1.0E1."""
        return f"ABS({number})/{1 - 0.05 * 10.0**-self.digits:.{self.digits + 2}f}"

    def _of_size(self, number: str, size: str) -> str:
        power = f"INT(LOG10({size})+{_RAISED})-{_RAISED}"
        shown = f"TEXT(ROUND({number}/10^({power}),{self.digits}),{_code(self.digits)})"
        return f'{shown}&"E"&{power}'

    def text(self, value: float) -> str:
        if value == 0:
            return f"{_fixed(0.0, self.digits)}E0"
        power = max(floor(log10(abs(value))), _LEAST_POWER)
        exact = Decimal(repr(value))
        found = _fixed(exact.scaleb(-power), self.digits)
        if abs(float(found)) >= 10:
            power += 1
            found = _fixed(exact.scaleb(-power), self.digits)
        return f"{found}E{power}"


def _rounded(number: str, decimals: int, *, has_least: bool = False) -> str:
    """Return a formula of the text of a number with so many decimals.

    `has_least`: whether it may be the least below 0 that these show, such as -0.01.
    """
    rounded = f"ROUND({number},{decimals})"
    # To IronCalc, TEXT(-1,"0") is 1, and TEXT(-0.1,"0.0") is 0.1.
    if not decimals:
        return f'({rounded}+0)&""'
    if not has_least:
        return f"TEXT({rounded},{_code(decimals)})"
    half = Decimal("0.5").scaleb(-decimals)
    return f'MID("-",1,({number}<=-{half:f})*1)&TEXT(ABS({rounded}),{_code(decimals)})'


def _code(decimals: int) -> str:
    """Return a formula of the code that shows so many decimals, in any language."""
    return f'"0"&{_POINT}&"{"0" * decimals}"'


def _fixed(value: float | Decimal, decimals: int) -> str:
    """Return a number with so many decimals, half of one rounded away from 0 as spreadsheets do."""
    exact = value if isinstance(value, Decimal) else Decimal(repr(value))
    rounded = exact.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP, _EXACT)
    return f"{rounded if rounded else abs(rounded):f}"
