"""`show`: what a step looks like in a terminal, as CSV and as JSON."""

from __future__ import annotations

import csv
import io
import json
import re

import numpy as np
import pandas as pd
import pytest
from rich.console import Console
from rich.text import Text

import cellprop
from cellprop.algebra.expressions import mentioned
from cellprop.errors import UnknownNameError
from cellprop.faces import terminal
from cellprop.texts.words import load

YELLOW, ORANGE = "#ffeb3b", "#ffb74d"
KEY = ("computed here", "read to compute it")
# What each step computes, and reads for one after the other, as the article has it.
STEPS = {
    2: (["hidden_layer_input"], ["X", "wh", "bh"]),
    4: (
        ["output_layer_input", "output"],
        ["hiddenlayer_activations", "wout", "bout", "output_layer_input"],
    ),
    7: (["d_output"], ["E", "slope_output_layer"]),
    8: (["Error_at_hidden_layer"], ["d_output", "wout"]),
    10: (
        ["wout_new", "wh_new"],
        ["wout", "hiddenlayer_activations", "d_output", "lr", "wh", "X", "d_hiddenlayer", "lr"],
    ),
}


@pytest.fixture(scope="module")
def trace():
    return cellprop.article()


def shown(trace, *wanted, colour=False, width=300, decimals=None):
    """Return what `show` prints."""
    console = Console(
        file=io.StringIO(),
        width=width,
        force_terminal=colour,
        color_system="truecolor" if colour else None,
        highlight=False,
    )
    items = terminal.chosen(trace, list(wanted))
    terminal.show(console, trace, items, load(), decimals)
    return console.file.getvalue()


def on(colour, printed):
    """Return the texts that stand on a colour, sorted."""
    found = []
    for line in printed.split("\n"):
        text = Text.from_ansi(line)
        for span in text.spans:
            background = span.style.bgcolor
            if background and background.get_truecolor().hex == colour:
                found.append(text.plain[span.start : span.end].strip())
    return sorted(text for text in found if text and text not in KEY)


def numbers(trace, names, decimals):
    return sorted(f"{v:.{decimals}f}" for name in names for v in trace[name].to_numpy().ravel())


@pytest.mark.parametrize("step", STEPS)
def test_in_colour_the_computed_numbers_are_on_yellow_and_the_read_ones_on_orange(trace, step):
    active, read = STEPS[step]
    printed = shown(trace, str(step), colour=True, decimals=9)
    assert on(YELLOW, printed) == numbers(trace, active, 9)
    assert on(ORANGE, printed) == numbers(trace, read, 9)


def test_numbers_that_are_typed_are_on_neither_colour(trace):
    printed = shown(trace, "0", "1", "d_output", colour=True)
    assert on(YELLOW, printed) == on(ORANGE, printed) == []


LINES = {
    2: ["hidden_layer_input = X · wh + bh"],
    3: ["hiddenlayer_activations = σ(hidden_layer_input)"],
    4: [
        "output_layer_input = hiddenlayer_activations · wout + bout",
        "output = σ(output_layer_input)",
    ],
    5: ["E = y − output", "squared_error = (y − output)² / 2"],
    6: ["slope_output_layer = output ⊙ (1 − output)"],
    10: ["wout_new = wout + hiddenlayer_activationsᵀ · d_output × lr"],
    11: ["bh_new = bh + Σ_rows(d_hiddenlayer) × lr"],
}  # fmt: skip


@pytest.mark.parametrize("step", LINES)
def test_names_and_signs_stand_in_a_line_as_in_the_formula_with_the_numbers_below(trace, step):
    printed = shown(trace, str(step), width=120)
    assert "\x1b" not in printed
    said = [" ".join(line.split()) for line in printed.splitlines()]
    assert all(line in said for line in LINES[step])
    lines = printed.splitlines()
    for name in trace.step(str(step)).matrices:
        numbers = [line for line in shown(trace, name).splitlines()[1:] if line.strip()]
        (top,) = [i for i, line in enumerate(lines) if re.match(rf"{name} += ", line)]
        below = lines[top + 1 : top + 1 + len(numbers)]
        assert [line[: len(n.rstrip())] for line, n in zip(below, numbers, strict=True)] == [
            number.rstrip() for number in numbers
        ]


@pytest.mark.parametrize("width", [80, 120])
def test_in_a_usual_terminal_the_order_of_the_formula_is_kept_over_lines(trace, width):
    for step in trace.steps:
        printed = shown(trace, step.label, width=width)
        for name in step.matrices:
            matrix = trace.matrix(name)
            if matrix.definition is None:
                continue
            after = printed[re.search(rf"^{name} +=  ", printed, re.MULTILINE).end() - 2 :]
            places = [after.index(m.name) for m in dict.fromkeys(mentioned(matrix.definition))]
            assert places == sorted(places), (name, width)


def test_what_stands_above_is_not_shown_again_where_it_is_tall():
    """A sample's many rows; the few rows of a matrix are."""
    X = np.arange(22.0).reshape(11, 2)
    trace = cellprop.trace(cellprop.Network([2, 3, 1]), X, [[0.5]] * 11, seed=1, scale="standard")
    printed = shown(trace, "0", width=120, decimals=2)
    assert printed.count("21.00") == 1
    lines = [" ".join(line.split()) for line in printed.splitlines()]
    assert "X = (X_raw − X_mean) / X_deviation" in lines
    few = cellprop.trace(cellprop.Network([2, 3, 1]), X[:4], [[0.5]] * 4, seed=1, scale="standard")
    assert shown(few, "0", width=120, decimals=2).count("7.00") > 1


@pytest.mark.parametrize("steps", [["2"], ["2", "7"], []])
def test_the_key_stands_once_at_the_end_in_the_order_of_an_equation(trace, steps):
    printed = shown(trace, *steps)
    assert printed.rstrip().splitlines()[-1] == "Key:  computed here  =  read to compute it"
    assert [printed.count(text) for text in KEY] == [1, 1]


@pytest.mark.parametrize("wanted", [["wh"], ["1"]])
def test_there_is_no_key_where_nothing_is_computed(trace, wanted):
    assert not any(text in shown(trace, *wanted) for text in KEY)


LABELS_OF_IRISES = [
    "sepal length (cm)", "sepal width (cm)", "petal length (cm)", "petal width (cm)",
]  # fmt: skip


@pytest.mark.parametrize("width", [80, 120])
def test_labels_of_the_irises_stand_in_full(width):
    """In one line: nothing is cut, nor is a label broken that has room."""
    X = pd.DataFrame(np.eye(4), columns=LABELS_OF_IRISES)
    trace = cellprop.trace(cellprop.Network([4, 2, 1]), X, [[0.5]] * 4, seed=1)
    printed = shown(trace, "0", "1", "2", width=width)
    assert all(printed.count(label) >= 3 for label in LABELS_OF_IRISES)
    assert not re.search(r"\w…", printed)


def test_a_step_shows_its_title_its_texts_its_notation_and_its_note(trace):
    printed = shown(trace, "7")
    assert "Step 7 of 11" in printed
    assert "d_output = E * slope_output_layer" in printed
    assert "d_output <- E * slope_output_layer" in printed
    assert "=E*slope_output_layer" in printed
    assert "Note: " in printed


def test_without_a_wish_all_steps_are_shown(trace):
    printed = shown(trace)
    assert re.findall(r"^Step (\d+) of 11", printed, re.MULTILINE) == [str(k) for k in range(12)]
    assert all(name in printed for name in trace.names)


@pytest.mark.parametrize("word", ["7", "step 7", "Step 7", "step7", "step-7", "STEP_7"])
def test_a_step_may_be_asked_for_in_several_ways(trace, word):
    assert shown(trace, word) == shown(trace, "7")


def test_step_may_be_a_word_of_its_own(trace):
    assert shown(trace, "step", "7") == shown(trace, "7")


def test_steps_and_matrices_come_in_the_order_asked_for(trace):
    printed = shown(trace, "9", "d_output", "2")
    places = [printed.index(text) for text in ("Step 9 of", "\nd_output ", "Step 2 of")]
    assert places == sorted(places)


def test_a_matrix_shows_its_labels_and_its_numbers(trace):
    lines = shown(trace, "wh_new", decimals=4).splitlines()
    assert [line.split()[0] for line in lines[2:6]] == ["x1", "x2", "x3", "x4"]
    assert lines[0].strip() == "wh_new"
    assert lines[1].split() == ["h1", "h2", "h3"]
    rows = [line.split()[1:] for line in lines[2:6]]
    assert rows == [[f"{v:.4f}" for v in row] for row in trace["wh_new"].to_numpy().tolist()]


@pytest.mark.parametrize("decimals", [0, 1, 17])
def test_decimals_are_those_asked_for(trace, decimals):
    lines = shown(trace, "wout", decimals=decimals).splitlines()[2:5]
    found = [line.split()[-1] for line in lines]
    assert found == [f"{v:.{decimals}f}" for v in trace["wout"]["o1"]]


def test_without_decimals_at_least_two_digits_of_each_number_are_shown(trace):
    values = trace["d_hiddenlayer"].to_numpy()
    printed = shown(trace, "d_hiddenlayer").split("h3")[1]
    found = np.array(re.findall(r"-?\d+\.\d+", printed), dtype=float)
    np.testing.assert_allclose(found, values.ravel(), rtol=0.05)


@pytest.mark.parametrize(
    ("word", "suggestion"),
    [
        ("d_ouput", "Did you mean 'd_output'?"),
        ("WH_NWE", "Did you mean 'wh_new'?"),
        ("12", "There is no step 12; there are steps 0 to 11."),
        ("-1", "There is no step -1; there are steps 0 to 11."),
        ("banana", "matrices: X, y, lr, wh,"),
    ],
)
def test_a_word_that_is_neither_step_nor_matrix_is_answered_with_the_nearest(
    trace, word, suggestion
):
    with pytest.raises(UnknownNameError) as caught:
        terminal.chosen(trace, ["7", word])
    assert suggestion in str(caught.value)
    assert word in str(caught.value)


# --- Several hidden layers ------------------------------------------------------------------


@pytest.fixture(scope="module")
def deep():
    network = cellprop.Network([2, 3, 2, 2], activation=["relu", "tanh"], loss="cross_entropy")
    X, y = [[0, 1], [1, 0.5], [-1, 2]], np.eye(2)[[0, 1, 0]]
    return cellprop.trace(network, X, y, seed=3, epochs=4, walk_epoch=2)


LABELS = "0, 1, 2.1, 3.1, 2.2, 3.2, 4, 5, 6, 7, 8.2, 9.2, 8.1, 9.1, 10, 11"


def test_without_a_wish_the_steps_of_every_layer_are_shown_in_order(deep):
    found = re.findall(r"^Step ([\d.]+) of 11", shown(deep), re.MULTILINE)
    assert found == LABELS.split(", ")


@pytest.mark.parametrize("word", ["2.1", "step 2.1", "Step 2.1", "step2.1", "step-2.1"])
def test_a_step_of_a_layer_is_asked_for_by_its_label(deep, word):
    printed = shown(deep, word, decimals=9, colour=True)
    assert "Step 2.1 of 11 · Hidden layer 1 input" in Text.from_ansi(printed).plain
    assert on(YELLOW, printed) == numbers(deep, ["hidden_layer_input_1"], 9)
    assert on(ORANGE, printed) == numbers(deep, ["X", "wh_1", "bh_1"], 9)


def test_layers_and_matrices_come_in_the_order_asked_for(deep):
    printed = shown(deep, "9.1", "output_sum", "3.2")
    places = [printed.index(text) for text in ("Step 9.1 of", "\noutput_sum", "Step 3.2 of")]
    assert places == sorted(places)


@pytest.mark.parametrize("word", ["2", "2.3", "step 3", "12", "4.1", "-1.5"])
def test_an_unknown_step_is_answered_with_the_labels_of_all(deep, word):
    with pytest.raises(UnknownNameError) as caught:
        terminal.chosen(deep, [word])
    number = word.removeprefix("step ")
    assert str(caught.value) == f"There is no step {number}; there are steps {LABELS}."


def test_a_step_of_a_layer_is_unknown_where_there_is_one_layer_only(trace):
    with pytest.raises(UnknownNameError) as caught:
        terminal.chosen(trace, ["2.1"])
    assert str(caught.value) == "There is no step 2.1; there are steps 0 to 11."


def test_parameters_are_those_after_the_last_epoch(deep):
    printed = shown(deep, "parameters", decimals=9)
    names = re.findall(r"^(\w+_trained)", printed, re.MULTILINE)
    assert names == [f"{name}_trained" for name in deep.network.shapes]
    found = json.loads(terminal.as_json(deep, terminal.chosen(deep, ["parameters"]), None))
    assert found == {f"{name}_trained": a.tolist() for name, a in deep.parameters.items()}
    assert found["wh_1_trained"] != deep["wh_1_new"].to_numpy().tolist()


def test_with_the_parameters_comes_what_the_update_rule_remembers():
    network = cellprop.Network([1, 2, 1])
    run = cellprop.trace(network, [[1], [0]], [1, 0], seed=1, optimizer="momentum", epochs=2)
    found = json.loads(terminal.as_json(run, terminal.chosen(run, ["parameters"]), None))
    assert list(found) == [f"{name}_trained" for name in run.carried]
    assert found["wh_velocity_trained"] == run.carried["wh_velocity"].tolist()


# --- Labels from somebody's data ----------------------------------------------------------

NASTY = ["[red]a[/red]", "\x1b[31mb", "c\td\n", "=1+1", "+2", "-3", "@sum", "[/]", "\x9b2Jx"]


@pytest.fixture(scope="module")
def nasty():
    X = pd.DataFrame(np.eye(len(NASTY)), columns=NASTY, index=NASTY[::-1])
    return cellprop.trace(cellprop.Network([len(NASTY), 2, 1]), X, [0] * len(NASTY), seed=1)


def test_labels_that_look_like_markup_are_shown_as_they_are(nasty):
    printed = shown(nasty, "X")
    assert printed.count("[red]a[/red]") == 2
    assert printed.count("[/]") == 2


def test_labels_can_not_move_the_cursor_or_change_colours(nasty):
    printed = shown(nasty, "X", "2", "9")
    assert {c for c in printed if ord(c) < 32 or 127 <= ord(c) < 160} == {"\n"}
    assert "␛[31mb" in printed
    assert "c␉d␊" in printed


def test_labels_add_no_colour_codes_to_those_of_show_itself(nasty):
    """Every code is one that the same matrix prints with harmless labels."""
    harmless = cellprop.trace(nasty.network, np.eye(len(NASTY)), [0] * len(NASTY), seed=1)
    codes = [
        set(re.findall(r"\x1b\[[\d;]*.", shown(t, "2", colour=True))) for t in (nasty, harmless)
    ]
    assert codes[0] == codes[1]


def test_csv_labels_are_never_formulas(nasty):
    rows = list(csv.reader(io.StringIO(terminal.as_csv(nasty, [nasty.matrix("X")], None))))
    labels = {cell for row in rows[1:] for cell in row[1:3]}
    assert {"'=1+1", "'+2", "'-3", "'@sum"} <= labels
    assert not [label for label in labels if label[0] in "=+-@\t\r\n"]


@pytest.mark.parametrize("label", ["a,b", 'say "x"', "a; b", "ä ⊙", "  spaced  "])
def test_csv_labels_with_separators_and_quotes_come_back_whole(label):
    X = pd.DataFrame([[1.0, 2.0]], columns=[label, "other"])
    trace = cellprop.trace(cellprop.Network([2, 1, 1]), X, [0], seed=1)
    rows = list(csv.reader(io.StringIO(terminal.as_csv(trace, [trace.matrix("X")], None))))
    assert rows[1:] == [["X", "1", label, "1.0"], ["X", "1", "other", "2.0"]]


@pytest.mark.parametrize("width", [12, 20, 80])
def test_a_long_label_goes_on_in_further_lines_and_no_number_is_cut(width):
    X = pd.DataFrame([[1.25, 2.5]], columns=["long " * 10, "b"], index=["row " * 10])
    trace = cellprop.trace(cellprop.Network([2, 1, 1]), X, [0], seed=1)
    printed = shown(trace, "X", width=width)
    assert "…" not in printed
    assert printed.count("long") == 10
    assert printed.count("row") in (10, 20)  # once more, if the second column goes below
    assert re.findall(r"\d\.\d+", printed) == ["1.25", "2.5"]


# --- Terminals of all sizes ---------------------------------------------------------------


@pytest.mark.parametrize("width", [1, 10, 20, 40, 80])
def test_a_narrow_terminal_is_kept_to(trace, width):
    printed = shown(trace, width=width)
    assert max(map(len, printed.splitlines())) <= width


def test_forty_columns_show_every_number_of_the_article(trace):
    printed = shown(trace, width=40)
    for name in trace.names:
        matrix = shown(trace, name).splitlines()[2:]
        rows = [" ".join(line.split()) for line in matrix if line.strip()]
        narrow = "\n".join(" ".join(line.split()) for line in printed.splitlines())
        assert rows
        assert all(row in narrow for row in rows), name


def test_forty_columns_show_every_formula_in_full(trace):
    printed = shown(trace, "11", width=40)
    assert "=bout+MMULT(TRANSPOSE(ROW(d_output)^0),d_output)*lr" in re.sub(r"\s", "", printed)


# --- CSV and JSON -------------------------------------------------------------------------


def test_csv_gives_back_the_exact_numbers(trace):
    text = terminal.as_csv(trace, terminal.chosen(trace, []), None)
    frame = pd.read_csv(io.StringIO(text), dtype={"row": str, "column": str}, keep_default_na=False)
    assert list(dict.fromkeys(frame["matrix"])) == list(trace.names)
    for name in trace.names:
        found = [
            float(row["value"])
            for row in csv.DictReader(io.StringIO(text))
            if row["matrix"] == name
        ]
        assert found == trace[name].to_numpy().ravel().tolist()


def test_csv_names_the_row_and_column_of_each_number(trace):
    rows = list(csv.reader(io.StringIO(terminal.as_csv(trace, [trace.matrix("wh")], None))))
    assert rows[0] == ["matrix", "row", "column", "value"]
    places = [(row, column) for row in ("x1", "x2", "x3", "x4") for column in ("h1", "h2", "h3")]
    assert [tuple(row[1:3]) for row in rows[1:]] == places


def test_json_gives_back_the_exact_numbers(trace):
    found = json.loads(terminal.as_json(trace, terminal.chosen(trace, []), None))
    assert found == {name: trace[name].to_numpy().tolist() for name in trace.names}


def test_what_is_asked_for_twice_is_in_the_file_once(trace):
    wanted = terminal.chosen(trace, ["7", "d_output", "step 7"])
    assert list(json.loads(terminal.as_json(trace, wanted, None))) == ["d_output"]
    assert len(terminal.as_csv(trace, wanted, None).splitlines()) == 1 + 3


def test_csv_and_json_round_to_the_decimals_asked_for(trace):
    wanted = [trace.matrix("output")]
    expected = trace["output"].round(3).to_numpy().tolist()
    assert json.loads(terminal.as_json(trace, wanted, 3)) == {"output": expected}
    rows = list(csv.reader(io.StringIO(terminal.as_csv(trace, wanted, 3))))[1:]
    assert [[float(row[3])] for row in rows] == expected


def test_a_matrix_wider_than_the_terminal_goes_on_below_with_every_number_whole():
    trace = cellprop.trace(cellprop.Network([2, 30, 1]), [[1, 2]], [1], seed=0)
    printed = shown(trace, "wh", width=40)
    for value in trace["wh"].to_numpy().ravel():
        assert f" {value:.4f}" in printed
    assert max(map(len, printed.splitlines())) <= 40


def test_what_the_formula_takes_transposed_stands_transposed(trace):
    lines = shown(trace, "10", width=120).splitlines()
    (top,) = [i for i, line in enumerate(lines) if line.startswith("wout_new ")]
    left = lines[top].index("hiddenlayer_activationsᵀ")
    right = lines[top].index("·", left)
    rows = [line[left:right].split() for line in lines[top + 1 : top + 5]]
    assert rows[0] == ["1", "2", "3"]
    right_numbers = trace["hiddenlayer_activations"].to_numpy().T
    for row, label, numbers in zip(rows[1:], ("h1", "h2", "h3"), right_numbers, strict=True):
        assert row == [label, *(f"{number:.2f}" for number in numbers)]


def test_a_transposed_matrix_of_many_rows_says_that_it_stands_the_other_way():
    random = np.random.default_rng(0)
    many = cellprop.trace(
        cellprop.Network([2, 3, 1]), random.random((20, 2)), random.random((20, 1)), seed=0
    )
    assert "3 × 20, standing the other way" in shown(many, "10", width=120)


def test_of_a_matrix_that_is_read_in_part_only_that_part_is_coloured():
    @cellprop.program(hidden=4, outputs=1)
    def halves(m):
        x, W = m.given("x", "samples", "inputs"), m.parameter("W", "inputs", "hidden")
        z = m.define("z", x @ W)
        with m.step("Half"):
            output = m.define("output", cellprop.sum(z[:, 0:2], axis=1))
        return cellprop.squared_error(m.target("y", "samples", 1), output)

    trace = cellprop.trace(halves, [[1.0, 2.0]], [1.0], seed=1)
    console = Console(width=100, force_terminal=True, color_system="truecolor", file=io.StringIO())
    terminal.show(console, trace, [trace.step(3)], load(), None)
    orange = re.findall(r"\x1b\[30;48;2;255;183;77m +([-.\d]+)\x1b", console.file.getvalue())
    assert orange[:2] == [f"{value:.2f}" for value in trace["z"].to_numpy()[0, :2]]
    assert len(orange) == 2
