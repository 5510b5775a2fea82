"""The maths text in pieces: joined by names it is the text, and shapes stand below their names."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given
from test_algebra import Builder, chances

import cellprop
from cellprop import Network
from cellprop.algebra import (
    CALL,
    ONE,
    OPERATIONS,
    Applied,
    Axis,
    Expression,
    Form,
    Matrix,
    Mention,
    apply,
    define,
    elementwise,
    named,
    pieces,
    text,
    with_shapes,
)
from cellprop.algebra.notation import as_parts

ROWS, COLUMNS = Axis.numbered("rows", 3), Axis.numbered("columns", 2)


def without_symbols(expression: Expression) -> Expression:
    """Return an expression whose matrices have no symbol."""
    if isinstance(expression, Matrix):
        return Matrix(expression.name, expression.rows, expression.columns)
    if isinstance(expression, Applied):
        return expression.of(*map(without_symbols, expression.operands))
    return expression


def joined(found) -> str:
    return "".join(piece if isinstance(piece, str) else piece.text for piece in found)


def symbolic(rows=ROWS, columns=COLUMNS, name="m") -> Matrix:
    return Matrix(name, rows, columns, symbol="never shown")


def update() -> Matrix:
    hidden, outputs = Axis.numbered("hidden", 3), Axis.numbered("outputs", 1)
    samples = Axis.numbered("samples", 4)
    wout, lr = Matrix("wout", hidden, outputs, symbol="W"), Matrix("lr", ONE, ONE, symbol="η")
    H, D = Matrix("H_of_all", samples, hidden, symbol="H"), Matrix("D", samples, outputs)
    return define("wout_new", wout + H.T @ D * lr, "W′")


def test_texts_and_matrices_take_turns():
    assert update().definition is not None
    found = pieces(update().definition)
    shown = [piece if isinstance(piece, str) else (piece.text, piece.transposed) for piece in found]
    assert shown == [
        "", ("wout", False), " + ", ("H_of_allᵀ", True), " · ", ("D", False), " × ",
        ("lr", False), "",
    ]  # fmt: skip


def test_the_line_and_the_shapes_below_its_names():
    assert named(update()) == "wout_new = wout + H_of_allᵀ · D × lr"
    assert with_shapes(update()) == (
        "wout_new = wout  + H_of_allᵀ · D     × lr",
        "3 × 1      3 × 1   3 × 4       4 × 1   1 ",
    )


# Their last operand is a column of indices.
INDEXED = ("embed", "one_hot")
SINGLE = Axis.numbered("single", 1)


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("inner", [lambda m: m, lambda m: m - 1, lambda m: m.T.T])
def test_every_operation_has_pieces(name, inner):
    square = Axis.numbered("rows", 3)
    row = OPERATIONS[name]
    count = next(n for n in (1, 2, 3) if fits(row, n, square))
    operands = [inner(symbolic(square, square, f"m{i}")) for i in range(count)]
    if name in INDEXED:
        operands[-1] = inner(symbolic(square, ONE, "index"))
    if name == "convolve_back":
        operands[1] = inner(symbolic(SINGLE, SINGLE, "kernel"))
    expression = apply(row, *operands, **told(name))
    assert joined(pieces(expression)) == text(without_symbols(expression), "maths")


def told(name):
    """The settings with which an operation takes matrices of one shape."""
    return dict.fromkeys(("height", "width", "down", "across"), 1) if name == "unpool" else {}


def fits(row, count, axis) -> bool:
    """Whether an operation takes so many operands."""
    operands = [Matrix(f"m{i}", axis, axis) for i in range(count)]
    if row.name in INDEXED:
        operands[-1] = Matrix("index", axis, ONE)
    if row.name == "convolve_back" and count > 1:  # as many windows as numbers
        operands[1] = Matrix("kernel", SINGLE, SINGLE)
    try:
        text(apply(row, *operands, **told(row.name)), "maths")
    except (IndexError, TypeError, ValueError):
        return False
    return True


@given(chances)
def test_joined_they_are_the_text_by_names(chance):
    expression = Builder(chance).expression()
    assert joined(pieces(expression)) == text(expression, "maths")


@given(chances)
def test_every_matrix_is_mentioned_that_the_text_names(chance):
    expression = Builder(chance).expression()
    texts = "".join(piece for piece in pieces(expression) if isinstance(piece, str))
    assert "m_" not in texts


@pytest.mark.parametrize("seed", range(20))
def test_shapes_stand_below_the_names(seed):
    matrix = define("found", Builder(random.Random(seed)).expression())
    above, below = with_shapes(matrix)
    assert len(above) == len(below)
    assert "".join(above.split()) == "".join(named(matrix).split())
    at = 0
    for mention in [Mention(matrix), *(p for p in pieces(matrix.definition) if type(p) is Mention)]:
        at = above.index(mention.text, at)
        assert below[at:].startswith(mention.shape_text)
        at += len(mention.text)


def test_a_transposed_expression_keeps_its_sign_in_the_text():
    a, b = symbolic(name="a"), symbolic(name="b")
    found = pieces(apply("transpose", apply("transpose", a - b)))
    assert joined(found) == "(a − b)ᵀᵀ"
    assert not any(piece.transposed for piece in found if isinstance(piece, Mention))
    (_, mention, rest) = pieces(apply("transpose", apply("transpose", a)))
    assert mention == Mention(a, transposed=True)
    assert (mention.shape, rest) == ((2, 3), "ᵀ")


def test_settings_and_braces_are_text():
    row = elementwise(
        "odd",
        lambda x, kind: x,
        maths=Form("{{{0}}}_{kind}", CALL, (0,)),
        numpy=Form("odd({0})", CALL, (0,)),
        excel=Form("{0}", CALL, (CALL,)),
        settings={"kind": "{0}"},
    )
    assert joined(pieces(apply(row, symbolic()))) == "{m}_{0}"


def test_an_operation_may_be_written_by_its_parts():
    row = replace(OPERATIONS["softmax"], name="spelled", maths=as_parts("maths"))
    expression = apply(row, symbolic())
    assert joined(pieces(expression)) == text(without_symbols(expression), "maths")
    assert sum(isinstance(piece, Mention) for piece in pieces(expression)) == 4


def test_one_number_for_all_has_the_shape_1():
    one, single = Axis.numbered("samples", 1), Matrix("s", ONE, ONE)
    assert Mention(single).shape_text == "1"
    assert Mention(Matrix("m", one, one)).shape_text == "1 × 1"


def test_so_it_is_for_every_line_of_a_network():
    network = Network([2, 3, 2, 3], loss="cross_entropy")
    X, y = [[0.1, 0.2], [0.3, 0.5]], [[0, 1, 0], [1, 0, 0]]
    trace = cellprop.trace(network, X, y, optimizer="adam", scale="standard", average=True)
    for name in trace.names:
        matrix = trace.matrix(name)
        if matrix.definition is not None:
            by_name = without_symbols(matrix.definition)
            assert named(matrix) == f"{name} = {text(by_name, 'maths')}"
