"""The workbooks of programs that ship: verified, exact in colour, readable, the same in engines."""

from __future__ import annotations

import re
from functools import cache

import numpy as np
import pytest

import cellprop
import reading
from cellprop.programs.building import Sized
from cellprop.running.loading import shipped, ships
from conftest import slow_but
from reading import disagreements, expected
from retyping import retyped
from test_highlights import check
from test_screen_and_page import assert_begins_within_450_pixels

LAYOUTS = ("flip-book", "close-up")
BOTH = pytest.mark.parametrize("layout", LAYOUTS)
ALL = pytest.mark.parametrize("name", slow_but(["rnn", "attention"], shipped()))


@cache
def program(name: str, **options) -> cellprop.Trace:
    """A program that ships, after a few epochs."""
    loaded = ships(name)
    return cellprop.trace(
        loaded.written, loaded.X, loaded.y, **{**loaded.options, "epochs": 2, **options}
    )


@cache
def changes(name: str):
    """A given number, a parameter and the rate retyped; and every matrix that then follows."""
    trace = program(name)
    weights = next(iter(trace.start))
    given = trace.program.forward.inputs[0].name
    typed = {n: np.array(trace.values[n]) for n in (given, weights, "lr")}
    typed[given][-1, 0] += 0.25
    typed[weights][0, -1] -= 0.5
    typed["lr"][0, 0] *= 1.5
    assert isinstance(trace.model, Sized)
    data = {m.name: typed.get(m.name, trace.values[m.name]) for m in trace.program.forward.inputs}
    targets = {m.name: trace.values[m.name] for m in trace.program.forward.targets}
    fresh = cellprop.trace(
        trace.model.written, data, targets, learning_rate=typed["lr"].item(),
        parameters={n: typed.get(n, trace.start[n]) for n in trace.start},
    )  # fmt: skip
    return typed, fresh.values


@ALL
@BOTH
def test_ironcalc_computes_every_formula_as_the_trace_does(name, layout, tmp_path):
    path = tmp_path / "book.xlsx"
    path.write_bytes(reading.content(program(name), layout))
    found = cellprop.verify(path)
    assert found.ok, found.differences[:3]
    assert found.largest_difference <= 1e-12


@ALL
@BOTH
def test_yellow_cells_compute_and_orange_cells_are_what_they_refer_to(name, layout):
    check(program(name), layout)


@ALL
def test_ironcalc_follows_what_is_retyped(name, tmp_path):
    trace = program(name)
    typed, numbers = changes(name)
    model = reading.ironcalc_model(reading.saved(retyped(trace, typed), tmp_path / "book.xlsx"))
    found = reading.computed_by_ironcalc(model, expected(trace))
    assert disagreements(found, trace, numbers) == []
    assert any(
        not np.array_equal(numbers[new.name], trace.values[new.name])
        for new in trace.program.updates.values()
    )


@pytest.mark.slow
def test_libreoffice_computes_and_follows_them_all(libreoffice, tmp_path):
    files, wanted = [], {}
    for name in shipped():
        trace = program(name)
        typed, numbers = changes(name)
        for when, book, values in (
            ("before", reading.without_values(trace), trace.values),
            ("after", retyped(trace, typed), numbers),
        ):
            path = tmp_path / f"{name} {when}.xlsx"
            files.append(reading.saved(reading.without_extras(book), path))
            wanted[path.stem] = trace, values
    recalculated, _ = reading.converted_by_libreoffice(libreoffice, files, tmp_path)
    assert set(recalculated) == set(wanted)
    for name, (trace, numbers) in wanted.items():
        assert reading.errors_of(recalculated[name]) == [], name
        computed = reading.numbers_of(recalculated[name])
        assert disagreements(computed, trace, numbers) == [], name


@pytest.mark.parametrize("optimizer", slow_but(["adam"], ["momentum", "adam"]))
def test_with_every_update_rule(optimizer, tmp_path):
    trace = program("rnn", optimizer=optimizer)
    path = tmp_path / "book.xlsx"
    path.write_bytes(reading.content(trace))
    assert cellprop.verify(path).ok
    check(trace, "close-up")


@pytest.mark.slow
def test_each_step_prints_on_one_page(libreoffice, tmp_path):
    for name in shipped():
        trace = program(name)
        path = tmp_path / f"{name}.xlsx"
        path.write_bytes(reading.content(trace))
        # The steps, Contents and Training; and Updates, where several are asked for.
        others = 2 + (trace.iterated is not None)
        assert reading.pages_of(libreoffice, path) == len(trace.steps) + others, name


@ALL
def test_every_step_opens_with_something_that_it_computes_on_the_screen(name):
    assert_begins_within_450_pixels(program(name), "auto")


@ALL
def test_every_step_says_what_happens_in_words_of_its_own(name):
    trace = program(name)
    book = reading.formulas(trace)
    titles = [step.title for step in trace.steps]
    assert len(set(titles)) == len(titles)
    for step in trace.steps:
        said = [cell.value for cell in book[f"Step {step.label}"][1] if cell.value]
        heading, says, *_ = said
        assert heading == f"Step {step.label} of {trace.steps[-1].label} · {step.title}"
        assert says.endswith(".")
        # Nothing of the article, nor a brace that nobody filled.
        text = " ".join(map(str, said))
        assert not re.search(r"[{}]|\bwh\b|\bbout\b|hidden layer|step 5", text), text


def test_contents_tell_what_the_program_takes_and_learns():
    sheet = reading.values(program("rnn"))["Contents"]
    rows = {row[0]: [*filter(None, row[1:])] for row in sheet.iter_rows(values_only=True) if row[0]}
    assert rows["rnn: A recurrent network over three time steps: many to one."] == []
    assert rows["x_2"] == ["4 × 1: samples × inputs", "given"]
    assert rows["W_h"] == ["2 × 2: hidden neurons × hidden neurons", "learnt"]
    assert rows["y"][1].startswith("target")
    guide = [text for text in rows if "named range" in str(text)]
    assert "=MMULT(x_1,W_x)" in guide[0]


def test_a_shared_parameter_shows_each_share_before_their_sum():
    trace = program("rnn")
    (step,) = [s for s in trace.steps if "d_W_h" in s.matrices]
    assert step.title == "Add up the shares of W_x, W_h, b"
    total = sum(trace.values[f"d_W_h_z_{t}"] for t in (1, 2, 3))
    assert np.allclose(trace.values["d_W_h"], total, rtol=1e-15)
    sheet = reading.formulas(trace)[f"Step {step.label}"]
    notes = [c.value for row in sheet for c in row if "3 shares" in str(c.value)]
    assert "W_h is used 3 times, and d_W_h adds up the 3 shares." in notes[0]


def test_a_text_that_could_be_a_formula_is_refused():
    from cellprop import squared_error

    @cellprop.program(inputs=1)
    def evil(m):
        x = m.given("x", "samples", "inputs")
        with m.step("=1+1"):
            z = m.define("z", x @ m.parameter("w", "inputs", 1))
        return squared_error(m.target("y", "samples", 1), z)

    with pytest.raises(cellprop.CellpropError, match="a text may not begin with '='"):
        cellprop.trace(evil, [[1]], [1])


@pytest.mark.slow
def test_the_formula_in_focus_of_many_cells_is_no_error_in_libreoffice(libreoffice, tmp_path):
    """It chooses from a text for each cell, and LibreOffice chooses from thirty at most."""
    loaded = ships("lstm")
    X = {name: np.tile(np.array(rows, dtype=float), (2, 1)) for name, rows in loaded.X.items()}
    trace = cellprop.trace(loaded.written, X, [*loaded.y, *loaded.y], seed=1)
    assert max(m.rows.size * m.columns.size for m in trace.program.matrices) > 30
    path = tmp_path / "book.xlsx"
    path.write_bytes(reading.content(trace))
    recalculated, _ = reading.converted_by_libreoffice(libreoffice, [path], tmp_path)
    assert reading.errors_of(recalculated["book"]) == []
