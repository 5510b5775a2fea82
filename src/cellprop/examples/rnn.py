"""A recurrent network: it reads three numbers one after the other, and says whether their sum is
above 0. The same weights are used at every time step.

What to look at: the hidden state is carried from `Time 1` to `Time 3`; on the way back each time
step has a share in the gradient of `W_x`, `W_h` and `b`, and the shares are added up.
"""

import cellprop
from cellprop import cross_entropy, softmax, tanh


@cellprop.program(inputs=1, hidden=2, outputs=2)
def rnn(m):
    """A recurrent network over three time steps: many to one."""
    W_x = m.parameter("W_x", "inputs", "hidden")
    W_h = m.parameter("W_h", "hidden", "hidden")
    b = m.parameter("b", 1, "hidden")
    W_o = m.parameter("W_o", "hidden", "outputs")
    h = m.zeros("h_0", "samples", "hidden")
    for t in (1, 2, 3):
        says = "The hidden state: what comes in now, and what was kept from before, through a tanh."
        with m.step(f"Time {t}", says=says):
            x = m.given(f"x_{t}", "samples", "inputs")
            z = m.define(f"z_{t}", x @ W_x + h @ W_h + b)
            h = m.define(f"h_{t}", tanh(z))
    with m.step("Output", says="The last hidden state decides: a share for each class."):
        scores = m.define("scores", h @ W_o)
        output = m.define("output", softmax(scores))
    return cross_entropy(m.target("y", "samples", "outputs"), output)


X = {
    "x_1": [[0.5], [-0.8], [0.1], [0.9]],
    "x_2": [[0.2], [-0.1], [-0.6], [-0.4]],
    "x_3": [[0.6], [0.3], [-0.7], [0.2]],
}
y = ["above", "below", "below", "above"]
options = {"seed": 1, "learning_rate": 0.5, "epochs": 100}
