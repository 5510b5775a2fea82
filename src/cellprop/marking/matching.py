"""Which matrix of ours each of theirs is: by its name, by its shape, or else by its numbers.

Knows names, shapes and numbers; knows nothing of marks. What can't be matched is kept with the
reason; it is an error only where somebody used a name of ours.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from cellprop.algebra import (
    Applied,
    Array,
    Expression,
    Matrix,
    define,
    sum_over_columns,
    sum_over_rows,
    value,
)
from cellprop.errors import InputError, UnknownNameError, nearest
from cellprop.files.matrices import Found
from cellprop.files.opening import shown
from cellprop.marking.variants import PLAIN, Factor, factors, fits, orientations
from cellprop.programs.naming import Candidates, change_name, look_up, loss_name
from cellprop.programs.program import Program, Role
from cellprop.running.run import TRAINED, Update

# How people scale a matrix: not at all; as a change; as a change's square; as a loss.
Scales = Literal["plain", "change", "square", "loss"]
POWERS: Mapping[Scales, int] = {"plain": 0, "change": 1, "square": 2, "loss": 1}
How = Literal["exactly", "told", "name", "numbers", "updated"]
Why = Literal["unknown", "shape", "taken", "unreadable"]

# Without a name, numbers have to agree to this share of their size: as 64 or 32 bits hold them.
SAME, SAME_SINGLE = 1e-9, 1e-5
# A single number with so few decimals may be any number.
FEW_DECIMALS = 3
# What has the sign and the scale of a gradient.
CHANGES: tuple[Role, ...] = ("error", "delta", "check", "change")
SQUARE = "square"
# What their mean loss over the samples is called here.
LOSS = "loss"


@dataclass(frozen=True, eq=False)
class Target:
    """A matrix of ours that one of theirs may be.

    Attributes:
        matrix: Which.
        step: The label of its step.
        true: What it should be.
        scales: How people scale it.
        by_sample: Whether it has a row for each sample.
    """

    matrix: Matrix
    step: str
    true: Array
    scales: Scales
    by_sample: bool

    @property
    def is_given(self) -> bool:
        """Whether it is given, not computed."""
        return self.matrix.definition is None

    @property
    def power(self) -> int:
        """How often a factor applies to it."""
        return POWERS[self.scales]


@dataclass(frozen=True, eq=False)
class Match:
    """A matrix of theirs, and what it is taken for.

    Attributes:
        theirs, ours: The names.
        how: By what: the same letters; what they told; a name that is known; its numbers; or
            `updated`: it has the name of a given matrix, but the numbers that replace those.
        found: The matrix as they have it.
        turned: Whether matrices by that name are usually transposed.
    """

    theirs: str
    ours: str
    how: How
    found: Found
    turned: bool = False


@dataclass(frozen=True)
class Left:
    """A matrix of theirs that was compared with none of ours.

    Attributes:
        theirs: Its name.
        why: `unknown`; `shape`: it fits none that the name may mean; `taken`: another one is there
            for the same; `unreadable`.
        says: The names of ours that it is about, or why it can't be read.
        shape: Its own.
    """

    theirs: str
    why: Why
    says: str = ""
    shape: tuple[int, ...] = ()


# --- Ours ---------------------------------------------------------------------------------


def further(program: Program) -> list[tuple[str, Matrix]]:
    """Return matrices that people have and no step shows, each after the label of its step: the
    loss as one number (1, 1), and each parameter's change wanted (its gradient's negative; of a
    written program its gradient), of the parameter's shape.
    """
    home = {matrix.name: step.label for step in program.steps for matrix in step.brings}
    found = [
        (home[program.updates[name].name], define(change_name(program, name), change))
        for name, change in program.changes.items()
        if change_name(program, name) not in home
    ]
    first, *others = map(_mean, program.losses)
    mean: Expression = first
    for other in others:
        mean = mean + other
    loss = define(loss_name(program), mean)
    return [(home[program.losses[-1].name], loss), *found]


def _mean(loss: Matrix) -> Expression:
    """Return a loss's sum over columns and mean over rows, of shape (1, 1)."""
    return sum_over_columns(sum_over_rows(loss)) / float(loss.rows.size)


def targets(update: Update, extra: Iterable[tuple[str, Matrix]]) -> dict[str, Target]:
    """Return all that theirs may be, by name: the matrices of the steps in order of computation,
    then further ones, each after the label of its step.
    """
    program = update.program
    found: dict[str, Target] = {}
    for step in program.steps:
        for matrix in step.brings:
            found[matrix.name] = Target(
                matrix, step.label, update.values[matrix.name], _scales(program, matrix),
                program.is_by_sample(matrix),
            )  # fmt: skip
    for label, matrix in extra:
        assert matrix.definition is not None
        true = np.broadcast_to(value(matrix.definition, update.values), matrix.shape)
        scales: Scales = "loss" if matrix.name == loss_name(program) else "change"
        found[matrix.name] = Target(matrix, label, true, scales, by_sample=False)
    return found


def _scales(program: Program, matrix: Matrix) -> Scales:
    """Return the Scales in which people write a matrix, by its role."""
    role = program.roles[matrix.name]
    if role == "loss" or role in CHANGES:
        return "loss" if role == "loss" else "change"
    kept = program.replaced_by(matrix) or matrix
    if program.roles[kept.name] != "remembered":
        return "plain"
    return "square" if _squares(program.updates[kept.name].definition) else "change"


def _squares(expression: Expression | None) -> bool:
    """Whether something is squared in an expression, as changes are whose mean square is kept."""
    return isinstance(expression, Applied) and (
        expression.operation.name == SQUARE or any(map(_squares, expression.operands))
    )


def factors_of(target: Target, program: Program) -> tuple[Factor, ...]:
    """Return by what people may multiply a matrix, the likeliest first: 1, where they have no
    choice.
    """
    if not target.power:
        return (PLAIN,)
    samples, outputs = program.losses[0].shape
    return factors(samples, outputs, signed=target.scales != "loss")


# --- Theirs -------------------------------------------------------------------------------


def match(
    theirs: Mapping[str, Found],
    ours: Mapping[str, Target],
    program: Program,
    told: Mapping[str, str | None],
    *,
    by_numbers: bool,
) -> tuple[dict[str, Match], list[Left]]:
    """Return a match for each of ours that is there, by its name, and those of theirs that are none
    of ours.

    Parameters
    ----------
    theirs
        Their matrices by name.
    ours
        What they may be.
    program
        Whose matrices ours are.
    told
        What some of theirs are called here; None: leave it out.
    by_numbers
        Whether one of an unknown name may be known by its numbers.

    Raises
    ------
    UnknownNameError
        If `told` has a name that is not there.
    InputError
        If a matrix by a name of ours, or one that was told, is none of numbers, or does not fit.
    """
    _check_told(theirs, ours, told)
    names = [name for name in theirs if name not in told and not _is_trained(name, program)]
    known = look_up(names, program)
    known |= {name: Candidates((each,)) for name, each in told.items() if each is not None}
    options: dict[str, list[Match]] = {}
    left: list[Left] = []
    for name in (name for name in theirs if name in known):
        how: How = "told" if name in told else "exactly" if _is_step(name, ours) else "name"
        found = _options(name, theirs[name], known[name], ours, how)
        if isinstance(found, Left):
            left.append(found)
        else:
            options[name] = found
    matches = _settled(options, ours, program, left)
    if by_numbers:
        left = [
            each for each in left if not _known_by_numbers(each, theirs, ours, program, matches)
        ]
    return matches, left


def _check_told(
    theirs: Mapping[str, Found], ours: Mapping[str, Target], told: Mapping[str, str | None]
) -> None:
    for name, each in told.items():
        if name not in theirs:
            raise UnknownNameError(
                f"names: there is no {shown(str(name))} among the matrices."
                f"{nearest(str(name), theirs)}"
            )
        if each is not None and each not in ours:
            raise UnknownNameError(
                f"names: there is no matrix {shown(str(each))} here.{nearest(str(each), ours)}"
                f" There are: {', '.join(ours)}."
            )


def _is_step(name: str, ours: Mapping[str, Target]) -> bool:
    """Whether it is a name of ours that nobody else would use for something else."""
    return name in ours and name != LOSS


def _is_trained(name: str, program: Program) -> bool:
    """Whether it is of the last epoch, as a workbook of ours has it: another update than walked."""
    return name.endswith(TRAINED) and name.removesuffix(TRAINED) in program.updates


def _options(
    name: str, found: Found, candidates: Candidates, ours: Mapping[str, Target], how: How
) -> list[Match] | Left:
    """Return the matches that one of theirs may make, or why it is none of ours."""
    if not candidates.ours:
        return Left(name, "unknown", found.fault, found.values.shape)
    # What is given may be anything by that name: labels, all samples where an update sees a few.
    strict = how == "told" or not ours[candidates.ours[0]].is_given
    if found.fault:
        if strict:
            raise InputError(found.fault)
        return Left(name, "unreadable", found.fault)
    options = []
    for each in candidates.ours:
        reading = _reading(found, ours[each])
        if reading:
            options.append(Match(name, each, how, reading, candidates.turned))
    if options:
        return options
    if strict and how != "name":
        expected, has = (
            _sizes(s) for s in (ours[candidates.ours[0]].matrix.shape, found.values.shape)
        )
        raise InputError(f"{shown_name(name)}: expected {expected} numbers, found {has}.")
    return Left(name, "shape", candidates.ours[0], found.values.shape)


def shown_name(name: str) -> str:
    """Return a name of theirs as it can be shown."""
    return shown(name)[1:-1]


def _sizes(shape: Sequence[int]) -> str:
    return " × ".join(map(str, shape)) if len(shape) > 1 or shape != (1,) else "one"


def _reading(found: Found, target: Target) -> Found | None:
    """Return the reading of a matrix that fits, if there is one."""
    readings = (found, *found.others)
    return next((r for r in readings if orientations(r, target.matrix.shape)), None)


def _settled(
    options: Mapping[str, Sequence[Match]],
    ours: Mapping[str, Target],
    program: Program,
    left: list[Left],
) -> dict[str, Match]:
    """Return one match for each of ours; those that several of theirs may be go to the best."""
    matches: dict[str, Match] = {}
    clear = [name for name, found in options.items() if len(found) == 1]
    for name in (*clear, *(name for name in options if name not in clear)):
        free = [each for each in options[name] if each.ours not in matches]
        agree = [each for each in free if _agrees(each, ours[each.ours], program)]
        chosen = next(iter(agree or free), options[name][0])
        rival = matches.get(chosen.ours)
        if rival is None:
            matches[chosen.ours] = chosen
            continue
        target = ours[chosen.ours]
        better = _rank(chosen, target, program) > _rank(rival, target, program)
        matches[chosen.ours], other = (chosen, rival) if better else (rival, chosen)
        left.append(Left(other.theirs, "taken", other.ours, other.found.values.shape))
    return matches


def _rank(match: Match, target: Target, program: Program) -> tuple[bool, bool, bool]:
    """Return the rank of a match, to be compared: the larger, the better."""
    return match.how == "told", match.how == "exactly", _agrees(match, target, program)


def _agrees(match: Match, target: Target, program: Program) -> bool:
    choices = factors_of(target, program)
    return any(f.is_good for f in fits(match.found, [target.true], target.power, choices))


# --- By numbers ---------------------------------------------------------------------------


def _known_by_numbers(
    one: Left,
    theirs: Mapping[str, Found],
    ours: Mapping[str, Target],
    program: Program,
    matches: dict[str, Match],
) -> bool:
    """Whether one of theirs has the numbers of exactly one of ours; it is then matched."""
    found = theirs[one.theirs]
    if one.why not in ("unknown", "shape") or found.fault or not _is_telling(found):
        return False
    same = [
        (name, reading)
        for name, target in ours.items()
        for reading in [_reading(found, target)]
        if reading and is_same(reading, target, program)
    ]
    if len(same) != 1 or same[0][0] in matches:
        return False
    name, reading = same[0]
    matches[name] = Match(one.theirs, name, "numbers", reading)
    return True


def _is_telling(found: Found) -> bool:
    """Whether numbers can be no others by chance: several that differ, or one with decimals."""
    values = found.values
    if not np.isfinite(values).all():
        return False
    if values.size == 1:
        return bool(values.item() != round(values.item(), FEW_DECIMALS))
    return bool(np.ptp(values) > 0)


def is_same(found: Found, target: Target, program: Program) -> bool:
    """Whether a matrix has exactly our numbers, in one variant or another."""
    close = SAME_SINGLE if found.single else SAME
    choices = factors_of(target, program)
    return any(fit.share == 1.0 for fit in fits(found, [target.true], target.power, choices, close))
