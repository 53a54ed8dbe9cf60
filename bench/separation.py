"""Where digits separate, and the data set itself: the time of each computation for LeNet-5 and for a network of a
million parameters, on one core, and the bytes of a map. Run by ``python bench/analysis.py --part separation``."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from report import report
from subjects import networks

from explorer import data
from explorer.analysis.collection import class_pictures, oddness
from explorer.analysis.duplicates import near_pairs
from explorer.analysis.features import features, penultimate
from explorer.analysis.probes import probe_curve
from explorer.analysis.separation import pca_points, tsne_points
from explorer.data.splits import stratified_sample
from explorer.figures.points import cloud
from explorer.models import Network
from explorer.ui.components import sprites
from explorer.ui.components.chart import figure_json

POINTS = 2_000
LEARN, SCORE = 5_000, 2_000


def measure(runs: int) -> None:
    digits = data.load("mnist")
    for name, network in networks().items():
        _measure(name, network, digits, runs)
    _time("mean and variation of each class", 1, lambda: class_pictures(*_training(digits), 10))
    groups = np.r_[np.zeros(len(digits.train), np.int8), np.ones(len(digits.test), np.int8)]
    pixels = np.concatenate([digits.train.pixels, digits.test.pixels])
    tests = np.flatnonzero(groups)
    _time("near-duplicates of all test digits", 1, lambda: near_pairs(pixels, groups, 12.0, searched=tests))


def _measure(name: str, network: Network, digits: data.Dataset, runs: int) -> None:
    chosen = stratified_sample(digits.test.labels, POINTS)
    pixels, labels, card = digits.test.pixels[chosen], digits.test.labels[chosen], digits.card
    last = penultimate(network)
    _time(
        f"{name}: PCA map of {POINTS:,} digits, last layer",
        runs,
        lambda: pca_points(network, pixels, labels, card, last),
    )
    _time(f"{name}: the same, first layer", runs, lambda: pca_points(network, pixels, labels, card, "conv1"))
    _time(f"{name}: t-SNE map, last layer", 1, lambda: tsne_points(network, pixels, labels, card, last))
    train = digits.train
    learn = train.pixels[:LEARN], train.labels[:LEARN]
    score = train.pixels[LEARN : LEARN + SCORE], train.labels[LEARN : LEARN + SCORE]
    _time(f"{name}: both probes of every layer", 1, lambda: probe_curve(network, card, learn, score))
    rows = features(network, digits.test.pixels, card, last, most=512)
    _time(f"{name}: oddness of all test digits", runs, lambda: oddness(rows, digits.test.labels))

    found = pca_points(network, pixels, labels, card, last)
    names = [f"Test image {number}" for number in chosen]
    figure = cloud(found["positions"], labels, found["predictions"], card.classes, names=names)
    report(f"{name}: a map to the browser", [len(figure_json(figure)) / 1_000], "kB")
    report(f"{name}: the pictures of its points", [len(sprites(np.asarray(pixels)).sheet) / 1_000], "kB")


def _training(digits: data.Dataset) -> tuple[np.ndarray, np.ndarray]:
    return digits.train.pixels, digits.train.labels


def _time(figure: str, runs: int, work: Callable[[], object]) -> None:
    taken = []
    for _ in range(runs):
        began = time.perf_counter()
        work()
        taken.append(time.perf_counter() - began)
    report(figure, taken, "s")
