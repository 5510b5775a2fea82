"""Writing a file so that it is whole or not there."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import IO

from cellprop.errors import OutputError


def write_whole(path: str | Path, write: Callable[[IO[bytes]], None]) -> Path:
    """Write a file beside its target and rename it, so that a failure leaves the earlier one.

    Parameters
    ----------
    path
        The target; its folder must exist.
    write
        Writes the content into a binary file.

    Raises
    ------
    OutputError
        If the target can't be written; the message says why.
    """
    target = Path(path)
    try:
        _check(target)
        # A link stays a link: what it points to is replaced.
        real = target.resolve()
        beside = real.with_name(f".cellprop-{os.urandom(4).hex()}.tmp")
        try:
            with beside.open("xb") as file:
                write(file)
                file.flush()
                os.fsync(file.fileno())
            if real.exists():
                shutil.copymode(real, beside)
            beside.replace(real)
        finally:
            beside.unlink(missing_ok=True)
    except OSError as error:
        reason = error.strerror or str(error)
        raise OutputError(f"{target}: can't be written: {reason}.") from None
    return target


def _check(target: Path) -> None:
    if target.is_dir():
        raise OutputError(f"{target}: is a folder; give the name of a file in it.")
    if not target.parent.is_dir():
        raise OutputError(f"{target}: there is no folder '{target.parent}'; create it first.")
    if not target.exists():
        return
    if not target.is_file():  # renaming onto a device would take it away
        raise OutputError(f"{target}: is not a file; give the name of one.")
    if not target.stat().st_mode & 0o222:
        raise OutputError(f"{target}: is read-only; write to another name or make it writable.")
