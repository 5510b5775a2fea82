"""A class of 200: writing an exercise for each student, then marking all with a page as report.

Against the same done with plain openpyxl: the blank workbook loaded once, the student's weights and
name typed in and saved for each; then each file loaded, its answers read, and marked by the same
marker. openpyxl stores no values, links nothing anew and explains nothing, so it does less.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from functools import lru_cache
from pathlib import Path

import numpy as np
from measuring import judged, ratio, spread, taking_turns
from openpyxl import load_workbook

import cellprop
from cellprop.algebra import value
from cellprop.exercise import check_all, write, write_class
from cellprop.faces import report
from cellprop.faces.layout import lay_out
from cellprop.files.roster import Student
from cellprop.marking.marks import mark
from cellprop.marking.question import Question, ask, for_student
from cellprop.marking.verdicts import Answer
from cellprop.texts.words import load

TARGET = 3.0


def typed(question: Question) -> dict[str, np.ndarray]:
    """Return a perfect student's numbers."""
    own, found = dict(question.given), {}
    for matrix in question.program.matrices:
        if matrix.definition is not None:
            own[matrix.name] = np.round(value(matrix.definition, own), question.setup.decimals)
            found[matrix.name] = own[matrix.name]
    return found


@lru_cache(maxsize=1)
def places(question: Question) -> dict[str, tuple[str, list[list[str]]]]:
    """Return the sheet and the addresses of every matrix."""
    found = lay_out(question.program).places
    return {
        m.name: (f"Step {step.label}", found[m.name].addresses())
        for step in question.program.steps
        for m in step.brings
    }


class Class:
    """A class, its folders, and both ways to serve it."""

    def __init__(self, folder: Path, count: int) -> None:
        self.folder, self.question = folder, ask(cellprop.article().update)
        self.students = [
            Student(f"{1000 + k}", f"Student {k}", k, f"student-{k}") for k in range(1, count + 1)
        ]
        self.blank = write(self.question, folder / "blank.xlsx")
        for name in ("ours", "theirs", "in"):
            (folder / name).mkdir()

    def hand_in(self) -> None:
        """Fill in every workbook, as Excel would save it: from one that openpyxl wrote."""
        for student in self.students:
            own = for_student(self.question, student, 1)
            book = load_workbook(self.folder / "ours" / f"{student.file}.xlsx")
            for name, numbers in typed(own).items():
                sheet, addresses = places(self.question)[name]
                for row, line in zip(addresses, numbers.tolist(), strict=True):
                    for address, number in zip(row, line, strict=True):
                        book[sheet][address] = number
            book.save(self.folder / "in" / f"{student.file}.xlsx")

    def write_ours(self) -> None:
        ours, key = self.folder / "ours", self.folder / "key.xlsx"
        write_class(self.question, self.students, ours, key=key, seed=1, force=True)

    def write_theirs(self) -> None:
        for student in self.students:
            own = for_student(self.question, student, 1)
            book = load_workbook(self.blank)
            book["Contents"]["A2"] = student.name
            for name in own.setup.network.shapes:
                sheet, addresses = places(self.question)[name]
                for row, line in zip(addresses, own.given[name].tolist(), strict=True):
                    for address, number in zip(row, line, strict=True):
                        book[sheet][address] = number
            book.save(self.folder / "theirs" / f"{student.file}.xlsx")

    def mark_ours(self) -> None:
        results = check_all([self.folder / "in"])
        assert all(result.total == result.out_of for result in results)
        report.write(results, self.folder / "ours.html", load())

    def mark_theirs(self) -> None:
        results = []
        for student in self.students:
            book = load_workbook(self.folder / "in" / f"{student.file}.xlsx", data_only=True)
            answers = {}
            for name in self.question.setup.answers:
                sheet, addresses = places(self.question)[name]
                rows = [[book[sheet][address].value for address in row] for row in addresses]
                answers[name] = Answer(np.array(rows, float))
            results.append(mark(for_student(self.question, student, 1), answers))
        report.write(results, self.folder / "theirs.html", load())


def main() -> None:
    """Print how many times faster than openpyxl a class is served."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--students", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp())
    try:
        served = Class(folder, options.students)
        served.write_ours()
        served.hand_in()
        contenders = {
            "write": served.write_ours,
            "openpyxl write": served.write_theirs,
            "mark": served.mark_ours,
            "openpyxl mark": served.mark_theirs,
        }
        times = taking_turns(contenders, options.rounds, warm=False)
    finally:
        shutil.rmtree(folder)
    for what in ("write", "mark"):
        found = ratio(times, f"openpyxl {what}", what)
        each = spread([seconds / options.students for seconds in times[what]])
        print(f"{what}: {each.text('.1f', 1000)} ms a student; openpyxl takes {found.text()} times")
    pairs = [("write", "mark"), ("openpyxl write", "openpyxl mark")]
    both = [[a + b for a, b in zip(times[x], times[y], strict=True)] for x, y in pairs]
    whole = spread([b / a for a, b in zip(*both, strict=True)])
    print(
        f"in all: openpyxl takes {whole.text()} times; {judged(whole.median, TARGET, most=False)}"
    )


if __name__ == "__main__":
    main()
