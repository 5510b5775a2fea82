"""A transformer block: layer norm, attention with two heads, a feed-forward part, and past each of
them what was there before.

What to look at: both heads look at the same words with other weights, and what they say is added
up. `d_x_1` has three shares: what came past, what came through the feed-forward part, and its
layer norm.
"""

import numpy as np

import cellprop
from cellprop import gelu, mean, softmax, sqrt, square, squared_error


@cellprop.program(features=4, key=2, wide=5)
def transformer(m):
    """One transformer block: layer norm, two heads, residuals, feed-forward."""
    x = m.given("x", "words", "features")
    mask = m.constant("mask", np.triu(np.full((3, 3), -1000.0), 1), "words", "words")
    root = m.constant("root", np.sqrt(2), 1, 1)

    def normalise(x, n):
        with m.step(
            f"Layer norm {n}", says="Each word has mean 0 and variance 1 over its numbers."
        ):
            centred = m.define(f"centred_{n}", x - mean(x, axis=1))
            variance = m.define(f"variance_{n}", mean(square(centred), axis=1))
            return m.define(f"normal_{n}", centred / sqrt(variance + 1e-5))

    normal = normalise(x, 1)
    heads = []
    for n in ("a", "b"):
        W_q = m.parameter(f"Wq_{n}", "features", "key", "glorot")
        W_k = m.parameter(f"Wk_{n}", "features", "key", "glorot")
        W_v = m.parameter(f"Wv_{n}", "features", "key", "glorot")
        W_o = m.parameter(f"Wo_{n}", "key", "features", "glorot")
        with m.step(f"Head {n}: ask", says="Queries, keys and values of this head."):
            q = m.define(f"q_{n}", normal @ W_q)
            k = m.define(f"k_{n}", normal @ W_k)
            v = m.define(f"v_{n}", normal @ W_v)
        with m.step(f"Head {n}: look", says="Who looks at whom: never at a word that comes later."):
            scores = m.define(f"scores_{n}", q @ k.T / root + mask)
        with m.step(f"Head {n}: share", says="A share for each word that is seen."):
            weights = m.define(f"weights_{n}", softmax(scores))
        with m.step(f"Head {n}: say"):
            mixed = m.define(f"mixed_{n}", weights @ v)
            heads.append(m.define(f"head_{n}", mixed @ W_o))
    with m.step("Add", says="What was there before, and what both heads say."):
        x_1 = m.define("x_1", x + heads[0] + heads[1])
    normal = normalise(x_1, 2)
    W_1 = m.parameter("W_1", "features", "wide", "glorot")
    W_2 = m.parameter("W_2", "wide", "features", "glorot")
    with m.step("Feed forward", says="Each word by itself, through a wider layer."):
        z = m.define("z", normal @ W_1)
        h = m.define("h", gelu(z))
        f = m.define("f", h @ W_2)
    with m.step("Output", says="Past the feed-forward part too goes what was there before."):
        output = m.define("output", x_1 + f)
    return squared_error(m.target("y", "words", "features"), output)


X = {"x": [[1.0, 0.2, 0.0, 0.5], [0.1, 0.9, 0.3, 0.0], [0.0, 0.4, 1.0, 0.7]]}
y = [[0.5, 0.5, 0.0, 0.5], [0.0, 1.0, 0.5, 0.0], [0.5, 0.0, 1.0, 1.0]]
options = {"seed": 1, "learning_rate": 0.05, "epochs": 100}
