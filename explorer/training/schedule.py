"""When things happen in a run, from the step number alone, so that a run that goes on needs no memory of them:
learning rate and momentum, the logged steps, the validations and the snapshots. No torch here.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from explorer.spec import TrainSpec

MOMENTUM = 0.9
MAX_SNAPSHOTS = 24
LOGGED_STEPS = 500
LONGEST_SILENCE = 640
"""Training images between two logged steps at most: a tenth of a second to a few seconds on a CPU, so that who watches
sees new numbers."""
_FIRST_STEPS = 5
_VALIDATIONS = 4

# The defaults of torch.optim.lr_scheduler.OneCycleLR (Smith & Topin 2018, 'Super-convergence').
_WARM_UP_SHARE, _START, _END = 0.3, 1 / 25, 1 / 25 / 1e4
_HIGH_MOMENTUM, _LOW_MOMENTUM = 0.95, 0.85


class Rate(NamedTuple):
    """What the optimiser works with at one step. ``momentum`` is SGD's, or Adam's first beta."""

    learning_rate: float
    momentum: float


def rate(spec: TrainSpec, step: int, total: int) -> Rate:
    """Learning rate and momentum of the ``step``-th step, 0 ≤ step < total, counted from 0.

    ``cosine`` falls from the learning rate to 0 (as CosineAnnealingLR over all steps); ``one_cycle`` rises to it over
    the first 30 % and falls to almost 0, with momentum going the other way (as OneCycleLR by default). The optimiser
    ``sgd`` has no momentum under any schedule.
    """
    momentum = 0.0 if spec.optimizer == "sgd" else MOMENTUM
    highest = spec.learning_rate
    if spec.schedule == "constant":
        return Rate(highest, momentum)
    if spec.schedule == "cosine":
        return Rate(_anneal(highest, 0.0, step / total), momentum)
    peak = _WARM_UP_SHARE * total - 1
    if step <= peak:
        share = step / peak
        learning_rate = _anneal(highest * _START, highest, share)
        cycled = _anneal(_HIGH_MOMENTUM, _LOW_MOMENTUM, share)
    else:
        share = (step - peak) / (total - 1 - peak)
        learning_rate = _anneal(highest, highest * _END, share)
        cycled = _anneal(_LOW_MOMENTUM, _HIGH_MOMENTUM, share)
    return Rate(learning_rate, cycled if momentum else 0.0)


def _anneal(start: float, end: float, share: float) -> float:
    """Half a cosine from ``start`` to ``end``."""
    return end + (start - end) / 2 * (1 + math.cos(math.pi * share))


class Plan(NamedTuple):
    """The steps of a run, counted from 1; 0 is before the first. ``logged_every`` steps there is a Step event."""

    steps_per_epoch: int
    total: int
    logged_every: int
    validations: frozenset[int]
    snapshots: frozenset[int]

    def logged(self, step: int) -> bool:
        return step % self.logged_every == 0 or step <= _FIRST_STEPS or step == self.total

    def ends_epoch(self, step: int) -> bool:
        return step > 0 and step % self.steps_per_epoch == 0

    def epoch(self, step: int) -> float:
        """Passes over the training images, with fractions."""
        return step / self.steps_per_epoch


def plan(steps_per_epoch: int, epochs: int, batch_size: int, *, snapshots: int = MAX_SNAPSHOTS) -> Plan:
    """The steps of a run. There are up to 500 logged ones, in long runs one every 640 images; a validation at the end
    of each epoch and at least one in the first, four in all; snapshots (at most so many, 2 at least: before and after)
    at 1, 2, 4, 8 … steps through the first epoch, with half of the places or fewer, then evenly."""
    total = steps_per_epoch * epochs
    parts = max(2, _VALIDATIONS - epochs + 1)  # of the first epoch
    within = {max(1, round(steps_per_epoch * part / parts)) for part in range(1, parts)}
    ends = {steps_per_epoch * epoch for epoch in range(1, epochs + 1)}
    return Plan(
        steps_per_epoch=steps_per_epoch,
        total=total,
        logged_every=min(math.ceil(total / LOGGED_STEPS), max(1, LONGEST_SILENCE // batch_size)),
        validations=frozenset(within | ends),
        snapshots=_snapshot_steps(steps_per_epoch, total, snapshots),
    )


def _snapshot_steps(steps_per_epoch: int, total: int, limit: int) -> frozenset[int]:
    doubled = [2**power for power in range(total.bit_length()) if 2**power < min(steps_per_epoch + 1, total)]
    between = max(0, limit - 2)
    doubled = doubled[-(between // 2) :] if between >= 2 else []
    start = doubled[-1] if doubled else 0
    evenly = min(
        between - len(doubled), math.ceil(limit * (total - start) / total)
    )  # none closer than if all were even
    even = (start + round((total - start) * place / (evenly + 1)) for place in range(1, evenly + 1))
    return frozenset({0, *doubled, *even, total})
