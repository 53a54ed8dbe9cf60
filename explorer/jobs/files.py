"""A job's files in ``home()/jobs``, each written whole or not at all.

``active/KEY/``: the request, the process that works on it, how far it is, what it prints; gone when it has ended.
``ended/KEY.json``: how it ended (and ``KEY.log``, where it failed). ``results/KEY.npz``: the arrays, never pickled.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import time
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from filelock import FileLock

from explorer.errors import StoreError
from explorer.runs.artifacts import atomic_write, in_words, prune

MOST_BYTES = 1_000_000_000
"""What all results together may take; beyond it, those that were not looked at for longest go."""
MOST_ENDED = 1_000
"""How many ends are remembered, failed and cancelled ones included."""

_KEY = re.compile(r"[0-9a-f]{64}")
_ABANDONED_SECONDS = 3600.0


@dataclass(frozen=True)
class JobFiles:
    """The files of one job; ``root`` is ``home()/jobs``."""

    root: Path
    key: str

    def __post_init__(self) -> None:
        if not _KEY.fullmatch(self.key):  # so that no key leads out of the folder
            raise StoreError(f"{self.key!r:.40} is no job's key: those have 64 hexadecimal digits")

    @property
    def active(self) -> Path:
        return self.root / "active" / self.key

    @property
    def log(self) -> Path:
        return self.active / "log.txt"

    @property
    def ended(self) -> Path:
        return self.root / "ended" / f"{self.key}.json"

    @property
    def result(self) -> Path:
        return self.root / "results" / f"{self.key}.npz"

    def begin(self, job: Mapping[str, Any]) -> None:
        """Makes the active folder, whole, and forgets an earlier end. Raises StoreError where that is not possible."""
        part = self.active.with_name(f".{self.key}.{secrets.token_hex(4)}.part")
        with in_words(self.root):
            for folder in (self.active, self.ended, self.result):
                folder.parent.mkdir(parents=True, exist_ok=True)
            try:
                part.mkdir()
                atomic_write(part / "job.json", json.dumps(job).encode())
                self.clear()  # what a damaged disk may have left of an earlier one
                part.rename(self.active)
            finally:
                shutil.rmtree(part, ignore_errors=True)
            self.ended.unlink(missing_ok=True)

    def read(self, name: str) -> dict[str, Any] | None:
        """A JSON file of the active folder, None where it isn't there (any more)."""
        return _read(self.active / name)

    def write(self, name: str, values: Mapping[str, Any]) -> None:
        """The inverse of :meth:`read`."""
        atomic_write(self.active / name, json.dumps(values).encode())

    def tell(self, values: Mapping[str, Any]) -> None:
        """Writes ``progress.json``. It isn't flushed to the disk, for it means nothing after a power cut."""
        part = self.active / ".progress.part"
        with suppress(OSError):  # a full disk shows when the result is written
            part.write_text(json.dumps(values))
            part.replace(self.active / "progress.json")

    def alive_at(self) -> float:
        """When the process was started or last told how far it is, in seconds since the epoch."""
        times = [0.0]
        for name in ("process.json", "progress.json"):
            with suppress(OSError):
                times.append((self.active / name).stat().st_mtime)
        return max(times)

    def end(self, values: Mapping[str, Any], *, keep_log: bool = False) -> None:
        """Notes how the job ended, and removes the active folder. Raises StoreError where it can't be noted."""
        atomic_write(self.ended, json.dumps(values).encode())
        if keep_log:
            with suppress(OSError):
                self.log.replace(self.ended.with_suffix(".log"))
        self.clear()

    def clear(self) -> None:
        """Removes the active folder: from one moment to the next it isn't there."""
        bin_ = self.active.with_name(f".{self.key}.{secrets.token_hex(4)}.part")
        with suppress(OSError):
            self.active.rename(bin_)
        shutil.rmtree(bin_, ignore_errors=True)

    def read_end(self) -> dict[str, Any] | None:
        return _read(self.ended)

    def write_result(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Writes the arrays. Raises StoreError on a full disk, and TypeError for arrays of Python objects."""
        for name, array in arrays.items():
            if not isinstance(array, np.ndarray) or array.dtype.hasobject:
                raise TypeError(f"{name} is no array of numbers or text")

        def write(file: BinaryIO) -> None:
            np.savez(file, allow_pickle=False, **arrays)

        atomic_write(self.result, write)

    def read_result(self) -> dict[str, np.ndarray]:
        """The arrays, read-only. Raises StoreError where the file isn't there or is damaged; a damaged one is removed,
        so that it can be computed again."""
        try:
            with self.result.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
                arrays = {name: file[name] for name in file.files}
        except FileNotFoundError:
            raise StoreError("this result isn't kept any more: compute it again") from None
        except (OSError, ValueError, EOFError, KeyError, NotImplementedError, zipfile.BadZipFile, zlib.error) as error:
            self.forget()
            raise StoreError(f"the kept result was damaged ({error}) and is removed: compute it again") from error
        for array in arrays.values():
            array.flags.writeable = False
        with suppress(OSError):
            os.utime(self.result)  # looked at now
        return arrays

    def forget(self) -> None:
        """Removes end and result, if they are there."""
        with in_words(self.root):
            for path in (self.ended, self.ended.with_suffix(".log"), self.result):
                path.unlink(missing_ok=True)


@contextmanager
def lock(root: Path) -> Iterator[None]:
    """Held while jobs begin, get their processes and end. Raises StoreError where the folder can't be written to."""
    held = FileLock(root / "lock")
    with in_words(root):
        root.mkdir(parents=True, exist_ok=True)
        held.acquire()
    try:
        yield
    finally:
        held.release()


def active(root: Path) -> Iterator[JobFiles]:
    """All jobs that have begun and not ended."""
    with suppress(FileNotFoundError):
        for path in (root / "active").iterdir():
            if _KEY.fullmatch(path.name):
                yield JobFiles(root, path.name)


def bound(root: Path, *, most_bytes: int = MOST_BYTES, spare: Path | None = None) -> None:
    """Removes results, the longest not looked at first, until the rest fits into ``most_bytes``; never ``spare``. Also
    the oldest ends beyond :data:`MOST_ENDED`, and what killed writers left."""
    with in_words(root):
        total = 0
        for path, fact in _newest(root / "results", "[!.]*.npz"):
            total += fact.st_size
            if total > most_bytes and path != spare:
                path.unlink(missing_ok=True)
        # Others write at this moment, so only old parts are certain to be abandoned.
        for path, fact in [*_newest(root / "results", ".*.part"), *_newest(root / "active", ".*.part")]:
            if fact.st_mtime < time.time() - _ABANDONED_SECONDS:
                shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        ends = [path for path, _ in _newest(root / "ended", "[!.]*.json")][:MOST_ENDED]
        prune(root / "ended", {name for path in ends for name in (path, path.with_suffix(".log"))})


def _newest(folder: Path, pattern: str) -> list[tuple[Path, os.stat_result]]:
    found = []
    for path in folder.glob(pattern):
        with suppress(FileNotFoundError):
            found.append((path, path.stat()))
    return sorted(found, key=lambda entry: entry[1].st_mtime, reverse=True)


def _read(path: Path) -> dict[str, Any] | None:
    with in_words(path):
        try:
            values = json.loads(path.read_bytes())
        except (FileNotFoundError, NotADirectoryError, ValueError):  # gone, or damaged, which is as good
            return None
    return values if isinstance(values, dict) else None
