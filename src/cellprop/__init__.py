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
    from cellprop.programs.fitted import from_sklearn as from_sklearn
    from cellprop.programs.fitted import from_torch as from_torch
    from cellprop.programs.network import Network as Network
    from cellprop.programs.program import Step as Step
    from cellprop.tracing import Trace as Trace
    from cellprop.tracing import article as article
    from cellprop.tracing import example as example
    from cellprop.tracing import trace as trace
    from cellprop.verification import Verification as Verification
    from cellprop.verification import verify as verify

_HOME = {
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
    "read": "files.datasets",
    "trace": "tracing",
    "Verification": "verification",
    "verify": "verification",
}

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
