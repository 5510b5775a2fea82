"""Samples become tables of finite numbers with labels that are safe to show."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from cellprop import CellpropError
from cellprop.algebra import Axis
from cellprop.files.samples import LARGEST, Table, numbers, table

# --- What is accepted ---------------------------------------------------------------------


@given(arrays(float, array_shapes(min_dims=2, max_dims=2), elements=st.floats(-1e50, 1e50)))
def test_an_array_becomes_a_table_of_its_numbers(array):
    found = table("X", array)
    assert found.values.tolist() == array.tolist()
    assert found.values is not array
    assert found.row_labels is found.column_labels is None


@pytest.mark.parametrize(
    "source",
    [
        [[1, 2], [3, 4]],
        ((1, 2), (3, 4)),
        np.array([[1, 2], [3, 4]], dtype="uint8"),
        np.array([[1, 2], [3, 4]], dtype=object),
        [[Decimal(1), 2], [3, 4.0]],
        pd.DataFrame([[1, 2], [3, 4]]).convert_dtypes(),
    ],
)
def test_whatever_holds_numbers_becomes_a_table(source):
    assert table("X", source).values.tolist() == [[1, 2], [3, 4]]


def test_truths_are_0_and_1():
    assert table("y", [True, False]).values.tolist() == [[1], [0]]


def test_a_flat_list_is_one_column():
    assert table("y", [1, 2, 3]).values.tolist() == [[1], [2], [3]]


def test_a_frames_index_and_columns_become_labels():
    frame = pd.DataFrame([[1, 2]], index=["Anna"], columns=["age", 7])
    found = table("X", frame)
    assert (found.row_labels, found.column_labels) == (("Anna",), ("age", "7"))
    assert found.rows("samples").labels == ("Anna",)
    assert found.columns("inputs", "x").labels == ("age", "7")


def test_an_index_that_only_counts_is_no_label():
    found = table("X", pd.DataFrame({"a": [5, 6]}))
    assert found.row_labels is None
    assert found.rows("samples").labels == ("1", "2")


def test_a_series_has_its_name_as_label():
    assert table("y", pd.Series([1, 0], name="ill")).column_labels == ("ill",)
    assert table("y", pd.Series([1, 0])).column_labels is None


def test_what_has_no_labels_is_numbered():
    found = table("X", [[1, 2], [3, 4]])
    assert found.rows("samples").labels == ("1", "2")
    assert found.columns("inputs", "x").labels == ("x1", "x2")


def test_labels_are_made_safe():
    frame = pd.DataFrame([[1.0]], index=["a\x1b[31m"], columns=["b\nc"])
    found = table("X", frame)
    assert (found.row_labels, found.column_labels) == (("a␛[31m",), ("b␊c",))


def test_a_table_stays_as_it_is():
    found = Table(np.array([[1.0, 2.0]]), ("a",), ("p", "q"), "classes")
    assert table("y", found) is found


def test_columns_are_called_what_the_table_says_or_else_what_they_are_used_as():
    numbers_alone = np.array([[1.0, 2.0]])
    assert Table(numbers_alone, None, None, "classes").columns("outputs", "o") == Axis(
        "classes", ("o1", "o2")
    )
    assert Table(numbers_alone, None, ("p", "q"), "classes").columns("outputs", "o") == Axis(
        "classes", ("p", "q")
    )
    assert Table(numbers_alone, None, ("p", "q")).columns("outputs", "o").name == "outputs"


# --- What is not --------------------------------------------------------------------------

LIMIT = "expected a finite number within ±1e+50"
BAD = {
    "NaN": ([[1, float("nan")]], f"X, row 1, column 2: {LIMIT}, found an empty cell (NaN)."),
    "infinity": ([[1], [float("inf")]], f"X, row 2, column 1: {LIMIT}, found inf."),
    "a flat NaN": ([1, float("nan")], f"X, row 2: {LIMIT}, found an empty cell (NaN)."),
    "too large": ([[-1.1e50]], f"X, row 1, column 1: {LIMIT}, found -1.1e+50."),
    "text among numbers": ([[1, 2], [3, "x"]], "X, row 2, column 2: expected a number, found 'x'."),
    "a number as text": (
        [[1, 2], [3, "4"]],
        "X, row 2, column 2: expected a number, found '4', a number stored as text; turn",
    ),
    "bytes": ([[1, b"4"]], "X, row 1, column 2: expected a number, found \"b'4'\"."),
    "nothing": ([[1], [None]], "X, row 2, column 1: expected a number, found nothing."),
    "a complex number": ([[1, 2j]], "X, row 1, column 2: expected a number, found '2j'."),
    "a complex array": (
        np.array([[1 + 2j]], np.complex64),
        "X, row 1, column 1: expected a number, found '(1+2j)'.",
    ),
    "a date": (
        pd.DataFrame({"a": pd.to_datetime(["2020-01-02"])}),
        "X, row 1, column 1 (a): expected a number, found '2020-01-02 00:00:00'.",
    ),
    "control characters": (
        [["a\nb\x1b"]],
        "X, row 1, column 1: expected a number, found 'a␊b␛'.",
    ),
    "a labelled cell": (
        pd.DataFrame({"age": [1.0, np.nan]}, index=["Anna", "Ben"]),
        f"X, row 2 (Ben), column 1 (age): {LIMIT}, found an empty cell (NaN).",
    ),
    "a missing whole number": (
        pd.DataFrame({"age": pd.array([1, None], dtype="Int64")}),
        f"X, row 2, column 1 (age): {LIMIT}, found an empty cell (NaN).",
    ),
    "ragged rows": ([[1, 2], [3]], "X: expected rows of equal length, found rows that differ."),
    "ragged text": ([[1, "a"], [3]], "X: expected rows of equal length, found rows that differ."),
    "no rows": (np.zeros((0, 3)), "X: expected at least one row and one column, found 0 rows × 3"),
    "an empty frame": (pd.DataFrame(), "X: expected at least one row and one column, found 0 rows"),
    "a box": ([[[1]]], "X: expected a table with a row for each sample, found 3 dimensions."),
    "one number": (1, "X: expected a table with a row for each sample, found 0 dimensions."),
    "one text": ("abc", "X: expected a number, found 'abc'."),
    "a dictionary": (
        {"a": [1]},
        "X: expected a number, found dict; give an array, a list or a DataFrame.",
    ),
}


@pytest.mark.parametrize("what", BAD)
def test_what_is_not_a_table_of_numbers_is_one_line_that_names_the_cell(what):
    source, message = BAD[what]
    with pytest.raises(CellpropError) as caught:
        table("X", source)
    assert str(caught.value).startswith(message)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("sign", ["", "-"])
def test_a_whole_number_too_large_for_any_float_is_named(sign):
    message = f"X, row 1, column 2: expected a number, found '{sign}1000"
    with pytest.raises(CellpropError, match=message):
        table("X", [[1, int(f"{sign}1{'0' * 400}")]])


def test_the_largest_number_is_still_accepted():
    assert numbers("lr", [LARGEST, -LARGEST]).tolist() == [LARGEST, -LARGEST]
