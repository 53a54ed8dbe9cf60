"""Snapshots as files: one safetensors file each, the weights under their own names, everything else beside them.

Reading needs no torch. What is read is checked for shape and type, but a file's weights are only to be used in a
network through :func:`explorer.models.load_weights`, which checks the rest.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from explorer.errors import WeightsError
from explorer.runs.artifacts import atomic_write
from explorer.training.events import Snapshot

_KEY = "kernelscope.snapshot"
_WEIGHTS = "weights/"
_ARRAYS = {
    "confusion": (2, np.int64),
    "probes": (1, np.int64),
    "labels": (1, np.int64),
    "probabilities": (2, np.float32),
}
_FACTS = ("step", "epoch", "loss", "accuracy", "images", "complete")


class Moment(NamedTuple):
    """When a snapshot was taken: after which optimiser step, at which epoch (with fractions). ``complete``: it holds
    the whole network, not the first layer alone."""

    step: int
    epoch: float
    complete: bool


def write_snapshot(folder: Path, snapshot: Snapshot) -> Path:
    """Writes a snapshot into the folder, named by its step, whole or not at all, and returns its path.

    Raises StoreError where that is not possible.
    """
    path = snapshot_path(folder, snapshot.step)
    atomic_write(path, pack_snapshot(snapshot))
    return path


def pack_snapshot(snapshot: Snapshot, *, half: bool = False) -> bytes:
    """A snapshot as the bytes of its file. ``half``: weights of two and more dimensions are rounded to float16, for
    which half the room is enough; reading gives float32 again."""
    arrays = {_WEIGHTS + name: values for name, values in snapshot.weights.items()}
    if half:
        arrays = {name: values.astype(np.float16) if values.ndim >= 2 else values for name, values in arrays.items()}
    arrays |= {name: np.ascontiguousarray(getattr(snapshot, name), kind) for name, (_, kind) in _ARRAYS.items()}
    facts = {name: getattr(snapshot, name) for name in _FACTS} | {"weights": list(snapshot.weights)}
    return save(arrays, metadata={_KEY: json.dumps(facts)})


def snapshot_path(folder: Path, step: int) -> Path:
    """Where the snapshot of a step lies, if there is one."""
    return folder / f"{step:08d}.safetensors"


def list_snapshots(folder: Path) -> dict[int, Path]:
    """The snapshots of a run's folder by step, in order; none where the folder is missing."""
    return {int(path.stem): path for path in sorted(folder.glob("*.safetensors")) if path.stem.isdecimal()}


def read_moment(path: Path) -> Moment:
    """When a snapshot was taken, from its header alone. Raises WeightsError as :func:`read_snapshot`."""
    try:
        with safe_open(path, framework="numpy") as file:
            facts = json.loads((file.metadata() or {})[_KEY])
        return Moment(int(facts["step"]), float(facts["epoch"]), bool(facts["complete"]))
    except (OSError, SafetensorError, KeyError, ValueError, TypeError, AttributeError) as error:
        raise _unreadable(path, error) from error


def read_snapshot(path: Path) -> Snapshot:
    """A snapshot. Raises WeightsError where the file is missing, damaged, or something else."""
    try:
        with safe_open(path, framework="numpy") as file:
            facts = json.loads((file.metadata() or {})[_KEY])
            arrays = {name: file.get_tensor(name) for name in _ARRAYS}
            weights = {name: _whole(file.get_tensor(_WEIGHTS + name)) for name in facts.pop("weights")}
        for name, (dimensions, kind) in _ARRAYS.items():
            if arrays[name].ndim != dimensions or arrays[name].dtype != kind:
                raise ValueError(name)
        return Snapshot(**facts, **arrays, weights=weights)
    except (OSError, SafetensorError, KeyError, ValueError, TypeError, AttributeError) as error:
        raise _unreadable(path, error) from error


def _whole(values: np.ndarray) -> np.ndarray:
    return values.astype(np.float32) if values.dtype == np.float16 else values


def _unreadable(path: Path, error: Exception) -> WeightsError:
    return WeightsError(f"the snapshot {path.name} can't be read ({error}): look at another step")
