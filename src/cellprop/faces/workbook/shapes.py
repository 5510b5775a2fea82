"""The XML of drawings: circles, blocks, lines and labels, each drawing in one group at one cell.

Measures are in pixels, from the upper left corner of a drawing. Knows shapes and colours; what they
stand for, it does not know. As strings, since a workbook has one for every sheet.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from cellprop.faces.workbook.xml import OWN, escape, quoted

EMU = 9525
"""English metric units, in which drawings are measured, in a pixel."""
_FULL_TURN = 21_600_000  # in 60,000ths of a degree
_SHEETS = "http://schemas.openxmlformats.org/drawingml/2006/spreadsheetDrawing"
_MAIN = "http://schemas.openxmlformats.org/drawingml/2006/main"
# Where a line meets a circle, or a rectangle with round corners: on its left, on its right.
_SITES_OF_CIRCLE, _SITES_OF_BLOCK = (2, 6), (1, 3)
# A rectangle whose ends are half circles.
_ROUND = (
    '<a:prstGeom prst="roundRect"><a:avLst><a:gd name="adj" fmla="val 50000"/></a:avLst>'
    "</a:prstGeom>"
)
# What counts as a shape's id, or refers to one. Texts are escaped, so they hold nothing like it.
_ID = re.compile(r'(<(?:cNvPr|a:stCxn|a:endCxn) id=")(\d+)')

Point = tuple[int, int]


@dataclass(frozen=True)
class Drawing:
    """A drawing, to be put on a sheet.

    Attributes:
        width, height: In pixels.
        xml: Its group of shapes, with ids from 1.
        says: What it shows, in words, for whoever can't see it.
    """

    width: int
    height: int
    xml: str
    says: str


class Placed(NamedTuple):
    """A drawing and where it is: at a cell, counted from 1, and so many pixels right of its left
    and below its upper side.
    """

    drawing: Drawing
    column: int
    row: int
    dx: int
    dy: int


class Look(NamedTuple):
    """How shapes look.

    Attributes:
        line: The colour of their lines.
        fill: The colour inside; empty for none.
        thick: The width of their lines, in hundredths of a point.
        arrow: Whether a line ends in an arrow head.
    """

    line: str
    fill: str = ""
    thick: int = 75
    arrow: bool = False


class Text(NamedTuple):
    """A text and how it looks: its size in hundredths of a point, and its colour."""

    text: str
    size: int
    color: str


class Shape(NamedTuple):
    """A circle or block that lines may be tied to, with the number that is its id."""

    number: int
    x: int
    y: int
    half_width: int
    half_height: int
    is_block: bool = False


# --- Shapes -------------------------------------------------------------------------------


def solid(shape: Shape, name: str, look: Look, text: Text | None = None) -> str:
    """Return a circle, or a block with round corners, with a text in it."""
    x, y = shape.x - shape.half_width, shape.y - shape.half_height
    form = _ROUND if shape.is_block else _preset("ellipse")
    where = _placed(x, y, 2 * shape.half_width, 2 * shape.half_height)
    return _shape(shape.number, name, f"{where}{form}{_painted(look)}", _body(text) if text else "")


def label(number: int, x: int, y: int, half_width: int, text: Text) -> str:
    """Return a text around a point, in one line."""
    half_height = text.size // 100
    where = _placed(x - half_width, y - half_height, 2 * half_width, 2 * half_height)
    return _shape(number, "label", where + _preset("rect"), _body(text))


def connector(number: int, left: Shape, right: Shape, look: Look) -> str:
    """Return a line from the right of one shape to the left of another, tied to both."""
    start = left.x + left.half_width
    length, rise = right.x - right.half_width - start, right.y - left.y
    where = _placed(start, min(left.y, right.y), length, abs(rise), upwards=rise < 0)
    return (
        f'<cxnSp><nvCxnSpPr><cNvPr id="{number}" name="edge"/><cNvCxnSpPr>'
        f'<a:stCxn id="{left.number}" idx="{_sites(left)[1]}"/>'
        f'<a:endCxn id="{right.number}" idx="{_sites(right)[0]}"/></cNvCxnSpPr></nvCxnSpPr>'
        f"<spPr>{where}{_preset('line')}{_painted(look)}</spPr></cxnSp>"
    )


def figure(
    number: int,
    size: Point,
    paths: tuple[Iterable[str], Iterable[str]],
    look: Look,
    below: Sequence[tuple[int, Text]] = (),
) -> str:
    """Return one shape of many lines and circles, which takes few bytes, as large as a drawing.

    Of its paths, the first are not filled, and the others are. `below` them stand texts of one look
    in a line, each around the point that is so far from the left.
    """
    width, height = size
    drawn = "".join(
        f'<a:path w="{width}" h="{height}"{fill}>{path}</a:path>'
        for fill, path in zip((' fill="none"', ""), map("".join, paths), strict=True)
        if path
    )
    form = f"<a:custGeom><a:pathLst>{drawn}</a:pathLst></a:custGeom>"
    shape = f"{_placed(0, 0, width, height)}{form}{_painted(look)}"
    return _shape(number, "", shape, _line(below) if below else "")


def _shape(number: int, name: str, drawn: str, body: str = "") -> str:
    return (
        f'<sp><nvSpPr><cNvPr id="{number}" name="{quoted(name)}"/><cNvSpPr/></nvSpPr>'
        f"<spPr>{drawn}</spPr>{body}</sp>"
    )


def _placed(x: int, y: int, width: int, height: int, *, upwards: bool = False) -> str:
    flipped = ' flipV="1"' if upwards else ""
    return f'<a:xfrm{flipped}><a:off x="{x}" y="{y}"/><a:ext cx="{width}" cy="{height}"/></a:xfrm>'


def _preset(form: str) -> str:
    return f'<a:prstGeom prst="{form}"/>'


def _painted(look: Look) -> str:
    fill = _filled(look.fill) if look.fill else "<a:noFill/>"
    arrow = '<a:tailEnd type="triangle" w="med" len="med"/>' if look.arrow else ""
    return f'{fill}<a:ln w="{look.thick * 127}">{_filled(look.line)}<a:round/>{arrow}</a:ln>'


def _filled(color: str) -> str:
    return f'<a:solidFill><a:srgbClr val="{color}"/></a:solidFill>'


def _body(text: Text) -> str:
    return (
        '<txBody><a:bodyPr wrap="none" anchor="ctr"/>'
        f'<a:p><a:pPr algn="ctr"/>{_run(text)}</a:p></txBody>'
    )


def _line(texts: Sequence[tuple[int, Text]]) -> str:
    """Return the body of a shape with texts in the last line of it: each is centred at a stop."""
    stops = "".join([f'<a:tab pos="{x * EMU}" algn="ctr"/>' for x, _ in texts])
    (_, first), line = texts[0], "".join([f"\t{text.text}" for _, text in texts])
    return (
        '<txBody><a:bodyPr lIns="0" rIns="0" bIns="0" anchor="b"/>'
        f"<a:p><a:pPr><a:tabLst>{stops}</a:tabLst></a:pPr>{_run(first._replace(text=line))}</a:p>"
        "</txBody>"
    )


def _run(text: Text) -> str:
    return (
        f'<a:r><a:rPr sz="{text.size}">{_filled(text.color)}<a:latin typeface="+mn-lt"/></a:rPr>'
        f"<a:t>{escape(text.text)}</a:t></a:r>"
    )


def _sites(shape: Shape) -> Point:
    return _SITES_OF_BLOCK if shape.is_block else _SITES_OF_CIRCLE


# --- Paths --------------------------------------------------------------------------------


def polyline(points: Sequence[Point]) -> str:
    """Return the path through some points."""
    first, *others = points
    lines = "".join([f"<a:lnTo>{_point(*each)}</a:lnTo>" for each in others])
    return f"<a:moveTo>{_point(*first)}</a:moveTo>{lines}"


def circle(x: int, y: int, radius: int) -> str:
    """Return the path around a point."""
    return f"<a:moveTo>{_point(x + radius, y)}</a:moveTo>{_arc(radius, 0, _FULL_TURN)}"


def capsule(x: int, y: int, half_width: int, half_height: int) -> str:
    """Return the path of a block whose ends, above and below, are round."""
    straight = max(half_height - half_width, 0)
    half = _FULL_TURN // 2
    return (
        f"<a:moveTo>{_point(x - half_width, y - straight)}</a:moveTo>"
        f"{_arc(half_width, half, half)}<a:lnTo>{_point(x + half_width, y + straight)}</a:lnTo>"
        f"{_arc(half_width, 0, half)}<a:close/>"
    )


def box(x: int, y: int, half_width: int, half_height: int) -> str:
    """Return the path of a rectangle around a point."""
    left, right, top, bottom = x - half_width, x + half_width, y - half_height, y + half_height
    return f"{polyline([(left, top), (right, top), (right, bottom), (left, bottom)])}<a:close/>"


def _point(x: int, y: int) -> str:
    return f'<a:pt x="{x}" y="{y}"/>'


def _arc(radius: int, start: int, swing: int) -> str:
    return f'<a:arcTo wR="{radius}" hR="{radius}" stAng="{start}" swAng="{swing}"/>'


# --- Drawings -----------------------------------------------------------------------------


def grouped(name: str, says: str, size: Point, shapes: Iterable[str]) -> Drawing:
    """Return a drawing of shapes whose ids begin with 2."""
    width, height = size
    xml = (
        f'<grpSp><nvGrpSpPr><cNvPr id="1" name="{quoted(name)}" descr="{quoted(says)}"/>'
        '<cNvGrpSpPr/></nvGrpSpPr><grpSpPr><a:xfrm><a:off x="0" y="0"/>'
        f'<a:ext cx="{width * EMU}" cy="{height * EMU}"/><a:chOff x="0" y="0"/>'
        # Within the group, a pixel is the unit.
        f'<a:chExt cx="{width}" cy="{height}"/></a:xfrm></grpSpPr>{"".join(shapes)}</grpSp>'
    )
    return Drawing(*size, xml, says)


def part(placed: Iterable[Placed]) -> str:
    """Return the part of a sheet's drawings, if there is nothing else on it."""
    # Names declared at the root: to Gnumeric an element that declares its own is a stranger.
    return f'{OWN}"{_MAIN}" xmlns="{_SHEETS}">{"".join(_anchored(placed))}</wsDr>'


def beside(charts: int, placed: Iterable[Placed]) -> str:
    """Return a sheet's drawings, to stand in a part that has charts already."""
    return "".join(_anchored(placed, charts, f' xmlns:a="{_MAIN}"'))


def _anchored(placed: Iterable[Placed], ids: int = 0, names: str = "") -> Iterator[str]:
    """Yield drawings with where they are, once so many ids are taken. A drawing moves with its
    cell, but is never stretched.
    """
    for each in placed:
        drawing, xml = each.drawing, each.drawing.xml
        if ids:
            xml = _ID.sub(lambda found, by=ids: f"{found[1]}{int(found[2]) + by}", xml)  # type: ignore[misc]
        ids += xml.count("<cNvPr ")
        yield (
            f"<oneCellAnchor{names}><from><col>{each.column - 1}</col>"
            f"<colOff>{each.dx * EMU}</colOff><row>{each.row - 1}</row>"
            f"<rowOff>{each.dy * EMU}</rowOff></from>"
            f'<ext cx="{drawing.width * EMU}" cy="{drawing.height * EMU}"/>{xml}<clientData/>'
            "</oneCellAnchor>"
        )
