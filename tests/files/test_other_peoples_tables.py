"""Tables as other people make them: their numbers, labels, gaps, sheets and formulas.

What can be read in one way only is read; what can't is told in a line; what was decided is said.
"""

from __future__ import annotations

import csv
import io
import json
import math
import re
import zipfile

import numpy as np
import openpyxl
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cellprop
from cellprop.cli.model import trace
from cellprop.cli.options import Model
from cellprop.files import numerals, spreadsheets
from cellprop.files.datasets import read
from cellprop.files.missing import MISSING
from cellprop.marking import carried_text, question
from foreign_files import read_text, refused, repacked, sheet_of, written


def cells(rows, separator=","):
    """Return CSV, cells in quotation marks where they need them."""
    text = io.StringIO()
    csv.writer(text, delimiter=separator, lineterminator="\n").writerows(rows)
    return text.getvalue()


def column(folder, texts, separator=",", **options):
    """Return how a column of numbers is read beside another."""
    rows = [["a", "b", "y"], *([text, "1", "0"] for text in texts)]
    found = read_text(folder, cells(rows, separator), **options)
    return found.inputs.values[:, 0].tolist()


# --- Numbers ------------------------------------------------------------------------------

SPELLINGS = {
    "commas between thousands": (["1,200", "2,100,300.5"], [1200, 2100300.5]),
    "points between thousands": (["1.200,50", "3.400"], [1200.5, 3400]),
    "blanks between thousands": (["1 200", "2 100 300,5"], [1200, 2100300.5]),
    "blanks that do not break": (["1\u00a0200", "2\u202f100\u202f300.5"], [1200, 2100300.5]),
    "thin blanks": (["1\u2009200", "2\u2007100"], [1200, 2100]),
    "apostrophes between thousands": (["1'200", "2’100’300.5"], [1200, 2100300.5]),
    "Indian thousands": (["1,00,000", "12,34,567.5"], [100000, 1234567.5]),
    "decimal commas": (["0,5", "12,25", "7"], [0.5, 12.25, 7]),
    "thousands by the rest of the column": (["1,200", "3.5"], [1200, 3.5]),
    "decimals by the rest of the column": (["1,200", "0,5"], [1.2, 0.5]),
    "points by the rest of the column": (["1.200", "0,5"], [1200, 0.5]),
    "a currency before": (["$1,200", "$ 3.50", "-$5", "$-5", "($7)"], [1200, 3.5, -5, -5, -7]),
    "a currency behind": (["1.200,50 €", "3,00 €"], [1200.5, 3]),
    "a currency by its code": (["USD 12", "USD 3.5"], [12, 3.5]),
    "per cent": (["5%", "12.5 %"], [0.05, 0.125]),
    "per mille": (["5‰", "12‰"], [0.005, 0.012]),
    "a unit": (["5 kg", "7.5kg"], [5, 7.5]),
    "a unit with a slash": (["5 km/h", "7 km/h"], [5, 7]),
    "degrees": (["20 °C", "-3.5 °C"], [20, -3.5]),
    "a minus sign": (["\u22125", "–3", "7"], [-5, -3, 7]),
    "signs and short forms": (["+5", ".5", "5.", "1e3", "-1.5E-2"], [5, 0.5, 5, 1000, -0.015]),
    "short forms with a comma": ([",5", "5,", "1,5e3"], [0.5, 5, 1500]),
    "brackets and minus behind for negative": (["(1,200.5)", "3-"], [-1200.5, -3]),
    "full-width digits": (["１２", "３．５"], [12, 3.5]),
    "blanks around": ([" 5 ", "\u00a07"], [5, 7]),
    "what is not seen": (["\u200e5", "7\u200b"], [5, 7]),
}


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("what", SPELLINGS)
def test_a_number_is_read_as_people_write_it(tmp_path, what, separator):
    texts, values = SPELLINGS[what]
    assert column(tmp_path, texts, separator) == pytest.approx(values)


@st.composite
def styled(draw):
    """Draw numbers, and how they are written in one style."""
    mark = draw(st.sampled_from(["point", "comma"]))
    decimal, other = (".", ",") if mark == "point" else (",", ".")
    group = draw(st.sampled_from(["", other, " ", "\u00a0", "\u202f", "'", "’"]))
    minus = draw(st.sampled_from(["-", "\u2212"]))
    before, after = draw(
        st.sampled_from([("", ""), ("$", ""), ("€ ", ""), ("", " kg"), ("", " €"), ("CHF ", "")])
    )
    places = draw(st.integers(0, 6))
    numbers = draw(st.lists(st.integers(-(10**12), 10**12), min_size=1, max_size=8))
    texts = []
    for number in numbers:
        whole, _, decimals = f"{abs(number) / 10**places:,.{places}f}".partition(".")
        written = whole.replace(",", group) + (decimal + decimals if places else "")
        texts.append(f"{minus if number < 0 else ''}{before}{written}{after}")
    return mark, texts, [float(f"{number / 10**places:.{places}f}") for number in numbers]


@given(styled())
def test_a_number_in_any_style_comes_back_when_the_decimal_mark_is_said(drawn):
    mark, texts, values = drawn
    assert numerals.parsed(texts, mark, any_unit=True).values == values


@given(styled(), st.sampled_from(["", ".", ".,"]))
def test_a_number_in_any_style_comes_back_or_is_asked_for_but_never_becomes_another(drawn, usual):
    mark, texts, values = drawn
    told = numerals.clues(texts)
    tells = told.point is not None or told.comma is not None
    if not tells and mark == "comma" and usual:
        return  # what is usual is taken, since nothing in the column tells
    if tells or told.either is None:
        assert numerals.read_column(texts, [told], usual, any_unit=True).values == values
    elif not set(told.either_marks) <= set(usual):
        with pytest.raises(numerals.FaultError, match="--decimal"):
            numerals.read_column(texts, [told], usual, any_unit=True)


AMBIGUOUS = {
    "thousands or decimals, semicolons": ([["1,200"], ["2,500"]], ";"),
    "points, semicolons": ([["1.200"], ["2.500"]], ";"),
    "thousands or decimals, tabs": ([["1,200"], ["2,500"]], "\t"),
    "in a file of decimal commas": ([["1,200", "0,5"], ["2,500", "1,5"]], ";"),
    "points in a file of decimal commas": ([["1.200", "0,5"], ["2.500", "1,5"]], ";"),
    "decimal commas in a file of commas": ([["1,200", "0,5"], ["2,500", "1,5"]], ","),
    "both marks": ([["1,200"], ["2.500"]], ";"),
}


@pytest.mark.parametrize("what", AMBIGUOUS)
def test_what_may_be_thousands_or_decimals_is_asked_for(tmp_path, what):
    rows, separator = AMBIGUOUS[what]
    names = ["a", "b"][: len(rows[0])]
    content = cells([[*names, "y"], *([*row, "0"] for row in rows)], separator)
    message = refused(read_text, tmp_path, content)
    assert (
        "line 2, column 'a': expected a number that can be read in one way only, found" in message
    )
    assert "say --decimal point if it is 1" in message
    if len(rows[0]) == 1 and what != "both marks":
        by_mark = [read_text(tmp_path, content, decimal=mark) for mark in ("point", "comma")]
        assert sorted(found.inputs.values[0, 0] for found in by_mark) == [1.2, 1200]


def test_thousands_are_told_by_the_rest_of_the_file_and_that_is_said(tmp_path):
    found = read_text(tmp_path, 'area,price,y\n"1,200","250,000",0\n"2,100","400,000",1\n')
    assert found.inputs.values.tolist() == [[1200, 250000], [2100, 400000]]
    assert "the column 'area': '1,200' is read as 1200; --decimal comma" in found.notes[0]
    found = read_text(tmp_path, "area;ratio;y\n1,200;0.5;0\n2,100;0.7;1\n")
    assert found.inputs.values.tolist() == [[1200, 0.5], [2100, 0.7]]


DECIMALS = {
    "thousands": (["1,200,000", "1,000"], 0),
    "thousands and decimals": (["1,200", "3.50"], 2),
    "points between thousands": (["1.200.300", "2.300"], 0),
    "decimal commas": (["1.200,50", "3,5"], 2),
    "a decimal comma of three places": (["1,500", "2,25"], 3),
    "apostrophes": (["1'200.0", "3"], 1),
    "a currency": (["$1,200.50", "$3.00"], 2),
    "a unit": (["5.10 kg", "6.00 kg"], 2),
    "a unit with a number": (["5.0 m2", "6.0 m2"], 0),
    "a negative number": (["(1.50)", "-2"], 2),
    "hundredths": (["45.0%", "5%"], 0),
    "an exponent": (["1.50e1", "2"], 0),
}


@pytest.mark.parametrize("what", DECIMALS)
def test_digits_behind_a_mark_are_decimals_only_where_it_marks_decimals(tmp_path, what):
    texts, decimals = DECIMALS[what]
    found = read_text(tmp_path, cells([["a", "y"], *([text, text] for text in texts)]))
    assert found.inputs.decimals == found.targets.decimals == (decimals,)


def test_decimals_are_told_by_the_option_where_a_column_can_be_read_in_two_ways(tmp_path):
    content = "a;y\n1,500;0\n2,250;1\n"
    assert read_text(tmp_path, content, decimal="point").inputs.decimals == (0,)
    assert read_text(tmp_path, content, decimal="comma").inputs.decimals == (3,)


def test_a_decimal_point_of_three_places_stays_one_in_a_file_of_commas(tmp_path):
    assert column(tmp_path, ["1.200", "2.500"]) == [1.2, 2.5]


def test_a_target_is_read_as_inputs_are(tmp_path):
    found = read_text(tmp_path, "a;y\n1;0,5\n0;1.200,7\n")
    assert found.targets.values.tolist() == [[0.5], [1200.7]]
    found = read_text(tmp_path, "a,y\n1,5 kg\n0,7 kg\n")
    assert (found.targets.values.tolist(), found.classes) == ([[5], [7]], None)
    assert "the column 'y': 'kg' is left out." in found.notes


def test_a_first_column_of_numbers_with_a_word_behind_them_is_no_label(tmp_path):
    found = read_text(tmp_path, "n,a,y\n5 apples,1,0\n7 apples,2,1\n")
    assert found.inputs.values.tolist() == [[5, 1], [7, 2]]


def test_two_units_in_a_column_are_refused(tmp_path):
    message = refused(column, tmp_path, ["5 kg", "7 g"])
    assert "line 3, column 'a': expected a number with 'kg' as above, found '7 g'" in message
    assert "expected a number alone as above" in refused(column, tmp_path, ["5", "7%"])


@pytest.mark.parametrize(
    "text",
    ["1,20", "12,00,0", "1.2.3", "1'20", "1_000", "0x10", "--5", "1e", "5-3", "1/2", "12:30"],
)
def test_what_only_looks_like_a_number_is_none(tmp_path, text):
    assert f"found '{text}'" in refused(column, tmp_path, ["0.5", text])


@pytest.mark.parametrize("text", ["1 " * 60_000, "(" + "1" * 100_000, "1," * 50_000 + "x"])
def test_a_text_without_end_is_no_number_and_soon_known_to_be_none(tmp_path, text):
    assert numerals.taken_apart(text, any_unit=True) is None
    message = refused(column, tmp_path, ["0.5", text, "1"])
    assert "expected a number, found" in message or "expected at most 16,384 columns" in message


def test_a_mark_that_there_is_none_of_is_refused(tmp_path):
    message = refused(read_text, tmp_path, "a,y\n1,2\n", decimal="full stop")
    assert message == "decimal: expected point or comma, found 'full stop'."


# --- What is missing ----------------------------------------------------------------------


@pytest.mark.parametrize("text", [*sorted(MISSING), "NA", "N/A", "None", "NULL", " ", "\u2212"])
def test_a_missing_value_is_no_class_and_no_number(tmp_path, text):
    message = refused(read_text, tmp_path, cells([["a", "y"], [1, "yes"], [2, text], [3, "no"]]))
    assert "line 3, column 'y': expected a value, found" in message
    message = refused(column, tmp_path, ["1", text, "3"])
    assert "line 3, column 'a': expected a value, found" in message


def test_a_class_that_is_called_none_is_one_when_it_is_said_what_is_missing(tmp_path):
    content = "a,y\n1,None\n2,mild\n3,severe\n"
    assert "if it is a class, say what says missing instead" in refused(
        read_text, tmp_path, content
    )
    assert read_text(tmp_path, content, missing="?").classes == ("None", "mild", "severe")
    message = refused(read_text, tmp_path, content + "4,?\n", missing="?")
    assert "found '?'" in message
    assert message.endswith("--missing NA.")


@pytest.mark.parametrize("is_sheet", [False, True])
def test_a_number_that_stands_for_a_missing_one_is_found_when_it_is_said(tmp_path, is_sheet):
    rows = [["a", "b", "y"], [1, 2, 0], [3, -999, 1]]
    path = sheet_of(tmp_path, rows) if is_sheet else written(tmp_path, cells(rows))
    assert read(path, "y").inputs.values[1, 1] == -999
    assert "3, column 'b': expected a value, found '-999'" in refused(
        read, path, "y", missing="-999"
    )


# --- Columns ------------------------------------------------------------------------------

NAMES = {
    "as it is": ("a", "a"),
    "taken apart": ("Gro\u0308ße", "Größe"),
    "put together": ("Größe", "Gro\u0308ße"),
    "a blank that does not break": ("net\u00a0weight", "net weight"),
    "two blanks": ("net  weight ", "net weight"),
    "a line break": ("net\nweight", "net weight"),
    "a mark that is not seen": ("\u200bheight", "height"),
    "full-width letters": ("ｈｅｉｇｈｔ", "height"),
    "another case": ("Height", "height"),
    "a comma": ("Strength(MPa, megapascals) ", "Strength(MPa, megapascals)"),
    "a quotation mark": ('5" disc', '5" disc'),
}


@pytest.mark.parametrize("what", NAMES)
def test_a_column_is_found_by_its_name_in_any_usual_form(tmp_path, what):
    name, typed = NAMES[what]
    found = read_text(tmp_path, cells([["x", name], [3, 1], [4, 2]]), typed)
    assert found.targets.values.tolist() == [[1], [2]]
    assert (found.notes != ()) == (what == "another case")
    found = read_text(tmp_path, cells([["x", name, "y"], [3, 1, 0], [4, 2, 1]]), drop=typed)
    assert found.inputs.column_labels == ("x",)


def test_a_name_is_taken_strictly_where_that_is_possible(tmp_path):
    content = "y,Y,z\n1,2,3\n4,5,6\n"
    assert read_text(tmp_path, content, "Y").targets.values.tolist() == [[2], [5]]
    found = read_text(tmp_path, content, "Z")
    assert found.target == "z"
    assert "'Z' is taken for the column 'z'." in found.notes
    message = refused(read_text, tmp_path, "Yy,yY,z\n1,2,3\n", "yy")
    assert (
        "line 1: expected names that differ, found columns 1 and 2 called 'Yy' and 'yY'" in message
    )


def test_several_names_are_separated_by_commas_and_quoted_as_in_csv(tmp_path):
    content = cells([["a, b", "c", "d"], [1, 2, 3], [4, 5, 6]])
    assert read_text(tmp_path, content, "a, b").targets.column_labels == ("a, b",)
    assert read_text(tmp_path, content, '"a, b",c').targets.column_labels == ("a, b", "c")
    assert read_text(tmp_path, content, "d, c").targets.values.tolist() == [[3, 2], [6, 5]]


def test_a_name_with_a_comma_is_told_apart_in_the_list_of_those_there_are(tmp_path):
    content = cells([["a, b", "c", "d"], [1, 2, 3], [4, 5, 6]])
    message = refused(read_text, tmp_path, content, "a, b,c")
    assert message.endswith("there is no column 'a'; there are \"a, b\", c, d.")


def test_inputs_are_those_named_or_those_not_left_out(tmp_path):
    content = cells([["id", "a", "b", "colour", "y"], [7, 1, 2, "red", 0], [9, 3, 4, "", 1]])
    found = read_text(tmp_path, content, "y", inputs="b,a")
    assert found.inputs.column_labels == ("b", "a")
    assert found.inputs.values.tolist() == [[2, 1], [4, 3]]
    found = read_text(tmp_path, content, "y", drop=["id", "colour"])
    assert found.inputs.column_labels == ("a", "b")
    assert "leave the column out (--drop colour)" in refused(
        read_text, tmp_path, content.replace('""', "blue").replace(",,", ",blue,"), "y"
    )


BAD_CHOICES = {
    "both": ({"inputs": "a", "drop": "b"}, "inputs, drop: say which columns are inputs, or which"),
    "unknown input": ({"inputs": "a,q"}, "there is no column 'q'; there are a, b, y."),
    "unknown drop": ({"drop": "q"}, "there is no column 'q'; there are a, b, y."),
    "the target": ({"drop": "y"}, "target: 'y' can't be left out as well; name it once."),
    "the target as an input": ({"inputs": "a,y"}, "target: 'y' can't be an input as well; name it"),
    "no input": ({"inputs": ""}, "inputs: expected the names of columns, found none; name one, or"),
    "one twice": ({"inputs": "a,a"}, "inputs: 'a' is named twice; name each column once."),
    "all": ({"drop": "a,b"}, "no column is left as an input; leave at least one as an input."),
    "a sheet": ({"sheet": "Data"}, "sheet: is for a workbook, and "),
    "a range": ({"range": "A1:B2"}, "range: is for a workbook, and "),
}


@pytest.mark.parametrize("what", BAD_CHOICES)
def test_a_choice_of_columns_that_does_not_fit_is_refused(tmp_path, what):
    options, part = BAD_CHOICES[what]
    assert part in refused(read_text, tmp_path, "a,b,y\n1,2,3\n", **options)


@pytest.mark.parametrize("name", ["name", ""])
def test_a_first_column_of_names_labels_the_samples(tmp_path, name):
    found = read_text(tmp_path, f"{name},a,y\nAda,1,0\nAlan,2,1\n=1+1,3,1\n")
    assert found.inputs.row_labels == ("Ada", "Alan", "=1+1")
    assert found.inputs.column_labels == ("a",)
    assert "it labels the samples, and is no input" in found.notes[0]
    trace = cellprop.trace(cellprop.Network([1, 1]), found.inputs, found.targets, seed=0)
    assert trace["X"].index.tolist() == ["Ada", "Alan", "=1+1"]


def test_the_numbers_of_rows_that_a_program_wrote_label_the_samples(tmp_path):
    frame = pd.DataFrame({"a": [1.5, 2.5], "y": [0, 1]})
    found = read_text(tmp_path, frame.to_csv())
    assert found.inputs.column_labels == ("a",)
    assert found.inputs.row_labels == ("0", "1")


def test_a_column_of_texts_that_label_nothing_is_refused(tmp_path):
    for content in ("c,a,y\nred,1,0\nred,2,1\n", "a,c,y\n1,red,0\n2,blue,1\n"):
        message = refused(read_text, tmp_path, content)
        assert (
            "column 'c': expected a number, found 'red'; leave the column out (--drop c)" in message
        )


@pytest.mark.parametrize(
    ("name", "numbers", "said"),
    [
        ("Id", [1, 2, 3], "counts 1, 2, 3, …"),
        ("n", [0, 1, 2], "counts 0, 1, 2, …"),
        ("patient_id", [842302, 842517, 84300903], "differs in every sample"),
        ("PatientID", [8, 5, 7], "differs in every sample"),
        ("age", [8, 5, 7], ""),
        ("Id", [8, 8, 7], ""),
    ],
)
def test_a_column_that_only_counts_is_kept_and_mentioned(tmp_path, name, numbers, said):
    rows = [[name, "a", "y"], *([number, 0.5, 1] for number in numbers)]
    found = read_text(tmp_path, cells(rows))
    assert found.inputs.column_labels == (name, "a")
    assert [said in note and f"--drop {name}" in note for note in found.notes] == [True] * bool(
        said
    )


def test_a_last_line_with_the_total_is_no_sample(tmp_path):
    message = refused(read_text, tmp_path, "shop,a,y\nNorth,1,0\nSouth,2,1\nTotal,3,1\n")
    assert "line 4, column 'shop': expected a sample, found 'Total'; remove the line" in message
    message = refused(read_text, tmp_path, "x,a,y\n1,1,0\n2,2,1\nSumme,3,1\n")
    assert "line 4, column 'x': expected a number, found 'Summe'; remove the line" in message


def test_a_header_that_looks_like_a_sample_is_mentioned(tmp_path):
    found = read_text(tmp_path, "5.1,3.5,ill\n4.9,3.0,well\n6,3,ill\n", "ill")
    assert any("line 1 is taken for the names of the columns" in note for note in found.notes)
    assert read_text(tmp_path, "0,1,2\n4.9,3.0,1\n6,3,0\n", "2").notes == ()


BAD_HEADERS = {
    "no header": ("5.1,3.5,0\n4.9,3.0,1\n", "its first line holds only numbers; put a line with"),
    "two alike": (
        "a,b,a,y\n1,2,3,4\n",
        "found columns 1 and 3 both called 'a'; rename one of them",
    ),
}


@pytest.mark.parametrize("what", BAD_HEADERS)
def test_a_header_that_names_no_columns_is_refused(tmp_path, what):
    content, part = BAD_HEADERS[what]
    assert part in refused(read_text, tmp_path, content)


@pytest.mark.parametrize("is_sheet", [False, True])
def test_the_class_of_a_sample_is_not_taken_for_the_name_of_a_column(tmp_path, is_sheet):
    rows = [["a", "b", "ill"], [1, 2, "no"], [3, 4, "yes"], [5, 6, "no"]]
    path = sheet_of(tmp_path, rows) if is_sheet else written(tmp_path, cells(rows))
    assert "there is no column 'yes'; there are a, b, ill." in refused(read, path, "yes")


def test_what_is_left_out_may_be_called_alike(tmp_path):
    found = read_text(tmp_path, "a,b,a,y\n1,2,3,4\n", drop="a")
    assert found.inputs.column_labels == ("b",)


# --- Lines --------------------------------------------------------------------------------

LAYOUTS = {
    "Excel's first line": "sep=;\na;b;y\n1;2;0\n3;4;1\n",
    "it in quotation marks": '"sep=;"\r\na;b;y\r\n1;2;0\r\n3;4;1\r\n',
    "it with an unusual separator": "SEP=!\na!b!y\n1!2!0\n3!4!1\n",
    "bars": "a|b|y\n1|2|0\n3|4|1\n",
    "separators at the ends": "a,b,y,\n1,2,0,\n3,4,1,\n",
    "separators at the ends of lines": "a,b,y\n1,2,0,,\n3,4,1,,\n",
    "a column of nothing": "a,,b,y\n1,,2,0\n3,,4,1\n",
    "blank lines between": "a,b,y\n\n1,2,0\n\n\n3,4,1\n",
    "comments": "# made by hand\n# on Monday, late\na,b,y\n1,2,0\n# a pause\n3,4,1\n",
    "a header as a comment": "# a,b,y\n1,2,0\n3,4,1\n",
    "a title": "Our measurements\n\na,b,y\n1,2,0\n3,4,1\n",
    "a title as Excel saves it": "Our measurements,,,\n,,,\na,b,,y\n1,2,,0\n3,4,,1\n,,,\n",
    "columns of nothing before": ",,a,b,y\n,,1,2,0\n,,3,4,1\n",
    "carriage returns": "a,b,y\r1,2,0\r3,4,1\r",
    "a name of two lines": '"a",b,"y"\n1,"2\n",0\n3,4,1\n',
}


@pytest.mark.parametrize("what", LAYOUTS)
def test_a_file_is_read_however_its_lines_are_laid_out(tmp_path, what):
    found = read_text(tmp_path, LAYOUTS[what])
    assert found.inputs.column_labels == ("a", "b")
    assert found.inputs.values.tolist() == [[1, 2], [3, 4]]
    assert found.targets.values.tolist() == [[0], [1]]


@pytest.mark.parametrize("what", LAYOUTS)
def test_an_error_names_the_line_of_the_file(tmp_path, what):
    content = LAYOUTS[what].replace("3", "x")
    (line,) = (i for i, text in enumerate(content.splitlines(), 1) if text.lstrip(",")[:1] == "x")
    assert f"line {line}, column 'a'" in refused(read_text, tmp_path, content)


def test_a_label_may_begin_like_a_comment(tmp_path):
    found = read_text(tmp_path, "#,a,y\n#1,2,0\n#2,4,1\n")
    assert (found.inputs.row_labels, found.inputs.column_labels) == (("#1", "#2"), ("a",))


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"]
)
def test_a_file_is_read_in_any_usual_encoding(tmp_path, encoding):
    content = "Größe,b,y\n1,2,schön\n3,4,häßlich\n5,6,mäßig\n".encode(encoding)
    found = read_text(tmp_path, content)
    assert found.inputs.column_labels == ("Größe", "b")
    assert found.classes == ("häßlich", "mäßig", "schön")
    assert ("Windows-1252" in " ".join(found.notes)) == (encoding == "cp1252")


# --- Classes ------------------------------------------------------------------------------

PAIRS = {
    "no and yes": (["yes", "no", "yes"], "no", "yes"),
    "any case": (["YES", "No", "No"], "No", "YES"),
    "nein and ja": (["ja", "nein", "ja"], "nein", "ja"),
    "truths": (["TRUE", "FALSE", "TRUE"], "FALSE", "TRUE"),
    "letters": (["T", "F", "F"], "F", "T"),
    "a yes that comes first": (["positive", "negative", "negative"], "negative", "positive"),
    "others, by the alphabet": (["dog", "cat", "dog"], "cat", "dog"),
    "only a no": (["absent", "none-such", "absent"], "absent", "none-such"),
}


@pytest.mark.parametrize("what", PAIRS)
def test_two_classes_are_one_output_and_it_is_said_which_is_1(tmp_path, what):
    texts, zero, one = PAIRS[what]
    rows = [["a", "y"], *([i, text] for i, text in enumerate(texts))]
    found = read_text(tmp_path, cells(rows))
    assert found.classes == (zero, one)
    assert found.targets.values.tolist() == [[float(text == one)] for text in texts]
    assert any(f"1 is '{one}', 0 is '{zero}'" in note for note in found.notes)
    both = read_text(tmp_path, cells(rows), one_hot=True)
    assert both.classes == both.targets.column_labels == (zero, one)
    assert both.targets.values[:, 1].tolist() == found.targets.values[:, 0].tolist()


def test_whole_numbers_are_classes_where_an_output_for_each_is_asked_for(tmp_path):
    found = read_text(tmp_path, "a,y\n1,0\n2,1\n3,0\n", one_hot=True)
    assert found.classes == found.targets.column_labels == ("0", "1")
    assert found.targets.values.tolist() == [[1, 0], [0, 1], [1, 0]]
    message = refused(read_text, tmp_path, "a,y\n1,0.5\n2,1\n", one_hot=True)
    assert "line 2, column 'y': expected" in message


def test_one_hot_is_never_passed_over(tmp_path):
    path = written(tmp_path, "a,y,z\n1,0,5\n2,1,6\n3,0,7\n")
    network = trace(Model(data=path, target="y", inputs="a", one_hot=True)).network
    assert (network.sizes[-1], network.loss) == (2, "cross_entropy")
    message = refused(lambda file: trace(Model(data=file, target="y,z", one_hot=True)), path)
    assert message == "--one-hot is about one target, of classes; leave it out, or name one."


def test_classes_among_several_targets_are_told_to_stand_alone(tmp_path):
    message = refused(read_text, tmp_path, "a,y,z\n1,0,no\n2,1,yes\n", "y,z")
    assert message.endswith("; a target of classes stands alone.")


def test_classes_that_differ_by_letter_case_only_are_mentioned(tmp_path):
    found = read_text(tmp_path, "a,y\n1,Yes\n2,no\n3,yes\n")
    assert len(found.classes) == 3
    assert "the classes 'Yes' and 'yes' differ only in letter case or blanks." in found.notes


def test_truths_in_a_sheet_are_two_classes(tmp_path):
    found = read(sheet_of(tmp_path, [["a", "y"], [1, True], [2, False]]), "y")
    assert (found.classes, found.targets.values.tolist()) == (("FALSE", "TRUE"), [[1], [0]])


LABELS = {
    "a list": ["no", "yes", "yes"],
    "an array": np.array(["no", "yes", "yes"]),
    "objects": np.array(["no", "yes", "yes"], dtype=object),
    "a column": [["no"], ["yes"], ["yes"]],
    "a series": pd.Series(["no", "yes", "yes"], index=["p", "q", "r"]),
    "a frame": pd.DataFrame({"ill": ["no", "yes", "yes"]}),
    "categories": pd.Categorical(["no", "yes", "yes"], categories=["no", "never", "yes"]),
    "strings": pd.Series(["no", "yes", "yes"], dtype="string"),
}
X = [[0, 1], [1, 1], [2, 0]]


@pytest.mark.parametrize("what", LABELS)
def test_labels_in_python_become_the_classes_of_the_command_line(what):
    network = cellprop.Network([2, 2, 1], loss="binary_cross_entropy")
    trace = cellprop.trace(network, X, LABELS[what], seed=0)
    assert trace.values["y"].tolist() == [[0], [1], [1]]
    assert (trace.matrix("y").columns.zero, trace.matrix("y").columns.labels) == ("no", ("yes",))
    two = cellprop.trace(cellprop.Network([2, 2, 2], loss="cross_entropy"), X, LABELS[what], seed=0)
    assert two.matrix("y").columns.labels == ("no", "yes")
    assert two.values["y"].tolist() == [[1, 0], [0, 1], [0, 1]]


def test_truths_and_whole_numbers_in_python_become_classes_too():
    network = cellprop.Network([2, 2, 1])
    assert cellprop.trace(network, X, [True, False, True], seed=0)["y"].columns.tolist() == ["True"]
    network = cellprop.Network([2, 3], loss="cross_entropy")
    assert cellprop.trace(network, X, [7, 3, 5], seed=0)["y"].columns.tolist() == ["3", "5", "7"]
    order = pd.Categorical(["low", "high", "mid"], categories=["low", "mid", "high"], ordered=True)
    assert cellprop.trace(network, X, order, seed=0)["y"].columns.tolist() == ["low", "mid", "high"]


BAD_LABELS = {
    "too many": (
        ["a", "b", "c"],
        1,
        "y: 3 classes (a, b, c) need a network of 3 outputs, found 1.",
    ),
    "too few": (
        ["a", "b", "b"],
        3,
        "y: 2 classes (a, b) need a network of 1 or 2 outputs, found 3.",
    ),
    "one": (["a", "a", "a"], 1, "y: expected at least two classes, found only 'a'"),
    "nothing": (["a", None, "b"], 1, "y, row 2: expected a class, found nothing."),
    "NaN": (["a", math.nan, "b"], 1, "y, row 2: expected a class, found nothing."),
    "NA": (
        ["a", "NA", "b"],
        1,
        "y, row 2: expected a class as text, as the others, found 'NA', whi",
    ),
    "a number": (["a", 1, "b"], 1, "y, row 2: expected a class as text, as the others, found '1'."),
    "a text among numbers": ([1, 0, "b"], 1, "y, row 3: expected a number, found 'b'."),
    "numbers as text": (
        ["1", "0", "1"],
        1,
        "y, row 1: expected a number, found '1', a number stored as text; turn",
    ),
}


@pytest.mark.parametrize("what", BAD_LABELS)
def test_labels_that_are_no_classes_of_the_network_are_refused(what):
    labels, outputs, part = BAD_LABELS[what]
    assert part in refused(cellprop.trace, cellprop.Network([2, outputs]), X, labels)


# --- Sheets -------------------------------------------------------------------------------

TABLE = [["a", "b", "y"], [1, 2, 0], [3, 4, 1], [5, 6, 1]]


def book_of(folder, sheets, hidden=(), at="A1", name="book.xlsx"):
    """Write a workbook with a sheet for each name; rows begin at a cell."""
    book = openpyxl.Workbook()
    book.remove(book.active)
    row, column = openpyxl.utils.cell.coordinate_to_tuple(at)
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for i, cells_ in enumerate(rows):
            for j, cell in enumerate(cells_):
                sheet.cell(row + i, column + j).value = cell
        if title in hidden:
            sheet.sheet_state = "hidden" if title != "deep" else "veryHidden"
    book.save(folder / name)
    return folder / name


def test_the_first_sheet_that_is_seen_is_read_and_that_is_said(tmp_path):
    other = [["q", "y"], [9, 9]]
    path = book_of(tmp_path, {"old": other, "deep": other, "Data": TABLE}, hidden=("old", "deep"))
    found = read(path, "y")
    assert found.inputs.values.tolist() == [[1, 2], [3, 4], [5, 6]]
    assert found.notes == ("the sheet 'Data' is read, not old, deep, hidden as they are.",)
    path = book_of(tmp_path, {"Data": TABLE, "More": other})
    assert read(path, "y").notes == ("the sheet 'Data' is read, not More; --sheet says which.",)


@pytest.mark.parametrize("sheet", ["Zwei Drei", "zwei  drei", "2", 2])
def test_a_sheet_is_chosen_by_its_name_or_number(tmp_path, sheet):
    path = book_of(
        tmp_path, {"1st": [["q", "y"], [9, 9]], "h": [[1]], "Zwei Drei": TABLE}, hidden=("h",)
    )
    assert read(path, "y", sheet=sheet).inputs.column_labels == ("a", "b")
    assert read(path, "q", sheet="1st").target == "q"


def test_a_chart_sheet_is_no_table(tmp_path):
    path = book_of(tmp_path, {"Data": TABLE})
    book = openpyxl.load_workbook(path)
    book.create_chartsheet("Chart", 0).add_chart(openpyxl.chart.LineChart())
    book.save(path)
    assert read(path, "y").inputs.column_labels == ("a", "b")
    assert read(path, "y", sheet=2).inputs.column_labels == ("a", "b")
    assert "sheet 1 is a chart" in refused(read, path, "y", sheet="1")


def test_a_sheet_that_there_is_none_of_is_refused_and_the_right_one_named(tmp_path):
    path = book_of(tmp_path, {"Read me": [["Hello", "you"]], "Data": TABLE})
    assert "there is no sheet 'Dta'; there are Read me, Data." in refused(
        read, path, "y", sheet="Dta"
    )
    assert "the column is not on its first sheet 'Read me', but on Data" in refused(read, path, "y")


PLACES = {
    "away from A1": ([[], [], *([None, None, *row] for row in TABLE)], ""),
    "below a title": ([["Results 2026"], *TABLE], "left out: row 1 above the table."),
    "below a title and a gap": (
        [["Results"], ["of us"], [], *TABLE],
        "left out: rows 1 to 2 above",
    ),
    "above notes": ([*TABLE, [], ["Source: us"]], "left out: row 6 below the table."),
    "right above a note": ([*TABLE, ["Source: us"]], "left out: row 5 below the table."),
    "beside a note": (
        [[*TABLE[0], None, "note"], *TABLE[1:]],
        "left out: column E beside the table.",
    ),
}


@pytest.mark.parametrize("what", PLACES)
def test_a_table_is_found_wherever_it_stands(tmp_path, what):
    rows, said = PLACES[what]
    found = read(sheet_of(tmp_path, rows), "y")
    assert found.inputs.column_labels == ("a", "b")
    assert found.inputs.values.tolist() == [[1, 2], [3, 4], [5, 6]]
    assert [note.startswith(said) for note in found.notes] == [True] * bool(said)


@pytest.mark.parametrize(
    ("cells_", "rows"),
    [("C3:E6", 3), ("c3:e6", 3), ("$C$3:$E$5", 2), ("E4:C3", 1), ("C3:E900", 3), ("Data!C3:E6", 3),
     ("'Data'!C3:E6", 3)],
)  # fmt: skip
def test_a_range_says_which_cells_are_the_table(tmp_path, cells_, rows):
    path = book_of(tmp_path, {"Other": [["x", "y"], [1, 1]], "Data": TABLE}, at="C3")
    sheet = None if "!" in cells_ else "Data"
    found = read(path, "y", range=cells_, sheet=sheet)
    assert found.inputs.values.tolist() == [[1, 2], [3, 4], [5, 6]][:rows]


def test_a_range_or_a_table_has_a_name(tmp_path):
    path = book_of(tmp_path, {"First": [["q"]], "My data": TABLE}, at="B3")
    book = openpyxl.load_workbook(path)
    where = "'My data'!$B$3:$D$5"
    book.defined_names["samples"] = openpyxl.workbook.defined_name.DefinedName(
        "samples", attr_text=where
    )
    table = openpyxl.worksheet.table.Table(displayName="Flowers", ref="B3:D6")
    book["My data"].add_table(table)
    book.save(path)
    assert read(path, "y", range="samples").inputs.values.tolist() == [[1, 2], [3, 4]]
    assert read(path, "y", range="flowers").inputs.values.tolist() == [[1, 2], [3, 4], [5, 6]]


BAD_RANGES = {
    "no range": ({"range": "B3-E20"}, "range: expected cells, such as B3:E20 or Sheet1!B3:E20, or"),
    "an empty one": (
        {"range": "H1:J9"},
        "the range 'H1:J9' is empty; give the header and the rows",
    ),
    "without a header": ({"range": "A5:C9"}, "the range 'A5:C9' is empty"),
    "beyond the sheet": (
        {"range": "A1:ZZZ9"},
        "a sheet has no cells 'A1:ZZZ9'; correct the range.",
    ),
    "another sheet": ({"range": "Q!A1:C4"}, "there is no sheet 'Q'; there are Data."),
    "two sheets": (
        {"range": "Q!A1:C4", "sheet": "Data"},
        "--sheet says 'Data', and --range 'Q'; say",
    ),
}


@pytest.mark.parametrize("what", BAD_RANGES)
def test_a_range_that_is_no_table_is_refused(tmp_path, what):
    options, part = BAD_RANGES[what]
    assert part in refused(read, book_of(tmp_path, {"Data": TABLE}), "y", **options)


UNCLEAR = {
    "two tables beside each other": (
        [[*row, None, *row] for row in TABLE],
        "expected one table with such a column, found two, at A1 and at E1; say which cells",
    ),
    "an empty column within": (
        [[row[0], None, *row[1:]] for row in TABLE],
        "expected one table, found an empty column before C1; remove it, or say which cells",
    ),
    "two tables below each other": (
        [*TABLE, [], *TABLE],
        "row 5: expected 3 cells, found only empty ones; fill them in, or remove the row, or say",
    ),
}


@pytest.mark.parametrize("what", UNCLEAR)
def test_where_more_than_one_table_may_be_meant_the_range_is_asked_for(tmp_path, what):
    rows, part = UNCLEAR[what]
    message = refused(read, sheet_of(tmp_path, rows), "y")
    assert part in message
    assert "--range" in message


def test_hidden_rows_and_columns_are_read_and_that_is_said(tmp_path):
    path = book_of(tmp_path, {"Data": TABLE})
    book = openpyxl.load_workbook(path)
    book.active.row_dimensions[3].hidden = True
    book.active.column_dimensions["B"].hidden = True
    book.save(path)
    found = read(path, "y")
    assert found.inputs.values.tolist() == [[1, 2], [3, 4], [5, 6]]
    assert found.notes == ("row 3 is hidden, and read as well.", "hidden, and read as well: b.")


BAD_CELLS = {
    "a number as text": (
        "12",
        "found '12', a number stored as text; convert the column to numbers",
    ),
    "thousands as text": ("1,200", "found '1,200', a number stored as text; convert the column"),
    "a date": (pd.Timestamp("2026-03-01"), "found the date 2026-03-01; turn it into a number, or"),
    "a missing one": ("n/a", "expected a value, found 'n/a', which says that it is missing"),
    "an error": ("#N/A", "#N/A"),
    "a text": ("many", "expected a number, found 'many'; correct it"),
}


@pytest.mark.parametrize("what", BAD_CELLS)
def test_what_is_no_number_in_a_sheet_is_called_what_it_is(tmp_path, what):
    cell, part = BAD_CELLS[what]
    rows = [TABLE[0], [1, 2, 0], [3, cell, 1], [5, 6, 1]]
    message = refused(read, sheet_of(tmp_path, rows), "y")
    assert "row 3, column 'b'" in message
    assert part in message


def test_merged_cells_are_named(tmp_path):
    path = book_of(tmp_path, {"Data": TABLE})
    book = openpyxl.load_workbook(path)
    book.active.merge_cells("A2:A3")
    book.save(path)
    assert "row 3, column 'a': expected a value, found a part of the merged cells A2:A3" in refused(
        read, path, "y"
    )


def test_merged_cells_that_lie_on_one_another_are_counted_each_time(tmp_path, monkeypatch):
    looked_at = []
    earlier = range

    def counted(*bounds):
        looked_at.append(len(earlier(*bounds)))
        return earlier(*bounds)

    monkeypatch.setattr(spreadsheets, "range", counted, raising=False)
    monkeypatch.setattr(spreadsheets, "MOST_ROWS", 1_000)
    path = repacked(
        book_of(tmp_path, {"Data": TABLE}), "xl/worksheets/sheet1.xml",
        lambda xml: xml.replace(
            "</sheetData>",
            "</sheetData><mergeCells>" + '<mergeCell ref="E1:E300"/>' * 99 + "</mergeCells>",
        ),
    )  # fmt: skip
    assert read(path, "y").target == "y"
    assert sum(looked_at) < 5_000


def test_a_table_of_many_rows_is_looked_through_once(tmp_path, monkeypatch):
    made = []

    class Counted(set):
        def __init__(self, items=()):
            made.append(1)
            super().__init__(items)

    monkeypatch.setattr(spreadsheets, "set", Counted, raising=False)
    rows = [[i / 100, i % 2] for i in range(300)]
    found = read(book_of(tmp_path, {"Data": [["a", "y"], *rows]}), "y")
    assert len(found.inputs.values) == 300
    assert len(made) < 50


# --- Formulas -----------------------------------------------------------------------------

DOUBLED = [["a", "b", "y"], [1, "=A2*2", 0], [3, "=A3*2", 1], [5, "=A4*2", 1]]


def test_formulas_without_a_value_are_computed_and_that_is_said(tmp_path):
    found = read(sheet_of(tmp_path, DOUBLED), "y")
    assert found.inputs.values.tolist() == [[1, 2], [3, 6], [5, 10]]
    assert found.notes == (
        "3 formulas had no value that a spreadsheet program stored: computed here.",
    )


def test_values_that_no_spreadsheet_program_computed_are_not_trusted(tmp_path):
    # As some programs write them: every formula with the value 0, to be computed when opened.
    path = repacked(
        sheet_of(tmp_path, DOUBLED),
        "xl/worksheets/sheet1.xml",
        lambda xml: re.sub(r"</f><v ?/>|</f><v></v>", "</f><v>0</v>", xml),
    )
    assert read(path, "y").inputs.values.tolist() == [[1, 2], [3, 6], [5, 10]]


def test_values_that_a_spreadsheet_program_computed_are_taken(tmp_path):
    path = repacked(
        sheet_of(tmp_path, DOUBLED),
        "xl/worksheets/sheet1.xml",
        lambda xml: re.sub(r"A(\d)\*2</f>(<v ?/>|<v></v>)", r"A\1*2</f><v>\1</v>", xml),
    )
    repacked(path, "xl/workbook.xml", lambda xml: xml.replace('fullCalcOnLoad="1"', ""))
    found = read(path, "y")
    assert found.inputs.values[:, 1].tolist() == [2, 3, 4]
    assert found.notes == ()


def test_a_formula_that_can_not_be_computed_here_is_told(tmp_path):
    rows = [DOUBLED[0], [1, "=NOSUCH(A2)", 0], [3, "=A3*2", 1]]
    message = refused(read, sheet_of(tmp_path, rows), "y")
    assert "row 2, column B: has a formula without a value" in message
    assert "open the workbook in a spreadsheet program and save it there" in message


def test_a_name_of_a_column_may_be_a_formula(tmp_path):
    rows = [["a", '="b"&1', "y"], [1, 2, 0], [3, 4, 1]]
    assert read(sheet_of(tmp_path, rows), "y").inputs.column_labels == ("a", "b1")


def test_a_formula_beside_what_is_used_does_not_matter(tmp_path):
    rows = [*TABLE, [], [None, None, None, None, "=NOSUCH(A1)"]]
    assert read(sheet_of(tmp_path, rows), "y").inputs.values.tolist() == [[1, 2], [3, 4], [5, 6]]


# --- On the command line ------------------------------------------------------------------


ILL = "a,b,c,ill\n1,2,0,yes\n3,4,1,no\n5,1,0,no\n2,2,1,yes\n"


def test_a_network_for_two_classes_has_one_sigmoid_and_the_sheets_show_their_names(here, run):
    written(here, ILL)
    options = ["--data", "data.csv", "--target", "ill", "--hidden", "0"]
    code, out, err = run("build", *options, "-o", "x.xlsx")
    assert (code, "1 output\n" in out) == (0, True)
    assert err.startswith(
        "cellprop: data.csv: the column 'ill' has two classes: 1 is 'yes', 0 is 'no'"
    )
    book = openpyxl.load_workbook("x.xlsx", data_only=True)
    texts = [str(c.value) for row in book["Predictions"].iter_rows() for c in row if c.value]
    assert texts.count("yes") >= 2
    assert texts.count("no") >= 2
    steps = [str(c.value) for row in book["Step 0"].iter_rows() for c in row if c.value]
    assert any("two classes: no → 0; yes → 1" in text for text in steps)
    assert cellprop.verify("x.xlsx").ok
    found = run("show", "y", *options, "--one-hot", "--format", "json")[1]
    assert json.loads(found) == {"y": [[0, 1], [1, 0], [1, 0], [0, 1]]}


@pytest.mark.slow
def test_the_plane_of_two_classes_shows_their_names(here, run):
    written(here, ILL)
    options = ["--data", "data.csv", "--target", "ill", "--inputs", "a,b", "--epochs", "3"]
    assert run("build", *options, "-o", "x.xlsx")[0] == 0
    with zipfile.ZipFile("x.xlsx") as parts:
        charts = [parts.read(n).decode() for n in parts.namelist() if "charts/chart" in n]
    assert any("0: no" in chart and "1: yes" in chart for chart in charts)
    assert cellprop.verify("x.xlsx").ok


def test_an_exercise_keeps_what_two_classes_are_called():
    network = cellprop.Network([2, 2, 1], loss="binary_cross_entropy")
    trace = cellprop.trace(network, X, ["no", "yes", "no"], seed=0)
    again = carried_text.read(carried_text.text_of(question.ask(trace.update)))
    assert again.setup.model.outputs == trace.matrix("y").columns


def test_options_about_a_file_choose_sheet_cells_and_columns(here, run):
    book_of(here, {"Old": [["q"], [1]], "Data": [["Results"], *TABLE, [9, 9, 9]]}, at="B2")
    options = ["--data", "book.xlsx", "--target", "y", "--sheet", "Data", "--range", "B3:D6"]
    code, out, _ = run("show", "X", *options, "--drop", "a", "--format", "csv")
    assert code == 0
    assert [line.rsplit(",", 1)[1] for line in out.splitlines()[1:]] == ["2.0", "4.0", "6.0"]


@pytest.mark.parametrize(
    "option", ["--inputs a", "--drop a", "--sheet 1", "--range A1:B2", "--one-hot", "--missing ?"]
)
def test_an_option_about_a_file_needs_the_file(run, option):
    code, _, err = run("show", "X", *option.split())
    assert code == 2
    assert err.startswith(
        f"cellprop: {option.split()[0]} is about a file; give the file with --data."
    )
