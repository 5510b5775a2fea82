"""Where commands write when nobody says where, and what they leave alone."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from cellprop.cli.options import Model
from cellprop.cli.targets import LONGEST_NAME, file_name, name_of
from cellprop.files.datasets import read
from cellprop.files.examples import example, examples
from conftest import IN_CI, slow_but

NAMES = {
    "build": "article.xlsx",
    "build --example article": "article.xlsx",
    "build --example xor": "xor.xlsx",
    "build --hidden 5,4": "article-hidden-5-4.xlsx",
    "build --hidden 5,4 --activation tanh": "article-hidden-5-4-activation-tanh.xlsx",
    "build --example xor --optimizer adam --average": "xor-average-optimizer-adam.xlsx",
    "build --no-bias --sum --seed 2": "article-no-bias-seed-2-sum.xlsx",
    "build --optimizer adam --setting beta_1=0.5": "article-optimizer-adam-beta_1-0.5.xlsx",
    "build --epochs 1 --walk-epoch 1": "article-epochs-1.xlsx",
    "build --data my.data.csv --target y": "my.data.xlsx",
    "build --data my.data.csv --target y --scale minmax": "my.data.xlsx",
    "build --data my.data.csv --target y --hidden 2": "my.data-hidden-2.xlsx",
    "exercise --hidden 2": "article-hidden-2-exercise.xlsx",
    "exercise --roster roster.csv --hidden 2 --seed 3": "article-hidden-2-exercise",
    "plot loss --epochs 2 --seed 2": "article-seed-2-epochs-2-loss.png",
}


# Between them they have every command and every part of a name.
QUICK = [
    "build",
    "build --no-bias --sum --seed 2",
    "build --optimizer adam --setting beta_1=0.5",
    "build --data my.data.csv --target y --hidden 2",
    "exercise --roster roster.csv --hidden 2 --seed 3",
    "plot loss --epochs 2 --seed 2",
]


@pytest.mark.parametrize("command", slow_but(QUICK, NAMES))
def test_a_default_name_follows_what_was_built(here, run, command):
    if command.startswith("plot") and find_spec("matplotlib") is None:
        assert not IN_CI
        pytest.skip("matplotlib is not installed: draws the plot")
    Path("my.data.csv").write_text("a,b,y\n0,1,1\n1,0,0\n0,0,1\n")
    Path("roster.csv").write_text("name,id\nAda,1\n")
    code, out, _ = run(*command.split())
    assert (code, out.splitlines()[-1]) == (0, os.path.join("outputs", NAMES[command]))


def test_a_long_or_odd_name_is_cut_and_still_tells_two_networks_apart(here, run):
    deep = ",".join(["2"] * 60)
    names = {file_name(name_of(Model(hidden=f"{deep},{last}"))) for last in (1, 2)}
    assert len(names) == 2
    assert all(len(name) <= LONGEST_NAME for name in names)
    folder = here / "Ä  b"
    folder.mkdir()
    (folder / "=x;y's $(z).csv").write_text("a,y\n0,1\n1,0\n")
    code, out, _ = run("build", "--data", str(folder / "=x;y's $(z).csv"), "--target", "y")
    assert (code, out.splitlines()[-1]) == (0, os.path.join("outputs", "x-y-s -(z).xlsx"))


def test_nothing_is_written_over_unless_it_is_named(here, run):
    Path("flowers.csv").write_text("a,y,z\n0,1,0\n1,0,2\n")
    usual = here / "outputs" / "flowers.xlsx"
    command = ("build", "--data", "flowers.csv", "--target")
    assert run(*command, "y")[1].splitlines()[-1] == os.path.join("outputs", "flowers.xlsx")
    first = usual.read_bytes()
    second = os.path.join("outputs", "flowers-2.xlsx")
    for _ in range(2):  # what is there already is not written again
        assert run(*command, "z")[1].splitlines()[-1] == second
        assert run(*command, "y")[1].splitlines()[-1] == os.path.join("outputs", "flowers.xlsx")
    assert usual.read_bytes() == first
    usual.write_text("a student typed here")
    assert run(*command, "y")[1].splitlines()[-1] == os.path.join("outputs", "flowers-3.xlsx")
    assert usual.read_text() == "a student typed here"
    assert sorted(path.name for path in usual.parent.iterdir()) == [
        "flowers-2.xlsx",
        "flowers-3.xlsx",
        "flowers.xlsx",
    ]
    assert run(*command, "z", "-o", str(usual))[0] == 0
    assert usual.read_bytes() == Path(second).read_bytes()


@pytest.mark.parametrize("kind", ["folder", "link to nowhere"])
def test_what_is_no_file_is_not_written_over_either(here, run, kind):
    there = here / "outputs" / "article.xlsx"
    there.parent.mkdir()
    there.mkdir() if kind == "folder" else there.symlink_to(here / "nowhere.xlsx")
    code, out, _ = run("build")
    assert (code, out.splitlines()[-1]) == (0, os.path.join("outputs", "article-2.xlsx"))
    assert there.is_dir() or there.is_symlink()


@pytest.mark.parametrize("name", examples())
def test_an_examples_samples_are_a_file_that_makes_the_same_network(here, run, name):
    assert run("examples", name, "-o", "mine.csv")[:2] == (0, "mine.csv\n")
    assert run("examples", name)[1] == Path("mine.csv").read_text(encoding="utf-8")
    given = example(name)
    header = Path("mine.csv").read_text(encoding="utf-8").splitlines()[0].split(",")
    outputs = 1 if given.targets.axis else given.targets.values.shape[1]
    found = read("mine.csv", header[-outputs:])
    np.testing.assert_array_equal(found.inputs.values, given.inputs.values)
    np.testing.assert_array_equal(found.targets.values, given.targets.values)
    code, _, err = run("examples", name, "-o", "mine.csv")
    assert (code, "exists already" in err) == (2, True)


def test_the_samples_of_no_example_are_refused(here, run):
    assert run("examples", "irs")[2].startswith("cellprop: example: 'irs' is not known; known: ")
    code, _, err = run("examples", "-o", "x.csv")
    assert (code, err.startswith("cellprop: -o: say whose samples to write: article, ")) == (
        2,
        True,
    )
