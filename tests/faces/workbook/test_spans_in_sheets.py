"""What cells read by their place is what a sheet's rules, texts and conditions say, exactly."""

from __future__ import annotations

import ironcalc
import numpy as np
import pytest

import reading
from by_hand import by_hand
from cellprop.algebra import (
    GRADIENTS,
    ONE,
    Axis,
    Matrix,
    apply,
    concatenate,
    convolve,
    define,
    derive,
    embed,
    evaluate,
    flip,
    max_pool,
    mean_pool,
    pad,
    sum_over_rows,
)
from cellprop.algebra import mentioned as matrices_in
from cellprop.exercise.book import _cells_read
from cellprop.faces.places import Place, Spread, letter
from cellprop.faces.workbook.focus import FocusCells, formula_in_focus, rules
from cellprop.faces.workbook.in_numbers import Block, Chosen, in_numbers
from cellprop.texts.formats import Format

SAMPLES, INPUTS = Axis.numbered("samples", 6), Axis.numbered("inputs", 4)
X, Z = Matrix("X", SAMPLES, INPUTS), Matrix("Z", SAMPLES, INPUTS)
w = Matrix("w", INPUTS, Axis.numbered("hidden", 3))
K = Matrix("K", Axis.numbered("down", 2), Axis.numbered("across", 3))
table, index = Matrix("table", INPUTS, w.columns), Matrix("index", SAMPLES, ONE)


def back(expression, name="X"):
    """What goes back to a matrix, through weights."""
    weights = Matrix("V", expression.rows, expression.columns)
    loss = define("loss", apply("total", expression * weights))
    return derive(loss, {}, {}, sign=GRADIENTS).wanted[name]


EXPRESSIONS = {
    "a slice": X[1:4],
    "a slice and the whole": X[1:2] + sum_over_rows(Z),
    "a column": X * X[:, 2],
    "one number": Z * X[2, 1],
    "every second row": X[0:6:2, 1:3],
    "in reverse": flip(X) - Z,
    "a sum of steps": sum_over_rows(X[1:6:2]) + Z,
    "a product of a slice": X[2:5] @ w,
    "joined": concatenate(X[0:2], Z),
    "joined side by side": concatenate(Z[:, 1:3], X, axis=1),
    "among zeros": pad(X[1:4] @ w, (1, 2), (0, 1)),
    "what goes back to a slice": back(X[1:6:2, 0:2] @ w[0:2]),
    "a transpose of a slice": (X[1:3] @ w).T,
    "a convolution": convolve(X, K),
    "a convolution in steps": convolve(X, K, stride=2, padding=1),
    "what goes back to a convolution": back(convolve(X, K)),
    "what goes back through steps": back(convolve(X, K, stride=2, padding=1)),
    "what goes back to a kernel": back(convolve(X, K, stride=(2, 1)), "K"),
    "the largest of windows": max_pool(X, 2),
    "what goes back to the largest": back(max_pool(X, 2)),
    "means of windows over one another": mean_pool(X, 3, 1),
    "what goes back to means": back(mean_pool(X, (3, 2), (1, 2))),
    "rows of a table": embed(table, index),
    "lines at will": concatenate(X[3:5], X[0:1], flip(X)[1:2]),
}
ROW, COLUMN = "$CA$1", "$CB$1"


class Page:
    """Matrices on a sheet, side by side; some of them turned."""

    def __init__(self, expression, turned=()) -> None:
        self.result = define("result", expression)
        self.places: dict[str, Place] = {}
        column = 3
        for matrix in (*dict.fromkeys(matrices_in(expression)), self.result):
            place = Place(matrix, 4, column, turned=matrix.name in turned)
            self.places[matrix.name] = place
            column = place.last_column + 3
        self.spread = Spread((), self.places, notes_row=1)
        self.texts = self.spread.formulas(self.result)
        self.focus = FocusCells(ROW, COLUMN, None, *self.result.shape)

    def mentioned(self, cells) -> set[tuple[int, int]]:
        """The cells of the sheet to which the formulas of some cells of the result refer."""
        return {cell for i, j in cells for cell in reading.referred(f"={self.texts[i][j]}")}

    def there(self):
        """Each cell of an operand: its place, and the cell of the sheet."""
        for name, place in self.places.items():
            if name != "result":
                for row in range(place.row, place.last_row + 1):
                    for column in range(place.column, place.last_column + 1):
                        yield place, (row, column)


@pytest.mark.parametrize("name", EXPRESSIONS)
@pytest.mark.parametrize("turned", [(), ("X", "V")])
def test_in_focus_and_without_what_keeps_its_colour_is_what_formulas_refer_to(name, turned):
    page = Page(EXPRESSIONS[name], turned)
    model = ironcalc.create("test", "en", "UTC", "en")
    known = list(rules([page.result], page.spread, page.focus))
    assert {rule.style for rule in known} == {"known"}
    tests = []
    for place, cell in page.there():
        for rule in known:
            if rule.range == place.range:
                first = rule.range.partition(":")[0]
                tests.append((cell, reading.condition(rule.condition, first, *cell)))
    for k, (_, asked) in enumerate(tests, 1):
        model.set_user_input(0, 10 + k, 1, asked)
    read_at_all = page.mentioned(np.ndindex(page.result.shape))
    rows, columns = page.result.shape
    foci = [(None, None), (1, None), (rows, None), (None, 1), (None, columns)]
    foci += [(i + 1, j + 1) for i, j in np.ndindex(rows, columns)]
    for row, column in foci:
        for address, chosen in (((1, 79), row), ((1, 80), column)):
            model.set_user_input(0, *address, "" if chosen is None else str(chosen))
        model.evaluate()
        faded = {cell for k, (cell, _) in enumerate(tests, 1) if model.get_cell_value(0, 10 + k, 1)}
        cells = [
            (i, j)
            for i, j in np.ndindex(rows, columns)
            if row in (None, i + 1) and column in (None, j + 1)
        ]
        there = {cell for place, cell in page.there() if is_read(page, place)}
        assert there - faded == page.mentioned(cells), (row, column)
    assert read_at_all


def is_read(page, place) -> bool:
    return any(place == each for each, _ in page.spread.reads(page.result))


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_the_formula_in_focus_is_that_of_the_cell(name):
    page = Page(EXPRESSIONS[name])
    shown = formula_in_focus(page.texts, page.focus, each=True)
    model = ironcalc.create("test", "en", "UTC", "en")
    model.set_user_input(0, 1, 1, f"={shown}")
    rows, columns = page.result.shape
    for i, j in np.ndindex(rows, columns):
        for address, chosen in (((1, 79), i + 1), ((1, 80), j + 1)):
            model.set_user_input(0, *address, str(chosen))
        model.evaluate()
        assert model.get_cell_value(0, 1, 1) == f"={page.texts[i][j]}"


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_a_calculation_in_numbers_is_that_of_every_cell_or_there_is_none(name):
    page = Page(EXPRESSIONS[name])
    leaves = list(dict.fromkeys(matrices_in(page.result.definition)))
    values = {m.name: (np.arange(np.prod(m.shape)).reshape(m.shape) % 7) / 4 for m in leaves}
    values["index"] = np.array([[1.0], [2.0], [4.0], [3.0], [1.0], [2.0]])
    values = evaluate([*leaves, page.result], values)
    blocks = {
        name: Block(place.absolute, [Format(2)] * place.matrix.columns.size)
        for name, place in page.places.items()
    }
    found = in_numbers(page.result, blocks, Chosen(ROW, COLUMN), values)
    if found is None:
        assert name not in ("a slice", "every second row", "in reverse", "a convolution")
        return
    for i, j in np.ndindex(page.result.shape):
        before, shown = found.text(i, j).split(" = ", 1)[1].rsplit(" = ", 1)
        # What is read is a multiple of a quarter, so that two decimals show all of it.
        assert by_hand(before) == pytest.approx(values["result"][i, j], abs=1e-12), (i, j)
        assert by_hand(shown) == pytest.approx(values["result"][i, j], abs=0.0051), (i, j)


@pytest.mark.parametrize("name", EXPRESSIONS)
@pytest.mark.parametrize("turned", [(), ("X", "V")])
def test_an_exercise_waits_for_the_cells_that_a_formula_refers_to(name, turned):
    page = Page(EXPRESSIONS[name], turned)
    for i, j in np.ndindex(page.result.shape):
        waited: set[tuple[int, int]] = set()
        for place, patterns in page.spread.reads(page.result):
            for pattern in patterns:
                for cells, size in _cells_read(place, pattern, i, j):
                    found = reading.referred(f"=COUNT({cells})")
                    assert len(set(found)) == size
                    waited |= set(found)
        assert waited == page.mentioned([(i, j)])


def test_letters_go_as_far_as_the_cells_that_are_chosen_here():
    assert (letter(79), letter(80)) == (ROW[1:3], COLUMN[1:3])
