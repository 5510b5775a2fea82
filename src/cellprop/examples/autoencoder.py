"""A network that writes out what it was given: through two numbers, and back by the same weights.

What to look at: `W` is used twice, once as it is and once turned over (`W.T`), so its gradient
has two shares. There is no target but the input itself.
"""

import cellprop
from cellprop import sigmoid, squared_error


@cellprop.program(inputs=4, code=2)
def autoencoder(m):
    """A tied autoencoder: four numbers through two, and back."""
    x = m.given("x", "samples", "inputs")
    W = m.parameter("W", "inputs", "code", "normal")
    b = m.parameter("b", 1, "code", "zeros")
    b_out = m.parameter("b_out", 1, "inputs", "zeros")
    with m.step("Encode", says="Four numbers become two."):
        z = m.define("z", x @ W + b)
        code = m.define("code", sigmoid(z))
    with m.step("Decode", says="Two numbers become four, by the same weights turned over."):
        u = m.define("u", code @ W.T + b_out)
        output = m.define("output", sigmoid(u))
    return squared_error(x, output)


X = [[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0], [0.0, 0.0, 0.0, 1.0]]
options = {"seed": 2, "learning_rate": 1.0, "epochs": 300}
