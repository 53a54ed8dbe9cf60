"""Whether the engine's loop has become slower: its steps beside those of a plain in-memory loop, as a ratio.

Both sides take turns of a few steps, hundreds of times, and the ratio is that of their median turns, so that what else
the machine does falls on both alike; five processes a network, of which the median counts, for how memory happens to
lie in one moves a ratio by some per cent. The ratios of the last accepted state are in bench/loop.json, for each kind
of processor (the instructions that torch uses), for they differ; a network whose ratio falls below 0.95 of its saved
one makes this exit with status 1. `--save` measures them anew for the processor that is here.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from engine import run, spec_of, worker_environment  # noqa: E402
from report import report  # noqa: E402

from explorer.spec import RunSpec  # noqa: E402

SAVED = Path(__file__).with_suffix(".json")
PRESETS = ("article", "lenet5", "tiny")
BATCH = 128
WARM_UP = 10  # turns
STEPS = 4
"""A turn's."""
LEAST = 0.95
"""Of the saved ratio: a loop that is slower by a tenth falls below it, noise of a few per cent doesn't."""


def spec_in(preset: str, memory_format: str) -> RunSpec:
    """As the engine trains a network, in a memory format, or in that which it chooses."""
    spec = spec_of(preset, BATCH, None, epochs=100)
    return spec.model_copy(update={"train": spec.train.model_copy(update={"memory_format": memory_format})})


def kind() -> str:
    """Of the processor: the widest instructions that torch uses on it."""
    import torch

    return torch.backends.cpu.get_cpu_capability()


def chosen(preset: str) -> str:
    """The memory format that the engine chooses."""
    import torch

    from explorer.data import load
    from explorer.machine import cores
    from explorer.training.calibrate import choose
    from explorer.training.device import pick

    torch.set_num_threads(cores())
    data = load("mnist")
    return choose(spec_in(preset, "auto"), data, pick("cpu"), threads=cores(), fewer_threads=False).memory_format


def sides(preset: str, memory_format: str, slower: float) -> tuple[Callable[[], None], Callable[[], None]]:
    """A step of the engine, slower by a share of its time where asked, and one of the plain loop."""
    import torch
    from torch.nn import functional as F

    from explorer.data import load
    from explorer.machine import cores
    from explorer.models import build
    from explorer.training.device import pick
    from explorer.training.learner import Learner

    torch.set_num_threads(cores())
    spec, data = spec_in(preset, memory_format), load("mnist")
    learner = Learner(spec, data, pick("cpu"), weights={})

    def engines() -> None:
        began = time.perf_counter()
        learner.take_step()
        until = time.perf_counter() + slower * (time.perf_counter() - began)
        while time.perf_counter() < until:
            pass

    network = build(spec.model, data.card.shape, len(data.card.classes), seed=0)
    optimizer = torch.optim.AdamW(network.parameters(), lr=0.001)
    images = torch.tensor(data.train.pixels).float().div(255).sub(data.card.mean).div(data.card.std)
    labels = torch.tensor(data.train.labels, dtype=torch.int64)

    def plain() -> None:
        chosen = torch.randint(len(labels), (BATCH,))
        loss = F.cross_entropy(network(images[chosen]), labels[chosen])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return engines, plain


def seconds(step: Callable[[], None]) -> float:
    """Of one step, in a turn."""
    began = time.perf_counter()
    for _ in range(STEPS):
        step()
    return (time.perf_counter() - began) / STEPS


def child(preset: str, memory_format: str, turns: int, slower: float) -> dict[str, Any]:
    """Seconds a step of both sides, the medians of so many turns."""
    both = sides(preset, memory_format, slower)
    for _ in range(WARM_UP):
        for step in both:
            seconds(step)
    ours, theirs = zip(*[[seconds(step) for step in both] for _ in range(turns)], strict=True)
    return {"engine": median(ours), "plain": median(theirs)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=80, help="of each side, in each process")
    parser.add_argument("--processes", type=int, default=5, help="for each network")
    parser.add_argument("--save", action="store_true", help="keep the ratios as what later ones are compared with")
    parser.add_argument("--slower", type=float, default=0.0, help="slow each step by this share, to see it noticed")
    parser.add_argument("--child", choices=PRESETS, help=argparse.SUPPRESS)
    parser.add_argument("--memory-format", default="auto", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child and options.memory_format == "auto":
        print(json.dumps(chosen(options.child)))
        return
    if options.child:
        print(json.dumps(child(options.child, options.memory_format, options.turns, options.slower)))
        return
    kept: dict[str, dict[str, float]] = json.loads(SAVED.read_text())
    processor = kind()
    if processor not in kept and not options.save:
        print(f"nothing is compared: {SAVED.name} has no ratios for processors with {processor}", file=sys.stderr)
    saved, ratios, worse = kept.get(processor, {}), {}, []
    for preset in PRESETS:
        start = ["bench/loop.py", "--child", preset]
        memory_format = str(run(start, worker_environment()))
        arguments = [*start, "--memory-format", memory_format]
        arguments += ["--turns", str(options.turns), "--slower", str(options.slower)]
        measured = [run(arguments, worker_environment()) for _ in range(options.processes)]
        found = [one["plain"] / one["engine"] for one in measured]
        ratios[preset] = round(median(found), 3)
        of_saved = ratios[preset] / saved[preset] if preset in saved else None
        if of_saved is not None and of_saved < LEAST:
            worse.append(preset)
        report(
            f"the engine's steps beside a plain in-memory loop's: {preset}, batch {BATCH}, float32",
            [BATCH / one["engine"] for one in measured],
            "images/s",
            baseline=[BATCH / one["plain"] for one in measured],
            higher_is_better=True,
            processor=processor,
            memory_format=memory_format,
            ratios=[round(one, 3) for one in sorted(found)],
            saved_ratio=saved.get(preset),
            of_saved=None if of_saved is None else round(of_saved, 3),
        )
    if options.save:
        SAVED.write_text(json.dumps(dict(sorted((kept | {processor: ratios}).items())), indent=2) + "\n")
    elif worse:
        sys.exit(f"slower than saved: {', '.join(worse)}")


if __name__ == "__main__":
    main()
