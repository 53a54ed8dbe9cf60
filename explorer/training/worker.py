"""The process that trains one run: ``python -m explorer.training.worker RUN``.

It claims the run in the store, goes on from the newest good checkpoint if there is one, writes what the engine tells,
does what it is ordered to, and ends the run in one of its states. What goes wrong is one sentence in the store and in
the log, which has a traceback, too, where nobody has foreseen the error.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import logging
import os
import sys
from typing import TYPE_CHECKING, Any, Literal, NoReturn

from explorer import data
from explorer.errors import ExplorerError, StoreError, sentence
from explorer.machine import cores
from explorer.runs import service
from explorer.runs.artifacts import RunFolder, atomic_write, run_folder
from explorer.runs.executors import this_process
from explorer.runs.records import EndState, Fenced, Lease
from explorer.runs.store import SqlRunStore
from explorer.spec import RunSpec
from explorer.training.choice import Choice, of_recipe, read
from explorer.training.contention import SLEEPING, Contention
from explorer.training.orders import Orders

if TYPE_CHECKING:
    from explorer.data import Dataset
    from explorer.training.events import Checkpoint, Finished

LEASE_SECONDS = 30.0
NICENESS = 5
"""Whoever looks at a page comes before what trains in the background."""

Outcome = EndState | Literal["restart"] | None

_LEASE = "KERNELSCOPE_LEASE"
_WORTH_A_RESTART = 20.0  # seconds left; it takes about five

log = logging.getLogger("explorer.training.worker")


def main(run_id: str) -> int:
    """Works on the run until it ends; returns the process's exit status, 0 unless the run couldn't be had or failed."""
    logging.basicConfig(level=logging.INFO, stream=sys.stdout, format="%(asctime)s %(levelname)s %(message)s")
    store = SqlRunStore.open()
    inherited = _inherited()
    lease = inherited or store.claim_run(run_id, this_process(), LEASE_SECONDS)
    if lease is None:
        log.error("run %s is not to be had: it is paused, has ended, or another process works on it", run_id)
        return 1
    if inherited is None and hasattr(os, "nice"):
        os.nice(max(0, NICENESS - os.nice(0)))  # whatever that of the worker is that started this one
    state = _work(store, lease)
    store.close()
    if state == "restart":
        _start_anew(lease)
    if inherited is not None:
        for name in SLEEPING:  # is of no concern to the runs that are started from here
            os.environ.pop(name, None)
    try:
        service.dispatch()
    except ExplorerError:
        log.warning("no other run could be started", exc_info=True)
    return 1 if state == "failed" else 0


def _inherited() -> Lease | None:
    """The lease of the program that this one replaced, see :func:`_start_anew`."""
    text = os.environ.pop(_LEASE, None)
    return None if text is None else Lease(**json.loads(text))


def _start_anew(lease: Lease) -> NoReturn:
    """Replaces this program, in the same process and with its lease, by one whose threads sleep while they wait."""
    log.info("other programs need the cores: starting anew with threads that sleep while they wait")
    environment = {**os.environ, **SLEEPING, _LEASE: json.dumps(dataclasses.asdict(lease))}
    os.execve(sys.executable, [sys.executable, "-m", "explorer.training.worker", lease.run_id], environment)  # noqa: S606


def _work(store: SqlRunStore, lease: Lease) -> Outcome:
    """Trains and, unless it is to start anew or another worker has it (None), ends the run. Returns its state."""
    state: Outcome
    error: str | None = None
    result: dict[str, Any] | None = None
    with Orders(store, lease) as orders:
        try:
            state, result = _train(store, lease, orders)
        except Fenced:
            state = None
        except ExplorerError as fault:
            log.error("the run failed: %s", fault)
            state, error = "failed", str(fault)
        except Exception as fault:
            log.exception("the run failed")
            state, error = "failed", f"An unexpected {type(fault).__name__} ended the training: {fault} (see its log)"
    if state is None or state == "restart":
        log.info("run %s: %s", lease.run_id, "restart" if state else "another worker has it")
        return state
    try:
        if error is not None:
            kept = store.latest_checkpoints(lease.run_id)
            error = sentence(error) + (f" The weights of step {kept[0].step:,} are kept." if kept else "")
        store.finish(lease, state, error, result)
    except StoreError:
        log.exception("the end of run %s (%s) could not be written", lease.run_id, state)
    log.info("run %s: %s", lease.run_id, state)
    return state


def _train(store: SqlRunStore, lease: Lease, orders: Orders) -> tuple[Outcome, dict[str, Any] | None]:
    """Trains until the end, or until it is ordered otherwise: the state that the run is in then, and its result."""
    folder = run_folder(lease.run_id).create()
    spec = store.get(lease.run_id).spec
    log.info("run %s, attempt %d: %s; loading %s", lease.run_id, lease.attempt, spec.name, spec.data.dataset)
    images = data.load(spec.data.dataset)
    # Only now, with the run claimed and the heart beating: torch takes seconds to load.
    from explorer.training.device import pick
    from explorer.training.engine import train
    from explorer.training.events import Checkpoint, Finished, Step
    from explorer.training.recorder import Recorder
    from explorer.training.trained import newest_checkpoint

    checkpoint = newest_checkpoint(store, lease.run_id)
    _cut_back(store, lease, folder, checkpoint)
    others = _others(store, lease.run_id) if checkpoint is None else 0
    threads = _use_threads(checkpoint, others)
    choice = _choose(spec, images, folder, checkpoint, threads, others)
    recorder = Recorder(store, lease, folder)
    on_cpu = pick(spec.train.device).type == "cpu"
    contention, restart = Contention(choice.threads if on_cpu else 1), False

    def wanted() -> bool:
        return restart or orders.current != "ok" or recorder.checkpoint_due

    for event in train(choice.settle(spec), images, resume=checkpoint, wanted=wanted):
        order = orders.current
        if order == "fenced":
            return None, None
        recorder.record(event, keep=restart or order != "ok")
        if isinstance(event, Step) and contention.noticed():
            restart = (recorder.progress.eta or 0.0) > _WORTH_A_RESTART
        if isinstance(event, Finished):
            digest = _keep(folder, spec, images, event)
            return "finished", _result(spec, images, event, recorder.progress.device, digest, choice)
        if isinstance(event, Checkpoint) and order != "ok":
            return ("paused" if order == "pause" else "stopped"), None
        if isinstance(event, Checkpoint) and restart:
            return "restart", None
    raise AssertionError("the engine ends with Finished")


def _cut_back(store: SqlRunStore, lease: Lease, folder: RunFolder, checkpoint: Checkpoint | None) -> None:
    """Forgets what an earlier attempt wrote after the checkpoint, from where the run goes on."""
    from explorer.training.snapshots import list_snapshots

    step = 0 if checkpoint is None else checkpoint.step
    store.truncate_metrics(lease, step)
    for taken, path in list_snapshots(folder.snapshots).items():
        if taken > step:
            path.unlink(missing_ok=True)
    log.info("going on from step %d" if step else "beginning at step %d", step)


def _others(store: SqlRunStore, run_id: str) -> int:
    """How many other runs compute on this machine's cores."""
    from explorer.training.device import pick

    # What a device that another run names really is, is its own affair: there may be none, and it fails.
    here = {"cpu", "auto"} if pick("auto").type == "cpu" else {"cpu"}
    running = (record for record in store.underway() if record.state == "running" and record.id != run_id)
    return sum(record.spec.train.device in here for record in running)


def _use_threads(checkpoint: Checkpoint | None, others: int) -> int:
    """A fair share of the cores, or OMP_NUM_THREADS; a run that goes on keeps its number, on which its exact result
    depends.

    Two runs of the article's network on one of two cores each trained twice as many images a second as on both at once:
    threads wait for each other after every operation, and another run's threads stand in between.
    """
    import torch

    if checkpoint is not None:
        torch.set_num_threads(checkpoint.state.threads)
    elif "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(max(1, cores() // (1 + others)))
    log.info("torch %s on %d threads", torch.__version__, torch.get_num_threads())
    return torch.get_num_threads()


def _choose(
    spec: RunSpec, images: Dataset, folder: RunFolder, checkpoint: Checkpoint | None, threads: int, others: int
) -> Choice:
    """How the run is computed: as before where it goes on, else what is fastest; also sets torch's threads."""
    import torch

    from explorer.training.calibrations import recall
    from explorer.training.device import pick, working

    if checkpoint is not None:
        precision, layout = of_recipe(checkpoint.state.spec.train)
        kept = read(folder.choice)
        if kept is not None and (kept.precision, kept.memory_format, kept.threads) == (precision, layout, threads):
            return kept
        return Choice(
            precision=precision, memory_format=layout, threads=threads, compared=False, why="as the run began"
        )
    device = pick(spec.train.device)
    with working(device):
        choice = recall(spec, images, device, threads=threads, fewer_threads="OMP_NUM_THREADS" not in os.environ)
    if others and device.type == "cpu" and "OMP_NUM_THREADS" not in os.environ:
        runs = "another run" if others == 1 else f"{others} other runs"
        choice = choice.model_copy(update={"why": f"{choice.why}; the cores are shared with {runs}"})
    torch.set_num_threads(choice.threads)
    atomic_write(folder.choice, choice.model_dump_json().encode())
    log.info("%s, %s, on %d threads (%s)", choice.precision, choice.memory_format, choice.threads, choice.why)
    return choice


def _keep(folder: RunFolder, spec: RunSpec, images: Dataset, event: Finished) -> str:
    """Writes the final weights, with the spec, and returns the file's SHA-256."""
    from explorer import models, weights

    network = models.build(spec.model, images.card.shape, len(images.card.classes))
    models.load_weights(network, event.weights)
    packed = weights.pack(network, spec)
    atomic_write(folder.weights, packed)
    return hashlib.sha256(packed).hexdigest()


def _result(
    spec: RunSpec, images: Dataset, event: Finished, device: str | None, sha256: str, choice: Choice
) -> dict[str, Any]:
    """What is kept of a finished run beside its metrics."""
    names = (
        "test_accuracy", "test_correct", "test_images", "test_loss",
        "validation_accuracy", "validation_loss", "validation_images",
        "weights_step", "stopped_early", "images_per_second", "seconds",
    )  # fmt: skip
    about_data = {
        "dataset": spec.data.dataset,
        "complete": images.complete,
        "notice": images.notice,
        "fingerprint": images.fingerprint,
        "train_images": event.train_images,
    }
    values: dict[str, Any] = {name: getattr(event, name) for name in names}
    return values | {
        "epochs": round(event.epoch),
        "steps": event.step,
        "device": device,
        "precision": choice.precision,
        "memory_format": choice.memory_format,
        "threads": choice.threads,
        "choice": choice.why,
        "weights_sha256": sha256,
        "data": about_data,
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
