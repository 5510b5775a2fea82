"""The first sheet: what this is, the network, the steps with links, the key, how to use it."""

from __future__ import annotations

from openpyxl.worksheet.worksheet import Worksheet
from rich.cells import cell_len

from cellprop.algebra import ONE
from cellprop.faces.workbook import extras, xml
from cellprop.faces.workbook.book import ROW, Book, sheet_name
from cellprop.faces.workbook.printing import page_of
from cellprop.faces.workbook.sheets import TITLE_ROW
from cellprop.files.data import looks_like_formula
from cellprop.running.training import mean_over_samples
from cellprop.texts import captions

NAME = "Contents"
WIDTHS = {"A": 16.0, "B": 16.0, "C": 22.0, "D": 22.0, "E": 22.0, "F": 22.0}
LAST = "F"


def contents_sheet(book: Book, sheet: Worksheet) -> list[str]:
    """Set the contents sheet up in the frame and return its rows."""
    page = Page(book)
    _say(page)
    _describe_network(page)
    _list_steps(page)
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
        self.merged: list[str] = []
        self.links: list[tuple[str, str, str]] = []

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

    def heading(self, key: str) -> None:
        """Add a heading with room above it."""
        self.add("", 10)
        self.add(self.text("A", "heading", self.words(key)), 19)

    def prose(self, text: str, first: str = "A", before: str = "") -> None:
        """Add a text that runs across the page, in a row as tall as it needs."""
        self.merged.append(f"{first}{self.next}:{LAST}{self.next}")
        lines = -(-cell_len(text) // self.room(first))
        cells = self.text(first, "body", text)
        cells += "".join(self.blank(column, "body") for column in WIDTHS if column > first)
        self.add(before + cells, lines * 14.5 + 2)

    def room(self, first: str) -> int:
        """Return how many characters fit from a column to the end of the page."""
        return int(sum(width for column, width in WIDTHS.items() if column >= first) * 1.15)

    def link(self, column: str, target: str, text: str) -> str:
        """Return a cell that links to a sheet."""
        self.links.append((f"{column}{self.next}", target, text))
        return self.text(column, "link", text)

    def finish(self, sheet: Worksheet) -> None:
        """Set the sheet up in the frame for the rows that were added."""
        frame = self.book.frame
        for column, width in WIDTHS.items():
            sheet.column_dimensions[column].width = width
        for merged in self.merged:
            sheet.merged_cells.add(merged)
        for cell, target, text in self.links:
            frame.add_link(sheet, cell, target, text)
        frame.set_up_print(
            sheet,
            f"A1:{LAST}{len(self.rows)}",
            page=page_of(self.words),
            title_rows="1:1",
            orientation="portrait",
        )


def _say(page: Page) -> None:
    page.add(page.text("A", "title", page.words("contents.title")), TITLE_ROW)
    page.prose(page.words("contents.says"))


def _describe_network(page: Page) -> None:
    describe_layers(page)
    _show_loss(page, page.book.trace.walkthrough.output.rows.size)


def describe_layers(page: Page) -> None:
    """Add what the network consists of."""
    book, words, trace = page.book, page.words, page.book.trace
    page.heading("contents.network")
    keys = ("layer", "neurons", "activation", "weights", "biases")
    page.add(
        "".join(
            page.text(column, "caption", words(f"contents.{key}"))
            for column, key in zip("ABCDE", keys, strict=True)
        )
    )
    network = trace.network
    layers: list[tuple[str, ...]] = [
        (words("contents.input_layer"), str(trace.matrix("X").columns.size))
    ]
    for layer in network.hidden:
        called = words("contents.hidden_layer", layer=f" {layer.number}" if layer.number else "")
        names = f"wh{layer.suffix}", f"bh{layer.suffix}"
        layers.append((called, *_layer(book, *names, layer.activation)))
    layers.append(
        (
            words("contents.output_layer"),
            *_layer(book, "wout", "bout", str(network.output_activation)),
        )
    )
    for called, *facts in layers:
        cells = page.text("A", "table", called)
        for column, fact in zip("BCDE", facts, strict=False):
            cells += page.text(column, "table", str(fact))
        page.add(cells)
    page.add("", 6)
    samples = trace.walkthrough.output.rows.size
    page.add(
        page.text("A", "caption", words("contents.samples"))
        + page.text("B", "table", str(samples))
        + page.text("C", "caption", words("contents.learning_rate"))
        + _linked(page, "D", "lr")
    )


def _layer(book: Book, weights: str, biases: str, activation: str) -> tuple[str, ...]:
    shapes = book.trace.network.shapes
    facts = (str(shapes[weights][1]), captions.activation(book.words, activation))
    sizes = [f"{n}: {shapes[n][0]} × {shapes[n][1]}" for n in (weights, biases) if n in shapes]
    return (*facts, *sizes)


def _linked(page: Page, column: str, name: str) -> str:
    """Return a cell that shows a single number of the walkthrough."""
    book = page.book
    place = book.layout.places[name]
    formula = f"{book.link(name)}{place.address(0, 0)}"
    style = book.frame.style("known", book.formats[name].code)
    value = book.trace.values[name].item()
    return xml.formula_cell(f"{column}{page.next}", style, formula, value)


def _show_loss(page: Page, samples: int) -> None:
    """Add a row with the loss, live."""
    book, trace = page.book, page.book.trace
    loss = trace.walkthrough.loss.name
    where = f"{book.link(loss)}{book.layout.places[loss].range}"
    value = mean_over_samples(trace.values[loss])
    style = book.frame.style("known", "0.000000" if 1e-4 < value < 1e4 else "0.0000E+00")
    walked = page.words(
        "contents.walked",
        shown=captions.shown(page.words, trace),
        loss=captions.loss(page.words, trace.network.loss),
    )
    cells = page.text("A", "caption", walked)
    cells += xml.formula_cell(f"F{page.next}", style, f"SUM({where})/{samples}", value)
    page.add(cells)


def _list_steps(page: Page) -> None:
    words = page.words
    page.heading("contents.steps")
    page.add(
        page.text("A", "caption", words("contents.step"))
        + page.text("D", "caption", words("contents.computes"))
    )
    for step in page.book.trace.walkthrough.steps:
        name = sheet_name(step)
        cells = page.link("A", name, name)
        cells += page.text("B", "table", captions.title(words, page.book.trace, step))
        names = ", ".join(matrix.name for matrix in step.matrices)
        if cell_len(names) <= page.room("D"):
            page.add(cells + page.text("D", "table", names))
        else:
            page.prose(names, "D", cells)
    _list_extras(page)


def _list_extras(page: Page) -> None:
    """List the sheets that follow the steps."""
    page.add("", 6)
    for name in extras.which(page.book.trace):
        about = page.words(f"{extras.key(name)}.about")
        page.add(page.link("A", name, name) + page.text("B", "table", about))


def _show_key(page: Page) -> None:
    page.heading("sheet.key")
    cells = "".join(
        page.text(column, f"key_{state}", page.words(f"sheet.{state}"))
        for column, state in zip(
            "BCDEF", ("input", "known", "active", "read", "ghost"), strict=True
        )
    )
    page.add(cells, ROW + 3)


def _explain(page: Page) -> None:
    page.heading("contents.how")
    for number, text in enumerate(page.words.many("contents.guide"), 1):
        page.prose(f"{number}. {text}")


def list_labels(page: Page) -> None:
    """List labels in full where the sheets had to cut one."""
    if not page.book.clipped:
        return
    page.heading("contents.labels")
    axes = {
        axis.name: axis
        for matrix in page.book.trace.walkthrough.matrices
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
