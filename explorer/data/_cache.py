"""Arrays in memory-mapped files, written once and shared by every process that opens them.

One folder holds one data set's arrays (:mod:`explorer.data._arrays`). It is written under a lock, so that one worker
does it, however many start at once. Where nothing can be written the arrays stay in this process's memory, and work
goes on.
"""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
from collections.abc import Callable
from pathlib import Path

from explorer.data import _arrays
from explorer.data._arrays import Arrays
from explorer.home import home

log = logging.getLogger(__name__)

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
    if (opened := _opened(folder) or _in_memory.get(folder)) is not None:
        return opened
    from filelock import FileLock  # here, because a warm start does not need it

    made: Arrays | None = None
    fault: object = "its files could not be read back"
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.with_suffix(".lock"), timeout=_LOCK_SECONDS):
            opened = _opened(folder)  # another process may have been faster
            if opened is None:
                made = make()
                _arrays.write_folder(folder, made)
                _prune(folder, stem)
                opened = _opened(folder)
        if opened is not None:
            return opened
    except (OSError, NotImplementedError) as error:  # no space, no permission, no locks on this file system
        fault = error
    log.warning("the cache %s cannot be used, so %s stays in memory: %s", folder, name, fault)
    arrays = made if made is not None else make()
    _in_memory[folder] = {key: _arrays.read_only(array) for key, array in arrays.items()}, _arrays.fingerprint(arrays)
    return _in_memory[folder]


def _opened(folder: Path) -> tuple[Arrays, str] | None:
    found = _arrays.open_folder(folder)
    return None if found is None else (found.arrays, found.fingerprint)


def _prune(folder: Path, stem: str) -> None:
    """Removes what the same source held before, and what a killed process left half written."""
    for other in (*folder.parent.glob(f"{stem}-*"), *folder.parent.glob(f".{folder.name}-*")):
        if other != folder and other.is_dir():
            shutil.rmtree(other, ignore_errors=True)


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()[:10]
