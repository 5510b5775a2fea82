"""A file is written whole or not at all."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path
from typing import IO

import pytest

from cellprop.errors import CellpropError, OutputError
from cellprop.files.writing import write_whole

posix = pytest.mark.skipif(os.name == "nt", reason="Windows has neither umask nor devices")


def writer(content: bytes):
    def write(file: IO[bytes]) -> None:
        file.write(content)

    return write


def failing(error: BaseException):
    def write(file: IO[bytes]) -> None:
        file.write(b"half of")
        raise error

    return write


def test_the_content_is_written_and_the_path_returned(tmp_path):
    target = tmp_path / "new.bin"
    assert write_whole(str(target), writer(b"all of it")) == target
    assert target.read_bytes() == b"all of it"
    assert os.listdir(tmp_path) == ["new.bin"]


def test_an_earlier_file_is_replaced(tmp_path):
    target = tmp_path / "there.bin"
    target.write_bytes(b"earlier, and longer than what replaces it")
    write_whole(target, writer(b"new"))
    assert target.read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["there.bin"]


def test_until_all_is_written_the_earlier_file_stays(tmp_path):
    target = tmp_path / "there.bin"
    target.write_bytes(b"earlier")
    seen = []

    def write(file: IO[bytes]) -> None:
        file.write(b"new")
        file.flush()
        seen.append(target.read_bytes())

    write_whole(target, write)
    assert seen == [b"earlier"]


@pytest.mark.parametrize(
    "error",
    [RuntimeError("a mistake"), MemoryError(), KeyboardInterrupt(), SystemExit(3)],
    ids=repr,
)
def test_a_failure_leaves_the_earlier_file_and_nothing_else(tmp_path, error):
    target = tmp_path / "there.bin"
    target.write_bytes(b"earlier")
    with pytest.raises(type(error)) as caught:
        write_whole(target, failing(error))
    assert caught.value is error
    assert target.read_bytes() == b"earlier"
    assert os.listdir(tmp_path) == ["there.bin"]


def test_a_failure_leaves_no_new_file(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        write_whole(tmp_path / "new.bin", failing(KeyboardInterrupt()))
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("where", ["write", "fsync", "replace"])
def test_a_full_disk_is_one_clear_error_and_leaves_the_earlier_file(tmp_path, monkeypatch, where):
    target = tmp_path / "there.bin"
    target.write_bytes(b"earlier")
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def fail(*_):
        raise full

    if where == "fsync":
        monkeypatch.setattr(os, "fsync", fail)
    if where == "replace":
        monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OutputError) as caught:
        write_whole(target, failing(full) if where == "write" else writer(b"new"))
    assert str(caught.value) == f"{target}: can't be written: No space left on device."
    assert target.read_bytes() == b"earlier"
    assert os.listdir(tmp_path) == ["there.bin"]


@posix
@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_who_may_read_the_file_is_what_the_umask_says(tmp_path, umask, mode):
    target = tmp_path / "new.bin"
    before = os.umask(umask)
    try:
        write_whole(target, writer(b"x"))
    finally:
        os.umask(before)
    assert target.stat().st_mode & 0o777 == mode


def test_a_read_only_file_is_left_alone(tmp_path):
    target = tmp_path / "there.bin"
    target.write_bytes(b"earlier")
    target.chmod(0o444)
    with pytest.raises(OutputError, match=r"there\.bin: is read-only"):
        write_whole(target, writer(b"new"))
    assert target.read_bytes() == b"earlier"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("", "is a folder"),
        (".", "is a folder"),
        ("/", "is a folder"),
        ("folder", "is a folder"),
        ("folder/", "is a folder"),
        ("missing/new.bin", "there is no folder 'missing'"),
        ("file.bin/new.bin", "there is no folder 'file.bin'"),
        ("a" * 300, "can't be written: File name too long"),
    ],
)
def test_where_nothing_can_be_written_the_error_says_why(tmp_path, monkeypatch, name, message):
    monkeypatch.chdir(tmp_path)
    Path("folder").mkdir()
    Path("file.bin").write_bytes(b"earlier")
    with pytest.raises(OutputError, match=message) as caught:
        write_whole(name, writer(b"new"))
    assert str(caught.value).startswith(str(Path(name)))
    assert "\n" not in str(caught.value)
    assert sorted(os.listdir(tmp_path)) == ["file.bin", "folder"]
    assert os.listdir("folder") == []


@posix
def test_what_is_not_a_file_is_not_replaced(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(OutputError, match="pipe: is not a file"):
        write_whole(pipe, writer(b"new"))
    assert pipe.is_fifo()


def test_a_long_name_can_be_written(tmp_path):
    target = tmp_path / ("n" * 250 + ".xlsx")
    if sys.platform == "win32":
        pytest.skip("Windows limits whole paths")
    assert write_whole(target, writer(b"x")).read_bytes() == b"x"


def test_the_error_is_one_that_the_command_line_shows_as_a_line():
    assert issubclass(OutputError, CellpropError)
    assert OutputError.exit_code == 2


@posix
def test_a_link_stays_a_link_and_what_it_points_to_is_replaced(tmp_path):
    real, link = tmp_path / "real.bin", tmp_path / "link.bin"
    real.write_bytes(b"before")
    link.symlink_to(real)
    write_whole(link, writer(b"after"))
    assert link.is_symlink()
    assert real.read_bytes() == b"after"


@posix
def test_an_earlier_files_permissions_are_kept(tmp_path):
    target = tmp_path / "file.bin"
    target.write_bytes(b"before")
    target.chmod(0o640)
    write_whole(target, writer(b"after"))
    assert target.stat().st_mode & 0o777 == 0o640
