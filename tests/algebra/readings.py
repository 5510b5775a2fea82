"""All readings of an expression, held against one another; and its gradients against PyTorch's."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from openpyxl import Workbook, load_workbook
from openpyxl.worksheet.formula import ArrayFormula
from test_algebra import Scattered, Sheet, in_r, mentioned, read, run_r

from by_hand import by_hand
from cellprop.algebra import (
    GRADIENTS,
    Applied,
    Cell,
    Expression,
    Matrix,
    compiled,
    derive,
    formulas,
    text,
    worked,
)
from cellprop.algebra import mentioned as matrices_in
from cellprop.algebra import value as value_of
from cellprop.algebra.ranges import range_of
from cellprop.faces.places import letter
from cellprop.verification import recalculate
from reference import close

Values = Mapping[str, np.ndarray]
EXACT = 1e-12
# Functions of Excel that no other program at hand knows: what they do is told in NumPy.
EXCEL_365 = {
    "HSTACK": lambda *parts: np.hstack(parts),
    "VSTACK": lambda *parts: np.vstack(parts),
}


def leaves(expression: Expression) -> list[Matrix]:
    return list(dict.fromkeys(matrices_in(expression)))


def names(expression: Expression) -> dict[str, Matrix]:
    return {leaf.name: leaf for leaf in leaves(expression)}


def shape(expression: Expression) -> tuple[int, int]:
    return expression.rows.size, expression.columns.size


def drawn(expression: Expression, seed: int = 0, low: float = -2, high: float = 2) -> Values:
    """Return numbers for all matrices of an expression, with few decimals."""
    chance = np.random.default_rng(seed)
    return {m.name: chance.uniform(low, high, m.shape).round(2) for m in leaves(expression)}


def value(expression: Expression, values: Values) -> np.ndarray:
    """Return the numbers of an expression, from those of its matrices, defined or not."""
    return np.broadcast_to(value_of(expression, values), shape(expression))


def check_readings(expression: Expression, values: Values, expected: Any) -> None:
    """All that can be read of an expression gives the numbers that are expected."""
    expected = np.asarray(expected, float)
    assert expected.shape == shape(expression)
    scale = float(np.abs(expected).max(initial=1.0)) * 10

    def agrees(found: Any) -> bool:
        return close(found, expected, scale=scale, tolerance=EXACT)

    assert agrees(value(expression, values))
    there = leaves(expression)
    (fast,) = compiled([expression], there)([values[m.name] for m in there])
    assert agrees(fast)
    source = text(expression, "numpy")
    assert agrees(eval(source, {"np": np, **values})), source
    for sheet in (Sheet(there), Scattered(there, random.Random(3))):
        scattered = isinstance(sheet, Scattered)
        cells = formulas(expression, sheet.addresses, scattered=scattered)
        assert (len(cells), len(cells[0])) == expected.shape
        assert agrees(sheet.calculate(dict(values), cells)), cells
        for i, row in enumerate(cells):
            for j, formula in enumerate(row):
                assert read(expression, i, j) == mentioned(formula, sheet), (i, j, formula)
    ends = {name: (float(v.min()), float(v.max())) for name, v in values.items()}
    least, most = range_of(expression, ends)
    assert (expected >= least - EXACT * scale).all()
    assert (expected <= most + EXACT * scale).all()
    for cell in np.ndindex(expected.shape):
        calculation = "".join(
            piece if isinstance(piece, str) else _number(piece, values)
            for piece in worked(expression, *cell)
        )
        if "…" not in calculation:
            found = by_hand(calculation)
            assert close(found, expected[cell], scale=scale, tolerance=EXACT), calculation


def _number(cell: Cell, values: Values) -> str:
    number = float(values[cell.matrix.name][cell.row, cell.column])
    shown = repr(abs(number))
    if number >= 0:
        return shown
    return f"(−{shown})" if cell.is_guarded else f"−{shown}"


def check_gradients(
    expression: Expression, values: Values, theirs: Callable[..., Any], *fixed: str
) -> None:
    """The gradients of a weighted sum are those of PyTorch, of the function of its tensors that
    gives the same; and so they are as all readings have them.

    `fixed`: the names of matrices by which it has none.
    """
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    chance = np.random.default_rng(11)
    weights = Matrix("weights", expression.rows, expression.columns)
    known = {**values, "weights": chance.uniform(-1, 1, weights.shape).round(2)}
    tensors = {name: torch.tensor(v, requires_grad=name not in fixed) for name, v in values.items()}
    result = theirs(**tensors)
    assert tuple(result.shape) == shape(expression)
    assert close(result.detach().numpy(), value(expression, values), tolerance=EXACT)
    (result * torch.tensor(known["weights"])).sum().backward()
    total = apply_total(expression * weights)
    backward = derive(total, {}, {}, sign=GRADIENTS)
    for name, tensor in tensors.items():
        if name in fixed:
            assert name not in backward.wanted
            continue
        found = backward.wanted[name]
        assert shape(found) == tensor.shape
        check_readings(found, {m.name: known[m.name] for m in leaves(found)}, tensor.grad.numpy())


def apply_total(expression: Expression) -> Expression:
    return Applied("total", expression)


# --- Texts, as other programs read them ---------------------------------------------------


def check_in_r(
    expressions: Mapping[str, Expression],
    rscript: str,
    folder: Path,
    known: Values | None = None,
) -> None:
    """R computes the value of each."""
    lines, values = ["options(warn = 2)"], {}
    for k, (name, expression) in enumerate(expressions.items()):
        values[name] = known or drawn(expression, k)
        holder = type("Holder", (), {"values": values[name]})
        lines += [f"{leaf.name} <- {in_r(leaf, holder)}" for leaf in leaves(expression)]
        lines.append(f"result <- as.matrix({text(expression, 'r')})")
        lines.append('cat(dim(result), sprintf("%.17g", t(result)), "\\n")')
    printed = run_r(rscript, folder, lines)
    assert len(printed) == len(expressions)
    for (name, expression), line in zip(expressions.items(), printed, strict=True):
        rows, columns, *numbers = line.split()
        found = np.array(numbers, float).reshape(int(rows), int(columns))
        assert close(found, value(expression, values[name]), tolerance=EXACT), name


def check_in_excel(
    expressions: Mapping[str, Expression],
    libreoffice: str,
    folder: Path,
    known: Values | None = None,
) -> None:
    """LibreOffice computes the value of each, as an array formula of ranges."""
    book = Workbook()
    where = {}
    for k, (name, expression) in enumerate(expressions.items()):
        sheet = book.create_sheet(f"s{k}")
        values, ranges, row = known or drawn(expression, k), {}, 1
        for leaf in leaves(expression):
            for (i, j), number in np.ndenumerate(values[leaf.name]):
                sheet.cell(row + i, 1 + j, float(number))
            height, width = leaf.shape
            ranges[leaf.name] = f"$A${row}:${letter(width)}${row + height - 1}"
            row += height + 1
        formula = text(expression, "excel")
        for leaf_name in sorted(ranges, key=len, reverse=True):
            formula = re.sub(rf"\b{leaf_name}\b", ranges[leaf_name], formula)
        height, width = shape(expression)
        range_ = f"A{row}:{letter(width)}{row + height - 1}"
        sheet[f"A{row}"] = ArrayFormula(range_, f"={formula}")
        where[name] = f"s{k}", range_, value(expression, values)
    path = folder / "texts.xlsx"
    book.save(path)
    found = load_workbook(recalculate(path, folder / "recalculated"), data_only=True)
    for name, (sheet_name, range_, expected) in where.items():
        cells = found[sheet_name][range_]
        cells = cells if isinstance(cells, tuple) else ((cells,),)
        numbers = np.array([[cell.value for cell in line] for line in cells], float)
        assert close(numbers, expected, tolerance=EXACT), (name, text(expressions[name], "excel"))
