"""What cellprop's file holds, and other libraries' ways of writing the same.

Run as a program, it writes one file with one library and prints how much memory that took:

    python bench/writers.py WRITER SOURCE OUTPUT

SOURCE is the stored content, or for cellprop the number of samples.
"""

from __future__ import annotations

import pickle
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib import import_module
from itertools import groupby
from pathlib import Path
from typing import Any, BinaryIO, Literal, NamedTuple

import openpyxl
import xlsxwriter
from measuring import peak_memory
from models import model
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Border, Color, Font, PatternFill
from openpyxl.utils import get_column_letter


class Cell(NamedTuple):
    """A cell: row and column from 1, what it holds, a formula's value, the number of its style."""

    row: int
    column: int
    kind: Literal["blank", "number", "text", "formula"]
    content: Any
    value: Any
    style: int


class Row(NamedTuple):
    """A row of cells."""

    number: int
    height: float | None
    cells: list[Cell]


@dataclass
class Sheet:
    """A sheet; its rows may come one by one."""

    title: str
    widths: dict[int, float]
    rows: Iterable[Row]


@dataclass(frozen=True)
class Style:
    """How a cell looks."""

    number_format: str
    font: Font
    fill: PatternFill
    border: Border


@dataclass
class Content:
    """A workbook: each distinct style once, and the sheets."""

    styles: dict[int, Style]
    sheets: Iterable[Sheet]


# --- Reading what cellprop wrote ----------------------------------------------------------


def read(path: Path) -> Content:
    """Return what a workbook holds."""
    formulas = openpyxl.load_workbook(path)
    values = openpyxl.load_workbook(path, data_only=True)
    styles: dict[int, Style] = {}
    sheets = [_read_sheet(sheet, values[sheet.title], styles) for sheet in formulas.worksheets]
    return Content(styles, sheets)


def _read_sheet(sheet: Any, values: Any, styles: dict[int, Style]) -> Sheet:
    _restyle_merged(sheet)
    cells = []
    for (row, column), cell in sorted(sheet._cells.items()):
        if cell.style_id not in styles:
            styles[cell.style_id] = Style(
                cell.number_format, _plain(cell.font), _plain(cell.fill), _plain(cell.border)
            )
        value = values.cell(row, column).value
        cells.append(Cell(row, column, _kind(cell), cell.value, value, cell.style_id))
    widths = {
        column: dimension.width
        for dimension in sheet.column_dimensions.values()
        for column in range(dimension.min, dimension.max + 1)
    }
    rows = [
        Row(number, sheet.row_dimensions[number].height, list(group))
        for number, group in groupby(cells, key=lambda cell: cell.row)
    ]
    return Sheet(sheet.title, widths, rows)


def _restyle_merged(sheet: Any) -> None:
    """Give merged cells, whose styles openpyxl forgets, the style of the cell that shows."""
    for merged in sheet.merged_cells.ranges:
        shown = sheet.cell(merged.min_row, merged.min_col)
        for place in merged.cells:
            sheet._cells[place]._style = shown._style


def _plain(proxy: Any) -> Any:
    """Return a style object free of the workbook it came from."""
    return proxy.copy()


def _kind(cell: Any) -> Literal["blank", "number", "text", "formula"]:
    if cell.value is None:
        return "blank"
    kinds: dict[str, Literal["number", "text", "formula"]]
    kinds = {"n": "number", "s": "text", "f": "formula"}
    return kinds[cell.data_type]


def count(content: Content) -> int:
    """Return how many cells there are."""
    return sum(len(row.cells) for sheet in content.sheets for row in sheet.rows)


def store(content: Content, path: Path) -> None:
    """Write the content so that it can be read back row by row."""
    with path.open("wb") as file:
        pickle.dump(content.styles, file)
        for sheet in content.sheets:
            pickle.dump((sheet.title, sheet.widths), file)
            for row in sheet.rows:
                pickle.dump(row, file)
            pickle.dump(None, file)


def stored(file: BinaryIO) -> Content:
    """Return stored content; its rows are read when they are asked for, and not kept."""

    def rows() -> Iterator[Row]:
        while (row := pickle.load(file)) is not None:
            yield row

    def sheets() -> Iterator[Sheet]:
        while file.peek(1):
            title, widths = pickle.load(file)
            yield Sheet(title, widths, rows())

    return Content(pickle.load(file), sheets())


# --- openpyxl -----------------------------------------------------------------------------


def with_openpyxl(content: Content, output: Path) -> None:
    """Write cell by cell."""
    book = openpyxl.Workbook()
    styles = _openpyxl_styles(content, book.active)
    book.remove(book.active)
    for sheet in content.sheets:
        target = book.create_sheet(sheet.title)
        _set_widths(target, sheet)
        for row in sheet.rows:
            target.row_dimensions[row.number].height = row.height
            for number, column, kind, value, _, style in row.cells:
                cell = target.cell(number, column, value)
                if kind == "text":
                    cell.data_type = "s"
                cell._style = styles[style]
    book.save(output)


def with_openpyxl_write_only(content: Content, output: Path) -> None:
    """Write row by row; nothing is kept."""
    book = openpyxl.Workbook(write_only=True)
    styles: dict[int, Any] = {}
    for sheet in content.sheets:
        target = book.create_sheet(sheet.title)
        styles = styles or _openpyxl_styles(content, target)
        _set_widths(target, sheet)
        last = 0
        for row in sheet.rows:
            for _ in range(last + 1, row.number):
                target.append([])
            last = row.number
            target.row_dimensions[row.number].height = row.height
            cells = [None] * row.cells[-1].column
            for _, column, kind, value, _, style in row.cells:
                cell = WriteOnlyCell(target, value)
                if kind == "text":
                    cell.data_type = "s"
                cell._style = styles[style]
                cells[column - 1] = cell
            target.append(cells)
    book.save(output)


def _set_widths(target: Any, sheet: Sheet) -> None:
    for column, width in sheet.widths.items():
        target.column_dimensions[get_column_letter(column)].width = width


def _openpyxl_styles(content: Content, sheet: Any) -> dict[int, Any]:
    """Return openpyxl's record of each style, made once in the workbook of a sheet.

    Sharing the record among cells is no part of openpyxl's interface, but faster than what is.
    """
    records = {}
    for number, style in content.styles.items():
        sample = WriteOnlyCell(sheet)
        sample.number_format = style.number_format
        sample.font, sample.fill, sample.border = style.font, style.fill, style.border
        records[number] = sample._style
    return records


# --- XlsxWriter ---------------------------------------------------------------------------


def with_xlsxwriter(content: Content, output: Path, *, constant_memory: bool = False) -> None:
    """Write cell by cell, with the values of formulas."""
    book = xlsxwriter.Workbook(output, {"constant_memory": constant_memory})
    formats = {number: book.add_format(_format(style)) for number, style in content.styles.items()}
    for sheet in content.sheets:
        target = book.add_worksheet(sheet.title)
        for column, width in sheet.widths.items():
            target.set_column(column - 1, column - 1, width)
        write = {
            "blank": target.write_blank,
            "number": target.write_number,
            "text": target.write_string,
        }
        write_formula = target.write_formula
        for row in sheet.rows:
            target.set_row(row.number - 1, row.height)
            for number, column, kind, content_, value, style in row.cells:
                if kind == "formula":
                    write_formula(number - 1, column - 1, content_, formats[style], value)
                else:
                    write[kind](number - 1, column - 1, content_, formats[style])
    book.close()


def with_xlsxwriter_constant_memory(content: Content, output: Path) -> None:
    """Write cell by cell, keeping a row at a time."""
    with_xlsxwriter(content, output, constant_memory=True)


# XlsxWriter's numbers for the lines of a border.
LINES = {"thin": 1, "medium": 2, "dashed": 3, "dotted": 4, "thick": 5, "double": 6, "hair": 7}


def _format(style: Style) -> dict[str, Any]:
    """Return a style as XlsxWriter's properties."""
    font = style.font
    properties: dict[str, Any] = {
        "num_format": style.number_format,
        "font_name": font.name,
        "font_size": font.sz,
        "bold": bool(font.b),
        "italic": bool(font.i),
        "underline": 1 if font.u else 0,
    }
    if color := _color(font.color):
        properties["font_color"] = color
    if style.fill.fill_type == "solid":
        properties |= {"pattern": 1, "bg_color": _color(style.fill.fgColor)}
    for name in ("left", "right", "top", "bottom"):
        side = getattr(style.border, name)
        if side and side.style:
            properties[name] = LINES[side.style]
            if color := _color(side.color):
                properties[f"{name}_color"] = color
    return properties


def _color(color: Color | None) -> str | None:
    return f"#{color.rgb[2:]}" if color and color.type == "rgb" else None


# --- How much memory writing takes --------------------------------------------------------

PEERS: dict[str, Callable[[Content, Path], None]] = {
    "openpyxl": with_openpyxl,
    "openpyxl write-only": with_openpyxl_write_only,
    "XlsxWriter": with_xlsxwriter,
    "XlsxWriter constant memory": with_xlsxwriter_constant_memory,
}


def memory_of_peer(writer: str, content: Path, output: Path) -> int:
    """Return how far writing raises the peak; what the peer does not keep itself is not kept."""
    with content.open("rb") as file:
        before = peak_memory()
        PEERS[writer](stored(file), output)
        return peak_memory() - before


def memory_of_cellprop(samples: int, output: Path) -> int:
    """Return how far writing raises the peak: layout and formulas included, training not."""
    import_module("cellprop.faces.workbook")
    trace = model(samples)
    before = peak_memory()
    trace.to_excel(output)
    return peak_memory() - before


if __name__ == "__main__":
    _, name, source, target = sys.argv
    if name == "cellprop":
        print(memory_of_cellprop(int(source), Path(target)))
    else:
        print(memory_of_peer(name, Path(source), Path(target)))
