"""Reading samples: anything that becomes a table of finite numbers with labels.

Knows arrays, lists and DataFrames; knows nothing of networks or steps. pandas is not imported:
a DataFrame is recognised by its columns and index.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from importlib import resources
from typing import Any

import numpy as np

from cellprop.algebra import Array, Axis
from cellprop.errors import InputError, nearest, visible

# A number beyond this would overflow when numbers are multiplied along the way.
LARGEST = 1e50


@dataclass(frozen=True)
class Table:
    """Numbers with a label for each row and column.

    Attributes:
        values: Shape (samples, columns).
        row_labels, column_labels: As text; None where the source had none.
        axis: What the columns are, as `classes`; None where the source doesn't say.
    """

    values: Array
    row_labels: tuple[str, ...] | None
    column_labels: tuple[str, ...] | None
    axis: str | None = None

    def rows(self, name: str) -> Axis:
        """Return the axis of the rows, numbered where the source had no labels."""
        if self.row_labels is None:
            return Axis.numbered(name, len(self.values))
        return Axis(name, self.row_labels)

    def columns(self, name: str, prefix: str) -> Axis:
        """Return the axis of the columns, as `prefix1`, … where the source had no labels."""
        if self.column_labels is None:
            return Axis.numbered(self.axis or name, self.values.shape[1], prefix)
        return Axis(self.axis or name, self.column_labels)


def table(name: str, source: Any) -> Table:
    """Return `source` as a table of finite numbers, samples as rows.

    Parameters
    ----------
    name
        How errors call it.
    source
        A DataFrame (its columns and index become labels), a Series or a flat list (one column),
        or anything that NumPy makes a two-dimensional array of. A table stays as it is.

    Raises
    ------
    InputError
        If it is empty, has more than two dimensions, or holds something that is not a finite
        number; the message names the row and column.
    """
    if isinstance(source, Table):
        return source
    row_labels = column_labels = None
    if hasattr(source, "index") and hasattr(source, "to_numpy"):
        index = list(source.index)
        if index != list(range(len(index))):
            row_labels = tuple(map(label, index))
        if hasattr(source, "columns"):
            column_labels = tuple(map(label, source.columns))
        elif source.name is not None:
            column_labels = (label(source.name),)
        source = source.to_numpy()
    array = numbers(name, source, row_labels, column_labels)
    if array.ndim == 1:
        array = array[:, np.newaxis]
    if array.ndim != 2:
        raise InputError(
            f"{name}: expected a table with a row for each sample, found {array.ndim} dimensions."
        )
    if array.size == 0:
        found = f"{array.shape[0]} rows × {array.shape[1]} columns"
        raise InputError(f"{name}: expected at least one row and one column, found {found}.")
    return Table(array, row_labels, column_labels)


def numbers(
    name: str,
    source: Any,
    row_labels: tuple[str, ...] | None = None,
    column_labels: tuple[str, ...] | None = None,
) -> Array:
    """Return `source` as a new array of finite numbers, or an error that names the cell."""
    try:
        raw = np.asarray(source)
    except ValueError:
        raise InputError(
            f"{name}: expected rows of equal length, found rows that differ."
        ) from None
    if raw.dtype.kind in "biuf":
        array = raw.astype(np.float64)
    else:
        # As objects: among text, NumPy makes text of numbers too, and the wrong cell is named.
        raw = np.asarray(source, dtype=object)
        array = np.empty(raw.shape)
        for place, value in np.ndenumerate(raw):
            try:
                array[place] = _number(value)
            except (TypeError, ValueError, OverflowError):
                where = _where(place, row_labels, column_labels)
                shown = "nothing" if value is None else repr(label(value))
                raise InputError(f"{name}{where}: expected a number, found {shown}.") from None
    wrong = ~(np.abs(array) <= LARGEST)  # also true for NaN
    if wrong.any():
        place = tuple(int(i) for i in np.argwhere(wrong)[0])
        value = array[place]
        found = f"{value:g}"
        if np.isnan(value):
            found = "an empty cell (NaN)" if place else "NaN"
        where = _where(place, row_labels, column_labels)
        raise InputError(
            f"{name}{where}: expected a finite number within ±{LARGEST:g}, found {found}."
        )
    return array


def _number(value: object) -> float:
    # "1" in a column of text is still text: the user should see that the column is not numeric.
    if isinstance(value, (str, bytes, complex)):
        raise TypeError
    return float(value)  # type: ignore[arg-type]


def _where(
    place: tuple[int, ...],
    row_labels: tuple[str, ...] | None,
    column_labels: tuple[str, ...] | None,
) -> str:
    """Return where a cell stands, counted from 1 and with the labels there are."""
    sides = []
    for side, position, labels in zip(
        ("row", "column"), place, (row_labels, column_labels), strict=False
    ):
        named = f" ({labels[position]})" if labels else ""
        sides.append(f"{side} {position + 1}{named}")
    return f", {', '.join(sides)}" if sides else ""


def label(value: object) -> str:
    r"""Return a label as text that is safe to show anywhere.

    Control characters (which could move a terminal's cursor, and which XML forbids) become
    their visible pictures, and halves of surrogate pairs the replacement character.

    >>> label("a\tb\x1b[31m")
    'a␉b␛[31m'
    """
    return visible(str(value))


def known(what: str, name: object, names: Collection[str]) -> None:
    """Refuse a name that is none of those there are."""
    if not isinstance(name, str) or name not in names:
        raise InputError(
            f"{what}: '{label(name)}' is not known; known: {', '.join(names)}."
            f"{nearest(str(name), names)}"
        )


def looks_like_formula(text: str) -> bool:
    """Whether a spreadsheet could take a text for a formula, when it is edited or read from CSV."""
    return text.startswith(("=", "+", "-", "@"))


def examples() -> tuple[str, ...]:
    """Return the names of the examples that ship with the package, the article's first."""
    files = (resources.files("cellprop") / "examples").iterdir()
    names = {file.name.removesuffix(".json") for file in files if file.name.endswith(".json")}
    usual = ("article", "notebook", "moons", "blobs", "xor", "iris")
    return tuple(sorted(names, key=lambda name: (name not in usual, [*usual, name].index(name))))


def example(name: str = "article") -> dict[str, Any]:
    """Return an example as it stands in its file, its X and y as tables with their labels.

    Raises
    ------
    InputError
        If there is no such example.
    """
    import json

    known("example", name, examples())
    file = resources.files("cellprop") / "examples" / f"{name}.json"
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    axis = "classes" if found["classes"] else None
    for key, labels in (("X", found["inputs"]), ("y", found["outputs"])):
        values = np.array(found[key], dtype=np.float64)
        columns = tuple(labels) if labels else None
        found[key] = Table(values, None, columns, axis if key == "y" else None)
    return found
