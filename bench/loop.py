"""Whether the engine's loop has become slower: its steps beside those of a plain in-memory loop, as a ratio.

Both sides take turns of a second in one process, so that what else the machine does falls on both alike, and the ratio
of their speeds hardly depends on the machine's mood. The ratios of the last accepted state are in bench/loop.json; a
network whose ratio falls below 0.93 of its saved one makes this exit with status 1. Ratios of another kind of processor
may differ: `--save` measures them anew.
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

SAVED = Path(__file__).with_suffix(".json")
PRESETS = ("article", "lenet5", "tiny")
BATCH = 128
LEAST = 0.93
"""Of the saved ratio: a loop that is slower by a tenth falls below it, noise of a few per cent doesn't."""


def sides(preset: str, slower: float) -> tuple[Callable[[], None], Callable[[], None]]:
    """A step of the engine, made slower by a share of its time where asked, and one of the plain loop."""
    import torch
    from torch.nn import functional as F

    from explorer.data import load
    from explorer.models import build
    from explorer.training.device import cores, pick
    from explorer.training.learner import Learner

    torch.set_num_threads(cores())
    spec, data = spec_of(preset, BATCH, None, epochs=100), load("mnist")
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


def speed(step: Callable[[], None], seconds: float) -> float:
    """Images a second over about so many seconds."""
    began, steps = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        step()
        steps += 1
    return steps * BATCH / (time.perf_counter() - began)


def child(preset: str, turns: int, slower: float) -> dict[str, Any]:
    engines, plain = sides(preset, slower)
    for step in (engines, plain):
        speed(step, 1.0)
    pairs = [(speed(engines, 1.0), speed(plain, 1.0)) for _ in range(turns)]
    ours, theirs = zip(*pairs, strict=True)
    return {"engine": ours, "plain": theirs, "ratio": median(one / other for one, other in pairs)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=11, help="of each side")
    parser.add_argument("--save", action="store_true", help="keep the ratios as what later ones are compared with")
    parser.add_argument("--slower", type=float, default=0.0, help="slow each step by this share, to see it noticed")
    parser.add_argument("--child", choices=PRESETS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(child(options.child, options.turns, options.slower)))
        return
    saved = json.loads(SAVED.read_text()) if SAVED.exists() else {}
    ratios, worse = {}, []
    for preset in PRESETS:
        arguments = ["bench/loop.py", "--child", preset, "--turns", str(options.turns), "--slower", str(options.slower)]
        measured = run(arguments, worker_environment())
        ratios[preset] = round(measured["ratio"], 3)
        of_saved = ratios[preset] / saved[preset] if preset in saved else None
        if of_saved is not None and of_saved < LEAST:
            worse.append(preset)
        report(
            f"the engine's steps beside a plain in-memory loop's: {preset}, batch {BATCH}, float32",
            measured["engine"],
            "images/s",
            baseline=measured["plain"],
            higher_is_better=True,
            saved_ratio=saved.get(preset),
            of_saved=None if of_saved is None else round(of_saved, 3),
        )
    if options.save:
        SAVED.write_text(json.dumps(ratios, indent=2) + "\n")
    elif worse:
        sys.exit(f"slower than saved: {', '.join(worse)}")


if __name__ == "__main__":
    main()
