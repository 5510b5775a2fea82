"""`cellprop exercise` and `cellprop check`, as a teacher types them."""

from __future__ import annotations

import re

import pytest

import cellprop
from cellprop.errors import InputError
from cellprop.marking.question import untold
from filling import carried, fill
from students import numbers_of
from test_carried import bare


@pytest.fixture
def roster(here):
    (here / "class.csv").write_text("id,name\n7,Ada Lovelace\n8,=cmd()\n9,../../x\n")
    return here


def test_an_exercise_goes_to_outputs_and_its_path_comes_last(here, run):
    code, out, err = run("exercise")
    assert (code, out.splitlines()[-1], err) == (0, "outputs/article-exercise.xlsx", "")
    code, out, _ = run("check", "outputs/article-exercise.xlsx")
    assert code == 0
    assert "0 / 82" in out


def test_a_class_gets_a_folder_and_the_teacher_a_key_beside_it(roster, run):
    code, out, _ = run("exercise", "--roster", "class.csv", "--seed", "3", "--steps", "2-4")
    assert code == 0
    assert out.splitlines() == [
        "3 decimals, so that every answer differs from doing nothing.",
        "3 workbooks; the teacher's key: outputs/article-exercise-key.xlsx",
        "outputs/article-exercise",
    ]
    names = sorted(path.name for path in (roster / "outputs/article-exercise").iterdir())
    assert names == ["ada-lovelace-7.xlsx", "cmd-8.xlsx", "x-9.xlsx"]


def test_a_class_is_checked_reported_and_annotated(roster, run):
    run("exercise", "--roster", "class.csv", "-o", "class", "--marks", "2=18")
    handed_in = roster / "in"
    handed_in.mkdir()
    for path in (roster / "class").iterdir():
        fill(path, handed_in / path.name)
    code, out, err = run("check", "in", "--report", "r.html", "--annotate", "marked")
    assert (code, err) == (0, "")
    assert out.splitlines()[-1] == "r.html"
    assert "91 / 91" in out
    assert len(list((roster / "marked").iterdir())) == 3


def test_a_bad_file_is_named_and_the_code_is_1(roster, run):
    run("exercise", "-o", "one.xlsx")
    (roster / "bad.xlsx").write_bytes(b"not a workbook")
    code, out, err = run("check", "one.xlsx", "bad.xlsx")
    assert (code, err) == (1, "")
    assert "bad.xlsx" in out
    assert "could not be marked" in out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["check", "nothing.xlsx"], "nothing.xlsx: there is no such file or folder"),
        (["check", "empty"], "empty: expected workbooks in this folder, found none"),
        (["check", "class.csv", "--report", "r.pdf"], "r.pdf: expected a name that ends in"),
        (["check", "class.csv", "--marks", "x"], "marks: expected STEP=MARKS"),
        (["exercise", "--steps", "99"], "steps: expected some of"),
        (["exercise", "--marks", "2=-1"], "marks: expected 0 to 1,000,000 for step 2"),
        (["exercise", "--roster", "no.csv"], "no.csv: there is no such file"),
        (["exercise", "--roster", "class.csv", "--epochs", "3", "--walk-epoch", "2"],
         "leave out --walk-epoch"),
        (["exercise", "--add"], "--add: names the newcomers to a class by a roster"),
        (["exercise", "--secret", "no"], "no: there is no such file"),
        (["check", "class.csv", "--key", "no.xlsx"], "no.xlsx: there is no such file"),
        (["check", "class.csv", "--question", "no.xlsx"], "no.xlsx: there is no such file"),
        (["check", "class.csv", "--secret", "empty"], "empty: is a folder"),
        (["exercise", "--decimals", "99"], "less than or equal to 12"),
    ],
)  # fmt: skip
def test_bad_input_gets_one_line(arguments, says, roster, run):
    (roster / "empty").mkdir()
    code, _, err = run(*arguments)
    assert code == 2
    assert says in err
    assert len(err.splitlines()) == 1


# --- What is there is kept ----------------------------------------------------------------


def test_without_a_seed_one_is_drawn_printed_and_written_again_with_it(roster, run):
    code, out, _ = run("exercise", "--roster", "class.csv", "-o", "one")
    assert code == 0
    seed = re.search(r"^Seed (\d+), which the key keeps\.$", out, re.MULTILINE)[1]
    run("exercise", "--roster", "class.csv", "-o", "two", "--seed", seed)
    names = [path.name for path in (roster / "one").iterdir()]
    assert len(names) == 3
    for name in names:
        assert (roster / "one" / name).read_bytes() == (roster / "two" / name).read_bytes()


def test_a_class_is_written_over_only_by_force(roster, run):
    command = ("exercise", "--roster", "class.csv", "-o", "class", "--seed", "1")
    run(*command)
    code, _, err = run(*command)
    assert code == 2
    assert err == (
        "cellprop: class: holds 3 workbooks already (ada-lovelace-7.xlsx); --add writes newcomers"
        " only, --force all of them anew.\n"
    )
    assert run(*command, "--force")[0] == 0


def test_newcomers_are_added_to_a_class(roster, run):
    run("exercise", "--roster", "class.csv", "-o", "class", "--steps", "2-4")
    (roster / "class.csv").write_text("id,name\n10,Eve\n7,Ada Lovelace\n")
    code, _, err = run("exercise", "--roster", "class.csv", "-o", "class", "--add")
    assert code == 2
    assert "written with other options: steps 2-11 instead of steps 2-4; give the same" in err
    code, out, _ = run(
        "exercise", "--roster", "class.csv", "-o", "class", "--steps", "2-4", "--add"
    )
    assert (code, "1 workbook;" in out) == (0, True)
    assert len(list((roster / "class").iterdir())) == 4


def test_an_exercise_that_was_filled_in_is_written_over_only_by_force(here, run):
    assert run("exercise", "-o", "one.xlsx")[0] == 0
    assert run("exercise", "-o", "one.xlsx")[0] == 0  # the very same
    fill(here / "one.xlsx", here / "one.xlsx")
    filled = (here / "one.xlsx").read_bytes()
    code, _, err = run("exercise", "-o", "one.xlsx")
    assert (code, (here / "one.xlsx").read_bytes()) == (2, filled)
    assert "one.xlsx: is there already, and not the same" in err
    assert run("exercise", "-o", "one.xlsx", "--force")[0] == 0


# --- The question is the one that was asked -----------------------------------------------


def test_a_class_is_marked_by_its_key_and_who_is_missing_is_said(roster, run):
    run("exercise", "--roster", "class.csv", "-o", "class")
    (roster / "class" / "cmd-8.xlsx").unlink()
    code, out, _ = run("check", "class", "--key", "class-key.xlsx")
    assert code == 0
    assert out.splitlines()[-1] == "Note: handed nothing in: =cmd() (8)."


def test_files_that_lost_their_question_are_marked_by_the_original(here, run):
    run("exercise", "-o", "one.xlsx")
    bare(fill(here / "one.xlsx", here / "f.xlsx"), here / "lost.xlsx")
    code, out, _ = run("check", "lost.xlsx", "--question", "one.xlsx")
    assert (code, "82 / 82" in out) == (0, True)


def test_what_is_not_signed_is_not_marked(here, run):
    (here / "secret").write_text("only mine")
    run("exercise", "-o", "one.xlsx", "--secret", "secret")
    run("exercise", "-o", "two.xlsx")
    assert run("check", "one.xlsx", "--secret", "secret")[0] == 0
    code, out, _ = run("check", "two.xlsx", "--secret", "secret")
    assert (code, "is not signed" in out) == (1, True)


# --- Decimals that tell, and slips of form ------------------------------------------------


def test_decimals_are_chosen_and_said_unless_they_are_given(here, run):
    code, out, err = run("exercise", "-o", "chosen.xlsx")
    assert (code, err) == (0, "")
    assert out.splitlines()[0] == "4 decimals, so that every answer differs from doing nothing."
    assert carried(here / "chosen.xlsx").setup.decimals == 4
    code, out, err = run("exercise", "--decimals", "3", "-o", "three.xlsx")
    assert (code, out.splitlines()) == (0, ["three.xlsx"])
    assert err.splitlines() == [
        "cellprop: 3 decimals can't tell 17 answers from doing nothing: d_hiddenlayer 2, wh_new 12,"
        " bh_new 3; leave --decimals out, or give more."
    ]


def test_a_class_gets_decimals_that_tell_for_everybody_and_newcomers_the_same(roster, run):
    run("exercise", "--roster", "class.csv", "--seed", "3", "-o", "class")
    asked = [carried(path) for path in sorted((roster / "class").iterdir())]
    (decimals,) = {question.setup.decimals for question in asked}
    assert not any(untold(question) for question in asked)
    assert decimals > 3
    (roster / "class.csv").write_text("id,name\n7,Ada Lovelace\n8,=cmd()\n9,../../x\n10,New\n")
    code, _, _ = run("exercise", "--roster", "class.csv", "-o", "class", "--add")
    assert code == 0
    assert carried(roster / "class" / "new-10.xlsx").setup.decimals == decimals


def test_how_often_slips_of_form_are_paid_for_is_asked_or_said_when_marking(here, run):
    run("exercise", "--decimals", "3", "--form-slips", "each", "-o", "each.xlsx")
    run("exercise", "--decimals", "3", "-o", "step.xlsx")
    lost = {}
    for name in ("each", "step"):
        question = carried(here / f"{name}.xlsx")
        assert question.setup.form_slips == name
        typed = numbers_of(question, decimals=3)
        typed["hidden_layer_input"] = typed["hidden_layer_input"] / 10
        fill(here / f"{name}.xlsx", here / f"{name}-filled.xlsx", typed)
        marks = cellprop.check(here / f"{name}-filled.xlsx")
        lost[name] = marks.out_of - marks.total
    assert lost == {"each": 9, "step": 1}
    code, out, _ = run("check", "each-filled.xlsx", "--form-slips", "once")
    assert (code, "each-filled.xlsx: 81 / 82" in out) == (0, True)
    marks = cellprop.check(here / "step-filled.xlsx", form_slips="each")
    assert marks.out_of - marks.total == 9
    with pytest.raises(InputError, match="form_slips: 'x' is not known"):
        cellprop.check(here / "step-filled.xlsx", form_slips="x")
