"""What takes its time: a bar while it lasts, and a word if it ended early."""

from __future__ import annotations

import sys
from time import perf_counter
from typing import TYPE_CHECKING, Self

import typer

from cellprop.cli.model import trace
from cellprop.cli.options import Model
from cellprop.cli.printing import say

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from cellprop.tracing import Trace

SECONDS_BEFORE_A_BAR = 1.0


class Bar:
    """A progress bar that appears in a terminal when something takes more than a second."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._started = perf_counter()
        self._progress: Progress | None = None
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._progress:
            self._progress.stop()

    def move(self, done: int, total: int) -> None:
        """Show that so much is done."""
        if perf_counter() - self._started < SECONDS_BEFORE_A_BAR or not sys.stderr.isatty():
            return
        if self._progress is None:
            from rich.console import Console
            from rich.progress import Progress

            self._progress = Progress(console=Console(stderr=True), transient=True)
            self._progress.start()
            self._task = self._progress.add_task(self._what, total=total)
        assert self._task is not None
        self._progress.update(self._task, completed=done, total=total)


def traced(model: Model) -> Trace:
    """Return the trace of a model, with a bar if training takes its time."""

    def mention(note: str) -> None:
        say(f"cellprop: {note}", error=True)

    with Bar("Training") as bar:
        return trace(model, bar.move, mention)


def end(trace: Trace) -> None:
    """Say it if training ended early; that is a failure if it went wrong by itself."""
    if trace.stopped:
        say(f"cellprop: {trace.stopped} Shown is what was before.", error=True)
        if not trace.interrupted:
            raise typer.Exit(1)
