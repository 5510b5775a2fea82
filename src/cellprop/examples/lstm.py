"""A long short-term memory over two time steps: did the second number come out above the first?

What to look at: one weighted sum `z` makes all four gates, side by side, and each gate is a slice
of it. The cell `c` is carried on by adding, so on the way back `d_c_1` takes `d_c_2` times the gate
`f_2`: no weights stand between them.
"""

import cellprop
from cellprop import cross_entropy, sigmoid, softmax, split, tanh


@cellprop.program(inputs=1, hidden=2, gates=8, outputs=2)
def lstm(m):
    """A long short-term memory over two time steps: four gates and a cell."""
    W = m.parameter("W", "inputs", "gates", "glorot")
    U = m.parameter("U", "hidden", "gates", "glorot")
    b = m.parameter("b", 1, "gates", "zeros")
    W_o = m.parameter("W_o", "hidden", "outputs", "glorot")
    h = m.zeros("h_0", "samples", "hidden")
    c = m.zeros("c_0", "samples", "hidden")
    for t in (1, 2):
        with m.step(f"Sums {t}", says="One weighted sum for all gates, a quarter for each."):
            x = m.given(f"x_{t}", "samples", "inputs")
            z = m.define(f"z_{t}", x @ W + h @ U + b)
        says = "How much to let in (i) and to keep (f), what is new (g), how much to show (o)."
        with m.step(f"Gates {t}", says=says):
            z_i, z_f, z_g, z_o = split(z, like=h)
            i = m.define(f"i_{t}", sigmoid(z_i))
            f = m.define(f"f_{t}", sigmoid(z_f))
            g = m.define(f"g_{t}", tanh(z_g))
            o = m.define(f"o_{t}", sigmoid(z_o))
        says = "The cell: some of what was there, some of what is new. The state: what it shows."
        with m.step(f"Cell {t}", says=says):
            c = m.define(f"c_{t}", f * c + i * g)
            h = m.define(f"h_{t}", o * tanh(c))
    with m.step("Output", says="The last state decides: a share for each class."):
        scores = m.define("scores", h @ W_o)
        output = m.define("output", softmax(scores))
    return cross_entropy(m.target("y", "samples", "outputs"), output)


X = {"x_1": [[0.9], [-0.4], [0.2]], "x_2": [[0.1], [0.6], [-0.8]]}
y = ["fell", "rose", "fell"]
options = {"seed": 1, "learning_rate": 0.5, "epochs": 100}
