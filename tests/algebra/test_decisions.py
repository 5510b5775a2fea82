"""Outputs that are alike but for rounding decide alike, in NumPy and in every spreadsheet."""

from __future__ import annotations

from fractions import Fraction

import ironcalc
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellprop.algebra import (
    ALL,
    ONE,
    Axis,
    Matrix,
    Number,
    apply,
    formulas,
    reads,
    sum_over_columns,
    text,
    value,
)
from cellprop.algebra.decisions import MOST_COMPARED, TOLERANCE
from cellprop.faces.places import letter
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


def row(count: int, name: str = "output") -> Matrix:
    return Matrix(name, ONE, Axis.numbered("outputs", count))


def largest_at(numbers: list[float]) -> float:
    output = row(len(numbers))
    return value(apply("largest_at", output), {"output": np.array([numbers])}).item()


def largest(addresses: list[str]) -> str:
    """The formula of the place of the largest of some cells."""
    expression = apply("largest_at", row(len(addresses)))
    return formulas(expression, lambda _: [addresses])[0][0]


def reaches(number: float) -> float:
    output = row(1)
    return value(apply("at_least", output, Number(0.5)), {"output": np.array([[number]])}).item()


AT_LEAST_HALF = formulas(apply("at_least", row(1), Number(0.5)), lambda _: [["A1"]])[0][0]


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
    assert largest_at(moved(outputs, places)) == 1 + (min(alike) if share else 0)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_a_spreadsheet_finds_the_same_largest_output(data):
    count = data.draw(st.integers(1, 9))
    share = data.draw(shares)
    shared = st.sampled_from((share, share, 0.5 * share)) | st.floats(0, 1)
    outputs = data.draw(st.lists(shared, min_size=count, max_size=count))
    places = data.draw(st.lists(few_places, min_size=count, max_size=count))
    numbers = moved(outputs, places)
    assert computed(restated(f"={largest(cells(count))}"), numbers) == largest_at(numbers)


@settings(max_examples=40, deadline=None)
@given(few_places)
def test_an_output_is_a_yes_if_it_is_a_half_but_for_rounding(places):
    (number,) = moved([0.5], [places])
    assert reaches(number) == computed(f"={AT_LEAST_HALF}", [number]) == 1.0


@pytest.mark.parametrize("off", [-1e-9, -2 * TOLERANCE])
def test_an_output_that_is_less_than_a_half_by_more_than_rounding_is_a_no(off):
    assert reaches(0.5 + off) == computed(f"={AT_LEAST_HALF}", [0.5 + off]) == 0.0


def test_outputs_that_differ_by_more_than_rounding_are_told_apart():
    numbers = [0.25, 0.25 * (1 + 3 * TOLERANCE)]
    assert largest_at(numbers) == computed(f"={largest(cells(2))}", numbers) == 2.0


def test_of_cells_that_were_cleared_the_first_is_the_largest():
    assert computed(f"={largest(cells(3))}") == 1.0


@pytest.mark.parametrize("count", [MOST_COMPARED, MOST_COMPARED + 1, 300])
def test_the_formula_fits_in_a_cell_for_any_number_of_outputs(count):
    there = [f"'Predictions'!${letter(column)}$1048576" for column in range(702, 702 + count)]
    assert len(f"=IF({largest(there)}={largest(there)},1,0)") <= 8192
    numbers = np.random.default_rng(1).random(count).tolist()
    assert largest_at(numbers) == numbers.index(max(numbers)) + 1
    assert computed(f"={largest(cells(count))}", numbers) == largest_at(numbers)


@pytest.mark.parametrize("count", [1, 3, 8, 9, 20])
def test_rows_are_alike_if_all_their_numbers_are(count):
    chosen, wanted = row(count, "chosen"), row(count, "wanted")
    expression = apply("all_equal", chosen, wanted)
    at = {"chosen": [cells(count, 1)], "wanted": [cells(count, 2)]}
    formula = f"={formulas(expression, lambda matrix: at[matrix.name])[0][0]}"
    first = [float(k % 2) for k in range(count)]
    for change in (None, 0, count - 1):
        second = [1 - x if k == change else x for k, x in enumerate(first)]
        known = {"chosen": np.array([first]), "wanted": np.array([second])}
        expected = float(change is None)
        assert value(expression, known).item() == computed(formula, first, second) == expected


@pytest.mark.parametrize("name", ["greater", "at_least"])
@pytest.mark.parametrize("sum_of", [(0.1, 0.2, -0.3), (0.1, 0.2, -0.2999999), (0.1, 0.2, -0.31)])
def test_a_sum_against_a_threshold_decides_alike_in_a_spreadsheet(name, sum_of):
    x = row(3, "x")
    against = apply(name, sum_over_columns(x), Number(0.0))
    formula = f"={formulas(against, lambda _: [cells(3)])[0][0]}"
    exact = sum(Fraction(str(number)) for number in sum_of)
    expected = float(exact > 0 or (exact == 0 and name == "at_least"))
    known = {"x": np.array([sum_of])}
    assert value(against, known).item() == computed(formula, list(sum_of)) == expected


@pytest.mark.parametrize("operand", ["a matrix", "an expression"])
def test_a_total_is_the_sum_of_all_cells(operand):
    m = Matrix("m", Axis.numbered("samples", 2), Axis.numbered("outputs", 3))
    expression = apply("total", m if operand == "a matrix" else m - 1)
    numbers = np.arange(6.0).reshape(2, 3) ** 2
    formula = formulas(expression, lambda _: [cells(3, 1), cells(3, 2)])[0][0]
    found = computed(f"={formula}", *numbers.tolist())
    assert value(expression, {"m": numbers}).item() == found


def test_what_is_compared_may_be_computed():
    m = row(2, "m")
    formula = formulas(apply("largest_at", m + 1), lambda _: [cells(2)])[0][0]
    assert formula == "IF((A1+1)>=(B1+1)*0.999999999999,1,2)"
    assert computed(f"={formula}", [1.0, 2.0]) == 2.0


def test_ranges_on_another_sheet_name_it_once():
    there = [f"'Step 4'!{cell}" for cell in cells(3)]
    assert "'Step 4'!A1:B1" in largest(there)
    assert "A1:'" not in largest(there)


def test_decisions_read_whole_rows_and_have_their_texts():
    output, target = row(3), row(3, "y")
    assert reads(apply("largest_at", output)) == {output: {(ALL, ALL)}}
    assert (
        text(apply("at_least", output, Number(0.5)), "numpy") == "np.where(output >= 0.5, 1.0, 0.0)"
    )
    assert text(apply("all_equal", output, target), "maths") == "all_columns(output = y)"
