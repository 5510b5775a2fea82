"""Programs: the workbook of each that ships, in cells a second, against the article's.

Each starts from its trace of one update. A program's formulas differ from cell to cell no more than
the article's do, so its cells should take about as long; what takes longer shows here.
"""

from __future__ import annotations

import argparse
import tempfile
import zipfile
from functools import partial
from pathlib import Path

from measuring import ratio, spread, taking_turns

import cellprop
from cellprop.running.loading import shipped

ARTICLE = "article"


def main() -> None:
    """Measure every program that ships, by turns with the article's network."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        traces = {name: cellprop.example(name, epochs=1) for name in (ARTICLE, *shipped())}
        files = {name: Path(folder) / f"{name}.xlsx" for name in traces}
        times = taking_turns(
            {name: partial(traces[name].to_excel, files[name]) for name in traces}, given.rounds
        )
        cells = {name: count(files[name]) for name in traces}
    for name, taken in times.items():
        rate = spread([cells[name] / seconds for seconds in taken])
        dearer = ratio(times, name, ARTICLE).median * cells[ARTICLE] / cells[name]
        print(
            f"{name:14}{len(traces[name].steps):3} steps, {cells[name]:6,} cells:"
            f" {rate.text(',.0f')} cells/s; a cell takes {dearer:.2f} times the article's"
        )


def count(path: Path) -> int:
    """Return the number of cells of a workbook that hold a number or a formula."""
    with zipfile.ZipFile(path) as archive:
        sheets = [name for name in archive.namelist() if name.startswith("xl/worksheets/sheet")]
        return sum(archive.read(name).count(b"<v>") for name in sheets)


if __name__ == "__main__":
    main()
