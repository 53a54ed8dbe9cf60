"""What a training run tells while it goes on. All values are frozen, on the CPU, and nobody else's to change.

``step`` counts optimiser steps from 1 (0: before the first), ``epoch`` passes over the training images, with
fractions, ``seconds`` the time spent on training in all, without pauses. Losses are cross-entropies in nats, a mean
over images; accuracies are shares from 0 to 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from pydantic import BaseModel, ConfigDict

from explorer.spec import PrecisionName, RunSpec

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, slots=True)
class Started:
    """The first event: everything is loaded, and the first step (after ``step``) is next."""

    step: int
    steps_total: int
    steps_per_epoch: int
    device: str
    precision: PrecisionName
    threads: int
    train_images: int
    validation_images: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Step:
    """A logged step. ``loss`` (with label smoothing, if any) and ``accuracy`` are over all training images since the
    last Step, as they were seen: augmented, with dropout, by the weights of their time. ``gradient_norms`` are L2
    norms by layer at this step; ``images_per_second`` is the speed of the steps since the last one."""

    step: int
    epoch: float
    loss: float
    accuracy: float
    learning_rate: float
    gradient_norms: Mapping[str, float]
    images_per_second: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Evaluated:
    """Loss (without label smoothing) and accuracy on ``images`` validation images: at the end of an epoch on all,
    within the first epoch on the first 1,000, which have the classes in the same shares."""

    step: int
    epoch: float
    loss: float
    accuracy: float
    images: int


@dataclass(frozen=True, eq=False, slots=True)
class Snapshot:
    """The network at one moment, to look at and to replay. P probe images, K classes.

    ``weights``: float32 arrays by name, as in ``state_dict`` (counters int64); of a network too large to keep all,
    those of the first convolution or dense layer alone, and then ``complete`` is False. ``loss``, ``accuracy`` and
    ``confusion`` (int64 (K, K), rows true) are over the first ``images`` validation images, the same at each
    snapshot. ``probes`` int64 (P,) are indices into the data set's training images, the first validation image of each
    class (of the first ten), ``labels`` int64 (P,) their classes and ``probabilities`` float32 (P, K) the answers.
    """

    step: int
    epoch: float
    weights: Mapping[str, np.ndarray]
    complete: bool
    loss: float
    accuracy: float
    images: int
    confusion: np.ndarray
    probes: np.ndarray
    labels: np.ndarray
    probabilities: np.ndarray

    @property
    def kernels(self) -> np.ndarray | None:
        """The first convolution's kernels, float32 (kernels, C, height, width); None where there is none."""
        return next((values for values in self.weights.values() if values.ndim == 4), None)


class State(BaseModel):
    """The part of a checkpoint that is not tensors. ``spec`` and ``fingerprint`` (the data's) say what it belongs to;
    ``threads`` is on how many it was computed; ``evaluated`` the last step with a validation, whose results are
    ``last_loss`` and ``last_accuracy``; ``best_step`` with
    ``best_loss`` and ``best_accuracy`` the epoch's end with the lowest validation loss so far, ``worse`` how many
    epochs ended since."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    version: int = 1
    spec: RunSpec
    fingerprint: str
    threads: int
    step: int = 0
    seconds: float = 0.0
    evaluated: int = 0
    last_loss: float | None = None
    last_accuracy: float | None = None
    best_step: int | None = None
    best_loss: float | None = None
    best_accuracy: float | None = None
    worse: int = 0


@dataclass(frozen=True, eq=False, slots=True)
class Checkpoint:
    """All that is needed to go on exactly. ``weights`` by name as in ``state_dict``; ``optimizer`` as in
    ``optim.memory``; ``best``: the weights at ``state.best_step``, empty unless the recipe has patience; ``unread``
    (2, steps): loss and right answers of each step since the last Step event."""

    state: State
    weights: Mapping[str, Tensor]
    optimizer: Mapping[str, Tensor]
    best: Mapping[str, Tensor]
    unread: Tensor

    @property
    def step(self) -> int:
        return self.state.step


@dataclass(frozen=True, eq=False, slots=True)
class Finished:
    """The last event. ``weights`` are the final ones: with patience those of the epoch with the lowest validation
    loss, without it the last ones; ``weights_step`` says of which step, and the validation's numbers are of that
    moment. The test's are computed once, now, in float32. ``images_per_second`` is the speed of the whole training,
    with its validations but without the test."""

    step: int
    epoch: float
    weights: Mapping[str, Tensor]
    weights_step: int
    stopped_early: bool
    train_images: int
    validation_loss: float
    validation_accuracy: float
    validation_images: int
    test_loss: float
    test_accuracy: float
    test_correct: int
    test_images: int
    images_per_second: float
    seconds: float


Event = Started | Step | Evaluated | Snapshot | Checkpoint | Finished
