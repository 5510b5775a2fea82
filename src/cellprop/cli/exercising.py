"""`cellprop exercise`: a workbook to fill in, or one for each student of a class and the key.

It knows in which order to ask, to write and to say so; what is asked and how it is marked is of
`marking/`, what the workbooks hold of `exercise/`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cellprop.cli import options
from cellprop.cli.options import (
    FormSlips,
    JobsOption,
    LayoutOption,
    Model,
    RowsOption,
    Sheets,
    ThemeOption,
    WordsOption,
    takes_model,
)
from cellprop.cli.printing import say
from cellprop.cli.progress import Bar, traced
from cellprop.cli.targets import OUTPUTS, checked_target, file_name, make_outputs, name_of
from cellprop.errors import InputError
from cellprop.limits import USUAL_IN_VIEW

if TYPE_CHECKING:
    from cellprop.files.roster import Student
    from cellprop.marking.question import Question
    from cellprop.tracing import Trace

# Of matrices in a message.
MOST_NAMED = 6


@takes_model
def exercise(
    model: Model,
    steps: Annotated[
        str | None,
        typer.Option(
            "--steps",
            help="Which steps to calculate by hand: 2-9, or 2,4,7-9.  [default: 2-11, or all of a"
            " program]",
        ),
    ] = None,
    decimals: Annotated[
        int | None,
        options.decimals(
            "To how many to round every number.  [default: the fewest from 3 on that tell every"
            " answer from doing nothing]",
            12,
        ),
    ] = None,
    hints: Annotated[
        bool, typer.Option("--hints", help="Judge every answer as it is typed: green or red.")
    ] = False,
    marks: Annotated[
        list[str] | None, options.marks("Marks of a step: 2=4.  [default: one a number]")
    ] = None,
    form_slips: Annotated[FormSlips, options.form_slips()] = FormSlips.step,
    roster: Annotated[
        Path | None,
        typer.Option(
            "--roster",
            help="A CSV or Excel file with name and id, or what a learning platform exports: a"
            " workbook for each student, with weights drawn from --seed and the id.",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        options.output(
            "Where to write; a folder with --roster.  [default: outputs/NAME-exercise.xlsx]"
        ),
    ] = None,
    add: Annotated[
        bool,
        typer.Option("--add", help="With --roster: write only those who are not in the key yet."),
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Write over an exercise, or a class, that is there.")
    ] = False,
    secret: Annotated[
        Path | None,
        options.of_a_file("--secret", "Sign what is asked with a file that only you have."),
    ] = None,
    jobs: JobsOption = 1,
    layout: LayoutOption = Sheets.auto,
    rows: RowsOption = USUAL_IN_VIEW,
    theme: ThemeOption = None,
    words: WordsOption = None,
) -> None:
    """Write a workbook to fill in by hand: the walkthrough with empty cells for the answers.

    Numbers that are given are rounded to the decimals, so that they are exactly what the sheets
    show.

    Examples:
    - `cellprop exercise`
    - `cellprop exercise --steps 2-4 --decimals 2 --hints -o practice.xlsx`
    - `cellprop exercise --roster class.csv --seed 2026 -o class/`
    - `cellprop exercise --roster class.csv -o class/ --add` writes those who came later
    - `cellprop exercise --example xor --marks 2=4 --marks 10=6`
    """
    from cellprop.exercise import read_secret
    from cellprop.faces.workbook.theme import load as load_theme
    from cellprop.marking.question import parse_points
    from cellprop.texts.words import load as load_words

    if model.iterations != 1:
        raise InputError("--iterations: an exercise is about one update; leave it out.")
    look, texts = load_theme(theme), load_words(words)
    points = parse_points(marks) if marks else None
    signed = None if secret is None else read_secret(secret)
    asked: dict[str, Any] = {
        "steps": steps,
        "points": points,
        "hints": hints,
        "form_slips": form_slips.value,
    }
    asked["sheets"] = (layout.value, rows)
    saved = {"theme": look, "words": texts, "secret": signed}
    if roster is not None:
        saved |= {"add": add, "force": force, "jobs": jobs}
        _write_class(model, roster, output, decimals, asked, saved)
    elif add:
        raise InputError("--add: names the newcomers to a class by a roster; give --roster.")
    else:
        _write_one(model, output, decimals, asked, saved | {"keep": not force})


def _write_one(
    model: Model,
    output: Path | None,
    decimals: int | None,
    asked: dict[str, Any],
    saved: dict[str, Any],
) -> None:
    """Write one workbook; `asked` and `saved` are arguments of `ask` and of `write`."""
    from cellprop.exercise import write

    target = checked_target(output, f"{_name(model)}.xlsx")
    question = _question(traced(model), decimals, asked, lambda question: [question])
    make_outputs(target)
    path = write(question, target, **saved)
    _say_decimals([question], decimals is None)
    say(path)


def _write_class(
    model: Model,
    roster: Path,
    output: Path | None,
    decimals: int | None,
    asked: dict[str, Any],
    saved: dict[str, Any],
) -> None:
    """Write those of a class; `asked` and `saved` are arguments of `ask` and `write_class`."""
    from cellprop.exercise import class_decimals, write_class
    from cellprop.marking.question import for_student

    group = _class(model, roster, output, saved["add"])
    trace, chosen = traced(replace(model, seed=group.seed)), decimals is None
    if saved["add"] and chosen:
        decimals = class_decimals(group.key)

    def everybody(question: Question) -> list[Question]:
        return [for_student(question, student, group.seed) for student in group.students]

    question = _question(trace, decimals, asked, everybody)
    make_outputs(group.folder)
    with Bar("Writing") as bar:
        paths = write_class(
            question, group.students, group.folder, key=group.key, seed=group.seed,
            progress=bar.move, **saved,
        )  # fmt: skip
    _say_decimals(everybody(question), chosen)
    if model.seed is None:
        say(f"Seed {group.seed}, which the key keeps.")
    workbooks = f"{len(paths)} workbook{'' if len(paths) == 1 else 's'}"
    say(f"{workbooks}; the teacher's key: {group.key}")
    say(group.folder)


def _question(
    trace: Trace,
    decimals: int | None,
    asked: dict[str, Any],
    everybody: Callable[[Question], list[Question]],
) -> Question:
    """Return the question; to as many decimals as tell everybody's answers from doing nothing if
    nobody says to how many.
    """
    from cellprop.marking.question import USUAL_DECIMALS, ask, telling

    if decimals is not None:
        return ask(trace.update, decimals=decimals, **asked)
    return telling(ask(trace.update, decimals=USUAL_DECIMALS, **asked), trace.update, everybody)


def _name(model: Model) -> str:
    return f"{file_name(name_of(model))}-exercise"


@dataclass(frozen=True)
class _Class:
    """Who gets a workbook, drawn from which seed, and where the workbooks and the key are."""

    students: Sequence[Student]
    seed: int
    folder: Path
    key: Path


def _class(model: Model, roster: Path, output: Path | None, add: bool) -> _Class:
    """Return the class of a roster; refused if it, or where to write, can't be used."""
    from cellprop.files.writing import check_folder, check_target

    students = _students(roster)
    if model.walk_epoch != 1 or model.walk_batch != 1:
        raise InputError(
            "--roster: a class begins with weights of its own; leave out --walk-epoch and"
            " --walk-batch."
        )
    # A class has a seed for everybody, which the key keeps; its folder has the same name without.
    folder = output or OUTPUTS / _name(replace(model, seed=None))
    key = folder.with_name(f"{folder.name}-key.xlsx")
    seed = _seed_of_class(model.seed, key if add else None)
    check_folder(OUTPUTS if folder.parent == OUTPUTS else folder)
    if folder.parent != OUTPUTS:
        check_target(key)
    return _Class(students, seed, folder, key)


def _seed_of_class(given: int | None, key: Path | None) -> int:
    """Return the seed of a class: as given, else that of the key to which some are added, else one
    drawn at random.
    """
    from cellprop.exercise import drawn_seed, read_key

    if given is not None:
        return given
    kept = read_key(key).facts.get("seed", "") if key else ""
    return int(kept) if kept.isdecimal() and len(kept) <= 20 else drawn_seed()


def _students(path: Path) -> Sequence[Student]:
    """Return the students of a roster, and say what was taken of it."""
    from cellprop.files.roster import read_all

    roster = read_all(path)
    for remark in roster.remarks:
        say(remark)
    return roster.students


def _say_decimals(questions: Sequence[Question], chosen: bool) -> None:
    """Say to how many decimals numbers are rounded if nobody said so, and warn of what they can't
    tell.
    """
    from cellprop.marking.question import untold

    setup, close = questions[0].setup, Counter[str]()
    for question in questions:
        close.update(untold(question))
    how = f"{setup.decimals} decimals"
    if not close:
        if chosen:
            say(f"{how}, so that every answer differs from doing nothing.")
        return
    names = [f"{name} {close[name]}" for name in setup.answers if close[name]]
    more = ", …" if len(names) > MOST_NAMED else ""
    remedy = "" if chosen else "; leave --decimals out, or give more"
    say(
        f"cellprop: {how} can't tell {close.total()} answers from doing nothing:"
        f" {', '.join(names[:MOST_NAMED])}{more}{remedy}.",
        error=True,
    )
