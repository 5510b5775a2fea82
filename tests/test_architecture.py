"""Who may know whom: each floor imports only from those below it, and no module is on a circle.

The floors are those of the table in `docs/architecture.md`, so that the page can't be wrong. Every
import counts: also those inside functions, and those for types only. The rules are functions over a
module's source, so that the tests can show that a wrong import is noticed as well as that there is
none.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import numpy as np
import pytest

import cellprop

SOURCE = Path(cellprop.__file__).parent

# The package's own page, which imports when asked; and what starts the command line.
FACADE, START = "", "__main__"
TESTS = Path(__file__).parent
PAGE = TESTS.parent / "docs" / "architecture.md"
MOST_FLOORS = 10

XML = ("<c r=", "<row ", "<f>", "<v>", "<is>", "<sheetData>", "</c>")


@cache
def floors() -> dict[str, int]:
    """Return the floor of each room, as the page says: rows such as ``| 2 | `files/` | … |``."""
    rows = re.findall(r"^\| *(\d+) *\| *((?:`[\w/]+`(?:, )?)+) *\|", PAGE.read_text("utf-8"), re.M)
    return {
        name.removesuffix("/"): int(floor)
        for floor, names in rows
        for name in re.findall(r"`([\w/]+)`", names)
    }


def room(module: str) -> str:
    """Return the room of a module: `faces.workbook.xml` is in `faces`."""
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


def imported(source: str) -> set[str]:
    """Return the modules of the package that a module imports, wherever it does."""
    return set(_imports(parsed(source)))


@cache
def parsed(source: str) -> ast.Module:
    return ast.parse(source)


def _imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (_within(alias.name) for alias in node.names if _is_ours(alias.name))
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "a relative import"
            if _is_ours(node.module):
                for alias in node.names:
                    inner = _within(f"{node.module}.{alias.name}")
                    yield inner if inner in sources() else _within(node.module)


def _is_ours(name: str | None) -> bool:
    return name is not None and name.split(".")[0] == "cellprop"


def _within(name: str) -> str:
    return name.removeprefix("cellprop").removeprefix(".")


def upward(module: str, source: str) -> list[str]:
    """Return what a module imports from other rooms that are not on a floor below its own."""
    here = floors()[room(module)]
    return sorted(
        other
        for other in imported(source) - {FACADE}
        if room(other) != room(module) and floors()[room(other)] >= here
    )


def circle(modules: Mapping[str, str]) -> list[str]:
    """Return modules that import one another in a circle; none if they can be put in order."""
    graph = {name: imported(source) - {name} for name, source in modules.items() if name != FACADE}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


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
    return [name for name in sources() if name not in (FACADE, START)]


def test_every_room_stands_in_the_table_and_no_other():
    assert {room(module) for module in modules()} == set(floors())


def rows_of_rooms(page: Path) -> list[str]:
    """Return the rows of the table of rooms on a page."""
    return re.findall(r"^\| \d+ \| `.*$", page.read_text("utf-8"), re.M)


def test_the_readme_has_the_same_table():
    assert rows_of_rooms(PAGE.parents[1] / "README.md") == rows_of_rooms(PAGE) != []


def test_every_module_that_the_page_names_is_there():
    named = set(re.findall(r"`([\w/]+\.py)`", PAGE.read_text("utf-8")))
    there = [path.as_posix() for path in (*SOURCE.rglob("*.py"), *TESTS.rglob("*.py"))]
    assert [name for name in named if not any(p.endswith(f"/{name}") for p in there)] == []


def test_there_are_at_most_ten_floors_and_none_is_empty():
    assert sorted(set(floors().values())) == list(range(max(floors().values()) + 1))
    assert max(floors().values()) < MOST_FLOORS


@pytest.mark.parametrize("module", modules())
def test_a_module_imports_from_other_rooms_only_if_they_are_below(module):
    assert upward(module, sources()[module]) == []


def test_no_module_is_on_a_circle_of_imports():
    assert circle(sources()) == []


def test_the_page_of_the_package_imports_nothing_before_it_is_asked():
    top = ast.Module(_tops(sources()[FACADE]), [])
    assert set(_imports(top)) == {"version"}


def test_what_starts_the_command_line_knows_nothing_else():
    assert {room(module) for module in imported(sources()[START])} == {"cli"}


def test_the_algebra_knows_only_numbers_and_errors():
    known = {
        name if _is_ours(name) else str(name).split(".")[0]
        for module in modules()
        if room(module) == "algebra"
        for node in ast.walk(parsed(sources()[module]))
        for name in (
            [node.module]
            if isinstance(node, ast.ImportFrom)
            else [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else []
        )
        if not str(name).startswith("cellprop.algebra")
    }
    assert known == {
        "__future__", "collections", "dataclasses", "functools", "itertools", "operator", "types",
        "typing", "numpy", "cellprop.errors",
    }  # fmt: skip


@pytest.mark.parametrize("library", ["openpyxl", "rich", "pandas"])
def test_below_the_faces_no_library_of_a_face_is_imported_on_the_way_in(library):
    users = {module for module in modules() if library in _libraries(sources()[module])}
    assert [module for module in users if floors()[room(module)] < floors()["faces"]] == []


def _tops(source: str) -> list[ast.stmt]:
    """Return the imports that are made on the way in."""
    return [n for n in parsed(source).body if isinstance(n, ast.Import | ast.ImportFrom)]


def _libraries(source: str) -> set[str]:
    found = set()
    for node in _tops(source):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        else:
            found.add(str(node.module).split(".")[0])
    return found


def test_only_one_module_writes_the_xml_of_cells():
    assert [module for module in sources() if markup(sources()[module])] == ["faces.workbook.xml"]


def test_only_the_algebra_knows_how_a_product_is_taken():
    assert {room(name) for name in sources() if takes_products(sources()[name])} == {"algebra"}


# --- The rules notice ---------------------------------------------------------------------

WRONG = {
    "a sheet in the algebra": (
        "algebra",
        "from cellprop.faces.workbook import xml",
        ["faces.workbook.xml"],
    ),
    "a face in the marking": (
        "marking.marks",
        "from cellprop.faces.terminal import show",
        ["faces.terminal"],
    ),
    "the trace in the steps": ("programs.perceptron", "import cellprop.tracing", ["tracing"]),
    "a module by its package": (
        "texts.formats",
        "from cellprop.cli import options",
        ["cli.options"],
    ),
    "the same floor": ("exercise.book", "from cellprop import tracing", ["tracing"]),
    "the marker in the engines": (
        "verification",
        "import cellprop.marking.marks",
        ["marking.marks"],
    ),
    "inside a function": (
        "programs.network",
        "def f():\n    from cellprop.faces import layout",
        ["faces.layout"],
    ),
    "a door": (
        "running.run",
        "def to_excel():\n    import cellprop.faces.workbook",
        ["faces.workbook"],
    ),
    "types": (
        "running.run",
        "if TYPE_CHECKING:\n    from cellprop.tracing import Trace",
        ["tracing"],
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_import_is_noticed(what):
    module, line, found = WRONG[what]
    assert upward(module, f"{sources()[module]}\n\n{line}\n") == found


RIGHT = {
    "below": ("faces.workbook.sheets", "from cellprop.algebra import Matrix"),
    "the same room": ("faces.workbook.sheets", "from cellprop.faces.workbook import xml"),
    "the version": ("faces.workbook.frame", "from cellprop.version import __version__"),
    "a door": ("tracing", "def to_excel():\n    from cellprop.faces.workbook import write"),
}


@pytest.mark.parametrize("what", RIGHT)
def test_a_right_import_is_let_pass(what):
    module, source = RIGHT[what]
    assert upward(module, source) == []


def test_a_circle_is_noticed_wherever_it_is_closed():
    closed = "def f():\n    from cellprop.faces.workbook import sheets"
    modules = {**sources(), "texts.words": f"{sources()['texts.words']}\n{closed}\n"}
    assert {"texts.words", "faces.workbook.sheets"} <= set(circle(modules))


@pytest.mark.parametrize("line", ["x = np.matmul(a, b)", "x = f'SUM(MMULT({a},{b}))'"])
def test_a_product_taken_elsewhere_is_noticed(line):
    assert takes_products(f"{sources()['tracing']}\n{line}\n")


@pytest.mark.parametrize("line", ["x = '<c r=\"A1\"/>'", "x = f'<v>{1}</v>'", "x = f'<row {1}>'"])
def test_markup_in_a_string_is_noticed(line):
    assert markup(f"{sources()['faces.workbook.sheets']}\n{line}\n") != []


# --- No knowledge of numbers and names ------------------------------------------------------

# Where steps have their numbers, and matrices their names.
DECLARES = "programs."
# What looks a name up, takes one apart, or makes a matrix of it.
LOOKS_UP = {"matrix", "get", "index", "named", "startswith", "endswith", "removesuffix", "Matrix"}
BY_NUMBER = ("number", "key", "label")
LISTS = ("steps", "matrices", "brings", "given", "parameters", "lanes")


@cache
def names_of_matrices() -> frozenset[str]:
    """The names that dense networks of every kind give their matrices."""
    classes = np.eye(2)
    kinds = [
        ([2, 3, 1], [[0.0], [1.0]], {}),
        ([2, 3, 2, 1], [[0.0], [1.0]], {"optimizer": "momentum", "scale": "standard"}),
        ([2, 3, 2], classes, {"optimizer": "adam", "scale": "minmax"}),
    ]
    found: set[str] = set()
    for sizes, y, options in kinds:
        loss = "cross_entropy" if sizes[-1] > 1 else "squared_error"
        network = cellprop.Network(sizes, loss=loss)
        found |= {*cellprop.trace(network, [[0.0, 1.0], [1.0, 0.5]], y, seed=1, **options).names}
    return frozenset(found)


def knows(source: str) -> list[str]:
    """Return where a module knows a step by its number or a matrix by its name or place."""
    found = []
    for node in ast.walk(parsed(source)):
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            numbers = any(isinstance(s, ast.Attribute) and s.attr in BY_NUMBER for s in sides)
            constants = [c.value for side in sides for c in _constants(side)]
            is_known = any(map(_is_name, constants))
            is_known |= numbers and any(str(c).replace(".", "").isdigit() for c in constants)
        elif isinstance(node, ast.Subscript):
            of = node.value.attr if isinstance(node.value, ast.Attribute) else ""
            by_place = isinstance(node.slice, ast.Constant) and node.slice.value == 0
            is_known = (by_place and of in LISTS) or any(
                _is_name(c.value) for c in _constants(node.slice)
            )
        elif isinstance(node, ast.Dict):
            keys = [c.value for key in node.keys if key for c in _constants(key)]
            # Letters in alphabetical order are columns of a sheet.
            is_known = any(map(_is_name, keys)) and not set(keys) <= set("ABCDEF")
        elif isinstance(node, ast.Call):
            called = node.func
            name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
            arguments = (c.value for a in node.args for c in _constants(a))
            is_known = name in LOOKS_UP and any(map(_is_name, arguments))
        else:
            continue
        if is_known:
            found.append(ast.unparse(node))
    return found


def _is_name(value: object) -> bool:
    return isinstance(value, str) and value in names_of_matrices()


def _constants(node: ast.expr) -> Iterator[ast.Constant]:
    """Yield a constant, or those that a tuple, list or set holds."""
    if isinstance(node, ast.Constant):
        yield node
    elif isinstance(node, ast.Tuple | ast.List | ast.Set):
        for element in node.elts:
            yield from _constants(element)


@pytest.mark.parametrize("module", [m for m in modules() if not m.startswith(DECLARES)])
def test_no_module_but_the_network_s_knows_a_step_by_number_or_a_matrix_by_name(module):
    assert knows(sources()[module]) == []


@pytest.mark.parametrize(
    "line",
    [
        "if step.number == 7: ...", "if step.number >= 10: ...", "if step.number in (7, 9): ...",
        "if step.label == '2.1': ...", "if step.key != '4': ...", "if matrix.name == 'lr': ...",
        "if name in ('X', 'y'): ...", "values['output']", "trace.matrix('X')", "{'X': 1, 'z': 2}",
        "program.matrices[0]", "program.steps[0].brings", "names.index('X')", "Matrix('wh', a, b)",
        "layout.places['d_output']", "name.startswith('wh')", "values['hidden_layer_input_1']",
    ],
)  # fmt: skip
def test_knowledge_of_a_number_or_a_name_is_noticed(line):
    before = knows(sources()["faces.layout"])
    assert len(knows(f"{sources()['faces.layout']}\n{line}\n")) == len(before) + 1


@pytest.mark.parametrize(
    "line",
    [
        "if step.kind == 'update': ...", "program.having('rate')", "table('X', X)",
        "if layer.number: ...", "rows[0]", "f'{step.number}'", "'the output of X'",
        "values[program.target.name]", "program.steps[-1]",
    ],
)  # fmt: skip
def test_what_asks_for_kinds_and_roles_is_let_pass(line):
    assert knows(f"{sources()['faces.layout']}\n{line}\n") == knows(sources()["faces.layout"])
