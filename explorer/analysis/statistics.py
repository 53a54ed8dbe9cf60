"""What a feature map's or a kernel's numbers amount to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Statistics:
    """A summary of some numbers; computed in float64."""

    minimum: float
    maximum: float
    mean: float
    std: float  # of the numbers as a whole population (divided by n)
    zeros: float  # share of numbers that are exactly 0, from 0 to 1
    norm: float  # L2: the root of the sum of squares


def statistics(values: np.ndarray) -> Statistics:
    """Sums up an array of any shape with at least one number: a feature map (H, W), a kernel (C, H, W), a vector."""
    wide = np.asarray(values, np.float64)
    return Statistics(
        minimum=float(wide.min()),
        maximum=float(wide.max()),
        mean=float(wide.mean()),
        std=float(wide.std()),
        zeros=float((wide == 0).mean()),
        norm=float(np.sqrt(np.square(wide).sum())),
    )


def strongest(maps: np.ndarray) -> np.ndarray:
    """Maps (C, H, W) or units (C,) → their numbers int64 (C,), the largest mean absolute value first, ties in order."""
    strength = np.abs(maps, dtype=np.float64).reshape(len(maps), -1).mean(1)
    return np.argsort(-strength, kind="stable")
