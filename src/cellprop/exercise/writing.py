"""Writing an exercise: a frame that a whole class shares, and rows for each workbook."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import IO

from openpyxl.worksheet.worksheet import Worksheet

from cellprop.algebra import Array
from cellprop.errors import CellpropError, OutputError
from cellprop.exercise.book import Correction, ExerciseBook, exercise_book
from cellprop.exercise.carried import SHEET, cells_of, located, properties_of
from cellprop.exercise.front import front_page, front_sheet
from cellprop.exercise.sheets import SheetPlan, exercise_rows, exercise_sheet
from cellprop.faces.layout import Layout
from cellprop.faces.workbook import contents, xml
from cellprop.faces.workbook.book import sheet_name
from cellprop.faces.workbook.frame import Frame
from cellprop.faces.workbook.measures import ROW
from cellprop.faces.workbook.theme import Theme
from cellprop.faces.workbook.theme import load as load_theme
from cellprop.files.safe import label
from cellprop.files.writing import write_whole
from cellprop.marking.question import Question
from cellprop.texts.words import Words
from cellprop.texts.words import load as load_words


def write(
    question: Question,
    path: str | Path,
    *,
    theme: Theme | None = None,
    words: Words | None = None,
    secret: bytes | None = None,
    keep: bool = False,
) -> Path:
    """Write the workbook of a question, to be filled in, and return its path.

    Parameters
    ----------
    question
        What to ask.
    path
        Where to write.
    theme, words
        The look and the texts; the default ones when None.
    secret
        What to sign the question with; unsigned when None.
    keep
        Whether to leave a file that is there already, unless it is the very same: somebody may
        have filled it in.

    Raises
    ------
    OutputError
        If the file can't be written, or is to be kept.
    LimitError
        If a sheet would exceed what a spreadsheet can hold.
    """
    mould = Mould(question, theme or load_theme(), words or load_words())
    made = BytesIO()
    mould.cast(question, made, secret)
    if keep and Path(path).is_file() and Path(path).read_bytes() != made.getvalue():
        raise OutputError(
            f"{label(path)}: is there already, and not the same; choose another name with -o, or"
            " write over it with --force."
        )

    def copy(file: IO[bytes]) -> None:
        file.write(made.getvalue())

    return write_whole(path, copy)


@dataclass(frozen=True)
class _Sheets:
    """The sheets of a workbook in the frame: the first, each step's with its plan, and the one
    that carries the question.
    """

    first: Worksheet
    steps: Sequence[tuple[Worksheet, SheetPlan]]
    hidden: Worksheet


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

    def cast(self, question: Question, file: IO[bytes], secret: bytes | None = None) -> None:
        """Write the workbook of a question of the class, signed if there is a secret."""
        if question.setup != self._setup:
            raise ValueError("a question of another class")
        book = self._book(question)
        question = located(question, book.layout)
        rows = self._rows(book, self._sheets)
        rows[self._frame.sheet_path(self._sheets.hidden)] = self._carrying(question, secret)
        if self._frame.count != self._styles:
            raise CellpropError("internal: a style that the frame does not know")
        parts = self._parts | {xml.PROPERTIES: xml.properties(properties_of(question, secret))}
        xml.assemble(parts, rows, file, self._frame.stretch)

    def _book(self, question: Question) -> ExerciseBook:
        return exercise_book(
            question, self._frame, self._words, layout=self._layout,
            typed=self._typed, correction=self._correction,
        )  # fmt: skip

    def _set_up(self, book: ExerciseBook, comments: Mapping[tuple[str, int, int], str]) -> _Sheets:
        frame, program = self._frame, book.update.program
        first = frame.sheet(contents.NAME)
        steps = []
        for step in program.steps:
            sheet = frame.sheet(sheet_name(step))
            steps.append((sheet, exercise_sheet(book, step, sheet)))
            for matrix in step.brings:
                place = book.layout.places[matrix.name]
                for (name, i, j), text in comments.items():
                    if name == matrix.name:
                        frame.add_comment(sheet, place.address(i, j), text)
        front_sheet(book, first)
        hidden = frame.sheet(SHEET)
        hidden.sheet_state = "veryHidden"
        frame.protect(hidden)
        frame.style("caption")
        return _Sheets(first, steps, hidden)

    def _carrying(self, question: Question, secret: bytes | None) -> list[str]:
        """Return the rows of the sheet that carries the question."""
        style = self._frame.style("caption")
        return [
            xml.row(number, xml.text_cell(f"A{number}", style, text), ROW)
            for number, text in enumerate(cells_of(question, secret), 1)
        ]

    def _rows(self, book: ExerciseBook, sheets: _Sheets) -> dict[str, list[str]]:
        rows = {
            self._frame.sheet_path(sheet): list(exercise_rows(book, plan, sheet))
            for sheet, plan in sheets.steps
        }
        # Last, since it lists the labels that sheets had to cut.
        rows[self._frame.sheet_path(sheets.first)] = front_page(book).rows
        return rows
