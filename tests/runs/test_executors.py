"""Local processes: found again by later servers, never mistaken for others, ended with their children."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from run_helpers import wait_for

from explorer.errors import StoreError
from explorer.runs.artifacts import run_folder
from explorer.runs.executors import Handle, LocalExecutor, this_process

RUN = "0123abcd"
SLEEP = "import time; print('up', flush=True); time.sleep(600)"
DEAF = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SLEEP}"
PARENT = f"import subprocess, sys; print(subprocess.Popen([sys.executable, '-c', {SLEEP!r}]).pid, flush=True); {SLEEP}"


@pytest.fixture
def module(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where to write the source of the module that the executor starts."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return tmp_path / "made_worker.py"


@pytest.fixture
def executor(module: Path) -> LocalExecutor:
    return LocalExecutor("made_worker", grace=0.5)


def pid_of(handle: Handle) -> int:
    return int(handle.split("/")[-2])


def log() -> str:
    path = run_folder(RUN).log
    return path.read_text() if path.exists() else ""


def test_the_worker_gets_its_run_its_home_and_its_environment(
    module: Path, executor: LocalExecutor, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KERNELSCOPE_DATA", "data")
    module.write_text(
        "import os, sys\n"
        "import explorer\n"
        "for name in ('KERNELSCOPE_HOME', 'KERNELSCOPE_DATA', 'MALLOC_MMAP_THRESHOLD_', 'MALLOC_TRIM_THRESHOLD_'):\n"
        "    print(os.environ[name])\n"
        "print(sys.argv[1], os.getpid() == os.getsid(0), sys.stdin.read() == '')\n"
        "sys.exit('a last word')\n"
    )
    handle = executor.submit(RUN, 2)
    wait_for(lambda: executor.status(handle) == "exited")
    assert executor.exit_code(handle) == 1
    shown = ["--- attempt 2", str(home), str(Path.cwd() / "data"), "4000000000", "8000000000", f"{RUN} True True"]
    assert log().splitlines() == [*shown, "a last word"]


def test_a_running_process_is_known_to_every_executor_and_a_killed_one_to_be_gone(
    module: Path, executor: LocalExecutor
) -> None:
    module.write_text(SLEEP)
    handle = executor.submit(RUN, 1)
    later = LocalExecutor()
    assert executor.status(handle) == later.status(handle) == "running"
    assert executor.exit_code(handle) is None
    os.kill(pid_of(handle), signal.SIGKILL)
    wait_for(lambda: psutil.Process(pid_of(handle)).status() == psutil.STATUS_ZOMBIE)
    assert later.status(handle) == "exited"  # although its parent hasn't waited for it
    assert executor.status(handle) == "exited"
    assert executor.exit_code(handle) == -signal.SIGKILL
    assert later.exit_code(handle) is None
    assert later.status(handle) == "exited"


def test_a_process_id_that_was_given_out_anew_is_not_ours(executor: LocalExecutor) -> None:
    with subprocess.Popen([sys.executable, "-c", SLEEP]) as stranger:
        host, _, _ = this_process().rsplit("/", 2)
        handle = Handle(f"{host}/{stranger.pid}/12345.00")
        assert executor.status(handle) == "lost"
        executor.cancel(handle)
        assert stranger.poll() is None
        stranger.kill()


def test_other_hosts_and_unknown_texts_are_lost(executor: LocalExecutor) -> None:
    _, pid, started = this_process().rsplit("/", 2)
    for text in ("", "worker", f"elsewhere/{pid}/{started}", "a/b/c"):
        assert executor.status(Handle(text)) == "lost"
        assert executor.exit_code(Handle(text)) is None
        executor.cancel(Handle(text))


def test_a_process_never_cancels_itself(executor: LocalExecutor) -> None:
    assert executor.status(this_process()) == "running"
    executor.cancel(this_process())


@pytest.mark.parametrize(("source", "code"), [(SLEEP, -signal.SIGTERM), (DEAF, -signal.SIGKILL)])
def test_cancelling_asks_first_and_then_kills(module: Path, executor: LocalExecutor, source: str, code: int) -> None:
    module.write_text(source)
    handle = executor.submit(RUN, 1)
    wait_for(lambda: "up" in log())
    executor.cancel(handle)
    assert executor.status(handle) == "exited"
    assert executor.exit_code(handle) == code
    executor.cancel(handle)


def test_cancelling_takes_the_processes_children_along(module: Path, executor: LocalExecutor) -> None:
    module.write_text(PARENT)
    handle = executor.submit(RUN, 1)
    # Both write into one log: the child may say that it is up before its parent says its number.
    wait_for(lambda: log().count("up") == 2 and any(line.isdigit() for line in log().splitlines()))
    child = psutil.Process(next(int(line) for line in log().splitlines() if line.isdigit()))
    executor.cancel(handle)
    wait_for(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)


def test_another_executor_cancels_what_it_did_not_start(module: Path, executor: LocalExecutor) -> None:
    module.write_text(SLEEP)
    handle = executor.submit(RUN, 1)
    LocalExecutor(grace=0.5).cancel(handle)
    assert executor.status(handle) == "exited"
    assert executor.exit_code(handle) == -signal.SIGTERM  # its parent still learns how it ended


def test_a_process_that_cannot_be_started_is_explained(
    executor: LocalExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(StoreError, match=r"can't be started \(No such file or directory\): free some memory"):
        executor.submit(RUN, 1)


def test_who_ended_unasked_is_no_zombie_after_the_next_start(module: Path, executor: LocalExecutor) -> None:
    module.write_text(SLEEP)
    ended = [pid_of(executor.submit(RUN, attempt)) for attempt in (1, 2)]
    for pid in ended:
        psutil.Process(pid).kill()
    wait_for(lambda: all(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE for pid in ended))
    executor.cancel(executor.submit(RUN, 3))
    assert not any(psutil.pid_exists(pid) for pid in ended)


def test_at_least_two_runs_go_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for cores, slots in ((1, 2), (2, 2), (8, 4), (64, 32)):
        monkeypatch.setattr("explorer.runs.executors.cores", lambda cores=cores: cores)
        assert LocalExecutor().capacity() == slots
    assert LocalExecutor(slots=1).capacity() == 1
