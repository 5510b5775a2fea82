"""About how large things are on a sheet, in pixels at 100 %: what layouts are chosen by.

A theme may have other sizes, and labels or numbers may be wider; a sheet then prints a little
smaller. Knows no matrix.
"""

from __future__ import annotations

LANE_WIDTH, LABEL_WIDTH, NUMBER_WIDTH, MARK_WIDTH = 105, 40, 66, 36
ROW_HEIGHT = 21
# What stands above the matrices; above the numbers of each, of that its shape; and between lanes,
# also where it says there how many rows are folded away.
TOP, HEADS, SHAPE_HEIGHT, BETWEEN, MARK_HEIGHT = 158, 58, 18, 6, 16
# What a landscape page of A4 holds while the smallest letters, of 10 points, are printed in 8.
PAGE_WIDTH, PAGE_HEIGHT = 1330, 912
# What notes, and a sentence of many lines, take; and what a number of many decimals needs more.
NOTES, CLOSER = 60, 14
# A letter of a label, what stands beside the label, and a line of it more.
LABEL_LETTER, BESIDE_LABEL, LABEL_HEIGHT = 7.25, 4.0, 18
# What says that a matrix stands the other way.
STANDING = 205.0


def width_of_label(letters: float) -> float:
    """Return the width of a column that a label of so many letters in a line fits in."""
    return LABEL_LETTER * letters + BESIDE_LABEL


def width_of_sign(sign: str) -> float:
    """Return the width of a column that an operator fits in."""
    return 14 + 9 * len(sign.strip()) if sign.strip() else 14


def width_of_name(characters: int) -> float:
    """Return the width of a matrix's name."""
    return 8.7 * characters
