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
from cellprop.algebra import OPERATIONS
from cellprop.running.reduced import reduced

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
        if path.parent.name == "examples":
            continue  # what users copy; see below
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
        "__future__", "collections", "dataclasses", "functools", "inspect", "itertools", "operator",
        "types", "typing", "numpy", "cellprop.errors",
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
# Names that are words as well: of arguments, columns and options. They count where something is
# looked up by them, compared or taken apart; other names wherever they stand in a string.
WORDS = {"X", "y", "E", "output", "momentum", "epsilon"}
# What looks a name up, takes one apart, or makes a matrix of it.
LOOKS_UP = {"matrix", "get", "index", "named", "startswith", "endswith", "removesuffix", "Matrix"}
BY_NUMBER = ("number", "key", "label")
LISTS = ("steps", "matrices", "brings", "given", "parameters", "lanes", "names")
LISTED = ("list", "tuple", "sorted", "reversed")


@cache
def names_of_matrices() -> frozenset[str]:
    """The names that dense networks of every kind give their matrices, operations' names left out:
    a loss is called as what takes it.
    """
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
        trace = cellprop.trace(network, [[0.0, 1.0], [1.0, 0.5]], y, seed=1, **options)
        found |= {*trace.names}
        if len(sizes) == 3:
            found |= {*reduced(trace.update, [1]).names}
    return frozenset(found - set(OPERATIONS))


def knows(source: str) -> list[str]:
    """Return where a module knows a step by its number or a matrix by its name or place."""
    tree = parsed(source)
    module = Module(tree)
    rules = (_by_name, _by_number, _by_place)
    found = [node for node in ast.walk(tree) for rule in rules if rule(node, module)]
    return [ast.unparse(node) for node in dict.fromkeys(found)]


class Module:
    """A module's tree: what each node stands in, and which names stand for what.

    Attributes:
        above: The node that each stands in.
        constants: The constants that a name is given, anywhere in the module.
        lists: The names that are given a list of a program's.
    """

    def __init__(self, tree: ast.Module) -> None:
        self.above = {c: node for node in ast.walk(tree) for c in ast.iter_child_nodes(node)}
        self.constants: dict[str, list[object]] = {}
        self.lists: set[str] = set()
        for name, given in _given(tree):
            self.constants.setdefault(name, []).extend(c.value for c in _constants(given))
            if isinstance(given, ast.Attribute) and given.attr in LISTS:
                self.lists.add(name)

    def values(self, node: ast.AST | None) -> Iterator[object]:
        """Yield the constants that an expression is, or that its names stand for."""
        if isinstance(node, ast.Name):
            yield from self.constants.get(node.id, ())
        elif isinstance(node, ast.Tuple | ast.List | ast.Set):
            for element in node.elts:
                yield from self.values(element)
        elif isinstance(node, ast.Constant):
            yield node.value

    def is_list(self, node: ast.expr) -> bool:
        """Whether an expression is a list of a program's, or a copy of one."""
        if isinstance(node, ast.Call) and node.args:
            return _called(node) in LISTED and self.is_list(node.args[0])
        if isinstance(node, ast.Name):
            return node.id in self.lists
        return isinstance(node, ast.Attribute) and node.attr in LISTS


def _given(tree: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    """Yield names and what they are given: by an assignment, or as an argument's default."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                yield from _pairs(target, node.value)
        elif isinstance(node, ast.AnnAssign | ast.NamedExpr) and node.value:
            yield from _pairs(node.target, node.value)
        elif isinstance(node, ast.FunctionDef | ast.Lambda):
            a = node.args
            positional = [*a.posonlyargs, *a.args]
            defaults = zip(reversed(positional), reversed(a.defaults), strict=False)
            for argument, default in (*defaults, *zip(a.kwonlyargs, a.kw_defaults, strict=True)):
                if default:
                    yield argument.arg, default


def _pairs(target: ast.expr, given: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    if isinstance(target, ast.Name):
        yield target.id, given
    elif isinstance(target, ast.Tuple) and isinstance(given, ast.Tuple):
        for each, value in zip(target.elts, given.elts, strict=False):
            yield from _pairs(each, value)


def _by_name(node: ast.AST, module: Module) -> bool:
    """Whether a matrix is known by its name: wherever it stands, if it is no word as well."""
    if isinstance(node, ast.Constant):
        is_said = isinstance(module.above.get(node), ast.Expr)  # a docstring
        begins = str(node.value).rstrip("_") if _is_of_text(node, module) else node.value
        return not is_said and _is_name(begins) and begins not in WORDS
    looked_up: list[ast.AST | None] = []
    if isinstance(node, ast.Compare):
        looked_up = [node.left, *node.comparators]
    elif isinstance(node, ast.Subscript):
        looked_up = [node.slice]
    elif isinstance(node, ast.MatchValue):
        looked_up = [node.value]
    elif isinstance(node, ast.Call) and _called(node) in LOOKS_UP:
        looked_up = [*node.args]
    elif isinstance(node, ast.Dict):
        keys = [value for key in node.keys for value in module.values(key)]
        # Letters in alphabetical order are columns of a sheet.
        return any(map(_is_word, keys)) and not set(keys) <= set("ABCDEFG")
    return any(_is_word(value) for each in looked_up for value in module.values(each))


def _is_of_text(node: ast.Constant, module: Module) -> bool:
    """Whether a string is a part of a text that is put together: `f"wh_{k}"`, `"wh_" + k`."""
    return isinstance(module.above.get(node), ast.JoinedStr | ast.BinOp)


def _by_number(node: ast.AST, module: Module) -> bool:
    """Whether a step is known by its number: compared, calculated with, or taken apart."""
    if isinstance(node, ast.Compare):
        sides = [node.left, *node.comparators]
        constants = [value for side in sides for value in module.values(side)]
        told = any(_tells(side, *BY_NUMBER) for side in sides)
        is_counted = any(_tells(side, "number") and not constants for side in sides)
        return is_counted or (told and any(c is not None and c != "" for c in constants))
    if isinstance(node, ast.Match):
        return _tells(node.subject, *BY_NUMBER)
    if isinstance(node, ast.BinOp):
        return any(_tells(side, "number") for side in (node.left, node.right))
    if isinstance(node, ast.Subscript):
        labels = [v for v in module.values(node.slice) if isinstance(v, str)]
        return _tells(node.slice, "number") or any(map(_is_label, labels))
    if isinstance(node, ast.Call):
        of_label = isinstance(node.func, ast.Attribute) and _tells(node.func.value, *BY_NUMBER)
        named = [value for each in node.args[1:2] for value in module.values(each)]
        return of_label or (_called(node) == "getattr" and bool({*named} & {*BY_NUMBER}))
    return False


def _tells(node: ast.expr, *attributes: str) -> bool:
    """Whether an expression is a step's number or label: read, or made a number or text of."""
    if isinstance(node, ast.Call) and _called(node) in ("int", "float", "str"):
        return any(_tells(each, *attributes) for each in node.args)
    return isinstance(node, ast.Attribute) and node.attr in attributes


def _is_label(value: str) -> bool:
    return value.replace(".", "").isdigit()


def _by_place(node: ast.AST, module: Module) -> bool:
    """Whether a step or matrix is known by its place: any but the last of all."""
    if isinstance(node, ast.Subscript) and module.is_list(node.value):
        if isinstance(node.slice, ast.UnaryOp):
            return ast.unparse(node.slice) != "-1"
        return any(isinstance(value, int) for value in module.values(node.slice))
    if isinstance(node, ast.Call) and _called(node) == "iter":
        return any(map(module.is_list, node.args))
    if isinstance(node, ast.Assign) and module.is_list(node.value):
        # A single one may be asked for as such.
        return any(isinstance(t, ast.Tuple) and len(t.elts) > 1 for t in node.targets)
    return False


def _called(node: ast.Call) -> str:
    """Return the name of what is called."""
    called = node.func
    return called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")


def _is_name(value: object) -> bool:
    return isinstance(value, str) and value in names_of_matrices()


def _is_word(value: object) -> bool:
    return _is_name(value) and value in WORDS


def _constants(node: ast.AST) -> Iterator[ast.Constant]:
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
        # By a variable, an argument, a calculation.
        "if step.number == SEVEN: ...", "def f(k=7): return step.label == k", "step.number - 7",
        "if step.number < other: ...", "if int(step.label) > 6: ...", "step.number % 2",
        "if step.label in (SEVEN, 'x'): ...",
        "if str(step.number) == '7': ...", "sheets[step.number]", "by_step['7']",
        "getattr(step, 'number')",
        # Taken apart, or matched.
        "step.label.startswith('2.')", "step.label.split('.')", "str(step.number).zfill(2)",
        "match step.number:\n    case 7: ...", "match name:\n    case 'X': ...",
        # A name in a text, a default, or anywhere at all.
        "f'{w}wh_{k}'", "'wh_' + str(k)", "def f(name='wh'): ...", "OUT = 'd_output'",
        "f(name='bout')", "rest = 'others'", "OUR = 'X'\nvalues[OUR]", "lambda name='wh_new': name",
        # By its place.
        "program.steps[7]", "list(program.steps)[7]", "next(iter(program.matrices))",
        "first, *others = program.steps", "mine = step.brings\nmine[1]", "trace.names[3]",
        "program.steps[-2]", "K = 3\nprogram.steps[K]",
    ],
)  # fmt: skip
def test_knowledge_of_a_number_or_a_name_is_noticed(line):
    before = knows(sources()["faces.layout"])
    assert len(knows(f"SEVEN = 7\n{sources()['faces.layout']}\n{line}\n")) > len(before)


@pytest.mark.parametrize(
    "line",
    [
        "if step.kind == 'update': ...", "f'Step {step.label}'", "words(step.title)",
        "if step.label in asked: ...", "if step is program.steps[-1]: ...", "by_step[step.label]",
        "{'A': 16, 'D': 22, 'E': 22}", "table('X', X)", "(matrix,) = step.brings", "mine[0]",
        "if layer.key is None: ...", "f' {layer.number}' if layer.number else ''",
        "'X and wh are given'", "xml.number(7)", "OPERATIONS['squared_error']",
    ],
)  # fmt: skip
def test_what_follows_from_kinds_and_roles_is_let_pass(line):
    assert knows(line) == []


@pytest.mark.parametrize("path", sorted((SOURCE / "examples").glob("*.py")), ids=lambda p: p.stem)
def test_a_program_that_ships_needs_nothing_but_what_users_have(path):
    imported = {
        name
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in (
            [node.module] if isinstance(node, ast.ImportFrom) else [a.name for a in node.names]
        )
    }
    assert imported <= {"cellprop", "numpy"}
