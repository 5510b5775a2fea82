"""How the files in `fixtures/0.3.0` were made: exercises handed out and filled in with 0.3.0.

They are what "exercises handed out today are marked rightly by later versions" is tested with, so
they are never made anew: run with the source of 0.3.0 it writes them again, with a later one it
writes what that one hands out. Beside each file stands what it is worth in `expected.json`: for
each matrix the numbers that earn their marks, and what was expected.

    PYTHONPATH=src python tests/make_fixtures.py FOLDER
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
from openpyxl import load_workbook

import cellprop
from cellprop.exercise import write, write_class
from cellprop.faces.layout import lay_out
from cellprop.files.roster import Student
from cellprop.marking.carried_text import digest_of
from cellprop.marking.question import Question, ask, for_student
from students import numbers_of

STUDENTS = (Student("007", "Ada Lovelace", 1, "ada-lovelace-007"), Student("8", "Bob", 2, "bob-8"))
SEED = 3


def deep() -> cellprop.Trace:
    """Two hidden layers, Adam, softmax and cross-entropy."""
    random = np.random.default_rng(5)
    X = random.uniform(-1.5, 1.5, (4, 2)).round(2)
    y = np.eye(3)[[0, 2, 1, 0]]
    network = cellprop.Network(
        [2, 3, 2, 3], activation=["tanh", "relu"], output_activation="softmax",
        loss="cross_entropy",
    )  # fmt: skip
    first = {n: random.uniform(-1.5, 1.5, s).round(2) for n, s in network.shapes.items()}
    return cellprop.trace(
        network, X, y, parameters=first, optimizer="adam", average=True, scale="standard",
        learning_rate=0.1,
    )  # fmt: skip


def slipped(question: Question) -> dict[str, np.ndarray]:
    """Numbers of a student who added 1 to a number of the first matrix, and left one blank."""
    first, *_, last = question.setup.answers

    def slip(_: dict, right: np.ndarray) -> np.ndarray:
        return right + (np.arange(right.size).reshape(right.shape) == 0)

    typed = numbers_of(question, slip, first, question.setup.decimals)
    typed[last][-1, -1] = np.nan
    return typed


def fill(path: Path, question: Question) -> None:
    """Type the numbers into a workbook."""
    places, book = lay_out(question.program).places, load_workbook(path)
    home = {m.name: f"Step {step.label}" for step in question.program.steps for m in step.brings}
    for name, numbers in slipped(question).items():
        for row, values in zip(places[name].addresses(), numbers.tolist(), strict=True):
            for address, value in zip(row, values, strict=True):
                if value == value:
                    book[home[name]][address] = value
    book.save(path)


def worth(path: Path) -> dict:
    """Return what a workbook earns, matrix by matrix."""
    marks = cellprop.check(path)
    return {
        "digest": digest_of(marks.question),
        "total": marks.total,
        "out_of": marks.out_of,
        "earned": {m.name: m.earned.astype(int).tolist() for m in marks.matrices},
        "expected": {m.name: np.round(m.expected, 9).tolist() for m in marks.matrices},
    }


def make(folder: Path) -> None:
    """Write all files into a folder."""
    article = ask(cellprop.article().update)
    write(article, folder / "article-blank.xlsx")
    made = {
        "article": article,
        "hints": ask(
            cellprop.article().update, steps="2-4", decimals=2, hints=True, points={"2": 4.5}
        ),
        "deep": ask(deep().update, steps="2-11", decimals=4),
    }
    for name, question in made.items():
        write(question, folder / f"{name}.xlsx")
        fill(folder / f"{name}.xlsx", question)
    steps = ask(cellprop.article().update, steps="2-9")
    write_class(steps, STUDENTS, folder / "class", key=folder / "class-key.xlsx", seed=SEED)
    for student in STUDENTS:
        fill(folder / "class" / f"{student.file}.xlsx", for_student(steps, student, SEED))
    expected = {
        str(path.relative_to(folder)): worth(path)
        for path in sorted(folder.rglob("*.xlsx"))
        if "key" not in path.name
    }
    lines = (f"{json.dumps(name)}: {json.dumps(found)}" for name, found in expected.items())
    (folder / "expected.json").write_text("{" + ",\n".join(lines) + "}\n")


if __name__ == "__main__":
    make(Path(sys.argv[1]))
