"""Random changes to a batch of images, each image its own, on the images' device.

Drawing the parameters and applying them are separate, so that the geometry can be checked on its own:
:func:`augment` draws, :func:`affine` and :func:`elastic` turn what was drawn into a warp, :func:`warp` applies it.
Positions are in pixels, x to the right and y down.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional

from explorer.spec import Augmentation

SMOOTHING = 1 / 7
"""Elastic: the Gaussian's standard deviation as a fraction of the image's longer side. 4 pixels of MNIST's 28, as in
Simard, Steinkraus & Platt 2003, 'Best practices for convolutional neural networks', section 2 (4 of 29)."""


def augment(images: Tensor, spec: Augmentation, generator: torch.Generator, *, fill: float | Sequence[float]) -> Tensor:
    """Float images (N, C, H, W) changed at random as ``spec`` says, the same way in all channels of an image.

    ``fill`` is the value outside the image, for all channels or one a channel (black is 0 before normalisation and
    :func:`explorer.data.tensors.black` after). The generator may live on another device than the images; what it
    draws depends on its state, the spec and the batch's size. Without any change the same tensor is returned.
    """
    if not spec:
        return images
    count, _, height, width = images.shape

    def uniform(limit: float, *shape: int) -> Tensor:
        drawn = torch.rand(count, *shape, generator=generator, device=generator.device)
        return drawn.sub_(0.5).mul_(2 * limit).to(images.device)

    matrices = displacement = None
    if spec.moves:
        degrees, scale, shift = uniform(spec.rotate), 1 + uniform(spec.scale), uniform(spec.shift, 2)
        matrices = affine(degrees, scale, shift, uniform(spec.slant) if spec.slant else None)
    if spec.elastic:
        noise = torch.randn(count, 2, height, width, generator=generator, device=generator.device)
        displacement = elastic(noise.to(images.device)).mul_(spec.elastic)
    if spec.thickness:  # before the warp, whose interpolation makes the new edges soft again
        images = thicken(images, uniform(spec.thickness))
    if matrices is None and displacement is None:
        return images
    return warp(images, matrices, displacement, fill=fill)


def affine(degrees: Tensor, scale: Tensor, shift: Tensor, slant: Tensor | None = None) -> Tensor:
    """Rotation (N,) clockwise in degrees, scale (N,), shift (N, 2) in pixels, as x and y, and slant (N,) to the right
    in degrees (None: upright) → matrices (N, 2, 3).

    They take a position in the changed image, from its centre, to the one in the original that it shows: the inverse
    of slanting, scaling and turning about the centre, then shifting.
    """
    radians = torch.deg2rad(degrees)
    cosine, sine = radians.cos() / scale, radians.sin() / scale
    turn = torch.stack([cosine, sine, -sine, cosine], dim=1).view(-1, 2, 2)
    if slant is not None:  # a line that leans to the right has its upper end, at negative y, further right
        lean = torch.deg2rad(slant).tan()
        turn = torch.stack([turn[:, 0] + lean[:, None] * turn[:, 1], turn[:, 1]], dim=1)
    return torch.cat([turn, -turn @ shift[:, :, None]], dim=2)


def thicken(images: Tensor, pixels: Tensor) -> Tensor:
    """Images (N, C, H, W) whose light parts grow by ``pixels`` (N,), from -1 to 1, at each edge; they shrink below 0.

    Grey dilation and erosion by a 3 × 3 square, and parts of a pixel by going that part of the way.
    """
    by = pixels[:, None, None, None]
    grown = functional.max_pool2d(images, 3, stride=1, padding=1)
    shrunk = -functional.max_pool2d(-images, 3, stride=1, padding=1)
    return images + by.clamp(min=0) * (grown - images) + by.clamp(max=0) * (images - shrunk)


def elastic(noise: Tensor) -> Tensor:
    """White Gaussian noise (N, 2, H, W) of standard deviation 1 → smooth displacements (N, H, W, 2) of the same.

    They are distributed as an endless field of white noise smoothed by a Gaussian (:data:`SMOOTHING`), a window cut
    out of it and scaled to standard deviation 1: no weaker at the borders, and without drawing the surroundings.
    """
    sigma = SMOOTHING * max(noise.shape[2:])
    rows, columns = (_smoothing(size, sigma).to(noise) for size in noise.shape[2:])
    return (rows @ noise @ columns.T).permute(0, 2, 3, 1)


def warp(
    images: Tensor, matrices: Tensor | None, displacement: Tensor | None, *, fill: float | Sequence[float]
) -> Tensor:
    """Each pixel of the result shows the original at another position, interpolated bilinearly: (N, C, H, W) → same.

    The position is ``matrices`` (N, 2, 3; None: the pixel's own) applied to the pixel's position from the image's
    centre, plus ``displacement`` (N, H, W, 2; None: none), both in pixels as x and y. Outside the image is ``fill``.
    """
    count, _, height, width = images.shape
    size = images.new_tensor([width, height])
    if matrices is None:
        matrices = torch.eye(2, 3, dtype=images.dtype, device=images.device).expand(count, 2, 3)
    # grid_sample's unit is half an image: x in pixels from the centre is x · 2 / width there.
    pixels = torch.cat([size.expand(2, 2), images.new_full((2, 1), 2.0)], dim=1)
    grid = functional.affine_grid(matrices * pixels / size[:, None], list(images.shape), align_corners=False)
    if displacement is not None:
        grid = grid.addcmul_(displacement, 2 / size)
    outside = images.new_tensor(fill).view(-1, 1, 1)
    # Zeros are what grid_sample puts outside, so the fill is made zero meanwhile.
    warped = functional.grid_sample(images - outside, grid, padding_mode="zeros", align_corners=False)
    return warped.add_(outside)


@lru_cache(maxsize=16)
def _smoothing(size: int, sigma: float) -> Tensor:
    """The matrix S (size, size) that gives white noise the covariance of Gaussian-smoothed noise, exp(-d²/4σ²)."""
    position = torch.arange(size, dtype=torch.float64)
    covariance = torch.exp(-((position[:, None] - position) ** 2) / (4 * sigma**2))
    variances, directions = torch.linalg.eigh(covariance)
    root: Tensor = directions * variances.clamp(min=0).sqrt() @ directions.T
    return root
