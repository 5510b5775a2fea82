"""Networks from fitted models of scikit-learn and PyTorch.

Neither library is imported: a model is known by the names of its classes. Knows what its layers
compute; knows nothing of samples, steps or files.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from cellprop.algebra import Array
from cellprop.errors import InputError
from cellprop.files.safe import label
from cellprop.programs.building import Written
from cellprop.programs.network import Network
from cellprop.programs.sequences import Shape, from_modules, is_program
from cellprop.programs.theirs import (
    TORCH,
    TORCH_ACTIVATIONS,
    TORCH_DROPOUTS,
    USUAL_LOSS,
    check_hooks,
    checked,
    flattened,
    found_as,
    is_of,
    is_torch,
    kind_of,
    numbers_of,
    own_method,
    way_out,
)

SKLEARN = "sklearn.neural_network."
FITTED = ("coefs_", "intercepts_", "out_activation_")
SKLEARN_ACTIVATIONS = {
    "identity": "linear",
    "logistic": "sigmoid",
    "tanh": "tanh",
    "relu": "relu",
    "softmax": "softmax",
}
TORCH_CARRIED = ("Linear", *TORCH_ACTIVATIONS, "Identity", "Flatten", *TORCH_DROPOUTS)
INSTEAD = f"use Linear layers with {', '.join([*TORCH_ACTIVATIONS][:-1])} or Softmax"


# --- scikit-learn -------------------------------------------------------------------------


def from_sklearn(model: Any) -> tuple[Network, dict[str, Array]]:
    """Return the network that a fitted model of scikit-learn is, and its parameters.

    Parameters
    ----------
    model
        A fitted `MLPClassifier` or `MLPRegressor`. How it was trained (solver, `alpha`, …) is not
        carried over. The outputs are in the order of `model.classes_`; with two classes the one
        output is that of the second. Their names, and those of the columns that it was fitted with,
        are kept: columns of X and y that have names are put in order by them.

    Raises
    ------
    InputError
        If it is not fitted, is something else, or computes what a network here does not.

    Examples
    --------
    The model's own predictions are the output before any further training::

        network, parameters = from_sklearn(model)
        run = trace(network, X, y, parameters=parameters)
        run["output"]  # for a classifier, model.predict_proba(X)
    """
    kind = kind_of(model, SKLEARN, ("MLPClassifier", "MLPRegressor"))
    if kind is None:
        raise InputError(f"from_sklearn: {_not_a_perceptron(model)}")
    if not all(hasattr(model, name) for name in FITTED):
        raise InputError(f"from_sklearn: this {kind} is not fitted; call its fit(X, y) first.")
    if model.out_activation_ not in SKLEARN_ACTIVATIONS:
        raise InputError(
            f"from_sklearn: an {kind} with loss '{model.loss}' can't be carried over;"
            " fit it with loss='squared_error'."
        )
    output = SKLEARN_ACTIVATIONS[model.out_activation_]
    hidden = [SKLEARN_ACTIVATIONS[model.activation]] * (len(model.coefs_) - 1)
    loss = USUAL_LOSS[output] if kind == "MLPClassifier" else "squared_error"
    names = getattr(model, "feature_names_in_", None), _classes(model, kind)
    return _built(model.coefs_, model.intercepts_, [*hidden, output], loss, *names)


def _classes(model: Any, kind: str) -> list[str] | None:
    """Return the names of a classifier's outputs, one for each class; None where several may be
    true at once.
    """
    classes = list(getattr(model, "classes_", ()))
    outputs = len(model.intercepts_[-1])
    if kind != "MLPClassifier" or len(classes) != (outputs if outputs > 1 else 2):
        return None
    if outputs > 1 and model.out_activation_ != "softmax":
        return None
    return [label(each) for each in (classes if outputs > 1 else classes[1:])]


def _not_a_perceptron(model: Any) -> str:
    names = [cls.__name__ for cls in type(model).__mro__]
    for cls in type(model).__mro__:
        if cls.__module__.startswith(SKLEARN) and (own := own_method(model, cls)):
            return f"{names[0]} has its own {own} and can't be carried over; use {cls.__name__}."
    if "Pipeline" in names:
        return (
            "a Pipeline can't be carried over; pass its last step, model[-1], and scale the data"
            " the same way: model[:-1].transform(X)."
        )
    if "BaseSearchCV" in names:
        return f"a {names[0]} can't be carried over; pass its best_estimator_."
    expected = f"expected a fitted MLPClassifier or MLPRegressor, found {found_as(model)}"
    return f"{expected}; for PyTorch there is from_torch." if is_torch(model) else f"{expected}."


# --- PyTorch ------------------------------------------------------------------------------


def from_torch(
    model: Any,
    *,
    loss: str | None = None,
    steps: int | None = None,
    shape: Shape | None = None,
    each_step: bool = False,
) -> tuple[Network | Written, dict[str, Array]]:
    """Return the network, or the program, that PyTorch modules are, and its parameters: what
    `trace` takes.

    Parameters
    ----------
    model
        A plain network: an `nn.Sequential` of `Linear` layers, each with at most one activation
        after it: `Sigmoid`, `Tanh`, `ReLU`, `LeakyReLU(0.01)`, `Softplus`, `ELU`, `SiLU`,
        `GELU(approximate="tanh")` or, at the end, `Softmax(dim=1)`. What does nothing is left out:
        `Identity`, `Flatten` (a sample is flat), and `Dropout` after `model.eval()`. None of them
        may have hooks, or weights that are made of others (parametrizations, weight norm, pruning)
        or shared.
        Or a program: an `nn.Sequential` that has `RNN`, `LSTM`, `GRU`, `Conv1d`, `Conv2d`,
        `MaxPool1d`, `MaxPool2d`, `AvgPool1d`, `AvgPool2d`, `LayerNorm`, `BatchNorm1d`,
        `MultiheadAttention` (of a sequence with itself) or `Embedding` among these, or one of them
        alone.
    loss
        What training makes smaller. None is `cross_entropy` after a softmax,
        `binary_cross_entropy` after a sigmoid, and else `squared_error`. If the model ends in a
        plain `Linear`, `cross_entropy` adds the softmax and `binary_cross_entropy` the sigmoid,
        as PyTorch's `CrossEntropyLoss` and `BCEWithLogitsLoss` do.
    steps
        How many time steps a recurrent network goes through, or words are embedded side by side.
    shape
        How large what is convolved is: `(rows, columns)` of an image, the length of a signal; with
        the number of channels before, if you like.
    each_step
        Whether the outputs of all time steps are compared (`y_1`, `y_2`, …), not only the last.

    Returns
    -------
    Network or program
        A `Network` where all is plain; else a program, which takes `x`, or `x_1`, `x_2`, … for
        time steps or channels, and gives `output`.
    dict
        The parameters by name. Those of a program end with the module's place (`W_ih_0`).

    Raises
    ------
    InputError
        If a module computes what a network here does not; the message says which one.

    Notes
    -----
    Numbers are carried over exactly, but computed with as doubles: a model in PyTorch's usual
    single precision gives the same output to about 6 digits, `model.double()` to about 15.

    Examples
    --------
    For a model that was trained on logits, with `CrossEntropyLoss`::

        network, parameters = from_torch(model, loss="cross_entropy")
        run = trace(network, X, y, parameters=parameters)
        run["output"]  # model(X).softmax(dim=1)
    """
    if is_program(model):
        return from_modules(model, loss, steps, shape, each_step=each_step)
    if kind_of(model, TORCH, ("Sequential",)) is None:
        hint = (
            "; put its layers, in order, into an nn.Sequential" if is_torch(model) else
            "; for scikit-learn there is from_sklearn" if is_of("sklearn.", model) else ""
        )  # fmt: skip
        raise InputError(f"from_torch: expected an nn.Sequential, found {found_as(model)}{hint}.")
    layers = list(_torch_layers(model))
    if not layers:
        raise InputError("from_torch: expected at least one Linear, found none.")
    for name, found in (("steps", steps), ("shape", shape), ("each_step", each_step or None)):
        if found is not None:
            raise InputError(
                f"{name}: the model takes samples in rows, which have none; leave it out."
            )
    weights, biases, activations = zip(*layers, strict=True)
    output = activations[-1]
    if output is None:
        adds = {usual: activation for activation, usual in USUAL_LOSS.items()}
        output = adds.get(loss or "", "linear")
    return _built(
        weights,
        () if biases[0] is None else biases,
        [*(activation or "linear" for activation in activations[:-1]), output],
        loss or USUAL_LOSS.get(output, "squared_error"),
    )


def _torch_layers(model: Any) -> Iterator[tuple[Array, Array | None, str | None]]:
    """Yield the weights, biases and activation of each Linear."""
    layer: tuple[Array, Array | None] | None = None
    activation = before = None
    places: dict[int, str] = {}
    for place, module in flattened(model, "model"):
        check_hooks(place, module)
        kind = _torch_kind(place, module)
        if kind == "Linear":
            if activation == "softmax":
                raise InputError(
                    f"from_torch: {before} can't be carried over before another Linear; Softmax"
                    " can only be the last module."
                )
            found = _linear(place, module, layer)
            first = places.setdefault(id(module.weight), place)
            if first != place:
                raise InputError(
                    f"from_torch: {place} (Linear) has the weights of {first}, which would be"
                    " trained apart; give it a copy of them."
                )
            if layer is not None:
                yield *layer, activation
            layer, activation = found, None
        elif kind is not None:
            if layer is None:
                raise InputError(
                    f"from_torch: {place} ({kind}) stands before the first Linear and can't be"
                    " carried over; apply it to the data instead."
                )
            if activation is not None:
                raise InputError(
                    f"from_torch: {place} ({kind}) follows {before}; a layer can have one"
                    " activation only."
                )
            activation, before = TORCH_ACTIVATIONS[kind], f"{place} ({kind})"
    if layer is not None:
        yield *layer, activation


def _torch_kind(place: str, module: Any) -> str | None:
    """Return `Linear` or the activation that a module is, None if it does nothing."""
    kind = checked(place, module, TORCH_CARRIED, INSTEAD)
    if kind == "Softmax" and module.dim not in (1, -1):
        raise way_out(place, f"Softmax with dim={module.dim}", "use Softmax(dim=1)")
    if kind == "Flatten" and (module.start_dim - module.end_dim) % 2:
        dims = f"start_dim={module.start_dim}, end_dim={module.end_dim}"
        raise way_out(place, f"Flatten with {dims}", "use Flatten(), which leaves samples apart")
    return None if kind == "Flatten" else kind


def _linear(
    place: str, module: Any, before: tuple[Array, Array | None] | None
) -> tuple[Array, Array | None]:
    """Return the weights, inputs × outputs, and biases of a Linear that fits the one before."""
    weights = numbers_of(place, module, "weight").T
    biases = None if module.bias is None else numbers_of(place, module, "bias")
    if before is not None:
        size = before[0].shape[1]
        if weights.shape[0] != size:
            raise InputError(
                f"from_torch: {place} (Linear) expects {weights.shape[0]} inputs, but the layer"
                f" before it has {size} neurons."
            )
        if (biases is None) != (before[1] is None):
            has, had = ("no bias", "has one") if biases is None else ("a bias", "has none")
            raise InputError(
                f"from_torch: {place} (Linear) has {has}, but the layer before it {had}; use"
                " bias=True for all layers or bias=False for all."
            )
    return weights, biases


# --- Both ---------------------------------------------------------------------------------


def _built(
    weights: Sequence[Array],
    biases: Sequence[Array],
    activations: Sequence[str],
    loss: str,
    inputs: Sequence[str] | None = None,
    outputs: Sequence[str] | None = None,
) -> tuple[Network, dict[str, Array]]:
    """Return the network of such layers and its parameters; no biases: a network without."""
    network = Network(
        [weights[0].shape[0], *(matrix.shape[1] for matrix in weights)],
        activation=activations[:-1],
        output_activation=activations[-1],
        loss=loss,
        bias=bool(len(biases)),
        input_names=inputs,
        output_names=outputs,
    )
    arrays = [np.array(matrix, dtype=np.float64) for matrix in weights]
    if len(biases):
        pairs = zip(arrays, biases, strict=True)
        arrays = [array for pair in pairs for array in pair]
    return network, network.parameters(dict(zip(network.shapes, arrays, strict=True)))
