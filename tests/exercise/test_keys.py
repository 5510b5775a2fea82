"""The question is the one that was asked: by the key, by a secret, or as the others' is."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from openpyxl import load_workbook

import cellprop
from cellprop.errors import InputError, OutputError
from cellprop.exercise import check_all, read_key, read_secret, write, write_class
from cellprop.exercise.carried import SIGNATURE, signature
from cellprop.exercise.keys import LONGEST_PIECE
from cellprop.files.roster import Student
from cellprop.files.roster import read as read_roster
from cellprop.marking.carried_text import digest_of
from cellprop.marking.marks import Marks, Unmarked
from cellprop.marking.question import ask, for_student
from conftest import requires, slow_but, slow_case
from filling import asked, blank, carried, fill
from foreign_files import refused, repacked, sheet_of
from test_carried import (
    bare,
    changed,
    other_question,
    without_properties,
    without_sheet,
)
from test_checking import another_question, changed_sheet
from test_exercise_sheets import recalculated
from test_handed_out import FOLDER
from test_submission import frugally

STUDENTS = [Student(f"{7 + k}", name, k + 1, f"s-{k}") for k, name in enumerate("ABCD")]
ADA = STUDENTS[0]


@pytest.fixture(scope="module")
def made_once(tmp_path_factory):
    """A class of four, of whom three handed in, the first with a question of her own making."""
    there = tmp_path_factory.mktemp("class")
    asked_of = write_class(asked(), STUDENTS, there / "class", key=there / "key.xlsx", seed=1)
    target = there / "in"
    target.mkdir()
    for path in asked_of[1:3]:
        fill(path, target / path.name)
    easy = asked(steps="5", decimals=0)
    (own,) = write_class(easy, [ADA], there / "own", key=there / "own-key.xlsx", seed=1)
    fill(own, target / own.name)
    return there


@pytest.fixture
def folder(made_once, tmp_path):
    """That class, in a folder of one's own."""
    return Path(shutil.copytree(made_once, tmp_path, dirs_exist_ok=True))


def marks_of(results, student):
    return next(r for r in results if isinstance(r, Marks) and r.question.student == student)


# --- The key ------------------------------------------------------------------------------


def test_a_swapped_question_is_marked_by_the_keys_and_it_is_said_in_what_it_differs(folder):
    said = []
    results = check_all([folder / "in"], key=folder / "key.xlsx", tell=said.append)
    swapped = marks_of(results, ADA)
    assert swapped.out_of == 82
    assert swapped.total <= 6  # not what the workbook computed by itself
    assert {s: n for s, (n, _) in swapped.by_step.items() if n} in ({}, {"5": swapped.total})
    assert swapped.warnings[0] == (
        "its question is not the one that was asked: steps 5 instead of steps 2-11;"
        " 0 decimals instead of 3 decimals; other numbers in wh, bh, wout; marked by the key's."
    )
    assert [r.total for r in results if r is not swapped] == [82, 82]
    assert not any(r.warnings for r in results if r is not swapped)
    assert said == ["handed nothing in: D (10)."]


def test_one_file_is_marked_by_the_key_in_python(folder):
    path = folder / "in" / "s-0.xlsx"
    assert cellprop.check(path).total == cellprop.check(path).out_of == 6
    assert cellprop.check(path, key=folder / "key.xlsx").out_of == 82
    assert cellprop.check(path, key=folder / "key.xlsx", points={"2": 18}).out_of == 91


@pytest.mark.slow
def test_many_processes_mark_by_the_key_the_same(folder):
    one, two = (check_all([folder / "in"], key=folder / "key.xlsx", jobs=n) for n in (1, 2))
    assert [(r.path, r.total, r.warnings) for r in one] == [
        (r.path, r.total, r.warnings) for r in two
    ]


def test_a_student_who_is_not_in_the_key_is_warned_of(folder):
    stranger = Student("99", "Eve", 1, "eve")
    (path,) = write_class(asked(), [stranger], folder / "x", key=folder / "x.xlsx", seed=1)
    nobody = blank(folder, asked())
    for file, whose in ((path, "Eve (99)"), (nobody, "nobody's name")):
        (warning,) = cellprop.check(file, key=folder / "key.xlsx").warnings
        assert f"its question is not in the key: it has {whose}" in warning


def test_a_file_that_lost_its_question_is_known_by_its_first_sheet(folder):
    lost = bare(folder / "in" / "s-1.xlsx", folder / "whose.xlsx")
    marks = cellprop.check(lost, key=folder / "key.xlsx")
    assert (marks.total, marks.question.student) == (82, STUDENTS[1])
    assert marks.warnings == ("it carries no question; it was taken for that of B (8).",)


def test_a_file_that_lost_its_question_and_whose_it_is_is_refused_with_a_way_out(folder):
    def anonymous(book):
        book["Contents"]["B2"], book["Contents"]["B3"] = None, None

    lost = bare(folder / "in" / "s-1.xlsx", folder / "f.xlsx")
    book = load_workbook(lost)
    anonymous(book)
    book.save(folder / "whose.xlsx")
    message = refused(cellprop.check, folder / "whose.xlsx", key=folder / "key.xlsx")
    assert message.endswith("give the exercise as it was handed out with --question.")
    shutil.copy(folder / "whose.xlsx", folder / "s-1.xlsx")
    assert cellprop.check(folder / "s-1.xlsx", key=folder / "key.xlsx").total == 82


def test_a_question_that_was_changed_gives_way_to_the_keys_and_the_originals(folder):
    def spoil(book):
        another_question(book)
        changed_sheet(book)

    path = changed(folder / "in" / "s-1.xlsx", folder / "f.xlsx", spoil)
    assert "was changed; take the one" in refused(cellprop.check, path)
    by_key = cellprop.check(path, key=folder / "key.xlsx")
    assert (by_key.total, len(by_key.warnings)) == (82, 1)
    by_original = cellprop.check(path, question=folder / "class" / "s-1.xlsx")
    assert by_original.total == 82
    assert by_original.warnings == (
        "the question that it carries was changed; it was marked by that of the original.",
    )


def test_a_swapped_question_that_was_taken_out_earns_nothing_that_its_sheets_compute(folder):
    lost = bare(folder / "in" / "s-0.xlsx", folder / "s-0.xlsx")
    for options in ({"key": folder / "key.xlsx"}, {"question": folder / "class" / "s-0.xlsx"}):
        marks = cellprop.check(lost, **options)
        assert (marks.out_of, marks.total <= 6) == (82, True)
        said = "its sheets ask for something else: steps 5 instead of steps 2-11; 0 decimals inst"
        assert any(warning.startswith(said) for warning in marks.warnings)


def test_a_key_of_an_earlier_version_still_tells_by_its_digests(folder):
    key = FOLDER / "class-key.xlsx"
    for name in ("ada-lovelace-007", "bob-8"):
        assert not cellprop.check(FOLDER / "class" / f"{name}.xlsx", key=key).warnings
    impostor = Student("007", "Ada Lovelace", 1, "ada-lovelace-007")
    (path,) = write_class(asked(steps="5"), [impostor], folder / "x", key=folder / "x.xlsx", seed=1)
    (warning,) = cellprop.check(path, key=key).warnings
    assert "its question is not the one of the key" in warning


def by_openpyxl(path, folder):
    book = load_workbook(path)
    for sheet in book:  # sorted the other way round, as a teacher may
        rows = list(sheet.iter_rows(min_row=2, values_only=True))
        for i, row in enumerate(reversed(rows), 2):
            for j, value in enumerate(row, 1):
                sheet.cell(i, j).value = value
    book.save(folder / "saved.xlsx")
    return folder / "saved.xlsx"


def by_libreoffice(path, folder):
    return recalculated(path, requires("soffice", "saves keys"), folder)


@pytest.mark.parametrize("save", [by_openpyxl, slow_case(by_libreoffice)])
def test_a_key_that_a_program_saved_stays_readable(save, folder):
    key = save(folder / "key.xlsx", folder)
    assert marks_of(check_all([folder / "in"], key=key), ADA).out_of == 82
    before, after = read_key(folder / "key.xlsx"), read_key(key)
    assert after.facts == before.facts
    assert {n: (r.digest, r.text) for n, r in after.rows.items()} == {
        n: (r.digest, r.text) for n, r in before.rows.items()
    }


@pytest.mark.slow
def test_a_question_longer_than_a_cell_is_kept_in_pieces(tmp_path):
    random = cellprop.trace(
        cellprop.Network([200, 40, 1]), [[0.1] * 200], [0.5], seed=1, learning_rate=0.1
    )
    question = ask(random.update, steps="3")
    write_class(question, [ADA], tmp_path / "class", key=tmp_path / "key.xlsx", seed=1)
    key = read_key(tmp_path / "key.xlsx")
    row = key.rows[ADA.id]
    assert len(row.text) > LONGEST_PIECE / 2
    assert digest_of(key.question(row)) == digest_of(carried(tmp_path / "class" / "s-0.xlsx"))


def test_a_key_says_how_the_class_was_written_and_nothing_is_a_formula(tmp_path):
    hostile = [Student("=1+1", "=cmd()", 1, "x-1"), Student("007", "@x", 2, "x-2")]
    write_class(
        asked(points={"2": 3}), hostile, tmp_path / "class", key=tmp_path / "key.xlsx", seed=5
    )
    book = load_workbook(tmp_path / "key.xlsx")
    assert book.sheetnames == ["Key", "Questions", "Class"]
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row]
    assert all(cell.data_type in "sn" for cell in cells)
    facts = dict(book["Class"].values)
    assert facts["seed"] == "5"
    assert (facts["asked"], facts["decimals"], facts["points"], facts["signed"]) == (
        "steps 2-11", "3 decimals", "marks 2=3", "no",
    )  # fmt: skip
    assert list(read_key(tmp_path / "key.xlsx").rows) == ["=1+1", "007"]


# --- A key where it does not belong, and other files where one does -----------------------


def test_a_key_among_students_files_is_left_out_with_a_note(folder):
    shutil.copy(folder / "key.xlsx", folder / "in" / "key.xlsx")
    said = []
    results = check_all([folder / "in"], tell=said.append)
    assert len(results) == 3
    assert said == [f"{folder / 'in' / 'key.xlsx'} is the key of a class, and was left out."]
    said.clear()
    inside = folder / "in" / "key.xlsx"
    assert len(check_all([folder / "in"], key=inside, tell=said.append)) == 3
    assert said[0] == f"{inside} is what the others are marked by, and was left out."


def test_a_key_given_as_an_exercise_or_a_roster_or_an_original_gets_one_line(folder):
    key, exercise = folder / "key.xlsx", folder / "in" / "s-1.xlsx"
    says = f"{key}: it is the key of a class, not an exercise; give it with --key."
    assert refused(cellprop.check, key) == says
    assert refused(cellprop.check, exercise, question=key) == says
    (result,) = check_all([key])
    assert isinstance(result, Unmarked)
    assert "give it with --key" in result.reason
    assert "expected a roster, found the key of a class; give the list" in refused(read_roster, key)


def test_what_is_no_key_gets_one_line(folder, tmp_path):
    exercise = folder / "in" / "s-1.xlsx"
    roster = sheet_of(tmp_path, [["name", "id"], ["Ada", "7"]], "roster.xlsx")
    for path, found in ((exercise, "an exercise or a walkthrough"), (roster, "another workbook")):
        message = refused(read_key, path)
        assert message.startswith(f"{path}: expected the key of a class, found {found}; give NAME-")
    (tmp_path / "class.csv").write_text("name,id\nAda,7\n")
    assert "expected Excel (.xlsx, .xlsm), found '.csv'" in refused(
        read_key, tmp_path / "class.csv"
    )


def key_with(folder, sheet, change):
    book = load_workbook(folder / "key.xlsx")
    change(book[sheet])
    book.save(folder / "changed.xlsx")
    return folder / "changed.xlsx"


def put(cell, value):
    def change(sheet):
        sheet[cell] = value

    return change


@pytest.mark.parametrize(
    ("sheet", "change", "says"),
    [
        ("Key", put("C2", "../../x.xlsx"), "student 1: expected the name of a workbook, found"),
        ("Key", put("A3", "7"), "sheet 'Key': expected ids that differ, found '7' twice"),
        ("Key", lambda sheet: sheet.delete_rows(2, 9), "expected a row for each student, found no"),
        ("Key", put("A1", "number"), "expected the key of a class, found an exercise or a walk"),
    ],
)
def test_a_key_that_was_damaged_is_refused_in_one_line(sheet, change, says, folder):
    assert says in refused(read_key, key_with(folder, sheet, change))


def test_a_question_of_the_key_that_was_changed_is_refused(folder):
    key = key_with(folder, "Questions", put("D2", "eNo="))
    (result,) = check_all([folder / "in" / "s-0.xlsx"], key=key)
    assert "the question of 7 was changed; take the key as it was written" in result.reason


def test_a_key_that_claims_a_million_students_takes_little_memory(folder):
    row = '<row r="{0}"><c r="A{0}"><v>{0}</v></c><c r="XFD{0}"><v>1</v></c></row>'
    rows = "".join(map(row.format, range(200_000, 250_000)))
    key = shutil.copy(folder / "key.xlsx", folder / "large.xlsx")
    repacked(
        key, "xl/worksheets/sheet1.xml", lambda x: x.replace("</sheetData>", f"{rows}</sheetData>")
    )
    with frugally():
        assert len(read_key(key).rows) == 4


# --- Without a key ------------------------------------------------------------------------


def test_without_a_key_a_question_unlike_the_others_is_warned_of(folder):
    results = check_all([folder / "in"])
    odd = marks_of(results, ADA)
    assert odd.warnings == (
        "its question differs from that of 2 others: steps 5 instead of steps 2-11;"
        " 0 decimals instead of 3 decimals.",
    )
    assert not any(r.warnings for r in results if r is not odd)


@pytest.mark.parametrize(
    "what", slow_but(["sizes", "given"], ["hints", "marks", "sizes", "version", "given"])
)
def test_whatever_a_question_differs_in_is_said(what, folder):
    small = cellprop.trace(cellprop.Network([4, 1, 1]), [[1, 0, 1, 0]], [1], seed=0)
    usual = asked()
    question, says = {
        "hints": (asked(hints=True), "hints instead of no hints"),
        "marks": (asked(points={"2": 1}), "marks 2=1 instead of a mark for each number"),
        "sizes": (
            ask(small.update),
            "network 4-1-1 sigmoid/sigmoid squared_error instead of network 4-3",
        ),
        "version": (replace(usual, version="0.0"), "version 0.0 instead of "),
        "given": (
            replace(usual, given={**usual.given, "X": usual.given["X"] * 0}),
            "other numbers in X",
        ),
    }[what]
    (own,) = write_class(question, [ADA], folder / what, key=folder / f"{what}.xlsx", seed=1)
    shutil.copy(own, folder / "in" / "s-0.xlsx")
    (warning,) = marks_of(check_all([folder / "in"]), ADA).warnings
    assert says in warning


def test_files_that_ask_the_same_of_different_people_get_no_warning(folder):
    shutil.copy(folder / "class" / "s-0.xlsx", folder / "in" / "s-0.xlsx")
    assert not any(r.warnings for r in check_all([folder / "in"]))


def test_an_id_with_two_questions_is_warned_of(folder):
    shutil.copy(folder / "class" / "s-0.xlsx", folder / "in" / "other.xlsx")
    found = [r for r in check_all([folder / "in"]) if r.question.student == ADA]
    assert len(found) == 2
    for result in found:
        assert any(
            re.fullmatch(r"A's workbook was also handed in as .*, with another question\.", w)
            for w in result.warnings
        )


# --- Signed -------------------------------------------------------------------------------


@pytest.fixture
def secret(tmp_path):
    (tmp_path / "secret").write_bytes(b"only mine\n")
    return tmp_path / "secret"


def test_what_was_signed_is_marked_and_everything_else_is_not(folder, secret, tmp_path):
    signed = write(asked(), tmp_path / "signed.xlsx", secret=read_secret(secret))
    other = write(asked(), tmp_path / "other.xlsx", secret=b"another")
    results = check_all([signed, other, folder / "in" / "s-1.xlsx"], secret=secret)
    assert [r.path for r in results if isinstance(r, Marks)] == [str(signed)]
    reasons = {r.path: r.reason for r in results if isinstance(r, Unmarked)}
    assert reasons == {
        str(other): "the question that it carries is signed with another secret; take the one that"
        " was handed out.",
        str(folder / "in" / "s-1.xlsx"): "the question that it carries is not signed; take the one"
        " that was handed out.",
    }


@pytest.mark.parametrize("drop", ["properties", "sheet"])
def test_the_signature_travels_with_both_copies(drop, secret, tmp_path):
    signed = write(asked(), tmp_path / "signed.xlsx", secret=read_secret(secret))
    change = without_properties if drop == "properties" else without_sheet
    marks = cellprop.check(changed(signed, tmp_path / "f.xlsx", change), secret=secret)
    assert marks.out_of == 82


def test_the_copy_that_is_signed_counts(secret, tmp_path):
    signed = write(asked(), tmp_path / "signed.xlsx", secret=read_secret(secret))
    marks = cellprop.check(changed(signed, tmp_path / "f.xlsx", other_question), secret=secret)
    assert marks.out_of == 82
    assert marks.warnings


def test_a_class_is_signed(secret, tmp_path):
    (path,) = write_class(
        asked(), [ADA], tmp_path / "c", key=tmp_path / "k.xlsx", seed=1, secret=read_secret(secret)
    )
    assert cellprop.check(path, secret=secret, key=tmp_path / "k.xlsx").out_of == 82
    row = read_key(tmp_path / "k.xlsx").rows[ADA.id]
    assert row.signature == signature(row.text, b"only mine\n")
    names = {p.name: p.value for p in load_workbook(path).custom_doc_props.props}
    assert names[SIGNATURE] == row.signature


@pytest.mark.parametrize(
    ("content", "says"),
    [(b"", "found an empty file"), (None, "there is no such file; check its name")],
)
def test_a_secret_that_is_none_is_refused_in_one_line(content, says, folder, tmp_path):
    if content is not None:
        (tmp_path / "s").write_bytes(content)
    message = refused(read_secret, tmp_path / "s")
    assert says in message
    with pytest.raises(InputError):
        cellprop.check(folder / "in" / "s-1.xlsx", secret=tmp_path / "s")


# --- A class that is there ----------------------------------------------------------------


def test_a_class_that_is_there_is_not_written_over(folder):
    before = {path: path.read_bytes() for path in (folder / "class").iterdir()}
    for target, key in (("class", "new.xlsx"), ("new", "key.xlsx")):
        with pytest.raises(OutputError, match="--force") as caught:
            write_class(asked(), STUDENTS, folder / target, key=folder / key, seed=2)
        assert len(str(caught.value).splitlines()) == 1
    assert before == {path: path.read_bytes() for path in (folder / "class").iterdir()}
    write_class(asked(), STUDENTS, folder / "class", key=folder / "key.xlsx", seed=2, force=True)
    assert before != {path: path.read_bytes() for path in (folder / "class").iterdir()}


def test_newcomers_are_added_with_the_seed_of_the_key(folder):
    before = {path: path.read_bytes() for path in (folder / "class").iterdir()}
    rows = list(load_workbook(folder / "key.xlsx")["Key"].values)
    eve = Student("99", "Eve", 1, "s-0")  # whose file would be Ada's
    roster = [eve, *STUDENTS[1:]]
    (path,) = write_class(asked(), roster, folder / "class", key=folder / "key.xlsx", add=True)
    assert path.name == "s-0-2.xlsx"
    assert all(old.read_bytes() == data for old, data in before.items())
    assert list(load_workbook(folder / "key.xlsx")["Key"].values)[: len(rows)] == rows
    key = read_key(folder / "key.xlsx")
    assert list(key.rows) == ["7", "8", "9", "10", "99"]
    assert key.rows["99"].student == Student("99", "Eve", 5, "s-0-2")
    weights = for_student(asked(), eve, 1).given["wh"]
    assert (carried(path).given["wh"] == weights).all()
    assert write_class(asked(), roster, folder / "class", key=folder / "key.xlsx", add=True) == []


@pytest.mark.parametrize(
    ("question", "options", "says"),
    [
        (asked(decimals=2), {}, "2 decimals instead of 3 decimals"),
        (asked(steps="2-4"), {}, "steps 2-4 instead of steps 2-11"),
        (asked(), {"seed": 9}, "seed 9 instead of 1"),
        (asked(), {"secret": b"x"}, "signed or not"),
    ],
)
def test_newcomers_with_other_options_are_refused(question, options, says, folder):
    with pytest.raises(InputError, match=says) as caught:
        write_class(
            question, [Student("99", "E", 1, "e")], folder / "class", key=folder / "key.xlsx",
            add=True, **options,
        )  # fmt: skip
    assert str(caught.value).startswith(f"{folder / 'key.xlsx'}: the class was written with other")
    assert not (folder / "class" / "e.xlsx").exists()


def test_no_newcomers_join_a_key_that_has_no_seed(tmp_path):
    key = shutil.copy(FOLDER / "class-key.xlsx", tmp_path / "key.xlsx")
    with pytest.raises(InputError, match="doesn't say with which seed"):
        write_class(asked(steps="2-9"), STUDENTS, tmp_path / "class", key=key, add=True)


def test_a_newcomers_file_that_is_there_is_not_written_over(folder):
    (folder / "class" / "e.xlsx").write_bytes(b"mine")
    with pytest.raises(OutputError, match="holds 1 workbook already"):
        write_class(
            asked(), [Student("99", "E", 1, "e")], folder / "class", key=folder / "key.xlsx",
            add=True,
        )  # fmt: skip


def test_without_a_seed_one_is_drawn_and_kept_in_the_key(tmp_path):
    for name in "ab":
        write_class(asked(), [ADA], tmp_path / name, key=tmp_path / f"{name}-key.xlsx")
    seeds = [int(read_key(tmp_path / f"{name}-key.xlsx").facts["seed"]) for name in "ab"]
    assert seeds[0] != seeds[1]
    again = for_student(asked(), ADA, seeds[0])
    assert (carried(tmp_path / "a" / "s-0.xlsx").given["wh"] == again.given["wh"]).all()
