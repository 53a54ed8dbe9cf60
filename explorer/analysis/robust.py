"""How a network's accuracy falls while its test images get harder, by corruption or by attack."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from explorer.analysis.attacks import STEPS, fgsm, pgd
from explorer.analysis.capture import borrow
from explorer.analysis.corruptions import CORRUPTIONS, corrupt
from explorer.data.cards import DataCard
from explorer.data.tensors import as_tensor, standardise
from explorer.errors import DataError, SpecError

BATCH = 200
STRENGTHS = (0.0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3)
"""The attacks' ε: the most that any pixel's brightness, 0 to 1, is changed."""


@dataclass(frozen=True)
class Trial:
    """A corruption or an attack, as the bench shows it: amounts ``levels`` in ``unit``, of which ``neutral`` changes
    nothing."""

    name: str
    title: str
    unit: str
    levels: tuple[float, ...]
    neutral: float
    about: str
    attack: bool = False


TRIALS: Mapping[str, Trial] = {
    **{c.name: Trial(c.name, c.title, c.unit, c.levels, c.neutral, c.about) for c in CORRUPTIONS.values()},
    "fgsm": Trial(
        "fgsm",
        "Attack: FGSM",
        "ε, brightness 0 to 1",
        STRENGTHS,
        0.0,
        "Every pixel is changed by ε, up or down, whichever raises the loss (Goodfellow et al. 2015).",
        attack=True,
    ),
    "pgd": Trial(
        "pgd",
        "Attack: PGD",
        "ε, brightness 0 to 1",
        STRENGTHS,
        0.0,
        f"{STEPS} small steps up the loss from a random start, never further than ε in any pixel (Madry et al. 2018).",
        attack=True,
    ),
}


def trial(name: str) -> Trial:
    """The trial of that name. Raises SpecError with the names that exist."""
    try:
        return TRIALS[name]
    except KeyError:
        raise SpecError(f"there is no trial {name!r:.40}; there are: {', '.join(TRIALS)}") from None


def robustness(
    model: nn.Module,
    pixels: np.ndarray,
    labels: np.ndarray,
    card: DataCard,
    name: str,
    *,
    levels: tuple[float, ...] | None = None,
    numbers: np.ndarray | None = None,
    batch: int = BATCH,
    progress: Callable[[float], None] | None = None,
) -> dict[str, np.ndarray]:
    """Right answers among images uint8 (N, C, H, W) with labels (N,) at each amount of a trial (default: its own).

    Gives ``levels`` float64 (A,), ``correct`` int64 (A,) and ``images`` int64 (). ``numbers`` (N,) say which of the
    test set's images they are (default: the first N), for what is random. At the neutral amount the images are those
    that :func:`explorer.analysis.evaluate` sees.

    Both attacks know the true class and go up its loss. What PGD has found within a smaller ε also lies within every
    larger one, so an image that fell stays fallen and is not attacked again. ``progress`` is told the share done, 0 to
    1. Raises SpecError for an unknown trial and for strengths of PGD that fall, and DataError as ``evaluate`` does.
    """
    chosen = trial(name)
    if len(pixels) == 0 or len(pixels) != len(labels):
        raise DataError(f"{len(pixels):,} images with {len(labels):,} labels: give at least one, and as many of each")
    amounts = chosen.levels if levels is None else tuple(levels)
    if name == "pgd" and list(amounts) != sorted(amounts):
        raise SpecError("the strengths of an attack must rise: what fell at one counts as fallen at all that follow")
    numbers = np.arange(len(pixels)) if numbers is None else numbers
    correct = np.zeros(len(amounts), np.int64)
    parameter = next(model.parameters(), None)
    device = torch.device("cpu") if parameter is None else parameter.device
    with borrow(model):
        for first in range(0, len(pixels), batch):
            part = slice(first, first + batch)
            brightness = as_tensor(pixels[part]).to(device, torch.float32).div_(255)
            truth = torch.tensor(labels[part], dtype=torch.int64, device=device)
            standing = torch.ones(len(truth), dtype=torch.bool, device=device)
            for place, amount in enumerate(amounts):
                if name == "pgd":
                    standing = _withstand(model, brightness, truth, amount, card, standing)
                    correct[place] += int(standing.sum())
                else:
                    images = changed(model, brightness, truth, name, amount, card, numbers[part].tolist())
                    correct[place] += int((_answers(model, images, card) == truth).sum())
                if progress is not None:
                    done = min(first + batch, len(pixels)) - first
                    progress((first + done * (place + 1) / len(amounts)) / len(pixels))
    return {
        "levels": np.asarray(amounts, np.float64),
        "correct": correct,
        "images": np.array(len(pixels), np.int64),
    }


def changed(
    model: nn.Module,
    brightness: Tensor,
    labels: Tensor,
    name: str,
    amount: float,
    card: DataCard,
    numbers: list[int],
) -> Tensor:
    """What a trial makes of brightness float32 (N, C, H, W) at one amount; the attacks need network and labels."""
    chosen = trial(name)
    if amount == chosen.neutral:
        return brightness
    if name == "fgsm":
        return fgsm(model, brightness, labels, amount, card)
    if name == "pgd":
        return pgd(model, brightness, labels, amount, card)
    return corrupt(brightness, name, amount, numbers)


def examples(
    model: nn.Module, pixels: np.ndarray, label: int, card: DataCard, name: str, number: int
) -> tuple[np.ndarray, np.ndarray]:
    """One image, uint8 (C, H, W), at each amount of a trial: brightness float32 (A, C, H, W), and the network's
    probabilities (A, K). ``label`` is what an attack leads away from, ``number`` the image's in the test set."""
    brightness = as_tensor(pixels[None]).to(torch.float32).div_(255)
    labels = torch.tensor([label])
    images = torch.cat(
        [changed(model, brightness, labels, name, amount, card, [number]) for amount in trial(name).levels]
    )
    with torch.inference_mode(), borrow(model):
        shares = model(standardise(images, card)).double().softmax(1)
    return images.numpy(), shares.numpy()


def _withstand(
    model: nn.Module, brightness: Tensor, truth: Tensor, epsilon: float, card: DataCard, standing: Tensor
) -> Tensor:
    """Which images are still answered rightly after PGD within ε, of those that were so far."""
    left = standing.nonzero()[:, 0]
    images = brightness[left]
    if epsilon and len(left):
        images = pgd(model, images, truth[left], epsilon, card)
    after = torch.zeros_like(standing)
    if len(left):
        after[left] = _answers(model, images, card) == truth[left]
    return after


def _answers(model: nn.Module, brightness: Tensor, card: DataCard) -> Tensor:
    with torch.inference_mode():
        answers: Tensor = model(standardise(brightness, card)).argmax(1)
    return answers
