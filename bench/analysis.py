"""What a decision rests on: the time of each attribution method for one digit, on one core."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import mistakes
import numpy as np
import torch
from report import report

from explorer import zoo
from explorer.analysis.attribution import attribute, available
from explorer.data.cards import find_card

NETWORKS = ("lenet5", "article", "vgg")


def measure(name: str, runs: int) -> None:
    network = zoo.load(name)[1]
    card = find_card(zoo.card(name).spec.data.dataset)
    images = np.random.default_rng(0).normal(size=(runs + 1, *card.shape)).astype(np.float32)
    methods = available(network)
    times: dict[str, list[float]] = {method: [] for method in methods}
    for number, image in enumerate(images):
        for method in methods:  # in turn
            began = time.perf_counter()
            attribute(network, image, number % len(card.classes), method, card)
            times[method].append(1_000 * (time.perf_counter() - began))
    parameters = zoo.card(name).parameters
    for method, taken in times.items():
        report(f"{name}: {method}", taken[1:], "ms", parameters=parameters)
    whole = [sum(taken) for taken in zip(*(taken[1:] for taken in times.values()), strict=True)]
    report(f"{name}: all methods", whole, "ms", parameters=parameters)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer runs")
    runs = 3 if parser.parse_args().quick else 15
    torch.set_num_threads(1)  # as in the app's server
    began = time.perf_counter()
    import captum.attr  # noqa: F401

    report("captum's import, once a server", [time.perf_counter() - began], "s")
    for name in NETWORKS:
        measure(name, runs)
    mistakes.measure(min(runs, 5))


if __name__ == "__main__":
    main()
