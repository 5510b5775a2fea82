"""Reading a workbook that somebody handed in: hostile until proven otherwise.

Sizes and structure are checked before anything but Python's own zip reader sees the file; values
come from calamine, and those of formulas without a stored value from IronCalc, in a process of its
own. Knows cells; knows nothing of networks or marks.
"""

from __future__ import annotations

import io
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from cellprop.data import label
from cellprop.errors import InputError
from cellprop.opening import check_size, content, shown, suffix_of, wrong

LARGEST_FILE = 32 * 1024**2
LARGEST_UNPACKED = 128 * 1024**2
MOST_PARTS = 5_000
# calamine fills the rectangle from the first cell of a sheet to its last.
LARGEST_AREA = 2_000_000
LARGEST_PLACE = 1_000_000
MOST_TEXT = 100
# What IronCalc may be given, and how long it may take.
MOST_FORMULAS, LONGEST_FORMULA, SECONDS, MEMORY = 100_000, 8_192, 20, 2 * 1024**3
# What stands in a cell whose formula could not be computed.
NOT_COMPUTED = "formula"

OLE = b"\xd0\xcf\x11\xe0"
WORKBOOK, RELATIONS, PROPERTIES = (
    "xl/workbook.xml",
    "xl/_rels/workbook.xml.rels",
    "docProps/custom.xml",
)
REFERENCE = re.compile(
    r"(?:'((?:[^']|'')+)'|([^'!]+))!\$?([A-Z]{1,3})\$?(\d{1,7})(?::\$?([A-Z]{1,3})\$?(\d{1,7}))?"
)
CELL = re.compile(rb'<(?:\w+:)?c\b[^>]*?\br="([A-Z]{1,3})(\d{1,10})"')
ROW = re.compile(rb'<(?:\w+:)?row\b[^>]*?\br="(\d{1,20})"')
ADDRESS = re.compile(rb'\br="([A-Z]{1,3})(\d{1,7})"')
# A cell that begins with a formula: its attributes, and the start of what follows the formula.
FORMULA = re.compile(
    rb"<(?:\w+:)?c\b([^<>]*)>\s*<(?:\w+:)?f\b[^<>]*(?:/>|>[^<]*</(?:\w+:)?f>)\s*(?=(.{0,20}))",
    re.DOTALL,
)
VALUE = re.compile(rb"<(?:\w+:)?v\b[^<>/]*>[^<]")


@dataclass(frozen=True)
class Place:
    """A rectangle of cells.

    Attributes:
        sheet: The name of its sheet.
        row, column: Its first cell, counted from 1.
        rows, columns: Its size.
    """

    sheet: str
    row: int
    column: int
    rows: int
    columns: int


def opened(path: Path) -> Submission:
    """Return a workbook whose sizes and structure are in order.

    Raises
    ------
    InputError
        If it is no such workbook; the message names the file and says what to do.
    """
    where = label(path)
    suffix_of(path, "an exercise", ())
    data = content(path, LARGEST_FILE)
    if data.startswith(OLE):
        what = "is protected by a password, or of an old version of Excel"
        raise InputError(f"{where}: {what}; save it as .xlsx without a password.")
    damaged = f"{where}: not an Excel workbook, or a damaged one; save it as .xlsx in Excel."
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            parts = _checked_parts(where, archive)
    except InputError:
        raise
    except Exception:  # whatever a broken file makes a reader raise
        raise InputError(damaged) from None
    if WORKBOOK not in parts:
        raise InputError(damaged)
    found = Submission(path, data, parts)
    try:
        found.look_over()
    except InputError:
        raise
    except Exception:
        raise InputError(damaged) from None
    return found


def _checked_parts(where: str, archive: zipfile.ZipFile) -> dict[str, bytes]:
    """Return the parts that hold XML, once all are as large as they claim to be."""
    entries = archive.infolist()
    if len(entries) > MOST_PARTS:
        raise wrong(where, f"at most {MOST_PARTS} parts", f"{len(entries)}", "save it anew")
    if len({entry.filename for entry in entries}) < len(entries):
        raise wrong(where, "each part once", "one that is there twice", "save it anew in Excel")
    check_size(where, sum(entry.file_size for entry in entries), LARGEST_UNPACKED, " unpacked")
    parts = {}
    for entry in entries:
        # Reads no more than is claimed, and fails if there is more.
        part = archive.read(entry)
        if not entry.filename.endswith((".xml", ".rels", ".vml")):
            continue
        if part[:2] in (b"\xff\xfe", b"\xfe\xff") or part[:1] == b"\0" or part[1:2] == b"\0":
            raise wrong(where, "XML in UTF-8", "another encoding", "save it anew in Excel")
        head = part[:200].lower()
        if b"encoding=" in head and b"utf-8" not in head and b"ascii" not in head:
            raise wrong(where, "XML in UTF-8", "another encoding", "save it anew in Excel")
        if b"<!DOCTYPE" in part or b"<!ENTITY" in part:
            raise wrong(where, "plain XML", "a document type definition", "save it anew in Excel")
        parts[entry.filename] = part
    return parts


class Submission:
    """A workbook that was handed in.

    Attributes:
        path: Its file.
        computed: Whether a formula had no stored value, so that one had to be computed.
    """

    def __init__(self, path: Path, data: bytes, parts: Mapping[str, bytes]) -> None:
        self.path, self.computed = path, False
        self._data, self._parts = data, parts
        self._grids: dict[str, tuple[int, int, Sequence[Sequence[Any]]]] = {}
        self._areas: dict[str, int] = {}
        self._missing: dict[str, Set[tuple[int, int]]] = {}

    def look_over(self) -> None:
        """Read what the workbook says of itself."""
        _ = self.properties, self._paths, self._names, self._book

    @cached_property
    def properties(self) -> Mapping[str, str]:
        """The document's own properties that are texts."""
        part = self._parts.get(PROPERTIES)
        if part is None:
            return {}
        root = ElementTree.fromstring(part)  # noqa: S314 - no definitions, and its size is known
        return {
            entry.get("name", ""): "".join(value.itertext()) for entry in root for value in entry
        }

    @property
    def sheets(self) -> tuple[str, ...]:
        """The names of the sheets, in order."""
        return tuple(self._paths)

    @cached_property
    def _root(self) -> ElementTree.Element:
        return ElementTree.fromstring(self._parts[WORKBOOK])  # noqa: S314 - as above

    @cached_property
    def _paths(self) -> dict[str, str]:
        """The path of each sheet's part."""
        relations = ElementTree.fromstring(self._parts[RELATIONS])  # noqa: S314 - as above
        targets = {r.get("Id"): r.get("Target", "") for r in relations}
        found = {}
        for sheet in self._root.iter():
            if _tag(sheet) != "sheet":
                continue
            key = next((value for name, value in sheet.items() if name.endswith("}id")), None)
            target = targets.get(key, "")
            path = target[1:] if target.startswith("/") else f"xl/{target}"
            if path in self._parts:
                found[sheet.get("name", "")] = path
        return found

    @cached_property
    def _names(self) -> dict[str, str]:
        return {
            element.get("name", ""): element.text or ""
            for element in self._root.iter()
            if _tag(element) == "definedName" and element.get("localSheetId") is None
        }

    @cached_property
    def _book(self) -> Any:
        from python_calamine import CalamineWorkbook

        return CalamineWorkbook.from_filelike(io.BytesIO(self._data))

    def named(self, name: str) -> Place | None:
        """Return where a defined name now stands; None if it is missing or no single range."""
        match = REFERENCE.fullmatch(self._names.get(name, ""))
        if match is None:
            return None
        sheet = (match[1] or match[2]).replace("''", "'")
        column, row = _column(match[3]), int(match[4])
        last_column = _column(match[5] or match[3])
        rows, columns = int(match[6] or match[4]) - row + 1, last_column - column + 1
        if sheet not in self._paths or rows < 1 or columns < 1 or row < 1:
            return None
        return Place(sheet, row, column, rows, columns) if rows * columns <= LARGEST_PLACE else None

    def cells(self, place: Place) -> list[list[float | str | None]]:
        """Return what cells hold: numbers, texts made safe and short, None where they are empty.

        Raises
        ------
        InputError
            If their sheet is damaged.
        """
        if place.sheet not in self._grids:
            try:
                self._grids[place.sheet] = self._grid(place)
            except Exception:  # whatever a broken sheet makes a reader raise
                where = f"{label(self.path)}, sheet {shown(place.sheet)}"
                raise InputError(f"{where}: damaged; open it and save it again.") from None
        top, left, grid = self._grids[place.sheet]
        if top < 0:  # too large a sheet to keep: read for this place only
            del self._grids[place.sheet]
            top, left = place.row - 1, place.column - 1
        found: list[list[float | str | None]] = []
        for i in range(place.row - 1 - top, place.row - 1 - top + place.rows):
            row = grid[i] if 0 <= i < len(grid) else ()
            first = place.column - 1 - left
            found.append(
                [
                    _value(row[j]) if 0 <= j < len(row) else None
                    for j in range(first, first + place.columns)
                ]
            )
        for i, row in enumerate(found):
            for j, cell in enumerate(row):
                at = place.row + i, place.column + j
                if cell is None and at in self._without_value(place.sheet):
                    self.computed = True
                    row[j] = self._results.get((place.sheet, *at))
        return found

    def _grid(self, place: Place) -> tuple[int, int, Sequence[Sequence[Any]]]:
        """Return the first row and column of a sheet that hold anything, from 0, and its cells.

        Where a sheet spans more than anybody fills in: -1, and the cells of the place alone.
        """
        part = self._parts[self._paths[place.sheet]]
        if place.sheet not in self._areas:
            self._areas[place.sheet] = _area(part)
        if self._areas[place.sheet] > LARGEST_AREA:
            return -1, -1, _streamed(self._data, place)
        sheet = self._book.get_sheet_by_name(place.sheet)
        return (*(sheet.start or (0, 0)), sheet.to_python(skip_empty_area=True))

    # --- Formulas without a stored value --------------------------------------------------

    def _without_value(self, sheet: str) -> Set[tuple[int, int]]:
        """Return the cells of a sheet that hold a formula, but no value of it."""
        if sheet not in self._missing:
            found = _formulas_without_value(self._parts[self._paths[sheet]])
            # One more than are computed says that there are too many.
            self._missing[sheet] = set(islice(found, MOST_FORMULAS + 1))
        return self._missing[sheet]

    @cached_property
    def _results(self) -> dict[tuple[str, int, int], float | str | None]:
        """The values of all formulas without a stored one, as far as they can be computed."""
        wanted = [(name, *at) for name in self._paths for at in sorted(self._without_value(name))]
        failed: dict[tuple[str, int, int], float | str | None] = dict.fromkeys(wanted, NOT_COMPUTED)
        longest = max(_longest_formula(self._parts[path]) for path in self._paths.values())
        if len(wanted) > MOST_FORMULAS or longest > LONGEST_FORMULA:
            return failed
        return failed | _computed(self._data, self.sheets, wanted)


# --- In a process of its own --------------------------------------------------------------


def _computed(
    data: bytes, sheets: Sequence[str], wanted: Sequence[tuple[str, int, int]]
) -> dict[tuple[str, int, int], float | str | None]:
    """Return values that IronCalc computes; nothing if it fails or takes too long."""
    import json

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "handed-in.xlsx")
        file.write_bytes(data)
        index = {name: i for i, name in enumerate(sheets)}
        asked = json.dumps([(index[name], row, column) for name, row, column in wanted])
        try:
            done = subprocess.run(  # noqa: S603 - our own interpreter and code
                [sys.executable, "-c", "from cellprop.handed_in import compute; compute()", file],
                input=asked, capture_output=True, text=True, timeout=SECONDS, check=True,
                env=_environment(),
            )  # fmt: skip
            values = json.loads(done.stdout)
        except (subprocess.SubprocessError, OSError, ValueError):
            return {}
    return {
        place: _value(value) for place, value in zip(wanted, values, strict=True) if value != []
    }


def _environment() -> dict[str, str]:
    import os

    package = str(Path(__file__).parent.parent)
    paths = [package, *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}


def compute() -> None:
    """Print the values of cells, in a process that may be stopped: a file that is named in the
    arguments, the cells on standard input.
    """
    import contextlib
    import json

    with contextlib.suppress(ImportError, ValueError, OSError):  # not on Windows
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    import ironcalc

    model = ironcalc.load_from_xlsx(sys.argv[1])
    model.evaluate()
    values = []
    for sheet, row, column in json.load(sys.stdin):
        try:
            values.append(_of_engine(model.get_cell_value(sheet, row, column)))
        except Exception:
            values.append([])
    print(json.dumps(values))


def _of_engine(value: object) -> object:
    return (
        value
        if isinstance(value, (int, float, str)) and not isinstance(value, bool)
        else str(value)
    )


# --- Cells --------------------------------------------------------------------------------


def _value(cell: object) -> float | str | None:
    """Return what a cell holds."""
    if isinstance(cell, bool):
        return str(cell).upper()
    if isinstance(cell, (int, float)):
        return float(cell)
    text = label(str(cell)[: 4 * MOST_TEXT]).strip() if cell is not None else ""
    return text[:MOST_TEXT] or None


def _tag(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]


def _column(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number


def _letters(column: int) -> str:
    letters = ""
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def _area(part: bytes) -> int:
    """Return how many cells the rectangle has that spans all of a sheet's cells."""
    last_row = max((int(row[1]) for row in ROW.finditer(part)), default=1)
    letters, addressed = set[bytes](), 0
    for cell in CELL.finditer(part):
        letters.add(cell[1])
        last_row = max(last_row, int(cell[2]))
        addressed += 1
    width = max((_column(column.decode()) for column in letters), default=1)
    # Cells without an address follow one another.
    count = part.count(b"<c") + part.count(b":c ")
    return last_row * width + (count if count > 2 * addressed + 100 else 0)


def _streamed(data: bytes, place: Place) -> list[tuple[Any, ...]]:
    """Return the cells of a place, read one row after another."""
    from openpyxl import load_workbook

    book = load_workbook(io.BytesIO(data), read_only=True, data_only=True, keep_links=False)
    sheet = book[place.sheet]
    sheet.reset_dimensions()
    rows = sheet.iter_rows(
        min_row=place.row, max_row=place.row + place.rows - 1,
        min_col=place.column, max_col=place.column + place.columns - 1, values_only=True,
    )  # fmt: skip
    return [tuple(row) for row in rows]


def _formulas_without_value(part: bytes) -> Iterator[tuple[int, int]]:
    """Yield the row and column of each cell of a sheet that holds a formula without a value."""
    for cell in FORMULA.finditer(part):
        attributes, after = cell[1], cell[2]
        address = ADDRESS.search(attributes)
        # The value of a formula may be an empty text; a cell that says so has one.
        is_text = b't="str"' in attributes
        if address and not is_text and not VALUE.match(after):
            yield int(address[2]), _column(address[1].decode())


def _longest_formula(part: bytes) -> int:
    formulas = re.finditer(rb"<(?:\w+:)?f\b[^>]*>([^<]*)<", part)
    return max((len(formula[1]) for formula in formulas), default=0)
