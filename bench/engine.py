"""How fast the engine trains, beside the textbooks' loop; what telling and keeping everything costs.

Each measurement is a process of its own, and the sides take turns. The engine's side is whole runs with all that a
worker does over as many epochs as a recipe has by default: events, metrics in a store, validations, snapshots,
checkpoints, heartbeat. The textbook's side is bench/textbook.py: bare steps. Both leave out the first steps, in which
torch still loads much.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from report import report  # noqa: E402

from explorer.presets import PRESETS  # noqa: E402
from explorer.runs.executors import _environment as worker_environment  # noqa: E402
from explorer.spec import DataSpec, PrecisionName, RunSpec, TrainSpec  # noqa: E402

LEASE_SECONDS = 600.0
LONG = 100  # epochs


def spec_of(
    preset: str, batch_size: int, images: int | None, epochs: int = 1, precision: PrecisionName = "float32"
) -> RunSpec:
    recipe = TrainSpec(batch_size=batch_size, epochs=epochs, precision=precision)
    return RunSpec(name=preset, model=PRESETS[preset].model, data=DataSpec(train_size=images), train=recipe)


# --- what a child does --------------------------------------------------------------------------------------------


def child(side: str, spec: RunSpec) -> dict[str, Any]:
    """One measurement: images a second of training, from the first step to the last. Where sides are compared, the
    engine's train as it chooses for a long run; where that is named, in this precision."""
    import torch

    from explorer.data import load
    from explorer.machine import cores
    from explorer.training.calibrate import choose
    from explorer.training.device import pick

    torch.set_num_threads(cores())
    data = load(spec.data.dataset)
    if side != "accuracy":  # whose time is a whole run's, with the choice
        long = spec.model_copy(update={"train": spec.train.model_copy(update={"epochs": LONG})})
        spec = choose(long, data, pick("cpu"), threads=cores(), fewer_threads=False).settle(spec)
    warm_up = spec.model_copy(update={"data": DataSpec(train_size=20 * spec.train.batch_size, validation_share=0.01)})
    bare(warm_up, data)
    found = {"everything": everything, "bare": bare, "accuracy": time_to_accuracy}[side](spec, data)
    return found | {"chosen": f"{spec.train.precision}, {spec.train.memory_format}"}


def bare(spec: RunSpec, data: Any) -> dict[str, Any]:
    """The engine's steps and, as any training has, one validation an epoch; nothing is told or kept."""
    import torch

    from explorer.training.device import pick
    from explorer.training.learner import Learner

    learner = Learner(spec, data, pick("cpu"), weights={})
    steps = learner.images.steps_per_epoch
    began = time.perf_counter()
    for step in range(1, steps * spec.train.epochs + 1):
        learner.take_step()
        if step % steps == 0:
            answers = [learner.answers(some) for some in learner.images.validation.split(1000)]
            torch.cat(answers).argmax(1).tolist()
    return speed(len(learner.images) * spec.train.epochs, began)


def everything(spec: RunSpec, data: Any) -> dict[str, Any]:
    """What a worker does with the engine's events, up to the end of the last epoch."""
    from explorer.runs.artifacts import run_folder
    from explorer.runs.store import SqlRunStore
    from explorer.training.engine import train
    from explorer.training.events import Checkpoint, Finished, Started
    from explorer.training.orders import Orders
    from explorer.training.recorder import Recorder

    with tempfile.TemporaryDirectory() as home:
        os.environ["KERNELSCOPE_HOME"] = home
        store = SqlRunStore.open()
        run_id = store.create(spec)
        lease = store.claim_run(run_id, "bench", LEASE_SECONDS)
        if lease is None:
            raise SystemExit("the run of a new store could not be claimed")
        recorder = Recorder(store, lease, run_folder(run_id).create())
        began, images = 0.0, 0
        measured: dict[str, Any] = {}
        with Orders(store, lease) as orders:
            for event in train(spec, data, wanted=lambda: orders.current != "ok" or recorder.checkpoint_due):
                if isinstance(event, Started):
                    began, images = time.perf_counter(), event.train_images * spec.train.epochs
                recorder.record(event)
                if isinstance(event, Checkpoint):
                    measured = speed(images, began)
                if isinstance(event, Finished):
                    measured |= {"test_accuracy": event.test_accuracy, "seconds": event.seconds}
        store.close()
    return measured


def time_to_accuracy(spec: RunSpec, data: Any) -> dict[str, Any]:
    """Seconds of a whole run as the app starts it, with the choice of how to compute it, and with its validations, and
    the test accuracy that it ends with."""
    from explorer.machine import cores
    from explorer.training.calibrate import choose
    from explorer.training.device import pick
    from explorer.training.engine import train
    from explorer.training.events import Finished

    began = time.perf_counter()
    spec = choose(spec, data, pick("cpu"), threads=cores()).settle(spec)
    for event in train(spec, data):
        if isinstance(event, Finished):
            return {"seconds": time.perf_counter() - began, "test_accuracy": event.test_accuracy}
    raise AssertionError("the engine ends with Finished")


def speed(images: int, began: float) -> dict[str, Any]:
    seconds = time.perf_counter() - began
    return {"images_per_second": images / seconds, "seconds": seconds}


# --- the parent --------------------------------------------------------------------------------------------------


def run(arguments: list[str], environment: dict[str, str]) -> dict[str, Any]:
    """Starts a child and reads the last line that it prints."""
    command = [sys.executable, *arguments]
    environment = {**os.environ, **environment}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(arguments)} ended with status {done.returncode}:\n{done.stderr}")
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def engine(side: str, spec: RunSpec) -> dict[str, Any]:
    """The engine's side, with the environment that a run's process is started with."""
    return run(["bench/engine.py", "--child", side, "--spec", spec.model_dump_json()], worker_environment())


def textbook(preset: str, batch_size: int, seconds: float, workers: int) -> float:
    arguments = ["--preset", preset, "--batch-size", str(batch_size), "--seconds", str(seconds)]
    measured = run(["bench/textbook.py", *arguments, "--workers", str(workers)], {})
    return float(measured["images_per_second"])


def compare(preset: str, batch_size: int, *, runs: int, images: int | None, seconds: float) -> None:
    """The engine as it chooses, the same in float32, the textbook's loop (float32), and that with two loading
    processes, in turn."""
    ours: dict[PrecisionName, list[dict[str, Any]]] = {"auto": [], "float32": []}
    theirs: dict[str, list[float]] = {"DataLoader loop": [], "DataLoader loop, 2 loading processes": []}
    for _ in range(runs):
        for precision, measured in ours.items():
            spec = spec_of(preset, batch_size, images, TrainSpec().epochs, precision)
            measured.append(engine("everything", spec))
        for workers, speeds in zip((0, 2), theirs.values(), strict=True):
            speeds.append(textbook(preset, batch_size, seconds, workers))
    for precision, measured in ours.items():
        how = "as the engine chooses" if precision == "auto" else precision
        for against, speeds in theirs.items():
            report(
                f"training {preset}, batch {batch_size}, {how}",
                [each["images_per_second"] for each in measured],
                "images/s",
                baseline=speeds,
                higher_is_better=True,
                against=against,
                chosen=sorted({each["chosen"] for each in measured}),
            )


def instrumentation(*, runs: int, images: int | None, epochs: int) -> None:
    """Whole runs, told and kept, beside bare ones with one validation an epoch."""
    spec = spec_of("article", 64, images, epochs)
    with_it, without = [], []
    for _ in range(runs):
        with_it.append(engine("everything", spec)["images_per_second"])
        without.append(engine("bare", spec)["images_per_second"])
    report(
        "training article with events, store, snapshots, checkpoints",
        with_it,
        "images/s",
        baseline=without,
        higher_is_better=True,
        against="bare steps",
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer and shorter runs, the article's network alone")
    parser.add_argument("--preset", choices=PRESETS, help="this network's beside the textbook's loop, and nothing else")
    parser.add_argument("--child", choices=["everything", "bare", "accuracy"], help=argparse.SUPPRESS)
    parser.add_argument("--spec", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(child(options.child, RunSpec.model_validate_json(options.spec))))
        return
    runs, images, seconds = (2, 20_000, 4.0) if options.quick else (5, None, 10.0)
    if options.preset:
        compare(options.preset, 64, runs=runs, images=images, seconds=seconds)
        return
    for preset in ("article",) if options.quick else ("article", "lenet5", "tiny"):
        compare(preset, 64, runs=runs, images=images, seconds=seconds)
    instrumentation(runs=runs, images=images, epochs=1 if options.quick else 2)
    default = spec_of("article", 128, None, epochs=3, precision="auto")
    whole = [engine("accuracy", default) for _ in range(1 if options.quick else runs)]
    accuracies = [one["test_accuracy"] for one in whole]
    report("whole default run of article", [one["seconds"] for one in whole], "s", test_accuracy=min(accuracies))


if __name__ == "__main__":
    main()
