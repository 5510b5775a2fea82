"""Comparisons put in another way: the same question, for numbers that are very small."""

from __future__ import annotations

import ironcalc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellprop.verification.restating import LONGEST, restated


def computed(formula: str, *numbers: float) -> object:
    """What IronCalc makes of a formula of the cells A1, B1, …"""
    model = ironcalc.create("test", "en", "UTC", "en")
    for column, number in enumerate(numbers, 1):
        model.update_cell_with_number(0, 1, column, number)
    model.set_user_input(0, 9, 9, formula)
    model.evaluate()
    return model.get_cell_value(0, 9, 9)


COMPARISONS = ("=", "<>", "<", ">", "<=", ">=")
IN_PYTHON = ("==", "!=", "<", ">", "<=", ">=")
# Numbers that 15 digits tell apart, since spreadsheets compare no more.
few_digits = st.builds(
    lambda sign, digits, power: float(f"{sign}{digits}e{power}"),
    st.sampled_from(["", "-"]),
    st.integers(0, 10**6),
    st.integers(-320, 300),
)


@settings(max_examples=50)
@given(few_digits, few_digits | st.just(0.0), st.sampled_from(range(6)))
def test_numbers_of_any_size_are_compared_as_they_are(a, b, k):
    found = computed(restated(f"=A1{COMPARISONS[k]}B1"), a, b)
    assert found is eval(f"{a!r} {IN_PYTHON[k]} {b!r}")


@settings(max_examples=50)
@given(st.lists(few_digits, min_size=3, max_size=3))
def test_the_largest_of_numbers_of_any_size_is_found(numbers):
    formula = "=MATCH(MAX(A1:C1),A1:C1,0)"
    assert computed(restated(formula), *numbers) == numbers.index(max(numbers)) + 1


@pytest.mark.parametrize(
    ("formula", "small", "large"),
    [
        ("=IF(A1>0,1,0.01)", (1e-17,), (1.0,)),
        ("=IF(A1*B1-B1*C1>=0,1,0)", (-1e-20, 1.0, 2e-20), (-1.0, 1.0, 2.0)),
        ("=IF((A1)>((B1)),1,0)", (2e-17, 1e-17), (2.0, 1.0)),
        ("=IF(IF(A1>0,1,0)=IF(B1>0,1,0),1,0)", (1e-17, -1e-17), (1.0, -1.0)),
        ("=IF(AND(A1>0,B1>0),MAX(A1,B1)*0+1,2)", (1e-17, 1e-30), (1.0, 1.0)),
        ("=IF(MAX(A1:C1)-MIN(A1:C1)>1E-20,1,0)", (1e-17, 2e-17, 3e-17), (1.0, 2.0, 3.0)),
        ('=IF(COUNT(A1:C1)<3,"–",IF(A1>B1,1,0))', (2e-17, 1e-17, 0.0), (2.0, 1.0, 0.0)),
        ("=IF(MATCH(MAX(A1:B1),A1:B1,0)=2,1,0)", (1e-17, 2e-17), (1.0, 2.0)),
        ("=A1<>B1", (1e-17, 2e-17), (1.0, 2.0)),
    ],
)
def test_small_numbers_give_what_large_ones_do(formula, small, large):
    right = computed(formula, *large)
    assert computed(restated(formula), *small) == right
    assert computed(restated(formula), *large) == right
    assert computed(formula, *small) != right


@pytest.mark.parametrize(
    "formula",
    [
        "=A1+B1*C1",
        '=IF(A1="x",1,0)',
        '=IF(A1="a>b",1,0)',
        "=IF(A1=TRUE,1,0)",
        "=SUM(A1:B2)/3",
        "='Step 2'!A1",
        '=IF(B3=1,_xlfn.FORMULATEXT(A1),"")',
        "=MATCH(A1,B1:C1,1)",
        "=MATCH(A1,B1:C1+1,0)",
        "=IF(A1>0,1",
        "=IF(A1>0))1",
        "=((",
        "=A1>0>0",
        '="',
        "=",
        "",
    ],
)
def test_what_compares_no_numbers_or_is_no_formula_stays_as_it_is(formula):
    assert restated(formula) == formula


def test_comparisons_of_comparisons_do_not_grow_without_end():
    formula = "=" + "(" * 60 + "A1" + "=1)" * 60
    assert len(restated(formula)) < 10 * LONGEST
    assert restated("=" + "(" * 5000 + "A1=1" + ")" * 5000)
