"""A text from outside is safe to show, and nothing else of it changes."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellprop.files.safe import label

any_text = st.text(
    st.characters()
    | st.characters(categories=("Cc", "Cs", "Cf", "Zl", "Zp"))
    | st.sampled_from("\ufffe\uffff")
)
OVERRIDES = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


@given(any_text)
def test_a_label_never_holds_what_could_move_a_cursor_or_break_xml(text):
    safe = label(text)
    assert len(safe) == len(text)
    assert not {unicodedata.category(character) for character in safe} & {"Cc", "Cs", "Zl", "Zp"}
    assert not set(safe) & {*OVERRIDES, "\ufffe", "\uffff"}
    assert len(safe.splitlines()) <= 1
    safe.encode("utf-8")


@given(any_text)
def test_making_a_label_safe_twice_changes_nothing_more(text):
    assert label(label(text)) == label(text)


@pytest.mark.parametrize(
    "text",
    [
        "height (cm)",
        "=1+1",
        "<b>&amp;",
        "Größe",
        "身長",
        "גובה",
        "ارتفاع",
        "ऊँचाई",
        "🧠👩‍🔬",
        "e\u0301",
        "x" * 300,
        " spaces ",
    ],
)
def test_any_script_is_kept_as_it_is(text):
    assert label(text) == text


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("a\tb\r\n", "a␉b␍␊"),
        ("\x00\x1b\x7f", "␀␛␡"),
        ("\x85\x9b", "��"),
        ("a\ud800", "a�"),
        ("\udc00b", "�b"),
        ("ab\u202ecd", "ab�cd"),
        ("a\u2028b\u2029", "a�b�"),
        ("\ufffe\uffff", "��"),
    ],
)
def test_what_is_not_safe_shows_that_something_stood_there(text, safe):
    assert label(text) == safe


def test_anything_has_a_label():
    assert [label(value) for value in (7, 2.5, None, ("a", 1))] == ["7", "2.5", "None", "('a', 1)"]
