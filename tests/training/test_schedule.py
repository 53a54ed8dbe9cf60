"""Schedules against PyTorch's own, and the plan of a run against its promises."""

from __future__ import annotations

import warnings
from itertools import pairwise
from typing import Literal

import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from torch.optim.lr_scheduler import CosineAnnealingLR, OneCycleLR

from explorer.spec import TrainSpec
from explorer.training.schedule import MAX_SNAPSHOTS, plan, rate


@given(
    st.sampled_from(["sgd", "momentum", "adam", "adamw"]),
    st.sampled_from(["cosine", "one_cycle"]),
    st.integers(2, 300),
    st.floats(1e-5, 10),
)
def test_learning_rate_and_momentum_are_those_of_pytorchs_schedulers(
    optimizer: Literal["sgd", "momentum", "adam", "adamw"],
    schedule: Literal["cosine", "one_cycle"],
    total: int,
    highest: float,
) -> None:
    parameter = [torch.zeros(1, requires_grad=True)]
    theirs = (
        torch.optim.SGD(parameter, highest, momentum=0.0 if optimizer == "sgd" else 0.9)
        if optimizer in ("sgd", "momentum")
        else torch.optim.AdamW(parameter, highest)
    )
    if schedule == "cosine":
        scheduler = CosineAnnealingLR(theirs, total)
    else:
        scheduler = OneCycleLR(theirs, highest, total_steps=total, cycle_momentum=optimizer != "sgd")
    spec = TrainSpec(optimizer=optimizer, schedule=schedule, learning_rate=highest)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that no step was taken before the scheduler's
        for step in range(total):
            group = theirs.param_groups[0]
            momentum = group["betas"][0] if "betas" in group else group["momentum"]
            assert rate(spec, step, total) == pytest.approx((group["lr"], momentum), rel=1e-6, abs=1e-9 * highest)
            scheduler.step()


def test_a_constant_rate_stays() -> None:
    spec = TrainSpec(optimizer="momentum", schedule="constant", learning_rate=0.3)
    assert {rate(spec, step, 10) for step in range(10)} == {(0.3, 0.9)}


@given(st.integers(1, 500), st.integers(1, 40), st.integers(1, 1024), st.integers(2, MAX_SNAPSHOTS))
@example(1, 1, 64, 2)
@example(422, 3, 128, 24)
def test_a_plan_keeps_its_promises(steps_per_epoch: int, epochs: int, batch_size: int, limit: int) -> None:
    made = plan(steps_per_epoch, epochs, batch_size, snapshots=limit)
    total = steps_per_epoch * epochs
    assert made.total == total
    assert {steps_per_epoch * epoch for epoch in range(1, epochs + 1)} <= made.validations <= set(range(1, total + 1))
    assert len(made.validations) >= (4 if steps_per_epoch >= 4 else 1)
    assert {0, total} <= made.snapshots <= set(range(total + 1))
    assert len(made.snapshots) <= limit
    logged = [step for step in range(1, total + 1) if made.logged(step)]
    assert logged[-1] == total
    longest = max(later - earlier for earlier, later in pairwise([0, *logged]))
    assert longest == 1 or longest * batch_size <= 640
    assert len(logged) <= 506 or longest == 640 // batch_size or longest == 1


def test_snapshots_of_a_long_run_double_at_first_and_are_even_later() -> None:
    steps = sorted(plan(400, 20, 128, snapshots=24).snapshots)
    assert steps[:10] == [0, 1, 2, 4, 8, 16, 32, 64, 128, 256]
    gaps = {later - earlier for earlier, later in pairwise(steps[9:])}
    assert max(gaps) - min(gaps) <= 1
