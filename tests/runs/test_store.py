"""The run store: states, leases, the metric log, against plain dictionaries; many writers; faults of the file."""

from __future__ import annotations

import math
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from run_helpers import a_spec
from sqlalchemy import event

from explorer.errors import SpecError, StoreError
from explorer.runs.records import Cursor, Fenced, Lease, Metric, Progress
from explorer.runs.store import SqlRunStore

ROOT = Path(__file__).parents[2]


class Clock:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


@contextmanager
def a_store(clock: Clock | None = None) -> Iterator[SqlRunStore]:
    """For property-based tests, which need a fresh store for each example."""
    with tempfile.TemporaryDirectory() as folder:
        store = SqlRunStore(Path(folder) / "runs.sqlite3", clock=clock or Clock())
        yield store
        store.close()


def metric(key: str, step: int, value: float = 0.5) -> Metric:
    return Metric(key, step, step / 100, value, 1.5)


def claimed(store: SqlRunStore, name: str = "network") -> Lease:
    lease = store.claim_run(store.create(a_spec(name)), "worker", 60.0)
    assert lease is not None
    return lease


# --- runs -----------------------------------------------------------------------------------------------------------


def test_a_run_comes_back_as_it_was_created(store: SqlRunStore) -> None:
    run = store.get(store.create(a_spec("mine"), "ada"))
    assert (run.name, run.owner, run.state, run.attempt) == ("mine", "ada", "queued", 0)
    assert run.spec == a_spec("mine")
    assert len(run.id) == 8
    assert run.progress == Progress()


def test_fifty_runs_are_listed_newest_first_and_by_owner(home: Path) -> None:
    clock = Clock()
    store = SqlRunStore(home / "runs.sqlite3", clock=clock)
    created = []
    for i in range(50):
        clock.now += 1
        created.append(store.create(a_spec(f"run {i}"), owner=("ada", "bob")[i % 2]))
    assert [run.id for run in store.list()] == created[::-1]
    assert [run.id for run in store.list("bob")] == created[1::2][::-1]
    store.close()


def test_several_runs_are_had_at_once_in_the_order_that_was_asked_for(store: SqlRunStore) -> None:
    made = [store.create(a_spec(name)) for name in ("one", "two", "three")]
    assert store.get_many([]) == []
    for wanted in ([made[1]], made, made[::-1], [made[2], made[0], made[2]]):
        assert store.get_many(wanted) == [store.get(run) for run in wanted]
    with pytest.raises(StoreError, match="00000000"):
        store.get_many([made[0], "00000000"])


def test_one_unreadable_spec_does_not_hide_the_other_runs(store: SqlRunStore, home: Path) -> None:
    bad, good = store.create(a_spec()), store.create(a_spec())
    with closing(sqlite3.connect(home / "runs.sqlite3")) as file:
        file.execute("UPDATE runs SET spec_json = '{' WHERE id = ?", [bad])
        file.commit()
    assert {run.id for run in store.list()} == {bad, good}
    assert store.get(good).spec == a_spec()
    with pytest.raises(SpecError):
        _ = store.get(bad).spec


def test_an_unknown_run_is_named(store: SqlRunStore) -> None:
    for ask in (store.get, store.delete, store.all_metrics_since):
        with pytest.raises(StoreError, match="no run 'feedbeef'"):
            ask("feedbeef")
    with pytest.raises(StoreError, match="no run"):
        store.request("feedbeef", "stop")
    with pytest.raises(StoreError, match="no run"):
        store.claim_run("feedbeef", "w", 1.0)


def test_finish_keeps_the_result_and_the_error(store: SqlRunStore) -> None:
    lease = claimed(store)
    store.progress(lease, Progress(7, 10, 0.7, 1234.5, 3.0, 1.25, "cpu"))
    store.finish(lease, "finished", result={"test_accuracy": 0.9912, "loss": math.inf})
    run = store.get(lease.run_id)
    assert (run.state, run.result) == ("finished", {"test_accuracy": 0.9912, "loss": math.inf})
    assert run.progress == Progress(7, 10, 0.7, 1234.5, 3.0, None, "cpu")  # nothing is left to be done
    other = claimed(store)
    store.finish(other, "failed", "diverged at step 3")
    assert store.get(other.run_id).error == "diverged at step 3"


def test_deleting_takes_metrics_and_checkpoints_along(store: SqlRunStore, home: Path) -> None:
    lease = claimed(store)
    store.append(lease, [metric("loss", 1)])
    store.commit_checkpoint(lease, "checkpoints/1", "0" * 64, 1)
    with pytest.raises(StoreError, match="is running: stop it"):
        store.delete(lease.run_id)
    store.finish(lease, "stopped")
    store.delete(lease.run_id)
    with closing(sqlite3.connect(home / "runs.sqlite3")) as file:
        counts = [file.execute(f"SELECT count(*) FROM {t}").fetchone()[0] for t in ("runs", "metrics", "checkpoints")]  # noqa: S608
    assert counts == [0, 0, 0]
    assert store.heartbeat(lease) == "fenced"


# --- states and leases ----------------------------------------------------------------------------------------------


class Life(RuleBasedStateMachine):
    """One run, its user, a worker and a stale worker, in any order, against the rules as a plain state diagram."""

    def __init__(self) -> None:
        super().__init__()
        self.context = a_store()
        self.store = self.context.__enter__()
        self.run_id = self.store.create(a_spec())
        self.state, self.desired, self.attempt = "queued", "run", 0
        self.lease: Lease | None = None
        self.stale: list[Lease] = []

    def teardown(self) -> None:
        self.context.__exit__(None, None, None)

    def released(self, state: str) -> None:
        self.state, self.desired = state, "run"
        if self.lease:
            self.stale.append(self.lease)
            self.lease = None

    @rule(by_name=st.booleans())
    def claim(self, by_name: bool) -> None:
        lease = self.store.claim_run(self.run_id, "w", 60) if by_name else self.store.claim("w", 60)
        assert (lease is not None) == (self.state == "queued")
        if lease:
            self.attempt += 1
            assert (lease.run_id, lease.attempt) == (self.run_id, self.attempt)
            self.lease, self.state = lease, "running"

    @rule(action=st.sampled_from(["pause", "resume", "stop"]))
    def request(self, action: str) -> None:
        allowed = {
            "pause": self.state == "queued" or (self.state == "running" and self.desired != "stop"),
            "resume": self.state in ("paused", "stopped", "failed"),
            "stop": self.state in ("queued", "running", "paused"),
        }[action]
        if not allowed:
            with pytest.raises(StoreError, match=self.run_id):
                self.store.request(self.run_id, action)  # type: ignore[arg-type]
            return
        self.store.request(self.run_id, action)  # type: ignore[arg-type]
        if self.state == "running":
            self.desired = action
        else:
            self.released({"pause": "paused", "resume": "queued", "stop": "stopped"}[action])

    @precondition(lambda self: self.lease)
    @rule()
    def work(self) -> None:
        assert self.lease
        order = self.store.heartbeat(self.lease)
        assert order == ("ok" if self.desired == "run" else self.desired)
        self.store.append(self.lease, [metric("loss", 1)])

    @precondition(lambda self: self.lease)
    @rule(state=st.sampled_from(["paused", "finished", "stopped", "failed"]))
    def finish(self, state: str) -> None:
        assert self.lease
        self.store.finish(self.lease, state)  # type: ignore[arg-type]
        self.released(state)

    @precondition(lambda self: self.stale)
    @rule()
    def stale_workers_are_fenced(self) -> None:
        lease = self.stale[-1]
        assert self.store.heartbeat(lease) == "fenced"
        for write in (
            lambda: self.store.append(lease, [metric("stale", 1)]),
            lambda: self.store.append(lease, []),
            lambda: self.store.progress(lease, Progress(step=99)),
            lambda: self.store.truncate_metrics(lease, 0),
            lambda: self.store.commit_checkpoint(lease, "x", "0" * 64, 99),
            lambda: self.store.finish(lease, "finished"),
        ):
            with pytest.raises(Fenced):
                write()

    @invariant()
    def store_agrees(self) -> None:
        run = self.store.get(self.run_id)
        assert (run.state, run.desired, run.attempt) == (self.state, self.desired, self.attempt)
        assert not self.store.metrics_since(self.run_id, "stale", -1)
        assert run.progress.step == 0


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=15, stateful_step_count=20, deadline=None)


def test_a_lease_that_ran_out_can_be_claimed_and_fences_its_worker(home: Path) -> None:
    clock = Clock()
    store = SqlRunStore(home / "runs.sqlite3", clock=clock)
    first = claimed(store)
    clock.now += 59
    assert store.heartbeat(first) == "ok"
    clock.now += 59
    assert store.claim("other", 60.0) is None
    clock.now += 2
    second = store.claim("other", 60.0)
    assert second is not None
    assert (second.run_id, second.attempt) == (first.run_id, 2)
    assert store.heartbeat(first) == "fenced"
    with pytest.raises(Fenced, match="attempt 1"):
        store.append(first, [metric("loss", 1)])
    store.close()


def test_the_oldest_run_is_claimed_first_and_a_launched_one_is_left_to_its_process(home: Path) -> None:
    clock = Clock()
    store = SqlRunStore(home / "runs.sqlite3", clock=clock)
    old = store.create(a_spec())
    clock.now += 1
    new = store.create(a_spec())
    launch = store.reserve(capacity=1, ttl=10.0)
    assert launch is not None
    assert (launch.run_id, launch.attempt) == (old, 1)
    assert store.reserve(capacity=1, ttl=10.0) is None
    lease = store.claim("w", 60.0)
    assert lease is not None
    assert lease.run_id == new
    assert store.claim("w", 60.0) is None
    clock.now += 11
    again = store.reserve(capacity=2, ttl=10.0)  # its process never came
    assert again is not None
    assert (again.run_id, again.attempt) == (old, 1)
    store.launched(launch, "late")
    assert store.get(old).worker is None
    store.launched(again, "in time")
    assert store.get(old).worker == "in time"
    store.close()


CLAIMER = """
import sys, time
from explorer.runs.store import SqlRunStore
store = SqlRunStore.open(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
while lease := store.claim("process", 600.0):
    print(lease.run_id, lease.attempt)
    time.sleep(0.002)
"""


def test_threads_and_processes_never_claim_the_same_run(store: SqlRunStore, home: Path) -> None:
    created = [store.create(a_spec()) for _ in range(150)]
    command = [sys.executable, "-c", CLAIMER, str(home / "runs.sqlite3")]
    pipe = subprocess.PIPE
    processes = [subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True) for _ in range(2)]
    for process in processes:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"

    def claim_all(_: int) -> list[str]:
        found = []
        while lease := store.claim("thread", 600.0):
            found.append(f"{lease.run_id} {lease.attempt}")
            time.sleep(0.002)  # lets others have their turn
        return found

    def talk(process: subprocess.Popen[str]) -> list[str]:
        return process.communicate("go\n", timeout=60)[0].splitlines()

    with ThreadPoolExecutor(6) as pool:
        heard = [pool.submit(talk, process) for process in processes]
        by_threads = [claim for found in pool.map(claim_all, range(4)) for claim in found]
        by_processes = [claim for future in heard for claim in future.result()]
    assert sorted(by_threads + by_processes) == sorted(f"{run_id} 1" for run_id in created)
    assert by_threads  # or it was no contest
    assert by_processes


def test_many_threads_reserve_no_more_than_the_capacity(store: SqlRunStore) -> None:
    for _ in range(10):
        store.create(a_spec())
    with ThreadPoolExecutor(8) as pool:
        launches = [launch for launch in pool.map(lambda _: store.reserve(3, 600.0), range(16)) if launch]
    assert len({launch.run_id for launch in launches}) == len(launches) == 3


# --- metrics and checkpoints ------------------------------------------------------------------------------------------

rows = st.lists(
    st.builds(metric, st.sampled_from(["a", "b"]), st.integers(0, 6), st.floats(-9, 9) | st.sampled_from([math.inf])),
    max_size=5,
)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(rows, st.none() | st.integers(0, 6), st.booleans()), max_size=8))
def test_readers_that_follow_see_what_a_dictionary_would_hold(
    moves: list[tuple[list[Metric], int | None, bool]],
) -> None:
    with a_store() as store:
        lease = claimed(store)
        truth: dict[tuple[str, int], Metric] = {}
        seen: dict[tuple[str, int], Metric] = {}
        cursor: Cursor | None = None
        for added, cut, look in [*moves, ([], None, True)]:
            store.append(lease, added)
            truth |= {(row.key, row.step): row for row in added}
            if cut is not None:
                store.truncate_metrics(lease, cut)
                truth = {place: row for place, row in truth.items() if place[1] <= cut}
            if look:
                batch = store.all_metrics_since(lease.run_id, cursor)
                seen = {} if batch.restart else seen
                seen |= {(row.key, row.step): row for row in batch.rows}
                cursor = batch.cursor
                assert seen == truth
                assert store.all_metrics_since(lease.run_id, cursor) == ([], cursor, False)
        for key in ("a", "b"):
            later = sorted((row for row in truth.values() if row.key == key and row.step > 2), key=lambda row: row.step)
            assert store.metrics_since(lease.run_id, key, 2) == later


def test_nan_is_kept(store: SqlRunStore) -> None:
    lease = claimed(store)
    store.append(lease, [metric("loss", 1, math.nan), metric("loss", 2, -math.inf)])
    values = [row.value for row in store.metrics_since(lease.run_id, "loss", 0)]
    assert math.isnan(values[0])
    assert values[1] == -math.inf


def test_runs_do_not_see_each_others_metrics(store: SqlRunStore) -> None:
    one, two = claimed(store), claimed(store)
    store.append(one, [metric("loss", 1, 1.0)])
    store.append(two, [metric("loss", 1, 2.0)])
    store.truncate_metrics(two, 0)
    assert [row.value for row in store.all_metrics_since(one.run_id).rows] == [1.0]
    assert store.all_metrics_since(two.run_id).rows == []


def test_the_newest_two_checkpoints_are_kept_and_cut_back(store: SqlRunStore) -> None:
    lease = claimed(store)
    for step in (10, 20, 30):
        store.commit_checkpoint(lease, f"checkpoints/{step}", f"{step:064d}", step)
    assert [(c.step, c.uri, int(c.sha256)) for c in store.latest_checkpoints(lease.run_id)] == [
        (30, "checkpoints/30", 30),
        (20, "checkpoints/20", 20),
    ]
    store.truncate_metrics(lease, 20)  # the newest was damaged
    store.commit_checkpoint(lease, "checkpoints/30b", "f" * 64, 30)
    store.commit_checkpoint(lease, "checkpoints/30c", "e" * 64, 30)
    assert [c.uri for c in store.latest_checkpoints(lease.run_id)] == ["checkpoints/30c", "checkpoints/20"]


# --- the file -------------------------------------------------------------------------------------------------------


def test_durability_is_chosen_by_what_is_written(store: SqlRunStore, home: Path) -> None:
    said: list[str] = []
    event.listen(store._engine, "before_cursor_execute", lambda *args: said.append(args[2]))

    def level() -> str:
        levels = [statement.rpartition("=")[2] for statement in said if "synchronous" in statement]
        said.clear()
        assert levels
        return levels[-1]

    lease = claimed(store)
    assert level() == "FULL"
    store.append(lease, [metric("loss", 1)])
    assert level() == "NORMAL"
    store.finish(lease, "finished")
    assert level() == "FULL"
    with closing(sqlite3.connect(home / "runs.sqlite3")) as file:
        assert file.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_many_processes_open_a_new_store_at_once(home: Path) -> None:
    code = "import sys; from explorer.runs.store import SqlRunStore; print(len(SqlRunStore.open(sys.argv[1]).list()))"
    command = [sys.executable, "-c", code, str(home / "runs.sqlite3")]
    openers = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    assert [opener.communicate(timeout=60)[0].strip() for opener in openers] == ["0"] * 4


@pytest.mark.parametrize("size", [100, 50_000])
def test_a_file_that_is_no_database_is_named_and_left_alone(home: Path, size: int) -> None:
    home.mkdir()
    file = home / "runs.sqlite3"
    file.write_bytes(b"no database " * (size // 12))
    before = file.read_bytes()
    with pytest.raises(StoreError, match=r"runs\.sqlite3 is not a database: move it away"):
        SqlRunStore.open()
    assert file.read_bytes() == before


def test_a_damaged_database_is_named(store: SqlRunStore, home: Path) -> None:
    lease = claimed(store)
    for start in range(0, 20_000, 1_000):
        store.append(lease, [metric("loss", start + i) for i in range(1_000)])
    store.close()
    file = home / "runs.sqlite3"
    content = bytearray(file.read_bytes())
    content[4096:-4096] = os.urandom(len(content) - 8192)
    file.write_bytes(content)
    with pytest.raises(StoreError, match=r"runs\.sqlite3 is damaged"):
        SqlRunStore.open().all_metrics_since(lease.run_id)


def test_a_newer_form_and_another_programs_database_are_refused(store: SqlRunStore, home: Path) -> None:
    store.close()
    with closing(sqlite3.connect(home / "runs.sqlite3")) as file:
        file.execute("UPDATE meta SET value = '7'")
        file.commit()
    with pytest.raises(StoreError, match=r"newer Kernelscope \(form 7; this one knows 1\)"):
        SqlRunStore.open()
    with closing(sqlite3.connect(home / "other.sqlite3")) as file:
        file.execute("CREATE TABLE tracks (name)")
    with pytest.raises(StoreError, match="another program's database"):
        SqlRunStore.open(home / "other.sqlite3")


def test_places_that_cannot_be_used(home: Path) -> None:
    home.write_text("a file, where the folder should be")
    with pytest.raises(StoreError, match="can't be opened"):
        SqlRunStore.open()
    with pytest.raises(StoreError, match="a path or a sqlite:/// URL"):
        SqlRunStore.open("postgresql+psycopg://localhost/runs")


def test_a_sqlite_url_is_a_path(home: Path) -> None:
    opened = SqlRunStore.open(f"sqlite:///{home}/other.sqlite3")
    assert opened.path == home / "other.sqlite3"
    opened.close()


WRITER = """
import itertools, resource, sys
from pathlib import Path
from explorer.errors import StoreError
from explorer.runs.records import Metric
from explorer.runs.store import SqlRunStore
store = SqlRunStore.open(sys.argv[1])
lease = store.claim("writer", 600.0)
if sys.argv[2] != "0":
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), int(sys.argv[2])))
for i in itertools.count():
    try:
        store.append(lease, [Metric("loss", 100 * i + j, 0.0, 1.0, 0.0) for j in range(100)])
    except StoreError as error:
        print(error)
        break
    print(i, flush=True)
"""


def _writer(home: Path, limit: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITER, str(home / "runs.sqlite3"), str(limit)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def test_a_writer_that_runs_out_of_space_is_told_so_and_loses_nothing(store: SqlRunStore, home: Path) -> None:
    run_id = store.create(a_spec())
    *acknowledged, message = _writer(home, 300_000).communicate(timeout=60)[0].splitlines()
    assert message.startswith(f"the run store {home / 'runs.sqlite3'} can't")
    assert len(acknowledged) > 3
    assert len(store.all_metrics_since(run_id).rows) == 100 * len(acknowledged)


def test_a_killed_writer_loses_no_acknowledged_row_and_breaks_nothing(store: SqlRunStore, home: Path) -> None:
    run_id = store.create(a_spec())
    process = _writer(home, 0)
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in range(40)]
    process.send_signal(signal.SIGKILL)
    lines += process.stdout.readlines()
    process.stdout.close()
    assert process.wait(timeout=60) == -signal.SIGKILL
    rows = store.all_metrics_since(run_id).rows
    assert len(rows) in (100 * len(lines), 100 * (len(lines) + 1))  # the last batch's word may not have got out
    with closing(sqlite3.connect(home / "runs.sqlite3")) as file:
        assert file.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_the_package_imports_neither_torch_nor_streamlit() -> None:
    code = "import sys, explorer.runs.service\nprint(sorted({'torch', 'streamlit', 'numpy'} & set(sys.modules)))"
    shown = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"
