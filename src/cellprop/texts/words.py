"""The words shown to people, read from a text file that a teacher may change or translate.

`templates/words.toml` is both the default and the list of keys that any other file must have.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from string import Formatter
from types import MappingProxyType
from typing import Any

from cellprop.errors import InputError, nearest
from cellprop.files.opening import content, shown, toml_of
from cellprop.files.safe import label
from cellprop.limits import DEEPEST, LONGEST_WORDS, WORDS, check_count, too_deep
from cellprop.texts.templates import template


@dataclass(frozen=True)
class Words:
    """Texts by key, such as `sheet.title`.

    Attributes:
        texts: A text, or a tuple of texts, for each dotted key.
    """

    texts: Mapping[str, str | tuple[str, ...]]

    def __call__(self, key: str, **filled: object) -> str:
        """Return the text of a key with its `{names}` filled in."""
        text = self.texts[key]
        assert isinstance(text, str), key
        return text.format(**filled)

    def get(self, key: str) -> str:
        """Return the text of a key; empty if there is none."""
        text = self.texts.get(key, "")
        assert isinstance(text, str), key
        return text

    def notes(self, key: str) -> tuple[str, ...]:
        """Return the texts of a key that has any number of them; none if there is no such key."""
        return self.many(key) if key in self.texts else ()

    def many(self, key: str) -> tuple[str, ...]:
        """Return the texts of a key that has any number of them."""
        texts = self.texts[key]
        assert isinstance(texts, tuple), key
        return texts


def load(path: Path | None = None) -> Words:
    """Return the words of a file; without one, the default.

    Raises
    ------
    InputError
        If the file can't be read, is not TOML, or lacks a key; the message names the key.
    """
    default = _default()
    if path is None:
        return Words(_cleaned(default))
    texts = _parsed(path)
    for key, value in texts.items():
        if key not in default:
            raise InputError(
                f"{path}: there is no text {shown(key)} to change.{nearest(key, default)}"
            )
        _check(path, key, value, default[key])
    missing = [key for key in default if key not in texts]
    if missing:
        raise InputError(
            f"{path}: the text '{missing[0]}' is missing"
            f"{f' (and {len(missing) - 1} more)' if missing[1:] else ''};"
            " `cellprop words -o FILE` writes a complete file to start from."
        )
    return Words(_cleaned(texts))


@cache
def _default() -> Mapping[str, Any]:
    return MappingProxyType(_parsed(template("words.toml")))


def _parsed(path: Path) -> dict[str, Any]:
    where = label(path)
    return _flat(where, toml_of(where, content(path, WORDS)))


def _flat(where: str, tree: Mapping[str, Any], prefix: str = "", depth: int = 1) -> dict[str, Any]:
    """Return the texts of tables in tables, by dotted keys."""
    if depth > DEEPEST:
        raise too_deep(where)
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        if isinstance(value, Mapping):
            flat.update(_flat(where, value, f"{prefix}{key}.", depth + 1))
        else:
            flat[prefix + key] = tuple(value) if isinstance(value, list) else value
    return flat


def _cleaned(texts: Mapping[str, Any]) -> dict[str, str | tuple[str, ...]]:
    return {
        key: _clean(value) if isinstance(value, str) else tuple(map(_clean, value))
        for key, value in texts.items()
    }


def _clean(text: str) -> str:
    """Return a text without line breaks and control characters, its blanks made single."""
    return label(" ".join(text.split()))


def _check(path: Path, key: str, value: object, default: str | tuple[str, ...]) -> None:
    texts = value if isinstance(value, tuple) else (value,)
    is_one = isinstance(default, str)
    if isinstance(value, tuple) is is_one or not all(isinstance(text, str) for text in texts):
        kind = "one text" if is_one else "a list of texts in [ ]"
        quoted = "" if isinstance(value, str) or texts == value else ", in quotation marks"
        raise InputError(f"{path}: '{key}' is to be {kind}{quoted}.")
    for text in texts:
        _check_length(path, key, text)
    if isinstance(value, str) and isinstance(default, str):
        allowed = _fields(default)
        try:
            wrong = sorted(_fields(value) - allowed)
        except ValueError as error:
            raise InputError(
                f"{path}: '{key}' has a brace that can't be read ({error}); write {{{{ for a brace."
            ) from None
        if wrong:
            known = ", ".join(f"{{{name}}}" for name in sorted(allowed)) or "none"
            raise InputError(
                f"{path}: '{key}' asks for {{{wrong[0]}}}, which is not known; known: {known}."
            )


def _check_length(path: Path, key: str, text: str) -> None:
    check_count(f"{path}, '{key}'", "characters", len(text), LONGEST_WORDS, "shorten it")


def _fields(text: str) -> set[str]:
    found = set()
    for _, name, spec, conversion in Formatter().parse(text):
        if name is not None:
            found.add(name if not spec and not conversion else f"{name}!{conversion}:{spec}")
    return found
