"""Attention with one head: each of four words looks at itself and at those before it.

What to look at: the mask adds −1000 where a word would see one that comes later, and
the softmax makes 0 of it; so `weights` is a triangle, and so is `d_scores` on the way back.
"""

import numpy as np

import cellprop
from cellprop import softmax, squared_error

WORDS = ["the", "cat", "sat", "down"]


@cellprop.program(features=3, key=2)
def attention(m):
    """Causal attention with one head over one sentence."""
    x = m.given("x", "words", "features")
    W_q = m.parameter("W_q", "features", "key")
    W_k = m.parameter("W_k", "features", "key")
    W_v = m.parameter("W_v", "features", "key")
    with m.step("Queries, keys, values", says="Each word asks, offers, and has something to say."):
        q = m.define("q", x @ W_q)
        k = m.define("k", x @ W_k)
        v = m.define("v", x @ W_v)
    root = m.constant("root", np.sqrt(2), 1, 1)
    with m.step("Scores", says="How well each word's question meets each word's offer."):
        mask = m.constant("mask", np.triu(np.full((4, 4), -1000.0), 1), "words", "words")
        scores = m.define("scores", q @ k.T / root + mask)
    with m.step("Weights", says="A share for each word that is seen; shares of a row add up to 1."):
        weights = m.define("weights", softmax(scores))
    with m.step("Output", says="What each word takes up: of all that is said, its share."):
        output = m.define("output", weights @ v)
    return squared_error(m.target("y", "words", "key"), output)


X = {"x": [[1.0, 0.2, 0.0], [0.1, 0.9, 0.3], [0.0, 0.4, 1.0], [0.5, 0.5, 0.2]]}
y = [[0.6, 0.1], [0.4, 0.4], [0.2, 0.8], [0.5, 0.5]]
options = {"seed": 1, "learning_rate": 0.2, "epochs": 200}
