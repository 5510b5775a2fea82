"""An exercise that lost its question is marked by what its sheets say, or refused."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from openpyxl import load_workbook

import cellprop
from cellprop.exercise import check_all, write_class
from cellprop.exercise.read_off import _outlines, read_off
from cellprop.files.roster import Student
from cellprop.files.submission import opened
from cellprop.marking.question import ask, for_student
from conftest import slow_but, slow_case
from filling import asked, blank, fill
from foreign_files import refused
from test_carried import STARTED, bare
from test_checking import without_names
from test_handed_out import EXPECTED, FOLDER
from test_slips import EACH_KIND, question_of


def read(path, folder):
    return read_off(opened(bare(path, folder / "bare.xlsx")))


@pytest.mark.parametrize("kind", EACH_KIND)
def test_what_was_asked_is_read_off_the_sheets(kind, tmp_path):
    question = question_of(kind)
    found = read(fill(blank(tmp_path, question), tmp_path / "f.xlsx"), tmp_path)
    assert found is not None
    assert found.setup.model.network == question.setup.model.network
    assert found.setup.asked == question.setup.asked
    assert found.setup.decimals == question.setup.decimals
    assert found.values.keys() == question.values.keys()
    for name, values in question.values.items():
        assert np.array_equal(found.values[name], values), name


@pytest.mark.parametrize(
    "options",
    [
        slow_case({"steps": "2-4"}), {"steps": "3,9", "decimals": 5}, slow_case({"decimals": 0}),
        slow_case({"hints": True}), {"points": {"2": 4.5, "10": 0}},
        slow_case({"steps": "11", "decimals": 12}),
    ],
)  # fmt: skip
def test_steps_decimals_and_marks_are_read_off_the_first_sheet(options, tmp_path):
    question = asked(**options)
    found = read(blank(tmp_path, question), tmp_path)
    for name in ("asked", "decimals", "points", "samples", "model"):
        assert getattr(found.setup, name) == getattr(question.setup, name)


def test_whose_it_is_is_read_off_the_first_sheet(tmp_path):
    student = Student("007", "Ada Lovelace", 4, "ada-lovelace-007")
    question = asked()
    (path,) = write_class(question, [student], tmp_path / "c", key=tmp_path / "k.xlsx", seed=1)
    found = read(path, tmp_path)
    assert (found.student.id, found.student.name) == ("007", "Ada Lovelace")
    assert found.student.file == student.file
    assert (found.given["wh"] == for_student(question, student, 1).given["wh"]).all()


@pytest.mark.parametrize("name", slow_but(list(EXPECTED)[:2], EXPECTED))
def test_an_exercise_of_an_earlier_version_is_marked_without_its_question(name, tmp_path):
    book = load_workbook(FOLDER / name)
    for each in list(book.custom_doc_props.names):
        del book.custom_doc_props[each]
    book.save(tmp_path / "f.xlsx")
    marks = cellprop.check(tmp_path / "f.xlsx")
    assert (marks.total, marks.out_of) == (EXPECTED[name]["total"], EXPECTED[name]["out_of"])
    (warning,) = marks.warnings
    assert warning.startswith("it carries no question; what was asked was read off its sheets (ste")
    assert warning.endswith("give the exercise as it was handed out with --question.")


@pytest.mark.parametrize("save", STARTED)
def test_what_a_program_saved_is_read_off_too(save, tmp_path):
    path = fill(blank(tmp_path, asked()), tmp_path / "f.xlsx")
    assert cellprop.check(save(bare(path, tmp_path / "bare.xlsx"), tmp_path)).total == 82


def clear(sheet, cells):
    def change(book):
        for cell in cells:
            book[sheet][cell] = None

    return change


def put(sheet, cell, value):
    def change(book):
        book[sheet][cell] = value

    return change


def rename(book):
    del book.defined_names["wout"]


def widen(book):
    name = book.defined_names["wout"]
    start, _, end = name.attr_text.rpartition(":")
    name.attr_text = f"{start}:${chr(ord(end[1]) + 1)}{end[2:]}"


UNCLEAR = {
    "no names": without_names,
    "a name missing": rename,
    "a name for more cells": widen,
    "no line": clear("Step 3", ["C3"]),
    "another line": put("Step 3", "C3", "hiddenlayer_activations = 1"),
    "no rule": put("Contents", "B3", "Round as you like"),
    "no count": clear("Contents", ["D18"]),
    "another count": put("Contents", "D18", 3),
    "a given number missing": clear("Step 1", ["C13"]),
    "a given word": put("Step 1", "C13", "x"),
    "a giant number": put("Step 1", "C13", 1e300),
    "marks without end": put("Contents", "F18", 1e9),
}


@pytest.mark.parametrize(
    "what", slow_but(["no names", "another line", "no count", "a given word"], UNCLEAR)
)
def test_what_is_unclear_is_refused_with_a_way_out(what, tmp_path):
    path = bare(fill(blank(tmp_path, asked()), tmp_path / "f.xlsx"), tmp_path / "bare.xlsx")
    book = load_workbook(path)
    UNCLEAR[what](book)
    book.save(path)
    message = refused(cellprop.check, path)
    assert message == (
        f"{path}: it does not say what was asked: its document properties are missing, and so is"
        " its hidden sheet; give the exercise as it was handed out with --question."
    )
    assert cellprop.check(path, question=tmp_path / "blank.xlsx").out_of == 82


def test_with_a_secret_nothing_is_read_off(tmp_path):
    path = bare(blank(tmp_path, asked()), tmp_path / "bare.xlsx")
    (tmp_path / "secret").write_text("x")
    assert "does not say what was asked" in refused(
        cellprop.check, path, secret=tmp_path / "secret"
    )


@pytest.mark.slow
def test_sizes_that_names_merely_claim_are_refused_before_anything_is_made(tmp_path):
    path = bare(blank(tmp_path, asked()), tmp_path / "bare.xlsx")
    book = load_workbook(path)
    for name, cells in (("X", "$A$1:$A$900000"), ("wh", "$A$1:$P$1"), ("y", "$C$1:$C$900000")):
        book.defined_names[name].attr_text = f"'Step 1'!{cells}"
    book.save(path)
    assert "--question" in refused(cellprop.check, path)


def test_a_question_that_was_read_off_is_not_held_against_others(tmp_path):
    question = ask(cellprop.article().update)
    path = blank(tmp_path, question)
    bare(path, tmp_path / "bare.xlsx")
    shutil.copy(path, tmp_path / "other.xlsx")
    results = check_all([tmp_path / "bare.xlsx", path, tmp_path / "other.xlsx"])
    assert [len(r.warnings) for r in results] == [1, 0, 0]


def test_the_names_to_look_for_are_those_of_programs_the_larger_before_the_smaller():
    outlines = [{matrix.name for matrix in each.given} for each in _outlines()]
    assert {"X", "y", "wh", "bh", "wout", "bout"} in outlines
    for place, names in enumerate(outlines):
        assert not any(names < later for later in outlines[place + 1 :])
