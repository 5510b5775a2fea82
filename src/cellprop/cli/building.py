"""`cellprop build`: the workbook, and in a few lines what is in it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cellprop.cli import options
from cellprop.cli.options import (
    LayoutOption,
    Model,
    RowsOption,
    Sheets,
    ThemeOption,
    WordsOption,
    takes_model,
)
from cellprop.cli.printing import say
from cellprop.cli.progress import Bar, end, traced
from cellprop.cli.targets import check_output, usual_output, write_output
from cellprop.errors import InputError
from cellprop.limits import MOST_NEURONS, USUAL_IN_VIEW

if TYPE_CHECKING:
    from cellprop.faces.layout import Layout
    from cellprop.programs.program import Program
    from cellprop.running.run import Update
    from cellprop.tracing import Trace

# More cells computed on a sheet are more than anybody looks at; more formulas in all are slow.
LARGE_SHEET, LARGE_BOOK = 2_000, 1_000_000
# So many hidden neurons are proposed to be shown, or fewer.
FEW = 3
NEURONS = re.compile(r"(\d{1,6})(?:-(\d{1,6}))?", re.ASCII)


@takes_model
def build(
    model: Model,
    output: Annotated[
        Path | None, options.output("Where to write.  [default: outputs/NAME.xlsx]")
    ] = None,
    layout: LayoutOption = Sheets.auto,
    rows: RowsOption = USUAL_IN_VIEW,
    neurons: Annotated[
        str | None,
        typer.Option(
            "--neurons",
            metavar="NUMBERS",
            help="Show these hidden neurons only, and all others as one sum: 1,5,7 or 1-3.",
        ),
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
    - `cellprop build --theme projector --layout close-up --rows 5`
    - `cellprop build --hidden 32 --neurons 1,3`
    - `cellprop build --theme my-theme.xlsx --words my-words.toml`

    From a file of your own: `cellprop build --data flowers.csv --target species --scale standard`.
    """
    from cellprop.faces.layout import lay_out
    from cellprop.faces.workbook import write
    from cellprop.faces.workbook.theme import load as load_theme
    from cellprop.running.reduced import reduced
    from cellprop.texts.words import load as load_words

    check_output(output)
    look, texts, chosen = load_theme(theme), load_words(words), _neurons(neurons)
    trace = traced(model)
    update = trace.update if chosen is None else reduced(trace.update, chosen)
    if said := _large(update.program, layout, rows):
        # What no sheet has room for is refused, and nothing else is said of it.
        placed = lay_out(update.program, layout.value, rows)
        *others, last = _remedies(update, placed, layout, rows)
        remedies = f"{', '.join(others)}, or {last}" if others else last
        say(f"cellprop: {said} For less to read: {remedies}.", error=True)

    def into(path: Path) -> Path:
        with Bar("Writing") as bar:
            return write(
                trace, path, theme=look, words=texts, progress=bar.move, layout=layout.value,
                rows=rows, neurons=chosen,
            )  # fmt: skip

    more = [] if neurons is None else [f"neurons-{neurons}"]
    path = write_output(output, usual_output(model, "xlsx", *more), into)
    for what, fact in _facts(trace, update, path):
        # Plain: loading rich for six lines would cost a tenth of a build.
        say(f"{what:9}{fact}")
    say(path)
    end(trace)


def _neurons(text: str | None) -> list[int] | None:
    """Return the numbers that a text such as `1,5-7` names; None if there is none."""
    if text is None:
        return None
    found: list[int] = []
    for part in text.split(","):
        named = NEURONS.fullmatch(part.strip())
        first, last = map(int, (named[1], named[2] or named[1])) if named else (0, 0)
        if not 1 <= first <= last <= MOST_NEURONS:
            raise InputError(
                "--neurons: expected numbers of hidden neurons, such as 1,5,7 or 1-3, found"
                f" '{text}'."
            )
        found += range(first, last + 1)
    return found


def _large(program: Program, layout: Sheets, rows: int) -> str:
    """Return what is too large to be read or to be quick; empty if nothing is."""
    from cellprop.faces.layout import formulas_on, lay_out
    from cellprop.faces.workbook.book import sheet_name
    from cellprop.programs.sizes import computed_numbers, formulas_of_all_steps

    counts = computed_numbers(program)
    large = [step for step, count in counts.items() if count > LARGE_SHEET]
    said = []
    if large:
        largest = max(large, key=lambda step: counts[step])
        said.append(
            f"{sheet_name(largest)} computes {counts[largest]:,} cells, and more than"
            f" {LARGE_SHEET:,} on a sheet are hard to read (it is so on"
            f" {len(large)} of {len(counts)})."
        )
    # A close-up shows some matrices twice, and most nowhere.
    formulas = 0
    if 2 * formulas_of_all_steps(program) > LARGE_BOOK:
        formulas = formulas_on(lay_out(program, layout.value, rows), program)
    if formulas > LARGE_BOOK:
        said.append(f"The sheets of the steps have {formulas:,} formulas, which open slowly.")
    return " ".join(said)


def _remedies(update: Update, placed: Layout, layout: Sheets, rows: int) -> Iterator[str]:
    """Yield what there is to do, of all that makes large sheets smaller or shows less of them."""
    from cellprop.programs.sizes import computed_numbers

    program = update.program
    *hidden, _ = program.forward.layers or (None,)
    shown = hidden[0].shown if len(hidden) == 1 else 1
    first = update.model.neurons or range(1, FEW + 1)
    fewer = [first[:count] for count in range(min(FEW, shown - 1), 0, -1)]
    if fewer:
        enough = (few for few in fewer if not _large(_only(update, few), layout, rows))
        named = ",".join(map(str, next(enough, fewer[-1])))
        yield f"a few hidden neurons in full and the others as one sum (--neurons {named})"
    if placed.form == "flip-book":
        yield "a few rows in view and the others folded (--layout close-up --rows 8)"
    counts = computed_numbers(program)
    large = [m for step in counts if counts[step] > LARGE_SHEET for m in step.computed]
    if any(map(program.is_by_sample, large or program.matrices)):
        yield "a batch of the samples (--batch-size N)"
    if program.is_written:
        yield "a smaller program"
        return
    if hidden and not program.having("rest"):
        yield "fewer hidden neurons (--hidden N)"
    yield "fewer inputs (--inputs A,B)"


def _only(update: Update, neurons: Sequence[int]) -> Program:
    """Return the steps that show only some hidden neurons."""
    model, samples = update.model.only(neurons), update.program.samples
    return model.program(samples, whole=update.batches == 1)


def _what(trace: Trace, update: Update) -> tuple[str, str]:
    """Return what was trained: a word, and a text."""
    program = update.program
    if program.is_written:
        numbers = sum(matrix.size for matrix in program.parameters)
        return "Program", f"{program.name}, {numbers} numbers to learn"
    inputs, *hidden, outputs = trace.network.sizes
    layers = [f"{inputs} inputs", *(f"{size} hidden" for size in hidden)]
    if update is not trace.update:
        (shown, *_) = (layer.shown for layer in program.forward.layers)
        layers[-1] += f" ({shown} shown)"
    layers.append(f"{outputs} output{'s'[: outputs - 1]}")
    return "Network", ", ".join(layers)


def _facts(trace: Trace, update: Update, path: Path) -> Sequence[tuple[str, str]]:
    """Return pairs of a word and a text: what is worth knowing of a workbook."""
    from cellprop.faces.workbook import sheet_names

    walked = f"epoch {trace.walk_epoch} of {max(trace.epochs, 1)}"
    dealt, samples = trace.program.deals, f"{trace.samples}"
    if trace.batches > 1:
        walked = f"update {trace.walk_batch} of {trace.batches} in {walked}"
        samples += f", {trace.program.samples.size} of them in this update"
    names = sheet_names(trace, update)
    steps = [f"{names[1]} to {names[len(trace.program.steps)]}"]
    sheets = [names[0], *steps, *names[len(trace.program.steps) + 1 :]]
    first, last = trace.losses[0], trace.losses[-1]
    loss = f"{first:.6g} before training, {last:.6g} after {trace.epochs} epochs"
    if trace.epochs == 1:
        loss = f"{first:.6g} before this epoch, {last:.6g} after it"
    return (
        _what(trace, update),
        *([("Samples", samples)] if dealt else []),
        ("Walked", walked),
        ("Loss", loss),
        ("Sheets", f"{len(names)}: {', '.join(sheets)}"),
        ("Size", f"{path.stat().st_size / 1024:.0f} KiB"),
    )
