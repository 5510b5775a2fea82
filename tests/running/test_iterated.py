"""Several updates in a row: each from the one before, as training does them."""

from __future__ import annotations

import numpy as np
import pytest

import cellprop
from cellprop.errors import InputError
from reference import close
from shipped import traced

X = np.random.default_rng(5).normal(size=(7, 2)).round(3)
Y = np.array([[1.0], [0], [0], [1], [1], [0], [1]])
NETWORK = cellprop.Network([2, 3, 1])
WAYS = {
    "all at once": {},
    "one at a time": {"batch_size": 1},
    "some at a time, over the end of an epoch": {"batch_size": 3, "walk_batch": 2},
    "dealt out anew": {"batch_size": 3, "shuffle": True, "walk_epoch": 2, "epochs": 3},
    "with momentum": {"batch_size": 2, "optimizer": "momentum"},
    "with Adam and scaled": {"optimizer": "adam", "scale": "standard"},
}


def run(**options):
    return cellprop.trace(NETWORK, X, Y, **({"seed": 1, "learning_rate": 0.3} | options))


@pytest.mark.parametrize("way", WAYS)
def test_each_update_is_the_one_that_training_does_then(way):
    options = WAYS[way]
    iterated = run(iterations=5, **options).iterated
    assert len(iterated.updates) == 5
    for update in iterated.updates:
        place = {"walk_epoch": update.walk_epoch, "walk_batch": update.walk_batch}
        alone = run(**(options | place | {"epochs": update.walk_epoch}))
        assert list(update.values) == list(alone.values)
        for name, values in alone.values.items():
            assert close(update.values[name], values), (update.walk_epoch, name)


def test_beside_updates_of_a_few_samples_stand_as_many_epochs_of_all():
    some = run(iterations=8, batch_size=3).iterated
    every = run(iterations=3).iterated
    assert len(some.together) == 3
    for ours, theirs in zip(some.together, every.updates, strict=True):
        assert all(close(ours.values[name], each) for name, each in theirs.values.items())
    assert not every.together


def test_ten_points_one_after_the_other_end_where_ten_steps_by_hand_do():
    trace = traced("full-batch-vs-sgd")
    x, y, rate = trace.iterated.together[0].values["x"], np.array(
        [1.6, -0.4, 1.2, 0.5, 0.9, 0.0, 0.1, 0.0, 1.3, 0.5]
    ), 0.2  # fmt: skip
    w = np.zeros(2)
    for sample, wanted in zip(x, y, strict=True):
        w += rate * (wanted - sample @ w) * sample
    last = trace.iterated.updates[-1].values
    assert close(np.array([last["w_1_new"].item(), last["w_2_new"].item()]), w)
    once = trace.iterated.together[0].values
    at_once = rate * y @ x
    assert close(np.array([once["w_1_new"].item(), once["w_2_new"].item()]), at_once)


@pytest.mark.parametrize("number", [0, -1, 2.5, True, "3"])
def test_a_number_of_iterations_that_is_none_is_refused(number):
    with pytest.raises(InputError, match=r"^iterations: expected a whole number of at least 1"):
        run(iterations=number)


def test_more_than_a_sheet_can_show_is_refused_before_it_is_computed():
    with pytest.raises(InputError, match=r"^iterations: .*use fewer"):
        run(iterations=10**9)


def test_updates_that_run_away_are_named():
    with pytest.raises(InputError, match="not finite in epoch"):
        cellprop.trace(
            cellprop.Network([2, 1], output_activation="linear"), X * 1e40, Y,
            seed=1, learning_rate=1e40, epochs=0, iterations=9,
        )  # fmt: skip


def test_unless_asked_there_is_one_update():
    assert run().iterated is None
