"""How far a network's answer to a picture can be trusted: calibrated probabilities, and whether it is a digit at all.

A softmax names a class for every picture, a face included, and often with great confidence. Two remedies, both fitted
to pictures that the network has not learned from (for digits there is a better one than the second, which has seen what
is none: :mod:`explorer.analysis.digit_or_not`):

- **Temperature** (Guo et al. 2017, 'On calibration of modern neural networks'): the logits are divided by one number,
  so that of the answers given with 90 % nine in ten are right.
- **A score of strangeness**, of four measures that fail on different pictures. In the network: the distance to the
  nearest training images in the last features (k nearest neighbours, Sun et al. 2022, 'Out-of-distribution detection
  with deep nearest neighbors') and the energy, minus the log of the summed exponentials of the logits (Liu et al. 2020,
  'Energy-based out-of-distribution detection'). In the picture itself, which no network can be blind to: the distance
  to the nearest training images, and what is left of the picture where their principal components have taken their
  part. Each is counted in standard deviations beyond what is usual; the score is the length of what exceeds 0.

A picture whose score exceeds all but the strangest of the validation pictures is rejected. The answer stays.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import torch
from scipy import ndimage, optimize
from torch import nn

from explorer.analysis.capture import capture, to_input
from explorer.data.cards import DataCard
from explorer.errors import DataError

MEASURES = ("features", "energy", "pixels", "residual")
NEIGHBOURS = 5
FEWEST = 20
"""Validation pictures."""
REFERENCE = 1_000
"""Training images that are remembered."""
ACCEPTED = 0.99
"""The share of validation pictures that are accepted."""
BINS = 15

_COMPONENTS = 64
_BLUR = 1.0  # pixels: two pictures of one digit are near each other though their strokes are not on the same pixels
_BATCH = 200


@dataclass(frozen=True, eq=False)
class Strangeness:
    """By what strange pictures are told, and the score beyond which they are rejected. Float16 arrays are directions
    and the places of R training images along them.

    ``usual`` (4, 2): each measure's mean and standard deviation on validation pictures.
    """

    threshold: float
    usual: np.ndarray
    feature_axes: np.ndarray  # (d, k), of features of length 1
    feature_places: np.ndarray  # (R, k)
    pixel_mean: np.ndarray  # (C·H·W,)
    pixel_axes: np.ndarray  # (C·H·W, k)
    pixel_places: np.ndarray  # (R, k)


@dataclass(frozen=True, eq=False)
class Trust:
    """What was fitted. ``strangeness`` is None where other means tell strange pictures.

    ``error_before`` and ``error_after``: the expected calibration error without and with the temperature, on other
    validation pictures than those it was fitted to.
    """

    temperature: float
    error_before: float
    error_after: float
    validated: int
    strangeness: Strangeness | None


@dataclass(frozen=True, eq=False)
class Verdict:
    """What a network says of N pictures, and what that is worth. Without :class:`Strangeness` there are no measures,
    all scores are 0, and nothing is rejected."""

    probabilities: np.ndarray  # float64 (N, K), calibrated
    measures: np.ndarray  # float64 (N, 4) or (N, 0), each in standard deviations from what is usual
    scores: np.ndarray  # float64 (N,)
    rejected: np.ndarray  # bool (N,)


def fit(
    model: nn.Module,
    reference: np.ndarray | None,
    pixels: np.ndarray,
    labels: np.ndarray,
    card: DataCard,
    *,
    progress: Callable[[float], None] = lambda _share: None,
) -> Trust:
    """Fits temperature, score and threshold to a trained model.

    ``reference``: training images, uint8 (R, C, H, W); None fits no score. ``pixels`` (N, C, H, W) and ``labels`` (N,)
    were not learned from, and are prepared as users' pictures are. Temperature and what is usual are fitted to the even
    ones of them, error and threshold to the odd ones. Raises DataError for fewer than ``FEWEST``, and for fewer
    training images than ``NEIGHBOURS``.
    """
    if reference is not None and len(reference) < NEIGHBOURS:
        raise DataError(f"{len(reference)} training images are too few to compare with: use at least {NEIGHBOURS}")
    if len(labels) < FEWEST:
        raise DataError(f"{len(labels)} validation pictures are too few to calibrate by: use at least {FEWEST}")
    known = None
    if reference is not None:
        known = _remembered(model, reference, card, lambda share: progress(0.4 * share))
    begun = 0.0 if known is None else 0.4
    features, logits = _answers(model, pixels, card, lambda share: progress(begun + (1 - begun) * share))
    even, odd = slice(0, None, 2), slice(1, None, 2)
    if known is not None:
        raw = _measures(known, features, logits, pixels)
        usual = np.stack([raw[even].mean(axis=0), np.maximum(raw[even].std(axis=0), 1e-6)], axis=1)
        scores = _scores((raw[odd] - usual[:, 0]) / usual[:, 1])
        known = replace(known, usual=usual, threshold=float(np.quantile(scores, ACCEPTED)))
    temperature = fit_temperature(logits[even], labels[even])
    return Trust(
        temperature=temperature,
        error_before=calibration_error(softmax(logits[odd]), labels[odd]),
        error_after=calibration_error(softmax(logits[odd] / temperature), labels[odd]),
        validated=len(labels),
        strangeness=known,
    )


def judge(model: nn.Module, trust: Trust, pixels: np.ndarray, card: DataCard) -> Verdict:
    """The model's verdict on prepared pictures, uint8 (N, C, H, W)."""
    features, logits = _answers(model, pixels, card)
    known = trust.strangeness
    if known is None:
        measures, most = np.zeros((len(pixels), 0)), np.inf
    else:
        measures = (_measures(known, features, logits, pixels) - known.usual[:, 0]) / known.usual[:, 1]
        most = known.threshold
    scores = _scores(measures)
    return Verdict(softmax(logits / trust.temperature), measures, scores, scores > most)


def fit_temperature(logits: np.ndarray, labels: np.ndarray) -> float:
    """The number T, 0.05 to 20, for which softmax(logits / T) has the lowest cross-entropy: (N, K), (N,)."""

    def loss(log_temperature: float) -> float:
        scaled = torch.tensor(logits) / np.exp(log_temperature)
        return float(nn.functional.cross_entropy(scaled, torch.tensor(labels, dtype=torch.int64)))

    found = optimize.minimize_scalar(loss, bounds=(np.log(0.05), np.log(20.0)), method="bounded")
    return float(np.exp(found.x))


def calibration_error(probabilities: np.ndarray, labels: np.ndarray, bins: int = BINS) -> float:
    """The expected calibration error (Naeini et al. 2015), 0 to 1: how far confidence and share of right answers lie
    apart, on the average over answers put together by their confidence in ``bins`` of equal width."""
    confidences = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    place = np.minimum((confidences * bins).astype(int), bins - 1)
    gaps = np.bincount(place, weights=right - confidences, minlength=bins)
    return float(np.abs(gaps).sum() / len(labels))


def softmax(logits: np.ndarray) -> np.ndarray:
    """(N, K) → (N, K), each row's shares."""
    shares: np.ndarray = torch.tensor(logits, dtype=torch.float64).softmax(1).numpy()
    return shares


def logits_of(model: nn.Module, pixels: np.ndarray, card: DataCard) -> np.ndarray:
    """The model's logits, float64 (N, K), for prepared pictures, uint8 (N, C, H, W)."""
    return _answers(model, pixels, card)[1]


# --- to and from files ---


def arrays(trust: Trust) -> dict[str, np.ndarray]:
    """Everything as arrays by name, for a file."""
    parts = (trust,) if trust.strangeness is None else (trust, trust.strangeness)
    named = {field.name: getattr(part, field.name) for part in parts for field in fields(part)}
    return {name: np.asarray(value) for name, value in named.items() if name != "strangeness"}


def from_arrays(found: Mapping[str, np.ndarray], features: int, card: DataCard) -> Trust:
    """The inverse of :func:`arrays`, for a network with so many last features. Raises DataError where an array is
    missing, of another shape, or not finite."""
    values = _checked(found, dict.fromkeys(("temperature", "error_before", "error_after", "validated"), ()))
    if values["temperature"] <= 0:
        raise DataError("this calibration is damaged: make it again")
    return Trust(**values, strangeness=_strangeness(found, features, card) if "threshold" in found else None)


def _strangeness(found: Mapping[str, np.ndarray], features: int, card: DataCard) -> Strangeness:
    size = int(np.prod(card.shape))
    places = len(found.get("feature_places", ()))
    shapes: dict[str, tuple[int, ...]] = {
        "threshold": (),
        "usual": (len(MEASURES), 2),
        "feature_axes": (features, min(_COMPONENTS, features, places)),
        "feature_places": (places, min(_COMPONENTS, features, places)),
        "pixel_mean": (size,),
        "pixel_axes": (size, min(_COMPONENTS, size, places)),
        "pixel_places": (places, min(_COMPONENTS, size, places)),
    }
    values = _checked(found, shapes)
    if places < NEIGHBOURS or not (values["usual"][:, 1] > 0).all():
        raise DataError("this calibration is damaged: make it again")
    return Strangeness(**values)


def _checked(found: Mapping[str, np.ndarray], shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Any]:
    for name, shape in shapes.items():
        if name not in found or found[name].shape != shape or not np.isfinite(found[name]).all():
            raise DataError(f"this calibration is not the network's ({name} doesn't fit): make it again")
    return {name: found[name] if shape else found[name].item() for name, shape in shapes.items()}


# --- measures ---


def _answers(
    model: nn.Module, pixels: np.ndarray, card: DataCard, progress: Callable[[float], None] = lambda _share: None
) -> tuple[np.ndarray, np.ndarray]:
    """The last features, float32 (N, d) of length 1, and the logits, float64 (N, K)."""
    last = last_layer(model)
    features, logits = [], []
    with torch.inference_mode(), capture(model, [last]) as seen:
        for first in range(0, len(pixels), _BATCH):
            some = np.ascontiguousarray(pixels[first : first + _BATCH])
            logits.append(model(to_input(model, some, card)).double().cpu())
            features.append(nn.functional.normalize(seen[last].flatten(1).float(), dim=1).cpu())
            progress(min(1.0, (first + _BATCH) / len(pixels)))
    return torch.cat(features).numpy(), torch.cat(logits).numpy()


def last_layer(model: nn.Module) -> str:
    """The name of the layer whose output the last one weighs."""
    names: list[str] = [name for name, module in model.named_modules() if name and not any(module.children())]
    return names[-2]


def _remembered(
    model: nn.Module, reference: np.ndarray, card: DataCard, progress: Callable[[float], None]
) -> Strangeness:
    """What is kept of training images, before it is known what is usual."""
    features, _ = _answers(model, reference, card, progress)
    feature_axes = _axes(features)
    blurred = _blurred(reference)
    pixel_mean = blurred.mean(axis=0).astype(np.float16)
    pixel_axes = _axes(blurred - pixel_mean)
    return Strangeness(
        threshold=np.inf,
        usual=np.array([[0.0, 1.0]] * len(MEASURES)),
        feature_axes=feature_axes,
        feature_places=(features @ feature_axes).astype(np.float16),
        pixel_mean=pixel_mean,
        pixel_axes=pixel_axes,
        pixel_places=((blurred - pixel_mean) @ pixel_axes).astype(np.float16),
    )


def _measures(known: Strangeness, features: np.ndarray, logits: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """Float64 (N, 4), larger is stranger; distances as logarithms, which are spread like a bell."""
    energy = -torch.logsumexp(torch.tensor(logits), dim=1).numpy()
    centred = _blurred(pixels) - known.pixel_mean
    axes = known.pixel_axes.astype(np.float32)
    places = centred @ axes
    residual = np.linalg.norm(centred - places @ axes.T, axis=1)
    return np.stack(
        [
            _log(_nearest(features @ known.feature_axes.astype(np.float32), known.feature_places)),
            energy,
            _log(_nearest(places, known.pixel_places)),
            _log(residual),
        ],
        axis=1,
    )


def _scores(measures: np.ndarray) -> np.ndarray:
    """(N, 4) in standard deviations → (N,): the length of what lies beyond the usual."""
    scores: np.ndarray = np.linalg.norm(np.maximum(measures, 0.0), axis=1)
    return scores


def _nearest(places: np.ndarray, others: np.ndarray) -> np.ndarray:
    """The distance (N,) to the ``NEIGHBOURS``-th nearest of the others: (N, k), (R, k)."""
    distances = torch.cdist(torch.tensor(places, dtype=torch.float64), torch.tensor(others, dtype=torch.float64))
    nearest: np.ndarray = distances.kthvalue(NEIGHBOURS, dim=1).values.numpy()
    return nearest


def _log(distances: np.ndarray) -> np.ndarray:
    logs: np.ndarray = np.log(np.maximum(distances, 1e-4))
    return logs


def _blurred(pixels: np.ndarray) -> np.ndarray:
    """uint8 (N, C, H, W) → float32 (N, C·H·W), 0 to 1."""
    smooth = ndimage.gaussian_filter(pixels.astype(np.float32) / 255.0, (0, 0, _BLUR, _BLUR))
    return np.asarray(smooth.reshape(len(pixels), -1))


def _axes(rows: np.ndarray) -> np.ndarray:
    """The directions, float16 (d, k), in which rows (N, d) vary most, from 0: of at most ``_COMPONENTS`` dimensions."""
    _, _, directions = np.linalg.svd(rows, full_matrices=False)
    return np.asarray(directions[:_COMPONENTS].T, dtype=np.float16)
