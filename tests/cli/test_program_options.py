"""`--program` and programs as examples, on the command line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cellprop.running.loading import shipped, source

CSV = """x_1,x_2,x_3,y
0.5,0.2,0.6,above
-0.8,-0.1,0.3,below
0.1,-0.6,-0.7,below
"""


@pytest.fixture
def mine(here):
    (here / "mine.py").write_text(source("rnn"), encoding="utf-8")
    return here


def test_examples_lists_programs_and_writes_their_source(here, run):
    out = run("examples")[1]
    assert [line.split()[0] for line in out.splitlines()[-len(shipped()) :]] == list(shipped())
    assert run("examples", "--source", "rnn")[1] == source("rnn")
    assert run("examples", "--source", "rnn", "-o", "mine.py")[:2] == (0, "mine.py\n")
    assert Path("mine.py").read_text(encoding="utf-8") == source("rnn")


def test_a_program_is_built_and_verified_under_its_own_name(mine, run):
    code, out, _ = run("build", "--program", "mine.py", "--epochs", "3")
    assert code == 0
    assert out.splitlines()[0] == "Program  rnn, 12 numbers to learn"
    path = out.splitlines()[-1]
    assert path == str(Path("outputs/mine-epochs-3.xlsx"))
    assert re.fullmatch(r".*: \d+ formula cells agree with ironcalc; .*\n", run("verify", path)[1])


def test_its_file_says_how_it_is_trained_and_options_go_before(mine, run):
    assert "after 100 epochs" in run("build", "--program", "mine.py")[1]
    assert "after 4 epochs" in run("build", "--program", "mine.py:rnn", "--epochs", "4")[1]
    one, other = (run("show", "W_h", "--program", "mine.py", "--seed", s)[1] for s in ("1", "2"))
    assert one != other
    assert one == run("show", "W_h", "--program", "mine.py")[1]


def test_its_data_may_come_from_a_table(mine, run):
    Path("data.csv").write_text(CSV, encoding="utf-8")
    code, out, _ = run(
        "show", "y", "--program", "mine.py", "--data", "data.csv", "--target", "y",
    )  # fmt: skip
    assert code == 0
    assert [line.split() for line in out.splitlines()] == [
        ["y"], ["above", "below"], ["1", "1", "0"], ["2", "0", "1"], ["3", "0", "1"],
    ]  # fmt: skip


def test_parameters_written_by_show_carry_it_on(mine, run):
    written = run("show", "parameters", "--program", "mine.py", "--format", "json")[1]
    Path("weights.json").write_text(written, encoding="utf-8")
    again = run("show", "W_h", "--program", "mine.py", "--parameters", "weights.json")
    assert again[0] == 0
    assert again[1] != run("show", "W_h", "--program", "mine.py")[1]


def test_it_is_shown_as_networks_are(mine, run):
    assert "z_2 = x_2 @ W_x + h_1 @ W_h + b" in run("show", "3", "--example", "rnn")[1]


def test_its_loss_is_drawn_and_no_boundary(mine, run):
    pytest.importorskip("matplotlib", reason="pictures need the extra learn")
    assert run("plot", "loss", "--example", "rnn")[0] == 0
    code, _, err = run("plot", "boundary", "--example", "rnn")
    assert (code, err) == (
        2,
        "cellprop: boundary: expected a network with 2 inputs, found the program rnn; draw the loss"
        " only.\n",
    )


WRONG = {
    ("--program", "none.py"): "none.py: there is no such file",
    ("--program", "mine.py:lstm"): "mine.py: no program 'lstm'; there is rnn.",
    ("--program", "mine.py", "--example", "rnn"): "--example and --program can't both be given",
    ("--program", "mine.py", "--hidden", "3"): "--hidden is about a network; a program says itself",
    ("--program", "mine.py", "--loss", "squared_error"): "--loss is about a network",
    ("--program", "mine.py", "--target", "y"): "--target is about a file; give the file with",
    ("--program", "mine.py", "--scale", "minmax"): "scale: rnn is a program",
    ("--program", "mine.py", "--data", "data.csv"): "--data needs --target",
    (
        "--program",
        "mine.py",
        "--data",
        "data.csv",
        "--target",
        "y",
        "--drop",
        "x_1",
    ): "data.csv: no column for x_1",
    ("--iterations", "0"): "iterations: expected a whole number of at least 1, found 0.",
    ("--iterations", "999999"): "iterations: expected at most 40,000 numbers",
    ("--example", "rnn", "--neurons", "1"): "neurons 1: rnn is a program, which is shown as it is",
}


@pytest.mark.parametrize("options", WRONG, ids=" ".join)
def test_what_can_not_be_done_is_told_in_a_line(mine, run, options):
    Path("data.csv").write_text(CSV, encoding="utf-8")
    code, out, err = run("build", *options)
    assert (code, out) == (2, "")
    assert err.startswith(f"cellprop: {WRONG[options]}")
    assert err.count("\n") == 1


def test_a_program_is_no_file_of_samples(here, run):
    code, _, err = run("examples", "rnn")
    assert (code, err) == (
        2,
        "cellprop: rnn is a program, which brings its data: --source rnn.\n",
    )
    code, _, err = run("examples", "--source", "rn")
    assert (code, "Did you mean 'rnn'?" in err) == (2, True)


def test_an_exercise_of_a_program_is_written_and_another_not_over_it(mine, run):
    code, _, err = run("exercise", "--program", "mine.py", "-o", "one.xlsx")
    assert (code, err) == (0, "")
    code, _, err = run("exercise", "--program", "mine.py", "--steps", "2", "-o", "one.xlsx")
    assert (code, err.count("\n")) == (2, 1)
    assert "--force" in err


def test_a_program_is_not_compared_with_a_program(mine, run):
    code, _, err = run("compare", "mine.py", "--program", "mine.py")
    assert (code, err.count("\n")) == (2, 1)


def test_an_exercise_is_about_one_update(mine, run):
    code, _, err = run("exercise", "--iterations", "2")
    assert (code, err) == (
        2, "cellprop: --iterations: an exercise is about one update; leave it out.\n"
    )  # fmt: skip
