"""The question travels twice, and an exercise is marked whatever program has saved it."""

from __future__ import annotations

import re
import shutil
import subprocess
import zipfile
from dataclasses import replace
from functools import cache
from io import BytesIO

import ironcalc
import pytest
from openpyxl import load_workbook

import cellprop
from cellprop.errors import InputError
from cellprop.exercise import checking, write
from cellprop.exercise.carried import (
    LONGEST,
    LONGEST_IN_CELL,
    SHEET,
    cells_of,
    located,
    properties_of,
    question_of,
)
from cellprop.faces.layout import VERSION, lay_out
from cellprop.files.submission import opened
from cellprop.marking.carried_text import digest_of, read
from cellprop.marking.question import ask
from conftest import requires, slow_but, slow_case
from filling import asked, blank, carried, fill, layout_of
from foreign_files import refused, repacked
from test_checking import (
    another_question,
    changed,
    changed_sheet,
    without_names,
    without_properties,
    without_sheet,
)
from test_exercise_sheets import mixed, recalculated
from test_question import data_of, packed


@pytest.fixture
def question():
    return asked()


@pytest.fixture
def path(question, tmp_path):
    return fill(blank(tmp_path, question), tmp_path / "filled.xlsx", mixed(question, 1))


def frame(marks):
    return marks.cells.drop(columns="answer")


# --- Saved by other programs --------------------------------------------------------------


def by_libreoffice(path, folder):
    return recalculated(path, requires("soffice", "saves exercises"), folder)


def by_gnumeric(path, folder):
    target = folder / "gnumeric.xlsx"
    ssconvert = requires("ssconvert", "saves exercises")
    subprocess.run([ssconvert, path, target], check=True, capture_output=True)
    return target


def by_ironcalc(path, folder):
    # An empty cell that calls itself a number, as openpyxl fills one in, is 0 to IronCalc.
    source = shutil.copy(path, folder / "source.xlsx")
    with zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if "worksheets/sheet" in name]
    for name in names:
        repacked(source, name, lambda xml: xml.replace(' t="n"', ""))
    model = ironcalc.load_from_xlsx(str(source))
    model.evaluate()
    model.save_to_xlsx(str(folder / "ironcalc.xlsx"))
    return folder / "ironcalc.xlsx"


def by_openpyxl(path, folder):
    load_workbook(path).save(folder / "openpyxl.xlsx")
    return folder / "openpyxl.xlsx"


PROGRAMS = (by_libreoffice, by_gnumeric, by_ironcalc, by_openpyxl)
# Starting one takes longer than all else.
STARTED = slow_but([by_ironcalc, by_openpyxl], PROGRAMS)


@pytest.mark.parametrize("save", STARTED)
def test_an_exercise_that_a_program_saved_is_marked_the_same(save, path, question, tmp_path):
    marks = cellprop.check(save(path, tmp_path))
    assert frame(marks).equals(frame(cellprop.check(path)))
    assert marks.warnings == ()
    assert digest_of(marks.question) == digest_of(carried(path))


@pytest.mark.parametrize("save", STARTED)
def test_the_hidden_sheet_alone_is_enough_after_every_program(save, path, tmp_path):
    saved = save(changed(path, tmp_path / "f.xlsx", without_properties), tmp_path)
    assert opened(saved).properties == {}
    assert frame(cellprop.check(saved)).equals(frame(cellprop.check(path)))


def renamed(book):
    for number, sheet in enumerate(book.worksheets):
        if sheet.title != SHEET:
            sheet.title = f"Sheet{number}"


def with_everything_visible(book):
    for sheet in book:
        sheet.sheet_state = "visible"


def reordered(book):
    book.move_sheet("Step 2", 5)
    book.move_sheet(SHEET, -20)


def renamed_hidden_sheet(book):
    book[SHEET].title = "Tabelle1"


@pytest.mark.parametrize(
    "changes",
    [
        slow_case((without_properties,)),
        slow_case((without_properties, without_names)),
        (without_properties, without_names, renamed),
        slow_case((without_properties, without_names, reordered)),
        slow_case((without_properties, with_everything_visible, reordered)),
        (without_properties, reordered, renamed_hidden_sheet),
        (without_sheet, without_names, renamed),
    ],
)
def test_whatever_else_a_program_drops_the_answers_are_found(changes, path, tmp_path):
    def change(book):
        for each in changes:
            each(book)

    marks = cellprop.check(changed(path, tmp_path / "f.xlsx", change))
    assert frame(marks).equals(frame(cellprop.check(path)))
    assert marks.warnings == ()


# --- Two copies ---------------------------------------------------------------------------


def other_question(book):
    """Put a question for less on the hidden sheet."""
    easy = located(asked(steps="5", decimals=0), layout_of(asked()))
    for row, text in enumerate(cells_of(easy), 1):
        book[SHEET].cell(row, 1).value = text


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (another_question, "the question in its document properties was changed; it is marked by"
                           " the one in its hidden sheet."),
        (changed_sheet, "the question in its hidden sheet was changed; it is marked by the one in"
                        " its document properties."),
        (other_question, "the question in its hidden sheet is another one; it is marked by the one"
                         " in its document properties."),
    ],
)  # fmt: skip
def test_a_copy_that_was_damaged_gives_way_and_a_difference_is_noticed(
    change, says, path, tmp_path
):
    marks = cellprop.check(changed(path, tmp_path / "f.xlsx", change))
    assert marks.warnings == (says,)
    assert frame(marks).equals(frame(cellprop.check(path)))


def test_pieces_are_short_enough_for_every_program(tmp_path):
    question = located(asked(points={"2": 3}), layout_of(asked()))
    large = replace(question, version="x" * 9)
    large.__dict__["text"] = "e" * 100_000
    assert max(map(len, properties_of(large).values())) <= LONGEST
    assert max(map(len, cells_of(large))) < LONGEST_IN_CELL + 100 < 32_767


@pytest.mark.slow
def test_a_question_of_many_pieces_is_read_from_the_sheet(tmp_path):
    question = ask(cellprop.example("iris").update, steps="2")
    path = write(question, tmp_path / "iris.xlsx")
    assert len(cells_of(question)) > 2
    assert carried(path).setup == replace(question.setup, sheets=("close-up", 8))
    saved = changed(path, tmp_path / "f.xlsx", without_properties)
    assert digest_of(cellprop.check(saved).question) == digest_of(carried(path))


# --- The layout -------------------------------------------------------------------------


def test_an_exercise_says_where_its_matrices_stand_and_by_which_layout(path, question):
    found = carried(path)
    assert found.layout == VERSION
    places = layout_of(question).places
    assert found.places["output"] == ("Step 4", places["output"].row, places["output"].column)
    assert set(found.places) == set(places)


@pytest.mark.parametrize("change", [slow_case(lambda book: None), without_names])
def test_an_exercise_is_read_at_its_own_places_when_the_layout_has_moved(
    change, path, tmp_path, monkeypatch
):
    expected = cellprop.check(path)

    def elsewhere(program):
        places = lay_out(program).places
        return {name: replace(place, row=place.row + 40) for name, place in places.items()}

    checking._before.cache_clear()
    monkeypatch.setattr(checking, "places_before", elsewhere)
    marks = cellprop.check(changed(path, tmp_path / "f.xlsx", change))
    checking._before.cache_clear()
    assert frame(marks).equals(frame(expected))
    assert marks.notes == ()


# --- The original -------------------------------------------------------------------------


def bare(path, target):
    """A workbook that lost its question, as 0.3.0's do in online spreadsheets."""
    target.write_bytes(_bare(path.read_bytes()))
    return target


@cache
def _bare(content):
    book, bare = load_workbook(BytesIO(content)), BytesIO()
    without_properties(book)
    without_sheet(book)
    book.save(bare)
    return bare.getvalue()


def test_a_workbook_that_lost_its_question_is_marked_by_the_original(path, tmp_path):
    lost = bare(path, tmp_path / "f.xlsx")
    marks = cellprop.check(lost, question=tmp_path / "blank.xlsx")
    assert frame(marks).equals(frame(cellprop.check(path)))
    assert marks.notes[0] == "it carries no question; it was marked by that of the original."


def test_a_workbook_that_carries_another_question_than_the_original_is_warned_of(path, tmp_path):
    other = blank(tmp_path, asked(steps="5", decimals=0), "other.xlsx")
    marks = cellprop.check(path, question=other)
    assert marks.out_of == 82
    assert marks.warnings == (
        "it carries another question than the original: steps 2-11 instead of steps 5;"
        " 3 decimals instead of 0 decimals; other numbers in wh, bh, wout; it is marked by its"
        " own.",
    )
    assert cellprop.check(path, question=tmp_path / "blank.xlsx").warnings == ()


def test_an_original_without_a_question_is_refused_in_one_line(path, tmp_path):
    lost = bare(path, tmp_path / "f.xlsx")
    message = refused(cellprop.check, path, question=lost)
    assert message == f"{lost}: carries no question either; give the exercise as it was handed out."


# --- Hostile ------------------------------------------------------------------------------

SHEET_14 = "xl/worksheets/sheet14.xml"


def hidden_rows(path, rows):
    return repacked(
        path,
        SHEET_14,
        lambda xml: re.sub("<sheetData>.*</sheetData>", f"<sheetData>{rows}</sheetData>", xml),
    )


def cell(row, text):
    return f'<row r="{row}"><c r="A{row}" t="inlineStr"><is><t>{text}</t></is></c></row>'


HOSTILE = {
    "a formula": '<row r="1"><c r="A1"><f>WEBSERVICE("x")</f></c></row>',
    "a number": '<row r="1"><c r="A1"><v>7</v></c></row>',
    "a bomb": cell(1, "cellprop: 1") + cell(2, "cellprop question 1: " + "A" * 40_000),
    "no digest": cell(1, "cellprop: 1") + cell(2, "cellprop question 1: eNo="),
    "many pieces": "".join(cell(k, f"cellprop question {k}: eNo=") for k in range(1, 5_000)),
    "nothing": "",
    "a digest alone": cell(1, "cellprop digest: 00"),
}


@pytest.mark.parametrize("what", slow_but(["a formula", "a bomb", "no digest"], HOSTILE))
def test_a_hidden_sheet_that_is_not_ours_is_refused_in_one_line(what, path, tmp_path):
    lost = changed(path, tmp_path / "f.xlsx", without_properties)
    with pytest.raises(InputError) as caught:
        question_of(opened(hidden_rows(lost, HOSTILE[what])))
    assert len(str(caught.value).splitlines()) == 1


def test_a_hidden_sheet_of_more_text_than_any_of_ours_is_refused(path, tmp_path, monkeypatch):
    from cellprop.files import elements

    monkeypatch.setattr(elements, "MOST_TEXT", 1_000)
    lost = changed(path, tmp_path / "f.xlsx", without_properties)
    assert "not an Excel workbook, or a damaged one" in refused(
        cellprop.check, hidden_rows(lost, cell(1, "x" * 600) + cell(2, "x" * 600))
    )


def test_a_question_on_a_hidden_sheet_takes_little_memory(path, tmp_path):
    rows = "".join(cell(k, "x" * 10) for k in range(1, 50_000))
    with pytest.raises(InputError):
        question_of(
            opened(hidden_rows(changed(path, tmp_path / "f.xlsx", without_properties), rows))
        )


@pytest.mark.parametrize(
    "spot",
    [["Step 4", 0, 1], ["Step 4", 1_048_576, 1], ["Step 4", 1, 16_385], ["Step 4", 1.5, 1],
     [7, 1, 1], ["Step 4"], "Step 4", None],
)  # fmt: skip
def test_places_that_no_sheet_has_are_refused(spot, question):
    data = data_of(located(question, layout_of(question)))
    assert read(packed(data)).places["output"][0] == "Step 4"
    data["places"]["output"] = spot
    with pytest.raises(InputError, match="not a question of cellprop"):
        read(packed(data))


def test_a_later_layout_without_places_is_refused(question):
    with pytest.raises(InputError, match="not a question of cellprop"):
        read(packed(data_of(question) | {"layout": 7}))


def test_nothing_is_written_as_a_formula_or_beyond_the_sheet(path):
    with zipfile.ZipFile(path.with_name("blank.xlsx")) as archive:
        xml = archive.read(SHEET_14).decode()
    assert "<f>" not in xml
    assert 'state="veryHidden"' in zipfile.ZipFile(path).read("xl/workbook.xml").decode()
