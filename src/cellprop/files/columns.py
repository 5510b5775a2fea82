"""Which columns of a file are meant: targets and inputs, by names as people type them.

Names are compared as they are first, and then more and more loosely; knows nothing of what the
columns hold.
"""

from __future__ import annotations

import csv
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby

from cellprop.errors import InputError, nearest
from cellprop.files.opening import listed, shown, wrong
from cellprop.files.safe import label

Listed = str | Sequence[str] | None
"""Names of columns: a sequence of them; or a text, which is a name or several with commas."""


def _composed(name: str) -> str:
    return unicodedata.normalize("NFC", name).strip()


def _plain(name: str) -> str:
    """Return a name without what is not seen: kinds of blanks, joints, full-width forms."""
    if name.isascii():
        return " ".join(name.split())
    seen = (c for c in unicodedata.normalize("NFKC", name) if unicodedata.category(c) != "Cf")
    return re.sub(r"[\s␀-␠]+", " ", "".join(seen)).strip()


def _caseless(name: str) -> str:
    return _plain(_plain(name).casefold())


WAYS: tuple[Callable[[str], str], ...] = (str, _composed, _plain, _caseless)
"""How names are compared, strictly first."""


@dataclass(frozen=True)
class Chosen:
    """The columns that are used, by their positions.

    Attributes:
        targets, inputs: In the order in which they were named, or else stand in the file.
        named: Whether the inputs were named.
        notes: What is to be said of names that were taken loosely.
    """

    targets: tuple[int, ...]
    inputs: tuple[int, ...]
    named: bool
    notes: tuple[str, ...]


def find(name: str, header: Sequence[str]) -> tuple[list[int], bool]:
    """Return the columns that a name may mean, and whether only letter case was overlooked."""
    name = label(name)
    for way in WAYS:
        wanted = way(name)
        found = [i for i, each in enumerate(header) if each and way(each) == wanted]
        if found and wanted:
            return found, way is _caseless
    return [], False


def split(names: Listed, header: Sequence[str]) -> list[str]:
    """Return names one by one: a text that is no name as a whole is taken apart at its commas.

    >>> split("a, 'b'", ["a", "'b'"]), split('"a,b",c', []), split("a,b", ["a,b"])
    (['a', "'b'"], ['a,b', 'c'], ['a,b'])
    """
    if not isinstance(names, str):
        return [str(name).strip() for name in names or ()]
    if find(names, header)[0]:
        return [names.strip()]
    try:
        found = next(csv.reader([names], skipinitialspace=True, strict=True), [])
    except csv.Error:
        found = [names]
    return [name.strip() for name in found if name.strip()]


def known(names: Listed, header: Sequence[str]) -> int:
    """Return the number of the names that a header has."""
    return sum(bool(find(name, header)[0]) for name in split(names, header))


def choose(
    where: str, place: str, header: Sequence[str], target: Listed, inputs: Listed, drop: Listed
) -> Chosen:
    """Return the columns that are used.

    Parameters
    ----------
    where, place
        How errors call the file, and its header.
    header
        The names of its columns; empty where one has none.
    target, inputs, drop
        Which are targets, and which are inputs or are left out; all others are inputs.

    Raises
    ------
    InputError
        If a name is not found, may mean several columns, or is named twice.
    """
    if inputs is not None and drop is not None:
        raise InputError("inputs, drop: say which columns are inputs, or which are not; not both.")
    notes: list[str] = []
    if drop is not None:
        dropped = {i for name in split(drop, header) for i in _any(where, header, name)}
    else:
        dropped = set()
    columns = {}
    for what, names in (("target", target), ("inputs", inputs)):
        columns[what] = [_one(where, place, header, name, notes) for name in split(names, header)]
        for i, column in enumerate(columns[what]):
            if column in columns[what][:i]:
                named = shown(header[column])
                raise InputError(f"{what}: {named} is named twice; name each column once.")
    if not columns["target"]:
        raise wrong("target", "the name of a column", "none", "name one")
    for column in columns["target"]:
        if column in columns["inputs"] or column in dropped:
            other = "an input" if inputs is not None else "left out"
            raise InputError(
                f"target: {shown(header[column])} can't be {other} as well; name it once."
            )
    if inputs is None:
        rest = range(len(header))
        columns["inputs"] = [i for i in rest if i not in {*columns["target"], *dropped}]
        _check_header(place, header, columns["inputs"])
    if not columns["inputs"]:
        if inputs is not None:
            raise wrong("inputs", "the names of columns", "none", "name one, or leave it out")
        what = "every column is a target" if not dropped else "no column is left as an input"
        raise InputError(f"{where}: {what}; leave at least one as an input.")
    return Chosen(tuple(columns["target"]), tuple(columns["inputs"]), inputs is not None, (*notes,))


def _any(where: str, header: Sequence[str], name: str) -> list[int]:
    found, _ = find(name, header)
    if found:
        return found
    there = [each for each in header if each]
    numbers = sum(map(_is_number, there))
    if numbers == len(there) and there:
        raise InputError(
            f"{where}: there is no column {shown(name)}, and its first line holds only numbers;"
            " put a line with the names of the columns above them."
        )
    raise InputError(
        f"{where}: there is no column {shown(name)}; there are"
        f" {listed([_apart(each) for each in there])}.{nearest(name, there)}"
    )


def _one(where: str, place: str, header: Sequence[str], name: str, notes: list[str]) -> int:
    found = _any(where, header, name)
    if len(found) > 1:
        called = [shown(header[i]) for i in found]
        alike = (
            f"both called {called[0]}"
            if called[0] == called[1]
            else f"called {' and '.join(called[:2])}"
        )
        columns = f"columns {found[0] + 1} and {found[1] + 1} {alike}"
        raise wrong(place, "names that differ", columns, "rename one of them")
    if find(name, header)[1]:
        notes.append(f"{shown(name)} is taken for the column {shown(header[found[0]])}.")
    return found[0]


def _check_header(place: str, header: Sequence[str], used: Sequence[int]) -> None:
    """Refuse inputs that have the same name."""
    named = sorted((i for i in used if header[i]), key=lambda i: (header[i], i))
    same = [[*each] for _, each in groupby(named, key=lambda i: header[i])]
    for first, second, *_ in sorted(each for each in same if len(each) > 1):
        found = f"columns {first + 1} and {second + 1} both called {shown(header[first])}"
        raise wrong(
            place, "names that differ", found, "rename one of them, or leave both out (--drop)"
        )


def _is_number(text: str) -> bool:
    try:
        float(text.replace(",", "."))
    except ValueError:
        return False
    return True


def _apart(name: str) -> str:
    """Return a name as it stands among others between commas."""
    return '"' + name.replace('"', '""') + '"' if "," in name else name


def typed(name: str) -> str:
    """Return a name as it is typed in an option, in quotation marks where it needs them."""
    if "," in name or name != name.strip() or '"' in name:
        name = '"' + name.replace('"', '""') + '"'
    return f"'{name}'" if re.search(r"[^\w.-]", name) else name
