"""In a flip-book matrices stand at the same cells on every sheet, and none stands on another.

What a close-up shows is tested in `test_close_up.py`.
"""

from __future__ import annotations

import itertools
import re
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cellprop
from cellprop import CellpropError, Network
from cellprop.algebra import Axis
from cellprop.errors import InputError, LimitError
from cellprop.faces.layout import Layout, flip_book, lay_out, places_before
from cellprop.faces.places import FIRST_LANE, LANE_COLUMN, Place, Spread, columns_for, letter
from cellprop.limits import MOST_COLUMNS, MOST_ROWS
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


programs = programs_of(1, 60)

Box = tuple[range, range]


def book_of(program: Program) -> Spread:
    """Return what stands on each sheet of a flip-book."""
    return flip_book(program.lanes)


def box(place: Place) -> Box:
    """Return the rows and columns that a matrix takes, with its name and its labels."""
    last_column = max(
        place.last_column, place.column + columns_for(place.matrix, place.across.size) - 1
    )
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
    boxes = {place.matrix.name: box(place) for place in book_of(program).places}
    assert [pair for pair in combinations(boxes, 2) if overlap(*map(boxes.get, pair))] == []


@given(programs)
def test_matrices_stand_below_the_sheets_head_and_beside_the_lanes_titles(program):
    for place in book_of(program).places:
        rows, columns = box(place)
        assert rows.start >= FIRST_LANE
        assert columns.start > LANE_COLUMN


@given(programs)
def test_notes_and_lanes_titles_stand_on_no_matrix(program):
    spread = book_of(program)
    for place in spread.places:
        rows, _ = box(place)
        assert spread.notes_row not in rows
    assert len({lane.row for lane in spread.lanes}) == len(spread.lanes)


@given(programs)
def test_every_matrix_has_one_place_and_that_is_its_home(program):
    spread = book_of(program)
    names = sorted(place.matrix.name for place in spread.places)
    assert names == sorted(spread.homes) == sorted(matrix.name for matrix in program.matrices)
    assert all(spread.homes[matrix.name].matrix is matrix for matrix in program.matrices)
    assert not any(place.turned or place.transposed for place in spread.places)


@given(programs)
def test_on_every_sheet_of_a_flip_book_stands_the_same_and_below_it_what_an_update_changes(program):
    layout, book = lay_out(program, "flip-book"), book_of(program)
    assert layout.places == book.homes
    for step in program.steps:
        spread = layout.on(step)
        changed = [program.moves[m.name] for m in step.computed if m.name in program.moves]
        assert spread.above_notes == book.lanes
        assert {p.matrix for lane in spread.below_notes for p in lane.places} == {*changed}
        titled = [bool(lane.key) for lane in spread.below_notes]
        assert titled == [True, *[False] * (len(titled) - 1)][: len(titled)]
        for lane in spread.below_notes:
            assert lane.row > spread.notes_row > book.lanes[-1].last_row
        boxes = [box(place) for place in spread.places]
        assert not any(overlap(one, other) for one, other in combinations(boxes, 2))
    assert len(set(lay_out(program, "flip-book", moves=False).spreads.values())) == 1


@given(programs)
def test_the_last_row_and_column_hold_everything(program):
    spread = book_of(program)
    boxes = [box(place) for place in spread.places]
    assert spread.last_row >= max(rows[-1] for rows, _ in boxes)
    assert spread.last_column == max(columns[-1] for _, columns in boxes)


@given(programs)
@settings(max_examples=25)
def test_places_depend_on_nothing_but_the_program(program):
    assert lay_out(program).places == lay_out(program).places


@given(programs)
def test_lanes_stand_one_below_the_other(program):
    lanes = book_of(program).lanes
    assert [(lane.key, lane.layer) for lane in lanes] == [
        (lane.key, lane.layer) for lane in program.lanes
    ]
    for above, below in itertools.pairwise(lanes):
        assert above.last_row + 1 < below.row
    for lane in lanes:
        assert {place.name_row for place in lane.places} == {lane.row}


@given(programs)
def test_the_same_slot_of_every_lane_starts_in_the_same_column(program):
    found = book_of(program).lanes
    for slot in range(max(len(lane.matrices) for lane in program.lanes)):
        lanes = [lane.places for lane in found if slot < len(lane.places)]
        assert len({places[slot].column for places in lanes}) == 1


def lanes_of(program: Program) -> list[str]:
    """The titles of the lanes, with their layers."""
    return [f"{lane.key} {lane.layer or ''}".strip() for lane in book_of(program).lanes]


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
    (parts,) = [lane for lane in book_of(program).lanes if lane.key == "output_parts"]
    assert [place.matrix.name for place in parts.places] == [
        "output_exponentials", "output_sum", "output",
    ]  # fmt: skip


def test_scaling_and_an_update_rules_numbers_have_lanes_of_their_own():
    names = lanes_of(program_of(5, 4, 3, 1, optimizer="adam", scale="standard"))
    assert names[:4] == ["scaling", "input", "optimizer", "counts"]
    assert names.count("updated") == 4
    places = book_of(program_of(5, 4, 3, 1, optimizer="momentum")).homes
    assert places["wh_velocity"].row == places["wh_velocity_new"].row == places["wh_new"].row


# --- Which layout -------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["article", "notebook"])
def test_a_flip_book_that_fits_a_screen_and_a_page_is_chosen(name):
    assert lay_out(cellprop.example(name).program).form == "flip-book"


@pytest.mark.parametrize("name", ["iris", "moons", "blobs"])
def test_else_a_close_up_is_chosen(name):
    assert lay_out(cellprop.example(name).program).form == "close-up"


def test_a_close_up_is_chosen_with_the_first_sample_that_has_no_room():
    forms = [lay_out(program_of(samples, 4, 3, 1)).form for samples in range(1, 40)]
    first = forms.index("close-up")
    assert first >= 3
    assert forms == ["flip-book"] * first + ["close-up"] * (39 - first)


@given(programs_of(1, 12), st.sampled_from(["flip-book", "close-up"]), st.integers(1, 100))
def test_the_layout_and_the_rows_that_are_asked_for_are_taken(program, form, rows):
    layout = lay_out(program, form, rows)
    assert (layout.form, layout.rows) == (form, rows)
    assert set(layout.spreads) == {step.label for step in program.steps}


@pytest.mark.parametrize("form", ["flipbook", "close up", "", "band", "AUTO"])
def test_another_layout_is_refused_with_those_there_are(form):
    with pytest.raises(InputError) as caught:
        lay_out(program_of(3, 4, 3, 1), form)
    assert "flip-book, close-up" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("rows", [0, -1, 101])
def test_rows_out_of_range_are_refused(rows):
    with pytest.raises(InputError, match=rf"^rows: expected 1 to 100, found {rows}\.$"):
        lay_out(program_of(3, 4, 3, 1), "close-up", rows)


# --- As it was ----------------------------------------------------------------------------


def test_the_addresses_of_0_3_0_are_known_for_what_was_handed_out():
    few, many = (places_before(program_of(n, 2, 3, 1)) for n in (30, 31))
    assert (few["X"].range, few["wh"].name_row) == ("C13:D42", 44)
    by_sample = {name for name, place in few.items() if place.matrix.rows.name == "samples"}
    assert len({place.row for name, place in many.items() if name in by_sample}) == 1
    assert all(many[n].last_row < many["X"].name_row for n in many if n not in by_sample)
    assert set(few) == set(many) == {m.name for m in program_of(3, 2, 3, 1).matrices}


# --- Limits -------------------------------------------------------------------------------


def labelled(layout: Layout) -> list[str]:
    return [name for name, place in layout.places.items() if place.has_row_labels]


def test_samples_are_labelled_at_every_matrix():
    rows_of_samples = {m.name for m in program_of(1, 2, 3, 1).matrices if m.rows.name == "samples"}
    for samples, form in itertools.product((5, 50), ("flip-book", "close-up")):
        assert rows_of_samples < set(labelled(lay_out(program_of(samples, 2, 3, 1), form)))


def test_a_single_row_has_no_label():
    assert not {"lr", "bh", "bout", "bh_new"} & set(labelled(lay_out(program_of(5, 2, 3, 1))))


def test_more_rows_than_a_spreadsheet_has_are_refused():
    with pytest.raises(LimitError) as caught:
        lay_out(program_of(MOST_ROWS, 1, 1, 1))
    message = str(caught.value)
    assert re.fullmatch(
        r"1048576 samples need \d+ rows of a sheet; a spreadsheet has 1048576: use fewer"
        r" samples\.",
        message,
    )
    assert isinstance(caught.value, CellpropError)


@pytest.mark.parametrize("layer", [0, 1, 2])
@pytest.mark.parametrize("form", ["flip-book", "close-up"])
def test_more_columns_than_a_spreadsheet_has_are_refused(form, layer):
    sizes = [1, 1, 1]
    sizes[layer] = MOST_COLUMNS
    with pytest.raises(LimitError) as caught:
        lay_out(program_of(1, *sizes), form)
    needed = re.fullmatch(
        r"The matrices need (\d+) columns of a sheet; a spreadsheet has 16384: use fewer inputs or"
        r" neurons\.",
        str(caught.value),
    )
    assert int(needed[1]) > MOST_COLUMNS


@pytest.mark.parametrize("form", ["flip-book", "close-up"])
def test_the_last_row_that_a_spreadsheet_has_may_be_used(form):
    def last_row(samples: int) -> int:
        spreads = lay_out(program_of(samples, 1, 1, 1), form).spreads.values()
        return max(spread.last_row for spread in spreads)

    few, more = last_row(1000), last_row(2000)
    each = (more - few) // 1000
    most = 1000 + (MOST_ROWS - few) // each
    assert MOST_ROWS - each < last_row(most) <= MOST_ROWS
    with pytest.raises(LimitError):
        last_row(most + 1)


def test_the_address_of_a_cell_is_counted_from_its_matrix_first():
    place = book_of(program_of(3, 4, 3, 1)).homes["X"]
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
