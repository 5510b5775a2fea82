"""Programs that a user writes: gradients are PyTorch's, and mistakes are named."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellprop.algebra import OPERATIONS, Applied, Number, apply, evaluate
from cellprop.errors import CellpropError
from cellprop.programs.building import Builder, program
from cellprop.programs.functions import (
    cross_entropy,
    greater,
    sigmoid,
    softmax,
    squared_error,
    tanh,
)
from cellprop.texts.captions import title
from cellprop.texts.words import load

torch = pytest.importorskip("torch")

IN_TORCH = {
    "product": lambda a, b: a @ b,
    "add": lambda a, b: a + b,
    "subtract": lambda a, b: a - b,
    "multiply": lambda a, b: a * b,
    "scale": lambda a, b: a * b,
    "transpose": lambda a: a.T,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "relu": torch.relu,
    "softmax": lambda a: torch.softmax(a, dim=1),
    "cross_entropy": lambda y, output: -(y * torch.log(output)),
    "squared_error": lambda y, output: (y - output) ** 2 / 2,
}


@program(inputs=2, hidden=3, outputs=2)
def rnn(m):
    W_x = m.parameter("W_x", "inputs", "hidden", "glorot")
    W_h = m.parameter("W_h", "hidden", "hidden", "normal")
    b = m.parameter("b", 1, "hidden", "ones")
    W_o = m.parameter("W_o", "hidden", "outputs", "he")
    h = m.zeros("h_0", "samples", "hidden")
    for t in (1, 2, 3):
        with m.step(f"Time {t}"):
            x = m.given(f"x_{t}", "samples", "inputs")
            z = m.define(f"z_{t}", x @ W_x + h @ W_h + b)
            h = m.define(f"h_{t}", tanh(z))
    with m.step("Output"):
        output = m.define("output", softmax(h @ W_o))
    return cross_entropy(m.target("y", "samples", "outputs"), output)


@program(inputs=3, hidden=2)
def autoencoder(m):
    x = m.given("x", "samples", "inputs")
    W = m.parameter("W", "inputs", "hidden")
    code = m.define("code", sigmoid(x @ W))
    decoded = m.define("decoded", code @ W.T)
    return squared_error(x, decoded)


@program(inputs=2, outputs=1, others=3)
def losses_of_two_shapes(m):
    x = m.given("x", "samples", "inputs")
    W, V = m.parameter("W", "inputs", "outputs"), m.parameter("V", "outputs", "others")
    with m.step("First"):
        first = m.define("first", tanh(x @ W))
    with m.step("Second"):
        second = m.define("second", first @ V + tanh(x @ W) @ V)
    targets = m.target("y_1", "samples", "outputs"), m.target("y_2", "samples", "others")
    return [squared_error(targets[0], first), squared_error(targets[1], second)]


def values_of(written, sizes, seed):
    """Return the program and the value of each of its matrices, for numbers that a seed draws."""
    made = written.program(sizes)
    known = written.initialise(sizes, seed) | written.written(sizes).values
    draw = np.random.default_rng(seed)
    for matrix in made.given:
        if matrix.name not in known:
            known[matrix.name] = draw.random(matrix.shape)
    if any(m.whole for m in made.matrices):  # with a softmax, targets are shares of a whole
        known["y"] /= known["y"].sum(axis=1, keepdims=True)
    return made, evaluate(made.matrices, known)


def in_torch(expression, tensors):
    if isinstance(expression, Number):
        return expression.value
    if isinstance(expression, Applied):
        return IN_TORCH[expression.operation.name](
            *(in_torch(operand, tensors) for operand in expression.operands)
        )
    if expression.name not in tensors:
        tensors[expression.name] = in_torch(expression.whole or expression.definition, tensors)
        tensors[expression.name].retain_grad()
    return tensors[expression.name]


def assert_gradients_are_those_of_torch(written, sizes, seed):
    made, values = values_of(written, sizes, seed)
    learnt = {m.name for m in made.parameters}
    tensors = {
        m.name: torch.tensor(values[m.name], dtype=torch.float64, requires_grad=m.name in learnt)
        for m in made.given
    }
    loss = sum(in_torch(each, tensors).sum() for each in made.losses)
    loss.backward()
    ours = sum(values[each.name].sum() for each in made.losses)
    assert ours == pytest.approx(loss.item(), rel=1e-12)
    compared = {n for n, t in tensors.items() if t.grad is not None and f"d_{n}" in values}
    assert compared >= learnt
    # What is large rounds off in what is small: where a tanh saturates, 1 − h² cancels.
    scale = max(np.abs(tensors[name].grad.numpy()).max() for name in compared)
    for name in compared:
        theirs = tensors[name].grad.numpy()
        assert np.abs(values[f"d_{name}"] - theirs).max() <= 1e-12 * scale, name
    for name in learnt:
        moved = values[name] - values[f"d_{name}"] * values["lr"]
        assert np.allclose(values[f"{name}_new"], moved, rtol=1e-12, atol=0)


@pytest.mark.parametrize("written", [rnn, autoencoder, losses_of_two_shapes], ids=lambda w: w.name)
@pytest.mark.parametrize("seed", range(3))
def test_loss_and_gradients_are_those_of_torch(written, seed):
    assert_gradients_are_those_of_torch(written, {"samples": 4}, seed)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.sampled_from(["tanh", "sigmoid", "again", "gate", "back"]), min_size=1,
                max_size=6), st.integers(0, 99))  # fmt: skip
def test_gradients_of_drawn_programs_are_those_of_torch(ways, seed):
    @program(width=2)
    def drawn(m):
        h = m.given("x", "samples", "width")
        W, b = m.parameter("W", "width", "width"), m.parameter("b", 1, "width")
        for n, way in enumerate(ways):
            made = {
                "tanh": lambda h=h: tanh(h @ W + b),
                "sigmoid": lambda h=h: sigmoid(h @ W),
                "again": lambda h=h: h + h @ W,
                "gate": lambda h=h: sigmoid(h @ W + b) * h + (1 - sigmoid(b)) * h,
                "back": lambda h=h: tanh(h @ W.T),
            }[way]()
            with m.step(f"Step {n}"):
                h = m.define(f"h_{n}", made)
        output = m.define("output", h @ W + b)
        return squared_error(m.target("y", "samples", "width"), output)

    assert_gradients_are_those_of_torch(drawn, {"samples": 3}, seed)


def test_each_share_of_a_gradient_is_shown_before_their_sum():
    made = rnn.program({"samples": 4})
    names = [matrix.name for matrix in made.matrices]
    shares = [f"d_W_h_z_{t}" for t in (3, 2, 1)]
    assert [n for n in names if n.startswith("d_W_h")] == [*shares, "d_W_h"]
    _, values = values_of(rnn, {"samples": 4}, 1)
    assert np.array_equal(values["d_W_h"], sum(values[name] for name in shares))


def test_there_is_a_backward_step_for_each_forward_step_in_reverse():
    made = rnn.program({"samples": 4})
    titles = [title(load(), step) for step in made.steps if step.kind == "backward"]
    times = [f"Time {t}, back{more}" for t in (3, 2, 1) for more in ("", " to its parameters")]
    assert titles == ["Output, back", *times, "Add up the shares of W_x, W_h, b"]
    assert [step.kind for step in made.steps][-1] == "update"


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam"])
def test_every_matrix_comes_after_those_that_it_reads_and_has_a_role(optimizer):
    made = rnn.program({"samples": 4}, optimizer=optimizer)
    values = {m.name: np.full(m.shape, 0.5) for m in made.given}
    assert evaluate(made.matrices, values).keys() == made.roles.keys()


def test_first_values_are_drawn_from_the_seed_by_the_rule_a_parameter_names():
    first, again = (rnn.initialise({"samples": 4}, seed=3) for _ in range(2))
    assert all(np.array_equal(first[name], again[name]) for name in first)
    assert np.array_equal(first["b"], np.ones((1, 3)))
    assert np.abs(first["W_x"]).max() <= np.sqrt(6 / 5)
    assert not np.array_equal(first["W_h"], rnn.initialise({"samples": 4}, seed=4)["W_h"])


def refused(body, **sizes):
    with pytest.raises(CellpropError) as caught:
        program(inputs=2, outputs=2, **sizes)(body).program({"samples": 3})
    assert "\n" not in str(caught.value)
    return str(caught.value)


def plain(m: Builder, name="output", parameter="W", extra=lambda m, x, W: x @ W):
    x = m.given("x", "samples", "inputs")
    W = m.parameter(parameter, "inputs", "outputs")
    with m.step("Middle"):
        output = m.define(name, extra(m, x, W))
    return squared_error(m.target("y", "samples", "outputs"), output)


def without_weights(m, x, W):
    return x @ m.constant("k", [[1, 2], [3, 4]], "inputs", "outputs")


@pytest.mark.parametrize("name", ["R", "c", "K1", "xfd12", "R1C1", "r2", "true", "false"])
def test_a_name_that_excel_refuses_is_refused(name):
    said = refused(lambda m: plain(m, parameter=name))
    assert f"Excel takes no matrix called {name}: write " in said


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (lambda m: plain(m, name="x"), "in step 'Middle': the name x is used twice."),
        (lambda m: plain(m, name="w"), "w and W differ in case only, which Excel ignores."),
        (lambda m: plain(m, name="lr"), "lr is the learning rate: take another name."),
        (lambda m: plain(m, name="a b"), "'a b' is no name"),
        (lambda m: plain(m, name="lambda"), "lambda is a word of Python or R itself"),
        (lambda m: plain(m, name="NULL"), "NULL is a word of Python or R itself: write NULL_."),
        (lambda m: plain(m, name="np"), "np is what NumPy is called: take another name."),
        (lambda m: plain(m, name="notation"), "notation is the cell of Contents in which"),
        (lambda m: plain(m, extra=lambda m, x, W: x @ [[1]]), "in step 'Middle': "),
        (lambda m: plain(m, extra=lambda m, x, W: m.stp), "AttributeError: 'Builder' object"),
        (lambda m: m.constant("k", [[1, 2], [3]]), "k: expected rows of equal length"),
        (lambda m: m.constant("k", "a"), "k: expected a number, found 'a'"),
        (lambda m: m.constant("k", [[[1]]]), "k has 3 dimensions; a matrix has two."),
        (lambda m: m.constant("k", [[1]], "a\nb"), "an axis of k is called 'a"),
        (lambda m: plain(m, extra=lambda m, x, W: W @ x), "in step 'Middle': `W` has 2 outputs"),
        (lambda m: plain(m) and None, "a loss is missing: return one, or a list of several."),
        (lambda m: plain(m, extra=without_weights), "depends on the parameter W: drop or use"),
        (lambda m: [m.given("u", "samples", "inputs"), plain(m)][1], "the given matrix u: drop"),
        (lambda m: m.given("x", "samples", "widths"), "how many widths there are is not known"),
        (lambda m: m.parameter("W", "inputs", 3), "an axis of W is a name, or 1"),
        (lambda m: m.parameter("W", "inputs", 1, "glorott"), "Did you mean 'glorot'?"),
        (lambda m: plain(m, name="d_W"), "the name d_W is also that of a matrix that follows"),
    ],
)  # fmt: skip
def test_a_mistake_gets_one_line(body, said):
    assert said in refused(body)


def test_a_mistake_is_named_with_the_line_of_the_users_file():
    def wrong(m):
        return plain(m, name="x")

    line = plain.__code__.co_firstlineno + 4
    assert refused(wrong).startswith(f"test_building.py, line {line}, in step 'Middle': ")


def test_a_program_that_calls_itself_without_end_is_refused():
    def endless(m):
        return endless(m)

    assert refused(endless) == "endless calls itself without end."


def test_an_operation_without_a_derivative_is_refused_where_it_is_used():
    name = next(n for n, row in OPERATIONS.items() if row.back is None and len(row.reads) == 1)
    said = refused(lambda m: plain(m, extra=lambda m, x, W: apply(name, x @ W)))
    assert f"in step 'Middle': output: the operation {name} has no derivative." in said


def test_what_can_not_learn_since_a_step_is_flat_is_named():
    said = refused(lambda m: plain(m, extra=lambda m, x, W: greater(x @ W, 0)))
    assert "nothing comes back to W, so it can't learn" in said


def test_a_step_beside_the_way_to_the_loss_is_shown_and_goes_back_to_nothing():
    def besides(m):
        loss = plain(m)
        m.define("fires", greater(m.parts[0].brings[-1], 0.5))
        return loss

    steps = program(inputs=3, outputs=2)(besides).program({"samples": 4}).steps
    names = [name for step in steps for name in step.matrices]
    assert "fires" in names
    assert "d_fires" not in names


@pytest.mark.parametrize("size", [0, -1, 2.0, True, "3"])
def test_a_size_that_is_none_is_refused(size):
    with pytest.raises(CellpropError, match=r"^inputs: expected a whole number of at least 1"):
        program(inputs=size)
