"""Tests of the XML that is written: what openpyxl left to us, in one form."""

from __future__ import annotations

import re
from xml.etree.ElementTree import canonicalize

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellprop.faces.workbook.xml import _canonical, _part

OFFICE, DRAWING = "urn:office", "urn:drawing"
TEXTS = st.text(st.sampled_from("aZ1 &<>\"'\t\n\rä€_"), max_size=6)


@st.composite
def documents(draw: st.DrawFn, depth: int = 2) -> str:
    """Return a document of a few elements, some in namespaces that they declare themselves."""
    prefix = draw(st.sampled_from(["", "o:", "d:"]))
    name = prefix + draw(st.sampled_from(["a", "b"]))
    shared = draw(st.booleans())
    declared = f' xmlns:o="{OFFICE}" xmlns:d="{DRAWING if shared else draw(st.sampled_from("xy"))}"'
    listed = draw(st.dictionaries(st.sampled_from(["z", "c", "d:c", "o:y", "b"]), TEXTS))
    attributes = "".join(f' {key}="{_typed(value)}"' for key, value in listed.items())
    inside = _typed(draw(TEXTS))
    if depth:
        inside += "".join(draw(st.lists(documents(depth - 1), max_size=2)))
    return f"<{name}{declared}{attributes}>{inside}</{name}>"


def _typed(text: str) -> str:
    return re.sub(r'[&<>"\t\n\r]', lambda found: f"&#{ord(found[0])};", text)


@given(documents())
def test_the_form_of_a_part_says_the_same_as_the_part(document: str) -> None:
    assert canonicalize(_canonical(document)) == canonicalize(document)


@given(documents())
def test_the_form_of_a_part_is_the_same_if_it_is_taken_again(document: str) -> None:
    once = _canonical(document)
    assert _canonical(once) == once


@pytest.mark.parametrize("order", ['b="1" a="2"', 'a="2" b="1"'])
def test_a_part_is_the_same_whatever_the_order_of_its_attributes(order: str) -> None:
    assert _canonical(f"<c {order}/>") == '<c a="2" b="1"/>'


def test_what_is_so_without_saying_is_left_out() -> None:
    found = _canonical('<workbookView tabRatio="600" visibility="hidden"/>')
    assert found == '<workbookView visibility="hidden"/>'


def test_neighbouring_columns_that_are_alike_are_one_and_others_are_not() -> None:
    columns = ((1, "8"), (2, "8"), (3, "9"), (5, "9"), (6, "9"))
    stored = "".join(f'<col customWidth="1" max="{n}" min="{n}" width="{w}"/>' for n, w in columns)
    found = _part("xl/worksheets/sheet1.xml", f"<a><cols>{stored}</cols></a>")
    assert re.findall(r'max="(\d)" min="(\d)" width="(\d)"', found) == [
        ("2", "1", "8"), ("3", "3", "9"), ("6", "5", "9")
    ]  # fmt: skip


def test_namespaces_are_declared_at_the_root() -> None:
    found = _canonical(f'<a xmlns="{OFFICE}"><b><d:c xmlns:d="{DRAWING}" d:e="1"/></b></a>')
    assert found == (f'<a xmlns:d="{DRAWING}" xmlns="{OFFICE}"><b><d:c d:e="1"/></b></a>')


def test_a_name_of_two_namespaces_stays_where_it_is_declared() -> None:
    found = _canonical('<a><d:b xmlns:d="x"/><d:b xmlns:d="y"/></a>')
    assert found == '<a><d:b xmlns:d="x"></d:b><d:b xmlns:d="y"></d:b></a>'
