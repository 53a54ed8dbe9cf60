"""What was a digit and is none any more, and photographs, which never were one."""

from __future__ import annotations

from functools import cache

import numpy as np
import skimage.data
from PIL import Image

from explorer.outliers.drawn import crossing, turned_by
from explorer.outliers.pen import SIDE, fitted, pictured, redrawn, stroked
from explorer.outliers.sources import Sources, pen_width, smooth

ONLY_UPRIGHT = (3, 4, 7)
"""Digits that are no digit, not even another one, where they are turned or mirrored."""


def turned(rng: np.random.Generator, sources: Sources) -> np.ndarray:
    """A digit on its side, on its head or mirrored, which is no other digit."""
    number = int(rng.choice(np.flatnonzero(np.isin(sources.labels, ONLY_UPRIGHT))))
    ink = smooth(sources.pixels[number, 0])
    ways = [ink[::-1, ::-1], ink[:, ::-1]]
    if sources.labels[number] != 7:  # on its side it may pass for a 2
        ways += [np.rot90(ink), np.rot90(ink, -1)]
    return pictured(redrawn(ways[int(rng.integers(len(ways)))], pen_width(rng)), rng)


def two_in_one(rng: np.random.Generator, sources: Sources) -> np.ndarray:
    """Two digits that touch or lie over each other."""
    first, second = (smooth(sources.pixels[n, 0]) for n in rng.integers(0, len(sources.labels), 2))
    by = int(rng.integers(24, 55))
    wide = np.zeros((SIDE, SIDE + by), dtype=np.float32)
    wide[:, :SIDE] = first
    wide[:, by:] = np.maximum(wide[:, by:], second)
    return pictured(fitted(wide, 0.8), rng)


def crossed_out(rng: np.random.Generator, sources: Sources) -> np.ndarray:
    """A digit with a cross, several strokes or a scribble over it."""
    ink = redrawn(smooth(sources.pixels[int(rng.integers(len(sources.labels))), 0]), width := pen_width(rng))
    if rng.random() < 0.4:
        lines = crossing(rng, 0.4)
    elif rng.random() < 0.5:
        angle = rng.uniform(-0.9, 0.9)
        lines = [turned_by(np.array([(0.1, y), (0.9, y)]), angle) for y in (0.4, 0.5, 0.6)]
    else:
        lines = [rng.uniform(0.15, 0.85, (int(rng.integers(5, 12)), 2))]
    return pictured(np.maximum(ink, stroked(lines, width)), rng)


def photograph(rng: np.random.Generator, _sources: Sources) -> np.ndarray:
    """A square of a photograph."""
    photos = _photographs()
    photo = photos[int(rng.integers(len(photos)))]
    side = int(rng.integers(min(25, *photo.shape), min(photo.shape) + 1))
    top, left = (int(rng.integers(0, size - side + 1)) for size in photo.shape)
    square = Image.fromarray(photo[top : top + side, left : left + side])
    return np.asarray(square.resize((SIDE, SIDE), Image.Resampling.BILINEAR))


@cache
def _photographs() -> list[np.ndarray]:
    """Grey, uint8 (H, W): scikit-image's, and the hundred of its scraps that show no face."""
    scraps = (255 * skimage.data.lfw_subset()[100:]).astype(np.uint8)  # type: ignore[no-untyped-call]
    names = ("cell", "clock", "gravel", "horse", "moon", "hubble_deep_field", "immunohistochemistry", "logo")
    found = []
    for name in names:
        photo = np.asarray(getattr(skimage.data, name)())
        photo = photo.astype(np.uint8) * (255 if photo.dtype == bool else 1)
        found.append(np.asarray(Image.fromarray(photo).convert("L")))
    return [*found * 5, *scraps]
