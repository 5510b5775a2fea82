"""The table of losses: how far outputs are from targets. Adding one is adding a row here, and its
words.

A loss is an operation of the targets and the output whose result is to become smaller. Where its
derivative and an activation's slope cancel, the row says so, and what is left.
"""

from __future__ import annotations

import numpy as np

from cellprop.algebra.arithmetic import TINY
from cellprop.algebra.expressions import Applied, Array, Form, Operation, Targets
from cellprop.algebra.notation import CALL, PLUS, TIMES
from cellprop.algebra.rows import loss


def _binary_cross_entropy(y: Array, output: Array) -> Array:
    likely = np.log(np.maximum(output, TINY))
    unlikely = np.log(np.maximum(1.0 - output, TINY))
    result: Array = -(y * likely + (1.0 - y) * unlikely)
    return result


def _cross_entropy(y: Array, output: Array) -> Array:
    result: Array = -(y * np.log(np.maximum(output, TINY)))
    return result


LOSSES: tuple[Operation, ...] = (
    loss(
        "squared_error",
        lambda y, output: np.square(y - output) / 2.0,
        maths=Form("({0} − {1})² / 2", TIMES, (PLUS, PLUS + 1)),
        numpy=Form("({0} - {1}) ** 2 / 2", TIMES, (PLUS, PLUS + 1)),
        r=Form("({0} - {1})^2 / 2", TIMES, (PLUS, PLUS + 1)),
        excel=Form("({0}-{1})^2/2", TIMES, (PLUS, PLUS + 1)),
        cell=Form("SUMSQ({0}-{1})/2", TIMES, (PLUS, PLUS + 1)),
        derivative=lambda y, output: output - y,
        by_targets=lambda y, output: y - output,
    ),
    loss(
        "binary_cross_entropy",
        _binary_cross_entropy,
        maths=Form("−{0} ⊙ ln({1}) − (1 − {0}) ⊙ ln(1 − {1})", PLUS, (CALL, PLUS + 1)),
        numpy=Form("-{0} * np.log({1}) - (1 - {0}) * np.log(1 - {1})", PLUS, (CALL, PLUS + 1)),
        r=Form("-{0} * log({1}) - (1 - {0}) * log(1 - {1})", PLUS, (CALL, PLUS + 1)),
        excel=Form("-{0}*LN({1})-(1-{0})*LN(1-{1})", PLUS, (CALL, PLUS + 1)),
        # LN(0) is an error in a spreadsheet.
        cell=Form(
            "-({0}*LN(MAX(EXP(-460),{1}))+(1-{0})*LN(MAX(EXP(-460),1-{1})))",
            PLUS,
            (CALL, PLUS + 1),
        ),
        derivative=lambda y, o: Applied("ratio", o - y, o * (1 - o)),
        cancels={"sigmoid": lambda y, output: output - y},
        targets=Targets(0.0, 1.0),
    ),
    loss(
        "cross_entropy",
        _cross_entropy,
        maths=Form("−{0} ⊙ ln({1})", PLUS, (CALL, 0)),
        numpy=Form("-{0} * np.log({1})", PLUS, (CALL, 0)),
        r=Form("-{0} * log({1})", PLUS, (CALL, 0)),
        excel=Form("-{0}*LN({1})", PLUS, (CALL, 0)),
        cell=Form("-{0}*LN(MAX(EXP(-460),{1}))", PLUS, (CALL, 0)),
        derivative=lambda y, output: 0 - Applied("ratio", y, output),
        # As long as the targets of a sample add up to 1.
        cancels={"softmax": lambda y, output: output - y},
        targets=Targets(0.0, 1.0, total=1.0),
    ),
)
