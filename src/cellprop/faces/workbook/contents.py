"""The first sheet: what this is, the network, the steps with links, the key, how to use it.

Knows an update's program by its layers and steps; what stands on their sheets, it does not know.
"""

from __future__ import annotations

from collections.abc import Sequence

from openpyxl.worksheet.worksheet import Worksheet
from rich.cells import cell_len

from cellprop.algebra import ONE, Applied, Expression, Matrix, Notation, formulas, value
from cellprop.algebra import text as text_of
from cellprop.faces.workbook import xml
from cellprop.faces.workbook.book import Book, Extra, sheet_name
from cellprop.faces.workbook.measures import ROW
from cellprop.faces.workbook.page_texts import page_of
from cellprop.faces.workbook.pictures import large
from cellprop.faces.workbook.shapes import Drawing
from cellprop.files.safe import looks_like_formula
from cellprop.programs.deciding import mean_loss
from cellprop.programs.program import Layer, Program
from cellprop.texts import captions
from cellprop.texts.formats import cut
from cellprop.texts.words import Words

NAME = "Contents"
TITLE_ROW = 24.0
# From F on, beside the network, there is room for its picture: 360 × 170 pixels.
WIDTHS = {"A": 18.0, "B": 16.0, "C": 22.0, "D": 18.0, "E": 18.0, "F": 18.0, "G": 36.0}
LAST = "G"
# Roles of what a program takes and learns, which stand among what it consists of.
DESCRIBED = ("input", "target", "constant", "weights", "biases")
PICTURE_COLUMN = 6
# The name of the cell in which a notation is chosen, and where it stands on this sheet.
NOTATION, NOTATION_CELL = "notation", "$B$3"
CHOICE: tuple[Notation, ...] = ("numpy", "r", "excel", "maths")
# Longer names of notations are cut: a list of a cell has room for 255 characters.
LONGEST_NOTATION = 60
# A page that is taller, in points, can't be read on one sheet of paper.
PAGE_HEIGHT = 1100.0


def contents_sheet(book: Book, sheet: Worksheet, further: Sequence[Extra]) -> list[str]:
    """Set the contents sheet up in the frame and return its rows.

    `further`: the sheets that follow the steps; where these show a part of the network, those that
    would.
    """
    page = Page(book)
    _say(page)
    _choose_notation(page, sheet)
    _describe_network(page)
    _list_steps(page, further)
    _show_key(page)
    _explain(page)
    list_labels(page)
    page.finish(sheet)
    return page.rows


class Page:
    """Rows from top to bottom, with the merges and links that belong to them."""

    def __init__(self, book: Book) -> None:
        self.book = book
        self.words = book.words
        self.rows: list[str] = []
        self.height = 0.0
        self.merged: list[str] = []
        self.links: list[tuple[str, str]] = []
        self.picture: tuple[int, Drawing] | None = None

    @property
    def next(self) -> int:
        """The number of the row that comes next."""
        return len(self.rows) + 1

    def text(self, column: str, style: str, text: str) -> str:
        """Return a cell of text in the next row."""
        number = self.book.frame.style(style, quoted=looks_like_formula(text))
        return xml.text_cell(f"{column}{self.next}", number, text)

    def blank(self, column: str, style: str) -> str:
        """Return an empty cell in the next row."""
        return xml.blank_cell(f"{column}{self.next}", self.book.frame.style(style))

    def add(self, cells: str, height: float = ROW + 1.5) -> None:
        """Add a row."""
        self.rows.append(xml.row(self.next, cells, height))
        self.height += height

    def heading(self, key: str) -> None:
        """Add a heading with room above it."""
        self.add("", 10)
        self.add(self.text("A", "heading", self.words(key)), 19)

    def prose(self, text: str, first: str = "A", before: str = "", last: str = LAST) -> None:
        """Add a text that runs across the page, in a row as tall as it needs."""
        self.merged.append(f"{first}{self.next}:{last}{self.next}")
        lines = -(-cell_len(text) // self.room(first, last))
        cells = self.text(first, "body", text)
        if self.book.frame.has_lines("body"):
            cells += "".join(self.blank(c, "body") for c in WIDTHS if first < c <= last)
        self.add(before + cells, lines * 14.5 + 2)

    def room(self, first: str, last: str = LAST) -> int:
        """Return the number of characters that fit from a column to another."""
        return int(sum(width for column, width in WIDTHS.items() if first <= column <= last) * 1.15)

    def link(self, column: str, target: str, text: str) -> str:
        """Return a cell that links to a sheet."""
        self.links.append((f"{column}{self.next}", target))
        return self.text(column, "link", text)

    def finish(self, sheet: Worksheet) -> None:
        """Set the sheet up in the frame for the rows that were added."""
        frame = self.book.frame
        for column, width in WIDTHS.items():
            sheet.column_dimensions[column].width = width
        for merged in self.merged:
            sheet.merged_cells.add(merged)
        if self.picture:
            row, drawing = self.picture
            frame.add_drawing(sheet, PICTURE_COLUMN, row, drawing)
        for cell, target in self.links:
            frame.add_link(sheet, cell, target)
        frame.set_up_print(
            sheet,
            f"A1:{LAST}{len(self.rows)}",
            page=page_of(self.words),
            title_rows="1:1",
            orientation="portrait",
            one_page=self.height <= PAGE_HEIGHT,
        )


def _say(page: Page) -> None:
    page.add(page.text("A", "title", page.words("contents.title")), TITLE_ROW)
    page.prose(page.words("contents.says"))


# --- The notation -------------------------------------------------------------------------


def notation_cell() -> str:
    """Return the address, for formulas of other sheets, of the cell in which a notation is chosen.

    It holds one of the texts of `notations`, the first at the start; it may be cleared.
    """
    return f"'{NAME}'!{NOTATION_CELL}"


def notations(words: Words) -> dict[Notation, str]:
    """Return what each notation is called in the list of that cell, the usual one first."""
    return {notation: _listed(words(f"sheet.{notation}")) for notation in CHOICE}


def _listed(name: str) -> str:
    """Return a name as a list can hold it: commas part its options, and quotation marks end it."""
    return cut(name.replace(",", " ").replace('"', "'").strip(), LONGEST_NOTATION)


def _choose_notation(page: Page, sheet: Worksheet) -> None:
    """Add the row in which it is chosen how the steps are written."""
    frame, options = page.book.frame, list(notations(page.words).values())
    cell = f"B{page.next}"
    assert cell == NOTATION_CELL.replace("$", "")
    style = frame.style("focus", quoted=looks_like_formula(options[0]))
    chosen = xml.text_cell(cell, style, options[0])
    page.add(page.text("A", "caption", page.words("contents.notation")) + chosen, ROW + 3)
    frame.add_choice(sheet, cell, options, page.words("sheet.errors.choice"))
    frame.add_name(NOTATION, NAME, NOTATION_CELL)


# --- The network --------------------------------------------------------------------------


def _describe_network(page: Page) -> None:
    describe_layers(page)
    _show_loss(page)


def _describe_program(page: Page) -> None:
    """Add what a written program takes and learns."""
    words, program = page.words, page.book.update.program
    page.heading("contents.program")
    page.prose(f"{program.name}: {program.about}" if program.about else program.name, last="E")
    keys = ("matrix", "shape", "what")
    page.add(
        "".join(
            page.text(column, "caption", words(f"contents.{key}"))
            for column, key in zip("ABD", keys, strict=True)
        )
    )
    for matrix in program.given:
        role = program.roles[matrix.name]
        if role not in DESCRIBED:
            continue
        cells = page.text("A", "table", matrix.name)
        cells += page.text("B", "table", captions.shape(words, matrix.rows, matrix.columns))
        page.add(cells + page.text("D", "table", words(f"roles.{role}")))


def describe_layers(page: Page) -> None:
    """Add what the network consists of."""
    words, update = page.words, page.book.update
    page.picture = page.next + 1, large(words, update.program)
    if update.program.is_written:
        _describe_program(page)
        _add_facts(page)
        return
    page.heading("contents.network")
    keys = ("layer", "neurons", "activation", "weights", "biases")
    page.add(
        "".join(
            page.text(column, "caption", words(f"contents.{key}"))
            for column, key in zip("ABCDE", keys, strict=True)
        )
    )
    layers: list[tuple[str, ...]] = [
        (words("contents.input_layer"), str(update.program.input.columns.size))
    ]
    for layer in update.program.forward.layers:
        called = words(f"contents.{layer.key}", layer=f" {layer.number}" if layer.number else "")
        layers.append((called, *_layer(words, layer)))
    for called, *facts in layers:
        cells = page.text("A", "table", called)
        for column, fact in zip("BCDE", facts, strict=False):
            cells += page.text(column, "table", str(fact))
        page.add(cells)
    _add_facts(page)


def _add_facts(page: Page) -> None:
    """Add how many samples there are, and the learning rate."""
    words, program = page.words, page.book.update.program
    page.add("", 6)
    cells = ""
    if program.deals:
        cells += page.text("A", "caption", words("contents.samples"))
        cells += page.text("B", "table", str(program.samples.size))
    page.add(
        cells
        + page.text("C", "caption", words("contents.learning_rate"))
        + _linked(page, "D", program.rate.name)
    )


def _layer(words: Words, layer: Layer) -> tuple[str, ...]:
    neurons = str(layer.size)
    if layer.shown < layer.size:
        neurons = words("contents.shown", shown=layer.shown, all=layer.size)
    facts = (neurons, captions.activation(words, layer.applies))
    return (*facts, *(f"{m.name}: {m.rows.size} × {m.columns.size}" for m in layer.parameters))


def _linked(page: Page, column: str, name: str) -> str:
    """Return a cell that shows a single number of the update."""
    book = page.book
    place = book.layout.places[name]
    formula = f"{book.link(name)}{place.address(0, 0)}"
    style = book.frame.style("known", book.formats[name].code)
    value = book.update.values[name].item()
    return xml.formula_cell(f"{column}{page.next}", style, formula, value)


def _linked_cells(book: Book, matrix: Matrix) -> list[list[str]]:
    """Return the address of every cell of a matrix on its own sheet."""
    link, place = book.link(matrix.name), book.layout.places[matrix.name]
    return [[link + cell for cell in row] for row in place.addresses()]


def _show_loss(page: Page) -> None:
    """Add a row with the loss, live."""
    book, update = page.book, page.book.update
    loss = mean_loss(update.program)
    ((text,),) = formulas(loss, lambda matrix: _linked_cells(book, matrix))
    number = value(loss, update.values).item()
    style = book.frame.style("known", "0.000000" if 1e-4 < number < 1e4 else "0.0000E+00")
    page.add(page.text("A", "caption", captions.shown(page.words, update)))
    called = captions.losses(page.words, update.program)
    cells = page.text("A", "caption", page.words("contents.loss"))
    cells += xml.formula_cell(f"B{page.next}", style, text, number)
    # The blank keeps the text off the line around the number.
    cells += page.text("C", "caption", f" {page.words('contents.walked', loss=called)}")
    page.add(cells)
    # In two rows, so that the picture of the network has room beside them.
    page.add(page.text("C", "caption", f" {page.words('contents.mean')}"))


def _list_steps(page: Page, further: Sequence[Extra]) -> None:
    words = page.words
    page.heading("contents.steps")
    page.add(
        page.text("A", "caption", words("contents.step"))
        + page.text("D", "caption", words("contents.computes"))
    )
    for step in page.book.update.program.steps:
        name = sheet_name(step)
        cells = page.link("A", name, name)
        cells += page.text("B", "table", captions.title(words, step))
        names = ", ".join(matrix.name for matrix in step.brings)
        if cell_len(names) <= page.room("D"):
            page.add(cells + page.text("D", "table", names))
        else:
            page.prose(names, "D", cells)
    page.add("", 6)
    if further and page.book.update.program.having("rest"):
        sheets = ", ".join(extra.name for extra in further)
        page.prose(words("contents.left_out", sheets=sheets))
        return
    for extra in further:
        about = page.words(extra.about or f"{extra.key}.about")
        page.add(page.link("A", extra.name, extra.name) + page.text("B", "table", about))


def _show_key(page: Page) -> None:
    page.heading("sheet.key")
    cells = "".join(
        page.text(column, f"key_{state}", page.words(f"sheet.{state}"))
        for column, state in zip(
            "BCDEF", ("input", "active", "read", "quiet", "ghost"), strict=True
        )
    )
    page.add(cells, ROW + 3)


def _explain(page: Page) -> None:
    page.heading("contents.how")
    named = page.words("contents.names", formula=_product(page.book.update.program))
    guide = (how_to_turn(page), *page.words.many("contents.guide"), named)
    for number, text in enumerate(guide, 1):
        page.prose(f"{number}. {text}")


def _product(program: Program) -> str:
    """Return the formula of the first product of two matrices in a program, by their names;
    of what an update moves by, where it multiplies none.
    """
    waiting: list[Expression] = [m.definition for m in program.matrices if m.definition]
    while waiting:
        expression = waiting.pop(0)
        if isinstance(expression, Applied):
            if expression.operation.name == "product" and all(
                isinstance(operand, Matrix) for operand in expression.operands
            ):
                return f"={text_of(expression, 'excel')}"
            waiting[:0] = expression.operands
    return f"=SUM({program.rate.name})"


def how_to_turn(page: Page) -> str:
    """Return the text that says how sheets follow each other, and what each shows."""
    form = page.book.layout.form
    return page.words("contents.turn_close_up" if form == "close-up" else "contents.turn")


def list_labels(page: Page) -> None:
    """List labels in full where the sheets had to cut one."""
    if not page.book.clipped:
        return
    page.heading("contents.labels")
    axes = {
        axis.name: axis
        for matrix in page.book.update.program.matrices
        for axis in (matrix.rows, matrix.columns)
        if axis is not ONE
    }
    for axis in axes.values():
        for number, label in enumerate(axis.labels, 1):
            if label == str(number):
                continue
            before = page.text("A", "caption", f"{captions.axis(page.words, axis)} {number}")
            page.prose(label[:MOST_TEXT], "B", before)


# What a cell can hold.
MOST_TEXT = 32_767
