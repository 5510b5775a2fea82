"""The teacher's key to a class: who got which workbook, what was asked in it, and what is right.

An Excel file with a sheet of right numbers for people to read, one with each student's question as
its workbook carries it, and one that says how the class was written. It stays readable when a
spreadsheet program has saved it, and is read as carefully as a student's file, for which it may be
mistaken.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import IO, Any
from zipfile import ZIP_DEFLATED, ZipFile

import numpy as np

from cellprop import limits
from cellprop.errors import InputError
from cellprop.exercise.batch import in_words
from cellprop.exercise.carried import KEY, pieces_of, signature
from cellprop.faces.workbook import xml
from cellprop.faces.workbook.charts import Writer, in_memory
from cellprop.files.entries import Block
from cellprop.files.opening import MARK, short, wrong
from cellprop.files.roster import KEY_COLUMNS, Student
from cellprop.files.safe import label
from cellprop.files.submission import Submission, opened
from cellprop.marking.carried_text import digest, digest_of, read, text_of
from cellprop.marking.question import Question, Setup
from cellprop.version import __version__

NUMBERS, QUESTIONS, CLASS = "Key", "Questions", "Class"
# The columns of the questions, before their pieces, and what names those.
COLUMNS, PIECE = ("id", "digest", "signature"), "question {}"
LONGEST_PIECE = 30_000
MOST_PIECES, MOST_FACTS = 500, 100


@dataclass(frozen=True)
class Row:
    """What a key knows of a student.

    Attributes:
        student: Who.
        digest: Of the question.
        text: The question; empty in keys of 0.3.0, which have the digest only.
        signature: Of the question; empty if it was not signed.
    """

    student: Student
    digest: str
    text: str = ""
    signature: str = ""


@dataclass(frozen=True)
class Key:
    """The key to a class.

    Attributes:
        path: The file.
        rows: What it knows of each student by id, in its order.
        facts: How the class was written, by name: `seed`, `steps`, …; empty in keys of 0.3.0.
    """

    path: Path
    rows: Mapping[str, Row]
    facts: Mapping[str, str] = field(default_factory=dict)

    def question(self, row: Row) -> Question | None:
        """Return the question of a student; None if the key has only its digest.

        Raises
        ------
        InputError
            If it was changed.
        """
        if not row.text:
            return None
        where = f"{label(self.path)}: the question of {label(row.student.id)}"
        if digest(row.text) != row.digest:
            raise InputError(f"{where} was changed; take the key as it was written.")
        try:
            return read(row.text)
        except InputError as error:
            raise InputError(f"{where}: {error}.") from None


# --- Written ------------------------------------------------------------------------------


def write_key(
    questions: Sequence[Question], seed: int, secret: bytes | None, file: IO[bytes]
) -> None:
    """Write the key to the questions of a class; texts never become formulas."""
    from openpyxl import Workbook
    from openpyxl.packaging.custom import StringProperty

    book = Workbook(write_only=True)
    book.security = None  # which openpyxl would write empty, and Gnumeric warns of
    book.custom_doc_props.append(StringProperty(name=MARK, value=KEY))  # type: ignore[attr-defined]
    setup = questions[0].setup
    facts = {"version": __version__, "seed": f"{seed}", **_facts(setup)}
    facts["signed"] = "no" if secret is None else "yes"
    _add_sheet(book, NUMBERS, _numbers(questions)).freeze_panes = "C2"
    _add_sheet(book, QUESTIONS, _questions(questions, secret))
    _add_sheet(book, CLASS, [("what", "is"), *facts.items()])
    # In memory first: a disk that is full would leave openpyxl in the middle of a sheet.
    saved = BytesIO()
    Writer(book, ZipFile(saved, "w", ZIP_DEFLATED), ()).save()
    xml.with_properties(saved, {MARK: KEY}, file)


def _add_sheet(book: Any, name: str, rows: Iterable[Sequence[str | float]]) -> Any:
    from openpyxl.cell import WriteOnlyCell

    sheet = in_memory(book.create_sheet(name))

    def cell(value: str | float) -> Any:
        if not isinstance(value, str):
            return value
        text = WriteOnlyCell(sheet, value)
        text.data_type = "s"
        return text if value else None

    for row in rows:
        sheet.append(list(map(cell, row)))
    return sheet


def _numbers(questions: Sequence[Question]) -> Iterator[Sequence[str | float]]:
    """Yield who got which workbook, and every number that is right in it."""
    answers = questions[0].setup.answers
    places = [(name, i, j) for name, m in answers.items() for i, j in np.ndindex(*m.shape)]
    yield [*KEY_COLUMNS, *(f"{n}[{i + 1},{j + 1}]" for n, i, j in places)]
    for question in questions:
        student = question.student
        assert student is not None
        with np.errstate(all="ignore"):
            values = question.values
        numbers = [float(values[name][i, j]) for name, i, j in places]
        yield student.id, student.name, f"{student.file}.xlsx", digest_of(question), *numbers


def _questions(questions: Sequence[Question], secret: bytes | None) -> Iterator[Sequence[str]]:
    pieces = [pieces_of(text_of(question), LONGEST_PIECE) for question in questions]
    yield [*COLUMNS, *(PIECE.format(k) for k in range(1, max(map(len, pieces)) + 1))]
    for question, own in zip(questions, pieces, strict=True):
        assert question.student is not None
        signed = "" if secret is None else signature(text_of(question), secret)
        yield question.student.id, digest_of(question), signed, *own


def _facts(setup: Setup) -> dict[str, str]:
    """Return the texts that say what a class was asked, by what they are about."""
    return {
        name: in_words(setup, name)
        for name in ("asked", "decimals", "points", "hints", "form_slips")
    }


# --- Read ---------------------------------------------------------------------------------


def read_key(path: str | Path) -> Key:
    """Return the key to a class.

    Raises
    ------
    InputError
        If the file can't be read or is no key; the message is one line that names it.
    """
    file = Path(path)
    submission = opened(file, limits.KEY)
    return _read(file, submission)


def read_once(path: Path) -> Key:
    """Return the key of `read_key`, but read its file only if it was changed since."""
    try:
        stat = path.stat()
    except OSError:
        return read_key(path)
    return _read_once(path, stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=2)
def _read_once(path: Path, *_: int) -> Key:
    return read_key(path)


def _read(file: Path, submission: Submission) -> Key:
    where = label(file)
    numbers = _sheet_with(submission, KEY_COLUMNS)
    if numbers is None:
        is_exercise = MARK in submission.properties
        found = "an exercise or a walkthrough" if is_exercise else "another workbook"
        remedy = "give NAME-key.xlsx, as `cellprop exercise --roster` writes it beside the folder"
        raise wrong(where, "the key of a class", found, remedy)
    questions = _questions_in(submission)
    rows: dict[str, Row] = {}
    for number, cells in enumerate(_table(submission, numbers, len(KEY_COLUMNS)), 1):
        student = _student(where, number, cells)
        if student.id in rows:
            raise wrong(
                f"{where}, sheet '{numbers}'", "ids that differ", f"'{short(student.id)}' twice",
                "take the key as it was written",
            )  # fmt: skip
        found_digest, text, signed = questions.get(student.id, ("", "", ""))
        rows[student.id] = Row(student, found_digest or cells[3], text, signed)
    if not rows:
        raise wrong(where, "a row for each student", "none", "take the key as it was written")
    return Key(file, rows, _facts_in(submission))


def _sheet_with(submission: Submission, columns: Sequence[str]) -> str | None:
    """Return the sheet that begins with some columns."""
    for sheet in submission.sheets:
        cells = submission.cells(Block(sheet, 1, 1, 1, len(columns)))
        if tuple(cells[0]) == tuple(columns):
            return sheet
    return None


def _table(submission: Submission, sheet: str, columns: int) -> list[list[str]]:
    """Return the rows of a sheet below its header, as texts; those without an id left out."""
    texts = submission.texts(Block(sheet, 2, 1, limits.MOST_STUDENTS, columns))
    rows: dict[int, list[str]] = {}
    for (i, j), text in texts.items():
        rows.setdefault(i, [""] * columns)[j - 1] = text
    return [cells for _, cells in sorted(rows.items()) if cells[0]]


def _student(where: str, number: int, cells: Sequence[str]) -> Student:
    try:
        return Student.of(cells[0], cells[1], number, cells[2].removesuffix(".xlsx"))
    except ValueError:
        raise wrong(
            f"{where}, student {number}", "the name of a workbook", f"'{short(cells[2])}'",
            "take the key as it was written",
        ) from None  # fmt: skip


def _questions_in(submission: Submission) -> dict[str, tuple[str, str, str]]:
    """Return the digest, text and signature of each question by the student's id."""
    sheet = _sheet_with(submission, COLUMNS)
    if sheet is None:
        return {}
    rows = _table(submission, sheet, len(COLUMNS) + MOST_PIECES)
    first = len(COLUMNS)
    return {label(row[0]): (row[1], "".join(row[first:]), row[2]) for row in rows}


def _facts_in(submission: Submission) -> dict[str, str]:
    sheet = _sheet_with(submission, ("what", "is"))
    if sheet is None:
        return {}
    texts = submission.texts(Block(sheet, 2, 1, MOST_FACTS, 2))
    return {label(text): label(texts.get((i, 2), "")) for (i, j), text in texts.items() if j == 1}
