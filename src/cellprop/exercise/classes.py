"""Workbooks for a class: one for each student, with numbers of their own, and the teacher's key."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np

from cellprop.exercise.annotating import made
from cellprop.exercise.writing import Mould
from cellprop.files import write_whole
from cellprop.opening import MARK
from cellprop.question import Question, for_student
from cellprop.roster import Student
from cellprop.words import Words
from cellprop.words import load as load_words
from cellprop.workbook.theme import Theme
from cellprop.workbook.theme import load as load_theme

Progress = Callable[[int, int], None]
# How many students a process writes for at a time.
AT_A_TIME = 25


def write_class(
    question: Question,
    students: Sequence[Student],
    folder: str | Path,
    *,
    key: str | Path,
    seed: int = 0,
    theme: Theme | None = None,
    words: Words | None = None,
    jobs: int = 1,
    progress: Progress | None = None,
) -> list[Path]:
    """Write a workbook for each student, and the key, and return the paths of the workbooks.

    Parameters
    ----------
    question
        What to ask; each student gets first weights of their own.
    students
        Of a roster.
    folder
        Where the workbooks go; made if it is not there.
    key
        Where the key goes: an Excel file with a row for each student. Not into the folder, which
        is for the students.
    seed
        Of the class: the weights are drawn from it and a student's id.
    theme, words
        The look and the texts; the default ones when None.
    jobs
        How many processes to use; the files are the same.
    progress
        Called with how many workbooks are done, and of how many.

    Raises
    ------
    OutputError
        If a file or the folder can't be written.
    """
    target = made(folder)
    look, texts = theme or load_theme(), words or load_words()
    groups = [students[i : i + AT_A_TIME] for i in range(0, len(students), AT_A_TIME)]
    written: list[Path] = []
    for paths in _each(groups, jobs, (question, target, seed, look, texts)):
        for path in paths:
            written.append(path)
            if progress:
                progress(len(written), len(students))
    write_whole(key, lambda file: _write_key(question, students, seed, file))
    return written


def _each(
    groups: Sequence[Sequence[Student]], jobs: int, shared: tuple[Any, ...]
) -> Iterator[Iterable[Path]]:
    if jobs == 1 or len(groups) < 2:
        moulds: list[Mould] = []
        return (_write_some(moulds, group, *shared) for group in groups)
    from joblib import Parallel, delayed

    run = Parallel(n_jobs=jobs, return_as="generator")
    found: Iterator[list[Path]] = run(delayed(_write_list)(group, *shared) for group in groups)
    return found


def _write_list(*arguments: Any) -> list[Path]:
    return list(_write_some([], *arguments))


def _write_some(
    moulds: list[Mould],
    students: Sequence[Student],
    question: Question,
    folder: Path,
    seed: int,
    theme: Theme,
    words: Words,
) -> Iterator[Path]:
    """Write the workbooks of some students, all from one mould; the first is put into `moulds`."""
    for student in students:
        own = for_student(question, student, seed)
        if not moulds:
            moulds.append(Mould(own, theme, words))
        mould = moulds[0]
        yield write_whole(
            folder / f"{student.file}.xlsx",
            lambda file, own=own, mould=mould: mould.cast(own, file),  # type: ignore[misc]
        )


# --- The key ------------------------------------------------------------------------------


def _write_key(question: Question, students: Sequence[Student], seed: int, file: IO[bytes]) -> None:
    """Write who got which workbook, and what is right in it; texts never become formulas."""
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.packaging.custom import StringProperty

    book = Workbook(write_only=True)
    book.custom_doc_props.append(StringProperty(name=MARK, value="key"))  # type: ignore[attr-defined]
    sheet = book.create_sheet("Key")
    sheet.freeze_panes = "C2"

    def text(value: str) -> Any:
        cell = WriteOnlyCell(sheet, value)
        cell.data_type = "s"
        return cell

    answers = question.setup.answers
    places = [(name, i, j) for name, m in answers.items() for i, j in np.ndindex(*m.shape)]
    head = ["id", "name", "file", "digest", *(f"{n}[{i + 1},{j + 1}]" for n, i, j in places)]
    sheet.append([text(title) for title in head])
    for student in students:
        own = for_student(question, student, seed)
        with np.errstate(all="ignore"):
            values = own.values
        numbers = [float(values[name][i, j]) for name, i, j in places]
        facts = (student.id, student.name, f"{student.file}.xlsx", own.digest)
        sheet.append([*map(text, facts), *numbers])
    book.save(file)
