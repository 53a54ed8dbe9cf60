"""Captured outputs against a plain loop over the layers, and a model that comes back as it went."""

from __future__ import annotations

import copy
import threading
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from explorer.analysis.capture import activations, borrow, capture
from explorer.data.cards import CARDS
from explorer.errors import SpecError
from explorer.models import build
from explorer.presets import PRESETS
from explorer.shapes import trace

CARD = CARDS["mnist"]


def network() -> nn.Sequential:
    torch.manual_seed(3)
    model = nn.Sequential()
    layers: dict[str, nn.Module] = {
        "conv1": nn.Conv2d(1, 4, 3),
        "norm1": nn.BatchNorm2d(4),
        "relu1": nn.ReLU(),
        "pool1": nn.MaxPool2d(2),
        "dropout1": nn.Dropout(0.5),
        "flatten": nn.Flatten(),
        "output": nn.Linear(4 * 13 * 13, 10),
    }
    for name, layer in layers.items():
        model.add_module(name, layer)
    return model


def image(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (1, 28, 28), dtype=np.uint8)


def state(model: nn.Module) -> list[Any]:
    """All that an analysis could leave changed, without the numbers themselves."""
    hooks = [
        len(getattr(module, kind))
        for module in model.modules()
        for kind in ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    ]
    modes = [module.training for module in model.modules()]
    return [hooks, modes, [parameter.requires_grad for parameter in model.parameters()]]


def test_outputs_are_those_of_a_plain_loop() -> None:
    model, batch = network().eval(), torch.randn(5, 1, 28, 28)
    with capture(model) as seen:
        logits = model(batch)
    assert list(seen) == [name for name, _ in model.named_children()]
    expected = batch
    for name, layer in model.named_children():
        expected = layer(expected)
        torch.testing.assert_close(seen[name], expected, rtol=0, atol=0)
        assert not seen[name].requires_grad
    torch.testing.assert_close(logits, expected, rtol=0, atol=0)


def test_only_the_named_layers_are_kept_also_inside_others() -> None:
    model = nn.Sequential(nn.Sequential(nn.Linear(3, 2), nn.ReLU()), nn.Linear(2, 2))
    with capture(model, ["0.1", "0"]) as seen:
        model(torch.randn(4, 3))
    assert set(seen) == {"0.1", "0"}
    assert torch.equal(seen["0.1"], seen["0"])


def test_an_unknown_layer_is_named_with_those_there_are() -> None:
    model = network()
    before = state(model)
    with pytest.raises(SpecError, match=r"'conv9'.*conv1, norm1"), capture(model, ["conv1", "conv9"]):
        pass
    assert state(model) == before


def test_in_place_layers_do_not_change_what_was_seen_before_them() -> None:
    model = nn.Sequential(nn.Linear(3, 8), nn.ReLU(inplace=True))
    batch = torch.randn(6, 3)
    with capture(model) as seen:
        model(batch)
    with torch.no_grad():
        torch.testing.assert_close(seen["0"], nn.functional.linear(batch, model[0].weight, model[0].bias))
    assert (seen["0"] < 0).any()


@pytest.mark.parametrize("fails", [False, True])
def test_the_model_comes_back_untouched(fails: bool) -> None:
    model = network().train()
    model.norm1.eval()  # a mixed mode must come back mixed
    model.conv1.weight.requires_grad_(False)
    model(torch.randn(4, 1, 28, 28)).sum().backward()
    before, tensors = state(model), copy.deepcopy(model.state_dict())
    gradients = [None if p.grad is None else p.grad.clone() for p in model.parameters()]

    def work() -> None:
        with capture(model):
            assert not any(module.training for module in model.modules())
            model(torch.randn(4, 1, 28, 28)).sum().backward()
            model.output.weight.requires_grad_(False)
            if fails:
                raise RuntimeError("in the middle")

    if fails:
        with pytest.raises(RuntimeError, match="in the middle"):
            work()
    else:
        work()
    assert state(model) == before
    assert all(torch.equal(tensor, tensors[name]) for name, tensor in model.state_dict().items())
    for parameter, gradient in zip(model.parameters(), gradients, strict=True):
        assert (parameter.grad is None) if gradient is None else torch.equal(parameter.grad, gradient)


def test_an_error_in_the_forward_pass_leaves_no_hook() -> None:
    model = network()
    before = state(model)
    with pytest.raises(RuntimeError), capture(model):
        model(torch.randn(1, 3, 5, 5))
    assert state(model) == before


def test_nested_captures_both_see_and_leave_nothing() -> None:
    model, batch = network().train(), torch.randn(2, 1, 28, 28)
    before = state(model)
    with capture(model, ["conv1"]) as outer, capture(model, ["conv1", "output"]) as inner:
        model(batch)
    assert torch.equal(outer["conv1"], inner["conv1"])
    assert list(outer) == ["conv1"]
    assert state(model) == before


def test_threads_that_share_a_model_see_their_own_outputs() -> None:
    model = network().eval()
    turns = threading.Barrier(2)
    batches = [torch.randn(size, 1, 28, 28) for size in (2, 3)]
    seen: list[dict[str, Tensor]] = [{}, {}]

    def work(number: int) -> None:
        with torch.no_grad(), capture(model) as found:
            turns.wait(30)  # both have their hooks in place
            model(batches[number])
            turns.wait(30)  # both have run
            seen[number] = dict(found)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    for number, batch in enumerate(batches):
        with torch.no_grad():
            torch.testing.assert_close(seen[number]["output"], model(batch))
            torch.testing.assert_close(seen[number]["conv1"], model.conv1(batch))


def test_borrowing_gives_empty_gradients_and_evaluation_mode() -> None:
    model = network().train()
    model(torch.randn(4, 1, 28, 28)).sum().backward()
    with borrow(model) as lent:
        assert lent is model
        assert not model.training
        assert all(parameter.grad is None for parameter in model.parameters())
    assert model.training


def test_activations_of_an_image_are_every_layers_output_and_the_softmax() -> None:
    model, pixels = network().eval(), image()
    found = activations(model, pixels, CARD)
    assert list(found) == [*(name for name, _ in model.named_children()), "probabilities"]
    value = (torch.tensor(pixels[None]).float() / 255 - CARD.mean) / CARD.std
    with torch.no_grad():
        for name, layer in model.named_children():
            value = layer(value)
            assert found[name].dtype == np.float32
            np.testing.assert_allclose(found[name], value[0].numpy(), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(found["probabilities"], value[0].softmax(0).numpy(), rtol=1e-4, atol=1e-7)
    assert found["probabilities"].sum() == pytest.approx(1)


def test_activations_ignore_dropout_and_batch_statistics_and_leave_the_mode() -> None:
    model, pixels = network().train(), image()
    running = model.norm1.running_mean.clone()
    first, second = activations(model, pixels, CARD), activations(model, pixels, CARD)
    assert model.training
    assert torch.equal(model.norm1.running_mean, running)
    for name in first:
        np.testing.assert_array_equal(first[name], second[name])
    np.testing.assert_array_equal(first["dropout1"], first["pool1"])


@pytest.mark.parametrize("name", ["article", "tiny", "lenet5", "softmax"])
def test_activations_of_our_networks_have_the_names_and_shapes_that_the_builder_shows(name: str) -> None:
    spec = PRESETS[name].model
    found = activations(build(spec, CARD.shape, 10, seed=0), image(), CARD)
    expected = {layer.name: layer.output for layer in trace(spec, CARD.shape, 10)}
    assert {key: values.shape for key, values in found.items()} == {**expected, "probabilities": (10,)}
