"""Arrays, tensors and tables give their numbers as they are, and never those behind a mask."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

import cellprop
from cellprop import CellpropError, Network
from cellprop.files.matrices import of
from cellprop.files.samples import numbers, table

RUN = cellprop.trace(Network([2, 2, 1]), [[0.0, 1.0], [1.0, 1.0]], [1.0, 0.0], seed=1)
MASK = np.ma.array([[1.0, 2.0], [3.0, 4.0]], mask=[[False, True], [False, False]])
RECORDS = np.array([(1, 2.0)], dtype=[("a", int), ("b", float)])

UNUSABLE = {
    "a masked array": (MASK, "row 1, column 2: expected a number, found a masked value."),
    "masked whole numbers": (MASK.astype(int), "row 1, column 2: expected a number, found a mask"),
    "a list of masked rows": (list(MASK), "row 1, column 2: expected a number, found a masked"),
    "a masked row among lists": ([[1, 2], MASK[0]], "row 2, column 2: expected a number, found a"),
    "masked numbers in a list": ([[1, np.ma.masked], [2, 3]], "row 1, column 2: expected a number"),
    "complex numbers": (np.array([[1 + 2j]]), "row 1, column 1: expected a number, found '(1+2j)"),
    "small complex numbers": (
        np.array([[1 + 2j]], dtype="complex64"),
        "row 1, column 1: expected a number, found '(1+2j)'.",
    ),
    "a small complex number in a list": (
        [[1.0, np.complex64(2j)]],
        "row 1, column 2: expected a number, found '2j'.",
    ),
    "a complex number among objects": (
        np.array([[1, np.complex64(2j)]], dtype=object),
        "row 1, column 2: expected a number, found '2j'.",
    ),
    "masked complex numbers": (
        np.ma.array([[1 + 2j]], mask=[[True]]),
        "row 1, column 1: expected a number, found '(1+2j)'.",
    ),
    "records": (RECORDS, ": expected numbers, found records of a, b; give a DataFrame of them."),
    "masked records": (
        np.ma.array(RECORDS, mask=[(True, False)]),
        ": expected numbers, found records of a, b; give a DataFrame of them.",
    ),
    "dates": (
        np.array([["2026-03-02"]], dtype="M8[ns]"),
        "row 1, column 1: expected a number, found '2026-03-02 00:00:00'.",
    ),
    "masked dates": (
        np.ma.array([["2026-03-02"]], dtype="M8[ns]", mask=[[True]]),
        "row 1, column 1: expected a number, found '2026-03-02 00:00:00'.",
    ),
    "times": (np.array([[5]], dtype="m8[ns]"), "found '5 nanoseconds'."),
    "a frame of dates": (
        pd.DataFrame({"a": pd.to_datetime(["2026-03-02"])}),
        "row 1, column 1 (a): expected a number, found '2026-03-02 00:00:00'.",
    ),
    "pandas' missing number": (
        pd.DataFrame({"a": [1, pd.NA]}, dtype="Int64"),
        "row 2, column 1 (a): expected a finite number within ±1e+50, found an empty cell (NaN).",
    ),
    "pandas' missing value": (
        pd.DataFrame({"a": [1, pd.NA]}, dtype=object),
        "row 2, column 1 (a): expected a number, found nothing.",
    ),
    "a missing number of a sparse frame": (
        pd.DataFrame({"a": pd.arrays.SparseArray([1.0, np.nan])}),
        "row 2, column 1 (a): expected a finite number within ±1e+50, found an empty cell (NaN).",
    ),
    "nothing among objects": (
        np.array([[1, None]], dtype=object),
        "row 1, column 2: expected a number, found nothing.",
    ),
    "arrays as cells": (
        np.array([np.ones(2), 3], dtype=object),
        ": expected rows of equal length, found rows that differ.",
    ),
    "rows that differ": (
        [np.ones((2, 3)), np.ones((2, 4))],
        ": expected rows of equal length, found rows that differ.",
    ),
    "masked rows that differ": (
        [MASK[0], [1, 2, 3]],
        ": expected rows of equal length, found rows that differ.",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", UNUSABLE)
def test_what_holds_no_numbers_is_refused_wherever_an_array_comes_in(what):
    source, message = UNUSABLE[what]
    network, X, y = RUN.network, np.ones((2, 2)), [1, 0]
    for name, use in {
        "X": lambda: cellprop.trace(network, source, y),
        "y": lambda: cellprop.trace(network, X, source),
        "wh": lambda: cellprop.trace(network, X, y, parameters={"wh": source}),
        "wh_velocity": lambda: cellprop.trace(
            network, X, y, parameters={"wh_velocity": source}, optimizer="momentum"
        ),
        "learning_rate": lambda: cellprop.trace(network, X, y, learning_rate=source),
        "momentum": lambda: cellprop.trace(
            network, X, y, optimizer="momentum", settings={"momentum": source}
        ),
    }.items():
        with pytest.raises(CellpropError) as caught:
            use()
        found = str(caught.value)
        assert found.startswith(name)
        assert len(found.splitlines()) == 1
        if message.startswith(":"):
            assert message in found
        elif name in ("X", "wh"):
            assert f"{name}, {message.partition(' (a)')[0]}".partition(", found")[0] in found
            assert message.rpartition(": ")[2] in found
    with pytest.raises(CellpropError, match=r"^X"):
        RUN.predict(source)


@pytest.mark.parametrize("what", [name for name in UNUSABLE if "mask" in name])
def test_what_is_masked_in_a_matrix_to_compare_is_never_taken_as_its_number(what):
    found = of("wh", UNUSABLE[what][0])
    assert found.fault or np.isnan(found.values).sum() == 1


def test_a_matrix_with_masked_numbers_compares_as_one_with_blanks():
    output = RUN["output"].to_numpy()
    masked = np.ma.array([[99.0], output[1]], mask=[[True], [False]])
    blank = np.array([[None], output[1]], dtype=object)
    texts = {str(cellprop.compare(RUN, {"output": m})) for m in (masked, list(masked), blank)}
    assert len(texts) == 1
    assert "99" not in texts.pop()


arrays = npst.arrays(np.float64, npst.array_shapes(min_dims=2, max_dims=2, max_side=4),
                     elements=st.floats(-1e9, 1e9))  # fmt: skip


@settings(max_examples=40)
@given(arrays)
def test_any_array_gives_the_same_numbers_in_whatever_it_comes(array):
    for source in (
        np.ma.array(array),
        [np.ma.array(row) for row in array],
        pd.DataFrame(array),
        pd.DataFrame(array).astype("Float64"),
        np.asfortranarray(array),
        array.astype(object),
        array.tolist(),
        [tuple(row) for row in array],
    ):
        assert (table("X", source).values == array).all()


@settings(max_examples=40)
@given(arrays, st.data())
def test_one_masked_number_is_enough_to_refuse_an_array(array, draw):
    i = draw.draw(st.integers(0, array.shape[0] - 1))
    j = draw.draw(st.integers(0, array.shape[1] - 1))
    mask = np.zeros(array.shape, dtype=bool)
    mask[i, j] = True
    masked = np.ma.array(array, mask=mask)
    for source in (masked, list(masked), pd.DataFrame(array.astype(object)).mask(mask, pd.NA)):
        with pytest.raises(CellpropError, match=rf"^X, row {i + 1}, column {j + 1}\b"):
            table("X", source)


def test_sparse_matrices_give_their_numbers():
    sparse = pytest.importorskip("scipy.sparse", reason="`scipy` is not installed")
    for kind in (sparse.csr_array, sparse.csc_matrix, sparse.coo_array):
        assert table("X", kind(np.eye(3))).values.tolist() == np.eye(3).tolist()
    vast = sparse.csr_array(([1.0], ([0], [0])), shape=(10**6, 10**6))
    with pytest.raises(
        CellpropError, match=r"^X: its numbers can't be read \(more than 20,000,000"
    ):
        table("X", vast)


# --- Tensors ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def torch():
    return pytest.importorskip("torch", reason="`torch` is not installed")


TENSORS = {
    "one that requires a gradient": lambda t: t.ones(2, 2, requires_grad=True),
    "one that was computed": lambda t: t.ones(2, 2, requires_grad=True) * 1,
    "bfloat16": lambda t: t.ones(2, 2, dtype=t.bfloat16),
    "half": lambda t: t.ones(2, 2).half(),
    "whole numbers": lambda t: t.ones(2, 2, dtype=t.int8),
    "truths": lambda t: t.ones(2, 2) > 0,
    "sparse": lambda t: t.ones(2, 2).to_sparse(),
    "transposed": lambda t: t.ones(2, 2).T,
    "a parameter": lambda t: t.nn.Parameter(t.ones(2, 2)),
    "rows": lambda t: [t.ones(2, requires_grad=True), t.ones(2)],
    "a row among lists": lambda t: [[1, 1], t.ones(2, requires_grad=True)],
    "numbers": lambda t: [[t.tensor(1.0, requires_grad=True), 1], [1, 1]],
}


@pytest.mark.parametrize("what", TENSORS)
def test_the_values_of_a_tensor_are_taken_wherever_an_array_comes_in(torch, what):
    tensor = TENSORS[what](torch)
    ones = np.ones((2, 2))
    network = Network([2, 2, 2])

    def run(X, y, wh):
        return cellprop.trace(network, X, y, parameters={"wh": wh}, seed=1)

    expected, found = run(ones, ones, ones), run(tensor, tensor, tensor)
    assert all((found[name].to_numpy() == expected[name].to_numpy()).all() for name in found.names)
    assert (found.predict(tensor) == expected.predict(ones)).all(axis=None)
    assert (of("wh", tensor).values == ones).all()
    rate = torch.tensor(0.1, dtype=torch.float64, requires_grad=True)
    assert numbers("learning_rate", rate) == 0.1


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda t: t.ones(2, 2, dtype=t.complex64), "X, row 1, column 1: expected a number, found"),
        (lambda t: [t.tensor(2j)], "X, row 1: expected a number, found 'tensor"),
        (lambda t: t.empty(2, 2, device="meta"), "X: its numbers can't be read (Cannot copy out"),
        (lambda t: t.tensor([[1.0, float("nan")]]), "X, row 1, column 2: expected a finite number"),
    ],
)
def test_a_tensor_without_numbers_is_refused_in_one_line(torch, make, message):
    with pytest.raises(CellpropError) as caught:
        table("X", make(torch))
    assert str(caught.value).startswith(message)
    assert len(str(caught.value).splitlines()) == 1
