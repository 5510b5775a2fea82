"""What is said about a step: its title, a sentence, and notes.

A step's `Caption` tells which texts; they live in `templates/words.toml` and are filled in here.
Knows words, steps and an update's samples; which model declared the steps, it does not know.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache

import numpy as np

from cellprop import algebra
from cellprop.algebra import ONE, Axis
from cellprop.files.examples import Example, example
from cellprop.programs import wording
from cellprop.programs.program import Phrase, Program, Step
from cellprop.running.run import Update
from cellprop.texts.words import Words


def title(words: Words, step: Step) -> str:
    """Return the title of a step: what happens, in a few words."""
    return words(step.caption.title, **_filled(words, step))


def heading(words: Words, last: int, step: Step) -> str:
    """Return the title of a step's sheet: its number of how many, and what happens."""
    return words("sheet.title", number=step.label, last=last, title=title(words, step))


def says(words: Words, step: Step) -> str:
    """Return the sentences that say what happens in a step, and why."""
    first, *others = step.caption.says
    return " ".join([words(first, **_filled(words, step)), *filter(None, map(words.get, others))])


def notes(words: Words, update: Update, step: Step) -> list[str]:
    """Return the notes on a step that hold for these samples: where the article slips in its own
    example, what a formula guards against, …
    """
    found: list[str] = []
    for note in step.caption.notes:
        if all(CONDITIONS[name](update) for name in note.when):
            found += (
                [words(note.key, **note.fills)] if note.fills else _texts(words, note.key, update)
            )
    return found


def reasons(words: Words, step: Step) -> Iterator[str]:
    """Yield why the products of a step are written as they are, of each kind the first."""
    said: set[Axis | None] = set()
    for matrix in step.computed:
        assert matrix.definition is not None
        for reason in algebra.reasons(matrix.definition):
            if reason.inside in said:
                continue
            said.add(reason.inside)
            if reason.inside is None:
                yield words("reasons.one_by_one", text=reason.text)
                continue
            text = words("reasons.product", text=reason.text, inside=axis(words, reason.inside))
            turned = words("reasons.turned", names=", ".join(reason.turned))
            yield f"{text} {turned}" if reason.turned else text


def shown(words: Words, update: Update) -> str:
    """Return the sentence that says which update is shown, of how many."""
    if update.batches == 1:
        return words("contents.epoch", epoch=update.walk_epoch, epochs=max(update.epochs, 1))
    return words(
        wording.SHOWN,
        batch=update.walk_batch,
        batches=update.batches,
        epoch=update.walk_epoch,
        epochs=max(update.epochs, 1),
        samples=update.program.samples.size,
        all=update.samples,
    )


def activation(words: Words, name: str) -> str:
    """Return the name of an activation, as a reader knows it."""
    return words.get(f"activations.{name}.name") or name


def loss(words: Words, name: str) -> str:
    """Return the name of a loss, as a reader knows it."""
    return words.get(f"losses.{name}.name") or name


def losses(words: Words, program: Program) -> str:
    """Return the names of the losses that a program takes, as a reader knows them."""
    return ", ".join(loss(words, name) for name in program.loss_functions)


def lane(words: Words, key: str, layer: int | None, title: str = "") -> str:
    """Return the title of a lane, with the number of its hidden layer where there are several, or
    with what a program calls its step.
    """
    return words(f"lanes.{key}", layer=f" {layer}" if layer else "", title=title)


def axis(words: Words, of: Axis) -> str:
    """Return the noun for what rows or columns stand for: `samples`, `hidden neurons`; as a program
    calls it, where the words don't know it.
    """
    kind, _, layer = of.name.partition(" ")
    if layer and words.get(f"axes.{kind}_of_layer"):
        return words(f"axes.{kind}_of_layer", layer=layer)
    return words.get(f"axes.{of.name}") or of.name


def shape(words: Words, rows: Axis, columns: Axis) -> str:
    """Return how many rows and columns there are, and what they stand for."""
    if rows is ONE and columns is ONE:
        return words("sheet.scalar")
    return words(
        "sheet.shape",
        rows=rows.size,
        columns=columns.size,
        row_axis=axis(words, rows),
        column_axis=axis(words, columns),
    )


def _filled(words: Words, step: Step) -> dict[str, str]:
    """Return the texts that fill the braces of a step's sentences, by the name in the braces."""
    return {name: _phrase(words, said) for name, said in step.caption.fills.items()}


def _phrase(words: Words, said: str | Phrase | tuple[Phrase, ...]) -> str:
    if isinstance(said, str):
        return said
    if isinstance(said, tuple):
        return " ".join(_phrase(words, each) for each in said)
    if said.otherwise and not words.get(said.key):
        return _phrase(words, said.otherwise)
    return f"{said.before}{words(said.key, **said.fills)}{said.after}"


# --- Notes ----------------------------------------------------------------------------------

Condition = Callable[[Update], bool]


@cache
def _article() -> Example:
    return example("article")


def _articles_samples(update: Update) -> bool:
    """Whether these are the samples of the article's walkthrough."""
    given = update.program.input, update.program.target
    theirs = _article().inputs, _article().targets
    return all(
        np.array_equal(update.values[matrix.name], table.values)
        for matrix, table in zip(given, theirs, strict=True)
    )


def _articles_sizes(update: Update) -> bool:
    return update.network.sizes == tuple(_article().network["sizes"])


def _classes(update: Update) -> bool:
    classes = update.program.target.columns
    return classes.name == "classes" and not classes.zero


CONDITIONS: Mapping[str, Condition] = {
    wording.ARTICLE: _articles_samples,
    wording.ARTICLES_SIZES: _articles_sizes,
    wording.BATCHES: lambda update: update.batches > 1,
    wording.CLASSES: _classes,
    wording.TWO_CLASSES: lambda update: bool(update.program.target.columns.zero),
}


def _texts(words: Words, key: str, update: Update) -> Sequence[str]:
    """Return the texts of a note; a text that stands alone is filled in."""
    if key == wording.SHOWN:  # that takes more than a text
        return [shown(words, update)]
    if key not in words.texts or isinstance(words.texts[key], tuple):
        return words.notes(key)
    samples = update.program.samples.size
    return [words(key, mapping=_mapping(update), samples=samples, all=update.samples)]


def _mapping(update: Update) -> str:
    """Return a text that lists what stands in y for each class: `setosa → 1 0 0; …`."""
    classes = update.program.target.columns
    labels = classes.labels
    named = [
        f"{name} → {' '.join('1' if i == j else '0' for j in range(len(labels)))}"
        for i, name in enumerate(labels)
    ]
    return "; ".join([f"{classes.zero} → 0"] * bool(classes.zero) + named)
