"""Files from students: whatever they are, a workbook is read or refused in one line."""

from __future__ import annotations

import io
import struct
import zipfile
from datetime import datetime
from pathlib import Path

import pytest
from openpyxl import Workbook, load_workbook
from openpyxl.packaging.custom import StringProperty
from openpyxl.workbook.defined_name import DefinedName

from cellprop.errors import InputError
from cellprop.handed_in import LARGEST_FILE, Place, opened


def workbook(path: Path, fill=None) -> Path:
    """A small workbook with a name, a property, and what a test puts in."""
    book = Workbook()
    sheet = book.active
    sheet.title = "Step 2"
    sheet["B2"] = 0.5
    sheet["C2"] = "two"
    book.defined_names["answers"] = DefinedName("answers", attr_text="'Step 2'!$B$2:$C$3")
    book.custom_doc_props.append(StringProperty(name="asked", value="x" * 700))
    if fill:
        fill(book)
    book.save(path)
    return path


def repacked(path: Path, change) -> Path:
    """The same archive with parts changed: `change` gets a name and its bytes."""
    with zipfile.ZipFile(path) as source:
        parts = {name: source.read(name) for name in source.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        for name, part in parts.items():
            target.writestr(name, change(name, part))
    return path


@pytest.fixture
def path(tmp_path):
    return workbook(tmp_path / "in.xlsx")


ANSWERS = Place("Step 2", 2, 2, 2, 2)

# --- What is read -------------------------------------------------------------------------


def test_numbers_texts_and_empty_cells_are_read_where_a_name_stands(path):
    found = opened(path)
    assert found.sheets == ("Step 2",)
    assert found.named("answers") == ANSWERS
    assert found.cells(ANSWERS) == [[0.5, "two"], [None, None]]
    assert found.properties["asked"] == "x" * 700
    assert not found.computed


def test_cells_outside_what_a_sheet_holds_are_empty(path):
    assert opened(path).cells(Place("Step 2", 900, 900, 1, 2)) == [[None, None]]


@pytest.mark.parametrize(
    "reference",
    ["#REF!", "'Gone'!$A$1", "'Step 2'!$A$1,'Step 2'!$B$1", "OFFSET(A1,1,1)", "5", "",
     "'Step 2'!$A$1:$XFD$1048576", "'Step 2'!$C$3:$B$2"],
)  # fmt: skip
def test_a_name_that_is_no_single_range_is_none(tmp_path, reference):
    def rename(book):
        book.defined_names["answers"].attr_text = reference

    found = opened(workbook(tmp_path / "in.xlsx", rename))
    assert found.named("answers") is None
    assert found.named("nothing") is None


def test_formulas_without_a_stored_value_are_computed(tmp_path):
    def fill(book):
        sheet = book.active
        sheet["A1"] = 3
        sheet["B2"], sheet["C2"], sheet["B3"], sheet["C3"] = "=A1*2", "=1/0", '=""', '=A1&"x"'

    found = opened(workbook(tmp_path / "in.xlsx", fill))
    assert found.cells(ANSWERS) == [[6.0, "#DIV/0!"], [None, "3x"]]
    assert found.computed


def test_stored_values_are_taken_as_they_are(tmp_path):
    path = workbook(tmp_path / "in.xlsx", lambda book: book.active.__setitem__("B2", "=[1]S!A1"))
    repacked(
        path, lambda _, part: part.replace(b"<v></v>", b"<v>7</v>").replace(b"<v />", b"<v>7</v>")
    )
    found = opened(path)
    assert found.cells(ANSWERS)[0][0] == 7
    assert not found.computed


@pytest.mark.parametrize(
    "formula",
    ['=REPT("x",1E9)', "=SUM(SEQUENCE(1E9))", "=B2", '=WEBSERVICE("http://localhost/")', "=NOT.A()",
     "=[1]Other!A1", "=" + "+".join(["1"] * 9000)],
)  # fmt: skip
def test_a_formula_that_cannot_be_computed_harms_nobody(tmp_path, formula):
    path = workbook(tmp_path / "in.xlsx", lambda book: book.active.__setitem__("B2", formula))
    found = opened(path).cells(ANSWERS)[0]
    assert found[1] == "two"
    assert found[0] is None or isinstance(found[0], (str, float))


def test_dates_truths_and_long_texts_are_no_trouble(tmp_path):
    def fill(book):
        sheet = book.active
        sheet["B2"], sheet["C2"] = datetime(2026, 1, 1), True
        sheet["B3"], sheet["C3"] = "y" * 32_767, "a\nb"

    found = opened(workbook(tmp_path / "in.xlsx", fill)).cells(ANSWERS)
    assert found[0][1] == "TRUE"
    assert len(found[1][0]) <= 100
    assert found[1][1] == "a␊b"


def test_a_stray_cell_in_the_last_corner_takes_no_memory(tmp_path):
    path = workbook(tmp_path / "in.xlsx", lambda book: book.active.__setitem__("XFD1048576", 1))
    assert opened(path).cells(ANSWERS) == [[0.5, "two"], [None, None]]


def test_a_million_stray_cells_are_passed_over(tmp_path):
    path = workbook(tmp_path / "in.xlsx")
    row = b"".join(b"<c><v>1</v></c>" for _ in range(1000))
    rows = b"".join(b'<row r="%d">%b</row>' % (k, row) for k in range(100, 1100))
    repacked(path, lambda name, part: part.replace(b"</sheetData>", rows + b"</sheetData>"))
    assert opened(path).cells(ANSWERS) == [[0.5, "two"], [None, None]]


@pytest.mark.parametrize("row", [b"99999999999", b"0", b"-5", b"x", b""])
def test_absurd_row_numbers_are_no_crash(path, row):
    repacked(path, lambda _, part: part.replace(b'<row r="2"', b'<row r="%b"' % row))
    try:
        found = opened(path).cells(ANSWERS)
    except InputError as error:
        found = str(error)
    assert found


def test_renamed_and_merged_and_protected_workbooks_are_read(tmp_path):
    def fill(book):
        book.active.merge_cells("B2:C2")
        book.active.protection.sheet = True

    assert opened(workbook(tmp_path / "in.xlsx", fill)).cells(ANSWERS)[0][0] == 0.5


def test_macros_and_links_are_passed_over(path, tmp_path):
    target = tmp_path / "macro.xlsm"
    target.write_bytes(path.read_bytes())
    with zipfile.ZipFile(target, "a") as archive:
        archive.writestr("xl/vbaProject.bin", b"\xd0\xcf evil")
        archive.writestr("xl/externalLinks/externalLink1.xml", "<externalLink/>")
    assert opened(target).cells(ANSWERS)[0][0] == 0.5


# --- What is refused ----------------------------------------------------------------------


def refusal(path: Path) -> str:
    with pytest.raises(InputError) as found:
        opened(path)
    message = str(found.value)
    assert message.startswith(str(path))
    assert len(message.splitlines()) == 1
    return message


FILES = {
    "an old Excel file": ("a.xlsx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "password"),
    "text": ("a.xlsx", b"0.79;0.80", "not an Excel workbook"),
    "nothing": ("a.xlsx", b"", "not an Excel workbook"),
    "half a zip": ("a.xlsx", b"PK\3\4" + b"\0" * 60, "not an Excel workbook"),
    "another ending": ("a.ods", b"PK\3\4", "expected Excel (.xlsx, .xlsm), found '.ods'"),
    "an old ending": ("a.xls", b"\xd0\xcf", "found '.xls'"),
}


@pytest.mark.parametrize(("name", "content", "says"), FILES.values(), ids=FILES)
def test_what_is_no_workbook_is_refused(tmp_path, name, content, says):
    path = tmp_path / name
    path.write_bytes(content)
    assert says in refusal(path)


def test_what_is_not_there_or_a_folder_is_refused(tmp_path):
    assert "no such file" in refusal(tmp_path / "a.xlsx")
    (tmp_path / "b.xlsx").mkdir()
    assert "is a folder" in refusal(tmp_path / "b.xlsx")


def test_a_truncated_workbook_is_refused(path):
    path.write_bytes(path.read_bytes()[:-200])
    assert "damaged" in refusal(path)


def test_a_word_document_is_refused(tmp_path):
    path = tmp_path / "essay.xlsx"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("word/document.xml", "<document/>")
    assert "not an Excel workbook" in refusal(path)


def test_a_zip_bomb_is_refused_by_what_it_says(path):
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/bomb.xml", b"\0" * (257 * 1024**2))
    assert path.stat().st_size < LARGEST_FILE
    assert "unpacked" in refusal(path)


def test_a_zip_bomb_that_lies_is_refused(path):
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/bomb.xml", b" " * (20 * 1024**2))
    size = struct.pack("<I", 20 * 1024**2)
    path.write_bytes(path.read_bytes().replace(size, struct.pack("<I", 20)))
    assert "damaged" in refusal(path)


def test_too_large_a_file_is_refused(tmp_path):
    path = tmp_path / "large.xlsx"
    with path.open("wb") as file:
        file.truncate(LARGEST_FILE + 1)
    assert "at most 32 MiB" in refusal(path)


def test_too_many_parts_and_doubled_ones_are_refused(path, tmp_path):
    many = tmp_path / "many.xlsx"
    with zipfile.ZipFile(many, "w") as archive:
        for k in range(5_001):
            archive.writestr(f"{k}.xml", "")
    assert "at most 5000 parts" in refusal(many)
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(path, "a") as archive:
        archive.writestr("xl/workbook.xml", "<x/>")
    assert "there twice" in refusal(path)


ENTITIES = b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>'


@pytest.mark.parametrize(
    "part", ["xl/workbook.xml", "xl/worksheets/sheet1.xml", "docProps/custom.xml"]
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-be"])
def test_entities_are_refused_in_whatever_encoding(path, part, encoding):
    def infect(name, text):
        if name != part:
            return text
        if text.startswith(b"<?xml"):
            text = text[text.index(b"?>") + 2 :]
        return (ENTITIES + text).decode().encode(encoding)

    repacked(path, infect)
    assert "expected" in refusal(path)


# --- Other programs -----------------------------------------------------------------------


def test_properties_and_names_outlive_libreoffice(path, libreoffice, tmp_path):
    import subprocess

    command = [libreoffice, f"-env:UserInstallation=file://{tmp_path}/profile", "--headless"]
    command += ["--convert-to", "xlsx", "--outdir", f"{tmp_path}/out", f"{path}"]
    subprocess.run(command, check=True, capture_output=True, timeout=180)
    found = opened(tmp_path / "out" / path.name)
    assert found.properties["asked"] == "x" * 700
    assert found.named("answers") == ANSWERS
    assert found.cells(ANSWERS) == [[0.5, "two"], [None, None]]


def test_reading_does_not_change_what_openpyxl_reads(path):
    opened(path).cells(ANSWERS)
    assert load_workbook(io.BytesIO(path.read_bytes()))["Step 2"]["B2"].value == 0.5
