"""The metric log's statements: rows in, rows out, and only the new ones for a reader that comes again and again.

Every row carries a number that counts up within its run, also when it replaces an earlier one, so "what is new" is one
walk along an index. Where metrics are cut back, the run's count of cuts tells readers to begin anew.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, select
from sqlalchemy.dialects.sqlite import insert as upsert

from explorer.runs.records import Cursor, Metric, MetricBatch, Metrics
from explorer.runs.schema import metrics, runs
from explorer.runs.statements import unknown

_CHOSEN = select(*(metrics.c[name] for name in Metric._fields))


def write(at: Connection, run_id: str, rows: Sequence[Metric], *, first: int) -> None:
    """Inserts rows, numbered from ``first``; of the same key and step the last one stays."""
    if not rows:
        return
    added = upsert(metrics)
    replaced = {name: added.excluded[name] for name in ("epoch", "value", "time", "seq")}
    values = [{"run": run_id, "seq": seq, **row._asdict()} for seq, row in enumerate(rows, start=first)]
    at.execute(added.on_conflict_do_update(index_elements=["run", "key", "step"], set_=replaced), values)


def read_key(at: Connection, run_id: str, key: str, step: int) -> Metrics:
    """One key's rows after ``step``, by step."""
    chosen = _CHOSEN.where(metrics.c.run == run_id, metrics.c.key == key, metrics.c.step > step)
    return [_metric(row) for row in at.execute(chosen.order_by(metrics.c.step))]


def read_new(at: Connection, run_id: str, cursor: Cursor | None) -> MetricBatch:
    """All rows written after ``cursor``. Raises StoreError for an unknown run."""
    run = at.execute(select(runs.c.cuts, runs.c.seq).where(runs.c.id == run_id)).first()
    if run is None:
        raise unknown(run_id)
    restart = cursor is None or cursor.cuts != run.cuts
    seen = 0 if cursor is None or restart else cursor.seq
    chosen = _CHOSEN.where(metrics.c.run == run_id, metrics.c.seq > seen).order_by(metrics.c.seq)
    rows = [_metric(row) for row in at.execute(chosen)] if run.seq > seen else []
    return MetricBatch(rows, Cursor(run.cuts, run.seq), restart)


def _metric(row: Row[Any]) -> Metric:
    return Metric(row.key, row.step, row.epoch, math.nan if row.value is None else row.value, row.time)
