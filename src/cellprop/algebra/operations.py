"""The table of operations: what fills the registry.

It is put together from tables: of plain operations (`arithmetic`), of `activations`, of `losses`,
of `decisions`, of `movement`, of what goes by an index (`lookup`), of `convolution` and
of `pooling`. Whoever adds an operation adds a row to one of them.
"""

from __future__ import annotations

from cellprop.algebra.activations import ACTIVATIONS
from cellprop.algebra.arithmetic import ARITHMETIC
from cellprop.algebra.convolution import CONVOLUTIONS
from cellprop.algebra.decisions import DECISIONS
from cellprop.algebra.expressions import OPERATIONS
from cellprop.algebra.lookup import LOOKUPS
from cellprop.algebra.losses import LOSSES
from cellprop.algebra.movement import MOVEMENTS
from cellprop.algebra.pooling import POOLINGS

TABLES = (ARITHMETIC, ACTIVATIONS, LOSSES, DECISIONS, MOVEMENTS, LOOKUPS, CONVOLUTIONS, POOLINGS)
OPERATIONS.update((row.name, row) for table in TABLES for row in table)
