"""Makes the looks that ship with the package: `python tests/make_themes.py`.

Run by hand, with the package installed or `PYTHONPATH=src`. `test_theme.py` holds the files against
it. A look is the table `USUAL` with other sizes, fonts and colours; whoever changes one of the
files in a spreadsheet program changes a copy of it (`cellprop theme -o`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZipFile

from openpyxl import Workbook
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.worksheet.properties import PageSetupProperties

from cellprop.faces.workbook import xml
from cellprop.faces.workbook.charts import Writer

TEMPLATES = Path(__file__).parents[1] / "templates"

INK, DIM, PALE_INK = "1F2D33", "51626B", "69757C"


@dataclass(frozen=True)
class Style:
    """How a sample cell looks.

    Attributes:
        size: In points.
        color, fill: RGB; without a fill, the sheet shows through.
        line: Its border: a kind and a colour, `thin 8D7B00`.
        is_code: Whether its font is the one of code, in which all characters are equally wide.
    """

    size: float
    color: str = INK
    fill: str = ""
    line: str = ""
    bold: bool = False
    italic: bool = False
    is_code: bool = False


def _number(color: str, fill: str, line: str, **more: bool) -> Style:
    return Style(12, color, fill, line, **more)


# What each style looks like by default.
USUAL: Mapping[str, Style] = {
    "title": Style(18, bold=True),
    "says": Style(11, DIM),
    "heading": Style(13, bold=True),
    "body": Style(11),
    "table": Style(11),
    "caption": Style(10.5, DIM),
    "code": Style(12, is_code=True),
    "link": Style(11, "0B5CAD"),
    "lane": Style(11, DIM, bold=True),
    "name": Style(12, bold=True),
    "ghost_name": Style(12, PALE_INK, italic=True),
    "label": Style(10, DIM),
    "active": _number(INK, "FFEB3B", "thin 8D7B00", bold=True),
    "read": _number(INK, "FFB74D", "medium 9C5700"),
    "known": _number(INK, "FFFFFF", "thin B8C2C7"),
    "ghost": _number(PALE_INK, "", "dotted CDD5D9"),
    "input": _number("0B3FC4", "EEF4FF", "thin 6C8FD6"),
    "focus": _number("0B3FC4", "EEF4FF", "thin 6C8FD6", bold=True),
    "note": Style(11, INK, "F3F6F7", f"thick {DIM}"),
    "answer": _number("1A1A1A", "FFF7C2", "dashed 8A6D00"),
    "right": _number("11512A", "D7F0DD", "thin 1F7A43", bold=True),
    "carried": _number("2F5B1D", "E3F1DD", "dashed 1F7A43"),
    "rounded": _number("4A5400", "EAF2D0", "dotted 6B7A00"),
    "slip": _number("7A3A00", "FCE0C8", "medium B35900", bold=True),
    "wrong": _number("8A1212", "F9D6D5", "medium B3261E", bold=True),
    "formula": Style(14, INK, bold=True, is_code=True),
    "numbers": Style(12, "8A4B08", is_code=True),
    "sign": Style(14, DIM, bold=True),
    "shape": Style(10, "5F6B72"),
    "quiet": _number("6B7378", "FFFFFF", "thin E1E6E8"),
    "quiet_name": Style(12, "6B7378"),
    "fold": Style(10, "5F6B72", italic=True),
}

# A sample for each style, and where it is used.
SAMPLES: Mapping[str, tuple[str | float | None, str]] = {
    "title": ("Title", "The title of a sheet"),
    "says": ("Says", "The sentence that says what happens"),
    "heading": ("Heading", "A heading on Contents"),
    "body": ("Text", "Text on Contents"),
    "table": ("Cell", "A table on Contents"),
    "caption": ("Maths", "Small words beside something"),
    "code": ("X@wh", "The step in a notation"),
    "link": ("Next →", "A link to another sheet"),
    "lane": ("Input", "The title of a lane (its column: how wide lane titles are)"),
    "name": ("wh", "The name of a matrix"),
    "ghost_name": ("wh_new", "The name of a matrix that is not known yet"),
    "label": ("h1", "What a row or column stands for"),
    "active": (0.79, "Computed on this sheet"),
    "read": (0.69, "Read to compute it"),
    "known": (0.42, "Known so far"),
    "ghost": (None, "Not known yet: a dotted outline"),
    "input": (0.1, "A number to type over"),
    "focus": (2, "Where the focus is chosen"),
    "note": ("Note", "A note where the article slips"),
    "answer": (0.42, "An answer to fill in"),
    "right": (0.42, "Marked: right"),
    "carried": (0.42, "Marked: right from the own earlier numbers"),
    "rounded": (0.42, "Marked: rounded early"),
    "slip": (0.42, "Marked: a known slip"),
    "wrong": (0.42, "Marked: wrong"),
    "formula": ("XW+b", "The step as one large line of maths"),
    "numbers": ("2·3+4", "The formula of the cell in focus, with its numbers put in"),
    "sign": ("+", "An operator between two matrices"),
    "shape": ("3 × 1", "Under a name: how many rows and columns, and of what"),
    "quiet": (0.42, "A number that this step neither reads nor computes"),
    "quiet_name": ("wout", "Its name"),
    "fold": ("⋮ 12 more", "Rows or columns that are folded away"),
}

# By which colours and lines some are told apart, in a look with the usual ones.
SIGNS = {
    "active": "yellow and bold",
    "read": "orange with a heavier border",
    "input": "blue",
    "answer": "yellow, dashed border",
}

CENTRED = {
    "label", "active", "read", "known", "ghost", "input", "focus",
    "answer", "right", "carried", "rounded", "slip", "wrong", "quiet", "sign",
}  # fmt: skip
WRAPPED = {"body", "note", "formula"}
# Columns of lane titles, row labels, numbers and help, in digits of a number.
WIDTHS = {"A": 13, "B": 5, "C": 8.25, "D": 60}


@dataclass(frozen=True)
class Look:
    """A look, by how it differs from the usual one.

    Attributes:
        title: Of its file.
        font, code: Names of fonts.
        sizes, colors: What stands for usual ones.
        changes: What else is another in a style, by its name.
        signs: By which colours and lines it says that some are told apart.
    """

    title: str
    font: str = "Calibri"
    code: str = "Consolas"
    sizes: Mapping[float, float] = field(default_factory=dict)
    colors: Mapping[str, str] = field(default_factory=dict)
    changes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    signs: Mapping[str, str] = field(default_factory=lambda: SIGNS)

    @property
    def styles(self) -> dict[str, Style]:
        """Its styles by name."""
        return {name: self._style(name, style) for name, style in USUAL.items()}

    def _style(self, name: str, usual: Style) -> Style:
        kind, _, of_line = usual.line.partition(" ")
        color, fill, line = (self.colors.get(c, c) for c in (usual.color, usual.fill, of_line))
        alike = replace(
            usual,
            size=self.sizes.get(usual.size, usual.size),
            color=color,
            fill=fill,
            line=f"{kind} {line}".strip(),
        )
        return replace(alike, **self.changes.get(name, {}))


PROJECTOR = Look(
    "cellprop theme: projector",
    sizes={18: 21, 14: 16.5, 13: 15, 12: 14, 11: 13, 10.5: 12.5, 10: 12},
    colors={
        INK: "0B1216", DIM: "2F3D45", PALE_INK: "56626A", "5F6B72": "4A565D", "6B7378": "5A6368",
        "0B5CAD": "003E8A", "8A4B08": "743C00",
        # yellow, orange, white, blue
        "FFEB3B": "FFE000", "8D7B00": "6B5E00", "FFB74D": "FFA031", "9C5700": "7A3F00",
        "B8C2C7": "8A979D", "CDD5D9": "A3AFB4", "E1E6E8": "CFD7DA",
        "0B3FC4": "002FA8", "EEF4FF": "DCE8FF", "6C8FD6": "3F6AC4", "F3F6F7": "E9EFF1",
        # of exercises
        "FFF7C2": "FFF0A0", "8A6D00": "6B5500", "11512A": "0A4220", "D7F0DD": "C0EACC",
        "2F5B1D": "234A14", "E3F1DD": "D6EDCC", "4A5400": "3A4300", "EAF2D0": "E0EDB8",
        "7A3A00": "632E00", "FCE0C8": "FACFA8", "8A1212": "750C0C", "F9D6D5": "F6C3C1",
    },
)  # fmt: skip

BLACK, DARK, GREY = "000000", "404040", "595959"
# In black and white, lines and greys tell numbers apart.
PRINT = Look(
    "cellprop theme: print",
    sizes={18: 16, 14: 13, 13: 12, 12: 11, 11: 10.5, 10.5: 10, 10: 9},
    colors={
        INK: BLACK, DIM: DARK, PALE_INK: GREY, "5F6B72": GREY, "6B7378": "6B6B6B",
        "0B5CAD": BLACK, "8A4B08": DARK, "B8C2C7": "8C8C8C", "CDD5D9": "A6A6A6",
        "E1E6E8": "D0D0D0", "F3F6F7": "",
    },
    changes={
        "active": {"fill": "C4C4C4", "line": f"thin {BLACK}"},
        "read": {"fill": "E0E0E0", "line": f"medium {BLACK}"},
        "input": {"color": BLACK, "fill": "F2F2F2", "line": f"dashDot {BLACK}"},
        "focus": {"color": BLACK, "fill": "F2F2F2", "line": f"dashDot {BLACK}"},
        "answer": {"color": BLACK, "fill": "", "line": f"dashed {BLACK}"},
        "right": {"color": BLACK, "fill": "", "line": f"thin {BLACK}"},
        "carried": {"color": BLACK, "fill": "", "line": f"dashDotDot {BLACK}"},
        "rounded": {"color": BLACK, "fill": "", "line": f"dotted {BLACK}"},
        "slip": {"color": BLACK, "fill": "E0E0E0", "line": f"mediumDashed {BLACK}"},
        "wrong": {"color": BLACK, "fill": "C4C4C4", "line": f"thick {BLACK}"},
    },
    signs={
        "active": "grey and bold", "read": "light grey with a heavier border",
        "input": "very light grey, a dash-dot border", "answer": "a dashed border",
    },
)  # fmt: skip

# As few colours and lines as it takes, in fonts that are everywhere.
PLAIN = Look(
    "cellprop theme: plain",
    font="Arial",
    code="Courier New",
    colors={
        INK: "1A1A1A", DIM: "4D4D4D", PALE_INK: "6B6B6B", "5F6B72": "5E5E5E", "6B7378": "6E6E6E",
        "FFEB3B": "FFF9D9", "8D7B00": "4D4D4D", "FFB74D": "FDEFE0", "FFFFFF": "",
        "E1E6E8": "E6E6E6", "F3F6F7": "", "EEF4FF": "F6F9FF", "FFF7C2": "FFFDF0",
        "D7F0DD": "F3FAF5", "E3F1DD": "F5FAF3", "EAF2D0": "F8FAEF", "FCE0C8": "FEF5EE",
        "F9D6D5": "FDF1F1",
    },
    changes={
        "read": {"line": "thin 1A1A1A"},
        "known": {"line": "hair A6A6A6"},
        "ghost": {"line": "dotted C0C0C0"},
        "note": {"line": "thin 4D4D4D"},
        "slip": {"line": "thin B35900"},
        "wrong": {"line": "thin B3261E"},
    },
    signs={
        "active": "light yellow and bold", "read": "light orange, dark border", "input": "blue",
        "answer": "a dashed border",
    },
)  # fmt: skip

LOOKS: Mapping[str, Look] = {
    "theme.xlsx": Look("cellprop theme"),
    "themes/projector.xlsx": PROJECTOR,
    "themes/print.xlsx": PRINT,
    "themes/plain.xlsx": PLAIN,
}


# The colours and fonts of Office, which charts go by, and shapes without effects.
_COLORS = {
    "dk2": "1F497D", "lt2": "EEECE1", "accent1": "4F81BD", "accent2": "C0504D",
    "accent3": "9BBB59", "accent4": "8064A2", "accent5": "4BACC6", "accent6": "F79646",
    "hlink": "0000FF", "folHlink": "800080",
}  # fmt: skip
_FILL = '<a:solidFill><a:schemeClr val="phClr"/></a:solidFill>'
_FONT = '<a:latin typeface="{}"/><a:ea typeface=""/><a:cs typeface=""/>'
DOCUMENT_THEME = (
    '<a:theme xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main" name="Office">'
    '<a:themeElements><a:clrScheme name="Office">'
    '<a:dk1><a:sysClr val="windowText" lastClr="000000"/></a:dk1>'
    '<a:lt1><a:sysClr val="window" lastClr="FFFFFF"/></a:lt1>'
    + "".join(f'<a:{k}><a:srgbClr val="{color}"/></a:{k}>' for k, color in _COLORS.items())
    + '</a:clrScheme><a:fontScheme name="Office">'
    f"<a:majorFont>{_FONT.format('Cambria')}</a:majorFont>"
    f"<a:minorFont>{_FONT.format('Calibri')}</a:minorFont></a:fontScheme>"
    f'<a:fmtScheme name="Office"><a:fillStyleLst>{3 * _FILL}</a:fillStyleLst>'
    f"<a:lnStyleLst>{3 * f'<a:ln>{_FILL}</a:ln>'}</a:lnStyleLst>"
    f"<a:effectStyleLst>{3 * '<a:effectStyle><a:effectLst/></a:effectStyle>'}</a:effectStyleLst>"
    f"<a:bgFillStyleLst>{3 * _FILL}</a:bgFillStyleLst></a:fmtScheme></a:themeElements></a:theme>"
)


# --- As a workbook ------------------------------------------------------------------------


def content(look: Look) -> bytes:
    """Return the file of a look; the same bytes at any time."""
    book = Workbook()
    book.security = None
    book.properties.title, book.properties.creator = look.title, "cellprop"
    book.properties.created = book.properties.modified = datetime(*xml.LONG_AGO)
    styles = look.styles
    # Widths are measured in digits of this font, and so they are on the sheets of a workbook.
    normal = book._named_styles["Normal"]
    normal.font = _font(look, Style(styles["known"].size))
    _fill(book.worksheets[0], look, styles)
    book.loaded_theme = DOCUMENT_THEME.encode()
    written, whole = BytesIO(), BytesIO()
    Writer(book, ZipFile(written, "w"), ()).save()
    xml.assemble(xml.parts_of(written), {}, whole)
    return whole.getvalue()


def _fill(sheet: Any, look: Look, styles: Mapping[str, Style]) -> None:
    sheet.title = "Theme"
    sheet.sheet_view.showGridLines = False
    sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
    sheet.page_setup.paperSize, sheet.page_setup.fitToHeight = 9, 0
    for column, width in WIDTHS.items():
        sheet.column_dimensions[column].width = width
    prose = (
        ("title", "Theme"),
        ("says", "Format the sample cells in column C as you like: font, size, colour, fill,"
         " border, alignment."),
        ("says", "Columns A, B and C are as wide as lane titles, row labels and numbers will be."
         " Keep the names in column A."),
        ("code", "cellprop build --theme THIS-FILE"),
    )  # fmt: skip
    for row, (name, text) in enumerate(prose, 1):
        _put(sheet, row, 1, text, look, name, styles[name])
    for column, text in ((1, "Style"), (3, "Sample"), (4, "Where it is used")):
        _put(sheet, 5, column, text, look, "heading", styles["heading"])
    for row, (name, style) in enumerate(styles.items(), 6):
        sample, used = SAMPLES[name]
        used += f": {look.signs[name]}" if name in look.signs else ""
        _put(sheet, row, 1, name, look, "table", styles["table"])
        _put(sheet, row, 3, sample, look, name, style)
        _put(sheet, row, 4, used, look, "table", styles["table"], indent=1)
    for row in range(1, sheet.max_row + 1):
        largest = max(cell.font.sz for cell in sheet[row] if cell.font.sz)
        sheet.row_dimensions[row].height = max(largest * 1.375, 18)


def _put(
    sheet: Any, row: int, column: int, value: Any, look: Look, name: str, style: Style, indent=0
) -> None:
    cell = sheet.cell(row, column, value)
    cell.font = _font(look, style, underline="single" if name == "link" else None)
    if style.fill:
        cell.fill = PatternFill("solid", fgColor=f"FF{style.fill}")
    if style.line:
        kind, color = style.line.split()
        side = Side(kind, color=f"FF{color}")
        around = {} if name == "note" else {"right": side, "top": side, "bottom": side}
        cell.border = Border(left=side, **around)
    cell.alignment = Alignment(
        horizontal="center" if name in CENTRED else "left",
        vertical="top" if name == "body" else "center",
        wrap_text=True if name in WRAPPED else None,
        indent=1 if name == "note" else indent,
    )


def _font(look: Look, style: Style, underline: str | None = None) -> Font:
    return Font(
        name=look.code if style.is_code else look.font,
        sz=style.size,
        b=style.bold,
        i=style.italic,
        u=underline,
        color=f"FF{style.color}",
    )


def main() -> None:
    for name, look in LOOKS.items():
        path = TEMPLATES / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content(look))
        print(path)


if __name__ == "__main__":
    main()
