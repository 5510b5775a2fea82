"""The sheet of a step in an exercise: as in the walkthrough, with cells to fill in.

What computes an answer is left out: the whole-matrix formula for a spreadsheet, the formula of one
cell, and the focus that shows it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from openpyxl.worksheet.worksheet import Worksheet

from cellprop.algebra import Matrix, Notation, reads, statement
from cellprop.exercise import hints
from cellprop.exercise.book import LOOKS, ExerciseBook
from cellprop.faces import layout as at
from cellprop.faces.layout import letter
from cellprop.faces.workbook import xml
from cellprop.faces.workbook.book import ROW, State
from cellprop.faces.workbook.focus import literal
from cellprop.faces.workbook.printing import set_up_print
from cellprop.faces.workbook.sheets import (
    GAP_ROW,
    KEY_WIDTH,
    Link,
    check_typed_numbers,
    columns_beside,
    head_rows,
    key_cells,
    lane_rows,
    links_of,
    notes_row,
    set_columns,
    shape_lines,
)
from cellprop.programs.program import Step

SHOWN: tuple[Notation, ...] = ("maths", "numpy", "r")
# So many have room in a row of a key, and so many rows above it are free: those of a walkthrough's
# whole-matrix formulas.
VERDICTS_IN_A_ROW, FREE_ROWS = 4, 2
# Where the counts of what is done stand.
COUNTS = (3, 6, 9)


@dataclass(frozen=True)
class SheetPlan:
    """What a sheet shows, the same for everybody in a class.

    Attributes:
        step: Whose sheet it is.
        states: The state of every matrix.
        asked: The matrices to be calculated on it.
        links: To other sheets.
        blocks: Where its answers are judged, with hints.
        marked: The keys of the looks that it shows, if it was marked.
    """

    step: Step
    states: Mapping[str, State]
    asked: tuple[Matrix, ...]
    links: Sequence[Link]
    blocks: Sequence[hints.Judged]
    marked: tuple[str, ...]


def exercise_sheet(book: ExerciseBook, step: Step, sheet: Worksheet) -> SheetPlan:
    """Set a step's sheet up in the frame, and return what its rows are to show."""
    setup = book.question.setup
    asked = step.computed if step.label in setup.asked else ()
    blocks = hints.judged(book, asked) if setup.hints and not book.correction else []
    set_columns(book, sheet)
    for matrix in step.brings:
        place = book.layout.places[matrix.name]
        book.frame.add_name(matrix.name, sheet.title, place.absolute)
        if matrix in asked:
            check_typed_numbers(book, sheet, place)
    hints.set_up_hints(book, sheet, blocks)
    links = links_of(book, step)
    for link in links:
        book.frame.add_link(sheet, f"{letter(link.column)}{at.TITLE}", link.target, link.text)
    set_up_print(book, sheet)
    book.frame.protect(sheet)
    plan = SheetPlan(step, _states(book, step, asked), asked, links, blocks, _shown(book, asked))
    _key_rows(book, sheet, plan)  # merges the cells of the key
    notes_row(book, sheet, step)  # and of the notes
    return plan


def _states(book: ExerciseBook, step: Step, asked: Sequence[Matrix]) -> dict[str, State]:
    """Return the state of every matrix on a step's sheet."""
    read = {m.name for matrix in step.computed for m in reads(matrix.definition)}
    steps = book.update.program.steps
    states: dict[str, State] = {}
    for matrix in book.update.program.matrices:
        home = book.home[matrix.name]
        if steps.index(home) > steps.index(step):
            states[matrix.name] = "ghost"
        elif home is step and matrix in asked:
            states[matrix.name] = "answer"
        elif home is step and matrix.definition is None:
            states[matrix.name] = "given"
        elif home is step:
            states[matrix.name] = "active"
        else:
            # On a copy that was marked nothing is orange, which a slip might be taken for.
            is_read = matrix.name in read and not book.correction
            states[matrix.name] = "read" if is_read else "known"
    return states


def _shown(book: ExerciseBook, asked: Sequence[Matrix]) -> tuple[str, ...]:
    """Return the keys of the looks that occur on a sheet that was marked."""
    if book.correction is None:
        return ()
    looks = book.correction.looks
    found = {look for m in asked for row in looks.get(m.name, ()) for look in row}
    return tuple(look for look in LOOKS if look in found)


def _key_rows(book: ExerciseBook, sheet: Worksheet, plan: SheetPlan) -> dict[int, str]:
    """Return the cells of a sheet's key by their row: of its states, or of every verdict on it."""
    if not plan.marked:
        return {at.KEY: key_cells(book, sheet, _key_states(plan), "exercise")}
    in_a_row = _verdicts_in_a_row(sheet, len(plan.marked))
    top = at.KEY - (len(plan.marked) - 1) // in_a_row
    rows = {top: xml.text_cell(f"A{top}", book.frame.style("caption"), book.words("sheet.key"))}
    for number, look in enumerate(plan.marked):
        below, place = divmod(number, in_a_row)
        first = at.FIRST_COLUMN + place * (KEY_WIDTH + 1)
        row = top + below
        rows[row] = rows.get(row, "") + _key_cell(book, sheet, look, row, first)
    return rows


def _verdicts_in_a_row(sheet: Worksheet, count: int) -> int:
    """Return how many verdicts stand beside each other in a key: as many as the first printed page
    has room for, but so many that there are rows enough.
    """
    breaks = sheet.col_breaks.brk
    room = VERDICTS_IN_A_ROW
    if breaks:
        room = (breaks[0].id - at.FIRST_COLUMN + 2) // (KEY_WIDTH + 1)
    return max(-(-count // (FREE_ROWS + 1)), min(VERDICTS_IN_A_ROW, room))


def _key_cell(book: ExerciseBook, sheet: Worksheet, look: str, row: int, first: int) -> str:
    """Return cells of a key that look like a verdict, and say in words what it means."""
    style = book.frame.style(f"key_{LOOKS[look].style}")
    text = f"{LOOKS[look].sign} {book.words(f'exercise.{look}')}".strip()
    addresses = [f"{letter(column)}{row}" for column in range(first, first + KEY_WIDTH)]
    sheet.merged_cells.add(f"{addresses[0]}:{addresses[-1]}")
    return xml.text_cell(addresses[0], style, text) + xml.blank_cells(addresses[1:], style)


def _key_states(plan: SheetPlan) -> tuple[State, ...]:
    """Return the states that a sheet's key explains."""
    order: tuple[State, ...] = ("answer", "active", "read", "known", "ghost")
    occurring = {"known" if state == "given" else state for state in plan.states.values()}
    return tuple(state for state in order if state in occurring)


def exercise_rows(book: ExerciseBook, plan: SheetPlan, sheet: Worksheet) -> Iterator[str]:
    """Yield the rows of a step's sheet, as its XML."""
    yield from head_rows(book, plan.step, plan.links)
    key = _key_rows(book, sheet, plan)
    yield from _notation_rows(book, plan.step, key)
    yield xml.row(at.KEY, key[at.KEY], ROW + 2)
    yield xml.row(at.FOCUS, _counts(book, plan), ROW + 2)
    yield xml.row(at.FOCUS + 1, "", GAP_ROW)
    beside = hints.hint_cells(book, plan.blocks)
    notes = notes_row(book, sheet, plan.step)
    for lane in book.layout.lanes:
        if book.layout.notes_row < lane.row and notes:
            yield notes
            notes = ""
        yield from lane_rows(book, lane, plan.states, beside)
    if notes:
        yield notes


def _notation_rows(book: ExerciseBook, step: Step, key: Mapping[int, str]) -> Iterator[str]:
    """Yield the rows that say what to calculate, in words of mathematics and code; below them
    stands what of the key has no room in its row.
    """
    lines = [""] * (at.FORMULA - at.MATHS + 1)
    if not step.computed:
        lines = shape_lines(book, step, len(lines))
    else:
        caption, code = book.frame.style("caption"), book.frame.style("code")
        written = [[statement(m, notation) for notation in SHOWN] for m in step.computed]
        columns = columns_beside(book, written)
        for i, notation in enumerate(SHOWN):
            lines[i] = xml.text_cell(f"A{at.MATHS + i}", caption, book.words(f"sheet.{notation}"))
            for texts, column in zip(written, columns, strict=True):
                if column <= max(book.page_column, book.layout.last_column):
                    lines[i] += xml.text_cell(f"{letter(column)}{at.MATHS + i}", code, texts[i])
    for row, line in enumerate(lines, at.MATHS):
        yield xml.row(row, line + key.get(row, ""), ROW + 2 if row in key else ROW)


def _counts(book: ExerciseBook, plan: SheetPlan) -> str:
    """Return cells that count what is done; with hints also what is right, and what is left."""
    if not plan.asked:
        return ""
    if book.correction:
        earned, out_of = book.correction.by_step[plan.step.label]
        text = book.words("exercise.step_earned", earned=f"{earned:g}", out_of=f"{out_of:g}")
        return xml.text_cell(f"{letter(COUNTS[0])}{at.FOCUS}", book.frame.style("name"), text)
    words, style = book.words, book.frame.style("caption")
    count = sum(m.rows.size * m.columns.size for m in plan.asked)
    ranges = ",".join(book.layout.places[m.name].range for m in plan.asked)
    done = sum(1 for m in plan.asked for row in book.values(m.name) for text in row if text)
    cells = _count(
        book, COUNTS[0], words("exercise.to_do", done="\0", all=count), f"COUNT({ranges})", done
    )
    if plan.blocks:
        right = hints.counted_right(plan.blocks)
        cells += _count(book, COUNTS[1], words("exercise.to_do_right", right="\0"), right, 0)
        cells += _count(
            book, COUNTS[2], words("exercise.to_do_left", left="\0"), f"{count}-{right}", count
        )
    marks = dict(book.question.setup.points).get(plan.step.label)
    if marks is not None:
        text = words("exercise.step_marks", marks=f"{marks:g}")
        cells += xml.text_cell(f"{letter(COUNTS[-1] + 3)}{at.FOCUS}", style, text)
    return cells


def _count(book: ExerciseBook, column: int, text: str, formula: str, value: int) -> str:
    """Return a cell with a text in which a formula counts."""
    before, _, after = text.partition("\0")
    pieces = [literal(before)] if before else ['""']
    pieces.append(f"({formula})")
    if after:
        pieces.append(literal(after))
    return xml.text_formula_cell(
        f"{letter(column)}{at.FOCUS}", book.frame.style("caption"), "&".join(pieces),
        f"{before}{value}{after}",
    )  # fmt: skip
