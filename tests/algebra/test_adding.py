"""An activation or a loss is added by a row of the table and its words: then every face has it.

Each fixture adds a row and words, and takes them away again. Nothing else knows of them; still
the workbook is built and recalculated, an exercise is marked, slips are named, and plots are drawn.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

import numpy as np
import pytest
from openpyxl import load_workbook

import cellprop
from added import SOFTSIGN
from cellprop.algebra import (
    CALL,
    OPERATIONS,
    PLUS,
    Form,
    Number,
    Operation,
    Targets,
    apply,
    elementwise,
    loss,
)
from cellprop.exercise import write
from cellprop.faces.plots import plot
from cellprop.marking.question import ask
from cellprop.texts import words
from filling import fill
from reference import close
from students import numbers_of

# The row, as it would stand in the table. EXP never gets a number above 0, so none overflows.
LOG_COSH = loss(
    "log_cosh",
    lambda y, o: np.abs(y - o) + np.log1p(np.exp(-2 * np.abs(y - o))) - np.log(2),
    maths=Form("ln(cosh({0} − {1}))", CALL, (PLUS, PLUS + 1)),
    numpy=Form("np.log(np.cosh({0} - {1}))", CALL, (PLUS, PLUS + 1)),
    r=Form("log(cosh({0} - {1}))", CALL, (PLUS, PLUS + 1)),
    excel=Form("LN(COSH({0}-{1}))", CALL, (PLUS, PLUS + 1)),
    cell=Form("ABS({0}-{1})+LN(1+EXP(-2*ABS({0}-{1})))-LN(2)", PLUS, (PLUS, PLUS + 1)),
    derivative=lambda y, output: apply("tanh", output - y),
    by_targets=lambda y, output: apply("tanh", y - output),
)
WORDS = {
    "softsign": {
        "name": "softsign",
        "does": "The softsign divides every number by its size and 1",
        "slope": "For a softsign that is (1 − |output|)².",
        "notes": ("It comes closer to −1 and 1 more slowly than tanh does.",),
    },
    "log_cosh": {
        "name": "logarithm of the hyperbolic cosine",
        "notes": ("Small errors count by their square, large ones by their size.",),
        "delta_notes": (),
    },
}

X = np.array([[0.2, -1.0], [1.5, 0.3], [-0.7, 0.9]])
Y = np.array([[0.6], [-0.2], [1.1]])


def add(row: Operation, monkeypatch: pytest.MonkeyPatch) -> str:
    """Add a row and its words, for the length of a test."""
    monkeypatch.setitem(OPERATIONS, row.name, row)
    texts: Mapping[str, object] = {f"{row.words}.{k}": v for k, v in WORDS[row.name].items()}
    known = MappingProxyType({**words._default(), **texts})
    monkeypatch.setattr(words, "_default", lambda: known)
    return row.name


@pytest.fixture
def softsign(monkeypatch):
    return add(SOFTSIGN, monkeypatch)


@pytest.fixture
def log_cosh(monkeypatch):
    return add(LOG_COSH, monkeypatch)


def traced(**network):
    options = {"output_activation": "linear"} | network
    return cellprop.trace(
        cellprop.Network([2, 3, 1], **options), X, Y, seed=4, epochs=8, learning_rate=0.2
    )


def texts_of(path):
    """Return all that stands on the sheets of a workbook."""
    book = load_workbook(path)
    cells = (cell.value for sheet in book for row in sheet.iter_rows() for cell in row)
    return " ".join(value for value in cells if isinstance(value, str))


def assert_recalculates(path):
    found = cellprop.verify(path)
    assert found.ok, found
    assert found.cells > 100


def marked(trace, folder, slip=None, at=""):
    """Return the marks of a student who fills an exercise in, and slips once if told to."""
    question = ask(trace.update, decimals=3)
    typed = numbers_of(question, slip, at, decimals=3)
    return cellprop.check(fill(write(question, folder / "x.xlsx"), folder / "done.xlsx", typed))


# --- An activation ------------------------------------------------------------------------


def test_the_workbook_of_an_added_activation_recalculates_and_says_its_words(softsign, tmp_path):
    path = traced(activation=softsign).to_excel(tmp_path / "softsign.xlsx")
    assert_recalculates(path)
    assert "/(1+ABS(" in texts_of(path)
    for said in (WORDS[softsign]["does"], WORDS[softsign]["slope"], *WORDS[softsign]["notes"]):
        assert said in texts_of(path)


def test_an_added_activation_can_be_the_output_s_too(softsign, tmp_path):
    trace = traced(activation="tanh", output_activation=softsign)
    assert_recalculates(trace.to_excel(tmp_path / "softsign.xlsx"))
    assert trace.history["loss"].iloc[-1] < trace.history["loss"].iloc[0]


def test_no_number_that_may_be_typed_makes_an_added_activation_overflow(softsign, tmp_path):
    first = {"wh": np.full((2, 3), -1e9), "bh": np.full((1, 3), 1e9)}
    network = cellprop.Network([2, 3, 1], activation=softsign, output_activation="linear")
    trace = cellprop.trace(network, X, Y, parameters=first, seed=1, learning_rate=0)
    assert_recalculates(trace.to_excel(tmp_path / "large.xlsx"))


def test_an_exercise_with_an_added_activation_is_marked_right(softsign, tmp_path):
    marks = marked(traced(activation=softsign), tmp_path)
    assert marks.total == marks.out_of > 50
    assert not marks.slips


def test_whoever_takes_another_activation_than_the_added_one_is_told(softsign, tmp_path):
    trace = traced(activation=softsign)
    marks = marked(
        trace, tmp_path,
        lambda own, _: 1 / (1 + np.exp(-own["hidden_layer_input"])), "hiddenlayer_activations",
    )  # fmt: skip
    assert [key for _, key in marks.slips] == ["other_activation"]
    assert marks.total == marks.out_of - 9


def test_the_added_activation_is_one_that_people_take_for_another(softsign, tmp_path):
    marks = marked(
        traced(activation="relu"), tmp_path,
        lambda own, _: SOFTSIGN.value(own["hidden_layer_input"]), "hiddenlayer_activations",
    )  # fmt: skip
    assert [key for _, key in marks.slips] == ["other_activation"]


def test_a_network_with_an_added_activation_is_drawn(softsign, tmp_path):
    pytest.importorskip("matplotlib")
    assert plot(traced(activation=softsign), tmp_path / "plot.svg").stat().st_size > 1000


@pytest.mark.slow
def test_an_added_activation_between_0_and_1_decides_and_has_its_colours(monkeypatch, tmp_path):
    bell = elementwise(
        "bell",
        lambda x: np.exp(-np.square(x)),
        maths=Form("exp(−{0}²)", CALL, (CALL,)),
        numpy=Form("np.exp(-({0} ** 2))", CALL, (CALL,)),
        excel=Form("EXP(-SUMSQ({0}))", CALL, (0,)),
        slope=lambda output, z: output * z * (0 - Number(2.0)),
        bounds=(0.0, 1.0),
    )
    monkeypatch.setitem(OPERATIONS, "bell", bell)
    network = cellprop.Network([2, 3, 1], output_activation="bell")
    trace = cellprop.trace(network, X, [[1.0], [0.0], [1.0]], seed=1, epochs=3)
    assert "accuracy" in trace.history.columns
    path = trace.to_excel(tmp_path / "bell.xlsx")
    assert_recalculates(path)
    assert "from 0 (blue) over 0.5 (white) to 1 (orange)" in texts_of(path)


# --- A loss -------------------------------------------------------------------------------


def test_the_workbook_of_an_added_loss_recalculates_and_says_its_words(log_cosh, tmp_path):
    trace = traced(loss=log_cosh)
    path = trace.to_excel(tmp_path / "loss.xlsx")
    assert_recalculates(path)
    assert "LN(1+EXP(-2*ABS(" in texts_of(path)
    assert WORDS[log_cosh]["notes"][0] in texts_of(path)
    assert close(trace["E"].to_numpy(), np.tanh(Y - trace["output"].to_numpy()))
    assert trace.history["loss"].iloc[-1] < trace.history["loss"].iloc[0]


def test_an_exercise_with_an_added_loss_is_marked_right(log_cosh, tmp_path):
    marks = marked(traced(loss=log_cosh), tmp_path)
    assert marks.total == marks.out_of > 50


def test_a_slip_in_the_error_of_an_added_loss_is_named(log_cosh, tmp_path):
    marks = marked(traced(loss=log_cosh), tmp_path, lambda _, right: -right, "E")
    assert {key for _, key in marks.slips} <= {"difference_reversed", "sign_lost"}
    assert marks.total == marks.out_of - 3


def test_a_network_with_an_added_loss_is_drawn(log_cosh, tmp_path):
    pytest.importorskip("matplotlib")
    assert plot(traced(loss=log_cosh), tmp_path / "plot.svg").stat().st_size > 1000


@pytest.mark.slow
def test_both_may_be_added(softsign, log_cosh, tmp_path):
    trace = traced(activation=softsign, loss=log_cosh, output_activation=softsign)
    assert_recalculates(trace.to_excel(tmp_path / "both.xlsx"))


# --- Targets that an added loss takes -----------------------------------------------------


def test_which_targets_an_added_loss_takes_is_said_by_its_row(monkeypatch):
    signs = replace(LOG_COSH, name="signs", targets=Targets(-1, 1))
    monkeypatch.setitem(OPERATIONS, "signs", signs)
    with pytest.raises(
        cellprop.CellpropError, match=r"y, row 3, .*signs wants targets from -1 to 1"
    ):
        traced(loss="signs")
