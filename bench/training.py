"""Training: cellprop, which keeps the loss of every epoch, against the article's own loop."""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np
from measuring import judged, ratio, spread, taking_turns

import cellprop

TARGET = 1.5


def sigmoid(x):
    """Return the sigmoid, as in the article."""
    return 1 / (1 + np.exp(-x))


def derivatives_sigmoid(x):
    """Return the slope at an activation, as in the article."""
    return x * (1 - x)


def train_as_the_article(X, y, parameters, lr, epochs):
    """Return the parameters after that many updates; the loop is the article's."""
    wh, bh, wout, bout = (np.array(parameters[name]) for name in ("wh", "bh", "wout", "bout"))
    for _ in range(epochs):
        hidden_layer_input1 = np.dot(X, wh)
        hidden_layer_input = hidden_layer_input1 + bh
        hiddenlayer_activations = sigmoid(hidden_layer_input)
        output_layer_input1 = np.dot(hiddenlayer_activations, wout)
        output_layer_input = output_layer_input1 + bout
        output = sigmoid(output_layer_input)

        E = y - output
        slope_output_layer = derivatives_sigmoid(output)
        slope_hidden_layer = derivatives_sigmoid(hiddenlayer_activations)
        d_output = E * slope_output_layer
        Error_at_hidden_layer = d_output.dot(wout.T)
        d_hiddenlayer = Error_at_hidden_layer * slope_hidden_layer
        wout += hiddenlayer_activations.T.dot(d_output) * lr
        bout += np.sum(d_output, axis=0, keepdims=True) * lr
        wh += X.T.dot(d_hiddenlayer) * lr
        bh += np.sum(d_hiddenlayer, axis=0, keepdims=True) * lr
    return {"wh": wh, "bh": bh, "wout": wout, "bout": bout}


def main() -> None:
    """Measure both, with the article's whole numbers as data and with the same as decimals."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=21)
    given = parser.parse_args()

    first = cellprop.article()
    X, y, lr = first.values["X"], first.values["y"], first.values["lr"].item()
    parameters = {name: first.values[name] for name in ("wh", "bh", "wout", "bout")}

    def with_cellprop() -> cellprop.Trace:
        return cellprop.trace(
            first.network, X, y, parameters=parameters, learning_rate=lr, epochs=given.epochs
        )

    def with_loop(kind: type) -> Callable[[], dict[str, np.ndarray]]:
        samples, targets = X.astype(kind), y.astype(kind)
        return lambda: train_as_the_article(samples, targets, parameters, lr, given.epochs)

    as_written, as_decimals = "the article's loop", "the loop with X and y as decimals"
    contenders = {
        "cellprop": with_cellprop,
        as_written: with_loop(int),
        as_decimals: with_loop(float),
    }
    trained = with_cellprop().parameters
    for name, values in contenders[as_written]().items():
        np.testing.assert_allclose(trained[name], values, rtol=1e-9)
    times = taking_turns(contenders, given.rounds)
    print(f"{given.epochs:,} epochs")
    for name, seconds in times.items():
        print(f"  {name:35}{spread(seconds).text('.1f', 1000)} ms")
    for name in (as_written, as_decimals):
        slower = ratio(times, "cellprop", name)
        print(f"  cellprop / {name}: {slower.text()}  {judged(slower.median, TARGET, most=True)}")


if __name__ == "__main__":
    main()
