"""A program answers for its steps and matrices, so that nobody has to know numbers and names."""

from __future__ import annotations

import pytest

import cellprop
from test_slips import KINDS, network


@pytest.fixture(scope="module")
def deep():
    sizes, options = KINDS["deep"]
    return network(sizes, **options).program


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("7", "7"), ("2-4", "2 3 4"), ("10-99", "10 11"), ("4-2", ""), ("12", ""), ("", ""),
        ("2.1", ""), ("-1", ""), ("2-", ""), ("٢", ""),
    ],
)  # fmt: skip
def test_a_text_names_steps_by_their_numbers_or_from_one_to_another(text, labels):
    program = cellprop.article().program
    assert [step.label for step in program.named(text)] == labels.split()


def test_where_layers_have_their_own_steps_a_number_names_those_of_all(deep):
    two = [step.label for step in deep.steps if step.number == 2]
    assert [step.label for step in deep.named("2")] == two != ["2"]
    assert [step.label for step in deep.named(two[0])] == two[:1]


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam"])
def test_what_an_update_replaces_is_known_and_nothing_else_replaces(optimizer):
    program = network([2, 3, 1], optimizer=optimizer).program
    replaced = {m.name: old.name for m in program.matrices if (old := program.replaced_by(m))}
    assert replaced == {new.name: old for old, new in program.updates.items()}
