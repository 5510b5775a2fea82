"""Elements of XML that are wanted of a part, found while it is read piece by piece.

A reader keeps what it was asked for and no more, whatever else the part has. Knows the vocabulary
of spreadsheets; knows nothing of archives.
"""

from __future__ import annotations

import re
from collections.abc import Set
from dataclasses import dataclass, field
from xml.parsers import expat

from cellprop.files.entries import LONGEST_STORED, WHOLE, plain, unescaped

PROPERTY_TEXTS = {"lpwstr", "lpstr", "bstr"}
# A parser that reads piece by piece keeps the open elements, all names and one tag; no program
# comes near what those may be. Of what it finds, so much is kept.
MOST_ELEMENTS, MOST_STRINGS = 200_000, 500_000
# Of texts that are kept in full.
MOST_TEXT = 128 * 1024**2
TEXTS = {"v", "t", "definedName", *PROPERTY_TEXTS}
_OF_STYLES = {"numFmts", "numFmt", "cellStyleXfs", "cellXfs", "cellStyles", "dxfs", "xf"}
ELEMENTS = {
    "row", "c", "f", "si", "rPh", "workbookPr", "sheet", "Relationship", "property", *TEXTS,
    *_OF_STYLES,
}  # fmt: skip


@dataclass
class Element:
    """An element: its attributes, which kinds of others are within it, and their text."""

    kind: str
    attributes: dict[str, str]
    within: set[str] = field(default_factory=set)
    text: str = ""
    # The attributes of a formula within it.
    formula: dict[str, str] = field(default_factory=dict)

    @property
    def relation(self) -> str:
        """The id of the relation that leads to the element's part."""
        return next((value for key, value in self.attributes.items() if key.endswith(":id")), "")


class ElementReader:
    """What is wanted of a part: elements of some kinds, the outermost of them if they nest."""

    kept: Set[str] = TEXTS

    def __init__(self, *kinds: str) -> None:
        self._wanted = kinds
        self.depth = 0
        self.is_done = False
        self._parser: expat.XMLParserType
        self._kinds: dict[str, str] = {}
        self._prefix: str | None = None
        self._record: Element | None = None
        self._level = 0
        self._takes = self._is_phonetic = False

    def listen(self, parser: expat.XMLParserType) -> None:
        """Have a parser tell what it reads."""
        self._parser = parser
        parser.buffer_text = True
        parser.StartElementHandler, parser.EndElementHandler = self._start, self._end

    def stop(self) -> None:
        """Let the rest be."""
        self.is_done = True
        self._parser.StartElementHandler = self._parser.EndElementHandler = None

    def begins(self, kind: str, attributes: dict[str, str]) -> bool:  # noqa: ARG002 - others do
        """Whether an element is wanted."""
        return kind in self._wanted

    def ends(self, record: Element) -> None:
        """Keep what is wanted of it."""
        raise NotImplementedError

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self.depth += 1
        kind = self._kinds.get(name)
        if kind is None:
            kind = self._kinds[name] = self._kind(name)
        if self._record is not None:
            self._record.within.add(kind)
            if kind == "f":
                self._record.formula = attributes
            # How a text is pronounced stands within it, but is not part of it.
            self._is_phonetic |= kind == "rPh"
            self._takes = kind in self.kept and not self._is_phonetic
        elif kind and self.begins(kind, attributes):
            self._record, self._level = Element(kind, attributes), self.depth
            self._takes = kind in self.kept
            # Only now, which is half the time: most of a part's texts are not wanted.
            self._parser.CharacterDataHandler = self._take

    def _take(self, text: str) -> None:
        if self._takes and self._record and len(self._record.text) < LONGEST_STORED:
            self._record.text += text

    def _end(self, name: str) -> None:
        self.depth -= 1
        if self._record is None:
            return
        self._takes = False
        if self._kinds[name] == "rPh":
            self._is_phonetic = False
        if self.depth < self._level:
            record, self._record = self._record, None
            self._parser.CharacterDataHandler = None
            self.ends(record)

    def _kind(self, name: str) -> str:
        """Return an element's name without its prefix; nothing if it is of another vocabulary."""
        prefix, _, kind = name.rpartition(":")
        if self._prefix is None:
            self._prefix = prefix
        is_ours = prefix == self._prefix or kind in PROPERTY_TEXTS
        return kind if is_ours and kind in ELEMENTS else ""


class ElementLister(ElementReader):
    """All elements of some kinds."""

    def __init__(self, *kinds: str) -> None:
        super().__init__(*kinds)
        self.found: list[Element] = []

    def ends(self, record: Element) -> None:
        """Keep it; a part with too many is refused."""
        self.found.append(record)
        if len(self.found) > MOST_ELEMENTS:
            raise ValueError


class StringReader(ElementReader):
    """The texts that cells share."""

    def __init__(self) -> None:
        super().__init__("si")
        self.found: list[str] = []

    def ends(self, record: Element) -> None:
        """Keep its text, of as many as a part may have."""
        self.found.append(plain(record.text))
        if len(self.found) >= MOST_STRINGS:
            self.stop()


class WantedStrings(StringReader):
    """Some of the texts that cells share, in full."""

    def __init__(self, wanted: Set[int]) -> None:
        super().__init__()
        self.texts: dict[int, str] = {}
        self._wanted_numbers, self._next, self._length = wanted, 0, 0

    def ends(self, record: Element) -> None:
        """Keep its text in full, if it is wanted."""
        if self._next in self._wanted_numbers:
            self.texts[self._next] = unescaped(record.text.strip())
            self._length = added(self._length, record.text)
        self._next += 1
        if self._next > MOST_STRINGS:
            self.stop()


def added(length: int, text: str) -> int:
    """Return the length of texts with one more, in characters, if that is not too much."""
    if length + len(text) > MOST_TEXT:
        raise ValueError
    return length + len(text)


# --- Formats ------------------------------------------------------------------------------

# The formats that every program knows by their number: dates, times, and both.
_KNOWN_DATES = {*range(14, 18), 22, *range(27, 32), 34, 35, 36, *range(50, 59)}
_KNOWN_TIMES = {18, 19, 20, 21, 32, 33, 45, 46, 47}
# Of a format's code all but the letters that stand for what is shown: quoted and escaped texts,
# room for a character, colours and conditions; but not hours in all, such as [h].
_DECORATION = re.compile(r'"[^"]*"|\\.|_.|\*.|\[(?!h+\]|m+\]|s+\])[^\]]*\]', re.IGNORECASE)
_MOST_STYLES = 65_536


class StyleReader(ElementReader):
    """The formats of cells, by the numbers of their styles."""

    def __init__(self) -> None:
        super().__init__()
        self.formats: list[str] = []
        self._codes: dict[str, str] = {}
        self._group = ""

    def begins(self, kind: str, attributes: dict[str, str]) -> bool:
        """Keep the number, or the code, of a format; what is within is not wanted."""
        if kind == "xf" and self._group == "cellXfs":
            if len(self.formats) >= _MOST_STYLES:
                raise ValueError
            self.formats.append(attributes.get("numFmtId", ""))
        elif kind == "numFmt" and self._group == "numFmts":
            if len(self._codes) >= _MOST_STYLES:
                raise ValueError
            self._codes[attributes.get("numFmtId", "")] = attributes.get("formatCode", "")[:255]
        elif kind not in ("xf", "numFmt"):
            self._group = kind
        return False

    def code(self, number: str) -> str:
        """Return the letters of d, m, y, h and s that a format shows; none if it shows a number."""
        if number in self._codes:
            plain = _DECORATION.sub("", self._codes[number]).lower()
            return "" if "general" in plain else "".join(sorted(set(plain) & set("dmyhs")))
        if not WHOLE.fullmatch(number):
            return ""
        return "dmy" if int(number) in _KNOWN_DATES else "hm" * (int(number) in _KNOWN_TIMES)
