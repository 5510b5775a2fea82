"""Which activation goes with which loss follows from the table."""

from __future__ import annotations

import pytest

from cellprop.algebra import (
    OPERATIONS,
    activations,
    elementwise_activations,
    identity,
    is_loss_of_classes,
    is_of_several,
    loss_of_classes,
    loss_of_yes_or_no,
    losses,
    losses_for,
    outputs_for,
)


def test_any_neuron_applies_what_takes_each_number_by_itself():
    assert elementwise_activations() == (
        "sigmoid", "tanh", "relu", "leaky_relu", "linear", "softplus", "elu", "silu", "gelu",
    )  # fmt: skip
    assert activations() == (*elementwise_activations(), "softmax")
    assert [name for name in activations() if is_of_several(name)] == ["softmax"]
    assert identity() == "linear"


def test_losses_and_activations_that_go_together_say_so_both_ways():
    assert losses() == ("squared_error", "binary_cross_entropy", "cross_entropy")
    for loss in losses():
        assert all(loss in losses_for(activation) for activation in outputs_for(loss))
    assert outputs_for("squared_error") == ()
    assert losses_for("softmax") == ("cross_entropy",)
    assert losses_for("sigmoid") == ("binary_cross_entropy",)
    assert losses_for("tanh") == ()


def test_classes_have_a_usual_loss_in_one_column_and_in_several():
    assert (loss_of_yes_or_no(), loss_of_classes()) == ("binary_cross_entropy", "cross_entropy")


@pytest.mark.parametrize("name", [None, "", "nonsense", "add"])
def test_a_name_that_is_none_of_the_table_s_is_no_loss_and_no_activation(name):
    assert not is_loss_of_classes(name)
    assert not is_of_several(name)


def test_what_decides_and_what_has_bounds_is_said_by_the_row():
    bounds = {name: OPERATIONS[name].bounds for name in activations()}
    assert bounds == {
        "sigmoid": (0, 1), "tanh": (-1, 1), "softmax": (0, 1),
        "relu": None, "leaky_relu": None, "linear": None,
        "softplus": None, "elu": None, "silu": None, "gelu": None,
    }  # fmt: skip
    assert [name for name in activations() if OPERATIONS[name].decides] == ["sigmoid", "softmax"]
    assert OPERATIONS["sigmoid"].words == "activations.sigmoid"
    assert OPERATIONS["squared_error"].words == "losses.squared_error"
