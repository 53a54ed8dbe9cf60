"""In which precision and memory format, and on how many threads, a network trains fastest on this device: found by
trying.

No rule would do. A CPU with bfloat16 arithmetic may train faster in it than in float32; on one without it the article's
network was at a tenth of the speed. With channels last the article's network takes 25 % less time a step on two threads
of an AVX2 machine, other networks more, and on one thread less again. Nor does every network gain from every core. What
did not pay where it was measured is not tried: ``torch.compile`` (AVX2: LeNet-5 and ``tiny`` 5 to 9 % faster after
compiling for 15 to 36 s; AVX-512: 9 and 16 % after 8 to 15 s, more than a run of a minute gains; the article's network
slower on both).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median
from typing import NamedTuple

import torch

from explorer.data import Dataset
from explorer.errors import TrainingError
from explorer.spec import RunSpec
from explorer.training.choice import Choice, of_recipe, on_threads
from explorer.training.device import check, computes_bfloat16
from explorer.training.learner import Learner

WORTH_SECONDS, WORTH_STEPS = 30.0, 200
"""What a run must take at least for the few seconds of a comparison, which is kept, to pay for themselves."""
WORTH_A_GLANCE = 8.0
"""Seconds of a run from which on a second is spent on trying bfloat16, where there are instructions for it."""

_WARM_UP = 3
_TURNS, _TURN_SECONDS = 7, 0.07  # of each side, one after the other; a turn is a step at least
_GAIN = 1.05  # or it is noise
_COARSER_GAIN = 1.15  # coarser numbers need a reason
_HOPELESS = 3.0  # times the other's time: such a step isn't taken again

_TOO_SHORT = "the run is too short for comparing"
_SHORT = f"{_TOO_SHORT} more"


class Way(NamedTuple):
    """How a run may be computed: nothing in its recipe is left open."""

    spec: RunSpec
    threads: int


Speeds = Callable[[Way, Way | None], tuple[float, float]]
"""Images a second in one way, 0 where they are clearly fewer, and in the other that is measured beside it, turn by
turn, so that what else the machine does falls on both alike."""


def choose(
    spec: RunSpec,
    data: Dataset,
    device: torch.device,
    *,
    threads: int,
    fewer_threads: bool = True,
    speeds: Speeds | None = None,
) -> Choice:
    """What ``spec`` trains fastest with on this device, on ``threads`` threads or, if allowed, a half, a quarter …

    Where the recipe names a precision or a memory format, that is kept. Steps are taken by networks made for it and
    thrown away, and torch's number of threads is put back; nothing else changes but torch's global generators, where
    there is dropout. ``speeds`` are measured, unless given. Raises as :func:`~explorer.training.engine.train` does.
    """
    precision, layout = of_recipe(spec.train)
    chosen = Choice(precision=precision, memory_format=layout, threads=threads, compared=False, why="")
    if _images(spec, data) / spec.train.batch_size < WORTH_STEPS:
        return chosen.model_copy(update={"why": _TOO_SHORT})
    trial = _Trial(spec, device, speeds or _Measured(data, device))
    seconds = _images(spec, data) / trial.alone(chosen)
    if seconds < WORTH_SECONDS:
        if seconds >= WORTH_A_GLANCE and spec.train.precision == "auto" and computes_bfloat16(device):
            chosen = trial.better(chosen, _COARSER_GAIN, precision="bfloat16")
        return chosen.model_copy(update={"why": f"{trial.words}; {_SHORT}"})
    layout_open = spec.model.convolves and spec.train.memory_format == "auto"
    if layout_open:
        chosen = trial.better(chosen, _GAIN, memory_format="channels_first")
    while fewer_threads and device.type == "cpu" and chosen.threads > 1:
        before = chosen
        chosen = trial.better(chosen, _GAIN, threads=chosen.threads // 2)
        if chosen == before:
            break
    if layout_open and chosen.threads < threads:  # with fewer threads another one may win
        other = "channels_last" if chosen.memory_format == "channels_first" else "channels_first"
        chosen = trial.better(chosen, _GAIN, memory_format=other)
    if spec.train.precision == "auto" and _possible(device):
        coarser = trial.better(chosen, _COARSER_GAIN, precision="bfloat16")
        if layout_open and chosen.memory_format == "channels_first":  # with it the other one may win
            gain = _COARSER_GAIN if coarser == chosen else _GAIN
            coarser = trial.better(coarser, gain, precision="bfloat16", memory_format="channels_last")
        chosen = coarser
    return chosen.model_copy(update={"compared": True, "why": f"tried for a moment: {trial.words}"})


class _Trial:
    """Measures choices one after the other, and remembers in words what came out."""

    def __init__(self, spec: RunSpec, device: torch.device, speeds: Speeds) -> None:
        self._spec, self._device, self._speeds = spec, device, speeds
        self._found: list[str] = []

    @property
    def words(self) -> str:
        return ", ".join(self._found)

    def alone(self, choice: Choice) -> float:
        """Images a second."""
        found, _ = self._speeds(self._way(choice), None)
        self._found.append(self._words(choice, found))
        return found

    def better(self, choice: Choice, gain: float, **other: object) -> Choice:
        """The choice with something else in it, if it is faster by the factor ``gain`` at least, else as it was."""
        changed = choice.model_copy(update=other)
        found, beside = self._speeds(self._way(changed), self._way(choice))
        self._found.append(self._words(changed, found))
        return changed if found >= gain * beside else choice

    def _way(self, choice: Choice) -> Way:
        return Way(choice.settle(self._spec), choice.threads)

    def _words(self, choice: Choice, speed: float) -> str:
        layout = f" {choice.memory_format.replace('_', ' ')}" if self._spec.model.convolves else ""
        where = f" {on_threads(choice.threads)}" if self._device.type == "cpu" else ""
        return f"{choice.precision}{layout}{where} {f'{speed:,.0f} images/s' if speed else 'far slower'}"


def _images(spec: RunSpec, data: Dataset) -> float:
    """How many a run trains on, each as often as it has its turn."""
    there = len(data.train) * (1 - spec.data.validation_share)
    return min(spec.data.train_size or there, there) * spec.train.epochs


class _Measured:
    def __init__(self, data: Dataset, device: torch.device) -> None:
        self._data, self._device = data, device
        self._learners: dict[Way, Learner] = {}

    def __call__(self, way: Way, beside: Way | None) -> tuple[float, float]:
        before = torch.get_num_threads()
        try:
            return self._both(way, beside)
        finally:
            torch.set_num_threads(before)

    def _both(self, way: Way, beside: Way | None) -> tuple[float, float]:
        ways = [way] if beside is None else [way, beside]
        batch = min(way.spec.train.batch_size, len(self._learner(way).images))
        warm = [self._steps(each, _WARM_UP) for each in ways[1:]]
        if beside is not None and self._steps(way, 1) > _HOPELESS * warm[0]:
            return 0.0, batch / warm[0]
        warm.insert(0, self._steps(way, _WARM_UP))
        count = [max(1, round(_TURN_SECONDS / seconds)) for seconds in warm]
        turns = [[self._steps(each, steps) for each, steps in zip(ways, count, strict=True)] for _ in range(_TURNS)]
        found = [batch / median(times) for times in zip(*turns, strict=True)]
        return found[0], found[-1]

    def _learner(self, way: Way) -> Learner:
        if way not in self._learners:
            torch.set_num_threads(way.threads)
            self._learners[way] = Learner(way.spec, self._data, self._device, weights={})
            self._steps(way, 1)  # the very first one loads and prepares
        return self._learners[way]

    def _steps(self, way: Way, count: int) -> float:
        """Seconds of one of so many steps, with the wait for the device at their end."""
        learner = self._learner(way)
        torch.set_num_threads(way.threads)
        began = time.perf_counter()
        for _ in range(count):
            learner.take_step()
        learner.drain()
        return (time.perf_counter() - began) / count


def _possible(device: torch.device) -> bool:
    try:
        check(device, "bfloat16")
    except TrainingError:
        return False
    return True
