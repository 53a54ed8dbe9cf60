"""Choices that were found by trying, kept on disk: the same network on the same machine is tried once."""

from __future__ import annotations

import hashlib
import json
import logging
import platform

import torch

from explorer.data import Dataset
from explorer.errors import StoreError
from explorer.home import home
from explorer.machine import cores
from explorer.runs.artifacts import atomic_write
from explorer.spec import RunSpec
from explorer.training.calibrate import choose
from explorer.training.choice import Choice, of_recipe, read
from explorer.training.contention import times
from explorer.training.device import describe

_RULE = 3
"""To be raised whenever something else is tried, or otherwise: what was found before then counts no more."""
_OTHERS = 0.5
"""Cores that other programs may use while it is tried: with more, another run's say, what comes out is chance."""

log = logging.getLogger(__name__)


def recall(spec: RunSpec, data: Dataset, device: torch.device, *, threads: int, fewer_threads: bool) -> Choice:
    """As :func:`~.calibrate.choose`, from ``home()/calibrations`` where it was found before; what the recipe says, and
    float32 and channels last for what it leaves open, where other programs compute at the same time."""
    path = home() / "calibrations" / f"{_key(spec, device, threads, fewer_threads)}.json"
    kept = read(path)
    if kept is not None:
        return kept
    before = times()
    found = choose(spec, data, device, threads=threads, fewer_threads=fewer_threads)
    wall, own, idle, total = (late - early for early, late in zip(before, times(), strict=True))
    if not found.compared:
        return found
    if total - own - idle > _OTHERS * wall:
        precision, layout = of_recipe(spec.train)
        why = f"{precision}: others computed here meanwhile, so that comparing says nothing"
        return Choice(precision=precision, memory_format=layout, threads=threads, compared=False, why=why)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic_write(path, found.model_dump_json().encode())
    except (OSError, StoreError) as error:  # the run itself will say what is wrong with the disk
        log.warning("what was tried is not kept: %s", error)
    return found


def _key(spec: RunSpec, device: torch.device, threads: int, fewer_threads: bool) -> str:
    decides = {"optimizer", "batch_size", "augmentation", "precision", "memory_format"}
    recipe = spec.train.model_dump(mode="json", include=decides, exclude_none=True)
    # What the processor can, too: a home folder may be carried, or mounted, where bfloat16 is ten times slower.
    machine = [describe(device), platform.machine(), dict(torch.cpu.get_capabilities()), cores(), torch.__version__]
    what = [_RULE, spec.model.model_dump(mode="json"), spec.data.dataset, recipe, machine, threads, fewer_threads]
    return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:32]
