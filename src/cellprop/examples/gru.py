"""A gated recurrent unit over two time steps: what is the mean of what it has read?

What to look at: the update gate `u` says how much of the old state stays, and `1 - u` how much of
the new one comes in; so on the way back `d_h_1` takes `d_h_2` times `u_2`, beside what comes back
through the gates. Where the reset gate `r` is near 0, the new state forgets the old one.
"""

import cellprop
from cellprop import sigmoid, split, squared_error, tanh


@cellprop.program(inputs=1, hidden=2, gates=6, outputs=1)
def gru(m):
    """A gated recurrent unit over two time steps: two gates and a new state."""
    W = m.parameter("W", "inputs", "gates", "glorot")
    U = m.parameter("U", "hidden", "gates", "glorot")
    b = m.parameter("b", 1, "gates", "zeros")
    W_o = m.parameter("W_o", "hidden", "outputs", "glorot")
    h = m.zeros("h_0", "samples", "hidden")
    for t in (1, 2):
        says = "What comes in and what was kept, each weighted: a third to reset, update and renew."
        with m.step(f"Sums {t}", says=says):
            x = m.given(f"x_{t}", "samples", "inputs")
            a = m.define(f"a_{t}", x @ W + b)
            k = m.define(f"k_{t}", h @ U)
        a_r, a_u, a_n = split(a, like=h)
        k_r, k_u, k_n = split(k, like=h)
        with m.step(f"Gates {t}", says="How much to reset (r), how much of the old to keep (u)."):
            r = m.define(f"r_{t}", sigmoid(a_r + k_r))
            u = m.define(f"u_{t}", sigmoid(a_u + k_u))
        with m.step(f"New {t}", says="The new state sees of the old one what was not reset."):
            n = m.define(f"n_{t}", tanh(a_n + r * k_n))
        with m.step(f"State {t}", says="Some of the new state, and of the old one what is kept."):
            h = m.define(f"h_{t}", (1 - u) * n + u * h)
    with m.step("Output", says="The last state gives the answer."):
        output = m.define("output", h @ W_o)
    return squared_error(m.target("y", "samples", "outputs"), output)


X = {"x_1": [[0.9], [-0.4], [0.2], [-0.8]], "x_2": [[0.1], [0.6], [-0.8], [-0.2]]}
y = [0.5, 0.1, -0.3, -0.5]
options = {"seed": 1, "learning_rate": 0.2, "epochs": 200}
