"""What the run store speaks in: frozen values, and the contract that every store keeps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, NamedTuple, Protocol

from explorer.errors import StoreError
from explorer.spec import RunSpec, from_json

RunState = Literal["queued", "running", "paused", "finished", "stopped", "failed"]
EndState = Literal["paused", "finished", "stopped", "failed"]
Request = Literal["pause", "resume", "stop"]
Order = Literal["ok", "pause", "stop", "fenced"]


class Fenced(StoreError):  # noqa: N818  (a state of affairs, as the contract calls it)
    """This worker no longer holds the run: it ended, was deleted, or went to a later attempt. Write nothing more."""


class Metric(NamedTuple):
    """One number of a run. ``step`` counts optimiser steps, ``epoch`` passes over the training images (fractions
    allowed), ``time`` is seconds since 1970. (run, key, step) is unique; a later value replaces an earlier one."""

    key: str
    step: int
    epoch: float
    value: float
    time: float


class Cursor(NamedTuple):
    """How far a reader has read a run's metrics: the number of times they were cut back, and the last row seen."""

    cuts: int
    seq: int


class MetricBatch(NamedTuple):
    """New rows since a cursor. ``restart``: they are the whole history, so the reader drops what it held."""

    rows: list[Metric]
    cursor: Cursor
    restart: bool


@dataclass(frozen=True)
class Lease:
    """The right to work on a run for ``ttl`` seconds after each heartbeat. A later attempt fences it."""

    run_id: str
    attempt: int
    worker: str
    token: str
    ttl: float


@dataclass(frozen=True)
class Launch:
    """The right to start a process for a queued run that will be attempt ``attempt``."""

    run_id: str
    attempt: int
    token: str


@dataclass(frozen=True)
class Progress:
    """How far a run is. ``elapsed`` and ``eta`` (time left) in seconds; None where it is not known yet."""

    step: int = 0
    steps_total: int | None = None
    epoch: float = 0.0
    images_per_second: float | None = None
    elapsed: float = 0.0
    eta: float | None = None
    device: str | None = None


@dataclass(frozen=True)
class Checkpoint:
    """A committed checkpoint; ``uri`` is a path relative to the run's folder."""

    step: int
    uri: str
    sha256: str
    created: float


@dataclass(frozen=True)
class RunRecord:
    """A run as the store knows it. Times are seconds since 1970. ``worker`` names the process that is (or was)
    responsible, ``desired`` is what its user last asked for, ``overdue`` that it gave no sign of life for a while."""

    id: str
    name: str
    owner: str
    spec_json: str
    state: RunState
    desired: Literal["run", "pause", "stop"]
    created: float
    started: float | None
    ended: float | None
    attempt: int
    worker: str | None
    lease_expires: float | None
    overdue: bool
    error: str | None
    result: Mapping[str, Any] | None
    progress: Progress

    @property
    def spec(self) -> RunSpec:
        """What is trained. Parsed on demand, so that one unreadable run (SpecError) doesn't hide the others."""
        return _spec(self.spec_json)

    @property
    def active(self) -> bool:
        """Whether a process works on it or is about to."""
        return self.state in ("queued", "running")


# Named, for inside a class with a method `list` that word is taken.
Records = list[RunRecord]
Metrics = list[Metric]
Checkpoints = list[Checkpoint]


@lru_cache(maxsize=1024)
def _spec(text: str) -> RunSpec:
    return from_json(RunSpec, text)


class RunStore(Protocol):
    """What a worker and a reader need of a store. Unknown runs raise StoreError, stale leases Fenced."""

    def create(self, spec: RunSpec, owner: str = "") -> str: ...
    def claim(self, worker: str, ttl: float) -> Lease | None: ...
    def claim_run(self, run_id: str, worker: str, ttl: float) -> Lease | None: ...
    def heartbeat(self, lease: Lease) -> Order: ...
    def append(self, lease: Lease, rows: Sequence[Metric]) -> None: ...
    def truncate_metrics(self, lease: Lease, step: int) -> None: ...
    def progress(self, lease: Lease, progress: Progress) -> None: ...
    def commit_checkpoint(self, lease: Lease, uri: str, sha256: str, step: int) -> None: ...
    def latest_checkpoints(self, run_id: str) -> Checkpoints: ...
    def finish(
        self, lease: Lease, state: EndState, error: str | None = None, result: Mapping[str, Any] | None = None
    ) -> None: ...
    def metrics_since(self, run_id: str, key: str, step: int) -> Metrics: ...
    def all_metrics_since(self, run_id: str, cursor: Cursor | None = None) -> MetricBatch: ...
    def get(self, run_id: str) -> RunRecord: ...
    def get_many(self, run_ids: Sequence[str]) -> Records: ...
    def list(self, owner: str | None = None) -> Records: ...
    def request(self, run_id: str, action: Request) -> None: ...
    def delete(self, run_id: str) -> None: ...
