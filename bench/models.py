"""The networks that are measured."""

from __future__ import annotations

import numpy as np

import cellprop

INPUTS, HIDDEN, OUTPUTS = 4, 3, 1


def with_samples(count: int) -> cellprop.Trace:
    """Return a trace of the article's network on many random samples."""
    random = np.random.default_rng(42)
    X = random.random((count, INPUTS))
    y = random.integers(0, 2, (count, OUTPUTS))
    return cellprop.trace(cellprop.Network([INPUTS, HIDDEN, OUTPUTS]), X, y, seed=42)


def model(samples: int) -> cellprop.Trace:
    """Return the article's example for 0 samples, else a trace with that many."""
    return with_samples(samples) if samples else cellprop.article()
