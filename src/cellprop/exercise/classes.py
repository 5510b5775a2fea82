"""Workbooks for a class: one for each student, with numbers of their own, and the teacher's key."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from cellprop.errors import InputError, OutputError
from cellprop.exercise.annotating import made
from cellprop.exercise.batch import differences
from cellprop.exercise.carried import located, signature
from cellprop.exercise.keys import Key, read_key, write_key
from cellprop.exercise.writing import Mould
from cellprop.faces.layout import lay_out
from cellprop.faces.workbook.theme import Theme
from cellprop.faces.workbook.theme import load as load_theme
from cellprop.files.roster import Student, caseless
from cellprop.files.safe import label
from cellprop.files.writing import write_whole
from cellprop.marking.question import Question, for_student
from cellprop.running.processes import in_processes
from cellprop.running.training import Progress
from cellprop.texts.words import Words
from cellprop.texts.words import load as load_words

# How many students a process writes for at a time.
AT_A_TIME = 25
# A seed that is drawn can be read out.
MOST_SEEDS = 1_000_000
HOW = "--add writes newcomers only, --force all of them anew."


def write_class(
    question: Question,
    students: Sequence[Student],
    folder: str | Path,
    *,
    key: str | Path,
    seed: int | None = None,
    secret: bytes | None = None,
    add: bool = False,
    force: bool = False,
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
        Of the class: the weights are drawn from it and a student's id. None: that of the key with
        `add`, else one drawn at random. The key says which.
    secret
        What to sign the questions with; unsigned when None.
    add
        Whether the class is there already, and only those who are not in its key get a workbook.
    force
        Whether to write anew over a class that is there.
    theme, words
        The look and the texts; the default ones when None.
    jobs
        How many processes to use; the files are the same.
    progress
        Called with how many workbooks are done, and of how many.

    Raises
    ------
    InputError
        If with `add` the key can't be used, or the class was written with other options.
    OutputError
        If a class is there already, or a file or the folder can't be written.
    """
    there = read_key(key) if add else None
    if there is not None:
        question = _laid_out_as(there, question)
    question = located(
        question, lay_out(question.program, *(question.setup.sheets or ()), moves=False)
    )
    if there is not None:
        earlier, seed, students = _joined(there, question, students, seed, secret)
    else:
        earlier, seed = [], drawn_seed() if seed is None else seed
    if not force:
        _check_free(Path(folder), students if add else None, None if add else Path(key))
    target = made(folder)
    look, texts = theme or load_theme(), words or load_words()
    groups = [students[i : i + AT_A_TIME] for i in range(0, len(students), AT_A_TIME)]
    written: list[Path] = []
    for paths in _each(groups, jobs, (question, target, seed, secret, look, texts)):
        for path in paths:
            written.append(path)
            if progress:
                progress(len(written), len(students))
    everybody = [*earlier, *(for_student(question, student, seed) for student in students)]
    write_whole(key, lambda file: write_key(everybody, seed, secret, file))
    return written


def class_decimals(key: str | Path) -> int | None:
    """Return to how many decimals the numbers of a class are rounded; None if its key does not say.

    Raises
    ------
    InputError
        If the key can't be read.
    """
    found = read_key(key)
    asked = (found.question(row) for row in found.rows.values())
    return next((each.setup.decimals for each in asked if each is not None), None)


def drawn_seed() -> int:
    """Return a seed for a class that is given none."""
    return secrets.randbelow(MOST_SEEDS)


def _check_free(folder: Path, students: Sequence[Student] | None, key: Path | None) -> None:
    """Refuse to write over workbooks that are there: any, or those of some students."""
    if students is None:
        there = sorted(folder.glob("*.xlsx")) if folder.is_dir() else []
    else:
        there = [path for s in students if (path := folder / f"{s.file}.xlsx").exists()]
    if there:
        count = f"{len(there)} workbook{'s' if len(there) > 1 else ''}"
        raise OutputError(f"{label(folder)}: holds {count} already ({label(there[0].name)}); {HOW}")
    if key is not None and key.exists():
        raise OutputError(f"{label(key)}: is there already, and with it a class; {HOW}")


def _joined(
    key: Key,
    question: Question,
    students: Sequence[Student],
    seed: int | None,
    secret: bytes | None,
) -> tuple[list[Question], int, list[Student]]:
    """Return the questions of those in a key, its seed, and who is to join them."""
    where = label(key.path)
    asked = [key.question(row) for row in key.rows.values()]
    earlier = [each for each in asked if each is not None]
    kept = key.facts.get("seed", "")
    if len(earlier) < len(asked) or not re.fullmatch(r"[0-9]{1,20}", kept, re.ASCII):
        raise InputError(
            f"{where}: doesn't say with which seed and options the class was written, as keys of"
            " 0.3.0 don't; write the newcomers into a folder of their own."
        )
    found = differences(replace(question, version=""), earlier[0])
    if seed is not None and seed != int(kept):
        found.append(f"seed {seed} instead of {kept}")
    row = next(iter(key.rows.values()))
    if row.signature != ("" if secret is None else signature(row.text, secret)):
        found.append("another --secret" if secret and row.signature else "signed or not")
    if found:
        raise InputError(
            f"{where}: the class was written with other options: {'; '.join(found)}; give the same."
        )
    return earlier, int(kept), list(_newcomers(key, students))


def _laid_out_as(key: Key, question: Question) -> Question:
    """Return a question laid out as those of a key, unless it is said how it is to be."""
    asked = (key.question(row) for row in key.rows.values())
    kept = next((each.setup.sheets for each in asked if each is not None), None)
    said = question.setup.sheets
    if kept is None or (said is not None and said[0] != "auto"):
        return question
    return replace(question, setup=replace(question.setup, sheets=kept))


def _newcomers(key: Key, students: Sequence[Student]) -> Iterator[Student]:
    """Yield students who are not in a key, after those who are, with files that are not theirs."""
    there = {caseless(number) for number in key.rows}
    files = {row.student.file for row in key.rows.values()}
    position = len(key.rows)
    for student in students:
        if caseless(student.id) in there:
            continue
        position, file, number = position + 1, student.file, 1
        while file in files:
            number += 1
            file = f"{student.file}-{number}"
        files.add(file)
        yield replace(student, position=position, file=file)


def _each(
    groups: Sequence[Sequence[Student]], jobs: int, shared: tuple[Any, ...]
) -> Iterator[Iterable[Path]]:
    if jobs == 1 or len(groups) < 2:
        moulds: list[Mould] = []
        return (_write_some(moulds, group, *shared) for group in groups)
    return in_processes(jobs, partial(_write_list, shared), groups)


def _write_list(shared: tuple[Any, ...], group: Sequence[Student]) -> list[Path]:
    return list(_write_some([], group, *shared))


def _write_some(
    moulds: list[Mould],
    students: Sequence[Student],
    question: Question,
    folder: Path,
    seed: int,
    secret: bytes | None,
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
            lambda file, own=own, mould=mould: mould.cast(own, file, secret),  # type: ignore[misc]
        )
