"""Everything that can be asked for: networks, samples and ways of training, drawn at random.

Some of it can't be had: what is drawn is either refused in one clear line, or shown rightly.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st

import cellprop
from cellprop.cli.options import Model
from cellprop.files.examples import examples
from cellprop.tracing import Trace

ACTIVATIONS = (
    "sigmoid", "tanh", "relu", "leaky_relu", "linear", "softplus", "elu", "silu", "gelu",
)  # fmt: skip
OUTPUTS = (*ACTIVATIONS, "softmax")
LOSSES = ("squared_error", "binary_cross_entropy", "cross_entropy")
SETTINGS = {
    "sgd": (),
    "momentum": ("momentum",),
    "adam": ("beta_1", "beta_2", "epsilon"),
}
# Numbers at which engines and number formats differ, and which cancel but for the last place.
SPECIAL = (
    0.0, 0.5, 1.0, -1.0, 0.1, 0.2, -0.3, 1 / 3, 1e-9, 1e-12, 1e-15, 2e-16, 1e-17, -1e-17, 1e-100,
    1e-300, -1e-300, 5e-324, 100.0, -1000.0, 12345.678,
)  # fmt: skip
NUMBERS = st.integers(-10, 10).map(float) | st.floats(-10, 10) | st.sampled_from(SPECIAL)
SHARES = st.sampled_from((0.0, 1.0, 0.5, 1 / 3, 1e-17)) | st.floats(0, 1)


@dataclass(frozen=True)
class Asked:
    """What somebody asks for in Python."""

    network: dict[str, Any]
    X: np.ndarray
    y: np.ndarray
    training: dict[str, Any]

    def trace(self) -> Trace:
        return cellprop.trace(cellprop.Network(**self.network), self.X, self.y, **self.training)


@st.composite
def networks(draw: st.DrawFn) -> dict[str, Any]:
    """Networks of 0 to 3 hidden layers; a few with what does not go together."""
    layers = draw(st.integers(0, 3))
    hidden = draw(st.lists(st.integers(1, 4), min_size=layers, max_size=layers))
    loss = draw(st.sampled_from(LOSSES))
    kinds = st.sampled_from(ACTIVATIONS)
    each = st.lists(kinds, min_size=layers, max_size=layers)
    fitting = {"binary_cross_entropy": st.just("sigmoid"), "cross_entropy": st.just("softmax")}
    usual = st.none() | fitting.get(loss, kinds)
    return {
        "sizes": [draw(st.integers(1, 3)), *hidden, draw(st.integers(1, 3))],
        "activation": draw(kinds | each),
        "output_activation": draw(st.one_of(usual, usual, st.sampled_from(OUTPUTS))),
        "loss": loss,
        "bias": draw(st.booleans()),
    }


@st.composite
def anything(draw: st.DrawFn) -> Asked:
    """A network, samples and a way of training, with any numbers somebody might give."""
    network = draw(networks())
    inputs, outputs = network["sizes"][0], network["sizes"][-1]
    samples = draw(st.integers(1, 7))

    def matrix(rows: int, columns: int, of: st.SearchStrategy[float] = NUMBERS) -> np.ndarray:
        row = st.lists(of, min_size=columns, max_size=columns)
        return np.array(draw(st.lists(row, min_size=rows, max_size=rows)))

    classes = st.lists(st.integers(0, outputs - 1), min_size=samples, max_size=samples)
    kind = draw(st.sampled_from(("classes", "shares", "any")))
    if kind == "classes" or network["loss"] == "cross_entropy":
        y = np.eye(outputs)[draw(classes)]
    elif kind == "shares" or network["loss"] == "binary_cross_entropy":
        y = matrix(samples, outputs, SHARES)
    else:
        y = matrix(samples, outputs)
    return Asked(network, matrix(samples, inputs), y, draw(training(network, samples, matrix)))


@st.composite
def training(draw: st.DrawFn, network: dict[str, Any], samples: int, matrix: Any) -> dict[str, Any]:
    """Any way of training."""
    optimizer = draw(st.sampled_from(tuple(SETTINGS)))
    epochs = draw(st.sampled_from((0, 1, 2, 3, 25)))
    batch_size = draw(st.none() | st.integers(1, samples))
    batches = -(-samples // (batch_size or samples))
    shape = {}
    before = network["sizes"][0]
    names = [f"_{k}" if len(network["sizes"]) > 3 else "" for k in range(1, len(network["sizes"]))]
    for suffix, size in zip(names[:-1], network["sizes"][1:-1], strict=True):
        shape |= {f"wh{suffix}": (before, size), f"bh{suffix}": (1, size)}
        before = size
    shape |= {"wout": (before, network["sizes"][-1]), "bout": (1, network["sizes"][-1])}
    shape = {n: s for n, s in shape.items() if network["bias"] or not n.startswith("b")}
    if optimizer == "momentum":
        shape |= {f"{name}_velocity": size for name, size in list(shape.items())}
    given = [name for name in shape if draw(st.booleans())]
    settings = {
        name: draw(st.floats(0, 1, exclude_max=True) if name != "epsilon" else st.floats(0, 0.01))
        for name in SETTINGS[optimizer]
        if draw(st.booleans())
    }
    return {
        "parameters": {name: matrix(*shape[name]) for name in given},
        "seed": draw(st.integers(0, 1000)),
        "learning_rate": draw(st.sampled_from((0, 0.1, 1 / 3, 1)) | st.floats(0, 2)),
        "epochs": epochs,
        "walk_epoch": draw(st.integers(1, max(epochs, 1))),
        "batch_size": batch_size,
        "walk_batch": draw(st.integers(1, batches)),
        "shuffle": draw(st.booleans()),
        "optimizer": optimizer,
        "settings": draw(st.sampled_from((settings, None))),
        "average": draw(st.booleans()),
        "scale": draw(st.sampled_from((None, None, "minmax", "standard"))),
        "record": draw(st.booleans()),
    }


@st.composite
def commands(draw: st.DrawFn, files: dict[Path, tuple[str, ...]]) -> Model:
    """What somebody asks for on the command line: an example, or a file with a target of it."""

    def maybe(strategy: st.SearchStrategy[Any]) -> Any:
        return draw(st.none() | strategy)

    data = maybe(st.sampled_from(list(files)))
    loss = maybe(st.sampled_from(LOSSES))
    target = draw(st.sampled_from(files[data])) if data else None
    epochs = maybe(st.sampled_from((0, 1, 2, 30)))
    batch_size = maybe(st.sampled_from((1, 1, 2, 3, 100)))
    kinds = st.sampled_from(ACTIVATIONS)
    optimizer = draw(st.sampled_from(tuple(SETTINGS)))
    numbers = {"momentum": "0.8", "beta_1": "0.5", "beta_2": "0", "epsilon": "1e-3"}
    return Model(
        example=None if data else maybe(st.sampled_from(examples())),
        data=data,
        target=target,
        scale=maybe(st.sampled_from(("minmax", "standard", "none"))),
        hidden=maybe(st.sampled_from(("0", "1", "3", "4,2", "2,3,2"))),
        activation=maybe(st.one_of(kinds, kinds, st.sampled_from(("relu,tanh", "tanh,relu,tanh")))),
        output_activation=maybe(st.sampled_from(OUTPUTS)) if loss is None else None,
        loss=loss,
        bias=maybe(st.booleans()),
        seed=maybe(st.integers(0, 99)),
        learning_rate=maybe(st.sampled_from((0.0, 0.01, 0.1, 1 / 3))),
        epochs=epochs,
        walk_epoch=draw(st.sampled_from((1, 2))) if epochs else 1,
        batch_size=batch_size,
        walk_batch=draw(st.sampled_from((1, 2, 3))) if batch_size else 1,
        shuffle=draw(st.booleans()),
        average=maybe(st.booleans()),
        optimizer=optimizer,
        setting=[f"{n}={numbers[n]}" for n in SETTINGS[optimizer] if draw(st.booleans())],
    )
