"""An activation that the table does not have, for tests that add one."""

from __future__ import annotations

import numpy as np

from cellprop.algebra import CALL, PLUS, Form, apply, elementwise

# As it would stand in the table. EXP never gets a number above 0, so none overflows.
SOFTPLUS = elementwise(
    "softplus",
    lambda x: np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x))),
    maths=Form("ln(1 + exp({0}))", CALL, (0,)),
    numpy=Form("np.logaddexp(0, {0})", CALL, (0,)),
    r=Form("pmax({0}, 0) + log(1 + exp(-abs({0})))", PLUS, (0,)),
    excel=Form("IF({0}>0,{0},0)+LN(1+EXP(-ABS({0})))", PLUS, (0,)),
    cell=Form("MAX({0},0)+LN(1+EXP(-ABS({0})))", PLUS, (0,)),
    slope=lambda _, z: apply("sigmoid", z),
)
