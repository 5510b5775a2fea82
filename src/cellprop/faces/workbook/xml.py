"""The XML of cells and rows, and the file they are put into. Nothing else writes XML but `shapes`,
for drawings, which escapes its texts by what is here.

openpyxl writes formulas without their values and is slow at cells; so it writes the *frame* of
each sheet (styles, columns, rules, links, print set-up), and the rows are streamed in here.

Files are small because nothing is said twice: a text that many cells show is stored once, and what
a reader takes for granted is left out (a declaration that it is XML in UTF-8, and attributes that
say what is so without them).
"""

from __future__ import annotations

import re
import zipfile
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from html import escape as html_escape
from typing import IO
from xml.etree.ElementTree import canonicalize
from xml.parsers.expat import ParserCreate

# How a part begins that is written as it is to be, which openpyxl's are not.
OWN = "<wsDr xmlns:a="
# How hard to compress: of a large workbook 4, twice as fast as zip's usual 6 for files 5 % larger;
# of a small one, which takes no time, more.
COMPRESSION, SMALL_COMPRESSION, SMALL = 4, 8, 1_000_000
# The oldest date a zip archive can hold: builds must not depend on the clock.
LONG_AGO = (1980, 1, 1, 0, 0, 0)

_LOOKS_ESCAPED = re.compile(r"_(?=x[0-9A-Fa-f]{4}_)")
_SHEET_DATA = re.compile(r"<sheetData/>|<sheetData>.*?</sheetData>", re.DOTALL)
_HEIGHT = re.compile(r'(<row r="\d+" ht=")([^"]+)')
_DIMENSION = re.compile(r"<dimension [^>]*/>")
_COLUMNS = re.compile(r"(?<=<cols>).*?(?=</cols>)")
_COLUMN = re.compile(r'<col ([^>]*)max="(\d+)" min="(\d+)"([^>]*)/>')
_BETWEEN = re.compile(r">\s+<")
# White space that a reader may drop from a text, or make one blank of.
_SPACED = re.compile(r"^\s|\s$|\s\s|[\t\n\r]")
# The text of a cell, as `text_cell` writes it.
_TEXT_OF_CELL = re.compile(r' t="inlineStr"><is>(<t[^<]*</t>)</is>')
# The most points that a spreadsheet lets a row be high.
HIGHEST_ROW = 409
_NAMESPACE_OF_XML = "http://www.w3.org/XML/1998/namespace"
# What canonical XML writes of characters in a text, but for `>`, and in an attribute.
_TEXT = str.maketrans({"&": "&amp;", "<": "&lt;", "\r": "&#xD;"})
_ATTRIBUTE = str.maketrans(
    {"&": "&amp;", "<": "&lt;", '"': "&quot;", "\t": "&#x9;", "\n": "&#xA;", "\r": "&#xD;"}
)
ANY = "*"
# What openpyxl says by element and attribute, though it is so if nothing is said.
_USUAL: Mapping[str, Mapping[str, str]] = {
    "xf": {"pivotButton": "0", "quotePrefix": "0"},
    "cellStyle": {"hidden": "0"},
    "protection": {"hidden": "0"},
    "dataValidation": {"showDropDown": "0", "showInputMessage": "0"},
    "mergeCells": {"count": ANY},
    "dataValidations": {"count": ANY},
    "sheet": {"state": "visible"},
    "sheetFormatPr": {"baseColWidth": "8"},
    "pageSetup": {"fitToHeight": "1", "fitToWidth": "1"},
    "workbookView": {
        "activeTab": "0", "autoFilterDateGrouping": "1", "firstSheet": "0", "minimized": "0",
        "showHorizontalScroll": "1", "showSheetTabs": "1", "showVerticalScroll": "1",
        "tabRatio": "600", "visibility": "visible",
    },
}  # fmt: skip
_NOTHING: Mapping[str, str] = {}
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_STRINGS = "xl/sharedStrings.xml"
_TYPE_OF_STRINGS = (
    f'<Override ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml'
    f'.sharedStrings+xml" PartName="/{_STRINGS}"/>'
)
_RELATION_OF_STRINGS = (
    '<Relationship Id="strings" Target="sharedStrings.xml" Type="http://schemas.openxmlformats.org'
    '/officeDocument/2006/relationships/sharedStrings"/>'
)
# openpyxl leaves out that a rule makes text not bold; without it, bold text stays bold.
_NOT_BOLD = ("<dxf><font><color", '<dxf><font><b val="0"/><color')


def escape(text: str) -> str:
    """Return text with `&` and `<` as XML writes them, and `>` where it can't stand for itself."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace("]]>", "]]&gt;")


def quoted(text: str) -> str:
    """Return text as XML writes it between the quotation marks of an attribute."""
    return html_escape(text)


def escaped(text: str) -> str:
    """Return text as XML. `_x0041_` is Excel's own escape, so a literal one is escaped too."""
    return escape(_LOOKS_ESCAPED.sub("_x005F_", text))


def number(value: float) -> str:
    """Return the shortest text that reads back as the same number; there is no minus zero."""
    text = repr(value)
    return text[:-2].replace("-0", "0") if text in ("0.0", "-0.0") else text.removesuffix(".0")


def blank_cell(address: str, style: int) -> str:
    """Return an empty cell."""
    return f'<c r="{address}" s="{style}"/>'


def text_cell(address: str, style: int, text: str) -> str:
    """Return a cell of text, which stays text whatever it begins with."""
    how = ' xml:space="preserve"' if _SPACED.search(text) else ""
    return f'<c r="{address}" s="{style}" t="inlineStr"><is><t{how}>{escaped(text)}</t></is></c>'


def formula_cell(address: str, style: int, formula: str, value: float) -> str:
    """Return a cell of a formula (without `=`) and its value."""
    return f'<c r="{address}" s="{style}"><f>{escape(formula)}</f><v>{number(value)}</v></c>'


def text_formula_cell(address: str, style: int, formula: str, value: str) -> str:
    """Return a cell of a formula whose value is text."""
    return (
        f'<c r="{address}" s="{style}" t="str"><f>{escape(formula)}</f><v>{escaped(value)}</v></c>'
    )


def blank_cells(addresses: list[str], style: int) -> str:
    """Return a row of empty cells."""
    return "".join([f'<c r="{a}" s="{style}"/>' for a in addresses])


def number_cells(addresses: list[str], style: int, values: list[str]) -> str:
    """Return a row of cells of numbers."""
    return "".join(
        [f'<c r="{a}" s="{style}"><v>{v}</v></c>' for a, v in zip(addresses, values, strict=True)]
    )


def formula_cells(addresses: list[str], style: int, formulas: list[str], values: list[str]) -> str:
    """Return a row of formula cells; the texts hold nothing that XML needs escaped."""
    return "".join(
        [
            f'<c r="{a}" s="{style}"><f>{f}</f><v>{v}</v></c>'
            for a, f, v in zip(addresses, formulas, values, strict=True)
        ]
    )


def row(index: int, cells: str, height: float, *, folded: bool = False, folds: bool = False) -> str:
    """Return a row of a height in points: `folded` away, or one that `folds` those above it."""
    how = ' hidden="1" outlineLevel="1"' * folded + ' collapsed="1"' * folds
    height = min(height, HIGHEST_ROW)
    return f'<row r="{index}" ht="{height:g}" customHeight="1"{how}>{cells}</row>'


def text_formula_cells(
    addresses: list[str], style: int, formulas: list[str], values: list[str]
) -> str:
    """Return a row of cells of formulas that hold a quoted text, each with its value as it stands
    in the file; an empty value is an empty text.
    """
    cells = []
    for address, formula, value in zip(addresses, formulas, values, strict=True):
        kind = "" if value else ' t="str"'
        cells.append(
            f'<c r="{address}" s="{style}"{kind}><f>{escape(formula)}</f><v>{value}</v></c>'
        )
    return "".join(cells)


def properties(texts: Mapping[str, str]) -> str:
    """Return the part that holds a document's own properties: texts by name."""
    schemas = "http://schemas.openxmlformats.org/officeDocument/2006"
    entries = "".join(
        f'<property fmtid="{{D5CDD505-2E9C-101B-9397-08002B2CF9AE}}" pid="{number}"'
        f' name="{quoted(name)}"><vt:lpwstr>{escaped(text)}</vt:lpwstr></property>'
        for number, (name, text) in enumerate(texts.items(), 2)
    )
    return (
        f'<Properties xmlns="{schemas}/custom-properties"'
        f' xmlns:vt="{schemas}/docPropsVTypes">{entries}</Properties>'
    )


PROPERTIES = "docProps/custom.xml"


def with_properties(book: IO[bytes], texts: Mapping[str, str], file: IO[bytes]) -> None:
    """Write a workbook that openpyxl saved, with properties of its own that Gnumeric reads, too."""
    with zipfile.ZipFile(book) as source:
        parts = {name: source.read(name).decode() for name in source.namelist()}
    assemble(parts | {PROPERTIES: properties(texts)}, {}, file)


def parts_of(frame: IO[bytes]) -> dict[str, str]:
    """Return the parts of a workbook without rows, as openpyxl saves it, by their paths."""
    with zipfile.ZipFile(frame) as source:
        return {name: _part(name, source.read(name).decode()) for name in source.namelist()}


def _part(name: str, content: str) -> str:
    """Return a part as every program reads it."""
    if content.startswith(OWN):
        return content
    # Canonical XML, so that it does not matter which parser openpyxl found installed.
    part = _canonical(content).replace(*_NOT_BOLD)
    if name.startswith("xl/worksheets/_rels/"):
        # IronCalc finds comments only from where their sheet is.
        part = part.replace('Target="/xl/', 'Target="../')
    elif name.startswith("xl/worksheets/"):
        part = _COLUMNS.sub(_together, part)
    elif name.startswith("xl/theme/"):
        part = _BETWEEN.sub("><", part)
    return part


def _together(columns: re.Match[str]) -> str:
    """Return columns with neighbours that are alike as one."""
    found: list[tuple[str, str, str, str]] = []
    for before, last, first, after in _COLUMN.findall(columns[0]):
        if found and found[-1][::3] == (before, after) and int(found[-1][1]) + 1 == int(first):
            found[-1] = (before, last, found[-1][2], after)
        else:
            found.append((before, last, first, after))
    return "".join([f'<col {b}max="{last}" min="{first}"{a}/>' for b, last, first, a in found])


def _canonical(content: str) -> str:
    """Return a document as canonical XML (C14N 2.0) but for its length: namespaces are declared at
    the root, an element without content is one tag, `>` stands for itself, and what is usual is
    left out.

    Canonical XML declares one where it is used first. To Gnumeric an element that declares its own
    is a stranger: it would drop charts, and the document's own properties. Python's `canonicalize`,
    which looks up every name, takes a fifth of a small build; so only what gives two namespaces one
    name is left to it.
    """
    pieces: list[str] = []
    declared, used, is_plain = {"xml": _NAMESPACE_OF_XML}, set[str](), True
    started = 0

    def place(attribute: tuple[str, str]) -> tuple[str, str]:
        prefix, _, name = attribute[0].rpartition(":")
        if not prefix:
            return "", "" if name == "xmlns" else name
        used.add(prefix)
        return declared.get(prefix, prefix), name

    def start(name: str, listed: list[str]) -> None:
        nonlocal is_plain, started
        own, usual = [], _USUAL.get(name, _NOTHING)
        for key, value in zip(listed[::2], listed[1::2], strict=True):
            if key.startswith("xmlns:"):
                is_plain &= declared.setdefault(key[6:], value) == value
            elif usual.get(key) not in (value, ANY):
                own.append((key, value))
                is_plain &= key != "xmlns" or not pieces  # the root's stays where it is
        own.sort(key=place)
        used.add(name.rpartition(":")[0])
        pieces.append(f"<{name}")
        pieces.append(
            "".join(f' {key}="{value.translate(_ATTRIBUTE)}"' for key, value in own) + ">"
        )
        started = len(pieces)

    def end(name: str) -> None:
        nonlocal started
        if started == len(pieces):
            pieces[-1], started = f"{pieces[-1][:-1]}/>", 0
        else:
            pieces.append(f"</{name}>")

    parser = ParserCreate()
    parser.ordered_attributes = parser.buffer_text = True
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = lambda text: pieces.append(
        text.translate(_TEXT).replace("]]>", "]]&gt;")
    )
    parser.Parse(content, True)
    if not is_plain:
        alike = canonicalize(content)  # which gives a namespace the same name wherever it can
        return alike if alike == content else _canonical(alike)
    for prefix in sorted(used & declared.keys() - {"xml"}):
        pieces[0] += f' xmlns:{prefix}="{declared[prefix]}"'
    return "".join(pieces)


def assemble(
    parts: Mapping[str, str],
    sheets: Mapping[str, Sequence[str]],
    file: IO[bytes],
    stretch: float = 1.0,
) -> None:
    """Write a workbook: the parts of a frame, with rows streamed into its sheets.

    Parameters
    ----------
    parts
        The parts of a frame.
    sheets
        The rows of each sheet by the path of its part.
    file
        Where to write; the same input gives the same bytes.
    stretch
        By how much rows are higher than they were told to be.
    """
    wholes = dict(parts)
    for name in parts.keys() & sheets.keys():
        rows = sheets[name]
        wholes[name] = _with_rows(parts[name], rows if stretch == 1 else _stretched(rows, stretch))
    _share_texts(wholes, [name for name in sheets if name in parts])
    size = sum(map(len, wholes.values()))
    level = SMALL_COMPRESSION if size < SMALL else COMPRESSION
    with zipfile.ZipFile(file, "w") as target:
        for name, whole in wholes.items():
            target.writestr(_entry(name), whole.encode(), compresslevel=level)


def _with_rows(part: str, rows: Sequence[str]) -> str:
    """Return a sheet of the frame with rows in it."""
    found = _SHEET_DATA.search(part)
    assert found is not None
    # The range of cells is optional, and openpyxl knows only the frame's.
    head = _DIMENSION.sub("", part[: found.start()], count=1)
    return "".join([head, "<sheetData>", *rows, "</sheetData>", part[found.end() :]])


def _share_texts(parts: dict[str, str], sheets: Iterable[str]) -> None:
    """Store each text of some sheets once, in a part of its own, to which their cells refer."""
    counts = Counter(text for name in sheets for text in _TEXT_OF_CELL.findall(parts[name]))
    if not counts:
        return
    # The most frequent first, so that they have the shortest numbers.
    cells = {text: f' t="s"><v>{i}</v>' for i, (text, _) in enumerate(counts.most_common())}
    for name in sheets:
        parts[name] = _TEXT_OF_CELL.sub(lambda found: cells[found[1]], parts[name])
    texts = "".join([f"<si>{text}</si>" for text in cells])
    parts[_STRINGS] = f'<sst xmlns="{_MAIN}">{texts}</sst>'
    for name, end, entry in (
        ("[Content_Types].xml", "</Types>", _TYPE_OF_STRINGS),
        ("xl/_rels/workbook.xml.rels", "</Relationships>", _RELATION_OF_STRINGS),
    ):
        parts[name] = parts[name].replace(end, entry + end)


def _stretched(rows: Sequence[str], factor: float) -> list[str]:
    """Return rows that are higher by a factor."""

    def higher(found: re.Match[str]) -> str:
        return f"{found[1]}{min(float(found[2]) * factor, HIGHEST_ROW):g}"

    # No text begins so: in it, `<` is escaped.
    return [_HEIGHT.sub(higher, row) for row in rows]


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, LONG_AGO)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o644 << 16
    entry.create_system = 3  # the same whatever system writes
    return entry
