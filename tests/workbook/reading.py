"""Workbooks to test, and ways to read one: cells, formulas and what they refer to.

Reads files as anybody would, by their cells, styles and defined names; of the code that wrote
them it uses only where the lanes begin.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st
from openpyxl import Workbook, load_workbook
from openpyxl.formatting.rule import Rule
from openpyxl.formula.tokenizer import Token, Tokenizer
from openpyxl.formula.translate import Translator
from openpyxl.utils import get_column_letter
from openpyxl.utils.cell import range_boundaries
from openpyxl.worksheet.worksheet import Worksheet

import cellprop
from cellprop.tracing import Trace

Cell = tuple[int, int]
Numbers = dict[tuple[str, int, int], Any]

LINK = re.compile(r"='Step \d+'![A-Z]+\d+")
FORMULA_ROW, FIRST_LANE = 7, 11


# --- Workbooks to test --------------------------------------------------------------------


@cache
def example(name: str) -> Trace:
    """The article, and networks that bring out what it can't show."""
    sizes = {
        "wide": (3, 10, 9, 2),  # products too long to be spelled out
        "long": (12, 2, 3, 1),  # sums over samples too long to be spelled out
        "fan": (2, 2, 2, 10),  # as are sums over outputs
        "one": (1, 1, 1, 1),
        "band": (40, 3, 2, 2),
        "tall": (120, 2, 2, 1),
    }
    return cellprop.article() if name == "article" else drawn(*sizes[name])


def drawn(samples: int, inputs: int, hidden: int, outputs: int, seed: int = 1) -> Trace:
    """A network with numbers from a generator."""
    random = np.random.default_rng(seed)
    network = cellprop.Network([inputs, hidden, outputs])
    X = random.normal(size=(samples, inputs)) * 3
    y = random.random((samples, outputs))
    return cellprop.trace(network, X, y, seed=seed, learning_rate=0.3)


@st.composite
def traces(draw: st.DrawFn) -> Trace:
    """Small networks with any numbers a student might type."""
    samples = draw(st.integers(1, 8))
    inputs, hidden, outputs = draw(st.tuples(*[st.integers(1, 6)] * 3))
    number = st.floats(-10, 10) | st.integers(-10, 10).map(float)

    def matrix(rows: int, columns: int) -> list[list[float]]:
        row = st.lists(number, min_size=columns, max_size=columns)
        return draw(st.lists(row, min_size=rows, max_size=rows))

    network = cellprop.Network([inputs, hidden, outputs])
    parameters = {name: matrix(*shape) for name, shape in network.shapes.items()}
    X, y = matrix(samples, inputs), matrix(samples, outputs)
    rate = draw(st.floats(0, 2))
    return cellprop.trace(network, X, y, parameters=parameters, learning_rate=rate)


# --- Reading ------------------------------------------------------------------------------


@cache
def content(trace: Trace) -> bytes:
    """The file of a trace."""
    with tempfile.TemporaryDirectory() as folder:
        return trace.to_excel(Path(folder) / "book.xlsx").read_bytes()


@cache
def formulas(trace: Trace) -> Workbook:
    """The workbook with its formulas. Shared: not to be changed."""
    return load_workbook(BytesIO(content(trace)))


@cache
def values(trace: Trace) -> Workbook:
    """The workbook with the values stored in its file. Shared: not to be changed."""
    return load_workbook(BytesIO(content(trace)), data_only=True)


def parts(content: bytes) -> dict[str, bytes]:
    """The unzipped parts of a workbook by name."""
    with zipfile.ZipFile(BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def steps(book: Workbook) -> list[tuple[int, Worksheet]]:
    """The sheets of the steps with their numbers."""
    return [(int(s.title.split()[1]), s) for s in book.worksheets if s.title.startswith("Step ")]


def homes(book: Workbook) -> dict[str, tuple[str, tuple[int, int, int, int]]]:
    """For each defined name: its sheet, and its first row, first column, last row, last column."""
    found = {}
    for name, defined in book.defined_names.items():
        ((sheet, cells),) = defined.destinations
        left, top, right, bottom = range_boundaries(cells)
        found[name] = sheet, (top, left, bottom, right)
    return found


def step_of(sheet: str) -> int:
    """The number of a step's sheet."""
    return int(sheet.removeprefix("Step "))


def cells_of(bounds: tuple[int, int, int, int]) -> list[Cell]:
    """Every cell of a range."""
    top, left, bottom, right = bounds
    return [(r, c) for r in range(top, bottom + 1) for c in range(left, right + 1)]


def block(sheet: Worksheet, bounds: tuple[int, int, int, int]) -> list[list[Any]]:
    """The contents of a range, row by row."""
    top, left, bottom, right = bounds
    rows = sheet.iter_rows(top, bottom, left, right, values_only=True)
    return [list(row) for row in rows]


def is_formula(value: object) -> bool:
    return isinstance(value, str) and value.startswith("=")


def computing(sheet: Worksheet) -> dict[Cell, str]:
    """The cells of a sheet's lanes that compute, rather than link, with their formulas."""
    return {
        (cell.row, cell.column): cell.value
        for row in sheet.iter_rows(min_row=FIRST_LANE)
        for cell in row
        if cell.data_type == "f" and not LINK.fullmatch(cell.value)
    }


def tokens(formula: str) -> list[Token]:
    return Tokenizer(formula).items


def referred(formula: str) -> Iterator[Cell]:
    """Every cell that a formula refers to on its own sheet."""
    for token in tokens(formula):
        if token.type == Token.OPERAND and token.subtype == Token.RANGE:
            assert "!" not in token.value, formula
            left, top, right, bottom = range_boundaries(token.value.replace("$", ""))
            yield from cells_of((top, left, bottom, right))


# --- Numbers, as expected and as engines compute them --------------------------------------


def expected(trace: Trace, alike: Trace | None = None) -> Numbers:
    """The number of every cell of every matrix on every sheet on which it stands.

    Where it stands is read from the workbook of `alike`, a trace of the same sizes.
    """
    book = formulas(alike or trace)
    found = {}
    for name, (home, bounds) in homes(book).items():
        numbers = trace.values[name].ravel().tolist()
        for number, sheet in steps(book):
            if number >= step_of(home):
                for (row, column), value in zip(cells_of(bounds), numbers, strict=True):
                    found[sheet.title, row, column] = value
    return found


def disagreements(
    found: Mapping[Any, Any], trace: Trace, alike: Trace | None = None, tolerance: float = 1e-12
) -> list[Any]:
    """The cells whose number is not the trace's, relative to the largest number on the sheet."""
    right = expected(trace, alike)
    largest: dict[str, float] = {}
    for (sheet, _, _), value in right.items():
        largest[sheet] = max(largest.get(sheet, 0.0), abs(value))
    return [
        (place, found.get(place), value)
        for place, value in right.items()
        if not isinstance(found.get(place), (int, float))
        or not abs(found[place] - value) <= tolerance * largest[place[0]]
    ]


def numbers_of(book: Workbook) -> Numbers:
    """Every number on every sheet."""
    return {
        (sheet.title, cell.row, cell.column): cell.value
        for sheet in book.worksheets
        for row in sheet.iter_rows()
        for cell in row
        if isinstance(cell.value, (int, float))
    }


def without_values(trace: Trace) -> Workbook:
    """The workbook, fresh: openpyxl saves it without its values, so engines must compute them."""
    return load_workbook(BytesIO(content(trace)))


def saved(book: Workbook, path: Path) -> Path:
    book.save(path)
    return path


def ironcalc_model(path: Path) -> Any:
    import ironcalc

    model = ironcalc.load_from_xlsx(str(path))
    model.evaluate()
    return model


def sheet_numbers(model: Any) -> dict[str, int]:
    """By which number IronCalc calls each sheet."""
    return {sheet["name"]: i for i, sheet in enumerate(model.get_worksheets_properties())}


def computed_by_ironcalc(model: Any, wanted: Iterable[tuple[str, int, int]]) -> Numbers:
    sheets = sheet_numbers(model)
    return {
        (sheet, row, column): model.get_cell_value(sheets[sheet], row, column)
        for sheet, row, column in wanted
    }


def rules_by_cell(model: Any, sheet_number: int, sheet: Worksheet, kind: str) -> dict[Cell, Rule]:
    """The first conditional formatting rule that holds in each cell and sets `fill` or `numFmt`.

    IronCalc evaluates each condition, written into a cell far from the lanes.
    """
    tests: list[tuple[Cell, Rule]] = []
    column_of_tests = sheet.max_column + 10
    for formatted in sheet.conditional_formatting:
        for area in formatted.sqref.ranges:
            first = area.coord.partition(":")[0]
            for rule in formatted.rules:
                if getattr(rule.dxf, kind) is None:
                    continue
                for row, column in area.cells:
                    moved = Translator(f"={rule.formula[0]}", first).translate_formula(
                        f"{get_column_letter(column)}{row}"
                    )
                    asked = moved.replace("ROW()", str(row)).replace("COLUMN()", str(column))
                    tests.append(((row, column), rule))
                    model.set_user_input(sheet_number, len(tests), column_of_tests, asked)
    model.evaluate()
    holding: dict[Cell, Rule] = {}
    for i, (cell, rule) in enumerate(tests, 1):
        holds = model.get_cell_value(sheet_number, i, column_of_tests)
        assert isinstance(holds, bool), (cell, rule.formula, holds)
        if holds and (cell not in holding or rule.priority < holding[cell].priority):
            holding[cell] = rule
        model.clear_cell_contents(sheet_number, i, column_of_tests)
    return holding


# LibreOffice trusts the values in a file unless it is told to recalculate always (0).
RECALCULATE = """<?xml version="1.0" encoding="UTF-8"?>
<oor:items xmlns:oor="http://openoffice.org/2001/registry">
<item oor:path="/org.openoffice.Office.Calc/Formula/Load">
<prop oor:name="OOXMLRecalcMode" oor:op="fuse"><value>0</value></prop></item></oor:items>
"""


def converted_by_libreoffice(
    program: str, files: Iterable[Path], folder: Path
) -> tuple[dict[str, Workbook], str]:
    """Have LibreOffice recalculate files in one start; return them by name, and what it said."""
    user = folder / "profile" / "user"
    user.mkdir(parents=True)
    (user / "registrymodifications.xcu").write_text(RECALCULATE, encoding="utf-8")
    command = [
        program, "--headless", "--norestore", f"-env:UserInstallation={user.parent.as_uri()}",
        "--convert-to", "xlsx", "--outdir", str(folder / "out"), *map(str, files),
    ]  # fmt: skip
    run = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    books = {
        path.stem: load_workbook(path, data_only=True) for path in (folder / "out").glob("*.xlsx")
    }
    return books, run.stderr
