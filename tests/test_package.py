"""The wheel: what a user installs works without the project around it."""

from __future__ import annotations

import configparser
import os
import re
import shutil
import subprocess
import sys
import zipfile
from importlib import import_module
from pathlib import Path

import pytest

import cellprop

ROOT = Path(__file__).parents[1]
SHIPPED = ("pyproject.toml", "README.md", "LICENSE")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """The wheel of a copy of the project, built with what is installed, without a network."""
    project = tmp_path_factory.mktemp("project")
    for folder in ("src", "templates"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / folder, project / folder, ignore=ignored)
    for name in SHIPPED:
        shutil.copy(ROOT / name, project / name)
    target = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(target)]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (built,) = target.iterdir()
    return built


@pytest.fixture(scope="module")
def unpacked(wheel, tmp_path_factory) -> Path:
    """A folder of installed packages with the wheel in it, and other people's templates near."""
    folder = tmp_path_factory.mktemp("installed")
    (folder / "templates").mkdir()
    for name in ("theme.xlsx", "words.toml"):
        (folder / "templates" / name).write_text("not ours")
    packages = folder / "packages"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(packages)
    return packages


@pytest.fixture
def run(unpacked, tmp_path):
    """Run Python in an empty folder with nothing of the project but the unpacked wheel."""

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        environment = os.environ | {"PYTHONPATH": str(unpacked), "PYTHONDONTWRITEBYTECODE": "1"}
        command = [sys.executable, "-P", *arguments]
        return subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )

    return run


def test_the_wheel_is_the_one_that_runs(run, unpacked):
    done = run("-c", "import cellprop; print(cellprop.__file__, cellprop.__version__)")
    assert done.stdout.split() == [str(unpacked / "cellprop" / "__init__.py"), cellprop.__version__]


def test_the_wheel_builds_the_same_workbook_as_the_project(run, tmp_path):
    done = run("-m", "cellprop", "build")
    assert (done.returncode, done.stderr) == (0, "")
    path = tmp_path / "outputs" / "article.xlsx"
    assert done.stdout.splitlines()[-1] == os.path.join("outputs", "article.xlsx")
    ours = cellprop.article().to_excel(tmp_path / "article.xlsx")
    assert path.read_bytes() == ours.read_bytes()


@pytest.mark.parametrize("name", ["theme.xlsx", "words.toml"])
def test_the_wheel_brings_its_own_templates(run, tmp_path, name):
    done = run("-m", "cellprop", name.split(".")[0], "-o", name)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{name}\n", "")
    assert (tmp_path / name).read_bytes() == (ROOT / "templates" / name).read_bytes()


@pytest.mark.parametrize("name", ["projector", "print", "plain"])
def test_the_wheel_brings_its_themes(run, tmp_path, name):
    done = run("-m", "cellprop", "theme", name, "-o", "x.xlsx")
    assert (done.returncode, done.stdout, done.stderr) == (0, "x.xlsx\n", "")
    shipped = ROOT / "templates" / "themes" / f"{name}.xlsx"
    assert (tmp_path / "x.xlsx").read_bytes() == shipped.read_bytes()


def test_the_wheel_verifies_what_it_builds(run):
    run("-m", "cellprop", "build", "-o", "x.xlsx")
    done = run("-m", "cellprop", "verify", "x.xlsx")
    assert (done.returncode, done.stderr) == (0, "")
    assert "formula cells agree with ironcalc" in done.stdout


def test_the_wheel_holds_all_of_the_package_and_nothing_else(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    source = ROOT / "src"
    ours = {
        path.relative_to(source).as_posix()
        for path in source.rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }
    templates = {
        f"cellprop/{path.relative_to(ROOT).as_posix()}"
        for path in (ROOT / "templates").rglob("*")
        if path.is_file()
    }
    assert {"cellprop/py.typed", "cellprop/examples/article.json"} <= names
    assert "cellprop/templates/themes/print.xlsx" in names
    assert {name for name in names if ".dist-info/" not in name} == ours | templates


def test_the_command_is_declared_and_there(unpacked):
    (file,) = unpacked.glob("*.dist-info/entry_points.txt")
    declared = configparser.ConfigParser()
    declared.read(file)
    assert dict(declared["console_scripts"]) == {"cellprop": "cellprop.__main__:main"}
    module, function = declared["console_scripts"]["cellprop"].split(":")
    assert callable(getattr(import_module(module), function))


def test_the_version_stands_in_one_place(unpacked):
    (file,) = unpacked.glob("*.dist-info/METADATA")
    metadata = file.read_text(encoding="utf-8")
    assert re.search(r"^Version: (.+)$", metadata, re.MULTILINE)[1] == cellprop.__version__
    assert "version" in re.search(r"dynamic = \[(.*)\]", (ROOT / "pyproject.toml").read_text())[1]


def test_the_licence_comes_along(unpacked):
    (file,) = unpacked.glob("*.dist-info/licenses/LICENSE")
    assert file.read_bytes() == (ROOT / "LICENSE").read_bytes()


def test_what_is_imported_is_declared(unpacked):
    """Every package that the code imports is Python's own or stands in the dependencies.

    Only what draws needs more: matplotlib, of the extra `learn`; and who asks for a cluster, what
    goes there.
    """
    (file,) = unpacked.glob("*.dist-info/METADATA")
    required = re.findall(r"^Requires-Dist: ([\w-]+)(?!.*extra ==)", file.read_text(), re.MULTILINE)
    learn = re.findall(
        r"^Requires-Dist: ([\w-]+).*extra == 'learn'", file.read_text(), re.MULTILINE
    )
    assert "matplotlib" in learn
    imported = {
        module
        for path in (ROOT / "src").rglob("*.py")
        if path.name not in ("plots.py", "swept.py")
        for module in re.findall(
            r"^\s*(?:import|from(?= \S+ import\b)) (\w+)", path.read_text(), re.MULTILINE
        )
    }
    clusters = {"distributed", "ray"}
    assert clusters <= imported
    imported -= set(sys.stdlib_module_names) | {"cellprop"} | clusters
    assert imported == {name.replace("-", "_") for name in required}
