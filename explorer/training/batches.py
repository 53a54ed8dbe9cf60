"""Which images each step takes, in which order, and what its random numbers begin with.

All of it follows from the run's seed and the number of the epoch or step, so that a run that goes on after a pause
needs no generator's state, and takes exactly the images that it would have taken.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from torch import Tensor

_STREAMS = {"order": 1, "augmentation": 2, "dropout": 3}


def seed_of(seed: int, stream: Literal["order", "augmentation", "dropout"], number: int) -> int:
    """A seed of 32 bits for one epoch's order or one step's random numbers, by NumPy's SeedSequence, which mixes well:
    neighbouring steps and seeds get unrelated ones."""
    return int(np.random.SeedSequence((seed, _STREAMS[stream], number)).generate_state(1)[0])


def order(images: int, seed: int, epoch: int) -> Tensor:
    """The order in which the training images are seen in an epoch (counted from 0): a permutation (images,), int64 on
    the CPU, the same on every device."""
    generator = torch.Generator().manual_seed(seed_of(seed, "order", epoch))
    return torch.randperm(images, generator=generator)


def bounds(images: int, batch_size: int, *, pairs: bool) -> list[tuple[int, int]]:
    """Where each batch of an epoch begins and ends in its order. Every image has its turn: the last batch is short.

    With ``pairs`` a last batch of a single image joins the one before, for batch normalisation can't work with one.
    """
    starts = list(range(0, images, batch_size))
    if pairs and len(starts) > 1 and images - starts[-1] == 1 < batch_size:
        starts.pop()
    return list(zip(starts, [*starts[1:], images], strict=True))
