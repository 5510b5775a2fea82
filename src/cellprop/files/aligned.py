"""Putting what has labels in order by them, as scikit-learn does: never silently by place.

Knows labels; knows nothing of networks or steps. What has no labels is taken as it stands.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from unicodedata import normalize

from cellprop.algebra import Array, Axis
from cellprop.errors import InputError
from cellprop.files.arrays import offers
from cellprop.files.opening import listed
from cellprop.files.safe import label
from cellprop.files.samples import Table, numbers

# A label that only numbers: `x1`, `input 2`.
NUMBERED = re.compile(r"(.*\D|)(\d{1,9})", re.ASCII | re.DOTALL)
# What a label that was cut to fit a cell ends with.
CUT = "…"


def columns(name: str, found: Table, wanted: Sequence[str], *, named: bool) -> Table:
    """Return a table with its columns in the order of those that are wanted.

    Parameters
    ----------
    name
        How errors call the table.
    found
        Its columns have labels, or none: then they are taken by place.
    wanted
        The labels that are expected.
    named
        Whether these are names; else they only number the columns, which are then taken by place
        unless theirs are the same labels.

    Raises
    ------
    InputError
        If its columns have other names, or one of them twice.
    """
    labels = found.column_labels
    if labels is None:
        return found
    order = _order(labels, wanted)
    if order is None and named and not _count(labels):
        remedy = "name the columns so, or give an array, which goes by place"
        raise _differ(name, "columns", labels, wanted, remedy)
    if order is None or order == list(range(len(order))):
        return found
    decimals = tuple(found.decimals[i] for i in order) if found.decimals else ()
    values = found.values[:, order]
    return replace(found, values=values, column_labels=tuple(wanted), decimals=decimals)


def matrix(name: str, source: Any, rows: Axis, columns: Axis) -> Any:
    """Return a matrix as an array, its rows and columns in the order of their axes.

    What has no labels, or another shape, stays as it is: others tell what is wrong with that.

    Raises
    ------
    InputError
        If its rows or columns have labels which are not those of their axis.
    """
    sides = _labels_of(source)
    if sides is None:
        return source
    across, down = sides
    values = numbers(name, source.values if isinstance(source, Table) else source)
    if values.ndim == 1:
        values = values[None, :] if rows.size == 1 else values[:, None]
    if values.shape != (rows.size, columns.size):
        return values
    values = _taken(name, "rows", values, down, rows, 0)
    return _taken(name, "columns", values, across, columns, 1)


def _labels_of(source: Any) -> tuple[Sequence[str] | None, Sequence[str] | None] | None:
    """Return the labels of columns and rows, of what may have some."""
    if isinstance(source, Table):
        return source.column_labels, source.row_labels
    if not offers(source, "index", "to_numpy"):
        return None
    index = tuple(map(label, source.index))
    if offers(source, "columns"):
        return tuple(map(label, source.columns)), index
    return index, index  # a Series is a row or a column; the other side has one label


def _taken(
    name: str, what: str, values: Array, labels: Sequence[str] | None, axis: Axis, side: int
) -> Array:
    if labels is None or len(labels) != axis.size or axis.size == 1:
        return values
    order = _order(labels, axis.labels)
    if order is not None:
        return values.take(order, axis=side)
    if (
        _number(labels)
        or _number(axis.labels)
        # What neurons in between are called is anybody's choice.
        or axis.name.startswith("hidden")
    ):
        return values
    remedy = f"name the {what} so, or give numbers without labels, which go by place"
    raise _differ(name, what, labels, axis.labels, remedy)


def _order(labels: Sequence[str], wanted: Sequence[str]) -> list[int] | None:
    """Return the places of those that are wanted, from 0; None if the labels are not those."""
    if len(labels) != len(wanted):
        return None
    # The same letters, however they are put together.
    labels, wanted = ([normalize("NFC", each) for each in side] for side in (labels, wanted))
    if all(map(_fits, labels, wanted)):
        return list(range(len(wanted)))
    if len(set(labels)) < len(labels) or len(set(wanted)) < len(wanted):
        return None
    place = {each: i for i, each in enumerate(labels)}
    order = [place.get(each, -1) for each in wanted]
    if -1 in order and any(each.endswith(CUT) for each in labels):
        fitting = [[i for i, each in enumerate(labels) if _fits(each, one)] for one in wanted]
        order = [found[0] if len(found) == 1 else -1 for found in fitting]
    return order if sorted(order) == list(range(len(order))) else None


def _fits(found: str, wanted: str) -> bool:
    return found == wanted or (found.endswith(CUT) and wanted.startswith(found.removesuffix(CUT)))


def are_names(labels: Sequence[str] | None) -> bool:
    """Whether labels are names of something, and don't only count."""
    return labels is not None and not _count(labels)


def _count(labels: Sequence[str]) -> bool:
    """Whether labels only count from 0, as those of a DataFrame do that was given none."""
    return list(labels) == [str(i) for i in range(len(labels))]


def _number(labels: Sequence[str]) -> bool:
    """Whether labels number what they stand beside, from 0 or 1: `x1`, `x2`, …."""
    found = [match for match in map(NUMBERED.fullmatch, labels) if match]
    if len(found) < len(labels) or len({match[1] for match in found}) > 1:
        return False
    numbers = [int(match[2]) for match in found]
    return numbers == list(range(numbers[0], numbers[0] + len(numbers))) and numbers[0] in (0, 1)


def _differ(
    name: str, what: str, labels: Sequence[str], wanted: Sequence[str], remedy: str
) -> InputError:
    faults = [
        f"{said}: {listed(these)}"
        for said, these in (
            ("missing", [each for each in wanted if each not in labels]),
            ("unknown", [each for each in dict.fromkeys(labels) if each not in wanted]),
            ("there twice", [e for i, e in enumerate(labels) if e in labels[:i]][:1]),
        )
        if these
    ] or ["the same name is expected twice"]
    return InputError(
        f"{name}: expected the {what} {listed(wanted)} (in any order), found {listed(labels)};"
        f" {', '.join(faults)}; {remedy}."
    )
