"""The command line as a whole: which commands there are, in the order in which the help names them.

A command imports what it needs only when it runs, so that the help is quick.
"""

from __future__ import annotations

from typing import Annotated

import typer

from cellprop.cli.building import build
from cellprop.cli.coding import code
from cellprop.cli.copying import examples, theme, words
from cellprop.cli.exercising import exercise
from cellprop.cli.marking import check, compare
from cellprop.cli.printing import say
from cellprop.cli.showing import plot, show
from cellprop.cli.sweeping import sweep
from cellprop.cli.verifying import verify
from cellprop.version import __version__

COMMANDS = (
    build,
    show,
    plot,
    sweep,
    code,
    examples,
    verify,
    exercise,
    check,
    compare,
    theme,
    words,
)

app = typer.Typer(
    name="cellprop",
    invoke_without_command=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in COMMANDS:
    app.command()(command)


def _version(wanted: bool) -> None:
    if wanted:
        say(f"cellprop {__version__}")
        raise typer.Exit


@app.callback()
def cellprop(
    context: typer.Context,
    version: Annotated[  # noqa: ARG001 - its callback answers
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Turn a neural network into a spreadsheet that you can read.

    Every step of forward and back propagation is a sheet, every number a live formula; the cells
    computed on a sheet are yellow, the cells they read orange.

    Examples:
    - `cellprop build` writes the article's walkthrough to outputs/article.xlsx
    - `cellprop show 7` prints step 7
    - `cellprop verify outputs/article.xlsx` recalculates it and compares
    - `cellprop exercise` writes a workbook to fill in by hand; `cellprop check FILE` marks it
    - `cellprop compare mine.npz` says where matrices of your own code go wrong
    """
    if context.invoked_subcommand is None:
        print(context.get_help(), end="")
