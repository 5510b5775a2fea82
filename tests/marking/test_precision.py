"""What arithmetic leaves out is bounded quickly, and never by less than moving each number says."""

from __future__ import annotations

import numpy as np
import pytest

from cellprop.marking.precision import bound, spread
from test_slips import KINDS, network


@pytest.mark.parametrize("kind", KINDS)
def test_a_bound_is_at_least_what_moving_each_number_by_itself_adds_up_to(kind):
    sizes, options = KINDS[kind]
    trace = network(sizes, **options)
    random = np.random.default_rng(0)
    by = {name: 1e-11 * random.random(each.shape) for name, each in trace.values.items()}
    for matrix in trace.program.matrices:
        if matrix.definition is not None:
            exactly, quickly = (of(matrix, trace.values, by) for of in (spread, bound))
            assert quickly.shape == matrix.shape
            assert (quickly >= exactly * 0.99 - 1e-15).all(), matrix.name
            assert quickly.sum() <= 20 * exactly.sum() + 1e-14, matrix.name


def test_nothing_is_off_where_nothing_that_is_read_is():
    sizes, options = KINDS["article"]
    trace = network(sizes, **options)
    by = {name: np.zeros(each.shape) for name, each in trace.values.items()}
    for matrix in trace.program.matrices:
        if matrix.definition is not None:
            assert not bound(matrix, trace.values, by).any()
