"""A hidden layer some of whose neurons are left out, as dropout does in training.

What to look at: the mask is given: 2 where a neuron stays (half of them do, so it counts
double), 0 where it is left out. No gradient passes where the mask is 0.
"""

import cellprop
from cellprop import sigmoid, squared_error, tanh


@cellprop.program(inputs=2, hidden=4, outputs=1)
def dropout(m):
    """A hidden layer with dropout by a mask that is given."""
    x = m.given("x", "samples", "inputs")
    mask = m.given("mask", "samples", "hidden")
    W_h = m.parameter("W_h", "inputs", "hidden")
    W_o = m.parameter("W_o", "hidden", "outputs")
    with m.step("Hidden layer"):
        z = m.define("z", x @ W_h)
        h = m.define("h", tanh(z))
    with m.step("Dropout", says="Half of the neurons are left out; the others count double."):
        kept = m.define("kept", h * mask)
    with m.step("Output"):
        u = m.define("u", kept @ W_o)
        output = m.define("output", sigmoid(u))
    return squared_error(m.target("y", "samples", "outputs"), output)


X = {
    "x": [[0.0, 1.0], [1.0, 0.0], [1.0, 1.0]],
    "mask": [[2, 0, 2, 0], [0, 2, 2, 0], [2, 2, 0, 0]],
}
y = [1, 1, 0]
options = {"seed": 1, "learning_rate": 0.5, "epochs": 50}
