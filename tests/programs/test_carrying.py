"""Programs as data: read back as they were, and refused where they are nobody's program."""

from __future__ import annotations

import copy
import json
import pickle
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellprop.algebra import OPERATIONS, text
from cellprop.errors import InputError
from cellprop.programs.carrying import REFUSED, Carried, data_of, program_of
from shipped import PROGRAMS, traced


def as_json(data):
    return json.loads(json.dumps(data))


def data_for(name="rnn", **options):
    return as_json(data_of(traced(name, **options).program))


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_is_read_back_as_it_was(name, optimizer):
    program = traced(name, optimizer=optimizer, epochs=1).program
    data = as_json(data_of(program))
    again = program_of(data)
    assert as_json(data_of(again)) == data
    assert again.steps == program.steps
    assert [step.caption for step in again.steps] == [step.caption for step in program.steps]
    assert (again.roles, again.starts) == (program.roles, program.starts)
    for ours, theirs in zip(program.matrices, again.matrices, strict=True):
        assert (ours.rows, ours.columns, ours.symbol) == (
            theirs.rows,
            theirs.columns,
            theirs.symbol,
        )
        if ours.definition is not None:
            assert text(ours.definition, "numpy") == text(theirs.definition, "numpy")


def test_an_expression_that_stands_in_two_places_is_still_one():
    program = program_of(data_for("batchnorm", average=True, epochs=1))
    for name, change in program.changes.items():
        assert change in program.updates[name].definition.operands[1].operands


def test_equal_programs_are_equal_models_that_can_be_sent_to_a_process():
    program = traced("seq").program
    one, other = (Carried.of(program, "sgd", average=False) for _ in range(2))
    assert one == other
    assert hash(one) == hash(other)
    assert one != Carried.of(traced("rnn").program, "sgd", average=False)
    held = one.program(one.held.samples)
    assert held is one.held
    assert pickle.loads(pickle.dumps(one)) == one
    assert pickle.loads(pickle.dumps(one)).held.steps == held.steps


def test_a_carried_program_is_for_its_own_samples():
    carried = Carried.of(traced("seq").program, "sgd", average=False)
    with pytest.raises(InputError, match="its own samples only"):
        carried.forward(traced("residual").program.samples)


def changed(change, name="rnn"):
    data = data_for(name)
    change(data)
    return data


def node(data, new):
    """Put another node in the place of the first that applies an operation."""
    nodes = data["nodes"]
    at = next(k for k, each in enumerate(nodes) if isinstance(each, list))
    nodes[at] = new


HOSTILE = {
    "an operation that is not in the table": lambda d: node(d, ["os.system", [0]]),
    "an attribute for an operation": lambda d: node(d, ["__class__", [0]]),
    "an operand that comes later": lambda d: node(d, ["tanh", [10**6]]),
    "an operand that is itself": lambda d: node(d, ["tanh", [2]]),
    "an operand before the first": lambda d: node(d, ["tanh", [-1]]),
    "no operands": lambda d: node(d, ["tanh", []]),
    "too many operands": lambda d: node(d, ["tanh", [0, 0, 0]]),
    "a setting that there is none of": lambda d: node(d, ["tanh", [0], {"leak": 1}]),
    "a setting as text": lambda d: node(d, ["leaky_relu", [0], {"leak": "1+A1"}]),
    "a setting that is no number": lambda d: node(d, ["leaky_relu", [0], {"leak": float("nan")}]),
    "a formula for lines": lambda d: node(d, ["slice", [0], {"rows": "0:1,A1"}]),
    "a matrix padded without end": lambda d: node(d, ["pad", [0], {"top": 10**9}]),
    "a power without end": lambda d: node(d, ["power", [0], {"exponent": 10**9}]),
    "a stride of 0": lambda d: node(d, ["max_pool", [0], {"down": 0}]),
    "a number below 0": lambda d: node(d, -1),
    "a number that is none": lambda d: node(d, True),
    "a matrix that is not there": lambda d: node(d, "nothing"),
    "a name as Excel has cells": lambda d: d["matrices"][0].__setitem__(0, "A1"),
    "a name twice": lambda d: d["matrices"][0].__setitem__(0, d["matrices"][1][0]),
    "a name that differs in case": lambda d: d["matrices"][0].__setitem__(0, "W_X"),
    "a name with a quotation mark": lambda d: d["matrices"][0].__setitem__(0, "a'b"),
    "a role that there is none of": lambda d: d["matrices"][0].__setitem__(1, "king"),
    "a symbol like a formula": lambda d: d["matrices"][0].__setitem__(2, "=1+1"),
    "an axis that is not there": lambda d: d["matrices"][0].__setitem__(3, [99, 0]),
    "an axis without labels": lambda d: d["axes"][0].__setitem__(1, []),
    "a kind that there is none of": lambda d: d["steps"][0].__setitem__(0, "king"),
    "a step without matrices": lambda d: d["steps"][0].__setitem__(1, []),
    "a step's matrix twice": lambda d: d["steps"][3].__setitem__(1, d["steps"][2][1]),
    "no steps": lambda d: d.__setitem__("steps", []),
    "a caption of its own": lambda d: d["steps"][0].__setitem__(3, {"key": "exercise"}),
    "a title like a formula": lambda d: d["steps"][2][3].__setitem__("title", "=cmd|' /C calc'"),
    "a title of a list": lambda d: d["steps"][2][3].__setitem__("title", ["a"]),
    "a lane that there is none of": lambda d: d["lanes"][0].__setitem__(0, "king"),
    "a lane too few": lambda d: d["lanes"].pop(),
    "no losses": lambda d: d.__setitem__("losses", []),
    "an update that is given": lambda d: d["updates"].__setitem__("W_x", "W_x"),
    "an update of another shape": lambda d: d["updates"].__setitem__("W_x", "W_h_new"),
    "a change of another shape": lambda d: d["changes"].__setitem__("W_x", d["changes"]["W_h"]),
    "no learning rate": lambda d: d["matrices"].pop(
        next(k for k, each in enumerate(d["matrices"]) if each[1] == "rate")
    ),
    "a parameter that is computed": lambda d: d["forward"]["parameters"].append("z_1"),
    "a rule that there is none of": lambda d: d["starts"].__setitem__("W_x", "king"),
    "about in a list": lambda d: d.__setitem__("about", [1]),
}  # fmt: skip


@pytest.mark.parametrize("change", HOSTILE.values(), ids=HOSTILE)
def test_what_is_no_program_is_refused(change):
    with pytest.raises(REFUSED):
        program_of(changed(change))


def deep(data):
    """A chain of sums, each of one that came before and itself: short to say, long to write out."""
    last = len(data["nodes"])
    data["nodes"] += [["add", [k, k]] for k in [0, *range(last, last + 60)]]
    data["changes"]["W_x"] = len(data["nodes"]) - 1


def nested(data):
    last = len(data["nodes"])
    data["nodes"] += [["tanh", [k]] for k in [0, *range(last, last + 500)]]
    data["changes"]["W_x"] = len(data["nodes"]) - 1


def joined(data):
    """Each twice as long as the one before."""
    last = len(data["nodes"])
    data["nodes"] += [["join", [k, k]] for k in [0, *range(last, last + 40)]]
    data["changes"]["W_x"] = len(data["nodes"]) - 1


def wide(data):
    """A column times a row, each of very many numbers."""
    data["axes"][0][1] = ["s"] * 50_000
    last = len(data["nodes"])
    data["nodes"] += [["transpose", [0]], ["product", [0, last]]]
    data["changes"]["W_x"] = len(data["nodes"]) - 1


def windowed(data):
    """Windows as large as the matrix over which they move, of very many lines."""
    data["axes"][0][1] = ["s"] * 50_000
    data["nodes"] += [["convolve", [0, 0], {"top": 1}]]
    data["changes"]["W_x"] = len(data["nodes"]) - 1


def varied(data, count=1000):
    """A definition of many parts in each of very many matrices."""
    last = len(data["nodes"])
    data["nodes"] += [["add", [k, 0]] for k in [0, *range(last, last + 90)]]
    data["nodes"].append(["add", [len(data["nodes"]) - 1] * 2])
    more = [[f"many_{k}", "activation", "", len(data["nodes"]) - 1] for k in range(1, count)]
    data["matrices"] += more
    data["steps"][2][1] += [name for name, *_ in more]
    data["lanes"][2][1] += [name for name, *_ in more]


@pytest.mark.parametrize("change", [deep, nested, joined, wide, windowed, varied])
def test_a_small_text_cannot_ask_for_much(change):
    with pytest.raises(REFUSED):
        program_of(changed(change))


def test_a_few_long_definitions_are_taken():
    program = program_of(changed(partial(varied, count=5)))
    assert "many_4" in program.by_name


JUNK = st.sampled_from(
    [None, -1, 0, 1, 1e308, 2.5, {"a": 1}, "\ud800", [[1]], 10**12, "", "x", "=1", [], {}, True]
)


def places(tree, path=()):
    yield path
    inner = tree.items() if isinstance(tree, dict) else ()
    for key, each in enumerate(tree) if isinstance(tree, list) else inner:
        yield from places(each, (*path, key))


DATA = data_for("attention")


@settings(max_examples=300)
@given(st.sampled_from([path for path in places(DATA) if path]), JUNK)
def test_whatever_is_changed_gives_a_program_or_is_refused(path, junk):
    data = copy.deepcopy(DATA)
    inner = data
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = junk
    try:
        program = program_of(data)
    except REFUSED:
        return
    assert all(np.isfinite(each.shape).all() for each in program.matrices)
    assert all(step.caption.title for step in program.steps)


# The others take one.
TWO = (
    "product", "add", "subtract", "multiply", "scale", "divide", "minimum", "maximum", "ratio",
    "ratio_to_spread", "equal", "greater", "at_least", "all_equal", "squared_error",
    "binary_cross_entropy", "cross_entropy", "place", "embed",
)  # fmt: skip
ANY = [1, 2, 3, 4, 5, 6]
OTHERS = {
    "if_more": [3], "slice": [1, 2], "one_hot": [1, 2], "convolve": [2, 3], "convolve_back": [3],
    "join": ANY, "unpool": ANY,
}  # fmt: skip


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_takes_as_many_operands_as_its_value_is_computed_from(name):
    taken = [count for count in range(7) if OPERATIONS[name].takes(count)]
    assert taken == OTHERS.get(name, [2] if name in TWO else [1])


@pytest.mark.parametrize("operation", ["add", "multiply", "tanh", "sum_over_rows", "slice"])
def test_an_operation_with_another_number_of_operands_is_refused(operation):
    for operands in ([], [0, 0, 0]):
        with pytest.raises(REFUSED):
            program_of(node(data_for(), [operation, operands]))
