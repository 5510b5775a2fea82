"""Exercises as flip-books and in close-up: the same marks, nothing given away, nothing hidden."""

from __future__ import annotations

import re
import subprocess
from functools import cache

import ironcalc
import numpy as np
import pytest
from openpyxl import load_workbook
from openpyxl.utils import range_boundaries

import cellprop
from cellprop.algebra import statement
from cellprop.errors import InputError
from cellprop.exercise import annotate, check_all, read_key, write, write_class
from cellprop.exercise.carried import located
from cellprop.faces.layout import places_before
from cellprop.files.roster import Student
from cellprop.marking.carried_text import digest_of, read
from cellprop.marking.question import ask
from cellprop.texts.templates import template
from cellprop.texts.words import load
from conftest import requires, slow_but
from filling import FORMS, asked, blank, carried, cells_of, everywhere, fill, laid_out, layout_of
from students import numbers_of
from test_carried import bare
from test_checking import changed, without_names
from test_exercise_sheets import judged_alike, mixed, recalculated
from test_handed_out import EXPECTED, FOLDER
from test_question import data_of, packed

STUDENTS = [Student(f"{7 + k}", name, k + 1, f"s-{k}") for k, name in enumerate("ABC")]


def samples(count, inputs, outputs):
    random = np.random.default_rng(4)
    X = random.normal(50, 20, (count, inputs)).round(1)
    y = np.eye(outputs)[random.integers(0, outputs, count)] if outputs > 1 else X[:, :1] > 50
    return X, np.asarray(y, float)


def twenty():
    network = cellprop.Network([3, 4, 1])
    return cellprop.trace(network, *samples(20, 3, 1), scale="standard", seed=1)


def batch():
    network = cellprop.Network([2, 3, 1], activation="tanh")
    return cellprop.trace(network, *samples(30, 2, 1), seed=1, batch_size=12, scale="minmax")


def deep():
    network = cellprop.Network([2, 3, 2, 1], activation=["tanh", "sigmoid"])
    X = np.array([[0.5, -1.2], [1.1, 0.3], [-0.4, 0.9]])
    return cellprop.trace(network, X, [[1], [0], [1]], seed=1, average=True)


def softmax():
    network = cellprop.Network([2, 3, 3], loss="cross_entropy")
    X = np.array([[0.5, -1.2], [1.1, 0.3], [-0.4, 0.9], [0.2, 0.2]])
    return cellprop.trace(network, X, np.eye(3)[[0, 2, 1, 1]], seed=1)


TRACES = {
    "article": cellprop.article,
    "xor": lambda: cellprop.example("xor"),
    "twenty": twenty,
    "batch": batch,
    "deep": deep,
    "softmax": softmax,
}
EACH = slow_but(["article", "softmax"], TRACES)


@cache
def question_of(name):
    """A network of which every step is asked."""
    return ask(TRACES[name]().update, steps="0-11", decimals=3)


# --- The same marks -------------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", EACH)
def test_a_perfect_student_earns_all_marks_in_every_layout(name, form, tmp_path):
    question = laid_out(question_of(name), form)
    marks = cellprop.check(fill(blank(tmp_path, question), tmp_path / "f.xlsx"))
    assert (marks.total, marks.notes, marks.warnings) == (marks.out_of, (), ())
    assert marks.out_of == sum(question.values[name].size for name in question.setup.answers)


@pytest.mark.parametrize("seed", slow_but([1], [1, 2, 3]))
@pytest.mark.parametrize("name", EACH)
def test_the_same_numbers_get_the_same_marks_verdicts_and_slips_in_every_layout(
    name, seed, tmp_path
):
    question = question_of(name)
    typed = mixed(question, seed)
    first, *_ = question.setup.answers
    left_out = numbers_of(question, lambda own, right: right + 1, first, 3)[first]
    typed[first] = left_out
    found = []
    for form, rows in (("flip-book", 8), ("close-up", 8), ("close-up", 3)):
        path = blank(tmp_path, laid_out(question, form, rows))
        marks = cellprop.check(fill(path, tmp_path / "f.xlsx", typed))
        assert carried(path).setup.sheets == (form, rows)
        found.append((marks.cells, marks.steps, marks.total, marks.warnings))
    (cells, steps, total, warnings), *others = found
    assert 0 < total < cells["marks"].size
    for other in others:
        assert other[0].equals(cells)
        assert other[1].equals(steps)
        assert other[2:] == (total, warnings)


@pytest.mark.parametrize("form", FORMS)
def test_a_known_slip_is_named_in_every_layout(form, tmp_path):
    question = laid_out(asked(), form)
    typed = numbers_of(question, lambda own, _: own["X"] @ own["wh"], "hidden_layer_input", 3)
    marks = cellprop.check(fill(blank(tmp_path, question), tmp_path / "f.xlsx", typed))
    assert (marks.total, marks.out_of) == (73, 82)
    assert set(marks.cells["slip"]) - {""} == {"bias_left_out"}


# --- What it carries, and what is in view ---------------------------------------------------


def test_a_question_carries_which_layout_it_has_and_how_many_rows_are_in_view(tmp_path):
    for name, form in (("article", "flip-book"), ("twenty", "close-up")):
        question = question_of(name)
        assert question.setup.sheets is None
        assert carried(blank(tmp_path, question)).setup.sheets == (form, 8)
    found = carried(blank(tmp_path, laid_out(question_of("article"), "close-up", 5)))
    assert found.setup.sheets == ("close-up", 5)
    layout = layout_of(found)
    assert found.places == {
        name: (sheet, *range_boundaries(layout.places[name].range)[1::-1])
        for name, (sheet, _, _) in found.places.items()
    }
    assert found.places.keys() == {matrix.name for matrix in found.program.matrices}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", ["article", "twenty"])
def test_whatever_is_to_be_typed_or_read_is_in_view(name, form, tmp_path):
    """Since no program unfolds the rows of a sheet that is protected."""
    question = laid_out(question_of(name), form, 4)
    book = load_workbook(blank(tmp_path, question))
    for sheet, _, addresses in everywhere(question):
        assert book[sheet].protection.sheet
        for address in (a for row in addresses for a in row):
            column, row = re.fullmatch(r"([A-Z]+)(\d+)", address).groups()
            assert not book[sheet].row_dimensions[int(row)].hidden
            assert not book[sheet].column_dimensions[column].hidden
    texts = [str(cell.value) for sheet in book for row in sheet.iter_rows() for cell in row]
    assert not any(text.startswith("⋮") or "more" in text.split() for text in texts)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", slow_but(["twenty"], TRACES))
def test_a_marked_copy_is_laid_out_as_what_was_handed_in(name, form, tmp_path):
    path = blank(tmp_path, laid_out(question_of(name), form, 6))
    marks = cellprop.check(fill(path, tmp_path / "f.xlsx", mixed(question_of(name), 2)))
    (copy,) = annotate([marks], tmp_path / "marked")
    one, other = load_workbook(path), load_workbook(copy)
    assert one.sheetnames == other.sheetnames
    assert {n: d.attr_text for n, d in one.defined_names.items()} == {
        n: d.attr_text for n, d in other.defined_names.items()
    }
    assert carried(copy).setup.sheets == (form, 6)
    assert digest_of(carried(copy)) == digest_of(carried(path))
    assert cellprop.check(copy).total == marks.total


def test_hints_judge_the_rows_beyond_those_in_view_too(tmp_path, libreoffice):
    question = ask(twenty().update, hints=True, sheets=("close-up", 3))
    judged = judged_alike(question, tmp_path, libreoffice)
    assert judged == sum(question.values[name].size for name in question.setup.answers) > 300


@pytest.mark.parametrize("name", ["deep", "twenty"])
def test_the_maths_of_every_matrix_stands_where_no_focus_could_choose_it(name, tmp_path):
    question = question_of(name)
    book = load_workbook(blank(tmp_path, question))
    for step in question.program.steps:
        cell = book[f"Step {step.label}"]["A2"]
        assert cell.data_type == "s"
        if len(step.computed) <= 2:
            for matrix in step.computed:
                texts = "\n".join(str(c.value) for c in book[f"Step {step.label}"][2])
                for each in (matrix.name, statement(matrix, "maths").split()[0]):
                    if re.search(rf"(^| {{4}}){re.escape(each)} +=", texts, re.M):
                        break
                else:
                    pytest.fail(matrix.name)


# --- A class ---------------------------------------------------------------------------------


def test_a_class_is_written_in_close_up_and_marked_by_its_key(tmp_path):
    question, key = laid_out(asked(), "close-up"), tmp_path / "key.xlsx"
    paths = write_class(question, STUDENTS, tmp_path / "class", key=key, seed=1)
    (tmp_path / "in").mkdir()
    for path in paths:
        assert carried(path).setup.sheets == ("close-up", 8)
        fill(path, tmp_path / "in" / path.name)
    results = check_all([tmp_path / "in"], key=key)
    assert [(r.total, r.warnings) for r in results] == [(82, ())] * 3
    lost = bare(tmp_path / "in" / "s-1.xlsx", tmp_path / "lost.xlsx")
    assert cellprop.check(lost, key=key).total == 82
    assert cellprop.check(lost).total == 82  # by what its sheets say


def test_newcomers_get_the_layout_of_their_class(tmp_path):
    key = tmp_path / "key.xlsx"
    question = laid_out(asked(), "close-up", 5)
    write_class(question, STUDENTS[:1], tmp_path / "class", key=key, seed=1)
    for said in (None, ("auto", 8)):
        again = asked(sheets=said)
        newcomers = [Student(f"{said}", "N", 9, f"n-{said is None}".lower())]
        (path,) = write_class(again, newcomers, tmp_path / "class", key=key, add=True)
        assert carried(path).setup.sheets == ("close-up", 5)
        assert cellprop.check(fill(path, tmp_path / "f.xlsx"), key=key).warnings == ()
    other = laid_out(asked(), "flip-book", 5)
    with pytest.raises(InputError, match=r"layout flip-book/5 instead of layout close-up/5; give"):
        write_class(other, STUDENTS, tmp_path / "class", key=key, add=True)
    assert len(read_key(key).rows) == 3


def test_a_file_in_another_layout_than_the_others_is_noticed(tmp_path):
    for k, form in enumerate(("flip-book", "flip-book", "close-up")):
        fill(blank(tmp_path, laid_out(asked(), form)), tmp_path / f"{k}.xlsx")
    results = check_all([tmp_path / f"{k}.xlsx" for k in range(3)])
    assert [r.total for r in results] == [82, 82, 82]
    assert [len(r.warnings) for r in results] == [0, 0, 1]
    assert "layout close-up/8 instead of layout flip-book/8" in results[2].warnings[0]


def test_the_layout_is_chosen_on_the_command_line_and_kept_by_a_class(here, run):
    code, out, _ = run("exercise", "--layout", "close-up", "--rows", "5", "-o", "one.xlsx")
    assert (code, out.splitlines()[-1]) == (0, "one.xlsx")
    assert carried(here / "one.xlsx").setup.sheets == ("close-up", 5)
    (here / "class.csv").write_text("id,name\n7,Ada\n")
    command = ("exercise", "--roster", "class.csv", "-o", "class")
    assert run(*command, "--layout", "close-up", "--rows", "4")[0] == 0
    (here / "class.csv").write_text("id,name\n7,Ada\n8,Eve\n")
    assert run(*command, "--add")[0] == 0
    assert carried(here / "class" / "eve-8.xlsx").setup.sheets == ("close-up", 4)


@pytest.mark.parametrize(
    ("options", "says"),
    [(["--layout", "tall"], "'tall' is not one of 'auto', 'flip-book', 'close-up'"),
     (["--rows", "0"], "'--rows': Input should be greater than or equal to 1"),
     (["--rows", "101"], "'--rows': Input should be less than or equal to 100")],
)  # fmt: skip
def test_a_layout_that_is_none_gets_one_line(options, says, here, run):
    code, _, err = run("exercise", *options)
    assert (code, len(err.splitlines())) == (2, 1)
    assert says in err


@pytest.mark.parametrize("sheets", [("tall", 8), ("close-up", 0), ("close-up", 101)])
def test_a_layout_that_is_none_is_refused_in_python(sheets, tmp_path):
    with pytest.raises(InputError):
        write(asked(sheets=sheets), tmp_path / "f.xlsx")
    assert not (tmp_path / "f.xlsx").exists()


# --- Questions of 0.3.0, and of nobody -------------------------------------------------------


@pytest.mark.parametrize("name", slow_but(list(EXPECTED)[:2], EXPECTED))
def test_a_question_without_places_is_read_where_its_version_had_them(name, tmp_path):
    path = changed(FOLDER / name, tmp_path / "f.xlsx", without_names)
    marks = cellprop.check(path)
    question = marks.question
    assert (question.places, question.setup.sheets, question.layout) == ({}, None, 1)
    assert (marks.total, marks.out_of) == (EXPECTED[name]["total"], EXPECTED[name]["out_of"])
    assert not marks.warnings
    # Where they would stand today, they don't.
    places, now = places_before(question.program), layout_of(question).places
    assert any(places[n].range != now[n].range for n in question.setup.answers)


SHEETS = {
    "an unknown form": ["tall", 8], "no form": ["", 8], "no rows": ["close-up", 0],
    "too many rows": ["close-up", 10**9], "a hundred and one": ["close-up", 101],
    "less than none": ["close-up", -1], "half a row": ["close-up", 8.5],
    "rows as text": ["close-up", "8"],
    "a truth": ["close-up", True], "rows in lists": ["auto", [8]],
    "a form in a list": [["auto"], 8], "a text": "close-up", "a number": 8, "nothing": None,
    "an empty list": [], "too short": ["close-up"], "too long": ["close-up", 8, 8],
    "an object": {"form": "close-up", "rows": 8}, "not a number": ["close-up", float("nan")],
}  # fmt: skip


@pytest.mark.parametrize("sheets", SHEETS.values(), ids=SHEETS)
def test_a_layout_that_could_not_have_been_carried_is_refused(sheets):
    question = asked()
    data = data_of(located(question, layout_of(question)))
    assert read(packed(data | {"sheets": ["close-up", 3]})).setup.sheets == ("close-up", 3)
    with pytest.raises(InputError, match=r"^what it carries is not a question of cellprop$"):
        read(packed(data | {"sheets": sheets}))


# --- What to do first ------------------------------------------------------------------------

STEPS = [str(number) for number in range(2, 12)]
# Which steps are done, and what the sheets of steps 2 to 11 name.
FIRST = {
    "nothing": ((), ["", *["2"] * 9]),
    "the first": (("2",), ["", "", *["3"] * 8]),
    "the way forward": (("2", "3", "4"), ["", "", "", "", "", "5", "5", "6", "5", "5"]),
    "all but one": (tuple(s for s in STEPS if s != "5"), ["", *[""] * 4, "5", "", "", "", ""]),
    "all but two": (tuple(s for s in STEPS if s not in "57"), [*[""] * 5, *"55", "", *"55"]),
    "all": (tuple(STEPS), [""] * 10),
}


def by_ironcalc(path, folder):
    model = ironcalc.load_from_xlsx(str(path))
    model.evaluate()
    model.save_to_xlsx(str(folder / "ironcalc.xlsx"))
    return folder / "ironcalc.xlsx"


def by_libreoffice(path, folder):
    return recalculated(path, requires("soffice", "says what to do first"), folder)


def by_gnumeric(path, folder):
    target = folder / "gnumeric.xlsx"
    ssconvert = requires("ssconvert", "says what to do first")
    subprocess.run([ssconvert, "--recalc", path, target], check=True, capture_output=True)
    return target


def done(question, steps):
    """What is typed once some steps are done."""
    typed = numbers_of(question, decimals=3)
    for name, (sheet, _) in cells_of(question).items():
        if sheet.removeprefix("Step ") not in steps:
            typed[name] = np.full_like(typed[name], np.nan)
    return typed


def named(path):
    """What the sheets of steps say is to be done first, by the sheet."""
    found = {}
    for sheet in load_workbook(path, data_only=True):
        texts = [str(cell.value) for cell in sheet[4] if cell.value]
        said = [text.removeprefix("First do Step ") for text in texts if "First" in text]
        found[sheet.title.removeprefix("Step ")] = said[0] if said else ""
    return found


@pytest.mark.filterwarnings("ignore:Workbook contains no default style")  # as Gnumeric saves it
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("engine", slow_but([by_libreoffice], [by_libreoffice, by_gnumeric]))
@pytest.mark.parametrize("what", slow_but(["the way forward"], FIRST))
def test_a_sheet_that_waits_says_which_step_to_do_first(what, engine, form, tmp_path):
    steps, expected = FIRST[what]
    question = laid_out(asked(), form)
    filled = fill(blank(tmp_path, question), tmp_path / "filled.xlsx", done(question, steps))
    found = named(engine(filled, tmp_path))
    assert [found[step] for step in STEPS] == expected
    assert (found["0"], found["1"]) == ("", "")


@pytest.mark.parametrize("form", FORMS)
def test_ironcalc_says_the_same_and_so_does_the_file_before_anybody_computes_it(form, tmp_path):
    path = blank(tmp_path, laid_out(asked(), form))
    for book in (path, by_ironcalc(path, tmp_path)):
        assert [named(book)[step] for step in STEPS] == FIRST["nothing"][1]
    assert cellprop.verify(path).ok


@pytest.mark.parametrize("form", FORMS)
def test_a_sheet_that_is_calculated_for_them_says_it_too(form, tmp_path):
    found = named(blank(tmp_path, laid_out(asked(steps="3,7", hints=True), form)))
    assert [found[step] for step in STEPS] == ["", "", *["3"] * 8]


@pytest.mark.parametrize("form", FORMS)
def test_one_number_that_is_missing_is_enough(form, tmp_path, libreoffice):
    question = laid_out(asked(), form)
    typed = numbers_of(question, decimals=3)
    typed["d_output"][2, 0] = np.nan
    filled = fill(blank(tmp_path, question), tmp_path / "filled.xlsx", typed)
    found = named(recalculated(filled, libreoffice, tmp_path))
    assert [found[step] for step in STEPS] == ["", "", "", "", "", "", "7", "", "7", "7"]


def test_a_marked_copy_says_marks_instead(tmp_path):
    marks = cellprop.check(blank(tmp_path, asked()))
    (copy,) = annotate([marks], tmp_path / "marked")
    assert set(named(copy).values()) == {""}


def test_the_words_are_the_teachers(tmp_path):
    words = tmp_path / "words.toml"
    text = template("words.toml").read_text(encoding="utf-8")
    said = text.replace("First do {step}", r"Zuerst \"{step}\" & mehr")
    words.write_text(said, encoding="utf-8")
    path = write(asked(), tmp_path / "f.xlsx", words=load(words))
    texts = [cell.value for cell in load_workbook(path, data_only=True)["Step 3"][4]]
    assert "Zuerst 'Step 2' & mehr" in texts
    assert cellprop.verify(path).ok
