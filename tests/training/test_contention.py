"""When a worker finds that others want its cores."""

from __future__ import annotations

import time

import pytest

from explorer.training import contention
from explorer.training.contention import SLEEPING, WINDOW_SECONDS, Contention


def watched(
    monkeypatch: pytest.MonkeyPatch, threads: int, times: list[tuple[float, float, float, float]]
) -> list[bool]:
    """What is noticed at each of these times: clock, own seconds, idle seconds, all cores' seconds."""
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    steps = iter(times)
    monkeypatch.setattr(contention, "times", lambda: next(steps))
    found = Contention(threads)
    return [found.noticed() for _ in times]


@pytest.mark.parametrize(
    ("own", "idle", "noticed"),
    [
        (10.0, 0.0, False),  # both cores are ours
        (6.0, 0.0, True),  # two of five seconds of one core are somebody else's
        (5.0, 4.5, False),  # we use one core, the other is idle: this network is too small for two
        (8.0, 0.5, False),  # somebody passes by
    ],
)
def test_it_notices_when_threads_are_kept_from_their_cores(
    monkeypatch: pytest.MonkeyPatch, own: float, idle: float, noticed: bool
) -> None:
    times = [(100.0, 7.0, 50.0, 300.0), (102.0, 7.0, 50.0, 304.0), (105.0, 7.0 + own, 50.0 + idle, 310.0)]
    assert watched(monkeypatch, 2, times) == [False, False, noticed]


def test_each_window_counts_for_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    times = [(0.0, 0.0, 0.0, 0.0), (5.0, 10.0, 0.0, 10.0), (10.0, 15.0, 0.0, 20.0)]
    assert watched(monkeypatch, 2, times) == [False, False, True]


def test_threads_that_sleep_or_are_alone_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    starved = [(0.0, 0.0, 0.0, 0.0), (9.0, 1.0, 0.0, 18.0)]
    assert watched(monkeypatch, 2, starved) == [False, True]
    assert watched(monkeypatch, 1, starved) == [False, False]
    for name, value in SLEEPING.items():
        monkeypatch.setenv(name, value)
    steps = iter(starved)
    monkeypatch.setattr(contention, "times", lambda: next(steps))
    found = Contention(2)
    assert [found.noticed(), found.noticed()] == [False, False]


def test_the_times_are_this_machines() -> None:
    before = contention.times()
    deadline = time.process_time() + 0.05
    while time.process_time() < deadline:
        pass
    wall, own, idle, total = (late - early for early, late in zip(before, contention.times(), strict=True))
    assert 0 < own <= wall * 64
    assert 0 <= idle <= total
    assert WINDOW_SECONDS > 1
