"""Networks of any depth, activation, loss and update rule learn as plain NumPy and PyTorch do."""

from __future__ import annotations

import os
import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from added import SOFTSIGN
from cellprop import Network
from cellprop.algebra import OPERATIONS
from cellprop.tracing import Trace, trace
from cellprop.verification import verify
from conftest import slow_but, slow_case
from reference import (
    ACTIVATIONS,
    LOSSES,
    USUAL,
    Optimiser,
    close,
    gradients_of,
    in_order,
    layers_of,
    loss_of,
    scale_of,
    targets_for,
    train_any,
)

SAMPLES = 7
SIZES = {0: [3, 2], 1: [3, 4, 2], 2: [3, 4, 3, 2], 3: [3, 4, 2, 3, 2]}
# Which samples an update sees: all, one, some in order (the last of which are fewer), or dealt out.
BATCHES: dict[str, dict[str, Any]] = {
    "all": {},
    "one sample": {"batch_size": 1, "walk_batch": 5},
    "some": {"batch_size": 3, "walk_batch": 2},
    "the rest": {"batch_size": 3, "walk_batch": 3},
    "shuffled": {"batch_size": 3, "walk_batch": 2, "shuffle": True},
    "all shuffled": {"shuffle": True},
}
TOLERANCE = 1e-10


# Of the smooth activations one, since `test_smooth` has them all.
OFTEN = [name for name in ACTIVATIONS if name not in ("softplus", "elu", "silu")]
# Every other activation and every loss once; CI pairs each with each.
PAIRS = [(activation, loss) for activation in ACTIVATIONS for loss in LOSSES]
each_pair = pytest.mark.parametrize(
    ("activation", "loss"),
    [
        pair
        if pair[0] in OFTEN and k % (len(LOSSES) + 1) == k // len(LOSSES) % 2
        else slow_case(*pair)
        for k, pair in enumerate(PAIRS)
    ],
)


@pytest.fixture(scope="module")
def torch() -> Any:
    """PyTorch; without it a test is skipped, but in CI it fails."""
    try:
        import torch
    except ImportError:
        reason = "PyTorch is not installed: another implementation to compare gradients with"
        if os.environ.get("CI"):
            pytest.fail(f"{reason}; this test must run in CI")
        pytest.skip(reason)
    torch.set_num_threads(1)
    return torch


def networks(activation: str, loss: str) -> list[Network]:
    """Return a network of each depth, with biases and without."""
    return [
        Network(sizes, activation=activation, loss=loss, bias=bias)
        for sizes in SIZES.values()
        for bias in (True, False)
    ]


def samples_of(network: Network, samples: int = SAMPLES) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng([*network.sizes, samples])
    X = random.normal(size=(samples, network.sizes[0]))
    return X, targets_for(network.loss, random, samples, network.sizes[-1])


def first(network: Network) -> dict[str, np.ndarray]:
    """Return parameters of both signs."""
    random = np.random.default_rng(len(network.sizes))
    return {n: random.uniform(-0.9, 0.9, shape) for n, shape in network.shapes.items()}


def traced(network: Network, **options: Any) -> Trace:
    X, y = samples_of(network)
    return trace(network, X, y, **{"parameters": first(network), "seed": 3} | options)


def same(found: Any, expected: Any, tolerance: float = TOLERANCE) -> bool:
    """Whether all matrices agree, relative to the largest number there is in them."""
    assert set(found) == set(expected)
    scale = scale_of(expected)
    return all(close(found[n], expected[n], scale=scale, tolerance=tolerance) for n in expected)


def before(run: Trace) -> dict[str, np.ndarray]:
    return {name: run.values[name] for name in run.network.shapes}


def moved(run: Trace) -> dict[str, np.ndarray]:
    """Return the negative gradient that the walked update of a plain gradient descent went by."""
    rate = run.values["lr"].item()
    names = run.network.shapes
    return {name: (run.values[f"{name}_new"] - run.values[name]) / rate for name in names}


def negative(matrices: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name: -array for name, array in matrices.items()}


# --- PyTorch ------------------------------------------------------------------------------


def torch_activations(torch: Any) -> dict[str, Any]:
    return {
        "sigmoid": torch.sigmoid,
        "tanh": torch.tanh,
        "relu": torch.relu,
        "leaky_relu": torch.nn.functional.leaky_relu,
        "linear": lambda z: z,
        "softsign": torch.nn.functional.softsign,
        "softplus": torch.nn.functional.softplus,
        "elu": torch.nn.functional.elu,
        "silu": torch.nn.functional.silu,
        "gelu": lambda z: torch.nn.functional.gelu(z, approximate="tanh"),
        "softmax": lambda z: torch.softmax(z, dim=1),
    }


def torch_forward(torch: Any, network: Network, parameters: Any, X: Any) -> list[tuple[Any, Any]]:
    """Return what enters each layer's neurons and what they pass on."""
    found, passed = [], torch.tensor(np.array(X))
    for weights, biases, activation in layers_of(network):
        z = passed @ parameters[weights]
        z = z + parameters[biases] if network.bias else z
        passed = torch_activations(torch)[activation](z)
        found.append((z, passed))
    return found


def torch_loss(torch: Any, network: Network, parameters: Any, X: Any, y: Any) -> Any:
    """Return PyTorch's own loss, summed over samples."""
    z, output = torch_forward(torch, network, parameters, X)[-1]
    y, functional = torch.tensor(np.array(y)), torch.nn.functional
    if network.loss == "binary_cross_entropy":
        return functional.binary_cross_entropy_with_logits(z, y, reduction="sum")
    if network.loss == "cross_entropy":
        return functional.cross_entropy(z, y, reduction="sum")
    return functional.mse_loss(output, y, reduction="sum") / 2


def tensors(torch: Any, parameters: Any) -> dict[str, Any]:
    return {n: torch.tensor(np.array(a), requires_grad=True) for n, a in parameters.items()}


def torch_gradients(torch: Any, run: Trace) -> dict[str, np.ndarray]:
    """Return the gradients at the walked update, by its own samples and parameters."""
    parameters = tensors(torch, before(run))
    torch_loss(torch, run.network, parameters, run.values["X"], run.values["y"]).backward()
    return {name: tensor.grad.numpy() for name, tensor in parameters.items()}


@each_pair
def test_gradients_are_those_of_pytorch_at_every_depth_and_batch(activation, loss, torch):
    for network in networks(activation, loss):
        for kind, options in BATCHES.items():
            for average in (False, True):
                run = traced(network, learning_rate=0.125, average=average, **options)
                expected = negative(torch_gradients(torch, run))
                if average:
                    expected = {n: a / len(run.values["X"]) for n, a in expected.items()}
                assert same(moved(run), expected), (network, kind, average)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", slow_but(OFTEN, ACTIVATIONS))
def test_errors_and_deltas_of_every_layer_are_pytorchs_negative_gradients(activation, loss, torch):
    for network in networks(activation, loss):
        run = traced(network, learning_rate=1)
        parameters = tensors(torch, before(run))
        passed = torch_forward(torch, network, parameters, run.values["X"])
        for tensor in (tensor for pair in passed for tensor in pair):
            tensor.retain_grad()
        y, output = torch.tensor(np.array(run.values["y"])), passed[-1][1]
        losses = {
            "squared_error": lambda o, y: ((y - o) ** 2 / 2).sum(),
            "binary_cross_entropy": torch.nn.BCELoss(reduction="sum"),
            "cross_entropy": lambda o, y: -torch.special.xlogy(y, o).sum(),
        }
        losses[loss](output, y).backward()
        ends = [layer.suffix for layer in network.hidden]
        names = [(f"d_hiddenlayer{end}", f"Error_at_hidden_layer{end}") for end in ends]
        expected = {}
        for (delta, error), (z, after) in zip([*names, ("d_output", "E")], passed, strict=True):
            if z is not after:  # not linear
                expected[error] = -after.grad.numpy()
            expected[delta] = -z.grad.numpy()
        if "d_output_check" in run.values:
            expected["d_output_check"] = expected["d_output"]
        assert same({name: run.values[name] for name in expected}, expected), network
        assert ("d_output_check" in run.values) is (loss != "squared_error")


TORCH_OPTIMISERS = {
    "sgd": lambda torch, p, lr, _: torch.optim.SGD(p, lr=lr),
    "momentum": lambda torch, p, lr, s: torch.optim.SGD(p, lr=lr, momentum=s["momentum"]),
    "adam": lambda torch, p, lr, s: torch.optim.Adam(
        p, lr=lr, betas=(s["beta_1"], s["beta_2"]), eps=s["epsilon"]
    ),
}
SETTINGS = [
    *USUAL.items(),
    ("momentum", {"momentum": 0.5}),
    ("momentum", {"momentum": 0.0}),
    ("adam", {"beta_1": 0.5, "beta_2": 0.9, "epsilon": 1e-4}),
    ("adam", {"beta_1": 0.0, "beta_2": 0.0, "epsilon": 1e-2}),
]


def torch_steps(
    torch: Any, run: Trace, optimizer: str, settings: Any, lr: float, batches: Any, *, average: bool
) -> dict[str, np.ndarray]:
    """Return the parameters after PyTorch's steps over batches of samples."""
    X, y = samples_of(run.network)
    parameters = tensors(torch, first(run.network))
    stepping = TORCH_OPTIMISERS[optimizer](torch, list(parameters.values()), lr, settings)
    for batch in batches:
        stepping.zero_grad()
        total = torch_loss(torch, run.network, parameters, X[batch], y[batch])
        (total / len(batch) if average else total).backward()
        stepping.step()
    return {name: tensor.detach().numpy() for name, tensor in parameters.items()}


@each_pair
def test_steps_of_an_optimiser_are_those_of_pytorch(activation, loss, torch):
    everyone = np.arange(SAMPLES)
    for network in networks(activation, loss):
        for optimizer, settings in SETTINGS if len(network.sizes) == 3 else USUAL.items():
            for steps, average in ((1, False), (5, False), (5, True)):
                options = {"optimizer": optimizer, "settings": settings, "average": average}
                run = traced(network, learning_rate=0.02, epochs=steps, **options)
                expected = torch_steps(
                    torch, run, optimizer, settings, 0.02, [everyone] * steps, average=average
                )
                assert same(run.parameters, expected), (network, optimizer, settings, steps)


def dealt(network: Network, epochs: int, **options: Any) -> list[list[np.ndarray]]:
    """Return which samples each update of each epoch saw, as the walked updates show them."""
    X, _ = samples_of(network)
    found = []
    for epoch in range(1, epochs + 1):
        numbers = []
        for k in range(1, -(-SAMPLES // options["batch_size"]) + 1):
            run = traced(network, epochs=epochs, walk_epoch=epoch, walk_batch=k, **options)
            numbers.append(run["X"].index.astype(int).to_numpy() - 1)
            assert run.values["X"].tolist() == X[numbers[-1]].tolist()
        found.append(numbers)
    return found


@pytest.mark.parametrize("optimizer", USUAL)
@pytest.mark.parametrize("loss", slow_but(["cross_entropy"], LOSSES))
def test_training_with_batches_is_pytorchs_loop_over_the_same_batches(loss, optimizer, torch):
    for activation, depth, shuffle, average in (
        ("tanh", 1, False, False),
        ("relu", 2, True, False),
        ("leaky_relu", 3, True, True),
        ("sigmoid", 0, True, False),
    ):
        network = Network(SIZES[depth], activation=activation, loss=loss)
        options = {"batch_size": 3, "shuffle": shuffle, "optimizer": optimizer, "average": average}
        options |= {"learning_rate": 0.05}
        epochs = dealt(network, 3, **options)
        run = traced(network, epochs=3, **options)
        X, y = samples_of(network)
        for done in range(4):
            batches = [batch for batches in epochs[:done] for batch in batches]
            expected = torch_steps(
                torch, run, optimizer, USUAL[optimizer], 0.05, batches, average=average
            )
            found = torch_loss(torch, network, tensors(torch, expected), X, y).item() / SAMPLES
            assert run.losses[done] == pytest.approx(found, rel=TOLERANCE)
        assert same(run.parameters, expected)


# --- Plain NumPy, and finite differences --------------------------------------------------


def finite_differences(network: Network, parameters: Any, X: Any, y: Any, step: float = 1e-6):
    found = {}
    for name, array in parameters.items():
        found[name] = np.empty_like(array)
        for cell in np.ndindex(array.shape):
            sides = []
            for sign in (1, -1):
                changed = {**parameters, name: array.copy()}
                changed[name][cell] += sign * step
                sides.append(loss_of(network, changed, X, y))
            found[name][cell] = (sides[0] - sides[1]) / (2 * step)
    return found


@each_pair
def test_gradients_are_the_finite_differences_of_the_loss(activation, loss):
    for network in networks(activation, loss):
        for kind in ("all", "one sample", "some", "the rest"):
            run = traced(network, learning_rate=0.125, **BATCHES[kind])
            X, y = run.values["X"], run.values["y"]
            expected = negative(finite_differences(network, before(run), X, y))
            assert same(moved(run), expected, tolerance=1e-7), (network, kind)


def test_the_finite_differences_notice_a_wrong_gradient():
    network = Network([3, 2, 2], activation="tanh", loss="cross_entropy")
    X, y = samples_of(network)
    right, found = (f(network, first(network), X, y) for f in (gradients_of, finite_differences))
    assert same(right, found, tolerance=1e-7)
    right["bh"][0, 1] *= 1.0001
    assert not same(right, found, tolerance=1e-7)


@st.composite
def any_network(draw: st.DrawFn) -> Network:
    """Draw networks of 0 to 4 hidden layers, each with an activation of its own."""
    loss = draw(st.sampled_from(LOSSES))
    sizes = draw(st.lists(st.integers(1, 5), min_size=1, max_size=5))
    hidden = draw(st.lists(st.sampled_from([*ACTIVATIONS]), min_size=len(sizes) - 1).map(list))
    return Network(
        [*sizes, draw(st.integers(2 if loss == "cross_entropy" else 1, 4))],
        activation=hidden[: len(sizes) - 1],
        output_activation=draw(st.sampled_from([*ACTIVATIONS]))
        if loss == "squared_error"
        else None,
        loss=loss,
        bias=draw(st.booleans()),
    )


@given(any_network(), st.integers(1, 6), st.integers(0, 2**32), st.data())
def test_every_network_trains_as_plain_numpy_does(network, samples, seed, data):
    random = np.random.default_rng(seed)
    X = random.normal(size=(samples, network.sizes[0]))
    y = targets_for(network.loss, random, samples, network.sizes[-1])
    parameters = {n: random.normal(size=shape) for n, shape in network.shapes.items()}
    optimizer = data.draw(st.sampled_from([*USUAL]))
    size = data.draw(st.integers(1, samples))
    average, epochs = data.draw(st.booleans()), data.draw(st.integers(0, 3))
    run = trace(
        network, X, y, parameters=parameters, learning_rate=0.01, optimizer=optimizer,
        batch_size=size, average=average, epochs=epochs, walk_epoch=max(epochs, 1),
    )  # fmt: skip
    losses, after = train_any(
        network, parameters, X, y, [in_order(samples, size)] * epochs,
        Optimiser(optimizer, 0.01, USUAL[optimizer]), average=average,
    )  # fmt: skip
    # A network of large numbers multiplies what is off in the last place.
    largest = scale_of({**run.values, **after[-1]})
    assert close(run.losses, losses, scale=largest**2, tolerance=1e-9)
    assert same(run.parameters, after[-1], tolerance=1e-9 * largest)
    assert run.values["X"].tolist() == X[in_order(samples, size)[0]].tolist()


@given(any_network(), st.integers(0, 2**32))
def test_predicting_is_the_forward_pass_of_any_network(network, seed):
    random = np.random.default_rng(seed)
    X = random.normal(size=(3, network.sizes[0]))
    y = targets_for(network.loss, random, 3, network.sizes[-1])
    run = trace(network, X, y, seed=seed, epochs=0)
    assert close(run.predict(X), run.values["output"])
    assert close(run.predict(X[1:2]), run.values["output"][1:2])
    if network.output_activation == "softmax":
        assert close(run.predict(X).sum(axis=1), np.ones(3))


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", slow_but(OFTEN, ACTIVATIONS))
def test_extreme_numbers_give_finite_ones_in_every_step_and_nothing_warns(activation, loss):
    X = np.array([[1000.0, -1000.0], [-1000.0, -1000.0], [0.5, 1000.0], [0.0, 0.0]])
    for sizes in SIZES.values():
        network = Network([2, *sizes[1:]], activation=activation, loss=loss)
        for target in (0.0, 1.0):
            y = np.tile([target, 1 - target], (4, 1))
            for seed in range(4):
                signs = np.random.default_rng(seed)
                parameters = {
                    n: signs.choice([-1000.0, 1000.0], shape) for n, shape in network.shapes.items()
                }
                with warnings.catch_warnings():
                    warnings.simplefilter("error")
                    run = trace(network, X, y, parameters=parameters, learning_rate=0, epochs=2)
                assert run.stopped == ""
                numbers = [*run.values.values(), run.losses, run.accuracies]
                assert all(np.isfinite(array).all() for array in numbers if array is not None)


# --- One more activation ------------------------------------------------------------------


@pytest.fixture
def softsign(monkeypatch: pytest.MonkeyPatch) -> str:
    """An activation that the table does not have: added by one entry alone."""
    monkeypatch.setitem(OPERATIONS, "softsign", SOFTSIGN)
    monkeypatch.setitem(
        ACTIVATIONS, "softsign", (lambda z: z / (1 + abs(z)), lambda z: (1 + abs(z)) ** -2.0)
    )
    return "softsign"


def test_an_activation_is_added_by_one_entry_of_the_table(softsign):
    for loss in LOSSES:
        for network in networks(softsign, loss):
            run = traced(network, learning_rate=0.125)
            X, y = samples_of(network)
            assert same(moved(run), negative(gradients_of(network, before(run), X, y)))
            expected = negative(finite_differences(network, before(run), X, y))
            assert same(moved(run), expected, tolerance=1e-7)


def test_an_activation_that_is_added_has_pytorchs_gradients(softsign, torch):
    for loss in LOSSES:
        for network in networks(softsign, loss):
            run = traced(network, learning_rate=0.125)
            assert same(moved(run), negative(torch_gradients(torch, run)))


@pytest.mark.slow
def test_an_activation_that_is_added_is_right_in_the_workbook(softsign, tmp_path):
    for depth in (1, 2):
        run = traced(Network(SIZES[depth], activation=softsign))
        found = verify(run.to_excel(tmp_path / f"softsign {depth}.xlsx"))
        assert found.ok, found
        assert found.cells > 100
