"""The table of activations: what neurons apply to their input. Adding one is adding a row here, and
its words.

A row's `slope` is written with the output where that is shorter, as in the article. Each survives
any input that a spreadsheet can hold: a large number saturates, it does not become an error.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cellprop.algebra import axes, cells, notation, ranges
from cellprop.algebra.arithmetic import BENT, LEAK, bent, sum_in_order
from cellprop.algebra.expressions import (
    Applied,
    Array,
    Expression,
    Form,
    Keep,
    Operation,
    Range,
    minimum,
    square,
    sum_over_columns,
)
from cellprop.algebra.notation import CALL, COMPARED, MINUS_SIGN, PLUS, TIMES, call
from cellprop.algebra.rows import elementwise
from cellprop.algebra.spans import ALL, ROW


def _sigmoid(x: Array) -> Array:
    """Return 1 / (1 + exp(-x)); a large negative x saturates instead of overflowing."""
    result: Array = np.negative(x)
    np.minimum(result, 700.0, out=result)
    np.exp(result, out=result)
    result += 1.0
    return np.divide(1.0, result, out=result)


def _leaky(x: Array, leak: float) -> Array:
    result: Array = np.maximum(x, leak * x)
    return result


def _softplus(x: Array) -> Array:
    result: Array = np.maximum(x, 0.0) + np.log(1.0 + np.exp(-np.abs(x)))
    return result


def _elu(x: Array) -> Array:
    """Return x, or exp(x) - 1 where that is larger: below 0."""
    result: Array = np.maximum(x, np.exp(np.minimum(x, 0.0)) - 1.0)
    return result


def _silu(x: Array) -> Array:
    """Return x / (1 + exp(-x)); what is far below 0 stops on its way to it."""
    x = np.maximum(x, -600.0)
    result: Array = x / (1.0 + np.exp(-x))
    return result


def _slope_of_silu(output: Expression, z: Expression) -> Expression:
    share = Applied("sigmoid", z)
    return share + output * (1 - share)


def _range_with_dip(expression: Applied, operands: Sequence[Range]) -> Range:
    """Return the Range of a SiLU or a GELU: a little below 0 they dip, to -0.28 and to -0.17."""
    return ranges.widened((-0.28, 0.0), ranges.at_ends(expression, operands))


def _softmax(x: Array) -> Array:
    """Return exponentials that add up to 1 in each row; the largest is taken off first, since
    that changes nothing but keeps them from overflowing.
    """
    exponentials = np.exp(x - x.max(axis=1, keepdims=True))
    result: Array = exponentials / sum_in_order(exponentials)
    return result


def _softmax_in_parts(z: Expression, keep: Keep) -> Expression:
    shifted = z - Applied("maximum_over_columns", z)
    exponentials = keep("exponentials", Applied("exponential", shifted), "e")
    return exponentials / keep("sum", sum_over_columns(exponentials), "s")


ACTIVATIONS: tuple[Operation, ...] = (
    elementwise(
        "sigmoid",
        _sigmoid,
        maths=call("σ({0})"),
        numpy=Form("1 / (1 + np.exp(-{0}))", TIMES, (MINUS_SIGN,)),
        r=Form("1 / (1 + exp(-{0}))", TIMES, (MINUS_SIGN,)),
        # In a spreadsheet -A1^2 is (-A1)^2, so a power after the sign needs parentheses.
        excel=Form("1/(1+EXP(-{0}))", TIMES, (CALL,)),
        # EXP(710) is an error in a spreadsheet, so the exponent stops at 700.
        cell=Form("1/(1+EXP(MIN(700,-{0})))", TIMES, (CALL,)),
        worked=Form("1 / (1 + exp(−{0}))", TIMES, (CALL,)),
        torch=call("torch.sigmoid({0})"),
        slope=lambda output, _: output * (1 - output),
        bounds=(0.0, 1.0),
    ),
    elementwise(
        "tanh",
        np.tanh,
        maths=call("tanh({0})"),
        numpy=call("np.tanh({0})"),
        r=call("tanh({0})"),
        excel=call("TANH({0})"),
        slope=lambda output, _: 1 - square(output),
        bounds=(-1.0, 1.0),
    ),
    elementwise(
        "relu",
        lambda x: np.maximum(x, 0.0),
        maths=call("max(0, {0})"),
        numpy=call("np.maximum({0}, 0)"),
        r=call("pmax({0}, 0)"),
        # In an array formula MAX would take the largest of all.
        excel=call("IF({0}>0,{0},0)"),
        cell=call("MAX(0,{0})"),
        torch=call("torch.relu({0})"),
        slope=lambda output, _: Applied("positive", output),
    ),
    elementwise(
        "leaky_relu",
        _leaky,
        maths=Form("max({leak} {0}, {0})", CALL, (TIMES,)),
        numpy=Form("np.maximum({0}, {leak} * {0})", CALL, (TIMES + 1,)),
        r=Form("pmax({0}, {leak} * {0})", CALL, (TIMES + 1,)),
        excel=Form("IF({0}>0,{0},{leak}*{0})", CALL, (TIMES + 1,)),
        cell=Form("MAX({0},{leak}*{0})", CALL, (TIMES + 1,)),
        worked=Form("max({leak} · {0}, {0})", CALL, (TIMES + 1,)),
        torch=call("torch.nn.functional.leaky_relu({0}, {leak})"),
        slope=lambda output, _, leak: Applied("positive_or_leak", output, leak=leak),
        settings={"leak": LEAK},
    ),
    elementwise(
        "linear",
        np.positive,
        maths=Form("{0}", PLUS, (0,)),
        numpy=Form("{0}", PLUS, (0,)),
        excel=Form("{0}", PLUS, (0,)),
        slope=lambda output, _: Applied("ones", output),
    ),
    elementwise(
        "softplus",
        _softplus,
        maths=call("ln(1 + exp({0}))"),
        numpy=call("np.logaddexp(0, {0})"),
        r=Form("pmax({0}, 0) + log(1 + exp(-abs({0})))", PLUS, (0,)),
        excel=Form("IF({0}>0,{0},0)+LN(1+EXP(-ABS({0})))", PLUS, (COMPARED + 1,)),
        # EXP never gets a number above 0.
        cell=Form("MAX(0,{0})+LN(1+EXP(-ABS({0})))", PLUS, (0,)),
        # PyTorch's own softplus stops counting at 20.
        torch=call("torch.logaddexp(torch.zeros_like({0}), {0})"),
        slope=lambda _, z: Applied("sigmoid", z),
    ),
    elementwise(
        "elu",
        _elu,
        maths=call("max({0}, exp(min(0, {0})) − 1)"),
        numpy=call("np.maximum({0}, np.exp(np.minimum({0}, 0)) - 1)"),
        r=call("pmax({0}, exp(pmin({0}, 0)) - 1)"),
        excel=Form("IF({0}>0,{0},EXP({0})-1)", CALL, (COMPARED + 1,)),
        cell=call("MAX({0},EXP(MIN(0,{0}))-1)"),
        torch=call("torch.nn.functional.elu({0})"),
        # Below 0 the slope is exp(x), which is the output and 1.
        slope=lambda output, _: 1 + minimum(output, 0),
    ),
    elementwise(
        "silu",
        _silu,
        maths=Form("{0} ⊙ σ({0})", TIMES, (TIMES,)),
        numpy=Form("{0} / (1 + np.exp(-{0}))", TIMES, (MINUS_SIGN,)),
        r=Form("{0} / (1 + exp(-{0}))", TIMES, (MINUS_SIGN,)),
        excel=Form("{0}/(1+EXP(-{0}))", TIMES, (CALL,)),
        # From -700 on the quotient would be too small to be shown with its sign.
        cell=Form("MAX(-600,{0})/(1+EXP(-MAX(-600,{0})))", TIMES, (0,)),
        worked=Form("{0} / (1 + exp(−{0}))", TIMES, (CALL,)),
        torch=call("torch.nn.functional.silu({0})"),
        slope=_slope_of_silu,
        range=_range_with_dip,
    ),
    # In its form with tanh, since not every spreadsheet program has the normal distribution.
    elementwise(
        "gelu",
        lambda x: 0.5 * x * (1.0 + np.tanh(bent(x))),
        maths=call("gelu({0})"),
        numpy=Form(f"0.5 * {{0}} * (1 + np.tanh({BENT['numpy']}))", TIMES, (CALL,)),
        r=Form(f"0.5 * {{0}} * (1 + tanh({BENT['r']}))", TIMES, (CALL,)),
        excel=Form(f"0.5*{{0}}*(1+TANH({BENT['excel']}))", TIMES, (CALL,)),
        cell=Form(f"0.5*{{0}}*(1+TANH({BENT['cell']}))", TIMES, (CALL,)),
        worked=Form(f"0.5 · {{0}} · (1 + tanh({BENT['worked']}))", TIMES, (CALL,)),
        torch=call('torch.nn.functional.gelu({0}, approximate="tanh")'),
        slope=lambda _, z: Applied("gelu_slope", z),
        range=_range_with_dip,
    ),
    Operation(
        "softmax",
        _softmax,
        reads=((ROW, ALL),),
        maths=call("softmax({0})"),
        numpy=notation.as_parts("numpy"),
        r=notation.as_parts("r"),
        excel=notation.as_parts("excel"),
        torch=call("torch.softmax({0}, dim=1)"),
        cells=cells.as_parts,
        axes=axes.of_elements,
        range=ranges.within(0.0, 1.0),
        parts=_softmax_in_parts,
        back=lambda g, output, _: (output * (g - sum_over_columns(output * g)),),
        bounds=(0.0, 1.0),
    ),
)
