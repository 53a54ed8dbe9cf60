"""How a run is computed: the faster way is taken, where trying pays for itself, and the choice is kept with the run."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from training_helpers import NOISY, SMALL, run

from explorer.data import Dataset
from explorer.errors import TrainingError
from explorer.presets import PRESETS
from explorer.spec import ModelSpec, RunSpec
from explorer.training import calibrate, calibrations
from explorer.training.calibrate import Way, choose
from explorer.training.choice import Choice, read
from explorer.training.engine import train
from explorer.training.events import Checkpoint, Started

CPU = torch.device("cpu")
Tried = tuple[str, str, int]
"""Precision, memory format and number of threads."""


def measured(table: dict[Tried, float]) -> tuple[Callable[[Way, Way | None], tuple[float, float]], list[Tried]]:
    """What would be measured, and a list of what was asked for."""
    asked: list[Tried] = []

    def tried(way: Way) -> Tried:
        return way.spec.train.precision, way.spec.train.memory_format, way.threads

    def speeds(way: Way, beside: Way | None) -> tuple[float, float]:
        asked.append(tried(way))
        return table[tried(way)], table[tried(beside or way)]

    return speeds, asked


LAST, FIRST = "channels_last", "channels_first"


OPEN = {"precision": "auto", "memory_format": "auto"}


def long(model: ModelSpec = SMALL, **recipe: object) -> RunSpec:
    return run(model, images=4_000, batch_size=20, epochs=100, **recipe)


def test_the_fastest_precision_memory_format_and_number_of_threads_are_taken(digits: Dataset) -> None:
    table = {
        ("float32", LAST, 8): 1000.0,
        ("float32", FIRST, 8): 1100.0,
        ("float32", FIRST, 4): 1200.0,
        ("float32", FIRST, 2): 900.0,
        ("float32", LAST, 4): 1150.0,
        ("bfloat16", FIRST, 4): 1600.0,
        ("bfloat16", LAST, 4): 1700.0,
    }
    speeds, asked = measured(table)
    found = choose(long(**OPEN), digits, CPU, threads=8, speeds=speeds)
    assert (found.precision, found.memory_format, found.threads, found.compared) == ("bfloat16", LAST, 4, True)
    assert asked == list(table)
    for words in ("float32 channels last on 8 threads 1,000 images/s", "bfloat16 channels first on 4 threads 1,600"):
        assert words in found.why


def test_the_best_memory_format_of_one_precision_may_be_the_worst_of_the_other(digits: Dataset) -> None:
    table = {
        ("float32", LAST, 1): 1000.0,
        ("float32", FIRST, 1): 1150.0,
        ("bfloat16", FIRST, 1): 0.0,
        ("bfloat16", LAST, 1): 1900.0,
    }
    found = choose(long(**OPEN), digits, CPU, threads=1, speeds=measured(table)[0])
    assert (found.precision, found.memory_format) == ("bfloat16", LAST)


def test_with_fewer_threads_the_memory_format_is_tried_again(digits: Dataset) -> None:
    table = {("float32", LAST, 2): 1000.0, ("float32", FIRST, 2): 1100.0}
    table |= {("float32", FIRST, 1): 1200.0, ("float32", LAST, 1): 1300.0}
    found = choose(long(memory_format="auto"), digits, CPU, threads=2, speeds=measured(table)[0])
    assert (found.memory_format, found.threads) == (LAST, 1)


def test_a_run_is_as_long_as_there_are_images(digits: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibrate, "computes_bfloat16", lambda _: False)
    few = run(images=10_000_000, batch_size=20, epochs=10, **OPEN)
    speeds, asked = measured({("float32", LAST, 1): len(digits.train) * 9.01 / calibrate.WORTH_SECONDS})
    assert choose(few, digits, CPU, threads=1, speeds=speeds).compared is False
    assert len(asked) == 1


@pytest.mark.parametrize("first", [0.0, 1040.0])
def test_noise_is_no_reason_for_another_memory_format(digits: Dataset, first: float) -> None:
    speeds, _ = measured({("float32", LAST, 1): 1000.0, ("float32", FIRST, 1): first})
    found = choose(long(memory_format="auto"), digits, CPU, threads=1, speeds=speeds)
    assert (found.precision, found.memory_format) == ("float32", LAST)


def test_a_network_without_convolutions_has_no_memory_format_to_choose(digits: Dataset) -> None:
    speeds, asked = measured({("float32", LAST, 1): 1000.0})
    found = choose(long(PRESETS["mlp"].model, memory_format="auto"), digits, CPU, threads=1, speeds=speeds)
    assert asked == [("float32", LAST, 1)]
    assert "channels" not in found.why


@pytest.mark.parametrize("coarse", [0.0, 900.0, 1100.0])
def test_coarser_numbers_need_a_gain(digits: Dataset, coarse: float) -> None:
    speeds, _ = measured({("float32", LAST, 1): 1000.0, ("bfloat16", LAST, 1): coarse})
    found = choose(long(precision="auto"), digits, CPU, threads=1, speeds=speeds)
    assert found.precision == "float32"
    assert ("bfloat16 channels last on 1 thread far slower" in found.why) == (coarse == 0)


def test_what_a_recipe_names_is_kept(digits: Dataset) -> None:
    speeds, asked = measured({("bfloat16", FIRST, 2): 10.0, ("bfloat16", FIRST, 1): 5.0})
    found = choose(long(precision="bfloat16", memory_format=FIRST), digits, CPU, threads=2, speeds=speeds)
    assert (found.precision, found.memory_format, found.threads) == ("bfloat16", FIRST, 2)
    assert asked == [("bfloat16", FIRST, 2), ("bfloat16", FIRST, 1)]
    assert found.settle(long(precision="float32")).train.precision == "float32"
    speeds, asked = measured({("float32", LAST, 2): 10.0, ("bfloat16", LAST, 2): 50.0})
    found = choose(long(precision="auto"), digits, CPU, threads=2, fewer_threads=False, speeds=speeds)
    assert (found.precision, found.threads) == ("bfloat16", 2)


def test_short_runs_try_nothing(digits: Dataset) -> None:
    speeds, asked = measured({("float32", LAST, 2): 1e6})
    short = run(images=1_000, batch_size=20, epochs=1, **OPEN)
    assert choose(short, digits, CPU, threads=2, speeds=speeds).compared is False
    assert asked == []
    found = choose(long(**OPEN), digits, CPU, threads=2, speeds=speeds)  # 400,000 images: under a second
    assert (found.precision, found.memory_format, found.threads, found.compared) == ("float32", LAST, 2, False)
    assert "too short" in found.why
    assert asked == [("float32", LAST, 2)]


@pytest.mark.parametrize(
    ("able", "seconds", "coarse", "expected"),
    [
        (True, 10, 1.2, "bfloat16"),
        (True, 10, 1.1, "float32"),
        (True, 7, 1.5, "float32"),
        (False, 10, 1.5, "float32"),
    ],
)
def test_a_short_run_tries_bfloat16_alone_and_only_where_there_are_instructions_for_it(
    digits: Dataset, monkeypatch: pytest.MonkeyPatch, able: bool, seconds: float, coarse: float, expected: str
) -> None:
    monkeypatch.setattr(calibrate, "computes_bfloat16", lambda _: able)
    plain = 400_000 / seconds  # images a second
    speeds, asked = measured({("float32", LAST, 2): plain, ("bfloat16", LAST, 2): coarse * plain})
    found = choose(long(**OPEN), digits, CPU, threads=2, speeds=speeds)
    assert (found.precision, found.memory_format, found.threads) == (expected, LAST, 2)
    assert not found.compared  # nor kept: a longer run tries more
    assert (("bfloat16", LAST, 2) in asked) == (able and seconds > calibrate.WORTH_A_GLANCE)
    speeds, asked = measured({("float32", LAST, 2): plain})
    assert choose(long(precision="float32"), digits, CPU, threads=2, speeds=speeds).precision == "float32"


def test_measuring_changes_nothing_else(digits: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibrate, "WORTH_SECONDS", 0.0)
    monkeypatch.setattr(calibrate, "_TURN_SECONDS", 0.001)
    spec = run(NOISY, images=1_000, batch_size=50, epochs=50, **OPEN)
    found = choose(spec, digits, CPU, threads=2)
    assert found.compared
    assert torch.get_num_threads() == 1
    # The weights of a run whose choice was found by trying are those of a run that names it.
    short: dict[str, Any] = {"images": 100, "share": 0.02, "batch_size": 40, "epochs": 1, "seed": 3}
    last = [list(train(run(NOISY, **short, **recipe), digits))[-1] for recipe in (OPEN, {})]
    weights = [event.weights for event in last]  # type: ignore[union-attr]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


def test_a_run_goes_on_in_the_way_that_it_began_in(digits: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    picked = Choice(precision="bfloat16", memory_format="channels_first", threads=1, compared=True, why="so be it")
    monkeypatch.setattr("explorer.training.engine.choose", lambda *_, **__: picked)
    spec = run(NOISY, images=100, share=0.02, batch_size=40, epochs=2, **OPEN)
    events = list(train(spec, digits))
    checkpoint = next(event for event in events if isinstance(event, Checkpoint))
    assert next(event for event in events if isinstance(event, Started)).precision == "bfloat16"
    begun = checkpoint.state.spec.train
    assert (begun.precision, begun.memory_format) == ("bfloat16", "channels_first")
    monkeypatch.setattr("explorer.training.engine.choose", None)
    again = list(train(spec, digits, resume=checkpoint))
    assert next(event for event in again if isinstance(event, Started)).precision == "bfloat16"
    expected, resumed = events[-1].weights, again[-1].weights  # type: ignore[union-attr]
    assert all(torch.equal(expected[name], resumed[name]) for name in expected)


def test_a_checkpoint_from_before_memory_formats_goes_on(digits: Dataset) -> None:
    spec = run(NOISY, images=100, share=0.02, batch_size=40, epochs=2)
    events = list(train(spec, digits))
    kept = next(event for event in events if isinstance(event, Checkpoint))

    def with_layout(one: RunSpec, layout: str) -> RunSpec:
        return one.model_copy(update={"train": one.train.model_copy(update={"memory_format": layout})})

    state = kept.state.model_copy(update={"spec": with_layout(kept.state.spec, "auto")})
    old = dataclasses.replace(kept, state=state)
    for asked in (spec, with_layout(spec, "auto")):
        last = list(train(asked, digits, resume=old))[-1]
        weights, expected = last.weights, events[-1].weights  # type: ignore[union-attr]
        assert all(torch.equal(expected[name], weights[name]) for name in expected)
    with pytest.raises(TrainingError, match="another network or recipe"):
        next(iter(train(with_layout(spec, "channels_first"), digits, resume=old)))


def test_what_was_tried_beside_others_counts_for_nothing(
    digits: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KERNELSCOPE_HOME", str(tmp_path))
    picked = Choice(precision="bfloat16", memory_format=FIRST, threads=1, compared=True, why="so be it")
    monkeypatch.setattr(calibrations, "choose", lambda *_, **__: picked)
    # Clock, own seconds, idle seconds, all cores' seconds: two seconds, in which others used one of two cores.
    busy = iter([(0.0, 0.0, 0.0, 0.0), (2.0, 2.0, 0.0, 4.0)])
    monkeypatch.setattr(calibrations, "times", lambda: next(busy))
    found = calibrations.recall(long(**OPEN), digits, CPU, threads=2, fewer_threads=True)
    assert (found.precision, found.memory_format, found.threads, found.compared) == ("float32", LAST, 2, False)
    assert "others computed here meanwhile" in found.why
    assert not (tmp_path / "calibrations").exists()


def test_a_choice_from_before_memory_formats_is_read(tmp_path: Path) -> None:
    (tmp_path / "choice.json").write_text('{"precision": "bfloat16", "threads": 2, "compared": true, "why": "faster"}')
    found = read(tmp_path / "choice.json")
    assert found is not None
    assert (found.precision, found.memory_format, found.threads) == ("bfloat16", "channels_last", 2)


def test_what_was_tried_is_kept_on_disk(digits: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERNELSCOPE_HOME", str(tmp_path))
    picked = Choice(precision="bfloat16", memory_format="channels_first", threads=1, compared=True, why="so be it")
    calls = []

    def once(*_: object, **__: object) -> Choice:
        calls.append(1)
        return picked

    monkeypatch.setattr(calibrations, "choose", once)
    clock = itertools.count()
    monkeypatch.setattr(calibrations, "times", lambda: (float(next(clock)), 0.0, 0.0, 0.0))  # nobody else computes
    for _ in range(2):
        assert calibrations.recall(long(), digits, CPU, threads=2, fewer_threads=True) == picked
    assert len(calls) == 1
    calibrations.recall(long(optimizer="sgd"), digits, CPU, threads=2, fewer_threads=True)  # another recipe
    assert len(calls) == 2
    (kept, *_) = (tmp_path / "calibrations").glob("*.json")
    kept.write_text('{"precision": "float7"}')
    assert read(kept) is None
