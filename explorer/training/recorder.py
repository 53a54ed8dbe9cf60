"""Writes a run's events to the store and the run's folder."""

from __future__ import annotations

import logging
import secrets
import time

from explorer.runs.artifacts import RunFolder, prune
from explorer.runs.records import Lease, Metric, Progress
from explorer.runs.store import SqlRunStore
from explorer.training.checkpoints import write_checkpoint
from explorer.training.events import Checkpoint, Evaluated, Event, Finished, Snapshot, Started, Step
from explorer.training.snapshots import write_snapshot

FLUSH_SECONDS = 0.5
CHECKPOINT_SECONDS = 20.0
FIRST_CHECKPOINT_SECONDS = 5.0
CLOSEST_CHECKPOINTS = 3.0
"""Epochs may be shorter than it takes to write a checkpoint; then not every one gets its own."""

log = logging.getLogger(__name__)


class Recorder:
    """Metrics go to the store several times a second, snapshots and checkpoints into files as they come.

    Its methods raise StoreError where a disk is full or the store can't be reached, and Fenced where the lease is lost.
    """

    def __init__(self, store: SqlRunStore, lease: Lease, folder: RunFolder) -> None:
        self._store, self._lease, self._folder = store, lease, folder
        self._rows: list[Metric] = []
        self._flushed = self._checkpointed = time.monotonic()
        self._written = 0  # checkpoints
        self._skipped: Checkpoint | None = None
        self._began: tuple[int, float] | None = None  # step and seconds after this attempt's first logged step
        self.progress = Progress()

    @property
    def checkpoint_due(self) -> bool:
        """Whether the last checkpoint is so old that there should be another. The first comes early: from then on
        the network can be looked at."""
        patience = CHECKPOINT_SECONDS if self._written else FIRST_CHECKPOINT_SECONDS
        return time.monotonic() - self._checkpointed > patience

    def record(self, event: Event, *, keep: bool = False) -> None:
        """Takes one event. ``keep``: a checkpoint must be written now, however close the last one is."""
        match event:
            case Started():
                self.progress = Progress(
                    step=event.step,
                    steps_total=event.steps_total,
                    epoch=event.step / event.steps_per_epoch,
                    elapsed=event.seconds,
                    device=event.device,
                )
                self.flush()
            case Step():
                self._step(event)
            case Evaluated():
                self._add(event, {"loss/validation": event.loss, "accuracy/validation": event.accuracy})
                self.flush()
            case Snapshot():
                write_snapshot(self._folder.snapshots, event)
            case Checkpoint():
                if keep or self._written == 0 or time.monotonic() - self._checkpointed > CLOSEST_CHECKPOINTS:
                    self._write(event)
                else:
                    self._skipped = event
            case Finished():
                if self._skipped is not None:
                    self._write(self._skipped)
                self.flush()

    def flush(self) -> None:
        """Writes the metrics that wait, and the progress."""
        rows, self._rows = self._rows, []
        if rows:
            self._store.append(self._lease, rows)
        self._store.progress(self._lease, self.progress)
        self._flushed = time.monotonic()

    def _step(self, event: Step) -> None:
        values = {
            "loss/train": event.loss,
            "accuracy/train": event.accuracy,
            "learning_rate": event.learning_rate,
            "images_per_second": event.images_per_second,
        }
        self._add(event, values | {f"gradient_norm/{name}": norm for name, norm in event.gradient_norms.items()})
        self._began = self._began or (event.step, event.seconds)
        # From the first logged step on: what comes before it is slower, for torch still loads much.
        steps, seconds = event.step - self._began[0], event.seconds - self._began[1]
        total = self.progress.steps_total or 0
        self.progress = Progress(
            step=event.step,
            steps_total=self.progress.steps_total,
            epoch=event.epoch,
            images_per_second=event.images_per_second,
            elapsed=event.seconds,
            eta=seconds / steps * (total - event.step) if steps else None,
            device=self.progress.device,
        )
        if time.monotonic() - self._flushed > FLUSH_SECONDS:
            self.flush()

    def _add(self, event: Step | Evaluated, values: dict[str, float]) -> None:
        now = time.time()
        self._rows += [Metric(key, event.step, event.epoch, value, now) for key, value in values.items()]

    def _write(self, checkpoint: Checkpoint) -> None:
        self.flush()  # so that no metric before a checkpoint is ever missing
        self._written += 1
        # Another name each time: one that the store already points at is never written over.
        name = f"{checkpoint.step:08d}-{self._lease.attempt}-{secrets.token_hex(3)}.safetensors"
        path = self._folder.checkpoints / name
        digest = write_checkpoint(path, checkpoint)
        self._store.commit_checkpoint(self._lease, self._folder.uri(path), digest, checkpoint.step)
        kept = self._store.latest_checkpoints(self._lease.run_id)
        prune(self._folder.checkpoints, [self._folder.resolve(one.uri) for one in kept])
        self._checkpointed, self._skipped = time.monotonic(), None
