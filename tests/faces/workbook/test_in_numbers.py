"""Calculations in numbers: right by hand, live, and the same in every spreadsheet."""

from __future__ import annotations

import math
import random
import re
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from openpyxl import Workbook, load_workbook
from openpyxl.utils import get_column_letter

import cellprop
import reading
from by_hand import calculated
from cellprop.algebra import (
    ONE,
    OPERATIONS,
    ROW,
    Applied,
    Axis,
    CellTexts,
    Matrix,
    Span,
    define,
    square,
    sum_over_rows,
)
from cellprop.faces.layout import lay_out
from cellprop.faces.workbook.focus import LONGEST, MOST_NESTED, MOST_TEXT
from cellprop.faces.workbook.in_numbers import Block, Chosen, InNumbers, in_numbers
from cellprop.texts.formats import Format, of_update
from cellprop.tracing import Trace
from cellprop.verification.values import alike
from conftest import slow_but
from test_kept import in_hyperformula

CHOSEN = Chosen("$D$9", "$F$9")


@cache
def network(name: str) -> Trace:
    if name in cellprop_examples():
        return cellprop.article() if name == "article" else cellprop.example(name, epochs=3)
    return reading.example(name)


def cellprop_examples() -> tuple[str, ...]:
    return ("article", "xor", "iris", "moons", "blobs")


def blocks(trace: Trace) -> dict[str, Block]:
    formats = of_update(trace.update)
    places = lay_out(trace.program, "flip-book").places
    return {name: Block(place.absolute, formats[name]) for name, place in places.items()}


def told(trace: Trace, chosen: Chosen = CHOSEN) -> dict[str, InNumbers]:
    """The calculations of all matrices that are computed."""
    found = {}
    for name in trace.names:
        if trace.matrix(name).definition is not None:
            one = in_numbers(trace.matrix(name), blocks(trace), chosen, trace.values)
            assert one is not None, name
            found[name] = one
    return found


# --- By hand ------------------------------------------------------------------------------

NAMES = [*cellprop_examples(), *reading.NAMES[1:]]
QUICK = ["article", "iris", "deep", "adam", "minmax"]
NETWORKS = slow_but(QUICK, NAMES)


@pytest.mark.parametrize("name", NETWORKS)
def test_by_hand_every_calculation_gives_what_it_says(name):
    trace, count = network(name), 0
    chance = random.Random(1)
    for matrix, one in told(trace).items():
        rows, columns = trace.matrix(matrix).shape
        cells = {(0, 0), (rows - 1, columns - 1), (chance.randrange(rows), 0)}
        for row, column in cells | {(0, chance.randrange(columns))}:
            text = one.text(row, column)
            assert "-" not in text
            if "…" in text:
                continue
            found, result, apart = calculated(text)
            assert math.isinf(apart) or abs(found - result) <= apart * 1.01 + 1e-12, text
            count += math.isfinite(apart)
    assert count > 10


def test_the_numbers_are_those_of_the_cells():
    texts = {name: one.text(0, 0) for name, one in told(cellprop.article()).items()}
    assert list(texts.values()) == [
        "hidden_layer_input[1, 1] = 1 · 0.42 + 0 · 0.10 + 1 · 0.60 + 0 · 0.92 + 0.46 = 1.48",
        "hiddenlayer_activations[1, 1] = 1 / (1 + exp(−1.48)) = 0.81",
        "output_layer_input[1, 1] = 0.81 · 0.30 + 0.86 · 0.25 + 0.75 · 0.23 + 0.69 = 1.32",
        "output[1, 1] = 1 / (1 + exp(−1.32)) = 0.79",
        "E[1, 1] = 1 − 0.79 = 0.21",
        "squared_error[1, 1] = (1 − 0.79)² / 2 = 0.022",
        "slope_output_layer[1, 1] = 0.79 · (1 − 0.79) = 0.17",
        "slope_hidden_layer[1, 1] = 0.81 · (1 − 0.81) = 0.151",
        "d_output[1, 1] = 0.21 · 0.17 = 0.035",
        "Error_at_hidden_layer[1, 1] = 0.035 · 0.30 = 0.0105",
        "d_hiddenlayer[1, 1] = 0.0105 · 0.151 = 0.00159",
        "wout_new[1, 1] = 0.30 + (0.81 · 0.035 + 0.92 · 0.033 + 0.81 · −0.131) · 0.1 = 0.295",
        "wh_new[1, 1] = 0.42 + (1 · 0.00159 + 1 · 0.00074 + 0 · −0.00595) · 0.1 = 0.4202",
        "bout_new[1, 1] = 0.69 + (0.035 + 0.033 + −0.131) · 0.1 = 0.68",
        "bh_new[1, 1] = 0.46 + (0.00159 + 0.00074 + −0.00595) · 0.1 = 0.4596",
    ]


# --- In spreadsheets ----------------------------------------------------------------------

# What stands in the cells in which a row and a column are chosen.
FOCI: list[tuple[Any, Any]] = [
    (None, None), (2, 1), (1, 3), (3, 2), ("x", 2), (99, 0.5), (2.75, -1),
]  # fmt: skip
Told = dict[tuple[str, int, int], str]


def with_texts(trace: Trace) -> tuple[Workbook, Told]:
    """The workbook with a text for every matrix and focus beside the lanes of its sheet, and what
    these are to be.
    """
    book, wanted = reading.without_values(trace, "flip-book"), {}
    homes = reading.homes(book)
    spreads = lay_out(trace.program, "flip-book").spreads.values()
    first = max(spread.last_column for spread in spreads) + 40
    for k, (row, column) in enumerate(FOCI):
        at = [f"${get_column_letter(first + c)}${20 + k}" for c in (0, 1)]
        for sheet in dict.fromkeys(sheet for sheet, _ in homes.values()):
            book[sheet][at[0].replace("$", "")].value = row
            book[sheet][at[1].replace("$", "")].value = column
        for n, (name, one) in enumerate(told(trace, Chosen(*at)).items()):
            sheet, place = homes[name][0], (20 + k, first + 2 + n)
            book[sheet].cell(*place).value = f"={one.formula}"
            rows, columns = trace.matrix(name).shape
            wanted[sheet, *place] = one.text(picked(row, rows), picked(column, columns))
    return book, wanted


def picked(typed: Any, count: int) -> int:
    """Which row or column is chosen, from 0: the first, if there is none of that number."""
    return int(typed) - 1 if isinstance(typed, (int, float)) and 1 <= typed <= count else 0


def assert_told(found: Mapping[Any, Any], wanted: Told) -> None:
    wrong = {place: (found[place], text) for place, text in wanted.items() if found[place] != text}
    assert {p: texts for p, texts in wrong.items() if not alike(*map(str, texts))} == {}
    assert len(wrong) <= len(wanted) / 50


def of_book(book: Workbook, wanted: Told) -> dict[tuple[str, int, int], Any]:
    return {(s, r, c): book[s].cell(r, c).value for s, r, c in wanted}


# IronCalc takes its time for the samples of the others.
SMALL = [name for name in NAMES if name not in ("iris", "moons", "blobs")]
IN_ENGINES = ["article", "deep", "adam", "standard", "wide", "momentum", "batch"]


@pytest.mark.parametrize("name", slow_but(["article", "deep", "adam"], SMALL))
def test_ironcalc_tells_any_cell(name, tmp_path):
    book, wanted = with_texts(network(name))
    model = reading.ironcalc_model(reading.saved(book, tmp_path / "book.xlsx"))
    assert_told(reading.computed_by_ironcalc(model, wanted), wanted)


def test_retyping_the_focus_and_numbers_tells_it_anew(tmp_path):
    trace = cellprop.article()
    book, sheet = reading.without_values(trace, "flip-book"), "Step 10"
    one = told(trace)["wout_new"]
    book[sheet]["AZ1"].value = f"={one.formula}"
    model = reading.ironcalc_model(reading.saved(book, tmp_path / "book.xlsx"))
    number = reading.sheet_numbers(model)

    def shown(*typed: tuple[int, int, str]) -> str:
        for cell in typed:
            model.set_user_input(number[sheet], *cell)
        model.evaluate()
        return model.get_cell_value(number[sheet], 1, 52)

    assert shown() == one.text(0, 0)
    assert shown((9, 4, "3")) == one.text(2, 0)
    assert shown((9, 4, "3"), (9, 6, "1")) == one.text(2, 0)
    assert shown((9, 4, "")) == one.text(0, 0)
    home, (top, left, _, _) = reading.homes(book)["wout"]
    model.set_user_input(number[home], top, left, "-0.123")
    home, (top, left, _, _) = reading.homes(book)["lr"]
    model.set_user_input(number[home], top, left, "0")
    assert shown().startswith("wout_new[1, 1] = −0.123 + (0.81 · ")
    assert shown().endswith(" · 0.0 = −0.123")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Workbook contains no default style")  # as Gnumeric saves it
def test_libreoffice_and_gnumeric_tell_the_same(libreoffice, gnumeric, tmp_path):
    wanted = {}
    for name in IN_ENGINES:
        book, wanted[name] = with_texts(network(name))
        reading.saved(reading.without_extras(book), tmp_path / f"{name}.xlsx")
    paths = [tmp_path / f"{name}.xlsx" for name in IN_ENGINES]
    books, _ = reading.converted_by_libreoffice(libreoffice, paths, tmp_path)
    for name, path in zip(IN_ENGINES, paths, strict=True):
        assert_told(of_book(books[name], wanted[name]), wanted[name])
        target = tmp_path / f"{name}-gnumeric.xlsx"
        subprocess.run([gnumeric, "--recalc", path, target], capture_output=True, check=True)
        assert_told(of_book(load_workbook(target, data_only=True), wanted[name]), wanted[name])


@pytest.mark.slow
@pytest.mark.parametrize("name", IN_ENGINES)
def test_hyperformula_tells_the_same(name, hyperformula, tmp_path):
    book, wanted = with_texts(network(name))
    (found,) = in_hyperformula(hyperformula, reading.saved(book, tmp_path / "book.xlsx"))
    assert_told(found, wanted)


@pytest.mark.slow
def test_libreoffice_writes_numbers_as_its_language_does(libreoffice, tmp_path, monkeypatch):
    book, wanted = with_texts(network("adam"))
    path = reading.saved(reading.without_extras(book), tmp_path / "german.xlsx")
    german = (
        '<item oor:path="/org.openoffice.Setup/L10N"><prop oor:name="ooSetupSystemLocale"'
        ' oor:op="fuse"><value>de-DE</value></prop></item></oor:items>'
    )
    monkeypatch.setattr(reading, "RECALCULATE", reading.RECALCULATE.replace("</oor:items>", german))
    books, _ = reading.converted_by_libreoffice(libreoffice, [path], tmp_path)
    commas = {place: text.replace(".", ",") for place, text in wanted.items()}
    assert_told(of_book(books["german"], wanted), commas)


# --- Numbers ------------------------------------------------------------------------------

NUMBERS = [
    -0.1, -0.01, -0.001, -0.05, -0.005, -0.04,
    0.0, 1.0, 0.5, -0.5, 1.5, 2.5, -2.5, 0.125, -0.125, 0.3, 12.0, 123456.5, 1e7, -4e8, 0.0996,
    0.004, -0.004, 0.0949, 0.0951, 9.96e-5, -9.94e-5, 1e-4, 1.3e-7, -2e-12, 5e-15, -5e-15, 1e-17,
    -1e-17, 2e-200, 3e-320, -3e-320, -3e-302, -4e-301, -6e-301, 1e22, 2.5e200, -7.25e-300,
    1 / 3, -2 / 3, 0.1 + 0.2,
]  # fmt: skip
FORMATS = [
    [Format(2)], [Format(6)], [Format(9)], [Format(None)], [Format(None, digits=4)],
    [Format(0, exact=True)], [Format(3, exact=True)], [Format(None, exact=True, digits=3)],
    [Format(0, exact=True), Format(1, exact=True)], [Format(2), Format(1, exact=True)],
    [Format(1, exact=True)], [Format(2, exact=True)], [Format(1)],
    [Format(2), Format(None)],
]  # fmt: skip


def of_numbers() -> tuple[Workbook, Told]:
    """A workbook in which each number is told in each format, and what these are to be."""
    book = Workbook()
    sheet = book.active
    sheet.title = "Numbers"
    wanted = {}
    axis = Axis.numbered("numbers", len(NUMBERS))
    for k, formats in enumerate(FORMATS):
        columns = Axis.numbered("formats", len(formats))
        given, right = Matrix("given", axis, columns), Matrix("right", axis, columns)
        values = {n: np.repeat(np.array([NUMBERS]).T, len(formats), 1) for n in ("given", "right")}
        blocks = {
            "given": Block(f"$A$1:${'AB'[len(formats) - 1]}${len(NUMBERS)}", formats),
            "right": Block(f"$A$1:${'AB'[len(formats) - 1]}${len(NUMBERS)}", formats),
        }
        matrix = define("right", 1 - given)
        assert right.shape == matrix.shape
        for i, number in enumerate(NUMBERS):
            sheet.cell(i + 1, 1).value = sheet.cell(i + 1, 2).value = number
            one = in_numbers(matrix, blocks, Chosen(f"$C${i + 1}", "$D$1", True), values)
            assert one is not None
            sheet.cell(i + 1, 3).value = i + 1
            sheet.cell(1, 4).value = 1
            sheet.cell(i + 1, 5 + k).value = f"={one.formula}"
            wanted["Numbers", i + 1, 5 + k] = one.text(i, 0)
    return book, wanted


def test_numbers_of_any_size_are_written_alike(tmp_path):
    book, wanted = of_numbers()
    model = reading.ironcalc_model(reading.saved(book, tmp_path / "book.xlsx"))
    assert_numbers(reading.computed_by_ironcalc(model, wanted), wanted)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Workbook contains no default style")  # as Gnumeric saves it
def test_so_they_are_elsewhere(libreoffice, gnumeric, hyperformula, tmp_path):
    book, wanted = of_numbers()
    path = reading.saved(book, tmp_path / "book.xlsx")
    books, _ = reading.converted_by_libreoffice(libreoffice, [path], tmp_path)
    assert_numbers(of_book(books["book"], wanted), wanted)
    target = tmp_path / "gnumeric.xlsx"
    subprocess.run([gnumeric, "--recalc", path, target], capture_output=True, check=True)
    assert_numbers(of_book(load_workbook(target, data_only=True), wanted), wanted)
    # Its TEXT puts decimals behind a power of ten, 1.3e-700000, where JavaScript writes one.
    sizes = {place: abs(NUMBERS[place[1] - 1]) for place in wanted}
    written = {place: text for place, text in wanted.items() if 1e-6 <= sizes[place] < 1e21}
    assert len(written) > len(wanted) / 2
    assert_numbers(in_hyperformula(hyperformula, path)[0], written)


def assert_numbers(found: Mapping[Any, Any], wanted: Told) -> None:
    """Check texts, where huge numbers may be written out or with a power of ten."""
    for place, text in wanted.items():
        shown = found[place]
        numbers = [
            re.sub(r"[()]", "", part.replace("−", "-"))
            for each in (shown, text)
            for part in re.split(r" − | = ", str(each))[2:]
        ]
        assert len(numbers) == 4, (place, shown, text)
        size = abs(float(numbers[1]))
        # To IronCalc what is typed so near to 0 is 0.
        odd = size >= 1e14 or (size < 1e-15 and "E" not in text)
        assert shown == text or alike(shown, text) or odd, (place, shown, text)
        for number, right in (numbers[::2], numbers[1::2]):
            assert float(number) == pytest.approx(float(right), rel=0.1, abs=1e-15), (shown, text)


def test_a_half_is_rounded_up_as_it_is_written():
    axis = Axis.numbered("numbers", 1)
    values = {"a": np.array([[0.285]]), "b": np.array([[-1.005]])}
    matrix = define("b", Matrix("a", axis, ONE) * 1)
    found = in_numbers(matrix, dict.fromkeys("ab", Block("$A$1", [Format(2)])), CHOSEN, values)
    assert found is not None
    assert found.text(0, 0) == "b[1, 1] = 0.29 · 1 = −1.01"


# --- Formulas -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", NETWORKS)
def test_every_spreadsheet_takes_the_formulas(name):
    for one in told(network(name)).values():
        assert len(one.formula) <= LONGEST
        formula = f"={one.formula}"
        assert reading.deepest(formula) < MOST_NESTED / 2
        assert all(len(text) <= MOST_TEXT for text in re.findall(r'"([^"]*)"', formula))
        known = {"IF", "AND", "INT", "ROUND", "TEXT", "MID", "INDEX", "ABS", "SUBSTITUTE", "LOG10",
                 "MAX", "EXP", "SIGN"}  # fmt: skip
        assert set(re.findall(r"\b([A-Z]+[0-9]*)\(", formula)) <= known


@pytest.mark.parametrize("name", ["article", "iris", "wide"])
def test_where_the_focus_is_checked_already_they_are_shorter(name):
    trace = network(name)
    right = told(trace, Chosen(*("$D$9", "$F$9"), are_right=True))
    for name, one in told(trace).items():
        assert len(right[name].formula) <= len(one.formula)
        assert right[name].text(0, 0) == one.text(0, 0)


def small(*names: str, rows: int = 2, columns: int = 3) -> list[Matrix]:
    axes = Axis.numbered("rows", rows), Axis.numbered("columns", columns)
    return [Matrix(name, *axes) for name in names]


def test_what_would_be_too_long_is_not_told():
    (a,) = small("a")
    long = a
    for _ in range(80):
        long = long + a
    matrix = define("b", long)
    values = {name: np.ones((2, 3)) for name in "ab"}
    where = dict.fromkeys("ab", Block("$A$1:$C$2", [Format(2)] * 3))
    assert in_numbers(matrix, where, CHOSEN, values) is None


def test_where_the_formula_gets_long_tiny_numbers_are_0():
    (a,) = small("a")
    long = a
    for _ in range(24):
        long = long + a
    where = dict.fromkeys("ab", Block("$A$1:$C$2", [Format(2)] * 3))
    values = {name: np.full((2, 3), 1e-5) for name in "ab"}
    for matrix, shown in ((define("b", a + a), "1.0E−5"), (define("b", long), "0.00")):
        one = in_numbers(matrix, where, CHOSEN, values)
        assert one is not None
        assert one.text(0, 0).startswith(f"b[1, 1] = {shown} + {shown}")


def test_what_does_not_go_on_as_it_begins_is_not_told():
    def turned(_, operands):
        texts = [[*row[:2], *row[:1:-1]] for row in operands[0].texts]
        return CellTexts(texts, operands[0].binds)

    row = replace(
        OPERATIONS["transpose"],
        name="turned",
        reads=((ROW, Span("column", ((0,), (1,), (4,), (3,), (2,)))),),
        cells=turned,
        axes=lambda operands: (operands[0].rows, operands[0].columns),
    )
    (a,) = small("a", columns=5)
    where = dict.fromkeys("ab", Block("$A$1:$E$2", [Format(2)] * 5))
    values = {name: np.ones((2, 5)) for name in "ab"}
    assert in_numbers(define("b", Applied(row, a)), where, CHOSEN, values) is None


HOSTILE = 'a"&1/0&"' + "x" * 300 + "{0}"


def test_names_are_texts_whatever_they_hold(tmp_path):
    (a,) = small("a")
    matrix = define(HOSTILE, square(0 - a))
    values = {"a": np.full((2, 3), -2.0), HOSTILE: np.full((2, 3), 4.0)}
    where = {"a": Block("$A$1:$C$2", [Format(1)] * 3), HOSTILE: Block("$A$4:$C$5", [Format(1)] * 3)}
    one = in_numbers(matrix, where, CHOSEN, values)
    assert one is not None
    book = Workbook()
    for row in range(1, 6):
        for column in range(1, 4):
            book.active.cell(row, column).value = -2 if row < 3 else 4
    book.active["H1"].value = f"={one.formula}"
    model = reading.ironcalc_model(reading.saved(book, tmp_path / "book.xlsx"))
    assert model.get_cell_value(0, 1, 8) == one.text(0, 0)
    assert one.text(0, 0) == f"{HOSTILE}[1, 1] = (0 − (−2.0))² = 4.0"


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("shape", [(2, 3), (1, 3), (3, 1), (1, 1)])
def test_a_matrix_may_stand_transposed(turned, shape, tmp_path):
    rows, columns = shape
    axes = Axis.numbered("rows", rows), Axis.numbered("columns", columns)
    numbers = np.arange(1.0, 1 + rows * columns).reshape(shape)
    values = {"a": numbers, "b": numbers + 9}
    book = Workbook()
    sheet, where = book.active, {}
    for name, left in (("a", 2), ("b", 12)):
        addresses = [["" for _ in range(columns)] for _ in range(rows)]
        for (i, j), value in np.ndenumerate(values[name]):
            place = (2 + j, left + i) if turned else (2 + i, left + j)
            sheet.cell(*place).value = float(value)
            addresses[i][j] = f"'Sheet'!${get_column_letter(place[1])}${place[0]}"
        first, last = addresses[0][0], addresses[-1][-1]
        cells = first if first == last else f"{first}:{last.rpartition('!')[2]}"
        where[name] = Block(cells, [Format(0, exact=True)] * columns, turned)
    matrix = define("b", Matrix("a", *axes) + 9)
    one = in_numbers(matrix, where, Chosen("$A$10", "$B$10"), values)
    assert one is not None
    sheet["A10"].value, sheet["B10"].value = rows, columns
    sheet["A12"].value = f"={one.formula}"
    model = reading.ironcalc_model(reading.saved(book, tmp_path / "book.xlsx"))
    n = rows * columns
    assert model.get_cell_value(0, 12, 1) == one.text(rows - 1, columns - 1)
    assert one.text(rows - 1, columns - 1) == f"b[{rows}, {columns}] = {n} + 9 = {n + 9}"


def test_one_number_for_all_has_no_row_and_column():
    a = Matrix("a", ONE, ONE)
    values = {"a": np.array([[0.9]]), "b": np.array([[0.81]])}
    found = in_numbers(
        define("b", a * a), dict.fromkeys("ab", Block("$A$1", [Format(2)])), CHOSEN, values
    )
    assert found is not None
    assert found.text(0, 0) == "b = 0.90 · 0.90 = 0.81"
    assert found.formula.startswith('"b = "&')


def test_columns_of_samples_have_their_own_decimals():
    (x,) = small("x")
    formats = [Format(0, exact=True), Format(1, exact=True), Format(2, exact=True)]
    numbers = np.array([[63, 0.5, 0.25], [70, 1.5, 0.125]])
    values = {"x": numbers, "m": numbers.mean(axis=0, keepdims=True)}
    where = {"x": Block("$A$1:$C$2", formats), "m": Block("$A$4:$C$4", [Format(3)] * 3)}
    one = in_numbers(define("m", sum_over_rows(x) / 2), where, CHOSEN, values)
    assert one is not None
    texts = [one.text(0, column) for column in range(3)]
    assert texts == [
        "m[1, 1] = (63 + 70) / 2 = 66.500",
        "m[1, 2] = (0.5 + 1.5) / 2 = 1.000",
        "m[1, 3] = (0.25 + 0.125) / 2 = 0.188",
    ]


def test_large_matrices_cost_no_more_than_small_ones():
    inner, rows, columns = (Axis.numbered(n, k) for n, k in (("i", 784), ("r", 2000), ("c", 32)))
    matrix = define("Z", Matrix("X", rows, inner) @ Matrix("W", inner, columns))
    values = {"X": np.ones((2000, 784)), "W": np.ones((784, 32)), "Z": np.full((2000, 32), 784.0)}
    where = {
        name: Block("$A$1:$XYZ$2000", [Format(1)] * array.shape[1])
        for name, array in values.items()
    }
    one = in_numbers(matrix, where, CHOSEN, values)
    assert one is not None
    assert one.text(1999, 31) == (f"Z[2000, 32] = {'1.0 · 1.0 + ' * 4}… + 1.0 · 1.0 = 784.0")
