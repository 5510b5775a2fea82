"""The file: values that any reader sees, the same bytes every time, whole or not there, strict."""

from __future__ import annotations

import errno
import hashlib
import io
import itertools
import os
import re
import signal
import subprocess
import sys
import zipfile
import zlib
from pathlib import Path
from xml.etree import ElementTree

import openpyxl
import pandas as pd
import pytest
import python_calamine
from hypothesis import given, settings
from openpyxl.styles import Font
from openpyxl.utils.cell import coordinate_from_string
from openxml_audit import OpenXmlValidator

import cellprop
import reading
from cellprop.errors import LimitError, OutputError
from cellprop.faces import layout
from cellprop.faces.workbook import book as shared
from cellprop.faces.workbook import xml
from cellprop.files import writing as files
from conftest import slow_but
from reading import content, example, expected, parts

ROOT = Path(__file__).parents[3]
ALL = pytest.mark.parametrize("name", reading.NETWORKS)
LAYOUTS = ("flip-book", "close-up")
MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


# --- Values without an engine -------------------------------------------------------------


def numbers_of_rows(rows, sheet: str) -> reading.Numbers:
    """The numbers of a table whose first cell is A1."""
    return {
        (sheet, i, j): value
        for i, row in enumerate(rows, 1)
        for j, value in enumerate(row, 1)
        if isinstance(value, (int, float)) and value == value  # NaN: an empty cell in pandas
    }


def by_pandas(file: bytes) -> reading.Numbers:
    found = {}
    # As they are: else pandas makes numbers of labels such as "1".
    as_they_are = {"header": None, "dtype": object, "engine": "openpyxl"}
    for sheet, frame in pd.read_excel(io.BytesIO(file), sheet_name=None, **as_they_are).items():
        found |= numbers_of_rows(frame.to_numpy().tolist(), sheet)
    return found


def by_openpyxl(file: bytes) -> reading.Numbers:
    return reading.numbers_of(openpyxl.load_workbook(io.BytesIO(file), data_only=True))


def by_calamine(file: bytes) -> reading.Numbers:
    book = python_calamine.load_workbook(io.BytesIO(file))
    found = {}
    for sheet in book.sheet_names:
        rows = book.get_sheet_by_name(sheet).to_python(skip_empty_area=False)
        found |= numbers_of_rows(rows, sheet)
    return found


READERS = pytest.mark.parametrize("reader", [by_pandas, by_openpyxl, by_calamine])


@pytest.mark.parametrize(
    "name",
    slow_but(["article", "batch"], ["article", "one", "band", "deep", "adam", "batch", "shallow"]),
)
@pytest.mark.parametrize("layout", LAYOUTS)
@READERS
def test_every_number_is_read_exactly_without_an_engine(name, layout, reader):
    trace = example(name)
    found = reader(content(trace, layout))
    contents = sorted(value for (sheet, _, _), value in found.items() if sheet == "Contents")
    loss = trace.values[trace.network.loss]
    shown = sorted([trace.values["lr"].item(), loss.sum() / len(loss)])
    assert contents == pytest.approx(shown, rel=1e-14)
    on_steps = {place: v for place, v in found.items() if place[0].startswith("Step ")}
    assert on_steps == expected(trace, layout=layout)


@pytest.mark.slow
@given(trace=reading.traces())
@settings(max_examples=4)
def test_every_number_of_any_network_is_read_exactly(trace):
    for reader, form in itertools.product((by_pandas, by_openpyxl, by_calamine), LAYOUTS):
        right, found = expected(trace, layout=form), reader(content(trace, form))
        assert {place: found.get(place) for place in right} == right


@ALL
@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_formula_has_its_value(name, layout):
    for part, text in parts(content(example(name), layout)).items():
        if part.startswith("xl/worksheets/sheet"):
            for cell in ElementTree.fromstring(text).iter(f"{MAIN}c"):
                if cell.find(f"{MAIN}f") is not None:
                    value = cell.findtext(f"{MAIN}v")
                    # An empty text is one.
                    assert value or (value == "" and cell.get("t") == "str"), (part, cell.get("r"))


# --- The same bytes -----------------------------------------------------------------------


def test_two_builds_are_the_same_bytes(tmp_path):
    one = cellprop.article().to_excel(tmp_path / "one.xlsx").read_bytes()
    two = cellprop.article().to_excel(tmp_path / "two.xlsx").read_bytes()
    assert one == two


ELSEWHERE = """
import datetime, hashlib, sys, time
now = time.time
class Later(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return super().now(tz) + datetime.timedelta(days=4000)
datetime.datetime = Later
time.time = lambda: now() + 4000 * 86400
localtime = time.localtime
time.localtime = lambda seconds=None: localtime(time.time() if seconds is None else seconds)
import cellprop
path = cellprop.article().to_excel(sys.argv[1])
from openpyxl.xml import LXML
print(LXML, hashlib.sha256(path.read_bytes()).hexdigest())
"""


@pytest.mark.parametrize("lxml", ["True", "False"])
def test_they_are_the_same_in_another_process_at_another_time_and_place(lxml, tmp_path):
    here = hashlib.sha256(content(cellprop.article())).hexdigest()
    env = os.environ | {
        "OPENPYXL_LXML": lxml, "PYTHONHASHSEED": "12345", "TZ": "Asia/Tokyo", "LANG": "C",
        "PYTHONPATH": str(ROOT / "src"),
    }  # fmt: skip
    command = [sys.executable, "-c", ELSEWHERE, str(tmp_path / "book.xlsx")]
    run = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
    assert run.stdout.split() == [lxml, here]


def test_the_sample_in_outputs_is_what_the_code_builds():
    sample, built = (ROOT / "outputs" / "article.xlsx").read_bytes(), content(cellprop.article())
    if "zlib-ng" in zlib.ZLIB_RUNTIME_VERSION:  # it compresses differently
        assert list(parts(sample).items()) == list(parts(built).items())
    else:
        assert sample == built


# --- Small -------------------------------------------------------------------------------


def test_pictures_and_numbers_put_in_make_the_articles_file_no_more_than_a_tenth_larger():
    # Before, with all else; and a few sentences on why products are written as they are.
    assert len(content(cellprop.article())) <= 1.1 * 68_490 + 100


@ALL
def test_a_text_that_many_cells_show_is_stored_once(name):
    found = parts(content(example(name)))
    texts = re.findall(rb"<si>.*?</si>", found["xl/sharedStrings.xml"], re.DOTALL)
    assert len(set(texts)) == len(texts) > 50
    assert not [name for name, part in found.items() if b"inlineStr" in part]


def test_rules_that_ask_the_same_of_several_matrices_are_one():
    rules = reading.formulas(cellprop.article())["Step 5"].conditional_formatting
    texts = [rule.formula[0] for formatted in rules for rule in formatted.rules]
    of_two_decimals = [text for text in texts if text.startswith("OR(") and ",2)" in text]
    assert len(of_two_decimals) == 1  # of wh, bh, wout and bout
    (formatted,) = (f for f in rules if f.rules[0].formula == of_two_decimals)
    assert {str(area) for area in formatted.sqref.ranges} == {
        "C13:E16", "H13:J13", "C20:C22", "H20"
    }  # fmt: skip


# --- Whole, or not there ------------------------------------------------------------------


def full(*_: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def broken(*_: object) -> None:
    raise RuntimeError("a bug")


@pytest.mark.parametrize(
    ("where", "what"), [(xml, "assemble"), (files.os, "fsync"), (Path, "replace")]
)
def test_a_full_disk_leaves_the_earlier_file_and_nothing_else(where, what, tmp_path, monkeypatch):
    path = tmp_path / "book.xlsx"
    path.write_bytes(b"earlier")
    monkeypatch.setattr(where, what, full)
    with pytest.raises(OutputError, match="No space left on device") as caught:
        example("article").to_excel(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert path.read_bytes() == b"earlier"
    assert list(tmp_path.iterdir()) == [path]


def test_a_disk_that_fills_up_half_way_leaves_the_earlier_file(tmp_path, monkeypatch):
    path = tmp_path / "book.xlsx"
    path.write_bytes(b"earlier")
    entry, entries = xml._entry, []

    def filling(name):
        entries.append(name)
        return full() if len(entries) > 8 else entry(name)

    monkeypatch.setattr(xml, "_entry", filling)
    with pytest.raises(OutputError):
        example("article").to_excel(path)
    assert len(entries) == 9
    assert path.read_bytes() == b"earlier"
    assert list(tmp_path.iterdir()) == [path]


def test_a_bug_leaves_the_earlier_file_too(tmp_path, monkeypatch):
    path = tmp_path / "book.xlsx"
    path.write_bytes(b"earlier")
    monkeypatch.setattr(xml, "assemble", broken)
    with pytest.raises(RuntimeError, match="a bug"):
        example("article").to_excel(path)
    assert path.read_bytes() == b"earlier"
    assert list(tmp_path.iterdir()) == [path]


STOPPING = """
import sys, time
import cellprop
from cellprop.faces.workbook import xml
entry, seen = xml._entry, []
def waiting(name):
    seen.append(name)
    if len(seen) == 9:
        print("half-way", flush=True)
        time.sleep(600)
    return entry(name)
xml._entry = waiting
cellprop.article().to_excel(sys.argv[1])
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no SIGKILL")
def test_a_process_killed_half_way_leaves_the_earlier_file_whole(tmp_path):
    path = tmp_path / "book.xlsx"
    path.write_bytes(content(example("article")))
    env = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    command = [sys.executable, "-c", STOPPING, str(path)]
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "half-way\n"
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert path.read_bytes() == content(example("article"))


# --- Strictness ---------------------------------------------------------------------------


def complaints(path: Path) -> set[str]:
    result = OpenXmlValidator(max_errors=10_000).validate(path)
    # Which sheet and how many cells is not what a complaint is about.
    return {re.sub(r"\d+", "…", error.description) for error in result.errors}


@pytest.mark.parametrize("name", slow_but(["article", "deep"], reading.NAMES))
@pytest.mark.parametrize("layout", LAYOUTS)
def test_an_auditor_reports_nothing_but_what_it_reports_for_plain_openpyxl(name, layout, tmp_path):
    plain = openpyxl.Workbook()
    plain.active["A1"].font = Font(name="Calibri", bold=True)
    plain.active["A2"].font = Font(name="Calibri", italic=True)
    plain.active["A3"] = "text"
    plain.save(tmp_path / "plain.xlsx")
    ours = tmp_path / "ours.xlsx"
    ours.write_bytes(content(example(name), layout))
    assert complaints(ours) <= complaints(tmp_path / "plain.xlsx")


def test_the_auditor_would_notice_a_broken_sheet(tmp_path):
    path = tmp_path / "broken.xlsx"
    with zipfile.ZipFile(path, "w") as archive:
        for name, part in parts(content(example("article"))).items():
            archive.writestr(name, part.replace(b"<sheetData>", b"<sheetData><nonsense/>"))
    whole = tmp_path / "whole.xlsx"
    whole.write_bytes(content(example("article")))
    assert complaints(path) - complaints(whole)


@ALL
@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_part_is_well_formed(name, layout):
    for part in parts(content(example(name), layout)).values():
        ElementTree.fromstring(part)


@ALL
@pytest.mark.parametrize("layout", LAYOUTS)
def test_rows_and_cells_ascend_and_have_styles_that_exist(name, layout):
    found = parts(content(example(name), layout))
    styles = len(ElementTree.fromstring(found["xl/styles.xml"]).find(f"{MAIN}cellXfs"))
    count = 0
    for part, text in found.items():
        if not part.startswith("xl/worksheets/sheet"):
            continue
        rows = list(ElementTree.fromstring(text).iter(f"{MAIN}row"))
        numbers = [int(row.get("r")) for row in rows]
        assert numbers == sorted(set(numbers))
        for row in rows:
            places = [coordinate_from_string(cell.get("r")) for cell in row]
            columns = [openpyxl.utils.column_index_from_string(letters) for letters, _ in places]
            assert {number for _, number in places} <= {int(row.get("r"))}
            assert columns == sorted(set(columns)), (part, row.get("r"))
            assert all(0 <= int(cell.get("s")) < styles for cell in row)
            count += len(columns)
    assert count > 300


@ALL
@pytest.mark.parametrize("layout", LAYOUTS)
def test_rules_refer_to_looks_that_exist(name, layout):
    found = parts(content(example(name), layout))
    looks = len(ElementTree.fromstring(found["xl/styles.xml"]).find(f"{MAIN}dxfs"))
    rules = [
        rule
        for part, text in found.items()
        if part.startswith("xl/worksheets/sheet")
        for rule in ElementTree.fromstring(text).iter(f"{MAIN}cfRule")
        if rule.get("type") != "colorScale"  # which has its own colours
    ]
    assert rules
    # A colour scale has colours of its own.
    found = {rule.get("dxfId") for rule in rules if rule.get("type") != "colorScale"}
    assert set(map(int, found)) == set(range(looks))


# --- For whoever wants to go on with openpyxl ---------------------------------------------


def test_to_workbook_gives_a_workbook_that_can_be_changed_saved_and_loaded(tmp_path):
    book = example("article").to_workbook()
    assert isinstance(book, openpyxl.Workbook)
    assert book["Step 2"]["L13"].value == "=C7*C13+D7*C14+E7*C15+F7*C16+H13"
    book["Step 0"]["C7"] = 5
    book.save(tmp_path / "mine.xlsx")
    again = openpyxl.load_workbook(tmp_path / "mine.xlsx")
    assert again["Step 0"]["C7"].value == 5
    for sheet in reading.formulas(example("article")).worksheets:
        for row in sheet.iter_rows():
            for cell in row:
                if (sheet.title, cell.coordinate) != ("Step 0", "C7"):
                    kept = again[sheet.title][cell.coordinate].value
                    assert (kept or None) == (cell.value or None)


# --- Limits -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("module", "limit", "most", "instead"),
    [
        (layout, "MOST_COLUMNS", 12, "use fewer inputs or neurons"),
        (layout, "MOST_ROWS", 20, "use fewer samples"),
        (shared, "LONGEST_FORMULA", 30, "use fewer inputs, neurons or samples"),
    ],
)
def test_what_a_spreadsheet_cannot_hold_is_refused(
    module, limit, most, instead, tmp_path, monkeypatch
):
    monkeypatch.setattr(module, limit, most)
    with pytest.raises(LimitError) as caught:
        example("article").to_excel(tmp_path / "book.xlsx")
    said = str(caught.value)
    assert f" {most}" in said
    assert any(int(word) > most for word in said.replace(";", "").split() if word.isdigit())
    assert instead in said
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("form", LAYOUTS)
def test_what_just_fits_is_built(form, tmp_path, monkeypatch):
    spreads = layout.lay_out(example("article").program, form).spreads.values()
    last_row = max(spread.last_row for spread in spreads)
    last_column = max(spread.last_column for spread in spreads)
    monkeypatch.setattr(layout, "MOST_ROWS", last_row)
    monkeypatch.setattr(layout, "MOST_COLUMNS", last_column)
    example("article").to_excel(tmp_path / "book.xlsx", layout=form)
    monkeypatch.setattr(layout, "MOST_ROWS", last_row - 1)
    with pytest.raises(LimitError):
        example("article").to_excel(tmp_path / "book.xlsx", layout=form)
    monkeypatch.setattr(layout, "MOST_ROWS", last_row)
    monkeypatch.setattr(layout, "MOST_COLUMNS", last_column - 1)
    with pytest.raises(LimitError):
        example("article").to_excel(tmp_path / "book.xlsx", layout=form)


def test_the_limits_are_those_of_a_spreadsheet():
    assert (layout.MOST_ROWS, layout.MOST_COLUMNS) == (1_048_576, 16_384)
    assert shared.LONGEST_FORMULA == 8192


@ALL
@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_number_formats_number_has_one_meaning_in_cells_and_rules(name, layout):
    styles = ElementTree.fromstring(parts(content(example(name), layout))["xl/styles.xml"])
    meanings = {(f.get("numFmtId"), f.get("formatCode")) for f in styles.iter(f"{MAIN}numFmt")} - {
        ("0", "General")
    }
    assert len(dict(meanings)) == len(meanings)


def test_the_contents_are_what_a_workbook_opens_on():
    book = example("article").to_workbook()
    assert book.active.title == "Contents"
    assert [s.title for s in book.worksheets if s.sheet_view.tabSelected] == ["Contents"]
