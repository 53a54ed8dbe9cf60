"""Ink to MNIST's form: 20 × 20 box, anti-aliased, strokes of the usual width, mass in the middle of 28 × 28.

As LeCun, Cortes and Burges describe MNIST ('size normalized to fit in a 20x20 pixel box while preserving their aspect
ratio … the center of mass of the pixels'). Ink is float32 (H, W), paper 0, full ink 1.
"""

from __future__ import annotations

import numpy as np
from PIL import Image
from scipy import ndimage
from skimage.morphology import skeletonize

OVERSAMPLING = 8  # strokes are measured and mended on a digit this many times larger than its box
MARGIN = 2 * OVERSAMPLING
THINNEST, THICKEST = 2.2, 4.5  # in pixels of a 20-pixel box: about the 15th and the 97th percentile of MNIST's strokes


def resized(ink: np.ndarray, height: int, width: int, *, smooth: bool = True) -> np.ndarray:
    """(H, W) to (height, width), both at least 1: area average where it shrinks, bicubic where it grows; where it is
    not to be ``smooth``, the nearest pixel alone."""
    image = Image.fromarray(np.ascontiguousarray(ink, dtype=np.float32))
    grows = height > ink.shape[0] or width > ink.shape[1]
    method = Image.Resampling.BICUBIC if grows else Image.Resampling.BOX
    if not smooth:
        method = Image.Resampling.NEAREST
    return np.asarray(np.clip(np.asarray(image.resize((width, height), method)), 0.0, 1.0))


def fitted(ink: np.ndarray, box: int, *, proportions: bool = True, smooth: bool = True) -> np.ndarray:
    """Scaled so that the longer side is ``box``; the aspect ratio stays (a side is at least 1), or without
    ``proportions`` the shorter side is stretched to ``box``, too."""
    scale = box / max(ink.shape)
    height, width = (max(1, round(side * scale)) if proportions else box for side in ink.shape)
    return resized(ink, height, width, smooth=smooth)


def stroke_width(mask: np.ndarray) -> float:
    """Mean width of the strokes in a bool (H, W), in its pixels: their area over their length (the skeleton's)."""
    return float(mask.sum()) / max(1.0, float(skeletonize(mask).sum()))  # type: ignore[no-untyped-call]


def with_usual_strokes(ink: np.ndarray, box: int) -> tuple[np.ndarray, float, float]:
    """Ink whose strokes are as wide as MNIST's once scaled into ``box``; and the width before and after, in box pixels.

    ``ink`` is the digit cut out, (H, W). Where its strokes are between ``THINNEST`` and ``THICKEST`` already it is the
    result; else the result is larger than the box by ``OVERSAMPLING``, with a margin for strokes that have grown.
    """
    large = np.pad(fitted(ink, box * OVERSAMPLING), MARGIN)
    mask = large > 0.5 * float(large.max())
    width = stroke_width(mask) / OVERSAMPLING
    wanted = float(np.clip(width, THINNEST, THICKEST))
    if wanted == width or not mask.any():
        return ink, width, width
    inside = ndimage.distance_transform_edt(mask)
    outside = ndimage.distance_transform_edt(~mask)
    grow = (wanted - width) / 2.0 * OVERSAMPLING
    grow = max(grow, THINNEST / 2.0 * OVERSAMPLING - float(inside.max()))  # a blob has no strokes: some of it remains
    # 0 where the outline was, so that the new outline is ``grow`` further out, with an edge one pixel soft
    distance = np.where(mask, 0.5 - inside, outside - 0.5)
    return np.clip(grow - distance + 0.5, 0.0, 1.0).astype(np.float32), width, wanted


def centre_of_mass(ink: np.ndarray) -> tuple[float, float]:
    """(y, x) in pixels from the first pixel's middle; the array's middle where there is no ink."""
    total = float(ink.sum())
    if total <= 0:
        return (ink.shape[0] - 1) / 2, (ink.shape[1] - 1) / 2
    return (
        float(ink.sum(axis=1) @ np.arange(ink.shape[0])) / total,
        float(ink.sum(axis=0) @ np.arange(ink.shape[1])) / total,
    )


def placed(ink: np.ndarray, height: int, width: int, *, by_mass: bool) -> np.ndarray:
    """The digit (h, w), no larger than the field, on an empty field (height, width).

    ``by_mass``: its centre of mass comes within half a pixel of the field's pixel (height / 2, width / 2), counted from
    0, as in every MNIST digit; else the middle of its box lies in the middle. What would stick out is kept inside.
    """
    rows, columns = ink.shape
    top, left = (height - rows) // 2, (width - columns) // 2
    if by_mass:
        y, x = centre_of_mass(ink)
        top, left = round(height / 2 - y), round(width / 2 - x)
        top, left = min(max(top, 0), height - rows), min(max(left, 0), width - columns)
    field = np.zeros((height, width), dtype=np.float32)
    field[top : top + rows, left : left + columns] = ink
    return field


def is_placed(field: np.ndarray, box: int) -> bool:
    """Whether a field (H, W) has MNIST's form already: the ink fills a box of ``box`` pixels, its mass in the middle.

    A pixel of leeway: an MNIST digit's faintest pixels may be lost as noise, and round differently.
    """
    if not field.any():
        return False
    rows, columns = np.flatnonzero(field.any(axis=1)), np.flatnonzero(field.any(axis=0))
    longer = int(max(np.ptp(rows), np.ptp(columns))) + 1
    y, x = centre_of_mass(field)
    off = max(abs(y - field.shape[0] / 2), abs(x - field.shape[1] / 2))
    return box - 2 <= longer <= box and off <= 1.0
