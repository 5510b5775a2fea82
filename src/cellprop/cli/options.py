"""The options that say which network, which data and how to train: the same for every command.

They are declared once, as the fields of `Model`; `takes_model` gives them to a command.
"""

from __future__ import annotations

import hashlib
import inspect
import re
from collections.abc import Callable
from dataclasses import Field, dataclass, fields
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from cellprop.errors import InputError
from cellprop.limits import MOST_HIDDEN_LAYERS, MOST_NEURONS, check_count

if TYPE_CHECKING:
    from cellprop.programs.network import Network
    from cellprop.running.training import Progress
    from cellprop.tracing import Trace

# What a switch is called where that isn't its field's name.
SWITCHES = {("average", False): "sum", ("bias", False): "no-bias"}
# Bytes: a name of a file has 255 at most, and something is yet to be put behind.
LONGEST_NAME = 120


def _option(name: str, text: str, panel: str, **more: Any) -> Any:
    return typer.Option(name, help=text, rich_help_panel=panel, **more)


# The options about how a file is read, and what they are called where it is.
OF_A_FILE = {"sheet": "sheet", "cell_range": "range", "decimal": "decimal", "missing": "missing"}
DATA, NETWORK, TRAINING = "Data", "Network", "Training"


@dataclass(frozen=True)
class Model:
    """What the options say. None is what the example has, or what suits the data."""

    example: Annotated[
        str | None,
        _option("--example", "An example; see `cellprop examples`. [default: article]", DATA),
    ] = None
    data: Annotated[
        Path | None,
        _option("--data", "Samples from a CSV or Excel file, a row for each.", DATA),
    ] = None
    target: Annotated[
        str | None,
        _option("--target", "Which columns of the file are targets: A or A,B.", DATA),
    ] = None
    inputs: Annotated[
        str | None,
        _option("--inputs", "Which are inputs: A,B.  [default: all others]", DATA),
    ] = None
    drop: Annotated[
        str | None,
        _option("--drop", "Which are left out: A,B.", DATA),
    ] = None
    one_hot: Annotated[
        bool, _option("--one-hot", "Two outputs for two classes, instead of one.", DATA)
    ] = False
    sheet: Annotated[
        str | None,
        _option("--sheet", "A sheet of a workbook: its name or number.", DATA),
    ] = None
    cell_range: Annotated[
        str | None,
        _option("--range", "Cells of a workbook: B3:E20, or the name of a table.", DATA),
    ] = None
    decimal: Annotated[
        str | None,
        _option("--decimal", "What stands before decimals in CSV: point or comma.", DATA),
    ] = None
    missing: Annotated[
        str | None,
        _option("--missing", "What says that a value is missing.  [default: NA, n/a, ?, …]", DATA),
    ] = None
    scale: Annotated[
        str | None,
        _option("--scale", "Scale the inputs first: minmax, standard or none.", DATA),
    ] = None
    hidden: Annotated[
        str | None,
        _option("--hidden", "Neurons in each hidden layer: 3, or 4,3; 0 for none.", NETWORK),
    ] = None
    activation: Annotated[
        str | None,
        _option(
            "--activation",
            "sigmoid, tanh, relu, leaky_relu or linear; one for all hidden layers, or one for"
            " each: relu,tanh.",
            NETWORK,
        ),
    ] = None
    output_activation: Annotated[
        str | None,
        _option("--output-activation", "As --activation, or softmax.", NETWORK),
    ] = None
    loss: Annotated[
        str | None,
        _option("--loss", "squared_error, binary_cross_entropy or cross_entropy.", NETWORK),
    ] = None
    bias: Annotated[
        bool | None, _option("--bias/--no-bias", "Whether neurons have biases.", NETWORK)
    ] = None
    parameters: Annotated[
        Path | None,
        _option(
            "--parameters",
            "First weights from a JSON file (as `show parameters --format json` writes) or a"
            " workbook (as `build` writes), to carry on from its last.",
            NETWORK,
        ),
    ] = None
    seed: Annotated[
        int | None,
        _option("--seed", "Draw the first weights at random from this seed.", NETWORK),
    ] = None
    learning_rate: Annotated[
        float | None, _option("--learning-rate", "How far an update moves.", TRAINING)
    ] = None
    epochs: Annotated[
        int | None, _option("--epochs", "How many times to go through all samples.", TRAINING)
    ] = None
    walk_epoch: Annotated[int, _option("--walk-epoch", "Which of them to show.", TRAINING)] = 1
    batch_size: Annotated[
        int | None,
        _option(
            "--batch-size", "Samples in an update; 1: one at a time.  [default: all]", TRAINING
        ),
    ] = None
    walk_batch: Annotated[
        int, _option("--walk-batch", "Which update of the epoch to show.", TRAINING)
    ] = 1
    shuffle: Annotated[
        bool, _option("--shuffle", "Deal the samples out anew for each epoch.", TRAINING)
    ] = False
    average: Annotated[
        bool | None,
        _option("--average/--sum", "Average gradients over the samples, or sum them.", TRAINING),
    ] = None
    optimizer: Annotated[
        str, _option("--optimizer", "The update rule: sgd, momentum or adam.", TRAINING)
    ] = "sgd"
    setting: Annotated[
        list[str] | None,
        _option(
            "--setting",
            "A number of the update rule: momentum=0.8, beta_1=…, beta_2=…, epsilon=….",
            TRAINING,
            metavar="NAME=NUMBER",
        ),
    ] = None

    @property
    def name(self) -> str:
        """What the result is called when no name is given: after its samples, then the options that
        make it another than the usual one, as in `article-hidden-5-4`.
        """
        if self.data is None:
            parts, left_out = [self.example or "article"], {"example", "target"}
        else:
            parts, left_out = [self.data.stem], {option.name for option in _options(DATA)}
        for option in fields(self):
            value = getattr(self, option.name)
            if value != option.default and option.name not in left_out:
                parts += _told(option.name, value)
        return "-".join(parts)

    def trace(
        self,
        progress: Progress | None = None,
        mention: Callable[[str], None] = lambda _: None,
    ) -> Trace:
        """Return the trace that the options ask for; `mention` is told how a file was read.

        Raises
        ------
        CellpropError
            If an option, or a file that it names, can't be used.
        """
        from cellprop import tracing

        X, y, given = self._samples(mention)
        network = self._network(X, y, given.get("network"))
        training = given.get("training", {})
        wanted = {
            "learning_rate": self.learning_rate,
            "epochs": self.epochs,
            "average": self.average,
            "scale": self.scale,
        }
        options = training | {name: value for name, value in wanted.items() if value is not None}
        if options.get("scale") == "none":
            options["scale"] = None
        first, seed = self._start(network, given)
        return tracing.trace(
            network,
            X,
            y,
            parameters=first,
            seed=seed,
            walk_epoch=self.walk_epoch,
            batch_size=self.batch_size,
            walk_batch=self.walk_batch,
            shuffle=self.shuffle,
            optimizer=self.optimizer,
            settings=self._settings(),
            progress=progress,
            **options,
        )

    def _samples(self, mention: Callable[[str], None]) -> tuple[Any, Any, dict[str, Any]]:
        """Return X, y, and what else an example says."""
        if self.data is None:
            for name in ("target", "inputs", "drop", "one_hot", *OF_A_FILE):
                if getattr(self, name):
                    option = f"--{OF_A_FILE.get(name, name).replace('_', '-')}"
                    raise InputError(f"{option} is about a file; give the file with --data.")
            from cellprop.files.data import example

            given = example(self.example or "article")
            return given["X"], given["y"], given
        if self.example is not None:
            raise InputError("--example and --data can't both be given; leave one out.")
        if self.target is None:
            raise InputError("--data needs --target: which columns the network is to predict.")
        from cellprop.algebra import is_loss_of_classes, is_of_several
        from cellprop.files.datasets import read

        is_of_classes = is_loss_of_classes(self.loss)
        found = read(
            self.data,
            self.target,
            classes=is_of_classes,
            one_hot=self.one_hot or is_of_classes or is_of_several(self.output_activation),
            inputs=self.inputs,
            drop=self.drop,
            **{word: getattr(self, name) for name, word in OF_A_FILE.items()},
        )
        if self.one_hot and found.classes is None:
            raise InputError(
                "--one-hot is about one target, of classes; leave it out, or name one."
            )
        for note in found.notes:
            mention(f"{self.data}: {note}")
        return found.inputs, found.targets, {}

    def _network(self, X: Any, y: Any, usual: dict[str, Any] | None) -> Network:
        from cellprop.algebra import identity, loss_of_classes, loss_of_yes_or_no
        from cellprop.programs.network import Network

        inputs, outputs = X.values.shape[1], y.values.shape[1]
        sizes = list(usual["sizes"][1:-1]) if usual else [3]
        sizes = sizes if self.hidden is None else _sizes(self.hidden)
        given = {name: value for name, value in (usual or {}).items() if name != "sizes"}
        if self.hidden is not None and not isinstance(given.get("activation", ""), str):
            del given["activation"]
        if self.loss is not None or self.output_activation is not None:
            # What the example has may not go with what is asked for.
            given.pop("output_activation", None)
            given.pop("loss", None)
        elif not usual and y.axis == "classes":
            given["loss"] = loss_of_classes() if outputs > 1 else loss_of_yes_or_no()
        elif not usual and not ((y.values >= 0) & (y.values <= 1)).all():
            # Nothing that has bounds reaches such targets.
            given["output_activation"] = identity()
        activation = self.activation and self.activation.split(",")
        if activation:
            given["activation"] = activation[0] if len(activation) == 1 else activation
        for name in ("output_activation", "loss", "bias"):
            if getattr(self, name) is not None:
                given[name] = getattr(self, name)
        return Network([inputs, *sizes, outputs], **given)

    def _start(self, network: Network, given: dict[str, Any]) -> tuple[dict[str, Any], int | None]:
        """Return the first parameters, and the seed that draws those which are missing."""
        seed = self.seed
        if self.parameters is not None:
            from cellprop.files.data import known
            from cellprop.files.weights import labelled
            from cellprop.programs.updating import OPTIMIZERS, carried_names

            known("optimizer", self.optimizer, OPTIMIZERS)
            found = labelled(self.parameters, carried_names(network.shapes, self.optimizer))
            return dict(found), 0 if seed is None else seed
        usual = given.get("parameters", {})
        shapes = {name: (len(rows), len(rows[0])) for name, rows in usual.items()}
        if seed is None and shapes == network.shapes:
            return usual, None
        # Other sizes need other weights; drawn from a fixed seed unless one is given.
        usual_seed = given.get("seed")
        return {}, seed if seed is not None else usual_seed or 0

    def _settings(self) -> dict[str, float]:
        found = {}
        for text in self.setting or ():
            name, _, number = text.partition("=")
            try:
                found[name.strip()] = float(number)
            except ValueError:
                raise InputError(
                    f"--setting: expected NAME=NUMBER, such as momentum=0.8, found '{text}'."
                ) from None
        return found


def _options(panel: str) -> list[Field[Any]]:
    """Return the options that stand together in the help."""
    hints = get_type_hints(Model, include_extras=True)
    return [
        option
        for option in fields(Model)
        if hints[option.name].__metadata__[0].rich_help_panel == panel
    ]


def _told(name: str, value: Any) -> list[str]:
    """Return how a name of a file tells of an option."""
    if isinstance(value, bool):
        return [SWITCHES.get((name, value), name.replace("_", "-"))]
    if isinstance(value, list):
        return list(map(str, value))
    told = name.replace("_", "-")
    return [told, value.stem if isinstance(value, Path) else str(value)]


def file_name(text: str) -> str:
    """Return a text as a name that every system takes for a file, cut if it is long.

    >>> file_name("article-hidden-5,4"), file_name("../x: y")
    ('article-hidden-5-4', 'x- y')
    """
    name = re.sub(r"[^\w.+() -]+", "-", text).strip("-. ") or "workbook"
    if len(name.encode()) <= LONGEST_NAME:
        return name
    # Cut, two long names could be the same; the sum tells them apart.
    told = hashlib.sha256(name.encode()).hexdigest()[:8]
    kept = name.encode()[: LONGEST_NAME - 9].decode(errors="ignore")
    return f"{kept.rstrip('-.')}-{told}"


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


def takes_model(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of a `Model`, which it takes as its argument `model`."""
    hints = get_type_hints(Model, include_extras=True)
    added = [
        inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=field.default,
            annotation=hints[field.name],
        )
        for field in fields(Model)
    ]
    own = inspect.signature(command, eval_str=True)
    kept = [parameter for parameter in own.parameters.values() if parameter.name != "model"]

    @wraps(command)
    def run(**given: Any) -> None:
        chosen = {parameter.name: given.pop(parameter.name) for parameter in added}
        command(model=Model(**chosen), **given)

    # What typer reads; it would look through to the command itself otherwise.
    del run.__wrapped__
    positional = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in kept]
    run.__signature__ = inspect.Signature([*positional, *added])  # type: ignore[attr-defined]
    run.__annotations__ = {p.name: p.annotation for p in (*kept, *added)}
    return run
