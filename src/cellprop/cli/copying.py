"""`cellprop examples`, `theme` and `words`: what ships, copied out for a user to change."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from cellprop.cli import options
from cellprop.cli.printing import say
from cellprop.cli.targets import OUTPUTS, make_outputs, write_new
from cellprop.errors import InputError


def examples(
    wanted: Annotated[
        str | None,
        typer.Argument(metavar="[NAME]", help="Whose samples to write, as a CSV file."),
    ] = None,
    program: Annotated[
        str | None,
        typer.Option("--source", metavar="NAME", help="Whose program to write, to change it."),
    ] = None,
    output: Annotated[Path | None, options.output("Where to write.  [default: print them]")] = None,
) -> None:
    """List the examples that `--example` takes, or write the samples or the program of one.

    Examples:
    - `cellprop examples`
    - `cellprop examples iris -o flowers.csv`, for `cellprop build --data flowers.csv`
    - `cellprop examples --source rnn -o mine.py`, for `cellprop build --program mine.py`
    """
    from cellprop.files.examples import as_csv, example
    from cellprop.files.examples import examples as names
    from cellprop.running.loading import shipped, ships, source

    if program is not None:
        if wanted is not None:
            raise InputError("say whose samples to write, or whose program (--source); not both.")
        _write(source(program), output)
        return
    if wanted in shipped():
        raise InputError(f"{wanted} is a program, which brings its data: --source {wanted}.")
    if wanted is not None:
        _write(as_csv(example(wanted)), output)
        return
    if output is not None:
        raise InputError(f"-o: say whose samples to write: {', '.join(names())}.")
    width = 2 + max(map(len, (*names(), *shipped())))
    for name in names():
        say(f"{name:{width}}{example(name).about}")
    say("")
    say("Programs, which `--example` takes as well:")
    for name in shipped():
        say(f"{name:{width}}{ships(name).written.about}")


def _write(content: str, output: Path | None) -> None:
    if output is None:
        sys.stdout.write(content)
    else:
        say(write_new(output, content.encode()))


def theme(
    wanted: Annotated[
        str | None,
        typer.Argument(
            metavar="[NAME]", help="Which: projector, print or plain.  [default: the usual one]"
        ),
    ] = None,
    output: Annotated[
        Path | None, options.output("Where to write.  [default: outputs/theme.xlsx, or NAME.xlsx]")
    ] = None,
) -> None:
    """Copy the look out, to change it in a spreadsheet program.

    Examples:
    - `cellprop theme -o my-theme.xlsx`, then change it, then `cellprop build --theme my-theme.xlsx`
    - `cellprop theme projector -o large.xlsx`
    """
    from cellprop.faces.workbook.theme import shipped

    file = shipped(wanted)
    _copy_out(file, output or OUTPUTS / file.name)


def words(
    output: Annotated[Path, options.output("Where to write.")] = OUTPUTS / "words.toml",
) -> None:
    """Copy the texts out, to change or translate them in a text editor.

    Examples:
    - `cellprop words -o my-words.toml`, then change it, then `cellprop build --words my-words.toml`
    """
    from cellprop.texts.templates import template

    _copy_out(template("words.toml"), output)


def _copy_out(file: Path, output: Path) -> None:
    make_outputs(output)
    say(write_new(output, file.read_bytes()))
