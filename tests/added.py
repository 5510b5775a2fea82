"""An activation that the table does not have, for tests that add one."""

from __future__ import annotations

import numpy as np

from cellprop.algebra import CALL, TIMES, Form, apply, elementwise, square

# As it would stand in the table. Its divisor is never less than 1.
SOFTSIGN = elementwise(
    "softsign",
    lambda x: x / (1 + np.abs(x)),
    maths=Form("{0} / (1 + |{0}|)", TIMES, (CALL,)),
    numpy=Form("{0} / (1 + np.abs({0}))", TIMES, (CALL,)),
    r=Form("{0} / (1 + abs({0}))", TIMES, (CALL,)),
    excel=Form("{0}/(1+ABS({0}))", TIMES, (CALL,)),
    slope=lambda output, _: square(1 - apply("absolute", output)),
    bounds=(-1.0, 1.0),
)
