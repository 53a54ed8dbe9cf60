"""Ink, paper and light: what is drawn becomes a small picture as people take it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw
from scipy import ndimage
from skimage.morphology import skeletonize

SIDE = 96
"""Pixels of a picture's sides: large enough for its strokes, small enough to prepare ten thousand."""

_FINE = 4  # drawn this many times larger and averaged down


def stroked(lines: Sequence[np.ndarray], width: float) -> np.ndarray:
    """Ink, float32 (SIDE, SIDE) in 0..1, of lines (points, 2) through places in 0..1, x to the right and y down.

    ``width``: of the round pen, in 0..1, too.
    """
    size = _FINE * SIDE
    image = Image.new("L", (size, size))
    pen = ImageDraw.Draw(image)
    radius = max(1.0, width * size / 2)
    for line in lines:
        points = [(float(x), float(y)) for x, y in line * size]
        pen.line(points, fill=255, width=round(2 * radius), joint="curve")
        for x, y in (points[0], points[-1]):
            pen.ellipse([x - radius, y - radius, x + radius, y + radius], fill=255)
    return np.asarray(image.reduce(_FINE), dtype=np.float32) / 255.0


def redrawn(ink: np.ndarray, width: float) -> np.ndarray:
    """The shape's middle line drawn again with a round pen, ``width`` of the longer side wide: (SIDE, SIDE) → same."""
    line = skeletonize(ink > 0.5)  # type: ignore[no-untyped-call]
    if not line.any():
        return ink
    distance = ndimage.distance_transform_edt(~line)
    return np.asarray(np.clip(width * SIDE / 2 - distance + 0.5, 0.0, 1.0), dtype=np.float32)


def fitted(ink: np.ndarray, share: float = 0.7) -> np.ndarray:
    """Ink (H, W) cut out, its longer side scaled to ``share`` of the picture's, in the middle: → (SIDE, SIDE)."""
    rows, columns = np.flatnonzero(ink.max(axis=1) > 0.1), np.flatnonzero(ink.max(axis=0) > 0.1)
    if not len(rows):
        return np.zeros((SIDE, SIDE), dtype=np.float32)
    cut = Image.fromarray(np.ascontiguousarray(ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]))
    scale = share * SIDE / max(cut.size)
    cut = cut.resize([max(1, round(side * scale)) for side in cut.size], Image.Resampling.BILINEAR)
    field = np.zeros((SIDE, SIDE), dtype=np.float32)
    top, left = (SIDE - cut.height) // 2, (SIDE - cut.width) // 2
    field[top : top + cut.height, left : left + cut.width] = np.asarray(cut)
    return field


def bent(ink: np.ndarray, rng: np.random.Generator, *, most: float = 1.0) -> np.ndarray:
    """As another hand draws it: turned up to 12°, slanted, stretched and bent, ``most`` times that. (S, S) → same."""
    angle, slant = np.deg2rad(most * rng.uniform(-12, 12)), most * rng.uniform(-0.25, 0.25)
    stretch = np.exp(most * rng.uniform(-0.2, 0.2))
    matrix = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]) @ [[1, 0], [slant, stretch]]
    middle = (SIDE - 1) / 2
    places = np.mgrid[:SIDE, :SIDE].reshape(2, -1) - middle
    waves = ndimage.zoom(rng.normal(0, most * rng.uniform(0, 2.5), (2, 5, 5)), (1, SIDE / 5, SIDE / 5), order=3)
    source = matrix @ places + middle + waves.reshape(2, -1)
    moved = np.clip(ndimage.map_coordinates(ink, source, order=1), 0.0, 1.0)
    return np.asarray(moved.reshape(SIDE, SIDE), dtype=np.float32)


def pictured(ink: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Ink (H, W) in 0..1 as a picture, uint8 (H, W): drawn on a screen, or photographed on paper."""
    if rng.random() < 0.3:
        return _bytes(1 - ink)
    if rng.random() < 0.2:  # a pencil's grain
        ink = ink * np.clip(rng.normal(0.75, 0.3, ink.shape), 0, 1)
    if rng.random() < 0.2:  # far away: few pixels
        small = Image.fromarray(ink.astype(np.float32)).resize([int(rng.integers(24, 48))] * 2, Image.Resampling.BOX)
        ink = np.clip(np.asarray(small.resize(ink.shape[::-1], Image.Resampling.BICUBIC)), 0, 1)
    paper = rng.uniform(0.65, 1.0)
    grey = paper - ink * rng.uniform(0.35, 0.95) * paper
    y, x = np.mgrid[-0.5 : 0.5 : ink.shape[0] * 1j, -0.5 : 0.5 : ink.shape[1] * 1j]
    angle = rng.uniform(0, 2 * np.pi)
    grey = grey * (1 - rng.uniform(0, 0.4) * (0.5 + x * np.cos(angle) + y * np.sin(angle)))
    grey = ndimage.gaussian_filter(grey, rng.uniform(0, 0.8)) + rng.normal(0, rng.uniform(0, 0.03), ink.shape)
    if rng.random() < 0.15:
        grey = 1 - grey
    return _bytes(grey)


def _bytes(grey: np.ndarray) -> np.ndarray:
    return np.asarray(np.rint(255 * np.clip(grey, 0, 1)), dtype=np.uint8)
