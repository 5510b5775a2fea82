"""The command line: what each command does, and the one line that any mistake gets."""

from __future__ import annotations

import csv
import errno
import io
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pytest
from openpyxl.styles import PatternFill
from openpyxl.utils.cell import range_boundaries

import cellprop
from cellprop.cli import app as cli
from cellprop.cli.main import main
from conftest import IN_CI, slow_but, slow_case

ROOT = Path(__file__).parents[2]
COMMANDS = ("build", "show", "plot", "examples", "verify", "theme", "words")


def process(
    *arguments: str, before: str = "", python: tuple[str, ...] = (), **options
) -> subprocess.CompletedProcess[str]:
    """Run a command as a process of its own, `before` it a line of Python in that process."""
    command = [sys.executable, *python, "-m", "cellprop", *arguments]
    if before:
        launch = f"import os, sys; {before}; os.execv(sys.executable, {command!r})"
        command = [sys.executable, "-c", launch]
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONUNBUFFERED"}
    # No bytecode: where a test limits the size of files, Python would leave halves of it.
    environment |= {"PYTHONPATH": str(ROOT / "src"), "PYTHONDONTWRITEBYTECODE": "1"}
    environment |= options.pop("env", {})
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
    return subprocess.run(command, text=True, env=environment, check=False, **streams)


def matrices(path: Path | str) -> dict[str, list[list[float]]]:
    """Return the stored values of every matrix of a workbook's steps, by name."""
    book = openpyxl.load_workbook(path, data_only=True)
    found = {}
    for name, defined in book.defined_names.items():
        ((sheet, cells),) = defined.destinations
        if not sheet.startswith("Step"):
            continue
        left, top, right, bottom = range_boundaries(cells)
        rows = book[sheet].iter_rows(top, bottom, left, right, values_only=True)
        found[name] = [list(row) for row in rows]
    return found


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


# --- build --------------------------------------------------------------------------------


def test_build_in_an_empty_folder_writes_the_article_and_ends_with_its_path(here):
    done = process("build", cwd=here)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == os.path.join("outputs", "article.xlsx")
    assert files(here) == ["outputs", os.path.join("outputs", "article.xlsx")]
    trace = cellprop.article()
    expected = {name: trace[name].to_numpy().tolist() for name in trace.names}
    assert matrices(here / "outputs" / "article.xlsx") == expected


def test_build_writes_where_it_is_told(here, run):
    (here / "elsewhere").mkdir()
    target = here / "elsewhere" / "my lesson.xlsx"
    code, out, err = run("build", "-o", str(target))
    assert (code, err, out.splitlines()[-1]) == (0, "", str(target))
    assert files(here) == ["elsewhere", os.path.join("elsewhere", "my lesson.xlsx")]
    assert matrices(target)["wh"] == cellprop.article()["wh"].to_numpy().tolist()


def test_build_twice_is_the_same_file(here, run):
    run("build", "-o", "one.xlsx")
    run("build", "-o", "two.xlsx")
    assert Path("one.xlsx").read_bytes() == Path("two.xlsx").read_bytes()


def test_build_says_what_it_built(here, run):
    _, out, _ = run("build", "--epochs", "20", "--walk-epoch", "8")
    losses = cellprop.trace(
        cellprop.Network([4, 3, 1]), *given(), parameters=first(), epochs=20
    ).history["loss"]
    assert "4 inputs, 3 hidden, 1 output\n" in out
    assert "epoch 8 of 20" in out
    assert f"{losses[0]:.6g} before training, {losses[20]:.6g} after 20 epochs" in out
    assert f"{losses[0]:.6g} before this epoch, {losses[1]:.6g} after it" in run("build")[1]


def given() -> tuple[np.ndarray, np.ndarray]:
    trace = cellprop.article()
    return trace["X"].to_numpy(), trace["y"].to_numpy()


def first() -> dict[str, np.ndarray]:
    trace = cellprop.article()
    return {name: trace[name].to_numpy() for name in ("wh", "bh", "wout", "bout")}


@pytest.mark.parametrize(
    ("options", "hidden", "settings"),
    [
        slow_case("--seed 7", 3, {"seed": 7}),
        slow_case("--seed 0", 3, {"seed": 0}),
        ("--hidden 5", 5, {"seed": 0}),
        slow_case("--hidden 1 --seed 2", 1, {"seed": 2}),
        slow_case("--learning-rate 0.75", 3, {"parameters": first, "learning_rate": 0.75}),
        slow_case("--learning-rate 0", 3, {"parameters": first, "learning_rate": 0}),
        slow_case("--epochs 30", 3, {"parameters": first, "epochs": 30}),
        ("--epochs 30 --walk-epoch 30", 3, {"parameters": first, "epochs": 30, "walk_epoch": 30}),
        (
            "--hidden 4 --seed 3 --learning-rate 0.5 --epochs 9 --walk-epoch 4",
            4,
            {"seed": 3, "learning_rate": 0.5, "epochs": 9, "walk_epoch": 4},
        ),
    ],
)
def test_the_options_give_the_numbers_that_trace_gives(here, run, options, hidden, settings):
    settings = {k: v() if callable(v) else v for k, v in settings.items()}
    trace = cellprop.trace(cellprop.Network([4, hidden, 1]), *given(), **settings)
    expected = {name: trace[name].to_numpy().tolist() for name in trace.names}
    code, out, _ = run("build", *options.split())
    assert (code, matrices(out.splitlines()[-1])) == (0, expected)
    code, out, _ = run("show", *options.split(), "--format", "json")
    assert (code, json.loads(out)) == (0, expected)


def test_a_theme_of_ones_own_is_used(here, run):
    run("theme", "-o", "mine.xlsx")
    book = openpyxl.load_workbook("mine.xlsx")
    sample = next(row[2] for row in book["Theme"].iter_rows() if row[0].value == "active")
    sample.fill = PatternFill("solid", start_color="FF12AB34", end_color="FF12AB34")
    book.save("mine.xlsx")
    assert run("build", "--theme", "mine.xlsx")[0] == 0
    sheet = openpyxl.load_workbook("outputs/article.xlsx")["Step 2"]
    fills = {cell.fill.fgColor.rgb for row in sheet.iter_rows() for cell in row}
    assert "FF12AB34" in fills
    assert "FFFFEB3B" not in fills


def known_sizes(path: str | Path) -> set[float]:
    """The sizes of known numbers in a workbook."""
    book = openpyxl.load_workbook(path)
    cells = (cell for sheet in book.worksheets for row in sheet.iter_rows() for cell in row)
    return {cell.font.sz for cell in cells if cell.style == "known"}


def test_a_theme_that_ships_is_used_by_its_name_wherever_one_is_taken(here, run):
    assert run("build", "--theme", "projector", "-o", "book.xlsx")[0] == 0
    assert run("exercise", "--theme", "print", "-o", "sheet.xlsx")[0] == 0
    run("check", "sheet.xlsx", "--annotate", "marked", "--theme", "projector")
    assert known_sizes("book.xlsx") == known_sizes("marked/sheet.xlsx") == {14}
    assert known_sizes("sheet.xlsx") == {11}


@pytest.mark.parametrize(
    "command", ["build -o x.xlsx", "exercise -o x.xlsx", "check sheet.xlsx --annotate marked"]
)
def test_a_theme_of_an_unknown_name_is_one_line(here, run, command):
    ended = run(*command.split(), "--theme", "projecter")
    assert is_one_line(*ended, "projector, print, plain", "Did you mean 'projector'?")
    assert ended[0] == 2
    assert files(here) == []


@pytest.mark.parametrize("command", ["build", "exercise", "check", "theme"])
def test_the_help_names_the_themes_that_ship(run, command):
    shown = re.sub(r"[\s│]+", " ", run(command, "--help")[1])
    assert re.search(r"projector, print(, | or )plain", shown)


def test_words_of_ones_own_are_used(here, run):
    run("words", "-o", "mine.toml")
    texts = Path("mine.toml").read_text(encoding="utf-8")
    texts = texts.replace('"computed here"', '"hier berechnet"')
    Path("mine.toml").write_text(texts, encoding="utf-8")
    assert run("build", "--words", "mine.toml")[0] == 0
    book = openpyxl.load_workbook("outputs/article.xlsx")
    shown = {cell.value for sheet in book for row in sheet.iter_rows() for cell in row}
    assert "hier berechnet" in shown
    assert "computed here" not in shown
    foot = str(book["Step 2"].oddFooter.left.text) + str(book["Step 2"].oddFooter.center.text)
    assert "hier berechnet" in foot
    assert "computed here" not in foot
    code, out, _ = run("show", "2", "--words", "mine.toml")
    assert code == 0
    assert "hier berechnet" in out
    assert "computed here" not in out


# --- show ---------------------------------------------------------------------------------


def test_show_prints_a_step(run):
    code, out, err = run("show", "7")
    assert (code, err) == (0, "")
    assert out.startswith("Step 7 of 11")
    assert "Step 8" not in out
    assert "computed here" in out


def test_show_prints_several_steps_and_matrices(run):
    _, out, _ = run("show", "2", "wh_new", "step", "7")
    places = [out.index(text) for text in ("Step 2 of", "\nwh_new ", "Step 7 of")]
    assert places == sorted(places)
    assert "Step 3 of" not in out


def test_show_prints_all_steps(run):
    _, out, _ = run("show")
    assert re.findall(r"^Step (\d+) of 11", out, re.MULTILINE) == [str(k) for k in range(12)]


def test_show_prints_the_decimals_asked_for(run):
    _, out, _ = run("show", "bout_new", "--decimals", "12")
    assert f"{cellprop.article()['bout_new'].iloc[0, 0]:.12f}" in out.split()


def test_show_as_csv_gives_the_exact_numbers(run):
    _, out, _ = run("show", "d_output", "11", "--format", "csv")
    found: dict[str, list[float]] = {}
    for row in csv.DictReader(io.StringIO(out)):
        found.setdefault(row["matrix"], []).append(float(row["value"]))
    trace = cellprop.article()
    names = ("d_output", "bout_new", "bh_new")
    assert found == {name: trace[name].to_numpy().ravel().tolist() for name in names}


@pytest.mark.parametrize(
    ("word", "answer"),
    [
        ("wh_neww", "Did you mean 'wh_new'?"),
        ("D_OUTPU", "Did you mean 'd_output'?"),
        ("12", "There is no step 12; there are steps 0 to 11."),
        ("3.1", "There is no step 3.1; there are steps 0 to 11."),
        ("7e", "There is no step or matrix '7e'."),
    ],
)
def test_what_show_does_not_know_is_answered_with_the_nearest(run, word, answer):
    code, out, err = run("show", word)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("cellprop: ")
    assert answer in err


def test_show_in_a_narrow_terminal_is_readable():
    done = process("show", env={"COLUMNS": "40"})
    assert (done.returncode, done.stderr) == (0, "")
    assert max(map(len, done.stdout.splitlines())) <= 40
    assert "Error_at_hidden_layer" in done.stdout


@pytest.mark.parametrize("encoding", slow_but(["ascii"], ["ascii", "cp1252"]))
def test_where_output_knows_few_characters_the_others_become_question_marks(encoding):
    done = process("show", "7", env={"PYTHONIOENCODING": encoding}, encoding=encoding)
    assert (done.returncode, done.stderr) == (0, "")
    assert "D_out = E ? S_out" in done.stdout


# --- theme and words ----------------------------------------------------------------------


@pytest.mark.parametrize("name", ["theme.xlsx", "words.toml"])
def test_theme_and_words_copy_the_template_byte_for_byte(here, run, name):
    command = name.split(".")[0]
    code, out, err = run(command, "-o", f"my {name}")
    assert (code, out, err) == (0, f"my {name}\n", "")
    assert Path(f"my {name}").read_bytes() == (ROOT / "templates" / name).read_bytes()
    code, out, _ = run(command)
    assert (code, out) == (0, os.path.join("outputs", name) + "\n")
    assert (here / "outputs" / name).read_bytes() == (ROOT / "templates" / name).read_bytes()


@pytest.mark.parametrize("name", ["projector", "print", "plain"])
def test_a_theme_is_copied_by_its_name(here, run, name):
    shipped = (ROOT / "templates" / "themes" / f"{name}.xlsx").read_bytes()
    assert run("theme", name, "-o", "mine.xlsx") == (0, "mine.xlsx\n", "")
    assert Path("mine.xlsx").read_bytes() == shipped
    usual = os.path.join("outputs", f"{name}.xlsx")
    assert run("theme", name)[:2] == (0, f"{usual}\n")
    assert Path(usual).read_bytes() == shipped


def test_no_other_theme_is_copied(here, run):
    for name in ("mine.xlsx", "../theme", "prnt", ""):
        assert is_one_line(*run("theme", name), "is not known; known: projector, print, plain.")
    assert files(here) == []


@pytest.mark.parametrize("command", ["theme", "words"])
def test_theme_and_words_never_replace_a_file(here, run, command):
    Path("mine").write_text("days of work")
    code, out, err = run(command, "-o", "mine")
    assert (code, out) == (2, "")
    assert err == "cellprop: mine: exists already; choose another name, or delete it first.\n"
    assert Path("mine").read_text() == "days of work"
    assert files(here) == ["mine"]


# --- Help ---------------------------------------------------------------------------------


def test_cellprop_alone_shows_its_help(run):
    code, out, err = run()
    assert (code, err) == (0, "")
    assert out.strip() == run("--help")[1].strip()
    assert all(command in out for command in COMMANDS)


@pytest.mark.parametrize("command", ["", *COMMANDS])
@pytest.mark.parametrize("option", ["--help", "-h"])
def test_every_help_has_an_example(run, command, option):
    code, out, err = run(*filter(None, [command, option]))
    assert (code, err) == (0, "")
    assert f"• cellprop {command}" in out.split("Examples:")[1]


@pytest.mark.slow
def test_the_examples_in_the_help_run(here, run):
    """Each as it stands, in an empty folder, in the order in which they are shown."""
    found = [
        example
        for command in COMMANDS
        for example in re.findall(r"^ *- `cellprop (.*?)`", getattr(cli, command).__doc__, re.M)
    ]
    assert len(found) >= 11
    # Those that only read what others write come last.
    found.sort(key=lambda example: ("my-" in example and "build" in example, "--engine" in example))
    drawing = find_spec("matplotlib") is not None or IN_CI
    for example in found:
        if "libreoffice" not in example and (drawing or not example.startswith("plot")):
            code, _, err = run(*example.split(" > ")[0].split())
            assert (code, err) == (0, ""), example


def test_the_version_is_that_of_the_package(run):
    assert run("--version") == (0, f"cellprop {cellprop.__version__}\n", "")


def test_help_loads_none_of_what_makes_starting_slow():
    done = process("--help", python=("-X", "importtime"))
    loaded = {line.split("|")[-1].strip().split(".")[0] for line in done.stderr.splitlines()}
    assert done.returncode == 0
    assert {"cellprop", "typer"} <= loaded
    assert not loaded & {"numpy", "pandas", "openpyxl", "ironcalc"}


# --- Mistakes -----------------------------------------------------------------------------


def is_one_line(code: int, out: str, err: str, *named: str) -> bool:
    """Whether a mistake was answered as all of them are."""
    assert (code, out) == (2, "")
    assert err.startswith("cellprop: ")
    assert err.endswith("\n")
    assert err.count("\n") == 1
    assert "Traceback" not in err
    for name in named:
        assert name in err
    return True


@pytest.mark.parametrize(
    ("command", "named"),
    [
        ("build --hidden 3,0", ["--hidden", "1 to 16384 neurons", "found 0"]),
        ("build --hidden -3", ["--hidden", "found -3"]),
        ("build --hidden 3,,2", ["--hidden", "3,,2"]),
        ("build --hidden 2.5", ["--hidden"]),
        ("build --hidden many", ["--hidden"]),
        ("build --hidden 5000 --layout flip-book", ["16384", "fewer"]),
        ("build --hidden 16384", ["16384", "fewer"]),
        ("build --hidden 99999999999999", ["--hidden", "16384"]),
        ("build --learning-rate -0.1", ["learning_rate", "0 or more", "-0.1"]),
        ("build --learning-rate nan", ["learning_rate", "NaN"]),
        ("build --learning-rate inf", ["learning_rate", "finite", "inf"]),
        ("build --learning-rate 1e60", ["learning_rate", "1e+60"]),
        ("build --learning-rate fast", ["--learning-rate"]),
        ("build --epochs -1", ["epochs", "found -1"]),
        ("build --walk-epoch 0", ["walk_epoch", "at least 1", "found 0"]),
        ("build --epochs 3 --walk-epoch 4", ["walk_epoch", "1 to 3", "found 4"]),
        ("build --seed -1", ["seed", "at least 0", "-1"]),
        ("build --example iriss", ["example", "'iriss'", "article", "Did you mean 'iris'?"]),
        ("build --activation sigmiod", ["activation", "Did you mean 'sigmoid'?"]),
        ("build --activation relu,tanh", ["activation", "1 hidden", "found 2"]),
        ("build --activation softmax", ["activation", "'softmax'"]),
        ("build --output-activation softmax", ["softmax", "cross_entropy", "squared_error"]),
        ("build --loss cross", ["loss", "'cross'", "cross_entropy"]),
        ("build --loss cross_entropy", ["softmax", "2 outputs", "classes"]),
        ("build --optimizer adm", ["optimizer", "Did you mean 'adam'?"]),
        ("build --setting momentum=0.5", ["sgd", "momentum", "there are none"]),
        ("build --optimizer momentum --setting momentum", ["--setting", "momentum=0.8"]),
        ("build --optimizer momentum --setting momentum=1", ["momentum", "below 1", "found 1"]),
        ("build --batch-size 0", ["batch_size", "at least 1", "found 0"]),
        ("build --batch-size 4", ["batch_size", "1 to 3", "found 4"]),
        ("build --batch-size 2 --walk-batch 3", ["walk_batch", "1 to 2", "found 3"]),
        ("build --scale standrd", ["scale", "Did you mean 'standard'?"]),
        ("build --data none.csv --target y", ["none.csv", "no such file"]),
        ("build --data none.csv", ["--target"]),
        ("build --target y", ["--data"]),
        ("build --data a.csv --target y --example xor", ["--example", "--data"]),
        ("build --parameters none.json", ["none.json", "no such file"]),
        ("plot -o picture.jpg", ["picture.jpg", ".png", ".svg"]),
        ("plot boundary", ["2 inputs", "found 4"]),
        ("plot losses", ["losses", "loss"]),
        ("build --hiden 3", ["--hiden", "--hidden", "cellprop --help"]),
        ("build lesson.xlsx", ["lesson.xlsx", "cellprop --help"]),
        ("build -o", ["-o", "cellprop --help"]),
        ("buid", ["buid", "Did you mean 'build'?", "cellprop --help"]),
        ("--verison", ["--verison", "--version"]),
        ("show --decimals -1", ["--decimals"]),
        ("show --decimals 18", ["--decimals", "17"]),
        ("show --format xml", ["--format", "xml", "json"]),
        ("verify", ["workbook", "cellprop --help"]),
        ("verify missing.xlsx", ["missing.xlsx", "no such file"]),
        ("verify missing.xlsx --engine gnumeric", ["--engine", "gnumeric", "libreoffice"]),
    ],
)
def test_a_mistake_is_one_line_that_names_it_and_writes_nothing(here, run, command, named):
    assert is_one_line(*run(*command.split()), *named)
    assert [name for name in files(here) if name != "outputs"] == []


@pytest.mark.parametrize(
    "command",
    slow_but(["build --hidden x"], ["buid", "build --hidden x", "build -o missing/x.xlsx"]),
)
def test_a_mistake_ends_a_process_with_2_and_one_line(here, command):
    done = process(*command.split(), cwd=here)
    assert is_one_line(done.returncode, done.stdout, done.stderr)


def test_two_sentences_of_an_error_are_two_sentences(run):
    _, _, err = run("buid")
    assert err.endswith("Did you mean 'build'? `cellprop --help` shows what there is.\n")


@pytest.mark.parametrize("command", ["build", "theme", "words"])
@pytest.mark.parametrize(
    ("target", "why"),
    [
        ("folder", "is a folder"),
        ("missing/x.xlsx", "there is no folder 'missing'; create it first"),
        ("n" * 300, "File name too long"),
    ],
)
def test_where_nothing_can_be_written_the_line_says_why(here, run, command, target, why):
    Path("folder").mkdir()
    assert is_one_line(*run(command, "-o", target), target, why)
    assert files(here) == ["folder"]


@pytest.mark.parametrize("command", ["build", "theme", "words"])
def test_a_file_where_the_folder_of_outputs_would_be_is_one_line(here, run, command):
    Path("outputs").write_text("mine")
    assert is_one_line(*run(command), "outputs: is not a folder; rename it, or write elsewhere")
    assert Path("outputs").read_text() == "mine"
    assert files(here) == ["outputs"]


def test_a_read_only_file_stays_as_it_is(here, run):
    Path("mine.xlsx").write_text("earlier")
    Path("mine.xlsx").chmod(0o444)
    assert is_one_line(*run("build", "-o", "mine.xlsx"), "mine.xlsx: is read-only")
    assert Path("mine.xlsx").read_text() == "earlier"
    assert files(here) == ["mine.xlsx"]


# Root may write anywhere; without these two capabilities even root is asked (CAP_DAC_OVERRIDE,
# CAP_DAC_READ_SEARCH; 24 is PR_CAPBSET_DROP).
LIKE_ANYBODY = "import ctypes; drop = ctypes.CDLL(None).prctl; drop(24, 1); drop(24, 2)"


@pytest.mark.skipif(sys.platform != "linux", reason="how to be refused as root is Linux's")
@pytest.mark.parametrize(
    ("mode", "output", "named"),
    [
        (0o555, "mine.xlsx", "mine.xlsx: can't be written: Permission denied"),
        slow_case(0o555, "", "outputs: can't be made: Permission denied"),
        slow_case(0o666, "../closed/mine.xlsx", "mine.xlsx: can't be written: Permission denied"),
    ],
)
def test_a_folder_that_may_not_be_written_is_one_line(tmp_path, mode, output, named):
    closed, beside = tmp_path / "closed", tmp_path / "beside"
    closed.mkdir()
    beside.mkdir()
    if mode == 0o555:
        (closed / "mine.xlsx").write_text("earlier")
    closed.chmod(mode)
    before = LIKE_ANYBODY if os.geteuid() == 0 else "pass"
    arguments = ["build", *(["-o", output] if output else [])]
    try:
        done = process(*arguments, before=before, cwd=beside if mode == 0o666 else closed)
    finally:
        closed.chmod(0o755)
    assert is_one_line(done.returncode, done.stdout, done.stderr, named)
    assert files(beside) == []
    assert files(closed) == (["mine.xlsx"] if mode == 0o555 else [])
    assert all(path.read_text() == "earlier" for path in closed.iterdir())


def test_permission_denied_is_one_line(here, run, monkeypatch):
    real = Path.open

    def denied(self, mode="r", *arguments, **options):
        if "x" in mode or "w" in mode:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(self))
        return real(self, mode, *arguments, **options)

    monkeypatch.setattr(Path, "open", denied)
    assert is_one_line(*run("build", "-o", "x.xlsx"), "x.xlsx: can't be written: Permission denied")
    assert files(here) == []


@pytest.mark.skipif(os.name == "nt", reason="Windows limits no file's size")
@pytest.mark.parametrize("limit", slow_but([20_000], [0, 20_000]))
def test_a_full_disk_leaves_the_earlier_file_and_nothing_else(here, limit):
    Path("mine.xlsx").write_text("earlier")
    before = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))"
    done = process("build", "-o", "mine.xlsx", before=before, cwd=here)
    assert is_one_line(done.returncode, done.stdout, done.stderr, "mine.xlsx: can't be written")
    assert Path("mine.xlsx").read_text() == "earlier"
    assert files(here) == ["mine.xlsx"]


@pytest.mark.parametrize("command", ["build", "theme", "words"])
def test_no_space_left_is_one_line(here, run, monkeypatch, command):
    def full(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    assert is_one_line(*run(command, "-o", "new.x"), "new.x: can't be written: No space left")
    assert files(here) == []


@pytest.mark.parametrize(
    "command", slow_but(["show"], ["show", "show --format csv", "show --format json", "--help"])
)
def test_whoever_stops_reading_gets_no_complaint(command):
    """As in `cellprop show | head -1`, with the pipe closed from the start."""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = process(*command.split(), stdout=writer)
    finally:
        os.close(writer)
    assert (done.returncode, done.stderr) == (1, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
@pytest.mark.parametrize("command", slow_but(["show"], ["show", "show --format csv", "--version"]))
def test_output_to_a_full_disk_is_one_line(command):
    with open("/dev/full", "w") as full:
        done = process(*command.split(), stdout=full)
    assert (done.returncode, done.stderr) == (2, "cellprop: output: No space left on device.\n")


def test_interrupting_is_not_an_error_of_ours(here, run, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("cellprop.faces.workbook.xml.assemble", interrupted)
    assert run("build", "-o", "x.xlsx") == (130, "", "")
    assert files(here) == []


def test_a_mistake_of_ours_is_not_hidden(monkeypatch):
    def mistaken(*_, **__):
        raise ZeroDivisionError("ours")

    monkeypatch.setattr("cellprop.tracing.trace", mistaken)
    monkeypatch.setattr(sys, "argv", ["cellprop", "show"])
    with pytest.raises(ZeroDivisionError, match="ours"):
        main()


# --- Broken themes and words --------------------------------------------------------------


def edited(path: Path, change) -> None:
    book = openpyxl.load_workbook(path)
    change(book)
    book.save(path)


def rename_sheet(book) -> None:
    book["Theme"].title = "Look"


def forget_style(book) -> None:
    cell = next(row[0] for row in book["Theme"].iter_rows() if row[0].value == "active")
    cell.value = "activ"


THEMES = {
    "missing": (Path.unlink, "there is no such file"),
    "a folder": (lambda p: (p.unlink(), p.mkdir()), "is a folder"),
    "text": (lambda p: p.write_text("yellow"), "not an Excel workbook"),
    "empty": (lambda p: p.write_bytes(b""), "not an Excel workbook"),
    "cut short": (lambda p: p.write_bytes(p.read_bytes()[:3000]), "not an Excel workbook"),
    "damaged": (
        lambda p: p.write_bytes(p.read_bytes()[:1500] + bytes(9) + p.read_bytes()[1509:]),
        "not an Excel workbook",
    ),
    "encrypted": (
        lambda p: p.write_bytes(bytes.fromhex("D0CF11E0A1B11AE1") + bytes(999)),
        "is protected by a password, or of an old version of Excel",
    ),
    "another zip": (
        lambda p: zipfile.ZipFile(p, "w").writestr("a.txt", "a"),
        "not an Excel workbook",
    ),
    "without its sheet": (lambda p: edited(p, rename_sheet), "there is no sheet 'Theme'"),
    "without a style": (lambda p: edited(p, forget_style), "the style 'active' is missing"),
}


@pytest.mark.parametrize("broken", THEMES)
def test_a_broken_theme_is_one_line(here, run, broken):
    change, message = THEMES[broken]
    theme = Path(shutil.copy(ROOT / "templates" / "theme.xlsx", "mine.xlsx"))
    change(theme)
    assert is_one_line(*run("build", "--theme", "mine.xlsx"), "mine.xlsx", message)
    assert files(here) == ([] if broken == "missing" else ["mine.xlsx"])


def replaced(old: str, new: str):
    def change(path: Path) -> None:
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new, 1), encoding="utf-8")

    return change


KEY = 'previous = "← Previous"'
WORDS = {
    "missing": (Path.unlink, ["there is no such file"]),
    "a folder": (lambda p: (p.unlink(), p.mkdir()), ["is a folder"]),
    "empty": (lambda p: p.write_text(""), ["is missing", "more"]),
    "not TOML": (replaced(KEY, "previous = ← Previous"), ["not valid TOML", "line"]),
    "not UTF-8": (lambda p: p.write_bytes(b'a = "\xff"'), ["UTF-8", "0xff"]),
    "a workbook": (lambda p: p.write_bytes(b"PK\x03\x04\xff\xfe"), ["mine.toml"]),
    "a key missing": (replaced(KEY, ""), ["'sheet.previous' is missing"]),
    "a key misspelt": (
        replaced(KEY, 'previuos = "x"'),
        ["'sheet.previuos'", "Did you mean 'sheet.previous'?"],
    ),
    "an unknown name": (
        replaced('"Page {page} of {pages}"', '"{sheet}"'),
        ["'sheet.page'", "{sheet}", "{page}, {pages}"],
    ),
    "an open brace": (replaced('"Page {page} of {pages}"', '"{page"'), ["'sheet.page'", "brace"]),
    "an attribute": (
        replaced('"Page {page} of {pages}"', '"{page.__class__}"'),
        ["'sheet.page'", "{page.__class__}"],
    ),
    "a list for a text": (replaced(KEY, 'previous = ["a"]'), ["'sheet.previous'", "one text"]),
}


@pytest.mark.parametrize("broken", WORDS)
@pytest.mark.parametrize("command", ["build", "show"])
def test_broken_words_are_one_line(here, run, command, broken):
    change, named = WORDS[broken]
    change(Path(shutil.copy(ROOT / "templates" / "words.toml", "mine.toml")))
    assert is_one_line(*run(command, "--words", "mine.toml"), "mine.toml", *named)
    assert files(here) == ([] if broken == "missing" else ["mine.toml"])


# --- What is large ------------------------------------------------------------------------


def wide_table(path, inputs: int, samples: int) -> str:
    """A CSV file of so many columns of random numbers, and a class."""
    random = np.random.default_rng(1)
    names = [f"p{k}" for k in range(inputs)]
    table = pd.DataFrame(random.random((samples, inputs)).round(2), columns=names)
    table["digit"] = [f"d{k % 10}" for k in range(samples)]
    table.to_csv(path, index=False)
    return str(path)


def test_build_says_which_sheet_is_large_and_what_to_do(run, here):
    data = wide_table(here / "digits.csv", 784, 30)
    code, out, err = run("build", "--data", data, "--target", "digit", "--hidden", "32")
    assert code == 0
    assert out.splitlines()[-1].endswith(".xlsx")
    assert is_one_line(2, "", err, "Step 10", f"{784 * 32 + 32 * 10:,} cells")
    assert "--neurons 1,2" in err
    assert "--hidden N" in err


def test_build_says_it_before_it_writes(run, here, monkeypatch):
    from cellprop.faces import workbook

    def refuse(*_: object, **__: object) -> None:
        raise cellprop.errors.InputError("not written")

    monkeypatch.setattr(workbook, "write", refuse)
    data = wide_table(here / "wide.csv", 300, 4)
    _, _, err = run("build", "--data", data, "--target", "digit", "--hidden", "10")
    assert [("Step 10 computes" in line, "not written" in line) for line in err.splitlines()] == [
        (True, False),
        (False, True),
    ]


def test_build_says_how_many_formulas_there_are_in_all(run, here, monkeypatch):
    from cellprop.cli import building

    monkeypatch.setattr(building, "LARGE_BOOK", 500)
    _, _, err = run("build")
    assert is_one_line(2, "", err, "formulas")
    assert "computes" not in err


def test_build_is_silent_of_what_is_not_large(run, here):
    _, _, err = run("build", "--example", "xor")
    assert err == ""


def test_in_python_nothing_is_said_of_it(tmp_path, recwarn, capsys):
    X = np.random.default_rng(1).random((4, 300))
    trace = cellprop.trace(cellprop.Network([300, 10, 1]), X, [0, 1, 0, 1], seed=1)
    trace.to_excel(tmp_path / "large.xlsx")
    assert not recwarn.list
    assert capsys.readouterr() == ("", "")
