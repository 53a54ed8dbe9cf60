"""Whether pictures show what a network has learned: the one verdict of all that can tell.

What no network needs to be asked about comes first (:mod:`explorer.digits.plausible`). Of digits, a small network of
its own tells, bundled beside the others and the same for all of them (:mod:`explorer.analysis.digit_or_not`); of other
data sets' pictures, what the network's calibration knows of strange ones (:mod:`explorer.analysis.trust`).
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from explorer import zoo
from explorer.data.cards import CARDS, DataCard
from explorer.digits.plausible import fault, speck
from explorer.errors import WeightsError

if TYPE_CHECKING:
    from explorer.analysis.digit_or_not import DigitOrNot
    from explorer.analysis.trust import Trust
    from explorer.models import Network

DIGITS = CARDS["mnist"]
"""The data set whose pictures are digits."""
FILE = "digit_or_not.safetensors"

Box = tuple[int, int, int, int]

log = logging.getLogger(__name__)

_FITTED = "kernelscope.digit_or_not"


@dataclass(frozen=True, eq=False)
class Verdict:
    """What a network says of N pictures, and what that is worth.

    ``probabilities``: float64 (N, K), calibrated where there is a calibration. ``reasons``: why a picture is rejected,
    a sentence or two each, '' where it is accepted.
    """

    probabilities: np.ndarray
    reasons: tuple[str, ...]

    @property
    def rejected(self) -> np.ndarray:
        """Bool (N,)."""
        return np.array([reason != "" for reason in self.reasons], dtype=bool)


def can_reject(card: DataCard, trust: Trust | None) -> bool:
    """Whether anything is known by which pictures for a network of this data set are rejected."""
    return (card.name == DIGITS.name and digit_or_not() is not None) or trust is not None


def judge(
    network: Network,
    trust: Trust | None,
    pixels: np.ndarray,
    card: DataCard,
    boxes: Sequence[Box] | None = None,
) -> Verdict:
    """The verdict on prepared pictures, uint8 (N, C, H, W).

    ``trust``: the network's calibration, None where it has none; ``boxes``: where they were in their pictures.
    """
    from explorer.analysis import trust as trusting

    if trust is None:
        shares, reasons = trusting.softmax(trusting.logits_of(network, pixels, card)), [""] * len(pixels)
    else:
        found = trusting.judge(network, trust, pixels, card)
        shares = found.probabilities
        reasons = [
            _strange(score, trust) if odd else "" for score, odd in zip(found.scores, found.rejected, strict=True)
        ]
    if card.name == DIGITS.name:
        reasons = [one or other for one, other in zip(_other_than_digits(pixels), reasons, strict=True)]
    places = [None] * len(pixels) if boxes is None else boxes
    # How much ink there may be is known of digits alone: a third of Fashion-MNIST's pictures have more.
    plain = [
        fault(one, box) if card.name == DIGITS.name else speck(box) for one, box in zip(pixels, places, strict=True)
    ]
    return Verdict(shares, tuple(f"{one} {other}".strip() for one, other in zip(plain, reasons, strict=True)))


def digit_or_not(directory: Path | None = None) -> DigitOrNot | None:
    """The bundled network that tells digits from others; None, and the log says why, where it is missing or damaged."""
    try:
        return _opened((directory or zoo.DIRECTORY) / FILE)
    except (OSError, WeightsError) as error:
        log.warning("nothing tells digits from other pictures: %s", error)
        return None


@lru_cache(maxsize=4)
def _opened(path: Path) -> DigitOrNot:
    return unpack(path.read_bytes())


def keep(found: DigitOrNot, about: str, *, directory: Path | None = None) -> Path:
    """Writes it beside the bundled networks, at once or not at all. ``about``: what it was fitted to, and how."""
    from explorer.runs.artifacts import atomic_write

    path = (directory or zoo.DIRECTORY) / FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    atomic_write(path, pack(found, about))
    _opened.cache_clear()
    return path


def pack(found: DigitOrNot, about: str) -> bytes:
    """A safetensors file with the threshold in its header."""
    from safetensors.torch import save

    tensors = {name: tensor.detach().contiguous() for name, tensor in found.network.state_dict().items()}
    return save(tensors, metadata={_FITTED: json.dumps({"threshold": found.threshold, "about": about})})


def unpack(data: bytes) -> DigitOrNot:
    """The inverse of :func:`pack`. Raises WeightsError for a damaged file and one of another network."""
    from safetensors import SafetensorError
    from safetensors.torch import load

    from explorer.analysis.digit_or_not import DigitOrNot, untrained
    from explorer.models import load_weights
    from explorer.weights import metadata

    try:
        threshold = float(json.loads(metadata(data)[_FITTED])["threshold"])
        tensors = load(data)
    except (SafetensorError, KeyError, TypeError, ValueError, RuntimeError, RecursionError, AttributeError):
        raise WeightsError(f"{FILE} is damaged: fetch model_zoo again") from None
    if not np.isfinite(threshold):
        raise WeightsError(f"{FILE} is damaged: fetch model_zoo again")
    network = untrained(DIGITS)
    load_weights(network, tensors)
    network.eval()
    network.requires_grad_(False)
    return DigitOrNot(network, threshold)


def _other_than_digits(pixels: np.ndarray) -> list[str]:
    """For each picture, uint8 (N, 1, 28, 28), why it is no digit, '' where it may be one."""
    from explorer.analysis.digit_or_not import OTHERS, look

    known = digit_or_not()
    if known is None:
        return [""] * len(pixels)
    found = look(known.network, pixels, DIGITS)
    return [
        f"It is more like {OTHERS[like]}." if odds > known.threshold else ""
        for odds, like in zip(found.log_odds, found.like, strict=True)
    ]


def _strange(score: float, trust: Trust) -> str:
    most = trust.strangeness.threshold if trust.strangeness else np.inf
    return f"Strangeness {score:.1f}, where 99 % of validation pictures stay under {most:.1f}."
