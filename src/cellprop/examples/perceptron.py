"""The article's first figures: a perceptron three ways, and the artificial neuron that came of it.

What to look at: change an input, a weight, the bias or the threshold on `Step 0` and `Step 1`,
and see who fires. A perceptron jumps from 0 to 1, so nothing comes back through it; the neuron's
sigmoid rises smoothly, and from its slope the weights and the bias learn.
"""

import cellprop
from cellprop import greater, sigmoid, squared_error, sum


@cellprop.program(inputs=3)
def perceptron(m):
    """A perceptron: a sum against a threshold, weights, a bias; then a neuron."""
    x = m.given("x", "samples", "inputs")
    threshold = m.constant("threshold", 0.0, 1, 1)
    w = m.parameter("w", "inputs", 1)
    b = m.parameter("b", 1, 1)
    with m.step("Sum", says="The inputs are added up; above the threshold the perceptron fires."):
        total = m.define("total", sum(x, axis=1))
        m.define("fires", greater(total, threshold))
    with m.step("Weights", says="Some inputs count more than others: each has a weight."):
        weighted = m.define("weighted", x @ w)
        m.define("fires_weighted", greater(weighted, threshold))
    with m.step("Bias", says="How easily it fires, whatever comes in: a weight of an input of 1."):
        z = m.define("z", weighted + b)
        m.define("fires_biased", greater(z, threshold))
    with m.step("Neuron", says="An activation in place of the step: how much it fires, 0 to 1."):
        output = m.define("output", sigmoid(z))
    return squared_error(m.target("y", "samples", 1), output)


X = [[0, 1, 1], [1, 0, 0], [0, 0, 1], [0, 0, 0]]
y = [1, 0, 1, 0]
options = {"parameters": {"w": [[2], [3], [4]], "b": [[-3]]}, "learning_rate": 0.5}
