"""The article's ten points and two weights: all points at once, or one point after the other.

What to look at: the sheet *Updates*. Full batch adds up what all ten points want of `w_1` and
`w_2`, and moves once. Stochastic gradient descent (SGD) moves after each point, and the next point
works with the weights as they are then. The chart shows both ways, from the same start.
"""

import cellprop
from cellprop import squared_error


@cellprop.program(inputs=2)
def full_batch_vs_sgd(m):
    """Two weights and ten points, of which each update sees one."""
    x = m.given("x", "samples", "inputs")
    w_1, w_2 = m.parameter("w_1", 1, 1), m.parameter("w_2", 1, 1)
    with m.step("Output", says="Each input times its weight, added up."):
        output = m.define("output", x[:, 0] * w_1 + x[:, 1] * w_2)
    return squared_error(m.target("y", "samples", 1), output)


X = [
    [1.0, 0.5], [0.2, 0.9], [0.7, 0.1], [0.4, 0.4], [0.9, 0.8],
    [0.1, 0.3], [0.6, 1.0], [0.3, 0.7], [0.8, 0.2], [0.5, 0.6],
]  # fmt: skip
# About 2 times the first input less the second, with a little noise.
y = [1.6, -0.4, 1.2, 0.5, 0.9, 0.0, 0.1, 0.0, 1.3, 0.5]
options = {
    "parameters": {"w_1": 0.0, "w_2": 0.0},
    "learning_rate": 0.2,
    "batch_size": 1,
    "iterations": 10,
}
