"""Comparisons in a formula, put so that an engine makes them which takes small numbers for 0.

IronCalc takes two numbers for equal that are less than 2.2E-16 apart, however small they are: to it
1E-17 is not above 0. Excel and LibreOffice compare a number's leading digits. Divided by the larger
of the two, they compare alike everywhere; what is to match exactly has a difference without a sign.

Knows the text of formulas; knows nothing of engines, sheets or files.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cellprop.verification.values import shows_formula, shows_numbers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from openpyxl.formula.tokenizer import Token

COMPARISONS = ("=", "<>", "<", ">", "<=", ">=")
# Each side is written several times; comparisons of comparisons would grow without end.
LONGEST = 2000
# The smallest number there is, so that nothing is divided by 0.
SMALLEST = "5E-324"


def restated(formula: str) -> str:
    """Return a formula with its comparisons of numbers, and its exact matches, restated.

    It stays as it is if it has none, or is a text: of formulas, or with rounded numbers in it.

    >>> restated("=IF(A1>0,1,0.01)")
    '=IF((A1)/MAX(ABS(A1),ABS(0),5E-324)>(0)/MAX(ABS(A1),ABS(0),5E-324),1,0.01)'
    >>> restated('=IF(A1="x",MAX(0,B1),2)')
    '=IF(A1="x",MAX(0,B1),2)'
    """
    if shows_formula(formula) or shows_numbers(formula) or not _may_compare(formula):
        return formula
    from openpyxl.formula.tokenizer import Tokenizer, TokenizerError

    try:
        parser = _Parser(Tokenizer(formula).items)
        written = parser.expression()
    except (TokenizerError, IndexError, RecursionError):  # no formula that an engine can read
        return formula
    return f"={written}" if parser.at_end else formula


def _may_compare(formula: str) -> bool:
    return "MATCH(" in formula or any(sign in formula[1:] for sign in "<>=")


class _Parser:
    """Reads the tokens of a formula from left to right and writes it anew."""

    def __init__(self, tokens: Sequence[Token]) -> None:
        self.tokens, self.position = tokens, 0

    @property
    def at_end(self) -> bool:
        """Whether everything is read."""
        return self.position == len(self.tokens)

    def expression(self) -> str:
        """Return the text before the next comma or closing bracket, restated, and go there."""
        from openpyxl.formula.tokenizer import Token

        sides, signs, of_numbers = [""], [], True
        while not self.at_end:
            token = self.tokens[self.position]
            if token.type == Token.SEP or token.subtype == Token.CLOSE:
                break
            if token.subtype == Token.OPEN:
                sides[-1] += self.call()
                continue
            if token.type == Token.OP_IN and token.value in COMPARISONS:
                signs.append(token.value)
                sides.append("")
            else:
                of_numbers &= token.subtype not in (Token.TEXT, Token.LOGICAL)
                sides[-1] += token.value
            self.position += 1
        if len(signs) == 1 and of_numbers and max(map(len, sides)) <= LONGEST:
            largest = f"MAX(ABS({sides[0]}),ABS({sides[1]}),{SMALLEST})"
            sides = [f"({side})/{largest}" for side in sides]
        return "".join(map("".join, zip(sides, [*signs, ""], strict=True)))

    def call(self) -> str:
        """Return a function with its arguments, or anything else in brackets, and go behind it."""
        from openpyxl.formula.tokenizer import Token

        first, self.position = self.tokens[self.position], self.position + 1
        arguments, between, begins = [], [], []
        while True:
            begins.append(self.position)
            arguments.append(self.expression())
            last, self.position = self.tokens[self.position], self.position + 1
            if last.subtype == Token.CLOSE:
                break
            between.append(last.value)
        if first.value == "MATCH(" and arguments[2:] == ["0"]:
            wanted, cells = arguments[:2]
            token = self.tokens[begins[1]]
            if token.value == cells and token.subtype == Token.RANGE:
                arguments[:2] = "0", f"SIGN(({cells})-({wanted}))"
        written = map("".join, zip(arguments, [*between, ""], strict=True))
        return f"{first.value}{''.join(written)}{last.value}"
