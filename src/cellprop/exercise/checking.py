"""Marking workbooks that come back: the answers that stand in one, or in a folder of them.

A student's file may have been moved about, changed, or be another file altogether. What can be
understood is marked and noted; what can't gets a line of its own and stops nobody else.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from cellprop.algebra import Matrix
from cellprop.data import LARGEST, label
from cellprop.errors import CellpropError, InputError
from cellprop.exercise.carried import question_in
from cellprop.judging import Answer
from cellprop.layout import Layout, lay_out
from cellprop.marking import Marks, Result, Unmarked, mark
from cellprop.question import Question, Setup, with_points
from cellprop.submission import Place, Submission, opened
from cellprop.workbook.book import sheet_name

# Numbers as people type them: a decimal comma, a typographic minus, blanks around.
NUMBER = re.compile(r"[+-]?(\d+[.,]?\d*|[.,]\d+)([eE][+-]?\d{1,3})?", re.ASCII)
# What a program leaves beside a file, and what is written beside students' files.
NOT_HANDED_IN = (".csv", ".json", ".html", ".txt", ".md")

Progress = Callable[[int, int], None]


def check(path: str | Path, *, points: Mapping[str, float] | None = None) -> Marks:
    """Return the marks for a workbook that was filled in.

    Parameters
    ----------
    path
        An exercise, as `cellprop exercise` writes it, filled in by any spreadsheet program.
    points
        The marks of a step by its label, instead of those that the workbook carries.

    Raises
    ------
    InputError
        If the file can't be read, is no exercise, or its question was changed; the message is one
        line that names the file.
    """
    file = Path(path)
    submission = opened(file)
    try:
        question = question_in(submission.properties)
        if points:
            question = with_points(question, points)
    except InputError as error:
        raise InputError(f"{label(file)}: {str(error).removesuffix('.')}.") from None
    reading = _Reading(submission, question)
    answers = reading.answers()
    reading.compare_given()
    marks = mark(question, answers)
    return replace(
        marks, path=label(file), notes=tuple(reading.notes), warnings=tuple(reading.warnings)
    )


def check_all(
    paths: Iterable[str | Path],
    *,
    points: Mapping[str, float] | None = None,
    jobs: int = 1,
    progress: Progress | None = None,
) -> list[Result]:
    """Return the marks of many workbooks, in the order of the roster.

    Parameters
    ----------
    paths
        Files, and folders that are searched for them.
    points
        As for `check`.
    jobs
        How many processes to use; the results are the same.
    progress
        Called with how many files are done, and of how many.

    Raises
    ------
    InputError
        If there is no such file or folder, or nothing in it.
    """
    files = list(_files(paths))
    results = []
    for done, result in enumerate(_each(files, points, jobs), 1):
        results.append(result)
        if progress:
            progress(done, len(files))
    return sorted(_with_doubles(results), key=_position)


def _each(files: Sequence[Path], points: Mapping[str, float] | None, jobs: int) -> Iterator[Result]:
    if jobs == 1 or len(files) < 2:
        return (_one(file, points) for file in files)
    from joblib import Parallel, delayed

    run = Parallel(n_jobs=jobs, return_as="generator")
    found: Iterator[Result] = run(delayed(_one)(file, points) for file in files)
    return found


def _one(file: Path, points: Mapping[str, float] | None) -> Result:
    """Return the marks of a file; whatever is wrong with it is a result as well."""
    try:
        return check(file, points=points)
    except CellpropError as error:
        reason = str(error).removeprefix(f"{label(file)}: ")
        return Unmarked(label(file), reason)
    except Exception as error:  # a class is not stopped by what nobody thought of
        kind = type(error).__name__
        return Unmarked(label(file), f"can't be read ({kind}); open it and save it again as .xlsx.")


def _files(paths: Iterable[str | Path]) -> Iterator[Path]:
    """Yield files, those of folders in order of their names."""
    seen = set()
    for path in map(Path, paths):
        if not path.is_dir():
            if not path.exists():
                raise InputError(f"{label(path)}: there is no such file or folder; check its name.")
            found = [path]
        else:
            found = sorted(file for file in path.rglob("*") if _is_handed_in(file))
            if not found:
                raise InputError(f"{label(path)}: expected workbooks in this folder, found none.")
        for file in found:
            if file.resolve() not in seen:
                seen.add(file.resolve())
                yield file


def _is_handed_in(file: Path) -> bool:
    hidden = file.name.startswith((".", "~$"))
    return file.is_file() and not hidden and file.suffix.lower() not in NOT_HANDED_IN


def _with_doubles(results: Sequence[Result]) -> Iterator[Result]:
    """Yield results, with a warning where several files are one student's."""
    owners: dict[str, list[str]] = {}
    for result in results:
        if isinstance(result, Marks) and result.question.student:
            owners.setdefault(result.question.student.id, []).append(result.path)
    for result in results:
        if isinstance(result, Marks) and result.question.student:
            student = result.question.student
            others = [path for path in owners[student.id] if path != result.path]
            if others:
                warning = (
                    f"{student.name}'s workbook was also handed in as {', '.join(others[:3])}."
                )
                yield replace(result, warnings=(*result.warnings, warning))
                continue
        yield result


def _position(result: Result) -> tuple[bool, int, str]:
    student = result.question.student if isinstance(result, Marks) else None
    return student is None, student.position if student else 0, result.path


# --- One workbook -------------------------------------------------------------------------


@lru_cache(maxsize=8)
def _layout(setup: Setup) -> Layout:
    return lay_out(setup.walk)


@dataclass
class _Reading:
    """A workbook's numbers, and what is noticed while they are read."""

    submission: Submission
    question: Question
    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    _gone: set[str] = field(default_factory=set)
    _as_text: list[tuple[str, float]] = field(default_factory=list)
    _moved: bool = False

    def answers(self) -> dict[str, Answer]:
        """Return what stands in the place of each matrix that was asked for."""
        found = {name: self._answer(m) for name, m in self.question.setup.answers.items()}
        if self._as_text:
            text, number = self._as_text[0]
            count = len(self._as_text)
            many = f"{count} numbers were" if count > 1 else "a number was"
            self.notes.append(f"{many} typed as text: '{text}' was read as {number:g}.")
        if self._moved:
            self.notes.append(
                "rows, columns or sheets were moved; the answers were read where they now stand."
            )
        return found

    def compare_given(self) -> None:
        """Warn if a number that was given is another one now."""
        for name, given in self.question.given.items():
            place = self._place(self.question.trace.matrix(name))
            if place is None:
                continue
            cells = self.submission.cells(place)
            for (i, j), expected in np.ndenumerate(given):
                cell = cells[i][j]
                near = isinstance(cell, float) and abs(cell - expected) <= 1e-9 * abs(expected)
                if not near:
                    shown = "nothing" if cell is None else f"{cell}"[:20]
                    self.warnings.append(
                        f"the question was changed: {name}, row {i + 1}, column {j + 1} is {shown},"
                        f" asked was {expected:g}; it is marked by what was asked."
                    )
                    return

    def _place(self, matrix: Matrix) -> Place | None:
        """Return where a matrix stands in this workbook; None if its sheet is gone."""
        usual = _layout(self.question.setup).places[matrix.name]
        step = next(s for s in self.question.walk.steps if matrix in s.matrices)
        expected = Place(sheet_name(step), usual.row, usual.column, *matrix.shape)
        found = self.submission.named(matrix.name)
        if found is not None and (found.rows, found.columns) == matrix.shape:
            self._moved |= found != expected
            return found
        if expected.sheet in self.submission.sheets:
            return expected
        if expected.sheet not in self._gone:
            self._gone.add(expected.sheet)
            self.warnings.append(
                f"the sheet {expected.sheet} is missing; its answers count as blank."
            )
        return None

    def _answer(self, matrix: Matrix) -> Answer:
        values = np.full(matrix.shape, np.nan)
        texts: dict[tuple[int, int], str] = {}
        place = self._place(matrix)
        cells = self.submission.cells(place) if place else []
        for i, row in enumerate(cells):
            for j, cell in enumerate(row):
                number = self._number(cell)
                if number is not None:
                    values[i, j] = number
                elif cell is not None:
                    texts[i, j] = f"{cell}"
        return Answer(values, texts)

    def _number(self, cell: float | str | None) -> float | None:
        """Return the number that somebody typed, be it as text."""
        if isinstance(cell, str):
            plain = cell.strip().replace("\N{MINUS SIGN}", "-")
            if not NUMBER.fullmatch(plain):
                return None
            number = float(plain.replace(",", "."))
            self._as_text.append((cell[:20], number))
        elif cell is None:
            return None
        else:
            number = cell
        return number if abs(number) <= LARGEST else None
