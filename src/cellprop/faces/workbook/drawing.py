"""The network as a drawing: its layers from left to right, and what a step is about lit.

What is lit follows from what the step's matrices stand for, by their axes, and from what their
definitions read; neither numbers nor names of steps are known here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import count, pairwise
from math import log10
from typing import NamedTuple

from cellprop.algebra import ONE, Axis, Matrix, reads
from cellprop.faces.workbook import shapes
from cellprop.faces.workbook.shapes import Drawing, Look, Point, Shape, Text
from cellprop.programs.program import Program, Step
from cellprop.texts.words import Words

# More neurons than this are one block; so are the largest layers where there are more edges.
MOST_NEURONS, MOST_EDGES = 6, 90
# Matrices of these roles come before what a neuron passes on, or are given for it: an outline.
OUTLINED = ("target", "entered", "part", "rest")

ORANGE, YELLOW, PALE, WHITE, DARK = "E69138", "FFD966", "BFC7CC", "FFFFFF", "595959"
PALE_NEURON, PALE_EDGE = Look(PALE, WHITE), Look(PALE)
LIT, BACK = Look(ORANGE, YELLOW, 100), Look(ORANGE, YELLOW, 100, arrow=True)
PLAIN_NEURON = Look("78909C", "F5F7F8", 100)


# --- What is lit --------------------------------------------------------------------------


@dataclass(frozen=True)
class Lit:
    """What is lit, by columns: 0 is the inputs, 1 the first layer, and so on to the outputs.

    Attributes:
        neurons: Columns whose neurons are filled.
        outlined: Columns whose neurons are outlined only.
        edges: Columns whose edges, from the column before, are lit.
        back: The same, with arrows that point backwards.
    """

    neurons: frozenset[int] = frozenset()
    outlined: frozenset[int] = frozenset()
    edges: frozenset[int] = frozenset()
    back: frozenset[int] = frozenset()

    def __or__(self, other: Lit) -> Lit:
        neurons, back = self.neurons | other.neurons, self.back | other.back
        return Lit(
            neurons,
            (self.outlined | other.outlined) - neurons,
            (self.edges | other.edges) - back,
            back,
        )


def parts_lit(program: Program, step: Step) -> Lit:
    """Return what is lit for a step: what its matrices stand for, and the weights they go over."""
    axes = _axes(program)
    lit = Lit()
    for matrix in step.brings:
        lit |= _lit_by(program, axes, matrix)
    return lit


def _axes(program: Program) -> list[Axis]:
    """Return what the columns of a drawing stand for."""
    layers = program.forward.layers
    return [program.forward.entered.columns, *(layer.weights.columns for layer in layers)]


def _lit_by(program: Program, axes: Sequence[Axis], matrix: Matrix) -> Lit:
    column = _place(axes, matrix.columns)
    if column is not None and _place(axes, matrix.rows) is not None:
        return Lit(edges=frozenset([column]))  # weights, or what is as large
    if column is not None and matrix.rows is ONE:
        return Lit(outlined=frozenset([column]))  # biases belong to neurons
    read = reads(matrix.definition) if matrix.definition is not None else {}
    if column is not None:
        columns = frozenset([column])
    else:  # a number for each sample, such as a sum over outputs
        by_sample = [m for m in read if program.is_by_sample(m)]
        columns = frozenset(at for m in by_sample if (at := _place(axes, m.columns)) is not None)
    outlined = program.roles[matrix.name] in OUTLINED
    none = frozenset[int]()
    edges, back = _gone_over(program, matrix, read)
    return Lit(none if outlined else columns, columns if outlined else none, edges, back)


def _place(axes: Sequence[Axis], axis: Axis) -> int | None:
    return next((number for number, each in enumerate(axes) if each is axis), None)


def _gone_over(
    program: Program, matrix: Matrix, read: Iterable[Matrix]
) -> tuple[frozenset[int], frozenset[int]]:
    """Return the columns whose weights a matrix is computed by: those gone forwards, and back."""
    forwards, back = set[int](), set[int]()
    for number, layer in enumerate(program.forward.layers, 1):
        if layer.weights in read:
            (back if layer.weights.rows is matrix.columns else forwards).add(number)
    return frozenset(forwards), frozenset(back)


# --- Where it is --------------------------------------------------------------------------


class Size(NamedTuple):
    """How large a drawing is, in pixels.

    Attributes:
        width, height: Of all.
        top, bottom: What is above and below the neurons.
        side: How far the first and last column are from the sides.
        radius: Of a neuron, at most.
        font: In hundredths of a point.
        digit: The width of a digit.
    """

    width: int
    height: int
    top: int
    bottom: int
    side: int
    radius: int
    font: int
    digit: float


SMALL = Size(190, 100, 3, 15, 28, 7, 700, 5.2)
LARGE = Size(360, 170, 20, 22, 42, 11, 900, 6.7)


class Column(NamedTuple):
    """The inputs or a layer, where it is drawn.

    Attributes:
        name: What is said of it.
        short: What stands below it; empty if there is no room.
        neurons: How many it has.
        x: Of their middles.
        ys: Of their middles; the one of a block.
        half_width, half_height: Of a circle or block.
        is_block: Whether it is a block.
    """

    name: str
    short: str
    neurons: int
    x: int
    ys: tuple[int, ...]
    half_width: int
    half_height: int
    is_block: bool

    @property
    def left(self) -> list[Point]:
        """Where edges arrive."""
        return [(self.x - self.half_width, y) for y in self.ys]

    @property
    def right(self) -> list[Point]:
        """Where edges start."""
        return [(self.x + self.half_width, y) for y in self.ys]

    @property
    def paths(self) -> list[str]:
        """The paths of what is drawn."""
        if self.is_block:
            return [shapes.capsule(self.x, self.ys[0], self.half_width, self.half_height)]
        return [shapes.circle(self.x, y, self.half_width) for y in self.ys]


@dataclass(frozen=True)
class Sketch:
    """Where each column is."""

    words: Words
    program: Program
    size: Size

    @cached_property
    def counts(self) -> list[int]:
        """The numbers of neurons of each column."""
        return [axis.size for axis in _axes(self.program)]

    @cached_property
    def apart(self) -> float:
        """How far the middles of two columns are from one another."""
        return (self.size.width - 2 * self.size.side) / (len(self.counts) - 1)

    @cached_property
    def columns(self) -> list[Column]:
        """The columns from left to right."""
        return list(self._columns())

    def _columns(self) -> Iterator[Column]:
        size, blocks = self.size, _blocks(self.counts)
        high = size.height - size.top - size.bottom
        most = max(
            (n for n, block in zip(self.counts, blocks, strict=True) if not block), default=1
        )
        down = min(high / most, 3.2 * size.radius)
        radius = max(int(min(size.radius, 0.42 * down, 0.3 * self.apart)), 1)
        middle = size.top + high / 2
        names = self._names()
        for number, (n, block) in enumerate(zip(self.counts, blocks, strict=True)):
            x = round(size.side + number * self.apart)
            ys = [middle] if block else [middle + down * (i - (n - 1) / 2) for i in range(n)]
            half_width = half_height = radius
            if block:
                wide = max(radius, (len(str(n)) * size.digit + 8) / 2)
                half_width = max(round(min(wide, 0.36 * self.apart)), 1)
                half_height = round(high / 2 * min(0.5 + 0.16 * log10(n), 0.95))
            whole = tuple(map(round, ys))
            yield Column(*names[number], n, x, whole, half_width, half_height, block)

    def _names(self) -> list[tuple[str, str]]:
        """Return what each column is called, and what of it there is room for below."""
        words, layers = self.words, self.program.forward.layers
        numbers = [str(layer.number or "") for layer in layers[:-1]]
        names = [words("drawing.hidden", layer=f" {n}" if n else "") for n in numbers]
        inputs, outputs = words("drawing.inputs"), words("drawing.outputs")
        for shorts in (names, numbers, [""] * len(names)):  # the longest that fit
            below = [inputs, *shorts, outputs]
            if all(self.fits(f"{a}  {b}", 2) for a, b in pairwise(below) if a and b):
                break
        return list(zip([inputs, *names, outputs], below, strict=True))

    def fits(self, text: str, share: int = 1) -> bool:
        """Whether there is room for a text between two columns, or for the part of it there."""
        return len(text) / share * self.size.digit <= self.apart

    @property
    def under(self) -> Iterator[tuple[int, Text]]:
        """The labels under the columns, each with where its middle is."""
        for column in self.columns:
            if column.short:
                yield column.x, Text(column.short, self.size.font, DARK)

    def number(self, column: Column) -> Text | None:
        """Return the number that stands in a block, if there is room."""
        number = str(column.neurons)
        if column.is_block and len(number) * self.size.digit <= 2 * column.half_width:
            return Text(number, self.size.font, DARK)
        return None

    @property
    def says(self) -> str:
        """What there is, in words."""
        layers = [
            self.words("drawing.layer", name=column.name, count=column.neurons)
            for column in self.columns
        ]
        return self.words("drawing.says", layers=", ".join(layers))


def _blocks(counts: Sequence[int]) -> list[bool]:
    """Return for each column whether it is one block."""
    drawn = [1 if n > MOST_NEURONS else n for n in counts]
    while sum(a * b for a, b in pairwise(drawn)) > MOST_EDGES and max(drawn) > 1:
        drawn[drawn.index(max(drawn))] = 1
    return [n != each for n, each in zip(counts, drawn, strict=True)]


# --- The large one ------------------------------------------------------------------------


def large(words: Words, program: Program) -> Drawing:
    """Return the network in 360 × 170 pixels, each neuron and edge a shape of its own."""
    sketch, ids = Sketch(words, program, LARGE), count(2)
    columns = [(column, list(_solids(column, ids))) for column in sketch.columns]
    drawn = [
        shapes.connector(next(ids), left, right, _edge_look(before, after))
        for (before, lefts), (after, rights) in pairwise(columns)
        for left in lefts
        for right in rights
    ]
    for column, solids in columns:
        text = sketch.number(column)
        drawn += [
            shapes.solid(solid, f"{column.name} {i}", PLAIN_NEURON, text)
            for i, solid in enumerate(solids, 1)
        ]
    y = LARGE.height - LARGE.bottom // 2
    drawn += [shapes.label(next(ids), x, y, LARGE.side, text) for x, text in sketch.under]
    drawn += _weights(sketch, ids)
    return shapes.grouped(words("drawing.name"), sketch.says, LARGE[:2], drawn)


def _solids(column: Column, ids: Iterator[int]) -> Iterator[Shape]:
    for y in column.ys:
        yield Shape(next(ids), column.x, y, column.half_width, column.half_height, column.is_block)


def _edge_look(before: Column, after: Column) -> Look:
    """Return the look of edges: one that stands for all between two blocks is thick."""
    thick = before.is_block and after.is_block
    return Look(PALE, thick=300) if thick else PALE_EDGE


def _weights(sketch: Sketch, ids: Iterator[int]) -> Iterator[str]:
    """Yield the names of the weights, over the edges."""
    y = sketch.size.top // 2
    for number, layer in enumerate(sketch.program.forward.layers):
        name = layer.weights.name
        if sketch.fits(name):
            x = round(sketch.size.side + (number + 0.5) * sketch.apart)
            yield shapes.label(next(ids), x, y, sketch.size.side, Text(name, 900, DARK))


# --- The small ones -----------------------------------------------------------------------


def small(words: Words, program: Program, step: Step) -> Drawing:
    """Return the network in 190 × 100 pixels, with what a step is about lit.

    All that looks alike is one shape, so that it takes few bytes.
    """
    sketch, lit, ids = Sketch(words, program, SMALL), parts_lit(program, step), count(2)
    size, below = SMALL[:2], list(sketch.under)
    drawn = []
    for look, paths in _figures(sketch, lit):
        if any(paths):
            drawn.append(shapes.figure(next(ids), size, paths, look, below))
            below = []
    for column in sketch.columns:
        text = sketch.number(column)
        if text:
            (y,) = column.ys
            drawn.append(shapes.label(next(ids), column.x, y, column.half_width, text))
    # What there is besides is said on *Contents*, by the large one.
    return shapes.grouped(words("drawing.name"), _said(sketch, lit) or sketch.says, size, drawn)


def _figures(sketch: Sketch, lit: Lit) -> Iterator[tuple[Look, tuple[list[str], list[str]]]]:
    """Yield what has lines of one look: the look, and the paths of what is not filled and of what
    is.
    """
    pale, lines, arrows = list[str](), list[str](), list[str]()
    for number, (before, after) in enumerate(pairwise(sketch.columns), 1):
        if number in lit.back:
            arrows += [shapes.polyline([i, o]) for o in before.right for i in after.left]
        else:
            (lines if number in lit.edges else pale).extend(_lines(before, after))
    white, yellow = list[str](), list[str]()
    for number, column in enumerate(sketch.columns):
        if number in lit.neurons:
            yellow += column.paths
        else:
            (lines if number in lit.outlined else white).extend(column.paths)
    yield PALE_NEURON, (pale, white)
    if arrows and lines:
        yield BACK, (arrows, [])
        arrows = []
    yield BACK if arrows else LIT, (lines or arrows, yellow)


def _lines(before: Column, after: Column) -> Iterator[str]:
    """Yield paths of the edges between two columns, each once.

    A path goes on where it arrives: to and fro between two neurons of a column and all of the
    other. That takes half the bytes of a path for each edge.
    """
    if before.is_block and after.is_block:
        yield shapes.polyline(_thick(*before.right, *after.left))
        return
    many, few = sorted((before.right, after.left), key=len, reverse=True)
    for one, other in zip(many[::2], many[1::2], strict=False):
        points = [one]
        for i, point in enumerate(few):
            points += [point, one if i % 2 else other]
        yield shapes.polyline(points)
    if len(many) % 2:
        for i in range(0, len(few), 2):
            yield shapes.polyline([few[i], many[-1], *few[i + 1 : i + 2]])


def _thick(start: Point, end: Point) -> list[Point]:
    """Return points of a line that is there three times, side by side."""
    (x, y), (to_x, to_y) = start, end
    return [
        (x, y - 1), (to_x, to_y - 1), (to_x, to_y), (x, y), (x, y + 1), (to_x, to_y + 1),
    ]  # fmt: skip


def _said(sketch: Sketch, lit: Lit) -> str:
    """Return what is lit, in words; nothing if nothing is."""
    words, names = sketch.words, [column.name for column in sketch.columns]
    found = [words("drawing.neurons", name=names[number]) for number in sorted(lit.neurons)]
    found += [words("drawing.outlined", name=names[number]) for number in sorted(lit.outlined)]
    for key, numbers in (("edges", lit.edges), ("back", lit.back)):
        found += [
            words(f"drawing.{key}", before=names[number - 1], after=names[number])
            for number in sorted(numbers)
        ]
    return words("drawing.lit", parts="; ".join(found)) if found else ""
