"""`cellprop check` and `compare`: workbooks filled in by hand marked, matrices of code compared."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cellprop.cli import options
from cellprop.cli.options import FormSlips, JobsOption, Model, WordsOption, takes_model
from cellprop.cli.printing import console, say
from cellprop.cli.progress import Bar, end, traced


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
        options.marks("Other marks for a step: 2=4."),
    ] = None,
    form_slips: Annotated[
        FormSlips | None,
        options.form_slips("[default: as was asked]"),
    ] = None,
    key: Annotated[
        Path | None,
        options.of_a_file("--key", "Mark by what the key to the class says was asked."),
    ] = None,
    question: Annotated[
        Path | None,
        options.of_a_file(
            "--question",
            "The exercise as it was handed out, for files that lost what was asked.",
        ),
    ] = None,
    secret: Annotated[
        Path | None,
        options.of_a_file("--secret", "Refuse what was not signed with this file."),
    ] = None,
    jobs: JobsOption = 1,
    theme: Annotated[str | None, options.theme("The look for --annotate")] = None,
    words: WordsOption = None,
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
    from cellprop.exercise import annotate as write_copies
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
    with Bar("Marking") as bar:
        results = check_all(
            files, points=points, form_slips=form_slips and form_slips.value, key=key,
            question=question, secret=secret, jobs=jobs, progress=bar.move, tell=said.append,
        )  # fmt: skip
    marked = [result for result in results if isinstance(result, Marks)]
    # Files first: whoever reads what is printed may stop, as `head` does.
    lines = [f"Note: {line}" for line in said]
    if annotate is not None:
        copies = write_copies(marked, annotate, theme=look, words=texts)
        lines.append(f"{len(copies)} copies: {annotate}")
    if report is not None:
        lines.append(f"{write(results, report, texts)}")
    show(console(), results, texts)
    for line in lines:
        say(line)
    if len(marked) < len(results) or any(result.warnings for result in marked):
        raise typer.Exit(1)


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
        options.decimals("Calculated by hand, and rounded to so many decimals.", 12),
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
    words: WordsOption = None,
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
    trace = traced(model)
    found = run(trace, file, decimals=decimals, names=told)
    say(text(found, texts))
    end(trace)
    if not found.ok:
        raise typer.Exit(1)
