"""Inputs made by climbing: above the best test image, at the exact optimum where that is known, and nothing is left
behind."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from explorer import zoo
from explorer.analysis.exciting import exciting
from explorer.analysis.maximize import FRAMES, maximize
from explorer.data import find_card, load
from explorer.errors import SpecError
from explorer.models import Network

CARD = find_card("mnist")
KERNELS = (0, 5, 9)


def article() -> Network:
    return zoo.load("article")[1]


def alone(network: Network, image: np.ndarray, layers: int) -> torch.Tensor:
    x = (torch.tensor(image[None]) / 255 - CARD.mean) / CARD.std
    with torch.no_grad():
        for module in list(network)[:layers]:
            x = module(x)
    return x[0]


@pytest.mark.parametrize(("layer", "layers"), [("conv2", 4), ("output", 10)])
def test_a_made_input_excites_more_than_the_best_test_image(layer: str, layers: int) -> None:
    network, test = article(), load("mnist").test
    best = exciting(network, test.pixels[:100], test.labels[:100], CARD)[layer].values[list(KERNELS), 0]
    shares: list[float] = []
    found = maximize(network, layer, KERNELS, CARD, steps=64, progress=shares.append)
    assert (found.responses[-1] > best).all()
    assert (found.responses[-1] > found.responses[0]).all()
    assert (found.frames.min(), found.frames.max()) >= (0, 200)
    assert found.frames.max() <= 255
    assert len(found.steps) == len(found.frames) == FRAMES
    assert (found.steps[0], found.steps[-1], shares[-1]) == (0, 64, 1.0)
    row, column = found.position
    for frame in (0, FRAMES - 1):
        for place, number in enumerate(KERNELS):
            outputs = alone(network, found.frames[frame, place], layers)
            shown = outputs[number, row, column] if outputs.dim() == 3 else outputs[number]
            assert float(shown) == pytest.approx(found.responses[frame, place], rel=1e-4, abs=1e-4)


def test_in_the_first_layer_it_finds_the_best_of_all_inputs() -> None:
    network = article()
    found = maximize(network, "conv1", KERNELS, CARD, steps=128)
    weights = network.get_parameter("conv1.weight")[list(KERNELS)]
    bias = network.get_parameter("conv1.bias")[list(KERNELS)]
    white, black = (1 - CARD.mean) / CARD.std, -CARD.mean / CARD.std
    optimum = torch.where(weights > 0, weights * white, weights * black).sum((1, 2, 3)) + bias
    np.testing.assert_allclose(found.responses[-1], optimum.numpy(), rtol=0.03)


def test_it_is_the_same_each_time_and_leaves_the_network_as_it_was() -> None:
    network = article().train()
    for parameter in network.parameters():
        parameter.requires_grad_(True)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    one, two = (maximize(network, "conv2", [1], CARD, steps=12) for _ in range(2))
    np.testing.assert_array_equal(one.frames, two.frames)

    def cancel(share: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        maximize(network, "conv2", [1], CARD, progress=cancel)
    assert all(module.training for module in network.modules())
    assert not any(module._forward_hooks for module in network.modules())
    assert all(parameter.grad is None and parameter.requires_grad for parameter in network.parameters())
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())


def test_what_is_not_there_is_refused() -> None:
    for layer, numbers in (("relu1", [0]), ("conv1", []), ("conv1", [32]), ("conv1", [-1])):
        with pytest.raises(SpecError):
            maximize(article(), layer, numbers, CARD)
