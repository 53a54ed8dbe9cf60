"""What no network needs to be asked about: a speck is nothing, and a picture full of ink is no digit."""

from __future__ import annotations

import numpy as np

SMALLEST = 8
"""Pixels that a digit in a picture has at least, in height or width."""
FULLEST = 0.4
"""The share of the field that a digit covers at most: of MNIST's 60,000 the fullest covers 0.398."""
EMPTIEST = 0.015
"""And at least: the emptiest covers 0.019."""


def speck(box: tuple[int, int, int, int] | None) -> str:
    """Why what was at ``box`` of its picture (left, top, right, bottom) can't be anything, '' where it may be."""
    small = box is not None and max(box[2] - box[0], box[3] - box[1]) < SMALLEST
    return "It is only a speck of ink." if small else ""


def fault(pixels: np.ndarray, box: tuple[int, int, int, int] | None = None) -> str:
    """Why a prepared picture, uint8 (H, W) or (C, H, W), can't be a digit, as a sentence; '' where it may be one.

    ``box`` is where it was in its picture: left, top, right, bottom.
    """
    if small := speck(box):
        return small
    covered = float((pixels > 127).mean())
    if covered > FULLEST:
        return f"{covered:.0%} of the field is ink, more than in any digit."
    return "There is next to no ink." if covered < EMPTIEST else ""
