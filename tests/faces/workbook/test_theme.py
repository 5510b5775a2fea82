"""The look: every style is used as the theme has it, can be read, can be changed or is refused."""

from __future__ import annotations

import zipfile
import zlib
from io import BytesIO
from pathlib import Path

import pytest
from openpyxl import Workbook, load_workbook
from openpyxl.styles import Border, Font, PatternFill, Side

import make_themes
from cellprop.errors import InputError
from cellprop.faces.workbook import theme, write, xml
from cellprop.faces.workbook.frame import Frame
from cellprop.faces.workbook.theme import LARGE_STYLES, LATER_STYLES, STYLES
from cellprop.texts.templates import template
from reading import content, example, formulas, parts

DEFAULT = template("theme.xlsx")
SHIPPED = (None, *theme.NAMES)


def contrast(one: str, other: str) -> float:
    """The contrast of two colours, by WCAG 2."""

    def luminance(argb: str) -> float:
        channels = [part / 255 for part in bytes.fromhex(argb[2:])]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def background(style) -> str:
    return style.fill.fgColor.rgb if style.fill.fill_type == "solid" else "FFFFFFFF"


def changed(path, change) -> theme.Theme:
    """The default theme, changed as a teacher would change it, with its samples by name."""
    book = load_workbook(DEFAULT)
    sheet = book["Theme"]
    change(sheet, {row[0].value: row[2] for row in sheet.iter_rows()})
    book.save(path)
    return theme.load(path)


def built(look, folder):
    path = folder / "book.xlsx"
    write(example("article"), path, theme=look)
    return load_workbook(path)


# --- The default --------------------------------------------------------------------------


def test_the_default_theme_has_every_style():
    assert tuple(theme.load().styles) == (*STYLES, *LATER_STYLES)


def without(*names):
    """A change that removes styles from a theme."""

    def change(sheet, samples):
        for name in names:
            sheet.cell(samples[name].row, 1).value = None

    return change


@pytest.mark.parametrize("missing", [LATER_STYLES, LARGE_STYLES, ("quiet",)])
def test_an_older_theme_takes_the_styles_it_lacks_from_the_default(missing, tmp_path):
    found = changed(tmp_path / "older.xlsx", without(*missing))
    usual = theme.load()
    assert set(found.styles) == {*STYLES, *LATER_STYLES}
    for name in missing:
        one, other = found.styles[name], usual.styles[name]
        assert (one.font, one.fill, one.border) == (other.font, other.fill, other.border)
        assert one.protection.locked == other.protection.locked


def test_what_an_older_theme_lacks_is_as_large_as_what_it_has(tmp_path):
    def change(sheet, samples):
        without(*LATER_STYLES)(sheet, samples)
        samples["known"].font = Font(name="Arial", sz=10)
        samples["code"].font = Font(name="Courier New", sz=9)

    found = changed(tmp_path / "older.xlsx", change).styles
    fonts = {name: (found[name].font.name, found[name].font.sz) for name in LATER_STYLES}
    assert fonts["answer"] == fonts["quiet"] == ("Arial", 10)
    assert fonts["formula"] == ("Courier New", 11.5)
    assert fonts["numbers"] == ("Courier New", 10)
    assert fonts["shape"] == ("Arial", 8.5)
    assert found["quiet"].font.color == theme.load().styles["quiet"].font.color


SIZES = {
    18: ("title",),
    14: ("formula", "sign"),
    13: ("heading",),
    12: (
        "active", "read", "known", "ghost", "input", "focus", "answer", "right", "carried",
        "rounded", "slip", "wrong", "quiet", "code", "numbers", "name", "ghost_name", "quiet_name",
    ),
    11: ("says", "body", "table", "link", "note", "lane"),
    10.5: ("caption",),
    10: ("label", "shape", "fold"),
}  # fmt: skip


def test_the_default_theme_can_be_read_from_the_last_row():
    sizes = {name: style.font.sz for name, style in theme.load().styles.items()}
    assert sizes == {name: size for size, names in SIZES.items() for name in names}


def test_every_style_is_a_named_style_of_the_workbook():
    assert set(STYLES) <= set(formulas(example("article")).named_styles)


def test_every_style_occurs_on_some_sheet_as_the_theme_has_it():
    cells = {}
    for sheet in formulas(example("article")).worksheets:
        for row in sheet.iter_rows():
            for cell in row:
                cells.setdefault(cell.style, cell)
    styles = theme.load().styles
    for name in STYLES:  # the others occur in exercises
        cell, style = cells[name], styles[name]
        assert (cell.font, cell.fill, cell.border) == (style.font, style.fill, style.border), name


def test_text_can_be_read_while_a_rule_colours_it():
    for sheet in formulas(example("article")).worksheets:
        for formatted in sheet.conditional_formatting:
            for rule in formatted.rules:
                if rule.dxf.fill:
                    ground = rule.dxf.fill.bgColor.rgb
                    assert contrast(rule.dxf.font.color.rgb, ground) >= 4.5


def test_what_is_computed_read_and_known_differs_in_black_and_white():
    styles = theme.load().styles
    grounds = [background(styles[name]) for name in ("known", "active", "read")]
    assert contrast(grounds[1], grounds[2]) >= 1.3
    assert contrast(grounds[0], grounds[2]) >= 1.3
    assert len({styles[name].border.left.style for name in ("active", "read")}) == 2
    assert len({styles[name].font.b for name in ("active", "known")}) == 2


def test_the_key_looks_like_what_it_explains():
    sheet = formulas(example("article"))["Contents"]
    styles = theme.load().styles
    cells = [c for row in sheet for c in row if c.style.startswith("key_")]
    keyed = {c.style.removeprefix("key_"): c for c in cells}
    assert set(keyed) == {"input", "active", "read", "quiet", "ghost"}
    for name, cell in keyed.items():
        assert (cell.font, cell.fill) == (styles[name].font, styles[name].fill)


# --- Those that ship ----------------------------------------------------------------------


def test_the_committed_themes_are_what_their_script_writes():
    for name, look in make_themes.LOOKS.items():
        committed, written = template(name).read_bytes(), make_themes.content(look)
        if "zlib-ng" in zlib.ZLIB_RUNTIME_VERSION:  # it compresses differently
            assert parts(committed) == parts(written)
        else:
            assert committed == written


def test_each_theme_that_ships_has_every_style():
    for name in SHIPPED:
        look = theme.load(name)
        assert tuple(look.styles) == (*STYLES, *LATER_STYLES)
        assert (look.lane_width, look.label_width, look.number_width) == (13, 5, 8.25)


@pytest.mark.parametrize("shipped", SHIPPED)
@pytest.mark.parametrize("name", [*STYLES, *LATER_STYLES])
def test_text_can_be_read_on_its_ground(shipped, name):
    style = theme.load(shipped).styles[name]
    assert contrast(style.font.color.rgb, background(style)) >= 4.5


@pytest.mark.parametrize("shipped", SHIPPED)
def test_colour_is_never_the_only_sign(shipped):
    styles = theme.load(shipped).styles

    def signs(name):
        style, line = styles[name], styles[name].border.left
        return (bool(style.font.b), bool(style.font.i), line.style if line else None)

    states = ("active", "read", "known", "ghost", "answer")
    assert len({signs(name) for name in states}) == len(states)
    assert styles["active"].font.b


def test_every_theme_has_sizes_of_its_own():
    sizes = {
        name: {state: theme.load(name).styles[state].font.sz for state in ("known", "label")}
        for name in theme.NAMES
    }
    assert sizes == {
        "projector": {"known": 14, "label": 12},
        "print": {"known": 11, "label": 9},
        "plain": {"known": 12, "label": 10},
    }


def test_what_is_printed_needs_no_colours():
    styles = theme.load("print").styles
    for style in styles.values():
        sides = (style.border.left, style.border.right, style.border.top, style.border.bottom)
        colors = [background(style), style.font.color.rgb]
        colors += [side.color.rgb for side in sides if side and side.style]
        assert all(color[2:4] == color[4:6] == color[6:8] for color in colors)
    grounds = [background(styles[name]) for name in ("known", "read", "active")]
    assert contrast(grounds[0], grounds[1]) >= 1.3
    assert contrast(grounds[1], grounds[2]) >= 1.3


def test_the_plain_theme_has_light_grounds_and_thin_lines():
    for style in theme.load("plain").styles.values():
        assert contrast(background(style), "FFFFFFFF") < 1.2
        assert (style.border.left or Side()).style in (None, "thin", "hair", "dotted", "dashed")


@pytest.mark.parametrize("shipped", SHIPPED)
def test_no_text_is_higher_than_its_row(shipped, tmp_path):
    book = built(theme.load(shipped), tmp_path)
    for sheet in book.worksheets:
        for row in sheet.iter_rows():
            size = max((cell.font.sz for cell in row if cell.value is not None), default=0)
            # A line of Calibri is as high as 1.22 times its size.
            assert (sheet.row_dimensions[row[0].row].height or 0) >= 1.22 * size


@pytest.mark.parametrize("shipped", SHIPPED)
def test_a_number_of_four_decimals_fits_in_its_column(shipped):
    look = theme.load(shipped)
    # In digits of a number, with a pixel or two for the point, and the five that Excel keeps free.
    assert look.number_width * 8 >= 5 * 8 + 4 + 5


def test_larger_numbers_have_higher_rows_and_a_smaller_scale_in_print(tmp_path):
    usual, large = (Frame(theme.load(name), "a") for name in (None, "projector"))
    assert (usual.stretch, usual.smallest_scale) == (1, 80)
    assert (large.stretch, large.smallest_scale) == (pytest.approx(14 / 12), 69)
    assert large.line_of_label * large.stretch == pytest.approx(12 * 1.375)
    heights = [
        {row: found.height for row, found in built(theme.load(name), tmp_path)["Step 2"]
         .row_dimensions.items()}
        for name in (None, "projector")
    ]  # fmt: skip
    assert heights[0].keys() == heights[1].keys()
    for row, height in heights[0].items():
        assert heights[1][row] == pytest.approx(height * 14 / 12, abs=0.2)


@pytest.mark.parametrize("size", [None, 0, -3, 1e9])
def test_whatever_size_numbers_are_said_to_have_rows_have_a_height(size, tmp_path):
    look = theme.load()
    look.styles["known"].font = Font(name="Arial", sz=size)
    frame = Frame(look, "a")
    assert 1 <= frame.stretch <= 409 / 12
    assert 10 <= frame.smallest_scale <= 100


def test_rows_get_higher_and_texts_stay_as_they_are():
    text = '<row r="1" ht="9" customHeight="1">'
    rows = [xml.row(2, xml.text_cell("A2", 0, text), 10), xml.row(3, "", 400)]
    frame = Frame(theme.load(), "a")
    sheet, file = frame.sheet("one"), BytesIO()
    parts = xml.parts_of(frame.saved())
    xml.assemble(parts, {frame.sheet_path(sheet): rows}, file, 1.5)
    written = zipfile.ZipFile(file).read(frame.sheet_path(sheet)).decode()
    assert '<row r="2" ht="15" customHeight="1">' in written
    assert '<row r="3" ht="409" customHeight="1">' in written
    assert load_workbook(file)["one"]["A2"].value == text


# --- Names --------------------------------------------------------------------------------


@pytest.fixture
def beside(tmp_path, monkeypatch):
    """A folder of files that are called like a theme that ships; each has numbers of 20 points."""
    monkeypatch.chdir(tmp_path)

    def change(_, samples):
        samples["known"].font = Font(name="Arial", sz=20)

    changed(tmp_path / "print.xlsx", change)
    for name in ("print", "mine"):
        (tmp_path / name).write_bytes((tmp_path / "print.xlsx").read_bytes())
    return tmp_path


@pytest.mark.parametrize(
    ("look", "size"),
    [
        pytest.param("print", 11, id="a name"),
        pytest.param("print.xlsx", 20, id="a file, by its suffix"),
        pytest.param("./print", 20, id="a file, by its slash"),
        pytest.param(Path("print"), 20, id="a path"),
        pytest.param("mine", 20, id="a file of another name"),
    ],
)
def test_a_name_is_of_a_theme_that_ships_and_a_path_of_a_file(look, size, beside):
    assert theme.load(look).styles["known"].font.sz == size


@pytest.mark.parametrize("look", ["pritn", "theme", "", "PRINT", "\0"])
def test_an_unknown_name_is_refused_with_those_there_are(look, beside):
    with pytest.raises(InputError) as caught:
        theme.load(look)
    assert "is not known; known: projector, print, plain, or a file" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_nearly_right_name_is_guessed(beside):
    with pytest.raises(InputError, match=r"Did you mean 'projector'\?"):
        theme.load("projecter")


# --- A theme of one's own -----------------------------------------------------------------


def test_a_changed_sample_changes_the_workbook(tmp_path):
    def change(_, samples):
        samples["active"].fill = PatternFill("solid", fgColor="FF00FF88")
        samples["active"].font = Font(name="Arial", sz=13, italic=True, color="FF112233")
        samples["read"].border = Border(left=Side("double", color="FF445566"))
        samples["name"].font = Font(name="Courier New", bold=False)

    book = built(changed(tmp_path / "mine.xlsx", change), tmp_path)
    sheet = book["Step 2"]
    active, read, name = sheet["L13"], sheet["C7"], sheet["L11"]
    assert (active.style, read.style, name.style) == ("active", "read", "name")
    assert active.fill.fgColor.rgb == "FF00FF88"
    assert (active.font.name, active.font.sz, active.font.i) == ("Arial", 13, True)
    assert read.border.left.style == "double"
    assert read.border.right is None
    assert name.font.name == "Courier New"
    rules = [
        rule for formatted in book["Step 4"].conditional_formatting for rule in formatted.rules
    ]
    assert book["Step 4"]["L20"].fill.fgColor.rgb == "FF00FF88"
    assert "FFFFEB3B" not in {rule.dxf.fill.bgColor.rgb for rule in rules if rule.dxf.fill}


def test_a_line_around_texts_goes_around_all_the_cells_that_they_run_across(tmp_path):
    def change(_, samples):
        samples["says"].border = Border(bottom=Side("thick"))

    sheet = built(changed(tmp_path / "mine.xlsx", change), tmp_path)["Step 2"]
    (merged,) = (m for m in sheet.merged_cells.ranges if m.min_row == 1 and m.size["columns"] > 2)
    cells = [sheet.cell(1, column) for column in range(merged.min_col, merged.max_col + 1)]
    assert {cell.border.bottom.style for cell in cells} == {"thick"}
    usual = parts(content(example("article")))["xl/worksheets/sheet4.xml"]
    assert f'"{cells[0].coordinate}"'.encode() in usual
    assert f'"{cells[-1].coordinate}"'.encode() not in usual  # where nothing is seen of it


def test_a_changed_colour_of_what_is_read_changes_the_rules_of_the_focus(tmp_path):
    def change(_, samples):
        samples["read"].fill = PatternFill("solid", fgColor="FFAABBCC")

    book = built(changed(tmp_path / "mine.xlsx", change), tmp_path)
    rules = [
        rule for formatted in book["Step 4"].conditional_formatting for rule in formatted.rules
    ]
    assert "FFAABBCC" in {rule.dxf.fill.bgColor.rgb for rule in rules if rule.dxf.fill}


def test_changed_column_widths_change_the_workbook(tmp_path):
    def change(sheet, _):
        for column, width in (("A", 31), ("B", 17), ("C", 23)):
            sheet.column_dimensions[column].width = width

    look = changed(tmp_path / "mine.xlsx", change)
    assert (look.lane_width, look.label_width, look.number_width) == (31, 17, 23)
    columns = built(look, tmp_path)["Step 2"].column_dimensions
    assert [columns[letter].width for letter in "ABC"] == [31, 17, 23]


def test_neighbouring_columns_of_one_width_are_read(tmp_path):
    def change(sheet, _):
        for column in "ABC":
            sheet.column_dimensions[column].width = 12
        sheet.column_dimensions.group("A", "C", hidden=False)

    look = changed(tmp_path / "mine.xlsx", change)
    assert (look.lane_width, look.label_width, look.number_width) == (12, 12, 12)


def test_a_style_may_stand_in_any_row(tmp_path):
    book = load_workbook(DEFAULT)
    book["Theme"].insert_rows(1, 3)
    book.save(tmp_path / "mine.xlsx")
    assert tuple(theme.load(tmp_path / "mine.xlsx").styles) == (*STYLES, *LATER_STYLES)


# --- A broken theme -----------------------------------------------------------------------


def damaged(part: str) -> bytes:
    """The default theme with one part cut in the middle."""
    buffer = BytesIO()
    with zipfile.ZipFile(DEFAULT) as source, zipfile.ZipFile(buffer, "w") as target:
        for name in source.namelist():
            text = source.read(name)
            target.writestr(name, text[: len(text) // 2] if name == part else text)
    return buffer.getvalue()


def flipped() -> bytes:
    """The default theme with bytes changed inside a compressed part."""
    content = bytearray(DEFAULT.read_bytes())
    with zipfile.ZipFile(DEFAULT) as archive:
        start = archive.getinfo("xl/styles.xml").header_offset + 60
    content[start : start + 40] = b"\xff" * 40
    return bytes(content)


def zipped(**parts: str) -> bytes:
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"a,b\n1,2\n", id="a table"),
        pytest.param(DEFAULT.read_bytes()[:3000], id="cut short"),
        pytest.param(zipped(readme="hello"), id="another archive"),
        pytest.param(damaged("xl/worksheets/sheet1.xml"), id="sheet damaged"),
        pytest.param(damaged("xl/styles.xml"), id="styles damaged"),
        pytest.param(damaged("xl/workbook.xml"), id="workbook damaged"),
        pytest.param(damaged("[Content_Types].xml"), id="types damaged"),
        pytest.param(flipped(), id="bytes changed"),
    ],
)
def test_what_is_not_a_workbook_is_refused(content, tmp_path):
    path = tmp_path / "mine.xlsx"
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        theme.load(path)
    said = str(caught.value)
    assert said.startswith(f"{path}: not an Excel workbook")
    assert "\n" not in said
    assert "cellprop theme -o" in said


def test_a_missing_file_or_a_folder_is_refused(tmp_path):
    for path in (tmp_path / "none.xlsx", tmp_path):
        with pytest.raises(InputError) as caught:
            theme.load(path)
        assert str(caught.value).startswith(f"{path}: ")
        assert "\n" not in str(caught.value)


def test_a_workbook_without_the_sheet_is_refused(tmp_path):
    path = tmp_path / "mine.xlsx"
    path.write_bytes(content(example("article")))
    with pytest.raises(InputError, match="there is no sheet 'Theme'") as caught:
        theme.load(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("name", ["title", "ghost", "note"])
def test_a_missing_style_is_named(name, tmp_path):
    def change(sheet, samples):
        sheet.cell(samples[name].row, 1).value = None

    with pytest.raises(InputError, match=f"the style '{name}' is missing") as caught:
        changed(tmp_path / "mine.xlsx", change)
    assert str(tmp_path / "mine.xlsx") in str(caught.value)
    assert "\n" not in str(caught.value)


def test_all_missing_styles_are_counted(tmp_path):
    book = Workbook()
    book.active.title = "Theme"
    book.save(tmp_path / "mine.xlsx")
    with pytest.raises(InputError, match=rf"'title' is missing.*and {len(STYLES) - 1} more"):
        theme.load(tmp_path / "mine.xlsx")
