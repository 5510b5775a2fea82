"""What stands in a workbook that was sent back is read, and no such file does any harm."""

from __future__ import annotations

import datetime
import io
import math
import re
import socket
import struct
import sys
import tracemalloc
import warnings
import zipfile
import zlib
from contextlib import contextmanager
from dataclasses import replace
from itertools import chain
from pathlib import Path

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl.packaging.custom import BoolProperty, DateTimeProperty, IntProperty, StringProperty
from openpyxl.workbook.defined_name import DefinedName

import cellprop
from cellprop.errors import InputError
from cellprop.files import costs as formulas
from cellprop.files import elements, opening, parts, recalculating, sheet_readers, submission
from cellprop.files.entries import LONGEST_SHOWN, NOT_COMPUTED, Block
from cellprop.files.submission import opened
from cellprop.verification import recalculate
from foreign_files import bomb, far_cell, laughing, refused, repacked, sheet_of, truncated, written

ARTICLE = Path(cellprop.__file__).parents[2] / "outputs" / "article.xlsx"
WORKBOOK, SHEET = "xl/workbook.xml", "xl/worksheets/sheet1.xml"
DAMAGED = ": not an Excel workbook, or a damaged one; save it as .xlsx in Excel."
DEFINITIONS = "found a document type definition; save it anew in Excel."


# --- Files to read ------------------------------------------------------------------------


def raw(folder, rows, name="sent.xlsx", **parts):
    """Write a workbook with rows as they stand in its XML, and other parts: strings, …"""
    path = sheet_of(folder, [], name)
    repacked(path, SHEET, lambda xml: re.sub("<sheetData.*>(?=<pageM)", _data(rows), xml))
    if strings := parts.get("strings"):
        repacked(path, "xl/sharedStrings.xml", lambda _: strings)
        repacked(path, "xl/_rels/workbook.xml.rels", _with_strings)
    return path


def _data(rows):
    return f"<sheetData>{rows}</sheetData>".replace("\\", r"\\")


def _with_strings(xml):
    if "sharedStrings" in xml:
        return xml
    kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/sharedStrings"
    relation = f'<Relationship Id="strings" Type="{kind}" Target="sharedStrings.xml"/>'
    return xml.replace("</Relationships>", f"{relation}</Relationships>")


def cells(path, rows=1, columns=1, row=1, column=1, sheet="Sheet"):
    return opened(path).cells(Block(sheet, row, column, rows, columns))


def cell(folder, xml):
    """Return what a cell holds that stands so in the XML."""
    [[found]] = cells(raw(folder, f'<row r="1">{xml}</row>'))
    return found


def named(folder, references, title="Step 1's"):
    """Return a workbook with names for any references."""
    book = openpyxl.Workbook()
    book.active.title = title
    for name, reference in references.items():
        book.defined_names[name] = DefinedName(name, attr_text=reference)
    book.save(folder / "names.xlsx")
    return opened(folder / "names.xlsx")


# --- What cells hold ----------------------------------------------------------------------

KINDS = {
    "a number": ('<c r="A1"><v>0.1</v></c>', 0.1),
    "a number that says so": ('<c r="A1" t="n"><v>-1.5E-3</v></c>', -0.0015),
    "a number among blanks": ('<c r="A1"><v> 5.\n</v></c>', 5.0),
    "a date": ('<c r="A1" s="1"><v>45000.123456789012</v></c>', 45000.123456789012),
    "a date as a text": ('<c r="A1" t="d"><v>2026-11-24</v></c>', "2026-11-24"),
    "true": ('<c r="A1" t="b"><v>1</v></c>', "TRUE"),
    "false": ('<c r="A1" t="b"><v>0</v></c>', "FALSE"),
    "an error": ('<c r="A1" t="e"><v>#DIV/0!</v></c>', "#DIV/0!"),
    "a new error": ('<c r="A1" t="e"><v>#SPILL!</v></c>', "#SPILL!"),
    "a formula's number": ('<c r="A1"><f>1+1</f><v>3</v></c>', 3.0),
    "a formula's error": ('<c r="A1" t="e"><f>1/0</f><v>#DIV/0!</v></c>', "#DIV/0!"),
    "a formula's text": ('<c r="A1" t="str"><f>"x"</f><v>y</v></c>', "y"),
    "a formula's empty text": ('<c r="A1" t="str"><f>""</f><v></v></c>', None),
    "a formula of another file": ('<c r="A1"><f>[1]Sheet1!A1</f><v>7</v></c>', 7.0),
    "a text": ('<c r="A1" t="inlineStr"><is><t> 0,5 </t></is></c>', "0,5"),
    "a text like a formula": ('<c r="A1" t="inlineStr"><is><t>=1+1</t></is></c>', "=1+1"),
    "a rich text": (
        '<c r="A1" t="inlineStr"><is><r><t>ri</t></r><r><rPr/><t>ch</t></r></is></c>',
        "rich",
    ),
    "a text with its pronunciation": (
        '<c r="A1" t="inlineStr"><is><t>x</t><rPh sb="0" eb="1"><t>ex</t></rPh></is></c>',
        "x",
    ),
    "a text with what XML lacks": ('<c r="A1" t="str"><v>_x001B_[1m_xD800_</v></c>', "␛[1m\ufffd"),
    "lines": ('<c r="A1" t="str"><v>a&#10;b</v></c>', "a␊b"),
    "blanks": ('<c r="A1" t="str"><v> \u00a0 </v></c>', None),
    "nothing": ('<c r="A1" s="1"/>', None),
    "no value": ('<c r="A1"><v/></c>', None),
    "more than a value": ('<c r="A1"><v>1</v><extLst><ext uri="x"/></extLst></c>', 1.0),
    "an unknown kind": ('<c r="A1" t="zz"><v>1</v></c>', "1"),
    "too large a number": ('<c r="A1"><v>1e999</v></c>', "1e999"),
    "no number": ('<c r="A1"><v>NaN</v></c>', "NaN"),
    "infinity": ('<c r="A1"><v>-inf</v></c>', "-inf"),
    "a number as Python writes it": ('<c r="A1"><v>1_0</v></c>', "1_0"),
    "other digits": ('<c r="A1"><v>١</v></c>', "١"),
    "a truth that is none": ('<c r="A1" t="b"><v>maybe</v></c>', "MAYBE"),
    "single quotes": ("<c r='A1' t='b'><v>1</v></c>", "TRUE"),
    "a comment": ('<!--<c r="A1">--><c r="A1"><v>1<!-- 2 --></v></c>', 1.0),
    "unparsed text": ('<c r="A1" t="str"><v><![CDATA[<c r="A1">]]></v></c>', '<c r="A1">'),
    "itself twice": ('<c r="A1"><v>1</v></c><c r="A1"><v>2</v></c>', 2.0),
}  # fmt: skip


@pytest.mark.parametrize("what", KINDS)
def test_a_cell_is_read_whatever_it_holds(tmp_path, what):
    xml, value = KINDS[what]
    assert cell(tmp_path, xml) == value


def test_a_long_text_is_cut(tmp_path):
    found = cell(tmp_path, f'<c r="A1" t="str"><v>{"x" * 32_767}</v></c>')
    assert found == "x" * (LONGEST_SHOWN - 1) + "…"
    assert cell(tmp_path, f'<c r="A1" t="str"><v>{"x" * LONGEST_SHOWN}</v></c>') == "x" * 100


def test_a_number_of_many_digits_is_not_cut(tmp_path):
    assert cell(tmp_path, f'<c r="A1"><v>0.{"0" * 300}25</v></c>') == 2.5e-301


STRINGS = (
    '<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" uniqueCount="{}">'
    "<si><t></t></si><si><t>one</t></si><si/><si><r><t>ri</t></r><r><t>ch</t></r>"
    '<rPh sb="0" eb="1"><t>no</t></rPh></si><si><t>{}</t></si></sst>'
)


def test_shared_texts_are_read_by_their_number(tmp_path):
    numbers = ["0", "1", "2", "3", "4", "5", "-1", "99999999999999", "x", ""]
    row = "".join(f'<c t="s"><v>{number}</v></c>' for number in numbers)
    strings = STRINGS.format(5, "x" * 32_767)
    path = raw(tmp_path, f'<row r="1">{row}</row>', strings=strings)
    cut = "x" * 99 + "…"
    assert cells(path, 1, 10) == [[None, "one", None, "rich", cut, *[None] * 5]]


def test_a_shared_text_without_shared_texts_is_nothing(tmp_path):
    assert cell(tmp_path, '<c r="A1" t="s"><v>0</v></c>') is None


def test_how_many_shared_texts_a_file_claims_does_not_matter(tmp_path):
    # calamine takes memory for as many, and with it the process.
    strings = STRINGS.format(999_999_999_999, "x")
    path = raw(tmp_path, '<row r="1"><c r="A1" t="s"><v>1</v></c></row>', strings=strings)
    assert cells(path) == [["one"]]


def test_a_rectangle_comes_back_as_it_was_asked_for(tmp_path):
    path = sheet_of(tmp_path, [[1, "a", None], [None, 2.5, True]])
    assert cells(path, 2, 3) == [[1, "a", None], [None, 2.5, "TRUE"]]
    assert cells(path, 3, 2, 2, 2) == [[2.5, "TRUE"], [None, None], [None, None]]
    assert cells(path, 1, 2, 1_048_576, 16_384) == [[None, None]]
    assert cells(path, 2, 1, sheet="gone") == [[None], [None]]
    assert all(type(value) is float for value in cells(path, 1, 1)[0])


def test_cells_and_rows_that_say_not_where_they_are_follow_each_other(tmp_path):
    rows = (
        "<row><c><v>1</v></c><c><v>2</v></c></row><row/><row><c><v>3</v></c>"
        '<c r="D3"><v>4</v></c><c><v>5</v></c></row><row><c r="B9"><v>6</v></c></row>'
    )
    found = cells(raw(tmp_path, rows), 9, 5)
    assert found[0] == [1, 2, None, None, None]
    assert found[2] == [3, None, None, 4, 5]
    assert found[8] == [None, 6, None, None, None]


@pytest.mark.parametrize("number", ["0", "-1", "99999999999", "1e3", "", "x"])
def test_a_row_with_an_absurd_number_is_nowhere(tmp_path, number):
    rows = f'<row r="1"><c r="A1"><v>1</v></c></row><row r="{number}"><c><v>2</v></c></row>'
    assert cells(raw(tmp_path, rows), 2, 1) == [[1], [None]]


@pytest.mark.parametrize(
    "reference", ["A0", "A-1", "1", "A", "", "a1", "$A$1", "AAAA1", "A99999999"]
)
def test_a_cell_with_an_absurd_place_is_nowhere(tmp_path, reference):
    rows = f'<row r="1"><c r="{reference}"><v>1</v></c><c r="B1"><v>2</v></c></row>'
    assert cells(raw(tmp_path, rows), 1, 2) == [[None, 2]]


def test_other_vocabularies_and_prefixes_are_told_apart(tmp_path):
    path = raw(tmp_path, '<row r="1"><c r="A1"><v>1</v></c></row>')

    def change(xml):
        xml = re.sub(r"<(/?)(\w)", r"<\1x:\2", xml).replace("xmlns=", "xmlns:x=")
        return xml.replace("<x:v>", '<y:v xmlns:y="y">2</y:v><x:v>')

    repacked(path, SHEET, change)
    assert cells(path) == [[1]]


def test_the_strict_variant_is_read(tmp_path):
    path = sheet_of(tmp_path, [[1, "a"]])
    for part in (SHEET, WORKBOOK, "xl/_rels/workbook.xml.rels", "_rels/.rels"):
        repacked(
            path,
            part,
            lambda xml: xml.replace(
                "http://schemas.openxmlformats.org/officeDocument/2006",
                "http://purl.oclc.org/ooxml/officeDocument",
            ).replace(
                "http://schemas.openxmlformats.org/spreadsheetml/2006",
                "http://purl.oclc.org/ooxml/spreadsheetml",
            ),
        )
    assert cells(path, 1, 2) == [[1, "a"]]


def test_what_a_sheet_claims_to_use_does_not_matter(tmp_path):
    path = sheet_of(tmp_path, [[1, 2]])
    repacked(path, SHEET, lambda xml: re.sub('ref="A1:B1"', 'ref="B9:A0"', xml))
    assert cells(path, 1, 2) == [[1, 2]]


def test_merged_cells_hold_what_the_first_holds(tmp_path):
    book = openpyxl.Workbook()
    book.active["A1"] = 1
    book.active.merge_cells("A1:B2")
    book.save(tmp_path / "a.xlsx")
    assert cells(tmp_path / "a.xlsx", 2, 2) == [[1, None], [None, None]]


def test_a_walkthrough_is_read_as_openpyxl_reads_it():
    found = opened(ARTICLE)
    book = openpyxl.load_workbook(ARTICLE, data_only=True)
    assert list(found.sheets) == book.sheetnames
    for sheet in book:
        height, width = sheet.max_row, sheet.max_column
        values = found.cells(Block(sheet.title, 1, 1, height, width))
        for row, expected in zip(values, sheet.iter_rows(values_only=True), strict=True):
            for value, stored in zip(row, expected, strict=True):
                is_number = isinstance(stored, (int, float))
                assert value == stored if is_number else isinstance(value, (str, type(None)))
    assert not found.computed


numbers = st.floats(-1e300, 1e300)
texts = st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=LONGEST_SHOWN)


@given(st.lists(st.none() | numbers | st.booleans() | texts, min_size=1, max_size=5))
def test_whatever_is_typed_comes_back(tmp_path_factory, values):
    folder = tmp_path_factory.mktemp("typed")
    book = openpyxl.Workbook()
    for i, value in enumerate(values, 1):
        typed = book.active.cell(1, i, value)
        typed.data_type = "s" if isinstance(value, str) else typed.data_type
    book.save(folder / "a.xlsx")
    for value, found in zip(values, cells(folder / "a.xlsx", 1, len(values))[0], strict=True):
        if isinstance(value, (str, bool)):
            assert found is None or isinstance(found, str)
        else:  # openpyxl writes 16 digits
            assert found == (value and pytest.approx(value, rel=1e-15, abs=0))


def test_a_date_is_its_serial_number(tmp_path):
    path = sheet_of(tmp_path, [[datetime.date(2026, 11, 24), datetime.timedelta(hours=6)]])
    assert cells(path, 1, 2) == [[46350, 0.25]]


# --- Dates --------------------------------------------------------------------------------


def shown_as(folder, value, code, epoch=None):
    """Return what is found in a cell with a format."""
    book = openpyxl.Workbook()
    book.epoch = epoch or book.epoch
    book.active["A1"] = value
    book.active["A1"].number_format = code
    book.save(folder / "a.xlsx")
    return opened(folder / "a.xlsx").found(Block("Sheet", 1, 1, 1, 1))[0][0]


@pytest.mark.parametrize(
    "code",
    ["mm-dd-yy", "d-mmm", "mmm-yy", "dd.mm.yyyy", "[$-407]d. mmmm yyyy;@", "yyyy/mm/dd hh:mm",
     'd" of "mmmm', "[Red]d/m"],
)  # fmt: skip
def test_a_typed_number_that_was_made_a_date_is_told(tmp_path, code):
    found = shown_as(tmp_path, 46143, code)
    assert (found.value, found.date) == (46143, "a date: 2026-05-01")


@pytest.mark.parametrize("code", ["h:mm", "hh:mm:ss", "[h]:mm", "h:mm AM/PM", "mm:ss"])
def test_a_typed_number_that_was_made_a_time_is_told(tmp_path, code):
    assert shown_as(tmp_path, 0.0625, code).date == "a time: 01:30"


def test_a_date_counts_from_1904_where_the_workbook_says_so(tmp_path):
    from openpyxl.utils.datetime import CALENDAR_MAC_1904

    found = shown_as(tmp_path, datetime.date(2026, 5, 1), "dd.mm.yyyy", CALENDAR_MAC_1904)
    assert found.date == "a date: 2026-05-01"


@pytest.mark.parametrize(
    "code",
    ["General", "0", "0.00%", "# ?/?", '0.0 "days"', r"0\d", "[$kr.-406] #,##0", "0.0E+00",
     "_-* #,##0.00 _s_-", "[Yellow]0", "@", '"m"0', "[<100]0;[Red]0", "#,##0.00_d"],
)  # fmt: skip
def test_a_number_in_another_format_is_none(tmp_path, code):
    assert shown_as(tmp_path, 46143, code).date == ""
    assert shown_as(tmp_path, 0.0625, code).date == ""


@pytest.mark.parametrize("value", [0, 1, 7, 1.5, -3, 0.1234, 46143.123, 1e9, "=46142+1", "x", None])
def test_what_no_typed_number_becomes_stays_what_it_is(tmp_path, value):
    assert shown_as(tmp_path, value, "dd.mm.yyyy hh:mm").date == ""


@pytest.mark.parametrize("style", ["1", "-1", "99999999", "x", ""])
def test_a_style_that_is_not_there_is_none(tmp_path, style):
    path = raw(tmp_path, f'<row r="1"><c r="A1" s="{style}"><v>46143</v></c></row>')
    assert opened(path).found(Block("Sheet", 1, 1, 1, 1)) == [[(46143, "", False)]]


def test_styles_without_end_or_damaged_say_nothing(tmp_path):
    for styles in ("<cellXfs>" + '<xf numFmtId="14"/>' * 70_000 + "</cellXfs>", "<x>"):
        path = raw(tmp_path, '<row r="1"><c r="A1" s="0"><v>46143</v></c></row>')
        repacked(path, "xl/styles.xml", lambda _, s=styles: f"<styleSheet>{s}</styleSheet>")
        assert opened(path).found(Block("Sheet", 1, 1, 1, 1))[0][0].date == ""


# --- Names --------------------------------------------------------------------------------

RANGES = {
    "'Step 1''s'!$A$1:$B$3": (1, 1, 3, 2),
    "'Step 1''s'!C2:C2": (2, 3, 1, 1),
    "'Step 1''s'!$XFD$1048576": (1_048_576, 16_384, 1, 1),
    "'Step 1''s'!$A$1:$A$1000000": (1, 1, 1_000_000, 1),
}


@pytest.mark.parametrize("reference", RANGES)
def test_a_name_stands_for_a_rectangle(tmp_path, reference):
    assert named(tmp_path, {"wh": reference}).named("wh") == Block("Step 1's", *RANGES[reference])


@pytest.mark.parametrize(
    "reference",
    [
        "#REF!",
        "'Step 1''s'!#REF!",
        "'Step 1''s'!$A$1,'Step 1''s'!$B$2",
        "'Step 2'!$A$1",
        "[1]Sheet!$A$1:$B$2",
        "'[other.xlsx]Step 1''s'!$A$1",
        "'file:///etc/[passwd]x'!$A$1",
        "'Step 1''s'!$A:$A",
        "'Step 1''s'!$1:$2",
        "$A$1",
        "'Step 1''s'!$B$2:$A$1",
        "'Step 1''s'!$A$0",
        "'Step 1''s'!$A$1:$A$1048577",
        "'Step 1''s'!$A$1:$ZZZ$1",
        "'Step 1''s'!$A$1:$A$1000001",
        "'Step 1''s'!$A$1:$XFD$1048576",
        f"'Step 1''s'!$A${'9' * 5000}",
        "'Step 1''s:Step 3'!$A$1",
        "OFFSET('Step 1''s'!$A$1,0,0,2,2)",
        "cmd|'/c calc'!A1",
        "1",
        "",
        "'" * 30_000 + "!A1",
    ],
)
def test_a_name_for_anything_else_is_nowhere(tmp_path, reference):
    assert named(tmp_path, {"wh": reference}).named("wh") is None


def test_a_name_that_is_missing_is_nowhere(tmp_path):
    assert named(tmp_path, {}).named("wh") is None


def test_a_name_is_found_in_capitals_too_as_in_a_spreadsheet(tmp_path):
    assert named(tmp_path, {"WH": "'Step 1''s'!$A$1"}).named("wh") is not None


def test_a_name_of_one_sheet_only_is_not_the_workbooks(tmp_path):
    book = openpyxl.Workbook()
    book.active.defined_names["wh"] = DefinedName("wh", attr_text="Sheet!$A$1")
    book.save(tmp_path / "a.xlsx")
    assert opened(tmp_path / "a.xlsx").named("wh") is None


@pytest.mark.parametrize("title", ["Übung", "Étape.1", "数", "a b", "It's \u202ex"])
def test_a_name_follows_a_renamed_sheet(tmp_path, title):
    quoted = title if title[0] in "ÜÉ数" else "'{}'".format(title.replace("'", "''"))
    found = named(tmp_path, {"wh": f"{quoted}!$A$1"}, title)
    assert found.named("wh").sheet == found.sheets[0] == title.replace("\u202e", "\ufffd")


def test_numbers_are_found_where_rows_and_columns_were_inserted(tmp_path):
    book = openpyxl.load_workbook(ARTICLE, data_only=True)
    place = opened(ARTICLE).named("wh")
    sheet = book[place.sheet]
    sheet.insert_rows(1, 4)
    sheet.insert_cols(2)
    row = place.row + 4
    book.defined_names["wh"].attr_text = f"'Mine'!$D${row}:$F${row + 3}"
    sheet.title = "Mine"
    del book["Step 2"]
    book.save(tmp_path / "a.xlsx")
    moved = opened(tmp_path / "a.xlsx")
    assert moved.named("wh") == Block("Mine", row, 4, 4, 3)
    assert moved.cells(moved.named("wh")) == opened(ARTICLE).cells(place)
    assert moved.named("hidden_layer_input") is None
    assert "Step 2" not in moved.sheets


def test_only_worksheets_that_are_there_are_listed(tmp_path):
    book = openpyxl.Workbook()
    book.create_chartsheet("chart")
    book.create_sheet("last")["A1"] = 5
    book.save(tmp_path / "a.xlsx")
    path = repacked(
        tmp_path / "a.xlsx",
        WORKBOOK,
        lambda xml: xml.replace("</sheets>", '<sheet name="lost" sheetId="9" r:id="x"/></sheets>'),
    )
    assert opened(path).sheets == ("Sheet", "last")
    assert cells(path, sheet="last") == [[5]]


# --- Properties ---------------------------------------------------------------------------


def with_properties(folder, *properties):
    book = openpyxl.load_workbook(sheet_of(folder, [[1]]))
    for entry in properties:
        book.custom_doc_props.append(entry)
    book.save(folder / "sent.xlsx")
    return folder / "sent.xlsx"


LONG = {
    "cellprop": "0.2.0",
    "question": 'a "quoted" & <marked> text – ' * 30,
    **{f"piece {i}": f"{i:x}" * 100 for i in range(40)},
}


def test_texts_among_the_properties_are_read_and_nothing_else(tmp_path):
    path = with_properties(
        tmp_path,
        *(StringProperty(name, text) for name, text in LONG.items()),
        IntProperty("number", 3),
        BoolProperty("truth", True),
        DateTimeProperty("day", datetime.datetime(2026, 11, 24)),
    )
    assert opened(path).properties == LONG


def test_a_workbook_may_have_no_properties(tmp_path):
    assert opened(sheet_of(tmp_path, [[1]])).properties == {}


@pytest.mark.slow
def test_libreoffice_keeps_properties_names_and_values(tmp_path, libreoffice):
    path = with_properties(tmp_path, *(StringProperty(name, text) for name, text in LONG.items()))
    assert opened(recalculate(path, tmp_path / "1")).properties == LONG
    before, after = opened(ARTICLE), opened(recalculate(ARTICLE, tmp_path / "2"))
    assert after.sheets == before.sheets
    assert after.properties == before.properties
    for name in ("X", "wh", "hidden_layer_input", "output", "wh_new"):
        place = before.named(name)
        assert after.named(name) == place
        expected = before.cells(place)
        assert [pytest.approx(row, rel=1e-12) for row in expected] == after.cells(place)
    assert not after.computed


# --- Formulas without a value -------------------------------------------------------------


def with_formulas(folder, *rows):
    return opened(sheet_of(folder, rows, "formulas.xlsx"))


def test_a_formula_without_a_value_is_computed(tmp_path):
    found = with_formulas(tmp_path, [2, "=A1*3", '="a"&A1', "=A1>1", "=1/0", '=""', "=1/3"])
    assert not found.computed
    assert found.cells(Block("Sheet", 1, 1, 1, 1)) == [[2]]
    assert not found.computed
    assert found.cells(Block("Sheet", 1, 1, 1, 8)) == [
        [2, 6, "a2", "TRUE", "#DIV/0!", None, 1 / 3, None]
    ]
    assert found.computed


def test_a_walkthrough_without_values_is_computed_once(tmp_path, monkeypatch):
    openpyxl.load_workbook(ARTICLE).save(tmp_path / "a.xlsx")
    runs = []
    run = submission.compute
    monkeypatch.setattr(submission, "compute", lambda *files: runs.append(run(*files)))
    found, expected = opened(tmp_path / "a.xlsx"), opened(ARTICLE)
    for sheet in found.sheets:
        place = Block(sheet, 1, 1, 60, 60)
        for row, values in zip(found.cells(place), expected.cells(place), strict=True):
            assert row == [v if isinstance(v, str) else v and pytest.approx(v) for v in values]
    assert len(runs) == 1


def test_stored_values_are_used_without_computing(tmp_path, monkeypatch):
    monkeypatch.setattr(submission, "compute", None)
    path = raw(
        tmp_path, '<row r="1"><c r="A1"><f>1+1</f><v>3</v></c><c r="B1"><f>1+1</f></c></row>'
    )
    assert cells(path) == [[3]]


def test_where_one_value_is_missing_all_formulas_are_computed(tmp_path):
    row = '<c r="A1"><f>C1+1</f><v>9</v></c><c r="B1"><f>A1+1</f><v/></c><c r="C1"><v>1</v></c>'
    path = raw(tmp_path, f'<row r="1">{row}</row>')
    assert cells(path, 1, 3) == [[2, 3, 1]]


def test_an_empty_cell_is_empty_to_formulas_too(tmp_path):
    book = openpyxl.Workbook()
    book.active["A1"].number_format = "0.00"
    book.active["B1"] = '=IF(A1="","blank",COUNT(A1))'
    book.save(tmp_path / "a.xlsx")
    assert 't="n"></c>' in zipfile.ZipFile(tmp_path / "a.xlsx").read(SHEET).decode()
    assert cells(tmp_path / "a.xlsx", 1, 2) == [[None, "blank"]]


HARMLESS = {
    "itself": ("=A1", "#CIRC!"),
    "another file": ("=[1]Sheet1!A1", "#ERROR!"),
    "no function": ("=FOO(1)", "#NAME?"),
    "no formula": ("=1+", "#ERROR!"),
    "a long text": ('=REPT("x",32767)', "x" * 99 + "…"),
    "a longer text": ('=REPT("x",1E9)', "#VALUE!"),
    "a great array": ("=SUM(SEQUENCE(1E9))", "#VALUE!"),
    "a control character": ("=CHAR(27)", "␛"),
    "nested brackets": (f"={'(' * 4000}1{')' * 4000}", NOT_COMPUTED),
    "recursion": ("=LAMBDA(f,f(f))(LAMBDA(f,f(f)))", NOT_COMPUTED),
}


@pytest.mark.parametrize("what", HARMLESS)
def test_a_formula_that_can_not_be_computed_does_no_harm(tmp_path, what):
    formula, expected = HARMLESS[what]
    found = with_formulas(tmp_path, [formula, 2]).cells(Block("Sheet", 1, 1, 1, 2))
    errors = ("#ERROR!", "#NAME?", "#VALUE!", "#CIRC!", NOT_COMPUTED)
    # What kills it or how it fails differs from version to version.
    assert found[0][0] == expected or (expected in errors and found[0][0] in errors)
    assert found[0][1] == 2


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere memory can't be limited")
def test_a_formula_that_takes_all_memory_is_stopped(tmp_path, monkeypatch):
    monkeypatch.setattr(recalculating, "MEMORY", 512 * 1024**2)
    monkeypatch.setattr(formulas, "MOST_READ", math.inf)
    monkeypatch.setattr(parts, "MOST_READ_BY_ALL", math.inf)
    found = with_formulas(tmp_path, ["=SUMPRODUCT(B1:ZZ100000*B1:ZZ100000)", "=1+1"])
    assert found.cells(Block("Sheet", 1, 1, 1, 2)) == [[NOT_COMPUTED, NOT_COMPUTED]]


def test_a_formula_that_takes_all_day_is_stopped(tmp_path, monkeypatch):
    monkeypatch.setattr(recalculating, "SECONDS", 1)
    monkeypatch.setattr(formulas, "DEPENDS_ON_VALUES", frozenset())
    found = with_formulas(tmp_path, ["=FACT(1E13)"])
    assert found.cells(Block("Sheet", 1, 1, 1, 1)) == [[NOT_COMPUTED]]


@pytest.mark.parametrize(
    "engine", ["1/0", "import os; os.abort()", "open(__import__('sys').argv[2], 'w')"]
)
def test_an_engine_that_fails_leaves_what_is_stored(tmp_path, monkeypatch, engine):
    monkeypatch.setattr(recalculating, "_ENGINE", engine)
    row = '<c r="A1"><f>C1+1</f><v>9</v></c><c r="B1"><f>A1+1</f><v/></c><c r="C1"><v>1</v></c>'
    found = opened(raw(tmp_path, f'<row r="1">{row}</row>'))
    assert found.cells(Block("Sheet", 1, 1, 1, 3)) == [[9, NOT_COMPUTED, 1]]
    assert found.computed


def test_without_an_interpreter_nothing_is_computed(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "executable", "")
    assert with_formulas(tmp_path, ["=1+1"]).cells(Block("Sheet", 1, 1, 1, 1)) == [[NOT_COMPUTED]]


def test_no_formula_reaches_the_network(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        url = f"http://127.0.0.1:{server.getsockname()[1]}/"
        formulas = [f'=WEBSERVICE("{url}")', f'=HYPERLINK("{url}")', f'=IMAGE("{url}")']
        with_formulas(tmp_path, formulas).cells(Block("Sheet", 1, 1, 1, 3))
        with pytest.raises(BlockingIOError):
            server.accept()


def test_what_lies_in_the_folder_is_not_imported(here):
    for name in ("ironcalc.py", "resource.py", "sys.py", "sitecustomize.py"):
        written(here, f"open({str(here / 'run')!r}, 'w')", name)
    assert with_formulas(here, ["=1+1"]).cells(Block("Sheet", 1, 1, 1, 1)) == [[2]]
    assert not (here / "run").exists()


def found_in(folder, rows, height=1, width=1):
    return opened(raw(folder, rows)).found(Block("Sheet", 1, 1, height, width))


def test_an_array_formula_stands_in_all_its_cells(tmp_path):
    formula = '<f t="array" ref="A1:B2">{}</f>'
    row = f'<row r="1"><c r="A1">{formula}<v></v></c><c r="D1"><v>2</v></c></row>'
    found = found_in(tmp_path, row.format("D1:E2*2"), 2, 2)
    assert [[cell.value for cell in line] for line in found] == [[4, 0], [0, 0]]
    found = found_in(tmp_path, row.format("NOSUCH(D1:E2)"), 2, 2)
    assert all(cell.is_unread for line in found for cell in line)


def test_an_array_formula_with_values_is_what_is_stored(tmp_path):
    row = '<c r="A1"><f t="array" ref="A1:B1">NOSUCH(1)</f><v>3</v></c><c r="B1"><v>4</v></c>'
    found = found_in(tmp_path, f'<row r="1">{row}</row>', 1, 3)
    assert found == [[(3, "", False), (4, "", False), (None, "", False)]]


def test_a_dynamic_array_spills_into_cells_that_the_file_leaves_empty(tmp_path):
    formula = '<f t="array" ref="A1">D1:D3*2</f>'
    rows = f'<row r="1"><c r="A1" cm="1">{formula}</c><c r="D1"><v>2</v></c></row>'
    rows += '<row r="2"><c r="D2"><v>3</v></c></row>'
    found = found_in(tmp_path, rows, 3, 1)
    assert found[0][0].value == 4
    assert all(cell.is_unread or cell.value is not None for (cell,) in found[:2])


def test_shared_formulas_without_values_are_computed(tmp_path):
    rows = (
        '<row r="1"><c r="A1"><f t="shared" ref="A1:A2" si="0">B1*2</f></c><c r="B1"><v>2</v></c>'
        '</row><row r="2"><c r="A2"><f t="shared" si="0"/></c><c r="B2"><v>3</v></c></row>'
    )
    assert [cell.value for (cell,) in found_in(tmp_path, rows, 2, 1)] == [4, 6]


def test_a_stored_value_is_kept_where_only_the_engine_fails(tmp_path):
    row = '<c r="A1"><f>NOSUCH(1)</f><v>7</v></c><c r="B1"><f>1+1</f></c>'
    assert found_in(tmp_path, f'<row r="1">{row}</row>', 1, 2) == [[(7, "", False), (2, "", False)]]


@pytest.mark.parametrize(
    "ref",
    [
        pytest.param("A1:XFD1048576", marks=pytest.mark.slow),
        "A9:A0",
        "B2:A1",
        "x",
        "",
        "A1:A99999999999",
    ],
)
def test_an_array_over_more_than_is_asked_for_takes_no_memory(tmp_path, ref):
    row = f'<row r="1"><c r="A1"><f t="array" ref="{ref}">1/0</f></c></row>'
    path = raw(tmp_path, row)
    with frugally():
        assert opened(path).found(Block("Sheet", 1, 1, 1, 1))[0][0].value is not None


def test_arrays_that_lie_upon_each_other_without_end_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(sheet_readers, "MOST_CELLS", 100)
    cell = '<c r="A{0}"><f t="array" ref="A1:J9">1</f></c>'
    rows = "".join(f'<row r="{k}">{cell.format(k)}</row>' for k in (1, 2))
    assert DAMAGED in refused(opened(raw(tmp_path, rows)).found, Block("Sheet", 1, 1, 9, 10))


# --- Files that are refused ---------------------------------------------------------------


def folder_named(folder):
    (folder / "sent.xlsx").mkdir()
    return folder / "sent.xlsx"


def document(folder):
    """Return what Word writes, under another name."""
    path = sheet_of(folder, [[1]], "letter.xlsx")
    with zipfile.ZipFile(path) as archive:
        relations = archive.read("_rels/.rels").decode().replace("xl/workbook", "word/document")
    path = folder / "letter.xlsx"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("_rels/.rels", relations)
        archive.writestr("word/document.xml", "<w:document xmlns:w='w'><w:body/></w:document>")
        archive.writestr("word/_rels/document.xml.rels", "<Relationships/>")
    return path


def with_parts(path, parts):
    """Put parts into a workbook, or take out those that are None."""
    with zipfile.ZipFile(path) as old:
        parts = {name: old.read(name) for name in old.namelist()} | parts
    with zipfile.ZipFile(path, "w") as new:
        for name, content in parts.items():
            if content is not None:
                new.writestr(name, content)
    return path


def without(folder, part):
    return with_parts(sheet_of(folder, [[1]]), {part: None})


def patched(folder, part, *, local=(), central=(), content=None):
    """Return a workbook whose heads say something else of a part: offset, format and value."""
    path = sheet_of(folder, [[1]])
    if content is not None:
        repacked(path, part, lambda _: content)
    data = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        start = archive.getinfo(part).header_offset
    head = data.rindex(b"PK\x01\x02", 0, data.rindex(part.encode()))
    for begin, changes in ((start, local), (head, central)):
        for offset, form, value in changes:
            struct.pack_into(form, data, begin + offset, value)
    path.write_bytes(data)
    return path


def says_size(folder, size, crc=None, content=" " * 100_000_000):
    """Return a workbook with a part that unpacks to more than it says."""
    sums = () if crc is None else (crc,)
    return patched(
        folder,
        "docProps/app.xml",
        content=content,
        local=[(22, "<I", size), *((14, "<I", value) for value in sums)],
        central=[(24, "<I", size), *((16, "<I", value) for value in sums)],
    )


def many_parts(folder):
    path = sheet_of(folder, [[1]])
    with zipfile.ZipFile(path, "a") as archive:
        for i in range(5_001):
            archive.writestr(f"{i}", b"")
    return path


def twice(folder, name):
    path = sheet_of(folder, [[1]])
    with zipfile.ZipFile(path, "a") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        archive.writestr(name, "<worksheet/>")
    return path


def packed_by(folder, method):
    path = sheet_of(folder, [[1]])
    with zipfile.ZipFile(path, "a", method) as archive:
        archive.writestr("x.bin", bytes(1000))
    return path


def with_entity(xml):
    return f'<!DOCTYPE x [<!ENTITY a "b">]>{xml}'


def in_encoding(folder, encoding, change=with_entity):
    """Return a workbook with its sheet in another encoding, which its head names."""
    path = sheet_of(folder, [[1]])
    with zipfile.ZipFile(path) as archive:
        text = change(archive.read(SHEET).decode())
    head = f'<?xml version="1.0" encoding="{encoding}"?>'
    is_wide = encoding.startswith("utf")
    content = (head + text).encode(encoding) if is_wide else head.encode() + text.encode(encoding)
    return with_parts(path, {SHEET: content})


OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(512)
EXCEL_ONLY = "expected Excel (.xlsx, .xlsm), found "
NO_FILE = {
    "missing": (lambda f: f / "a.xlsx", "a.xlsx: there is no such file; check its name."),
    "a folder": (folder_named, "sent.xlsx: is a folder; give the name of a file."),
    "another program's": (lambda f: written(f, "x", "a.ods"), EXCEL_ONLY + "'.ods'; save it as"),
    "an old one": (lambda f: written(f, OLE, "a.xls"), EXCEL_ONLY + "'.xls'; save it as"),
    "Apple's": (lambda f: written(f, "x", "a.numbers"), EXCEL_ONLY + "'.numbers'; save it as"),
    "without an ending": (lambda f: written(f, "x", "a"), EXCEL_ONLY + "no ending; save it"),
    "old or with a password": (
        lambda f: written(f, OLE, "a.xlsx"),
        "a.xlsx: is protected by a password, or of an old version of Excel; save it as .xlsx with",
    ),
    "empty": (lambda f: written(f, "", "a.xlsx"), DAMAGED),
    "a renamed CSV": (lambda f: written(f, "a,y\n1,2\n", "a.xlsx"), DAMAGED),
    "a renamed page": (lambda f: written(f, "<html>", "a.xlsx"), DAMAGED),
    "a renamed letter": (document, DAMAGED),
    "half a workbook": (truncated, DAMAGED),
    "no workbook": (lambda f: without(f, WORKBOOK), DAMAGED),
    "no relations": (lambda f: without(f, "_rels/.rels"), DAMAGED),
    "no relations of the workbook": (lambda f: without(f, "xl/_rels/workbook.xml.rels"), DAMAGED),
    "no sheet": (lambda f: without(f, SHEET), DAMAGED),
    "a workbook that ends early": (
        lambda f: repacked(sheet_of(f, [[1]]), WORKBOOK, lambda xml: xml[:-30]),
        DAMAGED,
    ),
    "a bomb": (bomb, "expected at most 256 MiB unpacked, found 300 MiB; remove what is not"),
    "a quiet bomb": (lambda f: says_size(f, 10), DAMAGED),
    "a part shorter than it says": (lambda f: says_size(f, 200_000_000), DAMAGED),
    "a wrong sum": (
        lambda f: patched(f, SHEET, central=[(16, "<I", 1)], local=[(14, "<I", 1)]),
        DAMAGED,
    ),
    "a password on a part": (
        lambda f: patched(f, SHEET, central=[(8, "<H", 1)], local=[(6, "<H", 1)]),
        DAMAGED,
    ),
    "many parts": (many_parts, "expected at most 5,000 parts, found 5,0"),
    "a part twice": (lambda f: twice(f, SHEET), DAMAGED),
    "a part twice but for its case": (lambda f: twice(f, SHEET.upper()), DAMAGED),
    "parts in each other": (
        lambda f: patched(f, WORKBOOK, central=[(20, "<I", 100_000)]),
        DAMAGED,
    ),
    "another way to pack": (lambda f: packed_by(f, zipfile.ZIP_LZMA), DAMAGED),
    "entities": (laughing, DEFINITIONS),
    "entities in 16 bits": (lambda f: in_encoding(f, "utf-16"), DEFINITIONS),
    "entities behind a comment": (
        lambda f: repacked(laughing(f), SHEET, lambda xml: f"<!--{'x' * 100_000}-->{xml}"),
        DEFINITIONS,
    ),
    "a long comment": (
        lambda f: repacked(sheet_of(f, [[1]]), SHEET, lambda xml: f"<!--{'x' * 2_000_000}-->{xml}"),
        DAMAGED,
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", NO_FILE)
def test_what_is_no_workbook_is_refused_in_one_line(tmp_path, what):
    make, part = NO_FILE[what]
    path = make(tmp_path)
    message = refused(opened, path)
    assert message.startswith(str(path))
    assert part in message


def test_a_file_that_can_not_be_read_is_refused(tmp_path, monkeypatch):
    path = sheet_of(tmp_path, [[1]])

    def denied(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(opening, "_read", denied)
    assert refused(opened, path).endswith("data.xlsx: can't be read: Permission denied.")


def test_a_file_that_would_fill_the_memory_is_refused_unread(tmp_path):
    path = written(tmp_path, "", "a.xlsx")
    with path.open("r+b") as file:
        file.truncate(33 * 1024**2)
    assert "a.xlsx: expected at most 32 MiB, found 33 MiB" in refused(opened, path)


@pytest.mark.parametrize(
    "part",
    [WORKBOOK, "xl/_rels/workbook.xml.rels", "_rels/.rels", "docProps/custom.xml", "xl/styles.xml",
     "xl/sharedStrings.xml", "xl/drawings/vmlDrawing1.vml"],
)  # fmt: skip
def test_entities_are_refused_in_any_part(tmp_path, part):
    external = '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
    path = repacked(sheet_of(tmp_path, [[1]]), part, lambda xml: external + (xml or "<x/>"))
    assert DEFINITIONS in refused(opened, path)


def test_entities_are_refused_in_a_sheet_by_any_name(tmp_path):
    path = laughing(tmp_path)
    with zipfile.ZipFile(path) as archive:
        sheet = archive.read(SHEET).decode()
    repacked(path, SHEET, lambda _: "<x/>")
    repacked(path, "xl/sheet.dat", lambda _: sheet)
    repacked(
        path,
        "xl/_rels/workbook.xml.rels",
        lambda xml: xml.replace("/xl/worksheets/sheet1.xml", "/xl/sheet.dat"),
    )
    assert DEFINITIONS in refused(cells, path)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp037"])
def test_a_sheet_in_another_encoding_is_refused(tmp_path, encoding):
    path = in_encoding(tmp_path, encoding, lambda xml: xml)
    assert DAMAGED in refused(cells, path)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-7", "utf-32", "cp037"])
def test_entities_are_refused_in_encodings_that_are_not_known(tmp_path, encoding):
    message = refused(cells, in_encoding(tmp_path, encoding))
    assert DAMAGED in message or DEFINITIONS in message


def test_what_is_not_read_may_be_as_other_programs_write_it(tmp_path):
    parts = {
        "customXml/item1.xml": "<?xml version='1.0' encoding='utf-16'?><x/>".encode("utf-16"),
        "customXml/item2.xml": b"\x00\x01",
        "xl/media/image1.svg": "<!DOCTYPE svg PUBLIC '-//W3C' 'x'><svg/>",
        "xl/media/": "",
    }
    path = with_parts(sheet_of(tmp_path, [[1]]), parts)
    assert cells(path) == [[1]]


def test_a_damaged_sheet_is_refused_when_it_is_read(tmp_path):
    path = repacked(sheet_of(tmp_path, [[1], [2]]), SHEET, lambda xml: xml[:-20])
    assert DAMAGED in refused(cells, path, 9)


# --- Files that do no harm ----------------------------------------------------------------


@contextmanager
def frugally():
    """Take little memory, whatever the file says."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < 32 * 1024**2
    finally:
        tracemalloc.stop()


def test_a_part_that_unpacks_to_more_than_it_says_is_not_unpacked(tmp_path):
    # Here the sum is that of what is said to be there, so that nothing seems to be wrong.
    path = says_size(tmp_path, 10, zlib.crc32(b" " * 10))
    with frugally():
        assert cells(path) == [[1]]


def test_a_cell_at_the_end_of_a_sheet_takes_no_memory(tmp_path):
    path = far_cell(tmp_path)
    with frugally():
        assert cells(path, 2, 2) == [["a", "y"], [1, 2]]
        assert cells(path, 1, 1, 1, 16_384) == cells(path, 1, 1, 1_048_576) == [[1]]


@pytest.mark.slow
def test_a_million_stray_cells_take_no_memory(tmp_path):
    stray = '<row r="{0}"><c r="A{0}"><v>1</v></c>' + '<c r="XFD{0}"><v>2</v></c>' * 999 + "</row>"
    path = raw(tmp_path, "".join(map(stray.format, range(1, 1001))))
    with frugally():
        assert cells(path, 2, 2) == [[1, None], [1, None]]
        assert cells(path, 1, 1, 1000, 16_384) == [[2]]


ENDLESS = {
    "a nest": "<a>" * 100_000,
    "many names": "".join(f"<a{i}/>" for i in range(50_000)),
    "a long tag": "<c " + " ".join(f'a{i}=""' for i in range(300_000)) + "/>",
    "a long comment": f"<!--{'x' * 3_000_000}-->",
    "a long text": f'<row r="1"><c r="A1" t="str"><v>{"x" * 3_000_000}</v></c></row>',
}


@pytest.mark.parametrize("what", ENDLESS)
def test_xml_that_would_fill_the_memory_is_refused(tmp_path, what):
    path = raw(tmp_path, ENDLESS[what])
    with frugally():
        assert DAMAGED in refused(cells, path)


def test_xml_that_would_take_all_day_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(submission, "SUBMISSION", replace(submission.SUBMISSION, tags=10_000))
    path = raw(tmp_path, f'<row r="1">{"<c/>" * 20_000}</row>')
    kind = submission.SUBMISSION
    message = refused(lambda p: opened(p, kind).cells(Block("Sheet", 1, 1, 1, 1)), path)
    assert "expected at most 10,000 tags to read, found 1" in message
    assert message.endswith("; remove what is not needed.")


def test_a_list_of_names_without_end_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(elements, "MOST_ELEMENTS", 100)
    path = sheet_of(tmp_path, [[1]])
    names = "".join(f'<definedName name="n{i}">1</definedName>' for i in range(101))
    repacked(
        path,
        WORKBOOK,
        lambda xml: xml.replace("</sheets>", f"</sheets><definedNames>{names}</definedNames>"),
    )
    assert DAMAGED in refused(opened, path)


def test_shared_texts_without_end_are_not_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(elements, "MOST_STRINGS", 2)
    row = '<row r="1"><c r="A1" t="s"><v>1</v></c><c r="B1" t="s"><v>4</v></c></row>'
    path = raw(tmp_path, row, strings=STRINGS.format(5, "x"))
    assert cells(path, 1, 2) == [["one", None]]


def test_macros_links_and_objects_are_left_alone(tmp_path):
    book = openpyxl.Workbook()
    book.active.append([1, "x"])
    book.active["B1"].hyperlink = "file:///etc/passwd"
    book.save(tmp_path / "a.xlsm")
    with zipfile.ZipFile(tmp_path / "a.xlsm", "a") as archive:
        archive.writestr("xl/vbaProject.bin", OLE)
        archive.writestr("xl/embeddings/oleObject1.bin", OLE)
        archive.writestr("xl/embeddings/bomb.xlsx", bomb(tmp_path).read_bytes())
        archive.writestr("xl/externalLinks/externalLink1.xml", "<externalLink/>")
    repacked(
        tmp_path / "a.xlsm",
        "xl/_rels/workbook.xml.rels",
        lambda xml: xml.replace(
            "</Relationships>",
            '<Relationship Id="e" Type="x/worksheet" Target="http://127.0.0.1:1/" '
            'TargetMode="External"/><Relationship Id="p" Type="x/worksheet" '
            'Target="../../../../etc/passwd"/></Relationships>',
        ),
    )
    found = opened(tmp_path / "a.xlsm")
    assert found.sheets == ("Sheet",)
    assert found.cells(Block("Sheet", 1, 1, 1, 2)) == [[1, "x"]]


def told_of(data):
    """Read all there is in a file, and return what is told if it is refused."""
    try:
        found = submission.Submission(Path("a.xlsx"), data)
        places = [Block(sheet, 1, 1, 5, 5) for sheet in found.sheets[:3]]
        for place in filter(None, [*places, found.named("wh")]):
            for value in chain(*found.cells(place)):
                assert value is None or isinstance(value, str) or math.isfinite(value)
    except InputError as error:
        return str(error)
    return ""


@given(st.data())
def test_whatever_is_changed_in_a_file_it_is_read_or_refused(data):
    content = bytearray(ARTICLE.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    assert told_of(bytes(content)) in ("", f"a.xlsx{DAMAGED}")


PIECES = [
    b"<", b">", b'"', b"</c>", b"<c>", b"<row>", b"<v>", b'r="A1"', b't="s"', b"<f>", b"]]>",
    b"<!--",
]  # fmt: skip


@given(st.data())
def test_whatever_is_changed_in_a_part_it_is_read_or_refused(data):
    with zipfile.ZipFile(ARTICLE) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    name = data.draw(st.sampled_from([WORKBOOK, SHEET, "_rels/.rels", "docProps/custom.xml"]))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(parts[name])))
        piece = data.draw(st.sampled_from(PIECES) | st.binary(max_size=3))
        end = at + data.draw(st.integers(0, 10))
        parts[name] = parts[name][:at] + piece + parts[name][end:]
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for part, content in parts.items():
            archive.writestr(part, content)
    assert told_of(file.getvalue()) in ("", f"a.xlsx{DAMAGED}")
