"""The article's dense network, as a program: its layers, its steps and the article's names.

The forward steps are written here and the backward ones named; `derive` does the rest. This is the
only place that knows which step has which number and what a matrix is called. Nothing here
computes; words about the steps live in `templates/`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial

from cellprop.algebra import (
    ONE,
    Axis,
    Backward,
    Expression,
    Matrix,
    apply,
    define,
    derive,
    in_parts,
)
from cellprop.programs.network import Network
from cellprop.programs.program import Forward, Kind, Lane, Layer, Program, Role, Step, by_role
from cellprop.programs.scaling import scaled
from cellprop.programs.updating import RATE, Updating, updating
from cellprop.programs.wording import Wording

# --- Layers -------------------------------------------------------------------------------

# What a layer's matrices are called, and their symbols: for hidden layers and for the output.
HIDDEN = {
    "weights": ("wh", "W_h"),
    "biases": ("bh", "b_h"),
    "entered": ("hidden_layer_input", "H_in"),
    "output": ("hiddenlayer_activations", "H"),
    "error": ("Error_at_hidden_layer", "E_h"),
    "slope": ("slope_hidden_layer", "S_h"),
    "delta": ("d_hiddenlayer", "D_h"),
}
OUTPUT = {
    "weights": ("wout", "W_out"),
    "biases": ("bout", "b_out"),
    "entered": ("output_layer_input", "O_in"),
    "output": ("output", "O"),
    "error": ("E", "E"),
    "slope": ("slope_output_layer", "S_out"),
    "delta": ("d_output", "D_out"),
}
# What hidden neurons contribute together that are not shown one by one.
OTHERS = ("others", "O_others")


@dataclass(frozen=True)
class _Layer:
    """A layer of neurons on the way forward, with what its matrices on the way back are called."""

    number: int | None
    names: Mapping[str, tuple[str, str]]
    parameters: tuple[Matrix, ...]
    brings: tuple[Matrix, ...]
    rest: tuple[Matrix, ...] = ()

    @property
    def entered(self) -> Matrix:
        """What its neurons apply their activation to."""
        return self.brings[0]

    @property
    def output(self) -> Matrix:
        """What it passes on."""
        return self.brings[-1]


def _layer(
    before: Matrix,
    rows: Axis,
    columns: Axis,
    activation: str,
    *,
    bias: bool,
    names: Mapping[str, tuple[str, str]] = OUTPUT,
    number: int | None = None,
    rest: Matrix | None = None,
) -> _Layer:
    """Return a layer: its inputs times its weights, plus its biases, through its activation.

    `rest`: what is added for inputs that are not shown.
    """
    weights = Matrix(names["weights"][0], rows, columns, symbol=names["weights"][1])
    biases = Matrix(names["biases"][0], ONE, columns, symbol=names["biases"][1])
    weighted = before @ weights
    if rest is not None:
        weighted = weighted + rest
    name, symbol = names["entered"]
    entered = define(name, weighted + biases if bias else weighted, symbol)
    brings = [entered]
    name, symbol = names["output"]

    def keep(part: str, expression: Expression, symbol: str) -> Matrix:
        brings.append(define(f"{name}_{part}", expression, symbol))
        return brings[-1]

    last, whole = in_parts(activation, entered, keep), None
    if len(brings) > 1:
        whole = apply(activation, entered)
    brings.append(define(name, last, symbol, whole))
    added = () if rest is None else (rest,)
    return _Layer(number, names, (weights, biases)[: 1 + bias], tuple(brings), added)


def _layers(
    network: Network, X: Matrix, outputs: Axis, neurons: Sequence[int] = ()
) -> list[_Layer]:
    """Return the layers from the first hidden one to the output.

    `neurons`: which of the hidden ones are shown; none named: all.
    """
    # The parameters have the network's sizes: a misfit shows where they meet the samples.
    n_inputs, *_, n_outputs = network.sizes
    axis = X.columns if X.columns.size == n_inputs else Axis.numbered("inputs", n_inputs)
    last = outputs if outputs.size == n_outputs else Axis.numbered("outputs", n_outputs)
    layers: list[_Layer] = []
    before = X
    for layer in network.hidden:
        number = layer.number
        names = {
            role: (f"{name}{layer.suffix}", f"{symbol}{number or ''}")
            for role, (name, symbol) in HIDDEN.items()
        }
        after = Axis.numbered("hidden", layer.size, f"h{number}." if number else "h")
        if number:
            after = Axis(f"hidden {number}", after.labels)
        if neurons:
            after = Axis(after.name, tuple(after.labels[neuron - 1] for neuron in neurons))
        layers.append(
            _layer(
                before, axis, after, layer.activation, bias=network.bias, names=names, number=number
            )
        )
        before, axis = layers[-1].output, after
    assert network.output_activation is not None
    rest = Matrix(OTHERS[0], X.rows, last, symbol=OTHERS[1]) if neurons else None
    applies, bias = network.output_activation, network.bias
    layers.append(_layer(before, axis, last, applies, bias=bias, rest=rest))
    return layers


# --- The model ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Perceptron:
    """A dense network with how it is trained: declares its program for any samples.

    Attributes:
        network: Its layers and loss.
        inputs, outputs: What the columns of X and y stand for.
        optimizer: The update rule, of `OPTIMIZERS`.
        average: Whether gradients are averaged over the samples, not summed.
        scale: How inputs are scaled first, of `SCALINGS`.
        neurons: Which neurons of the only hidden layer are shown, from 1, in order: what all the
            others contribute is given then, as one sum. Empty: all are shown.
    """

    network: Network
    inputs: Axis
    outputs: Axis
    optimizer: str = "sgd"
    average: bool = False
    scale: str | None = None
    neurons: tuple[int, ...] = ()

    def only(self, neurons: Iterable[int]) -> Perceptron:
        """Return the model that declares the same update with some hidden neurons in full and all
        others as one sum; this one, if all are chosen.

        Raises
        ------
        InputError
            If there is not exactly one hidden layer, or no neuron of such a number.
        """
        chosen = self.network.chosen(neurons)
        return self if len(chosen) == self.network.sizes[1] else replace(self, neurons=chosen)

    def rest(self, samples: Axis) -> Expression:
        """Return what all hidden neurons contribute that are not shown: an expression of matrices
        that are called as in the whole network, their axes labelled with those neurons.
        """
        every = range(1, self.network.sizes[1] + 1)
        hidden = tuple(neuron for neuron in every if neuron not in self.neurons)
        *_, last, output = replace(self, neurons=hidden)._way(samples, whole=False).layers
        return last.output @ output.parameters[0]

    def forward(self, samples: Axis) -> Forward:
        """Return the part that predicts, for other samples: what they are scaled by is given.

        Raises
        ------
        ShapeError
            If the network has other numbers of inputs or outputs.
        """
        return self._way(samples, whole=False).forward

    def program(self, samples: Axis, *, whole: bool = True) -> Program:
        """Return all steps of an update.

        Parameters
        ----------
        samples
            What the rows of X and y stand for.
        whole
            Whether these are all the samples: what scaling goes by is then computed from them,
            else given.

        Raises
        ------
        ShapeError
            If the network has other numbers of inputs or outputs.
        """
        way = self._way(samples, whole=whole)
        loss_of = self.network.loss
        forward = way.forward
        # From the loss on steps go back, and follow from those before (see `derive`).
        loss = define(loss_of, apply(loss_of, forward.target, forward.output), "L")
        backward = derive(
            loss,
            wanted={layer.output.name: layer.names["error"] for layer in way.layers}
            | {layer.entered.name: layer.names["delta"] for layer in way.layers},
            slopes={layer.output.name: layer.names["slope"] for layer in way.layers},
            given=(forward.entered, forward.target, *forward.rest),
        )
        count = samples.size if self.average else None
        update = updating(self.optimizer, forward.parameters, backward, count)
        back = _Back(way, loss, backward, update)
        some = bool(self.neurons)
        wording = Wording(self.network, self.optimizer, self.average, self.scale, some)
        return Program(
            steps=tuple(step for step in _steps(back, wording) if step.brings),
            lanes=tuple(lane for lane in _lanes(back) if lane.matrices),
            forward=forward,
            losses=(loss,),
            samples=samples,
            updates=update.updates,
            changes=update.changes,
            roles=by_role(_roles(back)),
            adjoints=backward.wanted,
        )

    def _way(self, samples: Axis, *, whole: bool) -> _Way:
        X, scaling = scaled(samples, self.inputs, self.scale, whole=whole)
        y = Matrix("y", samples, self.outputs)
        layers = tuple(_layers(self.network, X, self.outputs, self.neurons))
        forward = Forward(
            inputs=(scaling[0] if scaling else X,),
            targets=(y,),
            outputs=(layers[-1].output,),
            scaling=scaling,
            entered=X,
            parameters=tuple(parameter for layer in layers for parameter in layer.parameters),
            brings=tuple(matrix for layer in layers for matrix in layer.brings),
            layers=tuple(_described(self.network, layers)),
            rest=layers[-1].rest,
        )
        return _Way(forward, layers)


@dataclass(frozen=True)
class _Way:
    """The way forward, by layers: the hidden ones, then the output."""

    forward: Forward
    layers: tuple[_Layer, ...]

    @property
    def hidden(self) -> tuple[_Layer, ...]:
        return self.layers[:-1]

    @property
    def output(self) -> _Layer:
        return self.layers[-1]


@dataclass(frozen=True)
class _Back:
    """The way back: what `derive` found, by the layers it is about."""

    way: _Way
    loss: Matrix
    backward: Backward
    update: Updating

    def error(self, layer: _Layer) -> Matrix:
        """The change wanted of what a layer passes on."""
        return _named(self.backward.wanted[layer.output.name])

    def delta(self, layer: _Layer) -> Matrix:
        """The change wanted of what enters a layer's activation."""
        return _named(self.backward.wanted[layer.entered.name])

    def slope(self, layer: _Layer) -> tuple[Matrix, ...]:
        """The slope of a layer's activation, where it has one for each neuron."""
        found = self.backward.slopes.get(layer.output.name)
        return (found,) if found else ()

    @cached_property
    def check(self) -> tuple[Matrix, ...]:
        """The output's delta the long way round, where there is a shorter one."""
        ways = self.backward.long_way.values()
        return tuple(define("d_output_check", way, "D_out") for way in ways)

    def updated(self, which: int) -> tuple[Matrix, ...]:
        """What updates the weights (0) or the biases (1), going back."""
        return tuple(
            matrix
            for layer in reversed(self.way.layers)
            for parameter in layer.parameters[which : which + 1]
            for matrix in self.update.brings[parameter.name]
        )


def _described(network: Network, layers: Sequence[_Layer]) -> Iterator[Layer]:
    *hidden, last = layers
    for layer, its in zip(hidden, network.hidden, strict=True):
        yield Layer("hidden_layer", its.number, its.size, its.activation, layer.parameters)
    applies = str(network.output_activation)
    yield Layer("output_layer", None, network.sizes[-1], applies, last.parameters)


def _steps(back: _Back, wording: Wording) -> Iterator[Step]:
    def step(number: int, kind: Kind, *brings: Matrix, layer: int | None = None) -> Step:
        return Step(
            str(number), number, kind, brings, layer, partial(wording.caption, number, layer)
        )

    way, update = back.way, back.update
    forward, hidden, output = way.forward, way.hidden, way.output
    scaling = forward.scaling
    yield step(0, "given", *scaling, forward.entered, forward.target)
    learnt = forward.parameters, update.remembered.values()
    numbers = update.settings.values(), *learnt, forward.rest
    yield step(1, "parameters", *(matrix for matrices in numbers for matrix in matrices))
    for layer in hidden:
        yield step(2, "forward", layer.entered, layer=layer.number)
        yield step(3, "forward", *layer.brings[1:], layer=layer.number)
    yield step(4, "forward", *output.brings)
    yield step(5, "loss", back.error(output), back.loss)
    going_back = hidden[::-1]
    yield step(6, "backward", *(m for layer in (output, *going_back) for m in back.slope(layer)))
    yield step(7, "backward", back.delta(output), *back.check)
    for layer in going_back:
        yield step(8, "backward", back.error(layer), layer=layer.number)
        yield step(9, "backward", back.delta(layer), layer=layer.number)
    yield step(10, "update", *update.counted, *back.updated(0))
    yield step(11, "update", *back.updated(1))


def _lanes(back: _Back) -> Iterator[Lane]:
    way, update = back.way, back.update
    forward, hidden, output = way.forward, way.hidden, way.output
    rate = update.settings[RATE]
    yield Lane("scaling", forward.scaling)
    yield Lane("input", (forward.entered, forward.target, rate))
    yield from update.numbers
    for layer in hidden:
        yield Lane("hidden_forward", (*layer.parameters, *layer.brings), layer.number)
    added = *output.parameters, *output.rest
    if len(output.brings) == 2:
        yield Lane("output_forward", (*added, *output.brings))
    else:  # an activation in parts has a lane of its own
        yield Lane("output_forward", (*added, output.entered))
        yield Lane("output_parts", output.brings[1:])
    delta = (*back.slope(output), back.delta(output), *back.check)
    yield Lane("output_backward", (back.error(output), *delta, back.loss))
    for layer in hidden[::-1]:
        matrices = (back.error(layer), *back.slope(layer), back.delta(layer))
        yield Lane("hidden_backward", matrices, layer.number)
    yield from update.lanes(p for layer in reversed(way.layers) for p in layer.parameters)


def _roles(back: _Back) -> Iterator[tuple[Role, Iterable[Matrix]]]:
    forward = back.way.forward
    yield "statistic", forward.scaling
    yield "scaled", [forward.entered]
    yield "input", [forward.input]
    yield "target", [forward.target]
    yield "loss", [back.loss]
    yield "check", back.check
    for layer in back.way.layers:
        yield "weights", layer.parameters[:1]
        yield "biases", layer.parameters[1:]
        yield "rest", layer.rest
        yield "part", layer.brings
        yield "entered", [layer.entered]
        yield "activation", [layer.output]
        yield "error", [back.error(layer)]
        yield "slope", back.slope(layer)
        yield "delta", [back.delta(layer)]
    yield "prediction", [forward.output]
    yield from back.update.roles


def _named(change: Expression) -> Matrix:
    assert isinstance(change, Matrix)
    return change
