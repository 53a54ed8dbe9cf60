"""A home of its own for each test, a store in it, and real processes that end with the test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from explorer.runs.executors import Handle, LocalExecutor
from explorer.runs.service import Backend
from explorer.runs.store import SqlRunStore

FOLDER = Path(__file__).parent


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "home"
    monkeypatch.setenv("KERNELSCOPE_HOME", str(folder))
    monkeypatch.setenv("PYTHONPATH", str(FOLDER))  # where started processes find fake_worker
    return folder


@pytest.fixture
def store(home: Path) -> Iterator[SqlRunStore]:
    opened = SqlRunStore.open()
    yield opened
    opened.close()


@pytest.fixture
def backend(store: SqlRunStore) -> Iterator[Backend]:
    """Runs that are carried out by tests/runs/fake_worker.py; a run's name tells it what to do."""
    executor = LocalExecutor("fake_worker", slots=2, grace=1.0)
    yield Backend(store, executor)
    for run in store.list():
        executor.cancel(Handle(run.worker or ""))
