"""Exercises about programs: written, filled in, marked, copied, read by a key, as networks' are."""

from __future__ import annotations

import base64
import json
import zlib

import numpy as np
import pytest
from openpyxl import load_workbook
from typer.testing import CliRunner

import cellprop
from cellprop.cli.app import app
from cellprop.errors import InputError
from cellprop.exercise import annotate, check, check_all, write, write_class
from cellprop.exercise.batch import differences
from cellprop.exercise.carried import DIGEST, PIECE, pieces_of
from cellprop.exercise.read_off import read_off
from cellprop.faces.report import as_html
from cellprop.files.roster import Student
from cellprop.files.submission import opened
from cellprop.marking.carried_text import digest, digest_of, text_of
from cellprop.marking.question import ask, for_student
from cellprop.running.loading import source
from cellprop.texts.words import load
from conftest import slow_but
from filling import FORMS, carried, fill, fill_with_formulas, laid_out
from shipped import PROGRAMS, question_of, traced
from students import numbers_of
from test_exercise_sheets import judged_alike, unzipped

STUDENTS = [Student("1", "Ada", 1, "ada-1"), Student("2", "Bob", 2, "bob-2")]
EACH = slow_but(("rnn", "attention"), PROGRAMS)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", EACH)
def test_a_perfect_workbook_of_a_program_gets_full_marks(name, form, tmp_path):
    question = laid_out(question_of(name), form)
    blank = write(question, tmp_path / "blank.xlsx")
    marks = check(fill(blank, tmp_path / "filled.xlsx"))
    assert marks.total == marks.out_of > 5
    assert not marks.warnings
    assert carried(blank).setup.asked == question.setup.asked


def test_a_program_filled_in_with_formulas_is_marked(tmp_path):
    blank = write(question_of("rnn"), tmp_path / "blank.xlsx")
    marks = check(fill_with_formulas(blank, tmp_path / "filled.xlsx"))
    assert marks.total == marks.out_of


def test_a_blank_program_asks_for_all_and_shows_nothing(tmp_path):
    question = question_of("seq")
    marks = check(write(question, tmp_path / "blank.xlsx"))
    assert marks.total == 0
    assert marks.counts["blank"] == sum(
        m.rows.size * m.columns.size for m in question.setup.answers.values()
    )


def test_the_copy_of_a_marked_program_says_what_was_wrong(tmp_path):
    question = question_of("rnn")
    blank = write(question, tmp_path / "blank.xlsx")
    wrong = numbers_of(question, lambda _, right: -right, "z_2", decimals=question.setup.decimals)
    marks = check(fill(blank, tmp_path / "ada.xlsx", wrong))
    assert marks.out_of - marks.total == np.size(wrong["z_2"])
    (copy,) = annotate([marks], tmp_path / "marked")
    said = [
        cell.comment.text
        for sheet in load_workbook(copy)
        for row in sheet.iter_rows()
        for cell in row
        if cell.comment
    ]
    assert len(said) == np.size(wrong["z_2"])
    assert all(load()("slips.sign_lost") in each for each in said)


def test_a_class_has_a_key_and_a_report_and_each_their_own_parameters(tmp_path):
    question = question_of("autoencoder")
    key = tmp_path / "class-key.xlsx"
    paths = write_class(question, STUDENTS, tmp_path / "class", key=key, seed=3, jobs=2)
    given = [carried(path).given["W"].tolist() for path in paths]
    assert given[0] != given[1]
    filled = [fill(path, tmp_path / path.name) for path in paths]
    results = check_all(filled, key=key)
    assert [marks.total for marks in results] == [results[0].out_of] * 2
    assert not any(marks.warnings for marks in results)
    assert "Ada" in as_html(results, load())


def test_newcomers_are_added_to_a_class_about_a_program(tmp_path):
    question, key = question_of("graph"), tmp_path / "class-key.xlsx"
    write_class(question, STUDENTS[:1], tmp_path / "class", key=key, seed=3)
    paths = write_class(question, STUDENTS, tmp_path / "class", key=key, add=True)
    assert [path.stem for path in paths] == ["bob-2"]
    alone = for_student(question, STUDENTS[1], 3)
    assert all((carried(paths[0]).given[n] == v).all() for n, v in alone.given.items())


def test_a_report_on_several_programs_names_them(tmp_path):
    blanks = [write(question_of(name), tmp_path / f"{name}.xlsx") for name in ("rnn", "residual")]
    filled = [fill(blank, tmp_path / f"filled-{blank.name}") for blank in blanks]
    page = as_html(check_all(filled), load())
    assert "layers: rnn" in page
    assert "layers: residual" in page


def test_in_what_questions_about_programs_differ_is_said():
    rnn, graph = question_of("rnn", decimals=3), question_of("graph", decimals=3)
    found = differences(rnn, graph)
    assert found[0] == "program rnn of 16 steps instead of program graph of 12 steps"
    network = ask(cellprop.article().update, steps="2-9")
    assert differences(network, rnn)[0].startswith("network 4-3-1")
    average = ask(traced("rnn", average=True).update, decimals=3)
    assert differences(average, rnn)[0] == "another program rnn of 16 steps"
    assert differences(rnn, rnn) == []


def without_question(path, target):
    book = load_workbook(path)
    del book["cellprop"]
    for entry in list(book.custom_doc_props.names):
        del book.custom_doc_props[entry]
    book.save(target)
    return target


def test_a_program_that_lost_its_question_is_marked_by_the_original_only(tmp_path):
    question = question_of("dropout")
    blank = write(question, tmp_path / "blank.xlsx")
    lost = without_question(fill(blank, tmp_path / "filled.xlsx"), tmp_path / "lost.xlsx")
    assert read_off(opened(lost)) is None
    with pytest.raises(InputError, match="--question"):
        check(lost)
    marks = check(lost, question=blank)
    assert marks.total == marks.out_of


def carrying(path, target, data):
    """A workbook that carries other data as its question, with the digest that they have."""
    text = base64.b64encode(zlib.compress(json.dumps(data).encode())).decode()
    book = load_workbook(path)
    for entry in list(book.custom_doc_props.names):
        del book.custom_doc_props[entry]
    sheet = book["cellprop"]
    sheet.delete_rows(1, sheet.max_row)
    pieces = [f"{PIECE.format(k)}: {piece}" for k, piece in enumerate(pieces_of(text, 8000), 1)]
    for row, line in enumerate(("cellprop: 0.4", f"{DIGEST}: {digest(text)}", *pieces), 1):
        sheet.cell(row, 1, line)
    book.save(target)
    return target


def harmful(data):
    data["program"]["nodes"][-1] = ["os.system", [0]]


def endless(data):
    data["program"]["nodes"].append(["pad", [0], {"top": 10**9}])
    data["program"]["changes"]["E"] = len(data["program"]["nodes"]) - 1


def formula(data):
    data["program"]["steps"][2][3]["title"] = "=WEBSERVICE(1)"


@pytest.mark.parametrize("change", [harmful, endless, formula])
def test_a_file_that_carries_no_program_of_ours_is_refused_in_one_line(change, tmp_path):
    question = question_of("embedding")
    blank = write(question, tmp_path / "blank.xlsx")
    filled = fill(blank, tmp_path / "filled.xlsx")
    data = json.loads(zlib.decompress(base64.b64decode(text_of(carried(blank)))))
    assert check(carrying(filled, tmp_path / "same.xlsx", data)).total > 0
    change(data)
    with pytest.raises(InputError, match="not a question of cellprop") as found:
        check(carrying(filled, tmp_path / "sent.xlsx", data))
    assert "sent.xlsx" in str(found.value)
    assert "\n" not in str(found.value)


def test_exercises_about_programs_are_written_and_checked_from_the_command_line(
    tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["exercise", "--example", "embedding", "-o", "one.xlsx"])
    assert done.exit_code == 0, done.output
    question = carried(tmp_path / "one.xlsx")
    assert question.program.name == "embedding"
    fill(tmp_path / "one.xlsx", tmp_path / "filled.xlsx")
    done = CliRunner().invoke(app, ["check", "filled.xlsx"])
    assert done.exit_code == 0, done.output
    assert "filled.xlsx: 140 / 140" in done.output
    assert digest_of(carried(tmp_path / "filled.xlsx")) == digest_of(question)


@pytest.mark.parametrize("name", slow_but(["embedding"], ["embedding", "rnn", "transformer"]))
def test_hints_agree_with_the_marker_in_programs(name, tmp_path, libreoffice):
    question = ask(traced(name).update, decimals=3, hints=True)
    asked = sum(m.rows.size * m.columns.size for m in question.setup.answers.values())
    assert judged_alike(question, tmp_path, libreoffice) == asked


@pytest.mark.parametrize("name", EACH)
def test_no_file_gives_an_answer_of_a_program_away(name, tmp_path):
    question = question_of(name, decimals=6)
    text = unzipped(write(question, tmp_path / "blank.xlsx"))
    given = {float(number) for values in question.given.values() for number in values.ravel()}
    for matrix in question.setup.answers:
        for number in question.values[matrix].ravel().tolist():
            if len(repr(number)) > 8 and number not in given:  # a short one may be any number
                assert repr(number) not in text, matrix
                assert f">{number:.6f}<" not in text, matrix


def test_a_users_own_program_is_asked_and_marked_without_its_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    own = tmp_path / "mine.py"
    own.write_text(source("dropout").replace("0.5", "0.25"))
    done = CliRunner().invoke(app, ["exercise", "--program", "mine.py", "-o", "one.xlsx"])
    assert done.exit_code == 0, done.output
    own.unlink()
    marks = check(fill(tmp_path / "one.xlsx", tmp_path / "filled.xlsx"))
    assert marks.total == marks.out_of
    assert marks.question.given["lr"].item() == 0.25


def test_the_first_sheet_of_a_program_names_no_matrix_of_a_network(tmp_path):
    book = load_workbook(write(question_of("seq"), tmp_path / "blank.xlsx"))
    said = [str(cell.value) for row in book.worksheets[0].iter_rows() for cell in row]
    assert any("every matrix has a name" in text for text in said)
    assert not any("(X,wh)" in text for text in said)
