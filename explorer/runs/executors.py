"""Who starts, watches and ends the processes that train. An executor knows processes, never metrics or states."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NewType, Protocol

import psutil

import explorer
from explorer.errors import StoreError
from explorer.home import data_dirs, home
from explorer.machine import cores
from explorer.runs.artifacts import run_folder

Handle = NewType("Handle", str)
"""Text by which an executor, also the next server's, finds a process again. The store keeps it."""

Status = Literal["pending", "running", "exited", "lost"]

# glibc hands large blocks back to the kernel after every training step and fetches them again, zeroed page by page.
# Keeping them makes training with large batches up to 1.7 times as fast; other C libraries ignore these names.
_ENVIRONMENT = {
    "MALLOC_MMAP_THRESHOLD_": "4000000000",
    "MALLOC_TRIM_THRESHOLD_": "8000000000",
    "PYTHONUNBUFFERED": "1",
}


@dataclass(frozen=True)
class Resources:
    """What a run needs. The local executor counts runs alone; a cluster's looks at these."""

    cpus: float = 1.0
    gpus: float = 0.0


ONE_CORE = Resources()


class Executor(Protocol):
    """Starts a process a run. ``exited``: known to be gone; ``lost``: not to be found, so its lease must decide."""

    def submit(self, run_id: str, attempt: int, need: Resources = ONE_CORE) -> Handle: ...
    def cancel(self, handle: Handle) -> None: ...
    def status(self, handle: Handle) -> Status: ...
    def exit_code(self, handle: Handle) -> int | None: ...
    def capacity(self) -> int: ...


class LocalExecutor:
    """Processes of this machine that outlive the one that started them, as leaders of sessions of their own.

    A handle is host, process id and start time, so that a process id that was given out anew is never mistaken for
    the old process, and any later server can adopt what runs. ``slots`` is how many runs train at once: by default
    half the cores but at least two, so that a short run never waits for a long one; the others stay queued.
    ``grace`` is how many seconds a cancelled process has to end by itself; ``environment`` is added to its own.
    """

    def __init__(
        self,
        worker: str = "explorer.training.worker",
        *,
        slots: int | None = None,
        grace: float = 5.0,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._worker = worker
        self._slots = max(2, cores() // 2) if slots is None else slots
        self._grace = grace
        self._added = dict(environment or {})
        self._children: dict[int, tuple[Handle, _Detached]] = {}

    def capacity(self) -> int:
        return self._slots

    def submit(self, run_id: str, attempt: int, need: Resources = ONE_CORE) -> Handle:  # noqa: ARG002
        """Starts the worker's module with the run's id; what it prints goes to the run's log.

        Raises StoreError where the process can't be started.
        """
        return self.launch(run_id, run_folder(run_id).create().log, f"attempt {attempt}")

    def launch(self, argument: str, log_path: Path, title: str) -> Handle:
        """Starts the worker's module with that argument; ``title`` and what it prints go to the log.

        Raises StoreError where the process can't be started.
        """
        for _, earlier in self._children.values():
            earlier.poll()  # or it stays a zombie for as long as we live, where nobody asks how it ended
        try:
            with log_path.open("ab") as log:
                log.write(f"--- {title}\n".encode())
                log.flush()
                child = _Detached(
                    [sys.executable, "-m", self._worker, argument],
                    cwd=Path(explorer.__file__).parents[1],
                    env=_environment() | self._added,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
        except OSError as error:
            reason = error.strerror or str(error)
            raise StoreError(
                f"the process can't be started ({reason}): free some memory or disk space, then try again"
            ) from error
        handle = _handle(child.pid)
        self._children[child.pid] = handle, child
        return handle

    def status(self, handle: Handle) -> Status:
        """Whether the process lives. Of one on another host nothing is known here: it is "lost"."""
        host, pid, started = _parts(handle)
        if host != _host():
            return "lost"
        if self.exit_code(handle) is not None:
            return "exited"
        try:
            process = psutil.Process(pid)
            if process.status() == psutil.STATUS_ZOMBIE:
                return "exited"
            return "running" if _close(process.create_time(), started) else "lost"
        except psutil.NoSuchProcess:
            return "exited"

    def exit_code(self, handle: Handle) -> int | None:
        """The exit status, minus the signal's number where one killed it; None where it lives or isn't our child."""
        _, pid, started = _parts(handle)
        ours, child = self._children.get(pid, (None, None))
        if ours is None or child is None or not _close(_parts(ours)[2], started):
            return None
        return child.poll()  # a child that ended stays a zombie, and seems alive to others, until it is waited for

    def cancel(self, handle: Handle) -> None:
        """Ends the process and its children: asks first, then kills. Does nothing where it is gone, or is this one."""
        pid = _parts(handle)[1]
        if pid == os.getpid() or self.status(handle) != "running":
            return
        with suppress(psutil.NoSuchProcess):
            process = psutil.Process(pid)
            children = process.children(recursive=True)
            process.terminate()
            self._wait(handle)
            for survivor in [process, *children]:
                with suppress(psutil.NoSuchProcess):
                    survivor.kill()
        self._wait(handle)

    def _wait(self, handle: Handle) -> None:
        # Not psutil's own wait: that would take a child's exit status away from Popen.
        deadline = time.monotonic() + self._grace
        while self.status(handle) == "running" and time.monotonic() < deadline:
            time.sleep(0.02)


class _Detached(subprocess.Popen[bytes]):
    """A child that outlives us on purpose, which is no leak to warn of."""

    def __del__(self) -> None:
        super().__del__(_warn=lambda *_, **__: None)  # type: ignore[call-arg]


def how_it_ended(ended: str, code: int | None) -> str:
    """What to tell of a process that is gone: ``ended`` says which one and when, ``code`` as
    :meth:`LocalExecutor.exit_code` has it."""
    if code is None:
        return f"{ended}. Often the machine was out of memory, or was switched off."
    if code < 0:
        return f"{ended} (killed by signal {-code}).{' Often the machine was out of memory.' if code == -9 else ''}"
    return f"{ended} (exit code {code}). Its log says more."


def this_process() -> Handle:
    """The handle of the calling process: what a worker gives as its name when it claims a run."""
    return _handle(os.getpid())


def _environment() -> dict[str, str]:
    """The worker's environment. Its working folder is another one, so paths in it must be absolute."""
    environment = {**os.environ, **_ENVIRONMENT, "KERNELSCOPE_HOME": str(home())}
    if os.environ.get("KERNELSCOPE_DATA"):
        environment["KERNELSCOPE_DATA"] = str(data_dirs()[0])
    return environment


def _host() -> str:
    return platform.node() or "localhost"


def _handle(pid: int) -> Handle:
    try:
        started = psutil.Process(pid).create_time()
    except psutil.NoSuchProcess:  # it ended at once, on a system that tells nothing about zombies
        started = time.time()
    return Handle(f"{_host()}/{pid}/{started:.2f}")


def _parts(handle: Handle) -> tuple[str, int, float]:
    """Host, process id and start time; no host, which none is called, for text that no local executor made."""
    try:
        host, pid, started = handle.rsplit("/", 2)
        return host, int(pid), float(started)
    except ValueError:
        return "", 0, 0.0


def _close(started: float, noted: float) -> bool:
    """Whether two start times mean one process. They derive from the boot time, which clock corrections move a bit."""
    return abs(started - noted) < 2.0
