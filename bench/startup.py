"""Starting up: `cellprop build` against importing what it needs plus saving; and `--help`."""

from __future__ import annotations

import argparse
import tempfile
from functools import partial
from pathlib import Path

from measuring import Spread, judged, python, ratio, spread, taking_turns

import cellprop

TARGET = 1.5
# What `cellprop build` can't do without, and nothing of cellprop's own.
IMPORTS = "import numpy, openpyxl, rich.console, rich.table, typer"
SAVING = """
import sys, cellprop
cellprop.article().to_excel(sys.argv[1])
"""
# Runs a command, then says which heavy packages it loaded.
LOADED = """
import sys
from cellprop.cli.main import main
try:
    main()
finally:
    heavy = {"pandas", "numpy", "openpyxl", "ironcalc", "PIL", "lxml"} & set(sys.modules)
    print("loaded:", ", ".join(sorted(heavy)) or "none of them")
"""


def main() -> None:
    """Measure whole processes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        compare(Path(folder), given.rounds)


def compare(folder: Path, rounds: int) -> None:
    """Measure everything in turn."""
    run = partial(python, bytecode=folder / "bytecode")
    path = folder / "article.xlsx"
    build = ("build", "-o", str(path))
    trace = cellprop.article()
    times = dict(
        taking_turns(
            {
                "cellprop build": partial(run, "-m", "cellprop", *build),
                "importing dependencies": partial(run, "-c", IMPORTS),
                "importing and saving": partial(run, "-c", IMPORTS + SAVING, str(path)),
                "saving, when all is loaded": partial(trace.to_excel, path),
                "cellprop --help": partial(run, "-m", "cellprop", "--help"),
                "importing typer": partial(run, "-c", "import typer"),
                "Python alone": partial(run, "-c", ""),
            },
            rounds,
        )
    )
    for name, seconds in times.items():
        print(f"{name:28}{spread(seconds).text('.0f', 1000)} ms")
    both = zip(times["importing dependencies"], times["saving, when all is loaded"], strict=True)
    times["sum"] = [importing + saving for importing, saving in both]
    _say("build / (importing dependencies + saving)", ratio(times, "cellprop build", "sum"))
    one = ratio(times, "cellprop build", "importing and saving")
    _say("build / one process that imports and saves", one)
    for command in (("--help",), build):
        print(f"cellprop {command[0]} {run('-c', LOADED, *command).splitlines()[-1]}")


def _say(what: str, measured: Spread) -> None:
    print(f"{what}: {measured.text()}  {judged(measured.median, TARGET, most=True)}")


if __name__ == "__main__":
    main()
