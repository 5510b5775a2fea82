"""Models of scikit-learn and PyTorch become networks that compute and learn the same."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from importlib import import_module
from typing import Any

import numpy as np
import pandas as pd
import pytest

import cellprop
from cellprop import CellpropError, Network
from cellprop.errors import InputError
from cellprop.files.examples import example
from cellprop.programs.fitted import from_sklearn, from_torch

TOLERANCE = 1e-12


def library(name: str, purpose: str) -> Any:
    """Return a library; without it the test is skipped, but in CI it fails."""
    try:
        return import_module(name)
    except ImportError:
        reason = f"`{name}` is not installed: {purpose}"
        if os.environ.get("CI"):
            pytest.fail(f"{reason}; this test must run in CI")
        pytest.skip(reason)


@pytest.fixture(scope="module")
def sklearn():
    library("sklearn", "its models become networks")
    library("sklearn.linear_model", "one of its models does not")
    library("sklearn.pipeline", "nor does this")
    library("sklearn.model_selection", "nor does this")
    return library("sklearn.neural_network", "its models become networks")


@pytest.fixture(scope="module")
def torch():
    return library("torch", "its models become networks")


@pytest.fixture(scope="module")
def nn(torch):
    torch.manual_seed(7)
    return torch.nn


def samples(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return an example's X, standardised, and y."""
    given = example(name)
    X, y = given.inputs.values, given.targets.values
    return (X - X.mean(axis=0)) / X.std(axis=0), y


def outputs(
    network: Network, parameters: dict[str, Any], X: Any, y: Any
) -> tuple[np.ndarray, np.ndarray]:
    """Return what a trace that trains nothing computes, and what it predicts."""
    run = cellprop.trace(network, X, y, parameters=parameters, epochs=0)
    return run["output"].to_numpy(), run.predict(X).to_numpy()


def assert_same(network: Network, parameters: Any, X: Any, y: Any, expected: Any) -> None:
    for found in outputs(network, parameters, X, y):
        assert found.shape == expected.shape
        assert np.abs(found - expected).max() <= TOLERANCE


# --- scikit-learn computes the same -------------------------------------------------------

ACTIVATIONS = {"relu": "relu", "tanh": "tanh", "logistic": "sigmoid", "identity": "linear"}
HIDDEN = [(), (3,), (5, 4), (4, 3, 2)]
# They need not learn well: unfinished training warns.
unfinished = pytest.mark.filterwarnings("ignore:Stochastic Optimizer")


@unfinished
@pytest.mark.parametrize("hidden", HIDDEN)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_a_classifier_of_three_classes(sklearn, activation, hidden):
    X, y = samples("iris")
    model = sklearn.MLPClassifier(
        hidden_layer_sizes=hidden, activation=activation, max_iter=20, random_state=1
    )
    model.fit(X, y.argmax(axis=1))
    network, parameters = from_sklearn(model)
    assert network == Network(
        [4, *hidden, 3],
        activation=[ACTIVATIONS[activation]] * len(hidden),
        output_activation="softmax",
        loss="cross_entropy",
    )
    assert list(parameters) == list(network.shapes)
    assert_same(network, parameters, X, y, model.predict_proba(X))


@unfinished
@pytest.mark.parametrize("hidden", HIDDEN)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_a_classifier_of_two_classes(sklearn, activation, hidden):
    X, y = samples("moons")
    model = sklearn.MLPClassifier(
        hidden_layer_sizes=hidden, activation=activation, max_iter=5, random_state=1
    )
    model.fit(X, np.where(y[:, 0] == 1, "yes", "no"))
    network, parameters = from_sklearn(model)
    assert (network.output_activation, network.loss) == ("sigmoid", "binary_cross_entropy")
    assert network.sizes == (2, *hidden, 1)
    assert model.classes_.tolist() == ["no", "yes"]
    assert_same(network, parameters, X, y, model.predict_proba(X)[:, 1:])


@unfinished
def test_a_classifier_of_several_labels(sklearn):
    X, y = samples("iris")
    y[:, 0] = X[:, 0] > 0
    model = sklearn.MLPClassifier(hidden_layer_sizes=(4,), max_iter=20, random_state=1).fit(X, y)
    network, parameters = from_sklearn(model)
    assert (network.output_activation, network.loss) == ("sigmoid", "binary_cross_entropy")
    assert_same(network, parameters, X, y, model.predict_proba(X))


@unfinished
@pytest.mark.parametrize("targets", [1, 2])
@pytest.mark.parametrize("hidden", HIDDEN)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_a_regressor(sklearn, activation, hidden, targets):
    X, _ = samples("iris")
    X, y = X[:, targets:], X[:, :targets]
    model = sklearn.MLPRegressor(
        hidden_layer_sizes=hidden, activation=activation, max_iter=20, random_state=1
    )
    model.fit(X, y if targets > 1 else y[:, 0])
    network, parameters = from_sklearn(model)
    assert (network.output_activation, network.loss) == ("linear", "squared_error")
    assert_same(network, parameters, X, y, model.predict(X).reshape(y.shape))


@unfinished
def test_single_precision_is_carried_over_exactly_and_copied(sklearn):
    X, y = samples("iris")
    model = sklearn.MLPRegressor(hidden_layer_sizes=(3,), max_iter=5, random_state=1)
    model.fit(X.astype("float32"), y[:, 0].astype("float32"))
    _, parameters = from_sklearn(model)
    assert model.coefs_[0].dtype == np.float32
    assert parameters["wh"].dtype == np.float64
    assert (parameters["wh"] == model.coefs_[0]).all()
    before = float(model.coefs_[0][0, 0])
    parameters["wh"][0, 0] += 1
    assert model.coefs_[0][0, 0] == before


@unfinished
def test_a_subclass_of_a_classifier_is_one(sklearn):
    class Mine(sklearn.MLPClassifier):
        pass

    X, y = samples("iris")
    model = Mine(hidden_layer_sizes=(3,), max_iter=5, random_state=1).fit(X, y.argmax(axis=1))
    assert_same(*from_sklearn(model), X, y, model.predict_proba(X))


# --- PyTorch computes the same ------------------------------------------------------------


def torch_output(torch: Any, model: Any, X: np.ndarray) -> np.ndarray:
    model.double()
    with torch.no_grad():
        return model(torch.from_numpy(X)).numpy()


SEQUENCES = {
    "sigmoid": (lambda nn: [nn.Linear(4, 3), nn.Sigmoid(), nn.Linear(3, 3), nn.Sigmoid()],
                [4, 3, 3], ["sigmoid"], "sigmoid", "binary_cross_entropy"),
    "tanh": (lambda nn: [nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 3)],
             [4, 3, 3], ["tanh"], "linear", "squared_error"),
    "relu": (lambda nn: [nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 3), nn.Softmax(dim=1)],
             [4, 6, 3], ["relu"], "softmax", "cross_entropy"),
    "leaky relu": (lambda nn: [nn.Linear(4, 6), nn.LeakyReLU(), nn.Linear(6, 3), nn.Softmax(-1)],
                   [4, 6, 3], ["leaky_relu"], "softmax", "cross_entropy"),
    "softplus": (lambda nn: [nn.Linear(4, 6), nn.Softplus(), nn.Linear(6, 3), nn.Softplus()],
                 [4, 6, 3], ["softplus"], "softplus", "squared_error"),
    "elu": (lambda nn: [nn.Linear(4, 6), nn.ELU(), nn.Linear(6, 3), nn.Softmax(-1)],
            [4, 6, 3], ["elu"], "softmax", "cross_entropy"),
    "silu": (lambda nn: [nn.Linear(4, 6), nn.SiLU(), nn.Linear(6, 3), nn.Sigmoid()],
             [4, 6, 3], ["silu"], "sigmoid", "binary_cross_entropy"),
    "gelu": (lambda nn: [nn.Linear(4, 6), nn.GELU(approximate="tanh"), nn.Linear(6, 3)],
             [4, 6, 3], ["gelu"], "linear", "squared_error"),
    "relu at the output": (lambda nn: [nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 3), nn.ReLU()],
                           [4, 3, 3], ["tanh"], "relu", "squared_error"),
    "several, one without activation": (
        lambda nn: [nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 4), nn.Linear(4, 2), nn.Tanh(),
                    nn.Linear(2, 3), nn.Softmax(dim=1)],
        [4, 5, 4, 2, 3], ["relu", "linear", "tanh"], "softmax", "cross_entropy"),
    "no hidden layer": (lambda nn: [nn.Linear(4, 3)], [4, 3], [], "linear", "squared_error"),
    "nested": (
        lambda nn: [nn.Sequential(nn.Linear(4, 2), nn.Tanh()),
                    nn.Sequential(nn.Sequential(nn.Linear(2, 3)), nn.Sigmoid())],
        [4, 2, 3], ["tanh"], "sigmoid", "binary_cross_entropy"),
    "no bias": (lambda nn: [nn.Linear(4, 5, bias=False), nn.Tanh(), nn.Linear(5, 3, bias=False)],
                [4, 5, 3], ["tanh"], "linear", "squared_error"),
    "left out": (
        lambda nn: [nn.Identity(), nn.Linear(4, 5), nn.Dropout(0.0), nn.Dropout(0.5).eval(),
                    nn.Tanh(), nn.Linear(5, 3), nn.Identity()],
        [4, 5, 3], ["tanh"], "linear", "squared_error"),
}  # fmt: skip


@pytest.mark.parametrize("what", SEQUENCES)
def test_a_sequence_of_modules(torch, nn, what):
    make, sizes, hidden, output, loss = SEQUENCES[what]
    model = nn.Sequential(*make(nn))
    network, parameters = from_torch(model)
    bias = what != "no bias"
    assert network == Network(
        sizes, activation=hidden, output_activation=output, loss=loss, bias=bias
    )
    assert list(parameters) == list(network.shapes)
    X, y = samples("iris")
    assert_same(network, parameters, X, y, torch_output(torch, model, X))


def test_the_same_activation_object_may_stand_in_several_places(torch, nn):
    act = nn.Tanh()
    model = nn.Sequential(nn.Linear(4, 3), act, nn.Linear(3, 3), act, nn.Linear(3, 3))
    network, parameters = from_torch(model)
    assert network.activation == ("tanh", "tanh")
    X, y = samples("iris")
    assert_same(network, parameters, X, y, torch_output(torch, model, X))


def test_a_weight_that_was_made_of_others_is_carried_over_once_it_is_a_plain_one(torch, nn):
    utils = torch.nn.utils
    prune = import_module("torch.nn.utils.prune")
    normed = utils.parametrizations.weight_norm(nn.Linear(4, 3))
    pruned = prune.l1_unstructured(nn.Linear(3, 3), "weight", 2)
    model = nn.Sequential(normed, nn.Tanh(), pruned).double()
    utils.parametrize.remove_parametrizations(normed, "weight")
    prune.remove(pruned, "weight")
    X, y = samples("iris")
    assert_same(*from_torch(model), X, y, torch_output(torch, model, X))


@pytest.mark.parametrize("dims", [(1, -1), (1, 1), (-1, -1), (-1, 1), (0, 0), (0, -2), (-2, 0)])
def test_flattening_does_nothing_to_flat_samples(torch, nn, dims):
    model = nn.Sequential(
        nn.Flatten(*dims), nn.Linear(4, 3), nn.Flatten(), nn.Tanh(), nn.Linear(3, 3)
    )
    X, y = samples("iris")
    network, parameters = from_torch(model)
    assert network.sizes == (4, 3, 3)
    assert_same(network, parameters, X, y, torch_output(torch, model, X))


@pytest.mark.parametrize("kind", ["Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "AlphaDropout"])
def test_every_dropout_is_left_out_only_when_it_is_switched_off(nn, kind):
    model = nn.Sequential(nn.Linear(4, 3), getattr(nn, kind)(0.5))
    with pytest.raises(InputError, match=rf"model\[1\] \({kind}\) .* call model\.eval\(\) first"):
        from_torch(model)
    assert from_torch(model.eval())[0].sizes == (4, 3)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_the_numbers_of_any_precision_are_taken_as_they_are(torch, nn, dtype):
    model = nn.Sequential(nn.Linear(4, 3)).to(getattr(torch, dtype))
    _, parameters = from_torch(model)
    expected = model[0].weight.detach().double().numpy().T
    assert (parameters["wout"] == expected).all()


def test_single_precision_is_carried_over_exactly_transposed_and_copied(nn):
    model = nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 2))
    _, parameters = from_torch(model)
    weights = model[0].weight.detach().numpy()
    assert weights.dtype == np.float32
    assert parameters["wh"].dtype == np.float64
    assert (parameters["wh"] == weights.T).all()
    assert (parameters["bout"] == model[2].bias.detach().numpy()).all()
    parameters["wh"][0, 0] += 1
    assert (parameters["wh"] != weights.T).sum() == 1


@pytest.mark.parametrize("loss", ["cross_entropy", "binary_cross_entropy", "squared_error", None])
def test_a_loss_on_logits_adds_the_activation_and_learns_the_same(torch, nn, loss):
    model = nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 3)).double()
    X, y = samples("iris")
    network, parameters = from_torch(model, loss=loss)
    run = cellprop.trace(network, X, y, parameters=parameters, learning_rate=0.01)

    logits, target = model(torch.from_numpy(X)), torch.from_numpy(y)
    if loss == "cross_entropy":
        expected, output = nn.CrossEntropyLoss(reduction="sum")(logits, target), logits.softmax(1)
    elif loss == "binary_cross_entropy":
        expected, output = nn.BCEWithLogitsLoss(reduction="sum")(logits, target), logits.sigmoid()
    else:
        expected, output = nn.MSELoss(reduction="sum")(logits, target) / 2, logits
    assert np.abs(run["output"].to_numpy() - output.detach().numpy()).max() <= TOLERANCE
    assert run.history["loss"][0] == pytest.approx(expected.item() / len(X), rel=1e-12)

    expected.backward()
    torch.optim.SGD(model.parameters(), lr=0.01).step()
    _, stepped = from_torch(model, loss=loss)
    for name, after in stepped.items():
        assert np.abs(run.parameters[name] - after).max() <= TOLERANCE


def test_a_loss_beside_its_activation_adds_nothing(nn):
    model = nn.Sequential(nn.Linear(4, 3), nn.Softmax(dim=1))
    assert from_torch(model, loss="cross_entropy")[0] == from_torch(model)[0]
    model = nn.Sequential(nn.Linear(4, 3), nn.Sigmoid())
    assert from_torch(model, loss="binary_cross_entropy")[0] == from_torch(model)[0]
    assert from_torch(model, loss="squared_error")[0].loss == "squared_error"


def test_dropout_is_left_out_of_a_model_that_is_not_training(torch, nn):
    model = nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Dropout(0.5), nn.Linear(3, 3)).eval()
    X, y = samples("iris")
    assert_same(*from_torch(model), X, y, torch_output(torch, model, X))


# --- What can't be carried over -----------------------------------------------------------


def fitted(model: Any) -> Any:
    X, y = samples("iris")
    return model.fit(X, y.argmax(axis=1))


def pipeline(sk: Any) -> Any:
    return sys.modules["sklearn.pipeline"].make_pipeline(sk.MLPClassifier())


def search(sk: Any) -> Any:
    return sys.modules["sklearn.model_selection"].GridSearchCV(sk.MLPClassifier(), {})


def not_finite(sk: Any) -> Any:
    model = fitted(sk.MLPClassifier(hidden_layer_sizes=(3,), max_iter=3, random_state=1))
    model.coefs_[1][2, 0] = np.nan
    return model


EXPECTED = "from_sklearn: expected a fitted MLPClassifier or MLPRegressor, found"
SKLEARN_WRONG = {
    "a classifier not fitted": (
        lambda sk: sk.MLPClassifier(),
        "from_sklearn: this MLPClassifier is not fitted; call its fit(X, y) first.",
    ),
    "a regressor not fitted": (
        lambda sk: sk.MLPRegressor(),
        "from_sklearn: this MLPRegressor is not fitted; call its fit(X, y) first.",
    ),
    "another loss": (
        lambda sk: fitted(sk.MLPRegressor(loss="poisson", max_iter=3)),
        "from_sklearn: an MLPRegressor with loss 'poisson' can't be carried over;"
        " fit it with loss='squared_error'.",
    ),
    "a pipeline": (
        pipeline,
        "from_sklearn: a Pipeline can't be carried over; pass its last step, model[-1], and scale"
        " the data the same way: model[:-1].transform(X).",
    ),
    "a search": (
        search,
        "from_sklearn: a GridSearchCV can't be carried over; pass its best_estimator_.",
    ),
    "another model": (
        lambda sk: fitted(sys.modules["sklearn.linear_model"].LogisticRegression()),
        f"{EXPECTED} LogisticRegression.",
    ),
    "another of its networks": (lambda sk: sk.BernoulliRBM(), f"{EXPECTED} BernoulliRBM."),
    "a class": (lambda sk: sk.MLPClassifier, f"{EXPECTED} the class MLPClassifier."),
    "nothing": (lambda sk: None, f"{EXPECTED} NoneType."),
    "a number that is none": (
        not_finite,
        "wout, row 3, column 1: expected a finite number within ±1e+50, found an empty cell (NaN).",
    ),
}


@unfinished
@pytest.mark.parametrize("what", SKLEARN_WRONG)
def test_what_scikit_learn_has_and_we_have_not_is_one_line(sklearn, what):
    make, message = SKLEARN_WRONG[what]
    with pytest.raises(InputError) as caught:
        from_sklearn(make(sklearn))
    assert str(caught.value) == message


def own_sequence(nn: Any) -> Any:
    class Twice(nn.Sequential):
        def forward(self, x):
            return super().forward(x) * 2

    return Twice(nn.Linear(4, 3))


def own_linear(nn: Any) -> Any:
    class Masked(nn.Linear):
        def forward(self, x):
            return super().forward(x) * 0

    return nn.Sequential(Masked(4, 3))


def own_forward(nn: Any) -> Any:
    layer = nn.Linear(3, 3)
    layer.forward = lambda x: x
    return nn.Sequential(layer)


def own_module(nn: Any) -> Any:
    class Net(nn.Module):
        pass

    return Net()


IN = "put its layers, in order, into an nn.Sequential"
USE = (
    "can't be carried over; use Linear layers with Sigmoid, Tanh, ReLU, LeakyReLU, Softplus, ELU,"
    " SiLU, GELU or Softmax."
)
TORCH_WRONG = {
    "a module of one's own": (own_module, f"expected an nn.Sequential, found Net; {IN}."),
    "a sequence of one's own": (own_sequence, f"expected an nn.Sequential, found Twice; {IN}."),
    "a layer alone": (
        lambda nn: nn.Linear(4, 3),
        f"expected an nn.Sequential, found Linear; {IN}.",
    ),
    "a class": (
        lambda nn: nn.Sequential,
        f"expected an nn.Sequential, found the class Sequential; {IN}.",
    ),
    "a number": (lambda nn: 7, "expected an nn.Sequential, found int."),
    "no modules": (lambda nn: nn.Sequential(), "expected at least one Linear, found none."),
    "no layer": (
        lambda nn: nn.Sequential(nn.Identity()),
        "expected at least one Linear, found none.",
    ),
    "a linear of one's own": (own_linear, f"model[0] (Masked) {USE}"),
    "a sequence of one's own within": (
        lambda nn: nn.Sequential(nn.Linear(3, 4), own_sequence(nn)),
        f"model[1] (Twice) {USE}",
    ),
    "another module": (
        lambda nn: nn.Sequential(nn.Linear(4, 3), nn.InstanceNorm1d(3)),
        f"model[1] (InstanceNorm1d) {USE}",
    ),
    "another activation, nested": (
        lambda nn: nn.Sequential(nn.Linear(4, 3), nn.Sequential(nn.Tanh(), nn.Mish())),
        f"model[1][1] (Mish) {USE}",
    ),
    "a gelu by the normal distribution": (
        lambda nn: nn.Sequential(nn.Linear(4, 3), nn.GELU()),
        "model[1] (GELU with approximate='none') can't be carried over; use approximate='tanh'.",
    ),
    "another elu": (
        lambda nn: nn.Sequential(nn.Linear(4, 3), nn.ELU(0.5)),
        "model[1] (ELU with alpha=0.5) can't be carried over; use alpha=1.",
    ),
    "another softplus": (
        lambda nn: nn.Sequential(nn.Linear(4, 3), nn.Softplus(2, 5)),
        "model[1] (Softplus with beta=2, threshold=5) can't be carried over;"
        " use beta=1, threshold=20.",
    ),
    "a convolution": (lambda nn: nn.Sequential(nn.Conv3d(1, 1, 1)), f"model[0] (Conv3d) {USE}"),
    "the logarithm of softmax": (
        lambda nn: nn.Sequential(nn.Linear(4, 3), nn.LogSoftmax(dim=1)),
        "model[1] (LogSoftmax) can't be carried over; use Softmax(dim=1).",
    ),
    "dropout": (
        lambda nn: nn.Sequential(nn.Linear(4, 3), nn.Dropout()),
        "model[1] (Dropout) can't be carried over; call model.eval() first, which switches it off.",
    ),
    "another slope": (
        lambda nn: nn.Sequential(nn.Linear(4, 3), nn.LeakyReLU(0.2)),
        "model[1] (LeakyReLU with negative_slope=0.2) can't be carried over;"
        " use negative_slope=0.01.",
    ),
    "softmax over samples": (
        lambda nn: nn.Sequential(nn.Linear(4, 3), nn.Softmax(dim=0)),
        "model[1] (Softmax with dim=0) can't be carried over; use Softmax(dim=1).",
    ),
    "softmax over whatever": (
        lambda nn: nn.Sequential(nn.Linear(4, 3), nn.Softmax()),
        "model[1] (Softmax with dim=None) can't be carried over; use Softmax(dim=1).",
    ),
    "softmax within": (
        lambda nn: nn.Sequential(nn.Linear(4, 3), nn.Softmax(dim=1), nn.Linear(3, 2)),
        "model[1] (Softmax) can't be carried over before another Linear; Softmax can only be the"
        " last module.",
    ),
    "an activation first": (
        lambda nn: nn.Sequential(nn.Tanh(), nn.Linear(4, 3)),
        "model[0] (Tanh) stands before the first Linear and can't be carried over; apply it to"
        " the data instead.",
    ),
    "two activations": (
        lambda nn: nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Identity(), nn.Sigmoid()),
        "model[3] (Sigmoid) follows model[1] (Tanh); a layer can have one activation only.",
    ),
    "a bias missing": (
        lambda nn: nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 2, bias=False)),
        "model[2] (Linear) has no bias, but the layer before it has one; use bias=True for all"
        " layers or bias=False for all.",
    ),
    "a bias too many": (
        lambda nn: nn.Sequential(nn.Linear(4, 3, bias=False), nn.Linear(3, 2)),
        "model[1] (Linear) has a bias, but the layer before it has none; use bias=True for all"
        " layers or bias=False for all.",
    ),
    "layers that do not fit": (
        lambda nn: nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Linear(5, 2)),
        "model[2] (Linear) expects 5 inputs, but the layer before it has 3 neurons.",
    ),
    "a lazy layer": (
        lambda nn: nn.Sequential(nn.LazyLinear(3)),
        "model[0] (LazyLinear) has no numbers yet; call the model on some data first.",
    ),
    "flattening samples into one": (
        lambda nn: nn.Sequential(nn.Linear(4, 3), nn.Flatten(0)),
        "model[1] (Flatten with start_dim=0, end_dim=-1) can't be carried over; use Flatten(),"
        " which leaves samples apart.",
    ),
    "unflattening": (
        lambda nn: nn.Sequential(nn.Linear(4, 4), nn.Unflatten(1, (2, 2))),
        f"model[1] (Unflatten) {USE}",
    ),
    "the same layer twice": (
        lambda nn: nn.Sequential(*[nn.Linear(3, 3), nn.Tanh()] * 2),
        "model[2] (Linear) has the weights of model[0], which would be trained apart; give it a"
        " copy of them.",
    ),
    "complex numbers": (
        lambda nn: nn.Sequential(nn.Linear(2, 2, dtype=sys.modules["torch"].complex64)),
        "model[0] (Linear) has complex numbers; use real ones.",
    ),
    "a forward of one instance": (own_forward, f"model[0] (Linear) {USE}"),
    "no numbers": (
        lambda nn: nn.Sequential(nn.Linear(4, 3, device="meta")),
        "model[0] (Linear) has no numbers yet; call the model on some data first.",
    ),
}


@pytest.mark.parametrize("what", TORCH_WRONG)
def test_what_pytorch_has_and_we_have_not_is_one_line_that_names_the_module(nn, what):
    make, message = TORCH_WRONG[what]
    with pytest.raises(InputError) as caught:
        from_torch(make(nn))
    assert str(caught.value) == f"from_torch: {message}"


def doubled(*arguments: Any) -> Any:
    return arguments[-1] * 2


HOOKS = {
    "register_forward_hook": "has a forward hook (doubled)",
    "register_forward_pre_hook": "has a forward pre-hook (doubled)",
    "register_full_backward_hook": "has a backward hook (doubled)",
    "register_full_backward_pre_hook": "has a backward pre-hook (doubled)",
}


@pytest.mark.parametrize("register", HOOKS)
@pytest.mark.parametrize("place", ["model", "model[0]", "model[1]", "model[2]", "model[2][0]"])
def test_a_hook_on_any_module_is_named(nn, register, place):
    model = nn.Sequential(nn.Linear(4, 3), nn.Identity(), nn.Sequential(nn.Tanh()))
    module = {
        "model": model, "model[0]": model[0], "model[1]": model[1],
        "model[2]": model[2], "model[2][0]": model[2][0],
    }[place]  # fmt: skip
    handle = getattr(module, register)(doubled)
    with pytest.raises(InputError) as caught:
        from_torch(model)
    assert str(caught.value) == (
        f"from_torch: {place} ({type(module).__name__}) {HOOKS[register]} and can't be carried"
        " over; remove it first."
    )
    handle.remove()
    assert from_torch(model)[0].sizes == (4, 3)


def test_a_hook_on_all_modules_or_on_a_weight_is_named(torch, nn):
    model = nn.Sequential(nn.Linear(4, 3))
    handle = torch.nn.modules.module.register_module_forward_hook(doubled)
    try:
        with pytest.raises(
            InputError, match=r"model \(Sequential\) has a forward hook \(doubled\)"
        ):
            from_torch(model)
    finally:
        handle.remove()
    model[0].bias.register_hook(doubled)
    with pytest.raises(InputError, match=r"model\[0\] \(Linear\) has a hook on its bias and can't"):
        from_torch(model)


def weight_normed(torch: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the older way, which is still there
        return torch.nn.utils.weight_norm(torch.nn.Linear(4, 3))


REMADE = {
    "weight norm as a parametrization": (
        lambda torch: torch.nn.utils.parametrizations.weight_norm(torch.nn.Linear(4, 3)),
        "has parametrizations and can't be carried over; call"
        " torch.nn.utils.parametrize.remove_parametrizations(model[0], …) first.",
    ),
    "spectral norm as a parametrization": (
        lambda torch: torch.nn.utils.parametrizations.spectral_norm(torch.nn.Linear(4, 3)),
        "has parametrizations and can't be carried over; call"
        " torch.nn.utils.parametrize.remove_parametrizations(model[0], …) first.",
    ),
    "weight norm as it was before": (
        weight_normed,
        "has a forward pre-hook (WeightNorm) and can't be carried over; call"
        " torch.nn.utils.remove_weight_norm(model[0]) first.",
    ),
    "pruning": (
        lambda torch: import_module("torch.nn.utils.prune").random_unstructured(
            torch.nn.Linear(4, 3), "weight", 1
        ),
        "has a forward pre-hook (RandomUnstructured) and can't be carried over; call"
        ' torch.nn.utils.prune.remove(model[0], "weight") first.',
    ),
}


@pytest.mark.parametrize("what", REMADE)
def test_a_weight_that_is_made_of_others_is_refused(torch, nn, what):
    make, message = REMADE[what]
    layer = make(torch)
    with pytest.raises(InputError) as caught:
        from_torch(nn.Sequential(layer))
    name = type(layer).__name__
    assert str(caught.value) == f"from_torch: model[0] ({name}) {message}"


def test_a_quantised_layer_is_refused_as_one(nn):
    # Made by hand: which engines can quantise depends on the machine.
    cls = type(
        "Linear", (nn.Module,), {"__module__": "torch.ao.nn.quantized.dynamic.modules.linear"}
    )
    with pytest.raises(InputError) as caught:
        from_torch(nn.Sequential(cls()))
    assert str(caught.value) == (
        "from_torch: model[0] (quantized Linear) can't be carried over; give the model as it was"
        " before."
    )


@pytest.mark.parametrize("name", ["predict_proba", "_forward_pass_fast"])
@unfinished
def test_a_classifier_that_predicts_in_its_own_way_is_refused(sklearn, name):
    mine = type("Mine", (sklearn.MLPClassifier,), {name: lambda self, X: X})
    message = f"from_sklearn: Mine has its own {name} and can't be carried over; use MLPClassifier."
    with pytest.raises(InputError) as caught:
        from_sklearn(fitted(mine(hidden_layer_sizes=(3,), max_iter=3)))
    assert str(caught.value) == message
    model = fitted(sklearn.MLPClassifier(hidden_layer_sizes=(3,), max_iter=3))
    setattr(model, name, lambda X: X)
    with pytest.raises(InputError, match=rf"^from_sklearn: MLPClassifier has its own {name} and"):
        from_sklearn(model)


@pytest.mark.parametrize(
    "fit", ["early stopping", "a warm start", "part by part", "lbfgs", "twice"]
)
@unfinished
@pytest.mark.filterwarnings("ignore:lbfgs failed to converge")
def test_a_model_is_taken_as_it_predicts_however_it_was_fitted(sklearn, fit):
    X, y = samples("iris")
    classes = y.argmax(axis=1)
    options = {
        "early stopping": {"early_stopping": True},
        "a warm start": {"warm_start": True},
        "lbfgs": {"solver": "lbfgs"},
    }.get(fit, {})
    model = sklearn.MLPClassifier(hidden_layer_sizes=(3,), max_iter=5, random_state=1, **options)
    if fit == "part by part":
        for part in range(3):
            model.partial_fit(X[part::3], classes[part::3], classes=[0, 1, 2])
    else:
        model.fit(X, classes)
        if fit in ("a warm start", "twice"):
            model.fit(X, classes)
    assert_same(*from_sklearn(model), X, y, model.predict_proba(X))


# --- By name ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def named(sklearn):
    """Return a classifier that was fitted with names of inputs and classes, X and y."""
    X, y = samples("iris")
    frame = pd.DataFrame(X, columns=["sl", "sw", "pl", "pw"])
    classes = np.array(["c", "a", "b"])[y.argmax(axis=1)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = sklearn.MLPClassifier(hidden_layer_sizes=(3,), max_iter=20, random_state=1)
        model.fit(frame, classes)
    return model, frame, pd.get_dummies(pd.Series(classes)).astype(float)


@pytest.mark.parametrize("order", [[3, 1, 0, 2], [0, 1, 2, 3], [1, 0, 3, 2]])
def test_the_columns_of_a_fitted_model_are_found_by_name(named, order):
    model, X, y = named
    network, parameters = from_sklearn(model)
    assert (network.input_names, network.output_names) == (
        ("sl", "sw", "pl", "pw"),
        ("a", "b", "c"),
    )
    expected = model.predict_proba(X)
    for columns in (["a", "b", "c"], ["c", "a", "b"]):
        run = cellprop.trace(network, X.iloc[:, order], y[columns], parameters=parameters, epochs=0)
        assert run["X"].columns.tolist() == ["sl", "sw", "pl", "pw"]
        assert run["output"].columns.tolist() == ["a", "b", "c"]
        assert (run["y"].to_numpy() == y.to_numpy()).all()
        assert np.abs(run["output"].to_numpy() - expected).max() <= TOLERANCE
        assert np.abs(run.predict(X.iloc[:, order[::-1]]).to_numpy() - expected).max() <= TOLERANCE


def test_arrays_go_by_place_and_get_the_names_of_a_fitted_model(named):
    model, X, y = named
    network, parameters = from_sklearn(model)
    run = cellprop.trace(network, X.to_numpy(), y.to_numpy(), parameters=parameters, epochs=0)
    assert np.abs(run["output"].to_numpy() - model.predict_proba(X)).max() <= TOLERANCE
    assert run["wh"].index.tolist() == ["sl", "sw", "pl", "pw"]
    with pytest.raises(InputError, match=r"^X: expected the columns sl, sw, pl, pw"):
        run.predict(X.rename(columns={"sl": "length"}))


def test_columns_that_a_fitted_model_does_not_know_are_refused(named):
    model, X, y = named
    network, parameters = from_sklearn(model)
    with pytest.raises(InputError) as caught:
        cellprop.trace(network, X.rename(columns={"sw": "w"}), y, parameters=parameters)
    assert str(caught.value) == (
        "X: expected the columns sl, sw, pl, pw (in any order), found sl, w, pl, pw; missing: sw,"
        " unknown: w; name the columns so, or give an array, which goes by place."
    )
    with pytest.raises(InputError, match=r"^y: expected the columns a, b, c .* unknown: d; "):
        cellprop.trace(network, X, y.rename(columns={"c": "d"}), parameters=parameters)


@unfinished
@pytest.mark.parametrize(
    ("classes", "names"),
    [
        ([0, 1, 2], ("0", "1", "2")),
        ([3.0, 1.0, 2.0], ("1.0", "2.0", "3.0")),
        ([False, True, True], ("True",)),
        (["no", "yes", "no"], ("yes",)),
    ],
)
def test_the_outputs_of_a_classifier_have_the_names_of_its_classes(sklearn, classes, names):
    X, y = samples("iris")
    model = sklearn.MLPClassifier(hidden_layer_sizes=(2,), max_iter=3, random_state=1)
    model.fit(X, np.array(classes)[y.argmax(axis=1)])
    assert from_sklearn(model)[0].output_names == names
    if len(names) == 1:  # a single target may be called anything
        target = pd.DataFrame({"target": y[:, 0]})
        run = cellprop.trace(from_sklearn(model)[0], X, target, seed=1)
        assert run["output"].columns.tolist() == ["target"]


@pytest.mark.parametrize(("classes", "second"), [(["case", "control"], 1), (["no", "yes"], 1)])
@unfinished
def test_classes_by_their_names_are_those_of_a_fitted_classifier(sklearn, classes, second):
    X, y = samples("moons")
    # Of "control" and "case" we would take the latter as 1, scikit-learn the last in the alphabet.
    texts = np.array(classes)[y[:, 0].astype(int)].tolist()
    model = sklearn.MLPClassifier(hidden_layer_sizes=(2,), max_iter=3, random_state=1).fit(X, texts)
    network, parameters = from_sklearn(model)
    run = cellprop.trace(network, X, texts, parameters=parameters, epochs=0)
    assert (run["y"].to_numpy() == y).all()
    assert run["y"].columns.tolist() == [classes[second]]
    assert np.abs(run["output"].to_numpy() - model.predict_proba(X)[:, 1:]).max() <= TOLERANCE
    others = ["a" if text == classes[0] else "b" for text in texts]
    with pytest.raises(InputError) as caught:
        cellprop.trace(network, X, others, parameters=parameters)
    assert str(caught.value) == (
        f"y: expected two classes, one of them '{classes[second]}', found 'a' and 'b'."
    )


@unfinished
def test_where_several_labels_may_be_true_outputs_have_no_names(sklearn):
    X, y = samples("iris")
    y[:, 0] = X[:, 0] > 0
    model = sklearn.MLPClassifier(hidden_layer_sizes=(2,), max_iter=3, random_state=1).fit(X, y)
    assert from_sklearn(model)[0].output_names is None
    regressor = sklearn.MLPRegressor(hidden_layer_sizes=(2,), max_iter=3, random_state=1).fit(X, y)
    assert from_sklearn(regressor)[0].output_names is None


@pytest.mark.parametrize(
    ("end", "loss"),
    [
        ("Softmax", "squared_error"),
        ("Softmax", "binary_cross_entropy"),
        ("Sigmoid", "cross_entropy"),
        ("Tanh", "cross_entropy"),
        ("ReLU", "binary_cross_entropy"),
        ("Tanh", "hinge"),
    ],
)
def test_a_loss_that_does_not_go_with_the_output_is_named(nn, end, loss):
    last = nn.Softmax(dim=1) if end == "Softmax" else getattr(nn, end)()
    with pytest.raises(InputError, match=loss):
        from_torch(nn.Sequential(nn.Linear(4, 3), last), loss=loss)


def test_each_function_names_the_other_for_the_others_models(nn, sklearn):
    with pytest.raises(CellpropError, match=r"found Sequential; for PyTorch there is from_torch\."):
        from_sklearn(nn.Sequential(nn.Linear(4, 3)))
    match = r"found MLPClassifier; for scikit-learn there is from_sklearn\."
    with pytest.raises(CellpropError, match=match):
        from_torch(sklearn.MLPClassifier())


def test_something_that_only_bears_the_name_is_not_taken_for_it():
    class MLPClassifier:
        coefs_ = ()

    class Sequential:
        pass

    with pytest.raises(CellpropError, match="found MLPClassifier"):
        from_sklearn(MLPClassifier())
    with pytest.raises(CellpropError, match="found Sequential"):
        from_torch(Sequential())


# --- Neither library is needed ------------------------------------------------------------


def test_importing_the_module_imports_neither_library():
    code = (
        "import sys, cellprop.programs.fitted as models\n"
        "for convert in (models.from_sklearn, models.from_torch):\n"
        "    try:\n"
        "        convert(7)\n"
        "    except models.InputError:\n"
        "        print('refused')\n"
        "print([name for name in ('sklearn', 'torch', 'pandas') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout.split("\n", 2), done.stderr) == (["refused", "refused", "[]\n"], "")
