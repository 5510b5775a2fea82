"""Which activation goes with which loss, and what is usual: answers that follow from the table.

Whoever lets people choose asks here, so that nobody else knows an activation or a loss by its name.
Knows the registry; knows nothing of networks or files.
"""

from __future__ import annotations

from cellprop.algebra.expressions import OPERATIONS, activations, losses


def elementwise_activations() -> tuple[str, ...]:
    """Return the names (str) of the activations that take each number by itself: any neuron can
    apply them.
    """
    return tuple(name for name in activations() if not OPERATIONS[name].mixes_columns)


def identity() -> str:
    """Return the name of the activation that passes its input on as it is."""
    return next(name for name in activations() if OPERATIONS[name].is_identity)


def outputs_for(loss: str) -> tuple[str, ...]:
    """Return the names (str) of the activations that a loss of the table asks for at the output:
    those whose slope cancels against it; none if it goes with any.
    """
    return tuple(OPERATIONS[loss].cancels or ())


def losses_for(activation: str) -> tuple[str, ...]:
    """Return the names (str) of the losses that ask for an activation at the output."""
    return tuple(name for name in losses() if activation in outputs_for(name))


def is_loss_of_classes(name: str | None) -> bool:
    """Whether a name is that of a loss whose targets are a column for each class."""
    return name in OPERATIONS and OPERATIONS[name].takes_classes


def is_of_several(activation: str | None) -> bool:
    """Whether a name is that of an activation whose outputs are shares of a whole."""
    return activation in OPERATIONS and OPERATIONS[activation].mixes_columns


def loss_of_classes() -> str:
    """Return the name of the usual loss where one of several classes is right, with a column for
    each.
    """
    return next(name for name in losses() if OPERATIONS[name].takes_classes)


def loss_of_yes_or_no() -> str:
    """Return the name of the usual loss where one column says which of two classes is right."""
    return next(
        name
        for name in losses()
        if OPERATIONS[name].targets is not None and not OPERATIONS[name].takes_classes
    )
