"""The options of the commands, each block of them declared once.

Those that say which network, which data and how to train are the fields of `Model`, and
`takes_model` gives them to a command. An option that means the same in several commands is a type
of its own (`WordsOption`); one that is described anew in each is a function that takes the
description. It knows what can be asked, not what follows from it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import Field, dataclass, fields
from enum import StrEnum
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from cellprop.limits import MOST_IN_VIEW

# --- Of several commands ------------------------------------------------------------------


def theme(text: str) -> Any:
    """Return the option of the look, so described. A text, since `./print` is not `print`."""
    which = "projector, print, plain, or a file of your own; see `cellprop theme`."
    return typer.Option("--theme", metavar="THEME", help=f"{text}: {which}")


ThemeOption = Annotated[str | None, theme("The look")]
WordsOption = Annotated[
    Path | None, typer.Option("--words", help="Texts of your own; see `cellprop words`.")
]
JobsOption = Annotated[
    int, typer.Option("--jobs", min=1, max=256, help="How many processes to use.")
]


class FormSlips(StrEnum):
    """How often a slip of form is paid for."""

    each = "each"
    step = "step"
    once = "once"


class Sheets(StrEnum):
    """How the sheets of steps are laid out."""

    auto = "auto"
    flip_book = "flip-book"
    close_up = "close-up"


LayoutOption = Annotated[
    Sheets,
    typer.Option(
        "--layout",
        help="flip-book: every matrix on every sheet; close-up: what the step reads and computes,"
        " as its formula; auto: the first where it fits a screen and a page.",
    ),
]
RowsOption = Annotated[
    int,
    typer.Option(
        "--rows", min=1, max=MOST_IN_VIEW,
        help="In close-up: rows and columns in view; the others are folded away.",
    ),
]  # fmt: skip


def output(text: str) -> Any:
    """Return the option of where to write, so described."""
    return typer.Option("-o", "--output", help=text)


def decimals(text: str, most: int) -> Any:
    """Return the option of how many decimals, `most` at most, so described."""
    return typer.Option("--decimals", min=0, max=most, help=text)


def marks(text: str) -> Any:
    """Return the option of the marks of a step, so described."""
    return typer.Option("--marks", metavar="STEP=MARKS", help=text)


def form_slips(default: str = "") -> Any:
    """Return the option of how often a slip of form is paid for; `default` says what else is."""
    text = (
        "How often rounding too far, cutting off or a misplaced decimal point is paid for: for each"
        " number, once a step, or once."
    )
    return typer.Option("--form-slips", help=f"{text}  {default}".rstrip())


def of_a_file(name: str, text: str) -> Any:
    """Return an option that names a file, so described."""
    return typer.Option(name, metavar="FILE", help=text)


# --- Of every command that takes a model --------------------------------------------------

# The options about how a file is read, and what they are called where it is.
OF_A_FILE = {"sheet": "sheet", "cell_range": "range", "decimal": "decimal", "missing": "missing"}
DATA, NETWORK, TRAINING = "Data", "Network", "Training"


def _option(name: str, text: str, panel: str, **more: Any) -> Any:
    return typer.Option(name, help=text, rich_help_panel=panel, **more)


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
    program: Annotated[
        str | None,
        _option("--program", "A program of your own: FILE.py, or FILE.py:NAME.", DATA),
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
            "sigmoid, tanh, relu, leaky_relu, linear, softplus, elu, silu or gelu; one for all"
            " hidden layers, or one for each: relu,tanh.",
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
    iterations: Annotated[
        int,
        _option("--iterations", "How many updates to show, from that one on, in a row.", TRAINING),
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


def program_of(text: str) -> tuple[Path, str]:
    """Return the file of a program, and its name if one is told.

    >>> program_of("rnn.py"), program_of("rnn.py:deep")
    ((PosixPath('rnn.py'), ''), (PosixPath('rnn.py'), 'deep'))
    """
    file, colon, name = text.rpartition(":")
    return (Path(file), name) if colon and name.isidentifier() and file else (Path(text), "")


def of_panel(panel: str) -> list[Field[Any]]:
    """Return the options that stand together in the help."""
    hints = get_type_hints(Model, include_extras=True)
    return [
        option
        for option in fields(Model)
        if hints[option.name].__metadata__[0].rich_help_panel == panel
    ]


def takes_model(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of a `Model`, which it takes as its argument `model`."""
    own = inspect.signature(command, eval_str=True)
    hints = get_type_hints(Model, include_extras=True)
    added = [
        inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=field.default,
            annotation=hints[field.name],
        )
        for field in fields(Model)
        # One that the command asks for in its own way is its own.
        if field.name not in own.parameters
    ]
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
