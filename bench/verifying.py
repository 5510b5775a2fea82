"""Verifying: how many formula cells a second each spreadsheet engine recalculates and compares."""

from __future__ import annotations

import argparse
import shutil
import tempfile
from functools import partial
from pathlib import Path

from measuring import spread, taking_turns
from models import model

import cellprop


def main() -> None:
    """Measure every engine that is installed, for the article and a large workbook."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=100, help="of the large workbook")
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    engines = ["ironcalc", *(["libreoffice"] if shutil.which("soffice") else [])]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "workbook.xlsx"
        for what, samples in (("article", 0), (f"{given.samples} samples", given.samples)):
            model(samples).to_excel(path)
            times = taking_turns(
                {engine: partial(cellprop.verify, path, engine) for engine in engines}, given.rounds
            )
            for engine in engines:
                result = cellprop.verify(path, engine)
                rate = spread([result.cells / seconds for seconds in times[engine]])
                seconds = spread(times[engine])
                print(
                    f"{what}, {engine}: {result.cells:,} formula cells,"
                    f" {rate.text(',.0f')} cells/s, {seconds.text('.2f')} s;"
                    f" {'all agree' if result.ok else f'{len(result.differences)} DIFFER'},"
                    f" largest relative difference {result.largest_difference:.2g}"
                )


if __name__ == "__main__":
    main()
