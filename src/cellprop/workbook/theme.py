"""The look of the workbook, read from a spreadsheet that a teacher may restyle.

`templates/theme.xlsx` has a sample cell for each style; what the cell looks like is the style.
The widths of its columns are the widths of lane titles, row labels and numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cellprop.errors import InputError
from cellprop.templates import template

if TYPE_CHECKING:
    from openpyxl.styles import NamedStyle
    from openpyxl.worksheet.worksheet import Worksheet

SHEET = "Theme"
STYLES = (
    "title", "says", "heading", "body", "table", "caption", "code", "link", "lane", "name",
    "ghost_name", "label", "active", "read", "known", "ghost", "input", "focus", "note",
)  # fmt: skip
# Those of workbooks to fill in. A theme that was made before there were any does without.
LATER_STYLES = ("answer", "right", "carried", "rounded", "slip", "wrong")
# Cells that stay open for typing when a teacher protects the sheet.
UNLOCKED = ("input", "focus", "answer")
TO_START = "`cellprop theme -o FILE` writes a complete theme to start from"


@dataclass(frozen=True)
class Theme:
    """Styles by name, and column widths in characters.

    Attributes:
        styles: A named style for each of `STYLES`.
        lane_width, label_width, number_width: Of the column of lane titles, of row labels, and
            the least of a column of numbers.
        colors: The document theme, to which styles may refer for colours and fonts.
    """

    styles: Mapping[str, NamedStyle]
    lane_width: float
    label_width: float
    number_width: float
    colors: bytes | None


def load(path: Path | None = None) -> Theme:
    """Return the theme of a file; without one, the default.

    Raises
    ------
    InputError
        If the file is not a workbook, or lacks the sheet or a style; the message names it.
    """
    from openpyxl import load_workbook

    file = path or template("theme.xlsx")
    try:
        with file.open("rb") as opened:
            book = load_workbook(opened)
    except OSError as error:
        raise InputError(f"{file}: can't read the theme: {error.strerror}.") from None
    except Exception:  # whatever a broken file makes a reader raise
        raise InputError(f"{file}: not an Excel workbook (.xlsx); {TO_START}.") from None
    if SHEET not in book.sheetnames:
        raise InputError(f"{file}: there is no sheet '{SHEET}'; {TO_START}.")
    sheet = book[SHEET]
    samples = {row[0].value: row[2] for row in sheet.iter_rows(max_col=3)}
    missing = [name for name in STYLES if name not in samples]
    if missing:
        raise InputError(
            f"{file}, sheet {SHEET}: the style '{missing[0]}' is missing in column A"
            f"{f' (and {len(missing) - 1} more)' if missing[1:] else ''}; {TO_START}."
        )
    later = {name: samples[name] for name in LATER_STYLES if name in samples}
    styles = {name: _style(name, samples[name]) for name in STYLES}
    styles |= {name: _style(name, sample) for name, sample in later.items()}
    if len(later) < len(LATER_STYLES):
        usual = load().styles
        styles |= {name: copy(usual[name]) for name in LATER_STYLES if name not in later}
    widths = (_width(sheet, "A", 15), _width(sheet, "B", 6), _width(sheet, "C", 9))
    return Theme(styles, *widths, colors=book.loaded_theme)


def _style(name: str, sample: Any) -> NamedStyle:
    from openpyxl.styles import NamedStyle, Protection

    return NamedStyle(
        name=name,
        font=copy(sample.font),
        fill=copy(sample.fill),
        border=copy(sample.border),
        alignment=copy(sample.alignment),
        protection=Protection(locked=name not in UNLOCKED),
    )


def _width(sheet: Worksheet, column: str, default: float) -> float:
    """Return the width of a column; Excel stores neighbours of equal width as one."""
    from openpyxl.utils import column_index_from_string

    index = column_index_from_string(column)
    for dimension in sheet.column_dimensions.values():
        first, last = dimension.min, dimension.max
        if first and last and first <= index <= last and dimension.customWidth:
            return float(dimension.width)
    return default
