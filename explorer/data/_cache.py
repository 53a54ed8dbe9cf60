"""Arrays in memory-mapped files, written once and shared by every process that opens them.

One folder holds one data set's arrays (``NAME.npy``) and ``index.json`` with their shapes and their fingerprint. It
appears under its name by a single rename, under a lock, so that it is whole or not there, however many workers start
at once. Where nothing can be written the arrays stay in this process's memory, and work goes on.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from explorer.home import home

log = logging.getLogger(__name__)

Arrays = dict[str, np.ndarray]

_FORMAT = 1
_LOCK_SECONDS = 120
_in_memory: dict[Path, tuple[Arrays, str]] = {}


def cached(name: str, source: str, stamp: object, make: Callable[[], Arrays]) -> tuple[Arrays, str]:
    """The arrays that ``make`` returns, read-only, and their fingerprint: from the cache, else made and cached.

    ``source`` names where the data come from, ``stamp`` changes when they do. What was cached for the same source and
    another stamp is removed. Raises only what ``make`` raises.
    """
    stem = f"{name}-{_digest(source)}"
    folder = home() / "cache" / "data" / f"{stem}-{_digest([_FORMAT, stamp])}"
    if (opened := _open(folder) or _in_memory.get(folder)) is not None:
        return opened
    from filelock import FileLock  # here, because a warm start does not need it

    made: Arrays | None = None
    fault: object = "its files could not be read back"
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.with_suffix(".lock"), timeout=_LOCK_SECONDS):
            opened = _open(folder)  # another process may have been faster
            if opened is None:
                made = make()
                _write(folder, made)
                _prune(folder, stem)
                opened = _open(folder)
        if opened is not None:
            return opened
    except (OSError, NotImplementedError) as error:  # no space, no permission, no locks on this file system
        fault = error
    log.warning("the cache %s cannot be used, so %s stays in memory: %s", folder, name, fault)
    arrays = made if made is not None else make()
    _in_memory[folder] = {key: _read_only(array) for key, array in arrays.items()}, fingerprint(arrays)
    return _in_memory[folder]


def fingerprint(arrays: Mapping[str, np.ndarray]) -> str:
    """16 hexadecimal digits that identify the content: names, types, shapes and every byte (SHA-256, shortened)."""
    digest = hashlib.sha256()
    for key, array in sorted(arrays.items()):
        digest.update(f"{key} {array.dtype.str} {array.shape};".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()[:16]


def _open(folder: Path) -> tuple[Arrays, str] | None:
    """What the folder holds, or None where it is missing or damaged."""
    try:
        index = json.loads((folder / "index.json").read_bytes())
        arrays = {}
        for key, (dtype, shape) in index["arrays"].items():
            # Copy on write, not read-only: torch takes such memory without a copy, and a stray write through a
            # tensor changes this process's pages, where a read-only mapping would end the process.
            array = np.load(folder / f"{key}.npy", mmap_mode="c", allow_pickle=False)
            if array.dtype.str != dtype or list(array.shape) != shape:
                return None
            arrays[key] = _read_only(array)
        return arrays, str(index["fingerprint"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, EOFError) as error:
        log.warning("the cache %s is damaged and will be written again: %s", folder, error)
        return None


def _read_only(array: np.ndarray) -> np.ndarray:
    view = np.asarray(array).view()
    view.flags.writeable = False
    return view


def _write(folder: Path, arrays: Arrays) -> None:
    index = {
        "fingerprint": fingerprint(arrays),
        "arrays": {key: (array.dtype.str, array.shape) for key, array in arrays.items()},
    }
    part = folder.with_name(f".{folder.name}-{uuid.uuid4().hex}")
    part.mkdir()
    try:
        for key, array in arrays.items():
            with (part / f"{key}.npy").open("wb") as file:
                np.save(file, array, allow_pickle=False)
                file.flush()
                os.fsync(file.fileno())
        (part / "index.json").write_text(json.dumps(index))
        shutil.rmtree(folder, ignore_errors=True)  # a damaged one
        part.rename(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _prune(folder: Path, stem: str) -> None:
    """Removes what the same source held before, and what a killed process left half written."""
    for other in (*folder.parent.glob(f"{stem}-*"), *folder.parent.glob(f".{folder.name}-*")):
        if other != folder and other.is_dir():
            shutil.rmtree(other, ignore_errors=True)


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()[:10]
