"""What was asked in a workbook that comes back: as it says itself, or as a teacher says.

A student's file may carry no question, another one, or none that a teacher has signed. What counts
is decided here, and said; knows nothing of answers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from cellprop.errors import InputError
from cellprop.exercise.batch import differences, in_words
from cellprop.exercise.carried import (
    ChangedQuestionError,
    NoQuestionError,
    question_of,
    read_secret,
)
from cellprop.exercise.keys import Key, Row, read_once
from cellprop.exercise.read_off import read_off
from cellprop.files.entries import Block
from cellprop.files.roster import Student
from cellprop.files.safe import known, label
from cellprop.files.submission import Submission, opened
from cellprop.marking.carried_text import digest_of
from cellprop.marking.marks import Marks, Result
from cellprop.marking.question import FORM_SLIPS, Question, with_form_slips, with_points

# Where the first sheet says whose it is: rows and columns.
FIRST_SHEET = (8, 6)


@dataclass(frozen=True)
class Terms:
    """By what workbooks are marked.

    Attributes:
        points: The marks of a step by its label, instead of those that a workbook carries.
        form_slips: How often a slip of form is paid for, instead of as a workbook says.
        key: The key to the class; what it says was asked counts.
        question: What was asked in files that don't carry it.
        secret: What a question has to be signed with.
    """

    points: Mapping[str, float] | None = None
    form_slips: str | None = None
    key: Path | None = None
    question: Question | None = None
    secret: bytes | None = None

    def applied(self, question: Question) -> Question:
        """Return a question with the terms that are given instead of its own."""
        if self.points:
            question = with_points(question, self.points)
        return with_form_slips(question, self.form_slips) if self.form_slips else question


def terms_of(
    points: Mapping[str, float] | None,
    form_slips: str | None,
    key: str | Path | None,
    question: str | Path | None,
    secret: str | Path | None,
) -> Terms:
    """Return the terms by which workbooks are marked.

    Raises
    ------
    InputError
        If a file that says so can't be used, or there is no such rule.
    """
    signed = None if secret is None else read_secret(secret)
    asked = None if question is None else _original(Path(question), signed)
    if key is not None:
        read_once(Path(key))
    if form_slips is not None:
        known("form_slips", form_slips, FORM_SLIPS)
    return Terms(points, form_slips, None if key is None else Path(key), asked, signed)


def _original(file: Path, secret: bytes | None) -> Question:
    """Return the question of an exercise as it was handed out."""
    try:
        return question_of(opened(file), secret)[0]
    except NoQuestionError:
        raise InputError(
            f"{label(file)}: carries no question either; give the exercise as it was handed out."
        ) from None
    except InputError as error:
        raise told(file, error) from None


def told(file: Path, error: InputError) -> InputError:
    """Return an error that names its file."""
    text, where = str(error).removesuffix("."), label(file)
    return type(error)(f"{text}." if text.startswith(where) else f"{where}: {text}.")


@dataclass(frozen=True)
class Asked:
    """What was asked in a workbook, and what there is to say of how that is known.

    Attributes:
        question: What counts.
        notes, warnings: As those of marks.
        typed: The names of matrices that the workbook has cells for. None: all that were asked. In
            others stand formulas of ours, which compute what the student was to calculate.
    """

    question: Question
    notes: Sequence[str] = ()
    warnings: Sequence[str] = ()
    typed: frozenset[str] | None = None


def asked_in(file: Path, submission: Submission, terms: Terms) -> Asked:
    """Return what was asked in a workbook.

    Raises
    ------
    InputError
        If it can't be told, or is not signed as it has to be; it says which, not where.
    """
    try:
        own, warnings = question_of(submission, terms.secret)
    except (NoQuestionError, ChangedQuestionError) as error:
        return _by_others(file, submission, terms, error)
    carried = Asked(own, warnings=warnings)
    if terms.key is not None:
        return _by_key(read_once(terms.key), carried)
    if terms.question is None or digest_of(terms.question) == digest_of(own):
        return carried
    found = differences(own, terms.question, weights=True)
    warning = (
        f"it carries another question than the original: {_listed(found)}; it is marked by its own."
    )
    return replace(carried, warnings=[*warnings, warning])


def _by_others(file: Path, submission: Submission, terms: Terms, error: InputError) -> Asked:
    """Return what was asked in a workbook that carries no question, or not as it was."""
    is_lost = isinstance(error, NoQuestionError)
    lost = "it carries no question" if is_lost else "the question that it carries was changed"
    key = None if terms.key is None else read_once(terms.key)
    row = _recognised(key, file, submission) if key else None
    question = key.question(row) if key and row else None
    if question is not None and row is not None:
        whose = f"{row.student.name} ({row.student.id})"
        return _only_typed(submission, question, [f"{lost}; it was taken for that of {whose}."])
    if terms.question is not None:
        said = f"{lost}; it was marked by that of the original."
        return _only_typed(submission, terms.question, [said], is_note=is_lost)
    if key is not None and is_lost:
        raise InputError(
            f"{lost}, and whose it is can't be told from its first sheet or its name; give the"
            " exercise as it was handed out with --question"
        )
    if terms.secret is not None or not is_lost:
        raise error
    return _by_sheets(submission, error)


def _only_typed(
    submission: Submission, question: Question, said: list[str], *, is_note: bool = False
) -> Asked:
    """Return a question for a workbook that lost its own, and what its sheets have cells for."""
    own = read_off(submission)
    notes, warnings = (said, []) if is_note else ([], said)
    if own is None:
        return Asked(question, notes, warnings)
    found = [
        f"{in_words(own.setup, name)} instead of {in_words(question.setup, name)}"
        for name in ("asked", "decimals")
        if getattr(own.setup, name) != getattr(question.setup, name)
    ]
    if found:
        warnings = [*warnings, f"its sheets ask for something else: {_listed(found)}."]
    return Asked(question, notes, warnings, frozenset(own.setup.answers))


def _by_sheets(submission: Submission, error: InputError) -> Asked:
    """Return what the sheets of a workbook without a question say; else raise an error."""
    question = read_off(submission)
    if question is None:
        raise error
    said = ", ".join(in_words(question.setup, name) for name in ("asked", "decimals", "points"))
    warning = (
        f"it carries no question; what was asked was read off its sheets ({said}); to be sure, give"
        " the exercise as it was handed out with --question."
    )
    return Asked(question, warnings=[warning])


def _by_key(key: Key, carried: Asked) -> Asked:
    """Return what a key says was asked of the student whose workbook it is."""
    student = carried.question.student
    row = key.rows.get(student.id) if student else None
    asked = key.question(row) if row else None
    if row is not None and row.digest == digest_of(carried.question):
        return carried
    if row is not None and asked is not None:
        found = _listed(differences(carried.question, asked, weights=True))
        warning = f"its question is not the one that was asked: {found}; marked by the key's."
        typed = frozenset(carried.question.setup.answers)
        return Asked(asked, carried.notes, [*carried.warnings, warning], typed)
    if row is not None:
        warning = (
            "its question is not the one of the key, which doesn't say more; marked by its own."
        )
    else:
        whose = f"{student.name} ({student.id})" if student else "nobody's name"
        warning = f"its question is not in the key: it has {whose}; it is marked by its own."
    return replace(carried, warnings=[*carried.warnings, warning])


def _recognised(key: Key, file: Path, submission: Submission) -> Row | None:
    """Return whose workbook it is, by the id on its first sheet or by its name."""
    cells = submission.cells(Block(submission.sheets[0], 1, 1, *FIRST_SHEET))
    ids = {_text_of(cell) for row in cells for cell in row if cell is not None}
    found = [row for row in key.rows.values() if row.student.id in ids]
    if len(found) != 1:
        found = [row for row in key.rows.values() if row.student.file == file.stem]
    return found[0] if len(found) == 1 else None


def _text_of(cell: float | str) -> str:
    """Return a cell as text; an id may have become a number."""
    return f"{cell:.0f}" if isinstance(cell, float) and cell.is_integer() else f"{cell}"


def absent(key: Key, results: Iterable[Result]) -> list[Student]:
    """Return the students of a key of whom there is no result."""
    there = {r.question.student.id for r in results if isinstance(r, Marks) and r.question.student}
    return [row.student for number, row in key.rows.items() if number not in there]


def _listed(found: Sequence[str]) -> str:
    return "; ".join(found) or "in form"
