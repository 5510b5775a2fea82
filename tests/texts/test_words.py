"""Words can be changed and translated; what is wrong with a file of words is said in one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from cellprop.errors import InputError
from cellprop.texts.templates import template
from cellprop.texts.words import load

DEFAULT = template("words.toml").read_text(encoding="utf-8")
# A line of the file, by which the tests below change it.
READ = 'read = "read to compute it"'
TITLE = 'title = "Step {number} of {last} · {title}"'


def changed(folder: Path, old: str, new: str) -> Path:
    assert DEFAULT.count(old) == 1
    path = folder / "words.toml"
    path.write_text(DEFAULT.replace(old, new), encoding="utf-8")
    return path


def refusal(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        load(path)
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    assert message.startswith(f"{path}: ")
    return message.removeprefix(f"{path}: ")


def test_the_default_words_load():
    words = load()
    assert words("steps.7.title") == "Delta at the output layer"
    assert words("sheet.title", number=7, last=11, title="T") == "Step 7 of 11 · T"
    assert len(words.many("losses.cross_entropy.delta_notes")) == 1
    assert words.many("steps.8.notes") == ()


def test_every_step_has_a_title_and_a_sentence():
    words = load()
    for number in range(12):
        assert words.texts[f"steps.{number}.title"]
        assert words.texts[f"steps.{number}.says"].endswith((".", "?"))


def test_a_copy_of_the_default_is_the_default(tmp_path):
    assert load(changed(tmp_path, READ, READ)) == load()


def test_a_translated_file_speaks_its_language(tmp_path):
    words = load(changed(tmp_path, TITLE, 'title = "{last} ਵਿੱਚੋਂ ਕਦਮ {number} · {title}"'))
    assert words("sheet.title", number=2, last=11, title="X") == "11 ਵਿੱਚੋਂ ਕਦਮ 2 · X"


def test_a_placeholder_may_be_left_out(tmp_path):
    words = load(changed(tmp_path, TITLE, 'title = "{title}"'))
    assert words("sheet.title", number=2, last=11, title="X") == "X"


def test_notes_may_be_any_number_of_texts(tmp_path):
    old = 'notes = ["Softmax takes'
    words = load(changed(tmp_path, old, 'notes = ["Mine.", "Softmax takes'))
    assert words.many("activations.softmax.notes")[0] == "Mine."


def test_lines_of_a_text_are_joined_and_control_characters_made_visible(tmp_path):
    words = load(changed(tmp_path, READ, 'read = """one\n   two\\u001b"""'))
    assert words("sheet.read") == "one two␛"


def test_double_braces_are_braces(tmp_path):
    assert load(changed(tmp_path, READ, 'read = "{{x}}"'))("sheet.read") == "{x}"


def test_a_missing_key_is_named(tmp_path):
    message = refusal(changed(tmp_path, READ, ""))
    assert message.startswith("the text 'sheet.read' is missing; `cellprop words -o FILE` writes")


def test_of_several_missing_keys_the_first_is_named_and_the_others_counted(tmp_path):
    path = tmp_path / "words.toml"
    path.write_text("", encoding="utf-8")
    assert refusal(path).startswith("the text 'sheet.title' is missing (and ")


def test_an_unknown_key_is_named_with_the_nearest(tmp_path):
    message = refusal(changed(tmp_path, READ, 'raed = "x"'))
    assert message == "there is no text 'sheet.raed' to change. Did you mean 'sheet.read'?"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (READ, 'read = ["x"]', "'sheet.read' is to be one text."),
        (
            'notes = ["MIN(700, …) keeps EXP from overflowing when you try very large weights; it'
            ' changes nothing otherwise."]',
            'notes = "x"',
            "'activations.sigmoid.notes' is to be a list of texts in [ ].",
        ),
        (READ, "read = {x = 1}", "there is no text 'sheet.read.x' to change. Did you mean"),
        (TITLE, 'title = "{nubmer}"', "'sheet.title' asks for {nubmer}, which is not known;"),
        (READ, 'read = "{number}"', "'sheet.read' asks for {number}, which is not known; known:"),
        (TITLE, 'title = "{}"', "'sheet.title' asks for {}, which is not known; known: {last}, "),
        (TITLE, 'title = "{0}"', "'sheet.title' asks for {0}, which is not known; known: {last}, "),
        (TITLE, 'title = "{title.x}"', "'sheet.title' asks for {title.x}, which is not known;"),
        (TITLE, 'title = "{number:{last}}"', "'sheet.title' asks for {number"),
        (TITLE, 'title = "{number!r}"', "'sheet.title' asks for {number!r"),
        (READ, 'read = "{"', "'sheet.read' has a brace that can't be read ("),
        (READ, 'read = "}"', "'sheet.read' has a brace that can't be read ("),
        (READ, "read = x", "not valid TOML: "),
        (READ, f"{READ}\n{READ}", "not valid TOML: "),
    ],
)
def test_what_is_wrong_with_a_text_is_said_with_its_key(old, new, message, tmp_path):
    assert refusal(changed(tmp_path, old, new)).startswith(message)


def test_text_that_is_not_utf_8_is_named_with_the_place(tmp_path):
    path = tmp_path / "words.toml"
    path.write_bytes(b"# \xe9\n" + DEFAULT.encode())
    assert refusal(path).startswith("expected UTF-8 text, found byte 0xe9 at position 2;")


def test_a_missing_file_is_named(tmp_path):
    assert refusal(tmp_path / "none.toml") == "there is no such file; check its name."


def test_a_folder_is_not_a_file_of_words(tmp_path):
    assert refusal(tmp_path) == "is a folder; give the name of a file."
