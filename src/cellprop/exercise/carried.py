"""What a workbook carries to be marked: the question, in the document's own properties.

A property holds no more than 255 characters in Excel, so the text is cut into pieces.
"""

from __future__ import annotations

from collections.abc import Mapping

from cellprop import __version__
from cellprop.errors import InputError
from cellprop.opening import MARK
from cellprop.question import Question, digest, read

PIECE = "cellprop question {}"
DIGEST = "cellprop digest"
LONGEST = 255
MOST_PIECES = 100_000


def properties_of(question: Question) -> dict[str, str]:
    """Return the properties that carry a question, by name."""
    text = question.text
    pieces = [text[i : i + LONGEST] for i in range(0, len(text), LONGEST)]
    found = {MARK: __version__, DIGEST: question.digest}
    return found | {PIECE.format(k): piece for k, piece in enumerate(pieces, 1)}


def question_in(properties: Mapping[str, str]) -> Question:
    """Return the question that a workbook carries.

    Raises
    ------
    InputError
        If it carries none, or one that was changed; it says which, not where.
    """
    pieces: list[str] = []
    while (piece := properties.get(PIECE.format(len(pieces) + 1))) is not None:
        pieces.append(piece)
        if len(pieces) > MOST_PIECES:
            break
    if not pieces:
        if MARK in properties:
            raise InputError("it is a walkthrough, not an exercise; nothing was asked in it")
        raise InputError(
            "it does not say what was asked: its document properties are missing; save it as .xlsx"
            " with a program that keeps them, such as Excel or LibreOffice"
        )
    text = "".join(pieces)
    if digest(text) != properties.get(DIGEST):
        raise InputError(
            "the question that it carries was changed; take the one that was handed out"
        )
    return read(text)
