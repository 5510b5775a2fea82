"""A small convolutional network: does the stroke in an image fall or rise?

What to look at: each number of `map_a` is the sum of nine products of a window with the kernel
`K_a`, and that one kernel moves over all windows; so its gradient adds up what comes back from all
of them. Pooling keeps the largest number of four, and only to that one anything comes back.
"""

import cellprop
from cellprop import concatenate, convolve, cross_entropy, max_pool, relu, softmax


@cellprop.program(kernel=3, features=8, outputs=2)
def convolution(m):
    """One image, two kernels, ReLU, pooling and a class."""
    image = m.given("image", "rows", "columns")
    pooled = []
    for k in ("a", "b"):
        K = m.parameter(f"K_{k}", "kernel", "kernel", "glorot")
        bias = m.parameter(f"b_{k}", 1, 1, "zeros")
        says = "The kernel moves over the image, window by window; what is below 0 becomes 0."
        with m.step(f"Convolve {k}", says=says):
            found = m.define(f"map_{k}", convolve(image, K) + bias)
            active = m.define(f"active_{k}", relu(found))
        with m.step(f"Pool {k}", says="Of each four numbers the largest stays."):
            pooled.append(m.define(f"pool_{k}", max_pool(active)))
    W = m.parameter("W", "features", "outputs", "glorot")
    with m.step("Flatten", says="What both kernels found, one number beside the other."):
        rows = [pool[r] for pool in pooled for r in (0, 1)]
        flat = m.define("flat", concatenate(*rows, axis=1, name="features"))
    with m.step(
        "Output", says="A weighted sum for each class and its share: falls (o1) or rises (o2)."
    ):
        scores = m.define("scores", flat @ W)
        output = m.define("output", softmax(scores))
    return cross_entropy(m.target("y", 1, "outputs"), output)


X = {
    "image": [
        [1.0, 0.2, 0.0, 0.0, 0.0, 0.0],
        [0.3, 1.0, 0.2, 0.0, 0.0, 0.0],
        [0.0, 0.3, 1.0, 0.2, 0.0, 0.0],
        [0.0, 0.0, 0.3, 1.0, 0.2, 0.0],
        [0.0, 0.0, 0.0, 0.3, 1.0, 0.2],
        [0.0, 0.0, 0.0, 0.0, 0.3, 1.0],
    ]
}
y = [[1.0, 0.0]]  # falls, rises: it falls
options = {"seed": 1, "learning_rate": 0.1, "epochs": 20}
