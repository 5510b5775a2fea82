"""Batch normalisation in parts: each column is brought to mean 0 and variance 1 over the samples.

What to look at: on the way back every sample's `d_z` depends on all samples, since they share
the mean and the variance. `gamma` and `beta` learn how wide and how high a column is to be
again.
"""

import cellprop
from cellprop import mean, relu, sqrt, square, squared_error


@cellprop.program(inputs=2, hidden=2, outputs=1)
def batchnorm(m):
    """A hidden layer with batch normalisation, in parts."""
    x = m.given("x", "samples", "inputs")
    W_h = m.parameter("W_h", "inputs", "hidden")
    gamma = m.parameter("gamma", 1, "hidden", "ones")
    beta = m.parameter("beta", 1, "hidden", "zeros")
    W_o = m.parameter("W_o", "hidden", "outputs")
    with m.step("Weighted sums"):
        z = m.define("z", x @ W_h)
    with m.step("Mean and variance", says="Of each column, over the samples."):
        mu = m.define("mu", mean(z, axis=0))
        centred = m.define("centred", z - mu)
        variance = m.define("variance", mean(square(centred), axis=0))
    with m.step("Normalise", says="Mean 0 and variance 1; then as wide and as high as is learnt."):
        spread = m.define("spread", sqrt(variance + 1e-5))
        normal = m.define("normal", centred / spread)
        scaled = m.define("scaled", normal * gamma + beta)
    with m.step("Output"):
        h = m.define("h", relu(scaled))
        output = m.define("output", h @ W_o)
    return squared_error(m.target("y", "samples", "outputs"), output)


X = [[0.2, 5.0], [0.4, 3.0], [0.1, 8.0], [0.9, 4.0]]
y = [0.3, 0.5, 0.1, 0.8]
options = {"seed": 1, "learning_rate": 0.1, "epochs": 100}
