"""Samples that a caller hands over: anything that becomes a table of finite numbers with labels.

Knows arrays, lists and DataFrames; knows nothing of networks or steps. pandas is not imported:
a DataFrame is recognised by its columns and index.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cellprop.algebra import Array, Axis
from cellprop.errors import InputError
from cellprop.files.arrays import MASKED, as_array, offers, real
from cellprop.files.missing import is_nothing, is_number
from cellprop.files.safe import label

# A number beyond this would overflow when numbers are multiplied along the way.
LARGEST = 1e50
RAGGED = "expected rows of equal length, found rows that differ"


@dataclass(frozen=True)
class Table:
    """Numbers with a label for each row and column.

    Attributes:
        values: Shape (samples, columns).
        row_labels, column_labels: As text; None where the source had none.
        axis: What the columns are, as `classes`; None where the source doesn't say.
        zero: Of two classes in one column, what 0 stands for; 1 stands for its label.
        decimals: How many the numbers of each column were written with; none where nobody knows.
    """

    values: Array
    row_labels: tuple[str, ...] | None
    column_labels: tuple[str, ...] | None
    axis: str | None = None
    zero: str = ""
    decimals: tuple[int, ...] = ()

    def rows(self, name: str) -> Axis:
        """Return the axis of the rows, numbered where the source had no labels."""
        if self.row_labels is None:
            return Axis.numbered(name, len(self.values))
        return Axis(name, self.row_labels)

    def columns(self, name: str, prefix: str) -> Axis:
        """Return the axis of the columns, as `prefix1`, … where the source had no labels."""
        if self.column_labels is None:
            return Axis.numbered(self.axis or name, self.values.shape[1], prefix)
        return Axis(self.axis or name, self.column_labels, self.zero)


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
    rows, columns = row_labels(source), _column_labels(source)
    array = numbers(name, source, rows, columns)
    if array.ndim == 1:
        array = array[:, np.newaxis]
    if array.ndim != 2:
        raise InputError(
            f"{name}: expected a table with a row for each sample, found {array.ndim} dimensions."
        )
    if array.size == 0:
        found = f"{array.shape[0]} rows × {array.shape[1]} columns"
        raise InputError(f"{name}: expected at least one row and one column, found {found}.")
    return Table(array, rows, columns)


def row_labels(source: Any) -> tuple[str, ...] | None:
    """Return the index of a DataFrame or Series, unless it only counts."""
    if not offers(source, "index", "to_numpy"):
        return None
    index = list(source.index)
    return None if index == list(range(len(index))) else tuple(map(label, index))


def _column_labels(source: Any) -> tuple[str, ...] | None:
    """Return the columns of a DataFrame, or the name of a Series, of whichever library."""
    if not offers(source, "to_numpy"):
        return None
    if offers(source, "columns"):
        return tuple(map(label, source.columns))
    name = source.name if offers(source, "name") else None
    return None if name is None else (label(name),)


def numbers(
    name: str,
    source: Any,
    row_labels: tuple[str, ...] | None = None,
    column_labels: tuple[str, ...] | None = None,
) -> Array:
    """Return `source` as a new array of finite numbers, or an error that names the cell."""
    raw = _raw(name, source)
    if raw.dtype.kind in "biuf":
        array = raw.astype(np.float64)
    else:
        array = np.empty(raw.shape)
        value: Any
        for place, value in np.ndenumerate(raw):
            try:
                array[place] = real(value)
            except (TypeError, ValueError, OverflowError):
                if isinstance(value, (list, tuple, np.ndarray)):
                    raise InputError(f"{name}: {RAGGED}.") from None
                where = _where(place, row_labels, column_labels)
                shown = repr(label(value))
                if place and isinstance(value, str) and is_number(value):
                    shown += ", a number stored as text; turn it into one"
                elif not place and not isinstance(value, str | bytes | complex):
                    shown = f"{type(value).__name__}; give an array, a list or a DataFrame"
                if is_nothing(value):
                    shown = "a masked value" if value is MASKED else "nothing"
                raise InputError(f"{name}{where}: expected a number, found {shown}.") from None
    wrong = ~(np.abs(array) <= LARGEST)  # also true for NaN
    if wrong.any():
        place = tuple(int(i) for i in np.argwhere(wrong)[0])
        found = f"{array[place]:g}"
        if np.isnan(array[place]):
            found = "an empty cell (NaN)" if place else "NaN"
        where = _where(place, row_labels, column_labels)
        raise InputError(
            f"{name}{where}: expected a finite number within ±{LARGEST:g}, found {found}."
        )
    return array


def _raw(name: str, source: Any) -> NDArray[Any]:
    """Return the array that a source is or makes: of numbers, or of objects."""
    try:
        raw, _ = as_array(source)
        if raw.dtype.kind == "c" and isinstance(source, (list, tuple)):
            return np.asarray(source, dtype=object)  # not all of it need be complex
    except ValueError:
        raise InputError(f"{name}: {RAGGED}.") from None
    except Exception as error:  # another library's arrays may raise anything
        reason = label(" ".join(str(error).split())[:100] or type(error).__name__)
        raise InputError(
            f"{name}: its numbers can't be read ({reason}); give an array of NumPy."
        ) from None
    if raw.dtype.names is not None:
        fields = label(", ".join(raw.dtype.names))
        raise InputError(
            f"{name}: expected numbers, found records of {fields}; give a DataFrame of them."
        )
    if raw.dtype.kind == "M":
        # As text: NumPy makes whole numbers of some.
        return np.char.replace(raw.astype("M8[s]").astype(str), "T", " ").astype(object)
    if raw.dtype.kind == "m":
        return np.array([str(cell) for cell in raw.flat], dtype=object).reshape(raw.shape)
    return raw if raw.dtype.kind in "biuf" else raw.astype(object)


def _where(
    place: tuple[int, ...],
    row_labels: tuple[str, ...] | None,
    column_labels: tuple[str, ...] | None,
) -> str:
    """Return the words for where a cell stands, counted from 1 and with the labels there are."""
    sides = []
    for side, position, labels in zip(
        ("row", "column"), place, (row_labels, column_labels), strict=False
    ):
        named = f" ({labels[position]})" if labels else ""
        sides.append(f"{side} {position + 1}{named}")
    return f", {', '.join(sides)}" if sides else ""
