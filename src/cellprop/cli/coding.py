"""`cellprop code`: what was traced as a script that runs without cellprop."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import IO, Annotated

import typer

from cellprop.cli import options
from cellprop.cli.options import Model, WordsOption, takes_model
from cellprop.cli.printing import say
from cellprop.cli.progress import end, traced
from cellprop.cli.targets import check_output, usual_output, write_output
from cellprop.errors import InputError

# The output that is no file.
PRINTED = Path("-")


class Languages(StrEnum):
    """In which language a script is written."""

    python = "python"
    r = "r"
    pytorch = "pytorch"


@takes_model
def code(
    model: Model,
    language: Annotated[
        Languages, typer.Option("--language", help="With NumPy, in R, or by PyTorch's autograd.")
    ] = Languages.python,
    output: Annotated[
        Path | None,
        options.output("Where to write; - prints it.  [default: outputs/NAME.py or .R]"),
    ] = None,
    words: WordsOption = None,
) -> None:
    """Write a script of the update, in Python, R or PyTorch, that prints every matrix.

    Examples:
    - `cellprop code`
    - `cellprop code --language r --example xor -o xor.R`
    - `cellprop code --language pytorch --example lstm`
    - `cellprop code --program mine.py -o - | python -`
    """
    from cellprop.faces.code import LANGUAGES, script
    from cellprop.files.writing import write_whole
    from cellprop.texts.words import load as load_words

    if model.iterations != 1:
        raise InputError("--iterations: a script is of one update; leave it out.")
    if output != PRINTED:
        check_output(output)
    texts = load_words(words)
    trace = traced(model)
    text = script(trace, language, texts)
    if output == PRINTED:
        sys.stdout.write(text)
        end(trace)
        return

    def write(file: IO[bytes]) -> None:
        file.write(text.encode())

    more = [language] if language is Languages.pytorch else []
    usual = usual_output(model, LANGUAGES[language].ending, *more)
    say(write_output(output, usual, lambda path: write_whole(path, write)))
    end(trace)
