"""How well the class can be read from each layer, by a linear probe and by nearest neighbours."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier

from explorer.analysis.features import features, readable_layers
from explorer.data.cards import DataCard
from explorer.errors import DataError
from explorer.models import Network
from explorer.shapes import trace

COMPONENTS = 256
NEIGHBOURS = 5


@dataclass(frozen=True, eq=False)
class ProbeCurve:
    """Accuracies 0 to 1 by layer, (L,), the pixels first. ``numbers``: how many the layer has for an image, ``kept``
    how many principal components of these were read, ``variance`` the share of the variance that they hold."""

    layers: tuple[str, ...]
    linear: np.ndarray
    neighbours: np.ndarray
    numbers: np.ndarray
    kept: np.ndarray
    variance: np.ndarray


def probe_curve(
    network: Network,
    card: DataCard,
    learn: tuple[np.ndarray, np.ndarray],
    score: tuple[np.ndarray, np.ndarray],
    *,
    layers: Sequence[str] | None = None,
    progress: Callable[[float], None] | None = None,
) -> ProbeCurve:
    """Fits both readers on the layers' answers to the images of ``learn`` (pixels uint8 (N, C, H, W), labels (N,)), and
    scores them on those of ``score``.

    The linear probe is a multinomial logistic regression with an L2 penalty (C = 1) on activations divided by their
    overall spread (Alain & Bengio 2016); the neighbours are the 5 nearest, each with one vote. Both read the
    layer's first 256 principal components, whole layers where they have no more. None of these settings was chosen by
    a score. ``layers`` are by default all that change something. ``progress`` is told the share done.

    Raises DataError where the images to learn from are of fewer than two classes or fewer than 5, or none score.
    """
    if len(learn[1]) < NEIGHBOURS or len(np.unique(learn[1])) < 2 or not len(score[1]):
        raise DataError(
            f"{len(learn[1]):,} images to fit a probe on and {len(score[1]):,} to score it on are too few: "
            f"at least {NEIGHBOURS} of two classes are needed, and one to score"
        )
    names = list(layers or readable_layers(network))
    found: list[tuple[float, float, int, int, float]] = []
    for number, name in enumerate(names):

        def part(low: float, high: float, base: int = number) -> Callable[[float], None]:
            """Reports of a share of this layer's work, which is from ``low`` to ``high`` of it."""

            def tell(share: float) -> None:
                if progress is not None:
                    progress((base + low + (high - low) * share) / len(names))

            return tell

        fitted = features(network, learn[0], card, name, progress=part(0.0, 0.3))
        scored = features(network, score[0], card, name, progress=part(0.3, 0.4))
        found.append(_read(fitted, learn[1], scored, score[1], _size(network, name), part(0.4, 1.0)))
    linear, neighbours, numbers, kept, variance = (np.array(column) for column in zip(*found, strict=True))
    return ProbeCurve(tuple(names), linear, neighbours, numbers, kept, variance)


def _read(
    learn: np.ndarray,
    labels: np.ndarray,
    score: np.ndarray,
    truth: np.ndarray,
    numbers: int,
    tell: Callable[[float], None],
) -> tuple[float, float, int, int, float]:
    """Both accuracies, the layer's ``numbers``, how many components were read, and their share of the variance."""
    kept, variance = min(COMPONENTS, *learn.shape), 1.0
    if not np.ptp(learn, axis=0).any():  # a dead layer: nothing to tell the classes by
        most = np.bincount(labels).argmax()
        chance = float((truth == most).mean())
        return chance, chance, numbers, 0, variance
    if kept < learn.shape[1]:
        reduced = PCA(kept, random_state=0).fit(learn)
        variance = float(reduced.explained_variance_ratio_.sum())
        learn, score = reduced.transform(learn), reduced.transform(score)
    spread = float(np.sqrt(learn.var(axis=0).mean()))
    learn, score = learn / spread, score / spread
    tell(0.2)
    linear = LogisticRegression(C=1.0, max_iter=1_000).fit(learn, labels).score(score, truth)
    tell(0.8)
    neighbours = KNeighborsClassifier(NEIGHBOURS, algorithm="brute").fit(learn, labels).score(score, truth)
    tell(1.0)
    return float(linear), float(neighbours), numbers, kept, min(1.0, variance)


def _size(network: Network, layer: str) -> int:
    """How many numbers a layer gives for an image."""
    shapes = {each.name: each.output for each in trace(network.spec, network.input_shape, network.classes)}
    return prod(shapes.get(layer, network.input_shape))
