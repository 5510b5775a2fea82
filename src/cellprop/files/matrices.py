"""Reading the matrices that somebody computed: from Python, or from files of several kinds.

Knows arrays, files and how a cell can be wrong; knows nothing of networks, or of what a matrix
should be. Files are somebody else's: sizes are checked before anything is unpacked, nothing in
them is run, and what is shown of them is made safe and short. What is no matrix of numbers is kept
with the reason: it matters only if somebody asks for it.
"""

from __future__ import annotations

import io
import math
import re
import warnings
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cellprop.algebra import Array
from cellprop.errors import InputError
from cellprop.files.arrays import as_array, is_nothing, is_single, real
from cellprop.files.cells import (
    COMMA_NUMBER,
    JSON,
    Cells,
    are_texts,
    count_up,
    json_cells,
    json_object,
    named_ranges,
    range_cells,
    row_and_column,
    sheet_cells,
    unlabelled,
)
from cellprop.files.opening import (
    EXCEL,
    Value,
    archive_of,
    content,
    short,
    shown,
    suffix_of,
    workbook,
    wrong,
)
from cellprop.files.safe import label
from cellprop.files.tables import CSV, check_text, lines, text_value
from cellprop.limits import (
    ARRAYS,
    MATRIX,
    MOST_CELLS,
    MOST_MATRICES,
    check_cells,
    check_count,
    check_lines,
)

NUMPY = (".npz", ".npy")
# What is never run, and what could run code when it is opened.
PROGRAMS = (".py", ".ipynb", ".r", ".rmd", ".qmd", ".m", ".jl", ".js")
OBJECTS = (
    ".pkl", ".pickle", ".joblib", ".pt", ".pth", ".ckpt", ".h5", ".hdf5", ".keras", ".mat", ".rds",
    ".rdata",
)  # fmt: skip
HOW_TO_SAVE = 'save the matrices, numpy.savez("mine.npz", W1=W1, …), and give that file'
# What may be a line of one number with a decimal comma, or of two.
COMMA_LINE = re.compile(r"[+-]?\d+(,\d+)?(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
# The header of what `cellprop show --format csv` prints.
LISTED = ("matrix", "row", "column", "value")


@dataclass(frozen=True, eq=False)
class Found:
    """A matrix as somebody has it.

    Attributes:
        where: How errors call it.
        values: Its numbers in the shape in which they came; NaN where there is none.
        texts: Of the same shape, what stands instead of a number (`nan`, `#DIV/0!`); empty where
            there is a number, or nothing.
        single: Whether its numbers were 32-bit floats, or smaller.
        fault: Why it is no matrix of numbers; else empty.
        others: How else it may be read: without a first row that may be a header.
    """

    where: str
    values: Array
    texts: NDArray[Any]
    single: bool = False
    fault: str = ""
    others: tuple[Found, ...] = ()


def _faulty(where: str, fault: str) -> Found:
    return Found(where, np.empty((0, 0)), np.empty((0, 0), dtype=object), fault=fault)


def collected(source: Any) -> dict[str, Found]:
    """Return matrices by name, from a mapping or from the file or folder that holds them.

    Parameters
    ----------
    source
        A mapping of names to arrays, tensors, tables or lists; or a path, as `read` takes it.
        Mappings and lists of matrices within a mapping are taken apart: `{"W": [W1, W2]}` has the
        matrices `W1` and `W2`.

    Raises
    ------
    InputError
        If it is neither, or a file can't be read.

    Examples
    --------
    >>> found = collected({"W": [np.eye(2), np.ones((2, 1))]})
    >>> [(name, each.values.shape) for name, each in found.items()]
    [('W1', (2, 2)), ('W2', (2, 1))]
    """
    if isinstance(source, (str, Path)):
        return read(source)
    if not isinstance(source, Mapping):
        raise InputError(
            f"matrices: expected them by name, such as {{'W1': …}}, or the path of a file, found"
            f" {label(type(source).__name__)}."
        )
    found: dict[str, Found] = {}
    for name, value in _apart(source):
        if name in found:
            raise InputError(f"matrices: {shown(name)} is there twice; keep one.")
        found[name] = of(name, value)
    return found


def _apart(source: Mapping[Any, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    """Yield what a mapping holds, with what it holds within mappings and lists of matrices."""
    for key in source:
        name = f"{before}{key}"
        try:
            value = source[key]
        except (ValueError, OSError, EOFError, zipfile.BadZipFile):  # of a lazy archive
            value = _Unreadable()
        if isinstance(value, Mapping):
            yield from _apart(value, f"{name}.")
        elif _is_list_of_matrices(value):
            yield from ((f"{name}{i}", each) for i, each in enumerate(value, 1))
        else:
            yield name, value


class _Unreadable:
    """What an archive would not give."""


def _is_list_of_matrices(value: Any) -> bool:
    if not isinstance(value, (list, tuple)) or not value:
        return False
    return all(getattr(each, "ndim", _depth(each)) == 2 for each in value)


def _depth(value: Any) -> int:
    """Return the depth to which lists are nested, as far as their first items tell."""
    depth = 0
    while isinstance(value, (list, tuple)) and value and depth < 4:
        value, depth = value[0], depth + 1
    return depth + int(getattr(value, "ndim", 0))


# --- From Python --------------------------------------------------------------------------


def of(name: str, source: Any) -> Found:
    """Return a matrix from whatever holds its numbers: an array, a tensor, a table, lists.

    A library's own arrays are known by what they can do; none is imported. None, and what is
    masked, is a blank.
    """
    where = short(str(name))
    try:
        return _from_array(where, *as_array(source))
    except InputError as error:
        return _faulty(where, str(error))
    except Exception as error:  # another library's arrays may raise anything
        reason = short(" ".join(str(error).split()) or type(error).__name__)
        return _faulty(where, f"{where}: its numbers can't be read ({reason}); give an array.")


def _from_array(where: str, array: NDArray[Any], single: bool) -> Found:
    array = np.atleast_1d(array)
    kind = array.dtype.kind
    if kind == "c":
        raise wrong(where, "real numbers", "complex ones", "give their real part, .real")
    if kind in "Mm":
        raise wrong(where, "numbers", "dates or times", "give numbers")
    if array.dtype.names is not None:
        raise wrong(where, "a matrix", "an array of records", "give a matrix for each field")
    if array.size == 0:
        raise wrong(where, "numbers", "nothing", "leave it out, or fill it")
    if array.size > MOST_CELLS:
        raise wrong(where, f"at most {MOST_CELLS:,} numbers", f"{array.size:,}", "give a part")
    texts = np.full(array.shape, "", dtype=object)
    if kind == "O":
        values = np.full(array.shape, np.nan)
        for place, cell in np.ndenumerate(array):
            if not is_nothing(cell):
                values[place] = _number(where, place if array.size > 1 else (), cell)
                if math.isnan(values[place]):
                    texts[place] = "nan"
    else:
        with np.errstate(all="ignore"):
            values = array.astype(np.float64)
        texts[np.isnan(values)] = "nan"
    return _without_infinite(Found(where, values, texts, single))


def _without_infinite(found: Found) -> Found:
    infinite = np.isinf(found.values)
    for place in zip(*np.nonzero(infinite), strict=True):
        found.texts[place] = "inf" if found.values[place] > 0 else "-inf"
    found.values[infinite] = np.nan
    return found


def _number(where: str, place: tuple[int, ...], cell: Any) -> float:
    if isinstance(cell, (list, tuple)) or (isinstance(cell, np.ndarray) and cell.size != 1):
        raise InputError(f"{where}: expected rows of equal length, found rows that differ.")
    try:
        return real(cell)
    except OverflowError:
        return math.inf
    except (TypeError, ValueError):
        sides = zip(("row", "column"), place, strict=False)
        at = ", ".join(f"{side} {position + 1}" for side, position in sides)
        found = shown(str(cell))
        raise wrong(f"{where}, {at}" if at else where, "a number", found, "correct it") from None


# --- From files ---------------------------------------------------------------------------


def read(path: str | Path) -> dict[str, Found]:
    """Read matrices by name from a file or a folder.

    Parameters
    ----------
    path
        `.npz` or `.npy`; JSON: a list of rows for each name; Excel: a sheet for each matrix, with
        or without labels, or a workbook that cellprop wrote; a CSV file, or a folder of them, each
        with the name of its matrix, with or without labels; or what `cellprop show --format csv`
        prints.

    Raises
    ------
    InputError
        If it can't be read, is too large, or is a program, which is not run.
    """
    file = Path(path)
    where = label(file)
    suffix = file.suffix.lower()
    if suffix in PROGRAMS:
        raise InputError(f"{where}: is a program, which is not run; {HOW_TO_SAVE}.")
    if suffix in OBJECTS:
        raise InputError(f"{where}: opening such a file could run code; {HOW_TO_SAVE}.")
    if file.is_dir():
        found = _from_folder(file)
    else:
        suffix = suffix_of(file, "NumPy, JSON, CSV", (*NUMPY, *JSON, *CSV))
        found = _from_file(file, suffix)
    if not found:
        raise wrong(where, "matrices", "none", HOW_TO_SAVE)
    return found


def _from_file(file: Path, suffix: str) -> dict[str, Found]:
    if suffix == ".npz":
        return _from_archive(file)
    if suffix == ".npy":
        data = content(file, ARRAYS)
        return {file.stem: _from_npy(short(file.name), data)}
    if suffix in JSON:
        return _from_json(file)
    if suffix in EXCEL:
        with workbook(file) as book:
            return _from_workbook(label(file), book)
    return _from_csv(file)


def _attempt(where: str, cells_of: Callable[..., Cells], *arguments: Any) -> Found:
    """Return the matrix of cells, or why it can't be read: who wants it will be told."""
    try:
        return _from_cells(cells_of(*arguments))
    except InputError as error:
        return _faulty(where, str(error))


def _from_cells(cells: Cells) -> Found:
    return _without_infinite(Found(cells.place, *cells.with_gaps()))


def _check_count(where: str, count: int) -> None:
    check_count(where, "matrices", count, MOST_MATRICES, "keep fewer")


# --- NumPy's files ------------------------------------------------------------------------


def _from_archive(path: Path) -> dict[str, Found]:
    where = label(path)
    data = content(path, ARRAYS)
    found: dict[str, Found] = {}
    try:
        with archive_of(where, data, ARRAYS) as archive:
            numbers, entries = 0, archive.infolist()
            _check_count(where, len(entries))
            for entry in entries:
                name = entry.filename.removesuffix(".npy")
                if name in found:
                    raise InputError(f"{where}: {shown(name)} is there twice; keep one.")
                found[name] = _from_npy(f"{where}, {short(name)}", archive.read(entry))
                numbers += found[name].values.size
                check_count(where, "numbers", numbers, MOST_CELLS, "keep what is needed")
    except (InputError, MemoryError):
        raise
    except Exception:  # a broken archive raises anything
        raise InputError(
            f"{where}: not a NumPy archive, or a damaged one; {HOW_TO_SAVE}."
        ) from None
    return found


def _from_npy(where: str, data: bytes) -> Found:
    """Return the matrix of a .npy file; none of Python's objects, which could run code."""
    try:
        return _from_array(where, *_array_in(where, data))
    except InputError as error:
        return _faulty(where, str(error))


def _array_in(where: str, data: bytes) -> tuple[NDArray[Any], bool]:
    file = io.BytesIO(data)
    damaged = InputError(f"{where}: not an array of NumPy, or a damaged one; {HOW_TO_SAVE}.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            version = np.lib.format.read_magic(file)
            if version not in ((1, 0), (2, 0)):
                raise damaged
            header = {
                1: np.lib.format.read_array_header_1_0,
                2: np.lib.format.read_array_header_2_0,
            }[version[0]]
            shape, by_column, dtype = header(file)
    except Exception:  # a broken header raises anything
        raise damaged from None
    if dtype.hasobject:
        found = "objects of Python, which are not read"
        raise wrong(where, "an array of numbers", found, HOW_TO_SAVE)
    rest = data[file.tell() :]
    # What a header claims may be wrong: nothing is made of it that is not there.
    if min(shape, default=0) < 0 or math.prod(shape) * dtype.itemsize != len(rest):
        raise damaged
    array = np.frombuffer(rest, dtype) if rest else np.empty(0)
    array = array.reshape(shape, order="F" if by_column else "C") if rest else array
    return array, is_single(dtype)


# --- JSON and Excel -----------------------------------------------------------------------


def _from_json(path: Path) -> dict[str, Found]:
    where = label(path)
    advice = 'write each matrix with its name: {"W1": [[0.1, 0.2], [0.3, 0.4]]}'
    found: dict[str, Found] = {}
    matrices = list(_apart(json_object(path, advice)))
    _check_count(where, len(matrices))
    for name, value in matrices:
        rows = [value] if isinstance(value, float) else value  # one number is a matrix, too
        place = f"{where}, {short(name)}"
        found[name] = _attempt(place, json_cells, place, rows, None)
    return found


def _from_workbook(where: str, book: Any) -> dict[str, Found]:
    sheets = {sheet.title: sheet for sheet in book.worksheets}
    ranges = named_ranges(book)
    _check_count(where, len(sheets if ranges is None else ranges))
    found: dict[str, Found] = {}
    if ranges is None:
        for name, sheet in sheets.items():
            place = f"{where}, sheet {shown(name)}"
            found[name] = _attempt(place, sheet_cells, place, sheet)
        return found
    for name, reference in ranges.items():
        place = f"{where}, {short(name)}"
        found[name] = _attempt(place, range_cells, place, reference, sheets)
    return found


# --- CSV ----------------------------------------------------------------------------------


def _from_folder(folder: Path) -> dict[str, Found]:
    where = label(folder)
    try:
        files = sorted(
            file
            for file in folder.iterdir()
            # A link could lead anywhere.
            if file.suffix.lower() in CSV and not file.is_symlink() and file.is_file()
        )
    except OSError as error:
        raise InputError(f"{where}: can't be read: {error.strerror or error}.") from None
    if not files:
        raise wrong(where, "CSV files, one for each matrix", "none", HOW_TO_SAVE)
    _check_count(where, len(files))
    found: dict[str, Found] = {}
    for file in files:
        if file.stem in found:
            raise InputError(f"{where}: {shown(file.stem)} is there twice; keep one.")
        found[file.stem] = _csv_matrix(file)
    return found


def _from_csv(file: Path) -> dict[str, Found]:
    readings = _readings(file)
    head = tuple(cell.strip().lower() for cell in readings[0][0]) if readings[0] else ()
    if head == LISTED:
        return _from_list(label(file), readings[0][1:])
    return {file.stem: _csv_matrix(file, readings)}


TextRows = Sequence[Sequence[str]]
"""The cells of a CSV file as they are written, row by row."""


def _readings(file: Path) -> list[TextRows]:
    """Return the cells of a CSV file; if it may be read in two ways, in both."""
    where = label(file)
    data = content(file, MATRIX).removeprefix(b"\xef\xbb\xbf")
    check_text(where, data)
    check_lines(where, data, MATRIX)
    written = [line for line in data.decode().splitlines() if line.strip()]
    separator = _separator(written)
    rows: TextRows
    if separator == " ":
        cells = (line.split() for line in written if not line.startswith("#"))
        rows = [[cell.strip('"') for cell in line] for line in cells]
    else:
        rows = [line for _, line in lines(where, data, separator)]
    check_cells(where, len(rows), max(map(len, rows), default=0))
    if separator == "," and all(COMMA_LINE.fullmatch(line.strip()) for line in written):
        # One column with decimal commas, or two of whole numbers.
        return [rows, [[line] for line in written]]
    return [rows]


def _separator(written: Sequence[str]) -> str:
    """Return the character that separates the columns: one that stands in the first lines."""
    first = "\n".join(written[:2])
    for separator in (";", "\t"):
        if separator in first:
            return separator
    if "," in first or len(first.split()) == len(written[:2]):
        return ","
    return " "  # as numpy.savetxt and R write them


def _csv_matrix(file: Path, readings: Sequence[TextRows] = ()) -> Found:
    """Return the matrix of a CSV file, in each way in which it may be read; the shape can tell."""
    where = label(file)
    found: list[Found] = []
    try:
        for texts in readings or _readings(file):
            rows, has_header = _csv_rows(where, texts)
            found.append(_attempt(where, Cells, where, rows, row_and_column))
            may_have_header = not has_header and not found[-1].fault and len(rows) > 1
            if may_have_header and count_up(rows[0]):
                # The first row may be a header, as pandas writes it without an index.
                found.append(_attempt(where, Cells, where, rows[1:], row_and_column))
    except InputError as error:
        return _faulty(where, str(error))
    sound = [each for each in found if not each.fault]
    return replace(sound[0], others=tuple(sound[1:])) if sound else found[0]


def _csv_rows(where: str, texts: TextRows) -> tuple[list[list[Value]], bool]:
    """Return the rows of a CSV file without labels, and whether it had some at the top."""
    grid = [[_csv_value(text) for text in row] for row in texts]
    if len(grid) > 1 and len(grid[1]) == len(grid[0]) + 1 and are_texts(grid[0]):
        grid[0].insert(0, None)  # as R writes it: no name above the labels of the rows
    top, left = unlabelled(grid) if grid else (0, 0)
    rows = [row[left:] for row in grid[top:]]
    if not rows or not rows[0]:
        raise wrong(where, "numbers", "none", "put the matrix there")
    return rows, bool(top)


def _csv_value(text: str) -> Value:
    value = text_value(text)
    if isinstance(value, str) and COMMA_NUMBER.fullmatch(value):
        return float(value.replace(",", "."))
    return value


def _from_list(where: str, rows: TextRows) -> dict[str, Found]:
    """Return matrices from a line for each number, as `cellprop show` prints them."""
    by_name: dict[str, dict[str, list[Value]]] = {}
    for number, cells in enumerate(rows, 2):
        if len(cells) != len(LISTED):
            raise wrong(f"{where}, line {number}", "4 columns", str(len(cells)), "correct it")
        name, row, _, value = cells
        by_name.setdefault(name, {}).setdefault(row, []).append(_csv_value(value))
    _check_count(where, len(by_name))
    found: dict[str, Found] = {}
    for name, by_row in by_name.items():
        place = f"{where}, {short(name)}"
        found[name] = _attempt(place, Cells, place, list(by_row.values()), row_and_column)
    return found
