"""What a workbook carries to be marked: the question, twice, so that either is enough.

It stands in the document's own properties, which some programs drop, and on a hidden sheet of plain
text, which every program keeps. Each copy has a digest, so that one that was damaged gives way to
the other, and may be signed with a teacher's secret.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from cellprop.errors import InputError
from cellprop.faces.layout import VERSION, Layout
from cellprop.faces.workbook.book import sheet_name
from cellprop.files.entries import Block
from cellprop.files.opening import MARK, content
from cellprop.files.safe import label
from cellprop.files.submission import Submission
from cellprop.limits import SECRET
from cellprop.marking.carried_text import digest, read, text_of
from cellprop.marking.question import Question
from cellprop.version import __version__

# The names of properties, and what the cells of the hidden sheet begin with.
PIECE = "cellprop question {}"
DIGEST = "cellprop digest"
SIGNATURE = "cellprop signature"
KEY = "key"
# Of a property in Excel; and of a cell, which holds 32,767 characters, with room for what a program
# may make of one.
LONGEST, LONGEST_IN_CELL = 255, 8_000
MOST_PIECES = 100_000
SHEET = "cellprop"
# No question takes more cells: its text is limited.
MOST_CELLS = 3_000


class NoQuestionError(InputError):
    """A workbook that carries no question, be it since a program dropped it."""


class ChangedQuestionError(InputError):
    """A workbook whose question is not as it was."""


class KeyFileError(InputError):
    """A class's key where an exercise is expected."""


# --- Written ------------------------------------------------------------------------------


def located(question: Question, layout: Layout) -> Question:
    """Return a question that says where its matrices stand when it is written out so."""
    places = {
        matrix.name: (sheet_name(step), place.row, place.column)
        for step in question.program.steps
        for matrix in step.brings
        for place in (layout.places[matrix.name],)
    }
    sheets = (layout.form, layout.rows)
    if (question.layout, question.places, question.setup.sheets) == (VERSION, places, sheets):
        return question
    setup = replace(question.setup, sheets=sheets)
    return replace(question, setup=setup, layout=VERSION, places=places)


def properties_of(question: Question, secret: bytes | None = None) -> dict[str, str]:
    """Return the properties that carry a question, by name; signed if there is a secret."""
    return _written(question, secret, LONGEST)


def cells_of(question: Question, secret: bytes | None = None) -> list[str]:
    """Return the texts of the hidden sheet's cells, from top to bottom."""
    return [f"{name}: {text}" for name, text in _written(question, secret, LONGEST_IN_CELL).items()]


def _written(question: Question, secret: bytes | None, longest: int) -> dict[str, str]:
    text = text_of(question)
    found = {MARK: __version__, DIGEST: digest(text)}
    if secret is not None:
        found[SIGNATURE] = signature(text, secret)
    pieces = pieces_of(text, longest)
    return found | {PIECE.format(k): piece for k, piece in enumerate(pieces, 1)}


def pieces_of(text: str, longest: int) -> list[str]:
    """Return a text cut into pieces."""
    return [text[i : i + longest] for i in range(0, len(text), longest)]


def signature(text: str, secret: bytes) -> str:
    """Return the signature of a question's text (HMAC-SHA256), in hexadecimal digits."""
    return hmac.digest(secret, text.encode(), "sha256").hex()


def read_secret(path: str | Path) -> bytes:
    """Return the bytes of a file that only a teacher has.

    Raises
    ------
    InputError
        If the file can't be read, or is empty.
    """
    file = Path(path)
    where = label(file)
    secret = content(file, SECRET)
    if not secret:
        raise InputError(f"{where}: expected a secret, found an empty file; put some text into it.")
    return secret


# --- Read ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Copy:
    """A question as it was found in a workbook.

    Attributes:
        where: In words.
        text: Of the question; empty if there is none.
        digest, signature: As they stand beside it.
        mark: What the workbook says that it is; empty if it says nothing.
    """

    where: str
    text: str
    digest: str
    signature: str
    mark: str

    @property
    def is_whole(self) -> bool:
        """Whether the text is as it was when its digest was taken."""
        return bool(self.text) and digest(self.text) == self.digest

    def is_signed(self, secret: bytes) -> bool:
        """Whether it was signed with a secret."""
        return hmac.compare_digest(
            signature(self.text, secret).encode(), self.signature.encode(errors="replace")
        )


def copy_in(properties: Mapping[str, str], where: str = "document properties") -> Copy:
    """Return the copy of a question that some texts, by their names, carry, whole or not."""
    pieces: list[str] = []
    while (piece := properties.get(PIECE.format(len(pieces) + 1))) is not None:
        pieces.append(piece)
        if len(pieces) > MOST_PIECES:
            break
    return Copy(
        where,
        # Whatever it is, so that a digest can be taken of it.
        "".join(pieces).encode(errors="replace").decode(),
        properties.get(DIGEST, ""),
        properties.get(SIGNATURE, ""),
        properties.get(MARK, ""),
    )


def question_of(submission: Submission, secret: bytes | None = None) -> tuple[Question, list[str]]:
    """Return the question that a workbook carries, and warnings: what a teacher should know of it.

    Parameters
    ----------
    submission
        The workbook.
    secret
        What the question has to be signed with; None if it need not be.

    Raises
    ------
    InputError
        If it carries none (`NoQuestionError`), or one that was changed or isn't signed as it has
        to be; it says which, not where.
    """
    in_properties = copy_in(submission.properties)
    if in_properties.mark == KEY:
        raise KeyFileError("it is the key of a class, not an exercise; give it with --key")
    copies = [in_properties, copy_in(_sheet_of(submission, not in_properties.is_whole), "sheet")]
    copy, warnings = chosen(copies, secret)
    return read(copy.text), warnings


def chosen(copies: Sequence[Copy], secret: bytes | None = None) -> tuple[Copy, list[str]]:
    """Return the copy that counts (the first that is whole and, if need be, signed), and warnings
    on others that differ.
    """
    there = [copy for copy in copies if copy.text]
    if not there:
        if any(copy.mark for copy in copies):
            raise InputError("it is a walkthrough, not an exercise; nothing was asked in it")
        raise NoQuestionError(
            "it does not say what was asked: its document properties are missing, and so is its"
            " hidden sheet; give the exercise as it was handed out with --question"
        )
    whole = [copy for copy in there if copy.is_whole]
    if not whole:
        raise ChangedQuestionError(
            "the question that it carries was changed; take the one that was handed out"
        )
    good = whole if secret is None else [copy for copy in whole if copy.is_signed(secret)]
    if not good:
        how = "signed with another secret" if any(c.signature for c in whole) else "not signed"
        raise InputError(f"the question that it carries is {how}; take the one that was handed out")
    return good[0], [_conflict(copy, good[0]) for copy in there if copy.text != good[0].text]


def _conflict(other: Copy, copy: Copy) -> str:
    """Return the warning about a copy of the question that differs from the one that counts."""
    what = "is another one" if other.is_whole else "was changed"
    return (
        f"the question in its {_in_words(other)} {what}; it is marked by the one in its"
        f" {_in_words(copy)}."
    )


def _in_words(copy: Copy) -> str:
    return "hidden sheet" if copy.where == "sheet" else copy.where


def _sheet_of(submission: Submission, anywhere: bool) -> dict[str, str]:
    """Return the texts that the hidden sheet carries, by name; it is found by what it holds if
    need be.
    """
    names = [SHEET] if SHEET in submission.sheets else []
    if anywhere and not names:
        names = [sheet for sheet in submission.sheets if _is_hidden_sheet(submission, sheet)][:1]
    found: dict[str, str] = {}
    for name in names:
        for text in submission.texts(Block(name, 1, 1, MOST_CELLS, 1)).values():
            key, _, value = text.partition(": ")
            found.setdefault(key, value)
    return found


def _is_hidden_sheet(submission: Submission, sheet: str) -> bool:
    return any(
        text.startswith(f"{MARK}: ") for text in submission.texts(Block(sheet, 1, 1, 1, 1)).values()
    )
