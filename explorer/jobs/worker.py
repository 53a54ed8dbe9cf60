"""The process that does one job: ``python -m explorer.jobs.worker KEY``.

It reads the request, computes, and keeps the result. What goes wrong is one sentence at the job's end and a traceback
in its log. To end it, it is killed: whatever it writes is whole or not there.
"""

from __future__ import annotations

import logging
import os
import sys
import time

from explorer.errors import ExplorerError, sentence
from explorer.jobs import registry, service
from explorer.jobs.context import Context
from explorer.jobs.files import JobFiles
from explorer.jobs.request import Request
from explorer.jobs.service import Jobs

NICENESS = 2
"""Whoever looks at a page comes before a job that somebody waits for, and that before training."""
TELL_SECONDS = 0.2

log = logging.getLogger("explorer.jobs.worker")


def main(key: str, *, jobs: Jobs | None = None) -> int:
    """Does the job; returns the process's exit status, 0 unless it failed."""
    logging.basicConfig(level=logging.INFO, stream=sys.stdout, format="%(asctime)s %(levelname)s %(message)s")
    jobs = jobs or service.local()
    job = jobs.files(key)
    begun = job.read("job.json")
    if begun is None:
        log.error("there is no such job: it was cancelled, or has ended")
        return 1
    if hasattr(os, "nice"):
        os.nice(max(0, NICENESS - os.nice(0)))  # whatever that of the worker is that started this one
    teller = Teller(job)
    try:
        request = Request.model_validate(begun["request"])  # of an earlier version of this program, perhaps
        log.info("%s of %s, %s: %s", request.kind, request.network, request.dataset, request.params)
        arrays = registry.function(request.kind)(Context(request), dict(request.params), teller)
        teller(1.0, "keeping the result")
        jobs.finish(key, arrays, teller.seconds)
    except Exception as fault:
        log.exception("the job failed")
        jobs.fail(key, _sentence(fault), teller.seconds)
        return 1
    log.info("done in %.1f s", teller.seconds)
    return 0


class Teller:
    """Writes the progress, five times a second at most, for all who look at the job."""

    def __init__(self, job: JobFiles) -> None:
        self._job, self._began, self._told, self._phase = job, time.time(), 0.0, ""
        self(0.0, "loading")

    @property
    def seconds(self) -> float:
        return time.time() - self._began

    def __call__(self, share: float, phase: str = "", /) -> None:
        now, changed = time.monotonic(), phase not in ("", self._phase)
        self._phase = phase or self._phase
        if changed or now - self._told >= TELL_SECONDS:
            self._told = now
            share = min(1.0, max(0.0, float(share)))
            self._job.tell({"share": share, "phase": self._phase, "began": self._began})


def _sentence(fault: Exception) -> str:
    if isinstance(fault, ExplorerError):
        return sentence(str(fault))
    if isinstance(fault, MemoryError) or "can't allocate memory" in str(fault) or "out of memory" in str(fault):
        return "The machine has too little free memory for this: end other work on it, or ask for less, and try again."
    return f"An unexpected {type(fault).__name__} ended the computation: {fault} (the server keeps its log)."


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
