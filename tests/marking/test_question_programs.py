"""Questions about programs: asked, drawn for a student, carried as data, read again and marked."""

from __future__ import annotations

import base64
import json
import pickle
import zlib

import numpy as np
import pytest

import windowed
from cellprop.algebra import Applied
from cellprop.errors import InputError
from cellprop.files.roster import Student
from cellprop.marking.carried_text import digest_of, read, text_of
from cellprop.marking.marks import mark
from cellprop.marking.question import ask, for_student
from cellprop.marking.verdicts import CARRIED, FULL, VERDICTS, Answer
from cellprop.texts import captions
from cellprop.texts.words import load
from shipped import PROGRAMS, question_of, traced
from students import answers_of

ADA = Student("7", "Ada", 1, "ada-7")


def data_of(question):
    return json.loads(zlib.decompress(base64.b64decode(text_of(question))))


def packed(data):
    return base64.b64encode(zlib.compress(json.dumps(data).encode())).decode()


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_question_about_a_program_is_read_back_as_it_was_asked(name):
    question = for_student(question_of(name), ADA, 1)
    again = read(text_of(question))
    assert again.setup == question.setup
    assert hash(again.setup) == hash(question.setup)
    assert (again.student, digest_of(again)) == (ADA, digest_of(question))
    for matrix, values in question.values.items():
        assert (again.values[matrix] == values).all()
    words, program = load(), traced(name).program
    for ours, theirs in zip(program.steps, again.program.steps, strict=True):
        assert captions.title(words, ours) == captions.title(words, theirs)


def test_a_question_about_a_program_can_be_sent_to_a_process():
    question = question_of("seq")
    assert pickle.loads(pickle.dumps(question.setup)) == question.setup
    assert digest_of(pickle.loads(pickle.dumps(question))) == digest_of(question)


@pytest.mark.parametrize("name", PROGRAMS)
def test_all_steps_of_a_program_that_compute_something_are_asked_unless_somebody_says_which(name):
    program = traced(name).program
    computed = [step.label for step in program.steps if step.computed]
    assert question_of(name).setup.asked == tuple(computed)
    assert computed[0] == "2"
    assert question_of(name, steps="2,4").setup.asked == ("2", "4")


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("decimals", [None, 2, 6])
def test_a_perfect_student_of_a_program_gets_full_marks(name, decimals):
    question = question_of(name, decimals=decimals)
    marks = mark(question, answers_of(question, decimals=question.setup.decimals))
    assert marks.total == marks.out_of > 5
    assert not marks.slips


@pytest.mark.parametrize("name", PROGRAMS)
def test_random_numbers_earn_nothing(name):
    question, random = question_of(name, decimals=6), np.random.default_rng(1)
    answers = {
        each: Answer(random.uniform(-1, 1, matrix.shape).round(6))
        for each, matrix in question.setup.answers.items()
    }
    marks = mark(question, answers)
    assert marks.total == 0


@pytest.mark.parametrize("name", PROGRAMS)
def test_an_early_slip_is_paid_for_once(name):
    question = question_of(name, decimals=6)
    # What leads to no loss is carried on by nothing.
    first = next(name for name in question.setup.answers if f"d_{name}" in question.setup.answers)

    def slip(_, right):
        wrong = right.copy()
        wrong[0, 0] += 0.25
        return wrong

    marks = mark(question, answers_of(question, slip, first, decimals=6))
    assert marks.out_of - marks.total == 1
    assert marks.counts[VERDICTS[CARRIED]] > 0
    lost = [m for m in marks.matrices if not np.isin(m.verdicts, FULL).all()]
    assert [m.name for m in lost] == [first]


def test_each_student_has_parameters_by_the_rules_that_they_start_with():
    question = question_of("batchnorm", decimals=3)
    students = [for_student(question, Student(f"{k}", "x", k, f"x-{k}"), 5) for k in range(40)]
    drawn = np.array([each.given["W_h"] for each in students])
    assert (drawn == drawn.round(2)).all()
    assert (drawn >= 0).all()
    assert (drawn <= 1).all()
    assert len({each.given["W_h"].tobytes() for each in students}) == 40
    assert all((each.given["gamma"] == 1).all() for each in students)
    assert all((each.given["beta"] == 0).all() for each in students)
    normal = np.array([
        for_student(question_of("residual"), each.student, 5).given["W_1"] for each in students
    ])  # fmt: skip
    assert normal.min() < -1
    assert normal.max() > 1


def test_what_everybody_is_given_of_a_program_stays():
    question = question_of("attention", decimals=3)
    student = for_student(question, ADA, 3)
    for name in ("x", "y", "root", "mask", "lr"):
        assert (student.given[name] == question.given[name]).all()


DATA = data_of(for_student(question_of("seq"), ADA, 1))


def test_what_is_carried_says_operations_by_name_and_no_code():
    applied = [each for each in DATA["program"]["nodes"] if isinstance(each, list)]
    program = question_of("seq").program
    written = {
        m.definition.operation.name for m in program.matrices if isinstance(m.definition, Applied)
    }
    assert written <= {name for name, *_ in applied}
    assert "import" not in json.dumps(DATA)
    assert "def " not in json.dumps(DATA)


@pytest.mark.parametrize(
    ("key", "junk"),
    [
        ("form", 1), ("program", None), ("program", {}), ("options", ["sgdd", False, True]),
        ("options", ["sgd", False, None, True]), ("asked", []), ("asked", ["1"]), ("given", {}),
        ("decimals", 13), ("shown", [1]), ("points", [["0", 1]]), ("given", {"x_1": [[1]]}),
    ],
)  # fmt: skip
def test_what_could_not_have_been_asked_of_a_program_is_refused(key, junk):
    with pytest.raises(InputError, match="not a question of cellprop"):
        read(packed(DATA | {key: junk}))


def test_numbers_of_a_program_have_the_shapes_that_it_says():
    data = json.loads(json.dumps(DATA))
    data["given"]["W_x"] = [[1.0]]
    with pytest.raises(InputError, match="not a question of cellprop"):
        read(packed(data))


def test_settings_that_do_not_go_with_numbers_are_refused_when_it_is_read():
    data = data_of(windowed.question_of())
    nodes = data["program"]["nodes"]
    back = next(each for each in nodes if isinstance(each, list) and each[0] == "unpool")
    assert read(packed(data)).values
    back.append({"down": 9, "across": 9})
    with pytest.raises(InputError, match="not a question of cellprop"):
        read(packed(data))


def test_the_model_of_a_question_is_the_programs():
    update = traced("rnn").update
    model = ask(update).setup.model
    assert (model.optimizer, model.average, model.scale, model.neurons) == ("sgd", False, None, ())
