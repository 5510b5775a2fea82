"""Charts as openpyxl knows them: numbers against numbers, as lines or as points; and its writer,
taught what it does not know: their words, and drawings.

Knows ranges and titles; what is drawn, it does not know.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from types import MappingProxyType
from typing import Any
from zipfile import ZipFile

from openpyxl import Workbook
from openpyxl.drawing.spreadsheet_drawing import (
    AnchorMarker,
    SpreadsheetDrawing,
    TwoCellAnchor,
)
from openpyxl.packaging.relationship import Relationship, get_rels_path
from openpyxl.worksheet._writer import WorksheetWriter
from openpyxl.worksheet.related import Related
from openpyxl.worksheet.worksheet import Worksheet
from openpyxl.writer.excel import ExcelWriter
from openpyxl.xml.functions import tostring

from cellprop.faces.colors import color_of, marker_of
from cellprop.faces.workbook.shapes import Placed, beside, part

# Lines are told apart without colour too.
DASHES = ("solid", "dash", "sysDot")
PALE = "D9DFE2"
# Around points on colours like their own.
OUTLINE = "1F2D33"
# Ids of axes: openpyxl's own, and those of the axis on the right and the one it crosses.
RIGHT, ACROSS = 200, 500


@dataclass(frozen=True)
class Series:
    """One line, or one cloud of points, of a chart.

    Attributes:
        title: What the legend calls it.
        x, y: Ranges with their sheet: `'Training'!$A$7:$A$17`.
        on_the_right: Whether it goes by the axis on the right.
        look: The number of its colour and marker, from 0; None: its place among the series.
    """

    title: str
    x: str
    y: str
    on_the_right: bool = False
    look: int | None = None


@dataclass(frozen=True)
class Scale:
    """Where an axis begins and ends.

    Attributes:
        least, most: Its ends.
        step: Between the numbers at it, from the least on.
        code: Their number format.
    """

    least: float
    most: float
    step: float
    code: str


@dataclass(frozen=True)
class Inside:
    """Which part of a chart the plot takes, between its axes: shares of its width and height.

    Attributes:
        left, top, width, height: From its left, from its top, and how much.
    """

    left: float
    top: float
    width: float
    height: float


@dataclass(frozen=True)
class Chart:
    """A chart of numbers against numbers.

    Attributes:
        title, x_title, y_title: Above it, which may be empty, and at its axes.
        series: What it shows.
        says: What it shows, in words, for whoever can't see it.
        most: The end of the axis below, which begins at 0; None: what suits the numbers.
        right_title: At the axis on the right, for shares from 0 to 1; empty if there is none.
        points: Whether to draw points, not lines.
        marked: Whether lines have a mark at each number.
        width, height: In centimetres.
        scales: Of the axes below and at the left; None: what suits the numbers.
        inside: Where the plot is; None: where there is room.
        is_bare: Whether there are only points and a legend, through which one sees what is below.
    """

    title: str
    x_title: str
    y_title: str
    series: Sequence[Series]
    says: str
    most: float | None = None
    right_title: str = ""
    points: bool = False
    width: float = 16.0
    height: float = 9.0
    scales: tuple[Scale, Scale] | None = None
    inside: Inside | None = None
    is_bare: bool = False
    marked: bool = False


def drawn(chart: Chart) -> Any:
    """Return a chart for openpyxl to write."""
    made = _axes(chart, chart.y_title)
    if chart.is_bare:
        _lay_bare(made)
    else:
        made.x_axis.title = chart.x_title
        made.x_axis.title.overlay = False
    if chart.title:
        made.title = chart.title
        made.title.overlay = False
    else:
        made._write = _untitled(made._write)
    if chart.scales:
        for axis, scale in zip((made.x_axis, made.y_axis), chart.scales, strict=True):
            _scale(axis, scale)
    if chart.inside:
        made.layout = _layout(chart.inside)
    made.width, made.height = chart.width, chart.height
    made.legend.position = "b"
    made.legend.overlay = False
    right = _right_axes(chart) if chart.right_title else None
    for number, series in enumerate(chart.series):
        target = right if right and series.on_the_right else made
        look = number if series.look is None else series.look
        outline = OUTLINE if chart.is_bare else color_of(look)
        made_of = _series(series, look, outline, points=chart.points, marked=chart.marked)
        target.series.append(made_of)
    if right:
        made += right
    return made


def _lay_bare(made: Any) -> None:
    """Leave nothing of a chart but what is drawn in it, and its legend."""
    from openpyxl.chart.shapes import GraphicalProperties

    made.x_axis.delete = made.y_axis.delete = True
    made.y_axis.title = made.y_axis.majorGridlines = None
    for shape in ("graphical_properties", "plot_area.graphicalProperties"):
        whole, _, name = shape.rpartition(".")
        looks = GraphicalProperties(noFill=True)
        looks.line.noFill = True
        setattr(getattr(made, whole) if whole else made, name, looks)


def over(first: tuple[int, int], last: tuple[int, int]) -> TwoCellAnchor:
    """Return where a chart is that covers the cells from a first to a last, each given by its row
    and its column, whatever their sizes are.
    """
    (top, left), (bottom, right) = first, last
    return TwoCellAnchor(
        _from=AnchorMarker(row=top - 1, col=left - 1), to=AnchorMarker(row=bottom, col=right)
    )


def _untitled(write: Callable[[], Any]) -> Callable[[], Any]:
    """Return what writes a chart without a title: a series that is alone would lend it its own."""

    def written() -> Any:
        tree = write()
        chart = next(child for child in tree if child.tag.endswith("chart"))
        chart.insert(0, chart.makeelement("autoTitleDeleted", {"val": "1"}))
        return tree

    return written


def _scale(axis: Any, scale: Scale) -> None:
    axis.scaling.min, axis.scaling.max = scale.least, scale.most
    axis.majorUnit, axis.number_format = scale.step, scale.code
    # The other axis crosses at the least number, wherever 0 is.
    axis.crosses = "min"


def _layout(inside: Inside) -> Any:
    from openpyxl.chart.layout import Layout, ManualLayout

    return Layout(
        ManualLayout(
            layoutTarget="inner", xMode="edge", yMode="edge",
            x=inside.left, y=inside.top, w=inside.width, h=inside.height,
        )
    )  # fmt: skip


def _axes(shown: Chart, y_title: str) -> Any:
    """Return an empty chart with axes, which openpyxl would leave out."""
    from openpyxl.chart import ScatterChart
    from openpyxl.chart.shapes import GraphicalProperties
    from openpyxl.drawing.line import LineProperties

    chart: Any = ScatterChart()
    chart.style, chart.scatterStyle = 2, "lineMarker"
    chart.x_axis.axPos = "b"
    chart.y_axis.title = y_title
    chart.y_axis.title.overlay = False
    for axis in (chart.x_axis, chart.y_axis):
        axis.delete = False
        axis.number_format = "General"
        # Beside the chart also where numbers are below 0.
        axis.tickLblPos = "low"
    chart.x_axis.majorGridlines = None
    chart.y_axis.majorGridlines.spPr = GraphicalProperties(ln=LineProperties(solidFill=PALE))
    if shown.most is not None:
        chart.x_axis.scaling.min, chart.x_axis.scaling.max = 0, shown.most
    return chart


def _right_axes(chart: Chart) -> Any:
    """Return an empty chart with an axis on the right; the one below it is not drawn again."""
    made = _axes(chart, chart.right_title)
    made.x_axis.axId = made.y_axis.crossAx = ACROSS
    made.y_axis.axId = made.x_axis.crossAx = RIGHT
    made.x_axis.delete = True
    made.y_axis.axPos, made.y_axis.crosses = "r", "max"
    made.y_axis.tickLblPos = "nextTo"
    made.y_axis.majorGridlines = None
    made.y_axis.scaling.min, made.y_axis.scaling.max = 0, 1
    made.y_axis.number_format = "0%"
    return made


def _series(series: Series, number: int, outline: str, *, points: bool, marked: bool) -> Any:
    from openpyxl.chart import Reference
    from openpyxl.chart.series_factory import SeriesFactory

    made: Any = SeriesFactory(
        Reference(range_string=series.y), Reference(range_string=series.x), title=series.title
    )
    color = color_of(number)
    made.smooth = False
    made.marker.symbol = marker_of(number).chart if points or marked else "none"
    line = made.graphicalProperties.line
    if points or marked:
        made.marker.size = 6
        made.marker.graphicalProperties.solidFill = color
        made.marker.graphicalProperties.line.solidFill = outline
    if points:
        line.noFill = True
    else:
        line.solidFill = color
        line.dashStyle = DASHES[number % len(DASHES)]
        line.width = 22_000  # 1.75 points
    return made


def in_memory(sheet: Any) -> Any:
    """Return a new sheet of a workbook that is only written, which keeps its rows in memory."""
    sheet._writer = WorksheetWriter(sheet, BytesIO())
    sheet._writer.write_top()
    return sheet


class _Drawings(SpreadsheetDrawing):
    """What is drawn on a sheet: charts, which openpyxl knows, and what is placed on it besides."""

    __elements__ = SpreadsheetDrawing.__elements__  # else openpyxl takes it to have none
    _path = "/xl/drawings/{0}.xml"  # a file has each name twice, unpacked
    placed: Sequence[Placed] = ()

    def __bool__(self) -> bool:
        return bool(self.placed) or bool(self.charts)


class _SheetWriter(WorksheetWriter):
    """openpyxl's writer of a sheet, which refers to drawings only where there are charts."""

    ws: Any
    _rels: Any

    def write_drawings(self) -> None:
        """Write the element that refers to all that is drawn."""
        if self.ws._drawing.placed and not self.ws._charts:
            found: Any = Relationship(type="drawing", Target="")  # type: ignore[call-overload]
            self._rels.append(found)
            self.xf.send(Related(found.id).to_tree("drawing"))
        else:
            super().write_drawings()


class Writer(ExcelWriter):
    """openpyxl's writer, which has no words for charts: they are given in order of sheets. Nor does
    it know drawings: they are given by sheet.
    """

    _archive: ZipFile
    _drawings: list[Any]
    _charts: list[Any]

    def __init__(
        self,
        book: Workbook,
        archive: ZipFile,
        charts: Sequence[Chart],
        placed: Mapping[Worksheet, Sequence[Placed]] = MappingProxyType({}),
    ) -> None:
        super().__init__(book, archive)
        self._says = iter([chart.says for chart in charts])
        self._placed = placed

    def write_worksheet(self, ws: Any) -> None:
        """Write a sheet from memory: by openpyxl's way, over a file of its own, a disk that is full
        would leave a part that ends early.
        """
        ws._drawing = _Drawings()
        ws._drawing.charts, ws._drawing.placed = ws._charts, self._placed.get(ws, ())
        if self.workbook.write_only:
            ws.close()
            writer = ws._writer
        else:
            writer = _SheetWriter(ws, BytesIO())
            writer.write()
        ws._rels = writer._rels
        self._archive.writestr(ws.path[1:], writer.read())
        self.manifest.append(ws)

    def _write_drawing(self, drawing: Any) -> None:
        """Write the part of what is drawn on a sheet, and what it refers to."""
        self._drawings.append(drawing)
        drawing._id = len(self._drawings)
        self._archive.writestr(drawing.path[1:], self._part(drawing))
        if drawing.charts:
            path = get_rels_path(drawing.path)[1:]  # type: ignore[no-untyped-call]
            self._archive.writestr(path, tostring(drawing._write_rels()))
        self.manifest.append(drawing)

    def _part(self, drawing: Any) -> str:
        if not drawing.charts:
            return part(drawing.placed)
        for chart in drawing.charts:
            self._charts.append(chart)
            chart._id = len(self._charts)
        frame_of = drawing._chart_frame

        def described(number: int) -> Any:
            frame = frame_of(number)
            frame.nvGraphicFramePr.cNvPr.descr = next(self._says)
            return frame

        drawing._chart_frame = described
        whole: str = tostring(drawing._write()).decode()
        # openpyxl numbers the charts of a sheet from 1.
        head, end, tail = whole.rpartition("</")
        return "".join([head, beside(len(drawing.charts), drawing.placed), end, tail])
