"""How far marks can be trusted: what cheats earn, what a class of 60 gets, how slips are named.

Three tables: the best that is found for who does not calculate; each of a made-up class with the
mark that is fair by hand and ours; and which slip is named for which that was made, in plain NumPy,
over nine kinds of network.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path

import numpy as np

# The made-up students stand with the tests.
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

import cellprop
from cellprop.errors import InputError
from cellprop.marking.marks import mark
from cellprop.marking.question import ask
from made_up import MADE, Exercise, answers, walk
from sixty import CLASS, ODD
from strategies import Cheat, exercises, old_for_new, targets_for_output
from test_made_up_students import WAYS, Judged, where
from test_slips import KINDS

SEARCHED = (
    "constants",
    "near_constants",
    "by_row",
    "by_column",
    "two_values",
    "saturating",
    "plain",
)


def cheats(rounds: int) -> None:
    """Print the most marks that are found for each way not to calculate."""
    for name, asked in exercises().items():
        try:
            cheat = Cheat(asked())
        except InputError:
            continue
        out_of = sum(values.size for values in cheat.true.values())
        print(f"\n{name}: {out_of} numbers, {cheat.ex.decimals} decimals")
        print(f"  0 everywhere: {cheat.marks(cheat.constant(0.0)).total:g}")
        print(
            f"  one number for each matrix, with all that follows: {cheat.best_plan(rounds)[0]:g}"
        )
        for way in SEARCHED:
            print(f"  {way.replace('_', ' ')}: {cheat.best(getattr(cheat, way), (), rounds)[0]:g}")
        for what, made in (("old weights", old_for_new), ("targets", targets_for_output)):
            typed, names = made(cheat)
            earned = sum(m.marks for m in cheat.marks(typed).matrices if m.name in names)
            copied = sum(cheat.true[each].size for each in names)
            print(f"  {what} copied: {earned:g} of {copied} there")


def class_of_sixty() -> None:
    """Print the fair mark of each, and ours."""
    question = ask(cellprop.article().update, decimals=3)
    ex, off = Exercise.of(question), []
    print(f"\n{'':42} fair ours")
    for sat in CLASS:
        ours = mark(question, answers(sat.typed(ex))).total
        off.append(abs(ours - sat.fair))
        print(f"{sat.name:42} {sat.fair:4g} {ours:4g}  {sat.why}")
    odd = np.mean(off[-len(ODD) :])
    print(f"off by {np.mean(off):.2f} on the average, the odd by {odd:.2f}, {max(off):g} at most")


def confusion(way: str) -> None:
    """Print for each slip that is made what it was called, in matrices."""
    named: dict[str, Counter[str]] = {made.key: Counter() for made in MADE}
    for case in (case for kind in KINDS for case in where(kind, way)):
        question, ex, name, each, rounding = case
        made = each.at(rounding)
        typed = walk(ex, {name: made.do}, rounding)
        marks = mark(question, answers(typed))
        judged = Judged(ex, typed, marks, name, rounding)
        if judged.clear.any():
            meant, keys = judged.meant(made), judged.keys
            same = made.key if keys <= meant else None
            named[made.key].update([same] if same else [key or "nothing" for key in keys - meant])
    print(
        f"\n{way}: slip made, matrices, named so (or so that the numbers are the very same), else"
    )
    for key, found in sorted(named.items()):
        others = ", ".join(f"{what} {n}" for what, n in found.most_common() if what != key)
        print(f"{key:24} {found.total():5} {found[key]:5}  {others}")


def main() -> None:
    """Print all three."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=2, help="of the search for the best cheat")
    parser.add_argument("--only", choices=["cheats", "class", "slips"], default=None)
    options = parser.parse_args()
    if options.only in (None, "class"):
        class_of_sixty()
    if options.only in (None, "slips"):
        for way in WAYS:
            confusion(way)
    if options.only in (None, "cheats"):
        cheats(options.rounds)


if __name__ == "__main__":
    main()
