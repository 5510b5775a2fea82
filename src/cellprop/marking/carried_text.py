"""The text of a question: what a workbook carries, so that it can be marked when it returns.

JSON, packed into one line of letters and digits. Knows questions; knows nothing of where the text
stands. Texts may be anybody's: whatever is not the text of a question is refused, before anything
is made of the sizes that it claims.
"""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from functools import lru_cache
from typing import Any

from cellprop.algebra import Array, Axis
from cellprop.errors import InputError
from cellprop.files.roster import Student
from cellprop.files.safe import label
from cellprop.files.samples import numbers
from cellprop.limits import FORMS, MOST_IN_VIEW, MOST_ROWS
from cellprop.marking.question import (
    FIRST_LAYOUT,
    FORM_SLIPS,
    MOST_DECIMALS,
    MOST_NUMBERS,
    USUAL_FORM_SLIPS,
    Question,
    Setup,
    checked_points,
)
from cellprop.programs.carrying import REFUSED, Carried, program_of
from cellprop.programs.network import Network
from cellprop.programs.perceptron import Perceptron
from cellprop.programs.program import Program
from cellprop.programs.scaling import SCALINGS
from cellprop.programs.updating import OPTIMIZERS

# The versions of the text: of networks, and of programs that are carried as data. Another one is
# taken where older code could not read what newer code writes.
NETWORKS, PROGRAMS = 1, 2
# What a question's text may be once it is unpacked, in bytes.
LARGEST_TEXT = 16 * 1024**2
# Of a sheet.
MOST_COLUMNS = 16_384


@lru_cache(maxsize=8)  # a workbook carries it twice, with its digest
def text_of(question: Question) -> str:
    """Return a question as one line of letters and digits, as a workbook carries it.

    As it was read, if it was: another version may write the same question otherwise.
    """
    if question.source:
        return question.source
    written = json.dumps(_as_data(question), separators=(",", ":"), ensure_ascii=True)
    return base64.b64encode(zlib.compress(written.encode(), 9)).decode()


def digest_of(question: Question) -> str:
    """Return the digest of a question's text."""
    return digest(text_of(question))


def digest(text: str) -> str:
    """Return the SHA-256 of a question's text, in hexadecimal digits: whether it is as it was."""
    return hashlib.sha256(text.encode()).hexdigest()


# --- Written ------------------------------------------------------------------------------


def _as_data(question: Question) -> dict[str, Any]:
    """Return a question as JSON has it."""
    setup = question.setup
    return {
        **_model_as_data(setup, question.version),
        "shown": setup.shown,
        "asked": setup.asked,
        "decimals": setup.decimals,
        "points": setup.points,
        "hints": setup.hints,
        # As texts of 0.3.0 were, where the rule is the usual one.
        **({} if setup.form_slips == USUAL_FORM_SLIPS else {"form_slips": setup.form_slips}),
        # As texts of 0.3.0 were, which could not choose.
        **({} if setup.sheets is None else {"sheets": setup.sheets}),
        "given": {name: values.tolist() for name, values in question.given.items()},
        "student": asdict(question.student) if question.student else None,
        **_written_out(question),
    }


def _model_as_data(setup: Setup, version: str) -> dict[str, Any]:
    """Return what declares the steps as data, which say of which version they are."""
    model = setup.model
    if isinstance(model, Carried):
        return {
            "form": PROGRAMS,
            "version": version,
            "program": model.data,
            "options": [model.optimizer, model.average, setup.whole],
        }
    network = model.network
    return {
        "form": NETWORKS,
        "version": version,
        "network": {
            "sizes": network.sizes,
            "activation": network.activation,
            "output_activation": network.output_activation,
            "loss": network.loss,
            "bias": network.bias,
        },
        "samples": setup.samples.labels,
        "inputs": model.inputs.labels,
        "outputs": [model.outputs.name, *model.outputs.labels],
        # As texts of 0.3.0 were, where there are no two classes in one column.
        **({"zero": model.outputs.zero} if model.outputs.zero else {}),
        "options": [model.optimizer, model.average, model.scale, setup.whole],
    }


def _written_out(question: Question) -> dict[str, Any]:
    """Return the layout and the places of matrices as data; empty if it was not written out."""
    if not question.places:
        return {}
    return {"layout": question.layout, "places": dict(question.places)}


# --- Read ---------------------------------------------------------------------------------


def read(text: str) -> Question:
    """Return the question of a text, which may be anybody's.

    Raises
    ------
    InputError
        If it is not the text of a question, or of a newer form; it says which, not where.
    """
    try:
        unpacking = zlib.decompressobj()
        written = unpacking.decompress(base64.b64decode(text, validate=True), LARGEST_TEXT)
        if unpacking.unconsumed_tail:
            raise ValueError
        data = json.loads(written, parse_int=_whole)
        form = data["form"]
    except (ValueError, TypeError, KeyError, RecursionError, zlib.error):
        raise InputError("what it carries is not a question of cellprop") from None
    if form not in (NETWORKS, PROGRAMS):
        raise InputError(
            f"it was made by another version of cellprop ({label(data.get('version'))[:20]}),"
            " whose questions this one can't read"
        )
    try:
        question = _from_data(data)
        if form == PROGRAMS:
            # Some settings don't go with some numbers, which shows only now.
            _ = question.values
    except REFUSED:
        raise InputError("what it carries is not a question of cellprop") from None
    object.__setattr__(question, "source", text)
    return question


def _whole(digits: str) -> int:
    if len(digits) > 15:
        raise ValueError
    return int(digits)


def _from_data(data: Mapping[str, Any]) -> Question:
    """Return a question from its data; any error a reader raises means that it is none."""
    given = {str(name): numbers(str(name), rows) for name, rows in data["given"].items()}
    setup = _of_program(data) if data["form"] == PROGRAMS else _of_network(data, given)
    if sum(m.size for m in setup.program.matrices) > MOST_NUMBERS:
        # Few numbers that are given can ask for very many.
        raise ValueError
    setup = _asking(data, setup)
    places = _places(data.get("places", {}), setup.program)
    layout = _number(data.get("layout", FIRST_LAYOUT))
    if layout != FIRST_LAYOUT and not places:
        raise ValueError
    found = _given(given, setup.program)
    student, version = _student(data["student"]), _text(data["version"])[:20]
    return Question(setup, found, student, version, layout, places)


def _network(stated: Mapping[str, Any]) -> Network:
    return Network(
        [_number(size) for size in stated["sizes"]],
        activation=stated["activation"],
        output_activation=stated["output_activation"],
        loss=stated["loss"],
        bias=bool(stated["bias"]),
    )


def _sheets(data: Mapping[str, Any]) -> tuple[str, int] | None:
    """Return how sheets are laid out, and how many rows are in view; None if it does not say."""
    if "sheets" not in data:
        return None
    form, rows = data["sheets"]
    if form not in FORMS or not 1 <= _number(rows) <= MOST_IN_VIEW:
        raise ValueError
    return form, _number(rows)


def _of_network(data: Mapping[str, Any], given: Mapping[str, Array]) -> Setup:
    """Return the Setup of a network's steps, of which nothing is asked yet."""
    network = _network(data["network"])
    for name, shape in network.shapes.items():
        # Before anything is declared for sizes that a text merely claims.
        if given[name].shape != shape:
            raise ValueError
    optimizer, average, scale, whole = data["options"]
    kind, *outputs = map(_text, data["outputs"])
    if optimizer not in OPTIMIZERS or scale not in (None, *SCALINGS):
        raise ValueError
    if kind not in ("outputs", "classes"):
        raise ValueError
    model = Perceptron(
        network,
        Axis("inputs", tuple(map(_text, data["inputs"]))),
        Axis(kind, tuple(outputs), _text(data.get("zero", ""))),
        optimizer,
        bool(average),
        scale,
    )
    return _setup(data, model, Axis("samples", tuple(map(_text, data["samples"]))), bool(whole))


def _of_program(data: Mapping[str, Any]) -> Setup:
    """Return the Setup of a program's steps, of which nothing is asked yet."""
    optimizer, average, whole = data["options"]
    if optimizer not in OPTIMIZERS:
        raise ValueError
    # Written anew, so that equal programs have equal texts.
    program = program_of(data["program"])
    model = Carried.of(program, optimizer, average=bool(average))
    return _setup(data, model, program.samples, bool(whole))


def _setup(
    data: Mapping[str, Any], model: Perceptron | Carried, samples: Axis, whole: bool
) -> Setup:
    """Return the Setup of a model's steps, of which nothing is asked yet."""
    form_slips = data.get("form_slips", USUAL_FORM_SLIPS)
    if form_slips not in FORM_SLIPS:
        raise ValueError
    epochs, walk_epoch, walk_batch, batches, every = map(_number, data["shown"])
    return Setup(
        model, samples, whole, (epochs, walk_epoch, walk_batch, batches, every),
        (), _number(data["decimals"]), (), bool(data["hints"]), form_slips, _sheets(data),
    )  # fmt: skip


def _asking(data: Mapping[str, Any], setup: Setup) -> Setup:
    """Return a set-up with the steps that are asked and their marks."""
    steps = [step.label for step in setup.program.steps if step.computed]
    asked = tuple(str(step) for step in data["asked"])
    if not asked or setup.decimals > MOST_DECIMALS or [s for s in steps if s in asked] != [*asked]:
        raise ValueError
    points = checked_points(asked, {str(name): float(marks) for name, marks in data["points"]})
    return replace(setup, asked=asked, points=points)


def _given(stated: Mapping[str, Array], program: Program) -> dict[str, Array]:
    """Return the numbers that are given, of the shapes of a program's matrices."""
    found = {matrix.name: stated[matrix.name] for matrix in program.given}
    if any(found[matrix.name].shape != matrix.shape for matrix in program.given):
        raise ValueError
    return found


def _places(
    stated: Mapping[str, Sequence[Any]], program: Program
) -> dict[str, tuple[str, int, int]]:
    """Return the sheet, row and column of matrices by name, each of them within a sheet."""
    found = {}
    for name, (sheet, row, column) in stated.items():
        rows, columns = program.by_name[name].shape
        last_row, last_column = _number(row) + rows - 1, _number(column) + columns - 1
        if not (0 < row <= last_row <= MOST_ROWS and 0 < column <= last_column <= MOST_COLUMNS):
            raise ValueError
        found[name] = (_text(sheet), row, column)
    return found


def _student(data: Mapping[str, Any] | None) -> Student | None:
    if data is None:
        return None
    number, name = _text(data["id"]), _text(data["name"])
    return Student.of(number, name, _number(data["position"]), str(data["file"]))


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return label(value)


def _number(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise TypeError
    return value
