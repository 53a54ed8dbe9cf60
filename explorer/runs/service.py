"""What pages, the command line and workers call: start runs and steer them, and see to it that the queue moves.

There is no dispatcher process. Whoever changes something calls :func:`dispatch`: the page that starts a run, the worker
that ends one, the pages' refresh; the store makes sure that each run is launched once. Functions work on the store in
the home folder and on local processes, unless told ``on`` which backend. They raise StoreError with a sentence.
"""

from __future__ import annotations

import hashlib
import secrets
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from explorer.errors import StoreError
from explorer.home import home
from explorer.runs import artifacts
from explorer.runs.executors import Executor, Handle, LocalExecutor, how_it_ended
from explorer.runs.records import RunRecord
from explorer.runs.store import SqlRunStore
from explorer.spec import RunSpec

LAUNCH_SECONDS = 120.0
"""How long a started process may take until it claims its run; importing torch takes seconds."""

PATIENCE_SECONDS = 60.0
"""How long a process that lives, but let its lease run out, may stay silent: the machine may have been asleep."""

_ONE_AT_A_TIME = threading.Lock()


@dataclass(frozen=True)
class Backend:
    """Where runs are kept, and who executes them."""

    store: SqlRunStore
    executor: Executor


def local() -> Backend:
    """The home folder's store and local processes; the same objects at every call, so that children are known."""
    with _ONE_AT_A_TIME:
        return _local(home())


@lru_cache(maxsize=8)
def _local(_home: Path) -> Backend:
    return Backend(SqlRunStore.open(), LocalExecutor())


def start(spec: RunSpec, owner: str = "", *, on: Backend | None = None) -> str:
    """Queues a run, starts it if there is room, and returns its id."""
    on = on or local()
    run_id = on.store.create(spec, owner)
    dispatch(on=on)
    return run_id


def add(spec: RunSpec, weights: bytes, result: Mapping[str, Any], owner: str = "", *, on: Backend | None = None) -> str:
    """Keeps a network as a run that was not trained here: its weights file, and what is known of it. Returns its id."""
    on = on or local()
    run_id = secrets.token_hex(4)
    folder = artifacts.run_folder(run_id).create()
    try:
        artifacts.atomic_write(folder.weights, weights)
        on.store.add(run_id, spec, {**result, "weights_sha256": hashlib.sha256(weights).hexdigest()}, owner)
    except StoreError:
        artifacts.remove(run_id)
        raise
    return run_id


def pause(run_id: str, *, on: Backend | None = None) -> None:
    """Asks a run to pause at its next checkpoint; a queued one pauses at once."""
    on = on or local()
    recover(on=on)
    on.store.request(run_id, "pause")


def resume(run_id: str, *, on: Backend | None = None) -> None:
    """Queues a paused, stopped or failed run again. It goes on from its last checkpoint, or begins anew without one."""
    on = on or local()
    recover(on=on)
    on.store.request(run_id, "resume")
    dispatch(on=on)


def stop(run_id: str, *, force: bool = False, on: Backend | None = None) -> None:
    """Asks a run to stop; a waiting one stops at once. ``force`` ends the process without waiting for an answer."""
    on = on or local()
    recover(on=on)
    on.store.request(run_id, "stop")
    if force:
        _cancel(run_id, on)


def delete(run_id: str, *, wait: float = 5.0, on: Backend | None = None) -> None:
    """Deletes a run with all its files. A running one is asked to stop, and ended by force after ``wait`` seconds."""
    on = on or local()
    recover(on=on)
    if on.store.get(run_id).active:
        with suppress(StoreError):  # it ended this very moment, by itself
            on.store.request(run_id, "stop")
        deadline = time.monotonic() + wait
        while on.store.get(run_id).state == "running" and time.monotonic() < deadline:
            time.sleep(0.05)
            recover(on=on)
        _cancel(run_id, on)
    on.store.delete(run_id)
    artifacts.remove(run_id)
    dispatch(on=on)


def rename(run_id: str, name: str, *, on: Backend | None = None) -> None:
    """Gives a run another name, under the rules for names in a spec (SpecError)."""
    on = on or local()
    on.store.rename(run_id, on.store.get(run_id).spec.renamed(name).name)


def dispatch(*, on: Backend | None = None) -> list[str]:
    """Starts waiting runs while there is room, after :func:`recover`; returns their ids. Cheap, and safe to call from
    any number of processes at once."""
    on = on or local()
    recover(on=on)
    begun = []
    while launch := on.store.reserve(on.executor.capacity(), LAUNCH_SECONDS):
        try:
            handle = on.executor.submit(launch.run_id, launch.attempt)
        except StoreError as error:
            on.store.give_up(launch, str(error))
        else:
            on.store.launched(launch, handle)
            begun.append(launch.run_id)
    return begun


def recover(*, on: Backend | None = None) -> list[str]:
    """Ends runs whose process is gone, as failed with the cause (as stopped where that was asked for); returns them.

    A process that can't be looked at from here is given up when its lease runs out; one that lives but is silent gets
    ``PATIENCE_SECONDS`` more, for after a sleep of the machine every lease has run out; then it is ended.
    """
    on = on or local()
    ended = []
    for run in on.store.underway():
        handle = Handle(run.worker or "")
        status = on.executor.status(handle)
        silent = status != "exited" and run.lease_expires is not None and run.lease_expires < on.store.clock()
        if status in ("running", "pending") and silent:
            if not run.overdue:
                on.store.warn(run, PATIENCE_SECONDS)
                continue
            on.executor.cancel(handle)
        elif status != "exited" and not silent:
            continue
        if _bury(run, on, silent):
            ended.append(run.id)
    return ended


def read_log(run_id: str, *, tail: int = 64_000) -> str:
    """The last ``tail`` bytes of what the run's processes printed; "" where there is nothing yet."""
    return artifacts.read_tail(artifacts.run_folder(run_id).log, tail)


def _cancel(run_id: str, on: Backend) -> None:
    """Ends the process of a run that didn't end by itself, or that is only just being started."""
    run = on.store.get(run_id)
    if run.worker and (run.state == "running" or run.started is None):
        on.executor.cancel(Handle(run.worker))
        recover(on=on)


def _bury(run: RunRecord, on: Backend, silent: bool) -> bool:
    if run.desired == "stop":
        return on.store.end_lost(run, "stopped", None)
    kept = on.store.latest_checkpoints(run.id)
    code = on.executor.exit_code(Handle(run.worker or ""))
    return on.store.end_lost(run, "failed", f"{_cause(run, code, silent)} {_outlook(kept[0].step if kept else None)}")


def _cause(run: RunRecord, code: int | None, hung: bool) -> str:
    if hung:
        return "The training process gave no sign of life any more and was given up."
    when = "unexpectedly" if run.state == "running" else "before it began"
    return how_it_ended(f"The training process ended {when}", code)


def _outlook(step: int | None) -> str:
    if step is None:
        return "There is no checkpoint yet: resume begins anew."
    return f"The checkpoint of step {step:,} is kept: resume goes on from there."
