"""The examples that ship with the package: samples, and the network and training they are for."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from io import StringIO
from typing import Any

import numpy as np

from cellprop.files.safe import known
from cellprop.files.samples import Table


@dataclass(frozen=True)
class Example:
    """Samples with what they are for; what it does not say is left to whoever takes it.

    Attributes:
        about: What it is, in a line.
        inputs: Shape (samples, inputs).
        targets: Shape (samples, outputs).
        network: Arguments of `Network`.
        training: Arguments of `trace` besides.
        parameters: The first parameters, by their names; none if they are drawn.
        seed: From which they are drawn.
    """

    about: str
    inputs: Table
    targets: Table
    network: Mapping[str, Any]
    training: Mapping[str, Any]
    parameters: Mapping[str, Any]
    seed: int | None


def examples() -> tuple[str, ...]:
    """Return the names of the examples that ship with the package, the article's first."""
    files = (resources.files("cellprop") / "examples").iterdir()
    names = {file.name.removesuffix(".json") for file in files if file.name.endswith(".json")}
    usual = ("article", "notebook", "moons", "blobs", "xor", "iris")
    return tuple(sorted(names, key=lambda name: (name not in usual, [*usual, name].index(name))))


def example(name: str = "article") -> Example:
    """Return an example, its inputs and targets as tables with their labels.

    Parameters
    ----------
    name
        One of `examples()`.

    Returns
    -------
    Example
        As its file has it.

    Raises
    ------
    InputError
        If there is no such example.
    """
    known("example", name, examples())
    file = resources.files("cellprop") / "examples" / f"{name}.json"
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return Example(
        about=found["about"],
        inputs=_table(found, "X", found["inputs"], None),
        targets=_table(found, "y", found["outputs"], "classes" if found["classes"] else None),
        network=found["network"],
        training=found["training"],
        parameters=found["parameters"],
        seed=found["seed"],
    )


def _table(found: Mapping[str, Any], key: str, labels: list[str] | None, axis: str | None) -> Table:
    return Table(np.array(found[key], dtype=np.float64), None, tuple(labels or ()) or None, axis)


def as_csv(example: Example) -> str:
    """Return the samples of an example as a CSV file: inputs, then a column for each target, or
    one with the name of each sample's class.
    """
    X, y = example.inputs, example.targets
    targets = y.columns("outputs", "y").labels
    if y.axis == "classes":
        answers: list[list[object]] = [[targets[place]] for place in y.values.argmax(axis=1)]
        targets = ("class",)
    else:
        answers = [[*map(_plainly, row)] for row in y.values.tolist()]
    file = StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow([*X.columns("inputs", "X").labels, *targets])
    for values, answer in zip(X.values.tolist(), answers, strict=True):
        writer.writerow([*map(_plainly, values), *answer])
    return file.getvalue()


def _plainly(value: float) -> int | float:
    return int(value) if value.is_integer() else value
