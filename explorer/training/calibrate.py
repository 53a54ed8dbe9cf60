"""In which precision, and on how many threads, a network trains fastest on this device: found by trying.

No rule would do. A CPU with bfloat16 arithmetic may train faster in it than in float32; on one without it the article's
network was at a tenth of the speed. Nor does every network gain from every core. What did not pay where it was
measured (one thread, a busy AVX2 machine) is not tried: channels-first images (10 to 35 % slower for ``article``,
``lenet5`` and ``tiny``, see :class:`~.forward.Forward`), and ``torch.compile`` (LeNet-5 and ``tiny`` 5 to 9 % faster
after compiling for 15 to 36 s; the article's network slower).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median

import torch

from explorer.data import Dataset
from explorer.errors import TrainingError
from explorer.spec import ArithmeticName, RunSpec
from explorer.training.choice import Choice
from explorer.training.device import check
from explorer.training.learner import Learner

WORTH_SECONDS, WORTH_STEPS = 20.0, 200
"""What a run must take at least for the second or two of a comparison to pay for themselves."""

_WARM_UP = 3
_SECONDS, _FEWEST = 0.25, 5  # of timed steps, whichever takes longer
_GAIN = 1.15  # coarser numbers need a reason
_THREADS_GAIN = 1.05
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

    Where the recipe names a precision, that is kept. Steps are taken by networks made for it and thrown away, and
    torch's number of threads is put back, so nothing else changes. ``speed`` is measured, unless given.
    Raises as :func:`~explorer.training.engine.train` does.
    """
    wanted = spec.train.precision
    first: ArithmeticName = "float32" if wanted == "auto" else wanted
    size = spec.data.train_size or len(data.train) * (1 - spec.data.validation_share)
    images = size * spec.train.epochs
    if images / spec.train.batch_size < WORTH_STEPS:
        return Choice(precision=first, threads=threads, compared=False, why=f"{first}: {_SHORT}")
    measure = speed or _Measured(data, device)
    best = measure(with_precision(spec, first), threads, 0.0)
    words = [_words(first, threads, device, best)]
    if images / best < WORTH_SECONDS:
        return Choice(precision=first, threads=threads, compared=False, why=f"{words[0]}; {_SHORT}")
    chosen = threads
    while fewer_threads and device.type == "cpu" and chosen > 1:
        fewer = chosen // 2
        found = measure(with_precision(spec, first), fewer, best)
        words.append(_words(first, fewer, device, found))
        if found < _THREADS_GAIN * best:
            break
        best, chosen = found, fewer
    precision = first
    if wanted == "auto" and _possible(device):
        found = measure(with_precision(spec, "bfloat16"), chosen, best)
        words.append(_words("bfloat16", chosen, device, found))
        if found > _GAIN * best:
            precision = "bfloat16"
    return Choice(precision=precision, threads=chosen, compared=True, why="tried for a moment: " + ", ".join(words))


def with_precision(spec: RunSpec, precision: ArithmeticName) -> RunSpec:
    """The same run in a precision that is settled."""
    return spec.model_copy(update={"train": spec.train.model_copy(update={"precision": precision})})


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
    learner.unread().tolist()
    return time.perf_counter() - began


def _possible(device: torch.device) -> bool:
    try:
        check(device, "bfloat16")
    except TrainingError:
        return False
    return True


def _words(precision: str, threads: int, device: torch.device, speed: float) -> str:
    on = f" on {threads} thread{'s' if threads > 1 else ''}" if device.type == "cpu" else ""
    return f"{precision}{on} {f'{speed:,.0f} images/s' if speed else 'far slower'}"
