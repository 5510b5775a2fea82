"""Lines are picked, put among zeros and joined as in NumPy; each goes back the other's way."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from readings import (
    EXCEL_365,
    check_gradients,
    check_in_excel,
    check_in_r,
    check_readings,
    drawn,
    value,
)

from cellprop.algebra import (
    ONE,
    Axis,
    Expression,
    Matrix,
    apply,
    concatenate,
    flip,
    formulas,
    mean,
    pad,
    reads,
    sum_of,
    sum_over_rows,
    text,
)
from cellprop.errors import CellpropError

SAMPLES, INPUTS, HIDDEN = (
    Axis("samples", tuple("abcdef")),
    Axis.numbered("inputs", 4, "x"),
    Axis.numbered("hidden", 2, "h"),
)
X, H, w = Matrix("X", SAMPLES, INPUTS), Matrix("H", SAMPLES, HIDDEN), Matrix("w", INPUTS, HIDDEN)
row, column = Matrix("row", ONE, INPUTS), Matrix("column", SAMPLES, ONE)
s, r = slice, np.s_

# What is picked, and the same of an array.
PICKED = {
    "the first rows": r[0:3],
    "a column": r[:, 1],
    "every second row of some columns": r[0:6:2, 1:3],
    "the last row": r[-1],
    "one number": r[2, 3],
    "rows in reverse": r[::-1],
    "some rows in reverse": r[4:0:-2, ::-1],
    "from the end": r[-3:-1, -2:],
    "a row that stays one of several": r[1:2],
}


def kept(key):
    """A key of NumPy's that keeps both axes."""
    keys = key if isinstance(key, tuple) else (key,)
    return tuple(k if isinstance(k, slice) else slice(k, k + 1 or None) for k in keys)


@pytest.mark.parametrize("name", PICKED)
def test_a_slice_is_numpys_in_all_readings(name):
    values = drawn(X)
    check_readings(X[PICKED[name]], values, values["X"][kept(PICKED[name])])


@pytest.mark.parametrize("name", PICKED)
def test_what_goes_back_to_a_slice_is_put_among_zeros(name):
    key = kept(PICKED[name])
    check_gradients(
        X[PICKED[name]] * X[PICKED[name]],
        drawn(X),
        lambda X: picked_by_torch(X, key) ** 2,
    )


def picked_by_torch(tensor, keys):
    """PyTorch knows no slice in reverse."""
    for axis, key in enumerate(keys):
        lines = range(tensor.shape[axis])[key]
        tensor = tensor.index_select(axis, tensor.new_tensor(lines).long())
    return tensor


bounds = st.one_of(st.none(), st.integers(-8, 8))
keys = st.one_of(
    st.integers(-7, 7),
    st.builds(slice, bounds, bounds, st.one_of(st.none(), st.integers(-3, 3))),
)


@settings(max_examples=300)
@given(st.integers(1, 6), st.integers(1, 6), keys, st.one_of(st.none(), keys))
def test_any_key_picks_what_numpy_picks_or_is_refused_where_that_is_nothing(
    height, width, first, second
):
    x = Matrix("x", Axis.numbered("a", height), Axis.numbered("b", width))
    array = np.arange(1.0, height * width + 1).reshape(height, width)
    key = first if second is None else (first, second)
    try:
        expected = array[kept_of(key, array.shape)]
    except (IndexError, ValueError):
        expected = np.empty((0, 0))
    if not expected.size:
        with pytest.raises(CellpropError, match=r"^`x` has \d .*, counted from 0, and no "):
            x[key]
        return
    found = x[key]
    assert value(found, {"x": array}).tolist() == expected.tolist()
    assert eval(text(found, "numpy"), {"x": array, "np": np}).tolist() == expected.tolist()


def kept_of(key, shape):
    keys = key if isinstance(key, tuple) else (key,)
    found = []
    for k, size in zip(keys, shape, strict=False):
        if not isinstance(k, slice) and not -size <= k < size:
            raise IndexError
        found.append(k if isinstance(k, slice) else slice(k % size, k % size + 1))
    return tuple(found)


def test_what_is_picked_keeps_its_labels_and_one_line_stands_for_all():
    assert X[1:5:2].rows == Axis("samples", ("b", "d"))
    assert X[1:2].rows == Axis("samples", ("b",))
    assert X[1].rows is ONE
    assert X[:, -1].columns is ONE
    assert (X[0] * X).rows is SAMPLES
    assert X[:] is X
    assert X[:, :] is X
    assert row[0] is row
    assert row[0, 1].is_scalar


@pytest.mark.parametrize(
    ("key", "said"),
    [
        (r[7], "`X` has 6 samples, counted from 0, and no row 7."),
        (r[:, -5], "`X` has 4 inputs, counted from 0, and no column -5."),
        (r[3:3], "`X` has 6 samples, counted from 0, and no slice 3:3."),
        (r[::0], "`X` has 6 samples, counted from 0, and no slice ::0."),
        (r["a"], "rows and columns are picked by whole numbers and slices, as in X[0:3, 1]."),
        (r[0.5], "rows and columns are picked by whole numbers and slices, as in X[0:3, 1]."),
        (r[True], "rows and columns are picked by whole numbers and slices, as in X[0:3, 1]."),
        (r[0, 1, 2], "rows and columns are picked by whole numbers and slices, as in X[0:3, 1]."),
    ],
)
def test_a_key_that_picks_nothing_is_refused(key, said):
    with pytest.raises(CellpropError) as error:
        X[key]
    assert str(error.value) == said


def test_what_a_file_says_is_picked_is_checked_as_well():
    for rows in ("7", "-1", "a", "1:2:3:4", "3:1", "9:", ":", "1:2:0"):
        if rows == ":":
            continue
        with pytest.raises(CellpropError, match="has 6 samples"):
            apply("slice", X, rows=rows)


def test_no_loop_goes_through_an_expression():
    with pytest.raises(TypeError, match="not iterable"):
        list(X)


def test_slices_read_the_lines_that_they_pick():
    (patterns,) = reads(sum_over_rows(X[0:6:2])).values()
    assert [str(pattern) for pattern in patterns] == ["(0 2 4, column)"]
    (patterns,) = reads(X[1:3] + X[3:5]).values()
    assert sorted(map(str, patterns)) == ["(row: 1 | 2, column)", "(row: 3 | 4, column)"]


# --- Joined, flipped and padded -----------------------------------------------------------

JOINED = {
    "below each other": (concatenate(X, X[0:2]), lambda v: np.vstack([v["X"], v["X"][:2]])),
    "side by side": (
        concatenate(X, H, column, axis=1),
        lambda v: np.hstack([v["X"], v["H"], v["column"]]),
    ),
    "a row and its square": (
        concatenate(row, row * row),
        lambda v: np.vstack([v["row"], v["row"] ** 2]),
    ),
    "one alone": (concatenate(H * 2), lambda v: v["H"] * 2),
    "flipped": (flip(X), lambda v: v["X"][::-1]),
    "flipped sideways": (flip(X * 2, axis=1), lambda v: v["X"][:, ::-1] * 2),
    "among zeros": (
        pad(H, (1, 0), (2, 1)) + 1,
        lambda v: np.pad(v["H"], ((1, 0), (2, 1))) + 1,
    ),
    "zeros beside a column": (
        pad(column, columns=(0, 2)),
        lambda v: np.pad(v["column"], ((0, 0), (0, 2))),
    ),
    "a product of a slice": (X[0:3] @ w, lambda v: v["X"][:3] @ v["w"]),
    "sums of what is joined": (
        sum_of(concatenate(X[0:2], X[4:6] * 3), axis=0) + mean(X),
        lambda v: (v["X"][:2] + v["X"][4:] * 3).sum(axis=0, keepdims=True) + v["X"].mean(),
    ),
    "means of rows": (mean(X, axis=1), lambda v: v["X"].mean(axis=1, keepdims=True)),
    "means of columns": (mean(X, axis=0), lambda v: v["X"].mean(axis=0, keepdims=True)),
}


@pytest.mark.parametrize("name", JOINED)
def test_what_is_joined_flipped_or_padded_is_numpys_in_all_readings(name):
    expression, expected = JOINED[name]
    values = drawn(expression)
    check_readings(expression, values, expected(values))


THEIRS = {
    "below each other": lambda torch, X: torch.vstack([X, X[:2]]),
    "side by side": lambda torch, X, H, column: torch.hstack([X, H, column]),
    "a row and its square": lambda torch, row: torch.vstack([row, row**2]),
    "one alone": lambda torch, H: H * 2,
    "flipped": lambda torch, X: X.flip(0),
    "flipped sideways": lambda torch, X: X.flip(1) * 2,
    "among zeros": lambda torch, H: torch.nn.functional.pad(H, (2, 1, 1, 0)) + 1,
    "zeros beside a column": lambda torch, column: torch.nn.functional.pad(column, (0, 2)),
    "a product of a slice": lambda torch, X, w: X[:3] @ w,
    "sums of what is joined": lambda torch, X: (X[:2] + X[4:] * 3).sum(0, keepdim=True) + X.mean(),
    "means of rows": lambda torch, X: X.mean(1, keepdim=True),
    "means of columns": lambda torch, X: X.mean(0, keepdim=True),
}


@pytest.mark.parametrize("name", JOINED)
def test_gradients_through_movements_are_pytorchs(name):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    expression, _ = JOINED[name]
    check_gradients(expression, drawn(expression), lambda **tensors: THEIRS[name](torch, **tensors))


@given(st.data())
@settings(max_examples=25)
def test_slices_of_slices_and_what_is_joined_of_them_read_what_they_say(data):
    height = data.draw(st.integers(2, 6))
    x = Matrix("x", Axis.numbered("a", height), Axis.numbered("b", 2))
    values = drawn(x, data.draw(st.integers(0, 9)))
    found: Expression = x
    expected = values["x"]
    for _ in range(data.draw(st.integers(1, 4))):
        way = data.draw(st.sampled_from(["slice", "join", "flip", "pad", "sum"]))
        if way == "slice":
            key = data.draw(st.slices(len(expected)))
            assume(len(expected[key]))
            found, expected = found[key], expected[key]
        elif way == "join" and len(expected) < 8:
            found = concatenate(found, found * 2, name="a")
            expected = np.vstack([expected, expected * 2])
        elif way == "flip":
            found, expected = flip(found), expected[::-1]
        elif way == "pad" and len(expected) < 8:
            found, expected = pad(found, (1, 2)), np.pad(expected, ((1, 2), (0, 0)))
        elif way == "sum":
            found = found + sum_over_rows(found)
            expected = expected + expected.sum(axis=0, keepdims=True)
    check_readings(found, values, expected)


def test_the_axis_of_what_is_joined_has_the_names_and_the_labels_of_its_parts():
    both = concatenate(X, H, axis=1)
    assert both.columns == Axis("inputs and hidden", ("x1", "x2", "x3", "x4", "h1", "h2"))
    assert both.rows is SAMPLES
    assert concatenate(X[0:2], X[3:]).rows == Axis("samples", ("a", "b", "d", "e", "f"))
    assert concatenate(X, X).rows.labels[:2] == ("1", "2")  # those of both do not tell them apart
    assert concatenate(X, H, axis=1, name="features").columns.name == "features"
    assert concatenate(column, column, axis=1).columns == Axis.numbered("joined", 2)
    assert pad(X, (1, 0)).rows == Axis("samples", ("", *"abcdef"))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda: concatenate(X, H), "`X` has 4 inputs where `H` has 2 hidden, so they can't be"),
        (lambda: concatenate(X, row, axis=1), "`X` has 6 samples where `row` has 1 one, so"),
        (lambda: concatenate(X, axis=2), "matrices are joined along axis 0 .* not 2"),
        (concatenate, "there is nothing to join"),
        (lambda: pad(X, (-1, 0)), "what is padded has a whole number of zeros"),
        (lambda: pad(X, (0.5, 0)), "what is padded has a whole number of zeros"),
        (
            lambda: sum_of(X, axis=2),
            "axis: expected 0 .over rows., 1 .over columns. or None, found 2.",
        ),
        (lambda: mean(X, axis=-1), "axis: expected 0"),
    ],
)
def test_what_does_not_fit_is_refused(wrong, said):
    with pytest.raises(CellpropError, match=said):
        wrong()


# --- As other programs read them ----------------------------------------------------------

PLACED = {
    "put back": apply("place", H[1:3], H, rows="1:3"),
    "put back in steps": apply("place", X[0:3, 1:3], X, rows="0:6:2", columns="2:0:-1"),
}
TEXTS: Mapping[str, Expression] = {
    **{name: X[key] for name, key in PICKED.items()},
    **{name: expression for name, (expression, _) in JOINED.items()},
    **PLACED,
    "one number beside others": X * X[1, 2] + 1,
    "a slice of a sum": (X + X)[1:4, 2],
}


@pytest.mark.parametrize("name", PLACED)
def test_what_is_put_among_zeros_is_so_in_all_readings(name):
    expression = PLACED[name]
    values = drawn(expression)
    expected = np.zeros(values["H" if "H" in values else "X"].shape)
    if "H" in values:
        expected[1:3] = values["H"][1:3]
    else:
        expected[0:6:2, 2:0:-1] = values["X"][0:3, 1:3]
    check_readings(expression, values, expected)


def test_r_computes_movements(rscript, tmp_path):
    check_in_r(TEXTS, rscript, tmp_path)


def test_libreoffice_computes_the_texts_for_excel(libreoffice, tmp_path):
    known = {
        name: expression
        for name, expression in TEXTS.items()
        if not any(function in text(expression, "excel") for function in EXCEL_365)
    }
    assert len(known) > 15
    check_in_excel(known, libreoffice, tmp_path)


@pytest.mark.parametrize("name", ["below each other", "side by side", "a row and its square"])
def test_excels_newest_stack_what_is_joined(name):
    expression = JOINED[name][0]
    values = drawn(expression)
    source = text(expression, "excel").replace("MMULT(--(TRANSPOSE(ROW(1:6))=ROW(1:2)),X)", "X[:2]")
    found = eval(source, {**EXCEL_365, **values})
    assert found.tolist() == value(expression, values).tolist()


def test_movements_are_written_as_one_would_type_them():
    shown = {
        "X[0:3]": (X[0:3], "X[1…3, :]", "X[1:3, , drop = FALSE]"),
        "X[:, 1:2]": (X[:, 1], "X[:, 2]", "X[, 2, drop = FALSE]"),
        "X[2:3, 3:4]": (X[2, 3], "X[3, 4]", "X[3, 4]"),
        "X[::-1]": (flip(X), "X[6…1 by −1, :]", "X[6:1, , drop = FALSE]"),
        "np.concatenate([X, H], axis=1)": (concatenate(X, H, axis=1), "[X, H]", "cbind(X, H)"),
        "np.concatenate([X, X], axis=0)": (concatenate(X, X), "[X; X]", "rbind(X, X)"),
    }
    for numpy, (expression, maths, r_text) in shown.items():
        found = [text(expression, notation) for notation in ("numpy", "maths", "r")]
        assert found == [numpy, maths, r_text]


def test_a_range_stays_one_where_lines_are_next_to_each_other():
    def addresses(matrix):
        return [[f"{letter}{i}" for letter in "ABCD"] for i in range(1, 7)]

    assert formulas(sum_over_rows(X[1:4]), addresses)[0][0] == "SUM(A2:A4)"
    assert formulas(sum_over_rows(X[0:6:2]), addresses)[0][0] == "A1+A3+A5"
    assert formulas(concatenate(X[1:2], X[0:1]), addresses) == [
        ["A2", "B2", "C2", "D2"], ["A1", "B1", "C1", "D1"],
    ]  # fmt: skip
