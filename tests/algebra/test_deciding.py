"""Outputs that are alike but for rounding decide alike, in NumPy and in every spreadsheet."""

from __future__ import annotations

import ironcalc
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellprop.algebra.deciding import (
    MOST_COMPARED,
    TOLERANCE,
    at_least_half,
    decide_alike,
    decided,
    largest,
)
from cellprop.faces.layout import letter
from cellprop.verification.restating import restated

LAST_PLACES = np.finfo(float).eps


def computed(formula: str, *rows: list[float]) -> object:
    """Return what IronCalc computes of numbers in the first rows of a sheet."""
    model = ironcalc.create("book", "en", "UTC", "en")
    for i, row in enumerate(rows, 1):
        for j, number in enumerate(row, 1):
            model.update_cell_with_number(0, i, j, number)
    model.set_user_input(0, 9, 1, formula)
    model.evaluate()
    return model.get_cell_value(0, 9, 1)


def cells(count: int, row: int = 1) -> list[str]:
    return [f"{letter(column)}{row}" for column in range(1, count + 1)]


def moved(numbers: list[float], places: list[int]) -> list[float]:
    """Return numbers, each moved by so many last places of it."""
    return [x * (1 + LAST_PLACES * k) for x, k in zip(numbers, places, strict=True)]


few_places = st.integers(-20, 20)
shares = st.sampled_from((1.0, 0.5, 0.25, 1 / 3, 1e-17, 3e-300, 0.0))


@given(st.data())
def test_the_first_of_outputs_that_differ_in_the_last_places_is_the_largest(data):
    count = data.draw(st.integers(2, 12))
    share = data.draw(shares)
    less = data.draw(st.lists(st.floats(0, 0.9), min_size=count, max_size=count))
    alike = data.draw(st.sets(st.integers(0, count - 1), min_size=1))
    outputs = [share if k in alike else share * x for k, x in enumerate(less)]
    places = data.draw(st.lists(few_places, min_size=count, max_size=count))
    found = decided(np.array([moved(outputs, places)]), "one of several")
    assert found == (min(alike) if share else 0)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_a_spreadsheet_finds_the_same_largest_output(data):
    count = data.draw(st.integers(1, 9))
    share = data.draw(shares)
    shared = st.sampled_from((share, share, 0.5 * share)) | st.floats(0, 1)
    outputs = data.draw(st.lists(shared, min_size=count, max_size=count))
    places = data.draw(st.lists(few_places, min_size=count, max_size=count))
    numbers = moved(outputs, places)
    expected = decided(np.array([numbers]), "one of several").item() + 1
    assert computed(restated(f"={largest(cells(count))}"), numbers) == expected


@settings(max_examples=40, deadline=None)
@given(few_places, few_places)
def test_an_output_is_a_yes_if_it_is_a_half_but_for_rounding(here, there):
    one, other = moved([0.5, 0.5], [here, there])
    assert decided(np.array([[one]]), "yes or no") == 1.0
    assert computed(f"=IF({at_least_half('A1')},1,0)", [one]) == 1.0
    assert computed(f"={decide_alike('A1', 'B1')}", [one, other]) == 1.0


@pytest.mark.parametrize("off", [-1e-9, -2 * TOLERANCE])
def test_an_output_that_is_less_than_a_half_by_more_than_rounding_is_a_no(off):
    assert decided(np.array([[0.5 + off]]), "each yes or no") == 0.0
    assert computed(f"=IF({at_least_half('A1')},1,0)", [0.5 + off]) == 0.0


def test_outputs_that_differ_by_more_than_rounding_are_told_apart():
    numbers = [0.25, 0.25 * (1 + 3 * TOLERANCE)]
    assert decided(np.array([numbers]), "one of several") == 1.0
    assert computed(f"={largest(cells(2))}", numbers) == 2.0


def test_of_cells_that_were_cleared_the_first_is_the_largest():
    assert computed(f"={largest(cells(3))}") == 1.0


@pytest.mark.parametrize("count", [MOST_COMPARED, MOST_COMPARED + 1, 300])
def test_the_formula_fits_in_a_cell_for_any_number_of_outputs(count):
    there = [f"'Predictions'!${letter(column)}$1048576" for column in range(702, 702 + count)]
    assert len(f"=IF({largest(there)}={largest(there)},1,0)") <= 8192
    numbers = np.random.default_rng(1).random(count)
    expected = decided(numbers[np.newaxis], "one of several").item() + 1
    assert expected == numbers.argmax() + 1
    assert computed(f"={largest(cells(count))}", numbers.tolist()) == expected
