"""The Excel workbook: a sheet for each step, every number a live formula with its value.

`write` is the way in. `sheets` and `contents` say what stands where, `book` what all sheets share,
`focus` how colours follow a choice, `printing` how a sheet is cut into pages, `theme` how it looks.
`frame` talks to openpyxl, and `xml` is the only module that writes XML.
"""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import IO, TYPE_CHECKING

from cellprop.files import write_whole
from cellprop.layout import lay_out
from cellprop.tracing import Trace
from cellprop.words import Words
from cellprop.words import load as load_words
from cellprop.workbook import contents, xml
from cellprop.workbook.book import Book, sheet_name
from cellprop.workbook.frame import Frame
from cellprop.workbook.sheets import step_sheet
from cellprop.workbook.theme import Theme
from cellprop.workbook.theme import load as load_theme

if TYPE_CHECKING:
    import openpyxl
    from openpyxl.worksheet.worksheet import Worksheet


def write(
    trace: Trace, path: str | Path, *, theme: Theme | None = None, words: Words | None = None
) -> Path:
    """Write the workbook of a trace and return its path.

    Parameters
    ----------
    trace
        What to show.
    path
        Where to write; an earlier file there is replaced only when the new one is complete.
    theme, words
        The look and the texts; the default ones when None.

    Raises
    ------
    OutputError
        If the file can't be written.
    LimitError
        If a sheet would exceed what a spreadsheet can hold.
    """
    return write_whole(path, lambda file: _write(trace, file, theme, words))


def to_openpyxl(trace: Trace) -> openpyxl.Workbook:
    """Return the workbook of a trace as openpyxl reads it."""
    from openpyxl import load_workbook

    buffer = BytesIO()
    _write(trace, buffer, None, None)
    return load_workbook(buffer)


def _write(trace: Trace, file: IO[bytes], theme: Theme | None, words: Words | None) -> None:
    words = words or load_words()
    frame = Frame(theme or load_theme(), words("contents.title"))
    book = Book(trace, lay_out(trace.walkthrough), frame, words)
    # Contents stands first but is filled last: it lists the labels that sheets had to cut.
    sheets: dict[Worksheet, list[str]] = {frame.sheet(contents.NAME): []}
    for step in trace.walkthrough.steps:
        sheet = frame.sheet(sheet_name(step.number))
        sheets[sheet] = step_sheet(book, step, sheet)
    first = next(iter(sheets))
    sheets[first] = contents.contents_sheet(book, first)
    # Rows come before the frame is saved: making them is what registers their styles.
    saved = frame.saved()
    xml.assemble(saved, {sheet.path[1:]: rows for sheet, rows in sheets.items()}, file)
