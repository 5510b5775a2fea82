"""Builders of rows: operations of one kind have most of their row in common.

Knows what a row needs for each reading; the tables say the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from cellprop.algebra import axes, cells, ranges
from cellprop.algebra.derivative import chain, through_slope
from cellprop.algebra.expressions import (
    Array,
    Expression,
    Form,
    Notated,
    Operation,
    Range,
    RangeForm,
    Setting,
    Targets,
)
from cellprop.algebra.spans import SAME

Back = Callable[..., tuple[Expression | None, ...]]
NOTHING: Mapping[str, Setting] = MappingProxyType({})


def elementwise(
    name: str,
    value: Callable[..., Array],
    *,
    maths: Form,
    numpy: Form,
    excel: Form,
    r: Notated | None = None,
    cell: Form | None = None,
    worked: Form | None = None,
    back: Back | None = None,
    slope: Callable[..., Expression] | None = None,
    cancels: Mapping[str, Callable[..., Expression]] | None = None,
    range: RangeForm = ranges.at_ends,
    bounds: Range | None = None,
    targets: Targets | None = None,
    settings: Mapping[str, Setting] = NOTHING,
    is_linear: bool = False,
    torch: Notated | None = None,
) -> Operation:
    """Return the Operation that computes each cell from the same cell of its operands.

    Parameters
    ----------
    name, value, maths, numpy, r, excel, worked, back, range, slope, bounds, settings, is_linear
        As in `Operation`; R's text is NumPy's if there is no other. A slope makes a derivative.
    cell
        How it is written for a cell, where that is not as for a matrix in Excel.
    cancels, targets
        Of a loss, which `loss` is shorter for.
    torch
        As in `Operation`.
    """
    form = cell or excel
    # An operand that the form does not mention gives the result its shape, and is not read.
    reads = tuple(SAME for i, _ in enumerate(form.needs) if f"{{{i}}}" in form.template)
    return Operation(
        name, value, reads, maths, numpy, r or numpy, excel, cells.element_by_element(form),
        axes=axes.of_elements, back=through_slope(slope) if slope else back, slope=slope,
        cancels=cancels, range=range, bounds=bounds, targets=targets, settings=settings,
        worked=worked, is_linear=is_linear, torch=torch,
    )  # fmt: skip


def loss(
    name: str,
    value: Callable[..., Array],
    *,
    maths: Form,
    numpy: Form,
    excel: Form,
    derivative: Callable[..., Expression],
    by_targets: Callable[..., Expression] | None = None,
    r: Form | None = None,
    cell: Form | None = None,
    cancels: Mapping[str, Callable[..., Expression]] = NOTHING,  # type: ignore[assignment]
    targets: Targets | None = None,
    range: RangeForm = ranges.from_0,
    settings: Mapping[str, Setting] = NOTHING,
) -> Operation:
    """Return the Operation that compares targets with outputs, element by element.

    Parameters
    ----------
    name, value, maths, numpy, r, excel, cell, cancels, targets, range, settings
        As in `Operation` and `elementwise`; the operands are the targets and the output.
    derivative
        The local derivative by the output, from the targets and the output.
    by_targets
        That by the targets; without it they are taken for fixed.
    """

    def back(
        adjoint: Expression, _: Expression, y: Expression, output: Expression, **told: Setting
    ) -> tuple[Expression | None, Expression]:
        of_targets = by_targets and chain(adjoint, by_targets(y, output, **told))
        return of_targets, chain(adjoint, derivative(y, output, **told))

    return elementwise(
        name, value, maths=maths, numpy=numpy, excel=excel, r=r, cell=cell, back=back,
        cancels=cancels, range=range, targets=targets, settings=settings,
    )  # fmt: skip
