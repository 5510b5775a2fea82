"""The verdicts on a number, and what an answer is that gets them.

Knows numbers only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cellprop.algebra import Array

Verdict = Literal[
    "right", "carried", "rounded", "slip", "wrong", "blank", "not a number", "not computed"
]
VERDICTS: tuple[Verdict, ...] = (
    "right", "carried", "rounded", "slip", "wrong", "blank", "not a number", "not computed",
)  # fmt: skip
RIGHT, CARRIED, ROUNDED, SLIP, WRONG, BLANK, NOT_A_NUMBER, NOT_COMPUTED = range(8)
# Those that earn their marks in full.
FULL = (RIGHT, CARRIED, ROUNDED)

# Why numbers that are right, or follow, earn nothing; and copies of what an update begins with.
ONE_NUMBER, COPIED, NOT_CALCULATED, NOT_UPDATED = (
    "one_number", "copied", "not_calculated", "not_updated",
)  # fmt: skip
# The slips of taking what stands elsewhere.
OTHERS = ("other_sample", "other_neuron", "updated_too_early")

Mask = NDArray[np.bool_]
Codes = NDArray[np.int8]
Texts = tuple[tuple[str, ...], ...]


@dataclass(frozen=True, eq=False)
class Answer:
    """What somebody has put in the place of a matrix.

    Attributes:
        values: Of the matrix's shape; NaN where there is no number.
        texts: What stands there instead, by row and column from 0; nothing where it is blank.
        unread: Where there may be a number that could not be computed, by row and column from 0.
        single: Whether the numbers were stored as 32-bit floats.
    """

    values: Array
    texts: Mapping[tuple[int, int], str] = field(default_factory=dict)
    unread: frozenset[tuple[int, int]] = frozenset()
    single: bool = False
