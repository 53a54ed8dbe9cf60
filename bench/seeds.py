"""Whether the engine is as good as the textbooks' loop: test accuracies over five seeds, network and recipe alike.

Sides: the textbooks' loop in float32 (DataLoader, torchvision's transforms), the engine in float32, the engine in
bfloat16, and the engine as it chooses itself. For each of the engine's sides the line has the difference of the means
to the textbooks' and its 95 % interval (Welch's t): where that holds 0, the two can't be told apart.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from engine import run, worker_environment  # noqa: E402
from report import report  # noqa: E402

from explorer.presets import PRESETS  # noqa: E402
from explorer.spec import DataSpec, RunSpec, TrainSpec  # noqa: E402

ENGINE = {"engine, float32": "float32", "engine, bfloat16": "bfloat16", "engine, as it chooses": "auto"}
TEXTBOOK = "textbook, float32"


def spec_of(preset: str, images: int, seed: int, precision: str) -> RunSpec:
    layout = "auto" if precision == "auto" else "channels_last"
    recipe = TrainSpec.model_validate(
        {"epochs": 2, "batch_size": 64, "seed": seed, "precision": precision, "memory_format": layout}
    )
    return RunSpec(name=preset, model=PRESETS[preset].model, data=DataSpec(train_size=images), train=recipe)


def engines(spec: RunSpec) -> float:
    from explorer.data import load
    from explorer.training.engine import train
    from explorer.training.events import Finished

    return next(event.test_accuracy for event in train(spec, load("mnist")) if isinstance(event, Finished))


def textbooks(spec: RunSpec) -> float:
    """The same split, initial weights and recipe, by PyTorch's own classes and the loop of every tutorial."""
    import torch
    from textbook import dataset
    from torch.nn import functional as F
    from torch.utils.data import DataLoader, Subset

    from explorer.data import load
    from explorer.data.splits import split
    from explorer.models import build

    recipe = spec.train
    torch.manual_seed(recipe.seed)
    chosen = split(load("mnist"), spec.data).train.tolist()
    learned = DataLoader(Subset(dataset(), chosen), batch_size=recipe.batch_size, shuffle=True)
    model = build(spec.model, (1, 28, 28), 10, seed=recipe.seed)
    model.train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay)
    steps = recipe.epochs * len(learned)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, recipe.learning_rate, total_steps=steps)
    for _ in range(recipe.epochs):
        for images, labels in learned:
            optimizer.zero_grad()
            F.cross_entropy(model(images), labels).backward()
            optimizer.step()
            schedule.step()
    model.eval()
    right = count = 0
    with torch.no_grad():
        for images, labels in DataLoader(dataset(train=False), batch_size=1000):
            right += int((model(images).argmax(1) == labels).sum())
            count += len(labels)
    return right / count


def accuracy(side: str, spec: RunSpec) -> float:
    """In a process of its own."""
    arguments = ["bench/seeds.py", "--child", side, "--spec", spec.model_dump_json()]
    return float(run(arguments, worker_environment())["test_accuracy"])


def child(side: str, spec: RunSpec) -> dict[str, Any]:
    import torch

    from explorer.machine import cores

    torch.set_num_threads(cores())
    return {"test_accuracy": textbooks(spec) if side == TEXTBOOK else engines(spec)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", default="lenet5", choices=PRESETS)
    parser.add_argument("--images", type=int, default=20_000, help="to learn from")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--child", choices=[TEXTBOOK, *ENGINE], help=argparse.SUPPRESS)
    parser.add_argument("--spec", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(child(options.child, RunSpec.model_validate_json(options.spec))))
        return
    from explorer.analysis.repeated import difference

    found: dict[str, list[float]] = {side: [] for side in (TEXTBOOK, *ENGINE)}
    for seed in range(options.seeds):
        for side in found:
            spec = spec_of(options.preset, options.images, seed, ENGINE.get(side, "float32"))
            found[side].append(accuracy(side, spec))
    for side in ENGINE:
        compared = difference(found[side], found[TEXTBOOK])
        report(
            f"test accuracy of {options.preset}, 2 epochs of {options.images:,} images: {side}",
            found[side],
            "share of the test images",
            baseline=found[TEXTBOOK],
            higher_is_better=True,
            against=TEXTBOOK,
            accuracies=[round(one, 4) for one in found[side]],
            baseline_accuracies=[round(one, 4) for one in found[TEXTBOOK]],
            difference_of_means_95_percent=compared and [round(end, 5) for end in compared.interval],
            can_be_told_apart=compared is not None and compared.told,
        )


if __name__ == "__main__":
    main()
