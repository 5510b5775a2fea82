"""Matrices stand at the same cells on every sheet, and none stands on another."""

from __future__ import annotations

import re
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellprop import CellpropError, Network
from cellprop.algebra import Axis
from cellprop.errors import LimitError
from cellprop.faces.layout import (
    CHARACTERS_OF_NAME,
    FIRST_LANE,
    LANE_COLUMN,
    MOST_COLUMNS,
    MOST_ROWS,
    TALLEST_LANE,
    Layout,
    Place,
    lay_out,
    letter,
)
from cellprop.programs.perceptron import Perceptron
from cellprop.programs.program import Program


def program_of(
    samples: int,
    *sizes: int,
    network: dict[str, Any] | None = None,
    whole: bool = True,
    **options: Any,
) -> Program:
    inputs, *_, outputs = sizes
    model = Perceptron(
        Network(sizes, **(network or {})),
        Axis("inputs", ("",) * inputs),
        Axis("outputs", ("",) * outputs),
        **options,
    )
    # Labels do not matter here, and a million of them take time.
    return model.program(Axis("samples", ("",) * samples), whole=whole)


neurons = st.integers(1, 40)


@st.composite
def programs_of(draw: st.DrawFn, least: int, most: int) -> Program:
    """Draw programs of the article's kind, and of 0 to 4 hidden layers and any options."""
    samples = draw(st.integers(least, most))
    if draw(st.booleans()):
        return program_of(samples, draw(neurons), draw(neurons), draw(neurons))
    loss = draw(st.sampled_from(["squared_error", "binary_cross_entropy", "cross_entropy"]))
    return program_of(
        samples,
        *draw(st.lists(st.integers(1, 12), min_size=1, max_size=5)),
        draw(st.integers(2, 12)),
        network={"loss": loss, "bias": draw(st.booleans()), "activation": "tanh"},
        optimizer=draw(st.sampled_from(["sgd", "momentum", "adam"])),
        average=draw(st.booleans()),
        scale=draw(st.sampled_from([None, "minmax", "standard"])),
        whole=draw(st.booleans()),
    )


programs = programs_of(1, 2 * TALLEST_LANE)
few = programs_of(1, TALLEST_LANE)
many = programs_of(TALLEST_LANE + 1, 200)

Box = tuple[range, range]


def box(place: Place) -> Box:
    """Return the rows and columns that a matrix takes, with its name and its labels."""
    for_name = -(-len(place.matrix.name) // CHARACTERS_OF_NAME)
    last_column = max(place.last_column, place.column + for_name - 1)
    rows = range(place.name_row, place.last_row + 1)
    return rows, range(place.label_column, last_column + 1)


def overlap(one: Box, other: Box) -> bool:
    return all(max(a.start, b.start) < min(a.stop, b.stop) for a, b in zip(one, other, strict=True))


def test_boxes_that_share_a_cell_overlap_and_neighbours_do_not():
    assert overlap((range(1, 3), range(1, 3)), (range(2, 4), range(2, 4)))
    assert not overlap((range(1, 3), range(1, 3)), (range(3, 4), range(1, 3)))
    assert not overlap((range(1, 3), range(1, 3)), (range(1, 3), range(3, 4)))


@given(programs)
def test_no_two_matrices_overlap_with_their_names_and_labels(program):
    places = lay_out(program).places.values()
    boxes = {place.matrix.name: box(place) for place in places}
    assert [pair for pair in combinations(boxes, 2) if overlap(*map(boxes.get, pair))] == []


@given(programs)
def test_matrices_stand_below_the_sheets_head_and_beside_the_lanes_titles(program):
    for place in lay_out(program).places.values():
        rows, columns = box(place)
        assert rows.start >= FIRST_LANE
        assert columns.start > LANE_COLUMN


@given(programs)
def test_notes_and_lanes_titles_stand_on_no_matrix(program):
    layout = lay_out(program)
    for place in layout.places.values():
        rows, _ = box(place)
        assert layout.notes_row not in rows
    assert len({lane.row for lane in layout.lanes}) == len(layout.lanes)


@given(programs)
def test_every_matrix_has_one_place(program):
    layout = lay_out(program)
    assert sorted(layout.places) == sorted(matrix.name for matrix in program.matrices)
    assert all(layout.places[matrix.name].matrix is matrix for matrix in program.matrices)
    assert sum(len(lane.places) for lane in layout.lanes) == len(layout.places)


@given(programs)
def test_the_last_row_and_column_hold_everything(program):
    layout = lay_out(program)
    boxes = [box(place) for place in layout.places.values()]
    assert layout.last_row >= max(rows[-1] for rows, _ in boxes)
    assert layout.last_column == max(columns[-1] for _, columns in boxes)


@given(programs)
def test_places_depend_on_nothing_but_the_program(program):
    assert lay_out(program) == lay_out(program)


@given(few)
def test_with_few_samples_lanes_stand_one_below_the_other(program):
    layout = lay_out(program)
    assert not layout.is_band
    assert [(lane.key, lane.layer) for lane in layout.lanes] == [
        (lane.key, lane.layer) for lane in program.lanes
    ]
    for above, below in zip(layout.lanes, layout.lanes[1:], strict=False):
        assert above.last_row + 1 < below.row
    for lane in layout.lanes:
        assert {place.name_row for place in lane.places} == {lane.row}


@given(few)
def test_the_same_slot_of_every_lane_starts_in_the_same_column(program):
    for slot in range(max(len(lane.matrices) for lane in program.lanes)):
        lanes = [lane.places for lane in lay_out(program).lanes if slot < len(lane.places)]
        assert len({places[slot].column for places in lanes}) == 1


@given(many)
def test_with_many_samples_a_row_is_the_same_sample_throughout(program):
    layout = lay_out(program)
    assert layout.is_band
    by_sample = [p for p in layout.places.values() if p.matrix.rows.name == "samples"]
    assert len(by_sample) == len([m for m in program.matrices if m.rows is program.output.rows])
    assert len({place.row for place in by_sample}) == 1
    top = by_sample[0].name_row
    others = [place for place in layout.places.values() if place not in by_sample]
    assert all(place.last_row < top for place in others)


def lanes_of(program: Program) -> list[str]:
    """The titles of the lanes, with their layers."""
    return [f"{lane.key} {lane.layer or ''}".strip() for lane in lay_out(program).lanes]


def test_every_layer_has_a_lane_forwards_and_one_back():
    assert lanes_of(program_of(3, 4, 3, 1)) == [
        "input", "hidden_forward", "output_forward", "output_backward", "hidden_backward",
        "updated",
    ]  # fmt: skip
    assert lanes_of(program_of(5, 4, 3, 5, 2, 4)) == [
        "input", "hidden_forward 1", "hidden_forward 2", "hidden_forward 3", "output_forward",
        "output_backward", "hidden_backward 3", "hidden_backward 2", "hidden_backward 1",
        "updated", "updated",
    ]  # fmt: skip
    assert lanes_of(program_of(3, 4, 1)) == [
        "input",
        "output_forward",
        "output_backward",
        "updated",
    ]


def test_a_softmax_has_its_parts_in_a_lane_of_their_own():
    program = program_of(5, 4, 3, 2, network={"loss": "cross_entropy"})
    names = lanes_of(program)
    assert names[names.index("output_forward") + 1] == "output_parts"
    (parts,) = [lane for lane in lay_out(program).lanes if lane.key == "output_parts"]
    assert [place.matrix.name for place in parts.places] == [
        "output_exponentials", "output_sum", "output",
    ]  # fmt: skip


def test_scaling_and_an_update_rules_numbers_have_lanes_of_their_own():
    names = lanes_of(program_of(5, 4, 3, 1, optimizer="adam", scale="standard"))
    assert names[:4] == ["scaling", "input", "optimizer", "counts"]
    assert names.count("updated") == 4
    places = lay_out(program_of(5, 4, 3, 1, optimizer="momentum")).places
    assert places["wh_velocity"].row == places["wh_velocity_new"].row == places["wh_new"].row


def test_in_a_band_what_belongs_to_no_sample_stands_above_in_two_lanes():
    program = program_of(
        50, 4, 3, 3, 2, network={"loss": "cross_entropy"}, optimizer="adam", scale="minmax"
    )
    parameters, updated, samples = lay_out(program).lanes
    names = [place.matrix.name for place in parameters.places]
    assert names[:2] == ["X_minimum", "X_maximum"]
    assert {"wh_1", "bh_2", "wout_m", "beta_1_power"} <= set(names)
    late = {m.name for step in program.steps if step.number >= 10 for m in step.brings}
    assert {p.matrix.name for p in updated.places} == late
    assert {"wh_2_change", "wh_2_m_new", "wh_2_new", "beta_1_power_new"} <= late
    assert {"X_raw", "output_sum", "d_hiddenlayer_1"} <= {p.matrix.name for p in samples.places}


def labelled(layout: Layout) -> list[str]:
    return [name for name, place in layout.places.items() if layout.rows_are_labelled_by(place)]


def test_the_band_comes_with_the_first_sample_beyond_a_lane():
    assert not lay_out(program_of(TALLEST_LANE, 2, 3, 1)).is_band
    assert lay_out(program_of(TALLEST_LANE + 1, 2, 3, 1)).is_band


def test_samples_are_labelled_at_every_matrix_of_lanes_but_once_in_a_band():
    rows_of_samples = {m.name for m in program_of(1, 2, 3, 1).matrices if m.rows.name == "samples"}
    assert rows_of_samples < set(labelled(lay_out(program_of(5, 2, 3, 1))))
    assert rows_of_samples & set(labelled(lay_out(program_of(50, 2, 3, 1)))) == {"X"}


def test_a_single_row_has_no_label():
    assert not {"lr", "bh", "bout", "bh_new"} & set(labelled(lay_out(program_of(5, 2, 3, 1))))


def test_more_rows_than_a_spreadsheet_has_are_refused():
    with pytest.raises(LimitError) as caught:
        lay_out(program_of(MOST_ROWS, 1, 1, 1))
    message = str(caught.value)
    assert re.fullmatch(
        r"1048576 samples need 1048[56]\d\d rows of a sheet; a spreadsheet has 1048576: use fewer"
        r" samples\.",
        message,
    )
    assert isinstance(caught.value, CellpropError)


@pytest.mark.parametrize("layer", [0, 1, 2])
@pytest.mark.parametrize("samples", [1, TALLEST_LANE + 1])
def test_more_columns_than_a_spreadsheet_has_are_refused(samples, layer):
    sizes = [1, 1, 1]
    sizes[layer] = MOST_COLUMNS
    with pytest.raises(LimitError) as caught:
        lay_out(program_of(samples, *sizes))
    needed = re.fullmatch(
        r"The matrices need (\d+) columns of a sheet; a spreadsheet has 16384: use fewer inputs or"
        r" neurons\.",
        str(caught.value),
    )
    assert int(needed[1]) > MOST_COLUMNS


def test_the_last_row_that_a_spreadsheet_has_may_be_used():
    spare = MOST_ROWS - lay_out(program_of(1000, 1, 1, 1)).last_row
    full = program_of(1000 + spare, 1, 1, 1)
    assert lay_out(full).last_row == MOST_ROWS
    with pytest.raises(LimitError):
        lay_out(program_of(1001 + spare, 1, 1, 1))


def test_the_address_of_a_cell_is_counted_from_its_matrix_first():
    place = lay_out(program_of(3, 4, 3, 1)).places["X"]
    first = f"{letter(place.column)}{place.row}"
    last = f"{letter(place.column + 3)}{place.row + 2}"
    assert (place.address(0, 0), place.address(2, 3)) == (first, last)
    assert place.range == f"{first}:{last}"
    assert place.absolute.replace("$", "") == place.range
    assert place.absolute.count("$") == 4
    addresses = place.addresses()
    assert [len(row) for row in addresses] == [4, 4, 4]
    assert addresses == [[place.address(i, j) for j in range(4)] for i in range(3)]


@given(st.integers(1, MOST_COLUMNS))
def test_letters_of_columns_count_on_from_one_another(column):
    value = 0
    for character in letter(column):
        value = value * 26 + ord(character) - ord("A") + 1
    assert value == column
