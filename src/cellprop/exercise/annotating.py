"""A copy of a marked workbook: verdicts as colours, and a comment on each number that lost marks.

The copy is made anew from the question and the numbers that were handed in, so nothing else of a
student's file gets into it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from cellprop.errors import OutputError
from cellprop.exercise.writing import Mould
from cellprop.files import write_whole
from cellprop.judging import NOT_A_NUMBER, SLIP, VERDICTS
from cellprop.marking import Marked, Marks, own_numbers
from cellprop.words import Words
from cellprop.words import load as load_words
from cellprop.workbook.theme import Theme
from cellprop.workbook.theme import load as load_theme

STYLES = {"blank": "answer", "not a number": "wrong", "not computed": "answer"}
SUFFIX = ".xlsx"


def annotate(
    results: Iterable[Marks],
    folder: str | Path,
    *,
    theme: Theme | None = None,
    words: Words | None = None,
) -> list[Path]:
    """Write a copy of each marked workbook into a folder, and return their paths.

    Parameters
    ----------
    results
        Marks of workbooks.
    folder
        Where to write; made if it is not there.
    theme, words
        The look and the texts; the default ones when None.

    Raises
    ------
    OutputError
        If the folder or a file can't be written.
    """
    target = made(folder)
    look, texts = theme or load_theme(), words or load_words()
    written: list[Path] = []
    for marks in results:
        name = _file_name(marks, {path.name for path in written})
        mould = Mould(
            marks.question,
            look,
            texts,
            typed=own_numbers(marks.question, {m.name: m.answer for m in marks.matrices}),
            verdicts={m.name: _styles(m) for m in marks.matrices},
            comments=dict(_comments(marks, texts)),
        )
        question = marks.question
        written.append(
            write_whole(target / name, lambda file, m=mould, q=question: m.cast(q, file))  # type: ignore[misc]
        )
    return written


def made(folder: str | Path) -> Path:
    """Return a folder, made if it is not there."""
    target = Path(folder)
    try:
        target.mkdir(exist_ok=True)
    except OSError as error:
        raise OutputError(f"{target}: can't be made: {error.strerror}.") from None
    return target


def _file_name(marks: Marks, taken: Iterable[str]) -> str:
    """Return a safe name for a copy, unlike those that are taken."""
    student = marks.question.student
    stem = student.file if student else Path(marks.path).stem
    stem = re.sub(r"[^\w .-]", "-", stem)[:80].strip(". ") or "marked"
    name, number = f"{stem}{SUFFIX}", 1
    while name in taken:
        number += 1
        name = f"{stem}-{number}{SUFFIX}"
    return name


def _styles(marked: Marked) -> list[list[str]]:
    names = [STYLES.get(verdict, verdict) for verdict in VERDICTS]
    return [[names[code] for code in row] for row in marked.verdicts.tolist()]


def _comments(marks: Marks, words: Words) -> Iterable[tuple[tuple[str, int, int], str]]:
    """Yield what is said of each number that lost its marks, by its place."""
    decimals = marks.question.setup.decimals
    for marked in marks.matrices:
        for i, j in np.argwhere(~marked.earned).tolist():
            yield (marked.name, i, j), comment(marked, i, j, decimals, words)


def comment(marked: Marked, i: int, j: int, decimals: int, words: Words) -> str:
    """Return what is said of a number: what was expected, and which slip fits."""
    code = int(marked.verdicts[i, j])
    own, lines = float(marked.own[i, j]), []
    if code == NOT_A_NUMBER:
        lines.append(f"{words('verdicts.not a number')}: {marked.answer.texts[i, j][:60]}")
    if np.isnan(own):
        expected = float(marked.expected[i, j])
        lines.append(words("verdicts.expected_true", expected=f"{expected:.{decimals}f}"))
        lines.append(words("verdicts.missing"))
    else:
        lines.append(words("verdicts.expected", expected=f"{own:.{decimals}f}"))
    if code == SLIP:
        lines.append(words("verdicts.fits", slip=words(f"slips.{marked.slips[i][j]}")))
    return "\n".join(lines)
