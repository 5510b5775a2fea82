"""What anything that comes from outside may cost, decided in one place.

Each kind of file has a row in the table of `KINDS`; what is made of its content has a number below.
Costs are counted before they arise: bytes before they are read, what an archive says before it is
unpacked, separators before cells are made of them, the cells that formulas read before they are
computed. Whoever reads a file asks here, through `opening`; a test walks the source for those who
do not.
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from cellprop.errors import InputError

KIB, MIB, GIB = 1024, 1024**2, 1024**3


@dataclass(frozen=True)
class FileKind:
    """A kind of file, and what one may cost.

    Attributes:
        name: How a message calls it, with its article.
        size: Its bytes.
        unpacked: Those of all its parts together, if it is an archive.
        part: Those of a part that is read at once: any but a sheet.
        parts: How many it may have.
        tags: How many begin or end an element in all the XML in it.
        cells: How many numbers and texts.
    """

    name: str
    size: int
    unpacked: int = 0
    part: int = 0
    parts: int = 0
    tags: int = 0
    cells: int = 0


# What a spreadsheet can hold. A sheet of a few bytes can claim to fill all of it.
MOST_ROWS, MOST_COLUMNS = 1_048_576, 16_384
MOST_CELLS = 20_000_000
# How a workbook may be laid out; in close-up so many rows are in view, and so many may be.
FORMS, USUAL_IN_VIEW, MOST_IN_VIEW = ("auto", "flip-book", "close-up"), 8, 100

TABLE = FileKind("a table", 128 * MIB, cells=MOST_CELLS)
SHEETS = FileKind(
    "a workbook", 256 * MIB, 256 * MIB, part=32 * MIB, parts=5_000, tags=80_000_000,
    cells=MOST_CELLS,
)  # fmt: skip
JSON = FileKind("a JSON file", 64 * MIB, cells=4_000_000)
ARRAYS = FileKind("an archive of arrays", 256 * MIB, 256 * MIB, parts=10_000, cells=MOST_CELLS)
MATRIX = FileKind("a CSV file of a matrix", 64 * MIB, cells=5_000_000)
WORDS = FileKind("a file of words", MIB)
THEME = FileKind("a theme", 16 * MIB, 32 * MIB, part=8 * MIB, parts=1_000, tags=1_000_000)
SECRET = FileKind("a secret", MIB)
PROGRAM = FileKind("a program in Python", MIB)
# What students hand in, and what IronCalc makes of it.
SUBMISSION = FileKind(
    "a workbook", 32 * MIB, 256 * MIB, part=32 * MIB, parts=5_000, tags=20_000_000
)
KEY = FileKind(
    "the key of a class", 256 * MIB, 256 * MIB, part=32 * MIB, parts=5_000, tags=20_000_000
)
# A workbook of ours of that size has three million formulas, and recalculates in some minutes.
BUILT = FileKind("a workbook", 128 * MIB, 256 * MIB, part=32 * MIB, parts=5_000, tags=24_000_000)
KINDS = (
    TABLE, SHEETS, JSON, ARRAYS, MATRIX, WORDS, THEME, SECRET, PROGRAM, SUBMISSION, KEY, BUILT,
)  # fmt: skip

# --- Of what stands in a file ---------------------------------------------------------------

# Lists in lists, tables in tables, elements in elements.
DEEPEST = 100
DEEPEST_XML = 256
# Of one text of a file of words: what a cell of a sheet holds.
LONGEST_WORDS = 32_767
# Of one number as it is written; `repr` of the smallest takes 326 without an exponent.
MOST_DIGITS = 1_000
# A part of XML may have so many names for its elements, and so long a tag or text.
MOST_NAMES, LONGEST_TAG = 1_000, MIB
# Elements of one row of a sheet, and those of a part that are in none.
MOST_IN_ROW, MOST_KEPT = 500_000, 4_000_000
# Of a sheet, those in no row: merged cells, links, rules. A reader makes an object of each, twice.
MOST_BESIDE_ROWS = 100_000
# In a folder or an archive of them; more are no network's that anybody reads.
MOST_MATRICES = 2_000
# Every class is a column: more are a mistake, and would fill the memory.
MOST_CLASSES = 1_000
MOST_STUDENTS = 100_000

# --- Of a network, and of training it -------------------------------------------------------

# A sheet has no more columns. Each layer is five steps, and each step a sheet with all the others'
# matrices on it: twice the layers are four times the cells.
MOST_NEURONS, MOST_HIDDEN_LAYERS = MOST_COLUMNS, 32
MOST_WEIGHTS = MOST_CELLS
# Numbers of all layers for all samples.
MOST_ACTIVATIONS = 100_000_000
MOST_EPOCHS = 10_000_000
# Numbers of updates that are shown one after the other; and trainings of a sweep.
MOST_ITERATED, MOST_TRIALS = 40_000, 100_000
# Of a program that a file carries: its steps, the parts of its definitions, one definition's parts
# and levels, and a setting of an operation.
MOST_STEPS, MOST_NODES, LARGEST_SETTING = 2_000, 20_000, 16_384
LONGEST_DEFINITION, DEEPEST_DEFINITION = 500, 100
# The numbers of one part, and of all that are there while one definition is computed.
MOST_IN_A_NODE, MOST_HELD = 4_000_000, 20_000_000
# The numbers that are read to compute it all, for each part that a slip may change; and the lines
# of a matrix over which windows move.
MOST_WORK, MOST_LINES_OF_WINDOWS = 5_000_000_000, 2_000
MOST_MARKS = 1_000_000

# --- Of formulas that are computed here -----------------------------------------------------

# As Excel has it; engines read formulas by recursion.
LONGEST_FORMULA, DEEPEST_FORMULA = 8_192, 64
# The cells that formulas read, one of them and all together: a tenth of a second, and a few.
MOST_READ, MOST_READ_BY_ALL = 2_000_000, 20_000_000
# What students send has some thousands of formulas; of ours, all are kept while they are compared.
MOST_FORMULAS_SENT, MOST_FORMULAS, MOST_READ_BY_OURS = 200_000, 2_000_000, 200_000_000
# Their texts together, in characters.
LONGEST_FORMULAS_SENT = 20_000_000
# How long and with how much memory an engine may compute what students sent, where a system can
# limit it, beside what is counted.
SECONDS, MEMORY = 20, GIB
LIBREOFFICE_SECONDS = 300

# --- Of what is said ------------------------------------------------------------------------

LONGEST_MESSAGE = 2_000


def in_mib(size: int) -> str:
    """Return a size in words."""
    return f"{size / MIB:,.0f} MiB" if size >= MIB else f"{size / KIB:,.0f} KiB"


def check_size(where: str, size: int, limit: int, unpacked: str = "") -> None:
    """Refuse what is larger than a limit."""
    if size > limit:
        raise InputError(
            f"{where}: expected at most {in_mib(limit)}{unpacked}, found {in_mib(size)};"
            " remove what is not needed."
        )


def check_count(where: str, what: str, count: int, limit: int, remedy: str) -> None:
    """Refuse more of something than there may be."""
    if count > limit:
        raise InputError(f"{where}: expected at most {limit:,} {what}, found {count:,}; {remedy}.")


def check_cells(where: str, height: int, width: int, limit: int = MOST_CELLS) -> None:
    """Refuse a table of more cells than any of ours would have."""
    if height * width > limit:
        raise InputError(
            f"{where}: expected at most {limit:,} cells, found {height:,} rows × {width:,} columns;"
            " remove what is not needed."
        )


# Each begins where nothing like it stands before, so that nothing is looked at twice.
_LONG_NUMBER = re.compile(rb"(?<![0-9_])[0-9][0-9_]{%d}" % MOST_DIGITS)
_STRUCTURE = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"?|[\[{\]}]', re.DOTALL)
_DEEP_KEY = re.compile(
    rb"""(?<![A-Za-z0-9_-])(?:(?:[A-Za-z0-9_-]+|"[^"\n]*"|'[^'\n]*')[ \t]*\.[ \t]*){%d}""" % DEEPEST
)


def check_digits(where: str, data: bytes) -> None:
    """Refuse a number that is longer than any that means something."""
    found = _LONG_NUMBER.search(data)
    if found:
        line = data.count(b"\n", 0, found.start()) + 1
        raise InputError(
            f"{where}, line {line}: expected numbers of at most {MOST_DIGITS:,} digits, found a"
            " longer one; shorten it."
        )


def check_json(where: str, data: bytes, kind: FileKind) -> None:
    """Refuse JSON of too many numbers, or nested too deeply, before it is read."""
    check_count(where, "numbers", data.count(b","), kind.cells, "keep what is needed")
    opened = data.count(b"[") + data.count(b"{")
    check_count(where, "lists", opened, kind.cells // 4, "keep what is needed")
    depth = deepest = 0
    if opened <= DEEPEST:
        return
    for match in _STRUCTURE.finditer(data):
        first = match[0][:1]
        if first in b"[{":
            depth += 1
            deepest = max(deepest, depth)
            if depth > DEEPEST:
                raise too_deep(where)
        elif first in b"]}":
            depth -= 1


def check_toml(where: str, data: bytes) -> None:
    """Refuse TOML of endless numbers or names, before it is read."""
    check_digits(where, data)
    if _DEEP_KEY.search(data):
        raise too_deep(where)


def too_deep(where: str) -> InputError:
    """Return the error of what is nested too deeply."""
    return InputError(
        f"{where}: nested too deeply: expected at most {DEEPEST} levels, found more; write it"
        " flatter."
    )


def check_lines(where: str, data: bytes, kind: FileKind, separator: str = "") -> None:
    """Refuse CSV of too many columns or cells, before cells are made of it; `separator` is the one
    that the file names.
    """
    if b"\n" not in data:
        data = data.replace(b"\r", b"\n")
    cells = 0
    separators = (separator.encode(),) if separator else (b",", b";", b"\t", b"|")
    for number, line in enumerate(io.BytesIO(data), 1):
        columns = 1 + max(map(line.count, separators))
        if columns > MOST_COLUMNS:
            raise InputError(
                f"{where}, line {number}: expected at most {MOST_COLUMNS:,} columns, found"
                f" {columns:,}; remove what is not needed."
            )
        cells += columns
    check_count(where, "cells", cells, kind.cells, "remove what is not needed")


# --- Networks -------------------------------------------------------------------------------


def check_network(sizes: Sequence[int]) -> None:
    """Refuse a network that nobody could read, before its weights are drawn."""
    hidden, remedy = len(sizes) - 2, "use fewer layers or neurons"
    check_count("Network sizes", "hidden layers", hidden, MOST_HIDDEN_LAYERS, remedy)
    weights = _weights(sizes)
    check_count("Network sizes", "weights", weights, MOST_WEIGHTS, remedy)


def _weights(sizes: Sequence[int]) -> int:
    return sum(before * after for before, after in pairwise(sizes))


def check_program(name: str, numbers: int, learnt: int, epochs: int, *, is_recorded: bool) -> None:
    """Refuse to train a program for longer, or with more numbers, than memory would hold.

    Parameters
    ----------
    name
        What it is called.
    numbers, learnt
        How many numbers all of its matrices have, and its parameters.
    epochs
        How long it is to be trained.
    is_recorded
        Whether the parameters after each epoch are kept.
    """
    check_count("epochs", "epochs", epochs, MOST_EPOCHS, "use fewer")
    if is_recorded:
        remedy = "use fewer epochs, or record=False"
        check_count("record", "numbers", epochs * learnt, MOST_ACTIVATIONS, remedy)
    remedy = "use fewer samples, or a smaller program"
    check_count(name, "numbers in all matrices", numbers, MOST_ACTIVATIONS, remedy)


def check_run(sizes: Sequence[int], samples: int, epochs: int, is_recorded: bool) -> None:
    """Refuse to train for longer, or on more, than memory would hold."""
    check_count("epochs", "epochs", epochs, MOST_EPOCHS, "use fewer")
    if is_recorded:
        recorded, remedy = epochs * _weights(sizes), "use fewer epochs, or record=False"
        check_count("record", "numbers", recorded, MOST_ACTIVATIONS, remedy)
    numbers = samples * sum(sizes)
    check_count(
        "X", "numbers in all layers for all samples", numbers, MOST_ACTIVATIONS,
        "use fewer samples or neurons",
    )  # fmt: skip
