"""A network says how many neurons there are, and what its first parameters are."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellprop import CellpropError, Network

sizes = st.tuples(*[st.integers(1, 9)] * 3)


@given(sizes)
def test_parameters_have_the_shapes_of_the_layers(drawn):
    inputs, hidden, outputs = drawn
    assert Network(drawn).shapes == {
        "wh": (inputs, hidden),
        "bh": (1, hidden),
        "wout": (hidden, outputs),
        "bout": (1, outputs),
    }


@given(sizes, st.integers(0, 2**32))
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


def test_a_network_can_not_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Network([4, 3, 1]).sizes = (1, 1, 1)


PREFIX = "Network sizes: expected a whole number of"
BAD_SIZES = {
    "two layers": ([4, 1], "Network sizes: expected 3 numbers (inputs, hidden, outputs), found 2."),
    "four": ([4, 3, 2, 1], "Network sizes: expected 3 numbers (inputs, hidden, outputs), found 4."),
    "none": (None, "Network sizes: expected 3 numbers (inputs, hidden, outputs), found None."),
    "a number": (3, "Network sizes: expected 3 numbers (inputs, hidden, outputs), found 3."),
    "no inputs": ([0, 3, 1], f"{PREFIX} inputs, at least 1, found 0."),
    "no hidden neurons": ([4, 0, 1], f"{PREFIX} hidden neurons, at least 1, found 0."),
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


@pytest.mark.parametrize(
    ("option", "message"),
    [
        (
            {"activation": "sigmoud"},
            "Network activation: 'sigmoud' is not known; known: sigmoid. Did you mean 'sigmoid'?",
        ),
        ({"loss": "cross"}, "Network loss: 'cross' is not known; known: squared_error."),
        ({"loss": None}, "Network loss: 'None' is not known; known: squared_error."),
    ],
)
def test_unknown_functions_are_named_with_those_there_are(option, message):
    with pytest.raises(CellpropError) as caught:
        Network([4, 3, 1], **option)
    assert str(caught.value) == message


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
        ({"wh": [[1, 2], [3, "4"]]}, "wh, row 2, column 2: expected a number, found '4'."),
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
