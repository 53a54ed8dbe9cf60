"""The fast order of layers gives the same bits as the network itself, forwards and backwards."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from explorer.models import Network, build
from explorer.presets import PRESETS
from explorer.spec import Activation, Conv, Flatten, ModelSpec, Output, Pool
from explorer.training.forward import Forward


def both(network: Network, images: torch.Tensor) -> list[list[torch.Tensor]]:
    network.to(memory_format=torch.channels_last)
    images = images.contiguous(memory_format=torch.channels_last)
    results = []
    for call in (network, Forward(network)):
        network.zero_grad()
        torch.manual_seed(0)
        logits = call(images)
        nn.functional.cross_entropy(logits, torch.arange(len(images)) % 10).backward()
        gradients = [parameter.grad.clone() for parameter in network.parameters() if parameter.grad is not None]
        results.append([logits.detach(), *gradients])
    return results


@pytest.mark.parametrize("name", ["article", "vgg", "mlp"])
def test_presets_give_the_same_bits(name: str) -> None:
    images = torch.randn(12, 1, 28, 28)
    plain, fast = both(build(PRESETS[name].model, (1, 28, 28), 10, seed=1), images)
    assert len(plain) > 4
    assert all(torch.equal(one, other) for one, other in zip(plain, fast, strict=True))


@pytest.mark.parametrize(("size", "stride"), [(2, 2), (3, 2), (3, 1), (2, 3)])
def test_ties_and_overlapping_windows_give_the_same_bits(size: int, stride: int) -> None:
    model = ModelSpec(
        layers=(Conv(kernels=5, kernel_size=3), Activation(), Pool(size=size, stride=stride), Flatten(), Output())
    )
    network = build(model, (1, 28, 28), 10, seed=2)
    # Few different numbers: windows full of ties, also above 0, and windows that ReLU empties.
    images = torch.randint(-1, 2, (9, 1, 28, 28)).float()
    with torch.no_grad():
        network.conv1.weight.copy_(network.conv1.weight.sign())
        network.conv1.bias.copy_(torch.tensor([-2.0, -1, 0, 1, 2]))
    plain, fast = both(network, images)
    assert all(torch.equal(one, other) for one, other in zip(plain, fast, strict=True))
    assert plain[1].abs().sum() > 0


def test_images_lie_in_memory_as_is_asked_for() -> None:
    images = torch.randn(2, 3, 8, 8)
    layers = (Conv(kernels=4, kernel_size=3), Flatten(), Output())
    network = build(ModelSpec(layers=layers), (3, 8, 8), 10)
    seen: list[torch.Tensor] = []
    network[0].register_forward_hook(lambda _module, given, _result: seen.append(given[0]))
    for forward in (Forward(network), Forward(network, "channels_first")):
        forward(images)
    last, first = seen
    assert last.is_contiguous(memory_format=torch.channels_last)
    assert first.is_contiguous()
    dense = build(ModelSpec(layers=(Flatten(), Output())), (3, 8, 8), 10)
    assert Forward(dense).memory_format == torch.contiguous_format


def test_only_relu_before_max_pooling_is_moved() -> None:
    layers = (
        Conv(kernels=2, kernel_size=3),
        Activation(function="gelu"),
        Pool(),
        Activation(),
        Pool(mode="average"),
        Activation(),
        Pool(),
        Flatten(),
        Output(),
    )
    network = build(ModelSpec(layers=layers), (1, 28, 28), 10)
    names = {id(module): name for name, module in network.named_children()}
    moved = [names[id(layer)] for layer in Forward(network).layers]
    assert moved == ["conv1", "gelu1", "pool1", "relu1", "pool2", "pool3", "relu2", "flatten", "output"]
