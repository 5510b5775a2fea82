"""What openpyxl writes of a workbook: styles, columns, rules, links, names and print set-up.

Knows sheets and ranges; knows nothing of matrices, steps or a run.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from copy import copy
from datetime import datetime
from io import BytesIO
from typing import Any, Literal, NamedTuple
from zipfile import ZipFile

from openpyxl import Workbook
from openpyxl.drawing.spreadsheet_drawing import TwoCellAnchor
from openpyxl.formatting.rule import ColorScaleRule
from openpyxl.formatting.rule import Rule as FormattingRule
from openpyxl.packaging.custom import StringProperty
from openpyxl.styles import Alignment, Border, Font, NamedStyle, PatternFill, Side
from openpyxl.styles.differential import DifferentialStyle
from openpyxl.styles.numbers import NumberFormat
from openpyxl.utils.cell import coordinate_to_tuple
from openpyxl.workbook.defined_name import DefinedName
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.hyperlink import Hyperlink
from openpyxl.worksheet.pagebreak import Break
from openpyxl.worksheet.properties import PageSetupProperties
from openpyxl.worksheet.worksheet import Worksheet

from cellprop.faces.colors import COLORS
from cellprop.faces.workbook.charts import Chart, Writer, drawn
from cellprop.faces.workbook.focus import StyleRule
from cellprop.faces.workbook.shapes import Drawing, Placed
from cellprop.faces.workbook.theme import Theme
from cellprop.faces.workbook.xml import LONG_AGO
from cellprop.files.opening import MARK
from cellprop.version import __version__

LONGEST_LIST = 255
LONGEST_ERROR, LONGEST_ERROR_TITLE = 225, 32
# In print, in points: where numbers are smaller, labels (8 beside them) can't be read.
SMALLEST_PRINT = 9.6
# The size of numbers, in points, for which the heights of rows are told.
USUAL_SIZE = 12.0
# Excel knows no larger letters, nor a smaller scale.
LARGEST_SIZE, LEAST_SCALE = 409.0, 10
# What the key explains has a style of this beginning: it looks like the cells it is about, with its
# text in the middle.
KEY = "key_"
# The address of a cell that moves with the cell that reads it.
_ADDRESS = re.compile(r"(?<![$A-Z0-9.])[A-Z]{1,3}[1-9]\d*(?![\d(A-Z])")
# From low over middle to high: told apart by the colour-blind, and light enough for dark text.
SCALE = ("FF6BAED6", "FFFFFFFF", "FFFDAE6B")


class _Rule(NamedTuple):
    """A rule of conditional formatting.

    Attributes:
        ranges: Where it holds; the first begins furthest left and above.
        relative: Its condition, as seen from a cell; empty if no other can be the same.
        rule: It.
    """

    ranges: list[str]
    relative: str
    rule: FormattingRule


class Frame:
    """A workbook without rows, and the numbers by which its cells refer to styles."""

    def __init__(self, theme: Theme, title: str) -> None:
        self.theme = theme
        self.book = Workbook()
        self.book.security = None  # which openpyxl would write empty, and Gnumeric warns of
        self._scratch = self.book.worksheets[0]
        normal = self.book._named_styles["Normal"]  # type: ignore[attr-defined]
        normal.font = copy(theme.styles["known"].font)
        # Those that are usual need not be said.
        self.book._colors, self.book._table_styles = (), None  # type: ignore[attr-defined]
        if theme.colors:
            self.book.loaded_theme = theme.colors
        # Styles that a cell has asked for: no file holds others.
        self._named: dict[str, NamedStyle] = {}
        self._styles: dict[tuple[str, str, bool, bool, bool], int] = {}
        self._differences: dict[str, DifferentialStyle] = {}
        self._rules: dict[Worksheet, list[_Rule]] = {}
        self._charts: list[Chart] = []
        self._drawings: dict[Worksheet, list[Placed]] = {}
        self.book.properties.title = title
        self.book.properties.creator = "cellprop"
        # Not the time of day: two builds of the same input are the same bytes.
        self.book.properties.created = self.book.properties.modified = datetime(*LONG_AGO)
        self.book.custom_doc_props.append(  # type: ignore[attr-defined]
            StringProperty(name=MARK, value=__version__)
        )

    def sheet(self, title: str) -> Worksheet:
        """Return a new sheet."""
        sheet: Worksheet = self.book.create_sheet(title)
        sheet.sheet_view.showGridLines = False
        sheet.sheet_properties.outlinePr = None  # it would say what is usual
        return sheet

    def style(
        self,
        name: str,
        number_format: str = "General",
        *,
        quoted: bool = False,
        wrapped: bool = False,
        shrunk: bool = False,
    ) -> int:
        """Return the number of a style. `quoted` keeps text such as `=1+1` text when edited;
        `wrapped` lets a text have several lines; `shrunk` makes it smaller where it would be cut.
        """
        key = (name, number_format, quoted, wrapped, shrunk)
        if key not in self._styles:
            cell = self._scratch.cell(1, 1)
            cell.style = self._named_style(name).name
            cell.number_format = number_format
            cell.quotePrefix = quoted
            if wrapped:
                cell.alignment = copy(cell.alignment) + Alignment(wrap_text=True)
            if shrunk:
                cell.alignment = copy(cell.alignment) + Alignment(shrink_to_fit=True)
            self._styles[key] = cell.style_id
        return self._styles[key]

    def _named_style(self, name: str) -> NamedStyle:
        if name not in self._named:
            styles, state = self.theme.styles, name.removeprefix(KEY)
            style = styles[name] if state == name else _for_key(state, styles[state])
            self._named[name] = style
            self.book.add_named_style(style)
        return self._named[name]

    def has_lines(self, name: str) -> bool:
        """Return whether a style has a line at the right, above or below, which in merged cells
        the cells there draw; all else is drawn by the first.
        """
        border = self._named_style(name).border
        return any(side and side.style for side in (border.right, border.top, border.bottom))

    @property
    def stretch(self) -> float:
        """By how much rows are higher than they are told to be: in a theme of larger numbers."""
        return max(1.0, self._size / USUAL_SIZE)

    @property
    def smallest_scale(self) -> int:
        """The scale, in per cent, below which a sheet can't be read in print."""
        return min(100, max(LEAST_SCALE, round(100 * SMALLEST_PRINT / self._size)))

    @property
    def _size(self) -> float:
        """The size of numbers, in points."""
        size = float(self.theme.styles["known"].font.sz or USUAL_SIZE)
        return min(size, LARGEST_SIZE) if size > 0 else USUAL_SIZE

    @property
    def line_of_label(self) -> float:
        """The height of a line of a label, in points as they are told."""
        return float(self.theme.styles["label"].font.sz or 10) * 1.375 / self.stretch

    def places(self, width: float) -> int:
        """Return the number of characters of a label that fit in a column so many wide."""
        return max(1, int(width * self._label_in_width))

    def wider(self, width: float, places: int) -> float:
        """Return the width of a column once a label of so many characters fits in it."""
        if places <= self.places(width):
            return width
        return places / self._label_in_width + 0.5

    @property
    def _label_in_width(self) -> float:
        """The number of a label's characters as wide as a digit, by which widths are measured."""
        sizes = [float(self.theme.styles[name].font.sz or 12) for name in ("known", "label")]
        return sizes[0] / sizes[1] * 0.92

    @property
    def count(self) -> int:
        """The number of styles that cells have asked for."""
        return len(self._styles)

    @staticmethod
    def sheet_path(sheet: Worksheet) -> str:
        """Return the path of a sheet's part in the file."""
        return sheet.path[1:]

    def add_rules(self, sheet: Worksheet, rules: Iterable[StyleRule]) -> None:
        """Add focus rules to a sheet."""
        for rule in rules:
            self._add_rule(sheet, rule.range, rule.condition, self._difference(rule.style))

    def add_number_rule(self, sheet: Worksheet, ranges: str, condition: str, code: str) -> None:
        """Show numbers of some ranges in another format while a condition holds."""
        key = f"number {code}"
        if key not in self._differences:
            # The number by which the cells' own styles know this format: it has one meaning only.
            # Not the cell that `style` uses: the workbook keeps its style, not a copy of it.
            cell = self._scratch.cell(2, 1)
            cell.number_format = code
            number = cell._style.numFmtId  # type: ignore[union-attr]
            self._differences[key] = DifferentialStyle(numFmt=NumberFormat(number, code))
        self._add_rule(sheet, ranges, condition, self._differences[key])

    def add_verdict_rule(
        self, sheet: Worksheet, cells: str, condition: str, style: str, code: str
    ) -> None:
        """Show cells in another style and format while a condition holds, before other rules."""
        key = f"{style} {code}"
        if key not in self._differences:
            cell = self._scratch.cell(2, 1)
            cell.number_format = code
            number = cell._style.numFmtId  # type: ignore[union-attr]
            look = copy(self._difference(style))
            look.numFmt = NumberFormat(number, code)
            self._differences[key] = look
        self._add_rule(sheet, cells, condition, self._differences[key])

    def _add_rule(
        self, sheet: Worksheet, cells: str, condition: str, look: DifferentialStyle
    ) -> None:
        """Give cells a look while a condition of the first holds, and so on for the others.

        What asks the same of several ranges is one rule of all: the condition is of the first, if
        none of the others begins further left or above.
        """
        rules = self._rules.setdefault(sheet, [])
        (row, column), relative = _corner(cells), _relative(condition, cells)
        for rule in rules:
            if relative and rule.relative == relative and rule.rule.dxf is look:
                first = _corner(rule.ranges[0])
                if first[0] <= row and first[1] <= column:
                    rule.ranges.append(cells)
                    return
        made = FormattingRule(type="expression", dxf=look, formula=[condition])
        rules.append(_Rule([cells], relative, made))

    def add_comment(self, sheet: Worksheet, cell: str, text: str) -> None:
        """Put a comment on a cell."""
        from openpyxl.comments import Comment

        lines = sum(-(-len(line) // 38) for line in text.split("\n"))
        sheet[cell].comment = Comment(text, "cellprop", height=22 + 17 * lines, width=260)

    def protect(self, sheet: Worksheet) -> None:
        """Let only unlocked cells be typed into; a teacher can undo it without a password."""
        sheet.protection.sheet = True
        # Widening a column that shows #### is no harm.
        sheet.protection.formatColumns = False

    def _difference(self, name: str) -> DifferentialStyle:
        """Return a style for rules: its fill, line and boldness."""
        if name not in self._differences:
            style = self.theme.styles[name]
            solid = isinstance(style.fill, PatternFill) and style.fill.fill_type == "solid"
            color = copy(style.fill.fgColor) if solid else "FFFFFFFF"  # type: ignore[attr-defined]
            # A rule can't draw heavy borders in Excel; it can take them away.
            self._differences[name] = DifferentialStyle(
                font=Font(bold=bool(style.font.b), color=copy(style.font.color)),
                fill=PatternFill("solid", start_color=color, end_color=color),
                border=_thin(style.border),
            )
        return self._differences[name]

    def add_choice(
        self,
        sheet: Worksheet,
        cell: str,
        options: Sequence[str],
        error: str,
        *,
        listed_in: str | None = None,
    ) -> None:
        """Let a cell be filled from a list.

        A list that is too long for a rule is taken from the cells it is `listed_in`, or else is of
        numbers from 1 on.
        """
        if fits_in_a_list(options):
            listed = ",".join(options)
            validation = DataValidation("list", formula1=f'"{listed}"', allow_blank=True)
        elif listed_in:
            validation = DataValidation("list", formula1=listed_in, allow_blank=True)
        else:
            validation = DataValidation(
                "whole", operator="between", formula1="1", formula2=str(len(options)),
                allow_blank=True,
            )  # fmt: skip
        validation.error = error[:LONGEST_ERROR]
        validation.showErrorMessage = True
        validation.add(cell)
        sheet.add_data_validation(validation)

    def add_number_check(
        self, sheet: Worksheet, cells: str, limits: tuple[str, str], title: str, error: str
    ) -> None:
        """Let a range take numbers between two limits only."""
        least, most = limits
        for known in sheet.data_validations.dataValidation:
            if (known.type, known.formula1, known.formula2) == ("decimal", least, most):
                known.add(cells)
                return
        validation = DataValidation("decimal", operator="between", formula1=least, formula2=most)
        validation.errorTitle, validation.error = title[:LONGEST_ERROR_TITLE], error[:LONGEST_ERROR]
        validation.showErrorMessage = True
        validation.add(cells)
        sheet.add_data_validation(validation)

    def add_color_scale(
        self, sheet: Worksheet, cells: str, limits: tuple[float, float, float] | None
    ) -> None:
        """Colour a range by its numbers: between limits, or else between the least and the most."""
        low, middle, high = SCALE
        if limits:
            rule = ColorScaleRule(  # type: ignore[no-untyped-call]
                "num", limits[0], low, "num", limits[1], middle, "num", limits[2], high
            )
        else:
            rule = ColorScaleRule(  # type: ignore[no-untyped-call]
                "min", None, low, "percent", 50, middle, "max", None, high
            )
        self._rules.setdefault(sheet, []).append(_Rule([cells], "", rule))

    def add_class_colors(self, sheet: Worksheet, cells: str, count: int) -> None:
        """Colour a range by the numbers of classes, as a chart does but paler."""
        first = cells.partition(":")[0]
        for number, color in enumerate(COLORS[:count], 1):
            key = f"class {number}"
            if key not in self._differences:
                fill = PatternFill("solid", start_color=_pale(color), end_color=_pale(color))
                self._differences[key] = DifferentialStyle(fill=fill)
            self._add_rule(sheet, cells, f"{first}={number}", self._differences[key])

    def add_chart(self, sheet: Worksheet, where: str | TwoCellAnchor, chart: Chart) -> None:
        """Put a chart where its upper left corner is at a cell, or over some cells."""
        self._charts.append(chart)
        sheet.add_chart(drawn(chart), where)  # type: ignore[arg-type]

    def add_drawing(
        self, sheet: Worksheet, column: int, row: int, drawing: Drawing, *, dx: int = 0, dy: int = 0
    ) -> None:
        """Put a drawing where its upper left corner is so many pixels right of and below that of a
        cell, whose column and row are counted from 1.
        """
        self._drawings.setdefault(sheet, []).append(Placed(drawing, column, row, dx, dy))

    def add_link(self, sheet: Worksheet, cell: str, target: str, at: str = "A1") -> None:
        """Link a cell to a cell of a sheet."""
        link = Hyperlink(ref=cell, location=f"'{target}'!{at}")
        sheet[cell].hyperlink = link
        sheet[cell].hyperlink.target = None

    def add_name(self, name: str, sheet: str, cells: str) -> None:
        """Name a range, so that a student can type `=MMULT(X,wh)`."""
        self.book.defined_names[name] = DefinedName(name, attr_text=f"'{sheet}'!{cells}")

    def set_up_print(
        self,
        sheet: Worksheet,
        area: str,
        *,
        page: str,
        title_rows: str,
        title_columns: str | None = None,
        column_breaks: Sequence[int] = (),
        row_breaks: Sequence[int] = (),
        scale: int | None = None,
        one_page: bool = False,
        orientation: Literal["landscape", "portrait"] = "landscape",
        foot: str = "",
        first_foot: str = "",
    ) -> None:
        """Set a sheet up for A4: one page wide; or cut where told, and as small as can be read.

        `first_foot`: what stands at the foot of the first page, where that differs.
        """
        sheet.page_setup.orientation = orientation
        sheet.page_setup.paperSize = 9
        if column_breaks or row_breaks:
            # Fitting to pages would ignore the breaks.
            sheet.page_setup.scale = scale or self.smallest_scale
            for column in column_breaks:
                sheet.col_breaks.append(Break(id=column))
            for row in row_breaks:
                sheet.row_breaks.append(Break(id=row))
            if column_breaks:
                sheet.print_title_cols = title_columns
        else:
            sheet.page_setup.fitToWidth = 1
            sheet.page_setup.fitToHeight = 1 if one_page else 0
            sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
        sheet.print_area = area
        if not one_page:
            sheet.print_title_rows = title_rows
        sheet.print_options.horizontalCentered = True
        margins = sheet.page_margins
        # What lies is as wide as can be read; what stands would be higher than its page then.
        margins.left = margins.right = 0.2 if orientation == "landscape" else 0.3
        margins.top = margins.bottom = 0.33
        margins.header = margins.footer = 0.15
        whole: Any = sheet.HeaderFooter
        whole.differentFirst = bool(first_foot) or None
        for header in (whole.oddHeader, *[whole.firstHeader] * bool(first_foot)):
            for text, where in (("&F", "left"), ("&A", "center"), (page, "right")):
                getattr(header, where).text = text
                getattr(header, where).size = 9
        for footer, text in ((whole.oddFooter, foot), (whole.firstFooter, first_foot)):
            footer.left.text, footer.left.size = text or None, 9 if text else None
        # What openpyxl would write empty, and Gnumeric warns of.
        whole.evenHeader = whole.evenFooter = None
        if not foot:
            whole.oddFooter = None
        if not first_foot:
            whole.firstHeader = whole.firstFooter = None

    def set_up_view(
        self, sheet: Worksheet, *, zoom: int, below: int, top: int, selected: str
    ) -> None:
        """Open a sheet at a zoom, with the rows before `below` fixed, the row `top` first under
        them and a cell selected.
        """
        view = sheet.sheet_view
        view.zoomScale = view.zoomScaleNormal = zoom
        sheet.freeze_panes = f"A{below}"
        assert view.pane is not None
        view.pane.topLeftCell = f"A{top}"
        for selection in view.selection:
            selection.activeCell = selection.sqref = selected

    def saved(self) -> BytesIO:
        """Return the workbook as openpyxl writes it, with its sheets' rows empty."""
        for sheet, rules in self._rules.items():
            for each in rules:
                sheet.conditional_formatting.add(" ".join(each.ranges), each.rule)
        self.book.remove(self._scratch)
        self.book.active = 0
        self.book.worksheets[0].sheet_view.tabSelected = True
        buffer = BytesIO()
        # Not book.save(): that stamps the time.
        Writer(self.book, ZipFile(buffer, "w"), self._charts, self._drawings).save()
        buffer.seek(0)
        return buffer


def fits_in_a_list(options: Sequence[str]) -> bool:
    """Return True if a rule of a sheet, of 255 characters, has room for a list."""
    return len(",".join(options)) + 2 <= LONGEST_LIST


def _corner(cells: str) -> tuple[int, int]:
    """Return the row and the column of the first cell of a range."""
    return coordinate_to_tuple(cells.partition(":")[0])


def _relative(condition: str, cells: str) -> str:
    """Return a condition with the cells that it reads told as seen from the first of a range; none
    if a text in it might look like a cell.
    """
    if '"' in condition:
        return ""
    row, column = _corner(cells)

    def seen(found: re.Match[str]) -> str:
        there = coordinate_to_tuple(found[0])
        return f"[{there[0] - row},{there[1] - column}]"

    return _ADDRESS.sub(seen, condition)


def _pale(color: str) -> str:
    """Return a colour mixed with white, so that dark text on it can be read."""
    mixed = [round(255 - (255 - int(color[i : i + 2], 16)) * 0.45) for i in (0, 2, 4)]
    return "FF" + "".join(f"{part:02X}" for part in mixed)


def _for_key(state: str, style: NamedStyle) -> NamedStyle:
    return NamedStyle(
        name=f"{KEY}{state}",
        font=copy(style.font),
        fill=copy(style.fill),
        border=copy(style.border),
        alignment=Alignment(horizontal="center", vertical="center", shrink_to_fit=True),
    )


def _thin(border: Border) -> Border:
    thin = copy(border)
    for side in ("left", "right", "top", "bottom"):
        line = copy(getattr(border, side)) or Side()
        line.style = "thin" if line.style else None
        setattr(thin, side, line)
    return thin
