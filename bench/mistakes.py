"""Mistakes, explained: the time of each computation behind the page, for LeNet-5 and for a network of a million
parameters, on one core. Run by ``python bench/analysis.py``."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from report import report
from subjects import networks

from explorer import data
from explorer.analysis import evaluate
from explorer.analysis.features import features, penultimate
from explorer.analysis.flips import CHANGES, smallest
from explorer.analysis.label_errors import suspects
from explorer.analysis.neighbours import look_alikes, nearest
from explorer.analysis.robust import TRIALS, robustness
from explorer.data.splits import stratified_sample
from explorer.models import Network

IMAGES = 500
ATTACKED = 100


def measure(runs: int) -> None:
    digits = data.load("mnist")
    for name, network in networks().items():
        _measure(name, network, digits, runs)


def _measure(name: str, network: Network, digits: data.Dataset, runs: int) -> None:
    chosen = stratified_sample(digits.test.labels, IMAGES)
    pixels, labels = digits.test.pixels[chosen], digits.test.labels[chosen]
    answers = evaluate(network, pixels, labels, digits.card)
    count = sum(parameter.numel() for parameter in network.parameters())

    def tell(figure: str, unit: str, work: Callable[[int], object]) -> None:
        taken = []
        for number in range(runs + 1):
            began = time.perf_counter()
            work(number)
            taken.append(time.perf_counter() - began)
        factor = 1_000 if unit == "ms" else 1
        report(f"{name}: {figure}", [factor * seconds for seconds in taken[1:]], unit, parameters=count)

    def flip(number: int) -> None:
        for change in CHANGES:
            smallest(network, np.asarray(pixels[number]), None, digits.card, change)

    def neighbours(_: int) -> None:
        rows = features(network, pixels, digits.card, penultimate(network), most=1024)
        nearest(rows, rows[:100], 12)

    def count_right(trial: str) -> None:
        # Labels as the network reads them: one with random weights would have nothing to lose.
        few = slice(ATTACKED if TRIALS[trial].attack else IMAGES)
        robustness(network, pixels[few], answers.predictions[few], digits.card, trial, numbers=chosen[few])

    tell("smallest shift, rotation, scale and noise for one digit", "ms", flip)
    everything = np.arange(len(digits.test))
    tell(
        f"look-alikes of one digit among {len(everything):,}",
        "ms",
        lambda number: look_alikes(pixels[number], digits.test.pixels, everything, 12),
    )
    for trial in ("rotation", "noise", "blur", "fgsm", "pgd"):
        levels, images = len(TRIALS[trial].levels), ATTACKED if TRIALS[trial].attack else IMAGES
        tell(f"{TRIALS[trial].title} at {levels} amounts, {images:,} digits", "s", lambda _, t=trial: count_right(t))
    tell(f"features of {IMAGES:,} digits, and the nearest of 100", "s", neighbours)
    votes = np.stack([answers.probabilities] * 5)
    tell(f"label errors among {IMAGES:,} digits by five networks' answers", "ms", lambda _: suspects(labels, votes))
