"""Both layouts say the same: through engines, before and after numbers are retyped."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cellprop
import reading
from cellprop.faces.layout import lay_out
from conftest import slow_but
from reading import disagreements, expected, formulas, homes
from retyping import retyped
from test_focus import assert_calculates, boxes

LAYOUTS = ("flip-book", "close-up")
BOTH = pytest.mark.parametrize("layout", LAYOUTS)

SOFTMAX = {"output_activation": "softmax", "loss": "cross_entropy"}
# Samples, sizes, what the network is, how it is trained.
CASES: dict[str, tuple[int, list[int], dict[str, Any], dict[str, Any]]] = {
    "iris": (6, [4, 3, 3], SOFTMAX, {"scale": "standard"}),
    "twenty": (20, [3, 4, 1], {}, {"scale": "minmax"}),
    "two layers": (4, [3, 4, 3, 2], {"activation": "tanh"}, {"optimizer": "adam", "average": True}),
    "four": (5, [3, 4, 4], SOFTMAX, {}),
    "linear": (4, [2, 3, 2], {"activation": "leaky_relu", "output_activation": "linear"}, {}),
}
NAMES = ["article", "xor", *CASES]
ALL = pytest.mark.parametrize("name", slow_but(["article", "twenty"], NAMES))


@cache
def case(name: str) -> cellprop.Trace:
    if name == "article":
        return cellprop.article()
    if name == "xor":
        return cellprop.example("xor", epochs=0)
    samples, sizes, network, training = CASES[name]
    return reading.traced(cellprop.Network(sizes, **network), samples, **training)


@cache
def changes(name: str) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """An input, a weight and the rate retyped; and every matrix that then follows."""
    trace = case(name)
    raw, weights = trace.program.matrices[0].name, next(iter(trace.parameters))
    typed = {name: np.array(trace.values[name]) for name in (raw, "lr", *trace.start)}
    typed[raw][-1, 0] += 0.75
    typed[weights][0, -1] -= 1.25
    typed["lr"][0, 0] *= 1.5
    options = dict(trace.options)
    fresh = cellprop.trace(
        trace.network, typed[raw], trace.values["y"], learning_rate=typed["lr"].item(),
        parameters={name: typed[name] for name in trace.start}, **options,
    )  # fmt: skip
    return {name: typed[name] for name in (raw, weights, "lr")}, fresh.values


def books(name: str, layout: str) -> dict[str, tuple[Any, Any]]:
    """The workbook without its values and with numbers retyped, each with what is expected."""
    trace = case(name)
    typed, numbers = changes(name)
    return {
        "before": (reading.without_values(trace, layout), trace.values),
        "after": (retyped(trace, typed, layout), numbers),
    }


# --- Engines ------------------------------------------------------------------------------


@ALL
@BOTH
def test_ironcalc_and_the_trace_agree_on_every_formula(name, layout, tmp_path):
    path = tmp_path / "book.xlsx"
    path.write_bytes(reading.content(case(name), layout))
    found = cellprop.verify(path)
    assert found.ok, found.differences[:3]
    assert found.largest_difference <= 1e-12


@ALL
@BOTH
def test_ironcalc_follows_an_input_a_weight_and_the_rate(name, layout, tmp_path):
    trace = case(name)
    for book, numbers in books(name, layout).values():
        model = reading.ironcalc_model(reading.saved(book, tmp_path / "book.xlsx"))
        found = reading.computed_by_ironcalc(model, expected(trace, layout=layout))
        assert disagreements(found, trace, numbers, layout=layout) == []
    assert not np.array_equal(numbers["wout_new"], trace.values["wout_new"])


@pytest.mark.slow
def test_libreoffice_follows_an_input_a_weight_and_the_rate(libreoffice, tmp_path):
    found = {
        f"{name} {layout} {when}": (case(name), layout, *pair)
        for name in NAMES
        for layout in LAYOUTS
        for when, pair in books(name, layout).items()
    }
    files = [
        reading.saved(reading.without_extras(book), tmp_path / f"{name}.xlsx")
        for name, (_, _, book, _) in found.items()
    ]
    recalculated, _ = reading.converted_by_libreoffice(libreoffice, files, tmp_path)
    assert set(recalculated) == set(found)
    for name, (trace, layout, _, numbers) in found.items():
        assert reading.errors_of(recalculated[name]) == [], name
        computed = reading.numbers_of(recalculated[name])
        assert disagreements(computed, trace, numbers, layout=layout) == [], name


# --- The same in both -----------------------------------------------------------------------


@ALL
@BOTH
def test_each_update_shows_its_change_as_a_matrix_of_its_own(name, layout):
    trace = case(name)
    book = formulas(trace, layout)
    for step in trace.program.steps:
        sheet = book[f"Step {step.label}"]
        said = {cell.value for row in sheet for cell in row if cell.style in reading.NAMES_OF}
        found = {text for text in said if text and reading.MINUS in text}
        computed = {matrix.name for matrix in step.computed}
        moves = {m.name for new, m in trace.program.moves.items() if new in computed}
        assert found == moves


@ALL
def test_every_matrix_holds_the_same_numbers_and_formats_in_both(name):
    trace = case(name)
    one, other = (formulas(trace, layout) for layout in LAYOUTS)
    assert one.sheetnames == other.sheetnames
    assert set(homes(one)) == set(homes(other))
    for matrix, (sheet, bounds) in homes(one).items():
        there, others = homes(other)[matrix]
        assert there == sheet
        stored = [
            reading.block(reading.values(trace, layout)[sheet], box)
            for layout, box in zip(LAYOUTS, (bounds, others), strict=True)
        ]
        assert stored[0] == stored[1], matrix
        codes = [
            [book[sheet].cell(*cell).number_format for cell in reading.cells_of(box)]
            for book, box in ((one, bounds), (other, others))
        ]
        assert codes[0] == codes[1], matrix


@ALL
def test_what_is_said_of_the_cell_in_focus_is_the_same_in_both(name):
    trace = case(name)
    said = []
    for layout in LAYOUTS:
        book = reading.values(trace, layout)
        said.append(
            [
                (sheet.title, sheet.cell(3, 3).value, sheet.cell(4, 3).value)
                for _, sheet in reading.steps(book)
                if boxes(formulas(trace, layout)[sheet.title])
            ]
        )
    assert said[0] == said[1]
    for title, _, text in said[0]:
        last = reading.computed(trace, reading.step_of(title))[-1]
        assert_calculates(trace, text, last, 0, 0)


@ALL
def test_the_sheets_after_the_steps_are_the_same_in_both(name):
    trace = case(name)
    one, other = (reading.values(trace, layout) for layout in LAYOUTS)
    for sheet in one.worksheets:
        if not sheet.title.startswith("Step "):
            rows = [list(s.iter_rows(values_only=True)) for s in (sheet, other[sheet.title])]
            if sheet.title != "Contents":  # which says how to turn the pages of each
                assert rows[0] == rows[1], sheet.title


# --- Pictures -----------------------------------------------------------------------------


def pictures(trace: cellprop.Trace, layout: str) -> dict[str, str]:
    """What is said of the picture of the network on each sheet, for whoever can't see it."""
    parts = reading.parts(reading.content(trace, layout))
    found = {}
    for number, title in enumerate(formulas(trace, layout).sheetnames, 1):
        relations = parts.get(f"xl/worksheets/_rels/sheet{number}.xml.rels", b"").decode()
        for drawing in re.findall(r"drawings/(\d+\.xml)", relations):
            for said in re.findall(
                r'descr="(Network[^"]*)"', parts[f"xl/drawings/{drawing}"].decode()
            ):
                assert title not in found
                found[title] = said
    return found


@ALL
@BOTH
def test_a_picture_stands_on_the_contents_and_on_every_step_and_says_what_is_lit(name, layout):
    trace = case(name)
    found = pictures(trace, layout)
    titles = [s.title for _, s in reading.steps(formulas(trace, layout))]
    assert set(found) == {"Contents", *titles}
    assert "Lit in this step" not in found["Contents"]
    lit = {title: found[title].partition("Lit in this step: ")[2] for title in titles}
    assert all(lit.values())
    assert len(set(lit.values())) > 3
    assert found == pictures(trace, LAYOUTS[0])


def test_a_file_of_either_layout_is_the_same_bytes_again(tmp_path: Path):
    for layout in LAYOUTS:
        path = cellprop.article().to_excel(tmp_path / f"{layout}.xlsx", layout=layout)
        assert path.read_bytes() == reading.content(cellprop.article(), layout)


def test_in_a_close_up_the_name_of_what_a_step_reads_leads_to_where_it_is_computed():
    trace = cellprop.article()
    layout = lay_out(trace.program, "close-up")
    home = {m.name: step for step in trace.program.steps for m in step.brings}
    book = reading.formulas(trace, "close-up")
    for step in trace.program.steps:
        sheet = book[f"Step {step.label}"]
        for place in layout.on(step).places:
            link = sheet[f"{place.columns[0]}{place.name_row}"].hyperlink
            brought = home.get(place.matrix.name)
            if brought in (None, step):
                assert link is None
            else:
                there = layout.places[place.matrix.name].address(0, 0)
                assert link.location == f"'Step {brought.label}'!{there}"


def test_in_a_flip_book_where_every_matrix_keeps_its_place_no_name_leads_elsewhere():
    book = reading.formulas(cellprop.article(), "flip-book")
    for sheet in book.worksheets[1:13]:
        assert [c.row for row in sheet for c in row if c.hyperlink and c.row > 4] == []
