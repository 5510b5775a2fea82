"""The table of operations: what fills the registry.

It is put together from three tables: of plain operations (`arithmetic`), of `activations` and of
`losses`. Whoever adds an operation adds a row to one of them.
"""

from __future__ import annotations

from cellprop.algebra.activations import ACTIVATIONS
from cellprop.algebra.arithmetic import ARITHMETIC
from cellprop.algebra.expressions import OPERATIONS
from cellprop.algebra.losses import LOSSES

OPERATIONS.update((row.name, row) for row in (*ARITHMETIC, *ACTIVATIONS, *LOSSES))
