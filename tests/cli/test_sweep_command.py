"""`cellprop sweep`: lists of values, a table, files, and what is refused."""

from __future__ import annotations

import pandas as pd
import pytest

import cellprop

QUICK = ("--epochs", "3", "--seeds", "2", "--jobs", "1")


def test_every_combination_is_tried_and_said(run, here):
    code, out, error = run(
        "sweep", "--example", "xor", "--hidden", "2,4+3", "--optimizer", "sgd,adam", *QUICK,
        "-o", "xor.csv",
    )  # fmt: skip
    assert (code, error) == (0, "")
    assert out.splitlines()[-1] == "xor.csv"
    found = pd.read_csv("xor.csv", dtype={"hidden": str})
    assert list(found.columns) == [
        "hidden", "activation", "learning_rate", "optimizer", "seed", "loss", "accuracy", "epochs",
        "stopped",
    ]  # fmt: skip
    assert len(found) == 2 * 2 * 2
    row = found[(found["hidden"] == "2") & (found["optimizer"] == "sgd")].iloc[1]
    usual = cellprop.example("xor")
    same = cellprop.trace(
        usual.network, usual["X"], usual["y"], seed=1, epochs=3, learning_rate=row.learning_rate,
        average=usual.model.average,
    )  # fmt: skip
    assert row.loss == pytest.approx(same.losses[-1], rel=1e-12)
    # The table: a line for each combination, under what was varied.
    header, *lines = out.splitlines()[:-1]
    assert header.split("  ")[0] == "Hidden neurons"
    assert [line.split()[:2] for line in lines] == [
        ["2", "sgd"], ["2", "adam"], ["4+3", "sgd"], ["4+3", "adam"],
    ]  # fmt: skip


def test_activations_of_several_layers_and_seeds_from_another(run, here):
    code, _, error = run(
        "sweep", "--hidden", "2+2", "--activation", "tanh,relu+tanh", "--seed", "7",
        "--learning-rate", "0.1,1", *QUICK, "-o", "a.csv",
    )  # fmt: skip
    assert (code, error) == (0, "")
    found = pd.read_csv("a.csv")
    assert set(found["activation"]) == {"tanh", "relu+tanh"}
    assert set(found["seed"]) == {7, 8}
    assert set(found["learning_rate"]) == {0.1, 1.0}


def test_a_program_that_brings_iterations_is_swept_as_well(run, here):
    code, out, error = run("sweep", "--example", "full-batch-vs-sgd", *QUICK)
    assert (code, error) == (0, "")
    assert out.startswith("Learning rate")


@pytest.mark.slow
def test_the_picture_is_drawn_with_its_alternative_text(run, here):
    pytest.importorskip("matplotlib")
    code, out, _ = run(
        "sweep", "--hidden", "1,2", "--optimizer", "sgd,adam", *QUICK, "--plot", "a.svg"
    )
    assert (code, out.splitlines()[-1]) == (0, "a.svg")
    text = (here / "a.svg").read_text(encoding="utf-8")
    assert "Loss after training" in text
    assert "<desc>1, " in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--hidden", "3,x"), "--hidden: expected whole numbers"),
        (("--hidden", "3,0+x"), "--hidden: expected whole numbers"),
        (("--learning-rate", "0.1,fast"), "--learning-rate: expected numbers, such as 0.1,1"),
        (("--optimizer", "sgd,foo"), "optimizer: 'foo' is not known"),
        (("--activation", "tanh,tan"), "'tan'"),
        (("--walk-epoch", "2"), "--walk-epoch: a sweep shows no update"),
        (("--iterations", "2"), "--iterations: a sweep shows no update"),
        (("--parameters", "w.json"), "--parameters: a sweep draws first weights from seeds"),
        (("--example", "rnn", "--hidden", "3"), "--hidden is about a network"),
        (("--plot", "a.pdf"), "a.pdf: expected a name that ends in .png or .svg"),
        (("-o", "nowhere/a.csv"), "nowhere"),
        (("--backend", "nowhere"), "backend: 'nowhere' is not known"),
        (("--seeds", "100001"), "sweep: expected at most 100,000 trainings"),
        (
            ("--hidden", "50,200", "--epochs", "9000000", "--seeds", "50"),
            "sweep: 100 trainings would take about ",
        ),
    ],
)
def test_what_cannot_be_swept_is_one_line(run, here, arguments, message):
    code, out, error = run("sweep", *arguments)
    assert (code, out, error.count("\n")) == (2, "", 1)
    assert error.startswith(f"cellprop: {message}") or message in error
    assert list(here.iterdir()) == []
