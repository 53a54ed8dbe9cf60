"""Batch normalisation of few maps beside PyTorch's own, forwards and backwards."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from explorer.models import build
from explorer.presets import PRESETS
from explorer.training import batch_norm
from explorer.training.batch_norm import NarrowBatchNorm, pays
from explorer.training.forward import Forward


def layer(channels: int, seed: int = 0) -> nn.BatchNorm2d:
    generator = torch.Generator().manual_seed(seed)
    made = nn.BatchNorm2d(channels, momentum=0.2)
    with torch.no_grad():
        made.weight.uniform_(-1, 2, generator=generator)
        made.bias.normal_(generator=generator)
    return made


def maps(*shape: int, dtype: torch.dtype = torch.float32, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    numbers = torch.randn(shape, generator=generator, dtype=torch.float64) * 3 + 2
    return numbers.to(dtype).contiguous(memory_format=torch.channels_last)


@given(
    channels=st.integers(1, 15),
    images=st.integers(2, 9),
    size=st.tuples(st.integers(2, 13), st.integers(2, 13)),
    seed=st.integers(0, 99),
)
def test_it_gives_what_the_layer_gives_in_float64(channels: int, images: int, size: tuple[int, int], seed: int) -> None:
    """Whether it pays or not, for eight pixels and more; the oracle is PyTorch's own layer with doubles."""
    given_maps = maps(images, channels, *size, seed=seed)
    towards = maps(images, channels, *size, seed=seed + 1)
    narrow, wide = layer(channels, seed), layer(channels, seed).double()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batch_norm, "pays", lambda _maps: True)
        results = []
        for call, own, numbers in (
            (NarrowBatchNorm(narrow), narrow, given_maps.clone().requires_grad_()),
            (wide, wide, given_maps.double().requires_grad_()),
        ):
            answer = call(numbers)
            answer.backward(towards.to(answer.dtype))
            gradients = [numbers.grad, own.weight.grad, own.bias.grad]
            results.append([answer.detach(), *gradients, own.running_mean, own.running_var, own.num_batches_tracked])
    for one, other in zip(*results, strict=True):
        assert one is not None
        assert other is not None
        scale = max(1.0, float(other.abs().max()))
        torch.testing.assert_close(one.double(), other.double(), rtol=1e-4, atol=3e-5 * scale)


def test_it_computes_itself_only_where_it_pays() -> None:
    assert pays(maps(64, 8, 26, 26))
    assert not pays(maps(64, 16, 26, 26)), "many maps"
    assert not pays(maps(64, 1, 28, 28)), "one map"
    assert not pays(maps(4, 8, 6, 6)), "few numbers"
    assert not pays(maps(64, 8, 26, 26).contiguous()), "channels first"
    assert not pays(maps(64, 8, 26, 26, dtype=torch.float64)), "doubles"


def test_where_it_does_not_pay_it_is_the_layer() -> None:
    images, own, other = maps(64, 8, 26, 26), layer(8), layer(8)
    mine, its = NarrowBatchNorm(own)(images), other(images)
    torch.testing.assert_close(mine, its, rtol=1e-5, atol=1e-5)
    assert not torch.equal(mine, its), "computed otherwise"
    assert mine.is_contiguous(memory_format=torch.channels_last)
    other.load_state_dict(own.state_dict())
    assert torch.equal(NarrowBatchNorm(own.eval())(images), other.eval()(images)), "in evaluation"
    for bare in (nn.BatchNorm2d(8, affine=False), nn.BatchNorm2d(8, track_running_stats=False)):
        torch.testing.assert_close(NarrowBatchNorm(bare)(images), nn.BatchNorm2d(8)(images))
    with pytest.raises(ValueError, match="more than 1 value"):
        NarrowBatchNorm(layer(3))(maps(1, 3, 1, 1))


def test_maps_that_need_no_gradient_get_none() -> None:
    images, own, other = maps(64, 8, 26, 26), layer(8), layer(8)
    for call, parameters in ((NarrowBatchNorm(own), own), (other, other)):
        call(images).square().sum().backward()
        assert parameters.weight.grad is not None
    torch.testing.assert_close(own.weight.grad, other.weight.grad, rtol=1e-4, atol=1.0)


def test_bfloat16_is_computed_in_float32_and_given_back_as_it_came() -> None:
    images = maps(64, 6, 26, 26, dtype=torch.bfloat16).requires_grad_()
    answer = NarrowBatchNorm(layer(6))(images)
    answer.backward(torch.ones_like(answer))
    assert answer.dtype == torch.bfloat16
    assert images.grad is not None
    assert images.grad.dtype == torch.bfloat16
    exact = layer(6).double()(images.detach().double())
    torch.testing.assert_close(answer.double(), exact, rtol=2**-8, atol=2**-8)


def test_the_same_bits_again() -> None:
    images, towards = maps(64, 12, 24, 24), maps(64, 12, 24, 24, seed=1)

    def once() -> list[torch.Tensor]:
        own, numbers = layer(12), images.clone().requires_grad_()
        NarrowBatchNorm(own)(numbers).backward(towards)
        found = [numbers.grad, own.weight.grad, own.running_var]
        assert None not in found
        return found

    assert all(torch.equal(one, other) for one, other in zip(once(), once(), strict=True))


def test_a_network_of_few_maps_is_trained_with_it() -> None:
    """Whose steps are those of a plain loop: ``test_engine_equality``."""
    layers = Forward(build(PRESETS["tiny"].model, (1, 28, 28), 10)).layers
    assert [type(each) for each in layers].count(NarrowBatchNorm) == 5
