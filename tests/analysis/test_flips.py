"""The smallest change that turns an answer, against a search that knows nothing of grids and halvings."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from scipy import ndimage
from torch import nn

from explorer import zoo
from explorer.analysis import evaluate, mistakes
from explorer.analysis.flips import CHANGES, DIRECTIONS, smallest
from explorer.data import load
from explorer.data.cards import CARDS
from explorer.errors import SpecError

CARD = CARDS["mnist"]
COARSE = {"shift": 12, "rotation": 20, "scale": 12, "noise": 12}


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """On a machine with other work, two threads that wait for each other are slower than one."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


class Bright(nn.Module):
    """Class 1 where a weighted sum of the brightness is at least ``limit``, else class 0: what turns it is known."""

    def __init__(self, weights: torch.Tensor, limit: float) -> None:
        super().__init__()
        self.weights, self.limit = nn.Parameter(weights, requires_grad=False), limit

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        brightness = inputs * CARD.std + CARD.mean
        total = (brightness * self.weights).sum((1, 2, 3)) - self.limit
        return torch.stack([torch.zeros_like(total), total], 1) * 5


def test_the_amount_found_is_where_it_is_known_to_turn() -> None:
    # A bright square whose mass must come to rest in the right half: it has to go there by half of its width, so that
    # its middle is on the border (column 14), from wherever it is.
    pixels = np.zeros((1, 28, 28), np.uint8)
    pixels[0, 10:14, 6:10] = 255  # its middle is column 8 (from the border of the first), 6 left of the middle
    weights = torch.zeros(1, 28, 28)
    weights[:, :, 14:] = 1
    weights[:, :, :14] = -1
    found = smallest(Bright(weights, 0.0), pixels, 1, CARD, "shift")
    assert found.turning is not None
    assert found.turning.amount == pytest.approx(6.0, abs=1e-3)
    assert found.turning.way == 0  # to the right
    assert found.turning.answer == 1
    assert found.amounts[0] == -12
    assert found.amounts[-1] == 12
    # Ink grows with the square of the scale.
    ones = torch.ones(1, 28, 28)
    larger = smallest(Bright(ones, 16 * 1.5**2), pixels, 1, CARD, "scale")
    assert larger.turning is not None
    assert larger.turning.amount == pytest.approx(1.5, rel=0.02)
    smaller = smallest(Bright(ones, 16 * 0.7**2), pixels, 0, CARD, "scale")
    assert smaller.turning is not None
    assert smaller.turning.amount == pytest.approx(0.7, rel=0.03)
    assert smaller.turning.way == 1
    # No turn whatever is done: only the square's ink is there.
    assert smallest(Bright(ones, 1e6), pixels, 1, CARD, "rotation").turning is None


@pytest.mark.parametrize("name", CHANGES)
def test_it_turns_there_not_just_before_and_no_coarse_search_finds_less(name: str) -> None:
    data = load("mnist")
    model = zoo.load("softmax")[1]
    pixels, labels = np.asarray(data.test.pixels[:300]), data.test.labels[:300]
    wrong = mistakes(evaluate(model, pixels, labels, CARD))[-2:]
    right = np.setdiff1d(np.arange(8), wrong)[:1]
    turned = 0
    for number in [*wrong.tolist(), *right.tolist()]:
        now = answer(model, pixels[number])
        wanted = int(labels[number]) if now != labels[number] else None
        found = smallest(model, pixels[number], wanted, CARD, name)
        change = found.change
        image = torch.tensor(pixels[number]).float() / 255

        def hit(class_: int, wanted: int | None = wanted, now: int = now) -> bool:
            return class_ != now if wanted is None else class_ == wanted

        probabilities = found.probabilities
        assert probabilities.shape == (len(found.amounts), 10)
        assert (np.diff(found.amounts) > 0).all()
        coarse = [
            (amount, way)
            for way in range(change.ways)
            for amount in np.linspace(0, change.most, COARSE[name] + 1)[1:].tolist()
            if hit(answer(model, change.make(image, way, torch.tensor([amount]))[0]))
        ]
        if found.turning is None:
            assert not coarse
            continue
        turned += 1
        size = abs(math.log(found.turning.amount)) if name == "scale" else abs(found.turning.amount)
        assert all(amount >= size - change.most / change.steps for amount, _ in coarse)
        assert hit(found.turning.answer)
        way = found.turning.way
        just = change.make(image, way, torch.tensor([size * (1 - 1e-4) - 1e-6]))[0]
        assert not hit(answer(model, just))
        there = change.make(image, way, torch.tensor([size + 1e-6]))[0]
        np.testing.assert_allclose(found.turning.picture / 255, there, atol=0.01)
        # The curve holds the very answers along this way.
        middle = len(found.amounts) // 2 if change.two_sided else 0
        np.testing.assert_allclose(probabilities[middle], shares(model, pixels[number]), atol=1e-5)
    assert turned


def answer(model: nn.Module, picture: np.ndarray | torch.Tensor) -> int:
    return int(shares(model, picture).argmax())


def shares(model: nn.Module, picture: np.ndarray | torch.Tensor) -> np.ndarray:
    brightness = picture if isinstance(picture, torch.Tensor) else torch.tensor(picture).float() / 255
    with torch.no_grad():
        return model((brightness[None] - CARD.mean) / CARD.std)[0].softmax(0).numpy()


def test_the_curve_of_a_shift_goes_through_its_direction_and_the_opposite_one() -> None:
    data, model = load("mnist"), zoo.load("softmax")[1]
    pixels = np.asarray(data.test.pixels[0])
    found = smallest(model, pixels, None, CARD, "shift")
    assert found.turning is not None
    angle = 2 * math.pi * found.turning.way / DIRECTIONS
    for amount, expected in zip(found.amounts[::6], found.probabilities[::6], strict=True):
        moved = ndimage.shift(
            pixels[0] / 255, (amount * math.sin(angle), amount * math.cos(angle)), order=1, mode="grid-constant"
        )
        np.testing.assert_allclose(shares(model, torch.tensor(moved[None]).float()), expected, atol=1e-3)


def test_the_network_comes_back_untouched_and_senseless_wishes_are_refused() -> None:
    data, model = load("mnist"), zoo.load("tiny")[1].train()
    before = copy.deepcopy(model.state_dict())
    pixels = np.asarray(data.test.pixels[0])
    smallest(model, pixels, None, CARD, "rotation")
    assert model.training
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    with pytest.raises(SpecError, match="already"):
        smallest(model, pixels, answer(model.eval(), pixels), CARD, "noise")
    with pytest.raises(SpecError, match="no change 'fog'; there are: shift"):
        smallest(model, pixels, None, CARD, "fog")
