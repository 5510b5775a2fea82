"""A network whose layers add to what they are given instead of replacing it.

What to look at: on the way back `d_h_1` is a sum of what came through the layer and what came
past it, unchanged; so however deep it is, something always arrives.
"""

import cellprop
from cellprop import relu, squared_error


@cellprop.program(inputs=2, hidden=3, outputs=1)
def residual(m):
    """Two residual layers: what goes in is added to what comes out."""
    x = m.given("x", "samples", "inputs")
    W_in = m.parameter("W_in", "inputs", "hidden", "normal")
    with m.step("Enter", says="As many numbers as the layers have neurons."):
        h = m.define("h_0", x @ W_in)
    for n in (1, 2):
        W = m.parameter(f"W_{n}", "hidden", "hidden", "normal")
        with m.step(f"Layer {n}", says="A layer, and past it what was there before."):
            z = m.define(f"z_{n}", h @ W)
            a = m.define(f"a_{n}", relu(z))
            h = m.define(f"h_{n}", h + a)
    W_out = m.parameter("W_out", "hidden", "outputs", "normal")
    with m.step("Output"):
        output = m.define("output", h @ W_out)
    return squared_error(m.target("y", "samples", "outputs"), output)


X = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]
y = [0, 1, 1, 0]
options = {"seed": 3, "learning_rate": 0.02, "epochs": 200}
