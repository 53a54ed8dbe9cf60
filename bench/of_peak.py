"""What a training step reaches of the machine, and what takes its time.

For each network, as the engine chooses to train it: operations a second (forward and backward taken as three times the
forward multiply-adds, two operations each), their share of what a square matrix multiplication reaches here in the same
precision, and by torch's profiler the operations that take longest, the next bottleneck first.
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

from engine import run, spec_of, worker_environment  # noqa: E402
from report import report  # noqa: E402

PRESETS = ("article", "lenet5", "tiny")
STEPS = 40
LARGEST = 4
"""So many operations are named."""


def matrix_peak(precision: str) -> float:
    """Operations a second of a large square matrix multiplication, the best of some: as such and as a 1×1 convolution,
    which another library computes and, on some processors, twice as fast."""
    import torch
    from torch.nn import functional as F

    side = 2048
    one, other = (torch.rand(side, side, dtype=getattr(torch, precision)) for _ in range(2))
    image = one.reshape(1, side, 32, side // 32).to(memory_format=torch.channels_last)
    kernels = other.reshape(side, side, 1, 1).to(memory_format=torch.channels_last)
    found = []
    for multiply in (lambda: torch.mm(one, other), lambda: F.conv2d(image, kernels)):
        for _ in range(6):
            began = time.perf_counter()
            with torch.inference_mode():
                multiply()
            found.append(2 * side**3 / (time.perf_counter() - began))
    return max(found)


def child(preset: str, batch_size: int) -> dict[str, Any]:
    import torch
    from torch.profiler import ProfilerActivity, profile

    from explorer.data import load
    from explorer.machine import cores
    from explorer.training.calibrate import choose
    from explorer.training.device import pick
    from explorer.training.learner import Learner

    torch.set_num_threads(cores())
    data, spec = load("mnist"), spec_of(preset, batch_size, None, epochs=100, precision="auto")
    chosen = choose(spec, data, pick("cpu"), threads=cores(), fewer_threads=False)
    learner = Learner(chosen.settle(spec), data, pick("cpu"), weights={})

    def steps() -> float:
        began = time.perf_counter()
        for _ in range(STEPS):
            learner.take_step()
        learner.drain()
        return time.perf_counter() - began

    steps()
    seconds = steps()
    with profile(activities=[ProfilerActivity.CPU]) as profiled:
        steps()
    spent = {each.key: each.self_cpu_time_total for each in profiled.key_averages()}
    whole = sum(spent.values())
    return {
        "images_per_second": STEPS * batch_size / seconds,
        "peak": matrix_peak(chosen.precision),
        "precision": chosen.precision,
        "memory_format": chosen.memory_format,
        "operations": {key: spent[key] / whole for key in sorted(spent, key=lambda key: -spent[key])[:LARGEST]},
    }


def main() -> None:
    from explorer.data.cards import CARDS
    from explorer.presets import PRESETS as KNOWN
    from explorer.shapes import totals, trace

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--runs", type=int, default=5, help="processes a network")
    parser.add_argument("--child", choices=PRESETS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(child(options.child, options.batch_size)))
        return
    card = CARDS["mnist"]
    for preset in PRESETS:
        operations = 6 * totals(trace(KNOWN[preset].model, card.shape, len(card.classes))).macs
        arguments = ["bench/of_peak.py", "--child", preset, "--batch-size", str(options.batch_size)]
        found = [run(arguments, worker_environment()) for _ in range(options.runs)]
        report(
            f"a step of {preset}, batch {options.batch_size}, beside matrix multiplication",
            [each["images_per_second"] * operations / 1e9 for each in found],
            "GFLOP/s",
            baseline=[each["peak"] / 1e9 for each in found],
            higher_is_better=True,
            chosen=sorted({f"{each['precision']}, {each['memory_format']}" for each in found}),
            operations={key: round(share, 3) for key, share in found[0]["operations"].items()},
        )


if __name__ == "__main__":
    main()
