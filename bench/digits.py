"""How well a network reads digits as people send them: MNIST's test digits drawn with pens, photographed, scanned; and
how long a picture takes. Each scene uses the same digits and the same seed."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import pictures
import torch
from report import report

from explorer import networks
from explorer.analysis.capture import to_input
from explorer.data import load
from explorer.data.cards import CARDS
from explorer.digits import read
from explorer.errors import PictureError

CARD = CARDS["mnist"]
SEED = 7


def answer(network: torch.nn.Module, pixels: np.ndarray) -> int:
    with torch.inference_mode():
        return int(network(to_input(network, pixels[None, None], CARD)).argmax())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer digits")
    parser.add_argument("--model", default="article", help="a bundled network or a run")
    options = parser.parse_args()
    count = 20 if options.quick else 100
    network = networks.load(options.model)
    test = load("mnist").test
    chosen = np.random.default_rng(SEED).permutation(len(test.labels))[:count]
    bare = sum(answer(network, test.pixels[place, 0]) == test.labels[place] for place in chosen) / count
    every: list[float] = []
    for name, scene in pictures.SCENES.items():
        rng = np.random.default_rng(SEED)
        right, seconds = 0, []
        for place in chosen:
            data = scene(pictures.glyph(np.asarray(test.pixels[place, 0])), rng)
            began = time.perf_counter()
            try:
                pixels = read(data, shape=CARD.shape)[0].pixels
            except PictureError:
                continue
            right += answer(network, pixels) == test.labels[place]
            seconds.append(time.perf_counter() - began)
        every.append(right / count)
        report(
            f"{options.model} reads {count} digits: {name.replace('_', ' ')}",
            [right / count],
            "share right",
            baseline=[bare],
            higher_is_better=True,
            against="the same digits as MNIST has them",
            milliseconds=round(1_000 * float(np.median(seconds)), 1) if seconds else None,
        )
    report(
        f"{options.model} reads pictures, mean of all scenes",
        [float(np.mean(every))],
        "share right",
        higher_is_better=True,
    )


if __name__ == "__main__":
    main()
