"""How much a program computes: by step, and in a workbook with a sheet for each.

Nothing is computed for it, so it can be asked for before anything is.
"""

from __future__ import annotations

from collections.abc import Iterable

from cellprop.algebra import Matrix
from cellprop.programs.program import Program, Step


def computed_numbers(program: Program) -> dict[Step, int]:
    """Return how many numbers each step computes, in order."""
    return {step: _size(step.computed) for step in program.steps}


def formulas_of_all_steps(program: Program) -> int:
    """Return how many formulas (int) the sheets of all steps hold if each computes its own numbers,
    has a link to each number of the steps before it, and says by how much an update changes.
    """
    found = before = 0
    for step, computed in computed_numbers(program).items():
        changes = _size(matrix for matrix in step.computed if matrix.name in program.moves)
        found += before + computed + changes
        before += _size(step.brings)
    return found


def _size(matrices: Iterable[Matrix]) -> int:
    return sum(matrix.size for matrix in matrices)
