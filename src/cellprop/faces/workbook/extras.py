"""The sheets that follow the steps, in a table: when each is there, and who fills it.

Adding one is adding a row here, a module that fills it, and its words. Knows a run and what a
spreadsheet has room for; what stands on the sheets, it does not know.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from openpyxl.worksheet.worksheet import Worksheet

from cellprop.faces.workbook.book import Extra, RunBook
from cellprop.faces.workbook.boundary import boundary_sheet
from cellprop.faces.workbook.curve import training_sheet
from cellprop.faces.workbook.live import TRAINING, WITH_PLANE, Live, live_rows
from cellprop.faces.workbook.plane import BOUNDARY
from cellprop.faces.workbook.points import (
    beside_the_curve,
    has_a_curve,
    has_room,
    spans_a_plane,
)
from cellprop.faces.workbook.predictions import predictions_sheet
from cellprop.faces.workbook.samples import Predicted, predicted
from cellprop.faces.workbook.trained import PREDICTIONS, trained
from cellprop.faces.workbook.updates import UPDATES, has_updates, updates_sheet
from cellprop.running.run import Run


@dataclass(frozen=True)
class Shown:
    """What the sheets show, each part made when a sheet first asks for it.

    Attributes:
        book: What all sheets of the workbook share.
    """

    book: RunBook

    @cached_property
    def live(self) -> Live | None:
        """The rows of a network that trains on its sheet, if there are any."""
        return live_rows(self.book)

    @cached_property
    def predicted(self) -> Predicted:
        """What the trained network says of the samples, and where that stands."""
        return predicted(self.book.run, trained(self.book, self.live))


@dataclass(frozen=True)
class Sheet:
    """A row of the table: a sheet and what it takes.

    Attributes:
        extra: What the sheet is called.
        stands: Whether a run has it.
        fill: Sets the sheet up in the frame and returns its rows.
    """

    extra: Extra
    stands: Callable[[Run], bool]
    fill: Callable[[Shown, Worksheet], list[str]]


def _spans_a_plane(run: Run) -> bool:
    """Return whether there is a plane that has no curve to stand beside."""
    return spans_a_plane(run) and not has_a_curve(run)


EXTRAS: tuple[Sheet, ...] = (
    Sheet(
        UPDATES,
        has_updates,
        lambda shown, sheet: updates_sheet(shown.book, sheet),
    ),
    Sheet(
        TRAINING,
        lambda run: has_a_curve(run) and not beside_the_curve(run),
        lambda shown, sheet: training_sheet(shown.book, sheet, shown.live),
    ),
    Sheet(
        WITH_PLANE,
        lambda run: beside_the_curve(run) > 0,
        lambda shown, sheet: training_sheet(shown.book, sheet, shown.live, shown.predicted),
    ),
    Sheet(
        PREDICTIONS,
        has_room,
        lambda shown, sheet: predictions_sheet(shown.book, sheet, shown.predicted),
    ),
    Sheet(
        BOUNDARY,
        _spans_a_plane,
        lambda shown, sheet: boundary_sheet(shown.book, sheet, shown.predicted),
    ),
)


def which(run: Run) -> tuple[Extra, ...]:
    """Return the sheets that follow the steps of a run, in order."""
    return tuple(row.extra for row in EXTRAS if row.stands(run))


def sheets(book: RunBook) -> dict[Worksheet, list[str]]:
    """Return the rows of every sheet that follows the steps, by the sheet, in order."""
    shown = Shown(book)
    found: dict[Worksheet, list[str]] = {}
    for row in EXTRAS:
        if row.extra in book.extras:
            sheet = book.frame.sheet(row.extra.name)
            found[sheet] = row.fill(shown, sheet)
    return found
