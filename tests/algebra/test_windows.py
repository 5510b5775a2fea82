"""Windows that move over a matrix: what they compute, in all readings, and what goes back."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from readings import EXACT, check_gradients, check_in_r, check_readings, drawn, shape, value

from cellprop.algebra import (
    ONE,
    SPELLED_OUT,
    Axis,
    Matrix,
    apply,
    convolve,
    define,
    derive,
    formulas,
    max_pool,
    mean_pool,
    reads,
    text,
)
from cellprop.errors import CellpropError
from reference import close


def image(rows: int, columns: int, name: str = "X") -> Matrix:
    return Matrix(name, Axis.numbered("rows", rows), Axis.numbered("columns", columns))


def kernel(rows: int, columns: int, name: str = "K") -> Matrix:
    return Matrix(name, Axis.numbered("down", rows), Axis.numbered("across", columns))


X, K = image(6, 6), kernel(3, 3)
long = Matrix("long", Axis.numbered("steps", 7), ONE)
filter_ = Matrix("filter", Axis.numbered("taps", 3), ONE)

# A matrix, a kernel, strides and paddings.
CONVOLUTIONS = {
    "plain": (X, K, 1, 0),
    "as large as the matrix": (X, X.T[::-1], 1, 0),
    "padded": (image(4, 5), kernel(3, 2), 1, (2, 1)),
    "as large as before": (image(4, 4), K, 1, 1),
    "in steps": (image(6, 5), kernel(2, 2), 2, 0),
    "in steps and padded": (image(6, 5), K, (2, 3), 1),
    "in steps beyond the kernel": (image(7, 7), kernel(2, 1), 3, 0),
    "of one number": (image(3, 2), kernel(1, 1), 1, 0),
    "over time": (long, filter_, 2, (1, 0)),
}


def in_numpy(x, k, stride, padding):
    """The convolution by its definition."""
    down, across = stride if isinstance(stride, tuple) else (stride, stride)
    top, left = padding if isinstance(padding, tuple) else (padding, padding)
    x = np.pad(x, ((top, top), (left, left)))
    rows = range(0, x.shape[0] - k.shape[0] + 1, down)
    columns = range(0, x.shape[1] - k.shape[1] + 1, across)
    return np.array(
        [[(x[i : i + k.shape[0], j : j + k.shape[1]] * k).sum() for j in columns] for i in rows]
    )


@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_a_convolution_is_that_of_its_definition_in_all_readings(name):
    x, k, stride, padding = CONVOLUTIONS[name]
    expression = convolve(x, k, stride, padding)
    values = drawn(expression)
    expected = in_numpy(value(x, values), value(k, values), stride, padding)
    check_readings(expression, values, expected)


@pytest.mark.parametrize("name", [n for n in CONVOLUTIONS if n != "as large as the matrix"])
def test_what_goes_back_to_matrix_and_kernel_is_pytorchs(name):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    x, k, stride, padding = CONVOLUTIONS[name]
    expression = convolve(x, k, stride, padding)

    def theirs(**tensors):
        of, by = (tensors[m.name][None, None] for m in (x, k))
        return torch.nn.functional.conv2d(of, by, stride=stride, padding=padding)[0, 0]

    check_gradients(expression, drawn(expression), theirs)


sizes = st.integers(1, 6)


@given(st.data(), sizes, sizes)
@settings(max_examples=25)
def test_so_it_is_for_convolutions_of_any_shape(data, height, width):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    window = tuple(data.draw(st.integers(1, min(size, 3))) for size in (height, width))
    stride = data.draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
    padding = tuple(data.draw(st.integers(0, size - 1)) for size in window)
    expression = convolve(image(height, width), kernel(*window), stride, padding)
    values = drawn(expression, data.draw(st.integers(0, 99)))
    expected = in_numpy(values["X"], values["K"], stride, padding)
    check_readings(expression, values, expected)
    check_gradients(
        expression,
        values,
        lambda X, K: torch.nn.functional.conv2d(
            X[None, None], K[None, None], stride=stride, padding=padding
        )[0, 0],
    )


def test_a_second_derivative_of_a_convolution_is_pytorchs_too():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    came = Matrix("G", *(Axis.numbered(n, 3) for n in ("rows", "columns")))
    back = apply("convolve_back", came, kernel(2, 2), image(6, 6), down=2, across=2)
    values = {m: v for m, v in drawn(back).items() if m != "X"}
    check_gradients(
        back,
        values | {"X": np.zeros((6, 6))},
        lambda G, K, X: torch.nn.functional.conv_transpose2d(
            G[None, None], K[None, None], stride=2
        )[0, 0],
        "X",
    )


def test_a_long_convolution_is_a_sum_over_ranges():
    def addresses(matrix):
        letters, rows = ("ABCDEF", 6) if matrix is X else ("HIJ", 3)
        return [[f"{letter}{i}" for letter in letters] for i in range(1, rows + 1)]

    assert SPELLED_OUT == 8
    found = formulas(convolve(X, K, padding=1), addresses)
    assert found[1][1] == "SUMPRODUCT(A1:C3,H1:J3)"
    assert found[0][0] == "A1*I2+B1*J2+A2*I3+B2*J3"
    turned = formulas(convolve(X, K), addresses, turned=[K])
    assert turned[0][0].startswith("A1*H1+B1*I1+")


# --- Pooling ------------------------------------------------------------------------------

POOLS = {
    "side by side": (X, 2, None),
    "with some left over": (image(5, 7), 2, None),
    "over one another": (image(5, 5), 3, 2),
    "of rows": (image(4, 3), (2, 1), (1, 1)),
    "with gaps": (image(5, 5), 2, 3),
    "of everything": (image(3, 2), (3, 2), None),
    "over time": (long, (3, 1), 2),
}


def pooled(x, size, stride, of):
    height, width = size if isinstance(size, tuple) else (size, size)
    step = size if stride is None else stride
    down, across = step if isinstance(step, tuple) else (step, step)
    rows = range(0, x.shape[0] - height + 1, down)
    columns = range(0, x.shape[1] - width + 1, across)
    return np.array([[of(x[i : i + height, j : j + width]) for j in columns] for i in rows])


@pytest.mark.parametrize("name", POOLS)
@pytest.mark.parametrize(("pool", "of"), [(max_pool, np.max), (mean_pool, np.mean)])
def test_pooling_takes_the_largest_or_the_mean_of_each_window_in_all_readings(pool, of, name):
    x, size, stride = POOLS[name]
    expression = pool(x, size, stride)
    values = drawn(expression)
    check_readings(expression, values, pooled(values[x.name], size, stride, of))


@pytest.mark.parametrize("name", POOLS)
def test_what_goes_back_through_pooling_is_pytorchs(name):
    functional = pytest.importorskip("torch").nn.functional
    x, size, stride = POOLS[name]
    for pool, theirs in (
        (max_pool, functional.max_pool2d),
        (mean_pool, functional.avg_pool2d),
    ):
        expression = pool(x, size, stride)
        check_gradients(
            expression,
            drawn(expression),
            lambda theirs=theirs, **of: theirs(of[x.name][None, None], size, stride)[0, 0],
        )


@given(st.data(), st.integers(0, 99))
@settings(max_examples=15)
def test_of_numbers_that_are_alike_the_first_is_the_largest_as_in_pytorch(data, seed):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    height, width = data.draw(st.integers(2, 5)), data.draw(st.integers(2, 5))
    size = data.draw(st.tuples(st.integers(1, 2), st.integers(1, 2)))
    stride = data.draw(st.tuples(st.integers(1, 2), st.integers(1, 2)))
    few = np.random.default_rng(seed).integers(-2, 2, (height, width)).astype(float)
    check_gradients(
        max_pool(image(height, width), size, stride),
        {"X": few / 2},
        lambda X: torch.nn.functional.max_pool2d(X[None, None], size, stride)[0, 0],
    )


def test_numbers_of_a_window_that_differ_in_the_last_places_are_alike():
    x = image(1, 2)
    for pair in ((0.1 + 0.2, 0.3), (0.3, 0.1 + 0.2), (-0.3, -(0.1 + 0.2)), (0.0, -0.0)):
        found = value(apply("largest_in_windows", x, height=1), {"X": np.array([pair])})
        assert found.tolist() == [[1.0]]
    for pair, place in (((1.0, 1.001), 2.0), ((-1.0, -1.001), 1.0)):
        found = value(apply("largest_in_windows", x, height=1), {"X": np.array([pair])})
        assert found.tolist() == [[place]]


# --- Shapes and errors --------------------------------------------------------------------


def test_windows_keep_the_names_of_the_axes():
    assert convolve(X, K).rows == Axis.numbered("rows", 4)
    assert convolve(X, K, padding=1).rows is X.rows
    assert max_pool(X).columns == Axis.numbered("columns", 3)
    assert shape(convolve(long, filter_)) == (5, 1)
    assert convolve(long, filter_).columns is ONE
    assert (X + convolve(X, K, padding=1)).rows is X.rows


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda: convolve(K, X), "`X` has 6 rows, more than the 3 of `K`."),
        (lambda: convolve(long, K), "`K` has 3 columns, more than the 1 of `long`."),
        (lambda: convolve(X, K, padding=3), "with 3 zeros on each side some windows of 3 rows"),
        (lambda: convolve(X, K, stride=0), "windows move by whole numbers of 1 or more, not 0"),
        (lambda: convolve(X, K, padding=-1), "windows move by whole numbers of 0 or more, not -1"),
        (lambda: convolve(X, K, stride=1.5), "windows move by whole numbers of 1 or more, not 1.5"),
        (lambda: convolve(X, K, stride=(1, 2, 3)), "give one number, or one for rows and one for"),
        (lambda: max_pool(K, 4), "a window has 4 rows, more than the 3 of `K`."),
        (lambda: max_pool(X, 0), "a window has a whole number of rows and columns, not 0"),
        (lambda: mean_pool(X, "2"), "a window has a whole number of rows and columns, not 2"),
        (
            lambda: convolve(image(2, 2), K, padding=(0, 1)),
            "`K` has 3 rows, more than the 2 of `X`.",
        ),
    ],
)
def test_windows_that_do_not_fit_are_refused(wrong, said):
    with pytest.raises(CellpropError, match=re.escape(said)):
        wrong()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda: apply("convolve_back", K, K, X), "`K` is 3 × 3, where `X` has 4 × 4 windows."),
        (lambda: apply("convolve_back", K, X, K), "`X` has 6 rows, more than the 3 of `K`."),
        (lambda: apply("unpool", X, X), "`X` is 6 × 6, where `X` has 3 × 3 windows."),
        (lambda: apply("unpool", K, X, X), "`X` is 6 × 6, where `X` has 3 × 3 windows."),
        (lambda: apply("convolve", X, K, X), "`X` has fewer windows than `X` numbers."),
        (lambda: apply("place", X, X, rows="0:2"), "`X` is 6 × 6, where 2 × 6 of `X` are picked."),
        (lambda: apply("slice", X, X, rows="0:2"), "`X` is 6 × 6, where 2 × 6 of `X` are picked."),
        (lambda: apply("convolve", X, K, K, down=0), "windows move by whole numbers of 1 or more"),
        (lambda: apply("convolve", X, K, apart_down="2"), "windows move by whole numbers of 1"),
        (lambda: apply("place", X, X, rows="9"), "`X` has 6 rows, counted from 0, and no row 9."),
    ],
)
def test_what_does_not_go_back_is_refused(wrong, said):
    """As it may stand in a file, which has more than programs make."""
    with pytest.raises(CellpropError, match=re.escape(said)):
        wrong()


def test_windows_read_their_cells_and_those_that_a_cell_belongs_to():
    (patterns,) = reads(max_pool(X)).values()
    assert [str(p) for p in patterns] == ["(row: 0 1 | 2 3 | 4 5, column: 0 1 | 2 3 | 4 5)"]
    loss = define("loss", apply("total", convolve(image(3, 3), kernel(2, 2)) * image(2, 2, "w")))
    back = reads(derive(loss, {}, {}).wanted["X"])
    (weights,) = [patterns for matrix, patterns in back.items() if matrix.name == "w"]
    assert [str(p) for p in weights] == ["(row: 0 | 0 1 | 1, column: 0 | 0 1 | 1)"]


# --- As other programs read them ----------------------------------------------------------


def backwards(expression):
    """What goes back to the matrices of an expression."""
    weights = Matrix("weights", expression.rows, expression.columns)
    loss = define("loss", apply("total", expression * weights))
    return derive(loss, {}, {}).wanted


TEXTS = {
    **{f"convolution {name}": convolve(*each) for name, each in CONVOLUTIONS.items()},
    **{f"largest {name}": max_pool(*each) for name, each in POOLS.items()},
    **{f"mean {name}": mean_pool(*each) for name, each in POOLS.items()},
}
BACK = {
    f"{name} by {matrix}": back
    for name, expression in TEXTS.items()
    for matrix, back in backwards(expression).items()
    if matrix != "weights"
}


def test_r_computes_windows_and_what_goes_back(rscript, tmp_path):
    check_in_r(TEXTS | BACK, rscript, tmp_path)


def index(matrix, rows, columns):
    return matrix[np.asarray(rows).astype(int) - 1, np.asarray(columns).astype(int) - 1]


def sequence(rows, columns=1, start=1, step=1):
    return start + step * np.arange(rows * columns).reshape(rows, columns)


# What functions that only Excel 365 has do, as its documentation says.
EXCEL = {
    "MAKEARRAY": lambda n, m, f: np.array(
        [[f(i, j) for j in range(1, m + 1)] for i in range(1, n + 1)], float
    ),
    "INDEX": index,
    "SEQUENCE": sequence,
    "SUM": np.sum,
    "MAX": np.max,
    "TOROW": np.ravel,
    "XMATCH": lambda value, row: 1 + list(row).index(value),
    "ROW": lambda count: np.arange(1, count + 1)[:, np.newaxis],
    "TRANSPOSE": np.transpose,
    "MMULT": np.matmul,
}


def as_python(formula: str) -> str:
    """An Excel formula in Python's words."""
    formula = re.sub(r"ROW\(1:(\d+)\)", r"ROW(\1)", formula)
    formula = formula.replace("LAMBDA(i,j,", "(lambda i,j:")
    formula = re.sub(
        r"LET\(a,(i-SEQUENCE\([^)]*\)),b,(j-SEQUENCE\([^)]*\)),(SUM\(.*\))\)\)\)$",
        r"(lambda a,b: \3)(\1,\2)))",
        formula,
    )
    formula = re.sub(r"--\(([^=]*)=", r"1*(\1==", formula)
    return re.sub(r"(?<![<>=])=(?!=)", "==", formula)


@pytest.mark.parametrize("name", [*TEXTS, *BACK])
def test_the_text_for_excel_computes_the_value(name):
    expression = {**TEXTS, **BACK}[name]
    values = drawn(expression)
    found = eval(as_python(text(expression, "excel")), {**EXCEL, **values})
    assert close(np.atleast_2d(found), value(expression, values), tolerance=EXACT)
