"""Real worker processes on real digits: to the end, paused, killed, stopped, diverged, out of disk."""

from __future__ import annotations

import re
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
import torch
from safetensors.torch import load_file
from training_helpers import NOISY, run

from explorer import weights
from explorer.analysis import evaluate
from explorer.data import Dataset, load
from explorer.errors import StoreError, WeightsError
from explorer.presets import PRESETS
from explorer.runs import service
from explorer.runs.artifacts import run_folder
from explorer.runs.executors import Handle
from explorer.runs.records import RunRecord
from explorer.spec import Augmentation, RunSpec
from explorer.training import choice, worker
from explorer.training.engine import train
from explorer.training.events import Evaluated, Finished, Step
from explorer.training.snapshots import list_snapshots
from explorer.training.trained import load_trained, newest_checkpoint

ROOT = Path(__file__).parents[2]
WORKER = [sys.executable, "-m", "explorer.training.worker"]
PATIENCE = 120.0


@pytest.fixture(autouse=True)
def no_process_is_left(digits: Dataset) -> Iterator[None]:
    yield
    for record in service.local().store.underway():
        service.local().executor.cancel(Handle(record.worker or ""))


def wait(run_id: str, until: Callable[[RunRecord], bool]) -> RunRecord:
    """The run as soon as it is as wanted; the test fails where it ends before, or never gets there."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        service.dispatch()
        record = service.local().store.get(run_id)
        if until(record):
            return record
        assert record.active, f"{record.state}: {record.error}\n{service.read_log(run_id)}"
        time.sleep(0.02)
    raise AssertionError(f"nothing happened: {record}\n{service.read_log(run_id)}")


def at_work(record: RunRecord) -> bool:
    """Past its first checkpoint, with steps after it in the store."""
    kept = service.local().store.latest_checkpoints(record.id)
    return bool(kept) and record.progress.step > kept[0].step


def gone(record: RunRecord) -> bool:
    return not record.active


def metrics(run_id: str) -> dict[tuple[str, int], float]:
    rows = service.local().store.all_metrics_since(run_id).rows
    return {(row.key, row.step): row.value for row in rows if row.key != "images_per_second"}


def by_engine(spec: RunSpec, digits: Dataset) -> tuple[Finished, dict[tuple[str, int], float]]:
    """The same run without a worker: what it ends with, and the metrics that a worker should have written."""
    told: dict[tuple[str, int], float] = {}
    for event in train(spec, digits):
        match event:
            case Step():
                told |= {
                    ("loss/train", event.step): event.loss,
                    ("accuracy/train", event.step): event.accuracy,
                    ("learning_rate", event.step): event.learning_rate,
                }
                told |= {(f"gradient_norm/{name}", event.step): norm for name, norm in event.gradient_norms.items()}
            case Evaluated():
                told |= {
                    ("loss/validation", event.step): event.loss,
                    ("accuracy/validation", event.step): event.accuracy,
                }
            case Finished():
                return event, told
    raise AssertionError


def test_a_run_from_start_to_finish(digits: Dataset) -> None:
    spec = run(images=300, share=0.05, batch_size=60, epochs=2, optimizer="momentum", learning_rate=0.05)
    run_id = service.start(spec, "somebody")
    record = wait(run_id, lambda record: record.state == "finished")
    expected, told = by_engine(spec, digits)
    kept = load_file(run_folder(run_id).weights)
    assert kept.keys() == expected.weights.keys()
    assert all(torch.equal(kept[name], tensor) for name, tensor in expected.weights.items())
    assert weights.spec_of(run_folder(run_id).weights.read_bytes()) == spec
    assert metrics(run_id) == told
    speeds = service.local().store.metrics_since(run_id, "images_per_second", 0)
    assert len(speeds) == 10
    assert all(row.value > 0 for row in speeds)

    result = record.result
    assert result is not None
    assert (
        result.items()
        >= {
            "test_correct": expected.test_correct,
            "test_images": 1000,
            "test_accuracy": expected.test_accuracy,
            "epochs": 2,
            "stopped_early": False,
        }.items()
    )
    assert result["data"].items() >= {"complete": False, "train_images": 300, "fingerprint": digits.fingerprint}.items()
    assert "5,000-digit subset" in result["data"]["notice"]
    assert result["device"] == record.progress.device
    assert result["device"].startswith("CPU")
    assert result["seconds"] > 0
    assert (record.progress.step, record.progress.steps_total, record.progress.epoch) == (10, 10, 2.0)

    network = load_trained(run_id)
    assert not network.training
    found = evaluate(network, digits.test.pixels, digits.test.labels, digits.card)
    assert found.correct == result["test_correct"]
    steps = list(list_snapshots(run_folder(run_id).snapshots))
    assert {0, 1, 10} <= set(steps)
    fresh, last = load_trained(run_id, snapshot=0), load_trained(run_id, snapshot=10)
    assert torch.equal(last.output.weight, network.output.weight)
    assert not torch.equal(fresh.output.weight, network.output.weight)
    with pytest.raises(StoreError, match="no snapshot of step 77; there are: 0, 1"):
        load_trained(run_id, snapshot=77)

    path = run_folder(run_id).weights
    path.write_bytes(path.read_bytes()[:-1] + b"\x00")
    with pytest.raises(WeightsError, match="damaged"):
        load_trained(run_id)


def test_a_run_that_was_paused_and_killed_ends_as_if_nothing_had_happened(digits: Dataset) -> None:
    spec = run(
        NOISY, images=400, share=0.02, batch_size=20, epochs=40, augmentation=Augmentation(shift=1), learning_rate=0.003
    )
    run_id = service.start(spec)
    wait(run_id, at_work)
    service.pause(run_id)
    assert wait(run_id, gone).state == "paused"
    (kept, *_) = service.local().store.latest_checkpoints(run_id)
    # Of 800 steps every second one is logged; what lies between two of them travels in the checkpoint.
    assert kept.step - max(step for _, step in metrics(run_id)) in (0, 1)
    assert load_trained(run_id).output.weight.isfinite().all()

    service.resume(run_id)
    record = wait(run_id, lambda record: at_work(record) and record.progress.step > kept.step + 5)
    process = psutil.Process(int((record.worker or "").split("/")[1]))
    process.kill()
    killed = wait(run_id, gone)
    assert killed.state == "failed"
    assert "ended unexpectedly" in (killed.error or "")
    before = metrics(run_id)
    (kept, *_) = service.local().store.latest_checkpoints(run_id)
    assert kept.step < max(step for _, step in before)  # it did die in the middle

    service.resume(run_id)
    record = wait(run_id, lambda record: record.state == "finished")
    assert record.attempt == 3
    expected, told = by_engine(spec, digits)
    kept_weights = load_file(run_folder(run_id).weights)
    assert all(torch.equal(kept_weights[name], tensor) for name, tensor in expected.weights.items())
    assert metrics(run_id) == told
    assert record.result is not None
    assert record.result["test_correct"] == expected.test_correct
    assert len(list(run_folder(run_id).checkpoints.iterdir())) == 2
    assert "Traceback" not in service.read_log(run_id)


def test_a_worker_that_starts_anew_goes_on_in_the_same_process_with_the_same_bits(digits: Dataset) -> None:
    store = service.local().store
    spec = run(images=100, share=0.02, batch_size=10, epochs=5)
    run_id = store.create(spec)
    once = (
        "import sys; from explorer.training import worker; worker._WORTH_A_RESTART = -1.0;"
        "worker.Contention.noticed = lambda self: True; sys.exit(worker.main(sys.argv[1]))"
    )
    child = subprocess.run([sys.executable, "-c", once, run_id], cwd=ROOT, capture_output=True, text=True)
    assert child.returncode == 0, child.stdout
    assert child.stdout.count("starting anew with threads that sleep") == 1
    assert child.stdout.count(f"run {run_id}: finished") == 1
    assert re.search(r"going on from step [12]\n", child.stdout)
    record = store.get(run_id)
    assert (record.state, record.attempt) == ("finished", 1)
    expected, told = by_engine(spec, digits)
    kept = load_file(run_folder(run_id).weights)
    assert all(torch.equal(kept[name], tensor) for name, tensor in expected.weights.items())
    assert metrics(run_id) == told


def test_a_stopped_and_a_terminated_run_keep_usable_weights(digits: Dataset) -> None:
    spec = run(images=400, share=0.02, batch_size=20, epochs=1000, schedule="constant", learning_rate=0.005)
    first, second = service.start(spec), service.start(spec)
    wait(first, lambda record: record.progress.step > 100)
    service.stop(first)
    stopped = wait(first, gone)
    assert (stopped.state, stopped.error, stopped.result) == ("stopped", None, None)
    record = wait(second, lambda record: record.progress.step > 100)
    psutil.Process(int((record.worker or "").split("/")[1])).terminate()
    assert wait(second, gone).state == "paused"
    for run_id in (first, second):
        found = evaluate(load_trained(run_id), digits.test.pixels, digits.test.labels, digits.card)
        assert found.accuracy > 0.3

    # The newest checkpoint is damaged: the one before is used; with both gone there is a sentence.
    store, folder = service.local().store, run_folder(second)
    newest, older = store.latest_checkpoints(second)
    folder.resolve(newest.uri).write_bytes(b"x" * 1000)
    found_checkpoint = newest_checkpoint(store, second)
    assert found_checkpoint is not None
    assert found_checkpoint.step == older.step
    folder.resolve(older.uri).unlink()
    with pytest.raises(StoreError, match="no weights yet"):
        load_trained(second)


def test_a_diverging_run_fails_with_its_step_and_keeps_its_last_good_weights(digits: Dataset) -> None:
    # Each step takes ten times all weights away, which leaves them nine times as large.
    spec = run(learning_rate=10.0, schedule="constant", batch_size=150, epochs=50, weight_decay=1.0)
    run_id = service.start(spec)
    failed = wait(run_id, gone)
    assert failed.state == "failed"
    assert "diverged at step" in (failed.error or "")
    assert "learning rate of 10 is too high for adamw" in (failed.error or "")
    log = service.read_log(run_id)
    assert re.search(r"the run failed: .*diverged at step", log)
    assert "Traceback" not in log  # people read it in the app
    kept = service.local().store.latest_checkpoints(run_id)
    assert kept
    assert (failed.error or "").endswith(f"The weights of step {kept[0].step} are kept.")
    assert all(bool(tensor.isfinite().all()) for tensor in load_trained(run_id).state_dict().values())


def test_a_full_disk_is_said_in_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERNELSCOPE_HOME", str(tmp_path))
    load("mnist")  # caches the digits, for which there would be no space later
    store = service.local().store
    run_id = store.create(run(PRESETS["mlp"].model, images=100, share=0.02, batch_size=20, epochs=1))

    def no_space() -> None:  # no file may grow beyond this; a snapshot has 940 kB
        resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, 600_000))

    child = subprocess.run([*WORKER, run_id], cwd=ROOT, preexec_fn=no_space, capture_output=True, text=True)
    assert child.returncode == 1
    assert "the disk is full" in child.stdout
    failed = store.get(run_id)
    assert failed.state == "failed"
    assert re.fullmatch(
        r".*00000000[-\d]*\.safetensors could not be written, for the disk is full: .*", failed.error or ""
    )
    assert list(run_folder(run_id).snapshots.iterdir()) == []


def test_a_run_that_is_not_to_be_had_is_left_alone(digits: Dataset) -> None:
    store = service.local().store
    run_id = store.create(run())
    store.request(run_id, "pause")
    child = subprocess.run([*WORKER, run_id], cwd=ROOT, capture_output=True, text=True)
    assert child.returncode == 1
    assert "is not to be had: it is paused" in child.stdout
    assert store.get(run_id).state == "paused"
    assert not run_folder(run_id).path.exists()


def test_how_a_run_is_computed_is_kept_with_it() -> None:
    run_id = service.start(run(images=300, batch_size=50, epochs=1, precision="auto"))
    record = wait(run_id, lambda record: record.state == "finished")
    kept = choice.read(run_folder(run_id).choice)
    assert kept is not None
    assert record.result is not None
    assert (record.result["precision"], record.result["threads"]) == (kept.precision, kept.threads) == ("float32", 1)
    assert record.result["choice"] == kept.why
    assert "too short" in kept.why


def test_runs_that_begin_beside_others_take_a_share_of_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    store = service.local().store
    mine, *others = (store.create(run(device=device)) for device in ("cpu", "cpu", "cpu", "mps", "cpu"))
    assert worker._others(store, mine) == 0  # they wait
    leases = [store.claim_run(each, "host/1/0", 60.0) for each in (mine, *others[:3])]
    assert worker._others(store, mine) == 2, "one is on a GPU, whether there is one here or not"
    for lease in leases:
        assert lease is not None
        store.finish(lease, "stopped", None, None)
    assert worker._others(store, others[3]) == 0
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr("explorer.training.worker.cores", lambda: 8)
    before = torch.get_num_threads()
    try:
        found = [worker._use_threads(None, beside) for beside in (0, 1, 2, 20)]
        monkeypatch.setenv("OMP_NUM_THREADS", "3")
        torch.set_num_threads(3)
        found.append(worker._use_threads(None, 1))
    finally:
        torch.set_num_threads(before)
    assert found == [8, 4, 2, 1, 3]
