"""Numbers are shown with at least two significant digits, with the same decimals in a matrix."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from cellprop.formats import LARGE, MOST_DECIMALS, Format, choose

SHAPES = array_shapes(min_dims=2, max_dims=2, max_side=5)
# Small, large and middling numbers, and what looks typed.
any_number = (
    st.floats(-1e50, 1e50)
    | st.floats(-1, 1)
    | st.floats(-1e-3, 1e-3)
    | st.decimals(-9999, 9999, places=3).map(float)
    | st.integers(-99, 99).map(float)
)
matrices = arrays(float, SHAPES, elements=any_number)


def significant_digits(shown: str) -> int:
    """Return how many digits stand from the first that is not zero."""
    mantissa = shown.partition("E")[0]
    return len(re.sub(r"\D", "", mantissa).lstrip("0"))


def test_significant_digits_are_counted_from_the_first_that_is_not_zero():
    found = [significant_digits(shown) for shown in ("0.00", "-0.010", "12", "1.0E-07", "100")]
    assert found == [0, 2, 2, 2, 3]


@given(matrices)
def test_every_computed_number_but_zero_shows_two_significant_digits(values):
    chosen = choose(values, given=False)
    few = [v for v in values[values != 0] if significant_digits(chosen.show(v)) < 2]
    assert few == []


@given(matrices)
def test_every_given_number_shows_in_full_or_with_two_significant_digits(values):
    chosen = choose(values, given=True)
    for value in values[values != 0].tolist():
        shown = chosen.show(value)
        assert float(shown) == value if chosen.exact else significant_digits(shown) >= 2


@given(matrices, st.booleans())
def test_decimals_are_the_same_throughout_a_matrix(values, is_given):
    chosen = choose(values, given=is_given)
    shown = {chosen.show(value).partition("E")[0] for value in values.ravel()}
    decimals = {len(text.partition(".")[2]) for text in shown}
    assert decimals == {1 if chosen.decimals is None else chosen.decimals}


@given(matrices, st.booleans())
def test_no_number_is_shown_too_wide_to_read(values, is_given):
    chosen = choose(values, given=is_given)
    widest = max(len(chosen.show(value)) for value in values.ravel())
    assert widest <= len("-9999999.") + MOST_DECIMALS


@pytest.mark.parametrize(
    ("values", "is_given", "code"),
    [
        ([[0.0016, 0.25]], False, "0.0000"),
        ([[0.5]], False, "0.00"),
        ([[0.0]], False, "0.00"),
        ([[12.0, 0.0]], False, "0.00"),
        ([[0.09999]], False, "0.000"),
        ([[0.000012]], False, "0.000000"),
        ([[0.0000012]], False, "0.0E+00"),
        ([[1e7]], False, "0.0E+00"),
        ([[9_999_999.0]], False, "0.00"),
        ([[1, 0]], True, "0"),
        ([[0.5, 1]], True, "0.0"),
        ([[0.42, 0.1]], True, "0.00"),
        ([[1e-5]], True, "0.00000"),
        ([[1 / 3]], True, "0.00"),
        ([[-1e8]], True, "0.0E+00"),
    ],
)
def test_the_format_is_the_plainest_that_shows_the_numbers(values, is_given, code):
    assert choose(np.array(values, float), given=is_given).code == code


# What the condition of `unfit` says of a number typed or recomputed later.


def says(condition: str, value: float) -> bool:
    """Evaluate a condition, which knows the number as A1."""
    python = condition.replace("<>", "!=")
    scope = {
        "A1": value,
        "AND": lambda *all_of: all(all_of),
        "OR": lambda *any_of: any(any_of),
        "ABS": abs,
        "ROUND": round,
    }
    return bool(eval(python, scope))


@given(st.integers(2, MOST_DECIMALS), any_number)
def test_a_number_that_a_format_shows_badly_is_given_the_fallback(decimals, value):
    chosen = Format(decimals)
    badly = value != 0 and (significant_digits(chosen.show(value)) < 2 or abs(value) >= LARGE)
    assert not badly or says(chosen.unfit("A1"), value)
    assert chosen.fallback == "0.0E+00"


@given(matrices)
def test_the_numbers_that_a_format_was_chosen_for_fit_it(values):
    chosen = choose(values, given=False)
    condition = chosen.unfit("A1")
    assert condition is None or not any(says(condition, v) for v in values.ravel().tolist())


@pytest.mark.parametrize(("value", "unfit"), [(0.5, False), (0.25, True), (3.0, False)])
def test_a_typed_number_with_more_decimals_than_its_matrix_shows_in_full(value, unfit):
    chosen = choose(np.array([[0.5]]), given=True)
    assert says(chosen.unfit("A1"), value) is unfit
    assert chosen.fallback == "General"


def test_scientific_notation_fits_every_number():
    assert Format(None).unfit("A1") is None
