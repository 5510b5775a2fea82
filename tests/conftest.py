"""What all tests share: Hypothesis' settings, and the programs that some tests need."""

from __future__ import annotations

import gc
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

IN_CI = bool(os.environ.get("CI"))

# What tests share stays to the end: looking it through for garbage takes a tenth of their time.
gc.set_threshold(100_000, 50, 100)

# Machines differ in speed, so no test depends on it; in CI every run draws the same examples.
settings.register_profile(
    "cellprop",
    deadline=None,
    derandomize=IN_CI,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("cellprop")


def slow_but(quick: Iterable[Any], values: Iterable[Any]) -> list[Any]:
    """Return values for `parametrize`; CI alone runs those that are not among the quick ones."""
    quick, values = list(quick), list(values)
    assert all(value in values for value in quick)
    return [value if value in quick else slow_case(value) for value in values]


def slow_case(*values: Any) -> Any:
    """Return values of one case for `parametrize` that CI alone runs."""
    return pytest.param(*values, marks=pytest.mark.slow)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let one worker run all tests of a network's workbook, or else of a file: what several tests
    read is made once."""
    for item in items:
        params = (
            item.callspec.params
            if isinstance(item, pytest.Function) and hasattr(item, "callspec")
            else {}
        )
        name = params.get("name", params.get("focused"))
        network = item.path.parent.name == "workbook" and isinstance(name, str)
        item.add_marker(pytest.mark.xdist_group(name if network else str(item.path)))


def requires(program: str, purpose: str) -> str:
    """Return the path of a program; without it the test is skipped, but in CI it fails."""
    found = shutil.which(program)
    if found is None:
        reason = f"`{program}` is not installed: {purpose}"
        if IN_CI:
            pytest.fail(f"{reason}; this test must run in CI")
        pytest.skip(reason)
    return found


@pytest.fixture(scope="session")
def libreoffice() -> str:
    """The path of LibreOffice."""
    return requires("soffice", "recalculates workbooks")


@pytest.fixture(scope="session")
def gnumeric() -> str:
    """The path of Gnumeric's converter."""
    return requires("ssconvert", "opens and saves workbooks")


@pytest.fixture(scope="session")
def hyperformula() -> str:
    """The path of node, which finds HyperFormula: of the version that `.ci/run` installs."""
    node = requires("node", "runs HyperFormula, a spreadsheet engine in JavaScript")
    command = [node, "-e", "require.resolve('hyperformula')"]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        reason = "HyperFormula is not installed: `npm install hyperformula`, and set NODE_PATH"
        if IN_CI:
            pytest.fail(f"{reason}; this test must run in CI")
        pytest.skip(reason)
    return node


@pytest.fixture(scope="session")
def rscript() -> str:
    """The path of R."""
    return requires("Rscript", "runs the R text of the steps")


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of Chromium."""
    return requires("chromium", "lays out the page of marks")


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    """An empty folder to work in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(monkeypatch, capsys):
    """Run a command in this process; return its exit code and what it printed."""
    monkeypatch.setenv("COLUMNS", "200")

    from cellprop.cli.main import main

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["cellprop", *arguments])
        with pytest.raises(SystemExit) as stopped:
            main()
        return stopped.value.code, *capsys.readouterr()

    return run
