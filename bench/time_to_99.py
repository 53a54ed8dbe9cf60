"""How long it takes to a network that reads 99 % of MNIST's digits, from the start of a process to its test accuracy.

One side is PyTorch's own MNIST example, written again: its network, Adadelta with a learning rate of 1 that falls by
0.7 an epoch, batch 64, DataLoader with ToTensor and Normalize. The other is the engine with a small network and one
epoch of a one-cycle schedule, in bfloat16 where the processor has instructions for it. Both learn from the same 54,000
images and stop after the first epoch with which they read 99 % of the same 6,000 validation images; the test images are
counted once, after that. An engine's run that does not get there begins again with one epoch more, and all of its time
counts.

Needs all of MNIST. A whole run takes an hour, nearly all of it the example; `--quick` is one run of each side.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from engine import worker_environment  # noqa: E402
from report import report  # noqa: E402

if TYPE_CHECKING:
    from explorer.spec import DeviceName, PrecisionName, RunSpec

WANTED = 0.99
MOST_EPOCHS = 20


def precision(device: DeviceName) -> PrecisionName:
    """bfloat16 where there are instructions for it: a run of seconds can't try both first."""
    from explorer.training.device import computes_bfloat16, pick

    return "bfloat16" if computes_bfloat16(pick(device)) else "float32"


def quickest(epochs: int, seed: int, device: DeviceName = "cpu") -> RunSpec:
    """A small network, and a recipe by which one epoch is enough."""
    from explorer.blocks import Blocks, ConvBlock, to_model
    from explorer.spec import RunSpec, TrainSpec

    blocks = Blocks(
        convs=(
            ConvBlock(kernels=16, kernel_size=5, stride=2, padding=2, batch_norm=True),
            ConvBlock(kernels=16, padding="same", batch_norm=True, pool="max"),
            ConvBlock(kernels=64, batch_norm=True),
        ),
    )
    recipe = TrainSpec(
        epochs=epochs,
        learning_rate=0.01,
        label_smoothing=0.05,
        seed=seed,
        device=device,
        precision=precision(device),
        memory_format="channels_last",
    )
    return RunSpec(model=to_model(blocks), train=recipe)


def ours(seed: int) -> dict[str, Any]:
    """The engine: epochs and test accuracy."""
    import torch

    from explorer.data import load
    from explorer.machine import cores
    from explorer.training.engine import train
    from explorer.training.events import Finished

    torch.set_num_threads(cores())
    data, trained = load("mnist"), 0
    for epochs in range(1, MOST_EPOCHS):
        trained += epochs
        last = next(event for event in train(quickest(epochs, seed), data) if isinstance(event, Finished))
        if last.validation_accuracy >= WANTED:
            return {"epochs": trained, "test_accuracy": last.test_accuracy}
    raise SystemExit(f"not even {MOST_EPOCHS} epochs were enough")


def example(seed: int) -> dict[str, Any]:
    """PyTorch's example: epochs and test accuracy."""
    import torch
    from textbook import dataset
    from torch import nn
    from torch.nn import functional as F
    from torch.utils.data import DataLoader, Subset

    from explorer.data import load
    from explorer.data.splits import split
    from explorer.machine import cores
    from explorer.spec import DataSpec

    torch.set_num_threads(cores())
    torch.manual_seed(seed)
    splits, pictures = split(load("mnist"), DataSpec()), dataset()
    learned = DataLoader(Subset(pictures, splits.train.tolist()), batch_size=64, shuffle=True)
    validation = DataLoader(Subset(pictures, splits.validation.tolist()), batch_size=1000)
    model = nn.Sequential(
        *(nn.Conv2d(1, 32, 3), nn.ReLU(), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Dropout(0.25)),
        *(nn.Flatten(), nn.Linear(9216, 128), nn.ReLU(), nn.Dropout(0.5), nn.Linear(128, 10), nn.LogSoftmax(1)),
    )
    optimizer = torch.optim.Adadelta(model.parameters(), lr=1.0)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, step_size=1, gamma=0.7)

    def accuracy(loader: DataLoader) -> float:
        model.eval()
        right = count = 0
        with torch.no_grad():
            for images, labels in loader:
                right += int((model(images).argmax(1) == labels).sum())
                count += len(labels)
        return right / count

    for epoch in range(1, MOST_EPOCHS):
        model.train()
        for images, labels in learned:
            optimizer.zero_grad()
            F.nll_loss(model(images), labels).backward()
            optimizer.step()
        if accuracy(validation) >= WANTED:
            return {"epochs": epoch, "test_accuracy": accuracy(DataLoader(dataset(train=False), batch_size=1000))}
        schedule.step()
    raise SystemExit(f"not even {MOST_EPOCHS} epochs were enough")


SIDES = {"ours": ours, "example": example}


def timed(side: str, seed: int) -> dict[str, Any]:
    """A process of a side, from its start to the line with its result."""
    command = [sys.executable, "bench/time_to_99.py", "--child", side, "--seed", str(seed)]
    environment = {**os.environ, **worker_environment()}
    began = time.perf_counter()
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        if process.stdout is None:
            raise AssertionError("its standard output is a pipe")
        line = process.stdout.readline()
        seconds = time.perf_counter() - began
    if process.returncode:
        raise SystemExit(f"the process of {side} ended with status {process.returncode}")
    result: dict[str, Any] = json.loads(line)
    return result | {"seconds": seconds}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one run of each side")
    parser.add_argument("--child", choices=SIDES, help=argparse.SUPPRESS)
    parser.add_argument("--seed", type=int, default=0, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(SIDES[options.child](options.seed)), flush=True)
        return
    seeds = range(1 if options.quick else 5)
    turns = [(timed("ours", seed), timed("example", seed)) for seed in seeds]
    mine, theirs = zip(*turns, strict=True)
    report(
        "from the start of a process to 99 % of MNIST's digits",
        [one["seconds"] for one in mine],
        "s",
        baseline=[one["seconds"] for one in theirs],
        test_accuracies=[one["test_accuracy"] for one in mine],
        epochs=[one["epochs"] for one in mine],
        example_test_accuracies=[one["test_accuracy"] for one in theirs],
        example_epochs=[one["epochs"] for one in theirs],
    )


if __name__ == "__main__":
    main()
