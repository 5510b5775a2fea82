"""Samples and first parameters are read from files; whatever is wrong in one is told in a line."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import numpy as np
import openpyxl
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellprop import CellpropError
from cellprop.files import datasets, opening, tables
from cellprop.files.datasets import read
from cellprop.files.safe import label
from cellprop.files.samples import table
from counting import grows_evenly, lines_run
from foreign_files import (
    LIMIT,
    NO_FILE,
    numbers,
    read_text,
    refused,
    repacked,
    sheet_of,
    written,
)

NAMES = ("wh", "bh", "wout", "bout")


# --- Samples: what is accepted ------------------------------------------------------------


def test_what_is_not_a_target_is_an_input_in_the_order_of_the_file(tmp_path):
    found = read_text(tmp_path, "b,y,a\n1,0,2\n3,1,4\n")
    assert found.inputs.column_labels == ("b", "a")
    assert found.inputs.values.tolist() == [[1, 2], [3, 4]]
    assert found.targets.column_labels == ("y",)
    assert found.targets.values.tolist() == [[0], [1]]
    assert (found.classes, found.target, found.targets.axis) == (None, "y", None)


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_separator_line_ending_and_byte_order_mark_are_found(tmp_path, separator, ending, mark):
    rows = ["height, cm;x", "y"], ["1.5", "2"], ["-3e2", ".5"]
    lines = [separator.join(f'"{cell}"' for cell in row) for row in rows]
    found = read_text(tmp_path, mark + ending.join(lines))
    assert found.inputs.column_labels == ("height, cm;x",)
    assert found.inputs.values.tolist() == [[1.5], [-300]]
    assert found.targets.values.tolist() == [[2], [0.5]]


def test_of_two_separators_the_one_that_finds_the_target_is_taken(tmp_path):
    assert read_text(tmp_path, "height, m;y\n1;2\n").inputs.column_labels == ("height, m",)


@pytest.mark.parametrize("name", ["a.csv", "a.txt", "a.tsv", "a.CSV"])
def test_text_is_read_whatever_its_ending(tmp_path, name):
    assert read(written(tmp_path, "a\ty\n1\t2\n", name), "y").inputs.values.tolist() == [[1]]


@pytest.mark.parametrize(
    "content",
    [
        "a,y\n1,2\n\n\n",
        "a,y\n1,2\n  \n,\n , \n",
        "\n\na,y\n1,2",
        " a , y \n 1 ,\t2 \n",
        'a,y\n"1","2"\n""\n',
    ],
)
def test_blank_lines_at_the_ends_and_blanks_around_cells_change_nothing(tmp_path, content):
    found = read_text(tmp_path, content)
    assert found.inputs.column_labels == ("a",)
    assert [found.inputs.values.tolist(), found.targets.values.tolist()] == [[[1]], [[2]]]


def test_a_target_of_text_becomes_a_column_for_each_class(tmp_path):
    found = read_text(tmp_path, 'a,y\n1,"b, c"\n2,a\n3, a \n4,"x\ny"\n')
    assert found.classes == found.targets.column_labels == ("a", "b, c", "x␊y")
    assert found.targets.values.tolist() == [[0, 1, 0], [1, 0, 0], [1, 0, 0], [0, 0, 1]]
    assert found.targets.columns("outputs", "o").name == "classes"


def test_whole_numbers_become_classes_in_their_order_when_asked(tmp_path):
    content = "a,y\n1,10\n3,9\n3,-1\n4,9.0\n"
    assert read_text(tmp_path, content).targets.values.tolist() == [[10], [9], [-1], [9]]
    found = read_text(tmp_path, content, classes=True)
    assert found.classes == ("-1", "9", "10")
    assert found.targets.values.tolist() == [[0, 0, 1], [0, 1, 0], [1, 0, 0], [0, 1, 0]]


def test_names_and_whole_numbers_become_classes_together_when_asked(tmp_path):
    found = read_text(tmp_path, "a,y\n1,3+\n2,2\n3,1\n", classes=True)
    assert found.classes == ("1", "2", "3+")


def test_several_targets_stay_numbers_in_the_order_asked_for(tmp_path):
    found = read_text(tmp_path, "y,a,z\n1,2,3\n4,5,6\n", ["z", " y "], classes=True)
    assert found.targets.values.tolist() == [[3, 1], [6, 4]]
    assert (found.target, found.classes, found.targets.axis) == ("z, y", None, None)


def test_truths_are_1_and_0_alone_and_among_numbers(tmp_path):
    for content in ("a,y\nTRUE,false\nFalse,true\n", "a,y\nTRUE,0\n0,true\n"):
        found = read_text(tmp_path, content)
        assert found.inputs.values.tolist() == [[1], [0]]
        assert found.targets.values.tolist() == [[0], [1]]


def test_a_hundred_classes_of_many_samples_are_classes(tmp_path):
    lines = [f"{i},c{i % 100}" for i in range(300)]
    assert len(read_text(tmp_path, "\n".join(["a,y", *lines])).classes) == 100


def test_excel_is_read_as_csv_is(tmp_path):
    rows = [["a", 7, "y"], [1, 2.5, "b"], [True, -3, " c "], [None, None, None], [None]]
    found = read(sheet_of(tmp_path, rows), "y")
    assert found.inputs.column_labels == ("a", "7")
    assert found.inputs.values.tolist() == [[1, 2.5], [1, -3]]
    assert found.classes == ("b", "c")


def test_the_first_sheet_is_read_even_if_the_file_says_that_it_is_smaller(tmp_path):
    path = repacked(
        sheet_of(tmp_path, [["a", "y"], [1, 2]]),
        "xl/worksheets/sheet1.xml",
        lambda xml: xml.replace('ref="A1:B2"', 'ref="A1:A1"'),
    )
    assert read(path, "y").targets.values.tolist() == [[2]]


def test_only_cells_with_something_in_them_count(tmp_path):
    book = openpyxl.Workbook()
    for row in (["a", "y"], [1, 2]):
        book.active.append(row)
    book.active["F900"].font = openpyxl.styles.Font(bold=True)
    book.save(tmp_path / "a.xlsx")
    assert read(tmp_path / "a.xlsx", "y").targets.values.tolist() == [[2]]


def test_a_dataset_is_ready_to_be_traced(tmp_path):
    inputs = read_text(tmp_path, "a,y\n1,2\n").inputs
    assert table("X", inputs) is inputs


names = (
    st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), max_size=9)
    .map(lambda name: name.strip())
    .filter(bool)
)


@settings(max_examples=200)
@given(st.data(), st.sampled_from(",;\t|"), st.sampled_from(["\n", "\r\n"]))
def test_any_numbers_and_labels_come_back_as_they_were_written(
    tmp_path_factory, data, separator, ending
):
    labels = data.draw(st.lists(names, min_size=2, max_size=5, unique_by=label))
    row = st.lists(numbers, min_size=len(labels), max_size=len(labels))
    rows = data.draw(st.lists(row, min_size=1, max_size=6))
    text = io.StringIO()
    writer = csv.writer(
        text, delimiter=separator, lineterminator=ending, quoting=csv.QUOTE_NONNUMERIC
    )
    writer.writerows([labels, *rows])
    path = written(tmp_path_factory.mktemp("csv"), text.getvalue())
    found = read(path, [labels[-1]], decimal="point")
    assert found.inputs.column_labels == tuple(map(label, labels[:-1]))
    assert found.targets.column_labels == (label(labels[-1]),)
    assert np.hstack([found.inputs.values, found.targets.values]).tolist() == rows


@settings(max_examples=100)
@given(st.lists(names, min_size=2, max_size=12))
def test_any_names_of_classes_come_back_as_they_were_written(tmp_path_factory, classes):
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows(
        [["a", "y"], *([i, f"c{name}"] for i, name in enumerate([*classes, "other"]))]
    )
    path = written(tmp_path_factory.mktemp("csv"), text.getvalue())
    found = read(path, ["y"], one_hot=True)
    position = found.targets.values.argmax(axis=1)
    assert [found.classes[i] for i in position] == [
        *(label(f"c{name}") for name in classes),
        "cother",
    ]
    assert found.classes == tuple(sorted(found.classes))


@settings(max_examples=300)
@given(st.text(st.sampled_from('ay01.,;\t"\n\r -e\ufeff\0éx')) | st.text(), st.booleans())
def test_any_text_is_read_or_refused_in_one_line(tmp_path_factory, content, classes):
    path = written(tmp_path_factory.mktemp("csv"), f"a,y{content}".encode("utf-8", "ignore"))
    found = outcome(path, classes)
    assert len(found.splitlines()) == 1 if isinstance(found, str) else np.isfinite(found[0]).all()


TOKENS = st.sampled_from(
    ["1", "2.5", "", "x", '"p,q"', '"r\ns"', "1.200", '"1,200"', '"0,5"', "5%", "NA", "true", "#"]
)


def outcome(path, classes=False):
    try:
        found = read(path, ["y"], classes=classes)
    except CellpropError as error:
        return str(error)
    return found.inputs.values.tolist(), found.targets.values.tolist(), found.classes


@settings(max_examples=300)
@given(st.lists(st.lists(TOKENS, max_size=4), max_size=6), st.sampled_from(",;"))
def test_reading_fast_and_reading_closely_agree(tmp_path_factory, rows, separator):
    path = written(
        tmp_path_factory.mktemp("csv"), "\n".join(map(separator.join, [["a", "b", "y"], *rows]))
    )

    fast = outcome(path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(datasets._Reader, "_read_quickly", lambda _: False)
        assert outcome(path) == fast


def drawn(path, rows, columns):
    random = np.random.default_rng(0)
    frame = pd.DataFrame(random.standard_normal((rows, columns))).add_prefix("x")
    frame["y"] = random.choice(["a", "b", "c"], rows)
    frame.to_csv(path, index=False)
    return path


def test_twice_as_many_rows_take_twice_the_work(tmp_path):
    paths = {rows: drawn(tmp_path / f"{rows}.csv", rows, 2) for rows in (300, 600)}
    assert grows_evenly(lambda rows: read(paths[rows], ["y"]), 300)


def test_more_columns_of_numbers_take_no_more_work_for_each_row(tmp_path):
    def for_each_row(columns):
        few, many = (drawn(tmp_path / f"{n}.csv", n, columns) for n in (100, 400))
        return (lines_run(lambda: read(many, ["y"])) - lines_run(lambda: read(few, ["y"]))) / 300

    read(drawn(tmp_path / "first.csv", 9, 2), ["y"])
    assert for_each_row(20) == for_each_row(2)


@pytest.mark.slow
def test_a_hundred_thousand_rows_come_back_equal(tmp_path):
    random = np.random.default_rng(0)
    frame = pd.DataFrame(random.standard_normal((100_000, 20))).add_prefix("x")
    frame["y"] = random.choice(["a", "b", "c"], len(frame))
    frame.to_csv(tmp_path / "large.csv", index=False)
    found = read(tmp_path / "large.csv", ["y"])
    assert (found.inputs.values == frame.drop(columns="y").to_numpy()).all()
    assert (found.targets.values == pd.get_dummies(frame["y"]).to_numpy()).all()


# --- Samples: what is refused -------------------------------------------------------------

BAD_TEXT = {
    "an empty file": ("", "data.csv: is empty; it needs a header"),
    "only a byte order mark": ("\ufeff", "data.csv: is empty"),
    "only blank lines": ("\n \n\n", "data.csv: is empty"),
    "no rows": ("a,y\n", "data.csv: expected at least one line below the header, found none"),
    "only blank rows": ("a,y\n,\n\n", "data.csv: expected at least one line below the header"),
    "another separator": (
        "a!b!y\n1!2!3\n",
        "line 1: expected columns separated by comma, semicolon, tab or bar, found only 'a!b!y'",
    ),
    "an unknown target": (
        "height,Yes,b\n1,2,3\n",
        "there is no column 'y'; there are height, Yes, b.",
    ),
    "two equal names": (
        "a,y, a\n1,2,3\n",
        "line 1: expected names that differ, found columns 1 and 3 both called 'a'",
    ),
    "a missing name": ("a,,y\n1,2,3\n", "line 1, column 2: expected a name, found nothing"),
    "a cell beyond the names": ("\na,y,\n1,2,3\n", "line 2, column 3: expected a name, found noth"),
    "a short row": ("a,b,y\n1,2,3\n1,2\n", "line 3: expected 3 columns, found 2; add what"),
    "a short first row": ("a,b,y\n1,2\n1,2,3\n", "line 2: expected 3 columns, found 2"),
    "a long row": ("a,y\n1,2\n1,2,3\n", "line 3: expected 2 columns, found 3; put text"),
    "long rows only": ("a,y\n1,2,3\n1,2,3\n", "line 2: expected 2 columns, found 3"),
    "an empty cell": ("a,b,y\n1,2,3\n1,,3\n", "line 3, column 'b': expected a value, found an em"),
    "an empty last cell": ("a,b,y\n1,2,\n", "line 2, column 'y': expected a value, found an em"),
    "a blank cell": ("a,y\n 1,2\n \t ,2\n", "line 3, column 'a': expected a value, found an em"),
    "an empty class": ("a,y\n1,b\n2,\n3,c\n", "line 3, column 'y': expected a value, found an em"),
    "an empty row": ("a,y\n1,2\n,\n3,4\n", "line 3: expected 2 cells, found only empty ones"),
    "text": ("a,y\n1,2\nx,2\n", "line 3, column 'a': expected a number, found 'x'; correct it"),
    "a point after decimal commas": (
        "a;y\n0,5;2\n0.7;2\n",
        "line 3, column 'a': expected a number, found '0.7'; write a comma before decimals, as",
    ),
    "decimal commas after a point": (
        "a;y\n1;0.5\n0;0,7\n",
        "line 3, column 'y': expected a number, found '0,7'; write a point before decimals, as",
    ),
    "infinity": ("a,y\n1,2\ninf,2\n", f"line 3, column 'a': {LIMIT}, found inf"),
    "not a number": (
        "a,y\n1,2\nnan,2\n",
        "line 3, column 'a': expected a value, found 'nan', which says that it is missing; fill it",
    ),
    "too large": ("a,y\n-1e60,2\n", f"line 2, column 'a': {LIMIT}, found -1e+60"),
    "far too large": ("a,y\n1e999,2\n", f"line 2, column 'a': {LIMIT}, found inf"),
    "a large target": ("a,y\n1,2\n2,1e51\n", f"line 3, column 'y': {LIMIT}, found 1e+51"),
    "digits of another script": ("a,y\n١,2\n", "line 2, column 'a': expected a number, found '١'"),
    "an underscore": ("a,y\n1_0,2\n", "line 2, column 'a': expected a number, found '1_0'"),
    "hexadecimal": ("a,y\n0x10,2\n", "line 2, column 'a': expected a number, found '0x10'"),
    "one class": ("a,y\n1,b\n2,b\n", "column 'y': expected at least two classes, found only 'b'"),
    "names": (
        "a,y\n" + "".join(f"1,Anna {i}\n" for i in range(21)),
        "column 'y': expected classes, found 21 different ones in 21 samples: names, it seems",
    ),
    "thousands of classes": (
        "a,y\n" + "".join(f"1,n{i % 1001}\n" for i in range(3003)),
        "column 'y': expected classes, found 1001 different ones in 3003 samples",
    ),
    "text among numbers": (
        "a,y\n1,2\n\n2,tall\n",
        "line 4, column 'y': expected a number as above, found 'tall'; correct it, or ask for",
    ),
    "a number among names": (
        'a,y\n1,"b\nc"\n2,7\n',
        "line 4, column 'y': expected a name as above, found '7'; correct it, or ask for",
    ),
    "a NUL byte": (
        "a,y\n1,2\n1,\0\n",
        "line 3: expected text in UTF-8, found a NUL byte (byte 11 of the file)",
    ),
    "no encoding that is known": (
        "a,y\n1,Größe\x81\n".encode("latin-1"),
        'line 2: expected text in UTF-8, found the byte 0xf6 (byte 9 of the file); it is in another'
        ' encoding: save it as "CSV UTF-8".',
    ),
    "Latin-1 after a mark": (b"\xef\xbb\xbfa,\xe9", "the byte 0xe9 (byte 6 of the file)"),
    "half of UTF-16": ("a,y\n".encode("utf-16")[:-1], "begins as UTF-16, and is not; save it as "),
    "an open quotation mark": (
        'a,y\n1,b\n2,"c\n3,d\n',
        "line 3: its quotation marks do not pair up",
    ),
    "an open quotation mark in the header": ('"a,y\n1,2\n', "line 1: its quotation marks do not"),
    "a giant cell": (f'a,y\n1,2\n"{"x" * 200_000}",2\n', "line 3: its quotation marks do not"),
    "a workbook": (b"PK\x03\x04...", "data.csv: is an Excel workbook by its content; rename it"),
    "what moves a cursor": (
        "a\x1b[2J\u202e,y\n1,2\n\x9b31m\x07,2\n",
        "line 3, column 'a␛[2J�': expected a number, found '�31m␇'",
    ),
    "a long text": (f"a,y\n{'x' * 5000},2\n", f"expected a number, found '{'x' * 40}…'"),
    "a thousand columns": (
        f"{','.join(f'c{i}' for i in range(1000))}\n",
        "there are c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11, c12, c13, c14, c15, c16, c17,"
        " c18, c19, … (1000 in all).",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", BAD_TEXT)
def test_what_is_wrong_in_a_csv_is_told_with_its_line_and_column(tmp_path, what):
    content, part = BAD_TEXT[what]
    message = refused(read_text, tmp_path, content)
    assert message.startswith(str(tmp_path / "data.csv"))
    assert part in message


def test_lines_are_counted_as_an_editor_counts_them(tmp_path):
    content = '\n"a\n2",y\r\n\r\n"1","b\nc"\n \n3,d,4\n'
    assert "line 8: expected 2 columns, found 3" in refused(read_text, tmp_path, content)


BAD_TARGETS = {
    "unknown": (["yy"], "there is no column 'yy'; there are a, y, z. Did you mean 'y'?"),
    "one of two unknown": (["y", "b"], "there is no column 'b'; there are a, y, z."),
    "one twice": (["y", "y "], "target: 'y' is named twice; name each column once."),
    "all": (["a", "y", "z"], "every column is a target; leave at least one as an input."),
    "none": ([], "target: expected the name of a column, found none; name one."),
    "text among several": (["y", "z"], "line 3, column 'z': expected a number, found 'q'"),
}


@pytest.mark.parametrize("what", BAD_TARGETS)
def test_a_target_that_does_not_fit_the_file_is_refused(tmp_path, what):
    target, part = BAD_TARGETS[what]
    assert part in refused(read_text, tmp_path, "a,y,z\n1,2,3\n4,5,q\n", target)


def test_what_is_not_whole_is_no_class(tmp_path):
    message = refused(read_text, tmp_path, "a,y\n1,2\n3,0.5\n", classes=True)
    assert "line 3, column 'y': expected a name or a whole number as class, found 0.5" in message


BAD_SHEETS = {
    "an empty sheet": ([], "its first sheet is empty; put the table there."),
    "no rows": ([["a", "y"]], "expected at least one row below the header, found none"),
    "an empty cell": (
        [["a", "y"], [1, 2], [None, 2]],
        "row 3, column 'a': expected a value, found an empty cell; fill it in; if it holds a formu",
    ),
    "an empty row": ([["a", "y"], [1, 2], [], [1, 2]], "row 3: expected 2 cells, found only empty"),
    "a number as text": ([["a", "y"], ["1", 2]], "row 2, column 'a': expected a number, found '1'"),
    "an error": ([["a", "y"], ["#DIV/0!", 2]], "row 2, column 'a': expected a number, found the"),
    "a date": (
        [["a", "y"], [pd.Timestamp("2020-01-02"), 2]],
        "row 2, column 'a': expected a number, found the date 2020-01-02; turn it into a number",
    ),
    "a column without a name": ([["a", None, "y"], [1, 2, 3]], "row 1, column 2: expected a name"),
    "a cell beside the table": ([["a", "y"], [1, 2, 3]], "row 1, column 3: expected a name"),
    "rows above": ([[], ["a", "y"], ["x", 2]], "row 3, column 'a': expected a number, found 'x'"),
    "too large": ([["a", "y"], [1e60, 2]], f"row 2, column 'a': {LIMIT}, found 1e+60"),
    "one column": ([["y"], [1]], "every column is a target"),
    "one class": ([["a", "y"], [1, "b"]], "column 'y': expected at least two classes"),
    "text among numbers": (
        [["a", "y"], [1, 2], [2, "b"]],
        "row 3, column 'y': expected a number as above, found 'b'",
    ),
}


@pytest.mark.parametrize("what", BAD_SHEETS)
def test_what_is_wrong_in_a_sheet_is_told_with_its_row_and_column(tmp_path, what):
    rows, part = BAD_SHEETS[what]
    path = sheet_of(tmp_path, rows)
    message = refused(read, path, ["y"])
    assert message.startswith(str(path))
    assert part in message


def test_digits_without_end_in_a_sheet_are_no_finite_number(tmp_path):
    path = repacked(
        sheet_of(tmp_path, [["a", "y"], [12345, 2]]),
        "xl/worksheets/sheet1.xml",
        lambda xml: xml.replace("<v>12345</v>", f"<v>{'9' * 400}</v>"),
    )
    assert f"row 2, column 'a': {LIMIT}, found inf" in refused(read, path, ["y"])


# --- Files that are none -----------------------------------------------------------------


@pytest.mark.parametrize("what", NO_FILE)
def test_a_file_that_can_not_be_read_is_told_in_a_line(tmp_path, what):
    make, part = NO_FILE[what]
    assert part in refused(read, make(tmp_path), ["y"])


def test_a_file_without_permission_is_told_in_a_line(tmp_path, monkeypatch):
    def forbidden(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(opening, "_read", forbidden)
    message = refused(read_text, tmp_path, "a,y\n")
    assert message.endswith("data.csv: can't be read: Permission denied.")


def test_a_csv_that_would_fill_the_memory_is_refused_unread(tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "TABLE", replace(tables.TABLE, size=3))
    assert "expected at most 0 KiB, found 0 KiB" in refused(read_text, tmp_path, "a,y\n")


def test_the_name_of_a_file_cannot_break_the_line(tmp_path):
    assert "a␊b␛.csv: there is no such file" in refused(read, tmp_path / "a\nb\x1b.csv", ["y"])
