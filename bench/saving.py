"""Saving a workbook: cellprop against openpyxl and XlsxWriter, writing the same cells.

cellprop starts from a trace and does everything: layout, formulas, styles, zip. The others are
handed what cellprop wrote, as Python objects, with each distinct style made once.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import openpyxl
import writers
from measuring import Spread, judged, python, ratio, spread, taking_turns
from models import model
from writers import PEERS

TIMES_FASTER = 4.0
OWN = "cellprop"
# openpyxl's write-only mode is measured, but the target is about the ways most people take.
TARGETS = ("openpyxl", "XlsxWriter", "XlsxWriter constant memory")


def main() -> None:
    """Measure the large workbook and the article's."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=610, help="of the large workbook")
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    print(f"openpyxl {openpyxl.__version__} {'with' if openpyxl.LXML else 'without'} lxml")
    with tempfile.TemporaryDirectory() as folder:
        compare(given.samples, given.rounds, Path(folder))
        compare(0, 4 * given.rounds, Path(folder))


def compare(samples: int, rounds: int, folder: Path) -> None:
    """Measure every way of writing one workbook; 0 samples is the article's example."""
    trace = model(samples)
    own = trace.to_excel(folder / "cellprop.xlsx")
    content = writers.read(own)
    cells = writers.count(content)
    writers.store(content, folder / "content")
    contenders: dict[str, Callable[[], object]] = {OWN: partial(trace.to_excel, own)}
    for name, write in PEERS.items():
        contenders[name] = partial(write, content, _file(folder, name))
    times = taking_turns(contenders, rounds)
    print(f"\n{f'{samples} samples' if samples else 'article'}: {cells:,} cells")
    memory = {name: _memory(name, samples, folder) for name in contenders}
    for name in contenders:
        rate = spread([cells / seconds for seconds in times[name]])
        size = _file(folder, name).stat().st_size
        print(
            f"  {name:27}{rate.text(',.0f')} cells/s;"
            f" {memory[name].text('.1f', 2**-20)} MiB of memory; file {size / 2**20:.2f} MiB"
        )
    for name in PEERS:
        faster = ratio(times, name, OWN)
        # The target is for large workbooks.
        aimed = samples and name in TARGETS
        verdict = judged(faster.median, TIMES_FASTER, most=False) if aimed else ""
        print(f"  times faster than {name:27}{faster.text()}  {verdict}".rstrip())
    more = memory[OWN].median / memory["openpyxl"].median
    print(f"  memory / openpyxl's: {more:.2f}  {judged(more, 1, most=True)}")


def _file(folder: Path, name: str) -> Path:
    return folder / f"{name}.xlsx"


def _memory(name: str, samples: int, folder: Path, rounds: int = 3) -> Spread:
    """Return how far writing raises the peak of a process of its own."""
    source = str(samples) if name == OWN else str(folder / "content")
    output = str(folder / "memory.xlsx")
    program = str(Path(writers.__file__))
    return spread([float(python(program, name, source, output)) for _ in range(rounds)])


if __name__ == "__main__":
    main()
