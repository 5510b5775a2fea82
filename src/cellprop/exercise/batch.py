"""What the questions of files that are marked together have in common, and whose differ.

A question that is easier than the others' was perhaps not the one that was asked: it is said in
what it differs, whatever a set-up consists of.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import fields, replace
from typing import Any

import numpy as np

from cellprop.algebra import Axis
from cellprop.files.opening import short
from cellprop.marking.carried_text import digest_of
from cellprop.marking.marks import Marks, Result
from cellprop.marking.question import Question, Setup
from cellprop.programs.carrying import Carried
from cellprop.programs.network import Network
from cellprop.programs.perceptron import Perceptron

# How many other files are named.
MOST_NAMED = 3


# --- In what questions differ -------------------------------------------------------------


def differences(question: Question, usual: Question, *, weights: bool = False) -> list[str]:
    """Return phrases that say in what a question differs from the usual one; none if in nothing.

    Parameters
    ----------
    question, usual
        The questions.
    weights
        Whether the first weights should be the same, too: each student has their own.
    """
    found = []
    for name in _changed(question.setup, usual.setup):
        own, theirs = in_words(question.setup, name), in_words(usual.setup, name)
        found.append(f"another {own}" if own == theirs else f"{own} instead of {theirs}")
    if question.version and usual.version and question.version != usual.version:
        found.append(f"version {question.version} instead of {usual.version}")
    if _declared(question.setup) == _declared(usual.setup):
        drawn = () if weights else _own(question)
        names = [n for n in question.given if n not in drawn and not _same(question, usual, n)]
        if names:
            found.append(f"other numbers in {', '.join(names[:MOST_NAMED])}")
    return found


# What a set-up of a network says of its model, and of the samples between.
OF_A_NETWORK = ("network", "samples", "inputs", "outputs", "optimizer", "average", "scale")
# Of a program, which has its samples within it.
OF_A_PROGRAM = ("model", "optimizer", "average")


def _changed(setup: Setup, usual: Setup) -> list[str]:
    """Return the names of what differs between two set-ups."""
    both = all(isinstance(each.model, Perceptron) for each in (setup, usual))
    names = OF_A_NETWORK if both else OF_A_PROGRAM
    others = (each.name for each in fields(Setup) if each.name not in ("model", "samples"))
    return [n for n in (*names, *others) if _aspect(setup, n) != _aspect(usual, n)]


def _aspect(setup: Setup, name: str) -> Any:
    """Return what a set-up says of one of its attributes, or of its model's."""
    if name == "model":
        return _declared(setup)
    return getattr(setup, name) if hasattr(setup, name) else getattr(setup.model, name)


def _declared(setup: Setup) -> Any:
    """Return what declares matrices and their shapes: layers, or a program."""
    return setup.model.network if isinstance(setup.model, Perceptron) else setup.model


def _own(question: Question) -> frozenset[str]:
    """Return the names of what is drawn for each student: the parameters."""
    return frozenset(matrix.name for matrix in question.program.parameters)


def _same(question: Question, usual: Question, name: str) -> bool:
    return name in usual.given and np.array_equal(question.given[name], usual.given[name])


def in_words(setup: Setup, name: str) -> str:
    """Return in a phrase what a set-up says of one of its attributes."""
    value = _aspect(setup, name)
    if name == "asked":
        return f"steps {_steps(setup)}"
    if name == "decimals":
        return f"{value} decimal{'s' if value != 1 else ''}"
    if name == "points":
        each = ", ".join(f"{step}={marks:g}" for step, marks in value)
        return f"marks {each}" if each else "a mark for each number"
    if name == "form_slips":
        return {
            "each": "each slip of form paid for",
            "step": "slips of form paid for once a step",
            "once": "slips of form paid for once",
        }[value]
    if name == "hints":
        return "hints" if value else "no hints"
    if name == "model":
        name = "network" if isinstance(value, Network) else "program"
    return f"{'layout' if name == 'sheets' else name} {_short(value)}"


def _steps(setup: Setup) -> str:
    """Return the steps that are asked: `2-11`, or `2, 4, 7`."""
    there = [step.label for step in setup.program.steps if step.computed]
    first = there.index(setup.asked[0])
    if len(setup.asked) > 2 and tuple(there[first : first + len(setup.asked)]) == setup.asked:
        return f"{setup.asked[0]}-{setup.asked[-1]}"
    return ", ".join(setup.asked)


def _short(value: Any) -> str:
    if isinstance(value, Carried):
        return f"{short(value.held.name)} of {len(value.held.steps)} steps"
    if isinstance(value, Network):
        sizes = "-".join(map(str, value.sizes))
        activations = "/".join([*value.activation, str(value.output_activation)])
        return f"{sizes} {activations} {value.loss}{'' if value.bias else ' without biases'}"
    if isinstance(value, Axis):
        more = f", … ({value.size})" if value.size > MOST_NAMED else ""
        return ", ".join(map(short, value.labels[:MOST_NAMED])) + more
    return "/".join(map(str, value)) if isinstance(value, tuple) else f"{value}"


# --- Marked together ----------------------------------------------------------------------


def with_odd_ones(results: Sequence[Result]) -> list[Result]:
    """Return results, with a warning for each question that differs from the most common one."""
    # What was read off the sheets has no version, and a warning of its own.
    carried = [r for r in results if isinstance(r, Marks) and r.question.version]
    kinds = {id(r): _kind(r.question) for r in carried}
    if len(set(kinds.values())) < 2:
        return list(results)
    ((most, count),) = Counter(kinds.values()).most_common(1)
    usual = next(r for r in carried if kinds[id(r)] == most)
    others = "the other" if count == 1 else f"{count} others"
    return [
        _warned(r, _odd(r, usual, others))
        if isinstance(r, Marks) and kinds.get(id(r), most) != most
        else r
        for r in results
    ]


def _kind(question: Question) -> tuple[Any, ...]:
    """Return a key that is the same for all questions of a class."""
    own = _own(question)
    shared = tuple(
        (name, values.tobytes()) for name, values in question.given.items() if name not in own
    )
    return question.setup, question.version, question.student is None, shared


def _odd(result: Result, usual: Marks, others: str) -> str:
    assert isinstance(result, Marks)
    found = differences(result.question, usual.question)
    if (result.question.student is None) != (usual.question.student is None):
        found.append("nobody's name" if result.question.student is None else "a student's name")
    return f"its question differs from that of {others}: {'; '.join(found) or 'in form'}."


def with_doubles(results: Sequence[Result]) -> Iterator[Result]:
    """Yield results, with a warning where several files are one student's."""
    owners: dict[str, list[Marks]] = {}
    for result in results:
        if isinstance(result, Marks) and result.question.student:
            owners.setdefault(result.question.student.id, []).append(result)
    for result in results:
        if isinstance(result, Marks) and (student := result.question.student):
            others = [other for other in owners[student.id] if other is not result]
            if others:
                paths = ", ".join(other.path for other in others[:MOST_NAMED])
                differ = any(digest_of(o.question) != digest_of(result.question) for o in others)
                what = ", with another question" if differ else ""
                yield _warned(
                    result, f"{student.name}'s workbook was also handed in as {paths}{what}."
                )
                continue
        yield result


def _warned(marks: Marks, warning: str) -> Marks:
    return replace(marks, warnings=(*marks.warnings, warning))
