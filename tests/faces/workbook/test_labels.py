"""Labels of samples and columns: whatever they say, they stay text and the workbook works."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import load_workbook
from rich.cells import cell_len

import cellprop
import reading
from cellprop.files.safe import label
from cellprop.texts.formats import WIDEST_HEAD, lines, width_above
from conftest import slow_but
from reading import block, content, formulas, steps

# Labels that have broken files, terminals or spreadsheets elsewhere.
NASTY = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "=HYPERLINK(\"http://x\",\"y\")",
    "a\x00b",
    "\x1b[31mred",
    "two\nlines",
    "tab\there",
    "_x0041_",
    "<b>&amp;\"'",
    "]]>",
    "Größe",
    "体重",
    "الوزن",
    "משקל",
    "👩‍🔬",
    "e\u0301",
    "\u202egnp.exe",
    "\ufffe",
    "\ud800",
    "#REF!",
    "TRUE",
    "1E5",
    "",
    " ",
    "'quoted",
    "x" * 300,
    "=" + "体" * 300,
]  # fmt: skip


def labelled(columns, index) -> cellprop.Trace:
    random = np.random.default_rng(0)
    X = pd.DataFrame(random.random((len(index), len(columns))), index=index, columns=columns)
    network = cellprop.Network([len(columns), 2, 1])
    return cellprop.trace(network, X, random.random(len(index)), seed=0)


@pytest.fixture(scope="module")
def trace():
    return labelled(NASTY[:10], NASTY)


@pytest.fixture(scope="module")
def other():
    return labelled(NASTY, NASTY[-3:])


def cells(trace):
    return [c for s in formulas(trace).worksheets for row in s.iter_rows() for c in row]


def shown(text: str | None) -> str:
    """Text as a spreadsheet shows it."""
    return text or ""


def is_or_begins(shown_: str, given_: str) -> bool:
    """Whether a label is shown, or its beginning with an ellipsis."""
    safe = label(given_)
    cut = shown_.endswith("…") and len(shown_) > 1 and safe.startswith(shown_[:-1])
    return shown_ == safe or cut


def labels_of_rows(trace, sheet, name: str) -> list[str]:
    return next(found for found, _ in labels_of(trace, sheet, name))


def labels_of_columns(trace, sheet, name: str) -> list[str]:
    return next(found for _, found in labels_of(trace, sheet, name))


def labels_of(trace, sheet, name: str) -> list[tuple[list[str], list[str]]]:
    """The labels of the rows and columns of a matrix, wherever it stands on a sheet."""
    labels = []
    for found in reading.standing(trace, sheet):
        if found.name == name:
            top, left, bottom, right = found.bounds
            rows = [shown(r[0]) for r in block(sheet, (top, left - 1, bottom, left - 1))]
            columns = [shown(t) for t in block(sheet, (top - 1, left, top - 1, right))[0]]
            labels.append((columns, rows) if found.turned else (rows, columns))
    return labels


@pytest.mark.parametrize("which", ["trace", "other"])
def test_labels_stay_text(which, request):
    trace = request.getfixturevalue(which)
    count = 0
    for cell in cells(trace):
        if cell.style in ("label", "body"):
            assert cell.data_type in ("s", "n", "inlineStr"), cell.value
            assert cell.value is None or isinstance(cell.value, str)
            count += cell.value is not None
    assert count > 100
    assert not {c.value for c in cells(trace) if c.data_type == "f"} & set(NASTY)


@pytest.mark.parametrize("layout", ["flip-book", "close-up"])
def test_labels_stand_beside_their_rows_and_above_their_columns(trace, layout):
    sheets = 0
    for _, sheet in steps(formulas(trace, layout)):
        for rows, columns in labels_of(trace, sheet, "X"):
            sheets += 1
            both = zip([*rows, *columns], [*NASTY, *NASTY[:10]], strict=True)
            for found, meant in both:
                assert is_or_begins(found, meant), (found, meant)
    assert sheets == (12 if layout == "flip-book" else 3)


@pytest.mark.parametrize("layout", ["flip-book", "close-up"])
def test_row_labels_follow_the_samples_through_the_network(trace, layout):
    book = formulas(trace, layout)
    (given,) = [sheet for _, sheet in steps(book) if sheet.title == "Step 0"]
    wanted = labels_of(trace, given, "X")[0]
    for _, sheet in steps(book):
        for rows, _ in labels_of(trace, sheet, "output"):
            assert rows == wanted[0] or sheet.title in ("Step 0", "Step 1", "Step 2", "Step 3")
        for rows, _ in labels_of(trace, sheet, "wh"):
            assert rows[:4] == wanted[1][:4] or sheet.title == "Step 0"


def test_the_samples_of_a_batch_keep_their_labels_through_all_layers():
    names = [f"sample {letter}" for letter in "abcdefg"]
    X = pd.DataFrame(np.random.default_rng(0).random((7, 2)), index=names, columns=["p", "q"])
    trace = cellprop.trace(
        cellprop.Network([2, 2, 3, 1]), X, np.zeros(7), seed=4, batch_size=3, shuffle=True
    )
    shown_names = list(trace["X"].index)
    assert len(shown_names) == 3
    assert shown_names != names[:3]
    assert trace["X"].to_numpy().tolist() == X.loc[shown_names].to_numpy().tolist()
    sheet = formulas(trace, "flip-book")["Step 11"]
    for name in ("X", "y", "hiddenlayer_activations_2", "output", "d_hiddenlayer_1"):
        assert labels_of_rows(trace, sheet, name) == shown_names
    assert labels_of_columns(trace, sheet, "wh_2") == ["h2.1", "h2.2", "h2.3"]
    assert labels_of_rows(trace, sheet, "wh_2_new") == ["h1.1", "h1.2"]
    for _, sheet in steps(formulas(trace, "close-up")):
        for name in ("X", "y", "hiddenlayer_activations_2", "output", "d_hiddenlayer_1"):
            assert all(rows == shown_names for rows, _ in labels_of(trace, sheet, name))


@pytest.mark.parametrize("which", ["trace", "other"])
def test_text_that_looks_like_a_formula_is_marked_as_text(which, request):
    marked = dict.fromkeys(("label", "body", "sign", "fold"), 0)
    for cell in cells(request.getfixturevalue(which)):
        if isinstance(cell.value, str) and cell.value and cell.data_type != "f":
            begins = cell.value[0] in "=+-@"
            assert bool(cell.quotePrefix) == begins, (cell, cell.value)
            if begins:
                marked[cell.style] += 1
    assert all(marked.values())


LONG = [
    "Concrete compressive strength(MPa, megapascals)",
    "Donaudampfschifffahrtsgesellschaftskapitän",
    "kg in a m^3 of the mixture, before it is poured",
    "=1+1 is not a formula here, however it looks",
]


# What stands above the matrices, where there is room for one line.
HEADINGS = ("caption", "formula", "code", "numbers")


@pytest.fixture(scope="module")
def long():
    """Two inputs, samples and classes with long names; trained, so that there is every sheet."""
    X = pd.DataFrame(np.random.default_rng(0).random((4, 2)), index=LONG, columns=LONG[:2])
    y = pd.DataFrame(np.eye(4)[:, :3][[0, 1, 2, 0]], columns=LONG[1:])
    network = cellprop.Network([2, 3, 3], loss="cross_entropy")
    return cellprop.trace(network, X, y, seed=0, epochs=4)


def heights_lack(sheet, texts) -> list[str]:
    """The labels that do not fit in their cells, by a cautious count of their lines.

    A label's letters are smaller than those by which a column's width is measured.
    """
    style = {s.name: s.font.sz for s in sheet.parent._named_styles}
    found = []
    first = reading.FIRST_LANE if sheet.title.startswith("Step") else 1
    for row in sheet.iter_rows(min_row=first):
        for cell in row:
            if cell.style == "label" and shown(str(cell.value or "")) in texts:
                text = shown(cell.value)
                width = sheet.column_dimensions[cell.column_letter].width
                broken = cell.alignment.wrap_text
                count = len(lines(text, int(width * style["known"] / style["label"])))
                height = sheet.row_dimensions[cell.row].height
                if (count > 1 and not broken) or count * style["label"] * 1.2 > height:
                    found.append(f"{sheet.title} {cell.coordinate}: {text}")
    return found


def test_a_long_label_stands_whole_in_its_cell_on_every_sheet(long):
    book = formulas(long)
    for name in [*(sheet.title for _, sheet in steps(book)), "Predictions", "Training"]:
        texts = {
            shown(c.value)
            for row in book[name]
            for c in row
            if isinstance(c.value, str) and c.style not in HEADINGS
        }
        if not name.startswith("Step") or labels_of(long, book[name], "X"):
            assert set(LONG[:2]) <= texts, name
        assert not [t for t in texts if t.endswith("…")], name
        assert heights_lack(book[name], LONG) == []
    for title, of in (("Step 2", "X"), ("Step 4", "output")):
        assert labels_of_rows(long, book[title], of) == LONG


def test_classes_with_long_names_are_called_in_full_where_they_are_decided(long):
    sheet = reading.values(long)["Predictions"]
    texts = [c.value for row in sheet for c in row if c.style in ("active", "known")]
    assert {text for text in texts if isinstance(text, str)} >= set(LONG[1:3])


def test_a_workbook_with_long_labels_verifies(long, tmp_path):
    path = tmp_path / "book.xlsx"
    path.write_bytes(content(long))
    assert cellprop.verify(path).ok


@pytest.mark.parametrize("which", ["trace", "other"])
def test_every_label_fits_in_its_cell_in_as_many_lines_as_it_takes(which, request):
    for _, sheet in steps(formulas(request.getfixturevalue(which))):
        found = {shown(c.value) for row in sheet for c in row if c.style == "label"}
        assert heights_lack(sheet, found) == []


@given(st.text(max_size=80), st.integers(1, 30))
@settings(max_examples=40)
def test_the_lines_of_a_text_hold_all_of_it_and_are_no_wider_than_asked(text, width):
    found = lines(text, width)
    assert all(cell_len(line) <= max(width, 2) for line in found)
    assert "".join(found).replace(" ", "") == text.replace(" ", "")


@given(st.text("abc ", min_size=1, max_size=60), st.integers(1, 20))
@settings(max_examples=40)
def test_a_column_gets_as_wide_as_its_words_and_no_wider_than_it_helps(label, least):
    width = width_above(label, least)
    assert width <= WIDEST_HEAD
    longest = max(map(len, label.split(" ")))
    assert width >= min(longest, WIDEST_HEAD)
    if len(label) <= min(least, WIDEST_HEAD):
        assert width <= least


def test_labels_cut_on_a_sheet_stand_in_full_on_the_contents(trace):
    on_sheets = {shown(c.value) for c in cells(trace) if c.style == "label"}
    on_contents = {shown(c.value) for c in cells(trace) if c.style == "body"}
    cut = {label(text) for text in NASTY} - on_sheets - {""}
    assert label("x" * 300) in cut
    assert label("=" + "体" * 300) in cut
    assert cut <= on_contents


def test_without_long_labels_the_contents_list_none():
    short, long = (labelled([text, "b"], ["c", "d"]) for text in ("a" * 40, "a" * 400))
    values = [{c.value for c in formulas(t)["Contents"]["A"]} for t in (short, long)]
    assert "Full labels" not in values[0]
    assert "Full labels" in values[1]


def test_rows_for_very_long_labels_are_no_taller_than_a_spreadsheet_allows():
    trace = labelled(["a" * 20_000, "体" * 40_000], ["c", "d"])
    for row in formulas(trace)["Contents"].row_dimensions.values():
        assert (row.height or 0) <= 409
    assert max(len(str(c.value or "")) for c in cells(trace)) <= 32_767


@pytest.mark.parametrize("which", slow_but(["other"], ["trace", "other"]))
def test_the_workbook_verifies(which, request, tmp_path):
    path = tmp_path / "book.xlsx"
    path.write_bytes(content(request.getfixturevalue(which)))
    assert cellprop.verify(path).ok


@pytest.mark.slow
@given(st.lists(st.text(max_size=40), min_size=3, max_size=3))
@settings(max_examples=8)
def test_any_label_gives_a_workbook_that_verifies(labels):
    with tempfile.TemporaryDirectory() as folder:
        trace = labelled(labels[:2], labels)
        path = trace.to_excel(Path(folder) / "book.xlsx")
        assert cellprop.verify(path).ok
        sheet = load_workbook(path)["Step 0"]
        for found, meant in zip(labels_of_rows(trace, sheet, "X"), labels, strict=True):
            assert is_or_begins(found, meant), (found, meant)


@pytest.mark.slow
def test_libreoffice_reads_the_labels_and_the_numbers(libreoffice, trace, other, tmp_path):
    for name, book in (("trace", trace), ("other", other)):
        (tmp_path / f"{name}.xlsx").write_bytes(content(book))
    files = [tmp_path / "trace.xlsx", tmp_path / "other.xlsx"]
    books, _ = reading.converted_by_libreoffice(libreoffice, files, tmp_path)
    for name, book in (("trace", trace), ("other", other)):
        assert reading.disagreements(reading.numbers_of(books[name]), book) == []
        ours = formulas(book)["Step 2"]
        for row in ours.iter_rows(min_row=reading.FIRST_LANE):
            for cell in row:
                if cell.style == "label" and cell.value and cell.value.isprintable():
                    assert books[name]["Step 2"][cell.coordinate].value == shown(cell.value)
