"""`cellprop sweep`: many trainings side by side, as a table, as CSV and drawn."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cellprop.cli import options
from cellprop.cli.options import NETWORK, TRAINING, Model, WordsOption, takes_model
from cellprop.cli.printing import console, say
from cellprop.cli.progress import Bar
from cellprop.errors import InputError
from cellprop.limits import MOST_TRIALS, check_count

if TYPE_CHECKING:
    from cellprop.running.sweeping import Trial

# A sweep that takes longer, in seconds, is asked for twice.
LONG = 600
AND, ONE_UPDATE = "+", ("walk_epoch", "walk_batch", "iterations")
UNITS = (("days", 86_400), ("hours", 3_600), ("minutes", 60), ("seconds", 1))


@takes_model
def sweep(
    model: Model,
    hidden: Annotated[
        str | None,
        typer.Option(
            "--hidden",
            help="Sizes to try: 1,2,3; of several layers 4+3. 0 for no hidden layer.",
            rich_help_panel=NETWORK,
        ),
    ] = None,
    activation: Annotated[
        str | None,
        typer.Option(
            "--activation",
            help="Activations to try: sigmoid,tanh; of several layers relu+tanh.",
            rich_help_panel=NETWORK,
        ),
    ] = None,
    learning_rate: Annotated[
        str | None,
        typer.Option(
            "--learning-rate",
            help="How far an update moves, to try: 0.1,1.",
            rich_help_panel=TRAINING,
        ),
    ] = None,
    optimizer: Annotated[
        str | None,
        typer.Option(
            "--optimizer", help="Update rules to try: sgd,momentum,adam.", rich_help_panel=TRAINING
        ),
    ] = None,
    seeds: Annotated[
        int,
        typer.Option(
            "--seeds", min=1, help="How often to draw first weights: from --seed, or 0, on."
        ),
    ] = 5,
    output: Annotated[Path | None, options.output("Write a row for each training: a .csv.")] = None,
    plot: Annotated[Path | None, options.of_a_file("--plot", "Draw it: a .png or .svg.")] = None,
    jobs: Annotated[
        int, typer.Option("--jobs", min=-1, max=256, help="How many processes; -1: all cores.")
    ] = -1,
    backend: Annotated[
        str | None,
        typer.Option("--backend", help="Of joblib: loky, threading, or dask, ray if installed."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Go on, even if it takes long.")] = False,
    words: WordsOption = None,
) -> None:
    """Train again and again, each time otherwise, and say how each ended.

    Each option that takes a list is tried with every value, in all combinations, each from several
    seeds: the median over seeds is printed, with the smallest and the largest.

    Examples:
    - `cellprop sweep --hidden 1,2,3,5,10 --seeds 5 --epochs 500`
    - `cellprop sweep --example moons --hidden 3,10,4+4 --learning-rate 0.01,0.1 --epochs 200`
    - `cellprop sweep --example xor --optimizer sgd,adam -o xor.csv --plot xor.png`
    """
    from cellprop.cli.model import posed, source
    from cellprop.faces import swept
    from cellprop.faces.plots import checked_suffix
    from cellprop.files.writing import check_target
    from cellprop.running.sweeping import Trial, check_trials, seconds_for, tried
    from cellprop.texts.words import load as load_words

    _refuse(model)
    for path in filter(None, (output, plot)):
        check_target(path)
    if plot is not None:
        checked_suffix(plot)
    texts = load_words(words)
    tried_of: dict[str, Sequence[Any]] = {
        "hidden": _parts(hidden), "activation": _parts(activation), "optimizer": _parts(optimizer),
        "learning_rate": _numbers(learning_rate),
    }  # fmt: skip
    first = model.seed or 0
    count = seeds
    for values in tried_of.values():
        count *= max(len(values), 1)
    check_count("sweep", "trainings", count, MOST_TRIALS, "give fewer values or seeds")

    read = source(model, lambda note: say(f"cellprop: {note}", error=True))
    trials: list[Trial] = []
    for chosen in _combined(model, tried_of):
        for seed in range(first, first + seeds):
            asked = posed(replace(chosen, seed=seed), read)
            told = {**asked.options, "iterations": 1}
            parameters = told.pop("parameters", None) or {}
            trials.append(Trial(asked.network, asked.X, asked.y, told, parameters))
    check_trials(trials)
    if not yes and (seconds := seconds_for(trials, jobs)) > LONG:
        raise InputError(
            f"sweep: {len(trials):,} trainings would take about {_in_words(seconds)}; give fewer"
            " values, seeds or epochs, or say --yes."
        )
    with Bar("Training") as bar:
        found = tried(trials, jobs=jobs, backend=backend, progress=bar.move)
    # Files first: whoever reads what is printed may stop, as `head` does.
    written = [swept.write_csv(found, output)] if output is not None else []
    written += [swept.plot(found, plot, texts)] if plot is not None else []
    console().print(swept.table(found, texts))
    for path in written:
        say(path)


def _refuse(model: Model) -> None:
    """Refuse options that are about one update, or about first weights that seeds draw."""
    for name in ONE_UPDATE:
        if getattr(model, name) != 1:
            raise InputError(
                f"--{name.replace('_', '-')}: a sweep shows no update, only how trainings end;"
                " leave it out."
            )
    if model.parameters is not None:
        raise InputError("--parameters: a sweep draws first weights from seeds; leave it out.")


def _parts(text: str | None) -> list[str]:
    """Return values that stand between commas, with a comma in place of the sign between layers."""
    return [part.strip().replace(AND, ",") for part in text.split(",")] if text else []


def _numbers(text: str | None) -> list[float]:
    try:
        return [float(part) for part in _parts(text)]
    except ValueError:
        raise InputError(
            f"--learning-rate: expected numbers, such as 0.1,1, found '{text}'."
        ) from None


def _combined(model: Model, tried: dict[str, Sequence[Any]]) -> Iterator[Model]:
    """Yield the options with every combination of values; what nobody says stays as it is."""
    said = {name: values for name, values in tried.items() if values}
    for values in itertools.product(*said.values()):
        yield replace(model, **dict(zip(said, values, strict=True)))


def _in_words(seconds: float) -> str:
    """Return a time in the largest unit that fits it.

    >>> _in_words(90), _in_words(260_000)
    ('2 minutes', '3.0 days')
    """
    name, unit = next((each for each in UNITS if seconds >= each[1]), UNITS[-1])
    count = seconds / unit
    return f"{count:.1f} {name}" if unit > 60 else f"{count:.0f} {name}"
