"""How well a network does on labelled images, and where it goes wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from explorer.analysis.capture import borrow, to_input
from explorer.data.cards import DataCard
from explorer.errors import DataError


@dataclass(frozen=True, eq=False)
class Evaluation:
    """A network's answers to N images with K classes."""

    labels: np.ndarray  # int64 (N,)
    predictions: np.ndarray  # int64 (N,)
    probabilities: np.ndarray  # float32 (N, K), each row a softmax
    losses: np.ndarray  # float32 (N,), cross-entropy in nats

    @property
    def correct(self) -> int:
        return int((self.labels == self.predictions).sum())

    @property
    def accuracy(self) -> float:
        return self.correct / len(self.labels)

    @property
    def loss(self) -> float:
        return float(self.losses.mean(dtype=np.float64))

    @property
    def confidences(self) -> np.ndarray:
        """The probability of each predicted class, float32 (N,)."""
        highest: np.ndarray = self.probabilities.max(1)
        return highest


@dataclass(frozen=True, eq=False)
class PerClass:
    """One number a class, (K,): NaN where there is nothing to divide by (a class never predicted, or never there)."""

    precision: np.ndarray  # of the images called this class, the share that are
    recall: np.ndarray  # of the images of this class, the share found
    f1: np.ndarray  # the harmonic mean of both
    support: np.ndarray  # int64, images of this class


def evaluate(
    model: nn.Module,
    pixels: np.ndarray,
    labels: np.ndarray,
    card: DataCard,
    *,
    batch: int = 200,
    progress: Callable[[float], None] | None = None,
) -> Evaluation:
    """The model's answers to images uint8 (N, C, H, W) with labels int (N,), in evaluation mode, ``batch`` at a time
    (on a CPU 200 stay in its caches and are faster than 1,000).

    ``progress`` is told the share done, above 0 to 1, after each batch. Raises DataError where there are no images, or
    not as many labels as images.
    """
    if len(pixels) == 0 or len(pixels) != len(labels):
        raise DataError(f"{len(pixels):,} images with {len(labels):,} labels: give at least one, and as many of each")
    probabilities: list[Tensor] = []
    losses: list[Tensor] = []
    with torch.inference_mode(), borrow(model):
        for first in range(0, len(pixels), batch):
            inputs = to_input(model, pixels[first : first + batch], card)
            logs = model(inputs).float().log_softmax(1)  # (batch, K)
            truth = torch.tensor(labels[first : first + batch], dtype=torch.int64, device=logs.device)
            losses.append(F.nll_loss(logs, truth, reduction="none").cpu())
            probabilities.append(logs.exp().cpu())
            if progress is not None:
                progress(min(1.0, (first + batch) / len(pixels)))
    shares = torch.cat(probabilities)
    return Evaluation(
        np.array(labels, dtype=np.int64), shares.argmax(1).numpy(), shares.numpy(), torch.cat(losses).numpy()
    )


def confusion(labels: np.ndarray, predictions: np.ndarray, classes: int) -> np.ndarray:
    """How often each class was called what: (N,), (N,) → int64 (K, K), rows true, columns predicted."""
    cells = np.asarray(labels, np.int64) * classes + np.asarray(predictions, np.int64)
    return np.bincount(cells, minlength=classes * classes).reshape(classes, classes)


def per_class(matrix: np.ndarray) -> PerClass:
    """Precision, recall, F1 and support of each class of a confusion matrix (K, K), rows true."""
    right, true, predicted = np.diag(matrix), matrix.sum(1), matrix.sum(0)
    return PerClass(_share(right, predicted), _share(right, true), _share(2 * right, true + predicted), true)


def wilson(correct: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """The score interval of a share, ``correct`` of ``n``, as fractions (Wilson 1927); (0, 1) where n is 0."""
    if n == 0:
        return 0.0, 1.0
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share = correct / n
    centre = share + z * z / (2 * n)
    half = z * sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    # Both ends are exact; rounding would miss them by some 1e-19.
    return (centre - half) / scale if correct else 0.0, (centre + half) / scale if correct < n else 1.0


def mistakes(evaluation: Evaluation, *, cell: tuple[int, int] | None = None) -> np.ndarray:
    """Indices int64 (M,) of the wrongly answered images, the most confident first, ties in their own order.

    ``cell`` (true, predicted) keeps those of one cell of the confusion matrix; on its diagonal they are the right
    answers instead.
    """
    if cell is None:
        chosen = evaluation.labels != evaluation.predictions
    else:
        chosen = (evaluation.labels == cell[0]) & (evaluation.predictions == cell[1])
    indices = np.flatnonzero(chosen)
    return indices[np.argsort(-evaluation.confidences[indices], kind="stable")]


def _share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    shares = np.full(len(part), np.nan)
    np.divide(part, whole, out=shares, where=whole != 0)
    return shares
