"""From the data set's bytes to what a network takes: as tensors without a copy, normalised on their device."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from explorer.data.cards import DataCard


def as_tensor(array: np.ndarray) -> Tensor:
    """A data set's array as a tensor of the same type and shape, without a copy: do not write to it.

    An array that belongs to memory nobody may write to is copied.
    """
    view = array.view()
    try:
        view.flags.writeable = True  # torch warns of read-only arrays; those of a data set are mapped copy-on-write
    except ValueError:
        view = array.copy()
    return torch.from_numpy(view)


def normalise(pixels: Tensor, card: DataCard) -> Tensor:
    """uint8 pixels (…, C, H, W) → float32 of the same shape on the same device: (pixel / 255 - mean) / std."""
    if pixels.dtype != torch.uint8:
        raise TypeError(f"pixels are bytes (torch.uint8), not {pixels.dtype}")
    mean, std = _per_channel(card.mean, pixels), _per_channel(card.std, pixels)
    return pixels.to(torch.float32).div_(255).sub_(mean).div_(std)


def standardise(brightness: Tensor, card: DataCard) -> Tensor:
    """Brightness float32 (…, C, H, W), 0 to 1 → as :func:`normalise` makes it of pixels, a new tensor that gradients
    flow through."""
    return (brightness - _per_channel(card.mean, brightness)) / _per_channel(card.std, brightness)


def black(card: DataCard) -> tuple[float, ...]:
    """What a black pixel is after :func:`normalise`, one number a channel."""
    pixel = torch.zeros(card.shape[0], 1, 1, dtype=torch.uint8)
    return tuple(normalise(pixel, card).flatten().tolist())


def _per_channel(values: float | tuple[float, ...], like: Tensor) -> Tensor | float:
    if isinstance(values, tuple):
        return torch.tensor(values, dtype=torch.float32, device=like.device).view(-1, 1, 1)
    return values
