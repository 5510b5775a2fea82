"""Some hidden neurons in full and all others as one sum: the very same update."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellprop import Network
from cellprop.errors import InputError
from cellprop.running.reduced import reduced
from cellprop.running.run import Update
from cellprop.tracing import Trace, trace

RANDOM = np.random.default_rng(12)
X = RANDOM.normal(size=(7, 4))
YES = (RANDOM.random((7, 1)) > 0.5).astype(float)
CLASSES = np.eye(3)[[0, 2, 1, 1, 0, 2, 0]]
SOFTMAX = {"activation": "tanh", "loss": "cross_entropy"}
HIDDEN, CHOSEN = 6, (2, 3, 6)

# What the network is, its targets, and how it is trained.
KINDS: dict[str, tuple[dict[str, Any], Any, dict[str, Any]]] = {
    "as the article's": ({}, YES, {}),
    "later": ({}, YES, {"epochs": 40, "walk_epoch": 40}),
    "momentum": ({}, YES, {"optimizer": "momentum", "epochs": 5, "walk_epoch": 4}),
    "Adam": ({}, YES, {"optimizer": "adam", "epochs": 5, "walk_epoch": 5}),
    "means": ({}, YES, {"average": True}),
    "Adam with means": ({}, YES, {"optimizer": "adam", "average": True}),
    "batches": ({}, YES, {"batch_size": 3, "walk_batch": 2}),
    "the last batch": ({}, YES, {"batch_size": 3, "walk_batch": 3, "shuffle": True}),
    "no biases": ({"bias": False}, YES, {}),
    "classes": (SOFTMAX, CLASSES, {"optimizer": "momentum", "epochs": 3, "walk_epoch": 3}),
    "classes without biases": (SOFTMAX | {"bias": False}, CLASSES, {"average": True}),
    "yes or no": ({"activation": "relu", "loss": "binary_cross_entropy"}, YES, {}),
    "linear outputs": ({"output_activation": "linear"}, YES, {}),
    "standard": ({}, YES, {"scale": "standard"}),
    "minmax": (SOFTMAX, CLASSES, {"scale": "minmax", "optimizer": "adam"}),
    "scaled batches": ({}, YES, {"scale": "standard", "batch_size": 2, "walk_batch": 3}),
}


def traced(kind: str = "as the article's", hidden: int = HIDDEN) -> Trace:
    network, y, options = KINDS[kind]
    return trace(Network([4, hidden, y.shape[1]], **network), X, y, seed=3, **options)


def shown_of(whole: Trace, neurons: tuple[int, ...]) -> dict[str, np.ndarray]:
    """Return of every matrix of a whole update the rows and columns of some hidden neurons."""
    at = np.array(neurons) - 1
    found = {}
    for name in whole.names:
        matrix, values = whole.matrix(name), whole.values[name]
        values = values[at] if matrix.rows.name == "hidden" else values
        found[name] = values[:, at] if matrix.columns.name == "hidden" else values
    return found


def agree(found: np.ndarray, expected: np.ndarray) -> bool:
    return found.shape == expected.shape and bool(
        (np.abs(found - expected) <= 1e-12 * np.abs(expected).max()).all()
    )


def rest_of(update: Update) -> str:
    (rest,) = update.program.having("rest")
    return rest.name


@pytest.mark.parametrize("kind", KINDS)
def test_all_that_is_shown_is_what_it_is_in_the_whole_network(kind):
    whole = traced(kind)
    update, expected = reduced(whole.update, CHOSEN), shown_of(whole, CHOSEN)
    assert {*update.names} - {rest_of(update)} == {*expected}
    assert [n for n in expected if not agree(update.values[n], expected[n])] == []


@pytest.mark.parametrize("kind", KINDS)
def test_the_others_are_what_is_lacking_of_the_output_layers_input(kind):
    whole = traced(kind)
    update, others = reduced(whole.update, CHOSEN), [0, 3, 4]
    activations = whole.values["hiddenlayer_activations"][:, others]
    lacking = activations @ whole.values["wout"][others]
    assert agree(update.values[rest_of(update)], lacking)


@settings(max_examples=20, deadline=None)
@given(st.sets(st.integers(1, HIDDEN), min_size=1, max_size=HIDDEN - 1))
def test_any_neurons_may_be_chosen(neurons):
    whole = traced("classes")
    update, expected = reduced(whole.update, neurons), shown_of(whole, tuple(sorted(neurons)))
    assert [n for n in expected if not agree(update.values[n], expected[n])] == []


def test_the_sum_has_the_bits_of_a_spreadsheet_that_adds_from_the_left():
    whole = traced()
    update = reduced(whole.update, CHOSEN)
    activations, weights = whole.values["hiddenlayer_activations"], whole.values["wout"]
    for sample in range(len(X)):
        total = activations[sample, 0] * weights[0, 0]
        for neuron in (3, 4):
            total += activations[sample, neuron] * weights[neuron, 0]
        assert update.values[rest_of(update)][sample, 0] == total


def test_neurons_keep_their_labels_and_samples_theirs():
    whole = traced("the last batch")
    update = reduced(whole.update, [6, 2, 2])
    weights = update.program.forward.layers[0].weights
    assert weights.columns.labels == ("h2", "h6")
    assert update.program.output.rows == whole.program.output.rows


def test_labels_that_are_there_twice_do_no_harm():
    import pandas as pd

    table = pd.DataFrame(X, columns=["a", "a", "b", "b"], index=["s"] * 7)
    whole = trace(Network([4, 3, 1]), table, YES, seed=1)
    update, expected = reduced(whole.update, [3]), shown_of(whole, (3,))
    assert [n for n in expected if not agree(update.values[n], expected[n])] == []


def test_values_are_read_only_and_those_of_the_whole_untouched():
    whole = traced()
    before = {name: values.copy() for name, values in whole.values.items()}
    update = reduced(whole.update, CHOSEN)
    assert not any(values.flags.writeable for values in update.values.values())
    assert all(np.array_equal(before[name], whole.values[name]) for name in before)


def test_all_neurons_are_the_whole_update():
    whole = traced()
    assert reduced(whole.update, range(1, HIDDEN + 1)) is whole.update


@pytest.mark.parametrize("sizes", [[4, 1], [4, 2, 2, 1]])
def test_only_a_network_with_one_hidden_layer_has_neurons_to_choose(sizes):
    whole = trace(Network(sizes), X, YES, seed=1)
    with pytest.raises(InputError, match=r"one hidden layer; this one has (none|2)"):
        reduced(whole.update, [1])


@pytest.mark.parametrize(
    ("neurons", "said"),
    [
        ([0], "1 to 6, found 0"), ([7], "1 to 6, found 7"), ([1.5], "found 1.5"),
        ([True], "found True"), ("1", "found 1"), (["h1"], "found h1"), ([], "found none"),
        (3, "found 3"), ([[1]], r"found \[\[1\]\]"), ([None], "found None"),
    ],
)  # fmt: skip
def test_neurons_that_are_not_there_are_named(neurons, said):
    with pytest.raises(InputError, match=f"^neurons: expected .*{said}"):
        reduced(traced().update, neurons)
