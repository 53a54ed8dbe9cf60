"""How a run is computed: the faster way is taken, where trying pays for itself, and the choice is kept with the run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from training_helpers import NOISY, run

from explorer.data import Dataset
from explorer.spec import RunSpec
from explorer.training import calibrate, calibrations
from explorer.training.calibrate import choose, with_precision
from explorer.training.choice import Choice, read
from explorer.training.engine import train
from explorer.training.events import Checkpoint, Started

CPU = torch.device("cpu")
Asked = list[tuple[str, int]]


def speeds(table: dict[tuple[str, int], float]) -> tuple[Callable[[RunSpec, int, float], float], Asked]:
    """What would be measured, and a list of what was asked for."""
    asked: Asked = []

    def speed(spec: RunSpec, threads: int, best: float) -> float:
        asked.append((spec.train.precision, threads))
        return table[asked[-1]]

    return speed, asked


def long(**recipe: object) -> RunSpec:
    return run(images=4_000, batch_size=20, epochs=100, **recipe)


def test_the_fastest_precision_and_number_of_threads_are_taken(digits: Dataset) -> None:
    table = {("float32", 8): 1000.0, ("float32", 4): 1200.0, ("float32", 2): 900.0, ("bfloat16", 4): 1600.0}
    speed, asked = speeds(table)
    found = choose(long(precision="auto"), digits, CPU, threads=8, speed=speed)
    assert (found.precision, found.threads, found.compared) == ("bfloat16", 4, True)
    assert asked == list(table)
    for words in ("float32 on 8 threads 1,000 images/s", "bfloat16 on 4 threads 1,600 images/s"):
        assert words in found.why


@pytest.mark.parametrize("coarse", [0.0, 900.0, 1100.0])
def test_coarser_numbers_need_a_gain(digits: Dataset, coarse: float) -> None:
    speed, _ = speeds({("float32", 1): 1000.0, ("bfloat16", 1): coarse})
    found = choose(long(precision="auto"), digits, CPU, threads=1, speed=speed)
    assert found.precision == "float32"
    assert ("bfloat16 on 1 thread far slower" in found.why) == (coarse == 0)


def test_what_a_recipe_names_is_kept(digits: Dataset) -> None:
    speed, asked = speeds({("bfloat16", 2): 10.0, ("bfloat16", 1): 5.0})
    found = choose(long(precision="bfloat16"), digits, CPU, threads=2, speed=speed)
    assert (found.precision, found.threads) == ("bfloat16", 2)
    assert asked == [("bfloat16", 2), ("bfloat16", 1)]
    speed, asked = speeds({("float32", 2): 10.0, ("bfloat16", 2): 50.0})
    found = choose(long(precision="auto"), digits, CPU, threads=2, fewer_threads=False, speed=speed)
    assert (found.precision, found.threads) == ("bfloat16", 2)


def test_short_runs_try_nothing(digits: Dataset) -> None:
    speed, asked = speeds({("float32", 2): 1e6})
    assert choose(run(images=1_000, batch_size=20, epochs=1), digits, CPU, threads=2, speed=speed).compared is False
    assert asked == []
    found = choose(long(precision="auto"), digits, CPU, threads=2, speed=speed)  # 400,000 images: under a second
    assert (found.precision, found.threads, found.compared) == ("float32", 2, False)
    assert "too short" in found.why
    assert asked == [("float32", 2)]


def test_measuring_changes_nothing_else(digits: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibrate, "WORTH_SECONDS", 0.0)
    monkeypatch.setattr(calibrate, "_SECONDS", 0.01)
    spec = run(NOISY, images=1_000, batch_size=50, epochs=50, precision="auto")
    found = choose(spec, digits, CPU, threads=2)
    assert found.compared
    assert torch.get_num_threads() == 1
    # The weights of a run whose precision was found by trying are those of a run that names it.
    short = run(NOISY, images=100, share=0.02, batch_size=40, epochs=1, seed=3)
    last = [list(train(with_precision(short, name), digits))[-1] for name in ("auto", "float32")]  # type: ignore[arg-type]
    weights = [event.weights for event in last]  # type: ignore[union-attr]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


def test_a_run_goes_on_in_the_precision_that_it_began_in(digits: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    picked = Choice(precision="bfloat16", threads=1, compared=True, why="so be it")
    monkeypatch.setattr("explorer.training.engine.choose", lambda *_, **__: picked)
    spec = run(NOISY, images=100, share=0.02, batch_size=40, epochs=2, precision="auto")
    events = list(train(spec, digits))
    checkpoint = next(event for event in events if isinstance(event, Checkpoint))
    assert next(event for event in events if isinstance(event, Started)).precision == "bfloat16"
    assert checkpoint.state.spec.train.precision == "bfloat16"
    monkeypatch.setattr("explorer.training.engine.choose", None)
    again = list(train(spec, digits, resume=checkpoint))
    assert next(event for event in again if isinstance(event, Started)).precision == "bfloat16"
    expected, resumed = events[-1].weights, again[-1].weights  # type: ignore[union-attr]
    assert all(torch.equal(expected[name], resumed[name]) for name in expected)


def test_what_was_tried_is_kept_on_disk(digits: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERNELSCOPE_HOME", str(tmp_path))
    picked = Choice(precision="bfloat16", threads=1, compared=True, why="so be it")
    calls = []

    def once(*_: object, **__: object) -> Choice:
        calls.append(1)
        return picked

    monkeypatch.setattr(calibrations, "choose", once)
    for _ in range(2):
        assert calibrations.recall(long(), digits, CPU, threads=2, fewer_threads=True) == picked
    assert len(calls) == 1
    calibrations.recall(long(optimizer="sgd"), digits, CPU, threads=2, fewer_threads=True)  # another recipe
    assert len(calls) == 2
    (kept, *_) = (tmp_path / "calibrations").glob("*.json")
    kept.write_text('{"precision": "float7"}')
    assert read(kept) is None
