"""Exercises, and students who fill them in with openpyxl."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from io import BytesIO
from pathlib import Path

import numpy as np
from openpyxl import Workbook, load_workbook

import cellprop
from cellprop.exercise import write
from cellprop.exercise.carried import chosen, copy_in
from cellprop.faces.layout import Layout, lay_out
from cellprop.marking import question as questions
from cellprop.marking.carried_text import read
from cellprop.marking.question import Question
from students import numbers_of

ARTICLE = cellprop.article()


# The same few workbooks are what most tests begin with, so each is made once.
ASKED: dict[str, Question] = {}
BLANK: dict[int, tuple[Question, bytes]] = {}
FILLED: dict[bytes, bytes] = {}
LAID_OUT: dict[tuple[int, str, int], tuple[Question, Question]] = {}
# How a workbook may be laid out where somebody says how.
FORMS = ("flip-book", "close-up")


def asked(**options) -> Question:
    """The article's network as a question."""
    key = repr(sorted(options.items()))
    if key not in ASKED:
        ASKED[key] = questions.ask(ARTICLE.update, **options)
    return ASKED[key]


def blank(folder: Path, question: Question, name: str = "blank.xlsx") -> Path:
    """A workbook to fill in."""
    path = folder / name
    if id(question) not in BLANK:
        # Kept with its question, or another one might get its number.
        BLANK[id(question)] = question, write(question, path).read_bytes()
    path.write_bytes(BLANK[id(question)][1])
    return path


def carried(path: Path) -> Question:
    """The question that a workbook carries, as openpyxl reads its properties."""
    return _carried(path.read_bytes())


@cache
def _carried(content: bytes) -> Question:
    book = load_workbook(BytesIO(content))
    properties = {entry.name: entry.value for entry in book.custom_doc_props.props}
    return read(chosen([copy_in(properties)])[0].text)


def laid_out(question: Question, form: str, rows: int = 8) -> Question:
    """The same question, its sheets laid out in a form."""
    key = id(question), form, rows
    if key not in LAID_OUT:
        setup = replace(question.setup, sheets=(form, rows))
        LAID_OUT[key] = question, replace(question, setup=setup)
    return LAID_OUT[key][1]


def layout_of(question: Question) -> Layout:
    """How the sheets of a question are laid out."""
    return lay_out(question.program, *(question.setup.sheets or ()), moves=False)


def everywhere(question: Question) -> Iterator[tuple[str, str, list[list[str]]]]:
    """Every matrix wherever it is shown: its sheet, its name, and its addresses there."""
    layout, steps = layout_of(question), question.program.steps
    known: set[str] = set()
    for step in steps:
        known |= {matrix.name for matrix in step.brings}
        for place in layout.on(step).places:
            if place.matrix.name in known:
                yield f"Step {step.label}", place.matrix.name, place.addresses()


def cells_of(question: Question) -> dict[str, tuple[str, list[list[str]]]]:
    """The sheet and the addresses of every matrix to calculate."""
    places = layout_of(question).places
    home = {m.name: f"Step {step.label}" for step in question.program.steps for m in step.brings}
    return {n: (home[n], places[n].addresses()) for n in question.setup.answers}


def fill(
    path: Path,
    target: Path,
    numbers: dict[str, np.ndarray] | None = None,
    also: Callable[[Workbook], None] | None = None,
) -> Path:
    """Type numbers (a perfect student's by default; not NaN) into a workbook, and save it."""
    if numbers is None and also is None:
        content = path.read_bytes()
        if content not in FILLED:
            FILLED[content] = _filled(path, target, None, None).read_bytes()
        target.write_bytes(FILLED[content])
        return target
    return _filled(path, target, numbers, also)


def _filled(
    path: Path,
    target: Path,
    numbers: dict[str, np.ndarray] | None,
    also: Callable[[Workbook], None] | None,
) -> Path:
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
    layout, answers = layout_of(question), question.setup.answers
    home = {m.name: step for step in question.program.steps for m in step.brings}
    book = load_workbook(path)
    for name, (sheet, addresses) in cells_of(question).items():
        texts = layout.on(home[name]).formulas(answers[name])
        for row, line in zip(addresses, texts, strict=True):
            for address, text in zip(row, line, strict=True):
                book[sheet][address] = f"={text}"
    book.save(target)
    return target
