"""A recurrent network with a loss at every time step: after each number it says the sum so far.

What to look at: three losses instead of one. On the way back `d_h_1` has two shares, one from
its own loss and one from the time step after it, and so has every gradient.
"""

import cellprop
from cellprop import squared_error, tanh


@cellprop.program(inputs=1, hidden=2, outputs=1)
def seq(m):
    """A recurrent network with a loss at each of three time steps: many to many."""
    W_x = m.parameter("W_x", "inputs", "hidden")
    W_h = m.parameter("W_h", "hidden", "hidden")
    W_o = m.parameter("W_o", "hidden", "outputs")
    h = m.zeros("h_0", "samples", "hidden")
    losses = []
    for t in (1, 2, 3):
        with m.step(f"Time {t}", says="The hidden state, and what the network says by now."):
            x = m.given(f"x_{t}", "samples", "inputs")
            z = m.define(f"z_{t}", x @ W_x + h @ W_h)
            h = m.define(f"h_{t}", tanh(z))
            o = m.define(f"o_{t}", h @ W_o)
        with m.step(f"Loss {t}", says="How far that is from the sum so far."):
            y = m.target(f"y_{t}", "samples", "outputs")
            losses.append(m.define(f"loss_{t}", squared_error(y, o)))
    return losses


X = {
    "x_1": [[0.5], [-0.8], [0.1]],
    "x_2": [[0.2], [-0.1], [-0.6]],
    "x_3": [[-0.4], [0.3], [0.7]],
}
y = {
    "y_1": [[0.5], [-0.8], [0.1]],
    "y_2": [[0.7], [-0.9], [-0.5]],
    "y_3": [[0.3], [-0.6], [0.2]],
}
options = {"seed": 1, "learning_rate": 0.1, "epochs": 100}
