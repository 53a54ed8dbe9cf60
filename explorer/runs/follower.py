"""A run's curves, kept up to date by reading only what is new; one follower serves all who watch the run."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from explorer.runs.records import Cursor
from explorer.runs.store import SqlRunStore


@dataclass(frozen=True, eq=False)
class Curve:
    """One metric: optimiser steps int64 (N,), rising, epochs and values float64 (N,); NaN where it diverged."""

    steps: np.ndarray
    epochs: np.ndarray
    values: np.ndarray


class Follower:
    """Reads a run's metrics. An answer is good for ``rest`` seconds, so that many watchers cost one read."""

    def __init__(self, store: SqlRunStore, run_id: str, *, rest: float = 0.5) -> None:
        self._store, self._run, self._rest = store, run_id, rest
        self._lock = threading.Lock()
        self._cursor: Cursor | None = None
        self._rows: dict[str, dict[int, tuple[float, float]]] = {}
        self._curves: Mapping[str, Curve] = {}
        self._read = -np.inf

    def curves(self) -> Mapping[str, Curve]:
        """All metrics by key. Raises StoreError where the run is unknown."""
        with self._lock:
            if time.monotonic() - self._read >= self._rest:
                self._follow()
                self._read = time.monotonic()
            return self._curves

    def _follow(self) -> None:
        batch = self._store.all_metrics_since(self._run, self._cursor)
        self._cursor = batch.cursor
        if batch.restart:
            self._rows = {}
        elif not batch.rows:
            return
        changed = dict.fromkeys(row.key for row in batch.rows)  # in the order in which they were written
        for row in batch.rows:
            self._rows.setdefault(row.key, {})[row.step] = (row.epoch, row.value)
        kept = {} if batch.restart else {key: curve for key, curve in self._curves.items() if key not in changed}
        self._curves = kept | {key: _curve(self._rows[key]) for key in changed}


def _curve(rows: Mapping[int, tuple[float, float]]) -> Curve:
    steps = np.array(sorted(rows), dtype=np.int64)
    pairs = np.array([rows[step] for step in steps.tolist()], dtype=np.float64).reshape(-1, 2)
    return Curve(steps, pairs[:, 0], pairs[:, 1])
