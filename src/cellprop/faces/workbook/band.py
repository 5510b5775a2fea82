"""Samples on their way through the network, a row of a sheet for each.

The formulas are the forward steps' own expressions, read with other addresses. Knows the way
forward and columns of a sheet; what the rows are shown for, it does not know.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass

from cellprop.algebra import Array, Matrix, formulas, value
from cellprop.faces.places import Place
from cellprop.faces.workbook.canvas import Addresses
from cellprop.programs.program import Forward


@dataclass(frozen=True)
class Band:
    """Samples on their way through the network, a row each.

    Attributes:
        forward: The way for these samples.
        places: Where each matrix with a row for each sample stands.
    """

    forward: Forward
    places: Mapping[str, Place]

    @property
    def output(self) -> Place:
        """The place of the outputs."""
        return self.places[self.forward.output.name]

    def formulas(
        self,
        matrix: Matrix,
        fixed: Callable[[Matrix], Addresses],
        may_be_blank: Collection[str] = (),
    ) -> Addresses:
        """Return the formula of every cell of a matrix.

        Parameters
        ----------
        matrix
            One that is computed of each sample.
        fixed
            Where stands what is no sample's, such as a parameter.
        may_be_blank
            The names of matrices whose cells are typed, and may be cleared.
        """
        assert matrix.definition is not None

        def address(operand: Matrix) -> Addresses:
            place = self.places.get(operand.name)
            return place.addresses() if place else fixed(operand)

        return formulas(matrix.definition, address, may_be_blank=may_be_blank)

    def values(self, raw: Array, known: Mapping[str, Array]) -> dict[str, Array]:
        """Return the value of each matrix by name, of its shape (rows, columns).

        Parameters
        ----------
        raw
            Samples as they are given, of shape (samples, inputs).
        known
            What is no sample's, by name.
        """
        found = {**known, self.forward.input.name: raw}
        for matrix in self.forward.by_sample:
            assert matrix.definition is not None
            found[matrix.name] = value(matrix.definition, found)
        return found


def band(forward: Forward, row: int, columns: Mapping[str, int]) -> Band:
    """Return a band that begins at a row, its matrices at the columns given by name."""
    by_sample = (forward.input, *forward.by_sample)
    return Band(forward, {m.name: Place(m, row, columns[m.name]) for m in by_sample})


def side_by_side(matrices: Iterable[Matrix], row: int, column: int) -> dict[str, Place]:
    """Return places of matrices beside each other, with a column between for labels of rows."""
    places = {}
    for matrix in matrices:
        places[matrix.name] = Place(matrix, row, column)
        column += matrix.columns.size + 1
    return places


def one_after_another(matrices: Iterable[Matrix], column: int) -> dict[str, int]:
    """Return the first column of each matrix, the next where the last one ends; and, as `""`,
    where all end.
    """
    columns = {}
    for matrix in matrices:
        columns[matrix.name] = column
        column += matrix.columns.size
    return columns | {"": column}
