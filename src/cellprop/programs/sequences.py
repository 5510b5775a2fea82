"""The program that a module of PyTorch, or a sequence of them, is.

Each module is planned first, so that what can't be carried over is named before anything is
computed; all of them are written when the program's function is called.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from cellprop.algebra import Array, Expression, apply, losses, outputs_for
from cellprop.errors import InputError, nearest
from cellprop.limits import MOST_COLUMNS
from cellprop.programs.building import AxisName, Builder, Losses, Written
from cellprop.programs.modules import PLANNING
from cellprop.programs.planning import (
    ATTENTION,
    IN_A_LAYOUT,
    OF_IMAGES,
    OF_SIGNALS,
    RECURRENT,
    Flow,
    Here,
    Layout,
    Plan,
    Write,
)
from cellprop.programs.theirs import (
    TORCH,
    TORCH_ACTIVATIONS,
    TORCH_DROPOUTS,
    USUAL_LOSS,
    check_hooks,
    checked,
    flattened,
    kind_of,
)

# What makes a program of a sequence: a plain network has none of these.
PROGRAMS = (
    *RECURRENT, *OF_SIGNALS, *OF_IMAGES, ATTENTION, "LayerNorm", "BatchNorm1d", "Embedding",
)  # fmt: skip
CARRIED = (
    *PROGRAMS, "Linear", *TORCH_ACTIVATIONS, "Flatten", "Identity", *TORCH_DROPOUTS,
)  # fmt: skip
INSTEAD = f"use {', '.join(PROGRAMS)}, Linear, Flatten and {', '.join(TORCH_ACTIVATIONS)}"

# Each is some matrices, and a sheet or more.
MOST_STEPS = 200
MOST_NAMED = 8

Shape = int | Sequence[int]


def is_program(model: Any) -> bool:
    """Whether something is a module, or a sequence of modules, that makes a program."""
    if kind_of(model, TORCH, ("Sequential",)):
        return any(is_program(module) for module in model)
    return kind_of(model, TORCH, PROGRAMS) is not None


def from_modules(
    model: Any, loss: str | None, steps: int | None, shape: Shape | None, *, each_step: bool
) -> tuple[Written, dict[str, Array]]:
    """Return the program that a module or a sequence of modules is, and its parameters; takes what
    `from_torch` takes.

    Raises
    ------
    InputError
        If something can't be carried over; the message says which module, and what to do.
    """
    plan = Plan(list(_modules(model)), {"steps": steps, "each_step": each_step})
    loss, added = _loss(plan, loss)
    first = flow = _entering(plan, steps, shape, each_step=each_step)
    planned: list[tuple[Here, Write]] = []
    for number, (_, kind, _) in enumerate(plan.model):
        here = Here(plan, number, flow)
        is_nothing = kind == "Flatten" and flow.layout == "flat"
        flow, write = PLANNING[kind](here)
        planned += [] if is_nothing else [(here, write)]
    if not plan.values:
        raise InputError("from_torch: nothing in the model is learnt; add a Linear.")
    planned[-1][0].is_last = added is None and flow.layout not in ("signal", "image")
    return _written(plan, (first, flow), [write for _, write in planned], added, loss), plan.values


def _modules(model: Any) -> Iterator[tuple[str, str, Any]]:
    """Yield the modules that do something: the place of each, its kind, and the module."""
    if kind_of(model, TORCH, ("Sequential",)):
        found = flattened(model, "model")
    else:
        found = iter([("model", model)])
    for place, module in found:
        check_hooks(place, module)
        kind = checked(place, module, CARRIED, INSTEAD)
        if kind is not None:
            yield place, kind, module


def _loss(plan: Plan, loss: str | None) -> tuple[str, str | None]:
    """Return what training makes smaller, and the activation that it adds to the output."""
    activation = None
    for _, kind, _ in plan.model:
        activation = activation if kind == "Flatten" else TORCH_ACTIVATIONS.get(kind)
    if loss is None:
        return USUAL_LOSS.get(activation or "", "squared_error"), None
    if loss not in losses():
        raise InputError(f"loss: expected one of {', '.join(losses())}.{nearest(loss, losses())}")
    wanted = outputs_for(loss)
    if not wanted or activation in wanted:
        return loss, None
    if activation is not None:
        raise InputError(
            f"loss: {loss} goes with {wanted[0]} at the output, not with {activation}."
        )
    return loss, wanted[0]


def _entering(plan: Plan, steps: int | None, shape: Shape | None, *, each_step: bool) -> Flow:
    """Return what the first module is handed: the data."""
    layout, place, kind = _layout(plan, steps)
    asked: dict[str, tuple[object, tuple[Layout, ...]]] = {
        "steps": (steps, ("steps", "words")),
        "shape": (shape, ("signal", "image")),
        "each_step": (each_step or None, ("steps",)),
    }
    for name, (found, layouts) in asked.items():
        if found is not None and layout not in layouts:
            raise InputError(
                f"{name}: the model takes {IN_A_LAYOUT[layout]}, which have none; leave it out."
            )
    if layout in ("signal", "image"):
        return _of_shape(plan, layout, shape, f"{place} ({kind})")
    if steps is not None and not _is_count(steps, MOST_STEPS):
        raise InputError(f"steps: expected a whole number from 1 to {MOST_STEPS}, found {steps!r}.")
    if layout == "steps" and steps is None:
        raise InputError(
            f"from_torch: {place} ({kind}) goes from one time step to the next: say how many there"
            " are, as in steps=3."
        )
    columns = next(filter(None, map(_enters, plan.model)), 0)
    is_index = bool(columns) and next(filter(_enters, plan.model))[1] == "Embedding"
    usual = "features" if layout == "words" else "inputs"
    axis: AxisName = 1 if is_index else plan.axis(usual, columns)
    if layout == "words":
        plan.sizes |= {} if steps is None else {"words": steps}
        return Flow("words", rows="words", axis=axis, columns=columns)
    return Flow(layout, count=steps or 1, axis=axis, columns=columns)


def _is_count(number: object, most: int) -> bool:
    """Whether something is a whole number from 1."""
    is_whole = isinstance(number, (int, np.integer)) and not isinstance(number, bool)
    return is_whole and 1 <= int(number) <= most  # type: ignore[call-overload]


def _layout(plan: Plan, steps: int | None) -> tuple[Layout, str, str]:
    """Return what the data are, and which module says so: where it stands, and what it is."""
    of: dict[str, Layout] = {
        **dict.fromkeys(RECURRENT, "steps"), ATTENTION: "words",
        **dict.fromkeys(OF_SIGNALS, "signal"), **dict.fromkeys(OF_IMAGES, "image"),
    }  # fmt: skip
    for place, kind, _ in plan.model:
        if kind in of:
            return of[kind], place, kind
    place, kind = next(((p, k) for p, k, _ in plan.model if k == "Embedding"), ("", ""))
    return ("steps" if kind and steps is not None else "flat"), place, kind


def _enters(of: tuple[str, str, Any]) -> int:
    """Return how many columns a module takes; 0 if any."""
    _, kind, module = of
    named = {
        "Linear": "in_features", **dict.fromkeys(RECURRENT, "input_size"),
        "BatchNorm1d": "num_features", ATTENTION: "embed_dim",
    }  # fmt: skip
    if kind == "LayerNorm":
        return int(module.normalized_shape[-1])
    return 1 if kind == "Embedding" else int(getattr(module, named.get(kind, ""), 0))


def _of_shape(plan: Plan, layout: Layout, shape: Shape | None, who: str) -> Flow:
    """Return a Flow of signals or of an image of some shape."""
    is_image = layout == "image"
    example = "shape=(6, 6)" if is_image else "shape=8"
    if shape is None:
        what = (
            "an image: say how high and wide it is"
            if is_image
            else "signals: say how long they are"
        )
        raise InputError(f"from_torch: {who} takes {what}, as in {example}.")
    sizes = list(shape) if isinstance(shape, Sequence) else [shape]
    is_fit = len(sizes) in ((2, 3) if is_image else (1, 2))
    if not is_fit or not all(_is_count(size, MOST_COLUMNS) for size in sizes):
        raise InputError(
            f"shape: expected {'rows and columns' if is_image else 'a length'}, as in {example},"
            f" with the number of channels before, if any; found {shape!r}."
        )
    entering = (int(m.in_channels) for _, kind, m in plan.model if kind.startswith("Conv"))
    usual = next(entering, 1)
    count = sizes.pop(0) if len(sizes) > 1 + is_image else usual
    if count != usual:
        raise InputError(f"shape: expected {usual} channels, as the model has, found {count}.")
    rows: AxisName = plan.axis("rows", sizes[0]) if is_image else "samples"
    axis = plan.axis("columns" if is_image else "length", sizes[-1])
    return Flow(layout, count, rows, axis, sizes[0] if is_image else 0, sizes[-1])


def _numbered(name: str, count: int) -> list[str]:
    return [name] if count == 1 else [f"{name}_{k}" for k in range(1, count + 1)]


def _written(
    plan: Plan, ends: tuple[Flow, Flow], writes: Sequence[Write], added: str | None, loss: str
) -> Written:
    """Return the program that writes what is planned.

    Parameters
    ----------
    plan
        Of the modules.
    ends
        What the first module is handed, and what the last one hands on.
    writes
        How each module is written.
    added
        The activation that the loss adds to the output.
    loss
        Of the table.
    """
    first, last = ends
    is_moved = last.layout in ("signal", "image")
    if is_moved and added == "softmax":
        raise InputError(
            f"loss: {loss} takes classes in a row; put Flatten at the end of the model."
        )
    rows, axis = last.rows, last.axis
    if is_moved:
        # Windows leave other rows and columns than the data have under the same names.
        rows = plan.axis("output rows", last.height) if last.layout == "image" else rows
        axis = plan.axis("output columns", last.columns)

    def model(m: Builder) -> Losses:
        came: list[Expression] = [
            m.given(name, first.rows, first.axis) for name in _numbered("x", first.count)
        ]
        for write in writes:
            came = write(m, came)
        outputs = _numbered("output", last.count)
        targets = [m.target(name, rows, axis) for name in _numbered("y", last.count)]
        if is_moved or added:
            with m.step("Output"):
                for k, (name, x, y) in enumerate(zip(outputs, came, targets, strict=True)):
                    of = apply("slice", x, y) if is_moved else x
                    came[k] = m.define(name, apply(added, of) if added else of)
        return [apply(loss, y, x) for x, y in zip(came, targets, strict=True)]

    kinds = [kind for _, kind, _ in plan.model]
    named = ", ".join(kinds[:MOST_NAMED]) + ", …" * (len(kinds) > MOST_NAMED)
    model.__doc__ = f"A model of PyTorch: {named}."
    return Written(model, plan.sizes)
