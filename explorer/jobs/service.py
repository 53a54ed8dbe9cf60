"""Starting, watching and ending jobs. The state is in files, so any number of servers and sessions see the same one.

As with runs, there is no dispatcher: whoever starts a job, looks at one that waits, or ends one sees to it that waiting
ones get their processes. Functions raise StoreError with a sentence.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np

from explorer.errors import StoreError, sentence
from explorer.home import home
from explorer.jobs import files
from explorer.jobs.files import JobFiles
from explorer.jobs.request import Request
from explorer.machine import cores
from explorer.runs.executors import Handle, LocalExecutor, how_it_ended

State = Literal["none", "waiting", "starting", "running", "done", "failed", "cancelled"]
ACTIVE: tuple[State, ...] = ("waiting", "starting", "running")

PATIENCE_SECONDS = 60.0
"""How long a job whose process can't be looked at from here, and which tells nothing, counts as alive."""
GRACE_SECONDS = 0.5
"""How long a cancelled process has before it is killed."""

# A job is one core's work: several at once would only take each other's.
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"), "1")

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Look:
    """What is to be seen of a job. ``share`` is what is done, 0 to 1, and ``phase`` a word or two on what is being
    done. ``seconds`` it has worked, or took; None before it works. ``ahead``: how many wait before it."""

    state: State
    share: float = 0.0
    phase: str = ""
    error: str | None = None
    seconds: float | None = None
    ahead: int = 0

    @property
    def active(self) -> bool:
        return self.state in ACTIVE

    @property
    def left(self) -> float | None:
        """How many seconds it may still take, by what is done; None as long as that says too little."""
        if self.seconds is None or self.seconds < 1 or not 0.02 <= self.share <= 1:
            return None
        return self.seconds * (1 - self.share) / self.share


class Jobs:
    """The jobs of one home folder, carried out by processes of this machine, at most ``slots`` at a time: as many as
    there are cores but one, which stays with the pages, and at least one."""

    def __init__(self, root: Path, worker: str = "explorer.jobs.worker", *, slots: int | None = None) -> None:
        slots = max(1, cores() - 1) if slots is None else slots
        self.root = root
        self._executor = LocalExecutor(worker, slots=slots, grace=GRACE_SECONDS, environment=_ONE_THREAD)

    def start(self, request: Request) -> Look:
        """Sees to it that the result is there or on its way, and says how far it is. What failed begins anew."""
        job = self.files(request.key)
        with files.lock(self.root):
            found = self._look(job)
            if not found.active and found.state != "done":
                job.begin({"request": request.model_dump(mode="json"), "asked": time.time()})
                self._dispatch()
        return self.look(request.key)

    def look(self, key: str) -> Look:
        """How far the job is. Cheap: a few small files."""
        job = self.files(key)
        found = self._look(job)
        if found.state == "waiting" or (found.active and self._gone(job)):
            with files.lock(self.root):
                self._dispatch()
            found = self._look(job)
        return found

    def cancel(self, key: str) -> Look:
        """Ends the job, also its process; nothing half-written stays. One that has ended stays as it is."""
        job = self.files(key)
        with files.lock(self.root):
            if self._look(job).active:
                self._executor.cancel(_handle(job))
                job.end({"state": "cancelled"})
                files.bound(self.root)
            self._dispatch()
        return self.look(key)

    def result(self, key: str) -> dict[str, np.ndarray]:
        """The arrays, read-only. Raises StoreError where there are none, and where the file was damaged."""
        return self.files(key).read_result()

    def forget(self, key: str) -> None:
        """Cancels the job if it is under way, and removes its result."""
        self.cancel(key)
        self.files(key).forget()

    def dispatch(self) -> None:
        """Ends jobs whose process is gone, and gives waiting ones theirs as long as there is room."""
        with files.lock(self.root):
            self._dispatch()

    def finish(self, key: str, arrays: Mapping[str, np.ndarray], seconds: float) -> None:
        """For the worker: keeps the result and ends the job as done."""
        job = self.files(key)
        job.write_result(arrays)
        with files.lock(self.root):
            job.end({"state": "done", "seconds": seconds})
            try:
                files.bound(self.root, spare=job.result)
                self._dispatch()
            except StoreError:  # the others' trouble, which whoever looks at them is told
                log.warning("the result is kept; what follows it failed", exc_info=True)

    def fail(self, key: str, error: str, seconds: float) -> None:
        """For the worker: ends the job with a sentence."""
        with files.lock(self.root):
            self.files(key).end({"state": "failed", "error": error, "seconds": seconds}, keep_log=True)
            self._dispatch()

    def files(self, key: str) -> JobFiles:
        """The job's files. Raises StoreError for text that is no key."""
        return JobFiles(self.root, key)

    # --- inside ---

    def _look(self, job: JobFiles) -> Look:
        begun = job.read("job.json")
        if begun is None:
            return _ended(job)
        if job.read("process.json") is None:
            ahead = sum(asked < begun["asked"] for asked, _ in self._waiting())
            return Look("waiting", ahead=ahead)
        at = job.read("progress.json")
        if at is None:
            return Look("starting")
        return Look("running", at["share"], at["phase"], seconds=max(0.0, time.time() - at["began"]))

    def _waiting(self) -> list[tuple[float, JobFiles]]:
        """The jobs without a process, those first that were asked for first."""
        found = []
        for job in files.active(self.root):
            begun = job.read("job.json")
            if begun is not None and job.read("process.json") is None:
                found.append((float(begun["asked"]), job))
        return sorted(found, key=lambda entry: (entry[0], entry[1].key))

    def _gone(self, job: JobFiles) -> bool:
        """Whether the job has a process, and it lives no more."""
        if job.read("process.json") is None:
            return False
        status = self._executor.status(_handle(job))
        if status == "lost":
            return job.alive_at() < time.time() - PATIENCE_SECONDS
        return status == "exited"

    def _dispatch(self) -> None:
        busy = 0
        for job in files.active(self.root):
            if self._gone(job):
                self._bury(job)
            elif job.read("process.json") is not None:
                busy += 1
        for _, job in self._waiting()[: max(0, self._executor.capacity() - busy)]:
            try:
                handle = self._executor.launch(job.key, job.log, job.key)
            except StoreError as error:
                job.end({"state": "failed", "error": sentence(str(error))})
            else:
                job.write("process.json", {"handle": handle})

    def _bury(self, job: JobFiles) -> None:
        if job.ended.exists():  # it ended properly, and was killed before it had cleared up
            job.clear()
            return
        code = self._executor.exit_code(_handle(job))
        error = how_it_ended("The computation's process ended unexpectedly", code)
        job.end({"state": "failed", "error": error}, keep_log=True)


def local() -> Jobs:
    """The home folder's jobs; the same object at every call, so that children are known."""
    return _local(home())


@lru_cache(maxsize=8)
def _local(folder: Path) -> Jobs:
    return Jobs(folder / "jobs")


def _handle(job: JobFiles) -> Handle:
    found = job.read("process.json")
    return Handle("" if found is None else str(found.get("handle", "")))


def _ended(job: JobFiles) -> Look:
    found: dict[str, Any] | None = job.read_end()
    if found is None:
        return Look("none")
    match found.get("state"):
        case "done" if job.result.exists():
            return Look("done", 1.0, seconds=found.get("seconds"))
        case "failed":
            return Look("failed", error=str(found.get("error", "")), seconds=found.get("seconds"))
        case "cancelled":
            return Look("cancelled")
        case _:
            return Look("none")
