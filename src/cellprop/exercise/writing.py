"""Writing an exercise: a frame that a whole class shares, and rows for each workbook."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from openpyxl.worksheet.worksheet import Worksheet

from cellprop.algebra import Array
from cellprop.errors import CellpropError
from cellprop.exercise.book import Correction, ExerciseBook, exercise_book
from cellprop.exercise.carried import properties_of
from cellprop.exercise.front import front_page, front_sheet
from cellprop.exercise.sheets import Plan, exercise_rows, exercise_sheet
from cellprop.files import write_whole
from cellprop.layout import Layout
from cellprop.question import Question
from cellprop.words import Words
from cellprop.words import load as load_words
from cellprop.workbook import contents, xml
from cellprop.workbook.book import sheet_name
from cellprop.workbook.frame import Frame
from cellprop.workbook.theme import Theme
from cellprop.workbook.theme import load as load_theme


def write(
    question: Question,
    path: str | Path,
    *,
    theme: Theme | None = None,
    words: Words | None = None,
) -> Path:
    """Write the workbook of a question, to be filled in, and return its path.

    Raises
    ------
    OutputError
        If the file can't be written.
    LimitError
        If a sheet would exceed what a spreadsheet can hold.
    """
    mould = Mould(question, theme or load_theme(), words or load_words())
    return write_whole(path, lambda file: mould.cast(question, file))


@dataclass(frozen=True)
class _Sheets:
    """The sheets of a workbook in the frame: the first, and each step's with its plan."""

    first: Worksheet
    steps: Sequence[tuple[Worksheet, Plan]]


class Mould:
    """What the workbooks of a class have in common, made once: everything but the rows.

    Parameters
    ----------
    question
        Any question of the class.
    typed, correction, comments
        For a copy that was marked: the numbers that stand in it, what is said of them, and comments
        by the name of the matrix and the cell's row and column from 0.
    """

    def __init__(
        self,
        question: Question,
        theme: Theme,
        words: Words,
        *,
        typed: Mapping[str, Array] | None = None,
        correction: Correction | None = None,
        comments: Mapping[tuple[str, int, int], str] | None = None,
    ) -> None:
        self._words = words
        self._typed, self._correction = typed, correction
        self._frame = Frame(theme, words("exercise.title"))
        self._setup = question.setup
        self._layout: Layout | None = None
        book = self._book(question)
        self._layout = book.layout
        sheets = self._set_up(book, comments or {})
        rows = self._rows(book, sheets)
        first = self._frame.sheet_path(sheets.first)
        del rows  # made so that every style they use is known to the frame
        self._parts = xml.parts_of(self._frame.saved())
        self._sheets, self._first = sheets, first
        self._styles = self._frame.count

    def cast(self, question: Question, file: IO[bytes]) -> None:
        """Write the workbook of a question of the class."""
        if question.setup != self._setup:
            raise ValueError("a question of another class")
        book = self._book(question)
        rows = self._rows(book, self._sheets)
        if self._frame.count != self._styles:
            raise CellpropError("internal: a style that the frame does not know")
        parts = self._parts | {xml.PROPERTIES: xml.properties(properties_of(question))}
        xml.assemble(parts, rows, file)

    def _book(self, question: Question) -> ExerciseBook:
        return exercise_book(
            question, self._frame, self._words, layout=self._layout,
            typed=self._typed, correction=self._correction,
        )  # fmt: skip

    def _set_up(self, book: ExerciseBook, comments: Mapping[tuple[str, int, int], str]) -> _Sheets:
        frame, walk = self._frame, book.trace.walkthrough
        first = frame.sheet(contents.NAME)
        steps = []
        for step in walk.steps:
            sheet = frame.sheet(sheet_name(step))
            steps.append((sheet, exercise_sheet(book, step, sheet)))
            for matrix in step.matrices:
                place = book.layout.places[matrix.name]
                for (name, i, j), text in comments.items():
                    if name == matrix.name:
                        frame.add_comment(sheet, place.address(i, j), text)
        front_sheet(book, first)
        return _Sheets(first, steps)

    def _rows(self, book: ExerciseBook, sheets: _Sheets) -> dict[str, list[str]]:
        rows = {
            self._frame.sheet_path(sheet): list(exercise_rows(book, plan, sheet))
            for sheet, plan in sheets.steps
        }
        # Last, since it lists the labels that sheets had to cut.
        rows[self._frame.sheet_path(sheets.first)] = front_page(book).rows
        return rows
