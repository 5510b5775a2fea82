"""Who may know whom: each floor imports only from those below it, and no face from another.

The rules are functions over a module's source, so that the tests can show that a wrong import is
noticed as well as that there is none.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import cellprop

SOURCE = Path(cellprop.__file__).parent

FLOORS = {
    "errors": 0, "algebra": 0, "files": 0, "templates": 0, "limits": 0,
    "data": 1, "network": 1, "steps": 1, "words": 1, "datasets": 1, "models": 1,
    "columns": 1, "numerals": 1, "spreadsheets": 1, "tables": 1,
    "opening": 1, "weights": 1, "slips": 1, "roster": 1, "precision": 1, "verdicts": 1,
    "cells": 1, "matrices": 1, "naming": 1, "forms": 1, "titles": 1, "arrays": 1, "aligned": 1,
    "formulas": 1, "deciding": 1, "ranges": 1, "restating": 1,
    "submission": 1,
    "tracing": 2, "training": 2, "captions": 2, "question": 2, "ways": 2, "inexact": 2,
    "crediting": 2, "judging": 2, "marking": 2,
    "matching": 2,
    "layout": 3, "formats": 3, "remarks": 3, "comparison": 3, "said": 3,
    "workbook": 4, "terminal": 4, "plots": 4, "verification": 4, "report": 4,
    "exercise": 4,
    "cli": 5, "options": 5, "__main__": 5,
}  # fmt: skip
FACES = ("workbook", "exercise", "terminal", "plots", "verification", "report")
# The one face that is built on another.
BUILT_ON = {"exercise": "workbook"}
# The package's own page, which imports when asked, and where its version stands.
FACADE = ""
DOORS = "to_"

XML = ("<c r=", "<row ", "<f>", "<v>", "<is>", "<sheetData>", "</c>")


def room(module: str) -> str:
    """Return the room of a module: `workbook.xml` is in `workbook`."""
    return module.partition(".")[0]


@cache
def sources() -> dict[str, str]:
    """Return the source of every module by its name within the package."""
    found = {}
    for path in sorted(SOURCE.rglob("*.py")):
        parts = path.relative_to(SOURCE).with_suffix("").parts
        name = ".".join(parts).removesuffix("__init__").removesuffix(".")
        found[name] = path.read_text(encoding="utf-8")
    return found


def imported(module: str, source: str) -> set[str]:
    """Return the modules of the package that a module imports.

    Not those imported for types only, and not those behind the doors of a trace (`to_excel`, …),
    which are opened only when they are used.
    """
    return set(_imports(parsed(source), module == "tracing"))


@cache
def parsed(source: str) -> ast.Module:
    return ast.parse(source)


def _imports(node: ast.AST, has_doors: bool) -> Iterator[str]:
    if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
        return
    if has_doors and isinstance(node, ast.FunctionDef) and node.name.startswith(DOORS):
        return
    if isinstance(node, ast.Import):
        yield from (_within(alias.name) for alias in node.names if _is_ours(alias.name))
    elif isinstance(node, ast.ImportFrom):
        assert node.level == 0, "a relative import"
        if _is_ours(node.module):
            for alias in node.names:
                inner = _within(f"{node.module}.{alias.name}")
                yield inner if inner in sources() else _within(node.module)
    for child in ast.iter_child_nodes(node):
        yield from _imports(child, has_doors)


def _is_ours(name: str | None) -> bool:
    return name is not None and name.split(".")[0] == "cellprop"


def _within(name: str) -> str:
    return name.removeprefix("cellprop").removeprefix(".")


def upward(module: str, source: str) -> list[str]:
    """Return what a module imports from above its floor, or from another face."""
    wrong = []
    for other in sorted(imported(module, source) - {FACADE}):
        here, there = room(module), room(other)
        another_face = here in FACES and there in FACES and there not in (here, BUILT_ON.get(here))
        if FLOORS[there] > FLOORS[here] or another_face:
            wrong.append(other)
    return wrong


def markup(source: str) -> list[str]:
    """Return the cell markup that stands in a module's strings."""
    return sorted({piece for piece in XML for string in strings(source) if piece in string})


@cache
def strings(source: str) -> list[str]:
    return [
        node.value
        for node in ast.walk(parsed(source))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]


def takes_products(source: str) -> bool:
    """Whether a module takes matrix products: of arrays, or in the formulas it writes."""
    arrays = re.search(r"np\.(matmul|dot|einsum|inner|tensordot)\b", source)
    texts = [s for s in strings(source) if re.match(r"(SUM\()?(MMULT|SUMPRODUCT)\(", s)]
    return bool(arrays or texts)


# --- The package --------------------------------------------------------------------------


def modules() -> list[str]:
    return [name for name in sources() if name != FACADE]


def test_every_module_has_a_floor():
    assert {room(module) for module in modules()} == set(FLOORS)


@pytest.mark.parametrize("module", modules())
def test_a_module_imports_only_from_floors_below_and_no_other_face(module):
    assert upward(module, sources()[module]) == []


def test_the_page_of_the_package_imports_nothing_before_it_is_asked():
    assert imported(FACADE, sources()[FACADE]) == set()


def test_the_algebra_knows_only_numbers_and_errors():
    known = {
        name.split(".")[0] if not name.startswith("cellprop") else name
        for node in ast.walk(parsed(sources()["algebra"]))
        for name in (
            [node.module]
            if isinstance(node, ast.ImportFrom)
            else [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else []
        )
    }
    assert known == {
        "__future__", "collections", "dataclasses", "functools", "typing", "numpy",
        "cellprop.errors",
    }  # fmt: skip


@pytest.mark.parametrize("library", ["openpyxl", "rich", "pandas"])
def test_below_the_faces_no_library_of_a_face_is_imported_on_the_way_in(library):
    def tops(source: str) -> set[str]:
        found = set()
        for node in parsed(source).body:
            if isinstance(node, ast.Import):
                found |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                found.add(node.module.split(".")[0])
        return found

    users = {module for module in modules() if library in tops(sources()[module])}
    assert [module for module in users if FLOORS[room(module)] < FLOORS["workbook"]] == []


def test_only_one_module_writes_the_xml_of_cells():
    assert [module for module in sources() if markup(sources()[module])] == ["workbook.xml"]


def test_only_the_algebra_knows_how_a_product_is_taken():
    assert [name for name in sources() if takes_products(sources()[name])] == ["algebra"]


# --- The rules notice ---------------------------------------------------------------------

WRONG = {
    "a sheet in the algebra": ("algebra", "from cellprop.workbook import xml", ["workbook.xml"]),
    "a face in the layout": ("layout", "from cellprop.terminal import show", ["terminal"]),
    "the trace in the steps": ("steps", "import cellprop.tracing", ["tracing"]),
    "a module by its package": ("formats", "from cellprop import cli", ["cli"]),
    "a face in another": ("terminal", "from cellprop.workbook import theme", ["workbook.theme"]),
    "the other way round": ("workbook.frame", "from cellprop import terminal", ["terminal"]),
    "the marker in a face": ("verification", "import cellprop.workbook", ["workbook"]),
    "inside a function": ("network", "def f():\n    from cellprop import layout", ["layout"]),
    "a door elsewhere": ("steps", "def to_excel():\n    import cellprop.workbook", ["workbook"]),
    "beside a trace's doors": (
        "tracing",
        "def predict():\n    from cellprop.workbook import write",
        ["workbook"],
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_import_is_noticed(what):
    module, line, found = WRONG[what]
    assert upward(module, f"{sources()[module]}\n\n{line}\n") == found


RIGHT = {
    "below": ("workbook.sheets", "from cellprop.algebra import Matrix"),
    "the same floor": ("words", "from cellprop.data import label"),
    "the same face": ("workbook.sheets", "from cellprop.workbook import xml"),
    "the version": ("workbook.frame", "from cellprop import __version__"),
    "types": ("tracing", "if TYPE_CHECKING:\n    from cellprop.workbook import write"),
    "a trace's door": ("tracing", "def to_excel():\n    from cellprop.workbook import write"),
}


@pytest.mark.parametrize("what", RIGHT)
def test_a_right_import_is_let_pass(what):
    module, source = RIGHT[what]
    assert upward(module, source) == []


@pytest.mark.parametrize("line", ["x = np.matmul(a, b)", "x = f'SUM(MMULT({a},{b}))'"])
def test_a_product_taken_elsewhere_is_noticed(line):
    assert takes_products(f"{sources()['tracing']}\n{line}\n")


@pytest.mark.parametrize("line", ["x = '<c r=\"A1\"/>'", "x = f'<v>{1}</v>'", "x = f'<row {1}>'"])
def test_markup_in_a_string_is_noticed(line):
    assert markup(f"{sources()['workbook.sheets']}\n{line}\n") != []
