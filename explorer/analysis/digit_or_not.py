"""Whether a prepared picture shows a digit at all, whatever network reads it: a small network that has seen others.

A network that knows ten digits finds one in every picture, and what its numbers say of strange pictures is a guess.
So one more is fitted to digits and, beside them, to many pictures of none: outlier exposure (Hendrycks, Mazeika and
Dietterich 2019, 'Deep anomaly detection with outlier exposure'). It tells the ten digits and a few kinds of others
apart; its score is the log odds of any of the others against any digit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from explorer.analysis.capture import to_input
from explorer.blocks import Blocks, ConvBlock, to_model
from explorer.data.augment import augment
from explorer.data.cards import DataCard
from explorer.data.tensors import standardise
from explorer.models import Network, build
from explorer.spec import Augmentation

OTHERS = (
    "a letter or a sign",
    "a scribble, a mark or a box",
    "several digits in one, or a digit crossed out or turned",
    "a blot, or a photograph of something",
)
"""The kinds of pictures without a digit that are told apart, in words for the reader."""
REJECTED = 0.015
"""The share of validation digits that may be taken for something else, however they are drawn."""

_STEPS, _BATCH = 2_400, 128
_AT_ONCE = 500
_CHANGES = Augmentation(rotate=8, slant=8, elastic=0.6, thickness=0.3)  # the box stays filled, as in prepared pictures


def _conv(kernels: int, *, pooled: bool = False) -> ConvBlock:
    return ConvBlock(kernels=kernels, padding="same", batch_norm=True, pool="max" if pooled else "none")


MODEL = to_model(
    Blocks(
        convs=(_conv(16, pooled=True), _conv(24), _conv(24, pooled=True), _conv(32), _conv(32)),
        bridge="global_average_pool",
    )
)
"""Five small convolutions: 26,000 parameters, 0.1 MB."""


@dataclass(frozen=True, eq=False)
class DigitOrNot:
    """The fitted network, and the log odds beyond which a picture is rejected."""

    network: Network
    threshold: float


@dataclass(frozen=True, eq=False)
class Found:
    """Of N pictures: the log odds that each is no digit, in nats, and which of :data:`OTHERS` it is like most."""

    log_odds: np.ndarray  # float64 (N,)
    like: np.ndarray  # int64 (N,)


def untrained(card: DataCard, seed: int = 0) -> Network:
    """The network with fresh weights: a class for each of the card's, then one for each of the others."""
    return build(MODEL, card.shape, len(card.classes) + len(OTHERS), seed=seed)


def look(network: Network, pixels: np.ndarray, card: DataCard) -> Found:
    """What the network makes of prepared pictures, uint8 (N, C, H, W)."""
    with torch.inference_mode():
        some = [pixels[first : first + _AT_ONCE] for first in range(0, len(pixels), _AT_ONCE)]
        found = [network(to_input(network, np.ascontiguousarray(one), card)).double() for one in some]
    logits = torch.cat(found) if found else torch.zeros(0, network.classes, dtype=torch.float64)
    digits, others = logits[:, : len(card.classes)], logits[:, len(card.classes) :]
    return Found((others.logsumexp(1) - digits.logsumexp(1)).numpy(), others.argmax(1).numpy())


def threshold(*log_odds: np.ndarray) -> float:
    """The log odds that at most :data:`REJECTED` of the digits exceed, in each of several sets of them."""
    return max(float(np.quantile(one, 1 - REJECTED, method="higher")) for one in log_odds)


def fit(
    parts: list[tuple[np.ndarray, np.ndarray, float]],
    card: DataCard,
    *,
    seed: int = 0,
    steps: int = _STEPS,
    progress: Callable[[float], None] = lambda _share: None,
) -> Network:
    """The network, fitted to parts: each pictures, uint8 (N, C, H, W), their classes (N,), and its share of a batch.

    A class beyond the card's is one of :data:`OTHERS`. Every picture is turned, slanted and bent a little, digits and
    others alike: by what is done to it nothing can be told. The same seed and pictures give the same network.
    """
    network = untrained(card, seed)
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.AdamW(network.parameters(), weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.01, total_steps=steps, pct_start=0.2)
    sets = [(torch.tensor(pixels), torch.tensor(classes, dtype=torch.int64)) for pixels, classes, _ in parts]
    counts = [round(_BATCH * share) for _, _, share in parts]
    network.train()
    for step in range(steps):
        images, classes = [], []
        for (pixels, labels), count in zip(sets, counts, strict=True):
            chosen = torch.randint(len(labels), (count,), generator=generator)
            images.append(pixels[chosen].float())
            classes.append(labels[chosen])
        changed = augment(torch.cat(images), _CHANGES, generator, fill=0.0)
        loss = nn.functional.cross_entropy(network(standardise(changed / 255, card)), torch.cat(classes))
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
        progress((step + 1) / steps)
    network.eval()
    network.requires_grad_(False)
    return network
