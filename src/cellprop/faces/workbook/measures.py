"""How wide the columns and how high the rows of a sheet are, and where there is room on it.

Knows a spread, and how the numbers of its matrices are shown; what else a sheet says, it does not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from rich.cells import cell_len

from cellprop.algebra import Array
from cellprop.faces import places as at
from cellprop.faces.places import Place, Spread
from cellprop.faces.workbook.frame import Frame
from cellprop.texts.formats import LONGEST_LABEL, WIDEST_SIDE, Formats, cut, lines, width_above

# The usual height of a row, of one of names, of labels, of shapes, and between lanes, in points.
ROW, NAME_ROW, LABEL_ROW, SHAPE_ROW, GAP_ROW = 15.75, 16.5, 14.0, 13.5, 4.5
# Between lanes where it says how many rows are folded away.
MARK_ROW = 12.0
# What stands above the matrices: the title, the maths, the notation, the numbers put in.
HEADER = {at.TITLE: 35.0, at.MATHS: 41.0, at.NOTATION: 17.25, at.NUMBERS: 18.0}
# What a column needs beside the characters of a number; no sign and no point is as wide as a digit.
BESIDE = 1.2
# What is left of the column of lane titles where there are none.
UNTITLED = 0.68
# A column of signs, and the column that says how many are folded away, in characters.
SIGN_WIDTH, MARK_WIDTH = 2.2, 5.0
# A character of the usual font, in pixels: a column's width, in characters, is that of all of it.
CHARACTER, POINT = 8.0, 96 / 72
# What stands above the matrices takes about so much, however narrow they are, in pixels.
NARROWEST = 1240.0


def pixels(width: float) -> float:
    """Return the width in pixels of a column that is so many characters wide."""
    return width * CHARACTER


@dataclass(frozen=True, eq=False)
class Measures:
    """The sizes of a sheet.

    Attributes:
        spread: What stands on it.
        usual: The width of a column in which nothing stands, in characters.
        widths: Those of others, in characters.
        heights: The heights of rows that are not as usual, in points.
    """

    spread: Spread
    usual: float
    widths: Mapping[int, float]
    heights: Mapping[int, float]
    # Where each column and each row begins, as far as that was asked for.
    _lefts: list[float] = field(default_factory=lambda: [0.0], init=False, repr=False)
    _tops: list[float] = field(default_factory=lambda: [0.0], init=False, repr=False)

    def width(self, column: int) -> float:
        """Return the width of a column in characters."""
        return self.widths.get(column, self.usual)

    def height(self, row: int) -> float:
        """Return the height of a row in points; 0 if it is folded away."""
        if any(row in folded for folded in self.spread.rows):
            return 0.0
        return self.heights.get(row, ROW)

    @cached_property
    def last_column(self) -> int:
        """The last column of the sheet: of the matrices, or of what stands above them."""
        column = self.spread.last_column
        while self.left(column + 1) < NARROWEST:
            column += 1
        return column

    def left(self, column: int) -> float:
        """Return where a column begins, in pixels from the left; what is folded takes no room."""
        return _start(self._lefts, column, self._pixels)

    def _pixels(self, column: int) -> float:
        return 0.0 if self.spread.is_hidden(column) else pixels(self.width(column))

    @property
    def across(self) -> float:
        """How wide the sheet is, in pixels."""
        return self.left(self.last_column + 1)

    def top(self, row: int) -> float:
        """Return where a row begins, in pixels from the top."""
        return POINT * _start(self._tops, row, self.height)

    def span(self, left: float, width: float) -> tuple[int, int]:
        """Return the first and the last column of what begins about there and is so wide, in
        pixels.
        """
        first = next(
            (
                column
                for column in range(1, self.last_column + 1)
                if self._pixels(column) and self.left(column) >= left - CHARACTER
            ),
            self.last_column,
        )
        return first, self.reach(first, width)

    def at(self, left: float) -> int:
        """Return the last column that begins no further than so many pixels from the left."""
        column = self.last_column
        while column > 1 and (self.left(column) > left or not self._pixels(column)):
            column -= 1
        return column

    def reach(self, first: int, width: float) -> int:
        """Return the last column of what begins in a column and is so wide, in pixels."""
        column, room = first, self._pixels(first)
        while room < width and column < self.last_column:
            column += 1
            room += self._pixels(column)
        return column


def _start(starts: list[float], number: int, size: Callable[[int], float]) -> float:
    """Return where a column or row begins, from the sizes of those before it; those `starts` are
    known, and become more.
    """
    while len(starts) < number:
        starts.append(starts[-1] + size(len(starts)))
    return starts[number - 1]


def measured(
    spread: Spread,
    frame: Frame,
    columns: Mapping[str, Formats],
    values: Mapping[str, Array],
    extra: Mapping[int, float] | None = None,
) -> Measures:
    """Return the sizes of a sheet: room enough for every number and label in it.

    Parameters
    ----------
    spread
        What stands on it.
    frame
        Whose theme says how large letters are.
    columns
        How the numbers of each column of a matrix are shown, by the matrix's name.
    values
        The numbers, by name.
    extra
        What columns need for something else, in characters.
    """
    theme = frame.theme
    widths: dict[int, float] = dict(extra or {})
    heights: dict[int, float] = {**HEADER}

    def widen(column: int, width: float) -> None:
        widths[column] = max(widths.get(column, 0.0), width)

    def heighten(row: int, height: float) -> None:
        heights[row] = max(heights.get(row, 0.0), height)

    # Where lanes have no titles, what stands above the matrices has short ones there.
    titled = any(lane.key for lane in spread.above_notes)
    widen(at.LANE_COLUMN, theme.lane_width * (1.0 if titled else UNTITLED))
    for lane in spread.lanes:
        for sign in lane.signs:
            widen(sign.column, max(SIGN_WIDTH, cell_len(sign.text.strip()) * 1.3 + 1))
        marks = (folded.mark for folded in spread.rows)
        heighten(lane.last_row + 1, MARK_ROW if lane.last_row + 1 in marks else GAP_ROW)
    for place in spread.places:
        if place.has_row_labels:
            side = max(map(cell_len, place.down.labels))
            widen(place.label_column, frame.wider(theme.label_width, min(side, WIDEST_SIDE)))
        for j, column in enumerate(range(place.column, place.last_column + 1)):
            widen(column, theme.number_width)
            widen(column, needed(place, j, columns[place.matrix.name], values[place.matrix.name]))
            above = width_above(place.across.labels[j], frame.places(widths[column]))
            widen(column, frame.wider(widths[column], above))
    for folded in spread.columns:
        widen(folded.mark, MARK_WIDTH)
    for column in spread.gaps:
        widen(column, SIGN_WIDTH)
    for place in spread.places:
        heights[place.name_row] = NAME_ROW
        if place.head > 2:
            heights[place.row - 2] = SHAPE_ROW
        for label, column in zip(
            place.across.labels, range(place.column, place.last_column + 1), strict=True
        ):
            heighten(place.label_row, max(LABEL_ROW, height_of_label(frame, label, widths[column])))
        if place.has_row_labels:
            for label, row in zip(
                place.down.labels, range(place.row, place.last_row + 1), strict=True
            ):
                heighten(row, max(ROW, height_of_label(frame, label, widths[place.label_column])))
    return Measures(spread, theme.number_width, widths, heights)


def needed(place: Place, j: int, forms: Formats, values: Array) -> float:
    """Return the width that the numbers of a column need, in characters."""
    if place.turned:
        values, form = values.T, max(forms, key=lambda form: len(form.show(1.0)))
    else:
        form = forms[j]
    least, most = values[:, j].min(), values[:, j].max()
    return max(len(form.show(least)), len(form.show(most))) + BESIDE


def height_of_label(frame: Frame, label: str, width: float) -> float:
    """Return the height of a row with a label, in points; the column is `width` characters."""
    count = len(label_lines(frame, label, width))
    return count * frame.line_of_label + (2 if count > 1 else 0)


def label_lines(frame: Frame, label: str, width: float) -> list[str]:
    """Return the lines of a label in a column that is `width` characters wide."""
    return lines(cut(label, LONGEST_LABEL), frame.places(width))
