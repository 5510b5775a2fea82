"""The Excel workbook: a sheet for each step, every number a live formula with its value.

`write` is the way in. `sheets` and `contents` say what stands where, `book` what all sheets share,
`focus` how colours follow a choice, `printing` how a sheet is cut into pages, `theme` how it looks.
`allowed` says which numbers cells take. `frame` and `charts` talk to openpyxl; `xml` is the only
module that writes XML.

After the steps come, as `extras` says, the sheets of `curve` (Training, with its `live` rows) and
`predictions` (the `trained` network and the table of `samples`). With two inputs there is
`boundary` (laid out in `plane`, with a `scatter` of the samples): beside the curve or, where there
is none, on a sheet of its own, as `points` says. Their cells are put on a `canvas`, and samples
pass through the network in a `band`.
"""

from __future__ import annotations

from collections.abc import Iterable
from io import BytesIO
from pathlib import Path
from typing import IO, TYPE_CHECKING

from cellprop.faces.layout import Layout, lay_out
from cellprop.faces.workbook import contents, extras, xml
from cellprop.faces.workbook.book import Book, RunBook, sheet_name
from cellprop.faces.workbook.frame import Frame
from cellprop.faces.workbook.sheets import step_sheet
from cellprop.faces.workbook.theme import Theme
from cellprop.faces.workbook.theme import load as load_theme
from cellprop.files.writing import write_whole
from cellprop.limits import USUAL_IN_VIEW
from cellprop.running.reduced import reduced
from cellprop.running.run import Run, Update
from cellprop.running.training import Progress
from cellprop.texts.words import Words
from cellprop.texts.words import load as load_words

if TYPE_CHECKING:
    import openpyxl
    from openpyxl.worksheet.worksheet import Worksheet


def write(
    run: Run,
    path: str | Path,
    *,
    theme: Theme | None = None,
    words: Words | None = None,
    progress: Progress | None = None,
    layout: str = "auto",
    rows: int = USUAL_IN_VIEW,
    neurons: Iterable[int] | None = None,
) -> Path:
    """Write the workbook of a run and return its path.

    Parameters
    ----------
    run
        What to show.
    path
        Where to write; an earlier file there is replaced only when the new one is complete.
    theme, words
        The look and the texts; the default ones when None.
    progress
        Called with how many sheets are done, and of how many.
    layout
        `flip-book`, `close-up`, or `auto`: whichever can be read on a screen and a page.
    rows
        How many rows, and columns, of many are in view in close-up; the others are folded away.
    neurons
        Which hidden neurons are shown, from 1, all others as one sum; None shows all. What takes
        the whole network, such as predictions, is left out of the workbook then.

    Raises
    ------
    InputError
        If there is not exactly one hidden layer, or no neuron of such a number.
    OutputError
        If the file can't be written.
    LimitError
        If a sheet would exceed what a spreadsheet can hold.
    """
    update = run.update if neurons is None else reduced(run.update, neurons)
    placed = lay_out(update.program, layout, rows)
    return write_whole(path, lambda file: _write(run, update, file, theme, words, placed, progress))


def sheet_names(run: Run, update: Update | None = None) -> list[str]:
    """Return the names of a workbook's sheets, in order; of a run, or of its update reduced."""
    whole = update is None or update is run.update
    further = [extra.name for extra in extras.which(run)] if whole else []
    return [contents.NAME, *map(sheet_name, run.program.steps), *further]


def to_openpyxl(run: Run) -> openpyxl.Workbook:
    """Return the workbook of a run as openpyxl reads it."""
    from openpyxl import load_workbook

    buffer = BytesIO()
    _write(run, run.update, buffer, None, None, lay_out(run.program))
    return load_workbook(buffer)


def _write(
    run: Run,
    update: Update,
    file: IO[bytes],
    theme: Theme | None,
    words: Words | None,
    layout: Layout,
    progress: Progress | None = None,
) -> None:
    words, steps = words or load_words(), update.program.steps
    frame = Frame(theme or load_theme(), words("contents.title"))
    further = extras.which(run)
    book: Book
    if update is run.update:
        book = RunBook(update, layout, frame, words, run=run, extras=further)
    else:
        book = Book(update, layout, frame, words)
    # Contents stands first but is filled last: it lists the labels that sheets had to cut.
    sheets: dict[Worksheet, list[str]] = {frame.sheet(contents.NAME): []}
    for step in steps:
        sheet = frame.sheet(sheet_name(step))
        sheets[sheet] = step_sheet(book, step, sheet)
        if progress:
            progress(len(sheets), len(steps) + 1)
    if isinstance(book, RunBook):
        sheets |= extras.sheets(book)
    first = next(iter(sheets))
    sheets[first] = contents.contents_sheet(book, first, further)
    # Rows come before the frame is saved: making them is what registers their styles.
    parts = xml.parts_of(frame.saved())
    rows_of = {frame.sheet_path(sheet): rows for sheet, rows in sheets.items()}
    xml.assemble(parts, rows_of, file, frame.stretch)
