"""The engine against a plain loop: the same images, PyTorch's own optimisers and schedulers, nothing clever."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from training_helpers import NOISY, run

from explorer.data import Dataset, split
from explorer.models import build
from explorer.spec import Dropout, RunSpec
from explorer.training.batches import order, seed_of
from explorer.training.engine import train
from explorer.training.events import Finished, Step


def plain_loop(spec: RunSpec, data: Dataset, steps: int) -> tuple[dict[str, torch.Tensor], list[float], list[float]]:
    """Weights after some steps, and each step's loss and learning rate, as a textbook would compute them."""
    recipe = spec.train
    net = build(spec.model, (1, 28, 28), 10, initialization=recipe.initialization, seed=recipe.seed)
    if any(isinstance(layer, Dropout) for layer in spec.model.layers) and recipe.memory_format == "channels_last":
        net = net.to(memory_format=torch.channels_last)  # which element dropout drops depends on their order in memory
    chosen = split(data, spec.data).train
    batches = [
        chosen[epoch_order.numpy()[start : start + recipe.batch_size]]
        for epoch in range(recipe.epochs)
        for epoch_order in [order(len(chosen), recipe.seed, epoch)]
        for start in range(0, len(chosen), recipe.batch_size)
    ]
    optimizer = {
        "sgd": lambda p: torch.optim.SGD(p, recipe.learning_rate, weight_decay=recipe.weight_decay),
        "momentum": lambda p: torch.optim.SGD(p, recipe.learning_rate, 0.9, weight_decay=recipe.weight_decay),
        "adam": lambda p: torch.optim.Adam(p, recipe.learning_rate, weight_decay=recipe.weight_decay),
        "adamw": lambda p: torch.optim.AdamW(p, recipe.learning_rate, weight_decay=recipe.weight_decay),
    }[recipe.optimizer](net.parameters())
    total = len(batches)
    scheduler = {
        "constant": lambda: torch.optim.lr_scheduler.ConstantLR(optimizer, factor=1.0),
        "cosine": lambda: torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, total),
        "one_cycle": lambda: torch.optim.lr_scheduler.OneCycleLR(
            optimizer, recipe.learning_rate, total_steps=total, cycle_momentum=recipe.optimizer != "sgd"
        ),
    }[recipe.schedule]()
    losses, rates = [], []
    for number, batch in enumerate(batches[:steps]):
        torch.manual_seed(seed_of(recipe.seed, "dropout", number))
        images = (torch.tensor(data.train.pixels[batch]).float() / 255 - 0.1307) / 0.3081
        labels = torch.tensor(data.train.labels[batch])
        loss = torch.nn.functional.cross_entropy(net(images), labels, label_smoothing=recipe.label_smoothing)
        optimizer.zero_grad()
        loss.backward()
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
        losses.append(loss.item())
    return net.state_dict(), losses, rates


@pytest.mark.parametrize("schedule", ["constant", "cosine", "one_cycle"])
@pytest.mark.parametrize(("optimizer", "rate"), [("sgd", 0.1), ("momentum", 0.05), ("adam", 0.002), ("adamw", 0.002)])
def test_each_optimiser_under_each_schedule_takes_the_steps_of_pytorchs_own(
    digits: Dataset, optimizer: str, rate: float, schedule: str
) -> None:
    spec = run(
        optimizer=optimizer,
        learning_rate=rate,
        schedule=schedule,
        batch_size=64,
        epochs=2,
        weight_decay=0.1,
        label_smoothing=0.1,
    )
    weights, losses, rates = plain_loop(spec, digits, steps=10)
    events = list(train(spec, digits))
    steps = [event for event in events if isinstance(event, Step)]
    assert [step.step for step in steps] == list(range(1, 11))
    np.testing.assert_allclose([step.learning_rate for step in steps], rates, rtol=1e-9)
    np.testing.assert_allclose([step.loss for step in steps], losses, rtol=2e-5)
    final = events[-1]
    assert isinstance(final, Finished)
    begun = build(spec.model, (1, 28, 28), 10, seed=0).state_dict()
    for name, wanted in weights.items():
        way = (wanted - begun[name]).norm()
        assert (final.weights[name] - wanted).norm() < 1e-3 * way, name


@pytest.mark.parametrize("memory_format", ["channels_last", "channels_first"])
def test_dropout_and_batch_normalisation_take_the_same_steps_too(digits: Dataset, memory_format: str) -> None:
    spec = run(
        NOISY,
        optimizer="momentum",
        learning_rate=0.02,
        batch_size=100,
        epochs=3,
        initialization="kaiming_normal",
        memory_format=memory_format,
    )
    weights, losses, _ = plain_loop(spec, digits, steps=9)
    events = list(train(spec, digits))
    np.testing.assert_allclose([event.loss for event in events if isinstance(event, Step)][:5], losses[:5], rtol=1e-4)
    final = events[-1]
    assert isinstance(final, Finished)
    for name, wanted in weights.items():
        # A bias before batch normalisation has no gradient but rounding.
        assert (final.weights[name] - wanted).float().norm() <= 5e-3 * wanted.float().norm() + 3e-7, name
