"""The run store on SQLAlchemy Core: the sole source of truth for runs, shared by every server, page and worker.

Each method is one transaction. Writers take turns, so what a method decides on what it reads stays true until it has
written. Statements are portable; opening the file, and the upsert, are SQLite's (PostgreSQL has the same upsert).
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, delete, func, insert, or_, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from explorer.errors import StoreError
from explorer.home import home
from explorer.runs import metric_log, statements
from explorer.runs.records import (
    Checkpoint,
    Checkpoints,
    Cursor,
    EndState,
    Fenced,
    Launch,
    Lease,
    Metric,
    MetricBatch,
    Metrics,
    Order,
    Progress,
    Records,
    Request,
    RunRecord,
)
from explorer.runs.schema import checkpoints, metrics, open_engine, runs, transaction
from explorer.spec import RunSpec

CHECKPOINTS_KEPT = 2


class SqlRunStore:
    """See :class:`~explorer.runs.records.RunStore`. Safe to share between threads; each process opens its own.

    ``clock`` gives seconds since 1970. Every method raises StoreError for an unknown run and for a damaged, full or
    unreachable store, and Fenced (a StoreError) where a lease no longer holds.
    """

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.time) -> None:
        self.path = path
        self.clock = clock
        self._engine = open_engine(path)

    @classmethod
    def open(cls, target: Path | str | None = None) -> SqlRunStore:
        """Opens the store at a path or ``sqlite:///`` URL, by default the one in the home folder."""
        if target is None:
            target = home() / "runs.sqlite3"
        elif isinstance(target, str):
            scheme, separator, rest = target.partition(":///")
            if "://" in target and scheme != "sqlite":
                raise StoreError("runs are kept in SQLite for now: give a path or a sqlite:/// URL")
            target = rest if separator else target
        return cls(Path(target))

    def close(self) -> None:
        self._engine.dispose()

    # --- runs -------------------------------------------------------------------------------------------------------

    def create(self, spec: RunSpec, owner: str = "") -> str:
        """Puts a run in the queue and returns its id, eight hexadecimal digits."""
        with transaction(self._engine, "FULL") as at:
            run_id = secrets.token_hex(4)
            while at.execute(select(runs.c.id).where(runs.c.id == run_id)).first():
                run_id = secrets.token_hex(4)
            values = {"id": run_id, "name": spec.name, "owner": owner, "spec_json": spec.model_dump_json()}
            at.execute(insert(runs).values(**values, state="queued", created=self.clock()))
        return run_id

    def add(self, run_id: str, spec: RunSpec, result: Mapping[str, Any], owner: str = "") -> None:
        """Notes a run that has its result already and that no process worked on. Raises StoreError where the id is
        taken."""
        now = self.clock()
        values = {"id": run_id, "name": spec.name, "owner": owner, "spec_json": spec.model_dump_json()}
        with transaction(self._engine, "FULL") as at:
            if at.execute(select(runs.c.id).where(runs.c.id == run_id)).first():
                raise StoreError(f"there is a run {run_id} already: try again")
            at.execute(insert(runs).values(**values, state="finished", created=now, ended=now, result=dict(result)))

    def get(self, run_id: str) -> RunRecord:
        with transaction(self._engine) as at:
            row = at.execute(select(runs).where(runs.c.id == run_id)).first()
        if row is None:
            raise statements.unknown(run_id)
        return statements.record(row)

    def get_many(self, run_ids: Sequence[str]) -> Records:
        """These runs in their order, in one query. Raises StoreError for the first one that there is not."""
        found = {run.id: run for run in self._records(runs.c.id.in_(run_ids))}
        for run_id in run_ids:
            if run_id not in found:
                raise statements.unknown(run_id)
        return [found[run_id] for run_id in run_ids]

    def list(self, owner: str | None = None) -> Records:
        """All runs, or one owner's, the newest first."""
        return self._records(*([] if owner is None else [runs.c.owner == owner]))

    def underway(self) -> Records:
        """Runs that a process works on, or was started for."""
        launched = and_(runs.c.state == "queued", runs.c.worker.is_not(None))
        return self._records(or_(runs.c.state == "running", launched))

    def rename(self, run_id: str, name: str) -> None:
        """Changes what the run is called; its spec, which decided its result, keeps the first name."""
        with transaction(self._engine, "FULL") as at:
            statements.state(at, run_id)
            at.execute(update(runs).where(runs.c.id == run_id).values(name=name))

    def delete(self, run_id: str) -> None:
        """Forgets a run, its metrics and its checkpoints' records. Refuses while it is running."""
        with transaction(self._engine, "FULL") as at:
            if statements.state(at, run_id)[0] == "running":
                raise StoreError(f"run {run_id} is running: stop it before it is deleted")
            at.execute(delete(runs).where(runs.c.id == run_id))

    def request(self, run_id: str, action: Request) -> None:
        """What its user asks of a run. A running one is asked through its heartbeat, any other changes at once.

        Raises StoreError with the reason where the run's state does not allow it.
        """
        with transaction(self._engine, "FULL") as at:
            state, desired = statements.state(at, run_id)
            refused = statements.refusal(action, state, desired)
            if refused:
                raise StoreError(f"run {run_id} {refused}")
            values: dict[str, Any]
            if action == "resume":
                values = {**statements.RELEASED, "state": "queued", "worker": None, "error": None, "ended": None}
            elif state == "running":
                values = {"desired": action}
            elif action == "pause":
                values = {**statements.RELEASED, "state": "paused"}
            else:
                values = {**statements.RELEASED, "state": "stopped", "ended": self.clock()}
            at.execute(update(runs).where(runs.c.id == run_id).values(values))

    # --- launching: how a queued run gets its process, once -----------------------------------------------------------

    def reserve(self, capacity: int, ttl: float) -> Launch | None:
        """The right to start a process for the oldest waiting run, if fewer than ``capacity`` are underway.

        The process has ``ttl`` seconds to claim the run; after that it may be launched again.
        """
        now = self.clock()
        with transaction(self._engine, "FULL") as at:
            launched = and_(runs.c.state == "queued", runs.c.lease_expires >= now)
            busy = at.scalar(select(func.count()).where(or_(runs.c.state == "running", launched)))
            waiting = and_(runs.c.state == "queued", statements.expired(now))
            row = at.execute(statements.oldest(waiting)).first() if (busy or 0) < capacity else None
            if row is None:
                return None
            token = secrets.token_hex(8)
            values = {"token": token, "worker": None, "lease_expires": now + ttl, "overdue": False}
            at.execute(update(runs).where(runs.c.id == row.id).values(values))
            return Launch(row.id, row.attempt + 1, token)

    def launched(self, launch: Launch, worker: str) -> None:
        """Notes the process of a launch. Does nothing where the run was claimed or taken back meanwhile."""
        with transaction(self._engine, "FULL") as at:
            at.execute(update(runs).where(*statements.pending(launch)).values(worker=worker))

    def give_up(self, launch: Launch, error: str) -> None:
        """Marks a run failed whose process could not be started."""
        values = {**statements.RELEASED, "state": "failed", "error": error, "ended": self.clock()}
        with transaction(self._engine, "FULL") as at:
            at.execute(update(runs).where(*statements.pending(launch)).values(values))

    def warn(self, record: RunRecord, patience: float) -> None:
        """Gives a silent process ``patience`` more seconds, unless the run changed since ``record`` was read."""
        with transaction(self._engine, "FULL") as at:
            values = {"overdue": True, "lease_expires": self.clock() + patience}
            at.execute(update(runs).where(*statements.unchanged(record)).values(values))

    def end_lost(self, record: RunRecord, state: EndState, error: str | None) -> bool:
        """Ends a run whose process is gone. False where the run changed since ``record`` was read."""
        values = {**statements.RELEASED, "state": state, "error": error, "ended": self.clock()}
        with transaction(self._engine, "FULL") as at:
            return at.execute(update(runs).where(*statements.unchanged(record)).values(values)).rowcount == 1

    # --- the worker's side --------------------------------------------------------------------------------------------

    def claim(self, worker: str, ttl: float) -> Lease | None:
        """Takes the oldest run that nobody works on: queued, or running with a lease that ran out. None: no work."""
        now = self.clock()
        return self._claim(and_(runs.c.state.in_(["queued", "running"]), statements.expired(now)), worker, ttl)

    def claim_run(self, run_id: str, worker: str, ttl: float) -> Lease | None:
        """Takes this run, the same way; None where it is not to be had (paused, ended, or at work elsewhere)."""
        self.get(run_id)
        free = or_(runs.c.state == "queued", and_(runs.c.state == "running", statements.expired(self.clock())))
        return self._claim(and_(runs.c.id == run_id, free), worker, ttl)

    def _claim(self, condition: ColumnElement[bool], worker: str, ttl: float) -> Lease | None:
        now = self.clock()
        with transaction(self._engine, "FULL") as at:
            row = at.execute(statements.oldest(and_(runs.c.desired == "run", condition))).first()
            if row is None:
                return None
            lease = Lease(row.id, row.attempt + 1, worker, secrets.token_hex(8), ttl)
            values = {"attempt": lease.attempt, "worker": worker, "token": lease.token, "lease_expires": now + ttl}
            began = {"started": func.coalesce(runs.c.started, now), "ended": None, "error": None, "overdue": False}
            at.execute(update(runs).where(runs.c.id == row.id).values(state="running", **values, **began))
            return lease

    def heartbeat(self, lease: Lease) -> Order:
        """Extends the lease and says what to do now; "fenced": stop at once and write nothing more."""
        try:
            row = self._touch(lease, lease_expires=self.clock() + lease.ttl, overdue=False)
        except Fenced:
            return "fenced"
        order: Order = "ok" if row.desired == "run" else row.desired
        return order

    def progress(self, lease: Lease, progress: Progress) -> None:
        self._touch(lease, **{name: getattr(progress, name) for name in statements.PROGRESS})

    def append(self, lease: Lease, rows: Sequence[Metric]) -> None:
        """Adds metrics; one with the same key and step replaces the earlier one. NaN and infinities are kept."""
        with transaction(self._engine, "NORMAL") as at:
            last = statements.leased(at, lease, seq=runs.c.seq + len(rows)).seq
            metric_log.write(at, lease.run_id, rows, first=last - len(rows) + 1)

    def truncate_metrics(self, lease: Lease, step: int) -> None:
        """Forgets all metrics and checkpoints after ``step``, from where the run goes on (0: from the beginning).

        Readers see a restart at their next :meth:`all_metrics_since`.
        """
        with transaction(self._engine, "FULL") as at:
            statements.leased(at, lease, cuts=runs.c.cuts + 1)
            for table in (metrics, checkpoints):
                at.execute(delete(table).where(table.c.run == lease.run_id, table.c.step > step))

    def commit_checkpoint(self, lease: Lease, uri: str, sha256: str, step: int) -> None:
        """Notes a checkpoint whose file is complete on disk; the newest two are kept, older ones forgotten."""
        values = {"uri": uri, "sha256": sha256, "created": self.clock()}
        with transaction(self._engine, "FULL") as at:
            statements.leased(at, lease)
            added = upsert(checkpoints).values(run=lease.run_id, step=step, **values)
            at.execute(added.on_conflict_do_update(index_elements=["run", "step"], set_=values))
            steps = select(checkpoints.c.step).where(checkpoints.c.run == lease.run_id)
            kept = at.scalars(steps.order_by(checkpoints.c.step.desc()).limit(CHECKPOINTS_KEPT)).all()
            at.execute(delete(checkpoints).where(checkpoints.c.run == lease.run_id, checkpoints.c.step.not_in(kept)))

    def finish(
        self, lease: Lease, state: EndState, error: str | None = None, result: Mapping[str, Any] | None = None
    ) -> None:
        """Ends or pauses the run and gives the lease back. ``result`` is what JSON can hold, kept as it is."""
        values = {**statements.RELEASED, "state": state, "error": error}
        if state != "paused":
            values["ended"] = self.clock()
        if result is not None:
            values["result"] = dict(result)
        with transaction(self._engine, "FULL") as at:
            statements.leased(at, lease, **values)

    def _touch(self, lease: Lease, **values: Any) -> Row[Any]:
        with transaction(self._engine, "NORMAL") as at:
            return statements.leased(at, lease, **values)

    # --- readers ------------------------------------------------------------------------------------------------------

    def latest_checkpoints(self, run_id: str) -> Checkpoints:
        """The kept checkpoints, the newest first."""
        fields = [checkpoints.c[name] for name in Checkpoint.__dataclass_fields__]
        with transaction(self._engine) as at:
            found = select(*fields).where(checkpoints.c.run == run_id).order_by(checkpoints.c.step.desc())
            return [Checkpoint(*row) for row in at.execute(found)]

    def metrics_since(self, run_id: str, key: str, step: int) -> Metrics:
        """One key's metrics after ``step``, by step. Unknown runs and keys have none."""
        with transaction(self._engine) as at:
            return metric_log.read_key(at, run_id, key, step)

    def all_metrics_since(self, run_id: str, cursor: Cursor | None = None) -> MetricBatch:
        """All keys' rows that were written after ``cursor`` (None: all), in the order of writing."""
        with transaction(self._engine) as at:
            return metric_log.read_new(at, run_id, cursor)

    def _records(self, *conditions: ColumnElement[bool]) -> Records:
        with transaction(self._engine) as at:
            found = select(runs).where(*conditions).order_by(runs.c.created.desc(), runs.c.id)
            return [statements.record(row) for row in at.execute(found)]
