"""The smallest change of one picture that turns a network's answer: shifted, turned, scaled, or with noise.

Found by trying a grid of amounts in every direction and halving the interval in front of the first amount that does it.
A turn that lies between two amounts of the grid and back again is not seen.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from explorer.analysis.capture import borrow
from explorer.analysis.corruptions import moved, noise, shifted, with_noise
from explorer.data.cards import DataCard
from explorer.data.tensors import as_tensor, standardise
from explorer.errors import SpecError

DIRECTIONS = 24
PATTERNS = 12
HALVINGS = 20
BATCH = 200

Make = Callable[[Tensor, int, Tensor], Tensor]


@dataclass(frozen=True)
class Change:
    """A kind of change along several ways (directions, patterns), each from nothing in ``steps`` steps up to ``most``.

    ``make(image (C, H, W), way, amounts (A,))`` gives the pictures (A, C, H, W). Where ``two_sided``, way w and way
    w + ways / 2 are opposite. ``shown`` gives amounts as one reads them, in ``unit``; negative ones go the other way.
    """

    name: str
    title: str
    unit: str
    ways: int
    most: float
    steps: int
    two_sided: bool
    make: Make
    shown: Callable[[np.ndarray], np.ndarray] = lambda amounts: amounts


@dataclass(frozen=True, eq=False)
class Turning:
    """Where the answer is the wanted one: the least ``amount`` found, as one reads it; the way that it lies on; the
    ``picture`` there, uint8 (C, H, W), and the network's probabilities for it, float32 (K,)."""

    amount: float
    way: int
    picture: np.ndarray
    probabilities: np.ndarray

    @property
    def answer(self) -> int:
        return int(self.probabilities.argmax())


@dataclass(frozen=True, eq=False)
class Flip:
    """The answers along the way on which the answer turns soonest, with the opposite one, if there is one, before it:
    ``amounts`` float64 (A,), rising, as one reads them, and ``probabilities`` float32 (A, K) there. ``turning`` is None
    where no amount tried did it."""

    change: Change
    amounts: np.ndarray
    probabilities: np.ndarray
    turning: Turning | None


def smallest(model: nn.Module, pixels: np.ndarray, wanted: int | None, card: DataCard, name: str) -> Flip:
    """The smallest change of a picture, uint8 (C, H, W), that makes the answer class ``wanted``, or, where that is
    None, any other than it is. Raises SpecError for an unknown kind, and where the answer is ``wanted`` already."""
    change = find(name)
    image = as_tensor(pixels).to(torch.float32).div(255)
    with borrow(model):
        (shares,) = _answer(model, image[None], card)
        now = int(shares.argmax())
        if wanted == now:
            raise SpecError("the answer is that class already: there is nothing to turn")

        def turned(answers: np.ndarray) -> np.ndarray:
            hits: np.ndarray = np.not_equal(answers, now) if wanted is None else np.equal(answers, wanted)
            return hits

        grid = torch.linspace(0, change.most, change.steps + 1)
        pictures = torch.cat([change.make(image, way, grid[1:]) for way in range(change.ways)])
        found = _answer(model, pictures, card).reshape(change.ways, change.steps, -1)
        # Every way begins with the picture as it is: (ways, steps + 1, K).
        ways = np.concatenate([np.broadcast_to(shares, (change.ways, 1, len(shares))), found], axis=1)
        hits = turned(ways.argmax(2))  # (ways, steps + 1)
        first = np.where(hits.any(1), hits.argmax(1), change.steps + 1)
        # Whatever turns at a later amount of the grid turns later.
        soonest = np.flatnonzero(hits.any(1) & (first == first.min()))
        between = (float(grid[first.min() - 1]), float(grid[first.min()])) if len(soonest) else (0.0, 0.0)
        ends = [_halve(model, image, change, int(way), between, card, turned) for way in soonest]
        turning = None
        if ends:
            way, amount = min(zip(soonest.tolist(), ends, strict=True), key=lambda found: found[1])
            picture = change.make(image, way, torch.tensor([amount]))
            opposite = change.two_sided and name != "shift" and way == 1
            turning = Turning(
                amount=float(change.shown(np.array(-amount if opposite else amount))),
                way=way,
                picture=(picture[0] * 255).round().byte().numpy(),
                probabilities=_answer(model, picture, card)[0],
            )
    forward = turning.way if turning and (name == "shift" or not change.two_sided) else 0
    amounts, probabilities = grid.double().numpy(), ways[forward]
    if change.two_sided:
        back = (forward + change.ways // 2) % change.ways
        amounts = np.concatenate([-amounts[:0:-1], amounts])
        probabilities = np.concatenate([ways[back][:0:-1], probabilities])
    return Flip(change, change.shown(amounts), probabilities, turning)


def pack(flip: Flip) -> dict[str, np.ndarray]:
    """A flip as arrays, by names that begin with its change's; :func:`unpack` is the inverse."""
    name, found = flip.change.name, flip.turning
    arrays = {f"{name}-amounts": flip.amounts, f"{name}-probabilities": flip.probabilities}
    if found is not None:
        arrays |= {
            f"{name}-amount": np.array(found.amount),
            f"{name}-way": np.array(found.way),
            f"{name}-picture": found.picture,
            f"{name}-there": found.probabilities,
        }
    return arrays


def unpack(arrays: Mapping[str, np.ndarray], name: str) -> Flip:
    """The flip of that change, from arrays as :func:`pack` gives them."""
    turning = None
    if f"{name}-amount" in arrays:
        picture, there = arrays[f"{name}-picture"], arrays[f"{name}-there"]
        turning = Turning(float(arrays[f"{name}-amount"]), int(arrays[f"{name}-way"]), picture, there)
    return Flip(find(name), arrays[f"{name}-amounts"], arrays[f"{name}-probabilities"], turning)


def find(name: str) -> Change:
    """The kind of change of that name. Raises SpecError with those that there are."""
    try:
        return CHANGES[name]
    except KeyError:
        raise SpecError(f"there is no change {name!r:.40}; there are: {', '.join(CHANGES)}") from None


def _halve(
    model: nn.Module,
    image: Tensor,
    change: Change,
    way: int,
    between: tuple[float, float],
    card: DataCard,
    turned: Callable[[np.ndarray], np.ndarray],
) -> float:
    """An amount at which the answer is turned, 2⁻²⁰ of the grid's step above one at which it is not; ``between`` are
    the grid's amounts before and behind the turn."""
    low, high = between
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        answers = _answer(model, change.make(image, way, torch.tensor([middle])), card).argmax(1)
        low, high = (low, middle) if turned(answers)[0] else (middle, high)
    return high


def _answer(model: nn.Module, brightness: Tensor, card: DataCard) -> np.ndarray:
    """Probabilities float32 (N, K)."""
    with torch.inference_mode():
        parts = [model(standardise(part, card)).double().softmax(1) for part in torch.split(brightness, BATCH)]
    return torch.cat(parts).float().numpy()


# --- the kinds ---


def _many(image: Tensor, amounts: Tensor) -> Tensor:
    return image.expand(len(amounts), *image.shape)


def _shift(image: Tensor, way: int, amounts: Tensor) -> Tensor:
    angle = 2 * math.pi * way / DIRECTIONS
    return shifted(_many(image, amounts), amounts * math.cos(angle), amounts * math.sin(angle))


def _rotate(image: Tensor, way: int, amounts: Tensor) -> Tensor:
    count = len(amounts)
    return moved(_many(image, amounts), amounts if way == 0 else -amounts, torch.ones(count), torch.zeros(count, 2))


def _scale(image: Tensor, way: int, amounts: Tensor) -> Tensor:
    count = len(amounts)
    factors = (amounts if way == 0 else -amounts).exp()
    return moved(_many(image, amounts), torch.zeros(count), factors, torch.zeros(count, 2))


def _noise(image: Tensor, way: int, amounts: Tensor) -> Tensor:
    return with_noise(image, noise(tuple(image.shape), [way]), amounts.view(-1, 1, 1, 1))


CHANGES: Mapping[str, Change] = {
    change.name: change
    for change in (
        Change("shift", "Shift", "pixels", DIRECTIONS, 12.0, 24, True, _shift),
        Change("rotation", "Rotation", "degrees, clockwise", 2, 90.0, 60, True, _rotate),
        Change("scale", "Scale", "times its size", 2, math.log(2.5), 40, True, _scale, np.exp),
        Change("noise", "Noise", "standard deviation", PATTERNS, 1.0, 40, False, _noise),
    )
}
