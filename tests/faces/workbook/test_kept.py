"""Workbooks that other programs keep: opened without a word, saved, and still right."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import warnings
import zipfile
from pathlib import Path

import ironcalc
import numpy as np
import pytest
from openpyxl import load_workbook
from openpyxl.utils import get_column_letter

import cellprop
import reading
from cellprop.errors import InputError
from cellprop.faces.workbook.focus import FocusCells, formula_in_focus
from cellprop.files.weights import parameters
from cellprop.verification import recalculate
from conftest import requires
from foreign_files import refused, repacked
from reading import FORMULA_ROW, example, formulas, homes
from test_focus import assert_calculates, boxes

README = Path(__file__).parents[3] / "README.md"
slow = pytest.mark.slow
LAYOUTS = ("flip-book", "close-up")


def slow_ones(names) -> list:
    """Parameters of tests that run in CI only."""
    return [pytest.param(name, marks=slow) for name in names]


def opened(path: Path, *, data_only: bool = False):
    """A workbook as openpyxl reads it, whatever it says of the styles."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return load_workbook(path, data_only=data_only)


# Of the article, as the README has it.
FORMULA_CELLS = int(re.search(r"(\d+) formula cells agree", README.read_text("utf-8"))[1])


def written(trace, folder: Path, name: str = "book", layout: str = "auto") -> Path:
    path = folder / f"{name}.xlsx"
    path.write_bytes(reading.content(trace, layout))
    return path


# --- Opened -------------------------------------------------------------------------------

# What Gnumeric says of anybody's file that has them: rows and columns repeated on every page, as
# Excel writes both; comments; and colour scales, of which it has none.
TITLES = "Multiple expressions are not supported in this context"
NOTES = "Unhandled object of type Note"
SCALES = "Ignoring unhandled conditional format of type 'colorScale'"
# It shows no shapes: the picture of the network.
SHAPES = "Dropping missing object"
OF_SHAPES = (SHAPES, "Unexpected element 'grpSp'", "wsDr -> oneCellAnchor")

# How a file is made, each in a folder of its own, and what Gnumeric says of it.
KINDS = {
    "the article": (["build", "-o", "book.xlsx"], {SHAPES}),
    "an exercise": (["exercise", "--hints", "-o", "book.xlsx"], {SHAPES}),
    "several layers": (["build", "--hidden", "5,4", "-o", "book.xlsx"], {SHAPES}),
    "training": (["build", "--epochs", "20", "-o", "book.xlsx"], {SHAPES}),
    "a boundary": (
        ["build", "--example", "xor", "--epochs", "9", "-o", "book.xlsx"],
        {SCALES, SHAPES},
    ),
    "notebook": (["build", "--example", "notebook", "-o", "book.xlsx"], {SHAPES}),
    "blobs": (["build", "--example", "blobs", "-o", "book.xlsx"], {SHAPES}),
    "iris": (["build", "--example", "iris", "-o", "book.xlsx"], {SHAPES}),
    "moons": (["build", "--example", "moons", "-o", "book.xlsx"], {SCALES, SHAPES}),
    "a theme": (["theme", "-o", "book.xlsx"], set()),
}
QUICK = ("the article", "an exercise")


def said_by_gnumeric(program: str, path: Path) -> set[str]:
    """What Gnumeric says when it opens a file and saves it."""
    done = subprocess.run(
        [program, path, path.with_name("saved.xlsx")],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
    lines = [SHAPES if any(said in line for said in OF_SHAPES) else line for line in lines]
    return {next((s for s in (TITLES, NOTES, SCALES) if s in line), line) for line in lines}


@pytest.mark.parametrize("kind", [*QUICK, *slow_ones(kind for kind in KINDS if kind not in QUICK)])
def test_gnumeric_opens_what_we_write_without_a_word_of_its_own_form(kind, gnumeric, here, run):
    command, remarks = KINDS[kind]
    code, _, err = run(*command)
    assert code == 0
    # A large workbook is built all the same.
    assert err == "" or (kind == "moons" and "hard to read" in err and err.count("\n") == 1)
    assert said_by_gnumeric(gnumeric, here / "book.xlsx") == remarks


@slow
def test_gnumeric_and_ironcalc_open_a_class_its_key_and_its_marked_copies_too(gnumeric, here, run):
    (here / "class.csv").write_text("id,name\n1,Ada\n")
    assert run("exercise", "--roster", "class.csv", "-o", "class")[0] == 0
    assert said_by_gnumeric(gnumeric, here / "class-key.xlsx") == set()
    mine = here / "class" / "ada-1.xlsx"
    assert said_by_gnumeric(gnumeric, mine) == {SHAPES}
    mine.with_name("saved.xlsx").unlink()
    book = load_workbook(mine)
    book["Step 2"]["L13"] = 5
    book.save(mine)
    run("check", "class", "--annotate", "marked")
    marked = here / "marked" / "ada-1.xlsx"
    assert said_by_gnumeric(gnumeric, marked) == {NOTES, SHAPES}
    assert "Step 2" in reading.sheet_numbers(ironcalc.load_from_xlsx(str(marked)))


@pytest.mark.parametrize("name", [*reading.NAMES[:1], *slow_ones(["xor", "blobs"])])
def test_namespaces_are_declared_at_the_root_of_every_part(name):
    trace = example(name) if name == "article" else cellprop.example(name, epochs=3)
    for name, part in reading.parts(reading.content(trace)).items():
        frame = re.sub(rb"^<\?.*?\?>\s*|<sheetData>.*</sheetData>", b"", part, flags=re.DOTALL)
        _, _, rest = frame.partition(b">")
        assert b"xmlns:" not in rest, name


def test_no_part_is_empty_where_it_may_be_left_out():
    for name, part in reading.parts(reading.content(example("article"))).items():
        for element in (b"evenFooter", b"evenHeader", b"firstHeader", b"workbookProtection"):
            assert b"<" + element not in part, name


# --- Saved --------------------------------------------------------------------------------


def by_gnumeric(path: Path, folder: Path) -> Path:
    target = folder / "gnumeric.xlsx"
    program = requires("ssconvert", "saves workbooks")
    command = [program, "--recalc", path, target]
    subprocess.run(command, check=True, capture_output=True)
    return target


def by_ironcalc(path: Path, folder: Path) -> Path:
    model = reading.ironcalc_model(path)
    model.save_to_xlsx(str(folder / "ironcalc.xlsx"))
    return folder / "ironcalc.xlsx"


def by_openpyxl(path: Path, folder: Path) -> Path:
    return reading.saved(load_workbook(path), folder / "openpyxl.xlsx")


def by_libreoffice(path: Path, folder: Path) -> Path:
    requires("soffice", "saves workbooks")
    return recalculate(path, folder / "libreoffice")


COMPUTING = [by_gnumeric, by_ironcalc, *slow_ones([by_libreoffice])]


@pytest.fixture(scope="module")
def article_by(tmp_path_factory):
    """The article's workbook as a program has saved it; not to be changed."""
    done = {}

    def saved(save) -> Path:
        if save not in done:
            folder = tmp_path_factory.mktemp("saved")
            done[save] = save(written(example("article"), folder), folder)
        return done[save]

    return saved


@pytest.mark.parametrize("save", COMPUTING)
def test_what_a_program_saved_verifies_and_nothing_else_is_said(save, article_by, capfd):
    saved = article_by(save)
    capfd.readouterr()
    result = cellprop.verify(saved)
    assert result.ok
    assert result.largest_difference <= 1e-12
    assert result.cells == FORMULA_CELLS
    # Nor does an engine, of styles that it does not know.
    assert capfd.readouterr() == ("", "")


@slow
@pytest.mark.parametrize("name", ["adam", "band", "entropy", "deep"])
@pytest.mark.parametrize("save", COMPUTING)
def test_whatever_network_a_program_saved_verifies(save, name, tmp_path):
    path = written(example(name), tmp_path)
    saved = save(path, tmp_path)
    result = cellprop.verify(saved)
    assert result.ok
    result = cellprop.verify(saved)
    assert result.ok
    assert result.largest_difference <= 1e-12
    assert result.cells == cellprop.verify(path).cells


@slow
@pytest.mark.parametrize("save", COMPUTING)
def test_what_a_program_saved_verifies_in_libreoffice_too(save, libreoffice, tmp_path):
    saved = save(written(cellprop.example("xor", epochs=9), tmp_path), tmp_path)
    for engine in ("ironcalc", "libreoffice"):
        result = cellprop.verify(saved, engine=engine)
        assert result.ok
        assert result.cells > 3000


@pytest.mark.parametrize("save", COMPUTING)
def test_what_was_changed_after_it_was_saved_is_found(save, article_by, tmp_path):
    saved = Path(shutil.copy(article_by(save), tmp_path))
    book = opened(saved)
    home, (top, left, _, _) = homes(book)["wh"]
    sheet = f"xl/worksheets/sheet{reading.position(book[home]) + 1}.xml"
    cell = book[home].cell(top, left).coordinate
    number = re.compile(rf'(<(\w+:)?c r="{cell}"[^>]*>\s*<(?:\w+:)?v>)[^<]*')
    repacked(saved, sheet, lambda xml: number.sub(r"\g<1>9.5", xml))
    assert not cellprop.verify(saved).ok


@pytest.mark.parametrize("save", COMPUTING)
def test_the_weights_are_read_from_what_a_program_saved(save, article_by):
    trace = example("article")
    found = parameters(article_by(save), list(trace.network.shapes))
    for name, values in found.items():
        np.testing.assert_allclose(values, trace.values[f"{name}_new"], rtol=1e-12)


def test_what_openpyxl_saved_is_said_to_have_no_values(article_by, run):
    saved = article_by(by_openpyxl)
    code, out, err = run("verify", str(saved))
    assert (code, err) == (1, "")
    assert (
        "They have no value: what saved the file computes none, as openpyxl. Open and save" in out
    )
    message = refused(parameters, saved, ["wh"])
    assert "expected a value, found an empty cell" in message
    assert "open and save the workbook in Excel" in message


def without(part: str, path: Path, target: Path) -> Path:
    """A copy without the parts whose names begin so, as an online spreadsheet writes it."""
    kind = f'<(Override|Relationship) [^>]*"/?{part}[^>]*>(</\\1>)?'
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            if not name.startswith(part):
                text = old.read(name).decode()
                new.writestr(name, re.sub(kind, "", text) if "xl/" not in name else text)
    return target


def test_a_workbook_that_lost_all_its_properties_is_known_by_its_sheets(tmp_path):
    path = written(example("article"), tmp_path)
    lost = without("docProps/", path, tmp_path / "lost.xlsx")
    assert not load_workbook(lost).custom_doc_props.names
    assert cellprop.verify(lost).ok
    found = parameters(lost, ["wh"])["wh"]
    assert np.array_equal(found, example("article").values["wh_new"])


def test_a_workbook_with_nothing_left_to_know_it_by_is_refused_in_one_line(tmp_path):
    book = load_workbook(written(example("article"), tmp_path))
    book["Contents"].title = "Inhalt"
    path = without("docProps/", reading.saved(book, tmp_path / "a.xlsx"), tmp_path / "lost.xlsx")
    with pytest.raises(InputError, match="not a workbook that cellprop wrote") as caught:
        cellprop.verify(path)
    assert len(str(caught.value).splitlines()) == 1


# --- What is kept -------------------------------------------------------------------------

# What docs/workbook.md says that a program loses.
LOST = {
    by_openpyxl: {"pictures"},
    # Run without a window; of pictures what is said of them.
    by_libreoffice: {"frozen panes", "pictures"},
    by_gnumeric: {"colour scales", "rows repeated in print", "pictures"},
    by_ironcalc: {
        "charts", "pictures", "checks of what is typed", "page set-up", "header", "properties",
    },
}  # fmt: skip


def kept(path: Path) -> dict[str, object]:
    """What there is in a workbook beside its cells."""
    book = opened(path)
    with zipfile.ZipFile(path) as archive:
        charts = [n for n in archive.namelist() if re.fullmatch(r"xl/charts/chart\d+\.xml", n)]
        drawn = [n for n in archive.namelist() if re.fullmatch(r"xl/drawings/\w+\.xml", n)]
        drawings = [archive.read(name) for name in drawn]
    sheets = book.worksheets
    rules = [rule for s in sheets for area in s.conditional_formatting for rule in area.rules]
    checks = [(c.type, str(c.sqref)) for s in sheets for c in s.data_validations.dataValidation]
    return {
        "named ranges": {name: d.attr_text for name, d in _named(book)},
        "rules of the focus": sum(rule.type == "expression" for rule in rules) > 200,
        "colour scales": sum(rule.type == "colorScale" for rule in rules),
        "checks of what is typed": sorted(checks),
        "frozen panes": [s.freeze_panes for s in sheets],
        "charts": len(charts),
        "pictures": sum(b'descr="Network' in drawing for drawing in drawings),
        "links": [len([c for row in s.iter_rows() for c in row if c.hyperlink]) for s in sheets],
        "print areas": [str(s.print_area).replace("'", "") for s in sheets],
        "rows repeated in print": [s.print_title_rows for s in sheets],
        "page set-up": [(s.page_setup.orientation, s.page_setup.paperSize) for s in sheets],
        "header": [bool(s.oddHeader.center.text) for s in sheets],
        "properties": set(book.custom_doc_props.names),
    }


def _named(book) -> list:
    """The names of ranges, with a single cell written as such."""
    for defined in book.defined_names.values():
        cells = defined.attr_text.replace("'", "")
        defined.attr_text = re.sub(r"!(\$[A-Z]+\$\d+):\1$", r"!\1", cells)
    return [(name, d) for name, d in book.defined_names.items() if not name.startswith("_xlnm")]


@slow
@pytest.mark.parametrize("save", list(LOST))
def test_a_program_loses_what_the_documentation_says_and_nothing_else(save, tmp_path):
    # Two inputs, for a grid; and so many updates that they take several pages.
    X, y = [[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0]
    network = cellprop.Network([2, 4, 4, 4, 1])
    trace = cellprop.trace(network, X, y, seed=1, epochs=9, optimizer="adam")
    path = written(trace, tmp_path)
    before, after = kept(path), kept(save(path, tmp_path))
    assert any(before["rows repeated in print"])
    assert before["charts"] == 2
    assert before["colour scales"] == 1
    assert {what for what in before if before[what] != after[what]} == LOST[save]


# --- The formula in focus -----------------------------------------------------------------

CHOICES = [(None, None), (2, None), (2, 2), (None, 3), (9, 9)]


def chosen(trace, row: int | None, column: int | None, layout: str = "auto"):
    """The workbook with a row and a column chosen on each sheet."""
    book = reading.without_values(trace, layout)
    for _, sheet in reading.computing_steps(trace, layout):
        for box, value in zip(boxes(sheet), (row, column), strict=False):
            book[sheet.title].cell(*box).value = value
    return book


def assert_shows(show, trace, row: int | None, column: int | None, layout: str = "auto") -> None:
    """The header of each sheet shows how the cell in focus is calculated: of the last matrix, and
    unseen of each. What is chosen beyond a matrix stands for its first row or column.
    """
    for label, sheet in reading.computing_steps(trace, layout):
        names = reading.computed(trace, label)
        cells = [cell for cell in sheet[FORMULA_ROW] if cell.data_type == "f"]
        wanted = [names[-1], *names] if len(names) > 1 else names
        for cell, name in zip(cells, wanted, strict=True):
            rows, columns = trace.matrix(name).shape
            i = row - 1 if row and row <= rows else 0
            j = column - 1 if column and column <= columns else 0
            assert_calculates(trace, show(sheet.title, cell.row, cell.column), name, i, j)


def in_book(book):
    return lambda sheet, row, column: book[sheet].cell(row, column).value


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", ["article", *slow_ones(["entropy", "tall"])])
def test_gnumeric_shows_the_calculation_in_focus(name, layout, gnumeric, tmp_path):
    trace = example(name)
    for row, column in CHOICES if name != "article" else CHOICES[2:3]:
        path = reading.saved(chosen(trace, row, column, layout), tmp_path / "chosen.xlsx")
        found = opened(by_gnumeric(path, tmp_path), data_only=True)
        assert_shows(in_book(found), trace, row, column, layout)


def test_the_formula_in_focus_is_shown_of_more_columns_than_a_function_takes_arguments():
    texts = [[f"{get_column_letter(c)}{row}*$C$1" for c in range(1, 601)] for row in (5, 6, 7)]
    formula = formula_in_focus(texts, FocusCells("$A$1", "$B$1", None, 3, 600))
    assert len(formula) <= 8192
    model = ironcalc.create("test", "en", "UTC", "en")
    model.set_user_input(0, 3, 1, f"={formula}")
    for row, column, right in ((1, 1, "=A5*$C$1"), (3, 600, "=WB7*$C$1"), (2, 251, "=IQ6*$C$1")):
        model.set_user_input(0, 1, 1, str(row))
        model.set_user_input(0, 1, 2, str(column))
        model.evaluate()
        assert model.get_cell_value(0, 3, 1) == right


@slow
@pytest.mark.parametrize("layout", LAYOUTS)
def test_libreoffice_shows_the_calculation_in_focus(layout, libreoffice, tmp_path):
    names = ("article", "entropy", "tall")
    files = {
        f"{name} {row} {column}": (example(name), row, column)
        for name in names
        for row, column in CHOICES
    }
    paths = [
        reading.saved(chosen(*choice, layout), tmp_path / f"{name}.xlsx")
        for name, choice in files.items()
    ]
    books, _ = reading.converted_by_libreoffice(libreoffice, paths, tmp_path)
    for name, choice in files.items():
        assert_shows(in_book(books[name]), *choice, layout)


@pytest.mark.parametrize("name", [*reading.NAMES[:1], *slow_ones(reading.NAMES[1:])])
def test_no_formula_needs_a_function_that_only_some_programs_have(name):
    for part in reading.parts(reading.content(example(name))).values():
        assert b"_xlfn" not in part


# --- HyperFormula -------------------------------------------------------------------------


def in_hyperformula(node: str, path: Path, choices=()) -> list[dict]:
    """The values of all formula cells by sheet, row and column: as built, and after each choice."""
    book = load_workbook(path)
    asked = {
        "sheets": {
            sheet.title: [[_content(cell) for cell in row] for row in sheet.iter_rows()]
            for sheet in book.worksheets
        },
        "names": {name: f"={found.attr_text}" for name, found in book.defined_names.items()},
        "choices": choices,
    }
    script = Path(__file__).with_name("hyperformula.js")
    done = subprocess.run(
        [node, script], input=json.dumps(asked), capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return [
        {
            (sheet, *map(int, place.split(","))): value
            for sheet, cells in found.items()
            for place, value in cells.items()
        }
        for found in json.loads(done.stdout)
    ]


def _content(cell):
    """What is typed into a cell: a text begins with an apostrophe, so that it stays one."""
    is_text = isinstance(cell.value, str) and cell.data_type != "f"
    return f"'{cell.value}" if is_text else cell.value


def assert_agrees(path: Path, found: dict) -> None:
    values = load_workbook(path, data_only=True)
    for (sheet, row, column), value in found.items():
        cell = values[sheet].cell(row, column)
        # An empty text, which openpyxl reads as None, but says that it is a text.
        stored = "" if cell.value is None and cell.data_type == "str" else cell.value
        place = f"{sheet}, row {row}, column {column}"
        if isinstance(stored, (int, float)):
            assert isinstance(value, (int, float)), (place, value)
            assert value == pytest.approx(stored, rel=1e-9, abs=1e-12), place
        else:
            assert value == stored, place


@pytest.fixture(scope="module", params=LAYOUTS)
def retyped(request, hyperformula, tmp_path_factory) -> tuple[str, list[dict]]:
    """The article's workbook in HyperFormula, in a layout: as built, with each choice under Focus,
    and with the first weight retyped.
    """
    trace, layout = example("article"), request.param
    choices = [
        [
            [sheet.title, *box, value]
            for _, sheet in reading.computing_steps(trace, layout)
            for box, value in zip(boxes(sheet), choice, strict=False)
        ]
        for choice in CHOICES
    ]
    home, (top, left, _, _) = homes(formulas(trace, layout))["wh"]
    path = written(trace, tmp_path_factory.mktemp("hyperformula"), layout=layout)
    return layout, in_hyperformula(hyperformula, path, [*choices, [[home, top, left, 2.5]]])


def test_hyperformula_computes_every_formula_of_the_article(retyped, tmp_path):
    layout, found = retyped
    path = written(example("article"), tmp_path, layout=layout)
    assert len(found[0]) == cellprop.verify(path).cells
    assert_agrees(path, found[0])


@slow
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", reading.NAMES[1:])
def test_hyperformula_computes_every_formula_of_any_network(name, layout, hyperformula, tmp_path):
    path = written(example(name), tmp_path, layout=layout)
    (found,) = in_hyperformula(hyperformula, path)
    assert len(found) == cellprop.verify(path).cells
    assert_agrees(path, found)


@slow
@pytest.mark.parametrize("name", ["xor", "blobs"])
def test_hyperformula_computes_the_sheets_after_the_steps_too(name, hyperformula, tmp_path):
    path = written(cellprop.example(name, epochs=9), tmp_path)
    (found,) = in_hyperformula(hyperformula, path)
    assert {"Training", "Predictions"} <= {sheet for sheet, *_ in found}
    assert_agrees(path, found)


def test_hyperformula_shows_the_calculation_in_focus(retyped):
    layout, found = retyped
    for values, choice in zip(found[1:], CHOICES, strict=False):
        assert_shows(lambda *cell, v=values: v[cell], example("article"), *choice, layout)


def test_hyperformula_follows_a_retyped_weight(retyped):
    layout, (*_, last) = retyped
    trace = example("article")
    numbers = {name: np.array(trace.values[name]) for name in trace.network.shapes}
    numbers["wh"][0, 0] = 2.5
    fresh = cellprop.trace(
        trace.network, trace.values["X"], trace.values["y"], parameters=numbers,
        learning_rate=trace.values["lr"].item(), **trace.options,
    )  # fmt: skip
    for place, value in reading.expected(trace, fresh.values, layout).items():
        if place in last:
            assert last[place] == pytest.approx(value, rel=1e-12)
