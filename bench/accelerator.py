"""What an accelerator reaches: seconds of training to 99 % of MNIST's validation digits, and images a second of each
bundled network's training.

The time to 99 % is that of bench/time_to_99.py's small network, from its first step to the validation at the end of its
epoch, in a process that has trained for a moment before: a GPU's libraries take seconds to load. `--device cpu` takes
the same way without one. Where there is no such device, nothing is measured, and a sentence says so.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from engine import run, worker_environment  # noqa: E402
from report import report  # noqa: E402
from time_to_99 import WANTED, quickest  # noqa: E402

from explorer.recipes import RECIPES  # noqa: E402
from explorer.spec import DataSpec, RunSpec  # noqa: E402

SECONDS = 2.0
"""Of training that are measured, for each network."""
BATCH = 128


def to_99(device: Any, seed: int) -> dict[str, Any]:
    """Seconds of training and the test accuracy; no seconds where one epoch was not enough."""
    from explorer.data import load
    from explorer.training.engine import train
    from explorer.training.events import Evaluated, Finished, Started

    data, whole = load("mnist"), quickest(1, seed, device)
    list(train(whole.model_copy(update={"data": DataSpec(train_size=2_000)}), data))
    began, seconds, reached = 0.0, 0.0, False
    for event in train(whole, data):
        match event:
            case Started():
                began = time.perf_counter()
            case Evaluated():
                seconds, reached = time.perf_counter() - began, event.accuracy >= WANTED
            case Finished():
                return {"seconds": seconds if reached else None, "test_accuracy": event.test_accuracy}
    raise AssertionError("the engine ends with Finished")


def speed(device: Any, name: str) -> dict[str, Any]:
    """Images a second of a bundled network, trained as the engine chooses."""
    from explorer.data import load
    from explorer.machine import cores
    from explorer.training.calibrate import choose
    from explorer.training.device import pick
    from explorer.training.learner import Learner

    recipe = RECIPES[name]
    free = {"device": device, "precision": "auto", "memory_format": "auto", "batch_size": BATCH, "epochs": 1_000}
    spec = RunSpec(model=recipe.model, data=recipe.data, train=recipe.train.model_copy(update=free))
    data, there = load(spec.data.dataset), pick(device)
    chosen = choose(spec, data, there, threads=cores(), fewer_threads=False)
    learner = Learner(chosen.settle(spec), data, there, weights={})

    def steps(seconds: float) -> float:
        began, taken = time.perf_counter(), 0
        while time.perf_counter() - began < seconds:
            for _ in range(10):
                learner.take_step()
            learner.drain()
            taken += 10
        return taken * BATCH / (time.perf_counter() - began)

    steps(SECONDS / 4)
    return {"images_per_second": steps(SECONDS), "chosen": f"{chosen.precision}, {chosen.memory_format}"}


def child(device: str, name: str, seed: int) -> dict[str, Any]:
    import torch

    from explorer.machine import cores

    torch.set_num_threads(cores())
    return speed(device, name) if name else to_99(device, seed)


def fault(device: str) -> str | None:
    """Why nothing can be measured."""
    from explorer.errors import TrainingError
    from explorer.training.device import pick

    try:
        pick(device)  # type: ignore[arg-type]
    except TrainingError as error:
        return str(error)
    return None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=("cuda", "mps", "xpu", "cpu"), default="cuda")
    parser.add_argument("--runs", type=int, default=5, help="processes for each figure")
    parser.add_argument("--only", choices=["to-99", *RECIPES], help="one figure alone")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--name", default="", help=argparse.SUPPRESS)
    parser.add_argument("--seed", type=int, default=0, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(child(options.device, options.name, options.seed)))
        return
    said = fault(options.device)
    if said:
        print(f"nothing measured: {said}", file=sys.stderr)
        return
    start = ["bench/accelerator.py", "--child", "--device", options.device]
    if options.only in (None, "to-99"):
        found = [run([*start, "--seed", str(seed)], worker_environment()) for seed in range(options.runs)]
        reached = [one["seconds"] for one in found if one["seconds"] is not None]
        if reached:
            accuracies = [one["test_accuracy"] for one in found]
            what = f"training to 99 % of MNIST's digits, {options.device}"
            report(what, reached, "s", of_runs=len(found), test_accuracies=accuracies)
    for name in (name for name in RECIPES if options.only in (None, name)):
        found = [run([*start, "--name", name], worker_environment()) for _ in range(options.runs)]
        report(
            f"training {name}, batch {BATCH}, {options.device}",
            [one["images_per_second"] for one in found],
            "images/s",
            higher_is_better=True,
            chosen=sorted({one["chosen"] for one in found}),
        )


if __name__ == "__main__":
    main()
