"""Reading off the sheets what was asked in an exercise that lost its question.

The names of matrices and their shapes tell the network, the NumPy lines which activations, loss and
update rule it has, the first sheet the rounding, the steps and the marks; what is given stands in
its cells. It is only taken for what was asked if it fits together in one way. What a network calls
its matrices its program says: here is known only where names are looked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise, product

import numpy as np

from cellprop.algebra import NOTATIONS, Array, Axis, Matrix, activations, losses, statement
from cellprop.errors import InputError
from cellprop.exercise.numbers import number_in
from cellprop.faces import places as at
from cellprop.faces.workbook.book import sheet_name
from cellprop.files.entries import Block
from cellprop.files.roster import Student, file_of
from cellprop.files.samples import LARGEST
from cellprop.files.submission import Submission
from cellprop.marking.question import MOST_DECIMALS, MOST_NUMBERS, Question, Setup, with_points
from cellprop.programs.network import Network
from cellprop.programs.perceptron import Perceptron
from cellprop.programs.program import Forward, Step
from cellprop.programs.scaling import SCALINGS
from cellprop.programs.updating import OPTIMIZERS
from cellprop.texts.words import load as load_words

# No exercise by hand has more; what is looked for is not for a file to say.
MOST_LAYERS = 20
# The rows and columns of the first sheet that are read, and of the notations on a step's.
ROWS_OF_FIRST, COLUMNS_OF_FIRST, COLUMNS_OF_NOTATION = 200, 6, 200
# The row of the NumPy lines in workbooks of 0.3.0.
NUMPY_BEFORE = 4
# Where the first sheet says of a step how many numbers it asks for, and what they are worth.
ASKED, WORTH = 4, 6


class _UnclearError(InputError):
    """What was asked can't be told from the sheets, or not for certain."""


def read_off(submission: Submission) -> Question | None:
    """Return the question of an exercise, as its sheets tell; None if they don't for certain."""
    try:
        with np.errstate(all="ignore"):
            return _ReadOff(submission).question()
    except (_UnclearError, InputError):
        return None


@dataclass(frozen=True)
class _Outline:
    """A network as far as names tell it.

    Attributes:
        forward: Its way forward, with a single number in every matrix.
        bias: Whether it has biases.
        is_scaled: Whether its inputs are scaled.
    """

    forward: Forward
    bias: bool
    is_scaled: bool

    @property
    def given(self) -> tuple[Matrix, ...]:
        """The matrices by whose names it is known: inputs as given, targets, parameters."""
        return self.forward.input, self.forward.target, *self.forward.parameters


@cache
def _outlines() -> tuple[_Outline, ...]:
    """Return the outlines that an exercise may have, those of more matrices before the others."""
    one = {name: Axis.numbered(name, 1) for name in ("samples", "inputs", "outputs")}
    found = []
    for layers, bias, is_scaled in product(
        range(MOST_LAYERS, -1, -1), (True, False), (True, False)
    ):
        network = Network([1] * (layers + 2), bias=bias)
        scale = next(iter(SCALINGS)) if is_scaled else None
        model = Perceptron(network, one["inputs"], one["outputs"], scale=scale)
        found.append(_Outline(model.forward(one["samples"]), bias, is_scaled))
    return tuple(found)


class _ReadOff:
    """An exercise, of which is read what was asked."""

    def __init__(self, submission: Submission) -> None:
        self.submission = submission
        self._first = submission.texts(
            Block(submission.sheets[0], 1, 1, ROWS_OF_FIRST, COLUMNS_OF_FIRST)
        )
        self._lines: dict[str, list[set[str]]] = {}

    def question(self) -> Question:
        """Return the question that was asked.

        Raises
        ------
        InputError
            If the sheets don't tell.
        """
        found = [self._asked(Question(s, self._given(s), self._student())) for s in self._setups()]
        # More than one is as good if it asks for the same numbers.
        if not found or not all(_is_same(found[0], other) for other in found[1:]):
            raise _UnclearError
        return found[0]

    # --- The network ----------------------------------------------------------------------

    def _setups(self) -> Iterator[Setup]:
        """Yield the set-ups whose matrices and NumPy lines are those of the sheets."""
        outline = self._outline()
        inputs, targets = self._place(outline.forward.input), self._place(outline.forward.target)
        axes = (
            self._rows(inputs),
            self._columns(inputs, "inputs", "x"),
            self._columns(targets, "outputs", "o"),
        )
        sizes = [inputs.columns, *self._widths(outline)]
        if sizes[-1] != targets.columns:
            raise _UnclearError
        for hidden in self._activations(sizes, outline.bias, axes):
            for output, loss in product(activations(), losses()):
                try:
                    network = Network(
                        sizes, activation=hidden, output_activation=output, loss=loss,
                        bias=outline.bias,
                    )  # fmt: skip
                except InputError:
                    continue
                setups = self._rules(network, axes, is_scaled=outline.is_scaled)
                yield from filter(self._fits, setups)

    def _outline(self) -> _Outline:
        """Return the outline all of whose names are there; of several the largest."""
        for outline in _outlines():
            if all(self.submission.named(matrix.name) for matrix in outline.given):
                return outline
        raise _UnclearError

    def _widths(self, outline: _Outline) -> Iterator[int]:
        """Yield how many neurons each layer has: as many as its weights have columns."""
        for layer in outline.forward.layers:
            yield self._place(layer.weights).columns

    def _rules(
        self, network: Network, axes: tuple[Axis, Axis, Axis], *, is_scaled: bool
    ) -> Iterator[Setup]:
        """Yield the set-ups of a network by all ways to update and to scale."""
        samples, inputs, outputs = axes
        scalings = tuple(SCALINGS) if is_scaled else (None,)
        wholes = (True, False) if is_scaled else (True,)
        for optimizer, average, scale, whole in product(
            OPTIMIZERS, (False, True), scalings, wholes
        ):
            model = Perceptron(network, inputs, outputs, optimizer, average, scale)
            yield Setup(model, samples, whole, (1, 1, 1, 1, samples.size), ())

    def _activations(
        self, sizes: list[int], bias: bool, axes: tuple[Axis, Axis, Axis]
    ) -> Iterator[tuple[str, ...]]:
        """Yield what the hidden layers may apply, by the lines that say so."""
        count = len(sizes) - 2
        found: list[list[str]] = [[] for _ in range(count)]
        for name in activations() if count else ():
            try:
                network = Network(sizes, activation=name, bias=bias)
            except InputError:
                continue
            _check_sizes(sizes, axes[0].size)
            samples, inputs, outputs = axes
            program = Perceptron(network, inputs, outputs).program(samples)
            for fitting, matrix in zip(found, program.having("activation"), strict=True):
                step = program.step_of(matrix)
                if step and self._says(step):
                    fitting.append(name)
        yield from product(*found)

    def _fits(self, setup: Setup) -> bool:
        """Whether the matrices of a set-up, and what computes them, are those of the sheets."""
        assert isinstance(setup.model, Perceptron)
        _check_sizes(setup.model.network.sizes, setup.samples.size)
        program = setup.program
        for matrix in program.matrices:
            place = self.submission.named(matrix.name)
            if place is None or (place.rows, place.columns) != matrix.shape:
                return False
        return all(self._says(step) for step in program.steps if step.computed)

    def _says(self, step: Step) -> bool:
        """Whether the sheet of a step says what is computed on it."""
        first, *_ = step.computed
        place = self.submission.named(first.name)
        if place is None:
            return False
        if place.sheet not in self._lines:
            rows = (
                Block(place.sheet, row, at.FIRST_COLUMN, 1, COLUMNS_OF_NOTATION)
                for row in (at.NOTATION, NUMPY_BEFORE)
            )
            texts = (self.submission.texts(row).values() for row in rows)
            # Beside them stand links, and counts of what is done.
            self._lines[place.sheet] = [{text for text in each if "=" in text} for each in texts]
        # Of long lines not all have room.
        said = {statement(m, notation) for m in step.computed for notation in NOTATIONS}
        return any(lines and lines <= said for lines in self._lines[place.sheet])

    # --- What is asked --------------------------------------------------------------------

    def _asked(self, question: Question) -> Question:
        """Return a question with the steps, decimals and marks that the first sheet says."""
        rows = {text: row for (row, column), text in self._first.items() if column == 1}
        worth: dict[str, float] = {}
        sizes: dict[str, int] = {}
        for step in question.program.steps:
            row = rows.get(sheet_name(step), 0)
            count, marks = (number_in(self._first.get((row, c))) for c in (ASKED, WORTH))
            if not row or (count is None) != (marks is None):
                raise _UnclearError
            if count is not None and marks is not None:
                sizes[step.label] = sum(m.size for m in step.computed)
                worth[step.label] = marks
                if count != sizes[step.label]:
                    raise _UnclearError
        if not worth:
            raise _UnclearError
        setup = replace(question.setup, asked=tuple(worth), decimals=self._decimals())
        points = {label: marks for label, marks in worth.items() if marks != sizes[label]}
        return with_points(replace(question, setup=setup), points)

    def _decimals(self) -> int:
        """Return the number of decimals to which the first sheet says to round."""
        words, said = load_words(), set(self._first.values())
        rules = {
            words("exercise.rule" if n else "exercise.rule_whole", decimals=n): n
            for n in range(MOST_DECIMALS + 1)
        }
        found = [n for rule, n in rules.items() if rule in said]
        if len(found) != 1:
            raise _UnclearError
        return found[0]

    def _student(self) -> Student | None:
        """Return the student whose it is, as the first sheet says; None if it doesn't."""
        words, said = load_words(), {}
        for (row, column), text in self._first.items():
            if column == 1:
                said[text] = self._first.get((row, 2), "")
        name, number = said.get(words("exercise.student")), said.get(words("exercise.id"))
        if not name or not number:
            return None
        return Student.of(number, name, 0, file_of(number, name))

    # --- What is given --------------------------------------------------------------------

    def _given(self, setup: Setup) -> Mapping[str, Array]:
        """Return the numbers that are given, by the matrix's name, as they stand on the sheets."""
        return {matrix.name: self._numbers(matrix) for matrix in setup.program.given}

    def _numbers(self, matrix: Matrix) -> Array:
        """Return the numbers that stand in the place of a matrix, of its shape."""
        place = self._place(matrix)
        found = np.full(matrix.shape, np.nan)
        for i, row in enumerate(self.submission.cells(place)):
            for j, cell in enumerate(row):
                number = number_in(cell) if isinstance(cell, str) else cell
                if number is None or abs(number) > LARGEST:
                    raise _UnclearError
                found[i, j] = number
        return found

    def _place(self, matrix: Matrix) -> Block:
        """Return the Block in which a matrix stands."""
        place = self.submission.named(matrix.name)
        if place is None:
            raise _UnclearError
        return place

    def _rows(self, place: Block) -> Axis:
        beside = Block(place.sheet, place.row, place.column - 1, place.rows, 1)
        labels = [cell for (cell,) in self.submission.cells(beside)]
        return _axis("samples", labels, "")

    def _columns(self, place: Block, name: str, prefix: str) -> Axis:
        above = Block(place.sheet, place.row - 1, place.column, 1, place.columns)
        return _axis(name, self.submission.cells(above)[0], prefix)


def _axis(name: str, labels: Sequence[float | str | None], prefix: str) -> Axis:
    """Return an axis with the labels that a sheet shows, or numbered ones if it lacks some."""
    texts = [f"{label:g}" if isinstance(label, float) else label for label in labels]
    there = [text for text in texts if text is not None]
    if len(there) < len(texts):
        return Axis.numbered(name, len(texts), prefix)
    return Axis(name, tuple(there))


def _check_sizes(sizes: Sequence[int], samples: int) -> None:
    """Refuse a network of more numbers than a question may have, before it is declared."""
    weights = sum(a * b for a, b in pairwise(sizes))
    if 4 * weights + 8 * samples * sum(sizes) > MOST_NUMBERS:
        raise _UnclearError


def _is_same(question: Question, other: Question) -> bool:
    """Whether two questions ask for the same numbers."""
    return question.setup.asked == other.setup.asked and all(
        name in other.values and np.array_equal(values, other.values[name], equal_nan=True)
        for name, values in question.values.items()
    )
