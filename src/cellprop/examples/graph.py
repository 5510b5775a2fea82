"""Two rounds of message passing over five people who know one another.

What to look at: the matrix `A` says who hears whom, and is used in both rounds; on the way back
it is turned over, so what was heard is traced to who said it. After two rounds everybody has
heard from the acquaintances of their acquaintances.
"""

import cellprop
from cellprop import binary_cross_entropy, relu, sigmoid


@cellprop.program(features=2, hidden=3, outputs=1)
def graph(m):
    """A graph network: two rounds of message passing, then an answer for each node."""
    x = m.given("x", "people", "features")
    A = m.constant(
        "A",
        [
            [0.5, 0.5, 0.0, 0.0, 0.0],
            [0.25, 0.25, 0.25, 0.25, 0.0],
            [0.0, 0.5, 0.5, 0.0, 0.0],
            [0.0, 0.3, 0.0, 0.4, 0.3],
            [0.0, 0.0, 0.0, 0.5, 0.5],
        ],
        "people",
        "people",
    )
    W_1 = m.parameter("W_1", "features", "hidden", "normal")
    W_2 = m.parameter("W_2", "hidden", "hidden", "normal")
    W_o = m.parameter("W_o", "hidden", "outputs", "normal")
    with m.step("Round 1", says="Everybody says something, and takes up what is heard."):
        said = m.define("said_1", x @ W_1)
        heard = m.define("heard_1", A @ said)
        h = m.define("h_1", relu(heard))
    with m.step("Round 2", says="The same again, of what was taken up."):
        said = m.define("said_2", h @ W_2)
        heard = m.define("heard_2", A @ said)
        h = m.define("h_2", relu(heard))
    with m.step("Output"):
        u = m.define("u", h @ W_o)
        output = m.define("output", sigmoid(u))
    return binary_cross_entropy(m.target("y", "people", "outputs"), output)


X = {"x": [[1.0, 0.0], [0.0, 1.0], [1.0, 1.0], [0.0, 0.5], [0.5, 0.0]]}
y = [1, 0, 1, 0, 1]
options = {"seed": 2, "learning_rate": 0.1, "epochs": 100}
