"""Programs of other people that train a network: plain NumPy, with names and habits of their own.

Shares no code with src. `program` returns what such a program has after one update.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

import cellprop

ACTIVATIONS: dict[str, tuple[Callable, Callable]] = {
    "sigmoid": (lambda z: 1 / (1 + np.exp(-z)), lambda z, a: a * (1 - a)),
    "tanh": (np.tanh, lambda z, a: 1 - a**2),
    "relu": (lambda z: np.maximum(z, 0), lambda z, a: (z > 0).astype(z.dtype)),
    "leaky_relu": (
        lambda z: np.where(z > 0, z, z.dtype.type(0.01) * z),
        lambda z, a: np.where(z > 0, 1, 0.01).astype(z.dtype),
    ),
    "linear": (lambda z: z, lambda z, a: np.ones_like(z)),
}


def softmax(z: Any) -> Any:
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def program(
    trace: cellprop.Trace,
    dtype: type = np.float64,
    *,
    rate: float | None = None,
    mean: bool | None = None,
    matmul: Callable[[Any, Any], Any] = np.matmul,
    total: Callable[[Any], Any] = lambda x: x.sum(axis=0),
) -> dict[str, np.ndarray]:
    """Return the matrices `X`, `W1`, `z1`, `a1`, `dZ1`, `dW1`, `W1_new`, … of a trace's update by
    plain gradient descent, computed anew: gradients as calculus has them.

    `rate`: another learning rate; `mean`: whether gradients are means; `matmul` and `total`: how
    products and sums over samples are taken.
    """
    network = trace.network
    mean = trace.options["average"] if mean is None else mean
    one = dtype
    rate = one(trace.values["lr"].item() if rate is None else rate)
    have = {"X": trace.values["X"].astype(one), "y": trace.values["y"].astype(one)}
    a = have["X"]
    names = list(network.shapes)
    each = 2 if network.bias else 1
    kinds = [*network.activation, network.output_activation]
    for k, kind in enumerate(kinds, 1):
        have[f"W{k}"] = trace.values[names[each * (k - 1)]].astype(one)
        z = matmul(a, have[f"W{k}"])
        if network.bias:
            have[f"b{k}"] = trace.values[names[each * (k - 1) + 1]][0].astype(one)
            z = z + have[f"b{k}"]
        a = softmax(z) if kind == "softmax" else ACTIVATIONS[kind][0](z)
        have[f"z{k}"], have[f"a{k}"] = z, a
    last, count = len(kinds), len(a)
    dz = a - have["y"]
    if network.loss == "squared_error":
        dz = dz * ACTIVATIONS[kinds[-1]][1](z, a)
    for k in range(last, 0, -1):
        have[f"dZ{k}"] = dz
        before = have[f"a{k - 1}"] if k > 1 else have["X"]
        share = one(1 / count) if mean else one(1)
        have[f"dW{k}"] = matmul(before.T, dz) * share
        have[f"W{k}_new"] = have[f"W{k}"] - rate * have[f"dW{k}"]
        if network.bias:
            have[f"db{k}"] = total(dz) * share
            have[f"b{k}_new"] = have[f"b{k}"] - rate * have[f"db{k}"]
        if k > 1:
            da = matmul(dz, have[f"W{k}"].T)
            dz = da * ACTIVATIONS[kinds[k - 2]][1](have[f"z{k - 1}"], have[f"a{k - 1}"])
            have[f"dA{k - 1}"] = da
    return have


def by_einsum(a: Any, b: Any) -> Any:
    return np.einsum("ik,kj->ij", a, b)


def exactly(a: Any, b: Any) -> Any:
    """A product whose sums are rounded once."""
    return np.array([[math.fsum(x * y) for y in b.T] for x in a])


def backwards(a: Any, b: Any) -> Any:
    """A product that adds its terms from the right."""
    total = np.zeros((a.shape[0], b.shape[1]))
    for k in range(a.shape[1] - 1, -1, -1):
        total = total + a[:, k : k + 1] * b[k : k + 1]
    return total


ORDERS = {
    "numpy": (np.matmul, lambda x: x.sum(axis=0)),
    "einsum": (by_einsum, lambda x: np.einsum("ij->j", x)),
    "fsum": (exactly, lambda x: np.array([math.fsum(column) for column in x.T])),
    "backwards": (backwards, lambda x: x[::-1].sum(axis=0)),
}
