"""Written programs with data: numbers are those of NumPy by hand, and misfits are named."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import cellprop
from cellprop import cross_entropy, softmax, squared_error, tanh
from cellprop.errors import CellpropError, InputError

X = {
    "x_1": [[0.5, -0.1], [-0.8, 0.3], [0.1, 0.2]],
    "x_2": [[0.2, 0.9], [-0.1, -0.4], [-0.6, 0.7]],
}
y = [1, 0, 1]


@cellprop.program(hidden=3, outputs=2)
def rnn(m):
    """Two time steps.

    More that nobody sees.
    """
    W_x = m.parameter("W_x", "inputs", "hidden")
    W_h = m.parameter("W_h", "hidden", "hidden")
    b = m.parameter("b", 1, "hidden", "normal")
    W_o = m.parameter("W_o", "hidden", "outputs")
    h = m.zeros("h_0", "samples", "hidden")
    for t in (1, 2):
        with m.step(f"Time {t}"):
            x = m.given(f"x_{t}", "samples", "inputs")
            z = m.define(f"z_{t}", x @ W_x + h @ W_h + b)
            h = m.define(f"h_{t}", tanh(z))
    with m.step("Output"):
        scores = m.define("scores", h @ W_o)
        output = m.define("output", softmax(scores))
    return cross_entropy(m.target("y", "samples", "outputs"), output)


@cellprop.program(inputs=2)
def line(m):
    x = m.given("x", "samples", "inputs")
    w = m.parameter("w", "inputs", 1)
    output = m.define("output", x @ w)
    return squared_error(m.target("y", "samples", 1), output)


def by_hand(parameters, one_hot, rows):
    """The loss of each sample and the gradients of some samples, in plain NumPy."""
    W_x, W_h, b, W_o = (parameters[name] for name in ("W_x", "W_h", "b", "W_o"))
    x_1, x_2 = (np.array(X[name])[rows] for name in ("x_1", "x_2"))
    h_1 = np.tanh(x_1 @ W_x + b)
    h_2 = np.tanh(x_2 @ W_x + h_1 @ W_h + b)
    e = np.exp(h_2 @ W_o)
    output = e / e.sum(axis=1, keepdims=True)
    d_scores = output - one_hot[rows]
    d_z_2 = d_scores @ W_o.T * (1 - h_2**2)
    d_z_1 = d_z_2 @ W_h.T * (1 - h_1**2)
    gradients = {
        "W_x": x_1.T @ d_z_1 + x_2.T @ d_z_2,
        "W_h": h_1.T @ d_z_2,
        "b": (d_z_1 + d_z_2).sum(axis=0, keepdims=True),
        "W_o": h_2.T @ d_scores,
    }
    return -(one_hot[rows] * np.log(output)).sum(axis=1), gradients


def descended(run, epochs, rate, *, size=3, average=False):
    """The losses and parameters of plain gradient descent, from the run's first parameters."""
    parameters = {name: np.array(values) for name, values in run.start.items()}
    one_hot, everything, losses = np.eye(2)[y], np.arange(3), []
    for _ in range(epochs):
        losses.append(by_hand(parameters, one_hot, everything)[0].mean())
        for begin in range(0, 3, size):
            rows = everything[begin : begin + size]
            _, gradients = by_hand(parameters, one_hot, rows)
            for name, gradient in gradients.items():
                parameters[name] -= rate * gradient / (len(rows) if average else 1)
    losses.append(by_hand(parameters, one_hot, everything)[0].mean())
    return losses, parameters


@pytest.mark.parametrize(
    "options",
    [{}, {"batch_size": 2}, {"batch_size": 2, "average": True}, {"average": True}],
    ids=str,
)
def test_training_is_gradient_descent_by_hand(options):
    run = cellprop.trace(rnn, X, y, seed=1, epochs=20, learning_rate=0.3, **options)
    size, average = options.get("batch_size", 3), options.get("average", False)
    losses, parameters = descended(run, 20, 0.3, size=size, average=average)
    assert np.allclose(run.losses, losses, rtol=1e-12, atol=0)
    for name, values in parameters.items():
        assert np.allclose(run.parameters[name], values, rtol=1e-11, atol=1e-13), name


def test_every_matrix_of_the_walked_update_is_a_labelled_table():
    inputs = pd.DataFrame(X["x_1"], columns=["heat", "rain"], index=["mon", "tue", "wed"])
    run = cellprop.trace(rnn, X | {"x_1": inputs}, ["no", "yes", "no"], seed=1)
    _, gradients = by_hand(run.start, np.array([[1, 0], [0, 1], [1, 0]]), np.arange(3))
    assert np.allclose(run["d_W_x"], gradients["W_x"], rtol=1e-12)
    assert list(run["d_W_x"].index) == ["heat", "rain"]
    assert list(run["z_2"].index) == ["mon", "tue", "wed"]
    assert list(run["output"].columns) == ["no", "yes"]
    assert run["d_W_h_z_2"].equals(run["d_W_h_z_2"])
    assert repr(run).startswith("<Trace of program rnn, epoch 1 of 1, loss ")


@pytest.mark.parametrize("optimizer", ["momentum", "adam"])
def test_every_update_rule_trains_it(optimizer):
    run = cellprop.trace(
        rnn, X, y, seed=1, epochs=60, learning_rate=0.05, optimizer=optimizer, record=True,
        batch_size=2, shuffle=True,
    )  # fmt: skip
    assert run.losses[-1] < run.losses[0] / 2
    assert run.recorded["W_x"].shape == (61, 2, 3)
    assert set(run.history.columns) >= {"loss", "W_o[1, 2]"}


def test_other_data_are_predicted_with_the_last_parameters():
    run = cellprop.trace(rnn, X, y, seed=1, epochs=5)
    again = run.predict(X)
    walked = cellprop.trace(rnn, X, y, parameters=run.parameters)
    assert np.allclose(again, walked["output"], rtol=1e-12)
    two = run.predict({name: rows[:2] for name, rows in X.items()})
    assert np.allclose(two, again[:2], rtol=1e-12)


def test_a_single_table_needs_no_name():
    run = cellprop.trace(line, [[1, 2], [3, 4]], [5, 6], parameters={"w": [1, 1]})
    assert run["output"].to_numpy().tolist() == [[3], [7]]
    assert run["d_w"].to_numpy().tolist() == [[-2 + 3], [-4 + 4]]
    assert run.predict([[1, 0]]).shape == (1, 1)


def test_the_same_seed_draws_the_same_parameters_and_those_given_are_kept():
    first, second = (cellprop.trace(rnn, X, y, seed=4) for _ in range(2))
    assert all(np.array_equal(first.start[n], second.start[n]) for n in first.start)
    frame = pd.DataFrame(np.eye(3), index=["h3", "h2", "h1"], columns=["h1", "h2", "h3"])
    third = cellprop.trace(rnn, X, y, seed=4, parameters={"W_h": frame})
    assert np.array_equal(third.start["W_o"], first.start["W_o"])


def test_classes_that_are_right_are_counted():
    run = cellprop.trace(rnn, X, y, seed=1, epochs=30, learning_rate=0.5)
    predicted = run.predict(X).to_numpy().argmax(axis=1)
    assert run.accuracies[-1] == np.mean(predicted == np.array(y))
    assert len(run.accuracies) == 31
    assert cellprop.trace(line, [[1, 2]], [5], seed=1).accuracies is None


def test_what_is_said_of_it_is_the_first_paragraph():
    assert rnn.about == "Two time steps."


def test_a_program_without_samples_sees_all_at_once():
    @cellprop.program()
    def alone(m):
        x = m.given("x", "words", "features")
        W = m.parameter("W", "features", "features")
        return squared_error(m.target("y", "words", "features"), m.define("output", x @ W))

    data = {"x": [[1, 2], [3, 4], [0, 1]]}
    run = cellprop.trace(alone, data, [[1, 0], [0, 1], [1, 1]], seed=1, epochs=3)
    assert (run.batches, run.program.deals) == (1, False)
    with pytest.raises(InputError, match=r"^batch_size: alone has no axis called samples"):
        cellprop.trace(alone, data, [[1, 0], [0, 1], [1, 1]], batch_size=1)


def test_samples_may_lie_in_columns_and_are_dealt_along_the_axis_that_is_named():
    @cellprop.program("days", outputs=1)
    def turned(m):
        x = m.given("x", "inputs", "days")
        W = m.parameter("W", "outputs", "inputs")
        return squared_error(m.target("y", "outputs", "days"), m.define("output", W @ x))

    data, wanted = np.arange(8.0).reshape(2, 4) / 8, np.array([[1.0, 0.0, 0.5, 0.2]])
    run = cellprop.trace(
        turned, data, wanted, batch_size=3, parameters={"W": [[0.1, 0.2]]}, walk_batch=2
    )
    first = np.array([[0.1, 0.2]])
    moved = first - 0.1 * (first @ data[:, :3] - wanted[:, :3]) @ data[:, :3].T
    assert run["x"].shape == (2, 1)
    assert np.allclose(run["W"], moved, rtol=1e-12)


# --- Mistakes -----------------------------------------------------------------------------

WRONG = {
    "a name": ({"x_1": X["x_1"], "x2": X["x_2"]}, y, {}, "X: the program takes no 'x2'"),
    "one missing": ({"x_1": X["x_1"]}, y, {}, "X: x_2 missing; the program takes x_1, x_2."),
    "no names": (X["x_1"], y, {}, "X: expected tables by name"),
    "samples": (X | {"x_2": X["x_2"][:2]}, y, {}, "x_2: expected 3 samples, as x_1 has, found 2."),
    "inputs": (X | {"x_2": [[1]] * 3}, y, {}, "x_2: expected 2 inputs, as x_1 has, found 1."),
    "targets": (X, y[:2], {}, "y: expected 3 samples, as x_1 has, found 2."),
    "classes": (X, [0, 1, 2], {}, "y: 3 classes (0, 1, 2) need a network of 3 outputs, found 2."),
    "shares": (X, [[1, 1]] * 3, {}, "y, row 1: cross_entropy wants targets that add up to 1"),
    "a number": (X | {"x_1": [["a", 1]] * 3}, y, {}, "x_1, row 1, column 1: expected a number"),
    "scale": (X, y, {"scale": "minmax"}, "scale: rnn is a program"),
    "parameter": (X, y, {"parameters": {"W": 1}}, "parameters: there is no 'W'; there are W_x"),
    "shape": (X, y, {"parameters": {"W_x": [[1, 2]]}}, "W_x: expected 2 × 3 numbers, found 1 × 2."),
    "batch": (X, y, {"batch_size": 4}, "batch_size: expected 1 to 3"),
}


@pytest.mark.parametrize("what", WRONG)
def test_data_that_do_not_fit_are_refused_in_a_line(what):
    data, targets, options, said = WRONG[what]
    with pytest.raises(CellpropError) as caught:
        cellprop.trace(rnn, data, targets, **options)
    assert str(caught.value).startswith(said)
    assert "\n" not in str(caught.value)


def test_a_mistake_in_the_program_is_told_with_its_line_whatever_the_data():
    @cellprop.program(inputs=2, outputs=2)
    def wrong(m):
        x = m.given("x", "samples", "inputs")
        W = m.parameter("W", "outputs", "inputs")
        with m.step("Times"):
            z = m.define("z", W @ x)
        return squared_error(m.target("y", "samples", "outputs"), z)

    with pytest.raises(CellpropError, match=r"^test_written.py, line \d+, in step 'Times': "):
        cellprop.trace(wrong, [[1, 2]], [[1, 2]])


def test_an_exercise_of_a_program_that_nobody_could_calculate_is_refused():
    from cellprop.marking.question import ask

    @cellprop.program(inputs=2, outputs=1)
    def long(m):
        x = m.given("x", "samples", "inputs")
        total = x
        for _ in range(300):
            total = total + x
        return squared_error(m.target("y", "samples", 1), total @ m.parameter("W", "inputs", 1))

    update = cellprop.trace(long, [[0.001, 0.002]], [1]).update
    with pytest.raises(InputError, match=r"^long: too large, or too long in one definition"):
        ask(update)


def test_a_function_that_is_not_decorated_is_refused():
    with pytest.raises(InputError, match=r"^network: expected a Network, or a program that"):
        cellprop.trace(rnn.function, X, y)


def test_a_program_has_no_network():
    run = cellprop.trace(line, [[1, 2]], [1])
    assert not hasattr(run, "network")
