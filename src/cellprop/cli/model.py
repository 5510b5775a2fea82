"""From what the options say to a trace: the samples, the network, its first weights, the training.

It knows what an option is worth that nobody gave, and which of them can't go together. It must not
know the command that asks, nor print anything.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cellprop.cli.options import OF_A_FILE, Model
from cellprop.errors import InputError
from cellprop.limits import MOST_HIDDEN_LAYERS, MOST_NEURONS, check_count

if TYPE_CHECKING:
    from cellprop.files.examples import Example
    from cellprop.programs.network import Network
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

    given = _samples(model, mention)
    network = _network(model, given)
    wanted = {
        "learning_rate": model.learning_rate,
        "epochs": model.epochs,
        "average": model.average,
        "scale": model.scale,
    }
    options = {**given.training} | {
        name: value for name, value in wanted.items() if value is not None
    }
    if options.get("scale") == "none":
        options["scale"] = None
    first, seed = _start(model, network, given)
    return tracing.trace(
        network,
        given.inputs,
        given.targets,
        parameters=first,
        seed=seed,
        walk_epoch=model.walk_epoch,
        batch_size=model.batch_size,
        walk_batch=model.walk_batch,
        shuffle=model.shuffle,
        optimizer=model.optimizer,
        settings=_settings(model),
        progress=progress,
        **options,
    )


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
    for name in ("target", "inputs", "drop", "one_hot", *OF_A_FILE):
        if getattr(model, name):
            option = f"--{OF_A_FILE.get(name, name).replace('_', '-')}"
            raise InputError(f"{option} is about a file; give the file with --data.")
    from cellprop.files.examples import example

    return example(model.example or "article")


def _of_a_file(model: Model, path: Path, target: str, mention: Callable[[str], None]) -> Example:
    from cellprop.algebra import is_loss_of_classes, is_of_several
    from cellprop.files.datasets import read
    from cellprop.files.examples import Example

    is_of_classes = is_loss_of_classes(model.loss)
    found = read(
        path,
        target,
        classes=is_of_classes,
        one_hot=model.one_hot or is_of_classes or is_of_several(model.output_activation),
        inputs=model.inputs,
        drop=model.drop,
        **{word: getattr(model, name) for name, word in OF_A_FILE.items()},
    )
    if model.one_hot and found.classes is None:
        raise InputError("--one-hot is about one target, of classes; leave it out, or name one.")
    for note in found.notes:
        mention(f"{path}: {note}")
    return Example(path.stem, found.inputs, found.targets, {}, {}, {}, None)


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
