"""What programs are written with: values and gradients are PyTorch's, and mistakes are named."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import cellprop
from cellprop.errors import CellpropError
from cellprop.programs import functions as f

torch = pytest.importorskip("torch")
F = torch.nn.functional

Ours, Theirs = Callable[[Any], Any], Callable[[Any], Any]
# Of a matrix of 4 × 6 numbers.
SAME: dict[str, tuple[Ours, Theirs]] = {
    "a power": (lambda x: f.power(x, 3), lambda x: x**3),
    "a power below 0": (lambda x: f.power(x, -2), lambda x: x**-2),
    "layer norm": (f.layer_norm, lambda x: F.layer_norm(x, (6,))),
    "layer norm, scaled": (
        lambda x: f.layer_norm(x, 2, -1, epsilon=0.5),
        lambda x: 2 * F.layer_norm(x, (6,), eps=0.5) - 1,
    ),
    "batch norm": (f.batch_norm, lambda x: F.batch_norm(x, None, None, training=True)),
    "batch norm, shifted": (
        lambda x: f.batch_norm(x, shift=0.5),
        lambda x: F.batch_norm(x, None, None, training=True) + 0.5,
    ),
    "joined below": (lambda x: f.concatenate(x, f.tanh(x)), lambda x: torch.cat([x, x.tanh()])),
    "joined aside": (
        lambda x: f.concatenate(x[:, 2:4], x, axis=1, name="both"),
        lambda x: torch.cat([x[:, 2:4], x], dim=1),
    ),
    "split aside": (
        lambda x: np.prod(f.split(x, like=x[:, 0:2])),
        lambda x: x[:, :2] * x[:, 2:4] * x[:, 4:],
    ),
    "split below": (lambda x: f.split(x, like=x[0:2], axis=0)[1], lambda x: x[2:]),
    "not split": (lambda x: f.split(x, like=x)[0] * x, lambda x: x * x),
    "flipped": (f.flip, lambda x: x.flip(0)),
    "flipped aside": (lambda x: f.flip(x, axis=1), lambda x: x.flip(1)),
    "padded": (
        lambda x: f.pad(x, rows=(1, 2), columns=3),
        lambda x: F.pad(x, (3, 3, 1, 2)),
    ),
    "convolved": (
        lambda x: f.convolve(x, x[0:2, 0:3], stride=(2, 1), padding=1),
        lambda x: F.conv2d(x[None, None], x[None, None, :2, :3], stride=(2, 1), padding=1)[0, 0],
    ),
    "largest of windows": (f.max_pool, lambda x: F.max_pool2d(x[None], 2)[0]),
    "means of windows": (
        lambda x: f.mean_pool(x, (2, 3), stride=1),
        lambda x: F.avg_pool2d(x[None], (2, 3), stride=1)[0],
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", SAME)
def test_values_and_gradients_are_those_of_torch(what):
    ours, theirs = SAME[what]

    @cellprop.program(inputs=3, outputs=6)
    def written(m):
        x = m.define(
            "x_W", m.given("x", "samples", "inputs") @ m.parameter("W", "inputs", "outputs")
        )
        return f.power(m.define("output", ours(x)), 3)

    draw = np.random.default_rng(5)
    X, W = draw.normal(size=(4, 3)), draw.normal(size=(3, 6))
    run = cellprop.trace(written, X, parameters={"W": W}, epochs=0)
    weights = torch.tensor(W, requires_grad=True)
    output = theirs(torch.tensor(X) @ weights)
    (output**3).sum().backward()
    for found, wanted in ((run["output"], output.detach()), (run["d_W"], weights.grad)):
        scale = np.abs(wanted.numpy()).max()
        assert np.abs(found.to_numpy() - wanted.numpy()).max() <= 1e-12 * scale


def test_each_part_of_a_norm_has_the_name_that_keep_gives_it():
    @cellprop.program(inputs=2)
    def written(m):
        x = m.given("x", "samples", "inputs")
        gain = m.parameter("gain", 1, "inputs")
        normed = f.layer_norm(x, gain, keep=lambda name, part: m.define(f"{name}_1", part))
        return f.square(m.define("output", f.batch_norm(normed, keep=m.define)))

    run = cellprop.trace(written, [[1, 2], [3, 5], [4, 0]], seed=1)
    assert [*run.program.steps[2].matrices] == [
        "mean_1", "centred_1", "variance_1", "deviation_1", "standardised_1",
        "mean", "centred", "variance", "deviation", "output",
    ]  # fmt: skip


def test_words_and_classes_go_by_an_index_from_1():
    @cellprop.program(words=3, meaning=2)
    def written(m):
        E = m.parameter("E", "words", "meaning")
        found = f.embed(E, m.given("word", "samples", 1))
        return f.square(m.define("output", found + f.one_hot(m.given("kind", "samples", 1), 2) @ E))

    # `one_hot` calls its columns classes, which no rows of E are.
    with pytest.raises(CellpropError, match=r"2 classes where `E` has 3 words"):
        cellprop.trace(written, {"word": [1, 3], "kind": [1, 2]})

    @cellprop.program(words=3, meaning=2)
    def by_name(m):
        E = m.parameter("E", "words", "meaning")
        word = m.given("word", "samples", 1)
        return f.square(m.define("output", f.embed(E, word) - 2 * f.one_hot(word, 3, "words") @ E))

    E = np.array([[1.0, 2], [3, 4], [5, 6]])
    run = cellprop.trace(by_name, [1, 3, 3], parameters={"E": E}, epochs=0)
    assert (run["output"].to_numpy() == -E[[0, 2, 2]]).all()
    assert (run["d_E"].to_numpy() == [[2, 4], [0, 0], [20, 24]]).all()

    with pytest.raises(CellpropError, match=r"word, row 3: .* from 1 to 3, found 0\."):
        cellprop.trace(by_name, [1, 3, 0], parameters={"E": E})


def test_a_causal_mask_is_added_to_scores_as_a_constant():
    assert (f.causal_mask(2) == [[0, -1000], [0, 0]]).all()


WRONG: dict[str, tuple[Ours, str]] = {
    "an array": (lambda x: f.concatenate(x, np.ones((4, 6))), "found ndarray: give numbers as"),
    "no even parts": (lambda x: f.split(x, like=x[:, 0:4]), "6 outputs are no number of times 4"),
    "another height": (lambda x: f.split(x, like=x[0:2, 0:2]), "4 samples are not 2 samples"),
    "an axis to split": (lambda x: f.split(x, like=x, axis=2), "axis: expected 0"),
    "an axis to flip": (lambda x: f.flip(x, axis=2), "axis: expected 0"),
    "an axis to join": (lambda x: f.concatenate(x, axis=2), "axis 0 (rows) or 1 (columns), not 2"),
    "an exponent": (lambda x: f.power(x, 1.5), "a whole number up to 12, or 0.5; not 1.5"),
    "a window": (lambda x: f.max_pool(x, 5), "5 rows, more than the 4 of `x_W`"),
    "a truth": (lambda x: f.power(True, 2), "found bool"),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_is_named_in_a_line(what):
    ours, said = WRONG[what]

    @cellprop.program(inputs=3, outputs=6)
    def written(m):
        x = m.define(
            "x_W", m.given("x", "samples", "inputs") @ m.parameter("W", "inputs", "outputs")
        )
        return f.square(ours(x))

    with pytest.raises(CellpropError) as caught:
        cellprop.trace(written, np.ones((4, 3)))
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
