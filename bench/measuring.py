"""Timing that a shared, noisy machine cannot tilt: contenders take turns, ratios are of medians.

Each round runs every contender once, in turn, so that a slow moment hits all of them; a ratio is
taken within each round, and what is printed is the median of the rounds with the extremes.
"""

from __future__ import annotations

import gc
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Spread:
    """Measurements of one thing: their median and their extremes."""

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        """The middle one."""
        return statistics.median(self.values)

    def text(self, form: str = ".2f", scale: float = 1) -> str:
        """Return `median (least to most)`."""
        shown = (self.median, min(self.values), max(self.values))
        median, least, most = (format(value * scale, form) for value in shown)
        return f"{median} ({least} to {most})"


Times = Mapping[str, Sequence[float]]


def taking_turns(
    contenders: Mapping[str, Callable[[], object]], rounds: int, *, warm: bool = True
) -> Times:
    """Return the seconds of each contender in each round.

    Parameters
    ----------
    contenders
        What to run, by name.
    rounds
        How many times.
    warm
        Whether to run each once before, untimed.

    """
    if warm:
        for run in contenders.values():
            run()
    # Neither contender pays for walking through what was made before.
    gc.collect()
    gc.freeze()
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, run in contenders.items():
            gc.collect()
            start = time.perf_counter()
            run()
            times[name].append(time.perf_counter() - start)
    gc.unfreeze()
    return times


def spread(values: Sequence[float]) -> Spread:
    """Return measurements as a spread."""
    return Spread(tuple(values))


def ratio(times: Times, above: str, below: str) -> Spread:
    """Return how many times longer one contender took than another, round by round."""
    return Spread(tuple(a / b for a, b in zip(times[above], times[below], strict=True)))


def judged(value: float, target: float, *, most: bool) -> str:
    """Return whether a ratio meets its target, as the end of a line."""
    met = value <= target if most else value >= target
    return f"target {'at most' if most else 'at least'} {target:g}: {'met' if met else 'MISSED'}"


def peak_memory() -> int:
    """Return the most memory, in bytes, that this process has had resident since it started."""
    status = Path("/proc/self/status")
    if status.exists():
        # Not ru_maxrss: on Linux a child starts with the peak of the process that made it.
        found = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(found.split()[1]) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def python(*arguments: str, bytecode: Path | None = None) -> str:
    """Run this Python in a process of its own and return what it prints.

    Parameters
    ----------
    arguments
        As on its command line.
    bytecode
        Where to keep compiled modules, so that from the second run on nothing is compiled, as for
        an installed package; by default, wherever the environment says.

    """
    environment = dict(os.environ)
    if bytecode:
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        environment["PYTHONPYCACHEPREFIX"] = str(bytecode)
    done = subprocess.run(
        [sys.executable, *arguments],
        env=environment,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return done.stdout
