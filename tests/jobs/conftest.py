"""A home of its own for each test, and jobs in it whose processes end with the test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_jobs import FAKES
from fake_jobs import jobs as make_jobs

from explorer.jobs import files, registry
from explorer.jobs.service import Jobs

FOLDER = Path(__file__).parent


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("KERNELSCOPE_HOME", str(folder))
    monkeypatch.setenv("PYTHONPATH", str(FOLDER))  # where started processes find fake_jobs
    for name, kind in FAKES.items():
        monkeypatch.setitem(registry.KINDS, name, kind)
    return folder


@pytest.fixture
def jobs(home: Path) -> Iterator[Jobs]:
    """One at a time, carried out by tests/jobs/fake_jobs.py."""
    made = make_jobs()
    yield made
    for job in files.active(made.root):
        made.cancel(job.key)
