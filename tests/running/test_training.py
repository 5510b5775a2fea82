"""Training goes batch by batch and epoch by epoch, can be watched, stopped and carried on."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellprop import CellpropError, Network
from cellprop.errors import InputError
from cellprop.running import training, walking
from cellprop.running.training import Plan, Training
from cellprop.tracing import Trace, trace
from reference import USUAL, Optimiser, close, in_order, train_any

RANDOM = np.random.default_rng(5)
X = RANDOM.normal(size=(7, 2))
Y = np.array([[1.0], [0], [0], [1], [1], [0], [1]])
CLASSES = np.eye(3)[[0, 2, 1, 1, 0, 2, 0]]
SEVERAL = np.array([[1.0, 1], [0, 1], [0, 0], [1, 0], [1, 1], [0, 1], [0, 0]])
NETWORK = Network([2, 3, 1])
BATCHES = {"batch_size": 3}


def run_of(epochs: int, **options: Any) -> Trace:
    chosen = {"network": NETWORK, "X": X, "y": Y, "seed": 1, "learning_rate": 0.3} | options
    return trace(chosen.pop("network"), chosen.pop("X"), chosen.pop("y"), epochs=epochs, **chosen)


def lists(arrays: Any) -> dict[str, Any]:
    return {name: array.tolist() for name, array in arrays.items()}


# --- Accuracy -----------------------------------------------------------------------------

DECISIONS = {
    "yes or no": (Network([2, 3, 1]), Y, lambda o, y: (o > 0.5) == (y == 1)),
    "one of several": (
        Network([2, 4, 3], loss="cross_entropy"),
        CLASSES,
        lambda o, y: o.argmax(axis=1) == y.argmax(axis=1),
    ),
    "one of several sigmoids": (
        Network([2, 4, 3], loss="binary_cross_entropy"),
        CLASSES,
        lambda o, y: o.argmax(axis=1) == y.argmax(axis=1),
    ),
    "each yes or no": (
        Network([2, 3, 2], activation="tanh", loss="binary_cross_entropy"),
        SEVERAL,
        lambda o, y: ((o > 0.5) == (y == 1)).all(axis=1),
    ),
}


@pytest.mark.parametrize("what", DECISIONS)
@pytest.mark.parametrize("batches", [{}, BATCHES])
def test_the_accuracy_is_the_share_of_samples_decided_rightly(what, batches):
    network, y, right = DECISIONS[what]
    runs = [run_of(n, network=network, y=y, learning_rate=2, **batches) for n in range(30)]
    expected = [np.mean(right(run.predict(X).to_numpy(), y)) for run in runs]
    assert len(set(expected)) > 1
    assert close(runs[-1].accuracies, expected)
    assert runs[-1].history["accuracy"].tolist() == runs[-1].accuracies.tolist()
    assert runs[-1].decision == what.removesuffix(" sigmoids")


NO_CLASSES = {
    "targets between 0 and 1": (NETWORK, Y * 0.9),
    "other numbers": (NETWORK, Y + 1),
    "tanh outputs": (Network([2, 3, 1], activation="tanh"), Y),
    "linear outputs": (Network([2, 3, 1], output_activation="linear"), Y),
    "uneven classes": (Network([2, 3, 2], loss="cross_entropy"), np.tile([0.4, 0.6], (7, 1))),
}


@pytest.mark.parametrize("what", NO_CLASSES)
def test_where_nothing_is_right_or_wrong_there_is_no_accuracy(what):
    network, y = NO_CLASSES[what]
    run = run_of(2, network=network, y=y)
    assert (run.accuracies, run.decision) == (None, None)
    assert run.history.columns.tolist() == ["loss"]


# --- Batches ------------------------------------------------------------------------------


def dealt(epochs: int, size: int, **options: Any) -> list[list[list[str]]]:
    """Return the labels of the samples that each update of each epoch saw."""
    found = []
    for epoch in range(1, epochs + 1):
        runs = [
            run_of(epochs, batch_size=size, walk_epoch=epoch, walk_batch=k, **options)
            for k in range(1, -(-len(X) // size) + 1)
        ]
        assert {run.batches for run in runs} == {len(runs)}
        found.append([run["X"].index.tolist() for run in runs])
    return found


@pytest.mark.parametrize("size", [1, 2, 3, 6, 7])
@pytest.mark.parametrize("shuffle", [False, True])
def test_every_epoch_sees_every_sample_once_and_the_last_batch_has_the_rest(size, shuffle):
    for batches in dealt(2, size, shuffle=shuffle):
        assert [len(batch) for batch in batches] == [len(b) for b in in_order(7, size)]
        assert sorted(label for batch in batches for label in batch) == list("1234567")


def test_without_shuffling_every_epoch_goes_in_order():
    assert dealt(2, 3) == [[list("123"), list("456"), list("7")]] * 2


def test_shuffling_deals_the_samples_out_anew_for_each_epoch_by_the_seed():
    first, again, other = (dealt(3, 3, shuffle=True, seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert first != other
    assert len({str(batches) for batches in first}) == 3


def test_shuffling_does_not_change_which_parameters_are_drawn():
    shuffled, plain = (run_of(1, batch_size=2, shuffle=shuffle) for shuffle in (True, False))
    assert lists(shuffled.start) == lists(plain.start) == lists(NETWORK.initialise(1))
    assert lists(shuffled.parameters) != lists(plain.parameters)


def test_all_samples_at_once_are_the_same_however_they_are_dealt():
    shuffled, plain = (run_of(3, shuffle=shuffle) for shuffle in (True, False))
    assert shuffled["X"].equals(plain["X"])
    assert lists(shuffled.parameters) == lists(plain.parameters)


def test_a_batch_as_large_as_all_samples_is_no_batch():
    assert lists(run_of(3, batch_size=7).values) == lists(run_of(3).values)


def test_the_samples_of_a_batch_keep_their_labels_and_targets():
    frame = pd.DataFrame(X, index=list("abcdefg"), columns=["p", "q"])
    targets = pd.Series(Y.ravel(), index=frame.index, name="ill")
    run = run_of(1, X=frame, y=targets, batch_size=3, walk_batch=2, shuffle=True)
    for name in ("X", "output", "d_output", "y"):
        assert run[name].index.tolist() == run["X"].index.tolist()
    assert run["X"].equals(frame.loc[run["X"].index].rename_axis(run["X"].index.name).rename_axis(
        columns=run["X"].columns.name
    ))  # fmt: skip
    assert run["y"]["ill"].tolist() == targets.loc[run["y"].index].tolist()
    assert (run.samples, run.batches, run.walk_batch) == (7, 3, 2)


def test_the_loss_is_over_all_samples_whatever_an_update_sees():
    run = run_of(2, batch_size=2, shuffle=True)
    outputs = [run_of(n, batch_size=2, shuffle=True).predict(X).to_numpy() for n in range(3)]
    assert close(run.losses, [np.sum((o - Y) ** 2) / 2 / 7 for o in outputs])


@given(st.integers(1, 7), st.sampled_from([*USUAL]), st.booleans(), st.integers(0, 6))
def test_whichever_update_is_walked_training_is_the_same(size, optimizer, shuffle, which):
    options = {"batch_size": size, "optimizer": optimizer, "shuffle": shuffle, "record": True}
    plain = run_of(2, **options)
    epoch, batch = which % 2 + 1, which % plain.batches + 1
    walked = run_of(2, walk_epoch=epoch, walk_batch=batch, **options)
    assert close(walked.losses, plain.losses)
    assert all(close(walked.carried[n], array) for n, array in plain.carried.items())
    assert all(close(walked.recorded[n], array) for n, array in plain.recorded.items())


# --- Recording and progress ---------------------------------------------------------------


@pytest.mark.parametrize("optimizer", USUAL)
@pytest.mark.parametrize("batches", [{}, {"batch_size": 2, "shuffle": True}])
def test_what_is_recorded_is_what_shorter_runs_end_with(optimizer, batches):
    options = {"optimizer": optimizer, **batches}
    run = run_of(4, record=True, **options)
    for done in range(5):
        shorter = run_of(done, **options)
        assert {n: array[done].tolist() for n, array in run.recorded.items()} == lists(
            shorter.carried
        )
        assert run.losses[: done + 1].tolist() == shorter.losses.tolist()
    assert lists(run.start) == {n: array[0].tolist() for n, array in run.recorded.items()}
    assert lists(run.carried) == {n: array[-1].tolist() for n, array in run.recorded.items()}


def test_the_history_of_a_recorded_run_has_a_column_for_each_parameter():
    run = run_of(3, record=True)
    cells = [
        f"{name}[{i + 1}, {j + 1}]"
        for name, shape in NETWORK.shapes.items()
        for i, j in np.ndindex(shape)
    ]
    assert run.history.columns.tolist() == ["loss", "accuracy", *cells]
    assert run.history["wh[2, 3]"].tolist() == run.recorded["wh"][:, 1, 2].tolist()
    assert len(run.history) == 4


def test_recording_changes_nothing_else():
    recorded, plain = run_of(3, record=True), run_of(3)
    assert lists(recorded.values) == lists(plain.values)
    assert plain.recorded is None


@pytest.mark.parametrize("walk_epoch", [1, 3, 5])
def test_progress_is_told_how_many_epochs_are_done_and_wanted(walk_epoch, monkeypatch):
    monkeypatch.setattr(training, "SECONDS_BETWEEN_REPORTS", -1.0)
    told: list[tuple[int, int]] = []
    run_of(5, walk_epoch=walk_epoch, progress=lambda *done: told.append(done))
    # The walked epoch itself is not reported.
    assert told == [(done, 5) for done in range(1, 6) if done != walk_epoch]


def test_progress_is_told_now_and_then_only(monkeypatch):
    monkeypatch.setattr(training, "SECONDS_BETWEEN_REPORTS", 1e9)
    told: list[tuple[int, int]] = []
    run_of(5, progress=lambda *done: told.append(done))
    assert told == []


# --- Ctrl+C -------------------------------------------------------------------------------


class Interrupting:
    """Presses Ctrl+C when training, but for its walked epoch, has computed so often."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, at: int) -> None:
        self.left, self.pressed, self.training = at, False, False

        def planned(*arguments: Any) -> Plan:
            found = training.plan(*arguments)
            return Plan(self.counted(found.report), self.counted(found.update))

        def train(this: Training, upto: int) -> bool:
            self.training = True
            try:
                return trained(this, upto)
            finally:
                self.training = False

        trained = Training.train
        monkeypatch.setattr(walking, "plan", planned)
        update = training.update
        monkeypatch.setattr(walking, "updating", lambda *given: self.counted(update(*given)))
        monkeypatch.setattr(Training, "train", train)

    def counted(self, function: Any) -> Any:
        def run(values: Any) -> Any:
            if self.training:
                self.left -= 1
            if self.left < 0 and not self.pressed:
                self.pressed = True
                raise KeyboardInterrupt
            return function(values)

        return run


def assert_sound(run: Trace, options: dict[str, Any]) -> None:
    """A run that was stopped is what a run of only so many epochs is."""
    assert run.interrupted
    assert run.stopped == f"training: stopped after epoch {run.epochs} of 6."
    assert run.walk_epoch <= run.epochs < 7
    assert len(run.losses) == len(run.accuracies) == len(run.history) == run.epochs + 1
    assert {len(array) for array in run.recorded.values()} == {run.epochs + 1}
    shorter = run_of(run.epochs, walk_epoch=run.walk_epoch, walk_batch=run.walk_batch, **options)
    assert not shorter.stopped
    for found, expected in (
        (run.carried, shorter.carried),
        (run.parameters, shorter.parameters),
        (run.values, shorter.values),
        (run.recorded, shorter.recorded),
    ):
        assert lists(found) == lists(expected)
    assert run.losses.tolist() == shorter.losses.tolist()
    assert run.accuracies.tolist() == shorter.accuracies.tolist()
    assert run.predict(X).equals(shorter.predict(X))


INTERRUPTED = {
    "all at once, before and after": {"walk_epoch": 4},
    "all at once, after": {"walk_epoch": 1},
    "in batches, before and after": {"walk_epoch": 3, "batch_size": 3, "walk_batch": 2},
    "dealt out, before and after": {"walk_epoch": 3, "batch_size": 3, "shuffle": True},
    "Adam, before and after": {"walk_epoch": 4, "batch_size": 4, "optimizer": "adam"},
}


@pytest.mark.parametrize("what", INTERRUPTED)
def test_ctrl_c_at_any_moment_leaves_the_run_of_the_epochs_that_were_done(what):
    options = {"record": True, **INTERRUPTED[what]}
    rest = {n: v for n, v in options.items() if n not in ("walk_epoch", "walk_batch")}
    ended = set()
    for at in range(1000):
        with pytest.MonkeyPatch.context() as monkeypatch:
            ctrl_c = Interrupting(monkeypatch, at)
            run = run_of(6, **options)
        if not ctrl_c.pressed:
            break
        assert_sound(run, rest)
        # What was to be walked was not reached: the first update of the epoch that came next was.
        reached = run.epochs >= options["walk_epoch"]
        assert run.walk_epoch == min(run.epochs, options["walk_epoch"])
        assert run.walk_batch == (options.get("walk_batch", 1) if reached else 1)
        ended.add(run.epochs)
    assert ended == {*range(1, 6)}
    assert not run.stopped
    assert not run.interrupted
    assert len(run.losses) == 7


@pytest.mark.parametrize("done", range(1, 6))
@pytest.mark.parametrize("batches", [{}, {"batch_size": 3, "shuffle": True}])
def test_ctrl_c_while_progress_is_told_leaves_what_was_done(done, batches, monkeypatch):
    monkeypatch.setattr(training, "SECONDS_BETWEEN_REPORTS", -1.0)

    def stop(epochs: int, wanted: int) -> None:
        if epochs == done:
            raise KeyboardInterrupt

    options = {"record": True, **batches}
    run = run_of(6, walk_epoch=1, progress=stop, **options) if done > 1 else None
    if run:
        assert run.epochs == done
        assert_sound(run, options)
    # Before the epoch to be walked: the next one is walked, and is the last.
    run = run_of(6, walk_epoch=6, progress=stop, **options)
    assert run.epochs == run.walk_epoch == done + 1
    assert_sound(run, options)


# --- Divergence ---------------------------------------------------------------------------

DIVERGING = {
    "relu": Network([2, 3, 3, 1], activation="relu", output_activation="linear"),
    "linear": Network([2, 1], activation="linear"),
    "leaky relu": Network([2, 1], activation="leaky_relu", bias=False),
}
AT_ONCE = Network([2, 3, 1], activation="linear")


@pytest.mark.parametrize("what", DIVERGING)
@pytest.mark.parametrize("batches", [{}, {"batch_size": 3, "shuffle": True}])
def test_training_that_diverges_keeps_what_was_before_and_says_where(what, batches):
    options = {"network": DIVERGING[what], "learning_rate": 100, "record": True, **batches}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        last = run_of(100, **options).epochs
        shorter = run_of(last, **options)
        diverged = [run_of(epochs, **options) for epochs in (last + 1, last + 2, 100)]
    assert 1 < last < 99
    assert not shorter.stopped
    for run in diverged:
        assert run.epochs == last
        assert not run.interrupted
        assert run.stopped == (
            f"training: the loss is not finite after epoch {last + 1};"
            " use a smaller learning rate or smaller numbers."
        )
        assert lists(run.parameters) == lists(shorter.parameters)
        assert lists(run.recorded) == lists(shorter.recorded)
        assert run.losses.tolist() == shorter.losses.tolist()
        assert len(run.losses) == last + 1
        assert np.isfinite(run.losses).all()


@pytest.mark.parametrize("what", DIVERGING)
@pytest.mark.parametrize("batches", [{}, {"batch_size": 3}, {"batch_size": 1, "walk_batch": 4}])
def test_training_that_diverges_before_or_in_the_walked_epoch_is_an_error(what, batches):
    options = {"network": DIVERGING[what], "learning_rate": 100, **batches}
    last = run_of(100, **options).epochs
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for epoch in (1, 2, last - 1, last):
            run = run_of(100, walk_epoch=epoch, **options)
            assert (run.epochs, run.walk_epoch) == (last, epoch)
            assert all(np.isfinite(array).all() for array in run.values.values())
        for epoch in (last + 1, last + 2, 100):
            with pytest.raises(InputError) as caught:
                run_of(100, walk_epoch=epoch, **options)
            message = str(caught.value)
            assert len(message.splitlines()) == 1
            assert "not finite" in message
            assert message.endswith("use a smaller learning rate or smaller numbers.")


@pytest.mark.parametrize("walk_batch", range(1, 8))
@pytest.mark.parametrize("epochs", [1, 5])
def test_training_that_diverges_within_the_first_epoch_is_an_error(walk_batch, epochs):
    options = {"network": AT_ONCE, "learning_rate": 100, "batch_size": 1, "walk_batch": walk_batch}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(InputError, match="not finite"):
            run_of(epochs, **options)


def test_the_error_of_a_divergence_names_the_epoch():
    options = {"network": AT_ONCE, "learning_rate": 100}
    last = run_of(20, **options).epochs
    assert 1 < last < 19
    with pytest.raises(InputError) as caught:
        run_of(20, walk_epoch=20, **options)
    assert str(caught.value).startswith(f"training: the loss is not finite after epoch {last + 1};")


# --- Scaling ------------------------------------------------------------------------------

RAW = X * [3.0, 50.0] + [10.0, -200.0]
SCALED = {
    "minmax": lambda new: (new - RAW.min(axis=0)) / (RAW.max(axis=0) - RAW.min(axis=0)),
    "standard": lambda new: (new - RAW.mean(axis=0)) / RAW.std(axis=0),
}


@pytest.mark.parametrize("scale", SCALED)
@pytest.mark.parametrize("batches", [{}, {"batch_size": 3, "walk_batch": 2, "shuffle": True}])
def test_inputs_are_scaled_by_all_samples_whichever_an_update_sees(scale, batches):
    run = run_of(2, X=RAW, scale=scale, **batches)
    seen = run["X"].index.astype(int) - 1
    assert run.values["X_raw"].tolist() == RAW[seen].tolist()
    assert close(run.values["X"], SCALED[scale](RAW)[seen])
    by_hand = run_of(2, X=SCALED[scale](RAW), **batches)
    assert close(run.losses, by_hand.losses)
    assert all(close(run.parameters[n], a) for n, a in by_hand.parameters.items())


@pytest.mark.parametrize("scale", SCALED)
@pytest.mark.parametrize("batches", [{}, {"batch_size": 3, "shuffle": True}])
def test_a_prediction_scales_new_samples_as_those_of_the_training_were(scale, batches):
    run = run_of(2, X=RAW, scale=scale, **batches)
    new = np.array([[12.0, -300.0], [-4.0, 0.0]])
    by_hand = run_of(2, X=SCALED[scale](RAW), **batches)
    assert close(run.predict(new), by_hand.predict(SCALED[scale](new)))
    assert close(run.predict(RAW[:1]), by_hand.predict(SCALED[scale](RAW[:1])))


@given(
    st.lists(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=2), min_size=2, max_size=6),
    st.sampled_from([*SCALED]),
)
def test_scaled_inputs_have_the_promised_range_or_mean_and_deviation(rows, scale):
    raw = np.array(rows)
    if np.min(np.ptp(raw, axis=0)) < 1e-3 * np.max(np.abs(raw), initial=1):
        return
    scaled = run_of(0, X=raw, y=Y[: len(raw)], scale=scale).values["X"]
    if scale == "minmax":
        assert (scaled.min(axis=0).tolist(), scaled.max(axis=0).tolist()) == ([0, 0], [1, 1])
    else:
        assert close(scaled.mean(axis=0), [0, 0], tolerance=1e-9)
        assert close(scaled.std(axis=0), [1, 1], tolerance=1e-9)


# --- No epochs, and carrying on -----------------------------------------------------------


@pytest.mark.parametrize("optimizer", USUAL)
@pytest.mark.parametrize("batches", [{}, {"batch_size": 3, "walk_batch": 2}])
def test_no_epochs_show_an_update_but_go_no_further(optimizer, batches):
    run = run_of(0, optimizer=optimizer, record=True, **batches)
    one = run_of(1, optimizer=optimizer, **batches)
    assert (run.epochs, run.walk_epoch, run.stopped, run.interrupted) == (0, 1, "", False)
    assert lists(run.values) == lists(one.values)
    assert lists(run.carried) == lists(run.start) == lists(one.start)
    assert run.losses.tolist() == one.losses[:1].tolist()
    assert run.accuracies.tolist() == one.accuracies[:1].tolist()
    assert {len(array) for array in run.recorded.values()} == {1}
    assert len(run.history) == 1


@pytest.mark.parametrize("optimizer", USUAL)
@pytest.mark.parametrize("batches", [{}, BATCHES, {"batch_size": 2, "average": True}])
def test_training_that_is_carried_on_is_as_if_it_had_not_stopped(optimizer, batches):
    options = {"optimizer": optimizer, **batches}
    whole = run_of(10, **options)
    begun = run_of(4, **options)
    rest = run_of(6, parameters=begun.carried, **options)
    # The update that is walked is computed in another order, and is off in the last place.
    assert all(close(rest.carried[name], array) for name, array in whole.carried.items())
    assert close([*begun.losses, *rest.losses[1:]], whole.losses)
    assert lists(rest.start) == lists(begun.carried)
    walked = run_of(10, walk_epoch=5, **options)
    assert all(close(rest.values[name], walked.values[name]) for name in walked.names)


def test_what_an_update_rule_remembers_begins_at_0_or_as_it_is_given():
    run = run_of(0, optimizer="adam")
    remembered = [n for n in run.start if n not in NETWORK.shapes]
    assert sorted(remembered) == sorted(
        ["beta_1_power", "beta_2_power", *(f"{p}_{s}" for p in NETWORK.shapes for s in "mv")]
    )
    assert {run.start[n].max() for n in remembered if n.endswith("_power")} == {1.0}
    assert {np.abs(run.start[n]).max() for n in remembered if n[-2:] in ("_m", "_v")} == {0.0}
    velocity = np.full((3, 1), 0.5)
    run = run_of(0, optimizer="momentum", parameters={"wout_velocity": velocity})
    assert run.start["wout_velocity"].tolist() == velocity.tolist()
    assert run.start["wout"].tolist() == NETWORK.initialise(1)["wout"].tolist()
    assert run.start["wh_velocity"].max() == 0


@settings(max_examples=50)
@given(
    st.sampled_from([*USUAL]),
    st.floats(0, 0.99),
    st.floats(0, 0.99),
    st.floats(1e-8, 1),
    st.booleans(),
)
def test_an_update_rule_goes_by_its_settings(optimizer, one, other, epsilon, average):
    every = {"momentum": one, "beta_1": one, "beta_2": other, "epsilon": epsilon}
    chosen = {name: every[name] for name in USUAL[optimizer]}
    options = {"optimizer": optimizer, "settings": chosen, "average": average, "batch_size": 4}
    run = run_of(3, learning_rate=0.1, **options)
    losses, after = train_any(
        NETWORK, first(run), X, Y,
        [in_order(7, 4)] * 3, Optimiser(optimizer, 0.1, chosen), average=average,
    )  # fmt: skip
    assert close(run.losses, losses, tolerance=1e-10)
    assert all(close(run.parameters[n], a, tolerance=1e-10) for n, a in after[-1].items())


def first(run: Trace) -> dict[str, np.ndarray]:
    return {name: run.start[name] for name in run.network.shapes}


# --- Bad input ----------------------------------------------------------------------------

SOFTMAX = Network([2, 3, 3], loss="cross_entropy")
BINARY = Network([2, 3, 1], loss="binary_cross_entropy")
BAD: dict[str, tuple[dict[str, Any], str]] = {
    "no batch": (
        {"batch_size": 0},
        "batch_size: expected a whole number of at least 1, found 0.",
    ),
    "half a sample": (
        {"batch_size": 1.5},
        "batch_size: expected a whole number of at least 1, found 1.5.",
    ),
    "more than all samples": (
        {"batch_size": 8},
        "batch_size: expected 1 to 7, the number of samples, found 8.",
    ),
    "an update after the last": (
        {"batch_size": 3, "walk_batch": 4},
        "walk_batch: expected 1 to 3, the updates of an epoch, found 4.",
    ),
    "an update of all samples after the first": (
        {"walk_batch": 2},
        "walk_batch: expected 1 to 1, the updates of an epoch, found 2.",
    ),
    "the update before the first": (
        {"walk_batch": 0},
        "walk_batch: expected a whole number of at least 1, found 0.",
    ),
    "an unknown update rule": (
        {"optimizer": "adamm"},
        "optimizer: 'adamm' is not known; known: sgd, momentum, adam. Did you mean 'adam'?",
    ),
    "no update rule": (
        {"optimizer": None},
        "optimizer: 'None' is not known; known: sgd, momentum, adam.",
    ),
    "an unknown scaling": (
        {"scale": "minmix"},
        "scale: 'minmix' is not known; known: minmax, standard. Did you mean 'minmax'?",
    ),
    "an unknown setting": (
        {"optimizer": "adam", "settings": {"beta1": 0.9}},
        "settings: adam has no 'beta1'; there are beta_1, beta_2, epsilon. Did you mean 'beta_1'?",
    ),
    "a setting of another rule": (
        {"optimizer": "momentum", "settings": {"beta_1": 0.9}},
        "settings: momentum has no 'beta_1'; there are momentum.",
    ),
    "a setting where there are none": (
        {"settings": {"momentum": 0.9}},
        "settings: sgd has no 'momentum'; there are none.",
    ),
    "a momentum of 1": (
        {"optimizer": "momentum", "settings": {"momentum": 1}},
        "momentum: expected one number, from 0 to below 1, found 1.",
    ),
    "a negative momentum": (
        {"optimizer": "momentum", "settings": {"momentum": -0.1}},
        "momentum: expected one number, from 0 to below 1, found -0.1.",
    ),
    "a beta above 1": (
        {"optimizer": "adam", "settings": {"beta_2": 1.5}},
        "beta_2: expected one number, from 0 to below 1, found 1.5.",
    ),
    "a negative epsilon": (
        {"optimizer": "adam", "settings": {"epsilon": -1}},
        "epsilon: expected one number, 0 or more, found -1.",
    ),
    "two momenta": (
        {"optimizer": "momentum", "settings": {"momentum": [0.1, 0.2]}},
        "momentum: expected one number, from 0 to below 1, found [0.1, 0.2].",
    ),
    "a momentum as text": (
        {"optimizer": "momentum", "settings": {"momentum": "0.9"}},
        "momentum: expected a number, found '0.9'.",
    ),
    "a constant column to scale": (
        {"X": np.column_stack([X[:, 0], np.full(7, 3.0)]), "scale": "minmax"},
        "X, column 2 (x2): every sample has 3, so it can't be scaled; leave the column out.",
    ),
    "a constant column with a name": (
        {"X": pd.DataFrame({"age": np.ones(7), "height": X[:, 0]}), "scale": "standard"},
        "X, column 1 (age): every sample has 1, so it can't be scaled; leave the column out.",
    ),
    "a column that hardly differs": (
        {"X": np.column_stack([X[:, 0], np.arange(7) * 1e-30]), "scale": "standard"},
        "X, column 2 (x2): the samples differ by 6e-30 at most, which can't be scaled; give the"
        " column in a smaller unit, so that it spans 1e-26 or more.",
    ),
    "one sample to scale": (
        {"X": X[:1], "y": Y[:1], "scale": "standard"},
        "X, column 1 (x1): every sample has ",
    ),
    "a target above 1": (
        {"network": BINARY, "y": Y * 2},
        "y, row 1, column 1: binary_cross_entropy wants targets from 0 to 1, found 2.",
    ),
    "a target below 0": (
        {"network": BINARY, "y": Y - 0.5},
        "y, row 2, column 1: binary_cross_entropy wants targets from 0 to 1, found -0.5.",
    ),
    "a class below 0": (
        {"network": SOFTMAX, "y": np.tile([1.5, -0.5, 0], (7, 1))},
        "y, row 1, column 1: cross_entropy wants targets from 0 to 1, found 1.5.",
    ),
    "classes that do not add up to 1": (
        {"network": SOFTMAX, "y": np.vstack([CLASSES[:3], [[1, 1, 0]], CLASSES[4:]])},
        "y, row 4: cross_entropy wants targets that add up to 1 (a column for each class),"
        " found 2.",
    ),
    "no class": (
        {"network": SOFTMAX, "y": CLASSES * 0},
        "y, row 1: cross_entropy wants targets that add up to 1 (a column for each class),"
        " found 0.",
    ),
    "what is remembered in another shape": (
        {"optimizer": "momentum", "parameters": {"wh_velocity": [1, 2]}},
        "wh_velocity: expected 6 numbers, found 2.",
    ),
    "what another rule remembers": (
        {"optimizer": "adam", "parameters": {"wh_velocity": np.zeros((2, 3))}},
        "parameters: there is no 'wh_velocity'; there are ",
    ),
    "what is remembered is no number": (
        {"optimizer": "adam", "parameters": {"bout_m": "x"}},
        "bout_m: expected a number, found 'x'.",
    ),
}


@pytest.mark.parametrize("what", BAD)
def test_bad_input_is_one_clear_line(what):
    options, message = BAD[what]
    with pytest.raises(CellpropError) as caught:
        run_of(1, **options)
    found = str(caught.value)
    assert len(found.splitlines()) == 1
    assert found.startswith(message)
    assert message[-1] != "." or found == message


BAD_NETWORKS = {
    "softmax with the squared error": (
        {"output_activation": "softmax"},
        "Network loss: softmax at the output goes with cross_entropy, not with squared_error.",
    ),
    "the cross entropy with relu": (
        {"output_activation": "relu", "loss": "cross_entropy"},
        "Network loss: cross_entropy goes with softmax at the output, not with relu.",
    ),
    "too few activations": (
        {"activation": ["tanh"]},
        "Network activation: expected a name for each of the 2 hidden layers, found 1.",
    ),
}


@pytest.mark.parametrize("what", BAD_NETWORKS)
def test_what_does_not_go_together_is_one_clear_line(what):
    options, message = BAD_NETWORKS[what]
    with pytest.raises(InputError) as caught:
        Network([2, 3, 3, 2], **options)
    assert str(caught.value) == message


UNNAMED = {
    "a list": ([1], "settings: expected values by name, such as {'name': …}."),
    "a text": ("m", "settings: expected values by name, such as {'name': …}."),
    "a number": (5, "settings: expected values by name, such as {'name': …}."),
    "a name without a number": ({"momentum": None}, "momentum: expected a number, found nothing."),
}


@pytest.mark.parametrize("what", UNNAMED)
def test_settings_without_names_or_numbers_are_one_clear_line(what):
    chosen, message = UNNAMED[what]
    with pytest.raises(CellpropError) as caught:
        run_of(1, optimizer="momentum", settings=chosen)
    assert str(caught.value) == message
