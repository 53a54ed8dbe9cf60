"""What pictures are made of, and what all kinds of them need."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image
from scipy import ndimage

from explorer.outliers.pen import SIDE


@dataclass(frozen=True, eq=False)
class Sources:
    """What pictures are made of: MNIST's digits, uint8 (N, 1, 28, 28), their labels (N,), and the paths of fonts."""

    pixels: np.ndarray
    labels: np.ndarray
    fonts: tuple[str, ...]


Kind = Callable[[np.random.Generator, Sources], np.ndarray]
"""Draws a picture, uint8 (H, W), of no digit."""


def smooth(pixels: np.ndarray) -> np.ndarray:
    """An MNIST digit, uint8 (28, 28), enlarged to a smooth outline, (SIDE, SIDE)."""
    large = Image.fromarray(pixels).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    blurred = ndimage.gaussian_filter(np.asarray(large, dtype=np.float32) / 255.0, 1.0)
    return np.asarray(np.clip((blurred - 0.45) * 4 + 0.5, 0, 1), dtype=np.float32)


def pen_width(rng: np.random.Generator, thickest: float = 0.17) -> float:
    """A width in shares of the picture's side: a ballpoint's to a marker's."""
    return float(np.exp(rng.uniform(np.log(0.015), np.log(thickest))))
