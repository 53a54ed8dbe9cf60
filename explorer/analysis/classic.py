"""The classic kernels of image processing, at any size, and which of them a kernel resembles.

All are cross-correlation kernels, as in PyTorch, sampled from analytic functions on the k × k grid whose middle is
(0, 0) and whose outermost pixels lie where those of a 3 × 3 grid would, stretched by k / 3:

- edges: the Gaussian's derivative down, right, and along both diagonals, with the width at which 3 × 3 is Sobel's
  kernel (Sobel & Feldman 1968), [1 2 1] across and [−1 0 1] along;
- blur: that same Gaussian, at 3 × 3 the binomial [1 2 1] × [1 2 1];
- outline: the negative Laplacian of a Gaussian (Marr & Hildreth 1980), less its mean, with the width at which 3 × 3 is
  the eight-neighbour Laplacian: 8 in the middle, −1 around;
- sharpen: unsharp masking, twice the image less its blur. It needs a pixel in the middle, so k is odd.

A single number has no shape, so there is none at 1 × 1, and no outline at 2 × 2, where all four pixels are equally far
from the middle.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

import numpy as np

NAMES = (
    "horizontal edge",
    "vertical edge",
    "diagonal edge ↗",
    "diagonal edge ↘",
    "outline",
    "blur",
    "sharpen",
)
"""All classics; the arrow is the way in which the edge itself runs."""

_GAUSS = np.log(2.0)
"""exp(−r²·ln 2) at distance 1 is a half, which gives [1 2 1] / 2."""
_DRAWS, _CHANCE = 100_000, 0.95


@dataclass(frozen=True)
class Resemblance:
    """What a kernel resembles. ``similarities`` are its cosines with each classic of its size, −1 to 1; negative: with
    light and dark swapped. ``similarity`` is the one farthest from 0, and ``name`` that classic, or None where random
    numbers come as close."""

    name: str | None
    similarity: float
    similarities: Mapping[str, float]


@lru_cache(maxsize=64)
def classics(size: int) -> Mapping[str, np.ndarray]:
    """The classics that there are at ``size`` × ``size``, by name in the order of :data:`NAMES`: read-only float64
    (size, size), the largest absolute value 1. Edges are positive where it gets lighter downwards or to the right.

    Raises ValueError for a size below 1.
    """
    if size < 1:
        raise ValueError(f"a kernel's size is 1 or more, not {size}")
    if size == 1:
        return MappingProxyType({})
    steps = (np.arange(size) - (size - 1) / 2) * (3 / size)
    y, x = np.meshgrid(steps, steps, indexing="ij")
    squares = x**2 + y**2
    gauss = np.exp(-_GAUSS * squares)
    found = {
        "horizontal edge": y * gauss,
        "vertical edge": x * gauss,
        "diagonal edge ↗": (x + y) * gauss,
        "diagonal edge ↘": (x - y) * gauss,
    }
    if size > 2:
        laplace = (1 - _outline_width() * squares) * np.exp(-_outline_width() * squares)
        found["outline"] = laplace - laplace.mean()
    found["blur"] = gauss
    if size % 2:
        sharpen = -gauss / gauss.sum()
        sharpen[size // 2, size // 2] += 2
        found["sharpen"] = sharpen
    for name, kernel in found.items():
        found[name] = kernel / np.abs(kernel).max()
        found[name].flags.writeable = False
    return MappingProxyType(found)


def resemblance(kernel: np.ndarray) -> Resemblance:
    """Which classic a kernel (k, k) is most like, whatever its scale and sign; of several input channels (C, k, k) the
    mean is looked at. Raises ValueError where it is not square or not finite."""
    plane = np.asarray(kernel, np.float64)
    plane = plane.mean(axis=0) if plane.ndim == 3 else plane
    if plane.ndim != 2 or plane.shape[0] != plane.shape[1] or not np.isfinite(plane).all():
        raise ValueError(f"a kernel is a square of finite numbers, (k, k) or (C, k, k), not {np.shape(kernel)}")
    norm = float(np.linalg.norm(plane))
    similarities = {
        name: float((plane * classic).sum() / (norm * np.linalg.norm(classic))) if norm else 0.0
        for name, classic in classics(len(plane)).items()
    }
    best = max(similarities, key=lambda name: abs(similarities[name]), default=None)
    if best is None:
        return Resemblance(None, 0.0, similarities)
    near = abs(similarities[best]) >= threshold(len(plane))
    return Resemblance(best if near else None, similarities[best], similarities)


@lru_cache(maxsize=64)
def threshold(size: int) -> float:
    """The similarity that only 1 in 20 kernels of independent normal random numbers reaches with its nearest classic.

    Simulated with a fixed seed. A kernel's cosines depend on its part in the classics' span and on its length alone,
    so as many normal numbers as that span has dimensions are drawn, and a χ² number for the squared length of the rest.
    """
    found = classics(size)
    if not found:
        return 1.0
    unit = np.stack([kernel.ravel() / np.linalg.norm(kernel) for kernel in found.values()])
    _, lengths, axes = np.linalg.svd(unit, full_matrices=False)
    axes = axes[lengths > 1e-9 * lengths[0]]
    draw = np.random.default_rng(0)
    inside = draw.standard_normal((_DRAWS, len(axes)))
    rest = size**2 - len(axes)
    outside = draw.chisquare(rest, _DRAWS) if rest else np.zeros(_DRAWS)
    cosines = np.abs(inside @ (axes @ unit.T)) / np.sqrt((inside**2).sum(axis=1) + outside)[:, None]
    return float(np.quantile(cosines.max(axis=1), _CHANCE))


@lru_cache(maxsize=1)
def _outline_width() -> float:
    """The t > 1 at which (1 − t)·e⁻ᵗ = (1 − 2t)·e⁻²ᵗ: then the Laplacian of a Gaussian exp(−t·r²) has the same value at
    all eight neighbours of the middle. By Newton's method."""
    t = 1.45
    for _ in range(20):
        value = (1 - t) * np.exp(t) - (1 - 2 * t)
        t -= value / (2 - t * np.exp(t))
    return float(t)
