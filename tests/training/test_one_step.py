"""One weight's step against torch.optim on a copy, its gradient against a plain backward pass, lines by numbers."""

from __future__ import annotations

import copy
import math
import re
from typing import get_args

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F
from training_helpers import NOISY, SMALL, run

from explorer.data import Dataset
from explorer.errors import SpecError, StoreError
from explorer.models import Network, build
from explorer.runs import service
from explorer.runs.artifacts import run_folder
from explorer.spec import OptimizerName, TrainSpec
from explorer.training import optim, schedule
from explorer.training.checkpoints import write_checkpoint
from explorer.training.engine import train
from explorer.training.events import Checkpoint
from explorer.training.one_step import Difference, Memory, finite_difference, fresh, gradient, recall
from explorer.training.schedule import Rate
from explorer.training.updates import SYMBOLS, Line, update
from explorer.ui import text


def images(number: int = 6) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(number)
    return torch.randn(number, 1, 28, 28, generator=generator), torch.arange(number) % 10


def some_index(shape: tuple[int, ...], draw: st.DataObject) -> tuple[int, ...]:
    return tuple(draw.draw(st.integers(0, size - 1)) for size in shape)


def evaluated(line: Line) -> float:
    """The formula as Python reads it, with the line's own numbers."""
    python = line.formula.format_map({name: f"({value!r})" for name, value in line.values.items()})
    for sign, operator in (("·", "*"), ("−", "-"), ("√", "math.sqrt"), ("²", "**2"), ("^", "**")):
        python = python.replace(sign, operator)
    return float(eval(python, {"math": math}))  # noqa: S307 our own formulas


recipes = st.builds(
    TrainSpec,
    optimizer=st.sampled_from(get_args(OptimizerName)),
    learning_rate=st.floats(1e-4, 0.1),
    schedule=st.sampled_from(["constant", "cosine", "one_cycle"]),
    weight_decay=st.sampled_from([0.0, 0.0001, 0.1]),
    label_smoothing=st.sampled_from([0.0, 0.1]),
)


def test_a_formula_is_written_as_one_writes_it() -> None:
    values = {"beta2": 0.999, "second": 2.5, "g": 1.591e-6, "step": 12_345.0}
    line = Line("v", "{beta2} · {second} + (1 − {beta2}^{step}) · {g}²", values, 0.0, "")
    assert line.symbols() == "β₂ · v + (1 − β₂ᵗ) · g²"
    shown = line.numbers(text.number)
    assert shown == "0.999 · 2.5 + (1 − 0.999¹²³⁴⁵) · (1.591 × 10⁻⁶)²"
    assert line._replace(values=values | {"g": -0.5}).numbers(text.number).endswith("· (−0.5)²")


# --- the update -----------------------------------------------------------------------------------------------------


@settings(max_examples=60)
@given(recipes, st.integers(0, 4), st.booleans(), st.data())
def test_a_step_is_what_the_optimiser_really_does(
    recipe: TrainSpec, taken: int, normed: bool, data: st.DataObject
) -> None:
    network = build(NOISY if normed else SMALL, (1, 28, 28), 10, seed=1).eval()
    inputs, labels = images()
    optimizer = optim.build(recipe, network)

    def step() -> None:
        optimizer.zero_grad()
        loss = F.cross_entropy(network(inputs), labels, label_smoothing=recipe.label_smoothing)
        loss.backward()
        optimizer.step()

    for number in range(taken):
        optim.set_rate(optimizer, schedule.rate(recipe, number, 6))
        step()
    rate = schedule.rate(recipe, taken, 6)
    memory = Memory(taken, rate, optim.memory(optimizer, network))
    name = data.draw(st.sampled_from([name for name, _ in network.named_parameters()]))
    index = some_index(tuple(network.get_parameter(name).shape), data)
    value = float(network.get_parameter(name).detach()[index])
    _, slopes = gradient(network, name, inputs, labels, smoothing=recipe.label_smoothing)
    found = update(recipe, rate, value=value, gradient=float(slopes[index]), memory=memory.at(name, index))
    optim.set_rate(optimizer, rate)
    step()
    real = optim.memory(optimizer, network)
    after = Memory(taken + 1, rate, real).at(name, index)
    assert found.new == pytest.approx(float(network.get_parameter(name).detach()[index]), rel=1e-6, abs=1e-7)
    assert found.after == pytest.approx(after, rel=1e-5, abs=1e-10)
    assert found.lines[-1].result == found.new
    for line in found.lines:
        assert evaluated(line) == pytest.approx(line.result, rel=1e-12, abs=1e-300)


@pytest.mark.parametrize("optimizer", get_args(OptimizerName))
@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_every_line_is_written_out_in_symbols_and_in_numbers(optimizer: OptimizerName, decay: float) -> None:
    recipe = TrainSpec(optimizer=optimizer, weight_decay=decay)
    found = update(recipe, fresh(recipe).rate, value=-0.25, gradient=0.5, memory={})
    for line in found.lines:
        assert not re.search(r"[{}_]", line.symbols())
        assert all(("ᵗ" if name == "step" else SYMBOLS[name]) in line.symbols() for name in line.values)
        assert not re.search(r"[{}_]", line.numbers(str))
    last = found.lines[-1].numbers(str)
    assert f"· {recipe.learning_rate}" in last or f"− {recipe.learning_rate}" in last
    assert ("(-0.25)" in "".join(line.numbers(str) for line in found.lines)) is True
    assert any("decay" in line.about for line in found.lines) is (decay > 0)


def test_the_first_step_of_each_optimiser_by_hand() -> None:
    def new(optimizer: OptimizerName, decay: float = 0.0) -> float:
        recipe = TrainSpec(optimizer=optimizer, learning_rate=0.1, weight_decay=decay)
        return update(recipe, fresh(recipe).rate, value=2.0, gradient=0.5, memory={}).new

    assert new("sgd") == new("momentum") == pytest.approx(1.95)
    assert new("sgd", 0.5) == pytest.approx(2 - 0.1 * 1.5)
    assert new("adam") == pytest.approx(1.9)  # the first step of Adam is one learning rate long
    assert new("adamw", 0.5) == pytest.approx(2 * 0.95 - 0.1)


# --- the gradient ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("spec", [SMALL, NOISY])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_the_gradient_is_a_backward_pass_on_a_copy(spec: object, smoothing: float) -> None:
    network = build(spec, (1, 28, 28), 10, seed=2)  # type: ignore[arg-type]
    network(images(16)[0])  # running statistics of its own
    inputs, labels = images()
    twin = copy.deepcopy(network).eval()
    loss = F.cross_entropy(twin(inputs), labels, label_smoothing=smoothing)
    loss.backward()
    for name, parameter in twin.named_parameters():
        found, slopes = gradient(network, name, inputs, labels, smoothing=smoothing)
        assert found == pytest.approx(loss.item(), rel=1e-6)
        assert slopes.dtype == torch.float32
        assert parameter.grad is not None
        torch.testing.assert_close(slopes, parameter.grad)


def test_the_network_is_left_alone_and_no_random_number_is_drawn() -> None:
    network = build(NOISY, (1, 28, 28), 10, seed=2).requires_grad_(False)
    network.norm1.eval()
    modes = [module.training for module in network.modules()]
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    state = torch.get_rng_state()
    gradient(network, "conv1.weight", *images())
    finite_difference(network, "conv1.weight", (1, 0, 2, 2), *images())
    assert torch.equal(state, torch.get_rng_state())
    assert modes == [module.training for module in network.modules()]
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())
    assert not any(parameter.requires_grad for parameter in network.parameters())
    assert all(parameter.grad is None for parameter in network.parameters())


def test_an_unknown_parameter_is_refused_with_those_there_are() -> None:
    with pytest.raises(SpecError, match=r"no parameter named 'conv9.weight'; there are: conv1.weight, conv1.bias"):
        gradient(build(SMALL, (1, 28, 28), 10, seed=0), "conv9.weight", *images())


@settings(max_examples=15)
@given(st.data())
def test_a_finite_difference_agrees_with_autograd(data: st.DataObject) -> None:
    network = build(SMALL, (1, 28, 28), 10, seed=4).eval()
    name = data.draw(st.sampled_from([name for name, _ in network.named_parameters()]))
    index = some_index(tuple(network.get_parameter(name).shape), data)
    inputs, labels = images(3)
    found = finite_difference(network, name, index, inputs, labels, smoothing=0.1)
    assert found.absolute < 1e-4  # a ReLU or a maximum may turn over within ± h, once in a great while
    wide = copy.deepcopy(network).double()
    losses = []
    for sign in (1, -1):
        moved = copy.deepcopy(wide)
        with torch.no_grad():
            moved.get_parameter(name)[index] += sign * found.h
        losses.append(F.cross_entropy(moved(inputs.double()), labels, label_smoothing=0.1).item())
    assert (found.above, found.below) == pytest.approx(losses, rel=1e-12)
    assert found.slope == pytest.approx((losses[0] - losses[1]) / (2 * found.h), abs=1e-9)
    _, slopes = gradient(network, name, inputs, labels, smoothing=0.1)
    assert found.gradient == pytest.approx(float(slopes[index]), rel=1e-3, abs=1e-6)


def test_a_smooth_networks_finite_difference_is_good_to_seven_digits() -> None:
    network: Network = build(NOISY, (1, 28, 28), 10, seed=4).eval()
    found = finite_difference(network, "output.weight", (3, 4), *images(3))
    assert found.relative < 1e-7
    assert Difference(1.0, 0.0, 0.0, 0.0, 0.0).relative == 0.0


# --- what the optimiser remembers -----------------------------------------------------------------------------------


def test_the_memory_is_that_of_the_runs_newest_checkpoint(digits: Dataset) -> None:
    spec = run(images=60, share=0.02, batch_size=20, epochs=2, optimizer="adam", schedule="cosine")
    checkpoint = next(event for event in train(spec, digits) if isinstance(event, Checkpoint))
    store = service.local().store
    run_id = store.create(spec)
    assert recall(run_id) is None
    lease = store.claim_run(run_id, "test", 30.0)
    assert lease is not None
    folder = run_folder(run_id).create()
    path = folder.checkpoints / "one.safetensors"
    store.commit_checkpoint(lease, folder.uri(path), write_checkpoint(path, checkpoint), checkpoint.step)
    found = recall(run_id)
    assert found is not None
    assert found.steps == checkpoint.step == 3
    tensor = checkpoint.optimizer["conv1.weight/exp_avg"]
    index = tuple(int(number) for number in np.unravel_index(int(tensor.abs().argmax()), tensor.shape))
    assert found.at("conv1.weight", index) == {
        "exp_avg": float(tensor[index]),
        "exp_avg_sq": float(checkpoint.optimizer["conv1.weight/exp_avg_sq"][index]),
        "step": 3.0,
    }
    # The store knows no total yet, so the rate is that of the last step there was.
    assert found.rate == schedule.rate(spec.train, 2, 3)
    store.finish(lease, "stopped")


def test_a_fresh_memory_is_empty_and_a_missing_run_is_told() -> None:
    assert fresh(TrainSpec(optimizer="sgd", learning_rate=0.5)).rate == Rate(0.5, 0.0)
    assert fresh(TrainSpec(optimizer="adam", learning_rate=0.5)).rate == Rate(0.5, 0.9)
    assert fresh(TrainSpec()).at("conv1.weight", (0, 0, 0, 0)) == {}
    with pytest.raises(StoreError):
        recall("00000000")
