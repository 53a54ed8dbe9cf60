"""Images made harder by a known amount: shifted, turned, scaled, noisy, blurred, faint, inverted.

Brightness in and out: float32 (N, C, H, W), black 0, white 1. What is random (the direction of a shift, the noise)
follows from the image's number alone, so that every network, amount and machine meets the same images.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from explorer.data.augment import affine, warp
from explorer.errors import SpecError

SEED = 0
"""Of the directions and the noise."""
_REACH = 4.0  # standard deviations that a blur's window has on each side, as SciPy's


@dataclass(frozen=True)
class Corruption:
    """One way to make images harder. ``levels`` are the amounts that are tried, in ``unit``; ``neutral`` is the one
    that changes nothing; ``about`` is one sentence on what an amount means."""

    name: str
    title: str
    unit: str
    levels: tuple[float, ...]
    neutral: float
    about: str
    change: Callable[[Tensor, float, Sequence[int]], Tensor]


def corrupt(brightness: Tensor, name: str, amount: float, numbers: Sequence[int]) -> Tensor:
    """Images (N, C, H, W) changed by an amount; ``numbers`` (N,) say which images they are, for what is random.

    At the neutral amount the same tensor comes back. Raises SpecError for a name that there isn't.
    """
    corruption = find(name)
    if amount == corruption.neutral:
        return brightness
    return corruption.change(brightness, amount, numbers)


def find(name: str) -> Corruption:
    """The corruption of that name. Raises SpecError with the names that exist."""
    try:
        return CORRUPTIONS[name]
    except KeyError:
        raise SpecError(f"there is no corruption {name!r:.40}; there are: {', '.join(CORRUPTIONS)}") from None


def shifted(brightness: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Each image moved by its x to the right and y down, both (N,), in pixels; black comes in from outside."""
    return moved(brightness, torch.zeros(len(x)), torch.ones(len(x)), torch.stack([x, y], dim=1))


def moved(brightness: Tensor, degrees: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    """Each image turned clockwise by its degrees (N,) and scaled (N,) about its centre, then shifted (N, 2) in pixels;
    interpolated bilinearly, black outside."""
    matrices = affine(degrees, scale, shift).to(brightness)
    return warp(brightness, matrices, None, fill=0.0)


def noise(shape: tuple[int, ...], numbers: Sequence[int]) -> Tensor:
    """Normal noise (N, *shape) of standard deviation 1, each image's own."""
    drawn = [_generator(number).standard_normal(shape, np.float32) for number in numbers]
    return torch.from_numpy(np.stack(drawn))


def with_noise(brightness: Tensor, pattern: Tensor, deviation: float | Tensor) -> Tensor:
    """Brightness plus a pattern times a deviation, kept within black and white."""
    return (brightness + pattern.to(brightness) * deviation).clamp_(0, 1)


# --- the changes ---


def _shift(brightness: Tensor, amount: float, numbers: Sequence[int]) -> Tensor:
    angles = torch.tensor([_generator(number).random() * 2 * math.pi for number in numbers])
    return shifted(brightness, amount * angles.cos(), amount * angles.sin())


def _rotation(brightness: Tensor, amount: float, _: Sequence[int]) -> Tensor:
    count = len(brightness)
    return moved(brightness, torch.full((count,), amount), torch.ones(count), torch.zeros(count, 2))


def _scale(brightness: Tensor, amount: float, _: Sequence[int]) -> Tensor:
    count = len(brightness)
    return moved(brightness, torch.zeros(count), torch.full((count,), amount), torch.zeros(count, 2))


def _noise(brightness: Tensor, amount: float, numbers: Sequence[int]) -> Tensor:
    return with_noise(brightness, noise(tuple(brightness.shape[1:]), numbers), amount)


def _blur(brightness: Tensor, amount: float, _: Sequence[int]) -> Tensor:
    from explorer._torchvision import torchvision

    # The window that SciPy's gaussian_filter has; it can't be wider than the border that is mirrored into it.
    reach = min(int(_REACH * amount + 0.5), min(brightness.shape[2:]) - 1)
    if not reach:  # a window of the pixel itself
        return brightness
    blurred: Tensor = torchvision.transforms.functional.gaussian_blur(brightness, [2 * reach + 1] * 2, [amount] * 2)
    return blurred


def _contrast(brightness: Tensor, amount: float, _: Sequence[int]) -> Tensor:
    mean = brightness.mean(dim=(1, 2, 3), keepdim=True)
    return mean + (1 - amount) * (brightness - mean)


def _inversion(brightness: Tensor, amount: float, _: Sequence[int]) -> Tensor:
    return (1 - amount) * brightness + amount * (1 - brightness)


def _generator(number: int) -> np.random.Generator:
    return np.random.default_rng((SEED, number))


CORRUPTIONS: Mapping[str, Corruption] = {
    corruption.name: corruption
    for corruption in (
        Corruption(
            "shift",
            "Shift",
            "pixels",
            (0, 1, 2, 3, 4, 5, 6, 8),
            0,
            "Each image is moved in a direction of its own; black comes in from outside.",
            _shift,
        ),
        Corruption(
            "rotation",
            "Rotation",
            "degrees, clockwise",
            (-60, -45, -30, -20, -10, 0, 10, 20, 30, 45, 60),
            0,
            "All images are turned about the centre, to the right above 0, to the left below.",
            _rotation,
        ),
        Corruption(
            "scale",
            "Scale",
            "times its size",
            (0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.1, 1.2, 1.3, 1.4, 1.5),
            1,
            "All images are made smaller or larger about the centre; what leaves the picture is lost.",
            _scale,
        ),
        Corruption(
            "noise",
            "Noise",
            "standard deviation, brightness 0 to 1",
            (0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8),
            0,
            "Normal noise is added to every pixel, then cut off at black and white.",
            _noise,
        ),
        Corruption(
            "blur",
            "Blur",
            "pixels, standard deviation",
            (0, 0.5, 1, 1.5, 2, 2.5, 3),
            0,
            "A Gaussian blur: each pixel becomes the mean of its surroundings.",
            _blur,
        ),
        Corruption(
            "contrast",
            "Contrast",
            "share taken away",
            (0, 0.2, 0.4, 0.6, 0.7, 0.8, 0.9, 0.95),
            0,
            "Every pixel is drawn towards the picture's mean brightness.",
            _contrast,
        ),
        Corruption(
            "inversion",
            "Inversion",
            "share",
            (0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1),
            0,
            "The picture fades into its negative: grey all over at 0.5, black on white at 1.",
            _inversion,
        ),
    )
}
