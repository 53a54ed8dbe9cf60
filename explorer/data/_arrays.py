"""Arrays in a folder, one file each, that every process maps into memory.

The folder holds ``NAME.npy`` for each array, and ``index.json`` with their types and shapes, their fingerprint, and
what else is known of them. It appears under its name by a single rename, so that it is whole or not there.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

log = logging.getLogger(__name__)

Arrays = dict[str, np.ndarray]

INDEX = "index.json"


class Stored(NamedTuple):
    """Read-only ``arrays``, ``fingerprint`` (see :func:`fingerprint`), and what was said ``about`` them."""

    arrays: Arrays
    fingerprint: str
    about: dict[str, Any]


def fingerprint(arrays: Mapping[str, np.ndarray]) -> str:
    """16 hexadecimal digits that identify the content: names, types, shapes and every byte (SHA-256, shortened)."""
    digest = hashlib.sha256()
    for key, array in sorted(arrays.items()):
        digest.update(f"{key} {array.dtype.str} {array.shape};".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()[:16]


def open_folder(folder: Path) -> Stored | None:
    """What the folder holds, or None where it is missing or damaged."""
    try:
        index = json.loads((folder / INDEX).read_bytes())
        arrays = {}
        for key, (dtype, shape) in index["arrays"].items():
            # Copy on write, not read-only: torch takes such memory without a copy, and a stray write through a
            # tensor changes this process's pages, where a read-only mapping would end the process.
            array = np.load(folder / f"{key}.npy", mmap_mode="c", allow_pickle=False)
            if array.dtype.str != dtype or list(array.shape) != shape:
                return None
            arrays[key] = read_only(array)
        return Stored(arrays, str(index["fingerprint"]), dict(index.get("about", {})))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, EOFError) as error:
        log.warning("the folder %s is damaged: %s", folder, error)
        return None


def about(folder: Path) -> dict[str, Any] | None:
    """What was said about the arrays, none of which is opened; None where the folder is missing or damaged."""
    try:
        return dict(json.loads((folder / INDEX).read_bytes())["about"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        log.warning("the folder %s is damaged: %s", folder, error)
        return None


def write_folder(folder: Path, arrays: Mapping[str, np.ndarray], about: Mapping[str, Any] | None = None) -> None:
    """Writes the arrays, in place of whatever is there. Raises OSError and leaves nothing half written."""
    index = {
        "fingerprint": fingerprint(arrays),
        "arrays": {key: (array.dtype.str, array.shape) for key, array in arrays.items()},
        "about": dict(about or {}),
    }
    part = folder.with_name(f".{folder.name}-{uuid.uuid4().hex}")
    part.mkdir()
    try:
        for key, array in arrays.items():
            with (part / f"{key}.npy").open("wb") as file:
                np.save(file, array, allow_pickle=False)
                file.flush()
                os.fsync(file.fileno())
        (part / INDEX).write_text(json.dumps(index))
        shutil.rmtree(folder, ignore_errors=True)  # a damaged one
        part.rename(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def say(folder: Path, about: Mapping[str, Any]) -> None:
    """Says something else about the arrays of a folder. Raises OSError, and ValueError where the folder is damaged."""
    index = json.loads((folder / INDEX).read_bytes())
    part = folder.with_name(f".{folder.name}-{uuid.uuid4().hex}")
    try:
        part.write_text(json.dumps(index | {"about": dict(about)}))
        part.replace(folder / INDEX)
    finally:
        part.unlink(missing_ok=True)


def read_only(array: np.ndarray) -> np.ndarray:
    """The same memory, which can't be written to through what is returned."""
    view = np.asarray(array).view()
    view.flags.writeable = False
    return view
