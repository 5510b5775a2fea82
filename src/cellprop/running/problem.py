"""A network and its samples, made fit for one another, and their run.

Knows networks, numbers as people give them, and training; knows nothing of words or faces.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from cellprop.algebra import Array, evaluate, is_loss_of_classes
from cellprop.errors import InputError
from cellprop.files import aligned, classes
from cellprop.files.samples import Table, table
from cellprop.limits import check_run
from cellprop.programs.deciding import decision
from cellprop.programs.network import Network
from cellprop.programs.perceptron import Perceptron
from cellprop.programs.program import Program
from cellprop.running.options import Options, named, remembered_of
from cellprop.running.run import Run
from cellprop.running.targets import check_targets
from cellprop.running.walking import Posed, walked

# What a column is to span, at least, to be scaled: see `ratio_to_spread` in the algebra.
LEAST_SPAN = 1e-26


def run(
    network: Network, X: Any, y: Any, parameters: Mapping[str, Any] | None, options: Options
) -> Run:
    """Train a network by gradient descent and keep every matrix of one update.

    Takes what `cellprop.trace` takes, and refuses what it refuses.
    """
    inputs, targets = _samples(network, X, y)
    check_run(network.sizes, len(inputs.values), options.epochs, options.record)
    columns = inputs.columns("inputs", "x"), targets.columns("outputs", "o")
    model = Perceptron(network, *columns, options.optimizer, options.average, options.scale)
    problem = _posed(model, inputs, targets, options)
    start = _start(problem.whole, network, parameters, options.seed)
    return walked(problem, options, start)


def _posed(model: Perceptron, inputs: Table, targets: Table, options: Options) -> Posed:
    """Return a network with its samples."""
    count = len(inputs.values)
    if count != len(targets.values):
        raise InputError(
            f"y: expected a row for each of the {count} samples of X, found {len(targets.values)}."
        )
    samples = inputs.rows("samples")
    program = model.program(samples)
    check_targets("y", targets.values, model.network.loss)
    # What is known of all samples: X is scaled by them even where an update sees a few.
    forward = program.forward
    if forward.scaling:
        _check_scalable(inputs)
    first = dict.fromkeys((*forward.scaling, forward.entered))
    known = evaluate(first, {forward.input.name: inputs.values})
    known[forward.target.name] = targets.values
    return Posed(
        model,
        samples,
        options.batch_of(count),
        program,
        known,
        (forward.entered.name, forward.target.name),
        decision(targets.values, str(model.network.output_activation)),
        {forward.input.name: inputs.decimals, forward.target.name: targets.decimals},
        aligned.are_names(inputs.column_labels),
    )


def _samples(network: Network, X: Any, y: Any) -> tuple[Table, Table]:
    """Return samples as tables, their columns in the network's order where it has names."""
    inputs = _named_columns("X", table("X", X), network.input_names)
    targets = classes.targets(y, network.sizes[-1], classes=is_loss_of_classes(network.loss))
    names = network.output_names
    if names is not None and len(names) == 1 and targets.column_labels and not targets.zero:
        return inputs, targets  # a single target may be called anything
    return inputs, _named_columns("y", targets, names)


def _named_columns(name: str, found: Table, names: Sequence[str] | None) -> Table:
    """Return samples with their columns in the order that a network knows by name."""
    if names is not None and found.zero:
        return _of_class(found, names[0])
    if names is None:
        return found
    if found.column_labels is not None:
        return aligned.columns(name, found, names, named=aligned.are_names(names))
    fits = found.values.shape[1] == len(names)
    return replace(found, column_labels=tuple(names)) if fits else found


def _of_class(found: Table, name: str) -> Table:
    """Return one column of two classes with 1 for that of a name."""
    (one,) = found.column_labels or ("",)
    if one == name:
        return found
    if found.zero != name:
        raise InputError(
            f"y: expected two classes, one of them '{name}', found '{found.zero}' and '{one}'."
        )
    return replace(found, values=1 - found.values, column_labels=(name,), zero=one)


def _start(
    program: Program, network: Network, given: Mapping[str, Any] | None, seed: int | None
) -> dict[str, Array]:
    """Return the arrays that are carried on into the first update, by name."""
    remembered = program.having("counter", "remembered")
    sides = {m.name: (m.rows, m.columns) for m in program.brought_by("parameters")}
    given = {
        name: aligned.matrix(name, value, *sides[name]) if name in sides else value
        for name, value in named("parameters", given).items()
    }
    told = {m.name: given.pop(m.name) for m in remembered if m.name in given}
    start = network.parameters(given, seed)
    start |= remembered_of(program, told)
    return start


def _check_scalable(inputs: Table) -> None:
    """Refuse a column that is the same for all samples, or as good as that."""
    constant = np.flatnonzero(np.ptp(inputs.values, axis=0) == 0)
    if len(constant):
        j = constant[0]
        name = inputs.columns("inputs", "x").labels[j]
        raise InputError(
            f"X, column {j + 1} ({name}): every sample has {inputs.values[0, j]:g}, so it can't be"
            " scaled; leave the column out."
        )
    spans = np.ptp(inputs.values, axis=0)
    narrow = np.flatnonzero(spans < LEAST_SPAN)
    if len(narrow):
        j = narrow[0]
        name = inputs.columns("inputs", "x").labels[j]
        raise InputError(
            f"X, column {j + 1} ({name}): the samples differ by {spans[j]:g} at most, which can't"
            f" be scaled; give the column in a smaller unit, so that it spans {LEAST_SPAN:g} or"
            " more."
        )
