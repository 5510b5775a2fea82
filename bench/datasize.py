"""Data size: reading, training and saving with ever more samples, in time and memory a sample."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
from measuring import judged, peak_memory, python, ratio, spread

import cellprop
from cellprop.files import datasets

SIZES = (1_000, 10_000, 100_000)
COLUMNS, HIDDEN, BATCH = 20, 8, 32
STAGES = ("reading", "training", "saving")
# The workbook shows one update, so it stays as large as a batch.
CONSTANT = ("saving",)
# Linear growth makes no sample dearer; what is done once weighs less the more there are.
TARGET = 1.25


def main() -> None:
    """Measure each size in a process of its own, by turns."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    sizes = sorted(given.sizes)
    with tempfile.TemporaryDirectory() as folder:
        files = {size: make(size, Path(folder) / f"{size}.csv") for size in sizes}
        output = str(Path(folder) / "trace.xlsx")
        compiled = Path(folder) / "compiled"
        found: dict[int, list[dict[str, float]]] = {size: [] for size in sizes}
        for turn in range(given.rounds + 1):
            for size, file in files.items():
                measured = json.loads(python(__file__, str(file), output, bytecode=compiled))
                if turn:  # the first compiles the modules
                    found[size].append(measured)
        for size, rounds in found.items():
            show(size, files[size].stat().st_size, rounds)
    for smaller, larger in pairwise(sizes):
        compare(smaller, larger, found)


def make(samples: int, path: Path) -> Path:
    """Write a CSV file with columns of random numbers and a target of 0 and 1."""
    random = np.random.default_rng(42)
    X = random.normal(size=(samples, COLUMNS))
    y = X[:, :2].sum(axis=1) > 0
    header = ",".join([*(f"x{i}" for i in range(1, COLUMNS + 1)), "target"])
    form = ["%.6f"] * COLUMNS + ["%d"]
    np.savetxt(path, np.column_stack([X, y]), form, ",", header=header, comments="")
    return path


def show(samples: int, length: int, rounds: list[dict[str, float]]) -> None:
    """Print what one size takes."""
    print(f"{samples:,} samples × {COLUMNS} columns, {length / 2**20:.1f} MiB of CSV")
    for what in STAGES:
        seconds = spread([taken[what] for taken in rounds])
        each = spread([second / samples for second in seconds.values])
        print(f"  {what:9}{seconds.text('.3f')} s; {each.text('.2f', 1e6)} µs a sample")
    memory = spread([taken["memory"] for taken in rounds])
    each = spread([size / samples for size in memory.values])
    print(f"  memory   {memory.text('.1f', 2**-20)} MiB; {each.text('.0f')} bytes a sample")


def compare(smaller: int, larger: int, found: dict[int, list[dict[str, float]]]) -> None:
    """Print how many times as much each stage takes with more samples."""
    print(f"{larger:,} samples / {smaller:,} samples")
    for what in (*STAGES, "memory"):
        whole = what in CONSTANT
        taken = {
            str(size): [measured[what] / (1 if whole else size) for measured in found[size]]
            for size in (smaller, larger)
        }
        more = ratio(taken, str(larger), str(smaller))
        verdict = judged(more.median, TARGET, most=True)
        print(f"  {what:9}{'in all' if whole else 'a sample':9}{more.text()}  {verdict}")


def measure(source: str, output: str) -> dict[str, float]:
    """Return the seconds of each stage, and how far they raise the peak of this process."""
    # What is imported on the way is no part of a sample: first once with the article.
    cellprop.article().to_excel(output)
    small = Path(output).with_suffix(".csv")
    datasets.read(make(BATCH, small), ["target"])
    before = peak_memory()
    times = [time.perf_counter()]
    data = datasets.read(source, ["target"])
    times.append(time.perf_counter())
    network = cellprop.Network([COLUMNS, HIDDEN, 1])
    trace = cellprop.trace(network, data.inputs, data.targets, seed=42, batch_size=BATCH)
    times.append(time.perf_counter())
    trace.to_excel(output)
    times.append(time.perf_counter())
    stages = dict(zip(STAGES, np.diff(times).tolist(), strict=True))
    return stages | {"memory": peak_memory() - before}


if __name__ == "__main__":
    if len(sys.argv) == 3 and not sys.argv[1].startswith("-"):
        print(json.dumps(measure(*sys.argv[1:])))
    else:
        main()
