"""`verify`: other people's engines recalculate, and whatever differs is found."""

from __future__ import annotations

import math
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import openpyxl
import pytest

import cellprop
from cellprop.cli.main import main
from cellprop.errors import InputError
from cellprop.files import opening
from cellprop.files.costs import Tally
from cellprop.verification import by_libreoffice, reading
from conftest import slow_but

SOURCE = Path(__file__).parents[2] / "src"
# Of step 2: the first cell of hidden_layer_input, and where its calculation is shown.
STEP_2, CELL, TEXT_CELL = "xl/worksheets/sheet4.xml", "L13", "C4"


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    """A fresh workbook; not to be changed."""
    return cellprop.article().to_excel(tmp_path_factory.mktemp("built") / "article.xlsx")


@pytest.fixture
def verify_command(monkeypatch, capsys):
    """Run `cellprop verify`; return its exit code and what it printed."""

    def run(*arguments: str | Path) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["cellprop", "verify", *map(str, arguments)])
        with pytest.raises(SystemExit) as stopped:
            main()
        return stopped.value.code, *capsys.readouterr()

    return run


def parts(path: Path) -> dict[str, str]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}


def rewritten(source: Path, target: Path, part: str, change: Callable[[str], str | None]) -> Path:
    """Copy a workbook with one part changed as text; None takes the part away."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts(source).items():
            new = change(content) if name == part else content
            assert name != part or new != content, "nothing was changed"
            if new is not None:
                archive.writestr(name, new)
    return target


def tampered(
    built: Path, target: Path, change: Callable[[str], str], cell: str = CELL, part: str = STEP_2
) -> Path:
    """Copy a workbook with the XML of one cell changed."""
    pattern = re.compile(rf'<c r="{cell}"[^>]*>.*?</c>')
    return rewritten(built, target, part, lambda xml: pattern.sub(lambda m: change(m[0]), xml))


def stored(value: str, kind: str = "") -> Callable[[str], str]:
    """Return a change of a formula cell's stored value, and of its type if one is given."""

    def change(cell: str) -> str:
        if kind:
            cell = re.sub(r'^<c (.*?)( t="\w+")?>', rf'<c \1 t="{kind}">', cell)
        return re.sub("<v>.*?</v>", lambda _: f"<v>{value}</v>", cell)

    return change


def formula_cells(path: Path) -> dict[tuple[str, str], str]:
    """Return the text of the stored value of each formula cell, read without any library."""
    found = {}
    contents = parts(path)
    sheets = re.findall(r'<sheet [^>]*?name="([^"]+)"', contents["xl/workbook.xml"])
    for name, content in contents.items():
        if name.startswith("xl/worksheets/sheet"):
            sheet = sheets[int(re.search(r"\d+", name)[0]) - 1]
            cells = re.findall(r'<c r="([A-Z]+\d+)"[^>]*><f>[^<]*</f><v>([^<]*)</v></c>', content)
            assert len(cells) == len(re.findall("<f[ >/]", content))
            found |= {(sheet, cell): value for cell, value in cells}
    return found


# --- Agreement ----------------------------------------------------------------------------


def test_ironcalc_computes_every_formula_of_a_fresh_workbook(built):
    result = cellprop.verify(built)
    assert result.ok
    assert result.cells == len(formula_cells(built)) > 800
    assert result.differences == ()
    assert result.largest_difference <= 1e-12
    assert result.engine == "ironcalc"


def test_libreoffice_computes_every_formula_of_a_fresh_workbook(built, libreoffice):
    before = built.read_bytes()
    result = cellprop.verify(built, engine="libreoffice")
    assert result.ok
    assert built.read_bytes() == before
    assert os.listdir(built.parent) == [built.name]
    assert result.cells == len(formula_cells(built))
    assert result.largest_difference <= 1e-12
    assert result.engine == "libreoffice"


def test_another_network_after_training_agrees_too(tmp_path):
    network = cellprop.Network([3, 5, 2])
    X, y = [[0.1, -2, 30], [4, 0, -0.06]], [[0, 1], [1, 0]]
    trace = cellprop.trace(network, X, y, seed=3, learning_rate=0.7, epochs=20, walk_epoch=9)
    path = trace.to_excel(tmp_path / "other.xlsx")
    result = cellprop.verify(path)
    assert result.ok
    assert result.cells == len(formula_cells(path))


def test_the_command_says_how_many_cells_agree_and_exits_with_0(built, verify_command):
    code, out, err = verify_command(built)
    assert (code, err) == (0, "")
    cells = len(formula_cells(built))
    assert out.startswith(f"{built}: {cells} formula cells agree with ironcalc; ")
    assert out.count("\n") == 1


# --- Differences --------------------------------------------------------------------------


def test_a_changed_value_is_found_with_its_cell(built, tmp_path):
    original = formula_cells(built)["Step 2", CELL]
    result = cellprop.verify(tampered(built, tmp_path / "t.xlsx", stored("1.25")))
    assert not result.ok
    assert result.cells == len(formula_cells(built))
    (difference,) = result.differences
    assert (difference.sheet, difference.cell) == ("Step 2", CELL)
    assert difference.stored == 1.25
    assert difference.computed == pytest.approx(float(original), rel=1e-12)
    expected = abs(1.25 - float(original)) / max(1.25, float(original))
    assert difference.relative == result.largest_difference == pytest.approx(expected)
    assert result.where == f"Step 2!{CELL}"


def test_the_command_names_the_cell_and_exits_with_1(built, tmp_path, verify_command):
    code, out, err = verify_command(tampered(built, tmp_path / "t.xlsx", stored("1.25")))
    assert (code, err) == (1, "")
    assert f"Step 2!{CELL}" in out
    assert "1.25" in out
    cells = len(formula_cells(built))
    assert f"1 of {cells} formula cells differ from ironcalc" in out.splitlines()[-1]


@pytest.mark.slow
def test_libreoffice_recalculates_rather_than_trusts_the_file(built, tmp_path, libreoffice):
    path = tampered(built, tmp_path / "t.xlsx", stored("1.25"))
    result = cellprop.verify(path, engine="libreoffice")
    assert [(d.sheet, d.cell, d.stored) for d in result.differences] == [("Step 2", CELL, 1.25)]


@pytest.mark.parametrize(("relative", "found"), [(1e-8, True), (-1e-8, True), (1e-10, False)])
def test_a_relative_change_beyond_1e_9_is_a_difference(built, tmp_path, relative, found):
    value = float(formula_cells(built)["Step 2", CELL]) * (1 + relative)
    result = cellprop.verify(tampered(built, tmp_path / "t.xlsx", stored(repr(value))))
    assert result.ok is not found
    assert len(result.differences) == found
    # What is within the tolerance is still told.
    assert result.largest_difference == pytest.approx(abs(relative), rel=1e-3)
    assert result.where == f"Step 2!{CELL}"


@pytest.mark.parametrize(("tolerance", "ok"), [(1e-3, True), (1e-5, False), (0, False)])
def test_the_tolerance_is_a_choice(built, tmp_path, tolerance, ok):
    value = float(formula_cells(built)["Step 2", CELL]) * (1 + 1e-4)
    path = tampered(built, tmp_path / "t.xlsx", stored(repr(value)))
    assert cellprop.verify(path, tolerance=tolerance).ok is ok


def test_every_single_number_is_compared(built, tmp_path):
    """With all stored numbers moved a little, all of them (but zeros) are found."""

    def move(match: re.Match[str]) -> str:
        return f"{match[1]}<v>{float(match[2]) * (1 + 1e-6)!r}</v>"

    path = built
    for number in range(1, 15):
        if number == 2:
            continue  # step 0 is typed: no formulas
        path = rewritten(
            path,
            tmp_path / f"{number}.xlsx",
            f"xl/worksheets/sheet{number}.xml",
            lambda xml: re.sub(r"(</f>)<v>([-+\d.eE]+)</v>", move, xml),
        )
    numbers = {
        place
        for place, value in formula_cells(built).items()
        if re.fullmatch(r"[-+\d.eE]+", value) and float(value)
    }
    result = cellprop.verify(path)
    assert {(d.sheet, d.cell) for d in result.differences} == numbers
    assert len(numbers) > 600


def test_a_missing_value_is_found(built, tmp_path):
    path = tampered(built, tmp_path / "t.xlsx", lambda cell: re.sub("<v>.*?</v>", "", cell))
    (difference,) = cellprop.verify(path).differences
    assert (difference.cell, difference.stored, difference.relative) == (CELL, None, math.inf)


EMPTY, LAST = "IF(1=1,&quot;&quot;,0)", "xl/worksheets/sheet14.xml"


def empty(value: str) -> Callable[[str], str]:
    """Return a change of a cell to a formula of an empty text, with what is stored of it."""
    return lambda cell: re.sub(
        "^<c (.*?)( t=.*?)?>.*</c>$", rf'<c \1 t="str"><f>{EMPTY}</f>{value}</c>', cell
    )


@pytest.mark.parametrize("engine", slow_but(["ironcalc"], ["ironcalc", "libreoffice"]))
def test_an_empty_text_is_a_value(built, tmp_path, engine, request):
    """And a difference where a number is computed."""
    if engine == "libreoffice":
        request.getfixturevalue("libreoffice")
    cell = next(c for (sheet, c) in formula_cells(built) if sheet == "Predictions" and c[0] == "H")
    path = tampered(built, tmp_path / "t.xlsx", empty("<v></v>"), cell, LAST)
    assert cell not in {d.cell for d in cellprop.verify(path, engine=engine).differences}
    path = tampered(built, tmp_path / "u.xlsx", stored("", "str"), CELL)
    (difference,) = cellprop.verify(path, engine=engine).differences
    assert (difference.cell, difference.stored, difference.relative) == (CELL, "", math.inf)


def test_an_error_in_the_place_of_a_value_is_found(built, tmp_path):
    path = tampered(built, tmp_path / "t.xlsx", stored("#NUM!", "e"))
    (difference,) = cellprop.verify(path).differences
    assert (difference.cell, difference.stored, difference.relative) == (CELL, "#NUM!", math.inf)


def test_an_error_is_a_difference_even_where_the_engine_agrees(built, tmp_path):
    def divide(cell: str) -> str:
        return stored("#DIV/0!", "e")(re.sub("<f>.*?</f>", "<f>1/0</f>", cell))

    # Of squared_error, which no other cell but the loss reads.
    path = tampered(built, tmp_path / "t.xlsx", divide, "P26", "xl/worksheets/sheet7.xml")
    found = {(d.sheet, d.cell): d for d in cellprop.verify(path).differences}
    difference = found["Step 5", "P26"]
    assert difference.stored == difference.computed == "#DIV/0!"
    assert difference.relative == math.inf


def test_text_in_the_place_of_a_number_is_found(built, tmp_path):
    original = formula_cells(built)["Step 2", CELL]
    path = tampered(built, tmp_path / "t.xlsx", stored(original, "str"))
    (difference,) = cellprop.verify(path).differences
    assert (difference.cell, difference.stored) == (CELL, original)


@pytest.mark.parametrize("engine", slow_but(["ironcalc"], ["ironcalc", "libreoffice"]))
def test_a_changed_formula_is_found_and_so_is_all_that_depends_on_it(
    built, tmp_path, engine, request
):
    if engine == "libreoffice":
        request.getfixturevalue("libreoffice")
    path = tampered(built, tmp_path / "t.xlsx", lambda cell: cell.replace("</f>", "+1</f>"))
    result = cellprop.verify(path, engine=engine)
    found = {(d.sheet, d.cell): d for d in result.differences}
    difference = found["Step 2", CELL]
    assert difference.computed - difference.stored == pytest.approx(1)
    # Also the copy of the number on later sheets, and what the network makes of it.
    assert {("Step 3", CELL), ("Step 4", "P20"), ("Step 11", "P38")} <= set(found)
    # The other samples do not read it before the weights are updated.
    assert ("Step 4", "P21") not in found


def test_a_changed_text_is_found(built, tmp_path):
    path = tampered(built, tmp_path / "t.xlsx", stored("=1+1"), TEXT_CELL)
    (difference,) = cellprop.verify(path).differences
    assert (difference.sheet, difference.cell) == ("Step 2", TEXT_CELL)
    assert difference.stored == "=1+1"
    assert difference.computed == formula_cells(built)["Step 2", TEXT_CELL]
    assert difference.relative == math.inf


def test_a_text_formula_that_shows_another_cell_is_found(built, tmp_path):
    def change(cell: str) -> str:
        return re.sub("<f>.*?</f>", "<f>_xlfn.FORMULATEXT(M14)</f>", cell)

    (difference,) = cellprop.verify(
        tampered(built, tmp_path / "t.xlsx", change, TEXT_CELL)
    ).differences
    assert (difference.sheet, difference.cell) == ("Step 2", TEXT_CELL)
    assert "14" in difference.computed


def test_a_changed_input_shows_everywhere(built, tmp_path):
    """Whoever types into the file without recalculating it gets a file that disagrees."""
    path = tampered(built, tmp_path / "t.xlsx", stored("7"), "C7", "xl/worksheets/sheet2.xml")
    result = cellprop.verify(path)
    assert not result.ok
    assert ("Step 2", "C7") in {(d.sheet, d.cell) for d in result.differences}


def test_a_workbook_saved_by_openpyxl_has_lost_its_values(built, tmp_path):
    path = tmp_path / "saved.xlsx"
    openpyxl.load_workbook(built).save(path)
    result = cellprop.verify(path)
    assert result.cells == len(result.differences) == len(formula_cells(built))
    assert {d.stored for d in result.differences} == {None}
    assert all(d.computed is not None for d in result.differences)


def test_the_command_lists_ten_cells_and_counts_the_others(built, tmp_path, verify_command):
    path = tmp_path / "saved.xlsx"
    openpyxl.load_workbook(built).save(path)
    code, out, _ = verify_command(path)
    cells = len(formula_cells(built))
    assert code == 1
    assert out.count("nothing") == 10
    assert f"… and {cells - 10} more" in out
    assert f"{cells} of {cells} formula cells differ" in out


def test_texts_from_the_file_can_not_colour_the_terminal(built, tmp_path, verify_command):
    path = tampered(built, tmp_path / "t.xlsx", stored("[red]\x9b31m[/red]", "str"), TEXT_CELL)
    code, out, _ = verify_command(path)
    assert code == 1
    assert "[red]" in out
    assert "\x9b" not in out


def test_the_workbook_is_left_as_it_is(built):
    before = built.read_bytes(), built.stat().st_mtime_ns
    cellprop.verify(built)
    assert (built.read_bytes(), built.stat().st_mtime_ns) == before
    assert os.listdir(built.parent) == [built.name]


# --- Numbers too close together for an engine -----------------------------------------------

TINY = (1e-17, -1e-17, 2.2e-16, 1e-300, -1e-300, 5e-324)


def with_tiny(*numbers: float, path: Path, activation: str = "relu", epochs: int = 1) -> Path:
    """Write a workbook in which numbers close to 0 are the inputs of hidden neurons."""
    count = len(numbers)
    trace = cellprop.trace(
        cellprop.Network([1, count, 1], activation=activation, output_activation="linear"),
        [[1.0], [2.0]],
        [[1.0], [0.0]],
        parameters={"wh": [numbers], "bh": [[0] * count], "wout": [[2]] * count, "bout": [[0]]},
        epochs=epochs,
    )
    assert trace["hidden_layer_input"].to_numpy()[0].tolist() == list(numbers)
    return trace.to_excel(path)


def cell_of(path: Path, name: str) -> tuple[str, str, list[str]]:
    """Return the sheet of a matrix, that sheet's part, and the cells of its first row."""
    book = openpyxl.load_workbook(path)
    ((sheet, cells),) = book.defined_names[name].destinations
    part = f"xl/worksheets/sheet{book.sheetnames.index(sheet) + 1}.xml"
    row = book[sheet][cells.replace("$", "")]
    row = row[0] if isinstance(row, tuple) else (row,)
    return sheet, part, [cell.coordinate for cell in row]


SLOPES = pytest.mark.parametrize(
    ("activation", "low"),
    [("leaky_relu", 0.01), pytest.param("relu", 0, marks=pytest.mark.slow)],
)


@SLOPES
def test_slopes_at_numbers_close_to_0_agree_with_ironcalc(tmp_path, activation, low):
    path = with_tiny(*TINY, path=tmp_path / "tiny.xlsx", activation=activation, epochs=2)
    before = path.read_bytes()
    result = cellprop.verify(path)
    assert result.ok, result.differences
    assert result.largest_difference <= 1e-12
    assert result.cells == len(formula_cells(path))
    assert path.read_bytes() == before
    # IronCalc takes them for 0, where a slope is that of a negative number.
    sheet, _, cells = cell_of(path, "slope_hidden_layer")
    cells = [cell for cell, number in zip(cells, TINY, strict=True) if number > 0]
    assert {f"{sheet}!{cell}" for cell in cells} <= set(result.restated)
    stored_there = {formula_cells(path)[sheet, cell] for cell in cells}
    assert stored_there == {"1"} != {f"{low}"}


def test_nothing_is_restated_where_numbers_are_far_enough_apart(built, tmp_path):
    assert cellprop.verify(built).restated == ()
    assert cellprop.verify(with_tiny(2.3e-16, -1, path=tmp_path / "far.xlsx")).restated == ()


@SLOPES
def test_a_wrong_slope_at_a_number_close_to_0_is_found(tmp_path, activation, low):
    path = with_tiny(*TINY, path=tmp_path / "tiny.xlsx", activation=activation)
    _, part, cells = cell_of(path, "slope_hidden_layer")
    wrong = dict(zip(cells, [low if number > 0 else 1 for number in TINY], strict=True))
    for cell, value in wrong.items():
        path = tampered(path, tmp_path / f"{cell}.xlsx", stored(f"{value}"), cell, part)
    found = cellprop.verify(path).differences
    assert {d.cell: d.stored for d in found} == wrong


@pytest.mark.parametrize("number", [1e-17, pytest.param(-1e-17, marks=pytest.mark.slow)])
def test_a_wrong_slope_is_found_though_all_that_follows_goes_with_it(tmp_path, number):
    """All numbers are those of the other side of 0; only the weight is not."""
    path, other = (with_tiny(n, path=tmp_path / f"{n}.xlsx") for n in (number, -number))
    sheet, part, (cell,) = cell_of(path, "slope_hidden_layer")
    first = int(re.search(r"\d+", part)[0])
    for k in range(first, len(openpyxl.load_workbook(path).sheetnames) + 1):
        name = f"xl/worksheets/sheet{k}.xml"
        path = rewritten(
            path, tmp_path / f"{k}.xlsx", name, lambda _, name=name: parts(other)[name]
        )
    assert (sheet, cell) in {(d.sheet, d.cell) for d in cellprop.verify(path).differences}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (">0", "&lt;0"),
        (",1,0)", ",1,1)"),
        pytest.param(">0", ">1E-16", marks=pytest.mark.slow),
        pytest.param(",1,0)", ",1.5,0)", marks=pytest.mark.slow),
    ],
)
def test_a_wrong_formula_at_a_number_close_to_0_is_found(tmp_path, old, new):
    path = with_tiny(1e-17, -1e-17, path=tmp_path / "tiny.xlsx")
    sheet, part, cells = cell_of(path, "slope_hidden_layer")
    cell = cells[new == ",1,1)"]
    wrong = tampered(path, tmp_path / "t.xlsx", lambda c: c.replace(old, new), cell, part)
    assert (sheet, cell) in {(d.sheet, d.cell) for d in cellprop.verify(wrong).differences}


@pytest.mark.parametrize(
    "outputs",
    [
        (1e-17, 3e-17),
        pytest.param((3e-300, 2e-300), marks=pytest.mark.slow),
        pytest.param((0.0, 5e-324), marks=pytest.mark.slow),
    ],
)
def test_the_largest_of_outputs_close_to_0_agrees_with_ironcalc(tmp_path, outputs):
    network = cellprop.Network([1, 2], output_activation="sigmoid")
    bias = [max(-700.0, math.log(output or 1e-303)) for output in outputs]
    trace = cellprop.trace(
        network, [[0.0]], [[0.0, 1.0]], parameters={"wout": [[0, 0]], "bout": [bias]}, epochs=2
    )
    result = cellprop.verify(trace.to_excel(tmp_path / "largest.xlsx"))
    assert result.ok, result.differences


def cancelling(path: Path) -> Path:
    """Write a workbook in which a hidden neuron's input is what rounding leaves of 0."""
    trace = cellprop.trace(
        cellprop.Network([3, 2, 1], activation="relu", output_activation="linear"),
        [[0.1, 0.2, 0.0]],
        [[1.0]],
        parameters={"wh": [[1, -1]] * 3, "bh": [[-0.3, 0.3]], "wout": [[2], [1]], "bout": [0]},
    )
    assert 0 < trace["hidden_layer_input"].to_numpy()[0, 0] < 1e-16
    return trace.to_excel(path)


@pytest.mark.slow
def test_what_libreoffice_takes_for_0_is_settled_by_what_is_stored(
    tmp_path, libreoffice, verify_command
):
    path = cancelling(tmp_path / "cancelling.xlsx")
    result = cellprop.verify(path, engine="libreoffice")
    assert result.ok, result.differences
    sheet, _, cells = cell_of(path, "hidden_layer_input")
    assert {f"{sheet}!{cell}" for cell in cells} <= set(result.rounded)
    code, out, _ = verify_command(path, "--engine", "libreoffice")
    assert (code, out.count("\n")) == (0, 2)
    assert "large numbers cancel but for their last places" in out
    _, part, (first, second) = cell_of(path, "slope_hidden_layer")
    for cell, wrong in ((first, "0"), (second, "1")):
        changed = tampered(path, tmp_path / "t.xlsx", stored(wrong), cell, part)
        found = cellprop.verify(changed, engine="libreoffice").differences
        assert cell in {d.cell for d in found}


def test_nothing_is_taken_from_what_is_stored_where_it_is_not_rounding(built, tmp_path):
    value = float(formula_cells(built)["Step 2", CELL]) * (1 + 1e-7)
    result = cellprop.verify(tampered(built, tmp_path / "t.xlsx", stored(repr(value))))
    assert (result.ok, result.rounded) == (False, ())


def test_the_command_says_what_the_engine_was_asked_in_another_way(tmp_path, verify_command):
    path = with_tiny(1e-17, path=tmp_path / "tiny.xlsx")
    code, out, err = verify_command(path)
    assert (code, err) == (0, "")
    _, said = out.splitlines()
    sheet, _, (cell,) = cell_of(path, "slope_hidden_layer")
    assert said.startswith(f"{sheet}!{cell}")
    assert "numbers less than 2.2e-16 apart are compared, which IronCalc takes for equal" in said


@pytest.mark.slow
@pytest.mark.parametrize("activation", ["relu", "leaky_relu"])
def test_libreoffice_needs_no_help_with_numbers_close_to_0(tmp_path, libreoffice, activation):
    path = with_tiny(*TINY, path=tmp_path / "tiny.xlsx", activation=activation, epochs=2)
    result = cellprop.verify(path, engine="libreoffice")
    assert result.ok, result.differences
    assert result.restated == ()


# --- Engines ------------------------------------------------------------------------------


def test_without_libreoffice_one_line_says_so(built, monkeypatch, verify_command):
    monkeypatch.setattr(by_libreoffice, "find_libreoffice", lambda: None)
    code, out, err = verify_command(built, "--engine", "libreoffice")
    assert (code, out) == (2, "")
    assert err == (
        "cellprop: LibreOffice is not installed; install it, or use --engine ironcalc.\n"
    )


def test_an_engine_that_is_not_known_is_named(built):
    with pytest.raises(InputError, match="engine: expected ironcalc or libreoffice, found 'excel'"):
        cellprop.verify(built, engine="excel")


@pytest.mark.skipif(os.name == "nt", reason="a program here is a shell script")
@pytest.mark.parametrize(
    ("does", "message"),
    [
        ("exit 0", "LibreOffice can't read it"),
        ("exec sleep 60", "did not finish within 0.2 seconds"),
    ],
)
def test_a_libreoffice_that_brings_nothing_is_one_line(
    built, tmp_path, monkeypatch, does, message, verify_command
):
    program = tmp_path / "soffice"
    program.write_text(f"#!/bin/sh\n{does}\n")
    program.chmod(0o755)
    monkeypatch.setattr(by_libreoffice, "find_libreoffice", lambda: str(program))
    monkeypatch.setattr(by_libreoffice, "LIBREOFFICE_SECONDS", 0.2 if "sleep" in does else 60)
    code, out, err = verify_command(built, "--engine", "libreoffice")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith(f"cellprop: {built}: ")
    assert message in err


# --- What is not a workbook of ours -------------------------------------------------------


def nothing(path: Path, _: Path) -> None:
    path.unlink(missing_ok=True)


def a_folder(path: Path, _: Path) -> None:
    path.mkdir()


def text(path: Path, _: Path) -> None:
    path.write_text("sample,output\n1,0\n")


def an_empty_file(path: Path, _: Path) -> None:
    path.write_bytes(b"")


def half_a_workbook(path: Path, built: Path) -> None:
    path.write_bytes(built.read_bytes()[: built.stat().st_size // 2])


def a_workbook_without_its_end(path: Path, built: Path) -> None:
    path.write_bytes(built.read_bytes()[:-10])


def bytes_overwritten(path: Path, built: Path) -> None:
    content = bytearray(built.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 200] = bytes(200)
    path.write_bytes(content)


def another_zip(path: Path, _: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("letter.txt", "not a workbook")


def somebody_elses_workbook(path: Path, _: Path) -> None:
    book = openpyxl.Workbook()
    book.active["A1"] = "=1+1"
    book.save(path)


def encrypted(path: Path, _: Path) -> None:
    path.write_bytes(bytes.fromhex("D0CF11E0A1B11AE1") + bytes(4096))


def without(part: str) -> Callable[[Path, Path], None]:
    def make(path: Path, built: Path) -> None:
        rewritten(built, path, part, lambda _: None)

    make.__name__ = f"without {part}"
    return make


def with_broken(part: str) -> Callable[[Path, Path], None]:
    def make(path: Path, built: Path) -> None:
        rewritten(built, path, part, lambda xml: xml[: len(xml) // 2])

    make.__name__ = f"with half of {part}"
    return make


def a_nonsense_value(path: Path, built: Path) -> None:
    tampered(built, path, stored("many"))


def an_address_beyond_the_sheet(path: Path, built: Path) -> None:
    tampered(built, path, lambda cell: cell.replace(f'r="{CELL}"', 'r="L99999999"'))


def all_formulas_gone(path: Path, built: Path) -> None:
    openpyxl.load_workbook(built, data_only=True).save(path)


BROKEN = [
    nothing, a_folder, text, an_empty_file, half_a_workbook, a_workbook_without_its_end,
    bytes_overwritten, another_zip, somebody_elses_workbook, encrypted, without(STEP_2),
    without("xl/workbook.xml"), without("xl/styles.xml"), without("[Content_Types].xml"),
    with_broken(STEP_2), with_broken("xl/workbook.xml"), with_broken("xl/styles.xml"),
    a_nonsense_value, an_address_beyond_the_sheet, all_formulas_gone,
]  # fmt: skip


@pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: broken.__name__)
def test_a_file_that_can_not_be_verified_is_one_line_and_exit_2(
    built, tmp_path, broken, verify_command
):
    path = tmp_path / "book.xlsx"
    broken(path, built)
    code, out, err = verify_command(path)
    assert (code, out) == (2, "")
    assert err.startswith(f"cellprop: {path}")
    assert err.count("\n") == 1
    assert "Traceback" not in err


@pytest.mark.parametrize("engine", ["ironcalc", "libreoffice"])
def test_a_workbook_that_lost_a_sheet_is_one_line_whatever_the_engine(built, tmp_path, engine):
    path = rewritten(built, tmp_path / "book.xlsx", STEP_2, lambda _: None)
    command = [sys.executable, "-m", "cellprop", "verify", str(path), "--engine", engine]
    environment = os.environ | {"PYTHONPATH": str(SOURCE)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert re.fullmatch(r"cellprop: .*book\.xlsx: .*\n", done.stderr)


def test_a_file_that_unpacks_to_far_too_much_is_not_unpacked(built, monkeypatch, verify_command):
    monkeypatch.setattr(reading, "BUILT", replace(reading.BUILT, unpacked=100_000))
    monkeypatch.setattr(openpyxl, "load_workbook", lambda *_, **__: pytest.fail("unpacked"))
    code, out, err = verify_command(built)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert re.search(r"expected at most 98 KiB unpacked, found \d+ KiB; remove what is", err)


def test_texts_made_of_what_was_typed_are_no_reason_to_refuse_a_workbook_of_any_size(
    built, monkeypatch
):
    monkeypatch.setattr(Tally, "MOST_KEPT", 100)
    assert cellprop.verify(built).ok


@pytest.mark.parametrize(
    ("kept", "expected"),
    [
        (50_000, "Step 2!Z99: its formula may take more time or memory than"),
        (100, "expected at most 100 formulas where one joins texts that formulas compute"),
    ],
)
def test_texts_made_of_texts_are_refused(built, tmp_path, monkeypatch, kept, expected):
    monkeypatch.setattr(Tally, "MOST_KEPT", kept)
    book = openpyxl.load_workbook(built)
    book["Step 2"]["Z99"] = f"={TEXT_CELL}&{TEXT_CELL}"
    book.save(tmp_path / "doubling.xlsx")
    with pytest.raises(InputError, match=re.escape(expected)):
        cellprop.verify(tmp_path / "doubling.xlsx")


def test_a_file_that_may_not_be_read_is_one_line(built, tmp_path, monkeypatch, verify_command):
    path = Path(shutil.copy(built, tmp_path / "book.xlsx"))

    def denied(*_: object) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(opening, "_read", denied)
    code, out, err = verify_command(path)
    assert (code, out) == (2, "")
    assert err == f"cellprop: {path}: can't be read: Permission denied.\n"


def test_a_name_that_is_too_long_is_one_line(verify_command):
    code, _, err = verify_command("n" * 300)
    assert (code, err.count("\n")) == (2, 1)
    assert "can't be read: File name too long" in err
