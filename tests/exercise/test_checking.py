"""Workbooks that come back: read as they are, understood as far as they can be, never trusted."""

from __future__ import annotations

import datetime
import re
import shutil
import zipfile

import numpy as np
import pytest
from openpyxl import load_workbook
from openpyxl.worksheet.formula import ArrayFormula

import cellprop
from cellprop.errors import InputError
from cellprop.exercise import annotate, check_all, write_class
from cellprop.exercise.carried import DIGEST, PIECE, SHEET
from cellprop.exercise.numbers import number_in
from cellprop.faces.layout import lay_out
from cellprop.files.roster import Student
from cellprop.marking.carried_text import digest_of
from cellprop.marking.marks import Marks, Unmarked
from cellprop.marking.question import ask
from conftest import slow_but, slow_case
from filling import asked, blank, cells_of, fill, fill_with_formulas
from students import numbers_of
from test_exercise_sheets import mixed, recalculated


@pytest.fixture
def question():
    return asked()


@pytest.fixture
def path(question, tmp_path):
    return blank(tmp_path, question)


def changed(path, target, change):
    book = load_workbook(path)
    change(book)
    book.save(target)
    return target


def frame(marks):
    return marks.cells.drop(columns="answer")


# --- Filled in by hand, by formula, by another program ------------------------------------


def test_a_perfect_student_gets_full_marks_by_numbers_and_by_formulas(path, tmp_path):
    by_hand = cellprop.check(fill(path, tmp_path / "numbers.xlsx"))
    assert (by_hand.total, by_hand.out_of) == (82, 82)
    by_formula = cellprop.check(fill_with_formulas(path, tmp_path / "formulas.xlsx"))
    assert set(by_formula.cells["verdict"]) == {"right"}
    assert not by_hand.notes + by_hand.warnings + by_formula.warnings


@pytest.mark.slow
def test_what_libreoffice_saves_marks_the_same(path, question, tmp_path, libreoffice):
    filled = fill(path, tmp_path / "filled.xlsx", mixed(question, 1))
    other = recalculated(filled, libreoffice, tmp_path)
    assert frame(cellprop.check(other)).equals(frame(cellprop.check(filled)))
    formulas = recalculated(
        fill_with_formulas(path, tmp_path / "formulas.xlsx"), libreoffice, tmp_path
    )
    marks = cellprop.check(formulas)
    assert (marks.total, marks.warnings) == (82, ())


def test_an_untouched_workbook_is_blank(path):
    marks = cellprop.check(path)
    assert marks.total == 0
    assert set(marks.cells["verdict"]) == {"blank"}


def test_other_marks_can_be_given(path, tmp_path):
    marks = cellprop.check(fill(path, tmp_path / "f.xlsx"), points={"2": 18})
    assert marks.by_step["2"] == (18, 18)


# --- What students do ---------------------------------------------------------------------


def test_a_decimal_comma_and_a_typographic_minus_are_understood_and_noted(path, tmp_path):
    def as_text(book):
        for sheet, address in (("Step 2", "hidden_layer_input"), ("Step 5", "E")):
            cell = book[sheet][cells[address]]
            cell.value = f"{cell.value}".replace(".", ",").replace("-", "\N{MINUS SIGN}")

    cells = {n: rows[-1][0] for n, (_, rows) in cells_of(asked()).items()}
    marks = cellprop.check(fill(path, tmp_path / "f.xlsx", also=as_text))
    assert marks.total == 82
    assert re.fullmatch(r"2 numbers were typed as text: '\d,\d+' was read as .*", marks.notes[0])


def test_errors_and_words_are_not_numbers(path, question, tmp_path):
    cells = {n: rows[0][0] for n, (_, rows) in cells_of(question).items()}

    def spoil(book):
        book["Step 2"][cells["hidden_layer_input"]] = "=1/0"
        book["Step 4"][cells["output"]] = "I don't know"
        book["Step 5"][cells["E"]] = '=WEBSERVICE("http://localhost/")'

    marks = cellprop.check(fill(path, tmp_path / "f.xlsx", also=spoil))
    found = marks.cells.set_index(["matrix", "row", "column"])["verdict"]
    for name in ("hidden_layer_input", "output"):
        assert found[name, 1, 1] == "not a number"
    assert found["E", 1, 1] == "not computed"


def test_a_renamed_sheet_and_moved_cells_are_followed(path, tmp_path):
    def move(book):
        book["Step 3"].title = "My step"
        name = book.defined_names["hiddenlayer_activations"]
        name.attr_text = name.attr_text.replace("Step 3", "My step")
        sheet, rows = book["Step 2"], cells_of(asked())["hidden_layer_input"][1]
        sheet.move_range(f"{rows[0][0]}:{rows[-1][-1]}", rows=40)
        name = book.defined_names["hidden_layer_input"]
        name.attr_text = re.sub(r"\$(\d+)", lambda m: f"${int(m[1]) + 40}", name.attr_text)

    marks = cellprop.check(fill(path, tmp_path / "f.xlsx", also=move))
    assert marks.total == 82
    assert "the answers were read where they now stand" in marks.notes[0]


def test_a_missing_sheet_counts_as_blank_and_is_warned_of(path, tmp_path):
    marks = cellprop.check(
        fill(path, tmp_path / "f.xlsx", also=lambda book: book.remove(book["Step 3"]))
    )
    assert marks.warnings == ("the sheet Step 3 is missing; its answers count as blank.",)
    assert marks.by_step["3"] == (0, 9)


def test_a_number_that_was_given_and_changed_is_noticed(path, question, tmp_path):
    def easier(book):
        for row in book["Step 1"].iter_rows():
            for cell in row:
                if cell.value == 0.42:
                    cell.value = 0

    marks = cellprop.check(fill(path, tmp_path / "f.xlsx", also=easier))
    assert (
        "the question was changed: wh, row 1, column 1 is 0.0, asked was 0.42" in marks.warnings[0]
    )
    assert marks.total == 82


def given_as(texts):
    """Have the given inputs stand in the file as texts."""

    def change(book):
        place = lay_out(asked().program).places["X"]
        for row, line in zip(place.addresses(), asked().given["X"].tolist(), strict=True):
            for address, value in zip(row, line, strict=True):
                cell = book["Step 0"][address]
                cell.value = texts(value)
                cell.data_type = "s"

    return change


@pytest.mark.parametrize(
    "texts",
    [
        slow_case(lambda value: f"{value:g}"),
        lambda value: f"{value:.1f}".replace(".", ","),
        slow_case(lambda value: f"  {value:g}\u00a0"),
        slow_case(lambda value: f"'{value:g}"),
        slow_case(lambda value: f"+{value:.15f}"),
        slow_case(lambda value: f"{value:e}"),
        lambda value: f"{100 * value:g} %",
    ],
)
def test_a_given_number_that_a_program_saved_as_text_is_not_changed(texts, path, tmp_path):
    marks = cellprop.check(fill(path, tmp_path / "f.xlsx", also=given_as(texts)))
    assert (marks.total, marks.warnings, marks.notes) == (82, (), ())


def test_a_given_number_that_is_another_one_as_text_is_noticed(path, tmp_path):
    marks = cellprop.check(fill(path, tmp_path / "f.xlsx", also=given_as(lambda v: f"{v + 1:g}")))
    assert "the question was changed: X, row 1, column 1 is 2, asked was 1" in marks.warnings[0]


def test_given_numbers_rounded_to_15_digits_are_the_same(tmp_path):
    trace = cellprop.trace(
        cellprop.Network([2, 2, 1]), [[0.1, 0.7]], [0.5], seed=0, learning_rate=1 / 3
    )
    path = blank(tmp_path, ask(trace.update, decimals=12), "f.xlsx")

    def rounded(book):
        for sheet in book:
            for row in sheet.iter_rows():
                for cell in row:
                    if isinstance(cell.value, float):
                        cell.value = float(f"{cell.value:.15g}")

    assert cellprop.check(changed(path, tmp_path / "g.xlsx", rounded)).warnings == ()


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0.5", 0.5), (" 0,5 ", 0.5), ("\N{MINUS SIGN}0.5", -0.5), ("\N{EN DASH}.5", -0.5),
        ("'0.5", 0.5),
        ("\u00a00.5\u202f", 0.5), ("1 234.5", 1234.5), ("1\u202f234,5", 1234.5),
        ("1'234.5", 1234.5),
        ("1,234.5", 1234.5), ("1.234,5", 1234.5), ("1,234,567", 1234567), ("1,234", 1.234),
        ("1.234", 1.234), ("1.5E-3", 0.0015), ("-12,5 %", -0.125), ("+3", 3), ("5.", 5),
        ("", None), ("x", None), ("1 2", None), ("1..5", None), ("--1", None), ("1,2,3", None),
        ("nan", None), ("inf", None), ("=1", None), ("1/2", None), ("\u0661", None), ("'", None),
        ("%", None), ("1e9999", None), (None, None),
    ],
)  # fmt: skip
def test_numbers_are_read_as_people_and_programs_write_them(text, number):
    assert number_in(text) == number


# --- Dates, and what can't be computed ----------------------------------------------------


def first_cells():
    return {n: (sheet, rows[0][0]) for n, (sheet, rows) in cells_of(asked()).items()}


def test_a_date_that_a_spreadsheet_made_of_a_number_is_named_as_one(path, tmp_path):
    cells = first_cells()

    def spoil(book):
        for name, value, code in (
            ("hidden_layer_input", datetime.date(2026, 5, 1), "dd.mm.yyyy"),
            ("output", 0.0625, "h:mm"),
        ):
            sheet, address = cells[name]
            book[sheet][address].value = value
            book[sheet][address].number_format = code

    marks = cellprop.check(fill(path, tmp_path / "f.xlsx", also=spoil))
    found = marks.cells.set_index(["matrix", "row", "column"])
    assert found["answer"]["hidden_layer_input", 1, 1] == "a date: 2026-05-01"
    assert found["answer"]["output", 1, 1] == "a time: 01:30"
    assert found["verdict"]["output", 1, 1] == "not a number"
    assert marks.notes == (
        "2 numbers were turned into dates by the spreadsheet program (a date: 2026-05-01); format"
        " the cells as numbers and type them again.",
    )


@pytest.mark.parametrize(
    "code",
    slow_but(
        ["0.0%", '#,##0.00 "days"'],
        ["0.0%", "# ?/?", '#,##0.00 "days"', "[$€-407] 0.00", "0.00E+00"],
    ),
)
def test_numbers_that_are_merely_formatted_stay_numbers(code, path, tmp_path):
    def dress(book):
        for sheet, rows in cells_of(asked()).values():
            for address in (a for row in rows for a in row):
                book[sheet][address].number_format = code

    marks = cellprop.check(fill(path, tmp_path / "f.xlsx", also=dress))
    assert (marks.total, marks.notes) == (82, ())


def test_an_array_formula_without_values_is_not_held_against_a_student(path, tmp_path):
    (sheet, rows) = cells_of(asked())["hidden_layer_input"]

    def array(book):
        for address in (a for row in rows for a in row):
            book[sheet][address].value = None
        ref = f"{rows[0][0]}:{rows[-1][-1]}"
        text = "=ROUND(MMULT(C7:F9,C13:E16)+H13:J13,3)"
        book[sheet][rows[0][0]] = ArrayFormula(ref, text)

    marks = cellprop.check(fill(path, tmp_path / "f.xlsx", also=array))
    (first, *others) = marks.matrices
    assert first.answer.unread == {(i, j) for i in range(3) for j in range(3)}
    assert not any(other.answer.unread for other in others)
    assert (marks.total, marks.out_of) == (73, 73)
    assert first.counts()["not computed"] == 9
    assert marks.warnings == (
        "9 formulas have no stored value and can't be computed here; open the file in a spreadsheet"
        " program and save it. Until then they count neither for nor against.",
    )


@pytest.mark.parametrize(
    "formula",
    slow_but(
        ["=NOSUCH(1)", "=1+"],
        ["=AGGREGATE(9,6,C7:F9)", "=NOSUCH(1)", "=LAMBDA(x,x+1)(2)", "=ROUND(C7:F9,1)", "=1+"],
    ),
)
def test_a_formula_that_can_not_be_computed_is_left_out(formula, path, tmp_path):
    sheet, address = first_cells()["E"]

    def spoil(book):
        book[sheet][address] = formula

    marks = cellprop.check(fill(path, tmp_path / "f.xlsx", also=spoil))
    (found,) = (m for m in marks.matrices if m.name == "E")
    assert found.answer.unread == {(0, 0)}
    assert "a formula has no stored value and can't be computed here" in marks.warnings[0]


@pytest.mark.parametrize("formula", slow_but(["=1/0"], ["=1/0", "=NA()", "=SQRT(-1)"]))
def test_an_error_of_the_formula_itself_stays_the_students(formula, path, tmp_path):
    sheet, address = first_cells()["E"]

    def spoil(book):
        book[sheet][address] = formula

    marks = cellprop.check(fill(path, tmp_path / "f.xlsx", also=spoil))
    (found,) = (m for m in marks.matrices if m.name == "E")
    assert not found.answer.unread
    assert found.counts()["not a number"] == 1
    assert not marks.warnings


# --- Whole files --------------------------------------------------------------------------


def without_properties(book):
    for name in list(book.custom_doc_props.names):
        del book.custom_doc_props[name]


def without_sheet(book):
    del book[SHEET]


def without_names(book):
    for name in list(book.defined_names):
        del book.defined_names[name]


def another_question(book):
    book.custom_doc_props[PIECE.format(1)].value = "x" * 255


def another_digest(book):
    book.custom_doc_props[DIGEST].value = "0" * 64


def changed_sheet(book):
    for (cell,) in book[SHEET].iter_rows():
        cell.value = cell.value.replace("eN", "eM")


def both(*changes):
    def change(book):
        for each in changes:
            each(book)

    return change


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (both(without_properties, without_sheet, without_names), "its document properties are mis"),
        (both(without_properties, changed_sheet), "the question that it carries was changed"),
        (both(another_question, without_sheet), "the question that it carries was changed"),
        (both(another_digest, changed_sheet), "the question that it carries was changed"),
    ],
)
def test_a_workbook_whose_question_is_not_as_it_was_is_refused(change, says, path, tmp_path):
    target = changed(path, tmp_path / "f.xlsx", change)
    with pytest.raises(InputError, match=says) as found:
        cellprop.check(target)
    assert str(found.value).startswith(str(target))
    assert len(str(found.value).splitlines()) == 1


def test_a_walkthrough_is_no_exercise(tmp_path):
    path = cellprop.article().to_excel(tmp_path / "walk.xlsx")
    with pytest.raises(InputError, match="it is a walkthrough, not an exercise"):
        cellprop.check(path)


# --- A class ------------------------------------------------------------------------------

NAMES = ["Ada", "Bob", "../../x", "=cmd()", "Émile", "Frida"]


@pytest.fixture
def folder(question, tmp_path):
    """What six students handed in, the last of them in the wrong form, and one file twice."""
    students = [Student(f"{9 - k}", name, k, f"s-{k}") for k, name in enumerate(NAMES, 1)]
    blanks = write_class(question, students, tmp_path / "class", key=tmp_path / "key.xlsx", seed=1)
    target = tmp_path / "in"
    target.mkdir()
    for path in reversed(blanks[:5]):
        fill(path, target / f"z-{path.name}")
    (target / "a-broken.xlsx").write_bytes(b"PK\3\4 not much of a zip")
    shutil.copy(target / "z-s-2.xlsx", target / "copy.xlsx")
    (target / "~$lock.xlsx").write_bytes(b"x")
    (target / "old-report.html").write_text("x")
    return target


def test_one_bad_file_stops_nobody_and_the_order_is_the_rosters(folder):
    results = check_all([folder])
    names = [r.question.student.name for r in results if isinstance(r, Marks)]
    assert names == ["Ada", "Bob", "Bob", "../../x", "=cmd()", "Émile"]
    assert all(r.total == 82 for r in results if isinstance(r, Marks))
    assert [r.path.rpartition("/")[2] for r in results if isinstance(r, Unmarked)] == [
        "a-broken.xlsx"
    ]
    doubled = [r for r in results if isinstance(r, Marks) and r.warnings]
    assert len(doubled) == 2
    assert "was also handed in as" in doubled[0].warnings[0]


def test_many_processes_give_the_same(folder):
    one, two = check_all([folder]), check_all([folder], jobs=2)
    assert [r.path for r in one] == [r.path for r in two]
    for a, b in zip(one, two, strict=True):
        if isinstance(a, Marks):
            assert a.cells.equals(b.cells)


@pytest.mark.slow
def test_a_class_is_the_same_files_whatever_the_number_of_processes(question, tmp_path):
    students = [Student(f"{k}", f"S {k}", k, f"s-{k}") for k in range(1, 31)]
    found = []
    for jobs in (1, 2):
        folder = tmp_path / f"class-{jobs}"
        key = tmp_path / f"{jobs}.xlsx"
        paths = write_class(question, students, folder, key=key, seed=1, jobs=jobs)
        assert [path.name for path in paths] == [f"s-{k}.xlsx" for k in range(1, 31)]
        found.append([path.read_bytes() for path in paths])
    assert found[0] == found[1]


def test_each_student_has_numbers_of_their_own_and_the_key_knows_them(question, tmp_path):
    students = [Student(f"{k}", name, k, f"s-{k}") for k, name in enumerate(NAMES, 1)]
    paths = write_class(question, students, tmp_path / "class", key=tmp_path / "key.xlsx", seed=1)
    key = load_workbook(tmp_path / "key.xlsx")["Key"]
    rows = list(key.values)
    assert [row[1] for row in rows[1:]] == NAMES
    assert all(cell.data_type != "f" for row in key.iter_rows() for cell in row)
    for path, row in zip(paths, rows[1:], strict=True):
        marks = cellprop.check(path)
        assert digest_of(marks.question) == row[3]
        assert marks.cells["expected"].tolist() == pytest.approx(list(row[4:]), rel=1e-12)
        title = [c.value for r in load_workbook(path)["Contents"].iter_rows() for c in r]
        assert marks.question.student.name in title
    assert len({row[4] for row in rows[1:]}) > 1


# --- Annotated copies ---------------------------------------------------------------------


def test_an_annotated_copy_has_colours_and_a_comment_on_each_number_that_lost(path, tmp_path):
    question = asked()
    typed = numbers_of(question, lambda o, _: o["X"] @ o["wh"], "hidden_layer_input", 3)
    typed["bh_new"][0, 0] = np.nan
    marks = cellprop.check(fill(path, tmp_path / "f.xlsx", typed))
    (copy,) = annotate([marks], tmp_path / "marked")
    book = load_workbook(copy)
    for name, (sheet, rows) in cells_of(question).items():
        for i, row in enumerate(rows):
            for j, address in enumerate(row):
                cell = book[sheet][address]
                assert (cell.comment is None) == (
                    name != "hidden_layer_input" and (name, i, j) != ("bh_new", 0, 0)
                )
                value = typed[name][i, j]
                assert cell.value == (None if np.isnan(value) else value)
    sheet, rows = cells_of(question)["hidden_layer_input"]
    text = book[sheet][rows[0][0]].comment.text
    assert text == "Yours: 1.020\nAccepted: 1.4800 ± 0.0005\nIt fits: the bias was left out."
    assert book[sheet][rows[0][0]].style == "slip"
    assert cellprop.check(copy).total == marks.total


def test_nothing_of_a_students_file_but_numbers_gets_into_a_copy(path, question, tmp_path):
    cells = {n: rows[0][0] for n, (_, rows) in cells_of(question).items()}

    def spoil(book):
        book["Step 5"][cells["E"]] = '=HYPERLINK("http://evil.example","x")'
        book["Step 4"][cells["output"]] = "<evil>&"
        book.create_sheet("evil")["A1"] = "=evil()"

    marks = cellprop.check(fill(path, tmp_path / "f.xlsx", also=spoil))
    (copy,) = annotate([marks], tmp_path / "marked")
    with zipfile.ZipFile(copy) as archive:
        text = "".join(archive.read(n).decode() for n in archive.namelist())
    assert "HYPERLINK" not in text
    assert "<evil>" not in text
    assert "evil" not in load_workbook(copy).sheetnames


def test_a_students_copy_looks_the_same_however_many_others_are_marked_before(tmp_path):
    students = [Student(f"{i}", "", i, f"{i}") for i in range(1, 4)]
    files = write_class(asked(), students, tmp_path, key=tmp_path / "key.xlsx", seed=1)
    early = annotate([cellprop.check(file) for file in files], tmp_path / "early")
    marks = [cellprop.check(file) for file in files]
    for each in marks:
        assert each.question.update.program is each.question.program
    for decimals in range(12):  # exercises of other kinds
        assert ask(cellprop.article().update, decimals=decimals).program
    late = annotate(marks, tmp_path / "late")
    pairs = zip(early, late, strict=True)
    assert [a.name for a, b in pairs if a.read_bytes() != b.read_bytes()] == []
