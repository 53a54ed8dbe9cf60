"""Frozen kernels: the same bits from the first step to the last, under every optimiser, while all else learns."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from test_engine_equality import plain_loop
from training_helpers import NOISY, SMALL, run

from explorer.data import Dataset
from explorer.models import build
from explorer.spec import Activation, Conv, Flatten, ModelSpec, Output, Pool, RunSpec
from explorer.training.engine import train
from explorer.training.events import Checkpoint, Event, Finished, Snapshot, Step
from explorer.training.frozen import freeze

GIVEN = (
    ((-1.0, 0.3, 0.1), (0.0, 1 / 3, 100.0), (-0.7, 1e-3, 2.0)),
    ((0.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 0.0)),
)
WANTED = torch.tensor(GIVEN)[:, None]
OPTIMIZERS = [("sgd", 0.1), ("momentum", 0.05), ("adam", 0.01), ("adamw", 0.01)]


def short(optimizer: str = "adamw", rate: float = 0.01, **more: object) -> RunSpec:
    recipe = {"batch_size": 64, "epochs": 2, "weight_decay": 0.1, "frozen_kernels": GIVEN, **more}
    return run(optimizer=optimizer, learning_rate=rate, **recipe)


def finished(events: Iterator[Event] | list[Event]) -> Finished:
    *_, last = events
    assert isinstance(last, Finished)
    return last


@pytest.mark.parametrize(("optimizer", "rate"), OPTIMIZERS)
def test_they_stay_bit_for_bit_while_all_else_learns(digits: Dataset, optimizer: str, rate: float) -> None:
    spec = short(optimizer, rate)
    begun = build(SMALL, (1, 28, 28), 10, seed=0).state_dict()
    events = list(train(spec, digits))
    final = finished(events).weights
    assert torch.equal(final["conv1.weight"][:2], WANTED)
    for event in events:
        if isinstance(event, Snapshot):
            np.testing.assert_array_equal(event.weights["conv1.weight"][:2], WANTED.numpy())
        if isinstance(event, Checkpoint):
            assert torch.equal(event.weights["conv1.weight"][:2], WANTED)
    moved = (final["conv1.weight"][2:] - begun["conv1.weight"][2:]).flatten(1).norm(dim=1)
    assert bool((moved > 0).all())
    assert bool((final["conv1.bias"] != begun["conv1.bias"]).all())  # those of the frozen kernels, too
    for name in ("conv2.weight", "dense1.weight", "output.weight", "output.bias"):
        assert not torch.equal(final[name], begun[name]), name


@pytest.mark.parametrize(("optimizer", "rate"), OPTIMIZERS)
def test_the_rest_takes_the_steps_of_a_plain_loop_that_masks_them(
    digits: Dataset, optimizer: str, rate: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A network whose first convolution is two: one that is given and never trained, and one that learns."""
    spec = short(optimizer, rate, schedule="constant")
    monkeypatch.setattr("test_engine_equality.build", _split)
    weights, losses, _ = plain_loop(spec, digits, steps=10)
    events = list(train(spec, digits))
    np.testing.assert_allclose([event.loss for event in events if isinstance(event, Step)], losses, rtol=1e-4)
    final = finished(events).weights
    learned = torch.cat([WANTED, weights["0.learned"]])
    torch.testing.assert_close(final["conv1.weight"], learned, rtol=1e-3, atol=1e-4)


class _Two(torch.nn.Module):
    def __init__(self, first: torch.nn.Conv2d) -> None:
        super().__init__()
        self.learned = torch.nn.Parameter(first.weight[2:].detach().clone())
        self.bias = torch.nn.Parameter(first.bias.detach().clone())

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.conv2d(images, torch.cat([WANTED, self.learned]), self.bias)


def _split(*args: object, **more: object) -> torch.nn.Sequential:
    network = build(*args, **more)  # type: ignore[arg-type]
    return torch.nn.Sequential(_Two(network[0]), *list(network)[1:])  # type: ignore[arg-type]


@pytest.mark.parametrize(("optimizer", "rate"), OPTIMIZERS)
def test_a_pause_changes_nothing(digits: Dataset, optimizer: str, rate: float) -> None:
    spec = short(optimizer, rate)
    straight = finished(train(spec, digits)).weights
    asked = iter(range(1_000))
    paused = next(
        event
        for event in train(spec, digits, wanted=lambda: next(asked) > 6)
        if isinstance(event, Checkpoint) and event.step > 2
    )
    assert 2 < paused.step < 10
    resumed = finished(train(spec, digits, resume=paused)).weights
    for name, wanted in straight.items():
        assert torch.equal(resumed[name], wanted), name


def test_with_batch_normalisation_stride_patience_and_bfloat16(digits: Dataset) -> None:
    kernel = tuple(tuple(float(row - column) / 7 for column in range(5)) for row in range(5))
    recipe = {"batch_size": 100, "epochs": 2, "patience": 1, "precision": "bfloat16", "frozen_kernels": (kernel,)}
    final = finished(train(run(NOISY, **recipe), digits)).weights["conv1.weight"]
    assert torch.equal(final[0, 0], torch.tensor(kernel))


def test_gradient_norms_do_not_count_them(digits: Dataset) -> None:
    """With all kernels frozen the first layer's norm is its biases' alone."""
    model = ModelSpec(layers=(Conv(kernels=2, kernel_size=3), Activation(), Pool(), Flatten(), Output()))
    without = ModelSpec(layers=(Conv(kernels=2, kernel_size=3, bias=False), Activation(), Pool(), Flatten(), Output()))
    norms = [
        event.gradient_norms["conv1"]
        for chosen in (model, without)
        for event in train(run(chosen, batch_size=150, epochs=1, frozen_kernels=GIVEN), digits)
        if isinstance(event, Step)
    ]
    assert norms[0] > 0
    assert norms[-1] == 0


def test_each_input_channel_gets_the_same_slice() -> None:
    network = build(SMALL, (3, 12, 12), 4, seed=1)
    optimizer = torch.optim.SGD(network.parameters(), 1e-4, momentum=0.9, weight_decay=0.5)
    put_back = freeze(network, GIVEN)
    assert put_back is not None
    for _ in range(3):
        optimizer.zero_grad()
        network(torch.rand(4, 3, 12, 12)).square().mean().backward()
        assert network.conv1.weight.grad[:2].abs().sum() == 0
        assert network.conv1.weight.grad[2:].abs().sum() > 0
        optimizer.step()
        put_back()
        assert torch.equal(network.conv1.weight[:2].detach(), WANTED.expand(-1, 3, -1, -1))


def test_a_run_without_any_has_nothing_more_to_do() -> None:
    network = build(SMALL, (1, 28, 28), 10, seed=1)
    assert freeze(network, ()) is None
    assert not network.conv1.weight._post_accumulate_grad_hooks
