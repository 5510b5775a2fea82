"""From what the options say to a trace: the samples, the network, its first weights, the training.

It knows what an option is worth that nobody gave, and which of them can't go together. It must not
know the command that asks, nor print anything.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cellprop.cli.options import NETWORK, OF_A_FILE, Model, of_panel, program_of
from cellprop.errors import InputError
from cellprop.limits import MOST_HIDDEN_LAYERS, MOST_NEURONS, check_count

if TYPE_CHECKING:
    from cellprop.files.datasets import Dataset
    from cellprop.files.examples import Example
    from cellprop.files.samples import Table
    from cellprop.programs.building import Written
    from cellprop.programs.network import Network
    from cellprop.running.loading import Loaded
    from cellprop.running.training import Progress
    from cellprop.tracing import Trace


def trace(
    model: Model,
    progress: Progress | None = None,
    mention: Callable[[str], None] = lambda _: None,
) -> Trace:
    """Train the network that the options ask for.

    Parameters
    ----------
    model : Model
        The options.
    progress : callable, optional
        Called with the updates that are done and their number while training.
    mention : callable, optional
        Called with a line for each thing worth knowing of how a file was read.

    Returns
    -------
    Trace

    Raises
    ------
    CellpropError
        If an option, or a file that it names, can't be used.
    """
    from cellprop import tracing

    asked = posed(model, source(model, mention))
    return tracing.trace(asked.network, asked.X, asked.y, progress=progress, **asked.options)


@dataclass(frozen=True)
class Asked:
    """What the options ask `cellprop.trace` for."""

    network: Network | Written
    X: Any
    y: Any
    options: Mapping[str, Any]


@dataclass(frozen=True)
class Source:
    """What is read before anything is made of it: a program and its data, or samples."""

    program: Loaded | None
    samples: Example | None
    X: Any = None
    y: Any = None


def source(model: Model, mention: Callable[[str], None] = lambda _: None) -> Source:
    """Return what is trained, or trained with, read from where the options say.

    Raises
    ------
    CellpropError
        If it can't be read, or options can't go together.
    """
    from cellprop.running.loading import load, program_named

    if model.program is None:
        loaded = program_named(model.example)
    elif model.example is None:
        loaded = load(*program_of(model.program))
    else:
        raise InputError("--example and --program can't both be given; leave one out.")
    if loaded is None:
        return Source(None, _samples(model, mention))
    return _source_of_a_program(model, loaded, mention)


def posed(model: Model, found: Source) -> Asked:
    """Return what the options ask for, of what was read."""
    if found.program is not None:
        return Asked(found.program.written, found.X, found.y, _of_a_program(model, found.program))
    given = found.samples
    assert given is not None
    network = _network(model, given)
    first, seed = _start(model, network, given)
    start = {"parameters": first, "seed": seed}
    options = {**given.training, **_training(model), **start}
    return Asked(network, given.inputs, given.targets, options)


def _training(model: Model) -> dict[str, Any]:
    """Return what the options say of training, as `trace` takes it; what nobody says is left out
    where an example may have it.
    """
    wanted = {name: getattr(model, name) for name in ("learning_rate", "epochs", "average")}
    found = {name: value for name, value in wanted.items() if value is not None}
    if model.scale is not None:
        found["scale"] = None if model.scale == "none" else model.scale
    return found | {
        "walk_epoch": model.walk_epoch,
        "batch_size": model.batch_size,
        "walk_batch": model.walk_batch,
        "iterations": model.iterations,
        "shuffle": model.shuffle,
        "optimizer": model.optimizer,
        "settings": _settings(model),
    }


# --- A program ------------------------------------------------------------------------------


def _source_of_a_program(model: Model, loaded: Loaded, mention: Callable[[str], None]) -> Source:
    """Return a program with what its file brings, or with a file of data."""
    X, y = loaded.X, loaded.y
    if model.data is not None:
        X, y = _data_for(loaded.written, model, model.data, mention)
    elif not loaded.has_data:
        raise InputError(
            f"{loaded.written.name} brings no data: put X and y into its file, or give --data and"
            " --target."
        )
    else:
        _refuse_options_of_a_file(model)
    return Source(loaded, None, X, y)


def _of_a_program(model: Model, loaded: Loaded) -> dict[str, Any]:
    """Return the options of `trace` for a program."""
    from cellprop.programs.updating import carried_names

    for option in of_panel(NETWORK):
        if option.name not in ("parameters", "seed") and getattr(model, option.name) is not None:
            name = option.name.replace("_", "-")
            raise InputError(f"--{name} is about a network; a program says itself what it is.")
    said = {name: value for name, value in _training(model).items() if value != _usual(name)}
    options = {**loaded.options}
    if "optimizer" in said or model.setting:
        options.pop("settings", None)  # of another rule
    if model.seed is not None or model.parameters is not None:
        options.pop("parameters", None)
    options |= said
    options["seed"] = options.get("seed", 0) if model.seed is None else model.seed
    if model.parameters is not None:
        from cellprop.files.weights import labelled

        learnt = loaded.written.declared({}).parameters
        names = carried_names(learnt, options.get("optimizer", model.optimizer))
        options["parameters"] = dict(labelled(model.parameters, names))
    return options


def _usual(name: str) -> Any:
    """Return the value of an option of training that nobody gave."""
    if name == "settings":
        return {}
    return next(each.default for each in fields(Model) if each.name == name)


def _data_for(
    written: Written, model: Model, path: Path, mention: Callable[[str], None]
) -> tuple[Any, Any]:
    """Return the tables of a file by the names of what a program takes."""
    declared = written.declared({})
    if not declared.targets:
        raise InputError(
            f"--data: {written.name} has no target to find in a file; put X into the program's."
        )
    if model.target is None:
        raise InputError("--data needs --target: which columns the program is to predict.")
    found = _read(model, path, model.target, classes=bool(declared.of_classes), mention=mention)
    return _parted(path, found.inputs, declared.given), _parted(
        path, found.targets, declared.targets
    )


def _parted(path: Path, found: Table, names: Collection[str]) -> dict[str, Table]:
    """Return the columns of a table by the names of matrices: all, if there is one; else each has
    those that are called like it, or like it with a point and something behind.
    """
    if len(names) == 1:
        return dict.fromkeys(names, found)
    from cellprop.files.samples import Table

    labels = found.column_labels or ()
    parted = {}
    for name in names:
        places = [i for i, each in enumerate(labels) if each.partition(".")[0] == name]
        if not places:
            raise InputError(
                f"{path}: no column for {name}; call its columns {name}, or {name}.1, {name}.2, …."
            )
        own = tuple(labels[i].partition(".")[2] or labels[i] for i in places)
        decimals = tuple(found.decimals[i] for i in places) if found.decimals else ()
        parted[name] = Table(
            found.values[:, places], found.row_labels, own if len(own) > 1 else None,
            decimals=decimals,
        )  # fmt: skip
    return parted


def _samples(model: Model, mention: Callable[[str], None]) -> Example:
    """Return the samples of an example or a file; a file says nothing of network and training."""
    if model.data is None:
        return _of_an_example(model)
    if model.example is not None:
        raise InputError("--example and --data can't both be given; leave one out.")
    if model.target is None:
        raise InputError("--data needs --target: which columns the network is to predict.")
    return _of_a_file(model, model.data, model.target, mention)


def _of_an_example(model: Model) -> Example:
    _refuse_options_of_a_file(model)
    from cellprop.files.examples import example

    return example(model.example or "article")


def _refuse_options_of_a_file(model: Model) -> None:
    for name in ("target", "inputs", "drop", "one_hot", *OF_A_FILE):
        if getattr(model, name):
            option = f"--{OF_A_FILE.get(name, name).replace('_', '-')}"
            raise InputError(f"{option} is about a file; give the file with --data.")


def _of_a_file(model: Model, path: Path, target: str, mention: Callable[[str], None]) -> Example:
    from cellprop.algebra import is_loss_of_classes, is_of_several
    from cellprop.files.examples import Example

    is_of_classes = is_loss_of_classes(model.loss)
    one_hot = is_of_classes or is_of_several(model.output_activation)
    found = _read(model, path, target, classes=is_of_classes, one_hot=one_hot, mention=mention)
    return Example(path.stem, found.inputs, found.targets, {}, {}, {}, None)


def _read(
    model: Model,
    path: Path,
    target: str,
    *,
    classes: bool,
    one_hot: bool = False,
    mention: Callable[[str], None],
) -> Dataset:
    """Return the samples of a file, as the options say; mention how it was read."""
    from cellprop.files.datasets import read

    found = read(
        path,
        target,
        classes=classes,
        one_hot=model.one_hot or one_hot or classes,
        inputs=model.inputs,
        drop=model.drop,
        **{word: getattr(model, name) for name, word in OF_A_FILE.items()},
    )
    if model.one_hot and found.classes is None:
        raise InputError("--one-hot is about one target, of classes; leave it out, or name one.")
    for note in found.notes:
        mention(f"{path}: {note}")
    return found


def _network(model: Model, samples: Example) -> Network:
    from cellprop.algebra import identity, loss_of_classes, loss_of_yes_or_no
    from cellprop.programs.network import Network

    y, usual = samples.targets, samples.network
    inputs, outputs = samples.inputs.values.shape[1], y.values.shape[1]
    sizes = list(usual["sizes"][1:-1]) if usual else [3]
    sizes = sizes if model.hidden is None else _sizes(model.hidden)
    given = {name: value for name, value in usual.items() if name != "sizes"}
    if model.hidden is not None and not isinstance(given.get("activation", ""), str):
        del given["activation"]
    if model.loss is not None or model.output_activation is not None:
        # What the example has may not go with what is asked for.
        given.pop("output_activation", None)
        given.pop("loss", None)
    elif not usual and y.axis == "classes":
        given["loss"] = loss_of_classes() if outputs > 1 else loss_of_yes_or_no()
    elif not usual and not ((y.values >= 0) & (y.values <= 1)).all():
        # Nothing that has bounds reaches such targets.
        given["output_activation"] = identity()
    activation = model.activation and model.activation.split(",")
    if activation:
        given["activation"] = activation[0] if len(activation) == 1 else activation
    for name in ("output_activation", "loss", "bias"):
        if getattr(model, name) is not None:
            given[name] = getattr(model, name)
    return Network([inputs, *sizes, outputs], **given)


def _start(model: Model, network: Network, given: Example) -> tuple[dict[str, Any], int | None]:
    """Return the first parameters, and the seed that draws those which are missing."""
    seed = model.seed
    if model.parameters is not None:
        from cellprop.files.safe import known
        from cellprop.files.weights import labelled
        from cellprop.programs.updating import OPTIMIZERS, carried_names

        known("optimizer", model.optimizer, OPTIMIZERS)
        found = labelled(model.parameters, carried_names(network.shapes, model.optimizer))
        return dict(found), 0 if seed is None else seed
    usual = {**given.parameters}
    shapes = {name: (len(rows), len(rows[0])) for name, rows in usual.items()}
    if seed is None and shapes == network.shapes:
        return usual, None
    # Other sizes need other weights; drawn from a fixed seed unless one is given.
    return {}, seed if seed is not None else given.seed or 0


def _settings(model: Model) -> dict[str, float]:
    found = {}
    for text in model.setting or ():
        name, _, number = text.partition("=")
        try:
            found[name.strip()] = float(number)
        except ValueError:
            raise InputError(
                f"--setting: expected NAME=NUMBER, such as momentum=0.8, found '{text}'."
            ) from None
    return found


def _sizes(text: str) -> list[int]:
    try:
        sizes = [int(size) for size in text.split(",")]
    except ValueError:
        raise InputError(
            f"--hidden: expected whole numbers, such as 3 or 4,3, found '{text}'."
        ) from None
    if sizes == [0]:
        return []
    check_count("--hidden", "hidden layers", len(sizes), MOST_HIDDEN_LAYERS, "give fewer")
    for size in sizes:
        if not 1 <= size <= MOST_NEURONS:
            raise InputError(f"--hidden: expected 1 to {MOST_NEURONS} neurons, found {size}.")
    return sizes
