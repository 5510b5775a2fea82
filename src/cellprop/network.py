"""A network: how many neurons each layer has, what they compute, and its first parameters.

Knows sizes and names; knows nothing of samples, steps or files.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from cellprop.algebra import Array
from cellprop.data import numbers
from cellprop.errors import InputError, UnknownNameError, nearest

ACTIVATIONS = ("sigmoid",)
LOSSES = ("squared_error",)


@dataclass(frozen=True)
class Network:
    """A fully connected network with one hidden layer.

    Parameters
    ----------
    sizes
        Neurons in each layer: `[inputs, hidden, outputs]`, each at least 1.
    activation
        What every neuron applies to its input: `sigmoid`.
    loss
        What training makes smaller: `squared_error`, ½(y − output)².

    Raises
    ------
    InputError
        If the sizes are not three whole numbers of at least 1, or a name is not known.

    Examples
    --------
    >>> network = Network([4, 3, 1])
    >>> {name: array.shape for name, array in network.initialise(seed=0).items()}
    {'wh': (4, 3), 'bh': (1, 3), 'wout': (3, 1), 'bout': (1, 1)}
    """

    sizes: Sequence[int]
    activation: str = "sigmoid"
    loss: str = "squared_error"

    def __post_init__(self) -> None:
        try:
            sizes = tuple(self.sizes)
        except TypeError:
            raise InputError(
                "Network sizes: expected 3 numbers (inputs, hidden, outputs),"
                f" found {self.sizes!r}."
            ) from None
        if len(sizes) != 3:
            raise InputError(
                f"Network sizes: expected 3 numbers (inputs, hidden, outputs), found {len(sizes)}."
            )
        for what, size in zip(("inputs", "hidden neurons", "outputs"), sizes, strict=True):
            if isinstance(size, bool) or not isinstance(size, (int, np.integer)) or size < 1:
                raise InputError(
                    f"Network sizes: expected a whole number of {what}, at least 1, found {size!r}."
                )
        # Frozen for users; normalised once here so that equal networks compare equal.
        object.__setattr__(self, "sizes", tuple(map(int, sizes)))
        _choose("activation", self.activation, ACTIVATIONS)
        _choose("loss", self.loss, LOSSES)

    @property
    def shapes(self) -> dict[str, tuple[int, int]]:
        """The shape of each parameter by name, in the order in which they are drawn."""
        inputs, hidden, outputs = self.sizes
        return {
            "wh": (inputs, hidden),
            "bh": (1, hidden),
            "wout": (hidden, outputs),
            "bout": (1, outputs),
        }

    def initialise(self, seed: int | None = None) -> dict[str, Array]:
        """Return first parameters, uniform in [0, 1), drawn by `numpy.random.default_rng(seed)`."""
        try:
            random = np.random.default_rng(seed)
        except (TypeError, ValueError):
            raise InputError(
                f"seed: expected a whole number of at least 0, found {seed!r}."
            ) from None
        return {name: random.random(shape) for name, shape in self.shapes.items()}

    def parameters(
        self, given: Mapping[str, object] | None = None, seed: int | None = None
    ) -> dict[str, Array]:
        """Return the parameters to begin with: those given, the others drawn from `seed`.

        Raises
        ------
        UnknownNameError
            If a given name is not a parameter.
        InputError
            If a given matrix has another shape, or holds something that is not a finite number.
        """
        given = given or {}
        for name in given:
            if name not in self.shapes:
                raise UnknownNameError(
                    f"parameters: there is no '{name}'; there are {', '.join(self.shapes)}."
                    f"{nearest(str(name), self.shapes)}"
                )
        drawn = {} if len(given) == len(self.shapes) else self.initialise(seed)
        return {
            name: _parameter(name, given[name], shape) if name in given else drawn[name]
            for name, shape in self.shapes.items()
        }


def _parameter(name: str, given: object, shape: tuple[int, int]) -> Array:
    array = numbers(name, given)
    if array.ndim == 1 and shape[0] == 1:
        array = array[np.newaxis]
    if array.shape != shape:
        found = " × ".join(map(str, array.shape)) or "one number"
        raise InputError(f"{name}: expected {shape[0]} × {shape[1]} numbers, found {found}.")
    return array


def _choose(what: str, name: str, known: Sequence[str]) -> None:
    if name not in known:
        raise InputError(
            f"Network {what}: '{name}' is not known; known: {', '.join(known)}."
            f"{nearest(str(name), known)}"
        )
