"""Rounded numbers within texts: engines may differ in the last place of a half, and in nothing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from test_verification import STEP_2, TEXT_CELL, tampered

import cellprop
from cellprop.faces.layout import lay_out
from cellprop.faces.workbook.in_numbers import Block, Chosen, in_numbers
from cellprop.texts.formats import of_update
from cellprop.verification.restating import restated
from cellprop.verification.values import alike, shows_numbers
from conftest import slow_but

SHOWN = "hidden_layer_input[1, 1] = 1 · 0.42 + 0 · 0.10 + 1 · 0.60 + 0 · 0.92 + 0.46 = 1.48"

ALIKE = [
    ("a = 0.81 · 0.3", "a = 0.81 · 0.3"),
    ("a = 0.81 · 0.3", "a = 0.82 · 0.3"),
    ("a = 0.81 · 0.3", "a = 0.80 · 0.2"),
    ("a = −0.81", "a = −0.80"),
    ("1.2E−5 · 1", "1.3E−5 · 1"),
    ("9.99E−5", "1.00E−4"),
    ("0,81 · 1", "0,82 · 1"),
    ("0.99", "1.00"),
    ("0.3333333333333333", "0.333333333333333"),
    ("1e-05 · 2", "1E−05 · 2"),
]
DIFFERENT = [
    ("a = 0.81", "a = 0.83"),
    ("a = 0.81", "b = 0.81"),
    ("a = 0.81", "a = −0.81"),
    ("a[1, 1] = 0.81", "a[1, 2] = 0.81"),
    ("1 · 0.5", "2 · 0.5"),
    ("1.2E−5", "1.2E−4"),
    ("1.2E−5", "1.4E−5"),
    ("0.81 · 0.3", "0.81 + 0.3"),
    ("0.81 · 0.3", "0.81"),
    ("0.81", ""),
    ("class 1", "class 2"),
]


@pytest.mark.parametrize(("text", "other"), ALIKE)
def test_the_last_place_of_a_rounded_number_may_differ(text, other):
    assert alike(text, other)
    assert alike(other, text)


@pytest.mark.parametrize(("text", "other"), DIFFERENT)
def test_anything_else_differs(text, other):
    assert not alike(text, other)
    assert not alike(other, text)


ROUNDING = [
    ("a = 0.1 − 0.1 = 1.1E−16", "a = 0.1 − 0.1 = −5.6E−17"),
    ("0 − (−1.1E−16) · 0.1", "0 − 4.4E−16 · 0.1"),
    ("a = −2.2e-16", "a = 0.00"),
]


@pytest.mark.parametrize(("text", "other"), ROUNDING)
def test_what_rounding_leaves_of_others_may_be_anything_as_small(text, other):
    for first, second in ((text, other), (other, text)):
        assert alike(first, second, rounding=1e-15)
        assert not alike(first, second, rounding=1e-17)
    assert not alike(f"{text} + 0.1", f"{other} − 0.1", rounding=1e-15)


def test_a_formula_that_puts_numbers_into_a_text_is_told_by_its_function():
    assert shows_numbers('="a"&TEXT(ROUND(A1,2),"0")')
    assert not shows_numbers("=FORMULATEXT(A1)")
    assert not shows_numbers("=ROUND(A1,2)")


def test_such_a_formula_is_asked_as_it_stands():
    formula = '="a"&TEXT(IF(A1>0,1,2),"0")'
    assert restated(formula) == formula


def with_text(folder: Path, text: str) -> Path:
    """A workbook whose step 2 shows a calculation in place of the formula in focus, stored so."""
    trace = cellprop.article()
    built = trace.to_excel(folder / "built.xlsx")
    formats, places = of_update(trace.update), lay_out(trace.program).places
    blocks = {name: Block(place.absolute, formats[name]) for name, place in places.items()}
    chosen = Chosen("$D$9", "$F$9")
    one = in_numbers(trace.matrix("hidden_layer_input"), blocks, chosen, trace.values)
    assert one is not None
    assert one.text(0, 0) == SHOWN
    formula = one.formula.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")

    def change(cell: str) -> str:
        return re.sub("<f>.*</v>", lambda _: f"<f>{formula}</f><v>{text}</v>", cell)

    return tampered(built, folder / "book.xlsx", change, TEXT_CELL, STEP_2)


@pytest.mark.parametrize("engine", slow_but(["ironcalc"], ["ironcalc", "libreoffice"]))
def test_verify_agrees_with_calculations_in_numbers(engine, tmp_path, request):
    if engine == "libreoffice":
        request.getfixturevalue("libreoffice")
    assert cellprop.verify(with_text(tmp_path, SHOWN), engine).ok
    assert cellprop.verify(with_text(tmp_path, SHOWN.replace("0.46", "0.47")), engine).ok
    wrong = SHOWN.replace("1.48", "1.50")
    (difference,) = cellprop.verify(with_text(tmp_path, wrong), engine).differences
    assert (difference.cell, difference.stored, difference.computed) == (TEXT_CELL, wrong, SHOWN)
