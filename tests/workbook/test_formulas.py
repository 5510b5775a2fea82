"""The formulas: portable, short enough to read, and what they are meant to be."""

from __future__ import annotations

import re
from itertools import accumulate

import pytest
from openpyxl.formula.tokenizer import Token
from reading import FORMULA_ROW, computing, drawn, example, formulas, steps, tokens

ALL = pytest.mark.parametrize("name", ["article", "wide", "long", "fan", "one", "band"])

OPERATORS = set("+-*/^=<>") | {"<=", ">=", "<>"}
ONE_BY_ONE = {"EXP", "LN", "TANH", "MAX", "MIN", "IF", "ABS", "SUM", "SUMSQ", "SUMXMY2"}
A_RANGE = r"[A-Z]+\d+:[A-Z]+\d+"
OVER_RANGES = re.compile(rf"SUMPRODUCT\({A_RANGE},{A_RANGE}\)|SUM\(MMULT\({A_RANGE},{A_RANGE}\)\)")


def all_formulas(name: str):
    return [
        cell
        for sheet in formulas(example(name)).worksheets
        for row in sheet.iter_rows()
        for cell in row
        if cell.data_type == "f"
    ]


def deepest(formula: str) -> int:
    """How many functions and parentheses stand in one another."""
    opens = ((t.subtype == Token.OPEN) - (t.subtype == Token.CLOSE) for t in tokens(formula))
    return max(accumulate(opens))


def is_header(cell) -> bool:
    return cell.parent.title != "Contents" and cell.row == FORMULA_ROW


@ALL
def test_formulas_use_only_what_every_spreadsheet_has(name):
    for cell in all_formulas(name):
        allowed = {"IF", "_xlfn.FORMULATEXT"} if is_header(cell) else ONE_BY_ONE
        for token in tokens(OVER_RANGES.sub("1", cell.value)):
            if token.type == Token.FUNC and token.subtype == Token.OPEN:
                assert token.value.rstrip("(") in allowed, cell.value
            elif token.type in (Token.OP_IN, Token.OP_PRE):
                assert token.value in OPERATORS, cell.value
            elif token.type == Token.OPERAND:
                assert token.subtype in (Token.NUMBER, Token.RANGE), cell.value
            else:
                assert token.type in (Token.FUNC, Token.SEP, Token.PAREN), cell.value


@ALL
def test_only_a_sum_takes_a_range(name):
    """A function of numbers applied to a range is an error in some spreadsheets."""
    for cell in all_formulas(name):
        rest = re.sub(rf"SUM\(('Step \d+'!)?{A_RANGE}\)", "1", OVER_RANGES.sub("1", cell.value))
        assert ":" not in rest, cell.value


@ALL
def test_formulas_show_a_formula_only_in_the_header(name):
    showing = [cell for cell in all_formulas(name) if "FORMULATEXT" in cell.value]
    assert showing
    assert all(is_header(cell) for cell in showing)


@ALL
def test_formulas_keep_to_a_spreadsheets_limits(name):
    for cell in all_formulas(name):
        assert len(cell.value) <= 8192
        assert deepest(cell.value) <= 64


@pytest.mark.parametrize("sizes", [(25, 2, 9, 2), (10, 110, 22, 2), (2, 2, 58, 1), (15, 2, 16, 2)])
def test_the_formula_of_the_cell_in_focus_keeps_to_a_spreadsheets_limits(sizes):
    for _, sheet in steps(formulas(drawn(*sizes))):
        for cell in sheet[FORMULA_ROW]:
            if cell.data_type == "f":
                assert len(cell.value) <= 8192, (sheet.title, len(cell.value))
                assert deepest(cell.value) <= 64


@pytest.mark.parametrize(
    ("step", "first"),
    [
        (2, "=C13*C19+D13*C20+E13*C21+F13*C22+H19"),
        (3, "=1/(1+EXP(MIN(700,-L19)))"),
        (5, "=H13-P26"),
        (5, "=SUMSQ(H13-P26)/2"),
        (6, "=P26*(1-P26)"),
        (7, "=C32*H32"),
        (11, "=H26+SUM(L32:L34)*L13"),
    ],
)
def test_a_formula_of_the_article_is_as_a_student_would_type_it(step, first):
    sheet = formulas(example("article"))[f"Step {step}"]
    assert first in computing(sheet).values()


def test_short_products_are_spelled_out_and_long_ones_are_by_ranges():
    def ranged(name: str, step: int) -> set[bool]:
        found = computing(formulas(example(name))[f"Step {step}"]).values()
        return {bool(OVER_RANGES.search(formula)) for formula in found}

    assert ranged("article", 2) == ranged("article", 8) == ranged("article", 10) == {False}
    assert ranged("wide", 2) == ranged("fan", 8) == ranged("long", 10) == {True}
