"""Where a command writes: by the name that the user gave, or by one that follows what was built.

A place that can't be written is refused before anything is computed. It knows names of files and
how the options differ from the usual ones, not what is written.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import IO, Any

from cellprop.cli.options import DATA, Model, of_panel, program_of

OUTPUTS = Path("outputs")
# What a switch is called where that isn't its field's name.
SWITCHES = {("average", False): "sum", ("bias", False): "no-bias"}
# Bytes: a name of a file has 255 at most, and something is yet to be put behind.
LONGEST_NAME = 120


def name_of(model: Model) -> str:
    """Return the name of a result when nobody gives one.

    Parameters
    ----------
    model : Model
        The options.

    Returns
    -------
    str
        The name of its samples, then the options that make it another than the usual one.

    >>> name_of(Model(hidden="5,4"))
    'article-hidden-5,4'
    """
    if model.program is not None:
        file, name = program_of(model.program)
        parts, left_out = [name or file.stem], {option.name for option in of_panel(DATA)}
    elif model.data is None:
        parts, left_out = [model.example or "article"], {"example", "target"}
    else:
        parts, left_out = [model.data.stem], {option.name for option in of_panel(DATA)}
    for option in fields(model):
        value = getattr(model, option.name)
        if value != option.default and option.name not in left_out:
            parts += _told(option.name, value)
    return "-".join(parts)


def _told(name: str, value: Any) -> list[str]:
    """Return the words by which the name of a file tells of an option."""
    if isinstance(value, bool):
        return [SWITCHES.get((name, value), name.replace("_", "-"))]
    if isinstance(value, list):
        return list(map(str, value))
    told = name.replace("_", "-")
    return [told, value.stem if isinstance(value, Path) else str(value)]


def file_name(text: str) -> str:
    """Return a text as a name that every system takes for a file, cut if it is long.

    >>> file_name("article-hidden-5,4"), file_name("../x: y")
    ('article-hidden-5-4', 'x- y')
    """
    name = re.sub(r"[^\w.+() -]+", "-", text).strip("-. ") or "workbook"
    if len(name.encode()) <= LONGEST_NAME:
        return name
    # Cut, two long names could be the same; the sum tells them apart.
    told = hashlib.sha256(name.encode()).hexdigest()[:8]
    kept = name.encode()[: LONGEST_NAME - 9].decode(errors="ignore")
    return f"{kept.rstrip('-.')}-{told}"


def usual_output(model: Model, suffix: str, *more: str) -> Path:
    """Return the name of an output that nobody named: it follows what was built."""
    return OUTPUTS / f"{file_name('-'.join((name_of(model), *more)))}.{suffix}"


def write_output(output: Path | None, usual: Path, write: Callable[[Path], Path]) -> Path:
    """Write where the user says, else by the usual name; return where that is."""
    return write(output) if output else _write_by_default(usual, write)


def _write_by_default(path: Path, write: Callable[[Path], Path]) -> Path:
    """Write by a name that the user did not choose, so that no other file of that name is lost.

    The same output is not written twice; another one gets a number behind its name.
    """
    from filecmp import cmp

    from cellprop.files.writing import folder_beside

    make_outputs(path)
    if not os.path.lexists(path):
        return write(path)
    with folder_beside(path) as folder:
        made = write(folder / path.name)
        number, target = 1, path
        while os.path.lexists(target) and not (target.is_file() and cmp(made, target, False)):
            number += 1
            target = path.with_stem(f"{path.stem}-{number}")
        return target if target.exists() else made.rename(target)


def check_output(output: Path | None) -> None:
    """Refuse where to write before anything is computed, if that can't be written."""
    from cellprop.files.writing import check_folder, check_target

    if output is None:
        check_folder(OUTPUTS)
    else:
        check_target(output)


def checked_target(output: Path | None, usual: str) -> Path:
    """Return the path to write to; refused before anything is computed if that can't be written."""
    from cellprop.files.writing import check_folder, check_target

    target = OUTPUTS / usual if output is None else output
    if target.parent == OUTPUTS and not OUTPUTS.is_dir():
        check_folder(OUTPUTS)
    else:
        check_target(target)
    return target


def make_outputs(target: Path) -> None:
    """Make the folder of default outputs for a target in it; one that the user names must be
    there.
    """
    from cellprop.errors import OutputError
    from cellprop.files.writing import check_folder

    if target.parent != OUTPUTS:
        return
    check_folder(OUTPUTS)
    try:
        OUTPUTS.mkdir(exist_ok=True)
    except OSError as error:
        raise OutputError(f"{OUTPUTS}: can't be made: {error.strerror}.") from None


def write_new(path: Path, content: bytes) -> Path:
    """Write a file that a user will change, and so never over one that is there."""
    from cellprop.errors import OutputError
    from cellprop.files.writing import write_whole

    if os.path.isfile(path):  # unlike Path's, never an error
        raise OutputError(f"{path}: exists already; choose another name, or delete it first.")

    def write(file: IO[bytes]) -> None:
        file.write(content)

    return write_whole(path, write)
