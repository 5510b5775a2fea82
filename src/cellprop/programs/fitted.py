"""Networks from fitted models of scikit-learn and PyTorch.

Neither library is imported: a model is known by the names of its classes. Knows what its layers
compute; knows nothing of samples, steps or files.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from cellprop.algebra import Array
from cellprop.errors import InputError
from cellprop.files.arrays import as_array
from cellprop.files.safe import label
from cellprop.programs.network import Network

SKLEARN = "sklearn.neural_network."
FITTED = ("coefs_", "intercepts_", "out_activation_")
SKLEARN_ACTIVATIONS = {
    "identity": "linear",
    "logistic": "sigmoid",
    "tanh": "tanh",
    "relu": "relu",
    "softmax": "softmax",
}
TORCH = "torch.nn.modules."
TORCH_ACTIVATIONS = {
    "Sigmoid": "sigmoid",
    "Tanh": "tanh",
    "ReLU": "relu",
    "LeakyReLU": "leaky_relu",
    "Softplus": "softplus",
    "ELU": "elu",
    "SiLU": "silu",
    "GELU": "gelu",
    "Softmax": "softmax",
}
TORCH_DROPOUTS = (
    "Dropout",
    "Dropout1d",
    "Dropout2d",
    "Dropout3d",
    "AlphaDropout",
    "FeatureAlphaDropout",
)
TORCH_LEFT_OUT = ("Identity", "Flatten")
TORCH_CARRIED = ("Linear", *TORCH_ACTIVATIONS, *TORCH_LEFT_OUT, *TORCH_DROPOUTS)
# What is called before or after a module, and can change what it computes or learns.
TORCH_HOOKS = {
    "forward_pre_hooks": "forward pre-hook",
    "forward_hooks": "forward hook",
    "backward_pre_hooks": "backward pre-hook",
    "backward_hooks": "backward hook",
}
# What makes a weight of others, and how that is ended.
TORCH_UTILS = {
    "torch.nn.utils.weight_norm": "torch.nn.utils.remove_weight_norm({})",
    "torch.nn.utils.spectral_norm": "torch.nn.utils.remove_spectral_norm({})",
    "torch.nn.utils.prune": 'torch.nn.utils.prune.remove({}, "weight")',
}
QUANTIZED = re.compile(r"\.(quantized|qat|quantizable)\b")
# What activations must have been told, to be those of the table.
TORCH_TOLD: dict[str, dict[str, float | str]] = {
    "LeakyReLU": {"negative_slope": 0.01},
    "Softplus": {"beta": 1, "threshold": 20},
    "ELU": {"alpha": 1},
    "GELU": {"approximate": "tanh"},
}
# What computes the output, in either library.
COMPUTES = (
    "forward",
    "__call__",
    "_call_impl",
    "predict",
    "predict_proba",
    "_predict",
    "_forward_pass",
    "_forward_pass_fast",
)
# What training usually makes smaller with an activation at the output; else the squared error.
USUAL_LOSS = {"softmax": "cross_entropy", "sigmoid": "binary_cross_entropy"}


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
    kind = _kind(model, SKLEARN, ("MLPClassifier", "MLPRegressor"))
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
        if cls.__module__.startswith(SKLEARN) and (own := _own_method(model, cls)):
            return f"{names[0]} has its own {own} and can't be carried over; use {cls.__name__}."
    if "Pipeline" in names:
        return (
            "a Pipeline can't be carried over; pass its last step, model[-1], and scale the data"
            " the same way: model[:-1].transform(X)."
        )
    if "BaseSearchCV" in names:
        return f"a {names[0]} can't be carried over; pass its best_estimator_."
    expected = f"expected a fitted MLPClassifier or MLPRegressor, found {_found(model)}"
    return f"{expected}; for PyTorch there is from_torch." if _is_torch(model) else f"{expected}."


# --- PyTorch ------------------------------------------------------------------------------


def from_torch(model: Any, *, loss: str | None = None) -> tuple[Network, dict[str, Array]]:
    """Return the network that a sequence of PyTorch modules is, and its parameters.

    Parameters
    ----------
    model
        An `nn.Sequential` of `Linear` layers, each with at most one activation after it:
        `Sigmoid`, `Tanh`, `ReLU`, `LeakyReLU(0.01)`, `Softplus`, `ELU`, `SiLU`,
        `GELU(approximate="tanh")` or, at the end, `Softmax(dim=1)`. What does
        nothing is left out: `Identity`, `Flatten` (a sample is flat), and `Dropout` after
        `model.eval()`. None of them may have hooks, or weights that are made of others
        (parametrizations, weight norm, pruning) or shared.
    loss
        What training makes smaller. None is `cross_entropy` after a softmax,
        `binary_cross_entropy` after a sigmoid, and else `squared_error`. If the model ends in a
        plain `Linear`, `cross_entropy` adds the softmax and `binary_cross_entropy` the sigmoid,
        as PyTorch's `CrossEntropyLoss` and `BCEWithLogitsLoss` do.

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
    if _kind(model, TORCH, ("Sequential",)) is None:
        hint = (
            "; put its layers, in order, into an nn.Sequential" if _is_torch(model) else
            "; for scikit-learn there is from_sklearn" if _is_of("sklearn.", model) else ""
        )  # fmt: skip
        raise InputError(f"from_torch: expected an nn.Sequential, found {_found(model)}{hint}.")
    layers = list(_torch_layers(model))
    if not layers:
        raise InputError("from_torch: expected at least one Linear, found none.")
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
    for place, module in _flattened(model, "model"):
        _check_hooks(place, module)
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


def _flattened(model: Any, place: str) -> Iterator[tuple[str, Any]]:
    """Yield the modules with their places: `model[0]`, `model[1][0]`, …, as one types them."""
    _check_hooks(place, model)
    for position, module in enumerate(model):
        here = f"{place}[{position}]"
        if _kind(module, TORCH, ("Sequential",)):
            yield from _flattened(module, here)
        else:
            yield here, module


def _check_hooks(place: str, module: Any) -> None:
    """Refuse a module that computes, or learns, something else than its kind does."""
    what = f"from_torch: {place} ({type(module).__name__})"
    if "parametrizations" in getattr(module, "_modules", ()):
        raise InputError(
            f"{what} has parametrizations and can't be carried over; call"
            f" torch.nn.utils.parametrize.remove_parametrizations({place}, …) first."
        )
    if hasattr(module, "_infer_parameters"):
        return  # a lazy module, whose hook waits for the first data
    everywhere = sys.modules.get("torch.nn.modules.module")
    for kind, name in TORCH_HOOKS.items():
        own = getattr(module, f"_{kind}", None) or {}
        shared = getattr(everywhere, f"_global_{kind}", None) or {}
        for hook in (*own.values(), *shared.values()):
            called = getattr(hook, "__qualname__", type(hook).__qualname__)
            remedy = TORCH_UTILS.get(type(hook).__module__, "").format(place)
            raise InputError(
                f"{what} has a {name} ({label(called)}) and can't be carried over;"
                f" {f'call {remedy}' if remedy else 'remove it'} first."
            )
    for parameter, tensor in getattr(module, "_parameters", {}).items():
        if getattr(tensor, "_backward_hooks", None) or getattr(
            tensor, "_post_accumulate_grad_hooks", None
        ):
            raise InputError(
                f"{what} has a hook on its {parameter} and can't be carried over; remove it first."
            )


def _torch_kind(place: str, module: Any) -> str | None:
    """Return `Linear` or the activation that a module is, None if it does nothing."""
    kind = _kind(module, TORCH, TORCH_CARRIED)
    wrong = None
    if kind is None and QUANTIZED.search(type(module).__module__):
        kind = f"quantized {type(module).__name__}"
        wrong = "give the model as it was before"
    elif kind is None:
        kind = type(module).__name__
        wrong = f"use Linear layers with {', '.join([*TORCH_ACTIVATIONS][:-1])} or Softmax"
        if kind == "LogSoftmax":
            wrong = "use Softmax(dim=1)"
    elif kind in TORCH_DROPOUTS:
        if module.training and module.p != 0:
            wrong = "call model.eval() first, which switches it off"
        else:
            return None
    elif other := [n for n, v in TORCH_TOLD.get(kind, {}).items() if getattr(module, n) != v]:
        right = TORCH_TOLD[kind]
        kind = f"{kind} with {_told({name: getattr(module, name) for name in other})}"
        wrong = f"use {_told({name: right[name] for name in other})}"
    elif kind == "Softmax" and module.dim not in (1, -1):
        kind, wrong = f"Softmax with dim={module.dim}", "use Softmax(dim=1)"
    elif kind == "Flatten" and (module.start_dim - module.end_dim) % 2:
        kind = f"Flatten with start_dim={module.start_dim}, end_dim={module.end_dim}"
        wrong = "use Flatten(), which leaves samples apart"
    if wrong:
        raise InputError(f"from_torch: {place} ({kind}) can't be carried over; {wrong}.")
    return None if kind in TORCH_LEFT_OUT else kind


def _told(settings: Mapping[str, Any]) -> str:
    """Return settings as they are given: `beta=2, threshold=5`, `approximate='none'`."""
    return ", ".join(
        f"{name}={value!r}" if isinstance(value, str) else f"{name}={value:g}"
        for name, value in settings.items()
    )


def _linear(
    place: str, module: Any, before: tuple[Array, Array | None] | None
) -> tuple[Array, Array | None]:
    """Return the weights, inputs × outputs, and biases of a Linear that fits the one before."""
    try:
        weights = as_array(module.weight)[0].T
        biases = None if module.bias is None else as_array(module.bias)[0]
    except (ValueError, RuntimeError):  # a LazyLinear that saw no data yet, or the meta device
        raise InputError(
            f"from_torch: {place} ({type(module).__name__}) has no numbers yet; call the model on"
            " some data first."
        ) from None
    if weights.dtype.kind == "c":
        raise InputError(f"from_torch: {place} (Linear) has complex numbers; use real ones.")
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


def _kind(thing: Any, package: str, names: Sequence[str]) -> str | None:
    """Return which of some classes a thing is, or is one of whose subclasses.

    Not if a subclass, or the thing itself, has its own way to compute its output.
    """
    for cls in type(thing).__mro__:
        if cls.__module__.startswith(package) and cls.__name__ in names:
            return None if _own_method(thing, cls) else cls.__name__
    return None


def _own_method(thing: Any, cls: type) -> str:
    """Return the name of a method that is not that of a class; empty if a thing has none."""

    def found(name: str, among: type) -> object:
        return next((vars(base)[name] for base in among.__mro__ if name in vars(base)), None)

    own = (n for n in COMPUTES if n in vars(thing) or found(n, type(thing)) is not found(n, cls))
    return next(own, "")


def _is_of(package: str, thing: Any) -> bool:
    cls = thing if isinstance(thing, type) else type(thing)
    return any(base.__module__.startswith(package) for base in cls.__mro__)


def _is_torch(thing: Any) -> bool:
    return _is_of("torch.", thing)


def _found(thing: Any) -> str:
    return f"the class {thing.__name__}" if isinstance(thing, type) else type(thing).__name__
