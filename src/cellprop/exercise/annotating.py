"""A copy of a marked workbook: the marks, verdicts as colours and signs, and comments on what lost
its marks.

The copy is made anew from the question and what was handed in for numbers, so nothing else of a
student's file gets into it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from cellprop.errors import OutputError
from cellprop.exercise.book import Correction
from cellprop.exercise.writing import Mould
from cellprop.faces.workbook.theme import Theme
from cellprop.faces.workbook.theme import load as load_theme
from cellprop.files.safe import label
from cellprop.files.writing import write_whole
from cellprop.marking.marks import Marked, Marks, own_numbers
from cellprop.marking.remarks import (
    NOT_A_NUMBER,
    NOT_COMPUTED,
    Remark,
    first,
    is_forgiven,
    remarks_by_matrix,
)
from cellprop.marking.verdicts import VERDICTS
from cellprop.texts.formats import cut
from cellprop.texts.words import Words
from cellprop.texts.words import load as load_words

SUFFIX = ".xlsx"
# Of a text in the cell of a number; its comment has more of it.
LONGEST_TEXT = 12


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
        name = _file_name(marks, {path.name.lower() for path in written})
        mould = Mould(
            marks.question,
            look,
            texts,
            typed=own_numbers(marks.question, {m.name: m.answer for m in marks.matrices}),
            correction=_correction(marks, texts),
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
    """Return a safe name for a copy, unlike those that are taken (in small letters, since some
    systems know no others).
    """
    student = marks.question.student
    stem = student.file if student else Path(marks.path).stem
    stem = re.sub(r"[^\w .-]", "-", stem)[:80].strip(". ") or "marked"
    name, number = f"{stem}{SUFFIX}", 1
    while name.lower() in taken:
        number += 1
        name = f"{stem}-{number}{SUFFIX}"
    return name


def _correction(marks: Marks, words: Words) -> Correction:
    return Correction(
        looks={marked.name: _looks(marked) for marked in marks.matrices},
        texts={
            (marked.name, i, j): cut(label(text), LONGEST_TEXT)
            for marked in marks.matrices
            for (i, j), text in marked.answer.texts.items()
            if VERDICTS[marked.verdicts[i, j]] == NOT_A_NUMBER
        },
        total=round(marks.total, 2),
        out_of=round(marks.out_of, 2),
        by_step={step: (round(m, 2), round(o, 2)) for step, (m, o) in marks.by_step.items()},
        first=first(marks, words),
    )


def _looks(marked: Marked) -> list[list[str]]:
    """Return for each number of a matrix, row by row, the key of its look in `LOOKS`."""
    names = np.array(VERDICTS, dtype=object)[marked.verdicts]
    found: list[list[str]] = np.where(is_forgiven(marked), "forgiven", names).tolist()
    return found


# --- Comments -----------------------------------------------------------------------------


def _comments(marks: Marks, words: Words) -> Iterator[tuple[tuple[str, int, int], str]]:
    """Yield comments by the place they stand at: one on each number that lost its marks, and one
    for all of a matrix of which the same is to be said.
    """
    for remark in remarks_by_matrix(marks):
        yield (remark.matrix, remark.row - 1, remark.column - 1), comment(remark, words)
    for marked in marks.matrices:
        for (i, j), count, lines in _of_several(marked, words):
            if count > 1:
                lines[0] = words("verdicts.several", verdict=lines[0], count=count)
            yield (marked.name, i, j), "\n".join(lines)


def comment(remark: Remark, words: Words) -> str:
    """Return the text of a comment on a number that lost its marks: what is accepted, and which
    slip fits; of several that lack, how many.
    """
    said = words(f"verdicts.{remark.verdict}")
    if remark.verdict == NOT_A_NUMBER:
        said = f"“{remark.answer}”: {said}"
    elif remark.answer:
        said = words("verdicts.yours", answer=remark.answer)
    if remark.count > 1:
        return words("verdicts.several", verdict=said, count=remark.count)
    key = "verdicts.expected" if remark.own else "verdicts.expected_true"
    lines = [said, words(key, expected=remark.accepted)]
    if remark.unknown:
        lines.append(words(f"verdicts.unknown.{remark.unknown}"))
    if remark.slip:
        lines.append(words("verdicts.fits", slip=words(f"slips.{remark.slip}")))
    return "\n".join(lines)


def _of_several(marked: Marked, words: Words) -> Iterator[tuple[tuple[int, int], int, list[str]]]:
    """Yield for numbers of which the same is said, though they lost nothing: the first one's row
    and column from 0, how many they are, and the lines of a comment.
    """
    places: dict[tuple[str, str], list[tuple[int, int]]] = {}
    for i, row in enumerate(_looks(marked)):
        for j, look in enumerate(row):
            if look in ("forgiven", NOT_COMPUTED):
                places.setdefault((look, marked.slips[i][j]), []).append((i, j))
    for (look, slip), found in places.items():
        lines = [words(f"verdicts.{look}")]
        if slip:
            lines.append(words("verdicts.fits", slip=words(f"slips.{slip}")))
        yield found[0], len(found), lines
