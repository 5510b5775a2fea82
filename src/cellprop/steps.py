"""The steps of the article, as matrix expressions under the article's names.

Each step lists the matrices that it brings: given ones (steps 0 and 1), then those defined by
an expression of earlier ones. Nothing here computes; words about the steps live in `templates/`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cellprop.algebra import ONE, Axis, Expression, Matrix, apply, define, derive
from cellprop.network import Network


@dataclass(frozen=True)
class Declaration:
    """One step as declared: its number and the matrices it brings, in order of computation."""

    number: int
    matrices: tuple[Matrix, ...]

    @property
    def computed(self) -> tuple[Matrix, ...]:
        """Those of its matrices that it computes; the others are given."""
        return tuple(matrix for matrix in self.matrices if matrix.definition is not None)


@dataclass(frozen=True)
class Lane:
    """Matrices that stand in one row of a sheet.

    Attributes:
        key: Which lane: `input`, `hidden_forward`, …; its title is looked up by it.
        matrices: From left to right.
    """

    key: str
    matrices: tuple[Matrix, ...]


@dataclass(frozen=True)
class Walkthrough:
    """All steps of one update.

    Attributes:
        steps: In order.
        lanes: In which lane of a sheet each matrix stands, from top to bottom.
        loss: The matrix whose sum over outputs and mean over samples is the loss.
        output: The matrix that predicts.
        updates: For each parameter's name, the matrix that replaces it.
    """

    steps: tuple[Declaration, ...]
    lanes: tuple[Lane, ...]
    loss: Matrix
    output: Matrix
    updates: Mapping[str, Matrix]

    @property
    def matrices(self) -> tuple[Matrix, ...]:
        """Every matrix, in order of computation."""
        return tuple(matrix for step in self.steps for matrix in step.matrices)


def walkthrough(network: Network, samples: Axis, inputs: Axis, outputs: Axis) -> Walkthrough:
    """Return the steps for a network and the axes of its samples.

    Raises
    ------
    ShapeError
        If the samples have other numbers of inputs or outputs than the network.
    """
    # The parameters have the network's sizes: a misfit shows where they meet the samples.
    n_inputs, n_hidden, n_outputs = network.sizes
    hidden = Axis.numbered("hidden", n_hidden, "h")
    to_hidden = inputs if inputs.size == n_inputs else Axis.numbered("inputs", n_inputs)
    to_output = outputs if outputs.size == n_outputs else Axis.numbered("outputs", n_outputs)

    # Step 0: read input and output
    X = Matrix("X", samples, inputs)
    y = Matrix("y", samples, outputs)
    # Step 1: initialise weights and biases
    lr = Matrix("lr", ONE, ONE, symbol="η")
    wh = Matrix("wh", to_hidden, hidden, symbol="W_h")
    bh = Matrix("bh", ONE, hidden, symbol="b_h")
    wout = Matrix("wout", hidden, to_output, symbol="W_out")
    bout = Matrix("bout", ONE, to_output, symbol="b_out")
    # Step 2: hidden layer input
    hidden_layer_input = define("hidden_layer_input", X @ wh + bh, "H_in")
    # Step 3: hidden layer activations
    hiddenlayer_activations = define(
        "hiddenlayer_activations", apply(network.activation, hidden_layer_input), "H"
    )
    # Step 4: output layer, linear and non-linear
    output_layer_input = define("output_layer_input", hiddenlayer_activations @ wout + bout, "O_in")
    output = define("output", apply(network.activation, output_layer_input), "O")
    # Step 5: the loss. From here on steps go back, and follow from those before (see `derive`)
    squared_error = define(network.loss, apply(network.loss, y, output), "L")
    backward = derive(
        squared_error,
        wanted={
            "output": ("E", "E"),
            "output_layer_input": ("d_output", "D_out"),
            "hiddenlayer_activations": ("Error_at_hidden_layer", "E_h"),
            "hidden_layer_input": ("d_hiddenlayer", "D_h"),
        },
        slopes={
            "output": ("slope_output_layer", "S_out"),
            "hiddenlayer_activations": ("slope_hidden_layer", "S_h"),
        },
    )
    # Step 5: error at the output layer
    E = _named(backward.wanted["output"])
    # Step 6: slopes at output and hidden layer
    slope_output_layer = backward.slopes["output"]
    slope_hidden_layer = backward.slopes["hiddenlayer_activations"]
    # Step 7: delta at the output layer
    d_output = _named(backward.wanted["output_layer_input"])
    # Step 8: error at the hidden layer
    Error_at_hidden_layer = _named(backward.wanted["hiddenlayer_activations"])
    # Step 9: delta at the hidden layer
    d_hiddenlayer = _named(backward.wanted["hidden_layer_input"])
    # Step 10: update weights
    wout_new = define("wout_new", wout + backward.wanted["wout"] * lr, "W_out′")
    wh_new = define("wh_new", wh + backward.wanted["wh"] * lr, "W_h′")
    # Step 11: update biases
    bout_new = define("bout_new", bout + backward.wanted["bout"] * lr, "b_out′")
    bh_new = define("bh_new", bh + backward.wanted["bh"] * lr, "b_h′")

    return Walkthrough(
        steps=(
            Declaration(0, (X, y)),
            Declaration(1, (lr, wh, bh, wout, bout)),
            Declaration(2, (hidden_layer_input,)),
            Declaration(3, (hiddenlayer_activations,)),
            Declaration(4, (output_layer_input, output)),
            Declaration(5, (E, squared_error)),
            Declaration(6, (slope_output_layer, slope_hidden_layer)),
            Declaration(7, (d_output,)),
            Declaration(8, (Error_at_hidden_layer,)),
            Declaration(9, (d_hiddenlayer,)),
            Declaration(10, (wout_new, wh_new)),
            Declaration(11, (bout_new, bh_new)),
        ),
        lanes=(
            Lane("input", (X, y, lr)),
            Lane("hidden_forward", (wh, bh, hidden_layer_input, hiddenlayer_activations)),
            Lane("output_forward", (wout, bout, output_layer_input, output)),
            Lane("output_backward", (E, slope_output_layer, d_output, squared_error)),
            Lane("hidden_backward", (Error_at_hidden_layer, slope_hidden_layer, d_hiddenlayer)),
            Lane("updated", (wout_new, bout_new, wh_new, bh_new)),
        ),
        loss=squared_error,
        output=output,
        updates={"wh": wh_new, "bh": bh_new, "wout": wout_new, "bout": bout_new},
    )


def _named(change: Expression) -> Matrix:
    assert isinstance(change, Matrix)
    return change
