"""The steps of the article, as matrix expressions under the article's names.

Each step lists the matrices that it brings: given ones (steps 0 and 1), then those defined by
an expression of earlier ones. Nothing here computes; words about the steps live in `templates/`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

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
    square,
    square_root,
    sum_over_rows,
)
from cellprop.programs.network import Network


@dataclass(frozen=True)
class Declaration:
    """One step as declared.

    Attributes:
        number: 0 to 11, as in the article.
        matrices: Those it brings, in order of computation.
        layer: The hidden layer it is about, where there are several; else None.
    """

    number: int
    matrices: tuple[Matrix, ...]
    layer: int | None = None

    @property
    def label(self) -> str:
        """Its number, with the layer's where there are several: `7`, `2.1`."""
        return f"{self.number}" if self.layer is None else f"{self.number}.{self.layer}"

    @property
    def computed(self) -> tuple[Matrix, ...]:
        """Those of its matrices that it computes; the others are given."""
        return tuple(matrix for matrix in self.matrices if matrix.definition is not None)


@dataclass(frozen=True)
class Lane:
    """Matrices that stand in one row of a sheet.

    Attributes:
        key: Which lane: `input`, `hidden_forward`, …; its title is looked up by it.
        matrices: From left to right.
        layer: The number of its hidden layer, where there are several.
    """

    key: str
    matrices: tuple[Matrix, ...]
    layer: int | None = None


@dataclass(frozen=True)
class Walkthrough:
    """All steps of one update.

    Attributes:
        steps: In order.
        lanes: In which lane of a sheet each matrix stands, from top to bottom.
        forward: The matrices that lead from the inputs to the output, in order.
        loss: The matrix whose sum over outputs and mean over samples is the loss.
        output: The matrix that predicts.
        updates: For each name that training carries on (a parameter, or what an update rule
            remembers), the matrix that replaces it.
        changes: For each parameter's name, the change wanted of it: the negative gradient.
    """

    steps: tuple[Declaration, ...]
    lanes: tuple[Lane, ...]
    forward: tuple[Matrix, ...]
    loss: Matrix
    output: Matrix
    updates: Mapping[str, Matrix]
    changes: Mapping[str, Expression]

    @property
    def matrices(self) -> tuple[Matrix, ...]:
        """Every matrix, in order of computation."""
        return tuple(matrix for step in self.steps for matrix in step.matrices)

    @property
    def labels(self) -> str:
        """The labels of the steps: `0 to 11`, or one by one where layers have their own."""
        labels = [step.label for step in self.steps]
        if any(step.layer for step in self.steps) or len(labels) <= self.steps[-1].number:
            return ", ".join(labels)
        return f"{labels[0]} to {labels[-1]}"


# --- Scaling of inputs --------------------------------------------------------------------


def _minmax(raw: Matrix, statistic: Callable[[str, Expression], Matrix]) -> Expression:
    least = statistic("X_minimum", apply("minimum_over_rows", raw))
    most = statistic("X_maximum", apply("maximum_over_rows", raw))
    return apply("ratio_to_spread", raw - least, most - least)


def _standard(raw: Matrix, statistic: Callable[[str, Expression], Matrix]) -> Expression:
    samples = raw.rows.size
    mean = statistic("X_mean", sum_over_rows(raw) / samples)
    variance = sum_over_rows(square(raw - mean)) / samples
    deviation = statistic("X_deviation", square_root(variance))
    return apply("ratio_to_spread", raw - mean, deviation)


SCALINGS = {"minmax": _minmax, "standard": _standard}


# --- Update rules -------------------------------------------------------------------------


@dataclass
class Updating:
    """An update rule at work: what it has to hand, and what it has defined.

    Attributes:
        settings: Numbers chosen once: `lr`, `momentum`, …
        remembered: What the rule carries on from one update to the next.
        changes: For each parameter's name, the change wanted of it.
        updates: For each parameter and each thing remembered, the matrix that replaces it.
        brings: For each parameter, the matrices that its update takes, in order.
        counting: The names of the numbers that are carried on.
        counted: Those numbers, updated.
    """

    settings: Mapping[str, Matrix]
    remembered: Mapping[str, Matrix]
    changes: Mapping[str, Expression]
    counting: Collection[str]
    updates: dict[str, Matrix] = field(default_factory=dict)
    brings: dict[str, tuple[Matrix, ...]] = field(default_factory=dict)
    counted: tuple[Matrix, ...] = ()

    def replace(self, old: Matrix, new: Expression) -> Matrix:
        """Define what replaces a matrix: `wh_new` for `wh`."""
        symbol = f"{old.symbol}′" if old.symbol else ""
        self.updates[old.name] = define(f"{old.name}_new", new, symbol)
        return self.updates[old.name]

    def steps_for(self, which: int, layers: Sequence[_Layer]) -> tuple[Matrix, ...]:
        """Return the matrices that update the weights (0) or the biases (1), going back."""
        return tuple(
            matrix
            for layer in reversed(layers)
            for parameter in layer.parameters[which : which + 1]
            for matrix in self.brings[parameter.name]
        )

    @property
    def numbers(self) -> list[Lane]:
        """The lanes of the rule's own numbers: its settings, and what it counts."""
        settings = (m for name, m in self.settings.items() if name != "lr")
        counts = (m for m in self.remembered.values() if m.name in self.counting)
        return [Lane("optimizer", tuple(settings)), Lane("counts", (*counts, *self.counted))]

    def lanes(self, layers: Sequence[_Layer]) -> list[Lane]:
        """Return the lanes of what is updated: each parameter's if a rule takes several matrices,
        else as few as can be read.
        """
        parameters = [p for layer in reversed(layers) for p in layer.parameters]
        own = {
            p.name: (
                *(m for name, m in self.remembered.items() if name.startswith(f"{p.name}_")),
                *self.brings[p.name],
            )
            for p in parameters
        }
        if any(len(matrices) > 1 for matrices in own.values()):
            return [Lane("updated", matrices) for matrices in own.values()]
        new = [matrix for matrices in own.values() for matrix in matrices]
        return [Lane("updated", tuple(new[i : i + 4])) for i in range(0, len(new), 4)]


@dataclass(frozen=True)
class Rule:
    """How an optimiser moves a parameter.

    Attributes:
        update: Yields the matrices that the parameter's update takes, the new value last.
        settings: The rule's own numbers, with their usual values.
        remembers: What it carries on for each parameter, 0 at first: suffixes of its name.
        counts: Numbers that it carries on, 1 at first, and by what each is multiplied at every
            update.
    """

    update: Callable[[Matrix, Updating], Iterator[Matrix]]
    settings: Mapping[str, float] = field(default_factory=dict)
    remembers: tuple[str, ...] = ()
    counts: Mapping[str, str] = field(default_factory=dict)


def _plain(parameter: Matrix, to: Updating) -> Iterator[Matrix]:
    yield to.replace(parameter, parameter + to.changes[parameter.name] * to.settings["lr"])


def _momentum(parameter: Matrix, to: Updating) -> Iterator[Matrix]:
    velocity = to.remembered[f"{parameter.name}_velocity"]
    # In this order: a sum that comes second stands in parentheses, which some engines drop.
    kept = to.settings["momentum"] * velocity
    faster = to.replace(velocity, to.changes[parameter.name] + kept)
    yield faster
    yield to.replace(parameter, parameter + faster * to.settings["lr"])


def _adam(parameter: Matrix, to: Updating) -> Iterator[Matrix]:
    """Algorithm 1 of Kingma and Ba (2014), going by the change wanted: the gradient's negative."""
    name, settings = parameter.name, to.settings
    beta_1, beta_2 = settings["beta_1"], settings["beta_2"]
    change = define(f"{name}_change", to.changes[name], f"Δ{parameter.symbol}")
    m, v = to.remembered[f"{name}_m"], to.remembered[f"{name}_v"]
    mean = to.replace(m, beta_1 * m + (1 - beta_1) * change)
    spread = to.replace(v, beta_2 * v + (1 - beta_2) * square(change))
    unbiased = apply("ratio", mean, 1 - to.updates["beta_1_power"])
    size = square_root(apply("ratio", spread, 1 - to.updates["beta_2_power"]))
    yield from (change, mean, spread)
    step = apply("ratio_to_spread", settings["lr"] * unbiased, size + settings["epsilon"])
    yield to.replace(parameter, parameter + step)


OPTIMIZERS = {
    "sgd": Rule(_plain),
    "momentum": Rule(_momentum, {"momentum": 0.9}, ("velocity",)),
    "adam": Rule(
        _adam,
        {"beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-8},
        ("m", "v"),
        {"beta_1_power": "beta_1", "beta_2_power": "beta_2"},
    ),
}

SYMBOLS = {
    "lr": "η", "momentum": "μ", "beta_1": "β₁", "beta_2": "β₂", "epsilon": "ε",
    "beta_1_power": "β₁ᵗ", "beta_2_power": "β₂ᵗ",
}  # fmt: skip


def carried_names(network: Network, optimizer: str) -> tuple[str, ...]:
    """Return the names of all that training carries on: parameters, and what a rule remembers."""
    rule = OPTIMIZERS[optimizer]
    remembered = (f"{name}_{what}" for name in network.shapes for what in rule.remembers)
    return (*network.shapes, *rule.counts, *remembered)


def _updating(
    rule: Rule, layers: Sequence[_Layer], backward: Backward, samples: int | None
) -> Updating:
    """Return the updates of all parameters; with `samples`, by the mean over them."""

    def number(name: str) -> Matrix:
        return Matrix(name, ONE, ONE, symbol=SYMBOLS[name])

    parameters = [parameter for layer in layers for parameter in layer.parameters]
    remembered = {name: number(name) for name in rule.counts}
    for p in parameters:
        for what in rule.remembers:
            name = f"{p.name}_{what}"
            remembered[name] = Matrix(name, p.rows, p.columns, symbol=f"{what[0]}({p.symbol})")
    changes = {p.name: backward.wanted[p.name] for p in parameters}
    if samples:
        changes = {name: change / samples for name, change in changes.items()}
    settings = {name: number(name) for name in ("lr", *rule.settings)}
    to = Updating(settings, remembered, changes, rule.counts)
    to.counted = tuple(
        to.replace(remembered[name], remembered[name] * settings[by])
        for name, by in rule.counts.items()
    )
    to.brings = {p.name: tuple(rule.update(p, to)) for p in parameters}
    return to


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


@dataclass(frozen=True)
class _Layer:
    """A layer of neurons on the way forward, with what its matrices on the way back are called."""

    number: int | None
    names: Mapping[str, tuple[str, str]]
    parameters: tuple[Matrix, ...]
    brings: tuple[Matrix, ...]

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
) -> _Layer:
    """Return a layer: its inputs times its weights, plus its biases, through its activation."""
    weights = Matrix(names["weights"][0], rows, columns, symbol=names["weights"][1])
    biases = Matrix(names["biases"][0], ONE, columns, symbol=names["biases"][1])
    weighted = before @ weights
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
    return _Layer(number, names, (weights, biases)[: 1 + bias], tuple(brings))


def _layers(network: Network, X: Matrix, outputs: Axis) -> list[_Layer]:
    """Return the layers from the first hidden one to the output."""
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
        layers.append(
            _layer(
                before, axis, after, layer.activation, bias=network.bias, names=names, number=number
            )
        )
        before, axis = layers[-1].output, after
    assert network.output_activation is not None
    layers.append(_layer(before, axis, last, network.output_activation, bias=network.bias))
    return layers


# --- The steps ----------------------------------------------------------------------------


def walkthrough(
    network: Network,
    samples: Axis,
    inputs: Axis,
    outputs: Axis,
    *,
    optimizer: str = "sgd",
    average: bool = False,
    scale: str | None = None,
    whole: bool = True,
) -> Walkthrough:
    """Return the steps for a network and the axes of its samples.

    Parameters
    ----------
    network
        Its layers.
    samples, inputs, outputs
        What the rows and columns of X and y stand for.
    optimizer
        The update rule, of `OPTIMIZERS`.
    average
        Whether gradients are averaged over the samples, not summed.
    scale
        How inputs are scaled first, of `SCALINGS`.
    whole
        Whether these are all the samples: what scaling goes by is then computed from them, else
        given.

    Raises
    ------
    ShapeError
        If the samples have other numbers of inputs or outputs than the network.
    """
    # Step 0: read input and output
    X, scaling = _inputs(samples, inputs, scale, whole=whole)
    y = Matrix("y", samples, outputs)
    # Steps 2, 3 (for each hidden layer) and 4: forwards
    layers = _layers(network, X, outputs)
    *hidden, output = layers
    # Step 5: the loss. From here on steps go back, and follow from those before (see `derive`)
    loss = define(network.loss, apply(network.loss, y, output.output), "L")
    backward = derive(
        loss,
        wanted={layer.output.name: layer.names["error"] for layer in layers}
        | {layer.entered.name: layer.names["delta"] for layer in layers},
        slopes={layer.output.name: layer.names["slope"] for layer in layers},
        given=(X, y),
    )

    def error(layer: _Layer) -> Matrix:
        return _named(backward.wanted[layer.output.name])

    def delta(layer: _Layer) -> Matrix:
        return _named(backward.wanted[layer.entered.name])

    def slope(layer: _Layer) -> tuple[Matrix, ...]:
        found = backward.slopes.get(layer.output.name)
        return (found,) if found else ()

    check = tuple(define("d_output_check", way, "D_out") for way in backward.long_way.values())
    # Step 1 initialises what steps 10 and 11 update
    updating = _updating(OPTIMIZERS[optimizer], layers, backward, samples.size if average else None)

    steps = [Declaration(0, (*scaling, X, y) if scale else (X, y))]
    steps.append(
        Declaration(
            1,
            (
                *updating.settings.values(),
                *(parameter for layer in layers for parameter in layer.parameters),
                *updating.remembered.values(),
            ),
        )
    )
    for layer in hidden:
        steps.append(Declaration(2, (layer.entered,), layer.number))
        steps.append(Declaration(3, layer.brings[1:], layer.number))
    back = hidden[::-1]
    steps.append(Declaration(4, output.brings))
    steps.append(Declaration(5, (error(output), loss)))
    steps.append(Declaration(6, tuple(m for layer in (output, *back) for m in slope(layer))))
    steps.append(Declaration(7, (delta(output), *check)))
    for layer in back:
        steps.append(Declaration(8, (error(layer),), layer.number))
        steps.append(Declaration(9, (delta(layer),), layer.number))
    steps.append(Declaration(10, (*updating.counted, *updating.steps_for(0, layers))))
    steps.append(Declaration(11, updating.steps_for(1, layers)))

    lanes = [Lane("scaling", scaling), Lane("input", (X, y, updating.settings["lr"]))]
    lanes += updating.numbers
    for layer in hidden:
        lanes.append(Lane("hidden_forward", (*layer.parameters, *layer.brings), layer.number))
    if len(output.brings) == 2:
        lanes.append(Lane("output_forward", (*output.parameters, *output.brings)))
    else:  # an activation in parts has a lane of its own
        lanes.append(Lane("output_forward", (*output.parameters, output.entered)))
        lanes.append(Lane("output_parts", output.brings[1:]))
    lanes.append(
        Lane("output_backward", (error(output), *slope(output), delta(output), *check, loss))
    )
    for layer in back:
        matrices = (error(layer), *slope(layer), delta(layer))
        lanes.append(Lane("hidden_backward", matrices, layer.number))
    lanes += updating.lanes(layers)

    return Walkthrough(
        steps=tuple(step for step in steps if step.matrices),
        lanes=tuple(lane for lane in lanes if lane.matrices),
        forward=tuple(matrix for layer in layers for matrix in layer.brings),
        loss=loss,
        output=output.output,
        updates=updating.updates,
        changes=updating.changes,
    )


def _inputs(
    samples: Axis, inputs: Axis, scale: str | None, *, whole: bool
) -> tuple[Matrix, tuple[Matrix, ...]]:
    """Return X, and what it is scaled from."""
    if scale is None:
        return Matrix("X", samples, inputs), ()
    raw = Matrix("X_raw", samples, inputs)
    found = [raw]

    def statistic(name: str, expression: Expression) -> Matrix:
        defined = define(name, expression)
        found.append(defined if whole else Matrix(name, ONE, inputs))
        return found[-1]

    X = define("X", SCALINGS[scale](raw, statistic))
    return X, tuple(found)


def _named(change: Expression) -> Matrix:
    assert isinstance(change, Matrix)
    return change
