"""The formulas: portable, short enough to read, and what they are meant to be."""

from __future__ import annotations

import re

import pytest
from openpyxl.formula.tokenizer import Token

import reading
from conftest import slow_but, slow_case
from reading import (
    FIRST_LANE,
    FIRST_NOTATION,
    FORMULA_ROW,
    computing,
    drawn,
    example,
    formulas,
    steps,
    tokens,
)

ALL = pytest.mark.parametrize("name", [*reading.NETWORKS, slow_case("many")])
BOTH = pytest.mark.parametrize("layout", ["flip-book", "close-up"])

OPERATORS = set("+-*/^=<>") | {"<=", ">=", "<>"}
ONE_BY_ONE = {"EXP", "LN", "TANH", "SQRT", "MAX", "MIN", "IF", "ABS", "SUM", "SUMSQ", "SUMXMY2"}
A_RANGE = r"[A-Z]+\d+:[A-Z]+\d+"
OVER_RANGES = re.compile(rf"SUMPRODUCT\({A_RANGE},{A_RANGE}\)|SUM\(MMULT\({A_RANGE},{A_RANGE}\)\)")
# Functions of any number of numbers, which a range may stand for.
TEXTS = {"IF", "CHAR"}
CALCULATION = TEXTS | {"AND", "INT", "INDEX", "CHOOSE", "TEXT", "ROUND", "SUBSTITUTE", "MID", "ABS",
                       "SIGN", "MAX", "LOG10", "EXP"}  # fmt: skip
OF_A_RANGE = re.compile(rf"(SUM|MAX|MIN)\(('Step \d+(\.\d+)?'!)?{A_RANGE}\)")


def all_formulas(name: str, layout: str):
    """The cells with formulas on the contents and the steps' sheets."""
    book = formulas(example(name), layout)
    return [
        cell
        for sheet in (book["Contents"], *(sheet for _, sheet in steps(book)))
        for row in sheet.iter_rows()
        for cell in row
        if cell.data_type == "f"
    ]


def is_header(cell) -> bool:
    return cell.parent.title != "Contents" and cell.row < FIRST_LANE


@ALL
@BOTH
def test_formulas_use_only_what_every_spreadsheet_has(name, layout):
    for cell in all_formulas(name, layout):
        header = is_header(cell)
        functions = ONE_BY_ONE
        if header:
            functions = CALCULATION if cell.row == FORMULA_ROW else TEXTS
        operators = OPERATORS | {"&"} if header else OPERATORS
        operands = {Token.NUMBER, Token.RANGE} | ({Token.TEXT} if header else set())
        for token in tokens(OVER_RANGES.sub("1", cell.value)):
            if token.type == Token.FUNC and token.subtype == Token.OPEN:
                assert token.value.rstrip("(") in functions, cell.value
            elif token.type in (Token.OP_IN, Token.OP_PRE):
                assert token.value in operators, cell.value
            elif token.type == Token.OPERAND:
                assert token.subtype in operands, cell.value
            else:
                assert token.type in (Token.FUNC, Token.SEP, Token.PAREN), cell.value


@ALL
@BOTH
def test_only_a_sum_or_an_extreme_takes_a_range(name, layout):
    """A function of one number applied to a range is an error in some spreadsheets."""
    for cell in all_formulas(name, layout):
        if not is_header(cell):
            rest = OF_A_RANGE.sub("1", OVER_RANGES.sub("1", cell.value))
            assert ":" not in rest, cell.value


@ALL
@BOTH
def test_a_text_in_a_formula_is_no_longer_than_a_spreadsheet_allows(name, layout):
    for cell in filter(is_header, all_formulas(name, layout)):
        for token in tokens(cell.value):
            if token.type == Token.OPERAND and token.subtype == Token.TEXT:
                assert len(token.value[1:-1].replace('""', '"')) <= 255, cell.value


@ALL
@BOTH
def test_formulas_show_a_formula_only_in_the_header(name, layout):
    showing = [cell for cell in all_formulas(name, layout) if '"=' in cell.value]
    assert showing
    assert all(is_header(cell) for cell in showing)


@ALL
@BOTH
def test_formulas_keep_to_a_spreadsheets_limits(name, layout):
    for cell in all_formulas(name, layout):
        assert len(cell.value) <= 8192
        assert reading.deepest(cell.value) <= 64


@pytest.mark.parametrize(
    "sizes",
    slow_but([(15, 3, 16, 2)], [(25, 3, 9, 2), (10, 110, 22, 2), (2, 3, 58, 1), (15, 3, 16, 2)]),
)
@BOTH
def test_what_is_said_of_the_cell_in_focus_keeps_to_a_spreadsheets_limits(sizes, layout):
    for _, sheet in steps(formulas(drawn(*sizes), layout)):
        for cell in (*sheet[FIRST_NOTATION], *sheet[FORMULA_ROW]):
            if cell.data_type == "f":
                assert len(cell.value) <= 8192, (sheet.title, len(cell.value))
                assert reading.deepest(cell.value) <= 64


@pytest.mark.parametrize(
    ("step", "first"),
    [
        (2, "=C7*C13+D7*C14+E7*C15+F7*C16+H13"),
        (3, "=1/(1+EXP(MIN(700,-L13)))"),
        (5, "=H7-P20"),
        (5, "=SUMSQ(H7-P20)/2"),
        (6, "=P20*(1-P20)"),
        (7, "=C26*H26"),
        (11, "=H20+SUM(L26:L28)*L7"),
    ],
)
def test_a_formula_of_the_article_is_as_a_student_would_type_it(step, first):
    sheet = formulas(example("article"), "flip-book")[f"Step {step}"]
    assert first in computing(sheet).values()


@pytest.mark.parametrize(
    ("name", "step", "first"),
    [
        ("deep", "3.1", "=MAX(0,O15)"),
        ("deep", "3.2", "=TANH(O23)"),
        ("deep", "3.3", "=MAX(O31,0.01*O31)"),
        ("deep", "4", "=EXP(O39-MAX(O39:R39))"),
        ("deep", "4", "=SUM(C47:F47)"),
        ("deep", "4", "=C47/I47"),
        slow_case("shallow", "4", "=K18"),
        ("momentum", "10", "=K17*K29+K18*K30+K19*K31+C13*C41"),
        slow_case("standard", "0", "=SUM(C7:C11)/5"),
        slow_case("minmax", "0", "=MIN(C7:C11)"),
    ],
)
def test_a_formula_of_another_network_is_as_a_student_would_type_it(name, step, first):
    found = computing(formulas(example(name), "flip-book")[f"Step {step}"]).values()
    assert first in found


def test_short_products_are_spelled_out_and_long_ones_are_by_ranges():
    def ranged(name: str, step: str) -> set[bool]:
        found = computing(formulas(example(name), "flip-book")[f"Step {step}"]).values()
        return {bool(OVER_RANGES.search(formula)) for formula in found}

    assert ranged("article", "2") == ranged("article", "8") == ranged("article", "10") == {False}
    assert ranged("wide", "2") == ranged("fan", "8") == ranged("long", "10") == {True}
    assert ranged("deep", "2.2") == ranged("deep", "8.1") == ranged("deep", "10") == {False}
