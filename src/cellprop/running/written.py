"""A written program and its data, made fit for one another, and their run.

Knows programs, numbers as people give them, and training; knows nothing of words or faces.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from cellprop.algebra import (
    ONE,
    Applied,
    Array,
    Axis,
    Matrix,
    compiled,
    indices,
    mentioned,
    value,
)
from cellprop.errors import InputError, UnknownNameError, nearest
from cellprop.files import aligned, classes
from cellprop.files.opening import listed
from cellprop.files.samples import Table, numbers, table
from cellprop.limits import check_program
from cellprop.programs.building import Declared, Sides, Sized, Written, first_values, numbered
from cellprop.programs.deciding import Decision, decision
from cellprop.programs.following import forward_of
from cellprop.programs.program import Forward, Program
from cellprop.running.options import Options, named, remembered_of
from cellprop.running.run import Run
from cellprop.running.targets import check_targets
from cellprop.running.walking import Posed, walked


def run(
    written: Written, X: Any, y: Any, parameters: Mapping[str, Any] | None, options: Options
) -> Run:
    """Train a program by gradient descent and keep every matrix of one update.

    Takes what `cellprop.trace` takes, and refuses what it refuses.
    """
    if options.scale is not None:
        raise InputError(
            f"scale: {written.name} is a program: scale in one of its steps, or the data before."
        )
    tables, declared = _tables(written, X, y)
    axes = _axes(written, tables, {**declared.given, **declared.targets})
    samples = axes.pop(written.over, ONE)
    model = Sized(written, axes, options.optimizer, options.average)
    builder = model.of(samples)
    samples, program = builder.axis(written.over), model.followed(builder)
    known = {name: found.values for name, found in tables.items()} | builder.values
    _check_targets(program, known)
    _check_indices(program.forward, known)
    learnt, every = (
        sum(m.size for m in matrices) for matrices in (program.parameters, program.matrices)
    )
    check_program(written.name, every, learnt, options.epochs, is_recorded=options.record)
    if samples is ONE and options.batch_size is not None:
        raise InputError(
            f"batch_size: {written.name} has no axis called {written.over}, so an update sees all;"
            " leave it out."
        )
    problem = Posed(
        model,
        samples,
        options.batch_of(samples.size),
        program,
        known,
        tuple(known),
        _decision(program, known),
        decimals={name: found.decimals for name, found in tables.items()},
        named=any(aligned.are_names(each.column_labels) for each in tables.values()),
    )
    return walked(problem, options, _start(program, parameters, options.seed))


def _decision(program: Program, known: Mapping[str, Array]) -> Decision | None:
    """Return how outputs decide; None if there is not one that is compared with classes."""
    forward = program.forward
    if len(forward.outputs) != 1 or len(forward.targets) != 1:
        return None
    made = forward.output.whole or forward.output.definition
    if not isinstance(made, Applied) or forward.output.shape != forward.target.shape:
        return None
    return decision(known[forward.target.name], made.operation.name)


def outputs_of(run: Run, X: Any) -> dict[str, tuple[Matrix, Array]]:
    """Return what a program computes of other data, with the parameters after the last epoch.

    Parameters
    ----------
    run
        Of a written program.
    X
        What it takes but for targets, as `run` takes it.

    Returns
    -------
    dict
        The outputs by name, each with its matrix for so many samples.
    """
    model = run.model
    assert isinstance(model, Sized)
    written = model.written
    given = _named("X", X, written.declared({}).given)
    tables = {name: table(name, source) for name, source in given.items()}
    sides = written.declared(_shapes(tables)).given
    samples = _axes(written, tables, sides).get(written.over, run.program.samples)
    builder = model.of(samples)
    forward = forward_of(builder)
    known = {**run.parameters, **builder.values, **{n: t.values for n, t in tables.items()}}
    _check_indices(forward, known)
    takes = [*forward.inputs, *forward.rest, *forward.parameters]
    found = compiled(list(forward.outputs), takes)([known[m.name] for m in takes])
    return {m.name: (m, values) for m, values in zip(forward.outputs, found, strict=True)}


# --- What the data bring --------------------------------------------------------------------


def _tables(written: Written, X: Any, y: Any) -> tuple[dict[str, Table], Declared]:
    """Return what data bring as tables by name, and what the program takes of them."""
    # What is taken may depend on sizes that only the data tell.
    if _by_name(X):
        X = {name: table(str(name), each) for name, each in X.items()}
    taken = written.declared(_shapes(X) if _by_name(X) else {}).given
    sources = _named("X", X, taken)
    tables = {name: _table(name, source, taken[name]) for name, source in sources.items()}
    sized = written.declared(_shapes(tables))
    if not sized.whole:
        written.written(_axes(written, tables, sized.given))  # says why
    wanted = _named("y", y, sized.targets)
    for name, source in wanted.items():
        sides = sized.targets[name]
        if name in sized.of_classes and not isinstance(source, Table):
            outputs = sized.sizes.get(str(sides.columns))
            found = classes.targets(source, outputs, classes=True)
        else:
            found = _table(name, source, sides)
        tables[name] = found
    return tables, sized


def _named(what: str, source: Any, wanted: Mapping[str, Sides]) -> dict[str, Any]:
    """Return what is given by name: a table alone is the only one that is wanted."""
    names = listed(list(wanted)) if wanted else "nothing"
    if source is None or (isinstance(source, Mapping) and not source):
        given: dict[str, Any] = {}
    elif _by_name(source):
        given = dict(source)
    elif len(wanted) == 1:
        given = {next(iter(wanted)): source}
    else:
        raise InputError(
            f"{what}: expected tables by name, such as {{'{next(iter(wanted), 'x')}': …}}; the"
            f" program takes {names}."
        )
    for name in given:
        if name not in wanted:
            raise UnknownNameError(
                f"{what}: the program takes no '{name}'; it takes {names}."
                f"{nearest(str(name), wanted)}"
            )
    missing = [name for name in wanted if name not in given]
    if missing:
        raise InputError(f"{what}: {listed(missing)} missing; the program takes {names}.")
    return {name: given[name] for name in wanted}


def _by_name(source: Any) -> bool:
    """Whether tables are given by name."""
    return isinstance(source, Mapping) and not hasattr(source, "to_numpy")


def _table(name: str, source: Any, sides: Sides) -> Table:
    """Return a table; numbers in no rows are a row where rows are one."""
    found = table(name, source)
    is_flat = found.values.shape[1] == 1
    if sides.rows == 1 and is_flat and sides.columns != 1:
        return Table(found.values.T, None, found.row_labels)
    return found


def _shapes(tables: Mapping[str, Table]) -> dict[str, tuple[int, int]]:
    return {n: (len(t.values), t.values.shape[1]) for n, t in tables.items()}


def _axes(
    written: Written, tables: Mapping[str, Table], sides: Mapping[str, Sides]
) -> dict[str, Axis]:
    """Return the axes that data size, by name, with the labels of the first table that has some.

    Raises
    ------
    InputError
        If two tables, or a table and the program, have another number of the same.
    """
    found: dict[str, tuple[str, Axis]] = {}
    for name, axis, size, labels, zero in _sides(tables, sides):
        if axis == 1:
            if size != 1:
                raise InputError(f"{name}: expected one row or column that repeats, found {size}.")
            continue
        if not isinstance(axis, str):
            continue
        told = written.sizes.get(axis, size)
        if told != size:
            raise InputError(
                f"{name}: expected {told} {axis}, as {written.name} has, found {size}."
            )
        made = numbered(axis, size) if labels is None else Axis(axis, labels, zero)
        first, known = found.setdefault(axis, (name, made))
        if known.size != size:
            raise InputError(f"{name}: expected {known.size} {axis}, as {first} has, found {size}.")
        if labels is not None and known == numbered(axis, size):
            found[axis] = name, made
    return {axis: made for axis, (_, made) in found.items()}


Side = tuple[str, str | int, int, tuple[str, ...] | None, str]


def _sides(tables: Mapping[str, Table], sides: Mapping[str, Sides]) -> Iterator[Side]:
    """Yield the sides of tables: of which, what it is called, how many there are, its labels, and
    what 0 stands for.
    """
    for name, each in sides.items():
        found = tables[name]
        yield name, each.rows, len(found.values), found.row_labels, ""
        yield name, each.columns, found.values.shape[1], found.column_labels, found.zero


def _check_targets(program: Program, known: Mapping[str, Array]) -> None:
    """Refuse targets that a loss has no value for."""
    for loss in program.losses:
        taken = loss.definition
        if not isinstance(taken, Applied) or not taken.operation.is_loss:
            continue
        wanted = taken.operands[0]
        if isinstance(wanted, Matrix) and wanted.name in known:
            check_targets(wanted.name, known[wanted.name], taken.operation.name)


def _check_indices(forward: Forward, known: Mapping[str, Array]) -> None:
    """Refuse given indices that mean no row of a table, or no place."""
    for matrix in forward.brings:
        for index, count in indices(matrix.definition or matrix):
            given = tuple(mentioned(index))
            if len(given) != 1 or given[0].name not in known or given[0].shape != index.shape:
                continue
            (name,) = (each.name for each in given)
            found, meant = known[name], value(index, known)
            wrong = np.argwhere((meant != np.round(meant)) | (meant < 1) | (meant > count))
            if len(wrong):
                row, column = wrong[0]
                # A program may count from another number than sheets do.
                first = round(found[row, column] - meant[row, column]) + 1
                raise InputError(
                    f"{name}, row {row + 1}: expected a whole number from {first} to"
                    f" {first + count - 1}, found {found[row, column]:g}."
                )


# --- What is learnt -------------------------------------------------------------------------


def _start(
    program: Program, parameters: Mapping[str, Any] | None, seed: int | None
) -> dict[str, Array]:
    """Return the arrays that are carried on into the first update, by name."""
    given = named("parameters", parameters)
    start = first_values(program.parameters, program.starts, np.random.default_rng(seed))
    remembered = {m.name for m in program.having("counter", "remembered")}
    for name, source in given.items():
        if name in remembered:
            continue
        if name not in start:
            raise UnknownNameError(
                f"parameters: there is no '{name}'; there are {listed([*start, *remembered])}."
                f"{nearest(str(name), start)}"
            )
        matrix = program.by_name[name]
        values = numbers(name, aligned.matrix(name, source, matrix.rows, matrix.columns))
        if values.size == matrix.size and values.ndim < 2:
            values = values.reshape(matrix.shape)
        if values.shape != matrix.shape:
            found = " × ".join(map(str, values.shape)) or "one number"
            rows, columns = matrix.shape
            raise InputError(f"{name}: expected {rows} × {columns} numbers, found {found}.")
        start[name] = values
    return start | remembered_of(program, {n: v for n, v in given.items() if n in remembered})
