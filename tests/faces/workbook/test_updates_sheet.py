"""The sheet Updates: several updates side by side, each computed from the one before."""

from __future__ import annotations

import numpy as np
import pytest

import cellprop
import reading
from cellprop.errors import LimitError
from conftest import slow_but
from retyping import by_ironcalc, changed, find, retyped, sheets_of, verifies
from shipped import traced

DRAW = np.random.default_rng(3)
X, Y = DRAW.normal(size=(5, 2)).round(2), np.array([[1.0], [0], [1], [0], [1]])
WAYS = {
    "all at once": {},
    "one at a time": {"batch_size": 1},
    "dealt out": {"batch_size": 2, "shuffle": True},
    "scaled, with Adam": {"batch_size": 2, "optimizer": "adam", "scale": "standard"},
    "scaled, all at once": {"scale": "minmax", "optimizer": "momentum"},
}
EACH = slow_but(["all at once", "dealt out"], WAYS)


def run(**options):
    return cellprop.trace(
        cellprop.Network([2, 3, 1]), X, Y, **({"seed": 2, "iterations": 4} | options)
    )


@pytest.mark.parametrize("way", EACH)
def test_every_formula_agrees_with_ironcalc(way, tmp_path):
    assert verifies(run(**WAYS[way]), tmp_path)


@pytest.mark.parametrize("name", slow_but(["rnn"], ["rnn", "seq", "batchnorm"]))
def test_programs_iterate_as_networks_do(name, tmp_path):
    assert verifies(traced(name, iterations=3), tmp_path)


def test_all_updates_follow_when_numbers_are_retyped(tmp_path):
    training = {"iterations": 3}
    book, fresh = changed(cellprop.trace(cellprop.Network([2, 3, 1]), X, Y, seed=2, **training),
                          training)  # fmt: skip
    found = by_ironcalc(book, tmp_path)["Updates"]
    wanted = by_ironcalc(reading.without_values(fresh), tmp_path, "fresh")["Updates"]
    numbers = {at: value for at, value in wanted.items() if isinstance(value, float)}
    assert len(numbers) > 100
    assert all(found[at] == pytest.approx(value, rel=1e-12) for at, value in numbers.items())


def test_a_weight_that_is_retyped_moves_both_ways_of_the_points(tmp_path):
    trace = traced("full-batch-vs-sgd")
    found = by_ironcalc(retyped(trace, {"w_1": [[1.0]]}), tmp_path)["Updates"]
    x, y = (trace.iterated.together[0].values[name] for name in ("x", "y"))
    once, w = np.array([1.0, 0.0]), np.array([1.0, 0.0])
    once += 0.2 * (y[:, 0] - x @ w) @ x
    for sample, (wanted,) in zip(x, y, strict=True):
        w += 0.2 * (wanted - sample @ w) * sample
    for title, weights in (("all at once, 1", once), ("update 10", w)):
        row, _ = find(found, title)
        assert [found[row, 6], found[row, 8]] == pytest.approx(weights.tolist(), rel=1e-12)


def test_the_walked_samples_are_those_of_its_step_and_the_others_are_typed():
    book = traced("full-batch-vs-sgd").to_workbook()
    cells = sheets_of(book)["Updates"]
    row, _ = find(cells, "x")
    column = find(cells, "all at once, 1", row=row - 2)[1]
    first, second = (cells[row + k, column] for k in (2, 3))
    assert str(first).startswith("='Step 0'!")
    assert second == 0.2


def test_without_iterations_there_is_no_such_sheet():
    assert "Updates" not in run(iterations=1).to_workbook().sheetnames
    assert "Updates" in run().to_workbook().sheetnames


def test_what_leaves_the_range_of_a_workbook_is_refused_in_one_line(tmp_path):
    linear = cellprop.Network([2, 1], output_activation="linear", bias=False)
    wild = cellprop.trace(linear, X * 1e3, Y, seed=1, learning_rate=1e3, epochs=0, iterations=12)
    with pytest.raises(LimitError, match=r"^iterations: update \d+: wout leaves -1E\+"):
        wild.to_excel(tmp_path / "wild.xlsx")
    assert not list(tmp_path.iterdir())
