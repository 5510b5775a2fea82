"""Classes as numbers: a column of names becomes targets that a network can be trained on.

Knows which of two classes says yes, and how many outputs classes need; knows nothing of networks.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from cellprop.errors import InputError
from cellprop.files.arrays import offers
from cellprop.files.missing import is_missing, is_nothing, is_number
from cellprop.files.safe import label
from cellprop.files.samples import Table, row_labels, table
from cellprop.limits import MOST_CLASSES

# A column of text with few classes may have one for each sample.
FEW_CLASSES = 20
# What 1 stands for, of two classes of which one is said like this; or the other, for 0.
YES = frozenset((
    "yes", "y", "true", "t", "ja", "j", "wahr", "oui", "o", "vrai", "sí", "si", "sì", "verdadero",
    "vero", "sim", "verdadeiro", "on", "positive", "positiv", "pos", "+",
))  # fmt: skip
NO = frozenset((
    "no", "n", "false", "f", "nein", "falsch", "non", "faux", "falso", "não", "nao", "nee", "nej",
    "off", "negative", "negativ", "neg", "none", "control",
))  # fmt: skip
WHOLE = re.compile(r"-?\d+", re.ASCII)


def coded(names: Sequence[str], *, one_hot: bool, order: Sequence[str] = ()) -> Table:
    """Return classes as numbers.

    Two are one column, 1 where a sample is of the second (of `no` and `yes`, of that which says
    yes), unless `one_hot`; else there is a column for each, 1 where a sample is of that class.

    Parameters
    ----------
    names
        The class of each sample.
    one_hot
        Whether two classes have two columns.
    order
        Those there are, in their order. Else those that are numbers come first and by size.

    Raises
    ------
    InputError
        If there are fewer than two, or so many that they seem to be names.
    """
    found = [name for name in order if name in set(names)] or _in_order(names)
    if len(found) == 1:
        only = f"only '{label(found[0])}'"
        raise InputError(f"expected at least two classes, found {only}; add samples of another.")
    if len(found) > min(max(FEW_CLASSES, len(names) / 2), MOST_CLASSES):
        raise InputError(
            f"expected classes, found {len(found)} different ones in {len(names)} samples: names,"
            " it seems, not classes; take another column as the target."
        )
    position = {name: i for i, name in enumerate(found)}
    chosen = np.array([position[name] for name in names])
    if len(found) == 2 and not one_hot:
        values = chosen[:, np.newaxis].astype(np.float64)
        return Table(values, None, (found[1],), axis="classes", zero=found[0])
    return Table(np.eye(len(found))[chosen], None, tuple(found), axis="classes")


def _in_order(names: Sequence[str]) -> list[str]:
    def order(name: str) -> tuple[bool, float, str]:
        whole = WHOLE.fullmatch(name)
        return not whole, float(name) if whole else 0.0, name

    found = sorted(set(names), key=order)
    if len(found) == 2:
        first, second = (name.casefold() for name in found)
        says_yes = first in YES and second not in YES
        if says_yes or (second in NO and first not in NO | YES):
            found.reverse()
    return found


def targets(source: Any, outputs: int | None, *, classes: bool) -> Table:
    """Return targets as a table: numbers as they are, one column of texts or truths as classes.

    Parameters
    ----------
    source
        As `table` takes it.
    outputs
        How many the network has: with two, two classes have two columns. None: one for each.
    classes
        Whether a column of whole numbers holds classes as well.

    Raises
    ------
    InputError
        As `table`; or if a class is missing, or the classes are not as many as the outputs.
    """
    if isinstance(source, Table):
        return source
    order, names = _classes_of(source, classes and outputs != 1)
    if names is None:
        return table("y", source)
    try:
        found = coded(names, one_hot=outputs != 1, order=order)
    except InputError as error:
        raise InputError(f"y: {error}") from None
    names_found = found.column_labels or ()
    if outputs is not None and len(names_found) != outputs:
        there = (found.zero, *names_found) if found.zero else names_found
        needed = f"{'1 or ' if len(there) == 2 else ''}{len(there)} outputs"
        more = ", …" if len(there) > FEW_CLASSES else ""
        raise InputError(
            f"y: {len(there)} classes ({', '.join(there[:FEW_CLASSES])}{more}) need a network of"
            f" {needed}, found {outputs}."
        )
    return Table(found.values, row_labels(source), names_found, found.axis, found.zero)


def _classes_of(source: Any, wanted: bool) -> tuple[Sequence[str], Sequence[str] | None]:
    """Return the names of the classes, if the source says them, and the class of each sample.

    None for what holds no classes.
    """
    is_table = offers(source, "columns", "iloc")
    column = source.iloc[:, 0] if is_table and len(source.columns) == 1 else source
    dtype = column.dtype if offers(column, "dtype") else None
    categories = getattr(dtype, "categories", None)
    try:
        cells = column.tolist() if offers(column, "tolist") else column
    except (
        RuntimeError,
        TypeError,
        ValueError,
    ):  # of a tensor; `table` will tell
        return (), None
    if not isinstance(cells, (list, tuple)) or not cells:
        return (), None
    if all(isinstance(cell, (list, tuple)) and len(cell) == 1 for cell in cells):
        cells = [cell[0] for cell in cells]
    if categories is not None:
        # They are declared, so that even one that is spelled like a missing one counts.
        return [label(each) for each in categories], [_class(i, c) for i, c in enumerate(cells, 1)]
    if all(isinstance(cell, (bool, np.bool_)) for cell in cells):
        return (), [str(cell) for cell in cells] if len({*map(bool, cells)}) == 2 else None
    texts = [cell for cell in cells if isinstance(cell, str)]
    first = next((cell for cell in cells if not is_nothing(cell)), None)
    is_text = isinstance(first, str) and not all(map(is_number, texts))
    if not (is_text or wanted) or any(isinstance(cell, (list, tuple)) for cell in cells):
        return (), None
    for i, cell in enumerate(cells, 1):
        missing = isinstance(cell, str) and is_missing(cell)
        whole = wanted and isinstance(cell, (int, float)) and float(cell).is_integer()
        if missing or not (isinstance(cell, str) or whole or is_nothing(cell)):
            what = "a class, or the number of one" if wanted else "a class as text, as the others"
            meant = ", which stands for a missing one" if missing else ""
            raise InputError(f"y, row {i}: expected {what}, found '{label(cell)}'{meant}.")
    return (), [_class(i, cell) for i, cell in enumerate(cells, 1)]


def _class(row: int, cell: Any) -> str:
    if is_nothing(cell):
        raise InputError(f"y, row {row}: expected a class, found nothing.")
    return label(int(cell) if isinstance(cell, float) and cell.is_integer() else cell).strip()
