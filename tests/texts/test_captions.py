"""What is said about a step is true of the network at hand."""

from __future__ import annotations

import numpy as np
import pytest

import cellprop
from cellprop.algebra import (
    OPERATIONS,
    activations,
    elementwise,
    elementwise_activations,
    losses,
)
from cellprop.programs.scaling import SCALINGS
from cellprop.programs.updating import OPTIMIZERS
from cellprop.texts import captions
from cellprop.texts.words import load

WORDS = load()
X = np.array([[0.0, 1.0], [1.0, 0.5], [0.3, 0.2]])
CLASSES = np.eye(3)


def traced(sizes=(2, 3, 1), y=None, network=None, **options):
    y = np.array([[1.0], [0.0], [1.0]]) if y is None else y
    run = cellprop.Network(list(sizes), **(network or {}))
    return cellprop.trace(run, X, y, seed=1, **options)


def said(trace, label, what=captions.says):
    step = next(step for step in trace.program.steps if step.label == label)
    return what(WORDS, step)


def heading(words, step):
    return captions.heading(words, 11, step)


def noted(trace, label):
    return " ".join(all_notes(trace)[label])


def test_every_activation_loss_rule_and_scaling_of_ours_has_its_words():
    for name in activations():
        for key in ("name", "does", "slope"):
            assert WORDS.get(f"activations.{name}.{key}"), (name, key)
    for name in losses():
        assert WORDS.get(f"losses.{name}.name"), name
        assert WORDS.notes(f"losses.{name}.notes"), name
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
        for step in trace.program.steps:
            texts = [
                captions.heading(WORDS, trace.program.last, step),
                captions.says(WORDS, step),
                *captions.notes(WORDS, trace.update, step),
            ]
            for text in texts:
                assert text
                assert not set("{}") & set(text)
                assert "  " not in text
                assert " ," not in text
                assert " :" not in text


def test_a_layer_is_named_only_where_there_are_several():
    assert said(traced(), "2", heading) == "Step 2 of 11 · Hidden layer input"
    deep = traced((2, 3, 4, 1))
    assert said(deep, "2.2", heading) == "Step 2.2 of 11 · Hidden layer 2 input"
    assert said(deep, "2.1").startswith("Multiply the inputs by")
    assert said(deep, "2.2").startswith("Multiply the activations of hidden layer 1 by")
    assert said(deep, "8.2").startswith("The output delta travels back")
    assert said(deep, "8.1").startswith("The delta of hidden layer 2 travels back")


def test_without_biases_none_is_mentioned():
    trace = traced(network={"bias": False})
    assert all("bias" not in said(trace, label) for label in ("1", "2", "4"))
    assert [step.label for step in trace.program.steps][-1] == "10"


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
    assert captions.shown(WORDS, traced(epochs=4).update) == "Shown: epoch 1 of 4."
    trace = traced(batch_size=2, walk_batch=2)
    shown = "Shown: update 2 of 2 in epoch 1 of 1, with 1 of 3 samples."
    assert captions.shown(WORDS, trace.update) == shown
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


# --- Notes stand only where they are about this network -------------------------------------

# The seven of docs/workbook.md, by the step on which they stand.
SLIPS = {
    "1": "picture", "2": "bias_row", "4": "product", "5": "error", "6": "slope", "7": "caption",
    "11": "bias_sums",
}  # fmt: skip
OF_THE_ARTICLE = WORDS.texts.keys() & {f"article.{key}" for key in SLIPS.values()}


def all_notes(trace):
    """The notes on each step, by its label."""
    steps = trace.program.steps
    return {step.label: captions.notes(WORDS, trace.update, step) for step in steps}


def slips_on(trace):
    """On which steps a note speaks of the article."""
    return {label for label, found in all_notes(trace).items() if "article" in str(found).lower()}


def test_on_the_articles_example_all_seven_slips_are_noted():
    found = all_notes(cellprop.article())
    assert len(OF_THE_ARTICLE) == 7
    for step, key in SLIPS.items():
        assert WORDS(f"article.{key}") in found[step]
    assert slips_on(cellprop.article()) == set(SLIPS)


@pytest.mark.parametrize("name", ["notebook", "moons", "blobs", "xor", "iris"])
def test_on_no_other_example_a_note_speaks_of_the_article(name):
    assert slips_on(cellprop.example(name)) == set()


@pytest.mark.parametrize(
    ("sizes", "network", "options"),
    [
        ((2, 3, 1), {}, {}),
        ((2, 3, 1), {}, {"average": True}),
        ((2, 1), {}, {}),
        ((2, 3, 4, 1), {"activation": ["relu", "sigmoid"]}, {"optimizer": "adam"}),
        ((2, 3, 1), {"bias": False, "loss": "binary_cross_entropy"}, {"scale": "minmax"}),
        ((2, 3, 1), {"activation": "tanh"}, {"batch_size": 2}),
    ],
)
def test_nor_does_any_on_somebodys_own_data(sizes, network, options):
    assert slips_on(traced(sizes, network=network, **options)) == set()


@pytest.mark.parametrize(
    ("sizes", "network", "options", "gone"),
    [
        ((4, 3, 1), {}, {"epochs": 5, "walk_epoch": 5}, set()),
        ((4, 2, 1), {}, {}, {"1"}),
        ((4, 3, 1), {"activation": "tanh", "output_activation": "linear"}, {}, {"6"}),
        ((4, 3, 1), {"bias": False}, {}, {"2", "11"}),
        ((4, 3, 1), {"loss": "binary_cross_entropy"}, {}, {"5", "7"}),
        ((4, 1), {}, {}, {"1", "2", "4", "11"}),
    ],
)
def test_with_the_articles_samples_a_slip_is_noted_as_far_as_the_network_is_the_articles(
    sizes, network, options, gone
):
    article = cellprop.article()
    run = cellprop.Network(list(sizes), **network)
    trace = cellprop.trace(run, article["X"], article["y"], seed=1, **options)
    assert slips_on(trace) == set(SLIPS) - gone


def test_that_the_updates_add_is_explained_on_every_network_of_the_squared_error():
    for trace in (cellprop.article(), traced(), traced((2, 3, 3, 1))):
        assert "negative gradient" in noted(trace, "5")


# Networks that have every note there is, between them.
EVERY_NOTE = [
    {"network": {"activation": name, "output_activation": "sigmoid"}, "scale": scale}
    for name in elementwise_activations()
    for scale in SCALINGS
] + [
    {"network": {"loss": "binary_cross_entropy"}, "average": True},
    {"sizes": (2, 3, 3), "y": CLASSES, "network": {"loss": "cross_entropy"}, "batch_size": 2},
]


def test_every_note_of_a_step_is_declared_with_what_it_depends_on():
    notes = [
        note
        for options in EVERY_NOTE
        for step in traced(**options).program.steps
        for note in step.caption.notes
    ]
    declared = {note.key for note in notes}
    assert set(OF_THE_ARTICLE) <= declared
    assert all(note.when for note in notes if note.key in OF_THE_ARTICLE)
    keys = {k for k in WORDS.texts if k.endswith(("notes", ".average")) and k != "sheet.notes"}
    kinds = ("steps.", "activations.", "losses.", "phrases.")
    assert {key for key in keys if key.startswith(kinds)} <= declared


def test_a_note_of_a_teachers_own_stands_on_every_network():
    mine = type(WORDS)({**WORDS.texts, "steps.4.notes": ("Mine.",)})
    for trace in (cellprop.article(), traced((2, 1)), traced((2, 3, 3, 1))):
        step = next(s for s in trace.program.steps if s.number == 4)
        assert "Mine." in captions.notes(mine, trace.update, step)
