"""A run's files: where they lie, how they are written so that a killed process or a full disk never leaves half of one.

Layout, in ``home()/runs/RUN/``: ``checkpoints/``, ``snapshots/``, ``log.txt``, ``choice.json`` (how it is computed, and
why), ``weights.safetensors`` (at the end).
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from explorer.errors import StoreError
from explorer.home import home

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@dataclass(frozen=True)
class RunFolder:
    """The paths of one run. They need not exist yet: see :meth:`create`."""

    path: Path

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @property
    def snapshots(self) -> Path:
        return self.path / "snapshots"

    @property
    def log(self) -> Path:
        return self.path / "log.txt"

    @property
    def choice(self) -> Path:
        return self.path / "choice.json"

    @property
    def weights(self) -> Path:
        return self.path / "weights.safetensors"

    def create(self) -> RunFolder:
        """Makes the folders that are missing. Raises StoreError where that is not possible."""
        with in_words(self.path):
            for folder in (self.checkpoints, self.snapshots):
                folder.mkdir(parents=True, exist_ok=True)
        return self

    def resolve(self, uri: str) -> Path:
        """The file that a checkpoint's ``uri`` names. Raises StoreError for one outside the run's folder."""
        path = (self.path / uri).resolve()
        if not path.is_relative_to(self.path.resolve()):
            raise StoreError(f"the checkpoint {uri!r:.80} lies outside its run's folder: delete this run")
        return path

    def uri(self, path: Path) -> str:
        """The inverse of :meth:`resolve`, with forward slashes on every system."""
        return path.relative_to(self.path).as_posix()


def run_folder(run_id: str) -> RunFolder:
    """The folder of a run. Raises StoreError for text that is no run id, so that none leads out of the home folder."""
    if not re.fullmatch(r"[0-9a-f]{8}", run_id):
        raise StoreError(f"{run_id!r:.40} is no run id: those have eight hexadecimal digits")
    return RunFolder(home() / "runs" / run_id)


def atomic_write(path: Path, content: bytes | Callable[[BinaryIO], object]) -> None:
    """Writes a file whole or not at all: temporary file beside it, fsync, rename, fsync of the folder.

    ``content`` is bytes or a function that writes them to an open file. Raises StoreError where the disk is full or
    the folder can't be written to; what was at ``path`` before is then untouched.
    """
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    with in_words(path):
        try:
            with part.open("xb") as file:
                if isinstance(content, bytes):
                    file.write(content)
                else:
                    content(file)
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
        except BaseException:
            with suppress(OSError):
                part.unlink()
            raise
        _sync_folder(path.parent)


def sha256(path: Path) -> str:
    """The file's SHA-256 as 64 hexadecimal digits. Raises StoreError where it can't be read."""
    with in_words(path), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def prune(folder: Path, keep: Iterable[Path]) -> None:
    """Deletes the files of ``folder`` whose names are not those of ``keep``, and what killed writers left there."""
    kept = {path.name for path in keep}  # names, for the same file may have several paths, by links
    with in_words(folder):
        for path in folder.iterdir():
            if path.name not in kept and path.is_file():
                path.unlink(missing_ok=True)


def remove(run_id: str) -> None:
    """Deletes a run's folder, if there is one. Late writers find it gone, never half there."""
    path = run_folder(run_id).path
    bin_ = path.with_name(f".{path.name}.{secrets.token_hex(4)}.deleted")
    with in_words(path), suppress(FileNotFoundError):
        path.rename(bin_)
        shutil.rmtree(bin_)


def read_tail(path: Path, size: int) -> str:
    """The last ``size`` bytes of a text file, from a line's beginning on; "" where there is no file."""
    try:
        with path.open("rb") as file:
            length = file.seek(0, os.SEEK_END)
            file.seek(max(0, length - size))
            tail = file.read(size)
    except FileNotFoundError:
        return ""
    if length > size:
        tail = tail.partition(b"\n")[2] or tail
    return tail.decode(errors="replace")


def _sync_folder(folder: Path) -> None:
    if os.name == "posix":  # a rename survives a power cut only once its folder is on the disk
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextmanager
def in_words(path: Path) -> Iterator[None]:
    """Turns what the system says about a file or folder (OSError) into a StoreError with fault and remedy."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            message = (
                f"{path} could not be written, for the disk is full: free some space or delete old runs, then try again"
            )
        else:
            reason = error.strerror or str(error)
            message = f"{path} can't be read or written ({reason}): make its folder writable, then try again"
        raise StoreError(message) from error
