"""`cellprop build`: the workbook, and in a few lines what is in it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cellprop.cli import options
from cellprop.cli.options import Model, ThemeOption, WordsOption, takes_model
from cellprop.cli.printing import say
from cellprop.cli.progress import Bar, end, traced
from cellprop.cli.targets import check_output, usual_output, write_output

if TYPE_CHECKING:
    from cellprop.tracing import Trace


@takes_model
def build(
    model: Model,
    output: Annotated[
        Path | None, options.output("Where to write.  [default: outputs/NAME.xlsx]")
    ] = None,
    theme: ThemeOption = None,
    words: WordsOption = None,
) -> None:
    """Write the workbook: a sheet for each step, every number a live formula.

    Examples:
    - `cellprop build`
    - `cellprop build -o lesson.xlsx --epochs 1000 --walk-epoch 1000`
    - `cellprop build --example xor --optimizer adam --average`
    - `cellprop build --hidden 5,4 --activation tanh --seed 1 --learning-rate 0.5`
    - `cellprop build --theme my-theme.xlsx --words my-words.toml`

    From a file of your own: `cellprop build --data flowers.csv --target species --scale standard`.
    """
    from cellprop.faces.workbook import write
    from cellprop.faces.workbook.theme import load as load_theme
    from cellprop.texts.words import load as load_words

    check_output(output)
    look, texts = load_theme(theme), load_words(words)
    trace = traced(model)

    def into(path: Path) -> Path:
        with Bar("Writing") as bar:
            return write(trace, path, theme=look, words=texts, progress=bar.move)

    path = write_output(output, usual_output(model, "xlsx"), into)
    for what, fact in _facts(trace, path):
        # Plain: loading rich for six lines would cost a tenth of a build.
        say(f"{what:9}{fact}")
    say(path)
    end(trace)


def _facts(trace: Trace, path: Path) -> Sequence[tuple[str, str]]:
    """Return pairs of a word and a text: what is worth knowing of a workbook."""
    from cellprop.faces.workbook import sheet_names

    inputs, *hidden, outputs = trace.network.sizes
    layers = [f"{inputs} inputs", *(f"{size} hidden" for size in hidden)]
    layers.append(f"{outputs} output{'s'[: outputs - 1]}")
    walked = f"epoch {trace.walk_epoch} of {max(trace.epochs, 1)}"
    samples = f"{trace.samples}"
    if trace.batches > 1:
        walked = f"update {trace.walk_batch} of {trace.batches} in {walked}"
        samples += f", {trace.program.output.rows.size} of them in this update"
    names = sheet_names(trace)
    steps = [f"{names[1]} to {names[len(trace.program.steps)]}"]
    sheets = [names[0], *steps, *names[len(trace.program.steps) + 1 :]]
    first, last = trace.losses[0], trace.losses[-1]
    loss = f"{first:.6g} before training, {last:.6g} after {trace.epochs} epochs"
    if trace.epochs == 1:
        loss = f"{first:.6g} before this epoch, {last:.6g} after it"
    return (
        ("Network", ", ".join(layers)),
        ("Samples", samples),
        ("Walked", walked),
        ("Loss", loss),
        ("Sheets", f"{len(names)}: {', '.join(sheets)}"),
        ("Size", f"{path.stat().st_size / 1024:.0f} KiB"),
    )
