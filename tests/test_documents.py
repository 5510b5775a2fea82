"""README and docs/: every command and every piece of Python in them runs, in its order, in an
empty folder where nothing of the project is but the wheel, and prints what is shown.

How a document says it:

- an indented line that begins with `cellprop` or `$ cellprop` is a command. It exits with 0 unless
  its comment says `exits with 1`; below one with `$` stands what it prints, up to a `…`;
- a command with `FILE`, `[…]` or the like is a synopsis: what it names has to exist;
- a block of Python runs, knowing what those before it in its document have made, unless it is
  called a `python fragment`, a line of ours that is talked about;
- a block whose first line names a file, as ```` ```csv class.csv ````, is what that file holds.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec

import pytest
from typer.main import get_command

from cellprop.cli.app import app
from conftest import IN_CI, requires
from test_package import ROOT, run, unpacked, wheel  # noqa: F401 - fixtures

DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(
    r"^```(?P<kind>.*)\n(?P<fenced>(?:.*\n)*?)```$|(?P<indented>(?:^    .*\n(?:\n(?=    ))?)+)",
    re.M,
)
FRAGMENT = "python fragment"
SYNOPSIS = re.compile(r"\[|…|\b(?:FILE|COMMAND|NAME)\b")


@dataclass
class Block:
    """A part of a document that can be tried.

    Attributes:
        kind: `command`, `synopsis`, `python`, or the name of a file.
        text: The command, the program or the content.
        prints: What a command prints, as far as it is shown.
        code: What a command exits with.
    """

    kind: str
    text: str
    prints: str = ""
    code: int = 0


def blocks(document: str) -> Iterator[Block]:
    """Yield what can be tried, in its order."""
    for found in BLOCK.finditer(document):
        if found["indented"]:
            yield from commands(re.sub(r"^    ", "", found["indented"], flags=re.M))
        elif found["kind"] == "python":
            yield Block("python", found["fenced"])
        elif " " in found["kind"] and found["kind"] != FRAGMENT:
            yield Block(found["kind"].split()[1], found["fenced"])


def commands(text: str) -> list[Block]:
    """Return the commands of an indented block."""
    made: list[Block] = []
    for line in re.sub(r"\\\n\s*", "", text).splitlines(keepends=True):
        command = re.match(r"(?:\$ |.*&& \.venv/bin/)?(cellprop\b[^#\n]*)(.*)", line)
        if command:
            kind = "synopsis" if SYNOPSIS.search(command[1]) else "command"
            made.append(Block(kind, command[1].strip(), code=int("exits with 1" in command[2])))
        elif made and made[-1].kind == "synopsis":
            made[-1].text += f" {line.strip()}"
        elif made:
            made[-1].prints += line
    return made


def test_a_documents_blocks_are_told_apart():
    document = (
        "Words `cellprop build`.\n\n    cellprop show 2 \\\n        --decimals 3   # a comment\n"
        "    $ cellprop compare x.npz  # exits with 1\n    0 right\n\n    …\n\nA word.\n\n"
        "    cellprop build [-o FILE]\n           [--add]\n\n```csv a.csv\nname\n```\n"
        "```python\nx = 1\n```\n```python fragment\ny = X\n```\n\n"
        "    make it && .venv/bin/cellprop build\n"
    )
    assert list(blocks(document)) == [
        Block("command", "cellprop show 2 --decimals 3"),
        Block("command", "cellprop compare x.npz", "0 right\n\n…\n", 1),
        Block("synopsis", "cellprop build [-o FILE] [--add]"),
        Block("a.csv", "name\n"),
        Block("python", "x = 1\n"),
        Block("command", "cellprop build"),
    ]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_what_a_document_names_of_the_command_line_exists(document):
    """In commands, synopses, and in the midst of a sentence."""
    text = document.read_text(encoding="utf-8")
    known = get_command(app).commands
    spans = re.findall(r"`cellprop ([^`]+)`", text)
    named = [
        block.text.removeprefix("cellprop ")
        for block in blocks(text)
        if block.kind in ("command", "synopsis")
    ]
    for command in (*spans, *named):
        name, *_ = command.split()
        if name in ("COMMAND", "--help", "--version"):
            continue
        assert name in known, command
        options = {
            option
            for parameter in known[name].params
            for option in (*parameter.opts, *parameter.secondary_opts)
        }
        missing = set(re.findall(r"(?<![\w-])--?[a-z][\w-]*", command)) - options - {"-h", "--help"}
        assert not missing, command


@pytest.mark.slow
@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_everything_in_a_document_runs_as_it_stands(document, run, tmp_path):  # noqa: F811
    program = ""
    for block in blocks(document.read_text(encoding="utf-8")):
        if block.kind == "synopsis":
            continue
        if block.kind == "python":
            needed(block.text)
            program += block.text
            done = run("-c", program)
            assert done.returncode == 0, block.text + done.stderr
        elif block.kind == "command":
            needed(block.text)
            command, _, into = block.text.partition(" > ")
            done = run("-m", *shlex.split(command))
            assert (done.returncode, done.stderr) == (block.code, ""), block.text + done.stderr
            if into:
                (tmp_path / into).write_text(done.stdout, encoding="utf-8")
            if block.prints:
                shown, more, _ = block.prints.rstrip().partition("…")
                printed = done.stdout.rstrip()
                assert printed.startswith(shown.rstrip()) if more else printed == shown, block.text
        else:
            (tmp_path / block.kind).write_text(block.text, encoding="utf-8")


def needed(text: str) -> None:
    """Skip a document that needs what a user may not have; in CI everything has to be there."""
    if "--engine libreoffice" in text:
        requires("soffice", "recalculates workbooks")
    for module, word in (("matplotlib", "cellprop plot"), ("sklearn", "sklearn")):
        if word in text and find_spec(module) is None:
            assert not IN_CI
            pytest.skip(f"{module} is not installed: {text} needs it")
