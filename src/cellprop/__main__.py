"""`python -m cellprop` is the command line.

Ctrl+C ends it without a word at any moment, also while modules are still being loaded, which is
most of a short run: nothing has been written by then.
"""

from __future__ import annotations

import os
import signal
import sys
import warnings
from types import FrameType

INTERRUPTED = 130


def main() -> None:
    """Load the command line and run it."""
    signal.signal(signal.SIGINT, _quit)
    if not sys.warnoptions:  # what a library says of itself is no line of ours
        warnings.simplefilter("ignore")
    from cellprop.cli.main import main as run

    interrupted = False

    def interrupt(_: int, __: FrameType | None) -> None:
        nonlocal interrupted
        interrupted = True
        raise KeyboardInterrupt

    signal.signal(signal.SIGINT, interrupt)
    try:
        run(lambda: interrupted)
    except (KeyboardInterrupt, Exception):
        # A library that was being loaded may have made something else of it.
        if interrupted:
            os._exit(INTERRUPTED)
        raise
    finally:
        signal.signal(signal.SIGINT, _quit)


def _quit(_: int, __: FrameType | None) -> None:
    os._exit(INTERRUPTED)


if __name__ == "__main__":
    main()
