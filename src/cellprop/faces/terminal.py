"""Steps and matrices in a terminal, coloured as on the sheets; and as CSV or JSON.

Knows a run and what a reader asked for; which model declared the steps, it does not know.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from cellprop.algebra import NOTATIONS, Matrix, Mention, pieces, reads, statement
from cellprop.errors import UnknownNameError, nearest
from cellprop.faces.places import Picked, picked_of
from cellprop.files.safe import looks_like_formula
from cellprop.programs.program import Step
from cellprop.running.run import Run
from cellprop.texts import captions
from cellprop.texts.formats import DOWN, UP, Formats, choose, lines, of_update, replaced
from cellprop.texts.words import Words

WIDEST_HEADING, WIDEST_SIDE = 18, 26
# Between what stands side by side.
GAP = 2
# A matrix with more rows than this is not shown twice in a step.
TALLEST_AGAIN = 10
# Black on the sheets' own yellow and orange, so that they read on dark and light terminals.
UNREAD = "dim"
STYLES = {"active": "bold black on #FFEB3B", "read": "black on #FFB74D", "input": "bold"}


def chosen(run: Run, wanted: Sequence[str]) -> list[Step | Matrix]:
    """Return the steps and matrices that words such as `7`, `step 7` or `d_output` ask for.

    Raises
    ------
    UnknownNameError
        If a word is neither; the message suggests the nearest.
    """
    steps = {step.label: step for step in run.program.steps}
    labels = run.program.labels
    matrices = {matrix.name: matrix for matrix in run.program.matrices}
    trained = run.trained
    found: list[Step | Matrix] = []
    for word in wanted:
        number = word.lower().strip()
        if number.startswith("step"):
            number = number.removeprefix("step").strip(" -_")
        if not number and word.lower() == "step":
            continue  # `cellprop show step 7`
        if word == "parameters":
            found += trained
        elif number in steps:
            found.append(steps[number])
        elif word in matrices:
            found.append(matrices[word])
        elif number.lstrip("-").replace(".", "").isdigit():
            raise UnknownNameError(f"There is no step {number}; there are steps {labels}.")
        else:
            raise UnknownNameError(
                f"There is no step or matrix '{word}'.{nearest(word, matrices)}"
                f" Steps: {labels}; matrices: {', '.join(matrices)}."
            )
    return found or list(run.program.steps)


def show(
    console: Console,
    run: Run,
    wanted: Sequence[Step | Matrix],
    words: Words,
    decimals: int | None,
) -> None:
    """Print steps and matrices as tables, and at the end the key to what steps compute."""
    view = _Shown(run, words, decimals, console, of_update(run.update), replaced(run.update))
    for position, item in enumerate(wanted):
        if position:
            console.print()
        if isinstance(item, Matrix):
            console.print(_matrix(view, item, "input"))
        else:
            console.print(_step(view, item))
    if any(isinstance(item, Step) and item.computed for item in wanted):
        console.print()
        console.print(_key(words))


@dataclass(frozen=True)
class _Shown:
    """What is shown, and how: the run, the words, the decimals asked for, where it is printed, the
    formats of matrices, and which of them replaces which.
    """

    run: Run
    words: Words
    decimals: int | None
    console: Console
    columns: Mapping[str, Formats]
    replaced: Mapping[str, str]

    @property
    def width(self) -> int:
        """The columns of the terminal."""
        return self.console.width


def _key(words: Words) -> RenderableType:
    """Return the key: in the order of the equations, so that it tells without colours, too."""
    computed, read = (
        (f" {words(f'sheet.{state}')} ", STYLES[state]) for state in ("active", "read")
    )
    return Text.assemble((f"{words('sheet.key')}: ", "dim"), computed, " = ", read)


def _step(view: _Shown, step: Step) -> RenderableType:
    words = view.words
    parts: list[RenderableType] = [
        Text(captions.heading(words, view.run.program.last, step), style="bold"),
        Text(captions.says(words, step), style="dim"),
    ]
    given = [matrix for matrix in step.brings if matrix.definition is None]
    if given:
        blocks = [_Part("", _matrix(view, matrix, "input")) for matrix in given]
        parts += [Text(), *_side_by_side(view, blocks)]
    above = set(given)
    for matrix in step.computed:
        lines = Table.grid(padding=(0, 2))
        for notation in NOTATIONS:
            lines.add_row(
                Text(words(f"sheet.{notation}"), style="dim"),
                Text(statement(matrix, notation), overflow="fold"),
            )
        parts += [Text(), lines, Text(), *_side_by_side(view, _equation(view, matrix, above))]
    for note in captions.notes(words, view.run.update, step):
        parts.append(Text(f"{words('sheet.notes')}: {note}", style="italic"))
    parts += [Text(reason, style="italic") for reason in captions.reasons(words, step)]
    return Group(*parts)


# --- Equations ----------------------------------------------------------------------------


@dataclass(frozen=True)
class _Part:
    """A part of an equation: what stands before a matrix, and the matrix if there is one."""

    before: str
    block: RenderableType | None


_Waiting = tuple[str, Mention, str, Picked | None]
"""What stands before a matrix, how it takes part, what is written at its name, and which of its
numbers are read, if not all."""


def _equation(view: _Shown, matrix: Matrix, above: set[Matrix]) -> list[_Part]:
    """Return a matrix, `=`, and what it is computed from, in the order of the formula.

    Names and signs stand in one line, as one writes the formula, and the numbers below the names.
    A matrix has numbers where it is mentioned first; a tall one that stands `above`, in the same
    step, has none again. Adds those that have.
    """
    assert matrix.definition is not None
    parts = [_Part("", _matrix(view, matrix, "active"))]
    above.add(matrix)
    patterns = reads(matrix.definition)
    first, *others = pieces(matrix.definition)
    text, shown = f" = {first}", set[Matrix]()
    waiting: _Waiting | None = None
    for mention, following in zip(others[::2], others[1::2], strict=True):
        assert isinstance(mention, Mention)
        mentioned = mention.matrix
        if mentioned in shown or (mentioned in above and mentioned.rows.size > TALLEST_AGAIN):
            text += f"{mention.text}{following}"
            continue
        shown.add(mentioned)
        if waiting:
            text = _put(view, parts, waiting, text)
        between, _, before = text.rpartition(" ")
        waiting = between, mention, before, picked_of(mentioned, patterns.get(mentioned, ()))
        text = f"{mention.text.removeprefix(mentioned.name)}{following}"
    if waiting:
        text = _put(view, parts, waiting, text)
    above |= shown
    return [*parts, _Part(text.strip(), None)] if text.strip() else parts


def _put(view: _Shown, parts: list[_Part], waiting: _Waiting, text: str) -> str:
    """Add a matrix with what is written at its name, and return the rest of what follows it."""
    between, mention, before, picked = waiting
    after, blank, rest = text.partition(" ")
    block = _matrix(view, mention.matrix, "read", before, after, mention, picked)
    parts.append(_Part(between.strip(), block))
    return blank + rest


def _side_by_side(view: _Shown, parts: Iterable[_Part]) -> Iterator[RenderableType]:
    """Yield lines of parts, as many in each as the terminal has room for."""
    line: list[RenderableType] = []
    used = 0
    for part in parts:
        cells: list[RenderableType] = [Text(part.before)] if part.before else []
        cells += [part.block] if part.block else []
        widths = [view.console.measure(cell).maximum for cell in cells]
        needed = sum(widths) + GAP * len(cells)
        if line and used + needed - GAP > view.width:
            yield _line(line)
            line, used = [], 0
        if needed - GAP > view.width and len(cells) > 1:
            # Even alone they are too wide: each has a line.
            yield cells.pop(0)
            needed = widths[1] + GAP
        line += cells
        used += needed
    if line:
        yield _line(line)


def _line(cells: Sequence[RenderableType]) -> RenderableType:
    if len(cells) == 1:
        return cells[0]
    line = Table.grid(padding=(0, GAP))
    line.add_row(*cells)
    return line


def _matrix(
    view: _Shown,
    matrix: Matrix,
    state: str,
    before: str = "",
    after: str = "",
    mention: Mention | None = None,
    picked: Picked | None = None,
) -> RenderableType:
    """Return a matrix with its name above; what is wider than the terminal goes on below.

    `before`, `after`: what is written at its name; `mention`: how it takes part in a formula. Where
    it is transposed, so it stands; one of many rows stands the other way, and says so. `picked`:
    which of its numbers are in the state, if not all.
    """
    shown, rows, columns = _numbers(view, matrix), matrix.rows, matrix.columns
    styles = [[STYLES[state]] * columns.size] * rows.size
    if picked is not None:
        styles = [[STYLES[state] if is_it else UNREAD for is_it in row] for row in picked]
    is_transposed = mention is not None and mention.transposed
    if is_transposed and rows.size <= TALLEST_AGAIN:
        shown, styles = ([list(row) for row in zip(*each, strict=True)] for each in (shown, styles))
        rows, columns = columns, rows
    # Long labels go on in another line, in a narrow terminal earlier.
    heads = [lines(label, min(WIDEST_HEADING, max(1, view.width - 4))) for label in columns.labels]
    sides = [lines(label, min(WIDEST_SIDE, max(1, view.width // 3))) for label in rows.labels]
    widest = max(cell_len(text) + 2 for row in (*shown, *heads) for text in row)
    beside = max(cell_len(line) for side in sides for line in side) + 1
    at_once = max(1, (view.width - beside) // widest)
    block = Table.grid()
    block.add_column(overflow="fold")
    block.add_row(Text.assemble(before, (matrix.name, "bold"), after, overflow="fold"))
    if mention is not None and is_transposed and rows is matrix.rows:
        said = view.words("sheet.turned", shape=mention.shape_text)
        block.add_row(Text(said, style="dim", overflow="fold"))
    for first in range(0, len(heads), at_once):
        part = slice(first, first + at_once)
        table = Table(box=None, padding=(0, 0), header_style="dim")
        table.add_column("", no_wrap=True)
        for head in heads[part]:
            heading = "\n".join(f"{line} " for line in head)
            table.add_column(Text(heading), justify="right", no_wrap=True, vertical="bottom")
        for side, row, looks in zip(sides, shown, styles, strict=True):
            cells = zip(row[part], looks[part], strict=True)
            numbers = (Text(f" {text} ", style=style) for text, style in cells)
            table.add_row(Text("\n".join(f"{line} " for line in side), style="dim"), *numbers)
        block.add_row(table)
    return block


def _numbers(view: _Shown, matrix: Matrix) -> list[list[str]]:
    """Return the numbers of a matrix as texts, with a sign where a move is too small to be seen."""
    values = view.run.value(matrix)
    if view.decimals is not None:
        return [[f"{value:.{view.decimals}f}" for value in row] for row in values.tolist()]
    usual = (choose(values, given=matrix.definition is None),) * matrix.columns.size
    forms = view.columns.get(matrix.name, usual)
    shown = [
        [form.show(value) for form, value in zip(forms, row, strict=True)]
        for row in values.tolist()
    ]
    if matrix.name not in view.replaced:
        return shown
    old = view.run.values[view.replaced[matrix.name]].tolist()
    signs = [
        ["" if new == was or forms[0].tells(new, was) else UP if new > was else DOWN
         for new, was in zip(*rows, strict=True)]
        for rows in zip(values.tolist(), old, strict=True)
    ]  # fmt: skip
    room = int(any(sign for row in signs for sign in row))
    return [
        [text + sign.ljust(room) for text, sign in zip(*rows, strict=True)]
        for rows in zip(shown, signs, strict=True)
    ]


def as_csv(run: Run, wanted: Iterable[Step | Matrix], decimals: int | None) -> str:
    """Return matrices as CSV, a line for each number: matrix, row, column, value."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["matrix", "row", "column", "value"])
    for matrix in _flat(wanted):
        rows = zip(matrix.rows.labels, _rounded(run, matrix, decimals), strict=True)
        for row_label, row in rows:
            for column_label, value in zip(matrix.columns.labels, row, strict=True):
                labels = _as_text(row_label), _as_text(column_label)
                writer.writerow([matrix.name, *labels, repr(value)])
    return out.getvalue()


def as_json(run: Run, wanted: Iterable[Step | Matrix], decimals: int | None) -> str:
    """Return matrices as JSON: a list of rows for each name."""
    matrices = {matrix.name: _rounded(run, matrix, decimals) for matrix in _flat(wanted)}
    lines = [f"  {json.dumps(name)}: {json.dumps(rows)}" for name, rows in matrices.items()]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _flat(wanted: Iterable[Step | Matrix]) -> list[Matrix]:
    found: dict[Matrix, None] = {}
    for item in wanted:
        found.update(dict.fromkeys([item] if isinstance(item, Matrix) else item.brings))
    return list(found)


def _rounded(run: Run, matrix: Matrix, decimals: int | None) -> list[list[float]]:
    values = run.value(matrix)
    rows: list[list[float]] = (values if decimals is None else values.round(decimals)).tolist()
    return rows


def _as_text(label: str) -> str:
    """Return a label that a spreadsheet opening the CSV takes for text."""
    return f"'{label}" if looks_like_formula(label) else label
