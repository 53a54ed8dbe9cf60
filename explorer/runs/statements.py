"""The pieces that the run store's statements are made of: conditions, updates under a lease, rows to values."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, or_, select, update

from explorer.errors import StoreError
from explorer.runs.records import Fenced, Launch, Lease, Progress, Request, RunRecord
from explorer.runs.schema import runs

PROGRESS = tuple(Progress.__dataclass_fields__)
_RECORD = tuple(name for name in RunRecord.__dataclass_fields__ if name != "progress")
RELEASED: dict[str, Any] = {"token": None, "lease_expires": None, "overdue": False, "desired": "run", "eta": None}


def record(row: Row[Any]) -> RunRecord:
    values = row._mapping
    progress = Progress(**{name: values[name] for name in PROGRESS})
    return RunRecord(**{name: values[name] for name in _RECORD}, progress=progress)


def state(at: Connection, run_id: str) -> tuple[str, str]:
    """A run's state and what is desired of it, held against other writers until the transaction ends."""
    row = at.execute(select(runs.c.state, runs.c.desired).where(runs.c.id == run_id).with_for_update()).first()
    if row is None:
        raise unknown(run_id)
    return row.state, row.desired


def leased(at: Connection, lease: Lease, **values: Any) -> Row[Any]:
    """Updates the run if the lease still holds (raises Fenced if not)."""
    held = (
        runs.c.id == lease.run_id,
        runs.c.state == "running",
        runs.c.attempt == lease.attempt,
        runs.c.token == lease.token,
    )
    change = update(runs).where(*held).values(values or {"token": lease.token})
    row = at.execute(change.returning(runs.c.desired, runs.c.seq)).first()
    if row is None:
        raise Fenced(
            f"run {lease.run_id}, attempt {lease.attempt}, is no longer this worker's: it ended or went on elsewhere"
        )
    return row


def oldest(condition: ColumnElement[bool]) -> Any:
    chosen = select(runs.c.id, runs.c.attempt).where(condition).order_by(runs.c.created, runs.c.id).limit(1)
    return chosen.with_for_update(skip_locked=True)


def expired(now: float) -> ColumnElement[bool]:
    return or_(runs.c.lease_expires.is_(None), runs.c.lease_expires < now)


def pending(launch: Launch) -> tuple[ColumnElement[bool], ...]:
    return runs.c.id == launch.run_id, runs.c.state == "queued", runs.c.token == launch.token


def unchanged(record: RunRecord) -> tuple[ColumnElement[bool], ...]:
    names = ("id", "state", "attempt", "worker", "lease_expires")
    return tuple(runs.c[name].is_not_distinct_from(getattr(record, name)) for name in names)


def refusal(action: Request, state: str, desired: str) -> str | None:
    """Why a request is not possible in this state; None where it is."""
    if action == "resume":
        return {
            "queued": "is already waiting for its turn",
            "running": "is still running: it can be resumed once it is paused or stopped",
            "finished": "has finished: start a new run to train further",
        }.get(state)
    if state in ("finished", "stopped", "failed"):
        return f"has already ended ({state}): there is nothing to {action}"
    if action == "pause" and state == "paused":
        return "is already paused"
    if action == "pause" and desired == "stop":
        return "is stopping: it can be resumed from its checkpoint afterwards"
    return None


def unknown(run_id: str) -> StoreError:
    return StoreError(f"there is no run {run_id!r:.40}: it was deleted, or belongs to another home folder")
