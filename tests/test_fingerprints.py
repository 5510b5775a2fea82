"""What a user sees is what it was: workbooks, reports, texts and messages of every kind.

A change that is meant is written down with `python tests/fingerprints.py --renew`; what a case
wrote before and writes now is laid side by side with its `--write`.
"""

from __future__ import annotations

import io
import zipfile

import pytest

import fingerprints
from conftest import slow_but


@pytest.mark.parametrize(
    "name",
    slow_but([n for n in fingerprints.CASES if n not in fingerprints.SLOW], fingerprints.CASES),
)
def test_what_a_user_sees_is_what_it_was(name):
    if library := fingerprints.another_version(name):
        pytest.skip(f"{library}: what it prints may look different")
    assert fingerprints.differences(fingerprints.outputs(name), fingerprints.stored()[name]) == []


def test_no_fingerprint_is_left_of_what_is_no_longer_made():
    assert list(fingerprints.stored()) == list(fingerprints.CASES)
    assert set(fingerprints.CASES) > fingerprints.SLOW


# --- A difference is noticed, and where it is ----------------------------------------------


def kept(parts):
    return {part: fingerprints.fingerprint(content) for part, content in parts.items()}


def test_the_first_line_that_differs_is_told():
    was = kept({"printed": b"one\ntwo\nthree"})
    assert fingerprints.differences({"printed": b"one\ntwo\nthree"}, was) == []
    assert fingerprints.differences({"printed": b"one\n2\n3"}, was) == [
        "printed: line 2 differs, now '2'"
    ]
    assert fingerprints.differences({"printed": b"one\ntwo\nthree\n"}, was) == [
        "printed: has 4 lines, had 3"
    ]


def test_a_part_that_is_missing_new_or_different_is_told():
    was = kept({"a": b"1", "b": b"2"})
    assert fingerprints.differences({"b": b"3", "c": b"1"}, was) == [
        "a: missing",
        "c: new",
        "b: differs, now begins '3'",
    ]


def packed(level, **parts):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=level) as book:
        for name, content in parts.items():
            book.writestr(zipfile.ZipInfo(name), content)
    return file.getvalue()


def test_a_workbook_is_known_by_its_parts_however_they_are_packed():
    parts = {"sheet1": b"<row/>" * 90, "sheet2": b"<row/>"}
    was = kept(fingerprints.unpacked("a.xlsx", packed(9, **parts)))
    assert fingerprints.differences(fingerprints.unpacked("a.xlsx", packed(0, **parts)), was) == []
    changed = packed(9, **parts | {"sheet2": b"<row></row>"})
    assert fingerprints.differences(fingerprints.unpacked("a.xlsx", changed), was) == [
        "a.xlsx: sheet2: differs, now begins '<row></row>'"
    ]
    turned = packed(9, **dict(reversed(parts.items())))
    (found,) = fingerprints.differences(fingerprints.unpacked("a.xlsx", turned), was)
    assert found.startswith("a.xlsx: line 1 differs")
