"""Operations are told things beside their operands, of which they have any number."""

from __future__ import annotations

from dataclasses import replace

import ironcalc
import numpy as np
import pytest

from cellprop.algebra import (
    ALL,
    CALL,
    COLUMN,
    ONE,
    OPERATIONS,
    PLUS,
    ROW,
    TIMES,
    Axis,
    Form,
    Matrix,
    Operation,
    apply,
    compiled,
    define,
    derive,
    elementwise,
    evaluate,
    formulas,
    in_parts,
    reads,
    statement,
    sum_over_columns,
    text,
    value,
)
from cellprop.algebra import axes as axes_of
from cellprop.algebra import cells as cells_of
from cellprop.algebra.ranges import range_of
from cellprop.errors import CellpropError

ROWS, COLUMNS = Axis.numbered("rows", 2), Axis.numbered("columns", 3)
a, b, c = (Matrix(name, ROWS, COLUMNS) for name in "abc")
AT = {
    "a": np.array([[-2.0, 0.5, 3.0], [1.0, -4.0, -0.25]]),
    "b": np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]),
    "c": np.array([[-1.0, -2.0, -3.0], [0.5, 0.25, 0.125]]),
}
PLACES = {"a": "ABC", "b": "EFG", "c": "IJK"}


def addresses(matrix):
    return [[f"{letter}{i + 1}" for letter in PLACES[matrix.name]] for i in range(2)]


def recalculated(expression):
    """Return what a spreadsheet makes of an expression's formulas."""
    model = ironcalc.create("test", "en", "UTC", "en")
    for name, numbers in AT.items():
        for j, letter in enumerate(PLACES[name]):
            column = ironcalc.column_number_from_name(letter)
            for i, number in enumerate(numbers[:, j].tolist(), 1):
                model.update_cell_with_number(0, i, column, number)
    texts = formulas(expression, addresses)
    cells = [(i, j) for i, row in enumerate(texts) for j in range(len(row))]
    for i, j in cells:
        model.update_cell_with_formula(0, i + 1, j + 20, f"={texts[i][j]}")
    model.evaluate()
    found = np.zeros((len(texts), len(texts[0])))
    for i, j in cells:
        found[i, j] = model.get_cell_value(0, i + 1, j + 20)
    return found.tolist()


# --- Settings -----------------------------------------------------------------------------

LEAKY = {leak: apply("leaky_relu", a, leak=leak) for leak in (0.01, 0.25)}


def test_without_settings_an_operation_is_as_usual():
    assert dict(apply("leaky_relu", a).settings) == {"leak": 0.01}
    assert text(apply("leaky_relu", a), "numpy") == "np.maximum(a, 0.01 * a)"


def test_a_setting_reaches_the_value():
    assert value(LEAKY[0.25], AT).tolist() == [[-0.5, 0.5, 3.0], [1.0, -1.0, -0.0625]]


def test_a_setting_reaches_the_texts_and_the_cells():
    found = [text(LEAKY[0.25], notation) for notation in ("maths", "numpy", "r", "excel")]
    assert found == [
        "max(0.25 a, a)", "np.maximum(a, 0.25 * a)", "pmax(a, 0.25 * a)", "IF(a>0,a,0.25*a)",
    ]  # fmt: skip
    assert formulas(LEAKY[0.25], addresses)[1][2] == "MAX(C2,0.25*C2)"


def test_a_setting_reaches_the_derivative_and_what_it_is_made_of():
    output = define("output", LEAKY[0.25])
    loss = define("loss", apply("squared_error", b, output))
    backward = derive(loss, {"output": ("E", "E")}, {"output": ("slope", "S")})
    assert statement(backward.slopes["output"], "numpy") == (
        "slope = np.where(output > 0, 1.0, 0.25)"
    )
    assert text(backward.wanted["a"], "numpy") == "E * slope"


def test_a_setting_reaches_the_range():
    assert range_of(LEAKY[0.25], {"a": (-8.0, 3.0)}) == (-2.0, 3.0)


def test_operations_that_are_set_otherwise_are_not_taken_for_the_same():
    results = [define(f"result_{i}", each) for i, each in enumerate(LEAKY.values())]
    expected = evaluate([a, *results], AT)
    for result, found in zip(results, compiled(results, [a])([AT["a"]]), strict=True):
        assert found.tolist() == expected[result.name].tolist()


def test_the_same_operation_of_other_operands_stays_set():
    assert text(LEAKY[0.25].of(b), "numpy") == "np.maximum(b, 0.25 * b)"
    assert in_parts(LEAKY[0.25].operation, b, lambda *_: b).settings == {"leak": 0.01}


def test_a_setting_that_is_not_there_is_named_with_those_there_are():
    with pytest.raises(CellpropError, match=r"has no setting 'leek'; there are: leak\. Did"):
        apply("leaky_relu", a, leek=0.2)
    with pytest.raises(CellpropError, match="add has no setting 'leak'; there are: none"):
        apply("add", a, b, leak=0.2)


# The shares of a softmax are the more alike, the larger its temperature.
TEMPERED = replace(
    OPERATIONS["softmax"],
    name="tempered",
    value=lambda x, heat: OPERATIONS["softmax"].value(x / heat),
    parts=lambda z, keep, heat: OPERATIONS["softmax"].parts(keep("cooled", z / heat, "c"), keep),
    back=lambda g, o, _, heat: (o * (g - sum_over_columns(o * g)) / heat,),
    settings={"heat": 2.0},
)


def test_a_setting_reaches_the_parts_and_what_is_written_with_them():
    hot = apply(TEMPERED, a, heat=4.0)
    parts = {}

    def keep(name, expression, _):
        parts[name] = text(expression, "numpy")
        return define(name, expression)

    in_parts(TEMPERED, a, keep, heat=4.0)
    assert parts["cooled"] == "a / 4"
    assert text(hot, "excel").startswith("EXP(a/4-BYROW(a/4,")
    expected = value(hot, AT)
    assert np.allclose(expected.sum(axis=1), 1.0, rtol=1e-14)
    assert np.allclose(recalculated(hot), expected, rtol=1e-14)


def along(over):
    return 0 if over == "rows" else 1


# Which cells it reads, how it is written and what shape it has depend on its setting.
TOTAL = Operation(
    "total",
    lambda x, over: x.sum(axis=along(over), keepdims=True),
    reads=lambda e: ((ALL, COLUMN) if e.settings["over"] == "rows" else (ROW, ALL),),
    maths=Form("Σ_{over}({0})", CALL, (0,)),
    numpy=lambda expression: Form(
        f"{{0}}.sum(axis={along(expression.settings['over'])}, keepdims=True)", CALL, (CALL,)
    ),
    r=Form("total({0}, '{over}')", CALL, (0,)),
    excel=Form("TOTAL({0},{over})", CALL, (0,)),
    cells=lambda expression, operands: cells_of.reduced("SUM", over=expression.settings["over"])(
        expression, operands
    ),
    axes=lambda operands, over: (
        axes_of.of_a_row(operands) if over == "rows" else axes_of.of_a_column(operands)
    ),
    back=lambda g, _, x, over: (apply("ones", x) * g,),
    settings={"over": "rows"},
)


def test_a_setting_reaches_the_axes_the_reads_and_the_cells():
    by_rows, by_columns = apply(TOTAL, a), apply(TOTAL, a, over="columns")
    assert (by_rows.rows, by_rows.columns) == (ONE, COLUMNS)
    assert (by_columns.rows, by_columns.columns) == (ROWS, ONE)
    assert reads(by_rows * b) == {a: {(ALL, COLUMN)}, b: {(ROW, COLUMN)}}
    assert reads(by_columns * b) == {a: {(ROW, ALL)}, b: {(ROW, COLUMN)}}
    assert text(by_columns, "numpy") == "a.sum(axis=1, keepdims=True)"
    assert text(by_columns, "maths") == "Σ_columns(a)"
    for expression in (by_rows, by_columns):
        assert recalculated(expression) == value(expression, AT).tolist()
        (fast,) = compiled([define("fast", expression * b)], [a, b])([AT["a"], AT["b"]])
        assert fast.tolist() == value(expression * b, AT).tolist()


# --- Any number of operands ---------------------------------------------------------------

# Where the first is positive the second, else the third.
WHERE = elementwise(
    "where",
    lambda x, yes, no: np.where(x > 0, yes, no),
    maths=Form("[{0} > 0: {1}, else {2}]", CALL, (0, 0, 0)),
    numpy=Form("np.where({0} > 0, {1}, {2})", CALL, (0, 0, 0)),
    r=Form("ifelse({0} > 0, {1}, {2})", CALL, (0, 0, 0)),
    excel=Form("IF({0}>0,{1},{2})", CALL, (0, 0, 0)),
    back=lambda g, _, x, yes, no: (
        None,
        g * apply("positive", x),
        g * (1 - apply("positive", x)),
    ),
)


@pytest.fixture
def where(monkeypatch):
    monkeypatch.setitem(OPERATIONS, "where", WHERE)
    return "where"


def test_an_operation_of_three_operands_is_read_in_every_way(where):
    expression = apply(where, a, b + 1, b * c)
    expected = np.where(AT["a"] > 0, AT["b"] + 1, AT["b"] * AT["c"])
    assert value(expression, AT).tolist() == expected.tolist()
    assert text(expression, "excel") == "IF(a>0,b+1,b*c)"
    assert formulas(expression, addresses)[0][0] == "IF(A1>0,E1+1,E1*I1)"
    assert recalculated(expression) == expected.tolist()
    assert set(reads(expression)) == {a, b, c}
    assert range_of(expression, {"a": (-1, 1), "b": (2, 3), "c": (-9, 0)}) == (-27, 4)


def test_operations_of_any_number_of_operands_compile(where):
    three = define("three", apply(where, a, b + 1, b * c) - apply(where, a, c, b))
    given, values = [a, b, c], [AT["a"], AT["b"], AT["c"]]
    (found,) = compiled([three], given)(values)
    assert found.tolist() == evaluate([*given, three], AT)["three"].tolist()
    five = elementwise(
        "five",
        lambda *five: sum(k * each for k, each in enumerate(five, 1)),
        maths=Form("{0}{1}{2}{3}{4}", PLUS, (TIMES,) * 5),
        numpy=Form("{0}{1}{2}{3}{4}", PLUS, (TIMES,) * 5),
        excel=Form("{0}{1}{2}{3}{4}", PLUS, (TIMES,) * 5),
    )
    (found,) = compiled([define("sum", apply(five, a, b, c, a, b))], given)(values)
    assert found.tolist() == (5 * AT["a"] + 7 * AT["b"] + 3 * AT["c"]).tolist()


def test_an_operation_of_three_operands_goes_back_to_each(where):
    loss = define("loss", apply("squared_error", b, define("output", apply(where, a, b * 2, c))))
    backward = derive(loss, {"output": ("E", "E")}, {})
    assert text(backward.wanted["c"], "numpy") == "E * (1 - np.where(a > 0, 1.0, 0.0))"
    assert "a" not in backward.wanted
