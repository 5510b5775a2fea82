"""Matrix expressions, and the ways to read one.

An expression is written once and read in several ways: its **value** (a NumPy array), the
**formula** of each of its cells, the cells it **reads**, its **derivative**, its **range**, and its
text in maths, NumPy, R and whole-matrix Excel. Everything cellprop shows is such a reading, so the
numbers, the formulas and the highlights cannot disagree.

    >>> X = Matrix("X", Axis.numbered("samples", 3), Axis.numbered("inputs", 2))
    >>> wh = Matrix("wh", Axis.numbered("inputs", 2), Axis.numbered("hidden", 4))
    >>> bh = Matrix("bh", ONE, Axis.numbered("hidden", 4))
    >>> hidden_layer_input = X @ wh + bh
    >>> text(hidden_layer_input, "numpy")
    'X @ wh + bh'
    >>> text(hidden_layer_input, "excel")
    'MMULT(X,wh)+bh'
    >>> {m.name: sorted(p) for m, p in reads(hidden_layer_input).items()}
    {'X': [(row, all)], 'wh': [(all, column)], 'bh': [(all, column)]}

An operation is a row in `OPERATIONS`; adding one touches its table (`arithmetic`, `activations` or
`losses`) and nothing else. Here are the names that others use, and the table is loaded. The algebra
knows numbers and errors; it knows nothing of networks, steps, sheets or files.
"""

from cellprop.algebra import operations  # noqa: F401 - fills the registry
from cellprop.algebra.arithmetic import LEAK, TINY
from cellprop.algebra.cells import SPELLED_OUT, formulas
from cellprop.algebra.derivative import (
    CHANGES,
    GRADIENTS,
    Backward,
    Names,
    Sign,
    chain,
    derive,
    goes_back,
    slope_of,
)
from cellprop.algebra.expressions import (
    NOTATIONS,
    ONE,
    OPERATIONS,
    Applied,
    Array,
    Axis,
    CellTexts,
    Expression,
    Form,
    Keep,
    Matrix,
    Notation,
    Number,
    Operation,
    Range,
    Setting,
    Targets,
    activations,
    apply,
    define,
    exp,
    expression_of,
    in_parts,
    log,
    losses,
    maximum,
    mentioned,
    minimum,
    power,
    square,
    square_root,
    sum_over_columns,
    sum_over_rows,
)
from cellprop.algebra.functions import (
    at_least,
    batch_norm,
    causal_mask,
    concatenate,
    convolve,
    embed,
    flip,
    layer_norm,
    max_pool,
    mean,
    mean_pool,
    one_hot,
    pad,
    softmax,
    standardised,
    sum_of,
)
from cellprop.algebra.kinds import (
    elementwise_activations,
    identity,
    is_loss_of_classes,
    is_of_several,
    loss_of_classes,
    loss_of_yes_or_no,
    losses_for,
    outputs_for,
)
from cellprop.algebra.lookup import indices
from cellprop.algebra.notation import CALL, PLUS, TIMES, is_taken_of_many, statement, text
from cellprop.algebra.pieces import Mention, named, pieces, separately, with_shapes
from cellprop.algebra.reads import picks, reads
from cellprop.algebra.reasons import Reason, reasons
from cellprop.algebra.rows import elementwise, loss
from cellprop.algebra.spans import ALL, COLUMN, ROW, SAME, Band, Pattern, Span, apart, band, through
from cellprop.algebra.values import compiled, evaluate, value
from cellprop.algebra.worked import Cell, worked

__all__ = [
    "ALL", "CALL", "CHANGES", "COLUMN", "GRADIENTS", "LEAK", "NOTATIONS", "ONE", "OPERATIONS",
    "PLUS", "ROW", "SAME", "SPELLED_OUT", "TIMES", "TINY", "Applied", "Array", "Axis", "Backward",
    "Band", "Cell", "CellTexts", "Expression", "Form", "Keep", "Matrix", "Mention", "Names",
    "Notation", "Number", "Operation", "Pattern", "Range", "Reason", "Setting", "Sign", "Span",
    "Targets", "activations", "apart", "apply", "at_least", "band", "batch_norm", "causal_mask",
    "chain", "compiled", "concatenate", "convolve", "define", "derive", "elementwise",
    "elementwise_activations", "embed", "evaluate", "exp", "expression_of", "flip", "formulas",
    "goes_back", "identity", "in_parts", "indices", "is_loss_of_classes", "is_of_several",
    "is_taken_of_many", "layer_norm", "log", "loss", "loss_of_classes", "loss_of_yes_or_no",
    "losses", "losses_for", "max_pool", "maximum", "mean", "mean_pool", "mentioned", "minimum",
    "named", "one_hot", "outputs_for", "pad", "picks", "pieces", "power", "reads", "reasons",
    "separately", "slope_of", "softmax", "square", "square_root", "standardised", "statement",
    "sum_of", "sum_over_columns", "sum_over_rows", "text", "through", "value", "with_shapes",
    "worked",
]  # fmt: skip
