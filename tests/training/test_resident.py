"""The images that a step gets, against NumPy's indexing and the augmentation itself."""

from __future__ import annotations

import numpy as np
import torch
from training_helpers import run

from explorer.data import Dataset, black, normalise, split
from explorer.data.augment import augment
from explorer.spec import Augmentation
from explorer.training.batches import order, seed_of
from explorer.training.resident import Resident

CPU = torch.device("cpu")


def test_an_epoch_shows_every_training_image_once_in_its_order(digits: Dataset) -> None:
    spec = run(images=70, batch_size=30, epochs=2, seed=3)
    resident = Resident(spec, digits, CPU, pairs=False)
    chosen = split(digits, spec.data).train
    assert (len(resident), resident.steps_per_epoch) == (70, 3)
    assert [resident.size(step) for step in range(6)] == [30, 30, 10, 30, 30, 10]
    for epoch in (1, 0):
        batches = [resident.batch(3 * epoch + place) for place in range(3)]
        wanted = chosen[order(70, 3, epoch).numpy()]
        pixels = np.concatenate([(images.numpy() * 0.3081 + 0.1307) * 255 for images, _ in batches])
        np.testing.assert_allclose(pixels, digits.train.pixels[wanted], atol=1e-3)
        labels = np.concatenate([labels.numpy() for _, labels in batches])
        assert np.array_equal(labels, digits.train.labels[wanted])


def test_augmentation_differs_from_step_to_step_and_follows_from_the_seed(digits: Dataset) -> None:
    spec = run(images=20, batch_size=20, epochs=3, seed=3, augmentation=Augmentation(shift=2, rotate=20))
    resident = Resident(spec, digits, CPU, pairs=False)
    chosen = split(digits, spec.data).train
    changes = []
    for step in (0, 1, 2):
        images, _ = resident.batch(step)
        plain = normalise(torch.tensor(digits.train.pixels[chosen[order(20, 3, step).numpy()]]), digits.card)
        generator = torch.Generator().manual_seed(seed_of(3, "augmentation", step))
        wanted = augment(plain, spec.train.augmentation, generator, fill=black(digits.card))
        assert torch.equal(images, wanted)
        changes.append((images - plain).norm())
    assert len(set(changes)) == 3
    assert not torch.equal(seeded(0), seeded(1))
    validation = resident.images(resident.validation)
    held_out = split(digits, spec.data).validation
    assert torch.equal(validation, normalise(torch.tensor(digits.train.pixels[held_out]), digits.card))


def seeded(step: int) -> torch.Tensor:
    return torch.rand(5, generator=torch.Generator().manual_seed(seed_of(3, "augmentation", step)))
