"""`cellprop show` and `plot`: numbers in the terminal, the loss and the boundary drawn."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cellprop.cli import options
from cellprop.cli.options import Model, WordsOption, takes_model
from cellprop.cli.printing import console, say
from cellprop.cli.progress import end, traced
from cellprop.cli.targets import check_output, usual_output, write_output


class Printed(StrEnum):
    """How `show` prints."""

    table = "table"
    csv = "csv"
    json = "json"


@takes_model
def show(
    model: Model,
    wanted: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[STEP | MATRIX | parameters ...]",
            help="Steps by number, matrices by name; `parameters`: those after the last epoch."
            " [default: all steps]",
        ),
    ] = None,
    decimals: Annotated[int | None, options.decimals("How many decimals to show.", 17)] = None,
    form: Annotated[Printed, typer.Option("--format", help="How to print.")] = Printed.table,
    words: WordsOption = None,
) -> None:
    """Print steps or matrices, coloured as on the sheets.

    Examples:
    - `cellprop show` prints all steps
    - `cellprop show 2 7` prints two of them
    - `cellprop show d_output wh_new --decimals 6`
    - `cellprop show parameters --epochs 1000 --format json > weights.json`
    """
    from cellprop.faces import terminal
    from cellprop.texts.words import load as load_words

    texts = load_words(words)
    trace = traced(model)
    items = terminal.chosen(trace, wanted or [])
    if form is Printed.table:
        terminal.show(console(), trace, items, texts, decimals)
    else:
        write = terminal.as_csv if form is Printed.csv else terminal.as_json
        sys.stdout.write(write(trace, items, decimals))
    end(trace)


@takes_model
def plot(
    model: Model,
    what: Annotated[
        list[str] | None,
        typer.Argument(metavar="[loss | boundary ...]", help="What to draw. [default: all]"),
    ] = None,
    output: Annotated[
        Path | None,
        options.output("A .png or .svg.  [default: outputs/NAME.png]"),
    ] = None,
    words: WordsOption = None,
) -> None:
    """Draw the loss curve and, for two inputs, the decision boundary.

    Needs matplotlib: `pip install "cellprop[learn]"`.

    Examples:
    - `cellprop plot --example moons`
    - `cellprop plot loss --epochs 500 -o loss.svg`
    """
    from cellprop.faces import plots
    from cellprop.texts.words import load as load_words

    check_output(output)
    texts = load_words(words)
    trace = traced(model)

    def into(path: Path) -> Path:
        return plots.plot(trace, path, what=what or (), words=texts)

    say(write_output(output, usual_output(model, "png", *(what or ())), into))
    end(trace)
