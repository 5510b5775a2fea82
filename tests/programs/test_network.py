"""A network says how many neurons there are, and what its first parameters are."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellprop import CellpropError, Network
from cellprop.algebra import activations, elementwise_activations, losses

sizes = st.tuples(*[st.integers(1, 9)] * 3)
any_sizes = st.lists(st.integers(1, 9), min_size=2, max_size=6)


@given(sizes)
def test_parameters_have_the_shapes_of_the_layers(drawn):
    inputs, hidden, outputs = drawn
    assert Network(drawn).shapes == {
        "wh": (inputs, hidden),
        "bh": (1, hidden),
        "wout": (hidden, outputs),
        "bout": (1, outputs),
    }


@given(any_sizes)
def test_several_hidden_layers_are_numbered_and_none_leave_only_the_output(drawn):
    network = Network(drawn)
    suffixes = [f"_{k}" for k in range(1, len(drawn) - 1)] if len(drawn) > 3 else [""]
    names = [f"h{suffix}" for suffix in suffixes[: len(drawn) - 2]] + ["out"]
    assert list(network.shapes) == [f"{kind}{name}" for name in names for kind in "wb"]
    for name, before, after in zip(names, drawn, drawn[1:], strict=False):
        assert network.shapes[f"w{name}"] == (before, after)
        assert network.shapes[f"b{name}"] == (1, after)
    found = [(layer.suffix, layer.size) for layer in network.hidden]
    assert found == list(zip(suffixes, drawn[1:-1], strict=False))


@given(any_sizes)
def test_a_network_without_biases_has_the_weights_of_one_with_them(drawn):
    with_biases = Network(drawn).shapes
    without = Network(drawn, bias=False).shapes
    assert without == {n: shape for n, shape in with_biases.items() if n.startswith("w")}


@given(any_sizes, st.integers(0, 2**32))
def test_first_parameters_are_drawn_in_order_uniform_from_0_to_1(drawn, seed):
    network = Network(drawn)
    chance = np.random.default_rng(seed)
    for name, array in network.initialise(seed).items():
        assert array.tolist() == chance.random(network.shapes[name]).tolist()


def test_without_a_seed_every_draw_is_another():
    network = Network([4, 3, 1])
    assert network.initialise()["wh"].tolist() != network.initialise()["wh"].tolist()


def test_given_parameters_are_kept_and_the_others_do_not_depend_on_them():
    network = Network([2, 2, 1])
    found = network.parameters({"bh": [1, 2]}, seed=4)
    assert found["bh"].tolist() == [[1, 2]]
    for name in ("wh", "wout", "bout"):
        assert found[name].tolist() == network.initialise(4)[name].tolist()


def test_given_parameters_are_copied():
    bh = np.array([[1.0, 2.0]])
    Network([2, 2, 1]).parameters({"bh": bh})["bh"][0, 0] = 7
    assert bh.tolist() == [[1, 2]]


def test_a_network_is_equal_to_one_of_the_same_sizes_however_they_were_given():
    assert Network([4, 3, 1]) == Network((4, 3, 1)) == Network(np.array([4, 3, 1]))
    assert Network([4, 3, 1]) != Network([4, 3, 2])
    assert Network([4, 3, 1]) != Network([4, 3, 1], bias=False)


def test_a_network_is_equal_to_one_whose_defaults_are_written_out():
    assert Network([4, 3, 2, 1], activation="tanh") == Network(
        [4, 3, 2, 1], activation=["tanh", "tanh"], output_activation="tanh"
    )
    assert Network([4, 1]) == Network([4, 1], activation=[], output_activation="sigmoid")


OUTPUTS = {
    "as the hidden layers": ({"activation": "tanh"}, "tanh"),
    "as the last hidden layer": ({"activation": ["relu", "linear"]}, "linear"),
    "as told": ({"activation": "relu", "output_activation": "linear"}, "linear"),
    "sigmoid for binary cross entropy": (
        {"activation": "relu", "loss": "binary_cross_entropy"},
        "sigmoid",
    ),
    "softmax for cross entropy": ({"activation": "tanh", "loss": "cross_entropy"}, "softmax"),
}


@pytest.mark.parametrize("what", OUTPUTS)
def test_the_output_has_the_activation_that_the_loss_asks_for_or_the_hidden_layers_have(what):
    options, activation = OUTPUTS[what]
    assert Network([4, 3, 2, 2], **options).output_activation == activation


def test_without_hidden_layers_the_one_activation_is_the_outputs():
    assert Network([4, 1], activation="tanh").output_activation == "tanh"
    assert Network([4, 1]).output_activation == "sigmoid"


def test_a_network_can_not_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Network([4, 3, 1]).sizes = (1, 1, 1)


PREFIX = "Network sizes: expected a whole number of"
BAD_SIZES = {
    "one layer": (
        [4],
        "Network sizes: expected at least 2 numbers (inputs, hidden, …, outputs), found 1.",
    ),
    "no layers": (
        [],
        "Network sizes: expected at least 2 numbers (inputs, hidden, …, outputs), found 0.",
    ),
    "none": (
        None,
        "Network sizes: expected a number for each layer (inputs, hidden, …, outputs), found None.",
    ),
    "a number": (
        3,
        "Network sizes: expected a number for each layer (inputs, hidden, …, outputs), found 3.",
    ),
    "no inputs": ([0, 3, 1], f"{PREFIX} inputs, at least 1, found 0."),
    "no hidden neurons": ([4, 0, 1], f"{PREFIX} hidden neurons, at least 1, found 0."),
    "no neurons in the third layer": (
        [4, 2, 0, 1],
        f"{PREFIX} hidden neurons, at least 1, found 0.",
    ),
    "no outputs without hidden layers": ([4, 0], f"{PREFIX} outputs, at least 1, found 0."),
    "fewer than no outputs": ([4, 3, -1], f"{PREFIX} outputs, at least 1, found -1."),
    "half a neuron": ([4, 1.5, 1], f"{PREFIX} hidden neurons, at least 1, found 1.5."),
    "text": ("431", f"{PREFIX} inputs, at least 1, found '4'."),
    "a truth": ([4, True, 1], f"{PREFIX} hidden neurons, at least 1, found True."),
    "NaN": ([4, float("nan"), 1], f"{PREFIX} hidden neurons, at least 1, found nan."),
}


@pytest.mark.parametrize("what", BAD_SIZES)
def test_bad_sizes_are_named(what):
    given_sizes, message = BAD_SIZES[what]
    with pytest.raises(CellpropError) as caught:
        Network(given_sizes)
    assert str(caught.value) == message


HIDDEN = ", ".join(elementwise_activations())
OUTPUT = ", ".join(activations())
LOSSES = ", ".join(losses())
BAD_FUNCTIONS = {
    "an unknown activation": (
        {"activation": "sigmoud"},
        f"Network activation: 'sigmoud' is not known; known: {HIDDEN}. Did you mean 'sigmoid'?",
    ),
    "an activation that is for outputs only": (
        {"activation": "softmax"},
        f"Network activation: 'softmax' is not known; known: {HIDDEN}.",
    ),
    "one unknown of several": (
        {"activation": ["rellu"]},
        f"Network activation: 'rellu' is not known; known: {HIDDEN}. Did you mean 'relu'?",
    ),
    "an operation that is no activation": (
        {"activation": "square"},
        f"Network activation: 'square' is not known; known: {HIDDEN}.",
    ),
    "no activation": (
        {"activation": None},
        f"Network activation: 'None' is not known; known: {HIDDEN}.",
    ),
    "an activation that is a number": (
        {"activation": 7},
        f"Network activation: '7' is not known; known: {HIDDEN}.",
    ),
    "too many": (
        {"activation": ["tanh", "relu"]},
        "Network activation: expected a name for each of the 1 hidden layers, found 2.",
    ),
    "none": (
        {"activation": []},
        "Network activation: expected a name for each of the 1 hidden layers, found 0.",
    ),
    "an unknown output activation": (
        {"output_activation": "sotfmax"},
        f"Network output_activation: 'sotfmax' is not known; known: {OUTPUT}. Did you mean"
        " 'softmax'?",
    ),
    "an unknown loss": ({"loss": "cross"}, f"Network loss: 'cross' is not known; known: {LOSSES}."),
    "no loss": ({"loss": None}, f"Network loss: 'None' is not known; known: {LOSSES}."),
    "softmax with the squared error": (
        {"output_activation": "softmax"},
        "Network loss: softmax at the output goes with cross_entropy, not with squared_error.",
    ),
    "softmax with the binary cross entropy": (
        {"output_activation": "softmax", "loss": "binary_cross_entropy"},
        "Network loss: binary_cross_entropy goes with sigmoid at the output, not with softmax.",
    ),
    "softmax with one output": (
        {"loss": "cross_entropy"},
        "Network sizes: softmax needs at least 2 outputs, one for each of the classes; found 1,"
        " which would always be 1.",
    ),
    "the cross entropy with relu": (
        {"output_activation": "relu", "loss": "cross_entropy"},
        "Network loss: cross_entropy goes with softmax at the output, not with relu.",
    ),
    "the binary cross entropy with linear": (
        {"output_activation": "linear", "loss": "binary_cross_entropy"},
        "Network loss: binary_cross_entropy goes with sigmoid at the output, not with linear.",
    ),
}


@pytest.mark.parametrize("what", BAD_FUNCTIONS)
def test_functions_that_are_unknown_or_do_not_go_together_are_one_clear_line(what):
    option, message = BAD_FUNCTIONS[what]
    with pytest.raises(CellpropError) as caught:
        Network([4, 3, 1], **option)
    assert str(caught.value) == message


def test_an_unknown_activation_is_named_even_where_no_layer_would_have_it():
    with pytest.raises(CellpropError, match="'sigmoud' is not known"):
        Network([4, 1], activation="sigmoud")
    with pytest.raises(CellpropError, match="for each of the 0 hidden layers, found 1"):
        Network([4, 1], activation=["tanh"])


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"hw": [[1]]}, "parameters: there is no 'hw'; there are wh, bh, wout, bout."),
        (
            {"Wout": [[1]]},
            "parameters: there is no 'Wout'; there are wh, bh, wout, bout. Did you mean 'wout'?",
        ),
        ({"wh": [[1, 2, 3]]}, "wh: expected 2 × 2 numbers, found 1 × 3."),
        ({"wh": [1, 2]}, "wh: expected 2 × 2 numbers, found 2."),
        ({"bout": 5}, "bout: expected 1 × 1 numbers, found one number."),
        ({"bh": [[1], [2]]}, "bh: expected 1 × 2 numbers, found 2 × 1."),
        ({"wh": [[1, 2], [3]]}, "wh: expected rows of equal length, found rows that differ."),
        (
            {"wh": [[1, 2], [3, "4"]]},
            "wh, row 2, column 2: expected a number, found '4', ",
        ),
        ({"bh": [1, float("inf")]}, "bh, row 2: expected a finite number within ±1e+50, found"),
    ],
)
def test_bad_parameters_are_named(parameters, message):
    with pytest.raises(CellpropError) as caught:
        Network([2, 2, 1]).parameters(parameters)
    assert str(caught.value).startswith(message)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("seed", [-1, "x", 1.5])
def test_a_bad_seed_is_named(seed):
    with pytest.raises(CellpropError, match="seed: expected a whole number of at least 0"):
        Network([2, 2, 1]).initialise(seed)
