"""The words shown to people, read from a text file that a teacher may change or translate.

`templates/words.toml` is both the default and the list of keys that any other file must have.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from string import Formatter
from typing import Any

from cellprop.data import label
from cellprop.errors import InputError, nearest
from cellprop.templates import template


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
        return Words(default)
    texts = _flat(_parsed(path))
    for key, value in texts.items():
        if key not in default:
            raise InputError(f"{path}: there is no text '{key}' to change.{nearest(key, default)}")
        _check(path, key, value, default[key])
    missing = [key for key in default if key not in texts]
    if missing:
        raise InputError(
            f"{path}: the text '{missing[0]}' is missing"
            f"{f' (and {len(missing) - 1} more)' if missing[1:] else ''};"
            " `cellprop words -o FILE` writes a complete file to start from."
        )
    return Words(texts)


@cache
def _default() -> Mapping[str, str | tuple[str, ...]]:
    return _flat(_parsed(template("words.toml")))


def _parsed(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            return tomllib.load(file)
    except OSError as error:
        raise InputError(f"{path}: can't read the words: {error.strerror}.") from None
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path}: expected UTF-8 text, found byte {error.object[error.start]:#04x}"
            f" at position {error.start}; save the file as UTF-8."
        ) from None
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{path}: not valid TOML: {error}.") from None


def _flat(tree: Mapping[str, Any], prefix: str = "") -> dict[str, str | tuple[str, ...]]:
    flat: dict[str, str | tuple[str, ...]] = {}
    for key, value in tree.items():
        if isinstance(value, Mapping):
            flat.update(_flat(value, f"{prefix}{key}."))
        elif isinstance(value, list):
            flat[prefix + key] = tuple(_clean(item) for item in value)
        else:
            flat[prefix + key] = _clean(value)
    return flat


def _clean(value: object) -> str:
    """Return a text without line breaks and control characters, its blanks made single."""
    return label(" ".join(str(value).split()))


def _check(path: Path, key: str, value: object, default: str | tuple[str, ...]) -> None:
    if isinstance(value, str) != isinstance(default, str):
        kind = "one text" if isinstance(default, str) else "a list of texts in [ ]"
        raise InputError(f"{path}: '{key}' is to be {kind}.")
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


def _fields(text: str) -> set[str]:
    found = set()
    for _, name, spec, conversion in Formatter().parse(text):
        if name is not None:
            found.add(name if not spec and not conversion else f"{name}!{conversion}:{spec}")
    return found
