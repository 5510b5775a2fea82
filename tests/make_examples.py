"""Makes the examples that ship with the package: `python tests/make_examples.py`.

Run by hand, with scikit-learn installed. `test_examples.py` holds the files against it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

EXAMPLES = Path(__file__).parents[1] / "src" / "cellprop" / "examples"

Example = dict[str, Any]

ARTICLE = "'Understanding and coding Neural Networks From Scratch in Python and R'"
DRAWN = (
    " The first parameters are uniform in [0, 1), drawn by numpy.random.default_rng(seed).random"
    " in the order wh, bh, wout, bout."
)


def article() -> Example:
    return {
        "about": "The article's walkthrough, steps 0 to 11: 3 samples, 4 inputs.",
        "made": f"From {ARTICLE}: X, y and the learning rate stand in its listings, the first"
        " weights and biases in its pictures.",
        "inputs": None,
        "outputs": None,
        "classes": False,
        "X": [[1, 0, 1, 0], [1, 0, 1, 1], [0, 1, 0, 1]],
        "y": [[1], [1], [0]],
        "network": _network([4, 3, 1], "sigmoid", "sigmoid", "squared_error"),
        "training": _training(0.1, 1),
        "parameters": {
            "wh": [[0.42, 0.88, 0.55], [0.1, 0.73, 0.68], [0.6, 0.18, 0.47], [0.92, 0.11, 0.52]],
            "bh": [[0.46, 0.72, 0.08]],
            "wout": [[0.3], [0.25], [0.23]],
            "bout": [[0.69]],
        },
        "seed": None,
    }


def notebook() -> Example:
    random = np.random.RandomState(42)
    return {
        "about": "The article's second half, a network without biases: 3 samples, 4 inputs.",
        "made": f"X and y stand in the second half of {ARTICLE}, there with samples as columns."
        " wh and wout are drawn by numpy.random.RandomState(42).uniform: first (4, 3), then"
        " (3, 1).",
        "inputs": None,
        "outputs": None,
        "classes": False,
        "X": [[1, 0, 0, 0], [1, 0, 1, 1], [0, 1, 0, 1]],
        "y": [[1], [1], [0]],
        "network": _network([4, 3, 1], "sigmoid", "sigmoid", "squared_error", bias=False),
        "training": _training(0.01, 1),
        "parameters": {
            "wh": random.uniform(size=(4, 3)).tolist(),
            "wout": random.uniform(size=(3, 1)).tolist(),
        },
        "seed": None,
    }


def moons() -> Example:
    from sklearn.datasets import make_moons

    X, y = make_moons(n_samples=1000, random_state=42, noise=0.1)
    X -= X.min()
    X /= X.max()
    random = np.random.RandomState(42)
    random.uniform(size=30)  # the article has drawn the notebook's weights twice by then
    return {
        "about": "Two interleaved half moons, the article's second data set:"
        " 1000 samples, 2 inputs.",
        "made": "sklearn.datasets.make_moons(n_samples=1000, random_state=42, noise=0.1), then"
        " X -= X.min() and X /= X.max() over the whole of X. wh and wout are drawn by"
        " numpy.random.RandomState(42).uniform: first 30 numbers that are not used, then (2, 10),"
        " then (10, 1).",
        "inputs": None,
        "outputs": None,
        "classes": False,
        "X": X.tolist(),
        "y": y[:, np.newaxis].tolist(),
        "network": _network([2, 10, 1], "sigmoid", "sigmoid", "squared_error", bias=False),
        "training": _training(0.1, 5000),
        "parameters": {
            "wh": random.uniform(size=(2, 10)).tolist(),
            "wout": random.uniform(size=(10, 1)).tolist(),
        },
        "seed": None,
    }


def blobs() -> Example:
    from sklearn.datasets import make_blobs

    X, y = make_blobs(
        n_samples=90,
        centers=3,
        n_features=2,
        cluster_std=0.8,
        center_box=(-4, 4),
        random_state=42,
    )
    return {
        "about": "Three clouds of points, the exercise that the article sets:"
        " 90 samples, 2 inputs.",
        "made": "sklearn.datasets.make_blobs(n_samples=90, centers=3, n_features=2,"
        " cluster_std=0.8, center_box=(-4, 4), random_state=42), X rounded to 2 decimals;"
        " y one-hot." + DRAWN,
        "inputs": None,
        "outputs": ["A", "B", "C"],
        "classes": True,
        "X": X.round(2).tolist(),
        "y": _one_hot(y),
        "network": _network([2, 4, 3], "tanh", "softmax", "cross_entropy"),
        "training": _training(0.5, 200, average=True),
        "parameters": {},
        "seed": 42,
    }


def xor() -> Example:
    return {
        "about": "Exclusive or, which no single layer can learn: 4 samples, 2 inputs.",
        "made": "All pairs of 0 and 1; the output is 1 where they differ. With this learning rate,"
        " seed 1 is the first to bring the loss below 0.05 within 200 epochs." + DRAWN,
        "inputs": ["a", "b"],
        "outputs": ["a xor b"],
        "classes": False,
        "X": [[0, 0], [0, 1], [1, 0], [1, 1]],
        "y": [[0], [1], [1], [0]],
        "network": _network([2, 2, 1], "tanh", "sigmoid", "binary_cross_entropy"),
        "training": _training(0.3, 300),
        "parameters": {},
        "seed": 1,
    }


def iris() -> Example:
    from sklearn.datasets import load_iris

    data = load_iris()
    return {
        "about": "Fisher's irises, three species of flowers by their measures:"
        " 150 samples, 4 inputs.",
        "made": "sklearn.datasets.load_iris(), in its order and with its names; y one-hot. X is in"
        " centimetres: scaling is part of the training." + DRAWN,
        "inputs": list(data.feature_names),
        "outputs": data.target_names.tolist(),
        "classes": True,
        "X": data.data.tolist(),
        "y": _one_hot(data.target),
        "network": _network([4, 5, 3], "tanh", "softmax", "cross_entropy"),
        "training": _training(0.5, 200, average=True, scale="standard"),
        "parameters": {},
        "seed": 42,
    }


MAKERS: Mapping[str, Callable[[], Example]] = {
    maker.__name__: maker for maker in (article, notebook, moons, blobs, xor, iris)
}


def _network(
    sizes: list[int], activation: str, output_activation: str, loss: str, *, bias: bool = True
) -> Example:
    return {
        "sizes": sizes,
        "activation": activation,
        "output_activation": output_activation,
        "loss": loss,
        "bias": bias,
    }


def _training(
    learning_rate: float, epochs: int, *, average: bool = False, scale: str | None = None
) -> Example:
    return {
        "learning_rate": learning_rate,
        "epochs": epochs,
        "average": average,
        "scale": scale,
    }


def _one_hot(classes: np.ndarray) -> list[list[int]]:
    return np.eye(classes.max() + 1, dtype=int)[classes].tolist()


def text(example: Example) -> str:
    """Return an example as JSON: a line for each key, sample and matrix; doubles in full."""
    return _lines({name: _value(name, value) for name, value in example.items()}, "") + "\n"


def _value(name: str, value: Any) -> str:
    if name in ("X", "y"):
        samples = ",\n".join(f"    {json.dumps(sample)}" for sample in value)
        return f"[\n{samples}\n  ]"
    if name == "parameters" and value:
        return _lines({inner: json.dumps(matrix) for inner, matrix in value.items()}, "  ")
    return json.dumps(value, ensure_ascii=False)


def _lines(values: Mapping[str, str], indent: str) -> str:
    inner = ",\n".join(f'{indent}  "{name}": {value}' for name, value in values.items())
    return f"{{\n{inner}\n{indent}}}"


def main() -> None:
    for name, maker in MAKERS.items():
        path = EXAMPLES / f"{name}.json"
        path.write_text(text(maker()), encoding="utf-8", newline="\n")
        print(path)


if __name__ == "__main__":
    main()
