"""Reports: every text is data, every number is there, and the page needs nothing else."""

from __future__ import annotations

import csv
import io
import json
from html.parser import HTMLParser

import numpy as np
import pytest
from rich.console import Console

import cellprop
from cellprop import report
from cellprop.errors import InputError
from cellprop.marking import Answer, Unmarked, mark
from cellprop.question import ask, for_student
from cellprop.roster import Student
from cellprop.words import load
from students import answers_of

NAMES = ["Ada", "<script>alert(1)</script>", "=cmd()", "[red]x[/red]", "Émile"]
VOID = {"meta", "br", "hr", "img", "link", "input"}


@pytest.fixture(scope="module")
def results():
    """A perfect student, two who forget the bias, one who turns E round, and one who is stuck."""
    question = ask(cellprop.article())
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
    assert text.count(">40 %<") == 9  # two of five forgot the bias
    assert "the bias was left out" in text


def test_a_page_of_nothing_and_of_unreadable_files_only_is_whole():
    page([])
    page([Unmarked("x.xlsx", "broken")])


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
    assert found[5] == {"file": "in/<b>.xlsx", "reason": "not an Excel workbook"}


def shown(results):
    console = Console(file=io.StringIO(), width=200, highlight=False)
    report.show(console, results, load())
    return console.file.getvalue()


def test_the_terminal_shows_a_line_for_each_student(results):
    text = shown(results)
    for name in NAMES:
        assert name in text
    assert "hidden_layer_input, row 1, column 1" in text
    assert "the bias was left out (Students: 2)" in text


def test_the_terminal_shows_one_student_step_by_step(results):
    text = shown(results[1:2])
    assert "2 Hidden layer input" in text
    assert "0 / 9" in text
    assert "73 / 82" in text


@pytest.mark.parametrize("suffix", ["csv", "json", "html"])
def test_a_report_is_written_by_its_name(results, suffix, tmp_path):
    path = report.write(results, tmp_path / f"r.{suffix}", load())
    assert path.read_bytes() == report.write(results, tmp_path / f"s.{suffix}", load()).read_bytes()


def test_a_report_of_another_form_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"expected a name that ends in \.csv, \.json, \.html"):
        report.check_suffix(tmp_path / "r.pdf")
