"""What comes of comparing somebody's matrices with ours: marks, and how theirs were taken.

Frozen data: `comparison` makes it, and knows `said`, which says what there is to say of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from cellprop.algebra import Matrix
from cellprop.marking.marks import Marked, Marks
from cellprop.marking.matching import LOSS, Left, Match
from cellprop.marking.variants import Variant
from cellprop.marking.verdicts import BLANK, CARRIED, FULL, NOT_COMPUTED


@dataclass(frozen=True, eq=False)
class Taken:
    """A matrix of theirs that was compared.

    Attributes:
        match: Which it is, and as what of ours it was taken.
        variant: How theirs follows from ours.
    """

    match: Match
    variant: Variant


@dataclass(frozen=True)
class Differs:
    """A given matrix that is not the run's.

    Attributes:
        theirs, ours: The names.
        row, column: Where it differs most, counted from 1.
        found, expected: The numbers there; NaN for none.
    """

    theirs: str
    ours: str
    row: int
    column: int
    found: float
    expected: float


# What can be said of a matrix as a whole.
RIGHT, APPROXIMATE, ON, UNFINISHED, WRONG = STATES = (
    "right", "approximate", "carried", "unfinished", "wrong",
)  # fmt: skip


def state(marked: Marked) -> str:
    """Return one of `STATES`: how it stands with a matrix as a whole."""
    verdicts = marked.verdicts
    missing = np.isin(verdicts, (BLANK, NOT_COMPUTED))
    if not (np.isin(verdicts, FULL) | missing).all():
        return WRONG
    if missing.any():
        return UNFINISHED
    if (verdicts == CARRIED).any():
        return ON
    return APPROXIMATE if marked.approximate.any() else RIGHT


@dataclass(frozen=True, eq=False)
class Comparison(Marks):
    """The marks for matrices from elsewhere; printed, it says first what to look at first.

    Attributes:
        ours: All matrices that theirs could be, by name.
        taken: For each of our matrices that was compared, the one of theirs.
        left: Those of theirs that were compared with none.
        differs: Given matrices that are not the run's: what follows can't agree.
        looks_rounded: To how many decimals all numbers are rounded, if they agree when they are
            compared so; else None.
        say: Returns all there is to say of it, as lines of plain text.
    """

    ours: Mapping[str, Matrix] = field(default_factory=dict)
    taken: Mapping[str, Taken] = field(default_factory=dict)
    left: tuple[Left, ...] = ()
    differs: tuple[Differs, ...] = ()
    looks_rounded: int | None = None
    say: Callable[[Comparison], str] = repr

    @property
    def ok(self) -> bool:
        """Whether all that was compared is right."""
        every = all(np.isin(each.verdicts, FULL).all() for each in self.matrices)
        return every and not self.differs and not self.misfits

    @property
    def misfits(self) -> tuple[Left, ...]:
        """Those of theirs that have the name of a computed matrix, but not its shape."""
        return tuple(
            each
            for each in self.left
            if each.why == "shape"
            and self.ours[each.says].definition is not None
            # Who keeps the losses of all epochs has done nothing wrong.
            and each.says != LOSS
        )

    def __repr__(self) -> str:
        counts = Counter(map(state, self.matrices))
        said = ", ".join(f"{counts[each]} {each}" for each in STATES if counts[each])
        return f"<Comparison of {len(self.matrices)} matrices: {said}>"

    def __str__(self) -> str:
        return self.say(self)
