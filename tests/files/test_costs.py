"""A workbook of any size is let pass if no text is made of texts that formulas make."""

from __future__ import annotations

import pytest

from cellprop.errors import InputError
from cellprop.files.costs import Tally

# Two numbers, one computed; texts made of them, and a number read from elsewhere.
HARMLESS = {
    ("A", 9, 1): "B9*2",
    ("A", 9, 2): "A!D9+1",
    ("A", 4, 1): '"is "&TEXT(INDEX($A$9:$ZZ$9,$A$3),"0.00")',
    ("A", 3, 2): '"row "&A3',
    ("B", 9, 1): "A!A9",
    # Shows one of the texts, which nothing reads.
    ("A", 2, 1): "IF(A3=1,A4,B3)",
}


def finished(formulas: dict[tuple[str, int, int], str]) -> None:
    tally = Tally("book.xlsx", {})
    tally.MOST_KEPT = 2
    for (sheet, row, column), text in formulas.items():
        tally.add(sheet, row, column, text)
    tally.finish({(sheet, f"{chr(64 + column)}{row}") for sheet, row, column in formulas})


def test_texts_made_of_numbers_that_formulas_compute_are_let_pass():
    finished(HARMLESS)


@pytest.mark.parametrize(
    "more",
    [
        {("A", 5, 1): "A4&A4"},
        {("A", 5, 1): 'CONCAT("x",$A$1:$C$6)'},
        {("B", 5, 1): "A!A4", ("B", 6, 1): "A5&A5"},
        {("A", 4, 1): "A4&A4"},
        {("A", 4, 2): "A!A2&1"},
        {("B", 5, 1): "A!A2", ("B", 6, 1): "IF(1,$A$5,0)", ("B", 7, 1): "A6&1"},
        {("B", 5, 1): "SUM(A!A:A)", ("B", 6, 1): "A5&A5"},
        {("B", 5, 1): "A!1:5&1"},
    ],
)
def test_a_text_that_may_be_made_of_texts_is_refused_where_there_are_too_many_formulas(more):
    with pytest.raises(InputError, match="where one joins texts that formulas compute, as A!A4"):
        finished(HARMLESS | more)
