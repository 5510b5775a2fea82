"""Made-up students: they walk through an exercise in plain NumPy, and slip where they are told.

What they calculate, and how it goes wrong, is written down here a second time, from what teachers
see in class and not from the marker's list: nothing of the marker or of the algebra is used, only
the question's network and numbers. So a slip that both lists have is one that both mean alike.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from cellprop.marking.question import Question
from cellprop.marking.verdicts import Answer

Matrices = dict[str, np.ndarray]

# Whatever a sheet divides by, or takes the logarithm of, is at least this.
LEAST = np.exp(-460.0)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


ACTIVATIONS = {
    "sigmoid": sigmoid,
    "tanh": np.tanh,
    "relu": lambda z: np.maximum(z, 0),
    "leaky_relu": lambda z: np.where(z > 0, z, 0.01 * z),
    "linear": lambda z: z + 0.0,
}
# Each activation's slope, from its output.
SLOPES = {
    "sigmoid": lambda h: h * (1 - h),
    "tanh": lambda h: 1 - h * h,
    "relu": lambda h: (h > 0) * 1.0,
    "leaky_relu": lambda h: np.where(h > 0, 1.0, 0.01),
    "linear": lambda h: np.ones(h.shape),
}


# --- The exercise on paper ----------------------------------------------------------------


@dataclass(frozen=True)
class Layer:
    """A layer by the names of its matrices; `before`: what comes into it; `suffix`: None for the
    output layer, else what its names end in."""

    suffix: str | None
    activation: str
    before: str

    def _name(self, hidden: str, output: str) -> str:
        return output if self.suffix is None else hidden + self.suffix

    @property
    def weights(self) -> str:
        return self._name("wh", "wout")

    @property
    def biases(self) -> str:
        return self._name("bh", "bout")

    @property
    def entered(self) -> str:
        return self._name("hidden_layer_input", "output_layer_input")

    @property
    def output(self) -> str:
        return self._name("hiddenlayer_activations", "output")

    @property
    def error(self) -> str:
        return self._name("Error_at_hidden_layer", "E")

    @property
    def slope(self) -> str:
        return self._name("slope_hidden_layer", "slope_output_layer")

    @property
    def delta(self) -> str:
        return self._name("d_hiddenlayer", "d_output")


@dataclass(frozen=True)
class Line:
    """A matrix to calculate: what it is called, what it is, of which layer, and of which
    parameter (`of`) where it is about one."""

    name: str
    role: str
    layer: Layer | None = None
    of: str = ""

    @property
    def is_weights(self) -> bool:
        return self.layer is not None and self.of == self.layer.weights


@dataclass(frozen=True, eq=False)
class Exercise:
    """What a student has before them: the network, what is given, and what they are asked."""

    layers: tuple[Layer, ...]
    bias: bool
    loss: str
    optimizer: str
    average: bool
    scale: str | None
    given: Mapping[str, np.ndarray]
    shapes: Mapping[str, tuple[int, int]]
    decimals: int

    @classmethod
    def of(cls, question: Question) -> Exercise:
        setup = question.setup
        model = setup.model
        network = model.network
        hidden = list(network.activation)
        ends = [""] if len(hidden) == 1 else [f"_{k}" for k in range(1, len(hidden) + 1)]
        layers, before = [], "X"
        for end, activation in [
            *zip(ends, hidden, strict=False),
            (None, network.output_activation),
        ]:
            layers.append(Layer(end, str(activation), before))
            before = layers[-1].output
        return cls(
            tuple(layers), network.bias, network.loss, model.optimizer, model.average, model.scale,
            question.given, {n: m.shape for n, m in setup.answers.items()}, setup.decimals,
        )  # fmt: skip

    @property
    def output(self) -> Layer:
        return self.layers[-1]

    def number(self, name: str) -> float:
        """A number that is given: the learning rate, the momentum."""
        return float(self.given[name].item())

    def above(self, layer: Layer) -> Layer:
        """The layer that this one feeds."""
        return self.layers[self.layers.index(layer) + 1]

    @cached_property
    def lines(self) -> tuple[Line, ...]:
        """Everything to calculate, in order; what is given instead is left out."""
        return tuple(line for line in self._lines() if line.name not in self.given)

    def _lines(self) -> Iterator[Line]:
        out, back = self.output, self.layers[-2::-1]
        if self.scale:
            parts = {"minmax": ("minimum", "maximum"), "standard": ("mean", "deviation")}
            yield from (Line(f"X_{part}", part) for part in parts[self.scale])
            yield Line("X", "scaled")
        for layer in self.layers:
            yield Line(layer.entered, "entered", layer)
            if layer.activation == "softmax":
                yield Line("output_exponentials", "exponentials", layer)
                yield Line("output_sum", "sum", layer)
            yield Line(layer.output, "activated", layer)
        yield Line("E", "error", out)
        yield Line(self.loss, "loss", out)
        for layer in (out, *back):
            if layer.activation != "softmax":
                yield Line(layer.slope, "slope", layer)
        yield Line("d_output", "output delta", out)
        if self.loss != "squared_error":
            yield Line("d_output_check", "long way", out)
        for layer in back:
            yield Line(layer.error, "hidden error", layer)
            yield Line(layer.delta, "delta", layer)
        if self.optimizer == "adam":
            yield from (Line(f"{beta}_power_new", "count", of=beta) for beta in BETAS)
        for layer in (out, *back):
            yield from self._updates(layer, layer.weights)
        for layer in (out, *back) if self.bias else ():
            yield from self._updates(layer, layer.biases)

    def _updates(self, layer: Layer, of: str) -> Iterator[Line]:
        between = {
            "sgd": (),
            "momentum": ("velocity_new",),
            "adam": ("change", "m_new", "v_new"),
        }
        for part in between[self.optimizer]:
            yield Line(f"{of}_{part}", part.removesuffix("_new"), layer, of)
        yield Line(f"{of}_new", "updated", layer, of)


BETAS = ("beta_1", "beta_2")


# --- How each line goes ---------------------------------------------------------------------


def right(ex: Exercise, line: Line, own: Matrices) -> np.ndarray:
    """What a line should be, from what the student has."""
    return RIGHT[line.role](ex, line, own)


def entered(ex, line, own):
    weighted = own[line.layer.before] @ own[line.layer.weights]
    return weighted + own[line.layer.biases] if ex.bias else weighted


def activated(ex, line, own):
    if line.layer.activation == "softmax":
        return own["output_exponentials"] / np.maximum(own["output_sum"], LEAST)
    return ACTIVATIONS[line.layer.activation](own[line.layer.entered])


def exponentials(ex, line, own):
    z = own[line.layer.entered]
    return np.exp(z - z.max(axis=1, keepdims=True))


def error(ex, line, own):
    y, output = own["y"], own["output"]
    if ex.loss == "squared_error":
        return y - output
    if ex.loss == "cross_entropy":
        return y / np.maximum(output, LEAST)
    return (y - output) / np.maximum(output * (1 - output), LEAST)


def loss(ex, line, own):
    y, output = own["y"], own["output"]
    likely = y * np.log(np.maximum(output, LEAST))
    if ex.loss == "squared_error":
        return (y - output) ** 2 / 2
    if ex.loss == "cross_entropy":
        return -likely
    return -likely - (1 - y) * np.log(np.maximum(1 - output, LEAST))


def output_delta(ex, line, own):
    if ex.loss != "squared_error":
        return own["y"] - own["output"]
    return long_way(ex, line, own)


def long_way(ex, line, own):
    if line.layer.activation == "softmax":
        output, E = own["output"], own["E"]
        return output * (E - (output * E).sum(axis=1, keepdims=True))
    return own["E"] * own[line.layer.slope]


def hidden_error(ex, line, own):
    above = ex.above(line.layer)
    return own[above.delta] @ own[above.weights].T


def wanted(ex, line, own, *, delta=None, before=None):
    """The change wanted of a parameter: over all samples the sum, or the mean."""
    delta = own[line.layer.delta] if delta is None else delta
    before = own[line.layer.before] if before is None else before
    total = before.T @ delta if line.is_weights else delta.sum(axis=0, keepdims=True)
    return total / len(own["y"]) if ex.average else total


def moved(ex, line, own, change):
    """What becomes of the change wanted in the first line that has it."""
    if line.role == "change":
        return change
    if line.role == "velocity":
        return change + ex.number("momentum") * own[f"{line.of}_velocity"]
    return own[line.of] + ex.number("lr") * change


def takes_change(ex, line):
    """Whether a line is the first that has the change wanted."""
    return line.role == {"sgd": "updated", "momentum": "velocity", "adam": "change"}[ex.optimizer]


def change_of(ex, line, own):
    """What is to be added to a parameter."""
    if ex.optimizer == "sgd":
        return ex.number("lr") * wanted(ex, line, own)
    if ex.optimizer == "momentum":
        return ex.number("lr") * own[f"{line.of}_velocity_new"]
    m = own[f"{line.of}_m_new"] / np.maximum(1 - own["beta_1_power_new"], LEAST)
    v = own[f"{line.of}_v_new"] / np.maximum(1 - own["beta_2_power_new"], LEAST)
    return ex.number("lr") * m / np.maximum(np.sqrt(v) + ex.number("epsilon"), LEAST)


def remembered(ex, line, own, beta, new):
    return ex.number(beta) * own[line.name.removesuffix("_new")] + (1 - ex.number(beta)) * new


RIGHT: dict[str, Callable] = {
    "minimum": lambda ex, line, own: own["X_raw"].min(axis=0, keepdims=True),
    "maximum": lambda ex, line, own: own["X_raw"].max(axis=0, keepdims=True),
    "mean": lambda ex, line, own: own["X_raw"].mean(axis=0, keepdims=True),
    "deviation": lambda ex, line, own: np.sqrt(
        ((own["X_raw"] - own["X_mean"]) ** 2).mean(axis=0, keepdims=True)
    ),
    "scaled": lambda ex, line, own: scaled(ex, own),
    "entered": entered,
    "activated": activated,
    "exponentials": exponentials,
    "sum": lambda ex, line, own: own["output_exponentials"].sum(axis=1, keepdims=True),
    "error": error,
    "loss": loss,
    "slope": lambda ex, line, own: SLOPES[line.layer.activation](own[line.layer.output]),
    "output delta": output_delta,
    "long way": long_way,
    "hidden error": hidden_error,
    "delta": lambda ex, line, own: own[line.layer.error] * own[line.layer.slope],
    "count": lambda ex, line, own: own[f"{line.of}_power"] * ex.number(line.of),
    "change": lambda ex, line, own: moved(ex, line, own, wanted(ex, line, own)),
    "velocity": lambda ex, line, own: moved(ex, line, own, wanted(ex, line, own)),
    "m": lambda ex, line, own: remembered(ex, line, own, "beta_1", own[f"{line.of}_change"]),
    "v": lambda ex, line, own: remembered(ex, line, own, "beta_2", own[f"{line.of}_change"] ** 2),
    "updated": lambda ex, line, own: own[line.of] + change_of(ex, line, own),
}


def scaled(ex, own):
    low, high = (
        (own["X_minimum"], own["X_maximum"] - own["X_minimum"])
        if ex.scale == "minmax"
        else (own["X_mean"], own["X_deviation"])
    )
    return (own["X_raw"] - low) / np.maximum(high, LEAST)


# --- Walking ------------------------------------------------------------------------------

# What a student does in place of a line: gets the exercise, the line, what they have, and what
# would be right. None where it can't be done.
Doing = Callable[[Exercise, Line, Matrices, np.ndarray], "np.ndarray | None"]


def walk(
    ex: Exercise,
    doing: Mapping[str, Doing] | None = None,
    rounding: int | None = None,
    habit: Doing | None = None,
) -> Matrices:
    """What a student types, who goes on from what they typed.

    `doing`: by a matrix's name, what they do there. `habit`: what they do with every finished
    matrix that they type. `rounding`: to how many decimals; None if formulas stand there.
    """
    own, typed = dict(ex.given), {}
    with np.errstate(all="ignore"):
        for line in ex.lines:
            found = right(ex, line, own)
            for do in (doing or {}).get(line.name), habit if line.name in ex.shapes else None:
                changed = None if do is None else do(ex, line, own, found)
                found = found if changed is None else changed
            if line.name in ex.shapes:
                found = np.broadcast_to(found, ex.shapes[line.name])
                found = found + 0.0 if rounding is None else np.round(found, rounding) + 0.0
                typed[line.name] = found
            own[line.name] = found
    return typed


def notebook(ex: Exercise, typed: Matrices, until: str = "") -> Matrices:
    """All that a student has who typed this, up to a line: with what follows and is not typed."""
    own = dict(ex.given)
    with np.errstate(all="ignore"):
        for line in ex.lines:
            if line.name == until:
                break
            own[line.name] = typed[line.name] if line.name in typed else right(ex, line, own)
    return own


def answers(typed: Matrices) -> dict[str, Answer]:
    """What was typed, as answers; NaN where nothing was."""
    return {name: Answer(np.array(values, float)) for name, values in typed.items()}


def ahead(ex: Exercise, own: Matrices, name: str, rounding: int | None) -> np.ndarray:
    """What a student has who calculates a later matrix first."""
    known = dict(own)
    for line in ex.lines:
        if line.name not in known:
            try:
                found = right(ex, line, known)
            except KeyError:  # it needs what is being calculated
                continue
            known[line.name] = found if rounding is None else np.round(found, rounding)
    return known[name]


def doubt(ex: Exercise, line: Line, own: Matrices) -> np.ndarray:
    """How far a line may be off because what it is calculated from was rounded: the farthest of
    several tries, each with all numbers off by half a unit of the last place."""
    chance, half = np.random.default_rng(0), 0.5 * 10.0**-ex.decimals
    should, farthest = right(ex, line, own), 0.0
    for _ in range(16):
        off = {
            n: own[n] + half * chance.choice([-1, 1], own[n].shape) for n in ex.shapes if n in own
        }
        farthest = np.maximum(farthest, abs(right(ex, line, own | off) - should))
    return farthest


# --- Slips ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Made:
    """A slip as a student makes it: in lines of some roles. `key`: what the marker should call
    it; empty for an error that is no known slip."""

    name: str
    key: str
    roles: tuple[str, ...]
    do: Doing

    def at(self, rounding: int | None) -> Made:
        """The same by a student who rounds so."""
        return self if self.key != "updated_too_early" else replace(self, do=too_early(rounding))


def too_early(rounding: int | None) -> Doing:
    def do(ex, line, own, right):
        above = ex.above(line.layer)
        return own[above.delta] @ ahead(ex, own, f"{above.weights}_new", rounding).T

    return do


def rewritten(array, shape=None):
    """The numbers row by row, as if the matrix had the shape of its transpose."""
    return array.reshape(array.shape[::-1] if shape is None else shape)


def typed_transposed(ex, line, own, right):
    """A square matrix as its transpose; of any other the numbers in the order of its transpose."""
    if 1 in right.shape:
        return None
    return right.T if right.shape[0] == right.shape[1] else rewritten(right.T, right.shape)


def only(kind, do):
    """A slip with layers of one activation."""
    return lambda ex, line, own, right: (
        do(ex, line, own, right) if line.layer.activation == kind else None
    )


def squared_only(do):
    return lambda ex, line, own, right: (
        do(ex, line, own, right) if ex.loss == "squared_error" else None
    )


def instead(kind):
    """Another activation."""

    def do(ex, line, own, right):
        if line.layer.activation in (kind, "softmax"):
            return None
        return ACTIVATIONS[kind](own[line.layer.entered])

    return do


def other_slope(kind):
    def do(ex, line, own, right):
        return None if line.layer.activation == kind else SLOPES[kind](own[line.layer.output])

    return do


def from_change(do):
    """A slip in the change wanted of a parameter."""

    def slip(ex, line, own, right):
        change = do(ex, line, own) if takes_change(ex, line) else None
        return None if change is None else moved(ex, line, own, change)

    return slip


def in_update(do):
    """A slip with what is added to a parameter."""

    def slip(ex, line, own, right):
        return do(ex, line, own, change_of(ex, line, own)) if line.role == "updated" else None

    return slip


def for_weights(do):
    return lambda ex, line, own: do(ex, line, own) if line.is_weights else None


def for_biases(do):
    return lambda ex, line, own: None if line.is_weights else do(ex, line, own)


def one_sample(which):
    def do(ex, line, own):
        rows = slice(-1, None) if which == -1 else slice(0, 1)
        delta, passed = own[line.layer.delta][rows], own[line.layer.before][rows]
        return wanted(ex, line, own, delta=delta, before=passed) if len(own["y"]) > 1 else None

    return do


def mean_instead(ex, line, own):
    many = len(own["y"]) > 1  # or the mean of the mean
    return wanted(ex, line, own) / len(own["y"]) if many else None


def sum_instead(ex, line, own):
    many = len(own["y"]) > 1 and ex.average
    return wanted(ex, line, own) * len(own["y"]) if many else None


def over_neurons(ex, line, own):
    """The sum of each row, written down as far as there is room."""
    sums = own[line.layer.delta].sum(axis=1)
    if len(sums) < own[line.of].size:
        return None
    return sums[np.newaxis, : own[line.of].size] / (len(own["y"]) if ex.average else 1)


def of_output(ex, line, own):
    """As the article's bullet of step 11: a hidden bias by the output layer's delta."""
    if line.layer is ex.output or ex.above(line.layer) is not ex.output:
        return None
    delta = own["d_output"]
    if delta.shape[1] not in (1, own[line.of].size):
        return None
    return wanted(ex, line, own, delta=np.broadcast_to(delta, own[line.layer.delta].shape))


def gradient_rewritten(ex, line, own):
    """The inputs of a layer not transposed: their numbers in the transpose's shape."""
    passed = own[line.layer.before]
    return wanted(ex, line, own, before=rewritten(passed).T)


def backwards_rewritten(ex, line, own, right):
    above = ex.above(line.layer)
    return own[above.delta] @ rewritten(own[above.weights])


def same_places(left, other, like):
    """Numbers at the same place multiplied, where that fills the matrix."""
    rows, columns = like.shape
    least = np.minimum(left.shape, other.shape)
    if least[0] < rows or least[1] < columns:
        return None
    return left[:rows, :columns] * other[:rows, :columns]


def by_place(ex, line, own, right):
    found = same_places(own[line.layer.before], own[line.layer.weights], right)
    if found is None:
        return None
    return found + own[line.layer.biases] if ex.bias else found


def with_errors(ex, line, own):
    """E (or the error at the hidden layer) where the delta belongs."""
    return wanted(ex, line, own, delta=own[line.layer.error])


def back_from_errors(ex, line, own, right):
    above = ex.above(line.layer)
    return own[above.error] @ own[above.weights].T


def next_row(ex, line, own, right):
    return np.roll(right, -1, axis=0) if 1 < len(right) < 12 else None


def next_column(ex, line, own, right):
    return np.roll(right, -1, axis=1) if 1 < right.shape[1] < 12 else None


def bias_again(factor):
    return lambda ex, line, own, right: right + factor * own[line.layer.biases] if ex.bias else None


def at_input(ex, line, own, right):
    return SLOPES[line.layer.activation](own[line.layer.entered])


def beta_reversed(ex, line, own, right):
    old = ex.number("beta_1" if line.role == "m" else "beta_2") * own[f"{line.of}_{line.role}"]
    return old - (right - old)


def times_rate(ex, line, own, right):
    return right * ex.number("lr")


# Anything that has samples in its rows, and anything that is typed at all.
BY_SAMPLE = (
    "entered", "activated", "exponentials", "sum", "error", "loss", "slope", "output delta",
    "long way", "hidden error", "delta",
)  # fmt: skip
CHANGES = ("updated", "velocity", "change")
ANY = (*BY_SAMPLE, *CHANGES, "m", "v")
# Nobody takes an exponential for negative.
SIGNED = tuple(role for role in ANY if role not in ("exponentials", "sum"))


def shifted(by):
    return lambda ex, line, own, right: right * by


def cut_off(ex, line, own, right):
    scaled = right * 10.0**ex.decimals
    # What is exact stays: 2.492 is not cut to 2.491 because a float is a hair below.
    return np.trunc(scaled + 1e-6 * np.sign(scaled)) / 10.0**ex.decimals


def rounded_to(less):
    """Rounded to fewer decimals than asked; not where nothing is left but zeros."""

    def do(ex, line, own, right):
        found = np.round(right, ex.decimals - less)
        return found if ex.decimals > less and found.any() else None

    return do


def unless(loss, do):
    return lambda ex, line, own, right: None if ex.loss == loss else do(ex, line, own, right)


MADE: Sequence[Made] = (
    # Step 2 and 4
    Made("bias forgotten", "bias_left_out", ("entered",), bias_again(-1)),
    Made("bias subtracted", "bias_subtracted", ("entered",), bias_again(-2)),
    Made("bias added twice", "bias_twice", ("entered",), bias_again(1)),
    Made("multiplied place by place", "element_by_element", ("entered",), by_place),
    # Step 3 and 4
    Made(
        "activation not applied",
        "activation_left_out",
        ("activated",),
        lambda ex, line, own, right: (
            None if line.layer.activation == "softmax" else own[line.layer.entered]
        ),
    ),
    Made(
        "exponent without its minus",
        "exponent_sign",
        ("activated",),
        only("sigmoid", lambda ex, line, own, right: 1 / (1 + np.exp(own[line.layer.entered]))),
    ),
    Made(
        "parentheses forgotten",
        "parentheses_forgotten",
        ("activated",),
        only("sigmoid", lambda ex, line, own, right: 1 / 1 + np.exp(-own[line.layer.entered])),
    ),
    *(
        Made(f"{kind} applied", "other_activation", ("activated",), instead(kind))
        for kind in ("sigmoid", "tanh", "relu", "leaky_relu")
    ),
    # Step 5
    Made(
        "output − y",
        "difference_reversed",
        ("error",),
        squared_only(lambda ex, line, own, right: own["output"] - own["y"]),
    ),
    Made(
        "(output − y) over output (1 − output)",
        "difference_reversed",
        ("error",),
        lambda ex, line, own, right: -right if ex.loss == "binary_cross_entropy" else None,
    ),
    Made(
        "derivative doubled",
        "derivative_doubled",
        ("error",),
        squared_only(lambda ex, line, own, right: 2 * (own["y"] - own["output"])),
    ),
    Made(
        "square not halved",
        "not_halved",
        ("loss",),
        squared_only(lambda ex, line, own, right: (own["y"] - own["output"]) ** 2),
    ),
    # Step 6
    Made("slope at the input", "slope_at_input", ("slope",), at_input),
    Made(
        "h (h − 1)",
        "difference_reversed",
        ("slope",),
        only(
            "sigmoid",
            lambda ex, line, own, right: own[line.layer.output] * (own[line.layer.output] - 1),
        ),
    ),
    Made(
        "h² − 1",
        "difference_reversed",
        ("slope",),
        only("tanh", lambda ex, line, own, right: own[line.layer.output] ** 2 - 1),
    ),
    Made(
        "sigmoid applied again in the slope",
        "activation_twice",
        ("slope",),
        only(
            "sigmoid",
            lambda ex, line, own, right: (
                sigmoid(own[line.layer.output]) * (1 - sigmoid(own[line.layer.output]))
            ),
        ),
    ),
    Made(
        "tanh applied again in the slope",
        "activation_twice",
        ("slope",),
        only("tanh", lambda ex, line, own, right: 1 - np.tanh(own[line.layer.output]) ** 2),
    ),
    Made(
        "1 − h forgotten",
        "slope_factor_left_out",
        ("slope",),
        only("sigmoid", lambda ex, line, own, right: own[line.layer.output] + 0.0),
    ),
    *(
        Made(f"slope of {kind}", "other_slope", ("slope",), other_slope(kind))
        for kind in ("sigmoid", "tanh", "relu", "leaky_relu")  # linear: one number throughout
    ),
    # Steps 7 and 9
    Made(
        "slope forgotten",
        "slope_left_out",
        ("output delta", "delta"),
        lambda ex, line, own, right: (
            own[line.layer.error] + 0.0
            if line.role == "delta"
            or (ex.loss == "squared_error" and line.layer.activation != "softmax")
            else None
        ),
    ),
    Made("learning rate already here", "rate_too_early", ("output delta", "delta"), times_rate),
    Made(
        "output − y as delta",
        "difference_reversed",
        ("output delta",),
        unless("squared_error", lambda ex, line, own, right: own["output"] - own["y"]),
    ),
    Made(
        "Σ − E as the long way",
        "difference_reversed",
        ("long way",),
        only(
            "softmax",
            lambda ex, line, own, right: (
                own["output"] * ((own["output"] * own["E"]).sum(axis=1, keepdims=True) - own["E"])
            ),
        ),
    ),
    # Step 8
    Made("weights not transposed", "transpose_forgotten", ("hidden error",), backwards_rewritten),
    Made("new weights used going back", "updated_too_early", ("hidden error",), too_early(None)),
    Made("errors passed back, not deltas", "error_for_delta", ("hidden error",), back_from_errors),
    # Steps 10 and 11
    Made("rate forgotten", "rate_left_out", ("updated",), in_update(
        lambda ex, line, own, change: own[line.of] + change / ex.number("lr"))),
    Made("rate twice", "rate_twice", ("updated",), in_update(
        lambda ex, line, own, change: own[line.of] + change * ex.number("lr"))),
    Made("subtracted", "update_subtracted", ("updated",), in_update(
        lambda ex, line, own, change: own[line.of] - change)),
    Made("only the change", "old_value_left_out", ("updated",), in_update(
        lambda ex, line, own, change: change)),
    Made("not updated", "not_updated", ("updated",), in_update(
        lambda ex, line, own, change: own[line.of] + 0.0)),
    Made("mean over samples", "mean_for_sum", CHANGES, from_change(mean_instead)),
    Made("sum over samples", "sum_for_mean", CHANGES, from_change(sum_instead)),
    Made("first sample only", "one_sample_only", CHANGES, from_change(one_sample(0))),
    Made("last sample only", "one_sample_only", CHANGES, from_change(one_sample(-1))),
    Made("errors for deltas", "error_for_delta", CHANGES, from_change(with_errors)),
    Made(
        "inputs not transposed",
        "transpose_forgotten",
        CHANGES,
        from_change(for_weights(gradient_rewritten)),
    ),
    Made(
        "summed over neurons", "wrong_axis", CHANGES, from_change(for_biases(over_neurons))
    ),
    Made(
        "the output's delta for the hidden bias",
        "other_delta",
        CHANGES,
        from_change(for_biases(of_output)),
    ),
    # Anywhere
    Made("sign lost", "sign_lost", SIGNED, shifted(-1)),
    Made(
        "old memory kept",
        "not_updated",
        ("m", "v", "velocity"),
        lambda ex, line, own, right: own[line.name.removesuffix("_new")] + 0.0,
    ),
    Made("β − 1", "difference_reversed", ("m", "v"), beta_reversed),
    Made("typed transposed", "typed_transposed", ANY, typed_transposed),
    Made("the next sample's row", "other_sample", BY_SAMPLE, next_row),
    Made("the next neuron's column", "other_neuron", BY_SAMPLE, next_column),
    Made("ten times too large", "decimal_shifted", ANY, shifted(10)),
    Made("ten times too small", "decimal_shifted", ANY, shifted(0.1)),
    Made("a hundred times too large", "decimal_shifted", ANY, shifted(100)),
    Made("a hundred times too small", "decimal_shifted", ANY, shifted(0.01)),
    Made("cut off", "cut_off", ANY, cut_off),
    Made("one decimal too few", "rounded_too_far", ANY, rounded_to(1)),
    Made("two decimals too few", "rounded_too_far", ANY, rounded_to(2)),
)  # fmt: skip


# --- Errors that are no known slip ----------------------------------------------------------


def added_up(ex, line, own, right):
    """Error + slope; where a slope is 0, that is the slope left out, which is known."""
    error, slope = own[line.layer.error], own[line.layer.slope]
    return error + slope if slope.all() else None


UNKNOWN: Sequence[Made] = (
    Made("adds up what should be multiplied", "", ("delta",), added_up),
    Made("logarithm to the base of 10", "", ("loss",), lambda ex, line, own, right: (
        None if ex.loss == "squared_error" else right / np.log(10))),
    Made("half of the difference, not of its square", "", ("loss",), squared_only(
        lambda ex, line, own, right: (own["y"] - own["output"]) / 2)),
    Made("h times 1 + h", "", ("slope",), only("sigmoid", lambda ex, line, own, right: (
        own[line.layer.output] * (1 + own[line.layer.output])))),
    Made("both biases mixed up with a constant", "", ("entered",), lambda ex, line, own, right: (
        right + 0.37)),
    Made("a matrix of chance", "", ANY, lambda ex, line, own, right: (
        np.random.default_rng(right.size).uniform(-3, 3, right.shape))),
    Made("exponentials not divided by their sum", "", ("activated",), only(
        "softmax", lambda ex, line, own, right: own["output_exponentials"] + 0.0)),
    Made("the largest not taken off first", "", ("exponentials",), lambda ex, line, own, right: (
        np.exp(own[line.layer.entered]))),
    Made("no square in Adam's v", "", ("v",), lambda ex, line, own, right: remembered(
        ex, line, own, "beta_2", own[f"{line.of}_change"])),
    Made("Adam's 1 − β left out", "", ("m",), lambda ex, line, own, right: (
        ex.number("beta_1") * own[f"{line.of}_m"] + own[f"{line.of}_change"])),
)  # fmt: skip


def possible(
    ex: Exercise, line: Line, own: Matrices, rounding: int | None, among: Sequence[Made] = MADE
) -> list[tuple[Made, np.ndarray]]:
    """The slips that can be made in a line, and what is typed then."""
    found = []
    shape = ex.shapes[line.name]
    with np.errstate(all="ignore"):
        would_be = right(ex, line, own)
        for made in among:
            if line.role not in made.roles:
                continue
            wrong = made.at(rounding).do(ex, line, own, would_be)
            if wrong is not None and np.isfinite(wrong).all():
                wrong = np.broadcast_to(wrong, shape) + 0.0
                found.append((made, wrong if rounding is None else np.round(wrong, rounding)))
    return found
