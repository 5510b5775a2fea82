"""Whatever a command is given, it ends soon, in one line, having taken little memory and written
nothing by halves.

What is counted is work (bytes, calls, cells), never time.
"""

from __future__ import annotations

import ast
import errno
import io
import json
import os
import re
import signal
import struct
import subprocess
import sys
import tracemalloc
import zipfile
from contextlib import nullcontext
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import openpyxl
import pytest
import typer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl.packaging.custom import StringProperty

import cellprop
from cellprop import limits
from cellprop.cli.app import app
from cellprop.errors import CellpropError, InputError, OutputError
from cellprop.files import costs as formulas
from cellprop.files import opening, parts, sheet_readers, submission
from cellprop.files import writing as files
from cellprop.files.costs import Formula, Workload
from cellprop.files.entries import Block
from cellprop.files.safe import label
from cellprop.files.submission import opened
from cellprop.verification import verifying
from foreign_files import laughing, refused, repacked, sheet_of, truncated, written

ROOT = Path(__file__).parents[1]
SOURCE = Path(cellprop.__file__).parent
posix = pytest.mark.skipif(os.name == "nt", reason="Windows has neither pipes nor devices so")


def slow(*values):
    """Parameters of a test that runs in CI only."""
    return pytest.param(*values, marks=pytest.mark.slow)


# A name, a number or a text that would move a cursor, end a line, or turn the line around.
EVIL = "x\x1b[31m\x9b\r\n\u202e\u2028\x07=1+1"


def process(*arguments: str, before: str = "", **options) -> subprocess.CompletedProcess[str]:
    """Run a command as a process of its own, `before` it lines of Python in that process."""
    launch = f"{before}\nimport runpy, sys\nsys.argv = {['cellprop', *arguments]!r}\n"
    launch += "runpy.run_module('cellprop', run_name='__main__')"
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src"), "PYTHONDONTWRITEBYTECODE": "1"}
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
    command = [sys.executable, "-c", launch]
    return subprocess.run(command, text=True, env=environment, check=False, **streams)


def is_one_line(code: int, out: str, err: str, *named: str) -> bool:
    """Whether something wrong was answered as it always is."""
    assert (code, out) == (2, ""), (code, out, err)
    assert err.startswith("cellprop: ")
    assert err.endswith("\n")
    line = err[:-1]
    assert line == label(line)
    assert len(line) <= limits.LONGEST_MESSAGE + 100
    for name in named:
        assert name in line
    return True


def left(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


# --- Files --------------------------------------------------------------------------------


def linked(target):
    """Return what makes a link with the ending that is expected to something that is no file."""

    def make(folder, ending):
        (folder / f"x{ending}").symlink_to(target)
        return folder / f"x{ending}"

    return make


def loop(folder, ending):
    (folder / "y").symlink_to(f"x{ending}")
    return linked("y")(folder, ending)


def pipe(folder, ending):
    os.mkfifo(folder / f"x{ending}")
    return folder / f"x{ending}"


def directory(folder, ending):
    (folder / f"x{ending}").mkdir()
    return folder / f"x{ending}"


def sparse(folder, ending):
    """Return a file of a terabyte that takes no room."""
    with (folder / f"x{ending}").open("wb") as file:
        file.truncate(1024**4)
    return folder / f"x{ending}"


def holding(content):
    return lambda folder, ending: written(folder, content, f"x{ending}")


def renamed(make):
    """Return what makes a file with the ending that is expected, from what was made once."""

    @cache
    def content():
        with TemporaryDirectory() as folder:
            return make(Path(folder)).read_bytes()

    return lambda folder, ending: written(folder, content(), f"x{ending}")


def packed(folder):
    """Return an archive in an archive in an archive."""
    content = b"\0" * 1000
    for name in ("a.npy", "b.npz", "c.xlsx"):
        target = io.BytesIO()
        with zipfile.ZipFile(target, "w") as archive:
            archive.writestr(name, content)
        content = target.getvalue()
    return written(folder, content, "data.xlsx")


def claiming(folder):
    """Return a workbook that says that it unpacks to four gigabytes."""
    path = sheet_of(folder, [["a", "y"], [1, 2]])
    data = bytearray(path.read_bytes())
    head = data.rindex(b"PK\x01\x02")
    data[head + 24 : head + 28] = b"\xfe\xff\xff\xff"
    path.write_bytes(data)
    return path


NO_FILES = {
    "missing": lambda folder, ending: folder / f"x{ending}",
    "a folder": directory,
    "nothing": linked(os.devnull),
    "a device without end": linked("/dev/zero"),
    "a pipe": pipe,
    "a link to nothing": linked("nowhere"),
    "a link to itself": loop,
    "a name with what moves a cursor": lambda folder, ending: folder / f"{EVIL}{ending}",
    "a long name": lambda folder, ending: folder / f"{'n' * 5000}{ending}",
    "a terabyte": sparse,
}
WRONG_FILES = {
    "empty": holding(b""),
    "a mark of UTF-8 only": holding(b"\xef\xbb\xbf"),
    "binary": holding(bytes(range(256)) * 9),
    "no text": holding(b"\xff\xfe\x00\xd8" * 99),
    "an old workbook, or a password": holding(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(512)),
    "half a workbook": renamed(truncated),
    "a bomb": renamed(claiming),
    "entities": renamed(laughing),
    "an archive in an archive": renamed(packed),
    "a nest of lists": holding(b"[" * 100_000),
    "a nest of tables": holding(b'{"a":' * 100_000),
    "a nest of names": holding(b"a." * 100_000 + b"a = 1\n"),
    "endless digits": holding(b"a = " + b"9" * 100_000),
    "a million columns": holding(b"a," * 1_000_000 + b"a\n"),
    "one quotation mark": holding(b'"' + b"a,1\n" * 1000),
}  # fmt: skip
# What takes a file, and the endings it may have: for `check`, a file that can't be marked is a
# result, and of a secret any text will do.
READERS = {
    "--data": ("show X --target y --data", (".csv", ".xlsx")),
    "--words": ("show 2 --words", (".toml",)),
    "--theme": ("build -o out.xlsx --theme", (".xlsx",)),
    "--parameters": ("show X --parameters", (".json", ".xlsx")),
    "--roster": ("exercise -o class --roster", (".csv", ".xlsx")),
    "--key": ("check sent.xlsx --key", (".xlsx",)),
    "--question": ("check sent.xlsx --question", (".xlsx",)),
    "--secret": ("exercise -o out.xlsx --secret", (".txt",)),
    "compare": ("compare", (".npz", ".npy", ".json", ".xlsx", ".csv")),
    "verify": ("verify", (".xlsx",)),
}
EACH = [(reader, ending) for reader, (_, endings) in READERS.items() for ending in endings]
# These are something else that can be read.
READ = {("--secret", what) for what in WRONG_FILES if what != "empty"}
READ |= {("compare", "a folder")}


# Each with each takes long: in turns they are tried in every run, in CI all of them.
TURNS = [7, pytest.param(1, marks=pytest.mark.slow)]


@posix
@pytest.mark.parametrize("turns", TURNS)
@pytest.mark.parametrize(("reader", "ending"), EACH)
def test_whatever_a_command_is_to_read_it_ends_in_one_line(
    tmp_path, monkeypatch, run, reader, ending, turns
):
    command = READERS[reader][0].split()
    own = EACH.index((reader, ending))
    for number, (what, make) in enumerate({**NO_FILES, **WRONG_FILES}.items()):
        if (number + own) % turns:
            continue
        folder = tmp_path / f"{number}"
        folder.mkdir()
        monkeypatch.chdir(folder)
        path = make(folder, ending)
        before = left(folder)
        if (reader, what) in READ:
            continue
        result = run(*command, str(path.relative_to(folder)))
        assert is_one_line(*result, "x" if "name" not in what else ""), what
        assert [each for each in left(folder) if each not in before] in ([], ["out.xlsx"])


@posix
@pytest.mark.parametrize(
    "what",
    [
        what if number % 5 == 0 else pytest.param(what, marks=pytest.mark.slow)
        for number, what in enumerate({**NO_FILES, **WRONG_FILES})
    ],
)
def test_what_is_handed_in_is_marked_or_named(here, run, what):
    path = {**NO_FILES, **WRONG_FILES}[what](here, ".xlsx")
    code, out, err = run("check", path.name)
    assert code in (1, 2)
    assert "Traceback" not in out + err
    assert all(line == label(line) for line in (out + err).splitlines())
    # A folder of students' files goes on without it, whatever it is.
    if what not in ("missing", "a name with what moves a cursor", "a long name"):
        sheet_of(here, [[1]], "other.xlsx")
        code, out, err = run("check", ".")
        assert (code, err) == (1, "")


@posix
@pytest.mark.parametrize(("reader", "ending"), EACH[::3])
def test_what_is_no_file_is_not_even_opened(here, run, monkeypatch, reader, ending):
    path = linked("/dev/zero")(here, ending)
    real, seen = os.open, []
    monkeypatch.setattr(
        os, "open", lambda name, *a, **k: seen.append(str(name)) or real(name, *a, **k)
    )
    code, _, err = run(*READERS[reader][0].split(), path.name)
    assert code == 2
    assert "is a device, not " in err
    assert path.name not in seen


def test_a_file_is_not_read_beyond_what_its_kind_may_have(tmp_path, monkeypatch):
    path = written(tmp_path, "a" * 5000)
    kind = limits.FileKind("a test", size=4000)
    assert "expected at most 4 KiB, found 5 KiB" in refused(opening.content, path, kind)
    # Also one that has become larger since it was asked.
    monkeypatch.setattr(opening.os, "fstat", lambda _: os.stat_result((0o100644, *[0] * 9)))
    assert len(opening._read(path, 4000)) == 4001


@posix
def test_what_has_become_a_pipe_meanwhile_is_not_waited_for(tmp_path, monkeypatch):
    path = pipe(tmp_path, ".csv")
    monkeypatch.setattr(opening, "check_is_file", lambda *_: None)
    assert "it is a pipe now" in refused(opening.content, path, limits.TABLE)


def test_a_name_with_a_nul_is_one_line(tmp_path):
    assert "can't be read" in refused(opening.content, tmp_path / "a\0b", limits.TABLE)
    with pytest.raises(OutputError, match="can't be written"):
        files.write_whole(tmp_path / "a\0b", lambda _: None)


LIKE_ANYBODY = "import ctypes\ndrop = ctypes.CDLL(None).prctl\ndrop(24, 1)\ndrop(24, 2)\n"
# The rights that were dropped end with the program that has them.
LIKE_ANYBODY += "import os, sys\nif 'again' not in os.environ: os.environ['again'] = '1'; "
LIKE_ANYBODY += "os.execv(sys.executable, sys.orig_argv)"


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="how to be refused as root is Linux's")
@pytest.mark.parametrize(("reader", "ending"), EACH)
def test_what_may_not_be_read_is_one_line(here, reader, ending):
    path = written(here, "a,y\n1,2\n", f"x{ending}")
    path.chmod(0)
    done = process(*READERS[reader][0].split(), path.name, before=LIKE_ANYBODY)
    assert is_one_line(done.returncode, done.stdout, done.stderr, "x")
    assert re.search("Permission denied|is not readable", done.stderr)


# --- What a file may hold -----------------------------------------------------------------


def never(*_, **__):
    pytest.fail("it was done all the same")


def small(**changes):
    return limits.FileKind("a test", **{"size": 10**6, "unpacked": 10**6, "parts": 99, **changes})


def test_numbers_of_json_are_counted_before_they_are_made(monkeypatch):
    monkeypatch.setattr(json, "loads", never)
    message = refused(opening.json_of, "x", json.dumps(list(range(50))).encode(), small(cells=40))
    assert message == "x: expected at most 40 numbers, found 49; keep what is needed."
    assert "lists" in refused(opening.json_of, "x", b"[[]" + b",[]" * 20 + b"]", small(cells=40))


@given(st.integers(1, 200), st.sampled_from(["[", '{"a]]":']))
def test_json_may_be_nested_so_deeply(depth, opening_bracket):
    close = "]" if opening_bracket == "[" else "}"
    text = opening_bracket * depth + "1" + close * depth
    if depth <= limits.DEEPEST:
        assert opening.json_of("x", text.encode(), limits.JSON) == json.loads(text)
    else:
        assert "nested too deeply" in refused(opening.json_of, "x", text.encode(), limits.JSON)


def test_brackets_in_texts_are_no_nest():
    text = json.dumps({"a": "[" * 500, 'b"\\': ['"[{'] * 200})
    assert opening.json_of("x", text.encode(), limits.JSON) == json.loads(text)


@pytest.mark.parametrize("table", ["a = 1", "[a.b]\nc = [1, 2]", 'a = "x.y.z"', "a = 1_000"])
def test_usual_toml_is_read(table):
    assert opening.toml_of("x", table.encode())


@pytest.mark.parametrize(
    "table",
    [
        "a = " + "9" * 5000, "a = " + "[" * 5000, "a = " + "{a=" * 5000, "a." * 5000 + "a = 1",
        "[" + "a." * 5000 + "a]", '"a" . ' * 5000 + "b = 1", "a = 1979-99-99",
        "= 1", "a = 1\na = 2", "[a]\n[a]", "a = '''", "\ufeff= 1", "a = \x00",
        "a = inf\nb = \u202e",
    ],
)  # fmt: skip
def test_toml_that_is_none_is_one_line(table):
    message = refused(opening.toml_of, "x", table.encode())
    assert message.startswith("x")


def test_columns_are_counted_whatever_separator_a_file_names(tmp_path, run):
    path = written(tmp_path, "sep=:\n" + "a:" * 20_000 + "y\n", "x.csv")
    line = f"{path}, line 2: expected at most 16,384 columns, found 20,001; remove what is not"
    assert is_one_line(*run("build", "--data", str(path), "--target", "y"), line)


def test_matrices_are_counted_before_they_are_made(tmp_path, monkeypatch, run):
    path = written(tmp_path, json.dumps({f"m{i}": [[1]] for i in range(2_001)}), "x.json")
    monkeypatch.setattr("cellprop.files.matrices.json_cells", never)
    line = f"{path}: expected at most 2,000 matrices, found 2,001; keep fewer"
    assert is_one_line(*run("compare", str(path)), line)


def test_students_are_counted_before_anything_is_made_of_them(tmp_path, monkeypatch, run):
    monkeypatch.setattr("cellprop.files.roster.MOST_STUDENTS", 2)
    path = written(tmp_path, "name,id\nA,1\nB,2\nC,3\n", "x.csv")
    line = f"{path}: expected at most 2 students, found 3; make several lists"
    assert is_one_line(*run("exercise", "--roster", str(path)), line)


def test_columns_are_counted_before_cells_are_made(tmp_path, run):
    path = written(tmp_path, b"a,b\n" + b"1," * 20_000 + b"1\n")
    line = f"{path}, line 2: expected at most 16,384 columns, found 20,001; remove what is not"
    assert is_one_line(*run("show", "--data", str(path), "--target", "b"), line)
    assert is_one_line(*run("compare", str(path)), line)


def test_cells_are_counted_before_they_are_made():
    data = b"a,b\r1,2\r" * 100
    assert "at most 300 cells, found 401" in refused(
        limits.check_lines, "x", data + b"1", small(cells=300)
    )


def part(content, name="xl/worksheets/sheet1.xml"):
    return lambda folder: repacked(sheet_of(folder, [[1]]), name, lambda _: content)


XML = {
    "a nest": part("<a>" * 1000),
    "many names": part("<x>" + "".join(f"<a{i}/>" for i in range(5000)) + "</x>"),
    "a long tag": part(f"<a b='{'x' * 3_000_000}'/>"),
    "a long text": part(f"<a>{'x' * 3_000_000}</a>"),
    "entities": laughing,
    "a definition": part("<!DOCTYPE a SYSTEM 'file:///etc/passwd'><a/>"),
    "not closed": part("<a>"),
    "no XML": part("a"),
    "no styles": part("", "xl/styles.xml"),
    "another workbook": part("<a/>", "xl/workbook.xml"),
    "a wide row": part("<sheetData><row>" + "<c/>" * 600_000 + "</row></sheetData>"),
    "another encoding": part("<?xml version='1.0' encoding='cp037'?><a/>"),
}


def all_of(data, kind):
    with opening.whatever_is_wrong("damaged"):
        book = opening.book_of("x", data, kind, read_only=True)
        list(book.worksheets[0].iter_rows(values_only=True))


OPENERS = [limits.SHEETS, limits.THEME, limits.BUILT]


@pytest.mark.parametrize("kind", OPENERS, ids=lambda kind: kind.name)
@pytest.mark.parametrize("what", XML)
def test_xml_that_would_take_all_memory_is_not_made_into_anything(tmp_path, what, kind):
    data = XML[what](tmp_path).read_bytes()
    tracemalloc.start()
    try:
        assert refused(all_of, data, kind) == "damaged"
        assert tracemalloc.get_traced_memory()[1] < 32 * 1024**2
    finally:
        tracemalloc.stop()


def test_elements_that_a_reader_would_keep_are_counted(monkeypatch):
    monkeypatch.setattr(opening, "MOST_KEPT", 9)
    monkeypatch.setattr(opening, "MOST_IN_ROW", 4)
    for content, is_refused in (
        ("<a>" + "<row><c/><c/></row>" * 8 + "</a>", False),
        ("<a>" + "<row><c/><c/></row>" * 9 + "</a>", True),
        ("<a>" + "<row/><b/>" * 5 + "</a>", True),
        ("<x:a xmlns:x='x'><x:row>" + "<c/>" * 4 + "</x:row></x:a>", False),
        ("<x:a xmlns:x='x'><x:row>" + "<c/>" * 5 + "</x:row></x:a>", True),
    ):
        try:
            opening.check_part(io.BytesIO(content.encode()))
        except ValueError:
            assert is_refused
        else:
            assert not is_refused


def test_elements_beside_the_rows_of_a_sheet_are_counted_in_no_other_part(monkeypatch):
    monkeypatch.setattr(opening, "MOST_BESIDE_ROWS", 3)
    for content, is_refused in (
        ("<worksheet>" + "<row><c/></row>" * 9 + "<m/>" * 3 + "</worksheet>", False),
        ("<worksheet>" + "<row/>" + "<m/>" * 4 + "</worksheet>", True),
        ("<x:worksheet xmlns:x='x'>" + "<x:m/>" * 4 + "</x:worksheet>", True),
        ("<sst>" + "<si/>" * 9 + "</sst>", False),
    ):
        with nullcontext() if not is_refused else pytest.raises(ValueError, match=r"^$"):
            opening.check_part(io.BytesIO(content.encode()))


def test_elements_parts_and_bytes_are_counted_before_they_are_unpacked(tmp_path, monkeypatch):
    data = sheet_of(tmp_path, [[1, 2]] * 50).read_bytes()
    monkeypatch.setattr(openpyxl, "load_workbook", never)
    usual = {"part": 10**6, "tags": 10**6}
    for changes, message in (
        ({"tags": 50}, "at most 50 tags in its XML, found"),
        ({"parts": 3}, "at most 3 parts, found"),
        ({"unpacked": 1000}, "KiB unpacked, found"),
        ({"part": 1000}, "theme1.xml: expected at most"),
    ):
        kind = small(**(usual | changes))
        assert message in refused(opening.book_of, "x", data, kind)


@pytest.mark.parametrize("kind", limits.KINDS, ids=lambda kind: kind.name)
def test_every_kind_of_file_may_cost_something_and_not_everything(kind):
    assert 0 < kind.size <= 256 * limits.MIB
    assert kind.unpacked <= 256 * limits.MIB
    assert bool(kind.unpacked) == bool(kind.parts)
    assert kind.part <= 32 * limits.MIB


# --- Themes -------------------------------------------------------------------------------


def theme_with(change, name="xl/styles.xml"):
    def make(folder):
        path = folder / "mine.xlsx"
        path.write_bytes((ROOT / "templates" / "theme.xlsx").read_bytes())
        return repacked(path, name, change)

    return make


THEMES = {
    "styles cut short": theme_with(lambda xml: xml[: len(xml) // 2]),
    "no fonts": theme_with(lambda xml: re.sub("<fonts.*</fonts>", "", xml, flags=re.DOTALL)),
    "no fills": theme_with(lambda xml: re.sub("<fills.*</fills>", "", xml, flags=re.DOTALL)),
    "no borders": theme_with(lambda xml: re.sub("<borders.*</borders>", "", xml, flags=re.DOTALL)),
    "a font without number": theme_with(lambda xml: xml.replace('fontId="', 'fontId="99')),
    "a fill without number": theme_with(lambda xml: xml.replace('fillId="', 'fillId="-')),
    "colours that are none": theme_with(lambda xml: xml.replace('rgb="', 'rgb="zz')),
    "no styles": theme_with(lambda _: ""),
    "a broken document theme": theme_with(lambda xml: xml[:-30], "xl/theme/theme1.xml"),
    "a document theme with entities": theme_with(
        lambda xml: '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "xl/theme/theme1.xml"
    ),
    "a broken sheet": theme_with(lambda xml: xml[:-30], "xl/worksheets/sheet1.xml"),
    "cells nowhere": theme_with(
        lambda xml: re.sub(r'r="([A-C])(\d)', r'r="\g<1>0\2', xml), "xl/worksheets/sheet1.xml"
    ),
    "a broken workbook": theme_with(lambda xml: xml[:-30], "xl/workbook.xml"),
    "no relations": theme_with(lambda _: "<a/>", "xl/_rels/workbook.xml.rels"),
}


@pytest.mark.parametrize("what", THEMES)
def test_a_theme_with_a_damaged_part_is_refused_before_anything_is_written(here, run, what):
    path = THEMES[what](here)
    code, out, err = run("build", "--theme", path.name, "-o", "out.xlsx")
    if code == 0:  # what the part held may not be needed
        openpyxl.load_workbook("out.xlsx")
        return
    assert is_one_line(code, out, err, "mine.xlsx")
    assert left(here) == ["mine.xlsx"]


def test_most_damaged_themes_are_refused(here):
    from cellprop.faces.workbook.theme import load

    refusals = 0
    for make in THEMES.values():
        try:
            load(make(here))
        except InputError:
            refusals += 1
    assert refusals > len(THEMES) / 2


@given(st.data())
@settings(max_examples=10, suppress_health_check=list(HealthCheck))
def test_whatever_is_changed_in_a_theme_it_is_read_or_refused(tmp_path_factory, data):
    from cellprop.faces.workbook.theme import load

    content = bytearray((ROOT / "templates" / "theme.xlsx").read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    path = tmp_path_factory.getbasetemp() / "changed.xlsx"
    path.write_bytes(content)
    try:
        load(path)
    except CellpropError as error:
        message = str(error)
    else:
        message = ""
    assert message == label(message)


# --- Formulas -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "cost"),
    [
        ("1+1", 1),
        ("A1+B2", 2),
        ("SUM(A1:C4)", 12),
        ("SUM($C$4:$A$1)", 12),
        ("SUM('It''s'!A1:B2,Other!A1:B2)", 8),
        ("SUMPRODUCT(A1:B5,C1:D5)", 20),
        ("A1:A100*B1:CW1", 10_000),
        ("SUM(MMULT(TRANSPOSE(A1:A9),B1:B9))", 9),
        ("MMULT(A1:B3,C1:F2)", 24),
        ("MMULT(A1:A100,TRANSPOSE(B1:B100))", 10_000),
        ("COUNTIF(A1:A100,B1:B100)", 10_200),
        ("IF(A1>0,\"B1:ZZ9999\",2e3)", 1),
        ("'A1:Z9'!A1", 1),
        ("FACT(1E13)", formulas.TOO_MUCH),
        ("_xlfn.SEQUENCE(1E9)", formulas.TOO_MUCH),
        ("OFFSET(A1,0,0,99999,99)", formulas.TOO_MUCH),
        ("(" * 65 + "1" + ")" * 65, formulas.TOO_MUCH),
        ("1+" * 5000 + "1", formulas.TOO_MUCH),
    ],
)  # fmt: skip
def test_what_a_formula_costs_is_told_from_its_text(text, cost):
    formula = Formula(text, "S")
    assert formula.cost(formula.areas) == cost


def test_names_and_whole_columns_count_as_far_as_there_is_anything():
    work = Workload({"all": "S!$A$1:$J$100", "again": "all", "loop": "loop+1"})
    for row, text in enumerate(("SUM(all)", "SUM(again)", "SUM(A:A)", "SUM(2:2)", "loop"), 1):
        work.add(("S", row, 1), text)
    work.reaches("S", 500, 20)
    costs = [work.cost(("S", row, 1)) for row in range(1, 6)]
    assert costs[:4] == [1000, 1000, 500, 20]
    assert costs[4] > limits.MOST_READ


def test_texts_made_of_texts_that_are_made_of_texts_cost_too_much():
    work = Workload()
    for row, text in enumerate(('"a"&A9', "A9&A9", "A2", "A3&A3", "LEN(A4)"), 1):
        work.add(("S", row, 1), text)
    assert work.costly() == {("S", 4, 1)}
    assert work.dependents(work.costly()) == {("S", 5, 1)}


@given(st.text(alphabet="AZ19:$!'\"()&,.+ \u0394x[]{}", max_size=60))
def test_whatever_a_formula_says_it_costs_something(text):
    formula = Formula(text, "S")
    assert formula.cost(formula.areas) >= 1


def with_formulas(folder, rows):
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    book.save(folder / "sent.xlsx")
    return opened(folder / "sent.xlsx")


def test_a_formula_that_costs_too_much_and_what_depends_on_it_is_not_computed(
    tmp_path, monkeypatch
):
    asked = []
    real = submission.compute
    monkeypatch.setattr(
        submission, "compute", lambda *files: asked.append(files[2]) or real(*files)
    )
    monster = "=SUMPRODUCT(B9:ZZ100000*B9:ZZ100000)"
    rows = [[monster, "=A1+1", "=IFERROR(B1,0)", "=1+1", 7], ["=SUM(D1:E1)", "=SUM(A1:E1)"]]
    found = with_formulas(tmp_path, rows).found(Block("Sheet", 1, 1, 2, 5))
    unread = [[cell.is_unread for cell in row] for row in found]
    assert unread == [[True, True, True, False, False], [False, True, False, False, False]]
    assert [found[0][3].value, found[1][0].value] == [2, 9]
    assert asked == [{("Sheet", 1, 1), ("Sheet", 1, 2), ("Sheet", 1, 3), ("Sheet", 2, 2)}]


@pytest.mark.parametrize(
    ("module", "limit"),
    [(parts, "MOST_READ_BY_ALL"), (sheet_readers, "MOST_FORMULAS_SENT")],
)
def test_too_many_formulas_are_not_computed_at_all(tmp_path, monkeypatch, module, limit):
    monkeypatch.setattr(module, limit, 5)
    monkeypatch.setattr(submission, "compute", never)
    found = with_formulas(tmp_path, [["=1+1"] * 6]).found(Block("Sheet", 1, 1, 1, 6))
    assert all(cell.is_unread for cell in found[0])


def ours(folder, formulas_):
    """Return a workbook that says it is ours, with some formulas."""
    book = openpyxl.Workbook()
    book.custom_doc_props.append(StringProperty(name="cellprop", value="0"))
    for formula in formulas_:
        book.active.append([formula])
    book.save(folder / "ours.xlsx")
    return folder / "ours.xlsx"


MONSTERS = {
    "reads too much": ["=SUMPRODUCT(B1:ZZ100000*B1:ZZ100000)"],
    "takes all day": ["=FACT(1E13)"],
    "makes a great array": ["=SUM(SEQUENCE(1E9))"],
    "is deep": ["=" + "(" * 5000 + "1" + ")" * 5000],
    "is long": ["=1" + "+1" * 9000],
    "doubles": ["x", *(f"=A{i}&A{i}" for i in range(1, 60))],
    "is many": ["=SUM(B1:ZZ2000)"] * 200,
}


@pytest.mark.parametrize("what", MONSTERS)
def test_a_workbook_whose_formulas_cost_too_much_is_not_recalculated(here, run, monkeypatch, what):
    monkeypatch.setattr(verifying, "values_by_ironcalc", never)
    path = ours(here, MONSTERS[what])
    assert is_one_line(*run("verify", path.name), path.name)


# --- Networks and options -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--hidden", ",".join(["1"] * 150)], "expected at most 32 hidden layers, found 150"),
        (["--hidden", ",".join(["1"] * 33)], "expected at most 32 hidden layers, found 33"),
        (["--hidden", "16384,16384"], "expected at most 20,000,000 weights, found 268,5"),
        (["--hidden", "9" * 5000], "--hidden"),
        (["--hidden", "1" + ",1" * 100_000], "--hidden"),
        (["--hidden", "1_0_"], "--hidden"),
        (["--epochs", "9" * 18], "expected at most 10,000,000 epochs, found 999,999"),
        (["--epochs", "9" * 5000], "--epochs"),
        (["--walk-epoch", "9" * 40], "walk_epoch"),
        (["--batch-size", "9" * 40], "batch_size"),
        (["--seed", "-" + "9" * 40], "seed"),
        (["--seed", "9" * 5000], "--seed"),
        (["--activation", ",".join(["relu"] * 10_000)], "activation"),
        (["--learning-rate", "1" + "0" * 400], "learning_rate"),
        (["--learning-rate", "1e999"], "learning_rate"),
        (["--setting", "x=" + "9" * 9000], "settings"),
        (["--optimizer", "adam", "--setting", "epsilon=1e999"], "epsilon"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_network_that_nobody_could_read_is_refused_before_it_is_made(run, options, named):
    assert is_one_line(*run("show", *options), named)


@pytest.mark.parametrize(
    ("command", "named"),
    [
        ("exercise --marks 2=1e7", "expected 0 to 1,000,000 for step 2, found 1e+07"),
        ("exercise --marks 2=nan", "expected 0 to 1,000,000 for step 2, found nan"),
        ("exercise --marks 2=-1", "expected 0 to 1,000,000"),
        ("exercise --steps 2-99999999999999999999", "steps"),
        (f"exercise --decimals {'9' * 5000}", "--decimals"),
        (f"exercise --jobs {'9' * 30}", "--jobs"),
        (f"show {'9' * 5000}", "There is no step"),
        (f"compare x.npz --names {'x' * 9000}", "--names"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_number_beyond_all_measure_is_one_line_that_says_the_limit(here, run, command, named):
    assert is_one_line(*run(*command.split()), named)
    assert left(here) == []


def test_python_is_bounded_as_the_command_line_is():
    with pytest.raises(InputError, match="at most 32 hidden layers, found 40"):
        cellprop.Network([1] * 42)
    with pytest.raises(InputError, match="at most 20,000,000 weights"):
        cellprop.Network([10_000, 10_000, 1])
    network = cellprop.Network([1, 1_000_000, 1])
    with pytest.raises(InputError, match="numbers in all layers for all samples"):
        cellprop.trace(network, np.zeros((200, 1)), np.zeros(200))
    with pytest.raises(InputError, match="record: expected at most"):
        cellprop.trace(cellprop.Network([20, 20, 1]), [[0] * 20], [0], epochs=10**6, record=True)


def commands() -> dict[str, list[tuple[str, bool]]]:
    """Return the options and arguments of every command that take a text, by their names."""
    found = {}
    for name, command in typer.main.get_command(app).commands.items():
        found[name] = [
            (
                parameter.opts[-1] if parameter.param_type_name == "option" else "",
                parameter.required,
            )
            for parameter in command.params
            if not getattr(parameter, "is_flag", False)
        ]
    return found


VALUES = [
    EVIL, "", " ", "-", "--", "9" * 400, "-1", "nan", "1e400", "=1+1", "a=b", "2=" + EVIL, "\u202e",
    "x" * 5000, "../..", "~", "*", "%s%n", "{0}", "[red]", "[/red]", "\ud800", "0,0", ",", "[",
    "NUL",
]  # fmt: skip


@pytest.mark.parametrize("turns", TURNS)
@pytest.mark.parametrize("command", commands())
def test_what_moves_a_cursor_never_reaches_the_terminal_raw(here, run, command, turns):
    for option, _ in commands()[command][::turns]:
        arguments = [command, *([option] if option else []), EVIL]
        code, out, err = run(*arguments)
        assert code in (0, 1, 2), arguments
        assert err.count("\n") == (1 if code == 2 else err.count("\n"))
        assert all(line == label(line) for line in (out + err).split("\n")), arguments


@pytest.mark.slow
@settings(max_examples=400, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_whatever_is_typed_ends_in_one_line_or_does_what_was_asked(
    tmp_path_factory, monkeypatch, run, data
):
    folder = tmp_path_factory.mktemp("typed")
    monkeypatch.chdir(folder)
    sheet_of(folder, [["a", "y"], [1, 2], [2, 1]], "a.xlsx")
    written(folder, "a,y\n1,2\n2,1\n", "a.csv")
    written(folder, '{"wh": [[1]]}', "a.json")
    values = st.sampled_from([*VALUES, "a.xlsx", "a.csv", "a.json", "y", "xor", "1", "2", "."])
    command = data.draw(st.sampled_from(sorted(commands())))
    arguments = [command]
    for option, _ in data.draw(
        st.lists(st.sampled_from(commands()[command] or [("", False)]), max_size=4)
    ):
        arguments += [*([option] if option else []), data.draw(values)]
    code, out, err = run(*arguments)
    assert code in (0, 1, 2)
    assert "Traceback" not in out + err
    assert all(line == label(line) for line in (out + err).split("\n"))
    if code == 2:
        assert (out, err.count("\n")) == ("", 1)
    assert not [name for name in left(folder) if name.endswith(".tmp")]


# --- Where nothing can be written ---------------------------------------------------------


def raised(*_, **__):
    raise AssertionError("it was computed all the same")


WRITERS = [
    "build -o", "check sent.xlsx --report", "exercise --roster class.csv -o",
    *(
        pytest.param(each, marks=pytest.mark.slow)
        for each in ("plot -o", "exercise -o", "theme -o", "words -o", "check sent.xlsx --annotate")
    ),
]  # fmt: skip


@posix
@pytest.mark.parametrize("command", WRITERS)
def test_where_nothing_can_be_written_nothing_is_computed_either(here, run, monkeypatch, command):
    monkeypatch.setattr("cellprop.tracing.trace", raised)
    monkeypatch.setattr("cellprop.exercise.check_all", raised)
    written(here, "id,name\n1,Ada\n", "class.csv")
    (here / "loop.html").symlink_to("round.html")
    (here / "round.html").symlink_to("loop.html")
    pipe(here, ".html")
    before = left(here)
    is_folder = "roster" in command or "annotate" in command
    targets = [
        "missing/x.html",
        "loop.html",
        "loop.html/x.html",
        "x.html/y.html",
        f"{'n' * 300}.html",
    ]
    for target in targets if is_folder else [*targets, "x.html", "/dev/full", "."]:
        if "report" in command and not target.endswith(".html"):
            continue
        assert is_one_line(*run(*command.split(), target), target[:200]), target
    assert left(here) == before


def test_a_report_is_written_before_anything_is_printed(here, run, monkeypatch):
    sheet_of(here, [[1]], "sent.xlsx")

    def closed(*_):
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")

    monkeypatch.setattr("cellprop.faces.report.show", closed)
    code, _, err = run("check", "sent.xlsx", "--report", "marks.csv", "--annotate", "marked")
    assert (code, err) == (1, "")
    assert left(here) == ["marked", "marks.csv", "sent.xlsx"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
@pytest.mark.parametrize(
    "command",
    [
        pytest.param(["examples"]),
        *(
            pytest.param(each, marks=pytest.mark.slow)
            for each in (
                ["build", "-o", "x.xlsx"], ["show"], ["verify", str(ROOT / "outputs/article.xlsx")],
                ["exercise", "-o", "x.xlsx"], ["check", "sent.xlsx"], ["theme", "-o", "t.xlsx"],
                ["words", "-o", "w.toml"], ["compare", "mine.npz"], ["--help"], ["--version"], [],
            )
        ),
    ],
    ids=" ".join,
)  # fmt: skip
def test_output_to_a_full_disk_is_one_line_whatever_the_command(here, command):
    sheet_of(here, [[1]], "sent.xlsx")
    np.savez(here / "mine.npz", E=cellprop.article()["E"].to_numpy())
    with open("/dev/full", "w") as full:
        done = process(*command, stdout=full)
    assert done.stderr == "cellprop: output: No space left on device.\n"
    assert done.returncode in (1, 2)


@pytest.mark.slow
@posix
@pytest.mark.parametrize("descriptor", [1, 2])
def test_a_closed_output_is_no_error_of_ours(here, descriptor):
    before = f"import os; os.close({descriptor}); import sys\n"
    before += f"sys.{'stdout' if descriptor == 1 else 'stderr'} = None"
    for command in (["show", "--format", "csv"], ["examples"], ["show", "nonsense"]):
        done = process(*command, before=before)
        assert "Traceback" not in done.stdout + done.stderr
        assert done.returncode == (2 if "nonsense" in command else 0)


@pytest.mark.slow
@posix
@pytest.mark.parametrize(("size", "students"), [(1_000, 3), (30_000, 3), (60_000, 200)])
def test_a_disk_that_is_full_in_the_middle_of_a_class_is_one_line(here, size, students):
    # At last the key, which is larger than any workbook of a student.
    roster = "".join(f"{i},N{i}\n" for i in range(students))
    written(here, f"id,name\n{roster}", "class.csv")
    before = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({size}, {size}))"
    done = process(
        "exercise", "--roster", "class.csv", "-o", "class", "--decimals", "3", before=before
    )
    message = "can't be written: File too large"
    assert is_one_line(done.returncode, done.stdout, done.stderr, message)
    assert not [name for name in left(here) if "key" in name or name.endswith(".tmp")]


@pytest.mark.parametrize("swallowed", [False, True])
def test_of_a_disk_that_was_full_the_first_failure_counts_whatever_the_writer_makes_of_it(
    tmp_path, swallowed
):
    def write(file):
        file._file = io.BufferedRandom(Full())
        try:
            file.write(b"x" * 100_000)
        except OSError:
            # As `zipfile` does at the end of an archive whose places no longer fit.
            if not swallowed:
                raise struct.error("argument out of range") from None

    with pytest.raises(OutputError, match="No space left on device"):
        files.write_whole(tmp_path / "x", write)
    assert left(tmp_path) == []


@posix
@pytest.mark.parametrize("size", [1_000, slow(20_000), slow(50_000)])
def test_a_disk_that_is_full_while_a_workbook_is_written_is_one_line(here, size):
    before = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({size}, {size}))"
    done = process("build", "-o", "x.xlsx", before=before)
    message = "x.xlsx: can't be written: File too large"
    assert is_one_line(done.returncode, done.stdout, done.stderr, message)
    assert left(here) == []


def test_what_closes_a_file_after_a_failure_does_not_fail_again(tmp_path, recwarn, capsys):
    def write(file):
        archive = zipfile.ZipFile(file, "w")
        archive.writestr("a", "x" * 100)
        file._file = io.BufferedRandom(Full())
        archive.writestr("b", os.urandom(100_000))

    with pytest.raises(OutputError, match="No space left on device"):
        files.write_whole(tmp_path / "x", write)
    assert left(tmp_path) == []
    assert not recwarn.list


class Full(io.RawIOBase):
    def writable(self):
        return True

    readable = seekable = writable

    def seek(self, *_):
        return 0

    def write(self, _):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@posix
def test_ctrl_c_that_a_library_makes_an_error_of_is_still_without_a_word(here):
    # As openpyxl does, which takes whatever stops it for a damaged sheet.
    before = (
        "import os, signal, cellprop.verification as v\n"
        "from cellprop.errors import InputError\n"
        "def swallow(*_):\n"
        "    try: os.kill(os.getpid(), signal.SIGINT); signal.pause()\n"
        "    except KeyboardInterrupt: raise InputError('damaged') from None\n"
        "v.verify = swallow"
    )
    done = process("verify", "x.xlsx", before=before)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def waiting(seconds):
    """Return whether Ctrl+C would be heard in a process, having done something."""
    return signal.getsignal(signal.SIGINT) == signal.default_int_handler


@pytest.mark.slow
@posix
def test_processes_hear_ctrl_c_while_they_work_and_not_while_they_load_or_wait():
    from cellprop.running.processes import in_processes

    mine = signal.getsignal(signal.SIGINT)
    assert list(in_processes(2, waiting, [0, 0])) == [True, True]
    assert signal.getsignal(signal.SIGINT) == mine
    heard = in_processes(2, signal.getsignal, [signal.SIGTERM, signal.SIGTERM])
    assert list(heard) == [signal.SIG_DFL] * 2


def test_what_libraries_say_of_themselves_is_no_line_of_ours(here):
    before = (
        "import cellprop.cli.main as cli, warnings\n"
        "earlier = cli._run\n"
        "def run(*_): warnings.warn('of a library'); return earlier()\n"
        "cli._run = run"
    )
    done = process("examples", before=before)
    assert (done.returncode, done.stderr) == (0, "")


# --- What a run that was killed left behind -----------------------------------------------


def gone() -> int:
    """Return the number of a process that has ended."""
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    return child.pid


@posix
def test_what_killed_runs_left_is_removed_by_the_next_and_nothing_else(tmp_path):
    host, other = files._host(), "0" * 8
    target = written(tmp_path, "precious", "precious.txt")
    pid, day = gone(), target.stat().st_mtime - 2 * files.OLD
    names = {
        f".cellprop-{host}-{pid}-00000000.tmp": False,
        f".cellprop-{host}-{os.getpid()}-00000000.tmp": True,  # of a run that is still going
        f".cellprop-{host}-{os.getppid()}-00000000.tmp": True,
        f".cellprop-{other}-{pid}-00000000.tmp": True,  # of another machine
        ".cellprop-00000000.tmp": True,  # of an earlier version
        f"cellprop-{host}-{pid}-00000000.tmp": True,
        f".cellprop-{host}-{pid}-00000000.tmp.txt": True,
    }
    old = {".cellprop-11111111.tmp": False, f".cellprop-{other}-{pid}-11111111.tmp": False}
    for name in {**names, **old}:
        written(tmp_path, "half", name)
    for name in old:
        os.utime(tmp_path / name, (day, day))
    link = tmp_path / f".cellprop-{host}-{pid}-22222222.tmp"
    link.symlink_to(target)
    folder = tmp_path / f".cellprop-{host}-{pid}-33333333.tmp"
    folder.mkdir()
    written(folder, "half", "x.xlsx")
    (folder / "precious").symlink_to(tmp_path)
    files._tidy.cache_clear()
    files.write_whole(tmp_path / "new", lambda file: file.write(b"x"))
    kept = {name for name, stays in {**names, **old}.items() if stays}
    assert set(left(tmp_path)) == kept | {link.name, "new", "precious.txt"}
    assert target.read_text() == "precious"


@pytest.mark.slow
@posix
def test_what_a_killed_run_left_that_looked_for_a_free_name_is_removed_too(here):
    (here / "outputs").mkdir()
    written(here / "outputs", "mine", "xor.png")
    before = (
        "import os, signal, filecmp\nfilecmp.cmp = lambda *_: os.kill(os.getpid(), signal.SIGKILL)"
    )
    command = ("plot", "--example", "xor", "--epochs", "2", "loss")
    written(here / "outputs", "mine", "xor-epochs-2-loss.png")
    assert process(*command, before=before).returncode == -signal.SIGKILL
    assert any(".cellprop-" in name for name in left(here))
    assert process("words").returncode == 0
    assert not any(".cellprop-" in name for name in left(here))


@pytest.mark.slow
@posix
def test_a_run_that_is_killed_leaves_what_the_next_removes(here):
    before = (
        "import os, signal, pathlib\n"
        "pathlib.Path.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)"
    )
    assert process("words", "-o", "x.toml", before=before).returncode == -signal.SIGKILL
    assert len(left(here)) == 1
    assert process("words", "-o", "x.toml").returncode == 0
    assert left(here) == ["x.toml"]


# --- Whatever happens ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "named"),
    [
        (MemoryError(), "not enough memory"),
        (np._core._exceptions._ArrayMemoryError((9,), np.dtype(float)), "not enough memory"),
        (RecursionError("maximum recursion depth exceeded"), "nested too deeply"),
        (OSError(errno.EIO, "Input/output error", "x\x1b.csv"), "x␛.csv: Input/output error."),
        (InputError(f"{EVIL}"), "x␛[31m"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_nobody_thought_of_is_one_line_too(run, monkeypatch, error, named):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr("cellprop.tracing.trace", fail)
    assert is_one_line(*run("show"), named)


def test_an_error_is_one_line_whatever_it_names():
    assert str(InputError(EVIL)) == label(EVIL)
    assert str(cellprop.errors.UnknownNameError("a\nb")) == "a␊b"


def test_a_long_message_is_cut_in_its_middle(here, run):
    assert is_one_line(
        *run("show", "--data", "n" * 100_000, "--target", "y"), " … ", "File name too long"
    )


# Ctrl+C, in the moment in which a module begins to be loaded.
INTERRUPTED = """
import os, signal, sys
class Finder:
    def find_spec(self, name, *_):
        if name == {!r}:
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Finder())
"""


@posix
@pytest.mark.parametrize(
    "module",
    [
        "typer",
        *(
            pytest.param(each, marks=pytest.mark.slow)
            for each in (
                "cellprop.cli.main", "cellprop.cli.options", "cellprop.tracing",
                "cellprop.faces.workbook", "numpy", "numpy.linalg", "openpyxl", "encodings.idna",
                "zipfile",
            )
        ),
    ],
)  # fmt: skip
def test_an_interrupt_while_modules_load_is_no_traceback(here, module):
    done = process("build", "-o", "x.xlsx", before=INTERRUPTED.format(module))
    assert done.stderr == ""
    assert done.returncode in (130, 0 if module in ("encodings.idna", "zipfile") else 130)
    assert left(here) == (["x.xlsx"] if done.returncode == 0 else [])


# --- With little memory -------------------------------------------------------------------

LITTLE = "import resource; resource.setrlimit(resource.RLIMIT_AS, ({0} << 20, {0} << 20))"


def sheet_of_many(piece, count, name="xl/worksheets/sheet1.xml"):
    """A workbook with so many pieces in a part; made when it is asked for, since it is huge."""

    def make(folder):
        return renamed(part(f"<a>{piece * count}</a>", name))(folder, ".xlsx")

    return make


HUGE = {
    "numbers of JSON": (
        "show X --parameters x.json",
        lambda folder: written(folder, b"[" + b"1," * 30_000_000 + b"1]", "x.json"),
    ),
    "columns": (
        "show X --target y --data x.csv",
        lambda folder: written(folder, b"a," * 10_000_000 + b"y\n", "x.csv"),
    ),
    "elements": ("verify x.xlsx", sheet_of_many("<b/>", 60_000_000)),
    "a part": (
        "verify x.xlsx",
        sheet_of_many(" ", 500_000_000, "docProps/custom.xml"),
    ),
    "a theme": ("build --theme x.xlsx -o y.xlsx", sheet_of_many("<b/>", 7_000_000)),
    "words without end": (
        "show --words x.toml",
        lambda folder: linked("/dev/zero")(folder, ".toml"),
    ),
}


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere memory can't be limited")
@pytest.mark.parametrize("what", HUGE)
def test_what_is_huge_is_refused_with_little_memory(here, what):
    command, make = HUGE[what]
    make(here)
    done = process(*command.split(), before=LITTLE.format(1500))
    assert is_one_line(done.returncode, done.stdout, done.stderr, "x.")
    assert "not enough memory" not in done.stderr


# --- Nobody reads without asking ----------------------------------------------------------

# What opens, unpacks or parses what comes from outside.
READING = {
    "open", "read_bytes", "read_text", "ZipFile", "load_workbook", "loads", "load_from_xlsx",
    "read_csv", "read_excel", "ParserCreate", "fromstring", "iterparse", "decompress", "frombuffer",
    "TextIOWrapper", "fromfile", "genfromtxt", "loadtxt", "memmap", "unpack_archive", "iterdir",
    "rglob", "glob", "scandir", "os.walk", "subprocess.run", "Popen",
}  # fmt: skip
# Who does, where what is read was asked for already, or is ours.
ASKED = {
    "files.opening": "where it is asked for",
    "files.parts": "parses the parts of an archive that was opened there",
    "files.recalculating": "a copy of what was read there; with limited time",
    "files.datasets._frame": "the bytes that `content` returned, whose cells were counted",
    "files.tables.lines": "the same",
    "files.spreadsheets._markup": "a part of an archive that `workbook` opened",
    "files.spreadsheets._is_computed": "the same", "files.spreadsheets._table": "the same",
    "files.matrices._array_in": "the same",
    "files.matrices._from_folder": "names of files; each is read by `content`",
    "marking.carried_text.read": "unpacks no more than a limit",
    "marking.question.for_student": "a digest",
    "programs.carrying.Carried.data": "ours, written of a program that was looked at",
    "running.loading._loaded": "the text that `content` returned, of a program that a user names",
    "running.loading.shipped": "names of files of ours", "running.loading.source": "ours",
    "exercise.keys.write_key": "writes",
    "exercise.classes._check_free": "names of files only",
    "exercise.checking._files": "names of files; each is read by `content`",
    "exercise.writing.write": "compares with what is there",
    "files.examples.examples": "ours", "files.examples.example": "ours",
    "faces.report.as_html": "ours",
    "cli.copying._copy_out": "ours",
    "cli.main._ended": "a device that has nothing in it",
    "cli.main.main": "the same",
    "files.writing.write_whole": "writes", "files.writing._tidy": "names of files only",
    "faces.workbook.to_openpyxl": "what was just written",
    "faces.workbook.frame.Frame.saved": "writes",
    "faces.workbook.xml.parts_of": "what was just written",
    "faces.workbook.xml._canonical": "the same",
    "faces.workbook.xml.with_properties": "the same", "faces.workbook.xml.assemble": "writes",
    "verification.by_libreoffice.recalculate": "formulas that were counted; with limited time",
    "verification.by_ironcalc._loaded": "a file whose formulas were counted",
    "verification.by_ironcalc._silence": "a device that has nothing in it",
}  # fmt: skip


def readings(module: str, source: str) -> set[str]:
    """Return the functions of a module that open, unpack or parse anything."""
    found = set()

    def visit(node: ast.AST, inside: tuple[str, ...]) -> None:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            inside = (*inside, node.name)
        if isinstance(node, ast.Call):
            called = node.func
            name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
            if name in READING or ast.unparse(called) in READING:
                found.add(".".join((module, *inside)))
        for child in ast.iter_child_nodes(node):
            visit(child, inside)

    visit(ast.parse(source), ())
    return found


def sources() -> dict[str, str]:
    return {
        ".".join(path.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__"): (
            path.read_text(encoding="utf-8")
        )
        for path in SOURCE.rglob("*.py")
    }


def unasked(found: set[str]) -> list[str]:
    return sorted(
        each
        for each in found
        if not any(each == asked or each.startswith(f"{asked}.") for asked in ASKED)
    )


def test_nobody_opens_unpacks_or_parses_a_file_without_asking_what_it_may_cost():
    found = {each for module, source in sources().items() for each in readings(module, source)}
    assert unasked(found) == []


@pytest.mark.parametrize(
    "line",
    [
        "x = open(path).read()", "x = Path(path).read_bytes()", "x = tomllib.loads(text)",
        "x = zipfile.ZipFile(path)", "x = openpyxl.load_workbook(path)", "x = pd.read_csv(path)",
        "x = subprocess.run(command)",
    ],
)  # fmt: skip
def test_a_reader_that_does_not_ask_is_noticed(line):
    source = f"{sources()['texts.words']}\n\ndef mine(path):\n    {line}\n"
    assert unasked(readings("texts.words", source)) == ["texts.words.mine"]


def test_the_command_line_prints_nothing_that_was_not_made_safe():
    bare = [
        (module, node.name)
        for module, source in sorted(sources().items())
        if module.startswith("cli.")
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef)
        for call in ast.walk(node)
        if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "print"
    ]
    assert bare == [("cli.app", "cellprop"), ("cli.printing", "say")]
