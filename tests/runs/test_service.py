"""Runs from start to end with real processes: orders, kills, a later server, a queue that moves by itself."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
from run_helpers import a_spec, wait_for

from explorer.errors import SpecError, StoreError
from explorer.runs import service
from explorer.runs.artifacts import run_folder
from explorer.runs.executors import ONE_CORE, Handle, LocalExecutor, Resources, this_process
from explorer.runs.service import Backend
from explorer.runs.store import SqlRunStore

ROOT = Path(__file__).parents[2]


def start(backend: Backend, name: str) -> str:
    return service.start(a_spec(name), "ada", on=backend)


def state(backend: Backend, run_id: str) -> str:
    return backend.store.get(run_id).state


def working(backend: Backend, run_id: str) -> bool:
    run = backend.store.get(run_id)
    return run.state == "running" and run.progress.step >= 3


def kill(backend: Backend, run_id: str) -> None:
    process = psutil.Process(int((backend.store.get(run_id).worker or "").split("/")[-2]))
    process.send_signal(signal.SIGKILL)


def test_a_run_from_start_to_end(backend: Backend) -> None:
    run_id = start(backend, "short")
    wait_for(lambda: state(backend, run_id) == "finished")
    run = backend.store.get(run_id)
    assert (run.owner, run.attempt, run.result) == ("ada", 1, {"test_accuracy": 0.99})
    assert [row.step for row in backend.store.metrics_since(run_id, "loss/train", 0)] == [1, 2, 3]
    assert run.started is not None
    assert run.ended is not None
    assert run.created <= run.started <= run.ended
    wait_for(lambda: backend.executor.status(Handle(run.worker or "")) == "exited")
    assert service.read_log(run_id) == f"--- attempt 1\nhello from {run_id}\n"
    assert service.read_log(run_id, tail=5)


@pytest.mark.parametrize(("order", "end"), [(service.pause, "paused"), (service.stop, "stopped")])
def test_orders_reach_the_worker_and_the_run_can_go_on(backend: Backend, order: object, end: str) -> None:
    run_id = start(backend, "checkpoint")
    wait_for(lambda: backend.store.latest_checkpoints(run_id))
    assert callable(order)
    order(run_id, on=backend)
    wait_for(lambda: state(backend, run_id) == end)
    done = backend.store.get(run_id).progress.step
    service.resume(run_id, on=backend)
    wait_for(lambda: backend.store.get(run_id).attempt == 2 and backend.store.get(run_id).progress.step > done)
    steps = [row.step for row in backend.store.metrics_since(run_id, "loss/train", 0)]
    assert steps == list(range(1, len(steps) + 1))  # cut back to the checkpoint, then on without a gap


def test_a_killed_process_is_found_and_the_run_resumed(backend: Backend) -> None:
    run_id = start(backend, "checkpoint")
    wait_for(lambda: backend.store.latest_checkpoints(run_id))
    assert service.recover(on=backend) == []
    kill(backend, run_id)
    ended: list[str] = []
    wait_for(lambda: ended.extend(service.recover(on=backend)) or ended)
    assert ended == [run_id]
    run = backend.store.get(run_id)
    assert (run.state, run.error) == (
        "failed",
        "The training process ended unexpectedly (killed by signal 9). Often the machine was out of memory. "
        "The checkpoint of step 5 is kept: resume goes on from there.",
    )
    service.resume(run_id, on=backend)
    wait_for(lambda: backend.store.get(run_id).attempt == 2 and working(backend, run_id))
    assert backend.store.get(run_id).error is None


def test_without_a_checkpoint_resume_begins_anew(backend: Backend) -> None:
    run_id = start(backend, "steps")
    wait_for(lambda: working(backend, run_id))
    kill(backend, run_id)
    wait_for(lambda: service.recover(on=backend))
    assert "no checkpoint yet: resume begins anew" in (backend.store.get(run_id).error or "")
    service.resume(run_id, on=backend)
    wait_for(lambda: backend.store.get(run_id).attempt == 2 and working(backend, run_id))
    steps = [row.step for row in backend.store.metrics_since(run_id, "loss/train", 0)]
    assert steps == list(range(1, len(steps) + 1))


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("broken", "ended before it began (exit code 3). Its log"),
        ("crash", "ended unexpectedly (exit code 1). Its log"),
    ],
)
def test_a_process_that_gives_up_is_explained(backend: Backend, kind: str, words: str) -> None:
    run_id = start(backend, kind)
    wait_for(lambda: service.recover(on=backend))
    run = backend.store.get(run_id)
    assert run.state == "failed"
    assert words in (run.error or "")


def test_every_request_looks_at_the_processes_first(backend: Backend) -> None:
    run_id = start(backend, "steps")
    wait_for(lambda: working(backend, run_id))
    kill(backend, run_id)
    wait_for(lambda: backend.executor.status(Handle(backend.store.get(run_id).worker or "")) == "exited")
    service.resume(run_id, on=backend)  # no "it is still running"
    wait_for(lambda: backend.store.get(run_id).attempt == 2)


NEXT_SERVER = """
import sys, time
from explorer.runs import service
backend = service.local()
run_id = sys.argv[1]
print(service.dispatch(), backend.executor.status(backend.store.get(run_id).worker), flush=True)
service.stop(run_id)
while backend.store.get(run_id).active:
    time.sleep(0.01)
print(backend.store.get(run_id).state)
"""


def test_the_next_server_adopts_what_runs(backend: Backend) -> None:
    run_id = start(backend, "steps")
    wait_for(lambda: working(backend, run_id))
    command = [sys.executable, "-c", NEXT_SERVER, run_id]
    server = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)
    assert server.stdout.splitlines() == ["[] running", "stopped"]


STARTING_SERVER = """
import os, sys
sys.path.insert(0, os.environ["PYTHONPATH"])
from run_helpers import a_spec
from explorer.runs import service
from explorer.runs.executors import LocalExecutor
backend = service.Backend(service.local().store, LocalExecutor("fake_worker"))
print(service.start(a_spec("steps"), on=backend))
"""


def test_a_run_outlives_the_server_that_started_it_and_its_death_is_seen(backend: Backend) -> None:
    command = [sys.executable, "-c", STARTING_SERVER]
    run_id = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60).stdout.strip()
    wait_for(lambda: working(backend, run_id))
    assert service.recover(on=backend) == []
    kill(backend, run_id)
    wait_for(lambda: service.recover(on=backend))
    assert "ended unexpectedly. Often the machine was out of memory" in (backend.store.get(run_id).error or "")


def test_a_worker_of_another_place_is_given_up_when_its_lease_runs_out(backend: Backend) -> None:
    run_id = backend.store.create(a_spec())
    now = backend.store.clock()
    backend.store.clock = lambda: now
    lease = backend.store.claim_run(run_id, "elsewhere/12/3.00", 10.0)
    assert lease is not None
    assert service.recover(on=backend) == []
    backend.store.clock = lambda: now + 11
    assert service.recover(on=backend) == [run_id]
    assert "gave no sign of life" in (backend.store.get(run_id).error or "")
    assert backend.store.heartbeat(lease) == "fenced"


def test_a_living_process_gets_a_second_chance_for_the_machine_may_have_slept(backend: Backend) -> None:
    run_id = backend.store.create(a_spec())
    now = backend.store.clock()
    backend.store.clock = lambda: now
    lease = backend.store.claim_run(run_id, this_process(), 10.0)
    assert lease is not None
    now += 8 * 3600
    assert service.recover(on=backend) == []
    assert backend.store.get(run_id).overdue
    assert backend.store.heartbeat(lease) == "ok"
    assert not backend.store.get(run_id).overdue
    now += 11
    assert service.recover(on=backend) == []
    now += service.PATIENCE_SECONDS - 1
    assert service.recover(on=backend) == []
    now += 2
    assert service.recover(on=backend) == [run_id]
    assert backend.store.heartbeat(lease) == "fenced"


def test_a_hung_process_is_ended(backend: Backend) -> None:
    run_id = start(backend, "steps")
    wait_for(lambda: working(backend, run_id))
    handle = Handle(backend.store.get(run_id).worker or "")
    os.kill(int(handle.split("/")[-2]), signal.SIGSTOP)
    now = backend.store.clock()
    backend.store.clock = lambda: now
    now += 21
    assert service.recover(on=backend) == []
    now += service.PATIENCE_SECONDS + 1
    assert service.recover(on=backend) == [run_id]
    assert backend.executor.status(handle) == "exited"


def test_deleting_a_running_run_ends_it_and_leaves_nothing(backend: Backend, home: Path) -> None:
    run_id = start(backend, "steps")
    wait_for(lambda: working(backend, run_id))
    assert run_folder(run_id).path.is_dir()
    service.delete(run_id, on=backend)
    assert backend.store.list() == []
    assert list((home / "runs").iterdir()) == []
    with pytest.raises(StoreError, match="no run"):
        service.delete(run_id, on=backend)


def test_a_deaf_process_is_ended_by_force(backend: Backend) -> None:
    one, two = start(backend, "deaf"), start(backend, "deaf")
    wait_for(lambda: working(backend, one) and working(backend, two))
    handles = [Handle(backend.store.get(run_id).worker or "") for run_id in (one, two)]
    service.delete(one, wait=0.1, on=backend)
    service.stop(two, on=backend)
    service.stop(two, force=True, on=backend)
    assert state(backend, two) == "stopped"
    assert [backend.executor.status(handle) for handle in handles] == ["exited", "exited"]
    assert [run.id for run in backend.store.list()] == [two]


def test_the_rest_waits_and_the_queue_moves_on_without_a_server(backend: Backend) -> None:
    runs = [start(backend, "short") for _ in range(5)]
    assert sum(backend.store.get(run_id).worker is not None for run_id in runs) <= 3  # two, and who ended meanwhile
    wait_for(lambda: all(state(backend, run_id) == "finished" for run_id in runs))  # nobody here calls dispatch
    records = [backend.store.get(run_id) for run_id in runs]
    assert [run.attempt for run in records] == [1] * 5
    moments = sorted(time for run in records for time in (run.started, run.ended) if time)
    for moment in moments:
        assert sum((run.started or 0) <= moment < (run.ended or 0) for run in records) <= 2


def test_waiting_runs_can_be_paused_stopped_resumed_and_deleted(backend: Backend) -> None:
    busy = [start(backend, "steps"), start(backend, "steps")]
    waiting = start(backend, "steps")
    service.pause(waiting, on=backend)
    assert state(backend, waiting) == "paused"
    service.resume(waiting, on=backend)
    assert state(backend, waiting) == "queued"
    service.stop(waiting, on=backend)
    assert state(backend, waiting) == "stopped"
    service.resume(waiting, on=backend)
    service.delete(waiting, on=backend)
    assert {run.id for run in backend.store.list()} == set(busy)


class CountingExecutor:
    """Starts nothing, remembers everything."""

    def __init__(self) -> None:
        self.submitted: list[tuple[str, int]] = []
        self._lock = threading.Lock()

    def submit(self, run_id: str, attempt: int, _need: Resources = ONE_CORE) -> Handle:
        with self._lock:
            self.submitted.append((run_id, attempt))
        return Handle(f"counted-{run_id}")

    def cancel(self, handle: Handle) -> None: ...

    def status(self, _handle: Handle) -> str:
        return "pending"

    def exit_code(self, handle: Handle) -> None: ...

    def capacity(self) -> int:
        return 4


def test_many_dispatchers_start_each_run_once_and_no_more_than_fit(store: SqlRunStore, home: Path) -> None:
    executor = CountingExecutor()
    created = [store.create(a_spec()) for _ in range(8)]
    servers = [Backend(SqlRunStore.open(), executor) for _ in range(4)]  # type: ignore[arg-type]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda i: service.dispatch(on=servers[i % 4]), range(16)))
    assert sorted(executor.submitted) == sorted((run_id, 1) for run_id in created[:4])
    for server in servers:
        server.store.close()


DISPATCHER = """
import sys
from explorer.runs import service
from explorer.runs.executors import LocalExecutor
backend = service.Backend(service.local().store, LocalExecutor("fake_worker", slots=2))
print("ready", flush=True)
sys.stdin.readline()
print(*service.dispatch(on=backend))
"""


def test_dispatching_processes_start_each_run_once(backend: Backend) -> None:
    created = [backend.store.create(a_spec("steps")) for _ in range(4)]
    command = [sys.executable, "-c", DISPATCHER]
    pipe = subprocess.PIPE
    servers = [subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True) for _ in range(3)]
    for server in servers:
        assert server.stdout
        assert server.stdout.readline() == "ready\n"
    for server in servers:
        assert server.stdin
        server.stdin.write("go\n")
        server.stdin.flush()
    begun = [run_id for server in servers for run_id in server.communicate(timeout=60)[0].split()]
    assert sorted(begun) == sorted(created[:2])
    wait_for(lambda: all(working(backend, run_id) for run_id in begun))
    assert [service.read_log(run_id).count("hello") for run_id in created] == [1, 1, 0, 0]


def test_a_run_whose_process_cannot_be_started_fails_and_lets_the_next_one_go(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    run_id = start(backend, "short")
    run = backend.store.get(run_id)
    assert run.state == "failed"
    assert "can't be started" in (run.error or "")


def test_a_process_that_lost_the_race_changes_nothing(backend: Backend) -> None:
    run_id = backend.store.create(a_spec("steps"))
    handles = [backend.executor.submit(run_id, 1), backend.executor.submit(run_id, 1)]
    wait_for(lambda: [backend.executor.status(handle) for handle in handles].count("exited") == 1)
    wait_for(lambda: working(backend, run_id))
    assert backend.store.get(run_id).attempt == 1
    assert "not to be had" in service.read_log(run_id)


def test_rename_keeps_the_rules_for_names(backend: Backend) -> None:
    run_id = backend.store.create(a_spec("first"))
    service.rename(run_id, "  second ", on=backend)
    assert backend.store.get(run_id).name == "second"
    assert backend.store.get(run_id).spec.name == "first"
    for name in ("", "  ", "x" * 81, "a\nb"):
        with pytest.raises(SpecError, match="name"):
            service.rename(run_id, name, on=backend)


def test_the_local_backend_is_one_for_each_home(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with ThreadPoolExecutor(4) as pool:
        (one,) = set(pool.map(lambda _: service.local(), range(8)))
    assert one.store.path == home / "runs.sqlite3"
    assert isinstance(one.executor, LocalExecutor)
    monkeypatch.setenv("KERNELSCOPE_HOME", str(home / "other"))
    assert service.local() is not one
