"""The network as a drawing: what is lit in each step, what is drawn, and the file it gets into."""

from __future__ import annotations

import re
import zipfile
from functools import cache
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import openpyxl
import pytest
from openxml_audit import OpenXmlValidator

import cellprop
import reading
from cellprop.faces.workbook import drawing, shapes, xml
from cellprop.faces.workbook.charts import Chart, Series
from cellprop.faces.workbook.drawing import Lit, parts_lit
from cellprop.faces.workbook.frame import Frame
from cellprop.faces.workbook.theme import load as load_theme
from cellprop.texts.words import Words, load
from reading import example

WORDS = load()
SHEET = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
DRAWN = "{http://schemas.openxmlformats.org/drawingml/2006/spreadsheetDrawing}"
SHAPE = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"


@cache
def program(*sizes: int, **network):
    samples = 4
    X, y = np.ones((samples, sizes[0])), np.full((samples, sizes[-1]), 0.5)
    return cellprop.trace(
        cellprop.Network(sizes, **network), X, y, seed=1, learning_rate=0.1
    ).program


def lit(neurons=(), outlined=(), edges=(), back=()) -> Lit:
    return Lit(*map(frozenset, (neurons, outlined, edges, back)))


def all_lit(of) -> dict[str, Lit]:
    return {step.label: parts_lit(of, step) for step in of.steps}


def tree(drawn: shapes.Drawing) -> ElementTree.Element:
    return ElementTree.fromstring(shapes.part([shapes.Placed(drawn, 1, 1, 0, 0)]))


def texts(drawn: shapes.Drawing) -> list[str]:
    return [
        text for found in tree(drawn).iter(f"{SHAPE}t") for text in found.text.split("\t") if text
    ]


def texted(**changed: str) -> Words:
    return Words(WORDS.texts | {f"drawing.{key}": text for key, text in changed.items()})


# --- What is lit --------------------------------------------------------------------------


def test_in_the_article_what_each_step_is_about_is_lit():
    assert all_lit(cellprop.article().program) == {
        "0": lit([0], [2]),  # the samples, and what the outputs should be
        "1": lit([], [1, 2], [1, 2]),  # weights at the edges, biases at the neurons
        "2": lit([], [1], [1]),
        "3": lit([1]),
        "4": lit([2], [], [2]),
        "5": lit([2]),
        "6": lit([1, 2]),
        "7": lit([2]),
        "8": lit([1], back=[2]),
        "9": lit([1]),
        "10": lit(edges=[1, 2]),
        "11": lit(outlined=[1, 2]),
    }


def test_with_two_hidden_layers_each_has_its_steps():
    assert all_lit(program(4, 3, 2, 1)) == {
        "0": lit([0], [3]),
        "1": lit([], [1, 2, 3], [1, 2, 3]),
        "2.1": lit([], [1], [1]),
        "3.1": lit([1]),
        "2.2": lit([], [2], [2]),
        "3.2": lit([2]),
        "4": lit([3], [], [3]),
        "5": lit([3]),
        "6": lit([1, 2, 3]),
        "7": lit([3]),
        "8.2": lit([2], back=[3]),
        "9.2": lit([2]),
        "8.1": lit([1], back=[2]),
        "9.1": lit([1]),
        "10": lit(edges=[1, 2, 3]),
        "11": lit(outlined=[1, 2, 3]),
    }


def test_layers_of_one_size_are_told_apart():
    assert all_lit(program(2, 2, 2, 2)) == all_lit(program(4, 3, 2, 1))


def test_without_hidden_layers_the_outputs_are_all_there_is():
    found = all_lit(program(3, 2))
    assert found["1"] == lit([], [1], [1])
    assert found["4"] == lit([1], [], [1])
    assert set(found) == {"0", "1", "4", "5", "6", "7", "10", "11"}


def test_without_biases_no_neuron_is_outlined_for_them():
    found = all_lit(program(3, 2, 1, bias=False))
    assert found["1"] == found["10"] == lit(edges=[1, 2])


@pytest.mark.parametrize("name", reading.NAMES)
def test_something_is_lit_in_every_step_of_any_network_and_said(name):
    of = example(name).program
    for step in of.steps:
        assert parts_lit(of, step) != Lit(), step.label
        assert "Lit in this step: " in drawing.small(WORDS, of, step).says


@pytest.mark.parametrize("name", reading.NAMES)
def test_edges_that_are_gone_back_are_lit_in_steps_back_only(name):
    of = example(name).program
    assert {step.kind for step in of.steps if parts_lit(of, step).back} <= {"backward"}


# --- What is drawn ------------------------------------------------------------------------


def test_the_large_one_has_a_circle_for_each_neuron_and_a_connector_for_each_edge():
    root = tree(drawing.large(WORDS, cellprop.article().program))
    forms = [form.get("prst") for form in root.iter(f"{SHAPE}prstGeom")]
    assert (forms.count("ellipse"), forms.count("roundRect"), forms.count("line")) == (8, 0, 15)


def test_connectors_are_tied_to_circles_that_are_there():
    root = tree(drawing.large(WORDS, program(4, 3, 2, 1)))
    circles = {
        shape.find(f".//{DRAWN}cNvPr").get("id")
        for shape in root.iter(f"{DRAWN}sp")
        if shape.find(f".//{SHAPE}prstGeom").get("prst") == "ellipse"
    }
    ends = [
        (line.find(f".//{SHAPE}stCxn").get("id"), line.find(f".//{SHAPE}endCxn").get("id"))
        for line in root.iter(f"{DRAWN}cxnSp")
    ]
    assert len(set(ends)) == len(ends) == 4 * 3 + 3 * 2 + 2
    assert {end for both in ends for end in both} == circles


def test_a_layer_of_more_than_six_neurons_is_a_block_with_their_number():
    six, seven = program(2, 6, 1), program(2, 7, 1)
    for made, blocks in ((six, 0), (seven, 1)):
        found = drawing.large(WORDS, made)
        assert found.xml.count('prst="roundRect"') == blocks
        for drawn in (found, drawing.small(WORDS, made, made.steps[-1])):
            assert texts(drawn).count("7") == blocks


def test_between_two_blocks_there_is_one_thick_connector():
    found = drawing.large(WORDS, program(784, 32, 10))
    assert found.xml.count("<cxnSp>") == 2
    assert {"784", "32", "10"} <= set(texts(found))


def test_where_there_would_be_too_many_edges_the_largest_layers_are_blocks():
    found = drawing.large(WORDS, program(6, 6, 6, 6, 6, 6))
    assert found.xml.count("<cxnSp>") <= drawing.MOST_EDGES
    assert found.xml.count('prst="roundRect"') > 0


def test_columns_are_labelled_and_the_large_one_names_the_weights():
    made = program(4, 3, 2, 1)
    labels = ["inputs", "hidden 1", "hidden 2", "outputs"]
    assert texts(drawing.large(WORDS, made)) == [*labels, *(
        layer.weights.name for layer in made.forward.layers
    )]  # fmt: skip
    assert texts(drawing.small(WORDS, made, made.steps[0])) in (
        labels, ["inputs", "1", "2", "outputs"]
    )  # fmt: skip


def test_labels_that_do_not_fit_are_shorter_or_left_out():
    several = drawing.small(WORDS, program(2, 1, 1, 1, 1), program(2, 1, 1, 1, 1).steps[0])
    assert texts(several) == ["inputs", "1", "2", "3", "outputs"]
    many = program(2, *[1] * 20, 1)
    assert texts(drawing.small(WORDS, many, many.steps[0])) == ["inputs", "outputs"]
    assert texts(drawing.large(WORDS, many)) == ["inputs", "outputs"]


@pytest.mark.parametrize(
    "sizes", [(1, 1), (4, 3, 1), (6, 6, 6), (784, 32, 10), (2, *[3] * 32, 1), (10**4, 7, 1)]
)
def test_all_that_is_drawn_is_within_the_drawing(sizes):
    made = program(*sizes)
    for drawn in (drawing.large(WORDS, made), drawing.small(WORDS, made, made.steps[0])):
        width, height = drawn.width, drawn.height
        for place in list(tree(drawn).iter(f"{SHAPE}xfrm"))[1:]:  # the first is of the group
            off, ext = place.find(f"{SHAPE}off"), place.find(f"{SHAPE}ext")
            left, top = int(off.get("x")), int(off.get("y"))
            across, down = int(ext.get("cx")), int(ext.get("cy"))
            assert 0 <= left <= left + across <= width
            assert 0 <= top <= top + down <= height
        for point in tree(drawn).iter(f"{SHAPE}pt"):
            assert 0 <= int(point.get("x")) <= drawn.width
            assert 0 <= int(point.get("y")) <= drawn.height


def test_a_path_of_edges_has_each_edge_once():
    for left, right in ((1, 1), (4, 3), (3, 1), (6, 6), (2, 5), (5, 5)):
        sketch = drawing.Sketch(WORDS, program(left, right), drawing.SMALL)
        before, after = sketch.columns
        found = []
        for path in drawing._lines(before, after):
            numbers = re.findall(r'x="(\d+)" y="(\d+)"', path)
            points = [(int(x), int(y)) for x, y in numbers]
            found += [frozenset(each) for each in pairwise(points)]
        edges = {frozenset([a, b]) for a in before.right for b in after.left}
        assert set(found) == edges
        assert len(found) == left * right


def test_where_deltas_go_back_arrows_end_at_the_layer_before():
    made = cellprop.article().program
    for step in made.steps:
        root = tree(drawing.small(WORDS, made, step))
        arrows = list(root.iter(f"{SHAPE}tailEnd"))
        assert bool(arrows) == bool(parts_lit(made, step).back)
        if arrows:
            (shape,) = (
                s for s in root.iter(f"{DRAWN}sp") if s.find(f".//{SHAPE}tailEnd") is not None
            )
            path = shape.find(f".//{SHAPE}path[@fill='none']")
            xs = [int(point.get("x")) for point in path.iter(f"{SHAPE}pt")]
            assert all(start > end for start, end in zip(xs[::2], xs[1::2], strict=True))


def test_the_alternative_text_says_what_is_there_and_what_is_lit():
    made = cellprop.article().program
    said = "Network, from left to right: inputs (4), hidden (3), outputs (1)."
    assert drawing.large(WORDS, made).says == said
    (back,) = (step for step in made.steps if parts_lit(made, step).back)
    small = drawing.small(WORDS, made, back)
    assert small.says == ("Network. Lit in this step: hidden; edges back from outputs to hidden.")
    assert (
        tree(small).find(f".//{DRAWN}grpSp/{DRAWN}nvGrpSpPr/{DRAWN}cNvPr").get("descr")
        == small.says
    )


def test_texts_never_become_markup():
    nasty = '<a:t>&amp; "x" ]]> \' _x0041_'
    words = texted(inputs=nasty, says=nasty, lit=nasty, name=nasty)
    made = cellprop.article().program
    for drawn in (drawing.large(words, made), drawing.small(words, made, made.steps[0])):
        assert nasty in texts(drawn)
        group = tree(drawn).find(f".//{DRAWN}grpSp/{DRAWN}nvGrpSpPr/{DRAWN}cNvPr")
        assert (group.get("name"), group.get("descr")) == (nasty, drawn.says)
        assert drawn.says.startswith(nasty)


def test_a_small_one_is_small():
    made = cellprop.article().program
    for step in made.steps:
        part = shapes.part([shapes.Placed(drawing.small(WORDS, made, step), 30, 1, 0, 0)])
        assert len(part) < 3500
        assert part.count("<sp>") == 2  # pale, with all labels, and lit


# --- In a file ----------------------------------------------------------------------------


def saved(*, chart: bool = False, comment: bool = False, drawings: int = 1) -> bytes:
    """A workbook of two sheets, the second with drawings and what else is asked for."""
    frame, made = Frame(load_theme(), "Test"), cellprop.article().program
    sheets = [frame.sheet("one"), frame.sheet("two")]
    if comment:
        frame.add_comment(sheets[1], "A1", "a comment")
    if chart:
        ranges = "'two'!$A$1:$A$2", "'two'!$B$1:$B$2"
        frame.add_chart(sheets[1], "A1", Chart("t", "x", "y", [Series("s", *ranges)], "says it"))
    for number in range(drawings):
        drawn = drawing.small(WORDS, made, made.steps[number])
        frame.add_drawing(sheets[1], 3, 5 + number, drawn, dx=2, dy=7)
    if drawings:
        frame.add_drawing(sheets[1], 1, 1, drawing.large(WORDS, made))
    rows = {frame.sheet_path(sheet): [] for sheet in sheets}
    file = BytesIO()
    xml.assemble(xml.parts_of(frame.saved()), rows, file)
    return file.getvalue()


def parts(file: bytes) -> dict[str, str]:
    with zipfile.ZipFile(BytesIO(file)) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}


EVERY = pytest.mark.parametrize(
    "also",
    [{}, {"chart": True}, {"comment": True}, {"chart": True, "comment": True}, {"drawings": 3}],
)


@EVERY
def test_the_part_the_reference_and_the_content_type_are_there(also):
    found = parts(saved(**also))
    assert [name for name in found if re.fullmatch(r"xl/drawings/\d+\.xml", name)] == [
        "xl/drawings/1.xml"
    ]
    assert 'PartName="/xl/drawings/1.xml"' in found["[Content_Types].xml"]
    sheet = ElementTree.fromstring(found["xl/worksheets/sheet2.xml"])
    (reference,) = sheet.iter(f"{SHEET}drawing")
    relations = ElementTree.fromstring(found["xl/worksheets/_rels/sheet2.xml.rels"])
    (target,) = (r for r in relations if r.get("Id") == reference.get(f"{RELATION}id"))
    assert target.get("Target") == "../drawings/1.xml"
    assert target.get("Type").endswith("/drawing")
    assert "drawing" not in found["xl/worksheets/sheet1.xml"]


@EVERY
def test_ids_are_unique_and_drawings_stand_beside_charts(also):
    root = ElementTree.fromstring(parts(saved(**also))["xl/drawings/1.xml"])
    numbers = [found.get("id") for found in root.iter(f"{DRAWN}cNvPr")]
    assert len(set(numbers)) == len(numbers)
    ends = [e.get("id") for name in ("stCxn", "endCxn") for e in root.iter(f"{SHAPE}{name}")]
    assert set(ends) <= set(numbers)
    assert len(list(root.iter(f"{DRAWN}grpSp"))) == also.get("drawings", 1) + 1
    assert len(list(root.iter(f"{DRAWN}graphicFrame"))) == also.get("chart", False)


def test_a_drawing_stands_where_it_was_put():
    root = ElementTree.fromstring(parts(saved())["xl/drawings/1.xml"])
    anchor = root.find(f"{DRAWN}oneCellAnchor")
    place = {each.tag.removeprefix(DRAWN): int(each.text) for each in anchor.find(f"{DRAWN}from")}
    assert place == {"col": 2, "colOff": 2 * 9525, "row": 4, "rowOff": 7 * 9525}
    assert anchor.find(f"{DRAWN}ext").attrib == {"cx": str(190 * 9525), "cy": str(100 * 9525)}


def test_the_reference_stands_before_that_of_comments():
    sheet = parts(saved(comment=True))["xl/worksheets/sheet2.xml"]
    assert 0 < sheet.index("<drawing ") < sheet.index("<legacyDrawing ")


def test_a_drawing_alone_refers_to_nothing():
    assert "xl/drawings/_rels/1.xml.rels" not in parts(saved())


@EVERY
def test_the_bytes_are_the_same_every_time(also):
    assert saved(**also) == saved(**also)


def test_a_drawing_is_the_same_whichever_parser_openpyxl_has_found(tmp_path):
    drawn = parts(saved(drawings=2))["xl/drawings/1.xml"]
    assert drawn.startswith(xml.OWN)
    assert drawn.count("xmlns") == 2


def test_without_drawings_no_part_is_there():
    assert not [name for name in parts(saved(drawings=0)) if "drawing" in name]


@EVERY
def test_openpyxl_opens_it_and_an_auditor_reports_nothing_new(also, tmp_path):
    file = saved(**also)
    assert openpyxl.load_workbook(BytesIO(file)).sheetnames == ["one", "two"]
    assert audited(tmp_path, file) <= audited(tmp_path, saved(**also | {"drawings": 0}))


def test_the_auditor_would_notice_a_shape_that_is_broken(tmp_path):
    broken = tmp_path / "broken.zip"
    with zipfile.ZipFile(broken, "w") as archive:
        for name, part in parts(saved()).items():
            archive.writestr(name, part.replace("<a:moveTo>", "<a:nonsense/><a:moveTo>", 1))
    assert audited(tmp_path, broken.read_bytes()) - audited(tmp_path, saved())


def audited(folder: Path, file: bytes) -> set[str]:
    path = folder / "book.xlsx"
    path.write_bytes(file)
    found = OpenXmlValidator(max_errors=10_000).validate(path)
    return {re.sub(r"\d+", "…", error.description) for error in found.errors}
