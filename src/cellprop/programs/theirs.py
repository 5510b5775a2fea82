"""Models of other libraries: what a module is, where it stands, and whether it is what it seems.

Neither library is imported: a module is known by the names of its classes.
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
# What training usually makes smaller with an activation at the output; else the squared error.
USUAL_LOSS = {"softmax": "cross_entropy", "sigmoid": "binary_cross_entropy"}
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


def way_out(place: str, kind: str, instead: str) -> InputError:
    """Return what is said of a module that can't be carried over, with what to do instead."""
    return InputError(f"from_torch: {place} ({kind}) can't be carried over; {instead}.")


def flattened(model: Any, place: str) -> Iterator[tuple[str, Any]]:
    """Yield the modules with their places: `model[0]`, `model[1][0]`, …, as one types them."""
    check_hooks(place, model)
    for position, module in enumerate(model):
        here = f"{place}[{position}]"
        if kind_of(module, TORCH, ("Sequential",)):
            yield from flattened(module, here)
        else:
            yield here, module


def check_hooks(place: str, module: Any) -> None:
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


def checked(place: str, module: Any, carried: Sequence[str], instead: str) -> str | None:
    """Return which of the modules that are carried over a module is, None if it does nothing.

    Parameters
    ----------
    place
        Where it stands, as one types it.
    module
        What is in question.
    carried
        The names of classes.
    instead
        What to do where it is none of them.

    Raises
    ------
    InputError
        If it computes something else.
    """
    kind = kind_of(module, TORCH, carried)
    if kind is None:
        name = type(module).__name__
        if QUANTIZED.search(type(module).__module__):
            raise way_out(place, f"quantized {name}", "give the model as it was before")
        raise way_out(place, name, "use Softmax(dim=1)" if name == "LogSoftmax" else instead)
    if kind in TORCH_DROPOUTS and module.training and module.p != 0:
        raise way_out(place, kind, "call model.eval() first, which switches it off")
    if other := [n for n, v in TORCH_TOLD.get(kind, {}).items() if getattr(module, n) != v]:
        right = TORCH_TOLD[kind]
        found = told({name: getattr(module, name) for name in other})
        asked = told({name: right[name] for name in other})
        raise way_out(place, f"{kind} with {found}", f"use {asked}")
    return None if kind in ("Identity", *TORCH_DROPOUTS) else kind


def numbers_of(place: str, module: Any, name: str) -> Array:
    """Return the numbers of a parameter, or of what else a module keeps.

    Raises
    ------
    InputError
        If it has none yet, or complex ones.
    """
    kind = type(module).__name__
    try:
        found = as_array(getattr(module, name))[0]
    except (ValueError, RuntimeError):  # a lazy module that saw no data yet, or the meta device
        raise InputError(
            f"from_torch: {place} ({kind}) has no numbers yet; call the model on some data first."
        ) from None
    if found.dtype.kind == "c":
        raise InputError(f"from_torch: {place} ({kind}) has complex numbers; use real ones.")
    return np.array(found, dtype=np.float64)


def told(settings: Mapping[str, Any]) -> str:
    """Return settings as they are given: `beta=2, threshold=5`, `approximate='none'`."""
    return ", ".join(
        f"{name}={value!r}" if isinstance(value, str) else f"{name}={value:g}"
        for name, value in settings.items()
    )


def kind_of(thing: Any, package: str, names: Sequence[str]) -> str | None:
    """Return which of some classes a thing is, or is one of whose subclasses.

    Not if a subclass, or the thing itself, has its own way to compute its output.
    """
    for cls in type(thing).__mro__:
        if cls.__module__.startswith(package) and cls.__name__ in names:
            return None if own_method(thing, cls) else cls.__name__
    return None


def own_method(thing: Any, cls: type) -> str:
    """Return the name of a method that is not that of a class; empty if a thing has none."""

    def found(name: str, among: type) -> object:
        return next((vars(base)[name] for base in among.__mro__ if name in vars(base)), None)

    own = (n for n in COMPUTES if n in vars(thing) or found(n, type(thing)) is not found(n, cls))
    return next(own, "")


def is_of(package: str, thing: Any) -> bool:
    """Whether a thing, or a class, is of a package or of one of its classes."""
    cls = thing if isinstance(thing, type) else type(thing)
    return any(base.__module__.startswith(package) for base in cls.__mro__)


def is_torch(thing: Any) -> bool:
    """Whether a thing, or a class, is PyTorch's or of one of its classes."""
    return is_of("torch.", thing)


def found_as(thing: Any) -> str:
    """Return what a thing is called in an error: its class."""
    return f"the class {thing.__name__}" if isinstance(thing, type) else type(thing).__name__
