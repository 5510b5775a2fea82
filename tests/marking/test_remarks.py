"""What is said of lost numbers: once for what lacks, and never one thing for another."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import cellprop
from cellprop.marking import remarks
from cellprop.marking.marks import mark
from cellprop.marking.question import ask
from cellprop.marking.verdicts import VERDICTS, Answer
from cellprop.texts.words import load
from students import answers_of

WORDS = load()
QUESTION = ask(cellprop.article().update)
NAMES = list(QUESTION.setup.answers)


def marked(change, question=QUESTION, **options):
    """Marks of somebody whose answers were changed after they got all right."""
    answers = answers_of(question, decimals=question.setup.decimals, **options)
    change(answers)
    return mark(question, answers)


def sentences(marks):
    return [remark.sentence(WORDS) for remark in remarks.remarks(marks)]


def blank(*names):
    """Leave matrices blank."""

    def change(answers):
        for name in names:
            answers[name] = Answer(answers[name].values * np.nan)

    return change


def typed(text, name, *places):
    """Type a text in the place of numbers; everywhere in the matrix without a place."""

    def change(answers):
        values = answers[name].values.copy()
        where = places or list(np.ndindex(values.shape))
        for place in where:
            values[place] = np.nan
        answers[name] = Answer(values, dict.fromkeys(where, text))

    return change


# --- What lacks is said once --------------------------------------------------------------


@pytest.mark.parametrize(
    ("names", "says"),
    [
        (NAMES[NAMES.index("E") :], ["Steps 5 to 11 are blank: 58 numbers"]),
        (["wh_new", "wout_new"], ["Step 10 is blank: 15 numbers"]),
        (["wh_new"], ["wh_new is blank: 12 numbers"]),
        (["d_output", "Error_at_hidden_layer", "bh_new"],
         ["Steps 7 to 8 are blank: 12 numbers", "bh_new is blank: 3 numbers"]),
        (["bout_new"], ["bout_new, row 1, column 1: blank"]),
        (NAMES, ["Steps 2 to 11 are blank: 82 numbers"]),
    ],
)  # fmt: skip
def test_what_is_blank_is_said_once(names, says):
    assert sentences(marked(blank(*names))) == says


def test_blanks_within_a_matrix_are_said_once():
    def change(answers):
        answers["wh_new"].values[[0, 2], [1, 2]] = np.nan
        answers["E"].values[1] = np.nan

    assert sentences(marked(change)) == [
        "E, row 2, column 1: blank", "wh_new: 2 numbers are blank",
    ]  # fmt: skip


def test_the_same_text_everywhere_is_said_once():
    assert sentences(marked(typed("?", "wh_new"))) == ["wh_new: “?” is not a number (12 times)"]
    assert len(sentences(marked(typed("?", "E", (0, 0), (2, 0))))) == 1


def test_of_matrices_what_lacks_is_said_once_each():
    marks = marked(blank("d_output", "wh_new", "wout_new"))
    found = list(remarks.remarks_by_matrix(marks))
    assert [(r.matrix, r.row, r.column, r.count) for r in found] == [
        ("d_output", 1, 1, 3), ("wout_new", 1, 1, 3), ("wh_new", 1, 1, 12),
    ]  # fmt: skip


# --- The first thing to look at -----------------------------------------------------------


def test_the_first_thing_in_a_half_blank_file_is_its_first_mistake():
    rest = NAMES[NAMES.index("d_output") :]
    marks = marked(blank(*rest), slip=lambda _, right: -right, at="E")
    assert remarks.first(marks, WORDS).startswith("E, row 1, column 1: ")


def test_without_a_mistake_it_says_from_where_on_a_file_is_blank():
    rest = NAMES[NAMES.index("E") :]
    assert remarks.first(marked(blank(*rest)), WORDS) == "blank from step 5 on"


def test_of_a_gap_in_the_middle_it_says_which():
    assert remarks.first(marked(blank("E")), WORDS) == "E is blank: 3 numbers"
    assert remarks.first(marked(blank(*NAMES)), WORDS) == "handed in blank"
    assert remarks.first(marked(lambda _: None), WORDS) == "all right"


# --- One thing is not another -------------------------------------------------------------


@pytest.mark.parametrize("text", ["–", "blank", "", "nan", "abc"])
def test_a_text_is_not_a_blank(text):
    marks = marked(typed(text, "E", (0, 0)))
    (remark,) = remarks.remarks(marks)
    assert remark.verdict == "not a number"
    assert remark.sentence(WORDS).startswith(f"E, row 1, column 1: “{text}” is not a number")
    assert "blank" not in remark.sentence(WORDS).replace(text, "") or not text
    assert remarks.first(marks, WORDS) == remark.sentence(WORDS)


def test_why_own_numbers_lead_to_none_is_told_apart():
    def unknown(change):
        def also(answers):
            answers["wh_new"].values[0, 0] += 1
            change(answers)

        found = remarks.remarks(marked(also))
        return next(r.unknown for r in found if r.matrix == "wh_new")

    assert unknown(lambda _: None) == ""
    assert unknown(blank("d_hiddenlayer")) == "blank"
    assert unknown(typed("x", "d_hiddenlayer", (0, 0))) == "not a number"
    # Not of the numbers that it reads, however far off.
    assert unknown(blank("bout_new")) == ""
    # A blank elsewhere does not hide the text that this number reads.
    assert (
        unknown(lambda a: (typed("x", "d_hiddenlayer", (0, 0))(a), blank("E")(a))) == "not a number"
    )


def test_what_could_not_be_computed_is_not_lost():
    marks = marked(blank("E"))
    codes = {m.name: m.verdicts.copy() for m in marks.matrices}
    codes["E"][:] = VERDICTS.index("not computed")
    matrices = tuple(replace(m, verdicts=codes[m.name]) for m in marks.matrices)
    assert not remarks.remarks(replace(marks, matrices=matrices))


def test_a_file_with_a_text_or_a_number_is_not_blank():
    assert remarks.is_blank(marked(blank(*NAMES)))
    one_text = marked(lambda a: (blank(*NAMES)(a), typed("x", "E", (0, 0))(a)))
    assert not remarks.is_blank(one_text)


# --- Numbers as they are written ----------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "text"),
    [(0.5, "0.500"), (0.12345, "0.12345"), (-0.0, "0.000"), (2e9, "2e+09"), ("x\ty", "x␉y"),
     (float("nan"), "–"), (float("inf"), "inf")],
)  # fmt: skip
def test_an_answer_is_shown_as_it_was_typed(number, text):
    assert remarks.number_of(number, 3) == text


@pytest.mark.parametrize(
    ("number", "decimals", "text"),
    [
        (1.234, 3, "1.2340 ± 0.0005"), (-0.00001, 3, "0.0000 ± 0.0005"), (12, 0, "12.0 ± 0.5"),
        (0.78949999, 3, "0.78949999 ± 0.0005"),
        (0.78951, 3, "0.78951 ± 0.0005"), (1.2345, 3, "1.2345 ± 0.0005"),
        (0.5, 12, "0.500000000000"), (3e12, 3, "3e+12"),
        (0.25, 11, "0.250000000000 ± 0.000000000005"),
    ],
)  # fmt: skip
def test_what_is_accepted_is_written_with_how_far_one_may_be_off(number, decimals, text):
    assert remarks.accepted(number, decimals) == text


def test_numbers_beyond_all_measure_stay_short():
    def change(answers):
        answers["d_output"].values[0, 0] = 1e300

    for found in remarks.remarks(marked(change)):
        assert max(map(len, (found.answer, found.expected, found.own))) <= 22


def test_numbers_without_decimals_of_their_own_are_told_apart():
    marks = cellprop.compare(cellprop.article(), {"E": [[-0.2], [0.2], [-0.79]]}, decimals=12)
    assert "E, row 1, column 1: -0.2" in sentences(marks)[0]
