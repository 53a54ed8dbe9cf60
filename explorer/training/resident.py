"""A data set on the training device: whole, as bytes, and from there to a network's input without a copy in between."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from explorer.data import Dataset, as_tensor, black, normalise, split
from explorer.data.augment import augment
from explorer.spec import RunSpec
from explorer.training.batches import bounds, order, seed_of

PROBES = 10


class Resident:
    """The training images of a run on its device, split, in the order and with the augmentation of its recipe.

    ``validation`` (V,) and ``probes`` (P,) are indices into them, int64; probes are the first validation image of each
    of the first ten classes. Raises DataError where the data can't be split.
    """

    def __init__(self, spec: RunSpec, data: Dataset, device: torch.device, *, pairs: bool) -> None:
        """``pairs``: no batch of a single image where that can be avoided, see :func:`~.batches.bounds`."""
        splits = split(data, spec.data)
        self.device, self._card, self._recipe = device, data.card, spec.train
        self._pixels = as_tensor(data.train.pixels).to(device)  # uint8 (N, C, H, W)
        self._labels = as_tensor(data.train.labels).to(device)
        self._chosen = torch.from_numpy(splits.train).to(device)
        self.validation = torch.from_numpy(splits.validation).to(device)
        self.probes = torch.from_numpy(_first_of_each_class(data.train.labels, splits.validation)).to(device)
        self._bounds = bounds(len(splits.train), spec.train.batch_size, pairs=pairs)
        self._fill = black(data.card)
        self._order: tuple[int, Tensor] | None = None  # of which epoch, and the images' indices in their order

    def __len__(self) -> int:
        return len(self._chosen)

    @property
    def steps_per_epoch(self) -> int:
        return len(self._bounds)

    def size(self, step: int) -> int:
        """The number of images that a step (counted from 0) trains on."""
        start, stop = self._bounds[step % len(self._bounds)]
        return stop - start

    def batch(self, step: int) -> tuple[Tensor, Tensor]:
        """A step's images, normalised and augmented float32 (B, C, H, W), and labels int64 (B,)."""
        epoch, place = divmod(step, len(self._bounds))
        if self._order is None or self._order[0] != epoch:
            shuffled = order(len(self), self._recipe.seed, epoch).to(self.device)
            self._order = epoch, self._chosen.index_select(0, shuffled)
        start, stop = self._bounds[place]
        indices = self._order[1][start:stop]
        images = self.images(indices)
        if self._recipe.augmentation:
            generator = torch.Generator(self.device).manual_seed(seed_of(self._recipe.seed, "augmentation", step))
            images = augment(images, self._recipe.augmentation, generator, fill=self._fill)
        return images, self.labels(indices)

    def images(self, indices: Tensor) -> Tensor:
        """Indices (B,) → normalised float32 (B, C, H, W)."""
        return normalise(self._pixels.index_select(0, indices), self._card)

    def labels(self, indices: Tensor) -> Tensor:
        """Indices (B,) → classes int64 (B,)."""
        return self._labels.index_select(0, indices)


def _first_of_each_class(labels: np.ndarray, candidates: np.ndarray) -> np.ndarray:
    """The first of ``candidates`` of each class, in the classes' order, at most ten: int64 (P,)."""
    _, first = np.unique(labels[candidates], return_index=True)
    return candidates[first[:PROBES]]
