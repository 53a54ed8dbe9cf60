"""Jobs as real processes: shared, in order, cancelled, killed, and their results kept within bounds."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
import pytest
from fake_jobs import jobs as make_jobs

from explorer import networks
from explorer.data import load
from explorer.errors import StoreError
from explorer.jobs import files, worker
from explorer.jobs.request import Request, ask
from explorer.jobs.service import Jobs, Look

SQUARES = {"kind": "squares", "params": {"n": 50}}


def wait_for(condition: Callable[[], object], *, seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def ended(jobs: Jobs, request: Request) -> Look:
    wait_for(lambda: not jobs.look(request.key).active)
    return jobs.look(request.key)


def running(jobs: Jobs, request: Request) -> Look:
    wait_for(lambda: jobs.look(request.key).state == "running" and jobs.look(request.key).share > 0)
    return jobs.look(request.key)


def gate(home: Path, name: str) -> Request:
    return Request(kind="gate", params={"file": str(home / name)})


def pid(jobs: Jobs, request: Request) -> int:
    handle = json.loads((jobs.files(request.key).active / "process.json").read_text())["handle"]
    return int(handle.split("/")[-2])


def test_a_job_is_computed_once_and_kept(jobs: Jobs, home: Path) -> None:
    request = Request.model_validate(SQUARES)
    assert jobs.look(request.key) == Look("none")
    with pytest.raises(StoreError, match="isn't kept any more"):
        jobs.result(request.key)
    assert jobs.start(request).active
    found = ended(jobs, request)
    assert (found.state, found.share, found.error) == ("done", 1.0, None)
    assert found.seconds is not None
    result = jobs.result(request.key)
    np.testing.assert_array_equal(result["squares"], np.arange(50) ** 2)
    assert result["names"].tolist() == ["a", "ü"]
    with pytest.raises(ValueError, match="read-only"):
        result["squares"][0] = 1
    later = make_jobs()  # another server
    assert later.start(request).state == "done"
    assert len((home / "computed.txt").read_text().splitlines()) == 1
    assert not list(files.active(jobs.root))
    jobs.forget(request.key)
    assert jobs.look(request.key) == Look("none")


def test_two_who_ask_for_the_same_share_a_process_and_others_wait_in_order(jobs: Jobs, home: Path) -> None:
    first, second, third = (gate(home, name) for name in ("first", "second", "third"))
    other = make_jobs()
    jobs.start(first)
    assert jobs.start(second).state == other.start(third).state == "waiting"
    assert other.start(first).active
    found = running(jobs, first)
    assert (found.share, found.phase) == (0.5, "half way")
    assert found.seconds is not None
    assert running(other, first).share == 0.5
    assert [jobs.look(request.key).ahead for request in (second, third)] == [0, 1]
    assert (home / "gates.txt").read_text().split() == ["first"]
    for name in ("third", "second", "first"):
        (home / name).touch()
    # Nobody looks: the processes start one another.
    wait_for(lambda: jobs.files(third.key).result.exists() and not list(files.active(jobs.root)))
    assert (home / "gates.txt").read_text().split() == ["first", "second", "third"]
    assert all(jobs.look(request.key).state == "done" for request in (first, second, third))


def test_cancelling_ends_the_process_also_a_deaf_one_and_leaves_nothing_half(jobs: Jobs, home: Path) -> None:
    deaf, waiting = Request(kind="stuck"), gate(home, "waiting")
    jobs.start(deaf)
    jobs.start(waiting)
    running(jobs, deaf)
    process = psutil.Process(pid(jobs, deaf))
    assert make_jobs().cancel(deaf.key) == Look("cancelled")  # by another server
    wait_for(lambda: not process.is_running() or process.status() == psutil.STATUS_ZOMBIE)
    assert not jobs.files(deaf.key).active.exists()
    assert list((jobs.root / "results").iterdir()) == []
    running(jobs, waiting)  # has its place now
    assert jobs.cancel(waiting.key).state == "cancelled"
    assert jobs.cancel(waiting.key).state == "cancelled"
    assert list(files.active(jobs.root)) == []
    assert jobs.start(waiting).active  # begins anew
    jobs.cancel(waiting.key)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("faulty", r"The digits are gone: fetch them again\.$"),
        ("broken", r"An unexpected ZeroDivisionError ended the computation: division by zero"),
        ("hungry", r"too little free memory"),
        ("killed", r"ended unexpectedly \(killed by signal 9\)\. Often the machine was out of memory\.$"),
        ("large", r"could not be written, for the disk is full: free some space"),
        ("pickled", r"objects is no array of numbers"),
    ],
)
def test_what_goes_wrong_is_one_sentence(jobs: Jobs, kind: str, message: str) -> None:
    request = Request(kind=kind)
    jobs.start(request)
    found = ended(jobs, request)
    assert found.state == "failed"
    with pytest.raises(StoreError, match=message):
        raise StoreError(found.error)
    assert jobs.files(request.key).ended.with_suffix(".log").exists()
    assert list((jobs.root / "results").iterdir()) == []
    assert list(files.active(jobs.root)) == []


def test_what_failed_can_be_tried_again(jobs: Jobs) -> None:
    request = Request(kind="faulty")
    assert jobs.start(request).active
    assert ended(jobs, request).state == "failed"
    assert jobs.start(request).active
    assert jobs.look(request.key).error is None
    assert ended(jobs, request).state == "failed"


def test_a_process_killed_while_nobody_looked_makes_room_for_the_next(jobs: Jobs, home: Path) -> None:
    first, second = gate(home, "first"), gate(home, "second")
    jobs.start(first)
    jobs.start(second)
    running(jobs, first)
    os.kill(pid(jobs, first), signal.SIGKILL)
    (home / "second").touch()
    later = make_jobs()  # a server that was started meanwhile, and knows no exit code
    assert ended(later, second).state == "done"
    assert "ended unexpectedly" in str(later.look(first.key).error)


def test_what_a_damaged_disk_left_of_a_job_is_no_obstacle(jobs: Jobs) -> None:
    request = Request.model_validate(SQUARES)
    left = jobs.files(request.key).active
    left.mkdir(parents=True)
    (left / "job.json").touch()
    assert jobs.look(request.key) == Look("none")
    assert jobs.start(request).active
    assert ended(jobs, request).state == "done"


def test_trouble_after_the_result_is_kept_does_not_undo_it(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise StoreError("disk trouble elsewhere")

    request = Request.model_validate(SQUARES)
    jobs.files(request.key).begin({"request": request.model_dump(mode="json"), "asked": 0.0})
    monkeypatch.setattr(files, "bound", full)
    assert worker.main(request.key, jobs=jobs) == 0
    assert jobs.look(request.key).state == "done"
    assert len(jobs.result(request.key)["squares"]) == 50


def test_a_request_that_waited_for_another_version_of_the_program_is_told_so(jobs: Jobs) -> None:
    asked = Request.model_validate(SQUARES)
    request = asked.model_dump(mode="json") | {"kind": "gone"}
    jobs.files(asked.key).begin({"request": request, "asked": 0.0})
    assert worker.main(asked.key, jobs=jobs) == 1
    assert "There is no computation 'gone'" in (jobs.look(asked.key).error or "")


def test_a_process_that_cannot_start_is_explained(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    found = jobs.start(Request(kind="stuck"))
    assert found.state == "failed"
    assert str(found.error).startswith("The process can't be started (No such file or directory)")


def test_a_damaged_result_is_removed_and_computed_again(jobs: Jobs) -> None:
    request = Request.model_validate(SQUARES)
    path = jobs.files(request.key).result
    jobs.start(request)
    ended(jobs, request)
    whole = path.read_bytes()
    changed = bytearray(whole)
    changed[150] ^= 1  # among the numbers
    for content in (b"", b"PK\x03\x04 not a zip", whole[: len(whole) // 2], bytes(changed)):
        path.write_bytes(content)
        with pytest.raises(StoreError, match=r"was damaged .* compute it again"):
            jobs.result(request.key)
        assert jobs.look(request.key) == Look("none")
    jobs.start(request)
    assert ended(jobs, request).state == "done"
    assert jobs.result(request.key)["squares"].tolist() == [number**2 for number in range(50)]


def test_the_results_longest_not_looked_at_go_when_there_are_too_many(jobs: Jobs) -> None:
    (jobs.root / "results").mkdir(parents=True)
    (jobs.root / "ended").mkdir()
    made = [jobs.files(f"{number:064x}") for number in range(5)]
    for age, job in enumerate(made):
        job.write_result({"zeros": np.zeros(10_000, np.uint8)})
        job.ended.write_text(json.dumps({"state": "done", "seconds": 1.0}))
        os.utime(job.result, (1_000 + age, 1_000 + age))
    abandoned = jobs.root / "results" / ".x.npz.0.part"
    abandoned.touch()
    os.utime(abandoned, (1_000, 1_000))
    writing = jobs.root / "results" / ".y.npz.0.part"
    writing.touch()
    made[0].read_result()  # looked at just now
    files.bound(jobs.root, most_bytes=25_000, spare=made[1].result)
    assert [job.result.exists() for job in made] == [True, True, False, False, True]
    assert [abandoned.exists(), writing.exists()] == [False, True]
    assert jobs.look(made[2].key) == Look("none")
    assert jobs.look(made[4].key).state == "done"


def test_a_worker_has_one_thread_a_low_priority_and_what_it_was_asked_for(jobs: Jobs) -> None:
    data = load("mnist")
    request = ask("environment", network=networks.find("tiny"), data=data)
    jobs.start(request)
    assert ended(jobs, request).error is None
    result = jobs.result(request.key)
    assert result["session"]
    assert result["niceness"] == max(os.nice(0), 2)
    assert result["threads"] == 1
    assert tuple(result["network"]) == networks.find("tiny").spec.model.names
    assert result["images"] == len(data.test)


def test_the_time_left_follows_from_what_is_done() -> None:
    assert Look("running", 0.25, seconds=10.0).left == 30.0
    assert Look("running", 0.0, seconds=10.0).left is None
    assert Look("running", 0.5, seconds=0.1).left is None
    assert Look("starting").left is None


def test_a_machine_keeps_one_core_for_its_pages(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for cores, slots in ((1, 1), (2, 1), (8, 7)):
        monkeypatch.setattr("explorer.jobs.service.cores", lambda cores=cores: cores)
        assert Jobs(home / "jobs")._executor.capacity() == slots
