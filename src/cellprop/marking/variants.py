"""The variants in which people have a matrix: transposed, a gradient for a change, a mean for a
sum.

A variant of what is right is not wrong. It is an orientation and a factor: theirs is ours times the
factor. Which factors there are follows from what people choose: the sign of a gradient,
whether it is summed or averaged over samples or outputs, whether the square is halved. Knows
arrays; knows nothing of which matrix is which.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cellprop.algebra import Array
from cellprop.files.matrices import Found
from cellprop.marking.verdicts import Mask

# A matrix has a variant if at least this share of its numbers agrees in it.
NEARLY_ALL = 0.75
# How closely numbers have to agree for their variant to be known: as 32 bits hold them, at least.
CLOSE = 1e-4


@dataclass(frozen=True)
class Factor:
    """By what theirs is larger than ours, and why.

    Attributes:
        value: The number.
        negative: Theirs is an adjoint (a gradient) where ours is the change wanted, its negative.
        samples: -1: theirs is the mean over the samples where ours is the sum; 1: the other way
            round; 0: neither.
        doubled: The derivative of a square that was not halved.
        outputs: Whether theirs is the mean over the outputs as well.
    """

    value: float = 1.0
    negative: bool = False
    samples: int = 0
    doubled: bool = False
    outputs: bool = False


PLAIN = Factor()


@dataclass(frozen=True)
class Variant:
    """How theirs follows from ours.

    Attributes:
        turned: Whether it is transposed.
        factor: What it is multiplied by.
        power: How often; 0 where no choice of a sign or a mean plays a part.
    """

    turned: bool = False
    factor: Factor = PLAIN
    power: int = 0

    @property
    def scale(self) -> float:
        """Theirs divided by ours."""
        return float(self.factor.value**self.power)

    def to_ours(self, found: Found, shape: tuple[int, int]) -> tuple[Array, NDArray[Any]]:
        """Return numbers and texts of theirs as we would have them, in our shape, which has to be
        that of this variant of theirs.
        """
        values, texts = (
            _arranged(each, shape, self.turned) for each in (found.values, found.texts)
        )
        assert values is not None
        assert texts is not None
        return values / self.scale, texts

    def to_theirs(self, ours: Array) -> Array:
        """Return numbers of ours as they would have them; transposed, if theirs are."""
        scaled: Array = ours * self.scale
        return scaled.T if self.turned else scaled


def factors(samples: int, outputs: int, *, signed: bool = True) -> tuple[Factor, ...]:
    """Return the factors that people's choices make, the simplest first; each number once.

    >>> [factor.value for factor in factors(4, 1, signed=False)]
    [1.0, 0.25, 4.0, 2.0, 0.5, 8.0]
    """
    found: dict[float, Factor] = {}
    choices = product((False, True), (False, True), (0, -1, 1), (False, True)[: 1 + signed])
    for over_outputs, doubled, over_samples, negative in choices:
        value = float(samples) ** over_samples * (2.0 if doubled else 1.0)
        value = (-value if negative else value) / (outputs if over_outputs else 1)
        found.setdefault(value, Factor(value, negative, over_samples, doubled, over_outputs))
    return tuple(found.values())


def _arranged(array: NDArray[Any], shape: tuple[int, int], turned: bool) -> NDArray[Any] | None:
    """Return an array in a shape, or transposed; None if it does not fit. Axes of one number may be
    anywhere, or missing.
    """
    sizes = [size for size in array.shape if size != 1]
    wanted = [size for size in shape if size != 1]
    if turned:
        if len(wanted) != 2 or sizes != wanted[::-1]:
            return None
        return array.reshape(sizes).T
    return array.reshape(shape) if sizes == wanted else None


def orientations(found: Found, shape: tuple[int, int]) -> tuple[bool, ...]:
    """Return the ways in which a matrix fits a shape: as it is (False), transposed (True)."""
    return tuple(
        turned for turned in (False, True) if _arranged(found.values, shape, turned) is not None
    )


def agreeing(theirs: Array, ours: Array, close: float) -> Mask:
    """Return a mask of where numbers agree, as far as a variant can be known by them."""
    size = np.nanmax(abs(ours), initial=0.0, where=np.isfinite(ours))
    return np.asarray(abs(theirs - ours) <= close * (abs(ours) + 0.01 * size))


@dataclass(frozen=True)
class Fit:
    """How well a matrix agrees with ours in a variant.

    Attributes:
        variant: The variant.
        share: Of its numbers, how many agree.
    """

    variant: Variant
    share: float

    @property
    def is_good(self) -> bool:
        """Whether nearly all agree."""
        return self.share >= NEARLY_ALL


def fits(
    found: Found,
    ours: Sequence[Array],
    power: int,
    choices: Iterable[Factor],
    close: float = CLOSE,
) -> Iterator[Fit]:
    """Yield each variant that a matrix may have, with how well it then agrees.

    Parameters
    ----------
    found
        Theirs.
    ours
        What it may agree with: what is right, and what follows from their own earlier numbers.
    power
        How often a factor applies; 0: never.
    choices
        The factors to try.
    close
        To which share of their size numbers have to agree.
    """
    shape = (ours[0].shape[0], ours[0].shape[1])
    for turned in orientations(found, shape):
        for factor in choices if power else (PLAIN,):
            variant = Variant(turned, factor, power)
            values, _ = variant.to_ours(found, shape)
            there = np.isfinite(values)
            agree = [agreeing(values, each, close)[there].mean() for each in ours if there.any()]
            yield Fit(variant, float(max(agree, default=0.0)))


def best_fit(found: Sequence[Fit], preferred: Sequence[Variant]) -> Fit | None:
    """Return the best fit; of equal ones that of a preferred variant, or else the simplest."""

    def order(fit: Fit) -> tuple[float, int]:
        known = preferred.index(fit.variant) if fit.variant in preferred else len(preferred)
        return -fit.share, known

    return min(found, key=order, default=None)
