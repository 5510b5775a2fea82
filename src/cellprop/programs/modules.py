"""What each module of PyTorch computes, as steps of a program: recurrent ones, convolutions, norms,
attention, embeddings, and layers of neurons among them.

What is learnt is called as in PyTorch where that has a letter for it, with the module's place
behind: `W_ih_0` is `model[0].weight_ih_l0`, turned over.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from cellprop.algebra import Array, Expression, Matrix, apply
from cellprop.errors import InputError
from cellprop.programs import functions
from cellprop.programs.building import AxisName, Builder
from cellprop.programs.planning import (
    ATTENTION,
    RECURRENT,
    Flow,
    Here,
    Layout,
    Planned,
    Write,
)
from cellprop.programs.theirs import TORCH_ACTIVATIONS, check_hooks

# --- Layers of neurons --------------------------------------------------------------------


def _linear(here: Here) -> Planned:
    here.takes("flat", "words", "steps")
    weights, flow = here.numbers("weight").T, here.flow
    here.fits(weights.shape[0], flow.columns, "inputs")
    is_output = not {"Linear", ATTENTION, *RECURRENT} & {*here.later}
    axis = here.plan.axis("outputs" if is_output else "hidden", weights.shape[1])
    here.learn("W", weights, flow.axis, axis)
    if here.module.bias is not None:
        here.learn("b", here.numbers("bias"), 1, axis)

    def computed(x: Expression, learnt: Mapping[str, Matrix]) -> Expression:
        found = x @ learnt["W"]
        return found + learnt["b"] if "b" in learnt else found

    says = "Weighted sums." if here.module.bias is None else "Weighted sums, and a bias for each."
    return replace(flow, axis=axis, columns=weights.shape[1]), here.each("z", says, computed)


def _activation(here: Here) -> Planned:
    if here.kind == "Softmax":
        here.takes("flat", "words", "steps")
        right = {"flat": (1, -1), "words": (-1,), "steps": (2, -1)}[here.flow.layout]
        if here.module.dim not in right:
            raise here.refused(f"dim={here.module.dim}", f"use dim={right[0]}")
    activation = TORCH_ACTIVATIONS[here.kind]
    says = f"{here.kind} of each number."
    if here.kind == "Softmax":
        says = "A share for each number of a row; the shares of a row add up to 1."
    return here.flow, here.each("a", says, lambda x, _: apply(activation, x))


# --- Time steps ---------------------------------------------------------------------------


def _recurrent(here: Here) -> Planned:
    here.takes("steps")
    here.check(", one layer after another", num_layers=1)
    here.check("", bidirectional=False, proj_size=0)
    module, flow, kind = here.module, here.flow, here.kind
    here.fits(module.input_size, flow.columns, "inputs")
    size = module.hidden_size
    hidden = here.plan.axis("hidden", size)
    across = (
        hidden if kind == "RNN" else here.plan.axis("gates", {"LSTM": 4, "GRU": 3}[kind] * size)
    )
    for what, rows in (("W_ih", flow.axis), ("W_hh", hidden)):
        here.learn(what, here.numbers(f"{what.replace('W', 'weight')}_l0").T, rows, across)
    for what in ("b_ih", "b_hh") if module.bias else ():
        here.learn(what, here.numbers(f"{what.replace('b', 'bias')}_l0"), 1, across)
    # Only of the last one need the last state be enough, and only if nothing reads the others.
    is_whole = bool(here.plan.told["each_step"] or {*RECURRENT, "Flatten"} & {*here.later})
    handed = flow.count if is_whole else 1
    cell = {"RNN": _rnn, "LSTM": _lstm, "GRU": _gru}[kind]

    def write(m: Builder, came: list[Expression]) -> list[Expression]:
        learnt, found = here.learnt(m), list[Expression]()
        states = [here.name("h", t) for t in range(1, flow.count + 1)]
        states[-handed:] = here.results("h", handed) if here.is_last else states[-handed:]
        kept = {what: m.zeros(here.name(what, 0), flow.rows, hidden) for what in cell.keeps}
        for t, (x, name) in enumerate(zip(came, states, strict=True), 1):
            kept = cell.write(here, m, learnt, x, kept, t, name)
            found.append(kept["h"])
        return found[-handed:]

    layout: Layout = "steps" if is_whole else "flat"
    return replace(flow, layout=layout, count=handed, axis=hidden, columns=size), write


Kept = dict[str, Matrix]


@dataclass(frozen=True)
class Cell:
    """A recurrent cell: what it keeps from one time step to the next, and how a step is written."""

    keeps: tuple[str, ...]
    write: Callable[[Here, Builder, Mapping[str, Matrix], Expression, Kept, int, str], Kept]


def _sum(learnt: Mapping[str, Matrix], x: Expression, h: Expression) -> Expression:
    """Return the weighted sum of what comes in and of what was kept, with both biases."""
    total = x @ learnt["W_ih"] + h @ learnt["W_hh"]
    return total + learnt["b_ih"] + learnt["b_hh"] if "b_ih" in learnt else total


def _write_rnn(
    here: Here, m: Builder, learnt: Mapping[str, Matrix], x: Expression, kept: Kept, t: int, h: str
) -> Kept:
    activation = here.module.nonlinearity
    says = f"What comes in now, and what was kept from before, through {activation}."
    with m.step(here.title(f"time {t}"), says=says):
        z = m.define(here.name("z", t), _sum(learnt, x, kept["h"]))
        return {"h": m.define(h, apply(activation, z))}


def _write_lstm(
    here: Here, m: Builder, learnt: Mapping[str, Matrix], x: Expression, kept: Kept, t: int, h: str
) -> Kept:
    says = "One weighted sum for all gates, a quarter for each."
    with m.step(here.title(f"time {t}: sums"), says=says):
        z = m.define(here.name("z", t), _sum(learnt, x, kept["h"]))
    says = "How much to let in (i) and to keep (f), what is new (g), how much to show (o)."
    with m.step(here.title(f"time {t}: gates"), says=says):
        parts = zip("ifgo", functions.split(z, like=kept["h"]), strict=True)
        i, f, g, o = (
            m.define(here.name(gate, t), apply("tanh" if gate == "g" else "sigmoid", part))
            for gate, part in parts
        )
    says = "The cell: some of what was there, some of what is new. The state: what it shows."
    with m.step(here.title(f"time {t}: cell"), says=says):
        c = m.define(here.name("c", t), f * kept["c"] + i * g)
        return {"h": m.define(h, o * functions.tanh(c)), "c": c}


def _write_gru(
    here: Here, m: Builder, learnt: Mapping[str, Matrix], x: Expression, kept: Kept, t: int, h: str
) -> Kept:
    came, before = x @ learnt["W_ih"], kept["h"] @ learnt["W_hh"]
    if "b_ih" in learnt:
        came, before = came + learnt["b_ih"], before + learnt["b_hh"]
    says = "What comes in and what was kept, each weighted: a third to reset, update and renew."
    with m.step(here.title(f"time {t}: sums"), says=says):
        sums = (m.define(here.name("a", t), came), m.define(here.name("k", t), before))
    (a_r, a_z, a_n), (k_r, k_z, k_n) = (functions.split(each, like=kept["h"]) for each in sums)
    says = "How much to reset (r), how much of the old to keep (z)."
    with m.step(here.title(f"time {t}: gates"), says=says):
        r = m.define(here.name("r", t), functions.sigmoid(a_r + k_r))
        z = m.define(here.name("z", t), functions.sigmoid(a_z + k_z))
    says = "The new state sees of the old one what was not reset."
    with m.step(here.title(f"time {t}: new state"), says=says):
        n = m.define(here.name("n", t), functions.tanh(a_n + r * k_n))
    says = "Some of the new state, and of the old one what is kept."
    with m.step(here.title(f"time {t}: state"), says=says):
        return {"h": m.define(h, (1 - z) * n + z * kept["h"])}


_rnn, _lstm, _gru = (
    Cell(("h",), _write_rnn),
    Cell(("h", "c"), _write_lstm),
    Cell(("h",), _write_gru),
)

# --- Windows ------------------------------------------------------------------------------


def _pair(here: Here, name: str, across: int) -> tuple[int, int]:
    """Return a setting of a window for rows and columns; of a signal only columns have one."""
    found = getattr(here.module, name)
    if here.kind.endswith("1d"):
        return across, int(found[0] if isinstance(found, tuple) else found)
    down, aside = found if isinstance(found, tuple) else (found, found)
    return int(down), int(aside)


def _moved(
    here: Here, window: tuple[int, int], stride: tuple[int, int], pad: tuple[int, int]
) -> Flow:
    """Return what is handed on, of as many rows and columns as there are windows."""
    flow = here.flow
    is_image = flow.layout == "image"
    sizes = (flow.height if is_image else 1, flow.columns)
    counts = [
        (size + 2 * before - wide) // step + 1
        for size, wide, step, before in zip(sizes, window, stride, pad, strict=True)
    ]
    if min(counts) < 1:
        has, wide = (" × ".join(map(str, each[not is_image :])) for each in (sizes, window))
        raise InputError(
            f"from_torch: {here.place} ({here.kind}) has a window of {wide}, more than the {has}"
            f" that it is handed; give a larger shape."
        )
    return replace(flow, height=counts[0] if is_image else 0, columns=counts[1])


def _convolution(here: Here) -> Planned:
    here.takes("image" if here.kind == "Conv2d" else "signal")
    module, flow, plan = here.module, here.flow, here.plan
    here.fits(module.in_channels, flow.count, "channels")
    here.check("", groups=1, padding_mode="zeros", dilation=(1,) * len(module.kernel_size))
    window, stride = _pair(here, "kernel_size", 1), _pair(here, "stride", 1)
    if module.padding == "same" and any(size % 2 == 0 for size in window):
        raise here.refused("padding='same' of an even kernel", "use a number")
    same = window[0] // 2, window[1] // 2
    pad = {"same": same, "valid": (0, 0)}.get(str(module.padding)) or _pair(here, "padding", 0)
    if any(zeros >= size for zeros, size in zip(pad, window, strict=True)):
        raise here.refused(f"padding={module.padding}", "use less than the kernel's size")
    count, weights = module.out_channels, here.numbers("weight")
    axes = (
        plan.axis(f"kernel {side}", n) for side, n in zip(("rows", "columns"), window, strict=True)
    )
    rows, columns = axes
    kernels = {}
    for k, c in product(range(count), range(flow.count)):
        numbered = [k + 1, c + 1] if flow.count > 1 else [k + 1]
        kernels[k, c] = " ".join(map(str, ["K", *numbered]))
        here.learn(kernels[k, c], weights[k, c].reshape(window), rows, columns)
    if module.bias is not None:
        here.learn("b", here.numbers("bias"), 1, plan.axis("kernels", count))

    def write(m: Builder, came: list[Expression]) -> list[Expression]:
        learnt, found = here.learnt(m), list[Expression]()
        for k, name in enumerate(here.results("z", count)):
            first, *others = (
                functions.convolve(x, learnt[kernels[k, c]], stride, pad)
                for c, x in enumerate(came)
            )
            total = sum(others, first)
            total = total + learnt["b"][0, k] if "b" in learnt else total
            says = "The kernel moves over what comes in, window by window."
            with m.step(here.title(f"kernel {k + 1}" if count > 1 else ""), says=says):
                found.append(m.define(name, total))
        return found

    return replace(_moved(here, window, stride, pad), count=count), write


def _pool(here: Here) -> Planned:
    here.takes("image" if here.kind.endswith("2d") else "signal")
    for name, usual in {"padding": 0, "dilation": 1}.items():
        found = getattr(here.module, name, usual)
        if found not in (usual, (usual,), (usual, usual)):
            raise here.refused(f"{name}={found}", f"use {name}={usual}")
    here.check("", ceil_mode=False, return_indices=False, divisor_override=None)
    window, stride = _pair(here, "kernel_size", 1), _pair(here, "stride", 1)
    pool, what = functions.mean_pool, "mean"
    if here.kind.startswith("Max"):
        pool, what = functions.max_pool, "largest number"
    says = f"Of each window the {what}."
    write = here.each("p", says, lambda x, _: pool(x, window, stride))
    return _moved(here, window, stride, (0, 0)), write


def _flatten(here: Here) -> Planned:
    flow, module = here.flow, here.module
    ends = {"flat": (-1, 1), "image": (-1, 3)}.get(flow.layout, (-1, 2))
    is_usual = module.start_dim in (1, 1 - (ends[1] + 1)) and module.end_dim in ends
    if flow.layout == "flat":
        is_usual = (module.start_dim - module.end_dim) % 2 == 0
    if not is_usual:
        dims = f"start_dim={module.start_dim}, end_dim={module.end_dim}"
        raise here.refused(dims, "use Flatten(), which leaves samples apart")
    for place, kind, other in here.plan.model[: here.number]:
        if kind in (*RECURRENT, ATTENTION) and not other.batch_first:
            raise here.refused(f"what {place} ({kind}) has samples second", "use batch_first=True")
    height = {"words": here.plan.told["steps"] or 0, "image": flow.height}.get(flow.layout, 1)
    if not height:
        raise InputError(
            f"from_torch: {here.place} ({here.kind}) flattens one sequence: say how many words it"
            " has, as in steps=4."
        )
    size = flow.count * height * flow.columns
    is_in_rows = flow.layout in ("words", "image")
    if flow.layout == "words":
        here.plan.sizes["words"] = height
    axis = here.plan.axis("features", size)

    def write(m: Builder, came: list[Expression]) -> list[Expression]:
        (name,) = here.results("flat", 1)
        parts = [x[r] for x in came for r in range(height)] if is_in_rows else came
        with m.step(here.title(), says="All numbers side by side."):
            return [m.define(name, functions.concatenate(*parts, axis=1, name=axis))]

    rows: AxisName = 1 if is_in_rows else flow.rows
    return Flow("flat", rows=rows, axis=axis, columns=size), write


# --- Norms --------------------------------------------------------------------------------


def _layer_norm(here: Here) -> Planned:
    here.takes("flat", "words", "steps")
    shape = tuple(here.module.normalized_shape)
    if len(shape) != 1:
        raise here.refused(f"normalized_shape={shape}", f"use normalized_shape={shape[-1]}")
    here.fits(shape[0], here.flow.columns, "numbers in a row")
    return here.flow, _normalised(here, 1)


def _batch_norm(here: Here) -> Planned:
    here.takes("flat")
    module, flow = here.module, here.flow
    here.fits(module.num_features, flow.columns, "inputs")
    if not module.training and module.running_mean is not None:
        known = {what: here.numbers(f"running_{what}") for what in ("mean", "var")}
        return flow, _normalised(here, 0, known)
    if flow.rows != "samples":
        raise here.refused("what is normalised over one sample", "call model.eval() first")
    return flow, _normalised(here, 0)


def _normalised(here: Here, along: int, known: Mapping[str, Array] | None = None) -> Write:
    """Return how matrices are brought to mean 0 and variance 1 along an axis: by their own mean and
    variance, or by those that are known.
    """
    module, flow = here.module, here.flow
    for what, name in (("gamma", "weight"), ("beta", "bias")):
        if getattr(module, name) is not None:
            here.learn(what, here.numbers(name), 1, flow.axis)
    says = "By the mean and the variance that training left"
    if known is None:
        says = f"Each {'row' if along else 'column'} has mean 0 and variance 1"
    says += "; then as wide and as high as is learnt." if module.weight is not None else "."

    def write(m: Builder, came: list[Expression]) -> list[Expression]:
        learnt, found = here.learnt(m), list[Expression]()
        fixed = {
            what: m.constant(here.name(what), values, 1, flow.axis)
            for what, values in (known or {}).items()
        }
        for k, (x, name) in enumerate(zip(came, here.results("normal", flow.count), strict=True)):
            more = [k + 1] if flow.count > 1 else []
            centred, variance = (
                (x - fixed["mean"], fixed["var"]) if fixed else _centred(here, m, x, along, k, more)
            )
            with m.step(here.title(here.which(k)), says=says):
                standard: Expression = centred / functions.sqrt(variance + module.eps)
                if learnt:
                    named = m.define(here.name("standard", *more), standard)
                    standard = named * learnt["gamma"]
                if "beta" in learnt:
                    standard = standard + learnt["beta"]
                found.append(m.define(name, standard))
        return found

    return write


def _centred(
    here: Here, m: Builder, x: Expression, along: int, k: int, more: list[int]
) -> tuple[Expression, Expression]:
    """Write how far numbers are from their mean, and their variance."""
    with m.step(here.title(here.which(k), "mean and variance"), says=SPREADS[along]):
        mu = m.define(here.name("mu", *more), functions.mean(x, along))
        centred = m.define(here.name("centred", *more), x - mu)
        squares = functions.mean(functions.square(centred), along)
        return centred, m.define(here.name("variance", *more), squares)


SPREADS = (
    "Of each column: its mean, how far each number is from it, and the variance.",
    "Of each row: its mean, how far each number is from it, and the variance.",
)

# --- Words --------------------------------------------------------------------------------


def _embedding(here: Here) -> Planned:
    here.takes("flat", "words", "steps")
    here.fits(1, here.flow.columns, "column of indices")
    here.check("", max_norm=None, scale_grad_by_freq=False, padding_idx=None)
    table = here.numbers("weight")
    vocabulary = here.plan.axis("vocabulary", table.shape[0])
    axis = here.plan.axis("meaning", table.shape[1])
    here.learn("E", table, vocabulary, axis)
    says = "Each index becomes its row of the table; PyTorch counts rows from 0, a sheet from 1."
    # As PyTorch counts, so that the data are the same.
    write = here.each("meaning", says, lambda x, learnt: functions.embed(learnt["E"], x + 1))
    return replace(here.flow, axis=axis, columns=table.shape[1]), write


def _attention(here: Here) -> Planned:
    here.takes("words")
    module, flow = here.module, here.flow
    here.fits(module.embed_dim, flow.columns, "features")
    here.check("", kdim=module.embed_dim, vdim=module.embed_dim, add_zero_attn=False)
    if module.bias_k is not None:
        raise here.refused("add_bias_kv=True", "use add_bias_kv=False")
    if module.training and module.dropout:
        raise here.refused(f"dropout={module.dropout}", "call model.eval() first")
    check_hooks(f"{here.place}.out_proj", module.out_proj)
    heads, size = module.num_heads, module.embed_dim // module.num_heads
    key = here.plan.axis("key", size)
    into, out = here.numbers("in_proj_weight"), here.numbers("weight", module.out_proj)
    has_bias = module.in_proj_bias is not None
    biases = here.numbers("in_proj_bias") if has_bias else None
    for n in range(heads):
        for k, what in enumerate("qkv"):
            rows = slice(k * module.embed_dim + n * size, k * module.embed_dim + (n + 1) * size)
            here.learn(_of_head(f"W_{what}", n, heads), into[rows].T, flow.axis, key)
            if biases is not None:
                here.learn(_of_head(f"b_{what}", n, heads), biases[rows], 1, key)
        mine = out[:, n * size : (n + 1) * size].T
        here.learn(_of_head("W_o", n, heads), mine, key, flow.axis)
    if has_bias:
        here.learn("b_o", here.numbers("bias", module.out_proj), 1, flow.axis)

    def write(m: Builder, came: list[Expression]) -> list[Expression]:
        learnt, (x,), (name,) = here.learnt(m), came, here.results("attended", 1)
        root = m.constant(here.name("root"), np.sqrt(size), 1, 1)
        said = list[Expression]()
        for n in range(heads):
            own, head = [n + 1] if heads > 1 else [], f"head {n + 1}: " if heads > 1 else ""
            with m.step(here.title(f"{head}ask"), says="Queries, keys and values of each word."):
                asked = {}
                for what in "qkv":
                    found: Expression = x @ learnt[_of_head(f"W_{what}", n, heads)]
                    if has_bias:
                        found = found + learnt[_of_head(f"b_{what}", n, heads)]
                    asked[what] = m.define(here.name(what, *own), found)
            says = "How well each word's question meets each word's offer."
            with m.step(here.title(f"{head}look"), says=says):
                scores = m.define(here.name("scores", *own), asked["q"] @ asked["k"].T / root)
            with m.step(here.title(f"{head}share"), says="A share for each word that is seen."):
                weights = m.define(here.name("weights", *own), functions.softmax(scores))
            with m.step(here.title(f"{head}say"), says="Of all that is said, each word's share."):
                mixed = m.define(here.name("mixed", *own), weights @ asked["v"])
                told: Expression = mixed @ learnt[_of_head("W_o", n, heads)]
                said.append(m.define(here.name("head", *own), told) if heads > 1 else told)
        first, *others = said
        total = sum(others, first)
        says = "What all heads say, added up." if heads > 1 else "What is taken up, weighted."
        with m.step(here.title("output"), says=says):
            return [m.define(name, total + learnt["b_o"] if has_bias else total)]

    return flow, write


def _of_head(what: str, n: int, heads: int) -> str:
    """Return what a module calls a matrix of one of its heads."""
    return f"{what} {n + 1}" if heads > 1 else what


PLANNING: dict[str, Callable[[Here], Planned]] = {
    "Linear": _linear,
    **dict.fromkeys(TORCH_ACTIVATIONS, _activation),
    **dict.fromkeys(RECURRENT, _recurrent),
    "Conv1d": _convolution,
    "Conv2d": _convolution,
    **dict.fromkeys(("MaxPool1d", "MaxPool2d", "AvgPool1d", "AvgPool2d"), _pool),
    "Flatten": _flatten,
    "LayerNorm": _layer_norm,
    "BatchNorm1d": _batch_norm,
    "Embedding": _embedding,
    ATTENTION: _attention,
}
