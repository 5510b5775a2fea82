"""Reports: every text is data, every number is there, and the page needs nothing else."""

from __future__ import annotations

import csv
import html
import io
import json
import re
import subprocess
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

import cellprop
from cellprop.errors import InputError
from cellprop.faces import report
from cellprop.files.roster import Student
from cellprop.marking.marks import Unmarked, mark
from cellprop.marking.question import ask, for_student
from cellprop.marking.verdicts import VERDICTS, Answer
from cellprop.texts.words import Words, load
from conftest import slow_but
from students import answers_of

NAMES = ["Ada", "<script>alert(1)</script>", "=cmd()", "[red]x[/red]", "Émile"]
VOID = {"meta", "br", "hr", "img", "link", "input"}


@pytest.fixture(scope="module")
def results():
    """A perfect student, two who forget the bias, one who turns E round, and one who is stuck."""
    question = ask(cellprop.article().update)
    slips = [
        (None, ""),
        (lambda own, _: own["X"] @ own["wh"], "hidden_layer_input"),
        (lambda own, _: own["X"] @ own["wh"], "hidden_layer_input"),
        (lambda _, right: -right, "E"),
        (None, ""),
    ]
    found = []
    for position, (name, slip) in enumerate(zip(NAMES, slips, strict=True), 1):
        student = Student(f"{position}", name, position, f"s-{position}")
        own = for_student(question, student, 3)
        answers = answers_of(own, *slip, decimals=3)
        if position == 5:
            answers["output"] = Answer(np.full((3, 1), np.nan), {(0, 0): "=1+1"})
        found.append(mark(own, answers))
    return [*found, Unmarked("in/<b>.xlsx", "not an Excel workbook")]


class Balanced(HTMLParser):
    """Whether every tag is closed where it should be."""

    def __init__(self):
        super().__init__()
        self.open, self.tags, self.text = [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def page(results):
    text = report.as_html(results, load())
    parser = Balanced()
    parser.feed(text)
    assert not parser.open
    return text, parser


def test_the_page_is_whole_and_needs_nothing_else(results):
    text, parser = page(results)
    tags = {tag for tag, _ in parser.tags}
    assert not tags & {"script", "link", "img", "iframe", "b", "red"}
    assert "http" not in text
    assert "url(" not in text
    targets = {a["href"][1:] for tag, a in parser.tags if tag == "a"}
    assert targets <= {a.get("id") for _, a in parser.tags}


def test_names_on_the_page_are_text(results):
    _, parser = page(results)
    text = " ".join(parser.text)
    for name in NAMES:
        assert name in text


def test_the_page_shows_the_share_of_students_who_lost_each_number(results):
    text, _ = page(results)
    assert text.count(">40<span") == 9  # two of five forgot the bias
    assert "the bias was left out" in text


def test_a_page_of_nothing_and_of_unreadable_files_only_is_whole():
    page([])
    page([Unmarked("x.xlsx", "broken")])


def edited(name, change):
    """Marks of somebody whose answers for a matrix were changed after they got all else right."""
    question = ask(cellprop.article().update)
    answers = answers_of(question, decimals=3)
    answers[name] = change(answers[name].values.copy())
    return mark(question, answers)


def put(number):
    def change(values):
        values[0, 0] = number
        return Answer(values)

    return change


def test_a_page_of_numbers_beyond_all_measure_is_whole():
    page([edited("d_output", put(1e300)), edited("E", put(np.inf))])


def test_a_long_text_typed_for_a_number_is_cut():
    marks = edited("E", lambda values: Answer(values * np.nan, {(0, 0): "no idea " * 900}))
    text, _ = page([marks])
    assert "no idea…" in text
    assert "no idea " * 9 not in text
    assert json.loads(report.as_json([marks], load()))[0]["cells"][24]["answer"] == "no idea " * 900


def test_a_class_with_different_networks_has_a_map_for_each(results):
    other = ask(cellprop.article().update, steps="2", decimals=2)
    marks = mark(other, answers_of(other, decimals=2))
    text, parser = page([*results, marks])
    assert [t for t in parser.text if "layers: 4 → 3 → 1" in t] == [
        "Workbooks: 5; layers: 4 → 3 → 1; steps: 2, 3, 4, 5, 6, 7, 8, 9, 10, 11",
        "Workbooks: 1; layers: 4 → 3 → 1; steps: 2",
    ]
    assert text.count(">hidden_layer_input</caption>") == 2
    assert text.count(">E</caption>") == 1
    assert report.mean_of([results[1], marks]) == "95 %"  # of 73 / 82 and 9 / 9
    assert "0 / 0" not in text


def test_what_is_beyond_the_cap_is_counted(results, monkeypatch):
    monkeypatch.setattr(report, "MOST_LOST", 4)
    text, parser = page(results[1:2])
    assert "… and 5 more" in parser.text
    assert text.count('class="where"') == 4


def test_slips_are_counted_by_students(results):
    _, parser = page(results)
    said = [text.strip() for text in parser.text if text.strip()]
    at = said.index("Commonest slips")
    assert said[at + 5 : at + 9] == ["the bias was left out", "hidden_layer_input", "2", "18"]


def test_words_of_ones_own_appear_and_are_text(results):
    texts = {**load().texts, "report.mean": "[b]Mittel[/b]", "report.student": "[b]Wer[/b]"}
    texts |= {"report.counts.right": "richtig", "report.class": "<i>Klasse</i>"}
    own = Words(texts)
    assert "&lt;i&gt;Klasse&lt;/i&gt;" in report.as_html(results, own)
    for text in ("[b]Mittel[/b]: ", "[b]Wer[/b]"):
        assert text in shown(results, own)
    assert "9 richtig" in shown(results[:1], own)


def test_half_a_surrogate_pair_in_a_file_name_stops_no_report(results, tmp_path):
    odd = [replace(results[0], path="in/\udcff.xlsx"), Unmarked("\udcfe.xlsx", "broken")]
    for suffix in report.SUFFIXES:
        report.write(odd, tmp_path / f"r{suffix}", load())
    assert json.loads((tmp_path / "r.json").read_bytes())[1]["file"] == "\udcfe.xlsx"


def test_csv_reads_as_a_table_with_numbers(results, tmp_path):
    table = pd.read_csv(report.write(results, tmp_path / "r.csv", load()), encoding="utf-8-sig")
    assert table.columns[0] == "position"
    assert table["marks"].tolist()[:4] == [82, 73, 73, 79]
    assert table["name"][4] == "Émile"
    assert np.isnan(table["marks"][5])


def test_marks_in_csv_carry_no_rests_of_addition():
    question = ask(cellprop.article().update, points={"2": 0.7})
    found = report.as_csv([mark(question, answers_of(question, decimals=3))], load())
    assert next(csv.DictReader(io.StringIO(found)))["step 2"] == "0.7"


def test_csv_has_a_row_for_each_and_no_formulas(results):
    rows = list(csv.DictReader(io.StringIO(report.as_csv(results, load()))))
    assert [row["name"] for row in rows] == ["Ada", NAMES[1], "'=cmd()", NAMES[3], "Émile", ""]
    assert [row["marks"] for row in rows[:4]] == ["82.0", "73.0", "73.0", "79.0"]
    assert rows[1]["slip"] == "9"
    assert rows[1]["step 2"] == "0.0"
    assert rows[5]["warnings"] == "not an Excel workbook"
    assert not any(cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row.values())


def test_json_has_everything(results):
    found = json.loads(report.as_json(results, load()))
    assert [each.get("marks") for each in found[:2]] == [82, 73]
    assert len(found[0]["cells"]) == 82
    assert found[4]["cells"][18 + 3]["answer"] == "=1+1"
    assert found[1]["slips"] == [
        {
            "matrix": "hidden_layer_input",
            "slip": "bias_left_out",
            "says": "the bias was left out",
            "cells": 9,
        }
    ]
    assert found[5] == {
        "file": "in/<b>.xlsx",
        "status": "unreadable",
        "reason": "not an Excel workbook",
    }


# --- What lacks ---------------------------------------------------------------------------


def left_blank(marks, *names):
    """The same student, but for matrices that were left blank; all of them if none is named."""
    answers = {
        m.name: Answer(m.answer.values * np.nan) if m.name in names or not names else m.answer
        for m in marks.matrices
    }
    return replace(mark(marks.question, answers), path=f"in/{marks.question.student.file}.xlsx")


def test_files_handed_in_blank_stand_apart_and_count_nowhere(results):
    results = [*results, left_blank(results[0]), left_blank(results[1])]
    text, parser = page(results)
    rows = [a["class"] for tag, a in parser.tags if tag == "td" and "marks" in a.get("class", "")]
    assert len(rows) == 6
    assert "Handed in blank" in text
    assert "Mean: 77.2 / 82 (without those handed in blank: 2)" in text
    assert text.count(">40<span") == 9  # still two of five
    said = shown(results)
    assert "Handed in blank: Ada 1 (s-1.xlsx)" in said
    assert "Mean: 77.2 / 82 (without those handed in blank: 2)" in said
    rows = list(csv.DictReader(io.StringIO(report.as_csv(results, load()))))
    assert [row["status"] for row in rows] == [*["marked"] * 5, "unreadable", "blank", "blank"]
    assert [row["first"] for row in rows[6:]] == ["handed in blank"] * 2
    assert [f["status"] for f in json.loads(report.as_json(results, load()))[5:]] == [
        "unreadable", "blank", "blank",
    ]  # fmt: skip


def test_warnings_on_a_blank_file_are_still_there(results):
    marks = replace(left_blank(results[0]), warnings=("the sheet Step 4 is missing",))
    assert "the sheet Step 4 is missing" in page([marks])[0]
    assert "the sheet Step 4 is missing" in shown([marks, marks])


def test_a_class_of_blank_files_only_has_no_mean(results):
    blank = [left_blank(results[0])] * 2
    _, parser = page(blank)
    assert "Hardest cells" not in parser.text
    assert "Mean" not in shown(blank)


def test_what_is_blank_has_one_row_in_the_table_of_lost_numbers(results):
    names = list(results[1].question.setup.answers)
    text, _ = page([left_blank(results[1], *names[names.index("d_output") :])])
    assert "Steps 7 to 11</td>" in text
    assert "blank: 40 numbers" in text
    assert text.count('class="where"') == 9 + 1


def test_a_dash_that_was_typed_is_not_taken_for_a_blank():
    marks = edited("E", lambda values: Answer(values * np.nan, {(0, 0): "–"}))
    assert "E, row 1, column 1: “–” is not a number" in shown([marks, marks])


def test_the_counts_have_a_word_for_every_verdict():
    assert tuple(report.COUNTS) == VERDICTS
    assert all(load()(key) for key in report.COUNTS.values())


def test_what_is_accepted_is_stated(results):
    text, _ = page(results[3:4])
    assert text.count(" ± 0.0005") >= 3
    assert " ± 0.0005" in shown(results[3:4])


def test_a_slip_of_form_that_was_paid_for_already_is_said_once(results):
    forgiven = [m.verdicts == VERDICTS.index("slip") for m in results[1].matrices]
    forgiven[0][0, 0] = False
    matrices = tuple(
        replace(m, forgiven=f) for m, f in zip(results[1].matrices, forgiven, strict=True)
    )
    marks = replace(results[1], matrices=matrices)
    says = "Paid for already, and not counted again: the bias was left out (numbers: 8)."
    text, parser = page([marks])
    assert text.count('class="where"') == 1
    assert says in parser.text
    assert says in shown([marks])
    assert marks.total == 81


def shown(results, words=None):
    console = Console(file=io.StringIO(), width=200, highlight=False)
    report.show(console, results, words or load())
    return console.file.getvalue()


def test_the_terminal_shows_a_line_for_each_student(results):
    text = shown(results)
    for name in NAMES:
        assert name in text
    assert "hidden_layer_input, row 1, column 1" in text
    assert "the bias was left out (Students: 2)" in text
    assert "Mean: 77.2 / 82" in text
    assert text.index("Ada") < text.index("=cmd()") < text.index("Émile") < text.index("<b>.xlsx")


def test_the_terminal_shows_nothing_and_unreadable_files_only():
    assert "Student" in shown([])
    assert "could not be marked" in shown([Unmarked("x.xlsx", "broken")])


def test_the_terminal_shows_one_student_step_by_step(results):
    text = shown(results[1:2])
    assert "2 Hidden layer input" in text
    assert "0 / 9" in text
    assert "73 / 82" in text
    assert "9 wrong" not in text
    assert "9 known slip" in text


@pytest.mark.parametrize("suffix", ["csv", "json", "html"])
def test_a_report_is_written_by_its_name(results, suffix, tmp_path):
    path = report.write(results, tmp_path / f"r.{suffix}", load())
    assert path.read_bytes() == report.write(results, tmp_path / f"s.{suffix}", load()).read_bytes()


def test_a_report_of_another_form_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"expected a name that ends in \.csv, \.json, \.html"):
        report.check_suffix(tmp_path / "r.pdf")


# --- On a screen --------------------------------------------------------------------------

# A page in a frame as wide as the screen (a window can't be as narrow as a phone), and a script
# that says how wide it came out, and what runs out of it or can't be seen.
FRAMED = """<title></title><iframe style="width:{width}px;height:900px;border:0" srcdoc="{page}">
</iframe><script>addEventListener("load", () => {{
  const {{contentWindow: view, contentDocument: page}} = document.querySelector("iframe");
  const all = selector => [...page.querySelectorAll(selector)];
  const out = e => !e.closest(".block") && e.getBoundingClientRect().right > view.innerWidth + 1;
  document.title = JSON.stringify({{
    screen: view.innerWidth,
    page: page.documentElement.scrollWidth,
    out: all("body *").filter(out).length,
    unseen: all("td.marks, td.first").filter(e => e.offsetWidth * e.offsetHeight == 0).length,
    blocks: all(".block").every(e => e.clientWidth <= view.innerWidth),
  }});
}})</script>"""
QUIET = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--hide-scrollbars",
)  # fmt: skip


def measured(results, width, chromium, folder):
    """What Chromium says of a page on a screen so wide."""
    path = folder / "page.html"
    page = FRAMED.format(width=width, page=html.escape(report.as_html(results, load())))
    path.write_text(page, encoding="utf-8")
    command = [
        chromium, *QUIET, f"--user-data-dir={folder / 'profile'}", "--dump-dom", path.as_uri(),
    ]  # fmt: skip
    found = subprocess.run(command, check=True, capture_output=True)
    return json.loads(re.search(r"<title>(.*?)</title>", found.stdout.decode()).group(1))


@pytest.fixture(scope="module")
def crowd(results):
    """A class with long names and texts, many steps, warnings, and a blank file."""
    deep = ask(
        cellprop.trace(
            cellprop.Network([12, 14, 11, 3], activation="tanh"),
            np.linspace(-1, 1, 48).reshape(4, 12).round(2),
            np.eye(3)[[0, 1, 2, 0]],
            seed=1,
        ).update,
        points={"10": 33.25},
    )
    found = list(results)
    for number, name in enumerate(("x" * 10_000, "ل" * 300, "word " * 90, "W" * 79)):
        own = for_student(deep, Student("i" * 99, name, number, f"f{number}"), 1)
        answers = answers_of(own, lambda _, right: -right, "E", decimals=3)
        answers["output"] = Answer(answers["output"].values * np.nan, {(0, 0): "y" * 10_000})
        marks = replace(mark(own, answers), path="z" * 200, warnings=("w" * 500, "to see " * 40))
        found.append(marks)
    return [*found, left_blank(found[-1]), Unmarked("u" * 400, "v" * 400)]


@pytest.mark.parametrize("width", slow_but([400], [400, 700, 1280]))
def test_no_page_is_wider_than_the_screen(width, crowd, chromium, tmp_path):
    found = measured(crowd, width, chromium, tmp_path)
    assert found == {"screen": width, "page": width, "out": 0, "unseen": 0, "blocks": True}
