"""How much work is done, counted instead of timed: so a test says the same on every machine."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import cellprop

PACKAGE = str(Path(cellprop.__file__).parent)


def lines_run(work: Callable[[], object]) -> int:
    """Return how many lines of cellprop, each as often as it is reached, some work takes."""
    count = 0

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal count
        if not frame.f_code.co_filename.startswith(PACKAGE):
            return None
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return count


def grows_evenly(work: Callable[[int], object], size: int) -> bool:
    """Whether twice as much takes no more than twice the work, but for a tenth."""
    work(size)  # what is done only once, such as an import
    return lines_run(lambda: work(2 * size)) <= 2.2 * lines_run(lambda: work(size))
