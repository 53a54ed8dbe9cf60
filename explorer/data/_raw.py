"""Data sets as files in torchvision's layout (``MNIST/raw/train-images-idx3-ubyte``), read by torchvision's classes.

torchvision's reader tells a damaged file by whichever assertion or reshape fails first. So the headers are checked
before, and the error names the file. IDX: two zero bytes, the element type (8 is uint8), the number of dimensions,
their sizes as big-endian 32-bit integers, then the elements.
"""

from __future__ import annotations

import math
import os
from pathlib import Path

import numpy as np

from explorer.data._arrays import Arrays
from explorer.data.card import DataCard
from explorer.errors import DataError

CLASSES = {"mnist": "MNIST", "fashion_mnist": "FashionMNIST"}
"""torchvision's class of each data set, which is also its folder's name."""

_UINT8 = 8
_PARTS = {"train": "train", "test": "t10k"}


def files(card: DataCard) -> dict[str, int]:
    """The raw files' names, with the bytes that each holds for one image times the complete set's images."""
    pixels = math.prod(card.shape)
    counts = {"train": card.train_images, "t10k": card.test_images}
    return {
        f"{part}-{kind}-ubyte": size * count
        for part, count in counts.items()
        for kind, size in (("images-idx3", pixels), ("labels-idx1", 1))
    }


def folder(root: Path, card: DataCard) -> Path:
    """Where torchvision looks for the data set's files below ``root``."""
    return root / CLASSES[card.name] / "raw"


def missing(root: Path, card: DataCard) -> list[str]:
    """The names of the files that are not there, or cannot be read by this user."""
    return [name for name in files(card) if not os.access(folder(root, card) / name, os.R_OK)]


def stamp(root: Path, card: DataCard) -> list[tuple[int, int]]:
    """Size and time of change of each file: what tells quickly whether they are still the same."""
    facts = [(folder(root, card) / name).stat() for name in files(card)]
    return [(fact.st_size, fact.st_mtime_ns) for fact in facts]


def dimensions(path: Path, card: DataCard) -> tuple[int, ...]:
    """(N, H, W) of an image file, (N,) of a label file. Raises DataError if the file is not what its name says."""
    images = "images" in path.name
    length = 1 + (3 if images else 1)
    try:
        with path.open("rb") as file:
            header = file.read(4 * length)
        size = path.stat().st_size
    except OSError as error:
        raise damaged(path, card, f"cannot be read ({error.strerror})") from error
    if header[:4] != bytes((0, 0, _UINT8, length - 1)) or len(header) < 4 * length:
        raise damaged(path, card, f"is not an IDX file of {'images' if images else 'labels'}")
    shape = tuple(int(value) for value in np.frombuffer(header, ">u4")[1:])
    if size != 4 * length + math.prod(shape):
        raise damaged(path, card, f"should be {4 * length + math.prod(shape):,} bytes long and is {size:,}")
    if images and shape[1:] != card.shape[1:]:
        raise damaged(path, card, f"holds images of {shape[1]}×{shape[2]}, not {card.shape[1]}×{card.shape[2]}")
    if shape[0] == 0:
        raise damaged(path, card, "is empty")
    return shape


def read(root: Path, card: DataCard) -> Arrays:
    """All images and labels below ``root``. Raises DataError naming the file that is damaged."""
    place = folder(root, card)
    shapes = {}
    for part, prefix in _PARTS.items():
        images = dimensions(place / f"{prefix}-images-idx3-ubyte", card)
        labels = dimensions(place / f"{prefix}-labels-idx1-ubyte", card)
        if images[:1] != labels:
            raise damaged(
                place / f"{prefix}-labels-idx1-ubyte", card, f"holds {labels[0]:,} labels for {images[0]:,} images"
            )
        shapes[part] = images

    from explorer._torchvision import torchvision  # here, so that a cached data set needs no torch

    arrays: Arrays = {}
    for part, prefix in _PARTS.items():
        try:
            dataset = getattr(torchvision.datasets, CLASSES[card.name])(root, train=part == "train")
            pixels, labels = dataset.data.numpy(), dataset.targets.numpy()
        except Exception as error:
            raise _outdated(place, card) from error
        if pixels.shape != shapes[part] or labels.shape != shapes[part][:1]:
            raise _outdated(place, card)
        if labels.max() >= len(card.classes):
            fault = f"holds the label {labels.max()}, and the classes end at {len(card.classes) - 1}"
            raise damaged(place / f"{prefix}-labels-idx1-ubyte", card, fault)
        arrays[f"{part}_pixels"] = pixels[:, None]  # (N, H, W) → (N, C, H, W)
        arrays[f"{part}_labels"] = labels
    return arrays


def damaged(path: Path, card: DataCard, fault: str) -> DataError:
    """The error for a file that is not what it should be, with the remedy."""
    return DataError(f"{path} {fault}. Delete the file and get it again: python -m explorer data --dataset {card.name}")


def _outdated(place: Path, card: DataCard) -> DataError:
    """The raw files were whole a moment ago, so it is the files that torchvision's class prefers where they exist."""
    return DataError(
        f"torchvision reads other images of {card.title} than those in {place}: delete {place.with_name('processed')}, "
        "left by an old torchvision"
    )
