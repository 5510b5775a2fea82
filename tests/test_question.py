"""What an exercise asks: chosen, rounded, drawn for a student, carried as text and read again."""

from __future__ import annotations

import base64
import json
import re
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cellprop
from cellprop import question as questions
from cellprop.errors import InputError
from cellprop.question import Question, ask, for_student, parse_points, read
from cellprop.roster import Student
from test_slips import KINDS, network, question_of


def student(number, name="Ada", position=1):
    return Student(number, name, position, f"ada-{number}")


@pytest.mark.parametrize(
    ("steps", "found"),
    [
        ("2-9", "2 3 4 5 6 7 8 9"),
        ("2,4, 7-9", "2 4 7 8 9"),
        ("9,2", "2 9"),
        ("0-11", "2 3 4 5 6 7 8 9 10 11"),
    ],
)
def test_steps_are_chosen_by_number_and_range(steps, found):
    assert ask(cellprop.article(), steps=steps).setup.asked == tuple(found.split())


def test_steps_of_layers_are_chosen_together_or_one_by_one():
    trace = network([2, 3, 2, 1])
    assert ask(trace, steps="2").setup.asked == ("2.1", "2.2")
    assert ask(trace, steps="2.2,8").setup.asked == ("2.2", "8.2", "8.1")


def test_what_is_given_is_rounded_to_what_the_sheets_show_but_settings_stay():
    trace = cellprop.trace(
        cellprop.Network([2, 2, 1]), [[0.12345, -0.0001]], [0.5], seed=3, learning_rate=0.12345
    )
    question = ask(trace, decimals=2)
    assert question.given["X"].tolist() == [[0.12, 0.0]]
    assert not np.signbit(question.given["X"]).any()
    assert question.given["lr"].item() == 0.12345
    assert (question.given["wh"] == trace.values["wh"].round(2)).all()


def test_a_students_weights_depend_on_the_seed_and_the_id_alone():
    question = ask(cellprop.article())
    one, again = (for_student(question, student("7", n), 1) for n in ("Ada", "Eve"))
    assert (one.given["wh"] == again.given["wh"]).all()
    others = [for_student(question, student("8"), 1), for_student(question, student("7"), 2)]
    assert not any((one.given["wh"] == other.given["wh"]).all() for other in others)
    assert (one.given["wh"] == one.given["wh"].round(2)).all()
    assert (one.given["X"] == question.given["X"]).all()


def test_marks_are_read_from_texts():
    assert parse_points(["2=4,3=1.5", "10=6"]) == {"2": 4, "3": 1.5, "10": 6}
    with pytest.raises(InputError, match="marks: expected STEP=MARKS, such as 2=4, found '2:4'"):
        parse_points(["2:4"])


# --- As text ------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_a_question_is_read_as_it_was_written(kind):
    question = for_student(question_of(kind), student("7"), 1)
    again = read(question.text)
    assert (again.setup, again.student) == (question.setup, question.student)
    assert again.digest == question.digest
    assert all((again.values[n] == v).all() for n, v in question.values.items())


def test_one_update_of_many_is_read_as_it_was_written():
    trace = cellprop.example("iris", epochs=2, batch_size=5, walk_batch=3, scale="minmax")
    question = ask(trace, points={"2": 4}, hints=True)
    again = read(question.text)
    assert again.setup == question.setup
    assert again.trace.walk_batch == 3


def data_of(question):
    return json.loads(zlib.decompress(base64.b64decode(question.text)))


def text_of(data):
    return base64.b64encode(zlib.compress(json.dumps(data).encode())).decode()


def test_the_digest_tells_when_anything_changes():
    question = ask(cellprop.article())
    data = data_of(question)
    data["given"]["wh"][0][0] += 1e-9
    assert questions.digest(text_of(data)) != question.digest


HOSTILE = {
    "not base64": "äöü",
    "not compressed": base64.b64encode(b"hello").decode(),
    "a bomb": base64.b64encode(zlib.compress(b" " * 40_000_000)).decode(),
    "no object": text_of([1, 2]),
    "nested": base64.b64encode(zlib.compress(b"[" * 200_000)).decode(),
    "empty": "",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_text_that_is_no_question_is_refused(text):
    with pytest.raises(InputError, match="not a question of cellprop"):
        read(text)


def test_a_question_of_another_form_is_refused_by_name():
    data = data_of(ask(cellprop.article())) | {"form": 99, "version": "9.9\x1b[31m"}
    with pytest.raises(InputError, match=re.escape("another version of cellprop (9.9␛[31m)")):
        read(text_of(data))


def test_sizes_that_are_merely_claimed_are_refused_before_anything_is_made():
    data = data_of(ask(cellprop.article()))
    data["network"]["sizes"] = [4, 10**9, 1]
    with pytest.raises(InputError):
        read(text_of(data))


JUNK = st.sampled_from(
    [None, -1, 0, 1e308, 10**12, "", "x", "../../x", [], {}, [[]], [1, "a"], True, float("nan")]
)


def places(tree, path=()):
    yield path
    inner = tree.items() if isinstance(tree, dict) else ()
    for key, value in enumerate(tree) if isinstance(tree, list) else inner:
        yield from places(value, (*path, key))


DATA = data_of(for_student(ask(network([2, 3, 2])), student("7"), 1))


@settings(max_examples=300)
@given(st.sampled_from([path for path in places(DATA) if path]), JUNK)
def test_whatever_is_changed_gives_a_question_or_one_line(path, junk):
    data = json.loads(json.dumps(DATA))
    inner = data
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = junk
    found = outcome(text_of(data))
    assert isinstance(found, Question) or len(found.splitlines()) == 1


def outcome(text):
    try:
        question = read(text)
        _ = question.values
    except InputError as error:
        return str(error)
    return question


@pytest.mark.parametrize("decimals", [True, 2.5, "3", -1, 13])
def test_decimals_that_are_no_whole_number_in_range_are_refused(decimals):
    with pytest.raises(InputError, match="decimals: expected a whole number from 0 to 12"):
        ask(cellprop.article(), decimals=decimals)


def test_few_numbers_that_ask_for_very_many_are_refused():
    # Two long rows of labels claim matrices of four million numbers each.
    trace = cellprop.trace(cellprop.Network([1, 2000, 1]), [[0.5]], [0.5], seed=0)
    data = data_of(ask(trace, steps="2"))
    data["samples"] = ["s"] * 2000
    data["given"]["X"], data["given"]["y"] = [[0.5]] * 2000, [[0.5]] * 2000
    with pytest.raises(InputError, match="not a question of cellprop"):
        read(text_of(data))
