"""A trace holds the article's numbers, of any epoch of any network, and keeps them."""

from __future__ import annotations

import copy
import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cellprop
from cellprop import CellpropError, Network
from cellprop.algebra import text
from cellprop.tracing import Trace, article, trace
from reference import ARTICLE, Problem, close, differing, one_epoch, problem, problems, train


def traced(of: Problem, **options: int) -> Trace:
    return trace(
        Network(of.sizes), of.X, of.y, parameters=of.parameters, learning_rate=of.lr, **options
    )


# --- Numbers ------------------------------------------------------------------------------


def test_the_articles_numbers_are_those_of_its_listing():
    expected = one_epoch(ARTICLE.X, ARTICLE.y, ARTICLE.parameters, ARTICLE.lr)
    assert set(article().names) == set(expected)
    assert differing(article().values, expected) == []


def test_the_articles_output_after_5000_epochs_is_the_known_one():
    # The output that the loop of the listing computes in its last run, before the last update.
    run = traced(ARTICLE, epochs=5000, walk_epoch=5000)
    known = [[0.97760483], [0.9659898], [0.04731055]]
    assert run.values["output"].round(8).tolist() == known


@given(problems())
def test_every_number_is_that_of_the_listing(drawn):
    expected = one_epoch(drawn.X, drawn.y, drawn.parameters, drawn.lr)
    run = traced(drawn)
    assert set(run.names) == set(expected)
    assert differing(run.values, expected) == []


@given(problems(), st.data())
def test_any_epoch_can_be_walked_and_training_goes_on_to_the_last(drawn, data):
    epochs = data.draw(st.integers(1, 5))
    walk_epoch = data.draw(st.integers(1, epochs))
    run = traced(drawn, epochs=epochs, walk_epoch=walk_epoch)
    walked, losses, parameters = train(drawn.X, drawn.y, drawn.parameters, drawn.lr, epochs)
    assert differing(run.values, walked[walk_epoch - 1]) == []
    assert differing(run.parameters, parameters) == []
    assert close(run.history["loss"], losses)
    assert (run.epochs, run.walk_epoch) == (epochs, walk_epoch)


@given(problems())
def test_walking_the_last_epoch_gives_the_last_parameters(drawn):
    run = traced(drawn, epochs=3, walk_epoch=3)
    for name, array in run.parameters.items():
        assert array.tolist() == run.values[f"{name}_new"].tolist()


@given(problems(), problems())
def test_a_prediction_is_the_forward_pass_with_the_last_parameters(drawn, other):
    run = traced(drawn, epochs=2)
    new = np.resize(other.X, (len(other.X), drawn.sizes[0]))
    _, _, parameters = train(drawn.X, drawn.y, drawn.parameters, drawn.lr, 2)
    targets = np.zeros((len(new), drawn.sizes[2]))
    expected = one_epoch(new, targets, parameters, 0)
    assert close(run.predict(new), expected["output"])


def test_the_loss_is_summed_over_outputs_and_averaged_over_samples():
    run = traced(problem((2, 3, 4), 5))
    squared_error = run.values["squared_error"]
    assert close(run.history["loss"][0], squared_error.sum(axis=1).mean())


def test_a_learning_rate_of_zero_changes_nothing():
    run = trace(Network([4, 3, 1]), ARTICLE.X, ARTICLE.y, seed=3, learning_rate=0, epochs=3)
    assert all(run.values[f"{n}_new"].tolist() == a.tolist() for n, a in run.parameters.items())
    assert close(run.history["loss"], [run.history["loss"][0]] * 4)


def test_a_seed_draws_the_same_parameters_and_another_seed_others():
    runs = [trace(Network([4, 3, 1]), ARTICLE.X, ARTICLE.y, seed=s).values["wh"] for s in (1, 1, 2)]
    assert runs[0].tolist() == runs[1].tolist()
    assert runs[0].tolist() != runs[2].tolist()


def test_parameters_that_are_not_given_are_drawn_and_those_given_are_kept():
    wh = ARTICLE.parameters["wh"]
    run = trace(Network([4, 3, 1]), ARTICLE.X, ARTICLE.y, parameters={"wh": wh}, seed=5)
    assert run.values["wh"].tolist() == wh.tolist()
    drawn = Network([4, 3, 1]).initialise(5)
    assert run.values["wout"].tolist() == drawn["wout"].tolist()


# --- The promised contract ----------------------------------------------------------------


def test_names_are_those_of_the_contract_in_order_of_computation():
    assert article().names == (
        "X", "y", "lr", "wh", "bh", "wout", "bout", "hidden_layer_input",
        "hiddenlayer_activations", "output_layer_input", "output", "E", "squared_error",
        "slope_output_layer", "slope_hidden_layer", "d_output", "Error_at_hidden_layer",
        "d_hiddenlayer", "wout_new", "wh_new", "bout_new", "bh_new",
    )  # fmt: skip


def test_steps_are_numbered_0_to_11_and_titled_and_bring_all_matrices():
    steps = article().steps
    assert [step.number for step in steps] == list(range(12))
    assert all(step.title for step in steps)
    assert tuple(name for step in steps for name in step.matrices) == article().names


def test_step_7_is_the_delta_at_the_output_layer():
    step = article().step(7)
    assert (step.number, step.matrices) == (7, ("d_output",))
    assert step.title == "Delta at the output layer"


@pytest.mark.parametrize("number", [-1, 12, 2.5, "2.1", "seven", ""])
def test_a_step_that_does_not_exist_is_a_key_error_that_says_which_do(number):
    with pytest.raises(KeyError) as caught:
        article().step(number)
    assert str(caught.value) == f"There is no step {number}; there are steps 0 to 11."
    assert isinstance(caught.value, CellpropError)


def test_a_step_is_found_by_its_number_or_its_label():
    assert article().step("7") == article().step(7)
    assert [step.label for step in article().steps] == list(map(str, range(12)))


def deep() -> Trace:
    network = Network([2, 3, 2, 1], activation="tanh")
    return trace(network, [[0, 1], [1, 1]], [1, 0], seed=1)


def test_with_several_hidden_layers_the_steps_of_each_have_its_number():
    assert [step.label for step in deep().steps] == [
        "0", "1", "2.1", "3.1", "2.2", "3.2", "4", "5", "6", "7", "8.2", "9.2", "8.1", "9.1",
        "10", "11",
    ]  # fmt: skip
    assert [step.number for step in deep().steps] == [
        0, 1, 2, 3, 2, 3, 4, 5, 6, 7, 8, 9, 8, 9, 10, 11
    ]  # fmt: skip
    assert tuple(name for step in deep().steps for name in step.matrices) == deep().names


def test_a_layers_step_is_found_by_its_label_as_text_or_number():
    run = deep()
    assert run.step("2.1").matrices == run.step(2.1).matrices == ("hidden_layer_input_1",)
    assert run.step("9.2").matrices == ("d_hiddenlayer_2",)
    with pytest.raises(KeyError) as caught:
        run.step(2)
    assert str(caught.value) == (
        "There is no step 2; there are steps 0, 1, 2.1, 3.1, 2.2, 3.2, 4, 5, 6, 7, 8.2, 9.2,"
        " 8.1, 9.1, 10, 11."
    )


@pytest.mark.parametrize("again", [lambda step: pickle.loads(pickle.dumps(step)), copy.deepcopy])
def test_a_step_can_be_sent_to_another_process_and_copied(again):
    network = Network([2, 3, 3, 3, 3, 2], activation="leaky_relu", loss="cross_entropy")
    run = trace(network, [[1, 2], [2, 5]], [0, 1], seed=1, optimizer="adam", scale="standard")
    for step in run.steps:
        other = again(step)
        assert other == step
        for theirs, ours in zip(other.computed, step.computed, strict=True):
            assert text(theirs.definition, "numpy") == text(ours.definition, "numpy")
            assert theirs.is_scalar == ours.is_scalar


def test_without_hidden_layers_their_steps_are_missing():
    run = trace(Network([2, 1]), [[0, 1], [1, 1]], [1, 0], seed=1)
    assert [step.number for step in run.steps] == [0, 1, 4, 5, 6, 7, 10, 11]


def test_without_biases_the_step_that_updates_them_is_missing():
    run = trace(Network([2, 2, 1], bias=False), [[0, 1], [1, 1]], [1, 0], seed=1)
    assert [step.number for step in run.steps] == list(range(11))
    assert not [name for name in run.names if name.startswith(("bh", "bout"))]


def test_a_name_that_does_not_exist_is_a_key_error_that_suggests_and_lists():
    with pytest.raises(KeyError) as caught:
        article()["d_ouput"]
    message = str(caught.value)
    assert message.startswith("There is no matrix 'd_ouput'. Did you mean 'd_output'? There are: X")
    assert all(name in message for name in article().names)
    assert isinstance(caught.value, CellpropError)


@pytest.mark.parametrize("wrong", [["wh", "bh"], {"wh": 1}, slice(2), 7, None])
def test_what_is_no_name_is_a_key_error_too(wrong):
    with pytest.raises(KeyError, match="There is no matrix"):
        article()[wrong]


def test_every_matrix_is_a_frame_of_its_numbers():
    run = traced(problem((2, 3, 4), 5))
    for name in run.names:
        assert isinstance(run[name], pd.DataFrame)
        assert run[name].to_numpy().tolist() == run.values[name].tolist()


def labelled() -> Trace:
    people = pd.Index(["Anna", "Ben", "Cleo"])
    X = pd.DataFrame(ARTICLE.X, index=people, columns=["age", "height", "weight", "shoes"])
    y = pd.DataFrame(ARTICLE.y, index=people, columns=["ill"])
    return trace(Network([4, 3, 1]), X, y, seed=1)


LABELS = {
    "X": (("samples", ["Anna", "Ben", "Cleo"]), ("inputs", ["age", "height", "weight", "shoes"])),
    "y": (("samples", ["Anna", "Ben", "Cleo"]), ("outputs", ["ill"])),
    "wh": (("inputs", ["age", "height", "weight", "shoes"]), ("hidden", ["h1", "h2", "h3"])),
    "bh": (("one", [""]), ("hidden", ["h1", "h2", "h3"])),
    "wout": (("hidden", ["h1", "h2", "h3"]), ("outputs", ["ill"])),
    "E": (("samples", ["Anna", "Ben", "Cleo"]), ("outputs", ["ill"])),
    "d_hiddenlayer": (("samples", ["Anna", "Ben", "Cleo"]), ("hidden", ["h1", "h2", "h3"])),
    "wh_new": (("inputs", ["age", "height", "weight", "shoes"]), ("hidden", ["h1", "h2", "h3"])),
    "bout_new": (("one", [""]), ("outputs", ["ill"])),
}


@pytest.mark.parametrize("name", LABELS)
def test_labels_of_the_samples_frames_travel_to_every_matrix(name):
    frame = labelled()[name]
    found = tuple((axis.name, axis.tolist()) for axis in (frame.index, frame.columns))
    assert found == LABELS[name]


def test_samples_without_labels_are_numbered():
    run = article()
    assert run["X"].columns.tolist() == ["x1", "x2", "x3", "x4"]
    assert run["output"].index.tolist() == ["1", "2", "3"]
    assert run["output"].columns.tolist() == ["o1"]


def test_a_prediction_is_labelled_by_the_new_samples():
    new = pd.DataFrame([[0, 1, 0, 1]], index=["Dora"], columns=["age", "height", "weight", "shoes"])
    predicted = labelled().predict(new)
    assert predicted.index.tolist() == ["Dora"]
    assert predicted.columns.tolist() == ["ill"]


def test_a_prediction_of_samples_that_do_not_fit_says_so():
    with pytest.raises(CellpropError, match="`X` has 3 inputs, `wh` expects 4"):
        article().predict([[1, 0, 1]])


@pytest.mark.parametrize(
    "sample",
    [[1, 0, 1, 0], (1, 0), np.ones(4), pd.Series([1, 0, 1, 0]), pd.DataFrame(ARTICLE.X).loc[0]],
)
def test_one_sample_that_is_no_row_is_told_how_to_be_one(sample):
    with pytest.raises(
        CellpropError, match=r"^X: expected samples as rows of 4 numbers.*\[\[…\]\]"
    ):
        article().predict(sample)


def test_a_flat_list_is_a_sample_for_each_number_where_there_is_one_input():
    run = trace(Network([1, 2, 1]), [[0.0], [1.0]], [0, 1], seed=1)
    assert run.predict([0.0, 1.0]).equals(run.predict([[0.0], [1.0]]))


def test_a_series_is_one_column_with_its_name():
    y = pd.Series([1, 1, 0], name="ill")
    run = trace(Network([4, 3, 1]), ARTICLE.X, y, seed=1)
    assert run["output"].columns.tolist() == ["ill"]


@pytest.mark.parametrize("epochs", [0, 1, 4])
def test_the_history_goes_from_before_training_to_after_the_last_epoch(epochs):
    history = traced(ARTICLE, epochs=epochs).history
    assert history.index.tolist() == list(range(epochs + 1))
    assert history.index.name == "epoch"
    assert history.columns.tolist() == ["loss", "accuracy"]


def test_the_history_has_no_accuracy_where_targets_are_no_classes():
    assert traced(problem((2, 3, 1), 4)).history.columns.tolist() == ["loss"]


# --- Nothing changes a trace --------------------------------------------------------------


def test_a_traces_arrays_are_read_only():
    run = traced(ARTICLE, record=True, optimizer="adam")
    mappings = (run.values, run.parameters, run.start, run.carried, run.recorded)
    arrays = [array for mapping in mappings for array in mapping.values()]
    for array in (*arrays, run.losses, run.accuracies):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 7


@pytest.mark.parametrize(
    "mapping", ["values", "parameters", "start", "carried", "options", "recorded"]
)
def test_a_traces_mappings_take_no_items(mapping):
    with pytest.raises(TypeError, match="does not support item assignment"):
        getattr(traced(ARTICLE, record=True), mapping)["wh"] = np.zeros((4, 3))


def test_a_trace_knows_with_how_many_decimals_its_samples_were_written(tmp_path):
    (tmp_path / "d.csv").write_text("a,b,y\n1.25,3,0.5\n2,4,1\n", encoding="utf-8")
    samples = cellprop.read(tmp_path / "d.csv", target="y")
    run = trace(Network([2, 1]), samples.inputs, samples.targets, seed=1)
    assert run.written == {"X": (2, 0), "y": (1,)}


def test_a_traces_attributes_can_not_be_replaced():
    for name in ("epochs", "losses", "update", "values", "parameters", "steps", "epoch"):
        with pytest.raises(AttributeError):
            setattr(article(), name, 7)


def test_changing_what_a_trace_returned_does_not_change_the_trace():
    run = article()
    for frame in (run["d_output"], run.history, run.predict(ARTICLE.X)):
        frame.iloc[:, :] = 7.0
    assert differing(run.values, article().values) == []
    assert run.history.equals(article().history)


def test_changing_what_was_given_does_not_change_the_trace():
    given_arrays = {name: array.copy() for name, array in ARTICLE.parameters.items()}
    X, y = ARTICLE.X.copy(), ARTICLE.y.copy()
    run = trace(Network([4, 3, 1]), X, y, parameters=given_arrays)
    for array in (X, y, *given_arrays.values()):
        array[...] = 7
    assert differing(run.values, article().values) == []


def test_pandas_and_openpyxl_are_not_imported_before_they_are_needed():
    code = (
        "import sys, cellprop; cellprop.article();"
        "print([m for m in ('pandas', 'openpyxl', 'rich') if m in sys.modules])"
    )
    command = [sys.executable, "-c", code]
    src = str(Path(cellprop.__file__).parent.parent)
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, env={**os.environ, "PYTHONPATH": src}
    )
    assert done.stdout.strip() == "[]"


def test_the_package_offers_what_the_contract_promises():
    assert cellprop.article()["output"].shape == (3, 1)
    assert cellprop.trace is trace
    assert cellprop.Trace is Trace
    assert not hasattr(cellprop, "no_such_name")


# --- Bad input ----------------------------------------------------------------------------

NETWORK = Network([4, 3, 1])
X, Y = ARTICLE.X.tolist(), ARTICLE.y.tolist()
NAN, INFINITY = float("nan"), float("inf")


def replaced(rows: list[list[float]], row: int, column: int, value: object) -> list[list[object]]:
    return [
        [value if (i, j) == (row, column) else x for j, x in enumerate(numbers)]
        for i, numbers in enumerate(rows)
    ]


BAD = {
    "other inputs": ({"X": [[1, 2]] * 3}, "`X` has 2 inputs, `wh` expects 4."),
    "other outputs": ({"y": [[1, 2]] * 3}, "`y` has 2 outputs, `output` expects 1."),
    "other samples": (
        {"y": [1, 0]},
        "y: expected a row for each of the 3 samples of X, found 2.",
    ),
    "NaN": (
        {"X": replaced(X, 1, 2, NAN)},
        "X, row 2, column 3: expected a finite number within ±1e+50, found an empty cell (NaN).",
    ),
    "infinity": (
        {"y": replaced(Y, 2, 0, -INFINITY)},
        "y, row 3, column 1: expected a finite number within ±1e+50, found -inf.",
    ),
    "too large": (
        {"X": replaced(X, 0, 0, 1e51)},
        "X, row 1, column 1: expected a finite number within ±1e+50, found 1e+51.",
    ),
    "text": (
        {"X": replaced(X, 2, 1, "abc")},  # in a list of numbers, the cell is named all the same
        "X, row 3, column 2: expected a number, found 'abc'.",
    ),
    "ragged rows": (
        {"X": [[1, 2, 3, 4], [1, 2, 3], [1, 2, 3, 4]]},
        "X: expected rows of equal length, found rows that differ.",
    ),
    "no rows": (
        {"X": []},
        "X: expected at least one row and one column, found 0 rows × 1 columns.",
    ),
    "no columns": (
        {"X": [[], [], []]},
        "X: expected at least one row and one column, found 3 rows × 0 columns.",
    ),
    "a box": ({"X": np.zeros((3, 4, 2))}, "X: expected a table with a row for each sample,"),
    "one number": ({"X": 5}, "X: expected a table with a row for each sample, found 0 dimensions."),
    "nothing": ({"X": None}, "X: expected a number, found nothing."),
    "a labelled cell": (
        {"X": pd.DataFrame(replaced(X, 1, 3, NAN), index=["a", "b", "c"], columns=list("pqrs"))},
        "X, row 2 (b), column 4 (s): expected a finite number",
    ),
    "a negative rate": ({"learning_rate": -1}, "learning_rate: expected 0 or more, found -1."),
    "a rate of NaN": ({"learning_rate": NAN}, "learning_rate: expected a finite number"),
    "an infinite rate": ({"learning_rate": INFINITY}, "learning_rate: expected a finite number"),
    "two rates": ({"learning_rate": [0.1, 0.2]}, "learning_rate: expected one number, found 2."),
    "a rate as text": ({"learning_rate": "0.1"}, "learning_rate: expected a number, found '0.1'."),
    "no rate": ({"learning_rate": None}, "learning_rate: expected a number, found nothing."),
    "less than no epochs": (
        {"epochs": -1},
        "epochs: expected a whole number of at least 0, found -1.",
    ),
    "half an epoch": ({"epochs": 1.5}, "epochs: expected a whole number of at least 0, found 1.5."),
    "a truth": ({"epochs": True}, "epochs: expected a whole number of at least 0, found True."),
    "the second epoch of none": (
        {"epochs": 0, "walk_epoch": 2},
        "walk_epoch: expected 1 to 1, the number of epochs, found 2.",
    ),
    "the epoch before the first": ({"walk_epoch": 0}, "walk_epoch: expected a whole number of at"),
    "an epoch after the last": (
        {"epochs": 3, "walk_epoch": 4},
        "walk_epoch: expected 1 to 3, the number of epochs, found 4.",
    ),
    "an unknown parameter": (
        {"parameters": {"wouts": [[1]]}},
        "parameters: there is no 'wouts'; there are wh, bh, wout, bout. Did you mean 'wout'?",
    ),
    "a parameter of another shape": (
        {"parameters": {"wh": [[1, 2], [3, 4]]}},
        "wh: expected 4 × 3 numbers, found 2 × 2.",
    ),
    "a parameter with text": (
        {"parameters": {"bout": [["x"]]}},
        "bout, row 1, column 1: expected a number, found 'x'.",
    ),
    "a parameter with NaN": (
        {"parameters": {"wout": [[1], [2], [NAN]]}},
        "wout, row 3, column 1: expected a finite number within ±1e+50, found an empty cell (NaN).",
    ),
    "a parameter that has no name": (
        {"parameters": [1]},
        "parameters: expected values by name, such as {'name': …}.",
    ),
    "an optimizer that is no name": (
        {"optimizer": ["adam"]},
        "optimizer: '['adam']' is not known; known: sgd, momentum, adam.",
    ),
    "a negative seed where nothing is drawn": (
        {"seed": -1, "shuffle": True, "batch_size": 1},
        "seed: expected a whole number of at least 0, found -1.",
    ),
    "a negative seed": (
        {"seed": -1, "parameters": {}},
        "seed: expected a whole number of at least 0, found -1.",
    ),
}


@pytest.mark.parametrize("what", BAD)
def test_bad_input_is_one_clear_line(what):
    options, message = BAD[what]
    chosen = {"X": X, "y": Y, "parameters": ARTICLE.parameters, **options}
    with pytest.raises(CellpropError) as caught:
        trace(NETWORK, chosen.pop("X"), chosen.pop("y"), **chosen)
    found = str(caught.value)
    assert len(found.splitlines()) == 1
    assert found.startswith(message)


EXTREME = st.sampled_from([0.0, 1.0, -1.0, 1e50, -1e50])


@given(st.lists(EXTREME, min_size=12, max_size=12), st.sampled_from([0.0, 0.1, 1e50]))
def test_the_largest_numbers_that_are_accepted_train_without_overflow(numbers, rate):
    block = np.array(numbers)
    run = trace(
        Network([2, 2, 1]),
        block[:2].reshape(1, 2),
        block[2:3],
        parameters={
            "wh": block[3:7].reshape(2, 2),
            "bh": block[7:9],
            "wout": block[9:11].reshape(2, 1),
            "bout": block[11:],
        },
        learning_rate=rate,
        epochs=3,
        walk_epoch=3,
    )
    assert all(np.isfinite(array).all() for array in (*run.values.values(), run.losses))


def test_a_trace_is_written_in_one_line():
    shown = repr(cellprop.article())
    assert "\n" not in shown
    assert "epoch 1 of 1" in shown
    assert "d_output" in shown


# --- The article's second half ------------------------------------------------------------


def test_the_notebooks_squared_errors_are_those_that_the_article_prints():
    found = cellprop.example("notebook")["squared_error"].to_numpy().ravel()
    assert [f"{error:.8f}" for error in found] == ["0.05013458", "0.03727248", "0.25388062"]


def test_the_errors_of_the_moons_are_those_that_the_article_prints():
    printed = {0: 0.23478, 1000: 0.25, 2000: 0.25, 3000: 0.25, 4000: 0.05129, 5000: 0.02163}
    printed[6000] = 0.01157
    history = cellprop.example("moons", epochs=6000).history["loss"]
    assert {epoch: round(history[epoch], 5) for epoch in printed} == printed
