"""Exercises that earlier versions handed out are marked as they were then; see `make_fixtures`."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import cellprop
from cellprop.marking.carried_text import digest_of

FOLDER = Path(__file__).parent.parent / "fixtures" / "0.3.0"
EXPECTED = json.loads((FOLDER / "expected.json").read_text())


@pytest.mark.parametrize("name", EXPECTED)
def test_an_exercise_that_an_earlier_version_handed_out_is_marked_as_it_was_then(name):
    expected = EXPECTED[name]
    marks = cellprop.check(FOLDER / name)
    assert (marks.total, marks.out_of) == (expected["total"], expected["out_of"])
    assert {m.name: m.earned.astype(int).tolist() for m in marks.matrices} == expected["earned"]
    for matrix in marks.matrices:
        assert np.allclose(matrix.expected, expected["expected"][matrix.name], atol=1e-8)
    assert not marks.warnings


@pytest.mark.parametrize("name", EXPECTED)
def test_the_digest_of_an_earlier_version_stays_what_a_key_says(name):
    assert digest_of(cellprop.check(FOLDER / name).question) == EXPECTED[name]["digest"]
