"""Files as somebody else may have made them, and the one line that a wrong one gets."""

from __future__ import annotations

import re
import tempfile
import zipfile
from functools import cache
from pathlib import Path

import openpyxl
import pytest
from hypothesis import strategies as st

from cellprop import CellpropError
from cellprop.files.datasets import read
from cellprop.files.safe import label
from cellprop.files.samples import LARGEST


def written(folder, content, name="data.csv"):
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def sheet_of(folder, rows, name="data.xlsx"):
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    book.save(folder / name)
    return folder / name


def refused(function, *arguments, **options):
    """Return the error of a call, which has to be one line that is safe to show."""
    with pytest.raises(CellpropError) as caught:
        function(*arguments, **options)
    message = str(caught.value)
    assert message == label(message)
    assert len(message.splitlines()) == 1
    assert len(message) < 1500 + len(str(arguments[0]))
    return message


def read_text(folder, content, target=("y",), **options):
    return read(written(folder, content), target, **options)


LIMIT = "expected a finite number within ±1e+50"
numbers = st.floats(-LARGEST, LARGEST)


def repacked(path, part, change):
    """Change a part of a workbook, or put it in."""
    with zipfile.ZipFile(path) as old:
        parts = {name: old.read(name) for name in old.namelist()}
    parts[part] = change(parts.get(part, b"").decode()).encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for name, content in parts.items():
            new.writestr(name, content)
    return path


def truncated(folder):
    path = sheet_of(folder, [["a", "y"], [1, 2]])
    path.write_bytes(path.read_bytes()[:-200])
    return path


def without_sheets(folder):
    return repacked(
        sheet_of(folder, []),
        "xl/workbook.xml",
        lambda xml: re.sub("<sheets>.*</sheets>", "<sheets/>", xml),
    )


def with_bad_sheet(folder):
    return repacked(sheet_of(folder, []), "xl/worksheets/sheet1.xml", lambda xml: xml[:-20])


def laughing(folder):
    """Return a workbook with entities that stand for a thousand million others."""
    path = sheet_of(folder, [["a", "y"], [1, 2]])
    levels = "".join(f'<!ENTITY e{i} "{f"&e{i - 1};" * 10}">' for i in range(1, 10))

    def change(xml):
        xml = xml.replace('<c r="A1"', '<c r="D1" t="str"><v>&e9;</v></c><c r="A1"')
        return f'<!DOCTYPE x [<!ENTITY e0 "haha">{levels}]>{xml}'

    return repacked(path, "xl/worksheets/sheet1.xml", change)


def bomb(folder):
    return written(folder, _bomb(), "data.xlsx")


@cache
def _bomb():
    with tempfile.TemporaryDirectory() as folder:
        path = sheet_of(Path(folder), [["a", "y"], [1, 2]])
        with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
            for i in range(3):
                archive.writestr(f"{i}.bin", bytes(100 * 1024**2))
        return path.read_bytes()


def far_cell(folder):
    """Return a sheet of two cells that claims thousands of millions."""
    path = sheet_of(folder, [["a", "y"], [1, 2]])
    row = '<row r="1048576"><c r="A1048576"><v>1</v></c></row></sheetData>'
    return repacked(
        path,
        "xl/worksheets/sheet1.xml",
        lambda xml: xml.replace("</row>", '<c r="XFD1"><v>1</v></c></row>', 1).replace(
            "</sheetData>", row
        ),
    )


def folder_named(folder):
    (folder / "data.csv").mkdir()
    return folder / "data.csv"


NO_FILE = {
    "missing": (lambda folder: folder / "a.csv", "a.csv: there is no such file; check its name."),
    "a folder": (folder_named, "data.csv: is a folder; give the name of a file."),
    "a device": (lambda _: Path("/dev/null"), "/dev/null: is a device, not a file; give"),
    "a long name": (lambda folder: folder / f"{'a' * 5000}.csv", ".csv: can't be read: File name"),
    "another ending": (
        lambda folder: written(folder, "a,y\n1,2\n", "a.ods"),
        "a.ods: expected CSV (.csv, .txt, .tsv) or Excel (.xlsx, .xlsm), found '.ods'; save it as",
    ),
    "no ending": (lambda folder: written(folder, "a", "data"), ".xlsm), found no ending; save it"),
    "a renamed CSV": (
        lambda folder: written(folder, "a,y\n1,2\n", "a.xlsx"),
        "a.xlsx: not an Excel workbook, or a damaged one; save it as .xlsx in Excel.",
    ),
    "a renamed archive": (
        lambda folder: repacked(
            bare_archive(folder), "readme", lambda _: "hello"
        ),
        "data.xlsx: not an Excel workbook, or a damaged one",
    ),
    "an empty workbook file": (lambda folder: written(folder, "", "a.xlsx"), "not an Excel workb"),
    "a password": (
        lambda folder: written(folder, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(512), "a.xlsx"),
        "a.xlsx: is protected by a password, or of an old version of Excel; save it as .xlsx with",
    ),
    "half a workbook": (truncated, "data.xlsx: not an Excel workbook, or a damaged one"),
    "no sheets": (without_sheets, "data.xlsx: not an Excel workbook, or a damaged one"),
    "half a sheet": (with_bad_sheet, "data.xlsx: not an Excel workbook, or a damaged one"),
    "entities": (laughing, "data.xlsx: not an Excel workbook, or a damaged one"),
    "a bomb": (bomb, "data.xlsx: expected at most 256 MiB unpacked, found 300 MiB; remove what is"),
    "a far cell": (far_cell, "expected at most 20,000,000 cells, found 1,048,576 rows × 16,384 co"),
}  # fmt: skip


# What is noticed only when a sheet is read.
IN_A_SHEET = ("half a sheet", "entities", "a far cell")


def bare_archive(folder):
    with zipfile.ZipFile(folder / "data.xlsx", "w"):
        return folder / "data.xlsx"
