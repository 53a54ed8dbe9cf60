"""What the engine tells, that it goes on exactly, and how it ends, well or badly."""

from __future__ import annotations

import dataclasses
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest
import torch
from training_helpers import NOISY, SMALL, run

from explorer.analysis import evaluate
from explorer.data import Dataset, split
from explorer.errors import SpecError, TrainingError, WeightsError
from explorer.models import build, load_weights
from explorer.spec import Augmentation, Conv, Dense, Flatten, ModelSpec, Output
from explorer.training import engine
from explorer.training.checkpoints import read_checkpoint, write_checkpoint
from explorer.training.engine import train
from explorer.training.events import Checkpoint, Evaluated, Event, Finished, Snapshot, Started, Step
from explorer.training.learner import Learner

E = TypeVar("E", bound=Event)


def of(kind: type[E], events: list[Event]) -> list[E]:
    return [event for event in events if isinstance(event, kind)]


def collect(events: Iterator[Event], seen: list[Event]) -> None:
    """All events until an error, which is passed on, into ``seen``."""
    seen.extend(events)  # (`list` would lose what came before the error)


def finished(events: list[Event]) -> Finished:
    assert isinstance(events[-1], Finished)
    return events[-1]


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_a_run_tells_what_it_does_in_order(digits: Dataset) -> None:
    spec = run(images=250, share=0.1, batch_size=100, epochs=2, optimizer="momentum", learning_rate=0.05)
    events = list(train(spec, digits))
    started = events[0]
    assert isinstance(started, Started)
    assert (started.steps_total, started.steps_per_epoch, started.train_images) == (6, 3, 250)
    assert started.validation_images == 400
    steps = of(Step, events)
    assert [step.step for step in steps] == [1, 2, 3, 4, 5, 6]
    assert [step.epoch for step in steps] == pytest.approx([1 / 3, 2 / 3, 1, 4 / 3, 5 / 3, 2])
    assert list(steps[0].gradient_norms) == ["conv1", "conv2", "dense1", "output"]
    assert all(norm > 0 for step in steps for norm in step.gradient_norms.values())
    assert {event.step for event in of(Evaluated, events)} >= {3, 6}
    assert [event.step for event in of(Checkpoint, events)] == [3, 6]
    assert {0, 1, 2, 6} <= {event.step for event in of(Snapshot, events)}
    last = finished(events)
    assert (last.step, last.epoch, last.weights_step, last.stopped_early) == (6, 2.0, 6, False)
    assert (last.test_images, last.validation_images) == (1000, 400)
    assert last.test_accuracy == last.test_correct / 1000


def test_the_numbers_of_validation_test_and_snapshots_are_those_of_an_evaluation(digits: Dataset) -> None:
    spec = run(NOISY, images=200, batch_size=50, epochs=1)
    events = list(train(spec, digits))
    last = finished(events)
    net = build(spec.model, (1, 28, 28), 10)
    load_weights(net, last.weights)
    test = evaluate(net, digits.test.pixels, digits.test.labels, digits.card)
    assert test.correct == last.test_correct
    assert test.loss == pytest.approx(last.test_loss, rel=1e-5)
    held_out = split(digits, spec.data).validation
    pixels, labels = digits.train.pixels[held_out], digits.train.labels[held_out]
    validation = evaluate(net, pixels, labels, digits.card)
    told = of(Evaluated, events)[-1]
    assert (told.loss, told.accuracy) == pytest.approx((validation.loss, validation.accuracy), rel=1e-4)
    assert (last.validation_loss, last.validation_accuracy) == (told.loss, told.accuracy)

    snapshot = of(Snapshot, events)[-1]
    assert snapshot.step == last.step
    assert snapshot.complete
    assert all(np.array_equal(snapshot.weights[name], tensor) for name, tensor in last.weights.items())
    assert snapshot.confusion.sum() == snapshot.images == 100
    assert np.array_equal(snapshot.confusion.sum(1), np.bincount(labels[:100], minlength=10))
    assert np.diag(snapshot.confusion).sum() == (validation.predictions == labels)[:100].sum()
    assert snapshot.loss == pytest.approx(float(validation.losses[:100].mean()), rel=1e-4)
    assert snapshot.labels.tolist() == list(range(10))
    places = [held_out.tolist().index(probe) for probe in snapshot.probes]
    assert all(labels[:place].tolist().count(label) == 0 for label, place in enumerate(places))
    np.testing.assert_allclose(snapshot.probabilities, validation.probabilities[places], atol=1e-5)


def test_losses_and_accuracies_are_over_all_images_since_the_last_step(digits: Dataset) -> None:
    # 990 steps: logged every second one after the first five; batches of 30 and a short one of 20.
    spec = run(images=80, batch_size=30, epochs=330, optimizer="sgd", learning_rate=1e-3, schedule="constant")
    every: list[Step] = []
    for event in train(spec, digits):
        if isinstance(event, Step):
            every.append(event)
        if len(every) > 20:
            break
    assert [step.step for step in every[:8]] == [1, 2, 3, 4, 5, 6, 8, 10]
    net = build(spec.model, (1, 28, 28), 10, seed=0)
    chosen = split(digits, spec.data).train
    first = evaluate(net, digits.train.pixels[chosen], digits.train.labels[chosen], digits.card)
    # Hardly anything is learned in the first epoch, so its three steps weighted by size are the mean of all images.
    sizes = [30, 30, 20]
    assert sum(step.loss * n for step, n in zip(every, sizes, strict=False)) / 80 == pytest.approx(first.loss, rel=1e-3)
    assert every[7].accuracy * 50 == pytest.approx(round(every[7].accuracy * 50))  # steps 9 and 10: 20 and 30 images


RECIPES = [
    {"optimizer": "sgd", "learning_rate": 0.1, "schedule": "constant"},
    {"optimizer": "momentum", "learning_rate": 0.05, "schedule": "cosine", "label_smoothing": 0.1},
    {"optimizer": "adam", "schedule": "one_cycle", "augmentation": Augmentation(shift=2, rotate=10, elastic=1)},
    {"optimizer": "adamw", "schedule": "one_cycle", "patience": 2, "precision": "bfloat16"},
]


@pytest.mark.parametrize("model", [SMALL, NOISY], ids=["small", "noisy"])
@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe["optimizer"])
def test_a_run_goes_on_from_any_step_as_if_it_had_never_paused(
    digits: Dataset, tmp_path: Path, model: ModelSpec, recipe: dict[str, Any]
) -> None:
    spec = run(model, images=110, share=0.02, batch_size=25, epochs=3, **recipe)
    whole = list(train(spec, digits))
    again = list(train(spec, digits, wanted=lambda: True))
    assert same(dict(finished(whole).weights), dict(finished(again).weights))
    kept = {checkpoint.step: checkpoint for checkpoint in of(Checkpoint, again)}
    assert sorted(kept) == list(range(16))
    for step in (0, 4, 5, 12, 15):
        path = tmp_path / f"{step}.safetensors"
        checkpoint = read_checkpoint(path, write_checkpoint(path, kept[step]))
        torch.manual_seed(step)  # whatever the global generators are at
        rest = list(train(spec, digits, resume=checkpoint))
        assert same(dict(finished(rest).weights), dict(finished(whole).weights))
        assert finished(rest).test_correct == finished(whole).test_correct
        numbers = [(event.step, event.loss, event.accuracy) for event in of(Step, whole) if event.step > step]
        assert [(event.step, event.loss, event.accuracy) for event in of(Step, rest)] == numbers
        validations = {event.step: event.loss for event in of(Evaluated, whole)}
        assert {event.step: event.loss for event in of(Evaluated, rest)}.items() <= validations.items()


def test_a_pause_in_the_middle_of_a_validation_changes_nothing(
    digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "_EVALUATION_BATCH", 30)
    spec = run(images=100, share=0.03, batch_size=25, epochs=2, patience=1)
    whole = list(train(spec, digits))
    asked = []

    def wanted() -> bool:
        asked.append(True)
        return True

    mid = [event for event in train(spec, digits, wanted=wanted) if isinstance(event, Checkpoint) and event.step == 4]
    assert len(mid) >= 5  # several in one validation and one snapshot
    assert {checkpoint.state.evaluated for checkpoint in mid} == {3, 4}
    for checkpoint in mid:
        rest = list(train(spec, digits, resume=checkpoint))
        assert same(dict(finished(rest).weights), dict(finished(whole).weights))
        assert finished(rest).validation_loss == finished(whole).validation_loss


def test_the_last_steps_losses_survive_a_pause_between_two_logged_steps(digits: Dataset) -> None:
    spec = run(images=80, batch_size=30, epochs=330, optimizer="sgd", learning_rate=0.01)
    events = train(spec, digits, wanted=lambda: True)
    for event in events:
        if isinstance(event, Checkpoint) and event.step == 9:
            checkpoint = event
        if isinstance(event, Step) and event.step == 10:
            expected = event
            break
    assert checkpoint.unread.shape == (2, 1)
    rest = next(event for event in train(spec, digits, resume=checkpoint) if isinstance(event, Step))
    assert (rest.step, rest.loss, rest.accuracy) == (10, expected.loss, expected.accuracy)


def test_patience_ends_the_run_and_the_best_epoch_is_kept(digits: Dataset) -> None:
    spec = run(images=60, batch_size=20, epochs=60, patience=3, optimizer="adam", learning_rate=0.01)
    events = list(train(spec, digits))
    last = finished(events)
    ends = [event for event in of(Evaluated, events) if event.step % 3 == 0]
    losses = [event.loss for event in ends]
    best = int(np.argmin(losses))
    assert last.stopped_early
    assert len(losses) == best + 1 + 3 < 60
    assert (last.weights_step, last.validation_loss) == (3 * (best + 1), losses[best])
    at_best = next(one for one in of(Checkpoint, events) if one.step == last.weights_step)
    assert same(dict(last.weights), dict(at_best.weights))
    assert not same(dict(last.weights), dict(of(Checkpoint, events)[-1].weights))
    assert of(Snapshot, events)[-1].step == last.step


def test_a_divergence_names_its_step_and_its_likely_cause(digits: Dataset) -> None:
    spec = run(optimizer="sgd", learning_rate=10.0, schedule="constant", batch_size=10, epochs=9, precision="bfloat16")
    spec = spec.model_copy(update={"train": spec.train.model_copy(update={"weight_decay": 1.0})})
    seen: list[Event] = []
    with pytest.raises(
        TrainingError, match=r"diverged at step \d+,.*learning rate of 10 .*sgd.*bfloat16.*1 or less"
    ) as fault:
        collect(train(spec, digits, wanted=lambda: True), seen)
    step = int(re.findall(r"step (\d+)", str(fault.value))[0])
    assert step > max(checkpoint.step for checkpoint in of(Checkpoint, seen)) >= 1
    for checkpoint in of(Checkpoint, seen):
        assert all(bool(tensor.isfinite().all()) for tensor in checkpoint.weights.values())


@pytest.mark.parametrize(("wanted", "told"), [(13, 13), (15, 14), (99, 14)])
def test_weights_that_are_no_numbers_end_the_run_and_never_reach_a_checkpoint(
    digits: Dataset, monkeypatch: pytest.MonkeyPatch, wanted: int, told: int
) -> None:
    take_step, taken = Learner.take_step, [0]

    def spoil(learner: Learner) -> None:
        take_step(learner)
        taken[0] = learner.step
        if learner.step == 13:  # its own loss is still a number; the next logged step is 16
            with torch.no_grad():
                learner.network.output.bias[3] = float("nan")

    monkeypatch.setattr(Learner, "take_step", spoil)
    spec = run(images=200, share=0.02, batch_size=20, epochs=200, optimizer="sgd", learning_rate=0.01)
    seen: list[Event] = []
    with pytest.raises(TrainingError, match=f"diverged at step {told},"):
        collect(train(spec, digits, wanted=lambda: taken[0] >= wanted), seen)
    assert taken[0] == min(wanted, 16)
    assert [checkpoint.step for checkpoint in of(Checkpoint, seen)] == [10]


def test_the_same_seed_gives_the_same_bits_and_another_one_others(digits: Dataset) -> None:
    def weights(**recipe: Any) -> dict[str, Any]:
        spec = run(
            NOISY, images=100, share=0.02, batch_size=40, epochs=1, augmentation=Augmentation(scale=0.1), **recipe
        )
        return dict(finished(list(train(spec, digits))).weights)

    first = weights(seed=5)
    torch.rand(7)
    assert same(weights(seed=5), first)
    assert not same(weights(seed=6), first)
    assert not same(weights(seed=5, precision="bfloat16"), first)


def test_a_checkpoint_of_another_run_or_other_data_is_refused(digits: Dataset) -> None:
    spec = run(images=100, batch_size=50, epochs=1)
    checkpoint = next(event for event in train(spec, digits) if isinstance(event, Checkpoint))
    renamed = spec.model_copy(update={"name": "another name"})
    assert list(train(renamed, digits, resume=checkpoint))
    with pytest.raises(TrainingError, match="another network or recipe"):
        next(train(run(images=100, batch_size=51, epochs=1), digits, resume=checkpoint))
    with pytest.raises(TrainingError, match="images of MNIST are not the ones"):
        next(train(spec, dataclasses.replace(digits, fingerprint="others"), resume=checkpoint))
    weights = {name: tensor[:1] for name, tensor in checkpoint.weights.items()}
    with pytest.raises(WeightsError, match="this network needs"):
        next(train(spec, digits, resume=dataclasses.replace(checkpoint, weights=weights)))
    for tensors in ({"conv9.weight/exp_avg": torch.zeros(3)}, {"conv1.weight/exp_avg": torch.zeros(3)}):
        with pytest.raises(WeightsError, match="the checkpoint"):
            next(train(spec, digits, resume=dataclasses.replace(checkpoint, optimizer=tensors)))


def test_batch_normalisation_never_meets_a_single_image_where_that_can_be_avoided(digits: Dataset) -> None:
    events = list(train(run(NOISY, images=101, share=0.02, batch_size=50, epochs=1), digits))
    assert [step.step for step in of(Step, events)] == [1, 2]
    with pytest.raises(TrainingError, match="batch normalisation can't work on 1 image at a time: use a larger batch"):
        list(train(run(NOISY, images=20, share=0.02, batch_size=1, epochs=1), digits))


def test_what_cannot_work_is_said_at_once(digits: Dataset) -> None:
    too_large = ModelSpec(layers=(Conv(kernels=3, kernel_size=31), Flatten(), Output()))
    with pytest.raises(SpecError, match="31×31 kernel can't slide"):
        next(train(run(too_large), digits))
    if not torch.cuda.is_available():
        with pytest.raises(TrainingError, match="no cuda device here"):
            next(train(run(device="cuda"), digits))


@pytest.mark.parametrize(
    ("limit", "names", "most"),
    [(10**9, 8, 24), (4 * 12_079 * 3, 8, 3), (4 * 12_079 + 1, 1, 24), (100, 0, 24)],
    ids=["room for all", "for three", "for first layers", "for none"],
)
def test_snapshots_of_large_networks_are_fewer_or_smaller(
    digits: Dataset, monkeypatch: pytest.MonkeyPatch, limit: int, names: int, most: int
) -> None:
    monkeypatch.setattr(engine, "SNAPSHOT_BYTES", limit)
    layers = (Conv(kernels=4, kernel_size=3, stride=3), Flatten(), Dense(units=36), Dense(units=7), Output())
    model = ModelSpec(layers=layers)
    size = sum(tensor.numel() for tensor in build(model, (1, 28, 28), 10).state_dict().values())
    assert size == 12_079
    snapshots = of(Snapshot, list(train(run(model, images=100, share=0.02, batch_size=10, epochs=4), digits)))
    assert {len(snapshot.weights) for snapshot in snapshots} == {names}
    assert {snapshot.complete for snapshot in snapshots} == {names == 8}
    assert len(snapshots) <= most
    assert [snapshot.step for snapshot in snapshots][:: len(snapshots) - 1] == [0, 40]
    assert all((snapshot.kernels is not None) == (names > 0) for snapshot in snapshots)
    assert sum(array.nbytes for snapshot in snapshots for array in snapshot.weights.values()) <= limit


WITHOUT_COMPILER = """
import sys
from training_helpers import run
from explorer.data import load
from explorer.training.engine import train
for optimizer in ("sgd", "momentum", "adam", "adamw"):
    list(train(run(images=100, share=0.02, batch_size=50, epochs=1, optimizer=optimizer), load("mnist")))
print("torch._dynamo" in sys.modules)
"""


def test_no_training_waits_for_torch_s_compiler() -> None:
    """Loading it takes two seconds, and nothing is compiled."""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    done = subprocess.run([sys.executable, "-c", WITHOUT_COMPILER], env=environment, capture_output=True, text=True)
    assert done.stdout == "False\n", done.stderr
