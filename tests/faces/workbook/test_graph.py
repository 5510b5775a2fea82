"""The picture of a program: each step forward a box right of those it reads from; what is lit."""

from __future__ import annotations

from itertools import combinations

import pytest

import cellprop
from cellprop.faces.workbook import graph
from cellprop.faces.workbook.drawing import LARGE, SMALL
from cellprop.running.loading import shipped, ships
from cellprop.texts.words import load

WORDS = load()


def made(name: str) -> cellprop.Trace:
    loaded = ships(name)
    return cellprop.trace(loaded.written, loaded.X, loaded.y, seed=1)


def of(name: str, size=SMALL, widest=graph.WIDEST) -> graph.Graph:
    return graph.Graph(made(name).program, size, widest)


@pytest.mark.parametrize("name", shipped())
@pytest.mark.parametrize("size", [SMALL, LARGE], ids=["small", "large"])
def test_boxes_are_inside_and_none_covers_another(name, size):
    boxes = of(name, size, graph.WIDEST if size is SMALL else graph.WIDEST_LARGE).boxes
    for box in boxes:
        assert box.x - box.half_width >= 0
        assert box.x + box.half_width <= size.width
        assert box.y - box.half_height >= 0
        assert box.y + box.half_height <= size.height
    for a, b in combinations(boxes, 2):
        apart = abs(a.x - b.x) - a.half_width - b.half_width
        assert apart > 0 or abs(a.y - b.y) >= a.half_height + b.half_height


@pytest.mark.parametrize("name", shipped())
def test_a_step_stands_right_of_all_that_it_reads_from(name):
    drawn = of(name)
    assert drawn.links
    for link in drawn.links:
        assert drawn.columns[link.start] < drawn.columns[link.end]
        assert all(0 <= x <= SMALL.width and 0 <= y <= SMALL.height for x, y in drawn.points(link))


def test_time_steps_follow_one_another_and_each_takes_an_input():
    drawn = of("rnn")
    assert drawn.columns == (0, 1, 2, 3, 4)
    assert drawn.links == tuple(graph.Link(i, i + 1) for i in range(4))
    assert drawn.taking("input") == {0, 1, 2}
    assert drawn.taking("target") == {4}


def test_two_heads_stand_above_one_another():
    drawn = of("transformer")
    titles = [made("transformer").steps[int(s.label)].title for s in drawn.steps]
    one, other = (titles.index(f"Head {n}: ask") for n in ("a", "b"))
    assert drawn.columns[one] == drawn.columns[other]


def test_forwards_what_is_read_is_lit_and_back_what_the_change_comes_from():
    program = made("rnn").program
    drawn = graph.Graph(program, SMALL, graph.WIDEST)
    lit = {step.label: graph.parts_lit(drawn, step) for step in program.steps}
    by_title = {step.label: step for step in made("rnn").steps}
    at = {step.title: lit[label] for label, step in by_title.items()}
    assert at["Time 2"] == graph.Lit(
        frozenset([1]), frozenset([graph.Link(0, 1)]), given=frozenset([1])
    )
    assert at["Time 2, back"] == graph.Lit(frozenset([1]), back=frozenset([graph.Link(1, 2)]))
    assert at["What is given"].given == {0, 1, 2, 4}
    assert at["What is learnt"].boxes == {0, 1, 2, 3}


def test_it_says_what_it_shows():
    trace = made("rnn")
    drawing = graph.small(WORDS, trace.program, trace.program.steps[3])
    assert drawing.says == (
        "The steps forward, from left to right: Time 1, Time 2, Time 3, Output, Loss."
        " Lit in this step: Time 2."
    )
