"""Which texts say what happens in the steps of a dense network.

The texts live in `templates/words.toml`; here stands which of them are true of which network, and
what fills them. Knows names of texts; knows nothing of samples, and says nothing itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from cellprop.algebra import OPERATIONS
from cellprop.programs.network import Network
from cellprop.programs.program import Caption, Note, Phrase

# Conditions that depend on the samples; `captions` knows whether they hold.
ARTICLE, ARTICLES_SIZES = "the article's samples", "the article's sizes"
BATCHES, CLASSES, TWO_CLASSES = "batches", "classes", "two classes"
# The key of the note that says which update is shown.
SHOWN = "contents.batch"


@dataclass(frozen=True)
class Wording:
    """What texts depend on.

    Attributes:
        network: Its layers and loss.
        optimizer, average, scale: How it is trained.
        some: Whether only some of its hidden neurons are shown.
    """

    network: Network
    optimizer: str
    average: bool
    scale: str | None
    some: bool = False

    def caption(self, number: int, layer: int | None = None) -> Caption:
        """Return the keys of the texts of a step, and what fills them; of a hidden layer, if there
        are several.
        """
        return Caption(
            self._title(number),
            tuple(self._says(number)),
            self._fills(number, layer),
            tuple(self._notes(number, layer)),
        )

    @property
    def _passes_on(self) -> bool:
        """Whether the output neurons pass on what they get: that has no curve to speak of."""
        return OPERATIONS[str(self.network.output_activation)].is_identity

    def _title(self, number: int) -> str:
        key = f"steps.{number}.title"
        if number == 4 and self._passes_on:
            return f"{key}_linear"
        if number == 6 and not self.network.hidden:
            return f"{key}_shallow"
        return key

    def _says(self, number: int) -> Iterator[str]:
        network = self.network
        if number == 4 and self._passes_on:
            yield "steps.4.says_linear"
        elif number == 7 and OPERATIONS[network.loss].cancels:
            yield "steps.7.says_cancelled"
        elif number in (10, 11) and self.optimizer != "sgd":
            yield f"optimizers.{self.optimizer}.{'weights' if number == 10 else 'biases'}"
        else:
            yield f"steps.{number}.says"
        if number == 6:
            applied = dict.fromkeys((network.output_activation, *reversed(network.activation)))
            yield from (f"activations.{name}.slope" for name in applied)

    def _applied(self, number: int, layer: int | None) -> str:
        """Return the activation that a step is about."""
        if number in (3, 9):
            return self.network.activation[(layer or 1) - 1]
        return str(self.network.output_activation)

    def _before(self, number: int, layer: int | None) -> Phrase:
        """Return the phrase for what enters the layer that a step is about."""
        hidden = len(self.network.hidden)
        before = hidden if number == 4 else (layer or 1) - 1
        if not before:
            return Phrase("phrases.inputs")
        if hidden == 1:
            return Phrase("phrases.hidden")
        return Phrase("phrases.hidden_of_layer", {"layer": str(before)})

    def _fills(self, number: int, layer: int | None) -> Mapping[str, str | Phrase]:
        network = self.network
        hidden = len(network.hidden)
        applied = self._applied(number, layer)
        behind = hidden if layer is None else layer
        after = Phrase("phrases.hidden_delta", {"layer": str(behind + 1)})
        fills: dict[str, str | Phrase] = {
            "layer": f" {layer}" if layer else "",
            "before": self._before(number, layer),
            "after": Phrase("phrases.output_delta") if behind == hidden else after,
            "again": Phrase("phrases.again", after=" ") if hidden else "",
            "activation": Phrase(f"activations.{applied}.name", otherwise=applied),
            "does": Phrase(
                f"activations.{applied}.does",
                otherwise=Phrase("activations.other.does", {"activation": applied}),
            ),
            "loss": Phrase(f"losses.{network.loss}.name", otherwise=network.loss),
            "others": Phrase("phrases.others", after=" ") if self.some else "",
            "over": Phrase("phrases.averaged" if self.average else "phrases.summed"),
        }
        for name in ("hidden_bias", "output_bias", "first_bias"):
            blank = {"after": " "} if name == "output_bias" else {"before": " "}
            fills[name] = Phrase(f"phrases.{name}", **blank) if network.bias else ""  # type: ignore[arg-type]
        return fills

    def _notes(self, number: int, layer: int | None) -> Iterator[Note]:
        yield Note(f"steps.{number}.notes")  # a teacher's own, on any network
        yield from (
            note for step, holds, note in self._all_notes(layer) if holds and step == number
        )

    def _all_notes(self, layer: int | None) -> Iterator[tuple[int, bool, Note]]:
        """Yield the notes on all steps: on which, whether this network has it, and the note."""
        network = self.network
        output = str(network.output_activation)
        one_hidden, loss = len(network.hidden) == 1, network.loss
        squared = loss == "squared_error"
        # Which samples are shown, what classes stand for, and how X is scaled.
        yield 0, True, Note(SHOWN, (BATCHES,))
        yield 0, True, Note("phrases.classes", (CLASSES,))
        yield 0, True, Note("phrases.two_classes", (TWO_CLASSES,))
        yield 0, bool(self.scale), Note(f"scalings.{self.scale}")
        yield 0, bool(self.scale), Note("phrases.scaled_by_all", (BATCHES,))
        # Where something is retyped that the neurons would react to that are not shown, and where
        # what they contribute is added.
        yield from ((step, self.some, Note("phrases.others_stay")) for step in (0, 1, 4))
        # Where the article slips, and what the network's own operations are about.
        yield 1, not self.some, Note("article.picture", (ARTICLE, ARTICLES_SIZES))
        yield 2, one_hidden and network.bias, Note("article.bias_row", (ARTICLE,))
        if network.hidden:
            yield 3, True, Note(f"activations.{self._applied(3, layer)}.notes")
        yield 4, one_hidden, Note("article.product", (ARTICLE,))
        # Where no hidden layer, on whose sheet its notes stand, has the output's activation.
        yield 4, output not in network.activation, Note(f"activations.{output}.notes")
        yield 5, True, Note(f"losses.{loss}.notes")
        yield 5, squared, Note("article.error", (ARTICLE,))
        yield 6, "sigmoid" in (output, *network.activation), Note("article.slope", (ARTICLE,))
        yield 7, squared, Note("article.caption", (ARTICLE,))
        yield 7, True, Note(f"losses.{loss}.delta_notes")
        yield 10, self.average, Note("phrases.average")
        yield 11, one_hidden and network.bias, Note("article.bias_sums", (ARTICLE,))
        yield 11, self.average, Note("phrases.average")
