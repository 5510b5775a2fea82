"""Why a product is written as it is."""

from __future__ import annotations

import pytest

import cellprop
from cellprop.algebra import ONE, Axis, Matrix, apply, reasons
from cellprop.texts import captions
from cellprop.texts.words import load

samples, inputs, hidden = (
    Axis.numbered(name, size) for name, size in (("samples", 5), ("inputs", 3), ("hidden", 2))
)
X, W, D = Matrix("X", samples, inputs), Matrix("W", inputs, hidden), Matrix("D", samples, hidden)
lr = Matrix("lr", ONE, ONE)


def found(expression):
    return [(r.text, r.inside and r.inside.name, r.turned) for r in reasons(expression)]


def test_a_matrix_product_adds_up_the_axis_that_stands_inside():
    assert found(X @ W) == [("X · W", "inputs", ())]
    assert found(X.T @ D) == [("Xᵀ · D", "samples", ("X",))]
    assert found(D @ W.T) == [("D · Wᵀ", "hidden", ("W",))]
    assert found((D + 1) @ W.T) == [("(D + 1) · Wᵀ", "hidden", ("W",))]


def test_matrices_of_one_shape_are_multiplied_number_by_number():
    assert found(D * apply("tanh", D) + D * D) == [("D ⊙ D", None, ())]


def test_one_number_for_all_needs_no_reason():
    assert found(W - lr * W / 3) == []


def test_each_product_within_an_expression_has_its_reason_from_the_outside_in():
    assert [reason for reason, *_ in found(W - (X.T @ (D * D)) * lr)] == ["Xᵀ · (D ⊙ D)", "D ⊙ D"]


SAID = {
    "2": "X · wh is a matrix product: it adds up over inputs, so inputs stand inside.",
    "7": "E ⊙ slope_output_layer goes number by number, place by place.",
    "8": "d_output · woutᵀ is a matrix product: it adds up over outputs, so outputs stand inside."
    " That is why wout is transposed.",
    "10": "hiddenlayer_activationsᵀ · d_output is a matrix product: it adds up over samples, so"
    " samples stand inside. That is why hiddenlayer_activations is transposed.",
}


@pytest.mark.parametrize("label", SAID)
def test_a_step_says_why_its_products_are_written_as_they_are_each_reason_once(label):
    trace, words = cellprop.article(), load()
    assert list(captions.reasons(words, trace.step(label))) == [SAID[label]]
