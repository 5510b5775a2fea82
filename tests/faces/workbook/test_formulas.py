"""The formulas: portable, short enough to read, and what they are meant to be."""

from __future__ import annotations

import re

import pytest
from openpyxl.formula.tokenizer import Token

import reading
from conftest import slow, slow_but
from reading import FIRST_NOTATION, FORMULA_ROW, computing, drawn, example, formulas, steps, tokens

ALL = pytest.mark.parametrize("name", [*reading.NETWORKS, slow("many")])

OPERATORS = set("+-*/^=<>") | {"<=", ">=", "<>"}
ONE_BY_ONE = {"EXP", "LN", "TANH", "SQRT", "MAX", "MIN", "IF", "ABS", "SUM", "SUMSQ", "SUMXMY2"}
A_RANGE = r"[A-Z]+\d+:[A-Z]+\d+"
OVER_RANGES = re.compile(rf"SUMPRODUCT\({A_RANGE},{A_RANGE}\)|SUM\(MMULT\({A_RANGE},{A_RANGE}\)\)")
# Functions of any number of numbers, which a range may stand for.
OF_A_RANGE = re.compile(rf"(SUM|MAX|MIN)\(('Step \d+(\.\d+)?'!)?{A_RANGE}\)")


def all_formulas(name: str):
    """The cells with formulas on the contents and the steps' sheets."""
    book = formulas(example(name))
    return [
        cell
        for sheet in (book["Contents"], *(sheet for _, sheet in steps(book)))
        for row in sheet.iter_rows()
        for cell in row
        if cell.data_type == "f"
    ]


def is_header(cell) -> bool:
    return cell.parent.title != "Contents" and FIRST_NOTATION <= cell.row <= FORMULA_ROW


@ALL
def test_formulas_use_only_what_every_spreadsheet_has(name):
    for cell in all_formulas(name):
        header = is_header(cell)
        functions = {"IF", "AND", "INT", "CHOOSE", "CHAR"} if header else ONE_BY_ONE
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
def test_only_a_sum_or_an_extreme_takes_a_range(name):
    """A function of one number applied to a range is an error in some spreadsheets."""
    for cell in all_formulas(name):
        if not is_header(cell):
            rest = OF_A_RANGE.sub("1", OVER_RANGES.sub("1", cell.value))
            assert ":" not in rest, cell.value


@ALL
def test_a_text_in_a_formula_is_no_longer_than_a_spreadsheet_allows(name):
    for cell in filter(is_header, all_formulas(name)):
        for token in tokens(cell.value):
            if token.type == Token.OPERAND and token.subtype == Token.TEXT:
                assert len(token.value[1:-1].replace('""', '"')) <= 255, cell.value


@ALL
def test_formulas_show_a_formula_only_in_the_header(name):
    showing = [cell for cell in all_formulas(name) if '"=' in cell.value]
    assert showing
    assert all(is_header(cell) for cell in showing)


@ALL
def test_formulas_keep_to_a_spreadsheets_limits(name):
    for cell in all_formulas(name):
        assert len(cell.value) <= 8192
        assert reading.deepest(cell.value) <= 64


@pytest.mark.parametrize(
    "sizes",
    slow_but([(15, 3, 16, 2)], [(25, 3, 9, 2), (10, 110, 22, 2), (2, 3, 58, 1), (15, 3, 16, 2)]),
)
def test_the_formula_of_the_cell_in_focus_keeps_to_a_spreadsheets_limits(sizes):
    for _, sheet in steps(formulas(drawn(*sizes))):
        for cell in sheet[FORMULA_ROW]:
            if cell.data_type == "f":
                assert len(cell.value) <= 8192, (sheet.title, len(cell.value))
                assert reading.deepest(cell.value) <= 64


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


@pytest.mark.parametrize(
    ("name", "step", "first"),
    [
        ("deep", "3.1", "=MAX(0,O21)"),
        ("deep", "3.2", "=TANH(O29)"),
        ("deep", "3.3", "=MAX(O37,0.01*O37)"),
        ("deep", "4", "=EXP(O45-MAX(O45:R45))"),
        ("deep", "4", "=SUM(C53:F53)"),
        ("deep", "4", "=C53/I53"),
        slow("shallow", "4", "=K24"),
        ("momentum", "10", "=K23*K35+K24*K36+K25*K37+C19*C47"),
        slow("standard", "0", "=SUM(C13:C17)/5"),
        slow("minmax", "0", "=MIN(C13:C17)"),
    ],
)
def test_a_formula_of_another_network_is_as_a_student_would_type_it(name, step, first):
    found = computing(formulas(example(name))[f"Step {step}"]).values()
    assert first in found


def test_short_products_are_spelled_out_and_long_ones_are_by_ranges():
    def ranged(name: str, step: str) -> set[bool]:
        found = computing(formulas(example(name))[f"Step {step}"]).values()
        return {bool(OVER_RANGES.search(formula)) for formula in found}

    assert ranged("article", "2") == ranged("article", "8") == ranged("article", "10") == {False}
    assert ranged("wide", "2") == ranged("fan", "8") == ranged("long", "10") == {True}
    assert ranged("deep", "2.2") == ranged("deep", "8.1") == ranged("deep", "10") == {False}
