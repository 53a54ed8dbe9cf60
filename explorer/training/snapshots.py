"""Snapshots as files: one safetensors file each, the weights under their own names, everything else beside them.

Reading needs no torch. What is read is checked for shape and type, but a file's weights are only to be used in a
network through :func:`explorer.models.load_weights`, which checks the rest.
"""

from __future__ import annotations

import json
from pathlib import Path

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


def write_snapshot(folder: Path, snapshot: Snapshot) -> Path:
    """Writes a snapshot into the folder, named by its step, whole or not at all, and returns its path.

    Raises StoreError where that is not possible.
    """
    arrays = {_WEIGHTS + name: values for name, values in snapshot.weights.items()}
    arrays |= {name: np.ascontiguousarray(getattr(snapshot, name), kind) for name, (_, kind) in _ARRAYS.items()}
    facts = {name: getattr(snapshot, name) for name in _FACTS} | {"weights": list(snapshot.weights)}
    path = snapshot_path(folder, snapshot.step)
    atomic_write(path, save(arrays, metadata={_KEY: json.dumps(facts)}))
    return path


def snapshot_path(folder: Path, step: int) -> Path:
    """Where the snapshot of a step lies, if there is one."""
    return folder / f"{step:08d}.safetensors"


def list_snapshots(folder: Path) -> dict[int, Path]:
    """The snapshots of a run's folder by step, in order; none where the folder is missing."""
    return {int(path.stem): path for path in sorted(folder.glob("*.safetensors")) if path.stem.isdecimal()}


def read_snapshot(path: Path) -> Snapshot:
    """A snapshot. Raises WeightsError where the file is missing, damaged, or something else."""
    try:
        with safe_open(path, framework="numpy") as file:
            facts = json.loads((file.metadata() or {})[_KEY])
            arrays = {name: file.get_tensor(name) for name in _ARRAYS}
            weights = {name: file.get_tensor(_WEIGHTS + name) for name in facts.pop("weights")}
        for name, (dimensions, kind) in _ARRAYS.items():
            if arrays[name].ndim != dimensions or arrays[name].dtype != kind:
                raise ValueError(name)
        return Snapshot(**facts, **arrays, weights=weights)
    except (OSError, SafetensorError, KeyError, ValueError, TypeError, AttributeError) as error:
        raise WeightsError(f"the snapshot {path.name} can't be read ({error}): look at another step") from error
