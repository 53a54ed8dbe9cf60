"""Whether other programs want the cores that the training waits on.

OpenMP's threads wait for each other by spinning, because a thread that sleeps takes too long to wake: a fifth to a
quarter of the speed of the article's network on two cores. But where another program has one of the cores, both
threads spin while they wait for a third, and what remains is a third of the speed of threads that sleep; with two
such runs at once, a sixth. How they wait is settled when OpenMP is loaded, so a worker that notices starts anew.
"""

from __future__ import annotations

import os
import time

import psutil

SLEEPING = {"OMP_WAIT_POLICY": "passive"}
"""The environment in which threads sleep while they wait. It changes nothing in what they compute."""

WINDOW_SECONDS = 4.0
_SHARE = 0.75
_IDLE = 0.1


class Contention:
    """Watches how much of the cores this process gets, while it computes on ``threads`` of them."""

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._possible = threads > 1 and os.name == "posix" and "OMP_WAIT_POLICY" not in os.environ
        self._began: tuple[float, float, float, float] | None = None

    def noticed(self) -> bool:
        """Whether, in the last few seconds, threads that spin were kept from their cores, and no core was idle.

        To be called often; False between two measurements, and always where the threads don't spin.
        """
        if not self._possible:
            return False
        now = times()
        if self._began is None:
            self._began = now
        wall, own, idle, total = (after - before for after, before in zip(now, self._began, strict=True))
        if wall < WINDOW_SECONDS:
            return False
        self._began = now
        return own < _SHARE * self._threads * wall and idle < _IDLE * total


def times() -> tuple[float, float, float, float]:
    """Seconds: of the clock, of this process on all cores, of all cores idle, and of all cores."""
    cores = psutil.cpu_times()
    return time.monotonic(), time.process_time(), cores.idle + getattr(cores, "iowait", 0.0), sum(cores)
