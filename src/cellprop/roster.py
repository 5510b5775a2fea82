"""Reading who takes part in a course: a name and an id for each student, and a name for their file.

Knows the columns of a roster and what every system takes as the name of a file; knows nothing of
networks, nor of what is written into the files.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cellprop.data import label
from cellprop.errors import InputError
from cellprop.opening import fault_of, listed, shown, wrong
from cellprop.tables import Source, filled, opened

# What the columns may be called, the best first; `+` joins columns, with a blank between them.
NAME = (
    "name",
    "full name",
    "student name",
    "student",
    "first name + last name",
    "first name + surname",
    "given name + family name",
    "vorname + nachname",
)
ID = (
    "id",
    "student id",
    "student number",
    "id number",
    "matriculation number",
    "matrikelnummer",
    "username",
    "email",
    "email address",
)
# The columns of a class's key, by which it is told from a roster.
KEY_COLUMNS = ("id", "name", "file", "digest")
# Of an id, a name, and a file with the number that it gets where two would be the same.
LONGEST = 200
LONGEST_ID_IN_FILE = 40
LONGEST_FILE = 80
ROOM_FOR_NUMBER = 8
# Letters that Unicode doesn't take apart.
PLAIN = str.maketrans(
    {"æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ħ": "h", "ı": "i"}
)


@dataclass(frozen=True)
class Student:
    """One line of a roster.

    Attributes:
        id: As the roster has it: "007" stays "007".
        name: To be shown; may begin as a formula does.
        position: Where the student stands in the roster, counted from 1.
        file: The name for a file of theirs, without folder and ending: lower-case ASCII letters,
            digits and hyphens, and no other student's.
    """

    id: str
    name: str
    position: int
    file: str

    @classmethod
    def of(cls, number: str, name: str, position: int, file: str) -> Student:
        """Return a student of a file that may be anybody's.

        Raises
        ------
        ValueError
            If the name of the file is not one that a roster gives.
        """
        if not re.fullmatch(r"[a-z0-9-]{1,100}", file, re.ASCII):
            raise ValueError
        return cls(label(number), label(name), position, file)


def read(path: str | Path) -> tuple[Student, ...]:
    """Read a roster from a CSV or Excel file whose first row names the columns.

    Parameters
    ----------
    path
        CSV (.csv, .txt or .tsv, in UTF-8, separated by comma, semicolon or tab) or Excel (.xlsx or
        .xlsm, its first sheet), with columns `name` and `id`, or others that `NAME` and `ID` list,
        in any order and letter case. Further columns are ignored.

    Raises
    ------
    InputError
        If the file can't be read, has no such columns or no student, or a name or an id is empty or
        too long, or an id is there twice; the message names the line (or row) and the column.
    """
    source = opened(path, _known, "student")
    if tuple(source.header[: len(KEY_COLUMNS)]) == KEY_COLUMNS:
        found = "the key of a class"
        raise wrong(source.where, "a roster", found, "give the list that it was written from")
    people = list(_people(source))
    if not people:
        expected = f"at least one {source.unit} below the header"
        raise wrong(source.where, expected, "none", f"add a {source.unit} for each student")
    return tuple(
        Student(number, name, position, file)
        for position, ((number, name), file) in enumerate(
            zip(people, _files(people), strict=True), 1
        )
    )


# --- Columns ------------------------------------------------------------------------------


def _key(name: str) -> str:
    """Return what a column's name is known by: `Student-ID` is `student id`."""
    return "".join(filter(str.isalnum, name.casefold()))


def _known(header: Sequence[str]) -> int:
    keys = {_key(name) for way in (*NAME, *ID) for name in way.split("+")}
    return len(keys & set(map(_key, header)))


def _columns(source: Source, ways: Sequence[str]) -> list[int]:
    """Return the columns of the first way to call them that the header has."""
    place = source.place(source.first)
    columns: dict[str, list[int]] = {}
    for i, name in enumerate(source.header):
        columns.setdefault(_key(name), []).append(i)
    for way in ways:
        found = [columns.get(_key(name), []) for name in way.split("+")]
        for same in found:
            if len(same) > 1:
                one, other = (f"{i + 1} ({shown(source.header[i])})" for i in same[:2])
                expected = f"one column {shown(source.header[same[0]])}"
                raise wrong(place, expected, f"columns {one} and {other}", "rename one of them")
        if all(found):
            return [column for (column,) in found]
    remedy = "add it, or rename the one that holds it"
    if source.separator and len(source.header) == 1:
        remedy = "add it, separated by comma, semicolon or tab"
    expected = f"a column {shown(ways[0])} (or {', '.join(ways[1:])})"
    there = listed([name for name in source.header if name]) or "none with a name"
    raise wrong(place, expected, there, remedy)


# --- Students -----------------------------------------------------------------------------


def _people(source: Source) -> Iterator[tuple[str, str]]:
    """Yield the id and the name of each student, or raise for the first that can't be used."""
    of_name, of_id = _columns(source, NAME), _columns(source, ID)
    records = ((line, [_text(cell) for cell in cells]) for line, cells in source.stored())
    earlier: dict[str, tuple[str, int]] = {}
    for line, cells in filled(source, records):
        name, number = (_joined(source, line, cells, columns) for columns in (of_name, of_id))
        same, at = earlier.setdefault(caseless(number), (number, line))
        if at != line:
            found = f"{shown(number)} as well as {shown(same)} in {source.unit} {at}"
            remedy = f"correct it, or remove the {source.unit}"
            raise wrong(source.place(line, of_id[0]), "ids that differ", found, remedy)
        yield number, name


def _text(cell: object) -> str | None:
    """Return a cell as text with single blanks, or nothing if there is none."""
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)  # an id that Excel took for a number
    return None if cell is None else " ".join(str(cell).split()) or None


def _joined(source: Source, line: int, cells: Sequence[str | None], columns: Sequence[int]) -> str:
    """Return what the cells of a name or an id hold, made safe; some have only one name."""
    text = " ".join(filter(None, (cells[i] for i in columns)))
    place = source.place(line, columns[0])
    if not text:
        raise InputError(f"{place}: {fault_of(None, stored=not source.separator)}.")
    if len(text) > LONGEST:
        found = f"{len(text)} ({shown(text)})"
        raise wrong(place, f"at most {LONGEST} characters", found, "shorten it")
    return label(text)


def caseless(number: str) -> str:
    """Return an id without what people and file systems may overlook: letter case and blanks."""
    return number.replace(" ", "").casefold()


# --- Files --------------------------------------------------------------------------------


def _files(people: Sequence[tuple[str, str]]) -> list[str]:
    """Return a name for the file of each student; where two are the same, a number follows."""
    files: dict[str, int] = {}
    for position, (number, name) in enumerate(people, 1):
        file = wanted = file_of(number, name, position)
        while file in files:
            # Counted on from the last, so that thousands that are the same take no longer.
            files[wanted] += 1
            file = f"{wanted}-{files[wanted]}"
        files[file] = 1
    return list(files)


def file_of(number: str, name: str, position: int = 0) -> str:
    """Return the name for the file of a student, which may be another student's as well."""
    # With a hyphen inside, it is none of the names that Windows keeps to itself (con, nul, …).
    last = _plain(number, LONGEST_ID_IN_FILE) or str(position)
    room = LONGEST_FILE - ROOM_FOR_NUMBER - len(last) - 1
    return f"{_plain(name, room) or 'student'}-{last}"


def _plain(text: str, longest: int) -> str:
    """Return the letters and digits of a text without accents, what is between them as hyphens."""
    # Taken apart twice: small letters of what came apart may come apart again, and the reverse.
    small = unicodedata.normalize("NFKD", text).casefold().translate(PLAIN)
    letters = (c for c in unicodedata.normalize("NFKD", small) if not unicodedata.combining(c))
    return re.sub(r"[^a-z0-9]+", "-", "".join(letters)).strip("-")[:longest].rstrip("-")
