"""Marks for people to read: in the terminal, as CSV, as JSON, and as a page to look at or print.

What is said is put together here; how the page looks stands in `templates/report.html`. Every text
of a student or a file is data: it never becomes markup or a formula. Knows marks; how they came
about, it does not know.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from cellprop.algebra import ONE
from cellprop.errors import InputError
from cellprop.files.safe import label, looks_like_formula
from cellprop.files.writing import write_whole
from cellprop.marking.carried_text import digest_of
from cellprop.marking.marks import Marked, Marks, Result, Unmarked
from cellprop.marking.question import Setup
from cellprop.marking.remarks import (
    MISSING,
    NOT_A_NUMBER,
    Remark,
    first,
    forgiven,
    is_blank,
    remarks,
)
from cellprop.marking.verdicts import VERDICTS
from cellprop.texts import captions
from cellprop.texts.formats import cut
from cellprop.texts.templates import template
from cellprop.texts.words import Words

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

SUFFIXES = (".csv", ".json", ".html")
# What a student's section, and the lists of a class, show at most.
MOST_LOST = 200
MOST_SLIPS = 12
# Of a name or a file's name, and of a label on the map.
LONGEST_NAME, LONGEST_LABEL = 80, 12
# The words for how many numbers have a verdict.
COUNTS = {verdict: f"report.counts.{verdict}" for verdict in VERDICTS}


def check_suffix(path: Path) -> str:
    """Return the suffix of a report's name: `.csv`, `.json` or `.html`.

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


def _handed_in_blank(result: Result) -> bool:
    return isinstance(result, Marks) and is_blank(result)


def counted(results: Sequence[Result]) -> list[Marks]:
    """Return the marks that say something about a class: not those of files left blank."""
    return [r for r in results if isinstance(r, Marks) and not is_blank(r)]


def shown(number: float) -> str:
    """Return marks as they are written: 7, 7.5."""
    return f"{number:.2f}".rstrip("0").rstrip(".")


def mean_of(marked: Sequence[Marks]) -> str:
    """Return the mean as it is written: of the marks, or where there are not equally many for
    everybody, of the shares earned.
    """
    if len({shown(marks.out_of) for marks in marked}) == 1:
        mean = math.fsum(marks.total for marks in marked) / len(marked)
        return f"{shown(mean)} / {shown(marked[0].out_of)}"
    shares = [_share(marks.total, marks.out_of) for marks in marked]
    return f"{round(100 * math.fsum(shares) / len(shares))} %" if shares else ""


def _mean(results: Sequence[Result], words: Words) -> str:
    """Return the mean of a class in words, with how many it leaves out; empty without any."""
    mean = mean_of(counted(results))
    blank = sum(map(_handed_in_blank, results))
    return words("report.mean_without", mean=mean, count=blank) if mean and blank else mean


def _share(marks: float, out_of: float) -> float:
    return marks / out_of if out_of else 1.0


def first_lost(result: Result, words: Words) -> str:
    """Return the first thing to look at."""
    return result.reason if isinstance(result, Unmarked) else first(result, words)


def _forgiven(marks: Marks, words: Words) -> list[str]:
    """Return a sentence for each slip that was paid for already."""
    return [
        words("report.forgiven", slip=words(f"slips.{key}"), count=count)
        for key, count in forgiven(marks).items()
    ]


# --- In the terminal ----------------------------------------------------------------------


def show(console: Console, results: Sequence[Result], words: Words) -> None:
    """Print marks: of one file step by step, of several a line each."""
    if len(results) == 1 and isinstance(results[0], Marks):
        _show_one(console, results[0], words)
        return
    table = _table(words, "report.student", "report.id", "report.marks", "report.first")
    for result in results:
        if _handed_in_blank(result):
            continue
        marks = words("report.unreadable")
        if isinstance(result, Marks):
            marks = f"{shown(result.total)} / {shown(result.out_of)}"
        row = (_named(result), _id_of(result), marks, first_lost(result, words))
        table.add_row(*map(_plain, row))
    console.print(table)
    for line in _about_class(results, words):
        console.print(_plain(line))


def _about_class(results: Sequence[Result], words: Words) -> Iterator[str]:
    """Yield lines on a class: who handed in nothing, what to look at, the mean, and slips."""
    for result in filter(_handed_in_blank, results):
        who = " ".join(filter(None, (_named(result), _id_of(result))))
        yield f"{words('report.handed_in_blank')}: {who} ({cut(_file_of(result), LONGEST_NAME)})"
    for result in results:
        if isinstance(result, Marks):
            for text in (*result.warnings, *result.notes):
                yield f"{_named(result)}: {text}"
    mean = _mean(results, words)
    if mean:
        yield f"{words('report.mean')}: {mean}"
    for slip in _slips(counted(results), words)[:MOST_SLIPS]:
        said = f"{slip['matrix']}: {slip['slip']}"
        yield f"{said} ({words('report.students_with')}: {slip['students']})"


def _named(result: Result) -> str:
    return cut(label(name_of(result)), LONGEST_NAME)


def _file_of(result: Result) -> str:
    return label(Path(result.path).name)


def _show_one(console: Console, marks: Marks, words: Words) -> None:
    table = _table(words, "report.step", "report.marks", "report.verdict", "report.first")
    firsts: dict[str, str] = {}
    for remark in remarks(marks):
        firsts.setdefault(remark.step, remark.sentence(words))
    for step in marks.question.program.steps:
        if step.label not in marks.by_step:
            continue
        title = captions.title(words, step)
        earned, out_of = marks.by_step[step.label]
        counts = Counter[str]()
        for matrix in marks.matrices:
            if matrix.step == step.label:
                counts.update(matrix.counts())
        said = ", ".join(f"{counts[v]} {words(key)}" for v, key in COUNTS.items() if counts[v])
        row = (f"{step.label} {title}", f"{shown(earned)} / {shown(out_of)}", said,
               firsts.get(step.label, ""))  # fmt: skip
        table.add_row(*map(_plain, row))
    console.print(table)
    for text in (*_forgiven(marks, words), *marks.warnings, *marks.notes):
        console.print(_plain(text))
    total = f"{shown(marks.total)} / {shown(marks.out_of)}"
    console.print(_plain(f"{_named(marks)}: {total}"))


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
    head = ["position", "id", "name", "file", "status", "marks", "out_of", "percent"]
    head += [*(f"step {step}" for step in steps), *VERDICTS, "first", "notes", "warnings"]
    target = io.StringIO()
    writer = csv.writer(target, lineterminator="\n")
    writer.writerow(head)
    for result in results:
        writer.writerow(map(_safe, _csv_row(result, steps, words)))
    return target.getvalue()


def _status(result: Result) -> str:
    """Return the word that CSV and JSON have for a file: `unreadable`, `blank` or `marked`."""
    if isinstance(result, Unmarked):
        return "unreadable"
    return "blank" if is_blank(result) else "marked"


def _csv_row(result: Result, steps: Sequence[str], words: Words) -> list[object]:
    if isinstance(result, Unmarked):
        blank = [""] * (3 + len(steps) + len(VERDICTS))
        return ["", "", "", result.path, _status(result), *blank, "", "", result.reason]
    student, out_of = result.question.student, result.out_of
    row: list[object] = ["", "", ""]
    if student:
        row = [student.position, student.id, student.name]
    row += [result.path, _status(result), _even(result.total), _even(out_of)]
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
        return {"file": result.path, "status": _status(result), "reason": result.reason}
    question = result.question
    student = question.student
    return {
        "file": result.path,
        "status": _status(result),
        "student": {"id": student.id, "name": student.name, "position": student.position}
        if student
        else None,
        "version": question.version,
        "digest": digest_of(question),
        "marks": result.total,
        "out_of": result.out_of,
        "steps": {s: {"marks": m, "out_of": o} for s, (m, o) in result.by_step.items()},
        "counts": result.counts,
        "slips": [
            {"matrix": name, "slip": key, "says": words(f"slips.{key}"), "cells": cells}
            for (name, key), cells in result.slips.items()
        ],
        "first": first_lost(result, words),
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
    marked = counted(results)
    groups = _by_setup(marked)
    sections = [_section(k, result, words) for k, result in enumerate(results, 1)]
    return page.render(
        words=words,
        students=[section for section in sections if not section["blank"]],
        blank=[section for section in sections if section["blank"]],
        count=len(results),
        mean=_mean(results, words),
        maps=[
            {
                "title": _map_title(setup, group, words) if len(groups) > 1 else "",
                "lanes": _heat_map(setup, group, words),
            }
            for setup, group in groups
        ],
        slips=_slips(marked, words)[:MOST_SLIPS],
    )


def _section(number: int, result: Result, words: Words) -> dict[str, Any]:
    """Return the texts and numbers of one file that the page's template takes, by name."""
    said: dict[str, Any] = {
        "number": number,
        "name": _named(result),
        "file": cut(_file_of(result), LONGEST_NAME),
        "first": label(first_lost(result, words)),
        "marked": isinstance(result, Marks),
        "blank": _handed_in_blank(result),
        "id": "",
        "warnings": (),
        "notes": (),
    }
    if isinstance(result, Unmarked):
        return said
    rows = remarks(result)
    return said | {
        "id": cut(label(_id_of(result)), LONGEST_NAME),
        "total": shown(result.total),
        "out_of": shown(result.out_of),
        "percent": round(100 * _share(result.total, result.out_of)),
        "steps": [_step(*item) for item in result.by_step.items()],
        "lost": [_row(remark, words) for remark in rows[:MOST_LOST]],
        "more": sum(remark.count for remark in rows[MOST_LOST:]),
        "forgiven": _forgiven(result, words),
        "warnings": [label(text) for text in result.warnings],
        "notes": [label(text) for text in result.notes],
    }


def _step(step: str, marks: tuple[float, float]) -> dict[str, Any]:
    """Return the texts of a step, by name: its marks, and a shade, 0 to 5, for those lost."""
    earned, out_of = marks
    return {
        "label": step,
        "earned": shown(earned),
        "out_of": shown(out_of),
        "shade": _heat(1 - _share(earned, out_of))["shade"],
    }


def _row(remark: Remark, words: Words) -> dict[str, Any]:
    """Return the texts of a row of the page, by name: a number that was lost, or several."""
    typed = remark.verdict == NOT_A_NUMBER and remark.answer
    return {
        "step": remark.steps,
        "where": remark.where(words),
        "answer": f"“{remark.answer}”" if typed else remark.answer or MISSING,
        "accepted": remark.accepted or MISSING,
        "true": remark.expected if remark.own and remark.own != remark.expected else "",
        "reason": remark.reason(words),
        "unknown": words(f"verdicts.unknown.{remark.unknown}") if remark.unknown else "",
    }


def _by_setup(marked: Sequence[Marks]) -> list[tuple[Setup, list[Marks]]]:
    """Return results by what was asked, most first."""
    found: dict[Setup, list[Marks]] = {}
    for marks in marked:
        found.setdefault(marks.question.setup, []).append(marks)
    return sorted(found.items(), key=lambda item: -len(item[1]))


def _map_title(setup: Setup, group: Sequence[Marks], words: Words) -> str:
    """Return the title by which the map of one set-up is told from that of another."""
    program = setup.program
    layers = program.forward.layers
    sizes = (program.input.columns.size, *(layer.size for layer in layers)) if layers else ()
    return words(
        "report.hardest_of",
        count=len(group),
        layers=" → ".join(map(str, sizes)) or program.name,
        steps=", ".join(setup.asked),
    )


def _heat_map(setup: Setup, group: Sequence[Marks], words: Words) -> list[dict[str, Any]]:
    """Return the lanes of a sheet with the share of students who lost a number's marks."""
    shares: Mapping[str, Any] = {
        name: np.mean([_matrix(marks, name).lost for marks in group], axis=0)
        for name in setup.answers
    }
    lanes = []
    for lane in setup.program.lanes:
        matrices = [
            {
                "name": matrix.name,
                "columns": _labels(matrix.columns.labels),
                "rows": [
                    {"label": text, "cells": [_heat(share) for share in row]}
                    for text, row in zip(
                        _labels(matrix.rows.labels) if matrix.rows is not ONE else [""],
                        shares[matrix.name].tolist(),
                        strict=True,
                    )
                ],
            }
            for matrix in lane.matrices
            if matrix.name in shares
        ]
        if matrices:
            title = captions.lane(words, lane.key, lane.layer, lane.title)
            lanes.append({"title": title, "matrices": matrices})
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
