"""Marks for people to read: in the terminal, as CSV, as JSON, and as a page to look at or print.

What is said is put together here; how the page looks stands in `templates/report.html`. Every text
of a student or a file is data: it never becomes markup or a formula.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from cellprop import captions
from cellprop.algebra import ONE
from cellprop.data import label, looks_like_formula
from cellprop.errors import InputError
from cellprop.files import write_whole
from cellprop.formats import cut
from cellprop.judging import SLIP, VERDICTS
from cellprop.layout import lay_out
from cellprop.marking import Marked, Marks, Result, Unmarked
from cellprop.question import Setup
from cellprop.templates import template
from cellprop.words import Words

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

SUFFIXES = (".csv", ".json", ".html")
# What a student's section, and the lists of a class, show at most.
MOST_LOST = 200
MOST_SLIPS = 12
# Of a text that was typed instead of a number, and of a label on the map.
LONGEST_ANSWER, LONGEST_LABEL = 40, 12
# A number from here on is written with a power of ten.
LARGE = 1e9
# The words for how many numbers have a verdict, in the order of `VERDICTS`.
COUNTS = (
    "report.counts.right", "report.counts.carried", "report.counts.rounded", "report.counts.slip",
    "report.counts.wrong", "report.counts.blank", "report.counts.not a number",
    "report.counts.not computed",
)  # fmt: skip
# Where there is no number.
MISSING = "–"


def check_suffix(path: Path) -> str:
    """Return how the name of a report ends.

    Raises
    ------
    InputError
        If it is none of the forms that there are.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise InputError(
            f"{label(path)}: expected a name that ends in {', '.join(SUFFIXES)}; choose one."
        )
    return suffix


def write(results: Sequence[Result], path: Path, words: Words) -> Path:
    """Write a report in the form that its name asks for, and return its path.

    Parameters
    ----------
    results
        Of every file, in the order in which they are to be listed.
    path
        `.csv`: a row for each; `.json`: everything; `.html`: a page.
    words
        The texts.

    Raises
    ------
    InputError
        If the name ends otherwise.
    OutputError
        If the file can't be written.
    """
    suffix = check_suffix(path)
    if suffix == ".csv":
        text = "\ufeff" + as_csv(results, words)  # the mark by which Excel knows UTF-8
    else:
        text = as_json(results, words) if suffix == ".json" else as_html(results, words)

    def write_text(file: IO[bytes]) -> None:
        # Half a surrogate pair, which UTF-8 has no bytes for, becomes its escape: valid JSON too.
        file.write(text.encode(errors="backslashreplace"))

    return write_whole(path, write_text)


# --- What is said of one ------------------------------------------------------------------


def name_of(result: Result) -> str:
    """Return whose result it is: the student's name, or that of the file."""
    if isinstance(result, Marks) and result.question.student:
        return result.question.student.name
    return Path(result.path).name


def _id_of(result: Result) -> str:
    student = result.question.student if isinstance(result, Marks) else None
    return student.id if student else ""


def shown(number: float) -> str:
    """Return marks as they are written: 7, 7.5."""
    return f"{number:.2f}".rstrip("0").rstrip(".")


def number_of(value: float | str, decimals: int) -> str:
    """Return an answer as it is written: with its decimals, if it has more than were asked for."""
    if isinstance(value, str):
        return cut(label(value), LONGEST_ANSWER)
    text = rounded(value, decimals)
    if text == MISSING or math.isclose(float(text), value, abs_tol=1e-15):
        return text
    return f"{value:.{decimals + 3}g}"


def rounded(value: float, decimals: int) -> str:
    """Return what was expected as it is written; never longer than a column is wide."""
    if math.isnan(value):
        return MISSING
    if abs(value) >= LARGE:
        return f"{value:.{decimals + 1}g}"
    return f"{value:z.{decimals}f}"


def mean_of(marked: Sequence[Marks]) -> str:
    """Return the mean as it is written: of the marks, or where there are not equally many for
    everybody, of the shares earned.
    """
    if len({shown(marks.out_of) for marks in marked}) == 1:
        mean = math.fsum(marks.total for marks in marked) / len(marked)
        return f"{shown(mean)} / {shown(marked[0].out_of)}"
    shares = [_share(marks.total, marks.out_of) for marks in marked]
    return f"{round(100 * math.fsum(shares) / len(shares))} %" if shares else ""


def _share(marks: float, out_of: float) -> float:
    return marks / out_of if out_of else 1.0


@dataclass(frozen=True)
class Lost:
    """A number that lost its marks.

    Attributes:
        step, matrix, row, column: Where it stands, counted from 1.
        answer, expected, own: As they are written.
        verdict: In a word or two.
        slip: What explains it, in words, or an empty text.
    """

    step: str
    matrix: str
    row: int
    column: int
    answer: str
    expected: str
    own: str
    verdict: str
    slip: str

    def sentence(self, words: Words) -> str:
        """Return what happened, in a line."""
        where = words("report.where", matrix=self.matrix, row=self.row, column=self.column)
        if self.answer == MISSING:
            return f"{where}: {self.verdict}"
        expected = self.expected if self.own == MISSING else self.own
        said = words("report.instead", where=where, answer=self.answer, expected=expected)
        return f"{said}: {self.slip or self.verdict}"


def lost(marks: Marks, words: Words) -> Iterator[Lost]:
    """Yield every number that lost its marks, in the order of computation."""
    decimals = marks.question.setup.decimals
    for marked in marks.matrices:
        for i, j in np.argwhere(~marked.earned).tolist():
            code = int(marked.verdicts[i, j])
            slip = words(f"slips.{marked.slips[i][j]}") if code == SLIP else ""
            answer = marked.answer.texts.get((i, j), float(marked.answer.values[i, j]))
            expected, own = float(marked.expected[i, j]), float(marked.own[i, j])
            yield Lost(
                marked.step, marked.name, i + 1, j + 1, number_of(answer, decimals),
                rounded(expected, decimals), rounded(own, decimals),
                words(f"verdicts.{VERDICTS[code]}"), slip,
            )  # fmt: skip


def first_lost(result: Result, words: Words) -> str:
    """Return the first thing to look at."""
    if isinstance(result, Unmarked):
        return result.reason
    first = next(lost(result, words), None)
    return first.sentence(words) if first else words("report.all_right")


# --- In the terminal ----------------------------------------------------------------------


def show(console: Console, results: Sequence[Result], words: Words) -> None:
    """Print marks: of one file step by step, of several a line each."""
    if len(results) == 1 and isinstance(results[0], Marks):
        _show_one(console, results[0], words)
        return
    table = _table(words, "report.student", "report.id", "report.marks", "report.first")
    for result in results:
        marks = words("report.unreadable")
        if isinstance(result, Marks):
            marks = f"{shown(result.total)} / {shown(result.out_of)}"
        row = (name_of(result), _id_of(result), marks, first_lost(result, words))
        table.add_row(*map(_plain, row))
    console.print(table)
    marked = [result for result in results if isinstance(result, Marks)]
    for result in marked:
        for text in (*result.warnings, *result.notes):
            console.print(_plain(f"{name_of(result)}: {text}"))
    if marked:
        console.print(_plain(f"{words('report.mean')}: {mean_of(marked)}"))
    for slip in _slips(marked, words)[:MOST_SLIPS]:
        said = f"{slip['matrix']}: {slip['slip']}"
        console.print(_plain(f"{said} ({words('report.students_with')}: {slip['students']})"))


def _show_one(console: Console, marks: Marks, words: Words) -> None:
    table = _table(words, "report.step", "report.marks", "report.verdict", "report.first")
    firsts: dict[str, str] = {}
    for found in lost(marks, words):
        firsts.setdefault(found.step, found.sentence(words))
    for step in marks.question.walk.steps:
        if step.label not in marks.by_step:
            continue
        title = captions.title(words, marks.question.trace, step)
        earned, out_of = marks.by_step[step.label]
        counts = Counter[str]()
        for matrix in marks.matrices:
            if matrix.step == step.label:
                counts.update(matrix.counts())
        each = zip(COUNTS, (counts[verdict] for verdict in VERDICTS), strict=True)
        said = ", ".join(f"{count} {words(key)}" for key, count in each if count)
        row = (f"{step.label} {title}", f"{shown(earned)} / {shown(out_of)}", said,
               firsts.get(step.label, ""))  # fmt: skip
        table.add_row(*map(_plain, row))
    console.print(table)
    for text in (*marks.warnings, *marks.notes):
        console.print(_plain(text))
    total = f"{shown(marks.total)} / {shown(marks.out_of)}"
    console.print(_plain(f"{name_of(marks)}: {total}"))


def _table(words: Words, *keys: str) -> Table:
    from rich.table import Table

    return Table(*(_plain(words(key)) for key in keys), box=None, pad_edge=False)


def _plain(text: str) -> str:
    """Return a text of a student or a file as a terminal only shows it."""
    from rich.markup import escape

    return escape(label(text))


# --- CSV and JSON -------------------------------------------------------------------------


def as_csv(results: Sequence[Result], words: Words) -> str:
    """Return a row for each file; what looks like a formula gets an apostrophe before it."""
    steps = list(dict.fromkeys(s for r in results if isinstance(r, Marks) for s in r.by_step))
    head = ["position", "id", "name", "file", "marks", "out_of", "percent"]
    head += [*(f"step {step}" for step in steps), *VERDICTS, "first", "notes", "warnings"]
    target = io.StringIO()
    writer = csv.writer(target, lineterminator="\n")
    writer.writerow(head)
    for result in results:
        writer.writerow(map(_safe, _csv_row(result, steps, words)))
    return target.getvalue()


def _csv_row(result: Result, steps: Sequence[str], words: Words) -> list[object]:
    if isinstance(result, Unmarked):
        blank = [""] * (3 + len(steps) + len(VERDICTS))
        return ["", "", "", result.path, *blank, "", "", result.reason]
    student, out_of = result.question.student, result.out_of
    row: list[object] = ["", "", ""]
    if student:
        row = [student.position, student.id, student.name]
    row += [result.path, _even(result.total), _even(out_of)]
    row.append(round(100 * result.total / out_of, 2) if out_of else "")
    row += [_even(result.by_step[s][0]) if s in result.by_step else "" for s in steps]
    row += list(result.counts.values())
    row += [first_lost(result, words), " ".join(result.notes), " ".join(result.warnings)]
    return row


def _even(marks: float) -> float:
    """Return marks without what adding up ninths has left: 4.0, not 3.9999999999999996."""
    return round(marks, 9)


def _safe(cell: object) -> object:
    """Return a cell that no spreadsheet takes for a formula."""
    if not isinstance(cell, str):
        return cell
    text = label(cell)
    return f"'{text}" if looks_like_formula(text.lstrip()) else text


def as_json(results: Sequence[Result], words: Words) -> str:
    """Return everything that there is to say, as JSON."""
    found = [_as_data(result, words) for result in results]
    return json.dumps(found, ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def _as_data(result: Result, words: Words) -> dict[str, Any]:
    if isinstance(result, Unmarked):
        return {"file": result.path, "reason": result.reason}
    question = result.question
    student = question.student
    return {
        "file": result.path,
        "student": {"id": student.id, "name": student.name, "position": student.position}
        if student
        else None,
        "version": question.version,
        "digest": question.digest,
        "marks": result.total,
        "out_of": result.out_of,
        "steps": {s: {"marks": m, "out_of": o} for s, (m, o) in result.by_step.items()},
        "counts": result.counts,
        "slips": [
            {"matrix": name, "slip": key, "says": words(f"slips.{key}"), "cells": cells}
            for (name, key), cells in result.slips.items()
        ],
        "notes": result.notes,
        "warnings": result.warnings,
        "cells": [{k: _finite(v) for k, v in row.items()} for row in result.rows()],
    }


def _finite(value: object) -> object:
    return None if isinstance(value, float) and not math.isfinite(value) else value


# --- The page -----------------------------------------------------------------------------


def as_html(results: Sequence[Result], words: Words) -> str:
    """Return a page that needs nothing else: the class, then a section for each student."""
    from jinja2 import Environment, StrictUndefined

    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    page = environment.from_string(template("report.html").read_text(encoding="utf-8"))
    marked = [result for result in results if isinstance(result, Marks)]
    steps = list(dict.fromkeys(step for result in marked for step in result.by_step))
    groups = _by_setup(marked)
    return page.render(
        words=words,
        students=[_section(k, result, steps, words) for k, result in enumerate(results, 1)],
        steps=steps,
        count=len(results),
        mean=mean_of(marked),
        maps=[
            {
                "title": _map_title(setup, group, words) if len(groups) > 1 else "",
                "lanes": _heat_map(setup, group, words),
            }
            for setup, group in groups
        ],
        slips=_slips(marked, words)[:MOST_SLIPS],
    )


def _section(number: int, result: Result, steps: Sequence[str], words: Words) -> dict[str, Any]:
    """Return what the page says of one file."""
    said: dict[str, Any] = {
        "number": number,
        "name": label(name_of(result)),
        "file": label(Path(result.path).name),
        "first": label(first_lost(result, words)),
        "marked": isinstance(result, Marks),
        "id": "",
        "warnings": (),
        "notes": (),
    }
    if isinstance(result, Unmarked):
        return said
    rows = list(lost(result, words))
    return said | {
        "id": label(_id_of(result)),
        "total": shown(result.total),
        "out_of": shown(result.out_of),
        "percent": round(100 * _share(result.total, result.out_of)),
        "steps": [
            tuple(map(shown, result.by_step[step])) if step in result.by_step else None
            for step in steps
        ],
        "lost": rows[:MOST_LOST],
        "more": max(0, len(rows) - MOST_LOST),
        "warnings": [label(text) for text in result.warnings],
        "notes": [label(text) for text in result.notes],
    }


def _by_setup(marked: Sequence[Marks]) -> list[tuple[Setup, list[Marks]]]:
    """Return results by what was asked, most first."""
    found: dict[Setup, list[Marks]] = {}
    for marks in marked:
        found.setdefault(marks.question.setup, []).append(marks)
    return sorted(found.items(), key=lambda item: -len(item[1]))


def _map_title(setup: Setup, group: Sequence[Marks], words: Words) -> str:
    """Return what tells the map of one set-up from that of another."""
    return words(
        "report.hardest_of",
        count=len(group),
        layers=" → ".join(map(str, setup.network.sizes)),
        steps=", ".join(setup.asked),
    )


def _heat_map(setup: Setup, group: Sequence[Marks], words: Words) -> list[dict[str, Any]]:
    """Return the lanes of a sheet with the share of students who lost a number's marks."""
    shares: Mapping[str, Any] = {
        name: np.mean([~_matrix(marks, name).earned for marks in group], axis=0)
        for name in setup.answers
    }
    lanes = []
    for lane in lay_out(setup.walk).lanes:
        matrices = [
            {
                "name": place.matrix.name,
                "columns": _labels(place.matrix.columns.labels),
                "rows": [
                    {"label": text, "cells": [_heat(share) for share in row]}
                    for text, row in zip(
                        _labels(place.matrix.rows.labels) if place.matrix.rows is not ONE else [""],
                        shares[place.matrix.name].tolist(),
                        strict=True,
                    )
                ],
            }
            for place in lane.places
            if place.matrix.name in shares
        ]
        if matrices:
            layer = f" {lane.layer}" if lane.layer else ""
            lanes.append({"title": words(f"lanes.{lane.key}", layer=layer), "matrices": matrices})
    return lanes


def _matrix(marks: Marks, name: str) -> Marked:
    return next(matrix for matrix in marks.matrices if matrix.name == name)


def _labels(labels: Sequence[str]) -> list[str]:
    return [cut(text, LONGEST_LABEL) for text in labels]


def _heat(share: float) -> dict[str, Any]:
    """Return a cell of the map: its share, and a shade that its text can be read on."""
    strength = round(share * 5)
    return {"percent": round(100 * share), "shade": strength}


def _slips(marked: Sequence[Marks], words: Words) -> list[dict[str, Any]]:
    """Return slips by how many students made them, most first."""
    students, cells = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    for marks in marked:
        for where, count in marks.slips.items():
            students[where] += 1
            cells[where] += count
    order = sorted(students, key=lambda where: (-students[where], -cells[where], where))
    return [
        {
            "matrix": where[0],
            "slip": words(f"slips.{where[1]}"),
            "students": students[where],
            "cells": cells[where],
        }
        for where in order
    ]
