"""Exercises, and students who fill them in with openpyxl."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from openpyxl import Workbook, load_workbook

import cellprop
from cellprop import question as questions
from cellprop.algebra import formulas
from cellprop.exercise import write
from cellprop.exercise.carried import question_in
from cellprop.layout import lay_out
from cellprop.question import Question
from students import numbers_of

ARTICLE = cellprop.article()


def asked(**options) -> Question:
    """The article's network as a question."""
    return questions.ask(ARTICLE, **options)


def blank(folder: Path, question: Question, name: str = "blank.xlsx") -> Path:
    """A workbook to fill in."""
    return write(question, folder / name)


def carried(path: Path) -> Question:
    """The question that a workbook carries, as openpyxl reads its properties."""
    book = load_workbook(path)
    return question_in({entry.name: entry.value for entry in book.custom_doc_props.props})


def cells_of(question: Question) -> dict[str, tuple[str, list[list[str]]]]:
    """The sheet and the addresses of every matrix to calculate."""
    places = lay_out(question.walk).places
    home = {m.name: f"Step {step.label}" for step in question.walk.steps for m in step.matrices}
    return {n: (home[n], places[n].addresses()) for n in question.setup.answers}


def fill(
    path: Path,
    target: Path,
    numbers: dict[str, np.ndarray] | None = None,
    also: Callable[[Workbook], None] | None = None,
) -> Path:
    """Type numbers (a perfect student's by default; not NaN) into a workbook, and save it."""
    question = carried(path)
    if numbers is None:
        numbers = numbers_of(question, decimals=question.setup.decimals)
    book = load_workbook(path)
    for name, (sheet, addresses) in cells_of(question).items():
        for row, values in zip(addresses, numbers[name].tolist(), strict=True):
            for address, value in zip(row, values, strict=True):
                if value == value:
                    book[sheet][address] = value
    if also:
        also(book)
    book.save(target)
    return target


def fill_with_formulas(path: Path, target: Path) -> Path:
    """Type what computes each number, as a student would who knows the formulas."""
    question = carried(path)
    places = lay_out(question.walk).places
    book = load_workbook(path)
    for name, (sheet, addresses) in cells_of(question).items():
        texts = formulas(
            question.setup.answers[name].definition, lambda m: places[m.name].addresses()
        )
        for row, line in zip(addresses, texts, strict=True):
            for address, text in zip(row, line, strict=True):
                book[sheet][address] = f"={text}"
    book.save(target)
    return target
