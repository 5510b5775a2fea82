"""Which lines a cell reads: spans, through one another, put together, and as formulas have them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from cellprop.algebra import ALL, COLUMN, ROW, SAME, apart, band, through
from cellprop.algebra.spans import NOT_READ, Span, lines_of, repeated, stepping

SIZES = st.integers(1, 6)


@st.composite
def spans(draw, index: str, numbers: int, size: int) -> Span:
    """A span of any kind: usual, the same lines always, some steps, or lines at will."""
    kind = draw(st.sampled_from(["all", "some", "stepping", "at will"]))
    if kind == "all":
        return ALL
    if kind == "some":
        return lines_of(sorted(draw(st.sets(st.integers(0, size - 1)))))
    if kind == "stepping":
        return stepping(
            index, numbers, size, step=draw(st.integers(-3, 3)), first=draw(st.integers(-4, 6)),
            count=draw(st.integers(1, 4)), apart=draw(st.integers(1, 2)),
            per=draw(st.integers(1, 3)),
        )  # fmt: skip
    lines = st.sets(st.integers(0, size - 1)).map(lambda each: tuple(sorted(each)))
    return Span(index, tuple(draw(st.lists(lines, min_size=numbers, max_size=numbers))))


@st.composite
def patterns(draw, numbers, shape):
    rows = draw(spans("row", numbers[0], shape[0]))
    return rows, draw(spans("column", numbers[1], shape[1]))


def cells(pattern, cell, shape):
    rows, columns = (span.of(*cell, size) for span, size in zip(pattern, shape, strict=True))
    return {(i, j) for i in rows for j in columns}


@given(st.data(), st.tuples(SIZES, SIZES), st.tuples(SIZES, SIZES), st.tuples(SIZES, SIZES))
def test_through_one_another_spans_read_what_is_read_by_what_is_read(data, last, middle, first):
    outer = data.draw(patterns(last, middle))
    turned = data.draw(st.booleans())
    inner = data.draw(patterns(middle, first))
    shape = first
    if turned:  # rows by the number of the column, as of a transpose
        inner, shape = inner[::-1], first[::-1]
    found = through(outer, inner, shape)
    for cell in np.ndindex(last):
        expected = set().union(*(cells(inner, c, shape) for c in cells(outer, cell, middle)), set())
        assert cells(found, cell, shape) == expected, cell


def test_usual_spans_stay_usual_through_one_another():
    assert through(SAME, (COLUMN, ROW), (3, 2)) == (COLUMN, ROW)
    assert through((COLUMN, ROW), (COLUMN, ROW), (3, 2)) == SAME
    assert through((ROW, ALL), (ROW, ALL), (3, 2)) == (ROW, ALL)
    assert through((ROW, ALL), (ALL, COLUMN), (3, 2)) == (ALL, ALL)


@given(SIZES, SIZES, st.integers(-3, 3), st.integers(-5, 7), SIZES, SIZES, st.integers(1, 3))
def test_stepping_spans_read_steps_that_come_out_even(numbers, size, step, first, count, gap, per):
    span = stepping("row", numbers, size, step=step, first=first, count=count, apart=gap, per=per)
    for number in range(numbers):
        found = {(step * number + first + gap * k) / per for k in range(count)}
        assert set(span.of(number, 0, size)) == found & set(range(size))


def test_what_is_usual_is_written_so():
    assert stepping("row", 4, 4) is not ROW
    assert stepping("row", 4, 4) == ROW
    assert stepping("column", 3, 5, step=0, count=5) == ALL
    assert stepping("row", 3, 5, step=0, first=1, count=2) == lines_of([1, 2])
    assert stepping("row", 3, 5) != ROW  # of lines beyond, none is read


def test_a_line_that_repeats_is_read_in_place_of_any_but_by_cells_that_read_none():
    assert repeated(ROW) == repeated(lines_of([0])) == ALL
    assert repeated(stepping("row", 4, 2, first=-1)).lines == ((), (0,), (0,), ())


@given(st.data(), SIZES, SIZES)
def test_lines_are_put_together_so_that_no_cell_reads_two(data, numbers, size):
    span = data.draw(st.one_of(spans("row", numbers, size), st.just(ROW)))
    if span == ROW:
        numbers = size
    groups = apart(span, size)
    read = {line for number in range(numbers) for line in span.of(number, 0, size)}
    assert sorted(line for group in groups for line in group) == sorted(read)
    for number in range(numbers):
        for group in groups:
            assert len(set(group) & set(span.of(number, 0, size))) <= 1


# --- As formulas have them ----------------------------------------------------------------


@given(
    numbers=st.integers(2, 6), size=st.integers(2, 9), step=st.integers(1, 3),
    first=st.integers(-3, 3), count=st.integers(1, 3), per=st.integers(1, 3),
)  # fmt: skip
def test_slices_windows_and_their_adjoints_are_bands(numbers, size, step, first, count, per):
    assume(step == 1 or per == 1)  # as of a stride, or of what goes back through one
    span = stepping("row", numbers, size, step=step, first=first, count=count, per=per)
    assume(len(span.lines) > 1)
    assume(any(span.lines))
    found = band(span)
    assert found is not None
    for number in range(numbers):
        for line in range(size):
            level = found.by_number * number + found.by_line * line + found.first
            is_read = (
                found.numbers[0] <= number <= found.numbers[1]
                and found.lines[0] <= line <= found.lines[1]
                and 0 <= level <= found.width
                and level % found.apart == 0
            )
            assert is_read is (line in span.of(number, 0, size))


def test_lines_in_reverse_are_a_band_and_lines_at_will_are_none():
    assert band(stepping("row", 4, 4, step=-1, first=3)).by_number == 1
    assert band(Span("row", ((0,), (4,), (1,), (0, 2)))) is None


@pytest.mark.parametrize("span", [*SAME, ALL, lines_of([0, 2]), *NOT_READ])
def test_a_span_says_what_it_is(span):
    assert repr(span) == {ROW: "row", COLUMN: "column", ALL: "all"}.get(
        span, "0 2" if span.lines[:1] == ((0, 2),) else ""
    )
