"""What a worker is told to do: its lease's heartbeat in a thread, so that a long step doesn't lose the run."""

from __future__ import annotations

import logging
import signal
import threading
from types import FrameType, TracebackType
from typing import Self

from explorer.errors import StoreError
from explorer.runs.records import Lease, Order
from explorer.runs.store import SqlRunStore

INTERVAL = 0.4
"""Seconds between heartbeats. An order reaches the worker within this time."""

log = logging.getLogger(__name__)


class Orders:
    """Beats while its ``with`` block lasts. SIGTERM counts as the order to pause, unless another came before."""

    def __init__(self, store: SqlRunStore, lease: Lease) -> None:
        self._store, self._lease = store, lease
        self._order: Order = "ok"
        self._terminated = False
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)

    @property
    def current(self) -> Order:
        """The last order; "ok": go on. "fenced": somebody else has the run, so write nothing more."""
        return "pause" if self._order == "ok" and self._terminated else self._order

    def __enter__(self) -> Self:
        signal.signal(signal.SIGTERM, self._terminate)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end.set()
        self._thread.join()

    def _terminate(self, _signal: int, _frame: FrameType | None) -> None:
        self._terminated = True

    def _beat(self) -> None:
        while not self._end.is_set():
            try:
                self._order = self._store.heartbeat(self._lease)
            except StoreError:
                # Not the end: what the run itself writes will fail, too, if this lasts.
                log.warning("the heartbeat failed", exc_info=True)
            self._end.wait(INTERVAL)
