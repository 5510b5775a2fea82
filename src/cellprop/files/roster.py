"""Reading who takes part in a course: a name and an id for each student, and a name for their file.

Knows what a roster holds, also as learning platforms export it, and what every system takes as the
name of a file; knows nothing of networks, nor of what is written into the files.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cellprop.errors import InputError
from cellprop.files.opening import fault_of, listed, short, shown, wrong
from cellprop.files.safe import label
from cellprop.files.tables import Source, filled, opened
from cellprop.files.titles import FIRST, FULL, ID, LAST, PARTICIPANT, SOLE, USERNAME, known_by
from cellprop.limits import MOST_STUDENTS, check_count

# The columns of a class's key, by which it is told from a roster.
KEY_COLUMNS = ("id", "name", "file", "digest")
# As Blackboard calls a table of text.
TABLE_AS_TEXT = ".xls"
# Of an id, a name, and a file with the number that it gets where two would be the same.
LONGEST = 200
LONGEST_ID_IN_FILE = 40
LONGEST_FILE = 80
ROOM_FOR_NUMBER = 8
# Brightspace writes these with a # in front, so that Excel takes none for a number.
MARKED = frozenset(map(known_by, ("OrgDefinedId", *USERNAME)))
MARKED_ID = re.compile(r"#[^#]+")
# Moodle's `Participant 123`, in some languages without a blank.
NUMBERED = re.compile(r"(\D*?)\s*(\d+)", re.ASCII)
# How a CSV tells a spreadsheet program that a cell is text: `="007"`.
KEPT_AS_TEXT = re.compile(r'="(.*)"')
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


@dataclass(frozen=True)
class Roster:
    """The students of a file.

    Attributes:
        students: In the order of the file.
        remarks: Which columns were taken, where that is not plain, and what was left out.
    """

    students: tuple[Student, ...]
    remarks: tuple[str, ...]


def read(path: str | Path) -> tuple[Student, ...]:
    """Read the students of a roster; `read_all` says what was taken of it as well."""
    return read_all(path).students


def read_all(path: str | Path) -> Roster:
    """Read a roster from a CSV or Excel file with a row that names the columns.

    Parameters
    ----------
    path
        CSV (.csv, .txt or .tsv, separated by comma, semicolon or tab) or Excel (.xlsx or .xlsm),
        with columns `name` and `id`, or others that `titles` lists, in any order and letter case.
        Further columns are ignored. So it may be what Moodle, Canvas, Blackboard (also .xls that is
        text), Brightspace or Sakai export.

        Of several ids the platform's own is taken, or else the first that `titles.ID` lists; a
        column that is empty for everybody is passed over. Titles above the header, and what in
        an export of Canvas or Blackboard is no student, are left out, and `remarks` says so.

    Raises
    ------
    InputError
        If the file can't be read, has no such columns or no student, or a name or an id is empty or
        too long, or an id is there twice; the message names the line (or row) and the column.
    """
    source = opened(path, _known, "student", also=_endings(path))
    if tuple(source.header[: len(KEY_COLUMNS)]) == KEY_COLUMNS:
        found = "the key of a class"
        raise wrong(source.where, "a roster", found, "give the list that it was written from")
    table = _Table.of(source)
    check_count(source.where, "students", len(table.rows), MOST_STUDENTS, "make several lists")
    people = list(_people(table))
    if not people:
        expected = f"at least one {source.unit} below the header"
        raise wrong(source.where, expected, "none", f"add a {source.unit} for each student")
    students = tuple(
        Student(number, name, position, file)
        for position, ((number, name), file) in enumerate(
            zip(people, _files(people), strict=True), 1
        )
    )
    return Roster(students, tuple(table.remarks()))


def _endings(path: str | Path) -> tuple[str, ...]:
    return (TABLE_AS_TEXT,) if Path(path).suffix.lower() == TABLE_AS_TEXT else ()


# --- The header ---------------------------------------------------------------------------


def _known(header: Sequence[str]) -> int:
    keys = {known_by(title) for title in (*SOLE, *FULL, *FIRST, *LAST, *ID)}
    return len(keys & set(map(known_by, header)))


# --- Columns ------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Columns:
    """Where the columns of a header stand, by what their titles are known by."""

    places: Mapping[str, Sequence[int]]

    @classmethod
    def of(cls, header: Sequence[str]) -> _Columns:
        places: dict[str, list[int]] = {}
        for i, title in enumerate(header):
            places.setdefault(known_by(title), []).append(i)
        return cls(places)

    def has(self, *titles: str) -> bool:
        """Whether there are columns of all these titles."""
        return all(known_by(title) in self.places for title in titles)

    def first(self, titles: Sequence[str]) -> str:
        """Return the first of some titles that there is a column of, or nothing."""
        return next((title for title in titles if self.has(title)), "")

    @property
    def of_canvas(self) -> bool:
        return self.has("id", "sis login id", "section")

    @property
    def of_blackboard(self) -> bool:
        marks = ("lastaccess", "availability", "totalpts")
        marked = any(mark in key for key in self.places for mark in marks)
        return marked and self.has("last name", "first name", "username")

    @property
    def of_brightspace(self) -> bool:
        return self.has("OrgDefinedId") or self.has("username", "end-of-line indicator")

    def names(self) -> list[str]:
        """Return the titles of the columns that together are a name; none if there is none."""
        sole, first, last = (self.first(titles) for titles in (SOLE, FIRST, LAST))
        if sole and bool(first) != bool(last):
            return [first, sole] if first else [sole, last]
        whole = sole or self.first(FULL)
        if whole:
            return [whole]
        if first and last:
            return [first, last]
        # Brightspace leaves the names out unless one asks for them.
        known = [self.first(USERNAME) or self.first(ID)] if self.of_brightspace else []
        return list(filter(None, known))

    def ids(self) -> list[str]:
        """Return the titles of columns that tell students apart, the best first."""
        found = [title for title in ID if self.has(title)]
        if self.of_blackboard:
            found.sort(key=lambda title: title != "username")
        return found


@dataclass(frozen=True)
class _Table:
    """A roster whose columns were found.

    Attributes:
        source: The file.
        rows: What is below the header and a student, with the line (or row) of each.
        of_name, of_id: The columns of name and id.
        others: Further columns that could have been the id.
        left_out: The lines (or rows) that are no students, and what they begin with.
    """

    source: Source
    rows: Sequence[tuple[int, Sequence[str | None]]]
    of_name: Sequence[int]
    of_id: int
    others: Sequence[int]
    left_out: Sequence[tuple[int, str]]

    @classmethod
    def of(cls, source: Source) -> _Table:
        columns = _Columns.of(source.header)
        of_name = [_only(source, columns, title) for title in columns.names()]
        if not of_name:
            raise _missing(source, NAMES_EXPECTED)
        if not columns.ids():
            raise _missing(source, IDS_EXPECTED)
        records = ((line, [_text(cell) for cell in cells]) for line, cells in source.stored())
        rows, left_out = [], []
        candidates = [i for title in columns.ids() for i in columns.places[known_by(title)]]
        for line, cells in filled(source, records):
            what = _no_student(columns, cells, of_name, candidates)
            if what is None:
                rows.append((line, cells))
            else:
                left_out.append((line, what))
        used = [
            title
            for title in columns.ids()
            if any(cells[i] for _, cells in rows for i in columns.places[known_by(title)])
        ] or columns.ids()
        of_id = _only(source, columns, used[0])
        others = [i for i in candidates if i not in (of_id, *of_name)]
        return cls(source, rows, of_name, of_id, others, left_out)

    def remarks(self) -> Iterator[str]:
        """Yield which columns were taken, where that is not plain, and what was left out."""
        header, where = self.source.header, self.source.where
        yield from (f"{where}: {note}" for note in self.source.notes)
        taken = [known_by(header[i]) for i in (*self.of_name, self.of_id)]
        if taken != ["name", "id"] or self.others:
            names = " and ".join(shown(header[i]) for i in self.of_name)
            instead = f", not {listed([header[i] for i in self.others])}" if self.others else ""
            yield f"{where}: names are from {names}, ids from {shown(header[self.of_id])}{instead}."
        if self.left_out:
            rows = [f"{self.source.unit} {line} ({what})" for line, what in self.left_out]
            yield f"{where}: left out, being no students: {listed(rows)}."


NAMES_EXPECTED = (
    "'name' (or full name, student name, student, first name + last name, …, as learning platforms"
    " call it)"
)
IDS_EXPECTED = (
    "'id' (or student id, student number, matriculation number, id number, username, email, …, as"
    " learning platforms call it)"
)


def _missing(source: Source, expected: str) -> InputError:
    remedy = "add it, or rename the one that holds it"
    if source.separator and len(source.header) == 1:
        remedy = "add it, separated by comma, semicolon or tab"
    there = listed([title for title in source.header if title]) or "none with a name"
    return wrong(source.place(source.first), f"a column {expected}", there, remedy)


def _only(source: Source, columns: _Columns, title: str) -> int:
    """Return the one column of a title."""
    found = columns.places[known_by(title)]
    if len(found) > 1:
        one, other = (f"{i + 1} ({shown(source.header[i])})" for i in found[:2])
        expected = f"one column {shown(source.header[found[0]])}"
        place = source.place(source.first)
        raise wrong(place, expected, f"columns {one} and {other}", "rename one of them")
    return found[0]


def _no_student(
    columns: _Columns,
    cells: Sequence[str | None],
    of_name: Sequence[int],
    ids: Sequence[int],
) -> str | None:
    """Return the words for a row of a platform that is no student; None if it is one."""
    name = " ".join(filter(None, (cells[i] for i in of_name)))
    without_id = not any(cells[i] for i in ids)
    if columns.of_canvas:
        # Above the students, how many points each column has, and which are hidden.
        if without_id and (not name or name.casefold().startswith("points possible")):
            return short(next(filter(None, cells), ""))
        if name in ("Student, Test", "Test Student"):
            return short(name)
    if columns.of_blackboard:
        username = cells[columns.places["username"][0]] or ""
        if username.casefold().endswith("_previewuser"):
            return short(username)
    return None


# --- Students -----------------------------------------------------------------------------


def _people(table: _Table) -> Iterator[tuple[str, str]]:
    """Yield the id and the name of each student, or raise for the first that can't be used."""
    source, bare = table.source, _bare(table)
    earlier: dict[str, tuple[str, int]] = {}
    for line, cells in table.rows:
        name = _joined(source, line, cells, table.of_name)
        number = label(bare(line, _joined(source, line, cells, [table.of_id])))
        if known_by(source.header[table.of_name[0]]) in MARKED:
            name = name.removeprefix("#")
        same, at = earlier.setdefault(caseless(number), (number, line))
        if at != line:
            found = f"{shown(number)} as well as {shown(same)} in {source.unit} {at}"
            remedy = f"correct it, or remove the {source.unit}"
            raise wrong(source.place(line, table.of_id), "ids that differ", found, remedy)
        yield number, name


def _bare(table: _Table) -> Callable[[int, str], str]:
    """Return a function that takes from an id what a platform writes around all or none."""
    source = table.source
    ids = [cells[table.of_id] or "" for _, cells in table.rows]
    if known_by(source.header[table.of_id]) in MARKED and all(MARKED_ID.fullmatch(n) for n in ids):
        return lambda _, number: number[1:]
    first = NUMBERED.fullmatch(ids[0]) if ids else None
    if first is None or first[1].casefold() not in PARTICIPANT:
        return lambda _, number: number
    word = first[1]

    def number_of(line: int, number: str) -> str:
        found = NUMBERED.fullmatch(number)
        if found is None or found[1] != word:
            place, expected = source.place(line, table.of_id), f"{shown(word)} and a number"
            raise wrong(place, expected, shown(number), "give the file as Moodle wrote it")
        return found[2]

    return number_of


def _text(cell: object) -> str | None:
    """Return a cell as text with single blanks, or nothing if there is none."""
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)  # an id that Excel took for a number
    if cell is None:
        return None
    text = " ".join(str(cell).split())
    kept = KEPT_AS_TEXT.fullmatch(text) if text.startswith('="') else None
    return (kept[1].replace('""', '"').strip() if kept else text) or None


def _joined(source: Source, line: int, cells: Sequence[str | None], columns: Sequence[int]) -> str:
    """Return the text of the cells of a name or an id, made safe; some have only one name."""
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
