"""What is said about a step of a particular network: its title, a sentence, and notes.

The texts themselves live in `templates/words.toml`; here they are chosen and filled in.
"""

from __future__ import annotations

from cellprop.algebra import OPERATIONS, Axis
from cellprop.network import Network
from cellprop.steps import Declaration
from cellprop.tracing import Trace
from cellprop.words import Words

ARTICLE_SIZES = (4, 3, 1)


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
    """Return the notes on a step: where the article slips, what a formula guards against, …"""
    network, number = trace.network, step.number
    found = list(words.many(f"steps.{number}.notes"))
    if number == 4 and not network.hidden:
        found = []  # it is about the hidden activations
    if number == 0:
        found += _notes_on_samples(words, trace)
    if number == 1 and network.sizes != ARTICLE_SIZES:
        found = []  # it is about the picture of the article's network
    if number == 3 and step.layer is not None:
        found += words.notes(f"activations.{network.activation[step.layer - 1]}.notes")
    elif number == 3:
        found += words.notes(f"activations.{network.activation[0]}.notes")
    elif number == 4 and network.output_activation not in network.activation:
        found += words.notes(f"activations.{network.output_activation}.notes")
    elif number == 5:
        found += words.notes(f"losses.{network.loss}.notes")
    elif number == 6 and "sigmoid" in (network.output_activation, *network.activation):
        found += words.notes("activations.sigmoid.slope_notes")
    elif number == 7:
        found += words.notes(f"losses.{network.loss}.delta_notes")
    elif number in (10, 11) and trace.options["average"]:
        found.append(words("phrases.average", samples=trace.walkthrough.output.rows.size))
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


def _notes_on_samples(words: Words, trace: Trace) -> list[str]:
    """Return notes on which samples are shown, what classes stand for, and how X is scaled."""
    found = []
    if trace.batches > 1:
        found.append(shown(words, trace))
    classes = trace.matrix("y").columns
    if classes.name == "classes":
        count = len(classes.labels)
        key = "two_classes" if classes.zero else "classes"
        mapping = f"{classes.zero} → 0; " if classes.zero else ""
        mapping += "; ".join(
            f"{name} → {' '.join('1' if i == j else '0' for j in range(count))}"
            for i, name in enumerate(classes.labels)
        )
        found.append(words(f"phrases.{key}", mapping=mapping))
    if trace.options["scale"]:
        found.append(words(f"scalings.{trace.options['scale']}"))
        if trace.batches > 1:
            found.append(words("phrases.scaled_by_all", all=trace.samples))
    return found
