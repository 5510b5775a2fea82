"""How much a program computes, counted before anything is."""

from __future__ import annotations

import pytest

import cellprop
import reading
from cellprop.faces.layout import formulas_on, lay_out
from cellprop.programs.sizes import computed_numbers, formulas_of_all_steps
from conftest import slow_but
from reading import example

NAMES = slow_but(["article", "band", "momentum"], ["article", "band", "momentum", "deep", "adam"])


def test_a_step_computes_the_numbers_of_its_matrices_but_those_that_are_typed():
    found = {
        step.label: count for step, count in computed_numbers(cellprop.article().program).items()
    }
    assert list(found) == [str(k) for k in range(12)]
    # Of 3 samples, 4 inputs, 3 hidden neurons, 1 output.
    assert [found[k] for k in ("0", "1", "2", "4", "10", "11")] == [0, 0, 9, 6, 15, 4]


@pytest.mark.parametrize("layout", ["flip-book", "close-up"])
@pytest.mark.parametrize("name", NAMES)
def test_the_counts_are_those_of_the_workbook(name, layout):
    trace = example(name)
    counts = {step.label: count for step, count in computed_numbers(trace.program).items()}
    book, all_of_them = reading.formulas(trace, layout), 0
    for label, sheet in reading.steps(book):
        assert len(reading.computing(sheet)) == counts[label]
        lanes = sheet.iter_rows(min_row=reading.FIRST_LANE)
        all_of_them += sum(cell.data_type == "f" for row in lanes for cell in row)
    assert formulas_on(lay_out(trace.program, layout), trace.program) == all_of_them
    if layout == "flip-book":
        assert formulas_of_all_steps(trace.program) == all_of_them
