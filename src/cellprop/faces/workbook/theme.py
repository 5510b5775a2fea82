"""The look of the workbook, read from a spreadsheet that a teacher may restyle.

`templates/theme.xlsx` has a sample cell for each style; what the cell looks like is the style.
The widths of its columns are the widths of lane titles, row labels and numbers. Beside it, in
`templates/themes/`, are others, known by their names. Knows nothing of what is shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass
from io import BytesIO
from os.path import isfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cellprop.errors import InputError, nearest
from cellprop.files.opening import book_of, check_part, content, whatever_is_wrong
from cellprop.files.safe import known, label
from cellprop.limits import THEME
from cellprop.texts.templates import template

if TYPE_CHECKING:
    from openpyxl.styles import NamedStyle
    from openpyxl.worksheet.worksheet import Worksheet

SHEET = "Theme"
DEFAULT = "theme.xlsx"
# Those that ship besides the default. The help of the command line names them, too.
NAMES = ("projector", "print", "plain")
STYLES = (
    "title", "says", "heading", "body", "table", "caption", "code", "link", "lane", "name",
    "ghost_name", "label", "active", "read", "known", "ghost", "input", "focus", "note",
)  # fmt: skip
# Those of workbooks to fill in.
EXERCISE_STYLES = ("answer", "right", "carried", "rounded", "slip", "wrong")
# Those of a sheet that shows its step as one line of maths, and lets the rest stand back.
LARGE_STYLES = ("formula", "numbers", "sign", "shape", "quiet", "quiet_name", "fold")
# A theme that was made before there were any does without.
LATER_STYLES = (*EXERCISE_STYLES, *LARGE_STYLES)
# Where samples are looked for; a sheet of a few bytes can claim a million rows.
MOST_ROWS = 1_000
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


def load(look: str | Path | None = None) -> Theme:
    """Return the theme of a file, or one that ships by its name; without either, the default.

    Parameters
    ----------
    look
        One of `NAMES`, or a file: a `Path`, or a text with a suffix or a slash.

    Raises
    ------
    InputError
        If there is no theme of that name; if the file is not a workbook, or lacks the sheet or a
        style; the message names it.
    """
    file = shipped() if look is None else _file(look)
    where = label(file)
    data = content(file, THEME)
    damaged = f"{where}: not an Excel workbook (.xlsx), or a damaged one; {TO_START}."
    with whatever_is_wrong(damaged):
        return _read(where, book_of(where, data, THEME))


def shipped(name: str | None = None) -> Path:
    """Return the file of a theme that ships; without a name, of the default.

    Raises
    ------
    InputError
        If there is none of that name.
    """
    if name is None:
        return template(DEFAULT)
    known("theme", name, NAMES)
    return template(f"themes/{name}.xlsx")


def _file(look: str | Path) -> Path:
    """Return the file that is meant. A theme that ships has a name without a suffix or a slash, so
    that a file beside it of the same name is never in its way.
    """
    file = Path(look)
    if isinstance(look, Path) or file.suffix or file.name != look:
        return file
    if look in NAMES:
        return shipped(look)
    if isfile(file):  # without a suffix, and of no name that is taken
        return file
    raise InputError(
        f"theme: '{label(look)}' is not known; known: {', '.join(NAMES)}, or a file of your own,"
        f" such as look.xlsx.{nearest(look, NAMES)}"
    )


def _read(where: str, book: Any) -> Theme:
    if SHEET not in book.sheetnames:
        raise InputError(f"{where}: there is no sheet '{SHEET}'; {TO_START}.")
    sheet = book[SHEET]
    rows = sheet.iter_rows(max_row=min(sheet.max_row, MOST_ROWS), max_col=3)
    samples = {row[0].value: row[2] for row in rows}
    missing = [name for name in STYLES if name not in samples]
    if missing:
        raise InputError(
            f"{where}, sheet {SHEET}: the style '{missing[0]}' is missing in column A"
            f"{f' (and {len(missing) - 1} more)' if missing[1:] else ''}; {TO_START}."
        )
    later = {name: samples[name] for name in LATER_STYLES if name in samples}
    styles = {name: _style(name, samples[name]) for name in STYLES}
    styles |= {name: _style(name, sample) for name, sample in later.items()}
    if len(later) < len(LATER_STYLES):
        usual = load().styles
        lacking = [name for name in LATER_STYLES if name not in later]
        styles |= {name: _beside(styles, usual, name) for name in lacking}
    _check_colors(book.loaded_theme)
    widths = (_width(sheet, "A", 13), _width(sheet, "B", 5), _width(sheet, "C", 8.25))
    return Theme(styles, *widths, colors=book.loaded_theme)


def _check_colors(colors: bytes | None) -> None:
    """Refuse a document theme that no program could read: it is written as it was found."""
    if colors is not None:
        check_part(BytesIO(colors))


def _style(name: str, sample: Any) -> NamedStyle:
    from openpyxl.styles import NamedStyle, Protection

    style = NamedStyle(
        name=name,
        font=copy(sample.font),
        fill=copy(sample.fill),
        border=copy(sample.border),
        alignment=copy(sample.alignment),
        protection=Protection(locked=name not in UNLOCKED),
    )
    # What can't be written must not be found out in the middle of a workbook.
    for part in (style.font, style.fill, style.border, style.alignment):
        part.to_tree()
    return style


def _beside(styles: Mapping[str, Any], usual: Mapping[str, Any], name: str) -> NamedStyle:
    """Return the usual style of a name, in the fonts and sizes of a theme that has none.

    What is as large as a number by default is as large as a number of the theme's.
    """
    from openpyxl.styles import NamedStyle

    like, own = usual[name], styles["known"].font
    is_code = like.font.name == usual["code"].font.name
    font = copy(like.font)
    font.name = (styles["code"].font if is_code else own).name or font.name
    if own.sz:
        font.sz = round(2 * font.sz * own.sz / usual["known"].font.sz) / 2
    return NamedStyle(
        name, font, copy(like.fill), copy(like.border), copy(like.alignment),
        protection=copy(like.protection),
    )  # fmt: skip


def _width(sheet: Worksheet, column: str, default: float) -> float:
    """Return the width of a column; Excel stores neighbours of equal width as one."""
    from openpyxl.utils import column_index_from_string

    index = column_index_from_string(column)
    for dimension in sheet.column_dimensions.values():
        first, last = dimension.min, dimension.max
        if first and last and first <= index <= last and dimension.customWidth:
            # Excel's widest; a width that is no number is none.
            return min(float(dimension.width), 255.0) if dimension.width > 0 else default
    return default
