"""Programs in files of Python: those that ship with the package, and a user's own.

A file defines a program, a function that `cellprop.program` decorates, and may bring what to run it
with: `X`, `y` and `options`, as `cellprop.trace` takes them. It is run as Python runs it, so it is
opened for whoever names it, and never for what stands in somebody else's file.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from types import ModuleType
from typing import Any

from cellprop.errors import CellpropError, InputError, UnknownNameError, nearest
from cellprop.files.examples import examples
from cellprop.files.opening import content, listed
from cellprop.files.safe import known, label
from cellprop.limits import PROGRAM
from cellprop.programs.building import Written

# What `options` of a file may have, as `cellprop.trace` takes it.
OPTIONS = (
    "parameters", "seed", "learning_rate", "epochs", "batch_size", "shuffle", "optimizer",
    "settings", "average", "iterations",
)  # fmt: skip
ENDING = ".py"


@dataclass(frozen=True)
class Loaded:
    """A program with what its file brings to run it with.

    Attributes:
        written: The program.
        X, y: Its data; None if the file has none.
        options: Of `cellprop.trace` besides.
    """

    written: Written
    X: Any = None
    y: Any = None
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def has_data(self) -> bool:
        """Whether its file brings data."""
        return self.X is not None or self.y is not None


def shipped() -> tuple[str, ...]:
    """Return the names of the programs that ship with the package, the simplest first."""
    files = (resources.files("cellprop") / "examples").iterdir()
    names = {_name(file.name) for file in files if file.name.endswith(ENDING)}
    usual = (
        "perceptron", "full-batch-vs-sgd", "rnn", "seq", "lstm", "gru", "attention", "transformer",
        "convolution", "autoencoder", "embedding", "batchnorm", "dropout", "residual", "graph",
    )  # fmt: skip
    return tuple(sorted(names, key=lambda name: (name not in usual, [*usual, name].index(name))))


def _name(file: str) -> str:
    """Return what the example in a file is called."""
    return file.removesuffix(ENDING).replace("_", "-")


def source(name: str) -> str:
    """Return the text of a program that ships with the package.

    Raises
    ------
    InputError
        If there is none of that name.
    """
    known("example", name, shipped())
    file = resources.files("cellprop") / "examples" / _file(name)
    return file.read_text(encoding="utf-8")


def _file(name: str) -> str:
    """Return the name of the file that the example of a name is in."""
    return f"{name.replace('-', '_')}{ENDING}"


def ships(name: str) -> Loaded:
    """Return a program that ships with the package.

    Raises
    ------
    InputError
        If there is none of that name.
    """
    text = source(name)
    return _loaded(Path(_file(name)), text.encode(), name.replace("-", "_"))


def program_named(name: str | None) -> Loaded | None:
    """Return the program that ships under the name of an example; None if that one is a network.

    Raises
    ------
    InputError
        If there is no example of that name.
    """
    if name is None:
        return None
    if name in shipped():
        return ships(name)
    known("example", name, (*examples(), *shipped()))
    return None


def load(path: Path, name: str = "") -> Loaded:
    """Return the program of a file.

    Parameters
    ----------
    path
        A file of Python.
    name
        Which of its programs; empty for the only one.

    Raises
    ------
    InputError
        If the file can't be read or run, or has no such program; the message names the line.
    """
    if path.suffix.lower() != ENDING:
        raise InputError(f"{label(path)}: expected a program in Python ({ENDING}).")
    folder = str(path.resolve().parent)
    # As for a script: what stands beside the file can be imported.
    sys.path.insert(0, folder)
    try:
        return _loaded(path, content(path, PROGRAM), name)
    finally:
        if folder in sys.path:
            sys.path.remove(folder)


def _loaded(path: Path, data: bytes, name: str) -> Loaded:
    module = ModuleType(path.stem)
    module.__file__ = str(path)
    with _in_one_line(path):
        exec(compile(data, str(path), "exec"), module.__dict__)  # noqa: S102 - it is a program
    found = {key: each for key, each in vars(module).items() if isinstance(each, Written)}
    where = label(path)
    if not found:
        raise InputError(
            f"{where}: no program; decorate a function with @cellprop.program(), as"
            " `cellprop examples --source rnn` does."
        )
    if not name and len(found) > 1:
        raise InputError(
            f"{where}: {len(found)} programs ({listed(list(found))}); say which: {where}:NAME."
        )
    if name and name not in found:
        raise UnknownNameError(
            f"{where}: no program '{label(name)}'; there is {listed(list(found))}."
            f"{nearest(name, found)}"
        )
    chosen = found[name] if name else next(iter(found.values()))
    brings = {key: getattr(module, key, None) for key in ("X", "y")}
    return Loaded(chosen, options=_options(where, getattr(module, "options", {})), **brings)


def _options(where: str, given: Any) -> Mapping[str, Any]:
    if not isinstance(given, Mapping):
        raise InputError(f"{where}: options are names with values, such as {{'epochs': 100}}.")
    for name in given:
        if name not in OPTIONS:
            raise InputError(
                f"{where}: options has no '{label(str(name))}'; there are {', '.join(OPTIONS)}."
                f"{nearest(str(name), OPTIONS)}"
            )
    return dict(given)


@contextmanager
def _in_one_line(path: Path) -> Iterator[None]:
    """Make one line of whatever running a file raises, with the line of the file."""
    where = label(path)
    try:
        yield
    except SyntaxError as error:
        place = where if error.lineno is None else f"{where}, line {error.lineno}"
        raise InputError(f"{place}: no Python: {error.msg}.") from None
    except RecursionError:
        raise InputError(f"{where}: calls itself without end.") from None
    except (Exception, SystemExit) as error:
        frames = traceback.extract_tb(error.__traceback__)
        lines = [frame.lineno for frame in frames if frame.filename == str(path)]
        place = f"{where}, line {lines[-1]}" if lines else where
        said = " ".join(str(error).split())
        if not isinstance(error, CellpropError):
            said = f"{type(error).__name__}: {said}" if said else type(error).__name__
        raise InputError(f"{place}: {said.rstrip('.')}.") from None
