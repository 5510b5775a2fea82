"""Hints: every answer judged by formulas as it is typed, and coloured by what they say.

Beside the lanes, in columns that are folded away, each matrix to be calculated has three blocks:
what follows from the student's own earlier numbers (live), the true values, and the judgement: 1
where an answer is as close to either as rounding allows, -1 where it is not, 0 where there is none.
The marker says right or carried exactly where the judgement is 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from openpyxl.worksheet.worksheet import Worksheet

from cellprop.algebra import Matrix, apply, formulas
from cellprop.exercise.book import EMPTY, NOTHING_MISSING, ExerciseBook, beside, column_range
from cellprop.faces.places import Place, letter
from cellprop.faces.workbook import xml
from cellprop.marking.precision import tolerance
from cellprop.programs.program import Step


@dataclass(frozen=True)
class Judged:
    """Where the three blocks of a matrix begin, each in the rows of the matrix itself."""

    place: Place
    own: int
    true: int
    verdict: int

    @property
    def verdicts(self) -> str:
        """The range of the judgement."""
        rows, columns = self.place.matrix.shape
        return column_range(self.verdict, self.place.row, rows, columns)

    def cell(self, first: int, i: int, j: int) -> str:
        """Return the address of a cell of a block."""
        return f"{letter(first + j)}{self.place.row + i}"


def judged(book: ExerciseBook, step: Step, asked: Sequence[Matrix]) -> list[Judged]:
    """Return the blocks in which the answers of a sheet are judged, from left to right."""
    found = []
    column = beside(book, step)
    for matrix in asked:
        width = matrix.columns.size + 1
        place = book.layout.places[matrix.name]
        found.append(Judged(place, column, column + width, column + 2 * width))
        column += 3 * width
    return found


def hint_cells(book: ExerciseBook, blocks: Sequence[Judged]) -> dict[int, str]:
    """Return the cells of all blocks, as a sheet's XML, by the row of the sheet."""
    rows: dict[int, str] = {}
    for block in blocks:
        for row, cells in _cells(book, block).items():
            rows[row] = rows.get(row, "") + cells
    return rows


def _cells(book: ExerciseBook, block: Judged) -> Mapping[int, str]:
    matrix = block.place.matrix
    style = book.frame.style("known")
    texts, complete = book.formulas(matrix), book.complete(matrix)
    true = book.question.values[matrix.name].tolist()
    verdicts = _judgements(book, block)
    found = {}
    for i, row in enumerate(texts):
        own, exact = [], []
        own_values = []
        for j, text in enumerate(row):
            # Of a matrix some cells may read no answer, such as zeros around another one.
            condition = complete(i, j)
            follows_given = condition == NOTHING_MISSING
            own.append(text if follows_given else f"IF({condition},{text},{EMPTY})")
            exact.append(xml.number(true[i][j]))
            own_values.append(exact[-1] if follows_given else "")
        columns = range(len(row))
        found[block.place.row + i] = (
            xml.text_formula_cells(
                [block.cell(block.own, i, j) for j in columns], style, own, own_values
            )
            + xml.number_cells([block.cell(block.true, i, j) for j in columns], style, exact)
            + xml.formula_cells(
                [block.cell(block.verdict, i, j) for j in columns], style,
                [xml.escape(text) for text in verdicts[i]], ["0"] * len(row),
            )
        )  # fmt: skip
    return found


def _judgements(book: ExerciseBook, block: Judged) -> list[list[str]]:
    """Return the formulas that judge answers, by row and column."""
    answers = block.place.addresses()
    true, own = (_addresses(block, first) for first in (block.true, block.own))
    near_true, near_own = (_near(book, block, expected) for expected in (true, own))
    return [
        [
            f"IF(ISNUMBER({answer}),IF({by_true},1,IF(ISNUMBER({follows}),IF({by_own},1,-1),-1)),0)"
            for answer, by_true, follows, by_own in zip(*row, strict=True)
        ]
        for row in zip(answers, near_true, own, near_own, strict=True)
    ]


def _near(book: ExerciseBook, block: Judged, expected: list[list[str]]) -> list[list[str]]:
    """Return the conditions that answers are as close to cells as rounding allows."""
    matrix = block.place.matrix
    answer, right = (Matrix(name, matrix.rows, matrix.columns) for name in ("answer", "expected"))
    cells = {"answer": block.place.addresses(), "expected": expected}
    distance = apply("absolute", answer - right)
    limit = tolerance(right, book.question.setup.decimals)
    off, most = (formulas(each, lambda m: cells[m.name]) for each in (distance, limit))
    return [
        [f"{far}<={near}" for far, near in zip(*row, strict=True)]
        for row in zip(off, most, strict=True)
    ]


def _addresses(block: Judged, first: int) -> list[list[str]]:
    """Return the address of every cell of a block."""
    rows, columns = block.place.matrix.shape
    return [[block.cell(first, i, j) for j in range(columns)] for i in range(rows)]


def set_up_hints(book: ExerciseBook, sheet: Worksheet, blocks: Sequence[Judged]) -> None:
    """Colour the answers of a sheet by their judgement, and fold the judgement away."""
    for block in blocks:
        first = block.cell(block.verdict, 0, 0)
        code = book.formats[block.place.matrix.name].code
        for verdict, style, sign in ((1, "right", "✓"), (-1, "wrong", "✗")):
            book.frame.add_verdict_rule(
                sheet, block.place.range, f"{first}={verdict}", style, f'{code}" {sign}"'
            )
    if blocks:
        last = blocks[-1].verdict + blocks[-1].place.matrix.columns.size - 1
        for column in range(blocks[0].own, last + 1):
            sheet.column_dimensions[letter(column)].hidden = True


def counted_right(blocks: Sequence[Judged]) -> str:
    """Return a formula for how many answers are right: judgements are 1, -1 or 0."""
    ranges = ",".join(block.verdicts for block in blocks)
    return f"(SUMSQ({ranges})+SUM({ranges}))/2"
