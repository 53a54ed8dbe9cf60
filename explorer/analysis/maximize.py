"""The input that excites a kernel most, found by climbing: from noise, step by step up the slope of its response.

Left alone this ends in noise of high frequency. What holds it back (Yosinski et al. 2015, "Understanding Neural
Networks Through Deep Visualization"; Olah, Mordvintsev & Schubert 2017, "Feature Visualization"): brightness stays
between black and white, steps have one norm whatever the slope, the image is moved a little before each one (jitter),
large differences between neighbours cost (total variation), and now and then it is blurred. All of it fades towards
the end, and what is small compared with these remedies, a 3×3 patch, is spared them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from explorer.analysis.capture import borrow
from explorer.analysis.units import Units, find
from explorer.data.cards import DataCard
from explorer.data.tensors import normalise
from explorer.errors import SpecError
from explorer.models import Network

STEPS = 192
FRAMES = 7
"""Moments that are kept, the noise of the beginning and the end among them."""
SEED = 0

_STEP = 0.1  # of the brightness, root mean square over what the unit sees, at the beginning
_VARIATION = 0.5  # how much the total variation's slope weighs beside the response's
_BLUR_EVERY = 8
_SMALL = 8  # a receptive field up to here has no room for jitter and blur


@dataclass(frozen=True, eq=False)
class Maximal:
    """Images that excite K kernels or units most, at F moments of the climb, and their responses then."""

    frames: np.ndarray  # float32 (F, K, C, H, W), brightness from 0 to 255
    responses: np.ndarray  # float32 (F, K)
    steps: np.ndarray  # int64 (F,), the steps climbed
    position: np.ndarray  # int64 (2,), row and column in the map where the response is; 0, 0 of units


def maximize(
    network: Network,
    layer: str,
    numbers: Sequence[int],
    card: DataCard,
    *,
    steps: int = STEPS,
    seed: int = SEED,
    progress: Callable[[float], None] | None = None,
) -> Maximal:
    """The images that excite the kernels or units ``numbers`` of a layer most; a kernel in the middle of its map.

    The responses are exactly those of the frames, see :class:`~explorer.analysis.units.Units`. All images climb at
    once. ``progress`` is told the share done after each step, and ends the work by raising; the network comes back
    untouched. Raises SpecError for a layer without kernels or units, and numbers that it doesn't have.
    """
    of = find(network, layer)
    if not numbers or not all(0 <= number < of.count for number in numbers):
        raise SpecError(f"{layer} has {of.count} {of.word}s, numbered from 0: name at least one of them")
    place = next(network.parameters())
    start = torch.rand((len(numbers), *network.input_shape), generator=torch.Generator().manual_seed(seed))
    image = (0.4 * start).to(place)
    climb = _Climb(network, of, numbers, card, place)
    wanted = {round(step) for step in np.linspace(0, steps, FRAMES)}
    kept: list[tuple[int, Tensor, Tensor]] = []
    with borrow(network):
        for step in range(steps + 1):
            if step in wanted:
                kept.append((step, image, climb.response(image)))
            if step < steps:
                image = climb.step(image, step, 1 - step / steps)
            if progress is not None:
                progress(step / steps)
    return Maximal(
        frames=np.stack([255 * frame.cpu().numpy() for _, frame, _ in kept]).astype(np.float32),
        responses=np.stack([response.cpu().numpy() for _, _, response in kept]).astype(np.float32),
        steps=np.array([step for step, _, _ in kept]),
        position=np.array(climb.position),
    )


class _Climb:
    def __init__(self, network: Network, of: Units, numbers: Sequence[int], card: DataCard, like: Tensor) -> None:
        end = list(dict(network.named_children())).index(of.end)
        self._part: nn.Sequential = network[: end + 1]
        self._chosen = torch.tensor(list(numbers), device=like.device)
        self._rows = torch.arange(len(numbers), device=like.device)
        self.position = (of.layer.output[1] // 2, of.layer.output[2] // 2) if of.maps else (0, 0)
        self._at = self.position if of.maps else ()
        ends = normalise(torch.tensor([0, 255], dtype=torch.uint8).view(2, 1, 1, 1).expand(2, *card.shape), card)
        self._black, self._range = (ends[0].to(like), (ends[1] - ends[0]).to(like))
        field = of.layer.receptive_field if of.maps else min(network.input_shape[1:])
        large = min(field, *network.input_shape[1:]) > _SMALL
        self._jitter = max(1, round(field / 14)) if large else 0
        self._blur = large
        self._variation = _VARIATION if large else 0.0
        self._random = torch.Generator().manual_seed(SEED)

    def response(self, image: Tensor) -> Tensor:
        """Brightness (K, C, H, W), 0 to 1 → each one's own unit's response (K,)."""
        with torch.no_grad():
            return self._respond(image)

    def step(self, image: Tensor, number: int, left: float) -> Tensor:
        """One step up; ``left`` is the share of all steps that are still to be made, 1 to 0."""
        moved = self._moved(image, left)
        with torch.enable_grad():
            moved.requires_grad_()
            (slope,) = torch.autograd.grad(self._respond(moved).sum(), moved)
            (variation,) = torch.autograd.grad(_total_variation(moved).sum(), moved)
        moved, back = moved.detach(), self._shift
        seen = (slope != 0).flatten(1).sum(1).clamp(min=1).view(-1, 1, 1, 1)
        direction = _of_norm_one(slope) - self._variation * max(left, 0.15) * _of_norm_one(variation * (slope != 0))
        moved = (moved + _STEP * (0.1 + 0.9 * left) * seen.sqrt() * direction).clamp(0, 1)
        if self._blur and left > 0.3 and number % _BLUR_EVERY == _BLUR_EVERY - 1:
            moved = _blurred(moved, 0.8 * left)
        return torch.roll(moved, (-back[0], -back[1]), (2, 3))

    def _moved(self, image: Tensor, left: float) -> Tensor:
        most = round(self._jitter * left)
        drawn = torch.randint(-most, most + 1, (2,), generator=self._random).tolist()
        self._shift = (int(drawn[0]), int(drawn[1]))
        return torch.roll(image, self._shift, (2, 3))

    def _respond(self, image: Tensor) -> Tensor:
        outputs = self._part(self._black + self._range * image)
        responses: Tensor = outputs[(self._rows, self._chosen, *self._at)]
        return responses


def _of_norm_one(slope: Tensor) -> Tensor:
    """Each image's slope with norm 1; where it is 0 everywhere it stays so."""
    norms = slope.flatten(1).norm(dim=1).view(-1, 1, 1, 1)
    return torch.where(norms > 0, slope / norms.clamp(min=1e-12), torch.zeros_like(slope))


def _total_variation(image: Tensor) -> Tensor:
    """The squared differences of neighbouring pixels, (K, C, H, W) → (K,)."""
    down, right = image.diff(dim=2), image.diff(dim=3)
    return down.square().sum((1, 2, 3)) + right.square().sum((1, 2, 3))


def _blurred(image: Tensor, sigma: float) -> Tensor:
    """With a Gaussian of 5×5 pixels; beyond the edge the image is as at the edge."""
    weights = torch.tensor([math.exp(-(x * x) / (2 * sigma * sigma)) for x in (-2, -1, 0, 1, 2)]).to(image)
    weights = weights / weights.sum()
    channels = image.shape[1]
    padded = nn.functional.pad(image, (2, 2, 2, 2), mode="replicate")
    across = nn.functional.conv2d(padded, weights.view(1, 1, 1, 5).expand(channels, 1, 1, 5), groups=channels)
    return nn.functional.conv2d(across, weights.view(1, 1, 5, 1).expand(channels, 1, 5, 1), groups=channels)
