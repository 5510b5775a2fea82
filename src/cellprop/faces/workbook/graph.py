"""A written program as a drawing: its steps forward as boxes, from left to right, with what each
hands to which; what a step of the update is about is lit.

All of it follows from what definitions read: a box stands right of those that it reads from.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import count
from typing import NamedTuple

from cellprop.algebra import mentioned
from cellprop.faces.workbook import shapes
from cellprop.faces.workbook.drawing import BACK, DARK, LARGE, LIT, PALE_NEURON, SMALL, Size
from cellprop.faces.workbook.shapes import Drawing, Look, Point, Text
from cellprop.programs.program import Program, Step
from cellprop.texts import captions
from cellprop.texts.words import Words

# What comes into a step from outside.
GIVEN = ("input", "constant", "target")

# A box is no wider than this, and as high as there is room, in pixels.
WIDEST, WIDEST_LARGE, HIGHEST = 26, 64, 22
# How far apart lines run that pass over boxes, and how much of the room to the next box is a line.
OVER, APART = 7, 0.34
RADIUS = 3


class Link(NamedTuple):
    """From one step forward to another that reads of it, by their places in order."""

    start: int
    end: int


class Box(NamedTuple):
    """A step forward, where it is drawn: its middle, and half its width and height."""

    x: int
    y: int
    half_width: int
    half_height: int

    @property
    def path(self) -> str:
        """The path around it."""
        return shapes.box(*self)


@dataclass(frozen=True)
class Graph:
    """The steps forward of a program, and where each is drawn."""

    program: Program
    size: Size
    widest: int

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """The steps forward, with those that take losses, in order."""
        return tuple(step for step in self.program.steps if step.kind in ("forward", "loss"))

    @cached_property
    def _homes(self) -> Mapping[str, int]:
        return {m.name: place for place, step in enumerate(self.steps) for m in step.brings}

    @cached_property
    def links(self) -> tuple[Link, ...]:
        """Which step reads of which."""
        found: dict[Link, None] = {}
        for place, step in enumerate(self.steps):
            for name in sorted(_read(step), key=lambda name: self._homes.get(name, -1)):
                if self._homes.get(name, place) != place:
                    found[Link(self._homes[name], place)] = None
        return tuple(found)

    def taking(self, *roles: str) -> frozenset[int]:
        """Return which steps read a matrix of some roles that no step computes."""
        given = {m.name for m in self.program.given if self.program.roles[m.name] in roles}
        return frozenset(place for place, step in enumerate(self.steps) if given & _read(step))

    @cached_property
    def columns(self) -> tuple[int, ...]:
        """In which column each step stands: right of all that it reads from."""
        found: list[int] = []
        for place in range(len(self.steps)):
            before = [found[link.start] for link in self.links if link.end == place]
            found.append(max(before) + 1 if before else 0)
        return tuple(found)

    @cached_property
    def boxes(self) -> tuple[Box, ...]:
        """Where each step is drawn."""
        size, columns = self.size, self.columns
        last = max(columns)
        across = size.width - 2 * (self.widest // 2 + 4)
        apart = across / last if last else 0.0
        room = apart * (1 - APART) if last else self.widest
        half_width = max(int(min(self.widest, room) / 2), 2)
        levels = self._levels
        top = size.top + OVER * max(levels.values(), default=0)
        high = size.height - top - 4 * RADIUS - 6
        found = []
        for place, column in enumerate(columns):
            stack = [i for i, each in enumerate(columns) if each == column]
            down = high / len(stack)
            half_height = max(int(min(HIGHEST, 0.72 * down) / 2), 2)
            x = self.widest // 2 + 4 + column * apart if last else size.width / 2
            y = top + down * (stack.index(place) + 0.5)
            found.append(Box(round(x), round(y), half_width, half_height))
        return tuple(found)

    @cached_property
    def _levels(self) -> Mapping[Link, int]:
        """How high each link runs that passes over other boxes, from 1."""
        found: dict[Link, int] = {}
        ends = {link: (self.columns[link.start], self.columns[link.end]) for link in self.links}
        over = [link for link, (a, b) in ends.items() if b > a + 1]
        for link in sorted(over, key=lambda link: ends[link][1] - ends[link][0]):
            a, b = ends[link]
            taken = {
                level for other, level in found.items() if ends[other][0] < b and a < ends[other][1]
            }
            found[link] = next(level for level in count(1) if level not in taken)
        return found

    def points(self, link: Link) -> list[Point]:
        """Return the points through which a link is drawn."""
        start, end = self.boxes[link.start], self.boxes[link.end]
        level = self._levels.get(link)
        if level is None:
            return [(start.x + start.half_width, start.y), (end.x - end.half_width, end.y)]
        top = min(box.y - box.half_height for box in self.boxes)
        high = max(top - OVER * level, 1)
        a, b = start.x + start.half_width // 2, end.x - end.half_width // 2
        return [
            (a, start.y - start.half_height),
            (a, high),
            (b, high),
            (b, end.y - end.half_height),
        ]

    def entering(self, place: int) -> tuple[list[Point], Point]:
        """Return the line by which what is given comes into a step, and where it begins."""
        box = self.boxes[place]
        begin = box.x, box.y + box.half_height + 5 + RADIUS
        return [(box.x, begin[1] - RADIUS), (box.x, box.y + box.half_height)], begin


def _read(step: Step) -> set[str]:
    """Return the names of what a step's definitions read, of other steps and its own."""
    return {m.name for each in step.computed if each.definition for m in mentioned(each.definition)}


# --- What is lit --------------------------------------------------------------------------


class Lit(NamedTuple):
    """What is lit: boxes, links, links gone back over, and what is given to which boxes."""

    boxes: frozenset[int] = frozenset()
    links: frozenset[Link] = frozenset()
    back: frozenset[Link] = frozenset()
    given: frozenset[int] = frozenset()


def parts_lit(graph: Graph, step: Step) -> Lit:
    """Return what is lit for a step."""
    inputs = graph.taking(*GIVEN)
    if step.kind == "given":
        return Lit(given=inputs)
    if step.kind in ("parameters", "update"):
        return Lit(graph.taking("weights", "biases"))
    if step.part is None:  # the sum of what several steps found
        return Lit(graph.taking("weights", "biases"))
    place = next(i for i, each in enumerate(graph.steps) if each.part == step.part)
    links = [link for link in graph.links if place in link]
    if step.kind == "backward":
        back = frozenset(link for link in links if link.start == place)
        return Lit(frozenset([place]), back=back)
    before = frozenset(link for link in links if link.end == place)
    return Lit(frozenset([place]), before, given=inputs & {place})


# --- The drawings -------------------------------------------------------------------------


def small(words: Words, program: Program, step: Step) -> Drawing:
    """Return the program in 190 × 100 pixels, with what a step is about lit."""
    graph = Graph(program, SMALL, WIDEST)
    return _drawn(words, graph, parts_lit(graph, step))


def large(words: Words, program: Program) -> Drawing:
    """Return the program in 360 × 170 pixels."""
    return _drawn(words, Graph(program, LARGE, WIDEST_LARGE), Lit())


def _drawn(words: Words, graph: Graph, lit: Lit) -> Drawing:
    ids, size = count(2), graph.size
    pale, white, lines, yellow, arrows = (list[str]() for _ in range(5))
    for link in graph.links:
        points = graph.points(link)
        if link in lit.back:
            arrows.append(shapes.polyline(points[::-1]))
        else:
            (lines if link in lit.links else pale).append(shapes.polyline(points))
    for place in sorted(graph.taking(*GIVEN)):
        line, at = graph.entering(place)
        is_lit = place in lit.given
        (lines if is_lit else pale).append(shapes.polyline(line))
        (yellow if is_lit else white).append(shapes.circle(*at, RADIUS))
    for place, box in enumerate(graph.boxes):
        (yellow if place in lit.boxes else white).append(box.path)
    figures: tuple[tuple[Look, tuple[list[str], list[str]]], ...] = (
        (PALE_NEURON, (pale, white)),
        (BACK, (arrows, [])),
        (LIT, (lines, yellow)),
    )
    drawn = [
        shapes.figure(next(ids), size[:2], paths, look) for look, paths in figures if any(paths)
    ]
    boxes = graph.boxes
    titles = [captions.title(words, step) for step in graph.steps]
    for names in (titles, [step.label for step in graph.steps]):
        if all(map(partial(_fits, graph), names, boxes)):
            for name, box in zip(names, boxes, strict=True):
                text = Text(name, size.font, DARK)
                drawn.append(shapes.label(next(ids), box.x, box.y, box.half_width, text))
            break
    says = words("graph.says", steps=", ".join(titles))
    now = [titles[place] for place in sorted(lit.boxes)]
    says += f" {words('graph.lit', parts='; '.join(now))}" if now else ""
    return shapes.grouped(words("graph.name"), says, size[:2], drawn)


def _fits(graph: Graph, text: str, box: Box) -> bool:
    """Whether there is room for a text in a box."""
    return (
        len(text) * graph.size.digit <= 2 * box.half_width
        and 2 * box.half_height >= graph.size.font / 100
    )
