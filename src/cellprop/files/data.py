"""Reading samples: anything that becomes a table of finite numbers with labels.

Knows arrays, lists and DataFrames; knows nothing of networks or steps. pandas is not imported:
a DataFrame is recognised by its columns and index.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Container, Iterable, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cellprop.algebra import Array, Axis
from cellprop.errors import InputError, nearest, visible
from cellprop.files.arrays import MASKED, as_array, offers, real
from cellprop.files.arrays import is_nothing as is_blank
from cellprop.limits import MOST_CLASSES

# A number beyond this would overflow when numbers are multiplied along the way.
LARGEST = 1e50


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
    row_labels, column_labels = _row_labels(source), _column_labels(source)
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


def _row_labels(source: Any) -> tuple[str, ...] | None:
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


# --- Classes ------------------------------------------------------------------------------

# What stands where there is no number, or no class, in lower case.
MISSING = frozenset((
    "na", "n/a", "n.a.", "n.a", "#n/a", "#n/a!", "#na", "<na>", "nan", "-nan", "+nan", "nat",
    "null", "#null!", "none", "nil", "missing", "(missing)", "k.a.", "n.d.", "n.k.", "(blank)",
    "(empty)", "(null)", "(none)", "<null>", "<none>", "-", "--", "---", "–", "—", "?",
    "??", ".", "..", "...", "…", "\\n", "*", "''",
    # What a spreadsheet program saves where a formula failed.
    "#value!", "#ref!", "#div/0!", "#name?", "#num!", "#error!",
))  # fmt: skip
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


def is_missing(text: str, spellings: Collection[str] = MISSING) -> bool:
    """Whether a text says that nothing is known; so does one that is blank."""
    text = text.strip()
    return not text or text.casefold() in spellings


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


def targets(source: Any, outputs: int, *, classes: bool) -> Table:
    """Return targets as a table: numbers as they are, one column of texts or truths as classes.

    Parameters
    ----------
    source
        As `table` takes it.
    outputs
        How many the network has: with two, two classes have two columns.
    classes
        Whether a column of whole numbers holds classes as well.

    Raises
    ------
    InputError
        As `table`; or if a class is missing, or the classes are not as many as the outputs.
    """
    if isinstance(source, Table):
        return source
    order, names = _classes_of(source, classes and outputs > 1)
    if names is None:
        return table("y", source)
    try:
        found = coded(names, one_hot=outputs > 1, order=order)
    except InputError as error:
        raise InputError(f"y: {error}") from None
    names_found = found.column_labels or ()
    if len(names_found) != outputs:
        there = (found.zero, *names_found) if found.zero else names_found
        needed = f"{'1 or ' if len(there) == 2 else ''}{len(there)} outputs"
        more = ", …" if len(there) > FEW_CLASSES else ""
        raise InputError(
            f"y: {len(there)} classes ({', '.join(there[:FEW_CLASSES])}{more}) need a network of"
            f" {needed}, found {outputs}."
        )
    return Table(found.values, _row_labels(source), names_found, found.axis, found.zero)


def _classes_of(source: Any, wanted: bool) -> tuple[Sequence[str], Sequence[str] | None]:
    """Return which classes there are, if the source says that, and those of the samples.

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
    is_text = isinstance(first, str) and not all(map(_is_number, texts))
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


def is_nothing(cell: Any) -> bool:
    """Whether a cell of somebody's table is one of those that stand for a missing value."""
    return is_blank(cell) or (isinstance(cell, float) and math.isnan(cell))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return not is_missing(text)


# --- Numbers ------------------------------------------------------------------------------


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
                if place and isinstance(value, str) and _is_number(value):
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


RAGGED = "expected rows of equal length, found rows that differ"


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


# The last mark with digits behind it, and what is around all digits.
_WRITTEN = re.compile(r"(.*)[.,](\d+)\D*", re.ASCII | re.DOTALL)


def decimals_written(texts: Iterable[str], values: Container[float]) -> int:
    """Return how many decimals numbers were written with, zeros at the end among them.

    `values`: what the texts were read as, without signs; the digits behind a mark between
    thousands are no decimals.

    >>> decimals_written(["7.0", "12"], [7, 12]), decimals_written(["1,200", "x"], [1200])
    (1, 0)
    """
    found = 0
    for text in texts:
        match = _WRITTEN.fullmatch(text)
        if match and len(match[2]) > found:
            before = re.sub(r"\D", "", match[1], flags=re.ASCII)
            if float(f"{before}.{match[2]}") in values:
                found = len(match[2])
    return found


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


def as_csv(example: dict[str, Any]) -> str:
    """Return the samples of an example as a CSV file: inputs, then a column for each target, or
    one with the name of each sample's class.
    """
    import csv
    from io import StringIO

    X, y = example["X"], example["y"]
    if y.axis == "classes":
        targets = ("class",)
        answers = [[y.column_labels[place]] for place in y.values.argmax(axis=1)]
    else:
        targets = y.columns("outputs", "y").labels
        answers = [[*map(_plainly, row)] for row in y.values.tolist()]
    file = StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow([*X.columns("inputs", "X").labels, *targets])
    for values, answer in zip(X.values.tolist(), answers, strict=True):
        writer.writerow(
            [*(int(value) if value.is_integer() else value for value in values), *answer]
        )
    return file.getvalue()


def _plainly(value: float) -> int | float:
    return int(value) if value.is_integer() else value
