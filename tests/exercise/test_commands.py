"""`cellprop exercise` and `cellprop check`, as a teacher types them."""

from __future__ import annotations

import pytest
from filling import fill


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
        (["exercise", "--marks", "2=-1"], "marks: expected 0 or more for step 2"),
        (["exercise", "--roster", "no.csv"], "no.csv: there is no such file"),
        (["exercise", "--roster", "class.csv", "--epochs", "3", "--walk-epoch", "2"],
         "leave out --walk-epoch"),
        (["exercise", "--decimals", "99"], "less than or equal to 12"),
    ],
)  # fmt: skip
def test_bad_input_gets_one_line(arguments, says, roster, run):
    (roster / "empty").mkdir()
    code, _, err = run(*arguments)
    assert code == 2
    assert says in err
    assert len(err.splitlines()) == 1
