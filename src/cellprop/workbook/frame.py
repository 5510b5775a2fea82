"""What openpyxl writes of a workbook: styles, columns, rules, links, names and print set-up."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from copy import copy
from datetime import datetime
from io import BytesIO
from typing import Literal
from zipfile import ZipFile

from openpyxl import Workbook
from openpyxl.formatting.rule import Rule as FormattingRule
from openpyxl.packaging.custom import StringProperty
from openpyxl.styles import Alignment, Border, Font, NamedStyle, PatternFill, Side
from openpyxl.styles.differential import DifferentialStyle
from openpyxl.styles.numbers import NumberFormat
from openpyxl.workbook.defined_name import DefinedName
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.hyperlink import Hyperlink
from openpyxl.worksheet.pagebreak import Break
from openpyxl.worksheet.properties import PageSetupProperties
from openpyxl.worksheet.worksheet import Worksheet
from openpyxl.writer.excel import ExcelWriter

from cellprop import __version__
from cellprop.workbook.focus import Rule
from cellprop.workbook.theme import Theme
from cellprop.workbook.xml import LONG_AGO

# The document property by which a file is known to be ours.
MARK = "cellprop"
LONGEST_LIST = 255
LONGEST_ERROR, LONGEST_ERROR_TITLE = 225, 32
# In print, in per cent: smaller can't be read.
SMALLEST_SCALE = 60
# What the key explains: a style `key_…` for each looks like it, with its text in the middle.
KEY_STATES = ("active", "read", "known", "ghost", "input")


class Frame:
    """A workbook without rows, and the numbers by which its cells refer to styles."""

    def __init__(self, theme: Theme, title: str) -> None:
        self.theme = theme
        self.book = Workbook()
        self._scratch = self.book.worksheets[0]
        normal = self.book._named_styles["Normal"]  # type: ignore[attr-defined]
        normal.font = copy(theme.styles["known"].font)
        for style in theme.styles.values():
            self.book.add_named_style(style)
        for state in KEY_STATES:
            self.book.add_named_style(_for_key(state, theme.styles[state]))
        if theme.colors:
            self.book.loaded_theme = theme.colors
        self._styles: dict[tuple[str, str, bool], int] = {}
        self._differences: dict[str, DifferentialStyle] = {}
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
        return sheet

    def style(self, name: str, number_format: str = "General", *, quoted: bool = False) -> int:
        """Return the number of a style. `quoted` keeps text such as `=1+1` text when edited."""
        key = (name, number_format, quoted)
        if key not in self._styles:
            cell = self._scratch.cell(1, 1)
            cell.style = name
            cell.number_format = number_format
            cell.quotePrefix = quoted
            self._styles[key] = cell.style_id
        return self._styles[key]

    def add_rules(self, sheet: Worksheet, rules: Iterable[Rule]) -> None:
        """Add focus rules to a sheet."""
        for rule in rules:
            sheet.conditional_formatting.add(
                rule.range,
                FormattingRule(
                    type="expression",
                    dxf=self._difference(rule.style),
                    formula=[rule.condition],
                ),
            )

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
        rule = FormattingRule(type="expression", dxf=self._differences[key], formula=[condition])
        sheet.conditional_formatting.add(ranges, rule)

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

    def add_choice(self, sheet: Worksheet, cell: str, options: Sequence[str], error: str) -> None:
        """Let a cell be filled from a list."""
        listed = ",".join(options)
        if len(listed) + 2 <= LONGEST_LIST:
            validation = DataValidation("list", formula1=f'"{listed}"', allow_blank=True)
        else:
            validation = DataValidation(
                "whole", operator="between", formula1="1", formula2=str(len(options)),
                allow_blank=True,
            )  # fmt: skip
        validation.error = error[:LONGEST_ERROR]
        validation.showErrorMessage = True
        validation.add(cell)
        sheet.add_data_validation(validation)

    def add_number_check(self, sheet: Worksheet, cells: str, title: str, error: str) -> None:
        """Let a range take finite numbers only."""
        validation = DataValidation(
            "decimal", operator="between", formula1="-1E+50", formula2="1E+50"
        )
        validation.errorTitle, validation.error = title[:LONGEST_ERROR_TITLE], error[:LONGEST_ERROR]
        validation.showErrorMessage = True
        validation.add(cells)
        sheet.add_data_validation(validation)

    def add_link(self, sheet: Worksheet, cell: str, target: str, text: str) -> None:
        """Link a cell to a sheet."""
        link = Hyperlink(ref=cell, location=f"'{target}'!A1", display=text)
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
        one_page: bool = False,
        orientation: Literal["landscape", "portrait"] = "landscape",
    ) -> None:
        """Set a sheet up for A4: one page wide, or as wide as can be read, cut where told."""
        sheet.page_setup.orientation = orientation
        sheet.page_setup.paperSize = 9
        if column_breaks:
            # Fitting to pages would ignore the breaks.
            sheet.page_setup.scale = SMALLEST_SCALE
            for column in column_breaks:
                sheet.col_breaks.append(Break(id=column))
            for row in row_breaks:
                sheet.row_breaks.append(Break(id=row))
            sheet.print_title_cols = title_columns
        else:
            sheet.page_setup.fitToWidth = 1
            sheet.page_setup.fitToHeight = 1 if one_page else 0
            sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
        sheet.print_area = area
        sheet.print_title_rows = title_rows
        sheet.print_options.horizontalCentered = True
        margins = sheet.page_margins
        margins.left = margins.right = 0.4
        margins.top = margins.bottom = 0.6
        margins.header = margins.footer = 0.3
        for text, where in (("&F", "left"), ("&A", "center"), (page, "right")):
            getattr(sheet.oddHeader, where).text = text
            getattr(sheet.oddHeader, where).size = 9

    def saved(self) -> BytesIO:
        """Return the workbook as openpyxl writes it, with its sheets' rows empty."""
        self.book.remove(self._scratch)
        self.book.active = 0
        self.book.worksheets[0].sheet_view.tabSelected = True
        buffer = BytesIO()
        # Not book.save(): that stamps the time.
        ExcelWriter(self.book, ZipFile(buffer, "w")).save()
        buffer.seek(0)
        return buffer


def _for_key(state: str, style: NamedStyle) -> NamedStyle:
    return NamedStyle(
        name=f"key_{state}",
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
