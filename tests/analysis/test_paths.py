"""Every term of every layer against PyTorch in float64: sums, slopes by autograd, gradient × input, and plain loops."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import noise, run
from strategies import working_models
from torch import Tensor, nn

from explorer.analysis import paths
from explorer.analysis.attribution import ACTIVATIONS
from explorer.analysis.capture import activations
from explorer.analysis.terms import INPUT, Constant, Terms, secant, terms, window
from explorer.data.cards import CARDS
from explorer.errors import SpecError
from explorer.models import Network, build, load_weights
from explorer.presets import PRESETS
from explorer.shapes import repair
from explorer.spec import Activation, BatchNorm, Conv, Dense, Flatten, GlobalAveragePool, ModelSpec, Output, Pool

CARD = CARDS["mnist"]
Working = tuple[ModelSpec, tuple[int, int, int]]


def prepared(working: Working, classes: int = 3) -> tuple[Network, dict[str, np.ndarray]]:
    """A network in float64 with random statistics and weights, and a plain run's outputs for one image."""
    spec, shape = working
    weights: dict[str, Tensor] = {}
    image = noise(1, *shape)
    outputs = run(spec, image, classes, weights)
    network = build(spec, shape, classes, seed=0).double().eval()
    load_weights(network, weights)
    return network, {INPUT: image[0].numpy(), **{name: values[0].numpy() for name, values in outputs.items()}}


def some_index(values: np.ndarray, draw: Any) -> tuple[int, ...]:
    return tuple(draw(st.integers(0, size - 1)) for size in values.shape)


def gains(network: Network, outputs: dict[str, np.ndarray], logit: int) -> tuple[dict[str, np.ndarray], float]:
    """By brute force over all terms: each position's summed products of weights down from a logit, and the parts of all
    constants together."""
    found = {name: np.zeros(values.shape) for name, values in outputs.items()}
    found["output"][logit] = 1.0
    constants = 0.0
    for layer in reversed([name for name, _ in network.named_children()]):
        for index in zip(*np.nonzero(found[layer]), strict=True):
            made = terms(network, outputs, layer, index)
            gain = found[layer][index]
            constants += gain * sum(constant.value for constant in made.constants)
            for term, weight in enumerate(made.weights):
                position = made.position(term)
                if position is not None:
                    found[made.source][position[1]] += gain * weight
    return found, constants


# --- terms ----------------------------------------------------------------------------------------------------------


@settings(max_examples=120)
@given(working_models(), st.data())
def test_the_terms_of_any_value_of_any_layer_make_pytorchs_value(working: Working, data: st.DataObject) -> None:
    network, outputs = prepared(working)
    for layer, module in network.named_children():
        index = some_index(outputs[layer], data.draw)
        found = terms(network, outputs, layer, index)
        expected = float(outputs[layer][index])
        size = np.abs(found.products).sum() + sum(abs(constant.value) for constant in found.constants)
        assert found.value == expected
        assert found.total == pytest.approx(expected, rel=1e-9, abs=1e-9 * (size or 1.0))
        assert len(found.weights) == len(found.values) == len(found.padding) == np.prod(found.shape)
        for term in range(len(found.weights)):
            position = found.position(term)
            if position is None:
                assert isinstance(module, nn.Conv2d)
                assert found.values[term] == 0
            else:
                assert position[0] == found.source
                assert found.values[term] == outputs[found.source][position[1]]
                assert found.find(position) == term


@settings(max_examples=60)
@given(working_models(), st.data())
def test_the_weights_of_linear_layers_and_winners_are_their_slopes(working: Working, data: st.DataObject) -> None:
    """Autograd knows, for each layer by itself, how an output depends on each of its inputs."""
    network, outputs = prepared(working)
    for layer, module in network.named_children():
        if isinstance(module, ACTIVATIONS):
            continue
        index = some_index(outputs[layer], data.draw)
        found = terms(network, outputs, layer, index)
        below = torch.tensor(outputs[found.source][None], requires_grad=True)
        (slopes,) = torch.autograd.grad(module(below)[(0, *index)], below)
        weights = np.zeros(below.shape[1:])
        inside = ~found.padding
        weights[tuple(found.positions[inside].T)] = found.weights[inside]
        np.testing.assert_allclose(weights, slopes[0].numpy(), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("padding", ["same", "valid", 2])
@pytest.mark.parametrize(("size", "stride"), [(4, 1), (4, 3), (3, 2), (1, 1)])
def test_a_convolutions_terms_are_the_patch_the_kernel_and_the_zeros_around(
    padding: Any, size: int, stride: int
) -> None:
    layer = Conv(kernels=2, kernel_size=size, stride=stride, padding=padding)
    network, outputs = prepared((ModelSpec(layers=(layer, Flatten(), Output())), (2, 6, 7)))
    before, after = {"same": ((size - 1) // 2, size // 2), "valid": (0, 0), 2: (2, 2)}[padding]
    padded = np.pad(outputs[INPUT], ((0, 0), (before, after), (before, after)), constant_values=np.nan)
    weight = network.get_parameter("conv1.weight").detach().numpy()
    for kernel, row, column in np.ndindex(outputs["conv1"].shape):
        found = terms(network, outputs, "conv1", (kernel, row, column))
        patch = padded[:, row * stride : row * stride + size, column * stride : column * stride + size]
        np.testing.assert_array_equal(np.where(found.padding, np.nan, found.values).reshape(found.shape), patch)
        np.testing.assert_array_equal(found.weights.reshape(found.shape), weight[kernel])
        assert [constant.name for constant in found.constants] == ["bias"]


def test_a_maximum_is_its_winner_alone_and_the_first_of_equals_wins() -> None:
    network = build(ModelSpec(layers=(Pool(size=2, stride=2), Flatten(), Output())), (1, 4, 4), 2, seed=0).double()
    image = torch.zeros(1, 1, 4, 4, dtype=torch.double)
    image[0, 0, 0, 1] = image[0, 0, 1, 0] = 5.0
    image.requires_grad_()
    pooled = network.pool1(image)
    (slopes,) = torch.autograd.grad(pooled[0, 0, 0, 0], image)
    outputs = {INPUT: image.detach()[0].numpy(), "pool1": pooled.detach()[0].numpy()}
    found = terms(network, outputs, "pool1", (0, 0, 0))
    assert found.position(0) == (INPUT, (0, 0, 1))
    assert float(slopes[0, 0, 0, 1]) == 1.0
    assert found.single
    rows, columns = window(2, 2, (0, 1, 0))
    assert (rows.start, rows.stop, columns.start, columns.stop) == (2, 4, 0, 2)


@pytest.mark.parametrize(
    ("module", "slope", "rest"),
    [
        (nn.ReLU(), 0.0, 0.0),
        (nn.LeakyReLU(), 0.01, 0.0),
        (nn.GELU(), 0.5, 0.0),
        (nn.Tanh(), 1.0, 0.0),
        (nn.Sigmoid(), 0.25, 0.5),
    ],
)
def test_an_activation_is_its_secant_and_at_zero_its_slope(module: nn.Module, slope: float, rest: float) -> None:
    for z in (-3.0, -1e-5, 0.2, 4.0, 30.0):
        value = float(module(torch.tensor(z, dtype=torch.double)))
        found, constants = secant(module, z, value)
        assert found * z == pytest.approx(value, rel=1e-12)
        assert constants == ()
    found, constants = secant(module, 0.0, float(module(torch.tensor(0.0))))
    assert found == pytest.approx(slope)
    assert constants == ((Constant("f(0)", rest),) if rest else ())
    tiny = 1e-310  # 0.5 / 1e-310 is no number
    value = float(module(torch.tensor(tiny, dtype=torch.double)))
    found, constants = secant(module, tiny, value)
    assert found * tiny + sum(constant.value for constant in constants) == pytest.approx(value)


# --- paths ----------------------------------------------------------------------------------------------------------


@settings(max_examples=60)
@given(working_models(), st.integers(0, 2), st.data())
def test_a_path_explains_the_logit_times_the_shares_along_it_and_no_step_loses_any(
    working: Working, logit: int, data: st.DataObject
) -> None:
    network, outputs = prepared(working)
    path: paths.Path = (("output", (logit,)),)
    while path[-1][0] != INPUT:
        found = terms(network, outputs, *path[-1])
        inside = np.flatnonzero(~found.padding)
        if not len(inside):
            break
        position = found.position(int(data.draw(st.sampled_from(inside.tolist()))))
        assert position is not None
        path = (*path, position)
    walked = paths.walk(network, outputs, path)
    assert walked.end == path[-1]
    whole = float(outputs["output"][logit])
    share = 1.0
    above = whole
    for number, step in enumerate(walked.steps):
        rest = step.gain * sum(constant.value for constant in step.terms.constants)
        size = np.abs(step.parts).sum() + abs(rest)
        assert step.part == pytest.approx(above, rel=1e-9, abs=1e-12)
        assert step.parts.sum() + rest == pytest.approx(step.part, rel=1e-9, abs=1e-9 * (size or 1.0))
        if number + 1 < len(path):
            term = step.terms.find(path[number + 1])
            above = float(step.parts[term])
            if step.terms.value:
                share *= step.terms.products[term] / step.terms.value
    assert walked.part == pytest.approx(above if walked.end[0] == INPUT else walked.part, rel=1e-9, abs=1e-12)
    if all(step.terms.value for step in walked.steps) and walked.end[0] == INPUT:
        assert walked.part == pytest.approx(whole * share, rel=1e-6, abs=1e-12)


SMALL_MAPS = (
    Conv(kernels=3, kernel_size=3, stride=2, padding="same"),
    BatchNorm(),
    Activation(),
    Conv(kernels=2, kernel_size=2, padding=1, bias=False),
    Activation(function="relu"),
)


@pytest.mark.parametrize("bridge", [(Pool(), Flatten()), (Pool(mode="average", size=3, stride=1), GlobalAveragePool())])
def test_with_relu_all_paths_together_are_gradient_times_input(bridge: tuple[Any, ...]) -> None:
    """LRP-0 of a network of ReLUs is gradient × input (Shrikumar et al. 2016), and what is left are the biases."""
    spec = ModelSpec(layers=(*SMALL_MAPS, *bridge, Dense(units=4), Activation(), Output()))
    network, outputs = prepared((spec, (2, 7, 6)))
    image = torch.tensor(outputs[INPUT][None], requires_grad=True)
    (slopes,) = torch.autograd.grad(network(image)[0, 1], image)
    found, constants = gains(network, outputs, 1)
    np.testing.assert_allclose(found[INPUT], slopes[0].numpy(), rtol=1e-9, atol=1e-12)
    pixels = float((found[INPUT] * outputs[INPUT]).sum())
    assert pixels + constants == pytest.approx(float(outputs["output"][1]), rel=1e-9)


@pytest.mark.parametrize("function", ["leaky_relu", "gelu", "tanh", "scaled_tanh", "sigmoid"])
def test_with_any_activation_all_pixels_and_constants_together_are_the_logit(function: Any) -> None:
    layers = [Activation(function=function) if isinstance(one, Activation) else one for one in SMALL_MAPS]
    spec = ModelSpec(layers=(*layers, Pool(), Flatten(), Dense(units=4), Activation(function=function), Output()))
    network, outputs = prepared((spec, (1, 7, 6)))
    found, constants = gains(network, outputs, 0)
    total = float((found[INPUT] * outputs[INPUT]).sum()) + constants
    assert total == pytest.approx(float(outputs["output"][0]), rel=1e-9)


@settings(max_examples=30)
@given(working_models(), st.integers(0, 2))
def test_following_the_strongest_takes_the_largest_term_of_the_values_own_sign(working: Working, logit: int) -> None:
    network, outputs = prepared(working)
    path = paths.follow(network, outputs, (("output", (logit,)),))
    walked = paths.walk(network, outputs, path)
    assert walked.end[0] == INPUT or walked.steps[-1].terms.padding.all()
    for step, following in zip(walked.steps, path[1:], strict=False):
        products = step.terms.products[~step.terms.padding]
        taken = step.terms.products[step.terms.find(following)]
        assert taken == (products.min() if step.terms.value < 0 else products.max())


def test_gliding_stops_at_the_next_choice() -> None:
    network = build(PRESETS["article"].model, CARD.shape, 10, seed=3).eval()
    image = np.random.default_rng(0).integers(0, 256, CARD.shape, dtype=np.uint8)
    outputs = paths.with_input(network, activations(network, image, CARD), image, CARD)
    path = paths.glide(network, outputs, (("output", (3,)), ("relu3", (7,))))
    assert [layer for layer, _ in path] == ["output", "relu3", "dense1"]
    first = paths.strongest(terms(network, outputs, *path[-1]))
    assert first is not None
    path = paths.glide(network, outputs, (*path, first))
    assert [layer for layer, _ in path][3:] == ["flatten", "pool2", "relu2", "conv2"]
    followed = paths.follow(network, outputs, path)
    assert [layer for layer, _ in followed][6:] == ["conv2", "pool1", "relu1", "conv1", INPUT]
    assert outputs[INPUT][followed[-1][1]] == pytest.approx((image[followed[-1][1]] / 255 - 0.1307) / 0.3081, rel=1e-5)


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_in_float32_to_a_hundred_thousandth(name: str) -> None:
    network = build(PRESETS[name].model, CARD.shape, 10, seed=1).eval()
    image = np.random.default_rng(1).integers(0, 256, CARD.shape, dtype=np.uint8)
    outputs = paths.with_input(network, activations(network, image, CARD), image, CARD)
    walked = paths.walk(network, outputs, paths.follow(network, outputs, (("output", (4,)),)))
    for step in walked.steps:
        size = np.abs(step.terms.products).sum() + sum(abs(constant.value) for constant in step.terms.constants)
        assert step.terms.total == pytest.approx(step.terms.value, abs=1e-5 * size)


# --- what can't be --------------------------------------------------------------------------------------------------


def test_what_is_not_there_is_refused_in_words() -> None:
    spec = repair(ModelSpec(layers=(Conv(kernels=2, kernel_size=3), Flatten(), Output())), (1, 5, 5), 2)
    network, outputs = prepared((spec, (1, 5, 5)), classes=2)
    for layer, index in (("conv9", (0, 0, 0)), ("conv1", (2, 0, 0)), ("conv1", (0, 0)), ("output", (-1,))):
        with pytest.raises(SpecError, match="there is no"):
            terms(network, outputs, layer, index)
    with pytest.raises(SpecError, match="no term from"):
        paths.walk(network, outputs, (("output", (0,)), ("conv1", (0, 0, 0))))
    with pytest.raises(SpecError, match="no term from"):
        paths.walk(network, outputs, (("conv1", (0, 0, 0)), (INPUT, (0, 4, 4))))
    with pytest.raises(SpecError, match="begin with"):
        paths.walk(network, outputs, ())


def test_a_patch_of_nothing_but_padding_ends_the_path() -> None:
    layers = (Conv(kernels=1, kernel_size=2, padding=4), Flatten(), Output())
    network, outputs = prepared((ModelSpec(layers=layers), (1, 4, 4)))
    corner = (("conv1", (0, 0, 0)),)
    assert paths.strongest(terms(network, outputs, *corner[0])) is None
    assert paths.follow(network, outputs, corner) == corner


def test_the_network_comes_back_untouched() -> None:
    network, outputs = prepared((ModelSpec(layers=(*SMALL_MAPS, Flatten(), Output())), (1, 7, 7)))
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    counted: dict[str, Terms] = defaultdict()
    for layer, _ in network.named_children():
        counted[layer] = terms(network, outputs, layer, (0,) * outputs[layer].ndim)
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())
    assert all(parameter.grad is None for parameter in network.parameters())
