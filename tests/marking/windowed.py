"""A program with a convolution and pooling, of a size that can be calculated by hand."""

from __future__ import annotations

from functools import cache

import numpy as np

import cellprop
from cellprop import relu, squared_error
from cellprop.algebra import convolve, max_pool
from cellprop.marking.question import Question, ask


@cellprop.program(down=2, across=2, side=6, small=2)
def convolution(m):
    """An image, a kernel with a stride and zeros around, the largest of each window."""
    image = m.given("image", "height", "width")
    K = m.parameter("Kern", "down", "across", "normal")
    with m.step("Convolve"):
        z = m.define("z", convolve(image, K, stride=2, padding=1))
        a = m.define("a", relu(z))
    with m.step("Pool"):
        pooled = m.define("pooled", max_pool(a, 2))
    return squared_error(m.target("y", 1, 1), cellprop.sum(pooled))


@cache
def trace():
    random = np.random.default_rng(3)
    image = random.uniform(-1, 1, (6, 6)).round(2)
    return cellprop.trace(
        convolution,
        {"image": image},
        [[1.5]],
        parameters={"Kern": [[0.7, -0.4], [0.9, 0.3]]},
        learning_rate=0.1,
    )


@cache
def question_of(**options) -> Question:
    return ask(trace().update, **options)
