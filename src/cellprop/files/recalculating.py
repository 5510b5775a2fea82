"""Formulas that have no value in their file, computed in a process that may fail without harm."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Set
from pathlib import Path

from cellprop.errors import InputError
from cellprop.files.opening import content
from cellprop.files.parts import Archive
from cellprop.files.safe import label
from cellprop.limits import MEMORY, SECONDS, SHEETS, SUBMISSION

# IronCalc dies of some formulas, such as a hundred thousand nested brackets or the products of
# whole sheets, and would take this process along.
_ENGINE = """
import json, sys
source, target, seconds, memory, size = *sys.argv[1:3], *map(int, sys.argv[3:])
try:
    import resource
    for limit in (("CPU", seconds), ("AS", memory), ("FSIZE", size), ("CORE", 0)):
        resource.setrlimit(getattr(resource, "RLIMIT_" + limit[0]), (limit[1], limit[1]))
except (ImportError, AttributeError, OSError, ValueError):
    pass  # not on every system; there is still the time
import ironcalc
model = ironcalc.load_from_xlsx(source)
sheets = {sheet["name"]: i for i, sheet in enumerate(model.get_worksheets_properties())}
for sheet, row, column in json.load(sys.stdin):
    model.set_user_input(sheets[sheet], row, column, "0")
model.evaluate()
model.save_to_xlsx(target)
"""


def compute(source: Path, target: Path, left_out: Set[tuple[str, int, int]]) -> None:
    """Have IronCalc compute a workbook, but for some cells, in a process that is stopped if it
    takes too much.
    """
    limits = map(str, (SECONDS, MEMORY, SUBMISSION.size))
    # -P: what students sent may lie in the folder that this is run in, as `ironcalc.py`.
    command = [sys.executable, "-P", "-c", _ENGINE, str(source), str(target), *limits]
    subprocess.run(  # noqa: S603 - our own interpreter and text, and files with names of ours
        command,
        input=json.dumps(sorted(left_out)).encode(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=SECONDS,
        check=True,
        cwd=source.parent,
    )


def recalculate(path: Path, target: Path) -> None:
    """Have IronCalc compute a workbook that may be anybody's; raises whatever stopped it."""
    data = content(path, SHEETS)
    if Archive(label(path), data, SHEETS).costly() != set():
        raise InputError(f"{label(path)}: its formulas take too long to compute.")
    source = target.with_name("in.xlsx")
    source.write_bytes(data)
    compute(source, target, frozenset())
