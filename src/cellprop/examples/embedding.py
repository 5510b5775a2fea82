"""Words to a class: each word becomes two numbers, which are learnt like any weights.

What to look at: a word is a row of 0s with a single 1, so its product with the table `E` picks
out a row. Only the rows of words that occur have a gradient.
"""

import numpy as np

import cellprop
from cellprop import cross_entropy, softmax

VOCABULARY = ["good", "bad", "film", "very"]
SENTENCES = [["good", "film"], ["bad", "film"], ["very", "good"], ["very", "bad"]]


@cellprop.program(words=4, meaning=2, outputs=2)
def embedding(m):
    """Two words, their embeddings added up, and a class."""
    E = m.parameter("E", "words", "meaning", "normal")
    W = m.parameter("W", "meaning", "outputs", "normal")
    with m.step("Embed", says="Each word becomes its row of E; the sentence is their sum."):
        first = m.define("first", m.given("word_1", "samples", "words") @ E)
        second = m.define("second", m.given("word_2", "samples", "words") @ E)
        sentence = m.define("sentence", first + second)
    with m.step("Output"):
        scores = m.define("scores", sentence @ W)
        output = m.define("output", softmax(scores))
    return cross_entropy(m.target("y", "samples", "outputs"), output)


def one_hot(place):
    """Return a row for each sentence: 1 for the word at a place, else 0."""
    return np.eye(len(VOCABULARY))[[VOCABULARY.index(words[place]) for words in SENTENCES]]


X = {"word_1": one_hot(0), "word_2": one_hot(1)}
y = ["praise", "blame", "praise", "blame"]
options = {"seed": 1, "learning_rate": 0.5, "epochs": 50}
