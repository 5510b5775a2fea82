"""The first sheet of an exercise: whose it is, how to round, what to calculate, and the marks."""

from __future__ import annotations

from openpyxl.worksheet.worksheet import Worksheet

from cellprop.exercise.book import Correction, ExerciseBook
from cellprop.faces.workbook import xml
from cellprop.faces.workbook.book import sheet_name
from cellprop.faces.workbook.contents import (
    TITLE_ROW,
    Page,
    describe_layers,
    how_to_turn,
    list_labels,
)
from cellprop.faces.workbook.measures import ROW
from cellprop.programs.program import Step
from cellprop.texts import captions


def front_sheet(book: ExerciseBook, sheet: Worksheet) -> list[str]:
    """Set the first sheet up in the frame and return its rows."""
    page = front_page(book)
    page.finish(sheet)
    book.frame.protect(sheet)
    return page.rows


def front_page(book: ExerciseBook) -> Page:
    """Return the first sheet's rows, with the merges and links that belong to them."""
    page = Page(book)
    _say(page, book)
    describe_layers(page)
    page.add(page.text("A", "caption", captions.shown(book.words, book.update)))
    _list_steps(page, book)
    page.heading("contents.how")
    # Names of matrices, by which it shows how to use one, are a network's.
    blank = "exercise.guide_program" if book.update.program.is_written else "exercise.guide"
    guide = list(book.words.many("exercise.marked_guide" if book.correction else blank))
    if not book.correction:
        is_close = book.layout.form == "close-up"  # of which nothing is folded here
        guide.insert(0, page.words("exercise.close_up") if is_close else how_to_turn(page))
    if book.question.setup.hints and not book.correction:
        guide.append(book.words("exercise.hints_guide"))
    for number, text in enumerate(guide, 1):
        page.prose(f"{number}. {text}")
    list_labels(page)
    return page


def _say(page: Page, book: ExerciseBook) -> None:
    words, student = book.words, book.question.student
    title = "exercise.marked" if book.correction else "exercise.title"
    page.add(page.text("A", "title", words(title)), TITLE_ROW)
    # A frame is made once for a class, in which any name may look like a formula.
    book.frame.style("heading", quoted=True)
    if student:
        for key, text in (("student", student.name), ("id", student.id)):
            page.add(
                page.text("A", "caption", words(f"exercise.{key}"))
                + page.text("B", "heading", text),
                ROW + 5,
            )
    if book.correction:
        _say_marks(page, book.correction)
    else:
        page.prose(words("exercise.says"))
    decimals = book.question.setup.decimals
    rule = words("exercise.rule" if decimals else "exercise.rule_whole", decimals=decimals)
    page.prose(rule, "B", page.text("A", "caption", words("exercise.rounding")))


def _say_marks(page: Page, correction: Correction) -> None:
    """Add the marks in all, and the first thing to look at."""
    page.add(
        page.text("A", "caption", page.words("exercise.marks"))
        + page.text("B", "heading", _earned(page, correction.total, correction.out_of)),
        ROW + 5,
    )
    page.prose(correction.first, "B", page.text("A", "caption", page.words("exercise.first")))
    page.prose(page.words("exercise.marked_says"))


def _earned(page: Page, earned: float, out_of: float) -> str:
    return page.words("exercise.earned", earned=f"{earned:g}", out_of=f"{out_of:g}")


def _list_steps(page: Page, book: ExerciseBook) -> None:
    """Add the steps: what is to be calculated, how much of it is done, and the marks."""
    words = page.words
    page.heading("contents.steps")
    keys = {
        "A": "contents.step",
        "D": "exercise.cells",
        "E": "exercise.done",
        "F": "exercise.marks",
    }
    page.add("".join(page.text(column, "caption", words(key)) for column, key in keys.items()))
    for step in book.update.program.steps:
        name = sheet_name(step)
        page.add(
            page.link("A", name, name)
            + page.text("B", "table", captions.title(words, step))
            + _asked(page, book, step)
        )
    if book.correction:
        earned = _earned(page, book.correction.total, book.correction.out_of)
        page.add(
            page.text("A", "heading", words("exercise.total")) + page.text("F", "heading", earned),
            ROW + 5,
        )


def _asked(page: Page, book: ExerciseBook, step: Step) -> str:
    """Return the cells of a step: how many numbers it asks for, how many are typed, their worth."""
    setup = book.question.setup
    if step.label not in setup.asked:
        text = page.words("exercise.given") if step.computed else page.words("exercise.nothing")
        return page.text("D", "caption", text)
    count = sum(m.size for m in step.computed)
    ranges = ",".join(book.link(m.name) + book.layout.places[m.name].range for m in step.computed)
    done = sum(1 for m in step.computed for row in book.values(m.name) for text in row if text)
    style = book.frame.style("known")
    cells = xml.number_cells([f"D{page.next}"], style, [str(count)])
    cells += xml.formula_cell(f"E{page.next}", style, f"COUNT({ranges})", done)
    if book.correction:
        return cells + page.text("F", "known", _earned(page, *book.correction.by_step[step.label]))
    marks = dict(setup.points).get(step.label, count)
    return cells + xml.number_cells([f"F{page.next}"], style, [xml.number(float(marks))])
