"""Reading samples from files: CSV and Excel; and opening a table there, whatever it holds.

Knows files and how a cell can be wrong; knows nothing of networks or steps.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from cellprop.algebra import Array
from cellprop.data import LARGEST, Table, label
from cellprop.errors import InputError, nearest
from cellprop.limits import MOST_CLASSES, TABLE, check_lines
from cellprop.opening import (
    DECIMAL_COMMA,
    Value,
    cell_value,
    content,
    fault_of,
    grid_of,
    listed,
    shown,
    suffix_of,
    workbook,
    wrong,
)

CSV = (".csv", ".txt", ".tsv")
SEPARATORS = (",", ";", "\t")
# A column of text with few classes may have one for each sample.
FEW_CLASSES = 20
NUMBER = re.compile(
    r"[+-]?(?:(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?|inf|infinity|nan)", re.ASCII | re.IGNORECASE
)
WHOLE = re.compile(r"-?\d+", re.ASCII)
TRUTHS = {"true": 1.0, "false": 0.0}
Record = TypeVar("Record", bound=Sequence[object])


@dataclass(frozen=True)
class Dataset:
    """Samples read from a file.

    Attributes:
        inputs: A column for each input, in the order of the file.
        targets: A column for each target; or for each class, 1 where a sample is of that class.
        classes: Their names, if the target is a class.
        target: The names of the target columns, as text.
    """

    inputs: Table
    targets: Table
    classes: tuple[str, ...] | None
    target: str


@dataclass(frozen=True)
class Source:
    """A header, and the records below it with the line or row in which each begins.

    Attributes:
        where: The file, as errors name it.
        unit: What a record is counted in: a line or a row.
        first: That of the header.
        header: The names of the columns, safe to show; empty where a column has none.
        stored: The cells of each record as they are in the file: text in CSV, anything in a sheet.
        data, separator: Of CSV; the separator of a sheet is empty.
    """

    where: str
    unit: str
    first: int
    header: tuple[str, ...]
    stored: Callable[[], Iterator[tuple[int, Sequence[Any]]]]
    data: bytes = b""
    separator: str = ""

    def records(self) -> Iterator[tuple[int, Sequence[Value]]]:
        """Yield each record as numbers and text that is safe to show."""
        value: Callable[[Any], Value] = text_value if self.separator else cell_value
        for line, cells in self.stored():
            yield line, [value(cell) for cell in cells]

    def place(self, line: int, column: int | None = None) -> str:
        """Return where something stands, as errors begin."""
        named = "" if column is None else f", column {shown(self.header[column])}"
        return f"{self.where}, {self.unit} {line}{named}"


# --- Samples ------------------------------------------------------------------------------


def read(path: str | Path, target: Sequence[str], *, classes: bool = False) -> Dataset:
    """Read samples from a CSV or Excel file whose first row names the columns.

    Parameters
    ----------
    path
        CSV (.csv, .txt or .tsv, in UTF-8, separated by comma, semicolon or tab) or Excel (.xlsx or
        .xlsm, its first sheet).
    target
        The columns to be predicted; all others are inputs. A single column of text becomes a
        column for each class.
    classes
        Whether a single column of whole numbers holds classes as well.

    Raises
    ------
    InputError
        If the file can't be read, or a cell is not what it has to be; the message names the line
        (or row) and the column.
    """
    wanted = [label(name.strip()) for name in ([target] if isinstance(target, str) else target)]
    source = opened(path, lambda header: len(set(wanted) & set(header)), "sample")
    positions = _positions(source, wanted)
    sole = positions[0] if len(positions) == 1 else None
    values, cells = _parsed(source, sole)
    if not len(values):
        expected = f"at least one {source.unit} below the header"
        raise wrong(source.where, expected, "none", "add samples")
    inputs = [i for i in range(len(source.header)) if i not in positions]
    labels = tuple(source.header[i] for i in inputs)
    targets = Table(values[:, positions], None, tuple(wanted))
    if sole is not None and _are_classes(source, sole, cells, classes):
        targets = _one_hot(f"{source.where}, column {shown(wanted[0])}", cells)
    names = targets.column_labels if targets.axis else None
    return Dataset(Table(values[:, inputs], None, labels), targets, names, ", ".join(wanted))


def _positions(source: Source, wanted: Sequence[str]) -> list[int]:
    """Return where the targets are, or an error if header and targets don't fit each other."""
    _check_header(source)
    if not wanted:
        raise wrong("target", "the name of a column", "none", "name one")
    for i, name in enumerate(wanted):
        if name in wanted[:i]:
            raise InputError(f"target: {shown(name)} is named twice; name each column once.")
        if name not in source.header:
            raise InputError(
                f"{source.where}: there is no column {shown(name)}; there are"
                f" {listed(source.header)}.{nearest(name, source.header)}"
            )
    if len(wanted) == len(source.header):
        remedy = "leave at least one as an input"
        raise InputError(f"{source.where}: every column is a target; {remedy}.")
    return [source.header.index(name) for name in wanted]


def _check_header(source: Source) -> None:
    place = source.place(source.first)
    if source.separator and len(source.header) == 1:
        expected = "columns separated by comma, semicolon or tab"
        found = f"only {shown(source.header[0])}"
        raise wrong(place, expected, found, "save it with one of these separators")
    first: dict[str, int] = {}
    for i, name in enumerate(source.header, 1):
        if not name:
            remedy = "name the column, or remove it"
            raise wrong(f"{place}, column {i}", "a name", "nothing", remedy)
        if name in first:
            found = f"columns {first[name]} and {i} both called {shown(name)}"
            raise wrong(place, "names that differ", found, "rename one of them")
        first[name] = i


def _parsed(source: Source, sole: int | None) -> tuple[Array, list[Value]]:
    """Return all columns as numbers, text as 0; and the cells of the sole target."""
    quick = _quick(source, sole) if source.separator else None
    if quick:
        return quick
    numbers: list[list[float]] = []
    cells: list[Value] = []
    for row in _checked(source, sole):
        if sole is not None:
            cells.append(row[sole])
        numbers.append([_number(cell) for cell in row])
    return np.array(numbers, dtype=np.float64), cells


def _number(cell: Value) -> float:
    return cell if isinstance(cell, float) else 0.0


def _quick(source: Source, sole: int | None) -> tuple[Array, list[Value]] | None:
    """Return what pandas reads, or None if there is anything that needs a closer look."""
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
                names=range(width),
                dtype={i: str if i == sole else float for i in range(width)},
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
    cells: list[Value] = []
    if sole is not None:
        cells = [text_value(cell) for cell in frame[sole]]
        frame[sole] = [_number(cell) for cell in cells]
    numbers = frame.to_numpy(dtype=np.float64)
    if None in cells or not (np.abs(numbers) <= LARGEST).all():
        return None
    return numbers, cells


def _checked(source: Source, sole: int | None) -> Iterator[Sequence[Value]]:
    """Yield each record up to the last that is not blank, or raise for the first wrong cell."""
    for line, cells in filled(source, source.records()):
        for i, cell in enumerate(cells):
            fault = fault_of(cell, stored=not source.separator)
            if fault and not (i == sole and isinstance(cell, str)):
                raise InputError(f"{source.place(line, i)}: {fault}.")
        yield cells


# --- Classes ------------------------------------------------------------------------------


def _are_classes(source: Source, column: int, cells: Sequence[Value], wanted: bool) -> bool:
    """Whether a sole target holds classes: if it is text, or those are wanted."""
    fault = ""
    text = isinstance(cells[0], str)
    for i, cell in enumerate(cells):
        found = shown(cell) if isinstance(cell, str) else f"{cell:g}"
        if wanted and isinstance(cell, float) and not cell.is_integer():
            fault = f"expected a name or a whole number as class, found {found}; correct it"
        elif not wanted and isinstance(cell, str) and DECIMAL_COMMA.fullmatch(cell):
            fault = fault_of(cell)
        elif not wanted and isinstance(cell, str) is not text:
            expected = "a name" if text else "a number"
            fault = f"expected {expected} as above, found {found}; correct it, or ask for classes"
        if fault:
            # Which line it is in, only a second look tells.
            line, _ = next(islice(source.records(), i, None), (source.first, None))
            raise InputError(f"{source.place(line, column)}: {fault}.")
    return wanted or text


def _one_hot(place: str, cells: Sequence[Value]) -> Table:
    """Return a column for each class, those that are numbers first and in their order."""

    def order(name: str) -> tuple[bool, float, str]:
        whole = WHOLE.fullmatch(name)
        return not whole, float(name) if whole else 0.0, name

    names = [str(int(cell)) if isinstance(cell, float) else str(cell) for cell in cells]
    found = sorted(set(names), key=order)
    if len(found) == 1:
        found_one = f"only {shown(found[0])}"
        raise wrong(place, "at least two classes", found_one, "add samples of another")
    if len(found) > min(max(FEW_CLASSES, len(names) / 2), MOST_CLASSES):
        many = f"{len(found)} different ones in {len(names)} samples: names, it seems, not classes"
        raise wrong(place, "classes", many, "take another column as the target")
    position = {name: i for i, name in enumerate(found)}
    values = np.zeros((len(names), len(found)))
    values[np.arange(len(names)), [position[name] for name in names]] = 1.0
    return Table(values, None, tuple(found), axis="classes")


# --- Tables -------------------------------------------------------------------------------


def opened(path: str | Path, known: Callable[[Sequence[str]], int], each: str) -> Source:
    """Open a CSV or Excel file whose first row names the columns.

    Parameters
    ----------
    path
        As `read` takes it.
    known
        How many names of a header are looked for: tells which separator CSV has.
    each
        What a record is of, for errors.

    Raises
    ------
    InputError
        If the file can't be read, or is empty.
    """
    file = Path(path)
    return _text(file, known, each) if suffix_of(file, "CSV", CSV) in CSV else _sheet(file)


def filled(source: Source, records: Iterator[tuple[int, Record]]) -> Iterator[tuple[int, Record]]:
    """Yield each record up to the last that is not blank; all of them as wide as the header.

    Raises
    ------
    InputError
        For a record that has more or fewer cells, or a blank one above others.
    """
    width = len(source.header)
    blank = None
    for line, cells in records:
        if not any(cell is not None for cell in cells):
            blank = blank or line
            continue
        if blank:
            remedy = f"fill them in, or remove the {source.unit}"
            raise wrong(source.place(blank), f"{width} cells", "only empty ones", remedy)
        if len(cells) != width:
            found = str(len(cells))
            raise wrong(source.place(line), f"{width} columns", found, _ragged(len(cells) < width))
        yield line, cells


def _ragged(short: bool) -> str:
    if short:
        return "add what is missing (an empty cell still has its separator)"
    return "put text that holds a separator in quotation marks, and write decimals with a point"


# --- CSV ----------------------------------------------------------------------------------


def _text(path: Path, known: Callable[[Sequence[str]], int], each: str) -> Source:
    """Open CSV, with the separator that finds what is looked for and the most columns."""
    where = label(path)
    data = content(path, TABLE)
    if data.startswith(b"PK\x03\x04"):
        raise InputError(f"{where}: is an Excel workbook by its content; rename it to .xlsx.")
    check_text(where, data)
    check_lines(where, data, TABLE)
    data = data.removeprefix(codecs.BOM_UTF8)
    headers: dict[str, tuple[int, tuple[str, ...]]] = {}
    trouble = InputError(f"{where}: is empty; it needs a header, and a line for each {each}.")
    for separator in SEPARATORS:
        try:
            for line, cells in islice(lines(where, data, separator), 1):
                headers[separator] = line, tuple(label(cell.strip()) for cell in cells)
        except InputError as error:
            trouble = error  # with another separator, its quotation marks may pair up
    if not headers:
        raise trouble

    def fit(separator: str) -> tuple[int, int]:
        names = headers[separator][1]
        return known(names), len(names)

    separator = max(headers, key=fit)
    first, names = headers[separator]

    def stored() -> Iterator[tuple[int, Sequence[str]]]:
        return islice(lines(where, data, separator), 1, None)

    return Source(where, "line", first, names, stored, data, separator)


def check_text(where: str, data: bytes) -> None:
    """Refuse what is not text in UTF-8."""
    try:
        data.decode("utf-8")
        at, found, remedy = data.find(b"\0"), "a NUL byte", "it may not be a text file"
    except UnicodeDecodeError as error:
        at, found = error.start, f"the byte 0x{data[error.start]:02x}"
        remedy = "it is in another encoding"
    if at >= 0:
        line = data.count(b"\n", 0, at) + 1
        found = f"{found} (byte {at + 1} of the file)"
        remedy = f'{remedy}: save it as "CSV UTF-8"'
        raise wrong(f"{where}, line {line}", "text in UTF-8", found, remedy)


def lines(where: str, data: bytes, separator: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the cells of each record with the line in which it begins; not of blank lines."""
    text = io.TextIOWrapper(io.BytesIO(data), encoding="utf-8", newline="")
    reader = csv.reader(text, delimiter=separator, skipinitialspace=True, strict=True)
    line = 1
    try:
        for cells in reader:
            if len(cells) > 1 or any(map(str.strip, cells)):
                yield line, cells
            line = reader.line_num + 1
    except csv.Error:
        remedy = 'put each cell that has any in quotation marks, and write those inside twice ("")'
        raise InputError(
            f"{where}, line {line}: its quotation marks do not pair up; {remedy}."
        ) from None


def text_value(text: str) -> Value:
    """Return what a cell of CSV holds: a number, text that is safe to show, or nothing."""
    text = text.strip()
    if NUMBER.fullmatch(text):
        return float(text)
    return TRUTHS.get(text.lower(), label(text) or None)


# --- Excel --------------------------------------------------------------------------------


def _sheet(path: Path) -> Source:
    """Open the first sheet of a workbook; its header is the first row that holds anything."""
    where = label(path)
    with workbook(path) as book:
        grid = grid_of(where, book.worksheets[0])
    first = next((i for i, row in enumerate(grid) if any(c is not None for c in row)), None)
    if first is None:
        raise InputError(f"{where}: its first sheet is empty; put the table there.")

    def stored() -> Iterator[tuple[int, Sequence[object]]]:
        for row in range(first + 1, len(grid)):
            yield row + 1, grid[row]

    names = tuple("" if cell is None else label(str(cell).strip()) for cell in grid[first])
    return Source(where, "row", first + 1, names, stored)
