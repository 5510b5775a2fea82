"""A close-up shows what a step reads and computes, in the order of its formula."""

from __future__ import annotations

from itertools import combinations, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_layout import Box, overlap, programs_of

import cellprop
import reading
from cellprop.algebra import Mention, mentioned, pieces
from cellprop.faces.layout import Layout, lay_out
from cellprop.faces.places import FIRST_LANE, LANE_COLUMN, Place, PlacedLane, Spread
from cellprop.programs.program import Program, Step
from conftest import slow_but
from reading import BUILT

ALL = pytest.mark.parametrize("name", slow_but([n for n in BUILT if n != "moons"], BUILT))
programs = programs_of(1, 40)
rows = st.sampled_from([1, 2, 3, 5, 8, 20])
FEW = settings(max_examples=30)


def close_up(name: str, rows: int = 8) -> tuple[Program, Layout]:
    program = reading.built(name).program
    return program, lay_out(program, "close-up", rows)


def spreads(program: Program, layout: Layout) -> list[tuple[Step, Spread]]:
    return [(step, layout.on(step)) for step in program.steps]


def line_of(spread: Spread, name: str) -> list[Place]:
    """The places that a formula is written with."""
    return list(spread.lines[name][1].values())


def shown(step: Step) -> dict[str, list[Mention]]:
    """What each formula of a step is written with, in the order of its text; once what an operation
    writes twice.
    """
    found: dict[str, list[Mention]] = {}
    for matrix in step.computed:
        mentions: list[Mention] = []
        for piece in pieces(matrix.definition):
            if isinstance(piece, Mention) and not any(piece is other for other in mentions):
                mentions.append(piece)
        found[matrix.name] = mentions
    return found


def lanes_of(spread: Spread, name: str) -> list[PlacedLane]:
    """The lanes of a formula: that of what it computes, and those on which it goes on below."""
    lanes = list(spread.lanes)
    first = next(k for k, lane in enumerate(lanes) if spread.homes[name] is lane.places[0])
    last = first + 1
    while (
        last < len(lanes)
        and any(place in line_of(spread, name) for place in lanes[last].places)
        and not any(lanes[last].places[0] is home for home in spread.homes.values())
    ):
        last += 1
    return lanes[first:last]


# --- The order of the formula -------------------------------------------------------------


@ALL
@pytest.mark.parametrize("rows", [2, 8])
def test_blocks_stand_in_the_order_of_the_formula(name, rows):
    for step, spread in spreads(*close_up(name, rows)):
        for result, mentions in shown(step).items():
            if result in spread.lines:
                places = line_of(spread, result)
                assert [p.matrix.name for p in places] == [m.matrix.name for m in mentions]
                assert [p.transposed for p in places] == [m.transposed for m in mentions]
                stand = [(p.row, p.column) for p in (spread.homes[result], *places)]
                assert stand == sorted(stand), (step.label, result)


@ALL
def test_between_the_blocks_stand_the_operators_and_all_is_the_formula(name):
    for step, spread in spreads(*close_up(name)):
        for matrix in step.computed:
            if matrix.name not in spread.lines:
                continue
            said = ""
            for lane in lanes_of(spread, matrix.name):
                parts = [(p.column, p.row, p.called) for p in lane.places if not is_move(p)]
                parts += [(s.column, s.row, s.text) for s in lane.signs if "⇒" not in s.text]
                said += "".join(text for _, _, text in sorted(parts))
            written = f"{matrix.name} = "
            written += "".join(
                p if isinstance(p, str) else p.text for p in pieces(matrix.definition)
            )
            assert said.replace(" ", "") == written.replace(" ", "")


@ALL
@pytest.mark.parametrize("rows", [2, 8])
def test_a_transposed_operand_stands_transposed_if_its_samples_are_in_view(name, rows):
    for _, spread in spreads(*close_up(name, rows)):
        for place in spread.places:
            assert place.transposed or not place.turned
            if place.transposed and place.turned:
                assert place.matrix.rows.size <= rows + 1
                assert (place.down, place.across) == (place.matrix.columns, place.matrix.rows)
            elif place.transposed:
                assert place.matrix.rows.size > 2


def test_the_articles_update_is_laid_out_as_it_is_written():
    program, layout = close_up("article")
    step = next(s for s in program.steps if s.label == "10")
    spread = layout.on(step)
    names = ["wout", "hiddenlayer_activations", "d_output", "lr"]
    line = line_of(spread, "wout_new")
    assert [p.matrix.name for p in line] == names
    assert [p.turned for p in line] == [False, True, False, False]
    lane = next(lane for lane in spread.lanes if line[0] in lane.places)
    assert [sign.text for sign in lane.signs] == [" = ", " + ", " · ", " × "]


@ALL
def test_a_formula_that_is_too_wide_goes_on_below_what_it_multiplies(name):
    for step, spread in spreads(*close_up(name)):
        for result in (matrix.name for matrix in step.computed if matrix.name in spread.lines):
            home = spread.homes[result]
            first, *others = lanes_of(spread, result)
            assert first.places[0] is home
            for above, below in pairwise([first, *others]):
                # It begins with its operator, right of what is computed.
                assert below.row > above.last_row
                assert below.places[0].column > home.last_column
                assert below.signs[0].text.strip()
                assert below.signs[0].column < below.places[0].column
                assert below.key == ""


# --- What is shown ------------------------------------------------------------------------


@given(programs, rows)
@FEW
def test_a_step_shows_what_it_brings_and_what_that_is_computed_from_and_no_more(program, rows):
    for step, spread in spreads(program, lay_out(program, "close-up", rows)):
        read = {m.name for matrix in step.computed for m in mentioned(matrix.definition)}
        found = {place.matrix.name for place in spread.places if not is_move(place)}
        assert found == {*read, *(matrix.name for matrix in step.brings)}


def is_move(place: Place) -> bool:
    """Whether a block is by how much an update changes something."""
    return reading.MINUS in place.matrix.name


def test_an_updates_close_up_shows_by_how_much_it_changes_what_it_replaces():
    program, layout = close_up("article")
    changes = {
        place.matrix.name
        for step, spread in spreads(program, layout)
        for place in spread.places
        if is_move(place)
    }
    assert changes == {f"{new.name} − {old}" for old, new in program.updates.items()}
    assert set(layout.places) == {matrix.name for matrix in program.matrices}


@given(programs, rows)
@FEW
def test_a_step_with_too_many_matrices_shows_each_once_without_operators(program, rows):
    for _, spread in spreads(program, lay_out(program, "close-up", rows)):
        if not spread.lines and any(lane.signs for lane in spread.lanes):
            pytest.fail("signs without a formula")
        if spread.copies:
            places = [place for lane in spread.above_notes for place in lane.places]
            names = [place.matrix.name for place in places]
            assert len(names) == len(set(names))
            assert set(spread.copies) == set(names)
            # Only by how much things change is written as what it is computed from.
            assert set(spread.lines) <= {move.name for move in program.moves.values()}


def test_adams_updates_of_two_layers_are_too_many():
    program, layout = close_up("two layers")
    crowded = {
        step.label for step, spread in spreads(program, layout) if spread.copies and step.computed
    }
    assert {"10", "11"} == crowded


@given(programs, rows)
@FEW
def test_every_matrix_has_one_home_on_the_sheet_of_its_step(program, rows):
    layout = lay_out(program, "close-up", rows)
    assert set(layout.places) == {matrix.name for matrix in program.matrices}
    for step, spread in spreads(program, layout):
        assert set(spread.homes) == {matrix.name for matrix in step.brings}
        for name, place in spread.homes.items():
            assert place in list(spread.places)
            assert (place.matrix.name, place.turned, place.transposed) == (name, False, False)


# --- Nothing stands on anything -----------------------------------------------------------


def box(place: Place) -> Box:
    """The rows and columns of a block with its name, its shape, its labels."""
    left = place.label_column if place.has_row_labels else place.column
    return range(place.name_row, place.last_row + 1), range(left, place.last_column + 1)


def boxes(spread: Spread) -> list[Box]:
    """Those of all that stands on a sheet."""
    found = [box(place) for place in spread.places]
    for lane in spread.lanes:
        found += [(range(s.row, s.row + 1), range(s.column, s.column + 1)) for s in lane.signs]
        for folded in spread.rows:
            if lane.row <= folded.mark <= lane.last_row:
                found += [
                    (range(folded.mark, folded.mark + 1), range(p.column, p.column + 1))
                    for p in lane.places
                    if p.row <= folded.first <= p.last_row
                ]
        for folded in spread.columns:
            found += [
                (range(p.label_row, p.label_row + 1), range(folded.mark, folded.mark + 1))
                for p in lane.places
                if p.column <= folded.first <= p.last_column
            ]
    found.append((range(spread.notes_row, spread.notes_row + 1), range(1, spread.last_column + 1)))
    return found


@given(programs, rows)
@FEW
def test_blocks_signs_and_marks_do_not_overlap(program, rows):
    for step, spread in spreads(program, lay_out(program, "close-up", rows)):
        found = boxes(spread)
        assert not [pair for pair in combinations(found, 2) if overlap(*pair)], step.label
        for down, across in found:
            assert down.start >= FIRST_LANE
            assert across.start > LANE_COLUMN or down.start == spread.notes_row
            assert across[-1] <= spread.last_column
            assert down[-1] <= spread.last_row


# --- What is folded away ------------------------------------------------------------------


@given(programs, rows)
@FEW
def test_what_is_beyond_the_rows_and_columns_in_view_is_folded_away_and_counted(program, rows):
    for _, spread in spreads(program, lay_out(program, "close-up", rows)):
        for lane in spread.lanes:
            folded = [f for f in spread.rows if lane.row <= f.first <= lane.last_row]
            most = max(place.last_row for place in lane.places)
            first = lane.places[0].row
            if not folded:
                assert most - first + 1 <= max(rows, 2) + 1
                continue
            (one,) = folded
            assert (one.last, one.mark) == (most, most + 1)
            # One more than are asked for is shown, rather than said to be one more.
            assert 1 <= one.first - first <= max(rows, 2) + 1
            assert one.count == most - one.first + 1
            # No name, label or sign stands in what is folded.
            assert not [p for p in lane.places if p.row in one or p.label_row in one]
            assert not [sign for sign in lane.signs if sign.row in one]
        for folded in spread.columns:
            assert not [p for p in spread.places if p.column in folded or p.label_column in folded]
            for lane in spread.lanes:
                assert not [sign for sign in lane.signs if sign.column in folded]


@pytest.mark.parametrize("rows", [2, 3, 5, 8, 12])
def test_so_many_rows_are_in_view_as_are_asked_for_where_there_is_room(rows):
    program, layout = close_up("blobs", rows)
    (step,) = [s for s in program.steps if s.label == "2"]
    spread = layout.on(step)
    (folded, *_) = spread.rows
    assert folded.first - spread.homes["hidden_layer_input"].row == rows
    assert folded.count == reading.built("blobs").values["X"].shape[0] - rows


def test_one_row_more_than_are_in_view_is_shown_rather_than_folded():
    X = [[float(k), 1.0] for k in range(9)]
    network = cellprop.Network([2, 2, 1])
    nine, ten = (
        cellprop.trace(network, x, [0.0] * len(x), seed=1).program for x in (X, [*X, [0.5, 0.5]])
    )
    last = [program.steps[2] for program in (nine, ten)]
    assert lay_out(nine, "close-up").on(last[0]).rows == ()
    assert [f.count for f in lay_out(ten, "close-up").on(last[1]).rows][:1] == [2]
