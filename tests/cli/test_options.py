"""The options of every command that takes a model: from a file or an example to a trace."""

from __future__ import annotations

import csv
import json
import re
import subprocess
from pathlib import Path

import numpy as np
import openpyxl
import pytest
from test_cli import files, matrices, process

import cellprop
from cellprop.cli.progress import Bar
from cellprop.files.examples import example, examples
from conftest import slow_but

MODEL_COMMANDS = ("build", "show", "plot")


@pytest.fixture
def flowers(here) -> Path:
    """The iris data as a file of one's own."""
    given = example("iris")
    X, y = given.inputs, given.targets
    with Path("flowers.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow([*X.column_labels, "species"])
        for row, target in zip(X.values.tolist(), y.values, strict=True):
            writer.writerow([*row, y.column_labels[int(target.argmax())]])
    return here


def shown(run, *options: str) -> dict[str, list[list[float]]]:
    code, out, err = run("show", *options, "--format", "json")
    assert (code, err) == (0, "")
    return json.loads(out)


# --- Data ---------------------------------------------------------------------------------


def test_a_file_of_ones_own_becomes_a_workbook_with_its_labels_and_classes(flowers, run):
    code, out, _ = run(
        *["build", "--data", "flowers.csv", "--target", "species", "--scale", "standard"]
    )
    assert (code, out.splitlines()[-1]) == (0, str(Path("outputs/flowers.xlsx")))
    X, y = example("iris").inputs, example("iris").targets
    found = matrices("outputs/flowers.xlsx")
    assert found["X_raw"] == X.values.tolist()
    assert found["y"] == y.values.tolist()
    texts = {
        cell.value
        for row in openpyxl.load_workbook("outputs/flowers.xlsx")["Step 0"].iter_rows()
        for cell in row
        if isinstance(cell.value, str)
    }
    assert {"setosa", "versicolor", "virginica"} <= texts
    assert any("setosa → 1 0 0; versicolor → 0 1 0; virginica → 0 0 1" in text for text in texts)


def test_classes_are_learnt_with_softmax_and_cross_entropy_unless_told_otherwise(flowers, run):
    options = ["--data", "flowers.csv", "--target", "species"]
    assert "cross_entropy" in shown(run, *options)
    assert "squared_error" in shown(run, *options, "--loss", "squared_error")


def test_numbers_beyond_0_and_1_are_learnt_with_a_linear_output(here, run):
    Path("h.csv").write_text("a,height\n1,170\n2,180\n")
    found = shown(run, *["--data", "h.csv", "--target", "height"])
    assert found["output"] == found["output_layer_input"]


def test_several_targets_are_separated_by_commas(here, run):
    Path("t.csv").write_text("a,b,c\n0,1,0\n1,0,1\n")
    found = shown(run, "X", "y", "--data", "t.csv", "--target", "a, c")
    assert found == {"X": [[1], [0]], "y": [[0, 0], [1, 1]]}


def test_whole_numbers_are_classes_if_the_loss_wants_classes(here, run):
    Path("n.csv").write_text("a,kind\n1,3\n2,7\n3,3\n")
    options = ["y", "--data", "n.csv", "--target", "kind", "--loss", "cross_entropy"]
    assert shown(run, *options) == {"y": [[1, 0], [0, 1], [1, 0]]}


@pytest.mark.parametrize("samples", slow_but([8_000], [8_000, 100_000]))
def test_a_large_file_is_learnt_in_batches_and_the_workbook_shows_one_of_them(here, run, samples):
    random = np.random.default_rng(5)
    X = random.normal(size=(samples, 20)).round(3)
    rows = np.column_stack([X, X[:, 0] > X[:, 1]])
    header = ",".join([*(f"x{j}" for j in range(20)), "larger"])
    np.savetxt("large.csv", rows, delimiter=",", header=header, comments="", fmt="%g")
    options = f"--data large.csv --target larger --batch-size 8 --walk-batch {samples // 8}"
    options += " --epochs 1 --learning-rate 0.5"
    code, out, err = run("build", "-o", "x.xlsx", *options.split())
    assert (code, err) == (0, "")
    assert f"{samples}, 8 of them in this update" in out
    found = matrices("x.xlsx")
    assert np.array_equal(found["X"], X[-8:])
    before, after = map(
        float, re.search(r"Loss +(\S+) before this epoch, (\S+) after", out).groups()
    )
    assert after < before / 2


# --- Examples -----------------------------------------------------------------------------


def test_examples_are_listed_with_what_they_are(run):
    code, out, err = run("examples")
    assert (code, err) == (0, "")
    networks = out.splitlines()[: len(examples())]
    assert [line.split()[0] for line in networks] == list(examples())
    assert all(example(line.split()[0]).about in line for line in networks)


@pytest.mark.parametrize("name", examples())
def test_an_example_is_the_trace_of_its_file(run, name):
    trace = cellprop.example(name, epochs=2)
    found = shown(run, "--example", name, "--epochs", "2")
    assert found == {key: value.tolist() for key, value in trace.values.items()}


@pytest.mark.parametrize("name", ["xor", "blobs", "iris"])
def test_an_example_trains_until_it_has_learnt(name):
    assert cellprop.example(name).accuracies[-1] >= 0.97


def test_an_example_keeps_its_weights_unless_the_network_is_another(run):
    usual = cellprop.article().values["wh"].tolist()
    assert shown(run, "wh", "--activation", "tanh")["wh"] == usual
    assert shown(run, "wh", "--no-bias")["wh"] != usual
    assert shown(run, "wh", "--seed", "1")["wh"] != usual


# --- Training -----------------------------------------------------------------------------

OPTIONS = {
    "--hidden 3,2 --activation relu,tanh": (
        [4, 3, 2, 1],
        {"activation": ["relu", "tanh"], "output_activation": "sigmoid"},
        {},
    ),
    "--hidden 0": ([4, 1], {}, {}),
    "--no-bias --loss binary_cross_entropy": (
        [4, 3, 1],
        {"bias": False, "loss": "binary_cross_entropy"},
        {},
    ),
    "--batch-size 2 --walk-batch 2 --epochs 3 --walk-epoch 2 --average": (
        [4, 3, 1],
        {},
        {"batch_size": 2, "walk_batch": 2, "epochs": 3, "walk_epoch": 2, "average": True},
    ),
    "--batch-size 1 --shuffle --epochs 4": (
        [4, 3, 1],
        {},
        {"batch_size": 1, "shuffle": True, "epochs": 4},
    ),
    "--optimizer momentum --setting momentum=0.5 --epochs 3": (
        [4, 3, 1],
        {},
        {"optimizer": "momentum", "settings": {"momentum": 0.5}, "epochs": 3},
    ),
    "--optimizer adam --epochs 3 --scale minmax": (
        [4, 3, 1],
        {},
        {"optimizer": "adam", "epochs": 3, "scale": "minmax"},
    ),
}


@pytest.mark.parametrize("options", OPTIONS)
def test_the_options_give_the_numbers_that_trace_gives(run, options):
    sizes, network, training = OPTIONS[options]
    given = example("article")
    trace = cellprop.trace(
        cellprop.Network(sizes, **network), given.inputs, given.targets, seed=4, **training
    )
    found = shown(run, *options.split(), "--seed", "4")
    assert found == {name: value.tolist() for name, value in trace.values.items()}


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam"])
@pytest.mark.parametrize("kind", ["json", "xlsx"])
def test_a_run_is_carried_on_from_the_last_weights(here, run, optimizer, kind):
    """Whatever an optimiser remembers is carried on too, so that nothing is lost."""
    options = ["--example", "xor", "--optimizer", optimizer]
    if kind == "json":
        out = run("show", "parameters", *options, "--epochs", "4", "--format", "json")[1]
        Path("last.json").write_text(out)
    else:
        assert run("build", *options, "--epochs", "4", "-o", "last.xlsx")[0] == 0
    carried = shown(run, "parameters", *options, "--epochs", "3", "--parameters", f"last.{kind}")
    at_once = shown(run, "parameters", *options, "--epochs", "7")
    assert carried.keys() == at_once.keys()
    for name, values in at_once.items():
        assert np.allclose(carried[name], values, rtol=1e-13, atol=0), name


def test_training_that_goes_wrong_shows_what_was_before_and_fails(here, run):
    options = "--activation linear --output-activation linear --learning-rate 3 --epochs 400"
    code, out, err = run("build", "-o", "x.xlsx", *options.split())
    assert (code, err.count("\n")) == (1, 1)
    assert "the loss is not finite after epoch" in err
    assert "smaller learning rate" in err
    assert out.splitlines()[-1] == "x.xlsx"
    assert cellprop.verify("x.xlsx").ok


def test_training_that_goes_wrong_before_the_walked_epoch_writes_nothing(here, run):
    options = "--activation linear --output-activation linear --learning-rate 3 --epochs 400"
    code, out, err = run("build", "-o", "x.xlsx", *options.split(), "--walk-epoch", "400")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "the loss is not finite after epoch" in err
    assert files(here) == []


def test_interrupted_training_shows_what_was_done_so_far(here, run, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("cellprop.cli.progress.Bar.move", interrupt)
    monkeypatch.setattr("cellprop.running.training.SECONDS_BETWEEN_REPORTS", -1.0)
    code, out, err = run("build", "--epochs", "90", "-o", "x.xlsx")
    assert out.endswith("x.xlsx\n") if code == 0 else code == 130
    assert "stopped after epoch" in err or code == 130


def test_a_bar_appears_only_in_a_terminal_and_after_a_second(monkeypatch, capsys):
    clock = iter([0.0, 0.5, 1.5, 2.0, 2.5])
    monkeypatch.setattr("cellprop.cli.progress.perf_counter", lambda: next(clock))
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    with Bar("Training") as bar:
        bar.move(1, 10)
        assert bar._progress is None
        bar.move(2, 10)
        assert bar._progress is not None
    monkeypatch.setattr("sys.stderr.isatty", lambda: False)
    clock = iter([0.0, 5.0])
    with Bar("Training") as bar:
        bar.move(1, 10)
        assert bar._progress is None


# --- Help ---------------------------------------------------------------------------------


@pytest.mark.parametrize("command", MODEL_COMMANDS)
def test_every_command_that_takes_a_model_takes_all_of_its_options(run, command):
    out = run(command, "--help")[1]
    for option in (
        "--data", "--target", "--inputs", "--drop", "--sheet", "--range", "--decimal", "--missing",
        "--one-hot", "--hidden", "--average", "--optimizer", "--walk-batch",
    ):  # fmt: skip
        assert option in out


def test_the_help_names_what_can_be_chosen(run):
    from cellprop.algebra import activations, losses
    from cellprop.programs.scaling import SCALINGS
    from cellprop.programs.updating import OPTIMIZERS

    out = " ".join(run("build", "--help")[1].replace("│", " ").split())
    for name in (*activations(), *losses(), *OPTIMIZERS, *SCALINGS):
        assert name in out, name


def test_a_model_is_not_loaded_for_the_help(here):
    done: subprocess.CompletedProcess[str] = process(
        "build", "--help", python=("-X", "importtime"), cwd=here
    )
    loaded = {line.split("|")[-1].strip() for line in done.stderr.splitlines()}
    assert not loaded & {"numpy", "pandas", "openpyxl"}
