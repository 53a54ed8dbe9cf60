"""A section holds all that its numbers are made of: PyTorch, given its arrays alone, comes to the layer's output."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import working_models
from torch import nn
from torch.nn import functional as F

from explorer.analysis import activations
from explorer.analysis.capture import capture, to_input
from explorer.analysis.section import Section, section
from explorer.data.cards import CARDS
from explorer.errors import SpecError
from explorer.models import build
from explorer.modules import ChannelAffine
from explorer.presets import PRESETS
from explorer.shapes import trace
from explorer.spec import Activation, Conv, Dropout, GlobalAveragePool, Layer, ModelSpec, Output

CARD = CARDS["mnist"]
FUNCTIONS = {
    "relu": F.relu,
    "leaky_relu": F.leaky_relu,
    "gelu": F.gelu,
    "tanh": torch.tanh,
    "scaled_tanh": lambda x: 1.7159 * torch.tanh(2 * x / 3),
    "sigmoid": torch.sigmoid,
}


def by_torch(cut: Section) -> torch.Tensor:
    """The output of ``cut.layer`` for this map or unit, from the section's arrays and facts, in float64."""
    arrays = {name: torch.tensor(array, dtype=torch.float64) for name, array in cut.arrays.items()}
    facts = cut.facts
    match cut.kind:
        case "convolution":
            inputs, kernel = arrays["inputs"][None], arrays["kernel"][None]
            rest = facts["stride"] * cut.arrays["values"].shape[0] + kernel.shape[-1]  # more zeros than are ever needed
            padded = F.pad(inputs, (facts["pad"], rest, facts["pad"], rest))
            value = F.conv2d(padded, kernel, stride=facts["stride"])[0, 0] + (facts["bias"] or 0.0)
            value = value[: cut.arrays["values"].shape[0], : cut.arrays["values"].shape[1]]
        case "pooling":
            pool = F.max_pool2d if facts["mode"] == "max" else F.avg_pool2d
            value = pool(arrays["inputs"][None], tuple(facts["window"]), facts["stride"])[0, 0]
        case "dense":
            value = arrays["inputs"] @ arrays["weights"] + (facts["bias"] or 0.0)
        case _:
            value = arrays["inputs"][0]
    for step in facts["steps"] if cut.layer in [step["layer"] for step in facts["steps"]] else []:
        if step["op"] == "batch_norm":
            spread = (step["variance"] + step["epsilon"]) ** 0.5
            value = (value - step["mean"]) / spread * step["scale"] + step["shift"]
        elif step["op"] == "affine":
            value = value * step["scale"] + step["shift"]
        elif step["op"] == "activation":
            value = FUNCTIONS[step["function"]](value)
        if step["layer"] == cut.layer:
            break
    return value


@settings(max_examples=60)
@given(working_models(), st.integers(0, 2**31))
def test_every_layer_s_numbers_come_out_of_its_section(made: tuple[ModelSpec, tuple[int, int, int]], seed: int) -> None:
    model, shape = made
    layers = trace(model, shape, 2)
    network = build(model, shape, 2, seed=seed).eval()
    generator = torch.Generator().manual_seed(seed)
    for module in network:
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):  # as after training: no mean of 0, no variance of 1
            module.running_mean.uniform_(-0.5, 0.5, generator=generator)
            module.running_var.uniform_(0.5, 2.0, generator=generator)
        if isinstance(module, ChannelAffine):
            with torch.no_grad():
                module.weight.uniform_(-1.5, 1.5, generator=generator)
                module.bias.uniform_(-0.5, 0.5, generator=generator)
    image = torch.randn(shape, generator=generator)
    with torch.no_grad(), capture(network) as seen:
        network(image[None])
    outputs = {name: output[0].numpy() for name, output in seen.items()}
    for layer in layers:
        number = seed % layer.output[0]
        cut = section(network, layers, image.numpy(), outputs, layer.name, number)
        own = outputs[layer.name][number]
        np.testing.assert_allclose(np.squeeze(by_torch(cut).numpy()), np.squeeze(own), rtol=1e-4, atol=1e-5)
        np.testing.assert_array_equal(cut.arrays["values"], own if own.ndim else outputs[layer.name])


def test_the_steps_after_a_layer_are_shown_with_it_and_its_origin_is_named() -> None:
    model = PRESETS["article"].model
    layers = trace(model, CARD.shape, 10)
    network = build(model, CARD.shape, 10, seed=0).eval()
    pixels = np.zeros(CARD.shape, np.uint8)
    outputs = activations(network, pixels, CARD)
    image = to_input(network, pixels[None], CARD)[0].numpy()
    conv = section(network, layers, image, outputs, "conv2", 3)
    assert (conv.kind, conv.base, [step["layer"] for step in conv.facts["steps"]]) == (
        "convolution",
        "conv2",
        ["relu2"],
    )
    assert conv.arrays["inputs"].shape == (32, 13, 13)
    dense = section(network, layers, image, outputs, "dense1", 5)
    assert dense.facts["origin"] == {"layer": "pool2", "shape": [64, 5, 5], "means": False}
    assert "maps" not in dense.arrays
    output = section(network, layers, image, outputs, "output", 9)
    assert output.arrays["logits"].shape == (10,)
    assert output.facts["origin"] is None, "its inputs are units"


@pytest.mark.parametrize(
    "first", [(Conv(kernels=3, kernel_size=3), Activation()), ()], ids=["maps", "the digit itself"]
)
def test_means_of_maps_come_with_the_maps(first: tuple[Layer, ...]) -> None:
    model = ModelSpec(layers=(*first, GlobalAveragePool(), Dropout(), Output()))
    layers = trace(model, CARD.shape, 10)
    network = build(model, CARD.shape, 10, seed=0).eval()
    pixels = np.random.default_rng(0).integers(0, 256, CARD.shape).astype(np.uint8)
    image = to_input(network, pixels[None], CARD)[0].numpy()
    cut = section(network, layers, image, activations(network, pixels, CARD), "output", 4)
    maps = cut.arrays["maps"]
    shape = (3, 26, 26) if first else (1, 28, 28)
    assert cut.facts["origin"] == {"layer": "relu1" if first else "input", "shape": [*shape], "means": True}
    assert maps.shape == shape
    np.testing.assert_allclose(maps.mean(axis=(1, 2)), cut.arrays["inputs"], rtol=1e-5)


@pytest.mark.parametrize(("layer", "number", "says"), [("conv9", 0, "no layer named"), ("conv1", 32, "32 outputs")])
def test_what_does_not_exist_is_refused(layer: str, number: int, says: str) -> None:
    model = PRESETS["article"].model
    layers = trace(model, CARD.shape, 10)
    network = build(model, CARD.shape, 10, seed=0).eval()
    outputs = activations(network, np.zeros(CARD.shape, np.uint8), CARD)
    with pytest.raises(SpecError, match=says):
        section(network, layers, np.zeros(CARD.shape, np.float32), outputs, layer, number)
