"""Backward definitions follow from the forward ones, under the names they are given."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cellprop
from cellprop.algebra import (
    CALL,
    CHANGES,
    GRADIENTS,
    ONE,
    OPERATIONS,
    PLUS,
    Axis,
    Form,
    Matrix,
    apply,
    concatenate,
    define,
    derive,
    elementwise,
    evaluate,
    exp,
    in_parts,
    log,
    losses,
    maximum,
    minimum,
    pad,
    square,
    square_root,
    statement,
    sum_over_columns,
    sum_over_rows,
    text,
)
from cellprop.errors import CellpropError
from reference import close

SAMPLES, INPUTS, HIDDEN, OUTPUTS = (
    Axis.numbered(name, size)
    for name, size in (("samples", 4), ("inputs", 3), ("hidden", 2), ("outputs", 2))
)
X = Matrix("X", SAMPLES, INPUTS)
y = Matrix("y", SAMPLES, OUTPUTS)
w = Matrix("w", INPUTS, OUTPUTS)
b = Matrix("b", ONE, OUTPUTS)
c = Matrix("c", SAMPLES, ONE)
s = Matrix("s", ONE, ONE)
z = Matrix("z", SAMPLES, OUTPUTS)
GIVEN = (X, y, w, b, c, s, z)

# Outputs to differentiate, each in all the matrices that it reads.
EXPRESSIONS = {
    "a product and a row": X @ w + b,
    "a column": X @ w - c,
    "a column before": c - z,
    "a scalar": z * s + b,
    "a scalar before": s * z,
    "element by element": z * (X @ w) + z,
    "a row times a column": z + b * c,
    "quotients": z / (square(b) + 1) - z / (square(s) + 2),
    "a square": square(z - X @ w),
    "a transpose": (w.T @ X.T).T,
    "an activation": apply("sigmoid", X @ w + b),
    "activations within": z * apply("sigmoid", apply("sigmoid", z) * s),
    "a constant": (1 - z) * 3 + b,
    "the same twice": z * z + z,
    "sums of columns": z * sum_over_rows(X @ w + z) + b,
    "sums of rows": z * sum_over_columns(X @ w + z) - c,
    "a sum of sums": z * sum_over_columns(sum_over_rows(z)) + c,
    "tanh": apply("tanh", X @ w + b),
    "relu": apply("relu", X @ w + b),
    "leaky relu": apply("leaky_relu", X @ w - c) * s,
    "softplus": apply("softplus", X @ w - c) * s,
    "elu": apply("elu", X @ w - c) * s,
    "silu": apply("silu", X @ w - c) * s,
    "gelu": apply("gelu", X @ w - c) * s,
    "linear": apply("linear", X @ w + b),
    "softmax": apply("softmax", X @ w + b),
    "softmax within": z * apply("softmax", apply("softmax", z) * s),
    "a square root": square_root(square(z) + b * b) + X @ w,
    "an exponential": apply("exponential", X @ w) * s,
    "a logarithm": log(square(X @ w) + 1) * s,
    "the larger of two": maximum(X @ w, b) * z + maximum(c, b),
    "the smaller of two": minimum(z, X @ w) * s - minimum(0.3, z),
    "a ratio": apply("ratio", z, square(X @ w) + 1),
    "a ratio to a spread": apply("ratio_to_spread", z - b, square_root(square(c) + 2)),
    "the largest of each row": z / (square(apply("maximum_over_columns", X @ w + z)) + 1),
    "the largest of each column": z - apply("maximum_over_rows", X @ w + z),
    "the smallest of each column": z * apply("minimum_over_rows", z - c) + b,
    "one or the other": z + apply("if_more", z, X @ w, b, least="0.1"),
    "steps": z * apply("greater", X @ w, c) + apply("at_least", X @ w, z) * b,
    "an absolute": apply("absolute", z - X @ w) * s,
    "a total": z * apply("total", X @ w + z) + b,
    "a leak of another size": apply("leaky_relu", X @ w - c, leak=0.3) * s,
    "a transpose of a transpose": X @ w.T.T + b,
    "slices": X[:, 1] * z[::-1] + X[::-1, 2] + z[1],
    "what is joined": concatenate(w, z[1:2] * 2, name="samples") * z,
    "what is padded": pad(z[1:3], (1, 1)) * (X @ w) + c,
    "what is put among zeros": apply("place", square(z[0:3]), z, rows="1:4") * z,
    "powers": (X @ w) ** 3 * s + z**4,
    "activations of activations": apply("tanh", apply("leaky_relu", z) * apply("relu", X @ w)),
}


# They take whole numbers, or have settings of their own: see `test_functions`, `test_windows`.
HELD_AGAINST_PYTORCH = (
    "embed", "one_hot", "convolve", "convolve_back", "max_pool", "sum_pool", "unpool",
)  # fmt: skip


def loss_of(output):
    return define("loss", apply("squared_error", y, define("output", output)))


def values(seed):
    random = np.random.default_rng(seed)
    return {matrix.name: random.uniform(-1.5, 1.5, matrix.shape) for matrix in GIVEN}


def total(loss, given):
    return evaluate(in_order(*GIVEN, loss), given)["loss"].sum()


def in_order(*last):
    """Return matrices and all that they are computed from, in order of computation."""
    found = {}

    def visit(expression):
        if isinstance(expression, Matrix) and expression.name not in found:
            if expression.definition is not None:
                visit(expression.definition)
            found[expression.name] = expression
        for operand in getattr(expression, "operands", ()):
            visit(operand)

    for matrix in last:
        visit(matrix)
    return list(found.values())


def slope_at(loss, given, name, cell, step=1e-6):
    """Return the derivative of the loss by one number, from the loss at either side of it."""
    sides = []
    for sign in (1, -1):
        moved = {k: v.copy() for k, v in given.items()}
        moved[name][cell] += sign * step
        sides.append(total(loss, moved))
    return (sides[0] - sides[1]) / (2 * step)


def assert_gradients(loss, backward, given_values):
    """The changes wanted are the negative gradients by all given matrices but the targets."""
    read = [matrix for matrix in GIVEN if matrix.name in backward.wanted and matrix is not y]
    assert read
    for matrix in read:
        change = define("change", backward.wanted[matrix.name])
        assert change.shape == matrix.shape
        found = evaluate(in_order(*GIVEN, change), given_values)["change"]
        for cell in np.ndindex(matrix.shape):
            slope = slope_at(loss, given_values, matrix.name, cell)
            assert found[cell] == pytest.approx(-slope, rel=1e-6, abs=1e-7), matrix.name


@pytest.mark.parametrize("name", EXPRESSIONS)
@pytest.mark.parametrize("seed", range(3))
def test_the_change_wanted_is_the_negative_gradient_by_finite_differences(name, seed):
    loss = loss_of(EXPRESSIONS[name])
    assert_gradients(loss, derive(loss, {}, {}), values(seed))


def test_every_operation_with_a_derivative_is_differentiated_above():
    def operations(expression):
        if hasattr(expression, "operation"):
            yield expression.operation.name
            for operand in expression.operands:
                yield from operations(operand)

    differentiated = {name for drawn in EXPRESSIONS.values() for name in operations(drawn)}
    with_derivative = {
        name
        for name, row in OPERATIONS.items()
        if row.is_activation or (row.back and not row.is_loss)
    }
    assert differentiated | set(HELD_AGAINST_PYTORCH) == with_derivative
    assert {*with_derivative, *NO_DERIVATIVE, *losses()} == set(OPERATIONS)


def softmax_in_parts(entered, named="output"):
    """Return a matrix that a softmax computes, with its parts named as the steps name them."""
    last = in_parts("softmax", entered, lambda part, e, _: define(f"{named}_{part}", e))
    return define(named, last, whole=apply("softmax", entered))


@pytest.mark.parametrize("seed", range(3))
def test_a_softmax_in_parts_is_differentiated_as_a_whole(seed):
    entered = define("entered", X @ w + b)
    loss = define("loss", apply("squared_error", y, softmax_in_parts(entered)))
    backward = derive(loss, {"output": ("E", "E"), "entered": ("d", "d")}, {})
    wanted = text(backward.wanted["entered"].definition, "numpy")
    assert wanted == "output * (E - (output * E).sum(axis=1, keepdims=True))"
    assert not {"output_sum", "output_exponentials"} & set(backward.wanted)
    assert_gradients(loss, backward, values(seed))


def cross_entropies():
    """Yield losses of every kind of output, with whether the activation's slope cancels."""
    entered = define("entered", X @ w + b)
    sigmoid = define("output", apply("sigmoid", entered))
    product = define("output", apply("sigmoid", entered) * apply("sigmoid", z))
    softmax = softmax_in_parts(entered)
    softmax_at_once = define("output", apply("softmax", entered))
    for name, output, cancels in (
        ("binary_cross_entropy", sigmoid, True),
        ("binary_cross_entropy", product, False),
        ("binary_cross_entropy", softmax, False),
        ("cross_entropy", softmax, True),
        ("cross_entropy", softmax_at_once, True),
        ("cross_entropy", sigmoid, False),
        ("cross_entropy", product, False),
    ):
        yield define("loss", apply(name, y, output)), cancels


NAMED = {"output": ("E", "E"), "entered": ("d", "D")}


@pytest.mark.parametrize("seed", range(3))
def test_the_cross_entropies_are_differentiated_with_cancelling_and_without(seed):
    given_values = values(seed)
    given_values["y"] = np.abs(given_values["y"])
    given_values["y"] /= given_values["y"].sum(axis=1, keepdims=True)
    for loss, cancels in cross_entropies():
        for backward in (derive(loss, {}, {}), derive(loss, NAMED, {"output": ("slope", "S")})):
            assert set(backward.long_way) == ({"output"} if cancels else set())
            assert "y" not in backward.wanted
            assert_gradients(loss, backward, given_values)


@given(seed=st.integers(0, 2**32 - 1))
def test_the_long_way_gives_what_the_short_way_gives(seed):
    given_values = values(seed)
    given_values["y"] = np.abs(given_values["y"])
    given_values["y"] /= given_values["y"].sum(axis=1, keepdims=True)
    for loss, cancels in cross_entropies():
        if cancels:
            backward = derive(loss, NAMED, {"output": ("slope", "S")})
            check = define("check", backward.long_way["output"])
            short = backward.wanted["entered"]
            assert text(short.definition, "numpy") == "y - output"
            found = evaluate(in_order(*GIVEN, short, check), given_values)
            assert close(found["check"], found["d"])


def test_the_long_way_is_written_with_the_names_of_the_steps_before():
    texts = {}
    for loss, cancels in cross_entropies():
        backward = derive(loss, NAMED, {"output": ("slope", "S")})
        if cancels:
            operation = loss.definition.operation.name
            change = text(backward.wanted["output"].definition, "numpy")
            texts[operation] = change, text(backward.long_way["output"], "numpy")
    assert texts == {
        "binary_cross_entropy": ("(y - output) / (output * (1 - output))", "E * slope"),
        "cross_entropy": (
            "y / output",
            "output * (E - (output * E).sum(axis=1, keepdims=True))",
        ),
    }


def test_nothing_goes_back_beyond_what_is_given():
    before = define("before", apply("positive", X))  # has no derivative
    output = define("output", before @ w)
    loss = define("loss", apply("squared_error", y, output))
    with pytest.raises(ValueError, match="positive has no derivative"):
        derive(loss, {}, {})
    assert set(derive(loss, {}, {}, given=(before, y)).wanted) == {"output", "w", "before", "y"}


def deep_network(depth):
    """Return a network of sigmoid layers and its parameters, written without any backward step."""
    parameters, names, slopes = [], {}, {}
    layer, axis = X, INPUTS
    for k in range(1, depth + 1):
        after = Axis.numbered(f"layer {k}", 2) if k < depth else OUTPUTS
        parameters += [Matrix(f"w_{k}", axis, after), Matrix(f"b_{k}", ONE, after)]
        entered = define(f"in_{k}", layer @ parameters[-2] + parameters[-1])
        layer, axis = define(f"out_{k}", apply("sigmoid", entered)), after
        names |= {entered.name: (f"d_{k}", ""), layer.name: (f"error_{k}", "")}
        slopes[layer.name] = (f"slope_{k}", "")
    loss = define("loss", apply("squared_error", y, layer))
    return loss, parameters, derive(loss, names, slopes)


@given(depth=st.integers(1, 4), seed=st.integers(0, 2**32 - 1))
def test_networks_of_any_depth_get_their_backward_steps(depth, seed):
    loss, parameters, backward = deep_network(depth)
    random = np.random.default_rng(seed)
    given_values = {m.name: random.uniform(-2, 2, m.shape) for m in (X, y, *parameters)}
    # A plain NumPy network: activations forwards, then deltas back.
    layers = [given_values["X"]]
    for k in range(1, depth + 1):
        entered = layers[-1] @ given_values[f"w_{k}"] + given_values[f"b_{k}"]
        layers.append(1 / (1 + np.exp(-entered)))
    delta = (given_values["y"] - layers[-1]) * layers[-1] * (1 - layers[-1])
    computed = evaluate(chain(loss, parameters, backward), given_values)
    for k in range(depth, 0, -1):
        assert close(computed[f"d_{k}"], delta)
        assert close(computed[f"change_of_w_{k}"], layers[k - 1].T @ delta)
        assert close(computed[f"change_of_b_{k}"], delta.sum(axis=0, keepdims=True))
        if k > 1:
            delta = delta @ given_values[f"w_{k}"].T * layers[k - 1] * (1 - layers[k - 1])


def chain(loss, parameters, backward):
    """Return all matrices of a network in order of computation, and the parameters' changes."""
    changes = [define(f"change_of_{m.name}", backward.wanted[m.name]) for m in parameters]
    return in_order(loss, *changes)


ARTICLE = {
    "E": "E = y - output",
    "slope_output_layer": "slope_output_layer = output * (1 - output)",
    "slope_hidden_layer": (
        "slope_hidden_layer = hiddenlayer_activations * (1 - hiddenlayer_activations)"
    ),
    "d_output": "d_output = E * slope_output_layer",
    "Error_at_hidden_layer": "Error_at_hidden_layer = d_output @ wout.T",
    "d_hiddenlayer": "d_hiddenlayer = Error_at_hidden_layer * slope_hidden_layer",
    "wout_new": "wout_new = wout + hiddenlayer_activations.T @ d_output * lr",
    "wh_new": "wh_new = wh + X.T @ d_hiddenlayer * lr",
    "bout_new": "bout_new = bout + d_output.sum(axis=0, keepdims=True) * lr",
    "bh_new": "bh_new = bh + d_hiddenlayer.sum(axis=0, keepdims=True) * lr",
}


@pytest.mark.parametrize("name", ARTICLE)
def test_what_is_derived_is_what_the_article_writes(name):
    assert statement(cellprop.article().matrix(name), "numpy") == ARTICLE[name]


def test_a_slope_without_a_name_is_written_out():
    loss = loss_of(apply("sigmoid", z))
    wanted = derive(loss, {"output": ("E", "E")}, {}).wanted["z"]
    assert text(wanted, "numpy") == "E * (output * (1 - output))"


# --- Sums of losses, and whatever else is made of them ---------------------------------------

entered = define("entered", X @ w + b)
output = define("output", apply("sigmoid", entered))
shares = define("shares", apply("softmax", z * s))
first, second = (
    define(n, apply("squared_error", y, o)) for n, o in (("first", output), ("second", shares))
)
entropy = define("entropy", apply("binary_cross_entropy", y, output))
chosen = define("chosen", apply("cross_entropy", y, shares))
penalty = sum_over_columns(sum_over_rows(square(w)))
LOSSES = {
    "a sum": first + second,
    "a sum of one by name and one written out": first + apply("squared_error", y, z),
    "a sum of three": sum([first, second, apply("squared_error", y, X @ w)]),
    "losses of the same output": first + entropy,
    "losses whose slopes cancel": entropy + chosen,
    "the same loss twice": entropy + entropy,
    "the same loss twice, squared": first + first,
    "a difference": first - second,
    "a difference of losses whose slopes cancel": chosen - entropy * 0.25,
    "a loss with its sign turned": -entropy,
    "a loss and a penalty": first + penalty * 0.01,
    "a penalty alone": penalty,
    "a loss and a penalty that has no other part": entropy + apply("squared_error", y, b),
    "a number times a loss": 0.5 * entropy,
    "a loss times a number": first * 3,
    "a number between losses": 1 - first,
    "a loss divided": chosen / 3,
    "a loss divided by a matrix": first / (square(z) + 1),
    "a weight of each output": chosen * b,
    "a weight of each sample": chosen * c,
    "a weight of each cell": chosen * z,
    "a weight that is given": entropy * s + chosen * square(s),
    "a loss squared": square(first),
    "a product of losses": first * second,
    "the mean over samples": sum_over_rows(first) / 4,
    "the sum of all": sum_over_columns(sum_over_rows(entropy + chosen)),
    "a row beside a whole": first + sum_over_rows(entropy),
    "a loss across": (first.T + chosen.T).T,
    "a loss through an activation": apply("tanh", first) + apply("sigmoid", chosen),
    "a loss by another name": define("renamed", entropy),
    "an output by another name": apply("squared_error", y, define("renamed", output)),
    "a loss of a parameter": apply("squared_error", y, b) + apply("squared_error", y, z),
    "a loss of losses": apply("squared_error", first, entropy),
    "an output used twice": entropy + output * z,
    "a target that is computed": apply("squared_error", output, z),
    "a target that is computed from the same": apply("squared_error", X @ w, output),
    "smoothed targets": apply("cross_entropy", y * 0.8 + 0.1, shares),
    "a matrix that is no loss": square(z) + b,
}  # fmt: skip


def shares_for_targets(seed):
    """Numbers of which the targets of a sample add up to 1, as the shortcut of a softmax asks."""
    found = values(seed)
    found["y"] = np.abs(found["y"]) / np.abs(found["y"]).sum(axis=1, keepdims=True)
    return found


@pytest.mark.parametrize("name", LOSSES)
def test_what_is_made_of_losses_has_the_gradient_of_finite_differences(name):
    loss = define("loss", LOSSES[name])
    for names in ({}, NAMED):
        backward = derive(loss, names, {})
        assert {"w", "z", "b", "s"} & set(backward.wanted)
        assert_gradients(loss, backward, shares_for_targets(len(name)))


def test_a_loss_need_not_have_a_name():
    for made in (first + second, 0.5 * entropy, entropy):
        backward, values = derive(made, {}, {}), shares_for_targets(1)
        assert_gradients(define("loss", made), backward, values)


def test_losses_whose_slopes_cancel_stay_short_in_a_sum():
    loss = define("loss", entropy * 0.5 + chosen)
    backward = derive(loss, NAMED | {"shares": ("Es", "Es")}, {})
    assert text(backward.wanted["entered"].definition, "numpy") == "(y - output) * 0.5"
    assert set(backward.long_way) == {"output", "shares"}


@pytest.mark.parametrize("loss", [first + entropy, chosen * z, chosen * b, entropy + output * z])
def test_slopes_do_not_cancel_where_more_than_the_loss_is_made_of_an_output(loss):
    backward = derive(define("loss", loss), {}, {})
    assert backward.long_way == {}


@pytest.mark.parametrize("loss", [X, define("loss", (X + 0).operands[1]), (X + 1).operands[1]])
def test_what_is_not_computed_has_no_derivative(loss):
    with pytest.raises(CellpropError, match="is not computed from anything"):
        derive(loss, {}, {})


def test_targets_that_move_with_the_output_are_refused_where_they_have_no_derivative():
    moving = define("moving", apply("sigmoid", z))
    for loss in (apply("cross_entropy", moving, shares), apply("binary_cross_entropy", z, moving)):
        with pytest.raises(CellpropError, match="no derivative by its targets, which depend on z"):
            derive(define("loss", loss), {}, {})
        assert derive(define("loss", loss), {}, {}, given=(z,))


@pytest.mark.parametrize("wrong", ["1", None, [1.0], np.ones((4, 2)), 1j])
def test_only_matrices_and_numbers_make_an_expression(wrong):
    def combine(a, b):
        return [lambda: a + b, lambda: a - b, lambda: a * b, lambda: a / b]

    for made in (*combine(first, wrong), *combine(wrong, first), lambda: first @ wrong):
        with pytest.raises(CellpropError, match="an expression takes matrices and numbers, not"):
            made()


@pytest.mark.parametrize("number", [np.inf, -np.inf, np.nan])
def test_a_number_that_no_formula_can_hold_is_refused(number):
    with pytest.raises(CellpropError, match="is finite and not negative"):
        number * first


def test_a_number_below_0_is_a_subtraction_on_either_side():
    shown = {
        "X - 2": X + -2,
        "X + 2": X - -2,
        "0 - X * 2": X * -2,
        "0 - 2 * X": -2 * X,
        "0 - X / 2": X / -2,
        "0 - 2 / X": -2 / X,
        "0 - 2 - X": -2 - X,
        "0 - 2 + X": -2 + X,
        "np.maximum(X, 0 - 2)": maximum(X, -2),
        "0 - X": -X,
        "2 - X": 2 - X,
        "X ** 3": X**3,
    }
    for written, expression in shown.items():
        assert text(expression, "numpy") == written
        at = {"X": np.array([[0.5, -4.0, 1.0]] * 4)}
        found = evaluate([X, define("result", expression)], at)["result"]
        assert found.tolist() == eval(written, {"np": np, **at}).tolist()


# Steps, which are flat wherever they are not broken: nothing goes back through them.
NO_DERIVATIVE = (
    "all_equal", "equal", "gelu_slope", "largest_at", "largest_in_windows", "ones",
    "positive", "positive_or_leak",
)  # fmt: skip
COMPARES = ("all_equal", "equal")


@pytest.mark.parametrize("operation", NO_DERIVATIVE)
def test_an_operation_without_a_derivative_is_named(operation):
    operands = (z, X @ w) if operation in COMPARES else (z,)
    with pytest.raises(ValueError, match=f"^the operation {operation} has no derivative$"):
        # One number for all, since windows are fewer than lines.
        derive(loss_of(z + apply("total", apply(operation, *operands))), {}, {})


# --- The sign, and what the contract promises ------------------------------------------------


@pytest.mark.parametrize("name", [*EXPRESSIONS, *LOSSES])
def test_the_changes_wanted_are_the_gradients_with_the_other_sign(name):
    loss = define("loss", LOSSES[name]) if name in LOSSES else loss_of(EXPRESSIONS[name])
    changes, gradients = (derive(loss, NAMED, {}, sign=sign) for sign in (CHANGES, GRADIENTS))
    assert set(changes.wanted) == set(gradients.wanted)
    assert set(changes.long_way) == set(gradients.long_way)
    at = shares_for_targets(3)
    for matrix in GIVEN:
        if matrix.name in changes.wanted:
            change, gradient = (
                evaluate(in_order(*GIVEN, found), at)["found"]
                for found in (define("found", b.wanted[matrix.name]) for b in (changes, gradients))
            )
            assert close(change, -gradient), matrix.name


def test_gradients_are_written_with_the_signs_of_the_field():
    texts = {}
    for loss, name in ((first, "squared_error"), (entropy, "binary_cross_entropy")):
        backward = derive(loss, NAMED, {"output": ("slope", "S")}, sign=GRADIENTS)
        texts[name] = [text(backward.wanted[n].definition, "numpy") for n in ("output", "entered")]
    assert texts == {
        "squared_error": ["output - y", "E * slope"],
        "binary_cross_entropy": ["(output - y) / (output * (1 - output))", "output - y"],
    }


def test_numbers_that_are_all_the_largest_share_what_goes_back():
    alike = {"z": np.array([[1.0, 1.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])}
    largest = sum_over_rows(apply("maximum_over_columns", z) * c)
    change = define("change", derive(define("loss", largest), {}, {}, sign=GRADIENTS).wanted["z"])
    found = evaluate(in_order(z, c, change), alike | {"c": np.full((4, 1), 2.0)})["change"]
    assert found.tolist() == [[1, 1], [2, 0], [1, 1], [0, 2]]


def test_a_transpose_of_a_transpose_is_the_matrix_itself():
    assert X.T.T is X
    assert (X @ w).T.T.T.operands[0].operation.name == "product"


def test_an_operation_without_a_result_of_its_own_needs_only_its_local_derivative():
    """A row passes the adjoint of its result on, times its derivative: here of three operands."""
    blend = elementwise(
        "blend",
        lambda share, a, b: share * a + (1 - share) * b,
        maths=Form("{0} ⊙ {1} + (1 − {0}) ⊙ {2}", PLUS, (CALL, CALL, CALL)),
        numpy=Form("{0} * {1} + (1 - {0}) * {2}", PLUS, (CALL, CALL, CALL)),
        excel=Form("{0}*{1}+(1-{0})*{2}", PLUS, (CALL, CALL, CALL)),
        back=lambda g, _, share, a, b: (g * (a - b), g * share, g * (1 - share)),
    )
    loss = loss_of(apply(blend, apply("sigmoid", c), X @ w, b))
    assert_gradients(loss, derive(loss, {}, {}), values(1))


@pytest.mark.parametrize("name", ["maximum", "minimum", "log", "exp"])
def test_gradients_are_those_of_pytorch_where_numbers_are_alike_too(name):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    functions = {"maximum": maximum, "minimum": minimum, "log": log, "exp": exp}
    a, other = Matrix("a", SAMPLES, OUTPUTS), Matrix("other", SAMPLES, OUTPUTS)
    first = np.array([[0.5, 1.0], [2.0, 0.25], [1.5, 1.5], [0.75, 3.0]])
    second = np.array([[0.5, 2.0], [1.0, 0.25], [1.5, 0.5], [1.0, 3.0]])
    operands = (a, other) if name in ("maximum", "minimum") else (a,)
    result = define("result", functions[name](*operands))
    loss = define("loss", apply("squared_error", y, result))
    theirs = [torch.tensor(v, requires_grad=True) for v in (first, second)[: len(operands)]]
    targets = np.linspace(-1, 1, 8).reshape(4, 2)
    errors = getattr(torch, name)(*theirs) - torch.tensor(targets)
    (errors.square() / 2).sum().backward()
    backward = derive(loss, {}, {}, sign=GRADIENTS)
    for operand, tensor in zip(operands, theirs, strict=True):
        gradient = define("gradient", backward.wanted[operand.name])
        known = {"a": first, "other": second, "y": targets}
        found = evaluate(in_order(a, other, y, gradient), known)["gradient"]
        assert close(found, tensor.grad.numpy(), tolerance=1e-12)
