"""What holds for all tests: each runs, and none depends on how fast a machine is.

A busy machine is many times slower than a free one, so a test that asserts a time fails where
nothing is wrong. Work is counted instead (`counting`); how long it takes is told by `bench/`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from counting import PACKAGE, grows_evenly, lines_run

TESTS = Path(__file__).parent

CLOCKS = {
    *(f"time.{name}{unit}" for unit in ("", "_ns")
      for name in ("time", "perf_counter", "monotonic", "process_time", "thread_time",
                   "clock_gettime")),
    "timeit", "os.times", "resource.getrusage",
    "datetime.datetime.now", "datetime.datetime.utcnow", "datetime.datetime.today",
}  # fmt: skip
WITH_CLOCKS = {clock.split(".")[0] for clock in CLOCKS}
# What ends a test, or fails it, after some time.
LIMITS = ("deadline", "timeout")


def times(source: str) -> list[str]:
    """Return the clocks that a module reads, and the limits of time that it sets."""
    tree = ast.parse(source)
    return sorted({*_clocks(tree), *_limits(tree)})


def _clocks(tree: ast.AST) -> Iterator[str]:
    known: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.split(".")[0]
                known[alias.asname or top] = alias.name if alias.asname else top
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                known[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    # An import alone tells nothing: it may be for `sleep`.
    known = {name: full for name, full in known.items() if full.split(".")[0] in WITH_CLOCKS}
    for node in ast.walk(tree) if known else ():
        if isinstance(node, ast.Name | ast.Attribute):
            first, _, rest = ast.unparse(node).partition(".")
            name = f"{known[first]}.{rest}".rstrip(".") if first in known else ""
            yield from (clock for clock in CLOCKS if f"{name}.".startswith(f"{clock}."))


def _limits(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg in LIMITS and not _is_none(node.value):
            yield node.arg
        elif isinstance(node, ast.Attribute) and ast.unparse(node).endswith("mark.timeout"):
            yield "mark.timeout"
        elif isinstance(node, ast.Attribute) and ast.unparse(node) == "signal.alarm":
            yield "signal.alarm"


def _is_none(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


@pytest.mark.parametrize("path", sorted(str(p.relative_to(TESTS)) for p in TESTS.rglob("*.py")))
def test_no_test_depends_on_a_clock(path):
    assert times((TESTS / path).read_text(encoding="utf-8")) == []


def hidden(source: str) -> list[str]:
    """Return the tests of a module that a helper for cases makes something else of."""
    found = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef))
    helpers = {"slow", "slow_case", "slow_but"}
    return [
        node.name
        for node in found
        if helpers & {ast.unparse(decorator).split("(")[0] for decorator in node.decorator_list}
        and "slow = pytest.mark.slow" not in source
    ]


@pytest.mark.parametrize("path", sorted(str(p.relative_to(TESTS)) for p in TESTS.rglob("*.py")))
def test_no_test_is_hidden_by_a_helper_that_is_no_mark(path):
    assert hidden((TESTS / path).read_text(encoding="utf-8")) == []


def test_a_test_that_is_hidden_is_found():
    assert hidden("@slow_case\ndef test_it(): ...") == ["test_it"]
    assert hidden("@pytest.mark.slow\ndef test_it(): ...") == []


WRONG = {
    "a stopwatch": "import time\nt = time.perf_counter()\nassert time.perf_counter() - t < 5",
    "another name for it": "from time import monotonic as now\nassert now() < 5",
    "another name for its module": "import time as t\nassert t.process_time() < 5",
    "whole nanoseconds": "import time\nassert time.time_ns() - start < 5e9",
    "handed on": "from time import thread_time\ntook = measured(thread_time)",
    "inside a function": "def took():\n    import time\n    return time.time() - start",
    "of the calendar": "from datetime import datetime\nassert datetime.now() - start < LIMIT",
    "of the calendar's module": "import datetime as d\nassert d.datetime.now() < start",
    "of the process": "import os\nassert os.times().user < 5",
    "of the system": "from resource import getrusage\nassert getrusage(0).ru_utime < 5",
    "many runs": "from timeit import timeit\nassert timeit(run) < 5",
    "many runs, repeated": "import timeit\nassert min(timeit.repeat(run)) < 5",
    "a deadline": "@settings(deadline=200)\ndef test(): ...",
    "a limit for a process": "subprocess.run(command, timeout=60)",
    "a limit for a test": "@pytest.mark.timeout(60)\ndef test(): ...",
    "an alarm": "import signal\nsignal.alarm(5)",
}


@pytest.mark.parametrize("what", WRONG)
def test_a_clock_in_a_test_is_noticed(what):
    assert times(WRONG[what]) != []


RIGHT = {
    "no deadline": "@settings(deadline=None)\ndef test(): ...",
    "a date": "import datetime\nassert datetime.date(2026, 11, 24) == found",
    "a clock of ours replaced": "setattr(cellprop.cli, 'perf_counter', lambda: 0.0)",
    "a pause": "import time\ntime.sleep(0.1)",
    "a name like a clock's": "time = 3\nassert time < 5",
    "a column like a clock's": "assert frame.time < 5",
}


@pytest.mark.parametrize("what", RIGHT)
def test_what_is_no_clock_is_let_pass(what):
    assert times(RIGHT[what]) == []


# --- Work is counted ----------------------------------------------------------------------


def ours(source):
    """A function `work`, as if it stood in the package."""
    names = {}
    exec(compile(source, f"{PACKAGE}/made_up.py", "exec"), names)
    return names["work"]


def test_the_lines_of_the_package_are_counted_as_often_as_they_run():
    work = ours("def work(n):\n    for _ in range(n):\n        n + 1\n")
    assert lines_run(lambda: work(10)) == 2 * 10 + 1
    assert lines_run(lambda: [sum(range(n)) for n in range(10)]) == 0


def test_work_that_grows_faster_than_what_there_is_to_do_is_noticed():
    assert grows_evenly(ours("def work(n):\n    for _ in range(n):\n        n + 1\n"), 20)
    assert grows_evenly(ours("def work(n):\n    return n\n"), 20)
    quadratic = (
        "def work(n):\n    for _ in range(n):\n        for _ in range(n):\n            n + 1\n"
    )
    assert not grows_evenly(ours(quadratic), 20)
