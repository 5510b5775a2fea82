"""Spreadsheet engines compute what the trace says: as built, after changes, and at extremes."""

from __future__ import annotations

import itertools
import math
import tempfile
from pathlib import Path

import numpy as np
import pytest
import reading
from hypothesis import given, settings
from reading import disagreements, drawn, example, expected, homes, without_values

import cellprop
from cellprop.tracing import Trace

NAMES = ["article", "wide", "long", "fan", "one", "band"]


def written(trace, folder: Path, name: str = "book") -> Path:
    path = folder / f"{name}.xlsx"
    path.write_bytes(reading.content(trace))
    return path


def changed(trace):
    """The workbook with inputs, weights and the rate retyped, and the trace of those numbers."""
    book = without_values(trace)
    numbers = {name: np.array(trace.values[name]) for name in ("X", "y", "lr", *trace.parameters)}
    numbers["X"][-1, 0] = -1.75
    numbers["y"][0, -1] = 0.375
    numbers["wh"][0, -1] = 2.5
    numbers["bout"][0, 0] = -0.5
    numbers["lr"][0, 0] = 0.65
    for name, array in numbers.items():
        home, (top, left, _, _) = homes(book)[name]
        for (i, j), value in np.ndenumerate(array):
            book[home].cell(top + i, left + j).value = float(value)
    return book, again(trace, numbers)


def again(trace, numbers):
    X, y, rate = (numbers.pop(name) for name in ("X", "y", "lr"))
    return cellprop.trace(trace.network, X, y, parameters=numbers, learning_rate=rate.item())


def extremes():
    """The article's network with every combination of signs of extreme weights."""
    article = example("article")
    X = np.array([[1000.0] * 4, [-1000.0] * 4, [0.5, -1000, 0, 1]])
    for signs in itertools.product((-1000.0, 1000.0), repeat=4):
        sizes = zip(article.parameters, signs, strict=True)
        numbers = {name: np.full(article.values[name].shape, size) for name, size in sizes}
        yield again(article, numbers | {"X": X, "y": article.values["y"], "lr": np.ones((1, 1))})


def at_once() -> dict[str, Trace]:
    """Networks whose hidden neurons and outputs have every combination of extreme weights."""
    X = np.array([[1000.0] * 2, [-1000.0] * 2, [0.5, -1000], [0.0, 0.0]])
    first, second = [[1000.0, 1000, -1000, -1000]], [[1000.0, -1000, 1000, -1000]]
    parameters = {"wh": first * 2, "bh": second, "wout": first * 4, "bout": second}
    network = cellprop.Network([2, 4, 4])
    return {
        f"extreme {target}": cellprop.trace(
            network, X, np.full((4, 4), float(target)), parameters=parameters, learning_rate=1
        )
        for target in (-1000, 0, 1)
    }


def errors(book) -> list[str]:
    """The cells that show an error."""
    return [
        f"{sheet.title}!{cell.coordinate} {cell.value}"
        for sheet in book.worksheets
        for row in sheet.iter_rows()
        for cell in row
        if cell.data_type == "e"
    ]


# --- IronCalc -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_verify_agrees_with_every_formula(name, tmp_path):
    trace = example(name)
    path = written(trace, tmp_path)
    count = sum(
        cell.data_type == "f"
        for sheet in reading.formulas(trace).worksheets
        for row in sheet.iter_rows()
        for cell in row
    )
    verification = cellprop.verify(path)
    assert verification.ok
    assert verification.cells == count
    assert verification.largest_difference <= 1e-12


@given(trace=reading.traces())
@settings(max_examples=20)
def test_verify_agrees_for_any_network(trace):
    with tempfile.TemporaryDirectory() as folder:
        verification = cellprop.verify(trace.to_excel(Path(folder) / "book.xlsx"))
    assert verification.ok
    assert verification.largest_difference <= 1e-12


@pytest.mark.parametrize("name", NAMES)
def test_ironcalc_computes_the_trace_from_the_formulas_alone(name, tmp_path):
    trace = example(name)
    path = reading.saved(without_values(trace), tmp_path / "book.xlsx")
    model = reading.ironcalc_model(path)
    assert disagreements(reading.computed_by_ironcalc(model, expected(trace)), trace) == []


@pytest.mark.parametrize("name", ["article", "wide", "band"])
def test_ironcalc_follows_retyped_numbers(name, tmp_path):
    book, trace = changed(example(name))
    model = reading.ironcalc_model(reading.saved(book, tmp_path / "book.xlsx"))
    assert disagreements(reading.computed_by_ironcalc(model, expected(trace)), trace) == []


def test_the_loss_on_the_contents_follows_too(tmp_path):
    book, trace = changed(example("article"))
    model = reading.ironcalc_model(reading.saved(book, tmp_path / "book.xlsx"))
    (cell,) = [
        cell
        for row in book["Contents"].iter_rows()
        for cell in row
        if cell.data_type == "f" and "SUM" in cell.value
    ]
    computed = model.get_cell_value(0, cell.row, cell.column)
    assert computed == pytest.approx(trace.history["loss"][0], rel=1e-12)


def test_no_extreme_weight_or_input_makes_an_error_in_ironcalc(tmp_path):
    article = example("article")
    model = reading.ironcalc_model(written(article, tmp_path))
    places = homes(reading.formulas(article))
    for trace in extremes():
        for name in ("X", "y", "lr", *article.parameters):
            home, (top, left, _, _) = places[name]
            for (i, j), value in np.ndenumerate(trace.values[name]):
                sheet = reading.step_of(home) + 1
                model.update_cell_with_number(sheet, top + i, left + j, float(value))
        model.evaluate()
        found = reading.computed_by_ironcalc(model, expected(article))
        assert all(isinstance(value, (int, float)) for value in found.values())
        assert all(math.isfinite(value) for value in found.values())
        assert disagreements(found, trace, article) == []


# --- LibreOffice --------------------------------------------------------------------------


def test_libreoffice_computes_the_trace_from_the_formulas_alone(libreoffice, tmp_path):
    traces = {name: example(name) for name in ("article", "wide", "long", "band")}
    traces |= {f"drawn{i}": drawn(i + 1, 6 - i, i + 2, 1 + i % 3, seed=i) for i in range(2)}
    traces |= at_once()
    books = {name: without_values(trace) for name, trace in traces.items()}
    for name in ("article", "band"):
        books[f"changed {name}"], traces[f"changed {name}"] = changed(traces[name])
    files = [reading.saved(book, tmp_path / f"{name}.xlsx") for name, book in books.items()]
    recalculated, _ = reading.converted_by_libreoffice(libreoffice, files, tmp_path)
    assert set(recalculated) == set(traces)
    for name, trace in traces.items():
        assert errors(recalculated[name]) == [], name
        assert disagreements(reading.numbers_of(recalculated[name]), trace) == [], name


def test_verify_can_use_libreoffice(libreoffice, tmp_path):
    verification = cellprop.verify(written(example("article"), tmp_path), engine="libreoffice")
    assert verification.ok
    assert verification.largest_difference <= 1e-12
    assert verification.cells > 800


def test_libreoffice_opens_what_we_write_without_complaint(libreoffice, tmp_path):
    files = [written(example(name), tmp_path, name) for name in ("article", "band")]
    books, said = reading.converted_by_libreoffice(libreoffice, files, tmp_path)
    assert [line for line in said.splitlines() if "javaldx" not in line and line.strip()] == []
    for name, book in books.items():
        ours = reading.formulas(example(name))
        assert book.sheetnames == ours.sheetnames
        for sheet in book.worksheets:
            rules, own = (b[sheet.title].conditional_formatting for b in (book, ours))
            assert sum(len(f.rules) for f in rules) == sum(len(f.rules) for f in own)
            assert len(sheet._hyperlinks or _links(sheet)) == len(_links(ours[sheet.title]))


def _links(sheet) -> list:
    return [cell.hyperlink for row in sheet.iter_rows() for cell in row if cell.hyperlink]
