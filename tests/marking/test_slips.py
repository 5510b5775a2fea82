"""Every known slip is named by the marker, charged once, and carried from there on."""

from __future__ import annotations

from collections import Counter
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cellprop
import shipped
import windowed
from cellprop import sigmoid, squared_error, tanh
from cellprop.algebra import value
from cellprop.marking import question as questions
from cellprop.marking.marks import mark
from cellprop.marking.precision import Decimals, half_a_unit
from cellprop.marking.slips import FORM, SLIPS, mistakes
from cellprop.marking.verdicts import FULL, NOT_UPDATED, RIGHT, SLIP, Answer
from cellprop.texts.words import load
from conftest import slow_but, slow_case
from shipped import PROGRAMS
from students import GUESSES, answers_of


def network(sizes, **options):
    """A trace of a network whose slips show in the first few decimals."""
    training = {
        key: options.pop(key)
        for key in ("optimizer", "average", "scale", "learning_rate", "samples", "seed")
        if key in options
    }
    samples, seed = training.pop("samples", 4), training.pop("seed", 0)
    random = np.random.default_rng(seed)
    X = random.uniform(-1.5, 1.5, (samples, sizes[0])).round(2)
    y = random.uniform(0, 1, (samples, sizes[-1])).round(2)
    if options.get("loss") == "cross_entropy":
        y = np.eye(sizes[-1])[random.integers(0, sizes[-1], samples)]
    made = cellprop.Network(sizes, **options)
    first = {n: random.uniform(-1.5, 1.5, shape).round(2) for n, shape in made.shapes.items()}
    if np.ptp(X, axis=0).min() == 0:
        training["scale"] = None
    usual = {"learning_rate": 0.3}
    return cellprop.trace(made, X, y, parameters=first, **(usual | training))


KINDS = {
    "article": ([4, 3, 1], {"samples": 3}),
    "deep": ([3, 4, 3, 2], {"activation": ["tanh", "leaky_relu"], "average": True}),
    "square": ([3, 3, 3], {"samples": 3, "activation": "tanh"}),
    "softmax": ([3, 2, 3], {"activation": "relu", "loss": "cross_entropy"}),
    "entropy": ([2, 3, 2], {"loss": "binary_cross_entropy", "bias": False}),
    "shallow": ([3, 2], {"output_activation": "linear", "scale": "standard"}),
    "momentum": ([2, 3, 2], {"optimizer": "momentum"}),
    "adam": ([2, 2, 1], {"optimizer": "adam", "average": True}),
    "three hidden": ([2, 3, 2, 3, 1], {"samples": 2}),
}
# The others take longer than anybody should wait for; CI runs them as well.
QUICK = ("article", "softmax", "shallow")
EACH_KIND = slow_but(QUICK, KINDS)
EVERY_STEP = "0-11"


def question_of(kind, seed=0, decimals=3):
    sizes, options = KINDS[kind]
    return questions.ask(
        network(sizes, **options, seed=seed).update, steps=EVERY_STEP, decimals=decimals
    )


# Of a slip that can be made in many ways with one matrix, such as the numbers of any other sample.
MOST_WAYS = 2


def ways_to_slip(question, matrix, leave=()):
    """The slips that can be made with a matrix, but not those to be left, nor any too often."""
    often = Counter()
    for slip, wrong in mistakes(matrix, question.program, question.setup.decimals):
        often[slip.key] += 1
        if slip.key not in leave and often[slip.key] <= MOST_WAYS:
            yield slip, wrong


def slip_everywhere(question, rounding, *, few=None, leave=()):
    """Let students make each slip wherever it applies; return the keys of those that showed.

    `few`: to make only some of them, a generator of random numbers. `leave`: slips not to make.
    """
    decimals = question.setup.decimals
    half, precision = half_a_unit(decimals), Decimals(decimals)
    shown = set()
    order = list(question.setup.answers)
    for name, matrix in question.setup.answers.items():
        slips = list(ways_to_slip(question, matrix, leave))
        if few is not None:
            slips = [slips[i] for i in few.permutation(len(slips))[:2]]
        for slip, wrong in slips:
            if slip.key in shown and leave:
                continue

            # Before anything goes wrong, what follows from the student's numbers is right.
            def do(own, right, wrong=wrong, name=name):
                known = later(question, own, rounding) | own | {name: right}
                return value(wrong, known)

            answers = answers_of(question, do, name, decimals=rounding)
            typed = answers[name].values
            if not np.isfinite(typed).any() or np.isinf(typed).any():
                continue
            # Nobody goes on by hand with numbers that a slip has made as large as this.
            if few is not None and not all(
                (abs(answer.values) < 1e6).all() for answer in answers.values()
            ):
                continue
            marks = mark(question, answers)
            marked = {m.name: m for m in marks.matrices}
            here = marked[name]
            typed = answers[name].values
            off = abs(typed - here.own) > half + precision.within(here.own, here.own)
            visible = off & np.isfinite(typed)
            explained = here.verdicts[visible] == SLIP
            # What rounding alone explains, or what happens to be the true value, is not charged.
            assert (explained | np.isin(here.verdicts[visible], FULL)).all(), (name, slip.key)
            # Rounded to one decimal, say, a matrix may be one number throughout; then nothing
            # that follows from it is left to calculate.
            guessed = np.array([[k in GUESSES for k in row] for row in here.slips])
            assert slip.is_form or not guessed.any(), (name, slip.key)
            for i, j in np.argwhere((here.verdicts == SLIP) & ~guessed):
                assert same_numbers(question, here, answers, i, j, rounding), (name, slip.key)
            shown |= {key for row in here.slips for key in row if key == slip.key}
            if guessed.any() or any(NOT_UPDATED in row for row in here.slips):
                continue
            for later_name in order[order.index(name) + 1 :]:
                after = marked[later_name]
                lost = ~np.isin(after.verdicts, FULL) & np.isfinite(after.own)
                assert not lost.any(), (name, slip.key, later_name)
            for before in order[: order.index(name)]:
                rightly = (RIGHT,) if rounding is None else FULL
                assert np.isin(marked[before].verdicts, rightly).all(), (before, slip.key)
    return shown


def later(question, own, rounding):
    """What the student will have in matrices that are computed later, none of them wrong."""
    known = dict(own)
    with np.errstate(all="ignore"):
        for matrix in question.program.matrices:
            if matrix.name not in known:
                found = np.broadcast_to(value(matrix.definition, known), matrix.shape)
                known[matrix.name] = found if rounding is None else np.round(found, rounding)
    return known


def same_numbers(question, marked, answers, i, j, rounding):
    """Whether the slip that is named gives the number that was typed."""
    known = dict(question.given) | {n: a.values for n, a in answers.items()}
    known[marked.name] = marked.own
    matrix = question.setup.answers[marked.name]
    half = half_a_unit(question.setup.decimals)
    for slip, wrong in mistakes(matrix, question.program, question.setup.decimals):
        if slip.key == marked.slips[i][j]:
            guess = np.broadcast_to(value(wrong, known), matrix.shape)[i, j]
            near = half * max(slip.magnifies, 1e-6) + 1e-9 * abs(guess)
            if abs(guess - marked.answer.values[i, j]) <= near * 1.001:
                return True
    return False


SHOWN: dict[str, set[str]] = {}


EACH_WAY = {f"{kind}-{way}": (kind, way) for kind in KINDS for way in ("rounded", "formulas")}


@pytest.mark.parametrize("name", slow_but(["shallow-rounded", "shallow-formulas"], EACH_WAY))
def test_every_slip_is_named_charged_once_and_carried(name):
    kind, way = EACH_WAY[name]
    rounding = 3 if way == "rounded" else None
    with np.errstate(all="ignore"):
        assert slip_everywhere(question_of(kind), rounding)


@st.composite
def drawn(draw):
    """Traces of small networks of any depth, activations, loss and update rule."""
    loss = draw(st.sampled_from(["squared_error", "binary_cross_entropy", "cross_entropy"]))
    layers = draw(st.integers(0, 3))
    sizes = draw(st.lists(st.integers(1, 5), min_size=layers + 1, max_size=layers + 1))
    kinds = st.sampled_from(["sigmoid", "tanh", "relu", "leaky_relu", "linear"])
    return network(
        [*sizes, draw(st.integers(2 if loss == "cross_entropy" else 1, 5))],
        activation=draw(st.lists(kinds, min_size=layers, max_size=layers)),
        output_activation=draw(kinds) if loss == "squared_error" else None,
        loss=loss,
        bias=draw(st.booleans()),
        average=draw(st.booleans()),
        optimizer=draw(st.sampled_from(["sgd", "momentum", "adam"])),
        scale=draw(st.sampled_from([None, "minmax", "standard"])),
        learning_rate=draw(st.sampled_from([0.1, 0.3, 0.5])),
        samples=draw(st.integers(1, 6)),
        seed=draw(st.integers(0, 10_000)),
    )


@pytest.mark.slow
@settings(max_examples=12)
@given(drawn(), st.integers(2, 6), st.booleans(), st.integers(0, 10_000))
def test_every_slip_is_named_in_drawn_networks(trace, decimals, formulas, seed):
    question = questions.ask(trace.update, steps=EVERY_STEP, decimals=decimals)
    with np.errstate(all="ignore"):
        few = np.random.default_rng(seed)
        slip_everywhere(question, None if formulas else decimals, few=few)


@pytest.mark.slow
def test_every_slip_shows_in_some_network_or_program():
    shown = {"none"}
    with np.errstate(all="ignore"):
        for kind in KINDS:
            shown |= slip_everywhere(question_of(kind, 1), None, leave=shown)
        for program in (*PROGRAMS, "windows"):
            shown |= slip_everywhere(program_of(program), None, leave=shown)
    assert shown == {"none", *(slip.key for slip in SLIPS)}


def program_of(name, **options):
    """A question about a program that ships, or about one with a convolution."""
    asked = windowed.question_of if name == "windows" else partial(shipped.question_of, name)
    return asked(**{"decimals": 6, **options})


EVERY = (*PROGRAMS, "windows")
# With all digits these would take minutes more.
LARGE = ("transformer", "lstm", "gru", "convolution")
WAYS = [(name, 4) for name in EVERY] + [(name, None) for name in EVERY if name not in LARGE]
AT_ONCE = [(name, rounding) for name, rounding in WAYS if name in ("rnn", "attention", "windows")]


@pytest.mark.parametrize(
    ("name", "rounding"), [way if way in AT_ONCE else slow_case(*way) for way in WAYS]
)
def test_every_slip_in_a_program_is_named_charged_once_and_carried(name, rounding):
    with np.errstate(all="ignore"):
        assert slip_everywhere(program_of(name, decimals=rounding or 6), rounding)


def test_a_slip_is_not_read_into_what_needs_a_missing_number():
    question = questions.ask(network([3, 3, 2], activation="relu").update, steps=EVERY_STEP)
    answers = answers_of(question, decimals=3)
    answers["hiddenlayer_activations"].values[:] = np.nan
    # Whatever is not above 0 has the slope 0, so what is missing seems to have it too.
    slope = answers["slope_hidden_layer"].values
    slope[:] = 1 - slope
    found = mark(question, answers).cells.query("matrix == 'slope_hidden_layer'")
    assert set(found["verdict"]) == {"wrong"}


@pytest.mark.parametrize("activation", ["relu", "leaky_relu"])
@pytest.mark.parametrize("given_late", [False, True])
def test_that_a_neuron_is_off_is_no_matter_of_rounding(activation, given_late):
    steps = "6-7" if given_late else EVERY_STEP
    question = questions.ask(network([3, 4, 2], activation=activation, seed=2).update, steps=steps)
    right = question.values["slope_hidden_layer"]
    assert (right == 1).any()
    assert (right < 1).any()
    answers = answers_of(question, decimals=3)
    answers["slope_hidden_layer"] = Answer(right.max() + right.min() - right)
    assert mark(question, answers).cells.query("matrix == 'slope_hidden_layer'")["marks"].sum() == 0


def test_a_step_left_blank_does_not_hide_that_it_was_left_out():
    question = questions.ask(cellprop.article().update)
    answers = answers_of(question, decimals=3)
    answers["slope_output_layer"].values[:] = np.nan
    answers["d_output"] = answers["E"]
    assert mark(question, answers).slips == {("d_output", "slope_left_out"): 3}


def test_a_slip_that_would_give_no_number_explains_none():
    question = questions.ask(cellprop.article().update)
    answers = answers_of(question, decimals=3)
    answers["output"].values[:] = 1e200  # squared, more than a number can be
    answers["squared_error"].values[:, 0] = 7, 8, 9
    found = mark(question, answers).cells.query("matrix == 'squared_error'")
    assert set(found["verdict"]) == {"wrong"}


def test_every_slip_has_words_and_no_words_lack_a_slip():
    texts = {key.removeprefix("slips.") for key in load().texts if key.startswith("slips.")}
    assert texts == {slip.key for slip in SLIPS} | set(GUESSES)


# --- By hand, in plain NumPy ---------------------------------------------------------------

LR = 0.1
BY_HAND = {
    "bias_left_out": ("hidden_layer_input", lambda o: o["X"] @ o["wh"]),
    "slope_at_input": (
        "slope_hidden_layer",
        lambda o: o["hidden_layer_input"] * (1 - o["hidden_layer_input"]),
    ),
    "slope_left_out": ("d_hiddenlayer", lambda o: o["Error_at_hidden_layer"]),
    "activation_left_out": ("output", lambda o: o["output_layer_input"]),
    "exponent_sign": ("output", lambda o: 1 / (1 + np.exp(o["output_layer_input"]))),
    "difference_reversed": ("E", lambda o: o["output"] - o["y"]),
    "rate_left_out": (
        "wout_new",
        lambda o: o["wout"] + o["hiddenlayer_activations"].T @ o["d_output"],
    ),
    "rate_twice": ("bout_new", lambda o: o["bout"] + o["d_output"].sum() * LR * LR),
    # As the article's caption of step 7 does.
    "rate_too_early": ("d_output", lambda o: o["E"] * o["slope_output_layer"] * LR),
    "transpose_forgotten": (
        "wh_new",
        lambda o: o["wh"] + o["X"].reshape(4, 3) @ o["d_hiddenlayer"] * LR,
    ),
    "element_by_element": (
        "output_layer_input",
        lambda o: o["hiddenlayer_activations"][:, :1] * o["wout"] + o["bout"],
    ),
    "wrong_axis": ("bh_new", lambda o: o["bh"] + o["d_hiddenlayer"].sum(axis=1) * LR),
    "updated_too_early": (
        "Error_at_hidden_layer",
        lambda o: (
            o["d_output"] @ (o["wout"] + o["hiddenlayer_activations"].T @ o["d_output"] * LR).T
        ),
    ),
    # As the article's bullet of step 11 does.
    "other_delta": ("bh_new", lambda o: o["bh"] + o["d_output"].sum() * LR),
    "update_subtracted": (
        "wout_new",
        lambda o: o["wout"] - o["hiddenlayer_activations"].T @ o["d_output"] * LR,
    ),
    "old_value_left_out": ("bout_new", lambda o: o["d_output"].sum() * LR + 0 * o["bout"]),
    "decimal_shifted back": (
        "output",
        lambda o: 0.1 / (1 + np.exp(-o["output_layer_input"])),
    ),
    "mean_for_sum": ("bout_new", lambda o: o["bout"] + o["d_output"].mean() * LR),
    "not_halved": ("squared_error", lambda o: (o["y"] - o["output"]) ** 2),
    "sign_lost": ("d_output", lambda o: -o["E"] * o["slope_output_layer"]),
    "decimal_shifted": (
        "hiddenlayer_activations",
        lambda o: 10 / (1 + np.exp(-o["hidden_layer_input"])),
    ),
    "other_sample": ("output", lambda o: 1 / (1 + np.exp(-o["output_layer_input"][::-1]))),
    "other_neuron": (
        "hiddenlayer_activations",
        lambda o: 1 / (1 + np.exp(-o["hidden_layer_input"][:, [1, 0, 2]])),
    ),
    "cut_off": (
        "hiddenlayer_activations",
        lambda o: np.floor(1e6 / (1 + np.exp(-o["hidden_layer_input"]))) / 1e6,
    ),
    "rounded_too_far": (
        "hiddenlayer_activations",
        lambda o: np.round(1 / (1 + np.exp(-o["hidden_layer_input"])), 5),
    ),
}


@pytest.mark.parametrize("key", BY_HAND)
def test_a_slip_written_in_plain_numpy_is_named(key):
    name, wrong = BY_HAND[key]
    trace = cellprop.trace(
        cellprop.Network([4, 3, 1]),
        [[1, 0.7, 1.3, 0.2], [1.1, 0.4, 1, 1.6], [0.3, 1.2, 0.8, 1]],
        [0.9, 0.7, 0.1],
        seed=4,
        learning_rate=LR,
    )
    question = questions.ask(trace.update, decimals=6)
    answers = answers_of(question, lambda own, _: wrong(own), name, decimals=6)
    marks = mark(question, answers)
    assert {slip for _, slip in marks.slips} == {key.removesuffix(" back")}
    assert {matrix for matrix, _ in marks.slips} == {name}
    # A slip of form is paid for once a step.
    charged = 1 if key.removesuffix(" back") in FORM else sum(marks.slips.values())
    assert marks.total == marks.out_of - charged


def test_a_sum_that_should_be_a_mean_is_named():
    trace = network([3, 2, 1], samples=4, average=True)
    question = questions.ask(trace.update, decimals=6)
    rate = trace.values["lr"].item()

    def without_mean(own, _):
        return own["bout"] + own["d_output"].sum() * rate

    answers = answers_of(question, without_mean, "bout_new", decimals=6)
    assert mark(question, answers).slips == {("bout_new", "sum_for_mean"): 1}


# --- In programs, by hand -------------------------------------------------------------------


def softmaxed(x, axis):
    shares = np.exp(x - x.max(axis=1, keepdims=True))
    return shares / shares.sum(axis=axis, keepdims=True)


IN_PROGRAMS = {
    "state_not_carried": ("rnn", "z_3", lambda o: o["x_3"] @ o["W_x"] + o["b"]),
    "state_not_carried from the first": (
        "rnn", "z_3", lambda o: o["x_3"] @ o["W_x"] + o["h_0"] @ o["W_h"] + o["b"],
    ),
    "other_step before": (
        "rnn", "z_2", lambda o: o["x_1"] @ o["W_x"] + o["h_1"] @ o["W_h"] + o["b"],
    ),
    "other_step after": (
        "seq", "z_2", lambda o: o["x_3"] @ o["W_x"] + o["h_1"] @ o["W_h"],
    ),
    "other_step of the state": ("rnn", "scores", lambda o: o["h_2"] @ o["W_o"]),
    "other_step back": ("rnn", "d_W_h_z_3", lambda o: o["h_3"].T @ o["d_z_3"]),
    "other_activation": ("rnn", "h_1", lambda o: 1 / (1 + np.exp(-o["z_1"]))),
    "other_activation of a gate": (
        "lstm", "g_2", lambda o: 1 / (1 + np.exp(-o["z_2"][:, 4:6])),
    ),
    "other_activation within": ("lstm", "h_2", lambda o: o["o_2"] / (1 + np.exp(-o["c_2"]))),
    "state_not_carried by a cell": ("lstm", "c_2", lambda o: o["i_2"] * o["g_2"]),
    "one_use_only": ("rnn", "d_W_x", lambda o: o["d_W_x_z_3"]),
    "one_use_only but two": ("seq", "d_W_x", lambda o: o["d_W_x_z_3"] + o["d_W_x_z_1"]),
    "one_use_only tied": ("autoencoder", "d_W", lambda o: o["d_W_z"]),
    "one_way_only": ("seq", "d_h_1", lambda o: o["d_o_1"] @ o["W_o"].T),
    "scaling_forgotten": ("attention", "scores", lambda o: o["q"] @ o["k"].T + o["mask"]),
    "mask_forgotten": ("attention", "scores", lambda o: o["q"] @ o["k"].T / o["root"]),
    "mask_forgotten of dropout": ("dropout", "kept", lambda o: o["h"]),
    "softmax_axis": ("attention", "weights", lambda o: softmaxed(o["scores"], 0)),
    "wrong_axis": (
        "rnn", "output_sum", lambda o: o["output_exponentials"].sum(axis=0)[:, None],
    ),
    "residual_left_out": ("residual", "h_2", lambda o: o["a_2"]),
    "residual_left_out of a block": ("transformer", "x_1", lambda o: o["head_a"] + o["head_b"]),
    "update_added": ("graph", "W_1_new", lambda o: o["W_1"] + o["d_W_1"] * o["lr"]),
    "rate_left_out": ("graph", "W_1_new", lambda o: o["W_1"] - o["d_W_1"]),
    "old_value_left_out": ("graph", "W_1_new", lambda o: o["d_W_1"] * o["lr"]),
}  # fmt: skip


@pytest.mark.parametrize("case", IN_PROGRAMS)
def test_a_slip_in_a_program_written_in_plain_numpy_is_named(case):
    program, name, wrong = IN_PROGRAMS[case]
    question = program_of(program)

    def slip(own, right):
        found = np.asarray(wrong(own))
        fitted = np.full(right.shape, np.nan)
        there = found[: right.shape[0], : right.shape[1]]
        fitted[: there.shape[0], : there.shape[1]] = there
        return fitted

    marks = mark(question, answers_of(question, slip, name, decimals=6))
    assert {slip for _, slip in marks.slips} == {case.split()[0]}
    assert {matrix for matrix, _ in marks.slips} == {name}


def windows(image, kernel, stride=2, before=1):
    """A convolution in loops, with zeros around."""
    wide = np.pad(image, ((before, 9), (before, 9)))
    size = range(4)
    return np.array([
        [(wide[stride * i : stride * i + 2, stride * j : stride * j + 2] * kernel).sum()
         for j in size]
        for i in size
    ])  # fmt: skip


OF_WINDOWS = {
    "kernel_turned": lambda o: windows(o["image"], o["Kern"][::-1, ::-1]),
    "stride_off": lambda o: windows(o["image"], o["Kern"], stride=1),
    "padding_off": lambda o: windows(o["image"], o["Kern"], before=0),
}


@pytest.mark.parametrize("key", OF_WINDOWS)
def test_a_slip_in_a_convolution_written_in_plain_numpy_is_named(key):
    question = program_of("windows")
    right = windows(question.given["image"], question.given["Kern"])
    assert np.allclose(right, question.values["z"])
    answers = answers_of(question, lambda own, _: OF_WINDOWS[key](own), "z", decimals=6)
    marks = mark(question, answers)
    assert {key for _, key in marks.slips} == {key}
    assert {matrix for matrix, _ in marks.slips} == {"z"}


@cellprop.program(inputs=1, hidden=2)
def gated(m):
    """A state that is kept by one gate and shown through another."""
    W = m.parameter("W", "inputs", "hidden")
    x = m.given("x", "samples", "inputs")
    c = m.constant("c_0", [[0.3, -0.8], [0.5, 0.1]], "samples", "hidden")
    z = m.define("z", x @ W)
    kept = m.define("c_1", sigmoid(z) * c)
    shown = m.define("h_1", sigmoid(z) * tanh(kept))
    return squared_error(m.target("y", "samples", "hidden"), shown)


def test_a_gate_with_another_activation_is_named():
    trace = cellprop.trace(gated, [[0.5], [-0.9]], [[0.2, 0.1], [0.3, 0.0]], seed=1)
    question = questions.ask(trace.update, decimals=6)

    def by_tanh(own, _):
        return np.tanh(own["z"]) * np.tanh(own["c_1"])

    answers = answers_of(question, by_tanh, "h_1", decimals=6)
    assert mark(question, answers).slips == {("h_1", "other_activation"): 4}

    def by_sigmoid(own, _):
        return 1 / (1 + np.exp(-own["z"])) / (1 + np.exp(-own["c_1"]))

    answers = answers_of(question, by_sigmoid, "h_1", decimals=6)
    assert mark(question, answers).slips == {("h_1", "other_activation"): 4}


def test_networks_know_no_time_steps():
    # Their layers are numbered too, and questions of theirs are marked as they were.
    of_programs = {
        "state_not_carried", "other_step", "one_use_only", "one_way_only", "residual_left_out",
        "mask_forgotten", "scaling_forgotten", "softmax_axis", "update_added",
    }  # fmt: skip
    for kind in ("deep", "softmax", "adam", "three hidden"):
        question = question_of(kind)
        for matrix in question.setup.answers.values():
            keys = {slip.key for slip, _ in mistakes(matrix, question.program, 3)}
            assert not keys & of_programs, (kind, matrix)
