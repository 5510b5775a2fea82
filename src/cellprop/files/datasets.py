"""Reading samples from files: which columns are numbers, classes or labels, and what they hold.

Knows how a cell can be wrong; knows nothing of networks or steps.
"""

from __future__ import annotations

import datetime
import io
import math
import re
import warnings
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from cellprop.algebra import Array, loss_of_classes
from cellprop.errors import InputError
from cellprop.files.classes import coded
from cellprop.files.columns import Chosen, Listed, choose, known, split, typed
from cellprop.files.missing import MISSING, is_missing
from cellprop.files.numerals import (
    PLAIN,
    Clues,
    FaultError,
    Mark,
    cleaned,
    clues,
    decimals_written,
    mark_of,
    number,
    parsed,
    read_column,
    taken_apart,
)
from cellprop.files.opening import fault_of, shown, wrong
from cellprop.files.safe import label
from cellprop.files.samples import LARGEST, Table
from cellprop.files.spreadsheets import Error
from cellprop.files.tables import TRUTHS, Source, filled, opened

# Marks that mean what they do in English where nothing in the file tells, by the separator: where
# decimals have a comma, programs separate columns by semicolons.
USUAL_MARKS = {",": ".,", ";": "", "\t": ".", "|": "."}
# What the last line of a table may be called that is no sample.
TOTALS = frozenset((
    "total", "totals", "sum", "sums", "average", "averages", "avg", "mean", "median", "max", "min",
    "subtotal", "count", "gesamt", "summe", "mittelwert", "durchschnitt", "gesamtsumme", "somme",
    "totaux", "moyenne", "suma", "promedio", "media", "soma", "média", "totale", "somma", "totaal",
    "gemiddelde", "razem",
))  # fmt: skip
# What a column of whole numbers may be called that only tells samples apart.
IDS = re.compile(r"(?:.*[\s_.-])?(?:id|ids|nr|no|num|number|index|idx|row|#|№)\.?", re.IGNORECASE)
# So many rows make a column that counts one that was meant to.
COUNTING = 3
# What a cell holds as it is in the file, blanks around it left out.
AnyCell = Any


@dataclass(frozen=True)
class Dataset:
    """Samples read from a file.

    Attributes:
        inputs: A column for each input, in the order of the file or as they were named.
        targets: A column for each target. Two classes are one column, 1 where a sample is of the
            second; more are a column for each, 1 where a sample is of that class.
        classes: Their names, if the target is a class.
        target: The names of the target columns, as text.
        notes: What is to be said of how the file was read: a sentence each.
    """

    inputs: Table
    targets: Table
    classes: tuple[str, ...] | None
    target: str
    notes: tuple[str, ...] = ()


# --- Samples ------------------------------------------------------------------------------


def read(
    path: str | Path,
    target: str | Sequence[str],
    *,
    classes: bool = False,
    one_hot: bool = False,
    inputs: Listed = None,
    drop: Listed = None,
    sheet: str | int | None = None,
    range: str | None = None,
    decimal: str | None = None,
    missing: Listed = None,
) -> Dataset:
    """Read samples from a CSV or Excel file that names its columns.

    Parameters
    ----------
    path
        CSV (.csv, .txt or .tsv, separated by comma, semicolon, tab or bar) or Excel (.xlsx or
        .xlsm).
    target
        The columns to be predicted: a sequence of names, or a text, which is a name or several with
        commas. A single column of text holds classes: two become one column of 0 and 1, more a
        column for each.
    classes
        Whether a single column of whole numbers holds classes as well.
    one_hot
        Whether two classes become two columns; then whole numbers are classes as well.
    inputs, drop
        Which other columns are inputs, or which are left out; else all are inputs. A first column
        of texts that all differ labels the samples.
    sheet, range
        Which sheet (by its name, or its number), and which cells of it (`B3:E20`, or the name of a
        range or table); else the first that is seen, and the table that is found there.
    decimal
        What stands before decimals: `point` or `comma`; else the file tells.
    missing
        What says that a value is missing, besides an empty cell; else what usually does (`NA`,
        `n/a`, `?`, …).

    Raises
    ------
    InputError
        If the file can't be read, or a cell is not what it has to be; the message names the line
        (or row) and the column.
    """
    source = opened(path, lambda header: known(target, header), "sample", sheet, range)
    place = source.place(source.first)
    if source.separator and len(source.header) == 1:
        expected = "columns separated by comma, semicolon, tab or bar"
        found = f"only {shown(source.header[0])}"
        raise wrong(place, expected, found, "save it with one of these separators")
    chosen = choose(source.where, place, source.header, target, inputs, drop)
    spellings = MISSING if missing is None else {cleaned(m).casefold() for m in split(missing, ())}
    reader = _Reader(source, chosen, spellings, mark_of(decimal))
    reader.is_special = missing is not None
    return reader.dataset(classes=classes or one_hot, one_hot=one_hot)


# How many records tell with how many decimals a column is written: programs are consistent.
RECORDS_THAT_TELL = 100


def written(source: Source, columns: Sequence[int], values: Array) -> tuple[int, ...]:
    """Return with how many decimals columns of CSV are written that hold such values; none for a
    sheet.
    """
    if not source.separator:
        return ()
    first = [cells for _, cells in islice(source.stored(), RECORDS_THAT_TELL)]
    read = np.abs(values[:RECORDS_THAT_TELL].T).tolist()
    return tuple(
        decimals_written((r[i] for r in first if i < len(r)), {*column})
        for i, column in zip(columns, read, strict=True)
    )


class _Reader:
    """The columns of a file on their way to numbers; what is wrong first is told."""

    def __init__(
        self, source: Source, chosen: Chosen, missing: Collection[str], mark: Mark | None
    ) -> None:
        self.source, self.missing, self.mark = source, missing, mark
        self.targets, self.inputs = chosen.targets, list(chosen.inputs)
        self.notes = [*source.notes, *chosen.notes]
        self.named = chosen.named
        # Whether it was said what is missing, which may look like a number.
        self.is_special = False
        self.sole = self.targets[0] if len(self.targets) == 1 else None
        self.lines: list[int] = []
        # Columns of cells as they are, or already of numbers.
        self.cells: dict[int, Sequence[AnyCell]] = {}
        self.numbers: dict[int, Array] = {}
        self.clues: list[Clues] = []
        self.faults: list[tuple[int, int, str]] = []

    def dataset(self, *, classes: bool, one_hot: bool) -> Dataset:
        self._read()
        labels = self._labels()
        wanted = [i for i in self.targets if i != self.sole]
        for column in [*self.inputs, *wanted]:
            if column not in self.numbers:
                self.numbers[column] = self._column(column)
        found = self._target(classes, one_hot) if self.sole is not None else None
        if self.faults:
            row, column, fault = min(self.faults)
            raise InputError(f"{self.source.place(self.lines[row], column)}: {fault}.")
        self._mention_ids()
        self._mention_header()
        names = tuple(self.source.header[i] for i in self.inputs)
        values = self._together(self.inputs)
        inputs = Table(values, labels, names, decimals=written(self.source, self.inputs, values))
        called = tuple(self.source.header[i] for i in self.targets)
        targets = found or Table(self._together(self.targets), None, called)
        if not targets.axis:
            told = written(self.source, self.targets, targets.values)
            targets = replace(targets, decimals=told)
        of = None
        if targets.axis:
            of = tuple(targets.column_labels or ())
            of = (targets.zero, *of) if targets.zero else of
        return Dataset(inputs, targets, of, ", ".join(called), (*self.notes,))

    def _together(self, columns: Sequence[int]) -> Array:
        return np.column_stack([self.numbers[i] for i in columns])

    # --- Cells ------------------------------------------------------------------------------

    def _read(self) -> None:
        source = self.source
        if not self.is_special and self.mark != "comma" and self._read_quickly():
            return
        records = list(filled(source, ((line, _cells(r)) for line, r in source.stored())))
        if not records:
            expected = f"at least one {source.unit} below the header"
            raise wrong(source.where, expected, "none", "add samples")
        self.lines = [line for line, _ in records]
        columns = list(zip(*(cells for _, cells in records), strict=True))
        for i, name in enumerate(source.header):
            if not name and i in self.inputs and not (i == 0 and self._is_label(columns[0])):
                self.inputs.remove(i)
                if any(cell is not None for cell in columns[i]):
                    place = f"{source.place(source.first)}, column {i + 1}"
                    raise wrong(place, "a name", "nothing", "name the column, or remove it")
        if not self.inputs:
            raise InputError(
                f"{source.where}: every column is a target; leave at least one as an input."
            )
        self.cells = {i: columns[i] for i in (*self.inputs, *self.targets)}
        if source.separator and self.mark is None:
            self.clues = [clues([str(cell or "") for cell in c]) for c in self.cells.values()]

    def _read_quickly(self) -> bool:
        """Read what pandas can, unless there is anything that needs a closer look."""
        as_text = self._texts()
        frame = None if as_text is None else _frame(self.source, as_text)
        if as_text is None or frame is None:
            return False
        numeric = [i for i in (*self.inputs, *self.targets) if i not in as_text]
        values = frame[numeric].to_numpy(dtype=np.float64)
        texts = {i: [cell.strip() or None for cell in frame[i]] for i in as_text}
        used = {i: texts[i] for i in as_text if i in self.inputs or i == self.sole}
        told = [clues([cell or "" for cell in column]) for column in used.values()]
        labels = used.get(0) if self._may_label() else None
        needs_closer_look = (
            not (np.abs(values) <= LARGEST).all()
            or self._is_doubtful(values)
            or any(None in column for column in texts.values())
            or any(each.comma is not None for each in told)
            or (labels is not None and not self._is_label(labels))
        )
        if not needs_closer_look:
            self.clues = [Clues(0 if (values % 1).any() else None, None, None), *told]
            self.numbers = {i: values[:, k] for k, i in enumerate(numeric)}
            self.cells = dict(used)
        return not needs_closer_look

    def _texts(self) -> set[int] | None:
        """Return the columns that pandas is not to take for numbers; None if it is no use."""
        source, width = self.source, len(self.source.header)
        first = next(islice(source.stored(), 1), None) if source.separator else None
        if (
            first is None
            or not source.is_plain
            or len(first[1]) != width
            or not all(source.header[1:])
        ):
            return None
        if not source.header[0] and not self._may_label():
            return None
        found = set(range(width)) - {*self.inputs, *self.targets}
        if self.sole is not None:
            found.add(self.sole)
        if self._may_label() and self._is_label([first[1][0].strip() or None]):
            found.add(0)
        return found

    def _is_doubtful(self, values: Array) -> bool:
        """Whether every decimal point that pandas has seen may stand between thousands."""
        if self.mark is not None or "." in USUAL_MARKS.get(self.source.separator, "."):
            return False
        sizes = np.abs(values[values % 1 != 0])
        thousandths = sizes * 1000
        may_be = (sizes > 1) & (sizes < 1000) & (np.abs(thousandths - thousandths.round()) < 1e-6)
        return bool(sizes.size and may_be.all())

    def _line_of(self, row: int) -> int:
        if not self.lines:
            self.lines = [
                line for line, cells in self.source.stored() if any(map(str.strip, cells))
            ]
        return self.lines[row]

    # --- Labels of samples --------------------------------------------------------------------

    def _may_label(self) -> bool:
        return not self.named and 0 in self.inputs and len(self.inputs) > 1

    def _is_label(self, cells: Sequence[AnyCell]) -> bool:
        """Whether cells are all there, differ, and are no numbers; without a name they may be."""
        if any(cell is None or isinstance(cell, Error) for cell in cells):
            return False
        if self.source.header[0] and not all(map(self._is_name, cells)):
            return False
        if self.source.separator and _is_measured(cells):
            return False
        return len({str(cell) for cell in cells}) == len(cells)

    def _is_name(self, cell: AnyCell) -> bool:
        if isinstance(cell, (datetime.date, datetime.time)):
            return True
        return isinstance(cell, str) and not self._says_missing(cell) and not _is_number(cell)

    def _says_missing(self, cell: AnyCell) -> bool:
        if self.is_special and isinstance(cell, float | int):
            cell = f"{cell:.15g}"  # such as -999
        return cell is None or (isinstance(cell, str) and is_missing(cleaned(cell), self.missing))

    def _labels(self) -> tuple[str, ...] | None:
        if not self._may_label() or not self._is_label(cells := self.cells.get(0, (None,))):
            return None
        self.inputs.remove(0)
        name = self.source.header[0]
        named = f"the column {shown(name)}" if name else "the first column, which has no name,"
        why = "differs in every sample" if len(cells) > 1 else "is text"
        self.notes.append(f"{named} {why}: it labels the samples, and is no input.")
        last = len(cells) - 1
        if self._is_total(last, cells):
            place = self.source.place(self._line_of(last), 0)
            remedy = f"remove the {self.source.unit}, or rename it if it is one"
            raise wrong(place, "a sample", shown(cells[last]), remedy)
        return tuple(label(_shown_cell(cell)) for cell in cells)

    def _is_total(self, row: int, cells: Sequence[AnyCell]) -> bool:
        """Whether a cell of the last row says that it is a sum, or the like, of those above."""
        cell = cells[row]
        is_last = 0 < row == len(cells) - 1
        return is_last and isinstance(cell, str) and cell.casefold().strip(": ") in TOTALS

    def _mention_header(self) -> None:
        """Say it if the header looks like a sample: it may be missing."""
        names = self.source.header
        numbers = [float(name) for name in names if PLAIN.fullmatch(name)]
        if 2 * len(numbers) >= len(names) and (len(numbers) < 2 or set(np.diff(numbers)) != {1.0}):
            self.notes.append(
                f"{self.source.unit} {self.source.first} is taken for the names of the columns,"
                " though it looks like a sample; put the names above it if they are missing."
            )

    def _mention_ids(self) -> None:
        if self.named or len(self.inputs) == 1:
            return
        for i in self.inputs:
            values, name = self.numbers[i], self.source.header[i]
            if len(values) < COUNTING or (values % 1).any():
                continue
            counts = values[0] in (0, 1) and (np.diff(values) == 1).all()
            if counts:
                what = f"counts {values[0]:g}, {values[1]:g}, {values[2]:g}, …"
            elif _is_id(name) and len(np.unique(values)) == len(values):
                what = "differs in every sample, as numbers of samples do"
            else:
                continue
            self.notes.append(
                f"the column {shown(name)} {what}: it is an input; leave it out with"
                f" --drop {typed(name)}."
            )

    # --- Numbers ------------------------------------------------------------------------------

    def _fault(self, row: int, column: int, fault: str) -> None:
        self._line_of(row)
        self.faults.append((row, column, fault))

    def _column(self, column: int) -> Array:
        """Return the numbers of an input, or of one of several targets; a fault is kept."""
        cells = self.cells[column]
        for row, cell in enumerate(cells):
            fault = self._fault_of(row, column, cell, cells)
            if fault:
                self._fault(row, column, fault)
                return np.zeros(len(cells))
        if not self.source.separator:
            return self._within(column, [_float(cell) for cell in cells])
        return self._as_written(column, cells, any_unit=True)

    def _as_written(self, column: int, cells: Sequence[AnyCell], *, any_unit: bool) -> Array:
        """Return the numbers of a column of texts; a fault is kept."""
        texts = [_without_truths(cell) for cell in cells]
        try:
            return self._within(column, self._written(column, texts, any_unit=any_unit))
        except FaultError as error:
            self._fault(error.position, column, self._not_a_number(column, cells, error))
            return np.zeros(len(cells))

    def _within(self, column: int, values: Sequence[float]) -> Array:
        """Return numbers as an array; the first that is too large is a fault."""
        for row, value in enumerate(values):
            if not abs(value) <= LARGEST:
                self._fault(row, column, fault_of(value))
                break
        return np.array(values, dtype=np.float64)

    def _fault_of(self, row: int, column: int, cell: AnyCell, cells: Sequence[AnyCell]) -> str:
        """Return the words for what is wrong with a cell in any column; of a sheet, all of them."""
        if cell is None:
            return self._fault_of_empty(row, column)
        if isinstance(cell, Error):
            return f"expected a number, found the error {label(cell)}; correct what it comes from"
        if self._says_missing(cell):
            found = f"{shown(_shown_cell(cell))}, which says that it is missing"
            return f"expected a value, found {found}; fill it in, or remove the {self.source.unit}"
        return "" if self.source.separator else self._fault_in_sheet(row, column, cell, cells)

    def _fault_of_empty(self, row: int, column: int) -> str:
        source = self.source
        at = (self._line_of(row) - 1, source.columns[column]) if source.columns else (-1, -1)
        if at in source.merged:
            merged = f"a part of the merged cells {source.merged[at]}"
            return f"expected a value, found {merged}; unmerge them, and fill each in"
        return fault_of(None, stored=not source.separator)

    def _fault_in_sheet(
        self, row: int, column: int, cell: AnyCell, cells: Sequence[AnyCell]
    ) -> str:
        if isinstance(cell, str) and _is_number(cell):
            return (
                f"expected a number, found {shown(cell)}, a number stored as text; convert the"
                " column to numbers in the spreadsheet program"
            )
        if isinstance(cell, str):
            return self._not_a_number(column, cells, FaultError(row, "a number"))
        if isinstance(cell, (int, float)):
            return ""
        kind = "date" if isinstance(cell, datetime.date) else "time"
        return (
            f"expected a number, found the {kind} {_shown_cell(cell)}; turn it into a number,"
            f" or leave the column out: --drop {typed(self.source.header[column])}"
        )

    def _not_a_number(self, column: int, cells: Sequence[AnyCell], error: FaultError) -> str:
        remedy = error.remedy
        if not remedy:
            remedy = "correct it, or turn what the column holds into numbers"
            if column in self.targets and len(self.targets) > 1:
                remedy += "; a target of classes stands alone"
            if self._is_total(error.position, cells):
                remedy = f"remove the {self.source.unit}: it is no sample"
            text = sum(isinstance(cell, str) and not _is_number(cell) for cell in cells)
            if 2 * text > len(cells) and column not in self.targets and len(self.inputs) > 1:
                name = typed(self.source.header[column])
                remedy = f"leave the column out (--drop {name}), or turn it into numbers"
        return f"expected {error.expected}, found {shown(str(cells[error.position]))}; {remedy}"

    def _written(self, column: int, texts: Sequence[str], *, any_unit: bool) -> list[float]:
        """Return the numbers of texts, and say what was left out of them."""
        if self.mark:
            written = parsed(texts, self.mark, any_unit=any_unit)
        else:
            usual = USUAL_MARKS.get(self.source.separator, ".")
            written = read_column(texts, self.clues, usual, any_unit=any_unit)
        name = shown(self.source.header[column])
        if written.around in ("%", "‰"):
            self.notes.append(
                f"the column {name}: 5{written.around} is read as"
                f" {5 / (100 if written.around == '%' else 1000):g}."
            )
        elif written.around:
            self.notes.append(f"the column {name}: '{label(written.around)}' is left out.")
        if written.grouped:
            value = written.values[texts.index(written.grouped)]
            self.notes.append(
                f"the column {name}: {shown(written.grouped)} is read as {value:.15g};"
                " --decimal comma reads it otherwise."
            )
        return written.values

    # --- The target -----------------------------------------------------------------------------

    def _target(self, wanted: bool, one_hot: bool) -> Table | None:
        """Return the classes of a sole target; None if it holds numbers, which are kept."""
        assert self.sole is not None
        column, source = self.sole, self.source
        cells = self.cells[column]
        for row, cell in enumerate(cells):
            is_text = isinstance(cell, str) and not isinstance(cell, Error)
            fault = ""
            if self._says_missing(cell) or not (is_text or source.separator):
                fault = self._fault_of(row, column, cell, cells)
            if fault:
                if is_text:
                    other = "NA" if cell == "?" else "'?'"
                    fault += f"; if it is a class, say what says missing instead: --missing {other}"
                self._fault(row, column, fault)
                return None
        names = self._names(cells, wanted)
        if names is None:
            return None
        try:
            found = coded([label(name) for name in names], one_hot=one_hot)
        except InputError as error:
            raise InputError(
                f"{source.where}, column {shown(source.header[column])}: {error}"
            ) from None
        self._mention_alike(found)
        if found.zero:
            one = (found.column_labels or ("",))[0]
            named = shown(source.header[column])
            self.notes.append(
                f"the column {named} has two classes: 1 is {shown(one)}, 0 is"
                f" {shown(found.zero)}; --one-hot makes an output for each."
            )
        return found

    def _mention_alike(self, found: Table) -> None:
        """Say it if two classes differ only by letter case or blanks: they may be one."""
        names = [found.zero] * bool(found.zero) + list(found.column_labels or ())
        first: dict[str, str] = {}
        for name in names:
            same = first.setdefault(" ".join(name.split()).casefold(), name)
            if same is not name:
                said = f"{shown(same)} and {shown(name)}"
                self.notes.append(f"the classes {said} differ only in letter case or blanks.")

    def _names(self, cells: Sequence[AnyCell], wanted: bool) -> list[str] | None:
        """Return the classes of a column, or None for one of numbers or with a fault."""
        column = self.sole
        assert column is not None
        if all(_is_truth(cell) for cell in cells):
            return [str(cell).upper() if isinstance(cell, bool) else cell for cell in cells]
        numeric = [_is_number(cell) if isinstance(cell, str) else True for cell in cells]
        if wanted:
            return self._names_wanted(column, cells, numeric)
        if not any(numeric):
            return [str(cell) for cell in cells]
        if not self.source.separator and any(isinstance(c, str) for c in cells) and all(numeric):
            self.numbers[column] = self._column(column)
            return None
        if all(numeric):
            self.numbers[column] = self._numbers(column, cells)
            return None
        row = numeric.index(not numeric[0])
        expected = "a number" if numeric[0] else "a name"
        fault = (
            f"expected {expected} as above, found {shown(str(cells[row]))}; correct it, or ask for"
        )
        self._fault(row, column, f"{fault} classes: --loss {loss_of_classes()}")
        return None

    def _numbers(self, column: int, cells: Sequence[AnyCell]) -> Array:
        if not self.source.separator:
            return self._column(column)
        return self._as_written(column, cells, any_unit=False)

    def _names_wanted(
        self, column: int, cells: Sequence[AnyCell], numeric: Sequence[bool]
    ) -> list[str] | None:
        names = []
        for row, cell in enumerate(cells):
            value = _bare_number(cell) if numeric[row] else None
            if value is None:
                names.append(str(cell))
            elif not value.is_integer():
                fault = f"expected a name or a whole number as class, found {value:g}; correct it"
                self._fault(row, column, fault)
                return None
            else:
                names.append(str(int(value)))
        return names


def _cells(record: Sequence[AnyCell]) -> list[AnyCell]:
    return [(cell.strip() or None) if type(cell) is str else cell for cell in record]


def _shown_cell(cell: AnyCell) -> str:
    if isinstance(cell, datetime.datetime):
        return str(cell.date()) if cell.time() == datetime.time() else str(cell)
    return f"{cell:g}" if isinstance(cell, float) else str(cell)


def _is_truth(cell: AnyCell) -> bool:
    return isinstance(cell, bool) or (isinstance(cell, str) and cell.lower() in TRUTHS)


def _without_truths(cell: str) -> str:
    return f"{TRUTHS[cell.lower()]:g}" if cell.lower() in TRUTHS else cell


def _is_number(text: str) -> bool:
    """Whether a text is a number in any of the usual ways."""
    text = cleaned(text)
    if PLAIN.fullmatch(text) or text.lower() in TRUTHS:
        return True
    apart = taken_apart(text, any_unit=False)
    return apart is not None and not (
        number(apart[0], "point") is number(apart[0], "comma") is None
    )


def _bare_number(cell: AnyCell) -> float | None:
    """Return the number of a cell that has nothing around it; None for a name, if it has digits."""
    if not isinstance(cell, str):
        return _float(cell)
    digits, around = taken_apart(cleaned(cell), any_unit=False) or (cleaned(cell), "")
    return None if around else number(digits, "point")


def _is_measured(texts: Sequence[str]) -> bool:
    """Whether every text is a number with the same word behind it: `5 apples`, `7 apples`."""
    apart = [taken_apart(cleaned(text), any_unit=True) for text in texts]
    around = {each[1] for each in apart if each}
    return all(apart) and len(around) == 1 and around != {""}


def _float(cell: Any) -> float:
    try:
        return float(cell)
    except OverflowError:  # a whole number of hundreds of digits
        return math.inf


def _is_id(name: str) -> bool:
    return bool(IDS.fullmatch(name) or re.fullmatch(r".*[a-z]I[Dd]", name))


def _frame(source: Source, as_text: Collection[int]) -> Any:
    """Return the DataFrame that pandas reads, or None if it can't."""
    import pandas as pd

    width = len(source.header)
    options: Any = {}
    if int(pd.__version__.partition(".")[0]) < 4:
        # Not exact to the last place otherwise; always exact later.
        options["float_precision"] = "round_trip"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            frame = pd.read_csv(
                io.BytesIO(source.data),
                sep=source.separator,
                header=0,
                names=list(range(width)),
                dtype={i: str if i in as_text else float for i in range(width)},
                keep_default_na=False,
                na_values=[""],
                skipinitialspace=True,
                engine="c",
                **options,
            )
        except (ValueError, TypeError, OverflowError):
            return None
    # A row that is too long makes an index of its first cells, one that is too short has NaN.
    if not isinstance(frame.index, pd.RangeIndex) or frame.isna().to_numpy().any():
        return None
    return frame
