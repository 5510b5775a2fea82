"""Texts that came from outside: shown, named in a message, or written, so that they do no harm.

Knows characters; knows nothing of numbers, files or networks.
"""

from __future__ import annotations

from collections.abc import Collection

from cellprop.errors import InputError, nearest, visible


def label(value: object) -> str:
    r"""Return a label as text that is safe to show anywhere.

    Control characters (which could move a terminal's cursor, and which XML forbids) become
    their visible pictures, and halves of surrogate pairs the replacement character.

    >>> label("a\tb\x1b[31m")
    'a␉b␛[31m'
    """
    return visible(str(value))


def looks_like_formula(text: str) -> bool:
    """Whether a spreadsheet could take a text for a formula, when it is edited or read from CSV."""
    return text.startswith(("=", "+", "-", "@"))


def known(what: str, name: object, names: Collection[str]) -> None:
    """Refuse a name that is none of those there are."""
    if not isinstance(name, str) or name not in names:
        raise InputError(
            f"{what}: '{label(name)}' is not known; known: {', '.join(names)}."
            f"{nearest(str(name), names)}"
        )
