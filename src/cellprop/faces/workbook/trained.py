"""The trained network on the sheet Predictions: where its parameters stand and come from.

Knows a run and where its numbers are computed; what is predicted with them, it does not know.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from cellprop.algebra import Array, Matrix
from cellprop.faces.places import Place
from cellprop.faces.workbook.band import side_by_side
from cellprop.faces.workbook.book import Extra, RunBook
from cellprop.faces.workbook.canvas import Addresses, at_home
from cellprop.faces.workbook.live import Live
from cellprop.running.run import Run

PREDICTIONS = Extra("Predictions", "predictions")
FIRST_ROW = 10
# So many columns of parameters, and of the labels beside them, are on a page.
WIDEST_LINE = 18


@dataclass(frozen=True)
class Trained:
    """What is carried on after the last epoch, on the sheet Predictions.

    Attributes:
        places: Where each stands that the way forward reads.
        remembered: What the update rule remembers besides, so that a run can be carried on from the
            file.
        links: Where each comes from; None where it is typed.
        values: What the cells hold.
        source: Under which key the words say where they come from.
    """

    places: Mapping[str, Place]
    remembered: tuple[Matrix, ...]
    links: Mapping[str, Addresses] | None
    values: Mapping[str, Array]
    source: str

    @property
    def typed(self) -> frozenset[str]:
        """The names of those that are typed."""
        return frozenset() if self.links else frozenset(self.places)

    def beside(self, column: int) -> dict[str, Place]:
        """Return where what is remembered stands, if it begins at a column."""
        return _in_lines(self.remembered, FIRST_ROW, column)

    @property
    def last_row(self) -> int:
        """The last row that a parameter takes."""
        return max(place.last_row for place in self.places.values())

    @property
    def last_column(self) -> int:
        """The last column that a parameter takes."""
        return max(place.last_column for place in self.places.values())


def trained(book: RunBook, live: Live | None) -> Trained:
    """Return the trained parameters: linked to where they are computed, wherever that is."""
    run = book.run
    names = tuple(run.start)
    places = _in_lines(run.program.parameters, FIRST_ROW)
    remembered = tuple(run.matrix(name) for name in names if name not in places)
    if live and live.count == run.epochs:
        links = {name: live.last(name) for name in names}
        values = {name: live.values[name][-1] for name in names}
        return Trained(places, remembered, links, values, "live")
    # What the steps show, by how many updates came before: a link and its value are one matrix's.
    walked = (run.walk_epoch - 1) * run.batches + run.walk_batch - 1
    updated = {name: matrix.name for name, matrix in run.program.updates.items()}
    shown = {walked: ("untrained", {n: n for n in names}), walked + 1: ("steps", updated)}
    source, matrices = shown.get(run.epochs * run.batches, ("typed", None))
    if matrices is None:
        source = source if run.epochs else "given"
        return Trained(places, remembered, None, run.carried, source)
    links = {name: at_home(book, matrices[name]) for name in names}
    if source == "steps" and book.allowed.links_stop:
        links = {n: book.allowed.stopped(n, matrices[n], link) for n, link in links.items()}
    values = {name: run.values[matrices[name]] for name in names}
    return Trained(places, remembered, links, values, source)


def _in_lines(matrices: Iterable[Matrix], row: int, column: int = 2) -> dict[str, Place]:
    """Return places of matrices beside each other from a row and a column on, in lines that fit a
    page.
    """
    lines: list[list[Matrix]] = [[]]
    for matrix in matrices:
        used = sum(each.columns.size + 1 for each in lines[-1])
        if lines[-1] and used + matrix.columns.size > WIDEST_LINE:
            lines.append([])
        lines[-1].append(matrix)
    places: dict[str, Place] = {}
    for line in lines:
        places |= side_by_side(line, _below(places) if places else row, column)
    return places


def _below(places: Mapping[str, Place]) -> int:
    """Return the row in which numbers may begin below those that stand already."""
    return max(place.last_row for place in places.values()) + 4


def known(run: Run, parameters: Trained) -> dict[str, Array]:
    """Return the value of what is no sample's, by name, of its shape (rows, columns): the
    parameters, and what inputs are scaled by.
    """
    statistics = run.program.having("statistic")
    return {m.name: run.values[m.name] for m in statistics} | dict(parameters.values)
