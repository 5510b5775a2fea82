"""A run of the command line, and how it ends: every error that a user can cause is one line."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from io import TextIOWrapper

import typer

from cellprop.cli.app import app
from cellprop.cli.printing import say
from cellprop.errors import CellpropError
from cellprop.limits import LONGEST_MESSAGE


def main(is_interrupted: Callable[[], bool] = lambda: False) -> None:
    """Run the command line; every error a user can cause ends in one line.

    `is_interrupted` tells whether Ctrl+C was pressed.
    """

    def run() -> int:
        try:
            return _run()
        except Exception:
            # A library may have made something else of it.
            if is_interrupted():
                raise KeyboardInterrupt from None
            raise

    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # closed by whoever started us
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
        elif isinstance(stream, TextIOWrapper):  # a terminal or file may not know our characters
            stream.reconfigure(errors="replace")
    code = _ended(run)
    # What is still to be printed may fail, too; Python would complain again when it ends.
    last = _ended(_flush)
    sys.exit(code or last)


def _run() -> int:
    code = app(standalone_mode=False)
    return code if isinstance(code, int) else 0


def _flush() -> int:
    sys.stdout.flush()
    return 0


def _ended(run: Callable[[], int]) -> int:  # noqa: PLR0911 - a line for each way to end
    """Return with which code something ends, having said why in one line."""
    try:
        return run()
    except CellpropError as error:
        return _fail(str(error), error.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        return 130
    except MemoryError:
        return _fail("not enough memory; use fewer samples, fewer neurons or a smaller file.", 2)
    except RecursionError:
        return _fail("nested too deeply; use fewer layers, or write the file flatter.", 2)
    except OSError as error:
        if error.filename is None:
            # Whoever read our output has stopped reading, or the disk is full.
            with suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            return 1
        return _fail(f"{error.filename or 'output'}: {error.strerror or error}.", 2)
    except Exception as error:
        # Typer's usage errors; it carries its own copy of click, so they are known by their shape.
        if not hasattr(error, "format_message"):
            raise
        message = " ".join(error.format_message().split()).rstrip(".")
        message += "" if message.endswith("?") else "."
        return _fail(f"{message} `cellprop --help` shows what there is.", 2)


def _fail(message: str, code: int) -> int:
    if len(message) > LONGEST_MESSAGE:  # the place at its beginning, what to do at its end
        message = f"{message[: LONGEST_MESSAGE // 2]} … {message[-LONGEST_MESSAGE // 4 :]}"
    with suppress(OSError):  # nobody may listen
        say(f"cellprop: {message}", error=True)
    return code
