"""The network of a run, to look at and to use: its final weights, its newest checkpoint's, or a snapshot's."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from explorer import weights
from explorer.data.cards import find_card
from explorer.errors import StoreError, WeightsError
from explorer.models import Network, build, load_weights
from explorer.runs import service
from explorer.runs.artifacts import RunFolder, run_folder
from explorer.runs.records import RunRecord
from explorer.runs.store import SqlRunStore
from explorer.spec import RunSpec
from explorer.training.checkpoints import read_checkpoint
from explorer.training.events import Checkpoint
from explorer.training.snapshots import list_snapshots, read_snapshot, snapshot_path

log = logging.getLogger(__name__)


def load_trained(run_id: str, *, snapshot: int | None = None) -> Network:
    """A run's network in evaluation mode and without gradients: of a finished run the final one, else that of the
    newest good checkpoint; ``snapshot``: that of the snapshot at this step.

    Raises StoreError where there is no such run or snapshot, or no weights yet, and WeightsError where a file is
    damaged.
    """
    store = service.local().store
    run = store.get(run_id)
    folder = run_folder(run_id)
    if snapshot is not None:
        return load_snapshot(run.spec, _snapshot_file(run_id, folder, snapshot))
    if run.state == "finished":
        return _final(run, folder)
    checkpoint = newest_checkpoint(store, run_id)
    if checkpoint is None:
        raise StoreError(f"run {run_id} has no weights yet: wait for its first checkpoint")
    return _network(run.spec, checkpoint.weights)


def load_snapshot(spec: RunSpec, path: Path) -> Network:
    """The network of a snapshot's file, in evaluation mode and without gradients. Raises WeightsError where the file is
    damaged, of another network, or holds its first layer alone."""
    found = read_snapshot(path)
    if not found.complete:
        raise WeightsError(
            f"{spec.name} is too large to keep more than its first layer in snapshots: look at it as it is now"
        )
    return _network(spec, {name: torch.from_numpy(values) for name, values in found.weights.items()})


def newest_checkpoint(store: SqlRunStore, run_id: str) -> Checkpoint | None:
    """The newest checkpoint whose file is, byte for byte, the one that was committed; None where there is none."""
    folder = run_folder(run_id)
    for kept in store.latest_checkpoints(run_id):
        try:
            return read_checkpoint(folder.resolve(kept.uri), kept.sha256)
        except WeightsError as error:
            log.warning("run %s: %s", run_id, error)
    return None


def _final(run: RunRecord, folder: RunFolder) -> Network:
    packed = weights.read(folder.weights)
    wanted = (run.result or {}).get("weights_sha256")
    if wanted is not None and hashlib.sha256(packed).hexdigest() != wanted:
        raise WeightsError(f"the weights of run {run.id} are damaged: train it again")
    return weights.unpack(packed, run.spec)


def _snapshot_file(run_id: str, folder: RunFolder, step: int) -> Path:
    path = snapshot_path(folder.snapshots, step)
    if not path.is_file():
        steps = ", ".join(f"{step:,}" for step in list_snapshots(folder.snapshots)) or "none"
        raise StoreError(f"run {run_id} has no snapshot of step {step:,}; there are: {steps}")
    return path


def _network(spec: RunSpec, tensors: Mapping[str, Tensor]) -> Network:
    card = find_card(spec.data.dataset)
    network = build(spec.model, card.shape, len(card.classes))
    load_weights(network, tensors)
    network.eval()
    network.requires_grad_(False)
    return network
