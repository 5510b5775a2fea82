"""The slips that people make when they calculate a step by hand, as expressions.

A slip is a way of changing a matrix's definition: the bias left out, a difference turned round.
What it gives is an expression like any other, evaluated from the student's own numbers; so a slip
is a line in `SLIPS`, and adding one touches that table and the words for it. This module knows
nothing of answers, marks or files.

    >>> from cellprop.algebra import Axis, Matrix, define, text
    >>> from cellprop.programs.network import Network
    >>> from cellprop.programs.perceptron import Perceptron
    >>> axes = Axis.numbered("inputs", 2), Axis.numbered("outputs", 1)
    >>> program = Perceptron(Network([2, 4, 1]), *axes).program(Axis.numbered("samples", 3))
    >>> hidden_layer_input = program.forward.brings[0]
    >>> for slip, wrong in mistakes(hidden_layer_input, program, decimals=3):
    ...     if slip.key in ("bias_left_out", "sign_lost"):
    ...         print(slip.key, "|", text(wrong, "numpy"))
    bias_left_out | X @ wh
    sign_lost | 0 - hidden_layer_input
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import repeat

import numpy as np

from cellprop.algebra import (
    CALL,
    ONE,
    SAME,
    Applied,
    Array,
    Axis,
    Expression,
    Form,
    Matrix,
    Number,
    Operation,
    apply,
    elementwise,
    elementwise_activations,
    identity,
    mentioned,
    slope_of,
    square,
)
from cellprop.errors import CellpropError, ShapeError
from cellprop.programs.naming import counted, series
from cellprop.programs.program import Kind, Program, Role

# --- What nobody computes on purpose ------------------------------------------------------


def _named(name: str, operands: int = 1) -> Form:
    listed = ", ".join(f"{{{i}}}" for i in range(operands))
    return Form(f"{name}({listed})", CALL, (0,) * operands)


def _operation(
    name: str,
    value: Callable[..., Array],
    axes: Callable[[Sequence[Expression]], tuple[Axis, Axis]],
    operands: int = 1,
) -> Operation:
    """Return an operation for slips: it has a value, and a name to print; no formula."""
    form = _named(name, operands)

    def cells(*_: object) -> None:
        raise TypeError(f"{name} is a slip; no sheet computes it")

    return Operation(name, value, (SAME,) * operands, form, form, form, form, cells, axes=axes)  # type: ignore[arg-type]


def _of_same_shape(name: str, value: Callable[[Array], Array]) -> Operation:
    form = _named(name)
    return elementwise(name, value, maths=form, numpy=form, excel=form)


def _fitted(values: Array, rows: int, columns: int) -> Array:
    """Return as much of a matrix as has room in a shape; NaN where it has nothing."""
    found = np.full((rows, columns), np.nan)
    part = values[:rows, :columns]
    found[: part.shape[0], : part.shape[1]] = part
    return found


def _by_place(left: Array, right: Array) -> Array:
    """Return each number times that at the same place, where both matrices have one."""
    rows, columns = len(left), right.shape[1]
    return _fitted(left, rows, columns) * _fitted(right, rows, columns)


# The numbers written down row by row as if the matrix had been transposed.
NOT_TRANSPOSED = _operation(
    "not_transposed",
    lambda x: x.reshape(x.shape[::-1]),
    lambda operands: (operands[0].columns, operands[0].rows),
)
BY_PLACE = _operation(
    "element_by_element",
    _by_place,
    lambda operands: (operands[0].rows, operands[1].columns),
    operands=2,
)
ROW_SUMS = _operation(
    "row_sums",
    lambda x: _fitted(x.sum(axis=1)[np.newaxis], 1, x.shape[1]),
    lambda operands: (ONE, operands[0].columns),
)
COLUMN_SUMS = _operation(
    "column_sums",
    lambda x: _fitted(x.sum(axis=0)[:, np.newaxis], len(x), 1),
    lambda operands: (operands[0].rows, ONE),
)
# One matrix where another belongs: its numbers, as far as they go; a single column for each.
IN_PLACE_OF = _operation(
    "in_place_of",
    lambda x, other: (
        np.repeat(x, other.shape[1], axis=1) if x.shape[1] == 1 else _fitted(x, *other.shape)
    ),
    lambda operands: (operands[1].rows, operands[1].columns),
    operands=2,
)


# The numbers in the order of the transpose, in the cells that there are.
TRANSPOSED = (
    lambda x: np.ascontiguousarray(x.T).reshape(x.shape),
    lambda x: np.ascontiguousarray(x.reshape(x.shape[::-1]).T),
)


def _transposed(way: int) -> Operation:
    return _of_same_shape(f"transposed_{way}", TRANSPOSED[way])


def _one_sample(which: int) -> Operation:
    """Return the product of matrices for which a single sample is taken, not the sum over all."""
    return _operation(
        f"sample_{which}_only",
        lambda left, right: left[:, [which]] @ right[[which]],
        lambda operands: (operands[0].rows, operands[1].columns),
        operands=2,
    )


def _one_row(which: int) -> Operation:
    return _operation(
        f"row_{which}_only", lambda x: x[[which]], lambda operands: (ONE, operands[0].columns)
    )


# What is written 1 / 1 + e^-x.
ONE_AND_POWER = _of_same_shape("one_and_power", lambda x: 1 + np.exp(-x))


def _shifted(by: int, axis: int) -> Operation:
    what = ("sample", "neuron")[axis]
    return _of_same_shape(f"next_{what}_{by}", lambda x: np.roll(x, -by, axis=axis))


def _rounded(decimals: int) -> Operation:
    return _of_same_shape(f"rounded_{decimals}", lambda x: np.round(x, decimals))


def _cut_off(decimals: int) -> Operation:
    by = 10.0**decimals
    return _of_same_shape(f"cut_off_{decimals}", lambda x: np.trunc(x * by) / by)


# --- What a slip may know -----------------------------------------------------------------


@dataclass(frozen=True)
class Facts:
    """A matrix that somebody calculates, and what there is to mix up.

    Attributes:
        of: The matrix.
        program: All steps.
        decimals: To how many numbers are rounded.
    """

    of: Matrix
    program: Program
    decimals: int

    @cached_property
    def kind(self) -> Kind:
        """The kind of step that computes the matrix; one that no step shows leads to updates."""
        step = self.program.step_of(self.of)
        return step.kind if step else "update"

    @cached_property
    def slopes(self) -> tuple[Matrix, ...]:
        """The local derivatives of the activations, by their inputs."""
        return self.program.having("slope")

    @cached_property
    def deltas(self) -> tuple[Matrix, ...]:
        """The changes wanted (adjoints, up to their sign) of what enters each activation, going
        back.
        """
        return self.program.having("delta")

    @cached_property
    def errors(self) -> tuple[Matrix, ...]:
        """The changes wanted of what each activation passes on, in the order of the deltas."""
        return self.program.having("error")

    def error_of(self, delta: Matrix) -> Matrix | None:
        """Return the change wanted of what an activation passes on, by that of what it receives;
        None if there is none.
        """
        assert delta.definition is not None
        for part in _parts(delta.definition):
            if isinstance(part, Matrix) and part in self.errors and part.shape == delta.shape:
                return part
        # Some deltas are computed without it: those of a network are in its order.
        paired = len(self.errors) == len(self.deltas)
        return self.errors[self.deltas.index(delta)] if paired else None

    @cached_property
    def old(self) -> Matrix | None:
        """What the matrix is the update of."""
        return self.program.replaced_by(self.of)

    @cached_property
    def activation(self) -> Applied | None:
        """The activation that computes the matrix, in one piece."""
        whole = self.of.whole or self.of.definition
        is_one = isinstance(whole, Applied) and whole.operation.is_activation
        return whole if is_one and isinstance(whole, Applied) else None

    @cached_property
    def passed_on(self) -> Mapping[str, Applied]:
        """The activations that compute what is passed on, by the name of their result."""
        found = {}
        for matrix in self.program.forward.brings:
            whole = Facts(matrix, self.program, self.decimals).activation
            if whole is not None:
                found[matrix.name] = whole
        return found

    def is_over_samples(self, axis: Axis) -> bool:
        """Whether an axis is that of the samples."""
        return axis.fits(self.program.samples)

    @cached_property
    def entered(self) -> Mapping[str, Expression]:
        """What was entered into the activation that computes a matrix, by its name."""
        return {name: whole.operands[0] for name, whole in self.passed_on.items()}

    @cached_property
    def goes_forward(self) -> bool:
        """Whether the matrix is computed on the way forward of a written program."""
        return self.program.is_written and self.kind in ("forward", "loss")

    @cached_property
    def _places(self) -> Mapping[str, int]:
        return {matrix.name: place for place, matrix in enumerate(self.program.matrices)}

    def comes_before(self, part: Matrix) -> bool:
        """Whether a matrix is there before this one is computed."""
        return self._places[part.name] < self._places.get(self.of.name, len(self._places))

    def is_constant(self, part: Expression) -> bool:
        """Whether a part of a definition is given and stays, as a mask does."""
        return isinstance(part, Matrix) and self.program.roles[part.name] in ("input", "constant")

    def beside(self, part: Expression, by: int) -> Matrix | None:
        """Return the matrix of another time step, so many later, where one of the shape is there;
        None for parameters, which no time step has for itself.
        """
        alike = self._series(part)
        if not isinstance(part, Matrix) or part not in alike or self.is_parameter(part):
            return None
        place = alike.index(part) + by
        if not 0 <= place < len(alike):
            return None
        other = alike[place]
        return other if other.shape == part.shape and self.comes_before(other) else None

    def first(self, part: Matrix) -> Matrix | None:
        """Return what a matrix of some time step was before the first, if that is given."""
        first, *_ = self._series(part) or (part,)
        is_start = first is not part and first.definition is None and first.shape == part.shape
        return first if is_start else None

    def _series(self, part: Expression) -> tuple[Matrix, ...]:
        name = part.name if isinstance(part, Matrix) else ""
        return series(self.program).get(counted(name)[0], ())

    def is_of_steps(self, part: Expression) -> bool:
        """Whether a part of a definition is of one of several time steps, as the first state is."""
        return bool(self._series(part))

    def is_state(self, part: Expression) -> bool:
        """Whether a part of a definition was computed in an earlier time step."""
        if not isinstance(part, Matrix) or part.definition is None or not self.goes_forward:
            return False
        return 0 <= counted(part.name)[1] < counted(self.of.name)[1] and bool(self._series(part))

    def depends(self, expression: Expression, on: Matrix) -> bool:
        """Whether an expression is computed from a matrix, by way of others or not."""
        waiting, seen = list(mentioned(expression)), set[Matrix]()
        while waiting:
            matrix = waiting.pop()
            if matrix is on:
                return True
            if matrix not in seen and matrix.definition is not None:
                waiting += mentioned(matrix.definition)
            seen.add(matrix)
        return False

    def is_rate(self, part: Expression) -> bool:
        """Whether a part of a definition is the learning rate."""
        return part is self.program.rate

    def is_parameter(self, part: Expression) -> bool:
        """Whether a part of a definition is carried on from one update to the next."""
        return isinstance(part, Matrix) and part.name in self.program.updates


Change = Callable[[Expression, Facts], Expression | None]
Wrong = Callable[[Facts], Iterator[Expression]]


@dataclass(frozen=True)
class Slip:
    """A slip.

    Attributes:
        key: Its name in data; the words for it stand under `slips` and this key.
        wrong: Yields what a matrix is computed as by whoever slips, if it can happen there.
        magnifies: By how much it makes what rounding left out larger.
        is_form: Whether the number is right, and only written down wrongly.
    """

    key: str
    wrong: Wrong
    magnifies: float = 1.0
    is_form: bool = False


def _changed(expression: Expression, change: Change, facts: Facts) -> Iterator[Expression]:
    """Yield an expression with one part of it changed, for each part that can be."""
    new = change(expression, facts)
    if new is not None:
        yield new
    if not isinstance(expression, Applied):
        return
    operands = expression.operands
    for i, operand in enumerate(operands):
        for new in _changed(operand, change, facts):
            try:
                yield expression.of(*operands[:i], new, *operands[i + 1 :])
            except ShapeError:  # nobody can compute it
                continue


def _anywhere(change: Change) -> Wrong:
    """Return a slip in any part of a definition."""

    def wrong(facts: Facts) -> Iterator[Expression]:
        assert facts.of.definition is not None
        yield from _changed(facts.of.definition, change, facts)

    return wrong


def _at(operation: str, change: Callable[..., Expression | None]) -> Wrong:
    """Return a slip wherever an operation is applied; `change` gets facts and operands."""

    def at(part: Expression, facts: Facts) -> Expression | None:
        if isinstance(part, Applied) and part.operation.name == operation:
            return change(facts, *part.operands)
        return None

    return _anywhere(at)


def _after(*results: Callable[[Facts], Expression | None]) -> Wrong:
    """Return a slip with the finished numbers of a matrix."""

    def wrong(facts: Facts) -> Iterator[Expression]:
        yield from filter(None, (result(facts) for result in results))

    return wrong


# --- How each goes ------------------------------------------------------------------------


def _without_activation(part: Expression, _: Facts) -> Expression | None:
    is_one = isinstance(part, Applied) and part.operation.is_activation
    return part.operands[0] if is_one and isinstance(part, Applied) else None


def _slope_at_input(part: Expression, facts: Facts) -> Expression | None:
    if facts.of in facts.slopes and isinstance(part, Matrix):
        return facts.entered.get(part.name)
    return None


def _slope_at_inputs(facts: Facts) -> Iterator[Expression]:
    """Both factors of `output * (1 - output)` come from the same wrong number."""
    assert facts.of.definition is not None
    if facts.of in facts.slopes:
        yield _everywhere(facts.of.definition, lambda part: _slope_at_input(part, facts))


def _everywhere(
    expression: Expression, change: Callable[[Expression], Expression | None]
) -> Expression:
    """Return an expression with every part changed that can be."""
    new = change(expression)
    if new is not None:
        return new
    if isinstance(expression, Applied):
        operands = [_everywhere(operand, change) for operand in expression.operands]
        return expression.of(*operands)
    return expression


def _slope_left_out(facts: Facts, change: Expression, slope: Expression) -> Expression | None:
    return change if slope in facts.slopes else None


def _rate_left_out(facts: Facts, left: Expression, right: Expression) -> Expression | None:
    if facts.is_rate(right):
        return left
    return right if facts.is_rate(left) else None


def _rate_twice(facts: Facts, left: Expression, right: Expression) -> Expression | None:
    if facts.is_rate(right) or facts.is_rate(left):
        return left * right * facts.program.rate
    return None


def _rate_too_early(facts: Facts) -> Expression | None:
    """As the article does in a caption, on the output's delta: the updates multiply again."""
    return facts.of * facts.program.rate if facts.of in facts.deltas else None


def _updated_too_early(facts: Facts) -> Iterator[Expression]:
    """A weight that goes back is the one that went forward, not the one it becomes."""
    assert facts.of.definition is not None
    if facts.kind in ("loss", "backward"):
        # What is updated by way of this very matrix nobody has before it.
        updates = facts.program.updates
        known = {
            m.name: updates[m.name]
            for m in mentioned(facts.of.definition)
            if m.name in updates and not facts.depends(updates[m.name], facts.of)
        }

        def update(part: Expression) -> Expression | None:
            return known.get(part.name) if isinstance(part, Matrix) else None

        new = _everywhere(facts.of.definition, update)
        if any(isinstance(part, Matrix) and part in known.values() for part in _parts(new)):
            yield new


def _parts(expression: Expression) -> Iterator[Expression]:
    yield expression
    if isinstance(expression, Applied):
        for operand in expression.operands:
            yield from _parts(operand)


def _other_delta(part: Expression, facts: Facts) -> Expression | None:
    """As the article's bullet on biases does: the hidden one by the output layer's delta."""
    if facts.kind != "update" or part not in facts.deltas:
        return None
    other = facts.deltas[facts.deltas.index(part) - 1]  # of the layer behind; the first: the last
    return None if other is part else Applied(IN_PLACE_OF, other, part)


def _error_for_delta(part: Expression, facts: Facts) -> Expression | None:
    """The slope forgotten on the way back, or in an update."""
    return facts.error_of(part) if isinstance(part, Matrix) and part in facts.deltas else None


def _activation_twice(facts: Facts) -> Iterator[Expression]:
    """A slope in terms of the output, taken of the activation of the output."""
    assert facts.of.definition is not None

    def again(part: Expression) -> Expression | None:
        passed_on = facts.passed_on.get(part.name) if isinstance(part, Matrix) else None
        return passed_on.of(part) if passed_on else None

    if facts.of in facts.slopes:
        yield _everywhere(facts.of.definition, again)


def _mixed_up(right: Applied) -> Iterator[Applied]:
    """Yield the activations that people take for another, applied to the same. Softmax is none: it
    is no function of a number by itself; to take none at all is a slip of its own.
    """
    for name in elementwise_activations():
        if name not in (right.operation.name, identity()):
            yield apply(name, right.operands[0])


def _other_activation(facts: Facts) -> Iterator[Expression]:
    if facts.activation:
        yield from _mixed_up(facts.activation)
    if facts.goes_forward:  # as of a gate, within a definition
        assert facts.of.definition is not None
        for name in elementwise_activations():
            yield from _changed(facts.of.definition, _taking(name), facts)


def _taking(name: str) -> Change:
    """Return a slip that takes an activation for that of a name, within a definition."""

    def change(part: Expression, facts: Facts) -> Expression | None:
        is_one = isinstance(part, Applied) and part.operation.is_activation
        if not is_one or part is facts.of.definition or not isinstance(part, Applied):
            return None
        return next((each for each in _mixed_up(part) if each.operation.name == name), None)

    return change


def _other_slope(facts: Facts) -> Iterator[Expression]:
    """The slope that another activation would have, from the neuron's output."""
    if facts.of not in facts.slopes:
        return
    assert facts.of.definition is not None
    # A linear neuron's slope has its output, but does not read it.
    for output in dict.fromkeys(_parts(facts.of.definition)):
        right = facts.passed_on.get(output.name) if isinstance(output, Matrix) else None
        for other in _mixed_up(right) if right else ():
            slope = slope_of(other, output)
            assert slope is not None
            yield slope


def _factor_left_out(facts: Facts, left: Expression, _: Expression) -> Expression | None:
    """`output` for `output * (1 - output)`."""
    return left if facts.of in facts.slopes and isinstance(left, Matrix) else None


def _doubled(facts: Facts) -> Expression | None:
    """As the derivative of a square that was not halved."""
    assert facts.of.definition is not None
    targets = facts.program.forward.targets
    is_first = facts.of in facts.errors and any(m in targets for m in _parts(facts.of.definition))
    squared = any(_applies(loss, "squared_error") for loss in facts.program.losses)
    return facts.of * 2.0 if is_first and squared else None


def _applies(matrix: Matrix, operation: str) -> bool:
    """Whether a matrix is the result of an operation of some name."""
    found = matrix.definition
    return isinstance(found, Applied) and found.operation.name == operation


# --- How they go in programs --------------------------------------------------------------


def _step_off(by: int) -> Change:
    """Return a slip that takes a matrix of another time step."""
    return lambda part, facts: facts.beside(part, by)


def _state_from_first(part: Expression, facts: Facts) -> Expression | None:
    """The first hidden state taken at every time step."""
    return facts.first(part) if isinstance(part, Matrix) and facts.is_state(part) else None


def _state_left_out(facts: Facts, *terms: Expression) -> Expression | None:
    """Of what comes in and what was kept, only what comes in."""
    kept = [term for term in terms if any(map(facts.is_state, _parts(term)))]
    if len(kept) != 1 or isinstance(kept[0], Matrix):
        return None
    return next(term for term in terms if term is not kept[0])


def _past_left_out(facts: Facts, *terms: Expression) -> Expression | None:
    """What went past a layer is not added to what comes out of it."""
    if not facts.goes_forward:
        return None
    for past, through in (terms, terms[::-1]):
        is_plain = isinstance(past, Matrix) and not facts.is_parameter(past)
        if is_plain and isinstance(past, Matrix) and facts.depends(through, past):
            return through
    return None


def _mask_left_out(facts: Facts, *terms: Expression) -> Expression | None:
    for mask, of in (terms[::-1], terms):
        is_mask = facts.is_constant(mask) and not mask.is_scalar and not facts.is_of_steps(mask)
        if is_mask and not facts.is_constant(of):
            return of if mask.shape == of.shape else None
    return None


def _added_mask_left_out(facts: Facts, *terms: Expression) -> Expression | None:
    """What is added and comes with the data goes past a layer; a mask is the program's own."""
    own = any(term in facts.program.forward.rest for term in terms)
    return _mask_left_out(facts, *terms) if own else None


def _scaling_left_out(facts: Facts, of: Expression, by: Expression) -> Expression | None:
    """`q @ k.T` for `q @ k.T / √d`, where the root is given or written as a number."""
    is_product = any(isinstance(p, Applied) and p.operation.name == "product" for p in _parts(of))
    written = isinstance(by, Number) and is_product and facts.goes_forward
    return of if written or (facts.is_constant(by) and by.is_scalar) else None


def _shares_of_columns(facts: Facts) -> Iterator[Expression]:
    """A softmax whose columns add up to 1."""
    found, whole = facts.of.definition, facts.activation
    is_last = isinstance(found, Applied) and found.operation.name == "divide"
    if facts.goes_forward and whole and whole.operation.mixes_columns and is_last:
        assert isinstance(found, Applied)
        top = found.operands[0]
        yield found.of(top, apply("sum_over_rows", top))


def _some_terms(*roles: Role) -> Wrong:
    """Return a slip that takes only one of the terms of a sum, of a matrix of some roles; or leaves
    one of them out.
    """

    def wrong(facts: Facts) -> Iterator[Expression]:
        assert facts.of.definition is not None
        terms = list(_terms(facts.of.definition))
        if not facts.program.is_written or facts.program.roles.get(facts.of.name) not in roles:
            return
        if len(terms) > 1:
            yield from terms
        for i in range(len(terms) if len(terms) > 2 else 0):
            first, *others = terms[:i] + terms[i + 1 :]
            yield sum(others, first)

    return wrong


def _terms(expression: Expression) -> Iterator[Expression]:
    if isinstance(expression, Applied) and expression.operation.name == "add":
        for operand in expression.operands:
            yield from _terms(operand)
    else:
        yield expression


WINDOWS = ("convolve", "convolve_back")


def _kernel_turned(part: Expression, _: Facts) -> Expression | None:
    if not isinstance(part, Applied) or part.operation.name not in WINDOWS:
        return None
    matrix, kernel, *others = part.operands
    return part.of(matrix, kernel[::-1, ::-1], *others)


def _windows_off(*settings: str) -> Wrong:
    """Return a slip in how windows move: each of some settings one more or one less, all alike."""

    def change(by: int) -> Change:
        def changed(part: Expression, facts: Facts) -> Expression | None:
            told = part.settings if isinstance(part, Applied) else {}
            moves = facts.goes_forward and all(name in told for name in settings)
            if not isinstance(part, Applied) or not moves:
                return None
            least = 0 if "top" in settings else 1
            new = {name: int(told[name]) + by for name in settings}
            if min(new.values()) < least:
                return None
            of, *others = part.operands
            # As many windows as there are cells to fill: beyond the matrix, of zeros.
            room = apply("pad", of, bottom=part.rows.size + 1, right=part.columns.size + 1)
            try:
                found = Applied(part.operation, room, *others, **{**told, **new})
            except CellpropError:  # windows can't move so
                return None
            return apply(IN_PLACE_OF, found, part)

        return changed

    def wrong(facts: Facts) -> Iterator[Expression]:
        for by in (-1, 1):
            yield from _anywhere(change(by))(facts)

    return wrong


def _update_added(facts: Facts, old: Expression, step: Expression) -> Expression | None:
    return old + step if facts.is_parameter(old) else None


def _only_step(facts: Facts, old: Expression, step: Expression) -> Expression | None:
    return step if facts.is_parameter(old) else None


def _mean_of_products(facts: Facts, left: Expression, right: Expression) -> Expression | None:
    if facts.is_over_samples(left.columns):
        return apply("product", left, right) / float(left.columns.size)
    return None


def _one_sample_only(which: int) -> Change:
    """Return a sum over samples of which one was taken."""

    def change(part: Expression, facts: Facts) -> Expression | None:
        if not isinstance(part, Applied):
            return None
        first = part.operands[0]
        if part.operation.name == "product" and facts.is_over_samples(first.columns):
            return apply(_one_sample(which), *part.operands)
        if part.operation.name == "sum_over_rows" and facts.is_over_samples(first.rows):
            return apply(_one_row(which), first)
        return None

    return change


def _typed_transposed(facts: Facts) -> Iterator[Expression]:
    if min(facts.of.shape) > 1:
        yield from (apply(_transposed(way), facts.of) for way in range(len(TRANSPOSED)))


def _is_bias(facts: Facts, part: Expression) -> bool:
    return facts.is_parameter(part) and part.rows is ONE


def _mean_for_sum(_: Facts, operand: Expression) -> Expression | None:
    return apply("sum_over_rows", operand) / float(operand.rows.size)


def _sum_for_mean(_: Facts, sum_: Expression, count: Expression) -> Expression | None:
    return sum_ if isinstance(count, Number) else None


def _bias_left_out(facts: Facts, sum_: Expression, bias: Expression) -> Expression | None:
    return sum_ if _is_bias(facts, bias) else None


def _others(axis: int) -> Wrong:
    """Return a slip that takes the numbers of another row (0) or column (1)."""

    def wrong(facts: Facts) -> Iterator[Expression]:
        for by in range(1, min(facts.of.shape[axis], MOST_SHIFTS)):
            yield apply(_shifted(by, axis), facts.of)

    return wrong


def _with_fewer(less: int, how: Callable[[int], Operation]) -> Callable[[Facts], Expression | None]:
    """Return the slip of so many fewer decimals than asked for: a function of Facts."""

    def result(facts: Facts) -> Expression | None:
        decimals = facts.decimals - less
        return apply(how(decimals), facts.of) if decimals >= 0 else None

    return result


# With more samples than this, that a number is some other sample's says nothing.
MOST_SHIFTS = 12

# The likelier before the others: of those that explain as much, the first is named.
SLIPS: tuple[Slip, ...] = (
    Slip("not_updated", _after(lambda facts: facts.old)),
    Slip("bias_left_out", _at("add", _bias_left_out)),
    Slip("bias_subtracted", _at("add", lambda f, a, b: a - b if _is_bias(f, b) else None)),
    Slip("bias_twice", _at("add", lambda f, a, b: a + b + b if _is_bias(f, b) else None)),
    Slip("state_not_carried", _anywhere(_state_from_first)),
    Slip("state_not_carried", _at("add", _state_left_out)),
    Slip("residual_left_out", _at("add", _past_left_out)),
    Slip("mask_forgotten", _at("add", _added_mask_left_out)),
    Slip("mask_forgotten", _at("multiply", _mask_left_out)),
    Slip("scaling_forgotten", _at("divide", _scaling_left_out)),
    Slip("softmax_axis", _shares_of_columns),
    Slip("one_use_only", _some_terms("change")),
    Slip("one_way_only", _some_terms("error", "delta")),
    Slip("kernel_turned", _anywhere(_kernel_turned)),
    Slip("stride_off", _windows_off("down", "across")),
    Slip("padding_off", _windows_off("top", "left")),
    Slip("slope_left_out", _at("multiply", _slope_left_out)),
    Slip("slope_at_input", _slope_at_inputs),
    Slip("activation_twice", _activation_twice),
    Slip("slope_factor_left_out", _at("multiply", _factor_left_out)),
    Slip("other_slope", _other_slope),
    Slip("activation_left_out", _anywhere(_without_activation)),
    Slip("exponent_sign", _at("sigmoid", lambda _, x: apply("sigmoid", 0 - x))),
    Slip("parentheses_forgotten", _at("sigmoid", lambda _, x: apply(ONE_AND_POWER, x))),
    Slip("other_activation", _other_activation),
    Slip("difference_reversed", _at("subtract", lambda _, a, b: b - a)),
    Slip("derivative_doubled", _after(_doubled)),
    Slip("error_for_delta", _anywhere(_error_for_delta)),
    Slip("rate_left_out", _at("scale", _rate_left_out)),
    Slip("rate_too_early", _after(_rate_too_early)),
    Slip("transpose_forgotten", _at("transpose", lambda _, x: apply(NOT_TRANSPOSED, x))),
    Slip("typed_transposed", _typed_transposed),
    Slip("element_by_element", _at("product", lambda _, a, b: apply(BY_PLACE, a, b))),
    Slip("wrong_axis", _at("sum_over_rows", lambda _, x: apply(ROW_SUMS, x))),
    Slip("wrong_axis", _at("sum_over_columns", lambda _, x: apply(COLUMN_SUMS, x))),
    Slip("other_step", _anywhere(_step_off(-1))),
    Slip("other_step", _anywhere(_step_off(1))),
    Slip("updated_too_early", _updated_too_early),
    Slip("other_delta", _anywhere(_other_delta)),
    Slip("update_subtracted", _at("add", lambda f, a, b: a - b if f.is_parameter(a) else None)),
    Slip("old_value_left_out", _at("add", lambda f, a, b: b if f.is_parameter(a) else None)),
    Slip("update_added", _at("subtract", _update_added)),
    Slip("old_value_left_out", _at("subtract", _only_step)),
    Slip("mean_for_sum", _at("sum_over_rows", _mean_for_sum)),
    Slip("mean_for_sum", _at("product", _mean_of_products)),
    Slip("sum_for_mean", _at("divide", _sum_for_mean)),
    Slip("one_sample_only", _anywhere(_one_sample_only(0))),
    Slip("one_sample_only", _anywhere(_one_sample_only(-1))),
    Slip("not_halved", _at("squared_error", lambda _, y, output: square(y - output))),
    Slip("sign_lost", _after(lambda facts: 0 - facts.of)),
    Slip("decimal_shifted", _after(lambda facts: facts.of * 10.0), 10.0, is_form=True),
    Slip("decimal_shifted", _after(lambda f: f.of / 10.0, lambda f: f.of / 100.0), is_form=True),
    Slip("decimal_shifted", _after(lambda facts: facts.of * 100.0), 100.0, is_form=True),
    Slip("other_sample", _others(0)),
    Slip("other_neuron", _others(1)),
    Slip("cut_off", _after(*map(_with_fewer, (0, 1), repeat(_cut_off))), 0.0, is_form=True),
    Slip("rounded_too_far", _after(*map(_with_fewer, (1, 2), repeat(_rounded))), 0.0, is_form=True),
    Slip("rate_twice", _at("scale", _rate_twice)),
)
# The keys of slips in which a number is only written down wrongly.
FORM = tuple(dict.fromkeys(slip.key for slip in SLIPS if slip.is_form))


@lru_cache(maxsize=256)  # they are the same for every student
def mistakes(of: Matrix, program: Program, decimals: int) -> Sequence[tuple[Slip, Expression]]:
    """Return every slip that can be made with a matrix, and what it is then computed as.

    An expression may read the matrix itself: its numbers as they should have been.

    Parameters
    ----------
    of
        A matrix that a step computes.
    program
        The steps.
    decimals
        To how many decimals numbers are rounded.

    Returns
    -------
    sequence of (Slip, Expression)
        The expression has the matrix's axes; the likelier slips come first.
    """
    facts = Facts(of, program, decimals)
    return [(slip, wrong) for slip in SLIPS for wrong in slip.wrong(facts) if _has_room(wrong, of)]


def _has_room(wrong: Expression, of: Matrix) -> bool:
    """Whether numbers have the shape of a matrix, or repeat to fit."""
    sides = ((wrong.rows, of.rows), (wrong.columns, of.columns))
    return all(has.size in (1, wanted.size) for has, wanted in sides)
