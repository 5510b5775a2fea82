"""A model that shows some hidden neurons declares what all others contribute, as given."""

from __future__ import annotations

import keyword

import numpy as np
import pytest

from cellprop.algebra import Axis, evaluate, statement
from cellprop.programs.network import Network
from cellprop.programs.perceptron import Perceptron

SAMPLES = Axis.numbered("samples", 5)
INPUTS, OUTPUTS = Axis.numbered("inputs", 4, "x"), Axis.numbered("outputs", 2, "o")


def model(**options):
    about = {name: options.pop(name) for name in ("bias", "loss") if name in options}
    return Perceptron(Network([4, 6, 2], **about), INPUTS, OUTPUTS, **options)


def entered(program):
    return program.having("entered")[-1]


@pytest.mark.parametrize(
    ("notation", "expected"),
    [
        ("maths", "O_in = H · W_out + O_others + b_out"),
        ("numpy", "output_layer_input = hiddenlayer_activations @ wout + others + bout"),
        ("excel", "=MMULT(hiddenlayer_activations,wout)+others+bout"),
    ],
)
def test_the_output_layer_adds_the_others(notation, expected):
    assert statement(entered(model().only([1, 5]).program(SAMPLES)), notation) == expected


def test_without_biases_the_others_are_added_all_the_same():
    found = statement(entered(model(bias=False).only([2]).program(SAMPLES)), "numpy")
    assert found == "output_layer_input = hiddenlayer_activations @ wout + others"


def test_the_others_come_with_the_weights_and_no_step_computes_or_replaces_them():
    program = model(optimizer="adam").only([1, 5, 6]).program(SAMPLES)
    (rest,) = program.having("rest")
    assert program.step_of(rest).kind == "parameters"
    assert (rest.rows, rest.columns, rest.definition) == (SAMPLES, OUTPUTS, None)
    assert rest.name not in program.updates
    assert rest.name not in program.changes
    assert rest in program.given


def test_the_others_are_called_by_a_name_that_every_language_takes():
    (rest,) = model().only([1]).program(SAMPLES).having("rest")
    assert rest.name.isidentifier()
    assert not keyword.iskeyword(rest.name)
    assert rest.name.isalpha()
    assert len(rest.name) > 3  # a spreadsheet takes shorter ones for columns


def test_the_steps_are_those_of_the_whole_network():
    whole, some = model().program(SAMPLES), model().only([3]).program(SAMPLES)
    assert [step.label for step in some.steps] == [step.label for step in whole.steps]
    (rest,) = some.having("rest")
    assert {m.name for m in some.matrices} == {m.name for m in whole.matrices} | {rest.name}
    assert {m.name for lane in some.lanes for m in lane.matrices} == {*some.by_name}


def test_a_layer_says_how_many_of_its_neurons_are_shown():
    hidden, output = model().only([2, 4, 5]).program(SAMPLES).forward.layers
    assert [(layer.shown, layer.size) for layer in (hidden, output)] == [(3, 6), (2, 2)]
    assert [layer.shown for layer in model().program(SAMPLES).forward.layers] == [6, 2]


def test_all_neurons_are_the_whole_model():
    whole = model()
    assert whole.only([6, 5, 4, 3, 2, 1]) is whole
    assert whole.program(SAMPLES).having("rest") == ()


def test_what_leads_to_the_output_is_known_with_the_others():
    forward = model().only([1, 2]).forward(SAMPLES)
    chance = np.random.default_rng(2)
    known = {m.name: chance.normal(size=m.shape) for m in forward.matrices if m.definition is None}
    assert evaluate(forward.matrices, known)[forward.output.name].shape == (5, 2)
