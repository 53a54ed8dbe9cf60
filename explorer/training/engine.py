"""Training as a generator of events. It neither prints nor knows a store; who consumes the events does.

The same seed, device, number of threads, precision and memory format give the same weights, bit for bit, also across
pauses: orders and random numbers follow from seed, epoch and step (see :mod:`~explorer.training.batches`), learning
rates from the step, and everything else is in the checkpoint.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from explorer import models
from explorer.analysis import confusion, evaluate
from explorer.data import Dataset
from explorer.errors import TrainingError
from explorer.spec import RunSpec
from explorer.training import optim, schedule
from explorer.training.calibrate import choose
from explorer.training.choice import of_recipe, settled
from explorer.training.device import check, describe, pick, working
from explorer.training.events import Checkpoint, Evaluated, Event, Finished, Snapshot, Started, State
from explorer.training.learner import Learner

SNAPSHOT_BYTES = 40_000_000
SNAPSHOT_IMAGES = 2_000

_EVALUATION_BATCH = 200  # on a CPU what fits into its cache: with 1,000 an evaluation takes twice as long
_ACCELERATED_BATCH = 2_000
_EARLY_VALIDATION_IMAGES = 1_000
_SNAPSHOT_SHARE = 0.03  # images that all snapshots look at, as a share of those that are trained on
_FEWEST_SNAPSHOT_IMAGES = 100


def train(
    spec: RunSpec,
    data: Dataset,
    *,
    device: torch.device | None = None,
    resume: Checkpoint | None = None,
    wanted: Callable[[], bool] = lambda: False,
) -> Iterator[Event]:
    """Trains a network as ``spec`` says and tells what happens, from Started to Finished.

    ``device`` is by default the recipe's; ``resume`` goes on from a checkpoint of the same spec and data, exactly.
    A precision or memory format ``auto`` is settled by trying (:mod:`~explorer.training.calibrate`), or as it was when
    the run began.
    ``wanted`` is asked before each step and now and then in evaluations: where it says True a Checkpoint comes at
    once. There is one at the end of each epoch, too. Close the generator to stop. Torch's global generators are seeded
    anew at each step of a network with dropout.

    The final weights are the last ones, with patience those of the epoch with the lowest validation loss. Validation
    is computed in the recipe's precision, the test in float32, as everywhere else in the app.

    Raises SpecError for a network that can't work, DataError for data that can't be split, WeightsError for a
    checkpoint of another network, and TrainingError where the device is missing or short of memory, the loss is no
    longer a number, a batch is too small for batch normalisation, or the checkpoint belongs to another run.
    """
    device = device or pick(spec.train.device)
    with working(device):
        spec = _settled(spec, data, device, resume)
        check(device, spec.train.precision)
        yield from _Run(spec, data, device, resume, wanted).events()


def _settled(spec: RunSpec, data: Dataset, device: torch.device, resume: Checkpoint | None) -> RunSpec:
    if "auto" not in (spec.train.precision, spec.train.memory_format):
        return spec
    if resume is not None:
        return settled(spec, *of_recipe(resume.state.spec.train))
    return choose(spec, data, device, threads=torch.get_num_threads(), fewer_threads=False).settle(spec)


class _Scores(NamedTuple):
    """The answers to N images, on the CPU."""

    losses: np.ndarray  # cross-entropies, float32 (N,)
    predictions: np.ndarray  # classes, int64 (N,)
    probabilities: np.ndarray  # float32 (N, K)
    labels: np.ndarray  # int64 (N,)

    @property
    def loss(self) -> float:
        return float(self.losses.mean(dtype=np.float64))

    @property
    def accuracy(self) -> float:
        return float((self.predictions == self.labels).mean())


class _Run:
    """The course of one run: when there are steps, validations, snapshots and checkpoints."""

    def __init__(
        self, spec: RunSpec, data: Dataset, device: torch.device, resume: Checkpoint | None, wanted: Callable[[], bool]
    ) -> None:
        self.spec, self.data, self.device, self.wanted = spec, data, device, wanted
        self.state = State(spec=spec, fingerprint=data.fingerprint, threads=torch.get_num_threads())
        self.best: Mapping[str, Tensor] = {}
        if resume is not None:
            _check_belongs(resume.state, spec, data)
            self.state, self.best = resume.state, resume.best
        self.learner = Learner(spec, data, device, weights=resume.weights if resume else {})
        if resume is not None:
            self.learner.resume(resume.step, resume.optimizer, resume.unread)
        self.snapshot_names, limit = _kept_in_snapshots(self.learner.network.state_dict())
        recipe = spec.train
        per_epoch = self.learner.images.steps_per_epoch
        self.plan = schedule.plan(per_epoch, recipe.epochs, recipe.batch_size, snapshots=limit)
        self.batch = _EVALUATION_BATCH if device.type == "cpu" else _ACCELERATED_BATCH
        self.began = time.perf_counter()

    def events(self) -> Iterator[Event]:
        images = self.learner.images
        yield Started(
            step=self.step,
            steps_total=self.plan.total,
            steps_per_epoch=self.plan.steps_per_epoch,
            device=describe(self.device),
            precision=self.spec.train.precision,
            threads=torch.get_num_threads(),
            train_images=len(images),
            validation_images=len(images.validation),
            seconds=self.seconds,
        )
        yield from self._look()
        while not self.done:
            if self.wanted():
                yield self._checkpoint()
            self.learner.take_step()
            if self.plan.logged(self.step):
                yield self.learner.read(seconds=self.seconds)
            yield from self._look()
        yield from self._finish()

    @property
    def step(self) -> int:
        return self.learner.step

    @property
    def epoch(self) -> float:
        return self.plan.epoch(self.step)

    @property
    def seconds(self) -> float:
        return self.state.seconds + time.perf_counter() - self.began

    @property
    def done(self) -> bool:
        patience = self.spec.train.patience
        return self.step >= self.plan.total or (patience is not None and self.state.worse >= patience)

    def _look(self) -> Iterator[Event]:
        """What is due between two steps. A run that goes on from here does it again, except for the validation."""
        if self.step in self.plan.validations and self.state.evaluated != self.step:
            yield from self._validate()
        if self.step in self.plan.snapshots or self.done:
            yield from self._snapshot()
        if self.plan.ends_epoch(self.step):
            yield self._checkpoint()

    def _validate(self) -> Iterator[Event]:
        images = self.learner.images.validation
        if not self.plan.ends_epoch(self.step):  # for the curve alone: some are enough
            images = images[:_EARLY_VALIDATION_IMAGES]
        scores = yield from self._scores(images)
        loss, accuracy = scores.loss, scores.accuracy
        if not math.isfinite(loss):
            raise self.learner.diverged(self.step)
        changes: dict[str, object] = {"evaluated": self.step, "last_loss": loss, "last_accuracy": accuracy}
        if self.plan.ends_epoch(self.step):
            if self.state.best_loss is None or loss < self.state.best_loss:
                changes |= {"best_step": self.step, "best_loss": loss, "best_accuracy": accuracy, "worse": 0}
                self.best = {} if self.spec.train.patience is None else self.learner.weights()
            else:
                changes |= {"worse": self.state.worse + 1}
        self.state = self.state.model_copy(update=changes)
        yield Evaluated(self.step, self.epoch, loss, accuracy, len(scores.labels))

    def _snapshot(self) -> Iterator[Event]:
        images = self.learner.images
        affordable = int(_SNAPSHOT_SHARE * self.spec.train.epochs * len(images) / len(self.plan.snapshots))
        count = min(SNAPSHOT_IMAGES, max(_FEWEST_SNAPSHOT_IMAGES, affordable))
        scores = yield from self._scores(images.validation[:count])
        probes = yield from self._scores(images.probes)
        self.learner.check()
        weights = {name: tensor.numpy() for name, tensor in self.learner.weights(self.snapshot_names).items()}
        yield Snapshot(
            step=self.step,
            epoch=self.epoch,
            weights=weights,
            complete=len(weights) == len(self.learner.network.state_dict()),
            loss=scores.loss,
            accuracy=scores.accuracy,
            images=len(scores.labels),
            confusion=confusion(scores.labels, scores.predictions, len(self.data.card.classes)),
            probes=images.probes.cpu().numpy(),
            labels=probes.labels,
            probabilities=probes.probabilities,
        )

    def _scores(self, indices: Tensor) -> Generator[Event, None, _Scores]:
        """The answers to training images, with checkpoints where they are wanted meanwhile."""
        answers = []
        for some in indices.split(self.batch):  # type: ignore[no-untyped-call]
            if self.wanted():
                yield self._checkpoint()
            answers.append(self.learner.answers(some))
        logits, labels = torch.cat(answers).cpu(), self.learner.images.labels(indices).cpu()
        losses = F.cross_entropy(logits, labels, reduction="none")
        return _Scores(losses.numpy(), logits.argmax(1).numpy(), logits.softmax(1).numpy(), labels.numpy())

    def _checkpoint(self) -> Checkpoint:
        """Where the run stands. Raises TrainingError where it has diverged, so that every checkpoint is a good one."""
        self.learner.check()
        weights = self.learner.weights()
        if not all(bool(tensor.isfinite().all()) for tensor in weights.values()):
            raise self.learner.diverged(self.step)
        return Checkpoint(
            state=self.state.model_copy(update={"step": self.step, "seconds": self.seconds}),
            weights=weights,
            optimizer=optim.memory(self.learner.optimizer, self.learner.network),
            best=self.best,
            unread=self.learner.unread().to("cpu", copy=True),
        )

    def _finish(self) -> Iterator[Event]:
        state, patient = self.state, self.spec.train.patience is not None
        speed = self.epoch * len(self.learner.images) / self.seconds
        weights = self.best if patient else self.learner.weights()
        # As a page would load it, so that both count the same mistakes.
        final = models.build(self.spec.model, self.data.card.shape, len(self.data.card.classes))
        models.load_weights(final, weights)
        final.to(self.device)
        test = self.data.test
        loss, correct = 0.0, 0
        for start in range(0, len(test), self.batch):
            if self.wanted():
                yield self._checkpoint()
            some = slice(start, start + self.batch)
            part = evaluate(final, test.pixels[some], test.labels[some], self.data.card, batch=self.batch)
            loss, correct = loss + part.loss * len(part.labels), correct + part.correct
        yield Finished(
            step=self.step,
            epoch=self.epoch,
            weights=weights,
            weights_step=(state.best_step if patient else None) or self.step,
            stopped_early=self.step < self.plan.total,
            train_images=len(self.learner.images),
            validation_loss=(state.best_loss if patient else state.last_loss) or 0.0,
            validation_accuracy=(state.best_accuracy if patient else state.last_accuracy) or 0.0,
            validation_images=len(self.learner.images.validation),
            test_loss=loss / len(test),
            test_accuracy=correct / len(test),
            test_correct=correct,
            test_images=len(test),
            images_per_second=speed,
            seconds=self.seconds,
        )


def _check_belongs(state: State, spec: RunSpec, data: Dataset) -> None:
    begun = settled(state.spec, *of_recipe(state.spec.train))
    if (begun.model, begun.data, begun.train) != (spec.model, spec.data, spec.train):
        raise TrainingError("this checkpoint is of another network or recipe: resume it with its own, or start anew")
    if state.fingerprint != data.fingerprint:
        raise TrainingError(
            f"the images of {data.card.title} are not the ones that this run began with (perhaps the subset then, and "
            "all of them now): start a new run"
        )


def _kept_in_snapshots(tensors: Mapping[str, Tensor]) -> tuple[frozenset[str], int]:
    """Which tensors a snapshot keeps, and how many snapshots that allows: all, or of a large network the first
    convolution's or dense layer's weights, or none."""
    first = next(name for name, tensor in tensors.items() if tensor.ndim >= 2)
    for names in (frozenset(tensors), frozenset([first])):
        count = SNAPSHOT_BYTES // sum(tensors[name].nbytes for name in names)
        if count >= 2:
            return names, min(count, schedule.MAX_SNAPSHOTS)
    return frozenset(), schedule.MAX_SNAPSHOTS
