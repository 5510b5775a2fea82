"""What an exercise asks: chosen, rounded, drawn for a student, carried as text and read again."""

from __future__ import annotations

import base64
import json
import pickle
import re
import zlib
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cellprop
import reading
from cellprop.algebra import Axis
from cellprop.errors import InputError
from cellprop.files.roster import Student
from cellprop.marking import question as questions
from cellprop.marking.carried_text import digest_of, read, text_of
from cellprop.marking.question import Question, ask, for_student, parse_points
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
    assert ask(cellprop.article().update, steps=steps).setup.asked == tuple(found.split())


@pytest.mark.parametrize(
    "steps",
    ["", ",", "12", "2-", "-3", "9-2", "two", "2;3", "2.1", "1", "0-1", "2,,3", "٢", "2\n9x"],
)
def test_steps_that_are_not_there_or_compute_nothing_are_refused_in_one_line(steps):
    says = "steps: expected some of 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, such as 2-9 or 2,4, found '"
    with pytest.raises(InputError) as found:
        ask(cellprop.article().update, steps=steps)
    assert str(found.value).startswith(says)
    assert "\n" not in str(found.value)


@pytest.mark.parametrize("decimals", [-1, 13, 2.0, True, "3", float("nan")])
def test_decimals_are_a_whole_number_from_0_to_12(decimals):
    with pytest.raises(InputError, match="decimals: expected a whole number from 0 to 12"):
        ask(cellprop.article().update, decimals=decimals)


@pytest.mark.parametrize("decimals", [0, 12, np.int64(3)])
def test_decimals_of_any_kind_of_whole_number_are_carried(decimals):
    question = ask(cellprop.article().update, decimals=decimals)
    assert read(text_of(question)).setup.decimals == decimals


@pytest.mark.parametrize(
    ("points", "says"),
    [
        ({"12": 1}, "marks: step 12 is not asked; asked are 2, 3"),
        ({"1": 1}, "marks: step 1 is not asked"),
        ({"2": -1}, "marks: expected 0 to 1,000,000 for step 2, found -1"),
        ({"2": float("nan")}, "marks: expected 0 to 1,000,000 for step 2, found nan"),
        ({"2": float("inf")}, "marks: expected 0 to 1,000,000 for step 2, found inf"),
    ],
)
def test_marks_of_steps_are_numbers_from_0_for_what_is_asked(points, says):
    for change in (
        lambda: ask(cellprop.article().update, steps="2-3", points=points),
        lambda: questions.with_points(ask(cellprop.article().update, steps="2-3"), points),
    ):
        with pytest.raises(InputError, match=re.escape(says)):
            change()


def test_marks_of_steps_add_to_those_there_are():
    question = ask(cellprop.article().update, points={"2": 3})
    assert questions.with_points(question, {"3": 1, "2": 4}).setup.points == (("2", 4), ("3", 1))


def test_steps_of_layers_are_chosen_together_or_one_by_one():
    trace = network([2, 3, 2, 1])
    assert ask(trace.update, steps="2").setup.asked == ("2.1", "2.2")
    assert ask(trace.update, steps="2.2,8").setup.asked == ("2.2", "8.2", "8.1")


def test_what_is_given_is_rounded_to_what_the_sheets_show_but_settings_stay():
    trace = cellprop.trace(
        cellprop.Network([2, 2, 1]), [[0.12345, -0.0001]], [0.5], seed=3, learning_rate=0.12345
    )
    question = ask(trace.update, decimals=2)
    assert question.given["X"].tolist() == [[0.12, 0.0]]
    assert not np.signbit(question.given["X"]).any()
    assert question.given["lr"].item() == 0.12345
    assert (question.given["wh"] == trace.values["wh"].round(2)).all()


def test_the_settings_of_an_update_rule_stay_as_they_are():
    question = ask(network([2, 2, 1], optimizer="adam", learning_rate=0.00049).update, decimals=1)
    kept = {name: question.given[name].item() for name in ("lr", "beta_1", "beta_2", "epsilon")}
    assert kept == {"lr": 0.00049, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-8}


@given(st.integers(0, 10**12), st.text(min_size=1), st.integers(0, 4))
@settings(max_examples=25)
def test_a_students_weights_can_be_typed_and_are_drawn_the_same_again(seed, number, decimals):
    question = ask(cellprop.article().update, decimals=decimals)
    drawn, again = (for_student(question, student(number), seed) for _ in range(2))
    assert digest_of(drawn) == digest_of(again)
    for name in ("wh", "bh", "wout", "bout"):
        values = drawn.given[name]
        assert (values == values.round(min(2, decimals))).all()
        assert ((values >= 0) & (values <= 1)).all()
    assert drawn.setup is question.setup


def test_a_students_weights_depend_on_the_seed_and_the_id_alone():
    question = ask(cellprop.article().update)
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
    again = read(text_of(question))
    assert (again.setup, again.student) == (question.setup, question.student)
    assert digest_of(again) == digest_of(question)
    assert all((again.values[n] == v).all() for n, v in question.values.items())


def test_one_update_of_many_is_read_as_it_was_written():
    trace = cellprop.example("iris", epochs=2, batch_size=5, walk_batch=3, scale="minmax")
    question = ask(trace.update, points={"2": 4}, hints=True)
    again = read(text_of(question))
    assert again.setup == question.setup
    assert again.update.walk_batch == 3


@pytest.mark.parametrize("name", reading.NETWORKS)
def test_every_network_of_the_workbooks_tests_is_read_as_it_was_written(name):
    question = ask(reading.example(name).update)
    again = read(text_of(question))
    assert again.setup == question.setup
    assert digest_of(again) == digest_of(question)
    assert again.given.keys() == question.given.keys()
    assert all((again.given[n] == v).all() for n, v in question.given.items())


def data_of(question):
    return json.loads(zlib.decompress(base64.b64decode(text_of(question))))


def packed(data):
    return base64.b64encode(zlib.compress(json.dumps(data).encode())).decode()


def test_a_question_can_be_sent_to_another_process_after_it_was_used():
    question = for_student(ask(cellprop.article().update), student("7"), 1)
    _ = question.update, question.values, text_of(question), digest_of(question)
    again = pickle.loads(pickle.dumps(question))
    assert digest_of(again) == digest_of(question)
    assert (again.setup, again.student) == (question.setup, question.student)
    assert all((again.values[n] == v).all() for n, v in question.values.items())


def test_the_digest_tells_when_anything_changes():
    question = for_student(ask(cellprop.article().update), student("7"), 1)
    setup, wh = question.setup, question.given["wh"]
    tanh = cellprop.Network([4, 3, 1], activation="tanh")
    others = [
        replace(question, setup=replace(setup, **{name: new}))
        for name, new in (
            ("decimals", 4), ("asked", ("2",)), ("points", (("2", 1.0),)), ("hints", True),
            ("whole", False), ("shown", (1, 1, 1, 2, 3)),
            ("samples", Axis("samples", ("a", "b", "c"))),
            ("model", replace(setup.model, average=True)),
            ("model", replace(setup.model, network=tanh)),
        )
    ]  # fmt: skip
    others += [
        replace(question, student=None),
        replace(question, student=student("7", "Eve")),
        replace(question, version="0"),
        replace(question, given={**question.given, "wh": wh + 1e-9}),
    ]
    digests = {digest_of(other) for other in (question, *others)}
    assert len(digests) == 1 + len(others)


STUDENT = student("7")
DATA = data_of(for_student(ask(network([2, 3, 2]).update), STUDENT, 1))
NOTHING = object()
HOSTILE = {
    "not base64": "äöü",
    "not compressed": base64.b64encode(b"hello").decode(),
    "a bomb": base64.b64encode(zlib.compress(b" " * 40_000_000)).decode(),
    "no object": packed([1, 2]),
    "cut short": text_of(ask(cellprop.article().update))[:-40],
    "a number too long": base64.b64encode(zlib.compress(b'{"form":' + b"1" * 5000 + b"}")).decode(),
    "no text": None,
    "half a pair": "\ud800",
    "nested": base64.b64encode(zlib.compress(b"[" * 200_000)).decode(),
    "empty": "",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_text_that_is_no_question_is_refused(text):
    with pytest.raises(InputError, match="not a question of cellprop"):
        read(text)


def test_a_question_of_another_form_is_refused_by_name():
    data = data_of(ask(cellprop.article().update)) | {"form": 99, "version": "9.9\x1b[31m"}
    with pytest.raises(InputError, match=re.escape("another version of cellprop (9.9␛[31m)")):
        read(packed(data))


def test_sizes_that_are_merely_claimed_are_refused_before_anything_is_made():
    data = data_of(ask(cellprop.article().update))
    data["network"]["sizes"] = [4, 10**9, 1]
    with pytest.raises(InputError):
        read(packed(data))


def network_of(sizes, **given):
    """Data of a linear network of some sizes without biases, for samples as many as `X` has."""
    data = data_of(ask(cellprop.article().update))
    samples, inputs = len(given["X"]), sizes[0]
    return data | {
        "network": {
            "sizes": sizes, "activation": ["linear"] * (len(sizes) - 2),
            "output_activation": "linear", "loss": "squared_error", "bias": False,
        },
        "samples": ["s"] * samples,
        "inputs": ["i"] * inputs,
        "outputs": ["outputs", *["o"] * sizes[-1]],
        "asked": ["5"],
        "given": given | {"lr": [[0.1]]},
    }  # fmt: skip


def test_a_small_text_can_ask_for_little_only():
    ones = [[1]] * 3
    small = network_of([1, 4, 1], X=ones, y=ones, wh=[[1] * 4], wout=[[1]] * 4)
    assert read(packed(small)).values["output"].tolist() == [[4]] * 3
    # 5,000 samples times 5,000 neurons, from 15,000 numbers.
    many = [[1]] * 5000
    large = network_of([1, 5000, 1], X=many, y=many, wh=[[1] * 5000], wout=many)
    with pytest.raises(InputError, match="not a question of cellprop"):
        read(packed(large))


def test_more_layers_than_can_be_gone_through_are_refused():
    weights = {f"wh_{k}": [[1]] for k in range(1, 3001)}
    data = network_of([1] * 3002, X=[[1]], y=[[1]], **weights, wout=[[1]])
    with pytest.raises(InputError, match="not a question of cellprop"):
        read(packed(data))


@pytest.mark.parametrize(
    "file", ["../../x", "a/b", "", "A", "x.xlsx", "x" * 101, "a\n", "é", None, [], "con:"]
)
def test_a_students_file_cannot_be_anywhere_else(file):
    data = json.loads(json.dumps(DATA))
    data["student"]["file"] = file
    with pytest.raises(InputError, match="not a question of cellprop"):
        read(packed(data))
    assert "/" not in STUDENT.file


@pytest.mark.parametrize(
    ("key", "junk"),
    [
        ("decimals", -1), ("decimals", 13), ("decimals", 3.0), ("decimals", True),
        ("options", ["sgdd", False, None, True]), ("options", ["sgd", False, "log", True]),
        ("options", ["sgd", False, None]), ("asked", []), ("asked", ["1"]), ("asked", ["3", "2"]),
        ("asked", ["2", "2"]), ("points", [["2", -1]]), ("points", [["1", 1]]),
        ("points", [["2", float("nan")]]), ("samples", ["a"]), ("samples", []), ("inputs", "x"),
        ("outputs", ["inputs", "o"]), ("outputs", []), ("shown", [1, 1, 1, 1]), ("given", {}),
        ("shown", [10**30, 1, 1, 1, 1]), ("version", None), ("network", None),
    ],
)  # fmt: skip
def test_what_could_not_have_been_asked_is_refused(key, junk):
    with pytest.raises(InputError, match="not a question of cellprop"):
        read(packed(DATA | {key: junk}))


JUNK = st.sampled_from(
    [
        None,
        -1,
        0,
        1e308,
        float("inf"),
        2.5,
        {"a": 1},
        "\ud800",
        [[[1]]],
        10**12,
        "",
        "x",
        "../../x",
        [],
        {},
        [[]],
        [1, "a"],
        True,
        float("nan"),
    ]
)


def places(tree, path=()):
    yield path
    inner = tree.items() if isinstance(tree, dict) else ()
    for key, value in enumerate(tree) if isinstance(tree, list) else inner:
        yield from places(value, (*path, key))


@settings(max_examples=300)
@given(st.sampled_from([path for path in places(DATA) if path]), JUNK | st.just(NOTHING))
def test_whatever_is_changed_gives_a_question_or_one_line(path, junk):
    data = json.loads(json.dumps(DATA))
    inner = data
    for key in path[:-1]:
        inner = inner[key]
    if junk is NOTHING:
        del inner[path[-1]]
    else:
        inner[path[-1]] = junk
    found = outcome(packed(data))
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
        ask(cellprop.article().update, decimals=decimals)


def test_few_numbers_that_ask_for_very_many_are_refused():
    # Two long rows of labels claim matrices of four million numbers each.
    trace = cellprop.trace(cellprop.Network([1, 2000, 1]), [[0.5]], [0.5], seed=0)
    data = data_of(ask(trace.update, steps="2"))
    data["samples"] = ["s"] * 2000
    data["given"]["X"], data["given"]["y"] = [[0.5]] * 2000, [[0.5]] * 2000
    with pytest.raises(InputError, match="not a question of cellprop"):
        read(packed(data))
