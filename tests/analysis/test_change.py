"""Edits by hand, against networks that were really built without a kernel, PyTorch's own pruning, and whole passes."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.utils import prune

from explorer.analysis import change, evaluate
from explorer.data.cards import CARDS
from explorer.edits import Bias, Edits, Off, Prune, Scale, Write
from explorer.errors import SpecError
from explorer.models import Network, build
from explorer.modules import ChannelAffine
from explorer.shapes import trace
from explorer.spec import (
    Activation,
    ActivationName,
    Affine,
    BatchNorm,
    Conv,
    Dense,
    Dropout,
    Flatten,
    GlobalAveragePool,
    Layer,
    ModelSpec,
    Output,
    Pool,
)

CARD = CARDS["mnist"]
ACTIVATIONS: list[ActivationName] = ["relu", "leaky_relu", "gelu", "tanh", "scaled_tanh", "sigmoid"]


def trained(model: ModelSpec, seed: int = 0) -> Network:
    """As if trained: all weights and statistics random, in evaluation mode, frozen."""
    network = build(model, CARD.shape, len(CARD.classes), seed=seed)
    generator = torch.Generator().manual_seed(seed)
    for module in network:
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            for tensor in (module.weight, module.bias, module.running_mean):
                tensor.data.normal_(generator=generator)
            module.running_var.uniform_(0.5, 2.0, generator=generator)
        if isinstance(module, ChannelAffine):
            for tensor in (module.weight, module.bias):
                tensor.data.normal_(generator=generator)
    return network.eval().requires_grad_(False)


def images(count: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(count, *CARD.shape, generator=torch.Generator().manual_seed(seed))


def pixels(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(seed)
    return draw.integers(0, 256, (count, *CARD.shape), dtype=np.uint8), draw.integers(0, 10, count)


@st.composite
def models(draw: st.DrawFn) -> ModelSpec:
    """Two convolutions and a dense layer, with whatever may stand between them."""
    function = draw(st.sampled_from(ACTIVATIONS))
    pool = draw(st.sampled_from(["max", "average"]))
    between: list[Layer] = [Activation(function=function), Pool(mode=pool, size=2, stride=2)]
    if draw(st.booleans()):
        between.insert(draw(st.integers(0, 2)), draw(st.sampled_from([BatchNorm(), Affine()])))
    bridge: list[Layer] = [Flatten()] if draw(st.booleans()) else [GlobalAveragePool()]
    if draw(st.booleans()):
        bridge.append(BatchNorm())
    middle: list[Layer] = [BatchNorm()] if draw(st.booleans()) else []
    layers: list[Layer] = [
        Conv(kernels=3, kernel_size=3, padding=draw(st.sampled_from(["valid", "same"])), bias=draw(st.booleans())),
        *between,
        Conv(kernels=4, kernel_size=4, stride=2, padding="same"),
        *middle,
        Activation(function=function),
        *bridge,
        Dense(units=5),
        Activation(function=function),
        Dropout(rate=0.5),
        Output(),
    ]
    return ModelSpec(layers=tuple(layers))


def without(network: Network, layer: str, number: int) -> nn.Sequential:
    """A network that was really built without one kernel or unit, with the same weights otherwise."""
    names = [name for name, _ in network.named_children()]
    place, modules = names.index(layer), [copy.deepcopy(module) for module in network]
    width = modules[place].weight.shape[0]
    kept = torch.tensor([one for one in range(width) if one != number])
    own = modules[place]
    own.weight = nn.Parameter(own.weight[kept])
    if own.bias is not None:
        own.bias = nn.Parameter(own.bias[kept])
    for later in modules[place + 1 :]:
        if isinstance(later, nn.BatchNorm1d | nn.BatchNorm2d):
            many = later.num_features // width
            places = (kept[:, None] * many + torch.arange(many)).flatten()
            for name in ("weight", "bias"):
                setattr(later, name, nn.Parameter(getattr(later, name)[places]))
            later.running_mean, later.running_var = later.running_mean[places], later.running_var[places]
        if isinstance(later, ChannelAffine):
            later.weight, later.bias = (nn.Parameter(values[kept]) for values in (later.weight, later.bias))
        if isinstance(later, nn.Conv2d | nn.Linear):
            many = later.weight.shape[1] // width
            places = (kept[:, None] * many + torch.arange(many)).flatten()
            later.weight = nn.Parameter(later.weight[:, places])
            break
    return nn.Sequential(*modules).eval()


@settings(max_examples=15)
@given(models(), st.sampled_from(["conv1", "conv2", "dense1"]), st.integers(0, 2))
def test_a_kernel_or_unit_switched_off_is_a_network_built_without_it(model: ModelSpec, layer: str, number: int) -> None:
    network, inputs = trained(model), images(5)
    with torch.no_grad():
        wanted = without(network, layer, number)(inputs)
        got = change.changed(network, (Off(layer=layer, number=number),))(inputs)
    torch.testing.assert_close(got, wanted, rtol=1e-5, atol=1e-5)


def test_of_the_output_a_unit_switched_off_gives_the_logit_0() -> None:
    network = trained(ModelSpec(layers=(Flatten(), Output())))
    with torch.no_grad():
        before, after = network(images(3)), change.changed(network, (Off(layer="output", number=4),))(images(3))
    assert (after[:, 4] == 0).all()
    kept = [one for one in range(10) if one != 4]
    assert torch.equal(after[:, kept], before[:, kept])


@given(models(), st.sampled_from(["conv1", "conv2", "dense1", "output"]), st.floats(-3, 3), st.integers(0, 2))
@settings(max_examples=12)
def test_scaled_is_what_reaches_the_activation(model: ModelSpec, layer: str, factor: float, number: int) -> None:
    network = trained(model)
    twin = change.changed(network, (Scale(layer=layer, number=number, factor=factor),))
    names = [name for name, _ in network.named_children()]
    place = names.index(layer)
    end = next(
        (at for at in range(place + 1, len(names)) if model.layers[at].kind in ("activation", "dense", "output")),
        len(names),
    )
    width = network[place].weight.shape[0]
    norm = any(model.layers[at].kind == "batch_norm" for at in range(place, end))
    average = not any(getattr(layer, "mode", "") == "max" for layer in model.layers[place:end])
    with torch.no_grad():
        before, after = network[:end](images(4)), twin[:end](images(4))
    before, after = (values.reshape(4, width, -1) for values in (before, after))
    # Max pooling before the activation turns around with a negative factor, unless a normalisation follows it.
    if factor >= 0 or average or (norm and model.layers[end - 1].kind == "batch_norm"):
        torch.testing.assert_close(after[:, number], factor * before[:, number], rtol=1e-4, atol=1e-5)
    others = [one for one in range(width) if one != number]
    assert torch.equal(after[:, others], before[:, others])


@pytest.mark.parametrize("share", [0.1, 0.33, 0.9, 1.0])
@pytest.mark.parametrize("layer", [None, "conv2", "output"])
def test_pruned_weights_are_pytorch_s_own(layer: str | None, share: float) -> None:
    model = ModelSpec(layers=(Conv(kernels=3, kernel_size=3), Conv(kernels=4, kernel_size=5), Flatten(), Output()))
    network = trained(model)
    other = copy.deepcopy(network)
    if layer is None:
        chosen = [(other.get_submodule(name), "weight") for name in ("conv1", "conv2", "output")]
        prune.global_unstructured(chosen, pruning_method=prune.L1Unstructured, amount=share)
    else:
        chosen = [(other.get_submodule(layer), "weight")]
        prune.l1_unstructured(*chosen[0], amount=share)
    for module, name in chosen:
        prune.remove(module, name)
    wanted, got = other.state_dict(), change.changed(network, (Prune(layer=layer, share=share),)).state_dict()
    assert all(torch.equal(got[name], wanted[name]) for name in wanted)


def test_pruned_kernels_are_those_of_the_smallest_norm() -> None:
    network = trained(ModelSpec(layers=(Conv(kernels=8, kernel_size=3), Activation(), Flatten(), Output())))
    norms = network.conv1.weight.abs().sum((1, 2, 3))
    weakest = norms.argsort()[:2].tolist()
    got = change.changed(network, (Prune(what="kernels", layer="conv1", share=0.25),))
    wanted = change.changed(network, tuple(Off(layer="conv1", number=number) for number in weakest))
    assert all(torch.equal(a, b) for a, b in zip(got.parameters(), wanted.parameters(), strict=True))
    everywhere = change.changed(network, (Prune(what="kernels", share=0.25),))
    assert all(torch.equal(a, b) for a, b in zip(got.parameters(), everywhere.parameters(), strict=True))


def test_written_weights_and_biases_stand_where_they_should() -> None:
    model = ModelSpec(
        layers=(Conv(kernels=3, kernel_size=3), Conv(kernels=4, kernel_size=5), Flatten(), Dense(units=7), Output())
    )
    network = trained(model)
    slice_ = tuple(float(number) for number in range(25))
    block = tuple(float(number) for number in range(22 * 22))
    edits: Edits = (
        Write(layer="conv2", number=3, channel=2, weights=slice_),
        Write(layer="dense1", number=6, channel=1, weights=block),
        Write(layer="output", number=9, weights=(1.0,) * 7),
        Bias(layer="conv1", number=0, value=-2.5),
    )
    twin = change.changed(network, edits)
    assert twin.conv2.weight[3, 2].flatten().tolist() == list(slice_)
    assert twin.dense1.weight[6, 22 * 22 : 2 * 22 * 22].tolist() == list(block)
    assert twin.output.weight[9].tolist() == [1.0] * 7
    assert twin.conv1.bias[0] == -2.5
    assert change.bias(twin, "conv1", 0) == -2.5
    np.testing.assert_array_equal(change.weights(twin, "conv2")[3, 2], np.arange(25.0).reshape(5, 5))
    np.testing.assert_array_equal(change.weights(twin, "dense1")[6, 1], np.arange(22.0 * 22).reshape(22, 22))
    assert change.weights(twin, "output")[9, 0].tolist() == [[1.0] * 7]
    difference = sum(int((a != b).sum()) for a, b in zip(twin.parameters(), network.parameters(), strict=True))
    assert difference == 25 + 22 * 22 + 7 + 1


def test_units_after_units_are_written_in_rows_of_eight() -> None:
    network = trained(ModelSpec(layers=(Flatten(), Dense(units=19), Output())))
    assert change.grid(network, "output") == change.Grid(1, 3, 8, maps=False)
    shown = change.weights(network, "output")[0, 0]
    assert np.isnan(shown.ravel()[19:]).all()
    np.testing.assert_array_equal(shown.ravel()[:19], network.output.weight[0])


def test_the_network_itself_stays_as_it_is() -> None:
    network = trained(
        ModelSpec(layers=(Conv(kernels=3, kernel_size=3), BatchNorm(), Activation(), Flatten(), Output()))
    )
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    every: Edits = (
        Prune(share=0.5),
        Prune(what="kernels", share=0.4),
        Write(layer="conv1", number=0, weights=(0.0,) * 9),
        Bias(layer="output", number=0, value=1.0),
        Scale(layer="conv1", number=1, factor=2.0),
        Off(layer="conv1", number=2),
    )
    change.changed(network, every)
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())


@pytest.mark.parametrize(
    ("edit", "fault"),
    [
        (Off(layer="relu1", number=0), "no kernels or units"),
        (Off(layer="conv9", number=0), "no kernels or units"),
        (Off(layer="conv1", number=3), "there are 3, from 0"),
        (Write(layer="conv1", number=0, channel=1, weights=(0.0,) * 9), "no input map 1"),
        (Write(layer="conv1", number=0, weights=(0.0,) * 8), "has 9 weights there, not 8"),
        (Bias(layer="conv1", number=0, value=1.0), "no biases"),
    ],
)
def test_what_is_not_there_is_refused_in_words(edit: Off | Write | Bias, fault: str) -> None:
    model = ModelSpec(layers=(Conv(kernels=3, kernel_size=3, bias=False), Activation(), Flatten(), Output()))
    with pytest.raises(SpecError, match=fault):
        change.changed(trained(model), (edit,))


@settings(max_examples=15)
@given(models(), st.sampled_from(["conv1", "conv2", "dense1", "output"]))
def test_going_on_from_what_was_kept_gives_the_answers_of_the_whole(model: ModelSpec, layer: str) -> None:
    network = trained(model)
    edits: Edits = (Scale(layer=layer, number=1, factor=-2.0),)
    twin = change.changed(network, edits)
    shown, labels = pixels(230)
    first = change.first_layer(network, edits)
    place = change.place_to_keep(trace(model, CARD.shape, 10), first, len(shown))
    assert place == first  # so few images always fit
    kept = change.keep(network, shown, CARD, place)
    told: list[float] = []
    got = change.answers(twin, labels, pixels=shown, card=CARD, kept=kept, place=place, progress=told.append)
    wanted = evaluate(twin, shown, labels, CARD)
    np.testing.assert_allclose(got.probabilities, wanted.probabilities, atol=1e-6)
    np.testing.assert_allclose(got.losses, wanted.losses, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(got.labels, wanted.labels)
    assert told == sorted(told)
    assert told[-1] == 1.0


def test_of_a_wide_layer_an_earlier_or_no_place_is_kept() -> None:
    model = ModelSpec(
        layers=(Conv(kernels=64, kernel_size=3), Activation(), Pool(), Flatten(), Dense(units=9), Output())
    )
    layers = trace(model, CARD.shape, 10)
    at = {layer.name: layer.index for layer in layers}
    assert change.place_to_keep(layers, at["output"], 10_000) == at["output"]
    assert change.place_to_keep(layers, at["dense1"], 10_000) == 0
    assert change.place_to_keep(layers, at["dense1"], 1_000) == at["dense1"]
    assert change.place_to_keep(layers, at["conv1"], 1_000) == 0
