"""Rosters: reading a class of any size, with names that differ and names that are all the same."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from measuring import judged, ratio, spread, taking_turns

from cellprop.files import roster

SMALL, LARGE = 1_000, 10_000
# Linear growth makes no student dearer.
TARGET = 1.25
CLASSES = {
    "names that differ": lambda i: f"Student {i},{i}",
    "one name": lambda i: f"Ada,{i}",
    "files that would be the same": lambda i: f"{'x' * 200},1{chr(0x4E00 + i)}",
}


def main() -> None:
    """Read each class in both sizes, by turns."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder:
        for what, line in CLASSES.items():
            reading = {
                str(size): partial(roster.read, make(Path(folder) / f"{size}.csv", size, line))
                for size in (SMALL, LARGE)
            }
            times = taking_turns(reading, rounds)
            large = spread(times[str(LARGE)])
            each = ratio(times, str(LARGE), str(SMALL)).median / (LARGE / SMALL)
            print(f"{what}: {LARGE:,} students in {large.text('.3f')} s")
            print(
                f"  a student of {LARGE:,} / of {SMALL:,}: {each:.2f}"
                f"  {judged(each, TARGET, most=True)}"
            )


def make(path: Path, size: int, line: Callable[[int], str]) -> Path:
    """Write a roster."""
    path.write_text("\n".join(["name,id", *map(line, range(size))]), encoding="utf-8")
    return path


if __name__ == "__main__":
    main()
