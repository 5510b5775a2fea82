"""What is said about a step is true of the network at hand."""

from __future__ import annotations

import numpy as np
import pytest

import cellprop
from cellprop import captions
from cellprop.algebra import OPERATIONS, activations, elementwise, losses
from cellprop.steps import OPTIMIZERS, SCALINGS
from cellprop.words import load

WORDS = load()
X = np.array([[0.0, 1.0], [1.0, 0.5], [0.3, 0.2]])
CLASSES = np.eye(3)


def traced(sizes=(2, 3, 1), y=None, network=None, **options):
    y = np.array([[1.0], [0.0], [1.0]]) if y is None else y
    run = cellprop.Network(list(sizes), **(network or {}))
    return cellprop.trace(run, X, y, seed=1, **options)


def said(trace, label, what=captions.says):
    step = next(step for step in trace.walkthrough.steps if step.label == label)
    return what(WORDS, trace, step)


def noted(trace, label):
    return " ".join(said(trace, label, captions.notes))


def test_every_activation_loss_rule_and_scaling_of_ours_has_its_words():
    for name in activations():
        for key in ("name", "does", "slope"):
            assert WORDS.get(f"activations.{name}.{key}"), (name, key)
    for name in losses():
        assert WORDS.get(f"losses.{name}.name"), name
        assert WORDS.notes(f"losses.{name}.delta_notes"), name
    for name in set(OPTIMIZERS) - {"sgd"}:
        assert WORDS.get(f"optimizers.{name}.weights"), name
        assert WORDS.get(f"optimizers.{name}.biases"), name
    assert all(WORDS.get(f"scalings.{name}") for name in SCALINGS)


def test_no_sentence_has_a_hole_or_a_brace_left():
    runs = [
        traced(),
        traced((2, 1)),
        traced((2, 3, 4, 1), network={"activation": ["relu", "tanh"], "bias": False}),
        traced((2, 3), CLASSES, {"loss": "cross_entropy"}, optimizer="adam", scale="minmax"),
        traced((2, 3, 3), CLASSES, {"loss": "cross_entropy"}, batch_size=2, optimizer="momentum"),
    ]
    for trace in runs:
        for step in trace.walkthrough.steps:
            texts = [
                captions.heading(WORDS, trace, step),
                captions.says(WORDS, trace, step),
                *captions.notes(WORDS, trace, step),
            ]
            for text in texts:
                assert text
                assert not set("{}") & set(text)
                assert "  " not in text
                assert " ," not in text
                assert " :" not in text


def test_a_layer_is_named_only_where_there_are_several():
    assert said(traced(), "2", captions.heading) == "Step 2 of 11 · Hidden layer input"
    deep = traced((2, 3, 4, 1))
    assert said(deep, "2.2", captions.heading) == "Step 2.2 of 11 · Hidden layer 2 input"
    assert said(deep, "2.1").startswith("Multiply the inputs by")
    assert said(deep, "2.2").startswith("Multiply the activations of hidden layer 1 by")
    assert said(deep, "8.2").startswith("The output delta travels back")
    assert said(deep, "8.1").startswith("The delta of hidden layer 2 travels back")


def test_without_biases_none_is_mentioned():
    trace = traced(network={"bias": False})
    assert all("bias" not in said(trace, label) for label in ("1", "2", "4"))
    assert [step.label for step in trace.walkthrough.steps][-1] == "10"


def test_without_a_hidden_layer_the_inputs_go_to_the_output():
    assert said(traced((2, 1)), "4").startswith("Multiply the inputs by the output weights")


@pytest.mark.parametrize("name", ["tanh", "relu", "leaky_relu", "linear"])
def test_an_activation_is_called_by_its_name(name):
    trace = traced(network={"activation": name})
    called = WORDS(f"activations.{name}.name")
    assert called.lower() in said(trace, "3").lower() or "hyperbolic" in said(trace, "3")
    assert said(trace, "4", captions.title).endswith(called)
    assert said(trace, "6").count(WORDS(f"activations.{name}.slope")) == 1


def test_each_activation_says_its_slope_once():
    trace = traced((2, 3, 3, 1), network={"activation": ["tanh", "relu"]})
    for name in ("tanh", "relu"):
        assert said(trace, "6").count(WORDS(f"activations.{name}.slope")) == 1


@pytest.mark.parametrize(
    ("network", "sizes", "y"),
    [
        ({"loss": "binary_cross_entropy"}, (2, 3, 1), None),
        ({"loss": "cross_entropy"}, (2, 3, 3), CLASSES),
    ],
)
def test_where_the_slope_cancels_step_7_says_why(network, sizes, y):
    trace = traced(sizes, y, network)
    assert "cancels" in said(trace, "7")
    assert "d_output_check" in noted(trace, "7")
    assert "d_output_check" in trace.names
    assert "cancels" not in said(traced(), "7")


def test_averaging_is_said():
    assert "summed over" in said(traced(), "10")
    trace = traced(average=True)
    assert "averaged over" in said(trace, "10")
    assert "divided by 3" in noted(trace, "10")


def test_the_update_that_is_shown_is_said():
    assert captions.shown(WORDS, traced(epochs=4)) == "Shown: epoch 1 of 4."
    trace = traced(batch_size=2, walk_batch=2)
    shown = "Shown: update 2 of 2 in epoch 1 of 1, with 1 of 3 samples."
    assert captions.shown(WORDS, trace) == shown
    assert shown in noted(trace, "0")


def test_an_activation_without_words_is_called_by_its_own_name(monkeypatch):
    form = OPERATIONS["tanh"].numpy
    cube = elementwise(
        "cube", lambda x: x**3, maths=form, numpy=form, excel=form, slope=lambda _, x: x * x * 3
    )
    monkeypatch.setitem(OPERATIONS, "cube", cube)
    trace = traced(network={"activation": "cube"})
    assert "cube" in said(trace, "3")
    assert said(trace, "4", captions.title).endswith("cube")


def test_a_linear_output_is_not_linear_twice():
    trace = traced((2, 1), network={"output_activation": "linear"})
    assert said(trace, "4", captions.title) == "Output layer, linear"
    assert said(trace, "4").endswith("pass the result on as it is.")
    assert said(trace, "6", captions.title) == "Slopes at the output layer"
