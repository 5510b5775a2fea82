"""The command line: parses, calls one function, prints.

Imports what a command needs only when it runs, so that `--help` is quick.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from enum import StrEnum
from io import TextIOWrapper
from pathlib import Path
from time import perf_counter
from typing import IO, TYPE_CHECKING, Annotated, Self

import typer

from cellprop.cli.options import Model, file_name, takes_model
from cellprop.errors import CellpropError, InputError, visible
from cellprop.limits import LONGEST_MESSAGE
from cellprop.version import __version__

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, TaskID

    from cellprop.files.roster import Student
    from cellprop.marking.question import Question
    from cellprop.tracing import Trace
    from cellprop.verification import Verification

OUTPUTS = Path("outputs")
SECONDS_BEFORE_A_BAR = 1.0
# Of matrices in a message.
MOST_NAMED = 6

app = typer.Typer(
    name="cellprop",
    invoke_without_command=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


class EngineName(StrEnum):
    """Spreadsheet engines that can recalculate."""

    ironcalc = "ironcalc"
    libreoffice = "libreoffice"


class FormSlips(StrEnum):
    """How often a slip of form is paid for."""

    each = "each"
    step = "step"
    once = "once"


FORM_SLIPS_HELP = (
    "How often rounding too far, cutting off or a misplaced decimal point is paid for: for each"
    " number, once a step, or once."
)


class Format(StrEnum):
    """How `show` prints."""

    table = "table"
    csv = "csv"
    json = "json"


def _version(wanted: bool) -> None:
    if wanted:
        _say(f"cellprop {__version__}")
        raise typer.Exit


@app.callback()
def cellprop(
    context: typer.Context,
    version: Annotated[  # noqa: ARG001 - its callback answers
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Turn a neural network into a spreadsheet that you can read.

    Every step of forward and back propagation is a sheet, every number a live formula; the cells
    computed on a sheet are yellow, the cells they read orange.

    Examples:
    - `cellprop build` writes the article's walkthrough to outputs/article.xlsx
    - `cellprop show 7` prints step 7
    - `cellprop verify outputs/article.xlsx` recalculates it and compares
    - `cellprop exercise` writes a workbook to fill in by hand; `cellprop check FILE` marks it
    - `cellprop compare mine.npz` says where matrices of your own code go wrong
    """
    if context.invoked_subcommand is None:
        print(context.get_help(), end="")


@app.command()
@takes_model
def build(
    model: Model,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="Where to write.  [default: outputs/NAME.xlsx]"),
    ] = None,
    theme: Annotated[
        Path | None, typer.Option("--theme", help="A look of your own; see `cellprop theme`.")
    ] = None,
    words: Annotated[
        Path | None, typer.Option("--words", help="Texts of your own; see `cellprop words`.")
    ] = None,
) -> None:
    """Write the workbook: a sheet for each step, every number a live formula.

    Examples:
    - `cellprop build`
    - `cellprop build -o lesson.xlsx --epochs 1000 --walk-epoch 1000`
    - `cellprop build --example xor --optimizer adam --average`
    - `cellprop build --hidden 5,4 --activation tanh --seed 1 --learning-rate 0.5`
    - `cellprop build --theme my-theme.xlsx --words my-words.toml`

    From a file of your own: `cellprop build --data flowers.csv --target species --scale standard`.
    """
    from cellprop.faces.workbook import write
    from cellprop.faces.workbook.theme import load as load_theme
    from cellprop.texts.words import load as load_words

    _check_output(output)
    look, texts = load_theme(theme), load_words(words)
    trace = _trace(model)

    def into(path: Path) -> Path:
        with _Bar("Writing") as bar:
            return write(trace, path, theme=look, words=texts, progress=bar.move)

    usual = _usual(model, "xlsx")
    path = into(output) if output else _write_by_default(usual, into)
    _summarise(trace, path)
    _say(path)
    _end(trace)


@app.command()
@takes_model
def show(
    model: Model,
    wanted: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[STEP | MATRIX | parameters ...]",
            help="Steps by number, matrices by name; `parameters`: those after the last epoch."
            " [default: all steps]",
        ),
    ] = None,
    decimals: Annotated[
        int | None, typer.Option("--decimals", min=0, max=17, help="How many decimals to show.")
    ] = None,
    form: Annotated[Format, typer.Option("--format", help="How to print.")] = Format.table,
    words: Annotated[
        Path | None, typer.Option("--words", help="Texts of your own; see `cellprop words`.")
    ] = None,
) -> None:
    """Print steps or matrices, coloured as on the sheets.

    Examples:
    - `cellprop show` prints all steps
    - `cellprop show 2 7` prints two of them
    - `cellprop show d_output wh_new --decimals 6`
    - `cellprop show parameters --epochs 1000 --format json > weights.json`
    """
    from cellprop.faces import terminal
    from cellprop.texts.words import load as load_words

    texts = load_words(words)
    trace = _trace(model)
    items = terminal.chosen(trace, wanted or [])
    if form is Format.table:
        terminal.show(_console(), trace, items, texts, decimals)
    else:
        write = terminal.as_csv if form is Format.csv else terminal.as_json
        sys.stdout.write(write(trace, items, decimals))
    _end(trace)


@app.command()
@takes_model
def plot(
    model: Model,
    what: Annotated[
        list[str] | None,
        typer.Argument(metavar="[loss | boundary ...]", help="What to draw. [default: all]"),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="A .png or .svg.  [default: outputs/NAME.png]"),
    ] = None,
    words: Annotated[
        Path | None, typer.Option("--words", help="Texts of your own; see `cellprop words`.")
    ] = None,
) -> None:
    """Draw the loss curve and, for two inputs, the decision boundary.

    Needs matplotlib: `pip install "cellprop[learn]"`.

    Examples:
    - `cellprop plot --example moons`
    - `cellprop plot loss --epochs 500 -o loss.svg`
    """
    from cellprop.faces import plots
    from cellprop.texts.words import load as load_words

    _check_output(output)
    texts = load_words(words)
    trace = _trace(model)

    def into(path: Path) -> Path:
        return plots.plot(trace, path, what=what or (), words=texts)

    usual = _usual(model, "png", *(what or ()))
    _say(into(output) if output else _write_by_default(usual, into))
    _end(trace)


@app.command()
def examples(
    wanted: Annotated[
        str | None,
        typer.Argument(metavar="[NAME]", help="Whose samples to write, as a CSV file."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Where to write.  [default: print them]")
    ] = None,
) -> None:
    """List the examples that `--example` takes, or write the samples of one.

    Examples:
    - `cellprop examples`
    - `cellprop examples iris -o flowers.csv`, for `cellprop build --data flowers.csv`
    """
    from cellprop.files.data import as_csv, example
    from cellprop.files.data import examples as names

    if wanted is not None:
        content = as_csv(example(wanted))
        if output is None:
            sys.stdout.write(content)
        else:
            _say(_write_new(output, content.encode()))
        return
    if output is not None:
        raise InputError(f"-o: say whose samples to write: {', '.join(names())}.")
    for name in names():
        _say(f"{name:10}{example(name)['about']}")


@app.command()
def verify(
    workbook: Annotated[Path, typer.Argument(help="A workbook that cellprop wrote.")],
    engine: Annotated[
        EngineName, typer.Option("--engine", help="Which spreadsheet engine recalculates.")
    ] = EngineName.ironcalc,
) -> None:
    """Recalculate a workbook in a real spreadsheet engine and compare every formula cell.

    Exits with 1 if any cell differs by more than 1e-9 relative, or shows an error.

    Examples:
    - `cellprop verify outputs/article.xlsx`
    - `cellprop verify outputs/article.xlsx --engine libreoffice`
    """
    from cellprop.verification import verify as run

    _report(workbook, run(workbook, "ironcalc" if engine is EngineName.ironcalc else "libreoffice"))


@app.command()
@takes_model
def exercise(
    model: Model,
    steps: Annotated[
        str, typer.Option("--steps", help="Which steps to calculate by hand: 2-9, or 2,4,7-9.")
    ] = "2-11",
    decimals: Annotated[
        int | None,
        typer.Option(
            "--decimals",
            min=0,
            max=12,
            help="To how many to round every number.  [default: the fewest from 3 on that tell"
            " every answer from doing nothing]",
        ),
    ] = None,
    hints: Annotated[
        bool, typer.Option("--hints", help="Judge every answer as it is typed: green or red.")
    ] = False,
    marks: Annotated[
        list[str] | None,
        typer.Option(
            "--marks", metavar="STEP=MARKS", help="Marks of a step: 2=4.  [default: one a number]"
        ),
    ] = None,
    form_slips: Annotated[
        FormSlips, typer.Option("--form-slips", help=FORM_SLIPS_HELP)
    ] = FormSlips.step,
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
        typer.Option(
            "-o",
            "--output",
            help="Where to write; a folder with --roster.  [default: outputs/NAME-exercise.xlsx]",
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
        typer.Option(
            "--secret", metavar="FILE", help="Sign what is asked with a file that only you have."
        ),
    ] = None,
    jobs: Annotated[
        int, typer.Option("--jobs", min=1, max=256, help="How many processes to use.")
    ] = 1,
    theme: Annotated[
        Path | None, typer.Option("--theme", help="A look of your own; see `cellprop theme`.")
    ] = None,
    words: Annotated[
        Path | None, typer.Option("--words", help="Texts of your own; see `cellprop words`.")
    ] = None,
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
    """  # fmt: skip
    from cellprop.exercise import class_decimals, read_secret, write
    from cellprop.faces.workbook.theme import load as load_theme
    from cellprop.files.writing import check_folder, check_target
    from cellprop.marking.question import USUAL_DECIMALS, ask, for_student, parse_points, telling
    from cellprop.texts.words import load as load_words

    look, texts = load_theme(theme), load_words(words)
    points = parse_points(marks) if marks else None
    signed = None if secret is None else read_secret(secret)
    # A class has a seed for everybody, which the key keeps; its folder has the same name without.
    named = model if roster is None else replace(model, seed=None)
    name = f"{file_name(named.name)}-exercise"
    students = None
    if add and roster is None:
        raise InputError("--add: names the newcomers to a class by a roster; give --roster.")
    if roster is not None:
        students = _students(roster)
        if model.walk_epoch != 1 or model.walk_batch != 1:
            raise InputError(
                "--roster: a class begins with weights of its own; leave out --walk-epoch and"
                " --walk-batch."
            )
        output = output or OUTPUTS / name
        key = output.with_name(f"{output.name}-key.xlsx")
        given_seed = model.seed is not None
        model = replace(model, seed=_seed_of_class(model.seed, key if add else None))
        check_folder(OUTPUTS if output.parent == OUTPUTS else output)
        if output.parent != OUTPUTS:
            check_target(key)
    else:
        output = _target(output, f"{name}.xlsx")
    trace, chosen = _trace(model), decimals is None
    if add and chosen:
        decimals = class_decimals(key)
    question = ask(
        trace.update, steps=steps, decimals=USUAL_DECIMALS if decimals is None else decimals,
        points=points, hints=hints, form_slips=form_slips.value,
    )  # fmt: skip

    def everybody(question: Question) -> list[Question]:
        if students is None or model.seed is None:
            return [question]
        return [for_student(question, student, model.seed) for student in students]

    if decimals is None:
        question = telling(question, trace.update, everybody)
    _make_outputs(output)
    if students is None:
        path = write(question, output, theme=look, words=texts, secret=signed, keep=not force)
        _say_decimals([question], chosen)
        _say(path)
        return
    from cellprop.exercise import write_class

    with _Bar("Writing") as bar:
        paths = write_class(
            question, students, output, key=key, seed=model.seed, secret=signed, add=add,
            force=force, theme=look, words=texts, jobs=jobs, progress=bar.move,
        )  # fmt: skip
    _say_decimals(everybody(question), chosen)
    if not given_seed:
        _say(f"Seed {model.seed}, which the key keeps.")
    workbooks = f"{len(paths)} workbook{'' if len(paths) == 1 else 's'}"
    _say(f"{workbooks}; the teacher's key: {key}")
    _say(output)


@app.command()
def check(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE|FOLDER ...", help="Exercises that were filled in."),
    ],
    report: Annotated[
        Path | None,
        typer.Option("--report", help="Write a report as well: .csv, .json or .html."),
    ] = None,
    annotate: Annotated[
        Path | None,
        typer.Option(
            "--annotate", metavar="FOLDER", help="Write a copy of each with verdicts and comments."
        ),
    ] = None,
    marks: Annotated[
        list[str] | None,
        typer.Option("--marks", metavar="STEP=MARKS", help="Other marks for a step: 2=4."),
    ] = None,
    form_slips: Annotated[
        FormSlips | None,
        typer.Option("--form-slips", help=f"{FORM_SLIPS_HELP}  [default: as was asked]"),
    ] = None,
    key: Annotated[
        Path | None,
        typer.Option(
            "--key", metavar="FILE", help="Mark by what the key to the class says was asked."
        ),
    ] = None,
    question: Annotated[
        Path | None,
        typer.Option(
            "--question",
            metavar="FILE",
            help="The exercise as it was handed out, for files that lost what was asked.",
        ),
    ] = None,
    secret: Annotated[
        Path | None,
        typer.Option("--secret", metavar="FILE", help="Refuse what was not signed with this file."),
    ] = None,
    jobs: Annotated[
        int, typer.Option("--jobs", min=1, max=256, help="How many processes to use.")
    ] = 1,
    theme: Annotated[
        Path | None, typer.Option("--theme", help="A look of your own for --annotate.")
    ] = None,
    words: Annotated[
        Path | None, typer.Option("--words", help="Texts of your own; see `cellprop words`.")
    ] = None,
) -> None:
    """Mark workbooks that were filled in: each number once against what is right, and once against
    what follows from the student's own earlier numbers.

    Exits with 1 if a file could not be marked, or a teacher should look at one.

    Examples:
    - `cellprop check ada.xlsx`
    - `cellprop check handed-in/ --report class.html --annotate marked/`
    - `cellprop check handed-in/ --report marks.csv --marks 2=4 --jobs 4`
    - `cellprop check handed-in/ --key class-key.xlsx` marks by what was asked of each student
    """
    from cellprop.exercise import check_all
    from cellprop.faces.report import check_suffix, show, write
    from cellprop.faces.workbook.theme import load as load_theme
    from cellprop.files.writing import check_folder, check_target
    from cellprop.marking.marks import Marks
    from cellprop.marking.question import parse_points
    from cellprop.texts.words import load as load_words

    look, texts = load_theme(theme), load_words(words)
    if report is not None:
        check_suffix(report)
        check_target(report)
    if annotate is not None:
        check_folder(annotate)
    points = parse_points(marks) if marks else None
    said: list[str] = []
    with _Bar("Marking") as bar:
        results = check_all(
            files, points=points, form_slips=form_slips and form_slips.value, key=key,
            question=question, secret=secret, jobs=jobs, progress=bar.move, tell=said.append,
        )  # fmt: skip
    marked = [result for result in results if isinstance(result, Marks)]
    # Files first: whoever reads what is printed may stop, as `head` does.
    written: list[str] = []
    if annotate is not None:
        from cellprop.exercise import annotate as write_copies

        copies = write_copies(marked, annotate, theme=look, words=texts)
        written.append(f"{len(copies)} copies: {annotate}")
    if report is not None:
        written.append(f"{write(results, report, texts)}")
    show(_console(), results, texts)
    for line in (*(f"Note: {line}" for line in said), *written):
        _say(line)
    if len(marked) < len(results) or any(result.warnings for result in marked):
        raise typer.Exit(1)


@app.command()
@takes_model
def compare(
    model: Model,
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE|FOLDER",
            help="Your matrices: .npz, .json, Excel with a sheet for each, or a folder of CSVs.",
        ),
    ],
    decimals: Annotated[
        int | None,
        typer.Option(
            "--decimals", min=0, max=12, help="Calculated by hand, and rounded to so many decimals."
        ),
    ] = None,
    names: Annotated[
        list[str] | None,
        typer.Option(
            "--names",
            metavar="THEIRS=OURS",
            help="What a matrix of the file is called here: hid=hiddenlayer_activations; nothing"
            " after the = leaves it out.",
        ),
    ] = None,
    words: Annotated[
        Path | None, typer.Option("--words", help="Texts of your own; see `cellprop words`.")
    ] = None,
) -> None:
    """Compare matrices that your own code computed with the walkthrough's, and say first which is
    the first that is wrong.

    Names are matched loosely (`W1`, `dZ2`, `y_hat`, `0.weight.grad`). Numbers are right to 1e-9, or
    as 32-bit arithmetic goes. A program is not run: save its matrices.

    Exits with 1 if anything is wrong.

    Examples:
    - `cellprop compare mine.npz`, saved by `numpy.savez("mine.npz", W1=W1, z1=z1, dW2=dW2)`
    - `cellprop compare mine.npz --example xor --optimizer adam`
    - `cellprop compare by-hand.xlsx --decimals 3 --names hid=hiddenlayer_activations`
    """
    from cellprop.marking.comparison import compare as run
    from cellprop.marking.comparison import parse_names
    from cellprop.marking.said import text
    from cellprop.texts.words import load as load_words

    texts, told = load_words(words), parse_names(names or [])
    trace = _trace(model)
    found = run(trace, file, decimals=decimals, names=told)
    _say(text(found, texts))
    _end(trace)
    if not found.ok:
        raise typer.Exit(1)


@app.command()
def theme(
    output: Annotated[Path, typer.Option("-o", "--output", help="Where to write.")] = OUTPUTS
    / "theme.xlsx",
) -> None:
    """Copy the look out, to change it in a spreadsheet program.

    Examples:
    - `cellprop theme -o my-theme.xlsx`, then change it, then `cellprop build --theme my-theme.xlsx`
    """
    _copy_out("theme.xlsx", output)


@app.command()
def words(
    output: Annotated[Path, typer.Option("-o", "--output", help="Where to write.")] = OUTPUTS
    / "words.toml",
) -> None:
    """Copy the texts out, to change or translate them in a text editor.

    Examples:
    - `cellprop words -o my-words.toml`, then change it, then `cellprop build --words my-words.toml`
    """
    _copy_out("words.toml", output)


# --- Behind the commands ------------------------------------------------------------------


def _trace(model: Model) -> Trace:
    """Return the trace of a model, with a bar if training takes its time."""

    def mention(note: str) -> None:
        _say(f"cellprop: {note}", error=True)

    with _Bar("Training") as bar:
        return model.trace(bar.move, mention)


def _end(trace: Trace) -> None:
    """Say it if training ended early; that is a failure if it went wrong by itself."""
    if trace.stopped:
        _say(f"cellprop: {trace.stopped} Shown is what was before.", error=True)
        if not trace.interrupted:
            raise typer.Exit(1)


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
        _say(remark)
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
            _say(f"{how}, so that every answer differs from doing nothing.")
        return
    names = [f"{name} {close[name]}" for name in setup.answers if close[name]]
    more = ", …" if len(names) > MOST_NAMED else ""
    remedy = "" if chosen else "; leave --decimals out, or give more"
    _say(
        f"cellprop: {how} can't tell {close.total()} answers from doing nothing:"
        f" {', '.join(names[:MOST_NAMED])}{more}{remedy}.",
        error=True,
    )


class _Bar:
    """A progress bar that appears in a terminal when something takes more than a second."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._started = perf_counter()
        self._progress: Progress | None = None
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._progress:
            self._progress.stop()

    def move(self, done: int, total: int) -> None:
        """Show that so much is done."""
        if perf_counter() - self._started < SECONDS_BEFORE_A_BAR or not sys.stderr.isatty():
            return
        if self._progress is None:
            from rich.console import Console
            from rich.progress import Progress

            self._progress = Progress(console=Console(stderr=True), transient=True)
            self._progress.start()
            self._task = self._progress.add_task(self._what, total=total)
        assert self._task is not None
        self._progress.update(self._task, completed=done, total=total)


def _summarise(trace: Trace, path: Path) -> None:
    from cellprop.faces.workbook import sheet_names

    inputs, *hidden, outputs = trace.network.sizes
    layers = [f"{inputs} inputs", *(f"{size} hidden" for size in hidden)]
    layers.append(f"{outputs} output{'s'[: outputs - 1]}")
    walked = f"epoch {trace.walk_epoch} of {max(trace.epochs, 1)}"
    samples = f"{trace.samples}"
    if trace.batches > 1:
        walked = f"update {trace.walk_batch} of {trace.batches} in {walked}"
        samples += f", {trace.program.output.rows.size} of them in this update"
    names = sheet_names(trace)
    steps = [f"{names[1]} to {names[len(trace.program.steps)]}"]
    sheets = [names[0], *steps, *names[len(trace.program.steps) + 1 :]]
    first, last = trace.losses[0], trace.losses[-1]
    loss = f"{first:.6g} before training, {last:.6g} after {trace.epochs} epochs"
    if trace.epochs == 1:
        loss = f"{first:.6g} before this epoch, {last:.6g} after it"
    for what, fact in (
        ("Network", ", ".join(layers)),
        ("Samples", samples),
        ("Walked", walked),
        ("Loss", loss),
        ("Sheets", f"{len(names)}: {', '.join(sheets)}"),
        ("Size", f"{path.stat().st_size / 1024:.0f} KiB"),
    ):
        # Plain: loading rich for six lines would cost a tenth of a build.
        _say(f"{what:9}{fact}")


def _report(path: Path, result: Verification) -> None:
    if result.ok:
        where = f" (at {result.where})" if result.where else ""
        _say(
            f"{path}: {result.cells} formula cells agree with {result.engine};"
            f" largest relative difference {result.largest_difference:.2g}{where}."
        )
        if result.restated:
            _say(
                f"{_some(result.restated)}: numbers less than 2.2e-16 apart are compared, which"
                " IronCalc takes for equal; it was asked about them scaled up."
            )
        if result.rounded:
            _say(
                f"{_some(result.rounded)}: large numbers cancel but for their last places; what"
                " follows was computed from the numbers stored."
            )
        return
    from rich.table import Table

    table = Table("Cell", "Stored", "Computed", "Relative difference", box=None)
    most = 10
    for d in result.differences[:most]:
        cell = f"{d.sheet}!{d.cell}"
        table.add_row(*map(_plain, (cell, d.stored, d.computed, f"{d.relative:.2g}")))
    _console().print(table)
    if len(result.differences) > most:
        _say(f"… and {len(result.differences) - most} more")
    if all(d.stored is None for d in result.differences) and len(result.differences) > 1:
        _say(
            "They have no value: what saved the file computes none, as openpyxl. Open and save it"
            " in a spreadsheet program, then verify it again."
        )
    _say(
        f"{path}: {len(result.differences)} of {result.cells} formula cells differ from"
        f" {result.engine}; largest relative difference {result.largest_difference:.2g}"
        f" at {result.where}."
    )
    raise typer.Exit(1)


def _some(cells: Sequence[str], most: int = 3) -> str:
    """Return the first few of some cells, and how many more there are."""
    more = f" and {len(cells) - most} more" if len(cells) > most else ""
    return f"{', '.join(cells[:most])}{more}"


def _plain(value: object) -> str:
    """Return a value from a file as text that a terminal only shows."""
    from rich.markup import escape

    from cellprop.files.data import label

    return escape(label("nothing" if value is None else value))


def _copy_out(name: str, output: Path) -> None:
    from cellprop.texts.templates import template

    _make_outputs(output)
    _say(_write_new(output, template(name).read_bytes()))


def _write_new(path: Path, content: bytes) -> Path:
    """Write a file that a user will change, and so never over one that is there."""
    from cellprop.errors import OutputError
    from cellprop.files.writing import write_whole

    if os.path.isfile(path):  # unlike Path's, never an error
        raise OutputError(f"{path}: exists already; choose another name, or delete it first.")

    def write(file: IO[bytes]) -> None:
        file.write(content)

    return write_whole(path, write)


def _usual(model: Model, suffix: str, *more: str) -> Path:
    """Return the name of an output that nobody named: it follows what was built."""
    return OUTPUTS / f"{file_name('-'.join((model.name, *more)))}.{suffix}"


def _write_by_default(path: Path, write: Callable[[Path], Path]) -> Path:
    """Write by a name that the user did not choose, so that no other file of that name is lost.

    The same output is not written twice; another one gets a number behind its name.
    """
    from filecmp import cmp

    from cellprop.files.writing import folder_beside

    _make_outputs(path)
    if not os.path.lexists(path):
        return write(path)
    with folder_beside(path) as folder:
        made = write(folder / path.name)
        number, target = 1, path
        while os.path.lexists(target) and not (target.is_file() and cmp(made, target, False)):
            number += 1
            target = path.with_stem(f"{path.stem}-{number}")
        return target if target.exists() else made.rename(target)


def _check_output(output: Path | None) -> None:
    """Refuse where to write before anything is computed, if that can't be written."""
    from cellprop.files.writing import check_folder, check_target

    if output is None:
        check_folder(OUTPUTS)
    else:
        check_target(output)


def _target(output: Path | None, usual: str) -> Path:
    """Return where to write; refused before anything is computed if that can't be written."""
    from cellprop.files.writing import check_folder, check_target

    target = OUTPUTS / usual if output is None else output
    if target.parent == OUTPUTS and not OUTPUTS.is_dir():
        check_folder(OUTPUTS)
    else:
        check_target(target)
    return target


def _make_outputs(target: Path) -> None:
    """Make the folder of default outputs for a target in it; one that the user names must be
    there.
    """
    from cellprop.errors import OutputError
    from cellprop.files.writing import check_folder

    if target.parent != OUTPUTS:
        return
    check_folder(OUTPUTS)
    try:
        OUTPUTS.mkdir(exist_ok=True)
    except OSError as error:
        raise OutputError(f"{OUTPUTS}: can't be made: {error.strerror}.") from None


def _console() -> Console:
    from rich.console import Console

    return Console(highlight=False)


def _say(text: object, *, error: bool = False) -> None:
    """Print a text, in which a name may hold anything, as what a terminal only shows."""
    lines = map(visible, str(text).split("\n"))
    print("\n".join(lines), file=sys.stderr if error else sys.stdout)


def main(is_interrupted: Callable[[], bool] = lambda: False) -> None:
    """Run the command line; every error a user can cause ends in one line.

    `is_interrupted` tells whether Ctrl+C was pressed.
    """

    def run() -> int:
        try:
            return _run()
        except Exception:
            # A library may have made something else of it.
            if is_interrupted():
                raise KeyboardInterrupt from None
            raise

    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # closed by whoever started us
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
        elif isinstance(stream, TextIOWrapper):  # a terminal or file may not know our characters
            stream.reconfigure(errors="replace")
    code = _ended(run)
    # What is still to be printed may fail, too; Python would complain again when it ends.
    last = _ended(_flush)
    sys.exit(code or last)


def _run() -> int:
    code = app(standalone_mode=False)
    return code if isinstance(code, int) else 0


def _flush() -> int:
    sys.stdout.flush()
    return 0


def _ended(run: Callable[[], int]) -> int:  # noqa: PLR0911 - a line for each way to end
    """Return with which code something ends, having said why in one line."""
    try:
        return run()
    except CellpropError as error:
        return _fail(str(error), error.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        return 130
    except MemoryError:
        return _fail("not enough memory; use fewer samples, fewer neurons or a smaller file.", 2)
    except RecursionError:
        return _fail("nested too deeply; use fewer layers, or write the file flatter.", 2)
    except OSError as error:
        if error.filename is None:
            # Whoever read our output has stopped reading, or the disk is full.
            with suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            return 1
        return _fail(f"{error.filename or 'output'}: {error.strerror or error}.", 2)
    except Exception as error:
        # Typer's usage errors; it carries its own copy of click, so they are known by their shape.
        if not hasattr(error, "format_message"):
            raise
        message = " ".join(error.format_message().split()).rstrip(".")
        message += "" if message.endswith("?") else "."
        return _fail(f"{message} `cellprop --help` shows what there is.", 2)


def _fail(message: str, code: int) -> int:
    if len(message) > LONGEST_MESSAGE:  # the place at its beginning, what to do at its end
        message = f"{message[: LONGEST_MESSAGE // 2]} … {message[-LONGEST_MESSAGE // 4 :]}"
    with suppress(OSError):  # nobody may listen
        _say(f"cellprop: {message}", error=True)
    return code


if __name__ == "__main__":
    main()
