"""The images that excite kernels most, against a plain loop over single forward passes, and their patches against
NumPy slicing of a padded image."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from explorer.analysis.exciting import QUANTILES, TOP, Exciting, exciting
from explorer.analysis.units import find, patch, units
from explorer.data import find_card
from explorer.errors import DataError, SpecError
from explorer.models import Network, build
from explorer.spec import Activation, BatchNorm, Conv, Dense, Flatten, ModelSpec, Output, Pool

CARD = find_card("mnist")
SPEC = ModelSpec(
    layers=(
        Conv(kernels=3, kernel_size=4, stride=2, padding=2),
        BatchNorm(),
        Activation(function="relu"),
        Pool(mode="max", size=2, stride=2),
        Conv(kernels=4, kernel_size=2, padding="same"),
        Activation(function="tanh"),
        Flatten(),
        Dense(units=5),
        Activation(function="relu"),
        Output(),
    )
)
ENDS = {"conv1": 1, "conv2": 4, "dense1": 7, "output": 9}


def a_network() -> Network:
    network = build(SPEC, CARD.shape, 10, seed=3)
    norm = network[1]
    assert isinstance(norm, nn.BatchNorm2d)
    with torch.no_grad():
        norm.running_mean.uniform_(-0.5, 0.5, generator=torch.Generator().manual_seed(1))
        norm.bias[1] = -1000.0  # kernel 1 is dead
        network.get_parameter("conv2.weight")[2] = 0.0  # always the same
    return network.eval()


def some_digits(count: int = 40) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    return random.integers(0, 256, (count, *CARD.shape), np.uint8), random.integers(0, 9, count)


def alone(network: Network, image: np.ndarray, layer: str) -> np.ndarray:
    """The response of a layer to one image, by PyTorch's own modules one after the other: (K, H, W) or (K,)."""
    x = (torch.tensor(image[None]).float() / 255 - CARD.mean) / CARD.std
    with torch.no_grad():
        for module in list(network)[: ENDS[layer] + 1]:
            x = module(x)
    return x[0].numpy()


def test_the_nine_best_are_those_of_a_plain_loop() -> None:
    network, (pixels, labels) = a_network(), some_digits()
    shares: list[float] = []
    found = exciting(network, pixels, labels, CARD, batch=7, progress=shares.append)
    assert list(found) == list(ENDS)
    assert shares[-1] == 1.0
    assert shares == sorted(shares)
    for name, one in found.items():
        maps = np.stack([alone(network, image, name) for image in pixels])
        best = maps.reshape(*maps.shape[:2], -1).max(2)  # (N, K)
        for kernel in range(maps.shape[1]):
            expected = sorted(best[:, kernel].tolist(), reverse=True)[:TOP]
            np.testing.assert_allclose(one.values[kernel], expected, rtol=1e-5, atol=1e-5)
            for image, value, (row, column) in zip(
                one.images[kernel], one.values[kernel], one.positions[kernel], strict=True
            ):
                there = maps[image, kernel, row, column] if maps.ndim == 4 else maps[image, kernel]
                np.testing.assert_allclose(there, value, rtol=1e-5, atol=1e-5)
            for number in range(10):
                of_class = best[labels == number, kernel]
                if len(of_class):
                    np.testing.assert_allclose(
                        one.quantiles[kernel, number], np.quantile(of_class, QUANTILES), rtol=1e-4, atol=1e-4
                    )
                    assert one.active[kernel, number] == pytest.approx((of_class > 0).mean())
                else:
                    assert np.isnan(one.quantiles[kernel, number]).all()
                    assert np.isnan(one.active[kernel, number])
        back = Exciting.of(one.arrays(name), name)
        np.testing.assert_array_equal(back.positions, one.positions)


def test_dead_are_those_whose_response_says_nothing() -> None:
    network, (pixels, labels) = a_network(), some_digits()
    found = exciting(network, pixels, labels, CARD)
    assert found["conv1"].dead.tolist() == [False, True, False]
    assert found["conv2"].dead.tolist() == [False, False, True, False]  # tanh: only what is always the same
    assert not found["output"].dead.any()


@pytest.mark.parametrize("name", ["conv1", "conv2"])
def test_a_patch_is_all_that_a_response_depends_on(name: str) -> None:
    network, (pixels, _) = a_network(), some_digits(1)
    layer = find(network, name).layer
    side, around = layer.receptive_field, 40
    padded = np.full((1, 28 + 2 * around, 28 + 2 * around), np.nan, np.float32)
    padded[:, around:-around, around:-around] = pixels[0]
    before = alone(network, pixels[0], name)
    for row, column in [(0, 0), (layer.output[1] - 1, layer.output[2] - 1), (2, 3)]:
        seen = patch(pixels[0], layer, row, column)
        top, left = (around + layer.offset + place * layer.jump for place in (row, column))
        np.testing.assert_array_equal(seen, padded[:, top : top + side, left : left + side])
        changed = 255 - pixels[0]  # all the rest is another image, and the response stays the same
        rows, columns = (slice(max(0, first - around), first - around + side) for first in (top, left))
        changed[:, rows, columns] = pixels[0, :, rows, columns]
        after = alone(network, changed, name)
        np.testing.assert_allclose(after[:, row, column], before[:, row, column], rtol=1e-5, atol=1e-5)


def test_a_patch_may_lie_in_the_padding_alone() -> None:
    layers = (Conv(kernels=1, kernel_size=3, padding=5), Flatten(), Output())
    layer = find(build(ModelSpec(layers=layers), CARD.shape, 10), "conv1").layer
    pixels = some_digits(1)[0][0]
    last = layer.output[1] - 1
    for row, column in [(0, 0), (last, last), (last, 10), (10, last), (0, last)]:
        assert np.isnan(patch(pixels, layer, row, column)).all()


def test_a_dense_unit_sees_the_whole_image() -> None:
    pixels = some_digits(1)[0]
    np.testing.assert_array_equal(patch(pixels[0], find(a_network(), "dense1").layer, 0, 0), pixels[0])


def test_the_network_comes_back_untouched_also_when_cancelled() -> None:
    network, (pixels, labels) = a_network().train(), some_digits()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}

    def cancel(share: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        exciting(network, pixels, labels, CARD, progress=cancel)
    assert network.training
    assert not any(module._forward_hooks for module in network.modules())
    assert all(parameter.grad is None and parameter.requires_grad for parameter in network.parameters())
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())


def test_what_makes_no_sense_is_refused() -> None:
    with pytest.raises(DataError, match="give at least one"):
        exciting(a_network(), *(part[:0] for part in some_digits()), CARD)
    with pytest.raises(SpecError, match="these layers have: conv1, conv2, dense1, output"):
        find(a_network(), "pool1")
    assert [each.word for each in units(a_network())] == ["kernel", "kernel", "unit", "class"]
