"""What is said about a step of a particular network: its title, a sentence, and notes.

The texts themselves live in `templates/words.toml`; here they are chosen and filled in. `NOTES`
says of each note on what it depends.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from cellprop.algebra import OPERATIONS, Axis
from cellprop.files.data import example
from cellprop.programs.network import Network
from cellprop.programs.steps import Declaration
from cellprop.texts.words import Words
from cellprop.tracing import Trace


def title(words: Words, trace: Trace, step: Declaration) -> str:
    """Return what happens in a step, in a few words."""
    key = f"steps.{step.number}.title"
    if step.number == 4 and trace.network.output_activation == "linear":
        key += "_linear"
    if step.number == 6 and not trace.network.hidden:
        key += "_shallow"
    return words(key, **_filled(words, trace, step))


def heading(words: Words, trace: Trace, step: Declaration) -> str:
    """Return the title of a step's sheet: its number of how many, and what happens."""
    last = trace.walkthrough.steps[-1].number
    return words("sheet.title", number=step.label, last=last, title=title(words, trace, step))


def says(words: Words, trace: Trace, step: Declaration) -> str:
    """Return the sentence that says what happens in a step, and why."""
    key, network = f"steps.{step.number}.says", trace.network
    optimizer = trace.options["optimizer"]
    if step.number == 6:
        said = [
            words.get(f"activations.{name}.slope")
            for name in dict.fromkeys((network.output_activation, *reversed(network.activation)))
        ]
        return " ".join([words(key), *filter(None, said)])
    if step.number == 4 and network.output_activation == "linear":
        key = "steps.4.says_linear"
    if step.number == 7 and _cancels(network):
        key = "steps.7.says_cancelled"
    if step.number in (10, 11) and optimizer != "sgd":
        key = f"optimizers.{optimizer}.{'weights' if step.number == 10 else 'biases'}"
    return words(key, **_filled(words, trace, step))


def notes(words: Words, trace: Trace, step: Declaration) -> list[str]:
    """Return the notes on a step that are about this network: where the article slips in its own
    example, what a formula guards against, …
    """
    found: list[str] = []
    for note in NOTES:
        if note.step == step.number and all(holds(trace) for holds in note.when):
            found += _texts(words, note.key, trace, step)
    return found


def shown(words: Words, trace: Trace) -> str:
    """Return which update is shown, of how many."""
    if trace.batches == 1:
        return words("contents.epoch", epoch=trace.walk_epoch, epochs=max(trace.epochs, 1))
    return words(
        "contents.batch",
        batch=trace.walk_batch,
        batches=trace.batches,
        epoch=trace.walk_epoch,
        epochs=max(trace.epochs, 1),
        samples=trace.walkthrough.output.rows.size,
        all=trace.samples,
    )


def activation(words: Words, name: str) -> str:
    """Return what an activation is called."""
    return words.get(f"activations.{name}.name") or name


def loss(words: Words, name: str) -> str:
    """Return what a loss is called."""
    return words.get(f"losses.{name}.name") or name


def axis(words: Words, of: Axis) -> str:
    """Return what rows or columns stand for."""
    kind, _, layer = of.name.partition(" ")
    return words(f"axes.{kind}_of_layer", layer=layer) if layer else words(f"axes.{kind}")


def _filled(words: Words, trace: Trace, step: Declaration) -> dict[str, str]:
    """Return what fills the braces of the steps' texts."""
    network, layer = trace.network, step.layer
    hidden = len(network.activation)
    first = hidden == 0 if step.number == 4 else layer in (None, 1)
    before = words("phrases.inputs")
    if not first:
        number = hidden if step.number == 4 else (layer or 1) - 1
        before = words("phrases.hidden")
        if hidden > 1:
            before = words("phrases.hidden_of_layer", layer=number)
    applied = str(network.output_activation)
    if step.number in (3, 9):
        applied = network.activation[(layer or 1) - 1]
    behind = hidden if layer is None else layer
    return {
        "layer": f" {layer}" if layer else "",
        "before": before,
        "after": words("phrases.output_delta")
        if behind == hidden
        else words("phrases.hidden_delta", layer=behind + 1),
        "hidden_bias": f" {words('phrases.hidden_bias')}" if network.bias else "",
        "output_bias": f"{words('phrases.output_bias')} " if network.bias else "",
        "first_bias": f" {words('phrases.first_bias')}" if network.bias else "",
        "again": f"{words('phrases.again')} " if hidden else "",
        "activation": activation(words, applied),
        "does": words.get(f"activations.{applied}.does")
        or words("activations.other.does", activation=applied),
        "loss": loss(words, network.loss),
        "over": words("phrases.averaged" if trace.options["average"] else "phrases.summed"),
    }


def _cancels(network: Network) -> bool:
    return bool(OPERATIONS[network.loss].cancels)


# --- Notes ----------------------------------------------------------------------------------

# The key of the note that says which update is shown: that takes more than a text.
SHOWN = "contents.batch"
Condition = Callable[[Trace], bool]


@dataclass(frozen=True)
class Note:
    """A note, or several, on a step's sheet.

    Attributes:
        step: The step's number.
        key: Where it stands among the words; `{…}` is filled in with what this network has.
        when: What must hold of a network for it to stand there.
    """

    step: int
    key: str
    when: tuple[Condition, ...] = ()


@cache
def _article() -> Mapping[str, Any]:
    return example("article")


def _articles_example(trace: Trace) -> bool:
    """Whether these are the samples of the article's walkthrough."""
    given = {"X": trace.walkthrough.matrices[0].name, "y": "y"}
    return all(
        np.array_equal(trace.values[name], _article()[key].values) for key, name in given.items()
    )


def _articles_sizes(trace: Trace) -> bool:
    return trace.network.sizes == tuple(_article()["network"]["sizes"])


def _one_hidden_layer(trace: Trace) -> bool:
    return len(trace.network.hidden) == 1


def _biases(trace: Trace) -> bool:
    return trace.network.bias


def _squared_error(trace: Trace) -> bool:
    return trace.network.loss == "squared_error"


def _sigmoid(trace: Trace) -> bool:
    return "sigmoid" in (trace.network.output_activation, *trace.network.activation)


def _new_at_the_output(trace: Trace) -> bool:
    """Whether no hidden layer, where its notes would have stood, has the output's activation."""
    return trace.network.output_activation not in trace.network.activation


def _averages(trace: Trace) -> bool:
    return bool(trace.options["average"])


def _batches(trace: Trace) -> bool:
    return trace.batches > 1


def _classes(trace: Trace) -> bool:
    classes = trace.matrix("y").columns
    return classes.name == "classes" and not classes.zero


def _two_classes(trace: Trace) -> bool:
    return bool(trace.matrix("y").columns.zero)


def _scales(trace: Trace) -> bool:
    return bool(trace.options["scale"])


NOTES = (
    # A teacher's own, on any network.
    *(Note(number, f"steps.{number}.notes") for number in range(12)),
    # Where the article slips.
    Note(1, "article.picture", (_articles_example, _articles_sizes)),
    Note(2, "article.bias_row", (_articles_example, _one_hidden_layer, _biases)),
    Note(4, "article.product", (_articles_example, _one_hidden_layer)),
    Note(6, "article.slope", (_articles_example, _sigmoid)),
    Note(7, "article.caption", (_articles_example, _squared_error)),
    Note(11, "article.bias_sums", (_articles_example, _one_hidden_layer, _biases)),
    # Which samples are shown, what classes stand for, and how X is scaled.
    Note(0, SHOWN, (_batches,)),
    Note(0, "phrases.classes", (_classes,)),
    Note(0, "phrases.two_classes", (_two_classes,)),
    Note(0, "scalings.{scale}", (_scales,)),
    Note(0, "phrases.scaled_by_all", (_scales, _batches)),
    # What the network's own operations are about.
    Note(3, "activations.{activation}.notes"),
    Note(4, "activations.{output_activation}.notes", (_new_at_the_output,)),
    Note(5, "losses.{loss}.notes"),
    Note(5, "article.error", (_articles_example, _squared_error)),
    Note(7, "losses.{loss}.delta_notes"),
    Note(10, "phrases.average", (_averages,)),
    Note(11, "phrases.average", (_averages,)),
)


def _texts(words: Words, key: str, trace: Trace, step: Declaration) -> Sequence[str]:
    """Return the texts of a note; a text that stands alone is filled in."""
    if key == SHOWN:
        return [shown(words, trace)]
    network = trace.network
    key = key.format(
        scale=trace.options["scale"],
        loss=network.loss,
        output_activation=network.output_activation,
        activation=network.activation[(step.layer or 1) - 1] if network.hidden else "",
    )
    if key not in words.texts or isinstance(words.texts[key], tuple):
        return words.notes(key)
    samples = trace.walkthrough.output.rows.size
    return [words(key, mapping=_mapping(trace), samples=samples, all=trace.samples)]


def _mapping(trace: Trace) -> str:
    """Return what stands in y for each class."""
    classes = trace.matrix("y").columns
    labels = classes.labels
    named = [
        f"{name} → {' '.join('1' if i == j else '0' for j in range(len(labels)))}"
        for i, name in enumerate(labels)
    ]
    return "; ".join([f"{classes.zero} → 0"] * bool(classes.zero) + named)
