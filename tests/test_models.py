"""Built networks against a plain run of the same layers, PyTorch's own counters and PyTorch's own initial weights."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import get_args

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import noise, run
from strategies import working_models
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from explorer.errors import SpecError, WeightsError
from explorer.models import Network, build, load_weights
from explorer.modules import TableConv2d
from explorer.presets import PRESETS
from explorer.shapes import trace
from explorer.spec import (
    Activation,
    BatchNorm,
    Conv,
    Dense,
    Flatten,
    GlobalAveragePool,
    InitializationName,
    ModelSpec,
    Output,
    Pool,
)

DIGIT = (1, 28, 28)
ARTICLE = PRESETS["article"].model
NORMED = ModelSpec(
    layers=(
        Conv(kernels=3, kernel_size=4, stride=2, padding="same"),
        BatchNorm(),
        Activation(),
        Flatten(),
        Dense(units=4),
        BatchNorm(),
        Output(),
    )
)


def seen(network: Network, images: Tensor) -> dict[str, Tensor]:
    """Each submodule's output, by hooks and not copied, so that a layer that works in place would be found out."""
    outputs: dict[str, Tensor] = {}
    hooks = [
        module.register_forward_hook(lambda _m, _i, output, name=name: outputs.update({name: output}))
        for name, module in network.named_children()
    ]
    network(images)
    for hook in hooks:
        hook.remove()
    return outputs


# --- the layers -----------------------------------------------------------------------------------------------------


@settings(max_examples=150)
@given(working_models(), st.integers(1, 4), st.integers(1, 3))
def test_every_layers_output_is_the_plain_runs(
    working: tuple[ModelSpec, tuple[int, int, int]], classes: int, batch: int
) -> None:
    spec, shape = working
    layers = trace(spec, shape, classes)
    images = noise(batch, *shape)
    weights: dict[str, Tensor] = {}
    expected = run(spec, images, classes, weights)
    network = build(spec, shape, classes, seed=0).double().eval()
    load_weights(network, weights)
    outputs = seen(network, images)
    assert tuple(outputs) == tuple(expected) == spec.names
    for layer in layers:
        assert outputs[layer.name].shape[1:] == layer.output
        torch.testing.assert_close(outputs[layer.name], expected[layer.name])
        module = network.get_submodule(layer.name)
        learned = sum(p.numel() for p in module.parameters() if p.requires_grad)
        if isinstance(module, TableConv2d):
            learned -= int((weights[f"{layer.name}.weight"] == 0).sum())
        assert learned == layer.parameters


@settings(max_examples=70)
@given(working_models(), st.integers(1, 4))
def test_multiply_accumulates_are_half_of_pytorchs_operations(
    working: tuple[ModelSpec, tuple[int, int, int]], classes: int
) -> None:
    spec, shape = working
    layers = trace(spec, shape, classes)
    network = build(spec, shape, classes, seed=0).eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(torch.zeros(1, *shape))
    counted = counter.get_flop_counts()
    for layer in layers:
        operations = sum(counted.get(f"Network.{layer.name}", {}).values())
        table = layer.layer.connections if isinstance(layer.layer, Conv) else None
        if table is None:
            assert 2 * layer.macs == operations
        else:  # PyTorch multiplies by the zeros, too
            pairs = layer.input[0] * layer.output[0]
            assert 2 * layer.macs * pairs == operations * sum(map(len, table))


@settings(max_examples=50)
@given(working_models())
def test_everything_learns(working: tuple[ModelSpec, tuple[int, int, int]]) -> None:
    """A training step's backward pass reaches every parameter, and nothing in place breaks it."""
    spec, shape = working
    network = build(spec, shape, 3, seed=0)
    network(noise(2, *shape).float()).square().sum().backward()
    assert all(parameter.grad is not None for parameter in network.parameters())


@pytest.mark.parametrize("name", PRESETS)
def test_the_presets_take_digits_one_by_one_and_in_batches(name: str) -> None:
    network = build(PRESETS[name].model, DIGIT, 10, seed=1).eval()
    digits = noise(3, *DIGIT).float()
    logits = network(digits)
    assert logits.shape == (3, 10)
    torch.testing.assert_close(torch.cat([network(digit[None]) for digit in digits]), logits)


def test_layers_are_reached_by_name_and_know_where_they_come_from() -> None:
    network = build(ARTICLE, DIGIT, 10, seed=0)
    assert isinstance(network.conv1, nn.Conv2d)
    assert network.output is list(network)[-1] is network[-1]
    assert (network.spec, network.input_shape, network.classes) == (ARTICLE, DIGIT, 10)
    assert next(network.parameters()).dtype == torch.float32
    assert network.training


def test_a_slice_is_the_first_layers_and_shares_their_weights() -> None:
    network = build(ARTICLE, DIGIT, 10, seed=0)
    start = network[:3]
    assert type(start) is nn.Sequential
    assert [name for name, _ in start.named_children()] == ["conv1", "relu1", "pool1"]
    assert start.conv1 is network.conv1


def test_a_copy_is_a_network_of_its_own() -> None:
    network = build(NORMED, DIGIT, 10, seed=0).eval()
    twin = copy.deepcopy(network)
    digits = noise(2, *DIGIT).float()
    assert twin.spec == network.spec
    assert torch.equal(twin(digits), network(digits))
    assert twin.conv1.weight is not network.conv1.weight


def test_what_shapes_refuse_is_not_built() -> None:
    with pytest.raises(SpecError, match="can't slide") as caught:
        build(ModelSpec(layers=(Conv(kernels=1, kernel_size=29), Flatten(), Output())), DIGIT, 10)
    assert caught.value.layer == 0


def test_a_module_shows_its_padding() -> None:
    assert "uneven=(1, 2, 1, 2)" in repr(build(NORMED, DIGIT, 10, seed=0).conv1)


# --- initial weights ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["article", "lenet5", "vgg"])
def test_the_default_is_what_pytorch_draws_itself(name: str) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        plain = Network(PRESETS[name].model, DIGIT, 10).state_dict()
    built = build(PRESETS[name].model, DIGIT, 10, seed=7).state_dict()
    assert list(built) == list(plain)
    assert all(torch.equal(built[key], plain[key]) for key in plain)


@pytest.mark.parametrize("initialization", get_args(InitializationName))
def test_a_seed_decides_all_and_disturbs_nothing(initialization: InitializationName) -> None:
    before = torch.random.get_rng_state()
    first, again, other, fresh, fresher = (
        build(ARTICLE, DIGIT, 10, initialization=initialization, seed=seed).conv1.weight
        for seed in (3, 3, 4, None, None)
    )
    assert torch.equal(torch.random.get_rng_state(), before)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert not torch.equal(fresh, fresher)


@pytest.mark.parametrize(
    ("initialization", "deviation", "bounded"),
    [
        ("default", lambda fan_in, _: math.sqrt(1 / (3 * fan_in)), True),
        ("kaiming_normal", lambda fan_in, _: math.sqrt(2 / fan_in), False),
        ("kaiming_uniform", lambda fan_in, _: math.sqrt(2 / fan_in), True),
        ("xavier_normal", lambda fan_in, fan_out: math.sqrt(2 / (fan_in + fan_out)), False),
        ("xavier_uniform", lambda fan_in, fan_out: math.sqrt(2 / (fan_in + fan_out)), True),
    ],
)
def test_weights_spread_as_the_papers_say(
    initialization: InitializationName, deviation: Callable[[int, int], float], bounded: bool
) -> None:
    network = build(ARTICLE, DIGIT, 10, initialization=initialization, seed=0)
    for module, fan_in, fan_out in ((network.conv2, 32 * 9, 64 * 9), (network.dense1, 1600, 128)):
        expected = deviation(fan_in, fan_out)
        assert module.weight.std().item() == pytest.approx(expected, rel=0.05)
        largest = module.weight.abs().max().item()
        assert (largest <= math.sqrt(3) * expected) == bounded  # a uniform distribution ends there
        assert (initialization == "default") == bool(module.bias.any())


def test_orthogonal_rows_are_orthogonal() -> None:
    network = build(ARTICLE, DIGIT, 10, initialization="orthogonal", seed=0)
    for module in (network.conv2, network.dense1, network.output):
        rows = module.weight.flatten(1)
        torch.testing.assert_close(rows @ rows.T, torch.eye(len(rows)), atol=1e-5, rtol=0)
        assert not module.bias.any()


def test_normalisation_starts_as_no_change() -> None:
    norm = build(NORMED, DIGIT, 10, initialization="xavier_normal", seed=0).norm1
    assert torch.equal(norm.weight, torch.ones(3))
    assert torch.equal(norm.running_var, torch.ones(3))
    assert not norm.bias.any()
    assert not norm.running_mean.any()


def test_an_unknown_initialisation_is_refused_with_the_known_ones() -> None:
    with pytest.raises(SpecError, match="'magic'; there are: default, kaiming_normal"):
        build(ARTICLE, DIGIT, 10, initialization="magic")  # type: ignore[arg-type]


# --- loading weights ------------------------------------------------------------------------------------------------


def test_weights_go_from_one_network_to_another() -> None:
    source, target = (build(NORMED, DIGIT, 10, seed=seed) for seed in (0, 1))
    source(noise(5, *DIGIT).float())  # moves the statistics
    load_weights(target, source.state_dict())
    assert all(torch.equal(target.state_dict()[key], value) for key, value in source.state_dict().items())


def test_channels_last_weights_are_as_good() -> None:
    source, target = (build(ARTICLE, DIGIT, 10, seed=seed) for seed in (0, 1))
    load_weights(target, source.to(memory_format=torch.channels_last).state_dict())
    assert torch.equal(target.conv2.weight, source.conv2.weight)


def broken(value: float) -> Callable[[Tensor], Tensor]:
    def change(tensor: Tensor) -> Tensor:
        tensor = tensor.clone()
        tensor.view(-1)[-1] = value
        return tensor

    return change


@pytest.mark.parametrize(
    ("name", "change", "sentence"),
    [
        ("conv1.weight", lambda t: t[:2], r"conv1.weight is 2×1×4×4, this network needs 3×1×4×4"),
        ("dense1.weight", lambda t: t.T, r"dense1.weight is 588×4, this network needs 4×588"),
        ("conv1.weight", lambda t: t.flatten(), r"conv1.weight is 48, this"),
        ("output.bias", lambda t: t.sum(), r"output.bias is a single number, this network needs 10"),
        ("conv1.bias", lambda t: t.half(), r"conv1.bias holds float16, this network needs float32: convert"),
        ("norm1.num_batches_tracked", lambda t: t.float(), r"tracked holds float32, this network needs int64"),
        ("conv1.weight", lambda t: torch.zeros(1).expand(t.shape), r"conv1.weight does not hold all of its numbers"),
        ("output.weight", lambda t: t.T.contiguous().T, r"output.weight does not hold all of its numbers"),
        ("output.weight", lambda t: t.to_sparse(), r"output.weight does not hold all of its numbers"),
        ("output.weight", lambda t: t.to("meta"), r"output.weight does not hold all of its numbers"),
        ("output.weight", broken(math.nan), r"output.weight has numbers that are not finite"),
        ("conv1.bias", broken(-math.inf), r"conv1.bias has numbers that are not finite"),
        ("norm2.running_var", broken(-0.5), r"norm2.running_var is negative"),
        ("norm1.num_batches_tracked", broken(-1), r"tracked is negative"),
        ("conv1.bias", lambda t: t.tolist(), r"conv1.bias is a list, not a tensor"),
    ],
)
def test_damaged_weights_are_refused_and_change_nothing(
    name: str, change: Callable[[Tensor], Tensor], sentence: str
) -> None:
    network = build(NORMED, DIGIT, 10, seed=0)
    before = copy.deepcopy(network.state_dict())
    tensors = build(NORMED, DIGIT, 10, seed=1).state_dict()
    tensors[name] = change(tensors[name])
    with pytest.raises(WeightsError, match=sentence):
        load_weights(network, tensors)
    assert all(torch.equal(network.state_dict()[key], value) for key, value in before.items())


@pytest.mark.parametrize("missing", list(build(NORMED, DIGIT, 10, seed=0).state_dict()))
def test_weights_that_lack_one_are_refused(missing: str) -> None:
    network = build(NORMED, DIGIT, 10, seed=0)
    tensors = dict(network.state_dict())
    del tensors[missing]
    with pytest.raises(WeightsError, match=f"no {missing}: they belong to another network"):
        load_weights(network, tensors)


def test_weights_with_one_too_many_are_refused() -> None:
    network = build(NORMED, DIGIT, 10, seed=0)
    with pytest.raises(WeightsError, match=r"these weights have 'fc.weight', this network has not"):
        load_weights(network, {**network.state_dict(), "fc.weight": torch.zeros(2)})


def test_a_convolution_without_bias_has_none() -> None:
    spec = ModelSpec(
        layers=(
            Conv(kernels=2, kernel_size=3, bias=False),
            Pool(mode="average"),
            GlobalAveragePool(),
            Output(),
        )
    )
    network = build(spec, DIGIT, 10, initialization="orthogonal", seed=0)
    assert list(network.state_dict()) == ["conv1.weight", "output.weight", "output.bias"]
    assert trace(spec, DIGIT, 10)[0].parameters == network.conv1.weight.numel()
