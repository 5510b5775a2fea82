"""A made-up class of 60: the marks are those that a fair teacher would give by hand."""

from __future__ import annotations

from collections import Counter
from functools import cache

import numpy as np
import pytest

import cellprop
from cellprop.marking.marks import mark
from cellprop.marking.question import ask
from made_up import Exercise, answers
from sixty import CLASS, HONEST, ODD

# How far a mark may lie from the fair one, of 82: nothing for the honest, a little for the odd.
FAR = 3
# And on the average of the odd.
USUALLY = 1


@cache
def marks_of(sat):
    question = ask(cellprop.article().update, decimals=3)
    return mark(question, answers(sat.typed(Exercise.of(question))))


def test_the_class_has_thirty_honest_and_thirty_odd_ones_all_different():
    assert (len(HONEST), len(ODD)) == (30, 30)
    assert max(Counter(sat.name for sat in CLASS).values()) == 1
    assert {marks_of(sat).out_of for sat in CLASS} == {82}


@pytest.mark.parametrize("sat", HONEST, ids=lambda sat: sat.name)
def test_an_honest_student_gets_the_fair_mark(sat):
    assert marks_of(sat).total == sat.fair, sat.why


@pytest.mark.parametrize("sat", ODD, ids=lambda sat: sat.name)
def test_an_odd_one_gets_nearly_the_fair_mark(sat):
    assert abs(marks_of(sat).total - sat.fair) <= FAR, sat.why


def test_the_odd_ones_get_the_fair_mark_on_the_average():
    assert np.mean([abs(marks_of(sat).total - sat.fair) for sat in ODD]) <= USUALLY
