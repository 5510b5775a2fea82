"""What the sheets of an exercise share: cells that wait for answers, and those that read them.

A `Book` whose update knows no answer: what is to be calculated is 0 in it throughout, so nothing on
any sheet can give an answer away.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product

import numpy as np
from rich.cells import cell_len

from cellprop.algebra import ALL, Array, Matrix, Pattern
from cellprop.faces.layout import Layout, lay_out
from cellprop.faces.places import Picked, Place, Spread, letter
from cellprop.faces.workbook import xml
from cellprop.faces.workbook.book import Book, State, as_placed, styled
from cellprop.faces.workbook.frame import Frame
from cellprop.files.safe import looks_like_formula
from cellprop.marking.question import Question
from cellprop.programs.program import Step
from cellprop.texts.formats import Format, Formats, choose, of_columns
from cellprop.texts.words import Words

EMPTY = '""'
# Between a number and its sign, in characters; and the widest number that a column is made for.
SIGN_GAP, WIDEST_NUMBER = 1, 12
# The condition of what is computed from given numbers alone.
NOTHING_MISSING = "COUNT()=0"


@dataclass(frozen=True)
class Look:
    """How a number that was marked is shown: never by its colour alone.

    Attributes:
        style: The name of a style.
        sign: What stands after it, or before a text. What earned its marks has a ✓, what lost them
            a ✗; an empty cell has no sign.
    """

    style: State
    sign: str = ""

    def code(self, code: str) -> str:
        """Return a number format with the sign."""
        return f'{code}" {self.sign}"' if self.sign else code

    @property
    def text_code(self) -> str:
        """The format of a text with the sign."""
        return f'"{self.sign} "@'


# By the verdict; `forgiven` is a slip for which another number paid.
LOOKS = {
    "right": Look("right", "✓"),
    "carried": Look("carried", "✓→"),
    "rounded": Look("rounded", "✓≈"),
    "forgiven": Look("rounded", "✓~"),
    "slip": Look("slip", "✗~"),
    "wrong": Look("wrong", "✗"),
    "not a number": Look("wrong", "✗"),
    "blank": Look("wrong"),
    "not computed": Look("known"),
}


@dataclass(frozen=True)
class Correction:
    """What a copy that was marked shows beside what was handed in.

    Attributes:
        looks: The key of each number's look in `LOOKS`, by the name of its matrix.
        texts: What stands where there is no number, by the matrix, and row and column from 0.
        total, out_of: The marks in all.
        by_step: Those of each step, earned and out of, by its label.
        first: The first thing to look at.
    """

    looks: Mapping[str, Sequence[Sequence[str]]]
    texts: Mapping[tuple[str, int, int], str]
    total: float
    out_of: float
    by_step: Mapping[str, tuple[float, float]]
    first: str


@dataclass
class ExerciseBook(Book):
    """A `Book` in which some matrices are to be calculated by hand.

    Attributes:
        question: What is asked.
        typed: What stands in the place of matrices that are to be calculated, or are computed from
            them: texts of numbers as a file has them, empty where there is none.
        correction: Of a copy that was marked; None for one to fill in.
    """

    question: Question = field(kw_only=True)
    typed: Mapping[str, list[list[str]]] = field(kw_only=True, default_factory=dict)
    correction: Correction | None = field(kw_only=True, default=None)

    @property
    def open(self) -> frozenset[str]:
        """The names of matrices that nobody knows before the answers are typed."""
        setup = self.question.setup
        return setup.waiting.union(setup.answers)

    def _shown(self) -> tuple[Mapping[str, Formats], Mapping[str, str]]:
        """Return the formats of every matrix's columns, by its name; and nothing of what moves,
        which what is to be calculated does not say.
        """
        matrices = self.update.program.matrices
        return {matrix.name: self._columns_of(matrix) for matrix in matrices}, {}

    def _columns_of(self, matrix: Matrix) -> Formats:
        """Return a format for each column of a matrix: the same for everybody in a class."""
        question, program, width = self.question, self.update.program, matrix.columns.size
        if matrix.definition is not None:
            return (Format(question.setup.decimals),) * width
        if question.student and matrix in program.parameters:
            return (Format(min(2, question.setup.decimals), exact=True),) * width
        values = question.given[matrix.name]
        if program.is_by_sample(matrix):
            return of_columns(values)
        return (choose(values, given=True),) * width

    def cells(
        self, place: Place, state: State, spread: Spread, picked: Picked | None = None
    ) -> Iterator[str]:
        """Yield the cells of each row of a matrix in a state, as a sheet's XML."""
        name = place.matrix.name
        values = as_placed(place, self.values(name))
        if state == "given":
            style = self.frame.style("known", self.formats[name].code)
            for addresses, numbers in zip(place.lines(), values, strict=True):
                yield xml.number_cells(addresses, style, numbers)
        elif name not in self.open or state == "ghost":
            yield from super().cells(place, state, spread, picked)
        elif state == "answer":
            yield from self._answers(place)
        else:
            texts = self._waiting(place) if state == "active" else self._links(place, spread)
            rows = zip(place.lines(), as_placed(place, texts), values, strict=True)
            styles = self.styles_of_rows(place, state, picked)
            for (addresses, formulas, shown), of in zip(rows, styles, strict=False):
                yield styled(xml.text_formula_cells, of, addresses, formulas, shown)

    def values(self, name: str) -> list[list[str]]:
        """Return the values of a matrix, row by row, as the texts that stand in the file; empty
        ones where there is no number.
        """
        if name not in self.open:
            return super().values(name)
        rows, columns = self.update.matrix(name).shape
        return self.typed.get(name) or [[""] * columns for _ in range(rows)]

    def _answers(self, place: Place) -> Iterator[str]:
        """Yield rows of cells to fill in, or as they were filled in."""
        name = place.matrix.name
        usual = self.frame.style("answer", self.formats[name].code)
        for i, addresses in enumerate(place.addresses()):
            if self.correction is None:
                yield xml.blank_cells(addresses, usual)
                continue
            yield "".join(
                self._answer(self.correction, name, i, j, address)
                for j, address in enumerate(addresses)
            )

    def _answer(self, correction: Correction, name: str, i: int, j: int, address: str) -> str:
        """Return the cell of an answer that was marked."""
        look, number = LOOKS[correction.looks[name][i][j]], self.values(name)[i][j]
        text = correction.texts.get((name, i, j))
        if text is not None:
            quoted = looks_like_formula(text)
            return xml.text_cell(
                address, self.frame.style(look.style, look.text_code, quoted=quoted), text
            )
        if not number:
            return xml.blank_cell(address, self.frame.style(look.style, self.formats[name].code))
        style = self.frame.style(look.style, look.code(self._fitting(name, number).code))
        return xml.number_cells([address], style, [number])

    def _fitting(self, name: str, number: str) -> Format:
        """Return the format of a matrix, or one for a number that is too long in it."""
        usual = self.formats[name]
        long = len(usual.show(float(number))) > WIDEST_NUMBER
        return Format(None) if long else usual

    def _extra_widths(self, spread: Spread) -> Mapping[int, float]:
        """Return the widths of columns in which numbers stand with their signs."""
        found: dict[int, float] = {}
        looks = self.correction.looks if self.correction else {}
        texts = self.correction.texts if self.correction else {}
        for name, place in spread.homes.items():
            for i, row in enumerate(looks.get(name, ())):
                for j, look in enumerate(row):
                    number, text = self.values(name)[i][j], texts.get((name, i, j), "")
                    shown = self._fitting(name, number).show(float(number)) if number else text
                    needed = cell_len(shown) + SIGN_GAP + len(LOOKS[look].sign)
                    column = place.column + j
                    found[column] = max(found.get(column, 0.0), needed * 1.1 + 1.5)
        return found

    def _links(self, place: Place, spread: Spread) -> list[list[str]]:
        # A text, which only a copy that was marked has, is shown where it was typed and not again.
        there = f"{{0}}={EMPTY},{EMPTY},{{0}}"
        if self.correction:
            there = f"ISNUMBER({{0}}),{{0}},{EMPTY}"
        return [[f"IF({there.format(link)})" for link in row] for row in self.links(place, spread)]

    def _waiting(self, place: Place) -> list[list[str]]:
        """Return formulas that stay empty until everything that they read is there."""
        texts = self.formulas(place.matrix)
        complete = self.complete(place.matrix)
        return [
            [f"IF({complete(i, j)},{text},{EMPTY})" for j, text in enumerate(row)]
            for i, row in enumerate(texts)
        ]

    def complete(self, matrix: Matrix) -> Callable[[int, int], str]:
        """Return a function of a number's row and column, counted from 0: the text of the
        condition, in a formula, that all answers are there which the number is computed from.
        """
        spread = self.layout.on(self.home[matrix.name])
        read = [
            (place, pattern)
            for place, patterns in spread.reads(matrix)
            if place.matrix.name in self.open
            for pattern in _widest(patterns)
        ]

        def condition(i: int, j: int) -> str:
            ranges, count = [], 0
            for place, pattern in read:
                for cells, size in _cells_read(place, pattern, i, j):
                    ranges.append(cells)
                    count += size
            return f"COUNT({','.join(ranges)})={count}" if ranges else NOTHING_MISSING

        return condition


def _widest(patterns: frozenset[Pattern]) -> list[Pattern]:
    """Return patterns without those whose cells another has among its own."""
    return [
        p
        for p in sorted(patterns)
        if not any(
            other != p and all(o in (ALL, own) for o, own in zip(other, p, strict=True))
            for other in patterns
        )
    ]


def _cells_read(place: Place, pattern: Pattern, i: int, j: int) -> Iterator[tuple[str, int]]:
    """Yield the ranges of a matrix that the cell (i, j) reads, and their sizes."""
    rows, columns = (
        list(_runs(span.of(i, j, size)))
        for span, size in zip(pattern, place.matrix.shape, strict=True)
    )
    for (top, bottom), (left, right) in product(rows, columns):
        start, end = place.address(top, left), place.address(bottom, right)  # also if turned
        size = (bottom - top + 1) * (right - left + 1)
        yield (start if start == end else f"{start}:{end}"), size


def _runs(lines: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield the first and the last of lines that follow each other."""
    start = 0
    for k in range(1, len(lines) + 1):
        if k == len(lines) or lines[k] != lines[k - 1] + 1:
            yield lines[start], lines[k - 1]
            start = k


def exercise_book(
    question: Question,
    frame: Frame,
    words: Words,
    *,
    layout: Layout | None = None,
    typed: Mapping[str, Array] | None = None,
    correction: Correction | None = None,
) -> ExerciseBook:
    """Return the book of a question, blank or with what was typed and its correction."""
    setup = question.setup
    unknown = setup.waiting.union(setup.answers)
    values = {
        name: np.zeros(array.shape) if name in unknown else array
        for name, array in question.values.items()
    }
    return ExerciseBook(
        replace(question.update, values=values),
        layout or _unfolded(lay_out(question.program, *(setup.sheets or ()), moves=False)),
        frame,
        words,
        question=question,
        typed={
            name: [["" if np.isnan(v) else xml.number(v) for v in row] for row in array.tolist()]
            for name, array in (typed or {}).items()
        },
        correction=correction,
    )


def _unfolded(layout: Layout) -> Layout:
    """Return a layout of which all is in view: on a sheet that is protected, as those of exercises
    are, no spreadsheet program lets anybody unfold rows.
    """
    unfolded = {each: replace(each, rows=(), columns=()) for each in layout.spreads.values()}
    return replace(layout, spreads={k: unfolded[each] for k, each in layout.spreads.items()})


def beside(book: Book, step: Step) -> int:
    """Return the number of the first column to the right of all that is seen on a sheet."""
    return book.measures(step).last_column + 2


def column_range(first: int, row: int, rows: int, columns: int) -> str:
    """Return the address of a range of cells, with dollar signs."""
    last = letter(first + columns - 1)
    return f"${letter(first)}${row}:${last}${row + rows - 1}"
