"""No marks for nothing, bounds of rounding, and slips that are named when they explain."""

from __future__ import annotations

import numpy as np
import pytest

import cellprop
from cellprop.errors import InputError
from cellprop.marking import question as questions
from cellprop.marking.marks import mark
from cellprop.marking.slips import FORM
from cellprop.marking.verdicts import VERDICTS, Answer
from students import answers_of, numbers_of
from test_slips import KINDS, network, question_of


@pytest.fixture(scope="module")
def asked():
    return questions.ask(cellprop.article().update)


def verdicts(marks, name):
    found = next(matrix for matrix in marks.matrices if matrix.name == name)
    return [VERDICTS[code] for code in found.verdicts.ravel().tolist()]


def slips(marks, name):
    found = next(matrix for matrix in marks.matrices if matrix.name == name)
    return {key for row in found.slips for key in row}


# --- No marks for nothing -----------------------------------------------------------------


def test_zeros_everywhere_earn_next_to_nothing(asked):
    answers = {n: Answer(np.zeros(m.shape)) for n, m in asked.setup.answers.items()}
    assert mark(asked, answers).total <= 1


@pytest.mark.parametrize("steps", ["10", "11", "10-11"])
def test_old_weights_copied_are_no_update_even_where_rounding_hides_the_change(asked, steps):
    answers = answers_of(asked, decimals=3)
    names = [n for n in answers if n.endswith("_new")]
    for name in names:
        answers[name] = Answer(asked.given[name.removesuffix("_new")])
    marks = mark(asked, answers)
    assert {key for _, key in marks.slips} == {"not_updated"}
    assert sum(marks.by_step[step][0] for step in ("10", "11")) == 0


def test_one_number_throughout_earns_nothing_where_the_right_ones_differ(asked):
    answers = answers_of(asked, decimals=3)
    right = answers["output"].values[0, 0]
    answers["output"] = Answer(np.full((3, 1), right))
    marks = mark(asked, answers)
    assert slips(marks, "output") == {"one_number"}
    assert marks.by_step["4"][0] == 3


def test_one_number_throughout_is_right_where_that_is_right():
    trace = cellprop.trace(
        cellprop.Network([2, 2, 1], output_activation="linear"),
        [[1, 0], [1, 0]], [1, 1], seed=1, learning_rate=0.5,
    )  # fmt: skip
    question = questions.ask(trace.update, steps="2-11")
    assert len(np.unique(question.values["output"])) == 1
    assert mark(question, answers_of(question, decimals=3)).total == question_size(question)


def question_size(question):
    return sum(m.rows.size * m.columns.size for m in question.setup.answers.values())


def test_what_follows_from_targets_copied_into_the_output_takes_no_calculating(asked):
    answers = answers_of(asked, lambda own, _: own["y"], "output", decimals=3)
    marks = mark(asked, answers)
    for name in ("output", "E", "squared_error", "slope_output_layer", "d_output"):
        assert set(verdicts(marks, name)) == {"slip"}, name
    later = [m for m in marks.matrices if m.name in ("wout_new", "bout_new", "wh_new", "bh_new")]
    assert sum(m.marks for m in later) <= 1


def test_saturated_neurons_leave_nothing_to_calculate(asked):
    random = np.random.default_rng(1)
    answers = answers_of(
        asked, lambda _, right: random.choice([-1000.0, 1000.0], right.shape),
        "hidden_layer_input", decimals=3,
    )  # fmt: skip
    marks = mark(asked, answers)
    for name in ("hiddenlayer_activations", "slope_hidden_layer", "d_hiddenlayer", "wh_new"):
        assert not marks.cells.query("matrix == @name")["marks"].any(), name


def test_one_number_but_for_one_cell_is_no_better(asked):
    answers = {}
    for name, matrix in asked.setup.answers.items():
        values = np.zeros(matrix.shape)
        values[-1, -1] = 1 if values.size > 4 else 0
        answers[name] = Answer(values)
    assert mark(asked, answers).total <= 3


def test_who_calculates_on_from_numbers_that_nothing_explains_is_paid_for_that(asked):
    random = np.random.default_rng(5)
    answers = answers_of(
        asked, lambda _, right: random.uniform(-2, 2, right.shape), "hidden_layer_input", decimals=3
    )
    marks = mark(asked, answers)
    assert marks.by_step["2"] == (0, 9)
    assert marks.out_of - marks.total == 9


@pytest.mark.parametrize("kind", ["softmax", "deep"])
def test_a_neuron_that_is_off_by_an_honest_slip_costs_nothing_more(kind):
    question = question_of(kind)
    name = next(iter(question.setup.program.forward.brings)).name
    answers = answers_of(question, lambda _, right: -right, name, decimals=3)
    marks = mark(question, answers)
    size = answers[name].values.size
    assert marks.out_of - marks.total <= size
    assert slips(marks, name) - {""} == {"sign_lost"}


def test_a_number_left_blank_or_wrong_in_one_cell_costs_itself(asked):
    for wrong in (np.nan, 7.0):
        answers = answers_of(asked, decimals=3)
        answers["hidden_layer_input"].values[1, 1] = wrong
        marks = mark(asked, answers)
        assert marks.out_of - marks.total == 1


# --- Rounding has a bound -----------------------------------------------------------------


def test_huge_numbers_of_ones_own_explain_nothing_by_rounding(asked):
    answers = answers_of(asked, decimals=3)
    answers["hiddenlayer_activations"].values[:] = 1e25 * np.arange(1, 10).reshape(3, 3)
    answers["output_layer_input"].values[:] = [[5], [6], [7]]
    marks = mark(asked, answers)
    assert set(verdicts(marks, "output_layer_input")) == {"wrong"}


@pytest.mark.parametrize("activation", ["relu", "leaky_relu"])
def test_a_neuron_that_goes_on_or_off_is_no_rounding(activation):
    made = cellprop.Network([2, 2, 1], activation=activation, output_activation="sigmoid")
    first = {"wh": [[1, 0.5], [-1, 0.25]], "bh": [[0, 0.1]], "wout": [[0.7], [-0.4]], "bout": [[0]]}
    trace = cellprop.trace(made, [[0.3, 0.3], [0.2, 0.7]], [1, 0], parameters=first)
    question = questions.ask(trace.update)
    assert question.values["hidden_layer_input"][0, 0] == 0
    answers = answers_of(question, decimals=3)
    delta, error = answers["d_hiddenlayer"].values, answers["Error_at_hidden_layer"].values
    delta[0, 0] = error[0, 0]  # the slope left out, where it is 0
    marks = mark(question, answers)
    assert verdicts(marks, "d_hiddenlayer")[0] == "slip"


# --- One habit, one price a step ----------------------------------------------------------


def habit(question, change):
    """A student with a habit: everything right from their own numbers, all written their way."""
    own, typed = dict(question.given), {}
    for matrix in question.program.matrices:
        if matrix.definition is not None:
            right = numbers_of_matrix(question, matrix, own)
            own[matrix.name] = typed[matrix.name] = change(right)
    return {name: Answer(typed[name]) for name in question.setup.answers}


def numbers_of_matrix(question, matrix, own):
    from cellprop.algebra import value

    return np.array(np.broadcast_to(value(matrix.definition, own), matrix.shape))


HABITS = {
    "two decimals": lambda right: np.round(right, 2),
    "cut off": lambda right: np.trunc(right * 1000) / 1000,
    "cut off at two": lambda right: np.trunc(right * 100) / 100,
}


@pytest.mark.parametrize("name", HABITS)
@pytest.mark.parametrize("rule", ["each", "step", "once"])
def test_a_habit_of_form_is_paid_for_as_often_as_the_rule_says(asked, name, rule):
    question = questions.with_form_slips(asked, rule)
    marks = mark(question, habit(question, HABITS[name]))
    paid, named = {}, 0
    for m in marks.matrices:
        of_form = np.isin(np.array(m.slips), FORM)
        named += of_form.sum()
        # What was rounded away altogether is paid for each time.
        charged = of_form & ~m.earned & (m.answer.values != 0)
        paid[m.step] = paid.get(m.step, 0) + int(charged.sum())
    if rule == "each":
        assert sum(paid.values()) > 10
    else:
        assert max(paid.values()) == 1
        assert 0 < sum(paid.values()) <= (len(paid) if rule == "step" else 1)


def test_a_rule_for_slips_of_form_that_is_none_is_refused(asked):
    with pytest.raises(InputError, match="form_slips: 'often' is not known; known: each, step"):
        questions.with_form_slips(asked, "often")


# --- Slips are named when they explain ----------------------------------------------------


def test_two_of_many_wrong_numbers_that_happen_to_fit_are_no_slip(asked):
    answers = answers_of(asked, decimals=3)
    entered = answers["hidden_layer_input"].values
    right = entered.copy()
    entered += np.array([[0.31, -0.17, 0.46], [0.22, 0.13, -0.41], [0.37, 0.29, -0.23]])
    entered[0, 0], entered[2, 1] = right[0, 0] / 10, right[2, 1] / 10
    marks = mark(asked, answers)
    assert slips(marks, "hidden_layer_input") == {""}


def test_a_slip_in_one_row_or_column_is_named_there(asked):
    answers = answers_of(asked, decimals=3)
    without = (asked.given["X"] @ asked.given["wh"]).round(3)
    answers["hidden_layer_input"].values[1] = without[1]
    answers["hidden_layer_input"].values[2] += [0.31, 0.17, -0.43]
    marks = mark(asked, answers)
    found = next(m for m in marks.matrices if m.name == "hidden_layer_input")
    assert found.slips == (("",) * 3, ("bias_left_out",) * 3, ("",) * 3)


def test_nobody_who_copied_the_old_weights_applied_the_rate_twice(asked):
    answers = answers_of(asked, lambda own, _: own["wh"], "wh_new", decimals=3)
    assert {key for _, key in mark(asked, answers).slips} == {"not_updated"}


@pytest.mark.parametrize("decimals", [None, 6])
def test_one_slip_in_a_matrix_that_nobody_saw_goes_before_two_in_later_ones(decimals):
    trace = cellprop.article()
    values = {name: trace[name].to_numpy() for name in trace.names}
    doubled = 2 * values["E"] * values["slope_output_layer"]
    lr = 0.1
    given = {
        "output": values["output"],
        "wout_new": values["wout"] + values["hiddenlayer_activations"].T @ doubled * lr,
        "bout_new": values["bout"] + doubled.sum() * lr,
    }
    if decimals:
        given = {name: np.round(array, decimals) for name, array in given.items()}
    marks = cellprop.compare(trace, given, decimals=decimals)
    assert slips(marks, "wout_new") == {"derivative_doubled"}
    assert set(verdicts(marks, "bout_new")) == {"carried"}
    assert {m.name: m.slipped_in for m in marks.matrices if m.slipped_in} == {"wout_new": "E"}


def test_a_slip_of_a_matrixs_own_goes_before_one_that_nobody_saw():
    trace = cellprop.article()
    values = {name: trace[name].to_numpy() for name in trace.names}
    wrong = values["wout"] - values["hiddenlayer_activations"].T @ values["d_output"] * 0.1
    marks = cellprop.compare(trace, {"wout_new": wrong, "bout_new": values["bout_new"]})
    assert slips(marks, "wout_new") == {"update_subtracted"}
    assert not any(m.slipped_in for m in marks.matrices)


# --- An exercise can tell -----------------------------------------------------------------


def test_decimals_are_chosen_so_that_every_answer_differs_from_doing_nothing():
    usual = questions.ask(cellprop.article().update, decimals=3)
    assert questions.untold(usual) == {"d_hiddenlayer": 2, "wh_new": 12, "bh_new": 3}
    chosen = questions.ask(cellprop.article().update, decimals=None)
    assert (chosen.setup.decimals, questions.untold(chosen)) == (4, {})
    for name, new in chosen.program.updates.items():
        old, value = chosen.values[name], chosen.values[new.name]
        moved = abs(value - old) > 1e-12
        assert (np.round(value, 4) != old)[moved].all()


def test_what_no_decimals_can_tell_chooses_the_fewest_that_tell_as_much():
    trace = cellprop.trace(
        cellprop.Network([1, 1, 1]), [[1.0]], [0.0],
        parameters={"wh": [[15]], "bh": [[0]], "wout": [[0.5]], "bout": [[0]]},
    )  # fmt: skip
    chosen = questions.ask(trace.update, decimals=None)
    assert set(questions.untold(chosen)) >= {"slope_hidden_layer", "wh_new"}
    assert chosen.setup.decimals == 3


def test_what_is_exactly_nothing_needs_no_telling():
    question = questions.ask(network([2, 3, 1], activation="relu", seed=3).update, decimals=6)
    assert (question.values["d_hiddenlayer"] == 0).any()
    assert "d_hiddenlayer" not in questions.untold(question)


def test_numbers_of_every_kind_of_network_are_asked_for_at_decimals_that_tell():
    for kind in KINDS:
        update = question_of(kind).update
        chosen = questions.ask(update, steps="2-11", decimals=None)
        assert 3 <= chosen.setup.decimals <= questions.MOST_BY_HAND
        assert mark(chosen, {n: Answer(v) for n, v in numbers_of(chosen).items()}).total
