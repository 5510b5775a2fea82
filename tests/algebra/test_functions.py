"""Powers, lookups and masks: what they compute, in all readings, and what goes back to them."""

from __future__ import annotations

import numpy as np
import pytest
from readings import (
    EXACT,
    check_gradients,
    check_in_excel,
    check_in_r,
    check_readings,
    drawn,
    value,
)

from cellprop.algebra import (
    GRADIENTS,
    ONE,
    Axis,
    Matrix,
    apply,
    batch_norm,
    causal_mask,
    define,
    derive,
    embed,
    evaluate,
    formulas,
    layer_norm,
    maximum,
    one_hot,
    power,
    reads,
    softmax,
    sum_of,
    text,
)
from cellprop.algebra.ranges import range_of
from cellprop.errors import CellpropError
from reference import close

SAMPLES, FEATURES, WORDS = (
    Axis.numbered(name, size) for name, size in (("samples", 5), ("features", 3), ("words", 4))
)
X = Matrix("X", SAMPLES, FEATURES)
table, index = Matrix("table", WORDS, FEATURES), Matrix("index", SAMPLES, ONE)
INDICES = np.array([[2.0], [4.0], [2.0], [1.0], [2.0]])

# --- Powers -------------------------------------------------------------------------------


@pytest.mark.parametrize("exponent", range(3, 13))
def test_a_whole_power_is_numpys_and_its_gradient_pytorchs(exponent):
    values = {"X": drawn(X)["X"] / 2}
    if exponent <= 5:
        check_readings(X**exponent, values, values["X"] ** exponent)
        check_gradients(X**exponent, values, lambda X: X**exponent)
    assert close(value(X**exponent, values), values["X"] ** exponent, tolerance=EXACT)


def test_powers_that_are_others():
    assert (X**1) is X
    assert text(X**2, "numpy") == text(apply("square", X), "numpy")
    assert text(X**0.5, "numpy") == "np.sqrt(X)"
    assert text(X**-1, "numpy") == "1 / X"
    assert text(X**-2, "numpy") == "1 / X ** 2"
    assert text(X**-0.5, "numpy") == "1 / np.sqrt(X)"
    assert text(X**0, "numpy") == "np.ones_like(X)"
    assert power(X, 3.0).settings == {"exponent": 3}


@pytest.mark.parametrize("exponent", [0.3, 13, 1.5, float("nan"), "2", None])
def test_a_power_that_spreadsheets_differ_on_is_refused(exponent):
    with pytest.raises(CellpropError, match="an exponent is"):
        power(X, exponent)


def test_a_power_is_made_of_squares_so_that_no_spreadsheet_takes_a_tiny_one_for_an_error():
    found = [formulas(X**n, lambda _: [["A1"] * 3] * 5)[0][0] for n in (3, 4, 5, 6)]
    assert found == [
        "SUMSQ(A1)*A1",
        "SUMSQ(SUMSQ(A1))",
        "SUMSQ(SUMSQ(A1))*A1",
        "SUMSQ(SUMSQ(A1)*A1)",
    ]


# --- By an index --------------------------------------------------------------------------


def test_rows_of_a_table_are_found_in_all_readings():
    values = {**drawn(embed(table, index)), "index": INDICES}
    rows = values["table"][[1, 3, 1, 0, 1]]
    check_readings(embed(table, index), values, rows)
    check_readings(embed(table * 2, index) + 1, values, rows * 2 + 1)


def test_what_goes_back_to_a_table_is_added_up_where_the_index_is_that_of_a_row():
    values = {**drawn(embed(table, index)), "index": INDICES}

    def theirs(table, index):
        torch = pytest.importorskip("torch")
        return torch.nn.functional.embedding(index[:, 0].long() - 1, table) ** 2

    check_gradients(embed(table, index) ** 2, values, theirs, "index")


def test_a_row_of_a_table_is_found_in_a_range_whichever_way_it_lies():
    def addresses(matrix):
        if matrix is index:
            return [[f"A{i}"] for i in range(1, 6)]
        return [[f"{letter}{i}" for letter in "CDE"] for i in range(1, 5)]

    assert formulas(embed(table, index), addresses)[1][2] == "INDEX(E1:E4,A2,1)"
    turned = formulas(embed(table, index), addresses, turned=[table])
    assert turned[1][2] == "INDEX(E1:E4,1,A2)"
    assert formulas(embed(table, index), addresses, scattered=True)[0][0] == (
        "CHOOSE(A1,C1,C2,C3,C4)"
    )


def test_what_is_no_index_finds_no_number():
    at = {"table": drawn(table)["table"], "index": np.array([[0.0], [5.0], [np.nan], [4.0], [1.0]])}
    found = value(embed(table, index), at)
    assert np.isnan(found).all(axis=1).tolist() == [True, True, True, False, False]


def test_ones_stand_at_the_places_of_indices():
    expected = np.eye(4)[[1, 3, 1, 0, 1]]
    check_readings(one_hot(index, 4), {"index": INDICES}, expected)
    assert one_hot(index, 4, "words").columns == Axis.numbered("words", 4)
    check_gradients(
        one_hot(index, 4, "words") @ table,
        {**drawn(table), "index": INDICES},
        lambda table, index: table[index[:, 0].long() - 1],
        "index",
    )


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda: embed(table, X), "`X` has 3 features where one column of indices is expected"),
        (lambda: one_hot(X, 3), "`X` has 3 features where one column of indices is expected"),
        (lambda: one_hot(index, 0), "has one place or more, not 0"),
    ],
)
def test_indices_that_are_none_are_refused(wrong, said):
    with pytest.raises(CellpropError, match=said):
        wrong()


# --- Shares and masks ---------------------------------------------------------------------


def test_a_softmax_goes_along_rows_or_columns():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    values = drawn(X)
    for axis in (0, 1):
        theirs = torch.softmax(torch.tensor(values["X"]), axis).numpy()
        assert close(value(softmax(X, axis), values), theirs, tolerance=EXACT)
    with pytest.raises(CellpropError, match="axis: expected 0"):
        softmax(X, 2)


def test_under_a_causal_mask_no_row_attends_to_what_is_behind_it():
    scores, mask = Matrix("scores", SAMPLES, SAMPLES), Matrix("mask", SAMPLES, SAMPLES)
    values = {"scores": drawn(scores)["scores"] * 50, "mask": causal_mask(5)}
    shares = value(softmax(scores + mask), values)
    assert not np.triu(shares, 1).any()
    assert close(shares.sum(axis=1), np.ones(5), tolerance=EXACT)
    assert values["mask"].tolist()[1] == [0, 0, -1000, -1000, -1000]


# --- Normalisation ------------------------------------------------------------------------

GAIN, SHIFT = Matrix("gain", ONE, FEATURES), Matrix("shift", ONE, FEATURES)


def theirs(norm, X, gain, shift):
    functional = pytest.importorskip("torch").nn.functional
    if norm is layer_norm:
        return functional.layer_norm(X, X.shape[1:], gain[0], shift[0])
    return functional.batch_norm(X, None, None, gain[0], shift[0], training=True)


@pytest.mark.parametrize("norm", [layer_norm, batch_norm])
def test_rows_and_columns_are_normed_as_in_pytorch(norm):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    expression = norm(X, GAIN, SHIFT)
    values = drawn(expression)
    expected = theirs(norm, *(torch.tensor(values[name]) for name in ("X", "gain", "shift")))
    assert close(value(expression, values), expected.numpy(), tolerance=EXACT)
    plain = norm(X, epsilon=0.01)
    axis = 1 if norm is layer_norm else 0
    x = values["X"]
    deviation = np.sqrt(x.var(axis=axis, keepdims=True) + 0.01)
    found = value(plain, values)
    assert close(found, (x - x.mean(axis=axis, keepdims=True)) / deviation, tolerance=EXACT)


@pytest.mark.parametrize("norm", [layer_norm, batch_norm])
def test_norms_in_parts_have_all_readings_and_the_gradients_of_pytorch(norm):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    parts = []

    def keep(name, part, symbol):
        parts.append(define(name, part, symbol))
        return parts[-1]

    normed = define("normed", norm(X, GAIN, SHIFT, keep=keep))
    weights = Matrix("weights", SAMPLES, FEATURES)
    given = [X, GAIN, SHIFT, weights]
    values = drawn(norm(X, GAIN, SHIFT) * weights)
    known = evaluate([*given, *parts, normed], values)
    assert [part.name for part in parts] == [
        "mean", "centred", "variance", "deviation", "standardised",
    ]  # fmt: skip
    for part in (*parts, normed):
        read = {m.name: known[m.name] for m in reads(part.definition)}
        check_readings(part.definition, read, known[part.name])
    tensors = [torch.tensor(values[m.name], requires_grad=True) for m in given[:3]]
    (theirs(norm, *tensors) * torch.tensor(values["weights"])).sum().backward()
    loss = define("loss", apply("total", normed * weights))
    names = {part.name: (f"d_{part.name}", "") for part in (*parts, normed)}
    backward = derive(loss, names, {}, sign=GRADIENTS)
    for matrix, tensor in zip(given[:3], tensors, strict=True):
        gradient = define("gradient", backward.wanted[matrix.name])
        steps = [backward.wanted[part.name] for part in (normed, *reversed(parts))]
        found = evaluate([*given, *parts, normed, loss, *in_turn(steps), gradient], values)
        assert close(found["gradient"], tensor.grad.numpy(), tolerance=EXACT), matrix.name


def in_turn(matrices):
    """Matrices in an order in which each comes after those it reads."""
    names, found = {m.name for m in matrices}, []
    while len(found) < len(matrices):
        done = {m.name for m in found}
        for matrix in matrices:
            read = {m.name for m in reads(matrix.definition)} & names
            if matrix.name not in done and read <= done:
                found.append(matrix)
                break
    return found


def test_the_range_of_what_is_normed_is_finite_and_holds_it():
    expression = layer_norm(X)
    values = drawn(expression)
    least, most = range_of(expression, {"X": (-2.0, 2.0)})
    assert least <= value(expression, values).min() < value(expression, values).max() <= most
    with pytest.raises(OverflowError, match="a divisor can be 0"):
        range_of(1 / X, {"X": (-1.0, 1.0)})
    assert range_of(1 / X, {"X": (0.5, 1.0)}) == (1.0, 2.0)
    with pytest.raises(CellpropError, match="epsilon is more than 0"):
        layer_norm(X, epsilon=0)


# --- As other programs read them ----------------------------------------------------------

TEXTS = {
    "a power": (X + 1) ** 3 - X**4,
    "the larger of a number below 0": maximum(X, -1),
    "a norm": layer_norm(X, GAIN, SHIFT),
    "a norm of columns": batch_norm(X),
    "a sum": X / sum_of(X * X) + 1,
}


def test_r_and_libreoffice_compute_the_texts(rscript, libreoffice, tmp_path):
    check_in_r(TEXTS, rscript, tmp_path)
    check_in_excel(TEXTS, libreoffice, tmp_path)


def test_r_and_libreoffice_compute_what_goes_by_an_index(rscript, libreoffice, tmp_path):
    known = {"a table": embed(table, index), "ones": one_hot(index, 4) * 2}
    values = {**drawn(table), "index": INDICES}
    check_in_r(known, rscript, tmp_path, values)
    check_in_excel(known, libreoffice, tmp_path, values)


def test_a_small_constant_is_written_out_for_every_spreadsheet():
    assert text(X + 1e-5, "excel") == "X+0.00001"
    assert text(X + 2.5e-7, "numpy") == "X + 0.00000025"
    assert text(X + 1e-300, "numpy") == "X + 1e-300"
