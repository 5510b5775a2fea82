"""The colours and markers of classes and curves, the same in a workbook's charts and in pictures.

Knows how charts of a spreadsheet and matplotlib name markers; imports neither.
"""

from __future__ import annotations

from typing import NamedTuple

# Okabe and Ito's colours, which colour-blind people tell apart, as red, green and blue: the first
# two, which most pictures are of, are told apart best.
COLORS = ("0072B2", "D55E00", "009E73", "CC79A7", "E69F00", "56B4E9", "1F2D33")


class Marker(NamedTuple):
    """A shape, by which classes are told apart without colour.

    Attributes:
        chart: What a spreadsheet's chart calls it.
        picture: What matplotlib calls it.
    """

    chart: str
    picture: str


MARKERS = (
    Marker("circle", "o"),
    Marker("triangle", "^"),
    Marker("square", "s"),
    Marker("diamond", "D"),
    Marker("x", "X"),
    Marker("star", "*"),
    Marker("plus", "P"),
)


def color_of(number: int) -> str:
    """Return the colour of a class or a curve, counted from 0: six hexadecimal digits."""
    return COLORS[number % len(COLORS)]


def marker_of(number: int) -> Marker:
    """Return the marker of a class, counted from 0.

    From the second round of colours on it is another than in the first, so that many classes are
    told apart.
    """
    return MARKERS[(number + number // len(COLORS)) % len(MARKERS)]
