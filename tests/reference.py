"""The article's Python listing in plain NumPy: forward, backward, update. Shares no code with src.

Every matrix of one epoch is kept under the article's name. `close` is how two computations of
the same matrices are compared, and `problems` draws networks with their samples. Below them, the
gradients and the training of any other network.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

Matrices = dict[str, np.ndarray]

ARTICLE_X = np.array([[1, 0, 1, 0], [1, 0, 1, 1], [0, 1, 0, 1]], float)
ARTICLE_Y = np.array([[1], [1], [0]], float)
ARTICLE_LR = 0.1
ARTICLE_PARAMETERS = {
    "wh": np.array(
        [[0.42, 0.88, 0.55], [0.10, 0.73, 0.68], [0.60, 0.18, 0.47], [0.92, 0.11, 0.52]]
    ),
    "bh": np.array([[0.46, 0.72, 0.08]]),
    "wout": np.array([[0.30], [0.25], [0.23]]),
    "bout": np.array([[0.69]]),
}
PARAMETERS = tuple(ARTICLE_PARAMETERS)


def sigmoid(x: Any) -> Any:
    with np.errstate(over="ignore"):  # 1 / infinity is the 0 that is meant
        return 1 / (1 + np.exp(-x))


def derivatives_sigmoid(x: Any) -> Any:
    return x * (1 - x)


def one_epoch(X: Any, y: Any, parameters: Mapping[str, Any], lr: float) -> Matrices:
    """Return every matrix of the article's loop body, the updates beside the old parameters."""
    X, y = np.asarray(X, float), np.asarray(y, float)
    wh, bh, wout, bout = (np.asarray(parameters[name], float) for name in PARAMETERS)

    # Forward propagation
    hidden_layer_input1 = np.dot(X, wh)
    hidden_layer_input = hidden_layer_input1 + bh
    hiddenlayer_activations = sigmoid(hidden_layer_input)
    output_layer_input1 = np.dot(hiddenlayer_activations, wout)
    output_layer_input = output_layer_input1 + bout
    output = sigmoid(output_layer_input)

    # Backpropagation
    E = y - output
    slope_output_layer = derivatives_sigmoid(output)
    slope_hidden_layer = derivatives_sigmoid(hiddenlayer_activations)
    d_output = E * slope_output_layer
    Error_at_hidden_layer = d_output.dot(wout.T)
    d_hiddenlayer = Error_at_hidden_layer * slope_hidden_layer
    wout_new = wout + hiddenlayer_activations.T.dot(d_output) * lr
    bout_new = bout + np.sum(d_output, axis=0, keepdims=True) * lr
    wh_new = wh + X.T.dot(d_hiddenlayer) * lr
    bh_new = bh + np.sum(d_hiddenlayer, axis=0, keepdims=True) * lr

    return {
        "X": X,
        "y": y,
        "lr": np.array([[float(lr)]]),
        "wh": wh,
        "bh": bh,
        "wout": wout,
        "bout": bout,
        "hidden_layer_input": hidden_layer_input,
        "hiddenlayer_activations": hiddenlayer_activations,
        "output_layer_input": output_layer_input,
        "output": output,
        "E": E,
        "squared_error": 0.5 * (y - output) ** 2,
        "slope_output_layer": slope_output_layer,
        "slope_hidden_layer": slope_hidden_layer,
        "d_output": d_output,
        "Error_at_hidden_layer": Error_at_hidden_layer,
        "d_hiddenlayer": d_hiddenlayer,
        "wout_new": wout_new,
        "wh_new": wh_new,
        "bout_new": bout_new,
        "bh_new": bh_new,
    }


def loss(X: Any, y: Any, parameters: Mapping[str, Any]) -> float:
    """Return the squared error, summed over outputs and averaged over samples."""
    squared_error = one_epoch(X, y, parameters, 0.0)["squared_error"]
    return float(squared_error.sum() / len(squared_error))


def train(
    X: Any, y: Any, parameters: Mapping[str, Any], lr: float, epochs: int
) -> tuple[list[Matrices], list[float], Matrices]:
    """Return every epoch's matrices, the loss after 0, 1, … epochs and the last parameters."""
    now = {name: np.asarray(parameters[name], float) for name in PARAMETERS}
    walked = []
    losses = [loss(X, y, now)]
    for _ in range(epochs):
        walked.append(one_epoch(X, y, now, lr))
        now = {name: walked[-1][f"{name}_new"] for name in PARAMETERS}
        losses.append(loss(X, y, now))
    return walked, losses, now


def close(found: Any, expected: Any, *, scale: float = 1.0, tolerance: float = 1e-12) -> bool:
    """Whether two matrices agree to within `tolerance` of the largest number involved.

    A cell may be the small difference of large numbers, and is then off by the last places of
    *those*: relative to itself its error means nothing. So what counts is the error relative to
    `scale`, the largest number that went into the computation (at least 1, since every
    computation here has a 1 in it: the numerator of the sigmoid).
    """
    found, expected = np.asarray(found, float), np.asarray(expected, float)
    if found.shape != expected.shape or not np.isfinite(found).all():
        return False
    largest = max(1.0, scale, float(np.abs(expected).max(initial=0.0)))
    return float(np.abs(found - expected).max(initial=0.0)) <= tolerance * largest


def scale_of(matrices: Mapping[str, Any]) -> float:
    """Return the largest number of some matrices, for `close`."""
    return max(float(np.abs(matrix).max(initial=0.0)) for matrix in matrices.values())


def differing(found: Mapping[str, Any], expected: Mapping[str, Any]) -> list[str]:
    """Return the names of the matrices that are not `close`; an empty list is agreement."""
    scale = scale_of(expected)
    return [
        name
        for name in expected
        if name not in found or not close(found[name], expected[name], scale=scale)
    ]


@dataclass(frozen=True)
class Problem:
    """Samples, a network's sizes and its first parameters."""

    sizes: tuple[int, int, int]
    X: np.ndarray
    y: np.ndarray
    parameters: Matrices
    lr: float


ARTICLE = Problem((4, 3, 1), ARTICLE_X, ARTICLE_Y, ARTICLE_PARAMETERS, ARTICLE_LR)


def shapes_of(sizes: tuple[int, int, int]) -> dict[str, tuple[int, int]]:
    """Return the shape of each parameter."""
    inputs, hidden, outputs = sizes
    return {
        "wh": (inputs, hidden),
        "bh": (1, hidden),
        "wout": (hidden, outputs),
        "bout": (1, outputs),
    }


def problem(sizes: tuple[int, int, int], samples: int, seed: int = 0) -> Problem:
    """Return a problem of a given size, with numbers of both signs."""
    chance = np.random.default_rng(seed)
    return Problem(
        sizes,
        chance.normal(size=(samples, sizes[0])),
        chance.normal(size=(samples, sizes[2])),
        {name: chance.normal(size=shape) for name, shape in shapes_of(sizes).items()},
        0.3,
    )


def _numbers(shape: tuple[int, int], limit: float) -> st.SearchStrategy[np.ndarray]:
    return arrays(float, shape, elements=st.floats(-limit, limit, allow_subnormal=False))


@st.composite
def problems(draw: st.DrawFn, weights: float = 5.0, inputs: float = 3.0) -> Problem:
    """Draw networks of 1 to 6 neurons in each layer, with 1 to 8 samples."""
    neurons = st.integers(1, 6)
    sizes = draw(neurons), draw(neurons), draw(neurons)
    samples = draw(st.integers(1, 8))
    return Problem(
        sizes,
        draw(_numbers((samples, sizes[0]), inputs)),
        draw(_numbers((samples, sizes[2]), inputs)),
        {name: draw(_numbers(shape, weights)) for name, shape in shapes_of(sizes).items()},
        draw(st.floats(0, 2, allow_subnormal=False)),
    )


# --- Any network --------------------------------------------------------------------------

# Of the GELU in its form with tanh: (1 + tanh x) / 2 is the sigmoid of 2 x.
BENT = np.sqrt(8 / np.pi)
# Each activation, and its derivative by its input.
ACTIVATIONS = {
    "sigmoid": (sigmoid, lambda z: sigmoid(z) * sigmoid(-z)),
    "tanh": (np.tanh, lambda z: np.cosh(z) ** -2.0),
    "relu": (lambda z: z * (z > 0), lambda z: 1.0 * (z > 0)),
    "leaky_relu": (lambda z: np.where(z > 0, z, z / 100), lambda z: np.where(z > 0, 1, 1 / 100)),
    "linear": (lambda z: z, np.ones_like),
    "softplus": (lambda z: np.logaddexp(0, z), sigmoid),
    "elu": (
        lambda z: np.where(z > 0, z, np.expm1(np.minimum(z, 0))),
        lambda z: np.exp(np.minimum(z, 0)),
    ),
    "silu": (lambda z: z * sigmoid(z), lambda z: sigmoid(z) * (1 + z * sigmoid(-z))),
    "gelu": (
        lambda z: z * sigmoid(BENT * (z + 0.044715 * z**3)),
        lambda z: (
            sigmoid(BENT * (z + 0.044715 * z**3))
            * (1 + z * sigmoid(-BENT * (z + 0.044715 * z**3)) * BENT * (1 + 0.134145 * z**2))
        ),
    ),
}
LOSSES = ("squared_error", "binary_cross_entropy", "cross_entropy")


def softmax(z: Any) -> Any:
    exponentials = np.exp(z - np.max(z, axis=1, keepdims=True))
    return exponentials / np.sum(exponentials, axis=1, keepdims=True)


def layers_of(network: Any) -> list[tuple[str, str, str]]:
    """Return the names of each layer's weights and biases, and its activation, to the output."""
    hidden = [str(name) for name in network.activation]
    ends = [""] if len(hidden) == 1 else [f"_{k}" for k in range(1, len(hidden) + 1)]
    named = [(f"wh{end}", f"bh{end}", name) for end, name in zip(ends, hidden, strict=False)]
    return [*named, ("wout", "bout", str(network.output_activation))]


def pass_forward(network: Any, parameters: Mapping[str, Any], X: Any) -> list[tuple[Any, Any]]:
    """Return what enters each layer's neurons and what they pass on; first X, twice."""
    found = [(X, X)]
    for weights, biases, activation in layers_of(network):
        z = np.dot(found[-1][1], parameters[weights])
        z = z + parameters[biases] if network.bias else z
        found.append((z, softmax(z) if activation == "softmax" else ACTIVATIONS[activation][0](z)))
    return found


def loss_of(network: Any, parameters: Mapping[str, Any], X: Any, y: Any) -> float:
    """Return the loss, summed over outputs and samples, from what enters the output layer."""
    z, output = pass_forward(network, parameters, X)[-1]
    if network.loss == "binary_cross_entropy":
        return float(np.sum(np.logaddexp(0, z) - y * z))
    if network.loss == "cross_entropy":
        largest = np.max(z, axis=1, keepdims=True)
        total = largest + np.log(np.sum(np.exp(z - largest), axis=1, keepdims=True))
        return float(np.sum(y * (total - z)))
    return float(np.sum((y - output) ** 2) / 2)


def gradients_of(network: Any, parameters: Mapping[str, Any], X: Any, y: Any) -> Matrices:
    """Return the gradient of the loss, summed over samples, by each parameter."""
    passed = pass_forward(network, parameters, X)
    found = {}
    error = passed[-1][1] - y
    for k, (weights, biases, activation) in reversed(list(enumerate(layers_of(network), 1))):
        last = k == len(passed) - 1
        cancelled = last and network.loss != "squared_error"
        delta = error if cancelled else error * ACTIVATIONS[activation][1](passed[k][0])
        found[weights] = np.dot(passed[k - 1][1].T, delta)
        if network.bias:
            found[biases] = np.sum(delta, axis=0, keepdims=True)
        error = np.dot(delta, np.asarray(parameters[weights]).T)
    return found


@dataclass
class Optimiser:
    """Gradient descent as its authors write it; remembers what it must from step to step."""

    kind: str
    lr: float
    settings: Mapping[str, float]

    def __post_init__(self) -> None:
        self.steps = 0
        self.first: Matrices = {}
        self.second: Matrices = {}

    def step(self, parameters: Mapping[str, Any], gradients: Matrices) -> Matrices:
        """Return the parameters after a step."""
        self.steps += 1
        return {n: array - self.lr * self._move(n, gradients[n]) for n, array in parameters.items()}

    def _move(self, name: str, g: Any) -> Any:
        if self.kind == "sgd":
            return g
        if self.kind == "momentum":
            velocity = self.settings["momentum"] * self.first.get(name, np.zeros_like(g)) + g
            self.first[name] = velocity
            return velocity
        b1, b2 = self.settings["beta_1"], self.settings["beta_2"]
        self.first[name] = b1 * self.first.get(name, np.zeros_like(g)) + (1 - b1) * g
        self.second[name] = b2 * self.second.get(name, np.zeros_like(g)) + (1 - b2) * g**2
        m = self.first[name] / (1 - b1**self.steps)
        v = self.second[name] / (1 - b2**self.steps)
        return m / (np.sqrt(v) + self.settings["epsilon"])


USUAL = {
    "sgd": {},
    "momentum": {"momentum": 0.9},
    "adam": {"beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-8},
}


def train_any(
    network: Any,
    parameters: Mapping[str, Any],
    X: Any,
    y: Any,
    epochs: list[list[Any]],
    optimiser: Optimiser,
    *,
    average: bool = False,
) -> tuple[list[float], list[Matrices]]:
    """Train on the given batches of each epoch, each the numbers of its samples.

    Returns the loss by sample and the parameters after 0, 1, … epochs.
    """
    now = {name: np.asarray(array, float) for name, array in parameters.items()}
    losses, after = [loss_of(network, now, X, y) / len(X)], [now]
    for batches in epochs:
        for batch in batches:
            found = gradients_of(network, now, X[batch], y[batch])
            if average:
                found = {name: array / len(batch) for name, array in found.items()}
            now = optimiser.step(now, found)
        losses.append(loss_of(network, now, X, y) / len(X))
        after.append(now)
    return losses, after


def in_order(samples: int, size: int) -> list[np.ndarray]:
    """Return the batches of an epoch without shuffling."""
    return [np.arange(start, min(start + size, samples)) for start in range(0, samples, size)]


def targets_for(loss: str, random: np.random.Generator, samples: int, outputs: int) -> np.ndarray:
    """Return targets that a loss has a value for, not all of them classes."""
    if loss == "squared_error":
        return random.normal(size=(samples, outputs))
    targets = random.uniform(0.05, 1, (samples, outputs))
    return targets / targets.sum(axis=1, keepdims=True) if loss == "cross_entropy" else targets
