"""In which precision and memory format, and on how many threads, a network trains fastest on this device: found by
trying.

No rule would do. A CPU with bfloat16 arithmetic may train faster in it than in float32; on one without it the article's
network was at a tenth of the speed. With channels last the article's network takes 25 % less time a step on two threads
of an AVX2 machine, ``tiny`` 15 % more, and on one thread less again. Nor does every network gain from every core. What
did not pay where it was measured is not tried: ``torch.compile`` (LeNet-5 and ``tiny`` 5 to 9 % faster after compiling
for 15 to 36 s; the article's network slower).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median

import torch

from explorer.data import Dataset
from explorer.errors import TrainingError
from explorer.spec import RunSpec
from explorer.training.choice import Choice, of_recipe
from explorer.training.device import check
from explorer.training.learner import Learner

WORTH_SECONDS, WORTH_STEPS = 30.0, 200
"""What a run must take at least for the few seconds of a comparison, which is kept, to pay for themselves."""

_WARM_UP = 3
_SECONDS, _FEWEST = 0.5, 5  # of timed steps, whichever takes longer
_GAIN = 1.05  # or it is noise
_COARSER_GAIN = 1.15  # coarser numbers need a reason
_HOPELESS = 2.0  # times the best one's time: such a step isn't taken again

_SHORT = "the run is too short for comparing others"

Speed = Callable[[RunSpec, int, float], float]
"""Images a second of a recipe on so many threads; 0 where it is clearly below the given speed."""


def choose(
    spec: RunSpec,
    data: Dataset,
    device: torch.device,
    *,
    threads: int,
    fewer_threads: bool = True,
    speed: Speed | None = None,
) -> Choice:
    """What ``spec`` trains fastest with on this device, on ``threads`` threads or, if allowed, a half, a quarter …

    Where the recipe names a precision or a memory format, that is kept. Steps are taken by networks made for it and
    thrown away, and torch's number of threads is put back; nothing else changes but torch's global generators, where
    there is dropout. ``speed`` is measured, unless given. Raises as :func:`~explorer.training.engine.train` does.
    """
    precision, layout = of_recipe(spec.train)
    chosen = Choice(precision=precision, memory_format=layout, threads=threads, compared=False, why="")
    if _images(spec, data) / spec.train.batch_size < WORTH_STEPS:
        return chosen.model_copy(update={"why": f"{precision}: {_SHORT}"})
    trial = _Trial(spec, device, speed or _Measured(data, device))
    best = trial(chosen, 0.0)
    if _images(spec, data) / best < WORTH_SECONDS:
        return chosen.model_copy(update={"why": f"{trial.words}; {_SHORT}"})
    layout_open = spec.model.convolves and spec.train.memory_format == "auto"
    if layout_open:
        chosen, best = trial.better(chosen, best, _GAIN, memory_format="channels_first")
    while fewer_threads and device.type == "cpu" and chosen.threads > 1:
        before = chosen
        chosen, best = trial.better(chosen, best, _GAIN, threads=chosen.threads // 2)
        if chosen == before:
            break
    if layout_open and chosen.threads < threads:  # with fewer threads another one may win
        other = "channels_last" if chosen.memory_format == "channels_first" else "channels_first"
        chosen, best = trial.better(chosen, best, _GAIN, memory_format=other)
    if spec.train.precision == "auto" and _possible(device):
        layouts = {chosen.memory_format, "channels_last"} if layout_open else {chosen.memory_format}
        tried = [
            trial.better(chosen, best, _COARSER_GAIN, precision="bfloat16", memory_format=layout)
            for layout in sorted(layouts)
        ]
        chosen, best = max(tried, key=lambda pair: pair[1])
    return chosen.model_copy(update={"compared": True, "why": f"tried for a moment: {trial.words}"})


class _Trial:
    """Measures choices one after the other, and remembers in words what came out."""

    def __init__(self, spec: RunSpec, device: torch.device, speed: Speed) -> None:
        self._spec, self._device, self._speed = spec, device, speed
        self._found: list[str] = []

    @property
    def words(self) -> str:
        return ", ".join(self._found)

    def __call__(self, choice: Choice, best: float) -> float:
        """Images a second, 0 where they are clearly fewer than ``best``."""
        found = self._speed(choice.settle(self._spec), choice.threads, best)
        self._found.append(self._words(choice, found))
        return found

    def better(self, choice: Choice, best: float, gain: float, **other: object) -> tuple[Choice, float]:
        """The choice with something else in it, if it is faster by the factor ``gain`` at least, else as it was."""
        changed = choice.model_copy(update=other)
        found = self(changed, best)
        return (changed, found) if found >= gain * best else (choice, best)

    def _words(self, choice: Choice, speed: float) -> str:
        layout = f" {choice.memory_format.replace('_', ' ')}" if self._spec.model.convolves else ""
        threads = f" on {'1 thread' if choice.threads == 1 else f'{choice.threads} threads'}"
        where = threads if self._device.type == "cpu" else ""
        return f"{choice.precision}{layout}{where} {f'{speed:,.0f} images/s' if speed else 'far slower'}"


def _images(spec: RunSpec, data: Dataset) -> float:
    """How many a run trains on, each as often as it has its turn."""
    there = len(data.train) * (1 - spec.data.validation_share)
    return min(spec.data.train_size or there, there) * spec.train.epochs


class _Measured:
    def __init__(self, data: Dataset, device: torch.device) -> None:
        self._data, self._device = data, device

    def __call__(self, spec: RunSpec, threads: int, best: float) -> float:
        before = torch.get_num_threads()
        torch.set_num_threads(threads)
        try:
            return self._speed(spec, best)
        finally:
            torch.set_num_threads(before)

    def _speed(self, spec: RunSpec, best: float) -> float:
        learner = Learner(spec, self._data, self._device, weights={})
        batch = min(spec.train.batch_size, len(learner.images))
        hopeless = _HOPELESS * batch / best if best else float("inf")
        for number in range(_WARM_UP):
            seconds = _step(learner)
            if number and seconds > hopeless:  # the very first one loads and prepares
                return 0.0
        times: list[float] = []
        while len(times) < _FEWEST or sum(times) < _SECONDS:
            times.append(_step(learner))
        return batch / median(times)


def _step(learner: Learner) -> float:
    """Seconds of one step, with the wait for the device."""
    began = time.perf_counter()
    learner.take_step()
    learner.drain()
    return time.perf_counter() - began


def _possible(device: torch.device) -> bool:
    try:
        check(device, "bfloat16")
    except TrainingError:
        return False
    return True
