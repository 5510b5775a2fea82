"""The steps that follow from a written program: back through each step, and then the update.

Knows the algebra, programs and update rules; what a user writes a program with, it knows as a
`Builder` holds it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import starmap
from typing import Any, Protocol

from cellprop.algebra import (
    GRADIENTS,
    ONE,
    Applied,
    Axis,
    Backward,
    Expression,
    Matrix,
    Operation,
    define,
    derive,
    mentioned,
    sum_over_columns,
    sum_over_rows,
)
from cellprop.errors import InputError
from cellprop.programs.program import (
    Caption,
    Forward,
    Kind,
    Lane,
    Note,
    Phrase,
    Program,
    Role,
    Step,
)
from cellprop.programs.updating import Updating, updating
from cellprop.programs.wording import BATCHES, SHOWN


@dataclass
class Part:
    """A step as it is written.

    Attributes:
        title: What happens.
        says, note: What is said of it.
        brings: What it defines, in order.
    """

    title: str
    says: str = ""
    note: str = ""
    brings: list[Matrix] = field(default_factory=list)


class Way(Protocol):
    """The way forward as it was written, in order.

    Attributes:
        given_matrices, targets, constants, parameters: What no step computes.
        parts: The steps.
        losses: What is to become smaller.
        written_parts: What only leads to another matrix, such as the exponentials of a softmax.
        rules: How each parameter's first values are drawn, by its name.
    """

    given_matrices: list[Matrix]
    targets: list[Matrix]
    constants: list[Matrix]
    parameters: list[Matrix]
    parts: list[Part]
    losses: tuple[Matrix, ...]
    written_parts: set[Matrix]
    rules: dict[str, str]

    @property
    def defined(self) -> tuple[Matrix, ...]:
        """What the way forward computes, in order, with the losses."""


def followed(way: Way, samples: Axis, optimizer: str, *, average: bool) -> Program:
    """Return all steps of an update.

    Parameters
    ----------
    way
        The way forward.
    samples
        What is dealt out to updates; `ONE` where nothing is.
    optimizer
        The update rule, of `OPTIMIZERS`.
    average
        Whether gradients are averaged over the samples, not summed.

    Raises
    ------
    InputError
        If two matrices have the same name.
    """
    return _Back.of(way, samples, optimizer, average=average).program()


def forward_of(way: Way) -> Forward:
    """Return the part that leads to what is predicted; nothing is derived for it."""
    return Forward(
        inputs=tuple(way.given_matrices),
        targets=tuple(way.targets),
        outputs=tuple(dict.fromkeys(_predictions(way.losses))),
        scaling=(),
        entered=way.given_matrices[0] if way.given_matrices else way.parameters[0],
        parameters=tuple(way.parameters),
        brings=tuple(m for m in way.defined if m not in way.losses),
        layers=(),
        rest=tuple(way.constants),
    )


@dataclass(frozen=True)
class _Back:
    """The way back of what is written: what `derive` found, by the forward steps.

    Attributes:
        way: What is written.
        samples: What is dealt out to updates.
        brings: For each forward step, what its backward step brings.
        gradients: For each parameter, the shares of its gradient and then the gradient.
        update: The update of each parameter.
        adjoints: The gradient of each matrix that the loss depends on.
    """

    way: Way
    samples: Axis
    brings: tuple[tuple[Matrix, ...], ...]
    gradients: Mapping[str, tuple[Matrix, ...]]
    slopes: frozenset[str]
    update: Updating
    adjoints: Mapping[str, Expression]

    @classmethod
    def of(cls, way: Way, samples: Axis, optimizer: str, *, average: bool) -> _Back:
        defined = [m for m in way.defined if m not in way.losses]
        fixed = (*way.given_matrices, *way.targets, *way.constants)
        backward = derive(
            _total(way.losses),
            wanted={m.name: (f"d_{m.name}", "") for m in defined},
            slopes={m.name: (f"slope_{m.name}", "") for m in defined},
            given=fixed,
            sign=GRADIENTS,
        )
        gradients = {p.name: _gradient(p, backward) for p in way.parameters}
        wanted = {**backward.wanted, **{name: each[-1] for name, each in gradients.items()}}
        brings = tuple(_going_back(way.parts, backward, gradients))
        complete = replace(backward, wanted=wanted)
        count = samples.size if average else None
        update = updating(optimizer, way.parameters, complete, count, GRADIENTS)
        slopes = frozenset(m.name for m in backward.slopes.values())
        return cls(way, samples, brings, gradients, slopes, update, wanted)

    def program(self) -> Program:
        """Return all steps of an update."""
        steps, way = tuple(self._steps()), self.way
        matrices = tuple(matrix for step in steps for matrix in step.brings)
        _check_distinct(matrices)
        return Program(
            steps=steps,
            lanes=tuple(lane for lane in self._lanes(steps) if lane.matrices),
            forward=forward_of(way),
            losses=way.losses,
            samples=self.samples,
            updates=self.update.updates,
            changes=self.update.changes,
            roles=dict(self._roles(matrices)),
            starts=dict(way.rules),
            adjoints=self.adjoints,
        )

    def _steps(self) -> list[Step]:
        way, update = self.way, self.update

        steps: list[Step] = []

        def add(
            kind: Kind, caption: Caption, brings: Iterable[Matrix], part: int | None = None
        ) -> None:
            found = tuple(brings)
            if found:
                captioned = partial(_same, caption)
                steps.append(Step(kind, len(steps), kind, found, captioned=captioned, part=part))

        given = (*way.given_matrices, *way.targets, *way.constants)
        add("given", _of_start("given", Note(SHOWN, (BATCHES,))), given)
        learnt = (*update.settings.values(), *way.parameters, *update.remembered.values())
        add("parameters", _of_start("parameters"), learnt)
        written = list(enumerate(way.parts))
        for number, part in written:
            takes_loss = any(matrix in way.losses for matrix in part.brings)
            add("loss" if takes_loss else "forward", _caption(part), part.brings, number)
        for (number, part), brings in zip(written[::-1], self.brings, strict=True):
            for caption, together in self._back(part, brings):
                add("backward", caption, together, number)
        sums = [(name, each[-1:]) for name, each in self.gradients.items() if each[1:]]
        for names, brings in _groups(sums):
            add(
                "backward",
                _of_parameters("shares", ", ".join(names), *map(self._shared, names)),
                brings,
            )
        new = [(p.name, update.brings[p.name]) for p in way.parameters]
        for names, brings in _groups(new):
            counted = update.counted if steps[-1].kind != "update" else ()
            add("update", _of_parameters("update", ", ".join(names)), (*counted, *brings))
        return steps

    def _back(
        self, part: Part, brings: tuple[Matrix, ...]
    ) -> Iterator[tuple[Caption, tuple[Matrix, ...]]]:
        """Yield what is said of going back through a step, and what that brings: all at once, or
        the gradients of parameters by themselves where it is much.
        """
        found = {matrix for each in self.gradients.values() for matrix in each}
        gradients = tuple(matrix for matrix in brings if matrix in found)
        if len(brings) > MOST_AT_ONCE and 0 < len(gradients) < len(brings):
            adjoints = tuple(matrix for matrix in brings if matrix not in found)
            yield _of_back(part.title, uses=False), adjoints
            yield _of_gradients(part.title), gradients
            return
        yield _of_back(part.title, uses=bool(gradients)), brings

    def _shared(self, name: str) -> Note:
        """Return the note that says of how many shares a gradient is the sum."""
        return _of_uses(name, str(len(self.gradients[name]) - 1))

    def _lanes(self, steps: Sequence[Step]) -> Iterator[Lane]:
        for step in steps:
            if step.kind == "update":
                continue
            key, title = f"program_{'forward' if step.kind == 'loss' else step.kind}", ""
            if step.part is not None:
                title = self.way.parts[step.part].title
            elif step.kind == "backward":
                key = "program_shares"
            yield Lane(key, step.brings, title=title)
        # The rule's numbers stand with the parameters already.
        yield Lane("counts", self.update.counted)
        yield from self.update.lanes(self.way.parameters)

    def _roles(self, matrices: Sequence[Matrix]) -> Iterator[tuple[str, Role]]:
        way = self.way
        entered = {m for each in way.defined for m in _entered(each)}
        predictions = set(_predictions(way.losses))
        own = {m.name: role for role, found in self.update.roles for m in found}
        own |= {m.name: "input" for m in way.given_matrices}
        own |= {m.name: "constant" for m in way.constants}
        own |= {m.name: "target" for m in way.targets}
        own |= {m.name: "biases" if m.rows is ONE else "weights" for m in way.parameters}
        own |= {m.name: "change" for found in self.gradients.values() for m in found}
        own |= dict.fromkeys(self.slopes, "slope")
        for matrix in way.defined:
            role: Role = "entered" if matrix in entered else "activation"
            role = "part" if matrix in way.written_parts else role
            role = "prediction" if matrix in predictions else role
            own[matrix.name] = "loss" if matrix in way.losses else role
            own.setdefault(f"d_{matrix.name}", "delta" if role == "entered" else "error")
        yield from ((matrix.name, own[matrix.name]) for matrix in matrices)


# So many matrices of a step can be read at once, where more of them would do.
MOST_AT_ONCE = 4


def _groups(
    of: Iterable[tuple[str, tuple[Matrix, ...]]],
) -> Iterator[tuple[list[str], tuple[Matrix, ...]]]:
    """Yield names and what belongs to them, as many together as can be read at once."""
    names, brings = list[str](), tuple[Matrix, ...]()
    for name, matrices in of:
        if names and len(brings) + len(matrices) > MOST_AT_ONCE:
            yield names, brings
            names, brings = [], ()
        names, brings = [*names, name], (*brings, *matrices)
    if names:
        yield names, brings


def _of_parameters(key: str, names: str, *notes: Note) -> Caption:
    """Return what is said of a step that is about some parameters."""
    return Caption(f"program.{key}.title", (f"program.{key}.says",), {"names": names}, notes)


def _same(caption: Caption) -> Caption:
    # Of a module, so that a step can be sent to another process.
    return caption


def _caption(part: Part) -> Caption:
    """Return what is said of a step: what its program says, else what is computed from what."""
    made = tuple(
        Phrase("program.forward.made", {"name": m.name, "sources": ", ".join(_sources(m))})
        for m in part.brings
    )
    written = (each for m in part.brings for each in (m.definition, m.whole) if each is not None)
    applied = {each.name for expression in written for each in operations(expression)}
    notes = [Note(f"activations.{name}.notes") for name in sorted(applied)]
    own = [Note("program.note", fills={"note": part.note})] if part.note else []
    says = part.says or made
    fills: dict[str, str | Phrase | tuple[Phrase, ...]] = {"title": part.title, "says": says}
    return Caption("program.forward.title", ("program.forward.says",), fills, (*own, *notes))


def said_in(caption: Caption) -> dict[str, Any]:
    """Return a caption of a step of a written program as data: of what kind it is, and its texts.
    `caption_of` makes it again.
    """
    _, key, _ = caption.title.split(".")
    found: dict[str, Any] = {"key": key}
    if key == "forward":
        notes = [note.fills["note"] for note in caption.notes if note.key == "program.note"]
        says = caption.fills["says"]
        found["says"] = says if isinstance(says, str) else ""
        found["note"] = notes[0] if notes else ""
    elif key == "backward":
        found["uses"] = len(caption.says) > 1
    elif key == "shares":
        found["uses"] = [[note.fills["name"], note.fills["count"]] for note in caption.notes]
    return found | {n: caption.fills[n] for n in ("title", "names") if n in caption.fills}


def caption_of(said: Mapping[str, Any], brings: Sequence[Matrix]) -> Caption:
    """Return the caption of a step that brings some matrices, from its data.

    Raises
    ------
    KeyError
        If there is no caption of the kind, or it lacks a text.
    """
    ways: Mapping[str, Callable[[], Caption]] = {
        "given": lambda: _of_start("given", Note(SHOWN, (BATCHES,))),
        "parameters": lambda: _of_start("parameters"),
        "forward": lambda: _caption(Part(said["title"], said["says"], said["note"], list(brings))),
        "backward": lambda: _of_back(said["title"], uses=said["uses"] is True),
        "gradients": lambda: _of_gradients(said["title"]),
        "shares": lambda: _of_parameters("shares", said["names"], *starmap(_of_uses, said["uses"])),
        "update": lambda: _of_parameters("update", said["names"]),
    }
    return ways[said["key"]]()


def _of_start(key: str, *notes: Note) -> Caption:
    """Return what is said of a step that brings what no step computes."""
    return Caption(f"program.{key}.title", (f"program.{key}.says",), {}, notes)


def _of_back(title: str, *, uses: bool) -> Caption:
    """Return what is said of going back through a step, which may have used a parameter."""
    says = ("program.backward.says", *["program.backward.uses"] * uses)
    return Caption("program.backward.title", says, {"title": title})


def _of_gradients(title: str) -> Caption:
    """Return what is said of the gradients of what a step used."""
    return Caption("program.gradients.title", ("program.gradients.says",), {"title": title})


def _of_uses(name: str, count: str) -> Note:
    """Return the note that says of how many shares a gradient is the sum."""
    return Note("program.shares.uses", fills={"name": name, "count": count})


def _sources(matrix: Matrix) -> Iterator[str]:
    """Yield the names of what a matrix is computed from, each once."""
    read = mentioned(matrix.definition) if matrix.definition is not None else ()
    yield from dict.fromkeys(each.name for each in read)


def operations(expression: Expression) -> Iterator[Operation]:
    """Yield the operations that an expression is written with."""
    if isinstance(expression, Applied):
        yield expression.operation
        for operand in expression.operands:
            yield from operations(operand)


def _total(losses: Sequence[Matrix]) -> Expression:
    """Return what is to become smaller: losses of one shape are added cell by cell."""
    first, *others = losses
    if not others:
        return first
    if all(map(first.fits, others)):
        return sum(others, first)
    of_each = [sum_over_columns(sum_over_rows(loss)) for loss in losses]
    return sum(of_each[1:], of_each[0])


def _gradient(parameter: Matrix, backward: Backward) -> tuple[Matrix, ...]:
    """Return the shares of a parameter's gradient, one for each use, and then the gradient."""
    name, shares = f"d_{parameter.name}", backward.shares.get(parameter.name)
    if shares is None:
        raise InputError(
            f"nothing comes back to {parameter.name}, so it can't learn: the loss depends on it"
            " only through steps (greater, at_least), which are flat; use an activation such as"
            " sigmoid."
        )
    if len(shares) == 1:
        return (define(name, shares[0]),)
    named: dict[str, Matrix] = {}
    for share in shares:
        # Called by the last adjoint that it is computed from: `d_W_h_z_2` of `d_z_2`.
        last = [m.name for m in mentioned(share) if m.name.startswith("d_")]
        called = f"{name}_{last[0].removeprefix('d_')}" if last else f"{name}_1"
        unique = called
        number = 2
        while unique in named:
            unique, number = f"{called}_{number}", number + 1
        named[unique] = define(unique, share)
    first, *others = named.values()
    return first, *others, define(name, sum(others, first))


def _going_back(
    parts: Sequence[Part], backward: Backward, gradients: Mapping[str, tuple[Matrix, ...]]
) -> Iterator[tuple[Matrix, ...]]:
    """Yield what each backward step brings: adjoints and slopes of what its forward step defines,
    and of gradients what can be computed by then: their shares, where there are several.
    """
    waiting = [
        (name, matrix)
        for name, each in gradients.items()
        for matrix in (each[:-1] if each[1:] else each)
    ]
    to_come = {matrix.name for _, matrix in waiting} | {m.name for m in backward.slopes.values()}
    to_come |= {each.name for each in backward.wanted.values() if isinstance(each, Matrix)}
    reached: set[str] = set()
    for part in reversed(parts):
        brings: list[Matrix] = []
        for matrix in reversed(part.brings):
            adjoint, slope = backward.wanted.get(matrix.name), backward.slopes.get(matrix.name)
            reached |= {m.name for m in mentioned(matrix.definition or matrix)}
            brings += [adjoint] if isinstance(adjoint, Matrix) else []
            brings += [slope] if slope else []
        to_come -= {matrix.name for matrix in brings}
        for name, matrix in tuple(waiting):
            needs = {m.name for m in mentioned(matrix.definition or matrix)}
            # Not before the step that uses the parameter, even where its numbers are there.
            if name in reached and not needs & to_come:
                brings.append(matrix)
                to_come.remove(matrix.name)
                waiting.remove((name, matrix))
        yield tuple(brings)


def _predictions(losses: Sequence[Matrix]) -> Iterator[Matrix]:
    """Yield what losses compare with targets."""
    for loss in losses:
        if isinstance(loss.definition, Applied) and loss.definition.operation.is_loss:
            output = loss.definition.operands[1]
            yield output if isinstance(output, Matrix) else loss
        else:
            yield loss


def _entered(matrix: Matrix) -> Iterator[Matrix]:
    """Yield what an activation that defines a matrix is applied to, where it has a name."""
    whole = matrix.whole or matrix.definition
    if isinstance(whole, Applied) and whole.operation.is_activation:
        yield from (m for m in whole.operands if isinstance(m, Matrix))


def _check_distinct(matrices: Sequence[Matrix]) -> None:
    found: dict[str, str] = {}
    count = Counter(matrix.name for matrix in matrices)
    for matrix in matrices:
        other = found.setdefault(matrix.name.lower(), matrix.name)
        if count[matrix.name] > 1 or other != matrix.name:
            raise InputError(
                f"the name {other} is also that of a matrix that follows by itself, {matrix.name}:"
                " take another."
            )
