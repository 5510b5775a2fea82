"""Matrices of other people's code compared with a program's: names, signs, forms, what carries."""

from __future__ import annotations

import json

import numpy as np
import pytest
from typer.testing import CliRunner

import cellprop
from cellprop.cli.app import app
from cellprop.errors import UnknownNameError
from cellprop.programs.naming import counted, look_up, series
from shipped import PROGRAMS, traced


def matrices_of(name, **options):
    """Every matrix of a program, as somebody's code has them, by our names."""
    run = traced(name, **options)
    return {each: np.array(run.values[each]) for each in run.program.by_name}


def ours(marks):
    return {name: taken.match.theirs for name, taken in marks.taken.items()}


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_agrees_with_itself(name, optimizer):
    run = traced(name, optimizer=optimizer)
    matrices = matrices_of(name, optimizer=optimizer)
    marks = cellprop.compare(run, matrices)
    assert marks.ok
    assert marks.total == marks.out_of > 0
    assert {m.name for m in marks.matrices} == {
        m.name for m in run.program.matrices if m.definition is not None
    }
    assert not marks.notes
    assert "right" in str(marks)


@pytest.mark.parametrize("name", PROGRAMS)
def test_names_are_a_programs_own_in_any_spelling(name):
    run = traced(name)
    computed = [m.name for m in run.program.matrices if m.definition is not None]
    for spelled in (str.upper, lambda n: n.replace("_", ""), lambda n: n.replace("_", "-")):
        found = look_up([spelled(each) for each in computed], run.program)
        assert all(each in found[spelled(each)].ours for each in computed)


def test_gradients_slopes_and_updates_have_the_names_that_people_give_them():
    run = traced("rnn")
    names = {
        "grad_W_h": "d_W_h", "dWh": "d_W_h", "W_h.grad": "d_W_h", "dL/dW_h": "d_W_h",
        "dz_2": "d_z_2", "grad_h2": "d_h_2", "h_2_grad": "d_h_2",
        "W_x_new": "W_x_new", "new_Wx": "W_x_new", "updated_b": "b_new",
        "h2_prime": "slope_h_2", "H_3": "h_3", "y_hat": "output", "lr": "lr",
    }  # fmt: skip
    found = look_up(list(names), run.program)
    assert {theirs: found[theirs].ours[:1] for theirs in names} == {
        theirs: (each,) for theirs, each in names.items()
    }


def test_what_a_name_means_in_a_network_it_need_not_mean_in_a_program():
    found = look_up(["x", "target", "W1", "hidden_output"], traced("seq").program)
    assert not any(found[name].ours for name in found)


def test_gradients_are_in_the_fields_sign_and_others_are_said():
    run = traced("rnn")
    marks = cellprop.compare(run, {"dWh": run["d_W_h"].to_numpy()})
    assert marks.ok
    assert not any("form" in note or "negative" in note for note in marks.notes)
    negative = cellprop.compare(run, {"dWh": -run["d_W_h"].to_numpy()})
    assert negative.ok
    assert any("the change wanted, its negative" in note for note in negative.notes)


def test_transposes_and_means_are_understood():
    run = traced("rnn")
    samples = run.samples
    theirs = {
        "W_x": run.values["W_x"], "dW_h": run.values["d_W_h"].T / samples,
        "z_1": run.values["z_1"].T, "d_b": run.values["d_b"].ravel() / samples,
    }  # fmt: skip
    marks = cellprop.compare(run, theirs)
    assert marks.ok
    assert ours(marks)["d_W_h"] == "dW_h"
    assert any("mean" in note for note in marks.notes)


@pytest.mark.parametrize("name", ["rnn", "seq", "attention"])
def test_the_loss_as_one_number_is_the_mean_over_samples(name):
    run = traced(name)
    losses = run.program.losses
    mean = sum(run.values[m.name].sum() / m.rows.size for m in losses)
    marks = cellprop.compare(run, {"loss": mean})
    assert marks.ok
    assert marks.out_of == 1
    assert not cellprop.compare(run, {"loss": mean * 1.01}).ok


def test_the_first_that_is_wrong_is_named_with_its_slip_and_what_follows_is_carried():
    run, theirs = traced("rnn"), matrices_of("rnn")
    names = ("x_3", "W_x", "b", "W_o", "h_2")
    x, W_x, b, W_o, _ = (theirs[name] for name in names)
    theirs["z_3"] = x @ W_x + b
    theirs["h_3"] = np.tanh(theirs["z_3"])
    theirs["scores"] = theirs["h_3"] @ W_o
    kept = {name: theirs[name] for name in (*names, "z_3", "h_3", "scores")}
    marks = cellprop.compare(run, kept)
    assert not marks.ok
    assert marks.slips == {("z_3", "state_not_carried"): theirs["z_3"].size}
    text = str(marks)
    assert "z_3" in text
    assert "what was kept from the time step before" in text


def test_an_update_goes_on_from_a_wrong_gradient():
    run, theirs = traced("residual"), matrices_of("residual")
    wrong = theirs["d_W_1"] * np.array([[1.0, 1.0, 1.5]])
    new = theirs["W_1"] - wrong * theirs["lr"]
    marks = cellprop.compare(run, {"dW_1": wrong, "W_1_new": new})
    verdicts = {m.name: set(m.verdicts.ravel().tolist()) for m in marks.matrices}
    assert verdicts.keys() == {"d_W_1", "W_1_new"}
    lost = {m.name for m in marks.matrices if m.lost.any()}
    assert lost == {"d_W_1"}


def test_averaged_gradients_of_a_program_may_be_summed_or_means():
    run = traced("batchnorm", average=True)
    count = run.samples
    for gradient in (run.values["d_W_h"], run.values["d_W_h"] / count):
        marks = cellprop.compare(run, {"grad_W_h": gradient, "W_h_new": run.values["W_h_new"]})
        assert marks.ok


def test_numbers_calculated_by_hand_are_compared_as_an_exercises():
    run = traced("attention")
    marks = cellprop.compare(run, {"Q": np.round(run.values["q"], 3)}, decimals=3)
    assert marks.ok
    assert not marks.exact


def test_a_name_that_a_program_has_not_is_refused_with_those_there_are():
    with pytest.raises(UnknownNameError, match=r"no 'hidden_wrong'.*z_1"):
        cellprop.compare(traced("rnn"), {"hidden_wrong": [[0.123, 0.456]]})


def test_a_file_is_compared_with_an_example_from_the_command_line(tmp_path):
    run = traced("rnn")
    mine = {"h_1": run.values["h_1"].tolist(), "dW_x": run.values["d_W_x"].tolist()}
    (tmp_path / "mine.json").write_text(json.dumps(mine))
    done = CliRunner().invoke(app, ["compare", str(tmp_path / "mine.json"), "--example", "rnn"])
    assert done.exit_code == 0, done.output
    assert "2 of 2 matrices right" in done.output
    mine["h_1"][0][0] += 0.5
    (tmp_path / "mine.json").write_text(json.dumps(mine))
    done = CliRunner().invoke(app, ["compare", str(tmp_path / "mine.json"), "--example", "rnn"])
    assert done.exit_code == 1
    assert "h_1" in done.output


def test_time_steps_are_told_by_the_last_number_of_a_name():
    assert counted("d_W_h_z_3") == ("d_W_h_z_*", 3)
    assert counted("h_2_new") == ("h_*_new", 2)
    assert counted("mask") == ("mask", -1)
    found = series(traced("rnn").program)
    assert [m.name for m in found["h_*"]] == ["h_0", "h_1", "h_2", "h_3"]
    assert "scores" not in found
    assert series(cellprop.article().program) == {}
