"""No marks for nothing: the best ways to earn marks without calculating are looked for, and found
to earn next to none; and honest students lose what their slips cost, no more.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

import cellprop
from cellprop.marking.marks import mark
from cellprop.marking.question import ask
from cellprop.marking.verdicts import FULL, RIGHT
from conftest import slow_but
from made_up import MADE, Exercise, answers, walk
from strategies import Cheat, exercises, old_for_new, targets_for_output
from test_slips import network

# The share of the marks that any of it may earn.
MOST = 0.1

each_exercise = pytest.mark.parametrize("name", exercises())


@cache
def question_of(name):
    return exercises()[name]()


def cheat_at(name) -> Cheat:
    return Cheat(question_of(name))


def out_of(cheat: Cheat, names=()) -> int:
    return sum(values.size for name, values in cheat.true.items() if not names or name in names)


# --- One number in a matrix -------------------------------------------------------------------


@each_exercise
@pytest.mark.parametrize("number", [0.0, 1.0, 0.5, -1.0, 1000.0, 1e25, 1e200])
def test_one_number_everywhere_earns_next_to_nothing(name, number):
    cheat = cheat_at(name)
    assert cheat.marks(cheat.constant(number)).total <= MOST * out_of(cheat)


@each_exercise
def test_the_means_and_the_commonest_numbers_of_the_right_matrices_earn_next_to_nothing(name):
    cheat = cheat_at(name)
    for typed in (cheat.means(), cheat.often()):
        assert cheat.marks(typed).total <= MOST * out_of(cheat)


@pytest.mark.slow
@each_exercise
def test_the_best_number_for_each_matrix_earns_next_to_nothing(name):
    cheat = cheat_at(name)
    limit = MOST * out_of(cheat)
    led = cheat.best_plan(rounds=1, numbers=[-1000.0])[1]
    for start in (cheat.means(), cheat.constant(0.0), led):
        total, typed = cheat.climb(cheat.constants, start, 1, limit)
        assert total <= limit, shown(typed)


def shown(typed) -> str:
    return "; ".join(f"{name}: {values.ravel()[:4]}" for name, values in typed.items())


# --- Other patterns ---------------------------------------------------------------------------

PATTERNS = ["near_constants", "by_row", "by_column", "two_values"]
COPIES = ["saturating", "plain"]
# The search is told what each try earns, which no student is. Where it can type many different
# numbers it finds some that are true by luck, and some that do follow.
BY_LUCK = 0.2


@pytest.mark.parametrize("name", slow_but(["softmax"], exercises()))
@pytest.mark.parametrize("way", [*PATTERNS, *COPIES])
def test_patterns_drawn_by_chance_earn_next_to_nothing(name, way):
    cheat = cheat_at(name)
    for _ in range(10):
        typed = cheat.blindly(getattr(cheat, way))
        assert cheat.marks(typed).total <= MOST * out_of(cheat), shown(typed)


@pytest.mark.slow
@each_exercise
@pytest.mark.parametrize("way", COPIES)
def test_the_best_0s_1s_and_copies_earn_next_to_nothing(name, way):
    cheat = cheat_at(name)
    limit = MOST * out_of(cheat)
    total, typed = cheat.climb(getattr(cheat, way), cheat.blindly(getattr(cheat, way)), 1, limit)
    assert total <= limit, shown(typed)


@pytest.mark.slow
@pytest.mark.parametrize("way", PATTERNS)
def test_the_best_pattern_earns_little_even_for_who_is_told_what_each_try_earns(way):
    cheat = cheat_at("article")
    limit = BY_LUCK * out_of(cheat)
    total, typed = cheat.climb(getattr(cheat, way), cheat.blindly(getattr(cheat, way)), 1, limit)
    assert total <= limit, shown(typed)


# --- Copies -----------------------------------------------------------------------------------


@each_exercise
def test_old_weights_typed_as_new_ones_earn_next_to_nothing(name):
    cheat = cheat_at(name)
    typed, copied = old_for_new(cheat)
    earned = sum(m.marks for m in cheat.marks(typed).matrices if m.name in copied)
    assert earned <= MOST * out_of(cheat, copied)


@each_exercise
def test_the_targets_typed_as_output_and_all_that_is_0_then_earn_next_to_nothing(name):
    cheat = cheat_at(name)
    typed, got = targets_for_output(cheat)
    earned = sum(m.marks for m in cheat.marks(typed).matrices if m.name in got)
    assert earned <= MOST * out_of(cheat, got)


@pytest.mark.parametrize("name", slow_but(["article", "softmax"], exercises()))
def test_a_copy_of_what_is_given_earns_next_to_nothing_in_any_matrix(name):
    cheat = cheat_at(name)
    right = {n: np.round(values, cheat.ex.decimals) for n, values in cheat.true.items()}
    for matrix, given in ((m, g) for m in right for g in cheat.ex.given.values()):
        for copy in cheat.fitted(given, matrix):
            if np.array_equal(copy, right[matrix]):
                continue
            marks = cheat.marks(right | {matrix: copy})
            marked = next(m for m in marks.matrices if m.name == matrix)
            assert marked.marks <= max(1, MOST * marked.out_of), (matrix, copy)


@each_exercise
def test_biases_copied_below_a_layer_of_0s_earn_nothing(name):
    cheat = cheat_at(name)
    typed = cheat.constant(0.0)
    for layer in cheat.ex.layers[1:]:
        shape = cheat.ex.shapes[layer.entered]
        typed[layer.entered] = np.broadcast_to(cheat.ex.given[layer.biases], shape) + 0.0
    marked = cheat.marks(typed).matrices
    copied = {layer.entered for layer in cheat.ex.layers[1:]}
    # Where all neurons before it are off, a bias is right.
    assert not any((m.earned & (m.verdicts != RIGHT)).any() for m in marked if m.name in copied)


# --- Saturated --------------------------------------------------------------------------------


@pytest.mark.slow
@each_exercise
@pytest.mark.parametrize("seed", range(3))
def test_neurons_driven_so_far_that_nothing_is_left_to_calculate_earn_next_to_nothing(name, seed):
    cheat = cheat_at(name)
    chance, typed = np.random.default_rng(seed), {}
    for matrix, shape in cheat.ex.shapes.items():
        entered = cheat.lines[matrix].role == "entered"
        follows = np.where(abs(cheat.following(matrix, typed)) < 0.5, 0.0, 1.0)
        typed[matrix] = chance.choice([-1000.0, 1000.0], shape) if entered else follows
    for matrix in typed:
        if matrix.removesuffix("_new") in cheat.ex.given:
            typed[matrix] = cheat.ex.given[matrix.removesuffix("_new")] + 0.0
    assert cheat.marks(typed).total <= MOST * out_of(cheat)


# --- The honest ---------------------------------------------------------------------------------

# What it costs to slip in a line of the article's exercise, and go on from there: the numbers that
# are wrong themselves. (Their last decimals hide some slips in steps 10 and 11.)
HONEST = {
    ("hidden_layer_input", "bias forgotten"): 9,
    ("hidden_layer_input", "sign lost"): 9,
    ("hiddenlayer_activations", "exponent without its minus"): 9,
    ("hiddenlayer_activations", "activation not applied"): 9,
    ("output_layer_input", "bias forgotten"): 3,
    ("output", "exponent without its minus"): 3,
    ("output", "activation not applied"): 3,
    ("E", "output − y"): 3,
    ("squared_error", "square not halved"): 3,
    ("slope_output_layer", "slope at the input"): 3,
    ("slope_hidden_layer", "slope at the input"): 9,
    ("d_output", "slope forgotten"): 3,
    ("d_output", "sign lost"): 3,
    ("d_output", "learning rate already here"): 3,
    ("Error_at_hidden_layer", "sign lost"): 9,
    ("d_hiddenlayer", "slope forgotten"): 9,
    ("d_hiddenlayer", "sign lost"): 9,
    ("wout_new", "rate forgotten"): 3,
    ("wout_new", "only the change"): 3,
    ("wh_new", "only the change"): 12,
    ("bout_new", "subtracted"): 1,
    ("bh_new", "only the change"): 3,
}


@pytest.mark.parametrize(("name", "slip"), HONEST)
def test_an_honest_student_loses_what_the_slip_itself_costs(name, slip):
    question = question_of("article")
    ex = Exercise.of(question)
    made = next(each for each in MADE if each.name == slip)
    marks = mark(question, answers(walk(ex, {name: made.do}, 3)))
    assert marks.out_of - marks.total == HONEST[name, slip]


@pytest.mark.parametrize("rounding", [3, 4, 9, None])
def test_an_honest_student_who_rounds_in_any_honest_way_loses_nothing(rounding):
    for name in exercises():
        question = question_of(name)
        if question is not None:
            least = question.setup.decimals
            typed = walk(Exercise.of(question), rounding=rounding and max(rounding, least))
            marks = mark(question, answers(typed))
            assert marks.total == marks.out_of, name


@pytest.mark.parametrize("name", ["article", "relu", "two hidden layers", "softmax"])
def test_an_honest_student_loses_the_marks_of_blank_cells_only(name):
    question = question_of(name)
    perfect = walk(Exercise.of(question), rounding=3)
    chance = np.random.default_rng(5)
    blank = 0
    for values in perfect.values():
        holes = chance.random(values.shape) < 0.2
        values[holes] = np.nan
        blank += holes.sum()
    marks = mark(question, answers(perfect))
    assert marks.out_of - marks.total == blank


@pytest.mark.parametrize("matrix", ["hidden_layer_input", "hiddenlayer_activations", "E"])
def test_an_honest_student_loses_one_mark_for_one_wrong_number(matrix):
    question = question_of("article")
    ex = Exercise.of(question)

    def do(ex, line, own, right):
        found = np.array(right)
        found[1, 0] += 0.211
        return found

    marks = mark(question, answers(walk(ex, {matrix: do}, 3)))
    assert marks.out_of - marks.total == 1


def relu_question():
    return ask(network([2, 3, 2], activation="relu", samples=3, seed=2).update)


def test_a_neuron_that_is_off_after_an_honest_slip_costs_nothing_more():
    question = relu_question()
    ex = Exercise.of(question)

    def far_below(ex, line, own, right):
        found = np.array(right)
        found[:, 0] = -abs(found[:, 0]) - 0.5
        return found

    typed = walk(ex, {"hidden_layer_input": far_below}, 3)
    assert not typed["hiddenlayer_activations"][:, 0].any()
    marks = mark(question, answers(typed))
    assert marks.by_step["2"][1] - marks.by_step["2"][0] <= 3
    assert all(earned == out_of for step, (earned, out_of) in marks.by_step.items() if step != "2")


@pytest.mark.parametrize("slip", ["sign lost", "bias forgotten", "bias subtracted"])
def test_neurons_that_are_off_after_a_slip_in_what_enters_them_cost_nothing_more(slip):
    question = relu_question()
    ex = Exercise.of(question)
    made = next(each for each in MADE if each.name == slip)
    typed = walk(ex, {"hidden_layer_input": made.do}, 3)
    off = typed["hiddenlayer_activations"] == 0
    assert (off != (question.values["hiddenlayer_activations"] == 0)).any()
    for matrix in mark(question, answers(typed)).matrices:
        if matrix.name != "hidden_layer_input":
            assert np.isin(matrix.verdicts, FULL).all(), matrix.name


def test_a_layer_that_is_off_altogether_after_a_slip_costs_nothing_more():
    trace = cellprop.trace(
        cellprop.Network([2, 2, 1], activation="relu", output_activation="sigmoid"),
        [[0.5, 1.2], [1.1, 0.3], [0.8, 0.9]],
        [0.2, 0.7, 0.4],
        parameters={
            "wh": [[0.4, 0.7], [0.9, 0.2]], "bh": [[0.1, 0.3]],
            "wout": [[0.6], [-0.8]], "bout": [[0.25]],
        },
        learning_rate=0.3,
    )  # fmt: skip
    question = ask(trace.update)
    made = next(each for each in MADE if each.name == "sign lost")
    typed = walk(Exercise.of(question), {"hidden_layer_input": made.do}, 3)
    assert not typed["hiddenlayer_activations"].any()
    marks = mark(question, answers(typed))
    assert marks.out_of - marks.total == 6
