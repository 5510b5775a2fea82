"""An expression is read in several ways, and all readings say the same.

Most tests here hold for *any* expression: `Builder` draws them, with axes that fit, broadcasting,
and denominators away from zero, and the readings are compared with one another. One reading is not
run: Excel's text of the least or largest number of each row or column (BYROW, BYCOL and LAMBDA) is
for Excel 365 alone.
"""

from __future__ import annotations

import ast
import random
import re
import subprocess
import warnings
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import ironcalc
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from openpyxl import Workbook, load_workbook

from cellprop.algebra import (
    ONE,
    OPERATIONS,
    SPELLED_OUT,
    TINY,
    Applied,
    Axis,
    Expression,
    Matrix,
    Number,
    activations,
    apply,
    compiled,
    concatenate,
    define,
    embed,
    evaluate,
    formulas,
    losses,
    one_hot,
    pad,
    reads,
    square,
    square_root,
    statement,
    sum_over_columns,
    sum_over_rows,
    text,
)
from cellprop.errors import CellpropError, ShapeError
from cellprop.faces.places import letter
from cellprop.verification import recalculate
from reference import close

# --- Drawing expressions ------------------------------------------------------------------


ELEMENTWISE = ("absolute", "square", "sigmoid", "tanh", "relu", "ones")
# Their texts hold the operand twice, and so with parentheses where one of the two needs none. The
# steps apply them to a matrix, which never has any.
TWICE = ("power", "leaky_relu", "softplus", "elu", "silu", "gelu", "gelu_slope", "softmax")
# They jump at 0, where readings may differ in the last place: what they apply to stays away from
# it, or is exact.
JUMPING = ("positive", "positive_or_leak")
# They are the whole of a definition, and their texts have the parentheses that need this.
WHOLE = ("linear", *losses())
RATIOS = ("ratio", "ratio_to_spread")
EITHER = ("minimum", "maximum")
WINDOWS = (
    "convolve", "convolve_back", "max_pool", "sum_pool", "largest_in_windows", "unpool",
)  # fmt: skip
MOVING = ("slice", "place", "pad", "join")
OVER_ROWS = ("sum_over_rows", "minimum_over_rows", "maximum_over_rows")
EXTREME = ("minimum_over_rows", "maximum_over_rows", "maximum_over_columns")
OVER_COLUMNS = ("sum_over_columns", "maximum_over_columns")


class Builder:
    """Draws expressions, and the values of the matrices in them, from a source of chance.

    A number for all rows and columns stands in wider expressions only as it is, never computed:
    R takes a computed one for a matrix of its own shape, and no step has any but those that count
    (`beta_1_power`), which stand by themselves.
    """

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.axes = [Axis.numbered(name, chance.randint(1, 3)) for name in ("a", "b", "c")]
        self.values: dict[str, np.ndarray] = {}
        self.leaves: list[Matrix] = []

    def expression(self, depth: int = 3) -> Expression:
        rows, columns = (self.chance.choice([ONE, *self.axes]) for _ in "rc")
        if rows is columns is ONE and self.chance.random() < 0.3:
            return apply("total", self.draw(*self.chance.sample(self.axes, 2), depth - 1))
        if self.chance.random() < 0.15 and not rows is columns is ONE:
            return self.whole(rows, columns, depth)
        return self.draw(rows, columns, depth)

    def whole(self, rows: Axis, columns: Axis, depth: int) -> Expression:
        """Return an operation that is only ever the whole of a definition."""
        way = self.chance.choice(WHOLE)
        if way == "linear":
            return apply(way, self.draw(rows, columns, depth))
        if way == "squared_error":
            return apply(way, *(self.draw(rows, columns, depth) for _ in range(2)))
        output: Expression = self.leaf(rows, columns, 0.05, 0.95)
        if self.chance.random() < 0.5:
            output = apply("sigmoid", self.leaf(rows, columns, -2, 2))
        return apply(way, self.leaf(rows, columns, 0, 1), output)

    def draw(self, rows: Axis, columns: Axis, depth: int) -> Expression:
        scalar = rows is ONE and columns is ONE
        ways = ["leaf"]
        if depth:
            ways = ["+", "-", "*", "/", *RATIOS, "@", ".T", "elementwise", "elementwise", "twice"]
            ways += [
                "either",
                "logarithm",
                "jumping",
                "square_root",
                "exponential",
                "equal",
                "compared",
                "moved",
                "moved",
                "looked up",
                "windowed",
            ]
        if depth and columns is ONE and not scalar:
            ways += ["decided"]
        if depth:
            ways += ["over rows"] * 2 * (rows is ONE) + ["over columns"] * 2 * (columns is ONE)
        way = self.chance.choice(ways)
        if way in ("+", "-", "*"):
            left, right = self.pair(rows, columns, depth)
            return {"+": left.__add__, "-": left.__sub__, "*": left.__mul__}[way](right)
        if way == "/":
            return self.draw(rows, columns, depth - 1) / self.positive(rows, columns, depth - 1)
        if way in RATIOS:
            above = self.draw(rows, columns, depth - 1)
            return apply(way, above, self.positive(rows, columns, depth - 1))
        if way == "elementwise":
            return apply(self.chance.choice(ELEMENTWISE), self.draw(rows, columns, depth - 1))
        if way == "twice":  # the largest of one row is a number for all
            twice = self.chance.choice(TWICE[:-1] if rows is ONE else TWICE)
            leaf = self.leaf(rows, columns, -2, 2)
            return leaf ** self.chance.randint(3, 5) if twice == "power" else apply(twice, leaf)
        if way == "moved" and not scalar:
            return self.moved(rows, columns, depth)
        if way == "windowed" and not (rows is ONE or columns is ONE):
            return self.windowed(rows, columns)
        if way == "looked up" and rows is not ONE:
            return self.looked_up(rows, columns)
        if way == "jumping":
            return apply(self.chance.choice(JUMPING), self.away_from_0(rows, columns, depth - 1))
        if way == "equal":
            return self.alike(rows, columns)
        if way == "compared":
            return self.compared(rows, columns)
        if way == "decided":
            return self.decided(rows)
        if way == "square_root":
            return square_root(self.positive(rows, columns, depth - 1))
        if way == "either":  # of exact numbers, so that none needs parentheses in one place of two
            kinds = [(rows, columns), (ONE, columns), (rows, ONE)]
            pair = [self.leaf(rows, columns, -2, 2), self.leaf(*self.chance.choice(kinds), -2, 2)]
            if rows is not ONE and columns is not ONE and self.chance.random() < 0.3:
                pair = [self.leaf(rows, ONE, -2, 2), self.leaf(ONE, columns, -2, 2)]
            self.chance.shuffle(pair)
            return apply(self.chance.choice(EITHER), *pair)
        if way == "logarithm":
            return apply(way, self.positive(rows, columns, depth - 1))
        if way == "exponential":
            positive = self.positive(rows, columns, depth - 1)
            leaf = self.leaf(rows, columns, -2, 2)
            return apply(way, self.chance.choice([leaf, 0 - positive]))
        if way == "@" and not scalar:
            middle = self.chance.choice(self.axes)
            left, right = (rows, middle), (middle, columns)
            return self.draw(*left, depth - 1) @ self.draw(*right, depth - 1)
        if way == ".T" and not scalar:
            return self.draw(columns, rows, depth - 1).T
        if way == "over rows" and not scalar:
            summed = self.draw(self.chance.choice(self.axes), columns, depth - 1)
            return apply(self.chance.choice(OVER_ROWS), summed)
        if way == "over columns" and not scalar:
            summed = self.draw(rows, self.chance.choice(self.axes), depth - 1)
            return apply(self.chance.choice(OVER_COLUMNS), summed)
        return self.leaf(rows, columns, -2, 2)

    def moved(self, rows: Axis, columns: Axis, depth: int) -> Expression:
        """Return lines picked out of more, put among zeros, or joined."""
        way = self.chance.choice(["slice", "slice", "place", "pad", "join"])
        if way == "slice":
            sides = [self.longer(axis) for axis in (rows, columns)]
            (longer, key), (wider, other) = sides
            return self.draw(longer, wider, depth - 1)[key, other]
        if way == "join":
            aside = rows is ONE or (columns is not ONE and self.chance.random() < 0.5)
            joined = columns if aside else rows
            sizes = [joined.size]
            while sizes[-1] > 1 and self.chance.random() < 0.8:
                sizes.append(self.chance.randint(1, sizes[-1] - 1))
                sizes[-2] -= sizes[-1]
            parts = [Axis.numbered(joined.name, size) for size in sizes]
            axes = [(rows, part) if aside else (part, columns) for part in parts]
            return concatenate(*(self.draw(*each, depth - 1) for each in axes), axis=int(aside))
        (short, before, after), (narrow, left, right) = map(self.shorter, (rows, columns))
        inner = self.draw(short, narrow, depth - 1)
        if not any((before, after, left, right)):  # nothing moves
            return inner
        if way == "pad":
            return pad(inner, (before, after), (left, right))
        like = self.leaf(rows, columns, -2, 2)
        step = self.chance.choice([1, -1])
        down, across = slice(before, rows.size - after), slice(left, columns.size - right)
        key = f"{before}:{rows.size - after}", f"{left}:{columns.size - right}"
        if step == -1 and like[down, across] is not like and rows is not ONE and not before:
            key = f"{rows.size - after - 1}::-1", key[1]
        return apply("place", inner, like, rows=key[0], columns=key[1])

    def looked_up(self, rows: Axis, columns: Axis) -> Expression:
        """Return rows of a table, or 1 at places, by whole numbers."""
        words = Axis.numbered("d", self.chance.randint(1, 4))
        indices = self.leaf(rows, ONE, 1, 1)
        count = columns.size if self.chance.random() < 0.5 else words.size
        drawn = [[float(self.chance.randint(1, count))] for _ in rows.labels]
        self.values[indices.name] = np.array(drawn)
        if count == columns.size and columns is not ONE:
            return one_hot(indices, count, columns.name)
        table = self.leaf(Axis.numbered("d", max(count, words.size)), columns, -2, 2)
        return embed(table, indices)

    def windowed(self, rows: Axis, columns: Axis) -> Expression:
        """Return what is computed of windows of exact numbers, or goes back to them."""
        way = self.chance.choice(WINDOWS)
        (down, height), (across, width) = ((self.chance.randint(1, 2), 2) for _ in "rc")
        told = {"down": down, "across": across}
        if "pool" in way or way == "largest_in_windows":
            told |= {"height": height, "width": width}
        else:
            told |= {"top": self.chance.randint(0, 1), "left": self.chance.randint(0, 1)}
        kernel = self.leaf(Axis.numbered("k", height), Axis.numbered("l", width), -2, 2)
        if way in ("convolve_back", "unpool"):  # of as many windows as lines would make
            like = self.leaf(*(Axis.numbered(a.name, a.size + 1) for a in (rows, columns)), -2, 2)
            forward = "convolve" if way == "convolve_back" else "sum_pool"
            between = apply(forward, like, *[kernel] * (way == "convolve_back"), **told)
            came = self.leaf(between.rows, between.columns, -2, 2)
            others = [kernel, like] if way == "convolve_back" else [like]
            if len(others) == 1 and self.chance.random() < 0.5:
                others = [apply("largest_in_windows", like, **told), like]
            return apply(way, came, *others, **told)[: rows.size, : columns.size]
        sides = zip((rows, columns), (down, across), ("top", "left"), strict=True)
        of = self.leaf(
            *(
                Axis.numbered(a.name, stride * (a.size - 1) + 2 - 2 * told.get(before, 0) + 1)
                for a, stride, before in sides
            ),
            -2,
            2,
        )  # of 2 lines, and one that is left over where windows go by two
        operands = [of, kernel] if way == "convolve" else [of]
        return apply(way, *operands, **told)[: rows.size, : columns.size]

    def longer(self, axis: Axis) -> tuple[Axis, int | slice]:
        """Return an axis of which a key picks the lines of another."""
        if axis is ONE:
            other = self.chance.choice([ONE, *self.axes])
            return other, self.chance.randrange(-other.size, other.size)
        step = self.chance.choice([1, 1, 2, 3, -1, -2])
        first = self.chance.randint(0, 2)
        last = first + abs(step) * (axis.size - 1)
        size = last + 1 + self.chance.randint(0, abs(step) - 1) + self.chance.randint(0, 1)
        key = slice(first, last + 1, step) if step > 0 else slice(last, first - 1, step)
        if key.stop == -1:
            key = slice(last, None, step)
        return Axis.numbered(axis.name, size), key

    def shorter(self, axis: Axis) -> tuple[Axis, int, int]:
        """Return an axis of fewer lines, and how many there are before and after them."""
        if axis is ONE:
            return ONE, 0, 0
        size = self.chance.randint(1, axis.size)
        before = self.chance.randint(0, axis.size - size)
        return Axis.numbered(axis.name, size), before, axis.size - size - before

    def alike(self, rows: Axis, columns: Axis) -> Expression:
        """Return where numbers are those they are compared with: exact ones, in all readings."""
        leaf = self.leaf(rows, columns, -2, 2)
        if rows is ONE or columns is ONE:  # the largest of one row is a number for all
            return apply("equal", leaf, self.leaf(rows, columns, -2, 2))
        return apply("equal", leaf, apply(self.chance.choice(EXTREME), leaf))

    def compared(self, rows: Axis, columns: Axis) -> Expression:
        """Return a choice by numbers that are exact, in all readings."""
        leaf = self.leaf(rows, columns, -2, 2)
        if self.chance.random() < 0.5:
            return apply(self.chance.choice(["at_least", "greater"]), leaf, Number(0.5))
        then, otherwise = (self.leaf(rows, columns, -2, 2) for _ in range(2))
        return apply("if_more", leaf, then, otherwise, least="0.25")

    def decided(self, rows: Axis) -> Expression:
        """Return what rows of exact numbers decide."""
        outputs = self.leaf(rows, Axis.numbered("d", self.chance.randint(2, 4)), 0.05, 2)
        if self.chance.random() < 0.5:
            return apply("largest_at", outputs)
        other = self.leaf(rows, outputs.columns, 0.05, 2)
        return apply("all_equal", outputs, self.chance.choice([outputs, other]))

    def away_from_0(self, rows: Axis, columns: Axis, depth: int) -> Expression:
        """Return an expression whose numbers stay away from 0 or are the same in all readings."""
        way = self.chance.choice(["leaf", "relu", "positive", "negative"])
        if way == "positive":
            return self.positive(rows, columns, depth)
        if way == "negative":
            return 0 - self.positive(rows, columns, depth)
        leaf = self.leaf(rows, columns, -2, 2)
        return apply("relu", leaf) if way == "relu" else leaf

    def pair(self, rows: Axis, columns: Axis, depth: int) -> tuple[Expression, Expression]:
        """Return operands that broadcast to the axes: alike, a row or column, or one number."""
        full = self.draw(rows, columns, depth - 1)
        narrower = [(rows, columns), (rows, columns), (ONE, columns), (rows, ONE)]
        shape = self.chance.choice(narrower)
        kind = self.chance.choice(["matrix", "matrix", "number", "scalar", "crossed"])
        if kind == "number":
            other: Expression = Number(float(self.chance.choice([0, 1, 2, 0.5])))
        elif kind == "scalar" or shape == (ONE, ONE):
            other = self.leaf(ONE, ONE, -2, 2)
        elif kind == "crossed" and rows is not ONE and columns is not ONE:
            full = self.draw(rows, ONE, depth - 1)
            other = self.draw(ONE, columns, depth - 1)
        else:
            other = self.draw(*shape, depth - 1)
        return (full, other) if self.chance.random() < 0.5 else (other, full)

    def positive(self, rows: Axis, columns: Axis, depth: int) -> Expression:
        """Return an expression whose numbers stay away from zero."""
        way = self.chance.choice(["leaf", "+", "*", "/", "square"] if depth > 0 else ["leaf"])
        if way == "square":
            return square(self.positive(rows, columns, depth - 1))
        if way != "leaf":
            left = self.positive(rows, columns, depth - 1)
            right = self.positive(rows, columns, depth - 1)
            return {"+": left.__add__, "*": left.__mul__, "/": left.__truediv__}[way](right)
        return self.leaf(rows, columns, 0.5, 2)

    def leaf(self, rows: Axis, columns: Axis, low: float, high: float) -> Matrix:
        matrix = Matrix(f"m_{len(self.leaves)}_", rows, columns)
        self.leaves.append(matrix)
        numbers = [
            [round(self.chance.uniform(low, high), 2) for _ in columns.labels] for _ in rows.labels
        ]
        self.values[matrix.name] = np.array(numbers)
        return matrix

    def value(self, expression: Expression) -> np.ndarray:
        result = Matrix("result", expression.rows, expression.columns, expression)
        return evaluate([*self.leaves, result], self.values)["result"]

    def size(self, expression: Expression) -> np.ndarray:
        """Return the largest number that can have passed, were there no cancellation.

        Rounding errors are relative to these numbers, not to the result.
        """
        if isinstance(expression, Matrix):
            return np.abs(self.values[expression.name])
        if isinstance(expression, Number):
            return np.array([[expression.value]])
        assert isinstance(expression, Applied)
        sizes = [self.size(operand) for operand in expression.operands]
        name = expression.operation.name
        if name == "product":
            return sizes[0] @ sizes[1]
        if name in ("add", "subtract"):
            return sizes[0] + sizes[1]
        if name == "squared_error":
            return (sizes[0] + sizes[1]) ** 2
        if name in ("binary_cross_entropy", "cross_entropy"):  # of outputs from 0.05 to 0.95
            return np.full_like(sizes[0], 10.0)
        if name == "exponential":  # of numbers up to 2
            return np.exp(2) * (1 + sizes[0])
        if name in ("divide", *RATIOS):  # a denominator is positive: nothing cancels in it
            return sizes[0] / sizes[1]
        if name in ("multiply", "scale"):
            return sizes[0] * sizes[1]
        if name in EITHER:
            return np.maximum(*sizes)
        if name in ("embed", "one_hot"):
            return np.full((expression.rows.size, expression.columns.size), 2.0)
        if name in WINDOWS:
            return np.full((expression.rows.size, expression.columns.size), 16.0)
        if name in MOVING:
            return expression.function(*sizes)
        if name == "if_more":
            return sizes[1] + sizes[2]
        return {
            "total": lambda x: x.sum(keepdims=True),
            "largest_at": lambda x: np.full((len(x), 1), float(x.shape[1])),
            "all_equal": lambda x: np.ones((len(x), 1)),
            "at_least": np.ones_like,
            "greater": np.ones_like,
            "power": lambda x: x ** expression.settings["exponent"],
            "transpose": np.transpose,
            "sum_over_rows": lambda x: x.sum(axis=0, keepdims=True),
            "minimum_over_rows": lambda x: x.max(axis=0, keepdims=True),
            "maximum_over_rows": lambda x: x.max(axis=0, keepdims=True),
            "sum_over_columns": lambda x: x.sum(axis=1, keepdims=True),
            "maximum_over_columns": lambda x: x.max(axis=1, keepdims=True),
            "square": np.square,
            "square_root": np.sqrt,
            "ones": np.ones_like,
            "equal": np.ones_like,
            "positive": np.ones_like,
            "positive_or_leak": np.ones_like,
        }.get(name, lambda x: 1 + x)(sizes[0])

    def agrees(self, found: Any, expression: Expression) -> bool:
        scale = float(self.size(expression).max())
        return close(found, self.value(expression), scale=scale, tolerance=1e-13)


# True chance draws many more expressions than one that shrinks.
chances = st.randoms(use_true_random=True)


def fixed_builders(count: int) -> Iterator[tuple[Builder, Expression]]:
    """Draw the same expressions on every run, for engines that are slow to start."""
    for seed in range(count):
        builder = Builder(random.Random(seed))
        yield builder, builder.expression()


# --- Parentheses --------------------------------------------------------------------------


def pairs(source: str) -> Iterator[tuple[int, int]]:
    """Yield where each pair of parentheses stands that is not a call's."""
    opened: list[int] = []
    for i, character in enumerate(source):
        if character == "(":
            opened.append(i)
        elif character == ")":
            start = opened.pop()
            if not re.search(r"\w$", source[:start]):
                yield start, i


def without(source: str, pair: tuple[int, int]) -> str:
    start, end = pair
    return f"{source[:start]}{source[start + 1 : end]}{source[end + 1 :]}"


def python_tree(source: str) -> str | None:
    try:
        return ast.dump(ast.parse(source, mode="eval"))
    except SyntaxError:
        return None


class ExcelTree:
    """How Excel reads a formula: a minus sign binds more than `^`, and `^` goes from the left."""

    TOKENS = re.compile(r"[A-Za-z_][\w.]*|[0-9.]+(?:E-[0-9]+)?|>=|[-+*/^(),:<>=]")

    def __init__(self, formula: str) -> None:
        self.tokens = [*self.TOKENS.findall(formula), "end"]
        self.tree = self.compared()
        assert self.tokens == ["end"], formula

    def take(self) -> str:
        return self.tokens.pop(0)

    def chain(self, operators: str, operand: Any) -> Any:
        tree = operand()
        while self.tokens[0] in operators:
            tree = (self.take(), tree, operand())
        return tree

    def compared(self) -> Any:
        return self.chain(">=<", self.plus)

    def plus(self) -> Any:
        return self.chain("+-", self.times)

    def times(self) -> Any:
        return self.chain("*/", self.power)

    def power(self) -> Any:
        return self.chain("^", self.unary)

    def unary(self) -> Any:
        if self.tokens[0] == "-":
            return (self.take(), self.unary())
        return self.chain(":", self.primary)

    def primary(self) -> Any:
        token = self.take()
        if token == "(":
            tree = self.compared()
            assert self.take() == ")"
            return tree
        if self.tokens[0] == "(":
            arguments = []
            while self.take() in "(,":
                arguments.append(self.compared())
                if self.tokens[0] == ")":
                    self.take()
                    break
            return (token, *arguments)
        return token


@settings(max_examples=500)
@given(chances)
def test_the_numpy_text_computes_the_value(chance):
    builder = Builder(chance)
    expression = builder.expression()
    found = eval(text(expression, "numpy"), {"np": np, **builder.values})
    assert builder.agrees(found, expression)


@given(chances)
def test_no_parentheses_of_the_numpy_text_can_be_left_out(chance):
    source = text(Builder(chance).expression(), "numpy")
    superfluous = [
        pair for pair in pairs(source) if python_tree(without(source, pair)) == python_tree(source)
    ]
    assert superfluous == []


def assert_no_superfluous_parentheses(formula: str) -> None:
    tree = ExcelTree(formula).tree
    superfluous = [p for p in pairs(formula) if ExcelTree(without(formula, p)).tree == tree]
    assert superfluous == [], formula


@given(chances)
def test_no_parentheses_of_the_excel_text_can_be_left_out(chance):
    expression = Builder(chance).expression()
    assert_no_superfluous_parentheses(text(expression, "excel"))


def leaves(expression: Expression) -> Iterator[Matrix]:
    if isinstance(expression, Matrix):
        yield expression
    elif isinstance(expression, Applied):
        yield from chain.from_iterable(map(leaves, expression.operands))


@pytest.mark.parametrize("scattered", [False, True])
@given(chances)
def test_no_parentheses_of_the_cell_formulas_can_be_left_out(scattered, chance):
    builder = Builder(chance)
    expression = builder.expression()
    # Beside zeros or others a cell has the parentheses that one of them needs.
    assume(not {"place", "pad", "join", *WINDOWS} & set(operations(expression)))
    for formula in chain.from_iterable(cell_formulas(builder, expression, scattered)[1]):
        assert_no_superfluous_parentheses(formula)


def test_the_readers_of_parentheses_see_superfluous_ones():
    assert python_tree("a * (b * c)") != python_tree("a * b * c")
    assert python_tree("(a * b) * c") == python_tree("a * b * c")
    assert ExcelTree("(-A1)^2").tree == ExcelTree("-A1^2").tree
    assert ExcelTree("-(A1^2)").tree != ExcelTree("-A1^2").tree
    assert ExcelTree("IF((A1+B1)>0,1E-30,0)").tree == ExcelTree("IF(A1+B1>0,1E-30,0)").tree
    assert ExcelTree("(A1>0)*1").tree != ExcelTree("A1>0*1").tree
    assert list(pairs("(a + f(b)) * c")) == [(0, 9)]


R_STRIP = """
strip <- function(e) {
  if (!is.call(e)) return(e)
  if (identical(e[[1]], as.name("("))) return(strip(e[[2]]))
  as.call(lapply(as.list(e), strip))
}
tree <- function(source) strip(tryCatch(parse(text = source)[[1]], error = function(e) NULL))
"""


def test_the_r_text_computes_the_value_and_has_no_superfluous_parentheses(rscript, tmp_path):
    drawn = list(fixed_builders(400))
    lines = ["options(warn = 2, digits = 17)", R_STRIP]
    for i, (builder, expression) in enumerate(drawn):
        source = text(expression, "r")
        lines += [f"{leaf.name} <- {in_r(leaf, builder)}" for leaf in builder.leaves]
        lines.append(f"result <- as.matrix({source})")
        lines.append(f'cat("value", {i}, dim(result), sprintf("%.17g", t(result)), "\\n")')
        for pair in pairs(source):
            if source[: pair[0]].endswith("function"):
                continue
            lines.append(
                f"if (identical(tree('{source}'), tree('{without(source, pair)}')))"
                f' cat("superfluous", {i}, "\\n")'
            )
    printed = run_r(rscript, tmp_path, lines)
    assert [line for line in printed if line.startswith("superfluous")] == []
    values = [line.split()[1:] for line in printed if line.startswith("value")]
    assert len(values) == len(drawn)
    for i, rows, columns, *numbers in values:
        found = np.array(numbers, float).reshape(int(rows), int(columns))
        builder, expression = drawn[int(i)]
        assert builder.agrees(found, expression), text(expression, "r")


def in_r(leaf: Matrix, builder: Builder) -> str:
    """Return a leaf in R: one number for all is a plain number there, not a 1 × 1 matrix."""
    numbers = ", ".join(map(repr, builder.values[leaf.name].ravel().tolist()))
    return numbers if leaf.is_scalar else f"matrix(c({numbers}), {leaf.rows.size}, byrow = TRUE)"


def run_r(rscript: str, folder: Path, lines: list[str]) -> list[str]:
    script = folder / "script.R"
    script.write_text("\n".join(lines), encoding="utf-8")
    command = [rscript, "--vanilla", str(script)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


# --- Cell formulas, in a spreadsheet engine -----------------------------------------------


class Sheet:
    """Where leaves stand on one sheet: side by side, a column apart, from row 1."""

    def __init__(self, leaves: list[Matrix]) -> None:
        self.first: dict[Matrix, int] = {}
        self.column = 1
        for leaf in leaves:
            self.first[leaf] = self.column
            self.column += leaf.columns.size + 1

    def addresses(self, matrix: Matrix) -> list[list[str]]:
        start = self.first[matrix]
        return [
            [f"{letter(start + j)}{i + 1}" for j in range(matrix.columns.size)]
            for i in range(matrix.rows.size)
        ]

    def cell_of(self, address: str) -> tuple[Matrix, int, int]:
        """Return which cell of which leaf an address is, counted from 0."""
        letters, digits = re.fullmatch(r"([A-Z]+)(\d+)", address).groups()
        column = ironcalc.column_number_from_name(letters)
        leaf = max((m for m in self.first if self.first[m] <= column), key=self.first.get)
        place = int(digits) - 1, column - self.first[leaf]
        assert place[0] < leaf.rows.size, address
        assert place[1] < leaf.columns.size, address
        return leaf, *place

    def numbers(self, values: dict[str, np.ndarray]) -> Iterator[tuple[int, int, float]]:
        """Yield the row, column and number of each cell of a leaf."""
        for leaf in self.first:
            for address, number in zip(
                chain.from_iterable(self.addresses(leaf)), values[leaf.name].ravel(), strict=True
            ):
                letters, digits = re.fullmatch(r"([A-Z]+)(\d+)", address).groups()
                yield int(digits), ironcalc.column_number_from_name(letters), float(number)

    def calculate(self, values: dict[str, np.ndarray], cells: list[list[str]]) -> np.ndarray:
        """Return what IronCalc makes of formulas that stand beside the leaves."""
        model = ironcalc.create("test", "en", "UTC", "en")
        for row, column, number in self.numbers(values):
            model.update_cell_with_number(0, row, column, number)
        for i, row in enumerate(cells):
            for j, formula in enumerate(row):
                model.update_cell_with_formula(0, i + 1, self.column + j, f"={formula}")
        model.evaluate()
        found = [
            [model.get_cell_value(0, i + 1, self.column + j) for j in range(len(row))]
            for i, row in enumerate(cells)
        ]
        assert all(isinstance(value, (int, float)) for row in found for value in row), found
        return np.array(found, float)


class Scattered(Sheet):
    """Where leaves stand whose cells are dealt out: every cell in a row of its own, by chance."""

    def __init__(self, leaves: list[Matrix], chance: random.Random) -> None:
        super().__init__(leaves)
        cells = [(m, i, j) for m in leaves for i, j in np.ndindex(m.shape)]
        rows = chance.sample(range(1, 3 * len(cells) + 1), len(cells))
        self.places = {
            cell: f"{letter(chance.randint(1, self.column - 1))}{row}"
            for cell, row in zip(cells, rows, strict=True)
        }
        self.cells = {address: cell for cell, address in self.places.items()}

    def addresses(self, matrix: Matrix) -> list[list[str]]:
        rows, columns = matrix.shape
        return [[self.places[matrix, i, j] for j in range(columns)] for i in range(rows)]

    def cell_of(self, address: str) -> tuple[Matrix, int, int]:
        return self.cells[address]


def cell_formulas(
    builder: Builder, expression: Expression, scattered: bool
) -> tuple[Sheet, list[list[str]]]:
    """Return a sheet and the formulas of all cells of an expression."""
    leaves = builder.leaves
    sheet = Scattered(leaves, builder.chance) if scattered else Sheet(leaves)
    return sheet, formulas(expression, sheet.addresses, scattered=scattered)


@pytest.mark.parametrize("scattered", [False, True])
@settings(max_examples=500)
@given(chances)
def test_cell_formulas_compute_the_value_in_a_spreadsheet(scattered, chance):
    builder = Builder(chance)
    expression = builder.expression()
    sheet, cells = cell_formulas(builder, expression, scattered)
    found = sheet.calculate(builder.values, cells)
    full = np.broadcast_to(found, (expression.rows.size, expression.columns.size))
    assert builder.agrees(full, expression)


@given(chances)
def test_formulas_of_scattered_cells_have_no_ranges(chance):
    builder = Builder(chance)
    _, cells = cell_formulas(builder, builder.expression(), scattered=True)
    assert not [formula for formula in chain.from_iterable(cells) if ":" in formula]


def mentioned(formula: str, sheet: Sheet) -> set[tuple[Matrix, int, int]]:
    """Return the cells that a formula mentions, one by one or in a range."""
    cells = set()
    for first, last in re.findall(r"\b([A-Z]+\d+)(?::([A-Z]+\d+))?\b", formula):
        leaf, top, left = sheet.cell_of(first)
        end, bottom, right = sheet.cell_of(last or first)
        assert leaf is end, formula
        cells |= {(leaf, i, j) for i in range(top, bottom + 1) for j in range(left, right + 1)}
    return cells


def read(expression: Expression, row: int, column: int) -> set[tuple[Matrix, int, int]]:
    """Return the cells that `reads` says the cell at (row, column) reads."""
    cells = set()
    for matrix, patterns in reads(expression).items():
        for pattern in patterns:
            chosen = [
                span.of(row, column, axis.size)
                for span, axis in zip(pattern, (matrix.rows, matrix.columns), strict=True)
            ]
            cells |= {(matrix, i, j) for i in chosen[0] for j in chosen[1]}
    return cells


@pytest.mark.parametrize("scattered", [False, True])
@given(chances)
def test_what_a_cell_reads_is_what_its_formula_mentions(scattered, chance):
    builder = Builder(chance)
    expression = builder.expression()
    sheet, cells = cell_formulas(builder, expression, scattered)
    for i, row in enumerate(cells):
        for j, formula in enumerate(row):
            assert read(expression, i, j) == mentioned(formula, sheet), formula


def long_operands(terms: int) -> dict[str, Matrix]:
    few, many, some = Axis.numbered("a", 2), Axis.numbered("k", terms), Axis.numbered("b", 3)
    return {
        "A": Matrix("A", few, many),
        "B": Matrix("B", many, few),
        "C": Matrix("C", many, some),
        "D": Matrix("D", some, many),
    }


LONG = {
    "A @ C": "SUM(MMULT(",
    "A @ D.T": "SUMPRODUCT(",
    "B.T @ C": "SUMPRODUCT(",
    "B.T @ D.T": "SUM(MMULT(",
}


@pytest.mark.parametrize("product", LONG)
def test_a_long_product_is_a_sum_over_ranges_and_right(product):
    operands = long_operands(SPELLED_OUT + 1)
    expression = eval(product, dict(operands))
    sheet = Sheet(list(operands.values()))
    chance = np.random.default_rng(1)
    values = {name: chance.normal(size=matrix.shape) for name, matrix in operands.items()}
    cells = formulas(expression, sheet.addresses)
    assert all(formula.startswith(LONG[product]) for row in cells for formula in row)
    assert close(sheet.calculate(values, cells), eval(product, dict(values)))
    for i, row in enumerate(cells):
        for j, formula in enumerate(row):
            assert read(expression, i, j) == mentioned(formula, sheet)


BLANK = {
    "A @ C": "SUMPRODUCT(MMULT(A1:I1,K1:K9+0))",
    "A @ D.T": "SUMPRODUCT(A1:I1,K1:S1)",
    "B.T @ C": "SUMPRODUCT(A1:A9,D1:D9)",
    "B.T @ D.T": "SUMPRODUCT(MMULT(D1:L1+0,A1:A9))",
}


@pytest.mark.parametrize("product", LONG)
def test_a_long_product_takes_cells_that_may_be_cleared_for_0(product):
    operands = long_operands(SPELLED_OUT + 1)
    expression = eval(product, dict(operands))
    sheet = Sheet([operands[name] for name in product if name in operands])
    chance = np.random.default_rng(1)
    values = {name: chance.normal(size=matrix.shape) for name, matrix in operands.items()}
    cells = formulas(expression, sheet.addresses, may_be_blank=("C", "D"))
    assert cells[0][0] == BLANK[product]
    assert close(sheet.calculate(values, cells), eval(product, dict(values)))


@pytest.mark.parametrize("product", LONG)
def test_a_short_product_is_spelled_out(product):
    operands = long_operands(SPELLED_OUT)
    cells = formulas(eval(product, dict(operands)), Sheet(list(operands.values())).addresses)
    assert {formula.count("*") for row in cells for formula in row} == {SPELLED_OUT}
    assert not any("(" in formula for row in cells for formula in row)


def test_a_long_product_of_computed_matrices_is_spelled_out_and_right():
    operands = long_operands(SPELLED_OUT + 1)
    expression = square(operands["A"]) @ operands["C"]
    sheet = Sheet(list(operands.values()))
    values = {name: np.full(matrix.shape, 0.5) for name, matrix in operands.items()}
    found = sheet.calculate(values, formulas(expression, sheet.addresses))
    assert close(found, np.square(values["A"]) @ values["C"])


# --- Values -------------------------------------------------------------------------------


@given(chances)
def test_compiled_gives_what_evaluate_gives(chance):
    builder = Builder(chance)
    first = define("first", builder.expression())
    drawn = builder.draw(first.rows, first.columns, 2)
    second = define("second", first + drawn * (1 - first))
    values = evaluate([*builder.leaves, first, second], builder.values)
    run = compiled([second, first], builder.leaves)
    found = run([builder.values[leaf.name] for leaf in builder.leaves])
    everything = first.definition + drawn * (Number(1) + first.definition)
    scale = float(builder.size(everything).max())
    assert close(found[0], values["second"], scale=scale)
    assert close(found[1], values["first"], scale=scale)


def test_compiled_does_not_take_a_difference_for_its_opposite():
    axis = Axis.numbered("a", 1)
    a, b = Matrix("a", axis, axis), Matrix("b", axis, axis)
    there, back = define("there", a - b), define("back", b - a)
    found = compiled([there, back, there], [a, b])([np.array([[5.0]]), np.array([[2.0]])])
    assert [value.item() for value in found] == [3, -3, 3]


def test_compiled_computes_only_what_is_wanted():
    axis = Axis.numbered("a", 1)
    wanted, unwanted = Matrix("wanted", axis, axis), Matrix("unwanted", axis, axis)
    result = define("result", wanted + 1)
    define("never", unwanted / 0)
    (found,) = compiled([result], [wanted])([np.array([[2.0]])])
    assert found.item() == 3


def test_compiled_takes_a_given_matrix_as_it_is_given_however_it_is_defined():
    axis = Axis.numbered("a", 1)
    a = Matrix("a", axis, axis)
    twice = define("twice", a * 2)
    (found,) = compiled([define("result", twice + 1)], [twice])([np.array([[5.0]])])
    assert found.item() == 6


# --- Extremes -----------------------------------------------------------------------------

FOUR = Axis.numbered("four", 4)
EXTREMES = (750.0, 1e4, 1e50)
SATURATING = (*activations(), "gelu_slope")
# Outputs that have saturated, or are on the way there, and their targets.
SATURATED = np.array([[0.0, 1.0, 1e-320, 1 - 1e-12]])
TARGETS = (
    np.array([[0.0, 0.0, 0.0, 0.0]]),
    np.array([[1.0, 1, 1, 1]]),
    np.array([[0.5, 0.25] * 2]),
)


def extremes() -> Iterator[tuple[Expression, dict[Matrix, np.ndarray]]]:
    """Yield expressions, and values at which careless ones overflow or take the logarithm of 0."""
    x, y, output = (Matrix(name, ONE, FOUR) for name in ("x", "y", "output"))
    for large in EXTREMES:
        for name in SATURATING:
            yield apply(name, x), {x: np.array([[-large, large, 0.0, -1.0]])}
        yield apply("softmax", x), {x: np.full((1, 4), -large)}
        yield apply("logarithm", x), {x: np.array([[-large, large, 0.0, 1e-320]])}
    for targets in TARGETS:
        for name in losses():
            yield apply(name, y, output), {y: targets, output: SATURATED}
        yield apply("ratio", y, output), {y: targets, output: SATURATED}
        yield apply("ratio", y - output, output * (1 - output)), {y: targets, output: SATURATED}


def valued(expression: Expression, values: dict[Matrix, np.ndarray]) -> np.ndarray:
    result = define("result", expression)
    return evaluate([*values, result], {m.name: array for m, array in values.items()})["result"]


def test_at_extremes_values_are_finite_and_nothing_warns():
    for expression, values in extremes():
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            found = valued(expression, values)
            (fast,) = compiled([define("result", expression)], list(values))(list(values.values()))
        assert np.isfinite(found).all(), text(expression, "numpy")
        assert fast.tolist() == found.tolist()


def test_at_extremes_activations_are_what_they_should_be():
    x = Matrix("x", ONE, FOUR)
    for large in EXTREMES:
        at = {x: np.array([[-large, large, 0.0, -1.0]])}
        assert valued(apply("tanh", x), at).tolist() == [[-1, 1, 0, np.tanh(-1)]]
        assert valued(apply("relu", x), at).tolist() == [[0, large, 0, 0]]
        assert valued(apply("leaky_relu", x), at).tolist() == [[-0.01 * large, large, 0, -0.01]]
        for name, below in (("softplus", 0), ("elu", -1), ("silu", 0), ("gelu", 0)):
            found = valued(apply(name, x), at)[0]
            assert found[:2] == pytest.approx([below, large], abs=1e-200), name
            assert found[2] == (np.log(2) if name == "softplus" else 0)
        assert valued(apply("gelu_slope", x), at)[0, :3].tolist() == [0, 1, 0.5]
        assert valued(apply("softmax", x), at).tolist() == [[0, 1, 0, 0]]
        assert valued(apply("softmax", x), {x: np.full((1, 4), -large)}).tolist() == [[0.25] * 4]


def test_a_loss_of_a_wrong_and_certain_output_is_large_but_finite():
    y, output = (Matrix(name, ONE, ONE) for name in ("y", "output"))
    for name, target, certain in (
        ("cross_entropy", 1.0, 0.0),
        ("binary_cross_entropy", 1.0, 0.0),
        ("binary_cross_entropy", 0.0, 1.0),
    ):
        at = {y: np.array([[target]]), output: np.array([[certain]])}
        assert valued(apply(name, y, output), at).item() == pytest.approx(460)


def test_the_root_of_what_rounding_left_a_little_below_0_is_0():
    x = Matrix("x", ONE, Axis.numbered("two", 2))
    values = np.array([[-1e-17, 4.0]])
    assert valued(square_root(x), {x: values}).tolist() == [[0, 2]]
    sheet = Sheet([x])
    found = sheet.calculate({"x": values}, formulas(square_root(x), sheet.addresses))
    assert found.tolist() == [[0, 2]]


@pytest.mark.parametrize("scattered", [False, True])
def test_at_extremes_cell_formulas_give_the_value_without_an_error(scattered):
    for expression, values in extremes():
        sheet = Scattered(list(values), random.Random(1)) if scattered else Sheet(list(values))
        cells = formulas(expression, sheet.addresses, scattered=scattered)
        found = sheet.calculate({m.name: array for m, array in values.items()}, cells)
        assert same(found, valued(expression, values)), (text(expression, "numpy"), found)


def same(found: np.ndarray, expected: np.ndarray) -> bool:
    """Whether numbers agree each by itself; those below a double's full precision may be 0."""
    return np.allclose(found, expected, rtol=1e-12, atol=1e-300)


@pytest.mark.slow
def test_at_extremes_libreoffice_shows_no_error_either(libreoffice, tmp_path):
    book = Workbook()
    for i, (expression, values) in enumerate(extremes()):
        sheet, page = Sheet(list(values)), book.create_sheet(f"{i}")
        for row, column, number in sheet.numbers({m.name: a for m, a in values.items()}):
            page.cell(row, column, number)
        for j, formula in enumerate(formulas(expression, sheet.addresses)[0]):
            page.cell(1, sheet.column + j, f"={formula}")
    book.save(tmp_path / "extremes.xlsx")
    done = load_workbook(
        recalculate(tmp_path / "extremes.xlsx", tmp_path / "recalculated"), data_only=True
    )
    for i, (expression, values) in enumerate(extremes()):
        expected = valued(expression, values)
        start = Sheet(list(values)).column
        found = [done[f"{i}"].cell(1, start + j).value for j in range(expected.size)]
        assert all(isinstance(number, (int, float)) for number in found), (expression, found)
        assert same(np.array([found], float), expected), (text(expression, "numpy"), found)


@pytest.mark.parametrize("large", EXTREMES)
def test_the_sigmoid_saturates_without_overflow_or_warning(large):
    axis = Axis.numbered("a", 2)
    x = Matrix("x", ONE, axis)
    s = define("s", apply("sigmoid", x))
    given_x = {"x": np.array([[-large, large]])}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        values = evaluate([x, s], given_x)["s"]
        (fast,) = compiled([s], [x])([given_x["x"]])
    assert values.tolist() == fast.tolist()
    assert 0 <= values[0, 0] < 1e-300
    assert values[0, 1] == 1


@pytest.mark.parametrize("large", EXTREMES)
def test_the_sigmoids_formula_saturates_without_an_error(large):
    x = Matrix("x", ONE, Axis.numbered("a", 2))
    sheet = Sheet([x])
    cells = formulas(apply("sigmoid", x), sheet.addresses)
    found = sheet.calculate({"x": np.array([[-large, large]])}, cells)
    assert 0 <= found[0, 0] < 1e-300
    assert found[0, 1] == 1


def test_a_constant_of_an_expression_is_not_negative():
    with pytest.raises(ValueError, match="not negative"):
        Number(-1.0)


# Numbers that take 16 or 17 digits, and those at either end.
CONSTANTS = (
    1 / 3, 2 / 3, 0.1 + 0.2, np.pi, 1e22 / 7, 0.01 / 3, 1e-300 / 3, 2.0**53, 5e-324, 1.7e308 / 1.3,
    np.float64(0.7) / 3,
)  # fmt: skip
a_constant = st.sampled_from(CONSTANTS) | st.floats(0, 1e300) | st.integers(0, 2**60).map(float)


@given(a_constant)
def test_a_constant_reads_back_as_the_same_number_in_every_notation(number):
    for notation in ("maths", "numpy", "r", "excel"):
        assert float(text(Number(number), notation)) == number
    ((cell,),) = formulas(Number(number), lambda _: [[]])
    assert float(cell) == number


@pytest.mark.parametrize("number", CONSTANTS)
def test_an_engine_computes_with_all_digits_of_a_constant(number):
    x = Matrix("x", ONE, Axis.numbered("a", 2))
    values = {"x": np.array([[0.75, 0.0]])}
    for made in (x * number, number - x, x + number, number * (1 - x), (x + 1) / (number + 1)):
        found = Sheet([x]).calculate(values, formulas(made, Sheet([x]).addresses))
        assert found.tolist() == evaluate([x, define("made", made)], values)["made"].tolist()


def test_short_constants_stay_as_one_types_them():
    shown = [text(Number(number), "excel") for number in (1, 2.0, 0.01, 0.5, 700.0, 12)]
    assert shown == ["1", "2", "0.01", "0.5", "700", "12"]


def operations(expression: Expression) -> Iterator[str]:
    """Yield the names of the operations of an expression."""
    if isinstance(expression, Applied):
        yield expression.operation.name
        for operand in expression.operands:
            yield from operations(operand)


def test_every_operation_of_the_table_is_drawn():
    drawn = {name for _, expression in fixed_builders(400) for name in operations(expression)}
    assert drawn == set(OPERATIONS)


# --- Shapes -------------------------------------------------------------------------------


def matrix(name: str, rows: tuple[str, int], columns: tuple[str, int]) -> Matrix:
    return Matrix(name, Axis.numbered(*rows), Axis.numbered(*columns))


X = matrix("X", ("samples", 3), ("inputs", 5))
WH = matrix("wh", ("inputs", 4), ("hidden", 2))
Y = matrix("y", ("samples", 3), ("outputs", 2))
MISFITS = {
    "a product": (lambda: X @ WH, "`X` has 5 inputs, `wh` expects 4."),
    "a product of other axes": (
        lambda: X @ Y,
        "`X` has 5 inputs where `y` has 3 samples.",
    ),
    "a sum of other columns": (
        lambda: Y + matrix("output", ("samples", 3), ("outputs", 1)),
        "`y` has 2 outputs, `output` expects 1.",
    ),
    "a sum of other rows": (
        lambda: Y - matrix("output", ("samples", 4), ("outputs", 2)),
        "`y` has 3 samples, `output` expects 4.",
    ),
    "an expression": (
        lambda: (X + X) @ WH,
        "`X + X` has 5 inputs, `wh` expects 4.",
    ),
}


@pytest.mark.parametrize("what", MISFITS)
def test_a_misfit_names_the_matrices_and_their_axes(what):
    compute, message = MISFITS[what]
    with pytest.raises(ShapeError) as caught:
        compute()
    assert str(caught.value) == message
    assert isinstance(caught.value, CellpropError)


def test_axes_travel_through_operations():
    W = matrix("W", ("inputs", 5), ("hidden", 2))
    assert [axis.name for axis in ((X @ W).rows, (X @ W).columns)] == ["samples", "hidden"]
    assert [axis.name for axis in (X.T.rows, X.T.columns)] == ["inputs", "samples"]
    assert sum_over_rows(X).rows is ONE
    assert sum_over_rows(X).columns is X.columns
    assert define("twice", X + X).shape == (3, 5)


def test_axes_of_one_name_but_another_size_do_not_fit():
    assert Axis.numbered("a", 2).fits(Axis("a", ("x", "y")))
    assert not Axis.numbered("a", 2).fits(Axis.numbered("a", 3))
    assert not Axis.numbered("a", 2).fits(Axis.numbered("b", 2))


# --- Texts --------------------------------------------------------------------------------


def test_a_statement_is_written_as_one_would_type_it():
    samples, outputs = Axis.numbered("samples", 3), Axis.numbered("outputs", 1)
    y, output = Matrix("y", samples, outputs), Matrix("output", samples, outputs, symbol="O")
    E = define("E", y - output)
    written = {notation: statement(E, notation) for notation in ("maths", "numpy", "r", "excel")}
    assert written == {
        "maths": "E = y − O",
        "numpy": "E = y - output",
        "r": "E <- y - output",
        "excel": "=y-output",
    }


TWO = Axis.numbered("two", 2)
a, b, c = (Matrix(name, ONE, TWO) for name in "abc")
m = Matrix("m", TWO, TWO)

# Where two operators meet: in NumPy, R, whole-matrix Excel, and the first cell with a in A1 and
# B1, b in D1 and E1, c in G1 and H1, m in J1 to K2.
MEETING = [
    (a - (b - c), "a - (b - c)", "a - (b - c)", "a-(b-c)", "A1-(D1-G1)"),
    ((a - b) - c, "a - b - c", "a - b - c", "a-b-c", "A1-D1-G1"),
    (a / (b / c), "a / (b / c)", "a / (b / c)", "a/(b/c)", "A1/(D1/G1)"),
    ((a + b) * c, "(a + b) * c", "(a + b) * c", "(a+b)*c", "(A1+D1)*G1"),
    (a + b * c, "a + b * c", "a + b * c", "a+b*c", "A1+D1*G1"),
    (1 - a * b, "1 - a * b", "1 - a * b", "1-a*b", "1-A1*D1"),
    (square(a - b), "(a - b) ** 2", "(a - b)^2", "(a-b)^2", "SUMSQ(A1-D1)"),
    (square(square(a)), "(a ** 2) ** 2", "(a^2)^2", "a^2^2", "SUMSQ(SUMSQ(A1))"),
    (
        apply("sigmoid", square(a)),
        "1 / (1 + np.exp(-a ** 2))",
        "1 / (1 + exp(-a^2))",
        "1/(1+EXP(-(a^2)))",
        "1/(1+EXP(MIN(700,-SUMSQ(A1))))",
    ),
    (
        apply("sigmoid", a + b),
        "1 / (1 + np.exp(-(a + b)))",
        "1 / (1 + exp(-(a + b)))",
        "1/(1+EXP(-(a+b)))",
        "1/(1+EXP(MIN(700,-(A1+D1))))",
    ),
    (a * b @ m, "a * b @ m", "(a * b) %*% m", "MMULT(a*b,m)", "A1*D1*J1+B1*E1*J2"),
    (a * (b @ m), "a * (b @ m)", "a * b %*% m", "a*MMULT(b,m)", "A1*(D1*J1+E1*J2)"),
    (a @ (m / m), "a @ (m / m)", "a %*% (m / m)", "MMULT(a,m/m)", "A1*(J1/J1)+B1*(J2/J2)"),
    (a @ m.T, "a @ m.T", "a %*% t(m)", "MMULT(a,TRANSPOSE(m))", "A1*J1+B1*K1"),
    ((m + m).T, "(m + m).T", "t(m + m)", "TRANSPOSE(m+m)", "J1+J1"),
    (a + m, "a + m", 'sweep(m, 2, a, function(b, a) a + b)', "a+m", "A1+J1"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("expression", "numpy", "r", "excel", "cell"), MEETING, ids=[row[1] for row in MEETING]
)
def test_where_operators_meet_parentheses_stand_when_they_are_needed(
    expression, numpy, r, excel, cell
):
    assert [text(expression, notation) for notation in ("numpy", "r", "excel")] == [numpy, r, excel]
    assert formulas(expression, Sheet([a, b, c, m]).addresses)[0][0] == cell


def test_a_sum_over_rows_adds_ranges_or_what_is_computed():
    sheet = Sheet([m])
    assert formulas(sum_over_rows(m), sheet.addresses) == [["SUM(A1:A2)", "SUM(B1:B2)"]]
    assert formulas(sum_over_rows(m.T), sheet.addresses) == [["SUM(A1:B1)", "SUM(A2:B2)"]]
    computed = formulas(sum_over_rows(m - m), sheet.addresses)
    assert computed == [["A1-A1+(A2-A2)", "B1-B1+(B2-B2)"]]
    assert formulas(square(sum_over_rows(a + a)), Sheet([a]).addresses)[0][0] == "SUMSQ(A1+A1)"


def test_extremes_and_sums_over_columns_take_ranges_or_what_is_computed():
    sheet = Sheet([m])
    rows = {"minimum_over_rows": "MIN", "maximum_over_rows": "MAX"}
    for name, function in rows.items():
        expected = [[f"{function}(A1:A2)", f"{function}(B1:B2)"]]
        assert formulas(apply(name, m), sheet.addresses) == expected
        computed = formulas(apply(name, m - m), sheet.addresses)
        assert computed == [[f"{function}(A1-A1,A2-A2)", f"{function}(B1-B1,B2-B2)"]]
        listed = formulas(apply(name, m), sheet.addresses, scattered=True)
        assert listed == [[f"{function}(A1,A2)", f"{function}(B1,B2)"]]
    assert formulas(apply("maximum_over_columns", m), sheet.addresses) == [
        ["MAX(A1:B1)"], ["MAX(A2:B2)"]
    ]  # fmt: skip
    assert formulas(sum_over_columns(m), sheet.addresses) == [["SUM(A1:B1)"], ["SUM(A2:B2)"]]
    assert formulas(sum_over_columns(m), sheet.addresses, scattered=True) == [["A1+B1"], ["A2+B2"]]
    one = Matrix("one", TWO, ONE)
    assert formulas(apply("minimum_over_rows", one.T), Sheet([one]).addresses) == [
        ["MIN(A1:A1)", "MIN(A2:A2)"]
    ]  # fmt: skip
    assert formulas(apply("minimum_over_rows", one.T + 1), Sheet([one]).addresses) == [
        ["A1+1", "A2+1"]
    ]  # fmt: skip


def test_a_long_product_of_scattered_cells_is_spelled_out():
    operands = long_operands(SPELLED_OUT + 1)
    sheet = Scattered(list(operands.values()), random.Random(3))
    product = operands["A"] @ operands["C"]
    cells = formulas(product, sheet.addresses, scattered=True)
    assert {formula.count("*") for row in cells for formula in row} == {SPELLED_OUT + 1}
    values = {name: np.full(matrix.shape, 0.5) for name, matrix in operands.items()}
    assert close(sheet.calculate(values, cells), values["A"] @ values["C"])


# What stands for 0 in a cell, where 0 would be an error.
FLOOR = f"EXP({np.log(TINY):.0f})"
# How each is written for a matrix, and for its cell A1 (n has D1).
WRITTEN = {
    "tanh": ("np.tanh(m)", "tanh(m)", "TANH(m)", "TANH(A1)"),
    "relu": ("np.maximum(m, 0)", "pmax(m, 0)", "IF(m>0,m,0)", "MAX(0,A1)"),
    "leaky_relu": (
        "np.maximum(m, 0.01 * m)",
        "pmax(m, 0.01 * m)",
        "IF(m>0,m,0.01*m)",
        "MAX(A1,0.01*A1)",
    ),
    "linear": ("m", "m", "m", "A1"),
    "softplus": (
        "np.logaddexp(0, m)",
        "pmax(m, 0) + log(1 + exp(-abs(m)))",
        "IF(m>0,m,0)+LN(1+EXP(-ABS(m)))",
        "MAX(0,A1)+LN(1+EXP(-ABS(A1)))",
    ),
    "elu": (
        "np.maximum(m, np.exp(np.minimum(m, 0)) - 1)",
        "pmax(m, exp(pmin(m, 0)) - 1)",
        "IF(m>0,m,EXP(m)-1)",
        "MAX(A1,EXP(MIN(0,A1))-1)",
    ),
    "silu": (
        "m / (1 + np.exp(-m))",
        "m / (1 + exp(-m))",
        "m/(1+EXP(-m))",
        "MAX(-600,A1)/(1+EXP(-MAX(-600,A1)))",
    ),
    "gelu": (
        "0.5 * m * (1 + np.tanh(0.797884560802865 * m * (1 + 0.044715 * m ** 2)))",
        "0.5 * m * (1 + tanh(0.797884560802865 * m * (1 + 0.044715 * m^2)))",
        "0.5*m*(1+TANH(0.797884560802865*m*(1+0.044715*m^2)))",
        "0.5*A1*(1+TANH(0.797884560802865*A1*(1+0.044715*SUMSQ(MIN(10,ABS(A1))))))",
    ),
    "positive": ("np.where(m > 0, 1.0, 0.0)", "ifelse(m > 0, 1, 0)", "IF(m>0,1,0)", "IF(A1>0,1,0)"),
    "ones": ("np.ones_like(m)", "0 * m + 1", "0*m+1", "1"),
    "square_root": ("np.sqrt(m)", "sqrt(m)", "SQRT(m)", "SQRT(MAX(0,A1))"),
    "maximum_over_columns": (
        "m.max(axis=1, keepdims=True)",
        "cbind(apply(m, 1, max))",
        "BYROW(m,LAMBDA(line,MAX(line)))",
        "MAX(A1:B1)",
    ),
    "minimum_over_rows": (
        "m.min(axis=0, keepdims=True)",
        "rbind(apply(m, 2, min))",
        "BYCOL(m,LAMBDA(line,MIN(line)))",
        "MIN(A1:A2)",
    ),
    "sum_over_columns": (
        "m.sum(axis=1, keepdims=True)",
        "cbind(rowSums(m))",
        "MMULT(m,TRANSPOSE(COLUMN(m)^0))",
        "SUM(A1:B1)",
    ),
    "logarithm": ("np.log(m)", "log(m)", "LN(m)", "LN(MAX(EXP(-460),A1))"),
    "maximum": ("np.maximum(m, n)", "pmax(m, n)", "IF(m>n,m,n)", "MAX(A1,D1)"),
    "minimum": ("np.minimum(m, n)", "pmin(m, n)", "IF(m<n,m,n)", "MIN(A1,D1)"),
    "ratio": ("m / n", "m / n", "m/n", "A1/MAX(EXP(-460),D1)"),
    "ratio_to_spread": ("m / n", "m / n", "m/n", "A1/MAX(EXP(-69),D1)"),
    "cross_entropy": ("-m * np.log(n)", "-m * log(n)", "-m*LN(n)", "-A1*LN(MAX(EXP(-460),D1))"),
    "binary_cross_entropy": (
        "-m * np.log(n) - (1 - m) * np.log(1 - n)",
        "-m * log(n) - (1 - m) * log(1 - n)",
        "-m*LN(n)-(1-m)*LN(1-n)",
        "-(A1*LN(MAX(EXP(-460),D1))+(1-A1)*LN(MAX(EXP(-460),1-D1)))",
    ),
    "softmax": (
        "np.exp(m - m.max(axis=1, keepdims=True))"
        " / np.exp(m - m.max(axis=1, keepdims=True)).sum(axis=1, keepdims=True)",
        'sweep(exp(sweep(m, 1, cbind(apply(m, 1, max)), "-")), 1,'
        ' cbind(rowSums(exp(sweep(m, 1, cbind(apply(m, 1, max)), "-")))), "/")',
        "EXP(m-BYROW(m,LAMBDA(line,MAX(line))))"
        "/MMULT(EXP(m-BYROW(m,LAMBDA(line,MAX(line)))),TRANSPOSE(COLUMN(m)^0))",
        "EXP(A1-MAX(A1,B1))/(EXP(A1-MAX(A1,B1))+EXP(B1-MAX(A1,B1)))",
    ),
}


@pytest.mark.parametrize("name", WRITTEN)
def test_an_operation_is_written_as_one_would_type_it(name):
    n = Matrix("n", TWO, TWO)
    operands = (m, n) if name in (*RATIOS, *EITHER, *losses()) else (m,)
    expression = apply(name, *operands)
    found = [text(expression, notation) for notation in ("numpy", "r", "excel")]
    assert (*found, formulas(expression, Sheet([m, n]).addresses)[0][0]) == WRITTEN[name]


def test_the_formula_of_a_cell_is_the_one_of_the_design():
    w = matrix("w", ("inputs", 2), ("hidden", 2))
    x, b = matrix("x", ("samples", 1), ("inputs", 2)), Matrix("b", ONE, w.columns)
    sheet = Sheet([x, w, b])
    assert formulas(x @ w + b, sheet.addresses) == [["A1*D1+B1*D2+G1", "A1*E1+B1*E2+H1"]]
