"""Workbooks to test, and ways to read one: cells, formulas and what they refer to.

Reads files as anybody would, by their cells, styles and defined names; of the code that wrote
them it uses only where the lanes begin.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from io import BytesIO
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
from hypothesis import strategies as st
from openpyxl import Workbook
from openpyxl.formatting.rule import Rule
from openpyxl.formula.tokenizer import Token, Tokenizer
from openpyxl.formula.translate import Translator
from openpyxl.utils import get_column_letter
from openpyxl.utils.cell import range_boundaries
from openpyxl.worksheet.worksheet import Worksheet

import cellprop
from cellprop.algebra import elementwise_activations, reads
from cellprop.running.problem import LEAST_SPAN
from cellprop.tracing import Trace
from conftest import slow_but

Cell = tuple[int, int]
Numbers = dict[tuple[str, int, int], Any]
Matrices = Mapping[str, Any]

LINK = re.compile(r"='Step \d+(\.\d+)?'![A-Z]+\d+")
# The rows of a header: a line of maths, the notation that is chosen and the focus, and the
# calculation of the cell in focus.
MATHS_ROW, FIRST_NOTATION, FORMULA_ROW, FIRST_LANE = 2, 3, 4, 5
NAMES_OF = ("name", "quiet_name", "ghost_name")
TURNED, MINUS = "standing the other way", " − "


# --- Workbooks to test --------------------------------------------------------------------


SOFTMAX = {"loss": "cross_entropy"}
# The article, and networks that bring out what it can't show.
SIZES = {
    "wide": (3, 10, 9, 2),  # products too long to be spelled out
    "long": (12, 3, 3, 1),  # sums over samples too long to be spelled out
    "fan": (2, 3, 2, 10),  # as are sums over outputs
    "one": (1, 1, 1, 1),
    "band": (40, 3, 2, 2),
    "tall": (120, 3, 2, 1),
}
# Samples, neurons, what the network is and how it is trained.
OTHERS: dict[str, tuple[int, list[int], dict[str, Any], dict[str, Any]]] = {
    "deep": (5, [4, 3, 5, 2, 4], {"activation": ["relu", "tanh", "leaky_relu"]} | SOFTMAX, {}),
    "entropy": (4, [3, 3, 2], {"activation": "tanh", "loss": "binary_cross_entropy"}, {}),
    "adam": (
        3, [2, 3, 1], {},
        {"optimizer": "adam", "average": True, "epochs": 5, "walk_epoch": 4},
    ),
    "momentum": (
        3, [3, 2, 2], {"bias": False},
        {"optimizer": "momentum", "epochs": 2, "walk_epoch": 2},
    ),
    "standard": (5, [3, 2, 1], {}, {"scale": "standard"}),
    "minmax": (5, [3, 2, 1], {"activation": "leaky_relu"}, {"scale": "minmax"}),
    "batch": (
        20, [3, 3, 2], {"activation": "relu", "output_activation": "sigmoid"},
        {"batch_size": 6, "shuffle": True, "scale": "minmax", "walk_batch": 3, "epochs": 2,
         "walk_epoch": 2},
    ),
    "shallow": (4, [3, 2], {"output_activation": "linear"}, {"optimizer": "momentum"}),
    "deep band": (40, [3, 4, 3, 3], {"activation": "tanh"} | SOFTMAX, {}),
    # More matrices in a step than a rule has room to list.
    "many": (2, [3, 1, 1, 1, 1, 1, 1], {}, {"optimizer": "adam"}),
}  # fmt: skip
# Between them they have every step, activation and notation; CI reads the others as well.
QUICK = ["article", "band", "deep", "momentum", "batch"]
NAMES = ["article", *(n for n in SIZES if n != "tall"), *(n for n in OTHERS if n != "many")]
NETWORKS = slow_but(QUICK, NAMES)


@cache
def example(name: str) -> Trace:
    """One of the networks above."""
    if name == "article":
        return cellprop.article()
    if name in SIZES:
        return drawn(*SIZES[name])
    samples, sizes, network, training = OTHERS[name]
    return traced(cellprop.Network(sizes, **network), samples, **training)


def drawn(samples: int, inputs: int, hidden: int, outputs: int, seed: int = 1) -> Trace:
    """A network with numbers from a generator."""
    random = np.random.default_rng(seed)
    network = cellprop.Network([inputs, hidden, outputs])
    X = random.normal(size=(samples, inputs)) * 3
    y = random.random((samples, outputs))
    return cellprop.trace(network, X, y, seed=seed, learning_rate=0.3)


def traced(network: cellprop.Network, samples: int, **training: Any) -> Trace:
    """A network with numbers of both signs from a generator, and targets that suit its loss."""
    random = np.random.default_rng(1)
    X = random.normal(size=(samples, network.sizes[0])) * 2
    y = random.random((samples, network.sizes[-1]))
    if network.loss == "cross_entropy":
        y = np.eye(network.sizes[-1])[np.arange(samples) % network.sizes[-1]]
    parameters = {name: random.normal(size=shape) for name, shape in network.shapes.items()}
    training = {"learning_rate": 0.3, "seed": 1} | training
    return cellprop.trace(network, X, y, parameters=parameters, **training)


# What people build, and what a sheet must be readable for: on a screen, and on a page.
FEW, MANY = (
    ("article", "xor"),
    ("iris", "moons", "blobs", "csv", "two layers", "four outputs", "rnn", "transformer"),
)
BUILT = (*FEW, *MANY)


@cache
def built(name: str) -> Trace:
    """What people build."""
    if name == "csv":
        random = np.random.default_rng(3)
        rows = random.normal((5.0, 3.4, 0.004), (0.9, 0.5, 0.001), (20, 3)).round(4)
        lines = [f"{row[0]},{row[1]},{row[2]},{'yes' if row[0] > 5 else 'no'}" for row in rows]
        text = "\n".join(["sepal length (cm),sepal width (cm),iron,flowers", *lines])
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "own.csv"
            path.write_text(text, encoding="utf-8")
            data = cellprop.read(path, "flowers")
        network = cellprop.Network([3, 3, data.targets.values.shape[1]])
        return cellprop.trace(
            network, data.inputs, data.targets, scale="standard", epochs=30, seed=1
        )
    if name == "two layers":
        network = cellprop.Network([3, 5, 4, 2], activation="tanh")
        return traced(network, 10, optimizer="adam", average=True, epochs=3)
    if name == "four outputs":
        return traced(cellprop.Network([4, 5, 4], activation="relu", **SOFTMAX), 12, epochs=3)
    return cellprop.example(name)


@st.composite
def networks(draw: st.DrawFn) -> cellprop.Network:
    """Networks of 0 to 3 hidden layers, each with an activation of its own."""
    loss = draw(st.sampled_from(["squared_error", "binary_cross_entropy", "cross_entropy"]))
    layers = draw(st.integers(0, 3))
    sizes = draw(st.lists(st.integers(1, 6 - layers), min_size=layers + 1, max_size=layers + 1))
    kinds = st.sampled_from(elementwise_activations())
    return cellprop.Network(
        [*sizes, draw(st.integers(2 if loss == "cross_entropy" else 1, 4))],
        activation=draw(st.lists(kinds, min_size=layers, max_size=layers)),
        output_activation=draw(kinds) if loss == "squared_error" else None,
        loss=loss,
        bias=draw(st.booleans()),
    )


@st.composite
def traces(draw: st.DrawFn) -> Trace:
    """Small networks with any numbers a student might type, in any way of training."""
    network = draw(networks())
    samples = draw(st.integers(1, 8))
    number = st.integers(-10, 10).map(float) | st.floats(-10, 10)

    def matrix(rows: int, columns: int, of: st.SearchStrategy[float] = number) -> Any:
        row = st.lists(of, min_size=columns, max_size=columns)
        return np.array(draw(st.lists(row, min_size=rows, max_size=rows)))

    outputs = network.sizes[-1]
    X, y = matrix(samples, network.sizes[0]), matrix(samples, outputs)
    if network.loss == "binary_cross_entropy":
        y = matrix(samples, outputs, st.floats(0, 1))
    if network.loss == "cross_entropy":
        y = np.eye(outputs)[
            draw(st.lists(st.integers(0, outputs - 1), min_size=samples, max_size=samples))
        ]
    can_be_scaled = (np.ptp(X, axis=0) >= LEAST_SPAN).all()
    return cellprop.trace(
        network,
        X,
        y,
        parameters={name: matrix(*shape) for name, shape in network.shapes.items()},
        learning_rate=draw(st.floats(0, 2)),
        optimizer=draw(st.sampled_from(["sgd", "momentum", "adam"])),
        average=draw(st.booleans()),
        scale=draw(st.sampled_from([None, "minmax", "standard"])) if can_be_scaled else None,
    )


# --- Reading ------------------------------------------------------------------------------


def load_workbook(file: Any, **how: Any) -> Workbook:
    """The workbook in a file, with the size of every column: neighbours that are alike are stored
    as one, which is all that openpyxl would tell.
    """
    book = openpyxl.load_workbook(file, **how)
    for sheet in book.worksheets:
        for first, look in list(sheet.column_dimensions.items()):
            for column in range(look.min + 1, look.max + 1):
                each = sheet.column_dimensions[get_column_letter(column)]
                each.width, each.hidden, each.outlineLevel = (
                    look.width, look.hidden, look.outlineLevel
                )  # fmt: skip
                each.min = each.max = column
            sheet.column_dimensions[first].max = look.min
    return book


@cache
def content(trace: Trace, layout: str = "auto") -> bytes:
    """The file of a trace."""
    with tempfile.TemporaryDirectory() as folder:
        return trace.to_excel(Path(folder) / "book.xlsx", layout=layout).read_bytes()


@cache
def formulas(trace: Trace, layout: str = "auto") -> Workbook:
    """The workbook with its formulas. Shared: not to be changed."""
    return load_workbook(BytesIO(content(trace, layout)))


@cache
def values(trace: Trace, layout: str = "auto") -> Workbook:
    """The workbook with the values stored in its file. Shared: not to be changed."""
    return load_workbook(BytesIO(content(trace, layout)), data_only=True)


def parts(content: bytes) -> dict[str, bytes]:
    """The unzipped parts of a workbook by name."""
    with zipfile.ZipFile(BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def steps(book: Workbook) -> list[tuple[str, Worksheet]]:
    """The sheets of the steps with their labels: `7`, `2.1`."""
    return [(step_of(s.title), s) for s in book.worksheets if s.title.startswith("Step ")]


def step_of(sheet: str) -> str:
    """The label of a step's sheet."""
    return sheet.removeprefix("Step ")


def position(sheet: Worksheet) -> int:
    """How many sheets stand before one, which is also the number that IronCalc knows it by."""
    return sheet.parent.worksheets.index(sheet)


def given(trace: Trace, label: str) -> list[str]:
    """The matrices of a step that are typed."""
    return [m for m in trace.step(label).matrices if trace.matrix(m).definition is None]


def computed(trace: Trace, label: str) -> list[str]:
    """The matrices of a step that it computes."""
    return [m for m in trace.step(label).matrices if trace.matrix(m).definition is not None]


def computing_steps(trace: Trace, layout: str = "auto") -> list[tuple[str, Worksheet]]:
    """The sheets of the steps that compute something, with their labels."""
    return [(label, s) for label, s in steps(formulas(trace, layout)) if computed(trace, label)]


def homes(book: Workbook) -> dict[str, tuple[str, tuple[int, int, int, int]]]:
    """For each name on a step's sheet: that sheet, and its first row, first column, last row, last
    column.
    """
    found = {}
    for name, defined in book.defined_names.items():
        ((sheet, cells),) = defined.destinations
        if sheet.startswith("Step "):
            left, top, right, bottom = range_boundaries(cells)
            found[name] = sheet, (top, left, bottom, right)
    return found


@dataclass(frozen=True)
class Standing:
    """A matrix where it stands on a sheet: the row of its name, its first cell and its last."""

    name: str
    name_row: int
    top: int
    left: int
    bottom: int
    right: int
    transposed: bool
    turned: bool
    ghost: bool

    @property
    def bounds(self) -> tuple[int, int, int, int]:
        return self.top, self.left, self.bottom, self.right

    @property
    def moves(self) -> bool:
        """Whether it is by how much an update changes something, and no matrix of a step."""
        return MINUS in self.name

    def cells(self) -> list[tuple[Cell, Cell]]:
        """Each cell, with its row and column in the matrix, counted from 0."""
        cells = [((r, c), (r - self.top, c - self.left)) for r, c in cells_of(self.bounds)]
        return [(cell, (j, i) if self.turned else (i, j)) for cell, (i, j) in cells]


@cache
def standing(trace: Trace, sheet: Worksheet) -> list[Standing]:
    """Every matrix on a step's sheet, found by the name above it; some stand there twice."""
    found = []
    for row in sheet.iter_rows(min_row=FIRST_LANE):
        for cell in row:
            if cell.style in NAMES_OF and cell.value is not None:
                name = cell.value.removesuffix("ᵀ")
                below = sheet.cell(cell.row + 1, cell.column)
                shaped = below.style == "shape"
                top = cell.row + 2 + shaped
                turned = cell.value.endswith("ᵀ") and TURNED not in str(below.value)
                # By how much something moved is no matrix of a step: `wout_new − wout`.
                rows, columns = trace.matrix(name.split(MINUS)[0]).shape[:: -1 if turned else 1]
                found.append(
                    Standing(
                        name, cell.row, top, cell.column, top + rows - 1, cell.column + columns - 1,
                        cell.value.endswith("ᵀ"), turned, cell.style == "ghost_name",
                    )
                )  # fmt: skip
    return found


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


@cache
def computing(sheet: Worksheet) -> dict[Cell, str]:
    """The cells of a sheet's lanes that compute, rather than link, with their formulas: those of
    the matrices that are at home there.
    """
    cells = {
        cell: sheet.cell(*cell)
        for home, bounds in homes(sheet.parent).values()
        if home == sheet.title
        for cell in cells_of(bounds)
    }
    return {place: cell.value for place, cell in sorted(cells.items()) if cell.data_type == "f"}


def tokens(formula: str) -> list[Token]:
    return Tokenizer(formula).items


def deepest(formula: str) -> int:
    """How many functions and parentheses stand in one another."""
    opens = ((t.subtype == Token.OPEN) - (t.subtype == Token.CLOSE) for t in tokens(formula))
    return max(accumulate(opens))


@lru_cache(100_000)
def referred(formula: str) -> tuple[Cell, ...]:
    """Every cell that a formula refers to on its own sheet."""
    found: list[Cell] = []
    for token in tokens(formula):
        if token.type == Token.OPERAND and token.subtype == Token.RANGE:
            assert "!" not in token.value, formula
            left, top, right, bottom = range_boundaries(token.value.replace("$", ""))
            found += cells_of((top, left, bottom, right))
    return tuple(found)


# --- Numbers, as expected and as engines compute them --------------------------------------


Place = tuple[str, int, int]


@cache
def where(trace: Trace, layout: str = "auto") -> dict[Place, tuple[str, Cell]]:
    """Which number of which matrix each cell of the steps' sheets holds."""
    return {
        (sheet.title, *cell): (block.name, number)
        for _, sheet in steps(formulas(trace, layout))
        for block in standing(trace, sheet)
        if not block.ghost
        for cell, number in block.cells()
    }


def expected(trace: Trace, numbers: Matrices | None = None, layout: str = "auto") -> Numbers:
    """The number of every cell of every matrix on every step's sheet on which it stands.

    The trace's own numbers, or others of the same matrices.
    """
    arrays = {**(numbers or trace.values)}
    for name in {name for name, _ in where(trace, layout).values() if MINUS in name}:
        new, old = name.split(MINUS)
        arrays[name] = arrays[new] - arrays[old]
    lists = {name: array.tolist() for name, array in arrays.items()}
    return {place: lists[name][i][j] for place, (name, (i, j)) in where(trace, layout).items()}


def disagreements(
    found: Mapping[Any, Any],
    trace: Trace,
    numbers: Matrices | None = None,
    tolerance: float = 1e-12,
    layout: str = "auto",
) -> list[Any]:
    """The cells whose number is not as expected, relative to the largest that it comes from."""
    right = expected(trace, numbers, layout)
    sizes = {name: np.abs(v).max() for name, v in (numbers or trace.values).items()}
    largest = {}
    for name in sizes:
        definition = trace.matrix(name).definition
        read = [m.name for m in reads(definition)] if definition else []
        largest[name] = max(sizes[m] for m in (name, *read))
    of = where(trace, layout)
    return [
        (place, found.get(place), value)
        for place, value in right.items()
        if not isinstance(found.get(place), (int, float))
        or not abs(found[place] - value) <= tolerance * largest[of[place][0].split(MINUS)[0]]
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


def errors_of(book: Workbook) -> list[str]:
    """Return the cells that show an error."""
    return [
        f"{sheet.title}!{cell.coordinate} {cell.value}"
        for sheet in book.worksheets
        for row in sheet.iter_rows()
        for cell in row
        if cell.data_type == "e"
    ]


def without_values(trace: Trace, layout: str = "auto") -> Workbook:
    """The workbook, fresh: openpyxl saves it without its values, so engines must compute them."""
    return load_workbook(BytesIO(content(trace, layout)))


def without_extras(book: Workbook) -> Workbook:
    """The workbook, its sheets after the steps taken away: they have tests of their own."""
    for name, defined in list(book.defined_names.items()):
        ((sheet, _),) = defined.destinations
        if not sheet.startswith("Step "):
            del book.defined_names[name]
    for sheet in book.worksheets[1:]:
        if not sheet.title.startswith("Step "):
            book.remove(sheet)
    return book


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
        first = corner(formatted)
        for area in formatted.sqref.ranges:
            for rule in formatted.rules:
                if getattr(rule.dxf, kind) is None:
                    continue
                for row, column in area.cells:
                    asked = condition(rule.formula[0], first, row, column)
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


def corner(formatted: Any) -> str:
    """The cell that a rule's condition is about: the first of its first range, before which none of
    its others begins, since programs disagree on what it would be about then.
    """
    column, row, *_ = range_boundaries(str(formatted.sqref).split()[0])
    assert column == min(area.min_col for area in formatted.sqref.ranges)
    assert row == min(area.min_row for area in formatted.sqref.ranges)
    return f"{get_column_letter(column)}{row}"


@lru_cache(100_000)
def condition(formula: str, first: str, row: int, column: int) -> str:
    """A rule's condition, as it is for a cell of an area that begins at another."""
    moved = Translator(f"={formula}", first).translate_formula(f"{get_column_letter(column)}{row}")
    return moved.replace("ROW()", str(row)).replace("COLUMN()", str(column))


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
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    books = {
        path.stem: load_workbook(path, data_only=True) for path in (folder / "out").glob("*.xlsx")
    }
    return books, run.stderr


def pages(program: str, trace: Trace, sheets: Iterable[str], folder: Path) -> dict[str, int]:
    """How many pages each of some sheets takes when LibreOffice prints it."""
    files = {}
    for number, title in enumerate(sheets):
        book = load_workbook(BytesIO(content(trace)), data_only=True)
        book.defined_names.clear()
        for sheet in book.worksheets:
            if sheet.title != title:
                book.remove(sheet)
        files[title] = saved(book, folder / f"printed-{number}.xlsx")
    command = [
        program, "--headless", "--norestore",
        f"-env:UserInstallation={(folder / 'printing').as_uri()}",
        "--convert-to", "pdf", "--outdir", str(folder), *map(str, files.values()),
    ]  # fmt: skip
    subprocess.run(command, capture_output=True, text=True, check=True)
    return {
        title: len(re.findall(rb"/Type\s*/Page\b", path.with_suffix(".pdf").read_bytes()))
        for title, path in files.items()
    }


def pages_of(program: str, path: Path) -> int:
    """How many pages a workbook takes when LibreOffice prints all of it."""
    command = [
        program, "--headless", "--norestore",
        f"-env:UserInstallation={(path.parent / 'printing').as_uri()}",
        "--convert-to", "pdf", "--outdir", str(path.parent), str(path),
    ]  # fmt: skip
    subprocess.run(command, capture_output=True, text=True, check=True)
    return len(re.findall(rb"/Type\s*/Page\b", path.with_suffix(".pdf").read_bytes()))
