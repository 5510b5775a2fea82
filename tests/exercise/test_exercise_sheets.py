"""The workbook to fill in: what is empty or locked, what follows, and what it keeps to itself."""

from __future__ import annotations

import re
import subprocess
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from openpyxl import load_workbook
from openpyxl.formula.translate import Translator
from openpyxl.utils import column_index_from_string

import cellprop
from cellprop.errors import InputError
from cellprop.exercise import annotate, write
from cellprop.exercise.book import LOOKS
from cellprop.exercise.carried import SHEET, located
from cellprop.files.roster import Student
from cellprop.marking import question as questions
from cellprop.marking.carried_text import digest_of
from cellprop.marking.marks import mark
from cellprop.marking.verdicts import CARRIED, NOT_UPDATED, RIGHT, VERDICTS, Answer
from cellprop.texts.words import load
from conftest import slow_but
from filling import (
    ARTICLE,
    FORMS,
    asked,
    blank,
    carried,
    cells_of,
    everywhere,
    fill,
    laid_out,
    layout_of,
)
from students import GUESSES, answers_of, numbers_of
from test_slips import EACH_KIND, question_of

# Of links, of counts and of what is to be done first; nothing that calculates.
FUNCTIONS = {"IF", "COUNT"}


def calculates(formula: str) -> bool:
    """Whether a formula does more than to show what stands elsewhere, to count and to compare."""
    bare = re.sub(r"'[^']*'!|\"[^\"]*\"", "", formula)
    return (
        bool(re.search(r"[-+*/^{]", bare)) or not set(re.findall(r"\w+(?=\()", bare)) <= FUNCTIONS
    )


@pytest.mark.parametrize(
    ("formula", "is_so"),
    [
        ("='Step 2'!C7", False), ("=IF('Step 2'!C7=\"\",\"\",'Step 2'!C7)", False),
        ("=\"Done \"&(COUNT(C7:D9))&\" of 6\"", False), ("=C7*D9", True), ("=C7-1", True),
        ("=IF('Step 2'!C7=\"\",\"\",C7+D8)", True), ("=SUM(C7:D9)", True), ("=MMULT(X,wh)", True),
        ("=IF(COUNT('Step 3'!C4)=1,EXP(C4),\"\")", True), ("='a-b'!C7", False),
    ],
)  # fmt: skip
def test_what_calculates_is_told_from_what_links_and_counts(formula, is_so):
    assert calculates(formula) == is_so


def unzipped(path) -> str:
    """All texts of a file."""
    with zipfile.ZipFile(path) as archive:
        return "\n".join(archive.read(name).decode() for name in archive.namelist())


def recalculated(path, soffice, folder):
    """The workbook as LibreOffice computes and saves it."""
    profile = f"-env:UserInstallation=file://{folder}/profile"
    out = folder / "recalculated"
    command = [soffice, profile, "--headless", "--convert-to", "xlsx", "--outdir", out, path]
    subprocess.run(command, check=True, capture_output=True)
    return out / path.name


# --- What it gives away -------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "kind", slow_but(["article", "softmax"], ["article", "deep", "softmax", "adam", "shallow"])
)
def test_without_hints_nothing_in_the_file_gives_an_answer_away(kind, form, tmp_path):
    question = laid_out(question_of(kind), form)
    text = unzipped(blank(tmp_path, question))
    given = {float(v) for values in question.given.values() for v in values.ravel()}
    for name in question.setup.answers:
        for value in question.values[name].ravel().tolist():
            for digits in (3, 4, 6):
                if abs(value) > 1e-3 and round(value, digits) not in given:
                    shown = f"{abs(value):.{digits}f}"
                    # Not within a longer number, nor a name of a style or part.
                    assert not re.search(rf">-?{re.escape(shown)}\d*<", text), (name, shown)
            if len(repr(value)) > 6:  # a short one, such as 0.01, may stand for something else
                assert repr(value) not in text or value in given, name


@pytest.mark.parametrize("form", FORMS)
def test_without_hints_no_formula_computes_an_answer_and_only_the_question_is_hidden(
    form, tmp_path
):
    question = laid_out(asked(), form)
    book = load_workbook(blank(tmp_path, question))
    hidden = book[SHEET]
    assert hidden.sheet_state == "veryHidden"
    assert all(cell.data_type == "s" for row in hidden.iter_rows() for cell in row)
    del book[SHEET]
    for sheet in book:
        assert sheet.sheet_state == "visible"
        assert not any(dimension.hidden for dimension in sheet.column_dimensions.values())
        for row in sheet.iter_rows():
            for cell in row:
                text = str(cell.value or "")
                assert "MMULT" not in text or "=MMULT(X,wh))" in text  # the guide's example
                if cell.data_type == "f":
                    assert not calculates(text), text


@pytest.mark.parametrize("form", FORMS)
def test_answer_cells_are_empty_and_only_they_are_unlocked(form, tmp_path):
    question = laid_out(asked(steps="2,5-7,10"), form)
    book = load_workbook(blank(tmp_path, question))
    wanted = {
        (sheet, address)
        for sheet, rows in cells_of(question).values()
        for row in rows
        for address in row
    }
    found = {
        (sheet.title, cell.coordinate)
        for sheet in book
        for row in sheet.iter_rows()
        for cell in row
        if not cell.protection.locked
    }
    assert found == wanted
    assert all(book[sheet][address].value is None for sheet, address in wanted)
    assert all(sheet.protection.sheet for sheet in book)


@pytest.mark.parametrize("form", FORMS)
def test_answers_take_numbers_and_formulas_only(form, tmp_path):
    question = laid_out(asked(), form)
    book = load_workbook(blank(tmp_path, question))
    for sheet, rows in cells_of(question).values():
        checks = [v for v in book[sheet].data_validations.dataValidation if v.type == "decimal"]
        for address in (a for row in rows for a in row):
            assert any(address in v.sqref and v.showErrorMessage for v in checks)


def test_the_first_sheet_says_how_to_round_and_what_it_is_worth(tmp_path):
    question = asked(decimals=4, points={"2": 18})
    sheet = load_workbook(blank(tmp_path, question))["Contents"]
    texts = [cell.value for row in sheet.iter_rows() for cell in row if cell.value is not None]
    assert any("to 4 decimals" in str(text) for text in texts)
    assert 18 in texts


def test_builds_are_the_same_bytes(tmp_path):
    one, other = (write(questions.ask(ARTICLE.update), tmp_path / f"{k}.xlsx") for k in range(2))
    assert one.read_bytes() == other.read_bytes()


@pytest.mark.parametrize("kind", EACH_KIND)
def test_a_workbook_carries_its_question(kind, tmp_path):
    question = question_of(kind)
    found = carried(blank(tmp_path, question))
    layout = layout_of(question)
    assert found.setup == replace(question.setup, sheets=(layout.form, layout.rows))
    assert digest_of(found) == digest_of(located(question, layout))
    assert all((found.values[n] == v).all() for n, v in question.values.items())


# --- What follows from it -----------------------------------------------------------------


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("steps", slow_but(["2-9"], ["2-9", "3", "8,9"]))
def test_later_sheets_show_and_go_on_from_what_was_typed(steps, form, tmp_path, libreoffice):
    question = laid_out(asked(steps=steps), form)
    typed = numbers_of(question, lambda _, right: right + 0.25, next(iter(question.setup.answers)))
    filled = fill(blank(tmp_path, question), tmp_path / "filled.xlsx", typed)
    book = load_workbook(recalculated(filled, libreoffice, tmp_path), data_only=True)
    own = dict(question.given)
    for matrix in question.program.matrices:
        if matrix.definition is not None:
            from cellprop.algebra import value

            own[matrix.name] = typed.get(matrix.name, value(matrix.definition, own))
    seen = set()
    for sheet, name, addresses in everywhere(question):
        found = [[book[sheet][address].value for address in row] for row in addresses]
        assert np.allclose(np.array(found, float), own[name], rtol=1e-12), (sheet, name)
        seen.add(name)
    assert seen == set(own)


@pytest.mark.slow
def test_what_needs_a_missing_number_stays_empty(tmp_path, libreoffice):
    question = asked(steps="2-9")
    typed = numbers_of(question, decimals=3)
    typed["d_output"][1, 0] = np.nan
    filled = fill(blank(tmp_path, question), tmp_path / "filled.xlsx", typed)
    book = load_workbook(recalculated(filled, libreoffice, tmp_path), data_only=True)
    places = layout_of(question).places
    shown = [[book["Step 10"][a].value for a in row] for row in places["wout_new"].addresses()]
    assert shown == [[None]] * 3 or shown == [[""]] * 3
    shown = [[book["Step 10"][a].value for a in row] for row in places["wh_new"].addresses()]
    assert all(isinstance(value, float) for row in shown for value in row)
    assert not any(
        str(cell.value).startswith("#")
        for sheet in book
        for row in sheet.iter_rows()
        for cell in row
    )


# --- Hints --------------------------------------------------------------------------------


def mixed(question, seed):
    """Numbers of which some are right, some slipped, some missing, some random."""
    random = np.random.default_rng(seed)
    names = list(question.setup.answers)
    at = names[seed % len(names)]
    typed = numbers_of(question, lambda _, right: -right * 1.5, at, question.setup.decimals)
    for values in typed.values():
        values[random.random(values.shape) < 0.15] += 0.37
        values[random.random(values.shape) < 0.1] = np.nan
        values[abs(values) > 1e50] = np.nan  # cells do not take more
    return typed


def judged_alike(question, folder, libreoffice):
    """How many cells the hints of an exercise judge, all as the marker does."""
    path = blank(folder, question)
    filled = fill(path, folder / "filled.xlsx", mixed(question, 3))
    book = load_workbook(recalculated(filled, libreoffice, folder), data_only=True)
    rules = load_workbook(path)
    marks = cellprop.check(filled)
    judged = 0
    for marked in marks.matrices:
        sheet, addresses = cells_of(question)[marked.name]
        first = addresses[0][0]
        conditions = [
            # A rule of several ranges is written for the first cell of the first.
            Translator(f"={rule.formula[0]}", starts[0]).translate_formula(first)[1:]
            for cells in rules[sheet].conditional_formatting
            for starts in [[each.partition(":")[0] for each in str(cells.sqref).split()]]
            if first in starts
            for rule in cells.rules
        ]
        green = next(c for c in conditions if c.endswith("=1"))
        column, row = re.fullmatch(r"([A-Z]+)(\d+)=1", green).groups()
        corner = book[sheet][f"{column}{row}"]
        for i, j in np.ndindex(marked.verdicts.shape):
            said = book[sheet].cell(corner.row + i, corner.column + j).value
            verdict = marked.verdicts[i, j]
            blank_ = np.isnan(marked.answer.values[i, j])
            expected = 0 if blank_ else 1 if verdict in (RIGHT, CARRIED) else -1
            # A formula can't tell whether a number was calculated.
            guessed = marked.slips[i][j] in (*GUESSES, NOT_UPDATED)
            assert said == expected or guessed, (marked.name, i, j)
            judged += 1
    return judged


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "kind",
    slow_but(["article"], ["article", "softmax", "deep", "entropy"]),
)
def test_hints_agree_with_the_marker_cell_by_cell(kind, form, tmp_path, libreoffice):
    question = questions.ask(
        question_of(kind).update, steps="2-11", decimals=3, hints=True, sheets=(form, 8)
    )
    assert judged_alike(question, tmp_path, libreoffice) == sum(
        v.size for v in question.values.values()
    ) - sum(v.size for v in question.given.values())


@pytest.mark.slow
def test_hints_colour_with_a_sign_and_count(tmp_path, libreoffice):
    question = asked(hints=True)
    path = blank(tmp_path, question)
    formats = [
        rule.dxf.numFmt.formatCode
        for cells in load_workbook(path)["Step 2"].conditional_formatting
        for rule in cells.rules
    ]
    assert formats == ['0.000" ✓"', '0.000" ✗"']
    typed = numbers_of(question, decimals=3)
    typed["hidden_layer_input"][0] = [np.nan, 9, 9]
    filled = fill(path, tmp_path / "filled.xlsx", typed)
    book = load_workbook(recalculated(filled, libreoffice, tmp_path), data_only=True)
    texts = [cell.value for cell in book["Step 2"][4] if cell.value]
    assert texts[:3] == ["Done 8 of 9", "Right 6", "Left 3"]


# --- Annotated copies ---------------------------------------------------------------------


def handed_in(question, change, **options):
    """Marks of answers that were changed after all were right."""
    answers = answers_of(question, decimals=question.setup.decimals)
    change(answers)
    return replace(mark(question, answers), path="f.xlsx", **options)


def copied(marks, folder):
    (path,) = annotate([marks], folder)
    return load_workbook(path)


def of_every_kind(question):
    """Marks in which every verdict occurs, and in one matrix as many as it has room for."""
    codes = np.arange(len(VERDICTS))

    def change(answers):
        first = answers["hiddenlayer_activations"].values
        first[0] = [np.nan, 1234567890123.5, -0.123456]
        answers["hiddenlayer_activations"].texts[0, 0] = "=1+1"

    marks = handed_in(question, change)
    matrices = list(marks.matrices)
    at = next(k for k, m in enumerate(matrices) if m.name == "hiddenlayer_activations")
    verdicts = np.array([*[6, 4, 4], *[0, 1, 2], *[3, 5, 7]], dtype=np.int8).reshape(3, 3)
    values = matrices[at].answer.values.copy()
    values[2, 1:] = np.nan
    assert set(verdicts.ravel()) == set(codes)
    slips = (("",) * 3, ("",) * 3, ("cut_off", "", ""))
    matrices[at] = replace(
        matrices[at], verdicts=verdicts, slips=slips,
        answer=replace(matrices[at].answer, values=values),
    )  # fmt: skip
    return replace(marks, matrices=tuple(matrices))


def test_a_copy_shows_the_marks_in_all_and_by_step(tmp_path):
    student = Student("7", "=Ada()", 1, "ada")
    question = questions.for_student(asked(points={"2": 4.5}), student, 3)

    def change(answers):
        answers["E"].values[0] += 1
        answers["hidden_layer_input"].values[:2] = 7

    book = copied(handed_in(question, change), tmp_path)
    rows = [[cell.value for cell in row if cell.value is not None] for row in book["Contents"]]
    said = {row[0]: row[-1] for row in rows if row}
    assert said["Name"] == "=Ada()"
    assert said["Marks"] == said["In all"] == "73.5 / 77.5"
    assert (said["Step 2"], said["Step 5"], said["Step 11"]) == ("1.5 / 4.5", "5 / 6", "4 / 4")
    assert said["Look at first"].startswith("hidden_layer_input, row 1, column 1: 7.000 instead")
    for step, marks in (("Step 2", "1.5 / 4.5"), ("Step 5", "5 / 6"), ("Step 11", "4 / 4")):
        texts = [str(cell.value) for row in book[step]["A1:Z10"] for cell in row]
        assert f"Marks: {marks}" in texts


def test_on_a_copy_nothing_looks_like_what_is_read(tmp_path):
    book = copied(of_every_kind(asked(steps="2-6")), tmp_path)
    found = {cell.style for sheet in book for row in sheet.iter_rows() for cell in row}
    assert not found & {"read", "key_read", "answer", "key_answer"}
    assert {"right", "carried", "rounded", "slip", "wrong"} <= found


def test_no_two_looks_of_a_verdict_differ_by_colour_alone():
    seen = [(look.sign, look.style if not look.sign else "") for look in LOOKS.values()]
    alike = [look for look in LOOKS if seen.count((LOOKS[look].sign, "")) > 1]
    assert set(alike) == {"wrong", "not a number"}  # a number and a text
    for key, look in LOOKS.items():
        earned = key in ("right", "carried", "rounded", "forgiven")
        assert look.sign.startswith("✓") == earned
    assert set(LOOKS) == {*VERDICTS, "forgiven"}


def test_signs_stand_in_the_format_and_numbers_stay_numbers(tmp_path):
    question = asked()
    sheet, rows = cells_of(question)["hiddenlayer_activations"]
    book = copied(of_every_kind(question), tmp_path)
    cells = [[book[sheet][address] for address in row] for row in rows]
    assert [cell.number_format for cell in cells[0]] == [
        '"✗ "@', '0.0E+00" ✗"', '0.000" ✗"',
    ]  # fmt: skip
    assert [cell.number_format.partition(" ")[2] for cell in cells[1]] == ['✓"', '✓→"', '✓≈"']
    assert cells[0][0].value == "=1+1"
    assert cells[0][0].data_type == "s"
    assert cells[0][0].quotePrefix
    assert isinstance(cells[0][1].value, float)
    assert cells[2][1].value is cells[2][2].value is None


def in_turn(marks):
    """The same marks with every verdict in turn in each matrix, every other slip forgiven."""
    matrices = []
    for marked in marks.matrices:
        codes = np.arange(marked.verdicts.size).reshape(marked.verdicts.shape)
        verdicts = (codes % len(VERDICTS)).astype(np.int8)
        forgiven = (verdicts == VERDICTS.index("slip")) & (codes // len(VERDICTS) % 2 == 1)
        slips = tuple(("cut_off",) * verdicts.shape[1] for _ in verdicts)
        matrices.append(replace(marked, verdicts=verdicts, forgiven=forgiven, slips=slips))
    return replace(marks, matrices=tuple(matrices))


@pytest.mark.parametrize("kind", ["article", "deep"])
def test_the_key_of_a_copy_explains_every_verdict_within_the_page(kind, tmp_path):
    marks = in_turn(handed_in(question_of(kind), lambda _: None))
    book = copied(marks, tmp_path)
    for step in marks.by_step:
        sheet = book[f"Step {step}"]
        keys = [c for row in sheet["A4:Z4"] for c in row if str(c.style).startswith("key_")]
        texts = {cell.value for cell in keys}
        matrices = [marked for marked in marks.matrices if marked.step == step]
        looks = {VERDICTS[code] for marked in matrices for code in marked.verdicts.ravel()}
        looks |= {"forgiven" for marked in matrices if marked.forgiven.any()}
        wanted = {f"{LOOKS[look].sign} {load()(f'exercise.{look}')}".strip() for look in looks}
        assert wanted <= texts
        last = re.search(r"\$([A-Z]+)\$\d+$", sheet.print_area).group(1)
        assert max(cell.column for cell in keys) <= column_index_from_string(last)
        if sheet.col_breaks.brk and len(looks) <= 6:
            assert max(cell.column for cell in keys) <= sheet.col_breaks.brk[0].id


def test_a_blank_matrix_has_one_comment_and_a_text_is_not_called_missing(tmp_path):
    question = asked()

    def change(answers):
        answers["d_hiddenlayer"] = Answer(np.full((3, 3), np.nan))
        answers["d_output"].values[0] = np.nan
        answers["d_output"].texts[0, 0] = "–\x01"
        answers["wout_new"].values[0] += 1
        answers["wh_new"].values[0] += 1

    book = copied(handed_in(question, change), tmp_path)
    places = cells_of(question)
    said = {
        name: [book[sheet][a].comment.text for row in rows for a in row if book[sheet][a].comment]
        for name, (sheet, rows) in places.items()
    }
    assert said["d_hiddenlayer"] == ["9 numbers of this matrix: blank"]
    assert said["d_output"][0].startswith("“–␁”: not a number\nAccepted: ")
    assert "An earlier number is not a number, so" in said["wout_new"][0]
    assert "An earlier number is missing, so" in said["wh_new"][0]
    assert "(the true value)" in said["wh_new"][0]


def test_a_forgiven_slip_and_what_was_not_computed_are_said_once_each(tmp_path):
    marks = of_every_kind(asked())
    matrices = list(marks.matrices)
    slip = matrices[1].verdicts == VERDICTS.index("slip")
    matrices[1] = replace(matrices[1], forgiven=slip)
    book = copied(replace(marks, matrices=tuple(matrices)), tmp_path)
    sheet, rows = cells_of(marks.question)["hiddenlayer_activations"]
    texts = [book[sheet][address].comment.text for address in rows[2]]
    assert texts[0] == (
        "Paid for already: it costs nothing here."
        "\nIt fits: decimals were cut off instead of rounded."
    )
    assert texts[1].startswith("blank")
    assert texts[2] == "not computed: it could not be read, and counts neither way"


@pytest.mark.slow
def test_later_sheets_of_a_copy_show_no_text_again(tmp_path, libreoffice):
    question = asked()

    def change(answers):
        answers["hidden_layer_input"].values[0, 0] = np.nan
        answers["hidden_layer_input"].texts[0, 0] = "evil"

    (path,) = annotate([handed_in(question, change)], tmp_path)
    book = load_workbook(recalculated(path, libreoffice, tmp_path), data_only=True)
    _, rows = cells_of(question)["hidden_layer_input"]
    assert book["Step 2"][rows[0][0]].value == "evil"
    assert book["Step 4"][rows[0][0]].value in (None, "")
    assert isinstance(book["Step 4"][rows[0][1]].value, float)


def test_copies_of_students_with_names_alike_but_for_capitals_are_two_files(tmp_path):
    question = asked()
    names = ("ada", "Ada", "ADA")
    marks = [
        handed_in(replace(question, student=Student(n, n, 1, n)), lambda _: None) for n in names
    ]
    found = annotate(marks, tmp_path)
    assert len({path.name.lower() for path in found}) == 3


# --- Words and bad input ------------------------------------------------------------------


def test_every_word_of_exercises_is_used(tmp_path):
    import inspect

    from cellprop import exercise
    from cellprop.exercise import annotating, front, sheets
    from cellprop.faces import report
    from cellprop.marking import remarks
    from cellprop.texts.templates import template

    source = "".join(map(inspect.getsource, (annotating, front, sheets, report, remarks, exercise)))
    source += template("report.html").read_text()
    own = [k for k in load().texts if k.partition(".")[0] in ("exercise", "verdicts", "report")]
    states = {"answer", "forgiven", *VERDICTS}
    # Keys of which the last part is put together.
    composed = ("verdicts.unknown.", "report.blank.", "report.text.")
    for key in own:
        name = key.partition(".")[2]
        assert (
            key in source
            or name in (*states, "student", "id")
            or (key.startswith(composed) and f'"{key.rpartition(".")[2]}"' in source)
            or key in [f"report.counts.{verdict}" for verdict in VERDICTS]
        ), key


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"steps": "1"}, "steps: expected some of 2, 3, 4, 5, 6, 7, 8, 9, 10, 11"),
        ({"steps": "2-"}, "found '2-'"),
        ({"steps": ""}, "found ''"),
        ({"steps": "12"}, "found '12'"),
        ({"decimals": -1}, "decimals: expected a whole number from 0 to 12, found -1"),
        ({"decimals": 13}, "found 13"),
        ({"steps": "2", "points": {"3": 1}}, "marks: step 3 is not asked; asked are 2."),
        ({"points": {"3": -1}}, "marks: expected 0 to 1,000,000 for step 3, found -1; give "),
    ],
)
def test_a_question_that_cannot_be_asked_is_refused(options, says):
    with pytest.raises(InputError, match=re.escape(says)):
        questions.ask(ARTICLE.update, **options)
