from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from explorer._torchvision import torchvision
from explorer.data import CARDS, as_tensor, black, normalise


@pytest.mark.parametrize("name", CARDS)
def test_normalise_is_torchvisions(name: str) -> None:
    card = CARDS[name]
    pixels = torch.arange(256, dtype=torch.uint8).reshape(4, 1, 8, 8)
    kept = pixels.clone()
    expected = torchvision.transforms.functional.normalize(pixels / 255, [card.mean], [card.std])
    result = normalise(pixels, card)
    assert result.dtype == torch.float32
    assert_close(result, expected)
    assert torch.equal(pixels, kept)


def test_each_channel_has_its_own_mean_and_deviation() -> None:
    card = replace(CARDS["mnist"], shape=(3, 4, 5), mean=(0.1, 0.2, 0.3), std=(0.5, 0.25, 1.0))
    pixels = torch.randint(0, 256, (2, 3, 4, 5), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    expected = torchvision.transforms.functional.normalize(pixels / 255, list(card.mean), list(card.std))
    assert_close(normalise(pixels, card), expected)
    assert_close(normalise(pixels[0], card), expected[0])
    assert black(card) == pytest.approx((-0.2, -0.8, -0.3))


def test_pixels_that_are_not_bytes_are_refused() -> None:
    with pytest.raises(TypeError, match=r"torch\.uint8"):
        normalise(torch.zeros(1, 1, 2, 2), CARDS["mnist"])


def test_memory_that_nobody_may_write_to_is_copied() -> None:
    array = np.frombuffer(b"\1\2\3\4", dtype=np.uint8)
    tensor = as_tensor(array)
    assert tensor.tolist() == [1, 2, 3, 4]
    tensor.zero_()
    assert array.tolist() == [1, 2, 3, 4]
