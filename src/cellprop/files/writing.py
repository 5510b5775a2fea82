"""Writing a file so that it is whole or not there."""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shutil
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import IO, Any, cast

from cellprop.errors import OutputError

# What stands beside its target until it is whole: the machine, the process, and a number.
_BESIDE = ".cellprop-{host}-{pid}-{number}.tmp"
_LEFT = re.compile(r"\.cellprop-(?:([0-9a-f]{8})-([0-9]{1,10})-)?[0-9a-f]{8}\.tmp")
# A run that is still going has written to its file within so many seconds.
OLD = 24 * 60 * 60


def write_whole(path: str | Path, write: Callable[[IO[bytes]], None]) -> Path:
    """Write a file beside its target and rename it, so that a failure leaves the earlier one.

    What runs that were killed left beside it is removed.

    Parameters
    ----------
    path
        The target; its folder must exist.
    write
        Writes the content into a binary file.

    Raises
    ------
    OutputError
        If the target can't be written; the message says why.
    """
    target = Path(path)
    with _told(target, "written"):
        _check(target)
        # A link stays a link: what it points to is replaced.
        real = target.resolve()
        _tidy(real.parent)
        beside = real.with_name(_own_name())
        try:
            with beside.open("xb") as file:
                steady = _Steady(file)
                try:
                    write(cast("IO[bytes]", steady))
                    steady.flush()
                finally:
                    # Whatever the writer has made of it: what follows from it says nothing.
                    if steady.failure is not None:
                        raise steady.failure from None
                os.fsync(file.fileno())
            if real.exists():
                shutil.copymode(real, beside)
            beside.replace(real)
        finally:
            beside.unlink(missing_ok=True)
    return target


@contextmanager
def folder_beside(path: str | Path) -> Iterator[Path]:
    """Make a folder beside a target, for what may take its place, and remove it in the end.

    What runs that were killed left there is removed.

    Raises
    ------
    OutputError
        If it can't be made.
    """
    target = Path(path)
    folder = target.with_name(_own_name())
    with _told(target, "written"):
        _tidy(target.resolve().parent)
        folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def check_target(path: str | Path) -> None:
    """Refuse a target that can't be written, before anything is computed for it.

    Raises
    ------
    OutputError
        As `write_whole` would.
    """
    target = Path(path)
    with _told(target, "written"):
        _check(target)
        _check_writable(target.resolve().parent)


def check_folder(path: str | Path) -> None:
    """Refuse a folder that can't be made or written into, before anything is computed for it.

    Raises
    ------
    OutputError
        If it is something else, or where it is to be can't be written.
    """
    folder = Path(path)
    with _told(folder, "made"):
        if not folder.is_dir():
            if os.path.lexists(folder):
                raise OutputError(f"{folder}: is not a folder; rename it, or write elsewhere.")
            if not folder.parent.is_dir():
                raise FileNotFoundError(0, f"there is no folder '{folder.parent}'")
        _check_writable(folder.resolve() if folder.is_dir() else folder.parent)


class _told:  # noqa: N801 - reads as a verb
    """Make one line of what the system says of a target."""

    def __init__(self, target: Path, what: str) -> None:
        self._target, self._what = target, what

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, _: object) -> None:
        reason = getattr(error, "strerror", None) or str(error)
        # Before Python 3.13, a link that leads to itself is a RuntimeError; a NUL a ValueError.
        is_loop = isinstance(error, RuntimeError) and "ymlink" in reason
        is_nul = isinstance(error, ValueError) and "\0" in f"{self._target}"
        if isinstance(error, OSError) or is_loop or is_nul:
            raise OutputError(f"{self._target}: can't be {self._what}: {reason}.") from None


def _check(target: Path) -> None:
    try:
        mode = target.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        mode = 0
    if mode and stat.S_ISDIR(mode):
        raise OutputError(f"{target}: is a folder; give the name of a file in it.")
    if not target.parent.is_dir():
        raise OutputError(f"{target}: there is no folder '{target.parent}'; create it first.")
    if not mode:
        return
    if not stat.S_ISREG(mode):  # renaming onto a device would take it away
        raise OutputError(f"{target}: is not a file; give the name of one.")
    if not mode & 0o222:
        raise OutputError(f"{target}: is read-only; write to another name or make it writable.")


def _check_writable(folder: Path) -> None:
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PermissionError(0, "Permission denied")


class _Steady:
    """A file that fails once: whoever closes an archive in it afterwards must not fail again, when
    nobody listens any more.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.failure: BaseException | None = None

    def write(self, data: Any) -> int:
        """Write, or after a failure pretend to."""
        return int(self._attempt(memoryview(data).nbytes, self._file.write, data))

    def seek(self, *place: int) -> int:
        """Go to a place."""
        return int(self._attempt(0, self._file.seek, *place))

    def tell(self) -> int:
        """Return the place."""
        return int(self._attempt(0, self._file.tell))

    def flush(self) -> None:
        """Write what is buffered."""
        self._attempt(None, self._file.flush)

    def _attempt(self, otherwise: Any, do: Callable[..., Any], *arguments: Any) -> Any:
        if self.failure is not None:
            return otherwise
        try:
            return do(*arguments)
        except BaseException as failure:
            self.failure = failure
            raise

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


# --- What was left ------------------------------------------------------------------------


def _own_name() -> str:
    number = os.urandom(4).hex()
    return _BESIDE.format(host=_host(), pid=os.getpid(), number=number)


@cache
def _host() -> str:
    """Return a text that tells this machine from others that write into the same folder; a
    container has numbers for processes of its own.
    """
    space = ""
    with suppress(OSError, AttributeError):
        space = os.readlink("/proc/self/ns/pid")
    return hashlib.sha256(f"{platform.node()} {space}".encode()).hexdigest()[:8]


@cache
def _tidy(folder: Path) -> None:
    """Remove what runs left in a folder that were killed; once in a run."""
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            found = _LEFT.fullmatch(entry.name)
            # A name is removed, never what a link leads to.
            if found and _is_left(entry, found[1], found[2]):
                with suppress(OSError):
                    if entry.is_dir(follow_symlinks=False):
                        shutil.rmtree(entry.path, ignore_errors=True)
                    else:
                        os.unlink(entry.path)


def _is_left(entry: os.DirEntry[str], host: str | None, pid: str | None) -> bool:
    """Whether nobody writes a file any more: its process is gone, or it is old."""
    with suppress(OSError):
        status = entry.stat(follow_symlinks=False)
        is_own = not hasattr(os, "geteuid") or status.st_uid == os.geteuid()
        if not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)) or not is_own:
            return False
        if time.time() - status.st_mtime > OLD:
            return True
        return bool(pid) and host == _host() and _is_gone(int(pid or 0))
    return False


def _is_gone(pid: int) -> bool:
    """Whether there is no such process on this machine; where that can't be asked, there is one."""
    if os.name == "nt" or pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):
        return False
    return False
