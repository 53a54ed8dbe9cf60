"""Files of a run: whole or not at all, also when the process is killed or the disk is full."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import BinaryIO, NoReturn

import pytest
from hypothesis import given
from hypothesis import strategies as st

from explorer.errors import StoreError
from explorer.runs import artifacts

ROOT = Path(__file__).parents[2]


def test_the_layout_is_the_promised_one(home: Path) -> None:
    folder = artifacts.run_folder("0123abcd").create()
    base = home / "runs" / "0123abcd"
    assert folder.path == base
    assert {path.name for path in base.iterdir()} == {"checkpoints", "snapshots"}
    assert folder.log == base / "log.txt"
    assert folder.weights == base / "weights.safetensors"
    assert folder.uri(folder.checkpoints / "x.pt") == "checkpoints/x.pt"
    assert folder.resolve("checkpoints/x.pt") == base / "checkpoints" / "x.pt"


@pytest.mark.parametrize("text", ["", "..", "../../x", "0123ABCD", "0123abcd/..", "0123abcd\n", "0123abcde"])
def test_only_run_ids_name_folders(home: Path, text: str) -> None:
    with pytest.raises(StoreError, match="no run id"):
        artifacts.run_folder(text)


def test_a_checkpoint_outside_its_run_is_refused(home: Path) -> None:
    for uri in ("../other/checkpoints/x", "/etc/passwd"):
        with pytest.raises(StoreError, match="outside its run's folder"):
            artifacts.run_folder("0123abcd").resolve(uri)


def test_writing_replaces_the_file_and_leaves_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "weights"
    artifacts.atomic_write(path, b"old")
    artifacts.atomic_write(path, lambda file: file.write(b"new"))
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


def test_the_order_is_write_sync_rename_sync(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def noted_fsync(descriptor: int) -> None:
        done.append("sync folder" if os.path.isdir(f"/proc/self/fd/{descriptor}") else "sync file")  # noqa: PTH112
        fsync(descriptor)

    def noted_replace(self: Path, target: Path) -> Path:
        done.append("rename")
        return replace(self, target)

    monkeypatch.setattr(os, "fsync", noted_fsync)
    monkeypatch.setattr(Path, "replace", noted_replace)
    artifacts.atomic_write(tmp_path / "x", b"content")
    assert done == ["sync file", "rename", "sync folder"]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_named_with_its_remedy_and_spares_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    path = tmp_path / "weights"
    artifacts.atomic_write(path, b"old")

    def full(_descriptor: int) -> NoReturn:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match="weights could not be written, for the disk is full: free some space"):
        artifacts.atomic_write(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_failing_writer_spares_the_old_file_and_keeps_its_own_error(tmp_path: Path) -> None:
    path = tmp_path / "weights"
    artifacts.atomic_write(path, b"old")

    def writer(file: BinaryIO) -> NoReturn:
        file.write(b"half")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        artifacts.atomic_write(path, writer)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"can't be read or written \(No such file"):
        artifacts.atomic_write(tmp_path / "none" / "x", b"")
    with pytest.raises(StoreError, match="No such file"):
        artifacts.sha256(tmp_path / "none")


LIMITED = """
import resource, sys
from pathlib import Path
from explorer.errors import StoreError
from explorer.runs.artifacts import atomic_write
path = Path(sys.argv[1])
atomic_write(path, b"o" * 50_000)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    atomic_write(path, b"n" * 200_000)
except StoreError as error:
    print(error)
"""


def test_a_real_write_beyond_the_limit_spares_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "weights"
    child = subprocess.run([sys.executable, "-c", LIMITED, path], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "the disk is full: free some space" in child.stdout
    assert path.read_bytes() == b"o" * 50_000
    assert list(tmp_path.iterdir()) == [path]


INTERRUPTED = """
import sys, time
from pathlib import Path
from explorer.runs.artifacts import atomic_write
def writer(file):
    file.write(b"n" * 1_000_000)
    file.flush()
    print("half", flush=True)
    time.sleep(600)
atomic_write(Path(sys.argv[1]), b"old")
atomic_write(Path(sys.argv[1]), writer)
"""


def test_a_writer_killed_in_mid_write_spares_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "newest"
    command = [sys.executable, "-c", INTERRUPTED, path]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "half\n"
        child.send_signal(signal.SIGKILL)
    assert path.read_bytes() == b"old"
    (part,) = set(tmp_path.iterdir()) - {path}
    assert part.stat().st_size == 1_000_000  # the kill landed where it was meant to
    artifacts.prune(tmp_path, keep=[path])
    assert list(tmp_path.iterdir()) == [path]


def test_sha256_is_that_of_coreutils(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"kernel" * 100_000)
    shown = subprocess.run(["sha256sum", path], capture_output=True, text=True, check=True).stdout  # noqa: S607
    assert artifacts.sha256(path) == shown.split()[0]


def test_pruning_keeps_what_it_should(tmp_path: Path) -> None:
    for name in ("10", "20", "30", ".40.0a.part"):
        (tmp_path / name).write_text(name)
    artifacts.prune(tmp_path, keep=[tmp_path / "20", tmp_path / "30"])
    assert {path.name for path in tmp_path.iterdir()} == {"20", "30"}


def test_removing_a_run_removes_all_of_it(home: Path) -> None:
    folder = artifacts.run_folder("0123abcd").create()
    folder.log.write_text("hello")
    other = artifacts.run_folder("0123abce").create()
    artifacts.remove("0123abcd")
    artifacts.remove("0123abcd")
    assert list((home / "runs").iterdir()) == [other.path]


@given(st.lists(st.text("ab é", max_size=8), max_size=8).map("\n".join), st.integers(1, 40))
def test_a_tail_is_the_end_from_a_lines_beginning(
    tmp_path_factory: pytest.TempPathFactory, text: str, size: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "log.txt"
    path.write_bytes(text.encode())
    tail = artifacts.read_tail(path, size)
    assert len(tail.encode()) <= size or "\ufffd" in tail
    if len(text.encode()) <= size:
        assert tail == text
    elif "\n" in text.encode()[-size:].decode(errors="ignore")[:-1]:
        assert f"\n{text}".endswith(f"\n{tail}")


def test_no_log_is_an_empty_log(tmp_path: Path) -> None:
    assert artifacts.read_tail(tmp_path / "none", 100) == ""


def test_the_kept_checkpoint_stays_under_a_home_that_is_a_link(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    monkeypatch.setenv("KERNELSCOPE_HOME", str(tmp_path / "link"))
    folder = artifacts.run_folder("0123abcd").create()
    for name in ("10", "20"):
        (folder.checkpoints / name).write_text(name)
    artifacts.prune(folder.checkpoints, [folder.resolve("checkpoints/20")])
    assert [path.name for path in folder.checkpoints.iterdir()] == ["20"]
