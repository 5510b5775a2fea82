"""Fingerprints of what a user sees: workbooks, reports, texts and messages, of all kinds.

`python tests/fingerprints.py` says which differ from `fixtures/fingerprints.json`; with `--renew`
it writes them there, and with `--write FOLDER` the outputs themselves, to lay those of two versions
side by side. `NAME …` or a beginning of names chooses some.

It knows the command line, the public names of `import cellprop` and what a workbook is: a zip of
XML. It must know no module within the package, so that it can judge a rebuild of all of them.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import io
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import warnings
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from importlib import import_module, metadata
from pathlib import Path
from unittest import mock

import numpy as np
import openpyxl

FOLDER = Path(__file__).parent
STORED = FOLDER / "fixtures" / "fingerprints.json"
# The one door: what `pyproject.toml` names as the script.
ENTRY = ("cellprop.__main__", "main")

# What of other people's is seen, by the kind of output: another version of it may look different.
LIBRARIES = {
    "help": ("typer", "rich"), "wrong": ("typer",), "show": ("rich",), "plot": ("matplotlib",),
}  # fmt: skip
# What a terminal, or whoever runs the tests, may have set.
UNSET = (
    "FORCE_COLOR", "NO_COLOR", "PY_COLORS", "CLICOLOR", "CLICOLOR_FORCE", "TTY_COMPATIBLE",
    "TTY_INTERACTIVE", "LINES", "LC_ALL", "LC_CTYPE", "LANGUAGE", "TERMINAL_WIDTH",
    "JUPYTER_COLUMNS",
)  # fmt: skip
SET = {"COLUMNS": "110", "TERM": "xterm-256color", "COLORTERM": "", "LANG": "C.UTF-8"}
COLOURS = re.compile(r"\x1b\[[0-9;]*m")
NOW = re.compile(rb"(?<=W3CDTF\">)20\d\d-[^<]*")
MOST_LINES = 600

Parts = dict[str, bytes]
# A command, or something to do in the folder that returns what it has to say.
Act = str | Callable[[], object]
Case = tuple[Act, ...]


# --- Samples and matrices -----------------------------------------------------------------

SAMPLES = {
    "flowers.csv": "length,width,kind\n1.5,0.25,rose\n2.25,1,rose\n0.5,2.5,tulip\n3,0.75,tulip\n"
    "2.5,2,lily\n1,1.25,lily\n",
    "pupils.csv": "name,hours,sleep,passed\nAda,1.5,7,no\nBoole,4,8,yes\nÉva,2.5,6.5,no\n"
    "Zuse,5,7.5,yes\n",
    "odd.csv": '=1+1;Größe (cm);<a & b>;it\'s "q";Σ∆; y \n0,5;170;1;2;3;1\n1,5;182,5;0;4;2;0\n'
    "0,25;165;1;1;5;1\n",
    "house.csv": "rooms,area,price\n2,55,1.2\n3,80,1.9\n4,95,2.4\n5,120,3.1\n1,30,0.7\n",
    "many.csv": "a,b,c,y\n"
    + "".join(f"{i % 7},{i * i % 11},{i % 3 - 1},{i % 2}\n" for i in range(47)),
    "gap.csv": "a,b,y\n1,2,0\n3,,1\n5,6,1\n",
    "texts.csv": "a,b,y\n1,2,0\n3,four,1\n5,6,1\n",
    "constant.csv": "a,b,y\n1,2,0\n1,4,1\n1,6,1\n",
    "roster.csv": "name,id\nAda Lovelace,a1\nGeorge Boole,b2\nÉva Tardos,c3\nKonrad Zuse,d4\n",
    "weights.json": '{"wh": [[0.5, -0.25], [1, 0.125]], "bout": [[0.75]]}',
    "wrong.json": '{"wh": [[0.5, -0.25]]}',
    "secret.txt": "nobody knows\n",
}


def write_samples() -> None:
    for name, text in SAMPLES.items():
        Path(name).write_text(text, encoding="utf-8", newline="\n")


def given(path: str | Path) -> dict[str, np.ndarray]:
    """Return the matrices of a workbook's steps 0 and 1, by name."""
    book = openpyxl.load_workbook(path, data_only=True)
    found = {}
    for name, defined in book.defined_names.items():
        ((sheet, cells),) = defined.destinations
        if sheet in ("Step 0", "Step 1"):
            rows = book[sheet][cells.replace("$", "")]
            rows = rows if isinstance(rows, tuple) else ((rows,),)
            found[name] = np.array([[cell.value for cell in row] for row in rows], float)
    return found


# --- Students -----------------------------------------------------------------------------

Slip = Callable[[np.ndarray], np.ndarray]


def sigmoid(z: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-z))


# The article's steps, each from what stands before it.
LINES: dict[str, Callable[[Mapping[str, np.ndarray]], np.ndarray]] = {
    "hidden_layer_input": lambda m: m["X"] @ m["wh"] + m["bh"],
    "hiddenlayer_activations": lambda m: sigmoid(m["hidden_layer_input"]),
    "output_layer_input": lambda m: m["hiddenlayer_activations"] @ m["wout"] + m["bout"],
    "output": lambda m: sigmoid(m["output_layer_input"]),
    "E": lambda m: m["y"] - m["output"],
    "squared_error": lambda m: m["E"] ** 2 / 2,
    "slope_output_layer": lambda m: m["output"] * (1 - m["output"]),
    "slope_hidden_layer": lambda m: (
        m["hiddenlayer_activations"] * (1 - m["hiddenlayer_activations"])
    ),
    "d_output": lambda m: m["E"] * m["slope_output_layer"],
    "Error_at_hidden_layer": lambda m: m["d_output"] @ m["wout"].T,
    "d_hiddenlayer": lambda m: m["Error_at_hidden_layer"] * m["slope_hidden_layer"],
    "wout_new": lambda m: m["wout"] + m["lr"] * (m["hiddenlayer_activations"].T @ m["d_output"]),
    "wh_new": lambda m: m["wh"] + m["lr"] * (m["X"].T @ m["d_hiddenlayer"]),
    "bout_new": lambda m: m["bout"] + m["lr"] * m["d_output"].sum(0, keepdims=True),
    "bh_new": lambda m: m["bh"] + m["lr"] * m["d_hiddenlayer"].sum(0, keepdims=True),
}


def calculated(
    start: Mapping[str, np.ndarray], slips: Mapping[str, Slip], decimals: int
) -> dict[str, np.ndarray]:
    """Return what a student types who slips in some matrices and goes on from there."""
    own, typed = dict(start), {}
    for name, line in LINES.items():
        own[name] = typed[name] = np.round(slips.get(name, np.asarray)(line(own)), decimals)
    return typed


def one_off(values: np.ndarray) -> np.ndarray:
    changed = values.copy()
    changed[0, 0] += 0.125
    return changed


def last_blank(values: np.ndarray) -> np.ndarray:
    changed = values.copy()
    changed[-1, -1] = np.nan
    return changed


STUDENTS: dict[str, dict[str, Slip]] = {
    "right": {},
    "reversed": {"E": np.negative},
    "one number": {"hidden_layer_input": one_off, "wout_new": last_blank},
    "rounded": {"hiddenlayer_activations": lambda v: np.round(v, 2), "output": lambda v: v * 10},
    "forgetful": {"squared_error": lambda v: 2 * v, "slope_hidden_layer": np.ones_like},
    "upwards": {"wh_new": lambda v: 2 * v.mean() - v, "bh_new": lambda v: v * np.nan},
}


def type_in(path: str | Path, typed: Mapping[str, np.ndarray], words: Sequence[str] = ()) -> None:
    """Write numbers, and a few words after them, into the empty cells of an exercise: in its XML,
    so that no library's version shows in a copy of it."""
    with zipfile.ZipFile(path) as book:
        contents = {name: book.read(name) for name in book.namelist()}
    main = contents["xl/workbook.xml"].decode()
    sheets = re.findall(r'<sheet [^>]*?name="([^"]*)"', main)
    places = dict(
        re.findall(r"<definedName name=\"([^\"]*)\"[^>]*>('[^']*'![$A-Z0-9:]+)</definedName>", main)
    )
    last = ""
    for name, values in typed.items():
        sheet, _, cells = places[name].rpartition("!")
        last = f"xl/worksheets/sheet{sheets.index(sheet.strip(chr(39))) + 1}.xml"
        left, top, *_ = openpyxl.utils.cell.range_boundaries(cells)
        for (row, column), number in np.ndenumerate(values):
            where = f"{openpyxl.utils.get_column_letter(left + column)}{top + row}"
            contents[last] = put(contents[last], where, f"<v>{float(number)!r}</v>", number)
    for word in words:
        contents[last] = re.sub(
            rb'<c r="([A-Z]+\d+)" s="(\d+)"><v>[^<]*</v></c>',
            rb'<c r="\1" s="\2" t="inlineStr"><is><t>' + word.encode() + rb"</t></is></c>",
            contents[last],
            count=1,
        )
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as book:
        for name, content in contents.items():
            book.writestr(zipfile.ZipInfo(name), content)


def put(sheet: bytes, where: str, what: str, number: float) -> bytes:
    if np.isnan(number):
        return sheet
    empty = rf'<c r="{where}" s="(\d+)"/>'.encode()
    return re.sub(empty, rf'<c r="{where}" s="\1">{what}</c>'.encode(), sheet, count=1)


def hand_in(
    path: str, student: str, decimals: int = 4, words: Sequence[str] = (), upto: int = 99
) -> None:
    typed = calculated(given(path), STUDENTS[student], decimals)
    type_in(path, dict(list(typed.items())[:upto]), words)


def hand_in_class() -> None:
    """Every student of the class hands in; one hands in a file that is no workbook as well."""
    slips = ["right", "reversed", "rounded", "upwards"]
    for path, student in zip(sorted(Path("class").glob("*.xlsx")), slips, strict=True):
        hand_in(str(path), student)
    Path("class", "notes.xlsx").write_text("no workbook", encoding="utf-8")


def hand_in_example(path: str, slips: Mapping[str, Slip], decimals: int, **made: object) -> None:
    """Fill in an exercise about an example by the numbers of its trace."""
    import cellprop

    trace = cellprop.example(**made)
    typed = {name: trace[name].to_numpy() for name in trace.names if name not in given(path)}
    type_in(
        path,
        {n: np.round(slips.get(n, np.asarray)(values), decimals) for n, values in typed.items()},
    )


def hand_in_by_openpyxl(path: str) -> None:
    typed = calculated(given(path), STUDENTS["one number"], 4)
    book = openpyxl.load_workbook(path)
    for name, values in typed.items():
        ((sheet, cells),) = book.defined_names[name].destinations
        left, top, *_ = openpyxl.utils.cell.range_boundaries(cells)
        for (row, column), number in np.ndenumerate(values):
            if not np.isnan(number):
                book[sheet].cell(top + row, left + column, float(number))
    book.save(path)


def save_matrices(name: str, slips: Mapping[str, Slip], **names: str) -> None:
    """Save what a program of one's own computes from the article's numbers."""
    import cellprop

    trace = cellprop.article()
    start = {each: trace[each].to_numpy() for each in ("X", "y", "lr", "wh", "bh", "wout", "bout")}
    found = calculated(start, slips, 15)
    chosen = {theirs: found[ours] for theirs, ours in names.items()} if names else found
    if name.endswith(".json"):
        Path(name).write_text(json.dumps({n: v.tolist() for n, v in chosen.items()}))
    elif name.endswith(".npz"):
        np.savez(name, **chosen)
    else:
        Path(name).mkdir()
        for each, values in chosen.items():
            np.savetxt(Path(name, f"{each}.csv"), values, delimiter=",")


def save_workbook(path: str, **sheets: Sequence[Sequence[object]]) -> None:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    book.save(path)


def translate(old: str, new: str) -> None:
    """Change the texts that `cellprop words` copied out."""
    path = Path("words.toml")
    text = path.read_text(encoding="utf-8")
    assert old in text, old
    path.write_text(text.replace(old, new), encoding="utf-8", newline="\n")


# --- Python -------------------------------------------------------------------------------


def traced(*sizes: int, network: Mapping[str, object] | None = None, **options: object) -> object:
    import cellprop

    random = np.random.default_rng(4)
    X = np.round(random.normal(size=(5, sizes[0])), 3)
    y = np.round(random.random((5, sizes[-1])), 3)
    return cellprop.trace(cellprop.Network(sizes, **(network or {})), X, y, seed=1, **options)


def in_full(trace: object) -> str:
    """Return all that a trace says of itself, each number to its last digit."""
    matrices = [f"{n}\n{trace[n].to_csv()}" for n in trace.names]
    steps = map(repr, trace.steps)
    return "\n".join([repr(trace), *steps, *matrices, trace.history.to_csv()])


def every_activation() -> str:
    activations = ("sigmoid", "tanh", "relu", "leaky_relu", "linear")
    return "\n".join(
        in_full(traced(3, 2, 2, network={"activation": each, "bias": each != "tanh"}, epochs=2))
        for each in activations
    )


def every_update() -> str:
    return "\n".join(
        in_full(
            traced(2, 3, 1, optimizer=rule, average=average, scale=scale, epochs=3, walk_epoch=2)
        )
        for rule in ("sgd", "momentum", "adam")
        for average, scale in ((True, None), (False, "minmax"), (True, "standard"))
    )


def predicted() -> str:
    import cellprop

    iris = cellprop.example("iris", epochs=20)
    of_named = cellprop.trace(
        cellprop.Network([2, 2, 1], input_names=["a", "b"]),
        [[0, 1], [1, 0]], ["no", "yes"], seed=3, record=True, epochs=2,
    )  # fmt: skip
    return "\n".join([
        iris.predict(iris["X"].iloc[:7]).to_csv(),
        of_named.predict([[0.5, 2]]).to_csv(),
        of_named.history.to_csv(),
        in_full(of_named),
    ])  # fmt: skip


def compared() -> str:
    import cellprop

    trace = cellprop.article()
    right = {"W1_new": trace["wh_new"], "dZ2": -trace["d_output"]}
    by_hand = {"E": [[-0.211], [0.202], [-0.789]]}
    found = [
        cellprop.compare(trace, right),
        cellprop.compare(trace, by_hand, decimals=3),
        cellprop.compare(trace, {"a1": trace["hiddenlayer_activations"].T, "loss": 0.1}),
    ]
    return "\n".join(f"{each!r}\n{each}\n{each.cells.to_csv()}" for each in found)


def marked() -> str:
    import cellprop

    marks = cellprop.check("e.xlsx", points={"2": 4}, form_slips="each")
    return f"{marks!r}\n{marks}\n{marks.cells.to_csv()}\n{marks.steps.to_csv()}"


def verified() -> str:
    import cellprop

    path = cellprop.article().to_excel("a.xlsx")
    return f"{path}\n{cellprop.verify(path)!r}"


def read_from_files() -> str:
    import cellprop

    read = cellprop.read
    found = [
        read("flowers.csv", target="kind"), read("pupils.csv", target="passed"),
        read("odd.csv", target="y"), read("house.csv", target="price", inputs=["area"]),
    ]  # fmt: skip
    return "\n".join(
        f"{each.inputs.values}\n{each.targets.values}\n{each.classes}\n{each.target}\n{each.notes}"
        for each in found
    )


def refused(*wrong: Callable[[], object]) -> str:
    """Return what each says of what it can't use."""
    said = []
    for act in wrong:
        try:
            said.append(f"no error: {act()!r}")
        except Exception as error:  # whatever it says is what is kept
            kinds = " ".join(each.__name__ for each in type(error).__mro__)
            said.append(f"{kinds}: {error}")
    return "\n".join(said)


def wrong_in_python() -> str:
    import cellprop

    trace, network = cellprop.article(), cellprop.Network
    return refused(
        lambda: trace["wo"],
        lambda: trace["d_outptu"],
        lambda: trace.step(12),
        lambda: trace.step("2.1"),
        lambda: cellprop.example("iri"),
        lambda: cellprop.nothing,
        lambda: trace.predict([[1, 2]]),
        lambda: network([3]),
        lambda: network([3, 0, 1]),
        lambda: network([3, 2, 1], activation="sigmod"),
        lambda: network([3, 2, 1], activation=["tanh", "relu"]),
        lambda: network([3, 2, 1], loss="cross_entropy"),
        lambda: network([3, 2, 2], output_activation="softmax"),
        lambda: network([3, 2, 2], loss="hinge"),
        lambda: cellprop.trace(network([2, 1]), [[1, 2, 3]], [1]),
        lambda: cellprop.trace(network([2, 1]), [[1, 2]], [1, 0]),
        lambda: cellprop.trace(network([2, 1]), [[1, float("nan")]], [1]),
        lambda: cellprop.trace(network([2, 1]), [[1, 2]], [1], epochs=-1),
        lambda: cellprop.trace(network([2, 1]), [[1, 2]], [1], walk_epoch=2),
        lambda: cellprop.trace(network([2, 1]), [[1, 2]], [1], optimizer="adamm"),
        lambda: cellprop.trace(network([2, 1]), [[1, 2]], [1], settings={"momentum": 0.5}),
        lambda: cellprop.trace(network([2, 1]), [[1, 2]], [1], parameters={"w": [[1]]}),
        lambda: cellprop.trace(network([2, 1]), [[1, 2]], [1], parameters={"wout": [[1]]}),
        lambda: cellprop.trace(network([2, 1]), [[1, 2], [1, 3]], [1, 0], scale="minmax"),
        lambda: cellprop.trace(network([2, 1]), [[1, 2]], [1], scale="z"),
        lambda: cellprop.compare(trace, {}),
        lambda: cellprop.compare(trace, {"zzz": [[1]]}),
        lambda: cellprop.compare(trace, {"wh": [[1]]}),
        lambda: cellprop.check("none.xlsx"),
        lambda: cellprop.verify("roster.csv"),
        lambda: cellprop.read("gap.csv", target="y"),
    )


# --- The cases ----------------------------------------------------------------------------

EXERCISE = "exercise --decimals 4 -o e.xlsx"
CLASS = "exercise --roster roster.csv --seed 5 --decimals 4 -o class"
SOFTMAX = "exercise --example iris --batch-size 3 --decimals 3 --steps 2-11 -o e.xlsx"
AVERAGED = "exercise --example xor --optimizer momentum --average --decimals 4 -o e.xlsx"
AVERAGED_MADE = {"name": "xor", "optimizer": "momentum", "average": True}
SOFTMAX_MADE = {"name": "iris", "batch_size": 3}

BUILDS = {
    "article": "build",
    "notebook": "build --example notebook",
    "moons": "build --example moons --epochs 30 --walk-epoch 30",
    "blobs": "build --example blobs --epochs 20",
    "xor": "build --example xor",
    "iris": "build --example iris",
    "no hidden layer": "build --hidden 0 --seed 1",
    "two hidden layers": "build --hidden 3,2 --activation relu,tanh --seed 2",
    "three hidden layers": "build --hidden 3,2,2 --activation leaky_relu,linear,sigmoid"
    " --output-activation tanh --seed 3 --epochs 4 --walk-epoch 3",
    "two hidden layers, adam": "build --example xor --hidden 2,2 --optimizer adam --average"
    " --setting beta_1=0.5 --seed 4 --epochs 5 --walk-epoch 5",
    "momentum": "build --optimizer momentum --setting momentum=0.8 --epochs 3 --walk-epoch 2",
    "adam": "build --optimizer adam --no-bias --seed 1 --epochs 3 --walk-epoch 3",
    "average": "build --average --learning-rate 0.5",
    "batches": "build --example blobs --batch-size 7 --walk-batch 13 --epochs 2 --walk-epoch 2",
    "shuffled batches": "build --data many.csv --target y --batch-size 4 --walk-batch 2 --shuffle"
    " --seed 6 --scale standard",
    "one at a time": "build --example xor --batch-size 1 --walk-batch 3",
    "many samples": "build --data many.csv --target y --seed 1 --epochs 12 --scale minmax",
    "binary": "build --data pupils.csv --target passed --loss binary_cross_entropy --seed 2"
    " --scale standard --epochs 10",
    "two classes": "build --data pupils.csv --target passed --one-hot --loss cross_entropy --seed 2"
    " --hidden 2",
    "softmax": "build --data flowers.csv --target kind --loss cross_entropy --hidden 2 --seed 3"
    " --activation tanh --epochs 6 --walk-epoch 4 --scale minmax",
    "linear output": "build --data house.csv --target price --output-activation linear --hidden 2"
    " --activation relu --scale standard --seed 1 --learning-rate 0.05 --average --epochs 9",
    "no layer, linear": "build --data house.csv --target price --hidden 0 --seed 1"
    " --output-activation linear --scale minmax",
    "two targets": "build --data house.csv --target area,price --seed 1 --hidden 2",
    "odd names": "build --data odd.csv --target y --decimal comma --seed 1 --hidden 2",
    "some inputs": "build --data many.csv --target y --inputs c,a --hidden 1 --seed 1",
    "parameters": "build --example xor --parameters weights.json --seed 1",
    "no epoch": "build --epochs 0 -o none.xlsx",
}

SHOWS = {
    "all": "show",
    "some steps": "show 2 7 --decimals 6",
    "coloured": "FORCE_COLOR=1 show 5 7 wh_new",
    "matrices": "show d_output wh_new --decimals 8",
    "csv": "show --format csv",
    "json": "show --format json",
    "matrices as csv": "show X wh --format csv --example iris",
    "deep": "show --hidden 3,2 --activation relu,tanh --seed 2 --optimizer adam",
    "softmax": "show --data flowers.csv --target kind --loss cross_entropy --seed 3 --decimals 4",
    "parameters": "show parameters --epochs 30 --format json --optimizer momentum",
    "binary": "show 3 4 5 --data pupils.csv --target passed --loss binary_cross_entropy --seed 1",
    "many samples": "show 4 5 --data many.csv --target y --seed 1",
}

PLOTS = {
    "loss": "plot loss --epochs 30 -o loss.svg",
    "all": "plot --example moons --epochs 20 -o moons.svg",
}

WRONG_COMMANDS = (
    "bild", "build --hiden 3", "build --hidden x", "build --hidden -1", "build --activation sigmod",
    "build --activation relu,tanh", "build --epochs -1", "build --epochs 2 --walk-epoch 3",
    "build --batch-size 9 --walk-batch 2", "build --learning-rate nan", "build --optimizer adamm",
    "build --setting momentum=1", "build --setting momentum", "build --loss hinge",
    "build --loss cross_entropy", "build --output-activation softmax", "build --example nothing",
    "build --data none.csv --target y", "build --data gap.csv --target y",
    "build --data texts.csv --target y", "build --data many.csv --target z",
    "build --data many.csv --target y --inputs a,q", "build --data many.csv --target y --drop q",
    "build --data constant.csv --target y --scale minmax", "build --data many.csv",
    "build --target y", "build --data many.csv --target y --sheet 2",
    "build --parameters wrong.json", "build --parameters none.json", "build --seed -1",
    "build --theme roster.csv", "build --words roster.csv", "build -o nowhere/a.xlsx",
    "show 12", "show 2.1", "show wo", "show --decimals 18", "show --format xml",
    "examples nothing", "verify none.xlsx",
    "verify roster.csv", "verify", "exercise --steps 1x", "exercise --steps 9-2",
    "exercise --steps x", "exercise --decimals 13", "exercise --marks 2", "exercise --marks 14=1",
    "exercise --roster none.csv -o c", "exercise --roster gap.csv -o c", "exercise --add",
    "check none.xlsx", "check roster.csv", "check roster.csv --report a.pdf", "check",
    "compare none.npz", "compare gap.csv", "compare wrong.json", "compare weights.json --names x",
)  # fmt: skip

CASES: dict[str, Case] = {
    **{f"build {name}": (command,) for name, command in BUILDS.items()},
    "build from a sheet": (
        partial(
            save_workbook, "d.xlsx", about=[["Measured"]],
            data=[["Table 1"], [], ["", "a", "b", "y"], ["", 1, 2.5, 0], ["", 3, 0.5, 1]],
        ),
        "build --data d.xlsx --target y --sheet data --seed 1 --hidden 2",
        "show X y --data d.xlsx --target y --sheet 2 --range B3:D5 --seed 1",
        "show X --data d.xlsx --target y --sheet none",
    ),
    "build over what is there": ("build", "build", "build --epochs 2"),
    "build on from a workbook": (
        "build --optimizer momentum --epochs 2 -o first.xlsx",
        "build --optimizer momentum --epochs 2 --parameters first.xlsx -o second.xlsx",
    ),
    "build in other words and colours": (
        "words -o words.toml",
        partial(translate, "Initialise weights", "Choose weights"),
        "theme -o theme.xlsx",
        "build --words words.toml --theme theme.xlsx -o a.xlsx",
        "show 1 2 --words words.toml",
    ),
    **{f"show {name}": (command,) for name, command in SHOWS.items()},
    **{f"plot {name}": (command,) for name, command in PLOTS.items()},
    "plot wrong": ("plot surface", "plot boundary", "plot -o a.gif", "plot --words roster.csv"),
    "verify right": ("build -o a.xlsx", "verify a.xlsx"),
    "verify deep": ("build --hidden 2,2 --seed 1 --epochs 3 -o a.xlsx", "verify a.xlsx"),
    "verify classes": (f"{BUILDS['softmax']} -o a.xlsx", "verify a.xlsx"),
    "verify wrong": (
        "build -o a.xlsx",
        lambda: change_stored("a.xlsx", "xl/worksheets/sheet5.xml"),
        "verify a.xlsx",
    ),
    "exercise blank": ("exercise",),
    "exercise with hints": ("exercise --hints --example xor --seed 3 --steps 2-5,7",),
    "exercise with marks": (
        "exercise --marks 2=4 --marks 10=6 --form-slips once --decimals 2 --secret secret.txt"
        " -o e.xlsx",
        "exercise -o e.xlsx",
        "exercise -o e.xlsx --force",
    ),
    "exercise deep": (
        "exercise --hidden 2,2 --activation tanh,relu --seed 2 --optimizer adam --average",
    ),
    "exercise softmax": (SOFTMAX,),
    "exercise scaled": (
        "exercise --data pupils.csv --target passed --loss binary_cross_entropy --scale standard"
        " --seed 1 --optimizer momentum --hints --decimals 3",
    ),
    "exercise of a program": ("exercise --example attention --decimals 4 --hints",),
    "exercise class": (CLASS,),
    "exercise class with some later": (
        CLASS,
        lambda: Path("roster.csv").write_text("name,id\nAda Lovelace,a1\nGrace Hopper,g5\n"),
        "exercise --roster roster.csv -o class --add",
    ),
    **{
        f"check {student}": (
            EXERCISE,
            partial(hand_in, "e.xlsx", student),
            "check e.xlsx --report m.csv --annotate marked",
        )
        for student in STUDENTS
    },
    "check half done": (
        EXERCISE,
        partial(hand_in, "e.xlsx", "right", words=("?", "0,25"), upto=6),
        "check e.xlsx --report m.json --annotate marked",
    ),
    "check blank": (EXERCISE, "check e.xlsx --report m.html"),
    "check by other marks": (
        EXERCISE,
        partial(hand_in, "e.xlsx", "rounded"),
        "check e.xlsx --marks 2=4 --marks 5=0 --form-slips each --report m.html",
    ),
    "check saved by another program": (
        EXERCISE,
        partial(hand_in_by_openpyxl, "e.xlsx"),
        "check e.xlsx --report m.json",
    ),
    "check a program": (
        "exercise --example rnn --decimals 4 -o e.xlsx",
        partial(hand_in_example, "e.xlsx", {"d_h_2": np.negative}, 4, name="rnn"),
        "check e.xlsx --report m.html --annotate marked",
    ),
    "check softmax": (
        SOFTMAX,
        partial(hand_in_example, "e.xlsx", {"E": np.negative}, 3, **SOFTMAX_MADE),
        "check e.xlsx --report m.html --annotate marked",
    ),
    "check averaged": (
        AVERAGED,
        partial(hand_in_example, "e.xlsx", {"wout_new": one_off}, 4, **AVERAGED_MADE),
        "check e.xlsx --report m.json",
    ),
    "check class": (
        CLASS,
        hand_in_class,
        "check class --report m.html --annotate marked --key class-key.xlsx",
    ),
    "check class as csv": (CLASS, hand_in_class, "check class --report m.csv"),
    "check class as json": (CLASS, hand_in_class, "check class --report m.json"),
    "check class in other words": (
        CLASS,
        hand_in_class,
        "words -o words.toml",
        partial(translate, "Initialise weights", "Choose weights"),
        "check class --words words.toml --report m.html",
    ),
    "check unsigned": (EXERCISE, "check e.xlsx --secret secret.txt"),
    "compare right": (partial(save_matrices, "m.npz", {}), "compare m.npz"),
    "compare wrong": (
        partial(save_matrices, "m.npz", {"d_output": np.negative, "wh_new": one_off}),
        "compare m.npz",
    ),
    "compare other names": (
        partial(
            save_matrices, "m.json", STUDENTS["reversed"],
            A1="hiddenlayer_activations", y_hat="output", dZ2="d_output", hid="wh_new", q="E",
        ),
        "compare m.json",
        "compare m.json --names hid=wh_new --names q=",
        "compare m.json --decimals 3",
    ),
    "compare workbook by hand": (
        partial(save_workbook, "m.xlsx", E=[[-0.211], [0.2], [-0.8]], out=[[0.789], [0.8], [1]]),
        "compare m.xlsx --decimals 3",
        "compare m.xlsx",
    ),
    "compare folder": (
        partial(save_matrices, "mine", STUDENTS["one number"]),
        "compare mine --words words.toml",
        "compare mine",
    ),
    "examples": ("examples", "examples xor", "examples iris -o iris.csv"),
    "words": ("words", "words", "words -o mine.toml"),
    "theme": ("theme", "theme -o mine.xlsx"),
    "help": (
        "--help", "", "--version",
        *(f"{command} --help" for command in (
            "build", "show", "plot", "examples", "verify", "exercise", "check", "compare", "theme",
            "words",
        )),
    ),
    "wrong commands": WRONG_COMMANDS,
    "python article": (lambda: in_full(import_module("cellprop").article()),),
    "python deep": (lambda: in_full(traced(3, 4, 2, 2, network={"activation": ["relu", "tanh"]})),),
    "python every activation": (every_activation,),
    "python every update": (every_update,),
    "python predictions": (predicted,),
    "python compare": (compared,),
    "python check": (EXERCISE, partial(hand_in, "e.xlsx", "forgetful"), marked),
    "python verify": (verified,),
    "python read": (read_from_files,),
    "python wrong": (wrong_in_python,),
    "python names": (lambda: "\n".join(import_module("cellprop").__all__),),
}  # fmt: skip

# Between them the others have every kind of output; CI checks these as well.
SLOW = frozenset((
    "build adam", "build no hidden layer", "build linear output", "build binary",
    "build shuffled batches", "show deep", "plot all", "exercise deep", "check one number",
    "check by other marks", "check class", "python verify",
    "build moons", "build blobs", "build iris", "build notebook", "build two hidden layers",
    "build two hidden layers, adam", "build momentum", "build average", "build batches",
    "build one at a time", "build two classes", "build no layer, linear", "build two targets",
    "build some inputs", "build parameters", "build no epoch", "build over what is there",
    "build on from a workbook", "verify right", "verify deep", "verify classes",
    "exercise with marks", "exercise softmax", "exercise class with some later", "check right",
    "check rounded", "check forgetful", "check upwards", "check saved by another program",
    "wrong commands", "build many samples", "plot loss", "verify wrong", "check half done",
    "check reversed", "build softmax", "build from a sheet", "build three hidden layers",
    "compare other names", "exercise class", "exercise scaled",
    "check softmax", "check averaged", "check class as csv", "check class as json",
    "check class in other words", "python check",
))  # fmt: skip


def change_stored(path: str, part: str) -> None:
    """Change the first number that a formula of a sheet left stored."""
    with zipfile.ZipFile(path) as book:
        contents = {name: book.read(name) for name in book.namelist()}
    contents[part] = re.sub(rb"</f><v>[^<]*</v>", b"</f><v>0.5</v>", contents[part], count=1)
    with zipfile.ZipFile(path, "w") as book:
        for name, content in contents.items():
            book.writestr(name, content)


# --- Running them -------------------------------------------------------------------------


def outputs(name: str) -> Parts:
    """Return what a case prints and writes, by part: `printed`, a file, or a part of a workbook."""
    with tempfile.TemporaryDirectory() as temporary, _surroundings(temporary):
        by_hand: dict[Path, bytes] = {}
        printed = []
        for act in (write_samples, *CASES[name]):
            if isinstance(act, str):
                printed.append(_run(act))
                continue
            before = _files()
            said = act()
            by_hand |= {p: c for p, c in _files().items() if before.get(p) != c}
            printed += [said] if isinstance(said, str) else []
        parts = {"printed": "\n".join(printed).replace(temporary, "FOLDER").encode()}
        for path, content in _files().items():
            if by_hand.get(path) != content:
                parts |= unpacked(path.as_posix(), content)
        return parts


@contextlib.contextmanager
def _surroundings(folder: str) -> Iterator[None]:
    """Be in a folder, in a terminal like any other."""
    main = sys.modules["__main__"]
    interrupt = signal.getsignal(signal.SIGINT)
    try:
        with (
            contextlib.chdir(folder),
            mock.patch.dict(os.environ, SET),
            # Help tells how the program was started.
            mock.patch.object(main, "__package__", None, create=True),
            warnings.catch_warnings(),
        ):
            for name in UNSET:
                os.environ.pop(name, None)
            yield
    finally:
        signal.signal(signal.SIGINT, interrupt)


def _run(command: str) -> str:
    """Return what a command prints, and with which code it ends."""
    *settings, arguments = re.match(r"((?:[A-Z_]+=\S+ )*)(.*)", command).groups()
    if settings[0]:
        return f"$ {command}\n{_apart(settings[0].split(), shlex.split(arguments))}"
    out, err = io.StringIO(), io.StringIO()
    code: object = 0
    with (
        mock.patch.object(sys, "argv", ["cellprop", *shlex.split(arguments)]),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            getattr(import_module(ENTRY[0]), ENTRY[1])()
        except SystemExit as stopped:
            code = stopped.code
    return COLOURS.sub("", f"$ {command}\n{out.getvalue()}! {code}\n{err.getvalue()}")


def _apart(settings: Sequence[str], arguments: Sequence[str]) -> str:
    """Return what a command prints in a process of its own: in one that has printed colours before,
    rich prints those again that the terminal had then.
    """
    command = [sys.executable, "-m", "cellprop", *arguments]
    environment = os.environ | dict(each.split("=") for each in settings)
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    return f"{done.stdout}! {done.returncode}\n{done.stderr}"


def _files() -> dict[Path, bytes]:
    found = sorted(path for path in Path().rglob("*") if path.is_file())
    return {path: path.read_bytes() for path in found}


def unpacked(name: str, content: bytes) -> Parts:
    """Return a file by its parts: a workbook's are hashed unpacked, whichever zlib packed them."""
    if not zipfile.is_zipfile(io.BytesIO(content)):
        return {name: content}
    with zipfile.ZipFile(io.BytesIO(content)) as book:
        entries = book.infolist()
        listed = "\n".join(f"{each.filename} {each.date_time}" for each in entries)
        # A key is stamped with the time at which it was written.
        parts = {f"{name}: {e.filename}": NOW.sub(b"NOW", book.read(e)) for e in entries}
    return {name: listed.encode(), **parts}


# --- Fingerprints -------------------------------------------------------------------------


def fingerprint(content: bytes) -> str:
    """Return the hash of a part, and after it a short one of each line of a text."""
    lines = content.split(b"\n")
    is_text = 1 < len(lines) <= MOST_LINES and not content.startswith(b"<?xml")
    short = [_hash(line)[:4] for line in lines] if is_text else []
    return " ".join([_hash(content)[:16], *short])


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def stored() -> dict[str, dict[str, str]]:
    return json.loads(STORED.read_text(encoding="utf-8"))["outputs"]


def another_version(name: str) -> str:
    """Return which library of another version shows in a case, or is missing; empty if none."""
    known = json.loads(STORED.read_text(encoding="utf-8"))["libraries"]
    for library in LIBRARIES.get(name.split(maxsplit=1)[0], ()):
        if _version(library) != known[library]:
            return f"{library} is {_version(library) or 'missing'}, was {known[library]}"
    return ""


def _version(library: str) -> str | None:
    try:
        return metadata.version(library)
    except metadata.PackageNotFoundError:
        return None


def differences(parts: Parts, expected: Mapping[str, str]) -> list[str]:
    """Return a line for each part that is not as it was."""
    found = [f"{part}: missing" for part in expected if part not in parts]
    found += [f"{part}: new" for part in parts if part not in expected]
    for part, content in parts.items():
        if part in expected and fingerprint(content) != expected[part]:
            found.append(f"{part}: {_first(content, expected[part])}")
    return found


def _first(content: bytes, expected: str) -> str:
    """Return where a text differs first, if it was kept line by line."""
    lines, (_, *hashes) = content.split(b"\n"), expected.split()
    for number, (line, was) in enumerate(zip(lines, hashes, strict=False), 1):
        if _hash(line)[:4] != was:
            return f"line {number} differs, now {line.decode(errors='replace')[:300]!r}"
    if hashes and len(lines) != len(hashes):
        return f"has {len(lines)} lines, had {len(hashes)}"
    return f"differs, now begins {content.decode(errors='replace')[:150]!r}"


def renew(names: Sequence[str]) -> None:
    """Write the fingerprints of some cases, keeping those of the others."""
    kept = stored() if STORED.exists() else {}
    new = {n: {p: fingerprint(c) for p, c in outputs(n).items()} for n in names}
    everything = {n: new.get(n) or kept[n] for n in CASES if n in new or n in kept}
    libraries = sorted({each for several in LIBRARIES.values() for each in several})
    content = {"libraries": {each: _version(each) for each in libraries}, "outputs": everything}
    text = json.dumps(content, indent=0, ensure_ascii=False) + "\n"
    STORED.write_text(text, encoding="utf-8", newline="\n")


def write(names: Sequence[str], folder: Path) -> None:
    """Write the outputs themselves, workbooks by their parts, a folder for each case."""
    for name in names:
        for part, content in outputs(name).items():
            path = folder / name / part.replace(": ", ".parts/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("names", nargs="*", help="cases, or beginnings of their names")
    parser.add_argument("--renew", action="store_true", help="write them down")
    parser.add_argument("--write", type=Path, metavar="FOLDER", help="write the outputs there")
    given = parser.parse_args()
    names = [n for n in CASES if not given.names or n.startswith(tuple(given.names))]
    if given.write:
        write(names, given.write.resolve())
        return 0
    if given.renew:
        renew(names)
        return 0
    changed = 0
    for name in names:
        skipped = another_version(name)
        lines = [] if skipped else differences(outputs(name), stored().get(name, {}))
        changed += bool(lines)
        for line in [f"not checked: {skipped}"] if skipped else lines:
            print(f"{name}: {line}")
    print(f"{changed} of {len(names)} differ")
    return int(bool(changed))


if __name__ == "__main__":
    sys.exit(main())
