"""Numbers are shown with at least two significant digits, with the same decimals in a matrix."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

import cellprop
from cellprop.files.datasets import read
from cellprop.texts.formats import (
    LARGE,
    MOST_DECIMALS,
    WIDEST_GIVEN,
    Format,
    choose,
    of_columns,
    of_update,
    replaced,
    together,
)

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
    assert decimals == {chosen.digits if chosen.decimals is None else chosen.decimals}


@given(matrices, st.booleans())
def test_no_number_is_shown_too_wide_to_read(values, is_given):
    chosen = choose(values, given=is_given)
    widest = max(len(chosen.show(value)) for value in values.ravel())
    assert widest <= max(len("-9999999.") + MOST_DECIMALS, WIDEST_GIVEN)


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
        ([[-1e8]], True, "0"),
        ([[1e-8]], True, "0.0E+00"),
        ([[1e12]], True, "0.0E+00"),
        ([[12_345_678.0, 0.5]], True, "0.0"),
        ([[0.1234567, 1]], True, "0.0000000"),
        ([[0.1234567890123]], True, "0.0000000000000"),
        ([[1.25e-9, 2e-7]], True, "0.00E+00"),
    ],
)
def test_the_format_is_the_plainest_that_shows_the_numbers(values, is_given, code):
    assert choose(np.array(values, float), given=is_given).code == code


# What the condition of `unfit` says of a number typed or recomputed later.


def says(condition: str, value: float, **others: float) -> bool:
    """Evaluate a condition, which knows the number as A1."""
    python = re.sub(r"(?<![<>])=", "==", condition).replace("<>", "!=")
    scope = {
        "A1": value,
        "AND": lambda *all_of: all(all_of),
        "OR": lambda *any_of: any(any_of),
        "ABS": abs,
        "ROUND": half_up,
    }
    return bool(eval(python, scope | others))


def half_up(value: float, decimals: int) -> float:
    """Round as a spreadsheet does."""
    unit = Decimal(1).scaleb(-decimals)
    return float(Decimal(repr(value)).quantize(unit, ROUND_HALF_UP))


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


# --- What was typed -------------------------------------------------------------------------

typed = st.builds(
    lambda digits, decimals: float(Decimal(digits).scaleb(-decimals)),
    st.integers(-(10**12) + 1, 10**12 - 1),
    st.integers(0, 12),
)


@settings(max_examples=40)
@given(st.lists(typed, min_size=1, max_size=6))
def test_what_was_typed_shows_in_full_wherever_there_is_room(numbers):
    chosen = choose(np.array([numbers]), given=True)
    decimals = max(max(0, -Decimal(repr(v)).normalize().as_tuple().exponent) for v in numbers)
    if max(len(f"{v:.{decimals}f}") for v in numbers) <= WIDEST_GIVEN:
        assert chosen.exact
    if chosen.exact:
        assert [float(chosen.show(v)) for v in numbers] == numbers


@settings(max_examples=40)
@given(st.lists(typed, min_size=1, max_size=4), st.lists(typed, min_size=1, max_size=4))
def test_columns_of_samples_have_formats_of_their_own(first, second):
    count = min(len(first), len(second))
    values = np.array([first[:count], second[:count]]).T
    found = of_columns(values)
    assert found == tuple(choose(values[:, [j]], given=True) for j in range(2))


def test_a_price_does_not_take_the_decimals_of_a_ratio():
    found = of_columns(np.array([[120_000, 0.1234], [95_500, 0.5]]))
    assert [form.code for form in found] == ["0", "0.0000"]


@pytest.mark.parametrize(("decimals", "shown"), [(0, "7"), (1, "7.0"), (3, "7.000"), (99, None)])
def test_decimals_that_were_typed_stay_though_they_are_zeros(decimals, shown):
    found = choose(np.array([[7.0]]), given=True, decimals=decimals)
    assert found.show(7.0) == (shown or "7.000000")


# --- What moved -----------------------------------------------------------------------------

moves = st.builds(
    lambda size, change: 10.0**-change * size,
    st.floats(-9.99, -1) | st.floats(1, 9.99) | st.just(0.0),
    st.integers(0, 14),
)
pairs = st.lists(st.tuples(typed | any_number, moves), min_size=1, max_size=6)


@settings(max_examples=40)
@given(pairs)
def test_every_number_that_moved_shows_another_number_or_a_sign(pairs):
    old = np.array([[old for old, _ in pairs]])
    new = old + np.array([[move for _, move in pairs]])
    before, after = together(old, new, choose(old, given=True))
    for was, now in zip(old[0].tolist(), new[0].tolist(), strict=True):
        differs = float(before.show(was)) != float(after.show(now))
        signed = [c for c, code in after.moves("A1", "B1") if "↑" in code or "↓" in code]
        assert was == now or differs or any(says(c, now, B1=was) for c in signed)
        assert was != now or not any(says(c, now, B1=was) for c in signed)


@settings(max_examples=40)
@given(pairs)
def test_a_move_of_the_ninth_decimal_is_still_told_by_a_number(pairs):
    old = np.array([[half_up(old, 2) if abs(old) < LARGE else 1.0 for old, _ in pairs]])
    new = old + np.array([[half_up(move, 9) for _, move in pairs]])
    before, after = together(old, new, choose(old, given=True))
    if after.decimals is not None and before.decimals is not None:
        shown = zip(old[0].tolist(), new[0].tolist(), strict=True)
        assert all(w == n or float(before.show(w)) != float(after.show(n)) for w, n in shown)


@settings(max_examples=40)
@given(pairs)
def test_beside_a_rounded_number_the_new_one_is_rounded_alike(pairs):
    old = np.array([[old for old, _ in pairs]])
    new = old + np.array([[move for _, move in pairs]])
    before, after = together(old, new, choose(old, given=False))
    assert before == after


@pytest.mark.parametrize(
    ("old", "new", "codes"),
    [
        ([[0.3, 0.42]], [[0.295, 0.4202]], ("0.00", "0.0000")),
        ([[0.3]], [[0.300000001]], ("0.0", "0.000000000")),
        ([[0.3]], [[0.3 + 1e-12]], ("0.0", "0.00")),
        ([[0.3, 0.5]], [[0.3 + 1e-12, 0.501]], ("0.0", "0.000")),
        ([[1 / 3]], [[1 / 3 + 1e-5]], ("0.00000", "0.00000")),
        ([[1e-9]], [[1.01e-9]], ("0.0E+00", "0.000E+00")),
        ([[0.0]], [[0.25]], ("0", "0.00")),
    ],
)
def test_decimals_are_the_fewest_that_tell_what_can_be_told(old, new, codes):
    old, new = np.array(old), np.array(new)
    found = together(old, new, choose(old, given=True))
    assert tuple(form.code for form in found) == codes


@settings(max_examples=40)
@given(st.integers(2, 9), st.floats(0.01, 99), st.floats(-1e-3, 1e-3) | st.floats(-1e-12, 1e-12))
def test_a_move_that_a_typed_number_makes_small_is_shown_closer_or_by_a_sign(decimals, old, move):
    new, form = old + move, Format(decimals)
    codes = [code for condition, code in form.moves("A1", "B1") if says(condition, new, B1=old)]
    shown = codes[0] if codes else form.code
    if "E" not in shown:
        places = len(shown.partition('"')[0].partition(".")[2])
        differs = half_up(new, places) != half_up(old, places)
        assert new == old or differs or shown.endswith(('"↑"', '"↓"'))
        assert "↑" not in shown or new > old
        assert "↓" not in shown or new < old


def test_every_weight_of_the_article_looks_moved():
    trace = cellprop.article()
    found = of_update(trace.update)
    assert {new: found[new][0].code for new in replaced(trace.update)} == {
        "wh_new": "0.0000", "bh_new": "0.0000", "wout_new": "0.000", "bout_new": "0.00",
    }  # fmt: skip


# --- Samples as they were given -------------------------------------------------------------


def shown_of(folder: Path, text: str) -> dict[str, list[str]]:
    """How the samples of a CSV file are shown whose last column is the target."""
    path = folder / "samples.csv"
    path.write_text(text, encoding="utf-8")
    found = read(path, [text.splitlines()[0].rpartition(",")[2]])
    trace = cellprop.trace(cellprop.Network([2, 2, 1]), found.inputs, found.targets, seed=1)
    formats = of_update(trace.update)
    return {
        name: [
            form.show(value)
            for row in trace.values[name].tolist()
            for form, value in zip(formats[name], row, strict=True)
        ]
        for name in ("X", "y")
    }


@pytest.mark.parametrize(
    ("text", "inputs", "targets"),
    [
        ("a,b,y\n5.1,3.5,1\n7.0,3,0\n", "5.1 3.5 7.0 3.0", "1 0"),
        ("a,b,y\n7.0,3,1.0\n5.0,4,0.0\n", "7.0 3 5.0 4", "1.0 0.0"),
        ("a,b,y\n120000,0.1234,0\n95500,0.50,1\n", "120000 0.1234 95500 0.5000", "0 1"),
        ("a,b,y\n0.1234567890123,2.500,0\n-0.1,1,1\n",
         "0.1234567890123 2.500 -0.1000000000000 1.000", "0 1"),
        ("a,b,y\n12345678,1e-3,0\n-2,1,1\n", "12345678 0.001 -2 1.000", "0 1"),
    ],
)  # fmt: skip
def test_samples_show_the_decimals_they_were_given_with(text, inputs, targets, tmp_path):
    assert shown_of(tmp_path, text) == {"X": inputs.split(), "y": targets.split()}
