"""One verdict for each number: what is right, what is carried, what rounding explains."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import cellprop
from cellprop.algebra import reads, value
from cellprop.marking import question as questions
from cellprop.marking.carried_text import digest_of, text_of
from cellprop.marking.marks import mark
from cellprop.marking.verdicts import VERDICTS, Answer
from students import answers_of
from test_slips import EVERY_STEP, drawn, network


@pytest.fixture(scope="module")
def asked():
    return questions.ask(cellprop.article().update)


def verdicts(marks, name):
    found = next(matrix for matrix in marks.matrices if matrix.name == name)
    return [[VERDICTS[code] for code in row] for row in found.verdicts.tolist()]


def flat(marks, name):
    return {verdict for row in verdicts(marks, name) for verdict in row}


# --- Perfect, random, nothing -------------------------------------------------------------


@settings(max_examples=60)
@given(drawn(), st.integers(0, 8), st.booleans())
def test_a_perfect_student_gets_full_marks(trace, decimals, formulas):
    question = questions.ask(trace.update, steps=EVERY_STEP, decimals=decimals)
    answers = answers_of(question, decimals=None if formulas else decimals)
    # With few decimals, what a step divides by may be rounded to 0.
    assume(all(np.isfinite(answer.values).all() for answer in answers.values()))
    marks = mark(question, answers)
    assert marks.total == marks.out_of
    if formulas:
        assert set(marks.cells["verdict"]) == {"right"}


def test_a_student_who_types_random_numbers_gets_nothing(asked):
    random = np.random.default_rng(7)
    answers = {n: Answer(random.uniform(-9, 9, m.shape)) for n, m in asked.setup.answers.items()}
    marks = mark(asked, answers)
    assert marks.total == 0
    assert set(marks.cells["verdict"]) <= {"wrong", "slip"}


def test_what_is_blank_or_text_is_called_so(asked):
    answers = answers_of(asked, decimals=3)
    answers["E"] = Answer(np.array([[np.nan], [np.nan], [-0.789]]), {(1, 0): "a lot"})
    marks = mark(asked, answers)
    assert verdicts(marks, "E") == [["blank"], ["not a number"], ["right"]]
    assert marks.cells.query("matrix == 'E'")["answer"].tolist()[1:] == ["a lot", -0.789]


# --- Carried and rounded ------------------------------------------------------------------


def test_an_early_slip_is_charged_once(asked):
    answers = answers_of(
        asked, lambda own, _: own["X"] @ own["wh"], "hidden_layer_input", decimals=3
    )
    marks = mark(asked, answers)
    assert marks.out_of - marks.total == 9
    assert marks.by_step["2"] == (0, 9)
    assert set(marks.cells.query("step != '2'")["verdict"]) == {"right", "carried"}
    assert set(marks.cells.query("matrix == 'output'")["verdict"]) == {"carried"}


def test_the_true_value_is_right_even_where_it_does_not_follow_from_a_slip(asked):
    answers = answers_of(asked, decimals=3)
    answers["hidden_layer_input"] = Answer(answers["hidden_layer_input"].values + 1)
    marks = mark(asked, answers)
    assert flat(marks, "hidden_layer_input") == {"wrong"}
    assert flat(marks, "hiddenlayer_activations") == {"right"}


def test_who_goes_on_with_unrounded_numbers_after_a_slip_has_rounded_not_slipped_again():
    question = questions.ask(network([4, 3, 2], samples=4, seed=5).update, decimals=2)
    exact = answers_of(question, lambda own, _: own["X"] @ own["wh"], "hidden_layer_input")
    typed = {name: Answer(np.round(answer.values, 2)) for name, answer in exact.items()}
    found = mark(question, typed).cells.query("step != '2'")["verdict"]
    assert set(found) == {"right", "carried", "rounded"}


def test_who_rounds_what_they_read_has_rounded():
    random = np.random.default_rng(3)
    trace = cellprop.trace(
        cellprop.Network([4, 3, 1]), random.normal(size=(5, 4)), random.random(5), seed=2
    )
    read = {name: trace.values[name].round(2) for name in ("X", "wh", "bh")}
    entered = (read["X"] @ read["wh"] + read["bh"]).round(2)
    found = cellprop.compare(trace, {"hidden_layer_input": entered}, decimals=2)
    assert found.total == found.out_of
    assert set(found.cells["verdict"]) == {"right", "rounded"}


def test_rounding_explains_only_so_much(asked):
    answers = answers_of(asked, decimals=3)
    # Three activations between 0.5 and 1, each off by 0.0005 at most, times weights below 0.3.
    answers["output_layer_input"] = Answer(answers["output_layer_input"].values + 0.00035)
    assert flat(mark(asked, answers), "output_layer_input") <= {"right", "rounded"}
    answers["output_layer_input"] = Answer(answers["output_layer_input"].values + 0.0021)
    assert flat(mark(asked, answers), "output_layer_input") <= {"wrong", "slip"}


def test_what_needs_a_missing_number_is_compared_with_the_true_value_only(asked):
    answers = answers_of(asked, decimals=3)
    entered = answers["hidden_layer_input"].values.copy()
    entered[0, 1] = np.nan
    answers["hidden_layer_input"] = Answer(entered)
    marks = mark(asked, answers)
    own = marks.cells.query("matrix == 'hiddenlayer_activations'")["expected_from_own"]
    assert np.isnan(own).tolist() == [False, True, *[False] * 7]
    assert marks.out_of - marks.total == 1


@settings(max_examples=25)
@given(drawn(), st.data())
def test_a_missing_number_is_missed_by_whatever_reads_it_and_nothing_else(trace, data):
    question = questions.ask(trace.update, steps=EVERY_STEP, decimals=6)
    answers = answers_of(question)
    name = data.draw(st.sampled_from(list(answers)))
    place = tuple(data.draw(st.integers(0, n - 1)) for n in answers[name].values.shape)
    whole = {n: a.values.copy() for n, a in answers.items()}
    answers[name].values[place] = np.nan
    marks = mark(question, answers)
    assert marks.counts["blank"] == 1
    assert marks.total == marks.out_of - 1
    known = dict(question.given) | whole
    for marked in marks.matrices:
        missing = np.isnan(marked.own)
        for by in (0.3, -0.7):  # where moving it changes something, it is read
            moved = {**known, name: known[name].copy()}
            moved[name][place] += by
            before, after = (
                np.broadcast_to(value(trace.matrix(marked.name).definition, of), missing.shape)
                for of in (known, moved)
            )
            assert missing[before != after].all(), marked.name
        reads_it = any(name == m.name for m in reads(trace.matrix(marked.name).definition))
        assert reads_it or not missing.any()


def test_a_missing_error_is_missed_in_its_row_and_its_sums(asked):
    answers = answers_of(asked, decimals=3)
    answers["d_output"].values[1] = np.nan
    answers["d_hiddenlayer"].values[2, 0] = np.nan
    missing = {m.name: np.isnan(m.own).tolist() for m in mark(asked, answers).matrices}
    no, yes = False, True
    assert missing["Error_at_hidden_layer"] == [[no] * 3, [yes] * 3, [no] * 3]
    assert missing["wout_new"] == [[yes]] * 3
    assert missing["bout_new"] == [[yes]]
    assert missing["wh_new"] == [[yes, no, no]] * 4
    assert missing["bh_new"] == [[yes, no, no]]
    others = set(missing) - {"Error_at_hidden_layer", "wout_new", "bout_new", "wh_new", "bh_new"}
    assert not any(np.any(missing[name]) for name in others)


def test_the_best_verdict_counts(asked):
    answers = answers_of(asked, decimals=3)
    answers["E"] = Answer(-answers["E"].values)
    follows = answers["slope_output_layer"].values * answers["E"].values
    answers["d_output"].values[1:] = follows[1:].round(3)
    marks = mark(asked, answers)
    assert verdicts(marks, "d_output") == [["right"], ["carried"], ["carried"]]


# --- Marks --------------------------------------------------------------------------------


def test_marks_are_tables_that_agree(asked):
    answers = answers_of(asked, lambda own, right: -right, "E", decimals=3)
    marks = mark(asked, answers)
    assert list(marks.cells.columns) == [
        "step", "matrix", "row", "column", "answer", "expected", "expected_from_own", "verdict",
        "slip", "marks",
    ]  # fmt: skip
    assert marks.cells["marks"].sum() == marks.total == marks.steps["marks"].sum() == 79
    assert marks.steps["out_of"].sum() == marks.out_of == len(marks.cells)
    assert sum(marks.counts.values()) == 82
    assert isinstance(marks.steps, pd.DataFrame)
    assert repr(marks).startswith("<Marks 79 of 82: ")


def test_tables_of_marks_have_numbers_as_numbers(asked):
    marks = mark(asked, answers_of(asked, decimals=3))
    of_cells = marks.cells.dtypes
    assert (of_cells[["row", "column"]] == "int64").all()
    numbers = ["answer", "expected", "expected_from_own", "marks"]
    assert (of_cells[numbers] == "float64").all()
    assert (marks.steps.dtypes[["marks", "out_of"]] == "float64").all()
    assert (marks.steps.dtypes[list(VERDICTS)] == "int64").all()
    assert marks.steps.index.tolist() == list(asked.setup.asked)
    assert {step: tuple(row) for step, *row in marks.steps.iloc[:, :2].itertuples()} == (
        marks.by_step
    )
    assert marks.steps[list(VERDICTS)].sum().to_dict() == marks.counts


def test_marks_of_nothing_are_empty_tables(asked):
    marks = mark(asked, {})
    assert (marks.total, marks.out_of, len(marks.cells), len(marks.steps)) == (0, 0, 0, 0)
    assert list(marks.steps.columns) == ["marks", "out_of", *VERDICTS]


def test_the_marks_of_a_step_are_shared_among_its_numbers():
    question = questions.ask(cellprop.article().update, points={"2": 3, "11": 0})
    answers = answers_of(question, decimals=3)
    answers["hidden_layer_input"].values[0] = 77
    marks = mark(question, answers)
    assert marks.by_step["2"] == (pytest.approx(2), pytest.approx(3))
    assert marks.by_step["11"] == (0, 0)


def test_marks_can_be_sent_to_another_process(asked):
    marks = mark(asked, answers_of(asked, decimals=3))
    _ = asked.update, asked.values, text_of(asked)
    again = pickle.loads(pickle.dumps(marks))
    assert again.cells.equals(marks.cells)
    assert digest_of(again.question) == digest_of(asked)


def test_a_slip_that_leads_to_infinity_explains_nothing():
    network = cellprop.Network([1, 1, 1], activation="linear", output_activation="linear")
    parameters = {"wh": [[1e49]], "bh": [[0]], "wout": [[1e49]], "bout": [[0]]}
    trace = cellprop.trace(network, [[1.0]], [1.0], parameters=parameters, learning_rate=0)
    marks = cellprop.compare(trace, {"squared_error": [[7.0]]})
    assert marks.cells["verdict"].tolist() == ["wrong"]
