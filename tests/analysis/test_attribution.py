"""Attribution against captum called directly, closed forms, and hooks and gradients counted before and after."""

from __future__ import annotations

import copy
import threading
import warnings
from typing import Any

import captum.attr
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import rankdata
from torch import Tensor, nn
from torch.nn import functional as F

from explorer import zoo
from explorer.analysis import attribution
from explorer.analysis.attribution import attribute, available, random_weights, rank_correlation
from explorer.analysis.attribution_methods import METHODS
from explorer.data import load, normalise
from explorer.data.cards import find_card
from explorer.data.tensors import black
from explorer.errors import SpecError
from explorer.models import Network, build
from explorer.presets import PRESETS
from explorer.spec import (
    Activation,
    BatchNorm,
    Conv,
    Dense,
    Dropout,
    Flatten,
    GlobalAveragePool,
    ModelSpec,
    Output,
    Pool,
)

CARD = find_card("mnist")
BLACK = black(CARD)[0]
ALWAYS = ["saliency", "integrated-gradients", "occlusion"]
RECTIFIED = ["guided-backpropagation", "deconvolution"]


def image(number: int = 3) -> np.ndarray:
    data = load("mnist")
    return normalise(torch.tensor(np.asarray(data.test.pixels[number])[None]), data.card)[0].numpy()


def small(*layers: Any, shape: tuple[int, int, int] = (1, 28, 28), seed: int = 1) -> Network:
    return build(ModelSpec(layers=(*layers, Output())), shape, 10, seed=seed).eval()


@pytest.mark.parametrize(
    ("name", "methods"),
    [
        ("softmax", [*ALWAYS, "deeplift"]),
        ("mlp", [*ALWAYS, *RECTIFIED, "deeplift"]),
        ("lenet5", [*ALWAYS, "deeplift", "grad-cam"]),
        ("article", [*ALWAYS, *RECTIFIED, "deeplift", "grad-cam"]),
        ("vgg", [*ALWAYS, *RECTIFIED, "deeplift", "grad-cam"]),
        ("allconv", list(METHODS)),
        ("tiny", list(METHODS)),
    ],
)
def test_each_network_has_the_methods_that_fit_it_and_all_give_a_map(name: str, methods: list[str]) -> None:
    network = build(PRESETS[name].model, CARD.shape, 10, seed=2)
    assert available(network) == methods
    for method in methods:
        values = attribute(network, image(), 4, method, CARD).values
        assert values.dtype == np.float32
        assert np.isfinite(values).all()
        if method not in ("grad-cam", "cam"):
            assert values.shape == (28, 28)


def test_what_deeplift_and_the_relu_rules_cannot_do_is_not_offered() -> None:
    assert available(small(Activation(function="gelu"), Flatten())) == ALWAYS
    overlapping = small(Pool(size=3, stride=2), Activation(), Flatten())
    assert "deeplift" not in available(overlapping)
    assert not set(RECTIFIED) & set(available(small(Activation(), Activation(function="tanh"), Flatten())))
    headed = (Conv(kernels=3, kernel_size=3), Dropout(), GlobalAveragePool())
    assert "cam" in available(small(*headed, Dropout()))
    assert "cam" not in available(small(*headed, Dense(units=4)))


# --- captum, called directly -----------------------------------------------------------------------------------------


class Separate(nn.Module):
    def forward(self, values: Tensor) -> Tensor:
        return 1.0 * values


def separated(network: nn.Module) -> nn.Sequential:
    return nn.Sequential(*(part for module in network.children() for part in (module, Separate())))


def by_captum(network: nn.Module, inputs: Tensor, target: int, method: str) -> Tensor:
    activated = next(module for module in network if isinstance(module, nn.ReLU | nn.Tanh))  # type: ignore[attr-defined]
    dark = torch.full_like(inputs, BLACK)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        match method:
            case "saliency":
                return captum.attr.Saliency(network).attribute(inputs, target=target, abs=False)
            case "integrated-gradients":
                return captum.attr.IntegratedGradients(network).attribute(inputs, dark, target=target, n_steps=64)
            case "occlusion":
                return captum.attr.Occlusion(network).attribute(
                    inputs, (1, 4, 4), strides=(1, 2, 2), baselines=BLACK, target=target
                )
            # Copies between the layers, without which captum hands its rules the wrong gradients.
            case "guided-backpropagation":
                return captum.attr.GuidedBackprop(separated(network)).attribute(inputs, target=target)
            case "deconvolution":
                return captum.attr.Deconvolution(separated(network)).attribute(inputs, target=target)
            case "deeplift":
                return captum.attr.DeepLift(separated(network)).attribute(inputs, dark, target=target)
            case _:
                return captum.attr.LayerGradCam(network, activated).attribute(
                    inputs, target=target, relu_attributions=True
                )


@pytest.mark.parametrize("name", ["article", "tiny", "lenet5"])
def test_it_is_captums_own_result(name: str) -> None:
    network = zoo.load(name)[1]
    for method in available(network):
        if method == "cam":
            continue
        layer = "conv1" if method == "grad-cam" else None
        found = attribute(network, image(), 5, method, CARD, layer=layer).values
        inputs = torch.tensor(image())[None].requires_grad_()
        expected = by_captum(copy.deepcopy(network), inputs, 5, method)[0, 0].detach().numpy()
        np.testing.assert_allclose(found, expected, atol=2e-5 * np.abs(expected).max(), err_msg=method)


# --- closed forms ----------------------------------------------------------------------------------------------------


def test_of_a_linear_network_each_method_is_its_weight() -> None:
    network = small(Flatten())
    weight = network.output.weight[7].detach().numpy().reshape(28, 28)  # type: ignore[operator, union-attr, index]
    pixels = image()
    times = weight * (pixels[0] - BLACK)
    np.testing.assert_allclose(attribute(network, pixels, 7, "saliency", CARD).values, weight, atol=1e-7)
    for method in ("integrated-gradients", "deeplift"):
        np.testing.assert_allclose(attribute(network, pixels, 7, method, CARD).values, times, atol=1e-6)
    covered, counts = np.zeros((28, 28)), np.zeros((28, 28))
    for row in range(0, 25, 2):
        for column in range(0, 25, 2):
            square = slice(row, row + 4), slice(column, column + 4)
            covered[square] += times[square].sum()
            counts[square] += 1
    np.testing.assert_allclose(attribute(network, pixels, 7, "occlusion", CARD).values, covered / counts, atol=1e-5)


@pytest.mark.parametrize("name", ["softmax", "article", "lenet5", "vgg", "mlp", "allconv", "tiny"])
def test_the_sums_are_complete(name: str) -> None:
    network = zoo.load(name)[1]
    pixels = image()
    with torch.no_grad():
        both = network(torch.stack([torch.tensor(pixels), torch.full((1, 28, 28), BLACK)])).double()
    for target in (0, 3):
        for method in ("integrated-gradients", "deeplift"):
            found = attribute(network, pixels, target, method, CARD)
            assert found.completeness is not None
            difference = float(both[0, target] - both[1, target])
            assert found.completeness.total == pytest.approx(float(found.values.sum(dtype=np.float64)), abs=1e-4)
            assert found.completeness.expected == pytest.approx(difference, abs=1e-4)
            if method == "deeplift" or name == "softmax":
                assert found.completeness.total == pytest.approx(difference, abs=1e-3)


@settings(max_examples=25)
@given(
    st.sampled_from(["max", "average"]),
    st.sampled_from(["relu", "leaky_relu", "tanh", "sigmoid"]),
    st.integers(1, 2),
    st.integers(0, 10_000),
)
def test_deeplift_loses_nothing(mode: Any, function: Any, stride: int, seed: int) -> None:
    conv, activation = Conv(kernels=3, kernel_size=3, stride=stride, padding="same"), Activation(function=function)
    pool = Pool(mode=mode, size=2, stride=2 + seed % 2)
    layers = (
        conv,
        BatchNorm(),
        activation,
        pool,
        Conv(kernels=2, kernel_size=2),
        pool,
        activation,
        Flatten(),
        Dense(units=5),
        activation,
    )
    network = small(*layers, seed=seed).double()
    pixels = np.random.default_rng(seed).normal(size=(1, 28, 28))
    sums = attribute(network, pixels, seed % 10, "deeplift", CARD).completeness
    assert sums is not None
    assert sums.total == pytest.approx(sums.expected, abs=1e-6)


def test_integrated_gradients_of_a_smooth_network_are_complete_to_a_thousandth() -> None:
    network = small(Conv(kernels=4, kernel_size=3), Activation(function="tanh"), Flatten()).double()
    sums = attribute(network, image(), 2, "integrated-gradients", CARD).completeness
    assert sums is not None
    assert sums.total == pytest.approx(sums.expected, abs=1e-3)


@pytest.mark.parametrize("name", ["allconv", "tiny"])
def test_a_class_activation_map_adds_up_to_the_logit_less_its_bias(name: str) -> None:
    network = zoo.load(name)[1]
    with torch.no_grad():
        maps = torch.tensor(image())[None]
        for layer, module in network.named_children():
            if layer == "gap":
                break
            maps = module(maps)
        logits = network(torch.tensor(image())[None])[0]
    weight, bias = network.output.weight[6].detach(), network.output.bias[6]  # type: ignore[operator, union-attr, index]
    expected = sum(weight[k] * maps[0, k] for k in range(len(weight))) / maps[0, 0].numel()
    found = attribute(network, image(), 6, "cam", CARD)
    assert found.values.shape == maps.shape[2:]
    np.testing.assert_allclose(found.values, expected, atol=1e-5)
    assert found.values.sum() == pytest.approx(float(logits[6] - bias), abs=1e-3)
    assert found.completeness is not None
    assert found.completeness.expected == pytest.approx(float(logits[6] - bias), abs=1e-6)


@pytest.mark.parametrize(("layer", "activation"), [("conv1", "relu1"), ("conv2", "relu2")])
def test_grad_cam_by_hand(layer: str, activation: str) -> None:
    network = zoo.load("article")[1]
    value = torch.tensor(image())[None]
    for name, module in network.named_children():
        value = module(value)
        if name == activation:
            value = maps = value.detach().requires_grad_()
    (slopes,) = torch.autograd.grad(value[0, 2], maps)
    expected = F.relu((slopes.mean(dim=(2, 3), keepdim=True) * maps).sum(1))[0].detach().numpy()
    found = attribute(network, image(), 2, "grad-cam", CARD, layer=layer).values
    assert found.shape == maps.shape[2:]
    np.testing.assert_allclose(found, expected, atol=1e-5)
    if layer == "conv2":
        np.testing.assert_array_equal(attribute(network, image(), 2, "grad-cam", CARD).values, found)


# --- random weights --------------------------------------------------------------------------------------------------


def test_random_weights_are_the_same_each_time_and_the_networks_own_architecture() -> None:
    network = zoo.load("article")[1]
    state = torch.get_rng_state()
    one, other = random_weights(network), random_weights(network)
    assert torch.equal(torch.get_rng_state(), state)
    assert one.spec == network.spec
    assert all(torch.equal(tensor, other.state_dict()[name]) for name, tensor in one.state_dict().items())
    assert not torch.equal(one.output.weight, network.output.weight)  # type: ignore[arg-type, union-attr]


def test_the_rank_correlation_is_pearsons_of_the_sizes_ranks() -> None:
    draw = np.random.default_rng(0)
    one, other = draw.normal(size=(2, 9, 9))
    one[:4], other[:4] = 0, 0
    expected = np.corrcoef(rankdata(np.abs(one)), rankdata(np.abs(other)))[0, 1]
    assert rank_correlation(one, other) == pytest.approx(expected)
    visible = np.corrcoef(rankdata(np.abs(one[4:])), rankdata(np.abs(other[4:])))[0, 1]
    assert rank_correlation(one, other, without_zeros=True) == pytest.approx(visible)
    assert rank_correlation(one, -2 * one) == pytest.approx(1)
    assert rank_correlation(one, np.zeros((9, 9))) is None
    assert rank_correlation(np.zeros((9, 9)), np.zeros((9, 9)), without_zeros=True) is None


# --- the network comes back untouched --------------------------------------------------------------------------------


def traces(network: Network) -> list[Any]:
    modules = [
        (
            module.training,
            *(len(getattr(module, hooks)) for hooks in ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks")),
            sorted(vars(module)),
        )
        for module in network.modules()
    ]
    parameters = [
        (parameter.data_ptr(), parameter.requires_grad, id(parameter.grad)) for parameter in network.parameters()
    ]
    return [modules, parameters]


@pytest.mark.parametrize("fails", [False, True])
def test_the_network_comes_back_untouched_also_after_an_error(fails: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    network = zoo.load("tiny")[1]
    network.train()
    network.requires_grad_(True)
    for parameter in network.parameters():
        parameter.grad = torch.ones_like(parameter)
    before, weights = traces(network), copy.deepcopy(network.state_dict())
    if fails:

        def explode(*_: object) -> Tensor:
            raise RuntimeError("in the middle")

        monkeypatch.setattr(nn.ReLU, "forward", explode)
    for method in available(network):
        if fails:
            with pytest.raises(RuntimeError, match="in the middle"):
                attribute(network, image(), 1, method, CARD)
        else:
            attribute(network, image(), 1, method, CARD)
    assert traces(network) == before
    assert all(torch.equal(tensor, weights[name]) for name, tensor in network.state_dict().items())


def test_several_threads_share_one_network() -> None:
    network = zoo.load("article")[1]
    methods = [name for name in available(network) for _ in range(2)]
    alone = {name: attribute(network, image(), 3, name, CARD).values for name in methods}
    found: dict[int, np.ndarray] = {}

    def work(number: int) -> None:
        found[number] = attribute(network, image(), 3, methods[number], CARD).values

    threads = [threading.Thread(target=work, args=(number,)) for number in range(len(methods))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number, values in found.items():
        np.testing.assert_allclose(values, alone[methods[number]], atol=1e-5)
    assert len(found) == len(methods)


def test_colour_adds_up_its_channels_and_wide_networks_go_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    network = small(Conv(kernels=4, kernel_size=3), Activation(), Flatten(), shape=(3, 9, 8))
    card = type(CARD)(**{**vars(CARD), "shape": (3, 9, 8), "mean": (0.1, 0.2, 0.3), "std": (0.5, 0.5, 0.5)})
    pixels = np.random.default_rng(0).normal(size=(3, 9, 8)).astype(np.float32)
    inputs = torch.tensor(pixels)[None].requires_grad_()
    (slopes,) = torch.autograd.grad(network(inputs)[0, 1], inputs)
    np.testing.assert_allclose(attribute(network, pixels, 1, "saliency", card).values, slopes[0].sum(0), atol=1e-6)
    whole = {name: attribute(network, pixels, 1, name, card).values for name in available(network)}
    dark = torch.tensor(pixels)
    dark[:, :4, :4] = torch.tensor(black(card))[:, None, None]
    with torch.no_grad():
        fall = network(torch.stack([torch.tensor(pixels), dark]))[:, 1]
    assert whole["occlusion"][0, 0] == pytest.approx(float(fall[0] - fall[1]), abs=1e-5)  # one square covers the corner
    monkeypatch.setattr(attribution, "_BATCH_NUMBERS", 500)
    for name, values in whole.items():
        np.testing.assert_allclose(attribute(network, pixels, 1, name, card).values, values, atol=1e-5)


def test_what_is_not_there_is_refused_in_words() -> None:
    network = small(Flatten())
    for arguments, words in (
        ((image(), 1, "grad-cam", CARD, None), "no attribution 'grad-cam'"),
        ((image(), 10, "saliency", CARD, None), "no class 10"),
        ((image()[:, :9], 1, "saliency", CARD, None), r"not \(1, 9, 28\)"),
        ((image(), 1, "saliency", CARD, "conv1"), "no convolution 'conv1'"),
    ):
        *rest, layer = arguments
        with pytest.raises(SpecError, match=words):
            attribute(network, *rest, layer=layer)  # type: ignore[arg-type]
