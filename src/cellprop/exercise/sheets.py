"""The sheet of a step in an exercise: as in the walkthrough, with cells to fill in.

What computes an answer is left out: the whole-matrix formula for a spreadsheet, the formula of one
cell, and the focus that shows it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from openpyxl.worksheet.worksheet import Worksheet
from rich.cells import cell_len

from cellprop.algebra import Matrix, Notation, named, reads, statement
from cellprop.exercise import hints
from cellprop.exercise.book import EMPTY, LOOKS, ExerciseBook
from cellprop.faces import places as at
from cellprop.faces.places import letter
from cellprop.faces.workbook import xml
from cellprop.faces.workbook.book import State, sheet_name
from cellprop.faces.workbook.focus import MOST_NESTED, MOST_TEXT, literal
from cellprop.faces.workbook.header import (
    CODE_LETTER,
    FORMULA_LETTER,
    LINE,
    Header,
    Link,
    Span,
    given_row,
    linked,
    links_of,
    maths_row,
    maths_spans,
    merge,
    spanned,
    title_row,
)
from cellprop.faces.workbook.measures import HEADER
from cellprop.faces.workbook.sheets import (
    StateOf,
    body_rows,
    check_typed_numbers,
    notes_row,
    set_columns,
    set_up_sheet,
    states,
)
from cellprop.programs.program import Step
from cellprop.texts.formats import cut

SHOWN: Notation = "numpy"
# In pixels: the title of lanes, each count of what is done, a part of the key, a letter of it.
COUNTS_AT, COUNT_WIDTH, KEY_WIDTH, KEY_LETTER = 105, 150, 180, 7.5
# How many lines of maths there is room for.
LINES = 2


@dataclass(frozen=True)
class SheetPlan:
    """What a sheet shows, the same for everybody in a class.

    Attributes:
        step: Whose sheet it is.
        state_of: The state of a matrix where it stands.
        asked: The matrices to be calculated on it.
        header: Where what stands above the matrices does.
        links: To other sheets.
        blocks: Where its answers are judged, with hints.
        marked: The keys of the looks that it shows, if it was marked.
        first: The cell that names the step to be done first, if there may be one.
    """

    step: Step
    state_of: StateOf
    asked: tuple[Matrix, ...]
    header: Header
    links: Sequence[Link]
    blocks: Sequence[hints.Judged]
    marked: tuple[str, ...]
    first: str


def exercise_sheet(book: ExerciseBook, step: Step, sheet: Worksheet) -> SheetPlan:
    """Set a step's sheet up in the frame, and return what its rows are to show."""
    setup, homes = book.question.setup, book.layout.on(step).homes
    asked = step.computed if step.label in setup.asked else ()
    blocks = hints.judged(book, step, asked) if setup.hints and not book.correction else []
    set_columns(book, sheet, step)
    for matrix in step.brings:
        book.frame.add_name(matrix.name, sheet.title, homes[matrix.name].absolute)
        if matrix in asked:
            check_typed_numbers(book, sheet, homes[matrix.name])
    hints.set_up_hints(book, sheet, blocks)
    header = Header(book, step, book.measures(step))
    links = links_of(header, at.NOTATION)
    set_up_sheet(header, sheet, links)
    book.frame.protect(sheet)
    plan = SheetPlan(
        step, _states(book, step, asked), asked, header, links, blocks, _shown(book, asked),
        _first_to_do(book, step),
    )  # fmt: skip
    for span in _key_spans(plan):
        merge(sheet, at.NUMBERS, span)
    notes_row(book, sheet, step)  # merges its cells
    return plan


def _states(book: ExerciseBook, step: Step, asked: Sequence[Matrix]) -> StateOf:
    """Return what gives the state of a matrix where it stands on a step's sheet."""

    def own(matrix: Matrix) -> State:
        if matrix in asked:
            return "answer"
        return "given" if matrix.definition is None else "active"

    # On a copy that was marked nothing is orange, which a slip might be taken for.
    return states(book, step, own, "known" if book.correction else "read")


def _shown(book: ExerciseBook, asked: Sequence[Matrix]) -> tuple[str, ...]:
    """Return the keys of the looks that occur on a sheet that was marked."""
    if book.correction is None:
        return ()
    looks = book.correction.looks
    found = {look for m in asked for row in looks.get(m.name, ()) for look in row}
    return tuple(look for look in LOOKS if look in found)


def exercise_rows(book: ExerciseBook, plan: SheetPlan, sheet: Worksheet) -> Iterator[str]:
    """Yield the rows of a step's sheet, as its XML."""
    yield title_row(plan.header, plan.links)
    yield _maths_row(plan)
    yield _notation_row(plan)
    if book.correction and plan.asked:
        yield _marks_row(book, plan)
    else:
        yield xml.row(at.NUMBERS, _counts(book, plan) + plan.first, HEADER[at.NUMBERS])
    yield from body_rows(book, sheet, plan.step, plan.state_of, hints.hint_cells(book, plan.blocks))


def _maths_row(plan: SheetPlan) -> str:
    """Return the row of maths; where not all matrices have room with their shapes, without these,
    since there is no focus by which one could be chosen.
    """
    header, active = plan.header, plan.step.computed
    spans = maths_spans(header)
    if len(spans) >= len(active):
        return maths_row(header, plan.links)
    text = "\n".join(_packed([named(matrix) for matrix in active], header.room))
    cells = spanned(header.book, at.MATHS, spans[0], "formula", text, wrapped=True)
    return xml.row(at.MATHS, cells + linked(header.book, plan.links, at.MATHS), HEADER[at.MATHS])


def _packed(texts: Sequence[str], room: float) -> list[str]:
    """Return texts in as few lines as have room for them; what has none is left out."""
    lines: list[str] = []
    for text in texts:
        longer = f"{lines[-1]}    {text}" if lines else text
        if lines and len(longer) * FORMULA_LETTER <= room:
            lines[-1] = longer
        elif len(lines) < LINES:
            lines.append(text)
        else:
            lines[-1] += " …"
            break
    return lines


def _notation_row(plan: SheetPlan) -> str:
    """Return the row that says what to calculate, in code."""
    header, step = plan.header, plan.step
    if not step.computed:
        return given_row(header, plan.links)
    book = header.book
    cells = xml.text_cell(
        f"A{at.NOTATION}", book.frame.style("caption"), book.words(f"sheet.{SHOWN}")
    )
    column = at.FIRST_COLUMN
    for matrix in step.computed:
        text = statement(matrix, SHOWN)
        last = header.measures.reach(column, (len(text) + 2) * CODE_LETTER)
        if column > at.FIRST_COLUMN and last >= header.contents[0]:
            break
        cells += xml.text_cell(f"{letter(column)}{at.NOTATION}", book.frame.style("code"), text)
        column = last + 1
    return xml.row(at.NOTATION, cells + linked(book, plan.links, at.NOTATION), HEADER[at.NOTATION])


# --- What is done, and what verdicts mean -----------------------------------------------------


def _key_spans(plan: SheetPlan) -> list[Span]:
    """Return the columns of each verdict in the key of a sheet that was marked: one beside the
    other, narrower where there are many.
    """
    measures, found = plan.header.measures, list[Span]()
    column = measures.reach(1, COUNTS_AT + COUNT_WIDTH) + 1
    for left in range(len(plan.marked), 0, -1):
        room = (measures.across - measures.left(column)) / left
        last = measures.reach(column, min(KEY_WIDTH, room))
        found.append((column, max(column, min(last, measures.last_column - left + 1))))
        column = found[-1][1] + 1
    return found


def _marks_row(book: ExerciseBook, plan: SheetPlan) -> str:
    """Return the row of a copy that was marked: the marks of the step, and what verdicts mean."""
    earned, out_of = book.correction.by_step[plan.step.label] if book.correction else (0.0, 0.0)
    said = book.words("exercise.step_earned", earned=f"{earned:g}", out_of=f"{out_of:g}")
    cells = xml.text_cell(f"A{at.NUMBERS}", book.frame.style("name"), said)
    measures, lines = plan.header.measures, 1
    for look, span in zip(plan.marked, _key_spans(plan), strict=True):
        text = f"{LOOKS[look].sign} {book.words(f'exercise.{look}')}".strip()
        width = measures.left(span[1] + 1) - measures.left(span[0])
        lines = max(lines, -int(-cell_len(text) * KEY_LETTER // width))
        style = f"key_{LOOKS[look].style}"
        cells += spanned(book, at.NUMBERS, span, style, text, wrapped=True)
    return xml.row(at.NUMBERS, cells, max(HEADER[at.NUMBERS], lines * LINE + 2))


def _counts(book: ExerciseBook, plan: SheetPlan) -> str:
    """Return cells that count what is done; with hints also what is right, and what is left."""
    if not plan.asked:
        return ""
    words, style, places = book.words, book.frame.style("caption"), book.layout.places
    count = sum(m.size for m in plan.asked)
    ranges = ",".join(places[m.name].range for m in plan.asked)
    done = sum(1 for m in plan.asked for row in book.values(m.name) for text in row if text)
    said = [(words("exercise.to_do", done="\0", all=count), f"COUNT({ranges})", done)]
    if plan.blocks:
        right = hints.counted_right(plan.blocks)
        said.append((words("exercise.to_do_right", right="\0"), right, 0))
        said.append((words("exercise.to_do_left", left="\0"), f"{count}-{right}", count))
    cells, column = "", 1
    for each in said:
        cells += _count(book, letter(column), *each)
        column = plan.header.measures.reach(column, COUNT_WIDTH) + 1
    marks = dict(book.question.setup.points).get(plan.step.label)
    if marks is not None:
        text = words("exercise.step_marks", marks=f"{marks:g}")
        cells += xml.text_cell(f"{letter(column)}{at.NUMBERS}", style, text)
    return cells


# --- Why it is empty ------------------------------------------------------------------------


def _first_to_do(book: ExerciseBook, step: Step) -> str:
    """Return a cell that names the step to be done first, while answers are missing that this one
    reads; the step's own sheet says whether another comes before it.
    """
    first = _first_cell(book, step)
    if first is None:
        return ""
    address, needed = first
    formula = EMPTY
    for each in reversed(needed):
        said = literal(_do_first(book, each))
        home = f"'{sheet_name(each)}'!"
        before = _first_cell(book, each)
        if before is not None:
            there = home + before[0]
            said = f"IF({there}={EMPTY},{said},{there})"
        ranges = [home + book.layout.places[m.name].range for m in each.computed]
        count = sum(m.size for m in each.computed)
        formula = f"IF(COUNT({','.join(ranges)})<{count},{said},{formula})"
    earliest = needed[0]
    while (before := _first_cell(book, earliest)) is not None:
        earliest = before[1][0]
    shown = _do_first(book, earliest)
    return xml.text_formula_cell(address, book.frame.style("name"), formula, shown)


def _do_first(book: ExerciseBook, step: Step) -> str:
    """Return the words for a step to be done first, such as a formula has in one piece: texts that
    are joined, and refer to one another, might grow without end.
    """
    text = book.words("exercise.first_do", step=sheet_name(step))
    return cut(" ".join(text.split()).replace('"', "'"), MOST_TEXT)


def _first_cell(book: ExerciseBook, step: Step) -> tuple[str, list[Step]] | None:
    """Return where the sheet of a step says what to do first, and the steps whose answers it
    reads, in order; None if it has nothing to say.
    """
    needed = _needed(book, step)
    if not needed or book.correction:
        return None
    setup, column = book.question.setup, 1
    if step.label in setup.asked:
        count = 1 + 2 * setup.hints + (step.label in dict(setup.points))
        for _ in range(count):
            column = book.measures(step).reach(column, COUNT_WIDTH) + 1
    return f"{letter(column)}{at.NUMBERS}", needed


def _needed(book: ExerciseBook, step: Step) -> list[Step]:
    """Return the earlier steps whose answers are read on the sheet of a step, be it by way of what
    is computed from them; in order.
    """
    answers, waiting = book.question.setup.answers, book.question.setup.waiting
    found, seen = set(), set()
    left = [operand for matrix in step.computed for operand in reads(matrix.definition)]
    while left:
        matrix = left.pop()
        if matrix.name in seen:
            continue
        seen.add(matrix.name)
        if matrix.name in answers:
            found.add(book.home[matrix.name].label)
        elif matrix.name in waiting:
            left += reads(matrix.definition)
    steps = [each for each in book.update.program.steps if each.label in found - {step.label}]
    return steps[:MOST_NESTED]


def _count(book: ExerciseBook, column: str, text: str, formula: str, value: int) -> str:
    """Return a cell with a text in which a formula counts."""
    before, _, after = text.partition("\0")
    pieces = [literal(before)] if before else ['""']
    pieces.append(f"({formula})")
    if after:
        pieces.append(literal(after))
    return xml.text_formula_cell(
        f"{column}{at.NUMBERS}", book.frame.style("caption"), "&".join(pieces),
        f"{before}{value}{after}",
    )  # fmt: skip
