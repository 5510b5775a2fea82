"""What the command line prints: lines and tables, safe whatever a name in them holds.

Nothing else in `cli/` may print by itself, but for the help and for data, which go out as they are.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from cellprop.errors import visible

if TYPE_CHECKING:
    from rich.console import Console


def say(text: object, *, error: bool = False) -> None:
    """Print a text, in which a name may hold anything, as what a terminal only shows."""
    lines = map(visible, str(text).split("\n"))
    print("\n".join(lines), file=sys.stderr if error else sys.stdout)


def console() -> Console:
    """Return the console that prints tables and colours to standard output."""
    from rich.console import Console

    return Console(highlight=False)


def plain(value: object) -> str:
    """Return a value from a file as text that a terminal only shows."""
    from rich.markup import escape

    from cellprop.files.safe import label

    return escape(label("nothing" if value is None else value))
