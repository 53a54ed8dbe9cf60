"""Attacks against a plain loop written from the papers, and what they promise: the bound, and a loss that rises."""

from __future__ import annotations

import copy
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from explorer import zoo
from explorer.analysis.attacks import SEED, fgsm, pgd
from explorer.data import load
from explorer.data.cards import CARDS
from explorer.models import Network

CARD = CARDS["mnist"]
COUNT = 12


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """On a machine with other work, two threads that wait for each other are slower than one."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def model() -> Network:
    return zoo.load("softmax")[1]


@pytest.fixture(scope="module")
def images() -> tuple[Tensor, Tensor]:
    test = load("mnist").test
    return torch.tensor(np.asarray(test.pixels[:COUNT])).float() / 255, torch.tensor(test.labels[:COUNT])


def logits_of(model: nn.Module, brightness: Tensor) -> Tensor:
    return model((brightness - CARD.mean) / CARD.std)


def losses(model: nn.Module, brightness: Tensor, labels: Tensor) -> Tensor:
    with torch.no_grad():
        return F.cross_entropy(logits_of(model, brightness), labels, reduction="none")


def one_step(model: nn.Module, image: Tensor, label: Tensor, size: float) -> Tensor:
    """An image (1, C, H, W) with ``size`` added in every pixel where the loss rises with it, taken away where it falls,
    by autograd on this image alone."""
    image = image.clone().requires_grad_()
    F.cross_entropy(logits_of(model, image), label).backward()
    assert image.grad is not None
    return (image + size * image.grad.sign()).detach()


def test_fgsm_is_one_step_by_the_gradients_sign(model: Network, images: tuple[Tensor, Tensor]) -> None:
    brightness, labels = images
    found = fgsm(model, brightness, labels, 0.1, CARD)
    for k in range(COUNT):
        expected = one_step(model, brightness[k : k + 1], labels[k : k + 1], 0.1).clamp(0, 1)
        torch.testing.assert_close(found[k : k + 1], expected, atol=1e-6, rtol=0)
    # The loss of a linear model is convex: a step up its gradient raises it.
    assert (losses(model, found, labels) >= losses(model, brightness, labels)).all()


def test_pgd_is_the_papers_loop_image_by_image(model: Network, images: tuple[Tensor, Tensor]) -> None:
    brightness, labels = images
    epsilon, steps = 0.06, 7
    found = pgd(model, brightness, labels, epsilon, CARD, steps=steps)
    generator = torch.Generator().manual_seed(SEED)
    noise = (torch.rand(brightness.shape, generator=generator) * 2 - 1) * epsilon
    for k in range(COUNT):
        original, label = brightness[k : k + 1], labels[k : k + 1]
        best, image = original, (original + noise[k]).clamp(0, 1)
        for step in range(steps + 1):
            if int(logits_of(model, best).argmax()) != int(label):
                break
            if int(logits_of(model, image).argmax()) != int(label) or losses(model, image, label) > losses(
                model, best, label
            ):
                best = image
            if step < steps:
                image = one_step(model, image, label, 2.5 * epsilon / steps)
                image = torch.clamp(image, original - epsilon, original + epsilon).clamp(0, 1)
        torch.testing.assert_close(found[k : k + 1], best, atol=2e-6, rtol=0)


@pytest.mark.parametrize("name", ["lenet5", "tiny"])
@pytest.mark.parametrize("epsilon", [0.05, 0.2])
def test_no_pixel_goes_further_than_allowed_and_the_attack_gains(
    images: tuple[Tensor, Tensor], name: str, epsilon: float
) -> None:
    brightness, labels = images
    model = zoo.load(name)[1]
    before, right = losses(model, brightness, labels), logits_of(model, brightness).argmax(1) == labels
    survivors = []
    for attack in (fgsm, pgd):
        found = attack(model, brightness, labels, epsilon, CARD)
        assert float((found - brightness).abs().max()) <= epsilon + 1e-6
        assert 0 <= float(found.min()) <= float(found.max()) <= 1
        assert not found.requires_grad
        still = logits_of(model, found).argmax(1) == labels
        if attack is pgd:
            # It ends at the first wrong answer; where it finds none, the loss is no lower than before.
            assert (~still | (losses(model, found, labels) >= before - 1e-6)).all()
            assert torch.equal(found[~right], brightness[~right])
        survivors.append(int(still.sum()))
    assert survivors[1] <= survivors[0]  # many small steps find what one large step misses


def test_the_network_comes_back_untouched_also_after_an_error(images: tuple[Tensor, Tensor]) -> None:
    brightness, labels = images
    model = copy.deepcopy(zoo.load("tiny")[1]).train().requires_grad_(True)
    before = copy.deepcopy(model.state_dict())
    wrong = torch.full_like(labels, 99)
    for attack in (fgsm, pgd):
        attack(model, brightness[:4], labels[:4], 0.1, CARD)
        with pytest.raises((IndexError, RuntimeError)):
            attack(model, brightness, wrong, 0.1, CARD)
    assert model.training
    assert all(parameter.grad is None and parameter.requires_grad for parameter in model.parameters())
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
