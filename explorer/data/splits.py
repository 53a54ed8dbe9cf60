"""Which training images are learned from and which validate. The test images are never touched here."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from explorer.errors import DataError

if TYPE_CHECKING:
    from explorer.data.datasets import Dataset
    from explorer.spec import DataSpec


@dataclass(frozen=True, eq=False)
class Splits:
    """Indices into ``Dataset.train``, int64, disjoint. ``train`` is in an order of which every prefix is stratified."""

    train: np.ndarray
    validation: np.ndarray


def split(dataset: Dataset, spec: DataSpec) -> Splits:
    """The validation share of all training images, then ``train_size`` of the others (all, if there are no more).

    Both are stratified: each class has its share in the whole set, to within one image. The split depends on the
    labels and ``split_seed`` alone. The validation images do not depend on ``train_size``, a larger training set
    contains every smaller one, and a larger validation set likewise. Raises DataError for fewer than two images.
    """
    labels = dataset.train.labels
    if len(labels) < 2:
        raise DataError(f"{dataset.card.title} has {len(labels)} training images here: at least 2 are needed to split")
    order = stratified_order(labels, spec.split_seed)
    held_out = min(max(1, round(spec.validation_share * len(labels))), len(labels) - 1)
    available = len(labels) - held_out
    size = available if spec.train_size is None else min(spec.train_size, available)
    return Splits(train=order[::-1][:size].copy(), validation=order[:held_out].copy())


def stratified_order(labels: np.ndarray, seed: int) -> np.ndarray:
    """All indices of ``labels`` (N,) in a seeded random order, (N,) int64, of which every prefix is stratified.

    Among the first k, and among the last k, each class has its share of k to within one (strictly less). The same on
    every platform and NumPy version: it draws on PCG64's raw stream, which NumPy guarantees, and integer arithmetic.
    """
    _, classes, counts = np.unique(labels, return_inverse=True, return_counts=True)
    shuffled = np.argsort(np.random.PCG64(seed).random_raw(len(labels)), kind="stable")
    by_class = shuffled[np.argsort(classes[shuffled], kind="stable")]
    turns = _fair_turns(tuple(counts.tolist()))
    order = np.empty(len(labels), dtype=np.int64)
    order[np.argsort(turns, kind="stable")] = by_class  # class 0's images to its turns, and so on
    return order


def stratified_sample(labels: np.ndarray, count: int, seed: int = 0) -> np.ndarray:
    """``count`` indices into ``labels`` (N,), int64, rising, each class with its share; all where there are no more.

    The same ``seed`` gives the same ones, and a larger sample holds every smaller one.
    """
    return np.sort(stratified_order(labels, seed)[:count])


@lru_cache(maxsize=16)
def _fair_turns(counts: tuple[int, ...]) -> np.ndarray:
    """Which class comes at each position, (sum of counts,), so that no prefix is off by one image or more.

    Class c's image i may come at position ⌊i·N/n⌋ + 1 at the earliest and must by ⌈(i+1)·N/n⌉, where n = counts[c]
    and N is their sum; taking the most urgent that may come always meets both (Steiner & Yeomans 1993, 'Level
    schedules for mixed-model, just-in-time processes'; existence: Tijdeman 1980, 'The chairman assignment problem').
    """
    total = sum(counts)
    waiting = sorted((i * total // n + 1, -(-(i + 1) * total // n), c) for c, n in enumerate(counts) for i in range(n))
    waiting.reverse()
    urgent: list[tuple[int, int]] = []
    turns = np.empty(total, dtype=np.int64)
    for position in range(1, total + 1):
        while waiting and waiting[-1][0] <= position:
            heapq.heappush(urgent, waiting.pop()[1:])
        turns[position - 1] = heapq.heappop(urgent)[1]
    turns.flags.writeable = False
    return turns
