"""How the trainings of a sweep ended: as a table, as CSV, and drawn with the spread over seeds.

Knows the table of a sweep, with a row for each training; knows nothing of networks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import IO, TYPE_CHECKING, Any

from cellprop.faces.plots import as_file, checked_suffix, drawn_in_style, hex_color, plain_log
from cellprop.files.writing import write_whole
from cellprop.texts.words import Words

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from rich.table import Table

# What stands in a row beside what was tried.
SEED = "seed"
ENDED = ("loss", "accuracy", "epochs", "stopped")
# From so many times the smallest loss on, losses are drawn on a logarithmic scale.
LARGEST_RATIO = 20
MOST_LINES = 8


@dataclass(frozen=True)
class Ended:
    """How trainings ended that differ in their seeds only.

    Attributes:
        tried: What was tried, by the names of the columns.
        losses, accuracies: After the last epoch, smallest first; of those that did not diverge.
        seeds: How many there were.
        diverged: How many of them diverged.
    """

    tried: dict[str, Any]
    losses: list[float]
    accuracies: list[float]
    seeds: int
    diverged: int


def by_tried(found: pd.DataFrame) -> Iterator[Ended]:
    """Yield how trainings ended, together for all seeds, in the order in which they were tried."""
    names = [name for name in found.columns if name not in (SEED, *ENDED)]
    for values, rows in found.groupby(names, sort=False):
        went_well = rows[rows["stopped"] == ""]
        yield Ended(
            dict(zip(names, values, strict=True)),
            sorted(went_well["loss"].dropna()),
            sorted(went_well["accuracy"].dropna()),
            len(rows),
            len(rows) - len(went_well),
        )


def table(found: pd.DataFrame, words: Words) -> Table:
    """Return the table for a terminal: the median over seeds, and from where to where they lie."""
    from rich.table import Table

    ended = list(by_tried(found))
    several = _several(ended) or list(ended[0].tried)[:1]
    has_accuracy = any(each.accuracies for each in ended)
    made = Table(box=None, pad_edge=False, header_style="bold")
    for name in several:
        made.add_column(words(f"sweep.{name}"))
    titles = ["loss", "between"] + ["accuracy", "between"] * has_accuracy
    for title in titles:
        made.add_column(words(f"sweep.{title}"), justify="right", no_wrap=True)
    if any(each.diverged for each in ended):
        made.add_column("")
    for each in ended:
        cells = [f"{each.tried[name]}" for name in several]
        cells += _spread(each.losses, "{:.4g}")
        cells += _spread(each.accuracies, "{:.1%}") if has_accuracy else []
        if each.diverged:
            cells.append(words("sweep.diverged", count=each.diverged, seeds=each.seeds))
        made.add_row(*cells)
    return made


def _several(ended: Sequence[Ended]) -> list[str]:
    """Return the names of what more than one value was tried of."""
    return [name for name in ended[0].tried if len({each.tried[name] for each in ended}) > 1]


def _spread(numbers: Sequence[float], form: str) -> list[str]:
    """Return the median, and the smallest and the largest."""
    if not numbers:
        return ["–", ""]
    least, most = form.format(numbers[0]), form.format(numbers[-1])
    return [form.format(median(numbers)), f"{least} … {most}" if least != most else ""]


def write_csv(found: pd.DataFrame, path: Path) -> Path:
    """Write a row for each training, in full."""
    text = found.to_csv(index=False, lineterminator="\n")

    def write(file: IO[bytes]) -> None:
        file.write(text.encode())

    return write_whole(path, write)


# --- The picture --------------------------------------------------------------------------


def plot(found: pd.DataFrame, path: Path, words: Words) -> Path:
    """Draw the loss, and the accuracy if there is one: each seed as a dot, the median as a line.

    Raises
    ------
    InputError
        If no picture's name ends as this one, or matplotlib is not installed.
    """
    suffix = checked_suffix(path)
    ended = list(by_tried(found))
    texts = "".join(str(text) for key, text in words.texts.items() if key.startswith("sweep."))

    def write(file: IO[bytes]) -> None:
        with drawn_in_style(texts):
            title, said = words("sweep.alt_title"), " ".join(_said(ended, words))
            file.write(as_file(_figure(ended, words), suffix, title, said))

    return write_whole(path, write)


def _said(ended: Sequence[Ended], words: Words) -> Iterator[str]:
    for each in ended:
        tried = ", ".join(map(str, each.tried.values()))
        yield words("sweep.alt", tried=tried, loss=" ".join(_spread(each.losses, "{:.4g}")).strip())


def _figure(ended: Sequence[Ended], words: Words) -> Figure:
    from matplotlib.figure import Figure

    has_accuracy = any(each.accuracies for each in ended)
    along, *others = _several(ended) or [next(iter(ended[0].tried))]
    places = list(dict.fromkeys(each.tried[along] for each in ended))
    figure = Figure(
        (max(5.4, 0.6 * len(places) + 2), 3.6 * (1 + has_accuracy)), layout="constrained"
    )
    panels = figure.subplots(1 + has_accuracy, 1, sharex=True, squeeze=False)[:, 0]
    lines: dict[tuple[Any, ...], list[Ended]] = {}
    for each in ended:
        lines.setdefault(tuple(each.tried[name] for name in others), []).append(each)
    shown = dict(list(lines.items())[:MOST_LINES])
    _draw(panels[0], shown, places, along, "losses")
    panels[0].set_ylabel(words("sweep.loss_axis"))
    losses = [loss for each in ended for loss in each.losses]
    if losses and min(losses) > 0 and max(losses) > LARGEST_RATIO * min(losses):
        panels[0].set_yscale("log")
        plain_log(panels[0])
    if has_accuracy:
        _draw(panels[1], shown, places, along, "accuracies")
        panels[1].set_ylabel(words("sweep.accuracy"))
        panels[1].yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    panels[-1].set_xticks(range(len(places)), [str(place) for place in places])
    panels[-1].set_xlabel(words(f"sweep.{along}"))
    if others:
        title = ", ".join(words(f"sweep.{name}") for name in others)
        panels[0].legend(loc="best", title=title)
    return figure


def _draw(
    axes: Axes,
    lines: dict[tuple[Any, ...], list[Ended]],
    places: Sequence[Any],
    along: str,
    what: str,
) -> None:
    """Draw one line for each of several, with a dot for each seed and a band around them."""
    axes.grid(True, axis="y")
    for k, (name, ended) in enumerate(lines.items()):
        color = hex_color(k)
        # Side by side, so that dots of two lines do not hide one another.
        shift = 0.12 * (k - (len(lines) - 1) / 2)
        drawn = [(places.index(each.tried[along]) + shift, getattr(each, what)) for each in ended]
        drawn = [(x, numbers) for x, numbers in drawn if numbers]
        xs = [x for x, _ in drawn]
        axes.fill_between(
            xs, [numbers[0] for _, numbers in drawn], [numbers[-1] for _, numbers in drawn],
            color=color, alpha=0.15, linewidth=0,
        )  # fmt: skip
        axes.plot(xs, [median(numbers) for _, numbers in drawn], color=color,
                  label=", ".join(map(str, name)))  # fmt: skip
        for x, numbers in drawn:
            axes.scatter([x] * len(numbers), numbers, s=14, color=color, alpha=0.7, zorder=3)
