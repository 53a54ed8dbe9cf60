"""Checkpoints as files: one safetensors file each, all tensors by name, the rest of the state as JSON in its header.

Nothing is unpickled. A file is only read where its SHA-256 is the one that the run store has.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from pydantic import ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from explorer.errors import WeightsError
from explorer.runs.artifacts import atomic_write
from explorer.training.events import Checkpoint, State

_KEY = "kernelscope.checkpoint"
_PARTS = ("weights", "optimizer", "best")
_UNREAD = "unread"


def write_checkpoint(path: Path, checkpoint: Checkpoint) -> str:
    """Writes a checkpoint, whole or not at all, and returns the file's SHA-256. Raises StoreError where it can't."""
    tensors: dict[str, Tensor] = {_UNREAD: checkpoint.unread}
    for part in _PARTS:
        tensors |= {f"{part}/{name}": tensor for name, tensor in getattr(checkpoint, part).items()}
    packed = save(tensors, metadata={_KEY: checkpoint.state.model_dump_json()})
    atomic_write(path, packed)
    return hashlib.sha256(packed).hexdigest()


def read_checkpoint(path: Path, sha256: str) -> Checkpoint:
    """A checkpoint. Raises WeightsError where the file is missing, not byte for byte what was written, or of another
    version of this program."""
    try:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != sha256:
            raise WeightsError(f"the checkpoint {path.name} is damaged: its SHA-256 is not the one in the run store")
        with safe_open(path, framework="pt") as content:
            state = State.model_validate_json((content.metadata() or {})[_KEY])
            tensors: dict[str, Tensor] = {name: content.get_tensor(name) for name in content.keys()}  # noqa: SIM118
        return Checkpoint(
            state=state,
            weights=_part(tensors, "weights"),
            optimizer=_part(tensors, "optimizer"),
            best=_part(tensors, "best"),
            unread=tensors[_UNREAD],
        )
    except (OSError, SafetensorError, KeyError, ValidationError) as error:
        raise WeightsError(f"the checkpoint {path.name} can't be read ({error}): resume begins before it") from error


def _part(tensors: Mapping[str, Tensor], part: str) -> dict[str, Tensor]:
    return {name.partition("/")[2]: tensor for name, tensor in tensors.items() if name.startswith(part + "/")}
