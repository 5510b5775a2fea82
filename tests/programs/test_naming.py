"""Names of other people's matrices are known, whatever their case, order and separators."""

from __future__ import annotations

import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cellprop
from cellprop.programs.naming import look_up, squashed
from conftest import slow_case
from test_slips import EACH_KIND, KINDS, network


@pytest.fixture(scope="module")
def article():
    return cellprop.article()


@pytest.fixture(scope="module")
def deep():
    sizes, options = KINDS["deep"]
    return network(sizes, **options)


def meant(trace, *names):
    found = look_up(names, trace.program)
    return {name: found[name].ours for name in names}


ARTICLE = {
    "X": "X x inputs X_train l0 a0",
    "y": "y Y t target targets y_true labels expected_output",
    "lr": "lr eta learning_rate η alpha",
    "wh": "W1 w1 w_hidden wh Wh W_h weights_1 Weights1 weights_hidden hidden_weights W1_old old_W1"
    " weights_input_hidden wih w_ih syn0 theta1 layer1.weights fc1.weight W¹ params.W1 W1_initial",
    "bh": "b1 bh b_h bias_hidden biases_1 hidden_bias bias1 B1",
    "wout": "W2 wout w_out W_output weights_2 weights_hidden_output who W_ho output_weights syn1",
    "bout": "b2 bout b_out bias_output output_bias bo",
    "hidden_layer_input": "z1 Z1 hidden_input HiddenLayerInput net_h z_hidden hidden_layer_in in1",
    "hiddenlayer_activations": "a1 A1 h H hidden hidden_output hidden_layer_output a_h l1 h1"
    " hidden_layer_activations hiddenLayerActivations A_1 layer1_output hidden_activation",
    "output_layer_input": "z2 Z2 output_input z_out net_o outputLayerInput",
    "output": "a2 A2 y_hat yhat ŷ pred y_pred predictions predicted_output Output l2 o",
    "E": "E e error output_error error_output l2_error dA2 da2 residuals",
    "slope_output_layer": "slope_output slope2",
    "d_output": "delta2 dZ2 dz2 delta_output output_delta δ_out δ₂ l2_delta dL_dz2 d2",
    "Error_at_hidden_layer": "dA1 da1 hidden_error error_hidden l1_error dh dL_da1 error_at_hidden"
    " error_hidden_layer Error_at_hiddenlayer",
    "d_hiddenlayer": "delta1 dZ1 dz1 delta_hidden hidden_delta l1_delta d_hidden_layer d1 δ1",
    "d_wh": "dW1 grad_W1 W1_grad W1.grad dw1 dL_dW1 d_W1 ∂W1 gW1 gradients.W1 grads.dW1 dw_hidden"
    " dW_h ∇W1",
    "d_wout": "dW2 grad_W2 who_grad dw_out d_weights_hidden_output",
    "d_bh": "db1 grad_b1 b1.grad d_bias_hidden",
    "d_bout": "db2 grads.b2 dL_db2",
    "wh_new": "W1_new new_W1 W1_updated updated_W1 W1′ W1_next new_w_hidden wh_new newW1",
    "bh_new": "b1_new new_b1 updated_bias_hidden",
    "wout_new": "W2_new updated_W2 new_who",
    "bout_new": "b2_new bout_new",
}


@pytest.mark.parametrize("ours", ARTICLE)
def test_the_names_that_people_use_for_one_hidden_layer_are_known(article, ours):
    for name in ARTICLE[ours].split():
        found = meant(article, name)[name]
        assert ours in found, name
        assert found == (ours,) or name.startswith(("d_", "dh")), name


@pytest.mark.parametrize("kind", EACH_KIND)
def test_layers_are_counted_from_the_input(kind):
    sizes, options = KINDS[kind]
    trace = network(sizes, **options)
    names = [*trace.network.shapes]
    weights = [name for name in names if name.startswith("w")]
    for number, ours in enumerate(weights, 1):
        assert meant(trace, f"W{number}")[f"W{number}"] == (ours,)
        assert meant(trace, f"W{number}_new")[f"W{number}_new"] == (f"{ours}_new",)
        gradient = f"{ours}_change" if kind == "adam" else f"d_{ours}"
        assert meant(trace, f"dW{number}")[f"dW{number}"] == (gradient,)


def test_layers_may_be_counted_from_zero(article):
    assert meant(article, "W0", "b0", "W1", "b1", "dW0") == {
        "W0": ("wh",), "b0": ("bh",), "W1": ("wout",), "b1": ("bout",), "dW0": ("d_wh",),
    }  # fmt: skip


def test_several_hidden_layers_have_their_own(deep):
    assert meant(deep, "z1", "h2", "delta_3", "dA2", "W2", "hidden2_output", "y_hat") == {
        "z1": ("hidden_layer_input_1",),
        "h2": ("hiddenlayer_activations_2",),
        "delta_3": ("d_output",),
        "dA2": ("Error_at_hidden_layer_2",),
        "W2": ("wh_2",),
        "hidden2_output": ("hiddenlayer_activations_2",),
        "y_hat": ("output",),
    }
    assert meant(deep, "hidden")["hidden"] == ()


@pytest.mark.parametrize(
    "prefixes",
    [
        ("0", "2"), ("layers.0", "layers.2"), ("fc1", "fc2"), ("hidden", "output"), ("2", "10"),
        ("encoder", "head"), ("model.0", "model.3"), ("linear1", "linear2"), ("l1", "l2"),
    ],
)  # fmt: skip
def test_models_of_pytorch_are_known_by_the_order_of_their_layers(article, prefixes):
    names = [f"{p}.{what}{end}" for end in ("", ".grad") for p in prefixes
             for what in ("weight", "bias")]  # fmt: skip
    found = look_up(names, article.program)
    assert [found[name].ours[0] for name in names] == [
        "wh", "bh", "wout", "bout", "d_wh", "d_bh", "d_wout", "d_bout",
    ]  # fmt: skip
    assert [found[name].turned for name in names] == [True, False] * 4


def test_models_of_keras_are_known_by_the_order_of_their_layers(article):
    names = ["dense/kernel:0", "dense/bias:0", "dense_1/kernel:0", "dense_1/bias:0"]
    found = look_up(names, article.program)
    assert [found[name].ours[0] for name in names] == ["wh", "bh", "wout", "bout"]
    assert not any(each.turned for each in found.values())


def test_a_state_before_and_one_after_are_told_apart(article):
    names = ["before.0.weight", "before.2.weight", "after.0.weight", "after.2.weight"]
    found = look_up(names, article.program)
    assert [found[name].ours for name in names] == [("wh",), ("wout",), ("wh_new",), ("wout_new",)]


@pytest.mark.parametrize(
    ("optimizer", "names"),
    [
        ("momentum", {"v_W1": "wh_velocity_new", "velocity_b2": "bout_velocity_new",
                      "vdW1": "wh_velocity_new", "vW2_new": "wout_velocity_new"}),
        slow_case("adam", {"m_W1": "wh_m_new", "mdb1": "bh_m_new", "s_W2": "wout_v_new",
                  "exp_avg_sq_W1": "wh_v_new", "dW1": "wh_change", "beta1": "beta_1"}),
    ],
)  # fmt: skip
def test_what_an_update_rule_remembers_is_known(optimizer, names):
    trace = cellprop.example("article", optimizer=optimizer)
    assert {name: found[0] for name, found in meant(trace, *names).items()} == names


@pytest.mark.parametrize("name", ["foo", "data2", "banana", "bad", "hello", "", "…", "W3", "b"])
def test_other_names_are_not_known(article, name):
    assert meant(article, name)[name] == ()


@settings(max_examples=25)
@given(st.lists(st.text(string.printable + "δ∂ŷ′₁", max_size=12), max_size=6))
def test_any_names_can_be_looked_up(names):
    trace = cellprop.article()
    found = look_up(names, trace.program)
    assert set(found) == set(names)


@given(st.text())
def test_a_squashed_name_has_letters_and_digits_only(name):
    found = squashed(name)
    assert set(found) <= set(string.ascii_lowercase + string.digits)
    assert squashed(found) == found
