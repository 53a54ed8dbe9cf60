"""Accuracy under every trial, counted again one image at a time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from explorer import zoo
from explorer.analysis import evaluate
from explorer.analysis.attacks import fgsm, pgd
from explorer.analysis.corruptions import corrupt
from explorer.analysis.robust import TRIALS, examples, robustness
from explorer.data import load
from explorer.errors import DataError, SpecError
from explorer.models import Network

COUNT = 30


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


@pytest.mark.parametrize("name", TRIALS)
def test_nothing_changed_is_evaluates_own_count_and_every_amount_is_counted(model: Network, name: str) -> None:
    data = load("mnist")
    pixels, labels = data.test.pixels[:COUNT], data.test.labels[:COUNT]
    numbers = np.arange(100, 100 + COUNT)
    told: list[float] = []
    found = robustness(model, pixels, labels, data.card, name, numbers=numbers, batch=13, progress=told.append)
    trial = TRIALS[name]
    assert found["levels"].tolist() == list(trial.levels)
    assert int(found["images"]) == COUNT
    assert found["correct"][trial.levels.index(trial.neutral)] == evaluate(model, pixels, labels, data.card).correct
    assert told == sorted(told)
    assert told[0] > 0
    assert told[-1] == pytest.approx(1)

    brightness, truth = torch.tensor(np.asarray(pixels)).float() / 255, torch.tensor(labels)
    standing = torch.ones(COUNT, dtype=torch.bool)
    for amount, correct in zip(trial.levels, found["correct"], strict=True):
        right = []
        for k in range(COUNT):
            image, label = brightness[k : k + 1], truth[k : k + 1]
            if amount == trial.neutral:
                pass
            elif name == "fgsm":
                image = fgsm(model, image, label, amount, data.card)
            elif name != "pgd":
                image = corrupt(image, name, amount, [int(numbers[k])])
            with torch.no_grad():
                right.append(int(model((image - data.card.mean) / data.card.std).argmax()) == int(label))
        if name == "pgd":  # its random start depends on who is attacked together
            part = torch.tensor(right)
            for first in range(0, COUNT, 13):
                left = (standing[first : first + 13]).nonzero()[:, 0] + first
                images = pgd(model, brightness[left], truth[left], amount, data.card) if amount else brightness[left]
                with torch.no_grad():
                    part[left] = model((images - data.card.mean) / data.card.std).argmax(1) == truth[left]
            standing = standing & part
            assert correct == int(standing.sum())
        else:
            assert correct == sum(right), amount
    if trial.attack:
        assert list(found["correct"]) == sorted(found["correct"], reverse=True)


def test_the_examples_are_the_pictures_and_answers_of_each_amount(model: Network) -> None:
    data = load("mnist")
    pixels = np.asarray(data.test.pixels[5])
    for name, trial in TRIALS.items():
        images, shares = examples(model, pixels, int(data.test.labels[5]), data.card, name, 5)
        assert images.shape == (len(trial.levels), *data.card.shape)
        place = trial.levels.index(trial.neutral)
        np.testing.assert_array_equal(images[place], pixels.astype(np.float32) / 255)
        whole = torch.tensor(pixels[None]).float() / 255
        if not trial.attack:
            expected = torch.cat([corrupt(whole, name, amount, [5]) for amount in trial.levels])
            np.testing.assert_allclose(images, expected, atol=1e-6)
        with torch.no_grad():
            logits = model((torch.tensor(images) - data.card.mean) / data.card.std)
        np.testing.assert_allclose(shares, logits.softmax(1), atol=1e-5)


def test_what_cannot_be_counted_is_refused(model: Network) -> None:
    data = load("mnist")
    pixels, labels = data.test.pixels[:3], data.test.labels[:3]
    with pytest.raises(SpecError, match="no trial 'fog'; there are: shift"):
        robustness(model, pixels, labels, data.card, "fog")
    for images, classes in ((pixels, labels[:2]), (pixels[:0], labels[:0])):
        with pytest.raises(DataError, match="at least one"):
            robustness(model, images, classes, data.card, "blur")


def test_a_cancelled_count_leaves_the_network_as_it_was() -> None:
    class Cancelled(Exception):  # noqa: N818
        pass

    def stop(_share: float) -> None:
        raise Cancelled

    data = load("mnist")
    model = zoo.load("tiny")[1].train()
    with pytest.raises(Cancelled):
        robustness(model, data.test.pixels[:5], data.test.labels[:5], data.card, "pgd", progress=stop)
    assert model.training
    assert not any(module._forward_hooks for module in model.modules())
