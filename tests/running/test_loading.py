"""Programs in files: what ships, what a user writes, and what is wrong with either."""

from __future__ import annotations

import ast

import pytest

import cellprop
from cellprop.errors import CellpropError
from cellprop.running.loading import load, shipped, ships, source

GOOD = """
import cellprop
from cellprop import squared_error

@cellprop.program(inputs=2, outputs=1)
def line(m):
    x = m.given("x", "samples", "inputs")
    W = m.parameter("W", "inputs", "outputs")
    return squared_error(m.target("y", "samples", "outputs"), m.define("output", x @ W))

X, y = [[1, 2], [3, 4]], [1, 0]
options = {"epochs": 3, "seed": 1}
"""


@pytest.mark.parametrize("name", shipped())
def test_a_program_that_ships_is_a_page_with_data_and_something_to_look_at(name):
    text = source(name)
    assert len(text.splitlines()) <= 75
    assert "What to look at:" in (ast.get_docstring(ast.parse(text)) or "")
    loaded = ships(name)
    assert loaded.written.name == name.replace("-", "_")
    assert loaded.has_data
    assert loaded.written.about.endswith(".")
    run = cellprop.trace(loaded.written, loaded.X, loaded.y, **loaded.options)
    assert run.losses[-1] < run.losses[0]


def test_the_simplest_comes_first():
    assert shipped()[:3] == ("perceptron", "full-batch-vs-sgd", "rnn")


def test_a_file_brings_a_program_its_data_and_options(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(GOOD, encoding="utf-8")
    loaded = load(path)
    assert loaded.written.name == "line"
    assert (loaded.y, loaded.options) == ([1, 0], {"epochs": 3, "seed": 1})


def test_what_stands_beside_a_file_can_be_imported(tmp_path):
    (tmp_path / "beside_it.py").write_text("EPOCHS = 7", encoding="utf-8")
    path = tmp_path / "mine.py"
    text = GOOD.replace("import cellprop\n", "import cellprop\nfrom beside_it import EPOCHS\n", 1)
    path.write_text(text.replace('"epochs": 3', '"epochs": EPOCHS'), encoding="utf-8")
    assert load(path).options["epochs"] == 7


def test_of_several_programs_one_is_chosen_by_name(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(GOOD + "\nother = cellprop.program(inputs=1)(line.function)", encoding="utf-8")
    assert load(path, "other").written.sizes == {"inputs": 1}
    with pytest.raises(CellpropError, match=r"mine.py: 2 programs .line, other.; say which: "):
        load(path)


WRONG = {
    "no Python": ("x = = 1", ", line 1: no Python: invalid syntax."),
    "a name": ("import cellprop\n\nfoo()", ", line 3: NameError: name 'foo' is not defined."),
    "nothing found": ("import nothing_here", ", line 1: ModuleNotFoundError: No module named"),
    "an end": ("import sys\nsys.exit(3)", ", line 2: SystemExit: 3."),
    "no program": ("x = 1", ": no program; decorate a function with @cellprop.program()"),
    "our own": (
        "import cellprop\ncellprop.example('irs')",
        ", line 2: example: 'irs' is not known",
    ),
    "options": (GOOD.replace('"epochs"', '"epoch"'), ": options has no 'epoch'; there are "),
    "no options": (GOOD + "options = 3", ": options are names with values"),
    "recursion": ("def f(): f()\nf()", ": calls itself without end."),
    "many lines": ("raise ValueError('a\\nb')", ", line 1: ValueError: a b."),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_with_a_file_is_told_in_a_line(what, tmp_path):
    text, said = WRONG[what]
    path = tmp_path / "mine.py"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(CellpropError) as caught:
        load(path)
    assert str(caught.value).startswith(f"{path}{said}")
    assert "\n" not in str(caught.value)


def test_a_file_that_is_none_or_no_python_is_refused(tmp_path):
    with pytest.raises(CellpropError, match="there is no such file"):
        load(tmp_path / "mine.py")
    with pytest.raises(CellpropError, match="expected a program in Python"):
        load(tmp_path / "mine.txt")
    path = tmp_path / "mine.py"
    path.write_text(GOOD, encoding="utf-8")
    with pytest.raises(CellpropError, match=r"no program 'lin'; there is line. Did"):
        load(path, "lin")
