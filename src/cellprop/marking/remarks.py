"""What there is to say of numbers that lost their marks: said once, wherever it is read.

A number has a remark; what is blank, or the same text throughout, has one for a whole matrix or for
several steps. Knows marks and words; knows nothing of pages, terminals or comments.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

import numpy as np

from cellprop.files.safe import label
from cellprop.marking.marks import Marked, Marks, own_numbers
from cellprop.marking.verdicts import VERDICTS, Answer, Mask
from cellprop.texts.formats import cut
from cellprop.texts.words import Words

SLIP, BLANK, NOT_A_NUMBER, NOT_COMPUTED = "slip", "blank", "not a number", "not computed"
# What is said once for all numbers of which it is true.
ABSENT = (BLANK, NOT_A_NUMBER)
# Of a text that was typed instead of a number.
LONGEST_ANSWER = 40
# A number from here on is written with a power of ten.
LARGE = 1e9
# To so many decimals numbers are no longer rounded, but as exact as they can be.
EXACT = 12
# Where there is no number.
MISSING = "–"

Extent = Literal["number", "some", "matrix", "steps"]


@dataclass(frozen=True)
class Remark:
    """What happened to a number, or to several that lack for the same reason.

    Attributes:
        step, matrix, row, column: Where it stands, or the first of them; counted from 1.
        verdict: One of `VERDICTS`.
        answer: What was handed in, as it is written; empty for a blank.
        own: What follows from the student's own numbers and is accepted, as it is written; empty
            where that can't be said.
        expected: What is right and accepted, as it is written.
        slip: The key of the slip that explains it, or an empty text.
        unknown: Why `own` can't be said: the verdict on a number that it needs, or `beyond` all
            measure; else an empty text.
        count: Of how many numbers this is said.
        extent: What they are: a number, some of a matrix, all of it, all of one or more steps.
        last: The last of these steps.
    """

    step: str
    matrix: str
    row: int
    column: int
    verdict: str
    answer: str
    own: str = ""
    expected: str = ""
    slip: str = ""
    unknown: str = ""
    count: int = 1
    extent: Extent = "number"
    last: str = ""

    @property
    def accepted(self) -> str:
        """What is accepted, from the student's own numbers where that can be said."""
        return self.own or self.expected

    @property
    def steps(self) -> str:
        """The label of the step, or of the first and the last."""
        return self.step if self.last in ("", self.step) else f"{self.step}\N{EN DASH}{self.last}"

    def where(self, words: Words) -> str:
        """Return in words which numbers are meant."""
        if self.count == 1:
            return words("report.where", matrix=self.matrix, row=self.row, column=self.column)
        if self.extent != "steps":
            return self.matrix
        if self.steps == self.step:
            return words("report.where_step", step=self.step)
        return words("report.where_steps", step=self.step, last=self.last)

    def reason(self, words: Words) -> str:
        """Return the verdict in a few words, or the slip that explains it."""
        if self.slip:
            return words(f"slips.{self.slip}")
        verdict = words(f"verdicts.{self.verdict}")
        if self.count == 1:
            return verdict
        return words("report.each", verdict=verdict, count=self.count)

    def sentence(self, words: Words) -> str:
        """Return the line of text that says what happened."""
        where = self.where(words)
        if self.verdict not in ABSENT:
            said = words("report.instead", where=where, answer=self.answer, expected=self.accepted)
            return f"{said}: {self.reason(words)}"
        filled = {"where": where, "count": self.count}
        if self.verdict == BLANK:
            return words(f"report.blank.{self._many}", **filled)
        key = "one" if self.count == 1 else "many"
        return words(f"report.text.{key}", answer=self.answer, expected=self.accepted, **filled)

    @property
    def _many(self) -> str:
        """The key of how it is said that one or several are blank."""
        if self.count == 1:
            return "one"
        return "several" if self.steps != self.step else self.extent


# --- What there is to say -----------------------------------------------------------------


def is_blank(marks: Marks) -> bool:
    """Whether nothing at all was filled in."""
    return all(count == 0 for verdict, count in marks.counts.items() if verdict != BLANK)


@lru_cache(maxsize=1)  # what comes first and what is listed are asked one after the other
def remarks(marks: Marks) -> tuple[Remark, ...]:
    """Return the remarks in the order of computation: on steps that are blank (or the same text)
    throughout one for all, else on such matrices, else on each number that lost its marks.
    """
    by_step: dict[str, list[Marked]] = {}
    for marked in marks.matrices:
        by_step.setdefault(marked.step, []).append(marked)
    own, found = _Own(marks), list[Remark]()
    open_run = False
    for matrices in by_step.values():
        each = [remark for marked in matrices for remark in _of_matrix(marked, own)]
        whole = _whole_step(matrices, each)
        if whole is None:
            found += each
        elif open_run and _alike(found[-1], whole):
            run = found[-1]
            found[-1] = replace(run, last=whole.step, count=run.count + whole.count)
        else:
            found.append(whole)
        open_run = whole is not None
    return tuple(found)


def remarks_by_matrix(marks: Marks) -> Iterator[Remark]:
    """Yield the remarks on each matrix by itself, in the order of computation."""
    own = _Own(marks)
    for marked in marks.matrices:
        yield from _of_matrix(marked, own)


def forgiven(marks: Marks) -> dict[str, int]:
    """Return by the key of each slip how many numbers it explains for which another one paid."""
    found: dict[str, int] = {}
    for marked in marks.matrices:
        for i, j in np.argwhere(is_forgiven(marked)).tolist():
            key = marked.slips[i][j]
            found[key] = found.get(key, 0) + 1
    return found


def is_forgiven(marked: Marked) -> Mask:
    """Return a mask of where a slip was made, and paid for by another number."""
    return marked.earned & _having(marked, SLIP)


def first(marks: Marks, words: Words) -> str:
    """Return a sentence on the first thing to look at: the first mistake, or else from where on it
    is blank.
    """
    found = remarks(marks)
    if not found:
        return words("report.all_right")
    for remark in found:
        if remark.verdict != BLANK:
            return remark.sentence(words)
    end, steps = found[-1], list(marks.by_step)
    if end.extent == "steps" and (end.last or end.step) == steps[-1]:
        if end.step == steps[0]:
            return words("report.blank.all")
        return words("report.blank.rest", step=end.step)
    return found[0].sentence(words)


def _of_matrix(marked: Marked, own: _Own) -> Iterator[Remark]:
    """Yield a remark for each number, and one for all that lack for the same reason."""
    alike: dict[tuple[object, ...], list[tuple[int, int]]] = {}
    for i, j in np.argwhere(marked.lost).tolist():
        verdict = VERDICTS[marked.verdicts[i, j]]
        text = marked.answer.texts.get((i, j), "")
        key: tuple[object, ...] = (verdict, text) if verdict in ABSENT else (i, j)
        alike.setdefault(key, []).append((i, j))
    for places in alike.values():
        count, (i, j) = len(places), places[0]
        remark = _of_place(marked, i, j, own.decimals)
        if count == 1:
            yield _with_accepted(remark, marked, i, j, own)
        else:
            yield replace(
                remark, count=count, extent="matrix" if count == marked.verdicts.size else "some"
            )


def _of_place(marked: Marked, i: int, j: int, decimals: int) -> Remark:
    """Return a remark that says what was handed in at a place, counted from 0, and its verdict."""
    verdict = VERDICTS[marked.verdicts[i, j]]
    text = marked.answer.texts.get((i, j))
    number = float(marked.answer.values[i, j])
    answer = "" if verdict == BLANK else number_of(number if text is None else text, decimals)
    return Remark(marked.step, marked.name, i + 1, j + 1, verdict, answer)


def _with_accepted(remark: Remark, marked: Marked, i: int, j: int, own: _Own) -> Remark:
    """Return the remark on a number with what is accepted, and which slip explains it."""
    follows, decimals = float(marked.own[i, j]), own.decimals
    known = math.isfinite(follows)
    return replace(
        remark,
        own=accepted(follows, decimals) if known else "",
        expected=accepted(float(marked.expected[i, j]), decimals),
        slip=marked.slips[i][j] if remark.verdict == SLIP else "",
        unknown="" if known else own.unknown(marked.name, i, j),
    )


def _whole_step(matrices: list[Marked], each: list[Remark]) -> Remark | None:
    """Return one remark for a step whose numbers all lack for the same reason, if they do."""
    size = sum(marked.verdicts.size for marked in matrices)
    if not each or each[0].verdict not in ABSENT:
        return None
    if sum(remark.count for remark in each if _alike(each[0], remark)) != size:
        return None
    whole = replace(each[0], count=size, extent="steps", last=each[0].step)
    return whole if size == 1 else replace(whole, own="", expected="", unknown="")


def _alike(one: Remark, other: Remark) -> bool:
    return (one.verdict, one.answer) == (other.verdict, other.answer)


class _Own:
    """Why it can't be said what follows from a student's own numbers, where it can't."""

    def __init__(self, marks: Marks) -> None:
        self.marks, self.decimals = marks, marks.question.setup.decimals
        counts = marks.counts
        self._occurring = [v for v in (NOT_A_NUMBER, NOT_COMPUTED, BLANK) if counts.get(v)]
        self._lacking: dict[tuple[str, str], Mask] = {}

    def unknown(self, matrix: str, i: int, j: int) -> str:
        """Return the verdict on a number that is read and lacks, or else `beyond`: own numbers go
        beyond all measure.
        """
        for verdict in self._occurring:
            key = (verdict, matrix)
            if key not in self._lacking:
                self._lacking[key] = self._without(verdict, matrix)
            if self._lacking[key][i, j]:
                return verdict
        return "beyond"

    def _without(self, verdict: str, matrix: str) -> Mask:
        """Return a mask of the numbers of a matrix that read, however indirectly, one with a
        verdict.
        """
        answers = {
            marked.name: Answer(np.where(_having(marked, verdict), np.nan, marked.expected))
            for marked in self.marks.matrices
            if marked.name != matrix
        }
        found: Mask = np.isnan(own_numbers(self.marks.question, answers)[matrix])
        return found


def _having(marked: Marked, verdict: str) -> Mask:
    """Return a mask of where a matrix has a verdict."""
    code = next((code for code, name in enumerate(VERDICTS) if name == verdict), -1)
    found: Mask = marked.verdicts == code
    return found


# --- Numbers as they are written ----------------------------------------------------------


def number_of(value: float | str, decimals: int) -> str:
    """Return an answer as it is written: with its decimals, if it has more than were asked for."""
    if isinstance(value, str):
        return cut(label(value), LONGEST_ANSWER)
    text = rounded(value, decimals)
    if text == MISSING or math.isclose(float(text), value, abs_tol=1e-15):
        return text
    return f"{value:.{decimals + 3}g}"


def rounded(value: float, decimals: int) -> str:
    """Return a number as it is written; never longer than a column is wide."""
    if math.isnan(value):
        return MISSING
    if abs(value) >= LARGE:
        return f"{value:.{decimals + 1}g}"
    return f"{value:z.{decimals}f}"


def accepted(value: float, decimals: int) -> str:
    """Return a number with how far from it an answer may lie.

    >>> accepted(1.23401, 3), accepted(1.23449, 3), accepted(12.0, 0)
    ('1.2340 ± 0.0005', '1.23449 ± 0.0005', '12.0 ± 0.5')
    """
    if decimals >= EXACT or math.isnan(value) or abs(value) >= LARGE:
        return rounded(value, decimals)
    half = f"{0.5 * 10.0**-decimals:.{decimals + 1}f}"
    return f"{_between(value, decimals)} ± {half}"


def _between(value: float, decimals: int) -> str:
    """Return a number with a decimal more than asked for, or as many as show to which side of the
    middle between two answers it lies.
    """
    text = ""
    for more in range(1, 6):
        text = f"{value:z.{decimals + more}f}"
        in_the_middle = text.partition(".")[2][decimals:].rstrip("0") == "5"
        if not in_the_middle or float(text) == value:
            break
    return text
