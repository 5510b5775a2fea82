"""cellprop turns a neural network into a spreadsheet that you can read.

    >>> import cellprop
    >>> trace = cellprop.article()
    >>> trace["d_output"].shape
    (3, 1)

Names are imported when first used, so that `import cellprop` costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from cellprop.version import __version__

if TYPE_CHECKING:
    from cellprop.errors import CellpropError as CellpropError
    from cellprop.exercise.checking import check as check
    from cellprop.files.datasets import read as read
    from cellprop.marking.comparison import compare as compare
    from cellprop.marking.marks import Marks as Marks
    from cellprop.programs.building import Builder as Builder
    from cellprop.programs.building import program as program
    from cellprop.programs.fitted import from_sklearn as from_sklearn
    from cellprop.programs.fitted import from_torch as from_torch
    from cellprop.programs.functions import at_least as at_least
    from cellprop.programs.functions import batch_norm as batch_norm
    from cellprop.programs.functions import binary_cross_entropy as binary_cross_entropy
    from cellprop.programs.functions import causal_mask as causal_mask
    from cellprop.programs.functions import concatenate as concatenate
    from cellprop.programs.functions import convolve as convolve
    from cellprop.programs.functions import cross_entropy as cross_entropy
    from cellprop.programs.functions import elu as elu
    from cellprop.programs.functions import embed as embed
    from cellprop.programs.functions import exp as exp
    from cellprop.programs.functions import flip as flip
    from cellprop.programs.functions import gelu as gelu
    from cellprop.programs.functions import greater as greater
    from cellprop.programs.functions import layer_norm as layer_norm
    from cellprop.programs.functions import leaky_relu as leaky_relu
    from cellprop.programs.functions import log as log
    from cellprop.programs.functions import max_pool as max_pool
    from cellprop.programs.functions import maximum as maximum
    from cellprop.programs.functions import mean as mean
    from cellprop.programs.functions import mean_pool as mean_pool
    from cellprop.programs.functions import minimum as minimum
    from cellprop.programs.functions import one_hot as one_hot
    from cellprop.programs.functions import pad as pad
    from cellprop.programs.functions import power as power
    from cellprop.programs.functions import relu as relu
    from cellprop.programs.functions import sigmoid as sigmoid
    from cellprop.programs.functions import silu as silu
    from cellprop.programs.functions import softmax as softmax
    from cellprop.programs.functions import softplus as softplus
    from cellprop.programs.functions import split as split
    from cellprop.programs.functions import sqrt as sqrt
    from cellprop.programs.functions import square as square
    from cellprop.programs.functions import squared_error as squared_error
    from cellprop.programs.functions import sum as sum
    from cellprop.programs.functions import tanh as tanh
    from cellprop.programs.network import Network as Network
    from cellprop.programs.program import Step as Step
    from cellprop.running.sweeping import sweep as sweep
    from cellprop.tracing import Trace as Trace
    from cellprop.tracing import article as article
    from cellprop.tracing import example as example
    from cellprop.tracing import trace as trace
    from cellprop.verification import Verification as Verification
    from cellprop.verification import verify as verify

# What programs are written with.
_FUNCTIONS = (
    "at_least", "batch_norm", "binary_cross_entropy", "causal_mask", "concatenate", "convolve",
    "cross_entropy", "elu", "embed", "exp", "flip", "gelu", "greater", "layer_norm",
    "leaky_relu", "log", "max_pool", "maximum", "mean", "mean_pool", "minimum", "one_hot", "pad",
    "power", "relu", "sigmoid", "silu", "softmax", "softplus", "split", "sqrt", "square",
    "squared_error", "sum", "tanh",
)  # fmt: skip

_HOME = {
    "Builder": "programs.building",
    "CellpropError": "errors",
    "Marks": "marking.marks",
    "Network": "programs.network",
    "Step": "programs.program",
    "Trace": "tracing",
    "article": "tracing",
    "check": "exercise.checking",
    "compare": "marking.comparison",
    "example": "tracing",
    "from_sklearn": "programs.fitted",
    "from_torch": "programs.fitted",
    "program": "programs.building",
    "read": "files.datasets",
    "sweep": "running.sweeping",
    "trace": "tracing",
    "Verification": "verification",
    "verify": "verification",
} | dict.fromkeys(_FUNCTIONS, "programs.functions")

__all__ = [  # noqa: PLE0604 - strings all
    *_HOME,
    "__version__",
]


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'cellprop' has no attribute '{name}'")
    return getattr(import_module(f"cellprop.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOME])
