"""What people call the matrices of a network: `W1`, `dZ2`, `hidden_output`, `0.weight.grad`.

A name is looked up by its letters and digits alone, in a table of what each of our matrices is
called elsewhere. The table is put together from a few words: what a matrix is (weights, a
gradient), which layer it is of, whether it is the old one or the new. Knows other people's names,
and ours by their roles; knows nothing of numbers: where a name could mean several matrices, it
returns them all.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

from cellprop.algebra import Matrix
from cellprop.programs.program import Program, Role

# --- The words ----------------------------------------------------------------------------

# What a matrix of a layer is called by its role, beside or before the layer's own name.
BASES: Mapping[Role, tuple[str, ...]] = {
    "weights": ("w", "weight", "weights", "kernel", "wt", "theta"),
    "biases": ("b", "bias", "biases"),
    "entered": ("z", "net", "netinput", "in", "input", "zin", "preactivation", "preact", "linear"),
    "activation": ("a", "act", "activation", "activations", "out", "output", "outputs", "l"),
    "error": ("da", "dlda", "deda", "e", "err", "error", "errorat", "dout"),
    "slope": ("slope", "deriv", "derivative", "prime", "aprime", "gprime", "dact", "dsigmoid"),
    "delta": ("dz", "dldz", "dedz", "delta", "dnet", "d", "dlinear"),
}  # fmt: skip
# What stands before or after the name of a parameter.
GRADIENT = (
    "d", "g", "grad", "grads", "gradient", "gradients", "gradof", "dld", "ded", "djd", "dcd",
    "dlossd", "dcostd", "nabla",
)  # fmt: skip
NEW = ("new", "next", "upd", "update", "updated", "after")
OLD = ("", "old", "init", "initial", "initialised", "initialized", "start", "first", "before")
# What an update rule remembers of a parameter, by what follows the parameter's name.
REMEMBERED: Mapping[str, tuple[str, ...]] = {
    "velocity": ("v", "vd", "vel", "velocity", "velocityd", "mom", "momentum", "momentumbuffer"),
    "m": ("m", "md", "mt", "mean", "expavg", "firstmoment", "moment1", "v", "vd"),
    "v": ("v", "vd", "vt", "s", "sd", "meansquare", "expavgsq", "secondmoment", "moment2"),
}  # fmt: skip
# What is not of a layer.
INPUTS = ("x", "xs", "input", "inputs", "inputlayer", "data", "features", "xtrain", "l0", "a0")
TARGETS = (
    "y", "ys", "t", "target", "targets", "ytrue", "ytrain", "label", "labels", "expected",
    "expectedoutput", "onehot", "yonehot",
)  # fmt: skip
RATE = ("lr", "eta", "learningrate", "alpha", "rate")
PREDICTIONS = (
    "yhat", "ypred", "yp", "pred", "preds", "predicted", "prediction", "predictions",
    "predictedoutput", "output", "outputs", "out", "o", "prob", "probs", "proba", "probabilities",
    "hypothesis", "outputlayer", "outputlayeroutput",
)  # fmt: skip
ERRORS = (
    "e", "err", "error", "errors", "residual", "residuals", "diff", "dyhat", "dypred", "dpred",
    "doutput", "do",
)  # fmt: skip
LOSS = ("loss", "losses", "cost", "mse", "j", "bce", "crossentropy", "ce", "squarederror", "sse")
# What our own loss as one number is called where a matrix of a program has the name `loss`.
MEAN_LOSS = "mean_loss"
# Of an update rule's own numbers, those that have another name as well.
SETTINGS: Mapping[str, tuple[str, ...]] = {"momentum": ("mu",), "epsilon": ("eps",)}
# Letters that are words.
LETTERS = {"δ": "delta", "Δ": "d", "∂": "d", "∇": "grad", "η": "eta", "μ": "mu", "β": "beta",
           "ε": "epsilon", "′": "new", "'": "new", "\u0302": "hat"}  # fmt: skip

# The last number in a name counts time steps, or layers: `h_2`, `d_z_3`, `h_2_exponentials`.
COUNTED = re.compile(r"(.*?)(\d{1,9})(\D*)", re.ASCII)
LETTER_OR_DIGIT = re.compile(r"[a-z0-9]+")
# Parts of a name that say where it is kept, and nothing else.
PART = re.compile(r"[./\\:|]+")
WORD = re.compile(r"[^\W_]+")
WEIGHTS, BIASES = ("weight", "weights", "kernel"), ("bias", "biases")


def squashed(name: str) -> str:
    """Return the letters and digits of a name in lower case, those of other alphabets as words.

    >>> [squashed(name) for name in ("d_W1", "dW¹", "δ_out", "ŷ", "Layer 2/kernel:0")]
    ['dw1', 'dw1', 'deltaout', 'yhat', 'layer2kernel0']
    """
    plain = unicodedata.normalize("NFKD", name)
    plain = "".join(LETTERS.get(letter, letter) for letter in plain)
    return "".join(LETTER_OR_DIGIT.findall(plain.lower()))


def counted(name: str) -> tuple[str, int]:
    """Return what a name has in common with those of other time steps, and the number of its own;
    the name and -1 if it has none.

    >>> counted("h_2"), counted("d_W_h_z_3"), counted("mask")
    (('h_*', 2), ('d_W_h_z_*', 3), ('mask', -1))
    """
    found = COUNTED.fullmatch(name)
    return (f"{found[1]}*{found[3]}", int(found[2])) if found else (name, -1)


@lru_cache(maxsize=8)
def series(program: Program) -> Mapping[str, tuple[Matrix, ...]]:
    """Return the matrices that are alike but for the number of a time step, in its order, by what
    their names have in common. Networks have none: their numbers are of layers.
    """
    found: dict[str, list[tuple[int, Matrix]]] = {}
    for matrix in program.matrices if program.is_written else ():
        common, number = counted(matrix.name)
        if number >= 0:
            found.setdefault(common, []).append((number, matrix))
    return {
        common: tuple(matrix for _, matrix in sorted(each, key=lambda pair: pair[0]))
        for common, each in found.items()
        if len(each) > 1
    }


# --- The table ----------------------------------------------------------------------------


@dataclass(frozen=True)
class LayerNames:
    """What a layer of neurons is called.

    Attributes:
        ours: The names of its matrices by their roles.
        words: What people call it.
        between: What they call its connections; nothing where there are more layers.
        hidden: Whether it is a hidden one.
    """

    ours: Mapping[Role, str]
    words: tuple[str, ...]
    between: tuple[str, ...]
    hidden: bool


def _layers(program: Program, first: int) -> Iterator[LayerNames]:
    """Yield the layers from the first hidden one to the output, numbered from `first`."""
    if program.is_written:
        return
    *hidden, last = _by_role(program)
    only = len(hidden) == 1
    for number, ours in enumerate(hidden, first):
        words = list(_numbered(number, hidden=True))
        if only:
            words += ["hidden", "h", "hid", "hiddenlayer", "hl"]
        between = ("ih", "xh", "i2h", "inputhidden", "inputtohidden", "inhidden") if only else ()
        yield LayerNames(ours, tuple(words), between, True)
    words = ["output", "out", "o", "outputlayer", "final", "last"]
    words += _numbered(len(hidden) + first, hidden=False)
    if not hidden:
        words.append("")
    between = ("ho", "hy", "h2o", "hiddenoutput", "hiddentooutput", "hiddenout") if only else ()
    yield LayerNames(last, tuple(words), between, False)


def _by_role(program: Program) -> list[dict[Role, str]]:
    """Return the names of the matrices of each layer by their roles, from the inputs on."""
    layers = program.forward.layers
    found = [{program.roles[m.name]: m.name for m in layer.parameters} for layer in layers]
    ways: dict[Role, tuple[Matrix, ...]] = {
        "entered": program.having("entered"),
        "activation": program.having("activation", "prediction"),
    }
    back: tuple[Role, ...] = ("error", "slope", "delta")
    ways |= {role: program.having(role)[::-1] for role in back}
    for role, matrices in ways.items():
        # The output may have no slope.
        for ours, matrix in zip(found, matrices, strict=False):
            ours[role] = matrix.name
    return found


def _numbered(number: int, *, hidden: bool) -> Iterator[str]:
    kinds: tuple[str, ...] = ("", "layer", "l", "fc", "dense", "linear", "lin")
    if hidden:
        kinds += ("hidden", "hid", "h", "hiddenlayer", "hl")
    return (f"{kind}{number}" for kind in kinds)


Meanings = dict[str, tuple[str, ...]]
"""For a name without anything but letters and digits, the names of ours that it may stand for."""


@lru_cache(maxsize=8)
def names_of(program: Program, first: int = 1) -> Meanings:
    """Return what our matrices are called elsewhere.

    Parameters
    ----------
    program
        Whose matrices; `program.changes` gives each parameter a gradient, which is called `d_wh`
        unless a step has it.
    first
        The number of the first layer: 1, or 0.
    """
    changes = (change_name(program, parameter) for parameter in program.changes)
    there = {*program.by_name, loss_name(program), *changes}
    found: dict[str, dict[str, None]] = {}
    for ours, theirs in _pairs(program, first):
        if ours in there:
            found.setdefault(theirs, {})[ours] = None
    return {theirs: tuple(ours) for theirs, ours in found.items()}


def change_name(program: Program, parameter: str) -> str:
    """Return the name of the matrix that is the change wanted of a parameter: of a step's, if one
    shows it.
    """
    change = program.changes[parameter]
    shown = (m.name for m in program.having("change") if change in (m, m.definition))
    # Where gradients are averaged, a written program shows them summed.
    return next(shown, f"d_{parameter}")


def loss_name(program: Program) -> str:
    """Return the name of the loss as one number, which no step shows: `loss`, unless that is one of
    the steps' matrices.
    """
    return MEAN_LOSS if LOSS[0] in program.by_name else LOSS[0]


def _pairs(program: Program, first: int) -> Iterator[tuple[str, str]]:
    """Yield one of our names with each name that it may have elsewhere."""
    for matrix, words in _whole(program):
        yield from ((matrix.name, word) for word in words)
    if program.is_written:
        yield from _of_written(program)
    for ours in (loss_name(program), *(loss.name for loss in program.losses)):
        yield from ((ours, word) for word in LOSS)
    for number, layer in enumerate(_layers(program, first)):
        for role, bases in BASES.items():
            if role in layer.ours:
                yield from _of_role(program, layer, role, bases, number)
        if layer.hidden:  # the change of what they pass on, or of what they receive
            error = layer.ours["error"]
            yield from ((error, f"dh{word}") for word in layer.words)
            own = (word for word in layer.words if word.startswith("h"))
            yield from ((error, f"{d}{word}") for word in own for d in ("d", "dld"))


def _whole(program: Program) -> Iterator[tuple[Matrix, tuple[str, ...]]]:
    """Yield the matrices that are not of a layer, with their names."""
    forward = program.forward
    # Where there are several, their names tell them apart.
    if len(forward.inputs) == 1:
        yield forward.entered, INPUTS
    if len(forward.targets) == 1:
        yield forward.target, TARGETS
    yield program.rate, RATE
    for setting in program.having("setting", "share"):
        yield setting, (squashed(setting.name), *SETTINGS.get(setting.name, ()))
    if len(forward.outputs) == 1:
        yield forward.output, PREDICTIONS
    for matrix in program.brought_by("loss"):
        if program.roles[matrix.name] == "error":
            yield matrix, ERRORS


def _of_written(program: Program) -> Iterator[tuple[str, str]]:
    """Yield the names of a written program's matrices: its own, in another spelling, and those of
    their gradients and slopes.
    """
    learnt = {matrix.name for matrix in program.parameters}
    for matrix in program.matrices:
        name = squashed(matrix.name)
        yield matrix.name, name
        if matrix.name in learnt:
            yield from _of_parameter(program, matrix.name, (name,))
        elif f"d_{matrix.name}" in program.by_name:
            yield from ((f"d_{matrix.name}", each) for each in _affixed(name, GRADIENT))
        slope = f"slope_{matrix.name}"
        if slope in program.by_name:
            yield from ((slope, each) for each in _affixed(name, BASES["slope"]))


def _of_role(
    program: Program, layer: LayerNames, role: Role, bases: Iterable[str], number: int
) -> Iterator[tuple[str, str]]:
    """Yield the names of a layer's matrix of a role; the layer's own number counts from 0."""
    ours = layer.ours[role]
    words = layer.words + (layer.between if role == "weights" else ())
    plain = _both_ways(bases, words)
    if role == "weights":  # counted from 0 by everybody who calls them so
        plain.add(f"syn{number}")
    if role == "activation" and layer.hidden:
        plain |= _activations(layer)
    if role in ("weights", "biases"):
        yield from _of_parameter(program, ours, plain)
    else:
        yield from ((ours, name) for name in plain)


def _activations(layer: LayerNames) -> set[str]:
    """Return the names that only activations of a hidden layer have: the layer's own."""
    own = {word for word in layer.words if word.startswith("h")}
    return own | {f"{word}{what}" for word in own for what in ("output", "outputs", "out", "s")}


def _both_ways(bases: Iterable[str], words: Iterable[str]) -> set[str]:
    return {name for b, w in product(bases, words) for name in (f"{b}{w}", f"{w}{b}")}


def _of_parameter(
    program: Program, parameter: str, plain: Iterable[str]
) -> Iterator[tuple[str, str]]:
    """Yield the names of a parameter, of what replaces it, of its gradient, and of what an update
    rule remembers of it.
    """
    change, new = change_name(program, parameter), program.updates[parameter].name
    kept = {what: f"{parameter}_{what}" for what in REMEMBERED}
    remembered = {what: name for what, name in kept.items() if name in program.updates}
    for name in plain:
        yield from ((parameter, each) for each in _affixed(name, OLD))
        yield from ((new, each) for each in _affixed(name, NEW))
        yield from ((change, each) for each in _affixed(name, GRADIENT))
        for what, ours in remembered.items():
            new_of = program.updates[ours].name
            for word in REMEMBERED[what]:
                for each in _affixed(name, (word,)):
                    yield new_of, each
                    yield from ((new_of, n) for n in _affixed(each, NEW))
                    yield from ((ours, n) for n in _affixed(each, OLD[1:]))


def _affixed(name: str, affixes: Sequence[str]) -> Iterator[str]:
    return (each for affix in affixes for each in (f"{affix}{name}", f"{name}{affix}"))


# --- Looking up ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Candidates:
    """What a name may stand for.

    Attributes:
        ours: The names of our matrices; none if it is not known.
        turned: Whether matrices by such a name are usually outputs × inputs, as PyTorch has them.
    """

    ours: tuple[str, ...]
    turned: bool = False


def look_up(theirs: Sequence[str], program: Program) -> dict[str, Candidates]:
    """Return what each name may stand for, by the name.

    Names are looked up together: whether layers are counted from 0, and which layer of a model of
    PyTorch or Keras is which, only all of them tell.

    Parameters
    ----------
    theirs
        Their names, in the order in which they have them.
    program
        Ours.
    """
    layers = _paths(theirs)
    known = {m.name for m in program.matrices} | {change_name(program, n) for n in program.changes}

    def found_with(first: int) -> dict[str, Candidates]:
        table = names_of(program, first)
        return {
            name: Candidates(
                (name, MEAN_LOSS) if name == LOSS[0] != loss_name(program) else (name,)
            )
            if name in known
            else _candidates(_Parts.of(name), table, layers, program)
            for name in theirs
        }

    # The numbering that knows more of them; from 1 if both know as many.
    return max(map(found_with, (1, 0)), key=lambda found: sum(bool(c.ours) for c in found.values()))


@dataclass(frozen=True)
class _Parts:
    """A name taken apart.

    Attributes:
        name: All of it.
        path: The layer within a model, for a parameter: `layers`, `0`; else empty.
        what: `weight` or `bias`, in one word or another; else empty.
        said: What is said of it beyond: `d` for a gradient, `new`, or nothing.
        last: Its last part.
    """

    name: str
    path: tuple[str, ...]
    what: str
    said: str
    last: str

    @classmethod
    def of(cls, name: str) -> _Parts:
        parts = [part for part in PART.split(name) if part]
        path: list[str] = []
        what = said = ""
        for part in parts:
            words = [word.lower() for word in WORD.findall(part)]
            rest = [w for w in words if w not in (*WEIGHTS, *BIASES, *GRADIENT, *NEW, *OLD)]
            said = "d" if set(words) & set(GRADIENT) else said
            said = "new" if set(words) & set(NEW) else said
            if rest and not what:
                path.append("_".join(rest))
            what = what or next((w for w in words if w in (*WEIGHTS, *BIASES)), "")
        return cls(name, tuple(path), what, said, parts[-1] if parts else "")


def _paths(theirs: Sequence[str]) -> list[tuple[str, ...]]:
    """Return the layers of a model by their paths, in order: of `0.weight`, `fc2.bias`, …"""
    apart = [_Parts.of(name) for name in theirs]
    found = list(dict.fromkeys(parts.path for parts in apart if parts.what and parts.path))
    return sorted(found, key=lambda path: int(path[-1])) if _are_numbered(found) else found


def _are_numbered(paths: Sequence[tuple[str, ...]]) -> bool:
    return all(path[-1].isdecimal() for path in paths)


def _candidates(
    parts: _Parts,
    table: Meanings,
    layers: Sequence[tuple[str, ...]],
    program: Program,
) -> Candidates:
    """Return what a name may stand for, by what it says and by its place in a model."""
    turned = bool(parts.path) and parts.what == "weight"
    by_name = table.get(squashed(parts.name), ())
    by_place: tuple[str, ...] = ()
    if parts.what and parts.path in layers and len(layers) == len(program.forward.layers):
        by_place = _of_layer(layers.index(parts.path), parts, program)
    # A model's modules are numbered together: 0 and 2 are its first layers.
    found = (by_place or by_name) if _are_numbered(layers) else (by_name or by_place)
    if not found and parts.last != parts.name:  # kept in something: `params.W1`, `grads.W1`
        last = squashed(parts.last)
        found = table.get(f"{parts.said}{last}") or table.get(last) or ()
    return Candidates(found, turned)


def _of_layer(position: int, parts: _Parts, program: Program) -> tuple[str, ...]:
    """Return our name for a parameter of a layer, counted from 0; none if it has no biases."""
    wanted = "biases" if parts.what in BIASES else "weights"
    for matrix in program.forward.layers[position].parameters:
        if program.roles[matrix.name] == wanted:
            if parts.said == "d":
                return (change_name(program, matrix.name),)
            return (program.updates[matrix.name].name if parts.said else matrix.name,)
    return ()
