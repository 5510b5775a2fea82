"""A network: how many neurons each layer has, what they compute, and its first parameters.

Knows sizes and names; knows nothing of samples, steps or files.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from functools import cached_property

import numpy as np

from cellprop.algebra import (
    Array,
    activations,
    elementwise_activations,
    is_of_several,
    losses,
    losses_for,
    outputs_for,
)
from cellprop.errors import InputError, UnknownNameError, nearest
from cellprop.files.safe import label
from cellprop.files.samples import numbers
from cellprop.limits import check_network


@dataclass(frozen=True)
class Network:
    """A fully connected network.

    Parameters
    ----------
    sizes
        Neurons in each layer: `[inputs, hidden, outputs]`, with any number of hidden layers, or
        none; each at least 1.
    activation
        What every hidden neuron applies to its input, or a sequence with a name for each hidden
        layer: `sigmoid`, `tanh`, `relu`, `leaky_relu` (slope 0.01), `linear`, `softplus`,
        `elu`, `silu` or `gelu` (in its form with tanh).
    output_activation
        What the output neurons apply; also `softmax`. None is what the loss asks for, or else what
        the hidden layers have.
    loss
        What training makes smaller: `squared_error`, ½(y − output)²; `binary_cross_entropy`, for
        sigmoid outputs; `cross_entropy`, for softmax outputs.
    bias
        Whether neurons have biases.
    input_names, output_names
        What the inputs and outputs are called, where that is known, as of a fitted model: the
        columns of X and y are put in order by them. No part of what the network computes.

    Raises
    ------
    InputError
        If the sizes are not whole numbers of at least 1, a name is not known, or the output
        activation does not go with the loss.

    Examples
    --------
    >>> network = Network([4, 3, 1])
    >>> {name: array.shape for name, array in network.initialise(seed=0).items()}
    {'wh': (4, 3), 'bh': (1, 3), 'wout': (3, 1), 'bout': (1, 1)}
    >>> Network([4, 5, 3, 2], activation="tanh", loss="cross_entropy").output_activation
    'softmax'
    >>> list(Network([4, 5, 3, 2], bias=False).shapes)
    ['wh_1', 'wh_2', 'wout']
    """

    sizes: Sequence[int]
    _: KW_ONLY
    activation: str | Sequence[str] = "sigmoid"
    output_activation: str | None = None
    loss: str = "squared_error"
    bias: bool = True
    input_names: Sequence[str] | None = field(default=None, repr=False, compare=False)
    output_names: Sequence[str] | None = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        listed = isinstance(self.activation, Iterable) and not isinstance(self.activation, str)
        single = None if listed else str(self.activation)
        sizes = _sizes(self.sizes)
        check_network(sizes)
        hidden = (single,) * (len(sizes) - 2) if single else tuple(self.activation)
        for name in hidden or filter(None, [single]):
            _choose("activation", name, elementwise_activations())
        if len(hidden) != len(sizes) - 2:
            raise InputError(
                f"Network activation: expected a name for each of the {len(sizes) - 2} hidden"
                f" layers, found {len(hidden)}."
            )
        _choose("loss", self.loss, losses())
        wanted = outputs_for(self.loss)
        usual = (
            wanted[0] if wanted else single or (hidden[-1] if hidden else str(Network.activation))
        )
        output = usual if self.output_activation is None else self.output_activation
        _choose("output_activation", output, activations())
        if wanted and output not in wanted:
            raise InputError(
                f"Network loss: {self.loss} goes with {' or '.join(wanted)} at the output,"
                f" not with {output}."
            )
        if not wanted and output not in elementwise_activations():
            raise InputError(
                f"Network loss: {output} at the output goes with {' or '.join(losses_for(output))},"
                f" not with {self.loss}."
            )
        if is_of_several(output) and sizes[-1] == 1:
            raise InputError(
                f"Network sizes: {output} needs at least 2 outputs, one for each of the classes;"
                " found 1, which would always be 1."
            )
        # Frozen for users; normalised once here so that equal networks compare equal.
        for name, value in (
            ("sizes", sizes), ("activation", hidden), ("output_activation", output),
            ("input_names", _names("input_names", self.input_names, sizes[0])),
            ("output_names", _names("output_names", self.output_names, sizes[-1])),
        ):  # fmt: skip
            object.__setattr__(self, name, value)

    @cached_property
    def hidden(self) -> tuple[HiddenLayer, ...]:
        """The hidden layers, from the inputs on."""
        sizes, several = self.sizes, len(self.sizes) > 3
        return tuple(
            HiddenLayer(f"_{k}" if several else "", k if several else None, size, activation)
            for k, (size, activation) in enumerate(
                zip(sizes[1:-1], self.activation, strict=True), 1
            )
        )

    def chosen(self, neurons: Iterable[int]) -> tuple[int, ...]:
        """Return the numbers of some neurons of the only hidden layer, each once, in order.

        Raises
        ------
        InputError
            If there is not exactly one hidden layer, no neuron is chosen, or one is not there.
        """
        if len(self.hidden) != 1:
            raise InputError(
                "neurons: some of them can be shown of a network with one hidden layer; this one"
                f" has {len(self.hidden) or 'none'}."
            )
        try:
            found = set(neurons)
        except TypeError:
            raise InputError(
                f"neurons: expected numbers of hidden neurons, found {label(neurons)}."
            ) from None
        most = self.hidden[0].size
        for number in found:
            whole = isinstance(number, int | np.integer) and not isinstance(number, bool)
            if not whole or not 1 <= number <= most:
                raise InputError(
                    f"neurons: expected numbers of hidden neurons, 1 to {most}, found"
                    f" {label(number)}."
                )
        if not found:
            raise InputError(f"neurons: expected at least one of the {most}, found none.")
        return tuple(sorted(map(int, found)))

    @property
    def shapes(self) -> dict[str, tuple[int, int]]:
        """The shape of each parameter by name, in the order in which they are drawn."""
        found = {}
        before = self.sizes[0]
        names = [(f"wh{layer.suffix}", f"bh{layer.suffix}") for layer in self.hidden]
        for (weights, biases), size in zip([*names, ("wout", "bout")], self.sizes[1:], strict=True):
            found[weights] = before, size
            if self.bias:
                found[biases] = 1, size
            before = size
        return found

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


@dataclass(frozen=True)
class HiddenLayer:
    """A hidden layer.

    Attributes:
        suffix: What its matrices' names end with: `_1`, …; nothing if it is the only one.
        number: Counted from 1; None if it is the only one.
        size: How many neurons it has.
        activation: What they apply.
    """

    suffix: str
    number: int | None
    size: int
    activation: str


def _sizes(given: Sequence[int]) -> tuple[int, ...]:
    try:
        sizes = tuple(given)
    except TypeError:
        raise InputError(
            "Network sizes: expected a number for each layer (inputs, hidden, …, outputs),"
            f" found {given!r}."
        ) from None
    if len(sizes) < 2:
        raise InputError(
            "Network sizes: expected at least 2 numbers (inputs, hidden, …, outputs),"
            f" found {len(sizes)}."
        )
    kinds = ("inputs", *["hidden neurons"] * (len(sizes) - 2), "outputs")
    for what, size in zip(kinds, sizes, strict=True):
        if isinstance(size, bool) or not isinstance(size, (int, np.integer)) or size < 1:
            raise InputError(
                f"Network sizes: expected a whole number of {what}, at least 1, found {size!r}."
            )
    return tuple(map(int, sizes))


def _names(what: str, given: Sequence[str] | None, count: int) -> tuple[str, ...] | None:
    if given is None:
        return None
    names = () if isinstance(given, str) else tuple(map(label, given))
    if len(names) != count:
        found = ", ".join(names) or label(given) or "none"
        raise InputError(f"Network {what}: expected {count} names, found {found}.")
    return names


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
