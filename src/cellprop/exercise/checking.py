"""Marking workbooks that come back: the answers that stand in one, or in a folder of them.

A student's file may have been moved about, changed, or be another file altogether. What can be
understood is marked and noted; what can't gets a line of its own and stops nobody else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache, partial
from pathlib import Path

import numpy as np

from cellprop.algebra import Matrix
from cellprop.errors import CellpropError, InputError
from cellprop.exercise.asked import Terms, absent, asked_in, terms_of, told
from cellprop.exercise.batch import with_doubles, with_odd_ones
from cellprop.exercise.carried import SHEET, KeyFileError
from cellprop.exercise.keys import read_once
from cellprop.exercise.numbers import number_in
from cellprop.faces.layout import places_before
from cellprop.faces.places import Place
from cellprop.faces.workbook import contents
from cellprop.faces.workbook.book import sheet_name
from cellprop.files.entries import Block, Entry
from cellprop.files.opening import listed
from cellprop.files.safe import label
from cellprop.files.samples import LARGEST
from cellprop.files.submission import Submission, opened
from cellprop.marking.marks import Marks, Result, Unmarked, mark
from cellprop.marking.question import Question, Setup
from cellprop.marking.verdicts import Answer
from cellprop.running.processes import in_processes
from cellprop.running.training import Progress

# What a program leaves beside a file, and what is written beside students' files.
NOT_HANDED_IN = (".csv", ".json", ".html", ".txt", ".md")


def check(
    path: str | Path,
    *,
    points: Mapping[str, float] | None = None,
    form_slips: str | None = None,
    key: str | Path | None = None,
    question: str | Path | None = None,
    secret: str | Path | None = None,
) -> Marks:
    """Return the marks for a workbook that was filled in.

    Parameters
    ----------
    path
        An exercise, as `cellprop exercise` writes it, filled in by any spreadsheet program.
    points
        The marks of a step by its label, instead of those that the workbook carries.
    form_slips
        How often a slip of form is paid for, `each`, `step` or `once`, instead of as was asked.
    key
        The key to the class: the workbook is marked by what the key says was asked of the student,
        and a warning says so if it carries another question.
    question
        The exercise as it was handed out, for a workbook that lost its question.
    secret
        A file: a question that was not signed with what it holds is refused.

    Raises
    ------
    InputError
        If the file can't be read, is no exercise, or its question was changed; the message is one
        line that names the file.
    """
    return _check(Path(path), terms_of(points, form_slips, key, question, secret))


def _check(file: Path, terms: Terms) -> Marks:
    submission = opened(file)
    try:
        asked = asked_in(file, submission, terms)
        question = terms.applied(asked.question)
    except InputError as error:
        raise told(file, error) from None
    reading = _Reading(submission, question, asked.typed, list(asked.notes), list(asked.warnings))
    reading.read_ahead()
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
    form_slips: str | None = None,
    key: str | Path | None = None,
    question: str | Path | None = None,
    secret: str | Path | None = None,
    jobs: int = 1,
    progress: Progress | None = None,
    tell: Callable[[str], None] | None = None,
) -> list[Result]:
    """Return the marks of many workbooks, in the order of the roster.

    Parameters
    ----------
    paths
        Files, and folders that are searched for them.
    points, form_slips, key, question, secret
        As for `check`. Without a key, a question that differs from the most common one gets a
        warning.
    jobs
        How many processes to use; the results are the same.
    progress
        Called with how many files are done, and of how many.
    tell
        Called with what there is to say of all together: which file was left out, who handed
        nothing in.

    Raises
    ------
    InputError
        If there is no such file or folder, or nothing in it; or the key, the question or the
        secret can't be used.
    """
    terms, say = terms_of(points, form_slips, key, question, secret), tell or (lambda _: None)
    not_handed_in = {Path(path).resolve() for path in (key, question) if path is not None}
    files = _files(paths, not_handed_in, say)
    results: list[Result] = []
    for done, (file, result) in enumerate(zip(files, _each(list(files), terms, jobs), strict=True)):
        if isinstance(result, _KeyFile) and files[file]:
            say(f"{label(file)} is the key of a class, and was left out.")
        else:
            results.append(result)
        if progress:
            progress(done + 1, len(files))
    if not results:
        raise InputError("expected workbooks that students handed in, found a key only.")
    if terms.key is None:
        results = with_odd_ones(results)
    elif missing := absent(read_once(terms.key), results):
        say(f"handed nothing in: {listed([f'{s.name} ({s.id})' for s in missing])}.")
    return sorted(with_doubles(results), key=_position)


@dataclass(frozen=True)
class _KeyFile(Unmarked):
    """The key of a class, among what students handed in."""


def _each(files: Sequence[Path], terms: Terms, jobs: int) -> Iterator[Result]:
    if jobs == 1 or len(files) < 2:
        return (_one(file, terms) for file in files)
    return in_processes(jobs, partial(_one, terms=terms), files)


def _one(file: Path, terms: Terms) -> Result:
    """Return the marks of a file; whatever is wrong with it is a result as well."""
    try:
        return _check(file, terms)
    except CellpropError as error:
        reason = str(error).removeprefix(f"{label(file)}: ")
        kind = _KeyFile if isinstance(error, KeyFileError) else Unmarked
        return kind(label(file), reason)
    except Exception as error:  # a class is not stopped by what nobody thought of
        kind_of_error = type(error).__name__
        reason = f"can't be read ({kind_of_error}); open it and save it again as .xlsx."
        return Unmarked(label(file), reason)


def _files(
    paths: Iterable[str | Path], not_handed_in: Set[Path], tell: Callable[[str], None]
) -> dict[Path, bool]:
    """Return files, those of folders in order of their names, and whether a folder had them."""
    seen: dict[Path, tuple[Path, bool]] = {}
    for path in map(Path, paths):
        if not path.is_dir():
            if not path.exists():
                raise InputError(f"{label(path)}: there is no such file or folder; check its name.")
            seen.setdefault(path.resolve(), (path, False))
            continue
        found = sorted(file for file in path.rglob("*") if _is_handed_in(file))
        if not found:
            raise InputError(f"{label(path)}: expected workbooks in this folder, found none.")
        for file in found:
            if file.resolve() in not_handed_in:
                tell(f"{label(file)} is what the others are marked by, and was left out.")
            else:
                seen.setdefault(file.resolve(), (file, True))
    return dict(seen.values())


def _is_handed_in(file: Path) -> bool:
    hidden = file.name.startswith((".", "~$"))
    return file.is_file() and not hidden and file.suffix.lower() not in NOT_HANDED_IN


def _position(result: Result) -> tuple[bool, int, str]:
    student = result.question.student if isinstance(result, Marks) else None
    return student is None, student.position if student else 0, result.path


# --- One workbook -------------------------------------------------------------------------


@lru_cache(maxsize=8)
def _before(setup: Setup) -> dict[str, Place]:
    return places_before(setup.program)


@dataclass
class _Reading:
    """A workbook's numbers, and what is noticed while they are read."""

    submission: Submission
    question: Question
    typed: frozenset[str] | None = None
    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    _gone: set[str] = field(default_factory=set)
    _as_text: list[tuple[str, float]] = field(default_factory=list)
    _dates: list[str] = field(default_factory=list)
    _moved: bool = False

    def read_ahead(self) -> None:
        """Read the sheets that answers and given numbers stand on, each once."""
        wanted = (*self.question.setup.answers, *self.question.given)
        matrices = {matrix.name: matrix for matrix in self.question.program.matrices}
        found = (self._place(matrices[name]) for name in wanted)
        self.submission.read_ahead(place for place in found if place is not None)

    def answers(self) -> dict[str, Answer]:
        """Return the answers in the places of what was asked for, by the matrix's name."""
        found = {name: self._answer(m) for name, m in self.question.setup.answers.items()}
        if self._as_text:
            text, number = self._as_text[0]
            count = len(self._as_text)
            many = f"{count} numbers were" if count > 1 else "a number was"
            self.notes.append(f"{many} typed as text: '{text}' was read as {number:g}.")
        if self._dates:
            count, first = len(self._dates), self._dates[0]
            many = f"{count} numbers were turned into dates" if count > 1 else "a number was turned"
            self.notes.append(
                f"{many}{'' if count > 1 else ' into a date'} by the spreadsheet program ({first});"
                " format the cells as numbers and type them again."
            )
        if self._moved:
            self.notes.append(
                "rows, columns or sheets were moved; the answers were read where they now stand."
            )
        if unread := sum(len(answer.unread) for answer in found.values()):
            many = f"{unread} formulas have" if unread > 1 else "a formula has"
            self.warnings.append(
                f"{many} no stored value and can't be computed here; open the file in a spreadsheet"
                " program and save it. Until then they count neither for nor against."
            )
        return found

    def compare_given(self) -> None:
        """Warn if a number that was given is another one now."""
        for name, given in self.question.given.items():
            place = self._place(self.question.update.matrix(name))
            if place is None:
                continue
            cells = self.submission.found(place)
            for (i, j), expected in np.ndenumerate(given):
                cell = cells[i][j]
                number = cell.value if isinstance(cell.value, float) else number_in(cell.value)
                is_same = number is not None and abs(number - expected) <= 1e-9 * abs(expected)
                if not is_same and not cell.is_unread:
                    shown = cell.date or ("nothing" if cell.value is None else f"{cell.value}"[:20])
                    self.warnings.append(
                        f"the question was changed: {name}, row {i + 1}, column {j + 1} is {shown},"
                        f" asked was {expected:g}; it is marked by what was asked."
                    )
                    return

    def _place(self, matrix: Matrix) -> Block | None:
        """Return the Block of a matrix in this workbook; None if its sheet is gone."""
        expected = Block(*self._usual(matrix), *matrix.shape)
        found = self.submission.named(matrix.name)
        if found is not None and (found.rows, found.columns) == matrix.shape:
            self._moved |= found != expected
            return found
        if expected.sheet in self.submission.sheets:
            return expected
        if (renamed := self._renamed.get(expected.sheet)) is not None:
            self._moved = True
            return replace(expected, sheet=renamed)
        if expected.sheet not in self._gone:
            self._gone.add(expected.sheet)
            self.warnings.append(
                f"the sheet {expected.sheet} is missing; its answers count as blank."
            )
        return None

    @cached_property
    def _renamed(self) -> dict[str, str]:
        """The sheets that have another name now, by that which they had: known by their order, if
        none was added or taken away.
        """
        usual = [contents.NAME, *map(sheet_name, self.question.program.steps)]
        there = [sheet for sheet in self.submission.sheets if sheet != SHEET]
        if len(there) != len(usual):
            return {}
        return {
            name: sheet
            for name, sheet in zip(usual, there, strict=True)
            if name not in there and sheet not in usual
        }

    def _usual(self, matrix: Matrix) -> tuple[str, int, int]:
        """Return where a matrix stood when the workbook was handed out: sheet, row, column."""
        if matrix.name in self.question.places:
            return self.question.places[matrix.name]
        usual = _before(self.question.setup)[matrix.name]
        step = next(s for s in self.question.program.steps if matrix in s.brings)
        return sheet_name(step), usual.row, usual.column

    def _answer(self, matrix: Matrix) -> Answer:
        values = np.full(matrix.shape, np.nan)
        texts: dict[tuple[int, int], str] = {}
        unread: set[tuple[int, int]] = set()
        is_ours = self.typed is not None and matrix.name not in self.typed
        place = None if is_ours else self._place(matrix)
        cells = self.submission.found(place) if place else []
        for i, row in enumerate(cells):
            for j, cell in enumerate(row):
                number = self._number(cell)
                if number is not None:
                    values[i, j] = number
                elif cell.value is not None:
                    texts[i, j] = cell.date or f"{cell.value}"
                if cell.is_unread:
                    unread.add((i, j))
        return Answer(values, texts, frozenset(unread))

    def _number(self, cell: Entry) -> float | None:
        """Return the number that somebody typed, be it as text."""
        if cell.date:
            self._dates.append(cell.date)
            return None
        number = cell.value
        if isinstance(number, str):
            text, number = number, number_in(number)
            if number is not None:
                self._as_text.append((text[:20], number))
        return number if number is not None and abs(number) <= LARGEST else None
