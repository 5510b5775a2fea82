"""What people call the matrices of a network: `W1`, `dZ2`, `hidden_output`, `0.weight.grad`.

A name is looked up by its letters and digits alone, in a table of what each of our matrices is
called elsewhere. The table is put together from a few words: what a matrix is (weights, a
gradient), which layer it is of, whether it is the old one or the new. Knows names; knows nothing
of numbers: where a name could mean several matrices, it returns them all.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

from cellprop.programs.network import Network
from cellprop.programs.perceptron import HIDDEN, OUTPUT
from cellprop.programs.program import Program

# --- The words ----------------------------------------------------------------------------

# What a matrix of a layer is called, beside or before the layer's own name.
BASES: Mapping[str, tuple[str, ...]] = {
    "weights": ("w", "weight", "weights", "kernel", "wt", "theta"),
    "biases": ("b", "bias", "biases"),
    "entered": ("z", "net", "netinput", "in", "input", "zin", "preactivation", "preact", "linear"),
    "output": ("a", "act", "activation", "activations", "out", "output", "outputs", "l"),
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
REMEMBERED: Mapping[str, tuple[str, ...]] = {
    "velocity": ("v", "vd", "vel", "velocity", "velocityd", "mom", "momentum", "momentumbuffer"),
    "m": ("m", "md", "mt", "mean", "expavg", "firstmoment", "moment1", "v", "vd"),
    "v": ("v", "vd", "vt", "s", "sd", "meansquare", "expavgsq", "secondmoment", "moment2"),
}  # fmt: skip
# What is not of a layer.
WHOLE: Mapping[str, tuple[str, ...]] = {
    "X": ("x", "xs", "input", "inputs", "inputlayer", "data", "features", "xtrain", "l0", "a0"),
    "y": ("y", "ys", "t", "target", "targets", "ytrue", "ytrain", "label", "labels", "expected",
          "expectedoutput", "onehot", "yonehot"),
    "lr": ("lr", "eta", "learningrate", "alpha", "rate"),
    "momentum": ("momentum", "mu"),
    "beta_1": ("beta1",),
    "beta_2": ("beta2",),
    "epsilon": ("epsilon", "eps"),
    "output": ("yhat", "ypred", "yp", "pred", "preds", "predicted", "prediction", "predictions",
               "predictedoutput", "output", "outputs", "out", "o", "prob", "probs", "proba",
               "probabilities", "hypothesis", "outputlayer", "outputlayeroutput"),
    "E": ("e", "err", "error", "errors", "residual", "residuals", "diff", "dyhat", "dypred",
          "dpred", "doutput", "do"),
}  # fmt: skip
LOSS = ("loss", "losses", "cost", "mse", "j", "bce", "crossentropy", "ce", "squarederror", "sse")
# Letters that are words.
LETTERS = {"δ": "delta", "Δ": "d", "∂": "d", "∇": "grad", "η": "eta", "μ": "mu", "β": "beta",
           "ε": "epsilon", "′": "new", "'": "new", "\u0302": "hat"}  # fmt: skip

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


# --- The table ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Layer:
    """A layer of neurons, and what it is called.

    Attributes:
        names: The names of its matrices, by what they are.
        words: What people call it.
        between: What they call its connections; nothing where there are more layers.
        hidden: Whether it is a hidden one.
    """

    names: Mapping[str, str]
    words: tuple[str, ...]
    between: tuple[str, ...]
    hidden: bool


def _layers(network: Network, first: int) -> Iterator[Layer]:
    """Yield the layers from the first hidden one to the output, numbered from `first`."""
    hidden = network.hidden
    only = len(hidden) == 1
    for number, layer in enumerate(hidden):
        names = {role: f"{name}{layer.suffix}" for role, (name, _) in HIDDEN.items()}
        words = list(_numbered(number + first, hidden=True))
        if only:
            words += ["hidden", "h", "hid", "hiddenlayer", "hl"]
        between = ("ih", "xh", "i2h", "inputhidden", "inputtohidden", "inhidden") if only else ()
        yield Layer(names, tuple(words), between, True)
    names = {role: name for role, (name, _) in OUTPUT.items()}
    words = ["output", "out", "o", "outputlayer", "final", "last"]
    words += _numbered(len(hidden) + first, hidden=False)
    if not hidden:
        words.append("")
    between = ("ho", "hy", "h2o", "hiddenoutput", "hiddentooutput", "hiddenout") if only else ()
    yield Layer(names, tuple(words), between, False)


def _numbered(number: int, *, hidden: bool) -> Iterator[str]:
    kinds: tuple[str, ...] = ("", "layer", "l", "fc", "dense", "linear", "lin")
    if hidden:
        kinds += ("hidden", "hid", "h", "hiddenlayer", "hl")
    return (f"{kind}{number}" for kind in kinds)


Names = dict[str, tuple[str, ...]]
"""For a name without anything but letters and digits, the names of ours that it may stand for."""


def names_of(program: Program, network: Network, first: int = 1) -> Names:
    """Return what our matrices are called elsewhere.

    Parameters
    ----------
    program, network
        Whose matrices; `program.changes` gives each parameter a gradient, which is called `d_wh`
        unless a step has it.
    first
        The number of the first layer: 1, or 0.
    """
    return _table(network, tuple(matrix.name for matrix in program.matrices), first)


def change_name(program: Program, parameter: str) -> str:
    """Return the name of the matrix that is the change wanted of a parameter."""
    return _change_name([matrix.name for matrix in program.matrices], parameter)


def _change_name(names: Collection[str], parameter: str) -> str:
    change = f"{parameter}_change"
    return change if change in names else f"d_{parameter}"


@lru_cache(maxsize=8)
def _table(network: Network, names: tuple[str, ...], first: int) -> Names:
    there = {*names, LOSS[0], *(_change_name(names, each) for each in network.shapes)}
    found: dict[str, dict[str, None]] = {}
    for ours, theirs in _pairs(names, network, first):
        if ours in there:
            found.setdefault(theirs, {})[ours] = None
    return {theirs: tuple(ours) for theirs, ours in found.items()}


def _pairs(names: Sequence[str], network: Network, first: int) -> Iterator[tuple[str, str]]:
    """Yield one of our names with each name that it may have elsewhere."""
    for ours, words in WHOLE.items():
        yield from ((ours, word) for word in words)
    for ours in (LOSS[0], network.loss):
        yield from ((ours, word) for word in LOSS)
    for number, layer in enumerate(_layers(network, first)):
        for role, bases in BASES.items():
            ours, is_parameter = layer.names[role], role in ("weights", "biases")
            words = layer.words + (layer.between if role == "weights" else ())
            plain = _both_ways(bases, words)
            if role == "weights":  # counted from 0 by everybody who calls them so
                plain.add(f"syn{number}")
            if role == "output" and layer.hidden:
                plain |= _activations(layer)
            if is_parameter:
                yield from _of_parameter(names, ours, plain)
            else:
                yield from ((ours, name) for name in plain)
        if layer.hidden:  # the change of what they pass on, or of what they receive
            yield from ((layer.names["error"], f"dh{word}") for word in layer.words)
            own = (word for word in layer.words if word.startswith("h"))
            yield from ((layer.names["error"], f"{d}{word}") for word in own for d in ("d", "dld"))


def _activations(layer: Layer) -> set[str]:
    """Return what only activations of a hidden layer are called: by the layer's own name."""
    own = {word for word in layer.words if word.startswith("h")}
    return own | {f"{word}{what}" for word in own for what in ("output", "outputs", "out", "s")}


def _both_ways(bases: Iterable[str], words: Iterable[str]) -> set[str]:
    return {name for b, w in product(bases, words) for name in (f"{b}{w}", f"{w}{b}")}


def _of_parameter(
    names: Collection[str], parameter: str, plain: Iterable[str]
) -> Iterator[tuple[str, str]]:
    """Yield the names of a parameter, of what replaces it, of its gradient, and of what an update
    rule remembers of it.
    """
    change = _change_name(names, parameter)
    remembered = {what: w for what, w in REMEMBERED.items() if f"{parameter}_{what}" in names}
    for name in plain:
        yield from ((parameter, each) for each in _affixed(name, OLD))
        yield from ((f"{parameter}_new", each) for each in _affixed(name, NEW))
        yield from ((change, each) for each in _affixed(name, GRADIENT))
        for what, words in remembered.items():
            ours = f"{parameter}_{what}"
            for word in words:
                for each in _affixed(name, (word,)):
                    yield f"{ours}_new", each
                    yield from ((f"{ours}_new", n) for n in _affixed(each, NEW))
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


def look_up(theirs: Sequence[str], program: Program, network: Network) -> dict[str, Candidates]:
    """Return what each name may stand for.

    Names are looked up together: whether layers are counted from 0, and which layer of a model of
    PyTorch or Keras is which, only all of them tell.

    Parameters
    ----------
    theirs
        Their names, in the order in which they have them.
    program, network
        Ours.
    """
    layers = _paths(theirs)
    known = {m.name for m in program.matrices} | {change_name(program, n) for n in program.changes}

    def found_with(first: int) -> dict[str, Candidates]:
        table = names_of(program, network, first)
        return {
            name: Candidates((name,))
            if name in known
            else _candidates(_Parts.of(name), table, layers, program, network)
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
    table: Names,
    layers: Sequence[tuple[str, ...]],
    program: Program,
    network: Network,
) -> Candidates:
    turned = bool(parts.path) and parts.what == "weight"
    by_name = table.get(squashed(parts.name), ())
    by_place: tuple[str, ...] = ()
    if parts.what and parts.path in layers and len(layers) == len(network.sizes) - 1:
        by_place = _of_layer(layers.index(parts.path), parts, program, network)
    # A model's modules are numbered together: 0 and 2 are its first layers.
    found = (by_place or by_name) if _are_numbered(layers) else (by_name or by_place)
    if not found and parts.last != parts.name:  # kept in something: `params.W1`, `grads.W1`
        last = squashed(parts.last)
        found = table.get(f"{parts.said}{last}") or table.get(last) or ()
    return Candidates(found, turned)


def _of_layer(position: int, parts: _Parts, program: Program, network: Network) -> tuple[str, ...]:
    """Return our name for a parameter of a layer, counted from 0."""
    if parts.what in BIASES and not network.bias:
        return ()
    ours = list(network.shapes)[position * (1 + network.bias) + (parts.what in BIASES)]
    return ({"d": change_name(program, ours), "new": f"{ours}_new"}.get(parts.said, ours),)
